//! The folder of a log: its streams, who holds which, and the signed list of them.
//!
//! ```text
//! audit/lock                 taken while the list of streams changes; empty
//! audit/streams              a signed note for every stream, written when the stream is made
//! audit/s0000/lock           held by the process that appends; empty
//! audit/s0000/checkpoints    signed checkpoints
//! audit/s0000/audit-….log    segments, named by the number of their first entry
//! audit/s0000/audit-….retired  in place of a segment whose entries were retired
//! audit/s0000/tiles/0, 1 …   hashes of the Merkle tree, by level
//! ```
//! Not for: what stands in a segment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::durable::{self, Lock};
use crate::signing::{NoteError, Signer, VerifierKey, sign_note, verify_note};

use super::LogError;
use super::fault::Fault;

pub(crate) const LOCK_FILE: &str = "lock";
pub(crate) const STREAMS_FILE: &str = "streams";
pub(crate) const CHECKPOINTS_FILE: &str = "checkpoints";

const STREAMS_MAX: u32 = 10_000;
const LIST_FORMAT_LINE: &str = "chartkeep stream v1";
/// Lines of one note of the list: format, name, empty line, signature.
const LIST_LINES: usize = 4;

/// A log is a folder of the archive; its name goes into what is signed.
#[derive(Clone, Debug)]
pub(crate) struct LogFolder {
    /// `audit` or `statements`.
    pub name: &'static str,
    pub path: PathBuf,
}

/// A piece of a stream, by the number of its first entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Segment(u64),
    Retired(u64),
}

impl Part {
    pub(crate) fn first(&self) -> u64 {
        let (Part::Segment(first) | Part::Retired(first)) = self;
        *first
    }
}

impl LogFolder {
    pub(crate) fn new(archive: &Path, name: &'static str) -> LogFolder {
        LogFolder { name, path: archive.join(name) }
    }

    /// The origin line of a stream's checkpoints.
    pub(crate) fn origin(&self, stream: &str) -> String {
        format!("chartkeep/{}/{stream}", self.name)
    }

    pub(crate) fn segment_name(&self, first: u64) -> String {
        format!("{}-{first:020}.log", self.name)
    }

    /// The number of its first entry, when `file_name` is that of a segment.
    pub(crate) fn segment_first(&self, file_name: &str) -> Option<u64> {
        let digits = file_name.strip_prefix(self.name)?.strip_prefix('-')?.strip_suffix(".log")?;
        let first: u64 = digits.parse().ok()?;
        (self.segment_name(first) == file_name).then_some(first)
    }

    /// The numbers of the first entries of a stream's segments, in order.
    pub(crate) fn segments(&self, stream: &str) -> Result<Vec<u64>, LogError> {
        let names = file_names(&self.path.join(stream))?;
        let mut firsts: Vec<u64> = names.iter().filter_map(|n| self.segment_first(n)).collect();
        firsts.sort_unstable();
        Ok(firsts)
    }

    pub(crate) fn retired_name(&self, first: u64) -> String {
        format!("{}-{first:020}.retired", self.name)
    }

    /// The number of the first entry of a range that was retired, when `file_name` is that of its note.
    pub(crate) fn retired_first(&self, file_name: &str) -> Option<u64> {
        self.segment_first(&format!("{}.log", file_name.strip_suffix(".retired")?))
    }

    /// What a stream consists of, in order: segments, and the notes in place of those that are gone.
    pub(crate) fn parts(&self, stream: &str) -> Result<Vec<Part>, LogError> {
        let names = file_names(&self.path.join(stream))?;
        let mut parts: Vec<Part> = names.iter().filter_map(|n| self.segment_first(n)).map(Part::Segment).collect();
        let retired: Vec<u64> = names.iter().filter_map(|n| self.retired_first(n)).collect();
        // Where both stand, the crash came before the segment was removed.
        let gone = retired.into_iter().filter(|first| !parts.contains(&Part::Segment(*first))).collect::<Vec<_>>();
        parts.extend(gone.into_iter().map(Part::Retired));
        parts.sort_unstable_by_key(Part::first);
        Ok(parts)
    }

    /// Names of the stream folders that are there, in order. None when the log was never written.
    pub(crate) fn streams(&self) -> Result<Vec<String>, LogError> {
        if !self.path.is_dir() {
            return Ok(Vec::new());
        }
        Ok(file_names(&self.path)?.into_iter().filter(|n| is_stream_name(n)).collect())
    }

