//! From the bytes of a row to its fields.
//!
//! Not for: finding rows (`cut`).

use encoding_rs::WINDOWS_1252;
use memchr::{memchr, memchr2};

use crate::limits::TABLE_FIELDS_MAX;

use super::cut::RowCutter;
use super::dialect::{Delimited, Dialect, Escape, FixedColumn, Layout, TextEncoding};

/// What is wrong with a row; never content. Codes: `encoding`, `quote` (text behind a closing quote),
/// `quote-unterminated`, `field-count`, `too-many-fields`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code} at byte {offset} of the row, field {field}")]
pub struct Fault {
    pub code: &'static str,
    /// Byte offset in the row; in its text as UTF-8 where it is written otherwise.
    pub offset: usize,
    /// 1-based; 0 where the fault is in the row as a whole.
    pub field: usize,
}

/// Buffers that rows are read into, one after another.
#[derive(Default)]
pub struct Scratch {
    decoded: String,
    text: String,
    ends: Vec<usize>,
    places: Vec<usize>,
}

/// A row: its fields in order.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    text: &'a str,
    ends: &'a [usize],
    /// NUL characters left out of the fields.
    pub nuls: usize,
    /// Whether the row was read as windows-1252 because it is not UTF-8 (mixed encoding).
    pub is_fallback: bool,
}

impl<'a> Row<'a> {
    /// Cuts the bytes of a row, as [`RowCutter`] gives them, into fields.
    pub fn parse(bytes: &[u8], dialect: &Dialect, scratch: &'a mut Scratch) -> Result<Row<'a>, Fault> {
        let Scratch { decoded, text, ends, places } = scratch;
        decoded.clear();
        text.clear();
        ends.clear();
        let (source, is_fallback) = decode(bytes, dialect.encoding, decoded)?;
        let mut fields = Fields { text, ends };
        let kept;
        let (source, nuls) = match memchr(0, source.as_bytes()) {
            None => (source, 0),
            Some(_) => {
                kept = source.replace('\0', "");
                (kept.as_str(), source.len() - kept.len())
            }
        };
        match &dialect.layout {
            Layout::Delimited(d) => delimited(source, d, &mut fields)?,
            Layout::FixedWidth(columns) => fixed(source, columns, &mut fields, places)?,
        }
        Ok(Row { text, ends, nuls, is_fallback })
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A field by its place, from 0.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..*self.ends.get(index)?)
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (text, mut start) = (self.text, 0);
        self.ends.iter().map(move |&end| text.get(std::mem::replace(&mut start, end)..end).unwrap_or_default())
    }

    /// Fails unless the row has that many fields.
    pub fn expect_fields(&self, count: usize) -> Result<(), Fault> {
        let fault = Fault { code: "field-count", offset: 0, field: self.len() };
        if self.len() == count { Ok(()) } else { Err(fault) }
    }
}

/// The fields of a row so far: their text in one piece, and where each ends.
struct Fields<'s> {
    text: &'s mut String,
    ends: &'s mut Vec<usize>,
}

impl Fields<'_> {
    fn add(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    fn end(&mut self) {
        self.ends.push(self.text.len());
    }
}

/// The row as text; into `buffer` where its bytes are not that text themselves.
fn decode<'a>(bytes: &'a [u8], encoding: TextEncoding, buffer: &'a mut String) -> Result<(&'a str, bool), Fault> {
    let fault = |offset| Fault { code: "encoding", offset, field: 0 };
    match encoding {
        TextEncoding::Utf8 => std::str::from_utf8(bytes).map(|text| (text, false)).map_err(|e| fault(e.valid_up_to())),
        TextEncoding::Windows1252 | TextEncoding::Mixed => {
            let is_mixed = encoding == TextEncoding::Mixed;
            match std::str::from_utf8(bytes) {
                Ok(text) if is_mixed || bytes.is_ascii() => Ok((text, false)),
                _ => {
                    buffer.push_str(&WINDOWS_1252.decode_without_bom_handling(bytes).0);
                    Ok((buffer, is_mixed))
                }
            }
        }
        TextEncoding::Utf16Le | TextEncoding::Utf16Be => {
            let pairs = bytes.chunks_exact(2);
            if !pairs.remainder().is_empty() {
                return Err(fault(bytes.len() - 1));
            }
            let is_little = encoding == TextEncoding::Utf16Le;
            let units = pairs.map(|pair| match *pair {
                [a, b] if is_little => u16::from_le_bytes([a, b]),
                [a, b] => u16::from_be_bytes([a, b]),
                _ => 0,
            });
            for c in char::decode_utf16(units) {
                buffer.push(c.map_err(|_| fault(buffer.len()))?);
            }
            Ok((buffer, false))
        }
    }
}

fn delimited(text: &str, dialect: &Delimited, fields: &mut Fields<'_>) -> Result<(), Fault> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let is_quoted = dialect.quote.is_some() && bytes.get(at).copied() == dialect.quote;
        let end = if is_quoted { quoted(text, at, dialect, fields)? } else { plain(text, at, dialect, fields) };
        fields.end();
        match bytes.get(end) {
            None => return Ok(()),
            Some(_) if fields.ends.len() >= TABLE_FIELDS_MAX => {
                return Err(Fault { code: "too-many-fields", offset: end, field: fields.ends.len() });
            }
            Some(&byte) if byte == dialect.byte => at = end + 1,
            Some(_) => return Err(Fault { code: "quote", offset: end, field: fields.ends.len() }),
        }
    }
}

