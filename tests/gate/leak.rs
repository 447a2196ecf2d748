//! A record with a sensitivity label is not there for those who may not see it: not in hits, totals, facets, snippets,
//! pages, nor in how the server says no.
//!
//! Not for: arbitrary sets of labelled records (`subsets`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chartkeep::model::Kind;
use chartkeep::store::document_id;
use serde_json::Value;

use super::harness::{Browser, House, Stored, add_account, house, key, stored};
use crate::support::{Answer, hospital, loaded};

/// Everything of an answer that a client can compare, but what differs by request.
fn comparable(answer: &Answer) -> (u16, BTreeSet<String>, String) {
    let named = |name: &str| !["x-request-id", "date"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| named(name.as_str()));
    let headers = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    (answer.status, headers, answer.text())
}

fn holds(answer: &Answer, word: &str) -> bool {
    memchr::memmem::find(&answer.body, word.as_bytes()).is_some()
}

/// A clinician's session of the viewer; the account is made once.
fn clinician(house: &Arc<House>) -> Browser<'_> {
    static ACCOUNT: std::sync::Once = std::sync::Once::new();
    ACCOUNT.call_once(|| add_account(loaded(), "leak-clinician", "clinician"));
    Browser::sign_in(&house.server, "leak-clinician")
}

/// Every address of a patient's chart, FHIR and JSON.
fn addresses(patient: &str, kinds: &BTreeSet<&str>) -> Vec<String> {
    let mut paths = vec![
        format!("/fhir/Patient/{patient}/$everything?_count=1000"),
        format!("/api/v1/patients/{patient}"),
        format!("/api/v1/patients/{patient}/chart"),
        format!("/api/v1/patients/{patient}/records?newest=5"),
        format!("/fhir/DocumentReference?patient={patient}&_include=DocumentReference:encounter&_count=1000"),
    ];
    for kind in kinds.iter().filter(|kind| **kind != "Patient") {
        paths.push(format!("/fhir/{kind}?patient={patient}&_count=1000&_revinclude=Provenance:target"));
        paths.push(format!("/api/v1/patients/{patient}/records?kind={kind}"));
    }
    paths
}

const SECTIONS: [&str; 12] = [
    "",
    "/problems",
    "/allergies",
    "/medications",
    "/results",
    "/vitals",
    "/immunizations",
    "/encounters",
    "/procedures",
    "/notes",
    "/reports",
    "/everything",
];

#[test]
fn no_answer_to_a_clinician_holds_a_word_of_a_restricted_note() {
    let house = house();
    let browser = clinician(&house);
    let records = stored();
    let kinds: BTreeSet<&str> = records.iter().map(|record| record.kind).collect();
    let markers = &hospital().manifest.restricted_markers;
    assert!(markers.len() >= 3, "the hospital has restricted notes");
    for marker in markers.iter().take(6) {
        let patient = key(&marker.patient);
        let secret =
            |answer: &Answer| markers.iter().any(|marker| holds(answer, &marker.word) || holds(answer, &marker.document));
        for path in addresses(&patient, &kinds) {
            let answer = house.get("clinician", &path);
            assert!([200, 400].contains(&answer.status), "{path}: {}", answer.status);
            assert!(!secret(&answer), "{path}");
        }
        for section in SECTIONS {
            let path = format!("/patients/{patient}{section}");
            let answer = browser.get(&path);
            assert_eq!(answer.status, 200, "{path}");
            assert!(!secret(&answer), "{path}");
        }
    }
}

#[test]
fn searching_for_a_word_of_a_restricted_note_finds_as_much_as_searching_for_no_word_at_all() {
    let house = house();
    let browser = clinician(&house);
    for marker in hospital().manifest.restricted_markers.iter().take(6) {
        let patient = key(&marker.patient);
        let search = |role, word: &str| house.get(role, &format!("/api/v1/patients/{patient}/search?q={word}"));
        let absent = "zq".to_string() + &"x".repeat(marker.word.len().saturating_sub(2));
        let (found, nothing) = (search("clinician", &marker.word), search("clinician", &absent));
        assert_eq!(comparable(&found), comparable(&nothing));
        assert_eq!(found.json()["total"], 0);
        let page = |word: &str| {
            let mut answer = browser.get(&format!("/patients/{patient}/search?q={word}"));
            answer.body = still(&answer.text().replace(word, "*")).into_bytes();
            comparable(&answer)
        };
        assert_eq!(page(&marker.word), page(&absent));
        let seen = search("him", &marker.word).json();
        assert_eq!(seen["total"], 1, "him finds it");
        assert_eq!(seen["hits"][0]["id"], marker.document);
        assert!(seen["hits"][0]["snippet"].as_str().is_some_and(|snippet| snippet.contains(&marker.word)));
    }
}

