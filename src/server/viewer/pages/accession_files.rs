//! The files of a delivery in its reconciliation: what each held, what became of it, and whether it is what the sending system said;
//! on the page and as CSV.
//!
//! Not for: the equation over all of them (`accession`).

use super::super::html::Markup;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::accession::AccessionReport;

/// Files listed before the others are summed up.
const FILES_FIRST: usize = 8;
/// Files listed of those that were declared and did not come, and types listed.
const MISSING_FIRST: usize = 20;
const KINDS_FIRST: usize = 150;

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
    /// Source records that the sending system says it holds.
    pub declared: Option<u64>,
}

/// What the sending system said beside the counts of files that were delivered.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The files that say it, and whose word it is.
    pub from: String,
    /// Files that were declared and did not come, with their counts.
    pub missing: Vec<(String, u64)>,
    /// Type, declared, read.
    pub kinds: Vec<(String, u64, u64)>,
}

impl AccessionReport {
    /// Declared counts, and those of them that are not what was read.
    pub(super) fn agreement(&self) -> Option<(u64, u64)> {
        let declared = self.declared.as_ref()?;
        let files = self.files.iter().filter_map(|file| Some(file.declared? == file.totals?.read));
        let kinds = declared.kinds.iter().map(|(_, declared, read)| declared == read);
        let all: Vec<bool> = files.chain(kinds).chain(declared.missing.iter().map(|_| false)).collect();
        Some((all.len() as u64, all.iter().filter(|agrees| !**agrees).count() as u64))
    }
}

