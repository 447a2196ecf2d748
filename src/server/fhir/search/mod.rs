//! FHIR search over one patient's records: parameters are read into a typed question, the question is put to the
//! chart, and one page of it becomes a Bundle. Evaluation is a pure function on resources.
//!
//! Not for: finding patients (`patients`), or text search (`/api/v1`).

pub mod page;
pub mod params;
mod question;
mod span;
mod test;
mod values;
mod window;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::access::{Act, Permit, Scope};
use crate::model::{Kind, PatientKey, Record};
use crate::query::{QueryError, Selection};

pub use page::links as page_links;
pub use question::Question;
pub use span::{Comparator, Span};
pub use window::TimeWindow;

use super::super::answer::{Answer, ApiError, Body, FHIR_JSON};
use super::super::call::{Call, shown, together};
use super::links;
use super::sight::Sight;
use super::splice::version_id;

/// Most ids of one `_id=a,b,…` without a patient: each is asked of the gate and logged on its own.
const IDS_MAX: usize = 20;

/// A record that answers the question, parsed when some condition had to look into it.
pub struct Match {
    pub record: Record,
    pub resource: Option<Value>,
}

impl Match {
    /// The parsed resource; parses it now if no condition had to.
    pub fn resource(&mut self) -> &Value {
        self.resource.get_or_insert_with(|| parse(&self.record))
    }
}

/// What is stored was parsed when it was ingested; should a byte have gone bad since, it matches nothing.
pub fn parse(record: &Record) -> Value {
    serde_json::from_str(&record.json).unwrap_or(Value::Null)
}

/// `GET /{kind}` and `POST /{kind}/_search` for every kind.
pub fn search(call: &Call, kind: Kind) -> Result<Answer, ApiError> {
    let question = Question::parse(kind, call)?;
    let sight = Sight::of(call)?;
    sight.want(kind, Act::Search)?;
    if let Some(patient) = question.patient.clone() {
        return in_chart(call, &sight, question, &patient);
    }
    match &question.ids {
        Some(ids) if ids.len() <= IDS_MAX => by_id(call, &sight, &question),
        Some(_) => Err(ApiError::too_costly("At most 20 ids at once, or name the patient.")),
        None if kind == Kind::PATIENT => super::patients::search(call, &sight, &question),
        None => Err(ApiError::too_costly("A search must name a patient (patient=…) or an id (_id=…).")),
    }
}

fn in_chart(call: &Call, sight: &Sight<'_>, mut question: Question, patient: &PatientKey) -> Result<Answer, ApiError> {
    let permit = call.ask_chart(patient)?;
    question.person = permit.scope().patients().to_vec();
    let question = &question;
    let mut selection = Selection { kinds: vec![question.kind], newest: None };
    if question.with_provenance && question.kind.name() != "Provenance" {
        selection.kinds.extend(Kind::from_name("Provenance"));
    }
    let records = match call.archive().chart(&permit, patient, &selection) {
        Ok(chart) => chart.records,
        // An unknown patient has no records: the same answer as for a patient whose records are not to be seen.
        Err(QueryError::NotFound) => Vec::new(),
        Err(other) => return Err(other.into()),
    };
    // Before anything is counted, ordered or cut into pages.
    let records = records.into_iter().filter(|record| sight.shows(Act::Search, record));
    let (records, provenance) = records.partition(|record| record.kind == question.kind);
    // Charts list oldest first; an answer begins with what is newest.
    let records: Vec<Record> = records;
    let matches = question.select(records.into_iter().rev());
    page::answer(call, sight, question, permit, matches, &provenance, Vec::new())
}

fn by_id(call: &Call, sight: &Sight<'_>, question: &Question) -> Result<Answer, ApiError> {
    let ids = question.ids.as_deref().unwrap_or_default();
    let mut answers = Vec::new();
    for id in ids {
        let permit = call.ask(Scope::Record(question.kind, id.clone()))?;
        let mut linked = Vec::new();
        let found = match call.archive().record(&permit, question.kind, id) {
            Ok(record) if !sight.shows(Act::Search, &record) => Vec::new(),
            Ok(mut record) => {
                linked = links::complete(call, &permit, &mut record)?.patients;
                question.select([record].into_iter())
            }
            Err(QueryError::NotFound) => Vec::new(),
            Err(other) => return Err(other.into()),
        };
        if ids.len() == 1 {
            return page::answer(call, sight, question, permit, found, &[], linked);
        }
        let mut entry = shown("record.search", found.iter().map(|found| &found.record));
        entry.patients.extend(linked);
        entry.hits = Some(found.len() as u64);
        entry.query = Some(question.in_words());
        answers.push(permit.answer(found, entry)?);
    }
    let all = together(answers).ok_or_else(|| ApiError::bad("'_id' names no id."))?;
    Ok(all.map(|found| Body::new(FHIR_JSON, page::whole(call, question, found.into_iter().flatten().collect()))).into())
}

/// `ETag` of a record as served, with what tells which links were added (FHIR R4 §3.1.0.5).
pub fn etag(record: &Record, links: &str) -> String {
    format!("W/\"{}{links}\"", version_id(record))
}

/// The records that `permit` and the scopes let one see of those that these references name; the rest is left out in
/// silence.
pub fn resolve(
    call: &Call,
    sight: &Sight<'_>,
    permit: &Permit,
    references: impl Iterator<Item = (Kind, crate::model::ArchiveId)>,
) -> Vec<Record> {
    let found = references.filter_map(|(kind, id)| call.archive().record(permit, kind, &id).ok());
    found.filter(|record| sight.shows(Act::Include, record)).collect()
}
