//! The proof: a file that was made is read as a stranger would read it, and searched for what should be gone.
//!
//! Of a PDF: the letters that its pages draw, in their order and from one page to the next; the same with the texts that marked
//! content puts in their place; each of these texts alone, and others that stand beside the drawing, in annotations, bookmarks, properties and metadata, inside pictures; every picture that boxes were burnt into,
//! pixel by pixel; and that nothing came along which acts or is attached. What cannot be read is a leak.
//!
//! A term of one item is looked for on the pages of that item, one of all items everywhere.
//!
//! Not for: taking anything out (`super`), files that are no PDF (`proof_bytes`).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use hayro::hayro_interpret::hayro_syntax::Pdf;
use lopdf::{Dictionary, Document, Object, ObjectId};

pub use super::proof_bytes::prove_bytes;

use super::fold::{Needles, Order, Scope};
use super::glyphs;
use super::journal::{Burnt, Done};
use super::proof_pictures::Pictures;
use super::sheet::{Cause, across};
use super::{Redactions, strings};
use crate::formats::bounded;
use crate::limits::{PAGE_SECONDS_MAX, PROOF_LEAKS_MAX};
use crate::release::paper::Pages;

/// Where something was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Spot {
    /// In what a page (from 1) draws.
    Page(u32),
    /// Where a page ends and the next (this one) begins.
    Turn(u32),
    /// Beside what a page draws: replacement texts, descriptions, inside its pictures.
    Beside(u32),
    /// In the title of a bookmark that leads to a page.
    Bookmark(u32),
    /// In an object of the file, by its number: properties, annotations, metadata.
    Object(u32),
    /// In a file that is no PDF.
    File,
}

/// What should not be in a file. Texts name places, never what stands there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum Leak {
    #[error("term {term} stands at {spot:?}")]
    Term { term: usize, spot: Spot },
    #[error("the file cannot be searched, so nothing is proved")]
    Unreadable,
    #[error("page {0} cannot be searched, so nothing is proved")]
    UnreadablePage(u32),
    #[error("object {0} should not be in the file: it acts, is attached, or hides")]
    Foreign(u32),
    #[error("nothing was burnt for region {0}")]
    NotBurnt(usize),
    #[error("item {item}: the picture that page {page} of a file became is not in the file")]
    PictureMissing { item: usize, page: u32 },
    #[error("item {item}: a box on page {page} of a file still shows something")]
    BoxShows { item: usize, page: u32 },
    #[error("item {item}: page {page} of a file is also there as it was")]
    Original { item: usize, page: u32 },
}

/// What was proved.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProofReport {
    pub pages: u32,
    pub objects: u64,
    /// Terms that were looked for.
    pub terms: u64,
    /// Boxes whose pixels were looked at.
    pub boxes: u64,
    /// Pages that terms cannot be looked for on, at least in part, because they show pictures or letters without a meaning:
    /// somebody has to look at them.
    pub unread: Vec<u32>,
}

/// Seconds for each page, on top of those for the file, before the search is given up.
const PAGE_MILLISECONDS: u64 = 500;

/// Searches a PDF. `pages`: where its items stand. `done`: what the journal of its build says.
///
/// # Errors
/// Everything that should not be there, up to a bound.
pub fn prove(pdf: &[u8], redactions: &Redactions, pages: &Pages, done: &[Done]) -> Result<ProofReport, Vec<Leak>> {
    let mut proof = Proof { report: ProofReport::default(), leaks: Vec::new(), scopes: Scopes::of(redactions, pages) };
    proof.report.terms = redactions.terms.len() as u64;
    proof.drawn(pdf);
    match strings::opened(pdf) {
        Ok(document) => {
            proof.beside(&document);
            let of_file: Vec<&Done> = done.iter().filter(|done| pages.contains_key(&done.item)).collect();
            let burnt: Vec<(&Done, &Burnt)> = of_file.iter().filter_map(|done| Some((*done, done.picture.as_ref()?))).collect();
            proof.objects(&document, &burnt);
            proof.regions(redactions, pages, &burnt);
        }
        Err(_) => proof.leaks.push(Leak::Unreadable),
    }
    proof.leaks.sort();
    proof.leaks.dedup();
    proof.leaks.truncate(PROOF_LEAKS_MAX);
    if proof.leaks.is_empty() { Ok(proof.report) } else { Err(proof.leaks) }
}

/// The terms that are looked for on each page.
struct Scopes {
    everywhere: Needles,
    items: BTreeMap<usize, Needles>,
    /// First and last page with the item.
    ranges: Vec<(u32, u32, usize)>,
}

