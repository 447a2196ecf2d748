//! Proposes the dialect of a file from its beginning, and says what that rests on.
//!
//! The delimiter is the one that cuts most rows into the same number of fields, more than one; every other choice is made
//! the same way, by trying it. Not for: deciding. A person confirms the proposal by writing it into the mapping file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::cut::RowCutter;
use super::dialect::{Delimited, Dialect, Escape, FixedColumn, Layout, LineEnd, TextEncoding};
use super::row::{Row, Scratch};
use crate::model::Finding;

/// Bytes of the beginning that trials are made with.
const SAMPLE_BYTES: usize = 64 << 10;
/// Rows that the question of the header is asked of.
const SAMPLE_ROWS: usize = 200;
/// Delimiters in order of how common they are, with how they are told. The later ones need better evidence.
const DELIMITERS: [(u8, &str); 8] = [
    (b',', "commas"),
    (b'\t', "tabs"),
    (b'|', "pipes"),
    (b';', "semicolons"),
    (b'^', "carets"),
    (b'~', "tildes"),
    (0x1f, "unit separators"),
    (0x01, "bytes of value 1"),
];

/// The dialect that `head`, the beginning of a file, seems to be written in.
pub fn detect(head: &[u8]) -> (Dialect, Vec<Finding>) {
    let mut findings = Vec::new();
    let encoding = encoding(head, &mut findings);
    let text = sample(head, encoding);
    let mut dialect = layout(&text, &mut findings);
    let rows = rows(&text, &dialect, SAMPLE_ROWS);
    dialect.header = super::header::is_header(&rows);
    findings.push(match (dialect.header, rows.is_empty()) {
        (_, true) => found("table.empty", 0, "no rows in what was looked at"),
        (true, _) => found("table.header", 0, "the first row seems to name the columns"),
        (false, _) => found("table.no-header", 0, "the first row seems to be data"),
    });
    if let (Layout::FixedWidth(columns), true, Some(first)) = (&mut dialect.layout, dialect.header, rows.first()) {
        for (column, name) in columns.iter_mut().zip(first) {
            column.name.clone_from(name);
        }
    }
    dialect.encoding = encoding;
    (dialect, findings)
}

fn found(code: &'static str, offset: usize, note: impl Into<String>) -> Finding {
    Finding { code, offset: offset as u64, note: note.into() }
}

fn encoding(head: &[u8], findings: &mut Vec<Finding>) -> TextEncoding {
    let (encoding, why) = match head {
        [0xff, 0xfe, ..] => (TextEncoding::Utf16Le, "by its byte-order mark"),
        [0xfe, 0xff, ..] => (TextEncoding::Utf16Be, "by its byte-order mark"),
        [0xef, 0xbb, 0xbf, ..] => (TextEncoding::Utf8, "by its byte-order mark"),
        _ => match wide(head) {
            Some(encoding) => (encoding, "every other byte is zero, there is no byte-order mark"),
            None => return narrow(head, findings),
        },
    };
    findings.push(found("table.encoding", 0, format!("{}: {why}", encoding.name())));
    encoding
}

/// UTF-16 without a mark: text of the West has a zero in every other byte.
fn wide(head: &[u8]) -> Option<TextEncoding> {
    let (mut zeros, mut pairs) = ([0usize; 2], 0);
    for pair in head.chunks_exact(2).take(2048) {
        pairs += 1;
        for (zeros, byte) in zeros.iter_mut().zip(pair) {
            *zeros += usize::from(*byte == 0);
        }
    }
    let is_most = |n: usize| pairs > 0 && n * 10 >= pairs * 7;
    let is_few = |n: usize| n * 20 <= pairs;
    match zeros {
        [even, odd] if is_most(odd) && is_few(even) => Some(TextEncoding::Utf16Le),
        [even, odd] if is_most(even) && is_few(odd) => Some(TextEncoding::Utf16Be),
        _ => None,
    }
}

fn narrow(head: &[u8], findings: &mut Vec<Finding>) -> TextEncoding {
    let (mut good, mut bad, mut at, mut first_bad) = (0usize, 0usize, 0usize, None);
    for chunk in head.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        at += chunk.valid().len();
        let is_cut = at + chunk.invalid().len() == head.len() && chunk.invalid().len() < 4;
        let is_sound = chunk.invalid().is_empty() || (is_cut && is_start_of_char(chunk.invalid()));
        if !is_sound {
            bad += 1;
            first_bad.get_or_insert(at);
        }
        at += chunk.invalid().len();
    }
    let (encoding, why) = match (good, bad) {
        (0, 0) => (TextEncoding::Utf8, "nothing but ASCII".to_string()),
        (_, 0) => (TextEncoding::Utf8, format!("{good} characters outside ASCII, all of them sound")),
        _ if good >= bad => (TextEncoding::Mixed, format!("{good} characters are UTF-8, {bad} places are not")),
        _ => (TextEncoding::Windows1252, format!("{bad} places are not UTF-8; another old code page is possible")),
    };
    findings.push(found("table.encoding", first_bad.unwrap_or(0), format!("{}: {why}", encoding.name())));
    encoding
}

