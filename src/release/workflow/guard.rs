//! The guards of moves: what has to hold before each.
//!
//! Not for: what a move does (`course`).

use crate::release::basis::Rules;
use crate::release::request::Priority;

use super::{Actor, Assembled, Case, Decision, Flag, Move, Refusal, State};

impl Case {
    pub(super) fn guard(&self, made: &Move, actor: &Actor, at: i64, rules: &Rules) -> Result<(), Refusal> {
        use State::{Approved, Delivered, Draft, NeedsInfo, OnHold, Reviewed, Scoped, Sealed, Verifying};
        if !actor.is_him {
            return Err(Refusal::NotHim);
        }
        let stands = |states: &[State]| if states.contains(&self.state) { Ok(()) } else { Err(Refusal::NotNow(self.state)) };
        let given = |reason: &str| if reason.trim().is_empty() { Err(Refusal::NoReason) } else { Ok(()) };
        match made {
            Move::Write { .. } => stands(&[Draft, Verifying, NeedsInfo, Scoped, State::Assembled, Reviewed, Approved]),
            Move::Assign { .. } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, State::Assembled, Reviewed, Approved, Sealed, OnHold])
            }
            Move::Submit { .. } => stands(&[Draft, NeedsInfo]).and_then(|()| self.is_complete(rules)),
            Move::Ask { what } => stands(&[Draft, Verifying, Scoped]).and_then(|()| given(what)),
            Move::Identify { subject, keys } => stands(&[Draft, Verifying, NeedsInfo]).and_then(|()| {
                let is_there = self.request.subjects.get(*subject).is_some();
                if is_there && !keys.is_empty() { Ok(()) } else { Err(Refusal::NoSubject) }
            }),
            Move::Answer { .. } => stands(&[Verifying, NeedsInfo]),
            Move::Accept => stands(&[Verifying]).and_then(|()| self.is_verified(at, rules)),
            Move::Assemble(_) => stands(&[Scoped, State::Assembled, Reviewed]).and_then(|()| self.is_in_force(at, rules)),
            Move::Decide { subject, item, decision } => {
                stands(&[State::Assembled, Reviewed])?;
                self.item(*subject, *item)?;
                match decision {
                    Decision::Include { reason } | Decision::Exclude { reason } | Decision::Redact { reason } => given(reason),
                }
            }
            Move::Redact { subject, .. } => {
                stands(&[State::Assembled, Reviewed]).and_then(|()| self.assembled(*subject).map(|_| ()))
            }
            Move::Preview(preview) => {
                stands(&[State::Assembled])?;
                self.is_decided()?;
                self.for_each(preview.subjects.len())
            }
            Move::Review => stands(&[State::Assembled]).and_then(|()| self.is_reviewable(actor)),
            Move::Return { reason } => stands(&[Reviewed, Approved]).and_then(|()| given(reason)),
            Move::Approve { preview_sha256, saw_flagged } => {
                stands(&[Reviewed])?;
                self.is_previewed(preview_sha256)?;
                self.is_in_force(at, rules)?;
                self.is_second(actor)?;
                if !actor.stepped_up {
                    return Err(Refusal::StepUp);
                }
                if *saw_flagged { Ok(()) } else { Err(Refusal::Unseen) }
            }
            Move::ApproveAlone { preview_sha256, reason } => {
                stands(&[State::Assembled, Reviewed])?;
                self.is_previewed(preview_sha256)?;
                self.is_in_force(at, rules)?;
                given(reason)?;
                let is_urgent = self.request.priority == Priority::Emergency;
                let basis = rules.basis(&self.request.basis).ok_or(Refusal::UnknownBasis)?;
                if !(basis.emergency && is_urgent) {
                    return Err(Refusal::NoEmergency);
                }
                if actor.stepped_up { Ok(()) } else { Err(Refusal::StepUp) }
            }
            Move::ReviewAlone { holds, words } => {
                stands(&[Approved, Sealed, Delivered])?;
                let approval = self.approval.as_ref().filter(|it| it.alone_because.is_some() && self.alone_review.is_none());
                let approval = approval.ok_or(Refusal::NothingToReview)?;
                if approval.by == actor.id {
                    return Err(Refusal::SamePerson);
                }
                self.is_second(actor)?;
                if *holds { Ok(()) } else { given(words) }
            }
            Move::Seal { preview_sha256, packages } => {
                stands(&[Approved])?;
                self.is_in_force(at, rules)?;
                self.for_each(packages.len())?;
                let is_approved = self.approval.as_ref().is_some_and(|it| it.preview_sha256 == *preview_sha256);
                if is_approved { Ok(()) } else { Err(Refusal::NotTheApproved) }
            }
            Move::Deliver(handover) => {
                stands(&[Sealed, Delivered])?;
                self.is_in_force(at, rules)?;
                if !actor.stepped_up {
                    return Err(Refusal::StepUp);
                }
                if handover.disclosure_entry.is_empty() {
                    return Err(Refusal::NoDisclosure);
                }
                let is_one = |digest: &String| self.packages.iter().any(|it| it.manifest_sha256 == *digest);
                if !handover.manifests.is_empty() && handover.manifests.iter().all(is_one) {
                    Ok(())
                } else {
                    Err(Refusal::NotTheApproved)
                }
            }
            Move::Confirm { .. } => stands(&[Delivered]),
            Move::Close => {
                stands(&[Delivered])?;
                if self.review_due().is_some() { Err(Refusal::ReviewFirst) } else { Ok(()) }
            }
            Move::Extend { notice } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, State::Assembled, Reviewed, Approved])?;
                given(notice)?;
                let has_one = rules.basis(&self.request.basis).is_some_and(|basis| basis.extension_days > 0);
                if has_one && !self.is_extended { Ok(()) } else { Err(Refusal::NoExtension) }
            }
            Move::Hold { matter } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, State::Assembled, Reviewed, Approved, Sealed, Delivered])?;
                given(matter)
            }
            // A legal hold is ended by somebody else than who set it (spec §13); until then the request neither ends nor goes on.
            Move::Resume => {
                stands(&[OnHold])?;
                if self.held_by.as_ref() == Some(&actor.id) { Err(Refusal::SamePerson) } else { Ok(()) }
            }
            Move::Reject { reason } | Move::Cancel { reason } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, State::Assembled, Reviewed, Approved, Sealed])?;
                given(reason)
            }
            Move::Revoke { on } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, State::Assembled, Reviewed, Approved, Sealed, OnHold, Delivered])?;
                given(on)
            }
            Move::Supersede { by } => stands(&[Delivered, Sealed, Approved]).and_then(|()| given(by)),
        }
    }

    fn is_complete(&self, rules: &Rules) -> Result<(), Refusal> {
        let missing = self.request.missing();
        if !missing.is_empty() {
            return Err(Refusal::Incomplete(missing));
        }
        rules.basis(&self.request.basis).map(|_| ()).ok_or(Refusal::UnknownBasis)
    }

    fn is_verified(&self, at: i64, rules: &Rules) -> Result<(), Refusal> {
        self.is_complete(rules)?;
        self.is_in_force(at, rules)?;
        let basis = rules.basis(&self.request.basis).ok_or(Refusal::UnknownBasis)?;
        if self.request.subjects.iter().any(|subject| subject.keys.is_empty()) {
            return Err(Refusal::Unresolved);
        }
        // The last answer to a check counts.
        let holds = |code: &String| self.request.checks.iter().rfind(|it| &it.code == code).is_some_and(|it| it.holds);
        let open: Vec<String> =
            basis.checks.iter().filter(|code| !holds(code)).map(|code| rules.checks[code.as_str()].clone()).collect();
        if open.is_empty() { Ok(()) } else { Err(Refusal::Unverified(open)) }
    }

    /// Neither revoked nor expired.
    fn is_in_force(&self, at: i64, rules: &Rules) -> Result<(), Refusal> {
        let basis = rules.basis(&self.request.basis).ok_or(Refusal::UnknownBasis)?;
        if self.request.revoked.is_some() {
            return Err(Refusal::Revoked);
        }
        if !basis.has_expiry {
            return Ok(());
        }
        if self.request.expires.is_none() && self.request.expires_with.is_none() {
            return Err(Refusal::NoExpiry);
        }
        let today = jiff::Timestamp::from_second(at).map(|now| now.to_zoned(jiff::tz::TimeZone::UTC).date());
        match (self.request.expires, today) {
            (Some(last), Ok(today)) if today > last => Err(Refusal::Expired),
            (Some(_), Err(_)) => Err(Refusal::Expired),
            _ => Ok(()),
        }
    }

    fn assembled(&self, subject: usize) -> Result<&Assembled, Refusal> {
        self.assembly.as_ref().and_then(|it| it.subjects.get(subject)).ok_or(Refusal::NoSubject)
    }

    /// Any item may be decided, not only one that is flagged.
    fn item(&self, subject: usize, item: usize) -> Result<(), Refusal> {
        if (item as u64) < self.assembled(subject)?.items { Ok(()) } else { Err(Refusal::NoItem) }
    }

    fn for_each(&self, count: usize) -> Result<(), Refusal> {
        if count == self.request.subjects.len() { Ok(()) } else { Err(Refusal::NotForEach) }
    }

    /// Every flagged item is decided.
    fn is_decided(&self) -> Result<(), Refusal> {
        let assembly = self.assembly.as_ref().ok_or(Refusal::NotNow(self.state))?;
        let is_open = |subject: usize, flag: &Flag| !self.decisions.iter().any(|(at, _)| *at == (subject, flag.item));
        let subjects = assembly.subjects.iter().enumerate();
        let open = subjects.flat_map(|(at, it)| it.flagged.iter().filter(move |flag| is_open(at, flag))).count();
        if open > 0 { Err(Refusal::Undecided(open)) } else { Ok(()) }
    }

    /// The pages stand, and where anything is redacted somebody else looks at them.
    fn is_reviewable(&self, actor: &Actor) -> Result<(), Refusal> {
        self.is_decided()?;
        if self.preview.is_none() {
            return Err(Refusal::NoPreview);
        }
        let has_redactions = self.redactions.values().any(|digest| !digest.is_empty());
        let had_a_hand = self.preparer.as_ref() == Some(&actor.id) || self.redactors.contains(&actor.id);
        if has_redactions && had_a_hand { Err(Refusal::SamePerson) } else { Ok(()) }
    }

    /// What is approved are the pages that stand now.
    fn is_previewed(&self, digest: &str) -> Result<(), Refusal> {
        let preview = self.preview.as_ref().ok_or(Refusal::NoPreview)?;
        if preview.digest() == digest { Ok(()) } else { Err(Refusal::NotTheApproved) }
    }

    fn is_second(&self, actor: &Actor) -> Result<(), Refusal> {
        let had_a_hand = [&self.preparer, &self.verifier].into_iter().any(|it| it.as_ref() == Some(&actor.id))
            || self.redactors.contains(&actor.id);
        if had_a_hand { Err(Refusal::SamePerson) } else { Ok(()) }
    }
}
