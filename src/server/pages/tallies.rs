//! How many laboratory results and vital signs a chart holds, as an earlier page counted them: the chart's index counts
//! observations as one kind, and to tell them apart all of them must be read.
//!
//! Not for: counts by kind, which the index has.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::access::{Filter, Permit};
use crate::model::{Chart, PatientKey};
use crate::server::viewer::observations;

/// Charts remembered; when they are more, the memory begins anew.
const CHARTS_MAX: usize = 10_000;

/// Counts by what they depend on: the patient with the person's other keys, the catalog in force, and what is
/// hidden.
type Counted = HashMap<(Vec<PatientKey>, u64, Filter), (u64, u64)>;

#[derive(Debug, Default)]
pub struct Tallies(Mutex<Counted>);

impl Tallies {
    /// Laboratory results and vital signs of this chart, counted now when all observations are at hand, else as
    /// remembered under the same filter.
    pub fn of(&self, chart: &Chart, permit: &Permit, catalog: u64) -> Option<(u64, u64)> {
        let linked = chart.index.linked.iter().map(|linked| &linked.key);
        let keys = std::iter::once(&chart.index.patient).chain(linked).cloned().collect();
        let key = (keys, catalog, permit.filter().clone());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(counted) = observations(chart) else { return known.get(&key).copied() };
        if known.len() >= CHARTS_MAX {
            known.clear();
        }
        known.insert(key, counted);
        Some(counted)
    }
}
