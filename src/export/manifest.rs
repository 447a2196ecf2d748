//! What an export holds, file by file with SHA-256, and whether a folder still holds it.
//!
//! The manifest of a large export is a tree: `manifest.json` names the listings of its parts, and each listing the files of its
//! part. Nothing in it comes from a clock, so that the same state of the archive gives the same bytes.
//!
//! Not for: writing the files it names (`files`).

use std::io::Read;
use std::path::Path;

use ahash::AHashSet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

use super::ExportError;
use super::files::{FileEntry, put};
use crate::model::hex;

/// Name of the manifest of an export.
pub const MANIFEST: &str = "manifest.json";
/// Media type of a listing.
const LISTING: &str = "application/vnd.chartkeep.listing+json";
/// What the manifest calls its form.
const FORM: &str = "chartkeep-export";
const VERSION: u32 = 1;
/// Longest manifest or listing that is read, in bytes.
const LISTING_BYTES_MAX: u64 = 256 << 20;

const README: &str = include_str!("../../schemas/export/README.md");
const SCHEMA: &str = include_str!("../../schemas/export/manifest.schema.json");

/// The head of an export.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub form: String,
    pub version: u32,
    pub software: String,
    /// `archive` or `person`.
    pub what: String,
    /// Random name of the archive, and a name of its state.
    pub archive: String,
    pub state: String,
    /// Purpose of use (v3-ActReason) for which it was made: it decides what may be in it.
    pub purpose: String,
    /// Of a person: the patient keys, the one asked for first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patients: Vec<String>,
    /// Of an archive: the source systems in it, and in how many parts it is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u64>,
    /// What is not in it, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    #[serde(default)]
    pub files: Vec<FileEntry>,
}

impl Manifest {
    pub fn new(what: &str, archive: &str, state: &str, purpose: &str) -> Manifest {
        Manifest {
            form: FORM.into(),
            version: VERSION,
            software: format!("chartkeep {}", env!("CARGO_PKG_VERSION")),
            what: what.into(),
            archive: archive.into(),
            state: state.into(),
            purpose: purpose.into(),
            patients: Vec::new(),
            sources: Vec::new(),
            parts: None,
            left_out: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Writes the manifest of a finished export into its folder, with what explains it.
    pub fn write(mut self, dir: &Path) -> Result<Manifest, ExportError> {
        self.files.push(put(dir, "README.md".into(), "text/markdown", README.as_bytes())?);
        super::files::folder(dir, "schemas")?;
        let path = "schemas/manifest.schema.json".to_string();
        self.files.push(put(dir, path, "application/schema+json", SCHEMA.as_bytes())?);
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        write_json(dir, MANIFEST, "application/json", &self)?;
        Ok(self)
    }
}

/// The files of one part.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    pub files: Vec<FileEntry>,
    /// What could not be given, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl Listing {
    /// Writes the listing; with it its part is finished. Gives the entry that the manifest has of it.
    pub fn write(&self, dir: &Path, path: &str) -> Result<FileEntry, ExportError> {
        write_json(dir, path, LISTING, self)
    }

    /// A listing that an earlier run wrote, with its entry; `None` when there is none.
    pub fn read(dir: &Path, path: &str) -> Result<Option<(Listing, FileEntry)>, ExportError> {
        let Some(bytes) = read_small(&dir.join(path))? else { return Ok(None) };
        let listing = serde_json::from_slice(&bytes).map_err(|_| ExportError::Form("a listing cannot be read"))?;
        let digest = crate::durable::FileDigest { bytes: bytes.len() as u64, sha256: Sha256::digest(&bytes).into() };
        Ok(Some((listing, FileEntry::new(path.into(), LISTING, digest))))
    }
}

fn write_json<T: Serialize>(dir: &Path, path: &str, media: &str, value: &T) -> Result<FileEntry, ExportError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|_| ExportError::Form("a manifest cannot be written"))?;
    text.push(b'\n');
    put(dir, path.into(), media, &text)
}

