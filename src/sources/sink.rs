//! Takes the members of one container into scratch, within the bounds of the delivered file.
//!
//! Not for: finding the members (`zip_file`, `tar_file`).

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::error::{Fault, SourceError};
use super::scratch::Scratch;
use crate::limits;

/// What one delivered file may still unpack to, all levels together.
pub(super) struct Budget {
    pub bytes: u64,
    pub members: u64,
}

/// Takes the members of one container.
pub(super) struct Sink<'a> {
    scratch: &'a mut Scratch,
    budget: &'a mut Budget,
    /// What errors call the container.
    shown: &'a Path,
    names: HashSet<String>,
    /// Name in the container, where it was unpacked, and its bytes.
    pub unpacked: Vec<(String, PathBuf, u64)>,
}

impl<'a> Sink<'a> {
    pub fn new(scratch: &'a mut Scratch, budget: &'a mut Budget, shown: &'a Path) -> Sink<'a> {
        Sink { scratch, budget, shown, names: HashSet::new(), unpacked: Vec::new() }
    }

    /// An error of the container itself.
    pub fn fault(&self, what: impl Into<Fault>) -> SourceError {
        what.into().at(self.shown)
    }

    /// An error of a member.
    pub fn member_fault(&self, name: &str, what: impl Into<Fault>) -> SourceError {
        what.into().at(beside(self.shown, name))
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

/// A member's place in words; its name is never used as a path.
pub(super) fn beside(container: &Path, name: &str) -> PathBuf {
    PathBuf::from(format!("{}/{name}", container.display()))
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
