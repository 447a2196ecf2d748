//! `verify` finds whatever is changed, missing or added, and rebuilds what was delivered.
//!
//! Not for: the parts by themselves (unit tests of `signing`, `audit`, `index`, `store::tables`).

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::sealed::{Fixture, chartkeep, files_below, succeed, text};

/// Exit code and JSON of a `verify`.
fn verify(archive: &Path, more: &[&str]) -> (i32, Value) {
    let mut args = vec!["verify", text(archive), "--json"];
    args.extend(more);
    let output = chartkeep(&args);
    let last = String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_string();
    let json = serde_json::from_str(&last).unwrap_or_else(|_| panic!("{last} {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), json)
}

/// Demands that a check fails and names this file.
fn demand_found(fixture: &Fixture, path: &Path, what: &str, more: &[&str]) {
    let (code, json) = verify(&fixture.archive, more);
    let file = text(path.strip_prefix(&fixture.archive).unwrap());
    let named = json["findings"].as_array().unwrap().iter().any(|f| f["file"] == file);
    assert!(code == 2 && json["ok"] == false && named, "{file}, {what}: exit {code}, {json}");
}

fn checked_files(fixture: &Fixture) -> Vec<PathBuf> {
    let folders = ["accessions", "catalog", "indexes", "statements", "audit", "keys"];
    folders.iter().flat_map(|f| files_below(&fixture.archive.join(f))).collect()
}

#[test]
fn a_sound_archive_checks_and_the_check_is_logged() {
    let fixture = Fixture::new(6, 3);
    let (code, json) = verify(&fixture.archive, &["--delivery", text(&fixture.delivery)]);
    assert_eq!((code, &json["ok"], &json["logged"]), (0, &Value::Bool(true), &Value::Bool(true)), "{json}");
    assert_eq!(json["rebuilt_files"].as_u64().unwrap() as usize, files_below(&fixture.delivery).len());
    assert_eq!(verify(&fixture.archive, &["--sample", "40", "--seed", "9"]).0, 0);
    let shown = succeed(&["audit", "show", text(&fixture.archive), "--event", "audit.verify"]);
    assert_eq!(shown.lines().count(), 2, "{shown}");
    // Without the keys, as on a read-only mount, it checks all the same.
    std::fs::rename(&fixture.keys, fixture.keys.with_extension("away")).unwrap();
    let (code, json) = verify(&fixture.archive, &["--files-only"]);
    assert_eq!((code, &json["logged"]), (0, &Value::Bool(false)));
}

/// A few places of every file; with `CHARTKEEP_TEST_EVERY_BYTE=1` each byte (a long run, by name).
#[test]
fn a_flipped_byte_in_any_file_is_found() {
    let fixture = Fixture::new(2, 5);
    // Without keys no check writes an entry, and the archive stays as it is.
    std::fs::rename(&fixture.keys, fixture.keys.with_extension("away")).unwrap();
    let every = std::env::var("CHARTKEEP_TEST_EVERY_BYTE").is_ok();
    let mut state = 7u64;
    for path in checked_files(&fixture) {
        let good = std::fs::read(&path).unwrap();
        if good.is_empty() {
            continue;
        }
        let mut places: Vec<usize> = vec![0, good.len() / 2, good.len() - 1];
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        places.push((state >> 33) as usize % good.len());
        if every {
            places = (0..good.len()).collect();
        }
        for at in places {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, &bytes).unwrap();
            demand_found(&fixture, &path, &format!("byte {at}"), &["--files-only"]);
        }
        std::fs::write(&path, &good).unwrap();
    }
    assert_eq!(verify(&fixture.archive, &[]).0, 0);
}

#[test]
fn the_full_check_goes_on_after_a_finding_and_names_the_place() {
    let fixture = Fixture::new(4, 5);
    let folder = fixture.accession().join("0001");
    let charts = folder.join("charts/p0000.frames");
    let table = folder.join("tables/Observation/p0000.parquet");
    let ledger = folder.join("ledger/records.parquet");
    let pack = folder.join("documents/p0000.pack");
    for path in [&charts, &table, &ledger, &pack] {
        let mut bytes = std::fs::read(path).unwrap();
        let at = bytes.len() / 3;
        bytes[at] ^= 0x10;
        std::fs::write(path, bytes).unwrap();
    }
    for path in [&charts, &table, &ledger, &pack] {
        demand_found(&fixture, path, "one of several", &[]);
    }
    let (_, json) = verify(&fixture.archive, &[]);
    let offset_of = |name: &str| {
        let findings = json["findings"].as_array().unwrap();
        findings.iter().find(|f| f["file"].as_str().unwrap().ends_with(name)).and_then(|f| f["offset"].as_u64())
    };
    assert!(offset_of("p0000.frames").is_some() && offset_of("p0000.pack").is_some(), "{json}");
}

#[test]
fn missing_truncated_and_added_files_are_found() {
    let fixture = Fixture::new(2, 6);
    std::fs::rename(&fixture.keys, fixture.keys.with_extension("away")).unwrap();
    for path in checked_files(&fixture) {
        let good = std::fs::read(&path).unwrap();
        if good.is_empty() {
            continue;
        }
        // A log has reserved space behind its end, which is no loss.
        let end = if path.extension().is_some_and(|e| e == "log") {
            good.iter().rposition(|b| *b != 0).unwrap()
        } else {
            good.len() - 1
        };
        std::fs::write(&path, &good[..end]).unwrap();
        demand_found(&fixture, &path, "cut short", &["--files-only"]);
        std::fs::remove_file(&path).unwrap();
        let (code, json) = verify(&fixture.archive, &["--files-only"]);
        assert_eq!(code, 2, "{} is missing: {json}", path.display());
        std::fs::write(&path, &good).unwrap();
    }
    let accession = fixture.accession();
    for folder in ["catalog", "keys", "audit", "indexes", "accessions"].map(|f| fixture.archive.join(f)).into_iter().chain([
        accession.clone(),
        accession.join("0001"),
        accession.join("0001/charts"),
        accession.join("0001/tables/Patient"),
        fixture.archive.join("indexes/0001/text"),
        fixture.archive.join("audit/s0000"),
    ]) {
        let stray = folder.join("stray");
        std::fs::write(&stray, "x").unwrap();
        demand_found(&fixture, &stray, "added", &["--files-only"]);
        std::fs::remove_file(&stray).unwrap();
    }
    assert_eq!(verify(&fixture.archive, &["--files-only"]).0, 0);
}

#[test]
fn a_catalog_taken_away_is_missed() {
    let fixture = Fixture::new(1, 8);
    std::fs::remove_file(fixture.archive.join("catalog/00000001.json")).unwrap();
    demand_found(&fixture, &fixture.accession(), "its catalog is gone", &["--files-only"]);
}

/// A second delivery that repeats records of the first, in lines, in a Bundle, and packed.
fn repeating_delivery(fixture: &Fixture, dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    let lines = std::fs::read_to_string(fixture.delivery.join("Observation.ndjson")).unwrap();
    let known: Vec<&str> = lines.lines().take(30).collect();
    let new = r#"{"resourceType":"Observation","id":"new-1","status":"final","code":{"text":"new"}}"#;
    let plain = format!("\u{feff}{}\r\n\r\n  {new}\n{}", known[..20].join("\r\n"), known[20]);
    std::fs::write(dir.join("again.ndjson"), &plain).unwrap();
    let bundle = format!(
        "{{ \"resourceType\": \"Bundle\", \"type\": \"collection\",\n \"entry\": [{{\"resource\": {} }},\n{{\"resource\":{} }}]}}\n",
        known[3],
        new.replace("new-1", "new-2")
    );
    std::fs::write(dir.join("bundle.json"), bundle).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(known[21..].join("\n").as_bytes()).unwrap();
    std::fs::write(dir.join("packed.ndjson.gz"), packed.finish().unwrap()).unwrap();
}

#[test]
fn delivered_files_are_rebuilt_even_where_they_repeat_an_earlier_delivery() {
    let fixture = Fixture::new(2, 9);
    let second = fixture.delivery.with_file_name("d2");
    repeating_delivery(&fixture, &second);
    succeed(&["ingest", text(&fixture.archive), text(&second), "--source-system", "mer"]);
    let (code, json) = verify(&fixture.archive, &["--delivery", text(&second)]);
    assert_eq!((code, json["rebuilt_files"].as_u64()), (0, Some(3)), "{json}");
    // A file that is not what was delivered.
    let path = second.join("again.ndjson");
    let changed = std::fs::read_to_string(&path).unwrap().replace("new-1", "new-3");
    std::fs::write(&path, changed).unwrap();
    let (code, json) = verify(&fixture.archive, &["--files-only", "--delivery", text(&second)]);
    assert_eq!((code, json["rebuilt_files"].as_u64()), (2, Some(2)), "{json}");
}

#[test]
fn an_index_made_anew_and_the_report_check() {
    let fixture = Fixture::new(2, 4);
    succeed(&["index", text(&fixture.archive), "--rebuild"]);
    assert_eq!(verify(&fixture.archive, &[]).0, 0);
    let words = succeed(&["report", text(&fixture.archive)]);
    assert!(words.contains("the ledger balances"), "{words}");
    let json: Value = serde_json::from_str(&succeed(&["report", text(&fixture.archive), "--json"])).unwrap();
    assert_eq!(json["balanced"], true);
    let page = fixture.delivery.with_file_name("report.html");
    succeed(&["report", text(&fixture.archive), "--html", text(&page)]);
    assert!(std::fs::read_to_string(&page).unwrap().contains("</html>"));
}

#[test]
fn a_compacted_archive_is_smaller_and_the_same() {
    let fixture = Fixture::new(12, 4);
    let seal = std::fs::read(fixture.accession().join("seal.json")).unwrap();
    let printed = succeed(&["compact", text(&fixture.archive)]);
    let (code, json) = verify(&fixture.archive, &["--delivery", text(&fixture.delivery)]);
    assert_eq!((code, &json["leftovers"]), (0, &Value::Array(vec![])), "{printed} {json}");
    assert_eq!(std::fs::read(fixture.accession().join("seal.json")).unwrap(), seal);
    assert!(fixture.accession().join("0002").is_dir() && !fixture.accession().join("0001").exists(), "{printed}");
    assert!(!fixture.archive.join("building").exists());
    // A second run finds nothing to gain and changes nothing.
    succeed(&["compact", text(&fixture.archive)]);
    assert_eq!(verify(&fixture.archive, &[]).0, 0);
}