impl Scopes {
    fn of(redactions: &Redactions, pages: &Pages) -> Scopes {
        let items = pages.keys().map(|item| (*item, Needles::of(redactions, Scope::Item(*item)))).collect();
        let ranges = pages.iter().map(|(item, (first, last))| (*first, *last, *item)).collect();
        Scopes { everywhere: Needles::of(redactions, Scope::Everywhere), items, ranges }
    }

    /// The terms of a page: those of every item that has a part in it.
    fn page(&self, page: u32) -> impl Iterator<Item = &Needles> {
        let of_page = self.ranges.iter().filter(move |(first, last, _)| (*first..=*last).contains(&page));
        let items: Vec<&Needles> = of_page.filter_map(|(_, _, item)| self.items.get(item)).collect();
        let is_none = items.is_empty();
        items.into_iter().chain(is_none.then_some(&self.everywhere))
    }
}

struct Proof {
    report: ProofReport,
    leaks: Vec<Leak>,
    scopes: Scopes,
}

/// What the pages draw.
struct Leaf {
    content: String,
    furniture: String,
    /// What copying it gives, where that is not what is drawn.
    copied: Option<String>,
    is_unread: bool,
}

impl Proof {
    /// The letters of all pages.
    fn drawn(&mut self, pdf: &[u8]) {
        let bytes = Arc::new(pdf.to_vec());
        let limit = Duration::from_secs(PAGE_SECONDS_MAX);
        let Ok(Some(count)) = bounded::run(limit, {
            let bytes = bytes.clone();
            move || Pdf::new(bytes).ok().map(|pdf| pdf.pages().len())
        }) else {
            return self.leaks.push(Leak::Unreadable);
        };
        let limit = limit + Duration::from_millis(PAGE_MILLISECONDS * count as u64);
        let (hand_in, collect) = std::sync::mpsc::sync_channel::<Option<Leaf>>(64);
        let reader = std::thread::scope(|scope| {
            let reader = scope.spawn(move || bounded::run(limit, move || read(bytes, &hand_in)));
            self.leaves(&collect);
            reader.join()
        });
        if !matches!(reader, Ok(Ok(Some(read))) if read == count && self.report.pages as usize == count) {
            self.leaks.push(Leak::Unreadable);
        }
    }

    fn leaves(&mut self, collect: &std::sync::mpsc::Receiver<Option<Leaf>>) {
        let mut before = String::new();
        for (number, leaf) in (1..).zip(collect) {
            self.report.pages = number;
            let Some(leaf) = leaf else {
                self.leaks.push(Leak::UnreadablePage(number));
                before.clear();
                continue;
            };
            for needles in self.scopes.page(number) {
                for text in [&leaf.content, &leaf.furniture] {
                    let hits = needles.hits(text, Order::Drawn);
                    self.leaks.extend(hits.into_iter().map(|hit| Leak::Term { term: hit.term, spot: Spot::Page(number) }));
                }
                let hits = leaf.copied.iter().flat_map(|text| needles.hits(text, Order::Drawn));
                self.leaks.extend(hits.map(|hit| Leak::Term { term: hit.term, spot: Spot::Beside(number) }));
                let crossing = across(needles, &before, &leaf.content);
                self.leaks.extend(crossing.into_iter().map(|(term, ..)| Leak::Term { term, spot: Spot::Turn(number) }));
            }
            if leaf.is_unread {
                self.report.unread.push(number);
            }
            before = leaf.content;
        }
    }

    /// What pages hold beside their drawing.
    fn beside(&mut self, document: &Document) {
        for (number, page) in (1..).zip(document.page_iter()) {
            if self.scopes.page(number).all(Needles::is_empty) {
                continue;
            }
            let Ok(baggage) = strings::Baggage::of(document, page, strings::Origin::Press) else {
                self.leaks.push(Leak::UnreadablePage(number));
                continue;
            };
            let annotations = document.get_dictionary(page).and_then(|page| page.get(b"Annots")).ok();
            let mut texts = baggage.texts;
            if let Some(annotations) = annotations {
                strings::inside(annotations, &mut |text| texts.push(text.to_owned()));
            }
            for needles in self.scopes.page(number) {
                let hits = texts.iter().flat_map(|text| needles.hits(text, Order::Drawn));
                self.leaks.extend(hits.map(|hit| Leak::Term { term: hit.term, spot: Spot::Beside(number) }));
            }
        }
    }

