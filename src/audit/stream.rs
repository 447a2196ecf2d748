//! One stream of a log, held by one process: opening with recovery, appending, rotation, checkpoints.
//!
//! An error while writing is final: what the disk holds is unknown then, so the stream must be dropped and opened
//! again, which recovers it (spec audit.md §7). Not for: threads and waiting (`log`).

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::durable::{self, AppendFile, Lock};
use crate::signing::{KeyPurpose, KeyRing, Signer, VerifierKey};

use super::checkpoint::{Bad, Checkpoint, read_checkpoints};
use super::folder::{CHECKPOINTS_FILE, LogFolder, read};
use super::frame::{FrameReader, Hash, Next, PAYLOAD_BYTES_MAX, SEGMENT_MARK, push_frame};
use super::state::{State, now};
use super::tiles::{self, NewHashes};
use super::{LogError, hex};

/// Staged bytes at which a batch is full.
pub(crate) const BATCH_BYTES_MAX: usize = 1 << 20;
/// More than one batch was never in flight, so a crash cannot have torn more than this.
const TORN_BYTES_MAX: u64 = (BATCH_BYTES_MAX + PAYLOAD_BYTES_MAX + 8) as u64;

/// 2026-01-01, before which this software was not: a clock that says less was never set.
const EARLIEST_S: i64 = 1_767_225_600;

#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamOptions {
    /// Size at which a segment is closed, in bytes.
    pub segment_bytes_max: u64,
    /// Space reserved at a time, in bytes.
    pub step_bytes: u64,
}

impl Default for StreamOptions {
    fn default() -> Self {
        StreamOptions { segment_bytes_max: 256 << 20, step_bytes: 4 << 20 }
    }
}

/// What opening a stream found.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Bytes of an unfinished write that were cut off: how many, and their SHA-256.
    pub recovered: Option<(u64, Hash)>,
    /// Streams on the signed list, this one included.
    pub streams: usize,
}

/// A signer that threads can share.
pub(crate) type SharedSigner = Arc<dyn Signer + Send + Sync>;

pub(crate) struct Stream {
    folder: LogFolder,
    name: String,
    dir: PathBuf,
    signer: SharedSigner,
    options: StreamOptions,
    file: AppendFile,
    segment_first: u64,
    segment_day: i64,
    state: State,
    checkpoint_size: u64,
    staged: Vec<u8>,
    /// Hashes of entries that no checkpoint covers yet.
    hashes: NewHashes,
    /// Payloads since they were last taken, when someone wants copies.
    copies: Option<Vec<Vec<u8>>>,
    /// The newest checkpoint, until it is taken.
    note: Option<String>,
    _lock: Lock,
}

impl Stream {
    /// Takes a free stream of the log and brings it to a clean end.
    pub(crate) fn open(folder: LogFolder, signer: SharedSigner, options: StreamOptions) -> Result<(Stream, Opened), LogError> {
        if now().as_second() < EARLIEST_S {
            return Err(LogError::ClockUnset);
        }
        let archive = folder.path.parent().map(PathBuf::from).unwrap_or_default();
        let keys = KeyRing::load(&archive)?.verifiers(KeyPurpose::Audit);
        if !keys.contains(&VerifierKey::new(signer.key_name(), signer.public_key())) {
            return Err(LogError::ForeignKey);
        }
        durable::create_dir_all(&folder.path)?;
        let (name, lock) = folder.take_stream()?;
        Stream::open_held(folder, name, lock, signer, options, &keys)
    }

    /// Opens a stream whose lock is held.
    pub(crate) fn open_held(
        folder: LogFolder,
        name: String,
        lock: Lock,
        signer: SharedSigner,
        options: StreamOptions,
        keys: &[VerifierKey],
    ) -> Result<(Stream, Opened), LogError> {
        let dir = folder.path.join(&name);
        durable::remove_temporaries(&dir)?;
        let listed = folder.registered(keys)?.contains(&name);
        let (last_checkpoint, has_checkpoints) = open_checkpoints(&folder, &name, keys)?;
        let tail = match folder.segments(&name)?.last() {
            Some(first) => Tail::scan(&folder, &name, *first, &last_checkpoint, options)?,
            None if listed || last_checkpoint.size > 0 => {
                return Err(damaged(&folder, &name, "", 0, "its segments are missing"));
            }
            None => Tail::create(&folder, &name, options)?,
        };
        if !listed && tail.state.size() > 0 {
            return Err(damaged(&folder, &name, "", 0, "the stream is not on the signed list"));
        }
        tiles::restore(&folder, &name, &last_checkpoint)?;
        let segment_day = day(tail.state.last_ts.unwrap_or_else(now));
        let mut stream = Stream {
            dir,
            signer,
            options,
            file: tail.file,
            segment_first: tail.first,
            segment_day,
            state: tail.state,
            checkpoint_size: last_checkpoint.size,
            staged: Vec::new(),
            hashes: tail.hashes,
            copies: None,
            note: None,
            _lock: lock,
            folder,
            name,
        };
        if !has_checkpoints || stream.state.size() > stream.checkpoint_size {
            stream.write_checkpoint()?;
        }
        let streams = stream.folder.register(&stream.name, stream.signer.as_ref(), keys)?;
        Ok((stream, Opened { recovered: tail.recovered, streams }))
    }

