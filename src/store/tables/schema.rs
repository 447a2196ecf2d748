//! The schema files of `schemas/tables`, read once and checked: which columns and search parameters each kind has.
//!
//! Not for: reading values by them (`extract`) or the encodings on disk (`write`).

use std::sync::{Arc, OnceLock};

use ahash::{AHashMap, AHashSet};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use serde::Deserialize;

use super::matcher::Matcher;
use super::path::Path;
use super::slot::{Form, Slot};
use crate::model::Kind;

#[derive(rust_embed::RustEmbed)]
#[folder = "schemas/tables/"]
struct Files;

/// The columns that every table starts with: patient key, ordinal in the accession.
pub(super) const COMMON: [&str; 2] = ["patient", "ordinal"];

/// What a declared field holds. `concept` and `when` stand for several stored columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text of which most rows have their own.
    Text,
    /// Text of which many rows share a few.
    Code,
    /// 64-bit floating-point number.
    Decimal,
    Integer,
    Boolean,
    /// A FHIR `date`, `dateTime` or `instant`: `<name>` (first instant meant, UTC, whole milliseconds),
    /// `<name>_precision`,
    /// `<name>_offset_min` (minutes east of UTC, null when none was given).
    When,
    /// A reference or its display, as written.
    Reference,
    /// The ordinal of the encounter record in the same accession; null when it is not known.
    RecordLink,
    /// A `CodeableConcept`: `<name>` (the code of the first coding), `<name>_system`, `<name>_display`, and `<name>_text`
    /// (the original text).
    Concept,
}

/// The type of a search parameter (FHIR R4 §3.1.1.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchType {
    Token,
    Date,
    String,
    Reference,
    Quantity,
}

/// One column as declared.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// In order of preference: the first that a resource has is taken.
    pub paths: Vec<String>,
    pub meaning: String,
    /// `Class: element` of USCDI v5 that the column shows to be present.
    pub uscdi: Option<String>,
    /// Search parameters of this kind that the column can help to answer.
    #[serde(default)]
    pub search: Vec<String>,
}

/// One search parameter of a kind. The paths lead to elements (a `CodeableConcept`, an `Identifier`, a `Period` …),
/// arrays are walked through whole, and any of the paths may match.
#[derive(Clone, Debug)]
pub struct SearchParam {
    pub name: String,
    pub search_type: SearchType,
    pub paths: Vec<Path>,
}

/// Why the schema files cannot be used. This is a mistake in the program, never in data.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("{file}: {source}")]
    Toml { file: String, source: toml::de::Error },
    #[error("{file}: {what}")]
    Wrong { file: String, what: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaFile {
    kind: String,
    meaning: String,
    date: Vec<String>,
    columns: Vec<Field>,
    search: Vec<SearchEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchEntry {
    name: String,
    #[serde(rename = "type")]
    search_type: SearchType,
    paths: Vec<String>,
}

/// The table of one kind.
#[derive(Debug)]
pub struct KindTable {
    pub kind: Kind,
    pub meaning: String,
    pub fields: Vec<Field>,
    pub search: Vec<SearchParam>,
    /// The Arrow schema of the rows: the common columns, then the declared ones.
    pub arrow: SchemaRef,
    pub(super) date: Vec<Path>,
    pub(super) slots: Vec<Slot>,
    pub(super) matcher: Matcher,
}

impl KindTable {
    pub fn search_param(&self, name: &str) -> Option<&SearchParam> {
        self.search.iter().find(|s| s.name == name)
    }

    /// The paths of the clinical date by which a chart orders this kind, best first.
    pub fn date_paths(&self) -> &[Path] {
        &self.date
    }
}

/// All tables, by kind.
#[derive(Debug)]
pub struct Tables {
    by_kind: AHashMap<Kind, KindTable>,
}

impl Tables {
    /// `None` for a kind without typed columns; its records are archived all the same.
    pub fn get(&self, kind: Kind) -> Option<&KindTable> {
        self.by_kind.get(&kind)
    }

    /// In the order of kinds in a chart.
    pub fn iter(&self) -> impl Iterator<Item = &KindTable> {
        Kind::all().filter_map(|kind| self.get(kind))
    }

    pub(super) fn load() -> Result<Tables, SchemaError> {
        let mut by_kind = AHashMap::new();
        for file in Files::iter() {
            let wrong = |what: String| SchemaError::Wrong { file: file.to_string(), what };
            let bytes = Files::get(&file).ok_or_else(|| wrong("cannot be read".into()))?;
            let text = std::str::from_utf8(&bytes.data).map_err(|_| wrong("is not UTF-8".into()))?;
            let table = read_schema(text).map_err(|e| match e {
                Bad::Toml(source) => SchemaError::Toml { file: file.to_string(), source },
                Bad::Rule(what) => wrong(what),
            })?;
            if file.as_ref() != format!("{}.toml", table.kind) {
                return Err(wrong(format!("declares {}", table.kind)));
            }
            by_kind.insert(table.kind, table);
        }
        Ok(Tables { by_kind })
    }
}

/// The tables of this version of the software.
pub fn kinds() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Tables::load().expect("the schema files are part of the program, and a test loads them"))
}

