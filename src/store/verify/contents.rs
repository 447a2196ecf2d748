//! What the files of an accession say about each other: charts against the seal, tables, documents, shapes, ledger.
//!
//! Not for: digests of files (`files`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::charts::{self, Charts};
use super::{Checker, Report, ledger};
use crate::model::Kind;
use crate::store::Accession;
use crate::store::documents::PackFrame;
use crate::store::manifest::hex;
use crate::store::tables;

/// Reads everything of an accession. `damaged` are files whose digest is wrong: nothing more is asked of these.
pub(super) fn check(checker: &Checker<'_>, accession: &Accession, damaged: &[String], of: u64, report: &mut Report) {
    let charts = charts::check(checker, accession, report.records, of);
    report.records += charts.records;
    report.documents += accession.seal.documents;
    report.indexed_patients += charts.indexed_patients;
    report.is_complete &= charts.root.is_some();
    let totals = by_kind(&charts);
    for (kind, count) in &totals {
        *report.by_kind.entry(kind.name().to_string()).or_default() += count;
    }
    let seal_path = accession.paths.dir().with_file_name("seal.json");
    if charts.root.is_some_and(|root| hex(&root) != accession.seal.merkle_root) {
        checker.find(&seal_path, None, "the records' Merkle root is not the sealed one");
    }
    counts(checker, accession, &charts, &seal_path);
    kept(checker, accession);
    if charts.root.is_some() {
        tables(checker, accession, &charts, damaged);
        if !damaged.iter().any(|d| d == "ledger/records.parquet") {
            ledger::check(checker, accession, &totals);
        }
    }
}

fn by_kind(charts: &Charts) -> BTreeMap<Kind, u64> {
    let mut all = BTreeMap::new();
    for (kind, count) in charts.by_kind.iter().flatten() {
        *all.entry(*kind).or_default() += count;
    }
    all
}

/// Counts of parts, files, manifest and seal.
fn counts(checker: &Checker<'_>, accession: &Accession, charts: &Charts, seal_path: &std::path::Path) {
    let manifest = &accession.manifest;
    let in_parts: Vec<u64> = accession.charts.iter().map(|c| c.items()).collect();
    if manifest.parts != in_parts {
        checker.find(&accession.paths.manifest(), None, "the parts hold other numbers of records than the manifest says");
    }
    if charts.records != accession.seal.records {
        checker.find(seal_path, None, format!("{} records in charts, {} sealed", charts.records, accession.seal.records));
    }
    let moved: u64 = accession.documents.iter().take(accession.charts.len()).map(|d| d.items()).sum();
    if moved != accession.seal.documents {
        checker.find(seal_path, None, format!("{moved} documents, {} sealed", accession.seal.documents));
    }
    let parts = accession.charts.iter().chain(&accession.documents).map(|f| (f.path().to_path_buf(), f.items()));
    let single = [
        (accession.paths.shapes(), accession.shapes.len() as u64),
        (accession.paths.locator(), accession.locator.len() as u64),
        (accession.paths.directory(), accession.directory.len()),
        (accession.paths.ledger_files(), accession.files.len() as u64),
        (accession.paths.labels(), accession.labels().runs()),
    ];
    let held: BTreeMap<PathBuf, u64> = parts.chain(single).collect();
    for file in &manifest.files {
        let path = accession.paths.dir().join(&file.path);
        if let (Some(listed), Some(held)) = (file.rows, held.get(&path))
            && listed != *held
        {
            checker.find(&path, None, format!("it holds {held} entries, {listed} by the manifest"));
        }
    }
    for number in 1..=accession.shapes.len() as u32 {
        if accession.shapes.get(number).is_none() {
            checker.find(&accession.paths.shapes(), None, format!("shape {number} is no FHIR resource"));
        }
    }
}

/// The pack of what was kept whole; the other packs are read with the charts.
fn kept(checker: &Checker<'_>, accession: &Accession) {
    let Some(pack) = accession.documents.last() else { return };
    for (number, meta) in pack.frames().iter().enumerate() {
        match PackFrame::read(pack, number, true) {
            Ok(frame) if frame.len() == meta.items as usize => {}
            Ok(_) => checker.find(pack.path(), Some(meta.offset), "the frame holds another number of documents"),
            Err(error) => checker.error(pack.path(), &error),
        }
    }
}

/// Every page of every table; rows of each kind and part against the charts.
fn tables(checker: &Checker<'_>, accession: &Accession, charts: &Charts, damaged: &[String]) {
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (part, by_kind) in charts.by_kind.iter().enumerate() {
        for (kind, count) in by_kind.iter().filter(|(kind, _)| tables::kinds().get(**kind).is_some()) {
            expected.insert(format!("tables/{kind}/p{part:04}.parquet"), *count);
        }
    }
    let mut jobs: Vec<(PathBuf, u64)> = Vec::new();
    for file in accession.manifest.files.iter().filter(|f| f.path.starts_with("tables/")) {
        let path = accession.paths.dir().join(&file.path);
        match expected.remove(&file.path) {
            None => checker.find(&path, None, "there are no records for this table in the charts"),
            Some(_) if damaged.contains(&file.path) => {}
            Some(rows) if file.rows != Some(rows) => checker.find(&path, None, "the manifest has another number of rows"),
            Some(rows) => jobs.push((path, rows)),
        }
    }
    for missing in expected.into_keys() {
        checker.find(&accession.paths.dir().join(missing), None, "the table is missing");
    }
    jobs.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..checker.threads {
            scope.spawn(|| {
                while let Some((path, rows)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(finding) = tables::verify(path, *rows) {
                        checker.find(path, None, format!("{}: {}", finding.code, finding.note));
                    }
                }
            });
        }
    });
}
