//! `AuditEvent` for those who may read the archive's own access log: that log as FHIR, searched and read.
//!
//! Others who ask for this type ask for what an old system delivered of it. Not for: the form of an event
//! (`oversight::forms::fhir`).

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::cursor;
use crate::access::{Scope, Shown};
use crate::limits::PAGE_MAX;
use crate::model::{Kind, PatientKey};
use crate::oversight::UserId;
use crate::oversight::forms::fhir::{self, Site};
use crate::oversight::projection::{Projection, Seen, Select};
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::api::access::parse_until;
use crate::server::call::Call;

const COUNT: usize = 50;
/// How far an entry's time may lie from that in its id, in microseconds.
const ID_TIME_US: i64 = 5_000_000;
/// Entries looked through for one id.
const ID_ENTRIES_MAX: u64 = 50_000;
const UNTIL: &str = "_until";

/// Whether this is a question to the archive's own log: one of somebody whom the policy lets read it. Of anybody else it is a
/// question about what an old system delivered of this type.
pub fn is_asked(call: &Call, kind: Kind) -> bool {
    let may_read = |principal| call.gate().would_allow(principal, &Scope::AuditLog(None), &call.context);
    kind.name() == "AuditEvent" && call.principal().is_ok_and(may_read)
}

/// `GET /fhir/AuditEvent`
pub fn search(call: &Call) -> Result<Answer, ApiError> {
    let question = Question::parse(call)?;
    let permit = call.ask(Scope::AuditLog(question.select.patients.first().cloned()))?;
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let mut select = question.select.clone();
    let until = match call.query(UNTIL).map(|text| parse_until(text).ok_or_else(|| ApiError::bad("'_until' is not one of ours.")))
    {
        Some(until) => until?,
        None => Projection::now(&projection.stands_at()?),
    };
    let until_words = until.iter().map(|(stream, entries)| format!("{stream}-{entries}")).collect::<Vec<_>>().join(".");
    select.until = Some(until);
    let words = question.words.clone();
    let bound = format!("AuditEvent?{words}&{UNTIL}={until_words}");
    select.offset = match call.query(cursor::PARAMETER) {
        None => 0,
        Some(text) => cursor::open(&call.app.cursor_key, call.principal()?, &bound, text)
            .ok_or_else(|| ApiError::bad("'_cursor' is not one of this search."))?,
    };
    select.limit = question.count as u64;
    let (total, events) = match (&question.id, question.is_empty) {
        (_, true) => (0, Vec::new()),
        (Some(id), _) => {
            let found: Vec<Value> = by_id(call, projection, id)?.into_iter().collect();
            (found.len() as u64, found)
        }
        (None, _) => {
            let total = projection.tally(&select)?.acts;
            let acts = if question.count == 0 { Vec::new() } else { projection.acts(&select)? };
            (total, events(call, projection, &acts)?)
        }
    };
    let next = select.offset + events.len() as u64;
    let mut links = vec![json!({ "relation": "self", "url": format!("{}/fhir/AuditEvent?{words}", call.base) })];
    if next < total && !events.is_empty() {
        let cursor = cursor::seal(&call.app.cursor_key, call.principal()?, &bound, next);
        let url = format!("{}/fhir/{bound}&{}={cursor}", call.base, cursor::PARAMETER);
        links.push(json!({ "relation": "next", "url": url }));
    }
    let count = events.len() as u64;
    let entries: Vec<Value> = events
        .into_iter()
        .map(|event| {
            let url = format!("{}/fhir/AuditEvent/{}", call.base, event["id"].as_str().unwrap_or_default());
            json!({ "fullUrl": url, "resource": event, "search": { "mode": "match" } })
        })
        .collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "total": total, "link": links });
    if !entries.is_empty() {
        bundle["entry"] = Value::Array(entries);
    }
    let shown = Shown {
        event: "audit.query",
        patients: question.select.patients,
        hits: Some(count),
        query: Some(format!("AuditEvent?{words}")),
        ..Shown::default()
    };
    Ok(permit.answer(Body::new(FHIR_JSON, bundle.to_string()), shown)?.into())
}

