//! What every clinical mapper does alike: beginning a resource with its labels, naming it, saying whom it is about, and
//! reading notes.
//!
//! Not for: the fields of any one kind of record.

use std::collections::HashMap;
use std::ops::Deref;

use super::group::Group;
use super::types;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::{Array, Object, Resource};
use crate::mapping::id;

/// A group, as the clinical mappers use it.
pub(super) struct Scope<'g, 'm> {
    group: &'g Group<'m>,
}

impl<'m> Deref for Scope<'_, 'm> {
    type Target = Group<'m>;

    fn deref(&self) -> &Group<'m> {
        self.group
    }
}

impl<'g, 'm> Scope<'g, 'm> {
    pub fn new(group: &'g Group<'m>) -> Scope<'g, 'm> {
        Scope { group }
    }

    /// Begins a resource. `confidential` are fields with a code of table 0177, for this resource alone.
    pub fn begin(&self, kind: &str, id: &str, confidential: &[Value<'_>]) -> Resource {
        let mut resource = Resource::new(kind, id);
        let mut labels = self.labels.clone();
        for label in confidential.iter().flat_map(Value::repetitions).filter_map(|v| self.confidentiality(v)) {
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        resource.meta(&self.made, &labels);
        resource
    }

    pub fn subject(&self, o: &mut Object<'_>, key: &str) {
        o.reference(key, "Patient", &self.patient, "");
    }

    pub fn encounter(&self, o: &mut Object<'_>, key: &str) {
        o.reference(key, "Encounter", &self.encounter, "");
    }

    /// The id of a thing of this patient. Numbers of departments repeat, so they count for one patient alone.
    pub fn name(&self, parts: &[&str]) -> String {
        let name = id::id(parts);
        if self.patient.is_empty() || name.is_empty() { name } else { format!("{}.{name}", self.patient) }
    }

    /// The id of what an order number names: `kind` is `placer` or `filler`; empty without a number.
    pub fn name_of_order(&self, kind: &str, ei: Value<'_>, rest: &[&str]) -> String {
        let [authority, number] = self.ei_parts(ei);
        if number.is_empty() {
            return String::new();
        }
        let mut parts = vec![kind, &authority, &number];
        parts.extend(rest);
        // An empty part at the end would take the name away.
        while parts.last().is_some_and(|part| part.trim().is_empty()) {
            parts.pop();
        }
        self.name(&parts)
    }

    /// Placer and filler numbers as identifiers.
    pub fn order_identifiers(&self, o: &mut Object<'_>, placer: Value<'_>, filler: Value<'_>) {
        o.array("identifier", |list| {
            self.ei(list, placer, "PLAC");
            self.ei(list, filler, "FILL");
        });
    }

    /// A CodeableConcept that FHIR demands: said to be unknown when the source is silent.
    pub fn required_concept(&self, o: &mut Object<'_>, key: &str, value: Value<'_>, system: &str) {
        let (codings, words) = (self.codings(value, system), types::words(value));
        let words = if codings.is_empty() && words.is_empty() { "unknown" } else { &words };
        o.concept(key, &codings, words);
    }
}

/// Names given so far: the second thing of the same name in a message is another thing.
#[derive(Default)]
pub(super) struct Names {
    seen: HashMap<String, u32>,
}

impl Names {
    pub fn unique(&mut self, kind: &str, id: String) -> String {
        if id.is_empty() {
            return id;
        }
        let count = self.seen.entry(format!("{kind}/{id}")).or_default();
        *count += 1;
        // `_n` stands in no id otherwise: underscores come with hexadecimal digits.
        if *count == 1 { id } else { format!("{id}_n{count}") }
    }

    /// Whether this name was given before; it is from now on.
    pub fn is_known(&mut self, kind: &str, id: &str) -> bool {
        !id.is_empty() && self.seen.insert(format!("{kind}/{id}"), 1).is_some()
    }
}

/// The text of a field of lines (TX, FT, NTE-3): repetitions are lines, spaces stay.
pub(super) fn lines(value: Value<'_>) -> String {
    let lines: Vec<_> = value.repetitions().map(|line| line.whole()).collect();
    lines.join("\n")
}

/// The text of notes that stand together.
pub(super) fn note_text(notes: &[Segment<'_>]) -> String {
    let texts: Vec<String> = notes.iter().map(|note| lines(note.field(3))).collect();
    texts.join("\n").trim_end().to_string()
}

/// An Annotation; nothing when the text is blank.
pub(super) fn annotation(list: &mut Array<'_>, text: &str) {
    list.object(|o| {
        o.verbatim("text", text);
    });
}

/// The first of some values that says something.
pub(super) fn first_of<'m>(values: impl IntoIterator<Item = Value<'m>>) -> Option<Value<'m>> {
    values.into_iter().find(|v| !v.is_empty() && !v.is_null())
}
