//! What a permit's filter leaves: of accessions, of a compartment, of the records of a frame, and whether a patient is
//! there at all. Everything that is counted or shown asks here, so that all of it hides the same.
//!
//! A Patient record that is hidden hides the patient: his chart, each of its records, and that he is there. Not for: what a
//! filter holds (`access`), or search, which has the same filter in its questions (`index`).

use std::ops::Range;
use std::sync::Arc;

use super::QueryError;
use super::snapshot::Snapshot;
use crate::access::{Filter, Permit};
use crate::model::{Kind, PatientKey};
use crate::store::directory::PatientEntry;
use crate::store::{Accession, ChartFrame};

const DAY_US: i64 = 86_400_000_000;

/// First and last clinical day, counted from 1970-01-01.
pub(super) type Days = Option<(i32, i32)>;

/// The accessions whose source system the filter does not hide.
pub(super) fn accessions<'a, 'f>(
    snapshot: &'a Snapshot,
    filter: &'f Filter,
) -> impl Iterator<Item = &'a Arc<Accession>> + use<'a, 'f> {
    snapshot.accessions.iter().filter(|accession| !filter.hide_sources.contains(&*accession.source_system))
}

/// Whether the filter leaves a record, as far as the record itself tells.
pub(super) fn sees(filter: &Filter, accession: &Accession, frame: &ChartFrame<'_>, index: usize) -> bool {
    filter.allows(frame.label(index))
        && !filter.hide_sources.contains(&*accession.source_system)
        && (filter.hide_kinds.is_empty() || frame.kind(index).is_some_and(|kind| !filter.hide_kinds.contains(&kind)))
}

/// Whether the patient is not there: any of his Patient records, of whatever source, carries a hidden class.
pub(super) fn hides_patient(snapshot: &Snapshot, filter: &Filter, key: &PatientKey) -> Result<bool, QueryError> {
    if filter.hide_kinds.contains(&Kind::PATIENT) {
        return Ok(true);
    }
    for accession in snapshot.accessions.iter().filter(|accession| accession.labels().all().intersects(filter.hide)) {
        let Some(entry) = accession.patient(key)? else { continue };
        let mut own = entry.by_kind().filter(|(kind, _)| *kind == Kind::PATIENT);
        if own.any(|(_, range)| accession.labels().hidden(range, filter.hide) > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a record of `patient` may be shown as part of the chart that the permit is for: not when a link alone leads to
/// him and he himself is hidden.
pub(super) fn is_shown(snapshot: &Snapshot, permit: &Permit, patient: Option<&PatientKey>) -> Result<bool, QueryError> {
    match (permit.person(), patient) {
        (Some(keys), Some(patient)) if keys.first() != Some(patient) => Ok(!hides_patient(snapshot, permit.filter(), patient)?),
        _ => Ok(true),
    }
}

/// How many records the filter leaves of a run of one kind.
pub(super) fn left_of(filter: &Filter, accession: &Accession, kind: Kind, run: Range<u64>) -> u64 {
    if filter.allows_of(&accession.source_system, kind) {
        (run.end - run.start) - accession.labels().hidden(run, filter.hide)
    } else {
        0
    }
}

/// How many records the filter leaves of a compartment.
pub(super) fn left_of_all(filter: &Filter, accession: &Accession, entry: &PatientEntry) -> u64 {
    entry.by_kind().map(|(kind, run)| left_of(filter, accession, kind, run)).sum()
}

/// How many records the filter leaves of a compartment, and the days that these span. The directory knows the days
/// unless something is hidden; then the records are looked at.
pub(super) fn extent(filter: &Filter, accession: &Accession, entry: &PatientEntry) -> Result<(u64, Days), QueryError> {
    let records = left_of_all(filter, accession, entry);
    if records == entry.count() {
        return Ok((records, entry.days));
    }
    let mut days = None;
    for (_, run) in entry.by_kind().filter(|(kind, run)| left_of(filter, accession, *kind, run.clone()) > 0) {
        each(accession, run, &mut |frame, index| {
            if sees(filter, accession, frame, index) {
                days = widened(days, frame, index);
            }
            Ok(())
        })?;
    }
    Ok((records, days))
}

/// The span of days with that of one more record. A birth is no visit.
pub(super) fn widened(days: Days, frame: &ChartFrame<'_>, index: usize) -> Days {
    let when = frame.date(index).filter(|_| frame.kind(index) != Some(Kind::PATIENT));
    let Some(when) = when else { return days };
    let day = when.start_us().div_euclid(DAY_US) as i32;
    let (from, to) = days.unwrap_or((day, day));
    Some((from.min(day), to.max(day)))
}

/// Calls `visit` for each record of a range.
pub(super) fn each(
    accession: &Accession,
    range: Range<u64>,
    visit: &mut dyn FnMut(&ChartFrame<'_>, usize) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let mut at = range.start;
    while at < range.end {
        let number = accession.frame_of(at).ok_or_else(|| QueryError::Unreadable("an ordinal lies in no frame".into()))?;
        let frame = accession.frame(number, false)?;
        let first = frame.first_ordinal();
        let last = range.end.min(first + frame.len() as u64);
        for ordinal in at..last {
            visit(&frame, (ordinal - first) as usize)?;
        }
        at = last;
    }
    Ok(())
}
