//! What a search means, asked of single resources: token forms, references, OR and AND, modifiers, sorting, strictness.
//!
//! Not for: requests and paging (`server::tests`).

use super::super::testing::record;
use super::*;

const BASE: &str = "https://archive.example.org";

fn question(kind: &str, query: &str) -> Result<Question, ApiError> {
    let pairs = super::super::super::router::pairs(query)?;
    Question::of_pairs(Kind::from_name(kind).unwrap(), &pairs, false, BASE)
}

/// The ids of the records that answer, in order.
fn select(kind: &str, query: &str, resources: &[&str]) -> String {
    let records = resources.iter().enumerate().map(|(n, json)| {
        let mut made = record(kind, json);
        made.id = crate::model::ArchiveId::parse(&n.to_string()).unwrap();
        made
    });
    let found = question(kind, query).unwrap().select(records);
    found.iter().map(|found| found.record.id.to_string()).collect::<Vec<_>>().join(" ")
}

const CODED: [&str; 4] = [
    r#"{"code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]}}"#,
    r#"{"code":{"coding":[{"system":"urn:local","code":"2339-0"},{"system":"http://loinc.org","code":"718-7"}]}}"#,
    r#"{"code":{"coding":[{"code":"2339-0"}],"text":"Glucose"}}"#,
    r#"{"status":"final"}"#,
];

#[test]
fn tokens_are_asked_for_in_four_forms() {
    assert_eq!(select("Observation", "code=2339-0", &CODED), "0 1 2");
    assert_eq!(select("Observation", "code=http://loinc.org|2339-0", &CODED), "0");
    assert_eq!(select("Observation", "code=|2339-0", &CODED), "2");
    assert_eq!(select("Observation", "code=http://loinc.org|", &CODED), "0 1");
    assert_eq!(select("Observation", "code=urn:local|718-7", &CODED), "", "the pair must be of one coding");
    assert!(question("Observation", "code=|").is_err() && question("Observation", "code=").is_err());
}

