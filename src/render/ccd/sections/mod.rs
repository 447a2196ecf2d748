//! The sections of a Continuity of Care Document, each from the records that belong there.
//!
//! A section is a pure function of the chart; it gives narrative and entries together, so that every entry has its words.
//!
//! Not for: the header, or how anything is written as XML.

pub mod allergies;
mod dosage;
pub mod immunizations;
pub mod medications;
mod observation;
pub mod problems;
pub mod procedures;
pub mod results;
pub mod routing;
mod rows;
mod tables;
pub mod vitals;

use super::cda::Section;
use super::context::Context;

/// All sections, in the order in which a document has them: those that every CCD has, then those that it should and may have.
pub fn all(cx: &Context<'_>) -> Vec<Section> {
    ALL.iter().map(|section| section(cx)).collect()
}

const ALL: [fn(&Context<'_>) -> Section; 0] = [];
