//! How the access log stands, and checking all of it: the handlers. A check reads every byte, which takes minutes for a large log, so
//! it runs on a thread of its own, one at a time, and leaves an entry whatever it finds.
//!
//! Not for: the check itself (`audit`), or showing what the log says (`access`, `looks`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::access::{Scope, Shown, entry};
use crate::audit::{Against, Entry, Fault, LogFinding, Outcome, Report, verify_against};
use crate::oversight::integrity::{Integrity, facts};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::state::App;
use crate::server::viewer::{self, LogPage};
use crate::signing::{KeyPurpose, KeyRing};

/// Whether a check is running, and since when.
#[derive(Debug, Default)]
pub struct Checks {
    /// Unix seconds; 0: none.
    since: AtomicI64,
}

impl Checks {
    pub fn running_since(&self) -> Option<i64> {
        Some(self.since.load(Ordering::Acquire)).filter(|since| *since > 0)
    }

    /// Takes the one place there is.
    fn begin(&self) -> bool {
        self.since.compare_exchange(0, Timestamp::now().as_second(), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn end(&self) {
        self.since.store(0, Ordering::Release);
    }
}

fn looked_at() -> Shown {
    Shown { event: "audit.query", query: Some("state of the access log".into()), ..Shown::default() }
}

/// `GET /access/log`
pub fn show(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(None))?;
    let projection = call.app.oversight()?;
    let integrity = Integrity::read(projection, call.app.config.audit.witness.as_deref())?;
    let ring = KeyRing::load(&call.app.folder).ok();
    let keys = ring.map(|ring| ring.verifiers(KeyPurpose::Audit).iter().map(ToString::to_string).collect()).unwrap_or_default();
    let page = LogPage {
        integrity: &integrity,
        running_since: call.app.checks.running_since(),
        keys,
        now: Timestamp::now(),
        zone: TimeZone::system(),
    };
    let html = viewer::log_page(&super::frame(call), &page);
    Ok(permit.answer(Body::html(html), looked_at())?.into())
}

/// `POST /access/log`: begins a check, unless one is running.
pub fn check(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(None))?;
    let done = entry("audit.verify", call.principal()?, &call.context);
    let app = call.app.clone();
    let answer = permit.answer(Body::see_other("/access/log"), looked_at())?;
    if app.checks.begin() {
        let worker = app.clone();
        let started = std::thread::Builder::new().name("log-check".into()).spawn(move || run(&worker, done));
        if let Err(error) = started {
            tracing::error!(%error, "the access log cannot be checked");
            app.checks.end();
        }
    }
    Ok(answer.into())
}

fn run(app: &Arc<App>, done: Entry) {
    let began = Instant::now();
    // A check that fails unexpectedly must not keep the next one away.
    struct Ends<'a>(&'a Checks);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.end();
        }
    }
    let _ends = Ends(&app.checks);
    let report = verified(app);
    let outcome = if report.ok() { Outcome::Success } else { Outcome::MajorFailure };
    let outcome_desc = (!report.ok()).then(|| "the access log is not in order".to_string());
    if !report.ok() {
        tracing::error!(findings = report.findings.len(), "the access log is not in order");
    }
    let entry = Entry { outcome, outcome_desc, detail: facts(&report, began.elapsed().as_secs()), ..done };
    if app.gate.log().append(entry).is_err() {
        tracing::error!("the check of the access log could not be written to it");
    }
}

/// The check of the ring and of the log. The first only matters to the second, and a bad ring can vouch for nothing.
fn verified(app: &App) -> Report {
    let (ring, of_ring) = match KeyRing::check(&app.folder) {
        Ok(checked) => checked,
        Err(error) => {
            let finding = LogFinding { file: "keys".into(), offset: 0, fault: Fault::Unreadable, what: error.to_string() };
            return Report { findings: vec![finding], ..Report::default() };
        }
    };
    let against = Against { witness: app.config.audit.witness.as_deref(), from: None };
    let mut report = verify_against(&app.folder, &ring, against);
    let of_ring = of_ring.into_iter().map(|it| LogFinding { file: it.file, offset: 0, fault: Fault::UnknownKey, what: it.what });
    report.findings.splice(0..0, of_ring);
    report
}
