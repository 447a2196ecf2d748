//! Reading single records: the current one, all versions, the bytes as delivered.
//!
//! Not for: charts (`chart`), attachments (`document`).

use std::sync::Arc;

use super::QueryError;
use super::reassigned::patients_now;
use super::sight;
use super::snapshot::{Archive, Snapshot};
use crate::access::Permit;
use crate::formats::fhir::{Role, leaf_text};
use crate::model::{ArchiveId, DocumentId, Kind, PatientKey, Record};
use crate::store::{Accession, ChartFrame, Found, parse_document_id};

impl Archive {
    /// One record by type and id, in its current version. Scope: `Record`, or the `Chart` it lies in.
    pub fn record(&self, permit: &Permit, kind: Kind, id: &ArchiveId) -> Result<Record, QueryError> {
        self.versions(permit, kind, id)?.pop().ok_or(QueryError::NotFound)
    }

    /// All versions of a record, oldest first. Scope as `record`.
    pub fn versions(&self, permit: &Permit, kind: Kind, id: &ArchiveId) -> Result<Vec<Record>, QueryError> {
        let snapshot = self.snapshot();
        let records: Vec<Record> = located(&snapshot, permit, kind, id)?.into_iter().map(|(record, _, _)| record).collect();
        if records.is_empty() { Err(QueryError::NotFound) } else { Ok(records) }
    }

    /// The types that have a record of this id, in chart order. Says nothing about whether it may be read: what a
    /// caller does with the answer needs a permit.
    pub fn kinds_of(&self, id: &ArchiveId) -> Vec<Kind> {
        let snapshot = self.snapshot();
        let holds = |accession: &Accession, kind| {
            accession.may_hold(kind, id.as_str()) && accession.find(kind, id.as_str()).is_ok_and(|found| !found.is_empty())
        };
        Kind::all().filter(|kind| snapshot.accessions.iter().any(|a| holds(a, *kind))).collect()
    }
}

impl Archive {
    /// The patients in whose charts a record lies, or the record of a document for the id of one; none when it is nobody's
    /// or cannot be read. For the gate, which decides by it: like `kinds_of` it says nothing about who may read it.
    pub fn patients_of(&self, kind: Kind, id: &ArchiveId) -> Vec<PatientKey> {
        let document = (kind == Kind::BINARY).then(|| parse_document_id(&DocumentId(id.clone()))).flatten();
        let (kind, id) = document.map_or_else(|| (kind, id.clone()), |(kind, record, _)| (kind, record));
        let snapshot = self.snapshot();
        let mut all = Vec::new();
        for accession in &snapshot.accessions {
            let Ok(places) = accession.find(kind, id.as_str()) else { return Vec::new() };
            for found in places {
                // With some of them missing a grant for the others would seem to cover all.
                let Ok(frame) = accession.frame(found.frame, false) else { return Vec::new() };
                all.extend(patients_now(&snapshot, accession, &frame, found.index));
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A record with where it lies.
pub(super) type Located = (Record, Arc<Accession>, Found);

/// All versions that the permit covers and does not hide, oldest first.
pub(super) fn located(snapshot: &Snapshot, permit: &Permit, kind: Kind, id: &ArchiveId) -> Result<Vec<Located>, QueryError> {
    located_where(snapshot, permit, kind, id, &|patient| permit.covers_record(kind, id, patient))
}

/// As [`located`], with another question to the permit's scope.
pub(super) fn located_where(
    snapshot: &Snapshot,
    permit: &Permit,
    kind: Kind,
    id: &ArchiveId,
    covers: &dyn Fn(Option<&PatientKey>) -> bool,
) -> Result<Vec<Located>, QueryError> {
    let mut all: Vec<(String, Located)> = Vec::new();
    let mut is_out_of_scope = false;
    for accession in sight::accessions(snapshot, permit.filter()) {
        for found in accession.find(kind, id.as_str())? {
            let frame = accession.frame(found.frame, false)?;
            let patients = patients_now(snapshot, accession, &frame, found.index);
            // A record that names several patients lies in the chart of each.
            let patient = patients.iter().find(|p| covers(Some(p))).or(patients.first());
            if !covers(patient) || !sight::is_shown(snapshot, permit, patient)? {
                is_out_of_scope = true;
                continue;
            }
            // A hidden version hides the record: its other versions would tell that there is one. So does a hidden
            // patient in whose chart it lies.
            let mut is_hidden = !sight::sees(permit.filter(), accession, &frame, found.index);
            for patient in patients.first().into_iter().chain(patient) {
                is_hidden = is_hidden || sight::hides_patient(snapshot, permit.filter(), patient)?;
            }
            if is_hidden {
                return Ok(Vec::new());
            }
            let Some(record) = record_at(accession, &frame, found.index, patient.cloned()) else { continue };
            all.push((last_updated(&frame, found.index), (record, accession.clone(), found)));
        }
    }
    if all.is_empty() && is_out_of_scope {
        return Err(QueryError::OutOfScope);
    }
    // Equal times keep the order of publication and of the chart.
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(all
        .into_iter()
        .enumerate()
        .map(|(number, (_, mut located))| {
            located.0.version = number as u32 + 1;
            located
        })
        .collect())
}

/// `meta.lastUpdated` as comparable text; empty without one.
pub(super) fn last_updated(frame: &ChartFrame<'_>, index: usize) -> String {
    frame
        .view(index, |shape, leaf| {
            let at = shape.roles().iter().position(|r| *r == Role::LastUpdated)?;
            let text = leaf_text(leaf(at)?).into_owned();
            // Instants with different offsets are compared by their time.
            crate::model::When::parse(&text).map(|w| format!("{:020}", w.start_us().max(0)))
        })
        .flatten()
        .unwrap_or_default()
}

/// The record at a place, with version 1 until its versions have been counted.
pub(super) fn record_at(
    accession: &Accession,
    frame: &ChartFrame<'_>,
    index: usize,
    patient: Option<PatientKey>,
) -> Option<Record> {
    let record = named_at(accession, frame, index, patient)?;
    let mut json = Vec::with_capacity(1024);
    frame.served(index, record.id.as_str(), &mut json);
    Some(Record { json: String::from_utf8(json).ok()?.into(), ..record })
}

/// The same without its JSON, for whoever only has to know which records there are and in what order.
pub(super) fn named_at(
    accession: &Accession,
    frame: &ChartFrame<'_>,
    index: usize,
    patient: Option<PatientKey>,
) -> Option<Record> {
    let kind = frame.kind(index)?;
    let (id, original_id) = frame.names(index)?;
    Some(Record {
        kind,
        id: ArchiveId::parse(&id)?,
        original_id: original_id.into(),
        patient,
        place: accession.place(frame.ordinal(index)),
        source_system: accession.source_system.clone(),
        version: 1,
        label: frame.label(index),
        json: String::new().into(),
    })
}
