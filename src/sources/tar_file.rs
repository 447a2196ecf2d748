//! Tar files, read in one pass: headers of V7, ustar, GNU and pax, bounded before anything is believed.
//!
//! Not for: the compression around them.

use std::io::{self, Read};

use encoding_rs::WINDOWS_1252;
use tar::{EntryType, Header, PaxExtensions};

use super::container::Piece;
use super::error::{Fault, SourceError};
use super::sink::Sink;
use crate::limits;

/// Bytes of a block: headers have one, members fill whole ones.
pub(super) const BLOCK: usize = 512;

/// What extension headers say about the entry after them.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Unpacks all members and reads on to the end of the file.
pub(super) fn unpack(content: &mut dyn Read, sink: &mut Sink<'_>) -> Result<Vec<Piece>, SourceError> {
    let mut pieces = Vec::new();
    let mut own = 0u64;
    let mut extension = Extension::default();
    loop {
        let mut block = [0u8; BLOCK];
        let read = fill(content, &mut block).map_err(|e| sink.fault(e))?;
        own += read as u64;
        if read == BLOCK && block.iter().all(|b| *b == 0) {
            break;
        }
        if read == 0 {
            // A file cut between two members looks like this; its other members would be lost without a word.
            return Err(sink.fault(Fault::Damaged("ends without the mark of its end".into())));
        }
        let header = checked(&block[..read]).ok_or_else(|| sink.fault(Fault::Damaged("a header is not in order".into())))?;
        sink.count()?;
        let kind = header.entry_type();
        let declared = header.entry_size().map_err(|e| sink.fault(e))?;
        if kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions() {
            let bytes = extension_bytes(content, declared).map_err(|e| sink.fault(e))?;
            own += bytes.len() as u64;
            extend(&mut extension, kind, bytes.get(..declared as usize).unwrap_or(&bytes));
            continue;
        }
        let size = extension.size.take().unwrap_or(declared);
        let name = text(extension.name.take().unwrap_or_else(|| header.path_bytes().into_owned()));
        let padding = size.wrapping_neg() % BLOCK as u64;
        if kind.is_pax_global_extensions() || kind.is_dir() || (is_file(kind) && name.ends_with('/')) {
            own += skip(content, size.saturating_add(padding)).map_err(|e| sink.fault(e))?;
            continue;
        }
        if !is_file(kind) {
            return Err(sink.member_fault(&name, Fault::NotContent));
        }
        let unpacked = sink.member(&name, &mut content.take(size))?;
        if unpacked != size {
            return Err(sink.member_fault(&name, io::Error::from(io::ErrorKind::UnexpectedEof)));
        }
        pieces.extend([Piece::Own(own), Piece::Member(size)]);
        own = skip(content, padding).map_err(|e| sink.member_fault(&name, e))?;
    }
    // What stands behind the end of the archive belongs to the file all the same.
    own += io::copy(content, &mut io::sink()).map_err(|e| sink.fault(e))?;
    pieces.push(Piece::Own(own));
    Ok(pieces)
}

fn is_file(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous)
}

/// The header, if it is one.
fn checked(block: &[u8]) -> Option<&Header> {
    if block.len() != BLOCK {
        return None;
    }
    let header = Header::from_byte_slice(block);
    header.cksum().is_ok_and(|sum| sum == checksum(block)).then_some(header)
}

/// A block whose checksum is right; no other file begins so by accident.
pub(super) fn is_tar_header(head: &[u8]) -> bool {
    head.len() == BLOCK && head[0] != 0 && {
        let header = tar::Header::from_byte_slice(head);
        header.cksum().is_ok_and(|sum| sum == checksum(head))
    }
}

/// The checksum of a tar header: the sum of its bytes, with blanks where the checksum stands.
fn checksum(block: &[u8]) -> u32 {
    block.iter().enumerate().map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte })).sum()
}

fn extend(extension: &mut Extension, kind: EntryType, bytes: &[u8]) {
    if kind.is_gnu_longname() {
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        extension.name = Some(bytes[..end].to_vec());
    } else if kind.is_pax_local_extensions() {
        for pair in PaxExtensions::new(bytes).flatten() {
            match pair.key_bytes() {
                b"path" => extension.name = Some(pair.value_bytes().to_vec()),
                b"size" => extension.size = pair.value().ok().and_then(|v| v.parse().ok()),
                _ => {}
            }
        }
    }
}

/// The content of an extension header with its padding.
fn extension_bytes(content: &mut dyn Read, size: u64) -> io::Result<Vec<u8>> {
    if size > limits::TAR_EXTENSION_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an extension header is too long"));
    }
    let padded = size.next_multiple_of(BLOCK as u64);
    let mut bytes = Vec::new();
    content.take(padded).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == padded { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads over `bytes` bytes; the padding of the last member may be missing.
fn skip(content: &mut dyn Read, bytes: u64) -> io::Result<u64> {
    io::copy(&mut content.take(bytes), &mut io::sink())
}

fn fill(content: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match content.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// Names are UTF-8 today; before, they were in the code page of the machine.
fn text(name: Vec<u8>) -> String {
    String::from_utf8(name).unwrap_or_else(|e| WINDOWS_1252.decode_without_bom_handling(e.as_bytes()).0.into_owned())
}
