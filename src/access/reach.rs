//! How far a permit reaches: what may be read within it, and what of that it hides.
//!
//! Not for: who is given which (`policy`), or SMART scopes (`scopes`).

use std::collections::BTreeSet;

use crate::model::{ArchiveId, Kind, Label, PatientKey};

/// What a permit allows to be read. A query function checks that its work lies inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Find patients by name, birth date, number, phone.
    FindPatients,
    /// Read the chart of one patient: index, records, documents, search inside it.
    Chart(PatientKey),
    /// Read the chart of one person who has several patient keys; the first is the one asked for. `query` makes it of a
    /// key, and every key in it stands in the audit entry.
    Person(Vec<PatientKey>),
    /// Read the psychotherapy notes about one person that the reader himself wrote; the keys are all of that person's.
    OwnNotes(Vec<PatientKey>),
    /// Read one record by type and id, whoever's it is.
    Record(Kind, ArchiveId),
    /// Search text across patients.
    SearchAll,
    /// Export everything (the operator's `export`).
    Everything,
    /// Export records of all patients, or of many, to a program (FHIR Bulk Data).
    Bulk,
    /// Export all there is of one person, to be taken away; the keys are all of that person's, the one asked for first.
    Ehi(Vec<PatientKey>),
    /// Read the audit log (compliance). `None`: all of it; else who looked at this chart.
    AuditLog(Option<PatientKey>),
    /// Accessions, reports, ledger totals: no record content.
    Accessions,
    /// Look at every patient's identity in order to tell who is who.
    IdentityReview,
    /// What could not be read and was kept whole.
    Quarantine,
    /// The form of what was kept whole, its letters and digits replaced: no record content.
    QuarantineMasked,
    /// Uses of break-glass and their review: why, when and what was opened, not the records.
    BreakGlassReviews,
    /// Accounts and clients: no record content.
    Accounts,
    /// The policy and the rules for labels: no record content.
    Policy,
    /// How the archive and its server stand: disk, log, index, keys, checks. No record content.
    System,
    /// Requests for records: what they say, and the packages that leave. The records themselves are asked for as a person's.
    Releases,
}

impl Scope {
    /// The patients whom the question is about, when the scope names any: one, or all keys of one person.
    pub fn patients(&self) -> &[PatientKey] {
        match self {
            Scope::Chart(patient) | Scope::AuditLog(Some(patient)) => std::slice::from_ref(patient),
            Scope::Person(keys) | Scope::OwnNotes(keys) | Scope::Ehi(keys) => keys,
            _ => &[],
        }
    }
}

/// Kinds that say who and where, and nothing of any patient.
pub fn is_directory(kind: Kind) -> bool {
    const NAMES: [&str; 7] =
        ["Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Medication", "Endpoint"];
    NAMES.contains(&kind.name())
}

/// What a permit hides. ANDed into every search, count, facet and suggestion, never applied to hits afterwards.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Filter {
    /// A record of any of these classes is not there. [`Label::EVERY`] hides whatever carries a label.
    pub hide: Label,
    /// Source systems whose records are not there.
    pub hide_sources: BTreeSet<String>,
    /// Kinds whose records are not there.
    pub hide_kinds: BTreeSet<Kind>,
}

impl Filter {
    /// Hides every record that carries any label, and nothing else.
    pub fn unlabelled_only() -> Filter {
        Filter { hide: Label::EVERY, ..Filter::default() }
    }

    /// Whether a record of this label may be shown, as far as labels go.
    pub fn allows(&self, label: Label) -> bool {
        !self.hide.intersects(label)
    }

    /// Whether records of this source system and kind may be shown at all.
    pub fn allows_of(&self, source_system: &str, kind: Kind) -> bool {
        !self.hide_sources.contains(source_system) && !self.hide_kinds.contains(&kind)
    }

    /// Whether it hides nothing of anybody.
    pub fn is_open(&self) -> bool {
        *self == Filter::default()
    }
}
