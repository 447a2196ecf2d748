//! What a person asks: find a patient, open a chart, read a record or document, search text, a series of values.
//! Every function takes a permit and checks its scope; its filter goes into the search itself.
//!
//! Not for: HTTP, JSON shapes, or pages (`server`); bytes on disk (`store`).

pub use crate::index::{Facet, PatientHit, TextHit, TextHits, TextQuestion};

use crate::access::Permit;
use crate::model::{AccessionId, ArchiveId, Chart, ChartIndex, Document, DocumentId, Kind, PatientKey, Record, ValuePoint, When};

/// Why a question could not be answered. The texts carry no patient data.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The permit's scope does not cover the question: a mistake in the program, answered as a denial.
    #[error("outside the permit's scope")]
    OutOfScope,
    /// Not there, or not to be seen: the two look the same.
    #[error("no archived record here")]
    NotFound,
    #[error("the question is not understood: {0}")]
    BadQuestion(&'static str),
    #[error("the archive cannot be read: {0}")]
    Unreadable(String),
}

/// An open archive, for reading. Cheap to clone; safe to share between threads.
#[derive(Clone, Debug)]
pub struct Archive {}

/// Which records of a chart are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Empty: all kinds.
    pub kinds: Vec<Kind>,
    /// At most this many per kind, the newest; `None`: all.
    pub newest: Option<usize>,
}

/// One page of patient hits, best first.
#[derive(Clone, Debug)]
pub struct PatientHits {
    pub hits: Vec<crate::index::PatientHit>,
    /// Exact number of matches under the permit's filter, up to a cap.
    pub total: u64,
    pub total_capped: bool,
    /// How the question was understood, in words: ("family or given name", "quill"), ("birth date", "1957-03-14").
    pub understood: Vec<(String, String)>,
}

/// One accession in force, without record content.
#[derive(Clone, Debug)]
pub struct AccessionSummary {
    pub accession: AccessionId,
    pub generation: u32,
    pub source_system: String,
    pub records: u64,
    pub patients: u64,
    /// Size of its files.
    pub bytes: u64,
    pub quarantined: u64,
    /// RFC 3339, UTC; empty when the seal does not say.
    pub sealed_at: String,
}

/// What the archive says of itself on every page: no record content, so no permit.
#[derive(Clone, Debug, Default)]
pub struct ArchiveFacts {
    /// Accessions in force.
    pub accessions: u64,
    /// The number of the catalog in force.
    pub catalog: u64,
    /// In a fixed order.
    pub source_systems: Vec<String>,
    /// The last day that the records reach.
    pub last_day: Option<When>,
}

impl Archive {
    /// Opens the archive in the folder `path` for reading.
    pub fn open(path: &std::path::Path) -> Result<Archive, QueryError> {
        let _ = path;
        Ok(Archive {})
    }

    /// The types that have a record of this id, in chart order. Says nothing about whether it may be read: what a
    /// caller does with the answer needs a permit.
    pub fn kinds_of(&self, id: &ArchiveId) -> Vec<Kind> {
        let _ = id;
        Vec::new()
    }

    /// What every page says of the archive.
    pub fn facts(&self) -> ArchiveFacts {
        ArchiveFacts::default()
    }

    /// The accessions in force. Scope: `Accessions`.
    pub fn accessions(&self, permit: &Permit) -> Result<Vec<AccessionSummary>, QueryError> {
        let _ = permit;
        Err(QueryError::NotFound)
    }

    /// Patients that match free text: names in any order, birth date in usual forms, identifiers, phone.
    /// Scope: `FindPatients`.
    pub fn find_patients(&self, permit: &Permit, text: &str, offset: usize, limit: usize) -> Result<PatientHits, QueryError> {
        let _ = (permit, text, offset, limit);
        Err(QueryError::NotFound)
    }

    /// Identity, counts and coverage of one patient. Scope: `Chart` of this patient, or `Everything`.
    pub fn chart_index(&self, permit: &Permit, patient: &PatientKey) -> Result<ChartIndex, QueryError> {
        let _ = (permit, patient);
        Err(QueryError::NotFound)
    }

    /// The chart with the selected records. Scope: `Chart` of this patient, or `Everything`.
    pub fn chart(&self, permit: &Permit, patient: &PatientKey, selection: &Selection) -> Result<Chart, QueryError> {
        let _ = (permit, patient, selection);
        Err(QueryError::NotFound)
    }

    /// One record by type and id, in its current version. Scope: `Record`, or the `Chart` it lies in.
    pub fn record(&self, permit: &Permit, kind: Kind, id: &ArchiveId) -> Result<Record, QueryError> {
        let _ = (permit, kind, id);
        Err(QueryError::NotFound)
    }

    /// All versions of a record, oldest first. Scope as `record`.
    pub fn versions(&self, permit: &Permit, kind: Kind, id: &ArchiveId) -> Result<Vec<Record>, QueryError> {
        let _ = (permit, kind, id);
        Err(QueryError::NotFound)
    }

    /// The record's bytes exactly as delivered, with the record. Scope as `record`.
    pub fn original(
        &self,
        permit: &Permit,
        kind: Kind,
        id: &ArchiveId,
        version: Option<u32>,
    ) -> Result<(Record, Vec<u8>), QueryError> {
        let _ = (permit, kind, id, version);
        Err(QueryError::NotFound)
    }

    /// An attachment's bytes. Scope: `Record` of its record, or the `Chart` it lies in.
    pub fn document(&self, permit: &Permit, id: &DocumentId) -> Result<Document, QueryError> {
        let _ = (permit, id);
        Err(QueryError::NotFound)
    }

    /// Full-text search. Scope: `Chart` when the question names a patient, else `SearchAll`.
    pub fn search_text(
        &self,
        permit: &Permit,
        question: &crate::index::TextQuestion,
    ) -> Result<crate::index::TextHits, QueryError> {
        let _ = (permit, question);
        Err(QueryError::NotFound)
    }

    /// One patient's values of one code, oldest first. Scope: `Chart` of this patient.
    pub fn series(&self, permit: &Permit, patient: &PatientKey, code: &str) -> Result<Vec<ValuePoint>, QueryError> {
        let _ = (permit, patient, code);
        Err(QueryError::NotFound)
    }
}
