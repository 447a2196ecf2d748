//! `index.json`: what an index is made of, with sizes and digests, and the check of an index folder against it.
//!
//! Not for: signatures. The catalog holds the digest of `index.json` and is signed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::IndexError;
use super::schema::SCHEMA_VERSION;
use crate::durable;

pub const MANIFEST: &str = "index.json";
/// Folders of the two indexes.
pub const PATIENTS: &str = "patients";
pub const TEXT: &str = "text";
/// Version of this manifest.
const FORMAT: u32 = 1;
/// Version of the files that tantivy 0.27 writes.
const ENGINE: &str = "tantivy 0.27";
const READ_BYTES: usize = 1 << 20;

#[derive(Serialize, Deserialize, Debug)]
pub struct Manifest {
    pub format: u32,
    pub schema: u32,
    pub engine: String,
    pub patients: u64,
    pub texts: u64,
    pub not_searchable: u64,
    /// Records that could be searched by their kind but hold nothing of their own to search.
    #[serde(default)]
    pub wordless: u64,
    pub files: Vec<FileEntry>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct FileEntry {
    /// Path below the index folder, with `/`.
    pub path: String,
    pub bytes: u64,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
}

/// Something wrong with an index folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexFinding {
    /// Path below the index folder, with `/`.
    pub file: String,
    pub what: &'static str,
}

/// What an index holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub patients: u64,
    pub texts: u64,
    pub not_searchable: u64,
    pub wordless: u64,
}

/// Writes `index.json` for the files that stand in `dir`, syncs everything, and gives (SHA-256 of the manifest in hex,
/// bytes of all files).
pub fn write(dir: &Path, counts: Counts) -> Result<(String, u64), IndexError> {
    let Counts { patients, texts, not_searchable, wordless } = counts;
    let files = list(dir)?.into_iter().map(|path| digest(dir, path)).collect::<io::Result<Vec<_>>>()?;
    let bytes: u64 = files.iter().map(|f| f.bytes).sum();
    let manifest = Manifest {
        format: FORMAT,
        schema: SCHEMA_VERSION,
        engine: ENGINE.into(),
        patients,
        texts,
        not_searchable,
        wordless,
        files,
    };
    let mut json = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
    json.push(b'\n');
    for folder in [PATIENTS, TEXT] {
        durable::sync_dir(&dir.join(folder))?;
    }
    durable::write_new(&dir.join(MANIFEST), &json)?;
    Ok((hex(&Sha256::digest(&json)), bytes + json.len() as u64))
}

/// Reads `index.json` and refuses an index of another version.
pub fn read(dir: &Path) -> Result<Manifest, IndexError> {
    let manifest: Manifest =
        serde_json::from_slice(&fs::read(dir.join(MANIFEST))?).map_err(|_| IndexError::Damaged("index.json is not readable"))?;
    let ours = manifest.format == FORMAT && manifest.schema == SCHEMA_VERSION && manifest.engine == ENGINE;
    if ours { Ok(manifest) } else { Err(IndexError::OtherVersion) }
}

/// Reads every byte of an index and compares it with its manifest: sizes, digests, files missing or not listed.
/// `manifest_sha256` is what the catalog says of `index.json`, in hex; without it the manifest is taken on trust.
pub fn verify(dir: &Path, manifest_sha256: Option<&str>) -> Result<Vec<IndexFinding>, IndexError> {
    let finding = |file: &str, what| IndexFinding { file: file.to_string(), what };
    let Ok(json) = fs::read(dir.join(MANIFEST)) else {
        return Ok(vec![finding(MANIFEST, "missing or not readable")]);
    };
    let mut findings = Vec::new();
    if manifest_sha256.is_some_and(|expected| expected != hex(&Sha256::digest(&json))) {
        findings.push(finding(MANIFEST, "differs from the digest in the catalog"));
    }
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&json) else {
        findings.push(finding(MANIFEST, "is not an index manifest"));
        return Ok(findings);
    };
    let present = list(dir)?;
    for entry in &manifest.files {
        if !present.contains(&entry.path) {
            findings.push(finding(&entry.path, "missing"));
            continue;
        }
        match digest(dir, entry.path.clone()) {
            Err(_) => findings.push(finding(&entry.path, "cannot be read")),
            Ok(now) if now.bytes != entry.bytes => findings.push(finding(&entry.path, "differs in size")),
            Ok(now) if now.sha256 != entry.sha256 => findings.push(finding(&entry.path, "differs from its digest")),
            Ok(_) => {}
        }
    }
    for path in present.iter().filter(|path| !manifest.files.iter().any(|f| f.path == **path)) {
        findings.push(finding(path, "is not in the manifest"));
    }
    Ok(findings)
}

/// All files below `dir` but the manifest, sorted.
fn list(dir: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(dir.join(&folder))? {
            let entry = entry?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(path + "/");
            } else if path != MANIFEST {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn digest(dir: &Path, path: String) -> io::Result<FileEntry> {
    let mut file = File::open(dir.join(&path))?;
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        sha256.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok(FileEntry { path, bytes, sha256: hex(&sha256.finalize()) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
