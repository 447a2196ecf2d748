//! Unpacking containers, and the containers in them, within bounds.
//!
//! A container is refused as a whole when any of its members is: half of a delivery looks like all of it.
//!
//! Not for: the formats themselves (`zip_file`, `tar_file`).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::container::{Container, Format, Member};
use super::error::{Fault, SourceError, fault};
use super::recognise::format_of;
use super::sink::{Budget, Sink, beside};
use super::{Delivery, Packing, decode, describe, tar_file, zip_file};
use crate::limits;

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
    let mut sink = Sink::new(&mut delivery.scratch, budget, &found.shown);
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
