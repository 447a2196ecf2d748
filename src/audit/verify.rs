//! The check of a whole log: every byte of every stream, the list of streams, every checkpoint, and the checkpoints that
//! a witness keeps.
//!
//! Reads only. Whether the ring of keys is the right one is the caller's question (`KeyRing::check_against`). Not for:
//! the way through one stream (`walk`), and repair.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::durable;
use crate::signing::{KeyPurpose, KeyRing, VerifierKey};

use super::checkpoint::Pin;
use super::fault::Fault;
use super::folder::{CHECKPOINTS_FILE, LOCK_FILE, LogFolder, STREAMS_FILE, file_names, is_stream_name, read};
use super::report::{Report, inside};
use super::tiles::TILES_FOLDER;
use super::walk::{Scan, scan_stream};
use super::witness::{self, Kept};
use super::{FOLDER, LogError, tiles};

/// Scans of a stream that is being written to, before what looks wrong at its end counts as wrong.
const LIVE_SCANS_MAX: u32 = 5;
const LIVE_PAUSE: Duration = Duration::from_millis(50);

/// Checkpoints that were kept outside the archive, with which a log is compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Against<'a> {
    /// The folder where each checkpoint was dropped.
    pub witness: Option<&'a Path>,
    /// A file of checkpoints that were checked before: entries before them are taken as read, the rest is checked.
    pub from: Option<&'a Path>,
}

/// Checks the audit log of an archive. A log that was never written is in order.
pub fn verify(archive: &Path, ring: &KeyRing) -> Report {
    verify_against(archive, ring, Against::default())
}

/// Checks the audit log of an archive, and that it holds every checkpoint that was kept elsewhere.
pub fn verify_against(archive: &Path, ring: &KeyRing, against: Against<'_>) -> Report {
    let folder = LogFolder::new(archive, FOLDER);
    let keys = ring.verifiers(KeyPurpose::Audit);
    let mut report = Report::default();
    let mut kept = Kept::default();
    if let Some(dir) = against.witness {
        match witness::kept_in(dir, &folder, &keys) {
            Ok(found) => kept = found,
            Err(error) => report.find(witness::SHOWN_AS.into(), 0, Fault::Unreadable, error.to_string()),
        }
    }
    let mut from = Kept::default();
    if let Some(file) = against.from {
        match witness::kept_in_file(file, &folder, &keys) {
            Ok(found) => from = found,
            Err(error) => report.find(witness::FILE_SHOWN_AS.into(), 0, Fault::Unreadable, error.to_string()),
        }
    }
    report.findings.extend([&kept, &from].into_iter().flat_map(|kept| kept.findings.clone()));
    let outside = Outside { kept: &kept.pins, from: &from.pins, has_witness: against.witness.is_some() };
    check(&folder, &keys, &outside, &mut report);
    report
}

pub(crate) fn verify_folder(folder: &LogFolder, ring: &KeyRing) -> Report {
    let mut report = Report::default();
    let none = BTreeMap::new();
    let outside = Outside { kept: &none, from: &none, has_witness: false };
    check(folder, &ring.verifiers(KeyPurpose::Audit), &outside, &mut report);
    report
}

/// Checkpoints from outside the archive, by stream.
struct Outside<'a> {
    kept: &'a BTreeMap<String, Vec<Pin>>,
    from: &'a BTreeMap<String, Vec<Pin>>,
    has_witness: bool,
}

fn check(folder: &LogFolder, keys: &[VerifierKey], outside: &Outside<'_>, report: &mut Report) {
    if let Err(error) = check_folder(folder, keys, outside, report) {
        report.find(folder.name.to_string(), 0, Fault::Unreadable, error.to_string());
    }
}