    /// Takes the first stream that nobody holds, or a new one.
    pub(crate) fn take_stream(&self) -> Result<(String, Lock), LogError> {
        for number in 0..STREAMS_MAX {
            let name = format!("s{number:04}");
            let path = self.path.join(&name);
            durable::create_dir_all(&path)?;
            if let Some(lock) = durable::lock_exclusive(&path.join(LOCK_FILE))? {
                return Ok((name, lock));
            }
        }
        Err(LogError::Busy { folder: self.name })
    }

    /// The streams on the signed list as it stands on disk.
    pub(crate) fn registered(&self, keys: &[VerifierKey]) -> Result<Vec<String>, LogError> {
        let path = self.path.join(STREAMS_FILE);
        if path.exists() { self.listed(&read(&path)?, keys) } else { Ok(Vec::new()) }
    }

    fn listed(&self, bytes: &[u8], keys: &[VerifierKey]) -> Result<Vec<String>, LogError> {
        self.parse_list(bytes, keys).map_err(|(offset, _)| LogError::Damaged {
            file: format!("{}/{STREAMS_FILE}", self.name),
            offset,
            what: "the list of streams is not as signed".to_string(),
        })
    }

    /// Adds a stream to the signed list unless it stands there; returns how many the list has.
    pub(crate) fn register(&self, stream: &str, signer: &dyn Signer, keys: &[VerifierKey]) -> Result<usize, LogError> {
        let _lock = self.lock_list()?;
        durable::remove_temporaries(&self.path)?;
        let path = self.path.join(STREAMS_FILE);
        let mut bytes = if path.exists() { read(&path)? } else { Vec::new() };
        let mut listed = self.listed(&bytes, keys)?;
        if !listed.iter().any(|name| name == stream) {
            bytes.extend_from_slice(sign_note(&format!("{LIST_FORMAT_LINE}\n{}\n", self.origin(stream)), signer).as_bytes());
            durable::replace(&path, &bytes)?;
            listed.push(stream.to_string());
        }
        Ok(listed.len())
    }

    /// The streams that a list names; the error is the offset of the first note that does not hold, and why.
    pub(crate) fn parse_list(&self, bytes: &[u8], keys: &[VerifierKey]) -> Result<Vec<String>, (u64, Fault)> {
        let mut names: Vec<String> = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let length = memchr::memchr_iter(b'\n', &bytes[start..]).nth(LIST_LINES - 1).map(|at| at + 1);
            let note = length.and_then(|n| std::str::from_utf8(&bytes[start..start + n]).ok());
            let name = note.ok_or(Fault::Altered).and_then(|note| self.listed_name(note, keys));
            let name = name.map_err(|fault| (start as u64, fault))?;
            if names.contains(&name) {
                return Err((start as u64, Fault::OutOfOrder));
            }
            names.push(name);
            start += length.unwrap_or(bytes.len());
        }
        Ok(names)
    }

    fn listed_name(&self, note: &str, keys: &[VerifierKey]) -> Result<String, Fault> {
        let text = verify_note(note, keys).map_err(|error| match error {
            NoteError::UnknownKey => Fault::UnknownKey,
            _ => Fault::Altered,
        })?;
        let origin = text.strip_prefix(LIST_FORMAT_LINE).and_then(|t| t.strip_prefix('\n')?.strip_suffix('\n'));
        let name = origin.and_then(|origin| origin.rsplit('/').next()).filter(|name| is_stream_name(name));
        name.filter(|name| origin == Some(&self.origin(name))).map(str::to_string).ok_or(Fault::Replayed)
    }

    /// Taken while the list of streams changes, or while segments are removed.
    pub(crate) fn lock_list(&self) -> Result<Lock, LogError> {
        for _ in 0..1_000 {
            if let Some(lock) = durable::lock_exclusive(&self.path.join(LOCK_FILE))? {
                return Ok(lock);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(LogError::Busy { folder: self.name })
    }
}

pub(crate) fn is_stream_name(name: &str) -> bool {
    name.strip_prefix('s').is_some_and(|d| d.len() == 4 && d.bytes().all(|b| b.is_ascii_digit()))
}

pub(crate) fn file_names(dir: &Path) -> Result<Vec<String>, LogError> {
    let failed = |source| LogError::Read { path: dir.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LogError> {
    std::fs::read(path).map_err(|source| LogError::Read { path: path.to_path_buf(), source })
}
