//! What a made-up delivery states about itself, so that any test can ask "what must be there".
//!
//! Not for: the delivery's contents. `synth-manifest.json` is not a FHIR resource.
//!
//! The rules behind the ledger: a record is one non-blank line; a line that cannot be parsed, has no `resourceType` or
//! one that FHIR R4 lacks is quarantined; a line whose bytes occurred before is a duplicate; everything else, a second
//! version of an id included, is archived. Nothing is excluded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::people::Person;
use super::sink::{Marker, Point, SAMPLES, Sample, Sink, Type};
use super::{Format, Options, people};

/// Name of the manifest in the delivery's folder.
pub const FILE_NAME: &str = "synth-manifest.json";

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(default)]
    pub format: Format,
    pub seed: u64,
    pub patients: u64,
    pub patients_only: bool,
    pub giant_patient: Option<u64>,
    /// Records of each file: non-blank lines of NDJSON, messages, documents or rows.
    pub files: BTreeMap<String, u64>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Documents that lie beside the NDJSON, under `documents/`.
    pub documents: u64,
    /// Input records by resource type; lines without a usable type under `?`.
    pub by_kind: BTreeMap<String, u64>,
    pub ledger: Ledger,
    /// In forms other than FHIR: what their records tell, by the FHIR type of each thing, told more than once or not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<String, u64>,
    /// Records with a restricted label in `meta.security`.
    pub restricted: u64,
    pub restricted_markers: Vec<RestrictedMarker>,
    pub damage: Vec<Planted>,
    /// The first 50 patients.
    pub sample_patients: Vec<SamplePatient>,
}

/// Fates of input records; the parts add up to `input`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    pub input: u64,
    pub archived: u64,
    pub duplicate: u64,
    pub quarantined: u64,
    pub excluded: u64,
    /// Used up by other records, as the rows of a list of documents are.
    #[serde(default)]
    pub joined: u64,
}

/// A word that occurs in the text of one restricted note and nowhere else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RestrictedMarker {
    pub word: String,
    /// Id of the Patient.
    pub patient: String,
    /// Id of the DocumentReference.
    pub document: String,
    /// Sensitivity code (v3-ActCode): PSY, SUD or HIV.
    pub code: String,
}

/// One piece of planted damage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Planted {
    pub what: String,
    pub file: String,
    /// 1-based.
    pub line: u64,
    /// `archived`, `duplicate` or `quarantined`.
    pub fate: String,
    pub id: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SamplePatient {
    pub id: String,
    pub family: String,
    pub given: String,
    pub birth_date: String,
    pub mrn: String,
    /// Distinct records (by type and id) that name this patient, by resource type; of Patients, only its own.
    pub records: BTreeMap<String, u64>,
    /// The longest unrestricted laboratory series, oldest value first.
    pub series: Option<Series>,
    pub note: Option<NoteSample>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Series {
    /// LOINC.
    pub code: String,
    pub values: Vec<SeriesValue>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SeriesValue {
    /// The hospital's local day, `YYYY-MM-DD`.
    pub date: String,
    /// As written in the record, with the comparator in front when there is one.
    pub value: String,
}

/// A phrase that occurs in the text of a note.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NoteSample {
    pub phrase: String,
    /// Id of the DocumentReference.
    pub document: String,
}

/// The counts as they gather while the delivery is written.
#[derive(Default)]
pub(super) struct Tally {
    pub manifest: Manifest,
    samples: BTreeMap<u64, Sample>,
}

impl Tally {
    pub fn new(options: &Options) -> Tally {
        let manifest = Manifest {
            format: options.format,
            seed: options.seed,
            patients: options.patients,
            patients_only: options.patients_only,
            giant_patient: options.giant_patient,
            ..Manifest::default()
        };
        Tally { manifest, samples: BTreeMap::new() }
    }

    /// Counts a line of a file. `kind` is its usable resource type.
    pub fn lines(&mut self, file: &str, kind: Option<&str>, count: u64) {
        *self.manifest.files.entry(file.to_string()).or_default() += count;
        *self.manifest.by_kind.entry(kind.unwrap_or("?").to_string()).or_default() += count;
        self.manifest.ledger.input += count;
    }

    /// Takes over what a run of patients has to say beside its lines.
    pub fn absorb(&mut self, sink: &mut Sink) {
        self.manifest.restricted += sink.restricted;
        self.manifest.restricted_markers.extend(sink.markers.drain(..).map(RestrictedMarker::from));
        for (index, sample) in std::mem::take(&mut sink.samples) {
            let kept = self.samples.entry(index).or_default();
            for (kind, count) in sample.counts {
                *kept.counts.entry(kind).or_default() += count;
            }
            kept.series.extend(sample.series);
            kept.phrase = kept.phrase.take().or(sample.phrase);
        }
    }

    /// Counts one more record for a patient, if it is among those described.
    pub fn count_for(&mut self, patient: u64, kind: Type) {
        if patient < SAMPLES {
            *self.samples.entry(patient).or_default().counts.entry(kind).or_default() += 1;
        }
    }

    pub fn finish(mut self, options: &Options) -> Manifest {
        for index in 0..options.patients.min(SAMPLES) {
            let sample = self.samples.remove(&index).unwrap_or_default();
            self.manifest.sample_patients.push(describe(&people::person(options.seed, index), sample));
        }
        self.manifest
    }
}

fn describe(person: &Person, sample: Sample) -> SamplePatient {
    // Among series of equal length the one with the smallest code, so that the choice is stable.
    let longest = sample.series.into_iter().rev().max_by_key(|(_, points)| points.len());
    SamplePatient {
        id: person.id.to_string(),
        family: person.family.clone(),
        given: person.given.to_string(),
        birth_date: person.birth.to_string(),
        mrn: person.mrn.clone(),
        records: sample.counts.into_iter().map(|(kind, count)| (kind.name().to_string(), count)).collect(),
        series: longest.map(|(code, points)| Series {
            code: code.to_string(),
            values: points.into_iter().map(|Point { date, value }| SeriesValue { date, value }).collect(),
        }),
        note: sample.phrase.map(|(phrase, document)| NoteSample { phrase, document }),
    }
}

impl From<Marker> for RestrictedMarker {
    fn from(marker: Marker) -> RestrictedMarker {
        let Marker { word, patient, document, code } = marker;
        RestrictedMarker { word, patient, document, code: code.to_string() }
    }
}
