//! Identity review: the list of pairs, two patients side by side, and the decision. What is said becomes a statement under the
//! name of whoever said it, after a second look, and after its entry in the log.
//!
//! Not for: reassigning records, which reads them (`chartkeep identity reassign`).

use crate::access::{Permit, Scope, Shown, entry};
use crate::audit::{Entry, Outcome};
use crate::model::{Kind, Label, PatientKey};
use crate::query::{Decision, DecisionRefused, Looked, PairRow};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::events;
use crate::server::viewer::{self, IdentityList, IdentityPair};

const PAGE_SIZE: usize = 25;
/// Characters of a reason: it stands beside the link in the chart.
const REASON_MIN: usize = 10;
const REASON_MAX: usize = 500;

/// What the entry says of patients who were looked at.
fn shown<'r>(event: &'static str, rows: impl IntoIterator<Item = &'r PairRow>, query: String) -> Shown {
    let mut shown = Shown { event, query: Some(query), kinds: vec![Kind::PATIENT], hits: Some(0), ..Shown::default() };
    for row in rows {
        shown.hits = shown.hits.map(|hits| hits + 1);
        for patient in [&row.a.patient, &row.b.patient] {
            shown.label = Label::union(shown.label, patient.label);
            if !shown.patients.contains(&patient.key) {
                shown.patients.push(patient.key.clone());
                shown.places.push(patient.place.clone());
            }
        }
    }
    shown
}

/// `GET /identity?page=`
pub fn identity(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::IdentityReview)?;
    let offset = super::super::offset(call, PAGE_SIZE);
    let found = call.archive().identity_pairs(&permit, offset, PAGE_SIZE)?;
    let reassigned = call.archive().reassigned_records(&permit)?;
    let pairs = match &found {
        Looked::Done(page) => Some(page.as_ref()),
        Looked::Running | Looked::Failed => None,
    };
    let said = match call.query("said").and_then(Decision::from_name) {
        Some(Decision::Link) => Some("They are one person from now on."),
        Some(Decision::NotSame) => Some("They are two people from now on."),
        Some(Decision::Later) => Some("The pair was put off."),
        None => None,
    };
    let list =
        IdentityList { pairs, failed: matches!(found, Looked::Failed), reassigned: &reassigned, offset, size: PAGE_SIZE, said };
    let html = viewer::identity(&super::super::frame(call), &list);
    let mut entry = shown("identity.reviewed", pairs.iter().flat_map(|page| &page.rows), "pairs of patients".into());
    for (_, _, it) in &reassigned {
        entry
            .patients
            .extend([&it.from, &it.to].into_iter().filter(|key| !entry.patients.contains(key)).cloned().collect::<Vec<_>>());
    }
    Ok(permit.answer(Body::html(html), entry)?.into())
}

fn keys(call: &Call) -> Result<(PatientKey, PatientKey), ApiError> {
    Ok((call.patient_param("patient")?, call.patient_param("other")?))
}

fn found(call: &Call) -> Result<(Permit, PairRow), ApiError> {
    let permit = call.ask(Scope::IdentityReview)?;
    let (a, b) = keys(call)?;
    let row = call.archive().identity_pair(&permit, &a, &b);
    call.found(permit, "identity.reviewed", row)
}

/// `GET /identity/{patient}/{other}`
pub fn pair(call: &Call) -> Result<Answer, ApiError> {
    let (permit, row) = found(call)?;
    show(call, permit, IdentityPair { row: &row, decision: None, reason: "", problem: None, confirm: false }, 200)
}

fn show(call: &Call, permit: Permit, page: IdentityPair<'_>, status: u16) -> Result<Answer, ApiError> {
    let html = viewer::identity_pair(&super::super::frame(call), &page);
    let shown = shown("identity.reviewed", [page.row], "two patients side by side".into());
    Ok(permit.answer(Body::html(html).status(status), shown)?.into())
}

/// `POST /identity/{patient}/{other}`: first shown once more, and said when confirmed.
pub fn decide(call: &Call) -> Result<Answer, ApiError> {
    let (permit, row) = found(call)?;
    let reason: String = call.field("reason").trim().chars().take(REASON_MAX).collect();
    let decision = Decision::from_name(call.field("decision"));
    let page = |problem, confirm| IdentityPair { row: &row, decision, reason: &reason, problem, confirm };
    let Some(chosen) = decision else {
        return show(call, permit, page(Some("Choose a decision."), false), 400);
    };
    if reason.chars().count() < REASON_MIN {
        return show(call, permit, page(Some("Say in a few words what the decision rests on."), false), 400);
    }
    let statement = match row.decide(chosen, &reason) {
        Ok(statement) => statement,
        Err(DecisionRefused::OneAlready) => {
            return show(call, permit, page(Some("It was said meanwhile that they are one person."), false), 409);
        }
        Err(DecisionRefused::TwoAlready) => {
            return show(call, permit, page(Some("It was said meanwhile that they are two people."), false), 409);
        }
    };
    if call.field("confirm") != "yes" {
        return show(call, permit, page(None, true), 200);
    }
    let shown = shown("identity.changed", [&row], format!("{}: {reason}", chosen.name()));
    let patients = shown.patients.clone();
    let done = permit.answer(Body::see_other(format!("/identity?said={}", chosen.name())), shown)?;
    let principal = call.principal()?;
    if let Err(error) = call.app.statements.say(principal, statement) {
        tracing::error!(%error, "a statement could not be written");
        let failed = Entry {
            outcome: Outcome::MinorFailure,
            outcome_desc: Some("the statement could not be written".into()),
            patients,
            ..entry("identity.changed", principal, &call.context)
        };
        events::write(call, failed)?;
        let text = "The decision could not be written, so nothing was said. Try again in a minute.";
        return Err(ApiError::new(503, "statements-unavailable", "transient", text));
    }
    call.archive().look_again();
    Ok(done.into())
}
