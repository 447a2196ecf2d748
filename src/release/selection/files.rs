//! The files of a record that may go out: their digest, their pages, whether they open as what they are, and whom they name.
//!
//! Not for: drawing pages (`paper`).

use super::Attachment;
use super::traits::{FileAt, FileRef};
use super::whose::Claim;
use crate::access::Permit;
use crate::formats::{MediaKind, cda, sniff};
use crate::model::DocumentId;
use crate::query::{Archive, Held, QueryError, document_id};
use crate::release::package::sha256_hex;
use crate::render::page_images::{RenderError, page_count};

/// What was found of a file.
#[derive(Debug, Default)]
pub struct Read {
    pub attachment: Option<Attachment>,
    /// Why it cannot be opened, in words.
    pub unreadable: Option<String>,
    /// Whom its own header names.
    pub claim: Option<Claim>,
}

/// Reads a file of a record.
pub fn read(archive: &Archive, permit: &Permit, held: &Held<'_>, file: &FileRef) -> Result<Read, QueryError> {
    let missing = || Read { unreadable: Some("a file that it names was not delivered".into()), ..Read::default() };
    let (id, bytes) = match &file.at {
        FileAt::Missing => return Ok(missing()),
        FileAt::Own(number) => {
            let id = document_id(held.record.kind, held.record.id.as_str(), *number);
            (id.map(|id| id.0), held.file(*number)?)
        }
        FileAt::Binary(id) => match archive.document(permit, &DocumentId(id.clone())) {
            Ok(document) => (Some(id.clone()), Some(document.bytes)),
            Err(QueryError::NotFound | QueryError::OutOfScope) => return Ok(missing()),
            Err(error) => return Err(error),
        },
    };
    let Some((id, bytes)) = id.zip(bytes) else { return Ok(missing()) };
    let kind = sniff(&bytes, Some(&file.media_type));
    let (pages, unreadable) = opened(&bytes, kind, &file.media_type);
    let claim = if unreadable.is_none() { Claim::of_file(&bytes, kind, &file.media_type) } else { None };
    let attachment = Attachment {
        id: id.as_str().to_owned(),
        media_type: file.media_type.clone(),
        title: file.title.clone(),
        bytes: bytes.len() as u64,
        sha256: sha256_hex(&bytes),
        pages,
    };
    Ok(Read { attachment: Some(attachment), unreadable, claim })
}

/// Pages, and why it cannot be opened as what it says it is.
fn opened(bytes: &[u8], kind: MediaKind, declared: &str) -> (Option<u32>, Option<String>) {
    if bytes.is_empty() {
        return (None, Some("its file is empty".into()));
    }
    let declared = declared.to_ascii_lowercase();
    let is_drawn = declared.starts_with("image/") || declared.contains("pdf");
    let is_text = matches!(kind, MediaKind::Text | MediaKind::Html | MediaKind::Json | MediaKind::Unknown);
    if is_drawn && is_text {
        return (None, Some(format!("its file is not what it says it is: {}", plain(&declared))));
    }
    match kind {
        MediaKind::Pdf | MediaKind::Tiff | MediaKind::Jpeg | MediaKind::Png => match page_count(bytes, kind) {
            Ok(0) => (None, Some("its file has no pages".into())),
            Ok(pages) => (Some(pages), None),
            Err(RenderError::Encrypted) => (None, Some("its file is encrypted with a password that is not known".into())),
            Err(_) => (None, Some("its file is damaged or larger than what is opened".into())),
        },
        MediaKind::Cda => (None, cda::Document::read(bytes).is_err().then(|| "its document is damaged".to_owned())),
        MediaKind::Unknown => (None, Some("its file is of no known form".into())),
        _ => (None, None),
    }
}

/// A media type as it may stand in words: a file can declare anything.
fn plain(declared: &str) -> String {
    declared.chars().filter(|c| c.is_ascii_alphanumeric() || "/.+-".contains(*c)).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_open_is_told() {
        let pdf = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog".as_slice();
        for (bytes, declared, readable) in [
            (b"".as_slice(), "text/plain", false),
            (b"plain words", "text/plain", true),
            (b"plain words", "application/pdf", false),
            (pdf, "application/pdf", false),
            (b"II*\0\xff\xff\xff\xff", "image/tiff", false),
            (b"\x00\x01\x02\x03", "application/octet-stream", false),
            (b"<html><body>x</body></html>", "text/html", true),
        ] {
            let (_, unreadable) = opened(bytes, sniff(bytes, Some(declared)), declared);
            assert_eq!(unreadable.is_none(), readable, "{declared}: {unreadable:?}");
        }
    }
}
