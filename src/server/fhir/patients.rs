//! `GET /Patient?…`: the index proposes patients for the names, dates and numbers asked for, and the conditions of the
//! search are then put to each Patient resource exactly as FHIR means them.
//!
//! Not for: the viewer's one search box (`/api/v1/patients`), which ranks and forgives.

use crate::access::{Act, Scope};
use crate::limits::PAGE_MAX;
use crate::model::{Kind, PatientKey, Record};
use crate::query::{PatientHit, QueryError, Selection};
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::call::{Call, shown};

use super::bundle::{Bundle, Mode, Type};
use super::links;
use super::search::{Match, Question, page, page_links};
use super::sight::Sight;

/// Most combinations of alternatives (`name=a,b`) that are put to the index.
const QUESTIONS_MAX: usize = 8;

pub fn search(call: &Call, sight: &Sight<'_>, question: &Question) -> Result<Answer, ApiError> {
    if let Some(patient) = sight.bound_to() {
        return of_launch(call, sight, question, patient);
    }
    let texts = index_questions(&question.understood)?;
    let mut permit = call.ask(Scope::FindPatients)?;
    let mut records: Vec<Record> = Vec::new();
    let (mut complete, mut linked) = (true, Vec::new());
    for text in &texts {
        let found = call.archive().find_patients(&permit, text, 0, PAGE_MAX);
        let (same, hits) = call.found(permit, "patient.search", found)?;
        permit = same;
        complete &= !hits.total_capped && hits.total as usize <= hits.hits.len();
        // Each key stays a Patient of its own here, with links to the others.
        let keys = |hit: &PatientHit| {
            std::iter::once(&hit.patient.key).chain(hit.linked.iter().map(|l| &l.key)).cloned().collect::<Vec<_>>()
        };
        for key in hits.hits.iter().flat_map(keys) {
            if records.iter().any(|record| record.id == key.0) {
                continue;
            }
            match call.archive().record(&permit, Kind::PATIENT, &key.0) {
                Ok(record) if !sight.shows(Act::Search, &record) => {}
                Ok(mut record) => {
                    linked.extend(links::complete(call, &permit, &mut record)?.patients);
                    records.push(record);
                }
                Err(QueryError::NotFound) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }
    let matches = question.select(records.into_iter());
    let total = matches.len();
    let page: Vec<Match> = match question.count_only {
        true => Vec::new(),
        false => matches.into_iter().skip(question.offset).take(question.count).collect(),
    };
    let mut entry = shown("patient.search", page.iter().map(|found| &found.record));
    entry.patients = page.iter().map(|found| PatientKey(found.record.id.clone())).collect();
    // The links of one Patient name others, whether these match or not.
    entry.patients.extend(linked);
    entry.hits = Some(total as u64);
    entry.query = Some(question.in_words());
    let links = page_links(call, question, total)?;
    // FHIR R4 §3.1.1.3.3: a total that is not exact is left out.
    let total = (complete && !question.without_total).then_some(total as u64);
    let mut bundle = Bundle::new(&call.base, Type::SearchSet, total, &links, page.len() * 3000);
    page.iter().for_each(|found| bundle.record(&found.record, Mode::Match));
    Ok(permit.answer(Body::new(FHIR_JSON, bundle.finish()), entry)?.into())
}

/// The same for a token that speaks of one patient: only he can be found, and nobody else is looked for.
fn of_launch(call: &Call, sight: &Sight<'_>, question: &Question, patient: &PatientKey) -> Result<Answer, ApiError> {
    let permit = call.ask_chart(patient)?;
    let selection = Selection { kinds: vec![Kind::PATIENT], newest: None };
    let records = match call.archive().chart(&permit, patient, &selection) {
        Ok(chart) => chart.records,
        Err(QueryError::NotFound) => Vec::new(),
        Err(other) => return Err(other.into()),
    };
    let mut linked = Vec::new();
    let mut seen = Vec::new();
    for mut record in records.into_iter().filter(|record| sight.shows(Act::Search, record)) {
        linked.extend(links::complete(call, &permit, &mut record)?.patients);
        seen.push(record);
    }
    page::answer(call, sight, question, permit, question.select(seen.into_iter()), &[], linked)
}

/// The free-text questions whose hits together hold every patient that can match: one for each combination of
/// alternatives of the parameters that the index knows.
fn index_questions(understood: &[(String, String)]) -> Result<Vec<String>, ApiError> {
    let mut texts = vec![String::new()];
    for (name, value) in understood {
        let (name, modifier) = name.split_once(':').unwrap_or((name, ""));
        let indexed = matches!(name, "name" | "family" | "given" | "identifier" | "phone" | "birthdate");
        if !indexed || !matches!(modifier, "" | "exact") {
            continue;
        }
        let words: Vec<&str> = value.split(',').filter_map(|part| index_words(name, part)).collect();
        if words.len() != value.split(',').count() {
            continue;
        }
        texts = texts.iter().flat_map(|text| words.iter().map(move |word| format!("{text} {word}").trim().to_string())).collect();
        if texts.len() > QUESTIONS_MAX {
            return Err(ApiError::too_costly("There are too many combinations of alternatives."));
        }
    }
    if texts.iter().any(String::is_empty) {
        let text = "A patient search needs a name, family, given, identifier, phone, full birthdate or _id.";
        return Err(ApiError::too_costly(text));
    }
    Ok(texts)
}

/// What one alternative says to the index; `None` when the index cannot narrow by it.
fn index_words<'v>(name: &str, value: &'v str) -> Option<&'v str> {
    match name {
        "identifier" | "phone" => value.rsplit('|').next().filter(|number| !number.is_empty()),
        "birthdate" => {
            let day = value.strip_prefix("eq").unwrap_or(value);
            crate::model::When::parse(day).filter(|when| when.precision() == crate::model::Precision::Day).map(|_| day)
        }
        _ => Some(value.trim()).filter(|text| !text.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions(pairs: &[(&str, &str)]) -> Result<Vec<String>, ApiError> {
        index_questions(&pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect::<Vec<_>>())
    }

    #[test]
    fn the_index_is_asked_only_for_what_narrows() {
        assert_eq!(questions(&[("family", "Quill"), ("given", "Ann"), ("gender", "female")]).unwrap(), ["Quill Ann"]);
        assert_eq!(questions(&[("family", "Quill,Quell"), ("birthdate", "ge1950")]).unwrap(), ["Quill", "Quell"]);
        assert_eq!(questions(&[("identifier", "urn:mrn|123")]).unwrap(), ["123"]);
        assert_eq!(questions(&[("birthdate", "1957-03-14")]).unwrap(), ["1957-03-14"]);
        for broad in [
            &[("gender", "female")][..],
            &[("birthdate", "1957")],
            &[("identifier", "urn:mrn|")],
            &[("family:contains", "u")],
            &[],
        ] {
            assert_eq!(questions(broad).unwrap_err().code, "too-costly", "{broad:?}");
        }
    }
}
