//! A framed file: compressed frames one after the other, then a footer that says where each lies, how much it holds
//! and what its SHA-256 is. One read of the end opens it; one read more fetches a frame.
//!
//! Layout: `CKFRAME1`, frames (zstd bytes, then side bytes that are stored as they are), footer (zstd), then a trailer
//! of 48 bytes: footer length and unpacked footer length (u32 LE each), SHA-256 of the footer (32), `CKFOOTR1`.
//!
//! Not for: what is in a frame (`codec`, `documents`).

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::DecoderDictionary;

use super::StoreError;
use super::codec::wire::{Cursor, put_varint};
use crate::durable::{FileDigest, NewFile};
use crate::limits;

const HEAD: &[u8; 8] = b"CKFRAME1";
const TAIL: &[u8; 8] = b"CKFOOTR1";
const TRAILER: usize = 48;

/// What the footer knows of one frame.
#[derive(Clone, Debug)]
pub struct FrameMeta {
    pub offset: u64,
    pub packed_len: u32,
    pub side_len: u32,
    pub raw_len: u32,
    /// Number of the first item in the frame, counted through the file.
    pub first_item: u64,
    pub items: u32,
    /// A number of the writer's own: for charts the first document number of the frame.
    pub base: u64,
    pub sha256: [u8; 32],
}

/// Writes a framed file.
pub struct FramedWriter {
    file: NewFile,
    compressor: Compressor<'static>,
    frames: Vec<FrameMeta>,
    offset: u64,
    items: u64,
}

impl FramedWriter {
    pub fn create(path: &Path, level: i32, dictionary: Option<&[u8]>) -> Result<FramedWriter, StoreError> {
        let mut file = NewFile::create(path)?;
        file.write_all(HEAD).map_err(StoreError::write(path))?;
        let mut compressor = match dictionary {
            Some(bytes) => Compressor::with_dictionary(level, bytes),
            None => Compressor::new(level),
        }
        .map_err(StoreError::write(path))?;
        compressor.include_dictid(false).map_err(StoreError::write(path))?;
        Ok(FramedWriter { file, compressor, frames: Vec::new(), offset: HEAD.len() as u64, items: 0 })
    }

    /// How many frames and items have been written.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    pub fn items(&self) -> u64 {
        self.items
    }

    pub fn push(&mut self, raw: &[u8], side: &[u8], items: u32, base: u64, path: &Path) -> Result<(), StoreError> {
        let packed = self.compressor.compress(raw).map_err(StoreError::write(path))?;
        let mut hash = Sha256::new();
        hash.update(&packed);
        hash.update(side);
        self.file.write_all(&packed).map_err(StoreError::write(path))?;
        self.file.write_all(side).map_err(StoreError::write(path))?;
        self.frames.push(FrameMeta {
            offset: self.offset,
            packed_len: packed.len() as u32,
            side_len: side.len() as u32,
            raw_len: raw.len() as u32,
            first_item: self.items,
            items,
            base,
            sha256: hash.finalize().into(),
        });
        self.offset += (packed.len() + side.len()) as u64;
        self.items += u64::from(items);
        Ok(())
    }

    /// Writes the footer and publishes the file.
    pub fn finish(mut self, path: &Path) -> Result<FileDigest, StoreError> {
        let mut plain = Vec::with_capacity(self.frames.len() * 48 + 8);
        put_varint(&mut plain, self.frames.len() as u64);
        for frame in &self.frames {
            for number in [
                u64::from(frame.packed_len),
                u64::from(frame.side_len),
                u64::from(frame.raw_len),
                u64::from(frame.items),
                frame.base,
            ] {
                put_varint(&mut plain, number);
            }
        }
        for frame in &self.frames {
            plain.extend_from_slice(&frame.sha256);
        }
        let footer = zstd::bulk::compress(&plain, 3).map_err(StoreError::write(path))?;
        let mut trailer = Vec::with_capacity(TRAILER);
        trailer.extend_from_slice(&(footer.len() as u32).to_le_bytes());
        trailer.extend_from_slice(&(plain.len() as u32).to_le_bytes());
        trailer.extend_from_slice(&Sha256::digest(&footer));
        trailer.extend_from_slice(TAIL);
        self.file.write_all(&footer).map_err(StoreError::write(path))?;
        self.file.write_all(&trailer).map_err(StoreError::write(path))?;
        Ok(self.file.finish()?)
    }
}

/// An open framed file. Cheap to clone.
#[derive(Clone)]
pub struct Framed {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    file: File,
    frames: Vec<FrameMeta>,
    dictionary: Option<Arc<DecoderDictionary<'static>>>,
}

