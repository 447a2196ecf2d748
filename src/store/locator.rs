//! The locator: which chart frames may hold a record of a given name, in about five bytes a record.
//!
//! A name is `Type/archive-id`, or an alias such as `Practitioner?identifier=system|value`. Its 64-bit hash picks a
//! bucket by its leading bits; an entry is 16 further bits and the frame number (24 bits, counted through all parts).
//! A hit is a candidate: the caller looks into the frame.
//!
//! File: `CKLOCAT1`, count u64, bucket bits u8, 7 zero bytes, bucket starts (u32 LE, one more than buckets), entries.
//!
//! Not for: finding patients or text (`index`).

use std::io::Write;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::StoreError;
use crate::durable::{FileDigest, NewFile};

const HEAD: &[u8; 8] = b"CKLOCAT1";
const ENTRY: usize = 5;
/// Highest frame number that an entry can hold.
pub const FRAMES_MAX: u32 = (1 << 24) - 1;

/// The hash of a record's name. XXH3 with seed 0: part of the format.
pub fn name_hash(kind: &str, id: &[u8]) -> u64 {
    let mut name = [0u8; 160];
    let length = kind.len() + 1 + id.len();
    if length <= name.len() {
        name[..kind.len()].copy_from_slice(kind.as_bytes());
        name[kind.len()] = b'/';
        name[kind.len() + 1..length].copy_from_slice(id);
        return xxh3_64(&name[..length]);
    }
    xxh3_64(&[kind.as_bytes(), b"/", id].concat())
}

/// The hash of an alias (a conditional reference or a `urn:uuid:`), as written.
pub fn alias_hash(alias: &[u8]) -> u64 {
    xxh3_64(alias)
}

/// Writes a locator; `entries` are (hash, frame) pairs, sorted.
pub fn write_locator(path: &Path, entries: &[(u64, u32)]) -> Result<FileDigest, StoreError> {
    let bits = (usize::BITS - (entries.len() / 16).leading_zeros()).min(28);
    let bucket_of = |hash: u64| if bits == 0 { 0 } else { (hash >> (64 - bits)) as usize };
    let mut starts = vec![0u32; (1usize << bits) + 1];
    for (hash, _) in entries {
        starts[bucket_of(*hash) + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut file = NewFile::create(path)?;
    let mut head = HEAD.to_vec();
    head.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    head.extend_from_slice(&[bits as u8, 0, 0, 0, 0, 0, 0, 0]);
    for start in &starts {
        head.extend_from_slice(&start.to_le_bytes());
    }
    file.write_all(&head).map_err(StoreError::write(path))?;
    let mut chunk = Vec::with_capacity(ENTRY * 65_536);
    for block in entries.chunks(65_536) {
        chunk.clear();
        for (hash, frame) in block {
            let print = (hash >> (64 - bits - 16)) as u16;
            chunk.extend_from_slice(&print.to_le_bytes());
            chunk.extend_from_slice(&frame.to_le_bytes()[..3]);
        }
        file.write_all(&chunk).map_err(StoreError::write(path))?;
    }
    Ok(file.finish()?)
}

/// An open locator, held in memory.
pub struct Locator {
    bits: u32,
    starts: Vec<u32>,
    entries: Vec<u8>,
}

impl Locator {
    pub fn open(path: &Path) -> Result<Locator, StoreError> {
        let damaged = |offset: usize, what: &str| StoreError::damaged(path, offset as u64, what);
        let bytes = std::fs::read(path).map_err(StoreError::read(path))?;
        if bytes.len() < 28 || &bytes[..8] != HEAD {
            return Err(damaged(0, "not a locator of this version"));
        }
        let mut count = [0u8; 8];
        count.copy_from_slice(&bytes[8..16]);
        let count = u64::from_le_bytes(count);
        let bits = u32::from(bytes[16]);
        if bits > 28 || bytes[17..24] != [0; 7] {
            return Err(damaged(16, "bucket bits out of bounds"));
        }
        let starts_end = 24 + ((1usize << bits) + 1) * 4;
        let expected = (count as usize).checked_mul(ENTRY).and_then(|n| n.checked_add(starts_end));
        if expected != Some(bytes.len()) {
            return Err(damaged(8, "the count and the file's length differ"));
        }
        let starts: Vec<u32> =
            bytes[24..starts_end].chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
        if !starts.is_sorted() || starts.last().copied().map(u64::from) != Some(count) {
            return Err(damaged(24, "bucket starts are not in order"));
        }
        Ok(Locator { bits, starts, entries: bytes[starts_end..].to_vec() })
    }

    pub fn len(&self) -> usize {
        self.entries.len() / ENTRY
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Frames that may hold a record of this name, ascending, each once.
    pub fn candidates(&self, hash: u64) -> Vec<u32> {
        let mut frames: Vec<u32> = self.entries_of(hash).collect();
        frames.sort_unstable();
        frames.dedup();
        frames
    }

    /// Whether a frame is among the candidates of a name.
    pub fn leads_to(&self, hash: u64, frame: u32) -> bool {
        self.entries_of(hash).any(|candidate| candidate == frame)
    }

    fn entries_of(&self, hash: u64) -> impl Iterator<Item = u32> {
        let bucket = if self.bits == 0 { 0 } else { (hash >> (64 - self.bits)) as usize };
        let print = ((hash >> (64 - self.bits - 16)) as u16).to_le_bytes();
        let range = self.starts[bucket] as usize * ENTRY..self.starts[bucket + 1] as usize * ENTRY;
        let entries = self.entries[range].chunks_exact(ENTRY);
        entries.filter(move |e| e[..2] == print).map(|e| u32::from_le_bytes([e[2], e[3], e[4], 0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_few_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ids.loc");
        let names: Vec<String> = (0..5000).map(|i| format!("id-{i}")).collect();
        let mut entries: Vec<(u64, u32)> =
            names.iter().enumerate().map(|(i, n)| (name_hash("Patient", n.as_bytes()), i as u32 / 7)).collect();
        entries.sort_unstable();
        write_locator(&path, &entries).unwrap();
        let locator = Locator::open(&path).unwrap();
        for (i, name) in names.iter().enumerate() {
            assert!(locator.candidates(name_hash("Patient", name.as_bytes())).contains(&(i as u32 / 7)));
        }
        let strangers =
            (0..5000).filter(|i| !locator.candidates(name_hash("Patient", format!("no-{i}").as_bytes())).is_empty()).count();
        assert!(strangers < 10, "{strangers}");
    }
}
