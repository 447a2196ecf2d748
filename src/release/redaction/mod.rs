//! What is taken out of the pages of a release, and the proof that it is gone (spec legal-release.md §6).
//!
//! Redaction removes: words leave the content before it is set, regions of page images are burnt into the pixels before they
//! are printed, and pages of a PDF that something goes from become images. What stands in the place says the reason's code.
//! After printing, the file is read as a stranger would read it and searched for what went (`proof`).
//!
//! Not for: what is withheld as a whole (`selection`), or who may redact (`workflow`).

mod check;
mod fold;
mod glyphs;
mod journal;
mod pixels;
mod proof;
mod proof_bytes;
mod proof_pictures;
mod sheet;
mod stamp;
mod strings;
mod words;

#[cfg(test)]
mod picture_tests;
#[cfg(test)]
mod sheet_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use check::BadRedactions;
pub use journal::{Burnt, Done, Entry, Journal, Log};
pub use proof::{Leak, ProofReport, Spot, prove, prove_bytes};
pub use sheet::Cause;

use crate::release::package::sha256_hex;
use crate::render::pdf::content::{Part, Picture};
use fold::{Needles, Scope};
use journal::Known;
use pixels::{Box, Raster};
use sheet::{Fate, Plan};

/// Version of the form.
pub const VERSION: u32 = 1;

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
    /// Only where it is a word of its own; else inside longer words too.
    pub is_whole_word: bool,
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

/// Whether the delivered bytes of an item, its record and its files, may go beside the pages. Where anything bears on an item they
/// may not, found or not: nobody looked into them as the pages are looked into.
pub fn may_go_native(redactions: &Redactions, item: usize) -> bool {
    Redactor::new(redactions, item).is_idle()
}

/// How often a text is looked through, at most: where a word went, the letters beside its mark stand free and may be another.
/// What were left after that, the proof would find.
const ROUNDS_MAX: usize = 16;

/// The redactions as they bear on one item.
#[derive(Clone, Copy, Debug)]
pub struct Redactor<'a> {
    redactions: &'a Redactions,
    item: usize,
    journal: Option<&'a Journal>,
}

