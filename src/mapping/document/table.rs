//! The rows of a manifest, read where they lie: an index of millions of documents holds places, not texts.
//!
//! Not for: tables of records (`mapping` of extracts).

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// A table in memory.
pub(super) struct Table {
    bytes: Vec<u8>,
    delimiter: u8,
    is_utf8: bool,
}

/// Where a row lies in the bytes of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Row {
    pub offset: u64,
    pub length: u32,
}

/// The fields of a row, unquoted.
#[derive(Default)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Fields {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, number: usize) -> &[u8] {
        let end = self.ends.get(number).copied().unwrap_or(0);
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.bytes.get(start..end).unwrap_or_default()
    }
}

impl Table {
    /// UTF-16 is told by its mark and read as UTF-8, in which places then count.
    pub fn new(bytes: Vec<u8>, delimiter: u8) -> Table {
        let bytes = match Encoding::for_bom(&bytes) {
            Some((encoding, mark)) if encoding != UTF_8 => {
                encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned().into_bytes()
            }
            _ => bytes,
        };
        let is_utf8 = std::str::from_utf8(&bytes).is_ok();
        Table { bytes, delimiter, is_utf8 }
    }

    /// Built anew each time: a clone of a reader of csv-core 0.1.13 has lost its states and never ends.
    fn reader(&self) -> Reader {
        ReaderBuilder::new().delimiter(self.delimiter).build()
    }

    /// A field as text; what is not UTF-8 is windows-1252.
    pub fn text(&self, field: &[u8]) -> String {
        let text = if self.is_utf8 { String::from_utf8_lossy(field) } else { WINDOWS_1252.decode_without_bom_handling(field).0 };
        text.trim().to_owned()
    }

    /// Calls `visit` for every row, the header among them, until it says false.
    pub fn each_row(&self, mut visit: impl FnMut(Row, &Fields) -> bool) {
        let mut reader = self.reader();
        let mut fields = Fields::default();
        let mut at = if self.bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        while let Some(end) = next(&mut reader, &self.bytes, at, &mut fields) {
            // Line ends before a row are no part of it, nor is the one behind it.
            let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let raw = &self.bytes[at..end];
            let lead = raw.iter().take_while(|byte| is_line_end(byte)).count();
            let trail = raw[lead..].iter().rev().take_while(|byte| is_line_end(byte)).count();
            let length = (raw.len() - lead - trail).try_into().unwrap_or(u32::MAX);
            if !visit(Row { offset: (at + lead) as u64, length }, &fields) {
                return;
            }
            at = end;
        }
    }

    /// The fields of one row.
    pub fn fields(&self, row: Row) -> Fields {
        let mut fields = Fields::default();
        let start = row.offset as usize;
        let bytes = self.bytes.get(start..start + row.length as usize).unwrap_or_default();
        next(&mut self.reader(), bytes, 0, &mut fields);
        fields
    }
}

/// Reads the record at `at` and gives where it ends; `None` at the end of the table.
fn next(reader: &mut Reader, bytes: &[u8], mut at: usize, fields: &mut Fields) -> Option<usize> {
    fields.bytes.resize(fields.bytes.capacity().max(1024), 0);
    fields.ends.resize(fields.ends.capacity().max(64), 0);
    let (mut written, mut ended) = (0, 0);
    loop {
        let (result, read, out, ends) = reader.read_record(&bytes[at..], &mut fields.bytes[written..], &mut fields.ends[ended..]);
        at += read;
        written += out;
        ended += ends;
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull => fields.bytes.resize(fields.bytes.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => fields.ends.resize(fields.ends.len() * 2, 0),
            ReadRecordResult::Record => {
                fields.bytes.truncate(written);
                fields.ends.truncate(ended);
                return Some(at);
            }
            ReadRecordResult::End => return None,
        }
    }
}
