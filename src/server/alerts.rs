//! What must be seen by somebody of the house: an EHR launched a patient who is not the one that the crosswalk names. Such an
//! alert waits on the first page of those who keep identities, until one of them has marked it as seen.
//!
//! Not for: the refusal itself (`signin::refusal`), or sending notices out (`notices`).

use crate::access::{Audited, Permit, Principal, Role, Scope, Shown};
use crate::model::PatientKey;
use crate::register::{Alert, NewAlert};

use super::answer::{Answer, ApiError, Body};
use super::call::Call;
use super::viewer::AlertRow;
use super::{door, notices};

/// The code of a mismatch, as its denial in the access log has it.
pub const MISMATCH: &str = "context-mismatch";
/// What the alert of wrong answers at a recipient's link is called.
pub const WRONG_ANSWERS: &str = "release.link";
/// Most alerts on one page; the rest follows as these are seen.
const LISTED_MAX: i64 = 20;

/// Raises the alert of a launch that was stopped. The denial is in the log already; nothing is shown either way, so a register
/// that cannot be written is no reason to answer otherwise.
pub fn of_mismatch(call: &Call, who: &Principal, patients: Vec<PatientKey>, differs: &str) {
    let alert = NewAlert {
        about: MISMATCH,
        patients,
        detail: differs.to_string(),
        issuer: who.issuer.clone(),
        subject: who.subject.clone(),
        name: who.name.clone(),
    };
    let notices = notices::of_alert(&call.app, &alert);
    if let Err(error) = call.wait(call.app.register.raise_alert(&alert, &notices)) {
        tracing::error!(%error, "an alert could not be kept");
    }
    metrics::counter!("chartkeep_alerts_total", "about" => MISMATCH).increment(1);
}

/// The alerts that this reader should see, with the permit to show them; `None` when there are none for him.
pub fn waiting(call: &Call) -> Result<Option<(Permit, Vec<Alert>)>, ApiError> {
    if call.principal()?.role != Role::Him {
        return Ok(None);
    }
    let alerts = call.wait(call.app.register.unseen_alerts(LISTED_MAX)).map_err(|error| door::register_down(&error))?;
    if alerts.is_empty() {
        return Ok(None);
    }
    // A site may keep identities away from this role; then the notices that went out are all there is.
    Ok(call.ask(Scope::IdentityReview).ok().map(|permit| (permit, alerts)))
}

/// What the entry says of a list of alerts.
pub fn shown(event: &'static str, alerts: &[Alert]) -> Shown {
    let told = alerts.iter().map(|alert| format!("{} {}", alert.about, alert.detail)).collect::<Vec<_>>().join(", ");
    Shown {
        event,
        patients: alerts.iter().flat_map(|alert| alert.patients.clone()).collect(),
        hits: Some(alerts.len() as u64),
        query: Some(format!("alerts: {told}")),
        ..Shown::default()
    }
}

/// An alert in words.
pub fn row(call: &Call, alert: &Alert) -> AlertRow {
    let minute = |at: i64| {
        let at = jiff::Timestamp::from_second(at).unwrap_or_default();
        at.strftime("%Y-%m-%d %H:%M").to_string()
    };
    AlertRow {
        number: alert.number,
        request: (alert.about == WRONG_ANSWERS).then(|| alert.subject.clone()),
        from: match alert.about.as_str() {
            WRONG_ANSWERS => format!("Request {}", alert.subject),
            _ => call.app.elsewhere.name_of(&alert.issuer),
        },
        differs: match alert.detail.as_str() {
            "birth-date" => "the birth date differs",
            "family-name" => "the family name differs",
            "sex" => "sex and given name differ",
            _ if alert.about == WRONG_ANSWERS => "wrong answers were given at the link for its recipient",
            _ => "too little is known on both sides to be sure",
        },
        patient: alert.patients.first().map(|patient| patient.as_str().to_string()).unwrap_or_default(),
        who: alert.name.clone(),
        last: minute(alert.last),
        again: (alert.times > 1).then(|| format!("{} times since {}", alert.times, minute(alert.first))),
    }
}

/// `POST /alerts/{number}/seen`: it waits no longer. The entry that says by whom comes first.
pub fn seen(call: &Call) -> Result<Answer, ApiError> {
    let number: i64 = call.param("number").parse().map_err(|_| ApiError::not_found())?;
    let permit = call.ask(Scope::IdentityReview)?;
    // They are told to health information management alone; others who review identities are not asked.
    if permit.principal().role != Role::Him {
        permit.refuse();
        return Err(ApiError::forbidden());
    }
    let down = |error| door::register_down(&error);
    let alert = call.wait(call.app.register.unseen_alert(number)).map_err(down)?;
    // Two may press the button at once; the second finds it done.
    let alerts: Vec<Alert> = alert.into_iter().collect();
    let principal = permit.principal().clone();
    let answer: Audited<Body> = permit.answer(Body::see_other("/"), shown("alert.seen", &alerts))?;
    call.wait(call.app.register.alert_seen(number, &principal.issuer, &principal.subject)).map_err(down)?;
    Ok(answer.into())
}
