//! Releases for programs: the whole way of a request as JSON, over the desk. An `ETag` is the number of steps that a request has;
//! every change names in `If-Match` the one that was seen, and is refused with 412 when somebody changed the request since.
//!
//! Who may not work on releases hears 404, as if there were none.
//!
//! Not for: what may be done when (`release::workflow`), or pages (`pages::releases`).

mod told;
mod way;

pub use way::{deliver, package, receipt};

use serde::de::DeserializeOwned;
use serde_json::json;

use crate::access::{Audited, GateError, Public};
use crate::release::desk::{DeskError, Seen, worker};
use crate::release::ledger::Worker;
use crate::release::redaction::Redactions;
use crate::release::request::{Request, Scope};
use crate::release::workflow::{Move, Refusal};
use crate::server::answer::{Answer, ApiError, Body, TEXT};
use crate::server::call::Call;

/// Who asks. Whoever may not work on releases learns nothing more, not even whether what he sent was well formed.
fn who(call: &Call) -> Result<Worker<'_>, ApiError> {
    let who = worker(call.principal()?, &call.context);
    call.app.desk.check(&who).map_err(fault)?;
    Ok(who)
}

/// `GET /releases?state=all`: the board; `?patient=` the requests about a person.
pub fn list(call: &Call) -> Result<Answer, ApiError> {
    let (desk, who) = (&call.app.desk, who(call)?);
    let rows = match call.query("patient").map(crate::model::PatientKey::parse) {
        Some(Some(key)) => call.wait(desk.of_patient(call.archive().chart_scope(&key).patients(), &who)),
        Some(None) => return Err(ApiError::bad("'patient' is the key of a patient.")),
        None => call.wait(desk.list(call.query("state") == Some("all"), &who)),
    };
    told_as(rows, |rows| Body::json(&json!({ "releases": rows })))
}

/// `POST /releases` with the request as JSON: `{"received": seconds, "request": {…}}`.
pub fn open(call: &Call) -> Result<Answer, ApiError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Opened {
        received: Option<i64>,
        request: Request,
    }
    let sent: Opened = json_of(call)?;
    let received = sent.received.unwrap_or_else(|| jiff::Timestamp::now().as_second());
    let seen = call.wait(call.app.desk.open(sent.request, received, &who(call)?)).map_err(fault)?;
    let place = format!("/api/v1/releases/{}", seen.number);
    Ok(changed(&seen)?.status(201).with("Location", place)).map(|body| Public(body).into())
}

/// `POST /releases/papers?name=&kind=` with the file's bytes: gives what a request is to say of it in its `papers`.
pub fn keep_paper(call: &Call) -> Result<Answer, ApiError> {
    let (name, kind) = (call.query("name").unwrap_or_default(), call.query("kind").unwrap_or_default());
    let paper = call.app.desk.keep_paper(&call.body, name, kind, &who(call)?).map_err(fault)?;
    // What the caller sent, with its digest: nothing of a patient that he does not have.
    Ok(Public(Body::json(&paper)?.status(201)).into())
}

/// `GET /releases/{number}`
pub fn get(call: &Call) -> Result<Answer, ApiError> {
    let view = call.wait(call.app.desk.get(call.param("number"), &who(call)?)).map_err(fault)?;
    let tag = tag(view.value().seen.steps);
    told_as(Ok(view), |view| Ok(Body::json(&told::view(&view))?.with("ETag", tag)))
}

/// `GET /releases/{number}/papers/{sha256}`: to be saved, never opened as a page of ours.
pub fn paper(call: &Call) -> Result<Answer, ApiError> {
    let found = call.wait(call.app.desk.paper(call.param("number"), call.param("sha256"), &who(call)?));
    told_as(found, |(paper, bytes)| Ok(Body::new(paper.media_type, bytes).with("Content-Disposition", "attachment")))
}

