//! CSV after RFC 4180: CRLF, quotes where needed, and no cell that a spreadsheet would take for a formula.
//!
//! Not for: which columns there are (`wide`, `reports`).

use crate::oversight::projection::StandsAt;
use crate::oversight::reports::{Cell, Column, Report};

/// The last column of a report: up to which entry of which stream it stands, and under which signed checkpoint.
const STANDS_AT: &str = "log_state";

/// A report: the columns' keys, then its rows.
pub fn report(report: &Report) -> String {
    let mut out = String::new();
    push_row(&mut out, report.columns.iter().map(|column| column.key).chain([STANDS_AT]));
    let state = stands_at(&report.stands_at);
    for row in &report.rows {
        let cells: Vec<String> = row.iter().map(Cell::text).chain([state.clone()]).collect();
        push_row(&mut out, cells.iter().map(String::as_str));
    }
    out
}

/// Where the log stood, in a line: `s0000: 120 entries, 100 under the checkpoint Kr8…=`.
pub fn stands_at(streams: &[StandsAt]) -> String {
    let one = |at: &StandsAt| match &at.checkpoint {
        Some((size, root)) => format!("{}: {} entries, {size} under the checkpoint {root}", at.stream, at.entries),
        None => format!("{}: {} entries, no checkpoint", at.stream, at.entries),
    };
    streams.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The head of a file with these columns.
pub fn head(columns: &[Column]) -> String {
    let mut out = String::new();
    push_row(&mut out, columns.iter().map(|column| column.key));
    out
}

/// Adds a line of cells.
pub fn push_row<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        push_cell(out, cell);
    }
    out.push_str("\r\n");
}

fn push_cell(out: &mut String, cell: &str) {
    // What a spreadsheet would run or drop is made a text by an apostrophe (spec audit.md §9).
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted =
        cell.contains([',', '"', '\r', '\n', '\u{2028}', '\u{2029}', '\u{85}']) || cell.starts_with(' ') || cell.ends_with(' ');
    if quoted {
        out.push('"');
    }
    if is_formula {
        out.push('\'');
    }
    for c in cell.chars() {
        match c {
            '"' => out.push_str("\"\""),
            // No reader of a CSV file has use for these, and terminals obey them.
            c if c.is_control() && !matches!(c, '\t' | '\r' | '\n') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    if quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_guarded_and_quoted() {
        let cases = [
            ("plain", "plain"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=a,b", "\"'=a,b\""),
            ("a\nb", "\"a\nb\""),
            ("a\"b", "\"a\"\"b\""),
            ("\u{1b}[31m", "\u{fffd}[31m"),
            ("a\u{2028}b", "\"a\u{2028}b\""),
        ];
        for (cell, expected) in cases {
            let mut out = String::new();
            push_row(&mut out, [cell, "x"]);
            assert_eq!(out, format!("{expected},x\r\n"), "{cell:?}");
        }
    }
}