impl Framed {
    pub fn open(path: &Path, dictionary: Option<Arc<DecoderDictionary<'static>>>) -> Result<Framed, StoreError> {
        let damaged = |offset: u64, what: &str| StoreError::damaged(path, offset, what);
        let file = File::open(path).map_err(StoreError::read(path))?;
        let size = file.metadata().map_err(StoreError::read(path))?.len();
        if size < (HEAD.len() + TRAILER) as u64 {
            return Err(damaged(0, "too short for a framed file"));
        }
        let mut head = [0u8; 8];
        file.read_exact_at(&mut head, 0).map_err(StoreError::read(path))?;
        let mut trailer = [0u8; TRAILER];
        file.read_exact_at(&mut trailer, size - TRAILER as u64).map_err(StoreError::read(path))?;
        if &head != HEAD || &trailer[40..] != TAIL {
            return Err(damaged(0, "not a framed file of this version"));
        }
        let footer_len = u64::from(u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]));
        let plain_len = u32::from_le_bytes([trailer[4], trailer[5], trailer[6], trailer[7]]) as usize;
        let footer_at = (size - TRAILER as u64)
            .checked_sub(footer_len)
            .filter(|at| *at >= 8)
            .ok_or_else(|| damaged(size - 48, "footer length"))?;
        let mut footer = vec![0u8; footer_len as usize];
        file.read_exact_at(&mut footer, footer_at).map_err(StoreError::read(path))?;
        if Sha256::digest(&footer).as_slice() != &trailer[8..40] {
            return Err(damaged(footer_at, "the footer's digest does not match"));
        }
        if plain_len > limits::FRAME_PAYLOAD_MAX {
            return Err(damaged(footer_at, "footer out of bounds"));
        }
        let plain = zstd::bulk::decompress(&footer, plain_len).map_err(|_| damaged(footer_at, "footer cannot be unpacked"))?;
        let frames = read_footer(&plain).map_err(|_| damaged(footer_at, "footer cannot be read"))?;
        let end = frames.last().map_or(8, |f| f.offset + u64::from(f.packed_len) + u64::from(f.side_len));
        if end != footer_at {
            return Err(damaged(footer_at, "frames and footer do not meet"));
        }
        Ok(Framed { inner: Arc::new(Inner { path: path.to_path_buf(), file, frames, dictionary }) })
    }

    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    pub fn frames(&self) -> &[FrameMeta] {
        &self.inner.frames
    }

    pub fn items(&self) -> u64 {
        self.inner.frames.last().map_or(0, |f| f.first_item + u64::from(f.items))
    }

    /// The frame that holds an item.
    pub fn frame_of(&self, item: u64) -> Option<usize> {
        let frames = &self.inner.frames;
        let at = frames.partition_point(|f| f.first_item <= item).checked_sub(1)?;
        (item < frames[at].first_item + u64::from(frames[at].items)).then_some(at)
    }

    /// Compares every frame with its digest; gives the offset of the first that differs.
    pub fn first_bad_frame(&self) -> Option<u64> {
        let bytes_of = |meta: &FrameMeta| {
            let mut bytes = vec![0u8; meta.packed_len as usize + meta.side_len as usize];
            self.inner.file.read_exact_at(&mut bytes, meta.offset).ok().map(|()| bytes)
        };
        let is_bad = |meta: &&FrameMeta| bytes_of(meta).is_none_or(|b| Sha256::digest(&b).as_slice() != meta.sha256);
        self.inner.frames.iter().find(is_bad).map(|meta| meta.offset)
    }

    /// A frame's raw bytes and its side bytes. `check` compares the digest too.
    pub fn read(&self, frame: usize, check: bool) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        let path = &self.inner.path;
        let meta = self.inner.frames.get(frame).ok_or_else(|| StoreError::damaged(path, 0, "no such frame"))?;
        let mut bytes = vec![0u8; meta.packed_len as usize + meta.side_len as usize];
        self.inner.file.read_exact_at(&mut bytes, meta.offset).map_err(StoreError::read(path))?;
        if check && Sha256::digest(&bytes).as_slice() != meta.sha256 {
            return Err(StoreError::damaged(path, meta.offset, "the frame's digest does not match"));
        }
        let side = bytes.split_off(meta.packed_len as usize);
        if meta.raw_len as usize > limits::FRAME_PAYLOAD_MAX {
            return Err(StoreError::damaged(path, meta.offset, "frame out of bounds"));
        }
        let mut raw = Vec::with_capacity(meta.raw_len as usize);
        match &self.inner.dictionary {
            Some(dictionary) => {
                Decompressor::with_prepared_dictionary(dictionary).and_then(|mut d| d.decompress_to_buffer(&bytes, &mut raw))
            }
            None => Decompressor::new().and_then(|mut d| d.decompress_to_buffer(&bytes, &mut raw)),
        }
        .map_err(|_| StoreError::damaged(path, meta.offset, "the frame cannot be unpacked"))?;
        if raw.len() != meta.raw_len as usize {
            return Err(StoreError::damaged(path, meta.offset, "the frame has another length"));
        }
        Ok((raw, side))
    }
}

fn read_footer(plain: &[u8]) -> Result<Vec<FrameMeta>, super::codec::CodecError> {
    let mut cursor = Cursor::new(plain);
    let count = cursor.count(plain.len())?;
    let mut frames = Vec::with_capacity(count);
    let (mut offset, mut first_item) = (8u64, 0u64);
    for _ in 0..count {
        let mut small = || cursor.varint().and_then(|v| u32::try_from(v).map_err(|_| super::codec::CodecError("out of bounds")));
        let (packed_len, side_len, raw_len, items) = (small()?, small()?, small()?, small()?);
        let base = cursor.varint()?;
        frames.push(FrameMeta { offset, packed_len, side_len, raw_len, first_item, items, base, sha256: [0; 32] });
        offset += u64::from(packed_len) + u64::from(side_len);
        first_item += u64::from(items);
    }
    for frame in &mut frames {
        frame.sha256.copy_from_slice(cursor.slice(32)?);
    }
    if cursor.at != plain.len() {
        return Err(super::codec::CodecError("bytes after the end"));
    }
    Ok(frames)
}
