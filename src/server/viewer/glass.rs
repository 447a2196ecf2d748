//! What a chart says of restricted records: that the policy restricts some kinds, or that they are open for now, until when,
//! with the button that ends it. The same words on every chart: whether any such record is there is not told.
//!
//! Not for: deciding what is restricted (`access`), or the form that opens them (`pages::break_glass`).

use crate::model::{Class, Label};

/// The state of one chart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Glass {
    /// Nothing is restricted for this reader, or nothing that he could open.
    #[default]
    Whole,
    /// Some kinds are restricted; where they can be opened.
    Offered { href: String },
    /// Open for now.
    Open {
        kinds: String,
        /// Time of day at the server.
        until: String,
        minutes: i64,
        /// Where the form that ends it is sent.
        end: String,
    },
}

/// A class in neutral words.
pub fn class_name(class: Class) -> &'static str {
    match class {
        Class::Restricted => "restricted without a named topic",
        Class::VeryRestricted => "very restricted",
        Class::SubstanceUse => "substance use treatment",
        Class::PsychotherapyNotes => "notes of psychotherapy",
        Class::MentalHealth => "mental health",
        Class::Hiv => "HIV",
        Class::Genetic => "genetics",
        Class::Reproductive => "sexual and reproductive health",
        Class::Violence => "violence and abuse",
        Class::Minor => "confidential care of minors",
        Class::Vip => "well-known people",
        Class::Workforce => "people who work here",
        Class::Site => "kinds that this site restricts",
        Class::Unknown => "labels that this archive does not know",
    }
}

/// The classes of a label in one line.
pub fn class_names(label: Label) -> String {
    let names: Vec<&str> = label.classes().map(class_name).collect();
    names.join(", ")
}
