//! `GET /patients/{patient}/ehi`: all there is of one person as one ZIP, by whoever answers requests (45 CFR 170.315(b)(10)).
//!
//! It is made in the background: a large chart takes longer than an answer may. Whoever asks again meanwhile hears how it stands,
//! and whoever was cut off goes on with a range. Not for: what lies in it (`export`).

use std::time::Duration;

use crate::access::{Public, Shown};
use crate::export;
use crate::server::answer::{Answer, ApiError, Body, TEXT};
use crate::server::call::Call;
use crate::server::jobs::{self, Busy, State};
use crate::server::stream;

/// How long an answer waits for the ZIP, short of what an answer may take.
const WAIT: Duration = Duration::from_secs(15);

pub fn export(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask(export::scope(call.archive(), &patient))?;
    let limit = Duration::from_secs(u64::from(call.app.config.http.answer_seconds)) / 2;
    let found = jobs::person(&call.app, call.principal()?, &call.context, &patient).map_err(busy);
    let job = match found {
        Ok(job) => job,
        Err(error) => {
            drop(permit);
            return Err(error);
        }
    };
    jobs::wait(&job, WAIT.min(limit));
    let record = job.record().clone();
    let about = |bytes: &str| Shown {
        event: "export.bulk.file",
        hits: Some(record.files.iter().map(|file| file.records).sum()),
        query: Some(format!("export of a person {}: {bytes}", job.id)),
        ..Shown::default()
    };
    let file = match (&record.state, record.files.first()) {
        (State::Running, _) => {
            permit.answer((), about("not made yet"))?;
            let body = Body::new(TEXT, "The export is being made. Ask again in a moment.\n").status(202);
            return Ok(Public(body.with("Retry-After", "5").with("Refresh", "5")).into());
        }
        (State::Done, Some(file)) => file,
        (State::Failed(why), _) if why == "not-found" => {
            permit.answer((), about("nobody there"))?;
            call.app.jobs.remove(&job);
            return Err(ApiError::not_found());
        }
        _ => {
            drop(permit);
            call.app.jobs.remove(&job);
            return Err(ApiError::internal());
        }
    };
    let tag = format!("\"{}\"", file.sha256);
    let wanted = stream::wanted(call, file.bytes, &tag);
    let opened = std::fs::File::open(job.dir.join(&file.path)).map_err(|_| ApiError::not_found())?;
    let body = stream::body(opened, file.bytes, wanted, "application/zip", &tag)?;
    let name = format!("attachment; filename=\"ehi-{}.zip\"", patient.as_str());
    let entry = about(&format!("{wanted:?} of {} bytes, SHA-256 {}", file.bytes, file.sha256));
    Ok(permit.answer(body.with("Content-Disposition", name), entry)?.into())
}

/// Why nothing was begun, for the client.
pub fn busy(error: Busy) -> ApiError {
    match error {
        Busy::Running => {
            let text = "As many exports as may be are under way. Ask again later.";
            ApiError::new(429, "too-many-exports", "throttled", text).with("Retry-After", "60")
        }
        Busy::Kept => {
            let text = "As many exports as may be are kept for you. Delete one that you have fetched.";
            ApiError::new(429, "too-many-exports", "throttled", text).with("Retry-After", "600")
        }
        Busy::Elsewhere => {
            let text = "Exports are made by another process of this archive.";
            ApiError::new(503, "exports-elsewhere", "transient", text).with("Retry-After", "60")
        }
        Busy::Disk(error) => {
            tracing::error!(%error, "an export cannot be begun");
            ApiError::internal()
        }
    }
}