/// Reads the quoted field at `at`; gives the place behind its closing quote.
fn quoted(text: &str, at: usize, dialect: &Delimited, fields: &mut Fields<'_>) -> Result<usize, Fault> {
    let (bytes, quote) = (text.as_bytes(), dialect.quote.unwrap_or(b'"'));
    let has_backslash = dialect.escape == Escape::Backslash;
    let mut from = at + 1;
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let hit = if has_backslash { memchr2(quote, b'\\', rest) } else { memchr(quote, rest) };
        let Some(hit) = hit.map(|hit| from + hit) else {
            return Err(Fault { code: "quote-unterminated", offset: at, field: fields.ends.len() + 1 });
        };
        fields.add(&text[from..hit]);
        if bytes[hit] == b'\\' && has_backslash {
            from = unescape(text, hit, dialect, fields);
        } else if bytes.get(hit + 1) == Some(&quote) {
            fields.add(&text[hit..=hit]);
            from = hit + 2;
        } else {
            return Ok(hit + 1);
        }
    }
}

/// Reads the field at `at` that has no quotes; gives the place of the delimiter behind it.
fn plain(text: &str, at: usize, dialect: &Delimited, fields: &mut Fields<'_>) -> usize {
    let bytes = text.as_bytes();
    let mut from = at;
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let hit = match dialect.escape {
            Escape::Doubled => memchr(dialect.byte, rest),
            Escape::Backslash => memchr2(dialect.byte, b'\\', rest),
        };
        let end = hit.map_or(bytes.len(), |hit| from + hit);
        fields.add(&text[from..end]);
        if end == bytes.len() || bytes[end] == dialect.byte {
            return end;
        }
        from = unescape(text, end, dialect, fields);
    }
}

/// Adds what the backslash at `at` stands for; gives the place behind it. A backslash before anything that needs none is
/// kept, so that `\N` and Windows paths stay what they are.
fn unescape(text: &str, at: usize, dialect: &Delimited, fields: &mut Fields<'_>) -> usize {
    let Some(c) = text[at + 1..].chars().next() else {
        fields.add("\\");
        return at + 1;
    };
    let bare = match c {
        '\\' | '\r' | '\n' => true,
        _ => u8::try_from(c).is_ok_and(|byte| byte == dialect.byte || Some(byte) == dialect.quote),
    };
    match c {
        'n' if dialect.quote.is_none() => fields.add("\n"),
        'r' if dialect.quote.is_none() => fields.add("\r"),
        't' if dialect.quote.is_none() => fields.add("\t"),
        _ => fields.add(&text[if bare { at + 1 } else { at }..at + 1 + c.len_utf8()]),
    }
    at + 1 + c.len_utf8()
}

/// Blanks around a value are padding. Writers cut blanks at the end of a line, so columns behind its end are empty; text
/// behind the last column is a fault.
fn fixed(text: &str, columns: &[FixedColumn], fields: &mut Fields<'_>, places: &mut Vec<usize>) -> Result<(), Fault> {
    places.clear();
    if !text.is_ascii() {
        places.extend(text.char_indices().map(|(place, _)| place));
    }
    let place = |position: usize| match text.is_ascii() {
        true => position.min(text.len()),
        false => places.get(position).copied().unwrap_or(text.len()),
    };
    let mut last = 0;
    for column in columns {
        let (start, end) = (place(column.start - 1), place(column.start - 1 + column.len));
        fields.add(text.get(start..end).unwrap_or_default().trim_matches(' '));
        fields.end();
        last = last.max(end);
    }
    match text.get(last..).unwrap_or_default().trim().is_empty() {
        true => Ok(()),
        false => Err(Fault { code: "field-count", offset: last, field: columns.len() + 1 }),
    }
}

/// The names of the columns: those of the header, those that the dialect gives, else `c1`, `c2` … `head` is the beginning
/// of the file and holds at least its first row. Empty when that cannot be read.
pub fn read_header(head: &[u8], dialect: &Dialect) -> Vec<String> {
    if let Layout::FixedWidth(columns) = &dialect.layout {
        return columns.iter().map(|column| column.name.clone()).collect();
    }
    if !dialect.names.is_empty() {
        return dialect.names.clone();
    }
    let mut rows = Vec::new();
    RowCutter::new(&Dialect { header: false, ..dialect.clone() }).cut(head, true, &mut rows);
    let first = rows.first().and_then(|row| head.get(row.clone())).unwrap_or_default();
    let mut scratch = Scratch::default();
    let Ok(row) = Row::parse(first, dialect, &mut scratch) else { return Vec::new() };
    match dialect.header {
        true => row.iter().map(|name| name.trim().to_string()).collect(),
        false => (1..=row.len()).map(|n| format!("c{n}")).collect(),
    }
}
