//! `Patient/{id}/$everything` (FHIR R4 §8.1.18.1): the whole compartment of a patient, the Patient first, in pages. Of a
//! person with several patient keys it gives the records of all of them.
//!
//! Not for: export of many patients.

use crate::access::Act;
use crate::limits::PAGE_MAX;
use crate::model::{Kind, Record};
use crate::query::Selection;
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::call::{Call, shown};

use super::bundle::{Bundle, Mode, Type};
use super::cursor;
use super::links;
use super::search::{TimeWindow, parse};
use super::sight::Sight;

/// The parameters of one call.
struct Asked {
    window: TimeWindow,
    kinds: Vec<Kind>,
    count: usize,
}

pub fn everything(call: &Call) -> Result<Answer, ApiError> {
    super::want_json(call)?;
    let patient = call.patient_param("id")?;
    let asked = read(call)?;
    let question = question(call, patient.as_str());
    let offset = match call.query(cursor::PARAMETER) {
        None => 0,
        Some(sealed) => cursor::open(&call.app.cursor_key, call.principal()?, &question, sealed)
            .ok_or_else(|| ApiError::bad("This paging link is not valid for this patient, person and server run."))?
            as usize,
    };
    let sight = Sight::of(call)?;
    sight.want_any(Act::Search)?;
    let permit = call.ask_chart(&patient)?;
    let selection = Selection { kinds: asked.kinds, newest: None };
    let found = call.archive().chart(&permit, &patient, &selection);
    let (permit, chart) = call.found(permit, "record.everything", found)?;
    let mut records = chart.records;
    records.retain(|record| sight.shows(Act::Search, record));
    if !asked.window.is_open() {
        records.retain(|record| asked.window.holds(record.kind, &parse(record)));
    }
    let total = records.len();
    let page = records.get_mut(offset.min(total)..offset.saturating_add(asked.count).min(total)).unwrap_or_default();
    for record in page.iter_mut() {
        // The permit is for the person, whose keys all stand in the entry.
        links::complete(call, &permit, record)?;
    }
    let page = &*page;

    let here = format!("{}/fhir/{question}", call.base);
    let mut links = vec![("self", here.clone())];
    if offset + page.len() < total {
        let sealed = cursor::seal(&call.app.cursor_key, call.principal()?, &question, (offset + page.len()) as u64);
        let joint = if question.contains('?') { '&' } else { '?' };
        links.push(("next", format!("{here}{joint}{}={sealed}", cursor::PARAMETER)));
    }
    let size = page.iter().map(|record: &Record| record.json.len() + 250).sum();
    let mut bundle = Bundle::new(&call.base, Type::SearchSet, Some(total as u64), &links, size);
    page.iter().for_each(|record| bundle.record(record, Mode::Match));
    let mut entry = shown("record.everything", page);
    entry.hits = Some(total as u64);
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    Ok(permit.answer(Body::new(FHIR_JSON, bundle.finish()), entry)?.into())
}

fn read(call: &Call) -> Result<Asked, ApiError> {
    const KNOWN: [&str; 8] = ["start", "end", "_since", "_type", "_count", "_format", "_pretty", cursor::PARAMETER];
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !KNOWN.contains(&name.as_str())) {
        let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(ApiError::unsupported(format!("'{name}' is not a parameter of $everything here.")));
    }
    let mut kinds = Vec::new();
    for name in call.query.iter().filter(|(name, _)| name == "_type").flat_map(|(_, value)| value.split(',')) {
        kinds.push(Kind::from_name(name).ok_or_else(|| ApiError::bad("'_type' names a type that FHIR R4 does not have."))?);
    }
    let count = match call.query("_count") {
        None => PAGE_MAX,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| ApiError::bad("'_count' must be a whole number above 0."))?,
    };
    let window = TimeWindow::parse(call.query("start"), call.query("end"), call.query("_since"))?;
    Ok(Asked { window, kinds, count: count.min(PAGE_MAX) })
}

/// The call without its cursor: path and query string as they came.
fn question(call: &Call, patient: &str) -> String {
    let sent = call.context.path.split_once('?').map_or("", |(_, query)| query);
    let prefix = format!("{}=", cursor::PARAMETER);
    let kept: Vec<&str> = sent.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&prefix)).collect();
    match kept.is_empty() {
        true => format!("Patient/{patient}/$everything"),
        false => format!("Patient/{patient}/$everything?{}", kept.join("&")),
    }
}
