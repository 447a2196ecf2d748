//! From a frozen selection to pages that people look at, and after approval to the package that leaves (spec legal-release.md
//! §8, §11).
//!
//! A [`Plan`] holds everything that pages are made from; a [`BuildRecord`] adds what approval brought: numbers, times, who
//! approved, where that stands in the access log. The same record with the same software gives the same bytes.
//!
//! Not for: moves of the request (`workflow`), or the form of a package (`package`).

use serde::{Deserialize, Serialize};

use crate::access::Permit;
use crate::config::Config;
use crate::query::Archive;
use crate::release::package::manifest;
use crate::release::package::sha256_hex;
use crate::release::request::{Formats, Party};
use crate::release::shelf::Shelf;

/// Version of both forms.
pub const VERSION: u32 = 1;

/// What a build reads from, and where it puts what it makes.
#[derive(Clone, Copy, Debug)]
pub struct Workshop<'a> {
    pub archive: &'a Archive,
    /// Covers the person of the plan.
    pub permit: &'a Permit,
    pub shelf: &'a Shelf,
    pub config: &'a Config,
    /// Threads that set pages; 0: as many as the machine has.
    pub threads: usize,
}

/// Everything that the pages of one subject are made from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    pub v: u32,
    pub request: String,
    pub subject: usize,
    pub selection_sha256: String,
    /// `None`: nothing is redacted.
    pub redactions_sha256: Option<String>,
    /// Items that were decided to stay out, by their number in the selection.
    pub excluded: Vec<usize>,
    /// RFC 3339: when the request came in, and when the preview was asked for; the pages of the preview say so.
    pub received: String,
    pub made: String,
    pub requester: Party,
    pub recipient: Party,
    /// Code and words of the legal basis, with its citation.
    pub authority: manifest::Coded,
    pub citation: String,
    pub purpose: String,
    pub formats: Formats,
    /// The certificate, when one is wanted: name of its template and SHA-256 of the text.
    pub certificate: Option<Text>,
    /// The notices that go with it, by the classes of what is chosen and the basis.
    pub notices: Vec<Text>,
    /// A copy of the consent goes with the records: digests of these papers.
    pub consents: Vec<String>,
    /// Where a volume ends: pages and bytes.
    pub volume_pages: u64,
    pub volume_bytes: u64,
    /// Prefix and digits of Bates numbers; `None`: pages bear none.
    pub bates: Option<(String, u8)>,
    pub generator: manifest::Generator,
}

/// A text of the site that goes into a package, as it was then.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    pub name: String,
    pub sha256: String,
}

/// What a package is made from: the plan, and what approval brought.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuildRecord {
    pub v: u32,
    pub plan_sha256: String,
    /// Digest of the preview's pages; they are made again and compared before anything else.
    pub pdf_sha256: String,
    /// UUID.
    pub package_id: String,
    /// RFC 3339: the approval.
    pub approved: String,
    /// Number of the first page; `None`: pages bear none.
    pub bates_first: Option<u64>,
    pub approvals: Vec<manifest::Approval>,
    /// Where the approval stands in the access log, with its proof in the package.
    pub audit: Option<manifest::Audit>,
    /// Digest of `audit-proof.json`.
    pub audit_proof_sha256: Option<String>,
    pub supersedes: Option<String>,
    /// Name of the key that signs.
    pub key: String,
}

impl Plan {
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::release::canonical(self)
    }

    pub fn digest(&self) -> String {
        sha256_hex(&self.to_bytes())
    }
}

impl BuildRecord {
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::release::canonical(self)
    }

    pub fn digest(&self) -> String {
        sha256_hex(&self.to_bytes())
    }
}
