//! From bytes to rows: where one row ends and the next begins, without looking at its fields more than that takes.
//!
//! A quoted field may hold line ends. One whose quote is never closed must not swallow the file: a field that has passed
//! a line end has to close properly (a delimiter or a line end behind the quote) and within a bound; else the row ends at
//! its first line end, and reading its fields tells the fault.
//!
//! Not for: the fields of a row (`row`).

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use super::dialect::{Dialect, Escape, Layout, LineEnd, TextEncoding};
use crate::limits::TABLE_ROW_BYTES_MAX;

/// The end-of-file mark of old systems, at the very end of a file.
const END_MARK: u8 = 0x1a;

/// Cuts one file into rows. Give it the file from its first byte.
pub struct RowCutter {
    units: Units,
    line_end: LineEnd,
    quote: Option<u8>,
    delimiter: Option<u8>,
    backslash: bool,
    /// The byte-order mark still has to be passed.
    at_start: bool,
    /// The header still has to be passed.
    before_header: bool,
    scan: Scan,
}

/// How far the row at the front of the buffer was looked at; offsets from its start.
#[derive(Clone, Copy, Default)]
struct Scan {
    at: usize,
    in_quotes: bool,
    /// The first line end inside quotes: where the line ends, where the next begins.
    line: Option<(usize, usize)>,
    /// Behind the last escaped character, where no field begins.
    escaped: usize,
}

/// A row in the buffer: where it ends and where the next begins.
type Cut = (usize, usize);

impl RowCutter {
    pub fn new(dialect: &Dialect) -> RowCutter {
        let (delimiter, quote, backslash) = match &dialect.layout {
            Layout::Delimited(d) => (Some(d.byte), d.quote, d.escape == Escape::Backslash),
            Layout::FixedWidth(_) => (None, None, false),
        };
        RowCutter {
            units: Units(dialect.encoding),
            line_end: dialect.line_end,
            quote,
            delimiter,
            backslash,
            at_start: true,
            before_header: dialect.header,
            scan: Scan::default(),
        }
    }

    /// Adds the ranges of all whole rows at the front of `buffer` to `items`, without their line ends, and gives how many
    /// bytes are done with; the next call begins with the others. A byte-order mark, the header and blank lines are in no
    /// range. With `is_last` everything is done with, and a last row needs no line end.
    pub fn cut(&mut self, buffer: &[u8], is_last: bool, items: &mut Vec<Range<usize>>) -> usize {
        let mut start = 0;
        if self.at_start {
            if buffer.len() < 3 && !is_last {
                return 0;
            }
            start = self.units.mark(buffer);
            self.at_start = false;
        }
        while start < buffer.len() {
            let Some((end, next)) = self.row(buffer, start, is_last) else { return start };
            self.scan = Scan::default();
            let row = buffer.get(start..end).unwrap_or_default();
            let is_end_mark =
                is_last && next >= buffer.len() && row.first() == Some(&END_MARK) && row.len() <= self.units.width();
            if !row.is_empty() && !is_end_mark && !std::mem::take(&mut self.before_header) {
                items.push(start..end);
            }
            start = next;
        }
        start
    }

    /// The row that begins at `start`, or `None` when its end is not in the buffer yet.
    fn row(&mut self, buffer: &[u8], start: usize, is_last: bool) -> Option<Cut> {
        loop {
            let before = self.scan.at;
            let found =
                if self.scan.in_quotes { self.in_quotes(buffer, start, is_last) } else { self.outside(buffer, start, is_last) };
            if found.is_some() {
                return found;
            }
            if self.scan.at == before {
                return None;
            }
        }
    }

    /// Goes on from the scan's place, outside quotes: to the end of the row, or past one quote or escape. Stays in place
    /// to ask for more.
    fn outside(&mut self, buffer: &[u8], start: usize, is_last: bool) -> Option<Cut> {
        let width = self.units.width();
        let end_byte = if self.line_end == LineEnd::Cr { b'\r' } else { b'\n' };
        let from = start + self.scan.at;
        let hit = match (self.quote, self.backslash) {
            (Some(quote), true) => self.units.find3(buffer, from, end_byte, quote, b'\\'),
            (Some(quote), false) => self.units.find2(buffer, from, end_byte, quote),
            (None, true) => self.units.find2(buffer, from, end_byte, b'\\'),
            (None, false) => self.units.find(buffer, from, end_byte),
        };
        let Some(hit) = hit else {
            // Seen up to here; the last unit may be half of one.
            self.scan.at = (buffer.len() - start) / width * width;
            return is_last.then_some((buffer.len(), buffer.len()));
        };
        let unit = self.units.at(buffer, hit);
        if unit == Some(u16::from(end_byte)) {
            match self.line(buffer, start, hit) {
                Some(cut) => return Some(cut),
                None => self.scan.at = hit + width - start,
            }
        } else if unit == Some(u16::from(b'\\')) && self.backslash {
            return self.escape(buffer, start, hit, is_last);
        } else {
            let is_behind_delimiter = hit.checked_sub(width).is_some_and(|before| self.is_delimiter(buffer, before));
            self.scan.in_quotes = hit == start || (is_behind_delimiter && hit - start != self.scan.escaped);
            self.scan.at = hit + width - start;
        }
        None
    }

