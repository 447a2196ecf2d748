//! The package as one file: a ZIP whose bytes follow from its members alone.
//!
//! Members are sorted by path, stored as they are, dated 1980-01-01, of mode 0644, without extra fields. So the same members are
//! the same bytes on any machine, and any other byte in the file is a change that `verify` finds.
//!
//! Not for: what the members say (`manifest`), or encryption for the way (`wrap`).

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Largest number of members of a package.
const MEMBERS_MAX: usize = 500_000;
/// Files of this size and more need the large form of ZIP.
const LARGE: u64 = u32::MAX as u64;

/// Why a package cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ContainerFault {
    #[error("the package cannot be written: {0}")]
    Write(std::io::Error),
    #[error("this is no package: {0}")]
    NotOne(&'static str),
    #[error("{0}: this name cannot stand in a package")]
    Name(String),
    #[error("{0}: stands twice in the package")]
    Twice(String),
    #[error("{path}: {what}")]
    Member { path: String, what: &'static str },
}

impl From<zip::result::ZipError> for ContainerFault {
    fn from(error: zip::result::ZipError) -> Self {
        ContainerFault::Write(error.into())
    }
}

/// Whether a path may stand in a package: relative, of plain parts, without anything that a system reads otherwise.
pub fn is_plain(path: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._- ()".contains(&byte))
            && !part.starts_with(' ')
            && !part.ends_with([' ', '.'])
    };
    path.len() <= 200 && path.split('/').all(is_part)
}

/// Writes members as a package. Each is read once, in the order of paths.
///
/// # Errors
/// A name that may not stand in a package; what reading a member or writing gives.
pub fn write<W: Write + Seek, R: Read>(
    to: W,
    folder: &str,
    members: &BTreeMap<String, u64>,
    mut open: impl FnMut(&str) -> std::io::Result<R>,
) -> Result<W, ContainerFault> {
    if members.len() > MEMBERS_MAX {
        return Err(ContainerFault::NotOne("it has too many members"));
    }
    let mut zip = ZipWriter::new(to);
    for (path, bytes) in members {
        if !is_plain(path) || !is_plain(folder) {
            return Err(ContainerFault::Name(path.clone()));
        }
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(*bytes >= LARGE);
        zip.start_file(format!("{folder}/{path}"), options)?;
        let mut member = open(path).map_err(ContainerFault::Write)?;
        let copied = std::io::copy(&mut member, &mut zip).map_err(ContainerFault::Write)?;
        if copied != *bytes {
            return Err(ContainerFault::Member { path: path.clone(), what: "is not as long as was said" });
        }
    }
    Ok(zip.finish()?)
}

/// The folder that all members of a package lie in, and the members with their sizes.
///
/// # Errors
/// What is no ZIP, holds names that no package has, names twice, other forms than stored, or several folders.
pub fn members<R: Read + Seek>(zip: &mut ZipArchive<R>) -> Result<(String, BTreeMap<String, u64>), ContainerFault> {
    if zip.len() > MEMBERS_MAX {
        return Err(ContainerFault::NotOne("it has too many members"));
    }
    let mut folder: Option<String> = None;
    let mut found = BTreeMap::new();
    for index in 0..zip.len() {
        let member = zip.by_index_raw(index).map_err(|_| ContainerFault::NotOne("its table of contents is damaged"))?;
        let name = member.name().map_err(|_| ContainerFault::NotOne("a name in it cannot be read"))?.into_owned();
        let (first, path) = name.split_once('/').ok_or_else(|| ContainerFault::Name(name.clone()))?;
        if !is_plain(first) || !is_plain(path) {
            return Err(ContainerFault::Name(name.chars().filter(|c| !c.is_control()).collect()));
        }
        if *folder.get_or_insert_with(|| first.to_owned()) != first {
            return Err(ContainerFault::NotOne("its members lie in several folders"));
        }
        if member.compression() != CompressionMethod::Stored || member.compressed_size() != member.size() {
            return Err(ContainerFault::Member { path: path.to_owned(), what: "is not stored as it is" });
        }
        if found.insert(path.to_owned(), member.size()).is_some() {
            return Err(ContainerFault::Twice(path.to_owned()));
        }
    }
    folder.map(|folder| (folder, found)).ok_or(ContainerFault::NotOne("it is empty"))
}
