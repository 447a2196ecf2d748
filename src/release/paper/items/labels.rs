//! Names of elements, kinds and code systems as people read them, and dates as the source has them.
//!
//! Not for: values (`words`).

/// Elements whose type stands in their name (FHIR's `value[x]`).
const CHOICES: [&str; 30] = [
    "value",
    "effective",
    "onset",
    "abatement",
    "performed",
    "occurrence",
    "medication",
    "deceased",
    "multipleBirth",
    "asNeeded",
    "serviced",
    "location",
    "product",
    "diagnosis",
    "procedure",
    "item",
    "reported",
    "born",
    "age",
    "timing",
    "scheduled",
    "defaultValue",
    "answer",
    "allowed",
    "used",
    "author",
    "content",
    "rate",
    "dose",
    "subject",
];
const TYPES: [&str; 28] = [
    "CodeableConcept",
    "DateTime",
    "Quantity",
    "Reference",
    "Period",
    "Range",
    "Ratio",
    "String",
    "Boolean",
    "Integer",
    "Decimal",
    "Instant",
    "Date",
    "Time",
    "Age",
    "Timing",
    "Duration",
    "Coding",
    "Code",
    "Uri",
    "Url",
    "Attachment",
    "SampledData",
    "Identifier",
    "Address",
    "Markdown",
    "Money",
    "UnsignedInt",
];

/// An element's name for people: `reasonCode` as `Reason code`, `effectiveDateTime` as `Effective`.
pub fn label(key: &str) -> String {
    let key = key.trim_start_matches('_');
    let plain = TYPES.iter().find_map(|kind| key.strip_suffix(kind).filter(|stem| CHOICES.contains(stem)));
    sentence(plain.unwrap_or(key))
}

/// `ChargeItem` as `Charge item`, `us-core-race` as `Us core race`.
pub fn sentence(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    let mut before = ' ';
    for c in name.chars() {
        match c {
            '-' | '_' => out.push(' '),
            c if c.is_uppercase() && before.is_lowercase() => {
                out.push(' ');
                out.extend(c.to_lowercase());
            }
            c if out.is_empty() => out.extend(c.to_uppercase()),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// A kind of record as its pages name it.
pub fn kind(kind: &str) -> String {
    let known = match kind {
        "Patient" => "Patient details",
        "AllergyIntolerance" => "Allergy or intolerance",
        "Condition" => "Problem or diagnosis",
        "MedicationRequest" => "Medication order",
        "MedicationStatement" => "Medication",
        "Observation" => "Result or finding",
        "DiagnosticReport" => "Report",
        "DocumentReference" => "Document",
        "ServiceRequest" => "Order",
        "Composition" => "Composed document",
        "FamilyMemberHistory" => "Family history",
        "QuestionnaireResponse" => "Questionnaire",
        "ExplanationOfBenefit" => "Benefit statement",
        "AuditEvent" => "Access in the old system",
        other => return sentence(other),
    };
    known.to_owned()
}

/// The name of an extension, from the end of its address.
pub fn extension(url: &str) -> String {
    let name = url.trim_end_matches('/').rsplit(['/', '#', ':']).next().unwrap_or(url);
    sentence(name.strip_prefix("us-core-").unwrap_or(name))
}

/// A code system as people call it; one that nobody knows by name, by the end of its address.
pub fn system(uri: &str) -> &str {
    const NAMES: [(&str, &str); 22] = [
        ("http://loinc.org", "LOINC"),
        ("http://snomed.info/sct", "SNOMED CT"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "ICD-10-CM"),
        ("http://hl7.org/fhir/sid/icd-10", "ICD-10"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "ICD-9-CM"),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "ICD-10-PCS"),
        ("http://hl7.org/fhir/sid/icd-10-pcs", "ICD-10-PCS"),
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "RxNorm"),
        ("http://www.ama-assn.org/go/cpt", "CPT"),
        ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "HCPCS"),
        ("http://hl7.org/fhir/sid/cvx", "CVX"),
        ("http://hl7.org/fhir/sid/mvx", "MVX"),
        ("http://hl7.org/fhir/sid/ndc", "NDC"),
        ("http://unitsofmeasure.org", "UCUM"),
        ("http://fdasis.nlm.nih.gov", "UNII"),
        ("http://hl7.org/fhir/sid/us-npi", "NPI"),
        ("http://hl7.org/fhir/sid/us-ssn", "SSN"),
        ("http://nucc.org/provider-taxonomy", "NUCC"),
        ("urn:oid:2.16.840.1.113883.6.238", "CDC race and ethnicity"),
        ("http://dicom.nema.org/resources/ontology/DCM", "DICOM"),
        ("urn:ietf:bcp:47", "BCP 47"),
        ("urn:ietf:rfc:3986", "URI"),
    ];
    let known = NAMES.iter().find(|(known, _)| *known == uri).map(|(_, name)| *name);
    let short = || match uri.strip_prefix("urn:oid:") {
        Some(oid) => oid,
        None => uri.trim_end_matches('/').rsplit(['/', ':']).next().filter(|name| !name.is_empty()).unwrap_or(uri),
    };
    known.unwrap_or_else(short)
}

/// Whether codes of a system are words of the standard itself (`active`, `final`), which need no name behind them.
pub fn is_plumbing(uri: &str) -> bool {
    uri.starts_with("http://terminology.hl7.org/") || uri.starts_with("http://hl7.org/fhir/") && !uri.contains("/sid/")
}

/// A time as people write it, with the precision and the zone that it has: `2014-03-12 09:30:05 -05:00`. Anything else as it is.
pub fn date(raw: &str) -> String {
    let Some((day, clock)) = raw.split_once('T').filter(|(day, _)| is_day(day)) else { return raw.to_owned() };
    if !clock.starts_with(|c: char| c.is_ascii_digit()) {
        return raw.to_owned();
    }
    match clock.find(['Z', '+', '-']).map(|at| clock.split_at(at)) {
        Some((clock, "Z")) => format!("{day} {clock} UTC"),
        Some((clock, zone)) => format!("{day} {clock} {zone}"),
        None => format!("{day} {clock}"),
    }
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.bytes().enumerate().all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_systems_and_times_have_names_for_people() {
        let labels = [
            ("effectiveDateTime", "Effective"),
            ("recordedDate", "Recorded date"),
            ("birthDate", "Birth date"),
            ("_birthDate", "Birth date"),
            ("valueCodeableConcept", "Value"),
            ("valueSet", "Value set"),
            ("bodySite", "Body site"),
        ];
        for (key, words) in labels {
            assert_eq!(label(key), words, "{key}");
        }
        assert_eq!(extension("http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"), "Race");
        assert_eq!(system("http://loinc.org"), "LOINC");
        assert_eq!(system("urn:oid:1.2.3"), "1.2.3");
        assert_eq!(system("http://hospital.example/codes/lab/"), "lab");
        for (raw, words) in [
            ("2014-03", "2014-03"),
            ("2014-03-12T09:30:05-05:00", "2014-03-12 09:30:05 -05:00"),
            ("2014-03-12T09:30Z", "2014-03-12 09:30 UTC"),
            ("2014-03-12T09:30", "2014-03-12 09:30"),
            ("NOT A TIME", "NOT A TIME"),
            ("2014-03-12There", "2014-03-12There"),
        ] {
            assert_eq!(date(raw), words);
        }
    }
}
