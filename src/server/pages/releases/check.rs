//! Verification: answers to the checks of the basis, the document's words for protected classes, and who the patient is.
//!
//! Not for: whether the answers are enough (`release::workflow`).

use crate::release::desk::{DeskError, Seen, View};
use crate::release::ledger::Worker;
use crate::release::request::{Check, NamedClass};
use crate::release::workflow::Move;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::releases::{self, PatientPage};

/// `POST /releases/{number}/checks`: one step for each answer that is another than before.
pub fn checks(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    let done = call.wait(answer(call, view.value(), &who));
    super::then(call, done, |seen| format!("/releases/{}", seen.number))
}

async fn answer(call: &Call, view: &View, who: &Worker<'_>) -> Result<Seen, DeskError> {
    let desk = super::desk(call);
    let mut seen = super::seen(call);
    let Some(basis) = &view.basis else { return Ok(seen) };
    let named: Vec<NamedClass> = basis.named_classes.iter().filter_map(|class| named(call, class)).collect();
    if named != view.case.request.named_classes {
        // Answers are kept when the request is written anew.
        let mut request = view.case.request.clone();
        request.named_classes = named;
        seen = desk.step(&seen, Move::Write { request: Box::new(request) }, who).await?;
    }
    for code in &basis.checks {
        let holds = match call.field(&format!("check-{code}")) {
            "yes" => true,
            "no" => false,
            _ => continue,
        };
        let how = super::typed(call, &format!("how-{code}"), 300);
        let before = view.case.request.checks.iter().rfind(|it| it.code == *code);
        if before.is_some_and(|it| it.holds == holds && it.how == how) {
            continue;
        }
        let check = Check { code: code.clone(), holds, how, ..Check::default() };
        seen = desk.step(&seen, Move::Answer { check }, who).await?;
    }
    Ok(seen)
}

/// A class that the document names, with its words.
fn named(call: &Call, class: &str) -> Option<NamedClass> {
    let words = super::typed(call, &format!("class-{class}"), 1000);
    (!words.is_empty()).then(|| NamedClass { class: class.to_string(), words })
}

/// `GET /releases/{number}/patients/{subject}`
pub fn patients(call: &Call) -> Result<Answer, ApiError> {
    draw(call, None, 200)
}

fn draw(call: &Call, problem: Option<String>, status: u16) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    let subject = super::number(call, "subject")?;
    let found = super::told(call, call.wait(super::desk(call).candidates(call.param("number"), subject, &who)))?;
    let frame = crate::server::pages::frame(call);
    let page = found.map(|mut found| {
        // By name and not by how well they fit: nobody is proposed.
        found.sort_by_cached_key(|it| {
            let identity = &it.hit.patient.identity;
            (identity.family.clone(), identity.given.clone(), identity.birth_date.as_ref().map(|born| born.text().to_string()))
        });
        let page = PatientPage { view: view.value(), looker: &super::looker(&who), subject, candidates: &found, problem };
        Body::html(releases::patient(&frame, &page)).status(status)
    });
    Ok(page.into())
}

/// `POST /releases/{number}/patients/{subject}`: a named user says who it is.
pub fn choose_patient(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let subject = super::number(call, "subject")?;
    let keys: Vec<String> = call.field("keys").split_whitespace().map(String::from).collect();
    let found = super::told(call, call.wait(super::desk(call).candidates(call.param("number"), subject, &who)))?;
    // Only somebody who was shown can be chosen, with all keys, and whoever differs from the request only on purpose.
    let Some(chosen) = found.value().iter().find(|it| it.keys == keys) else {
        return draw(call, Some("Choose one of the persons below.".into()), 400);
    };
    if !chosen.agrees && call.field("sure") != "1" {
        return draw(call, Some("Something differs from the request. Compare it, and say that you did.".into()), 400);
    }
    let done = call.wait(super::desk(call).step(&super::seen(call), Move::Identify { subject, keys }, &who));
    super::then(call, done, |seen| format!("/releases/{}", seen.number))
}
