//! One request, for whoever works on it: as it stands, what it lacks, when it is due, and what was done with it by whom.
//!
//! Not for: its records (`choosing`) and pages (`looking`).

use super::*;
use crate::register::BatesRange;
use crate::release::basis::Basis;
use crate::release::workflow::Step;

/// A request with what its page shows.
#[derive(Clone, Debug)]
pub struct View {
    pub case: Case,
    pub row: Row,
    /// What to say when changing it.
    pub seen: Seen,
    /// `None` while no known basis is written down.
    pub basis: Option<Basis>,
    /// What the request lacks before it can be begun with, in words.
    pub incomplete: Vec<&'static str>,
    /// Checks of the basis that were not answered with yes.
    pub missing: Vec<MissingCheck>,
    /// Flagged items that nobody decided, by subject and item.
    pub undecided: Vec<(usize, usize)>,
    pub history: Vec<StepTold>,
    pub bates: Vec<BatesRange>,
    /// The preview or package that is being made, or how the last one ended.
    pub job: Option<Job>,
}

#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct MissingCheck {
    pub code: String,
    pub words: String,
    /// Answered with no.
    pub is_denied: bool,
}

/// A step as the history tells it.
#[derive(Clone, PartialEq, Debug)]
pub struct StepTold {
    pub step: Step,
    /// Name of the person.
    pub who: String,
    /// What was done, in plain words.
    pub words: String,
}

impl Desk {
    /// A request as it stands.
    pub async fn get(&self, number: &str, who: &Worker<'_>) -> Result<Audited<View>, DeskError> {
        let _ = (number, who);
        Err(DeskError::NotBuilt)
    }
}
