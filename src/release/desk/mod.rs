//! The release desk: everything that somebody who works on a request can do, once, for the command line, the API and the
//! workspace. It asks the gate for the records, makes selections, previews and packages, and moves the case in the ledger.
//!
//! Whatever tells of a request comes back as [`Audited`]: that somebody read it stands in the access log by then. What takes
//! long (`preview`, `seal`) is a job in the background. The methods read and write files: await them where blocking is allowed.
//!
//! Not for: HTTP and pages (`server`), the guards (`workflow`), or how pages are made (`paper`, `build`).

mod board;
mod choosing;
mod fault;
mod handing;
mod jobs;
mod looking;
mod papers;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use crate::access::{Audited, Gate, Permit, Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::audit::AuditLog;
use crate::config::Config;
use crate::limits::STEP_UP_SECONDS;
use crate::model::PatientKey;
use crate::query::Archive;
use crate::register::Register;
use crate::signing::Signer;

use super::basis::Rules;
use super::ledger::{Entered, Ledger, Worker};
use super::request::Request;
use super::shelf::Shelf;
use super::workflow::{Actor, Case, Move, Refusal};

pub use board::Row;
pub use choosing::{Candidate, Picked};
pub use fault::DeskError;
pub use handing::{Delivering, Handed, HandedFile, Link, PackageFile};
pub use jobs::{Job, JobKind, JobState};
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
    /// Signs packages; `None`: nothing can be sealed here.
    pub signer: Option<Arc<dyn Signer + Send + Sync>>,
    jobs: jobs::Jobs,
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
        let rules = Rules::shipped()?;
        let shelf = Shelf::of(&folder);
        Ok(Desk { archive, gate, register, shelf, folder, config, rules, signer, jobs: jobs::Jobs::default() })
    }

    pub fn log(&self) -> &AuditLog {
        self.gate.log()
    }

    pub fn ledger(&self) -> Ledger<'_> {
        Ledger::new(&self.register, self.log(), &self.rules)
    }

    /// Writes down a request that came in at `received` (Unix seconds), as far as it is known.
    pub async fn open(&self, request: Request, received: i64, who: &Worker<'_>) -> Result<Seen, DeskError> {
        let _ = (request, received, who);
        Err(DeskError::NotBuilt)
    }

    /// Makes a move that needs nothing but itself: write, assign, submit, ask, identify, answer, accept, decide, review, approve,
    /// approve alone and its review, confirm, close, extend, hold, resume, reject, cancel, revoke.
    ///
    /// # Errors
    /// The guard's refusal; `Moved` when the request was changed since it was seen; `NotHere` for the moves that are made by
    /// doing what they stand for (`assemble`, `redact`, `preview`, `seal`, `deliver`, `supersede`).
    pub async fn step(&self, seen: &Seen, made: Move, who: &Worker<'_>) -> Result<Seen, DeskError> {
        let _ = (seen, made, who);
        Err(DeskError::NotBuilt)
    }

    /// A new request that takes the place of one whose package is wrong or not enough: written down as the old one is, and
    /// named by it. Gives the new one.
    pub async fn supersede(&self, seen: &Seen, who: &Worker<'_>) -> Result<Seen, DeskError> {
        let _ = (seen, who);
        Err(DeskError::NotBuilt)
    }
}
