//! Results: what was measured, how much, whether that is flagged, and the range it is held against; a panel as one table.
//!
//! Not for: reports in words (`forms`).

use serde_json::{Map, Value};

use super::blocks::{cell, head_cell, kept, label_line};
use super::further::{each, lines_of};
use super::reading::Reading;
use super::words::joined;
use crate::render::pdf::content::{Block, Cell, Table};

/// Panels in panels; deeper ones follow with the rest of the record.
const DEPTH_MAX: usize = 16;
const COLUMNS: [&str; 5] = ["Test", "Value", "Unit", "Flag", "Reference range"];

/// A result by itself: its value, its components, and results that it holds.
pub fn of_observation(reading: &Reading<'_>) -> Vec<Block> {
    let mut sheet = Sheet { reading, rows: Vec::new(), texts: Vec::new() };
    if let Some(root) = reading.root.as_object() {
        sheet.panel(root, 0);
    }
    let mut out = sheet.blocks();
    let rows: &[(&str, &[&str])] = &[
        ("Status", &["status"]),
        ("Category", &["category"]),
        ("Measured", &["effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming"]),
        ("Issued", &["issued"]),
        ("Performed by", &["performer"]),
        ("Specimen", &["specimen"]),
        ("Body site", &["bodySite"]),
        ("Method", &["method"]),
        ("Device", &["device"]),
        ("Order", &["basedOn"]),
        ("Encounter", &["encounter"]),
        ("Notes", &["note"]),
        ("Results of the panel", &["hasMember"]),
        ("Derived from", &["derivedFrom"]),
    ];
    reading.rows(rows, &mut out);
    out
}

/// The results of a report: those that it holds as a table, the others by name.
pub fn of_report(reading: &Reading<'_>) -> Vec<Block> {
    let mut sheet = Sheet { reading, rows: Vec::new(), texts: Vec::new() };
    if let Some(root) = reading.root.as_object() {
        sheet.members(root, "result", 0);
    }
    let mut out = sheet.blocks();
    reading.rows(&[("Results", &["result"])], &mut out);
    out
}

struct Sheet<'a, 'r> {
    reading: &'a Reading<'r>,
    rows: Vec<[String; 5]>,
    /// Results in words, which no cell has room for.
    texts: Vec<(String, &'r str)>,
}

impl<'r> Sheet<'_, 'r> {
    /// A result, its components and the results that it holds.
    fn panel(&mut self, result: &'r Map<String, Value>, depth: usize) {
        let name = self.phrase(result, "code");
        let name = if name.is_empty() { "Result".to_owned() } else { name };
        self.row(result, name);
        for component in result.get("component").into_iter().flat_map(each).filter_map(Value::as_object) {
            let name = self.phrase(component, "code");
            self.row(component, format!("– {name}"));
        }
        if depth < DEPTH_MAX {
            self.members(result, "hasMember", depth + 1);
        }
    }

    fn members(&mut self, result: &'r Map<String, Value>, key: &str, depth: usize) {
        for reference in result.get(key).into_iter().flat_map(each) {
            let at = reference.get("reference").and_then(Value::as_str).unwrap_or_default();
            let Some(inside) = self.reading.inside(at).filter(|inside| self.reading.has_more(inside)) else { continue };
            self.reading.pass(reference);
            if let Some(inside) = inside.as_object() {
                ["resourceType", "id", "meta"]
                    .iter()
                    .filter_map(|key| inside.get(*key))
                    .for_each(|value| self.reading.pass(value));
                // What holds itself is said once: its code is said by then.
                if inside.get("code").is_some_and(|code| self.reading.has_more(code)) {
                    self.panel(inside, depth);
                }
            }
        }
    }

    fn phrase(&self, members: &Map<String, Value>, key: &str) -> String {
        members.get(key).map(|value| self.reading.phrase(key, value)).unwrap_or_default()
    }

    fn row(&mut self, result: &'r Map<String, Value>, name: String) {
        let (value, unit) = self.value(result, &name);
        let flag = self.phrase(result, "interpretation");
        let range = joined("; ", result.get("referenceRange").into_iter().flat_map(each).map(|range| self.range(range)));
        self.rows.push([name, value, unit, flag, range]);
    }

    fn value(&mut self, result: &'r Map<String, Value>, name: &str) -> (String, String) {
        let value = result.iter().find(|(key, _)| key.starts_with("value"));
        let absent = self.phrase(result, "dataAbsentReason");
        match value {
            Some((_, Value::Object(members))) if members.get("value").is_some_and(Value::is_number) => {
                let unit = self.reading.unit(members);
                let value = self.reading.phrase("valueQuantity", result.get("valueQuantity").unwrap_or(&Value::Null));
                (joined("; ", [value, absent]), unit)
            }
            Some((_, value)) if lines_of(value).is_some() => {
                self.texts.extend(lines_of(value).map(|text| (name.to_owned(), text)));
                self.reading.pass(value);
                (joined("; ", ["see below".to_owned(), absent]), String::new())
            }
            Some((key, value)) => (joined("; ", [self.reading.phrase(key, value), absent]), String::new()),
            None => (absent, String::new()),
        }
    }

    fn range(&self, range: &Value) -> String {
        let Some(members) = range.as_object() else { return self.reading.phrase("referenceRange", range) };
        let text = self.reading.take(members, "text").map(str::to_owned).unwrap_or_default();
        let (low, high) = (self.phrase(members, "low"), self.phrase(members, "high"));
        let bounds = match (low.is_empty(), high.is_empty()) {
            (false, false) => format!("{low} – {high}"),
            (false, true) => format!("{low} or more"),
            (true, false) => format!("{high} or less"),
            (true, true) => String::new(),
        };
        let rest = self.reading.phrase("referenceRange", range);
        joined("; ", [text, bounds, rest])
    }

    fn blocks(self) -> Vec<Block> {
        let mut out = Vec::new();
        let says = |row: &[String; 5]| row.iter().any(|text| !text.is_empty());
        if self.rows.iter().any(says) {
            let used: [bool; 5] = std::array::from_fn(|at| at < 2 || self.rows.iter().any(|row| !row[at].is_empty()));
            let kept = |at: usize| used.get(at) == Some(&true);
            let head: Vec<Cell> =
                COLUMNS.iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, name)| head_cell(name)).collect();
            let cells =
                |row: [String; 5]| row.into_iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, text)| cell(text)).collect();
            let body = self.rows.into_iter().map(cells).collect();
            out.push(Block::Table(Table { head: vec![head], body, ..Table::default() }));
        }
        for (name, text) in self.texts {
            out.push(label_line(&name));
            out.extend(kept(text));
        }
        out
    }
}
