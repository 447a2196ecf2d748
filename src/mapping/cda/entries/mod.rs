//! The entries of sections as records: problems, medications, allergies, results and so on.
//!
//! Each entry is read by a rule that its templates choose, or without them its section and shape (`rules`). An entry that
//! no rule understands, or that says nothing, makes no record; it stays in the document and is told as a finding.
//!
//! Not for: the document and its header (`super`).

mod allergies;
mod coverage;
mod dosage;
mod encounters;
mod family;
mod immunizations;
mod medications;
mod notes;
mod observations;
mod plans;
mod problems;
mod procedures;
mod read;
mod rules;
mod told;
mod values;
mod work;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use self::read::related;
use self::rules::{Rule, is_act, rule, topic};
use self::work::{Around, Made, Scope, Work};
use super::About;
use crate::formats::cda::{Document, Element, Section};
use crate::limits::CDA_ENTRY_DEPTH_MAX;
use crate::mapping::{Context, Mapped};

pub(super) use self::work::Known;

/// Finds out what one must know of the whole document before its sections can be mapped: the names of people, the
/// encounters, and which names of records it gives to different contents.
pub(super) fn survey<'a>(document: &'a Document<'a>, about: &'a About, cx: &'a Context<'a>) -> Known<'a> {
    let known = Known::of(document);
    if about.patient.is_empty() {
        return known;
    }
    let mut work = Work::new(document, about, cx, &known);
    for section in document.all_sections() {
        work.section(&section);
    }
    let repeated = repeated_names(&work.made);
    drop(work);
    Known { repeated, ..Known::of(document) }
}

/// Maps the entries directly in a section and gives references (`Type/id`) to those made that have an id.
pub(super) fn section<'a>(
    document: &'a Document<'a>,
    section: &Section<'a>,
    about: &'a About,
    known: &'a Known<'a>,
    cx: &'a Context<'a>,
    out: &mut Mapped,
) -> Vec<String> {
    let mut work = Work::new(document, about, cx, known);
    work.section(section);
    out.findings.append(&mut work.findings);
    let mut references = Vec::new();
    for made in work.made {
        if !made.reference.id.is_empty() {
            references.push(format!("{}/{}", made.reference.kind, made.reference.id));
        }
        out.resources.push(made.json);
    }
    references
}

/// Names that a document gives to different contents.
fn repeated_names(made: &[Made]) -> HashSet<String> {
    let mut first: HashMap<(&str, &str), &[u8]> = HashMap::new();
    let mut repeated = HashSet::new();
    for made in made.iter().filter(|made| !made.reference.id.is_empty()) {
        let (kind, id) = (made.reference.kind, made.reference.id.as_str());
        if *first.entry((kind, id)).or_insert(&made.json) != made.json.as_slice() {
            repeated.insert(format!("{kind}/{id}"));
        }
    }
    repeated
}

impl<'a> Work<'a> {
    fn section(&mut self, section: &Section<'a>) {
        let loinc = section.code().map_or("", |code| code.attr("code"));
        let scope = Scope { topic: topic(loinc), section: section.element, around: Around::default(), depth: 0 };
        for entry in section.entries() {
            for act in entry.elements().filter(|e| is_act(*e)) {
                if !act.null_flavor().is_empty() {
                    self.empty(act);
                } else if !self.statement(act, scope) {
                    self.not_mapped(act, loinc);
                }
            }
        }
        if self.none_known > 0 {
            self.note(
                "cda.none-known",
                section.element,
                format!("the section says of {} entries that none is known", self.none_known),
            );
        }
    }

    /// An entry that no rule understands: told by its templates and place, which are no content.
    fn not_mapped(&mut self, act: Element<'a>, loinc: &str) {
        let roots: Vec<_> = act.children("templateId").map(|t| t.attr("root")).filter(|root| is_oid(root)).take(3).collect();
        let loinc = if loinc.len() <= 20 { loinc } else { "" };
        let templates = if roots.is_empty() { "no template".to_owned() } else { roots.join(" ") };
        self.note("cda.entry-not-mapped", act, format!("{} in {loinc}: {templates}", act.name()));
    }

    /// Maps one statement and what belongs to it; false when no rule understands it.
    pub(self) fn statement(&mut self, act: Element<'a>, scope: Scope<'a>) -> bool {
        if scope.depth > CDA_ENTRY_DEPTH_MAX {
            self.note("cda.entry-too-deep", act, "entries nested too deep; the inner ones stay in the document".to_owned());
            return true;
        }
        let Some(rule) = rule(act, scope.topic) else { return false };
        match rule {
            Rule::ProblemConcern => return self.problem_concern(act, scope) || self.container(act, scope),
            Rule::AllergyConcern => return self.allergy_concern(act, scope),
            Rule::Organizer => return self.organizer(act, scope),
            Rule::Container if related(act).next().is_none() => self.empty(act),
            Rule::Container => return self.container(act, scope),
            Rule::Coverage => return self.coverage(act),
            Rule::Problem => drop(self.problem(act, scope)),
            Rule::Observation => drop(self.observation(act, scope)),
            Rule::Allergy => self.allergy(act, scope),
            Rule::Medication => self.medication(act, scope),
            Rule::Immunization => self.immunization(act, scope),
            Rule::Dispense => self.supply_of_drug(act, scope),
            Rule::ResultOrganizer => self.result_organizer(act, scope),
            Rule::Procedure => self.procedure(act, scope),
            Rule::Encounter => self.encounter_entry(act, scope),
            Rule::Family => self.family(act),
            Rule::Planned => self.planned(act, scope),
            Rule::Goal => self.goal(act, scope),
            Rule::Team => self.team(act),
            Rule::Supply => self.supply(act),
            Rule::Note => self.note_activity(act, scope),
            Rule::Nothing => {}
        }
        true
    }
}

fn is_oid(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