fn read_small(path: &Path) -> Result<Option<Vec<u8>>, ExportError> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    file.take(LISTING_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// What checking an export came to.
#[derive(Debug, Default)]
pub struct Checked {
    pub files: u64,
    pub bytes: u64,
    /// Each file that is missing, altered or added, with what is wrong.
    pub faults: Vec<(String, &'static str)>,
    /// Digests of the paths that belong to it.
    named: AHashSet<u64>,
}

/// Reads every file of an export again and names those that are missing, altered or added.
///
/// # Errors
/// When the folder has no manifest of this form.
pub fn check(dir: &Path) -> Result<Checked, ExportError> {
    let bytes = read_small(&dir.join(MANIFEST))?.ok_or(ExportError::Form("it has no manifest.json, so it was not finished"))?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|_| ExportError::Form("its manifest cannot be read"))?;
    if manifest.form != FORM || manifest.version != VERSION {
        return Err(ExportError::Form("its manifest is of another form"));
    }
    let mut checked = Checked::default();
    checked.named.insert(xxh3_64(MANIFEST.as_bytes()));
    checked.all(dir, &manifest.files, true)?;
    checked.added(dir, "")?;
    checked.faults.sort();
    Ok(checked)
}

impl Checked {
    fn all(&mut self, dir: &Path, files: &[FileEntry], may_list: bool) -> Result<(), ExportError> {
        for file in files {
            if !is_plain(&file.path) || !self.named.insert(xxh3_64(file.path.as_bytes())) {
                self.faults.push((file.path.clone(), "its name leads elsewhere or stands twice"));
                continue;
            }
            match digest(&dir.join(&file.path)) {
                Ok(Some(found)) if found == (file.bytes, file.sha256.clone()) => {
                    self.files += 1;
                    self.bytes += file.bytes;
                }
                Ok(Some(_)) => {
                    self.faults.push((file.path.clone(), "was altered"));
                    continue;
                }
                Ok(None) => {
                    self.faults.push((file.path.clone(), "is missing"));
                    continue;
                }
                Err(_) => {
                    self.faults.push((file.path.clone(), "cannot be read"));
                    continue;
                }
            }
            if may_list && file.media == LISTING {
                match Listing::read(dir, &file.path)? {
                    Some((listing, _)) => self.all(dir, &listing.files, false)?,
                    None => self.faults.push((file.path.clone(), "is missing")),
                }
            }
        }
        Ok(())
    }

    /// Files below `at` that no manifest names.
    fn added(&mut self, dir: &Path, at: &str) -> Result<(), ExportError> {
        for entry in std::fs::read_dir(dir.join(at))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if at.is_empty() { name } else { format!("{at}/{name}") };
            if entry.file_type()?.is_dir() {
                self.added(dir, &path)?;
            } else if !self.named.contains(&xxh3_64(path.as_bytes())) {
                self.faults.push((path, "is not part of the export"));
            }
        }
        Ok(())
    }
}

/// Whether a path stays inside the export.
fn is_plain(path: &str) -> bool {
    !path.is_empty() && !path.contains('\\') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Size and SHA-256 of a file; `None` when there is none, or something else.
fn digest(path: &Path) -> Result<Option<(u64, String)>, std::io::Error> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0u64);
    let mut buffer = vec![0u8; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Some((bytes, hex(&hash.finalize())))),
            count => {
                hash.update(&buffer[..count]);
                bytes += count as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_is_missing_altered_or_added_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        for name in ["parts", "fhir", "documents"] {
            std::fs::create_dir(dir.join(name)).unwrap();
        }
        let file = |path: &str, text: &str| put(dir, path.into(), "text/plain", text.as_bytes()).unwrap();
        let listing = Listing { files: vec![file("fhir/a", "one"), file("documents/b", "two")], left_out: Vec::new() };
        let mut manifest = Manifest::new("archive", "a", "s", "RECORDMGT");
        manifest.files = vec![listing.write(dir, "parts/1.json").unwrap(), file("c", "three")];
        assert!(check(dir).is_err(), "not finished");
        manifest.write(dir).unwrap();
        let whole = check(dir).unwrap();
        assert_eq!((whole.files, whole.faults.len()), (6, 0), "{:?}", whole.faults);

        let faults = || check(dir).unwrap().faults;
        let one = |path: &str, what: &'static str| vec![(path.to_string(), what)];
        for (path, text) in [("fhir/a", "onE"), ("c", ""), ("README.md", "x"), ("schemas/manifest.schema.json", "{}")] {
            let before = std::fs::read(dir.join(path)).unwrap();
            std::fs::write(dir.join(path), text).unwrap();
            assert_eq!(faults(), one(path, "was altered"));
            std::fs::write(dir.join(path), before).unwrap();
        }
        std::fs::write(dir.join("documents/more"), "x").unwrap();
        assert_eq!(faults(), one("documents/more", "is not part of the export"));
        std::fs::remove_file(dir.join("documents/more")).unwrap();
        std::fs::rename(dir.join("documents/b"), dir.join("documents/z")).unwrap();
        assert_eq!(faults(), [one("documents/b", "is missing"), one("documents/z", "is not part of the export")].concat());
        assert!(["../a", "a/../b", "/a", "a//b", "", "a\\b"].iter().all(|path| !is_plain(path)));
    }
}
