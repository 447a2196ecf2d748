//! Cuts a stream of bytes into messages: MLLP frames, batches, any line ends, and what lies between.
//!
//! Not for: reading a message (`message`).

use std::borrow::Cow;
use std::ops::Range;

use crate::model::Finding;

/// Finds messages in a stream that comes in blocks.
///
/// A message begins on a line of its own with `MSH` and a delimiter, and ends before the next one, a frame byte or a
/// batch segment. Anything else that is not blank is an item too, so that nothing is left out in silence;
/// [`super::Message::parse`] calls it no message.
#[derive(Default)]
pub struct Splitter {
    /// Bytes at the front of the next buffer that were looked at before.
    seen: usize,
    /// Whether the front of the next buffer is inside an item, and whether that is a message.
    open: Option<Item>,
    /// Whether the stream is UTF-16, told by its first bytes.
    is_wide: Option<bool>,
    batch: Batch,
    offset: u64,
    findings: Vec<Finding>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Message,
    Junk,
}

/// What was counted since the last batch or file header.
#[derive(Default)]
struct Batch {
    messages: u64,
    batches: u64,
}

impl Splitter {
    /// Adds the ranges of all whole items at the front of `buffer`, and gives how many bytes are done with. With
    /// `is_last` all are. 0 asks for a longer buffer.
    pub fn cut(&mut self, buffer: &[u8], is_last: bool, items: &mut Vec<Range<usize>>) -> usize {
        if self.is_wide.is_none() && buffer.len() < 4 && !is_last {
            return 0;
        }
        let is_wide = *self.is_wide.get_or_insert_with(|| super::charset::wide(&buffer[..buffer.len().min(4)]).is_some());
        let mut item = self.open.map(|kind| (kind, 0));
        let mut at = self.seen.min(buffer.len());
        let mut line_end = None;
        while at < buffer.len() {
            let rest = &buffer[at..];
            // Looked for once a line: a line may hold frame bytes without number.
            let end = *line_end.get_or_insert_with(|| memchr::memchr2(b'\r', b'\n', rest).map_or(buffer.len(), |n| at + n));
            let Some(length) = line_length(rest, end - at).or(is_last.then_some(rest.len())) else { break };
            let line = narrow(rest.get(..length).unwrap_or(rest), is_wide);
            // What begins a line decides whether an item ends before it.
            match Line::of(&line) {
                Line::Blank => {}
                Line::Header => {
                    self.close(buffer, item.take(), at, items);
                    item = Some((Item::Message, at));
                    self.batch.messages += 1;
                }
                Line::Batch => {
                    self.close(buffer, item.take(), at, items);
                    self.count(&line, at);
                }
                Line::Other => item = item.or(Some((Item::Junk, at))),
            }
            at = (at + length + 1).min(buffer.len());
            line_end = line_end.filter(|end| at <= *end);
            if rest.get(length).is_some_and(|b| matches!(b, 0x0B | 0x1C)) {
                self.close(buffer, item.take(), at - 1, items);
            }
        }
        if is_last {
            self.close(buffer, item.take(), buffer.len(), items);
            at = buffer.len();
        }
        let done = item.map_or(at, |(_, start)| start);
        self.open = item.map(|(kind, _)| kind);
        self.seen = at - done;
        self.offset += done as u64;
        done
    }

    /// What was odd about the file as a whole, so far; by place in it.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Ends an item before `end`, without the blank bytes around it.
    fn close(&mut self, buffer: &[u8], item: Option<(Item, usize)>, end: usize, items: &mut Vec<Range<usize>>) {
        let Some((kind, start)) = item else { return };
        let bytes = &buffer[start..end];
        let mut first = start + blank(bytes);
        let mut last = start + bytes.iter().rposition(|&b| !is_space(b)).map_or(0, |n| n + 1);
        if first >= last {
            return;
        }
        if self.is_wide == Some(true) {
            // The zero beside a letter belongs to it; where a byte was lost there may be none.
            first = first.saturating_sub((self.offset as usize + first) % 2).max(start);
            last = (last + (self.offset as usize + last) % 2).min(end);
        }
        items.push(first..last);
        if kind == Item::Junk {
            self.note("leading-junk", start, "bytes that belong to no message");
        }
    }

    /// BTS-1 is the number of messages of the batch, FTS-1 the number of batches of the file.
    fn count(&mut self, line: &[u8], at: usize) {
        let line = &line[blank(line)..];
        let stated = line.get(3).and_then(|&separator| line[4..].split(|&b| b == separator).next());
        let stated = stated.and_then(|digits| std::str::from_utf8(digits).ok()?.trim().parse::<u64>().ok());
        match line.get(..3) {
            Some(b"BHS") => {
                self.batch.batches += 1;
                self.batch.messages = 0;
            }
            Some(b"FHS") => self.batch = Batch::default(),
            Some(b"BTS") if stated.is_some_and(|n| n != self.batch.messages) => {
                self.note("batch-count", at, "BTS-1 is not the number of messages in the batch");
            }
            Some(b"FTS") if stated.is_some_and(|n| n != self.batch.batches) => {
                self.note("batch-count", at, "FTS-1 is not the number of batches in the file");
            }
            _ => {}
        }
    }

    fn note(&mut self, code: &'static str, at: usize, note: &str) {
        if self.findings.len() < 1000 {
            self.findings.push(Finding { code, offset: self.offset + at as u64, note: note.to_owned() });
        }
    }
}

/// What stands at the beginning of a line.
enum Line {
    Blank,
    /// MSH.
    Header,
    /// FHS, BHS, BTS, FTS.
    Batch,
    Other,
}

impl Line {
    fn of(line: &[u8]) -> Line {
        let line = &line[blank(line)..];
        if line.is_empty() {
            return Line::Blank;
        }
        let is_named = line.get(3).is_none_or(|b| !b.is_ascii_alphanumeric());
        match line.get(..3) {
            Some(b"MSH") if is_named && line.len() > 3 => Line::Header,
            Some(b"FHS" | b"BHS" | b"BTS" | b"FTS") if is_named => Line::Batch,
            _ => Line::Other,
        }
    }
}

/// How many bytes at the beginning say nothing: white space, NUL, byte-order marks.
fn blank(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        let white = rest.iter().position(|&b| !is_space(b)).unwrap_or(rest.len());
        rest = &rest[white..];
        let marks: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"];
        match marks.iter().find_map(|mark| rest.strip_prefix(*mark)) {
            Some(behind) => rest = behind,
            None => return bytes.len() - rest.len(),
        }
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0)
}

/// As much of a line as tells what it is: of UTF-16 the bytes that are not zero.
fn narrow(line: &[u8], is_wide: bool) -> Cow<'_, [u8]> {
    if is_wide { Cow::Owned(line.iter().copied().filter(|&b| b != 0).take(64).collect()) } else { Cow::Borrowed(line) }
}

/// Up to the frame byte or the line end, which stands at `end`; `None` when there is none yet.
fn line_length(rest: &[u8], end: usize) -> Option<usize> {
    let line = &rest[..end.min(rest.len())];
    memchr::memchr2(0x0B, 0x1C, line).or((end < rest.len()).then_some(end))
}
