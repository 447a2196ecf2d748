//! The course of a request from its receipt to its delivery (spec legal-release.md §2), as pure functions: a case is what its
//! moves made of it, and every move passes its guard here.
//!
//! [`Approved`] and [`Sealed`] are the only keys to sealing and handing out a package; they are made here alone, from a case
//! that stands there.
//!
//! Guards stand in `guard`, what moves do in `course`.
//!
//! Not for: storing moves (`ledger`), who is signed in (`access`), or what a package holds (`package`).

mod course;
mod guard;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::basis::{Basis, Rules};
use super::request::{Check, Request};

/// Where a request stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    #[default]
    Draft,
    /// Identity and authority are being verified.
    Verifying,
    NeedsInfo,
    /// Verified; what is asked for may be chosen.
    Scoped,
    /// The selection is frozen.
    Assembled,
    /// Each flagged item is decided, each redaction looked at by a second person.
    Reviewed,
    Approved,
    /// The package is built and signed.
    Sealed,
    Delivered,
    Closed,
    OnHold,
    Rejected,
    Cancelled,
    Superseded,
    /// The authorization was revoked before delivery.
    Revoked,
}

impl State {
    pub const ALL: [State; 15] = [
        State::Draft,
        State::Verifying,
        State::NeedsInfo,
        State::Scoped,
        State::Assembled,
        State::Reviewed,
        State::Approved,
        State::Sealed,
        State::Delivered,
        State::Closed,
        State::OnHold,
        State::Rejected,
        State::Cancelled,
        State::Superseded,
        State::Revoked,
    ];

    pub fn name(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Verifying => "verifying",
            State::NeedsInfo => "needs-info",
            State::Scoped => "scoped",
            State::Assembled => "assembled",
            State::Reviewed => "reviewed",
            State::Approved => "approved",
            State::Sealed => "sealed",
            State::Delivered => "delivered",
            State::Closed => "closed",
            State::OnHold => "on-hold",
            State::Rejected => "rejected",
            State::Cancelled => "cancelled",
            State::Superseded => "superseded",
            State::Revoked => "revoked",
        }
    }

    /// Whether nothing more can happen to it.
    pub fn is_final(self) -> bool {
        matches!(self, State::Closed | State::Rejected | State::Cancelled | State::Superseded | State::Revoked)
    }

    /// Whether a package may have left.
    pub fn is_out(self) -> bool {
        matches!(self, State::Delivered | State::Closed | State::Superseded)
    }
}

/// Something that a person does to a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "move")]
pub enum Move {
    /// The request as it is now written down; after assembly it voids what was assembled.
    Write {
        request: Box<Request>,
    },
    Assign {
        to: String,
    },
    /// Complete: verification begins.
    Submit {
        /// Whether the basis makes it wait for documents first; [`Case::make`] fills it in from the rules.
        waits: bool,
    },
    /// Waits for more documents.
    Ask {
        what: String,
    },
    /// Which person of the archive a subject is.
    Identify {
        subject: usize,
        keys: Vec<String>,
    },
    Answer {
        check: Check,
    },
    /// Identity and authority hold.
    Accept,
    /// The selections are frozen, one for each subject.
    Assemble(Assembly),
    /// What is done with a flagged item.
    Decide {
        subject: usize,
        item: usize,
        decision: Decision,
    },
    /// What is redacted of a subject's items.
    Redact {
        subject: usize,
        /// Digest of the redactions' file; empty when nothing is redacted any more.
        redactions_sha256: String,
    },
    /// The pages as they would leave were made, one set for each subject.
    Preview(Preview),
    /// Somebody looked at the preview; a second person where anything is redacted.
    Review,
    /// Whoever should approve it, or approved it, sends it back: the pages are not what should leave.
    Return {
        reason: String,
    },
    /// A second person approves what they saw.
    Approve {
        preview_sha256: String,
        saw_flagged: bool,
    },
    /// One person alone, because care is waiting; reviewed afterwards.
    ApproveAlone {
        preview_sha256: String,
        reason: String,
    },
    /// Somebody else looked at what one person alone released.
    ReviewAlone {
        /// Whether it was right to release it so, and it may go on.
        holds: bool,
        words: String,
    },
    Seal {
        preview_sha256: String,
        /// One for each subject.
        packages: Vec<Package>,
    },
    Deliver(Handover),
    /// The recipient has it.
    Confirm {
        how: String,
    },
    Close,
    /// The one extension of the due date, with the notice that was sent.
    Extend {
        notice: String,
    },
    Hold {
        matter: String,
    },
    Resume,
    Reject {
        reason: String,
    },
    Cancel {
        reason: String,
    },
    /// The patient revoked the authorization.
    Revoke {
        on: String,
    },
    /// Another package takes its place.
    Supersede {
        by: String,
    },
}