/// `POST /releases/{number}/moves` with a move as JSON: `{"move": "submit", …}`.
pub fn step(call: &Call) -> Result<Answer, ApiError> {
    let made: Move = json_of(call)?;
    answer(call.wait(call.app.desk.step(&seen(call)?, made, &who(call)?)))
}

/// `GET /releases/{number}/patients/{subject}/candidates`
pub fn candidates(call: &Call) -> Result<Answer, ApiError> {
    let found = call.wait(call.app.desk.candidates(call.param("number"), subject(call)?, &who(call)?));
    told_as(found, |found| Body::json(&json!({ "candidates": found.iter().map(told::candidate).collect::<Vec<_>>() })))
}

/// `GET` or `POST /releases/{number}/patients/{subject}/pick`: what would go out, by the request's scope or by that of the body.
pub fn pick(call: &Call) -> Result<Answer, ApiError> {
    let scope: Option<Scope> = if call.body.is_empty() { None } else { Some(json_of(call)?) };
    let picked = call.wait(call.app.desk.pick(call.param("number"), subject(call)?, scope, &who(call)?));
    told_as(picked, |it| Body::json(&json!({ "pages": it.pages, "exact": it.is_exact, "selection": it.selection })))
}

/// `POST /releases/{number}/assemble`
pub fn assemble(call: &Call) -> Result<Answer, ApiError> {
    answer(call.wait(call.app.desk.assemble(&seen(call)?, &who(call)?)))
}

/// `GET /releases/{number}/patients/{subject}/selection`
pub fn selection(call: &Call) -> Result<Answer, ApiError> {
    let found = call.wait(call.app.desk.selection(call.param("number"), subject(call)?, &who(call)?));
    told_as(found, |selection| Body::json(&selection))
}

/// `GET /releases/{number}/patients/{subject}/redactions`
pub fn redactions(call: &Call) -> Result<Answer, ApiError> {
    let found = call.wait(call.app.desk.redactions(call.param("number"), subject(call)?, &who(call)?));
    told_as(found, |redactions| Body::json(&redactions))
}

/// `POST /releases/{number}/patients/{subject}/redactions`: all of them.
pub fn redact(call: &Call) -> Result<Answer, ApiError> {
    let redactions: Redactions = json_of(call)?;
    answer(call.wait(call.app.desk.redact(&seen(call)?, subject(call)?, redactions, &who(call)?)))
}

/// `POST /releases/{number}/preview`: begins; `…/job` tells how it stands.
pub fn preview(call: &Call) -> Result<Answer, ApiError> {
    let job = call.wait(call.app.desk.preview(&seen(call)?, &who(call)?)).map_err(fault)?;
    Ok(Public(Body::json(&job)?.status(202)).into())
}

/// `POST /releases/{number}/seal`: begins.
pub fn seal(call: &Call) -> Result<Answer, ApiError> {
    let job = call.wait(call.app.desk.seal(&seen(call)?, &who(call)?)).map_err(fault)?;
    Ok(Public(Body::json(&job)?.status(202)).into())
}

/// `GET /releases/{number}/job`
pub fn job(call: &Call) -> Result<Answer, ApiError> {
    who(call)?;
    let job = call.app.desk.job(call.param("number")).ok_or_else(ApiError::not_found)?;
    Ok(Public(Body::json(&job)?).into())
}

/// `GET /releases/{number}/patients/{subject}/pages`: where each item of the preview stands, on which pages redacted words cannot
/// be looked for, and which redactions took nothing out.
pub fn pages(call: &Call) -> Result<Answer, ApiError> {
    let found = call.wait(call.app.desk.preview_told(call.param("number"), subject(call)?, &who(call)?));
    told_as(found, |told| {
        let row = |(item, first, last): &(usize, u32, u32)| json!({ "item": item, "first": first, "last": last });
        let items = told.items.iter().map(row).collect::<Vec<_>>();
        Body::json(&json!({ "items": items, "unread": told.unread, "idle": told.idle }))
    })
}

