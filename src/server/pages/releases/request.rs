//! The page of one request, and the steps that need nothing but a button and a line of text.
//!
//! Not for: steps with pages of their own (`check`, `select`, `items`, `redact`, `approve`, `hand`).

use crate::access::{Public, Purpose};
use crate::export;
use crate::model::PatientKey;
use crate::release::desk::{DeskError, View};
use crate::release::package;
use crate::release::request::Subject;
use crate::release::workflow::Move;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::releases::{self, Checked, RequestPage};
use crate::signing::{KeyPurpose, KeyRing};

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
            whole: whole(call, &view),
        };
        Body::html(releases::request(&frame, &page)).status(status)
    });
    Ok(page.into())
}

/// Where all there is of a patient can be had as one file: for who may export a person, when the patient himself asks and is
/// verified. Name and address of each.
fn whole(call: &Call, view: &View) -> Vec<(String, String)> {
    let is_own = view.basis.as_ref().is_some_and(|basis| basis.purpose == Purpose::PatientRequest.code());
    let is_verified = !view.case.state.is_final() && view.case.verifier.is_some();
    let Some(principal) = call.principal().ok().filter(|_| is_own && is_verified) else { return Vec::new() };
    let of = |subject: &Subject| {
        let key = PatientKey::parse(subject.keys.first()?)?;
        let scope = export::scope(call.archive(), &key);
        let may = call.gate().would_allow(principal, &scope, &call.context);
        may.then(|| (subject.name.clone(), format!("/api/v1/patients/{key}/ehi")))
    };
    view.case.request.subjects.iter().filter_map(of).collect()
}

/// `POST /releases/{number}/step`: one of the plain moves.
pub fn step(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let text = || super::typed(call, "text", 500);
    let made = match call.field("move") {
        "submit" => Move::Submit { waits: false },
        "accept" => Move::Accept,
        "ask" => Move::Ask { what: text() },
        "assign" => Move::Assign { to: account(&text(), &who.actor.id) },
        "return" => Move::Return { reason: text() },
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

/// A person as steps name them: an account of this archive by its name, or whoever acts.
fn account(typed: &str, own: &str) -> String {
    match typed {
        "" => own.to_string(),
        name if name.contains(' ') => name.to_string(),
        name => format!("local {}", name.to_lowercase()),
    }
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
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    let checked = check(call, view.value()).map_err(|error| {
        tracing::error!(%error, "a package cannot be checked");
        ApiError::internal()
    })?;
    draw(call, None, checked, 200)
}

/// What a recipient would find, for each package.
fn check(call: &Call, view: &View) -> std::io::Result<Vec<Checked>> {
    let keys = KeyRing::load(&call.app.folder).map_err(std::io::Error::other)?.verifiers(KeyPurpose::Release);
    let mut all = Vec::new();
    for (subject, package) in view.case.packages.iter().enumerate() {
        // The key that signed it, of those that the archive ever had.
        let mut last = None;
        for key in &keys {
            let file = super::desk(call).shelf.open(&package.package_sha256).map_err(std::io::Error::other)?;
            let report = package::verify::verify(std::io::BufReader::new(file), key)?;
            let holds = report.holds();
            last = Some(report);
            if holds {
                break;
            }
        }
        let report = last.unwrap_or_default();
        let mut faults: Vec<String> = report.findings.iter().map(|it| format!("{}: {}", it.item, it.what)).collect();
        let is_the_sealed = report.manifest.is_some();
        if !is_the_sealed && faults.is_empty() {
            faults.push("no key of this archive signed it".into());
        }
        let facts = vec![format!(
            "{} files, {} bytes, {} records proved against their accessions",
            report.files, report.bytes, report.proofs
        )];
        all.push(Checked { subject, faults, facts });
    }
    Ok(all)
}
