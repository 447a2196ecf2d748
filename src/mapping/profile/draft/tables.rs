//! What each table is about, which one holds the patients, and which column of a table names the patient.
//!
//! Not for: the other columns (`elements`).

use std::collections::BTreeMap;

use super::super::links::table_stem;
use super::super::names::{squeezed, words};
use super::super::{Profile, TableProfile};

/// What the rows of a table are, in the order in which a mapping file lists them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Purpose {
    Patient,
    Organization,
    Practitioner,
    Encounter,
    Condition,
    Allergy,
    Medication,
    Immunization,
    Observation,
    Procedure,
    CarePlan,
    Device,
    /// About a patient, but nobody knows what.
    Unknown,
    Lookup,
}

/// Beginnings of what tables are called. The first that fits wins.
const CALLED: [(&str, Purpose); 35] = [
    ("patient", Purpose::Patient),
    ("demographic", Purpose::Patient),
    ("person", Purpose::Patient),
    ("beneficiar", Purpose::Patient),
    ("organi", Purpose::Organization),
    ("facilit", Purpose::Organization),
    ("payer", Purpose::Organization),
    ("insurer", Purpose::Organization),
    ("provider", Purpose::Practitioner),
    ("practitioner", Purpose::Practitioner),
    ("physician", Purpose::Practitioner),
    ("doctor", Purpose::Practitioner),
    ("encounter", Purpose::Encounter),
    ("visit", Purpose::Encounter),
    ("admission", Purpose::Encounter),
    ("condition", Purpose::Condition),
    ("problem", Purpose::Condition),
    ("diagnos", Purpose::Condition),
    ("allerg", Purpose::Allergy),
    ("medic", Purpose::Medication),
    ("prescri", Purpose::Medication),
    ("meds", Purpose::Medication),
    ("rx", Purpose::Medication),
    ("immuni", Purpose::Immunization),
    ("vaccin", Purpose::Immunization),
    ("shot", Purpose::Immunization),
    ("observation", Purpose::Observation),
    ("obs", Purpose::Observation),
    ("lab", Purpose::Observation),
    ("vital", Purpose::Observation),
    ("result", Purpose::Observation),
    ("procedure", Purpose::Procedure),
    ("surger", Purpose::Procedure),
    ("careplan", Purpose::CarePlan),
    ("device", Purpose::Device),
];

impl Purpose {
    pub fn resource(self) -> &'static str {
        match self {
            Purpose::Patient => "Patient",
            Purpose::Organization => "Organization",
            Purpose::Practitioner => "Practitioner",
            Purpose::Encounter => "Encounter",
            Purpose::Condition => "Condition",
            Purpose::Allergy => "AllergyIntolerance",
            Purpose::Medication => "MedicationRequest",
            Purpose::Immunization => "Immunization",
            Purpose::Observation => "Observation",
            Purpose::Procedure => "Procedure",
            Purpose::CarePlan => "CarePlan",
            Purpose::Device => "Device",
            Purpose::Unknown | Purpose::Lookup => "Basic",
        }
    }

    pub fn doubt(self) -> &'static str {
        if self == Purpose::Unknown { "  # ? which resource these rows are" } else { "" }
    }
}

/// What every table is.
pub struct Plan {
    purposes: BTreeMap<String, Purpose>,
    /// The table of patients and its key.
    pub patients: Option<(String, String)>,
}

pub fn plan(profile: &Profile) -> Plan {
    let mut plan = Plan { purposes: BTreeMap::new(), patients: patients(profile) };
    for table in &profile.tables {
        let purpose = purpose(profile, table, &plan);
        plan.purposes.insert(table.file.clone(), purpose);
    }
    plan
}

/// The table that is called so, has dates of birth or names, and that most columns point into.
fn patients(profile: &Profile) -> Option<(String, String)> {
    let score = |table: &TableProfile| {
        let is_called = called(table) == Some(Purpose::Patient);
        let has = |part: &str| table.columns.iter().any(|c| squeezed(&c.name).contains(part));
        let is_person = has("birth") || has("dob");
        let pointed_at = profile.links.iter().filter(|link| link.parent_file == table.file).count();
        if is_called || is_person { usize::from(is_called) * 10 + usize::from(is_person) * 20 + pointed_at } else { 0 }
    };
    let best = profile.tables.iter().rev().max_by_key(|table| score(table)).filter(|table| score(table) >= 20)?;
    // The key that others point at; a table of one row has a key in every column.
    let pointed = profile.links.iter().filter(|link| link.parent_file == best.file).map(|link| &link.parent_column);
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    pointed.for_each(|column| *counts.entry(column).or_default() += 1);
    let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(column, _)| column.clone());
    let named = || best.columns.iter().find(|c| is_patient_name(&c.name, true) && c.filled > 0).map(|c| c.name.clone());
    let key = most.or_else(|| best.key().map(String::from)).or_else(named)?;
    Some((best.file.clone(), key))
}

