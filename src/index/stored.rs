//! A `PatientIndexDoc` as bytes in the patient index: JSON, so that a stranger can read it.
//!
//! Not for: finding a patient; the terms for that are in `names`.

use serde::{Deserialize, Serialize};

use crate::model::{AccessionId, Label, PatientIdentity, PatientIndexDoc, PatientKey, Place, When};

use super::IndexError;

#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    source: String,
    accession: String,
    generation: u32,
    ordinal: u64,
    label: u32,
    chart_label: u32,
    family: Option<String>,
    given: Vec<String>,
    other_names: Vec<String>,
    born: Option<String>,
    deceased: Option<String>,
    sex: Option<String>,
    identifiers: Vec<(String, String)>,
    phones: Vec<String>,
    addresses: Vec<String>,
    records: u64,
    last_seen: Option<String>,
}

pub fn write(patient: &PatientIndexDoc) -> Result<Vec<u8>, IndexError> {
    let identity = patient.identity.clone();
    let stored = Stored {
        key: patient.key.to_string(),
        source: patient.source_system.to_string(),
        accession: patient.place.accession.to_string(),
        generation: patient.place.generation,
        ordinal: patient.place.ordinal,
        label: patient.label.bits(),
        chart_label: patient.chart_label.bits(),
        family: identity.family,
        given: identity.given,
        other_names: identity.other_names,
        born: identity.birth_date.map(|w| w.text().to_string()),
        deceased: identity.deceased,
        sex: identity.sex,
        identifiers: identity.identifiers,
        phones: identity.phones,
        addresses: identity.addresses,
        records: patient.records,
        last_seen: patient.last_seen.as_ref().map(|w| w.text().to_string()),
    };
    serde_json::to_vec(&stored).map_err(|_| IndexError::Engine("a patient cannot be written"))
}

pub fn read(bytes: &[u8]) -> Result<PatientIndexDoc, IndexError> {
    let damaged = || IndexError::Damaged("a patient of the index is not readable");
    let stored: Stored = serde_json::from_slice(bytes).map_err(|_| damaged())?;
    let when = |text: Option<String>| text.map(|t| When::parse(&t).ok_or_else(damaged)).transpose();
    Ok(PatientIndexDoc {
        key: PatientKey::parse(&stored.key).ok_or_else(damaged)?,
        source_system: stored.source.into(),
        place: Place { accession: AccessionId(stored.accession.into()), generation: stored.generation, ordinal: stored.ordinal },
        label: Label::from_bits(stored.label),
        chart_label: Label::from_bits(stored.chart_label),
        identity: PatientIdentity {
            family: stored.family,
            given: stored.given,
            other_names: stored.other_names,
            birth_date: when(stored.born)?,
            deceased: stored.deceased,
            sex: stored.sex,
            identifiers: stored.identifiers,
            phones: stored.phones,
            addresses: stored.addresses,
        },
        records: stored.records,
        last_seen: when(stored.last_seen)?,
    })
}
