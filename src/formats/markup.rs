//! Cuts HTML into text and tags, in one linear pass that holds no tree and so knows no depth.
//!
//! It follows the tokens of the HTML standard (13.2.5) closely enough to find the words of any document; where a
//! browser would see something else, only the looks differ, because what is shown again is written anew by
//! `render::narrative` and never copied.
//!
//! Not for: building a tree, mending nesting, XML (`xml_text`).

use memchr::{memchr, memmem};
use quick_xml::escape::resolve_html5_entity;

/// One piece of an HTML document, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// Text with its character references unresolved, see [`unescape`].
    Text(&'a str),
    /// A start tag. `attributes` is read by [`attributes`]; `closed` tells that it ends in `/>`.
    Open {
        name: &'a str,
        attributes: &'a str,
        closed: bool,
    },
    Close {
        name: &'a str,
    },
}

/// The pieces of an HTML document. Comments, declarations and what scripts, styles and frames hold are left out.
pub struct Pieces<'a> {
    html: &'a str,
    at: usize,
    /// The element whose content is taken raw, up to its end tag.
    raw: Option<&'a str>,
    /// For `"` and `'`: none of it follows any more. Keeps a document of unclosed quotes from being scanned for each.
    no_more: [bool; 2],
    cut: bool,
}

/// Elements whose content is no markup; true where it is text that a reader sees.
const RAW: &[(&str, bool)] = &[
    ("script", false),
    ("style", false),
    ("iframe", false),
    ("noembed", false),
    ("noframes", false),
    ("textarea", true),
    ("title", true),
    ("xmp", true),
];

impl<'a> Pieces<'a> {
    pub fn new(html: &'a str) -> Pieces<'a> {
        Pieces { html, at: 0, raw: None, no_more: [false; 2], cut: false }
    }

    /// Where the next piece begins.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// True once the document ended within a tag, a comment or a raw element.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Up to and after `end`, or to the end of the document, which is then cut short.
    fn skip_past(&mut self, end: &str) {
        match memmem::find(&self.html.as_bytes()[self.at..], end.as_bytes()) {
            Some(found) => self.at += found + end.len(),
            None => {
                self.at = self.html.len();
                self.cut = true;
            }
        }
    }

    fn text(&mut self) -> Piece<'a> {
        let bytes = self.html.as_bytes();
        let mut end = self.at;
        loop {
            end = memchr(b'<', &bytes[end..]).map_or(bytes.len(), |found| end + found);
            if end == bytes.len() || is_markup(&bytes[end + 1..]) {
                break;
            }
            end += 1;
        }
        let text = &self.html[self.at..end];
        self.at = end;
        Piece::Text(text)
    }

    /// The content of a raw element; its end tag is left to be read.
    fn raw_content(&mut self, name: &str) -> &'a str {
        let bytes = self.html.as_bytes();
        let mut end = self.at;
        loop {
            let Some(found) = memmem::find(&bytes[end..], b"</") else {
                end = bytes.len();
                self.cut = true;
                break;
            };
            end += found;
            let after = &bytes[end + 2..];
            let is_end = after.len() >= name.len() && after[..name.len()].eq_ignore_ascii_case(name.as_bytes());
            if is_end && after.get(name.len()).is_none_or(|b| matches!(b, b'>' | b'/') || b.is_ascii_whitespace()) {
                break;
            }
            end += 2;
        }
        let content = &self.html[self.at..end];
        self.at = end;
        content
    }

    fn tag(&mut self) -> Option<Piece<'a>> {
        let bytes = self.html.as_bytes();
        let close = bytes[self.at + 1] == b'/';
        let start = self.at + 1 + usize::from(close);
        let name_len = bytes[start..].iter().take_while(|&&b| !ends_name(b)).count();
        let name = &self.html[start..start + name_len];
        let Some(end) = self.tag_end(start + name_len) else {
            self.at = bytes.len();
            self.cut = true;
            return None;
        };
        let inside = &self.html[start + name_len..end];
        self.at = end + 1;
        if close {
            return Some(Piece::Close { name });
        }
        if RAW.iter().any(|(raw, _)| name.eq_ignore_ascii_case(raw)) {
            self.raw = Some(name);
        }
        let closed = inside.ends_with('/');
        Some(Piece::Open { name, attributes: inside.strip_suffix('/').unwrap_or(inside), closed })
    }

    /// The `>` that ends a tag. Quotes count only after `=`, and one that is never closed does not count.
    fn tag_end(&mut self, mut at: usize) -> Option<usize> {
        let bytes = self.html.as_bytes();
        let mut after_equals = false;
        while at < bytes.len() {
            match bytes[at] {
                b'>' => return Some(at),
                quote @ (b'"' | b'\'') if after_equals => {
                    let kind = usize::from(quote == b'\'');
                    let end = if self.no_more[kind] { None } else { memchr(quote, &bytes[at + 1..]) };
                    self.no_more[kind] |= end.is_none();
                    at += end.map_or(0, |e| e + 1);
                    after_equals = false;
                }
                b'=' => after_equals = true,
                b if b.is_ascii_whitespace() => {}
                _ => after_equals = false,
            }
            at += 1;
        }
        None
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if let Some(name) = self.raw.take() {
                let content = self.raw_content(name);
                let seen = RAW.iter().any(|(raw, seen)| *seen && name.eq_ignore_ascii_case(raw));
                if seen && !content.is_empty() {
                    return Some(Piece::Text(content));
                }
            }
            let rest = self.html.as_bytes().get(self.at..).filter(|rest| !rest.is_empty())?;
            if rest[0] != b'<' || !is_markup(&rest[1..]) {
                return Some(self.text());
            }
            match rest[1] {
                b'!' if rest.starts_with(b"<!-->") => self.at += 5,
                b'!' if rest.starts_with(b"<!--") => {
                    self.at += 4;
                    self.skip_past("-->");
                }
                b'!' | b'?' => self.skip_past(">"),
                b'/' if !rest[2].is_ascii_alphabetic() => self.skip_past(">"),
                _ => return self.tag(),
            }
        }
    }
}

