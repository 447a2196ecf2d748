//! Where compliance begins: what waits, how the log stands, this month's amounts, and the way to every report; amounts over time; the
//! export of the log. The handlers.
//!
//! Not for: one patient or one person (`looks`), the review of break-glass (`reviews`).

use std::io::{BufWriter, Seek, SeekFrom, Write as _};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::access::{Permit, Scope, Shown};
use crate::limits::EXPORT_ACTS_MAX;
use crate::model::PatientKey;
use crate::oversight::UserId;
use crate::oversight::columns::Step;
use crate::oversight::forms::export::{self, Form};
use crate::oversight::forms::fhir::Site;
use crate::oversight::integrity::Integrity;
use crate::oversight::projection::{Projection, Select};
use crate::oversight::volume::{Dates, volume};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::notices::review_days;
use crate::server::stream::{self, Wanted};
use crate::server::viewer::{self, ExportPage, Found, StartPage, VolumePage, Waits};
use crate::server::{door, fhir};

use super::evidence;

/// Rows of the list of newest acts.
const RECENT: u64 = 12;
/// People that a search of the log lists.
const PEOPLE: u32 = 20;
/// Uses of break-glass looked through for overdue ones.
const OVERDUE_MAX: i64 = 500;

/// `GET /access`: with `?patient=` the report about that patient, with `?q=` what the log has under that name.
pub fn start(call: &Call) -> Result<Answer, ApiError> {
    let asked = call.query("patient").unwrap_or("").trim();
    if let Some(patient) = PatientKey::parse(asked) {
        return super::looks::of_patient(call, &patient);
    }
    // Only compliance may even see the empty form: the gate is asked, and what it allows is answered.
    let permit = call.ask(Scope::AuditLog(None))?;
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let text: String = call.query("q").unwrap_or(asked).trim().chars().take(200).collect();
    let found = if text.is_empty() { None } else { Some(found(call, projection, &text)?) };
    let newest = projection.acts(&Select { limit: RECENT, ..Select::default() })?;
    let today = jiff::Zoned::now().date();
    let month = volume(projection, Dates { from: today.first_of_month(), to: today, step: Some(Step::Month) })?;
    let integrity = Integrity::read(projection, call.app.config.audit.witness.as_deref())?;
    let page = StartPage {
        asked: &text,
        found: found.as_ref(),
        waits: waits(call)?,
        integrity: &integrity,
        month: &month,
        month_name: today.strftime("%Y-%m").to_string(),
        newest: &newest,
        now: Timestamp::now(),
        zone: TimeZone::system(),
    };
    let html = viewer::access_start(&super::frame(call), &page);
    let query = (!text.is_empty()).then(|| format!("q={text}"));
    let shown = Shown { event: "audit.query", hits: Some(newest.len() as u64), query, ..Shown::default() };
    Ok(permit.answer(Body::html(html), shown)?.into())
}

/// What the log has under a text: a patient's key, people whose name or account begins with it, an entry's number.
fn found(call: &Call, projection: &Projection, text: &str) -> Result<Found, ApiError> {
    let patient = match PatientKey::parse(text) {
        None => None,
        Some(key) => {
            let patients = call.archive().chart_scope(&key).patients().to_vec();
            let acts = projection.tally(&Select { patients, ..Select::default() })?.acts;
            (acts > 0).then_some((key.to_string(), acts))
        }
    };
    let entry = text.split_once(':').and_then(|(stream, seq)| Some((stream.to_string(), seq.trim().parse::<u64>().ok()?)));
    let entry = match entry {
        Some(place) if projection.originals(std::slice::from_ref(&place))?.contains_key(&place) => {
            Some(format!("{}:{}", place.0, place.1))
        }
        _ => None,
    };
    let people: Vec<(UserId, String)> = projection.people(text, PEOPLE)?;
    Ok(Found { patient, entry, people })
}

/// What somebody has to do, as far as this reader may know it.
fn waits(call: &Call) -> Result<Waits, ApiError> {
    let mut waits = Waits::default();
    if call.gate().would_allow(call.principal()?, &Scope::BreakGlassReviews, &call.context) {
        let register = &call.app.register;
        let down = |error| door::register_down(&error);
        let (open, _) = call.wait(register.review_counts()).map_err(down)?;
        let (days, now) = (review_days(&call.app.config), Timestamp::now().as_second());
        let waiting = call.wait(register.reviews(false, 0, OVERDUE_MAX)).map_err(down)?;
        let overdue = waiting.iter().filter(|it| it.is_open() && it.due(days) < now).count() as u64;
        waits.reviews = Some((open, overdue));
    }
    waits.signals = super::signals::waiting(call)?;
    Ok(waits)
}

