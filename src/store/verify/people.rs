//! The directory of patients against the charts: order, where each chart lies, what it holds by kind.
//!
//! Not for: reading charts (`charts`).

use super::Checker;
use super::unit::UnitResult;
use crate::model::Kind;
use crate::store::Accession;
use crate::store::directory::{PatientEntry, patient_hash};

/// Patients of an accession whose `Patient` record a later accession holds again: the index shows the later one only.
/// A directory that cannot be read has been reported where it was walked through.
pub(super) fn superseded(opened: &[(Accession, Vec<String>)]) -> u64 {
    let has_patient = |entry: &PatientEntry| entry.runs.iter().any(|run| run.kind == Kind::PATIENT);
    let mut count = 0;
    for (number, (accession, _)) in opened.iter().enumerate() {
        let later = &opened[number + 1..];
        if later.is_empty() {
            break;
        }
        for frame in 0..accession.directory().frames() {
            let entries = accession.directory().frame(frame, false).unwrap_or_default();
            let is_held =
                |key: &str| later.iter().any(|(a, _)| matches!(a.directory().find(key), Ok(Some(entry)) if has_patient(&entry)));
            count += entries.iter().filter(|e| has_patient(e) && is_held(&e.key)).count() as u64;
        }
    }
    count
}

/// Walks through the directory beside the records of the charts.
pub(super) struct People<'a> {
    checker: &'a Checker<'a>,
    accession: &'a Accession,
    next_frame: usize,
    /// Entries of the open frame, in reverse.
    entries: Vec<PatientEntry>,
    current: Option<Walk>,
    last_key: Option<(u64, String)>,
    ordinal: u64,
    indexed: u64,
    /// The first thing wrong ends the comparison.
    is_over: bool,
}

/// A patient whose records are passing by.
struct Walk {
    entry: PatientEntry,
    run: usize,
    in_run: u64,
}

impl<'a> People<'a> {
    pub fn new(checker: &'a Checker<'a>, accession: &'a Accession) -> People<'a> {
        let mut people = People {
            checker,
            accession,
            next_frame: 0,
            entries: Vec::new(),
            current: None,
            last_key: None,
            ordinal: 0,
            indexed: 0,
            is_over: false,
        };
        people.current = people.next_patient();
        people
    }

    fn wrong(&mut self, what: &str) {
        if !self.is_over {
            let offset = self.next_frame.checked_sub(1).and_then(|f| self.accession.directory.offset(f));
            self.checker.find(&self.accession.paths.directory(), offset, what);
        }
        self.is_over = true;
    }

    /// The next entry with records of its own; those without are checked in passing.
    fn next_patient(&mut self) -> Option<Walk> {
        loop {
            while self.entries.is_empty() {
                if self.next_frame == self.accession.directory.frames() || self.is_over {
                    return None;
                }
                let read = self.accession.directory.frame(self.next_frame, true);
                self.next_frame += 1;
                match read {
                    Ok(entries) => self.entries = entries,
                    Err(error) => {
                        self.checker.error(&self.accession.paths.directory(), &error);
                        self.is_over = true;
                    }
                }
                let base = self.accession.directory.base(self.next_frame - 1);
                if self.entries.first().is_some_and(|first| Some(patient_hash(&first.key)) != base) {
                    self.wrong("a frame begins at another patient than its footer says");
                }
                self.entries.reverse();
            }
            let entry = self.entries.pop()?;
            let key = (patient_hash(&entry.key), entry.key.clone());
            if self.last_key.as_ref().is_some_and(|last| *last >= key) {
                self.wrong("the patients are not in order");
            }
            self.last_key = Some(key);
            if entry.also.iter().any(|ordinal| *ordinal >= self.accession.records()) {
                self.wrong("a patient is said to be named in a record that is not there");
            }
            if entry.count() > 0 {
                return Some(Walk { entry, run: 0, in_run: 0 });
            }
        }
    }

    /// Takes the records of a unit, which follow those of the one before.
    pub fn take(&mut self, unit: &UnitResult) {
        let mut patients = unit.patients.iter();
        for seen in &unit.seen {
            let ordinal = self.ordinal;
            self.ordinal += 1;
            let Some(seen) = seen else {
                self.is_over = true;
                continue;
            };
            let name = if seen.kind == Kind::PATIENT { patients.next() } else { None };
            let Some(walk) = self.current.as_mut().filter(|w| w.entry.first <= ordinal) else {
                // Beyond all charts lie the records without a patient.
                self.indexed += u64::from(seen.kind == Kind::PATIENT);
                continue;
            };
            let first_run = walk.entry.runs.iter().find(|r| r.kind == Kind::PATIENT).map_or(1, |r| r.count);
            // As the index does: of several versions only the last counts.
            self.indexed += u64::from(seen.kind == Kind::PATIENT && ordinal + 1 >= walk.entry.first + first_run);
            let is_expected = walk.take(seen.kind);
            let is_own = name.is_none_or(|name| *name == walk.entry.key);
            let is_done = walk.run == walk.entry.runs.len();
            if self.is_over {
                continue;
            }
            if !is_expected || !is_own {
                self.wrong("a chart holds other records than the directory says");
            } else if is_done {
                let end = ordinal + 1;
                self.current = self.next_patient();
                if self.current.as_ref().is_some_and(|w| w.entry.first < end) {
                    self.wrong("two patients are said to have the same records");
                }
            }
        }
    }

    /// Ends the walk; gives how many patients an index holds.
    pub fn finish(&mut self, is_broken: bool) -> u64 {
        if self.current.is_some() && !is_broken {
            self.wrong("a patient's chart is said to lie behind the last record");
        }
        self.indexed
    }
}

impl Walk {
    /// Whether the next record of the patient may be of this kind.
    fn take(&mut self, kind: Kind) -> bool {
        let Some(run) = self.entry.runs.get(self.run) else { return false };
        self.in_run += 1;
        let is_right = run.kind == kind;
        if self.in_run == run.count {
            (self.run, self.in_run) = (self.run + 1, 0);
        }
        is_right
    }
}