/// Frozen selections, one for each subject, in the request's order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assembly {
    pub subjects: Vec<Assembled>,
}

/// The frozen selection of one subject.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assembled {
    /// Digest of the selection's file.
    pub selection_sha256: String,
    pub items: u64,
    /// Items that need a decision: why, in the order of the selection.
    pub flagged: Vec<Flag>,
}

/// The pages as they would leave, one set for each subject.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    pub subjects: Vec<Previewed>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previewed {
    /// Digest of the plan: everything that the pages are made from.
    pub plan_sha256: String,
    /// Digest of the pages themselves.
    pub pdf_sha256: String,
    pub pages: u64,
    /// Items that could not be given as pages or natively and stand on the exceptions page.
    pub exceptions: u64,
    /// Digest of what was learnt from them: which pages are whose.
    #[serde(default)]
    pub told_sha256: String,
}

impl Preview {
    /// Names the preview in review and approval: SHA-256 over the digests of all subjects' plans and pages, a line each.
    pub fn digest(&self) -> String {
        let lines = self.subjects.iter().map(|it| format!("{} {}\n", it.plan_sha256, it.pdf_sha256));
        super::package::sha256_hex(lines.collect::<String>().as_bytes())
    }
}

/// An item that somebody has to look at before it may go out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// Place in the selection.
    pub item: usize,
    /// `wrong-patient`, `out-of-range`, `sensitive`, `unreadable`, `duplicate`, `no-date`, `third-party` …
    pub why: String,
}

/// What was decided about a flagged item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "decision")]
pub enum Decision {
    Include { reason: String },
    Exclude { reason: String },
    Redact { reason: String },
}

/// A package as it was built.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Digest of the manifest.
    pub manifest_sha256: String,
    /// Digest of the file as it leaves, before any encryption for the way.
    pub package_sha256: String,
    /// Digest of the build record: the same package can be made from it again.
    pub build_sha256: String,
    pub first_bates: String,
    pub last_bates: String,
    pub pages: u64,
    pub bytes: u64,
}

/// A handing out of the package. Its disclosure entry stands in the log before.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    pub channel: String,
    pub tracking: String,
    /// Of the packages that are handed out.
    pub manifests: Vec<String>,
    /// Place of the disclosure's entry in the audit log.
    pub disclosure_entry: String,
    /// What left in another form than the package itself: encrypted for the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapped: Vec<Wrapped>,
}

/// The encrypted form of a package, as it was handed out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrapped {
    pub manifest_sha256: String,
    /// Digest and size of the file.
    pub sha256: String,
    pub bytes: u64,
}

/// Who makes a move.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Actor {
    /// Identity: issuer and subject, never the name alone.
    pub id: String,
    pub is_him: bool,
    /// Whether the person proved who they are again just now.
    pub stepped_up: bool,
}

/// A move as it was made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unix seconds.
    pub at: i64,
    pub by: String,
    pub made: Move,
}

/// A request with its course so far.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Case {
    /// `2026-000123`
    pub number: String,
    pub state: State,
    /// Where it goes on after a hold.
    held_from: State,
    pub received: i64,
    pub request: Request,
    pub assignee: Option<String>,
    pub is_extended: bool,
    /// Who made the selection.
    pub preparer: Option<String>,
    /// Who accepted identity and authority.
    pub verifier: Option<String>,
    pub assembly: Option<Assembly>,
    /// By subject and item.
    pub decisions: Vec<((usize, usize), Decision)>,
    /// Digests of redactions, by subject; empty: none.
    pub redactions: BTreeMap<usize, String>,
    /// Who redacted.
    pub redactors: BTreeSet<String>,
    pub preview: Option<Preview>,
    pub reviewer: Option<String>,
    pub approval: Option<Approval>,
    /// What somebody else found about an approval that was given alone.
    pub alone_review: Option<AloneReview>,
    /// One for each subject, once they are sealed.
    pub packages: Vec<Package>,
    pub handovers: Vec<Handover>,
    pub is_confirmed: bool,
    /// Why it ended, waits or is held.
    pub why: Option<String>,
    /// Who put it on hold: somebody else ends that.
    pub held_by: Option<String>,
}

/// The review of an approval that one person gave alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AloneReview {
    pub by: String,
    pub at: i64,
    pub holds: bool,
    pub words: String,
}

/// Who approved what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    pub by: String,
    pub at: i64,
    pub preview_sha256: String,
    /// Given alone, in an emergency: to be reviewed within one business day.
    pub alone_because: Option<String>,
}

