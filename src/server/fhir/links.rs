//! `Patient.link` as the archive's statements have it, put into a Patient on its way out: `replaced-by`, `replaces` or
//! `seealso` to each other key of the person that the reader may see (FHIR R4 §8.1.11). What the source wrote stays.
//!
//! A search or `$everything` for one key gives the records of all keys of the person, each with its own subject; these
//! links are what ties them together. Not for: resolving statements (`query`).

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::access::Permit;
use crate::model::{Kind, PatientKey, Record};
use crate::query::{Archive, LinkType, QueryError};
use crate::server::answer::ApiError;
use crate::server::call::Call;

/// What was added to a Patient.
#[derive(Debug, Default)]
pub struct Added {
    pub patients: Vec<PatientKey>,
    /// Joins the version in an `ETag`, since links come and go without a new version; empty without links.
    pub tag: String,
}

/// Completes a Patient; does nothing to other records.
pub fn complete(call: &Call, permit: &Permit, record: &mut Record) -> Result<Added, ApiError> {
    Ok(complete_from(call.archive(), permit, record)?)
}

/// The same without a request around it.
pub fn complete_from(archive: &Archive, permit: &Permit, record: &mut Record) -> Result<Added, QueryError> {
    if record.kind != Kind::PATIENT {
        return Ok(Added::default());
    }
    let links = archive.patient_links(permit, &PatientKey(record.id.clone()))?;
    Ok(add(record, &links))
}

fn add(record: &mut Record, links: &[(PatientKey, LinkType)]) -> Added {
    let Ok(Value::Object(mut patient)) = serde_json::from_str(&record.json) else { return Added::default() };
    if links.is_empty() {
        return Added::default();
    }
    let mut all = patient.get("link").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut said = String::new();
    for (key, link) in links {
        let reference = format!("Patient/{key}");
        said.extend([reference.as_str(), " ", link.code(), "\n"]);
        let is_there = all.iter().any(|other| other.pointer("/other/reference").and_then(Value::as_str) == Some(&reference));
        if !is_there {
            all.push(json!({"other": {"reference": reference}, "type": link.code()}));
        }
    }
    patient.insert("link".into(), Value::Array(all));
    if links.iter().any(|(_, link)| *link == LinkType::ReplacedBy) {
        // FHIR R4 pat: a record that was replaced is not in use.
        patient.insert("active".into(), Value::Bool(false));
    }
    record.json = Value::Object(patient).to_string().into();
    let patients = links.iter().map(|(key, _)| key.clone()).collect();
    Added { patients, tag: format!("-{:016x}", xxh3_64(said.as_bytes())) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    #[test]
    fn links_are_added_once_beside_what_the_source_wrote() {
        let json =
            r#"{"resourceType":"Patient","id":"a","active":true,"link":[{"other":{"reference":"Patient/b"},"type":"refer"}]}"#;
        let key = |text: &str| PatientKey::parse(text).unwrap();
        let mut patient = record("Patient", json);
        assert_eq!((add(&mut patient, &[]).tag, patient.json.as_ref()), (String::new(), json));
        let see = [(key("b"), LinkType::SeeAlso), (key("c"), LinkType::ReplacedBy)];
        let added = add(&mut patient, &see);
        let read: Value = serde_json::from_str(&patient.json).unwrap();
        assert_eq!((read["active"].as_bool(), read["link"].as_array().unwrap().len()), (Some(false), 2));
        assert_eq!(read["link"][0]["type"], "refer");
        assert_eq!(read["link"][1], json!({"other": {"reference": "Patient/c"}, "type": "replaced-by"}));
        assert_eq!(added.patients, [key("b"), key("c")]);
        assert_ne!(added.tag, add(&mut record("Patient", json), &see[..1]).tag);
    }
}
