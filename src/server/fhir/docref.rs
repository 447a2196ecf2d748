//! `DocumentReference/$docref` (US Core): references to a patient's documents, with a summary of the chart that is made when it
//! is asked for; and `Patient/{id}/$ccd`, where that summary's address leads.
//!
//! Not for: what stands in the summary (`render::ccd`), or documents by search (`search`).

use serde_json::{Value, json};

use crate::access::Act;
use crate::model::{Kind, PatientKey, Record};
use crate::release::ccda::{self, CcdaError, Wanted};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};
use crate::server::headers::DOCUMENT_POLICY;

use super::bundle::{Bundle, Mode, Type};
use super::search::{TimeWindow, parse};
use super::sight::Sight;

const LOINC: &str = "http://loinc.org";
/// Summarization of Episode Note: the type of a Continuity of Care Document.
const SUMMARY: &str = "34133-9";
const CDA: &str = "application/hl7-v3+xml";

/// `GET /DocumentReference/$docref`
pub fn docref(call: &Call) -> Result<Answer, ApiError> {
    super::want_json(call)?;
    only(call, &["patient", "start", "end", "type", "on-demand", "_format"], "$docref")?;
    let named = call.query("patient").ok_or_else(|| ApiError::bad("'patient' names the patient."))?;
    let patient = PatientKey::parse(named.strip_prefix("Patient/").unwrap_or(named)).ok_or_else(ApiError::not_found)?;
    let window = TimeWindow::parse(call.query("start"), call.query("end"), None)?;
    let on_demand = match call.query("on-demand") {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(ApiError::bad("'on-demand' is true or false.")),
    };
    let kind = Kind::from_name("DocumentReference").ok_or_else(ApiError::not_found)?;
    let sight = Sight::of(call)?;
    sight.want(kind, Act::Search)?;
    let permit = call.ask_chart(&patient)?;
    let selection = crate::query::Selection { kinds: vec![kind], newest: None };
    let found = call.archive().chart(&permit, &patient, &selection);
    let (permit, chart) = call.found(permit, "record.search", found)?;
    let mut records = chart.records;
    records.retain(|record| on_demand != Some(true) && sight.shows(Act::Search, record) && is_wanted(call, &window, record));
    let made = (on_demand != Some(false) && wants_summary(call)).then(|| on_demand_summary(call, &patient));
    let size = records.iter().map(|record: &Record| record.json.len() + 250).sum();
    let total = records.len() + usize::from(made.is_some());
    let mut bundle = Bundle::new(&call.base, Type::SearchSet, Some(total as u64), &[("self", here(call))], size);
    made.iter().for_each(|(name, resource)| bundle.made(name, resource));
    records.iter().for_each(|record| bundle.record(record, Mode::Match));
    let mut entry = shown("record.search", &records);
    entry.hits = Some(total as u64);
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    Ok(permit.answer(Body::new(super::super::answer::FHIR_JSON, bundle.finish()), entry)?.into())
}

/// `GET /Patient/{id}/$ccd`
pub fn ccd(call: &Call) -> Result<Answer, ApiError> {
    only(call, &["start", "end", "created", "_format"], "$ccd")?;
    let patient = call.patient_param("id")?;
    let created = call.query("created").map_or_else(now, |text| text.replace(' ', "+"));
    let wanted = Wanted { patient: patient.clone(), encounter: None, from: day(call, "start")?, to: day(call, "end")?, created };
    if crate::render::ccd::created(&wanted.created).is_none()
        || wanted.from.is_some() && wanted.to.is_some() && wanted.from > wanted.to
    {
        return Err(ApiError::bad("'created' is a time to the second with its zone, and 'start' is not after 'end'."));
    }
    let sight = Sight::of(call)?;
    sight.want_any(Act::Search)?;
    let permit = call.ask_chart(&patient)?;
    let keeps = |record: &Record| sight.shows(Act::Search, record);
    let made = match ccda::ccd(call.archive(), &call.app.config, &permit, &wanted, &keeps) {
        Ok(made) => Ok(made),
        Err(CcdaError::Query(error)) => Err(error),
        Err(CcdaError::Render(crate::render::ccd::Fault::NoPatient)) => Err(crate::query::QueryError::NotFound),
        Err(error @ (CcdaError::Time | CcdaError::Days)) => return Err(ApiError::bad(error.to_string())),
        Err(error) => {
            tracing::error!(%error, "a document was not made");
            return Err(ApiError::internal());
        }
    };
    let (permit, made) = call.found(permit, "record.everything", made)?;
    let mut entry = shown("record.everything", &made.records);
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    let body = Body::new(CDA, made.bytes)
        .with("Content-Disposition", "attachment; filename=\"summary.xml\"".to_owned())
        .with("Content-Security-Policy", DOCUMENT_POLICY);
    Ok(permit.answer(body, entry)?.into())
}

