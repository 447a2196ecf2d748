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

/// Messages of a file, counted apart from the product: lines that begin with `MSH` and a delimiter, after any framing.
fn messages(bytes: &[u8]) -> u64 {
    let lines = bytes.split(|b| matches!(b, b'\r' | b'\n' | 0x0b | 0x1c));
    let is_header = |line: &&[u8]| {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let line = &line[line.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0)..];
        line.starts_with(b"MSH") && line.get(3).is_some_and(|b| !b.is_ascii_alphanumeric())
    };
    lines.filter(is_header).count() as u64
}

#[test]
fn every_form_of_the_corpus_loads_in_one_run_and_no_sound_message_or_document_is_refused() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from) else {
        println!("not run: CHARTKEEP_CORPUS does not name the sample corpus");
        return;
    };
    let home = folder();
    let archive = init(&home);
    let words = ["ingest", "--json", "--source-system", "zoo", "--mapping", "synthea"].map(Path::new);
    let result = crate::support::chartkeep(words.into_iter().chain([archive.as_path(), &corpus])).expect(1).json();
    let records = |member: &str| result["records"][member].as_u64().unwrap_or(0);
    let fates = ["archived", "duplicate", "quarantined", "excluded", "joined"];
    assert_eq!(records("input"), fates.iter().map(|fate| records(fate)).sum::<u64>());

    let accession = &accessions(&archive)[0];
    assert_eq!(accession.files.len(), files_below(&corpus).len(), "every file has a line in the ledger");
    let rows = ledger(accession);
    let of_form = |form: &str| rows.iter().filter(|r| r.entry == 0 && r.kind.starts_with(form)).collect::<Vec<_>>();

    // Two files hold a header that ends in its own delimiters, one begins with lines that are of no message.
    let messages_read = of_form("hl7v2");
    let refused = messages_read.iter().filter(|r| r.outcome == "quarantined").map(|r| r.reason.as_deref().unwrap_or(""));
    let codes: Vec<&str> = refused.map(|reason| reason.split(':').next().unwrap_or(reason)).collect();
    assert_eq!(codes, ["leading-junk", "truncated", "truncated"]);
    let counted: u64 = files_below(&corpus.join("hl7v2")).iter().map(|f| messages(&std::fs::read(f).unwrap())).sum();
    // The junk is a source record and no message; UTF-16 files are not counted by bytes.
    let read = messages_read.len() as u64 - 1;
    let wide: u64 =
        accession.files.iter().filter(|f| f.fate == "messages" && is_wide(&corpus.join(&f.name))).map(|f| f.items).sum();
    assert_eq!(read - wide, counted, "messages by an independent count");

    let documents = of_form("cda");
    assert!(documents.len() > 200 && documents.iter().all(|r| r.outcome != "quarantined"), "no CDA document is refused");
    let tables = of_form("row:");
    assert!(tables.len() > 10_000 && tables.iter().all(|r| r.outcome == "archived" || r.outcome == "duplicate"));
    let checked =
        crate::support::chartkeep([Path::new("verify"), &archive, Path::new("--delivery"), &corpus, Path::new("--json")]);
    assert_eq!(checked.expect(0).json()["rebuilt_files"], accession.files.len());
}

/// Whether a file is UTF-16.
fn is_wide(path: &Path) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}
