//! FHIR data types as those of CDA: times, quantities, names. Digits and precision stay as archived.
//!
//! Not for: codes (`codes`).

use crate::formats::fhir::node::Node;

use super::cda::{Time, Ts, Value};

/// A FHIR date, dateTime or instant as HL7 writes it; `None` for what is no date.
pub fn ts(_text: &str) -> Option<Ts> {
    None
}

/// `{name}DateTime`, `{name}Period`, `{name}Date` … of a record: a point or a span; `None` when it has none that can be read.
pub fn time(_root: Node<'_>, _name: &str) -> Option<Time> {
    None
}

/// A FHIR Quantity as PQ or, with a comparator, IVL_PQ; a unit that is no UCUM makes it text.
pub fn quantity(_node: Node<'_>) -> Option<Value> {
    None
}
