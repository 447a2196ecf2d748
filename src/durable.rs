//! The only code that creates, syncs, renames and locks files of an archive.
//!
//! A file made here is either whole and on disk under its name, or not there at all; a crash leaves at most a temporary
//! sibling whose name starts with `.tmp-`. Not for: what the files hold, and reading them.

mod append;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

pub use append::AppendFile;

/// How the name of an unfinished file starts. Such a file belongs to nobody once its writer is gone.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

const BUFFER_BYTES: usize = 256 << 10;

/// A file operation that failed. The path names a file of the archive and holds no patient data.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct DurableError {
    pub action: &'static str,
    pub path: PathBuf,
    pub source: io::Error,
}

impl DurableError {
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// Whether a file was to be created that is already there.
    pub fn is_already_exists(&self) -> bool {
        self.kind() == io::ErrorKind::AlreadyExists
    }
}

/// Turns an `io::Error` into ours, with what was tried and where.
fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DurableError {
    move |source| DurableError { action, path: path.to_path_buf(), source }
}

/// Size and SHA-256 of a file as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileDigest {
    pub bytes: u64,
    pub sha256: [u8; 32],
}

/// A file being written under a temporary name. [`NewFile::finish`] publishes it; dropped unfinished, it is removed.
#[derive(Debug)]
pub struct NewFile {
    writer: BufWriter<Hashing>,
    bytes: u64,
    target: PathBuf,
}

/// Below the buffer, so that the hash sees few large pieces.
#[derive(Debug)]
struct Hashing {
    file: NamedTempFile,
    sha256: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile {
    /// Starts a file that will stand at `path`. Its folder must exist.
    pub fn create(path: &Path) -> Result<NewFile, DurableError> {
        let file = temporary_sibling(path)?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, Hashing { file, sha256: Sha256::new() });
        Ok(NewFile { writer, bytes: 0, target: path.to_path_buf() })
    }

    /// Bytes given so far, buffered ones included: the offset of the next byte.
    pub fn bytes_written(&self) -> u64 {
        self.bytes
    }

    /// Bytes that were given before, read back.
    pub fn read_back(&mut self, offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
        self.writer.flush()?;
        let mut file = self.writer.get_ref().file.reopen()?;
        file.seek(SeekFrom::Start(offset))?;
        let mut read = Vec::new();
        file.take(bytes).read_to_end(&mut read)?;
        Ok(read)
    }

    /// Syncs the file, puts it at its path (in place of an older one) and syncs the folder.
    pub fn finish(self) -> Result<FileDigest, DurableError> {
        let (file, digest, target) = self.close()?;
        file.persist(&target).map_err(|e| failed("rename", &target)(e.error))?;
        sync_dir(parent(&target))?;
        Ok(digest)
    }

    /// As [`NewFile::finish`], but fails with `AlreadyExists` when a file stands at the path, which then stays as it is.
    pub fn finish_new(self) -> Result<FileDigest, DurableError> {
        let (file, digest, target) = self.close()?;
        file.persist_noclobber(&target).map_err(|e| failed("create", &target)(e.error))?;
        sync_dir(parent(&target))?;
        Ok(digest)
    }

    fn close(self) -> Result<(NamedTempFile, FileDigest, PathBuf), DurableError> {
        let hashing = self.writer.into_inner().map_err(|e| failed("write", &self.target)(e.into_error()))?;
        hashing.file.as_file().sync_all().map_err(failed("sync", &self.target))?;
        let digest = FileDigest { bytes: self.bytes, sha256: hashing.sha256.finalize().into() };
        Ok((hashing.file, digest, self.target))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Creates a file with these bytes, durably; fails with `AlreadyExists` when there is one (compare-and-set by name).
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<FileDigest, DurableError> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes).map_err(failed("write", path))?;
    file.finish_new()
}

/// Puts a file with these bytes at `path`, durably; readers see the old bytes or the new, never a mixture.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<FileDigest, DurableError> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes).map_err(failed("write", path))?;
    file.finish()
}

/// Creates a file to be written in any order, in a folder of the writer's own; fails with `AlreadyExists` when there is one. It
/// is whole when the writer says so, syncs it and moves it to its place.
pub fn create_new(path: &Path) -> Result<File, DurableError> {
    File::create_new(path).map_err(failed("create", path))
}

/// Creates a file that only its owner may read (a private key); fails with `AlreadyExists` when there is one.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    // A temporary file of the `tempfile` crate is born with mode 0600 and keeps it.
    let dir = parent(path);
    let mut file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(dir).map_err(failed("create a file in", dir))?;
    file.write_all(bytes).map_err(failed("write", path))?;
    file.as_file().sync_all().map_err(failed("sync", path))?;
    file.persist_noclobber(path).map_err(|e| failed("create", path)(e.error))?;
    sync_dir(dir)
}

/// Appends to a small file (created if need be) and syncs it; returns its new size in bytes.
pub fn append(path: &Path, bytes: &[u8]) -> Result<u64, DurableError> {
    if !path.exists() {
        return match write_new(path, bytes) {
            Ok(digest) => Ok(digest.bytes),
            Err(e) if e.is_already_exists() => append(path, bytes),
            Err(e) => Err(e),
        };
    }
    let mut file = OpenOptions::new().append(true).open(path).map_err(failed("open", path))?;
    file.write_all(bytes).map_err(failed("append to", path))?;
    file.sync_data().map_err(failed("sync", path))?;
    Ok(file.metadata().map_err(failed("stat", path))?.len())
}

