//! Statements about records: sensitivity labels, who is who among patients, reviews of accessions; append-only and never
//! changed.
//!
//! They lie under `statements/` in streams of the audit log's make: framed, chained, checkpointed, one stream a
//! process. A statement is taken back by another one. Not for: applying statements to what is read (`query`), and who
//! may make one (`access`).

mod statement;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::audit::{self, LogError, LogFolder, Report, Stream, StreamOptions};
use crate::signing::{KeyRing, Signer};

pub use statement::{Evidence, SignOff, Statement, Verdict};

/// The folder of the statements in an archive.
pub const FOLDER: &str = "statements";

/// A statement with who made it and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    pub stream: String,
    pub seq: u64,
    pub at: Timestamp,
    /// (issuer, subject) of whoever made it.
    pub by: (String, String),
    pub statement: Statement,
}

/// Why statements cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the statements failed to be written and take no more until a restart")]
    Failed,
    #[error("statement {seq} of {stream} is of a form that this version does not know")]
    Unknown { stream: String, seq: u64 },
}

/// The stream of statements that this process writes.
#[derive(Debug)]
pub struct StatementLog {
    /// Gone after a write error: what the disk holds is unknown then.
    stream: Mutex<Option<Stream>>,
}

impl StatementLog {
    /// Takes a stream. Checkpoints are signed with the archive's audit key.
    pub fn open(archive: &Path, signer: std::sync::Arc<dyn Signer + Send + Sync>) -> Result<StatementLog, StatementError> {
        // Statements are few: small segments of reserved space do.
        let options = StreamOptions { step_bytes: 64 << 10, ..StreamOptions::default() };
        let (stream, _) = Stream::open(LogFolder::new(archive, FOLDER), signer, options)?;
        Ok(StatementLog { stream: Mutex::new(Some(stream)) })
    }

    /// Writes statements of one person and waits until they are on disk, under a checkpoint. Up to a mebibyte of them
    /// go in one commit; a crash in the midst of more leaves the first ones, and whoever wrote them says them again.
    pub fn append(&self, issuer: &str, subject: &str, statements: &[Statement]) -> Result<(), StatementError> {
        let mut guard = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out, and put back only after all went well.
        let mut stream = guard.take().ok_or(StatementError::Failed)?;
        stream.rotate_if_due()?;
        for statement in statements {
            stream.stage(members(issuer, subject, statement)?)?;
            if stream.staged_bytes() >= audit::BATCH_BYTES_MAX {
                stream.commit()?;
            }
        }
        stream.commit()?;
        stream.checkpoint()?;
        *guard = Some(stream);
        Ok(())
    }
}

/// Every statement of the archive, oldest first.
pub fn read(archive: &Path) -> Result<Vec<Made>, StatementError> {
    let folder = LogFolder::new(archive, FOLDER);
    let mut all = Vec::new();
    let mut unknown = None;
    for stream in folder.streams()? {
        let mut next = 0;
        audit::for_each_entry(&folder, &stream, |payload| {
            match parse(&stream, next, payload) {
                Some(made) => all.push(made),
                None => unknown = Some(StatementError::Unknown { stream: stream.clone(), seq: next }),
            }
            next += 1;
            unknown.is_none()
        })?;
    }
    match unknown {
        Some(error) => Err(error),
        None => {
            all.sort_by(|a, b| (a.at, &a.stream, a.seq).cmp(&(b.at, &b.stream, b.seq)));
            Ok(all)
        }
    }
}

/// The reviews of an accession, oldest first.
pub fn sign_offs<'a>(all: &'a [Made], accession: &str) -> Vec<(&'a Made, &'a SignOff)> {
    let of = |made: &'a Made| match &made.statement {
        Statement::SignOff(it) if it.accession == accession => Some((made, it)),
        _ => None,
    };
    all.iter().filter_map(of).collect()
}

/// What changes whenever a statement is added: the streams with the sizes of their checkpoints. Cheap to ask for.
pub fn stamp(archive: &Path) -> Vec<(String, u64)> {
    let folder = LogFolder::new(archive, FOLDER);
    let size = |stream: &str| std::fs::metadata(folder.path.join(stream).join(audit::CHECKPOINTS_FILE)).map_or(0, |m| m.len());
    let streams = folder.streams().unwrap_or_default();
    streams.into_iter().map(|stream| (stream.clone(), size(&stream))).collect()
}

