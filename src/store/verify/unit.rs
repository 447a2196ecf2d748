//! One unit of chart frames: its records restored, hashed, named and looked up in the locator.
//!
//! Not for: sharing out the units and joining what they brought (`charts`).

use std::ops::Range;

use super::Checker;
use crate::formats::fhir::leaf_text;
use crate::merkle::Hash;
use crate::model::{Kind, archive_id, is_true_uuid};
use crate::store::codec::WHOLE;
use crate::store::locator::name_hash;
use crate::store::restore::{Restorer, Unit};
use crate::store::{Accession, ChartFrame, LeafHasher, StoreError};

/// What is remembered of one record until its neighbours are known.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub kind: Kind,
}

/// What one unit of frames brought.
#[derive(Default)]
pub(super) struct UnitResult {
    pub part: usize,
    /// One for each record; `None` where it could not be read.
    pub seen: Vec<Option<Seen>>,
    pub leaves: Vec<Hash>,
    /// Names of `Patient` records, in order.
    pub patients: Vec<String>,
    /// Documents that the unit's records were moved to.
    pub documents: Option<Range<u64>>,
    /// The first record whose label holds less than its own security codes say.
    unlabelled: Option<StoreError>,
}

/// Reads the frames of a unit. A frame that cannot be read is a finding, and its records count as not read.
pub(super) fn read_unit(checker: &Checker<'_>, accession: &Accession, unit: &Unit) -> UnitResult {
    let mut result = UnitResult { part: unit.part, ..UnitResult::default() };
    let Some(hasher) = accession.leaf_hasher() else {
        checker.find(&accession.paths.manifest(), None, "the seal's secret is not of the known form");
        return result;
    };
    let chart = &accession.charts[unit.part];
    let mut reader =
        UnitReader { accession, hasher, restorer: Restorer::new(accession, unit.part), text: Vec::new(), name: String::new() };
    for number in unit.frames.clone() {
        let meta = &chart.frames()[(number - unit.part_start) as usize];
        reader.restorer.next = meta.base;
        let from = result.seen.len();
        if let Err(error) = reader.frame(number, &mut result) {
            checker.error(chart.path(), &error);
            result.seen.truncate(from);
            result.seen.resize(from + meta.items as usize, None);
        }
        let documents = result.documents.get_or_insert(meta.base..meta.base);
        if documents.end != meta.base {
            checker.find(chart.path(), Some(meta.offset), "documents are left out or named twice between two frames");
        }
        documents.end = reader.restorer.next;
    }
    if let Some(error) = &result.unlabelled {
        checker.error(&accession.paths.labels(), error);
    }
    result
}

/// A worker's buffers.
struct UnitReader<'a> {
    accession: &'a Accession,
    hasher: LeafHasher,
    restorer: Restorer<'a>,
    text: Vec<u8>,
    name: String,
}

impl UnitReader<'_> {
    fn frame(&mut self, number: u32, result: &mut UnitResult) -> Result<(), StoreError> {
        let frame = self.accession.frame(number, true)?;
        for index in 0..frame.len() {
            self.text.clear();
            self.restorer.text(&frame, index, &mut self.text)?;
            let kind = self.name_record(&frame, index)?;
            if !self.accession.locator.leads_to(name_hash(kind.name(), self.name.as_bytes()), number) {
                let (path, ordinal) = (self.accession.paths.locator(), frame.ordinal(index));
                return Err(StoreError::damaged(&path, 0, &format!("record {ordinal} is not found by its name")));
            }
            if frame.own_label(index).without(frame.label(index)).is_restricted() {
                let (path, ordinal) = (self.accession.paths.labels(), frame.ordinal(index));
                result.unlabelled.get_or_insert_with(|| {
                    StoreError::damaged(
                        &path,
                        0,
                        &format!("record {ordinal} carries security codes that its label does not cover"),
                    )
                });
            }
            result.leaves.push(self.hasher.leaf(kind, &self.name, &self.text));
            result.seen.push(Some(Seen { kind }));
            if kind == Kind::PATIENT {
                result.patients.push(self.name.clone());
            }
        }
        Ok(())
    }

    /// Sets `name` to the archive id of a record; gives its type.
    fn name_record(&mut self, frame: &ChartFrame<'_>, index: usize) -> Result<Kind, StoreError> {
        let unnamed = || StoreError::damaged(&self.accession.paths.shapes(), 0, "a record has no readable type or name");
        self.name.clear();
        let number = frame.decoded.shape(index);
        let shape = if number == WHOLE { None } else { self.accession.shapes.get(number) };
        let Some((shape, id)) = shape.and_then(|s| Some((s, frame.decoded.leaf(index, s.id_leaf()?)?))) else {
            let (name, _) = frame.names(index).ok_or_else(unnamed)?;
            self.name.push_str(&name);
            return frame.kind(index).ok_or_else(unnamed);
        };
        let id = leaf_text(id);
        if is_true_uuid(&id) {
            self.name.push_str(&id);
        } else {
            self.name.push_str(archive_id(&self.accession.source_system, shape.kind().name(), &id).as_str());
        }
        Ok(shape.kind())
    }
}
