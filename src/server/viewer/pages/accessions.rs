//! The archivist's pages: accessions in force, and the reconciliation of one: every record read, and what became of it.
//!
//! Not for: computing the ledger (`ingest`), or signing off.

use askama::Template;

use super::super::frame::Frame;
use super::super::source::Badge;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::render;

/// One accession in force.
#[derive(Clone, Debug, Default)]
pub struct AccessionRow {
    pub id: String,
    pub source_system: String,
    /// `YYYY-MM-DD` or longer.
    pub sealed: Option<String>,
    pub generation: u32,
    /// Records archived, versions included.
    pub records: u64,
    pub patients: u64,
    /// Size on disk.
    pub bytes: u64,
    pub quarantined: u64,
    /// "in force", "withdrawn" …
    pub state: String,
}

/// What became of the records read. The parts must add up to `read`.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub read: u64,
    pub archived: u64,
    pub duplicates: u64,
    pub excluded: u64,
    /// Used up by other source records.
    pub joined: u64,
    pub quarantined: u64,
}

/// One delivered file and its fate.
#[derive(Clone, Debug, Default)]
pub struct FileRow {
    pub name: String,
    /// "records", "kept" …, in the ledger's words.
    pub fate: String,
    pub items: u64,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// One reason for quarantine with its first example (file and position, never content).
#[derive(Clone, Debug, Default)]
pub struct Quarantine {
    pub reason: String,
    pub count: u64,
    pub first: String,
}

/// One review.
#[derive(Clone, Debug, Default)]
pub struct SignOffRow {
    /// `YYYY-MM-DD`.
    pub at: String,
    pub reviewer: String,
    pub accepted: bool,
    pub note: String,
    pub sampled: u64,
    pub seed: String,
    /// Whether it was given for the seal in force.
    pub of_this_seal: bool,
}

#[derive(Clone, Debug, Default)]
pub struct AccessionReport {
    pub row: AccessionRow,
    /// The sums over all files.
    pub total: Totals,
    pub files: Vec<FileRow>,
    /// Files beyond those listed.
    pub more_files: u64,
    /// Input records by resource type, whatever their fate.
    pub by_kind: Vec<(String, u64)>,
    pub quarantine: Vec<Quarantine>,
    /// (what, words): findings, digests, seal.
    pub facts: Vec<(String, String)>,
    /// What reviewers said of it, oldest first.
    pub sign_offs: Vec<SignOffRow>,
}

impl Totals {
    fn difference(&self) -> i128 {
        i128::from(self.read) - i128::from(self.archived + self.duplicates + self.excluded + self.joined + self.quarantined)
    }
}

#[derive(Template)]
#[template(path = "accessions.html")]
struct List<'a> {
    frame: &'a Frame,
    fact: String,
    table: Table,
}

pub fn accessions(frame: &Frame, rows: &[AccessionRow]) -> String {
    let columns = [
        ("Accession", ""),
        ("Sealed", "date"),
        ("State", ""),
        ("Patients", "num"),
        ("Records", "num"),
        ("Quarantined", "num"),
        ("On disk", "num drop"),
        ("Source", "src"),
    ];
    let row = |r: &AccessionRow| {
        Row::new(vec![
            Cell::main(
                Some(r.id.clone()),
                Some(format!("/accessions/{}", r.id)),
                Some(format!("{}, generation {}", r.source_system, r.generation)),
            ),
            Cell::day(r.sealed.as_deref()),
            Cell::Tag(text::sentence(&r.state), if r.state == "in force" { "good" } else { "caution" }),
            Cell::count(r.patients),
            Cell::count(r.records),
            if r.quarantined > 0 { Cell::Tag(text::count(r.quarantined), "alert") } else { Cell::count(0) },
            Cell::Text(text::bytes(r.bytes)),
            Cell::Badge(frame.badge(&r.source_system)),
        ])
    };
    let records: u64 = rows.iter().map(|r| r.records).sum();
    let table = Table::new("Accessions in force", &columns, "No accession yet. Load a delivery with “chartkeep ingest”.");
    let fact = format!("{} in force, {}", text::count(rows.len() as u64), text::counted(records, "record", "records"));
    render(List { frame, fact, table: table.rows(rows.iter().map(row).collect()) })
}

/// One part of the equation: words, count, class of its colour, and its share of the bar in thousandths.
struct Part {
    words: &'static str,
    count: String,
    class: &'static str,
    x: f64,
    width: f64,
}

#[derive(Template)]
#[template(path = "accession.html")]
struct Report<'a> {
    frame: &'a Frame,
    report: &'a AccessionReport,
    badge: Badge,
    read: String,
    parts: Vec<Part>,
    balanced: bool,
    difference: String,
    share: String,
    files: Table,
    kinds: Table,
    quarantine: Table,
    quarantined: String,
    sign_offs: Table,
    files_fact: String,
}

