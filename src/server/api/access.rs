//! For compliance and the archivist: the reports on the access log, and which accessions are in force.
//!
//! Not for: verifying the log (`chartkeep audit verify`).

use jiff::tz::TimeZone;

use crate::access::{Scope, Shown};
use crate::limits::{REPORT_ACTS_MAX, REPORT_PAGE_MAX};
use crate::model::PatientKey;
use crate::oversight::UserId;
use crate::oversight::forms::{csv, json};
use crate::oversight::projection::{Original, Select, StandsAt};
use crate::oversight::reports::{self, Ask, Question, Report, Version, range};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;

use super::shapes::{AccessEntries, AccessEntry, Accession, Accessions};

/// Most entries of one answer, the newest.
const ENTRIES_MAX: u64 = 5_000;
/// Rows of one page of a report.
pub const REPORT_PAGE: usize = 100;

/// `GET /access?patient=`: the entries themselves, the newest.
pub fn entries(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.query("patient").and_then(PatientKey::parse).ok_or_else(|| ApiError::bad("'patient' is missing."))?;
    let patients = call.archive().chart_scope(&patient).patients().to_vec();
    let permit = call.ask(Scope::AuditLog(Some(patient.clone())))?;
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let select = Select { patients: patients.clone(), limit: ENTRIES_MAX, entries_only: false, ..Select::default() };
    let acts = projection.acts(&select)?;
    let mut places: Vec<(String, u64)> = acts.into_iter().map(|seen| (seen.act.stream, seen.act.seq)).collect();
    places.dedup();
    let originals = projection.originals(&places)?;
    let entries: Vec<AccessEntry> = places.iter().filter_map(|place| entry_of(originals.get(place)?)).collect();
    let shown = Shown { event: "audit.query", patients, hits: Some(entries.len() as u64), ..Shown::default() };
    Ok(permit.answer(Body::json(&AccessEntries { patient: patient.to_string(), entries })?, shown)?.into())
}

fn entry_of(original: &Original) -> Option<AccessEntry> {
    let entry = serde_json::from_slice::<serde_json::Map<_, _>>(&original.payload).ok()?;
    let time = entry.get("ts").and_then(serde_json::Value::as_str).unwrap_or_default().to_string();
    Some(AccessEntry { stream: original.stream.clone(), seq: original.seq, time, entry })
}

/// `GET /access/reports/{report}`: a report as JSON, or with `format=csv` as CSV.
pub fn report(call: &Call) -> Result<Answer, ApiError> {
    let is_csv = call.query("format") == Some("csv");
    let asked = Asked::of(call, if is_csv { REPORT_ACTS_MAX } else { REPORT_PAGE })?;
    asked.answer(call, |report| {
        if is_csv {
            let name = format!("attachment; filename=\"{}-{}.csv\"", report.name, report.version.name());
            return Ok(Body::new("text/csv; charset=utf-8", csv::report(report)).with("Content-Disposition", name));
        }
        let mut value = json::report(report);
        value["until"] = until_text(&report.stands_at).into();
        Body::json(&value)
    })
}

/// A report that is asked for: what, and how it is to be told.
pub struct Asked {
    pub question: Question,
    pub ask: Ask,
}

impl Asked {
    /// Reads the report's name from the path and its parameters from the query. `limit`: rows, when none are said.
    pub fn of(call: &Call, limit: usize) -> Result<Asked, ApiError> {
        let zone = TimeZone::system();
        let date = |name: &str, read: fn(&str, &TimeZone) -> Option<i64>| match call.query(name).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => read(text, &zone).map(Some).ok_or_else(|| ApiError::bad(format!("'{name}' is no date."))),
        };
        let version = match call.query("version").filter(|text| !text.is_empty()) {
            None => Version::Plain,
            Some(name) => Version::from_name(name).ok_or_else(|| ApiError::bad("'version' is plain or full."))?,
        };
        let sort = call.query("sort").filter(|text| !text.is_empty()).map(|column| match column.strip_prefix('-') {
            Some(column) => (column.to_string(), true),
            None => (column.to_string(), false),
        });
        let until = match call.query("until").filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(parse_until(text).ok_or_else(|| ApiError::bad("'until' is not one of ours."))?),
        };
        let offset = call.number("offset", 0, REPORT_ACTS_MAX)?;
        let limit = call.number("limit", limit, REPORT_PAGE_MAX.max(limit))?;
        let (from, to) = (date("from", range::from)?, date("to", range::to)?);
        Ok(Asked { question: question(call)?, ask: Ask { version, from, to, sort, offset, limit, until, zone } })
    }

    /// Makes the report under a permit and lets its form go once the entry about it is on disk.
    pub fn answer(&self, call: &Call, form: impl FnOnce(&Report) -> Result<Body, ApiError>) -> Result<Answer, ApiError> {
        let permit = call.ask(Scope::AuditLog(self.question.patients().first().cloned()))?;
        let report = reports::make(call.app.oversight()?, &self.question, &self.ask)?;
        let shown = Shown {
            event: "audit.query",
            patients: self.question.patients().to_vec(),
            hits: Some(report.total),
            query: Some(self.in_words(call)),
            ..Shown::default()
        };
        let body = form(&report)?;
        Ok(permit.answer(body, shown)?.into())
    }

    fn in_words(&self, call: &Call) -> String {
        let named = call.query.iter().filter(|(name, value)| !value.is_empty() && name != "until" && name != "patient");
        let named: Vec<String> = named.map(|(name, value)| format!("{name}={value}")).collect();
        format!("report={} {}", self.question.name(), named.join(" ")).trim().to_string()
    }
}