impl Totals {
    pub(super) fn difference(&self) -> i128 {
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

/// What the sending system said, and whether it is so.
fn declared_cells(declared: Option<u64>, read: Option<u64>) -> [Cell; 2] {
    let markup = |class: &str, words: &str| Cell::Markup(Markup::trusted(format!("<span class=\"{class}\">{words}</span>")));
    match (declared, read) {
        (None, _) => [markup("missing", "not given"), markup("missing", "not checked")],
        (Some(declared), None) => [Cell::count(declared), markup("missing", "not checked")],
        (Some(declared), Some(read)) if declared == read => [Cell::count(declared), markup("checked", "✓ agrees")],
        (Some(declared), Some(read)) => {
            let by = text::count(declared.abs_diff(read));
            [Cell::count(declared), markup("out", &format!("{by} {}", if read < declared { "missing" } else { "more" }))]
        }
    }
}

fn file_cells(main: Cell, totals: Option<Totals>, declared: Option<u64>) -> Row {
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
    Row::new(std::iter::once(main).chain(cells).chain(declared_cells(declared, totals.map(|t| t.read))).collect())
}

/// A file that was declared and did not come.
fn missing_row((name, declared): &(String, u64)) -> Row {
    let main = Cell::main(Some(name.clone()), None, Some("declared, not delivered".into()));
    let totals = Some(Totals::default()).filter(|_| *declared > 0);
    file_cells(main, totals, Some(*declared))
}

/// The counts by type, when there are any.
pub(super) fn declared_kinds(report: &AccessionReport) -> Option<Table> {
    let kinds = &report.declared.as_ref().filter(|declared| !declared.kinds.is_empty())?.kinds;
    let columns = [("Type", ""), ("Vendor’s count", "num"), ("Read", "num"), ("Agrees", "")];
    let row = |(kind, declared, read): &(String, u64, u64)| {
        let [said, agrees] = declared_cells(Some(*declared), Some(*read));
        Row::new(vec![Cell::Text(kind.clone()), said, Cell::count(*read), agrees])
    };
    Some(Table::new("Counts by type", &columns, "None.").rows(kinds.iter().take(KINDS_FIRST).map(row).collect()))
}

pub(super) fn declared_words(report: &AccessionReport) -> String {
    let from = report.declared.as_ref().map_or("", |declared| declared.from.as_str());
    let missing = report.declared.as_ref().map_or(0, |declared| declared.missing.len() as u64);
    match report.agreement() {
        None => "The delivery came without the vendor’s own counts, so nothing could be held against them.".into(),
        Some((0, _)) => format!("The vendor’s manifest ({from}) names no counts, so nothing could be held against them."),
        Some((_, 0)) => format!("The vendor’s counts are those of {from}; each is what was read."),
        Some((all, differing)) => {
            let (all, differing) = (text::count(all), text::count(differing));
            let gone = match missing {
                0 => String::new(),
                n => format!(" {} declared and not delivered.", text::counted(n, "file was", "files were")),
            };
            format!(
                "The vendor’s counts are those of {from}; {differing} of {all} are not what was read.{gone} Whoever signs says why."
            )
        }
    }
}

/// The table of files, what it is of, and where it is cut.
pub(super) fn files(report: &AccessionReport, page: Option<usize>) -> (Table, String, Paging) {
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
        file_cells(Cell::main(Some(f.name.clone()), href, Some(sub)), f.totals, f.declared)
    };
    let mut all: Vec<(usize, &FileRow)> = report.files.iter().enumerate().collect();
    // What is not as it was declared comes first, wherever it stands by size.
    let differs = |f: &FileRow| f.declared.is_some_and(|declared| f.totals.is_some_and(|t| t.read != declared));
    all.sort_by_key(|(number, f)| (!differs(f), std::cmp::Reverse(f.totals.map_or(f.items, |t| t.read)), *number));
    let missing = report.declared.iter().flat_map(|declared| &declared.missing).take(MISSING_FIRST).map(missing_row);
    let count = text::counted(all.len() as u64, "file", "files");
    let table = Table::new("Delivered files, largest first", &columns, "No files.");
    if let Some(page) = page {
        let href = format!("/accessions/{}?files=", report.row.id);
        let (shown, paging) = Paging::cut(all, page, &href);
        let missing: Vec<Row> = if page <= 1 { missing.collect() } else { Vec::new() };
        let rows = missing.into_iter().chain(shown.iter().map(row)).collect();
        return (table.rows(rows), format!("{count}, largest first"), paging);
    }
    let others = all.split_off(all.len().min(FILES_FIRST));
    let mut rows: Vec<Row> = missing.chain(all.iter().map(row)).collect();
    if !others.is_empty() {
        let sum = others.iter().filter_map(|(_, f)| f.totals).fold(Totals::default(), Totals::plus);
        let words = text::counted(others.len() as u64, "other file", "other files");
        // Those that differ stand above. Of the others the declared counts add up when whatever holds records has one.
        let counts = others.iter().filter(|(_, f)| f.declared.is_some() || f.totals.is_some_and(|t| t.read > 0));
        let is_any = others.iter().any(|(_, f)| f.declared.is_some());
        let declared = counts.map(|(_, f)| f.declared).sum::<Option<u64>>().filter(|_| is_any);
        let main = Cell::link(Some(words), format!("/accessions/{}?files=1", report.row.id));
        rows.push(file_cells(main, Some(sum), declared));
    }
    (table.rows(rows), format!("{count}, largest first"), Paging::default())
}

/// The files and their fates as CSV (RFC 4180), for a spreadsheet.
pub fn accession_csv(report: &AccessionReport) -> String {
    let mut out =
        String::from("file,fate,bytes,sha256,read,archived,duplicate,left_out,joined,quarantined,difference,vendor_count\r\n");
    for f in &report.files {
        let t = f.totals.unwrap_or_default();
        let figures = [t.read, t.archived, t.duplicates, t.excluded, t.joined, t.quarantined].map(|n| n.to_string()).join(",");
        let (name, fate) = (csv_cell(&f.name), csv_cell(&f.fate));
        let declared = f.declared.map_or(String::new(), |declared| declared.to_string());
        out.push_str(&format!("{name},{fate},{},{},{figures},{},{declared}\r\n", f.bytes, f.sha256, t.difference()));
    }
    out
}

/// A cell that no spreadsheet takes for a formula.
pub(super) fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_string() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
