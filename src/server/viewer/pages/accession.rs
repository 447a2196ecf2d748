//! The reconciliation of one accession: every record read and what became of it, file by file; quarantine, code mapping,
//! gates, and the years that the source held.
//!
//! Figures stand whole, never abbreviated, and the parts add up. Not for: computing the ledger (`ingest`), or signing off.

use std::collections::BTreeMap;

use askama::Template;

use super::super::frame::Frame;
use super::super::html::{Markup, escape, url_part};
use super::super::source::Badge;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::accessions::AccessionRow;
use super::codes::{CodesFound, GateLine, gates};
use super::render;
use super::years::{YearBars, year_bars};

/// Files listed before the others are summed up.
const FILES_FIRST: usize = 8;
/// Reasons listed before the list of all.
const REASONS_FIRST: usize = 8;

/// What became of the records read. The parts must add up to `read`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub read: u64,
    /// Further versions of a record included.
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
    /// `None` in reports of the first version.
    pub totals: Option<Totals>,
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
    /// Of the archived, further versions of a record.
    pub versions: u64,
    pub bytes_in: u64,
    pub files: Vec<FileRow>,
    /// Input records by resource type, whatever their fate.
    pub by_kind: Vec<(String, u64)>,
    pub quarantine: Vec<Quarantine>,
    /// The accession in which the quarantined records were read again.
    pub read_again: Option<String>,
    /// (what, words): findings, digests, seal.
    pub facts: Vec<(String, String)>,
    /// What reviewers said of it, oldest first.
    pub sign_offs: Vec<SignOffRow>,
    /// Records by year and kind.
    pub years: BTreeMap<i32, BTreeMap<String, u64>>,
}

impl Totals {
    fn difference(&self) -> i128 {
        i128::from(self.read) - i128::from(self.archived + self.duplicates + self.excluded + self.joined + self.quarantined)
    }

    fn plus(self, other: Totals) -> Totals {
        Totals {
            read: self.read + other.read,
            archived: self.archived + other.archived,
            duplicates: self.duplicates + other.duplicates,
            excluded: self.excluded + other.excluded,
            joined: self.joined + other.joined,
            quarantined: self.quarantined + other.quarantined,
        }
    }
}

/// One part of the equation: words, count, class of its colour, and its share of the bar in thousandths.
struct Part {
    words: &'static str,
    count: String,
    class: &'static str,
    x: String,
    width: String,
}

#[derive(Template)]
#[template(path = "accession.html")]
struct Report<'a> {
    frame: &'a Frame,
    report: &'a AccessionReport,
    badge: Badge,
    state: (&'static str, &'static str),
    fact: String,
    read: String,
    parts: Vec<Part>,
    balanced: bool,
    result: String,
    share: String,
    rest: String,
    files: Table,
    files_fact: String,
    paging: Paging,
    quarantine: Table,
    quarantined: String,
    codes: Table,
    codes_fact: String,
    lines: Vec<GateLine>,
    sign_offs: Option<Table>,
    years: Vec<YearBars>,
}

/// `page` of all files, or the largest of them for `None`.
pub fn accession(frame: &Frame, report: &AccessionReport, codes: &CodesFound, page: Option<usize>) -> String {
    let t = &report.total;
    let parts = [
        ("Archived", t.archived.saturating_sub(report.versions), "p1"),
        ("Older version, kept", report.versions, "p2"),
        ("Duplicate of a kept record", t.duplicates, "p3"),
        ("Left out by a named rule", t.excluded, "p4"),
        ("Joined into another record", t.joined, "p6"),
        ("Quarantined", t.quarantined, "p5"),
    ];
    let balanced = t.difference() == 0 && report.files.iter().filter_map(|f| f.totals).all(|t| t.difference() == 0);
    let (files, files_fact, paging) = files(report, page);
    let (drawn, widened) = drawn(&parts, t.read);
    let kept = text::counted(t.quarantined, "record", "records");
    let kinds = text::counted(report.quarantine.len() as u64, "reason", "reasons");
    render(Report {
        frame,
        badge: frame.badge(&report.row.source_system),
        state: report.row.state.words(),
        fact: fact(report),
        read: text::count(t.read),
        parts: drawn,
        balanced,
        result: result(report),
        share: format!("{} archived", percent(t.archived, t.read)),
        rest: format!("{} otherwise accounted for ({widened})", percent(t.read.saturating_sub(t.archived), t.read)),
        files,
        files_fact,
        paging,
        quarantine: quarantine(report),
        quarantined: if t.quarantined == 0 { "nothing".into() } else { format!("{kept}, kept whole, {kinds}") },
        codes: super::codes::coverage(codes, &report.row.id),
        codes_fact: codes.fact(),
        lines: lines(report, codes, balanced),
        sign_offs: (!report.sign_offs.is_empty()).then(|| sign_offs(report)),
        years: year_bars(&report.years),
        report,
    })
}

