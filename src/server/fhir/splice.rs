//! Puts the archive's own `meta` into a resource by cutting its text, without parsing the rest: `versionId` and
//! `source` when the source system gave none. Everything else stays byte for byte.
//!
//! Not for: ids and references, which the store has already rewritten, or checking JSON: what is stored was parsed once.

use std::borrow::Cow;
use std::ops::Range;

use crate::model::Record;

/// Appends the resource with its `meta` completed.
pub fn write_resource(out: &mut Vec<u8>, record: &Record) {
    let json = record.json.as_bytes();
    let Some(meta) = member(json, b"meta") else {
        let open = json.iter().position(|b| *b == b'{').map_or(json.len(), |at| at + 1);
        // `resourceType` stays first, as readers of FHIR expect.
        let at = member(json, b"resourceType").map_or(open, |value| value.end);
        out.extend_from_slice(&json[..at]);
        out.extend_from_slice(if at == open { b"\"meta\":{" } else { b",\"meta\":{" });
        write_version(out, record);
        out.push(b',');
        write_source(out, record);
        out.push(b'}');
        if at == open && json[open..].iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'}') {
            out.push(b',');
        }
        out.extend_from_slice(&json[at..]);
        return;
    };
    let inside = &json[meta.clone()];
    let (has_version, has_source) = (member(inside, b"versionId").is_some(), member(inside, b"source").is_some());
    if (has_version && has_source) || inside.first() != Some(&b'{') {
        out.extend_from_slice(json);
        return;
    }
    out.extend_from_slice(&json[..=meta.start]);
    if !has_version {
        write_version(out, record);
    }
    if !has_source {
        if !has_version {
            out.push(b',');
        }
        write_source(out, record);
    }
    if inside[1..].iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'}') {
        out.push(b',');
    }
    out.extend_from_slice(&json[meta.start + 1..]);
}

/// The version id as served: the source system's own, else the archive's count.
pub fn version_id(record: &Record) -> Cow<'_, str> {
    match meta_text(record, b"versionId") {
        Some(own) => Cow::Borrowed(own),
        None => Cow::Owned(record.version.to_string()),
    }
}

/// `meta.lastUpdated` as the source wrote it.
pub fn last_updated(record: &Record) -> Option<&str> {
    meta_text(record, b"lastUpdated")
}

fn meta_text<'r>(record: &'r Record, name: &[u8]) -> Option<&'r str> {
    let meta = &record.json[member(record.json.as_bytes(), b"meta")?];
    let value = meta.get(member(meta.as_bytes(), name)?)?;
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    // Ids and instants need no escapes; one that has them is not shown in a header.
    (!text.contains('\\')).then_some(text)
}

fn write_version(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(format!("\"versionId\":\"{}\"", record.version).as_bytes());
}

fn write_source(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(b"\"source\":");
    let place = &record.place;
    let source = percent_encoding::utf8_percent_encode(&record.source_system, percent_encoding::NON_ALPHANUMERIC);
    let uri = format!("urn:chartkeep:{source}:{}#{}", place.accession, place.ordinal);
    out.push(b'"');
    out.extend_from_slice(uri.as_bytes());
    out.push(b'"');
}

/// The range of the value of a member of the object that `json` is; `None` when it has none of this name.
fn member(json: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let mut at = skip_space(json, 0);
    if json.get(at) != Some(&b'{') {
        return None;
    }
    at += 1;
    loop {
        at = skip_space(json, at);
        if json.get(at) != Some(&b'"') {
            return None;
        }
        let key_end = skip_string(json, at)?;
        let key = &json[at + 1..key_end - 1];
        at = skip_space(json, key_end);
        if json.get(at) != Some(&b':') {
            return None;
        }
        let start = skip_space(json, at + 1);
        let end = skip_value(json, start)?;
        if key == name {
            return Some(start..end);
        }
        at = skip_space(json, end);
        match json.get(at) {
            Some(b',') => at += 1,
            _ => return None,
        }
    }
}

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The place after the string that opens at `at`.
fn skip_string(json: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The place after the value that begins at `at`.
fn skip_value(json: &[u8], mut at: usize) -> Option<usize> {
    match json.get(at)? {
        b'"' => skip_string(json, at),
        b'{' | b'[' => {
            let mut depth = 0usize;
            loop {
                at += memchr_structure(json.get(at..)?)?;
                match json[at] {
                    b'"' => at = skip_string(json, at)?,
                    b'{' | b'[' => {
                        depth += 1;
                        at += 1;
                    }
                    _ => {
                        depth -= 1;
                        at += 1;
                        if depth == 0 {
                            return Some(at);
                        }
                    }
                }
            }
        }
        _ => {
            let rest = &json[at..];
            let len = rest.iter().position(|b| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace());
            Some(at + len.unwrap_or(rest.len()))
        }
    }
}

fn memchr_structure(json: &[u8]) -> Option<usize> {
    json.iter().position(|b| matches!(b, b'"' | b'{' | b'}' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    fn served(json: &str) -> String {
        let mut out = Vec::new();
        write_resource(&mut out, &record("Observation", json));
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        text
    }

    const SOURCE: &str = r#""source":"urn:chartkeep:mer%2Deast:acc-0123456789abcdef#7""#;

    #[test]
    fn meta_is_completed_and_the_rest_stays_byte_for_byte() {
        assert_eq!(
            served(r#"{"resourceType":"Observation","id":"a","status":"final"}"#),
            format!(r#"{{"resourceType":"Observation","meta":{{"versionId":"3",{SOURCE}}},"id":"a","status":"final"}}"#)
        );
        assert_eq!(
            served(r#"{ "resourceType":"Observation", "meta" : { "lastUpdated":"2014" } ,"n": 1.50}"#),
            format!(
                r#"{{ "resourceType":"Observation", "meta" : {{"versionId":"3",{SOURCE}, "lastUpdated":"2014" }} ,"n": 1.50}}"#
            )
        );
        assert_eq!(served(r#"{"meta":{}}"#), format!(r#"{{"meta":{{"versionId":"3",{SOURCE}}}}}"#));
        assert_eq!(served("{}"), format!(r#"{{"meta":{{"versionId":"3",{SOURCE}}}}}"#));
        assert_eq!(served(r#"{"id":"a"}"#), format!(r#"{{"meta":{{"versionId":"3",{SOURCE}}},"id":"a"}}"#));
        let full = r#"{"x":["}\"",{"meta":1}],"meta":{"source":"s","versionId":"9"}}"#;
        assert_eq!(served(full), full);
    }

    #[test]
    fn the_sources_own_version_rules() {
        assert_eq!(version_id(&record("Observation", r#"{"meta":{"versionId":"9"}}"#)), "9");
        assert_eq!(version_id(&record("Observation", r#"{"contained":[{"meta":{"versionId":"9"}}]}"#)), "3");
        assert_eq!(
            last_updated(&record("Observation", r#"{"meta":{"lastUpdated":"2014-01-01T00:00:00Z"}}"#)),
            Some("2014-01-01T00:00:00Z")
        );
    }
}
