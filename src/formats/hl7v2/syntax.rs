//! The delimiters and the encoding of a message, as its header states them.
//!
//! Not for: cutting the message by them (`message`, `value`).

use encoding_rs::Encoding;

use super::fault::Fault;

/// What the values of a message need to be read. A delimiter that the message has not is 0, which no text holds.
#[derive(Clone, Debug)]
pub(super) struct Syntax {
    pub field: u8,
    pub component: u8,
    pub repetition: u8,
    pub escape: u8,
    pub sub: u8,
    pub truncation: u8,
    pub encoding: &'static Encoding,
    /// Where the text begins in the original bytes; `None` when it had to be transcoded.
    pub base: Option<usize>,
}

impl Syntax {
    /// The delimiters of MSH-1 and MSH-2; those left out are the usual ones.
    pub fn of(text: &str) -> Result<Syntax, Fault> {
        let bytes = text.as_bytes();
        let is_delimiter = |b: u8| b.is_ascii_graphic() && !b.is_ascii_alphanumeric();
        let field = *bytes.get(3).ok_or(Fault::Truncated)?;
        let rest = &bytes[4..];
        let stated = rest.split(|&b| b == field || b == b'\r' || b == b'\n').next().unwrap_or_default().trim_ascii();
        // A program's text in which the escape character had to be doubled, and was.
        let undoubled;
        let stated = match stated {
            [component, repetition, escape, again, sub, ..] if escape == again && escape == &b'\\' => {
                undoubled = [*component, *repetition, *escape, *sub];
                &undoubled
            }
            _ => &stated[..stated.len().min(5)],
        };
        let is_unique = |at: usize, b: u8| b != field && !stated[..at].contains(&b);
        if !is_delimiter(field) || !stated.iter().enumerate().all(|(at, &b)| is_delimiter(b) && is_unique(at, b)) {
            return Err(Fault::BadDelimiters);
        }
        let usual = |at: usize| {
            let b = b"^~\\&".get(at).copied().unwrap_or(0);
            if b == field || stated.contains(&b) { 0 } else { b }
        };
        let of = |at: usize| stated.get(at).copied().unwrap_or_else(|| usual(at));
        let (component, repetition, escape, sub, truncation) = (of(0), of(1), of(2), of(3), of(4));
        Ok(Syntax { field, component, repetition, escape, sub, truncation, encoding: encoding_rs::UTF_8, base: None })
    }
}
