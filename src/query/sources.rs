//! The source records (messages, rows, documents) that a person's records were made of, as they were delivered.
//!
//! One is given only when everything that was made of it is of this person and may be seen; another is passed over as if it
//! were not there. Records that were delivered as FHIR have no other source than themselves. Not for: the source of one record
//! (`origin`).

use std::collections::BTreeMap;

use ahash::AHashSet;

use super::QueryError;
use super::part::parts;
use super::reassigned::patients_now;
use super::sight;
use super::snapshot::{Archive, Snapshot};
use super::wanted::Selection;
use crate::access::Permit;
use crate::model::{AccessionId, Kind, Label, PatientKey, Place};
use crate::store::Accession;
use crate::store::ledger::{LedgerRow, items_of_ordinals, rows_of_items};

/// A source record that may be given, found but not read yet.
#[derive(Clone, Debug)]
pub struct SourceRef {
    accession: AccessionId,
    item: u64,
    form: String,
    span: (u64, u64),
    /// Of what was made of it.
    ordinals: Vec<u64>,
}

/// A source record as delivered.
#[derive(Clone, Debug)]
pub struct SourceItem {
    pub accession: AccessionId,
    /// The delivered file, by its name in the delivery, and the 1-based number of the item in it.
    pub file: String,
    pub number: u64,
    /// What it is (`hl7v2:ORU^R01`).
    pub form: String,
    pub bytes: Vec<u8>,
    /// Everything that was made of it.
    pub places: Vec<Place>,
    pub kinds: Vec<Kind>,
    pub label: Label,
}

impl Archive {
    /// Where the source records of a person lie, accession by accession in the order of items. Scope: that of the chart.
    pub fn sources_of(&self, permit: &Permit, patient: &PatientKey) -> Result<Vec<SourceRef>, QueryError> {
        let snapshot = self.snapshot();
        let mut ordinals: BTreeMap<AccessionId, AHashSet<u64>> = BTreeMap::new();
        for part in parts(&snapshot, permit, patient)? {
            part.visit(&Selection::default(), permit.filter(), &mut |frame, at| {
                ordinals.entry(part.accession.id.clone()).or_default().insert(frame.ordinal(at));
                Ok(())
            })?;
        }
        let mut found = Vec::new();
        for accession in snapshot.accessions.iter().filter(|accession| is_mapped(accession)) {
            let Some(wanted) = ordinals.get(&accession.id) else { continue };
            let ledger = accession.paths().ledger();
            let rows = rows_of_items(&ledger, &items_of_ordinals(&ledger, wanted)?)?;
            for rows in rows.chunk_by(|a, b| a.item == b.item) {
                found.extend(source_of(accession, rows));
            }
        }
        Ok(found)
    }

    /// The source record, if all that was made of it is of this person and may be seen; else `None`. Scope as `sources_of`.
    pub fn source(&self, permit: &Permit, source: &SourceRef) -> Result<Option<SourceItem>, QueryError> {
        let snapshot = self.snapshot();
        let accession = snapshot.accession(&source.accession).ok_or(QueryError::NotFound)?;
        let mut item = SourceItem {
            accession: accession.id.clone(),
            file: String::new(),
            number: 0,
            form: source.form.clone(),
            bytes: Vec::new(),
            places: Vec::new(),
            kinds: Vec::new(),
            label: Label::NORMAL,
        };
        for ordinal in &source.ordinals {
            if !add(&snapshot, permit, accession, *ordinal, &mut item)? {
                return Ok(None);
            }
        }
        let at = accession.files.partition_point(|file| file.first_item + file.items <= source.item);
        let file = accession.files.get(at).ok_or_else(|| QueryError::Unreadable("an item lies in no file".into()))?;
        item.file = file.name.clone();
        item.number = source.item - file.first_item + 1;
        item.bytes = accession.kept_bytes(file, source.span.0, source.span.1)?;
        Ok(Some(item))
    }
}

/// Whether anything in it was mapped from another form than FHIR.
fn is_mapped(accession: &Accession) -> bool {
    accession.files.iter().any(|file| matches!(file.fate.as_str(), "messages" | "rows" | "document"))
}

/// The source record of these rows of one item; `None` for one of FHIR, or when a part of it lies where it cannot be looked at
/// from here.
fn source_of(accession: &Accession, rows: &[LedgerRow]) -> Option<SourceRef> {
    let head = rows.first()?;
    let made: Option<Vec<u64>> = rows.iter().filter(|row| row.is_derived()).map(|row| row.ordinal).collect();
    let mut ordinals = made.filter(|made| !made.is_empty())?;
    ordinals.sort_unstable();
    ordinals.dedup();
    Some(SourceRef { accession: accession.id.clone(), item: head.item, form: head.kind.clone(), span: head.span?, ordinals })
}

/// Adds one record that was made of the item; `false` when it is of others too or hidden.
fn add(
    snapshot: &Snapshot,
    permit: &Permit,
    accession: &Accession,
    ordinal: u64,
    item: &mut SourceItem,
) -> Result<bool, QueryError> {
    let outside = || QueryError::Unreadable("an ordinal lies in no frame".into());
    let frame = accession.frame(accession.frame_of(ordinal).ok_or_else(outside)?, false)?;
    let index = (ordinal - frame.first_ordinal()) as usize;
    if !sight::sees(permit.filter(), accession, &frame, index) {
        return Ok(false);
    }
    for patient in patients_now(snapshot, accession, &frame, index) {
        if !permit.covers_patient(&patient) || sight::hides_patient(snapshot, permit.filter(), &patient)? {
            return Ok(false);
        }
    }
    item.places.push(accession.place(ordinal));
    item.kinds.extend(frame.kind(index).filter(|kind| !item.kinds.contains(kind)));
    item.label = item.label.union(frame.label(index));
    Ok(true)
}
