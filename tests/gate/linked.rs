//! One person under several patient keys: what is shown, what is named in the log, what stays hidden, and that taking a
//! link back gives the bytes of before.
//!
//! Not for: which keys are one person (`src/identity`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chartkeep::audit::Query;
use serde_json::{Value, json};

use super::harness::{Browser, add_account};
use crate::support::{Folder, Server, chartkeep, folder, ingest_from, init, token};

/// Two sources. `mer.m1` and `pvs.p1` are one woman; `pvs.p2` is hers too, and restricted.
struct Place {
    home: Folder,
    archive: PathBuf,
}

pub fn patient(id: &str, given: &str, number: &str, more: Value) -> Value {
    let mut patient = json!({"resourceType": "Patient", "id": id, "active": true,
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:example:mrn", "value": number}],
        "name": [{"family": "Quillfeather", "given": [given]}], "gender": "female", "birthDate": "1957-03-14"});
    for (name, value) in more.as_object().into_iter().flatten() {
        patient[name] = value.clone();
    }
    patient
}

pub fn pulse(id: &str, of: &str, day: &str) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": format!("Patient/{of}")},
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Pulse"}, "effectiveDateTime": day,
        "valueQuantity": {"value": 70, "unit": "/min"}})
}

pub fn report(id: &str, of: &str, words: &str) -> Value {
    json!({"resourceType": "DiagnosticReport", "id": id, "status": "final", "subject": {"reference": format!("Patient/{of}")},
        "code": {"text": "Letter"}, "effectiveDateTime": "2011-05-05", "conclusion": words})
}

impl Place {
    fn new() -> Place {
        let home = folder();
        let archive = init(&home);
        let mut both = pulse("mo2", "m1", "2013-01-01");
        both["focus"] = json!([{"reference": "Patient/m3"}]);
        let mer = [
            patient("m1", "Marigold", "100", json!({})),
            pulse("mo1", "m1", "2010-01-01"),
            both,
            report("mr1", "m1", "Saw a wombat."),
            patient("m2", "Juniper", "101", json!({})),
            patient("m3", "Mary", "102", json!({"link": [{"other": {"reference": "Patient/m1"}, "type": "replaced-by"}]})),
        ];
        let hidden =
            json!({"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}]}});
        let pvs = [
            patient("p1", "Goldie", "200", json!({})),
            pulse("po1", "p1", "2012-01-01"),
            report("pr1", "p1", "Saw another wombat."),
            patient("p2", "Secretia", "201", hidden),
            pulse("po2", "p2", "2012-06-01"),
            report("pr2", "p2", "Saw a hidden wombat."),
        ];
        for (source, records) in [("mer", &mer[..]), ("pvs", &pvs[..])] {
            let lines: Vec<String> = records.iter().map(Value::to_string).collect();
            let file = home.path().join(format!("{source}.ndjson"));
            std::fs::write(&file, lines.join("\n") + "\n").expect("a writable folder");
            ingest_from(source, &archive, &[&file]).expect(0);
        }
        Place { home, archive }
    }

    fn identity(&self, words: &[&str]) -> crate::support::Run {
        let mut line = vec!["identity", words[0], self.archive.to_str().expect("plain names")];
        line.extend(&words[1..]);
        chartkeep(line)
    }
}

/// All ways to a chart, and to the patient.
const PATHS: [&str; 9] = [
    "/api/v1/patients/mer.m1",
    "/api/v1/patients/mer.m1/chart",
    "/api/v1/patients/mer.m1/records?newest=2",
    "/api/v1/patients/mer.m1/search?q=wombat",
    "/api/v1/patients/mer.m1/series?code=8867-4",
    "/api/v1/patients?q=quillfeather",
    "/fhir/Patient/mer.m1",
    "/fhir/Patient/mer.m1/$everything",
    "/fhir/Observation?patient=mer.m1",
];

struct Readers<'a> {
    server: &'a Server,
    clinician: String,
    him: String,
}

impl Readers<'_> {
    fn get(&self, role: &str, path: &str) -> crate::support::Answer {
        self.server.get(path, Some(if role == "him" { &self.him } else { &self.clinician }))
    }

    fn all(&self) -> Vec<(u16, Option<String>, String)> {
        let ask = |role, path: &&str| {
            let answer = self.get(role, path);
            (answer.status, answer.header("etag").map(str::to_string), answer.text())
        };
        PATHS.iter().flat_map(|path| [ask("clinician", path), ask("him", path)]).collect()
    }