/// Whether the bytes are a UTF-8 character that ends too early, by its first byte.
fn is_start_of_char(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none())
}

/// The beginning as text, cut at its last line end.
fn sample(head: &[u8], encoding: TextEncoding) -> String {
    let width = if encoding.is_wide() { 2 } else { 1 };
    let end = (SAMPLE_BYTES * width).min(head.len());
    let bytes = head.get(..end).unwrap_or_default();
    let text: Cow<'_, str> = match encoding {
        TextEncoding::Utf8 => String::from_utf8_lossy(bytes),
        TextEncoding::Mixed | TextEncoding::Windows1252 => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        TextEncoding::Utf16Le => UTF_16LE.decode_without_bom_handling(bytes).0,
        TextEncoding::Utf16Be => UTF_16BE.decode_without_bom_handling(bytes).0,
    };
    let text = text.trim_start_matches('\u{feff}');
    // A row that the sample cuts would look like a faulty one; a short file may well end without a line end.
    let lines = text.rfind(['\n', '\r']).map_or(text, |last| &text[..=last]);
    if lines.len() < text.len() && lines.lines().count() > 2 { lines.to_string() } else { text.to_string() }
}

/// What came of reading the sample in one dialect.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Trial {
    dialect: Delimited,
    line_end: LineEnd,
    name: &'static str,
    rows: usize,
    /// Rows without a fault that have `fields` fields.
    good: usize,
    /// What most rows have.
    fields: usize,
}

impl Trial {
    fn run(text: &str, dialect: Delimited, line_end: LineEnd, name: &'static str) -> Trial {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        let whole = Dialect { layout: Layout::Delimited(dialect), line_end, header: false, ..Dialect::default() };
        let rows = each_row(text, &whole, |row| {
            if let Some(row) = row {
                *counts.entry(row.len()).or_default() += 1;
            }
            true
        });
        let (fields, good) = counts.into_iter().max_by_key(|&(fields, rows)| (rows, fields)).unwrap_or_default();
        Trial { dialect, line_end, name, rows, good, fields }
    }

    fn share(&self) -> f64 {
        self.good as f64 / self.rows.max(1) as f64
    }

    /// Rows that agree count most, then that there are many fields.
    fn score(&self) -> f64 {
        let rare = if DELIMITERS.iter().take(4).any(|(byte, _)| *byte == self.dialect.byte) { 1.0 } else { 0.8 };
        if self.fields < 2 { 0.0 } else { self.share().powi(3) * (self.fields as f64).ln() * rare }
    }
}

/// Reads the sample row by row, faulty rows as `None`, until `see` says stop. Gives the number of rows.
fn each_row(text: &str, dialect: &Dialect, mut see: impl FnMut(Option<&Row<'_>>) -> bool) -> usize {
    let mut ranges = Vec::new();
    RowCutter::new(dialect).cut(text.as_bytes(), true, &mut ranges);
    let mut scratch = Scratch::default();
    for range in &ranges {
        let row = Row::parse(text.as_bytes().get(range.clone()).unwrap_or_default(), dialect, &mut scratch).ok();
        if !see(row.as_ref()) {
            break;
        }
    }
    ranges.len()
}

fn rows(text: &str, dialect: &Dialect, most: usize) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    each_row(text, &Dialect { header: false, encoding: TextEncoding::Utf8, ..dialect.clone() }, |row| {
        rows.extend(row.map(|row| row.iter().map(String::from).collect()));
        rows.len() < most
    });
    rows
}

