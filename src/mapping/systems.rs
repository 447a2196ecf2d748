//! Code systems by the names that old formats give them: OIDs (CDA), HL7 v2 table 0396, and the URIs of FHIR R4
//! (§4.3.0).
//!
//! Not for: mapping one code to another (code maps), or what a code means.

use std::borrow::Cow;

use super::fhir::Object;

/// A code with its system and the words that came with it. All may be empty; a coding without system and code is not
/// written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coding {
    /// URI.
    pub system: String,
    pub code: String,
    pub display: String,
}

impl Coding {
    pub fn new(system: impl Into<String>, code: impl Into<String>, display: impl Into<String>) -> Coding {
        Coding { system: system.into(), code: code.into(), display: display.into() }
    }

    pub fn write(&self, o: &mut Object<'_>) {
        if !self.code.trim().is_empty() {
            o.text("system", &self.system).text("code", &self.code).text("display", &self.display);
        }
    }
}

/// OID, names in HL7 v2 (table 0396, and what senders write for them), URI.
const SYSTEMS: [(&str, &[&str], &str); 32] = [
    ("2.16.840.1.113883.6.1", &["LN"], "http://loinc.org"),
    ("2.16.840.1.113883.6.96", &["SCT", "SNM", "SNOMED", "SNOMEDCT", "SNOMED-CT", "SCTUS"], "http://snomed.info/sct"),
    ("2.16.840.1.113883.6.88", &["RXNORM", "RXN"], "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("2.16.840.1.113883.6.90", &["I10C", "I10", "ICD10", "ICD10CM", "ICD-10-CM"], "http://hl7.org/fhir/sid/icd-10-cm"),
    ("2.16.840.1.113883.6.3", &[], "http://hl7.org/fhir/sid/icd-10"),
    ("2.16.840.1.113883.6.103", &["I9CDX", "I9C", "I9", "ICD9", "ICD9CM", "ICD-9-CM"], "http://hl7.org/fhir/sid/icd-9-cm"),
    ("2.16.840.1.113883.6.104", &["I9CP"], "http://hl7.org/fhir/sid/icd-9-cm"),
    ("2.16.840.1.113883.6.4", &["I10P", "ICD10PCS"], "http://www.cms.gov/Medicare/Coding/ICD10"),
    ("2.16.840.1.113883.6.12", &["C4", "CPT", "CPT4", "CPT-4"], "http://www.ama-assn.org/go/cpt"),
    ("2.16.840.1.113883.6.285", &["HCPCS", "HPC"], "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
    ("2.16.840.1.113883.12.292", &["CVX"], "http://hl7.org/fhir/sid/cvx"),
    // CVX as documents of C32 have it.
    ("2.16.840.1.113883.6.59", &[], "http://hl7.org/fhir/sid/cvx"),
    ("2.16.840.1.113883.12.227", &["MVX"], "http://hl7.org/fhir/sid/mvx"),
    ("2.16.840.1.113883.6.69", &["NDC"], "http://hl7.org/fhir/sid/ndc"),
    ("2.16.840.1.113883.6.8", &["UCUM"], "http://unitsofmeasure.org"),
    ("2.16.840.1.113883.4.9", &["UNII"], "http://fdasis.nlm.nih.gov"),
    ("2.16.840.1.113883.3.26.1.5", &["NDFRT", "NDF-RT"], "http://hl7.org/fhir/ndfrt"),
    ("2.16.840.1.113883.3.26.1.1", &["NCIT"], "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"),
    ("2.16.840.1.113883.6.238", &["CDCREC"], "urn:oid:2.16.840.1.113883.6.238"),
    ("2.16.840.1.113883.6.101", &["NUCC"], "http://nucc.org/provider-taxonomy"),
    ("2.16.840.1.113883.4.6", &["NPI"], "http://hl7.org/fhir/sid/us-npi"),
    ("2.16.840.1.113883.4.1", &[], "http://hl7.org/fhir/sid/us-ssn"),
    ("2.16.840.1.113883.5.1", &[], "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"),
    ("2.16.840.1.113883.5.2", &[], "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"),
    ("2.16.840.1.113883.5.4", &["ACTCODE"], "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
    ("2.16.840.1.113883.5.25", &[], "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"),
    ("2.16.840.1.113883.5.8", &[], "http://terminology.hl7.org/CodeSystem/v3-ActReason"),
    ("2.16.840.1.113883.5.83", &[], "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"),
    ("2.16.840.1.113883.5.111", &[], "http://terminology.hl7.org/CodeSystem/v3-RoleCode"),
    ("2.16.840.1.113883.5.110", &[], "http://terminology.hl7.org/CodeSystem/v3-RoleClass"),
    ("2.16.840.1.113883.5.1008", &[], "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"),
    ("2.16.840.1.113883.1.11.78", &[], "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"),
];

/// The URI of an OID; `urn:oid:…` for one that has no other.
pub fn uri_of_oid(oid: &str) -> Cow<'static, str> {
    let oid = oid.trim();
    match SYSTEMS.iter().find(|(known, _, _)| *known == oid) {
        Some((_, _, uri)) => Cow::Borrowed(uri),
        None if oid.is_empty() => Cow::Borrowed(""),
        None if oid.bytes().all(|b| b.is_ascii_digit() || b == b'.') => Cow::Owned(format!("urn:oid:{oid}")),
        // Some write a UUID or a URI where an OID belongs.
        None => Cow::Owned(oid.to_string()),
    }
}

/// The URI of a coding system by its name in HL7 v2 (CWE.3). `HL7nnnn` are HL7's own tables; any other name becomes a
/// URI of the source system, `urn:archive:<source>:<name>`, so that a local code never passes for a standard one.
pub fn uri_of_v2(name: &str, source_system: &str) -> Cow<'static, str> {
    let name = name.trim();
    if name.is_empty() {
        return Cow::Owned(format!("urn:archive:{source_system}:local"));
    }
    let is_named = |names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    if let Some((_, _, uri)) = SYSTEMS.iter().find(|(_, names, _)| is_named(names)) {
        return Cow::Borrowed(uri);
    }
    if let Some(table) = name.strip_prefix("HL7").filter(|t| t.len() == 4 && t.bytes().all(|b| b.is_ascii_digit())) {
        return Cow::Owned(format!("http://terminology.hl7.org/CodeSystem/v2-{table}"));
    }
    Cow::Owned(format!("urn:archive:{source_system}:{}", super::id::id(&[name])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_systems() {
        assert_eq!(uri_of_oid("2.16.840.1.113883.6.1"), "http://loinc.org");
        assert_eq!(uri_of_oid("1.2.3"), "urn:oid:1.2.3");
        assert_eq!(uri_of_v2("ln", "old"), "http://loinc.org");
        assert_eq!(uri_of_v2("HL70064", "old"), "http://terminology.hl7.org/CodeSystem/v2-0064");
        assert_eq!(uri_of_v2("L", "old"), "urn:archive:old:L");
        assert_eq!(uri_of_v2("", "old"), "urn:archive:old:local");
    }
}
