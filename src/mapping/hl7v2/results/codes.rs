//! Tables of codes for results: states (HL7 v2 tables 0085 and 0123), sections (0074), flags (0078), vital signs.
//!
//! Not for: what a result says (`value`).

use crate::mapping::systems::Coding;

const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const SECTION: &str = "http://terminology.hl7.org/CodeSystem/v2-0074";
const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

/// Observation.status of an OBX-11. What is there but not verified is preliminary; what is not there is registered.
pub fn observation_status(letter: &str, has_value: bool) -> &'static str {
    match (letter, has_value) {
        ("A", _) => "amended",
        ("C", _) => "corrected",
        ("D" | "W", _) => "entered-in-error",
        ("F" | "N" | "U" | "V", _) => "final",
        ("P", _) => "preliminary",
        ("X", _) => "cancelled",
        ("B" | "R" | "S", true) => "preliminary",
        ("B" | "I" | "O" | "R" | "S", _) => "registered",
        _ => "unknown",
    }
}

/// DiagnosticReport.status of an OBR-25; `None` where the letter says nothing.
pub fn report_status(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "O" | "I" | "S" | "N" => "registered",
        "P" => "preliminary",
        "A" | "R" => "partial",
        "C" | "M" => "corrected",
        "F" => "final",
        "X" => "cancelled",
        _ => return None,
    })
}

/// Flags whose letters HL7 v2 and FHIR share, with their words.
const FLAGS: [(&str, &str); 32] = [
    ("L", "Low"),
    ("H", "High"),
    ("LL", "Critical low"),
    ("HH", "Critical high"),
    ("<", "Off scale low"),
    (">", "Off scale high"),
    ("N", "Normal"),
    ("A", "Abnormal"),
    ("AA", "Critical abnormal"),
    ("U", "Significant change up"),
    ("D", "Significant change down"),
    ("B", "Better"),
    ("W", "Worse"),
    ("S", "Susceptible"),
    ("R", "Resistant"),
    ("I", "Intermediate"),
    ("MS", "moderately susceptible"),
    ("VS", "very susceptible"),
    ("POS", "Positive"),
    ("NEG", "Negative"),
    ("IND", "Indeterminate"),
    ("DET", "Detected"),
    ("ND", "Not detected"),
    ("RR", "Reactive"),
    ("WR", "Weakly reactive"),
    ("NR", "Non-reactive"),
    ("NS", "Non-susceptible"),
    ("SDD", "Susceptible-dose dependent"),
    ("EX", "outside threshold"),
    ("IE", "Insufficient evidence"),
    ("TOX", "Cytotoxic substance present"),
    ("CAR", "Carrier"),
];

/// A flag as a coding of FHIR's own list, when it is on it.
pub fn flag(letters: &str) -> Option<Coding> {
    FLAGS.iter().find(|(code, _)| *code == letters).map(|(code, words)| Coding::new(INTERPRETATION, *code, *words))
}

/// The part of the house that a report comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    Laboratory,
    Imaging,
    Vitals,
    Other,
    /// An order: what its orderer was asked.
    Order,
    /// Not told.
    Unknown,
}

impl Section {
    /// Of a report: by its OBR-24, and without one by its code. The laboratory is who usually writes results.
    pub fn of(section: &str, code: &str, coding_system: &str) -> Section {
        let is_loinc = coding_system == "http://loinc.org";
        match section.to_ascii_uppercase().as_str() {
            "" if is_loinc && ["8716-3", "85353-1", "34565-2", "34566-0"].contains(&code) => Section::Vitals,
            "" if ["VITALS", "VITAL", "VS", "VITAL SIGNS"].contains(&code.to_ascii_uppercase().as_str()) => Section::Vitals,
            "VS" | "VITALS" => Section::Vitals,
            "CT" | "CTH" | "CUS" | "DX" | "IMG" | "MAM" | "MG" | "MRI" | "NMR" | "NMS" | "OUS" | "RAD" | "RUS" | "RX" | "US"
            | "VUS" | "XR" | "XRC" => Section::Imaging,
            "AU" | "CARD" | "EC" | "EN" | "ICU" | "NEURO" | "NRS" | "OT" | "OTH" | "PF" | "PHR" | "PHY" | "PT" | "RC" | "RT"
            | "TS" => Section::Other,
            _ => Section::Laboratory,
        }
    }

    /// The category of a report.
    pub fn of_report(self) -> Option<Coding> {
        match self {
            Section::Laboratory => Some(Coding::new(SECTION, "LAB", "Laboratory")),
            Section::Imaging => Some(Coding::new(SECTION, "RAD", "Radiology")),
            Section::Vitals | Section::Other | Section::Order | Section::Unknown => None,
        }
    }

    /// The category of an observation.
    pub fn of_observation(self) -> Option<Coding> {
        let (code, words) = match self {
            Section::Laboratory => ("laboratory", "Laboratory"),
            Section::Imaging => ("imaging", "Imaging"),
            Section::Vitals => ("vital-signs", "Vital Signs"),
            Section::Other => ("procedure", "Procedure"),
            Section::Order => return Some(survey()),
            Section::Unknown => return None,
        };
        Some(Coding::new(OBSERVATION_CATEGORY, code, words))
    }
}

/// Sections of the laboratory that write texts: pathology, cytology.
pub fn is_narrative(section: &str) -> bool {
    ["SP", "PAT", "PATH", "AP", "CP", "CY", "CYTO", "PTH", "AUT"].contains(&section)
}

/// The category of a question put to the patient (OBX-29 `QST`).
pub fn survey() -> Coding {
    Coding::new(OBSERVATION_CATEGORY, "survey", "Survey")
}

/// The category of habits: what the patient smokes.
pub fn social() -> Coding {
    Coding::new(OBSERVATION_CATEGORY, "social-history", "Social History")
}

/// LOINC codes of tobacco use: smoking status, history of tobacco use, smokeless tobacco.
pub fn is_social(loinc: &str) -> bool {
    ["72166-2", "11367-0", "88031-0"].contains(&loinc)
}

pub const SECTION_SYSTEM: &str = SECTION;

/// LOINC codes of US Core's vital signs.
const VITALS: [&str; 29] = [
    "85353-1", "85354-9", "8480-6", "8462-4", "8478-0", "8867-4", "9279-1", "8310-5", "8302-2", "8306-3", "29463-7", "3141-9",
    "39156-5", "59576-9", "2708-6", "59408-5", "3151-8", "3150-6", "8287-5", "8289-1", "9843-4", "77606-2", "8331-1", "8328-7",
    "8333-7", "8332-9", "60621-0", "3140-1", "8277-6",
];

/// What sites call their vital signs without a code of LOINC's.
pub fn is_named_vital(code: &str, name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "BMI",
        "BODY HEIGHT",
        "BODY MASS INDEX",
        "BODY TEMPERATURE",
        "BODY WEIGHT",
        "BP",
        "DIASTOLIC BLOOD PRESSURE",
        "HEART RATE",
        "HEIGHT",
        "HT",
        "O2 SAT",
        "PULSE",
        "RESPIRATORY RATE",
        "SPO2",
        "SYSTOLIC BLOOD PRESSURE",
        "TEMP",
        "TEMPERATURE",
        "VITAL SIGNS",
        "WEIGHT",
        "WT",
    ];
    [code, name].iter().any(|said| NAMES.iter().any(|known| known.eq_ignore_ascii_case(said.trim())))
}

pub fn is_vital_sign(loinc: &str) -> bool {
    VITALS.contains(&loinc)
}
