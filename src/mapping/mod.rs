//! From what a legacy system wrote to FHIR R4: pure functions of one source record (a message, a document, a row, a
//! file) that give resources, a fate, and what was odd.
//!
//! Nothing here reads files, knows the store, or keeps state between source records: the same bytes under the same
//! settings always give the same resources, in the same order, whatever came before.
//!
//! Not for: reading the formats themselves (`formats`), or what becomes of the resources (`ingest`).

pub mod cda;
pub mod document;
pub mod fhir;
pub mod hl7v2;
pub mod id;
pub mod profile;
pub mod sensitivity;
pub mod settings;
mod settings_error;
pub mod systems;
pub mod tabular;
pub mod time;

pub use crate::formats::attachment;

use std::ops::Range;

use jiff::tz::TimeZone;

use crate::model::Finding;

/// What a mapper knows about where a source record stands.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Short name of the source system.
    pub source_system: &'a str,
    /// The zone of times that name none.
    pub zone: &'a TimeZone,
    /// The delivered file, by its name in the delivery, with `/`.
    pub file: &'a str,
    /// Byte offset of the source record in the content of that file.
    pub offset: u64,
}

/// What becomes of a source record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Fate {
    /// Kept, with the resources made of it; there may be none (a message about no patient).
    #[default]
    Archived,
    /// Left out of the charts by a rule of the settings, which is named here. Its bytes are kept.
    Excluded(String),
    /// Cannot be used as it is: a stable code, then where and why; never content. Its bytes are kept.
    Quarantined(String),
    /// Used up by other source records (a row of a lookup table).
    Joined,
}

/// What a mapper made of one source record.
#[derive(Clone, Debug, Default)]
pub struct Mapped {
    /// What it is, for the ledger: `hl7v2:ORU^R01`, `cda:34133-9`, `row:patients`, `file:application/pdf`.
    pub kind: String,
    pub fate: Fate,
    /// FHIR R4 resources as JSON text, made with [`fhir::Resource`].
    pub resources: Vec<Vec<u8>>,
    pub identity: Vec<IdentityEvent>,
    pub findings: Vec<Finding>,
    /// Parts that an independent count would find: segments of a message, entries of a CDA document, fields of a row.
    pub units: u32,
}

/// What a source record says about who is who. Patients are named by the `id` of their resource, before it becomes an
/// archive id; they need not be known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IdentityEvent {
    /// The first was merged into the second (HL7 v2 A18, A30, A34, A40).
    Merge { from: String, into: String, at: Option<String> },
    /// An earlier merge was taken back.
    Unmerge { from: String, into: String, at: Option<String> },
    /// Both are the same person and both stay in use (A24, `Patient.link`).
    Link { a: String, b: String, at: Option<String> },
    /// They are not, after all (A37).
    Unlink { a: String, b: String, at: Option<String> },
    /// A merge that cannot be carried out as it stands; for review. The text is a code and a place.
    Unclear(String),
}

impl IdentityEvent {
    /// When it happened, as FHIR writes times; empty when the source does not say.
    pub fn at(&self) -> &str {
        match self {
            IdentityEvent::Merge { at, .. }
            | IdentityEvent::Unmerge { at, .. }
            | IdentityEvent::Link { at, .. }
            | IdentityEvent::Unlink { at, .. } => at.as_deref().unwrap_or(""),
            IdentityEvent::Unclear(_) => "",
        }
    }
}

/// Maps the source records of one form. Threads share it.
pub trait Mapper: Send + Sync {
    /// Maps one source record. Of a file that is mapped by its head alone (a loose document), `bytes` are the first ones.
    fn map(&self, bytes: &[u8], cx: &Context<'_>) -> Mapped;
}

/// Cuts a stream of bytes into source records.
pub trait Cutter: Send {
    /// Adds the ranges of all whole records at the front of `buffer` to `items` and gives how many bytes are done with.
    /// Bytes between records (line ends, frames, headers) belong to no range. With `is_last` everything is done with.
    /// Returning 0 without `is_last` asks for a longer buffer.
    fn cut(&mut self, buffer: &[u8], is_last: bool, items: &mut Vec<Range<usize>>) -> usize;

    /// What was odd about the file as a whole, once it is cut.
    fn findings(&self) -> &[Finding] {
        &[]
    }
}
