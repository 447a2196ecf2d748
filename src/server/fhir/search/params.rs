//! The search parameters of each kind, as `schemas/tables` declares them: name, type, and where in the resource the
//! values stand.
//!
//! Not for: what a value means when compared (`test`), or parameters that only page or shape an answer (`_count` …).

use std::sync::OnceLock;

use ahash::AHashMap;
use serde::Deserialize;

use crate::model::Kind;

#[derive(rust_embed::RustEmbed)]
#[folder = "schemas/tables/"]
struct Files;

/// The type of a search parameter (FHIR R4 §3.1.1.4.8 and following).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Token,
    Reference,
    Date,
    String,
    Quantity,
    Uri,
}

impl Type {
    /// As the CapabilityStatement writes it.
    pub fn name(self) -> &'static str {
        match self {
            Type::Token => "token",
            Type::Reference => "reference",
            Type::Date => "date",
            Type::String => "string",
            Type::Quantity => "quantity",
            Type::Uri => "uri",
        }
    }
}

/// One search parameter of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Param {
    pub name: String,
    #[serde(rename = "type")]
    pub of: Type,
    /// Places of its values, as `values::walk` reads them; any of them may answer.
    pub paths: Vec<String>,
}

/// What this module reads of a schema file; its columns are the store's.
#[derive(Deserialize)]
struct Schema {
    kind: String,
    search: Vec<Param>,
}

struct Table {
    common: Vec<Param>,
    by_kind: AHashMap<Kind, Vec<Param>>,
    other: Vec<Param>,
}

/// The parameters that every kind has.
pub fn common() -> &'static [Param] {
    &table().common
}

/// The parameters of a kind beyond `common`. A kind without a schema file has the usual names of patient, code and status.
pub fn params_of(kind: Kind) -> &'static [Param] {
    let table = table();
    table.by_kind.get(&kind).unwrap_or(&table.other)
}

/// The parameter of this name.
pub fn find(kind: Kind, name: &str) -> Option<&'static Param> {
    common().iter().chain(params_of(kind)).find(|param| param.name == name)
}

/// Whether records of the kind belong to a patient, so that a search must name one.
pub fn has_patient(kind: Kind) -> bool {
    params_of(kind).iter().any(|param| param.name == "patient")
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let param = |name: &str, of, paths: &[&str]| Param {
            name: name.into(),
            of,
            paths: paths.iter().map(|path| path.to_string()).collect(),
        };
        let common = vec![
            param("_id", Type::Token, &["id"]),
            param("_lastUpdated", Type::Date, &["meta.lastUpdated"]),
            param("_profile", Type::Uri, &["meta.profile"]),
            param("_security", Type::Token, &["meta.security"]),
            param("_tag", Type::Token, &["meta.tag"]),
        ];
        let other = vec![
            param("patient", Type::Reference, &["patient", "subject", "beneficiary", "individual", "for"]),
            param("subject", Type::Reference, &["subject", "patient"]),
            param("identifier", Type::Token, &["identifier"]),
            param("status", Type::Token, &["status"]),
            param("code", Type::Token, &["code"]),
            param("type", Type::Token, &["type"]),
            param("category", Type::Token, &["category"]),
        ];
        // The files are part of the program, and a test reads each of them.
        let mut by_kind: AHashMap<Kind, Vec<Param>> = Files::iter().filter_map(|file| read(&file)).collect();
        if let Some(group) = Kind::from_name("Group") {
            // By its name as Bulk Data has it.
            let own = [param("actual", Type::Token, &["actual"]), param("name", Type::String, &["name"])];
            by_kind.insert(group, other.iter().cloned().chain(own).collect());
        }
        Table { common, by_kind, other }
    })
}

fn read(file: &str) -> Option<(Kind, Vec<Param>)> {
    let bytes = Files::get(file)?.data;
    let schema: Schema = toml::from_str(std::str::from_utf8(&bytes).ok()?).ok()?;
    Some((Kind::from_name(&schema.kind)?, schema.search))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_file_is_read_and_names_no_parameter_twice() {
        for file in Files::iter() {
            let (kind, params) = read(&file).unwrap_or_else(|| panic!("{file}"));
            let names: Vec<_> = common().iter().chain(&params).map(|param| &param.name).collect();
            let unique: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!(names.len(), unique.len(), "{kind}");
        }
    }

    /// US Core 6.1 and 7.0, required and recommended searches.
    #[test]
    fn the_searches_that_us_core_demands_are_there() {
        for (kind, names) in [
            ("AllergyIntolerance", "patient clinical-status"),
            ("CarePlan", "patient category status date"),
            ("CareTeam", "patient status role"),
            (
                "Condition",
                "patient category clinical-status onset-date abatement-date asserted-date recorded-date code encounter",
            ),
            ("Coverage", "patient"),
            ("Device", "patient type status"),
            ("DiagnosticReport", "patient category date code status"),
            ("DocumentReference", "_id patient category date type status period"),
            ("Encounter", "_id patient date identifier class type status location discharge-disposition"),
            ("Goal", "patient lifecycle-status target-date description"),
            ("Immunization", "patient date status"),
            ("MedicationDispense", "patient status type"),
            ("MedicationRequest", "patient intent status authoredon encounter"),
            ("Observation", "patient category date code status _lastUpdated"),
            ("Patient", "_id identifier name birthdate gender family death-date"),
            ("Procedure", "patient date status code"),
            ("QuestionnaireResponse", "_id patient authored status questionnaire"),
            ("RelatedPerson", "_id patient name"),
            ("ServiceRequest", "_id patient category authored code status"),
            ("Specimen", "_id patient"),
        ] {
            for name in names.split(' ') {
                assert!(find(Kind::from_name(kind).unwrap(), name).is_some(), "{kind}.{name}");
            }
        }
    }
}
