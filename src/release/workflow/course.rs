//! What each move makes of a case.
//!
//! Not for: whether a move may be made (`guard`).

use crate::release::request::{Check, Note, Request};

use super::{AloneReview, Approval, Case, Move, State, Step};

impl Case {
    /// What a step does. Never fails: its guard was asked when it was made.
    pub(super) fn take(&mut self, step: &Step) {
        match &step.made {
            Move::Write { request } => self.write(request),
            Move::Assign { to } => self.assignee = Some(to.clone()),
            Move::Submit { waits } => {
                self.state = if *waits { State::NeedsInfo } else { State::Verifying };
                self.why = None;
            }
            Move::Ask { what } => {
                self.state = State::NeedsInfo;
                self.why = Some(what.clone());
            }
            Move::Identify { subject, keys } => {
                if let Some(it) = self.request.subjects.get_mut(*subject) {
                    it.keys.clone_from(keys);
                }
            }
            Move::Answer { check } => {
                self.request.checks.push(Check { by: step.by.clone(), at: step.at, ..check.clone() });
            }
            Move::Accept => {
                self.verifier = Some(step.by.clone());
                self.state = State::Scoped;
            }
            Move::Assemble(assembly) => {
                self.void();
                self.assembly = Some(assembly.clone());
                self.preparer = Some(step.by.clone());
                self.state = State::Assembled;
            }
            Move::Decide { subject, item, decision } => {
                self.decisions.retain(|(other, _)| *other != (*subject, *item));
                self.decisions.push(((*subject, *item), decision.clone()));
                self.unseen();
            }
            Move::Redact { subject, redactions_sha256 } => {
                self.redactions.insert(*subject, redactions_sha256.clone());
                self.redactors.insert(step.by.clone());
                self.unseen();
            }
            Move::Preview(preview) => self.preview = Some(preview.clone()),
            Move::Return { reason } => {
                self.approval = None;
                self.alone_review = None;
                self.reviewer = None;
                self.state = State::Assembled;
                self.why = Some(reason.clone());
            }
            Move::Review => {
                self.why = None;
                self.reviewer = Some(step.by.clone());
                self.state = State::Reviewed;
            }
            Move::Approve { preview_sha256, .. } => self.approve(step, preview_sha256, None),
            Move::ApproveAlone { preview_sha256, reason } => self.approve(step, preview_sha256, Some(reason.clone())),
            Move::ReviewAlone { holds, words } => {
                let (by, words) = (step.by.clone(), words.clone());
                self.note(step, &words);
                self.alone_review = Some(AloneReview { by, at: step.at, holds: *holds, words });
                if !holds && self.state != State::Delivered {
                    self.packages.clear();
                    self.approval = None;
                    self.unseen();
                }
            }
            Move::Seal { packages, .. } => {
                self.packages.clone_from(packages);
                self.state = State::Sealed;
            }
            Move::Deliver(handover) => {
                self.handovers.push(handover.clone());
                self.state = State::Delivered;
            }
            Move::Confirm { how } => {
                self.is_confirmed = true;
                self.note(step, how);
            }
            Move::Close => self.state = State::Closed,
            Move::Extend { notice } => {
                self.is_extended = true;
                self.note(step, notice);
            }
            Move::Hold { matter } => {
                self.held_from = self.state;
                self.state = State::OnHold;
                self.why = Some(matter.clone());
                self.held_by = Some(step.by.clone());
            }
            Move::Resume => {
                self.state = self.held_from;
                self.why = None;
                self.held_by = None;
            }
            Move::Reject { reason } => self.end(State::Rejected, reason),
            Move::Cancel { reason } => self.end(State::Cancelled, reason),
            Move::Revoke { on } => {
                // What has left has left; it is noted, and no further package goes out.
                self.request.revoked = on.parse().ok().or(self.request.revoked).or(Some(jiff::civil::Date::MIN));
                let has_left =
                    self.state == State::Delivered || self.state == State::OnHold && self.held_from == State::Delivered;
                if has_left {
                    self.note(step, on);
                } else {
                    self.end(State::Revoked, on);
                }
            }
            Move::Supersede { by } => self.end(State::Superseded, by),
        }
    }

    fn write(&mut self, request: &Request) {
        // Answers, keys and notes are made by moves of their own and are not lost by writing the rest anew, but a subject that
        // is written otherwise has to be found again.
        let mut fresh = request.clone();
        fresh.checks.clone_from(&self.request.checks);
        for (place, subject) in fresh.subjects.iter_mut().enumerate() {
            let before = self.request.subjects.get(place);
            let is_same = before.is_some_and(|it| {
                (&it.name, &it.birth_date, &it.numbers) == (&subject.name, &subject.birth_date, &subject.numbers)
            });
            subject.keys = before.filter(|_| is_same).map(|it| it.keys.clone()).unwrap_or_default();
        }
        let is_resolved = fresh.subjects.iter().all(|subject| !subject.keys.is_empty());
        let same_authority = (&fresh.basis, &fresh.named_classes, &fresh.requester)
            == (&self.request.basis, &self.request.named_classes, &self.request.requester);
        self.request = fresh;
        if matches!(self.state, State::Scoped | State::Assembled | State::Reviewed | State::Approved) {
            self.void();
            self.assembly = None;
            self.state = if same_authority && is_resolved { State::Scoped } else { State::Verifying };
            if self.state == State::Verifying {
                self.verifier = None;
                self.request.checks.clear();
            }
        }
    }

    fn approve(&mut self, step: &Step, preview: &str, alone_because: Option<String>) {
        self.approval = Some(Approval { by: step.by.clone(), at: step.at, preview_sha256: preview.to_owned(), alone_because });
        self.alone_review = None;
        self.state = State::Approved;
    }

    /// The pages are no longer those that somebody looked at.
    fn unseen(&mut self) {
        self.preview = None;
        self.reviewer = None;
        self.state = State::Assembled;
    }

    /// Decisions, redactions, review, approval and packages no longer hold.
    fn void(&mut self) {
        self.decisions.clear();
        self.redactions.clear();
        self.redactors.clear();
        self.preview = None;
        self.reviewer = None;
        self.approval = None;
        self.alone_review = None;
        self.packages.clear();
    }

    fn end(&mut self, state: State, why: &str) {
        self.state = state;
        self.why = Some(why.to_owned());
    }

    fn note(&mut self, step: &Step, text: &str) {
        self.request.notes.push(Note { text: text.to_owned(), by: step.by.clone(), at: step.at });
    }
}
