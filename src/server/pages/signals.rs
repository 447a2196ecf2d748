//! The page of signals, for compliance: asks the gate, has the day judged, and answers with an entry.
//!
//! Not for: finding signals (`oversight`).

use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::access::{Scope, Shown, entry};
use crate::audit::{Entry, Outcome};
use crate::limits::BREAK_GLASS_TEXT_MAX;
use crate::model::PatientKey;
use crate::oversight::UserId;
use crate::oversight::projection::Select;
use crate::oversight::signals::{Findings, Flag, Sources, judge};
use crate::oversight::verdicts::{self, VERDICTS};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::{self, Flags, SignalsPage, SignalsWait};
use crate::server::{door, events};

const PAGE_SIZE: usize = 50;
/// Acts of a day that is judged for the page compliance begins at.
const AT_ONCE_MAX: u64 = 20_000;
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
    let given = verdicts::of_day(call.app.oversight()?, day)?;
    let principal = call.principal()?;
    let reader = UserId { issuer: principal.issuer.clone(), subject: principal.subject.clone() };
    let page = SignalsPage {
        findings: &findings,
        verdicts: &given,
        reader,
        day: &day.to_string(),
        offset,
        page_size: PAGE_SIZE,
        zone: TimeZone::system(),
    };
    let html = viewer::signals(&super::frame(call), &page);
    let shown = findings.flags.len().saturating_sub(offset).min(PAGE_SIZE);
    let said =
        Shown { event: "audit.query", hits: Some(shown as u64), query: Some(format!("signals of {day}")), ..Shown::default() };
    Ok(permit.answer(Body::html(html), said)?.into())
}

/// `POST /signals`: a verdict on one signal. Its entry is all that keeps it, and counts once it is on disk.
pub fn verdict(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(None))?;
    let looked = |hits| Shown { event: "audit.query", hits: Some(hits), query: Some("signals".into()), ..Shown::default() };
    let asked = call.field("day").trim().parse::<Date>().ok();
    let patient = PatientKey::parse(call.field("patient").trim());
    let user = UserId { issuer: call.field("issuer").into(), subject: call.field("user").into() };
    let today = jiff::Zoned::now().date();
    let is_flagged = match asked.filter(|day| *day <= today) {
        Some(day) => judged(call, day, today)?.flags.iter().any(|flag| flag.user == user && flag.patient == patient),
        None => false,
    };
    let Some(day) = asked.filter(|_| is_flagged) else {
        permit.answer((), looked(0))?;
        return Err(ApiError::not_found());
    };
    let verdict = VERDICTS.iter().find(|(name, _)| *name == call.field("verdict")).map(|(name, _)| *name);
    let comment: String = call.field("comment").trim().chars().take(BREAK_GLASS_TEXT_MAX).collect();
    let Some(verdict) = verdict.filter(|_| !comment.is_empty()) else {
        permit.answer((), looked(1))?;
        return Err(ApiError::bad("A verdict needs its reason: say in the comment why."));
    };
    let principal = call.principal()?;
    let mut given = Entry {
        patients: patient.into_iter().collect(),
        detail: vec![
            (verdicts::DAY, day.to_string()),
            (verdicts::USER, user.subject.clone()),
            (verdicts::ISSUER, user.issuer.clone()),
            (verdicts::VERDICT, verdict.to_string()),
            (verdicts::COMMENT, comment),
        ],
        ..entry(verdicts::EVENT, principal, &call.context)
    };
    // Nobody judges what he did himself.
    if user.issuer == principal.issuer && user.subject.eq_ignore_ascii_case(&principal.subject) {
        given.outcome = Outcome::SeriousFailure;
        given.outcome_desc = Some("signal review refused: own acts".into());
        events::write(call, given)?;
        permit.answer((), looked(1))?;
        return Err(ApiError::forbidden());
    }
    events::write(call, given)?;
    Ok(permit.answer(Body::see_other(format!("/signals?day={day}")), looked(1))?.into())
}

/// How many people are flagged of the last day, and how many flags have no verdict. A day that would take long to judge is left
/// for the page that shows it.
pub fn waiting(call: &Call) -> Result<SignalsWait, ApiError> {
    let today = jiff::Zoned::now().date();
    let day = usual(call, today)?;
    let projection = call.app.oversight()?;
    let start = |day: Date| day.to_zoned(projection.zone().clone()).ok().map(|at| at.timestamp().as_microsecond());
    let of_day = Select { from: start(day), to: day.tomorrow().ok().and_then(start), ..Select::default() };
    let is_known =
        call.app.judged.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|known| known.day == day && day < today);
    if !is_known && projection.tally(&of_day)?.acts > AT_ONCE_MAX {
        return Ok(SignalsWait { day: day.to_string(), found: None });
    }
    let findings = judged(call, day, today)?;
    let given = verdicts::of_day(projection, day)?;
    let is_open = |flag: &&Flag| {
        let last = given.get(&(flag.user.clone(), flag.patient.clone())).and_then(|given| given.last());
        last.is_none_or(|verdict| verdict.is_open())
    };
    let open = findings.flags.iter().filter(is_open).count() as u64;
    Ok(SignalsWait { day: day.to_string(), found: Some((findings.people().count() as u64, open)) })
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