/// `GET /fhir/AuditEvent/{id}`
pub fn read(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(None))?;
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let found = by_id(call, projection, call.param("id"))?;
    let shown = Shown {
        event: "audit.query",
        hits: Some(u64::from(found.is_some())),
        query: Some("AuditEvent".into()),
        ..Shown::default()
    };
    match found {
        Some(event) => Ok(permit.answer(Body::new(FHIR_JSON, event.to_string()), shown)?.into()),
        None => {
            permit.answer((), shown)?;
            Err(ApiError::not_found())
        }
    }
}

/// The archive as its events name it to others.
pub fn site(call: &Call) -> Site {
    let host = call.base.split("://").nth(1).unwrap_or("localhost").to_string();
    Site { archive: format!("urn:uuid:{}", call.archive().facts().archive), host }
}

fn events(call: &Call, projection: &Projection, acts: &[Seen]) -> Result<Vec<Value>, ApiError> {
    let site = site(call);
    let wanted: Vec<(String, u64)> = acts.iter().map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
    let originals = projection.originals(&wanted)?;
    let found = acts.iter().zip(&wanted).filter_map(|(seen, place)| Some((seen, originals.get(place)?)));
    Ok(found.map(|(seen, original)| fhir::event(&original.line(), &site, seen.number)).collect())
}

/// The event of an id. The entry's own id tells when it was made, which is where it is looked for.
fn by_id(call: &Call, projection: &Projection, id: &str) -> Result<Option<Value>, ApiError> {
    let parsed = id.rsplit_once('-').and_then(|(entry, number)| {
        let made = uuid::Uuid::parse_str(entry).ok()?.get_timestamp()?.to_unix();
        let at = i64::try_from(made.0).ok()?.checked_mul(1_000_000)? + i64::from(made.1) / 1_000;
        Some((entry, number.parse::<usize>().ok()?, at))
    });
    let Some((entry, number, at)) = parsed else { return Ok(None) };
    let near = Select {
        from: Some(at.saturating_sub(ID_TIME_US)),
        to: Some(at.saturating_add(ID_TIME_US)),
        entries_only: true,
        limit: ID_ENTRIES_MAX,
        ..Select::default()
    };
    let acts = projection.acts(&near)?;
    let wanted: Vec<(String, u64)> = acts.into_iter().map(|seen| (seen.act.stream, seen.act.seq)).collect();
    let line = projection.originals(&wanted)?.into_values().map(|original| original.line()).find(|line| line.id == entry);
    Ok(line.filter(|line| number < line.patients.len().max(1)).map(|line| fhir::event(&line, &site(call), number)))
}

/// A search, understood.
struct Question {
    select: Select,
    id: Option<String>,
    count: usize,
    /// Some parameter fits no entry at all.
    is_empty: bool,
    /// As it goes into links and into the log.
    words: String,
}

