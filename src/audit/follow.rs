//! Following a stream from where one stopped: entry after entry with its place, as far as is written by now.
//!
//! What is read this way may not be on disk for good yet; whoever keeps something made of it remembers the last entry and
//! looks whether it still stands there. Not for: proving what is read (`verify`).

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::checkpoint::notes;
use super::folder::{CHECKPOINTS_FILE, LogFolder};
use super::frame::{PAYLOAD_BYTES_MAX, SEGMENT_MARK};
use super::{FOLDER, LogError};

/// More than one checkpoint takes, in bytes.
const CHECKPOINT_BYTES_MAX: u64 = 4096;

/// Where an entry begins: the segment, by the number of its first entry, and the byte in its file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EntryPlace {
    pub seq: u64,
    pub segment: u64,
    pub offset: u64,
}

/// One entry with its place and its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Followed {
    pub place: EntryPlace,
    pub payload: Vec<u8>,
}

/// Reads one stream forward.
pub struct Follower {
    folder: LogFolder,
    stream: String,
    /// Of the entry that comes next.
    at: EntryPlace,
    file: Option<BufReader<File>>,
}

/// Size and root (base64) of a stream's last signed checkpoint, as its file says; proving it is for `verify`.
pub fn last_checkpoint(archive: &Path, stream: &str) -> Option<(u64, String)> {
    let text = last_checkpoint_note(archive, stream)?;
    let mut lines = text.lines().skip(1);
    Some((lines.next()?.parse().ok()?, lines.next()?.to_string()))
}

/// A stream's last signed checkpoint, as its file has it.
fn last_checkpoint_note(archive: &Path, stream: &str) -> Option<String> {
    let mut file = File::open(LogFolder::new(archive, FOLDER).path.join(stream).join(CHECKPOINTS_FILE)).ok()?;
    let end = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(end.saturating_sub(CHECKPOINT_BYTES_MAX))).ok()?;
    let mut bytes = Vec::new();
    file.take(CHECKPOINT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let start = text.rfind(&format!("{}\n", LogFolder::new(archive, FOLDER).origin(stream)))?;
    // The last one may be on its way. One that two keys signed has a line more.
    notes(&text[start..]).first().map(ToString::to_string)
}

/// The names of the streams of an archive's access log, in order.
pub fn streams(archive: &Path) -> Result<Vec<String>, LogError> {
    LogFolder::new(archive, FOLDER).streams()
}

impl Follower {
    /// From the first entry that the stream still has. `None` when it has no segment.
    pub fn start(archive: &Path, stream: &str) -> Result<Option<Follower>, LogError> {
        let folder = LogFolder::new(archive, FOLDER);
        let first = folder.segments(stream)?.first().copied();
        Ok(first.map(|first| Follower { folder, stream: stream.to_string(), at: beginning(first), file: None }))
    }

    /// From the entry that begins at this place.
    pub fn resume(archive: &Path, stream: &str, at: EntryPlace) -> Follower {
        Follower { folder: LogFolder::new(archive, FOLDER), stream: stream.to_string(), at, file: None }
    }

    /// Where the next entry begins, or will begin when it is written.
    pub fn place(&self) -> EntryPlace {
        self.at
    }

    /// Whether the segment at the present place is still there; an expired one is not.
    pub fn has_segment(&self) -> bool {
        self.path().exists()
    }

    /// The next entry; `None` when there is none yet.
    ///
    /// # Errors
    /// `Damaged` when this segment ends early although a later one exists.
    pub fn next_entry(&mut self) -> Result<Option<Followed>, LogError> {
        loop {
            if let Some(payload) = self.frame()? {
                let place = self.at;
                self.at.offset += 8 + payload.len() as u64;
                // The first frame of a segment is its head and no entry.
                if place.offset == SEGMENT_MARK.len() as u64 {
                    continue;
                }
                self.at.seq += 1;
                return Ok(Some(Followed { place, payload }));
            }
            let later: Vec<u64> = self.folder.segments(&self.stream)?.into_iter().filter(|s| *s > self.at.segment).collect();
            match later.first() {
                None => return Ok(None),
                Some(next) if *next == self.at.seq || !self.path().exists() || self.is_retired() => self.at = beginning(*next),
                Some(_) => {
                    let file = format!("{}/{}/{}", self.folder.name, self.stream, self.folder.segment_name(self.at.segment));
                    let what = "the segment ends before the next one begins".to_string();
                    return Err(LogError::Damaged { file, offset: self.at.offset, what });
                }
            }
            self.file = None;
        }
    }

    /// Whether the entries that come next were retired.
    fn is_retired(&self) -> bool {
        self.folder.path.join(&self.stream).join(self.folder.retired_name(self.at.seq)).exists()
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path.join(&self.stream).join(self.folder.segment_name(self.at.segment))
    }

    /// The payload of the frame at the present place; `None` when no whole frame stands there.
    fn frame(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.path();
        let failed = |source| LogError::Read { path: path.clone(), source };
        if self.file.is_none() {
            let file = match File::open(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                other => other.map_err(failed)?,
            };
            let mut file = BufReader::with_capacity(1 << 18, file);
            file.seek(SeekFrom::Start(self.at.offset)).map_err(failed)?;
            self.file = Some(file);
        }
        let Some(file) = self.file.as_mut() else { return Ok(None) };
        let payload = read_frame(file).map_err(failed)?;
        if payload.is_none() {
            // What was read ahead may be old by the time of the next question.
            self.file = None;
        }
        Ok(payload)
    }
}

fn beginning(segment: u64) -> EntryPlace {
    EntryPlace { seq: segment, segment, offset: SEGMENT_MARK.len() as u64 }
}

fn read_frame(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0u8; 8];
    if let Err(error) = file.read_exact(&mut head) {
        return if error.kind() == ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let [a, b, c, d, e, f, g, h] = head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if !(1..=PAYLOAD_BYTES_MAX).contains(&length) {
        return Ok(None);
    }
    let mut payload = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut payload)?;
    let is_whole = payload.len() == length && crc32c::crc32c(&payload) == u32::from_le_bytes([e, f, g, h]);
    Ok(is_whole.then_some(payload))
}

#[cfg(test)]
mod tests {
    use super::super::{AuditLog, Entry};
    use super::*;

    #[test]
    fn a_stream_is_followed_from_where_one_stopped() {
        let (folder, log) = AuditLog::temporary();
        let archive = folder.path().join("archive");
        let mut numbers = Vec::new();
        for _ in 0..3 {
            log.append(Entry::new("app.start")).unwrap();
        }
        let stream = streams(&archive).unwrap().remove(0);
        let mut follower = Follower::start(&archive, &stream).unwrap().unwrap();
        while let Some(entry) = follower.next_entry().unwrap() {
            numbers.push(entry.place.seq);
        }
        let place = follower.place();
        log.append(Entry::new("app.stop")).unwrap();
        let next = follower.next_entry().unwrap().unwrap();
        assert_eq!(next.place, place);
        assert_eq!(Follower::resume(&archive, &stream, place).next_entry().unwrap(), Some(next));
        assert!(follower.next_entry().unwrap().is_none());
        assert!(numbers.len() >= 3 && numbers.iter().enumerate().all(|(at, seq)| *seq == at as u64), "{numbers:?}");
    }
}
