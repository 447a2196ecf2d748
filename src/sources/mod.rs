//! Deliveries: the files of folders, paths and containers given, in a fixed order, opened through their compression.
//!
//! Containers (`.zip`, `.tar`, `.tar.gz`, `.tar.zst`, and those inside them) are told by their bytes and unpacked; their
//! members are files of the delivery, named `outer.zip/inner/file.csv`.
//!
//! Not for: what the files say (`formats`, `ingest`).

mod container;
mod error;
mod recognise;
mod scratch;
mod sink;
mod tar_file;
mod unpack;
mod zip_file;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use container::{Container, Format, Member, Piece, rebuild};
pub use error::{Fault, SourceError};
pub use scratch::Scratch;

use error::{Expands, fault};

/// What a made-up hospital says about itself lies in its delivery; it is kept with it, and is no record.
const SYNTH_MANIFEST: &str = "synth-manifest.json";
/// As much of a file's beginning as is looked at to tell what it is.
const HEAD: u64 = 16 << 10;

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

    fn of(head: &[u8]) -> Packing {
        match head {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
            _ => Packing::Plain,
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
    /// Path below the folder given, with `/`; the file name for a file given by itself. A member's name begins with its
    /// container's.
    pub name: String,
    /// Where it lies: in the delivery, or in scratch for a member.
    pub path: PathBuf,
    /// Bytes on disk.
    pub bytes: u64,
    pub kind: FileKind,
    pub packing: Packing,
    /// Name of the container that it came in.
    pub container: Option<Arc<str>>,
}

/// All that was delivered. Unpacked members lie on disk as long as it lives.
#[derive(Debug)]
pub struct Delivery {
    /// Files, by name; members of containers among them, containers not.
    pub files: Vec<DeliveryFile>,
    /// Containers, by name.
    pub containers: Vec<Container>,
    scratch: Scratch,
}

impl Delivery {
    /// The containers that were delivered as files, not inside another one.
    pub fn outer_containers(&self) -> impl Iterator<Item = &Container> {
        let is_inside = |one: &Container, other: &Container| {
            one.name.len() > other.name.len()
                && one.name.starts_with(&other.name)
                && one.name.as_bytes()[other.name.len()] == b'/'
        };
        self.containers.iter().filter(move |one| !self.containers.iter().any(|other| is_inside(one, other)))
    }

    /// Puts the outer containers among the files, so that they are kept and rebuilt like any file.
    pub fn with_containers(&mut self) {
        let outer: Vec<DeliveryFile> = self
            .outer_containers()
            .map(|c| DeliveryFile {
                name: c.name.clone(),
                path: c.path.clone(),
                bytes: c.bytes,
                kind: FileKind::Other,
                packing: Packing::Plain,
                container: None,
            })
            .collect();
        self.files.extend(outer);
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// All files below the paths, in the order of their names; links are not followed out of a folder. Containers are
/// unpacked below the folder `scratch`.
pub fn list(paths: &[PathBuf], scratch: &Path) -> Result<Delivery, SourceError> {
    let mut delivery = Delivery { files: Vec::new(), containers: Vec::new(), scratch: Scratch::below(scratch) };
    for path in paths {
        let meta = std::fs::metadata(path).map_err(fault(path))?;
        if meta.is_dir() {
            walk(path, "", &mut delivery)?;
        } else {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            unpack::add(&mut delivery, path.clone(), name)?;
        }
    }
    delivery.files.sort_by(|a, b| a.name.cmp(&b.name));
    delivery.containers.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = delivery.files.windows(2).find(|p| p[0].name == p[1].name) {
        return Err(Fault::DuplicateName.at(&pair[1].path));
    }
    if let Some(pair) = delivery.containers.windows(2).find(|p| p[0].name == p[1].name) {
        return Err(Fault::DuplicateName.at(&pair[1].path));
    }
    Ok(delivery)
}

fn walk(folder: &Path, prefix: &str, delivery: &mut Delivery) -> Result<(), SourceError> {
    let mut entries = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(fault(folder))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(fault(&entry.path()))?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), delivery)?;
        } else if kind.is_file() {
            unpack::add(delivery, entry.path(), name)?;
        } else {
            return Err(Fault::NotAFile.at(entry.path()));
        }
    }
    Ok(())
}

fn describe(path: PathBuf, name: String, container: Option<Arc<str>>) -> io::Result<DeliveryFile> {
    let file = File::open(&path)?;
    let bytes = file.metadata()?.len();
    let mut head = Vec::with_capacity(4);
    file.take(4).read_to_end(&mut head)?;
    let lower = name.to_ascii_lowercase();
    let plain = [".gz", ".zst"].iter().find_map(|e| lower.strip_suffix(e)).unwrap_or(&lower);
    let kind = match plain.rsplit_once('.').map(|(_, extension)| extension) {
        Some("ndjson" | "jsonl") => FileKind::Ndjson,
        Some("json") if plain.ends_with(SYNTH_MANIFEST) => FileKind::Other,
        Some("json" | "fhir") => FileKind::Json,
        _ => FileKind::Other,
    };
    // An attachment that happens to be compressed is kept as it is.
    let packing = if kind == FileKind::Other { Packing::Plain } else { Packing::of(&head) };
    Ok(DeliveryFile { name, path, bytes, kind, packing, container })
}

/// The first 16 KiB of a file's content, and the compression that they came through. For a file of kind
/// [`FileKind::Other`] that may differ from its `packing`, which says how it is read.
pub fn head(file: &DeliveryFile) -> Result<(Vec<u8>, Packing), SourceError> {
    let read = |packing: Packing| {
        let mut head = Vec::with_capacity(HEAD as usize);
        decode(&file.path, packing, file.bytes)?.take(HEAD).read_to_end(&mut head)?;
        Ok::<_, io::Error>(head)
    };
    let plain = read(Packing::Plain).map_err(fault(&file.path))?;
    match Packing::of(&plain) {
        Packing::Plain => Ok((plain, Packing::Plain)),
        // What only begins as if it were packed is a file like any other.
        packing => Ok(read(packing).map_or((plain, Packing::Plain), |head| (head, packing))),
    }
}

/// Opens a file through its compression. Expansion past the bound is an error, so that a bomb is refused by name.
pub fn open(file: &DeliveryFile) -> Result<Box<dyn Read + Send>, SourceError> {
    decode(&file.path, file.packing, file.bytes).map_err(fault(&file.path))
}

fn decode(path: &Path, packing: Packing, bytes: u64) -> io::Result<Box<dyn Read + Send>> {
    let raw = BufReader::with_capacity(1 << 18, File::open(path)?);
    let left = unpack::expansion_max(bytes);
    Ok(match packing {
        Packing::Plain => Box::new(raw),
        Packing::Gzip => Box::new(Bounded { inner: flate2::read::MultiGzDecoder::new(raw), left }),
        Packing::Zstd => Box::new(Bounded { inner: zstd::stream::read::Decoder::with_buffer(raw)?, left }),
    })
}

struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(Expands))?;
        Ok(count)
    }
}
