//! The page of signals, for compliance: asks the gate, has the day judged, and answers with an entry.
//!
//! Not for: finding signals (`oversight`).

use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;

use crate::access::{Scope, Shown};
use crate::oversight::UserId;
use crate::oversight::projection::Select;
use crate::oversight::signals::{Findings, Sources, judge};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::door;
use crate::server::viewer::{self, Flags, SignalsPage};

const PAGE_SIZE: usize = 50;
/// Days remembered as judged.
const DAYS_MAX: usize = 32;

/// Days as they were judged under one catalog; to those that are over nothing is added any more. The newest judged first.
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
    let day = match asked {
        Some(day) => day,
        None => usual(call, today)?,
    };
    let findings = judged(call, day, today)?;
    let offset = super::offset(call, PAGE_SIZE);
    let page = SignalsPage { findings: &findings, day: &day.to_string(), offset, page_size: PAGE_SIZE };
    let html = viewer::signals(&super::frame(call), &page);
    let shown = findings.flags.len().saturating_sub(offset).min(PAGE_SIZE);
    let said =
        Shown { event: "audit.query", hits: Some(shown as u64), query: Some(format!("signals of {day}")), ..Shown::default() };
    Ok(permit.answer(Body::html(html), said)?.into())
}

/// The last day that is over, or today when nothing happened on that.
fn usual(call: &Call, today: Date) -> Result<Date, ApiError> {
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let start = |day: Date| day.to_zoned(projection.zone().clone()).ok().map(|at| at.timestamp().as_microsecond());
    let yesterday = today.yesterday().unwrap_or(today);
    let events = vec!["record.read".to_string()];
    let of_yesterday = Select { from: start(yesterday), to: start(today), events, limit: 1, ..Select::default() };
    Ok(if projection.acts(&of_yesterday)?.is_empty() { today } else { yesterday })
}

/// What is flagged of the days that were judged, for pages that show it beside what happened. Nothing is judged for it.
pub fn known_flags(call: &Call) -> Flags {
    let days = call.app.judged.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut flags = Flags::new();
    for flag in days.iter().flat_map(|known| known.findings.flags.iter()) {
        // The weightiest line says why in the fewest words.
        let Some(evidence) = flag.evidence.first() else { continue };
        let told = flags.entry((flag.user.clone(), flag.date)).or_default();
        told.push((flag.patient.clone(), evidence.words.clone()));
    }
    flags
}

fn judged(call: &Call, day: Date, today: Date) -> Result<Arc<Findings>, ApiError> {
    let catalog = call.archive().facts().catalog;
    let remembered = || call.app.judged.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = remembered().iter().find(|known| day < today && (known.day, known.catalog) == (day, catalog)) {
        return Ok(known.findings.clone());
    }
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let register = &call.app.register;
    let cared_for = |user: &UserId, from: i64, to: i64| call.wait(register.cared_for(&user.issuer, &user.subject, from, to));
    let has_relations = call.wait(register.has_care_relations()).map_err(|error| door::register_down(&error))?;
    let sources = Sources {
        archive: call.archive(),
        projection,
        config: &call.app.config.audit,
        relations: has_relations.then_some(&cared_for),
    };
    let (findings, troubles) = judge(&sources, day).map_err(|error| {
        tracing::error!(%error, "a day could not be judged");
        ApiError::internal()
    })?;
    if !troubles.is_empty() {
        tracing::warn!(rows = troubles.len(), "rows of the site's files for the signals were left out");
    }
    let findings = Arc::new(findings);
    // Today is remembered for what is shown beside other pages, and judged anew when it is asked for itself.
    let mut days = remembered();
    days.retain(|known| known.day != day);
    days.truncate(DAYS_MAX - 1);
    days.insert(0, JudgedDay { day, catalog, findings: findings.clone() });
    drop(days);
    Ok(findings)
}