#[test]
fn a_restricted_record_is_answered_for_like_one_that_is_not_there() {
    let house = house();
    let browser = clinician(&house);
    let records = stored();
    let restricted: Vec<&Stored> = records.iter().filter(|record| record.restricted).collect();
    // Lists of codes and references label a few more than the source did.
    let by_source = restricted.iter().filter(|record| super::harness::is_restricted(&record.json)).count();
    assert_eq!(by_source as u64, hospital().manifest.restricted);
    // One of each type, and all notes.
    let mut of_type: BTreeMap<&str, usize> = BTreeMap::new();
    for record in restricted {
        let seen = of_type.entry(record.kind).or_default();
        *seen += 1;
        if *seen > 3 {
            continue;
        }
        let patient = patient_of(&record.json);
        let absent = "0000".to_string() + &record.id[4..];
        for template in [
            "/fhir/{kind}/{id}",
            "/fhir/{kind}/{id}/_history",
            "/fhir/{kind}/{id}/_history/1",
            "/fhir/{kind}?_id={id}",
            "/fhir/{kind}?patient={patient}&_id={id}",
            "/api/v1/records/{kind}/{id}",
            "/api/v1/records/{kind}/{id}/original",
            "/api/v1/records/{id}/original",
            "/api/v1/documents/{document}",
            "/api/v1/documents/{document}/text",
            "/api/v1/documents/{document}/pages/1.png",
            "/fhir/Binary/{document}",
        ] {
            let ask = |role, id: &str| {
                let mut answer = house.get(role, &fill(template, record.kind, id, &patient));
                answer.body = answer.text().replace(id, "*").into_bytes();
                answer
            };
            assert_eq!(comparable(&ask("clinician", &record.id)), comparable(&ask("clinician", &absent)), "{template}");
            // Medications and places are nobody's: they are not asked for by patient.
            let is_question = !template.contains("patient=") || record.kind != "Medication";
            if !template.contains("{document}") && is_question {
                assert_eq!(ask("him", &record.id).status, 200, "{template} of {}", record.kind);
            }
        }
        for template in [
            "/records/{kind}/{id}",
            "/patients/{patient}/records/{kind}/{id}",
            "/patients/{patient}/documents/{document}",
            "/documents/{document}/body",
            "/documents/{document}/page/1.png",
            "/documents/{document}/original",
        ] {
            let ask = |id: &str| {
                let mut answer = browser.get(&fill(template, record.kind, id, &patient));
                answer.body = without_request(&answer.text().replace(id, "*")).into_bytes();
                comparable(&answer)
            };
            assert_eq!(ask(&record.id), ask(&absent), "{template}");
        }
    }
}

/// A page without the seconds that its session has left and the minute at which it was made.
fn still(page: &str) -> String {
    let without = |page: String, before: &str, after: &str| match page.split_once(before) {
        Some((head, rest)) => format!("{head}{}", rest.split_once(after).map_or(rest, |(_, rest)| rest)),
        None => page,
    };
    without(without(page.to_string(), "data-idle=\"", "\""), "Printed by ", "</p>")
}

/// The same without the request id that it may quote.
fn without_request(page: &str) -> String {
    let page = still(page);
    let is_id = |word: &&str| word.len() == 36 && word.bytes().filter(|b| *b == b'-').count() == 4;
    let ids: Vec<&str> = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(is_id).collect();
    ids.into_iter().fold(page.clone(), |page, id| page.replace(id, "*"))
}

fn fill(template: &str, kind: &str, id: &str, patient: &str) -> String {
    let kind_known = Kind::from_name(kind).expect("a type of FHIR");
    let document = document_id(kind_known, id, 0).expect("an id");
    template.replace("{kind}", kind).replace("{document}", document.0.as_str()).replace("{id}", id).replace("{patient}", patient)
}

fn patient_of(json: &Value) -> String {
    let reference = ["subject", "patient", "beneficiary"].iter().find_map(|name| json[*name]["reference"].as_str());
    reference.and_then(|reference| reference.strip_prefix("Patient/")).map_or_else(|| "nobody".into(), key)
}

#[test]
fn counts_are_those_of_a_chart_without_the_restricted_records() {
    let house = house();
    let records = stored();
    let patients: BTreeSet<String> = hospital().manifest.restricted_markers.iter().map(|marker| key(&marker.patient)).collect();
    for patient in patients.iter().take(6) {
        // By name: further versions of a record are counted once.
        let mut open: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut all = open.clone();
        for record in records.iter().filter(|record| record.names(patient)) {
            all.entry(record.kind).or_default().insert(&record.id);
            if !record.restricted {
                open.entry(record.kind).or_default().insert(&record.id);
            }
        }
        let count = |of: &BTreeMap<&str, BTreeSet<&str>>| of.iter().map(|(k, ids)| (k.to_string(), ids.len() as u64)).collect();
        for (role, expected) in [("clinician", &open), ("him", &all)] {
            let expected: BTreeMap<String, u64> = count(expected);
            let cover = house.get(role, &format!("/api/v1/patients/{patient}")).json();
            let told = cover["counts"].as_array().expect("counts").iter();
            let told: BTreeMap<String, u64> =
                told.map(|n| (n["value"].as_str().unwrap().to_string(), n["count"].as_u64().unwrap())).collect();
            assert_eq!(told, expected, "{role}");
            let everything = house.get(role, &format!("/fhir/Patient/{patient}/$everything?_count=1")).json();
            assert_eq!(everything["total"], expected.values().sum::<u64>(), "{role}");
            for (kind, number) in expected.iter().filter(|(kind, _)| *kind != "Patient") {
                let bundle = house.get(role, &format!("/fhir/{kind}?patient={patient}&_summary=count"));
                if bundle.status == 200 {
                    assert_eq!(bundle.json()["total"], *number, "{role} {kind}");
                }
            }
        }
    }
}
