//! The ledger of requests: cases kept as their steps in the register, each with its entry in the access log.
//!
//! A step is kept together with its entry or not at all. Handing a package out is the one exception: its disclosure entry comes
//! first, and a ledger that missed the step (a crash between the two) takes it from the log when it is next asked to.
//!
//! Not for: guards (`workflow`), or who may work on requests at all (`access`).

use std::path::Path;

use crate::access::{Principal, RequestContext, entry};
use crate::audit::{self, Action, AuditError, AuditLog, DESCRIPTION, Entry, LogError, PURPOSE, Recipient};
use crate::model::PatientKey;
use crate::register::{KeptStep, PendingHandover, Register, RegisterError, ReleaseFacts};

use super::basis::Rules;
use super::workflow::{Actor, Case, Handover, Move, Package, Refusal, State, Step};

/// Seconds for which a handing out may be under way.
const UNDER_WAY_SECONDS: i64 = 60;

/// Why the ledger did not do what was asked. The texts hold nothing of the requests' content.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error("the access log takes no entries: {0}")]
    Audit(#[from] AuditError),
    #[error("the access log cannot be read: {0}")]
    Log(#[from] LogError),
    #[error("no request of this number")]
    Unknown,
    #[error("a step of the request cannot be read; it was written by another version of this program")]
    Unreadable,
}

/// Who works on a request: the person as the gate knows them, and where from.
#[derive(Clone, Debug)]
pub struct Worker<'a> {
    pub principal: &'a Principal,
    pub context: &'a RequestContext,
    pub actor: Actor,
}

/// A case with what is needed to change it.
#[derive(Clone, Debug)]
pub struct Entered {
    pub case: Case,
    /// Steps so far: who changes it names how many they saw.
    pub steps: i64,
    /// Digest of the last step.
    pub head: String,
    /// What was done so far.
    pub history: Vec<Kept>,
}

/// A step, and where its entry stands in the access log: `stream/number`.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    pub step: Step,
    pub entry: Option<String>,
}

/// The ledger over a register and a log.
#[derive(Debug)]
pub struct Ledger<'a> {
    register: &'a Register,
    log: &'a AuditLog,
    rules: &'a Rules,
}