#[derive(Debug)]
pub(super) enum Bad {
    Toml(toml::de::Error),
    Rule(String),
}

pub(super) fn read_schema(text: &str) -> Result<KindTable, Bad> {
    let file: SchemaFile = toml::from_str(text).map_err(Bad::Toml)?;
    let rule = |ok: bool, what: String| if ok { Ok(()) } else { Err(Bad::Rule(what)) };
    let kind = Kind::from_name(&file.kind).ok_or_else(|| Bad::Rule(format!("{} is no kind", file.kind)))?;
    rule(!file.meaning.is_empty(), "has no meaning".into())?;

    let date = parse_paths(&file.date)?;
    rule(date.iter().all(Path::is_fixed), "a date path chooses by content".into())?;
    let search = read_search(file.search)?;
    let mut slots = Vec::new();
    for field in &file.columns {
        let paths = parse_paths(&field.paths)?;
        rule(!paths.is_empty(), format!("{} has no path", field.name))?;
        rule(!field.meaning.is_empty(), format!("{} has no meaning", field.name))?;
        let known = |name: &String| search.iter().any(|s| s.name == *name);
        rule(field.search.iter().all(known), format!("{} names an undeclared search parameter", field.name))?;
        add_slots(&mut slots, field, paths)?;
    }
    rule(slots.iter().filter(|s| s.form == Form::Link).count() <= 1, "has two record links".into())?;

    let arrow = arrow_schema(&slots);
    let mut names = AHashSet::new();
    for field in arrow.fields() {
        let plain = field.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        rule(plain && !field.name().is_empty(), format!("{} is no column name", field.name()))?;
        rule(names.insert(field.name().clone()), format!("two columns are called {}", field.name()))?;
    }
    let matcher = Matcher::new(&slots);
    Ok(KindTable { kind, meaning: file.meaning, fields: file.columns, search, arrow, date, slots, matcher })
}

fn parse_paths(texts: &[String]) -> Result<Vec<Path>, Bad> {
    texts.iter().map(|t| Path::parse(t).ok_or_else(|| Bad::Rule(format!("{t} is no path")))).collect()
}

fn read_search(entries: Vec<SearchEntry>) -> Result<Vec<SearchParam>, Bad> {
    let mut search: Vec<SearchParam> = Vec::with_capacity(entries.len());
    for entry in entries {
        let name = entry.name;
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain || entry.paths.is_empty() || search.iter().any(|s| s.name == name) {
            return Err(Bad::Rule(format!("search parameter {name}: bad name, no path, or there twice")));
        }
        search.push(SearchParam { name, search_type: entry.search_type, paths: parse_paths(&entry.paths)? });
    }
    Ok(search)
}

/// Adds the stored columns of one declared field.
fn add_slots(slots: &mut Vec<Slot>, field: &Field, paths: Vec<Path>) -> Result<(), Bad> {
    let form = match field.field_type {
        FieldType::Text => Form::Text,
        FieldType::Code | FieldType::Reference => Form::Code,
        FieldType::Decimal => Form::Decimal,
        FieldType::Integer => Form::Integer,
        FieldType::Boolean => Form::Boolean,
        FieldType::When => Form::When,
        FieldType::RecordLink => Form::Link,
        FieldType::Concept => {
            let parts =
                [("", "coding[0].code"), ("_system", "coding[0].system"), ("_display", "coding[0].display"), ("_text", "text")];
            for (suffix, inner) in parts {
                let paths: Option<Vec<Path>> = paths.iter().map(|p| p.join(inner)).collect();
                let paths = paths.ok_or_else(|| Bad::Rule(format!("{} is no concept path", field.name)))?;
                slots.push(Slot { name: format!("{}{suffix}", field.name), form: Form::Code, paths });
            }
            return Ok(());
        }
    };
    slots.push(Slot { name: field.name.clone(), form, paths });
    Ok(())
}

fn arrow_schema(slots: &[Slot]) -> SchemaRef {
    let mut fields = vec![ArrowField::new(COMMON[0], DataType::Utf8, true), ArrowField::new(COMMON[1], DataType::UInt64, false)];
    for slot in slots {
        let data_type = match slot.form {
            Form::Text | Form::Code => DataType::Utf8,
            Form::Decimal => DataType::Float64,
            Form::Integer => DataType::Int64,
            Form::Boolean => DataType::Boolean,
            Form::When => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Form::Link => DataType::UInt64,
        };
        fields.push(ArrowField::new(&slot.name, data_type, true));
        if slot.form == Form::When {
            fields.push(ArrowField::new(format!("{}_precision", slot.name), DataType::Utf8, true));
            fields.push(ArrowField::new(format!("{}_offset_min", slot.name), DataType::Int16, true));
        }
    }
    Arc::new(Schema::new(fields))
}
