//! The signed and listed facts of an archive: seal (logical, for ever), manifest (physical, one per generation) and
//! catalog (which accessions are in force; the highest number wins).
//!
//! Not for: checking bytes against them (`verify`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::durable::FileDigest;
pub use crate::model::{hex, unhex};
use crate::signing::{Signer, VerifierKey, sign_note, verify_note};

/// Version of all three formats.
pub const FORMAT: u32 = 1;

/// How many records met which fate. `input` is the sum of the others; `archived` counts further versions too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerTotals {
    pub input: u64,
    pub archived: u64,
    pub duplicate: u64,
    pub quarantined: u64,
    pub excluded: u64,
    /// Used up by other source records: rows of lookup tables.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub joined: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl LedgerTotals {
    pub fn balances(&self) -> bool {
        self.input == self.archived + self.duplicate + self.quarantined + self.excluded + self.joined
    }
}

/// Resources that were made of mapped source records (messages, documents, rows).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DerivedTotals {
    /// All that were made; those that lie in the charts are `made - repeated`.
    pub made: u64,
    /// Said again what a record of this or an earlier accession says.
    pub repeated: u64,
    /// Made ones by resource type.
    pub by_kind: BTreeMap<String, u64>,
    /// Name and version of the mapping, and the SHA-256 of its file.
    pub mapping: String,
    pub mapping_sha256: String,
    /// The zone in which times without an offset were read.
    pub time_zone: String,
}

/// What an accession is. Signed; never changes, whatever becomes of its files.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    pub format: u32,
    pub accession: String,
    pub source_system: String,
    /// SHA-256 over the delivery's files (path, size, digest), hex: the same delivery has the same.
    pub delivery_sha256: String,
    pub records: u64,
    pub documents: u64,
    /// Root of the RFC 6962 tree with one leaf per record in locator order, hex.
    pub merkle_root: String,
    /// HMAC key of the leaf salts, hex. Shown only to who may read every record.
    pub salt_secret: String,
    pub ledger: LedgerTotals,
    /// Input records by resource type or form (`hl7v2:ORU^R01`), whatever their fate; `?` where it cannot be told.
    pub by_kind: BTreeMap<String, u64>,
    #[serde(default)]
    pub derived: DerivedTotals,
    /// The accession whose quarantined source records were read again to make this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reprocess_of: Option<String>,
    pub bytes_in: u64,
    /// RFC 3339, UTC.
    pub sealed_at: String,
    /// Software and format of the reader that made the records: parser and mapping version.
    pub made_by: String,
    /// Newest clinical day, `YYYY-MM-DD`; what the source held up to.
    pub data_to: Option<String>,
}

/// One file of a generation, by its path below the generation's folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
    /// Rows, frames or entries, where the file has such.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows: Option<u64>,
}

/// The rules by which the records of a generation got their labels.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelRules {
    /// Names and versions of the code lists, and of the site's file.
    pub version: String,
    /// SHA-256 over all of them, hex.
    pub sha256: String,
}

/// The files of one generation of an accession.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub accession: String,
    pub generation: u32,
    /// Records of each chart part, in order; their sum is the seal's.
    pub parts: Vec<u64>,
    pub files: Vec<FileEntry>,
    pub label_rules: LabelRules,
}

/// An accession in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    pub accession: String,
    pub generation: u32,
    pub source_system: String,
    pub seal_sha256: String,
    pub manifest_sha256: String,
}

/// The index in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexInForce {
    pub number: u64,
    pub manifest_sha256: String,
}

/// The state of the archive: what is in force since when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    pub format: u32,
    /// Random name of the archive, a UUID; the same in every catalog.
    pub archive: String,
    pub number: u64,
    /// SHA-256 of the catalog file before this one, hex; empty in the first.
    pub previous_sha256: String,
    /// RFC 3339, UTC.
    pub published_at: String,
    /// Why there is a new catalog: `init`, `ingest`, `compact`, `index`, `terminology`, `label`, `accept`, `withdraw`,
    /// `restore`.
    pub reason: String,
    pub accessions: Vec<InForce>,
    /// Accessions that nobody reads until they are signed off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaiting: Vec<InForce>,
    /// Accessions that are kept but no longer read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Withdrawn>,
    pub index: Option<IndexInForce>,
}

impl Catalog {
    /// What can be reviewed: accessions in force, and those that await sign-off.
    pub fn reviewable(&self) -> impl Iterator<Item = &InForce> {
        self.accessions.iter().chain(&self.awaiting)
    }

    /// What is kept although nobody reads it: accessions that await sign-off, and withdrawn ones.
    pub fn set_aside(&self) -> impl Iterator<Item = &InForce> {
        self.awaiting.iter().chain(self.withdrawn.iter().map(|w| &w.accession))
    }

    /// Whether an accession awaits sign-off.
    pub fn awaits(&self, accession: &str) -> bool {
        self.awaiting.iter().any(|a| a.accession == accession)
    }

    /// Whether an accession is in force.
    pub fn has_in_force(&self, accession: &str) -> bool {
        self.accessions.iter().any(|a| a.accession == accession)
    }
}

/// An accession that was taken out of force, with why. It can be restored as long as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    pub accession: InForce,
    pub reason: String,
    pub by: String,
    /// RFC 3339, UTC.
    pub at: String,
    /// The accession that holds the right records instead, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}

/// A value as signed note: JSON of one line per member, then the signature.
pub fn to_note<T: Serialize>(value: &T, signer: &dyn Signer) -> Result<String, StoreError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|e| StoreError::Refused(e.to_string()))?;
    text.push('\n');
    Ok(sign_note(&text, signer))
}

/// Reads a signed note back; every byte counts.
pub fn from_note<T: for<'a> Deserialize<'a> + Serialize>(
    path: &Path,
    note: &[u8],
    keys: &[VerifierKey],
) -> Result<T, StoreError> {
    let damaged = |what: &str| StoreError::damaged(path, 0, what);
    let note = std::str::from_utf8(note).map_err(|_| damaged("not UTF-8"))?;
    let text = verify_note(note, keys).map_err(|e| damaged(&e.to_string()))?;
    serde_json::from_str(text).map_err(|e| damaged(&format!("not of the known form: line {}", e.line())))
}

impl FileEntry {
    pub fn new(path: &str, digest: &FileDigest, rows: Option<u64>) -> FileEntry {
        FileEntry { path: path.to_string(), bytes: digest.bytes, sha256: hex(&digest.sha256), rows }
    }
}

/// Reads a small file whose SHA-256 is known.
pub(super) fn read_checked(path: &Path, sha256: &str) -> Result<Vec<u8>, StoreError> {
    use sha2::Digest;
    let bytes = std::fs::read(path).map_err(StoreError::read(path))?;
    if hex(&sha2::Sha256::digest(&bytes)) != sha256 {
        return Err(StoreError::damaged(path, 0, "the digest does not match"));
    }
    Ok(bytes)
}
