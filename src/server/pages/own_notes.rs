//! One's own psychotherapy notes about a patient: for whoever wrote them, and nowhere else at a screen.
//!
//! Not for: who wrote what (`query`), or whether such a page is there at all (`access::policy`).

use crate::access::{Permit, Scope};
use crate::model::PatientKey;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};
use crate::server::viewer;

/// `GET /patients/{patient}/own-notes`
pub fn page(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask(scope(call, &patient))?;
    let found = call.archive().own_notes(&permit);
    let (permit, notes) = call.found(permit, "record.read", found)?;
    let mut entry = shown("record.read", notes.iter().map(|note| &note.record));
    entry.hits = Some(notes.len() as u64);
    entry.query = Some("own psychotherapy notes".into());
    let frame = super::frame(call);
    Ok(permit.answer(Body::html(viewer::own_notes(&frame, &patient, &notes)), entry)?.into())
}

/// Where a reader of this chart finds notes of his own, if the policy knows him as anyone's originator: whether or not there
/// are any.
pub fn address(call: &Call, permit: &Permit, patient: &PatientKey) -> Option<String> {
    permit.principal().attributes.npi.as_ref()?;
    let offered = call.gate().would_allow(permit.principal(), &scope(call, patient), &call.context);
    offered.then(|| format!("/patients/{patient}/own-notes"))
}

fn scope(call: &Call, patient: &PatientKey) -> Scope {
    let chart = call.archive().chart_scope(patient);
    Scope::OwnNotes(chart.patients().to_vec())
}
