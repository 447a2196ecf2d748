//! The statistics of one table, a row at a time.
//!
//! Not for: comparing tables (`links`).

use jiff::civil::Date;
use xxhash_rust::xxh3::xxh3_64;

use super::column::Column;
use super::values::Values;
use super::{ColumnProfile, Key, TableProfile, Volume};
use crate::formats::table::{Dialect, Fault, Row, Scratch};
use crate::limits::{PROFILE_KEY_VALUES_MAX, PROFILE_TABLE_VALUES_MAX, PROFILE_VALUES_MAX};
use crate::model::Finding;

/// Rows after which the memory of a table is looked at.
const ROWS_PER_LOOK: u64 = 1 << 14;

/// A table being looked at.
pub struct TableProfiler {
    profile: TableProfile,
    dialect: Dialect,
    columns: Vec<Column>,
    rows: Values,
    scratch: Scratch,
}

/// The values of a table's columns that may name something, for finding links.
pub struct TableKeys {
    pub(super) file: String,
    /// By the place of the column; those that name nothing are left out.
    pub(super) columns: Vec<(usize, Values)>,
}

impl TableProfiler {
    /// `names` are those of the columns; `today` decides what lies in the future.
    pub fn new(file: &str, dialect: Dialect, findings: &[Finding], names: &[String], today: Date) -> TableProfiler {
        let seen = findings.iter().map(|finding| finding.note.clone()).collect();
        let profile = TableProfile { file: file.to_string(), dialect: dialect.to_toml(), seen, ..TableProfile::default() };
        let columns = names.iter().map(|name| Column::new(name, today)).collect();
        TableProfiler { profile, dialect, columns, rows: Values::default(), scratch: Scratch::default() }
    }

    /// Takes in a row; `offset` is its place in the file.
    pub fn see(&mut self, bytes: &[u8], offset: u64) {
        self.profile.rows += 1;
        self.rows.add(xxh3_64(bytes), PROFILE_VALUES_MAX);
        let parsed = Row::parse(bytes, &self.dialect, &mut self.scratch);
        match parsed.and_then(|row| row.expect_fields(self.columns.len()).map(|()| row)) {
            Ok(row) => {
                self.profile.rows_with_nul += u64::from(row.nuls > 0);
                self.profile.rows_in_old_code_page += u64::from(row.is_fallback);
                for (column, field) in self.columns.iter_mut().zip(row.iter()) {
                    column.see(field);
                }
            }
            Err(fault) => self.fault(&fault, offset),
        }
        if self.profile.rows.is_multiple_of(ROWS_PER_LOOK) {
            self.bound();
        }
    }

    fn fault(&mut self, fault: &Fault, offset: u64) {
        let row = self.profile.rows;
        let count = self.profile.faults.entry(fault.code).or_default();
        if count.rows == 0 {
            (count.first_row, count.first_offset) = (row, offset);
        }
        count.rows += 1;
    }

    /// Keeps the values of all columns together within their bound.
    fn bound(&mut self) {
        let held = |column: &Column| column.values.held();
        while self.columns.iter().map(held).sum::<usize>() > PROFILE_TABLE_VALUES_MAX {
            if let Some(largest) = self.columns.iter_mut().max_by_key(|column| column.values.held()) {
                largest.values.halve();
            }
        }
    }

    pub fn finish(self, bytes: u64) -> (TableProfile, TableKeys) {
        let mut profile = self.profile;
        profile.bytes = bytes;
        profile.duplicate_rows = self.rows.surplus();
        profile.duplicates_are_exact = self.rows.is_exact();
        let mut keys = TableKeys { file: profile.file.clone(), columns: Vec::new() };
        for (place, column) in self.columns.into_iter().enumerate() {
            let (column, mut values) = column.finish();
            profile.keys.extend(key(&column, &values));
            if may_name(&column) {
                values.shrink_to(PROFILE_KEY_VALUES_MAX);
                keys.columns.push((place, values));
            }
            profile.columns.push(column);
        }
        // Of several keys the one that is called so, and that stands first.
        let is_named = |key: &Key| profile.columns.iter().any(|c| c.name == key.column && c.has("named-like-id"));
        profile.keys.sort_by_key(|key| (key.repeated_values + key.empty > 0, !is_named(key)));
        profile.volume = volume(&profile.columns);
        (profile, keys)
    }
}

/// Whether the values of a column may be names of things: neither times nor measurements nor sentences.
fn may_name(p: &ColumnProfile) -> bool {
    p.filled > 0 && matches!(p.kind, "integer" | "uuid" | "code" | "text" | "boolean") && p.longest <= 64
}

/// The column as a key, when it nearly is one.
fn key(p: &ColumnProfile, values: &Values) -> Option<Key> {
    let rows = p.filled + p.empty();
    let repeated = values.repeated();
    let is_nearly = p.filled > 0 && p.empty() * 100 <= rows && repeated * 50 <= p.filled;
    // A measurement may happen never to repeat; a near key must be called one.
    let is_likely = may_name(p) && (p.has("named-like-id") || (repeated == 0 && p.filled > 1 && p.kind != "text"));
    (is_nearly && is_likely).then(|| Key {
        column: p.name.clone(),
        repeated_values: repeated,
        surplus_rows: values.surplus(),
        empty: p.empty(),
    })
}

/// Rows by year, of the column of dates that is filled most and is not about birth or death.
fn volume(columns: &[ColumnProfile]) -> Option<Volume> {
    let about_a_life =
        |name: &str| ["birth", "death", "dob", "dod", "deceased"].iter().any(|w| name.to_ascii_lowercase().contains(w));
    let candidates = columns.iter().filter(|c| !about_a_life(&c.name));
    let filled = |c: &ColumnProfile| c.dates.as_ref().map(|dates| dates.years.values().sum::<u64>()).filter(|n| *n > 0);
    // The first of equals: a start stands before its end.
    let best =
        candidates.filter(|c| filled(c).is_some()).reduce(|best, next| if filled(next) > filled(best) { next } else { best })?;
    let years = best.dates.as_ref().map(|dates| dates.years.clone()).unwrap_or_default();
    let gaps = gaps(&years);
    Some(Volume { column: best.name.clone(), years, gaps })
}

/// Years with less than a twentieth of what is usual, between the first year that has that much and the last year.
fn gaps(years: &std::collections::BTreeMap<i16, u64>) -> Vec<i16> {
    let mut counts: Vec<u64> = years.values().copied().collect();
    counts.sort_unstable();
    let usual = counts.get(counts.len() / 2).copied().unwrap_or(0);
    let is_usual = |count: u64| count * 20 >= usual && count > 0;
    let first = years.iter().find(|(_, count)| is_usual(**count)).map(|(year, _)| *year);
    let last = years.iter().rev().find(|(_, count)| is_usual(**count)).map(|(year, _)| *year);
    match (first, last) {
        (Some(first), Some(last)) if counts.len() >= 3 && usual >= 5 => {
            (first..last).filter(|year| !is_usual(years.get(year).copied().unwrap_or(0))).collect()
        }
        _ => Vec::new(),
    }
}