/// `GET /releases/{number}/patients/{subject}/pages/{page}`: `3.png` (`?width=`), or `3.txt` for its words.
pub fn page(call: &Call) -> Result<Answer, ApiError> {
    let (desk, who, number, subject) = (&call.app.desk, who(call)?, call.param("number"), subject(call)?);
    let (page, form) = call.param("page").rsplit_once('.').ok_or_else(ApiError::not_found)?;
    let page = page.parse().map_err(|_| ApiError::not_found())?;
    match form {
        "png" => {
            let width = u32::try_from(call.number("width", 1_200, 2_400)?).unwrap_or(1_200);
            told_as(call.wait(desk.page_png(number, subject, page, width, &who)), |png| Ok(Body::new("image/png", png)))
        }
        "txt" => told_as(call.wait(desk.page_words(number, subject, page, &who)), |words| Ok(Body::new(TEXT, words))),
        _ => Err(ApiError::not_found()),
    }
}

/// `POST /releases/{number}/supersede`: a new request takes its place; gives the new one.
pub fn supersede(call: &Call) -> Result<Answer, ApiError> {
    answer(call.wait(call.app.desk.supersede(&seen(call)?, &who(call)?)))
}

fn subject(call: &Call) -> Result<usize, ApiError> {
    call.param("subject").parse().map_err(|_| ApiError::not_found())
}

/// The state of a request that a change is for.
fn seen(call: &Call) -> Result<Seen, ApiError> {
    who(call)?;
    let needed = || ApiError::new(428, "no-if-match", "required", "'If-Match' names the state of the request that was seen.");
    let steps = call.header("if-match").ok_or_else(needed)?.trim().trim_matches('"').parse().map_err(|_| needed())?;
    Ok(Seen { number: call.param("number").to_owned(), steps })
}

fn tag(steps: i64) -> String {
    format!("\"{steps}\"")
}

fn json_of<T: DeserializeOwned>(call: &Call) -> Result<T, ApiError> {
    who(call)?;
    // The parser's text may quote what was sent: only its place is told.
    serde_json::from_slice(&call.body).map_err(|error| {
        ApiError::bad(format!("The body is not the JSON that is wanted here (line {}, column {}).", error.line(), error.column()))
    })
}

fn changed(seen: &Seen) -> Result<Body, ApiError> {
    Ok(Body::json(&json!({ "number": seen.number, "steps": seen.steps }))?.with("ETag", tag(seen.steps)))
}

fn answer(done: Result<Seen, DeskError>) -> Result<Answer, ApiError> {
    let seen = done.map_err(fault)?;
    Ok(Public(changed(&seen)?).into())
}

/// What the desk told, in the form that leaves.
fn told_as<T>(told: Result<Audited<T>, DeskError>, form: impl FnOnce(T) -> Result<Body, ApiError>) -> Result<Answer, ApiError> {
    Ok(told.map_err(fault)?.map(form).transpose()?.into())
}

/// The desk's refusals as statuses.
pub(in crate::server) fn fault(error: DeskError) -> ApiError {
    let said = |status, code, issue| ApiError::new(status, code, issue, sentence(&error.to_string()));
    match &error {
        DeskError::Gate(GateError::LogUnavailable) => ApiError::log_unavailable(),
        // Who may not and what is not there look the same.
        DeskError::Gate(GateError::Denied) | DeskError::Unknown | DeskError::NotThere => ApiError::not_found(),
        DeskError::Moved => said(412, "moved", "conflict"),
        DeskError::Busy => said(409, "busy", "transient").with("Retry-After", "5"),
        DeskError::Refused(Refusal::NotNow(_)) => said(409, "not-now", "conflict"),
        DeskError::Refused(Refusal::StepUp) => said(403, "sign-in-again", "login"),
        DeskError::Refused(Refusal::SamePerson | Refusal::NotHim) => said(403, "another-person", "forbidden"),
        _ if error.is_told() => said(422, "refused", "business-rule"),
        _ => {
            // The desk's texts hold nothing of a request's content.
            tracing::error!(%error, "the release desk failed");
            ApiError::internal()
        }
    }
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
