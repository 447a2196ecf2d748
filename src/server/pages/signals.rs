//! The page of signals, for compliance: asks the gate, has the day judged, and answers with an entry. What other pages show of
//! signals beside what happened.
//!
//! Not for: finding signals (`oversight`).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::access::{Scope, Shown, entry};
use crate::audit::{Entry, Outcome};
use crate::limits::BREAK_GLASS_TEXT_MAX;
use crate::model::PatientKey;
use crate::oversight::UserId;
use crate::oversight::projection::{Projection, Select};
use crate::oversight::signals::{Findings, Flag, Sources, judge};
use crate::oversight::verdicts::{self, VERDICTS};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::{self, DayFlags, Flagged, SignalsPage, SignalsWait};
use crate::server::{door, events};

const PAGE_SIZE: usize = 50;
/// Acts of the days that are judged for a page which only tells how many signals there are.
const AT_ONCE_MAX: u64 = 20_000;
/// Days remembered as judged, and most days that one page tells of.
const DAYS_MAX: usize = 64;
/// How long a day that is not over is told of as it was judged, on pages that are about something else.
const FRESH: Duration = Duration::from_secs(60);

/// Days as they were judged under one catalog; to those that are over nothing is added any more. The newest judged first.
#[derive(Debug, Default)]
pub struct Judged(Mutex<Vec<JudgedDay>>);

#[derive(Debug)]
struct JudgedDay {
    day: Date,
    catalog: u64,
    at: Instant,
    findings: Arc<Findings>,
}

/// `GET /signals?day=`, with `user=&issuer=` of one person alone. Nothing is looked for before the gate allows it.
pub fn signals(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(None))?;
    let today = jiff::Zoned::now().date();
    let asked = call.query("day").and_then(|day| day.trim().parse().ok());
    let day = match asked {
        Some(day) if day > today => return Err(ApiError::bad("This day has not come yet.")),
        Some(day) => day,
        None => usual(call, today)?,
    };
    let findings = judged(call, day, today, Duration::ZERO)?;
    let offset = super::offset(call, PAGE_SIZE);
    let subject = call.query("user").filter(|user| !user.is_empty());
    let only = subject.map(|user| UserId { issuer: call.query("issuer").unwrap_or("local").into(), subject: user.into() });
    let given = verdicts::of_day(call.app.oversight()?, day)?;
    let principal = call.principal()?;
    let reader = UserId { issuer: principal.issuer.clone(), subject: principal.subject.clone() };
    let page = SignalsPage {
        findings: &findings,
        verdicts: &given,
        only: only.as_ref(),
        reader,
        day: &day.to_string(),
        offset,
        page_size: PAGE_SIZE,
        zone: TimeZone::system(),
    };
    let html = viewer::signals(&super::frame(call), &page);
    let shown = findings.flags.len().saturating_sub(offset).min(PAGE_SIZE);
    let of_whom = only.map(|user| format!(" user={} issuer={}", user.subject, user.issuer)).unwrap_or_default();
    let query = Some(format!("signals of {day}{of_whom}"));
    let said = Shown { event: "audit.query", hits: Some(shown as u64), query, ..Shown::default() };
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
        Some(day) => {
            judged(call, day, today, Duration::ZERO)?.flags.iter().any(|flag| flag.user == user && flag.patient == patient)
        }
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
    // Back to where the verdict was given: the whole day, or one person's.
    let only = match call.field("only") {
        "1" => format!("&user={}&issuer={}", viewer::url_part(&user.subject), viewer::url_part(&user.issuer)),
        _ => String::new(),
    };
    Ok(permit.answer(Body::see_other(format!("/signals?day={day}{only}")), looked(1))?.into())
}

