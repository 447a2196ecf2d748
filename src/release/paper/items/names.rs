//! Whom and what records refer to: found when a selection is frozen, so that pages made later say the same names.
//!
//! Not for: reading the records that are referred to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::reading::title;

/// The references of a record that have no words of their own: `Practitioner/<id>`.
pub fn references(json: &str) -> BTreeSet<String> {
    let root: Value = serde_json::from_str(json).unwrap_or_default();
    let mut found = BTreeSet::new();
    let mut waiting = vec![&root];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(members) => {
                let has_words = members.get("display").and_then(Value::as_str).is_some_and(|words| !words.trim().is_empty());
                let reference = members.get("reference").and_then(Value::as_str).filter(|_| !has_words);
                let plain = reference.map(|at| at.split("/_history/").next().unwrap_or(at));
                found.extend(plain.filter(|at| !at.starts_with('#')).map(str::to_owned));
                waiting.extend(members.values());
            }
            _ => {}
        }
    }
    found
}

/// What a record is called where others refer to it.
pub fn named(json: &str) -> Option<String> {
    title(&serde_json::from_str(json).ok()?)
}
