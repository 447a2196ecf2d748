//! Checkpoints outside the archive: a folder where each is dropped, and reading them back to compare.
//!
//! The folder has one file a stream, `<stream>.checkpoints`, which only grows; best it lies on another machine, or where
//! nothing can be changed. When it is away nothing waits for it: an alarm says so, and what is missing there is added once
//! it is back. Not for: what a witness proves (`walk`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::durable;
use crate::signing::VerifierKey;

use super::LogError;
use super::checkpoint::{Checkpoint, Pin, notes};
use super::fault::Fault;
use super::folder::{CHECKPOINTS_FILE, LogFolder, file_names, is_stream_name, read};
use super::report::LogFinding;

/// How findings name the folder and the file, whose own places are outside the archive.
pub(super) const SHOWN_AS: &str = "witness";
pub(super) const FILE_SHOWN_AS: &str = "checkpoint file";

pub(super) const ENDING: &str = ".checkpoints";
/// How often a witness that failed is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(30);
/// How long the end of a process waits for its last checkpoint to be dropped.
const CLOSE_WAIT: Duration = Duration::from_secs(3);

/// The checkpoints that were kept, by stream, and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub pins: BTreeMap<String, Vec<Pin>>,
    pub findings: Vec<LogFinding>,
}

/// The checkpoints in a witness folder.
pub(super) fn kept_in(dir: &Path, folder: &LogFolder, keys: &[VerifierKey]) -> Result<Kept, LogError> {
    let mut kept = Kept::default();
    for name in file_names(dir)? {
        let Some(stream) = name.strip_suffix(ENDING).filter(|stream| is_stream_name(stream)) else { continue };
        kept.add(&read(&dir.join(&name))?, Some(stream), &format!("{SHOWN_AS}/{name}"), folder, keys);
    }
    Ok(kept)
}

/// The checkpoints in one file, of any streams.
pub(super) fn kept_in_file(file: &Path, folder: &LogFolder, keys: &[VerifierKey]) -> Result<Kept, LogError> {
    let mut kept = Kept::default();
    kept.add(&read(file)?, None, FILE_SHOWN_AS, folder, keys);
    if kept.pins.is_empty() && kept.findings.is_empty() {
        kept.find(FILE_SHOWN_AS, 0, Fault::Altered, "the file holds no checkpoint");
    }
    Ok(kept)
}

impl Kept {
    /// Adds the notes of a file. One that was cut short by a crash is passed over: what follows it begins anew.
    fn add(&mut self, bytes: &[u8], stream: Option<&str>, file: &str, folder: &LogFolder, keys: &[VerifierKey]) {
        let text = String::from_utf8_lossy(bytes);
        let start = format!("chartkeep/{}/", folder.name);
        for (offset, note) in pieces(&text, &start) {
            let origin = note.lines().next().unwrap_or_default();
            let named = origin.strip_prefix(&start).filter(|name| is_stream_name(name));
            let Some(whole) = notes(note).first().copied() else { continue };
            let Some(name) = named.filter(|name| stream.is_none_or(|stream| stream == *name)) else {
                self.find(file, offset, Fault::Replayed, "it is a checkpoint of another log");
                continue;
            };
            match Checkpoint::parse(whole, &folder.origin(name), keys) {
                Ok(checkpoint) => self.pins.entry(name.to_string()).or_default().push(Pin(checkpoint)),
                Err((fault, what)) => self.find(file, offset, fault, what),
            }
        }
    }

    fn find(&mut self, file: &str, offset: u64, fault: Fault, what: &str) {
        self.findings.push(LogFinding { file: file.to_string(), offset, fault, what: what.to_string() });
    }
}

/// A text cut before every line that starts a note, with the place of each piece.
fn pieces<'a>(text: &'a str, start: &str) -> Vec<(u64, &'a str)> {
    let places: Vec<usize> =
        text.match_indices(start).map(|(at, _)| at).filter(|at| *at == 0 || text[..*at].ends_with('\n')).collect();
    let ends = places.iter().skip(1).copied().chain([text.len()]);
    places.iter().zip(ends).map(|(from, to)| (*from as u64, &text[*from..to])).collect()
}

