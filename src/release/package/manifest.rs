//! `manifest.json`: what a package holds, from which archived bytes it was made, on which authority (spec legal-release.md §8).
//!
//! It is written canonically (RFC 8785), so the same facts are the same bytes, and read strictly: an unknown member, a member
//! given twice or another version of the form is refused.
//!
//! Not for: checking that the files agree with it (`verify`).

use serde::{Deserialize, Serialize};

/// Version of the form.
pub const VERSION: u32 = 1;
/// The manifest's name in a package.
pub const MANIFEST: &str = "manifest.json";

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub v: u32,
    /// UUID.
    pub package_id: String,
    pub request_no: String,
    /// RFC 3339, as of approval.
    pub created: String,
    pub generator: Generator,
    pub patient: Patient,
    pub requester: String,
    pub recipient: String,
    /// Code and words of the legal basis.
    pub authority: Coded,
    pub purpose: String,
    pub scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bates: Option<Bates>,
    /// Every file of the package but the manifest and what signs it, by path.
    pub files: Vec<File>,
    /// Every record in it, in the order of the package.
    pub items: Vec<Item>,
    /// Roots of the accessions that the items come from.
    pub accessions: Vec<Accession>,
    /// Names of the notices that go with it.
    pub notices: Vec<String>,
    /// What was withheld, by category, where the recipient may know.
    pub withheld: Vec<Withheld>,
    pub approvals: Vec<Approval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// Package that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<String>,
    /// What it was made from: digest of everything that the pages follow from, and of the pages that were approved.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan_sha256: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub preview_sha256: String,
    /// Characters that no font of the pages has; they stand as their code points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unprinted: Vec<Unprinted>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unprinted {
    /// `U+10348`
    pub code_point: String,
    pub times: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    pub name: String,
    pub version: String,
    /// Digest over the fonts that the pages are set in.
    pub fonts_sha256: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patient {
    /// SHA-256 over the archive's keys of the person, sorted, a line each: tells two persons apart and names neither.
    pub keys_sha256: String,
    pub name: String,
    pub birth_date: String,
    pub numbers: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coded {
    pub code: String,
    pub words: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub types: Vec<String>,
    pub record_set: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bates {
    pub prefix: String,
    pub first: String,
    pub last: String,
    pub pages: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub path: String,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
    pub media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// From 1.
    pub n: u64,
    /// `DocumentReference/…`
    pub record: String,
    pub version: u32,
    /// Type of legal-release.md §5.
    pub kind: String,
    pub title: String,
    pub date: String,
    pub author: String,
    /// Legacy system, file of its delivery, place in it.
    pub source: Source,
    /// Of the record's bytes as they were delivered; empty when something of it is redacted, since who has it could guess.
    pub original_sha256: String,
    /// Where its leaf stands in the accession's tree.
    pub proof: Option<Inclusion>,
    pub pages: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bates_first: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bates_last: Option<String>,
    pub redacted: bool,
    /// How it is given: `pages`, `native`, `exception`.
    pub given: String,
    /// Path of the record's bytes as they were delivered, of which the leaf is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// Paths of its files as they were archived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub system: String,
    pub file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// A record's place in its accession's Merkle tree (RFC 6962): leaf = SHA-256(0x00 ‖ salt ‖ original bytes).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    pub accession: String,
    pub index: u64,
    /// Base64. With the record's original bytes it gives the leaf. Empty when something of it is redacted.
    pub salt: String,
    /// Base64.
    pub leaf: String,
    /// Hashes from the leaf to the root, base64.
    pub path: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accession {
    pub id: String,
    pub source: String,
    pub records: u64,
    /// Base64.
    pub root: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    pub category: String,
    pub basis: String,
    pub items: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// `verified`, `prepared`, `reviewed`, `approved`.
    pub role: String,
    pub name: String,
    /// RFC 3339.
    pub at: String,
}

/// Where the approval stands in the access log.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    pub stream: String,
    pub seq: u64,
    pub tree_size: u64,
}

/// Why a text is no manifest.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ManifestFault {
    #[error("the manifest cannot be read: line {line}, column {column}")]
    Form { line: usize, column: usize },
    #[error("the manifest is of version {0} of its form, which this program does not know")]
    Version(u32),
    #[error("the manifest is not written in its canonical form")]
    NotCanonical,
}

impl Manifest {
    /// Canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::release::canonical(self)
    }

    /// Reads a manifest strictly.
    ///
    /// # Errors
    /// The place of the first fault; another version; bytes that are not the canonical form of what they say.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestFault> {
        let fault = |error: serde_json::Error| ManifestFault::Form { line: error.line(), column: error.column() };
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(fault)?;
        if manifest.v != VERSION {
            return Err(ManifestFault::Version(manifest.v));
        }
        if manifest.to_bytes() != bytes {
            return Err(ManifestFault::NotCanonical);
        }
        Ok(manifest)
    }

    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}
