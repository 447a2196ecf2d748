//! Members of a package as they are made, one behind the other in one file, with their digests.
//!
//! Not for: what they say, or the container that they go into at last.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::BuildFault;
use crate::durable::NewFile;
use crate::release::package::{hex, manifest};

/// Members that are being made.
pub struct Stock {
    path: PathBuf,
    file: NewFile,
    places: BTreeMap<String, u64>,
    files: Vec<manifest::File>,
}

/// Members that are made.
pub struct Stocked {
    path: PathBuf,
    places: BTreeMap<String, u64>,
    /// In the order of paths.
    pub files: Vec<manifest::File>,
}

/// Counts and hashes what goes through.
pub struct Member<'s> {
    file: &'s mut NewFile,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Member<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Stock {
    pub fn new(path: PathBuf) -> Result<Stock, BuildFault> {
        let file = NewFile::create(&path)?;
        Ok(Stock { path, file, places: BTreeMap::new(), files: Vec::new() })
    }

    /// Adds a member; `write` gives its bytes.
    pub fn add<T>(
        &mut self,
        path: &str,
        media_type: &str,
        write: impl FnOnce(&mut Member<'_>) -> Result<T, BuildFault>,
    ) -> Result<T, BuildFault> {
        let at = self.file.bytes_written();
        let mut member = Member { file: &mut self.file, hasher: Sha256::new(), bytes: 0 };
        let done = write(&mut member)?;
        let (bytes, sha256) = (member.bytes, hex(&member.hasher.finalize()));
        let file =
            manifest::File { path: path.to_owned(), bytes, sha256, media_type: media_type.to_owned(), ..Default::default() };
        if self.places.insert(path.to_owned(), at).is_some() {
            return Err(BuildFault::Form("selection"));
        }
        self.files.push(file);
        Ok(done)
    }

    /// Adds a member that is there already.
    pub fn add_bytes(&mut self, path: &str, media_type: &str, bytes: &[u8]) -> Result<(), BuildFault> {
        self.add(path, media_type, |member| Ok(member.write_all(bytes)?))
    }

    /// Says of the member added last how many pages it has.
    pub fn has_pages(&mut self, pages: u64) {
        if let Some(file) = self.files.last_mut() {
            file.pages = Some(pages);
        }
    }

    /// The bytes of the member added last.
    pub fn last(&mut self) -> Result<Vec<u8>, BuildFault> {
        let last = self.files.last().ok_or(BuildFault::Form("selection"))?;
        let at = self.places.get(&last.path).copied().unwrap_or_default();
        self.file.read_back(at, last.bytes).map_err(BuildFault::from)
    }

    /// Brings all members to the disk.
    pub fn finish(mut self) -> Result<Stocked, BuildFault> {
        self.file.finish()?;
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Stocked { path: self.path, places: self.places, files: self.files })
    }
}

impl Stocked {
    pub fn open(&self, path: &str) -> io::Result<io::Take<File>> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let at = self.places.get(path).ok_or_else(missing)?;
        let known = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok();
        let known = known.and_then(|at| self.files.get(at)).ok_or_else(missing)?;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(*at))?;
        Ok(file.take(known.bytes))
    }
}
