//! Which slots of a table a leaf may fill, found by the general form of its path.
//!
//! Not for: choosing among the leaves of a shape (`extract`).

use ahash::AHashMap;

use super::path::Choice;
use super::slot::Slot;

/// A path of a slot, found by its general form.
#[derive(Debug)]
pub(super) struct Candidate {
    pub slot: usize,
    pub rank: usize,
    pub choices: Vec<Choice>,
}

/// Finds the slots that a leaf may fill, by the leaf's path without its indices.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    pub by_general: AHashMap<String, Vec<Candidate>>,
}

impl Matcher {
    pub(super) fn new(slots: &[Slot]) -> Matcher {
        let mut by_general: AHashMap<String, Vec<Candidate>> = AHashMap::new();
        for (slot, declared) in slots.iter().enumerate() {
            for (rank, path) in declared.paths.iter().enumerate() {
                let choices = path.choices().cloned().collect();
                by_general.entry(path.general()).or_default().push(Candidate { slot, rank, choices });
            }
        }
        Matcher { by_general }
    }
}