pub fn accession(frame: &Frame, report: &AccessionReport) -> String {
    let t = &report.total;
    let mut parts = vec![
        ("Archived", t.archived, "p1"),
        ("Duplicate of a kept record", t.duplicates, "p3"),
        ("Left out by a named rule", t.excluded, "p4"),
        ("Quarantined", t.quarantined, "p5"),
    ];
    if t.joined > 0 {
        parts.insert(1, ("Joined into other records", t.joined, "p2"));
    }
    let balanced = t.difference() == 0;
    let share = if t.read == 0 { 0.0 } else { t.archived as f64 * 100.0 / t.read as f64 };
    render(Report {
        frame,
        badge: frame.badge(&report.row.source_system),
        read: text::count(t.read),
        parts: drawn(&parts, t.read),
        balanced,
        difference: text::count(t.difference().unsigned_abs() as u64),
        // Rounded down: what is not whole must not read as 100 %.
        share: format!("{:.2} % archived", (share * 100.0).floor() / 100.0),
        files: files(report),
        kinds: kinds(report),
        quarantine: quarantine(report),
        quarantined: text::count(t.quarantined),
        sign_offs: sign_offs(report),
        files_fact: match report.more_files {
            0 => text::counted(report.files.len() as u64, "file", "files"),
            more => format!(
                "the first {} of {}",
                text::count(report.files.len() as u64),
                text::count(more + report.files.len() as u64)
            ),
        },
        report,
    })
}

/// The parts drawn to scale over a width of 1000; a part that is not zero is at least 3 wide.
fn drawn(parts: &[(&'static str, u64, &'static str)], read: u64) -> Vec<Part> {
    let wide = |n: u64| if n == 0 { 0.0 } else { (n as f64 * 1000.0 / read.max(1) as f64).max(3.0) };
    let sum: f64 = parts.iter().map(|p| wide(p.1)).sum::<f64>().max(1.0);
    let mut x = 0.0;
    parts
        .iter()
        .map(|(words, n, class)| {
            let width = wide(*n) * 1000.0 / sum.max(1000.0);
            let part = Part { words, count: text::count(*n), class, x, width: (width - 1.0).max(0.0) };
            x += width;
            part
        })
        .collect()
}

fn files(report: &AccessionReport) -> Table {
    let columns = [("File", ""), ("Items", "num"), ("Fate", ""), ("Size", "num drop"), ("SHA-256", "mono drop")];
    let row = |f: &FileRow| {
        Row::new(vec![
            Cell::Text(f.name.clone()),
            Cell::count(f.items),
            Cell::Text(text::sentence(&f.fate)),
            Cell::Text(text::bytes(f.bytes)),
            Cell::Text(f.sha256.get(..16).map_or_else(String::new, |start| format!("{start}…"))),
        ])
    };
    Table::new("Delivered files", &columns, "No files.").rows(report.files.iter().map(row).collect())
}

fn sign_offs(report: &AccessionReport) -> Table {
    let columns = [("Reviewer and finding", ""), ("Result", ""), ("Date", "date"), ("Sample", "num"), ("Seed", "mono drop")];
    let row = |s: &SignOffRow| {
        let (word, tone) = match (s.accepted, s.of_this_seal) {
            (_, false) => ("Of another seal", "caution"),
            (true, true) => ("Accepted", "good"),
            (false, true) => ("Rejected", "alert"),
        };
        Row::new(vec![
            Cell::main(Some(s.reviewer.clone()), None, Some(s.note.clone())),
            Cell::Tag(word.into(), tone),
            Cell::day(Some(&s.at)),
            Cell::count(s.sampled),
            Cell::Text(s.seed.clone()),
        ])
    };
    Table::new("Reviews of a random sample", &columns, "Not signed off yet.").rows(report.sign_offs.iter().map(row).collect())
}

fn kinds(report: &AccessionReport) -> Table {
    let row = |(kind, n): &(String, u64)| {
        let name = if kind == "?" { "Not readable".to_string() } else { kind.clone() };
        Row::new(vec![Cell::Text(name), Cell::count(*n)])
    };
    Table::new("Records read by kind", &[("Kind", ""), ("Read", "num")], "No records.")
        .rows(report.by_kind.iter().map(row).collect())
}

fn quarantine(report: &AccessionReport) -> Table {
    let row =
        |q: &Quarantine| Row::new(vec![Cell::main(Some(q.reason.clone()), None, Some(q.first.clone())), Cell::count(q.count)]);
    Table::new("Quarantine by reason", &[("Reason and first example", ""), ("Records", "num")], "Nothing was quarantined.")
        .rows(report.quarantine.iter().map(row).collect())
}
