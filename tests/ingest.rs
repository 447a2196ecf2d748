//! Ingest as its operator sees it: what is counted, what is a duplicate, which forms are read, when it is refused.
//!
//! Not for: other people's files (`corpus`), sudden death (`crash`), rebuilding what was delivered (`verify`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use chartkeep::model::Kind;
use serde_json::{Value, json};

use crate::support::archive::{accessions, ledger, records};
use crate::support::{Folder, audited, catalogs, chartkeep, copy, folder, hospital, ingest, ingest_from, init, loaded};

/// A folder with files of a delivery.
fn deliver(files: &[(&str, &[u8])]) -> Folder {
    let folder = folder();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("the folder can be made");
        std::fs::write(path, bytes).expect("the file can be written");
    }
    folder
}

/// Ingests files into a new archive; gives the archive's folder, its path and the result.
fn ingest_files(files: &[(&str, &[u8])]) -> (Folder, std::path::PathBuf, Value) {
    let delivery = deliver(files);
    let home = folder();
    let archive = init(&home);
    let result = ingest(&archive, &[delivery.path()]).expect(0).json();
    (home, archive, result)
}

fn totals(archived: u64, duplicate: u64, quarantined: u64) -> Value {
    let input = archived + duplicate + quarantined;
    json!({ "input": input, "archived": archived, "duplicate": duplicate, "quarantined": quarantined, "excluded": 0 })
}

fn patient(id: &str) -> String {
    json!({ "resourceType": "Patient", "id": id, "name": [{ "family": "Ahlgren", "given": ["Ida"] }] }).to_string()
}

fn observation(id: &str, subject: &str) -> String {
    json!({
        "resourceType": "Observation", "id": id, "status": "final", "subject": { "reference": subject },
        "code": { "coding": [{ "system": "http://loinc.org", "code": "718-7" }] },
        "valueQuantity": { "value": 13.2, "unit": "g/dL" }, "effectiveDateTime": "2019-03-04",
    })
    .to_string()
}

#[test]
fn what_the_sending_system_declared_is_held_against_what_was_read() {
    let lines = format!("{}\n{}\n{}\n", patient("p1"), patient("p2"), patient("p3"));
    let digest = |bytes: &[u8]| {
        use sha2::Digest as _;
        sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    let declared = |rows: u64, patients: u64, digest: &str| {
        format!(
            "vendor = \"MER Inc.\"\nextracted_at = 2024-06-30\n[counts]\nPatient = {patients}\n[[files]]\npath = \"./Patient.ndjson\"\n\
             rows = {rows}\nsha256 = \"{digest}\"\n[[files]]\npath = \"notes/gone.csv\"\nrows = 7\n"
        )
    };
    let of = |manifest: &str| {
        let delivery = deliver(&[("Patient.ndjson", lines.as_bytes()), ("manifest.toml", manifest.as_bytes())]);
        let home = folder();
        let archive = init(&home);
        let run = ingest(&archive, &[delivery.path()]);
        (home, archive, run)
    };
    let right = digest(lines.as_bytes());
    let (_home, archive, run) = of(&declared(3, 3, &right));
    assert_eq!(run.expect(0).json()["declared"], json!({ "compared": 3, "differing": 1 }), "the file that did not come differs");
    let accession = &accessions(&archive)[0];
    let report = std::fs::read(accession.paths().report_json()).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(report["declared"]["files"], json!({ "Patient.ndjson": 3, "notes/gone.csv": 7 }));
    let page = std::fs::read_to_string(accession.paths().report_json().with_extension("html")).expect("a page");
    assert!(page.contains("1 of 3 declared counts differ") && page.contains("not delivered"), "{page}");

    let (_home, _, run) = of(&declared(4, 3, &right));
    assert_eq!(run.expect(0).json()["declared"]["differing"], 2);
    let (_home, archive, run) = of(&declared(3, 3, &digest(b"another")));
    assert!(run.expect(2).stdout.contains("its SHA-256 is another") && accessions(&archive).is_empty());
    let (_home, _, run) = of("files = 7");
    assert!(run.expect(2).stdout.contains("manifest.toml, which says what was delivered, cannot be read"));
}

#[test]
fn the_made_up_hospital_declares_what_it_delivers() {
    let accession = &accessions(loaded())[0];
    let report: Value = serde_json::from_slice(&std::fs::read(accession.paths().report_json()).expect("a report")).expect("JSON");
    let declared = report["declared"]["files"].as_object().expect("its manifest says so");
    assert!(declared.len() > 5, "{declared:?}");
    for file in report["files"].as_array().expect("files") {
        if let Some(count) = declared.get(file["name"].as_str().expect("a name")) {
            assert_eq!(*count, file["fates"]["input"], "{file}");
        }
    }
}

#[test]
fn the_ledger_says_what_the_hospital_says() {
    let manifest = &hospital().manifest;
    let accession = &accessions(loaded())[0];
    assert_eq!(json!(accession.seal.ledger), json!(manifest.ledger));
    // The manifest counts a type that FHIR R4 lacks as no type; the seal keeps its name.
    let mut by_kind: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, count) in &accession.seal.by_kind {
        *by_kind.entry(Kind::from_name(kind).map_or("?", Kind::name).into()).or_default() += count;
    }
    assert_eq!(by_kind, manifest.by_kind);

    let rows = ledger(accession);
    for planted in &manifest.damage {
        let file = accession.files.iter().find(|file| file.name == planted.file).expect("the file is in the ledger");
        let row = rows.iter().find(|row| row.item == file.first_item + planted.line - 1).expect("the line is in the ledger");
        let fate = if row.outcome == "version" { "archived" } else { &row.outcome };
        assert_eq!(fate, planted.fate, "{}", planted.what);
        assert_eq!(row.reason.is_some(), planted.fate == "quarantined", "{}", planted.what);
    }
    let report = std::fs::read(accession.paths().dir().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["dangling"]["targets"], 1, "one reference was planted to lead nowhere");
    assert_eq!(report["quarantined"].as_array().unwrap().len() as u64, manifest.ledger.quarantined);
}

