//! Reading a delivery: files into blocks of whole items, with everything noted that rebuilding the files needs.
//!
//! Not for: what an item says (`spread`).

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossbeam_channel::Sender;
use sha2::{Digest, Sha256};

use super::IngestError;
use crate::limits;
use crate::sources::{DeliveryFile, FileKind, Packing, open};
use crate::store::ledger::FileRecord;
use crate::store::manifest::hex;

/// Bytes of one block of lines.
const BLOCK: usize = 2 << 20;

/// Whole items on their way to a worker.
pub struct Block {
    pub bytes: Vec<u8>,
    /// Number and byte range of each item.
    pub items: Vec<(u64, usize, usize)>,
    pub is_json: bool,
}

/// Reads the files one after the other and sends blocks. `progress` learns of bytes read from disk.
pub fn deliver(
    files: &[DeliveryFile],
    blocks: &Sender<Block>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<FileRecord>, IngestError> {
    let mut next_item = 0;
    let mut records = Vec::with_capacity(files.len());
    for file in files {
        let mut reader = Deliverer::new(file, next_item, blocks)?;
        match file.kind {
            FileKind::Ndjson => reader.lines(progress)?,
            FileKind::Json => reader.json(progress)?,
            FileKind::Other => reader.other(progress)?,
        }
        let record = reader.finish();
        next_item += record.items;
        records.push(record);
    }
    Ok(records)
}

struct Deliverer<'a> {
    file: &'a DeliveryFile,
    source: HashingReader,
    blocks: &'a Sender<Block>,
    first_item: u64,
    items: u64,
    lead: Vec<u8>,
    separators: Vec<(u64, Vec<u8>)>,
    fate: &'static str,
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
    fn new(file: &'a DeliveryFile, first_item: u64, blocks: &'a Sender<Block>) -> Result<Self, IngestError> {
        let source = HashingReader { inner: open(file)?, hash: Sha256::new(), bytes: 0 };
        Ok(Deliverer { file, source, blocks, first_item, items: 0, lead: vec![], separators: vec![], fate: "records" })
    }

    fn fault(&self, what: impl std::fmt::Display) -> IngestError {
        IngestError::Delivery(format!("{}: {what}", self.file.path.display()))
    }

    fn fill(&mut self, buffer: &mut Vec<u8>, more: usize) -> Result<usize, IngestError> {
        self.source.fill(buffer, more).map_err(|e| IngestError::Delivery(format!("{}: {e}", self.file.path.display())))
    }

    fn send(&self, block: Block) -> Result<(), IngestError> {
        if block.items.is_empty() {
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
            self.send(Block { bytes: buffer, items, is_json: true })?;
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
            self.send(Block { bytes, items, is_json: true })?;
        } else if start < bytes.len() {
            let stop = bytes.iter().rposition(|b| !is_space(*b)).map_or(start, |p| p + 1);
            self.lead = bytes[..start].to_vec();
            gap = bytes[stop..].to_vec();
            let item = (self.first_item, start, stop);
            self.items = 1;
            self.send(Block { bytes, items: vec![item], is_json: true })?;
        } else {
            gap = bytes;
        }
        if self.items > 0 || !gap.is_empty() {
            self.gap(&gap);
        }
        Ok(())
    }

    fn other(&mut self, progress: &(dyn Fn(u64) + Sync)) -> Result<(), IngestError> {
        let bytes = self.whole(progress, limits::FRAME_PAYLOAD_MAX / 2)?;
        self.fate = "kept";
        self.items = 1;
        let items = vec![(self.first_item, 0, bytes.len())];
        self.send(Block { bytes, items, is_json: false })
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
