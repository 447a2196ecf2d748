//! The temporary files between spreading and gathering: records as shape number and leaves, in buckets by patient.
//!
//! Not for: anything that outlives one run.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::store::StoreError;
use crate::store::codec::CodecError;
use crate::store::codec::wire::{Cursor, put_bytes, put_varint};

/// Bytes that a worker gathers for one bucket before it writes them.
const FLUSH_BYTES: usize = 96 << 10;

/// One record as it lies in a bucket.
#[derive(Clone, Debug)]
pub struct Spilled<'a> {
    /// Place in the delivery: item number << 24 | entry (0 for a line or file by itself, else 1-based).
    pub key: u64,
    pub shape: u32,
    /// Made of a mapped source record, not delivered as it is.
    pub derived: bool,
    pub label: u32,
    /// Microseconds; `i64::MIN` without a date.
    pub date: i64,
    /// Key of the compartment; empty without a patient.
    pub patient: &'a str,
    /// Further patients that it names.
    pub also: Vec<&'a str>,
    /// The leaves: count, then length and bytes of each.
    pub leaves: &'a [u8],
}

/// What is kept whole instead of becoming a record, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    Quarantined,
    Excluded,
    /// The text of a Bundle around its resources, with a 0 byte in each one's place.
    Envelope,
    /// A piece of a file that is kept whole; its key is file << 24 | piece.
    Piece,
}

impl Kept {
    const ALL: [Kept; 4] = [Kept::Quarantined, Kept::Excluded, Kept::Envelope, Kept::Piece];
}

/// All buckets of a run.
pub struct Buckets {
    files: Vec<Mutex<File>>,
    paths: Vec<PathBuf>,
}

impl Buckets {
    pub fn create(dir: &Path, count: usize) -> Result<Buckets, StoreError> {
        let paths: Vec<PathBuf> = (0..count).map(|i| dir.join(format!("b{i:04}"))).collect();
        let files = paths.iter().map(|p| File::create_new(p).map(Mutex::new).map_err(StoreError::write(p)));
        Ok(Buckets { files: files.collect::<Result<_, _>>()?, paths })
    }

    pub fn path(&self, bucket: usize) -> &Path {
        &self.paths[bucket]
    }

    pub fn len(&self) -> usize {
        self.paths.len()
    }
}

/// One worker's end of the buckets.
pub struct BucketWriter<'a> {
    buckets: &'a Buckets,
    held: Vec<Vec<u8>>,
}

impl<'a> BucketWriter<'a> {
    pub fn new(buckets: &'a Buckets) -> Self {
        BucketWriter { buckets, held: vec![Vec::new(); buckets.len()] }
    }

    pub fn put(&mut self, bucket: usize, record: &Spilled<'_>) -> Result<(), StoreError> {
        let out = &mut self.held[bucket];
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&record.key.to_le_bytes());
        out.extend_from_slice(&record.shape.to_le_bytes());
        out.push(u8::from(record.derived));
        out.extend_from_slice(&record.label.to_le_bytes());
        out.extend_from_slice(&record.date.to_le_bytes());
        put_bytes(out, record.patient.as_bytes());
        put_varint(out, record.also.len() as u64);
        for key in &record.also {
            put_bytes(out, key.as_bytes());
        }
        out.extend_from_slice(record.leaves);
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        if out.len() >= FLUSH_BYTES { self.flush(bucket) } else { Ok(()) }
    }

    /// Kept items share one bucket: length, key, what, length of the reason, reason, bytes.
    pub fn keep(
        &mut self,
        bucket: usize,
        key: u64,
        kept: Kept,
        reason: &str,
        kind: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let out = &mut self.held[bucket];
        let mut head = key.to_le_bytes().to_vec();
        head.push(kept as u8);
        put_bytes(&mut head, reason.as_bytes());
        put_bytes(&mut head, kind.as_bytes());
        out.extend_from_slice(&((head.len() + bytes.len()) as u32).to_le_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(bytes);
        if out.len() >= FLUSH_BYTES { self.flush(bucket) } else { Ok(()) }
    }

    /// Lines of a bucket that holds no records.
    pub fn line(&mut self, bucket: usize, line: &[u8]) -> Result<(), StoreError> {
        let out = &mut self.held[bucket];
        out.extend_from_slice(line);
        if out.len() >= FLUSH_BYTES { self.flush(bucket) } else { Ok(()) }
    }

    fn flush(&mut self, bucket: usize) -> Result<(), StoreError> {
        let path = self.buckets.path(bucket);
        let mut file = self.buckets.files[bucket].lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&self.held[bucket]).map_err(StoreError::write(path))?;
        self.held[bucket].clear();
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), StoreError> {
        for bucket in 0..self.held.len() {
            if !self.held[bucket].is_empty() {
                self.flush(bucket)?;
            }
        }
        Ok(())
    }
}

