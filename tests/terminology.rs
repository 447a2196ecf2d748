//! Code maps: they add codings to what is read, change no stored byte, and can be taken away again.
//!
//! Not for: the form of a map (`formats::code_map` has tests of its own).

use serde_json::Value;

use crate::support::{Folder, chartkeep, folder, ingest, init};

const RECORDS: &str = r#"{"resourceType":"Patient","id":"1","name":[{"family":"Example"}]}
{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"urn:archive:old:lab","code":"GLU","display":"Sugar"}],"text":"Sugar"},"subject":{"reference":"Patient/1"}}
"#;
const MAP: &str = "# name: labs\n# version: 2\n# owner: Laboratory\n# date: 2024-05-01\n\
    source_system,source_code,target_system,target_code,target_display,equivalence\n\
    urn:archive:old:lab,GLU,http://loinc.org,2345-7,Glucose,equal\n";

/// The codings of the one Observation as exported, and its original.
fn read(home: &Folder, archive: &std::path::Path, name: &str) -> (Vec<Value>, String) {
    let out = home.path().join(name);
    chartkeep(["export".as_ref(), archive, &out]).expect(0);
    let text = crate::support::exported(&out, "Observation");
    let record: Value = serde_json::from_str(&text).unwrap();
    let original = chartkeep(["export".as_ref(), archive, "--original".as_ref(), "Observation/mer.o1".as_ref()]).expect(0);
    (record["code"]["coding"].as_array().unwrap().clone(), original.stdout)
}

#[test]
fn a_map_adds_a_coding_beside_the_local_one_and_leaves_without_a_trace() {
    let home = folder();
    let archive = init(&home);
    let (records, map) = (home.path().join("all.ndjson"), home.path().join("map.csv"));
    std::fs::write(&records, RECORDS).unwrap();
    std::fs::write(&map, MAP).unwrap();
    ingest(&archive, &[&records]).expect(0);
    let before = read(&home, &archive, "before");
    let unmapped = || chartkeep(["terminology".as_ref(), "unmapped".as_ref(), archive.as_path(), "--json".as_ref()]).json();
    assert_eq!(unmapped()["accessions"][0]["codes"][0]["code"], "GLU");

    chartkeep(["terminology".as_ref(), "apply".as_ref(), archive.as_path(), &map]).expect(0);
    let (codings, original) = read(&home, &archive, "mapped");
    assert_eq!((codings.len(), &codings[0], &original), (2, &before.0[0], &before.1));
    assert_eq!((&codings[1]["code"], &codings[1]["display"]), (&Value::from("2345-7"), &Value::from("Glucose")));
    assert_eq!(codings[1]["extension"][0]["valueString"], "labs|2");
    assert_eq!(unmapped()["accessions"][0]["unmapped"], 0);
    chartkeep(["verify".as_ref(), archive.as_path(), "--delivery".as_ref(), &records]).expect(0);

    chartkeep(["terminology".as_ref(), "apply".as_ref(), archive.as_path(), "--none".as_ref()]).expect(0);
    assert_eq!(read(&home, &archive, "after"), before);
    chartkeep(["verify".as_ref(), archive.as_path()]).expect(0);
}
