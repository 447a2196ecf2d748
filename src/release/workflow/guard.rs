//! The guards of moves: what has to hold before each.
//!
//! Not for: what a move does (`course`).

use crate::release::basis::Rules;
use crate::release::request::Priority;

use super::{Actor, Case, Flag, Move, Refusal, State};

impl Case {
    pub(super) fn guard(&self, made: &Move, actor: &Actor, at: i64, rules: &Rules) -> Result<(), Refusal> {
        use State::{Approved, Assembled, Delivered, Draft, NeedsInfo, OnHold, Reviewed, Scoped, Sealed, Verifying};
        if !actor.is_him {
            return Err(Refusal::NotHim);
        }
        let stands = |states: &[State]| if states.contains(&self.state) { Ok(()) } else { Err(Refusal::NotNow(self.state)) };
        let given = |reason: &str| if reason.trim().is_empty() { Err(Refusal::NoReason) } else { Ok(()) };
        match made {
            Move::Write { .. } => stands(&[Draft, Verifying, NeedsInfo, Scoped, Assembled, Reviewed, Approved]),
            Move::Assign { .. } => stands(&[Draft, Verifying, NeedsInfo, Scoped, Assembled, Reviewed, Approved, Sealed, OnHold]),
            Move::Submit { .. } => stands(&[Draft, NeedsInfo]).and_then(|()| self.is_complete(rules)),
            Move::Ask { what } => stands(&[Draft, Verifying, Scoped]).and_then(|()| given(what)),
            Move::Identify { subject, keys } => stands(&[Draft, Verifying, NeedsInfo]).and_then(|()| {
                let is_there = self.request.subjects.get(*subject).is_some();
                if is_there && !keys.is_empty() { Ok(()) } else { Err(Refusal::NoSubject) }
            }),
            Move::Answer { .. } => stands(&[Verifying, NeedsInfo]),
            Move::Accept => stands(&[Verifying]).and_then(|()| self.is_verified(at, rules)),
            Move::Assemble(_) => stands(&[Scoped, Assembled, Reviewed]).and_then(|()| self.is_in_force(at, rules)),
            Move::Decide { item, .. } => stands(&[Assembled]).and_then(|()| {
                let flagged = self.assembly.iter().flat_map(|it| &it.flagged);
                if flagged.into_iter().any(|flag| flag.item == *item) { Ok(()) } else { Err(Refusal::NoItem) }
            }),
            Move::Review => stands(&[Assembled]).and_then(|()| self.is_decided(actor)),
            Move::Approve { saw_flagged, .. } => {
                stands(&[Reviewed])?;
                self.is_in_force(at, rules)?;
                self.is_second(actor)?;
                if !actor.stepped_up {
                    return Err(Refusal::StepUp);
                }
                if *saw_flagged { Ok(()) } else { Err(Refusal::Unseen) }
            }
            Move::ApproveAlone { reason, .. } => {
                stands(&[Assembled, Reviewed])?;
                self.is_in_force(at, rules)?;
                given(reason)?;
                let is_urgent = self.request.priority == Priority::Emergency;
                let basis = rules.basis(&self.request.basis).ok_or(Refusal::UnknownBasis)?;
                if !(basis.emergency && is_urgent) {
                    return Err(Refusal::NoEmergency);
                }
                if actor.stepped_up { Ok(()) } else { Err(Refusal::StepUp) }
            }
            Move::Seal(package) => {
                stands(&[Approved])?;
                self.is_in_force(at, rules)?;
                let is_approved = self.approval.as_ref().is_some_and(|it| it.preview_sha256 == package.preview_sha256);
                if is_approved { Ok(()) } else { Err(Refusal::NotTheApproved) }
            }
            Move::Deliver(handover) => {
                stands(&[Sealed, Delivered])?;
                self.is_in_force(at, rules)?;
                if handover.disclosure_entry.is_empty() {
                    return Err(Refusal::NoDisclosure);
                }
                let is_sealed = self.package.as_ref().is_some_and(|it| it.manifest_sha256 == handover.manifest_sha256);
                if is_sealed { Ok(()) } else { Err(Refusal::NotTheApproved) }
            }
            Move::Confirm { .. } | Move::Close => stands(&[Delivered]),
            Move::Extend { notice } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, Assembled, Reviewed, Approved])?;
                given(notice)?;
                let has_one = rules.basis(&self.request.basis).is_some_and(|basis| basis.extension_days > 0);
                if has_one && !self.is_extended { Ok(()) } else { Err(Refusal::NoExtension) }
            }
            Move::Hold { matter } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, Assembled, Reviewed, Approved, Sealed])?;
                given(matter)
            }
            Move::Resume => stands(&[OnHold]),
            Move::Reject { reason } | Move::Cancel { reason } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, Assembled, Reviewed, Approved, Sealed, OnHold])?;
                given(reason)
            }
            Move::Revoke { on } => {
                stands(&[Draft, Verifying, NeedsInfo, Scoped, Assembled, Reviewed, Approved, Sealed, OnHold, Delivered])?;
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

    fn is_decided(&self, actor: &Actor) -> Result<(), Refusal> {
        let assembly = self.assembly.as_ref().ok_or(Refusal::NotNow(self.state))?;
        let decided = |flag: &&Flag| self.decisions.iter().any(|(item, _)| *item == flag.item);
        let open = assembly.flagged.iter().filter(|flag| !decided(flag)).count();
        if open > 0 {
            return Err(Refusal::Undecided(open));
        }
        let is_preparer = self.preparer.as_ref() == Some(&actor.id);
        if assembly.has_redactions && is_preparer { Err(Refusal::SamePerson) } else { Ok(()) }
    }

    fn is_second(&self, actor: &Actor) -> Result<(), Refusal> {
        let had_a_hand = [&self.preparer, &self.verifier].into_iter().any(|it| it.as_ref() == Some(&actor.id));
        if had_a_hand { Err(Refusal::SamePerson) } else { Ok(()) }
    }
}
