//! The tokenizer: cuts one JSON text into its template and its leaves in a single pass.
//!
//! A *leaf* is the raw text of a value: a string without its quotes (escapes kept), a number, `true` or `false`. The
//! *template* is all the rest, byte for byte, with one marker byte in each leaf's place. Interleaving the two gives the
//! original text back. Names of members stay in the template, and so do the values that say what a record is rather
//! than what it states: `resourceType`, `system`, and the canonical `url` of an extension.
//!
//! Not for: the structure of the template, which is checked once per distinct shape (`shape`).

use memchr::memchr2;

/// Stands in a template for a string leaf; the quotes around it belong to the template.
pub const STRING: u8 = 1;
/// Stands in a template for a number, `true` or `false`.
pub const BARE: u8 = 2;

/// One leaf as a byte range of the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf {
    pub start: u32,
    pub end: u32,
}

/// Why a text is not JSON, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct TokenFault {
    pub what: &'static str,
    pub offset: usize,
}

/// A tokenizer with reusable buffers.
#[derive(Default, Debug)]
pub struct Tokenizer {
    pub template: Vec<u8>,
    pub leaves: Vec<Leaf>,
}

impl Tokenizer {
    /// Cuts `json` (one JSON value, UTF-8, without a byte-order mark) into `self.template` and `self.leaves`.
    /// Checks strings, numbers and literals; the order of brackets and commas is the shape's matter.
    pub fn cut(&mut self, json: &[u8]) -> Result<(), TokenFault> {
        self.template.clear();
        self.leaves.clear();
        let has_controls = json.iter().any(|b| *b < 0x20);
        // Pieces of template are copied lazily: `kept` is where the piece that is not copied yet begins.
        let (mut kept, mut at) = (0, 0);
        let mut constant_next = None;
        while let Some(&byte) = json.get(at) {
            match byte {
                b'"' => {
                    let start = at + 1;
                    let end = string_end(json, start, has_controls)?;
                    at = end + 1;
                    match key_colon(json, at) {
                        Some(after) => {
                            constant_next = constant_key(&json[start..end]);
                            at = after;
                        }
                        None => {
                            let is_constant = constant_next.is_some_and(|short| is_constant_value(&json[start..end], short));
                            if !is_constant {
                                self.template.extend_from_slice(&json[kept..start]);
                                self.template.push(STRING);
                                self.leaves.push(Leaf { start: start as u32, end: end as u32 });
                                kept = end;
                            }
                            constant_next = None;
                        }
                    }
                }
                b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                    let end = bare_end(json, at)?;
                    if byte != b'n' {
                        self.template.extend_from_slice(&json[kept..at]);
                        self.template.push(BARE);
                        self.leaves.push(Leaf { start: at as u32, end: end as u32 });
                        kept = end;
                    }
                    at = end;
                    constant_next = None;
                }
                b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                _ => return Err(TokenFault { what: "a byte that cannot stand outside a string", offset: at }),
            }
        }
        self.template.extend_from_slice(&json[kept..]);
        Ok(())
    }
}

/// The place behind the colon when a member name ended just before `at`.
#[inline]
fn key_colon(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match json.get(at)? {
            b':' => return Some(at + 1),
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            _ => return None,
        }
    }
}

/// Whether a member's values may stay in the template, and up to which length any of them does. A short `url` may be the
/// name of an attachment's file, which is data.
#[inline]
fn constant_key(key: &[u8]) -> Option<usize> {
    match key.len() {
        12 if key == b"resourceType" => Some(24),
        6 if key == b"system" => Some(24),
        3 if key == b"url" => Some(0),
        _ => None,
    }
}

/// Values of constant keys stay in the template when they are short; addresses with digits in them are rather data.
#[inline]
fn is_constant_value(value: &[u8], short: usize) -> bool {
    value.len() <= 96 && (value.len() <= short || value.starts_with(b"http://") || value.starts_with(b"urn:"))
}

#[inline]
fn string_end(json: &[u8], start: usize, has_controls: bool) -> Result<usize, TokenFault> {
    let mut at = start;
    loop {
        let Some(step) = memchr2(b'"', b'\\', &json[at..]) else {
            return Err(TokenFault { what: "a string without an end", offset: start });
        };
        if has_controls && let Some(bad) = json[at..at + step].iter().position(|b| *b < 0x20) {
            return Err(TokenFault { what: "a control character in a string", offset: at + bad });
        }
        at += step;
        if json[at] == b'"' {
            return Ok(at);
        }
        let fault = TokenFault { what: "a faulty escape", offset: at };
        match json.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
            Some(b'u') => {
                let hex = json.get(at + 2..at + 6).ok_or(fault)?;
                if !hex.iter().all(u8::is_ascii_hexdigit) {
                    return Err(fault);
                }
                at += 6;
            }
            _ => return Err(fault),
        }
    }
}

fn bare_end(json: &[u8], start: usize) -> Result<usize, TokenFault> {
    let rest = &json[start..];
    let length = rest
        .iter()
        .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b':' | b'"' | b'{' | b'['))
        .unwrap_or(rest.len());
    let word = &rest[..length];
    if matches!(word, b"true" | b"false" | b"null") || is_number(word) {
        Ok(start + length)
    } else {
        Err(TokenFault { what: "neither a number nor a literal", offset: start })
    }
}

/// RFC 8259 §6.
fn is_number(word: &[u8]) -> bool {
    let mut rest = word.strip_prefix(b"-").unwrap_or(word);
    let digits = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let count = digits(exponent);
        if count == 0 {
            return false;
        }
        rest = &exponent[count..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(json: &str) -> (String, Vec<String>) {
        let mut t = Tokenizer::default();
        t.cut(json.as_bytes()).unwrap();
        let leaves = t.leaves.iter().map(|l| json[l.start as usize..l.end as usize].to_string()).collect();
        (String::from_utf8(t.template).unwrap(), leaves)
    }

    #[test]
    fn values_are_cut_out_and_what_says_the_kind_stays() {
        let (template, leaves) =
            cut(r#"{"resourceType":"Patient","id":"a\"b","active":true,"n": -1.50e3 ,"x":null,"system":"http://loinc.org"}"#);
        assert_eq!(
            template,
            "{\"resourceType\":\"Patient\",\"id\":\"\u{1}\",\"active\":\u{2},\"n\": \u{2} ,\"x\":null,\"system\":\"http://loinc.org\"}"
        );
        assert_eq!(leaves, [r#"a\"b"#, "true", "-1.50e3"]);
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let mut t = Tokenizer::default();
        for (json, offset) in [
            ("{\"a\":\"x", 6),
            ("{\"a\":01}", 5),
            ("{\"a\":\"\\q\"}", 6),
            ("{\"a\":\"\u{1}\"}", 6),
            ("{\"a\":nul}", 5),
            ("{'a':1}", 1),
        ] {
            assert_eq!(t.cut(json.as_bytes()).unwrap_err().offset, offset, "{json}");
        }
    }
}
