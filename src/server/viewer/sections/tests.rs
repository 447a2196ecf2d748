//! What sections and the summary say of records of two sources: likes together with their count, weights, what another source has,
//! and sheets that stay small.
//!
//! Not for: the rule of what looks the same (`alike`), or whole pages of odd records (`gallery`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::banner::End;
use super::super::pages::chart::section;
use super::super::{Frame, Query, Sources};
use super::*;
use crate::model::{
    AccessionId, ArchiveId, Chart, ChartIndex, Coverage, Kind, KindCount, Label, PatientIdentity, PatientKey, Place, Record, When,
};
use crate::query::{Census, Group};

const MER: &str = "Meridian";
const HBI: &str = "Harbor";

/// A chart of these resources, oldest first as a chart is, each with its source.
pub fn chart(resources: &[(&str, Value)]) -> Chart {
    let patient = PatientKey::parse("p1").unwrap();
    let mut counts: Vec<KindCount> = Vec::new();
    let mut record = |(at, (source, value)): (usize, &(&str, Value))| {
        let kind = Kind::from_name(value["resourceType"].as_str().unwrap()).unwrap();
        match counts.iter_mut().find(|count| count.kind == kind) {
            Some(count) => count.count += 1,
            None => counts.push(KindCount { kind, count: 1 }),
        }
        let id = ArchiveId::parse(&format!("r{at}")).unwrap();
        Record {
            kind,
            original_id: id.as_str().into(),
            id,
            patient: Some(patient.clone()),
            place: Place { accession: AccessionId::parse("acc-0011223344556677").unwrap(), generation: 1, ordinal: at as u64 },
            source_system: (*source).into(),
            version: 1,
            label: Label::NORMAL,
            json: value.to_string().into(),
        }
    };
    let records: Vec<Record> = resources.iter().enumerate().map(&mut record).collect();
    let covered = |source: &str| Coverage {
        source_system: source.into(),
        first: When::parse("2004-01-01"),
        last: When::parse("2024-06-30"),
        records: 1,
    };
    let index = ChartIndex {
        patient,
        identity: PatientIdentity::default(),
        counts,
        coverage: vec![covered(MER), covered(HBI)],
        cutover: When::parse("2024-06-30"),
        linked: Vec::new(),
    };
    Chart { index, records }
}

fn frame(only: Option<&str>, census: Option<Census>) -> Frame {
    Frame {
        sources: Sources::from_names([MER, HBI]),
        only: only.map(str::to_string),
        census: census.map(Arc::new),
        today: "2026-11-22".into(),
        ..Frame::default()
    }
}

fn query(pairs: &[(&str, &str)]) -> Query {
    Query::new(pairs.iter().map(|(a, b)| ((*a).to_string(), (*b).to_string())).collect())
}

fn page(chart: &Chart, which: Section, pairs: &[(&str, &str)]) -> String {
    section(&frame(None, None), chart, which, &query(pairs))
}

fn ordered(name: &str, status: &str, date: &str, dose: &str) -> Value {
    json!({"resourceType":"MedicationRequest","status":status,"authoredOn":date,
        "medicationCodeableConcept":{"text":name},"dosageInstruction":[{"text":dose}]})
}

fn result(code: &str, name: &str, date: &str, value: f64, flag: Option<&str>) -> Value {
    let mut value = json!({"resourceType":"Observation","category":[{"coding":[{"code":"laboratory"}]}],
        "code":{"coding":[{"code":code}],"text":name},"effectiveDateTime":date,"valueQuantity":{"value":value,"unit":"u"}});
    if let Some(flag) = flag {
        value["interpretation"] = json!([{"coding":[{"code":flag}]}]);
    }
    value
}

