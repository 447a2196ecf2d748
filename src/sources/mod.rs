//! Deliveries: the files of folders and paths given, in a fixed order, opened through their compression.
//!
//! Not for: what the files say (`formats`, `ingest`).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::limits;

/// What a made-up hospital says about itself lies in its delivery; it is kept with it, and is no record.
const SYNTH_MANIFEST: &str = "synth-manifest.json";

/// How a file is packed. Told from its first bytes, never from its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    pub fn name(self) -> &'static str {
        match self {
            Packing::Plain => "plain",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }
}

/// What a file seems to be, from its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// One JSON text a line.
    Ndjson,
    /// One JSON text, unless its lines say otherwise.
    Json,
    /// Anything else: an attachment if a record names it.
    Other,
}

/// One file of a delivery.
#[derive(Clone, Debug)]
pub struct DeliveryFile {
    /// Path below the folder given, with `/`; the file name for a file given by itself.
    pub name: String,
    pub path: PathBuf,
    /// Bytes on disk.
    pub bytes: u64,
    pub kind: FileKind,
    pub packing: Packing,
}

/// An error of a delivery, naming the file.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}", path = .path.display())]
pub struct SourceError {
    pub path: PathBuf,
    pub what: String,
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    move |e| SourceError { path: path.to_path_buf(), what: e.to_string() }
}

/// All files below the paths, in the order of their names; links are not followed out of a folder.
pub fn list(paths: &[PathBuf]) -> Result<Vec<DeliveryFile>, SourceError> {
    let mut files = Vec::new();
    for path in paths {
        let meta = std::fs::metadata(path).map_err(fault(path))?;
        if meta.is_dir() {
            walk(path, "", &mut files)?;
        } else {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            files.push(describe(path.clone(), name)?);
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = files.windows(2).find(|p| p[0].name == p[1].name) {
        return Err(SourceError { path: pair[1].path.clone(), what: "two files of this name are in one delivery".into() });
    }
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<DeliveryFile>) -> Result<(), SourceError> {
    let mut entries = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(fault(folder))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(fault(&entry.path()))?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), files)?;
        } else if kind.is_file() {
            files.push(describe(entry.path(), name)?);
        } else {
            return Err(SourceError { path: entry.path(), what: "neither a file nor a folder; links are not followed".into() });
        }
    }
    Ok(())
}

fn describe(path: PathBuf, name: String) -> Result<DeliveryFile, SourceError> {
    let mut head = [0u8; 4];
    let mut file = File::open(&path).map_err(fault(&path))?;
    let bytes = file.metadata().map_err(fault(&path))?.len();
    let read = file.read(&mut head).map_err(fault(&path))?;
    let packing = match &head[..read] {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
        _ => Packing::Plain,
    };
    let lower = name.to_ascii_lowercase();
    let plain = [".gz", ".zst"].iter().find_map(|e| lower.strip_suffix(e)).unwrap_or(&lower);
    let kind = match plain.rsplit_once('.').map(|(_, extension)| extension) {
        Some("ndjson" | "jsonl") => FileKind::Ndjson,
        Some("json") if plain.ends_with(SYNTH_MANIFEST) => FileKind::Other,
        Some("json" | "fhir") => FileKind::Json,
        _ => FileKind::Other,
    };
    // An attachment that happens to be compressed is kept as it is.
    let packing = if kind == FileKind::Other { Packing::Plain } else { packing };
    Ok(DeliveryFile { name, path, bytes, kind, packing })
}

/// Opens a file through its compression. Expansion past the bound is an error, so that a bomb is refused by name.
pub fn open(file: &DeliveryFile) -> Result<Box<dyn Read + Send>, SourceError> {
    let raw = File::open(&file.path).map_err(fault(&file.path))?;
    let most = (file.bytes.saturating_mul(limits::EXPANSION_RATIO_MAX)).max(64 << 20);
    Ok(match file.packing {
        Packing::Plain => Box::new(raw),
        Packing::Gzip => {
            Box::new(Bounded { inner: flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 20, raw)), left: most })
        }
        Packing::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(raw).map_err(fault(&file.path))?;
            Box::new(Bounded { inner: decoder, left: most })
        }
    })
}

struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other("expands beyond the bound for compressed files; refused"))?;
        Ok(count)
    }
}
