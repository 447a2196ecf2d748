//! What a reviewer of an accession looks at: records of a sample beside their source, and what was kept whole because it
//! could not be read or a rule left it out.
//!
//! Both may hold anything of anybody, so that the permit must hide nothing. Not for: drawing the
//! sample (`store::sample`).

use std::sync::Arc;

use super::QueryError;
use super::reassigned::patients_now;
use super::record::record_at;
use super::snapshot::{Archive, Snapshot};
use crate::access::Permit;
use crate::model::{AccessionId, Place, Record};
use crate::store::Accession;
use crate::store::ledger::{FileRecord, LedgerRow, rows_of_item};
use crate::store::sample::Drawn;

/// Bytes of a source record that a sample shows.
const SOURCE_BYTES: u64 = 64 << 10;

/// A record of a sample, beside what it was made of.
#[derive(Clone, Debug)]
pub struct Sampled {
    pub record: Record,
    /// The delivered file, and the 1-based number of the item in it.
    pub file: String,
    pub number: u64,
    /// 1-based entry of a Bundle, or 0.
    pub entry: u32,
    /// What the source record is (`hl7v2:ORU^R01`); `None` for a record that was delivered as FHIR.
    pub form: Option<String>,
    /// The source record as delivered, or its beginning.
    pub source: Vec<u8>,
    /// Its whole length.
    pub source_bytes: u64,
    /// Everything that was made of the source record.
    pub places: Vec<Place>,
}

/// A source record that is no record of the archive, as delivered.
#[derive(Clone, Debug)]
pub struct KeptItem {
    pub file: String,
    /// 1-based number of the item in its file.
    pub number: u64,
    pub kind: String,
    /// `quarantined` or `excluded`.
    pub outcome: String,
    pub reason: String,
    pub bytes: Vec<u8>,
}

impl Archive {
    /// A record of a sample with its source. Scope: `Quarantine` or `Everything`, and nothing hidden.
    pub fn sampled(&self, permit: &Permit, accession: &AccessionId, drawn: &Drawn) -> Result<Sampled, QueryError> {
        let snapshot = self.snapshot();
        let accession = reviewed(&snapshot, permit, accession)?;
        let missing = || QueryError::Unreadable("a row of the ledger leads to no record".into());
        let frame = accession.frame(accession.frame_of(drawn.ordinal).ok_or_else(missing)?, false)?;
        let index = (drawn.ordinal - frame.first_ordinal()) as usize;
        let patient = patients_now(&snapshot, accession, &frame, index).into_iter().next();
        let record = record_at(accession, &frame, index, patient).ok_or_else(missing)?;
        let rows = rows_of_item(&accession.paths().ledger(), drawn.item)?;
        let file = file_of(accession, drawn.item).ok_or_else(missing)?;
        let head = rows.iter().find(|row| row.span.is_some());
        let (source, source_bytes) = match head.and_then(|row| row.span) {
            Some((offset, length)) => (accession.kept_bytes(file, offset, length.min(SOURCE_BYTES))?, length),
            None => {
                let mut bytes = frame.original(index)?;
                let length = bytes.len() as u64;
                bytes.truncate(SOURCE_BYTES as usize);
                (bytes, length)
            }
        };
        let mut places = vec![record.place.clone()];
        if head.is_some() {
            let made = rows.iter().filter(|row| row.is_derived()).filter_map(|row| row.ordinal);
            places.extend(made.filter(|ordinal| *ordinal != drawn.ordinal).map(|ordinal| accession.place(ordinal)));
        }
        Ok(Sampled {
            record,
            file: file.name.clone(),
            number: drawn.item - file.first_item + 1,
            entry: if head.is_some() { 0 } else { drawn.entry },
            form: head.map(|row| row.kind.clone()),
            source,
            source_bytes,
            places,
        })
    }

    /// What was kept of a quarantined or excluded source record; `item` is the ledger's number. Scope as `sampled`.
    pub fn kept_item(&self, permit: &Permit, accession: &AccessionId, item: u64, entry: u32) -> Result<KeptItem, QueryError> {
        let snapshot = self.snapshot();
        let accession = reviewed(&snapshot, permit, accession)?;
        let (row, bytes) = find_kept(accession, item, entry)?;
        let file = file_of(accession, item).ok_or(QueryError::NotFound)?;
        Ok(KeptItem {
            file: file.name.clone(),
            number: item - file.first_item + 1,
            kind: row.kind,
            outcome: row.outcome,
            reason: row.reason.unwrap_or_default(),
            bytes,
        })
    }
}

/// The ledger's row of a quarantined or excluded source record, and its bytes.
pub(super) fn find_kept(accession: &Accession, item: u64, entry: u32) -> Result<(LedgerRow, Vec<u8>), QueryError> {
    let is_kept = |row: &LedgerRow| row.entry == entry && matches!(row.outcome.as_str(), "quarantined" | "excluded");
    let rows = rows_of_item(&accession.paths().ledger(), item)?;
    let row = rows.into_iter().find(is_kept).ok_or(QueryError::NotFound)?;
    let file = file_of(accession, item).ok_or(QueryError::NotFound)?;
    let bytes = match (row.document, row.span) {
        (Some(document), _) => accession.kept(document)?,
        (None, Some((offset, length))) => accession.kept_bytes(file, offset, length)?,
        (None, None) => return Err(QueryError::Unreadable("the ledger does not say where the item is kept".into())),
    };
    Ok((row, bytes))
}

/// The accession, for who may read everything in it.
fn reviewed<'a>(snapshot: &'a Snapshot, permit: &Permit, id: &AccessionId) -> Result<&'a Arc<Accession>, QueryError> {
    if !permit.covers_quarantine() {
        return Err(QueryError::OutOfScope);
    }
    let awaiting = || snapshot.awaiting.iter().find(|a| a.id == *id);
    snapshot.accession(id).or_else(awaiting).ok_or(QueryError::NotFound)
}

pub(super) fn file_of(accession: &Accession, item: u64) -> Option<&FileRecord> {
    let at = accession.files.partition_point(|f| f.first_item + f.items <= item);
    accession.files.get(at).filter(|f| f.first_item <= item)
}
