//! The hospital as a relational extract of a home-built system, "Odile": UTF-8 with a byte order mark, American dates
//! without a zone, its own codes with a dictionary, staff by number, rows that are deleted and stay, notes in a column, and
//! a folder of scans with an index.
//!
//! The mapping that goes with it is `schemas/mappings/odile.toml`; the code map lies beside the tables.
//!
//! Not for: reading tables (`formats::table`).

mod layout;
mod rows;
mod table;

use serde_json::Value;

use self::table::{Dictionary, Export, Table, Use};
use super::Writer;
use super::output::Output;
use super::records::{Records, labels, text};
use crate::synth::hospital::Hospital;
use crate::synth::people::Person;
use crate::synth::sink::Type;
use crate::synth::{Options, SynthError};

const STAFF: Table = Table { file: "STAFF.CSV", name: "staff", columns: &["USER_NO", "LAST_NAME", "FIRST_NAME", "TITLE", "NPI"] };
const DICTIONARY: Table = Table { file: "DICT.CSV", name: "dict", columns: &["LIST", "CODE", "NAME"] };
/// The code map, beside the tables.
const CODE_MAP: &str = "odile-codes.csv";

pub(super) fn writer(options: &Options) -> Result<Box<dyn Writer>, SynthError> {
    Ok(Box::new(Odile { hospital: Hospital::new(options.seed), export: Export::default(), dictionary: Dictionary::default() }))
}

struct Odile {
    hospital: Hospital,
    export: Export,
    dictionary: Dictionary,
}

impl Writer for Odile {
    fn patient(&mut self, person: &Person, records: &Records<'_>, out: &mut Output) -> Result<(), SynthError> {
        let kinds = [
            Type::Encounter,
            Type::Condition,
            Type::AllergyIntolerance,
            Type::MedicationRequest,
            Type::MedicationStatement,
            Type::MedicationAdministration,
            Type::MedicationDispense,
            Type::Observation,
            Type::DiagnosticReport,
            Type::Immunization,
            Type::Procedure,
            Type::FamilyMemberHistory,
            Type::Coverage,
            Type::DocumentReference,
        ];
        let mut extract = Extract { odile: self, person, records, out };
        extract.patient_row()?;
        for kind in kinds {
            for record in records.all(kind) {
                extract.row(kind, record)?;
            }
            extract.out.tell(kind, records.all(kind).len() as u64);
        }
        out.tell(Type::Patient, 1);
        Ok(())
    }

    fn finish(&mut self, out: &mut Output) -> Result<(), SynthError> {
        for (number, who) in self.hospital.staff.iter().enumerate() {
            let title = if who.specialty < 10 { "MD" } else { "RN" };
            let cells = [&user(number), &who.family, who.given, title, &who.npi];
            self.export.row(out, &STAFF, Use::Record, &cells)?;
            out.tell(Type::Practitioner, 1);
        }
        for cells in self.dictionary.rows() {
            self.export.row(out, &DICTIONARY, Use::Lookup, &cells)?;
        }
        out.file(CODE_MAP, self.dictionary.code_map().as_bytes())
    }
}

/// The number of a member of staff.
fn user(place: usize) -> String {
    format!("U{:03}", place + 1)
}

/// One patient's rows in the making.
struct Extract<'a, 'r> {
    odile: &'a mut Odile,
    person: &'a Person,
    records: &'a Records<'r>,
    out: &'a mut Output,
}

impl Extract<'_, '_> {
    fn write(&mut self, table: &Table, cells: &[&str]) -> Result<(), SynthError> {
        self.odile.export.row(self.out, table, Use::Record, cells)
    }

    /// A row that somebody deleted: it stays, with its mark.
    fn deleted(&mut self, table: &Table, cells: &[&str]) -> Result<(), SynthError> {
        self.odile.export.row(self.out, table, Use::Deleted, cells)
    }

    fn next(&self, table: &Table) -> String {
        self.odile.export.next(table)
    }

    fn code(&mut self, list: &'static str, concept: &Value) -> String {
        self.odile.dictionary.code(list, concept)
    }

    /// The number of who is referred to.
    fn user(&self, reference: &Value) -> String {
        let named = text(reference, "/reference");
        let number = named.rsplit_once('|').map(|(_, npi)| npi);
        let id = named.strip_prefix("Practitioner/");
        let staff = &self.odile.hospital.staff;
        let found = staff.iter().position(|who| number == Some(who.npi.as_str()) || id == Some(who.id.to_string().as_str()));
        found.map(user).unwrap_or_default()
    }

    /// The number of the visit that a record belongs to.
    fn visit(&self, record: &Value) -> String {
        let pointers = ["/encounter/reference", "/context/reference", "/context/encounter/0/reference"];
        let found = pointers.iter().find_map(|pointer| self.records.target(Type::Encounter, text(record, pointer)));
        found.map_or("", |visit| text(visit, "/identifier/0/value")).to_owned()
    }
}

/// The system's mark for what is restricted: psychiatry, substance use, HIV.
fn mark(record: &Value) -> &'static str {
    match labels(record).get(1) {
        Some(&"PSY") => "P",
        Some(&"SUD") => "S",
        Some(&"HIV") => "H",
        _ => "",
    }
}
