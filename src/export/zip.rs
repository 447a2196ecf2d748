//! A folder of an export as one ZIP whose bytes follow from its files alone: sorted, dated 1980-01-01, of mode 0644.
//!
//! Not for: the sealed package of a release, which has a container of its own.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::ExportError;
use super::manifest::{MANIFEST, Manifest};
use crate::durable::{FileDigest, NewFile};

/// Files of this size and more need the large form of ZIP.
const LARGE: u64 = u32::MAX as u64;

/// Packs an export, with all files that its manifest names, into `to`; they lie in `folder` there.
pub fn pack(dir: &Path, manifest: &Manifest, folder: &str, to: &Path) -> Result<FileDigest, ExportError> {
    let mut names: BTreeSet<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    names.insert(MANIFEST);
    let mut zip = ZipWriter::new_stream(NewFile::create(to)?);
    for name in names {
        let mut file = std::fs::File::open(dir.join(name))?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(file.metadata()?.len() >= LARGE);
        zip.start_file(format!("{folder}/{name}"), options).map_err(std::io::Error::from)?;
        std::io::copy(&mut file, &mut zip)?;
    }
    let mut file = zip.finish().map_err(std::io::Error::from)?.into_inner();
    file.flush()?;
    Ok(file.finish()?)
}