/// The places of these words, which stand in this order and once each.
fn in_order(html: &str, words: &[&str]) {
    let places: Vec<Option<usize>> = words.iter().map(|word| html.find(word)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{words:?} at {places:?} in {html}");
}

#[test]
fn records_of_one_medication_stand_together_and_doses_given_by_themselves() {
    let given = json!({"resourceType":"MedicationAdministration","status":"completed","effectiveDateTime":"2023-02-02",
        "medicationCodeableConcept":{"text":"Metformin 500 mg"}});
    let chart = chart(&[
        (MER, ordered("Metformin 500 mg", "completed", "2019-01-01", "once daily")),
        (HBI, ordered("metformin, 500 mg", "active", "2022-08-19", "twice daily")),
        (HBI, ordered("Furosemide", "active", "2024-06-11", "40 mg")),
        (MER, given),
    ]);
    let html = page(&chart, Section::Medications, &[]);
    assert!(html.contains("metformin, 500 mg: 2 records of this medication"), "{html}");
    assert!(html.contains("Sources differ in status: active (HAR), completed (MER)"), "{html}");
    assert!(html.contains("Sources differ in dose: twice daily (HAR), once daily (MER)"), "{html}");
    assert_eq!(html.matches("<tr").count() - html.matches("class=\"group\"").count(), 5, "all four records, and the head");
}

#[test]
fn a_group_of_hundreds_is_paged_and_every_record_is_on_some_page() {
    let many: Vec<(&str, Value)> =
        (0..120).map(|n| (MER, ordered("Metformin", "completed", &format!("2020-01-{:02}", n % 28 + 1), "x"))).collect();
    let chart = chart(&many);
    let mut links = std::collections::BTreeSet::new();
    for number in ["1", "2", "3"] {
        let html = page(&chart, Section::Medications, &[("page", number)]);
        assert!(html.contains("Metformin: 120 records of this medication") && html.contains("of them on this page"), "{html}");
        links.extend(html.match_indices("/records/MedicationRequest/r").map(|(at, _)| html[at..at + 32].to_string()));
    }
    assert_eq!(links.len(), 120);
}

#[test]
fn encounters_of_two_sources_on_one_day_stand_together() {
    let visit = |class: &str, start: &str, reason: &str| {
        json!({"resourceType":"Encounter","class":{"code":class},"type":[{"text":"Cardiology clinic"}],
            "period":{"start":start},"reasonCode":[{"text":reason}]})
    };
    let chart = chart(&[
        (MER, visit("AMB", "2021-03-04", "Heart failure")),
        (HBI, visit("AMB", "2021-03-04T09:10:00Z", "Oedema")),
        (HBI, visit("AMB", "2021-03-05", "Oedema")),
    ]);
    let html = page(&chart, Section::Encounters, &[]);
    assert!(html.contains("Cardiology clinic, 2021-03-04: 2 records look the same. Sources differ in reason"), "{html}");
    assert_eq!(html.matches("records look the same").count(), 1);
}

#[test]
fn the_summary_has_medications_by_their_last_known_status_and_says_when_a_newer_record_contradicts() {
    let chart = chart(&[
        (MER, ordered("Lisinopril", "stopped", "2020-05-05", "10 mg")),
        (MER, ordered("Metformin", "active", "2019-01-01", "500 mg")),
        (HBI, ordered("Metformin", "stopped", "2023-10-02", "500 mg")),
        (HBI, ordered("Furosemide", "active", "2022-06-11", "40 mg")),
    ]);
    let html = page(&chart, Section::Summary, &[]);
    assert!(html.contains("2 active at cutover"));
    in_order(&html, &["Furosemide", "Metformin", "Ended before cutover", "Lisinopril", "10 mg; stopped"]);
    assert!(html.contains("500 mg; a record of 2023-10-02 says stopped; 2 records, sources differ in status"), "{html}");
}

#[test]
fn the_summary_has_problems_by_weight_each_once_with_all_its_sources() {
    let problem = |name: &str, onset: &str, status: &str, severity: Option<&str>| {
        let severity = severity.map_or(json!(null), |words| json!({ "text": words }));
        json!({"resourceType":"Condition","code":{"text":name},"onsetDateTime":onset,"severity":severity,
            "clinicalStatus":{"coding":[{"code":status}]}})
    };
    let chart = chart(&[
        (MER, problem("Hypertension", "2004", "active", None)),
        (HBI, problem("Hypertension", "2006-05", "active", None)),
        (MER, problem("Heart failure", "2018-01", "active", Some("Severe"))),
        (MER, problem("Stress (finding)", "2023-01", "active", None)),
        (MER, problem("Bronchitis", "2010", "resolved", None)),
    ]);
    let html = page(&chart, Section::Summary, &[]);
    in_order(&html, &["Heart failure", "Hypertension", "Stress (finding)"]);
    assert!(html.contains("2 records, sources differ in since") && !html.contains("Bronchitis"), "{html}");
    let ended = chart_of_ended(problem("Bronchitis", "2010", "resolved", None));
    let html = page(&ended, Section::Summary, &[]);
    in_order(&html, &["None was active at cutover. Resolved or other", "Bronchitis"]);
}

fn chart_of_ended(resource: Value) -> Chart {
    chart(&[(MER, resource)])
}

#[test]
fn the_summary_has_results_by_weight_with_flags_apart_and_years_over_the_drawings() {
    let mut all = vec![
        (MER, result("x-1", "Vitamin D", "2024-05-01", 40.0, Some("H"))),
        (MER, result("4548-4", "Hemoglobin A1c", "2014-05-01", 7.0, Some("H"))),
        (HBI, result("4548-4", "Hemoglobin A1c", "2024-04-01", 7.4, Some("H"))),
        (HBI, result("33762-6", "NT-proBNP", "2020-01-01", 1840.0, Some("HH"))),
        (MER, result("3016-3", "TSH", "2021-01-01", 2.1, None)),
    ];
    all.extend((0..9).map(|n| (HBI, result(&format!("y-{n}"), &format!("Rare {n}"), "2024-06-01", 1.0, None))));
    let html = page(&chart(&all), Section::Summary, &[]);
    in_order(&html, &["NT-proBNP", "Hemoglobin A1c", "Vitamin D", "TSH", "Rare 0"]);
    assert!(html.contains("<span>2014</span> <span>2019</span> <span>2024</span>"), "{html}");
    assert!(html.contains("<span aria-hidden=\"true\">▲▲ </span>HH<span class=\"vh\">, critically high</span>"), "{html}");
    assert!(html.contains("latest of 13 tests"));
}

#[test]
fn a_page_of_one_source_says_what_another_has_and_leads_there() {
    let shot = json!({"resourceType":"Immunization","status":"completed","vaccineCode":{"text":"Influenza"},"occurrenceDateTime":"2020"});
    let chart = chart(&[(MER, shot), (MER, result("4548-4", "Hemoglobin A1c", "2014-05-01", 7.0, None))]);
    let of = |name: &str| Kind::from_name(name).unwrap();
    let census = || Census::of([(MER, of("Immunization"), Group::Plain, 22), (MER, of("Observation"), Group::Laboratory, 1)]);
    let ask = |which, only| section(&frame(only, Some(census())), &chart, which, &query(&[]));
    let html = ask(Section::Immunizations, Some(HBI));
    assert!(html.contains("No immunizations from Harbor. That system did not hold them. 22 are recorded in"), "{html}");
    assert!(html.contains("<a href=\"/patients/p1/immunizations?source=MER\">Show them</a>"), "{html}");
    let html = ask(Section::Results, Some(HBI));
    assert!(html.contains("1 is recorded in") && html.contains("/patients/p1/results?source=MER\">Show it</a>"), "{html}");
    assert!(html.contains("aria-label=\"Source\""), "the choice of source is drawn");
    assert!(ask(Section::Vitals, None).contains("No measurements from Meridian, Harbor. Nothing of this kind was delivered"));
}

#[test]
fn a_sheet_of_thousands_of_tests_is_paged_by_tests_and_stays_small() {
    let all: Vec<(&str, Value)> = (0..3_000)
        .map(|n| {
            (MER, result(&format!("c-{n}"), &format!("Test number {n}"), &format!("2020-{:02}-01", n % 12 + 1), 1.0, Some("H")))
        })
        .collect();
    let chart = chart(&all);
    let html = page(&chart, Section::Results, &[]);
    assert!(html.contains("3,000 results, 3,000 tests"), "all are counted");
    assert!(html.contains("Tests 1 to 40 of 3,000"), "{}", html.len());
    assert!(html.len() < 300_000 && html.matches('<').count() < 6_000, "{} bytes", html.len());
    let last = page(&chart, Section::Results, &[("tests", "75"), ("abnormal", "1")]);
    assert!(last.contains("Tests 2,961 to 3,000 of 3,000") && last.contains("?tests=74&#38;abnormal=1"), "{}", last.len());
}

#[test]
fn a_sheet_of_usual_size_stands_on_one_page() {
    let all: Vec<(&str, Value)> =
        (0..80).map(|n| (MER, result(&format!("c-{}", n % 50), &format!("Test {}", n % 50), "2020-01-01", 1.0, None))).collect();
    let html = page(&chart(&all), Section::Results, &[]);
    assert!(html.contains("50 tests") && !html.contains("Tests 1 to"), "{}", html.len());
}

#[test]
fn thousands_of_values_of_one_test_are_paged() {
    let day = |n: usize| format!("{}-{:02}-{:02}", 2000 + n / 336, n / 28 % 12 + 1, n % 28 + 1);
    let all: Vec<(&str, Value)> = (0..2_500).map(|n| (MER, result("718-7", "Hemoglobin", &day(n), 12.0, None))).collect();
    let chart = chart(&all);
    let of = |page: &str| super::super::trend(&frame(None, None), &chart, "718-7", &query(&[("page", page)])).unwrap();
    let html = of("25");
    assert!(html.contains("Values 2,401 to 2,500 of 2,500") && html.len() < 300_000, "{} bytes", html.len());
    assert!(of("1").contains("2,500 values") && of("1").contains("results/718-7?page=2"));
}

#[test]
fn the_end_of_the_records_is_the_declared_day_or_says_that_it_is_only_the_newest() {
    let chart = chart(&[(MER, ordered("Metformin", "active", "2019-01-01", "x"))]);
    let newest = frame(None, None);
    assert!(!End::of(&chart.index, &newest).declared);
    assert!(
        section(&newest, &chart, Section::Allergies, &query(&[]))
            .contains("the newest record.</strong> No cutover was declared.")
    );
    let declared = Frame { declared_end: When::parse("2024-12-31"), ..frame(None, None) };
    let end = End::of(&chart.index, &declared);
    assert!(end.declared && end.day == "2024-12-31");
    assert!(section(&declared, &chart, Section::Allergies, &query(&[])).contains("Records end at cutover."));
}

#[test]
fn the_summary_does_not_say_that_nothing_was_delivered_when_a_dose_was_refused() {
    let refused = json!({"resourceType":"Immunization","status":"not-done","vaccineCode":{"text":"Influenza"},"occurrenceDateTime":"2012-10-04"});
    let html = page(&chart(&[(MER, refused)]), Section::Summary, &[]);
    assert!(html.contains("None recorded as given; 1 record of one not given."), "{html}");
    assert!(page(&chart(&[]), Section::Summary, &[]).contains("immunizations"), "an empty chart says so");
}
