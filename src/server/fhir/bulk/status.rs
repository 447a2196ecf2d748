//! A bulk export from its kick-off to its end: how it stands, its manifest, its files, and its removal. To anyone but the program
//! that asked for it there is none.
//!
//! Not for: making it (`server::jobs`).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::access::{Public, Scope, Shown};
use crate::audit::Outcome;
use crate::model::{Kind, Label};
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON, JSON};
use crate::server::call::Call;
use crate::server::events;
use crate::server::jobs::{Bulk, Job, JobRecord, State, What};
use crate::server::packed::takes_gzip;
use crate::server::stream;

const NDJSON: &str = "application/fhir+ndjson";
/// Seconds after which to ask again.
const ASK_AGAIN: &str = "2";

/// `GET`: how it stands; at the end the manifest.
pub fn poll(call: &Call) -> Result<Answer, ApiError> {
    let (job, bulk) = own(call)?;
    let record = job.record().clone();
    match &record.state {
        State::Running => {
            let (done, of) = job.progress();
            let words = if of == 0 { "beginning".to_string() } else { format!("{done} of {of} parts") };
            let body =
                Body::new(FHIR_JSON, super::super::outcome::json("information", "informational", "The export is under way."));
            let body = body.status(202).with("X-Progress", words);
            Ok(Public(body.with("Retry-After", ASK_AGAIN)).into())
        }
        State::Failed(why) => Err(ApiError::new(500, "export-failed", "exception", why.clone())),
        State::Done => {
            let manifest = manifest(call, &job, &record, &bulk);
            let body = Body::new(JSON, manifest.to_string());
            let expires = jiff::Timestamp::from_second(record.expires).unwrap_or_default();
            Ok(Public(body.with("Expires", expires.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())).into())
        }
    }
}

fn manifest(call: &Call, job: &Job, record: &JobRecord, bulk: &Bulk) -> Value {
    let entry = |file: &crate::server::jobs::File| {
        let url = format!("{}/fhir/bulk/{}/{}", call.base, job.id, file.name);
        json!({"type": file.kind, "url": url, "count": file.records})
    };
    let of = |is_error: bool| record.files.iter().filter(|file| file.is_error == is_error).map(entry).collect::<Vec<_>>();
    json!({
        "transactionTime": record.transaction_time,
        "request": bulk.asked.request,
        "requiresAccessToken": true,
        "output": of(false),
        "deleted": [],
        "error": of(true),
    })
}

/// `DELETE`: ends it, and removes its files.
pub fn cancel(call: &Call) -> Result<Answer, ApiError> {
    let (job, bulk) = own(call)?;
    let was_running = job.record().state == State::Running;
    call.app.jobs.remove(&job);
    if !was_running {
        // The end of one that is under way is written by who makes it, once it has stopped.
        let mut entry = crate::access::entry("export.bulk.end", call.principal()?, &call.context);
        entry.detail = vec![("job", job.id.clone()), ("outcome", "removed".into()), ("request", bulk.asked.request_id.clone())];
        events::write(call, entry)?;
    }
    let body = Body::new(FHIR_JSON, super::super::outcome::json("information", "informational", "The export was removed."));
    Ok(Public(body.status(202)).into())
}

/// `GET` of a file, or of a part of one.
pub fn file(call: &Call) -> Result<Answer, ApiError> {
    let (job, bulk) = own(call)?;
    let record = job.record().clone();
    let file = record.files.iter().find(|file| file.name == call.param("file") && record.state == State::Done);
    let file = file.ok_or_else(ApiError::not_found)?;
    let principal = call.principal()?;
    // A file holds what the scopes of its kick-off showed, whatever this token asks for.
    if !principal.scopes.as_ref().is_some_and(|scopes| scopes.cover(&bulk.asked.scopes)) {
        events::scope_denied(call, principal)?;
        return Err(ApiError::insufficient_scope());
    }
    let permit = call.ask(Scope::Bulk)?;
    let tag = format!("\"{}\"", file.sha256);
    let wanted = stream::wanted(call, file.bytes, &tag);
    let opened = std::fs::File::open(job.dir.join(&file.path)).map_err(|_| ApiError::not_found())?;
    // Parts are parts of the file itself: whoever asks for one gets its plain bytes.
    let is_packed = call.header("range").is_none() && takes_gzip(call.header("accept-encoding").unwrap_or(""));
    let body = match is_packed {
        true => stream::packed_body(opened, file.bytes, NDJSON, &tag),
        false => stream::body(opened, file.bytes, wanted, NDJSON, &tag)?,
    };
    let body = body.with("Vary", "Accept, Accept-Encoding, Authorization, Prefer");
    let how = if is_packed { ", packed" } else { "" };
    let entry = Shown {
        event: "export.bulk.file",
        label: Label::from_bits(record.label),
        kinds: Kind::from_name(&file.kind).filter(|_| !file.is_error).into_iter().collect(),
        hits: Some(file.records),
        query: Some(format!("bulk export {}: {} handed out, {wanted:?} of {} bytes{how}", job.id, file.name, file.bytes)),
        ..Shown::default()
    };
    Ok(permit.answer(body, entry)?.into())
}

/// The job of the address, if it is the caller's own.
fn own(call: &Call) -> Result<(Arc<Job>, Bulk), ApiError> {
    let principal = call.principal()?;
    if let Some(job) = call.app.jobs.of(call.param("job"), principal) {
        let what = job.record().what.clone();
        if let What::Bulk(bulk) = what {
            return Ok((job, *bulk));
        }
    }
    // Who looks for exports of others shows up in the log.
    let mut entry = crate::access::entry("export.bulk.file", principal, &call.context);
    entry.outcome = Outcome::MinorFailure;
    entry.outcome_desc = Some("no such export of this principal".into());
    events::write(call, entry)?;
    Err(ApiError::new(404, "no-such-export", "not-found", "There is no export here."))
}
