//! Names of what records refer to: people, organizations, places, medications of the directory, which is no patient's.
//!
//! Not for: reading the directory (`memory::directory` does that under the permit of the page).

use std::collections::BTreeMap;

use serde_json::Value;

use super::fhir::{self, Node};
use super::text;

/// Name by reference, as the reference is written in served records (`Organization/mer.org-1`).
#[derive(Clone, Default, Debug)]
pub struct Names(BTreeMap<String, String>);

/// No names: for what is shown without its references.
pub static NONE: Names = Names(BTreeMap::new());

impl Names {
    pub fn add(&mut self, reference: String, name: String) {
        self.0.insert(reference, name);
    }

    /// The name of what a reference leads to; a version in it does not matter.
    pub fn get(&self, reference: &str) -> Option<&str> {
        let current = reference.split("/_history/").next().unwrap_or(reference);
        self.0.get(current).map(String::as_str)
    }
}

/// What people call the thing that a resource describes, from its JSON. `None` when it says no name.
pub fn name_in(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    name_of(Node::new(&value))
}

/// A patient's birth date as written.
pub fn birth_date_in(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    Node::new(&value).at("birthDate").text()
}

pub fn name_of(root: Node<'_>) -> Option<String> {
    let name = root.at("name");
    // Organizations and places have a name of one line, people one in parts, medications a code.
    let plain = name.value().filter(|v| v.is_string()).and_then(|_| name.text());
    plain
        .or_else(|| name.items().find_map(person))
        .or_else(|| fhir::concept(root.at("code")))
        .or_else(|| root.at("practitioner").at("display").text())
        .or_else(|| root.at("description").text())
}

fn person(name: Node<'_>) -> Option<String> {
    let list = |key| name.at(key).items().filter_map(Node::text).collect::<Vec<_>>();
    let words = [list("prefix"), list("given"), name.at("family").text().into_iter().collect(), list("suffix")].concat();
    name.at("text").text().or_else(|| (!words.is_empty()).then(|| words.join(" ")))
}

/// What stands for a reference without a name: never its id alone, which says nothing to a reader.
pub fn unnamed(reference: &str) -> String {
    let kind = reference.split('/').next().filter(|kind| crate::model::Kind::from_name(kind).is_some());
    match kind {
        Some("Patient") => "The patient".into(),
        Some(kind) => format!("{}, name not in this archive", text::field_name(kind)),
        None => "Name not in this archive".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_the_directory_has_its_way_to_say_a_name() {
        let name = |json| name_in(json).unwrap();
        assert_eq!(name(r#"{"name":"Valley Clinic"}"#), "Valley Clinic");
        assert_eq!(name(r#"{"name":[{"family":"Quill","given":["Ann","B."],"suffix":["MD"]}]}"#), "Ann B. Quill MD");
        assert_eq!(name(r#"{"code":{"text":"lisinopril 10 mg"}}"#), "lisinopril 10 mg");
        assert_eq!(name_in("{}"), None);
        assert_eq!(unnamed("Practitioner/mer.9"), "Practitioner, name not in this archive");
    }

    #[test]
    fn a_versioned_reference_leads_to_the_same_name() {
        let mut names = Names::default();
        names.add("Location/mer.1".into(), "Ward 3".into());
        assert_eq!(names.get("Location/mer.1/_history/2"), Some("Ward 3"));
        assert_eq!(names.get("Location/mer.2"), None);
    }
}
