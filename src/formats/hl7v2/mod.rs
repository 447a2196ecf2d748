//! Reader of HL7 v2 (2.1–2.8): cuts files into messages, and a message into segments, fields, repetitions, components
//! and subcomponents.
//!
//! A message is decoded once and split where it lies; nothing is copied but values that hold escapes. Senders break every
//! rule of the standard, so there are few faults and many findings.
//!
//! Not for: what a message means (`mapping::hl7v2`).

mod charset;
mod escape;
mod fault;
mod message;
mod split;
mod syntax;
mod value;

#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use message::{Message, Segment};
pub use split::Splitter;
pub use value::Value;

/// Whether a delivered file begins as HL7 v2 does: behind byte-order mark, frame byte and blank lines stands a message
/// or batch header. `head` is the beginning of its content, a few kilobytes.
pub fn looks_like_hl7v2(head: &[u8]) -> bool {
    if let Some(text) = charset::wide(head) {
        return is_header(text.trim_start_matches(is_filler).as_bytes());
    }
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    // Some dumps open with a line or two of a log.
    let mut lines = head.split(|&b| matches!(b, b'\r' | b'\n' | 0x0B)).map(|line| line.trim_ascii_start());
    lines.by_ref().filter(|line| !line.is_empty()).take(5).any(is_header)
}

fn is_filler(c: char) -> bool {
    c.is_whitespace() || c.is_control() || c == '\u{feff}'
}

fn is_header(line: &[u8]) -> bool {
    ["MSH", "FHS", "BHS"].iter().any(|name| line.starts_with(name.as_bytes()))
        && line.get(3).is_some_and(|&b| b.is_ascii_punctuation())
        && line.get(4).is_some_and(|&b| b.is_ascii_punctuation() || Some(&b) == line.get(3))
}
