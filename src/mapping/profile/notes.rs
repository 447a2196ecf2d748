//! What a person should look at before trusting a table, in sentences.
//!
//! Not for: values. A note names files, columns and numbers.

use serde::Serialize;

use super::{ColumnProfile, Profile, TableProfile};

/// Something to look at.
#[derive(Clone, Debug, Serialize)]
pub struct Note {
    pub file: String,
    /// Empty where it is about the whole table.
    pub column: String,
    pub code: &'static str,
    pub words: String,
}

/// Everything to look at, by table and column.
pub fn notes(profile: &Profile) -> Vec<Note> {
    let mut notes = Vec::new();
    for table in &profile.tables {
        let mut add =
            |column: &str, code, words| notes.push(Note { file: table.file.clone(), column: column.into(), code, words });
        of_table(table, &mut |code, words| add("", code, words));
        for column in &table.columns {
            of_column(column, &mut |code, words| add(&column.name, code, words));
        }
        for link in profile.links.iter().filter(|link| link.file == table.file && link.orphan_values > 0) {
            let about = if link.is_exact { "" } else { "about " };
            let (rows, values) = (counted(link.orphan_rows, "row"), counted(link.orphan_values, "value"));
            add(
                &link.column,
                "orphans",
                format!("{about}{rows} with {values} that {}.{} does not have", link.parent_file, link.parent_column),
            );
        }
    }
    notes
}

/// `1 row`, `12,345 rows`.
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A number with commas between its thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn of_table(table: &TableProfile, add: &mut impl FnMut(&'static str, String)) {
    if table.rows == 0 {
        add("no-rows", "has no rows".into());
    }
    for (code, fault) in &table.faults {
        let why = match *code {
            "field-count" => "with another number of fields than the header",
            "too-many-fields" => "with more than 16,384 fields",
            "encoding" => "with bytes that are no characters of the encoding",
            "quote" => "with text behind a closing quote",
            "quote-unterminated" => "with a quote that is never closed",
            _ => "that cannot be read",
        };
        let rows = counted(fault.rows, "row");
        add(code, format!("{rows} {why}; the first is row {} at byte {}", grouped(fault.first_row), grouped(fault.first_offset)));
    }
    if table.rows_with_nul > 0 {
        add("nul", format!("{} with NUL characters, which are left out", counted(table.rows_with_nul, "row")));
    }
    if table.rows_in_old_code_page > 0 {
        add("mixed-encoding", format!("{} not in UTF-8, read as windows-1252", counted(table.rows_in_old_code_page, "row")));
    }
    if table.duplicate_rows > 0 {
        let about = if table.duplicates_are_exact { "" } else { "about " };
        add("duplicate-rows", format!("{about}{} equal to an earlier one, byte for byte", counted(table.duplicate_rows, "row")));
    }
    for key in table.keys.iter().filter(|key| key.repeated_values > 0) {
        let (values, rows) = (counted(key.repeated_values, "value"), counted(key.surplus_rows, "row"));
        add("key-duplicate", format!("{} is nearly a key: {values} more than once, {rows} too many", key.column));
    }
    for gap in table.volume.iter().filter(|volume| !volume.gaps.is_empty()) {
        add("gap", format!("hardly any rows in {} by {}", spans(&gap.gaps), gap.column));
    }
}

/// Years with those that follow each other as one: `1999–2003, 2007`.
pub fn spans(years: &[i16]) -> String {
    let runs = years.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let text = |run: &[i16]| match run {
        [first, .., last] => format!("{first}–{last}"),
        [only] => only.to_string(),
        [] => String::new(),
    };
    runs.map(text).collect::<Vec<_>>().join(", ")
}

fn of_column(column: &ColumnProfile, add: &mut impl FnMut(&'static str, String)) {
    if let Some(dates) = &column.dates {
        if dates.is_ambiguous {
            add("ambiguous-date", "day and month cannot be told apart; the format must be declared".into());
        }
        let formats: Vec<&str> = dates.formats.iter().map(|(format, _)| format.as_str()).collect();
        if formats.len() > 1 {
            add("several-formats", format!("dates in {} formats: {}", formats.len(), formats.join(", ")));
        }
        for (count, code, words) in [
            (dates.impossible, "impossible-date", "is on no calendar"),
            (dates.before_1900, "date-before-1900", "lies before 1900"),
            (dates.in_future, "date-in-future", "lies in the future"),
        ] {
            if count > 0 {
                add(code, format!("{}: {words}", counted(count, "date")));
            }
        }
        let sentinels: u64 = dates.sentinels.iter().map(|(_, count)| count).sum();
        if sentinels > 0 {
            let days: Vec<&str> = dates.sentinels.iter().map(|(day, _)| day.as_str()).collect();
            add("sentinel-date", format!("{} may stand for \"none\": {}", counted(sentinels, "date"), days.join(", ")));
        }
    }
    if matches!(column.kind, "date" | "datetime" | "integer" | "decimal" | "uuid" | "boolean") && column.conforming < 100.0 {
        add("type", format!("{} % are of the type {}, the others are not", column.conforming, column.kind));
    }
    for (hint, words) in [
        ("identifiers-in-code-column", "a column of codes holds what looks like telephone numbers, SSNs or e-mail addresses"),
        ("free-text-in-code-column", "a column of codes holds long texts"),
        ("scientific-numbers", "numbers as 1.23E+05: a spreadsheet has damaged them"),
        ("date-name-without-dates", "is called a date, but what it holds is not recognised as dates"),
    ] {
        if column.has(hint) {
            add(hint, words.into());
        }
    }
}
