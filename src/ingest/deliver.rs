//! Reading a delivery: files into blocks of whole items, with everything noted that rebuilding the files needs.
//!
//! Not for: what an item says (`spread`).

use std::io::{self, Read};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossbeam_channel::Sender;
use sha2::{Digest, Sha256};

use super::error::IngestError;
use crate::limits;
use crate::mapping::{Cutter, Mapper};
use crate::model::Finding;
use crate::sources::{DeliveryFile, Packing, open};
use crate::store::ledger::{FileRecord, PIECE_BYTES};
use crate::store::manifest::hex;

/// Bytes of one block of lines.
const BLOCK: usize = 2 << 20;

/// Whole items, or a piece of a file, on their way to a worker.
pub struct Block {
    pub bytes: Vec<u8>,
    /// Number and byte range of each item.
    pub items: Vec<(u64, usize, usize)>,
    pub what: What,
}

/// What is in a block.
pub enum What {
    /// JSON texts.
    Json,
    /// A piece of a file that is kept whole: number of the file in the delivery, number of the piece.
    Piece(u64, u64),
    /// Source records for a mapper.
    Records {
        mapper: Arc<dyn Mapper>,
        file: Arc<str>,
        /// Place of the block in the file's content.
        base: u64,
        /// Length of the one item, when the block holds its head alone.
        length: Option<u64>,
    },
}