impl<'a> Redactor<'a> {
    pub fn new(redactions: &'a Redactions, item: usize) -> Redactor<'a> {
        Redactor { redactions, item, journal: None }
    }

    /// Writes down what it does. Without a journal there is no proof of regions, and each page of a file is looked at alone.
    pub fn noting(self, journal: &'a Journal) -> Redactor<'a> {
        Redactor { journal: Some(journal), ..self }
    }

    /// Whether nothing of the item is redacted.
    pub fn is_idle(&self) -> bool {
        let of_item = |term: &Term| term.item.is_none_or(|item| item == self.item);
        !self.redactions.terms.iter().any(of_item) && !self.redactions.regions.iter().any(|it| it.item == self.item)
    }

    fn needles(&self) -> Needles {
        Needles::of(self.redactions, Scope::Item(self.item))
    }

    fn regions(&self, attachment: &str) -> Vec<(usize, Region)> {
        let all = self.redactions.regions.iter().enumerate();
        let of_file = all.filter(|(_, region)| region.item == self.item && region.attachment == attachment);
        of_file.map(|(number, region)| (number, region.clone())).collect()
    }

    fn undrawable(&self, page: u32) -> RedactionFault {
        RedactionFault::Undrawable { item: self.item, page: page.saturating_add(1) }
    }

    /// A page (from 0) of an attached PDF: `None` when it may stand as it is, else the page as an image without what goes.
    ///
    /// # Errors
    /// The page cannot be drawn.
    pub fn sheet(&self, file: &Arc<Vec<u8>>, page: u32, attachment: &str) -> Result<Option<Picture>, RedactionFault> {
        let (needles, regions) = (self.needles(), self.regions(attachment));
        if needles.is_empty() && regions.is_empty() {
            return Ok(None);
        }
        let known = match self.journal.and_then(|journal| journal.known(self.item, attachment, file.len())) {
            Some(known) => known,
            None => {
                let plan = Plan::of(file, &needles, &regions).map_err(|fault| self.undrawable(fault.0))?;
                let known = Arc::new(Known { plan, sha256: sha256_hex(file), bytes: file.len() });
                if let Some(journal) = self.journal {
                    journal.keep(self.item, attachment, &known);
                }
                known
            }
        };
        let drawn = match known.plan.fates.get(page as usize).ok_or_else(|| self.undrawable(page))? {
            Fate::Stands => return Ok(None),
            Fate::Drawn(areas) => sheet::draw(file, page, areas, self.redactions, &needles),
            Fate::Withheld(terms) => Ok(sheet::withheld(file, page, terms, self.redactions)),
        };
        let drawn = drawn.map_err(|_| self.undrawable(page))?;
        let (width, height) = (drawn.raster.width, drawn.raster.height);
        let pixels = drawn.raster.into_pixels().map_err(|_| self.undrawable(page))?;
        let result = sha256_hex(&pixels::bytes_of(&pixels));
        let burnt = Burnt { width, height, boxes: drawn.boxes, before_sha256: None, after_sha256: result };
        self.note(attachment, page, known.sha256.clone(), burnt);
        Ok(Some(Picture { pixels, alt: String::new(), caption: Vec::new(), is_scan: true, words: drawn.words }))
    }

    /// A scan, page `page` (from 0) of an attachment, without what goes.
    ///
    /// # Errors
    /// Its pixels cannot be read.
    pub fn scan(&self, picture: Picture, attachment: &str, page: u32) -> Result<Picture, RedactionFault> {
        let needles = self.needles();
        let regions = self.regions(attachment);
        let regions: Vec<_> = regions.into_iter().filter(|(_, region)| region.page == page.saturating_add(1)).collect();
        let hits = words::placed_hits(&needles, &picture.words);
        if regions.is_empty() && hits.is_empty() {
            return Ok(picture);
        }
        let before = sha256_hex(&pixels::bytes_of(&picture.pixels));
        let Picture { pixels, alt, caption, is_scan, words } = picture;
        let mut raster = Raster::of(pixels).map_err(|_| self.undrawable(page))?;
        if raster.is_turned && !hits.is_empty() {
            // The places of words were told of the picture as it lay.
            return Err(self.undrawable(page));
        }
        let mut boxes: Vec<(Box, Cause)> = Vec::new();
        for (number, region) in regions {
            let edges = [region.left, region.top, region.width, region.height];
            boxes.push((raster.region(edges, &region.reason), Cause::Region(number)));
        }
        for (place, term) in &hits {
            let cause = Cause::Term(*term);
            let Some(word) = words.get(*place) else { continue };
            boxes.push((pixels::around(word, raster.width, raster.height, cause.code(self.redactions)), cause));
        }
        boxes.sort();
        boxes.dedup();
        let only: Vec<Box> = boxes.iter().map(|(area, _)| area.clone()).collect();
        raster.burn(&only);
        let is_hit = |place: usize| hits.iter().any(|hit| hit.0 == place);
        let stays = |place: usize, word: &_| !is_hit(place) && !only.iter().any(|area| pixels::is_under(word, area));
        let words = if raster.is_turned { Vec::new() } else { words };
        let words = words.into_iter().enumerate().filter(|(place, word)| stays(*place, word)).map(|(_, word)| word).collect();
        let (width, height) = (raster.width, raster.height);
        let pixels = raster.into_pixels().map_err(|_| self.undrawable(page))?;
        let result = sha256_hex(&pixels::bytes_of(&pixels));
        let burnt = Burnt { width, height, boxes, before_sha256: Some(before.clone()), after_sha256: result };
        self.note(attachment, page, before, burnt);
        Ok(Picture { pixels, alt, caption, is_scan, words })
    }

    /// Words, without what goes.
    pub fn words(&self, text: &str) -> String {
        let mut text = words::text(self.redactions, &self.needles(), text);
        for _ in 1..ROUNDS_MAX {
            let again = words::text(self.redactions, &self.needles(), &text);
            if again == text {
                break;
            }
            text = again;
        }
        text
    }

    /// Pages without the words that go; pictures and sheets in them were redacted before.
    pub fn part(&self, mut part: Part) -> Part {
        let mut found = words::part(self.redactions, &self.needles(), &mut part);
        for _ in 1..ROUNDS_MAX {
            let mut again = words::part(self.redactions, &self.needles(), &mut part);
            if again.terms.is_empty() {
                break;
            }
            found.terms.append(&mut again.terms);
            found.after_sha256 = again.after_sha256;
        }
        if let (Some(journal), false) = (self.journal, found.terms.is_empty()) {
            journal.note(Done {
                item: self.item,
                page: None,
                causes: counted(found.terms.into_iter().map(Cause::Term)),
                original_sha256: found.before_sha256,
                result_sha256: found.after_sha256,
                picture: None,
            });
        }
        part
    }

    fn note(&self, attachment: &str, page: u32, original_sha256: String, burnt: Burnt) {
        if let Some(journal) = self.journal {
            journal.note(Done {
                item: self.item,
                page: Some((attachment.to_owned(), page.saturating_add(1))),
                causes: counted(burnt.boxes.iter().map(|(_, cause)| *cause)),
                original_sha256,
                result_sha256: burnt.after_sha256.clone(),
                picture: Some(burnt),
            });
        }
    }
}

/// Each cause with how often it was met.
fn counted(causes: impl Iterator<Item = Cause>) -> Vec<(Cause, u64)> {
    let mut counts = std::collections::BTreeMap::new();
    causes.for_each(|cause| *counts.entry(cause).or_default() += 1);
    counts.into_iter().collect()
}
