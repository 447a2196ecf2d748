//! Notes of a psychotherapist that are read by whoever wrote them and by nobody else (45 CFR 164.501, 164.508). They are shown
//! nowhere else at a screen: not in charts, counts or searches.
//!
//! Not for: what the policy says of it (`access::policy`). Who the reader is comes from his permit alone.

use serde_json::Value;

use super::QueryError;
use super::part::parts_of;
use super::record::record_at;
use super::sight;
use super::snapshot::{Archive, Snapshot};
use super::wanted::Selection;
use crate::access::{Filter, Permit};
use crate::index::text_of_record;
use crate::model::{Class, Kind, Record};

/// Members of FHIR resources that say who wrote a record.
const WRITERS: [&str; 3] = ["author", "assessor", "performer"];
/// The system of National Provider Identifiers (HL7 FHIR R4, NamingSystem us-npi).
const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

/// A note with all of its words.
#[derive(Clone, Debug)]
pub struct OwnNote {
    pub record: Record,
    pub text: String,
}

impl Archive {
    /// The notes of the scope's patient that the permit's holder wrote, the newest first. Scope: `OwnNotes`.
    pub fn own_notes(&self, permit: &Permit) -> Result<Vec<OwnNote>, QueryError> {
        let (keys, writer) = permit.own_notes().ok_or(QueryError::OutOfScope)?;
        let snapshot = self.snapshot();
        let filter = permit.filter();
        for key in keys {
            if sight::hides_patient(&snapshot, filter, key)? {
                return Err(QueryError::NotFound);
            }
        }
        let mut notes: Vec<(i64, OwnNote)> = Vec::new();
        for part in &parts_of(&snapshot, filter, keys)? {
            part.visit(&Selection::default(), filter, &mut |frame, at| {
                if !frame.label(at).holds(Class::PsychotherapyNotes) {
                    return Ok(());
                }
                let Some(record) = record_at(part.accession, frame, at, Some(part.key.clone())) else { return Ok(()) };
                let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
                if is_written_by(&snapshot, filter, &json, writer)? {
                    let text = text_of_record(frame, at, &json)?.text;
                    let when = frame.date(at).map_or(i64::MIN, |when| when.start_us());
                    notes.push((when, OwnNote { record, text }));
                }
                Ok(())
            })?;
        }
        notes.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.record.id.as_str().cmp(other.record.id.as_str())));
        Ok(notes.into_iter().map(|(_, note)| note).collect())
    }
}

/// Whether a record names this number as that of one who wrote it: itself, or by a practitioner of the archive.
fn is_written_by(snapshot: &Snapshot, filter: &Filter, json: &Value, npi: &str) -> Result<bool, QueryError> {
    for writer in WRITERS.iter().filter_map(|member| json.get(member)).flat_map(each) {
        let named = writer.get("identifier").is_some_and(|identifier| is_number(identifier, npi));
        let id = writer.get("reference").and_then(Value::as_str).and_then(|name| name.strip_prefix("Practitioner/"));
        if named || id.map_or(Ok(false), |id| has_number(snapshot, filter, id, npi))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether every version of a practitioner's record has the number: one that was taken from him says nothing of an old note.
fn has_number(snapshot: &Snapshot, filter: &Filter, id: &str, npi: &str) -> Result<bool, QueryError> {
    let Some(kind) = Kind::from_name("Practitioner") else { return Ok(false) };
    let mut is_found = false;
    for accession in sight::accessions(snapshot, filter) {
        for found in accession.find(kind, id)? {
            let frame = accession.frame(found.frame, false)?;
            let Some(record) = record_at(accession, &frame, found.index, None) else { return Ok(false) };
            let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
            if !json.get("identifier").into_iter().flat_map(each).any(|identifier| is_number(identifier, npi)) {
                return Ok(false);
            }
            is_found = true;
        }
    }
    Ok(is_found)
}

fn is_number(identifier: &Value, npi: &str) -> bool {
    let text = |member: &str| identifier.get(member).and_then(Value::as_str);
    text("system") == Some(NPI) && text("value") == Some(npi)
}

/// One value, or each of a list.
fn each(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().map_or_else(|| std::slice::from_ref(value).iter(), |several| several.iter())
}