fn check_folder(folder: &LogFolder, keys: &[VerifierKey], outside: &Outside<'_>, report: &mut Report) -> Result<(), LogError> {
    let mut listed = Vec::new();
    let mut present = Vec::new();
    let names = if folder.path.exists() { file_names(&folder.path)? } else { Vec::new() };
    for name in names {
        let path = folder.path.join(&name);
        if name == STREAMS_FILE {
            match folder.parse_list(&read(&path)?, keys) {
                Ok(names) => listed = names,
                Err((offset, fault)) => {
                    report.find(inside(folder, &name), offset, fault, "the list of streams is not as signed");
                }
            }
        } else if is_stream_name(&name) && path.is_dir() {
            present.push(name);
        } else {
            check_other_file(&path, &name, inside(folder, &name), report)?;
        }
    }
    let mut streams_seen_max = 0;
    for name in &present {
        let scan = check_stream(folder, name, keys, outside)?;
        if !listed.contains(name) && scan.report.entries > 0 {
            report.find(inside(folder, name), 0, Fault::Stray, "the stream is not on the signed list");
        }
        let is_empty = scan.segments == 0 || scan.report.checkpoints == 0;
        if listed.contains(name) && is_empty && scan.report.ok() {
            let what = "the segments or the checkpoints of the stream are missing";
            report.find(inside(folder, name), 0, Fault::Missing, what);
        }
        if outside.has_witness && scan.report.checkpoints > 0 && !outside.kept.contains_key(name) {
            report.unwitnessed.push(name.clone());
        }
        streams_seen_max = streams_seen_max.max(scan.streams_seen_max);
        report.take(scan.report);
    }
    let known = listed.iter().chain(outside.kept.keys()).chain(outside.from.keys());
    let mut missing: Vec<&String> = known.filter(|name| !present.contains(name)).collect();
    missing.sort_unstable();
    missing.dedup();
    for name in missing {
        report.find(inside(folder, name), 0, Fault::Missing, "the stream is missing");
    }
    if streams_seen_max > listed.len() as u64 {
        report.find(inside(folder, STREAMS_FILE), 0, Fault::RolledBack, "the list of streams is shorter than it was");
    }
    Ok(())
}

/// Checks a stream. One that another process writes to may look torn for a moment, so it gets another look.
fn check_stream(folder: &LogFolder, stream: &str, keys: &[VerifierKey], outside: &Outside<'_>) -> Result<Scan, LogError> {
    let pins = |of: &BTreeMap<String, Vec<Pin>>| of.get(stream).cloned().unwrap_or_default();
    let (kept, from) = (pins(outside.kept), pins(outside.from));
    let mut scan = scan_stream(folder, stream, keys, &kept, &from)?;
    for _ in 1..LIVE_SCANS_MAX {
        if scan.report.ok() || !durable::is_locked(&folder.path.join(stream).join(LOCK_FILE)) {
            break;
        }
        std::thread::sleep(LIVE_PAUSE);
        let again = scan_stream(folder, stream, keys, &kept, &from)?;
        let unchanged = again.report.findings == scan.report.findings;
        scan = again;
        if unchanged {
            break;
        }
    }
    check_files(folder, stream, &mut scan.report)?;
    Ok(scan)
}

/// That nothing lies in a stream's folder but what belongs there.
fn check_files(folder: &LogFolder, stream: &str, report: &mut Report) -> Result<(), LogError> {
    let dir = folder.path.join(stream);
    for name in file_names(&dir)? {
        let is_known = name == CHECKPOINTS_FILE || folder.segment_first(&name).is_some() || folder.retired_first(&name).is_some();
        if name == TILES_FOLDER && dir.join(&name).is_dir() {
            for tile in file_names(&dir.join(&name))?.iter().filter(|tile| tiles::level_of_name(tile).is_none()) {
                let path = dir.join(&name).join(tile);
                check_other_file(&path, tile, inside(folder, &format!("{stream}/{name}/{tile}")), report)?;
            }
        } else if !is_known {
            check_other_file(&dir.join(&name), &name, inside(folder, &format!("{stream}/{name}")), report)?;
        }
    }
    Ok(())
}

/// Lock files are empty, unfinished files are nobody's, and nothing else belongs here.
fn check_other_file(path: &Path, name: &str, file: String, report: &mut Report) -> Result<(), LogError> {
    if name == LOCK_FILE {
        if !read(path)?.is_empty() {
            report.find(file, 0, Fault::Stray, "a lock file is not empty");
        }
    } else if !durable::is_temporary(name) {
        report.find(file, 0, Fault::Stray, "not a file of a log");
    }
    Ok(())
}