/// `GET /access/volume?from=&to=&step=`
pub fn amounts(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(None))?;
    let (from, to) = dates(call)?;
    let step = call.query("step").and_then(Step::from_name);
    let amounts = volume(call.app.oversight()?, Dates { from, to, step })?;
    let page = VolumePage { volume: &amounts, from: from.to_string(), to: to.to_string(), step };
    let html = viewer::volume(&super::frame(call), &page);
    let query = Some(format!("volume from={from} to={to}"));
    Ok(permit.answer(Body::html(html), Shown { event: "audit.query", query, ..Shown::default() })?.into())
}

/// The dates asked for; the last three months when none are said.
fn dates(call: &Call) -> Result<(jiff::civil::Date, jiff::civil::Date), ApiError> {
    let (from, to) = super::looks::dates(call)?;
    let is_said = call.query("from").is_some_and(|text| !text.trim().is_empty());
    Ok((if is_said { from } else { to.checked_sub(3.months()).unwrap_or(from) }, to))
}

/// `GET /access/export`: the form; with `form=` the file.
pub fn export(call: &Call) -> Result<Answer, ApiError> {
    let text = |name: &str| call.query(name).map(str::trim).unwrap_or("").to_string();
    let key = PatientKey::parse(&text("patient"));
    let permit = call.ask(Scope::AuditLog(key.clone()))?;
    let patients = key.as_ref().map(|key| call.archive().chart_scope(key).patients().to_vec()).unwrap_or_default();
    let (from, to) = super::looks::dates(call)?;
    let select = selection(call, &patients, (from, to));
    if text("form") == "evidence" {
        return evidence::send(call, permit, &select, (from, to));
    }
    match Form::from_name(&text("form")) {
        Some(form) => send(call, permit, &select, form, (from, to)),
        None => {
            let projection = call.app.oversight()?;
            projection.catch_up()?;
            let tally = projection.tally(&select)?;
            let page = ExportPage {
                from: from.to_string(),
                to: to.to_string(),
                patient: text("patient"),
                user: text("user"),
                issuer: text("issuer"),
                rows: tally.acts,
                most: EXPORT_ACTS_MAX,
            };
            let html = viewer::export(&super::frame(call), &page);
            let shown = Shown { event: "audit.query", patients, hits: Some(tally.acts), ..Shown::default() };
            Ok(permit.answer(Body::html(html), shown)?.into())
        }
    }
}

fn selection(call: &Call, patients: &[PatientKey], (from, to): (jiff::civil::Date, jiff::civil::Date)) -> Select {
    let start = |day: jiff::civil::Date| day.to_zoned(TimeZone::system()).ok().map(|at| at.timestamp().as_microsecond());
    let field = |name: &str| call.query(name).map(str::trim).filter(|text| !text.is_empty());
    let issuer = field("issuer").unwrap_or("local");
    Select {
        patients: patients.to_vec(),
        user: field("user").map(|subject| UserId { issuer: issuer.into(), subject: subject.into() }),
        from: start(from),
        to: to.tomorrow().ok().and_then(start),
        ..Select::default()
    }
}

/// Writes the file to a place without a name and sends it from there, once the log says that it leaves.
fn send(
    call: &Call,
    permit: Permit,
    select: &Select,
    form: Form,
    (from, to): (jiff::civil::Date, jiff::civil::Date),
) -> Result<Answer, ApiError> {
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let stands_at = projection.stands_at()?;
    let select = Select { until: Some(Projection::now(&stands_at)), ..select.clone() };
    let acts = projection.tally(&select)?.acts;
    if acts > EXPORT_ACTS_MAX {
        let text = "There is more than one export from a page holds: narrow the dates, or use “chartkeep audit export”.";
        return Err(ApiError::too_costly(text));
    }
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the access log cannot be exported");
        ApiError::internal()
    };
    let mut file = tempfile::tempfile().map_err(|error| failed(&error))?;
    let mut out = BufWriter::new(&mut file);
    let site: Site = fhir::audit_event::site(call);
    let written = export::write(projection, &select, form, &site, &mut out).map_err(|error| failed(&error))?;
    out.flush().map_err(|error| failed(&error))?;
    drop(out);
    let length = file.seek(SeekFrom::End(0)).map_err(|error| failed(&error))?;
    let (name, media_type) = form.file();
    let name = format!("attachment; filename=\"{from}-{to}-{name}\"");
    let body = stream::body(file, length, Wanted::All, media_type, "\"once\"")?.with("Content-Disposition", name);
    let user = select.user.as_ref().map(|user| format!(" user={} issuer={}", user.subject, user.issuer)).unwrap_or_default();
    let shown = Shown {
        event: "audit.export",
        patients: select.patients.clone(),
        hits: Some(written.rows),
        query: Some(format!("export form={} from={from} to={to}{user} entries={}", form.name(), written.entries)),
        ..Shown::default()
    };
    Ok(permit.answer(body, shown)?.into())
}
