//! From bytes to text: which character encoding a document has.
//!
//! The order is byte-order mark, declaration, valid UTF-8, and windows-1252 as the last resort, which never fails and
//! is told as a finding.
//!
//! Not for: the code pages inside RTF, which change from word to word (`rtf`).

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::finding;
use crate::model::Finding;

/// Decodes a whole document. `declared` is the encoding that it claims (charset of the media type, XML declaration).
pub fn decode<'a>(bytes: &'a [u8], declared: Option<&'static Encoding>, findings: &mut Vec<Finding>) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let (text, damaged) = encoding.decode_without_bom_handling(&bytes[mark..]);
        if damaged {
            findings.push(finding("text.damaged-encoding", 0, &format!("not all of it is {}", encoding.name())));
        }
        return text;
    }
    if let Some(encoding) = declared.filter(|e| is_plausible(e, bytes)) {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            return text;
        }
        findings.push(finding("text.wrong-charset", 0, &format!("declared as {}, which it is not", encoding.name())));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(e) => {
            findings.push(finding("text.guessed-encoding", e.valid_up_to(), "neither declared nor UTF-8; read as windows-1252"));
            WINDOWS_1252.decode_without_bom_handling(bytes).0
        }
    }
}

/// The beginning of a document as text, for recognising it. Never fails; the cut may leave a replacement character.
pub fn decode_head<'a>(head: &'a [u8], declared: Option<&str>) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(head) {
        return encoding.decode_without_bom_handling(&head[mark..]).0;
    }
    match charset(declared).filter(|e| is_plausible(e, head)) {
        Some(encoding) => encoding.decode_without_bom_handling(head).0,
        None => String::from_utf8_lossy(head),
    }
}

/// The `charset` parameter of a media type (RFC 2046, 4.1.2). US-ASCII is what senders write who never looked, so it
/// counts as nothing said.
pub fn charset(declared_type: Option<&str>) -> Option<&'static Encoding> {
    let label = declared_type?.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })?;
    named(label)
}

/// The encoding of that name, in the WHATWG's list of names.
pub fn named(label: &str) -> Option<&'static Encoding> {
    let ascii = label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii");
    if ascii { None } else { Encoding::for_label(label.as_bytes()) }
}

/// UTF-16 is often declared by programs that then wrote UTF-8, and decoding that as UTF-16 "succeeds" as nonsense.
fn is_plausible(encoding: &'static Encoding, bytes: &[u8]) -> bool {
    let utf16 = encoding == UTF_16LE || encoding == UTF_16BE;
    encoding != UTF_8 && (!utf16 || bytes.iter().take(64).any(|&b| b == 0))
}