fn question(call: &Call) -> Result<Question, ApiError> {
    let person = || {
        let key = call.query("patient").map(str::trim).and_then(PatientKey::parse);
        let key = key.ok_or_else(|| ApiError::bad("'patient' is the key of a patient."))?;
        Ok::<_, ApiError>(call.archive().chart_scope(&key).patients().to_vec())
    };
    let flag = |name: &str| matches!(call.query(name), Some("1" | "true" | "on"));
    Ok(match call.param("report") {
        "patient" => Question::Patient(person()?),
        "patient-days" => Question::PatientByDay(person()?),
        "user" => Question::User(user(call)?),
        "break-glass" => Question::BreakGlass,
        "volume" => Question::Volume(flag("all")),
        "disclosures" => {
            let patients = person()?;
            let keys: Vec<String> = patients.iter().map(ToString::to_string).collect();
            let suspended = call.wait(call.app.register.suspensions(&keys)).map_err(|error| {
                tracing::error!(%error, "the suspensions of the accounting cannot be read");
                ApiError::internal()
            })?;
            let request = call.query("request").map(str::trim).filter(|text| !text.is_empty()).map(String::from);
            Question::Disclosures { patients, suspended, summarised: flag("summarised"), request }
        }
        _ => return Err(ApiError::not_found()),
    })
}

/// The person whom a report is about. Whether the log knows him is for the report, which is asked under a permit.
fn user(call: &Call) -> Result<UserId, ApiError> {
    let subject = call.query("user").map(str::trim).filter(|text| !text.is_empty());
    let subject = subject.ok_or_else(|| ApiError::bad("'user' is the account of a person."))?.to_string();
    let issuer = call.query("issuer").map(str::trim).filter(|text| !text.is_empty()).unwrap_or("local").to_string();
    Ok(UserId { issuer, subject })
}

/// Where the log stood when a report's first page was made, for its later pages: `s0000-120.s0001-7`.
pub fn until_text(stands_at: &[StandsAt]) -> String {
    stands_at.iter().map(|at| format!("{}-{}", at.stream, at.entries)).collect::<Vec<_>>().join(".")
}

/// Streams that one `until` names at most.
const STREAMS_MAX: usize = 256;

pub fn parse_until(text: &str) -> Option<Vec<(String, u64)>> {
    let parts: Vec<&str> = text.split('.').collect();
    let read = |part: &&str| {
        let (stream, entries) = part.split_once('-')?;
        Some((stream.to_string(), entries.parse().ok()?))
    };
    if parts.len() > STREAMS_MAX { None } else { parts.iter().map(read).collect() }
}

/// `GET /accessions`
pub fn accessions(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let accessions = call.archive().accessions(&permit)?;
    let entry = Shown {
        event: "archive.viewed",
        hits: Some(accessions.len() as u64),
        query: Some("accessions".into()),
        ..Shown::default()
    };
    let accessions = accessions
        .into_iter()
        .map(|it| Accession {
            accession: it.accession.to_string(),
            generation: it.generation,
            source_system: it.source_system,
            records: it.records,
            patients: it.patients,
            bytes: it.bytes,
            quarantined: it.quarantined,
            sealed_at: it.sealed_at,
        })
        .collect();
    Ok(permit.answer(Body::json(&Accessions { accessions })?, entry)?.into())
}