impl<'a> Ledger<'a> {
    pub fn new(register: &'a Register, log: &'a AuditLog, rules: &'a Rules) -> Ledger<'a> {
        Ledger { register, log, rules }
    }

    /// Writes down that a request came in, `at` Unix seconds, in `year`; gives its number.
    pub async fn open(&self, year: i16, at: i64) -> Result<String, LedgerError> {
        Ok(self.register.open_release(year, at).await?)
    }

    /// A request as it stands.
    ///
    /// # Errors
    /// `Unknown`; `Unreadable` or `ReleaseChanged` when its steps are not what was written.
    pub async fn get(&self, number: &str) -> Result<Entered, LedgerError> {
        let row = self.register.release(number).await?.ok_or(LedgerError::Unknown)?;
        let steps = self.register.release_steps(number).await?;
        let history = read_steps(&steps)?;
        let made: Vec<Step> = history.iter().map(|it| it.step.clone()).collect();
        let case = Case::replay(number.to_owned(), row.received, &made);
        Ok(Entered { case, steps: row.steps, head: row.head, history })
    }

    /// Makes a move on a request as somebody saw it: guard, entry and step, all or nothing.
    ///
    /// # Errors
    /// The guard's refusal; `ReleaseMoved` when the request was changed since; the log's or the register's failure.
    pub async fn make(&self, seen: &Entered, made: Move, worker: &Worker<'_>, at: i64) -> Result<Entered, LedgerError> {
        let mut case = seen.case.clone();
        let step = case.make(made, &worker.actor, at, self.rules)?;
        let text = serde_json::to_string(&step).map_err(|_| LedgerError::Unreadable)?;
        let facts = self.facts(&case);
        let let_go = self.let_go(&case, &step).await?;
        let mut place = None;
        let written = |digest: &str| {
            let entry = self.entry_of(worker, &case, &step, &seen.head, digest, let_go);
            let ack = self.log.append(entry)?;
            let at = format!("{}/{}", ack.stream, ack.seq);
            place = Some(at.clone());
            Ok::<_, LedgerError>(at)
        };
        let head = self.register.add_release_step(&case.number, seen.steps, &text, &facts, written).await?;
        let mut history = seen.history.clone();
        history.push(Kept { step, entry: place });
        Ok(Entered { case, steps: seen.steps + 1, head, history })
    }

    /// Hands packages out: the disclosure is durable first, then the step. What may leave is the caller's to send after this
    /// returns. `subjects`: whose packages.
    ///
    /// # Errors
    /// The guard's refusal, before anything is written down; the log's or the register's failure.
    pub async fn deliver(
        &self,
        seen: &Entered,
        handover: Handover,
        subjects: &[usize],
        worker: &Worker<'_>,
        at: i64,
        what: &str,
    ) -> Result<Entered, LedgerError> {
        let mut trial = seen.case.clone();
        let expected = Handover { disclosure_entry: "pending".into(), ..handover.clone() };
        trial.make(Move::Deliver(expected), &worker.actor, at, self.rules)?;
        let pending = PendingHandover {
            id: uuid::Uuid::new_v4().to_string(),
            number: seen.case.number.clone(),
            by: worker.actor.id.clone(),
            at,
            handover: serde_json::to_string(&handover).map_err(|_| LedgerError::Unreadable)?,
        };
        self.register.begin_handover(&pending).await?;
        let ack = self.log.append(self.disclosure(worker, &seen.case, subjects, what, &pending.id))?;
        self.handed(seen.clone(), &pending, handover, format!("{}/{}", ack.stream, ack.seq), worker).await
    }

    /// Keeps the steps of handings out whose disclosure stands in the log and that a crash kept from being steps. What was
    /// begun long ago and has no disclosure never happened.
    ///
    /// # Errors
    /// The log's or the register's failure.
    pub async fn recover(&self, archive: &Path, number: &str, worker: &Worker<'_>, now: i64) -> Result<(), LedgerError> {
        for pending in self.register.pending_handovers(number).await? {
            match disclosed(archive, &pending)? {
                None if now - pending.at > UNDER_WAY_SECONDS => self.register.end_handover(&pending.id).await?,
                // Perhaps it is being written just now.
                None => {}
                Some(entry) => {
                    let handover = serde_json::from_str(&pending.handover).map_err(|_| LedgerError::Unreadable)?;
                    let actor = Actor { id: pending.by.clone(), is_him: true, stepped_up: true };
                    let worker = Worker { actor, ..worker.clone() };
                    match self.handed(self.get(number).await?, &pending, handover, entry, &worker).await {
                        // It was revoked or put on hold since: the disclosure stands, and nothing left.
                        Err(LedgerError::Refused(_)) => self.register.end_handover(&pending.id).await?,
                        other => other.map(|_| ())?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps the step of a handing out whose disclosure is durable. Others may have worked on the request meanwhile, or have
    /// kept this very step.
    async fn handed(
        &self,
        mut seen: Entered,
        pending: &PendingHandover,
        handover: Handover,
        entry: String,
        worker: &Worker<'_>,
    ) -> Result<Entered, LedgerError> {
        let handover = Handover { disclosure_entry: entry, ..handover };
        loop {
            let is_kept = |it: &Handover| it.disclosure_entry == handover.disclosure_entry;
            if !seen.case.handovers.iter().any(is_kept) {
                match self.make(&seen, Move::Deliver(handover.clone()), worker, pending.at).await {
                    Err(LedgerError::Register(RegisterError::ReleaseMoved)) => {
                        seen = self.get(&pending.number).await?;
                        continue;
                    }
                    other => seen = other?,
                }
            }
            self.register.end_handover(&pending.id).await?;
            return Ok(seen);
        }
    }

    /// Whom the end of a hold lets go: patients whom no other request holds. `None` for any other move.
    async fn let_go(&self, case: &Case, step: &Step) -> Result<Option<Vec<PatientKey>>, LedgerError> {
        if step.made != Move::Resume {
            return Ok(None);
        }
        let mut free = keys(case);
        let names: Vec<String> = free.iter().map(ToString::to_string).collect();
        for number in self.register.releases_of(&names).await?.into_iter().filter(|number| *number != case.number) {
            let other = self.get(&number).await?.case;
            if other.state == State::OnHold {
                let held = keys(&other);
                free.retain(|key| !held.contains(key));
            }
        }
        Ok(Some(free))
    }

    fn facts(&self, case: &Case) -> ReleaseFacts {
        let priority = serde_json::to_value(case.request.priority).ok();
        ReleaseFacts {
            state: case.state.name().to_owned(),
            basis: case.request.basis.clone(),
            priority: priority.and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default(),
            due: self.rules.basis(&case.request.basis).map(|basis| case.due(basis)),
            assignee: case.assignee.clone(),
            patients: case.request.subjects.iter().flat_map(|subject| subject.keys.iter().cloned()).collect(),
        }
    }

    /// The entry of a step: who, which request, what was done, and the digests that bind the entry to the step. What the request
    /// says stays out of it.
    fn entry_of(
        &self,
        worker: &Worker<'_>,
        case: &Case,
        step: &Step,
        before: &str,
        digest: &str,
        let_go: Option<Vec<PatientKey>>,
    ) -> Entry {
        let patients = let_go.unwrap_or_else(|| keys(case));
        let event = match &step.made {
            // A hold keeps the log's own entries about these patients too (`audit::retention`).
            Move::Hold { .. } if !patients.is_empty() => "hold.set",
            Move::Resume if !patients.is_empty() => "hold.cleared",
            Move::Approve { .. } | Move::ApproveAlone { .. } => "release.approved",
            Move::Seal { .. } => "release.created",
            Move::Deliver(_) => "release.delivered",
            _ => "release.changed",
        };
        let mut it = entry(event, worker.principal, worker.context);
        it.action = Action::Update;
        it.patients = patients;
        it.detail = vec![
            ("request", case.number.clone()),
            ("move", move_name(&step.made).to_owned()),
            ("state", case.state.name().to_owned()),
            ("before", before.to_owned()),
            ("step", digest.to_owned()),
        ];
        if matches!(step.made, Move::Seal { .. } | Move::Deliver(_)) {
            it.detail.push(("manifest", manifests(case.packages.iter())));
        }
        // What was approved, and nothing else.
        if let Move::Approve { preview_sha256, .. } | Move::ApproveAlone { preview_sha256, .. } = &step.made {
            it.detail.push(("preview", preview_sha256.clone()));
        }
        it
    }

    /// The entry of a disclosure, to be durable before the package leaves (spec audit.md §8.6).
    fn disclosure(&self, worker: &Worker<'_>, case: &Case, subjects: &[usize], what: &str, id: &str) -> Entry {
        let recipient = case.request.recipient();
        let basis = self.rules.basis(&case.request.basis);
        let mut it = entry("disclosure", worker.principal, worker.context);
        it.action = Action::Read;
        let whose = |(at, _): &(usize, _)| subjects.contains(at);
        let handed = case.request.subjects.iter().enumerate().filter(whose);
        it.patients = handed.flat_map(|(_, subject)| &subject.keys).filter_map(|key| PatientKey::parse(key)).collect();
        it.recipient = Some(Recipient {
            name: recipient.name.clone(),
            organisation: Some(recipient.organisation.clone()).filter(|it| !it.is_empty()),
            address: Some(recipient.address.join(", ")).filter(|it| !it.is_empty()),
            authority: basis.map(|basis| basis.disclosure.clone()),
        });
        it.detail =
            vec![("request", case.number.clone()), (DESCRIPTION, what.to_owned()), (PURPOSE, case.request.purpose.clone())];
        it.detail.push((HANDOVER, id.to_owned()));
        let packages = case.packages.iter().enumerate().filter(|(at, _)| subjects.contains(at));
        it.detail.push(("manifest", manifests(packages.map(|(_, package)| package))));
        it
    }
}

/// Names the handing out in the entry of its disclosure.
const HANDOVER: &str = "handover";

/// Where the disclosure of a handing out stands in the log, if it does.
fn disclosed(archive: &Path, pending: &PendingHandover) -> Result<Option<String>, LedgerError> {
    let from = jiff::Timestamp::from_second(pending.at - UNDER_WAY_SECONDS).ok();
    let query = audit::Query { event: Some("disclosure".into()), from, limit: usize::MAX, ..audit::Query::default() };
    let found = audit::read(archive, &query)?.into_iter().find(|found| {
        let id = found.entry.get("detail").and_then(|detail| detail.get(HANDOVER));
        id.and_then(|id| id.as_str()) == Some(pending.id.as_str())
    });
    Ok(found.map(|found| format!("{}/{}", found.stream, found.seq)))
}

fn read_steps(kept: &[KeptStep]) -> Result<Vec<Kept>, LedgerError> {
    let read = |kept: &KeptStep| {
        let step = serde_json::from_str(&kept.made).map_err(|_| LedgerError::Unreadable)?;
        Ok(Kept { step, entry: kept.entry.clone() })
    };
    kept.iter().map(read).collect()
}

fn manifests<'c>(packages: impl Iterator<Item = &'c Package>) -> String {
    packages.map(|package| package.manifest_sha256.as_str()).collect::<Vec<_>>().join(" ")
}

fn keys(case: &Case) -> Vec<PatientKey> {
    case.request.subjects.iter().flat_map(|subject| &subject.keys).filter_map(|key| PatientKey::parse(key)).collect()
}

fn move_name(made: &Move) -> &'static str {
    match made {
        Move::Write { .. } => "write",
        Move::Assign { .. } => "assign",
        Move::Submit { .. } => "submit",
        Move::Ask { .. } => "ask",
        Move::Identify { .. } => "identify",
        Move::Answer { .. } => "answer",
        Move::Accept => "accept",
        Move::Assemble(_) => "assemble",
        Move::Decide { .. } => "decide",
        Move::Redact { .. } => "redact",
        Move::Preview(_) => "preview",
        Move::Review => "review",
        Move::Return { .. } => "return",
        Move::Approve { .. } => "approve",
        Move::ApproveAlone { .. } => "approve-alone",
        Move::ReviewAlone { .. } => "review-alone",
        Move::Seal { .. } => "seal",
        Move::Deliver(_) => "deliver",
        Move::Confirm { .. } => "confirm",
        Move::Close => "close",
        Move::Extend { .. } => "extend",
        Move::Hold { .. } => "hold",
        Move::Resume => "resume",
        Move::Reject { .. } => "reject",
        Move::Cancel { .. } => "cancel",
        Move::Revoke { .. } => "revoke",
        Move::Supersede { .. } => "supersede",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Purpose, Role};
    use crate::audit;
    use crate::register::SessionTimes;
    use crate::release::request::{Check, Delivery, Party, Request, Subject};
    use crate::release::workflow::{Assembly, Preview, Previewed};

    const NOW: i64 = 1_780_000_000;

    fn request() -> Request {
        Request {
            requester: Party { name: "R. Quester".into(), address: vec!["1 Main Street".into()], ..Party::default() },
            subjects: vec![Subject { name: "Someone".into(), ..Subject::default() }],
            basis: "patient-access".into(),
            purpose: "own use".into(),
            delivery: Delivery { channel: "mail".into(), ..Delivery::default() },
            ..Request::default()
        }
    }

    #[tokio::test]
    async fn a_request_is_worked_on_kept_and_found_again_with_its_entries() {
        let (folder, log) = AuditLog::temporary();
        let register = Register::open(&folder.path().join("register.db"), SessionTimes::default()).await.unwrap();
        let rules = Rules::shipped().unwrap();
        let ledger = Ledger::new(&register, &log, &rules);
        let context = RequestContext::default();
        let people = ["ann", "ben"].map(|name| Principal::operator(name, Role::Him, Purpose::Legal));
        let worker = |who: usize| Worker {
            principal: &people[who],
            context: &context,
            actor: Actor { id: people[who].subject.clone(), is_him: true, stepped_up: true },
        };
        let number = ledger.open(2026, NOW).await.unwrap();
        let mut seen = ledger.get(&number).await.unwrap();
        let check = Check { code: "identity".into(), holds: true, how: "passport".into(), ..Check::default() };
        let package = Package { manifest_sha256: "m".into(), ..Package::default() };
        let preview = Preview { subjects: vec![Previewed::default()] };
        let preview_sha256 = preview.digest();
        for (made, who) in [
            (Move::Write { request: Box::new(request()) }, 0),
            (Move::Submit { waits: false }, 0),
            (Move::Identify { subject: 0, keys: vec!["mer.1".into()] }, 0),
            (Move::Answer { check }, 0),
            (Move::Accept, 0),
            (Move::Assemble(Assembly::default()), 0),
            (Move::Preview(preview), 0),
            (Move::Review, 0),
            (Move::Approve { preview_sha256: preview_sha256.clone(), saw_flagged: true }, 1),
            (Move::Seal { preview_sha256, packages: vec![package] }, 0),
        ] {
            seen = ledger.make(&seen, made, &worker(who), NOW).await.unwrap();
        }
        let stale = seen.clone();
        let handover = Handover { channel: "mail".into(), manifests: vec!["m".into()], ..Handover::default() };
        seen = ledger.deliver(&seen, handover.clone(), &[0], &worker(0), NOW, "Results of May").await.unwrap();
        assert!(matches!(
            ledger.make(&stale, Move::Assign { to: "ben".into() }, &worker(1), NOW).await,
            Err(LedgerError::Register(RegisterError::ReleaseMoved))
        ));
        let again = ledger.get(&number).await.unwrap();
        assert_eq!((again.case.state, again.steps), (State::Delivered, 11));
        assert_eq!(again.case, seen.case);
        assert!(again.case.handovers[0].disclosure_entry.contains('/'));
        let wrong = Handover { manifests: vec!["other".into()], ..handover };
        let entries = || -> Vec<String> {
            let query = audit::Query { limit: 100, ..audit::Query::default() };
            let read = audit::read(&folder.path().join("archive"), &query).unwrap();
            read.iter().filter_map(|it| it.entry["event"].as_str().map(str::to_owned)).collect()
        };
        let before = entries();
        assert!(matches!(
            ledger.deliver(&seen, wrong, &[0], &worker(0), NOW, "Results of May").await,
            Err(LedgerError::Refused(Refusal::NotTheApproved))
        ));
        assert_eq!(entries(), before, "what is refused is no disclosure");
        assert_eq!(before.iter().filter(|event| *event == "disclosure").count(), 1);
        assert_eq!(before.iter().filter(|event| event.starts_with("release.")).count(), 11);
    }
}
