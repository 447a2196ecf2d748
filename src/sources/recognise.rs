//! What a delivered file is, by its bytes: a container, or a file like any other.
//!
//! Not for: what is in a container (`zip_file`, `tar_file`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::container::Format;
use super::tar_file::{BLOCK, is_tar_header};
use super::{Packing, decode, zip_file};

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

fn first_block(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(BLOCK);
    from.take(BLOCK as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Member names that make a zip file a document of an office program (OPC, ODF, EPUB).
const OF_DOCUMENTS: [&str; 2] = ["[Content_Types].xml", "mimetype"];

fn is_document(head: &[u8], file: File) -> bool {
    let name_length = head.get(26..28).map_or(0, |n| usize::from(n[0]) | usize::from(n[1]) << 8);
    let first = head.get(30..30 + name_length).unwrap_or_default();
    if OF_DOCUMENTS.iter().any(|name| name.as_bytes() == first) {
        return true;
    }
    match zip_file::read(file) {
        Ok(archive) => archive.index_for_name(OF_DOCUMENTS[0]).is_some(),
        Err(_) => false,
    }
}
