//! The sections of a Continuity of Care Document, each from the records that belong there.
//!
//! A section is a pure function of the chart; it gives narrative and entries together, so that every entry has its words.
//!
//! Not for: the header, or how anything is written as XML.

mod additional;
mod advance_directives;
mod allergies;
mod assessment;
mod care_team;
mod dosage;
mod encounters;
mod equipment;
mod family_history;
mod findings;
mod goals;
mod health_concerns;
mod immunizations;
mod medications;
mod notes;
mod observation;
mod payers;
mod plan;
mod problems;
mod procedures;
mod questionnaires;
mod results;
pub mod routing;
mod rows;
mod sheet;
mod social_history;
mod statuses;
mod tables;
mod vitals;
mod words;

use super::cda::Section;
use super::context::Context;

/// All sections, in the order in which a document has them: those that every CCD has, those that it should have, those that it
/// may have, and last what no section is made for.
pub fn all(cx: &Context<'_>) -> Vec<Section> {
    let mut sections: Vec<Section> = ONE.iter().map(|section| section(cx)).collect();
    sections.extend(notes::notes(cx));
    sections.extend(additional::additional(cx));
    sections
}

const ONE: [fn(&Context<'_>) -> Section; 20] = [
    allergies::allergies,
    medications::medications,
    problems::problems,
    results::results,
    social_history::social_history,
    vitals::vitals,
    procedures::procedures,
    plan::plan,
    immunizations::immunizations,
    encounters::encounters,
    family_history::family_history,
    statuses::functional,
    statuses::mental,
    advance_directives::advance_directives,
    equipment::equipment,
    payers::payers,
    goals::goals,
    health_concerns::health_concerns,
    assessment::assessment,
    care_team::care_team,
];

#[cfg(test)]
mod clinical_tests;
#[cfg(test)]
mod told_tests;
