//! The settings of a mapping: one TOML file per version of a source, strict, so that every decision stands on paper.
//!
//! Not for: what a section means; each mapper declares its own.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::tabular::Tables;
use super::tabular::file::{PatientsFile, TableFile, TablesFile};
use super::{cda, document, hl7v2};
use crate::limits::SETTINGS_DEPTH_MAX;
use crate::model::hex;

pub use super::settings_error::SettingsError;

/// Everything that a site can decide about how its deliveries are read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name and version of the mapping, `built-in 1` when no file was given; stands in the seal.
    pub version: String,
    /// The zone of times that name none, by its IANA name.
    pub zone_name: String,
    pub zone: TimeZone,
    /// SHA-256 of the mapping file, hex; empty without one.
    pub sha256: String,
    /// What rows of tables become.
    pub tables: Tables,
    pub hl7v2: hl7v2::Rules,
    pub cda: cda::Rules,
    pub documents: document::Rules,
    /// Classes of data that the source says it never held, for the report: words of USCDI, or the site's own.
    pub never_delivered: Vec<String>,
    /// The text of the mapping file; empty without one.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Version of this form: 1.
    schema: u32,
    source: String,
    version: String,
    #[serde(default)]
    timezone: Option<String>,
    // Tables (`tabular::file`).
    #[serde(default)]
    null_tokens: Vec<String>,
    #[serde(default)]
    date_sentinels: Vec<String>,
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    patients: Option<PatientsFile>,
    #[serde(default)]
    table: Vec<Spanned<TableFile>>,
    // The other formats, each as its mapper's own struct.
    #[serde(default)]
    hl7v2: hl7v2::Rules,
    #[serde(default)]
    cda: cda::Rules,
    #[serde(default)]
    documents: document::Rules,
    #[serde(default)]
    never_delivered: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            version: "built-in 1".into(),
            zone_name: "UTC".into(),
            zone: TimeZone::UTC,
            sha256: String::new(),
            tables: Tables::default(),
            hl7v2: hl7v2::Rules::default(),
            cda: cda::Rules::default(),
            documents: document::Rules::default(),
            never_delivered: Vec::new(),
            text: String::new(),
        }
    }
}

impl Settings {
    /// Reads a mapping file.
    pub fn parse(text: &str) -> Result<Settings, SettingsError> {
        // The reader of TOML calls itself for each level.
        if depth(text) > SETTINGS_DEPTH_MAX {
            return Err(SettingsError(format!("brackets nested more than {SETTINGS_DEPTH_MAX} deep")));
        }
        let document: Document = toml::from_str(text).map_err(|e| SettingsError(e.to_string()))?;
        if document.schema != 1 {
            return Err(SettingsError(format!("schema {} is not known; this version reads 1", document.schema)));
        }
        let zone_name = document.timezone.unwrap_or_else(|| "UTC".into());
        let zone = TimeZone::get(&zone_name).map_err(|_| SettingsError(format!("no time zone is called {zone_name}")))?;
        let tables = TablesFile {
            null_tokens: document.null_tokens,
            date_sentinels: document.date_sentinels,
            values: document.values,
            patients: document.patients,
            tables: document.table,
        };
        Ok(Settings {
            tables: Tables::new(tables, text)?,
            version: format!("{} {}", document.source, document.version),
            zone_name,
            zone,
            sha256: hex(&Sha256::digest(text.as_bytes())),
            hl7v2: document.hl7v2,
            cda: document.cda,
            documents: document.documents,
            never_delivered: document.never_delivered,
            text: text.to_string(),
        })
    }
}

/// How deep brackets stand in each other, those in strings and comments left out. A string that its line leaves open ends
/// with the line, as the reader of TOML takes it.
fn depth(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut open, mut deepest, mut at) = (Vec::new(), 0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'[' | b'{' => {
                open.push(*byte);
                deepest = deepest.max(open.len());
            }
            // In ASCII a bracket and its partner stand two apart; one that closes another kind closes nothing.
            b']' | b'}' if open.last() == Some(&(byte - 2)) => drop(open.pop()),
            b'#' => at += memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at),
            b'"' | b'\'' => {
                at = end_of_string(bytes, at, *byte);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// The place behind the string that begins at `at`.
fn end_of_string(bytes: &[u8], at: usize, quote: u8) -> usize {
    let is_long = bytes[at..].starts_with(&[quote; 3]);
    let mut place = at + if is_long { 3 } else { 1 };
    while let Some(byte) = bytes.get(place) {
        if *byte == b'\\' && quote == b'"' {
            place += 2;
        } else if is_long && bytes[place..].starts_with(&[quote; 3]) {
            return place + 3;
        } else if !is_long && (*byte == quote || *byte == b'\n') {
            return place + 1;
        } else {
            place += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_without_end_are_refused() {
        for brackets in ["{", "[", "{]", "[}{"] {
            let text = format!("a = {}", brackets.repeat(100_000));
            assert!(Settings::parse(&text).is_err_and(|error| error.to_string().contains("nested")));
        }
        // What stands in a text or a comment neither opens nor closes.
        let text = format!("a = {}", "[\"]\", # ]\n".repeat(100_000));
        assert!(Settings::parse(&text).is_err_and(|error| error.to_string().contains("nested")));
        assert_eq!(depth("a = '[[[' # [[[\nb = \"\"\"\n[[ \\\"\"\"\"\nc = [{ d = 1 }]"), 2);
    }
}
