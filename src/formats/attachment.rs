//! Addresses of documents that lie in the delivery: a whole delivered file, or a span of bytes within one.
//!
//! `attachment.url` of a mapped resource holds such an address where the document need not be copied into the resource:
//! the name of the file in the delivery, percent-encoded, and behind `#` the span: `scans/a%20b.pdf`,
//! `adt.hl7#base64=4096,11200`. Offsets and lengths count bytes of the file's content.
//!
//! Not for: reading the files (`ingest`), or addresses of any other kind, which are left as they are.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986 and the separators of a path. A colon is always encoded, so a file's
/// name never looks like a scheme.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// How a document stands in the span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// As base64; white space between the characters does not count.
    Base64,
    /// As it is.
    Raw,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Encoding::Base64 => "base64",
            Encoding::Raw => "raw",
        }
    }
}

/// Bytes of a delivered file's content that hold a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub encoding: Encoding,
    pub offset: u64,
    pub length: u64,
}

/// The address of a whole delivered file.
pub fn file_url(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

/// The address of `length` bytes from `offset` on in the content of a delivered file.
pub fn span_url(file: &str, encoding: Encoding, offset: u64, length: u64) -> String {
    format!("{}#{}={offset},{length}", file_url(file), encoding.name())
}

/// The delivered file, and the span in it, that an address names. `None` for an address of another kind: with a scheme,
/// a query, a strange fragment, or a path that leaves the delivery.
pub fn parse(url: &str) -> Option<(String, Option<Span>)> {
    let (file, span) = match url.split_once('#') {
        Some((file, fragment)) => (file, Some(parse_span(fragment)?)),
        None => (url, None),
    };
    if file.contains([':', '?', '\\']) {
        return None;
    }
    let name = percent_decode_str(file).decode_utf8().map(Cow::into_owned).ok()?;
    let stays_inside = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    stays_inside.then_some((name, span))
}

fn parse_span(fragment: &str) -> Option<Span> {
    let (name, numbers) = fragment.split_once('=')?;
    let encoding = [Encoding::Base64, Encoding::Raw].into_iter().find(|e| e.name() == name)?;
    let (offset, length) = numbers.split_once(',')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (offset, length): (u64, u64) = (number(offset)?, number(length)?);
    offset.checked_add(length)?;
    Some(Span { encoding, offset, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_the_names_they_were_made_of() {
        for name in ["a.pdf", "outer.zip/in ner/ä#1?.csv", "100%.txt", "C:x", "a\\b", "data:x,y", "Patient/1"] {
            assert_eq!(parse(&file_url(name)), Some((name.to_string(), None)), "{name}");
            let span = Span { encoding: Encoding::Base64, offset: 7, length: 1 << 40 };
            let url = span_url(name, span.encoding, span.offset, span.length);
            assert_eq!(parse(&url), Some((name.to_string(), Some(span))), "{url}");
        }
        assert_eq!(file_url("outer.zip/in ner/ä.csv"), "outer.zip/in%20ner/%C3%A4.csv");
        assert_eq!(span_url("a.hl7", Encoding::Raw, 0, 12), "a.hl7#raw=0,12");
    }

    #[test]
    fn other_addresses_are_no_files_of_the_delivery() {
        let others = [
            "",
            "http://example.org/a.pdf",
            "urn:uuid:0",
            "a?b",
            "/a",
            "../a",
            "a/%2e%2e/b",
            "a//b",
            "%ff",
            "a#",
            "a#page=2",
            "a#raw=1",
            "a#raw=+1,2",
            "a#raw=1,-2",
            "a#raw=18446744073709551615,1",
            "a#raw=99999999999999999999,1",
        ];
        for url in others {
            assert_eq!(parse(url), None, "{url}");
        }
    }
}
