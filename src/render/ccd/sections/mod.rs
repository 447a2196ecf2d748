//! The sections of a Continuity of Care Document, each from the records that belong there.
//!
//! A section is a pure function of the chart; it gives narrative and entries together, so that every entry has its words.
//!
//! Not for: the header, or how anything is written as XML.

mod additional;
mod advance_directives;
mod assessment;
mod care_team;
mod encounters;
mod equipment;
mod family_history;
mod findings;
mod goals;
mod health_concerns;
mod notes;
mod payers;
mod plan;
mod questionnaires;
pub mod routing;
mod sheet;
mod social_history;
mod statuses;
mod words;

pub use additional::additional;
pub use advance_directives::advance_directives;
pub use assessment::assessment;
pub use care_team::care_team;
pub use encounters::encounters;
pub use equipment::equipment;
pub use family_history::family_history;
pub use goals::goals;
pub use health_concerns::health_concerns;
pub use notes::notes;
pub use payers::payers;
pub use plan::plan;
pub use social_history::social_history;
pub use statuses::{functional, mental};

#[cfg(test)]
mod told_tests;
