//! The character set of a message: what MSH-18 (HL7 table 0211) says, held against the bytes.
//!
//! Not for: escapes that switch the character set inside a value (`escape`).

use std::borrow::Cow;

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GB18030, ISO_2022_JP, ISO_8859_15, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252,
};

use crate::model::Finding;

/// A message as text.
pub(super) struct Decoded<'a> {
    pub text: Cow<'a, str>,
    pub encoding: &'static Encoding,
}

/// Names of table 0211, and what some write instead.
const SETS: [(&str, &Encoding); 16] = [
    ("8859/1", WINDOWS_1252),
    ("8859/15", ISO_8859_15),
    ("UNICODE UTF-8", UTF_8),
    ("UTF-8", UTF_8),
    ("UTF8", UTF_8),
    ("UNICODE", UTF_8),
    ("GB 18030-2000", GB18030),
    ("BIG-5", BIG5),
    ("KS X 1001", EUC_KR),
    ("ISO IR87", ISO_2022_JP),
    ("ISO IR159", ISO_2022_JP),
    ("ISO IR14", SHIFT_JIS),
    ("JAS2020", ISO_2022_JP),
    ("UNICODE UTF-16", UTF_8),
    ("UNICODE UTF-32", UTF_8),
    ("ISO IR6", WINDOWS_1252),
];

/// The encoding that MSH-18 names; `None` when it names none, or one that is not known.
fn named(declared: &str) -> Option<&'static Encoding> {
    if let Some((_, encoding)) = SETS.iter().find(|(name, _)| name.eq_ignore_ascii_case(declared)) {
        return Some(encoding);
    }
    let part = declared.strip_prefix("8859/").or_else(|| declared.strip_prefix("8859-"));
    match part {
        Some(part) => Encoding::for_label(format!("iso-8859-{part}").as_bytes()),
        None => Encoding::for_label(declared.as_bytes()),
    }
}

/// Text in UTF-16, known by its mark or by the zeros beside the letters of a header. A cut inside a character at the end
/// does no harm.
pub(super) fn wide(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let encoding = match bytes {
        [0xFF, 0xFE, ..] | [b'M' | b'F' | b'B', 0, _, 0, ..] => UTF_16LE,
        [0xFE, 0xFF, ..] | [0, b'M' | b'F' | b'B', 0, _, ..] => UTF_16BE,
        _ => return None,
    };
    Some(encoding.decode_with_bom_removal(bytes).0)
}

/// Decodes a message. `declared` is MSH-18 as it stands. Bytes beyond ASCII decide against a declaration that they
/// contradict.
pub(super) fn decode<'a>(bytes: &'a [u8], declared: &str, findings: &mut Vec<Finding>) -> Decoded<'a> {
    let mut note = |code, offset: usize, note: &str| {
        findings.push(Finding { code, offset: offset as u64, note: note.to_owned() });
    };
    let is_ascii_name =
        declared.is_empty() || declared.eq_ignore_ascii_case("ASCII") || declared.eq_ignore_ascii_case("US-ASCII");
    let encoding = named(declared).filter(|_| !is_ascii_name);
    if encoding.is_none() && !is_ascii_name {
        note("charset-unknown", 0, "MSH-18 names no character set of table 0211");
    }
    let utf8 = std::str::from_utf8(bytes);
    // A switched encoding such as ISO-2022-JP is all ASCII bytes.
    if bytes.is_ascii() && !bytes.contains(&0x1B) {
        let text = utf8.unwrap_or_default();
        return Decoded { text: Cow::Borrowed(text), encoding: encoding.unwrap_or(UTF_8) };
    }
    let latin = encoding == Some(WINDOWS_1252) || encoding == Some(ISO_8859_15);
    match (encoding, utf8) {
        (Some(e), Ok(text)) if e == UTF_8 => Decoded { text: Cow::Borrowed(text), encoding: UTF_8 },
        (Some(e), Err(at)) if e == UTF_8 => {
            note("charset-lie", at.valid_up_to(), "declared as UTF-8, which it is not; read as windows-1252");
            Decoded { text: WINDOWS_1252.decode_without_bom_handling(bytes).0, encoding: WINDOWS_1252 }
        }
        // Latin text that is valid UTF-8 by accident does not occur.
        (Some(_), Ok(text)) if latin && !bytes.is_ascii() => {
            note("charset-lie", 0, "declared as a Latin set, but it is UTF-8");
            Decoded { text: Cow::Borrowed(text), encoding: UTF_8 }
        }
        (Some(e), utf8) => {
            if let Some(text) = e.decode_without_bom_handling_and_without_replacement(bytes) {
                return Decoded { text, encoding: e };
            }
            note("charset-lie", 0, "not in the character set of MSH-18");
            undeclared(bytes, utf8)
        }
        (None, utf8) => {
            note("charset-undeclared", 0, "bytes beyond ASCII, and no character set in MSH-18");
            undeclared(bytes, utf8)
        }
    }
}

fn undeclared<'a>(bytes: &'a [u8], utf8: Result<&'a str, std::str::Utf8Error>) -> Decoded<'a> {
    match utf8 {
        Ok(text) => Decoded { text: Cow::Borrowed(text), encoding: UTF_8 },
        Err(_) => Decoded { text: WINDOWS_1252.decode_without_bom_handling(bytes).0, encoding: WINDOWS_1252 },
    }
}