/// Reads a whole bucket; empties it on disk once read.
pub fn load(path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut f| f.read_to_end(&mut bytes)).map_err(StoreError::read(path))?;
    Ok(bytes)
}

/// The byte range of each entry of a bucket.
pub fn entries(bytes: &[u8]) -> Result<Vec<(usize, usize)>, CodecError> {
    let mut at = 0;
    let mut out = Vec::new();
    while at < bytes.len() {
        let head = bytes.get(at..at + 4).ok_or(CodecError("cut short"))?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = at + 4 + length;
        if end > bytes.len() {
            return Err(CodecError("cut short"));
        }
        out.push((at + 4, end));
        at = end;
    }
    Ok(out)
}

fn u32_at(cursor: &mut Cursor<'_>) -> Result<u32, CodecError> {
    let bytes = cursor.slice(4)?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn u64_at(cursor: &mut Cursor<'_>) -> Result<u64, CodecError> {
    let bytes = cursor.slice(8)?;
    let mut out = [0; 8];
    out.copy_from_slice(bytes);
    Ok(u64::from_le_bytes(out))
}

fn text<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, CodecError> {
    let length = cursor.count(cursor.bytes.len())?;
    std::str::from_utf8(cursor.slice(length)?).map_err(|_| CodecError("not text"))
}

/// Reads one record of a bucket.
pub fn read_record(bytes: &[u8]) -> Result<Spilled<'_>, CodecError> {
    let mut cursor = Cursor::new(bytes);
    let key = u64_at(&mut cursor)?;
    let shape = u32_at(&mut cursor)?;
    let derived = cursor.byte()? != 0;
    let label = u32_at(&mut cursor)?;
    let date = u64_at(&mut cursor)? as i64;
    let patient = text(&mut cursor)?;
    let also = (0..cursor.count(bytes.len())?).map(|_| text(&mut cursor)).collect::<Result<_, _>>()?;
    Ok(Spilled { key, shape, derived, label, date, patient, also, leaves: &bytes[cursor.at..] })
}

/// One kept item.
pub struct KeptItem {
    pub key: u64,
    pub kept: Kept,
    pub reason: String,
    pub kind: String,
    pub bytes: Vec<u8>,
}

/// The kept items of a run, in order, read one at a time: together they may be far larger than memory.
pub struct KeptBucket {
    file: File,
    path: PathBuf,
    /// What, key, place and length in the file; pieces of files first.
    order: Vec<(bool, u64, u64, u32)>,
}

/// Bytes before the reason of a kept item: key and what.
const KEPT_HEAD: usize = 9;

impl KeptBucket {
    pub fn open(path: &Path) -> Result<KeptBucket, StoreError> {
        let mut file = File::open(path).map_err(StoreError::read(path))?;
        let of = file.metadata().map_err(StoreError::read(path))?.len();
        let mut order = Vec::new();
        let mut at = 0;
        let mut head = [0; 4 + KEPT_HEAD];
        while at < of {
            file.read_exact_at(&mut head, at).map_err(StoreError::read(path))?;
            let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            let mut key = [0; 8];
            key.copy_from_slice(&head[4..12]);
            let is_piece = head[12] == Kept::Piece as u8;
            order.push((!is_piece, u64::from_le_bytes(key), at + 4, length));
            at += 4 + u64::from(length);
        }
        order.sort_unstable();
        file.rewind().map_err(StoreError::read(path))?;
        Ok(KeptBucket { file, path: path.to_path_buf(), order })
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn read(&self, index: usize) -> Result<KeptItem, StoreError> {
        let (_, _, at, length) = self.order[index];
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, at).map_err(StoreError::read(&self.path))?;
        let mut cursor = Cursor::new(&bytes);
        let damaged = |e: CodecError| StoreError::damaged(&self.path, at, e.0);
        let mut parse = || -> Result<(u64, Kept, String, String), CodecError> {
            let key = u64_at(&mut cursor)?;
            let kept = *Kept::ALL.get(usize::from(cursor.byte()?)).ok_or(CodecError("an unknown fate"))?;
            Ok((key, kept, text(&mut cursor)?.to_string(), text(&mut cursor)?.to_string()))
        };
        let (key, kept, reason, kind) = parse().map_err(damaged)?;
        let start = cursor.at;
        bytes.drain(..start);
        Ok(KeptItem { key, kept, reason, kind, bytes })
    }
}

/// The leaves of a record as slices.
pub fn leaf_slices<'a>(leaves: &'a [u8], out: &mut Vec<&'a [u8]>) -> Result<(), CodecError> {
    out.clear();
    let mut cursor = Cursor::new(leaves);
    for _ in 0..cursor.count(leaves.len())? {
        let length = cursor.count(leaves.len())?;
        out.push(cursor.slice(length)?);
    }
    Ok(())
}
