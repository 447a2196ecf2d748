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

#[cfg(test)]
mod clinical_tests;
