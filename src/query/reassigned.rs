//! Records that statements moved to another chart: every question meets them where they belong.
//!
//! A reassigned record lies in the chart that it was moved to and in no other, whomever else it names. What is stored and
//! what is served of it stay as delivered, its `subject` too. Not for: resolving statements (`identity`).

use super::moved::patients_of;
use super::snapshot::{Archive, Snapshot};
use crate::access::Permit;
use crate::identity::Reassignment;
use crate::model::{ArchiveId, Kind, PatientKey};
use crate::store::{Accession, ChartFrame};

/// The patients in whose charts a record lies: those whom it names, its own compartment first, or the one to whom a
/// statement moved it.
pub(super) fn patients_now(snapshot: &Snapshot, accession: &Accession, frame: &ChartFrame<'_>, index: usize) -> Vec<PatientKey> {
    match snapshot.moved.to(&accession.id, frame.ordinal(index)) {
        Some(to) => vec![to.clone()],
        None => patients_of(accession, frame, index),
    }
}

impl Archive {
    /// The statement that moved a record to the chart it lies in. Scope: that of the record.
    pub fn reassignment(&self, permit: &Permit, kind: Kind, id: &ArchiveId) -> Option<Reassignment> {
        let stands = self.snapshot().reassigned.get(kind, id).cloned();
        stands.filter(|it| permit.covers_record(kind, id, Some(&it.to)))
    }
}
