//! The ledger of requests: cases kept as their steps in the register, each with its entry in the access log.
//!
//! A step is kept together with its entry or not at all. Handing a package out is the one exception: its disclosure entry comes
//! first, and a ledger that missed the step (a crash between the two) takes it from the log when it is next asked to.
//!
//! Not for: guards (`workflow`), or who may work on requests at all (`access`).

use crate::access::{Principal, RequestContext, entry};
use crate::audit::{Action, AuditError, AuditLog, DESCRIPTION, Entry, PURPOSE, Recipient};
use crate::model::PatientKey;
use crate::register::{Register, RegisterError, ReleaseFacts, ReleaseRow};

use super::basis::Rules;
use super::workflow::{Actor, Case, Handover, Move, Refusal, Step};

/// Why the ledger did not do what was asked. The texts hold nothing of the requests' content.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error("the access log takes no entries: {0}")]
    Audit(#[from] AuditError),
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
        let case = Self::case(number, &row, &steps)?;
        Ok(Entered { case, steps: row.steps, head: row.head })
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
        let written = |digest: &str| {
            let entry = self.entry_of(worker, &case, &step, &seen.head, digest);
            self.log.append(entry).map(|_| ()).map_err(LedgerError::from)
        };
        let head = self.register.add_release_step(&case.number, seen.steps, &text, &facts, written).await?;
        Ok(Entered { case, steps: seen.steps + 1, head })
    }

    /// Hands a sealed package out: the disclosure is durable first, then the step. What may leave is the caller's to send
    /// after this returns.
    pub async fn deliver(
        &self,
        seen: &Entered,
        handover: Handover,
        worker: &Worker<'_>,
        at: i64,
        what: &str,
    ) -> Result<Entered, LedgerError> {
        let mut trial = seen.case.clone();
        let expected = Handover { disclosure_entry: "pending".into(), ..handover.clone() };
        trial.make(Move::Deliver(expected), &worker.actor, at, self.rules)?;
        let ack = self.log.append(self.disclosure(worker, &seen.case, what))?;
        let handover = Handover { disclosure_entry: format!("{}/{}", ack.stream, ack.seq), ..handover };
        self.make(seen, Move::Deliver(handover), worker, at).await
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
    fn entry_of(&self, worker: &Worker<'_>, case: &Case, step: &Step, before: &str, digest: &str) -> Entry {
        let event = match &step.made {
            Move::Approve { .. } | Move::ApproveAlone { .. } => "release.approved",
            Move::Seal { .. } => "release.created",
            Move::Deliver(_) => "release.delivered",
            _ => "release.changed",
        };
        let mut it = entry(event, worker.principal, worker.context);
        it.action = Action::Update;
        it.patients = keys(case);
        it.detail = vec![
            ("request", case.number.clone()),
            ("move", move_name(&step.made).to_owned()),
            ("state", case.state.name().to_owned()),
            ("before", before.to_owned()),
            ("step", digest.to_owned()),
        ];
        if matches!(step.made, Move::Seal { .. } | Move::Deliver(_)) {
            it.detail.extend(case.packages.iter().map(|package| ("manifest", package.manifest_sha256.clone())));
        }
        it
    }

    /// The entry of a disclosure, to be durable before the package leaves (spec audit.md §8.6).
    pub fn disclosure(&self, worker: &Worker<'_>, case: &Case, what: &str) -> Entry {
        let recipient = case.request.recipient();
        let basis = self.rules.basis(&case.request.basis);
        let mut it = entry("disclosure", worker.principal, worker.context);
        it.action = Action::Read;
        it.patients = keys(case);
        it.recipient = Some(Recipient {
            name: recipient.name.clone(),
            organisation: Some(recipient.organisation.clone()).filter(|it| !it.is_empty()),
            address: Some(recipient.address.join(", ")).filter(|it| !it.is_empty()),
            authority: basis.map(|basis| basis.disclosure.clone()),
        });
        it.detail =
            vec![("request", case.number.clone()), (DESCRIPTION, what.to_owned()), (PURPOSE, case.request.purpose.clone())];
        it.detail.extend(case.packages.iter().map(|package| ("manifest", package.manifest_sha256.clone())));
        it
    }

    fn case(number: &str, row: &ReleaseRow, steps: &[String]) -> Result<Case, LedgerError> {
        let read = |text: &String| serde_json::from_str::<Step>(text).map_err(|_| LedgerError::Unreadable);
        let steps: Vec<Step> = steps.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Case::replay(number.to_owned(), row.received, &steps))
    }
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
    use crate::release::workflow::{Assembly, Package, Preview, Previewed, State};

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
        seen = ledger.deliver(&seen, handover.clone(), &worker(0), NOW, "Results of May").await.unwrap();
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
            ledger.deliver(&seen, wrong, &worker(0), NOW, "Results of May").await,
            Err(LedgerError::Refused(Refusal::NotTheApproved))
        ));
        assert_eq!(entries(), before, "what is refused is no disclosure");
        assert_eq!(before.iter().filter(|event| *event == "disclosure").count(), 1);
        assert_eq!(before.iter().filter(|event| event.starts_with("release.")).count(), 11);
    }
}
