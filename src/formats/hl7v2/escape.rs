//! Escape sequences (HL7 v2.8, chapter 2.7): one pass from left to right, the result is never read again.
//!
//! Notes hold paths such as `C:\dir\file`, so what is no escape sequence stays as it is, its delimiter too.
//!
//! Not for: splitting. An escape sequence never spans a delimiter, so values are split first.

use std::borrow::Cow;

use encoding_rs::ISO_2022_JP;

use super::syntax::Syntax;

/// Most line ends or spaces that one layout command gives.
const LAYOUT_MAX: usize = 80;

/// What a sequence stands for.
enum Escape<'a> {
    Character(u8),
    Text(&'static str),
    /// So many of this character.
    Layout(char, usize),
    /// Hexadecimal digits, in pairs.
    Bytes(&'a str),
    Point(char),
    /// What follows is written in this set: ESC sequence of ISO 2022 without the ESC.
    Switch(&'static [u8]),
}

/// Text without escapes. Line ends inside a value (a sender's mistake) become `\n`.
pub(super) fn unescape<'m>(raw: &'m str, syntax: &Syntax) -> Cow<'m, str> {
    let has_none = match raw.len() {
        0..32 => raw.bytes().all(|b| b != syntax.escape && b != b'\r'),
        _ => memchr::memchr2(syntax.escape, b'\r', raw.as_bytes()).is_none(),
    };
    if has_none {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut at = 0;
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(found) = memchr::memchr2(syntax.escape, b'\r', rest.as_bytes()) else {
            out.push_str(rest);
            break;
        };
        out.push_str(&rest[..found]);
        let rest = &rest[found..];
        at += found;
        at += if rest.starts_with('\r') && syntax.escape != b'\r' {
            out.push('\n');
            if rest.starts_with("\r\n") { 2 } else { 1 }
        } else {
            take(rest, syntax, &mut out)
        };
    }
    Cow::Owned(out)
}

/// Puts the sequence with which `rest` begins into `out`; gives how long it was.
fn take(rest: &str, syntax: &Syntax, out: &mut String) -> usize {
    let Some((escape, length)) = read(rest, syntax) else {
        out.push(char::from(syntax.escape));
        return 1;
    };
    match escape {
        Escape::Character(b) => out.push(char::from(b)),
        Escape::Text(text) => out.push_str(text),
        Escape::Layout(c, n) => out.extend(std::iter::repeat_n(c, n)),
        Escape::Point(c) => out.push(c),
        Escape::Bytes(_) => return hexadecimal(rest, syntax, out),
        Escape::Switch(set) => return switched(rest, length, set, syntax, out),
    }
    length
}

/// The sequence at the beginning, and its length with both escape characters; `None` when it is none.
fn read<'a>(rest: &'a str, syntax: &Syntax) -> Option<(Escape<'a>, usize)> {
    let end = memchr::memchr(syntax.escape, rest.as_bytes().get(1..)?)?;
    let inside = &rest[1..=end];
    let escape = match inside {
        "F" => Escape::Character(syntax.field),
        "S" => Escape::Character(syntax.component),
        "T" => Escape::Character(syntax.sub),
        "R" => Escape::Character(syntax.repetition),
        "E" => Escape::Character(syntax.escape),
        "P" if syntax.truncation != 0 => Escape::Character(syntax.truncation),
        // Highlighting.
        "H" | "N" => Escape::Text(""),
        ".br" | ".BR" | ".ce" | ".fi" => Escape::Text("\n"),
        ".nf" => Escape::Text(""),
        _ if inside.starts_with('.') => layout(inside)?,
        _ => match (inside.as_bytes().first()?, inside.get(1..)?) {
            (b'X', digits) => hex(digits)?,
            (b'C', "2842") => Escape::Switch(b""),
            (b'C', "2D41") => Escape::Switch(b""),
            (b'M', "2442") => Escape::Switch(b"\x1B$B"),
            (b'M', "2440") => Escape::Switch(b"\x1B$@"),
            (b'C', "284A") => Escape::Switch(b"\x1B(J"),
            (b'C', "2949" | "2849") => Escape::Switch(b"\x1B(I"),
            _ => return None,
        },
    };
    Some((escape, end + 2))
}

/// Whether a sequence stands at the beginning of `rest`.
pub(super) fn is_escape(rest: &str, syntax: &Syntax) -> Option<usize> {
    read(rest, syntax).map(|(_, length)| length)
}

/// `.sp3`, `.sp+3`, `.sk 4`, `.in+4`, `.ti-2`.
fn layout(inside: &str) -> Option<Escape<'static>> {
    let (command, number) = (inside.get(..3)?, inside.get(3..)?.trim());
    let digits = number.trim_start_matches(['+', '-']);
    let n = if digits.is_empty() { 1 } else { digits.parse::<usize>().ok()? };
    match command {
        ".sp" => Some(Escape::Layout('\n', n.min(LAYOUT_MAX))),
        ".sk" => Some(Escape::Layout(' ', n.min(LAYOUT_MAX))),
        ".in" | ".ti" => Some(Escape::Text("")),
        _ => None,
    }
}

/// Four digits that begin with 00 are one character of Unicode, not a zero byte and another.
fn hex(digits: &str) -> Option<Escape<'_>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    if digits.len() == 4 && digits.starts_with("00") {
        return u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).map(Escape::Point);
    }
    Some(Escape::Bytes(digits))
}

/// Neighbouring sequences are decoded together: a character may be spread over them.
fn hexadecimal(rest: &str, syntax: &Syntax, out: &mut String) -> usize {
    let (mut bytes, mut at) = (Vec::new(), 0);
    while let Some((Escape::Bytes(digits), length)) = rest.get(at..).filter(|r| begins(r, syntax)).and_then(|r| read(r, syntax)) {
        let pairs = (0..digits.len() / 2).filter_map(|i| u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok());
        bytes.extend(pairs);
        at += length;
    }
    out.push_str(&syntax.encoding.decode_without_bom_handling(&bytes).0);
    at
}

fn begins(rest: &str, syntax: &Syntax) -> bool {
    rest.as_bytes().first() == Some(&syntax.escape)
}

/// Text in another set goes on until the next switch. Only sets of seven bits can be told from the message's own.
fn switched(rest: &str, length: usize, set: &[u8], syntax: &Syntax, out: &mut String) -> usize {
    if set.is_empty() {
        return length;
    }
    let inside = &rest[length..];
    let mut end = inside.len();
    for at in memchr::memchr_iter(syntax.escape, inside.as_bytes()) {
        if matches!(read(&inside[at..], syntax), Some((Escape::Switch(_), _))) {
            end = at;
            break;
        }
    }
    let mut bytes = set.to_vec();
    bytes.extend_from_slice(&inside.as_bytes()[..end]);
    match ISO_2022_JP.decode_without_bom_handling_and_without_replacement(&bytes) {
        Some(text) => {
            out.push_str(&text);
            length + end
        }
        None => {
            out.push_str(&rest[..length]);
            length
        }
    }
}
