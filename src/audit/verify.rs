//! The check of a whole log: every byte of every stream, the list of streams, every checkpoint.
//!
//! Reads only. Whether the ring of keys is the right one is the caller's question (`KeyRing::check_against`). Not for:
//! repair.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::durable;
use crate::signing::{KeyPurpose, KeyRing, VerifierKey};

use super::checkpoint::{Bad, Checkpoint, read_checkpoints};
use super::folder::{CHECKPOINTS_FILE, LOCK_FILE, LogFolder, STREAMS_FILE, file_names, is_stream_name, read};
use super::frame::{FrameReader, Next, SEGMENT_MARK};
use super::state::State;
use super::{FOLDER, LogError};

/// Scans of a stream that is being written to, before what looks wrong at its end counts as wrong.
const LIVE_SCANS_MAX: u32 = 5;
const LIVE_PAUSE: Duration = Duration::from_millis(50);

/// Something wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogFinding {
    /// Path inside the archive.
    pub file: String,
    /// Byte offset in the file.
    pub offset: u64,
    pub what: String,
}

/// What a check of a log found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    pub findings: Vec<LogFinding>,
    pub streams: u64,
    pub entries: u64,
    pub checkpoints: u64,
    pub bytes: u64,
}

impl Report {
    pub fn ok(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, file: String, offset: u64, what: impl Into<String>) {
        self.findings.push(LogFinding { file, offset, what: what.into() });
    }
}

/// Checks the audit log of an archive. A log that was never written is in order.
pub fn verify(archive: &Path, ring: &KeyRing) -> Report {
    verify_folder(&LogFolder::new(archive, FOLDER), ring)
}

pub(crate) fn verify_folder(folder: &LogFolder, ring: &KeyRing) -> Report {
    let mut report = Report::default();
    if let Err(error) = check_folder(folder, &ring.verifiers(KeyPurpose::Audit), &mut report) {
        report.find(folder.name.to_string(), 0, error.to_string());
    }
    report
}

fn check_folder(folder: &LogFolder, keys: &[VerifierKey], report: &mut Report) -> Result<(), LogError> {
    if !folder.path.exists() {
        return Ok(());
    }
    let mut listed = Vec::new();
    let mut present = Vec::new();
    for name in file_names(&folder.path)? {
        let path = folder.path.join(&name);
        if name == STREAMS_FILE {
            match folder.parse_list(&read(&path)?, keys) {
                Ok(names) => listed = names,
                Err(offset) => report.find(inside(folder, &name), offset, "the list of streams is not as signed"),
            }
        } else if is_stream_name(&name) && path.is_dir() {
            present.push(name);
        } else {
            check_other_file(&path, &name, inside(folder, &name), report)?;
        }
    }
    let mut streams_seen_max = 0;
    for name in &present {
        let scan = check_stream(folder, name, keys)?;
        if !listed.contains(name) && scan.report.entries > 0 {
            report.find(inside(folder, name), 0, "the stream is not on the signed list");
        }
        let is_empty = scan.segments == 0 || scan.report.checkpoints == 0;
        if listed.contains(name) && is_empty && scan.report.ok() {
            report.find(inside(folder, name), 0, "the segments or the checkpoints of the stream are missing");
        }
        streams_seen_max = streams_seen_max.max(scan.streams_seen_max);
        report.streams += 1;
        report.entries += scan.report.entries;
        report.checkpoints += scan.report.checkpoints;
        report.bytes += scan.report.bytes;
        report.findings.extend(scan.report.findings);
    }
    for name in listed.iter().filter(|name| !present.contains(name)) {
        report.find(inside(folder, name), 0, "the stream is missing");
    }
    if streams_seen_max > listed.len() as u64 {
        report.find(inside(folder, STREAMS_FILE), 0, "the list of streams is shorter than it was");
    }
    Ok(())
}

/// One look at a stream.
#[derive(Default)]
struct Scan {
    report: Report,
    segments: usize,
    /// The most streams that an entry of this one knew of.
    streams_seen_max: u64,
}

