//! The files of accessions: seal and manifest against the catalog, every file against its manifest, and what lies there
//! that none names.
//!
//! Not for: what is in the files (`contents`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::strangers::{entries, strangers, strangers_below};
use super::{Chain, Checker, Leftover, Progress};
use crate::model::AccessionId;
use crate::signing::VerifierKey;
use crate::store::StoreError;
use crate::store::framed::Framed;
use crate::store::layout::{Generation, Layout};
use crate::store::manifest::{Catalog, FORMAT, InForce, Manifest, Seal, from_note, hex, read_checked};

/// Bytes that are read and hashed at a time.
const READ_BYTES: usize = 1 << 20;

/// An accession whose seal and manifest are those of the catalog.
pub(super) struct Checked {
    pub id: AccessionId,
    pub paths: Generation,
    pub seal: Seal,
    pub manifest: Manifest,
    /// Files that are not as the manifest says, by their path there.
    pub damaged: Vec<String>,
}

/// Checks the accessions in force; gives those whose content can be looked at.
pub(super) fn accessions(
    checker: &Checker<'_>,
    layout: &Layout,
    keys: &[VerifierKey],
    catalog: &Catalog,
    bytes: &mut u64,
) -> Vec<Checked> {
    let mut checked = Vec::new();
    for entry in &catalog.accessions {
        match seal_and_manifest(checker, layout, keys, entry, bytes) {
            Ok(accession) => checked.push(accession),
            Err(error) => checker.error(&layout.accessions().join(&entry.accession), &error),
        }
    }
    hash_all(checker, &mut checked, bytes);
    checked
}

fn seal_and_manifest(
    checker: &Checker<'_>,
    layout: &Layout,
    keys: &[VerifierKey],
    entry: &InForce,
    bytes: &mut u64,
) -> Result<Checked, StoreError> {
    let unknown = || StoreError::Refused("the catalog names it by an unknown form".into());
    let id = AccessionId::parse(&entry.accession).ok_or_else(unknown)?;
    let seal_path = layout.seal(&id);
    let paths = layout.generation(&id, entry.generation);
    strangers(checker, &layout.accession(&id), std::slice::from_ref(&seal_path));
    let seal_bytes = read_checked(&seal_path, &entry.seal_sha256)?;
    let seal: Seal = from_note(&seal_path, &seal_bytes, keys)?;
    let manifest_bytes = read_checked(&paths.manifest(), &entry.manifest_sha256)?;
    let manifest: Manifest = serde_json::from_slice(&manifest_bytes)
        .map_err(|e| StoreError::damaged(&paths.manifest(), 0, &format!("not of the known form: line {}", e.line())))?;
    *bytes += (seal_bytes.len() + manifest_bytes.len()) as u64;
    let is_seal_of_it = seal.accession == entry.accession && seal.source_system == entry.source_system && seal.format == FORMAT;
    if !is_seal_of_it {
        checker.find(&seal_path, None, "it is the seal of another accession or format");
    }
    let is_manifest_of_it =
        manifest.accession == entry.accession && manifest.generation == entry.generation && manifest.format == FORMAT;
    if !is_manifest_of_it {
        checker.find(&paths.manifest(), None, "it is the manifest of another accession, generation or format");
    }
    Ok(Checked { id, paths, seal, manifest, damaged: Vec::new() })
}

/// One file to be hashed.
struct Job<'a> {
    accession: usize,
    name: &'a str,
    path: PathBuf,
    bytes: u64,
    sha256: &'a str,
}

/// Compares all files with their manifests on all cores, the largest first.
pub(super) fn hash_all(checker: &Checker<'_>, checked: &mut [Checked], bytes: &mut u64) {
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (accession, one) in checked.iter().enumerate() {
        let dir = one.paths.dir();
        let mut known: Vec<PathBuf> = one.manifest.files.iter().map(|f| dir.join(&f.path)).collect();
        known.push(one.paths.manifest());
        strangers_below(checker, dir, &known);
        for (file, path) in one.manifest.files.iter().zip(known) {
            jobs.push(Job { accession, name: &file.path, path, bytes: file.bytes, sha256: &file.sha256 });
        }
    }
    jobs.sort_by_key(|j| std::cmp::Reverse(j.bytes));
    let of = jobs.iter().map(|j| j.bytes).sum();
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let bad: Mutex<Vec<(usize, String)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..checker.threads {
            scope.spawn(|| {
                let mut buffer = vec![0u8; READ_BYTES];
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let note = |read: usize| {
                        let bytes = done.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
                        (checker.progress)(Progress::Files { bytes, of });
                    };
                    if !is_as_listed(checker, job, &mut buffer, &note) {
                        bad.lock().unwrap_or_else(PoisonError::into_inner).push((job.accession, job.name.to_string()));
                    }
                }
            });
        }
    });
    *bytes += done.into_inner();
    for (accession, name) in bad.into_inner().unwrap_or_else(PoisonError::into_inner) {
        checked[accession].damaged.push(name);
    }
}

