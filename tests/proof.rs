//! The proof of an accession: counts that add up file by file, a checklist of what is there, quarantined items in raw form,
//! and a reviewer's sample.
//!
//! Not for: what the ledger says of one record (`ingest`), or a damaged archive (`verify`).

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::archive::{accessions, ledger};
use crate::support::{Folder, Run, audited, chartkeep, folder, hospital, ingest, init, loaded};

fn run(words: &[&str], archive: &Path, more: &[&str]) -> Run {
    let archive = archive.to_str().expect("test folders have plain names");
    chartkeep(words.iter().chain([&archive]).chain(more).copied())
}

/// An archive of a delivery with two patients, an observation before the birth, a line that is no JSON, and a message.
fn small() -> (Folder, PathBuf, String) {
    let home = folder();
    let delivery = home.path().join("delivery");
    std::fs::create_dir(&delivery).unwrap();
    let patient =
        |id: &str, born: &str| format!(r#"{{"resourceType":"Patient","id":"{id}","birthDate":"{born}","gender":"female"}}"#);
    let weight = |id: &str, patient: &str, day: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","subject":{{"reference":"Patient/{patient}"}},"category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"29463-7"}}]}},"effectiveDateTime":"{day}","valueQuantity":{{"value":61.5,"unit":"kg"}}}}"#
        )
    };
    let lines = [
        patient("one", "1960-05-04"),
        patient("two", "1988"),
        weight("w1", "one", "1971-02-03"),
        weight("w2", "one", "1959-02-03"),
        weight("w3", "one", "1971-02-03").replace("w3", "w1"),
        "{ broken".into(),
    ];
    std::fs::write(delivery.join("records.ndjson"), lines.join("\n")).unwrap();
    let message = "MSH|^~\\&|LAB|H|X|H|20200102030405||ADT^A01|1|P|2.3\rPID|1||77^^^H^MR||Doe^Ann||19700101|F\rPV1|1|I|W^1^2\r";
    std::fs::write(delivery.join("messages.hl7"), message).unwrap();
    let archive = init(&home);
    let result = ingest(&archive, &[&delivery]).expect(1).json();
    (home, archive, result["accession"].as_str().unwrap().to_string())
}

fn report(archive: &Path) -> Value {
    run(&["report", "--json"], archive, &[]).expect(0).json()
}

#[test]
fn the_fates_of_every_file_and_kind_add_up_to_the_seal() {
    let report = report(loaded());
    let sum_of = |lines: Vec<&Value>, name: &str| lines.iter().map(|f| f[name].as_u64().unwrap_or(0)).sum::<u64>();
    let files: Vec<&Value> = report["files"].as_array().unwrap().iter().map(|f| &f["fates"]).collect();
    let kinds: Vec<&Value> = report["kinds"].as_object().unwrap().values().collect();
    for name in ["input", "archived", "duplicate", "quarantined", "excluded"] {
        let sealed = report["records"][name].as_u64().unwrap();
        assert_eq!((sum_of(files.clone(), name), sum_of(kinds.clone(), name)), (sealed, sealed), "{name}");
    }
    // Against the ledger as it lies on disk, for one file with damage in it.
    let accession = &accessions(loaded())[0];
    let planted = hospital().manifest.damage.iter().find(|d| d.fate == "quarantined").expect("some damage is planted");
    let file = accession.files.iter().find(|f| f.name == planted.file).unwrap();
    let items = file.first_item..file.first_item + file.items;
    let quarantined = ledger(accession).iter().filter(|r| items.contains(&r.item) && r.outcome == "quarantined").count();
    let line = report["files"].as_array().unwrap().iter().find(|f| f["name"] == planted.file.as_str()).unwrap();
    assert_eq!(line["fates"]["quarantined"], quarantined);
    let people = &report["people"];
    let charts = ["with_records", "alone", "without_patient"].map(|part| people[part].as_u64().unwrap());
    assert_eq!(people["charts"].as_u64().unwrap(), charts.iter().sum::<u64>());
}

#[test]
fn the_report_knows_what_is_there_and_which_dates_cannot_be_right() {
    let (home, archive, _) = small();
    let report = report(&archive);
    let element = |name: &str| {
        let mut all = report["profile"]["elements"].as_array().unwrap().iter();
        let found = all.find(|e| e["element"] == name).unwrap_or_else(|| panic!("{name} is on the list"));
        (found["records"].as_u64().unwrap(), found["patients"].as_u64().unwrap())
    };
    assert_eq!(element("Date of birth"), (3, 3));
    assert_eq!(element("Body weight"), (2, 1), "a duplicate is no further record");
    assert_eq!(element("Body height"), (0, 0));
    assert_eq!(element("Tests"), (0, 0), "vital signs are no laboratory tests");
    let dates = report["profile"]["dates"].as_array().unwrap();
    assert_eq!(dates.len(), 1, "{dates:?}");
    assert_eq!((&dates[0]["kind"], &dates[0]["before_birth"]), (&"Observation".into(), &1.into()));
    assert_eq!(report["profile"]["years"]["1971"]["Observation"], 1);
    assert_eq!((report["made"]["Patient"]["made"].as_u64(), report["made"]["Patient"]["repeated"].as_u64()), (Some(1), Some(0)));

    let page = home.path().join("report.html");
    run(&["report", "--html", page.to_str().unwrap()], &archive, &[]).expect(0);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("The ledger balances.") && page.contains("Body weight") && page.contains("Not signed off yet."));
    assert!(!page.contains("29463-7"), "codes are shown only when asked for");
}

