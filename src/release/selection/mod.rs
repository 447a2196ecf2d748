//! Which records of a person a release takes, which it leaves out and why, and what was searched: frozen as a file whose digest
//! the steps of the request name (spec legal-release.md §5).
//!
//! Every record that the archive holds of the person is in exactly one of three places: an item, an exclusion, or beyond what
//! was asked for (counted by section). Nothing disappears between them.
//!
//! [`choose`] asks for a permit with the scope of all keys of the person (`Archive::chart_scope`) and the purpose of use of the legal
//! basis, so the access log says under which law each chart was gone through. What that permit hides stands in the exclusions as
//! counts by class.
//!
//! Not for: what pages look like (`paper`), or deciding about flagged items (`workflow`).

mod asked;
mod choose;
mod coverage;
mod days;
mod estimate;
mod files;
mod flags;
mod person;
pub mod sets;
mod traits;
mod whose;

#[cfg(test)]
mod test_world;
#[cfg(test)]
mod tests;

pub use choose::{SelectionFault, choose, purpose};
pub use estimate::{Estimate, estimate};
pub use sets::{RecordSets, SetsError};

use serde::{Deserialize, Serialize};

use crate::model::{AccessionId, ArchiveId, Kind, Place};
use crate::release::package::sha256_hex;
use crate::release::request::Scope;

/// Version of the form.
pub const VERSION: u32 = 1;

/// A frozen selection. It holds patients' data: it is never logged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    pub v: u32,
    pub request: String,
    /// Place of the patient in the request.
    pub subject: usize,
    /// All keys of the person, sorted.
    pub keys: Vec<String>,
    pub patient: Person,
    /// Names the archive as it was: number and digest of the catalog in force.
    pub catalog: String,
    /// Code of the legal basis and version of its rules.
    pub basis: String,
    pub rules: String,
    /// Name and version of the definition of records, `designated-record-set 1`.
    pub record_set: String,
    /// SHA-256 of the files of legal bases and of definitions by which it was made; the shelf keeps both.
    pub bases_sha256: String,
    pub record_sets_sha256: String,
    pub scope: Scope,
    /// In the order of the package: sections in the order of the definition, by date within.
    pub items: Vec<Item>,
    /// What was found and stays out, item by item; never shown to the recipient.
    pub excluded: Vec<Exclusion>,
    /// Records of the person that were not asked for, by section; earlier versions, unless all are asked for, stand here.
    pub beyond: Vec<Count>,
    pub coverage: Coverage,
}

/// Who the person is, as the source records it; every name and number of all keys.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Person {
    /// `FAMILY, Given Middle`
    pub name: String,
    pub other_names: Vec<String>,
    pub birth_date: String,
    pub sex: String,
    pub deceased: Option<String>,
    /// `MRN 12345 (Legacy EHR)`
    pub numbers: Vec<String>,
}

/// A record that goes out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Item {
    /// Its place in the selection, from 0; it never changes, also when items are excluded later.
    pub n: usize,
    /// Section of the definition: `results`, `notes` …
    pub section: String,
    /// FHIR type and archive id.
    pub kind: String,
    pub id: String,
    /// Where it lies.
    pub accession: String,
    pub generation: u32,
    pub ordinal: u64,
    pub version: u32,
    /// How many versions there are; those that do not go out are named in the header of the item.
    pub versions: u32,
    /// Key of the compartment that it lies in.
    pub patient: String,
    pub title: String,
    /// Day of service, `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub date: Option<String>,
    pub author: Option<String>,
    /// In the source's words: final, amended, preliminary, entered in error …
    pub status: Option<String>,
    /// Id of its encounter.
    pub encounter: Option<String>,
    pub source: Origin,
    /// SHA-256 of the record's bytes as delivered (`Taken::original`).
    pub sha256: String,
    /// Names of the classes that it is labelled with.
    pub classes: Vec<String>,
    /// Its files, in the record's order.
    pub attachments: Vec<Attachment>,
    /// Why somebody has to look at it: `wrong-patient`, `out-of-range`, `no-date`, `sensitive`, `unreadable`, `duplicate`,
    /// `unsigned`, `superseded`, `late-filed`, `entered-in-error`, `third-party`, `minor` …
    pub flags: Vec<String>,
    /// Why, a line for each flag in their order, for whoever decides; never shown to the recipient.
    pub reasons: Vec<String>,
    /// Characters of the record as served, for guessing how many pages it takes.
    pub length: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Origin {
    /// Legacy system.
    pub system: String,
    /// Delivered file, and the 1-based number of the line, message or row in it (0: the file is one record).
    pub file: String,
    pub number: u64,
}

/// A file of a record.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attachment {
    /// Id for `Archive::document`.
    pub id: String,
    pub media_type: String,
    pub title: Option<String>,
    pub bytes: u64,
    pub sha256: String,
    /// Pages of a PDF or TIFF; 1 for a picture; `None`: text, or not readable.
    pub pages: Option<u32>,
}

/// A record that stays out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exclusion {
    /// Empty where not even that may be known to who prepares the release.
    pub section: String,
    pub kind: String,
    /// Empty where not even its id may be known to who prepares the release.
    pub id: String,
    pub date: Option<String>,
    /// `class`: the basis does not open its class. `record-set`: the definition keeps it out. `reassigned`: a statement moved it to
    /// another patient. `not-permitted`: the policy hides it from who prepares the release. `carried`: a Binary whose bytes go out
    /// with the record that names it, under that record's number; it is not withheld.
    pub why: String,
    /// Which classes, which rule.
    pub detail: String,
    /// How many records the line stands for.
    pub count: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    pub section: String,
    pub count: u64,
}

/// What was searched and what could not be.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Coverage {
    /// Every accession in force with what it holds of the person.
    pub searched: Vec<Searched>,
    /// What the archive never got or could not read, in words: quarantined source items of these accessions, accessions that
    /// were withdrawn or await sign-off, sources that this person is not in.
    pub not_loaded: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Searched {
    pub accession: String,
    pub system: String,
    /// Days of the first and last record of the person in it.
    pub first: Option<String>,
    pub last: Option<String>,
    pub records: u64,
    /// Source items of the whole accession that could not be read; whose they are is not known.
    pub quarantined: u64,
}

impl Item {
    /// Where it lies; `None` when the accession's name is none.
    pub fn place(&self) -> Option<Place> {
        let accession = AccessionId::parse(&self.accession)?;
        Some(Place { accession, generation: self.generation, ordinal: self.ordinal })
    }

    pub fn kind(&self) -> Option<Kind> {
        Kind::from_name(&self.kind)
    }

    pub fn archive_id(&self) -> Option<ArchiveId> {
        ArchiveId::parse(&self.id)
    }
}

impl Selection {
    /// The file: canonical JSON (RFC 8785).
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::release::canonical(self)
    }

    /// Names the frozen selection.
    pub fn digest(&self) -> String {
        sha256_hex(&self.to_bytes())
    }
}
