//! Pure readers of the formats that old systems left behind: what a document is, and the words in it.
//!
//! Not for: files and archives (`sources`), what a record means (`ingest`), showing a document (`render`).

pub mod attachment;
pub mod bounded;
pub mod cda;
pub mod code_map;
pub mod code_systems;
mod docx;
pub mod encoding;
pub mod fhir;
mod flow;
pub mod hl7v2;
mod html;
pub mod markup;
mod media_kind;
pub mod pdf;
mod plain;
mod rtf;
pub mod sniff;
pub mod table;
pub mod ucum;
mod xml_text;

#[cfg(test)]
pub(crate) mod tests;

pub use media_kind::MediaKind;
pub use sniff::sniff;

use crate::limits::{EXTRACTED_TEXT_MAX, RECORD_BYTES_MAX};
use crate::model::Finding;

/// The words of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extracted {
    /// Plain text: lines end in `\n` (a plain-text original keeps its own), table cells in a tab.
    pub text: String,
    pub findings: Vec<Finding>,
    pub kind: MediaKind,
    /// False where a search of `text` says nothing about the document: pictures, scans without a text layer,
    /// encrypted or unreadable files.
    pub searchable: bool,
}

/// Reads the text of a document, whatever it is. Never fails: what could not be read is told by the findings.
///
/// `declared_type` is the media type that came with it; its `charset` is used, its type only as a hint ([`sniff`]).
pub fn text_of(bytes: &[u8], declared_type: Option<&str>) -> Extracted {
    text_at(bytes, declared_type, true)
}

/// As [`text_of`], of a PDF only the first page: enough to read whose a document says it is.
pub fn head_of(bytes: &[u8], declared_type: Option<&str>) -> Extracted {
    let kind = sniff(bytes, declared_type);
    if kind != MediaKind::Pdf || bytes.len() > RECORD_BYTES_MAX {
        return text_of(bytes, declared_type);
    }
    let mut read = Extracted { text: String::new(), findings: Vec::new(), kind, searchable: false };
    pdf::read_first(bytes, &mut read);
    cut(&mut read);
    read
}

/// `outer` is false for a document found inside another one, which may not hold a third.
fn text_at(bytes: &[u8], declared_type: Option<&str>, outer: bool) -> Extracted {
    let kind = sniff(bytes, declared_type);
    let mut read = Extracted { text: String::new(), findings: Vec::new(), kind, searchable: false };
    if bytes.len() > RECORD_BYTES_MAX {
        read.findings.push(finding("document.too-large", 0, "larger than what is read for text"));
        return read;
    }
    match kind {
        MediaKind::Text | MediaKind::Json => plain::read(bytes, declared_type, &mut read),
        MediaKind::Html => html::read(bytes, declared_type, &mut read),
        MediaKind::Rtf => rtf::read(bytes, &mut read),
        MediaKind::Pdf => pdf::read(bytes, &mut read),
        MediaKind::Cda | MediaKind::Xml => {
            if let Some(inner) = xml_text::read(bytes, declared_type, &mut read).filter(|_| outer) {
                append(&mut read, text_at(&inner.bytes, inner.media_type.as_deref(), false));
            }
        }
        MediaKind::Docx => docx::read(bytes, &mut read),
        MediaKind::Wav => read.findings.push(finding("sound.no-text", 0, "a recording: its words are not searched")),
        MediaKind::Tiff | MediaKind::Jpeg | MediaKind::Png | MediaKind::Gif | MediaKind::Bmp => {
            read.findings.push(finding("picture.no-text", 0, "a picture: its words are not searched"));
        }
        MediaKind::Xlsx | MediaKind::Zip | MediaKind::Ole | MediaKind::Unknown => {
            read.findings.push(finding("document.unreadable", 0, "not a format whose text is read"));
        }
    }
    cut(&mut read);
    read
}

/// Adds the text of an embedded document to its carrier's, which is only as searchable as what it carries.
fn append(carrier: &mut Extracted, inner: Extracted) {
    if !carrier.text.is_empty() && !carrier.text.ends_with('\n') {
        carrier.text.push('\n');
    }
    carrier.text.push_str(&inner.text);
    carrier.findings.extend(inner.findings);
    carrier.searchable = inner.searchable;
}

fn cut(read: &mut Extracted) {
    if read.text.len() > EXTRACTED_TEXT_MAX {
        read.text.truncate(read.text.floor_char_boundary(EXTRACTED_TEXT_MAX));
        read.findings.push(finding("text.cut", 0, "the text is longer than what is kept for search"));
    }
}

fn finding(code: &'static str, offset: usize, note: &str) -> Finding {
    Finding { code, offset: offset as u64, note: note.to_owned() }
}