    /// Writes go to another file from now on: a device that is always full, for instance.
    #[cfg(test)]
    pub(crate) fn replace_file(&mut self, path: &str) {
        self.file = AppendFile::open(std::path::Path::new(path), 0, self.options.step_bytes).unwrap();
    }

    pub(crate) fn folder(&self) -> &LogFolder {
        &self.folder
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn staged_bytes(&self) -> usize {
        self.staged.len()
    }

    /// Entries that no checkpoint covers yet.
    pub(crate) fn uncovered(&self) -> u64 {
        self.state.size() - self.checkpoint_size
    }

    /// Puts an entry behind the others in memory and returns its number; [`Stream::commit`] makes it durable. An entry
    /// that is refused leaves the stream as it was.
    pub(crate) fn stage(&mut self, members: Map<String, Value>) -> Result<u64, LogError> {
        self.stage_at(members, now())
    }

    /// The same at a time that the caller knows.
    pub(crate) fn stage_at(&mut self, members: Map<String, Value>, now: Timestamp) -> Result<u64, LogError> {
        let (payload, bound) = self.state.bind(members, now, self.checkpoint_size);
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(LogError::TooLarge { bytes: payload.len() });
        }
        let seq = self.state.size();
        push_frame(&mut self.staged, &payload);
        self.state.take(&payload, bound, |height, hash| self.hashes.note(height, hash));
        if let Some(copies) = &mut self.copies {
            copies.push(payload);
        }
        Ok(seq)
    }

    /// Keeps a copy of every payload from now on, for [`Stream::take_copies`].
    pub(crate) fn keep_copies(&mut self) {
        self.copies = Some(Vec::new());
    }

    pub(crate) fn take_copies(&mut self) -> Vec<Vec<u8>> {
        self.copies.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Writes what was staged, with one write and one sync.
    pub(crate) fn commit(&mut self) -> Result<(), LogError> {
        self.file.append(&self.staged)?;
        self.staged.clear();
        Ok(self.file.sync()?)
    }

    /// Signs the present size and root, unless that was done.
    pub(crate) fn checkpoint(&mut self) -> Result<(), LogError> {
        debug_assert!(self.staged.is_empty());
        if self.uncovered() == 0 { Ok(()) } else { self.write_checkpoint() }
    }

    /// The newest checkpoint, when one was signed since this was last asked.
    pub(crate) fn take_note(&mut self) -> Option<String> {
        self.note.take()
    }

    /// Closes the segment when it is full or of an earlier day (UTC), and begins the next. Nothing may be staged.
    pub(crate) fn rotate_if_due(&mut self) -> Result<(), LogError> {
        debug_assert!(self.staged.is_empty());
        let today = day(now());
        let due = self.file.data_bytes() >= self.options.segment_bytes_max || today > self.segment_day;
        if !due || self.state.size() == self.segment_first {
            return Ok(());
        }
        // The checkpoint first: opening a stream needs one that is not older than its last segment.
        self.checkpoint()?;
        self.file.seal()?;
        let next = Tail::begin(&self.folder, &self.name, self.state.clone(), self.options)?;
        (self.file, self.segment_first, self.segment_day) = (next.file, next.first, today);
        Ok(())
    }

    /// Signs the present state with this stream's key and the one that takes over from it.
    pub(crate) fn hand_over(&mut self, successor: &dyn Signer) -> Result<(), LogError> {
        self.checkpoint()?;
        let checkpoint = Checkpoint { size: self.state.size(), root: self.state.tree.root() };
        let note = checkpoint.sign_by_both(&self.folder.origin(&self.name), self.signer.as_ref(), successor);
        durable::append(&self.dir.join(CHECKPOINTS_FILE), note.as_bytes())?;
        Ok(())
    }

    fn write_checkpoint(&mut self) -> Result<(), LogError> {
        // The hashes first: no checkpoint stands there without those that it covers.
        self.hashes.append_to(&self.dir)?;
        let checkpoint = Checkpoint { size: self.state.size(), root: self.state.tree.root() };
        let note = checkpoint.sign(&self.folder.origin(&self.name), self.signer.as_ref());
        durable::append(&self.dir.join(CHECKPOINTS_FILE), note.as_bytes())?;
        self.checkpoint_size = checkpoint.size;
        self.note = Some(note);
        Ok(())
    }
}

/// The last segment of a stream, ready for appending.
struct Tail {
    file: AppendFile,
    first: u64,
    state: State,
    /// Of the entries that no checkpoint covers.
    hashes: NewHashes,
    recovered: Option<(u64, Hash)>,
}

impl Tail {
    fn create(folder: &LogFolder, stream: &str, options: StreamOptions) -> Result<Tail, LogError> {
        Tail::begin(folder, stream, State::empty(), options)
    }

