//! A CDA document as people read it: from the document's own tree to a typed page, and from that page to HTML, text and print.
//!
//! The page holds everything that the header and every narrative block say, in the author's order, and nothing that could
//! act: it is made of a short list of nodes, and the writers can write no others. One bad attribute never stops a page; it is
//! left out and counted (CDA R2 §4.3.5: a recipient must be able to render header and narrative).
//!
//! Not for: what entries mean in FHIR (`mapping::cda`), fetching anything, or which documents may be shown (`access`).

mod allow;
mod assemble;
mod clinical_order;
mod coded;
mod facts;
mod findings;
mod header;
mod html;
mod link;
mod media;
mod narrative;
mod node;
mod old_html;
mod page;
mod paper;
mod pictures;
mod places;
mod plain;
mod prose;
mod runs;
mod styles;
mod tables;
mod values;
pub mod view;
mod warnings;
pub mod xml;

#[cfg(test)]
mod header_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

pub use html::{fragment, standalone};
pub use link::Link;
pub use media::{Media, MediaFault, MediaUse};
pub use node::{Cell, Columns, Extra, Footnote, Node, NodeKind};
pub use page::{Coded, Confidentiality, Page, Panel, Row, Running, SectionPage};
pub use paper::{html as html_blocks, paper};
pub use plain::text;
pub use warnings::Warning;

use crate::formats::cda::{Document, Fault};
use crate::render::pdf::{self, Pdf, PdfFault};

/// How a page is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Shows the last four digits of social security numbers only.
    pub mask_ids: bool,
}

/// Why a document is kept and not shown as a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unrenderable {
    #[error("the document cannot be read: {0}")]
    Unreadable(#[from] Fault),
    #[error("the document declares entities of its own, which a page must not use")]
    InternalSubset,
}

/// The page of a document.
///
/// # Errors
/// What cannot be read at all, and documents with an internal subset; everything else gives a page.
pub fn page(bytes: &[u8], options: Options) -> Result<Page, Unrenderable> {
    let document = Document::read(bytes)?;
    if document.has_internal_subset() {
        return Err(Unrenderable::InternalSubset);
    }
    Ok(assemble::page(bytes, &document, options))
}

/// A page in print. A PDF inside that cannot be taken over page by page is drawn instead.
///
/// # Errors
/// What the typesetter cannot write.
pub fn pdf(page: &Page) -> Result<Pdf, PdfFault> {
    pdf::typeset(&paper(page, true)).or_else(|_| pdf::typeset(&paper(page, false)))
}