/// Checks a stream. One that another process writes to may look torn for a moment, so it gets another look.
fn check_stream(folder: &LogFolder, stream: &str, keys: &[VerifierKey]) -> Result<Scan, LogError> {
    let mut scan = scan_stream(folder, stream, keys)?;
    for _ in 1..LIVE_SCANS_MAX {
        if scan.report.ok() || !durable::is_locked(&folder.path.join(stream).join(LOCK_FILE)) {
            break;
        }
        std::thread::sleep(LIVE_PAUSE);
        let again = scan_stream(folder, stream, keys)?;
        let unchanged = again.report.findings == scan.report.findings;
        scan = again;
        if unchanged {
            break;
        }
    }
    Ok(scan)
}

fn scan_stream(folder: &LogFolder, stream: &str, keys: &[VerifierKey]) -> Result<Scan, LogError> {
    let dir = folder.path.join(stream);
    let mut scan = Scan::default();
    // Checkpoints first: those written while the entries are read do not matter then.
    let checkpoints = check_checkpoints(folder, stream, keys, &mut scan.report)?;
    for name in file_names(&dir)? {
        if name != CHECKPOINTS_FILE && folder.segment_first(&name).is_none() {
            check_other_file(&dir.join(&name), &name, inside(folder, &format!("{stream}/{name}")), &mut scan.report)?;
        }
    }
    let segments = folder.segments(stream)?;
    scan.segments = segments.len();
    let mut walk = Walk { state: State::empty(), checkpoints: &checkpoints, passed: 0, later: None, last_event_is_stop: false };
    walk.pass_checkpoint().unwrap_or_else(|what| scan.report.find(inside(folder, stream), 0, what));
    for (i, first) in segments.iter().enumerate() {
        let is_last = i + 1 == segments.len();
        let file = inside(folder, &format!("{stream}/{}", folder.segment_name(*first)));
        let path = dir.join(folder.segment_name(*first));
        if let Some((offset, what)) = walk_segment(&path, *first, is_last, &mut walk, &mut scan)? {
            scan.report.find(file, offset, what);
            return Ok(scan);
        }
    }
    let covered = checkpoints.last().map_or(0, |c| c.size);
    let file = || inside(folder, &format!("{stream}/{CHECKPOINTS_FILE}"));
    if walk.state.size() < covered {
        scan.report.find(inside(folder, stream), 0, "the log is shorter than its last checkpoint");
    } else if let Some(size) = walk.later {
        let now = check_checkpoints(folder, stream, keys, &mut Report::default())?;
        if !now.iter().any(|checkpoint| checkpoint.size == size) {
            scan.report.find(file(), 0, "a checkpoint that an entry names is missing");
        }
    } else if walk.last_event_is_stop && walk.state.size() > covered {
        scan.report.find(file(), 0, "the checkpoint of the last stop is missing");
    }
    Ok(scan)
}

/// The way through the segments of one stream.
struct Walk<'a> {
    state: State,
    checkpoints: &'a [Checkpoint],
    /// Checkpoints whose size was reached.
    passed: usize,
    /// The newest checkpoint that an entry names and that was not there when the checkpoints were read: cut since by
    /// a live writer, or taken away.
    later: Option<u64>,
    last_event_is_stop: bool,
}

impl Walk<'_> {
    /// Compares with the checkpoint of the present size, if there is one.
    fn pass_checkpoint(&mut self) -> Result<(), &'static str> {
        let Some(next) = self.checkpoints.get(self.passed).filter(|c| c.size == self.state.size()) else {
            return Ok(());
        };
        self.passed += 1;
        if next.root == self.state.tree.root() { Ok(()) } else { Err("the entries are not those of a checkpoint") }
    }

    fn take(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        let bound = self.state.check(payload)?;
        let newest = self.passed.checked_sub(1).map_or(0, |i| self.checkpoints[i].size);
        if bound.checkpoint_size != newest {
            let is_later = self.passed == self.checkpoints.len() && bound.checkpoint_size > newest;
            if !is_later || bound.checkpoint_size > self.state.size() {
                return Err("an entry names another checkpoint than there is");
            }
            self.later = Some(bound.checkpoint_size);
        }
        self.state.take(payload, bound);
        self.last_event_is_stop = memchr::memmem::find(payload, br#""event":"app.stop""#).is_some();
        self.pass_checkpoint()
    }
}

