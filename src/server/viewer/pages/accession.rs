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
use super::accession_files::{Declared, FileRow, Totals, declared_kinds, declared_words, files};
use super::accessions::AccessionRow;
use super::codes::{CodesFound, GateLine, gates};
use super::render;
use super::years::{YearBars, year_bars};

/// Reasons listed before the list of all.
const REASONS_FIRST: usize = 8;

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
    /// `None`: it said nothing.
    pub declared: Option<Declared>,
    /// Records by year and kind.
    pub years: BTreeMap<i32, BTreeMap<String, u64>>,
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
    declared: String,
    declared_kinds: Option<Table>,
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
        codes: super::codes::coverage(codes, &report.row.id, true),
        codes_fact: codes.fact(),
        lines: lines(report, codes, balanced),
        declared: declared_words(report),
        declared_kinds: declared_kinds(report),
        sign_offs: (!report.sign_offs.is_empty()).then(|| sign_offs(report)),
        years: year_bars(&report.years),
        report,
    })
}

/// A share, cut down: what is not whole does not read as 100 %.
pub(super) fn percent(part: u64, of: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(of.max(1));
    match tenths {
        0 if part > 0 => "less than 0.1\u{a0}%".into(),
        tenths => format!("{}.{}\u{a0}%", tenths / 10, tenths % 10),
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
        "field-count" => "Wrong number of columns",
        "encoding" | "not-utf8" => "Text that cannot be decoded",
        "orphan-patient" | "hl7v2.pid-missing" | "cda.no-patient" => "Names no patient that is known",
        "key-null" => "Has no key",
        "key-duplicate" => "Same key, different content",
        "date-invalid" => "Date cannot be read",
        "join-missing" => "The row it needs of another table is missing",
        "document-missing" => "Document listed, file missing",
        "not-json" => "Not readable as JSON",
        "not-an-object" => "JSON, but no object",
        "no-resource-type" => "Does not say what it is",
        "unknown-resource-type" => "Says it is something that FHIR R4 does not know",
        "duplicate-member" => "Says one thing twice",
        "bundle-form" => "A Bundle that is not in order",
        "xml.not-well-formed" | "xml.cut" => "Not readable as XML",
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
    let vendor = match report.agreement() {
        None => GateLine::open("Vendor’s counts not given".into(), "not checked".into()),
        Some((0, _)) => GateLine::open("Vendor’s counts not given".into(), "its manifest names none".into()),
        Some((all, 0)) => {
            GateLine::good(format!("All {} of the vendor’s counts agree", text::count(all)), "with what was read".into())
        }
        Some((all, differing)) => GateLine::bad(
            format!("{} of {} of the vendor’s counts differ", text::count(differing), text::count(all)),
            "from what was read; whoever signs says why".into(),
        ),
    };
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

#[cfg(test)]
mod tests {
    use super::super::accession_files::{accession_csv, csv_cell};
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
        assert!(html.contains("duplicate of a kept record less than 0.1\u{a0}%"), "what is not to scale is said");
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
    fn what_the_sending_system_said_is_held_against_what_was_read() {
        let html = |declared: Option<u64>, missing: &[(&str, u64)]| {
            let mut said = report();
            said.files[0].declared = declared;
            let missing = missing.iter().map(|(name, count)| (name.to_string(), *count)).collect();
            said.declared = Some(Declared { from: "manifest.toml".into(), missing, kinds: vec![("Patient".into(), 7, 7)] });
            accession(&Frame::default(), &said, &CodesFound::Counting, None)
        };
        let agrees = html(Some(15_000), &[]);
        assert!(agrees.contains("✓ agrees") && agrees.contains("All 2 of the vendor’s counts agree"), "{agrees}");
        let fewer = html(Some(15_003), &[]);
        assert!(fewer.contains(">3 missing<") && fewer.contains("1 of 2 of the vendor’s counts differ"), "{fewer}");
        assert!(html(Some(14_999), &[]).contains(">1 more<"));
        let gone = html(Some(15_000), &[("NOTES.csv", 12)]);
        assert!(gone.contains("declared, not delivered") && gone.contains(">12 missing<"), "{gone}");
        let mut said = report();
        said.files[0].declared = Some(15_003);
        assert!(accession_csv(&said).lines().nth(1).unwrap().ends_with(",0,15003"), "{}", accession_csv(&said));
    }

    #[test]
    fn a_spreadsheet_takes_no_name_for_a_formula() {
        let csv = accession_csv(&report());
        assert!(csv.lines().nth(1).unwrap().starts_with("'=OBS.csv,"), "{csv}");
        assert_eq!(csv_cell("a\"b,c"), "\"a\"\"b,c\"");
        assert_eq!(
            (percent(999, 1000), percent(1, 100_000), percent(0, 5)),
            ("99.9\u{a0}%".into(), "less than 0.1\u{a0}%".into(), "0.0\u{a0}%".into())
        );
    }
}
