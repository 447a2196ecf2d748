//! Whether redactions can be carried out at all: everything they name is there, and what is printed in the place of a term does
//! not hold a term again.
//!
//! Not for: who may redact (`workflow`), or whether what they name was found (`journal`).

use super::fold::{Needles, Order, Scope};
use super::{Redactions, Region, VERSION};
use crate::limits::{REDACTION_REGIONS_MAX, REDACTION_TERM_CHARS_MAX, REDACTION_TERMS_MAX};
use crate::release::selection::Selection;

/// Why redactions are refused. Places count from 0; texts hold nothing of a term or a page.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadRedactions {
    #[error("the redactions are of version {0}")]
    Version(u32),
    #[error("the redactions belong to another selection")]
    OtherSelection,
    #[error("there are more redactions than one release may have")]
    TooMany,
    #[error("reason {0} has no code of at most 8 letters, digits, hyphens or points, or no words")]
    Reason(usize),
    #[error("reason {0} has the code of another one")]
    ReasonTwice(usize),
    #[error("the words of reason {reason} hold term {term}, so it would be printed again")]
    ReasonHoldsTerm { reason: usize, term: usize },
    #[error("term {0} has no letter to look for, or is too long")]
    Term(usize),
    #[error("term {0} names an item that is not in the selection")]
    TermItem(usize),
    #[error("term {0} names a reason that is not there, or nobody who asked for it")]
    TermReason(usize),
    #[error("region {0} is empty or reaches beyond the page")]
    Bounds(usize),
    #[error("region {0} names an item, a file or a page that is not in the selection")]
    RegionPlace(usize),
    #[error("region {0} names a reason that is not there, or nobody who asked for it")]
    RegionReason(usize),
}

impl Redactions {
    /// Checks everything against the selection that the redactions are for; all faults at once.
    ///
    /// # Errors
    /// Something of it cannot be carried out.
    pub fn check(&self, selection: &Selection) -> Result<(), Vec<BadRedactions>> {
        let mut faults = Vec::new();
        if self.v != VERSION {
            faults.push(BadRedactions::Version(self.v));
        }
        if self.selection_sha256 != selection.digest() {
            faults.push(BadRedactions::OtherSelection);
        }
        if self.terms.len() > REDACTION_TERMS_MAX || self.regions.len() > REDACTION_REGIONS_MAX {
            return Err(vec![BadRedactions::TooMany]);
        }
        self.check_reasons(&mut faults);
        self.check_terms(selection, &mut faults);
        for (number, region) in self.regions.iter().enumerate() {
            if !is_inside(region) {
                faults.push(BadRedactions::Bounds(number));
            }
            if !is_there(region, selection) {
                faults.push(BadRedactions::RegionPlace(number));
            }
            if !self.has_reason(&region.reason) || region.by.is_empty() {
                faults.push(BadRedactions::RegionReason(number));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn check_reasons(&self, faults: &mut Vec<BadRedactions>) {
        let needles = Needles::of(self, Scope::Any);
        for (number, reason) in self.reasons.iter().enumerate() {
            let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
            let has_code = (1..=8).contains(&reason.code.len()) && reason.code.chars().all(is_sound);
            if !has_code || reason.words.trim().is_empty() {
                faults.push(BadRedactions::Reason(number));
            }
            if self.reasons.iter().take(number).any(|before| before.code == reason.code) {
                faults.push(BadRedactions::ReasonTwice(number));
            }
            let printed = format!("Picture withheld [{}: {}]", reason.code, reason.words);
            if let Some(term) = needles.find(&printed, Order::Drawn).or_else(|| needles.find(&printed, Order::Written)) {
                faults.push(BadRedactions::ReasonHoldsTerm { reason: number, term });
            }
        }
    }

    fn check_terms(&self, selection: &Selection, faults: &mut Vec<BadRedactions>) {
        for (number, term) in self.terms.iter().enumerate() {
            if Needles::one(&term.text).is_empty() || term.text.chars().count() > REDACTION_TERM_CHARS_MAX {
                faults.push(BadRedactions::Term(number));
            }
            if term.item.is_some_and(|n| !selection.items.iter().any(|item| item.n == n)) {
                faults.push(BadRedactions::TermItem(number));
            }
            if !self.has_reason(&term.reason) || term.by.is_empty() {
                faults.push(BadRedactions::TermReason(number));
            }
        }
    }

    fn has_reason(&self, code: &str) -> bool {
        self.reasons.iter().any(|reason| reason.code == code)
    }
}

fn is_inside(region: &Region) -> bool {
    let fits = |at: u32, size: u32| size > 0 && at.checked_add(size).is_some_and(|end| end <= 10_000);
    fits(region.left, region.width) && fits(region.top, region.height)
}

fn is_there(region: &Region, selection: &Selection) -> bool {
    let item = selection.items.iter().find(|item| item.n == region.item);
    let attachment = item.and_then(|item| item.attachments.iter().find(|it| it.id == region.attachment));
    attachment.and_then(|it| it.pages).is_some_and(|pages| (1..=pages).contains(&region.page))
}