    /// Every object of the file, whether anything leads to it or not.
    fn objects(&mut self, document: &Document, burnt: &[(&Done, &Burnt)]) {
        let pages: BTreeMap<ObjectId, u32> = document.page_iter().zip(1..).collect();
        let mut pictures = Pictures::of(burnt);
        for (id, object) in &document.objects {
            self.report.objects += 1;
            if is_foreign(object) {
                self.leaks.push(Leak::Foreign(id.0));
            }
            strings::inside(object, &mut |text| self.text(text, id.0));
            if let Ok(dictionary) = object.as_dict() {
                self.bookmark(dictionary, &pages);
            }
            if let Object::Stream(stream) = object {
                let is_seen = catch_unwind(AssertUnwindSafe(|| pictures.look(stream))).is_ok();
                if !is_seen || self.stream(id.0, stream).is_err() {
                    self.leaks.push(Leak::Foreign(id.0));
                }
            }
        }
        // The file's id is a digest and no text.
        let mut trailer = document.trailer.clone();
        trailer.remove(b"ID");
        strings::inside(&Object::Dictionary(trailer), &mut |text| self.text(text, 0));
        self.report.boxes = pictures.boxes;
        self.leaks.append(&mut pictures.finish());
    }

    fn stream(&mut self, number: u32, stream: &lopdf::Stream) -> Result<(), strings::Unreadable> {
        let mut texts = Vec::new();
        if strings::is_picture(&stream.dict) {
            strings::in_jpeg(&stream.content, &mut |text| texts.push(text.to_owned()));
        } else if is_kind(&stream.dict, b"Metadata") {
            let xml = strings::unpacked(stream)?;
            texts.push(super::proof_bytes::words_of_markup(&String::from_utf8_lossy(&xml)));
        }
        texts.iter().for_each(|text| self.text(text, number));
        Ok(())
    }

    /// A text of an object; the name of this software and of the format stand in every file.
    fn text(&mut self, text: &str, object: u32) {
        let text = text.replace("Chartkeep", "").replace("application/pdf", "");
        let hits = self.scopes.everywhere.hits(&text, Order::Drawn).into_iter();
        self.leaks.extend(hits.map(|hit| Leak::Term { term: hit.term, spot: Spot::Object(object) }));
    }

    fn bookmark(&mut self, dictionary: &Dictionary, pages: &BTreeMap<ObjectId, u32>) {
        let Ok(Object::String(title, _)) = dictionary.get(b"Title") else { return };
        let leads = dictionary.get(b"Dest").and_then(Object::as_array).ok().and_then(|place| place.first()?.as_reference().ok());
        let Some(page) = leads.and_then(|id| pages.get(&id)) else { return };
        let title = strings::decoded(title);
        for needles in self.scopes.page(*page) {
            let hits = needles.hits(&title, Order::Written).into_iter();
            self.leaks.extend(hits.map(|hit| Leak::Term { term: hit.term, spot: Spot::Bookmark(*page) }));
        }
    }

    /// Every region of the items of this file was burnt.
    fn regions(&mut self, redactions: &Redactions, pages: &Pages, burnt: &[(&Done, &Burnt)]) {
        for (number, region) in redactions.regions.iter().enumerate().filter(|(_, region)| pages.contains_key(&region.item)) {
            let is_burnt = burnt.iter().any(|(done, picture)| {
                done.item == region.item
                    && done.page.as_ref().is_some_and(|(file, page)| *file == region.attachment && *page == region.page)
                    && picture.boxes.iter().any(|(_, cause)| *cause == Cause::Region(number))
            });
            if !is_burnt {
                self.leaks.push(Leak::NotBurnt(number));
            }
        }
    }
}

/// Reads page after page; how many.
fn read(bytes: Arc<Vec<u8>>, hand_in: &std::sync::mpsc::SyncSender<Option<Leaf>>) -> Option<usize> {
    let pdf = Pdf::new(bytes).ok()?;
    for page in pdf.pages().iter() {
        let leaf = catch_unwind(AssertUnwindSafe(|| {
            let page = glyphs::Page::of(page, false);
            let (content, furniture) = page.parted();
            let is_unread = page.unknown > 0 || page.has_pictures;
            Leaf { content: content.text, furniture: furniture.text, copied: page.copied(), is_unread }
        }));
        hand_in.send(leaf.ok()).ok()?;
    }
    Some(pdf.pages().len())
}

fn is_kind(dictionary: &Dictionary, kind: &[u8]) -> bool {
    dictionary.get(b"Type").and_then(Object::as_name).is_ok_and(|found| found == kind)
}

/// Whether an object acts, is attached, or hides something: none of these belongs into a package.
fn is_foreign(object: &Object) -> bool {
    const KEYS: [&[u8]; 9] =
        [b"EF", b"JS", b"AA", b"OpenAction", b"EmbeddedFiles", b"AcroForm", b"PieceInfo", b"XFA", b"RichMedia"];
    let dictionary = match object {
        Object::Dictionary(dictionary) => dictionary,
        Object::Stream(stream) => &stream.dict,
        _ => return false,
    };
    let kinds = [b"EmbeddedFile".as_slice(), b"Filespec", b"Action"];
    KEYS.iter().any(|key| dictionary.has(key)) || kinds.iter().any(|kind| is_kind(dictionary, kind))
}
