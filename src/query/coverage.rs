//! How far the codes of an accession have a standard one beside them, and which stand alone. Scope: `Accessions`.
//!
//! A walk over every record, so that it is made in the background and remembered for the generation. Not for: mapping
//! (`store::terminology`).

use jiff::Timestamp;

use super::QueryError;
use super::background::Codes;
use super::slow::Looked;
use super::snapshot::Archive;
use crate::access::Permit;
use crate::limits::UNMAPPED_MAX;
use crate::model::AccessionId;
use crate::store::unmapped::survey;

impl Archive {
    /// The codes of an accession in force, or that they are being counted.
    pub fn codes(&self, permit: &Permit, id: &AccessionId) -> Result<Looked<Codes>, QueryError> {
        if !permit.covers_accessions() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let accession = snapshot.accession(id).ok_or(QueryError::NotFound)?.clone();
        let key = (id.clone(), accession.generation);
        Ok(self.background().codes.look(&key, move || match survey(&accession) {
            Ok(mut found) => {
                let unmapped_total = found.unmapped.len() as u64;
                found.unmapped.truncate(UNMAPPED_MAX);
                Some(Codes { at: Timestamp::now(), coverage: found.coverage, unmapped: found.unmapped, unmapped_total })
            }
            Err(error) => {
                tracing::error!(%error, "the codes of an accession could not be counted");
                None
            }
        }))
    }
}
