//! A misfiled record: by statement it shows in the chart of the right patient and no longer in the other, by every route,
//! and taking the statement back gives the bytes of before.
//!
//! Not for: patients who are one person (`linked`).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Browser, add_account};
use super::linked::{entries, ids, patient, pulse, report};
use crate::support::{Answer, Folder, Server, chartkeep, folder, ingest_from, init, token};

/// `mer.m1` has a pulse, a report and a letter that are `mer.m2`'s, and a pulse that also names `mer.m3`.
struct Place {
    _home: Folder,
    archive: PathBuf,
}

const MISFILED: [&str; 4] = ["Observation/mer.o1", "Observation/mer.o3", "DiagnosticReport/mer.r1", "DocumentReference/mer.d1"];

impl Place {
    fn new() -> Place {
        let home = folder();
        let archive = init(&home);
        let mut both = pulse("o3", "m1", "2011-01-01");
        both["focus"] = json!([{"reference": "Patient/m3"}]);
        let letter = json!({"resourceType": "DocumentReference", "id": "d1", "status": "current", "date": "2011-06-01T00:00:00Z",
            "subject": {"reference": "Patient/m1"}, "type": {"text": "Letter"},
            "content": [{"attachment": {"contentType": "text/plain", "data": "QW5vdGhlciB3b21iYXQu"}}]});
        let records = [
            patient("m1", "Marigold", "100", json!({})),
            pulse("o1", "m1", "2010-01-01"),
            pulse("o2", "m1", "2013-01-01"),
            both,
            report("r1", "m1", "Saw a wombat."),
            letter,
            patient("m2", "Juniper", "101", json!({})),
            patient("m3", "Mary", "102", json!({})),
        ];
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        let file = home.path().join("mer.ndjson");
        std::fs::write(&file, lines.join("\n") + "\n").expect("a writable folder");
        ingest_from("mer", &archive, &[&file]).expect(0);
        Place { _home: home, archive }
    }

    fn reassign(&self, record: &str, more: &[&str]) -> crate::support::Run {
        let archive = self.archive.to_str().expect("plain names");
        chartkeep(["identity", "reassign", archive, record].iter().chain(more))
    }
}

/// All ways into a chart.
fn paths(key: &str) -> [String; 9] {
    [
        format!("/api/v1/patients/{key}"),
        format!("/api/v1/patients/{key}/chart"),
        format!("/api/v1/patients/{key}/records?newest=9"),
        format!("/api/v1/patients/{key}/search?q=wombat"),
        format!("/api/v1/patients/{key}/series?code=8867-4"),
        format!("/fhir/Patient/{key}/$everything"),
        format!("/fhir/Observation?patient={key}"),
        format!("/fhir/DiagnosticReport?patient={key}"),
        format!("/fhir/DocumentReference?patient={key}"),
    ]
}

/// The pages of the misfiled records and of the letter's content.
fn pages(key: &str, letter: &str) -> [String; 5] {
    let page = |record: &str| format!("/patients/{key}/records/{record}");
    let [a, b, c, d] = MISFILED.map(page);
    [a, b, c, d, format!("/patients/{key}/documents/{letter}")]
}

struct Reader<'a> {
    server: &'a Server,
    token: String,
}

