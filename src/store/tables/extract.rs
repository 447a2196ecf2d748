//! From the leaves of one JSON shape to the columns of its table: planned once for each shape, then only copied.
//!
//! Not for: tokenizing JSON (`ingest`), parsing values (`cells`).

use super::matcher::Candidate;
use super::path::Choice;
use super::schema::KindTable;
use super::slot::Form;

/// Which leaves of a shape fill which columns.
#[derive(Clone, Debug, Default)]
pub struct ColumnPlan {
    /// By slot, best first; where the first of a slot has no guards, it is the only one.
    pub(super) picks: Vec<Pick>,
    encounter: Option<usize>,
}

impl ColumnPlan {
    /// The leaf with the reference to the encounter, to be resolved to its ordinal by the caller (see `Row::encounter`).
    pub fn encounter_leaf(&self) -> Option<usize> {
        self.encounter
    }
}

/// One leaf that may fill a column.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    pub slot: usize,
    pub leaf: usize,
    /// Leaves that must hold a certain text for this pick to be good.
    pub guards: Vec<(usize, String)>,
}

impl KindTable {
    /// Plans the extraction from resources of one shape. `leaf_paths` holds each leaf's path with explicit indices
    /// (`code.coding[0].system`), in document order.
    pub fn plan(&self, leaf_paths: &[&str]) -> ColumnPlan {
        let mut found: Vec<(usize, Pick)> = Vec::new();
        let (mut general, mut brackets) = (String::new(), Vec::new());
        for (leaf, path) in leaf_paths.iter().enumerate() {
            generalize(path, &mut general, &mut brackets);
            for candidate in self.matcher.by_general.get(&general).into_iter().flatten() {
                if let Some(guards) = guards_of(candidate, path, &brackets, leaf_paths) {
                    found.push((candidate.rank, Pick { slot: candidate.slot, leaf, guards }));
                }
            }
        }
        // A stable sort keeps document order among equals.
        found.sort_by_key(|(rank, pick)| (pick.slot, *rank));
        let mut plan = ColumnPlan::default();
        let mut settled = None;
        for (_, pick) in found {
            if settled == Some(pick.slot) {
                continue;
            }
            if pick.guards.is_empty() {
                settled = Some(pick.slot);
            }
            if self.slots[pick.slot].form == Form::Link {
                plan.encounter = plan.encounter.or(Some(pick.leaf));
            } else {
                plan.picks.push(pick);
            }
        }
        plan
    }

    /// The leaf with the clinical date by which a chart orders this record.
    pub fn date_leaf(&self, leaf_paths: &[&str]) -> Option<usize> {
        self.date.iter().find_map(|date| leaf_paths.iter().position(|path| *path == date.as_str()))
    }
}

/// Writes `path` with its indices left out into `general`, and into `brackets` each index with the place after its `]`.
fn generalize(path: &str, general: &mut String, brackets: &mut Vec<(Option<u32>, usize)>) {
    general.clear();
    brackets.clear();
    let mut rest = path;
    while let Some(open) = rest.find('[') {
        let Some(close) = rest[open..].find(']').map(|at| open + at) else { break };
        general.push_str(&rest[..=open]);
        general.push(']');
        let after = path.len() - rest.len() + close + 1;
        brackets.push((rest[open + 1..close].parse().ok(), after));
        rest = &rest[close + 1..];
    }
    general.push_str(rest);
}

/// The guards of a candidate on this leaf; `None` when the leaf is not meant.
fn guards_of(
    candidate: &Candidate,
    path: &str,
    brackets: &[(Option<u32>, usize)],
    leaf_paths: &[&str],
) -> Option<Vec<(usize, String)>> {
    let mut guards = Vec::new();
    for (choice, (index, after)) in candidate.choices.iter().zip(brackets) {
        match choice {
            Choice::At(wanted) if *index == Some(*wanted) => {}
            Choice::At(_) => return None,
            Choice::Any => {}
            Choice::Where { inner, equals } => {
                let element = &path[..*after];
                let is_guard = |p: &&str| p.strip_prefix(element).and_then(|p| p.strip_prefix('.')) == Some(inner.as_str());
                guards.push((leaf_paths.iter().position(is_guard)?, equals.clone()));
            }
        }
    }
    Some(guards)
}
