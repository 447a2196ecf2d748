//! Tables as this system's export writes them, its own codes, and its ways to write a date.
//!
//! Not for: what stands in which table (`rows`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::output::Output;
use super::super::records::{list, text};
use crate::synth::SynthError;

/// A table of the export.
pub struct Table {
    pub file: &'static str,
    /// Its name in the ledger.
    pub name: &'static str,
    pub columns: &'static [&'static str],
}

/// What becomes of a row at the ingest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Record,
    Lookup,
    Deleted,
}

/// The rows written so far, by table.
#[derive(Default)]
pub struct Export {
    rows: BTreeMap<&'static str, u64>,
}

impl Export {
    /// The number that the next row of a table gets.
    pub fn next(&self, table: &Table) -> String {
        let number = self.rows.get(table.name).copied().unwrap_or(0) + 1;
        (100_000 + number).to_string()
    }

    /// Adds a row; the first brings the header, with a byte order mark.
    pub fn row(&mut self, out: &mut Output, table: &Table, of: Use, cells: &[&str]) -> Result<(), SynthError> {
        let (file, kind) = (table.file, format!("row:{}", table.name));
        let count = self.rows.entry(table.name).or_default();
        if *count == 0 {
            out.append(file, format!("\u{feff}{}\r\n", table.columns.join(",")).as_bytes())?;
        }
        *count += 1;
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        out.append(file, format!("{}\r\n", cells.join(",")).as_bytes())?;
        match of {
            Use::Record => out.count(file, &kind, 1),
            Use::Lookup => out.joined(file, &kind, 1),
            Use::Deleted => out.excluded(file, &kind, 1),
        }
        Ok(())
    }
}

/// A cell: in quotes only where it must be.
pub fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// A FHIR date or time as this system writes it: `02/01/2024 15:04`, `02/01/2024`, `02/2024`, `2024`. It knows no zones.
pub fn date(time: &str) -> String {
    let day = match (time.get(..4), time.get(5..7), time.get(8..10)) {
        (Some(year), Some(month), Some(day)) => format!("{month}/{day}/{year}"),
        (Some(year), Some(month), None) => format!("{month}/{year}"),
        _ => return time.to_owned(),
    };
    match time.get(11..16) {
        Some(clock) => format!("{day} {clock}"),
        None => day,
    }
}

/// A code of the system's own, with the standard ones that its code map knows for it.
struct Entry {
    code: String,
    name: String,
    standard: Vec<(String, String, String)>,
}

/// The dictionary: lists of own codes, which are given out as things come up.
#[derive(Default)]
pub struct Dictionary {
    /// By list, then by what is coded.
    lists: BTreeMap<&'static str, BTreeMap<String, Entry>>,
}

impl Dictionary {
    /// The own code for what a CodeableConcept says. `lists` begin with a letter that all their codes begin with.
    pub fn code(&mut self, name: &'static str, concept: &Value) -> String {
        let words = text(concept, "/text");
        if words.is_empty() {
            return String::new();
        }
        let list_of = self.lists.entry(name).or_default();
        let number = 101 + list_of.len();
        let entry = list_of.entry(words.to_owned()).or_insert_with(|| Entry {
            code: format!("{}{number}", &name[..1]),
            name: words.to_owned(),
            standard: list(concept, "/coding")
                .iter()
                .map(|c| (text(c, "/system").to_owned(), text(c, "/code").to_owned(), text(c, "/display").to_owned()))
                .collect(),
        });
        entry.code.clone()
    }

    /// Notes a standard code that is used as it is.
    pub fn standard(&mut self, name: &'static str, code: &str, words: &str) {
        let entry = Entry { code: code.to_owned(), name: words.to_owned(), standard: Vec::new() };
        self.lists.entry(name).or_default().entry(code.to_owned()).or_insert(entry);
    }

    /// List, code and name of each entry.
    pub fn rows(&self) -> impl Iterator<Item = [&str; 3]> {
        self.lists.iter().flat_map(|(name, entries)| entries.values().map(|e| [*name, e.code.as_str(), e.name.as_str()]))
    }

    /// The code map from own codes to standard ones, in the form that `chartkeep terminology apply` reads.
    pub fn code_map(&self) -> String {
        let mut map = String::from(
            "# name: odile\n# version: 1\n# owner: Saint Odile Regional Hospital, Health Records\n# date: 2024-06-30\n\
             # source: made up, with the hospital\n\
             source_system,source_code,target_system,target_code,target_display,equivalence\n",
        );
        for (name, entries) in &self.lists {
            for entry in entries.values() {
                for (system, code, display) in &entry.standard {
                    let list = format!("urn:archive:odile:{}", name.to_ascii_lowercase());
                    let cells = [list.as_str(), &entry.code, system, code, display, "equivalent"].map(quoted);
                    map.push_str(&cells.join(","));
                    map.push('\n');
                }
            }
        }
        map
    }
}