/// Checks every byte under `statements/`, and that each statement can be read.
pub fn verify(archive: &Path, ring: &KeyRing) -> Report {
    let mut report = audit::verify_folder(&LogFolder::new(archive, FOLDER), ring);
    if report.ok()
        && let Err(error) = read(archive)
    {
        let (file, what) = (FOLDER.to_string(), error.to_string());
        report.findings.push(audit::LogFinding { file, offset: 0, fault: audit::Fault::Unreadable, what });
    }
    report
}

fn members(issuer: &str, subject: &str, statement: &Statement) -> Result<Map<String, Value>, StatementError> {
    // Serializing plain strings and numbers cannot fail; should it ever, nothing is written.
    let body = serde_json::to_value(statement).map_err(|_| StatementError::Failed)?;
    let mut all = Map::new();
    all.insert("v".into(), Value::from(1));
    all.insert("by".into(), serde_json::json!({ "iss": issuer, "sub": subject }));
    all.insert("body".into(), body);
    Ok(all)
}

fn parse(stream: &str, seq: u64, payload: &[u8]) -> Option<Made> {
    let entry: Map<String, Value> = serde_json::from_slice(payload).ok()?;
    let by = entry.get("by")?;
    Some(Made {
        stream: stream.to_string(),
        seq,
        at: entry.get("ts")?.as_str()?.parse().ok()?,
        by: (by.get("iss")?.as_str()?.to_string(), by.get("sub")?.as_str()?.to_string()),
        statement: serde_json::from_value(entry.get("body")?.clone()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::signing::{KeyPurpose, init_keys, load_signer};

    fn archive() -> (tempfile::TempDir, Arc<dyn Signer + Send + Sync>) {
        let dir = tempfile::tempdir().unwrap();
        let private = dir.path().join("private");
        init_keys(&dir.path().join("archive"), &private).unwrap();
        let signer = Arc::new(load_signer(&private, KeyPurpose::Audit).unwrap());
        (dir, signer)
    }

    fn link(a: &str, b: &str) -> Statement {
        Statement::Link { a: a.into(), b: b.into(), reason: "crosswalk".into(), evidence: Evidence::Person }
    }

    fn unlink(a: &str, b: &str) -> Statement {
        Statement::Unlink { a: a.into(), b: b.into(), reason: "wrong".into(), evidence: Evidence::Person }
    }

    #[test]
    fn statements_of_all_processes_come_back_in_order() {
        let (dir, signer) = archive();
        let path = dir.path().join("archive");
        assert_eq!(read(&path).unwrap(), []);
        let empty = stamp(&path);
        let one = StatementLog::open(&path, signer.clone()).unwrap();
        let two = StatementLog::open(&path, signer).unwrap();
        let label = Statement::LabelPut { kind: "Observation".into(), id: "x.1".into(), label: 1, reason: "HIV".into() };
        one.append("local", "u1", &[link("a", "b"), label.clone()]).unwrap();
        two.append("local", "u2", &[unlink("a", "b")]).unwrap();
        assert_ne!(stamp(&path), empty);
        let all = read(&path).unwrap();
        assert_eq!((all.len(), &all[0].statement, &all[1].statement), (3, &link("a", "b"), &label));
        assert_eq!((all[2].stream.as_str(), all[2].by.1.as_str()), ("s0001", "u2"));
        let report = verify(&path, &KeyRing::load(&path).unwrap());
        assert_eq!((report.findings, report.streams, report.entries), (vec![], 2, 3));
    }

    #[test]
    fn flipped_bytes_are_found() {
        let (dir, signer) = archive();
        let path = dir.path().join("archive");
        StatementLog::open(&path, signer).unwrap().append("local", "u", &[link("a", "b")]).unwrap();
        let ring = KeyRing::load(&path).unwrap();
        for file in ["streams", "s0000/checkpoints", "s0000/statements-00000000000000000000.log"] {
            let file = path.join(FOLDER).join(file);
            let good = std::fs::read(&file).unwrap();
            // A sample: the audit log's own test, on the same code, takes every byte.
            let end = good.iter().rposition(|b| *b != 0).unwrap() + 2;
            for at in (0..end.min(good.len())).step_by(5).chain([good.len() - 1]) {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << (at % 8);
                std::fs::write(&file, &bytes).unwrap();
                assert!(!verify(&path, &ring).ok(), "{} byte {at}", file.display());
            }
            std::fs::write(&file, &good).unwrap();
        }
        assert!(verify(&path, &ring).ok());
    }
}