#[test]
fn every_record_of_the_hospital_is_there_byte_for_byte() {
    let mut delivered: Vec<Vec<u8>> = Vec::new();
    for file in hospital().files() {
        delivered.extend(std::fs::read(file).unwrap().split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec));
    }
    delivered.sort();
    delivered.dedup();
    let accession = &accessions(loaded())[0];
    let mut held: Vec<Vec<u8>> = records(accession).into_iter().map(|record| record.original).collect();
    let kept = ledger(accession).into_iter().filter(|row| row.outcome == "quarantined");
    held.extend(kept.map(|row| accession.kept(row.document.expect("quarantined is kept whole")).unwrap()));
    held.sort();
    assert!(held == delivered, "{} records held, {} delivered", held.len(), delivered.len());
}

#[test]
fn the_result_has_the_agreed_form() {
    let delivery = deliver(&[("p.ndjson", patient("a").as_bytes())]);
    let home = folder();
    let archive = init(&home);
    let run = ingest(&archive, &[delivery.path()]).expect(0);
    assert_eq!(run.stdout.lines().count(), 1, "the object, and nothing else: {run:?}");
    let result = run.json();
    let members: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["accession", "records", "by_kind", "seconds", "bytes_in", "bytes_archive"]);
    let records: Vec<&str> = result["records"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(records, ["input", "archived", "duplicate", "quarantined", "excluded"]);
    assert_eq!(result["by_kind"], json!({ "Patient": 1 }));
    assert_eq!(result["bytes_in"], patient("a").len());
    assert!(result["seconds"].as_f64().unwrap() > 0.0 && result["bytes_archive"].as_u64().unwrap() > 0);
    assert!(archive.join("accessions").join(result["accession"].as_str().unwrap()).join("seal.json").exists());
}

#[test]
fn the_same_delivery_again_changes_nothing_but_the_log() {
    let home = folder();
    let archive = init(&home);
    let first = ingest(&archive, &[&hospital().delivery()]).expect(1).json();
    let (before, entries) = (catalogs(&archive), audited(&archive, "ingest.run").len());
    let again = ingest(&archive, &[&hospital().delivery()]).expect(0).json();
    assert_eq!(again["accession"], first["accession"]);
    let input = first["records"]["input"].as_u64().unwrap();
    assert_eq!(again["records"], totals(0, input, 0));
    assert_eq!(again["by_kind"], first["by_kind"]);
    assert_eq!(catalogs(&archive), before);
    let after = audited(&archive, "ingest.run");
    assert_eq!(after.len(), entries + 1);
    assert_eq!(after[entries]["accession"], first["accession"]);
}