#[test]
fn a_report_of_the_first_version_still_reads() {
    let old = r#"{"format":1,"accession":"acc-1","source_system":"mer","sealed_at":"2026-01-01T00:00:00Z",
        "records":{"input":1,"archived":1,"duplicate":0,"quarantined":0,"excluded":0},"balanced":true,"by_kind":{"Patient":1},
        "patients":1,"documents":0,"data_to":null,"bytes_in":9,"seconds":0.1,"quarantine_reasons":{},"quarantined":[],
        "dangling":{"references":0,"targets":0,"examples":[]},
        "files":[{"name":"p.ndjson","bytes":9,"sha256":"00","fate":"records","items":1}],
        "columns":[{"kind":"Patient","column":"gender","filled":1,"unreadable":0}]}"#;
    let report: chartkeep::ingest::report::Report = serde_json::from_str(old).unwrap();
    assert!(!report.is_full());
    let page = String::from_utf8(report.to_html(None)).unwrap();
    assert!(page.contains("The ledger balances.") && page.contains("gender") && !page.contains("USCDI"));
}

#[test]
fn what_was_quarantined_is_listed_without_content_and_shown_through_the_gate() {
    let (_home, archive, accession) = small();
    let listed = run(&["quarantine", "list", "--json"], &archive, &[]).expect(0);
    assert!(!listed.stdout.contains("broken"));
    let row = listed.json();
    assert_eq!(
        (&row["accession"], &row["file"], &row["number"]),
        (&accession.as_str().into(), &"records.ndjson".into(), &6.into())
    );
    assert_eq!(run(&["quarantine", "list", "--json", "--reason", "hl7v2"], &archive, &[]).expect(0).stdout, "");

    let item = row["item"].to_string();
    let shown = run(&["quarantine", "show"], &archive, &[&accession, &item]).expect(0);
    assert_eq!(shown.stdout, "{ broken");
    let log = chartkeep::audit::read(&archive, &chartkeep::audit::Query::default()).unwrap();
    let entry = log.iter().find(|found| found.entry["event"] == "document.download").expect("showing is written down");
    let text = serde_json::to_string(&entry.entry).unwrap();
    assert!(text.contains(&accession) && !text.contains("broken"), "{text}");
    // A record that is archived is not in quarantine.
    run(&["quarantine", "show"], &archive, &[&accession, "0"]).expect(2);
}

#[test]
fn a_sample_is_drawn_the_same_again_and_signed_off_for_the_seal() {
    let (home, archive, accession) = small();
    let draw = |name: &str| {
        let out = home.path().join(name);
        let path = out.to_str().unwrap().to_string();
        run(&["signoff", "sample"], &archive, &[&accession, "--sample", "3", "--seed", "s-1", "--out", &path]).expect(0);
        std::fs::read_to_string(out).unwrap()
    };
    let record = |seed: &str| {
        let more = [
            &accession,
            "--sample",
            "3",
            "--seed",
            seed,
            "--reviewer",
            "Dr. A. Quill",
            "--result",
            "accepted",
            "--note",
            "All agree.",
        ];
        run(&["signoff", "record"], &archive, &more)
    };
    record("s-1").expect(2);
    let page = draw("one.html");
    assert_eq!(page, draw("two.html"));
    assert_eq!(page.matches("<article>").count(), 3);
    assert!(page.contains("PID|1||77^^^H^MR||Doe^Ann"), "a record stands beside its message");

    record("s-2").expect(2);
    record("s-1").expect(0);
    let said = report(&archive)["sign_offs"].clone();
    assert_eq!((said.as_array().unwrap().len(), said[0]["is_of_this_seal"].as_bool()), (1, Some(true)));
    assert_eq!((&said[0]["reviewer"], &said[0]["sampled"]), (&"Dr. A. Quill".into(), &3.into()));
    assert!(audited(&archive, "archive.maintained").iter().any(|d| d["what"] == "sign-off" && d["result"] == "accepted"));
    run(&["verify"], &archive, &[]).expect(0);
}

#[test]
fn what_the_source_never_held_is_told_from_what_is_missing() {
    let home = folder();
    let (delivery, mapping) = (home.path().join("p.ndjson"), home.path().join("mapping.toml"));
    std::fs::write(&delivery, "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":\"male\"}").unwrap();
    let settings = "schema = 1\nsource = \"old\"\nversion = \"7\"\nnever_delivered = [\"Goals\", \"dental charts\"]\n";
    std::fs::write(&mapping, settings).unwrap();
    let archive = init(&home);
    let words = ["--source-system", "old", delivery.to_str().unwrap(), "--mapping", mapping.to_str().unwrap()];
    run(&["ingest"], &archive, &words).expect(0);
    let report = report(&archive);
    let never: Vec<&Value> =
        report["profile"]["elements"].as_array().unwrap().iter().filter(|e| e["never_delivered"] == true).collect();
    assert_eq!((never.len(), &never[0]["class"]), (2, &"Goals".into()));
    assert_eq!((&report["mapping"], report["mapping_sha256"].as_str().unwrap().len()), (&"old 7".into(), 64));
    let page = home.path().join("report.html");
    run(&["report", "--html", page.to_str().unwrap()], &archive, &[]).expect(0);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("not in source") && page.contains("Not of USCDI: dental charts."));
}
