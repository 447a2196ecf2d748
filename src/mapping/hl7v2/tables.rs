//! Small HL7 tables and what FHIR calls their codes, after the guide.
//!
//! Not for: codes that are kept as they are (`types::codings`).

use crate::mapping::systems::Coding;

/// Code of the CDC, code of the old table 0005 where it is usual, and the words.
pub(super) const OMB_RACES: [(&str, &str, &str); 7] = [
    ("1002-5", "1002-5", "American Indian or Alaska Native"),
    ("2028-9", "2028-9", "Asian"),
    ("2054-5", "2054-5", "Black or African American"),
    ("2076-8", "2076-8", "Native Hawaiian or Other Pacific Islander"),
    ("2106-3", "2106-3", "White"),
    ("UNK", "UNK", "Unknown"),
    ("ASKU", "ASKU", "Asked but unknown"),
];

/// Code of the CDC, code of table 0189, and the words.
pub(super) const OMB_ETHNICITIES: [(&str, &str, &str); 2] =
    [("2135-2", "H", "Hispanic or Latino"), ("2186-5", "N", "Not Hispanic or Latino")];

/// Table 0001.
pub(super) fn gender(code: &str) -> &'static str {
    match code.to_ascii_uppercase().as_str() {
        "" => "",
        "F" | "FEMALE" => "female",
        "M" | "MALE" => "male",
        "O" | "A" | "N" | "X" => "other",
        _ => "unknown",
    }
}

/// Table 0002.
pub(super) fn marital_status(code: &str) -> Option<Coding> {
    const STATUS: &str = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus";
    let (code, display) = match code.to_ascii_uppercase().as_str() {
        "A" => ("L", "Legally Separated"),
        "B" => ("U", "unmarried"),
        "D" => ("D", "Divorced"),
        "G" | "P" | "R" => ("T", "Domestic partner"),
        "I" => ("I", "Interlocutory"),
        "M" => ("M", "Married"),
        "S" => ("S", "Never Married"),
        "W" => ("W", "Widowed"),
        "U" => return Some(Coding::new("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "UNK", "unknown")),
        _ => return None,
    };
    Some(Coding::new(STATUS, code, display))
}

/// The tag of BCP 47 for the usual codes and names of a language.
pub(super) fn language(stated: &str) -> Option<String> {
    const NAMES: [(&str, &str); 28] = [
        ("eng", "en"),
        ("english", "en"),
        ("spa", "es"),
        ("spanish", "es"),
        ("fre", "fr"),
        ("fra", "fr"),
        ("french", "fr"),
        ("ger", "de"),
        ("deu", "de"),
        ("german", "de"),
        ("chi", "zh"),
        ("zho", "zh"),
        ("chinese", "zh"),
        ("vie", "vi"),
        ("vietnamese", "vi"),
        ("kor", "ko"),
        ("korean", "ko"),
        ("rus", "ru"),
        ("russian", "ru"),
        ("ara", "ar"),
        ("arabic", "ar"),
        ("por", "pt"),
        ("portuguese", "pt"),
        ("jpn", "ja"),
        ("ita", "it"),
        ("tgl", "tl"),
        ("pol", "pl"),
        ("hat", "ht"),
    ];
    let code = stated.to_ascii_lowercase();
    if code.len() == 2 && code.bytes().all(|b| b.is_ascii_lowercase()) {
        return Some(code);
    }
    NAMES.iter().find(|(name, _)| *name == code).map(|(_, tag)| (*tag).to_owned())
}

/// Table 0004: class of an Encounter. The site's own classes stay as they are.
pub(super) fn class(code: &str) -> Option<Coding> {
    let (code, display) = match code.to_ascii_uppercase().as_str() {
        "E" => ("EMER", "emergency"),
        "I" => ("IMP", "inpatient encounter"),
        "O" => ("AMB", "ambulatory"),
        "P" => ("PRENC", "pre-admission"),
        _ => return None,
    };
    Some(Coding::new("http://terminology.hl7.org/CodeSystem/v3-ActCode", code, display))
}

/// Table 0127: category of an allergy.
pub(super) fn allergy_category(code: &str) -> &'static str {
    match code.to_ascii_uppercase().as_str() {
        "DA" | "D" | "DRUG" => "medication",
        "FA" | "F" | "FOOD" => "food",
        "EA" | "PA" | "LA" => "environment",
        "AA" => "biologic",
        _ => "",
    }
}

/// Table 0128: criticality of an allergy, severity of its reaction.
pub(super) fn allergy_severity(code: &str) -> (&'static str, &'static str) {
    match code.to_ascii_uppercase().as_str() {
        "SV" | "SEVERE" => ("high", "severe"),
        "MO" | "MODERATE" => ("", "moderate"),
        "MI" | "MILD" => ("low", "mild"),
        _ => ("", ""),
    }
}

/// Tables 0063 and 0344: the insured's relationship to the subscriber.
pub(super) fn subscriber_relationship(code: &str) -> Option<Coding> {
    let code = match code.to_ascii_uppercase().as_str() {
        "SEL" | "SELF" | "S" | "01" | "18" => "self",
        "SPO" | "SPOUSE" | "02" => "spouse",
        "CHD" | "CHILD" | "03" | "NCH" => "child",
        "PAR" | "FTH" | "MTH" => "parent",
        "OTH" => "other",
        _ => return None,
    };
    Some(Coding::new("http://terminology.hl7.org/CodeSystem/subscriber-relationship", code, ""))
}