#[test]
fn of_an_overlapping_delivery_only_what_differs_is_archived() {
    let home = folder();
    let archive = init(&home);
    ingest(&archive, &[&hospital().delivery()]).expect(1);
    let second = home.path().join("second");
    copy(&hospital().delivery(), &second);
    let path = second.join("Condition.ndjson");
    let text = std::fs::read_to_string(&path).unwrap();
    let (line, rest) = text.split_once('\n').unwrap();
    let changed = line.replacen('{', "{ ", 1);
    std::fs::write(&path, format!("{changed}\n{rest}\n{}\n", patient("new-1"))).unwrap();

    let manifest = &hospital().manifest.ledger;
    let result = ingest(&archive, &[&second]).expect(1).json();
    let known = manifest.input - manifest.quarantined - 1;
    assert_eq!(result["records"], totals(2, known, manifest.quarantined));
    let both = accessions(&archive);
    assert_eq!(both.len(), 2);
    let added = records(&both[1]);
    assert_eq!(added.len(), 2);
    let version = added.iter().find(|record| record.kind.name() == "Condition").expect("the changed one");
    assert_eq!(version.original, changed.as_bytes());
    let earlier = both[0].find(version.kind, &version.id).unwrap();
    assert_eq!(both[0].original(earlier[0]).unwrap(), line.as_bytes(), "a version has the id of the one before it");
    let fates: Vec<String> = ledger(&both[1]).into_iter().filter(|r| r.outcome != "duplicate").map(|r| r.outcome).collect();
    assert!(fates.contains(&"version".into()) && fates.contains(&"archived".into()), "{fates:?}");
}

