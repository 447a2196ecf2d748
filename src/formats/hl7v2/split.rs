//! Cuts a stream of bytes into messages: MLLP frames, batches, any line ends, and what lies between.
//!
//! Not for: reading a message (`message`).

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
        let mut item = self.open.map(|kind| (kind, 0));
        let mut at = self.seen.min(buffer.len());
        while at < buffer.len() {
            let rest = &buffer[at..];
            let Some(length) = line_length(rest).or(is_last.then_some(rest.len())) else { break };
            let line = rest.get(..length).unwrap_or(rest);
            // What begins a line decides whether an item ends before it.
            match Line::of(line) {
                Line::Blank => {}
                Line::Header => {
                    self.close(buffer, item.take(), at, items);
                    item = Some((Item::Message, at));
                    self.batch.messages += 1;
                }
                Line::Batch => {
                    self.close(buffer, item.take(), at, items);
                    self.count(line, at);
                }
                Line::Other => item = item.or(Some((Item::Junk, at))),
            }
            at = (at + length + 1).min(buffer.len());
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
        let first = bytes.iter().take_while(|&&b| is_blank(b)).count();
        let last = bytes.len() - bytes.iter().rev().take_while(|&&b| is_blank(b)).count();
        if first >= last {
            return;
        }
        items.push(start + first..start + last);
        if kind == Item::Junk {
            self.note("leading-junk", start, "bytes that belong to no message");
        }
    }

    /// BTS-1 is the number of messages of the batch, FTS-1 the number of batches of the file.
    fn count(&mut self, line: &[u8], at: usize) {
        let line = &line[line.iter().take_while(|&&b| is_blank(b)).count()..];
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
        let Some(first) = line.iter().position(|&b| !is_blank(b)) else { return Line::Blank };
        let line = &line[first..];
        let is_named = line.get(3).is_none_or(|b| !b.is_ascii_alphanumeric());
        match line.get(..3) {
            Some(b"MSH") if is_named && line.len() > 3 => Line::Header,
            Some(b"FHS" | b"BHS" | b"BTS" | b"FTS") if is_named => Line::Batch,
            _ => Line::Other,
        }
    }
}

/// Bytes that say nothing at the edges of a line: white space, NUL, and those of a UTF-8 byte-order mark.
fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xEF | 0xBB | 0xBF)
}

/// Up to the line end or frame byte; `None` when there is none yet.
fn line_length(rest: &[u8]) -> Option<usize> {
    let end = memchr::memchr2(b'\r', b'\n', rest);
    let line = &rest[..end.unwrap_or(rest.len())];
    memchr::memchr2(0x0B, 0x1C, line).or(end)
}
