//! The part of a mapping file that speaks of tables, as written. `schemas/mapping.schema.json` says the same for editors.
//!
//! Not for: what it means (`fields`, `prepare`), or the sections of other formats.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use crate::formats::table::Dialect;

/// What is true of all tables of a source.
#[derive(Clone, Debug, Default)]
pub struct TablesFile {
    /// Texts that mean "nothing here", besides the empty one.
    pub null_tokens: Vec<String>,
    /// Dates that mean "none" or "for ever", as FHIR dates.
    pub date_sentinels: Vec<String>,
    /// `[values.<name>]`: what the source writes, and what it stands for.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    pub patients: Option<PatientsFile>,
    pub tables: Vec<Spanned<TableFile>>,
}

/// Where the patients stand. A row that speaks of a patient who is not there is an orphan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatientsFile {
    pub file: String,
    pub column: String,
    /// Front part of the patients' ids, where numbers alone are not unique.
    #[serde(default)]
    pub namespace: String,
    /// Makes a bare Patient for an orphan instead of sending it to quarantine.
    #[serde(default)]
    pub create_stub: bool,
}

/// `[[table]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    /// Name of the file, in any case of letters, without its folder; `*` stands for any text.
    pub file: String,
    /// Name in the ledger (`row:<name>`); that of the file otherwise.
    pub name: Option<String>,
    pub dialect: Option<Dialect>,
    /// Columns that are never null.
    #[serde(default)]
    pub key: Vec<String>,
    /// Columns that some extracts do not have; null there.
    #[serde(default)]
    pub optional: Vec<String>,
    /// The rows are only looked up by others.
    #[serde(default)]
    pub lookup: bool,
    #[serde(default)]
    pub exclude: Vec<ExcludeFile>,
    #[serde(default)]
    pub join: Vec<JoinFile>,
    #[serde(default)]
    pub emit: Vec<EmitFile>,
}

/// A rule by which rows stay out of the charts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludeFile {
    pub rule: String,
    pub when: String,
    /// In the table of the patients: rows of other tables that speak of such a patient stay out by the same rule.
    #[serde(default)]
    pub with_rows: bool,
}

/// A table whose row is found for each row of this one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinFile {
    /// As expressions name it: `name.COLUMN`.
    pub name: String,
    pub file: String,
    /// Column there = expression here.
    pub on: BTreeMap<String, String>,
    #[serde(default)]
    pub missing: Missing,
    /// The other table has one row for each attribute; `name.X` is the value of attribute X.
    pub pivot: Option<PivotFile>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PivotFile {
    pub attribute: String,
    pub value: String,
}

/// What becomes of a row whose partner is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The partner's columns are null.
    #[default]
    Null,
    Quarantine,
}

/// `[[table.emit]]`: a resource that is made of a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmitFile {
    pub resource: String,
    pub when: Option<String>,
    pub id: Option<IdFile>,
    /// An expression that gives the patient's number.
    pub patient: Option<String>,
    /// The element that names the patient, where it is not the usual one of the resource type.
    pub patient_path: Option<String>,
    /// When the source made this state of the record; of rows with one id the latest is current.
    pub last_updated: Option<FieldFile>,
    #[serde(default)]
    pub security: Vec<SecurityFile>,
    /// Puts the columns that nothing else uses into an extension.
    #[serde(default)]
    pub residual: bool,
    pub fields: FieldsFile,
}

/// What a resource is called in its source. Without it, it is named by its content.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdFile {
    pub cols: Vec<String>,
    #[serde(default)]
    pub namespace: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityFile {
    pub when: Option<String>,
    pub system: String,
    pub code: String,
    #[serde(default)]
    pub display: String,
}

/// Elements by their paths, in the order of the file, which is that of the resource's members.
#[derive(Clone, Debug, Default)]
pub struct FieldsFile(pub Vec<(String, Spanned<FieldFile>)>);

impl<'de> Deserialize<'de> for FieldsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FieldsFile, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = FieldsFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of elements")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldsFile, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry::<String, Spanned<FieldFile>>()? {
                    fields.push(entry);
                }
                fields.sort_by_key(|(_, field)| field.span().start);
                Ok(FieldsFile(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// How an element is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    #[default]
    String,
    /// A text with its spaces and line ends.
    Verbatim,
    /// A text with its spaces and line ends as the data of an attachment.
    Base64,
    Code,
    Uri,
    Boolean,
    Integer,
    Decimal,
    Date,
    DateTime,
    Instant,
    Concept,
    Coding,
    Quantity,
    /// `value[x]` by what the text is: a quantity, a range, a titre, words.
    AutoValue,
    Reference,
    Identifier,
    HumanName,
    Address,
    ContactPoint,
    Period,
    /// A US Core race or ethnicity extension.
    OmbCategory,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invalid {
    #[default]
    Quarantine,
    /// The element is left out, with a finding.
    Omit,
}

/// One element. Which keys a type takes, `fields` knows; those that end in an expression are expressions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldFile {
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Where the value comes from: a column, an expression, or a constant.
    pub col: Option<String>,
    pub expr: Option<String>,
    pub value: Option<toml::Value>,
    /// Several columns that name a thing together (references).
    pub cols: Vec<String>,
    /// A set of values by which the source's code is translated.
    pub values: Option<String>,
    pub default_when_null: Option<String>,
    pub default_when_unmapped: Option<String>,
    pub required: bool,
    pub on_invalid: Invalid,
    pub formats: Vec<String>,
    /// `source`, or an IANA name.
    pub tz: Option<String>,
    /// Code map that adds codings when the record is served.
    pub map: Option<String>,
    pub system: Option<String>,
    pub system_expr: Option<String>,
    pub display: Option<String>,
    pub text: Option<String>,
    pub unit: Option<String>,
    pub unit_system: Option<String>,
    pub resource: Option<String>,
    pub namespace: Option<String>,
    #[serde(rename = "use")]
    pub usage: Option<String>,
    pub family: Option<String>,
    pub given: Vec<String>,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    pub line: Vec<String>,
    pub city: Option<String>,
    pub district: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
    pub start: Option<String>,
    pub end: Option<String>,
}
