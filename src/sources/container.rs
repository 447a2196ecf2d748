//! Containers: delivered files that hold files, and how their bytes follow from what they hold.
//!
//! A container is a run of pieces: its own bytes (headers, padding, directories) and its members, as they stand or
//! packed. With its own bytes kept and its members at hand a tar file can be written again byte for byte, and so can the
//! content of a packed one; for a zip file whose members are packed, the packed bytes have to be kept too.
//!
//! Not for: unpacking (`unpack`), or deciding what is kept (`ingest`).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Packing, decode};

/// How a container holds its members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Zip,
    Tar,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Zip => "zip",
            Format::Tar => "tar",
        }
    }
}

/// A delivered file that was unpacked into its members.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name in the delivery; its members' names begin with it.
    pub name: String,
    pub path: PathBuf,
    pub format: Format,
    /// Compression around the whole of it, as in `.tar.gz`.
    pub packing: Packing,
    /// Bytes as delivered, and their SHA-256.
    pub bytes: u64,
    pub sha256: [u8; 32],
    /// Bytes and SHA-256 of what `packing` holds; the same as above where it is plain.
    pub content_bytes: u64,
    pub content_sha256: [u8; 32],
    /// In the order in which they stand in the container. A member may be a container itself.
    pub members: Vec<Member>,
    /// The whole content, from its first byte to its last.
    pub pieces: Vec<Piece>,
}

/// A file in a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name in the delivery.
    pub name: String,
    /// Bytes unpacked.
    pub bytes: u64,
}

/// A run of a container's content. Members come in their order, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// So many bytes of the container's own.
    Own(u64),
    /// The next member, as it stands, with so many bytes.
    Member(u64),
    /// The next member, packed into so many bytes.
    Packed(u64),
}

impl Container {
    /// Whether its members and its own bytes are all that is needed to write it again.
    pub fn follows_from_members(&self) -> bool {
        !self.pieces.iter().any(|piece| matches!(piece, Piece::Packed(_)))
    }

    /// Writes what has to be kept so that [`rebuild`] can write the container's content again: its own bytes, and the
    /// bytes of packed members. Gives their number.
    pub fn write_skeleton(&self, out: &mut dyn Write) -> io::Result<u64> {
        let mut content: Box<dyn Read> = match self.packing {
            Packing::Plain => Box::new(BufReader::with_capacity(1 << 16, File::open(&self.path)?)),
            packing => Box::new(decode(&self.path, packing, self.bytes)?),
        };
        let mut kept = 0;
        for piece in &self.pieces {
            match *piece {
                Piece::Own(bytes) | Piece::Packed(bytes) => {
                    exactly(&mut content, bytes, out)?;
                    kept += bytes;
                }
                Piece::Member(bytes) => exactly(&mut content, bytes, &mut io::sink())?,
            }
        }
        Ok(kept)
    }
}

/// Writes the content of a container from its pieces, its skeleton ([`Container::write_skeleton`]) and its members, which
/// are asked for by their number.
pub fn rebuild<R: Read>(
    pieces: &[Piece],
    skeleton: &mut dyn Read,
    mut member: impl FnMut(usize) -> io::Result<R>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut number = 0;
    for piece in pieces {
        match *piece {
            Piece::Own(bytes) => exactly(skeleton, bytes, out)?,
            Piece::Packed(bytes) => {
                exactly(skeleton, bytes, out)?;
                number += 1;
            }
            Piece::Member(bytes) => {
                exactly(&mut member(number)?, bytes, out)?;
                number += 1;
            }
        }
    }
    Ok(())
}

fn exactly(from: &mut dyn Read, bytes: u64, to: &mut dyn Write) -> io::Result<()> {
    let copied = io::copy(&mut from.take(bytes), to)?;
    if copied == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// What a file is, by its bytes: a container and the compression around it, or `None` for a file like any other.
/// Documents that are zip files themselves (DOCX, XLSX, ODT …) are files.
pub(super) fn format_of(path: &Path, bytes: u64) -> io::Result<Option<(Format, Packing)>> {
    let mut file = File::open(path)?;
    let head = first_block(&mut file)?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        file.seek(SeekFrom::Start(0))?;
        return Ok((!is_document(&head, file)).then_some((Format::Zip, Packing::Plain)));
    }
    let packing = Packing::of(&head);
    let is_tar = match packing {
        Packing::Plain => is_tar_header(&head),
        // What does not even begin to unpack is no container; reading it as a file will tell what is wrong.
        _ => decode(path, packing, bytes).and_then(|mut content| first_block(&mut content)).is_ok_and(|h| is_tar_header(&h)),
    };
    Ok(is_tar.then_some((Format::Tar, packing)))
}

pub(super) const BLOCK: usize = 512;

fn first_block(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(BLOCK);
    from.take(BLOCK as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A block whose checksum is right; no other file begins so by accident.
fn is_tar_header(head: &[u8]) -> bool {
    head.len() == BLOCK && head[0] != 0 && {
        let header = tar::Header::from_byte_slice(head);
        header.cksum().is_ok_and(|sum| sum == checksum(head))
    }
}

/// The checksum of a tar header: the sum of its bytes, with blanks where the checksum stands.
pub(super) fn checksum(block: &[u8]) -> u32 {
    block.iter().enumerate().map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte })).sum()
}

/// Member names that make a zip file a document of an office program (OPC, ODF, EPUB).
const OF_DOCUMENTS: [&str; 2] = ["[Content_Types].xml", "mimetype"];

fn is_document(head: &[u8], file: File) -> bool {
    let name_length = head.get(26..28).map_or(0, |n| usize::from(n[0]) | usize::from(n[1]) << 8);
    let first = head.get(30..30 + name_length).unwrap_or_default();
    if OF_DOCUMENTS.iter().any(|name| name.as_bytes() == first) {
        return true;
    }
    match super::zip_file::read(file) {
        Ok(archive) => archive.index_for_name(OF_DOCUMENTS[0]).is_some(),
        Err(_) => false,
    }
}
