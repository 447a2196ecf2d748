//! Tests of the made-up hospital as a whole: it is the same every time, and its manifest tells the truth.
//!
//! Not for: single parts, which have theirs beside them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Format, Ledger, MANIFEST_FILE_NAME, Manifest, Options, SynthError, formats};
use crate::model::{Kind, When};

fn made(options: &Options, threads: usize) -> (tempfile::TempDir, Manifest) {
    let dir = tempfile::tempdir().unwrap();
    let manifest = formats::write(dir.path(), options, threads).unwrap();
    (dir, manifest)
}

/// Every file below a folder, by relative path.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// The non-blank lines of all NDJSON files: file, 1-based line number, text.
fn lines(files: &BTreeMap<String, Vec<u8>>) -> Vec<(&str, u64, &str)> {
    let ndjson = files.iter().filter(|(name, _)| name.ends_with(".ndjson"));
    ndjson
        .flat_map(|(name, bytes)| {
            let text = std::str::from_utf8(bytes).unwrap();
            (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty()).map(move |(n, line)| (name.as_str(), n, line))
        })
        .collect()
}

fn usable(line: &str) -> Option<Value> {
    serde_json::from_str::<Value>(line).ok().filter(|v| v["resourceType"].as_str().is_some_and(|t| Kind::from_name(t).is_some()))
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_threads() {
    let options = Options { patients: 40, seed: 11, ..Options::default() };
    let (one, two) = (made(&options, 1), made(&options, 2));
    assert_eq!(one.1, two.1);
    assert!(files(one.0.path()) == files(two.0.path()));
    let other = made(&Options { seed: 12, ..options }, 2);
    assert!(files(one.0.path())["Patient.ndjson"] != files(other.0.path())["Patient.ndjson"]);
}

#[test]
fn a_larger_delivery_begins_with_the_smaller_one() {
    let options = |patients| Options { patients, damage: false, ..Options::default() };
    let (small, large) = (files(made(&options(12), 2).0.path()), files(made(&options(21), 2).0.path()));
    for (name, bytes) in small.iter().filter(|(name, _)| *name != MANIFEST_FILE_NAME) {
        assert!(large[name].starts_with(bytes), "{name}");
    }
}

#[test]
fn the_manifest_counts_what_is_there() {
    let (dir, manifest) = made(&Options { patients: 30, seed: 3, ..Options::default() }, 2);
    let files = files(dir.path());
    assert_eq!(serde_json::from_slice::<Manifest>(&files[MANIFEST_FILE_NAME]).unwrap(), manifest);
    let (mut by_kind, mut by_file, mut seen) = (BTreeMap::new(), BTreeMap::new(), HashSet::new());
    let (mut archived, mut duplicate, mut quarantined, mut restricted) = (0, 0, Vec::new(), 0);
    for (file, number, line) in lines(&files) {
        *by_file.entry(file.to_string()).or_insert(0) += 1;
        let Some(value) = usable(line) else {
            *by_kind.entry("?".to_string()).or_insert(0) += 1;
            quarantined.push((file.to_string(), number));
            continue;
        };
        let kind = value["resourceType"].as_str().unwrap();
        assert_eq!(file, format!("{kind}.ndjson"));
        *by_kind.entry(kind.to_string()).or_insert(0) += 1;
        *(if seen.insert(line) { &mut archived } else { &mut duplicate }) += 1;
        restricted += u64::from(value["meta"]["security"].is_array());
    }
    assert_eq!((&by_kind, &by_file), (&manifest.by_kind, &manifest.files));
    let ledger = manifest.ledger;
    assert_eq!((ledger.archived, ledger.duplicate, ledger.quarantined), (archived, duplicate, quarantined.len() as u64));
    assert_eq!(ledger.input, archived + duplicate + quarantined.len() as u64);
    assert_eq!(manifest.restricted, restricted);
    let planted = |fate: &str| -> Vec<(String, u64)> {
        let mut found: Vec<_> = manifest.damage.iter().filter(|d| d.fate == fate).map(|d| (d.file.clone(), d.line)).collect();
        found.sort();
        found
    };
    assert_eq!((planted("quarantined"), planted("duplicate").len() as u64), (quarantined, duplicate));
    let documents = files.keys().filter(|name| name.starts_with("documents/")).count() as u64;
    assert_eq!(manifest.documents, documents);
    let bytes: usize = files.iter().filter(|(name, _)| *name != MANIFEST_FILE_NAME).map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(manifest.bytes, bytes as u64);
}

#[test]
fn every_date_but_the_planted_one_exists_and_every_reference_but_the_planted_one_resolves() {
    let (dir, manifest) = made(&Options { patients: 20, seed: 5, ..Options::default() }, 2);
    let files = files(dir.path());
    let records: Vec<Value> = lines(&files).into_iter().filter_map(|(_, _, line)| usable(line)).collect();
    let ids: HashSet<String> = records.iter().map(|v| format!("{}/{}", text(&v["resourceType"]), text(&v["id"]))).collect();
    let (mut odd, mut dangling) = (Vec::new(), Vec::new());
    for record in &records {
        walk(record, &mut |key, value| {
            let date = ["Date", "DateTime", "start", "end", "recorded", "issued", "lastUpdated"].iter().any(|s| key.ends_with(s));
            if date && value.len() < 30 && When::parse(value).is_none() {
                odd.push(text(&record["id"]).to_string());
            }
            let local = key == "reference" && !value.contains('?') && !value.starts_with('#');
            if local && !ids.contains(value) {
                dangling.push(text(&record["id"]).to_string());
            }
        });
    }
    let planted = |what: &str| vec![manifest.damage.iter().find(|d| d.what == what).unwrap().id.clone().unwrap()];
    assert_eq!((odd, dangling), (planted("impossible date"), planted("dangling reference")));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Calls back with every text member of a record.
fn walk(value: &Value, found: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| match value {
            Value::String(text) => found(key, text),
            other => walk(other, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        _ => {}
    }
}

#[test]
fn sample_patients_are_as_described() {
    let (dir, manifest) = made(&Options { patients: 20, seed: 8, ..Options::default() }, 2);
    let files = files(dir.path());
    let records: Vec<(Value, &str)> = lines(&files).into_iter().filter_map(|(_, _, l)| Some((usable(l)?, l))).collect();
    assert_eq!(manifest.sample_patients.len(), 20);
    for sample in &manifest.sample_patients {
        let name = format!("\"Patient/{}\"", sample.id);
        let own = |v: &Value| v["resourceType"] == "Patient" && text(&v["id"]) == sample.id;
        let named = |v: &Value, line: &str| own(v) || (v["resourceType"] != "Patient" && line.contains(&name));
        let (mut counts, mut seen) = (BTreeMap::new(), HashSet::new());
        for (value, _) in records.iter().filter(|(v, line)| named(v, line)) {
            if seen.insert((text(&value["resourceType"]), text(&value["id"]))) {
                *counts.entry(text(&value["resourceType"]).to_string()).or_insert(0) += 1;
            }
        }
        assert_eq!(counts, sample.records);
        if let Some(note) = &sample.note {
            let (document, _) = records.iter().find(|(v, _)| text(&v["id"]) == note.document).unwrap();
            assert!(content(document, &files, &records).contains(&note.phrase));
        }
        let Some(series) = &sample.series else { continue };
        let values = records.iter().filter(|(v, line)| {
            v["code"]["coding"][0]["code"] == series.code.as_str() && line.contains(&name) && v["meta"]["security"].is_null()
        });
        let values: HashSet<String> = values.map(|(v, _)| v["valueQuantity"]["value"].to_string()).collect();
        assert!(series.values.iter().all(|p| values.contains(p.value.trim_start_matches('<'))));
    }
}

/// The bytes of a document as text, wherever they are.
fn content(document: &Value, files: &BTreeMap<String, Vec<u8>>, records: &[(Value, &str)]) -> String {
    let attachment = &document["content"][0]["attachment"];
    let data = match attachment["url"].as_str() {
        None => STANDARD.decode(text(&attachment["data"])).unwrap(),
        Some(url) if url.starts_with("documents/") => files[url].clone(),
        Some(url) => {
            let (binary, _) = records.iter().find(|(v, _)| url.strip_prefix("Binary/") == v["id"].as_str()).unwrap();
            STANDARD.decode(text(&binary["data"])).unwrap()
        }
    };
    String::from_utf8_lossy(&data).into_owned()
}

#[test]
fn each_marker_stands_in_its_own_restricted_note_and_nowhere_else() {
    let (dir, manifest) = made(&Options { patients: 60, seed: 2, damage: false, ..Options::default() }, 2);
    let files = files(dir.path());
    let records: Vec<(Value, &str)> = lines(&files).into_iter().filter_map(|(_, _, l)| Some((usable(l)?, l))).collect();
    assert!(manifest.restricted_markers.len() > 10);
    let mut found = 0;
    for (document, _) in records.iter().filter(|(v, _)| v["resourceType"] == "DocumentReference") {
        let text_of = content(document, &files, &records);
        let mine = manifest.restricted_markers.iter().find(|m| text(&document["id"]) == m.document);
        let here: Vec<&str> =
            manifest.restricted_markers.iter().map(|m| m.word.as_str()).filter(|word| text_of.contains(word)).collect();
        assert_eq!(here, mine.map(|m| m.word.as_str()).into_iter().collect::<Vec<_>>());
        let security = &document["meta"]["security"];
        assert_eq!(security.is_array(), mine.is_some());
        if let Some(marker) = mine {
            assert_eq!((security[0]["code"].as_str(), security[1]["code"].as_str()), (Some("R"), Some(marker.code.as_str())));
            found += 1;
        }
    }
    assert_eq!(found, manifest.restricted_markers.len());
}

#[test]
fn patients_only_and_the_giant_are_as_large_as_asked() {
    let (dir, manifest) = made(&Options { patients: 3000, patients_only: true, ..Options::default() }, 2);
    let names: Vec<String> = files(dir.path()).into_keys().collect();
    assert_eq!(names, ["Patient.ndjson", MANIFEST_FILE_NAME]);
    let (fates, ledger) = (&manifest.damage, manifest.ledger);
    assert_eq!(ledger.input, 3000 + fates.len() as u64);
    assert_eq!(ledger.quarantined, fates.iter().filter(|d| d.fate == "quarantined").count() as u64);

    let (_dir, giant) = made(&Options { patients: 1, giant_patient: Some(5000), ..Options::default() }, 2);
    let extra = giant.damage.iter().filter(|d| d.what == "dangling reference" || d.what == "impossible date").count() as u64;
    assert_eq!(giant.sample_patients[0].records.values().sum::<u64>(), 5000 + extra);
}

#[test]
fn a_folder_with_something_in_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("keep"), "x").unwrap();
    assert!(matches!(super::write(dir.path(), &Options::default()), Err(SynthError::NotEmpty(_))));
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn scans_and_pdfs_can_be_read_by_others() {
    let note = super::notes::Note {
        kind: super::notes::NoteKind::Letter,
        sections: vec![("HEADING", "Señora O’Brien (left) is well.".into())],
        phrase: String::new(),
    };
    let pdf = crate::formats::text_of(&super::pdf::one_page(&note), Some("application/pdf")).text;
    assert!(pdf.contains("Señora O’Brien (left) is well."), "{pdf}");
    let tiff = super::scan::page(&note.text());
    let page = image::load_from_memory_with_format(&tiff, image::ImageFormat::Tiff).unwrap().into_luma8();
    let black = page.pixels().filter(|p| p.0[0] == 0).count();
    assert_eq!(page.dimensions(), (1272, 1648));
    assert!((500..20_000).contains(&black), "{black} black pixels");
}

#[test]
fn every_form_is_the_same_for_the_same_seed_and_the_manifest_counts_what_is_there() {
    for format in [Format::Hl7v2, Format::Scans, Format::Ccda, Format::Csv] {
        let options = Options { format, patients: 20, seed: 5, ..Options::default() };
        let (one, two) = (made(&options, 1), made(&options, 1));
        let (first, second) = (files(one.0.path()), files(two.0.path()));
        assert_eq!(one.1, two.1);
        assert!(first == second);
        for (name, count) in &one.1.files {
            let bytes = &first[name];
            let headers = bytes.windows(5).filter(|w| w[1..] == *b"MSH|" && matches!(w[0], b'\r' | b'\n' | 0x0B)).count();
            let told = match format {
                Format::Hl7v2 => headers,
                // Notes have line feeds inside, and rows end with both.
                Format::Csv if name.ends_with(".CSV") => bytes.windows(2).filter(|w| w == b"\r\n").count() - 1,
                _ if name == "index.csv" => bytes.iter().filter(|b| **b == b'\n').count() - 1,
                _ => 1,
            };
            assert_eq!(told as u64, *count, "{name}");
        }
        let Ledger { input, archived, joined, excluded, .. } = one.1.ledger;
        assert_eq!((input, one.1.files.values().sum::<u64>()), (archived + joined + excluded, input));
    }
}
