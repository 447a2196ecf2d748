//! Containers: delivered files that hold files, and how their bytes follow from what they hold.
//!
//! A container is a run of pieces: its own bytes (headers, padding, directories) and its members, as they stand or
//! packed. With its own bytes kept and its members at hand a tar file can be written again byte for byte, and so can the
//! content of a packed one; for a zip file whose members are packed, the packed bytes have to be kept too.
//!
//! Not for: telling them (`recognise`), unpacking (`unpack`), or deciding what is kept (`ingest`).

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;

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
