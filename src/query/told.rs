//! Kind and date of records by their places, for whoever reads the access log: what somebody saw, without its content.
//!
//! Not for: reading records; nothing of their text is told here.

use std::collections::BTreeMap;

use super::QueryError;
use super::snapshot::Archive;
use crate::access::{Permit, Scope};
use crate::model::{Kind, Place};

/// One record that an entry names.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    pub place: Place,
    /// `None` when the record's accession is not in force, or was packed anew since.
    pub kind: Option<Kind>,
    /// The day, with the precision that the record has.
    pub day: Option<String>,
}

/// Kind and day of one record.
type Known = (Option<Kind>, Option<String>);

impl Archive {
    /// What lies at these places, in their order. Scope: `AuditLog`.
    pub fn told(&self, permit: &Permit, places: &[Place]) -> Result<Vec<Told>, QueryError> {
        if !matches!(permit.scope(), Scope::AuditLog(_)) {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let mut known: BTreeMap<(&str, u64), Known> = BTreeMap::new();
        for accession in &snapshot.accessions {
            let mut wanted: Vec<&Place> = places.iter().filter(|place| accession.id == place.accession).collect();
            wanted.retain(|place| place.generation == accession.generation);
            wanted.sort_by_key(|place| place.ordinal);
            let mut waiting = wanted.into_iter().peekable();
            while let Some(first) = waiting.peek() {
                let Some(number) = accession.frame_of(first.ordinal) else {
                    waiting.next();
                    continue;
                };
                let frame = accession.frame(number, false)?;
                while let Some(place) = waiting.next_if(|place| accession.frame_of(place.ordinal) == Some(number)) {
                    let at = usize::try_from(place.ordinal.saturating_sub(frame.first_ordinal())).unwrap_or(usize::MAX);
                    if at < frame.len() {
                        let day = frame.date(at).map(|when| when.date_text().to_string());
                        known.insert((place.accession.as_str(), place.ordinal), (frame.kind(at), day));
                    }
                }
            }
        }
        let told = places.iter().map(|place| {
            let (kind, day) = known.get(&(place.accession.as_str(), place.ordinal)).cloned().unwrap_or_default();
            Told { place: place.clone(), kind, day }
        });
        Ok(told.collect())
    }
}
