//! Zip files: what the central directory names, and where each member's bytes lie.
//!
//! Not for: documents that are zip files (`formats::docx`).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::container::Piece;
use super::error::{Fault, SourceError};
use super::sink::Sink;
use crate::limits;

/// Where members' packed bytes lie.
struct Place {
    start: u64,
    packed: u64,
    number: usize,
    is_packed: bool,
}

/// Opens a zip file for reading its members.
pub(super) fn read(mut file: File) -> Result<ZipArchive<BufReader<File>>, Fault> {
    if declares_too_many(&mut file)? {
        return Err(Fault::TooManyMembers);
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(ZipArchive::new(BufReader::new(file))?)
}

/// Unpacks all members, in the order in which they lie in the file.
pub(super) fn unpack(path: &Path, sink: &mut Sink<'_>) -> Result<Vec<Piece>, SourceError> {
    let file = File::open(path).map_err(|e| sink.fault(Fault::Read(e)))?;
    let bytes = file.metadata().map_err(|e| sink.fault(Fault::Read(e)))?.len();
    let mut archive = read(file).map_err(|e| sink.fault(e))?;
    if archive.has_duplicate_names() {
        return Err(sink.fault(Fault::DuplicateName));
    }
    let places = places(&mut archive, sink)?;
    let mut pieces = Vec::with_capacity(2 * places.len() + 1);
    let mut at = 0;
    for place in places {
        let own = place.start.checked_sub(at).ok_or_else(|| sink.fault(Fault::Overlap))?;
        if own > 0 {
            pieces.push(Piece::Own(own));
        }
        pieces.push(if place.is_packed { Piece::Packed(place.packed) } else { Piece::Member(place.packed) });
        at = place.start.saturating_add(place.packed);
        if at > bytes {
            return Err(sink.fault(Fault::Damaged("a member reaches beyond the end".into())));
        }
        let mut member = archive.by_index(place.number).map_err(|e| sink.fault(e))?;
        let (name, declared) = (member.name().map_err(|e| sink.fault(e))?.into_owned(), member.size());
        let unpacked = sink.member(&name, &mut member)?;
        if unpacked != declared {
            return Err(sink.member_fault(&name, Fault::Damaged("not as long as the directory says".into())));
        }
    }
    if at < bytes {
        pieces.push(Piece::Own(bytes - at));
    }
    Ok(pieces)
}

/// The places of all files, by where they lie. Refuses what is no file and no folder.
fn places(archive: &mut ZipArchive<BufReader<File>>, sink: &mut Sink<'_>) -> Result<Vec<Place>, SourceError> {
    let mut places = Vec::with_capacity(archive.len());
    for number in 0..archive.len() {
        sink.count()?;
        let member = archive.by_index_raw(number).map_err(|e| sink.fault(e))?;
        let name = member.name().map_err(|e| sink.fault(e))?;
        if member.encrypted() {
            return Err(sink.member_fault(&name, Fault::Encrypted));
        }
        // The upper bits of a Unix mode tell the kind: 0 where nothing is said, files and folders.
        let kind = member.unix_mode().unwrap_or(0) & 0o170_000;
        if member.is_symlink() || !matches!(kind, 0 | 0o100_000 | 0o040_000) {
            return Err(sink.member_fault(&name, Fault::NotContent));
        }
        if member.is_dir() && member.size() == 0 {
            continue;
        }
        let start = member.data_start().ok_or_else(|| sink.fault(Fault::Damaged("a member has no place".into())))?;
        let is_packed = member.compression() != zip::CompressionMethod::Stored;
        places.push(Place { start, packed: member.compressed_size(), number, is_packed });
    }
    places.sort_by_key(|place| (place.start, place.packed));
    Ok(places)
}

/// Looks at the number of members that the end of the file declares, before memory is set aside for them.
fn declares_too_many(file: &mut File) -> io::Result<bool> {
    // The longest comment, and the records before it (APPNOTE 4.3.14 to 4.3.16).
    const TAIL: u64 = (1 << 16) + 22 + 20 + 56;
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let number = |bytes: Option<&[u8]>| bytes.and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    // Zip64's end record says it in eight bytes, the older one in two, which is never too many.
    let mut ends: Vec<Vec<u8>> =
        memchr::memmem::find_iter(&tail, b"PK\x06\x06").filter_map(|at| tail.get(at..at + 56)).map(<[u8]>::to_vec).collect();
    for at in memchr::memmem::find_iter(&tail, b"PK\x06\x07").take(8) {
        file.seek(SeekFrom::Start(number(tail.get(at + 8..at + 16)).min(length)))?;
        let mut end = Vec::new();
        file.take(56).read_to_end(&mut end)?;
        if end.starts_with(b"PK\x06\x06") {
            ends.push(end);
        }
    }
    Ok(ends.iter().any(|end| number(end.get(32..40)).max(number(end.get(24..32))) > limits::MEMBERS_MAX))
}

impl From<ZipError> for Fault {
    fn from(e: ZipError) -> Fault {
        match e {
            ZipError::Io(e) => e.into(),
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => Fault::Encrypted,
            ZipError::UnsupportedArchive(what) => Fault::Unsupported(what.into()),
            ZipError::CompressionMethodNotSupported(method) => Fault::Unsupported(format!("compression method {method}")),
            e => Fault::Damaged(e.to_string()),
        }
    }
}
