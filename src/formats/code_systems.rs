//! Code systems and other name spaces by their OIDs (CDA), their names in HL7 v2 (table 0396) and their URIs (FHIR R4
//! §4.3.0): one table for reading and for writing.
//!
//! Not for: mapping one code to another (code maps), or what a code means.

use std::borrow::Cow;

/// OID, names in HL7 v2 (table 0396, and what senders write for them), URI. The first row of an OID or URI is the one to
/// write.
const SYSTEMS: [(&str, &[&str], &str); 57] = [
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
    ("2.16.840.1.113883.6.13", &[], "http://www.ada.org/cdt"),
    ("2.16.840.1.113883.12.292", &["CVX"], "http://hl7.org/fhir/sid/cvx"),
    // CVX as documents of C32 have it.
    ("2.16.840.1.113883.6.59", &[], "http://hl7.org/fhir/sid/cvx"),
    ("2.16.840.1.113883.12.227", &["MVX"], "http://hl7.org/fhir/sid/mvx"),
    ("2.16.840.1.113883.6.69", &["NDC"], "http://hl7.org/fhir/sid/ndc"),
    ("2.16.840.1.113883.6.8", &["UCUM"], "http://unitsofmeasure.org"),
    ("2.16.840.1.113883.4.9", &["UNII"], "http://fdasis.nlm.nih.gov"),
    ("2.16.840.1.113883.3.26.1.5", &["NDFRT", "NDF-RT"], "http://hl7.org/fhir/ndfrt"),
    ("2.16.840.1.113883.6.345", &[], "http://va.gov/terminology/medrt"),
    ("2.16.840.1.113883.3.26.1.1", &["NCIT"], "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"),
    ("2.16.840.1.113883.6.73", &[], "http://www.whocc.no/atc"),
    ("2.16.840.1.113883.6.238", &["CDCREC"], "urn:oid:2.16.840.1.113883.6.238"),
    ("2.16.840.1.113883.6.101", &["NUCC"], "http://nucc.org/provider-taxonomy"),
    ("2.16.840.1.113883.4.6", &["NPI"], "http://hl7.org/fhir/sid/us-npi"),
    ("2.16.840.1.113883.4.1", &[], "http://hl7.org/fhir/sid/us-ssn"),
    ("1.2.840.10008.2.16.4", &["DCM"], "http://dicom.nema.org/resources/ontology/DCM"),
    ("2.16.840.1.113883.3.221.5", &[], "https://nahdo.org/sopt"),
    ("2.16.840.1.113883.6.301.5", &[], "http://www.nubc.org/patient-discharge"),
    ("2.16.840.1.113883.5.1", &[], "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"),
    ("2.16.840.1.113883.5.2", &[], "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"),
    ("2.16.840.1.113883.5.4", &["ACTCODE"], "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
    ("2.16.840.1.113883.5.6", &[], "http://terminology.hl7.org/CodeSystem/v3-ActClass"),
    ("2.16.840.1.113883.5.7", &[], "http://terminology.hl7.org/CodeSystem/v3-ActPriority"),
    ("2.16.840.1.113883.5.8", &[], "http://terminology.hl7.org/CodeSystem/v3-ActReason"),
    ("2.16.840.1.113883.5.14", &[], "http://terminology.hl7.org/CodeSystem/v3-ActStatus"),
    ("2.16.840.1.113883.5.25", &[], "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"),
    ("2.16.840.1.113883.5.60", &[], "http://terminology.hl7.org/CodeSystem/v3-LanguageAbilityMode"),
    ("2.16.840.1.113883.5.61", &[], "http://terminology.hl7.org/CodeSystem/v3-LanguageAbilityProficiency"),
    ("2.16.840.1.113883.5.83", &[], "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"),
    ("2.16.840.1.113883.5.84", &[], "http://terminology.hl7.org/CodeSystem/v3-ObservationMethod"),
    ("2.16.840.1.113883.5.88", &[], "http://terminology.hl7.org/CodeSystem/v3-ParticipationFunction"),
    ("2.16.840.1.113883.5.90", &[], "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"),
    ("2.16.840.1.113883.5.110", &[], "http://terminology.hl7.org/CodeSystem/v3-RoleClass"),
    ("2.16.840.1.113883.5.111", &[], "http://terminology.hl7.org/CodeSystem/v3-RoleCode"),
    ("2.16.840.1.113883.5.112", &[], "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"),
    ("2.16.840.1.113883.5.129", &[], "http://terminology.hl7.org/CodeSystem/v3-SpecimenType"),
    ("2.16.840.1.113883.5.139", &[], "http://terminology.hl7.org/CodeSystem/v3-TimingEvent"),
    ("2.16.840.1.113883.5.1008", &[], "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"),
    ("2.16.840.1.113883.5.1063", &[], "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"),
    ("2.16.840.1.113883.5.1076", &[], "http://terminology.hl7.org/CodeSystem/v3-ReligiousAffiliation"),
    ("2.16.840.1.113883.1.11.78", &[], "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"),
    // Other addresses of the same systems, as FHIR servers and their predecessors write them.
    ("2.16.840.1.113883.6.4", &[], "http://hl7.org/fhir/sid/icd-10-pcs"),
    ("2.16.840.1.113883.6.103", &[], "http://terminology.hl7.org/CodeSystem/icd9cm"),
    ("2.16.840.1.113883.6.285", &[], "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
    ("2.16.840.1.113883.6.101", &[], "http://hl7.org/fhir/provider-taxonomy"),
    ("2.16.840.1.113883.5.2", &[], "http://hl7.org/fhir/v3/MaritalStatus"),
    ("2.16.840.1.113883.5.83", &[], "http://hl7.org/fhir/v2/0078"),
];

/// The URI of an OID, when it has one of its own.
pub fn known_uri(oid: &str) -> Option<&'static str> {
    SYSTEMS.iter().find(|(known, _, _)| *known == oid).map(|(_, _, uri)| *uri)
}

/// The URI of a coding system by its name in HL7 v2, when it is one that all use.
pub fn uri_of_name(name: &str) -> Option<&'static str> {
    let is_named = |names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    SYSTEMS.iter().find(|(_, names, _)| is_named(names)).map(|(_, _, uri)| *uri)
}

