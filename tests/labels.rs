//! Sensitivity labels from ingest to disk: by codes, departments and what records refer to; labelling anew; verification.
//!
//! Not for: the lists themselves (`mapping::sensitivity` has tests), or what a label hides (`gate`).

use std::collections::BTreeMap;
use std::path::Path;

use chartkeep::model::Class;
use chartkeep::signing::{KeyPurpose, KeyRing};
use chartkeep::store::labels::Labels;
use chartkeep::store::{Accession, layout::Layout, remap, verify};

use crate::support::{archive, audited, chartkeep, folder, ingest, init};

const UUID: &str = "7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11";

/// A chart in which some things are labelled by themselves and others because of these.
fn records() -> String {
    let icd = "http://hl7.org/fhir/sid/icd-10-cm";
    let of = r#""subject":{"reference":"Patient/p1"}"#;
    [
        r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Example"}],"identifier":[{"system":"urn:mrn","value":"M-1"}]}"#.to_string(),
        r#"{"resourceType":"Patient","id":"p2","name":[{"family":"Other"}]}"#.into(),
        r#"{"resourceType":"Location","id":"l1","name":"Methadone clinic"}"#.into(),
        r#"{"resourceType":"Medication","id":"m1","code":{"text":"Biktarvy"}}"#.into(),
        // In a department for substance use, and in another.
        format!(r#"{{"resourceType":"Encounter","id":"e1",{of},"location":[{{"location":{{"reference":"Location/l1"}}}}]}}"#),
        format!(r#"{{"resourceType":"Encounter","id":"e2",{of}}}"#),
        format!(r#"{{"resourceType":"Observation","id":"in-e1",{of},"encounter":{{"reference":"Encounter/e1"}}}}"#),
        format!(r#"{{"resourceType":"Observation","id":"in-e2",{of},"encounter":{{"reference":"Encounter/e2"}}}}"#),
        // A test for HIV, the report of it, and a panel around it by a bundle's name.
        format!(r#"{{"resourceType":"Observation","id":"{UUID}",{of},"code":{{"coding":[{{"system":"http://loinc.org","code":"7918-6"}}]}}}}"#),
        format!(r#"{{"resourceType":"DiagnosticReport","id":"r1",{of},"result":[{{"reference":"Observation/{UUID}"}}]}}"#),
        format!(r#"{{"resourceType":"Observation","id":"panel",{of},"hasMember":[{{"reference":"urn:uuid:{UUID}"}}]}}"#),
        format!(r#"{{"resourceType":"DiagnosticReport","id":"r2",{of},"result":[{{"reference":"Observation/in-e2"}}]}}"#),
        // A prescription of a labelled medication, and one for a labelled problem.
        format!(r#"{{"resourceType":"MedicationRequest","id":"rx1",{of},"medicationReference":{{"reference":"Medication/m1"}}}}"#),
        format!(r#"{{"resourceType":"Condition","id":"c1",{of},"code":{{"coding":[{{"system":"{icd}","code":"F32.9"}}]}}}}"#),
        format!(r#"{{"resourceType":"MedicationRequest","id":"rx2",{of},"reasonReference":[{{"reference":"Condition/c1"}}]}}"#),
        format!(r#"{{"resourceType":"MedicationRequest","id":"rx3",{of}}}"#),
        // A document with a label, whose text lies in a Binary of nobody; and one whose Binary has the label.
        format!(r#"{{"resourceType":"DocumentReference","id":"d1",{of},"securityLabel":[{{"coding":[{{"code":"SDV"}}]}}],"content":[{{"attachment":{{"url":"Binary/b1"}}}}]}}"#),
        r#"{"resourceType":"Binary","id":"b1","contentType":"text/plain","data":"aGVsbG8="}"#.into(),
        format!(r#"{{"resourceType":"DocumentReference","id":"d2",{of},"content":[{{"attachment":{{"url":"Binary/b2"}}}}]}}"#),
        r#"{"resourceType":"Binary","id":"b2","meta":{"security":[{"code":"R"}]},"contentType":"text/plain","data":"aGVsbG8="}"#.into(),
        r#"{"resourceType":"Condition","id":"c2","subject":{"reference":"Patient/p2"},"code":{"text":"Cough"}}"#.into(),
    ]
    .join("\n")
}

/// The labels of all records, in words, by name; records without one are left out.
fn labels(archive: &Path) -> BTreeMap<String, String> {
    let records = archive::accessions(archive).into_iter().flat_map(|accession| archive::records(&accession));
    let words = |record: &archive::Record| record.label.classes().map(Class::name).collect::<Vec<_>>().join("+");
    records.filter(|r| r.label.is_restricted()).map(|r| (format!("{}/{}", r.kind, r.id), words(&r))).collect()
}

#[test]
fn a_label_goes_with_what_tells_of_it() {
    let home = folder();
    let archive = init(&home);
    let delivery = home.path().join("all.ndjson");
    std::fs::write(&delivery, records()).unwrap();
    ingest(&archive, &[&delivery]).expect(0);
    let expected = [
        ("Encounter/mer.e1", "substance-use"),
        ("Observation/mer.in-e1", "substance-use"),
        (&format!("Observation/{UUID}"), "hiv"),
        ("DiagnosticReport/mer.r1", "hiv"),
        ("Observation/mer.panel", "hiv"),
        ("Medication/mer.m1", "hiv"),
        ("MedicationRequest/mer.rx1", "hiv"),
        ("Condition/mer.c1", "mental-health"),
        ("MedicationRequest/mer.rx2", "mental-health"),
        ("DocumentReference/mer.d1", "violence"),
        ("Binary/mer.b1", "violence"),
        ("DocumentReference/mer.d2", "restricted"),
        ("Binary/mer.b2", "restricted"),
    ];
    let expected: BTreeMap<String, String> = expected.iter().map(|(name, label)| (name.to_string(), label.to_string())).collect();
    assert_eq!(labels(&archive), expected);
    chartkeep(["verify".as_ref(), archive.as_path(), "--delivery".as_ref(), &delivery]).expect(0);
}

#[test]
fn a_site_labels_anew_and_gets_what_an_ingest_under_its_rules_would_have_given() {
    let home = folder();
    let archive = init(&home);
    let delivery = home.path().join("all.ndjson");
    std::fs::write(&delivery, records()).unwrap();
    ingest(&archive, &[&delivery]).expect(0);
    let before = labels(&archive);
    let run = |args: &[&str]| {
        chartkeep(["label".as_ref(), args[0].as_ref(), archive.as_path()].into_iter().chain(args[1..].iter().map(Path::new)))
    };
    assert!(run(&["apply"]).expect(0).stdout.contains("Nothing was changed"));

    let site = "name = 'site'\nversion = '1'\ndate = '2026-11-23'\nowner = 'Privacy'\ncitation = 'decision'\n\
        [[rule]]\nclass = 'vip'\npatients = ['M-1']\n[[rule]]\nclass = 'site'\nkinds = ['MedicationRequest']\n";
    std::fs::write(archive.join("sensitivity.toml"), format!("{site}[[rule]]\nclass = 'no-such'\nkinds = ['Patient']\n"))
        .unwrap();
    assert!(run(&["apply"]).expect(2).stderr.contains("no-such"));
    std::fs::write(archive.join("sensitivity.toml"), site).unwrap();
    assert!(run(&["apply", "--dry-run"]).expect(0).stdout.contains("4 records gain a class, 0 lose one"));
    assert_eq!(labels(&archive), before);
    run(&["apply"]).expect(0);
    let after = labels(&archive);
    assert_eq!(after["Patient/mer.p1"], "vip");
    assert_eq!(after["MedicationRequest/mer.rx1"], "hiv+site");
    assert_eq!(after["MedicationRequest/mer.rx3"], "site");
    assert_eq!(after.len(), before.len() + 2);
    assert_eq!(audited(&archive, "label.changed").len(), 1);
    chartkeep(["verify".as_ref(), archive.as_path(), "--delivery".as_ref(), &delivery]).expect(0);
    let shown = run(&["show", "--json"]).expect(0);
    assert_eq!(shown.json()["accessions"][0]["up_to_date"], true);
    assert!(!shown.stdout.contains("p1") && !shown.stdout.contains("M-1"));

    let other = folder();
    let fresh = init(&other);
    std::fs::write(fresh.join("sensitivity.toml"), site).unwrap();
    ingest(&fresh, &[&delivery]).expect(0);
    assert_eq!(labels(&fresh), after);
    // And back again.
    std::fs::remove_file(archive.join("sensitivity.toml")).unwrap();
    run(&["apply"]).expect(0);
    assert_eq!(labels(&archive), before);
}

/// A labels file that is whole in itself, and named by its manifest, but holds less than the records say of themselves.
#[test]
fn verify_finds_labels_that_do_not_cover_the_records() {
    let home = folder();
    let root = init(&home);
    let delivery = home.path().join("all.ndjson");
    std::fs::write(&delivery, records()).unwrap();
    ingest(&root, &[&delivery]).expect(0);
    let layout = Layout::new(&root);
    let accession: Accession = archive::accessions(&root).remove(0);
    assert!(!KeyRing::load(&root).unwrap().verifiers(KeyPurpose::Seal).is_empty());
    let check = |labels: &Labels| {
        let rules = accession.manifest.label_rules.clone();
        let (draft, manifest) = remap::relabel(&layout, &accession, labels, rules).unwrap();
        let findings = verify::generation(&accession.id, &draft, &accession.seal, &manifest, 1, &|_| {});
        std::fs::remove_dir_all(layout.building()).unwrap();
        findings
    };
    assert_eq!(check(accession.labels()), []);
    let findings = check(&Labels::default());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].file.ends_with("labels.bin") && findings[0].what.contains("does not cover"), "{findings:?}");
}
