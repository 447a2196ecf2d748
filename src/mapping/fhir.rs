//! Writing FHIR resources: straight into JSON text, members in the order of the calls, nothing empty.
//!
//! Resources that say the same things in the same order share a template in the store, so mappers write members in one
//! fixed order. Not for: reading FHIR (`formats::fhir`).

use super::systems::Coding;

/// A resource in the making.
pub struct Resource {
    bytes: Vec<u8>,
}

impl Resource {
    /// Begins a resource; `id` as the source has it (see `mapping::id`); left out when empty.
    pub fn new(kind: &str, id: &str) -> Resource {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(b'{');
        let mut resource = Resource { bytes };
        resource.object().text("resourceType", kind).text("id", id);
        resource
    }

    /// The members.
    pub fn object(&mut self) -> Object<'_> {
        Object { bytes: &mut self.bytes }
    }

    /// `meta`: when the source says this state of the record was made (an instant), and confidentiality or sensitivity
    /// codes.
    pub fn meta(&mut self, last_updated: &str, security: &[Coding]) {
        self.object().object("meta", |meta| {
            meta.text("lastUpdated", last_updated);
            meta.array("security", |list| {
                for coding in security {
                    list.object(|o| coding.write(o));
                }
            });
        });
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b'}');
        self.bytes
    }
}

/// The members of an object. Every call adds a member unless its value is empty.
pub struct Object<'a> {
    bytes: &'a mut Vec<u8>,
}

/// The elements of an array.
pub struct Array<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Object<'_> {
    fn key(&mut self, key: &str) {
        self.bytes.reserve(key.len() + 4);
        comma(self.bytes);
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    /// A string, trimmed; nothing when empty.
    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        let value = trim(value);
        if !value.is_empty() {
            self.key(key);
            string(self.bytes, value);
        }
        self
    }

    /// A string as it is, with its spaces (narrative, notes); nothing when blank.
    pub fn verbatim(&mut self, key: &str, value: &str) -> &mut Self {
        if !value.trim().is_empty() {
            self.key(key);
            string(self.bytes, value);
        }
        self
    }

    /// A decimal as written, when it is one; tells whether it was. Leading `+` and zeros, and a missing digit before the
    /// point, are put into JSON's form; digits are never changed.
    pub fn number(&mut self, key: &str, value: &str) -> bool {
        match decimal(value) {
            Some(number) => {
                self.key(key);
                self.bytes.extend_from_slice(number.as_bytes());
                true
            }
            None => false,
        }
    }

    pub fn boolean(&mut self, key: &str, value: Option<bool>) -> &mut Self {
        if let Some(value) = value {
            self.key(key);
            self.bytes.extend_from_slice(if value { b"true" } else { b"false" });
        }
        self
    }

    /// An object, left out when nothing is put into it.
    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        let start = self.bytes.len();
        self.key(key);
        if !braces(self.bytes, fill) {
            self.bytes.truncate(start);
        }
        self
    }

    /// An object, kept only when `fill` says so.
    pub fn object_if(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>) -> bool) {
        let start = self.bytes.len();
        let mut is_kept = false;
        self.object(key, |o| is_kept = fill(o));
        if !is_kept {
            self.bytes.truncate(start);
        }
    }

    /// An array, left out when nothing is put into it.
    pub fn array(&mut self, key: &str, fill: impl FnOnce(&mut Array<'_>)) -> &mut Self {
        let start = self.bytes.len();
        self.key(key);
        self.bytes.push(b'[');
        let empty = self.bytes.len();
        fill(&mut Array { bytes: self.bytes });
        if self.bytes.len() == empty {
            self.bytes.truncate(start);
        } else {
            self.bytes.push(b']');
        }
        self
    }

    /// A CodeableConcept: codings and the text as the source has it.
    pub fn concept(&mut self, key: &str, codings: &[Coding], text: &str) -> &mut Self {
        self.object(key, |o| concept(o, codings, text))
    }

    /// A Reference to a record of the same source, by type and id.
    pub fn reference(&mut self, key: &str, kind: &str, id: &str, display: &str) -> &mut Self {
        self.object(key, |o| reference(o, kind, id, display))
    }

    /// A Period; bounds as FHIR dateTime text, either may be empty.
    pub fn period(&mut self, key: &str, start: &str, end: &str) -> &mut Self {
        self.object(key, |o| {
            o.text("start", start).text("end", end);
        })
    }
}

