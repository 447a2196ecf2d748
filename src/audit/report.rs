//! What a check of a log found, and where.
//!
//! Not for: checking (`verify`, `walk`, `witness`).

use super::fault::Fault;
use super::folder::LogFolder;

/// Something wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogFinding {
    /// Path inside the archive.
    pub file: String,
    /// Byte offset in the file: the first that does not check.
    pub offset: u64,
    pub fault: Fault,
    pub what: String,
}

/// What a check of a log found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    pub findings: Vec<LogFinding>,
    pub streams: u64,
    pub entries: u64,
    /// Entries that were retired: their hashes were checked.
    pub retired: u64,
    pub checkpoints: u64,
    /// Checkpoints of a witness, or of a file, that were found in the log.
    pub witnessed: u64,
    /// Streams of which the witness has nothing.
    pub unwitnessed: Vec<String>,
    pub bytes: u64,
}

impl Report {
    pub fn ok(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn find(&mut self, file: String, offset: u64, fault: Fault, what: impl Into<String>) {
        self.findings.push(LogFinding { file, offset, fault, what: what.into() });
    }

    /// Adds what was found in one stream.
    pub(super) fn take(&mut self, stream: Report) {
        self.streams += 1;
        self.entries += stream.entries;
        self.retired += stream.retired;
        self.checkpoints += stream.checkpoints;
        self.witnessed += stream.witnessed;
        self.bytes += stream.bytes;
        self.findings.extend(stream.findings);
    }
}

pub(super) fn inside(folder: &LogFolder, path: &str) -> String {
    format!("{}/{path}", folder.name)
}