fn layout(text: &str, findings: &mut Vec<Finding>) -> Dialect {
    let has_lf = text.contains('\n');
    let line_end = if !has_lf && text.contains('\r') { LineEnd::Cr } else { LineEnd::Lf };
    let plain = |byte| Delimited { byte, quote: Some(b'"'), escape: Escape::Doubled };
    let present = DELIMITERS.iter().filter(|(byte, _)| text.as_bytes().contains(byte));
    let trials = present.flat_map(|&(byte, name)| {
        let unquoted = Delimited { quote: None, ..plain(byte) };
        [Trial::run(text, plain(byte), line_end, name), Trial::run(text, unquoted, line_end, name)]
    });
    // The first of equals wins: the more common delimiter, with quotes.
    let best = trials.reduce(|best, next| if next.score() > best.score() { next } else { best });
    let Some(mut best) = best.filter(|best| best.score() > 0.0) else {
        return one_column(text, line_end, findings);
    };
    best = refine(text, best);
    let share = best.share() * 100.0;
    let note = format!("{}: {} fields in {share:.1} % of {} rows looked at", best.name, best.fields, best.rows);
    findings.push(found(if share >= 90.0 { "table.delimiter" } else { "table.unclear-delimiter" }, 0, note));
    match (best.dialect.quote, best.dialect.escape) {
        (None, Escape::Doubled) => findings.push(found("table.no-quotes", 0, "double quotes have no meaning here")),
        (_, Escape::Backslash) => findings.push(found("table.backslash", 0, "backslashes take the meaning from what follows")),
        (Some(b'\''), _) => findings.push(found("table.single-quotes", 0, "fields stand in single quotes")),
        _ => {}
    }
    match best.line_end {
        LineEnd::Lf => {}
        LineEnd::Crlf => findings.push(found("table.line-end", 0, "CR LF ends a row; single LFs stand in fields")),
        LineEnd::Cr => findings.push(found("table.line-end", 0, "CR alone ends a row")),
    }
    Dialect { layout: Layout::Delimited(best.dialect), line_end: best.line_end, ..Dialect::default() }
}

/// Tries other quotes, escapes and line ends with the delimiter that was found; each must make more rows good.
fn refine(text: &str, found: Trial) -> Trial {
    let byte = found.dialect.byte;
    let quoted = Delimited { byte, quote: Some(b'"'), escape: Escape::Doubled };
    let mut best = found;
    if best.dialect.quote.is_none() && quotes_are_used(text, byte) {
        best = Trial::run(text, quoted, best.line_end, best.name);
    }
    // PostgreSQL's and MySQL's text dumps write NULL so.
    let copy = Delimited { quote: None, escape: Escape::Backslash, ..quoted };
    if byte == b'\t' && text.split(['\t', '\n', '\r']).any(|field| field == "\\N") && !quotes_are_used(text, byte) {
        let trial = Trial::run(text, copy, best.line_end, best.name);
        if trial.share() >= best.share() {
            best = trial;
        }
    }
    let mut others = Vec::new();
    if text.contains('\\') {
        others.extend([Delimited { escape: Escape::Backslash, ..quoted }, copy]);
    }
    if text.contains('\'') {
        others.push(Delimited { quote: Some(b'\''), ..quoted });
    }
    let line_ends = if text.contains("\r\n") { &[LineEnd::Lf, LineEnd::Crlf][..] } else { &[best.line_end] };
    for &line_end in line_ends {
        for dialect in [best.dialect].into_iter().chain(others.iter().copied()) {
            let trial = Trial::run(text, dialect, line_end, best.name);
            if trial.fields > 1 && trial.share() > best.share() {
                best = trial;
            }
        }
    }
    best
}

/// Whether most fields that begin with a double quote end with one too.
fn quotes_are_used(text: &str, delimiter: u8) -> bool {
    let fields = text.lines().flat_map(|line| line.split(char::from(delimiter))).filter(|field| field.starts_with('"'));
    let (mut opened, mut closed) = (0usize, 0usize);
    for field in fields {
        opened += 1;
        closed += usize::from(field.len() > 1 && field.ends_with('"'));
    }
    opened > 0 && closed * 2 >= opened
}

/// A file without a delimiter: columns of fixed width, or one column.
fn one_column(text: &str, line_end: LineEnd, findings: &mut Vec<Finding>) -> Dialect {
    let lines: Vec<&str> = text.split(['\n', '\r']).filter(|line| !line.is_empty()).collect();
    let columns = gaps(&lines);
    if columns.len() < 2 {
        findings.push(found("table.one-column", 0, "no delimiter was found"));
        return Dialect { line_end, ..Dialect::default() };
    }
    findings.push(found(
        "table.fixed-width",
        0,
        format!("{} columns between positions that are blank everywhere", columns.len()),
    ));
    Dialect { layout: Layout::FixedWidth(columns), line_end, ..Dialect::default() }
}

/// Columns between the positions that are blank in every line. None unless the lines are of one length, but for blanks cut
/// at their ends.
fn gaps(lines: &[&str]) -> Vec<FixedColumn> {
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let full = lines.iter().filter(|line| line.chars().count() == longest).count();
    if lines.len() < 3 || full * 2 < lines.len() {
        return Vec::new();
    }
    let mut is_used = vec![false; longest];
    for line in lines {
        for (used, c) in is_used.iter_mut().zip(line.chars()) {
            *used |= c != ' ';
        }
    }
    let starts = (0..longest).filter(|&at| is_used[at] && (at == 0 || !is_used[at - 1]));
    let starts: Vec<usize> = starts.collect();
    let ends = starts.iter().skip(1).copied().chain([longest]);
    let columns = starts.iter().zip(ends).enumerate();
    columns.map(|(n, (&start, end))| FixedColumn { name: format!("c{}", n + 1), start: start + 1, len: end - start }).collect()
}
