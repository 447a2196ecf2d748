//! What the integration tests share: the built binary, a folder for this run, the made-up hospital, archives, a server.
//!
//! Not for: assertions. What a command or an answer must be is for the test that asks.
#![allow(dead_code, unused_imports, reason = "each module of the tests uses its own part")]

pub mod archive;
mod hospital;
pub mod issuer;
mod scratch;
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use chartkeep::audit::Query;
use serde_json::Value;

pub use hospital::{Hospital, hospital, loaded};
pub use scratch::{Folder, copy, folder};
pub use server::{Answer, Server};

/// The source system that tests deliver from when it does not matter.
pub const SOURCE: &str = "mer";

/// What a command came to.
#[derive(Debug)]
pub struct Run {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn of(output: Output) -> Run {
        let text = |bytes| String::from_utf8(bytes).expect("commands print UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The JSON object on the last line.
    pub fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|e| panic!("the last line is no JSON ({e}): {self:?}"))
    }

    /// Panics unless the exit code is the one expected.
    #[track_caller]
    pub fn expect(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// The built binary, not yet started, with nothing on its standard input.
pub fn command<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chartkeep"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the built binary to its end.
pub fn chartkeep<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Run {
    Run::of(command(args).output().expect("the binary starts"))
}

/// A test must not depend on how full its disk is; `src/audit` has the test of that.
pub const ROOM: &str = "[audit]\nreserve_mib = 64\n";

/// An archive below `folder`, empty. Its limits are far above what tests ask; `gate::rate` has an archive with low ones.
pub fn init(folder: &Folder) -> PathBuf {
    let archive = folder.path().join("archive");
    init_at(&archive);
    archive
}

/// The same in a folder of the caller's choice.
pub fn init_at(archive: &Path) {
    chartkeep([Path::new("init"), archive]).expect(0);
    let many = "[http]\nrequests_per_second = 100000\nrequests_burst = 100000\npatient_searches_per_minute = 100000\n";
    std::fs::write(archive.join("chartkeep.toml"), format!("{many}failures_per_minute = 100000\n{ROOM}")).expect("written");
}

/// `ingest --json` of paths; the exit code is for the caller to check.
pub fn ingest(archive: &Path, paths: &[&Path]) -> Run {
    ingest_from(SOURCE, archive, paths)
}

/// `ingest --json` of paths from a named source system.
pub fn ingest_from(source_system: &str, archive: &Path, paths: &[&Path]) -> Run {
    let words = [Path::new("ingest"), Path::new("--json"), Path::new("--source-system"), Path::new(source_system), archive];
    chartkeep(words.into_iter().chain(paths.iter().copied()))
}

/// A bearer token for a made-up subject in a role.
pub fn token(archive: &Path, role: &str) -> String {
    let archive = archive.to_str().expect("test folders have plain names");
    let run = chartkeep(["token", archive, "--user", "tester", "--role", role]).expect(0);
    run.stdout.trim().to_string()
}

/// The details of all audit entries of an event, oldest first.
pub fn audited(archive: &Path, event: &str) -> Vec<Value> {
    let question = Query { event: Some(event.into()), newest_first: false, limit: usize::MAX, ..Query::default() };
    let found = chartkeep::audit::read(archive, &question).expect("the audit log reads");
    found.into_iter().map(|found| found.entry["detail"].clone()).collect()
}

/// All lines of one type in a folder that `chartkeep export` wrote, of all its parts.
pub fn exported(dir: &Path, kind: &str) -> String {
    let mut files: Vec<_> =
        std::fs::read_dir(dir.join("fhir")).into_iter().flatten().map(|e| e.expect("listed").path()).collect();
    files.sort();
    let of_kind = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.split('.').next() == Some(kind)
    };
    files.iter().filter(of_kind).map(|path| std::fs::read_to_string(path).expect("text")).collect()
}

/// A document of such a folder, by its id.
pub fn exported_document(dir: &Path, id: &str) -> Option<Vec<u8>> {
    let parts = std::fs::read_dir(dir.join("documents")).ok()?.map(|part| part.expect("listed").path());
    let files = parts.flat_map(|part| std::fs::read_dir(part).expect("a folder").map(|file| file.expect("listed").path()));
    let mut named = files.filter(|file| file.file_stem().is_some_and(|name| name == id));
    named.next().map(|file| std::fs::read(file).expect("a document"))
}

/// The files of all catalogs, oldest first.
pub fn catalogs(archive: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(archive.join("catalog")).expect("an archive has catalogs");
    let mut names: Vec<String> = entries.map(|e| e.expect("listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
