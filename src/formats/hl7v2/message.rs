//! One message: its segments, and where their fields begin.
//!
//! Not for: finding messages in a file (`split`), its delimiters (`syntax`).

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::fault::Fault;
use super::syntax::Syntax;
use super::value::Value;
use super::{charset, escape};
use crate::limits::{HL7V2_FIELDS_MAX, HL7V2_MESSAGE_MAX};
use crate::model::Finding;

/// Place of a segment in the text, without its line end.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    end: u32,
    /// Its separators, as a range of `separators`.
    first: u32,
    last: u32,
    name: [u8; 3],
}

/// A message, split into segments.
pub struct Message<'a> {
    text: Cow<'a, str>,
    syntax: Syntax,
    segments: Vec<Place>,
    /// Places of all field separators.
    separators: Vec<u32>,
    findings: Vec<Finding>,
}

/// A segment of a message.
#[derive(Clone, Copy)]
pub struct Segment<'m> {
    message: &'m Message<'m>,
    place: &'m Place,
    index: usize,
}

impl<'a> Message<'a> {
    /// Reads one message as [`super::Splitter`] cuts it.
    pub fn parse(bytes: &'a [u8]) -> Result<Message<'a>, Fault> {
        if bytes.len() > HL7V2_MESSAGE_MAX {
            return Err(Fault::TooLarge);
        }
        let mut findings = Vec::new();
        let (text, encoding, base) = decode(bytes, &mut findings)?;
        let mut syntax = Syntax::of(&text)?;
        (syntax.encoding, syntax.base) = (encoding, base);
        let mut message = Message { text: Cow::Borrowed(""), syntax, segments: Vec::new(), separators: Vec::new(), findings };
        message.divide(&text);
        message.check_escapes(&text);
        message.text = text;
        let is_bare = message.segments.len() == 1 && message.header().field(3).raw().is_empty();
        if is_bare && (4..=12).all(|n| message.header().field(n).raw().is_empty()) {
            return Err(Fault::Truncated);
        }
        Ok(message)
    }

    /// The MSH segment.
    pub fn header(&self) -> Segment<'_> {
        // `divide` always makes one segment, since the text begins with MSH.
        Segment { message: self, place: &self.segments[0], index: 0 }
    }

    /// The segments in their order, MSH first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = Segment<'_>> + ExactSizeIterator + Clone {
        self.segments.iter().enumerate().map(|(index, place)| Segment { message: self, place, index })
    }

    /// The first segment of that name.
    pub fn first(&self, name: &str) -> Option<Segment<'_>> {
        self.all(name).next()
    }

    /// The segments of that name.
    pub fn all<'m>(&'m self, name: &str) -> impl Iterator<Item = Segment<'m>> + Clone {
        let wanted: [u8; 3] = name.as_bytes().try_into().unwrap_or_default();
        self.segments().filter(move |segment| segment.place.name == wanted)
    }

    /// MSH-9: message code and trigger event. What it leaves out is told by EVN, which ADT has.
    pub fn code_and_event(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        let kind = self.header().field(9);
        let (mut code, mut event) = (kind.text(), kind.component(2).text());
        if let Some(evn) = self.first("EVN").filter(|_| event.is_empty()) {
            event = evn.field(1).text();
            code = if code.is_empty() { Cow::Borrowed("ADT") } else { code };
        }
        (code, event)
    }

    /// What was odd, by place in the message.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether values have places in the original bytes.
    pub fn is_transcoded(&self) -> bool {
        self.syntax.base.is_none()
    }

    /// The message as text, all of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Cuts the text into segments. A line that begins like no segment goes on with the one before.
    fn divide(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.segments.reserve(bytes.len() / 64 + 1);
        self.separators.reserve(bytes.len() / 8 + 1);
        let mut at = 0;
        while at < bytes.len() {
            let end = memchr::memchr2(b'\r', b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n);
            let line = &bytes[at..end];
            match self.name(line) {
                Some(name) => self.begin(at, end, name),
                None if line.trim_ascii().is_empty() => {}
                None => self.go_on(end),
            }
            self.separate(bytes, at, end);
            at = end + 1;
        }
    }

    /// The name of the segment that a line begins.
    fn name(&mut self, line: &[u8]) -> Option<[u8; 3]> {
        let name: [u8; 3] = line.get(..3)?.try_into().ok()?;
        if line.get(3).is_some_and(|&b| b != self.syntax.field) {
            return None;
        }
        let upper = name.map(|b| b.to_ascii_uppercase());
        let is_name = upper[0].is_ascii_uppercase() && upper.iter().all(u8::is_ascii_alphanumeric);
        if is_name && upper != name {
            // Two systems are known that write `pid|`; a line of text would hardly begin like this.
            if line.len() < 4 || !COMMON.contains(&&upper) {
                return None;
            }
            self.note("segment-case", self.segments.last().map_or(0, |s| s.end), "a segment's name is not in capitals");
        }
        is_name.then_some(upper)
    }

    fn begin(&mut self, start: usize, end: usize, name: [u8; 3]) {
        let first = self.separators.len() as u32;
        self.segments.push(Place { start: start as u32, end: end as u32, first, last: first, name });
    }

    /// Adds a line to the segment before: text with line ends in it that nobody escaped.
    fn go_on(&mut self, end: usize) {
        let Some(segment) = self.segments.last_mut() else { return };
        let offset = segment.end;
        segment.end = end as u32;
        self.note("broken-segment", offset, "a line that begins no segment; taken as the end of the one before");
    }

    /// Notes the separators of a line for its segment.
    fn separate(&mut self, bytes: &[u8], start: usize, end: usize) {
        let Some(segment) = self.segments.last_mut().filter(|s| s.end as usize == end) else { return };
        let held = (segment.last - segment.first) as usize;
        let found = memchr::memchr_iter(self.syntax.field, &bytes[start..end]).map(|n| (start + n) as u32);
        self.separators.extend(found.take(HL7V2_FIELDS_MAX - held));
        segment.last = self.separators.len() as u32;
        if (segment.last - segment.first) as usize == HL7V2_FIELDS_MAX {
            let offset = segment.start;
            self.note("fields-cut", offset, "a segment with more fields than are read");
        }
    }

    /// Looks for escape characters that begin nothing; MSH-2 is where they are defined.
    fn check_escapes(&mut self, text: &str) {
        let Some(start) = self.segments.first().map(|msh| msh.end as usize).filter(|_| self.syntax.escape != 0) else { return };
        let mut at = start;
        while let Some(n) = memchr::memchr(self.syntax.escape, text.as_bytes().get(at..).unwrap_or_default()) {
            at += n;
            match escape::is_escape(&text[at..], &self.syntax) {
                Some(length) => at += length,
                None => return self.note("escape", at as u32, "an escape character that begins no escape sequence"),
            }
        }
    }

    /// Each kind of finding once, where it is met first.
    fn note(&mut self, code: &'static str, offset: u32, note: &str) {
        if self.findings.iter().all(|f| f.code != code) {
            self.findings.push(Finding { code, offset: u64::from(offset), note: note.to_owned() });
        }
    }
}

