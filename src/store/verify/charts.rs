//! Every chart frame of an accession: decoded, every record restored and hashed, named, and looked up in the locator.
//! Workers take runs of frames; their results are joined in order, so that the Merkle tree grows leaf by leaf.
//!
//! Not for: what the other files say about the records (`contents`, `people`, `ledger`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::people::People;
use super::unit::{UnitResult, read_unit};
use super::{Checker, Progress};
use crate::merkle::{Hash, Tree};
use crate::model::Kind;
use crate::store::Accession;
use crate::store::restore::units;

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
