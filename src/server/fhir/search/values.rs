//! Takes the values of a search parameter out of a resource: a walk along its paths, then the type's reading of what
//! stands there.
//!
//! Not for: comparing them with what was asked (`test`).

use serde_json::Value;

use super::span::Span;

/// Calls `each` with every value at a path; members are joined by dots, lists are walked, and `telecom[system='phone']`
/// takes only the elements whose member is that text.
pub fn walk<'v>(value: &'v Value, path: &str, each: &mut dyn FnMut(&'v Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, path, each)),
        _ if path.is_empty() => each(value),
        Value::Object(members) => {
            let (key, only, rest) = first_step(path);
            let Some(inner) = members.get(key) else { return };
            match only {
                None => walk(inner, rest, each),
                Some((member, text)) => walk(inner, "", &mut |element| {
                    if element.get(member).and_then(Value::as_str) == Some(text) {
                        walk(element, rest, each);
                    }
                }),
            }
        }
        _ => {}
    }
}

/// The first key of a path, the (member, text) that its elements must have, and the path after it.
fn first_step(path: &str) -> (&str, Option<(&str, &str)>, &str) {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (key, after) = path.split_at(end);
    match after.strip_prefix('[').and_then(|inside| inside.split_once("']")) {
        Some((condition, rest)) => (key, condition.split_once("='"), rest.strip_prefix('.').unwrap_or(rest)),
        None => (key, None, after.strip_prefix('.').unwrap_or(after)),
    }
}

/// A coded value: the system that defines it, and the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coded<'v> {
    pub system: Option<&'v str>,
    pub code: &'v str,
}

/// The codes of a `code`, `boolean`, `Coding`, `CodeableConcept`, `Identifier` or `ContactPoint`.
pub fn codes<'v>(value: &'v Value, each: &mut dyn FnMut(Coded<'v>)) {
    match value {
        Value::String(code) => each(Coded { system: None, code }),
        Value::Bool(flag) => each(Coded { system: None, code: if *flag { "true" } else { "false" } }),
        Value::Object(members) => {
            if let Some(coding) = members.get("coding") {
                return walk(coding, "", &mut |coding| codes(coding, each));
            }
            let system = members.get("system").and_then(Value::as_str);
            if let Some(code) = members.get("code").or_else(|| members.get("value")).and_then(Value::as_str) {
                each(Coded { system, code });
            }
        }
        _ => {}
    }
}

/// The words of a coded value (`display` and `text`), for `:text`.
pub fn displays<'v>(value: &'v Value, each: &mut dyn FnMut(&'v str)) {
    for path in ["text", "display", "coding.display"] {
        walk(value, path, &mut |found| found.as_str().into_iter().for_each(&mut *each));
    }
}

/// The time span that a `date`, `dateTime`, `instant`, `Period` or `Timing` covers.
pub fn spans(value: &Value, each: &mut dyn FnMut(Span)) {
    match value {
        Value::String(text) => Span::of(text).into_iter().for_each(each),
        Value::Object(members) => {
            if let Some(event) = members.get("event") {
                return walk(event, "", &mut |event| spans(event, each));
            }
            let end_of = |name: &str| members.get(name).and_then(Value::as_str);
            Span::between(end_of("start"), end_of("end")).into_iter().for_each(each);
        }
        _ => {}
    }
}

/// The text of a `string`, or the parts of a `HumanName` or `Address`.
pub fn strings<'v>(value: &'v Value, each: &mut dyn FnMut(&'v str)) {
    const PARTS: [&str; 12] =
        ["text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country", "display"];
    match value {
        Value::String(text) => each(text),
        Value::Object(_) => {
            for part in PARTS {
                walk(value, part, &mut |found| found.as_str().into_iter().for_each(&mut *each));
            }
        }
        _ => {}
    }
}

/// The target of a `Reference` or `canonical`, as written.
pub fn reference(value: &Value) -> Option<&str> {
    match value {
        Value::String(uri) => Some(uri),
        _ => value.get("reference").and_then(Value::as_str),
    }
}

/// The type and id at the end of a reference: `Patient/1`, `https://host/fhir/Patient/1/_history/2`.
pub fn target(reference: &str) -> Option<(&str, &str)> {
    let current = reference.split("/_history/").next()?;
    let (before, id) = current.rsplit_once('/')?;
    Some((before.rsplit('/').next()?, id))
}

/// Text for comparing: lower case, without accents.
pub fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::is_combining_mark;
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}
