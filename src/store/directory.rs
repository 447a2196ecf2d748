//! The patient directory of an accession: for each patient key where its chart lies, what it holds by kind, and which
//! records of other compartments name it too.
//!
//! A framed file; patients are ordered by the hash of their key, which is their order in the charts, and each frame's
//! base is the hash of its first patient. Opening it costs the footer only, so five million patients cost no memory.
//!
//! Not for: who a patient is (the `Patient` record says that).

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::codec::CodecError;
use super::codec::wire::{Cursor, put_bytes, put_varint};
use super::framed::{Framed, FramedWriter};
use super::locator::name_hash;
use crate::durable::FileDigest;
use crate::model::Kind;

/// Patients in one frame.
const FRAME_PATIENTS: usize = 64;

/// Records of one kind in a compartment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindRun {
    pub kind: Kind,
    pub count: u64,
}

/// One patient of one accession.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PatientEntry {
    pub key: String,
    /// Ordinal of the first record; the others follow without a gap, by kind and date.
    pub first: u64,
    pub runs: Vec<KindRun>,
    /// First and last clinical day of its records, the Patient's own left out, counted from 1970-01-01.
    pub days: Option<(i32, i32)>,
    /// Ordinals of records that lie in another compartment and name this patient.
    pub also: Vec<u64>,
}

impl PatientEntry {
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|r| r.count).sum()
    }

    /// The ordinals of its own records.
    pub fn ordinals(&self) -> Range<u64> {
        self.first..self.first + self.count()
    }

    /// The runs by kind, each with its ordinals.
    pub fn by_kind(&self) -> impl Iterator<Item = (Kind, Range<u64>)> {
        let mut start = self.first;
        self.runs.iter().map(move |run| {
            let range = start..start + run.count;
            start = range.end;
            (run.kind, range)
        })
    }
}

/// The order of patients in charts and directory.
pub fn patient_hash(key: &str) -> u64 {
    name_hash("Patient", key.as_bytes())
}

/// Writes the directory; patients must come in the order of [`patient_hash`], then key.
pub struct DirectoryWriter {
    path: PathBuf,
    framed: FramedWriter,
    raw: Vec<u8>,
    held: u32,
    first_hash: u64,
}

impl DirectoryWriter {
    pub fn create(path: &Path) -> Result<DirectoryWriter, StoreError> {
        let framed = FramedWriter::create(path, 3, None)?;
        Ok(DirectoryWriter { path: path.to_path_buf(), framed, raw: Vec::new(), held: 0, first_hash: 0 })
    }

    pub fn push(&mut self, entry: &PatientEntry) -> Result<(), StoreError> {
        if self.held == 0 {
            self.first_hash = patient_hash(&entry.key);
        }
        put_bytes(&mut self.raw, entry.key.as_bytes());
        put_varint(&mut self.raw, entry.first);
        put_varint(&mut self.raw, entry.runs.len() as u64);
        for run in &entry.runs {
            put_varint(&mut self.raw, u64::from(run.kind.number()));
            put_varint(&mut self.raw, run.count);
        }
        match entry.days {
            None => self.raw.push(0),
            Some((from, to)) => {
                self.raw.push(1);
                self.raw.extend_from_slice(&from.to_le_bytes());
                self.raw.extend_from_slice(&to.to_le_bytes());
            }
        }
        put_varint(&mut self.raw, entry.also.len() as u64);
        for ordinal in &entry.also {
            put_varint(&mut self.raw, *ordinal);
        }
        self.held += 1;
        if self.held as usize == FRAME_PATIENTS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.held > 0 {
            self.framed.push(&self.raw, &[], self.held, self.first_hash, &self.path)?;
            self.raw.clear();
            self.held = 0;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<FileDigest, StoreError> {
        self.flush()?;
        self.framed.finish(&self.path)
    }
}

/// Writes a directory again at another zstd level, entry for entry.
pub fn recompress(directory: &Directory, path: &Path, level: i32) -> Result<FileDigest, StoreError> {
    let mut framed = FramedWriter::create(path, level, None)?;
    for (number, meta) in directory.framed.frames().iter().enumerate() {
        let (raw, side) = directory.framed.read(number, true)?;
        framed.push(&raw, &side, meta.items, meta.base, path)?;
    }
    framed.finish(path)
}

/// An open directory.
#[derive(Clone)]
pub struct Directory {
    framed: Framed,
}

impl Directory {
    pub fn open(path: &Path) -> Result<Directory, StoreError> {
        Ok(Directory { framed: Framed::open(path, None)? })
    }

    pub fn len(&self) -> u64 {
        self.framed.items()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn find(&self, key: &str) -> Result<Option<PatientEntry>, StoreError> {
        Ok(self.page_of(key)?.into_iter().find(|e| e.key == key))
    }

    /// The patients of the frame that holds a key: for a walk in the order of charts, most neighbours are among them.
    /// Empty when the key is not here.
    pub fn page_of(&self, key: &str) -> Result<Vec<PatientEntry>, StoreError> {
        let hash = patient_hash(key);
        let frames = self.framed.frames();
        // Frames begin at ascending hashes; equal hashes may straddle two frames.
        let end = frames.partition_point(|f| f.base <= hash);
        let start = frames.partition_point(|f| f.base < hash).saturating_sub(1);
        for frame in start..end {
            let page = self.frame(frame, false)?;
            if page.iter().any(|e| e.key == key) {
                return Ok(page);
            }
        }
        Ok(Vec::new())
    }

    pub fn frames(&self) -> usize {
        self.framed.frames().len()
    }

    /// Byte offset of a frame.
    pub fn offset(&self, frame: usize) -> Option<u64> {
        self.framed.frames().get(frame).map(|f| f.offset)
    }

    /// Hash of a frame's first patient, as its footer says.
    pub fn base(&self, frame: usize) -> Option<u64> {
        self.framed.frames().get(frame).map(|f| f.base)
    }

    /// The patients of one frame.
    pub fn frame(&self, frame: usize, check: bool) -> Result<Vec<PatientEntry>, StoreError> {
        let (raw, _) = self.framed.read(frame, check)?;
        let offset = self.framed.frames()[frame].offset;
        read_entries(&raw).map_err(|_| StoreError::damaged(self.framed.path(), offset, "a directory frame cannot be read"))
    }
}

fn read_entries(raw: &[u8]) -> Result<Vec<PatientEntry>, CodecError> {
    let mut cursor = Cursor::new(raw);
    let mut entries = Vec::new();
    while cursor.at < raw.len() {
        let length = cursor.count(raw.len())?;
        let key = std::str::from_utf8(cursor.slice(length)?).map_err(|_| CodecError("a key is not text"))?.to_string();
        let first = cursor.varint()?;
        let mut runs = Vec::new();
        for _ in 0..cursor.count(1000)? {
            let number = u16::try_from(cursor.varint()?).map_err(|_| CodecError("a kind is out of bounds"))?;
            let kind = Kind::from_number(number).ok_or(CodecError("an unknown kind"))?;
            runs.push(KindRun { kind, count: cursor.varint()? });
        }
        let days = match cursor.byte()? {
            0 => None,
            1 => {
                let bytes = cursor.slice(8)?;
                let day = |at: usize| i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
                Some((day(0), day(4)))
            }
            _ => return Err(CodecError("an unknown mark")),
        };
        let also = (0..cursor.count(raw.len())?).map(|_| cursor.varint()).collect::<Result<_, _>>()?;
        entries.push(PatientEntry { key, first, runs, days, also });
    }
    Ok(entries)
}
