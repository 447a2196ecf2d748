//! What a site decides about its HL7 v2 messages: section `[hl7v2]` of a mapping file.
//!
//! Not for: times and zones, which hold for all formats (`settings`).

use serde::Deserialize;

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Types of identifier (CX.5) that name a patient, best first; then comes whatever stands first.
    pub patient_id_types: Vec<String>,
    /// Assigning authorities (namespace or universal id of CX.4) whose numbers name a patient, best first; they count
    /// before types.
    pub patient_id_authorities: Vec<String>,
    /// Who assigned numbers that name no authority.
    pub site_authority: String,
    /// MSH-11 of messages to be left out of the charts, such as `T` and `D`.
    pub exclude_processing_ids: Vec<String>,
    /// Patients to be left out of the charts, by family name, `family^given` or patient number; `*` stands for anything.
    pub exclude_test_patients: Vec<String>,
    /// Times that mean "not known" here, such as `19000101`.
    pub null_times: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            patient_id_types: ["MR", "MRN", "PI", "PT", "PN"].map(String::from).to_vec(),
            patient_id_authorities: Vec::new(),
            site_authority: String::new(),
            exclude_processing_ids: Vec::new(),
            exclude_test_patients: Vec::new(),
            null_times: Vec::new(),
        }
    }
}

/// Whether `text` fits a pattern in which `*` stands for any characters. Capitals do not matter.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.trim().to_lowercase(), text.trim().to_lowercase());
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    true
}
