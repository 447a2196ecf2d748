//! The page of signals, for compliance: asks the gate, has the day judged, and answers with an entry.
//!
//! Not for: finding signals (`oversight`).

use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::access::{Scope, Shown};
use crate::oversight::signals::{Findings, judge};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::{self, SignalsPage};

const PAGE_SIZE: usize = 50;
/// Days remembered as judged.
const DAYS_MAX: usize = 32;

/// Days that are over, as they were judged under one catalog: nothing is added to them any more. The newest judged first.
#[derive(Debug, Default)]
pub struct Judged(Mutex<Vec<JudgedDay>>);

#[derive(Debug)]
struct JudgedDay {
    day: Date,
    catalog: u64,
    findings: Arc<Findings>,
}

/// `GET /signals?day=`. Nothing is looked for before the gate allows it.
pub fn signals(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(None))?;
    let today = jiff::Zoned::now().date();
    let asked = call.query("day").and_then(|day| day.trim().parse().ok());
    // The last day that is over.
    let day = asked.unwrap_or_else(|| today.yesterday().unwrap_or(today));
    let findings = judged(call, day, today)?;
    let offset = super::offset(call, PAGE_SIZE);
    let page = SignalsPage { findings: &findings, day: &day.to_string(), offset, page_size: PAGE_SIZE };
    let html = viewer::signals(&super::frame(call), &page);
    let shown = findings.flags.len().saturating_sub(offset).min(PAGE_SIZE);
    let said =
        Shown { event: "audit.query", hits: Some(shown as u64), query: Some(format!("signals of {day}")), ..Shown::default() };
    Ok(permit.answer(Body::html(html), said)?.into())
}

fn judged(call: &Call, day: Date, today: Date) -> Result<Arc<Findings>, ApiError> {
    let catalog = call.archive().facts().catalog;
    let remembered = || call.app.judged.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = remembered().iter().find(|known| (known.day, known.catalog) == (day, catalog)) {
        return Ok(known.findings.clone());
    }
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let workforce = call.app.config.audit.workforce.as_deref();
    let (findings, troubles) = judge(call.archive(), projection, workforce, day, &TimeZone::system()).map_err(|error| {
        tracing::error!(%error, "a day could not be judged");
        ApiError::internal()
    })?;
    if !troubles.is_empty() {
        tracing::warn!(rows = troubles.len(), "rows of the workforce were left out");
    }
    let findings = Arc::new(findings);
    if day < today {
        let mut days = remembered();
        days.truncate(DAYS_MAX - 1);
        days.insert(0, JudgedDay { day, catalog, findings: findings.clone() });
    }
    Ok(findings)
}
