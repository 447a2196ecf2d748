//! Permits and answers: the types without which nothing can be read and nothing can be sent.
//!
//! Not for: deciding (`gate`).

use crate::audit;
use crate::model::{ArchiveId, Kind, Label, PatientKey, Place};

use super::{GateError, Principal, RequestContext};

/// What a permit allows to be read. A query function checks that its work lies inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Find patients by name, birth date, number, phone.
    FindPatients,
    /// Read the chart of one patient: index, records, documents, search inside it.
    Chart(PatientKey),
    /// Read one record by type and id, whoever's it is.
    Record(Kind, ArchiveId),
    /// Search text across patients.
    SearchAll,
    /// Export everything (the operator's `export`).
    Everything,
    /// Read the audit log (compliance). `None`: all of it; else who looked at this chart.
    AuditLog(Option<PatientKey>),
    /// Accessions, reports, ledger totals: no record content.
    Accessions,
}

/// What a permit hides. ANDed into every search, count, facet and suggestion, never applied to hits afterwards.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    pub hide_restricted: bool,
}

impl Filter {
    pub fn allows(&self, label: Label) -> bool {
        !(self.hide_restricted && label.is_restricted())
    }
}

/// Leave to read within a scope, made by the gate alone. Answering consumes it; dropping it unanswered is logged.
#[must_use]
#[derive(Debug)]
pub struct Permit {
    pub(super) scope: Scope,
    pub(super) filter: Filter,
    pub(super) principal: Principal,
    pub(super) context: RequestContext,
    pub(super) log: audit::AuditLog,
    pub(super) answered: bool,
}

/// What an answer shows, for its audit entry: every record, compactly.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Event code of spec audit.md §2, for instance `record.read`, `patient.search`, `document.view`.
    pub event: &'static str,
    /// Patients whose data leave, or whom the question was about.
    pub patients: Vec<PatientKey>,
    /// Every record shown. Written as ranges of ordinals per accession.
    pub places: Vec<Place>,
    /// Highest label among them.
    pub label: Label,
    /// Kinds shown (the `domains` of the entry).
    pub kinds: Vec<Kind>,
    pub hits: Option<u64>,
    /// The question in words or parameters, as understood (searches).
    pub query: Option<String>,
}

impl Permit {
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Writes the entry that names everything shown, waits until it is on disk, and only then gives the value back in
    /// the one wrapper that a route may send. The wait blocks the thread: call it where blocking is allowed.
    pub fn answer<T>(self, value: T, shown: Shown) -> Result<Audited<T>, GateError> {
        let _ = (value, shown);
        Err(GateError::LogUnavailable)
    }
}

/// A value whose audit entry is durable. Made by [`Permit::answer`] alone.
#[derive(Debug)]
pub struct Audited<T>(pub(super) T);

impl<T> Audited<T> {
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The same answer in another form (its rendering); nothing can be added from outside by this.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Audited<U> {
        Audited(f(self.0))
    }
}

/// A value that holds no patient data: metadata, sign-in pages, health.
#[derive(Debug)]
pub struct Public<T>(pub T);