/// How a file is read.
pub enum Reading {
    /// FHIR: one JSON text a line.
    Ndjson,
    /// FHIR: one JSON text.
    Json,
    /// A file of many source records.
    Records { cutter: Box<dyn Cutter>, mapper: Arc<dyn Mapper>, fate: &'static str },
    /// A file that is one source record.
    Whole(Arc<dyn Mapper>),
    /// A file that is one source record and is mapped by its first bytes.
    Head(Arc<dyn Mapper>),
    /// A file that is no source record by itself: an attachment, or of no known form.
    Kept,
    /// A container, kept so that it can be had back as it was; its members are read as files of their own.
    Container,
}

/// Bytes by which a loose document is mapped.
const HEAD_BYTES: usize = 16 << 10;

/// Reads the files one after the other and sends blocks; gives what they were made of and what was odd about them.
/// `progress` learns of bytes read from disk.
pub fn deliver(
    files: &[DeliveryFile],
    reading_of: &dyn Fn(usize) -> Reading,
    blocks: &Sender<Block>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(Vec<FileRecord>, Vec<Finding>), IngestError> {
    let mut findings = Vec::new();
    let mut next_item = 0;
    let mut records = Vec::with_capacity(files.len());
    for (number, file) in files.iter().enumerate() {
        let mut reader = Deliverer::new(file, number as u64, next_item, blocks)?;
        match reading_of(number) {
            Reading::Ndjson => reader.lines(progress)?,
            Reading::Json => reader.json(progress)?,
            Reading::Records { cutter, mapper, fate } => reader.records(cutter, &mapper, fate, progress)?,
            Reading::Whole(mapper) => reader.whole_record(&mapper, progress)?,
            Reading::Head(mapper) => reader.head_record(&mapper, progress)?,
            Reading::Kept => reader.kept("kept", 1, progress)?,
            Reading::Container => reader.kept("container", 0, progress)?,
        }
        findings.append(&mut reader.findings);
        let record = reader.finish();
        next_item += record.items;
        records.push(record);
    }
    Ok((records, findings))
}

struct Deliverer<'a> {
    file: &'a DeliveryFile,
    /// Its number in the delivery.
    number: u64,
    source: HashingReader,
    blocks: &'a Sender<Block>,
    first_item: u64,
    items: u64,
    lead: Vec<u8>,
    separators: Vec<(u64, Vec<u8>)>,
    fate: &'static str,
    /// Pieces of a file that is kept whole: how many were sent, and the one that is being filled.
    pieces: u64,
    piece: Vec<u8>,
    /// What was odd about the file as a whole.
    findings: Vec<Finding>,
}

/// Hashes the content as it is read; the packed bytes are hashed apart when there is a packing.
struct HashingReader {
    inner: Box<dyn Read + Send>,
    hash: Sha256,
    bytes: u64,
}

impl HashingReader {
    /// Fills `buffer` from `from` up to `to` bytes; gives the bytes read, fewer only at the end.
    fn fill(&mut self, buffer: &mut Vec<u8>, more: usize) -> io::Result<usize> {
        let start = buffer.len();
        buffer.resize(start + more, 0);
        let mut filled = 0;
        while filled < more {
            match self.inner.read(&mut buffer[start + filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        buffer.truncate(start + filled);
        self.hash.update(&buffer[start..]);
        self.bytes += filled as u64;
        Ok(filled)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl<'a> Deliverer<'a> {
    fn new(file: &'a DeliveryFile, number: u64, first_item: u64, blocks: &'a Sender<Block>) -> Result<Self, IngestError> {
        let source = HashingReader { inner: open(file)?, hash: Sha256::new(), bytes: 0 };
        Ok(Deliverer {
            file,
            number,
            source,
            blocks,
            first_item,
            items: 0,
            lead: vec![],
            separators: vec![],
            fate: "records",
            pieces: 0,
            piece: vec![],
            findings: vec![],
        })
    }

    fn fault(&self, what: impl std::fmt::Display) -> IngestError {
        IngestError::Delivery(format!("{}: {what}", self.file.path.display()))
    }

    fn fill(&mut self, buffer: &mut Vec<u8>, more: usize) -> Result<usize, IngestError> {
        self.source.fill(buffer, more).map_err(|e| IngestError::Delivery(format!("{}: {e}", self.file.path.display())))
    }

    fn send(&self, block: Block) -> Result<(), IngestError> {
        if block.items.is_empty() && !matches!(block.what, What::Piece(..)) {
            return Ok(());
        }
        // A closed channel means that a worker failed; its own error is the one to report.
        self.blocks.send(block).map_err(|_| IngestError::Stopped)
    }

    /// Notes the bytes between items.
    fn gap(&mut self, bytes: &[u8]) {
        if self.items == 0 {
            self.lead.extend_from_slice(bytes);
            return;
        }
        match self.separators.last_mut() {
            Some((count, same)) if same == bytes => *count += 1,
            _ => self.separators.push((1, bytes.to_vec())),
        }
    }

    fn lines(&mut self, progress: &(dyn Fn(u64) + Sync)) -> Result<(), IngestError> {
        let mut carry: Vec<u8> = Vec::new();
        // Bytes since the last item that belong to no item: line ends, blank lines, a byte-order mark.
        let mut gap: Vec<u8> = Vec::new();
        loop {
            let before = carry.len();
            let mut buffer = std::mem::take(&mut carry);
            let read = self.fill(&mut buffer, BLOCK.saturating_sub(before).max(BLOCK / 4))?;
            progress(read as u64);
            let is_last = read < BLOCK.saturating_sub(before).max(BLOCK / 4);
            let end = if is_last { buffer.len() } else { memchr::memrchr(b'\n', &buffer).map_or(0, |at| at + 1) };
            if end == 0 && !is_last {
                if buffer.len() > limits::RECORD_BYTES_MAX {
                    return Err(self.fault(format!("line {} is longer than {} bytes", self.items + 1, limits::RECORD_BYTES_MAX)));
                }
                carry = buffer;
                continue;
            }
            carry = buffer[end..].to_vec();
            buffer.truncate(end);
            let items = self.cut_lines(&buffer, &mut gap);
            self.send(Block { bytes: buffer, items, what: What::Json })?;
            if is_last {
                break;
            }
        }
        if self.items > 0 || !gap.is_empty() {
            self.gap(&gap);
        }
        Ok(())
    }

    /// The items of whole lines, trimmed; what lies between is noted.
    fn cut_lines(&mut self, buffer: &[u8], gap: &mut Vec<u8>) -> Vec<(u64, usize, usize)> {
        let mut items = Vec::new();
        let mut at = 0;
        if self.items == 0 && gap.is_empty() && buffer.starts_with(b"\xef\xbb\xbf") {
            gap.extend_from_slice(&buffer[..3]);
            at = 3;
        }
        while at < buffer.len() {
            let end = memchr::memchr(b'\n', &buffer[at..]).map_or(buffer.len(), |n| at + n + 1);
            let line = &buffer[at..end];
            let start = line.iter().position(|b| !is_space(*b));
            match start {
                None => gap.extend_from_slice(line),
                Some(start) => {
                    let stop = line.iter().rposition(|b| !is_space(*b)).map_or(start, |p| p + 1);
                    gap.extend_from_slice(&line[..start]);
                    let taken = std::mem::take(gap);
                    self.gap(&taken);
                    items.push((self.first_item + self.items, at + start, at + stop));
                    self.items += 1;
                    gap.extend_from_slice(&line[stop..]);
                }
            }
            at = end;
        }
        items
    }

    fn whole(&mut self, progress: &(dyn Fn(u64) + Sync), most: usize) -> Result<Vec<u8>, IngestError> {
        let mut bytes = Vec::new();
        loop {
            let read = self.fill(&mut bytes, BLOCK)?;
            progress(read as u64);
            if bytes.len() > most {
                return Err(self.fault(format!("larger than {most} bytes")));
            }
            if read < BLOCK {
                return Ok(bytes);
            }
        }
    }

    /// A `.json` file: one JSON text, or lines of them under a wrong name.
    fn json(&mut self, progress: &(dyn Fn(u64) + Sync)) -> Result<(), IngestError> {
        let bytes = self.whole(progress, limits::RECORD_BYTES_MAX)?;
        let lead = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let start = bytes[lead..].iter().position(|b| !is_space(*b)).map_or(bytes.len(), |p| lead + p);
        let first_line = bytes[start..].split(|b| *b == b'\n').next().unwrap_or(b"");
        let is_lines = first_line.len() < bytes.len() - start
            && bytes[start + first_line.len()..].iter().any(|b| !is_space(*b))
            && serde_json::from_slice::<serde::de::IgnoredAny>(first_line).is_ok();
        let mut gap = Vec::new();
        if is_lines {
            let items = self.cut_lines(&bytes, &mut gap);
            self.send(Block { bytes, items, what: What::Json })?;
        } else if start < bytes.len() {
            let stop = bytes.iter().rposition(|b| !is_space(*b)).map_or(start, |p| p + 1);
            self.lead = bytes[..start].to_vec();
            gap = bytes[stop..].to_vec();
            let item = (self.first_item, start, stop);
            self.items = 1;
            self.send(Block { bytes, items: vec![item], what: What::Json })?;
        } else {
            gap = bytes;
        }
        if self.items > 0 || !gap.is_empty() {
            self.gap(&gap);
        }
        Ok(())
    }

    /// Adds bytes to the pieces of a file that is kept whole.
    fn keep(&mut self, mut bytes: &[u8]) -> Result<(), IngestError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE_BYTES {
                self.send_piece()?;
            }
        }
        Ok(())
    }

    fn send_piece(&mut self) -> Result<(), IngestError> {
        let bytes = std::mem::take(&mut self.piece);
        let what = What::Piece(self.number, self.pieces);
        self.pieces += 1;
        self.send(Block { bytes, items: vec![], what })
    }

    /// Sends the last piece; an empty file has one, too.
    fn end_pieces(&mut self) -> Result<(), IngestError> {
        if self.pieces == 0 || !self.piece.is_empty() { self.send_piece() } else { Ok(()) }
    }

    /// The next bytes of the file, kept; fewer than asked for only at its end.
    fn fill_and_keep(&mut self, buffer: &mut Vec<u8>, progress: &(dyn Fn(u64) + Sync)) -> Result<usize, IngestError> {
        let before = buffer.len();
        let read = self.fill(buffer, BLOCK)?;
        progress(read as u64);
        self.keep(&buffer[before..])?;
        Ok(read)
    }

    fn source_records(&self, mapper: &Arc<dyn Mapper>, base: u64, length: Option<u64>) -> What {
        What::Records { mapper: mapper.clone(), file: self.file.name.as_str().into(), base, length }
    }

    /// A file of many source records, cut as it is read.
    fn records(
        &mut self,
        mut cutter: Box<dyn Cutter>,
        mapper: &Arc<dyn Mapper>,
        fate: &'static str,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), IngestError> {
        self.fate = fate;
        let (mut buffer, mut base, mut ranges) = (Vec::new(), 0, Vec::new());
        loop {
            let is_last = self.fill_and_keep(&mut buffer, progress)? < BLOCK;
            ranges.clear();
            let done = cutter.cut(&buffer, is_last, &mut ranges).min(buffer.len());
            if done == 0 && !is_last {
                if buffer.len() > limits::RECORD_BYTES_MAX {
                    let most = limits::RECORD_BYTES_MAX;
                    return Err(self.fault(format!("record {} is longer than {most} bytes", self.items + 1)));
                }
                continue;
            }
            let rest = buffer.split_off(done);
            let numbers = self.first_item + self.items..;
            let items: Vec<_> = numbers.zip(&ranges).map(|(number, range)| (number, range.start, range.end)).collect();
            self.items += items.len() as u64;
            let what = self.source_records(mapper, base, None);
            self.send(Block { bytes: std::mem::replace(&mut buffer, rest), items, what })?;
            base += done as u64;
            if is_last {
                self.findings.extend_from_slice(cutter.findings());
                return self.end_pieces();
            }
        }
    }

    /// A file that is one source record.
    fn whole_record(&mut self, mapper: &Arc<dyn Mapper>, progress: &(dyn Fn(u64) + Sync)) -> Result<(), IngestError> {
        self.fate = "document";
        let mut buffer = Vec::new();
        while self.fill_and_keep(&mut buffer, progress)? == BLOCK {
            if buffer.len() > limits::RECORD_BYTES_MAX {
                return Err(self.fault(format!("larger than {} bytes", limits::RECORD_BYTES_MAX)));
            }
        }
        self.one_item(buffer, mapper, None)
    }

    /// A file that is one source record and is mapped by its first bytes; its size is not bounded.
    fn head_record(&mut self, mapper: &Arc<dyn Mapper>, progress: &(dyn Fn(u64) + Sync)) -> Result<(), IngestError> {
        self.fate = "document";
        let head = self.keep_all(progress)?;
        let length = self.source.bytes;
        self.one_item(head, mapper, Some(length))
    }

    fn one_item(&mut self, bytes: Vec<u8>, mapper: &Arc<dyn Mapper>, length: Option<u64>) -> Result<(), IngestError> {
        self.items = 1;
        let items = vec![(self.first_item, 0, bytes.len())];
        let what = self.source_records(mapper, 0, length);
        self.send(Block { bytes, items, what })?;
        self.end_pieces()
    }

    /// A file that is no source record by itself.
    fn kept(&mut self, fate: &'static str, items: u64, progress: &(dyn Fn(u64) + Sync)) -> Result<(), IngestError> {
        self.fate = fate;
        self.items = items;
        self.keep_all(progress)?;
        self.end_pieces()
    }

    /// Keeps the whole content; gives its first bytes.
    fn keep_all(&mut self, progress: &(dyn Fn(u64) + Sync)) -> Result<Vec<u8>, IngestError> {
        let (mut head, mut buffer) = (Vec::new(), Vec::new());
        loop {
            buffer.clear();
            let read = self.fill_and_keep(&mut buffer, progress)?;
            if head.is_empty() {
                head = buffer[..buffer.len().min(HEAD_BYTES)].to_vec();
            }
            if read < BLOCK {
                return Ok(head);
            }
        }
    }

    fn finish(self) -> FileRecord {
        let content_sha256 = hex(&self.source.hash.finalize());
        let (bytes, sha256) = match self.file.packing {
            Packing::Plain => (self.source.bytes, content_sha256.clone()),
            // The packed file is small beside its content; it is hashed by itself.
            _ => hash_file(&self.file.path).unwrap_or((self.file.bytes, String::new())),
        };
        FileRecord {
            name: self.file.name.clone(),
            bytes,
            sha256,
            packing: self.file.packing.name().into(),
            content_bytes: self.source.bytes,
            content_sha256,
            fate: self.fate.into(),
            first_item: self.first_item,
            items: self.items,
            lead: BASE64.encode(&self.lead),
            separators: self.separators.iter().map(|(count, bytes)| (*count, BASE64.encode(bytes))).collect(),
            document: None,
            pieces: self.pieces,
        }
    }
}

/// Size and SHA-256 of a file as it lies on disk.
pub fn hash_file(path: &std::path::Path) -> io::Result<(u64, String)> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut total = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((total, hex(&hash.finalize()))),
            count => {
                hash.update(&buffer[..count]);
                total += count as u64;
            }
        }
    }
}
