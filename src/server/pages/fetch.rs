//! The page behind a recipient's link: birth date and PIN for a package, once. It tells nothing of whose records there are.
//!
//! Not for: making links (`release::desk`), or HIM's own download (`api::releases`).

use crate::access::Public;
use crate::register::NewAlert;
use crate::release::desk::NotFetched;
use crate::server::alerts::WRONG_ANSWERS;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::api::releases::fault;
use crate::server::call::Call;
use crate::server::rate::address_of;
use crate::server::{events, notices, stream, viewer};

/// `GET /r/{token}`: the form; the same for every link that might work, and one page for all that do not.
pub fn form(call: &Call) -> Result<Answer, ApiError> {
    let works = call.wait(call.app.desk.is_link(call.param("token"))).map_err(fault)?;
    Ok(page(call, works, None))
}

/// `POST /r/{token}` (`birth_date`, `pin`): the package, when both are right.
pub fn fetch(call: &Call) -> Result<Answer, ApiError> {
    let address = address_of(call.context.ip.as_deref());
    call.app.rates.may_attempt(&address).map_err(|exceeded| events::rate_limited(call, "release-links", exceeded))?;
    let (born, pin) = (call.field("birth_date"), call.field("pin"));
    match call.wait(call.app.desk.fetch(call.param("token"), born, pin, &call.context)) {
        Ok(package) => {
            let body = package.map(|it| {
                let tag = format!("\"{}\"", it.sha256);
                let body = stream::body(it.file, it.bytes, stream::Wanted::All, "application/zip", &tag)?;
                Ok::<_, ApiError>(body.with("Content-Disposition", format!("attachment; filename=\"{}\"", it.name)))
            });
            Ok(body.transpose()?.into())
        }
        Err(NotFetched::NoLink) => {
            call.app.rates.failed(&address);
            Ok(page(call, false, None))
        }
        Err(NotFetched::Wrong { number, patients, left }) => {
            call.app.rates.failed(&address);
            alert(call, &number, patients);
            let words = match left {
                0 => return Ok(page(call, false, None)),
                1 => "Birth date or PIN is not right. One more answer is taken.".to_owned(),
                left => format!("Birth date or PIN is not right. {left} more answers are taken."),
            };
            Ok(page(call, true, Some(words)))
        }
        Err(NotFetched::Desk(error)) => Err(fault(error)),
    }
}

/// Whoever works on releases is told of wrong answers.
fn alert(call: &Call, number: &str, patients: Vec<crate::model::PatientKey>) {
    let alert = NewAlert {
        about: WRONG_ANSWERS,
        patients,
        detail: format!("release {number}"),
        issuer: "link".into(),
        subject: number.to_owned(),
        name: "recipient of a release".into(),
    };
    let notices = notices::of_alert(&call.app, &alert);
    if let Err(error) = call.wait(call.app.register.raise_alert(&alert, &notices)) {
        tracing::error!(%error, "an alert could not be kept");
    }
    metrics::counter!("chartkeep_alerts_total", "about" => WRONG_ANSWERS).increment(1);
}

fn page(call: &Call, works: bool, problem: Option<String>) -> Answer {
    let status = match (works, &problem) {
        (false, _) => 404,
        (true, Some(_)) => 403,
        (true, None) => 200,
    };
    let address = call.context.path.clone();
    let address = if works { format!("/r/{}", call.param("token")) } else { address };
    Public(Body::html(viewer::fetch(&super::frame(call), works.then_some(address.as_str()), problem.as_deref())).status(status))
        .into()
}