/// Whether what follows a `<` makes it markup and not a less-than sign.
fn is_markup(after: &[u8]) -> bool {
    match after.first() {
        Some(b'!' | b'?') => true,
        Some(b'/') => after.len() > 1,
        Some(b) => b.is_ascii_alphabetic(),
        None => false,
    }
}

fn ends_name(b: u8) -> bool {
    b.is_ascii_whitespace() || matches!(b, b'>' | b'/')
}

/// The attributes of a start tag as name and unresolved value, in order, repeated ones included.
pub fn attributes(inside: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = inside;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        // An attribute may begin with `=`, which then belongs to its name.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let name_end =
            rest[first..].find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '=').map_or(rest.len(), |e| first + e);
        let name = &rest[..name_end];
        rest = &rest[name_end..];
        let Some(value) = rest.trim_start().strip_prefix('=') else {
            return Some((name, ""));
        };
        let value = value.trim_start();
        for quote in ['"', '\''] {
            if let Some((inside, after)) = value.strip_prefix(quote).and_then(|v| v.split_once(quote)) {
                rest = after;
                return Some((name, inside));
            }
        }
        let end = value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len());
        rest = &value[end..];
        Some((name, &value[..end]))
    })
}

/// Resolves the character references of `raw` into `out`. What is no reference stays as it stands.
pub fn unescape(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let used = reference(rest, out);
        if used == 0 {
            out.push('&');
        }
        rest = &rest[used.max(1)..];
    }
    out.push_str(rest);
}

/// References that old pages write without their semicolon.
const BARE: &[(&str, &str)] = &[("&nbsp", "\u{a0}"), ("&amp", "&"), ("&lt", "<"), ("&gt", ">"), ("&quot", "\"")];
/// The longest name in the HTML standard's table has 31 letters.
const NAME_MAX: usize = 32;

/// Resolves the reference that `text` begins with; gives its length, or 0 when it is none.
fn reference(text: &str, out: &mut String) -> usize {
    if let Some(number) = text.strip_prefix("&#") {
        let (digits, radix) = match number.strip_prefix(['x', 'X']) {
            Some(hex) => (hex, 16),
            None => (number, 10),
        };
        let len = digits.bytes().take_while(|b| (*b as char).is_digit(radix)).count();
        if len == 0 {
            return 0;
        }
        out.push(numbered(u32::from_str_radix(&digits[..len], radix).unwrap_or(u32::MAX)));
        let used = text.len() - digits.len() + len;
        return used + usize::from(digits[len..].starts_with(';'));
    }
    let len = text.bytes().skip(1).take(NAME_MAX).take_while(u8::is_ascii_alphanumeric).count();
    if text[1 + len..].starts_with(';')
        && let Some(value) = resolve_html5_entity(&text[1..=len])
    {
        out.push_str(value);
        return len + 2;
    }
    let bare = BARE.iter().find(|(name, _)| text.len() > len && &text[..=len] == *name);
    bare.map_or(0, |(name, value)| {
        out.push_str(value);
        name.len()
    })
}

/// HTML 13.2.5.80: numbers 128 to 159 mean windows-1252, what is no character becomes U+FFFD.
fn numbered(number: u32) -> char {
    match u8::try_from(number) {
        Ok(0) => char::REPLACEMENT_CHARACTER,
        Ok(byte @ 0x80..=0x9F) => {
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}
