//! All there is of one person, made in the background: one ZIP that its owner fetches.
//!
//! Not for: what lies in it (`export::person`), or the route (`api::ehi`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::record::{File, JobRecord, State, What};
use super::{Busy, Job, now};
use crate::access::{Principal, RequestContext};
use crate::durable;
use crate::export::{self, ExportError};
use crate::limits::BULK_KEPT_SECONDS;
use crate::model::{PatientKey, hex};
use crate::query::QueryError;
use crate::server::state::App;

/// Name of the ZIP in the job's folder.
const ZIP: &str = "person.zip";
/// How often a caller who waits looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The principal's job for this person, as the archive is now; a new one where there is none.
pub fn person(app: &Arc<App>, principal: &Principal, context: &RequestContext, patient: &PatientKey) -> Result<Arc<Job>, Busy> {
    let what = What::Person(patient.to_string());
    let state = app.archive.state();
    let is_the_same =
        |record: &JobRecord| record.what == what && record.archive == state && !matches!(record.state, State::Failed(_));
    if let Some(job) = app.jobs.find(principal, is_the_same) {
        return Ok(job);
    }
    // What was made of an earlier state, or failed, gives way.
    if let Some(before) = app.jobs.find(principal, |record| record.what == what && record.state != State::Running) {
        app.jobs.remove(&before);
    }
    let mut record = JobRecord::new(principal, what);
    record.archive = state;
    let job = app.jobs.add(record)?;
    start_person(app, &job, principal.clone(), context.clone(), patient.clone());
    Ok(job)
}

/// Waits until a job has ended, or for this long.
pub fn wait(job: &Job, most: Duration) {
    let since = Instant::now();
    while job.record().state == State::Running && since.elapsed() < most {
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Begins the work in a thread of its own.
fn start_person(app: &Arc<App>, job: &Arc<Job>, principal: Principal, context: RequestContext, patient: PatientKey) {
    let (app, job) = (app.clone(), job.clone());
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        // The gate looks care relations up in the register.
        let _inside = runtime.enter();
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| make(&app, &job, &principal, &context, &patient)));
        let (state, files) = match made {
            Ok(Ok(file)) => (State::Done, vec![file]),
            Ok(Err(error)) => {
                let is_missing = matches!(error, ExportError::Query(QueryError::NotFound));
                if !is_missing {
                    tracing::error!(%error, "an export of a person failed");
                }
                (State::Failed(if is_missing { "not-found" } else { "failed" }.into()), Vec::new())
            }
            Err(_) => (State::Failed("failed".into()), Vec::new()),
        };
        job.update(|record| {
            (record.state, record.files) = (state, files);
            record.expires = now() + BULK_KEPT_SECONDS;
        });
    });
}

fn make(
    app: &App,
    job: &Job,
    principal: &Principal,
    context: &RequestContext,
    patient: &PatientKey,
) -> Result<File, ExportError> {
    let archive = app.archive.pinned();
    let scope = export::scope(&archive, patient);
    let ask = || {
        if app.jobs.goes_on(job) { Ok(()) } else { Err(crate::access::GateError::Denied) }?;
        app.gate.ask(principal, scope.clone(), context.clone())
    };
    let unpacked = job.dir.join("unpacked");
    durable::create_dir_all(&unpacked)?;
    let manifest = export::person(&archive, &ask, patient, principal.purpose.code(), &unpacked)?;
    let packed = export::pack(&unpacked, &manifest, "ehi", &job.dir.join(ZIP))?;
    durable::remove_dir_all(&unpacked)?;
    let records = manifest.files.iter().filter_map(|file| file.records).sum();
    Ok(File {
        name: ZIP.into(),
        path: ZIP.into(),
        kind: String::new(),
        records,
        bytes: packed.bytes,
        sha256: hex(&packed.sha256),
        is_error: false,
    })
}