impl Question {
    fn parse(call: &Call) -> Result<Question, ApiError> {
        let mut question = Question { select: Select::default(), id: None, count: COUNT, is_empty: false, words: String::new() };
        let (mut kinds, mut subtypes) = (None, None);
        let mut words = Vec::new();
        for (name, value) in call.query.iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "type" => kinds = Some(value.as_str()),
                "subtype" => subtypes = Some(value.as_str()),
                UNTIL | cursor::PARAMETER | "_format" => continue,
                _ => question.take(call, name, value)?,
            }
            words.push(format!("{}={}", encoded(name), encoded(value)));
        }
        if kinds.is_some() || subtypes.is_some() {
            let events = fhir::events_of(kinds, subtypes);
            question.is_empty |= events.is_empty();
            question.select.events = events.into_iter().map(String::from).collect();
        }
        question.words = words.join("&");
        Ok(question)
    }

    fn take(&mut self, call: &Call, name: &str, value: &str) -> Result<(), ApiError> {
        let select = &mut self.select;
        match name {
            "date" | "_lastUpdated" => {
                let (from, to) = span(value).ok_or_else(|| ApiError::bad(format!("'{name}' is no date of a search.")))?;
                select.from = select.from.max(from);
                select.to = match (select.to, to) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
            "patient" | "entity" => {
                let key = match (name, value.strip_prefix("Patient/")) {
                    (_, Some(key)) => Some(key),
                    ("patient", None) => Some(value),
                    _ => None,
                };
                let key = key.and_then(PatientKey::parse);
                let key = key.ok_or_else(|| ApiError::unsupported(format!("'{name}' is looked for by Patient/key only.")))?;
                select.patients = call.archive().chart_scope(&key).patients().to_vec();
            }
            "agent" | "agent:identifier" => {
                let (issuer, subject) = value.split_once('|').unwrap_or(("local", value));
                let issuer = issuer.strip_prefix("urn:chartkeep:issuer:").unwrap_or(issuer);
                select.user = Some(UserId { issuer: issuer.into(), subject: subject.into() });
            }
            "action" => select.actions = value.split(',').map(str::to_string).collect(),
            "outcome" => {
                let outcomes: Result<Vec<u8>, _> =
                    value.split(',').map(|code| code.rsplit('|').next().unwrap_or(code).parse()).collect();
                select.outcomes = outcomes.map_err(|_| ApiError::bad("'outcome' is 0, 4, 8 or 12."))?;
            }
            "address" => select.ip = Some(value.into()),
            "policy" => {
                let prefix = fhir::policy_uri("");
                select.policy = Some(value.strip_prefix(prefix.as_str()).unwrap_or(value).into());
            }
            "purpose" => select.purposes = vec![value.rsplit('|').next().unwrap_or(value).to_string()],
            "source" | "site" => {
                let site = site(call);
                let value = value.rsplit('|').next().unwrap_or(value);
                self.is_empty |= value != if name == "source" { &site.archive } else { &site.host };
            }
            "_id" => self.id = Some(value.into()),
            "_count" => self.count = call.number("_count", COUNT, PAGE_MAX)?,
            other => return Err(ApiError::unsupported(format!("'{}' is no parameter of this search.", clipped(other)))),
        }
        Ok(())
    }
}

fn clipped(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect()
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What a date of a search covers: at or after, and before. Dates without a zone are of UTC, as entries are.
fn span(text: &str) -> Option<(Option<i64>, Option<i64>)> {
    let (prefix, rest) = match text.get(..2) {
        Some(prefix) if prefix.bytes().all(|b| b.is_ascii_lowercase()) => (prefix, text.get(2..)?),
        _ => ("eq", text),
    };
    let (start, end) = extent(rest)?;
    match prefix {
        "eq" => Some((Some(start), Some(end))),
        "ge" => Some((Some(start), None)),
        "gt" | "sa" => Some((Some(end), None)),
        "le" => Some((None, Some(end))),
        "lt" | "eb" => Some((None, Some(start))),
        _ => None,
    }
}

fn extent(text: &str) -> Option<(i64, i64)> {
    let midnight = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond());
    let first = |text: String| text.parse::<Date>().ok();
    let span = match text.len() {
        4 => (first(format!("{text}-01-01"))?, jiff::Span::new().years(1)),
        7 => (first(format!("{text}-01"))?, jiff::Span::new().months(1)),
        10 => (first(text.to_string())?, jiff::Span::new().days(1)),
        _ => {
            // An unescaped `+` of an address arrives as a blank.
            let at = text.replace(' ', "+").parse::<Timestamp>().ok()?.as_microsecond();
            let width = if text.contains('.') { 1 } else { 1_000_000 };
            return Some((at, at + width));
        }
    };
    Some((midnight(span.0)?, midnight(span.0.checked_add(span.1).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_cover_what_their_precision_says() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        let (day, next) = (at("2026-03-31T00:00:00Z"), at("2026-04-01T00:00:00Z"));
        let cases = [
            ("2026-03-31", Some((Some(day), Some(next)))),
            ("ge2026-03-31", Some((Some(day), None))),
            ("gt2026-03-31", Some((Some(next), None))),
            ("le2026-03", Some((None, Some(next)))),
            ("lt2026-04", Some((None, Some(next)))),
            ("2026-03-31T00:00:00Z", Some((Some(day), Some(day + 1_000_000)))),
            ("ap2026", None),
            ("yesterday", None),
        ];
        for (text, expected) in cases {
            assert_eq!(span(text), expected, "{text}");
        }
    }
}