fn only(call: &Call, known: &[&str], operation: &str) -> Result<(), ApiError> {
    match call.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => {
            let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            Err(ApiError::unsupported(format!("'{name}' is not a parameter of {operation} here.")))
        }
    }
}

/// The day of a date or time.
fn day(call: &Call, name: &str) -> Result<Option<String>, ApiError> {
    match call.query(name) {
        None => Ok(None),
        Some(text) => match text.get(..10).filter(|day| day.parse::<jiff::civil::Date>().is_ok()) {
            Some(day) => Ok(Some(day.to_owned())),
            None => Err(ApiError::bad(format!("'{name}' is not a day."))),
        },
    }
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn here(call: &Call) -> String {
    let sent = call.context.path.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    format!("{}/fhir/DocumentReference/$docref{sent}", call.base)
}

/// Without a type, those documents are meant that are summaries, and of old ones all that are C-CDA.
fn is_wanted(call: &Call, window: &TimeWindow, record: &Record) -> bool {
    let resource = parse(record);
    if !window.is_open() && !window.holds(record.kind, &resource) {
        return false;
    }
    match call.query("type") {
        Some(token) => has_type(&resource["type"], token),
        None => has_type(&resource["type"], SUMMARY) || resource["content"].as_array().into_iter().flatten().any(is_cda),
    }
}

fn is_cda(content: &Value) -> bool {
    let kind = content["attachment"]["contentType"].as_str().unwrap_or_default();
    let format = content["format"]["code"].as_str().unwrap_or_default();
    kind.contains("hl7-v3") || kind.contains("cda") || format.contains("ccda") || format.contains("xds-sd")
}

/// Whether a concept has the code of a token (`system|code`, `|code`, `code`; several joined by commas).
fn has_type(concept: &Value, tokens: &str) -> bool {
    let codings = || concept["coding"].as_array().into_iter().flatten();
    tokens.split(',').any(|token| {
        let (system, code) = token.rsplit_once('|').map_or((None, token), |(system, code)| (Some(system), code));
        codings()
            .any(|coding| coding["code"] == code && system.is_none_or(|s| coding["system"].as_str().unwrap_or_default() == s))
    })
}

fn wants_summary(call: &Call) -> bool {
    let is_it = |token: &str| token == SUMMARY || token == format!("{LOINC}|{SUMMARY}");
    call.query("type").is_none_or(|tokens| tokens.split(',').any(is_it))
}

/// The reference to a summary that is made when its address is read: the address holds all that it depends on.
fn on_demand_summary(call: &Call, patient: &PatientKey) -> (String, Value) {
    let created = now();
    let mut address = format!("{}/fhir/Patient/{patient}/$ccd?created={}", call.base, created.replace('+', "%2B"));
    for name in ["start", "end"] {
        // As it came, but for what a day is not made of.
        let day: String =
            call.query(name).unwrap_or_default().chars().take(10).filter(|c| c.is_ascii_digit() || *c == '-').collect();
        if day.len() == 10 {
            address.push_str(&format!("&{name}={day}"));
        }
    }
    let resource = json!({
        "resourceType": "DocumentReference",
        "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-documentreference"]},
        "status": "current",
        "type": {"coding": [{"system": LOINC, "code": SUMMARY, "display": "Summarization of Episode Note"}]},
        "category": [{"coding": [{
            "system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
            "code": "clinical-note",
            "display": "Clinical Note"
        }]}],
        "subject": {"reference": format!("Patient/{patient}")},
        "date": created,
        "author": [{"display": "The archive, from legacy records"}],
        "description": "Summary of the archived records, made when it is read",
        "content": [{
            "attachment": {"contentType": CDA, "url": address, "title": "Continuity of Care Document"},
            "format": {
                "system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode",
                "code": "urn:hl7-org:sdwg:ccda-structuredBody:2.1"
            }
        }]
    });
    let name = crate::render::ccd::ids::uuid_of_uri(resource["content"][0]["attachment"]["url"].as_str().unwrap_or_default());
    (format!("urn:uuid:{name}"), resource)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_tokens_of_search() {
        let concept = json!({"coding":[{"system":LOINC,"code":"34117-2"},{"code":"X"}]});
        for (token, is_it) in [
            ("34117-2", true),
            ("http://loinc.org|34117-2", true),
            ("|X", true),
            ("|34117-2", false),
            ("1,34117-2", true),
            ("urn:a|34117-2", false),
            ("", false),
        ] {
            assert_eq!(has_type(&concept, token), is_it, "{token}");
        }
    }
}
