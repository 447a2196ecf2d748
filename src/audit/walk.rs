//! The way through one stream: every entry, hash and checkpoint, compared with each other and with what was kept outside.
//!
//! Not for: what lies around the streams (`verify`).

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::merkle::Hash;
use crate::signing::VerifierKey;

use super::LogError;
use super::checkpoint::{Bad, Checkpoint, Pin, read_checkpoints};
use super::fault::{Fault, Wrong};
use super::folder::{CHECKPOINTS_FILE, LogFolder, Part, read};
use super::frame::{FrameReader, Next, SEGMENT_MARK};
use super::report::{Report, inside};
use super::retired::Retired;
use super::state::State;
use super::tile_check::TileCheck;
use super::tiles::Leaves;

/// One look at a stream.
#[derive(Default)]
pub(super) struct Scan {
    pub report: Report,
    pub segments: usize,
    /// The most streams that an entry of this one knew of.
    pub streams_seen_max: u64,
}

pub(super) fn scan_stream(
    folder: &LogFolder,
    stream: &str,
    keys: &[VerifierKey],
    kept: &[Pin],
    from: &[Pin],
) -> Result<Scan, LogError> {
    let mut scan = Scan::default();
    // Checkpoints first: those written while the entries are read do not matter then.
    let checkpoints = check_checkpoints(folder, stream, keys, &mut scan.report)?;
    let covered = checkpoints.last().map_or(0, |c| c.size);
    let parts = folder.parts(stream)?;
    scan.segments = parts.len();
    let mut pins: Vec<Pin> = kept.iter().chain(from).cloned().collect();
    pins.sort_by_key(|pin| pin.0.size);
    let walked = Place { folder, stream, keys, dir: folder.path.join(stream) };
    let (start, state) = walked.start(&parts, from.iter().map(|pin| pin.0.size).max().unwrap_or(0))?;
    let begins_at = state.size();
    let mut walk = Walk {
        passed: checkpoints.iter().take_while(|c| c.size < begins_at).count(),
        pins: &pins[pins.iter().take_while(|pin| pin.0.size < begins_at).count()..],
        tiles: TileCheck::open(&walked.dir, begins_at, covered)?,
        state,
        checkpoints: &checkpoints,
        later: None,
        last_event_is_stop: false,
        witnessed: 0,
    };
    let stopped = walked.walk(&parts[start..], &mut walk, &mut scan);
    scan.report.witnessed = walk.witnessed;
    for (level, offset, fault, what) in walk.tiles.finish(walk.state.size() == covered) {
        scan.report.find(inside(folder, &format!("{stream}/tiles/{level}")), offset, fault, what);
    }
    if stopped? {
        return Ok(scan);
    }
    walked.check_end(&walk, covered, &mut scan)?;
    Ok(scan)
}

/// The way through the entries of one stream.
struct Walk<'a> {
    state: State,
    checkpoints: &'a [Checkpoint],
    /// Checkpoints whose size was reached.
    passed: usize,
    /// Checkpoints from outside whose size was not passed yet, smallest first.
    pins: &'a [Pin],
    tiles: TileCheck,
    /// The newest checkpoint that an entry names and that was not there when the checkpoints were read: cut since by
    /// a live writer, or taken away.
    later: Option<u64>,
    last_event_is_stop: bool,
    witnessed: u64,
}

impl Walk<'_> {
    /// Compares with the checkpoints of the present size.
    fn pass_checkpoints(&mut self) -> Result<(), Wrong> {
        let size = self.state.size();
        let is_next = |checkpoint: Option<&Checkpoint>| checkpoint.is_some_and(|c| c.size == size);
        if !is_next(self.checkpoints.get(self.passed)) && !is_next(self.pins.first().map(|pin| &pin.0)) {
            return Ok(());
        }
        let root = self.state.tree.root();
        while let Some(next) = self.checkpoints.get(self.passed).filter(|c| c.size == size) {
            self.passed += 1;
            if next.root != root {
                return Err((Fault::Rewritten, "the entries are not those of a checkpoint"));
            }
        }
        while let Some((pin, rest)) = self.pins.split_first().filter(|(pin, _)| pin.0.size == size) {
            self.pins = rest;
            self.witnessed += 1;
            if pin.0.root != root {
                return Err((Fault::Rewritten, "the entries are not those of a checkpoint that was kept elsewhere"));
            }
        }
        Ok(())
    }

    fn take(&mut self, payload: &[u8]) -> Result<(), Wrong> {
        let bound = self.state.check(payload)?;
        let newest = self.passed.checked_sub(1).and_then(|i| self.checkpoints.get(i)).map_or(0, |c| c.size);
        if bound.checkpoint_size != newest {
            let is_later = self.passed == self.checkpoints.len() && bound.checkpoint_size > newest;
            if !is_later || bound.checkpoint_size > self.state.size() {
                return Err((Fault::RolledBack, "an entry names another checkpoint than there is"));
            }
            self.later = Some(bound.checkpoint_size);
        }
        let tiles = &mut self.tiles;
        self.state.take(payload, bound, |height, hash| tiles.note(height, hash));
        self.last_event_is_stop = memchr::memmem::find(payload, br#""event":"app.stop""#).is_some();
        self.pass_checkpoints()
    }

    /// Takes an entry of which only the hash is left.
    fn take_leaf(&mut self, leaf: Hash) -> Result<(), Wrong> {
        let tiles = &mut self.tiles;
        self.state.tree.push_noting(leaf, |height, hash| tiles.note(height, hash));
        self.pass_checkpoints()
    }
}

