//! What a FHIR reference points to (FHIR R4 §2.3.0), told from its text alone.
//!
//! Not for: finding the target (`query`).

use std::borrow::Cow;

use crate::model::Kind;

/// The target of a `reference`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target<'a> {
    /// `Type/id`, relative or at the end of an absolute URL; a version behind it is left out.
    Local(Kind, &'a str),
    /// `urn:uuid:…` or `urn:oid:…`, whole.
    Urn(&'a str),
    /// `Type?search`, whole.
    Conditional(Kind, &'a str),
    /// `#id`.
    Contained,
    Other,
}

/// Reads a reference.
pub fn target(reference: &str) -> Target<'_> {
    if reference.starts_with('#') {
        return Target::Contained;
    }
    if reference.starts_with("urn:") {
        return Target::Urn(reference);
    }
    if let Some((kind, query)) = reference.split_once('?') {
        return match Kind::from_name(kind.rsplit('/').next().unwrap_or(kind)) {
            Some(found) if !query.is_empty() => Target::Conditional(found, reference),
            _ => Target::Other,
        };
    }
    let current = reference.split_once("/_history/").map_or(reference, |(current, _)| current);
    let mut parts = current.rsplit('/');
    let (id, kind) = (parts.next(), parts.next());
    match (kind.and_then(Kind::from_name), id) {
        (Some(kind), Some(id)) if !id.is_empty() => Target::Local(kind, id),
        _ => Target::Other,
    }
}

/// The text of a raw leaf: the escapes of JSON undone.
pub fn leaf_text(leaf: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(leaf).unwrap_or("");
    if !leaf.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    serde_json::from_str::<String>(&format!("\"{text}\"")).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        let patient = Kind::PATIENT;
        for local in ["Patient/1", "Patient/1/_history/2", "http://old.example/fhir/Patient/1"] {
            assert_eq!(target(local), Target::Local(patient, "1"), "{local}");
        }
        assert_eq!(target("urn:uuid:x"), Target::Urn("urn:uuid:x"));
        assert_eq!(target("Patient?identifier=a|b"), Target::Conditional(patient, "Patient?identifier=a|b"));
        assert_eq!(target("#a"), Target::Contained);
        for other in ["Patient", "1", "", "Unicorn/1", "Patient/"] {
            assert_eq!(target(other), Target::Other, "{other}");
        }
        assert_eq!(leaf_text(br"Patient\/1"), "Patient/1");
    }
}
