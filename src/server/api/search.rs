//! Text search inside a chart and across charts.
//!
//! Not for: the index's own syntax, which no user ever writes.

use crate::access::{Scope, Shown};
use crate::model::{Kind, PatientKey};
use crate::query::{TextHits, TextQuestion};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;

use super::shapes::Hits;

const HITS_MAX: usize = 100;
const HITS_DEFAULT: usize = 20;
/// Most words and phrases of one question.
const WORDS_MAX: usize = 32;

/// `GET /patients/{patient}/search?q=&type=&kind=&source=&from=&to=`
pub fn chart(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    search(call, call.archive().chart_scope(&patient), Some(patient))
}

/// `GET /search?q=…`
pub fn all(call: &Call) -> Result<Answer, ApiError> {
    search(call, Scope::SearchAll, None)
}

fn search(call: &Call, scope: Scope, patient: Option<PatientKey>) -> Result<Answer, ApiError> {
    let question = read(call, patient.clone())?;
    let permit = call.ask(scope)?;
    let found = call.archive().search_text(&permit, &question);
    let (permit, hits) = call.found(permit, "record.search", found)?;
    let entry = shown_hits(call, patient, &hits);
    Ok(permit.answer(Body::json(&Hits::from(hits))?, entry)?.into())
}

/// The audit entry's account of these hits.
pub fn shown_hits(call: &Call, patient: Option<PatientKey>, hits: &TextHits) -> Shown {
    let mut entry = Shown { event: "record.search", hits: Some(hits.total), query: Some(in_words(call)), ..Shown::default() };
    entry.patients.extend(patient);
    for hit in &hits.hits {
        entry.places.push(hit.place.clone());
        if !entry.kinds.contains(&hit.kind) {
            entry.kinds.push(hit.kind);
        }
        if let Some(patient) = hit.patient.as_ref().filter(|patient| !entry.patients.contains(patient)) {
            entry.patients.push(patient.clone());
        }
    }
    entry
}

/// The typed question of the request's parameters.
pub fn read(call: &Call, patient: Option<PatientKey>) -> Result<TextQuestion, ApiError> {
    let (words, phrases) = words_and_phrases(call.query("q").unwrap_or(""));
    if words.is_empty() && phrases.is_empty() {
        return Err(ApiError::bad("'q' holds no word to search for."));
    }
    if words.len() + phrases.len() > WORDS_MAX {
        return Err(ApiError::too_costly("'q' holds more than 32 words and phrases."));
    }
    let list = |name: &'static str| {
        let values = call.query.iter().filter(move |(n, _)| n == name).flat_map(|(_, value)| value.split(','));
        values.filter(|value| !value.is_empty()).map(str::to_string).collect::<Vec<_>>()
    };
    let kinds: Option<Vec<Kind>> = list("kind").iter().map(|name| Kind::from_name(name)).collect();
    Ok(TextQuestion {
        words,
        phrases,
        patient,
        linked: Vec::new(),
        moves: None,
        withheld: std::collections::BTreeSet::new(),
        kinds: kinds.ok_or_else(|| ApiError::bad("'kind' names a type that FHIR R4 does not have."))?,
        type_codes: list("type"),
        sources: list("source"),
        from: day(call, "from")?,
        to: day(call, "to")?,
        newest_first: call.query("sort") == Some("newest"),
        offset: call.number("offset", 0, 10_000)?,
        limit: call.number("limit", HITS_DEFAULT, HITS_MAX)?,
    })
}

fn day(call: &Call, name: &'static str) -> Result<Option<String>, ApiError> {
    match call.query(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match text.parse::<jiff::civil::Date>() {
            Ok(day) => Ok(Some(day.to_string())),
            Err(_) => Err(ApiError::bad(format!("'{name}' must be a day, YYYY-MM-DD."))),
        },
    }
}

/// Parts of a question: what stands in double quotes is a phrase, everything else words.
fn words_and_phrases(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let split = |part: &str| part.split_whitespace().map(str::to_string).collect::<Vec<String>>();
    let (mut words, mut phrases) = (Vec::new(), Vec::new());
    for (n, part) in text.split('"').enumerate() {
        match split(part) {
            found if n % 2 == 0 => words.extend(found),
            found if found.len() == 1 => words.extend(found),
            found if found.is_empty() => {}
            found => phrases.push(found),
        }
    }
    (words, phrases)
}

/// The parameters as asked, for the audit entry.
fn in_words(call: &Call) -> String {
    call.query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::words_and_phrases;

    #[test]
    fn quotes_make_phrases() {
        let (words, phrases) = words_and_phrases(r#"chest "shortness of breath" "cough" "" pain "open end"#);
        assert_eq!(words, ["chest", "cough", "pain"]);
        assert_eq!(phrases, [vec!["shortness", "of", "breath"], vec!["open", "end"]]);
    }
}
