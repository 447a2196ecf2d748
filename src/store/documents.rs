//! Document packs: attachments and kept originals, several to a frame.
//!
//! A frame's raw bytes are the number of documents, their lengths (varints), then their bytes.
//!
//! Not for: what a document is (its record says that), or extracting text (`formats`).

use std::path::{Path, PathBuf};

use super::StoreError;
use super::codec::wire::{Cursor, put_varint};
use super::framed::{Framed, FramedWriter};
use crate::durable::FileDigest;
use crate::limits;

/// Gathers documents into frames.
pub struct PackWriter {
    path: PathBuf,
    framed: FramedWriter,
    lengths: Vec<u8>,
    bytes: Vec<u8>,
    held: u32,
    total: u64,
}

impl PackWriter {
    pub fn create(path: &Path, level: i32, dictionary: Option<&[u8]>) -> Result<PackWriter, StoreError> {
        Ok(PackWriter {
            path: path.to_path_buf(),
            framed: FramedWriter::create(path, level, dictionary)?,
            lengths: Vec::new(),
            bytes: Vec::new(),
            held: 0,
            total: 0,
        })
    }

    /// Adds a document and gives its number in this pack.
    pub fn push(&mut self, document: &[u8]) -> Result<u64, StoreError> {
        if self.held > 0 && self.bytes.len() + document.len() > limits::PACK_RAW_MAX {
            self.flush()?;
        }
        put_varint(&mut self.lengths, document.len() as u64);
        self.bytes.extend_from_slice(document);
        self.held += 1;
        self.total += 1;
        Ok(self.total - 1)
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.held == 0 {
            return Ok(());
        }
        let mut raw = Vec::with_capacity(self.bytes.len() + self.lengths.len() + 5);
        put_varint(&mut raw, u64::from(self.held));
        raw.append(&mut self.lengths);
        raw.append(&mut self.bytes);
        self.framed.push(&raw, &[], self.held, 0, &self.path)?;
        self.held = 0;
        Ok(())
    }

    pub fn finish(mut self) -> Result<FileDigest, StoreError> {
        self.flush()?;
        self.framed.finish(&self.path)
    }
}

/// The documents of one frame.
pub struct PackFrame {
    raw: Vec<u8>,
    spans: Vec<(usize, usize)>,
}

impl PackFrame {
    /// Opens frame `frame` of a pack.
    pub fn read(pack: &Framed, frame: usize, check: bool) -> Result<PackFrame, StoreError> {
        let offset = pack.frames().get(frame).map_or(0, |f| f.offset);
        let (raw, _) = pack.read(frame, check)?;
        let spans = spans(&raw).map_err(|_| StoreError::damaged(pack.path(), offset, "a document frame cannot be read"))?;
        Ok(PackFrame { raw, spans })
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let (start, end) = *self.spans.get(index)?;
        Some(&self.raw[start..end])
    }
}

/// One document of a pack by its number; its bytes are held against their digest.
pub fn read_document(pack: &Framed, number: u64) -> Result<Vec<u8>, StoreError> {
    let missing = || StoreError::damaged(pack.path(), 0, "no such document");
    let frame = pack.frame_of(number).ok_or_else(missing)?;
    let first = pack.frames()[frame].first_item;
    let opened = PackFrame::read(pack, frame, true)?;
    opened.get((number - first) as usize).map(<[u8]>::to_vec).ok_or_else(missing)
}

fn spans(raw: &[u8]) -> Result<Vec<(usize, usize)>, super::codec::CodecError> {
    let mut cursor = Cursor::new(raw);
    let count = cursor.count(raw.len())?;
    let lengths = (0..count).map(|_| cursor.count(raw.len())).collect::<Result<Vec<_>, _>>()?;
    let spans = lengths.into_iter().map(|length| cursor.take(length).map(|r| (r.start, r.end))).collect::<Result<Vec<_>, _>>()?;
    if cursor.at == raw.len() { Ok(spans) } else { Err(super::codec::CodecError("bytes after the end")) }
}