/// Why a move is not made. Texts hold nothing of the request's content.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("a request that is {} cannot be moved so", .0.name())]
    NotNow(State),
    #[error("the request lacks {}", .0.join(", "))]
    Incomplete(Vec<&'static str>),
    #[error("no legal basis of this name")]
    UnknownBasis,
    #[error("not answered with yes: {}", .0.join("; "))]
    Unverified(Vec<String>),
    #[error("a patient of the request is not resolved to one person of the archive")]
    Unresolved,
    #[error("no patient of this number in the request")]
    NoSubject,
    #[error("the authorization has expired")]
    Expired,
    #[error("the authorization names no day or event on which it ends")]
    NoExpiry,
    #[error("the authorization was revoked")]
    Revoked,
    #[error("{0} flagged items are not decided")]
    Undecided(usize),
    #[error("the pages were not made since the last decision or redaction")]
    NoPreview,
    #[error("there has to be one for each patient of the request")]
    NotForEach,
    #[error("no flagged item of this number")]
    NoItem,
    #[error("a second person has to do this: neither who prepared nor who verified")]
    SamePerson,
    #[error("this is for health information management alone")]
    NotHim,
    #[error("sign in again first: this step asks for it")]
    StepUp,
    #[error("every flagged page has to be looked at first")]
    Unseen,
    #[error("one person alone may release only in an emergency of treatment")]
    NoEmergency,
    #[error("somebody else has to look first at what one person alone released")]
    ReviewFirst,
    #[error("nobody released it alone, or that was looked at already")]
    NothingToReview,
    #[error("a reason is needed")]
    NoReason,
    #[error("this is not what was approved")]
    NotTheApproved,
    #[error("the disclosure has to stand in the log before the package leaves")]
    NoDisclosure,
    #[error("the due date was extended once already, or this basis has no extension")]
    NoExtension,
}

/// A case that may be sealed: approved, and unchanged since.
#[derive(Debug)]
pub struct Approved<'c>(&'c Case, &'c Approval);

impl Approved<'_> {
    pub fn case(&self) -> &Case {
        self.0
    }

    pub fn approval(&self) -> &Approval {
        self.1
    }
}

/// A case whose package may be handed out.
#[derive(Debug)]
pub struct Sealed<'c>(&'c Case);

impl Sealed<'_> {
    pub fn case(&self) -> &Case {
        self.0
    }

    pub fn packages(&self) -> &[Package] {
        &self.0.packages
    }
}

impl Case {
    /// A request that just came in, `at` Unix seconds.
    pub fn new(number: String, at: i64) -> Case {
        Case { number, received: at, ..Case::default() }
    }

    /// The case that these steps made; they passed their guards when they were made.
    pub fn replay(number: String, received: i64, steps: &[Step]) -> Case {
        let mut case = Case::new(number, received);
        for step in steps {
            case.take(step);
        }
        case
    }

    /// Makes a move, if its guard allows it.
    ///
    /// # Errors
    /// The guard's reason; the case is then as before.
    pub fn make(&mut self, mut made: Move, actor: &Actor, at: i64, rules: &Rules) -> Result<Step, Refusal> {
        self.guard(&made, actor, at, rules)?;
        if let Move::Submit { waits } = &mut made {
            let needs_info = rules.basis(&self.request.basis).is_some_and(|basis| basis.needs_info_first);
            *waits = needs_info && self.state == State::Draft;
        }
        let step = Step { at, by: actor.id.clone(), made };
        self.take(&step);
        Ok(step)
    }

    /// The key to sealing, while the case is approved.
    pub fn approved(&self) -> Option<Approved<'_>> {
        let approval = self.approval.as_ref().filter(|_| self.state == State::Approved)?;
        Some(Approved(self, approval))
    }

    /// The key to handing out, once the package is sealed; also for sending it again.
    pub fn sealed(&self) -> Option<Sealed<'_>> {
        let is_there = matches!(self.state, State::Sealed | State::Delivered);
        (is_there && !self.packages.is_empty()).then_some(Sealed(self))
    }

    /// By when somebody else has to look at what one person alone approved: the end of the next business day, as Unix seconds.
    /// `None` when nothing waits for that.
    pub fn review_due(&self) -> Option<i64> {
        let approval = self.approval.as_ref().filter(|it| it.alone_because.is_some() && self.alone_review.is_none())?;
        let day = jiff::Timestamp::from_second(approval.at).ok()?.to_zoned(jiff::tz::TimeZone::system()).date();
        let is_free =
            |day: jiff::civil::Date| matches!(day.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
        let mut next = day.tomorrow().ok()?;
        while is_free(next) {
            next = next.tomorrow().ok()?;
        }
        let ends = next.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::system()).ok()?;
        Some(ends.timestamp().as_second() - 1)
    }

    /// Day by which it is due, as Unix seconds.
    pub fn due(&self, basis: &Basis) -> i64 {
        const DAY: i64 = 24 * 60 * 60;
        let extension = if self.is_extended { basis.extension_days } else { 0 };
        self.received + i64::from(basis.due_days + extension) * DAY
    }
}

#[cfg(test)]
mod tests;
