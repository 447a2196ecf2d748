//! Files written by other people: the open sample corpus, whose place `CHARTKEEP_CORPUS` names.
//!
//! Not for: what each odd file means; this holds that none is lost and that all are counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::archive::{accessions, ledger};
use crate::support::{folder, ingest, init};

/// What the corpus must come to, counted without any of the product's code: input by type, `?` where it has none.
#[derive(Default)]
struct Count {
    by_kind: BTreeMap<String, u64>,
}

impl Count {
    /// A resource; a Bundle counts by its entries only.
    fn resource(&mut self, resource: &Value) {
        match resource["resourceType"].as_str() {
            Some("Bundle") => {
                let entries = resource["entry"].as_array().map_or(&[][..], Vec::as_slice);
                entries.iter().map(|entry| &entry["resource"]).filter(|inner| inner.is_object()).for_each(|r| self.resource(r));
            }
            Some(kind) => *self.by_kind.entry(kind.into()).or_default() += 1,
            None => self.unknown(),
        }
    }

    fn unknown(&mut self) {
        *self.by_kind.entry("?".into()).or_default() += 1;
    }

    fn text(&mut self, text: &str) {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => self.resource(&value),
            Err(_) => self.unknown(),
        }
    }

    fn file(&mut self, path: &Path) {
        let bytes = std::fs::read(path).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let text = text.trim_start_matches('\u{feff}');
        if path.extension().is_some_and(|extension| extension == "ndjson") {
            text.lines().filter(|line| !line.trim().is_empty()).for_each(|line| self.text(line));
        } else {
            self.text(text);
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn the_open_corpus_loads_and_the_fate_of_every_file_is_told() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from) else {
        println!("not run: CHARTKEEP_CORPUS does not name the sample corpus");
        return;
    };
    let folders = [corpus.join("fhir-ndjson"), corpus.join("fhir-bundles")];
    let files: Vec<PathBuf> = folders.iter().flat_map(|folder| files_below(folder)).collect();
    let mut count = Count::default();
    files.iter().for_each(|file| count.file(file));
    assert!(files.len() > 100 && count.by_kind.len() > 30, "this is not the whole corpus");

    let home = folder();
    let archive = init(&home);
    // Exit code 1: the corpus holds lines that are no records, and they are there to be looked at.
    let result = ingest(&archive, &[&folders[0], &folders[1]]).expect(1).json();
    let by_kind: BTreeMap<String, u64> = serde_json::from_value(result["by_kind"].clone()).unwrap();
    assert_eq!(by_kind, count.by_kind);
    let records = |member: &str| result["records"][member].as_u64().unwrap();
    assert_eq!(records("input"), count.by_kind.values().sum::<u64>());
    let fates = ["archived", "duplicate", "quarantined", "excluded"];
    assert_eq!(records("input"), fates.iter().map(|fate| records(fate)).sum::<u64>());
    assert_eq!(records("quarantined"), count.by_kind["?"], "all that has a type is kept as a record");

    let accession = &accessions(&archive)[0];
    assert_eq!(accession.files.len(), files.len(), "every file has a line in the ledger");
    for row in ledger(accession) {
        let is_told = row.ordinal.is_some() || row.document.is_some();
        assert!(is_told && (row.outcome != "quarantined" || row.reason.is_some()), "{row:?}");
    }
}