/// Segments whose names are also known in small letters.
const COMMON: [&[u8; 3]; 14] =
    [b"PID", b"PV1", b"PV2", b"EVN", b"OBX", b"OBR", b"ORC", b"NTE", b"DG1", b"AL1", b"IN1", b"NK1", b"TXA", b"RXA"];

impl<'m> Segment<'m> {
    /// Three letters, in capitals.
    pub fn name(&self) -> &'m str {
        std::str::from_utf8(&self.place.name).unwrap_or_default()
    }

    pub fn is(&self, name: &str) -> bool {
        self.place.name == name.as_bytes()
    }

    /// Place among the message's segments, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Place of its first byte in the text of the message.
    pub fn offset(&self) -> usize {
        self.place.start as usize
    }

    /// As it stands in the message, without its line end.
    pub fn raw(&self) -> &'m str {
        self.slice(self.place.start, self.place.end)
    }

    /// Field `n`, from 1, as the standard counts: MSH-1 is the separator itself.
    pub fn field(&self, n: usize) -> Value<'m> {
        let separators = self.separators();
        let n = if &self.place.name == b"MSH" {
            if n == 1 {
                let start = self.place.start + 3;
                return self.value(start, (start + 1).min(self.place.end));
            }
            n.saturating_sub(1)
        } else {
            n
        };
        let Some(&before) = n.checked_sub(1).and_then(|i| separators.get(i)) else {
            return self.value(self.place.end, self.place.end);
        };
        let end = separators.get(n).copied().unwrap_or(self.place.end);
        self.value(before + 1, end)
    }

    /// The number of its last field.
    pub fn field_count(&self) -> usize {
        self.separators().len() + usize::from(&self.place.name == b"MSH")
    }

    fn separators(&self) -> &'m [u32] {
        self.message.separators.get(self.place.first as usize..self.place.last as usize).unwrap_or_default()
    }

    fn slice(&self, start: u32, end: u32) -> &'m str {
        self.message.text.get(start as usize..end as usize).unwrap_or_default()
    }

    fn value(&self, start: u32, end: u32) -> Value<'m> {
        Value::new(self.slice(start, end), start as usize, &self.message.syntax)
    }
}

/// The text that begins with MSH, and where it begins in `bytes` when it was not transcoded.
fn decode<'a>(bytes: &'a [u8], findings: &mut Vec<Finding>) -> Result<(Cow<'a, str>, &'static Encoding, Option<usize>), Fault> {
    if let Some(wide) = charset::wide(bytes) {
        let start = wide.find("MSH").ok_or(Fault::NoHeader)?;
        return Ok((Cow::Owned(wide[start..].replace('\0', "")), encoding_rs::UTF_8, None));
    }
    let is_filler = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0x0B | 0 | 0xEF | 0xBB | 0xBF);
    let start = bytes.iter().take_while(|b| is_filler(b)).count();
    let body = &bytes[start..];
    if !body.starts_with(b"MSH") || body.get(3).is_some_and(u8::is_ascii_alphanumeric) {
        return Err(Fault::NoHeader);
    }
    let separator = *body.get(3).ok_or(Fault::Truncated)?;
    let line = &body[..memchr::memchr2(b'\r', b'\n', body).unwrap_or(body.len())];
    let declared = line.split(|&b| b == separator).nth(17).unwrap_or_default();
    // Delimiters are whatever MSH-2 says; the first repetition ends at the one that stands second there.
    let repetition = line.get(5).copied().unwrap_or(b'~');
    let declared = declared.split(|&b| b == repetition).next().unwrap_or_default();
    let declared = std::str::from_utf8(declared).unwrap_or("?").trim();
    let decoded = charset::decode(body, declared, findings);
    if memchr::memchr(0, decoded.text.as_bytes()).is_some() {
        findings.push(Finding { code: "nul", offset: 0, note: "NUL bytes, which are left out".into() });
        return Ok((Cow::Owned(decoded.text.replace('\0', "")), decoded.encoding, None));
    }
    let base = matches!(decoded.text, Cow::Borrowed(_)).then_some(start);
    Ok((decoded.text, decoded.encoding, base))
}
