//! The rules for one shape of record: which of its leaves can put a label on it. A shape without such a leaf costs nothing.
//!
//! Not for: what a value means (`SourceRules`).

use std::sync::Arc;

use super::{SourceRules, is_directory};
use crate::formats::fhir::{Part, Role, Shape, leaf_text};
use crate::model::{Kind, Label, archive_id, is_true_uuid};

/// A coding whose system some rule knows, or which each record names anew.
#[derive(Clone, Debug)]
struct Coded {
    system: Part,
    code: Part,
}

/// Where the rules look in the records of one shape.
#[derive(Debug)]
pub struct Plan {
    rules: Arc<SourceRules>,
    kind: Kind,
    base: Label,
    coded: Vec<Coded>,
    security: Vec<usize>,
    medicines: Vec<usize>,
    departments: Vec<usize>,
    titles: Vec<usize>,
    /// Of a Patient, when rules name patients: its id and identifiers.
    patient: Vec<(usize, bool)>,
}

/// The path without the numbers of lists: `location[0].location.display` is `location.location.display`.
pub(super) fn without_numbers(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut is_inside = false;
    for c in path.chars() {
        match c {
            '[' => is_inside = true,
            ']' => is_inside = false,
            c if !is_inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// Whether a leaf may name a medication.
fn names_medicine(kind: Kind, path: &str) -> bool {
    let is_name = path.ends_with(".text") || path.ends_with(".display");
    let is_medication = match kind.name() {
        "Medication" => path.starts_with("code.") || path.starts_with("ingredient.") || path.starts_with("contained."),
        kind => kind.starts_with("Medication") && (path.starts_with("medication") || path.starts_with("contained.")),
    };
    is_name && is_medication
}

/// Whether a leaf may name a department, service or place.
fn names_department(kind: Kind, path: &str) -> bool {
    const ANYWHERE: [&str; 14] = [
        "serviceType.text",
        "serviceType.coding.display",
        "location.location.display",
        "location.location.reference",
        "location.display",
        "location.reference",
        "serviceProvider.display",
        "serviceProvider.reference",
        "context.practiceSetting.text",
        "context.practiceSetting.coding.display",
        "custodian.display",
        "custodian.reference",
        "specialty.text",
        "specialty.coding.display",
    ];
    match kind.name() {
        "Encounter" | "EpisodeOfCare" if matches!(path, "type.text" | "type.coding.display") => true,
        "Appointment" if matches!(path, "participant.actor.display" | "participant.actor.reference") => true,
        "EpisodeOfCare" if path.starts_with("managingOrganization.") => true,
        "Location" | "Organization" | "HealthcareService" if matches!(path, "name" | "id" | "alias") => true,
        _ => ANYWHERE.contains(&path),
    }
}

/// Whether a leaf may say what a document or a section is called.
fn names_document(kind: Kind, path: &str) -> bool {
    const TITLES: [&str; 9] = [
        "title",
        "description",
        "type.text",
        "type.coding.display",
        "code.text",
        "code.coding.display",
        "category.text",
        "category.coding.display",
        "content.attachment.title",
    ];
    let is_document = matches!(
        kind.name(),
        "DocumentReference" | "Composition" | "DiagnosticReport" | "Media" | "QuestionnaireResponse" | "Communication"
    );
    is_document && (TITLES.contains(&path) || path.ends_with("section.title") || path.ends_with("presentedForm.title"))
}

impl SourceRules {
    /// What the rules ask of the records of a shape.
    pub fn plan(self: &Arc<Self>, shape: &Shape) -> Plan {
        let kind = shape.kind();
        let is_asked = |(system, _): &&(Part, Part)| match system {
            Part::Constant(system) => self.tables.iter().any(|table| table.is_of(&leaf_text(system.as_bytes()), kind)),
            Part::Leaf(_) => true,
        };
        let pairs = shape.codings().iter().flat_map(|list| list.codings.iter()).filter(is_asked);
        let paths: Vec<String> = shape.paths().iter().map(|path| without_numbers(path)).collect();
        let leaves = |is_wanted: &dyn Fn(&str) -> bool| {
            paths.iter().enumerate().filter(|(_, path)| is_wanted(path)).map(|(leaf, _)| leaf).collect::<Vec<_>>()
        };
        let roles = shape.roles().iter().enumerate();
        let patient = roles.clone().filter_map(|(leaf, role)| match role {
            Role::Id => Some((leaf, true)),
            Role::IdentifierValue(_) => Some((leaf, false)),
            _ => None,
        });
        let has_patients = kind == Kind::PATIENT && self.knows_patients();
        Plan {
            kind,
            base: self.of_kind(kind),
            coded: pairs.map(|(system, code)| Coded { system: system.clone(), code: code.clone() }).collect(),
            security: roles.clone().filter(|(_, role)| **role == Role::SecurityCode).map(|(leaf, _)| leaf).collect(),
            medicines: if self.medicines.is_empty() { Vec::new() } else { leaves(&|path| names_medicine(kind, path)) },
            departments: if self.departments.is_empty() { Vec::new() } else { leaves(&|path| names_department(kind, path)) },
            titles: if self.titles.is_empty() { Vec::new() } else { leaves(&|path| names_document(kind, path)) },
            patient: if has_patients { patient.collect() } else { Vec::new() },
            rules: Arc::clone(self),
        }
    }
}

impl Plan {
    /// The label of a record by itself. `leaf` gives a leaf's raw bytes; one that is not there is empty.
    pub fn label<'a>(&self, leaf: impl Fn(usize) -> &'a [u8]) -> Label {
        let rules = &self.rules;
        let mut label = self.base;
        for at in &self.security {
            label = label.union(rules.of_security(&leaf_text(leaf(*at))));
        }
        for Coded { system, code } in &self.coded {
            let text = |part: &'_ Part| match part {
                Part::Constant(value) => leaf_text(value.as_bytes()).into_owned(),
                Part::Leaf(at) => leaf_text(leaf(*at)).into_owned(),
            };
            label = label.union(rules.of_code(self.kind, &text(system), &text(code)));
        }
        for at in &self.medicines {
            label = label.union(rules.of_medicine(&leaf_text(leaf(*at))));
        }
        for at in &self.titles {
            label = label.union(rules.of_title(self.kind, &leaf_text(leaf(*at))));
        }
        for (at, is_id) in &self.patient {
            let name = leaf_text(leaf(*at));
            label = label.union(rules.of_patient(&name));
            if *is_id && !is_true_uuid(&name) {
                label = label.union(rules.of_patient(archive_id(&rules.source_system, "Patient", &name).as_str()));
            }
        }
        if is_directory(self.kind) { label } else { label.union(self.place(leaf)) }
    }

    /// What the department of a record puts on it and, if it is an encounter or a place, on all that happened there.
    pub fn place<'a>(&self, leaf: impl Fn(usize) -> &'a [u8]) -> Label {
        let names = self.departments.iter().map(|at| self.rules.of_department(self.kind, &leaf_text(leaf(*at))));
        names.fold(Label::NORMAL, Label::union)
    }
}
