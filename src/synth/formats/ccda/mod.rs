//! The hospital as C-CDA documents: for each patient a summary (CCD R2.1) of all that C-CDA has a place for, a separate
//! summary of what is restricted, and a document for each note.
//!
//! Not for: reading C-CDA (`formats::cda`).

mod drugs;
mod header;
mod history;
mod note;
mod parts;
mod plan;
mod results;
mod xml;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::header::{Header, document};
use self::parts::Staff;
use self::xml::Xml;
use super::Writer;
use super::output::Output;
use super::records::{Records, labels, list, text};
use crate::synth::hospital::Hospital;
use crate::synth::people::Person;
use crate::synth::sink::Type;
use crate::synth::{Options, SynthError};

const HOSPITAL: &str = "Saint Odile Regional Hospital";
/// Root of the numbers of organizations, places and systems.
const ORGANIZATIONS: &str = "2.16.840.1.113883.19.5.99.5";
const DOCUMENTS: &str = "2.16.840.1.113883.19.5.99.6";
/// When the export was made: on the last evening.
const EXPORTED: &str = "2024-06-30T23:45:00-04:00";

/// The kinds of records of which a summary tells.
const TOLD: [Type; 14] = [
    Type::AllergyIntolerance,
    Type::Condition,
    Type::MedicationRequest,
    Type::MedicationStatement,
    Type::MedicationAdministration,
    Type::MedicationDispense,
    Type::Observation,
    Type::DiagnosticReport,
    Type::Immunization,
    Type::Procedure,
    Type::Encounter,
    Type::FamilyMemberHistory,
    Type::Goal,
    Type::Coverage,
];

pub(super) fn writer(options: &Options) -> Result<Box<dyn Writer>, SynthError> {
    Ok(Box::new(Documents { staff: Staff(Hospital::new(options.seed)) }))
}

struct Documents {
    staff: Staff,
}

impl Writer for Documents {
    fn patient(&mut self, person: &Person, records: &Records<'_>, out: &mut Output) -> Result<(), SynthError> {
        let restricted: BTreeSet<&str> = TOLD.iter().flat_map(|kind| records.all(*kind)).map(label).collect();
        let ordinary = BTreeSet::from([""]);
        for label in ordinary.union(&restricted) {
            let summary = Summary { records, staff: &self.staff, label, told: RefCell::default() };
            let name = if label.is_empty() { person.mrn.clone() } else { format!("{}-{label}", person.mrn) };
            let file = format!("summaries/{name}.xml");
            out.file(&file, summary.document(&name).as_bytes())?;
            out.count(&file, "cda:34133-9", 1);
            out.tell(Type::Composition, 1);
            out.tell(Type::DocumentReference, 1);
            for (kind, count) in summary.told.into_inner() {
                out.tell(kind, count);
            }
        }
        for reference in records.all(Type::DocumentReference) {
            let name = format!("notes/{}-{}.xml", person.mrn, text(reference, "/id"));
            out.file(&name, note::document(records, reference, &self.staff).as_bytes())?;
            out.count(&name, &format!("cda:{}", text(reference, "/type/coding/0/code")), 1);
            out.tell(Type::DocumentReference, 1);
            out.tell(Type::Composition, u64::from(note::is_text(reference)));
        }
        out.tell(Type::Patient, 1);
        Ok(())
    }

    fn finish(&mut self, _out: &mut Output) -> Result<(), SynthError> {
        Ok(())
    }
}

/// The sensitivity code of a record; empty for one that is not restricted.
fn label(record: &Value) -> &str {
    labels(record).into_iter().find(|code| *code != "R").unwrap_or_default()
}

/// One summary in the making: that of a patient's ordinary records, or of those with one sensitivity code.
struct Summary<'a> {
    records: &'a Records<'a>,
    staff: &'a Staff,
    label: &'a str,
    /// How many records of each kind its entries tell of.
    told: RefCell<BTreeMap<Type, u64>>,
}

impl<'a> Summary<'a> {
    /// The records of one kind that belong here.
    fn all(&self, kind: Type) -> impl Iterator<Item = &'a Value> + use<'a> {
        let wanted = self.label;
        self.records.all(kind).iter().filter(move |record| label(record) == wanted)
    }

    fn tell(&self, kind: Type) {
        *self.told.borrow_mut().entry(kind).or_default() += 1;
    }

    fn document(&self, number: &str) -> String {
        let patient = self.records.patient();
        let title = if self.label.is_empty() { "Summary of care" } else { "Summary of care, restricted information" };
        let starts = self.all(Type::Encounter).map(|visit| text(visit, "/period/start"));
        let from = starts.min().unwrap_or(text(patient, "/birthDate"));
        let header = Header {
            template: ("22.1.2", "2015-08-01"),
            id: &[("root", DOCUMENTS), ("extension", number)],
            code: ("34133-9", "Summarization of Episode Note"),
            title,
            time: EXPORTED,
            label: self.label,
            patient,
            author: None,
            visit: None,
            service: Some((from, EXPORTED)),
        };
        document(&header, self.staff, |x| x.tag("structuredBody", &[], |x| self.sections(x)))
    }

    fn sections(&self, x: &mut Xml) {
        // Those that a CCD must have, also when there is nothing to tell.
        for section in [self.allergies(), self.medications(), self.problems(), self.results(), self.social(), self.vitals()] {
            section.write(x, self.label);
        }
        let others = [
            self.procedures(),
            self.immunizations(),
            self.encounters(),
            self.administered(),
            self.family(),
            self.goals(),
            self.payers(),
        ];
        for section in others.into_iter().filter(|section| !section.is_empty()) {
            section.write(x, self.label);
        }
    }
}

/// The words of a CodeableConcept.
fn name<'v>(record: &'v Value, pointer: &str) -> &'v str {
    record.pointer(pointer).map_or("", |concept| text(concept, "/text"))
}

/// The first code of a CodeableConcept.
fn first_code<'v>(record: &'v Value, pointer: &str) -> &'v str {
    record.pointer(pointer).and_then(|concept| list(concept, "/coding").first()).map_or("", |coding| text(coding, "/code"))
}
