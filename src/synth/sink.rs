//! Where made-up records go: one buffer per resource type, with the counts that the manifest states.
//!
//! Not for: files on disk (`delivery`) or the contents of records.

use std::collections::BTreeMap;

use super::json::Json;

macro_rules! types {
    ($($name:ident),* $(,)?) => {
        /// The resource types that the hospital exports, in the order of its files.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Type { $($name),* }

        impl Type {
            pub const ALL: &'static [Type] = &[$(Type::$name),*];

            pub fn name(self) -> &'static str {
                match self { $(Type::$name => stringify!($name)),* }
            }
        }
    };
}

types! {
    Patient, Organization, Location, Practitioner, PractitionerRole, Medication, RelatedPerson, Coverage, Encounter, EpisodeOfCare,
    Appointment, Condition, AllergyIntolerance, MedicationRequest, MedicationStatement, MedicationAdministration, MedicationDispense,
    Observation, DiagnosticReport, Specimen, ServiceRequest, ImagingStudy, Immunization, Procedure, Device, CarePlan, CareTeam, Goal,
    FamilyMemberHistory, DocumentReference, Binary, Composition, Consent, Account, ChargeItem, Claim, ExplanationOfBenefit, Communication,
    QuestionnaireResponse, Provenance, AuditEvent,
}

/// How many patients the manifest describes in detail.
pub const SAMPLES: u64 = 50;

/// One value of a laboratory series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    pub date: String,
    pub value: String,
}

/// What a test may expect of one patient; see `manifest`.
#[derive(Clone, Default, Debug)]
pub struct Sample {
    pub counts: BTreeMap<Type, u64>,
    pub series: BTreeMap<&'static str, Vec<Point>>,
    /// A phrase of an unrestricted note, and the id of its DocumentReference.
    pub phrase: Option<(String, String)>,
}

/// A word that occurs in one restricted note only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Marker {
    pub word: String,
    pub patient: String,
    pub document: String,
    pub code: &'static str,
}

/// The lines of one resource type.
#[derive(Default)]
pub struct Lines {
    pub json: Json,
    pub count: u64,
}

/// A run of patients (or the shared records) on its way to disk.
pub struct Sink {
    pub files: Vec<Lines>,
    pub samples: BTreeMap<u64, Sample>,
    pub markers: Vec<Marker>,
    pub restricted: u64,
    /// Documents that lie beside the NDJSON: relative path and bytes.
    pub attachments: Vec<(String, Vec<u8>)>,
}

impl Default for Sink {
    fn default() -> Sink {
        Sink {
            files: Type::ALL.iter().map(|_| Lines::default()).collect(),
            samples: BTreeMap::new(),
            markers: Vec::new(),
            restricted: 0,
            attachments: Vec::new(),
        }
    }
}

impl Sink {
    /// Adds one record, which names the patients with these indexes.
    pub fn record(&mut self, kind: Type, patients: &[u64], body: impl FnOnce(&mut Json)) {
        let lines = &mut self.files[kind as usize];
        body(&mut lines.json);
        lines.json.bytes.push(b'\n');
        lines.count += 1;
        for &patient in patients.iter().filter(|&&p| p < SAMPLES) {
            *self.samples.entry(patient).or_default().counts.entry(kind).or_default() += 1;
        }
    }
}