fn is_as_listed(checker: &Checker<'_>, job: &Job<'_>, buffer: &mut [u8], note: &dyn Fn(usize)) -> bool {
    let (bytes, sha256) = match digest(&job.path, buffer, note) {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            checker.find(&job.path, None, "the file is missing");
            return false;
        }
        Err(error) => {
            checker.find(&job.path, None, format!("cannot be read: {error}"));
            return false;
        }
    };
    if bytes != job.bytes {
        let (offset, expected) = (bytes.min(job.bytes), job.bytes);
        checker.find(&job.path, Some(offset), format!("the file has {bytes} bytes, {expected} by the manifest"));
        return false;
    }
    if sha256 != job.sha256 {
        checker.find(&job.path, first_bad_place(&job.path), "the file's digest is not that of the manifest");
        return false;
    }
    true
}

/// Files of frames have a digest for each of them.
fn first_bad_place(path: &Path) -> Option<u64> {
    if !matches!(path.extension()?.to_str()?, "frames" | "pack" | "dir") {
        return None;
    }
    match Framed::open(path, None) {
        Ok(framed) => framed.first_bad_frame(),
        Err(StoreError::Damaged { offset, .. }) => Some(offset),
        Err(_) => None,
    }
}

fn digest(path: &Path, buffer: &mut [u8], note: &dyn Fn(usize)) -> std::io::Result<(u64, String)> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut total = 0;
    loop {
        match file.read(buffer)? {
            0 => return Ok((total, hex(&hash.finalize()))),
            count => {
                hash.update(&buffer[..count]);
                total += count as u64;
                note(count);
            }
        }
    }
}

/// Looks for folders that the catalog in force does not name. What an interrupted command can have left is no finding.
pub(super) fn leftovers(
    checker: &Checker<'_>,
    layout: &Layout,
    keys: &[VerifierKey],
    chain: &Chain,
    leftovers: &mut Vec<Leftover>,
) {
    let generations = chain.catalogs.iter().flat_map(|c| &c.accessions).map(|a| (a.accession.as_str(), a.generation));
    let current = chain.current().into_iter();
    let kept = current.flat_map(|c| c.accessions.iter().chain(c.set_aside()));
    let named: BTreeMap<&str, u32> = kept.map(|a| (a.accession.as_str(), a.generation)).collect();
    let ever: Vec<(&str, u32)> = generations.collect();
    for (path, is_dir) in entries(checker, &layout.accessions()) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        match named.get(name.as_str()) {
            Some(current) => {
                for (inner, is_dir) in entries(checker, &path) {
                    let number = inner.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse::<u32>().ok());
                    match number {
                        Some(number) if is_dir && number == *current => {}
                        Some(number) if is_dir && (ever.contains(&(&name, number)) || number == current + 1) => {
                            leftovers.push(Leftover { folder: checker.relative(&inner), unpublished: None });
                        }
                        _ if is_dir => checker.find(&inner, None, "nothing names this folder"),
                        _ => {}
                    }
                }
            }
            None if is_dir && is_sealed(layout, keys, &name) => {
                leftovers.push(Leftover { folder: checker.relative(&path), unpublished: Some(name) });
            }
            None => checker.find(&path, None, "no catalog names it"),
        }
    }
}

/// Whether a folder holds a seal of this archive under its name.
fn is_sealed(layout: &Layout, keys: &[VerifierKey], name: &str) -> bool {
    let Some(id) = AccessionId::parse(name) else { return false };
    let path = layout.seal(&id);
    let seal = std::fs::read(&path).ok().and_then(|bytes| from_note::<Seal>(&path, &bytes, keys).ok());
    seal.is_some_and(|seal| seal.accession == name)
}
