//! A record that is being read out: what was said of it is noted value by value, so that a form can say first what matters and
//! the rest follows of itself. Nothing of a record is left out because nobody thought of it.
//!
//! Not for: what a form says first (`forms`), how values are worded (`words`).

use std::cell::RefCell;
use std::collections::BTreeMap;

use ahash::{AHashMap, AHashSet};
use serde_json::{Map, Value};

/// A record with what has been said of it.
pub struct Reading<'r> {
    pub root: &'r Value,
    /// Names of other records by their references, as they stood when the selection was frozen.
    names: &'r BTreeMap<String, String>,
    /// Reference to the patient, and his name.
    patient: (String, &'r str),
    contained: AHashMap<&'r str, &'r Value>,
    /// Values by where they lie in memory: the tree does not move while it is read.
    said: RefCell<AHashSet<*const Value>>,
}

/// What is said elsewhere or is no content: the type (in the header), ids (in the header), and what servers note for themselves.
const NOT_CONTENT: [&str; 3] = ["resourceType", "id", "meta"];

impl<'r> Reading<'r> {
    pub fn new(root: &'r Value, names: &'r BTreeMap<String, String>, patient: (&str, &'r str)) -> Reading<'r> {
        let of = |value: &'r Value| Some((value.get("id")?.as_str()?, value));
        let contained = root.get("contained").and_then(Value::as_array).into_iter().flatten().filter_map(of).collect();
        let patient = (format!("Patient/{}", patient.0), patient.1);
        let reading = Reading { root, names, patient, contained, said: RefCell::default() };
        NOT_CONTENT.iter().filter_map(|key| root.get(key)).for_each(|value| reading.pass(value));
        reading.pass_patient();
        reading
    }

    /// Whose record it is stands on every page; said again only where the record has words of its own for it.
    fn pass_patient(&self) {
        for key in ["subject", "patient", "beneficiary"] {
            let Some(Value::Object(members)) = self.root.get(key) else { continue };
            let at = members.get("reference").and_then(Value::as_str);
            if at == Some(self.patient.0.as_str()) && members.keys().all(|key| matches!(key.as_str(), "reference" | "type")) {
                members.values().for_each(|value| self.pass(value));
            }
        }
    }

    /// Notes a value and all in it as said.
    pub fn pass(&self, value: &Value) {
        let mut said = self.said.borrow_mut();
        let mut waiting = vec![value];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Array(items) => waiting.extend(items),
                Value::Object(members) => waiting.extend(members.values()),
                leaf => {
                    said.insert(std::ptr::from_ref(leaf));
                }
            }
        }
    }

    pub fn is_said(&self, leaf: &Value) -> bool {
        self.said.borrow().contains(&std::ptr::from_ref(leaf))
    }

    /// Whether something in a value has not been said.
    pub fn has_more(&self, value: &Value) -> bool {
        let said = self.said.borrow();
        let mut waiting = vec![value];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Array(items) => waiting.extend(items),
                Value::Object(members) => waiting.extend(members.values()),
                Value::Null => {}
                leaf if !said.contains(&std::ptr::from_ref(leaf)) => return true,
                _ => {}
            }
        }
        false
    }

    /// A text element that has not been said, noted as said.
    pub fn take<'m>(&self, members: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
        let value = members.get(key)?;
        let text = value.as_str().filter(|text| !text.trim().is_empty() && !self.is_said(value))?;
        self.pass(value);
        Some(text.trim())
    }

    /// What a reference leads to, in words: the patient, a record inside this one, or one whose name is known.
    pub fn named(&self, reference: &str) -> Option<String> {
        if let Some(inside) = reference.strip_prefix('#') {
            return self.contained.get(inside).and_then(|value| title(value));
        }
        if reference == self.patient.0 && !self.patient.1.is_empty() {
            return Some(self.patient.1.to_owned());
        }
        // A reference to one version of it.
        let plain = reference.split("/_history/").next().unwrap_or(reference);
        self.names.get(plain).cloned()
    }

    /// A record inside this one.
    pub fn inside(&self, reference: &str) -> Option<&'r Value> {
        self.contained.get(reference.strip_prefix('#')?).copied()
    }
}

/// What a reader would call a record: its name or title, or the words of what it is about.
pub fn title(root: &Value) -> Option<String> {
    const CODED: [&str; 9] = [
        "code",
        "type",
        "vaccineCode",
        "medicationCodeableConcept",
        "serviceType",
        "category",
        "relationship",
        "scope",
        "specialty",
    ];
    let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let plain = ["title", "name", "description"].iter().find_map(|key| text(root.get(key)?));
    let person = || first(root.get("name")?).and_then(person);
    let role = || text(root.pointer("/practitioner/display")?);
    plain.or_else(person).or_else(role).or_else(|| CODED.iter().find_map(|key| first(root.get(key)?).and_then(concept)))
}

fn first(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(items) => items.first(),
        one => Some(one),
    }
}

fn concept(value: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().filter(|text| !text.trim().is_empty()).map(|text| text.trim().to_owned());
    let coding = || value.get("coding").and_then(first);
    (value.get("text").and_then(text))
        .or_else(|| coding()?.get("display").and_then(text))
        .or_else(|| coding()?.get("code").and_then(text))
}

fn person(name: &Value) -> Option<String> {
    if let Some(text) = name.get("text").and_then(Value::as_str).filter(|text| !text.trim().is_empty()) {
        return Some(text.trim().to_owned());
    }
    let words = |key: &str| -> Vec<&str> {
        let value = name.get(key);
        let list = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().chain(value).filter_map(Value::as_str).map(str::trim).filter(|word| !word.is_empty()).collect()
    };
    let all: Vec<&str> = ["prefix", "given", "family", "suffix"].iter().flat_map(|key| words(key)).collect();
    (!all.is_empty()).then(|| all.join(" "))
}
