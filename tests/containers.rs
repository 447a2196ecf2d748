//! Deliveries in containers as their operator sees them: read like folders, checked like folders, refused by name.
//!
//! Not for: the forms of containers (unit tests of `sources`).

use std::io::{Cursor, Write};
use std::path::Path;

use serde_json::json;

use crate::sealed::text;
use crate::support::{chartkeep, folder, ingest, init};

fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_zipped_delivery_is_archived_known_again_and_rebuilt() {
    let patient = json!({ "resourceType": "Patient", "id": "1", "name": [{ "family": "Ahlgren" }] }).to_string();
    let home = folder();
    let delivery = home.path().join("export.zip");
    std::fs::write(&delivery, zipped(&[("fhir/Patient.ndjson", &format!("{patient}\n")), ("readme.txt", "read me")])).unwrap();
    let archive = init(&home);
    let result = ingest(&archive, &[&delivery]).expect(0).json();
    assert_eq!(result["by_kind"], json!({ "Patient": 1 }));
    let again = ingest(&archive, &[&delivery]).expect(0).json();
    assert_eq!((&again["accession"], &again["records"]["duplicate"]), (&result["accession"], &json!(1)));
    let checked = chartkeep(["verify", text(&archive), "--delivery", text(&delivery), "--json"]).expect(0).json();
    assert_eq!((&checked["rebuilt_files"], &checked["leftovers"]), (&json!(3), &json!([])));

    std::fs::write(&delivery, zipped(&[("fhir/Patient.ndjson", &format!("{patient} \n")), ("readme.txt", "read me")])).unwrap();
    chartkeep(["verify", text(&archive), "--delivery", text(&delivery), "--json"]).expect(2);
    assert_eq!(below(home.path()), ["archive", "export.zip"].map(String::from), "what was unpacked is gone");
}

/// Names of what lies in a folder, but for keys.
fn below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.ends_with(".keys"));
    names.sort();
    names
}

#[test]
fn a_container_that_leads_elsewhere_is_refused_by_name() {
    let home = folder();
    let delivery = home.path().join("export.zip");
    std::fs::write(&delivery, zipped(&[("../../evil.ndjson", "{}")])).unwrap();
    let refused = ingest(&init(&home), &[&delivery]).expect(2);
    assert!(refused.stderr.contains("export.zip/../../evil.ndjson"), "{}", refused.stderr);
}
