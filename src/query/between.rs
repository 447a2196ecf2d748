//! The records of a chart that are dated between two instants, read without unpacking the rest of a large chart.
//!
//! Not for: whole charts (`chart`), or records without a date: they lie between no two instants.

use super::QueryError;
use super::found::Found;
use super::part::{is_pieced, parts};
use super::record::record_at;
use super::snapshot::Archive;
use super::wanted::Between;
use crate::access::Permit;
use crate::model::{PatientKey, Record};

/// What was found, and how many of these were passed over since there are more than were asked for.
#[derive(Debug, Default)]
pub struct Dated {
    pub records: Vec<Record>,
    pub passed_over: u64,
}

impl Archive {
    /// The records between two instants, by kind and date, newest last. Scope: that of the chart.
    pub fn chart_between(&self, permit: &Permit, patient: &PatientKey, wanted: &Between) -> Result<Dated, QueryError> {
        let snapshot = self.snapshot();
        let parts = parts(&snapshot, permit, patient)?;
        let mut found = Found::of(is_pieced(&parts, patient).then(|| patient.clone()));
        let mut passed_over = 0;
        for part in &parts {
            passed_over += part.visit_between(wanted, permit.filter(), &mut |frame, at| {
                if let Some(record) = record_at(part.accession, frame, at, Some(part.key.clone())) {
                    found.add(frame, at, record);
                }
                Ok(())
            })?;
        }
        Ok(Dated { records: found.current(None), passed_over })
    }
}
