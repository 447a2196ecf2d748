//! The start page: find a patient.
//!
//! Not for: reading a chart.

use crate::access::{Public, Scope};
use crate::query::QueryError;
use crate::server::alerts;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::api::patients::shown_hits;
use crate::server::call::Call;
use crate::server::viewer::{self, FindPage};

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
    let frame = super::frame(call);
    let q = call.query("q").unwrap_or("").trim();
    let mut page = FindPage { q, page_size: PAGE_SIZE, offset: super::offset(call, PAGE_SIZE), ..FindPage::default() };
    page.row = call.query("row").and_then(|row| row.parse().ok()).unwrap_or(0);
    if q.is_empty() {
        if let Some((permit, waiting)) = alerts::waiting(call)? {
            page.alerts = waiting.iter().map(|alert| alerts::row(call, alert)).collect();
            let body = Body::html(viewer::find(&frame, &page));
            return Ok(permit.answer(body, alerts::shown("identity.reviewed", &waiting))?.into());
        }
        return Ok(Public(Body::html(viewer::find(&frame, &page))).into());
    }
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
    page.answer = Some(&hits);
    let body = Body::html(viewer::find(&frame, &page));
    Ok(permit.answer(body, shown_hits(q, &hits.hits, hits.total))?.into())
}
