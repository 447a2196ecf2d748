//! Where a record came from: the delivered file and the place in it, and the source record itself as it was delivered.
//!
//! A message or document may speak of more than the record asked for: its raw form is given only where everything that
//! was made of it may be seen, and all of that is named, so that the audit entry can name it too.
//!
//! Not for: the record as it is served (`record`).

use super::QueryError;
use super::reassigned::patients_now;
use super::record::{Located, located, record_at};
use super::snapshot::{Archive, Snapshot};
use crate::access::Permit;
use crate::model::{ArchiveId, Kind, PatientKey, Record};
use crate::store::Accession;
use crate::store::ledger::{FileRecord, LedgerRow, items_of_ordinal, rows_of_item};

/// Most source records that are looked at for one record.
const ITEMS_MAX: usize = 1_000;

/// Where a record came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The delivered file, by its name in the delivery.
    pub file: String,
    /// 1-based number of the line, message or row in it; 0 where the file is one record.
    pub number: u64,
    /// Offset and length in the file's content, bytes; for records that were mapped.
    pub span: Option<(u64, u64)>,
    /// What the source record is (`hl7v2:ORU^R01`); `None` for a record that was delivered as FHIR.
    pub form: Option<String>,
    /// Name and version of the mapping; `None` for a record that was delivered as FHIR.
    pub mapping: Option<String>,
    /// The zone in which times without an offset were read; `None` for a record that was delivered as FHIR.
    pub time_zone: Option<String>,
    /// How many further source records say the same, as far as was looked.
    pub repeated: usize,
    /// The source record as delivered.
    pub source: Source,
}

/// A source record, if it may be seen.
#[derive(Clone, Debug)]
pub enum Source {
    /// Its bytes, and the other records that were made of it.
    Shown { bytes: Vec<u8>, beside: Vec<Record> },
    /// It also holds what this permit does not cover.
    Withheld,
}

impl Archive {
    /// The origin of a record: of the current version unless one is named. Scope as `record`.
    pub fn origin(
        &self,
        permit: &Permit,
        kind: Kind,
        id: &ArchiveId,
        version: Option<u32>,
    ) -> Result<(Record, Origin), QueryError> {
        let snapshot = self.snapshot();
        let mut all = located(&snapshot, permit, kind, id)?;
        let at = match version {
            None => all.len().checked_sub(1),
            Some(version) => all.iter().position(|(record, _, _)| record.version == version),
        };
        let located = all.swap_remove(at.ok_or(QueryError::NotFound)?);
        let origin = origin_of(&snapshot, permit, &located)?;
        Ok((located.0, origin))
    }
}

impl Archive {
    /// The delivered file that a version of a record came in, and its number in it (0: the file is the record): no content
    /// is read. Scope as `record`.
    pub fn delivered_in(&self, permit: &Permit, record: &Record) -> Result<(String, u64), QueryError> {
        let snapshot = self.snapshot();
        let all = located(&snapshot, permit, record.kind, &record.id)?;
        let (record, accession, _) = all.iter().find(|(r, _, _)| r.place == record.place).ok_or(QueryError::NotFound)?;
        let items = items_of_ordinal(&accession.paths().ledger(), record.place.ordinal, ITEMS_MAX)?;
        let (file, _, number) = file_of(accession, &items)?;
        Ok((file.name.clone(), number))
    }
}

/// The file of the first of these source records, which it is, and its number in the file.
fn file_of<'a>(accession: &'a Accession, items: &[u64]) -> Result<(&'a FileRecord, u64, u64), QueryError> {
    let unlisted = || QueryError::Unreadable("a record has no row in the ledger".into());
    let item = *items.first().ok_or_else(unlisted)?;
    let files = &accession.files;
    let file = files.get(files.partition_point(|f| f.first_item + f.items <= item)).ok_or_else(unlisted)?;
    let number = if file.items == 1 && file.separators.len() <= 1 { 0 } else { item - file.first_item + 1 };
    Ok((file, item, number))
}

fn origin_of(snapshot: &Snapshot, permit: &Permit, (record, accession, found): &Located) -> Result<Origin, QueryError> {
    let items = items_of_ordinal(&accession.paths().ledger(), record.place.ordinal, ITEMS_MAX)?;
    let (file, item, number) = file_of(accession, &items)?;
    let rows = rows_of_item(&accession.paths().ledger(), item)?;
    let head = rows.first().ok_or_else(|| QueryError::Unreadable("a record has no row in the ledger".into()))?;
    let mapped = head.span.is_some();
    let source = match head.span {
        Some(span) => match parts_of(snapshot, permit, record, accession, &rows)? {
            Some(beside) => Source::Shown { bytes: accession.kept_bytes(file, span.0, span.1)?, beside },
            None => Source::Withheld,
        },
        None => Source::Shown { bytes: accession.original(*found)?, beside: Vec::new() },
    };
    Ok(Origin {
        file: file.name.clone(),
        number,
        span: head.span,
        form: mapped.then(|| head.kind.clone()),
        mapping: mapped.then(|| accession.seal.derived.mapping.clone()),
        time_zone: mapped.then(|| accession.seal.derived.time_zone.clone()),
        repeated: items.len() - 1,
        source,
    })
}

/// What else was made of a mapped source record; `None` when some of it is of other patients or hidden.
fn parts_of(
    snapshot: &Snapshot,
    permit: &Permit,
    record: &Record,
    accession: &Accession,
    rows: &[LedgerRow],
) -> Result<Option<Vec<Record>>, QueryError> {
    let own = patients_at(snapshot, accession, record.place.ordinal)?;
    let mut beside = Vec::new();
    for row in rows.iter().filter(|row| row.is_derived()) {
        // What an earlier accession holds already cannot be looked at from here.
        let Some(ordinal) = row.ordinal else { return Ok(None) };
        if ordinal == record.place.ordinal {
            continue;
        }
        let patients = patients_at(snapshot, accession, ordinal)?;
        let Some(other) = record_at_ordinal(accession, ordinal, patients.first().cloned())? else { continue };
        let is_seen = permit.filter().allows(other.label) && permit.filter().allows_of(&other.source_system, other.kind);
        if !is_seen || patients.iter().any(|p| !own.contains(p)) {
            return Ok(None);
        }
        if beside.iter().all(|r: &Record| r.place != other.place) {
            beside.push(other);
        }
    }
    Ok(Some(beside))
}

fn record_at_ordinal(accession: &Accession, ordinal: u64, patient: Option<PatientKey>) -> Result<Option<Record>, QueryError> {
    let Some(number) = accession.frame_of(ordinal) else { return Ok(None) };
    let frame = accession.frame(number, false)?;
    Ok(record_at(accession, &frame, (ordinal - frame.first_ordinal()) as usize, patient))
}

fn patients_at(snapshot: &Snapshot, accession: &Accession, ordinal: u64) -> Result<Vec<PatientKey>, QueryError> {
    let Some(number) = accession.frame_of(ordinal) else { return Ok(Vec::new()) };
    let frame = accession.frame(number, false)?;
    Ok(patients_now(snapshot, accession, &frame, (ordinal - frame.first_ordinal()) as usize))
}
