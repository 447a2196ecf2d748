//! What is in the tables of a delivery: statistics over their rows, in memory that does not grow with them.
//!
//! A [`TableProfiler`] is given the rows of one file and becomes a [`TableProfile`] and the values of the columns that may
//! name something; [`links`] finds which columns point into which. Everything that is said about values is patient data.
//!
//! Not for: reading files (`commands::map`), or deciding what a column means (a person, helped by [`draft`]).

mod column;
mod dates;
pub mod draft;
mod links;
mod names;
mod phi;
mod table;
mod top;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

pub use links::links;
pub use table::{TableKeys, TableProfiler};

/// What a delivery of tables holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile {
    /// Version of this form.
    pub format: u32,
    pub tables: Vec<TableProfile>,
    /// Columns whose values occur in the key of a table.
    pub links: Vec<Link>,
    /// Files that were not read as tables, and why.
    pub skipped: Vec<(String, String)>,
}

/// One file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TableProfile {
    pub file: String,
    pub bytes: u64,
    /// As a mapping file writes it.
    pub dialect: String,
    /// What the dialect rests on.
    pub seen: Vec<String>,
    pub rows: u64,
    /// Rows that could not be read, by reason.
    pub faults: BTreeMap<&'static str, FaultCount>,
    /// Rows from which NUL characters were left out.
    pub rows_with_nul: u64,
    /// Rows that were read as windows-1252 because they are not UTF-8.
    pub rows_in_old_code_page: u64,
    /// Rows that are equal to an earlier one, byte for byte.
    pub duplicate_rows: u64,
    pub duplicates_are_exact: bool,
    pub columns: Vec<ColumnProfile>,
    /// Columns that could name a row, the best first.
    pub keys: Vec<Key>,
    pub volume: Option<Volume>,
}

/// How often something was wrong, and where first.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct FaultCount {
    pub rows: u64,
    /// 1-based number of the first such row (the header is not counted) and its byte offset in the file.
    pub first_row: u64,
    pub first_offset: u64,
}

/// A column that could be a key: hardly ever empty, hardly ever repeated.
#[derive(Clone, Debug, Serialize)]
pub struct Key {
    pub column: String,
    /// Values that occur more than once; 0 in a key.
    pub repeated_values: u64,
    pub surplus_rows: u64,
    pub empty: u64,
}

/// Rows by year of a column of dates.
#[derive(Clone, Debug, Serialize)]
pub struct Volume {
    pub column: String,
    pub years: BTreeMap<i16, u64>,
    /// Years in between with no rows, or hardly any.
    pub gaps: Vec<i16>,
}

/// One column.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ColumnProfile {
    pub name: String,
    pub filled: u64,
    /// Fields that hold nothing, by how they say so.
    pub nulls: BTreeMap<String, u64>,
    pub distinct: u64,
    pub distinct_is_exact: bool,
    /// `integer`, `decimal`, `date`, `datetime`, `boolean`, `uuid`, `code`, `text`, or `empty`.
    pub kind: &'static str,
    /// Filled values that are of that type, in per cent.
    pub conforming: f64,
    pub least: String,
    pub greatest: String,
    pub shortest: usize,
    pub longest: usize,
    pub top: Vec<(String, u64)>,
    /// How the values look: `9(3)` for three digits, `A` and `a` for letters.
    pub patterns: Vec<(String, u64)>,
    pub dates: Option<Dates>,
    /// Numbers with zeros in front, which a spreadsheet would lose.
    pub zero_led: u64,
    /// Numbers as `1.23E+05`, which a spreadsheet has damaged.
    pub scientific: u64,
    /// Values with blanks around them.
    pub padded: u64,
    /// Values that hold what looks like a social security number, a telephone number, an e-mail address.
    pub ssn_like: u64,
    pub phone_like: u64,
    pub email_like: u64,
    /// What the name and the values suggest; codes for a program, `words` in the report.
    pub hints: Vec<&'static str>,
}

/// The dates of a column.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Dates {
    /// Formats as a mapping file names them.
    pub formats: Vec<(String, u64)>,
    /// Values whose day and month could be either, when no value decides.
    pub is_ambiguous: bool,
    pub earliest: String,
    pub latest: String,
    /// Values in the form of a date that is on no calendar.
    pub impossible: u64,
    /// Dates that stand for "none" or "for ever".
    pub sentinels: Vec<(String, u64)>,
    pub before_1900: u64,
    pub in_future: u64,
    pub years: BTreeMap<i16, u64>,
}

/// A column whose values occur in a key of a table.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    pub file: String,
    pub column: String,
    pub parent_file: String,
    pub parent_column: String,
    /// Distinct values that occur there, and that do not.
    pub values: u64,
    pub orphan_values: u64,
    pub orphan_rows: u64,
    pub is_exact: bool,
}

impl Link {
    /// Distinct values that occur in the parent, in per cent.
    pub fn percent(&self) -> f64 {
        percent(self.values, self.values + self.orphan_values)
    }
}

impl ColumnProfile {
    /// Rows in which the column holds something, in per cent.
    pub fn completeness(&self) -> f64 {
        percent(self.filled, self.filled + self.empty())
    }

    pub fn empty(&self) -> u64 {
        self.nulls.values().sum()
    }

    pub fn has(&self, hint: &str) -> bool {
        self.hints.contains(&hint)
    }

    pub fn is_date(&self) -> bool {
        matches!(self.kind, "date" | "datetime")
    }
}

impl TableProfile {
    pub fn faulty_rows(&self) -> u64 {
        self.faults.values().map(|fault| fault.rows).sum()
    }

    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// In per cent, one digit behind the point; never 100 when something is missing.
pub fn percent(part: u64, whole: u64) -> f64 {
    let exact = part as f64 / whole.max(1) as f64 * 100.0;
    if part < whole { (exact * 10.0).floor() / 10.0 } else { exact }
}