/// Cuts a file to its first `bytes` bytes, durably. For torn tails of logs only.
pub fn truncate(path: &Path, bytes: u64) -> Result<(), DurableError> {
    let file = OpenOptions::new().write(true).open(path).map_err(failed("open", path))?;
    file.set_len(bytes).map_err(failed("truncate", path))?;
    file.sync_all().map_err(failed("sync", path))
}

/// Creates one folder, durably; fails with `AlreadyExists` when there is one.
pub fn create_dir(path: &Path) -> Result<(), DurableError> {
    fs::create_dir(path).map_err(failed("create folder", path))?;
    sync_dir(parent(path))
}

/// Creates a folder and those above it, durably; does nothing when it is there.
pub fn create_dir_all(path: &Path) -> Result<(), DurableError> {
    if path.is_dir() {
        return Ok(());
    }
    create_dir_all(parent(path))?;
    match create_dir(path) {
        Err(e) if e.is_already_exists() && path.is_dir() => Ok(()),
        done => done,
    }
}

/// Renames a file or folder within one file system and syncs both folders. An existing file is replaced.
pub fn rename(from: &Path, to: &Path) -> Result<(), DurableError> {
    fs::rename(from, to).map_err(failed("rename", from))?;
    sync_dir(parent(to))?;
    if parent(from) != parent(to) { sync_dir(parent(from)) } else { Ok(()) }
}

/// Gives a file a second name; a copy where the file system cannot. The caller syncs the folder.
pub fn link(from: &Path, to: &Path) -> Result<(), DurableError> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).map_err(failed("copy", from))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(failed("sync", to))
}

/// Removes a file, durably.
pub fn remove_file(path: &Path) -> Result<(), DurableError> {
    fs::remove_file(path).map_err(failed("remove", path))?;
    sync_dir(parent(path))
}

/// Removes a folder with all that it holds, durably.
pub fn remove_dir_all(path: &Path) -> Result<(), DurableError> {
    fs::remove_dir_all(path).map_err(failed("remove folder", path))?;
    sync_dir(parent(path))
}

/// Makes the names in a folder durable.
pub fn sync_dir(path: &Path) -> Result<(), DurableError> {
    // Only unix can sync a folder through its handle; elsewhere the rename itself is all that there is.
    if cfg!(unix) {
        File::open(path).and_then(|dir| dir.sync_all()).map_err(failed("sync folder", path))?;
    }
    Ok(())
}

/// A lock on a file, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock file at `path` (created empty if need be); `None` when another holder has it.
pub fn lock_exclusive(path: &Path) -> Result<Option<Lock>, DurableError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed("open lock", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(failed("lock", path)(e)),
    }
}

/// Free bytes of the disk that a folder lies on, as far as the system tells.
pub fn free_bytes(dir: &Path) -> Option<u64> {
    rustix::fs::statvfs(dir).ok().map(|disk| disk.f_bavail * disk.f_frsize)
}

/// Whether somebody holds the lock at `path`. Changes nothing; false when there is no such file.
pub fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Removes what crashed writers left in a folder. Only for the one who holds the lock over it.
pub fn remove_temporaries(dir: &Path) -> Result<(), DurableError> {
    for entry in fs::read_dir(dir).map_err(failed("read folder", dir))? {
        let entry = entry.map_err(failed("read folder", dir))?;
        if entry.file_name().to_str().is_some_and(is_temporary) {
            fs::remove_file(entry.path()).map_err(failed("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// Whether a file name is that of an unfinished file.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX)
}

fn temporary_sibling(path: &Path) -> Result<NamedTempFile, DurableError> {
    let dir = parent(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    #[cfg(unix)]
    {
        // Readable for the group, so that a server may run as another user than the loader; never for the world.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o640));
    }
    builder.tempfile_in(dir).map_err(failed("create a file in", dir))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"hello").unwrap();
        assert_eq!(file.bytes_written(), 5);
        assert!(!path.exists() && is_temporary(&names(dir.path())[0]));
        drop(file);
        fs::write(dir.path().join(".tmp-left"), "x").unwrap();
        remove_temporaries(dir.path()).unwrap();
        assert!(names(dir.path()).is_empty());

        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"hello").unwrap();
        let digest = file.finish().unwrap();
        assert_eq!(digest, FileDigest { bytes: 5, sha256: Sha256::digest(b"hello").into() });
        assert_eq!((fs::read(&path).unwrap().as_slice(), names(dir.path()).len()), (&b"hello"[..], 1));
    }

    #[test]
    fn write_new_never_replaces_and_replace_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_new(&path, b"one").unwrap();
        assert!(write_new(&path, b"two").unwrap_err().is_already_exists());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), names(dir.path()).len()), (&b"three"[..], 1));
        assert_eq!(append(&path, b"!").unwrap(), 6);
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write_secret(&path, b"s").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_secret(&path, b"t").unwrap_err().is_already_exists());
    }

    #[test]
    fn a_lock_has_one_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock_exclusive(&path).unwrap();
        assert!(held.is_some() && lock_exclusive(&path).unwrap().is_none() && is_locked(&path));
        drop(held);
        assert!(!is_locked(&path));
        assert!(lock_exclusive(&path).unwrap().is_some());
    }

    #[test]
    fn folders_are_made_to_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_dir_all(&deep).unwrap();
        create_dir_all(&deep).unwrap();
        assert!(deep.is_dir() && create_dir(&deep).unwrap_err().is_already_exists());
    }
}
