//! PDF: blocks set on pages with embedded fonts, an outline, links inside, and furniture on every page.
//!
//! A character that no font has is printed as its code point and reported, never dropped. The same content gives the same bytes.
//!
//! `content` says what is to be printed. `shape` and `lines` set words, `blocks` and `table` make strips of them, `flow` puts
//! strips on pages, `press` runs the parts on all cores and writes the file in order.
//!
//! printpdf, by which the project makes PDF, has the document's properties here, and its font library cuts the fonts. Its
//! drawing operators know no shaping and hold a whole file as values; the text of pages, and with it the file, is written with
//! lopdf's objects, which printpdf is built on as well.
//!
//! Not for: reading PDF (`formats::pdf`), pages as pictures (`page_images`), or what a release holds (`release`).

mod anchors;
mod blocks;
mod canvas;
pub mod content;
mod embed;
pub mod excerpt;
mod faces;
mod flow;
mod frames;
mod furniture;
mod grid;
mod lines;
pub mod margins;
mod outline;
mod pictures;
mod press;
mod shape;
mod sheets;
mod strip;
mod table;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::ops::Range;

pub use anchors::anchors_under;
use content::Anchor;
pub use content::Content;
pub use faces::fonts_sha256;
pub use outline::Cover;
pub use pictures::compressed;
pub use press::press;
pub use sheets::{count as sheets, standing};

/// Why a PDF was not made.
#[derive(Debug, thiserror::Error)]
pub enum PdfFault {
    #[error("an attached PDF is encrypted")]
    Encrypted,
    #[error("an attached PDF cannot be taken apart")]
    Broken,
    #[error("an attached PDF has no such page")]
    NoSuchPage,
    #[error("a page of an attached PDF stands inside a table")]
    SheetInside,
    #[error("a picture's bytes are not what they are said to be")]
    Picture,
    #[error("the PDF could not be written: {0}")]
    Write(#[from] std::io::Error),
    #[error("a thread of the typesetter ended early")]
    Thread,
    #[error("part {number} of the PDF: {fault}")]
    Part { number: usize, fault: Box<PdfFault> },
}

/// What is known of a file that was printed. Pages count from 1.
#[derive(Clone, Debug, Default)]
pub struct Printed {
    pub pages: u32,
    /// Pages of each part, in order.
    pub parts: Vec<Range<u32>>,
    /// Bytes that each part took in the file, without what all share: fonts, furniture, tables.
    pub bytes: Vec<u64>,
    pub anchors: BTreeMap<String, u32>,
    /// Characters that stand as their code points because no font has them or they would act, with how often.
    pub missing: Vec<(char, u32)>,
    /// Links and numbers of pages that lead to no anchor.
    pub lost: Vec<Anchor>,
}

/// A PDF in memory.
#[derive(Clone, Debug)]
pub struct Pdf {
    pub bytes: Vec<u8>,
    pub printed: Printed,
}

/// Typesets content that is all there. `press` takes parts as they come.
pub fn typeset(content: &Content) -> Result<Pdf, PdfFault> {
    let cover = Cover {
        title: content.title.clone(),
        language: content.language.clone(),
        created: content.created,
        seed: content.seed,
        threads: 0,
    };
    let mut bytes = Vec::new();
    let printed = press(&cover, content.parts.iter(), &mut bytes)?;
    Ok(Pdf { bytes, printed })
}