fn called(table: &TableProfile) -> Option<Purpose> {
    let stem = table_stem(&table.file);
    let parts = words(table.file.rsplit('/').next().unwrap_or_default());
    let fits = |front: &str| stem.starts_with(front) || parts.iter().any(|part| part.starts_with(front));
    // What comes last in a name is what it is about: `patient_medication`, `claims_transactions`.
    let at = |front: &str| parts.iter().rposition(|part| part.starts_with(front)).unwrap_or(0);
    CALLED.iter().filter(|(front, _)| fits(front)).max_by_key(|(front, _)| (at(front), front.len())).map(|(_, purpose)| *purpose)
}

fn purpose(profile: &Profile, table: &TableProfile, plan: &Plan) -> Purpose {
    let is_patients = plan.patients.as_ref().is_some_and(|(file, _)| *file == table.file);
    let has_patient = plan.patient_column(profile, table).is_some();
    match called(table) {
        _ if is_patients => Purpose::Patient,
        Some(purpose @ (Purpose::Organization | Purpose::Practitioner)) if !has_patient && table.key().is_some() => purpose,
        Some(Purpose::Patient | Purpose::Organization | Purpose::Practitioner) | None if has_patient => Purpose::Unknown,
        Some(purpose) if has_patient => purpose,
        _ => Purpose::Lookup,
    }
}

impl Plan {
    pub fn purpose(&self, file: &str) -> Purpose {
        self.purposes.get(file).copied().unwrap_or(Purpose::Lookup)
    }

    pub fn has_several(&self, purpose: Purpose) -> bool {
        let resource = purpose.resource();
        self.purposes.values().filter(|other| **other != Purpose::Lookup && other.resource() == resource).count() > 1
    }

    /// The column of a table that names its patient: it points at the table of patients, or is called so.
    pub fn patient_column(&self, profile: &Profile, table: &TableProfile) -> Option<String> {
        let (file, key) = self.patients.as_ref()?;
        if *file == table.file {
            return None;
        }
        let mut into = profile.links.iter().filter(|link| link.file == table.file && link.parent_file == *file);
        let linked: Vec<&str> = into.by_ref().map(|link| link.column.as_str()).collect();
        let called = |name: &&&str| is_patient_name(name, false);
        let best = linked.iter().find(called).or(linked.first()).map(|name| (*name).to_string());
        let alike = |name: &str| squeezed(name) == squeezed(key) && squeezed(key) != "id";
        best.or_else(|| {
            table
                .columns
                .iter()
                .find(|c| c.filled > 0 && (alike(&c.name) || is_patient_name(&c.name, false)))
                .map(|c| c.name.clone())
        })
    }

    /// The table of this purpose that a column points at.
    pub fn target<'p>(&self, profile: &'p Profile, table: &TableProfile, purpose: Purpose) -> Option<(&'p str, &'p str)> {
        let links = profile.links.iter().filter(|link| link.file == table.file && link.parent_file != table.file);
        let mut fitting = links.filter(|link| self.purpose(&link.parent_file) == purpose);
        // The key of the parent is what its resources are named by.
        let is_key = |link: &&super::super::Link| {
            profile.tables.iter().any(|t| t.file == link.parent_file && t.key() == Some(link.parent_column.as_str()))
        };
        fitting.find(is_key).map(|link| (link.column.as_str(), link.parent_file.as_str()))
    }
}

fn is_patient_name(name: &str, in_patients: bool) -> bool {
    let name = squeezed(name);
    let names =
        ["patient", "patientid", "patid", "ptid", "pid", "personid", "mrn", "patientkey", "beneid", "memberid", "patientnumber"];
    names.contains(&name.as_str()) || (in_patients && (name == "id" || name.ends_with("id")))
}
