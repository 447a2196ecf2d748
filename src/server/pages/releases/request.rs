//! The page of one request, and the steps that need nothing but a button and a line of text.
//!
//! Not for: steps with pages of their own (`check`, `select`, `items`, `redact`, `approve`, `hand`).

use crate::access::Public;
use crate::release::desk::DeskError;
use crate::release::workflow::Move;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::releases::{self, Checked, RequestPage};

/// `GET /releases/{number}`
pub fn show(call: &Call) -> Result<Answer, ApiError> {
    draw(call, None, Vec::new(), 200)
}

pub(super) fn draw(call: &Call, problem: Option<String>, checked: Vec<Checked>, status: u16) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    let (desk, frame) = (super::desk(call), crate::server::pages::frame(call));
    let page = view.map(|view| {
        let page = RequestPage {
            view: &view,
            rules: &desk.rules,
            looker: &super::looker(&who),
            problem,
            checked,
            can_seal: desk.signer.is_some(),
        };
        Body::html(releases::request(&frame, &page)).status(status)
    });
    Ok(page.into())
}

/// `POST /releases/{number}/step`: one of the plain moves.
pub fn step(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let text = || super::typed(call, "text", 500);
    let made = match call.field("move") {
        "submit" => Move::Submit { waits: false },
        "accept" => Move::Accept,
        "ask" => Move::Ask { what: text() },
        "assign" => Move::Assign { to: Some(text()).filter(|to| !to.is_empty()).unwrap_or_else(|| who.actor.id.clone()) },
        "review" => Move::Review,
        "review-alone" => Move::ReviewAlone { holds: call.field("holds") == "yes", words: super::typed(call, "words", 2000) },
        "confirm" => Move::Confirm { how: text() },
        "close" => Move::Close,
        "extend" => Move::Extend { notice: text() },
        "hold" => Move::Hold { matter: text() },
        "resume" => Move::Resume,
        "reject" => Move::Reject { reason: text() },
        "cancel" => Move::Cancel { reason: text() },
        "revoke" => Move::Revoke { on: text() },
        _ => return Err(ApiError::bad("There is no such step.")),
    };
    let done = call.wait(super::desk(call).step(&super::seen(call), made, &who));
    super::then(call, done, |seen| format!("/releases/{}", seen.number))
}

/// `POST /releases/{number}/supersede`: another request takes its place.
pub fn supersede(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let done = call.wait(super::desk(call).supersede(&super::seen(call), &who));
    super::then(call, done, |seen| format!("/releases/{}", seen.number))
}

/// `POST /releases/{number}/preview`
pub fn preview(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    begun(call, call.wait(super::desk(call).preview(&super::seen(call), &who)).map(|_| ()))
}

/// `POST /releases/{number}/seal`
pub fn seal(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    begun(call, call.wait(super::desk(call).seal(&super::seen(call), &who)).map(|_| ()))
}

/// The page of the request says how far it has come.
fn begun(call: &Call, begun: Result<(), DeskError>) -> Result<Answer, ApiError> {
    match begun {
        Ok(()) => Ok(Public(Body::see_other(format!("/releases/{}", call.param("number")))).into()),
        Err(error) => super::refused(call, error),
    }
}

/// `POST /releases/{number}/verify`: holds every sealed package against its manifest and its signature.
pub fn verify(call: &Call) -> Result<Answer, ApiError> {
    draw(call, Some("Packages cannot be checked here yet.".into()), Vec::new(), 409)
}