/// How many people are flagged of the last day, and how many flags have no verdict. A day that would take long to judge is left
/// for the page that shows it.
pub fn waiting(call: &Call) -> Result<SignalsWait, ApiError> {
    let today = jiff::Zoned::now().date();
    let day = usual(call, today)?;
    let projection = call.app.oversight()?;
    if remembered(call, day, today, FRESH).is_none() && acts_of(projection, day)? > AT_ONCE_MAX {
        return Ok(SignalsWait { day: day.to_string(), found: None });
    }
    let findings = judged(call, day, today, FRESH)?;
    let given = verdicts::of_day(projection, day)?;
    let is_open = |flag: &&Flag| {
        let last = given.get(&(flag.user.clone(), flag.patient.clone())).and_then(|given| given.last());
        last.is_none_or(|verdict| verdict.is_open())
    };
    let open = findings.flags.iter().filter(is_open).count() as u64;
    Ok(SignalsWait { day: day.to_string(), found: Some((findings.people().count() as u64, open)) })
}

fn acts_of(projection: &Projection, day: Date) -> Result<u64, ApiError> {
    let start = |day: Date| day.to_zoned(projection.zone().clone()).ok().map(|at| at.timestamp().as_microsecond());
    let of_day = Select { from: start(day), to: day.tomorrow().ok().and_then(start), ..Select::default() };
    Ok(projection.tally(&of_day)?.acts)
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

/// What is flagged of these days, for pages that show it beside what happened. Days that were not judged before are judged as
/// long as together they have few acts; of the others nothing is said, and the page says so.
pub fn flags_of(call: &Call, days: impl Iterator<Item = Date>) -> Result<DayFlags, ApiError> {
    let today = jiff::Zoned::now().date();
    let projection = call.app.oversight()?;
    let mut flags = DayFlags::default();
    let (mut wanted, mut acts) = (BTreeSet::new(), 0);
    for day in days {
        if wanted.len() >= DAYS_MAX || !wanted.insert(day) {
            continue;
        }
        if remembered(call, day, today, FRESH).is_none() {
            let of_day = acts_of(projection, day)?;
            if acts + of_day > AT_ONCE_MAX {
                continue;
            }
            acts += of_day;
        }
        flags.judged.insert(day);
    }
    let Some(first) = flags.judged.first().copied() else { return Ok(flags) };
    let given = verdicts::since(projection, first)?;
    for day in flags.judged.clone() {
        for flag in &judged(call, day, today, FRESH)?.flags {
            // The weightiest line says why in the fewest words.
            let Some(evidence) = flag.evidence.first() else { continue };
            let signal = (flag.user.clone(), flag.patient.clone());
            let verdict = given.get(&day).and_then(|given| given.get(&signal)).and_then(|given| given.last()).cloned();
            let told = flags.found.entry((signal.0, day)).or_default();
            told.push(Flagged { patient: signal.1, words: evidence.words.clone(), verdict });
        }
    }
    Ok(flags)
}

/// A day as it was judged before; one that is not over only when that was so long ago at most.
fn remembered(call: &Call, day: Date, today: Date, fresh: Duration) -> Option<Arc<Findings>> {
    let catalog = call.archive().facts().catalog;
    let days = call.app.judged.0.lock().unwrap_or_else(PoisonError::into_inner);
    let known = days.iter().find(|known| (known.day, known.catalog) == (day, catalog))?;
    (day < today || known.at.elapsed() < fresh).then(|| known.findings.clone())
}

fn judged(call: &Call, day: Date, today: Date, fresh: Duration) -> Result<Arc<Findings>, ApiError> {
    if let Some(known) = remembered(call, day, today, fresh) {
        return Ok(known);
    }
    let catalog = call.archive().facts().catalog;
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
    let mut days = call.app.judged.0.lock().unwrap_or_else(PoisonError::into_inner);
    days.retain(|known| known.day != day);
    days.truncate(DAYS_MAX - 1);
    days.insert(0, JudgedDay { day, catalog, at: Instant::now(), findings: findings.clone() });
    drop(days);
    Ok(findings)
}
