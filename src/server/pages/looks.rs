//! Who saw this patient, and what this user saw: the handlers. The gate is asked, the visits are gathered, and the page leaves once
//! the entry about it is on disk.
//!
//! Not for: the reports as tables (`access`).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::access::{Scope, Shown};
use crate::model::PatientKey;
use crate::oversight::UserId;
use crate::oversight::integrity::Integrity;
use crate::oversight::looks::{Of, Question, What, looks};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::door;
use crate::server::notices::review_days;
use crate::server::viewer::{self, DayFlags, LooksPage};

/// Visits on one page.
const PAGE_SIZE: usize = 20;

/// `GET /access?patient=`, `GET /patients/{patient}/access`
pub fn of_patient(call: &Call, patient: &PatientKey) -> Result<Answer, ApiError> {
    let keys = call.archive().chart_scope(patient).patients().to_vec();
    page(call, Of::Patient(keys))
}

/// `GET /access/people?user=&issuer=`
pub fn of_user(call: &Call) -> Result<Answer, ApiError> {
    let field = |name: &str| call.query(name).map(str::trim).filter(|text| !text.is_empty());
    let subject = field("user").ok_or_else(|| ApiError::bad("'user' is the account of a person."))?.to_string();
    let issuer = field("issuer").unwrap_or("local").to_string();
    page(call, Of::User(UserId { issuer, subject }))
}

fn page(call: &Call, of: Of) -> Result<Answer, ApiError> {
    let patients = match &of {
        Of::Patient(keys) => keys.clone(),
        Of::User(_) => Vec::new(),
    };
    let permit = call.ask(Scope::AuditLog(patients.first().cloned()))?;
    let is_copy = matches!(call.query("copy"), Some("1"));
    let question = question(call, of, &patients, is_copy)?;
    let projection = call.app.oversight()?;
    let person_of = |key: &PatientKey| first_key(call, key);
    let found = looks(projection, &question, &person_of)?;
    let integrity = Integrity::read(projection, call.app.config.audit.witness.as_deref())?;
    // The days on this page first: what is judged at once has its bounds.
    let days = |from: usize| found.visits.iter().skip(from).map(|visit| visit.day);
    let flags = match is_copy {
        true => DayFlags::default(),
        false => super::signals::flags_of(call, days(super::offset(call, PAGE_SIZE)).chain(days(0)))?,
    };
    let name = match &question.of {
        Of::User(user) => found.visits.first().map_or_else(|| user.subject.clone(), |visit| visit.name.clone()),
        Of::Patient(_) => String::new(),
    };
    let principal = call.principal()?;
    let page = LooksPage {
        looks: &found,
        integrity: &integrity,
        flags: &flags,
        name,
        offset: super::offset(call, PAGE_SIZE),
        page_size: PAGE_SIZE,
        flagged_only: matches!(call.query("flagged"), Some("1")),
        review_days: review_days(&call.app.config),
        parameters: parameters(call, &question),
        reader: UserId { issuer: principal.issuer.clone(), subject: principal.subject.clone() },
        made_at: Timestamp::now(),
        question: &question,
    };
    let frame = super::frame(call);
    let html = if is_copy { viewer::looks_copy(&frame, &page) } else { viewer::looks(&frame, &page) };
    let query = in_words(&question, is_copy);
    let hits = Some(found.visits.len() as u64);
    let shown = Shown { event: "audit.query", patients, hits, query: Some(query), ..Shown::default() };
    Ok(permit.answer(Body::html(html), shown)?.into())
}

/// The key that stands for a person: the first of all of his in order, so that each of them leads to the same one.
fn first_key(call: &Call, key: &PatientKey) -> PatientKey {
    call.archive().chart_scope(key).patients().iter().min().cloned().unwrap_or_else(|| key.clone())
}

fn question(call: &Call, of: Of, patients: &[PatientKey], is_copy: bool) -> Result<Question, ApiError> {
    let (from, to) = dates(call)?;
    let text = |name: &str| call.query(name).map(str::trim).unwrap_or("").to_string();
    let suspended = if patients.is_empty() {
        Vec::new()
    } else {
        let keys: Vec<String> = patients.iter().map(ToString::to_string).collect();
        call.wait(call.app.register.suspensions(&keys)).map_err(|error| door::register_down(&error))?
    };
    Ok(Question {
        of,
        from,
        to,
        what: What::from_name(&text("what")),
        role: text("role"),
        purpose: text("purpose"),
        zone: TimeZone::system(),
        suspended,
        leave_out_suspended: is_copy,
    })
}

/// The dates asked for; a year up to today when none are said.
pub fn dates(call: &Call) -> Result<(Date, Date), ApiError> {
    let day = |name: &str| match call.query(name).map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text.parse::<Date>().map(Some).map_err(|_| ApiError::bad(format!("'{name}' is no date."))),
    };
    let to = day("to")?.unwrap_or_else(|| jiff::Zoned::now().date());
    let from = day("from")?.unwrap_or_else(|| to.checked_sub(1.years()).unwrap_or(to));
    if from <= to { Ok((from, to)) } else { Err(ApiError::bad("'from' is after 'to'.")) }
}

/// What the address says, so that the page leads on to itself; the patient by the key that was asked for.
fn parameters(call: &Call, question: &Question) -> Vec<(String, String)> {
    const OWN: [&str; 8] = ["user", "issuer", "from", "to", "what", "role", "purpose", "flagged"];
    let mut parameters: Vec<(String, String)> = match &question.of {
        Of::Patient(keys) => keys.first().map(|key| ("patient".to_string(), key.to_string())).into_iter().collect(),
        Of::User(_) => Vec::new(),
    };
    let asked = call.query.iter().filter(|(name, value)| OWN.contains(&name.as_str()) && !value.is_empty());
    parameters.extend(asked.cloned());
    parameters
}

fn in_words(question: &Question, is_copy: bool) -> String {
    let whom = match &question.of {
        Of::Patient(_) => String::new(),
        Of::User(user) => format!(" user={} issuer={}", user.subject, user.issuer),
    };
    let copy = if is_copy { " for print" } else { "" };
    let narrowed: String = [("what", question.what.name()), ("role", &question.role), ("purpose", &question.purpose)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!(" {name}={value}"))
        .collect();
    format!("looks from={} to={}{whom}{narrowed}{copy}", question.from, question.to)
}
