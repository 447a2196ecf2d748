//! From a frozen selection to pages that people look at, and after approval to the package that leaves (spec legal-release.md
//! §8, §11).
//!
//! A [`Plan`] holds everything that pages are made from; a [`BuildRecord`] adds what approval brought: numbers, times, who
//! approved, where that stands in the access log. The same record with the same software gives the same bytes.
//!
//! `preview` makes the pages that are looked at; `numbers` says how many Bates numbers the package takes; `seal` makes it,
//! `rebuild` makes it again and compares. Items are read and set on all threads (`line`) and go to the press in order (`print`),
//! so a chart of any length needs little memory. `leaves` proves where records stand, `beside` writes what is no page.
//!
//! Not for: moves of the request (`workflow`), or the form of a package (`package`).

mod beside;
mod facts;
mod frozen;
mod job;
mod leaves;
mod line;
mod preview;
mod print;
mod proved;
mod sealing;
mod stock;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use preview::{Made, Pages, Told, preview, told};
pub use sealing::{Difference, Rebuilt, audit_proof, numbers, rebuild, seal};

use crate::access::Permit;
use crate::audit::ProofError;
use crate::config::{Config, CustodianConfig};
use crate::durable::DurableError;
use crate::query::{Archive, QueryError};
use crate::release::ccda::CcdaError;
use crate::release::package::container::ContainerFault;
use crate::release::package::manifest::{self, ManifestFault};
use crate::release::package::{hex, sha256_hex};
use crate::release::paper::front::TextFault;
use crate::release::redaction::RedactionFault;
use crate::release::request::{Formats, Party};
use crate::release::shelf::{Shelf, ShelfFault};
use crate::render::pdf::{self, PdfFault};

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

/// Why nothing was made. The texts hold nothing of the records.
#[derive(Debug, thiserror::Error)]
pub enum BuildFault {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Shelf(#[from] ShelfFault),
    #[error(transparent)]
    Pdf(#[from] PdfFault),
    #[error(transparent)]
    Redaction(#[from] RedactionFault),
    #[error(transparent)]
    Ccda(#[from] CcdaError),
    #[error(transparent)]
    Container(#[from] ContainerFault),
    #[error(transparent)]
    Durable(#[from] DurableError),
    #[error(transparent)]
    Manifest(#[from] ManifestFault),
    #[error(transparent)]
    Text(#[from] TextFault),
    #[error("the proof of the approval: {0}")]
    Proof(#[from] ProofError),
    #[error("a file of the build cannot be read or written: {0}")]
    File(#[from] std::io::Error),
    #[error("the {0} cannot be read; it was written by another version of this program")]
    Form(&'static str),
    #[error("{0} does not belong to this build")]
    Foreign(&'static str),
    #[error("it was prepared with {made}, and this is {now}; the same bytes come from the same release alone")]
    OtherSoftware { made: String, now: String },
    #[error("item {0} is not in the archive any more as it was chosen")]
    Changed(usize),
    #[error("the pages are not those that were approved")]
    NotThePreview,
    #[error("{given} Bates numbers were given and {needed} are needed")]
    Numbers { given: u64, needed: u64 },
    #[error("the package is to be signed with the key {0}")]
    OtherKey(String),
    #[error("the records of accession {0} do not give the root of its seal")]
    Root(String),
    #[error("what was redacted is not gone: {0}")]
    Leak(String),
    #[error("a time of the build is none: {0}")]
    Time(String),
    #[error("a thread of the build ended early")]
    Thread,
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
    /// In the request's words.
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
    /// Who keeps the archive, and whom a recipient asks.
    pub custodian: Custodian,
    /// Where the records come from: the accessions of the items, in the order of publication.
    pub provenance: Vec<Provenance>,
    /// Whether the recipient is told what was withheld, by category and count.
    pub tells_withheld: bool,
    /// Whether a sheet stands where a document was withheld.
    pub slip_sheets: bool,
    /// Filled in when the preview is made.
    pub frozen: Frozen,
}

/// What pages and documents take from the archive and its configuration beside the records, as it was when the preview was made.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Frozen {
    /// Names of records that others refer to: of whom and what a directory names, and of what goes out itself.
    pub names: BTreeMap<String, String>,
    /// Who keeps the archive, as a generated document names it.
    pub keeper: CustodianConfig,
    /// Days up to which sources were in use, by their names.
    pub cutover: BTreeMap<String, String>,
}

/// The organization that keeps the archive, as letters name it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Custodian {
    pub name: String,
    pub department: String,
    pub address: Vec<String>,
    pub phone: String,
    pub email: String,
    /// When somebody answers.
    pub hours: String,
}

/// How an accession came into the archive: what a certificate tells of the way of its records. It holds no record content.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provenance {
    pub accession: String,
    /// Legacy system.
    pub system: String,
    /// Newest clinical day of the extract.
    pub data_to: Option<String>,
    /// RFC 3339, UTC.
    pub sealed: String,
    /// Software that read the delivery.
    pub made_by: String,
    /// Name and version of the mapping of what was no FHIR, with the digest of its file; empty: nothing was converted.
    pub mapping: String,
    pub mapping_sha256: String,
    /// The zone in which times without an offset were read.
    pub time_zone: String,
    /// SHA-256 over the files of the delivery.
    pub delivery_sha256: String,
    /// Records in the accession, and the root of their Merkle tree, hex.
    pub records: u64,
    pub merkle_root: String,
    /// The reconciliation of the delivery: what was read, and what became of it.
    pub input: u64,
    pub archived: u64,
    pub duplicate: u64,
    pub quarantined: u64,
    pub excluded: u64,
    pub joined: u64,
    /// Resources that were made of mapped source records.
    pub derived: u64,
}

/// A text of the site that goes into a package, as it was then.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    pub name: String,
    pub version: String,
    /// Of the text alone; the shelf keeps it under this digest.
    pub sha256: String,
    /// Whether the site had approved exactly this text.
    pub approved: bool,
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
    /// How many numbers were given; they have to be as many as there are pages.
    pub bates_count: u64,
    pub approvals: Vec<manifest::Approval>,
    /// Where the approval stands in the access log, with its proof in the package.
    pub audit: Option<manifest::Audit>,
    /// Digest of `audit-proof.json`.
    pub audit_proof_sha256: Option<String>,
    pub supersedes: Option<String>,
    /// Name of the key that signs, and its 32 public bytes, hex.
    pub key: String,
    pub key_public: String,
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

/// This software, as plans and manifests name it.
pub fn generator() -> manifest::Generator {
    manifest::Generator {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        fonts_sha256: hex(&pdf::fonts_sha256()),
    }
}
