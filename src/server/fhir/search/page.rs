//! One page of a search as a searchset Bundle: total, links, matches, included records, and the audit entry that
//! names what the page shows.
//!
//! Not for: finding the matches.

use serde_json::Value;

use crate::access::Permit;
use crate::model::{ArchiveId, Kind, PatientKey, Record};
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::call::{Call, shown};
use crate::server::fhir::bundle::{Bundle, Mode, Type};
use crate::server::fhir::sight::Sight;
use crate::server::fhir::{cursor, outcome};

use super::{Match, Question, resolve, values};

/// Most records that one page includes beside its matches.
const INCLUDES_MAX: usize = 200;
/// Elements that a cut-down resource keeps: what gives it its meaning (FHIR R4 §3.1.1.5.9).
const ALWAYS: [&str; 12] = [
    "resourceType",
    "id",
    "meta",
    "implicitRules",
    "modifierExtension",
    "status",
    "intent",
    "subject",
    "patient",
    "code",
    "clinicalStatus",
    "verificationStatus",
];

/// Answers with the page of `matches` that the question asks for; the audit entry names only what this page shows.
pub fn answer(
    call: &Call,
    sight: &Sight<'_>,
    question: &Question,
    permit: Permit,
    matches: Vec<Match>,
    provenance: &[Record],
    linked: Vec<PatientKey>,
) -> Result<Answer, ApiError> {
    let total = matches.len();
    let end = question.offset.saturating_add(question.count).min(total);
    let mut page: Vec<Match> =
        if question.count_only { Vec::new() } else { matches.into_iter().take(end).skip(question.offset).collect() };
    let included = included(call, sight, question, &permit, &mut page, provenance);
    let mut entry = shown("record.search", page.iter().map(|found| &found.record).chain(&included));
    entry.hits = Some(total as u64);
    entry.query = Some(question.in_words());
    if let Some(patient) = &question.patient
        && !entry.patients.contains(patient)
    {
        entry.patients.push(patient.clone());
    }
    entry.patients.extend(linked);
    let links = links(call, question, total)?;
    let bytes = write(call, question, Some(total as u64), &links, page, &included);
    Ok(permit.answer(Body::new(FHIR_JSON, bytes), entry)?.into())
}

/// A Bundle of all of `matches`, for answers that are never paged.
pub fn whole(call: &Call, question: &Question, matches: Vec<Match>) -> Vec<u8> {
    let links = [("self", format!("{}/fhir/{}", call.base, question.text()))];
    write(call, question, Some(matches.len() as u64), &links, matches, &[])
}

/// The page of resources that are made with the answer and stored nowhere.
pub fn made(call: &Call, question: &Question, resources: Vec<Value>) -> Result<Vec<u8>, ApiError> {
    let total = resources.len();
    let links = links(call, question, total)?;
    let mut bundle = Bundle::new(&call.base, Type::SearchSet, Some(total as u64).filter(|_| !question.without_total), &links, 0);
    let page = resources.into_iter().skip(question.offset).take(if question.count_only { 0 } else { question.count });
    for resource in page {
        let url = format!("{}/fhir/{}/{}", call.base, question.kind, resource["id"].as_str().unwrap_or_default());
        let resource = if question.elements.is_empty() { resource } else { cut_down(&resource, &question.elements) };
        bundle.made(&url, &resource);
    }
    left_out(question, &mut bundle);
    Ok(bundle.finish())
}

/// Links of a page: self, first, previous, next.
pub fn links(call: &Call, question: &Question, total: usize) -> Result<Vec<(&'static str, String)>, ApiError> {
    let text = question.text();
    let principal = call.principal()?;
    let base = format!("{}/fhir/{text}", call.base);
    let joint = if text.ends_with('?') { "" } else { "&" };
    let at = |offset: usize| match offset {
        0 => base.clone(),
        _ => {
            format!("{base}{joint}{}={}", cursor::PARAMETER, cursor::seal(&call.app.cursor_key, principal, &text, offset as u64))
        }
    };
    let mut links = vec![("self", at(question.offset))];
    if question.count_only {
        return Ok(links);
    }
    links.push(("first", at(0)));
    if question.offset > 0 {
        links.push(("previous", at(question.offset.saturating_sub(question.count))));
    }
    if question.offset + question.count < total {
        links.push(("next", at(question.offset + question.count)));
    }
    Ok(links)
}