#[test]
fn a_patient_who_comes_again_changed_is_searched_once() {
    let home = folder();
    let archive = init(&home);
    let first = deliver(&[("p.ndjson", patient("77").as_bytes())]);
    let changed = patient("77").replacen('{', "{\"active\":true,", 1);
    let second = deliver(&[("p.ndjson", changed.as_bytes())]);
    for delivery in [&first, &second] {
        assert_eq!(ingest(&archive, &[delivery.path()]).expect(0).json()["records"], totals(1, 0, 0));
    }
    // The full check compares the patients of the store with those of the index.
    crate::support::chartkeep([std::path::Path::new("verify"), &archive]).expect(0);
    let index = std::fs::read(archive.join("indexes/0002/index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["patients"], 1);
}

#[test]
fn the_same_bytes_from_another_system_are_another_record() {
    let delivery = deliver(&[("p.ndjson", patient("77").as_bytes())]);
    let home = folder();
    let archive = init(&home);
    for source in ["mer", "Lab 2"] {
        let result = ingest_from(source, &archive, &[delivery.path()]).expect(0).json();
        assert_eq!(result["records"], totals(1, 0, 0), "{source}");
    }
    let both = accessions(&archive);
    let ids: Vec<String> = both.iter().flat_map(records).map(|record| record.id).collect();
    assert_eq!(ids[0], "mer.77");
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn packed_files_hold_the_same_records() {
    let lines = format!("{}\n{}\n", patient("a"), observation("o", "Patient/a"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(lines.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::stream::encode_all(lines.as_bytes(), 3).unwrap();
    let plain = records(&accessions(&ingest_files(&[("all.ndjson", lines.as_bytes())]).1)[0]).len();
    assert_eq!(plain, 2);
    for (name, bytes) in [("all.ndjson.gz", &gzip), ("all.ndjson.zst", &zstd), ("misnamed.ndjson", &gzip)] {
        let (_home, archive, result) = ingest_files(&[(name, bytes)]);
        assert_eq!(result["records"], totals(2, 0, 0), "{name}");
        assert_eq!(result["bytes_in"], lines.len(), "bytes are counted unpacked: {name}");
        let held: Vec<Vec<u8>> = records(&accessions(&archive)[0]).into_iter().map(|record| record.original).collect();
        assert!(held.contains(&patient("a").into_bytes()), "{name}");
    }
}

#[test]
fn a_bundle_counts_by_its_entries() {
    let full_url = "urn:uuid:3f0a4c52-8f0e-4d35-9c55-5d0f8a7f0b11";
    for (kind, request) in [
        ("collection", Value::Null),
        ("transaction", json!({ "method": "POST", "url": "Patient" })),
        ("document", Value::Null),
        ("searchset", Value::Null),
    ] {
        let entry = |url: &str, resource: &str| {
            let mut entry = json!({ "fullUrl": url, "resource": serde_json::from_str::<Value>(resource).unwrap() });
            if !request.is_null() {
                entry["request"] = request.clone();
            }
            entry
        };
        let mut nameless: Value = serde_json::from_str(&patient("x")).unwrap();
        nameless.as_object_mut().unwrap().remove("id");
        let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": [
            entry(full_url, &nameless.to_string()),
            entry("urn:uuid:0b9c1b9e-54d5-4b0b-8a39-0d5a4c8f2f01", &observation("o-1", full_url)),
            { "response": { "status": "204" } },
        ]});
        let (_home, archive, result) = ingest_files(&[("b.json", serde_json::to_string_pretty(&bundle).unwrap().as_bytes())]);
        assert_eq!(result["records"], totals(2, 0, 0), "{kind}");
        assert_eq!(result["by_kind"], json!({ "Observation": 1, "Patient": 1 }), "{kind}");
        let accession = &accessions(&archive)[0];
        let owner = records(accession).into_iter().find(|record| record.kind == Kind::PATIENT).unwrap();
        let key = chartkeep::model::PatientKey::parse(&owner.id).expect("a record id is a key");
        let chart = accession.patient(&key).unwrap().expect("the patient has a chart");
        assert_eq!(chart.count(), 2, "the observation lies in the chart of the patient it names by {full_url}: {kind}");
        let envelopes = ledger(accession).into_iter().filter(|row| row.outcome == "envelope");
        assert_eq!(envelopes.count(), 1, "the envelope is kept, and is no record: {kind}");
    }
}

#[test]
fn lines_of_every_form_are_the_same_records() {
    let (one, two) = (patient("a"), observation("o", "Patient/a"));
    let forms: [(&str, String); 6] = [
        ("plain", format!("{one}\n{two}\n")),
        ("no last line end", format!("{one}\n{two}")),
        ("carriage returns", format!("{one}\r\n{two}\r\n")),
        ("blank lines", format!("\n\n{one}\n   \n\n{two}\n\n")),
        ("byte-order mark", format!("\u{feff}{one}\n{two}\n")),
        ("blanks around", format!("  {one}\t\n {two}  \n")),
    ];
    for (form, text) in forms {
        let (_home, archive, result) = ingest_files(&[("lines.ndjson", text.as_bytes())]);
        assert_eq!(result["records"], totals(2, 0, 0), "{form}");
        let mut held: Vec<Vec<u8>> = records(&accessions(&archive)[0]).into_iter().map(|record| record.original).collect();
        held.sort();
        assert_eq!(held, [two.clone().into_bytes(), one.clone().into_bytes()], "{form}");
    }
}

#[test]
fn one_resource_to_a_file_may_be_laid_out_for_people() {
    let value: Value = serde_json::from_str(&patient("pretty")).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    let text = format!("\u{feff}{pretty}\r\n");
    let lines = format!("{}\n{}\n", patient("a"), patient("b"));
    let files = [("deep/er/pretty.json", text.as_bytes()), ("really-lines.json", lines.as_bytes())];
    let (_home, archive, result) = ingest_files(&files);
    assert_eq!(result["records"], totals(3, 0, 0));
    assert!(records(&accessions(&archive)[0]).iter().any(|record| record.original == pretty.as_bytes()));
}

#[test]
fn attachments_are_kept_wherever_they_lie() {
    let note = b"Walked 400 m without a stop.";
    let inline = "V2Fsa2VkIDQwMCBtLg==";
    let reference = |id: &str, attachment: Value| {
        json!({ "resourceType": "DocumentReference", "id": id, "status": "current", "subject": { "reference": "Patient/a" },
            "content": [{ "attachment": attachment }] })
        .to_string()
    };
    let binary = json!({ "resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": inline }).to_string();
    let inside = reference("inside", json!({ "contentType": "text/plain", "data": inline }));
    let beside = reference("beside", json!({ "contentType": "text/plain", "url": "notes/walk.txt" }));
    let lines = [patient("a"), binary, inside, beside].join("\n");
    let (_home, archive, result) = ingest_files(&[("all.ndjson", lines.as_bytes()), ("notes/walk.txt", note)]);
    assert_eq!(result["records"], totals(4, 0, 0), "a file beside the records is no record");
    let accession = &accessions(&archive)[0];
    let file = accession.files.iter().find(|file| file.name == "notes/walk.txt").unwrap();
    assert_eq!((file.fate.as_str(), file.bytes), ("kept", note.len() as u64));
    let attachment = |kind: &str, id: &str| {
        let found = accession.find(Kind::from_name(kind).unwrap(), &format!("mer.{id}")).unwrap()[0];
        accession.frame(found.frame, true).unwrap().attachment(found.index, 0).unwrap().expect("an attachment")
    };
    assert_eq!(attachment("DocumentReference", "beside"), note);
    assert_eq!(attachment("DocumentReference", "inside"), b"Walked 400 m.");
    assert_eq!(attachment("Binary", "b"), b"Walked 400 m.");
    let held: Vec<Vec<u8>> = records(accession).into_iter().map(|record| record.original).collect();
    assert!(lines.split('\n').all(|line| held.contains(&line.as_bytes().to_vec())), "base64 is put back as it was");
}

#[test]
fn a_type_without_a_table_is_kept_all_the_same() {
    let odd = r#"{"resourceType":"MolecularSequence","id":"ms","coordinateSystem":0}"#;
    let (_home, archive, result) = ingest_files(&[("odd.ndjson", odd.as_bytes())]);
    assert_eq!(result["by_kind"], json!({ "MolecularSequence": 1 }));
    assert_eq!(records(&accessions(&archive)[0])[0].original, odd.as_bytes());
}

#[test]
fn what_is_no_record_is_quarantined_whole_with_its_place() {
    let bad =
        ["{\"resourceType\":\"Patient\",\"id\":", "[1,2]", "{\"id\":\"x\"}", "{\"resourceType\":\"Nonsense\",\"id\":\"n\"}"];
    let mut bytes = format!("{}\n{}\n", patient("a"), bad.join("\n")).into_bytes();
    bytes.extend_from_slice(b"{\"resourceType\":\"Patient\",\"id\":\"\xff\"}\n");
    let delivery = deliver(&[("mixed.ndjson", &bytes)]);
    let home = folder();
    let archive = init(&home);
    let result = ingest(&archive, &[delivery.path()]).expect(1).json();
    assert_eq!(result["records"], totals(1, 0, 5));
    let accession = &accessions(&archive)[0];
    let rows: Vec<_> = ledger(accession).into_iter().filter(|row| row.outcome == "quarantined").collect();
    for (row, text) in rows.iter().zip(bad) {
        assert_eq!(accession.kept(row.document.unwrap()).unwrap(), text.as_bytes());
        let reason = row.reason.as_deref().unwrap();
        assert!(!reason.is_empty() && !reason.contains("Nonsense"), "a reason tells nothing of the content: {reason}");
    }
    let page = std::fs::read_to_string(accession.paths().dir().join("report.html")).unwrap();
    assert!(page.contains("mixed.ndjson"), "the report for people names the file");
}

#[test]
fn what_cannot_be_an_ingest_is_refused_and_leaves_nothing() {
    let home = folder();
    let archive = init(&home);
    let before = catalogs(&archive);
    let empty = deliver(&[]);
    let good = deliver(&[("p.ndjson", patient("a").as_bytes())]);
    let twice = deliver(&[("x/p.ndjson", b"{}"), ("y/p.ndjson", b"{}")]);
    let long = "x".repeat(65);
    let refused = |run: crate::support::Run, what: &str| {
        let run = run.expect(2);
        assert!(run.json()["error"].is_string() && run.stderr.starts_with("chartkeep: "), "{what}: {run:?}");
    };
    refused(ingest(&archive, &[empty.path()]), "an empty folder");
    refused(ingest(&archive, &[&good.path().join("missing")]), "a path that is not there");
    refused(ingest(&archive, &[&twice.path().join("x/p.ndjson"), &twice.path().join("y/p.ndjson")]), "one name twice");
    refused(ingest_from("", &archive, &[good.path()]), "a system without a name");
    refused(ingest_from(&long, &archive, &[good.path()]), "a name without end");
    refused(ingest(good.path(), &[good.path()]), "a folder that is no archive");
    assert_eq!(chartkeep([Path::new("ingest"), &archive]).code, Some(2), "no paths");
    assert_eq!(catalogs(&archive), before);
    assert_eq!(std::fs::read_dir(archive.join("accessions")).unwrap().count(), 0);
    ingest(&archive, &[good.path()]).expect(0);
}

#[test]
fn while_one_ingest_runs_a_second_is_refused() {
    let home = folder();
    let archive = init(&home);
    let delivery = deliver(&[("p.ndjson", patient("a").as_bytes())]);
    let lock = chartkeep::durable::lock_exclusive(&archive.join("write.lock")).unwrap().expect("nobody else has it");
    let run = ingest(&archive, &[delivery.path()]).expect(2);
    assert!(run.stderr.contains("another command"), "{run:?}");
    drop(lock);
    ingest(&archive, &[delivery.path()]).expect(0);
}

#[test]
fn an_archive_is_made_in_a_new_or_empty_folder_only() {
    let home = folder();
    let archive = init(&home);
    assert_eq!(chartkeep([Path::new("init"), &archive]).code, Some(2));
    let full = deliver(&[("something", b"here")]);
    assert_eq!(chartkeep([Path::new("init"), full.path()]).code, Some(2));
    assert_eq!(std::fs::read_dir(full.path()).unwrap().count(), 1);
}