/// The URI of an OID; `urn:oid:…` for one that has no other.
pub fn uri_of_oid(oid: &str) -> Cow<'static, str> {
    let oid = oid.trim();
    match known_uri(oid) {
        Some(uri) => Cow::Borrowed(uri),
        None if oid.is_empty() => Cow::Borrowed(""),
        None if oid.bytes().all(|b| b.is_ascii_digit() || b == b'.') => Cow::Owned(format!("urn:oid:{oid}")),
        // Some write a UUID or a URI where an OID belongs.
        None => Cow::Owned(oid.to_string()),
    }
}

/// The OID of a URI; `None` for a system that has none, or whose OID is not known here.
pub fn oid_of_uri(uri: &str) -> Option<Cow<'static, str>> {
    let uri = uri.trim();
    if let Some((oid, _, _)) = SYSTEMS.iter().find(|(_, _, known)| *known == uri) {
        return Some(Cow::Borrowed(oid));
    }
    uri.strip_prefix("urn:oid:").filter(|oid| is_oid(oid)).map(|oid| Cow::Owned(oid.to_owned()))
}

/// Whether this is an object identifier as CDA's schema takes it.
pub fn is_oid(text: &str) -> bool {
    let mut arcs = text.split('.');
    let is_arc = |arc: &str| arc == "0" || !arc.starts_with('0') && !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 128 && arcs.next().is_some_and(|first| matches!(first, "0" | "1" | "2")) && arcs.all(is_arc)
}

/// Whether this is a UUID in its usual form.
pub fn is_uuid(text: &str) -> bool {
    let dashed = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36 && text.bytes().enumerate().all(|(at, b)| if dashed(at) { b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_by_all_their_names() {
        assert_eq!(uri_of_oid("2.16.840.1.113883.6.1"), "http://loinc.org");
        assert_eq!(uri_of_oid("1.2.3"), "urn:oid:1.2.3");
        assert_eq!(oid_of_uri("http://loinc.org").as_deref(), Some("2.16.840.1.113883.6.1"));
        assert_eq!(oid_of_uri("urn:oid:1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(oid_of_uri("urn:oid:7.2"), None, "no OID begins so");
        assert_eq!(oid_of_uri("http://hospital.example/codes"), None);
        // What is written is read as the same again, whatever the address was.
        for (_, _, uri) in SYSTEMS {
            let oid = oid_of_uri(uri).unwrap_or_else(|| panic!("{uri}"));
            assert_eq!(oid_of_uri(&uri_of_oid(&oid)), Some(oid), "{uri}");
        }
    }
}
