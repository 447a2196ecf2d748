//! Reading entries back: for `audit show` and for the page that says who looked at a chart.
//!
//! Takes every segment from its start and checks frames only; `verify` is what proves them. Not for: deciding who may
//! read the log, and logging that it was read.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::folder::LogFolder;
use super::frame::{FrameReader, Next};
use super::{FOLDER, LogError};

/// Which entries are wanted. What is `None` does not narrow.
#[derive(Clone, Debug)]
pub struct Query {
    /// Archive id of a patient whose data left or whom the question was about.
    pub patient: Option<String>,
    /// `sub` of a user.
    pub user: Option<String>,
    pub event: Option<String>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Newest entries first, and the newest are kept when there are more than `limit`.
    pub newest_first: bool,
    /// Most entries returned.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Query { patient: None, user: None, event: None, from: None, to: None, newest_first: true, limit: 1_000 }
    }
}

/// One entry as it stands in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    pub stream: String,
    pub seq: u64,
    pub ts: Timestamp,
    pub entry: Map<String, Value>,
}

/// The entries that match, of all streams, by time.
pub fn read(archive: &Path, query: &Query) -> Result<Vec<Found>, LogError> {
    let mut found: Vec<Found> = Vec::new();
    for stream in LogFolder::new(archive, FOLDER).streams()? {
        found.extend(read_stream(archive, &stream, query)?);
    }
    found.sort_by(|a, b| (a.ts, &a.stream, a.seq).cmp(&(b.ts, &b.stream, b.seq)));
    if query.newest_first {
        found.reverse();
    }
    found.truncate(query.limit);
    Ok(found)
}

/// The matching entries of one stream, at most `limit`, in memory for that many.
fn read_stream(archive: &Path, stream: &str, query: &Query) -> Result<VecDeque<Found>, LogError> {
    let mut kept = VecDeque::new();
    // Most payloads do not name the patient at all: they need not be parsed.
    let needle = query.patient.as_deref().map(|patient| memchr::memmem::Finder::new(patient.as_bytes()));
    for_each_entry(&LogFolder::new(archive, FOLDER), stream, |payload| {
        if needle.as_ref().is_some_and(|n| n.find(payload).is_none()) {
            return true;
        }
        let Ok(entry) = serde_json::from_slice::<Map<String, Value>>(payload) else { return true };
        let place = (|| Some((entry.get("seq")?.as_u64()?, entry.get("ts")?.as_str()?.parse().ok()?)))();
        if let Some((seq, ts)) = place.filter(|(_, ts)| matches(&entry, *ts, query)) {
            kept.push_back(Found { stream: stream.to_string(), seq, ts, entry });
            if kept.len() > query.limit && query.newest_first {
                kept.pop_front();
            }
        }
        query.newest_first || kept.len() < query.limit
    })?;
    Ok(kept)
}

/// Hands the payload of every entry of a stream to `take`, in order, until it returns false. Ends at the first bytes
/// that are no frame: the end of what is written so far. Entries that were retired are passed over.
pub(crate) fn for_each_entry(folder: &LogFolder, stream: &str, take: impl FnMut(&[u8]) -> bool) -> Result<(), LogError> {
    for_each_from(folder, stream, 0, take)
}

/// The payload of one entry; `None` when it is not there, or was retired.
pub(crate) fn entry_bytes(folder: &LogFolder, stream: &str, seq: u64) -> Result<Option<Vec<u8>>, LogError> {
    let mut found = None;
    for_each_from(folder, stream, seq, |payload| {
        found = Some(payload.to_vec());
        false
    })?;
    // Without the segment of `seq` the next one comes first.
    let number = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).ok()?.get("seq")?.as_u64();
    Ok(found.filter(|bytes| number(bytes) == Some(seq)))
}

/// As [`for_each_entry`], from entry number `from` on. Segments that end before it are not read.
pub(crate) fn for_each_from(
    folder: &LogFolder,
    stream: &str,
    from: u64,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), LogError> {
    let segments = folder.segments(stream)?;
    let skipped = segments.iter().rposition(|first| *first <= from).unwrap_or(0);
    for first in segments.iter().skip(skipped).copied() {
        let path = folder.path.join(stream).join(folder.segment_name(first));
        let failed = |source| LogError::Read { path: path.clone(), source };
        let input = match File::open(&path) {
            Ok(file) => BufReader::with_capacity(1 << 18, file),
            // Retired since the folder was read.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        let Some(mut frames) = FrameReader::new(input).map_err(failed)? else { continue };
        // The first frame is the head of the segment and no entry.
        let mut to_skip = 1 + from.saturating_sub(first);
        while let Next::Frame { payload, .. } = frames.next().map_err(failed)? {
            if to_skip > 0 {
                to_skip -= 1;
            } else if !take(&payload) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn matches(entry: &Map<String, Value>, ts: Timestamp, query: &Query) -> bool {
    let patients = entry.get("patients").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let event = entry.get("event").and_then(Value::as_str);
    let user = entry.get("user").and_then(|u| u.get("sub")).and_then(Value::as_str);
    let is_patient = |wanted: &str| patients.iter().any(|p| p.get("archive_id").and_then(Value::as_str) == Some(wanted));
    query.patient.as_deref().is_none_or(is_patient)
        && query.user.as_deref().is_none_or(|wanted| user == Some(wanted))
        && query.event.as_deref().is_none_or(|wanted| event == Some(wanted))
        && query.from.is_none_or(|from| ts >= from)
        && query.to.is_none_or(|to| ts < to)
}
