//! Where the records lie that statements moved to another chart, and from whom they were moved.
//!
//! Not for: what a question makes of it (`reassigned`, `part`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ahash::AHashMap;

use super::QueryError;
use crate::formats::fhir::{Target, leaf_text, target};
use crate::identity::Reassigned;
use crate::index::Moves;
use crate::model::{AccessionId, Kind, PatientKey};
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

/// The patients whom a record names, its own compartment first.
pub(super) fn patients_of(accession: &Accession, frame: &ChartFrame<'_>, index: usize) -> Vec<PatientKey> {
    if frame.kind(index) == Some(Kind::PATIENT) {
        return frame.names(index).and_then(|(id, _)| PatientKey::parse(&id)).into_iter().collect();
    }
    let source = &accession.source_system;
    let keys = frame.view(index, |shape, leaf| {
        let mut keys: Vec<PatientKey> = Vec::new();
        for at in shape.patient_leaves() {
            let Some(reference) = leaf(usize::from(*at)).map(leaf_text) else { continue };
            let key = match target(&reference) {
                Target::Local(Kind::PATIENT, id) => PatientKey::parse(crate::model::archive_id(source, "Patient", id).as_str()),
                Target::Urn(urn) => match crate::store::Resolver::alias(accession, urn) {
                    Some((Kind::PATIENT, id)) => PatientKey::parse(&id),
                    _ => None,
                },
                _ => None,
            };
            keys.extend(key.filter(|k| !keys.contains(k)));
        }
        keys
    });
    keys.unwrap_or_default()
}
