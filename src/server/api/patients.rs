//! Finding patients and reading charts.
//!
//! Not for: text search (`search`).

use crate::access::{Scope, Shown};
use crate::model::{Kind, Label, PatientKey, Record};
use crate::query::{PatientHit, Selection};
use crate::server::answer::{Answer, ApiError, Body, JSON};
use crate::server::call::{Call, shown};

use super::shapes::{Cover, Patients, Point, Series};

/// Hits of one page of a patient search.
const HITS_MAX: usize = 100;
const HITS_DEFAULT: usize = 20;

/// `GET /patients?q=&offset=&limit=`
pub fn find(call: &Call) -> Result<Answer, ApiError> {
    let text = call.query("q").map(str::trim).filter(|text| !text.is_empty()).ok_or_else(|| ApiError::bad("'q' is missing."))?;
    let (offset, limit) = (call.number("offset", 0, 10_000)?, call.number("limit", HITS_DEFAULT, HITS_MAX)?);
    let permit = call.ask(Scope::FindPatients)?;
    let found = call.archive().find_patients(&permit, text, offset, limit);
    let (permit, hits) = call.found(permit, "patient.search", found)?;
    let entry = shown_hits(text, &hits.hits, hits.total);
    Ok(permit.answer(Body::json(&Patients::from(hits))?, entry)?.into())
}

/// The audit entry's account of these hits.
pub fn shown_hits(text: &str, hits: &[PatientHit], total: u64) -> Shown {
    let mut shown = Shown {
        event: "patient.search",
        patients: hits.iter().map(|hit| hit.patient.key.clone()).collect(),
        places: hits.iter().map(|hit| hit.patient.place.clone()).collect(),
        label: hits.iter().fold(Label::NORMAL, |label, hit| label.union(hit.patient.label)),
        kinds: if hits.is_empty() { Vec::new() } else { vec![Kind::PATIENT] },
        hits: Some(total),
        query: Some(text.to_string()),
    };
    for linked in hits.iter().flat_map(|hit| &hit.linked) {
        shown.patients.push(linked.key.clone());
        shown.places.push(linked.place.clone());
        shown.label = shown.label.union(linked.label);
    }
    shown
}

/// `GET /patients/{patient}`
pub fn index(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask_chart(&patient)?;
    // The person's Patients come along, since their names and numbers are shown and the entry must name them.
    let found = call.archive().chart(&permit, &patient, &Selection { kinds: vec![Kind::PATIENT], newest: None });
    let (permit, chart) = call.found(permit, "record.read", found)?;
    let mut entry = shown("record.read", chart.records.iter().filter(|record| chart.index.is_of_person(&record.id)));
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    Ok(permit.answer(Body::json(&Cover::from(chart.index))?, entry)?.into())
}

/// `GET /patients/{patient}/chart`: every record as stored, in one body.
pub fn chart(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask_chart(&patient)?;
    let head = format!("{{\"patient\":\"{patient}\",\"records\":[");
    let found = call.archive().chart_bytes(&permit, &patient, head.as_bytes());
    let (permit, chart) = call.found(permit, "record.read", found)?;
    let total = chart.places.len();
    let mut bytes = chart.json;
    bytes.extend_from_slice(format!("],\"total\":{total}}}").as_bytes());
    let entry = Shown {
        event: "record.read",
        patients: vec![patient],
        places: chart.places,
        label: chart.label,
        kinds: chart.kinds,
        hits: Some(total as u64),
        query: None,
    };
    Ok(permit.answer(Body::new(JSON, bytes), entry)?.into())
}

/// `GET /patients/{patient}/records?kind=&newest=`
pub fn records(call: &Call) -> Result<Answer, ApiError> {
    let mut selection = Selection::default();
    for name in call.query.iter().filter(|(name, _)| name == "kind").flat_map(|(_, value)| value.split(',')) {
        let unknown = || ApiError::bad("'kind' names a type that FHIR R4 does not have.");
        selection.kinds.push(Kind::from_name(name).ok_or_else(unknown)?);
    }
    if call.query("newest").is_some() {
        selection.newest = Some(call.number("newest", 0, 1_000_000)?);
    }
    records_of(call, &selection)
}

fn records_of(call: &Call, selection: &Selection) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask_chart(&patient)?;
    let found = call.archive().chart(&permit, &patient, selection);
    let (permit, chart) = call.found(permit, "record.read", found)?;
    let body = Body::new(JSON, envelope(&patient, &chart.records));
    let mut entry = shown("record.read", &chart.records);
    entry.hits = Some(chart.records.len() as u64);
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    Ok(permit.answer(body, entry)?.into())
}

/// `{"patient":…,"total":n,"records":[…]}` with each record's JSON as it stands: nothing is parsed on the way.
fn envelope(patient: &PatientKey, records: &[Record]) -> Vec<u8> {
    let size: usize = records.iter().map(|record| record.json.len() + 1).sum();
    let mut bytes = Vec::with_capacity(size + 200);
    bytes.extend_from_slice(format!("{{\"patient\":\"{patient}\",\"total\":{},\"records\":[", records.len()).as_bytes());
    for (n, record) in records.iter().enumerate() {
        if n > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(record.json.as_bytes());
    }
    bytes.extend_from_slice(b"]}");
    bytes
}

/// `GET /patients/{patient}/series?code=`
pub fn series(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let code = call.query("code").filter(|code| !code.is_empty()).ok_or_else(|| ApiError::bad("'code' is missing."))?;
    let permit = call.ask_chart(&patient)?;
    let found = call.archive().series(&permit, &patient, code);
    let (permit, points) = call.found(permit, "record.search", found)?;
    let mut entry = shown("record.search", []);
    entry.patients.push(patient);
    entry.kinds.extend(Kind::from_name("Observation"));
    entry.places.extend(points.iter().map(|point| point.place.clone()));
    entry.hits = Some(points.len() as u64);
    entry.query = Some(format!("series of {code}"));
    let series = Series { code: code.to_string(), points: points.into_iter().map(Point::from).collect() };
    Ok(permit.answer(Body::json(&series)?, entry)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::fhir::testing::record;

    #[test]
    fn a_chart_is_its_records_as_stored() {
        let patient = PatientKey::parse("p1").unwrap();
        assert_eq!(envelope(&patient, &[]), br#"{"patient":"p1","total":0,"records":[]}"#);
        let records = [record("Observation", r#"{"n": 1.50}"#), record("Observation", "{}")];
        assert_eq!(envelope(&patient, &records), br#"{"patient":"p1","total":2,"records":[{"n": 1.50},{}]}"#);
    }
}
