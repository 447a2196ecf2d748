//! Records that statements moved to another chart: where they lie, so that every question meets them where they belong.
//!
//! A reassigned record lies in the chart that it was moved to and in no other, whomever else it names. What is stored and
//! what is served of it stay as delivered, its `subject` too. Not for: resolving statements (`identity`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ahash::AHashMap;

use super::QueryError;
use super::record::patients_of;
use super::snapshot::{Archive, Snapshot};
use crate::access::Permit;
use crate::identity::{Reassigned, Reassignment};
use crate::index::Moves;
use crate::model::{AccessionId, ArchiveId, Kind, PatientKey};
use crate::store::{Accession, ChartFrame};

/// The reassigned records by place, all versions of them. Nearly always empty.
#[derive(Debug, Default)]
pub(super) struct Moved {
    to: AHashMap<AccessionId, BTreeMap<u64, PatientKey>>,
    /// For each patient who was given records, those under whom they were filed.
    givers: BTreeMap<PatientKey, Vec<PatientKey>>,
}

impl Moved {
    /// Looks the records up. One that is not there (its accession was withdrawn) is passed over.
    pub(super) fn of(accessions: &[Arc<Accession>], reassigned: &Reassigned) -> Result<Moved, QueryError> {
        let mut moved = Moved::default();
        for (kind, id, reassignment) in reassigned.iter() {
            let to = &reassignment.to;
            for accession in accessions.iter().filter(|accession| accession.may_hold(kind, id.as_str())) {
                for found in accession.find(kind, id.as_str())? {
                    let frame = accession.frame(found.frame, false)?;
                    let places = moved.to.entry(accession.id.clone()).or_default();
                    places.insert(frame.ordinal(found.index), to.clone());
                    moved.givers.entry(to.clone()).or_default().extend(patients_of(accession, &frame, found.index));
                }
            }
        }
        for givers in moved.givers.values_mut() {
            givers.sort_unstable();
            givers.dedup();
        }
        Ok(moved)
    }

    /// To whom the record at a place was moved, if it was.
    pub(super) fn to(&self, accession: &AccessionId, ordinal: u64) -> Option<&PatientKey> {
        self.to.get(accession)?.get(&ordinal)
    }

    /// The records of a run that were moved.
    pub(super) fn within(&self, accession: &AccessionId, run: Range<u64>) -> impl Iterator<Item = u64> {
        self.to.get(accession).into_iter().flat_map(move |places| places.range(run.clone())).map(|(ordinal, _)| *ordinal)
    }

    /// The places of an accession whose records were moved to `patient`.
    pub(super) fn arrived(&self, accession: &AccessionId, patient: &PatientKey) -> Vec<u64> {
        let places = self.to.get(accession).into_iter().flatten();
        places.filter(|(_, to)| *to == patient).map(|(ordinal, _)| *ordinal).collect()
    }

    /// The moved records, by the accession in which they lie.
    pub(super) fn all(&self) -> impl Iterator<Item = (&AccessionId, u64, &PatientKey)> {
        self.to.iter().flat_map(|(accession, places)| places.iter().map(move |(ordinal, to)| (accession, *ordinal, to)))
    }

    /// What a search inside the chart of these keys must know; `None` when nothing was moved.
    pub(super) fn for_search<'a>(&self, keys: impl Iterator<Item = &'a PatientKey>) -> Option<Moves> {
        if self.to.is_empty() {
            return None;
        }
        let from = keys.filter_map(|key| self.givers.get(key)).flatten().cloned().collect();
        Some(Moves { to: self.to.clone(), from })
    }
}

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
