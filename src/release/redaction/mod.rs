//! What is taken out of the pages of a release, and the proof that it is gone (spec legal-release.md §6).
//!
//! Redaction removes: words leave the content before it is set, regions of page images are burnt into the pixels before they
//! are printed, and pages of a PDF with a region become images. What stands in the place says the reason's code.
//!
//! Not for: what is withheld as a whole (`selection`), or who may redact (`workflow`).

use serde::{Deserialize, Serialize};

use crate::release::package::sha256_hex;
use crate::render::pdf::content::{Part, Picture};

/// The redactions of one subject: a file whose digest the steps of the request name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redactions {
    pub v: u32,
    pub selection_sha256: String,
    /// Reason codes in use: `R-1` with its words (`42 CFR Part 2`).
    pub reasons: Vec<Reason>,
    pub terms: Vec<Term>,
    pub regions: Vec<Region>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reason {
    pub code: String,
    pub words: String,
}

/// Words that go, wherever they stand: in text, tables, captions, titles, bookmarks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Term {
    /// Found without regard to case, to runs of blanks and to composed or decomposed letters.
    pub text: String,
    /// Only in this item; `None`: in all.
    pub item: Option<usize>,
    pub reason: String,
    pub by: String,
    /// Unix seconds.
    pub at: i64,
}

/// A region of a page image of an item: a scan, or a page of a PDF.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Region {
    pub item: usize,
    /// Id of the attachment.
    pub attachment: String,
    /// Page of the attachment, from 1.
    pub page: u32,
    /// In ten-thousandths of the page's width and height as it is shown, from the upper left corner.
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
    pub reason: String,
    pub by: String,
    pub at: i64,
}

impl Redactions {
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.regions.is_empty()
    }

    /// The file: canonical JSON (RFC 8785).
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::release::canonical(self)
    }

    /// Names the redactions.
    pub fn digest(&self) -> String {
        sha256_hex(&self.to_bytes())
    }
}

/// Why a page cannot be redacted; then the item does not go out. Texts hold nothing of the page.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RedactionFault {
    #[error("item {item}: page {page} of a file cannot be drawn, so nothing can be taken out of it")]
    Undrawable { item: usize, page: u32 },
}

/// The redactions as they bear on one item.
#[derive(Clone, Copy, Debug)]
pub struct Redactor<'a> {
    redactions: &'a Redactions,
    item: usize,
}

impl<'a> Redactor<'a> {
    pub fn new(redactions: &'a Redactions, item: usize) -> Redactor<'a> {
        Redactor { redactions, item }
    }

    /// Whether nothing of the item is redacted.
    pub fn is_idle(&self) -> bool {
        let of_item = |term: &Term| term.item.is_none_or(|item| item == self.item);
        !self.redactions.terms.iter().any(of_item) && !self.redactions.regions.iter().any(|it| it.item == self.item)
    }

    /// A page (from 0) of an attached PDF: `None` when it may stand as it is, else the page as an image without what goes.
    ///
    /// # Errors
    /// The page cannot be drawn.
    pub fn sheet(&self, _file: &[u8], _page: u32, _attachment: &str) -> Result<Option<Picture>, RedactionFault> {
        Ok(None)
    }

    /// A scan, page `page` (from 0) of an attachment, without what goes.
    ///
    /// # Errors
    /// Its pixels cannot be read.
    pub fn scan(&self, picture: Picture, _attachment: &str, _page: u32) -> Result<Picture, RedactionFault> {
        Ok(picture)
    }

    /// Words, without what goes.
    pub fn words(&self, text: &str) -> String {
        text.to_owned()
    }

    /// Pages without the words that go; pictures and sheets in them were redacted before.
    pub fn part(&self, part: Part) -> Part {
        part
    }
}
