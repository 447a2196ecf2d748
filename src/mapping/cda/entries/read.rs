//! Reading what all entries have, from an entry alone: times, concepts, what is related to it.
//!
//! Not for: what its document says of it elsewhere (`told`), what it becomes.

use super::super::types::Concept;
use super::rules::{has, is_act};
use crate::formats::cda::Element;
use crate::mapping::fhir::Object;

/// What a time element says: a point, or the ends of an interval, as FHIR dateTimes.
#[derive(Clone, Default)]
pub struct Span {
    pub point: String,
    pub low: String,
    pub high: String,
    /// It has ended, though it is not known when.
    pub ended: bool,
}

impl Span {
    pub fn is_empty(&self) -> bool {
        self.point.is_empty() && self.low.is_empty() && self.high.is_empty()
    }

    pub fn start(&self) -> &str {
        if self.point.is_empty() { &self.low } else { &self.point }
    }

    /// `<name>DateTime` or `<name>Period`. An interval without its end is the time of its start.
    pub fn write(&self, o: &mut Object<'_>, name: &str) {
        if self.high.is_empty() || self.high == self.low {
            o.text(&format!("{name}DateTime"), self.start());
        } else {
            o.period(&format!("{name}Period"), &self.low, &self.high);
        }
    }

    pub fn write_period(&self, o: &mut Object<'_>, name: &str) {
        o.period(name, self.start(), &self.high);
    }
}

/// The statements related to an entry: how, and what.
pub fn related<'a>(entry: Element<'a>) -> impl Iterator<Item = (&'a str, Element<'a>)> {
    let links = entry.elements().filter(|e| matches!(e.name(), "entryRelationship" | "component"));
    links.flat_map(|link| link.elements().filter(|e| is_act(*e)).map(move |act| (link.attr("typeCode"), act)))
}

/// The related statements that claim one of these templates, or have this code.
pub fn related_as<'a>(entry: Element<'a>, templates: &[&str], code: &str) -> Option<Element<'a>> {
    related(entry).map(|(_, act)| act).find(|act| {
        let coded = || !code.is_empty() && act.child("code").is_some_and(|c| c.attr("code") == code);
        has(*act, templates) || coded()
    })
}

/// Whether an entry says that something is not so.
pub fn is_negated(entry: Element<'_>) -> bool {
    entry.attr("negationInd") == "true"
}

pub fn status(entry: Element<'_>) -> &str {
    entry.child("statusCode").map_or("", |status| status.attr("code"))
}

/// What a concept is told apart by: its code, else its words.
pub fn key(concept: &Concept) -> &str {
    concept.codings.first().map_or(concept.text.as_str(), |coding| coding.code.as_str())
}

/// Whether a concept has one of these codes.
pub fn is_any(concept: &Concept, codes: &[&str]) -> bool {
    concept.codings.iter().any(|coding| codes.contains(&coding.code.as_str()))
}

/// A concept in words.
pub fn name(concept: &Concept) -> &str {
    let displays = || concept.codings.iter().map(|coding| coding.display.as_str()).find(|d| !d.is_empty());
    if concept.text.is_empty() { displays().unwrap_or_else(|| key(concept)) } else { &concept.text }
}

/// Whether a concept has no words, neither of its own nor with a code.
pub fn is_bare(concept: &Concept) -> bool {
    concept.text.is_empty() && concept.codings.iter().all(|coding| coding.display.is_empty())
}

/// Whether a code says that the statement lies in the value (`ASSERTION`), or nothing at all.
pub fn is_assertion(concept: &Concept) -> bool {
    concept.codings.iter().all(|coding| matches!(coding.code.as_str(), "ASSERTION" | "ASSERT"))
}
