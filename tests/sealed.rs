//! What the tests of whole commands share: running the binary, and a small archive of made-up patients.
//!
//! Not for: checks of any one behaviour.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs the binary.
pub fn chartkeep<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chartkeep")).args(args).output().unwrap()
}

/// Runs the binary and demands exit code 0 or 1; gives what it printed.
pub fn succeed<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> String {
    let output = chartkeep(args);
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "exit {code:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A made-up delivery and an archive that holds it.
pub struct Fixture {
    _dir: tempfile::TempDir,
    pub archive: PathBuf,
    pub delivery: PathBuf,
    pub keys: PathBuf,
}

impl Fixture {
    pub fn new(patients: u32, seed: u32) -> Fixture {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (archive, delivery, keys) = (dir.path().join("a"), dir.path().join("d"), dir.path().join("a.keys"));
        succeed(&["synth", text(&delivery), "--patients", &patients.to_string(), "--seed", &seed.to_string()]);
        succeed(&["init", text(&archive)]);
        succeed(&["ingest", text(&archive), text(&delivery), "--source-system", "mer"]);
        Fixture { _dir: dir, archive, delivery, keys }
    }

    /// The folder of the first accession.
    pub fn accession(&self) -> PathBuf {
        let mut folders = std::fs::read_dir(self.archive.join("accessions")).unwrap();
        folders.next().unwrap().unwrap().path()
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// All files below a folder, sorted.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() { files.extend(files_below(&entry.path())) } else { files.push(entry.path()) }
    }
    files.sort();
    files
}
