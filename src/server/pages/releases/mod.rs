//! The handlers of the release workspace: each asks the desk, which asks the gate and writes the entries, and draws what it
//! gave; a form that was refused is shown again with what was typed.
//!
//! Not for: deciding what may be done with a request (`release`), or markup (`viewer::releases`).

mod approve;
mod board;
mod check;
mod choose;
mod mark;
mod papers;
mod request;
mod review;
mod seen;
mod write;

pub use approve::{approve, deliver, delivery, form as approval, receipt};
pub use board::board;
pub use check::{checks, choose_patient, patients};
pub use choose::{choose, decide, items, select};
pub use mark::{mark, redact};
pub use papers::{file, keep_paper, paper};
pub use request::{preview, seal, show, step, supersede, verify};
pub use review::{page, review, reviewed};
pub use seen::SeenPages;
pub use write::{change, edit, fresh, open};

use std::sync::Arc;

use crate::access::{Audited, GateError, Public, Scope, Shown};
use crate::release::desk::{Desk, DeskError, Seen, VIEWED, View, worker};
use crate::release::ledger::Worker;
use crate::release::workflow::Refusal;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::releases::Looker;

fn desk(call: &Call) -> &Arc<Desk> {
    &call.app.desk
}

/// The person, who may work on releases: nothing else of a question is looked at before that is known.
fn worker_of(call: &Call) -> Result<Worker<'_>, ApiError> {
    let principal = call.principal()?;
    if !call.gate().would_allow(principal, &Scope::Releases, &call.context) {
        call.ask(Scope::Releases).map(drop)?;
    }
    Ok(worker(principal, &call.context))
}

/// What the desk told. What is not there is logged as an empty answer before the reader hears so.
fn told<T>(call: &Call, result: Result<Audited<T>, DeskError>) -> Result<Audited<T>, ApiError> {
    if let Err(DeskError::Unknown | DeskError::NotThere) = &result {
        let nothing = Shown { event: VIEWED, hits: Some(0), ..Shown::default() };
        call.ask(Scope::Releases)?.answer((), nothing)?;
    }
    result.map_err(fault)
}

fn looker(who: &Worker<'_>) -> Looker {
    Looker { id: who.actor.id.clone(), now: jiff::Timestamp::now().as_second() }
}

/// The request of the address, with the entry that it was looked at.
fn view(call: &Call, who: &Worker<'_>) -> Result<Audited<View>, ApiError> {
    call.wait(desk(call).get(call.param("number"), who)).map_err(fault)
}

/// The state of the request that the form was made for.
fn seen(call: &Call) -> Seen {
    Seen { number: call.param("number").to_string(), steps: call.field("steps").parse().unwrap_or(-1) }
}

fn number(call: &Call, name: &str) -> Result<usize, ApiError> {
    call.param(name).parse().map_err(|_| ApiError::not_found())
}

/// A field of a form without what no field of ours holds: control characters, and blanks around.
fn typed(call: &Call, name: &str, most: usize) -> String {
    let kept = call.field(name).chars().filter(|c| !c.is_control() || *c == '\n');
    kept.take(most).collect::<String>().trim().to_string()
}

/// What did not work, for a page that is nothing else.
fn fault(error: DeskError) -> ApiError {
    match error {
        DeskError::Gate(GateError::Denied) => ApiError::forbidden(),
        DeskError::Gate(GateError::LogUnavailable) => ApiError::log_unavailable(),
        DeskError::Unknown | DeskError::NotThere => ApiError::not_found(),
        DeskError::Query(error) => error.into(),
        error => match in_words(&error) {
            Some(words) => ApiError::new(409, "not-now", "conflict", words),
            None => {
                // The desk's texts hold nothing of a request's content.
                tracing::error!(%error, "the release desk failed");
                ApiError::internal()
            }
        },
    }
}

/// What a person can do something about, as a sentence; `None` for what is broken.
fn in_words(error: &DeskError) -> Option<String> {
    let words = match error {
        DeskError::Refused(Refusal::StepUp) => "Prove again that it is you: this step asks for it.".into(),
        DeskError::Refused(refusal) => refusal.to_string(),
        DeskError::Moved => "Somebody changed the request since you opened this page. Look at it as it is now".into(),
        error if error.is_told() => error.to_string(),
        _ => return None,
    };
    let mut chars = words.chars();
    let sentence: String = chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect());
    Some(if sentence.ends_with('.') { sentence } else { format!("{sentence}.") })
}

/// After a step: on to a page, or the request's page with what was in the way.
fn then(call: &Call, done: Result<Seen, DeskError>, to: impl FnOnce(&Seen) -> String) -> Result<Answer, ApiError> {
    match done {
        Ok(seen) => Ok(on(to(&seen))),
        Err(error) => refused(call, error),
    }
}

fn on(to: String) -> Answer {
    Public(Body::see_other(to)).into()
}

/// The request's page with what was in the way of a step.
fn refused(call: &Call, error: DeskError) -> Result<Answer, ApiError> {
    match in_words(&error) {
        Some(words) => request::draw(call, Some(words), Vec::new(), 409),
        None => Err(fault(error)),
    }
}

/// The header of a file that is saved and never opened as a page of ours.
fn to_be_saved(name: &str) -> String {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename*=UTF-8''{name}")
}
