//! Reading HL7 CDA R2 documents (C-CDA, C32, CCD and what vendors made of them): a bounded tree of elements, and the
//! parts of a document by their names.
//!
//! Well-formed documents are read whatever a schema would say of them. What is odd is told as findings; only a document
//! that is not well-formed, or goes beyond the limits, is refused. Entities are never expanded and nothing is ever loaded.
//!
//! Not for: what a document means in FHIR (`mapping::cda`), its looks (`render`), text of any XML (`xml_text`).

mod build;
mod document;
mod narrative;
mod tree;

#[cfg(test)]
mod tests;

pub use document::{Body, Document, Section};
pub use narrative::{SectionText, section_texts, text_of};
pub use tree::{Element, Namespace, Node};

use std::borrow::Cow;

use super::{encoding, sniff, xml_text};

/// As much of the beginning as [`looks_like_cda`] needs.
pub const HEAD: usize = 16 << 10;

/// Why a document cannot be read: a stable code, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code} at byte {offset}")]
pub struct Fault {
    pub code: &'static str,
    /// Byte offset in the document as it was given.
    pub offset: u64,
}

/// A document as text, in the encoding in which it is read.
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let declared = build::utf16_without_mark(bytes).or_else(|| xml_text::declaration_encoding(bytes));
    encoding::decode(bytes, declared, &mut Vec::new())
}

/// Whether a file that begins so is a CDA document: XML whose first element is a `ClinicalDocument`. Fragments of
/// documents, and documents inside something else, are not.
pub fn looks_like_cda(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD)];
    let text = match build::utf16_without_mark(head) {
        Some(encoding) => encoding.decode_without_bom_handling(head).0,
        None => encoding::decode_head(head, None),
    };
    sniff::prolog(&text).is_some_and(|(_, root)| root.rsplit(':').next() == Some("ClinicalDocument"))
}
