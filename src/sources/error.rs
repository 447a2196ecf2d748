//! Why a delivery cannot be read: which file, and what is wrong with it.
//!
//! Not for: damage inside a readable file, which is a matter of its records.

use std::io;
use std::path::{Path, PathBuf};

use crate::limits;

/// An error of a delivery, naming the file.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}", path = .path.display())]
pub struct SourceError {
    /// A member of a container stands behind its container's path.
    pub path: PathBuf,
    pub what: Fault,
}

/// What is wrong with a file of a delivery.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Read(io::Error),
    #[error("cannot be unpacked: {0}")]
    Scratch(io::Error),
    #[error("neither a file nor a folder; links are not followed")]
    NotAFile,
    #[error("two files of this name are in one delivery")]
    DuplicateName,
    #[error("damaged or cut short: {0}")]
    Damaged(String),
    #[error("packed in a way that is not read: {0}")]
    Unsupported(String),
    #[error("encrypted; it must be delivered without a password")]
    Encrypted,
    #[error("a name that is absolute, leads out of the container or is no name")]
    BadName,
    #[error("a link, a device or another entry that is no file")]
    NotContent,
    #[error("members lie over each other")]
    Overlap,
    #[error("expands beyond the bound for compressed files; refused")]
    Expands,
    #[error("more than {} members", limits::MEMBERS_MAX)]
    TooManyMembers,
    #[error("containers are nested more than {} deep", limits::CONTAINER_DEPTH_MAX)]
    TooDeep,
}

impl Fault {
    pub(super) fn at(self, path: impl AsRef<Path>) -> SourceError {
        SourceError { path: path.as_ref().to_path_buf(), what: self }
    }
}

/// What a bounded reader says through [`io::Error`] when the bound is reached.
#[derive(Debug, thiserror::Error)]
#[error("expands beyond the bound for compressed files; refused")]
pub(super) struct Expands;

/// What an error of unpacking means: the data is wrong, or they cannot be read.
impl From<io::Error> for Fault {
    fn from(e: io::Error) -> Fault {
        if e.get_ref().is_some_and(|inner| inner.is::<Expands>()) {
            return Fault::Expands;
        }
        match e.kind() {
            io::ErrorKind::Unsupported => Fault::Unsupported(e.to_string()),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                Fault::Damaged(e.to_string())
            }
            _ => Fault::Read(e),
        }
    }
}

/// An error of reading a file itself.
pub(super) fn fault(path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    move |e| Fault::Read(e).at(path)
}
