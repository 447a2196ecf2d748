//! Unpacking containers, and the containers in them, within bounds.
//!
//! A container is refused as a whole when any of its members is: half of a delivery looks like all of it.
//!
//! Not for: the formats themselves (`zip_file`, `tar_file`).

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::container::{Container, Format, Member, format_of};
use super::error::{Fault, SourceError, fault};
use super::scratch::Scratch;
use super::{Delivery, Packing, decode, describe, tar_file, zip_file};
use crate::limits;

/// What one delivered file may still unpack to, all levels together.
struct Budget {
    bytes: u64,
    members: u64,
}

/// A file to be looked at.
struct Found {
    path: PathBuf,
    /// Its name in the delivery.
    name: String,
    /// What errors call it: for a member, the path of its container and its name in there.
    shown: PathBuf,
    container: Option<Arc<str>>,
}

/// Adds a file to the delivery: itself, or what it holds.
pub(super) fn add(delivery: &mut Delivery, path: PathBuf, name: String) -> Result<(), SourceError> {
    let shown = path.clone();
    add_found(delivery, Found { path, name, shown, container: None }, 0, None)
}

fn add_found(delivery: &mut Delivery, found: Found, depth: usize, budget: Option<&mut Budget>) -> Result<(), SourceError> {
    let bytes = std::fs::metadata(&found.path).map_err(fault(&found.shown))?.len();
    let Some((format, packing)) = format_of(&found.path, bytes).map_err(fault(&found.shown))? else {
        let file = describe(found.path, found.name, found.container).map_err(fault(&found.shown))?;
        delivery.files.push(file);
        return Ok(());
    };
    if depth == limits::CONTAINER_DEPTH_MAX {
        return Err(Fault::TooDeep.at(&found.shown));
    }
    let mut own = Budget { bytes: expansion_max(bytes), members: limits::MEMBERS_MAX };
    let budget = budget.unwrap_or(&mut own);
    let mut sink = Sink { scratch: &mut delivery.scratch, budget, found: &found, names: HashSet::new(), unpacked: Vec::new() };
    let (sha256, content, pieces) = match format {
        Format::Zip => {
            let sha256 = digest(&found.path).map_err(fault(&found.shown))?;
            (sha256, (bytes, sha256), zip_file::unpack(&found.path, &mut sink)?)
        }
        Format::Tar => {
            let reader = decode(&found.path, packing, bytes).map_err(|e| Fault::from(e).at(&found.shown))?;
            let mut content = Counted { inner: reader, hash: Sha256::new(), bytes: 0 };
            let pieces = tar_file::unpack(&mut content, &mut sink)?;
            let content = (content.bytes, content.hash.finalize().into());
            let is_plain = packing == Packing::Plain;
            let sha256 = if is_plain { content.1 } else { digest(&found.path).map_err(fault(&found.shown))? };
            (sha256, content, pieces)
        }
    };
    let unpacked = sink.unpacked;
    let container: Arc<str> = found.name.as_str().into();
    let members = unpacked.iter().map(|(name, _, bytes)| Member { name: format!("{container}/{name}"), bytes: *bytes }).collect();
    delivery.containers.push(Container {
        name: found.name,
        path: found.path,
        format,
        packing,
        bytes,
        sha256,
        content_bytes: content.0,
        content_sha256: content.1,
        members,
        pieces,
    });
    for (name, path, _) in unpacked {
        let shown = beside(&found.shown, &name);
        let member = Found { path, name: format!("{container}/{name}"), shown, container: Some(container.clone()) };
        add_found(delivery, member, depth + 1, Some(budget))?;
    }
    Ok(())
}

/// What a file of so many bytes may expand to.
pub(super) fn expansion_max(bytes: u64) -> u64 {
    bytes.saturating_mul(limits::EXPANSION_RATIO_MAX).max(limits::EXPANSION_FREE)
}

/// A member's place in words; its name is never used as a path.
fn beside(container: &Path, name: &str) -> PathBuf {
    PathBuf::from(format!("{}/{name}", container.display()))
}

fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut content = Counted { inner: Box::new(File::open(path)?), hash: Sha256::new(), bytes: 0 };
    let mut buffer = vec![0; 1 << 18];
    while content.read(&mut buffer)? > 0 {}
    Ok(content.hash.finalize().into())
}

/// Counts and hashes what is read.
struct Counted {
    inner: Box<dyn Read + Send>,
    hash: Sha256,
    bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Takes the members of one container.
pub(super) struct Sink<'a> {
    scratch: &'a mut Scratch,
    budget: &'a mut Budget,
    found: &'a Found,
    names: HashSet<String>,
    /// Name in the container, where it was unpacked, and its bytes.
    unpacked: Vec<(String, PathBuf, u64)>,
}

impl Sink<'_> {
    /// An error of the container itself.
    pub fn fault(&self, what: impl Into<Fault>) -> SourceError {
        what.into().at(&self.found.shown)
    }

    /// An error of a member.
    pub fn member_fault(&self, name: &str, what: impl Into<Fault>) -> SourceError {
        what.into().at(beside(&self.found.shown, name))
    }

    /// Counts an entry of any kind.
    pub fn count(&mut self) -> Result<(), SourceError> {
        match self.budget.members.checked_sub(1) {
            Some(left) => self.budget.members = left,
            None => return Err(self.fault(Fault::TooManyMembers)),
        }
        Ok(())
    }

    /// Unpacks a member; gives its bytes.
    pub fn member(&mut self, name: &str, content: &mut dyn Read) -> Result<u64, SourceError> {
        let clean = clean_name(name).ok_or_else(|| self.member_fault(name, Fault::BadName))?;
        if !self.names.insert(clean.clone()) {
            return Err(self.member_fault(&clean, Fault::DuplicateName));
        }
        let (path, mut file) = self.scratch.file().map_err(|e| self.member_fault(&clean, Fault::Scratch(e)))?;
        let mut buffer = [0u8; 1 << 16];
        let mut bytes = 0;
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.member_fault(&clean, e)),
            };
            match self.budget.bytes.checked_sub(count as u64) {
                Some(left) => self.budget.bytes = left,
                None => return Err(self.member_fault(&clean, Fault::Expands)),
            }
            file.write_all(&buffer[..count]).map_err(|e| self.member_fault(&clean, Fault::Scratch(e)))?;
            bytes += count as u64;
        }
        self.unpacked.push((clean, path, bytes));
        Ok(bytes)
    }
}

/// A member's name as a path below its container, with `/`; `None` for one that leads elsewhere. Some programs write
/// `\` between folders.
fn clean_name(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    let has_drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    if name.starts_with('/') || has_drive || name.len() > limits::MEMBER_NAME_MAX || name.contains('\0') {
        return None;
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}
