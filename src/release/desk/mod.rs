//! The release desk: everything that somebody who works on a request can do, once, for the command line, the API and the
//! workspace. It asks the gate for the records, makes selections, previews and packages, and moves the case in the ledger.
//!
//! Whatever tells of a request comes back as [`Audited`]: that somebody read it stands in the access log by then. What takes
//! long (`preview`, `seal`) is a job in the background. The methods read and write files: await them where blocking is allowed.
//!
//! Not for: HTTP and pages (`server`), the guards (`workflow`), or how pages are made (`paper`, `build`).

mod again;
mod board;
mod choosing;
mod fault;
mod handing;
mod jobs;
mod links;
mod looking;
mod making;
mod papers;
mod plan;
mod previews;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::access::{Audited, Gate, Permit, Principal, Purpose, RequestContext, Role, Scope, Shown, entry};
use crate::audit::{Action, AuditLog};
use crate::config::Config;
use crate::limits::STEP_UP_SECONDS;
use crate::model::PatientKey;
use crate::query::Archive;
use crate::register::Register;
use crate::signing::Signer;

use super::basis::Rules;
use super::ledger::{Entered, Kept, Ledger, LedgerError, Worker};
use super::request::Request;
use super::selection::RecordSets;
use super::shelf::Shelf;
use super::workflow::{Actor, Case, Move, Refusal};

pub use board::Row;
pub use choosing::{Candidate, Picked};
pub use fault::DeskError;
pub use handing::{Delivering, Handed, HandedFile, PackageFile};
pub use jobs::{Job, JobKind, JobState};
pub use links::{Link, LinkTold, NotFetched};
pub use looking::PreviewTold;
pub use view::{MissingCheck, StepTold, View};

/// Event of the access log: somebody read what a request says, its selection or its pages.
pub const VIEWED: &str = "release.viewed";

/// What the desk works with. One per process.
pub struct Desk {
    pub archive: Archive,
    pub gate: Gate,
    pub register: Register,
    pub shelf: Shelf,
    /// The archive's folder.
    pub folder: PathBuf,
    pub config: Config,
    pub rules: Rules,
    pub sets: RecordSets,
    /// Signs packages; `None`: nothing can be sealed here.
    pub signer: Option<Arc<dyn Signer + Send + Sync>>,
    jobs: jobs::Jobs,
    previews: previews::Previews,
}

/// A request as somebody saw it: who changes it says so, and is told when it was changed since.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub number: String,
    /// Steps so far.
    pub steps: i64,
}

/// The person who works on a request.
pub fn worker<'w>(principal: &'w Principal, context: &'w RequestContext) -> Worker<'w> {
    let now = jiff::Timestamp::now().as_second();
    let proved = principal.attributes.auth_time.is_some_and(|at| now.saturating_sub(at) <= STEP_UP_SECONDS);
    let at_the_machine = principal.channel() == crate::access::Channel::CommandLine;
    let actor = Actor {
        id: format!("{} {}", principal.issuer, principal.subject),
        is_him: principal.role == Role::Him,
        stepped_up: proved || at_the_machine,
    };
    Worker { principal, context, actor }
}

impl Desk {
    pub fn new(
        archive: Archive,
        gate: Gate,
        register: Register,
        folder: PathBuf,
        config: Config,
        signer: Option<Arc<dyn Signer + Send + Sync>>,
    ) -> Result<Desk, DeskError> {
        let rules = Rules::load(config.release.bases.as_deref())?;
        let shelf = Shelf::of(&folder);
        let sets = RecordSets::load(config.release.record_sets.as_deref())?;
        sets.serves(&rules)?;
        let (jobs, previews) = Default::default();
        Ok(Desk { archive, gate, register, shelf, folder, config, rules, sets, signer, jobs, previews })
    }

    pub fn log(&self) -> &AuditLog {
        self.gate.log()
    }