#[test]
fn commas_mean_or_and_repetition_means_and() {
    assert_eq!(select("Observation", "code=718-7,1-1", &CODED), "1");
    assert_eq!(select("Observation", "code=718-7&code=2339-0", &CODED), "1");
    assert_eq!(select("Observation", "code:not=2339-0", &CODED), "3");
    assert_eq!(select("Observation", "code:missing=true", &CODED), "3");
    assert_eq!(select("Observation", "code:missing=false&status=final", &CODED), "");
    assert_eq!(select("Observation", "code:text=glu", &CODED), "2");
    let with_comma = [r#"{"description":"a, b"}"#, r#"{"description":"a"}"#];
    assert_eq!(select("DocumentReference", r"description:exact=a\, b", &with_comma), "0");
}

#[test]
fn references_may_be_bare_typed_or_absolute() {
    let records = [
        r#"{"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e1"}}"#,
        r#"{"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e2"}}"#,
    ];
    for query in [
        "encounter=e1",
        "encounter=Encounter/e1",
        "encounter:Encounter=e1",
        "encounter=https://archive.example.org/fhir/Encounter/e1",
    ] {
        assert_eq!(select("Observation", query, &records), "0", "{query}");
    }
    assert_eq!(select("Observation", "encounter=Patient/e1", &records), "");
    assert!(question("Observation", "encounter=https://elsewhere.example.org/Encounter/e1").is_err());
    for query in ["patient=p1", "patient=Patient/p1", "subject=p1", "subject:Patient=p1"] {
        assert_eq!(question("Observation", query).unwrap().patient.unwrap().as_str(), "p1", "{query}");
    }
    for query in ["patient=a,b", "patient=Group/a", "patient=", "subject=https://elsewhere.example.org/Patient/p1"] {
        assert!(question("Observation", query).is_err(), "{query}");
    }
}

#[test]
fn a_record_that_only_mentions_the_patient_is_not_his() {
    let mothers = r#"{"subject":{"reference":"Patient/mother"},"focus":[{"reference":"Patient/p1"}]}"#;
    let own = r#"{"subject":{"reference":"Patient/p1"}}"#;
    let mut records = [record("Observation", mothers), record("Observation", own)];
    records.iter_mut().for_each(|record| record.patient = PatientKey::parse("mother"));
    let found = question("Observation", "patient=p1").unwrap().select(records.into_iter());
    assert_eq!(found.len(), 1);
    assert!(found[0].record.json.contains("Patient/p1"));
}

#[test]
fn strings_match_at_the_start_without_case_and_accents() {
    let names = [r#"{"name":[{"family":"Müller-Lüdenscheidt","given":["José"]}]}"#, r#"{"name":[{"text":"Ann Quill"}]}"#];
    assert_eq!(select("Patient", "name=MULL", &names), "0");
    assert_eq!(select("Patient", "given=jose", &names), "0");
    assert_eq!(select("Patient", "family=luden", &names), "");
    assert_eq!(select("Patient", "family:contains=luden", &names), "0");
    assert_eq!(select("Patient", "family:exact=müller-lüdenscheidt", &names), "");
    assert_eq!(select("Patient", "name=ann", &names), "1");
}

#[test]
fn dates_and_quantities_compare() {
    let values = [
        r#"{"effectiveDateTime":"2014-03-02T08:00:00Z","valueQuantity":{"value":5.44,"unit":"mmol/L","code":"mmol/L"}}"#,
        r#"{"effectivePeriod":{"start":"2016-01-01"},"valueQuantity":{"value":7,"unit":"mmol/L","code":"mmol/L"}}"#,
        r#"{"valueQuantity":{"value":5.4,"unit":"mg/dL"}}"#,
    ];
    assert_eq!(select("Observation", "date=2014", &values), "0");
    assert_eq!(select("Observation", "date=ge2014&date=lt2015", &values), "0");
    assert_eq!(select("Observation", "date=ge2017", &values), "1", "a period without an end");
    assert_eq!(select("Observation", "value-quantity=5.4||mmol/L", &values), "0");
    assert_eq!(select("Observation", "value-quantity=gt5.44", &values), "1");
    for bad in ["date=ap2014", "date=2014-13", "date=", "value-quantity=abc", "value-quantity=NaN"] {
        assert!(question("Observation", bad).is_err(), "{bad}");
    }
}

#[test]
fn sorting_is_stable_and_puts_the_undated_last() {
    let dated = [r#"{"effectiveDateTime":"2015"}"#, "{}", r#"{"effectiveDateTime":"2014"}"#, r#"{"effectiveDateTime":"2015"}"#];
    assert_eq!(select("Observation", "", &dated), "0 1 2 3");
    assert_eq!(select("Observation", "_sort=date", &dated), "2 0 3 1");
    assert_eq!(select("Observation", "_sort=-date", &dated), "0 3 2 1");
    assert!(question("Observation", "_sort=value-quantity").is_err() && question("Observation", "_sort=x").is_err());
}

#[test]
fn an_unknown_parameter_is_an_error_unless_lenient() {
    let error = question("Observation", "patient=p1&colour=red").unwrap_err();
    assert_eq!((error.status, error.issue), (400, "not-supported"));
    assert!(question("Observation", "code:above=1").is_err());
    let pairs = [("patient".to_string(), "p1".to_string()), ("colour".to_string(), "red".to_string())];
    let lenient = Question::of_pairs(Kind::from_name("Observation").unwrap(), &pairs, true, BASE).unwrap();
    assert_eq!(lenient.ignored, ["colour"]);
    assert_eq!(lenient.text(), "Observation?patient=p1");
}

#[test]
fn a_cut_down_resource_says_so_and_keeps_its_meaning() {
    let resource =
        serde_json::json!({"resourceType": "Observation", "id": "a", "status": "entered-in-error", "note": [], "issued": "2014"});
    let cut = page::cut_down(&resource, &["issued".to_string()]);
    assert_eq!(cut["meta"]["tag"][0]["code"], "SUBSETTED");
    assert_eq!((cut["status"].as_str(), cut.get("note")), (Some("entered-in-error"), None));
    assert_eq!(cut["issued"], "2014");
}
