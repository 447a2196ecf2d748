//! A file that grows at its end into space already written with zeros, so that an append costs one small data sync.
//!
//! Not for: frames, chains, or finding the end of the data (its reader knows).

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{DurableError, NewFile, failed};

/// An append file with a zero-filled tail. Space is written before it is needed: a full disk shows up then, and not
/// in the middle of an entry.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    path: PathBuf,
    data_bytes: u64,
    allocated_bytes: u64,
    step_bytes: u64,
}

impl AppendFile {
    /// Creates the file with its head and `step_bytes` of zeros, durably; fails with `AlreadyExists`.
    pub fn create(path: &Path, head: &[u8], step_bytes: u64) -> Result<AppendFile, DurableError> {
        let mut file = NewFile::create(path)?;
        file.write_all(head).map_err(failed("write", path))?;
        write_zeros(&mut file, step_bytes).map_err(failed("reserve space in", path))?;
        file.finish_new()?;
        AppendFile::open(path, head.len() as u64, step_bytes)
    }

    /// Opens a file whose data end at `data_bytes`. Bytes behind that must be zero (see [`AppendFile::cut`]).
    pub fn open(path: &Path, data_bytes: u64, step_bytes: u64) -> Result<AppendFile, DurableError> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed("open", path))?;
        let allocated_bytes = file.metadata().map_err(failed("stat", path))?.len();
        Ok(AppendFile { file, path: path.to_path_buf(), data_bytes, allocated_bytes, step_bytes })
    }

    /// Where the data end, in bytes from the start of the file.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes behind the data. On disk only after [`AppendFile::sync`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), DurableError> {
        let end = self.data_bytes + bytes.len() as u64;
        if end > self.allocated_bytes {
            self.reserve(end)?;
        }
        self.write_at(self.data_bytes, bytes).map_err(failed("append to", &self.path))?;
        self.data_bytes = end;
        Ok(())
    }

    /// Brings what was appended to the disk. After an error nothing is known about the file: do not go on using it.
    pub fn sync(&mut self) -> Result<(), DurableError> {
        self.file.sync_data().map_err(failed("sync", &self.path))
    }

    /// Removes everything behind the data, reserves clean space again and syncs: for a torn tail.
    pub fn cut(&mut self) -> Result<(), DurableError> {
        self.seal()?;
        self.reserve(self.data_bytes)
    }

    /// Cuts the zero tail off and syncs: the file has its last form.
    pub fn seal(&mut self) -> Result<(), DurableError> {
        self.file.set_len(self.data_bytes).map_err(failed("truncate", &self.path))?;
        self.allocated_bytes = self.data_bytes;
        self.file.sync_all().map_err(failed("sync", &self.path))
    }

    /// Grows the zero tail past `end`, durably, since a data sync later need not store the new size.
    fn reserve(&mut self, end: u64) -> Result<(), DurableError> {
        let target = end + self.step_bytes;
        let grow = |file: &mut File, from: u64| {
            file.seek(SeekFrom::Start(from))?;
            write_zeros(file, target - from)?;
            file.sync_all()
        };
        grow(&mut self.file, self.allocated_bytes).map_err(failed("reserve space in", &self.path))?;
        self.allocated_bytes = target;
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.write_all(bytes)
    }
}

fn write_zeros(out: &mut impl Write, count: u64) -> std::io::Result<()> {
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), count), out).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_in_steps_and_ends_without_a_tail() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = AppendFile::create(&path, b"HEAD", 16).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"HEAD\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        file.append(b"0123456789abcdefXYZ").unwrap();
        file.sync().unwrap();
        let all = std::fs::read(&path).unwrap();
        assert!(all.starts_with(b"HEAD0123456789abcdefXYZ\0") && all[23..].iter().all(|b| *b == 0));
        file.seal().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"HEAD0123456789abcdefXYZ");

        let mut file = AppendFile::open(&path, 8, 16).unwrap();
        file.cut().unwrap();
        file.append(b"!").unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(b"HEAD0123!\0"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_of_the_append() {
        let mut file = AppendFile::open(Path::new("/dev/full"), 0, 16).unwrap();
        assert_eq!(file.append(b"x").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }
}