    /// Waits until the server knows of what was said.
    fn until_linked(&self, count: usize) {
        let from = Instant::now();
        while self.get("him", PATHS[0]).json()["linked"].as_array().map(Vec::len) != Some(count) {
            assert!(from.elapsed() < Duration::from_secs(5), "the server does not know of the statement");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The entries of an event, oldest first.
pub fn entries(archive: &Path, event: &str) -> Vec<Value> {
    let query = Query { event: Some(event.into()), newest_first: false, limit: usize::MAX, ..Query::default() };
    let found = chartkeep::audit::read(archive, &query).expect("the log reads");
    found.into_iter().map(|found| Value::Object(found.entry)).collect()
}

pub fn ids(records: &Value) -> BTreeSet<&str> {
    records.as_array().into_iter().flatten().filter_map(|record| record["id"].as_str()).collect()
}

#[test]
fn a_link_shows_both_charts_as_one_and_taking_it_back_gives_the_bytes_of_before() {
    let place = Place::new();
    let server = Server::start(&place.archive);
    let readers = Readers { server: &server, clinician: token(&place.archive, "clinician"), him: token(&place.archive, "him") };
    let before = readers.all();
    assert!(before.iter().all(|(status, _, _)| *status == 200), "{before:?}");

    assert!(place.identity(&["link", "mer.m1", "mer.nobody", "--reason", "x"]).stderr.contains("no patient of this archive"));
    place.identity(&["link", "mer.m1", "pvs.p1", "--reason", "ID card seen", "--by", "Ann Example"]).expect(0);
    readers.until_linked(1);
    let cover = readers.get("clinician", PATHS[0]).json();
    assert_eq!((&cover["linked"][0]["key"], &cover["linked"][0]["source_system"]), (&json!("pvs.p1"), &json!("pvs")));
    assert!(cover["linked"][0]["reasons"][0].as_str().expect("a reason").contains("by Ann Example"), "{cover}");
    let observations = cover["counts"].as_array().expect("counts").iter().find(|n| n["value"] == "Observation");
    assert_eq!(observations.expect("counted")["count"], 3);
    let both = ["mer.m1", "mer.mo1", "mer.mo2", "mer.mr1", "pvs.p1", "pvs.po1", "pvs.pr1"];
    // From either key it is the same chart, and every record keeps its own subject.
    for key in ["mer.m1", "pvs.p1"] {
        let chart = readers.get("clinician", &format!("/api/v1/patients/{key}/chart")).json();
        assert_eq!(ids(&chart["records"]), BTreeSet::from(both), "{key}");
        let of_pvs = chart["records"].as_array().expect("records").iter().find(|record| record["id"] == "pvs.po1");
        assert_eq!(of_pvs.expect("there")["subject"]["reference"], "Patient/pvs.p1");
        let series = readers.get("clinician", &format!("/api/v1/patients/{key}/series?code=8867-4")).json();
        let sources: Vec<&str> =
            series["points"].as_array().expect("points").iter().filter_map(|p| p["source_system"].as_str()).collect();
        assert_eq!(sources, ["mer", "pvs", "mer"], "in the order of time");
        assert_eq!(readers.get("clinician", &format!("/api/v1/patients/{key}/search?q=wombat")).json()["total"], 2);
        assert_eq!(readers.get("clinician", &format!("/fhir/Observation?patient={key}")).json()["total"], 3);
    }
    let newest = readers.get("clinician", "/api/v1/patients/mer.m1/records?kind=Observation&newest=2").json();
    assert_eq!(ids(&newest["records"]), BTreeSet::from(["pvs.po1", "mer.mo2"]), "the newest of both sources");
    let patient = readers.get("clinician", "/fhir/Patient/mer.m1").json();
    assert_eq!(patient["link"], json!([{"other": {"reference": "Patient/pvs.p1"}, "type": "seealso"}]));
    assert_eq!(readers.get("clinician", "/fhir/Patient?family=Quillfeather").json()["total"], 4, "each key stays a Patient");

    let found = readers.get("clinician", "/api/v1/patients?q=quillfeather").json();
    assert_eq!((&found["total"], found["patients"].as_array().map(Vec::len)), (&json!(3), Some(3)));
    let joined = found["patients"].as_array().expect("hits").iter().find(|hit| hit["linked"] != json!([])).expect("one has two");
    assert_eq!(
        BTreeSet::from([joined["key"].as_str(), joined["linked"][0]["key"].as_str()]),
        [Some("mer.m1"), Some("pvs.p1")].into()
    );

    place.identity(&["unlink", "pvs.p1", "mer.m1", "--reason", "another person"]).expect(0);
    readers.until_linked(0);
    assert_eq!(readers.all(), before);

    drop(server);
    let named = |entry: &Value| -> BTreeSet<String> {
        let patients = entry["patients"].as_array().into_iter().flatten();
        patients.filter_map(|patient| patient["archive_id"].as_str()).map(str::to_string).collect()
    };
    let pair: BTreeSet<String> = ["mer.m1", "pvs.p1"].map(String::from).into();
    let charts = entries(&place.archive, "record.read");
    let of_chart = |key: &str| {
        let path = format!("/api/v1/patients/{key}/chart");
        charts.iter().filter(move |entry| entry["query"]["path"] == path.as_str())
    };
    assert!(
        of_chart("mer.m1").chain(of_chart("pvs.p1")).filter(|entry| named(entry) == pair).count() == 2,
        "both keys are named"
    );
    assert!(of_chart("mer.m1").any(|entry| named(entry) == BTreeSet::from(["mer.m1".to_string()])), "and before the link one");
    let changed = entries(&place.archive, "identity.changed");
    assert_eq!((changed.len(), changed.iter().all(|entry| named(entry) == pair)), (2, true));
}

#[test]
fn a_hidden_patient_does_not_show_through_a_link() {
    let place = Place::new();
    let server = Server::start(&place.archive);
    let readers = Readers { server: &server, clinician: token(&place.archive, "clinician"), him: token(&place.archive, "him") };
    add_account(&place.archive, "ann", "clinician");
    let clinician = || PATHS.iter().map(|path| readers.get("clinician", path).text()).collect::<Vec<_>>();
    let before = clinician();
    const PAGES: [&str; 4] = [
        "/patients/mer.m1",
        "/patients/mer.m1/search?q=wombat",
        "/patients/mer.m1/records/Observation/pvs.po2",
        "/api/v1/patients/mer.m1/search?q=hidden",
    ];
    let browser = Browser::sign_in(&server, "ann");
    let pages = || {
        PAGES
            .map(|path| browser.get(path))
            .map(|page| (page.status, page.text().contains("Secretia") || page.text().contains("hidden wombat")))
    };
    let seen = pages();
    assert!(seen.iter().all(|(_, is_told)| !is_told));
    place.identity(&["link", "mer.m1", "pvs.p2", "--reason", "same"]).expect(0);
    readers.until_linked(1);
    assert_eq!(clinician(), before, "nothing tells a clinician of the link");
    assert_eq!(pages(), seen);
    let him = readers.get("him", "/api/v1/patients/mer.m1/chart").json();
    assert!(ids(&him["records"]).contains("pvs.po2"), "who may see it does");
}

#[test]
fn a_record_that_names_two_keys_of_a_person_is_shown_once() {
    let place = Place::new();
    place.identity(&["scan", "--dry-run"]).expect(0);
    let scanned = place.identity(&["scan"]).expect(0);
    assert!(scanned.stdout.contains("1 statements made"), "{}", scanned.stdout);
    assert!(place.identity(&["scan"]).expect(0).stdout.contains("0 statements made"));
    let server = Server::start(&place.archive);
    let readers = Readers { server: &server, clinician: token(&place.archive, "clinician"), him: token(&place.archive, "him") };
    let chart = readers.get("clinician", "/api/v1/patients/mer.m3/chart").json();
    assert_eq!(ids(&chart["records"]), BTreeSet::from(["mer.m1", "mer.m3", "mer.mo1", "mer.mo2", "mer.mr1"]));
    assert_eq!(chart["total"], 5);
    let replaced = readers.get("clinician", "/fhir/Patient/mer.m3").json();
    assert_eq!((&replaced["active"], replaced["link"].as_array().map(Vec::len)), (&json!(false), Some(1)));
    assert_eq!(readers.get("clinician", "/fhir/Patient/mer.m1").json()["link"][0]["type"], "replaces");
}

#[test]
fn a_crosswalk_file_is_tried_imported_and_imported_again() {
    let place = Place::new();
    let file = place.home.path().join("mpi.csv");
    let rows = "local_id,source_system,enterprise_id,status,date\n100,mer,E1,active,2020-01-01\n200,pvs,E1,active,2020-01-01\n\
        9999,pvs,E1,active,2020-01-01\n";
    std::fs::write(&file, rows).expect("a writable folder");
    let import = |more: &[&str]| {
        let mut words = vec!["import", file.to_str().expect("plain names"), "--by", "Ann Example"];
        words.extend(more);
        place.identity(&words).expect(1)
    };
    let tried = import(&["--dry-run"]).stdout;
    assert!(tried.contains("would say: link mer.m1 and pvs.p1") && tried.contains("rows 4"), "{tried}");
    assert!(import(&[]).stdout.contains("1 statements made"));
    assert!(import(&[]).stdout.contains("0 statements made"));
    let shown = place.identity(&["show", "pvs.p1"]).expect(0).stdout;
    assert!(shown.contains("Linked with mer.m1: crosswalk file mpi.csv, row 3"), "{shown}");
    assert!(place.identity(&["list"]).expect(0).stdout.contains("mer.m1  pvs.p1"));

    let proposed = place.identity(&["candidates", "--json"]).expect(0).json();
    let pairs: Vec<&Value> = proposed["pairs"].as_array().expect("pairs").iter().collect();
    assert!(!pairs.iter().any(|pair| pair["a"]["key"] == "mer.m1" && pair["b"]["key"] == "pvs.p1"), "linked already: {proposed}");
    chartkeep([Path::new("verify"), &place.archive]).expect(0);
}