    /// The same inside quotes.
    fn in_quotes(&mut self, buffer: &[u8], start: usize, is_last: bool) -> Option<Cut> {
        let width = self.units.width();
        let from = start + self.scan.at;
        let quote = self.quote.unwrap_or(b'"');
        let hit =
            if self.backslash { self.units.find2(buffer, from, quote, b'\\') } else { self.units.find(buffer, from, quote) };
        let seen_to = hit.unwrap_or(buffer.len());
        if self.scan.line.is_none() {
            self.scan.line = self.first_line(buffer, start, from, seen_to).map(|(end, next)| (end - start, next - start));
        }
        let too_long = seen_to - start > TABLE_ROW_BYTES_MAX;
        let first_line = self.scan.line.map(|(end, next)| (start + end, start + next));
        let Some(hit) = hit.filter(|_| !too_long || first_line.is_none()) else {
            self.scan.at = (buffer.len() - start) / width * width;
            return match first_line {
                Some(line) if too_long || is_last => Some(line),
                None if is_last => Some((buffer.len(), buffer.len())),
                _ => None,
            };
        };
        if self.backslash && self.units.at(buffer, hit) == Some(u16::from(b'\\')) {
            return self.escape(buffer, start, hit, is_last);
        }
        let behind = self.units.at(buffer, hit + width);
        match behind {
            None if !is_last => self.scan.at = hit - start,
            Some(unit) if unit == u16::from(quote) => self.scan.at = hit + 2 * width - start,
            Some(unit) if !self.may_follow_quote(unit) && first_line.is_some() => return first_line,
            _ => {
                self.scan.in_quotes = false;
                self.scan.at = hit + width - start;
            }
        }
        None
    }

    /// Passes a backslash and what stands behind it.
    fn escape(&mut self, buffer: &[u8], start: usize, hit: usize, is_last: bool) -> Option<Cut> {
        let next = hit + 2 * self.units.width();
        if next > buffer.len() && !is_last {
            self.scan.at = hit - start;
            return None;
        }
        self.scan.at = next.min(buffer.len()) - start;
        self.scan.escaped = self.scan.at;
        None
    }

    fn may_follow_quote(&self, unit: u16) -> bool {
        unit == u16::from(b'\n') || unit == u16::from(b'\r') || self.delimiter.is_some_and(|d| unit == u16::from(d))
    }

    fn is_delimiter(&self, buffer: &[u8], at: usize) -> bool {
        self.delimiter.is_some_and(|d| self.units.at(buffer, at) == Some(u16::from(d)))
    }

    /// The row that ends with the line-end unit at `hit`; `None` when that is no line end in this dialect.
    fn line(&self, buffer: &[u8], start: usize, hit: usize) -> Option<Cut> {
        let width = self.units.width();
        let next = hit + width;
        let mut end = hit;
        if self.line_end != LineEnd::Cr {
            // Programs that translate line ends twice write several CRs.
            while end >= start + width && self.units.at(buffer, end - width) == Some(u16::from(b'\r')) {
                end -= width;
            }
        }
        (self.line_end != LineEnd::Crlf || end < hit).then_some((end, next))
    }

    /// The first line end between `from` and `to`, of the row that begins at `start`.
    fn first_line(&self, buffer: &[u8], start: usize, from: usize, to: usize) -> Option<Cut> {
        let end_byte = if self.line_end == LineEnd::Cr { b'\r' } else { b'\n' };
        let mut from = from;
        while let Some(hit) = self.units.find(buffer.get(..to)?, from, end_byte) {
            if let Some(cut) = self.line(buffer, start, hit) {
                return Some(cut);
            }
            from = hit + self.units.width();
        }
        None
    }
}

/// Characters of a byte, or of two.
struct Units(TextEncoding);

impl Units {
    fn width(&self) -> usize {
        if self.0.is_wide() { 2 } else { 1 }
    }

    /// Length of the byte-order mark.
    fn mark(&self, buffer: &[u8]) -> usize {
        match (self.0, buffer) {
            (TextEncoding::Utf16Le, [0xff, 0xfe, ..]) | (TextEncoding::Utf16Be, [0xfe, 0xff, ..]) => 2,
            (TextEncoding::Utf8 | TextEncoding::Mixed, [0xef, 0xbb, 0xbf, ..]) => 3,
            _ => 0,
        }
    }

    /// The unit at a place, `None` behind the end.
    fn at(&self, buffer: &[u8], at: usize) -> Option<u16> {
        match self.0 {
            TextEncoding::Utf16Le => Some(u16::from_le_bytes([*buffer.get(at)?, *buffer.get(at + 1)?])),
            TextEncoding::Utf16Be => Some(u16::from_be_bytes([*buffer.get(at)?, *buffer.get(at + 1)?])),
            _ => buffer.get(at).map(|&byte| u16::from(byte)),
        }
    }

    fn find(&self, buffer: &[u8], from: usize, a: u8) -> Option<usize> {
        self.search(buffer, from, |bytes| memchr(a, bytes))
    }

    fn find2(&self, buffer: &[u8], from: usize, a: u8, b: u8) -> Option<usize> {
        self.search(buffer, from, |bytes| memchr2(a, b, bytes))
    }

    fn find3(&self, buffer: &[u8], from: usize, a: u8, b: u8, c: u8) -> Option<usize> {
        self.search(buffer, from, |bytes| memchr3(a, b, c, bytes))
    }

    /// The first unit at or behind `from` whose ASCII byte the finder finds. `from` is where a unit begins.
    fn search(&self, buffer: &[u8], from: usize, find: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        if !self.0.is_wide() {
            return find(buffer.get(from..)?).map(|hit| from + hit);
        }
        let low = usize::from(self.0 == TextEncoding::Utf16Be);
        let mut at = from;
        loop {
            let hit = at + find(buffer.get(at..)?)?;
            let unit = hit.checked_sub(low).filter(|unit| *unit >= from && (unit - from).is_multiple_of(2));
            if let Some(unit) = unit.filter(|unit| buffer.get(unit + 1 - low) == Some(&0)) {
                return Some(unit);
            }
            at = hit + 1;
        }
    }
}
