//! The start page: find a patient, or go back to one whose chart was opened lately.
//!
//! Not for: reading a chart.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::access::{Audited, Permit, Public, Scope, Shown};
use crate::limits::{RECENT_CHARTS, RECENT_DAYS};
use crate::model::{Kind, Label, LinkedPatient, PatientKey};
use crate::oversight::UserId;
use crate::oversight::projection::{Select, UserPatient};
use crate::query::QueryError;
use crate::server::alerts;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::api::patients::shown_hits;
use crate::server::call::{Call, together};
use crate::server::viewer::{self, FindPage, Recent};

const PAGE_SIZE: usize = 20;

/// `GET /?q=&page=&row=`
pub fn find(call: &Call) -> Result<Answer, ApiError> {
    // A window on a launched patient is about him alone.
    if let Some(window) = &call.window {
        return Ok(Public(Body::see_other(format!("/patients/{}", window.patient))).into());
    }
    let home = super::home_of(call.principal()?.role);
    if home != "/" {
        return Ok(Public(Body::see_other(home)).into());
    }
    let q = call.query("q").unwrap_or("").trim();
    let as_you_type = call.app.config.viewer.search_as_you_type;
    let mut page =
        FindPage { q, page_size: PAGE_SIZE, offset: super::offset(call, PAGE_SIZE), as_you_type, ..FindPage::default() };
    page.row = call.query("row").and_then(|row| row.parse().ok()).unwrap_or(0);
    if q.is_empty() {
        return start(call, page);
    }
    let frame = super::frame(call);
    let permit = call.ask(Scope::FindPatients)?;
    let hits = match call.archive().find_patients(&permit, q, page.offset, PAGE_SIZE) {
        Ok(hits) => hits,
        // Too little to search with: the page says so. That it was asked is logged like an empty search.
        Err(QueryError::BadQuestion(_)) => {
            let html = viewer::find(&frame, &page);
            return Ok(permit.answer(Body::html(html), shown_hits(q, &[], 0))?.into());
        }
        Err(other) => return Err(other.into()),
    };
    let outlines = call.archive().outlines(&permit, &hits.hits)?;
    let unseen = call.archive().unseen(&permit);
    // What asked for nothing found nothing, and is answered as such: not as a search that has no match.
    page.answer = Some(&hits).filter(|hits| !hits.understood.is_empty());
    (page.outlines, page.unseen) = (&outlines, &unseen);
    let body = Body::html(viewer::find(&frame, &page));
    Ok(permit.answer(body, shown_hits(q, &hits.hits, hits.total))?.into())
}

/// The page before anything is asked: what waits for this reader's eyes, and whose charts he opened last.
fn start(call: &Call, mut page: FindPage<'_>) -> Result<Answer, ApiError> {
    let mut audited: Vec<Audited<()>> = Vec::new();
    if let Some((permit, waiting)) = alerts::waiting(call)? {
        page.alerts = waiting.iter().map(|alert| alerts::row(call, alert)).collect();
        audited.push(permit.answer((), alerts::shown("identity.reviewed", &waiting))?);
    }
    if let Some((permit, recent)) = recent(call)? {
        let entry = shown_people(recent.iter().map(|it| &it.patient));
        page.recent = recent;
        audited.push(permit.answer((), entry)?);
    }
    let body = Body::html(viewer::find(&super::frame(call), &page));
    Ok(match together(audited) {
        Some(shown) => shown.map(|_| body).into(),
        None => Public(body).into(),
    })
}

/// Whose charts this person opened last, the newest first, as the access log has it and as far as policy shows them to him
/// today. `None` when there is nobody. A log whose tables cannot be read is no reason to keep the search away.
fn recent(call: &Call) -> Result<Option<(Permit, Vec<Recent>)>, ApiError> {
    let opened = match opened_last(call) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::warn!(%error, "the charts that somebody opened last cannot be told");
            return Ok(None);
        }
    };
    let keys: Vec<PatientKey> = opened.iter().filter_map(|it| PatientKey::parse(it.patient.as_deref()?)).collect();
    if keys.is_empty() {
        return Ok(None);
    }
    let permit = call.ask(Scope::FindPatients)?;
    let people = call.archive().people(&permit, &keys)?;
    let last = |patient: &LinkedPatient| {
        let found = opened.iter().find(|it| it.patient.as_deref() == Some(patient.key.as_str()));
        let at = found.and_then(|it| Timestamp::from_microsecond(it.last).ok());
        at.map_or_else(String::new, |at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
    };
    let recent = people.into_iter().take(RECENT_CHARTS).map(|patient| Recent { opened: last(&patient), patient });
    Ok(Some((permit, recent.collect())))
}

/// Patients of whom this person opened something in the last days, the newest first.
fn opened_last(call: &Call) -> Result<Vec<UserPatient>, crate::oversight::OversightError> {
    let Ok(principal) = call.principal() else { return Ok(Vec::new()) };
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let from = Timestamp::now().checked_sub((24 * RECENT_DAYS).hours()).map_or(0, Timestamp::as_microsecond);
    let user = UserId { issuer: principal.issuer.clone(), subject: principal.subject.clone() };
    let events = ["record.read", "document.view"].map(String::from).to_vec();
    let mut opened = projection.by_patient(&Select { user: Some(user), from: Some(from), events, ..Select::default() })?;
    opened.retain(|it| it.opened > 0 && it.patient.is_some());
    opened.sort_by_key(|it| std::cmp::Reverse(it.last));
    // A few more than are shown: some are hidden by now, some are one person.
    opened.truncate(4 * RECENT_CHARTS);
    Ok(opened)
}

/// The entry's account of who is told to have been looked at.
fn shown_people<'p>(people: impl Iterator<Item = &'p LinkedPatient>) -> Shown {
    let mut shown = Shown { event: "patient.search", query: Some("charts opened last".into()), ..Shown::default() };
    for patient in people {
        shown.patients.push(patient.key.clone());
        shown.places.push(patient.place.clone());
        shown.label = Label::union(shown.label, patient.label);
        shown.kinds = vec![Kind::PATIENT];
    }
    shown.hits = Some(shown.patients.len() as u64);
    shown
}
