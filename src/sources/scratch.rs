//! Where containers are unpacked: a folder that only this user reads and that goes away with the delivery.
//!
//! Files are numbered; the name that a container gives a member never becomes a path on this disk.
//!
//! Not for: anything that must survive a crash.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Files of one folder; more in one make some file systems slow.
const FILES_PER_FOLDER: u64 = 4096;

/// The unpacked members of a delivery. Made when the first is needed.
#[derive(Debug)]
pub struct Scratch {
    parent: PathBuf,
    folder: Option<TempDir>,
    files: u64,
}

impl Scratch {
    /// Unpacks below `parent`, or where temporary files lie when nothing can be written there.
    pub(super) fn below(parent: &Path) -> Scratch {
        Scratch { parent: parent.to_path_buf(), folder: None, files: 0 }
    }

    /// A new, empty file.
    pub(super) fn file(&mut self) -> io::Result<(PathBuf, File)> {
        let top = match &self.folder {
            Some(folder) => folder.path(),
            None => self.folder.insert(make(&self.parent)?).path(),
        };
        let folder = top.join(format!("{:05}", self.files / FILES_PER_FOLDER));
        if self.files.is_multiple_of(FILES_PER_FOLDER) {
            std::fs::create_dir(&folder)?;
        }
        let path = folder.join(format!("{:04}", self.files % FILES_PER_FOLDER));
        self.files += 1;
        let file = File::create_new(&path)?;
        Ok((path, file))
    }
}

fn make(parent: &Path) -> io::Result<TempDir> {
    let make_in = |parent: &Path| {
        std::fs::create_dir_all(parent)?;
        tempfile::Builder::new().prefix("unpacked-").tempdir_in(parent)
    };
    make_in(parent).or_else(|_| make_in(&std::env::temp_dir()))
}