fn included(
    call: &Call,
    sight: &Sight<'_>,
    question: &Question,
    permit: &Permit,
    page: &mut [Match],
    provenance: &[Record],
) -> Vec<Record> {
    let mut wanted: Vec<(Kind, ArchiveId)> = Vec::new();
    for found in page.iter_mut().filter(|_| !question.includes.is_empty()) {
        let resource = found.resource();
        for path in question.includes.iter().flat_map(|param| &param.paths) {
            values::walk(resource, path, &mut |value| {
                let target = values::reference(value).and_then(values::target);
                let target = target.and_then(|(kind, id)| Some((Kind::from_name(kind)?, ArchiveId::parse(id)?)));
                wanted.extend(target.filter(|target| wanted.len() < INCLUDES_MAX && !wanted.contains(target)));
            });
        }
    }
    let on_page = |kind: Kind, id: &ArchiveId| page.iter().any(|found| found.record.kind == kind && found.record.id == *id);
    wanted.retain(|(kind, id)| !on_page(*kind, id));
    let mut included = resolve(call, sight, permit, wanted.into_iter());
    let about_page = |record: &&Record| {
        let mut about = false;
        values::walk(&super::parse(record), "target.reference", &mut |target| {
            let target = target.as_str().and_then(values::target);
            about |= target.is_some_and(|(kind, id)| {
                page.iter().any(|found| found.record.kind.name() == kind && found.record.id.as_str() == id)
            });
        });
        about
    };
    let room = INCLUDES_MAX.saturating_sub(included.len());
    included.extend(provenance.iter().filter(|_| question.with_provenance).filter(about_page).take(room).cloned());
    included
}

fn write(
    call: &Call,
    question: &Question,
    total: Option<u64>,
    links: &[(&str, String)],
    page: Vec<Match>,
    included: &[Record],
) -> Vec<u8> {
    let size = page.iter().map(|found| &found.record).chain(included).map(|record| record.json.len() + 250).sum();
    let total = total.filter(|_| !question.without_total);
    let mut bundle = Bundle::new(&call.base, Type::SearchSet, total, links, size);
    for mut found in page {
        if question.elements.is_empty() {
            bundle.record(&found.record, Mode::Match);
        } else {
            let cut = cut_down(found.resource(), &question.elements);
            bundle.shaped(&found.record, &cut, Mode::Match);
        }
    }
    for record in included {
        bundle.record(record, Mode::Include);
    }
    left_out(question, &mut bundle);
    bundle.finish()
}

/// Says which parameters were not understood.
fn left_out(question: &Question, bundle: &mut Bundle<'_>) {
    if !question.ignored.is_empty() {
        let text = format!("These parameters are not known here and were left out: {}.", question.ignored.join(", "));
        bundle.outcome(&outcome::value("warning", "not-supported", &text));
    }
}

/// The resource with the elements asked for, those that must stay, and the tag that says it was cut.
pub(super) fn cut_down(resource: &Value, elements: &[String]) -> Value {
    let Value::Object(members) = resource else { return Value::Null };
    let keep = |name: &String| ALWAYS.contains(&name.as_str()) || elements.contains(name);
    let mut cut: serde_json::Map<String, Value> =
        members.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    let tag = serde_json::json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"});
    let meta = cut.entry("meta").or_insert_with(|| serde_json::json!({}));
    if let Value::Object(meta) = meta
        && let Value::Array(tags) = meta.entry("tag").or_insert_with(|| serde_json::json!([]))
    {
        tags.push(tag);
    }
    Value::Object(cut)
}