    fn begin(folder: &LogFolder, stream: &str, state: State, options: StreamOptions) -> Result<Tail, LogError> {
        let first = state.size();
        let mut head = SEGMENT_MARK.to_vec();
        push_frame(&mut head, &state.head());
        let path = folder.path.join(stream).join(folder.segment_name(first));
        let file = AppendFile::create(&path, &head, options.step_bytes)?;
        Ok(Tail { file, first, state, hashes: NewHashes::default(), recovered: None })
    }

    /// Reads a segment to its end. A torn end that a crash explains is cut off; anything else is damage.
    fn scan(
        folder: &LogFolder,
        stream: &str,
        first: u64,
        checkpoint: &Checkpoint,
        options: StreamOptions,
    ) -> Result<Tail, LogError> {
        let name = folder.segment_name(first);
        let path = folder.path.join(stream).join(&name);
        let bad = |offset, what: &str| damaged(folder, stream, &name, offset, what);
        let failed = |source| LogError::Read { path: path.clone(), source };
        let input = BufReader::with_capacity(1 << 18, File::open(&path).map_err(failed)?);
        let mut frames = FrameReader::new(input).map_err(failed)?.ok_or_else(|| bad(0, "not a log segment"))?;
        let head_offset = SEGMENT_MARK.len() as u64;
        let mut state = match frames.next().map_err(failed)? {
            Next::Frame { payload, .. } => State::from_head(&payload).filter(|s| s.size() == first),
            _ => None,
        }
        .ok_or_else(|| bad(head_offset, "the head of the segment is damaged"))?;
        if checkpoint.size < first {
            return Err(bad(0, "the checkpoint before this segment is missing"));
        }
        let mut hashes = NewHashes::default();
        loop {
            if state.size() == checkpoint.size && state.tree.root() != checkpoint.root {
                return Err(bad(0, "the entries are not those of the last checkpoint"));
            }
            let (end, recovered) = match frames.next().map_err(failed)? {
                Next::Frame { offset, payload } => {
                    let bound = state.check(&payload).map_err(|(_, what)| bad(offset, what))?;
                    if bound.checkpoint_size > checkpoint.size {
                        return Err(bad(offset, "a checkpoint that the entry names is missing"));
                    }
                    let is_covered = state.size() < checkpoint.size;
                    state.take(&payload, bound, |height, hash| {
                        if !is_covered {
                            hashes.note(height, hash);
                        }
                    });
                    continue;
                }
                Next::End { offset, .. } => (offset, None),
                Next::Bad { offset, bad_bytes, .. } if bad_bytes > TORN_BYTES_MAX => {
                    return Err(bad(offset, "more is damaged than a crash can explain"));
                }
                Next::Bad { offset, bad_bytes, bad_sha256, .. } => (offset, Some((bad_bytes, bad_sha256))),
            };
            if state.size() < checkpoint.size {
                return Err(bad(end, "the log is shorter than its last checkpoint"));
            }
            let mut file = AppendFile::open(&path, end, options.step_bytes)?;
            if recovered.is_some() {
                file.cut()?;
            }
            return Ok(Tail { file, first, state, hashes, recovered });
        }
    }
}

/// The last checkpoint of a stream, and whether there is any. A checkpoint torn by a crash is cut off.
fn open_checkpoints(folder: &LogFolder, stream: &str, keys: &[VerifierKey]) -> Result<(Checkpoint, bool), LogError> {
    let path = folder.path.join(stream).join(CHECKPOINTS_FILE);
    let none = Checkpoint { size: 0, root: State::empty().tree.root() };
    if !path.exists() {
        return Ok((none, false));
    }
    let mut file = read_checkpoints(&read(&path)?, &folder.origin(stream), keys);
    match file.bad {
        Some(Bad::Torn) => durable::truncate(&path, file.good_bytes)?,
        Some(Bad::Wrong(_, what)) => return Err(damaged(folder, stream, CHECKPOINTS_FILE, file.good_bytes, what)),
        None => {}
    }
    Ok(file.checkpoints.pop().map_or((none, false), |last| (last, true)))
}

fn damaged(folder: &LogFolder, stream: &str, file: &str, offset: u64, what: &str) -> LogError {
    let separator = if file.is_empty() { "" } else { "/" };
    LogError::Damaged { file: format!("{}/{stream}{separator}{file}", folder.name), offset, what: what.to_string() }
}

/// Days since 1970-01-01, UTC.
fn day(ts: Timestamp) -> i64 {
    ts.as_second().div_euclid(86_400)
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({}/{}, {} entries, {})", self.folder.name, self.name, self.state.size(), hex(&self.state.chain[..4]))
    }
}
