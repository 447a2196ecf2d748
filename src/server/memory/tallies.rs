//! The counts of charts, kept: to count one, all of it must be looked at, and its pages are asked for one after the other.
//!
//! Not for: how it is counted (`query::census`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::{Filter, Permit};
use crate::model::{Chart, PatientKey};
use crate::query::{Archive, Census};

/// Charts remembered; when they are more, the memory begins anew.
const CHARTS_MAX: usize = 500;

/// Counts by what they depend on: the patient with the person's other keys, the state of the archive, and what is hidden.
type Counted = HashMap<(Vec<PatientKey>, String, Filter), Arc<Census>>;

#[derive(Debug, Default)]
pub struct Tallies(Mutex<Counted>);

impl Tallies {
    /// The counts of this chart under the permit's filter; `None` when it cannot be read.
    pub fn of(&self, archive: &Archive, chart: &Chart, permit: &Permit) -> Option<Arc<Census>> {
        let linked = chart.index.linked.iter().map(|linked| &linked.key);
        let keys = std::iter::once(&chart.index.patient).chain(linked).cloned().collect();
        let key = (keys, archive.state(), permit.filter().clone());
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(known.clone());
        }
        let census = Arc::new(archive.census(permit, &chart.index.patient).ok()?);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CHARTS_MAX {
            known.clear();
        }
        known.insert(key, census.clone());
        Some(census)
    }
}