/// Checks one segment and returns what stopped it: then the stream cannot be followed further.
fn walk_segment(
    path: &Path,
    first: u64,
    is_last: bool,
    walk: &mut Walk<'_>,
    scan: &mut Scan,
) -> Result<Option<(u64, &'static str)>, LogError> {
    let failed = |source| LogError::Read { path: path.to_path_buf(), source };
    let input = File::open(path).map_err(failed)?;
    scan.report.bytes += input.metadata().map_err(failed)?.len();
    if first != walk.state.size() {
        return Ok(Some((0, "entries before this segment are missing")));
    }
    let Some(mut frames) = FrameReader::new(BufReader::with_capacity(1 << 18, input)).map_err(failed)? else {
        return Ok(Some((0, "not a log segment")));
    };
    match frames.next().map_err(failed)? {
        Next::Frame { payload, .. } if payload == walk.state.head() => {}
        _ => return Ok(Some((SEGMENT_MARK.len() as u64, "the head of the segment is damaged"))),
    }
    loop {
        match frames.next().map_err(failed)? {
            Next::Frame { offset, payload } => {
                if let Err(what) = walk.take(&payload) {
                    return Ok(Some((offset, what)));
                }
                scan.report.entries += 1;
                scan.streams_seen_max = scan.streams_seen_max.max(streams_seen(&payload));
            }
            Next::End { offset, tail_bytes } if tail_bytes > 0 && !is_last => {
                return Ok(Some((offset, "entries are missing at the end of a closed segment")));
            }
            Next::End { .. } => return Ok(None),
            Next::Bad { offset, .. } => return Ok(Some((offset, "a damaged entry"))),
        }
    }
}

/// How many streams there were when a process started, if the entry says so.
fn streams_seen(payload: &[u8]) -> u64 {
    if memchr::memmem::find(payload, br#""event":"app.start""#).is_none() {
        return 0;
    }
    let entry: Map<String, Value> = serde_json::from_slice(payload).unwrap_or_default();
    let seen = entry.get("detail").and_then(|d| d.get("streams")).and_then(Value::as_str);
    seen.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn check_checkpoints(
    folder: &LogFolder,
    stream: &str,
    keys: &[VerifierKey],
    report: &mut Report,
) -> Result<Vec<Checkpoint>, LogError> {
    let path = folder.path.join(stream).join(CHECKPOINTS_FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let file = read_checkpoints(&read(&path)?, &folder.origin(stream), keys);
    let what = match file.bad {
        Some(Bad::Torn) => Some("the last checkpoint is incomplete".to_string()),
        Some(Bad::Wrong(what)) => Some(what),
        None => None,
    };
    if let Some(what) = what {
        report.find(inside(folder, &format!("{stream}/{CHECKPOINTS_FILE}")), file.good_bytes, what);
    }
    report.checkpoints += file.checkpoints.len() as u64;
    Ok(file.checkpoints)
}

/// Lock files are empty, unfinished files are nobody's, and nothing else belongs here.
fn check_other_file(path: &Path, name: &str, file: String, report: &mut Report) -> Result<(), LogError> {
    if name == LOCK_FILE {
        if !read(path)?.is_empty() {
            report.find(file, 0, "a lock file is not empty");
        }
    } else if !durable::is_temporary(name) {
        report.find(file, 0, "not a file of a log");
    }
    Ok(())
}

fn inside(folder: &LogFolder, path: &str) -> String {
    format!("{}/{path}", folder.name)
}