/// A share, cut down: what is not whole does not read as 100 %.
pub(super) fn percent(part: u64, of: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(of.max(1));
    match tenths {
        0 if part > 0 => "less than 0.1 %".into(),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

fn fact(report: &AccessionReport) -> String {
    let sealed = report.row.sealed.as_deref().map(|at| format!(", sealed {}", text::day(Some(at)))).unwrap_or_default();
    format!("{}, generation {}{sealed}", report.row.source_system, report.row.generation)
}

fn result(report: &AccessionReport) -> String {
    let wrong: Vec<String> = report
        .files
        .iter()
        .filter_map(|f| Some((f, f.totals?.difference())).filter(|(_, difference)| *difference != 0))
        .map(|(f, difference)| {
            format!("{} unaccounted for in {}", text::counted(difference.unsigned_abs() as u64, "record", "records"), f.name)
        })
        .collect();
    let difference = report.total.difference();
    let of_each = report.files.iter().all(|f| f.totals.is_some());
    match (wrong.as_slice(), difference) {
        ([], 0) => format!(
            "The parts add up to what was read, {}in total. Difference 0 records. {} read.",
            if of_each {
                format!("for each of {} and ", text::counted(report.files.len() as u64, "file", "files"))
            } else {
                String::new()
            },
            text::bytes(report.bytes_in),
        ),
        ([], n) => {
            format!("{} unaccounted for.", text::counted(n.unsigned_abs() as u64, "record is", "records are"))
        }
        (wrong, _) => format!("{}.", wrong.join("; ")),
    }
}

/// The parts drawn to scale over a width of 1000; one that is not zero is at least 3 wide, and the words name those.
fn drawn(parts: &[(&'static str, u64, &'static str)], read: u64) -> (Vec<Part>, String) {
    let wide = |n: u64| if n == 0 { 0.0 } else { (n as f64 * 1000.0 / read.max(1) as f64).max(3.0) };
    let sum: f64 = parts.iter().map(|p| wide(p.1)).sum::<f64>().max(1000.0);
    let mut x = 0.0;
    let drawn = parts
        .iter()
        .map(|(words, n, class)| {
            let width = wide(*n) * 1000.0 / sum;
            let at = x;
            x += width;
            let width = format!("{:.2}", (width - 1.0).max(0.0));
            Part { words, count: text::count(*n), class, x: format!("{at:.2}"), width }
        })
        .collect();
    let small = parts.iter().filter(|p| p.1 > 0 && u128::from(p.1) * 1000 < u128::from(read) * 3);
    let small: Vec<String> = small.map(|p| format!("{} {}", p.0.to_lowercase(), percent(p.1, read))).collect();
    let widened = match small.as_slice() {
        [] => "true scale".to_string(),
        small => format!("true scale, except {}, drawn wider", small.join(", ")),
    };
    (drawn, widened)
}

fn figure(n: u64) -> Cell {
    if n == 0 { Cell::Markup(Markup::trusted("<span class=\"missing\">0</span>".into())) } else { Cell::count(n) }
}

fn red(n: u64) -> Cell {
    match n {
        0 => figure(0),
        n => Cell::Markup(Markup::trusted(format!("<span class=\"out\">{}</span>", text::count(n)))),
    }
}

fn difference(totals: &Totals) -> Cell {
    Cell::Markup(Markup::trusted(match totals.difference() {
        0 => "<span class=\"checked\">0</span>".into(),
        n => format!("<span class=\"out\">{}{}</span>", if n < 0 { "−" } else { "" }, text::count(n.unsigned_abs() as u64)),
    }))
}

fn file_cells(main: Cell, totals: Option<Totals>) -> Row {
    let not_given = || Cell::Markup(Markup::trusted("<span class=\"missing\">not given</span>".into()));
    let not_checked = || Cell::Markup(Markup::trusted("<span class=\"missing\">not checked</span>".into()));
    let cells = match totals {
        Some(t) => vec![
            Cell::Markup(Markup::trusted(format!("<b>{}</b>", text::count(t.read)))),
            figure(t.archived),
            figure(t.duplicates),
            figure(t.excluded),
            figure(t.joined),
            red(t.quarantined),
            difference(&t),
        ],
        None => (0..7).map(|_| Cell::Blank).collect(),
    };
    Row::new(std::iter::once(main).chain(cells).chain([not_given(), not_checked()]).collect())
}

fn files(report: &AccessionReport, page: Option<usize>) -> (Table, String, Paging) {
    let columns = [
        ("File", ""),
        ("Read", "num"),
        ("Archived", "num"),
        ("Duplicate", "num"),
        ("Left out", "num drop"),
        ("Joined", "num drop"),
        ("Quarantined", "num"),
        ("Difference", "num"),
        ("Vendor’s count", "num drop"),
        ("Agrees", "drop"),
    ];
    let row = |(number, f): &(usize, &FileRow)| {
        let href =
            f.totals.filter(|t| t.quarantined > 0).map(|_| format!("/accessions/{}/quarantine?file={number}", report.row.id));
        let sub = format!("{}, {}", text::sentence(&f.fate).to_lowercase(), text::bytes(f.bytes));
        file_cells(Cell::main(Some(f.name.clone()), href, Some(sub)), f.totals)
    };
    let mut all: Vec<(usize, &FileRow)> = report.files.iter().enumerate().collect();
    all.sort_by_key(|(number, f)| (std::cmp::Reverse(f.totals.map_or(f.items, |t| t.read)), *number));
    let count = text::counted(all.len() as u64, "file", "files");
    let table = Table::new("Delivered files, largest first", &columns, "No files.");
    if let Some(page) = page {
        let href = format!("/accessions/{}?files=", report.row.id);
        let (shown, paging) = Paging::cut(all, page, &href);
        return (table.rows(shown.iter().map(row).collect()), format!("{count}, largest first"), paging);
    }
    let others = all.split_off(all.len().min(FILES_FIRST));
    let mut rows: Vec<Row> = all.iter().map(row).collect();
    if !others.is_empty() {
        let sum = others.iter().filter_map(|(_, f)| f.totals).fold(Totals::default(), Totals::plus);
        let words = text::counted(others.len() as u64, "other file", "other files");
        rows.push(file_cells(Cell::link(Some(words), format!("/accessions/{}?files=1", report.row.id)), Some(sum)));
    }
    (table.rows(rows), format!("{count}, largest first"), Paging::default())
}

fn quarantine(report: &AccessionReport) -> Table {
    let columns = [("Reason and first example", ""), ("Share", "amount drop"), ("Records", "num"), ("State", "")];
    let most = report.quarantine.iter().map(|q| q.count).max().unwrap_or(1).max(1);
    let mut all: Vec<&Quarantine> = report.quarantine.iter().collect();
    all.sort_by_key(|q| (std::cmp::Reverse(q.count), q.reason.clone()));
    let row = |q: &&Quarantine| {
        let href = format!("/accessions/{}/quarantine?reason={}", report.row.id, url_part(&q.reason));
        let width = (q.count as f64 * 100.0 / most as f64).max(2.0);
        let bar = format!(
            "<svg class=\"amount\" width=\"100\" height=\"8\" aria-hidden=\"true\"><rect class=\"p5\" width=\"{width:.1}\" height=\"8\"/></svg>"
        );
        let state = match &report.read_again {
            Some(id) => format!("<span class=\"tag good\">read again in {}</span>", escape(id)),
            None => "<span class=\"tag caution\">open</span>".to_string(),
        };
        Row::new(vec![
            Cell::main(Some(reason_words(&q.reason)), Some(href), Some(format!("{}{}", q.reason, first_of(q)))),
            Cell::Markup(Markup::trusted(bar)),
            Cell::count(q.count),
            Cell::Markup(Markup::trusted(state)),
        ])
    };
    Table::new("Quarantine by reason, most records first", &columns, "Nothing was quarantined.")
        .rows(all.iter().take(REASONS_FIRST).map(row).collect())
}

fn first_of(q: &Quarantine) -> String {
    match (q.first.is_empty(), q.count) {
        (true, _) => String::new(),
        (false, 1) => format!(": {}", q.first),
        (false, n) => format!(": {} and {} more", q.first, text::count(n - 1)),
    }
}

/// A reason's code in words.
pub(super) fn reason_words(code: &str) -> String {
    let words = match code {
        "field-count" | "csv.fields" => "Wrong number of columns",
        "encoding" | "csv.encoding" => "Text that cannot be decoded",
        "orphan-patient" | "hl7v2.pid-missing" => "Names no patient that is known",
        "json" => "Not readable as JSON",
        "too-large" => "Larger than any record may be",
        _ => "",
    };
    if words.is_empty() { text::sentence(&code.replace('.', ": ")) } else { words.into() }
}

fn lines(report: &AccessionReport, codes: &CodesFound, balanced: bool) -> Vec<GateLine> {
    let signed = report.sign_offs.iter().rev().find(|s| s.of_this_seal);
    let id = &report.row.id;
    let sample = match signed {
        Some(s) if s.accepted => GateLine::good(
            format!("{} random records compared by eye, accepted", text::count(s.sampled)),
            format!("{}, {}", s.reviewer, s.at),
        ),
        Some(s) => GateLine::bad(
            format!("{} random records compared by eye, rejected", text::count(s.sampled)),
            format!("{}, {}", s.reviewer, s.at),
        ),
        None => {
            GateLine::open("No sample compared by eye yet".into(), format!("draw one: chartkeep signoff sample ARCHIVE {id}"))
        }
    };
    let balance = if balanced {
        GateLine::good("Every record is accounted for".into(), "counted again at the sealing, by file and by type".into())
    } else {
        GateLine::bad("Not every record is accounted for".into(), "not publishable".into())
    };
    let vendor = GateLine::open("Vendor’s counts not given".into(), "not checked".into());
    let mut lines = vec![balance, vendor];
    lines.extend(gates(codes));
    lines.push(sample);
    lines
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

/// The files and their fates as CSV (RFC 4180), for a spreadsheet.
pub fn accession_csv(report: &AccessionReport) -> String {
    let mut out =
        String::from("file,fate,bytes,sha256,read,archived,duplicate,left_out,joined,quarantined,difference,vendor_count\r\n");
    for f in &report.files {
        let t = f.totals.unwrap_or_default();
        let figures = [t.read, t.archived, t.duplicates, t.excluded, t.joined, t.quarantined].map(|n| n.to_string()).join(",");
        let (name, fate) = (csv_cell(&f.name), csv_cell(&f.fate));
        out.push_str(&format!("{name},{fate},{},{},{figures},{},\r\n", f.bytes, f.sha256, t.difference()));
    }
    out
}

/// A cell that no spreadsheet takes for a formula.
pub(super) fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_string() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> AccessionReport {
        let totals = Totals { read: 15_000, archived: 14_990, duplicates: 4, excluded: 1, joined: 3, quarantined: 2 };
        let file = FileRow { name: "=OBS.csv".into(), items: 15_000, totals: Some(totals), ..FileRow::default() };
        AccessionReport { total: totals, versions: 90, files: vec![file], ..AccessionReport::default() }
    }

    #[test]
    fn the_parts_of_the_equation_add_up_and_stand_whole() {
        let html = accession(&Frame::default(), &report(), &CodesFound::Counting, None);
        for figure in ["15,000", "14,900", ">90<", ">4<", ">3<", "Every record is accounted for."] {
            assert!(html.contains(figure), "{figure}");
        }
        assert!(html.contains("not given") && html.contains("not checked"));
        assert!(html.contains("duplicate of a kept record less than 0.1 %"), "what is not to scale is said");
    }

    #[test]
    fn a_file_that_does_not_balance_is_named_and_nothing_is_called_good() {
        let mut wrong = report();
        wrong.files[0].totals = Some(Totals { read: 15_012, ..wrong.total });
        wrong.total.read = 15_012;
        let html = accession(&Frame::default(), &wrong, &CodesFound::Counting, None);
        assert!(html.contains("Not publishable.") && html.contains("12 records unaccounted for in =OBS.csv"), "{html}");
        assert!(!html.contains("Every record is accounted for"));
    }

    #[test]
    fn a_spreadsheet_takes_no_name_for_a_formula() {
        let csv = accession_csv(&report());
        assert!(csv.lines().nth(1).unwrap().starts_with("'=OBS.csv,"), "{csv}");
        assert_eq!(csv_cell("a\"b,c"), "\"a\"\"b,c\"");
        assert_eq!(
            (percent(999, 1000), percent(1, 100_000), percent(0, 5)),
            ("99.9 %".into(), "less than 0.1 %".into(), "0.0 %".into())
        );
    }
}
