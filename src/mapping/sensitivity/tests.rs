//! Tests of the rules: what each list knows and leaves alone, row by row, and what a site may write.
//!
//! Not for: labels on disk or the way of a label along references; those are tested with the ingest.

use super::*;
use crate::formats::fhir::{Shape, Tokenizer};

fn label_under(rules: &Rules, json: &str) -> Label {
    let mut tokenizer = Tokenizer::default();
    tokenizer.cut(json.as_bytes()).unwrap();
    let shape = Shape::new(&tokenizer.template).unwrap();
    let leaf = |at: usize| &json.as_bytes()[tokenizer.leaves[at].start as usize..tokenizer.leaves[at].end as usize];
    rules.of_source("mer").plan(&shape).label(leaf)
}

fn names(label: Label) -> String {
    label.classes().map(Class::name).collect::<Vec<_>>().join("+")
}

fn condition(system: &str, code: &str) -> String {
    format!(r#"{{"resourceType":"Condition","code":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}}}"#)
}

const ICD10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const ICD9: &str = "http://hl7.org/fhir/sid/icd-9-cm";
const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";

#[test]
fn codes_get_the_classes_of_their_lists_and_others_none() {
    let rules = Rules::read(None).unwrap();
    let table = [
        (ICD10, "F10.20", "substance-use"),
        (ICD10, "F1120", "substance-use"),
        (ICD10, "f19.90", "substance-use"),
        (ICD10, "F10", "substance-use"),
        (ICD10, "F1", ""),
        (ICD10, "F17.210", ""),
        (ICD10, "K70.30", "substance-use"),
        ("urn:oid:2.16.840.1.113883.6.90", "F11.20", "substance-use"),
        (ICD9, "305.1", ""),
        (ICD9, "305.00", "substance-use"),
        (ICD9, "30390", "substance-use"),
        (SNOMED, "66590003", "substance-use"),
        (SNOMED, "665900031", ""),
        (ICD10, "F32.9", "mental-health"),
        (ICD10, "F03.90", ""),
        (ICD10, "F84.0", ""),
        (ICD9, "296.20", "mental-health"),
        (LOINC, "44261-6", "mental-health"),
        (ICD10, "B20", "hiv"),
        (ICD10, "Z21", "hiv"),
        (ICD10, "B19.20", ""),
        (ICD9, "042", "hiv"),
        (ICD9, "V08", "hiv"),
        (LOINC, "7918-6", "hiv"),
        (LOINC, "20447-9", "hiv"),
        (LOINC, "718-7", ""),
        (ICD10, "Z15.01", "genetic"),
        (ICD10, "D57.1", "genetic"),
        (ICD10, "A54.00", "reproductive"),
        (ICD10, "O04.80", "reproductive"),
        (ICD10, "O80", ""),
        (ICD10, "Z31.43", "genetic+reproductive"),
        (ICD10, "T74.11XA", "violence"),
        (ICD9, "995.86", ""),
        (ICD9, "995.81", "violence"),
        (ICD10, "E11.9", ""),
        (ICD10, "", ""),
        ("urn:local:problems", "F10.20", ""),
        ("", "B20", ""),
    ];
    for (system, code, classes) in table {
        assert_eq!(names(label_under(&rules, &condition(system, code))), classes, "{system} {code}");
    }
}

#[test]
fn a_record_is_known_wherever_its_code_name_or_label_stands() {
    let rules = Rules::read(None).unwrap();
    let table = [
        (
            r#"{"resourceType":"Observation","valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"86406008"}]}}"#,
            "hiv",
        ),
        (
            r#"{"resourceType":"Claim","diagnosis":[{"diagnosisCodeableConcept":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"F10.10"}]}}]}"#,
            "substance-use",
        ),
        (r#"{"resourceType":"MedicationRequest","medicationCodeableConcept":{"text":"SUBOXONE 8-2 mg film"}}"#, "substance-use"),
        (
            r#"{"resourceType":"MedicationRequest","medicationCodeableConcept":{"coding":[{"display":"Bictegravir/emtricitabine 50 MG"}]}}"#,
            "hiv",
        ),
        (
            r#"{"resourceType":"MedicationRequest","medicationCodeableConcept":{"text":"Lithium carbonate 300 mg"}}"#,
            "mental-health",
        ),
        (r#"{"resourceType":"MedicationRequest","medicationCodeableConcept":{"text":"Naloxone 4 mg spray"}}"#, ""),
        (r#"{"resourceType":"AllergyIntolerance","code":{"text":"methadone"}}"#, ""),
        (r#"{"resourceType":"DocumentReference","type":{"text":"Psychotherapy Notes"}}"#, "psychotherapy-notes"),
        (r#"{"resourceType":"Composition","title":"Visit","section":[{"title":"Psychotherapy note"}]}"#, "psychotherapy-notes"),
        (r#"{"resourceType":"DocumentReference","type":{"text":"Physiotherapy note"}}"#, ""),
        (
            r#"{"resourceType":"Encounter","location":[{"location":{"display":"Chemical Dependency Unit, 3rd floor"}}]}"#,
            "substance-use",
        ),
        (r#"{"resourceType":"Encounter","location":[{"location":{"display":"Detoxification-free zone"}}]}"#, "substance-use"),
        (r#"{"resourceType":"Location","name":"Methadone Clinic"}"#, ""),
        (r#"{"resourceType":"Observation","meta":{"security":[{"code":"HIV"},{"code":"R"}]}}"#, "restricted+hiv"),
        (r#"{"resourceType":"Observation","meta":{"security":[{"code":"?"}]}}"#, "unknown"),
        (r#"{"resourceType":"Observation","meta":{"security":[{"code":"N"}]}}"#, ""),
        (r#"{"resourceType":"DocumentReference","securityLabel":[{"coding":[{"code":"PSY"}]}]}"#, "mental-health"),
        (r#"{"resourceType":"Composition","confidentiality":"V"}"#, "very-restricted"),
        (
            r#"{"resourceType":"Observation","contained":[{"resourceType":"Patient","meta":{"security":[{"code":"SDV"}]}}]}"#,
            "violence",
        ),
    ];
    for (json, classes) in table {
        assert_eq!(names(label_under(&rules, json)), classes, "{json}");
    }
}

fn site(rules: &str) -> String {
    format!("name = 'site'\nversion = '7'\ndate = '2026-11-23'\nowner = 'Privacy office'\ncitation = 'decision'\n{rules}")
}

#[test]
fn a_site_adds_rules_by_source_kind_department_title_code_label_and_patient() {
    let rules = site(
        "[[rule]]\nclass = 'site'\nsources = ['mer']\nkinds = ['Communication']\n\
         [[rule]]\nclass = 'very-restricted'\nsources = ['other']\n\
         [[rule]]\nclass = 'mental-health'\ndepartments = ['Behavioral Health', 'Location/bh-2']\n\
         [[rule]]\nclass = 'hiv'\nkinds = ['DocumentReference']\ncodes = [{ system = 'urn:local:types', codes = ['77'] }]\n\
         [[rule]]\nclass = 'workforce'\nsecurity = ['STAFF']\n\
         [[rule]]\nclass = 'vip'\npatients = ['p-1', 'MRN-9']\n",
    );
    let rules = Rules::read(Some(&rules)).unwrap();
    assert!(rules.version().ends_with("violence|1, site|7"), "{}", rules.version());
    assert_ne!(rules.sha256(), Rules::read(None).unwrap().sha256());
    let table = [
        (r#"{"resourceType":"Communication"}"#, "site"),
        (r#"{"resourceType":"Encounter","serviceType":{"text":"BEHAVIORAL  HEALTH - adult"}}"#, "mental-health"),
        (r#"{"resourceType":"Encounter","location":[{"location":{"reference":"Location/bh-2"}}]}"#, "mental-health"),
        (r#"{"resourceType":"Encounter","location":[{"location":{"reference":"Location/bh-21"}}]}"#, ""),
        (r#"{"resourceType":"DocumentReference","type":{"coding":[{"system":"urn:local:types","code":"77"}]}}"#, "hiv"),
        (r#"{"resourceType":"Condition","code":{"coding":[{"system":"urn:local:types","code":"77"}]}}"#, ""),
        (r#"{"resourceType":"Condition","meta":{"security":[{"code":"STAFF"}]}}"#, "workforce+unknown"),
        (r#"{"resourceType":"Patient","id":"p-1"}"#, "vip"),
        (r#"{"resourceType":"Patient","id":"p-2","identifier":[{"system":"x","value":"MRN-9"}]}"#, "vip"),
        (r#"{"resourceType":"Patient","id":"p-2"}"#, ""),
    ];
    for (json, classes) in table {
        assert_eq!(names(label_under(&rules, json)), classes, "{json}");
    }
    assert_eq!(names(label_under(&Rules::read(None).unwrap(), r#"{"resourceType":"Patient","id":"p-1"}"#)), "");
}

#[test]
fn a_file_that_is_not_understood_is_refused_and_says_where() {
    for (text, error) in [
        ("[[rule]]\nclass = 'secret'", "names the class"),
        ("[[rule]]\nclass = 'hiv'\nkinds = ['Thing']", "names the kind"),
        ("[[rule]]\nclass = 'hiv'", "says neither"),
        ("[[rule]]\nclass = 'hiv'\nkinds = ['Patient']\ncodes = [{ system = 'loinc' }]", "says neither"),
        ("[[rule]]\nclass = 'hiv'\nmedicines = ['--']", "empty word"),
        ("[[rule]]\nclass = 'hiv'\ncodes = [{ system = 'loinc', prefixes = ['.'] }]", "empty word"),
        ("[[rule]]\nclass = 'hiv'\nmedicine = ['x']", "line 8"),
        ("[[rule]", "line 6"),
    ] {
        let refused = Rules::read(Some(&site(text))).unwrap_err().to_string();
        assert!(refused.contains(error), "{text}: {refused}");
    }
}

/// Every built-in list says whence it comes, and lies in the folder under its own name.
#[test]
fn the_built_in_lists_name_their_owner_date_and_citation() {
    let rules = Rules::read(None).unwrap();
    let mut count = 0;
    for [name, version, date, owner, citation] in rules.lists() {
        assert!(Lists::get(&format!("{name}.toml")).is_some(), "{name}");
        assert!(!version.is_empty() && date.len() == 10 && !owner.is_empty() && citation.len() > 10, "{name}");
        count += 1;
    }
    assert_eq!(count, 8);
}
