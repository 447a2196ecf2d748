//! Canonical JSON (RFC 8785) for what the logs hold: objects, arrays, strings, integers and booleans.
//!
//! Not for: floating-point numbers and nulls, which an entry may not have.

use serde_json::{Map, Value};

/// Writes an object canonically: no white space, members sorted by UTF-16 code units, shortest escapes. Members that are
/// null are left out.
pub(crate) fn canonical(object: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write_object(&mut out, object);
    out
}

fn write_object(out: &mut Vec<u8>, object: &Map<String, Value>) {
    let mut members: Vec<(&String, &Value)> = object.iter().filter(|(_, v)| !v.is_null()).collect();
    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push(b'{');
    for (i, (name, value)) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        write_value(out, value);
    }
    out.push(b'}');
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(object) => write_object(out, object),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(out, item);
            }
            out.push(b']');
        }
        Value::String(text) => write_string(out, text),
        // Integers print canonically; entries are built without fractions and exponents.
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            0x00..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted_and_strings_escaped_as_rfc_8785_says() {
        let value: Value =
            serde_json::from_str(r#"{"b":[1,true,{}],"\u20ac":"x","\ud83d\ude00":"\u001f\n\"\\/é","a":null,"":-7}"#).unwrap();
        let text = String::from_utf8(canonical(value.as_object().unwrap())).unwrap();
        assert_eq!(text, "{\"\":-7,\"b\":[1,true,{}],\"€\":\"x\",\"😀\":\"\\u001f\\n\\\"\\\\/é\"}");
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(canonical(again.as_object().unwrap()), text.as_bytes());
    }

    #[test]
    fn order_is_by_utf16_units_and_not_by_bytes() {
        // U+FB33 comes before U+1F600 in UTF-8, after it in UTF-16 (RFC 8785 §3.2.3).
        let value: Value = serde_json::from_str("{\"\u{fb33}\":1,\"\u{1f600}\":2}").unwrap();
        assert_eq!(canonical(value.as_object().unwrap()), "{\"\u{1f600}\":2,\"\u{fb33}\":1}".as_bytes());
    }
}
