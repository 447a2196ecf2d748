//! What the query layer hands out: records with their place, a patient's identity and chart index, documents,
//! and the plain rows that the search index is built from.
//!
//! Not for: how any of it is stored (`store`) or shown (`server`, `render`).

use std::sync::Arc;

use super::{AccessionId, ArchiveId, Kind, Label, PatientKey, When};

/// Where a record lies: enough for an audit entry to name it exactly.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Place {
    pub accession: AccessionId,
    pub generation: u32,
    /// 0-based position in the accession, in locator order.
    pub ordinal: u64,
}

/// One archived record, ready to be shown.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: Kind,
    pub id: ArchiveId,
    /// The id as the source wrote it.
    pub original_id: Arc<str>,
    /// The compartment it lies in; `None` for records without a patient.
    pub patient: Option<PatientKey>,
    pub place: Place,
    pub source_system: Arc<str>,
    /// 1-based; the highest is the current one.
    pub version: u32,
    pub label: Label,
    /// The FHIR R4 JSON as served: ids and references rewritten where the archive must, attachment data replaced by
    /// `url: "Binary/<document id>"`. UTF-8.
    pub json: Arc<str>,
}

/// The id of an archived document (attachment): `<archive id of its record>-<n>` or a hash; valid as a FHIR `Binary` id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct DocumentId(pub ArchiveId);

/// The bytes of one attachment with what is known about them.
#[derive(Clone, Debug)]
pub struct Document {
    pub id: DocumentId,
    /// The record that it belongs to; access is decided on that record.
    pub record: Record,
    pub content_type: String,
    pub title: Option<String>,
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`, computed at this reading.
    pub sha256: [u8; 32],
}

/// Who a patient is, as one source system recorded it. Taken from the current `Patient` record.
#[derive(Clone, Debug, Default)]
pub struct PatientIdentity {
    pub family: Option<String>,
    pub given: Vec<String>,
    pub other_names: Vec<String>,
    pub birth_date: Option<When>,
    pub deceased: Option<String>,
    /// `male`, `female`, `other`, `unknown` as recorded.
    pub sex: Option<String>,
    /// (label or system, value): medical record numbers and other identifiers.
    pub identifiers: Vec<(String, String)>,
    pub phones: Vec<String>,
    pub addresses: Vec<String>,
}

/// The span of dates that one source system holds of one patient.
#[derive(Clone, Debug)]
pub struct Coverage {
    pub source_system: Arc<str>,
    pub first: Option<When>,
    pub last: Option<When>,
    pub records: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindCount {
    pub kind: Kind,
    pub count: u64,
}

/// The cover of a chart: identity, counts by kind (after the permit's filter), sources. Cheap even for a huge chart.
#[derive(Clone, Debug)]
pub struct ChartIndex {
    pub patient: PatientKey,
    pub identity: PatientIdentity,
    pub counts: Vec<KindCount>,
    pub coverage: Vec<Coverage>,
    /// The last day that the archive's data reach: the newest clinical date or the declared cutover.
    pub cutover: Option<When>,
    /// The person's other keys, as far as the reader may see them. Their records are part of this chart.
    pub linked: Vec<LinkedPatient>,
}

impl ChartIndex {
    /// Whether `id` is a Patient record of this person.
    pub fn is_of_person(&self, id: &ArchiveId) -> bool {
        self.patient.0 == *id || self.linked.iter().any(|linked| linked.key.0 == *id)
    }
}

/// Another key of a person: who the patient is there, and why it is taken for the same person.
#[derive(Clone, Debug)]
pub struct LinkedPatient {
    pub key: PatientKey,
    pub identity: PatientIdentity,
    pub source_system: Arc<str>,
    /// Of the Patient record that the identity is from.
    pub place: Place,
    pub label: Label,
    /// One line for each statement in force that names it.
    pub reasons: Vec<String>,
}

/// A chart index with the records that were asked for, by kind and date, newest last.
#[derive(Clone, Debug)]
pub struct Chart {
    pub index: ChartIndex,
    pub records: Vec<Record>,
}

/// One measured value of one code, from an `Observation` (or one of its components).
#[derive(Clone, Debug)]
pub struct ValuePoint {
    pub record: ArchiveId,
    /// For the audit entry.
    pub place: Place,
    pub when: Option<When>,
    /// The number as written, with its trailing zeros; or the text value.
    pub value: String,
    pub unit: Option<String>,
    /// The laboratory's own flag code (H, L, HH, LL, A, N …).
    pub flag: Option<String>,
    pub low: Option<String>,
    pub high: Option<String>,
    pub source_system: Arc<str>,
}

/// What the text index learns of one record: its searchable text and its facets.
#[derive(Clone, Debug)]
pub struct IndexDoc {
    pub kind: Kind,
    pub id: ArchiveId,
    pub patient: Option<PatientKey>,
    pub place: Place,
    pub source_system: Arc<str>,
    pub label: Label,
    /// LOINC or local type code, and what to call it.
    pub type_code: Option<String>,
    pub title: String,
    pub author: Option<String>,
    pub when: Option<When>,
    /// Plain text, all attachments one after the other; empty when there is none (then it is counted as not searchable).
    pub text: String,
}

/// What the patient index learns of one `Patient` record.
#[derive(Clone, Debug)]
pub struct PatientIndexDoc {
    pub key: PatientKey,
    pub source_system: Arc<str>,
    pub place: Place,
    pub label: Label,
    pub identity: PatientIdentity,
    /// Every class that a record in this patient's compartment carries: whom one of them is hidden from, the next two
    /// must be counted anew.
    pub chart_label: Label,
    /// Records in this patient's compartment.
    pub records: u64,
    /// The newest clinical date in the compartment.
    pub last_seen: Option<When>,
}
