//! The reports on the access log, for compliance.
//!
//! Not for: verifying the log.

use crate::access::{Scope, Shown};
use crate::limits::{REPORT_ACTS_MAX, REPORT_FULL_MAX};
use crate::model::PatientKey;
use crate::oversight::reports::Version;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::api::access::{Asked, REPORT_PAGE, until_text};
use crate::server::call::Call;
use crate::server::viewer::{self, AccessReport};

/// `GET /patients/{patient}/access`
pub fn who_looked_at(call: &Call) -> Result<Answer, ApiError> {
    super::looks::of_patient(call, &call.patient_param("patient")?)
}

/// Entries in full on one page of the screen: each has four times the cells of a row in plain words.
const FULL_PAGE: usize = 40;

/// `GET /access/reports/{report}`: a page of a report; with `copy=1` the whole of it for paper, with `format=csv` or `json` the
/// whole of it to be saved.
pub fn report(call: &Call) -> Result<Answer, ApiError> {
    if matches!(call.query("format"), Some("csv" | "json")) {
        return crate::server::api::access::report(call);
    }
    let is_copy = matches!(call.query("copy"), Some("1"));
    let is_full = call.query("version") == Some(Version::Full.name());
    let limit = match (is_copy, is_full) {
        (false, false) => REPORT_PAGE,
        (false, true) => FULL_PAGE,
        (true, false) => REPORT_ACTS_MAX,
        (true, true) => REPORT_FULL_MAX,
    };
    let asked = Asked::of(call, limit)?;
    let page_size = asked.ask.limit;
    let name = call.param("report");
    let parameters = call.query.iter().filter(|(name, value)| !value.is_empty() && name != "format").cloned().collect();
    asked.answer(call, |report| {
        if is_copy && report.rows.len() as u64 != report.total {
            return Err(ApiError::too_costly("There is more than one print holds: narrow the dates."));
        }
        let until = until_text(&report.stands_at);
        let page = AccessReport { report, name, parameters, until: &until, page_size, is_copy };
        Ok(Body::html(viewer::access_report(&super::frame(call), &page)))
    })
}

/// Records of one entry whose kinds are told on its page.
const TOLD: usize = 2_000;

/// `GET /access/entries/{entry}`: everything that one entry says, its records by kind and date.
pub fn entry(call: &Call) -> Result<Answer, ApiError> {
    let asked =
        call.param("entry").split_once(':').and_then(|(stream, seq)| Some((stream.to_string(), seq.parse::<u64>().ok()?)));
    let place = asked.ok_or_else(ApiError::not_found)?;
    let permit = call.ask(Scope::AuditLog(None))?;
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let found = projection.originals(std::slice::from_ref(&place))?.remove(&place);
    let line = found.as_ref().map(|original| original.line()).unwrap_or_default();
    let keys = line.patients.iter().filter_map(|patient| PatientKey::parse(&patient.archive_id));
    let shown = Shown {
        event: "audit.query",
        patients: keys.collect(),
        hits: Some(u64::from(found.is_some())),
        query: Some(format!("entry={}:{}", place.0, place.1)),
        ..Shown::default()
    };
    let Some(original) = found else {
        permit.answer((), shown)?;
        return Err(ApiError::not_found());
    };
    let places: Vec<_> = line.places().take(TOLD).collect();
    let told = call.archive().told(&permit, &places)?;
    let html = viewer::access_entry(&super::frame(call), &original, &line, &told);
    Ok(permit.answer(Body::html(html), shown)?.into())
}
