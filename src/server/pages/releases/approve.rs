//! Approval and handing out: the steps that ask again who somebody is.
//!
//! Not for: the guards (`release::workflow`).

use crate::access::{Audited, Principal, Public};
use crate::limits::STEP_UP_SECONDS;
use crate::release::desk::{Delivering, DeskError, Seen, worker};
use crate::release::workflow::{Decision, Move};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::pages::proof::{self, Proved};
use crate::server::signin;
use crate::server::viewer::releases::{self, ApprovePage, DeliverPage, HandedPage};

const NOT_PROVED: &str = "That was not right. Prove again that it is you.";

/// `GET /releases/{number}/approve`
pub fn form(call: &Call) -> Result<Answer, ApiError> {
    draw(call, None, 200)
}

fn draw(call: &Call, problem: Option<String>, status: u16) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    let case = &view.value().case;
    let mut left_out = 0;
    let (mut flagged, mut idle) = (Vec::new(), Vec::new());
    if case.preview.is_some() {
        flagged = super::review::flagged(call, &who, view.value()).map_err(super::fault)?;
        idle = super::review::idle_of_all(call, &who, view.value()).map_err(super::fault)?;
        for subject in 0..case.request.subjects.len() {
            let (selection, _) = super::review::contents(call, &who, subject).map_err(super::fault)?;
            left_out += selection.excluded.iter().filter(|it| it.why != releases::CARRIED).map(|it| it.count).sum::<u64>();
        }
        left_out += case.decisions.iter().filter(|(_, decision)| matches!(decision, Decision::Exclude { .. })).count() as u64;
    }
    let frame = crate::server::pages::frame(call);
    let page = view.map(|view| {
        let page = ApprovePage {
            view: &view,
            looker: &super::looker(&who),
            flagged: &flagged,
            left_out,
            idle: &idle,
            proof: proof::asked(call, STEP_UP_SECONDS),
            again: signin::again_address(&call.context.path),
            problem,
        };
        Body::html(releases::approve(&frame, &page)).status(status)
    });
    Ok(page.into())
}

/// `POST /releases/{number}/approve`
pub fn approve(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let preview_sha256 = call.field("preview").to_string();
    let made = if call.field("then") == "alone" {
        Move::ApproveAlone { preview_sha256, reason: super::typed(call, "reason", 500) }
    } else {
        if ["saw", "authority", "left"].iter().any(|name| call.field(name) != "1") {
            return draw(call, Some("Confirm each of the three sentences, or send it back.".into()), 400);
        }
        let view = super::view(call, &who)?;
        if let Some(open) = super::review::unseen(call, &who, view.value()).map_err(super::fault)? {
            return draw(call, Some(open), 409);
        }
        if call.field("idle") != "1" && !super::review::idle_of_all(call, &who, view.value()).map_err(super::fault)?.is_empty() {
            return draw(call, Some(super::review::NOT_IDLE.into()), 400);
        }
        Move::Approve { preview_sha256, saw_flagged: true }
    };
    let (principal, cookie) = match proved(call)? {
        Some(proved) => proved,
        None => return draw(call, Some(NOT_PROVED.into()), 400),
    };
    let done: Result<Seen, DeskError> =
        call.wait(super::desk(call).step(&super::seen(call), made, &worker(&principal, &call.context)));
    match done {
        Ok(seen) => Ok(with_cookie(Public(Body::see_other(format!("/releases/{}", seen.number))).into(), cookie)),
        Err(error) => match super::in_words(&error) {
            Some(words) => Ok(with_cookie(draw(call, Some(words), 409)?, cookie)),
            None => Err(super::fault(error)),
        },
    }
}

/// The person with a proof that is fresh enough, and the cookie of a session that was renewed by it. `None`: not proved.
fn proved(call: &Call) -> Result<Option<(Principal, Option<String>)>, ApiError> {
    Ok(match proof::prove(call, STEP_UP_SECONDS)? {
        Proved::Fresh => Some((call.principal()?.clone(), None)),
        Proved::Now(new) => Some((new.1, Some(new.0))),
        Proved::Not => None,
    })
}

fn with_cookie(answer: Answer, cookie: Option<String>) -> Answer {
    match cookie {
        Some(cookie) => answer.with("Set-Cookie", cookie),
        None => answer,
    }
}

/// `GET /releases/{number}/deliver`
pub fn delivery(call: &Call) -> Result<Answer, ApiError> {
    draw_delivery(call, None, 200)
}

fn draw_delivery(call: &Call, problem: Option<String>, status: u16) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let frame = crate::server::pages::frame(call);
    let page = super::view(call, &who)?.map(|view| {
        let page = DeliverPage {
            view: &view,
            looker: &super::looker(&who),
            proof: proof::asked(call, STEP_UP_SECONDS),
            again: signin::again_address(&call.context.path),
            problem,
        };
        Body::html(releases::deliver(&frame, &page)).status(status)
    });
    Ok(page.into())
}

/// `POST /releases/{number}/deliver`: what is shown after it is shown once.
pub fn deliver(call: &Call) -> Result<Answer, ApiError> {
    let subjects: Vec<usize> =
        call.form.iter().filter(|(name, _)| name == "package").filter_map(|(_, at)| at.parse().ok()).collect();
    let how = Delivering {
        channel: super::typed(call, "channel", 20),
        tracking: super::typed(call, "tracking", 200),
        is_encrypted: call.field("encrypted") == "1",
        subjects,
    };
    if how.subjects.is_empty() || how.channel.is_empty() {
        return draw_delivery(call, Some("Choose a package and a way.".into()), 400);
    }
    if call.field("right") != "1" {
        return draw_delivery(call, Some("Confirm that recipient and address are those of the request.".into()), 400);
    }
    let (principal, cookie) = match proved(call)? {
        Some(proved) => proved,
        None => return draw_delivery(call, Some(NOT_PROVED.into()), 400),
    };
    let who = worker(&principal, &call.context);
    let handed = match call.wait(super::desk(call).deliver(&super::seen(call), how, &who)) {
        Ok(handed) => handed,
        Err(error) => {
            let words = super::in_words(&error).ok_or_else(|| super::fault(error))?;
            return Ok(with_cookie(draw_delivery(call, Some(words), 409)?, cookie));
        }
    };
    let view = super::view(call, &who)?;
    let frame = crate::server::pages::frame(call);
    let page: Audited<Body> = handed.map(|handed| {
        let page = HandedPage { view: view.value(), looker: &super::looker(&who), handed: &handed, site: &call.base };
        Body::html(releases::handed(&frame, &page))
    });
    Ok(with_cookie(page.into(), cookie))
}

/// `GET /releases/{number}/receipts/{handover}`
pub fn receipt(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let (number, handover) = (call.param("number"), super::number(call, "handover")?);
    let receipt = super::told(call, call.wait(super::desk(call).receipt(number, handover, &who)))?;
    let name = super::to_be_saved(&format!("receipt-{number}-{}.json", handover + 1));
    Ok(receipt.map(|bytes| Body::new("application/json", bytes).with("Content-Disposition", name)).into())
}
