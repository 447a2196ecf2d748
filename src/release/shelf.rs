//! Where the files of requests lie: papers that came with them, frozen selections, redactions, previews, build records, and the
//! packages as they left. Each lies under its digest, so a step of the ledger that names one names its bytes.
//!
//! Files are only added. Nothing is taken away.
//!
//! Not for: what the files say, or who may have them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable::{self, DurableError, Lock};
use crate::model::AccessionId;
use crate::release::package::hex;

/// Folder of the shelf in an archive.
pub const FOLDER: &str = "releases";

/// Why the shelf does not give or take a file. The texts hold no content.
#[derive(Debug, thiserror::Error)]
pub enum ShelfFault {
    #[error(transparent)]
    Durable(#[from] DurableError),
    #[error("a file of a release is not there: {0}")]
    Missing(String),
    #[error("a file of a release is not what it was: {0}")]
    Changed(String),
    #[error("this is no digest of a file")]
    Digest,
    #[error("too many packages are being made at once")]
    Busy,
    #[error("a file of a release cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// How many packages can be made at once.
const BENCHES: usize = 8;

/// A place where files are made.
#[derive(Debug)]
pub struct Bench {
    folder: PathBuf,
    _lock: Lock,
}

impl Bench {
    /// The path of a file on it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What stays goes when the place is next used.
        if let Err(error) = durable::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "the folder of a build stays");
        }
    }
}

/// The shelf of an archive.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The shelf of the archive in `root`; nothing is made until the first file is put there.
    pub fn of(root: &Path) -> Shelf {
        Shelf { folder: root.join(FOLDER) }
    }

    fn path(&self, digest: &str) -> Result<PathBuf, ShelfFault> {
        let is_one = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let first = digest.get(..2).filter(|_| is_one).ok_or(ShelfFault::Digest)?;
        Ok(self.folder.join("files").join(first).join(digest))
    }

    /// Keeps bytes; gives their digest (SHA-256, hex). Bytes that lie there already are not written again.
    pub fn put(&self, bytes: &[u8]) -> Result<String, ShelfFault> {
        let digest = hex(&Sha256::digest(bytes));
        let path = self.path(&digest)?;
        if path.exists() {
            return Ok(digest);
        }
        if let Some(folder) = path.parent() {
            durable::create_dir_all(folder)?;
        }
        match durable::write_new(&path, bytes) {
            Ok(_) => Ok(digest),
            Err(error) if error.is_already_exists() => Ok(digest),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a file that was written beside, as [`Shelf::room`] gives; it is moved, not copied. `digest` is checked.
    pub fn take(&self, file: &Path, digest: &str) -> Result<(), ShelfFault> {
        if digest_of(File::open(file)?)? != digest {
            return Err(ShelfFault::Changed(digest.to_owned()));
        }
        let path = self.path(digest)?;
        if let Some(folder) = path.parent() {
            durable::create_dir_all(folder)?;
        }
        if path.exists() {
            return Ok(durable::remove_file(file)?);
        }
        File::open(file)?.sync_all()?;
        Ok(durable::rename(file, &path)?)
    }

    /// A folder on the same disk for files that are being made.
    pub fn room(&self) -> Result<PathBuf, ShelfFault> {
        let room = self.folder.join("making");
        durable::create_dir_all(&room)?;
        Ok(room)
    }

    /// A folder of its own for somebody who makes files, gone again when it is dropped. What a process that was killed left there
    /// goes when the place is next used.
    ///
    /// # Errors
    /// `Busy` when all places are taken.
    pub fn bench(&self) -> Result<Bench, ShelfFault> {
        let room = self.room()?;
        for place in 0..BENCHES {
            if let Some(lock) = durable::lock_exclusive(&room.join(format!("bench-{place}.lock")))? {
                let folder = room.join(format!("bench-{place}"));
                if folder.exists() {
                    durable::remove_dir_all(&folder)?;
                }
                durable::create_dir(&folder)?;
                return Ok(Bench { folder, _lock: lock });
            }
        }
        Err(ShelfFault::Busy)
    }

    /// Where the leaves of an accession are kept.
    pub fn leaves(&self, accession: &AccessionId) -> Result<PathBuf, ShelfFault> {
        let folder = self.folder.join("leaves");
        durable::create_dir_all(&folder)?;
        Ok(folder.join(accession.as_str()))
    }

    /// A file to read from; the caller checks what it reads, or uses [`Shelf::get`].
    pub fn open(&self, digest: &str) -> Result<File, ShelfFault> {
        File::open(self.path(digest)?).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ShelfFault::Missing(digest.to_owned()),
            _ => ShelfFault::Read(error),
        })
    }

    /// Likewise of a file that may be large: read through once and checked against its digest. Whoever keeps it open asks
    /// [`stamp`] whether it was written to since.
    pub fn checked(&self, digest: &str) -> Result<File, ShelfFault> {
        let file = self.open(digest)?;
        if digest_of(&file)? == digest { Ok(file) } else { Err(ShelfFault::Changed(digest.to_owned())) }
    }

    pub fn has(&self, digest: &str) -> bool {
        self.path(digest).is_ok_and(|path| path.is_file())
    }

    /// The bytes of a small file, checked against their digest.
    pub fn get(&self, digest: &str) -> Result<Vec<u8>, ShelfFault> {
        let mut bytes = Vec::new();
        self.open(digest)?.read_to_end(&mut bytes)?;
        if hex(&Sha256::digest(&bytes)) != digest {
            return Err(ShelfFault::Changed(digest.to_owned()));
        }
        Ok(bytes)
    }
}

/// Size and time of the last change of a file.
pub fn stamp(file: &File) -> io::Result<(u64, std::time::SystemTime)> {
    let known = file.metadata()?;
    Ok((known.len(), known.modified()?))
}

/// SHA-256 of what a reader gives, in hexadecimal digits.
pub fn digest_of(mut from: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_on_a_bench_is_gone_when_it_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(folder.path());
        let (one, two) = (shelf.bench().unwrap(), shelf.bench().unwrap());
        assert_ne!(one.file("a"), two.file("a"));
        let left = one.file("a");
        std::fs::write(&left, b"half").unwrap();
        drop(one);
        assert!(!left.exists());
        // As a process leaves it that was killed.
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        std::fs::write(&left, b"half").unwrap();
        assert!(!shelf.bench().unwrap().file("a").exists());
        let all: Vec<Bench> = (0..BENCHES - 1).map(|_| shelf.bench().unwrap()).collect();
        assert!(matches!(shelf.bench(), Err(ShelfFault::Busy)));
        drop(all);
    }

    #[test]
    fn what_lies_there_is_what_was_put_there() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(folder.path());
        let digest = shelf.put(b"a selection").unwrap();
        assert_eq!(shelf.put(b"a selection").unwrap(), digest);
        assert_eq!(shelf.get(&digest).unwrap(), b"a selection");
        let other = shelf.room().unwrap().join("package");
        std::fs::write(&other, b"a package").unwrap();
        let of_other = hex(&Sha256::digest(b"a package"));
        assert!(matches!(shelf.take(&other, &digest), Err(ShelfFault::Changed(_))));
        shelf.take(&other, &of_other).unwrap();
        assert!(shelf.has(&of_other) && !other.exists());
        std::fs::write(shelf.path(&digest).unwrap(), b"another").unwrap();
        assert!(matches!(shelf.get(&digest), Err(ShelfFault::Changed(_))));
        assert!(matches!(shelf.get("../../etc/passwd"), Err(ShelfFault::Digest)));
        assert!(matches!(shelf.get(&"0".repeat(64)), Err(ShelfFault::Missing(_))));
    }
}