/// Where the walk goes.
struct Place<'a> {
    folder: &'a LogFolder,
    stream: &'a str,
    keys: &'a [VerifierKey],
    dir: PathBuf,
}

impl Place<'_> {
    /// The part to begin with, and what the stream had come to before it: the last segment that begins before `size`, an
    /// entry count that was checked before. What its head says of earlier entries is proved when that size is reached.
    fn start(&self, parts: &[Part], size: u64) -> Result<(usize, State), LogError> {
        let found = parts.iter().rposition(|part| matches!(part, Part::Segment(first) if *first <= size));
        if let Some(at) = found.filter(|at| *at > 0)
            && let Some(Part::Segment(first)) = parts.get(at)
        {
            let path = self.dir.join(self.folder.segment_name(*first));
            let failed = |source| LogError::Read { path: path.clone(), source };
            let input = BufReader::new(File::open(&path).map_err(failed)?);
            if let Some(mut frames) = FrameReader::new(input).map_err(failed)?
                && let Next::Frame { payload, .. } = frames.next().map_err(failed)?
                && let Some(state) = State::from_head(&payload).filter(|state| state.size() == *first)
            {
                return Ok((at, state));
            }
        }
        Ok((0, State::empty()))
    }

    fn file(&self, name: &str) -> String {
        inside(self.folder, &format!("{}/{name}", self.stream))
    }

    /// Goes through the parts; true when it had to stop.
    fn walk(&self, parts: &[Part], walk: &mut Walk<'_>, scan: &mut Scan) -> Result<bool, LogError> {
        if let Err((fault, what)) = walk.pass_checkpoints() {
            scan.report.find(inside(self.folder, self.stream), 0, fault, what);
        }
        for (i, part) in parts.iter().enumerate() {
            let next = parts.get(i + 1).map(Part::first);
            let (name, stopped) = match part {
                Part::Segment(first) => (self.folder.segment_name(*first), self.walk_segment(*first, next, walk, scan)?),
                Part::Retired(first) => (self.folder.retired_name(*first), self.walk_retired(*first, next, walk, scan)?),
            };
            if let Some((offset, (fault, what))) = stopped {
                scan.report.find(self.file(&name), offset, fault, what);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Checks one segment and returns what stopped it: then the stream cannot be followed further.
    fn walk_segment(
        &self,
        first: u64,
        next_first: Option<u64>,
        walk: &mut Walk<'_>,
        scan: &mut Scan,
    ) -> Result<Option<(u64, Wrong)>, LogError> {
        let path = self.dir.join(self.folder.segment_name(first));
        let failed = |source| LogError::Read { path: path.clone(), source };
        let input = File::open(&path).map_err(failed)?;
        scan.report.bytes += input.metadata().map_err(failed)?.len();
        if first != walk.state.size() {
            return Ok(Some((0, (Fault::Missing, "entries before this segment are missing"))));
        }
        let Some(mut frames) = FrameReader::new(BufReader::with_capacity(1 << 18, input)).map_err(failed)? else {
            return Ok(Some((0, (Fault::Altered, "not a log segment"))));
        };
        if let Some(wrong) = check_head(frames.next().map_err(failed)?, walk) {
            return Ok(Some((SEGMENT_MARK.len() as u64, wrong)));
        }
        loop {
            match frames.next().map_err(failed)? {
                Next::Frame { offset, payload } => {
                    if let Err((fault, what)) = walk.take(&payload) {
                        let is_behind = fault == Fault::Missing && holds(&frames.next().map_err(failed)?, walk.state.size());
                        let swapped = (Fault::OutOfOrder, "entries stand in another order than they were written in");
                        return Ok(Some((offset, if is_behind { swapped } else { (fault, what) })));
                    }
                    scan.report.entries += 1;
                    scan.streams_seen_max = scan.streams_seen_max.max(streams_seen(&payload));
                }
                Next::End { offset, tail_bytes } => {
                    let is_short = next_first.is_some_and(|next| tail_bytes > 0 || walk.state.size() < next);
                    let short = (Fault::Truncated, "entries are missing at the end of a closed segment");
                    return Ok(is_short.then_some((offset, short)));
                }
                Next::Bad { offset, is_cut: true, .. } if next_first.is_some() => {
                    return Ok(Some((offset, (Fault::Truncated, "a closed segment ends within an entry"))));
                }
                Next::Bad { offset, .. } => return Ok(Some((offset, (Fault::Altered, "a damaged entry")))),
            }
        }
    }

    /// Checks the hashes of a range whose entries were retired.
    fn walk_retired(
        &self,
        first: u64,
        next_first: Option<u64>,
        walk: &mut Walk<'_>,
        scan: &mut Scan,
    ) -> Result<Option<(u64, Wrong)>, LogError> {
        let note = read(&self.dir.join(self.folder.retired_name(first)))?;
        scan.report.bytes += note.len() as u64;
        let Some(retired) = Retired::parse(&note, &self.folder.origin(self.stream), self.keys) else {
            return Ok(Some((0, (Fault::Altered, "the note about retired entries is not as signed"))));
        };
        if retired.first != first || first != walk.state.size() || next_first != Some(retired.end) {
            return Ok(Some((0, (Fault::Missing, "the entries before or after those that were retired are missing"))));
        }
        let mut leaves = Leaves::open(&self.dir, first)?;
        for _ in first..retired.end {
            let Some(leaf) = leaves.as_mut().map(Leaves::next).transpose()?.flatten() else {
                return Ok(Some((0, (Fault::Missing, "the hashes of retired entries are missing"))));
            };
            if let Err(wrong) = walk.take_leaf(leaf) {
                return Ok(Some((0, wrong)));
            }
        }
        // Hashes that no checkpoint vouches for would prove nothing.
        if !walk.checkpoints.iter().any(|c| c.size == retired.end) {
            return Ok(Some((0, (Fault::RolledBack, "the checkpoint over retired entries is missing"))));
        }
        scan.report.retired += retired.end - first;
        walk.state.chain = retired.chain;
        walk.state.last_ts = Some(retired.newest);
        Ok(None)
    }

    /// What only the end of the stream tells.
    fn check_end(&self, walk: &Walk<'_>, covered: u64, scan: &mut Scan) -> Result<(), LogError> {
        let report = &mut scan.report;
        let stream = || inside(self.folder, self.stream);
        if walk.state.size() < covered {
            report.find(stream(), 0, Fault::Truncated, "the log is shorter than its last checkpoint");
        } else if let Some(size) = walk.later {
            let now = check_checkpoints(self.folder, self.stream, self.keys, &mut Report::default())?;
            if !now.iter().any(|checkpoint| checkpoint.size == size) {
                let what = "a checkpoint that an entry names is missing";
                report.find(self.file(CHECKPOINTS_FILE), 0, Fault::RolledBack, what);
            }
        } else if walk.last_event_is_stop && walk.state.size() > covered {
            report.find(self.file(CHECKPOINTS_FILE), 0, Fault::RolledBack, "the checkpoint of the last stop is missing");
        }
        if let Some(pin) = walk.pins.last() {
            let what =
                format!("a checkpoint of {} entries was kept elsewhere, and the log has {}", pin.0.size, walk.state.size());
            report.find(stream(), 0, Fault::RolledBack, what);
        }
        Ok(())
    }
}

/// The first frame of a segment says what came before it.
fn check_head(head: Next, walk: &Walk<'_>) -> Option<Wrong> {
    let Next::Frame { payload, .. } = head else { return Some((Fault::Altered, "the head of the segment is damaged")) };
    match State::from_head(&payload) {
        _ if payload == walk.state.head() => None,
        Some(other) if other.size() != walk.state.size() => Some((Fault::Replayed, "the segment belongs to another place")),
        Some(_) => Some((Fault::Rewritten, "the segment goes on from other entries than those before it")),
        None => Some((Fault::Altered, "the head of the segment is damaged")),
    }
}

/// Whether a frame holds entry number `seq`.
fn holds(next: &Next, seq: u64) -> bool {
    let Next::Frame { payload, .. } = next else { return false };
    let entry: Map<String, Value> = serde_json::from_slice(payload).unwrap_or_default();
    entry.get("seq").and_then(Value::as_u64) == Some(seq)
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
    let path: &Path = &folder.path.join(stream).join(CHECKPOINTS_FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let file = read_checkpoints(&read(path)?, &folder.origin(stream), keys);
    let wrong = match file.bad {
        Some(Bad::Torn) => Some((Fault::Truncated, "the last checkpoint is incomplete")),
        Some(Bad::Wrong(fault, what)) => Some((fault, what)),
        None => None,
    };
    if let Some((fault, what)) = wrong {
        report.find(inside(folder, &format!("{stream}/{CHECKPOINTS_FILE}")), file.good_bytes, fault, what);
    }
    report.checkpoints += file.checkpoints.len() as u64;
    Ok(file.checkpoints)
}