impl Reader<'_> {
    fn get(&self, path: &str) -> Answer {
        self.server.get(path, Some(&self.token))
    }

    fn all(&self) -> Vec<(u16, Option<String>, String)> {
        let ask = |path: String| {
            let answer = self.get(&path);
            (answer.status, answer.header("etag").map(str::to_string), answer.text())
        };
        ["mer.m1", "mer.m2", "mer.m3"].into_iter().flat_map(paths).map(ask).collect()
    }

    /// Waits until the server knows of what was said.
    fn until_total(&self, key: &str, total: u64) {
        let from = Instant::now();
        while self.get(&format!("/api/v1/patients/{key}/chart")).json()["total"] != total {
            assert!(from.elapsed() < Duration::from_secs(5), "the server does not know of the statement");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn total(&self, path: &str) -> Value {
        self.get(path).json()["total"].clone()
    }
}

#[test]
fn a_reassigned_record_lies_in_the_other_chart_alone_and_taking_it_back_gives_the_bytes_of_before() {
    let place = Place::new();
    let server = Server::start(&place.archive);
    let reader = Reader { server: &server, token: token(&place.archive, "clinician") };
    add_account(&place.archive, "ann", "clinician");
    let browser = Browser::sign_in(&server, "ann");
    let before = reader.all();
    assert!(before.iter().all(|(status, _, _)| *status == 200), "{before:?}");
    let observation = reader.get("/fhir/Observation/mer.o1").text();

    let letter = reader.get("/fhir/DocumentReference/mer.d1").json()["content"][0]["attachment"]["url"].to_string();
    let letter = letter.trim_matches('"').rsplit('/').next().expect("the last part");
    let statuses = |key| pages(key, letter).map(|path| browser.get(&path).status);
    // As any record is answered that lies in another chart.
    let (here, elsewhere) = (statuses("mer.m1"), statuses("mer.m2"));
    assert!(here.iter().all(|status| *status == 200) && elsewhere.iter().all(|status| matches!(status, 403 | 404)));

    let to_juniper = ["--to", "mer.m2", "--reason", "the next bed", "--by", "Ann Example"];
    for record in MISFILED {
        place.reassign(record, &to_juniper).expect(0);
    }
    reader.until_total("mer.m2", 5);

    let moved = MISFILED.map(|record| record.split_once('/').expect("a type and an id").1);
    for path in ["mer.m1", "mer.m3"].into_iter().flat_map(paths) {
        let answer = reader.get(&path);
        assert!(answer.status == 200 && moved.iter().all(|id| !answer.text().contains(id)), "{path}: {}", answer.text());
    }
    assert_eq!((statuses("mer.m1"), statuses("mer.m2")), (elsewhere, here));
    let cover = reader.get("/api/v1/patients/mer.m1").json();
    assert_eq!(cover["counts"], json!([{"value": "Patient", "count": 1}, {"value": "Observation", "count": 1}]));
    assert_eq!(cover["sources"][0]["first"], "2013-01-01", "no day tells of what was there: {cover}");
    assert_eq!((cover["sources"][0]["records"].as_u64(), reader.total("/fhir/Observation?patient=mer.m1")), (Some(2), json!(1)));
    assert_eq!(reader.total("/api/v1/patients/mer.m1/search?q=wombat"), 0);

    let chart = reader.get("/api/v1/patients/mer.m2/chart").json();
    assert_eq!(ids(&chart["records"]), ["mer.m2"].into_iter().chain(moved).collect());
    let cover = reader.get("/api/v1/patients/mer.m2").json();
    assert_eq!((&cover["sources"][0]["first"], &cover["sources"][0]["records"]), (&json!("2010-01-01"), &json!(5)));
    assert_eq!(reader.total("/fhir/Observation?patient=mer.m2"), 2);
    assert_eq!(reader.total("/fhir/Patient/mer.m2/$everything"), 5);
    assert_eq!(reader.total("/api/v1/patients/mer.m2/search?q=wombat"), 2);
    let points = reader.get("/api/v1/patients/mer.m2/series?code=8867-4").json();
    assert_eq!(points["points"].as_array().map(Vec::len), Some(2));
    assert_eq!(reader.get("/fhir/Observation/mer.o1").text(), observation, "it is served as delivered");
    let page = browser.get("/patients/mer.m2/records/Observation/mer.o1").text();
    assert!(page.contains("from mer.m1 to mer.m2 by statement, by Ann Example") && page.contains("the next bed"), "{page}");

    let found = server.get("/api/v1/search?q=wombat", Some(&token(&place.archive, "him"))).json();
    let whose: Vec<&Value> = found["hits"].as_array().into_iter().flatten().map(|hit| &hit["patient"]).collect();
    assert_eq!(whose, ["mer.m2", "mer.m2"], "{found}");

    assert!(place.reassign(MISFILED[0], &to_juniper).stderr.contains("already"));
    for record in MISFILED {
        place.reassign(record, &["--undo", "--reason", "it was hers"]).expect(0);
    }
    reader.until_total("mer.m1", 6);
    assert_eq!(reader.all(), before);
    assert_eq!((statuses("mer.m1"), statuses("mer.m2")), (here, elsewhere));

    drop(server);
    let named = |entry: &Value| -> Vec<String> {
        let patients = entry["patients"].as_array().into_iter().flatten();
        patients.filter_map(|patient| patient["archive_id"].as_str()).map(str::to_string).collect()
    };
    let changed = entries(&place.archive, "identity.changed");
    assert_eq!((changed.len(), changed.iter().all(|entry| named(entry) == ["mer.m1", "mer.m2"])), (8, true));
    let read = entries(&place.archive, "record.read");
    let of_page = read.iter().filter(|entry| entry["query"]["path"] == "/patients/mer.m2/records/Observation/mer.o1");
    assert!(of_page.clone().count() > 0 && of_page.clone().all(|entry| named(entry) == ["mer.m2"]), "whose chart it was read in");
}

#[test]
fn in_the_chart_of_a_person_of_several_keys_it_is_shown_once() {
    let place = Place::new();
    // Moved to one of the linked keys, and away from another, which the record also names.
    place.reassign("Observation/mer.o3", &["--to", "mer.m2", "--reason", "x"]).expect(0);
    place.reassign("DiagnosticReport/mer.r1", &["--to", "mer.m2", "--reason", "x"]).expect(0);
    for other in ["mer.m1", "mer.m3"] {
        let archive = place.archive.to_str().expect("plain names");
        chartkeep(["identity", "link", archive, "mer.m2", other, "--reason", "one woman"]).expect(0);
    }
    let server = Server::start(&place.archive);
    let reader = Reader { server: &server, token: token(&place.archive, "clinician") };
    for key in ["mer.m1", "mer.m2", "mer.m3"] {
        let chart = reader.get(&format!("/api/v1/patients/{key}/chart")).json();
        assert_eq!((&chart["total"], ids(&chart["records"]).len()), (&json!(8), 8), "{key}");
        assert!(chart["records"].as_array().into_iter().flatten().all(|record| record["meta"]["versionId"] != "2"), "{key}");
        assert_eq!(reader.total(&format!("/fhir/Observation?patient={key}")), 3);
        assert_eq!(reader.total(&format!("/api/v1/patients/{key}/search?q=wombat")), 2);
    }
}

#[test]
fn what_cannot_be_reassigned_is_refused() {
    let place = Place::new();
    let refused = |record: &str, more: &[&str]| place.reassign(record, &[more, &["--reason", "x"]].concat()).expect(2).stderr;
    assert!(refused("Patient/mer.m1", &["--to", "mer.m2"]).contains("not reassigned"));
    assert!(refused("Observation/mer.o1", &["--to", "mer.m9"]).contains("no patient of this archive"));
    assert!(refused("Observation/mer.o1", &["--to", "mer.m1"]).contains("already"));
    assert!(refused("Observation/mer.o9", &["--to", "mer.m2"]).contains("no archived record"));
    assert!(refused("Observation/mer.o1", &["--undo"]).contains("was not reassigned"));
}