impl Array<'_> {
    pub fn text(&mut self, value: &str) {
        let value = trim(value);
        if !value.is_empty() {
            comma(self.bytes);
            string(self.bytes, value);
        }
    }

    /// An object, left out when nothing is put into it.
    pub fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        let start = self.bytes.len();
        comma(self.bytes);
        if !braces(self.bytes, fill) {
            self.bytes.truncate(start);
        }
    }

    /// An object, kept only when `fill` says so.
    pub fn object_if(&mut self, fill: impl FnOnce(&mut Object<'_>) -> bool) {
        let start = self.bytes.len();
        let mut is_kept = false;
        self.object(|o| is_kept = fill(o));
        if !is_kept {
            self.bytes.truncate(start);
        }
    }

    pub fn concept(&mut self, codings: &[Coding], text: &str) {
        self.object(|o| concept(o, codings, text));
    }

    pub fn reference(&mut self, kind: &str, id: &str, display: &str) {
        self.object(|o| reference(o, kind, id, display));
    }
}

fn concept(o: &mut Object<'_>, codings: &[Coding], text: &str) {
    o.array("coding", |list| {
        for coding in codings {
            list.object(|o| coding.write(o));
        }
    });
    o.text("text", text);
}

fn reference(o: &mut Object<'_>, kind: &str, id: &str, display: &str) {
    if !id.is_empty() {
        o.text("reference", &[kind, "/", id].concat());
    }
    o.text("display", display);
}

/// Writes `{…}`; false, and nothing, when it stays empty.
fn braces(bytes: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) -> bool {
    bytes.push(b'{');
    let empty = bytes.len();
    fill(&mut Object { bytes });
    if bytes.len() == empty {
        bytes.pop();
        return false;
    }
    bytes.push(b'}');
    true
}

/// Commas follow from the last byte, which is always structural.
fn comma(bytes: &mut Vec<u8>) {
    if !matches!(bytes.last(), Some(b'{' | b'[' | b':')) {
        bytes.push(b',');
    }
}

/// `str::trim`, which looks at characters one by one, only where there may be something to trim.
fn trim(text: &str) -> &str {
    let is_plain = |b: Option<&u8>| b.is_some_and(u8::is_ascii_graphic);
    if is_plain(text.as_bytes().first()) && is_plain(text.as_bytes().last()) { text } else { text.trim() }
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\') {
        out.extend_from_slice(&rest[..at]);
        escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, b: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match b {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
        }
    }
}

/// A decimal in JSON's form, digits as given; `None` when the text is no plain decimal. At most 40 characters.
pub fn decimal(text: &str) -> Option<String> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if digits.len() > 40 || whole.len() + part.len() == 0 || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if part.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{part}"))
}

impl Coding {
    /// Its members, when it has a code.
    pub fn write(&self, o: &mut Object<'_>) {
        if !self.code.trim().is_empty() {
            o.text("system", &self.system).text("code", &self.code).text("display", &self.display);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_empty_is_written() {
        let mut r = Resource::new("Observation", "a.1");
        r.meta("", &[]);
        let mut o = r.object();
        o.text("status", " final ").text("none", "  ").array("category", |a| a.concept(&[], ""));
        o.object("valueQuantity", |q| {
            q.number("value", "+007.50");
            q.text("unit", "mg\n\"x\"\u{1}");
        });
        o.object("subject", |_| {}).reference("encounter", "Encounter", "", "");
        o.concept("code", &[Coding::new("http://loinc.org", "1-8", "A")], "a");
        let text = String::from_utf8(r.finish()).unwrap();
        assert_eq!(
            text,
            r#"{"resourceType":"Observation","id":"a.1","status":"final","valueQuantity":{"value":7.50,"unit":"mg\n\"x\"\u0001"},"code":{"coding":[{"system":"http://loinc.org","code":"1-8","display":"A"}],"text":"a"}}"#
        );
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn decimals() {
        for (text, wanted) in [("1", "1"), ("-0.50", "-0.50"), (".5", "0.5"), ("5.", "5"), ("00", "0"), ("+1.20", "1.20")] {
            assert_eq!(decimal(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["", ".", "1e5", "1,5", "<5", "--1", "1.2.3", "NaN"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }
}