/// Keeps a witness folder up with the checkpoints of one stream, in a thread of its own.
#[derive(Debug)]
pub(super) struct Witness {
    poke: Sender<()>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Witness {
    /// `alarm` is told when the folder cannot be written, and when it can again.
    pub(super) fn start(
        dir: PathBuf,
        folder: &LogFolder,
        stream: &str,
        alarm: impl Fn(&'static str) + Send + 'static,
    ) -> Result<Witness, LogError> {
        let (poke, pokes) = bounded(1);
        let (end, ended) = bounded(0);
        let source = folder.path.join(stream).join(CHECKPOINTS_FILE);
        let target = dir.join(format!("{stream}{ENDING}"));
        let work = move || {
            follow(&pokes, &Copying { source, target }, &alarm);
            // Dropping it says that everything was tried.
            drop(end);
        };
        let thread = std::thread::Builder::new().name("witness".to_string()).spawn(work).map_err(LogError::Thread)?;
        let witness = Witness { poke, ended, thread: Some(thread) };
        witness.poke();
        Ok(witness)
    }

    /// Says that there is a new checkpoint. Never waits.
    pub(super) fn poke(&self) {
        // Full: it will look anyway.
        let _ = self.poke.try_send(());
    }

    /// Lets it finish, but not for ever: a folder of the network may hang.
    pub(super) fn close(mut self) {
        drop(self.poke);
        if self.ended.recv_timeout(CLOSE_WAIT) == Err(RecvTimeoutError::Disconnected)
            && let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the witness thread ended abnormally");
        }
    }
}

fn follow(pokes: &Receiver<()>, files: &Copying, alarm: &impl Fn(&'static str)) {
    let mut is_well = true;
    loop {
        let ended = match pokes.recv_timeout(RETRY_EVERY) {
            Ok(()) => false,
            Err(RecvTimeoutError::Timeout) if is_well => continue,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        match files.catch_up() {
            Ok(Caught::Up) if !is_well => {
                is_well = true;
                tracing::warn!("the witness folder takes checkpoints again");
                alarm("the witness folder takes checkpoints again");
            }
            Ok(Caught::Up) => {}
            Ok(Caught::Forked) => {
                tracing::error!("the witness folder holds a checkpoint that this log does not have");
                metrics::counter!("chartkeep_audit_witness_errors_total").increment(1);
                alarm("the witness folder holds a checkpoint that this log does not have");
            }
            Err(error) => {
                metrics::counter!("chartkeep_audit_witness_errors_total").increment(1);
                if std::mem::replace(&mut is_well, false) {
                    tracing::error!(%error, "a checkpoint cannot be put into the witness folder");
                    alarm("a checkpoint cannot be put into the witness folder");
                }
            }
        }
        if ended {
            return;
        }
    }
}

/// A stream's own checkpoints and the file that they are dropped into.
struct Copying {
    source: PathBuf,
    target: PathBuf,
}

#[derive(PartialEq, Eq, Debug)]
enum Caught {
    Up,
    /// The witness knows a checkpoint that the log does not. What is new is added all the same: it is evidence.
    Forked,
}

impl Copying {
    /// Adds what the log has and the witness has not. Nothing that stands there is changed.
    fn catch_up(&self) -> Result<Caught, LogError> {
        let own = String::from_utf8_lossy(&read(&self.source)?).into_owned();
        let own = notes(&own);
        let there = if self.target.exists() { read(&self.target)? } else { Vec::new() };
        let there = String::from_utf8_lossy(&there).into_owned();
        let start = own.first().and_then(|note| note.lines().next()).unwrap_or_default();
        let last =
            pieces(&there, start).into_iter().rev().find_map(|(_, piece)| notes(piece).first().copied().map(str::to_string));
        let known = last.as_ref().map(|last| own.iter().rposition(|note| note == last));
        let (from, caught) = match known {
            None => (0, Caught::Up),
            Some(Some(at)) => (at + 1, Caught::Up),
            Some(None) => (own.len().saturating_sub(1), Caught::Forked),
        };
        let new = own.get(from..).unwrap_or_default().concat();
        if !new.is_empty() {
            // A line that a crash left unfinished ends here.
            let gap = if there.is_empty() || there.ends_with('\n') { "" } else { "\n" };
            durable::append(&self.target, format!("{gap}{new}").as_bytes())?;
        }
        Ok(caught)
    }
}
