//! One act of one person on one patient, as the reports and the signals of snooping see it.
//!
//! Not for: the entry itself, which stands in the log (`audit`); an act is read from it and can be read again.

use crate::model::PatientKey;

/// Who acted: identity is (issuer, subject), never the name (spec audit.md §3).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct UserId {
    pub issuer: String,
    pub subject: String,
}

/// One (entry, patient). An entry that names three patients is three acts; one that names none is one act without a patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Microseconds since 1970-01-01 UTC.
    pub at: i64,
    pub stream: String,
    pub seq: u64,
    /// Code of spec audit.md §2.
    pub event: String,
    /// `0`, `4`, `8` or `12`.
    pub outcome: u8,
    pub user: UserId,
    pub user_name: String,
    pub role: String,
    pub purpose: Option<String>,
    pub patient: Option<PatientKey>,
    pub ip: Option<String>,
    pub session: Option<String>,
    /// Use of break-glass that it belongs to.
    pub break_glass: Option<String>,
    /// Records shown.
    pub records: u64,
    /// Hits of a search.
    pub hits: Option<u64>,
}