    pub fn ledger(&self) -> Ledger<'_> {
        Ledger::new(&self.register, self.log(), &self.rules)
    }

    /// Writes down a request that came in at `received` (Unix seconds), as far as it is known.
    ///
    /// # Errors
    /// `Received` when it came in after now.
    pub async fn open(&self, request: Request, received: i64, who: &Worker<'_>) -> Result<Seen, DeskError> {
        self.check(who)?;
        let at = now();
        let came = jiff::Timestamp::from_second(received).map_err(|_| DeskError::Received)?;
        if received > at {
            return Err(DeskError::Received);
        }
        let year = came.to_zoned(jiff::tz::TimeZone::system()).year();
        let number = self.ledger().open(year, received).await?;
        let mut opened = entry("release.changed", who.principal, who.context);
        opened.action = Action::Create;
        opened.detail = vec![("request", number.clone()), ("move", "open".into()), ("received", came.to_string())];
        self.log().append(opened).map_err(LedgerError::from)?;
        let draft = self.ledger().get(&number).await?;
        let written = self.ledger().make(&draft, Move::Write { request: Box::new(request) }, who, at).await?;
        Ok(Seen { number, steps: written.steps })
    }

    /// Makes a move that needs nothing but itself: write, assign, submit, ask, identify, answer, accept, decide, review, approve,
    /// approve alone and its review, confirm, close, extend, hold, resume, reject, cancel, revoke.
    ///
    /// # Errors
    /// The guard's refusal; `Moved` when the request was changed since it was seen; `NotHere` for the moves that are made by
    /// doing what they stand for (`assemble`, `redact`, `preview`, `seal`, `deliver`, `supersede`); `NotOnePerson` when a subject
    /// is to be keys that are not all those of one person.
    pub async fn step(&self, seen: &Seen, made: Move, who: &Worker<'_>) -> Result<Seen, DeskError> {
        use Move::{Assemble, Deliver, Preview, Redact, Seal, Supersede};
        if matches!(made, Assemble(_) | Deliver(_) | Preview(_) | Redact { .. } | Seal { .. } | Supersede { .. }) {
            return Err(DeskError::NotHere);
        }
        self.check(who)?;
        if let Move::Identify { keys, .. } = &made {
            self.is_one_person(keys)?;
        }
        if let Move::Write { request } = &made {
            self.has_papers(request)?;
        }
        let entered = self.as_seen(seen, who).await?;
        let is_revoked = matches!(made, Move::Revoke { .. });
        let entered = self.ledger().make(&entered, made, who, now()).await?;
        if is_revoked {
            // What left has left; what only waits to be fetched does not leave any more.
            self.register.end_release_links(&seen.number).await?;
        }
        if entered.case.state.is_final() && entered.case.handovers.is_empty() {
            self.void_bates(&seen.number).await?;
        }
        Ok(Seen { number: seen.number.clone(), steps: entered.steps })
    }

    /// A new request that takes the place of one whose package is wrong or not enough: written down as the old one is, and
    /// named by it. Gives the new one.
    pub async fn supersede(&self, seen: &Seen, who: &Worker<'_>) -> Result<Seen, DeskError> {
        self.check(who)?;
        let entered = self.as_seen(seen, who).await?;
        // Refused before anything is written down.
        entered
            .case
            .clone()
            .make(Move::Supersede { by: "pending".into() }, &who.actor, now(), &self.rules)
            .map_err(DeskError::Refused)?;
        let mut request = entered.case.request.clone();
        request.supersedes = Some(seen.number.clone());
        let new = self.open(request, entered.case.received, who).await?;
        self.ledger().make(&entered, Move::Supersede { by: new.number.clone() }, who, now()).await?;
        self.register.end_release_links(&seen.number).await?;
        Ok(new)
    }

    /// Whether this person may work on releases at all; a denial is in the log by then.
    pub fn check(&self, who: &Worker<'_>) -> Result<(), DeskError> {
        if self.gate.would_allow(who.principal, &Scope::Releases, who.context) {
            return Ok(());
        }
        self.permit(who).map(drop)
    }

    /// Leave to be told about requests.
    fn permit(&self, who: &Worker<'_>) -> Result<Permit, DeskError> {
        Ok(self.gate.ask(who.principal, Scope::Releases, who.context.clone())?)
    }

    /// Leave to read the records of a subject, for the purpose of the request. For a permit that is asked for by a release one
    /// has to be allowed to work on releases too.
    fn permit_for(&self, case: &Case, subject: usize, who: &Worker<'_>) -> Result<Permit, DeskError> {
        self.check(who)?;
        let keys = self.keys(case, subject)?;
        let basis = self.rules.basis(&case.request.basis).ok_or(DeskError::Refused(Refusal::UnknownBasis))?;
        let mut principal = who.principal.clone();
        principal.purpose = Purpose::from_code(&basis.purpose).unwrap_or(principal.purpose);
        // The person as the archive knows him now; a selection that was made of other keys is refused where it is made.
        let first = keys.first().ok_or(DeskError::Refused(Refusal::Unresolved))?;
        Ok(self.gate.ask(&principal, self.archive.chart_scope(first), who.context.clone())?)
    }

    /// The keys of the person whom a subject was found to be.
    fn keys(&self, case: &Case, subject: usize) -> Result<Vec<PatientKey>, DeskError> {
        let subject = case.request.subjects.get(subject).ok_or(DeskError::NotThere)?;
        let keys: Vec<PatientKey> = subject.keys.iter().filter_map(|key| PatientKey::parse(key)).collect();
        if keys.is_empty() { Err(DeskError::Refused(Refusal::Unresolved)) } else { Ok(keys) }
    }

    /// A request as it stands, with what a crash may have left of a handing out completed.
    async fn entered(&self, number: &str, who: &Worker<'_>) -> Result<Entered, DeskError> {
        self.ledger().recover(&self.folder, number, who, now()).await?;
        Ok(self.ledger().get(number).await?)
    }

    /// Likewise, when nobody changed it since it was seen.
    async fn as_seen(&self, seen: &Seen, who: &Worker<'_>) -> Result<Entered, DeskError> {
        let entered = self.entered(&seen.number, who).await?;
        if entered.steps == seen.steps { Ok(entered) } else { Err(DeskError::Moved) }
    }

    /// Every key that a subject is said to be, and no other of that person, has to be given: a part of a person is not resolved.
    fn is_one_person(&self, keys: &[String]) -> Result<(), DeskError> {
        let first = keys.first().and_then(|key| PatientKey::parse(key)).ok_or(DeskError::NotOnePerson)?;
        let mut person = self.person(&first);
        let mut given = keys.to_vec();
        person.sort();
        given.sort();
        given.dedup();
        if person == given { Ok(()) } else { Err(DeskError::NotOnePerson) }
    }

    fn person(&self, key: &PatientKey) -> Vec<String> {
        self.archive.chart_scope(key).patients().iter().map(ToString::to_string).collect()
    }

    /// Papers that a request names have to lie on the shelf.
    fn has_papers(&self, request: &Request) -> Result<(), DeskError> {
        if request.papers.iter().all(|paper| self.shelf.has(&paper.sha256)) { Ok(()) } else { Err(DeskError::NotThere) }
    }

    /// Names of people by their identity.
    async fn names(&self, ids: impl IntoIterator<Item = &str>) -> Result<BTreeMap<String, String>, DeskError> {
        let mut names = BTreeMap::new();
        for id in ids {
            if names.contains_key(id) {
                continue;
            }
            let (issuer, subject) = id.split_once(' ').unwrap_or(("", id));
            let account = if issuer == "local" { self.register.account(subject).await? } else { None };
            let name = account.map(|it| it.display_name).filter(|name| !name.is_empty()).unwrap_or_else(|| subject.to_owned());
            names.insert(id.to_owned(), name);
        }
        Ok(names)
    }
}

/// What the log says of a look at a request.
fn viewed(case: &Case, what: impl Into<String>) -> Shown {
    let keys = case.request.subjects.iter().flat_map(|subject| &subject.keys);
    Shown {
        event: VIEWED,
        patients: keys.filter_map(|key| PatientKey::parse(key)).collect(),
        hits: Some(1),
        query: Some(format!("request {} {}", case.number, what.into())),
        ..Shown::default()
    }
}

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// RFC 3339, in UTC.
fn instant(at: i64) -> String {
    jiff::Timestamp::from_second(at).unwrap_or_default().to_string()
}
