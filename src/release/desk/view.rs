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
    /// Links that recipients were given.
    pub links: Vec<LinkTold>,
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
    /// Where its entry stands in the access log: `stream/number`.
    pub entry: Option<String>,
}

impl Desk {
    /// A request as it stands.
    pub async fn get(&self, number: &str, who: &Worker<'_>) -> Result<Audited<View>, DeskError> {
        let permit = self.permit(who)?;
        let entered = match self.entered(number, who).await {
            Ok(entered) => entered,
            Err(DeskError::Unknown) => {
                let query = Some("a request that is not there".into());
                permit.answer((), Shown { event: VIEWED, hits: Some(0), query, ..Shown::default() })?;
                return Err(DeskError::Unknown);
            }
            Err(other) => return Err(other),
        };
        let view = self.view(entered).await?;
        let shown = viewed(&view.case, "");
        Ok(permit.answer(view, shown)?)
    }

    async fn view(&self, entered: Entered) -> Result<View, DeskError> {
        let Entered { case, steps, history, .. } = entered;
        let number = case.number.clone();
        let row = self.register.release(&number).await?.ok_or(DeskError::Unknown)?;
        let row = self.row(row, &case).await?;
        let basis = self.rules.basis(&case.request.basis).cloned();
        let missing = basis.iter().flat_map(|basis| &basis.checks).filter_map(|code| self.missing(&case, code)).collect();
        let names = self.names(history.iter().map(|it| it.step.by.as_str())).await?;
        let told = |it: Kept| StepTold {
            who: names.get(&it.step.by).cloned().unwrap_or_default(),
            words: words(&it.step.made),
            entry: it.entry,
            step: it.step,
        };
        Ok(View {
            seen: Seen { number: number.clone(), steps },
            incomplete: case.request.missing(),
            missing,
            undecided: undecided(&case),
            history: history.into_iter().map(told).collect(),
            bates: self.register.bates_of(&number).await?,
            links: self.links(&number).await?,
            job: self.job(&number),
            case,
            row,
            basis,
        })
    }

    /// A check that is not answered with yes; the last answer counts.
    fn missing(&self, case: &Case, code: &str) -> Option<MissingCheck> {
        let last = case.request.checks.iter().rfind(|it| it.code == code);
        if last.is_some_and(|it| it.holds) {
            return None;
        }
        let words = self.rules.checks.get(code).cloned().unwrap_or_default();
        Some(MissingCheck { code: code.to_owned(), words, is_denied: last.is_some() })
    }
}

fn undecided(case: &Case) -> Vec<(usize, usize)> {
    let subjects = case.assembly.iter().flat_map(|assembly| assembly.subjects.iter().enumerate());
    let flagged = subjects.flat_map(|(at, subject)| subject.flagged.iter().map(move |flag| (at, flag.item)));
    flagged.filter(|place| !case.decisions.iter().any(|(decided, _)| decided == place)).collect()
}

/// What was done, in plain words, without what the request says.
pub(super) fn words(made: &Move) -> String {
    use crate::release::workflow::Decision;
    let item = |subject: &usize, item: &usize| format!("item {} of patient {}", item + 1, subject + 1);
    match made {
        Move::Write { .. } => "Wrote the request down".into(),
        Move::Assign { to } => format!("Assigned it to {}", to.split_once(' ').map_or(to.as_str(), |(_, subject)| subject)),
        Move::Submit { waits: false } => "Began to verify it".into(),
        Move::Submit { waits: true } => "Submitted it; it waits for documents".into(),
        Move::Ask { .. } => "Asked for more information".into(),
        Move::Identify { subject, .. } => format!("Found who patient {} is", subject + 1),
        Move::Answer { check } if check.holds => format!("Answered a check with yes: {}", check.code),
        Move::Answer { check } => format!("Answered a check with no: {}", check.code),
        Move::Accept => "Accepted identity and authority".into(),
        Move::Assemble(_) => "Froze the selection".into(),
        Move::Decide { subject, item: at, decision } => match decision {
            Decision::Include { .. } => format!("Decided that {} goes out", item(subject, at)),
            Decision::Exclude { .. } => format!("Decided that {} stays out", item(subject, at)),
            Decision::Redact { .. } => format!("Decided that {} is redacted", item(subject, at)),
        },
        Move::Redact { subject, redactions_sha256 } if redactions_sha256.is_empty() => {
            format!("Took back all redactions for patient {}", subject + 1)
        }
        Move::Redact { subject, .. } => format!("Redacted records of patient {}", subject + 1),
        Move::Preview(_) => "Made the pages as they would leave".into(),
        Move::Review => "Reviewed the pages".into(),
        Move::Return { .. } => "Sent it back".into(),
        Move::Approve { .. } => "Approved the release".into(),
        Move::ApproveAlone { .. } => "Approved the release alone, in an emergency".into(),
        Move::ReviewAlone { holds: true, .. } => "Looked at the emergency release: it was right".into(),
        Move::ReviewAlone { holds: false, .. } => "Looked at the emergency release: it was not right".into(),
        Move::Seal { .. } => "Sealed the package".into(),
        Move::Deliver(handover) => format!("Handed the package out ({})", handover.channel),
        Move::Confirm { .. } => "Noted that the recipient has it".into(),
        Move::Close => "Closed the request".into(),
        Move::Extend { .. } => "Extended the due date".into(),
        Move::Hold { .. } => "Put it on legal hold".into(),
        Move::Resume => "Ended the legal hold".into(),
        Move::Reject { .. } => "Rejected the request".into(),
        Move::Cancel { .. } => "Cancelled the request".into(),
        Move::Revoke { .. } => "Noted that the authorization was revoked".into(),
        Move::Supersede { by } => format!("Request {by} takes its place"),
    }
}
