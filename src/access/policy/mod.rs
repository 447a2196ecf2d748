//! Policy as data: the rules of a file, checked when read, and one pure function that decides by them.
//!
//! Not for: authentication, logging (`gate`), or reading records (`query`), which obeys the filter of a permit.

mod cases;
mod decide;
mod file;
mod floor;
mod rule;
mod terms;
mod words;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::limits::POLICY_BYTES_MAX;
use crate::model::{Class, hex};

use super::Role;
use rule::{Effect, Rule};

pub use cases::{CaseOutcome, Cases, CellOutcome};
pub use decide::{Allowed, Decision, Denied, Question, break_glass_offer, decide};
pub use file::{Fault, PolicyError};
pub use terms::{DenyReason, Right};
pub use words::RuleWords;

/// The built-in policy, as it stands in the sources.
const BUILT_IN: &str = include_str!("../../../schemas/policy.toml");

/// A checked policy. Immutable; a changed file is another policy with another digest.
#[derive(Debug)]
pub struct Policy {
    name: String,
    version: String,
    text: String,
    digest: Arc<str>,
    rules: Vec<Rule>,
}

impl Policy {
    /// The policy that comes with the program. A test holds it right; were it broken, nothing would be permitted.
    pub fn built_in() -> Arc<Policy> {
        static POLICY: OnceLock<Arc<Policy>> = OnceLock::new();
        let nothing = || Policy::of("nothing".into(), "0".into(), Vec::new(), BUILT_IN);
        POLICY.get_or_init(|| Arc::new(Policy::parse(BUILT_IN).unwrap_or_else(|_| nothing()))).clone()
    }

    /// The policy in the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read or is faulty. There is no falling back to another policy: the process must not start.
    pub fn load(path: &Path) -> Result<Policy, PolicyError> {
        let unreadable = |source| PolicyError::Unreadable { path: path.to_path_buf(), source };
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if bytes > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLarge { path: path.to_path_buf() });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Policy::parse(&text).map_err(|faults| PolicyError::Faulty { path: path.to_path_buf(), faults })
    }

    /// Reads and checks the text of a policy.
    ///
    /// # Errors
    /// Every fault found, with its line.
    pub fn parse(text: &str) -> Result<Policy, Vec<Fault>> {
        let file = file::read(text)?;
        let faults = floor::breaches(&file.rules);
        if faults.is_empty() {
            let rules = file.rules.into_iter().map(|(rule, _)| rule).collect();
            Ok(Policy::of(file.name, file.version, rules, text))
        } else {
            Err(faults.into_iter().map(|(at, words)| Fault::at(text, at, words)).collect())
        }
    }

    fn of(name: String, version: String, rules: Vec<Rule>, text: &str) -> Policy {
        let digest = hex(&Sha256::digest(text.as_bytes())).into();
        Policy { name, version, text: text.into(), digest, rules }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file as read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the file, in hex, as `sha256sum` gives it. Stands in every entry that was decided by this policy.
    pub fn digest(&self) -> Arc<str> {
        self.digest.clone()
    }

    /// Ids of the rules, with their notes.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules.iter().map(|rule| (rule.id.as_ref(), rule.note.as_str()))
    }

    /// Whether care relations matter to anyone of this role.
    pub(super) fn asks_for_relation(&self, role: Role) -> bool {
        self.rules.iter().any(|rule| rule.speaks_of(role) && rule.facts.relation)
    }

    /// The only reasons for which a break-glass opens `class`, to whomever it opens it at all. Empty: any reason.
    pub fn reasons_for(&self, class: Class) -> Vec<&str> {
        let mut reasons = Vec::new();
        for breaks in self.breaks().filter(|breaks| breaks.classes.holds(class)) {
            match &breaks.reasons {
                None => return Vec::new(),
                Some(only) => reasons.extend(only.iter().map(String::as_str)),
            }
        }
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    fn breaks(&self) -> impl Iterator<Item = &rule::Breaks> {
        self.rules.iter().flat_map(|rule| match &rule.effect {
            Effect::Permit { breaks, .. } => breaks.as_slice(),
            _ => &[],
        })
    }
}
