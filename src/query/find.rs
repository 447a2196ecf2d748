//! Finding patients.
//!
//! Not for: how names are matched (`index`).

use super::snapshot::Archive;
use super::{PatientHit, QueryError};
use crate::access::Permit;

/// One page of patient hits, best first.
#[derive(Clone, Debug, Default)]
pub struct PatientHits {
    pub hits: Vec<PatientHit>,
    /// Exact number of matches under the permit's filter, up to a cap.
    pub total: u64,
    pub total_capped: bool,
    /// How the question was understood, in words: ("name", "quill"), ("birth date", "1957-03-14").
    pub understood: Vec<(String, String)>,
}

impl Archive {
    /// Patients that match free text: names in any order, birth date in usual forms, identifiers, phone.
    /// Scope: `FindPatients`.
    pub fn find_patients(&self, permit: &Permit, text: &str, offset: usize, limit: usize) -> Result<PatientHits, QueryError> {
        if !permit.covers_finding() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let Some(searcher) = &snapshot.searcher else { return Ok(PatientHits::default()) };
        let found = searcher.find_patients(text, permit.filter(), offset, limit)?;
        Ok(PatientHits { hits: found.hits, total: found.total, total_capped: found.total_capped, understood: found.understood })
    }
}
