//! The archive cut into parts, for exports of many patients: each part is some patients' compartments, or some records of
//! nobody. The cut depends on what is archived and on nothing else, so that an export that was stopped goes on where it was.
//!
//! Every current record lies in one part: one that names several patients, in that of its own compartment. Not for: one
//! person's chart (`chart`), or what is written of a part (`export`).

use std::ops::Range;

use super::QueryError;
use super::found::Found;
use super::part::parts;
use super::reassigned::patients_now;
use super::record::record_at;
use super::sight;
use super::snapshot::{Archive, Snapshot};
use crate::access::{Filter, Permit};
use crate::model::{AccessionId, ArchiveId, Kind, PatientKey, Record};
use crate::store::{Accession, ChartFrame};

/// Frames of a patient directory in one part; a frame holds 64 patients.
const DIRECTORY_FRAMES: u32 = 16;
/// Frames of charts in one part of patientless records; a frame holds about a mebibyte of records.
const CHART_FRAMES: u32 = 1024;
/// Patientless records that are given at a time, at least (the frame they lie in is finished).
const RECORDS_AT_A_TIME: usize = 2_000;

/// One part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WholePart {
    accession: AccessionId,
    of: Of,
    frames: Range<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Of {
    Patients,
    Nobody,
}

impl WholePart {
    /// Whether it is of patients; else of records that name none.
    pub fn is_of_patients(&self) -> bool {
        self.of == Of::Patients
    }

    /// Where the walk over its patientless records begins.
    pub fn start(&self) -> u32 {
        self.frames.start
    }
}

impl Archive {
    /// All parts, in order; of one source system when one is named. Scope: `Everything` or `Bulk`.
    pub fn parts(&self, permit: &Permit, source: Option<&str>) -> Result<Vec<WholePart>, QueryError> {
        covers_all(permit)?;
        let snapshot = self.snapshot();
        let accessions = || of_source(&snapshot, permit.filter(), source);
        let mut parts = Vec::new();
        for (of, step) in [(Of::Patients, DIRECTORY_FRAMES), (Of::Nobody, CHART_FRAMES)] {
            for accession in accessions() {
                let frames = if of == Of::Patients { accession.directory().frames() as u32 } else { accession.frames() };
                let starts = (0..frames).step_by(step as usize);
                parts.extend(starts.map(|start| WholePart {
                    accession: accession.id.clone(),
                    of,
                    frames: start..frames.min(start + step),
                }));
            }
        }
        Ok(parts)
    }

    /// The patients of a part, in the order of charts. One that several accessions hold is in a part of the first. Scope as
    /// `parts`.
    pub fn patients_of_part(
        &self,
        permit: &Permit,
        part: &WholePart,
        source: Option<&str>,
    ) -> Result<Vec<PatientKey>, QueryError> {
        covers_all(permit)?;
        let snapshot = self.snapshot();
        let accession = snapshot.accession(&part.accession).ok_or(QueryError::NotFound)?;
        let filter = permit.filter();
        let earlier: Vec<_> = of_source(&snapshot, filter, source).take_while(|other| other.id != accession.id).collect();
        let mut keys = Vec::new();
        for frame in part.frames.clone().filter(|_| part.of == Of::Patients) {
            for entry in accession.directory().frame(frame as usize, false)? {
                let Some(key) = PatientKey::parse(&entry.key) else { continue };
                if sight::left_of_all(filter, accession, &entry) == 0 || sight::hides_patient(&snapshot, filter, &key)? {
                    continue;
                }
                let mut is_new = true;
                for other in &earlier {
                    let held = other.patient(&key)?;
                    is_new &= held.is_none_or(|entry| sight::left_of_all(filter, other, &entry) == 0);
                }
                keys.extend(is_new.then_some(key));
            }
        }
        Ok(keys)
    }

    /// The current records of a patient's own compartment; those that lie elsewhere and name him too are in the part of that
    /// other. Scope as `parts`.
    pub fn compartment(&self, permit: &Permit, patient: &PatientKey, kinds: &[Kind]) -> Result<Vec<Record>, QueryError> {
        covers_all(permit)?;
        let snapshot = self.snapshot();
        let selection = super::Selection { kinds: kinds.to_vec(), newest: None };
        let mut found = Found::default();
        for mut part in parts(&snapshot, permit, patient)? {
            part.entry.also.clear();
            part.visit(&selection, permit.filter(), &mut |frame, at| {
                if let Some(record) = record_at(part.accession, frame, at, Some(patient.clone())) {
                    found.add(frame, at, record);
                }
                Ok(())
            })?;
        }
        Ok(found.current(None))
    }

    /// Current records of a part that name no patient, some thousand at a time, and the frame to go on from; `None` when
    /// there are no more. Scope as `parts`.
    pub fn nobodys(
        &self,
        permit: &Permit,
        part: &WholePart,
        from: u32,
        kinds: &[Kind],
    ) -> Result<Option<(Vec<Record>, u32)>, QueryError> {
        covers_all(permit)?;
        let snapshot = self.snapshot();
        let accession = snapshot.accession(&part.accession).ok_or(QueryError::NotFound)?;
        let mut records = Vec::new();
        let mut at = from;
        while part.of == Of::Nobody && at < part.frames.end && records.len() < RECORDS_AT_A_TIME {
            let frame = accession.frame(at, false)?;
            at += 1;
            for index in 0..frame.len() {
                let is_wanted = frame.kind(index).is_some_and(|kind| kinds.is_empty() || kinds.contains(&kind));
                if !is_wanted
                    || !sight::sees(permit.filter(), accession, &frame, index)
                    || !patients_now(&snapshot, accession, &frame, index).is_empty()
                {
                    continue;
                }
                let Some(record) = record_at(accession, &frame, index, None) else { continue };
                if is_sole(&snapshot, accession, &frame, &record)? || self.is_current(permit, &record)? {
                    records.push(record);
                }
            }
        }
        Ok((!records.is_empty()).then_some((records, at)))
    }

    fn is_current(&self, permit: &Permit, record: &Record) -> Result<bool, QueryError> {
        match self.record(permit, record.kind, &record.id) {
            Ok(current) => Ok(current.place == record.place),
            // A version that is hidden hides the record.
            Err(QueryError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether no other version of the record can be anywhere: the locators alone are asked.
fn is_sole(snapshot: &Snapshot, accession: &Accession, frame: &ChartFrame<'_>, record: &Record) -> Result<bool, QueryError> {
    let name: (Kind, &ArchiveId) = (record.kind, &record.id);
    let elsewhere = snapshot.accessions.iter().filter(|other| other.id != accession.id);
    if elsewhere.into_iter().any(|other| other.may_hold(name.0, name.1.as_str())) {
        return Ok(false);
    }
    let named = (0..frame.len()).filter(|index| frame.is_named(*index, name.0, name.1.as_str())).count();
    Ok(named == 1 && accession.frames_that_may_hold(name.0, name.1.as_str()).len() == 1)
}

fn covers_all(permit: &Permit) -> Result<(), QueryError> {
    if permit.covers_all() { Ok(()) } else { Err(QueryError::OutOfScope) }
}

fn of_source<'a>(
    snapshot: &'a Snapshot,
    filter: &'a Filter,
    source: Option<&'a str>,
) -> impl Iterator<Item = &'a std::sync::Arc<Accession>> {
    sight::accessions(snapshot, filter).filter(move |accession| source.is_none_or(|source| *accession.source_system == *source))
}
