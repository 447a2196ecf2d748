//! The bytes of a document: XML of the typed parts, in the order of the schema, the same every time.
//!
//! Not for: what stands in the parts.

mod document;
mod entries;
mod narrative;
mod people;
mod types;

use super::document::Document;
use super::xml::Xml;

/// The document as XML in UTF-8.
pub fn write(document: &Document) -> Vec<u8> {
    let mut x = Xml::new();
    document::document(&mut x, document);
    x.finish().into_bytes()
}
