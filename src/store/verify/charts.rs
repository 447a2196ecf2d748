//! Every chart frame of an accession: decoded, every record restored and hashed, named, and looked up in the locator.
//! Workers take runs of frames; their results are joined in order, so that the Merkle tree grows leaf by leaf.
//!
//! Not for: what the other files say about the records (`contents`, `people`, `ledger`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::people::People;
use super::{Checker, Progress};
use crate::formats::fhir::leaf_text;
use crate::merkle::{Hash, Tree};
use crate::model::{Kind, archive_id, is_true_uuid};
use crate::store::codec::WHOLE;
use crate::store::locator::name_hash;
use crate::store::restore::{Restorer, Unit, units};
use crate::store::{Accession, ChartFrame, LeafHasher, StoreError};

/// What is remembered of one record until its neighbours are known.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub kind: Kind,
}

/// What one unit of frames brought.
#[derive(Default)]
pub(super) struct UnitResult {
    part: usize,
    /// One for each record; `None` where it could not be read.
    pub seen: Vec<Option<Seen>>,
    leaves: Vec<Hash>,
    /// Names of `Patient` records, in order.
    pub patients: Vec<String>,
    /// Documents that the unit's records were moved to.
    documents: Option<Range<u64>>,
    /// The first record whose label holds less than its own security codes say.
    unlabelled: Option<StoreError>,
}

/// What all charts together came to.
pub(super) struct Charts {
    pub records: u64,
    /// Records by type, for each part.
    pub by_kind: Vec<BTreeMap<Kind, u64>>,
    /// `None` when a record could not be read.
    pub root: Option<Hash>,
    /// See [`super::Report::indexed_patients`].
    pub indexed_patients: u64,
}

/// Joins the units in order.
struct Joined<'a> {
    next: usize,
    waiting: BTreeMap<usize, UnitResult>,
    tree: Tree,
    is_broken: bool,
    by_kind: Vec<BTreeMap<Kind, u64>>,
    /// Documents that the records of each part asked for so far.
    documents: Vec<u64>,
    people: People<'a>,
}

/// Reads all charts on all cores.
pub(super) fn check(checker: &Checker<'_>, accession: &Accession, before: u64, of: u64) -> Charts {
    let units = units(accession);
    let parts = accession.charts.len();
    let joined = Mutex::new(Joined {
        next: 0,
        waiting: BTreeMap::new(),
        tree: Tree::default(),
        is_broken: false,
        by_kind: vec![BTreeMap::new(); parts],
        documents: vec![0; parts],
        people: People::new(checker, accession),
    });
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(before));
    std::thread::scope(|scope| {
        for _ in 0..checker.threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(unit) = units.get(number) else { return };
                    let result = read_unit(checker, accession, unit);
                    let records = result.seen.len() as u64;
                    joined.lock().unwrap_or_else(PoisonError::into_inner).take(checker, accession, number, result);
                    let done = done.fetch_add(records, Ordering::Relaxed) + records;
                    (checker.progress)(Progress::Records { done, of });
                }
            });
        }
    });
    let mut joined = joined.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (part, asked) in joined.documents.iter().enumerate() {
        let held = accession.documents[part].items();
        if *asked != held && !joined.is_broken {
            let path = accession.documents[part].path();
            checker.find(path, None, format!("it holds {held} documents, the records name {asked}"));
        }
    }
    Charts {
        records: accession.records(),
        root: (!joined.is_broken).then(|| joined.tree.root()),
        indexed_patients: joined.people.finish(joined.is_broken),
        by_kind: joined.by_kind,
    }
}

impl Joined<'_> {
    fn take(&mut self, checker: &Checker<'_>, accession: &Accession, number: usize, result: UnitResult) {
        self.waiting.insert(number, result);
        while let Some(result) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.is_broken |= result.seen.iter().any(Option::is_none);
            result.leaves.iter().for_each(|leaf| self.tree.push(*leaf));
            for seen in result.seen.iter().flatten() {
                *self.by_kind[result.part].entry(seen.kind).or_default() += 1;
            }
            if let Some(documents) = &result.documents {
                let expected = std::mem::replace(&mut self.documents[result.part], documents.end);
                if expected != documents.start && !self.is_broken {
                    let path = accession.charts[result.part].path();
                    checker.find(path, None, "documents are left out or named twice between two frames");
                }
            }
            self.people.take(&result);
        }
    }
}

/// Reads the frames of a unit. A frame that cannot be read is a finding, and its records count as not read.
fn read_unit(checker: &Checker<'_>, accession: &Accession, unit: &Unit) -> UnitResult {
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
