//! Pages of attached PDFs: which of them may be taken over as they are, and pictures of those that may not.
//!
//! A page is drawn anew when a region or a term lies on it, when it belongs to layers, and when a page taken over would bring
//! along a picture or a form that a redacted page shows. Where the words of a page hold a term and no place of it is known, the
//! page is withheld.
//!
//! Not for: burning boxes (`pixels`), scans that are no PDF (`super`).

use std::sync::Arc;
use std::time::Duration;

use hayro::hayro_interpret::hayro_syntax::Pdf;
use hayro::kurbo::Rect;
use lopdf::{Document, ObjectId};

use super::fold::{Needles, Order};
use super::glyphs::{self, Text};
use super::pixels::{self, Box, Raster};
use super::strings::{Baggage, Origin};
use super::{Redactions, Region, strings};
use crate::formats::{MediaKind, bounded};
use crate::limits::{PAGE_SECONDS_MAX, PDF_BYTES_MAX, PICTURE_PIXELS_MAX};
use crate::render::page_images;
use crate::render::pdf::content::PlacedWord;

/// Dots of an inch of a page that is drawn, and the widest picture of one.
const DOTS: f64 = 300.0;
const WIDTH_MAX: f64 = 7_500.0;

/// What becomes of a page.
#[derive(Clone, PartialEq, Debug)]
pub enum Fate {
    /// It is taken over as it is.
    Stands,
    /// It becomes a picture, without these.
    Drawn(Vec<Area>),
    /// Terms stand in it, and nobody knows where.
    Withheld(Vec<usize>),
}

/// A part of a page that goes.
#[derive(Clone, PartialEq, Debug)]
pub struct Area {
    /// In parts of the page's width and height, from the upper left corner.
    pub bounds: Rect,
    pub cause: Cause,
}

/// The term or region by its place in the redactions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    Term(usize),
    Region(usize),
}

impl Cause {
    /// Code of the reason.
    pub fn code(self, redactions: &Redactions) -> &str {
        let reason = match self {
            Cause::Term(term) => redactions.terms.get(term).map(|term| &term.reason),
            Cause::Region(region) => redactions.regions.get(region).map(|region| &region.reason),
        };
        reason.map_or("", String::as_str)
    }
}

/// What becomes of each page of a file.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub fates: Vec<Fate>,
}

/// The file cannot be opened, or a page of it (from 0) cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Undrawable(pub u32);

impl Plan {
    /// Looks at all pages of a file.
    pub fn of(file: &Arc<Vec<u8>>, needles: &Needles, regions: &[(usize, Region)]) -> Result<Plan, Undrawable> {
        if file.len() > PDF_BYTES_MAX {
            return Err(Undrawable(0));
        }
        let (bytes, needles, regions) = (Arc::clone(file), needles.clone(), regions.to_vec());
        let pages = u64::from(page_images::page_count_of(file, MediaKind::Pdf).map_err(|_| Undrawable(0))?);
        let limit = Duration::from_secs(PAGE_SECONDS_MAX * (1 + pages / 8));
        bounded::run(limit, move || made(bytes, &needles, &regions)).unwrap_or(Err(Undrawable(0)))
    }
}

fn made(bytes: Arc<Vec<u8>>, needles: &Needles, regions: &[(usize, Region)]) -> Result<Plan, Undrawable> {
    let pdf = Pdf::new(bytes.clone()).map_err(|_| Undrawable(0))?;
    let mut found = drawn_terms(&pdf, needles);
    for (number, region) in regions {
        let part = |value: u32| f64::from(value) / 10_000.0;
        let (left, top) = (part(region.left), part(region.top));
        let bounds = Rect::new(left, top, left + part(region.width), top + part(region.height));
        let page = found.get_mut((region.page as usize).wrapping_sub(1)).ok_or(Undrawable(region.page.saturating_sub(1)))?;
        page.areas.push(Area { bounds, cause: Cause::Region(*number) });
    }
    let document = strings::opened(&bytes).ok();
    let ids: Vec<ObjectId> = document.as_ref().map(|document| document.page_iter().collect()).unwrap_or_default();
    // Where the two readers of the file do not agree on its pages, none of them is taken over unseen.
    let Some(document) = document.filter(|_| ids.len() == found.len()) else {
        return Ok(Plan { fates: found.into_iter().map(|page| Fate::Drawn(page.areas)).collect() });
    };
    Ok(Plan { fates: settled(&document, &ids, found, needles) })
}

/// What goes from a page.
#[derive(Default)]
struct Found {
    areas: Vec<Area>,
    /// It shows glyphs whose letters are not known.
    has_unknown: bool,
}

/// Where terms stand on each page, those that one page begins and the next ends included.
fn drawn_terms(pdf: &Pdf, needles: &Needles) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut before: Option<(glyphs::Page, Text)> = None;
    for source in pdf.pages().iter() {
        if needles.is_empty() {
            found.push(Found::default());
            continue;
        }
        let mut page = glyphs::Page::of(source, false);
        if !page.places(needles).is_empty() {
            page = glyphs::Page::of(source, true);
        }
        let mut areas = Vec::new();
        for place in page.places(needles) {
            areas.extend(place.areas.iter().map(|area| of_page(&page, *area, place.term)));
        }
        let text = page.drawn();
        if let Some((above, above_text)) = &before {
            for (term, ends, begins) in across(needles, &above_text.text, &text.text) {
                if let Some(last) = found.last_mut() {
                    last.areas.extend(above.areas(above_text, ends).into_iter().map(|area| of_page(above, area, term)));
                }
                areas.extend(page.areas(&text, begins).into_iter().map(|area| of_page(&page, area, term)));
            }
        }
        found.push(Found { areas, has_unknown: page.unknown > 0 });
        before = Some((page, text));
    }
    found
}

fn of_page(page: &glyphs::Page, area: Rect, term: usize) -> Area {
    let (width, height) = (page.width.max(1.0), page.height.max(1.0));
    let bounds = Rect::new(area.x0 / width, area.y0 / height, area.x1 / width, area.y1 / height);
    Area { bounds, cause: Cause::Term(term) }
}

/// Terms that begin at the end of one text and end in the next: the term, and the bytes of each.
pub fn across(needles: &Needles, above: &str, below: &str) -> Vec<(usize, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let share = (needles.reach() + 16) * 8;
    let start = above.ceil_char_boundary(above.len().saturating_sub(share));
    let end = below.floor_char_boundary(share);
    let tail = above.get(start..).unwrap_or_default();
    let joined = format!("{tail}\n{}", below.get(..end).unwrap_or_default());
    let middle = tail.len();
    let hits = needles.hits(&joined, Order::Drawn).into_iter();
    let crossing = hits.filter(|hit| hit.at.start < middle && hit.at.end > middle + 1);
    crossing.map(|hit| (hit.term, start + hit.at.start..above.len(), 0..hit.at.end - middle - 1)).collect()
}

/// Decides about each page, with what it would bring along.
fn settled(document: &Document, ids: &[ObjectId], found: Vec<Found>, needles: &Needles) -> Vec<Fate> {
    let baggage: Vec<Option<Baggage>> = ids.iter().map(|id| Baggage::of(document, *id, Origin::Others).ok()).collect();
    let mut fates: Vec<Fate> =
        found.into_iter().zip(&baggage).map(|(page, baggage)| fate(page, baggage.as_ref(), needles)).collect();
    let gone: std::collections::BTreeSet<ObjectId> = fates
        .iter()
        .zip(&baggage)
        .filter(|(fate, _)| !matches!(fate, Fate::Stands))
        .filter_map(|(_, baggage)| baggage.as_ref())
        .flat_map(|baggage| baggage.drawings.iter().copied())
        .collect();
    for (fate, baggage) in fates.iter_mut().zip(&baggage) {
        let shares = baggage.as_ref().is_none_or(|baggage| !baggage.drawings.is_disjoint(&gone));
        if *fate == Fate::Stands && shares && !gone.is_empty() {
            *fate = Fate::Drawn(Vec::new());
        }
    }
    fates
}

fn fate(page: Found, baggage: Option<&Baggage>, needles: &Needles) -> Fate {
    let Found { areas, has_unknown } = page;
    let Some(baggage) = baggage else { return Fate::Drawn(areas) };
    let said = baggage.texts.iter().flat_map(|text| needles.hits(text, Order::Drawn)).map(|hit| hit.term);
    // Where a text is given for glyphs without letters, other places of the term say nothing about this one.
    let is_placed = |term: &usize| !has_unknown && areas.iter().any(|area| area.cause == Cause::Term(*term));
    let mut lost: Vec<usize> = said.filter(|term| !is_placed(term)).collect();
    lost.sort_unstable();
    lost.dedup();
    if !lost.is_empty() {
        return Fate::Withheld(lost);
    }
    if areas.is_empty() && !baggage.has_layers { Fate::Stands } else { Fate::Drawn(areas) }
}

/// A page as a picture: its pixels, the boxes in them with their causes, and the words that stay.
pub struct Drawn {
    pub raster: Raster,
    pub boxes: Vec<(Box, Cause)>,
    pub words: Vec<PlacedWord>,
}

/// Draws a page without what goes.
pub fn draw(
    file: &Arc<Vec<u8>>,
    page: u32,
    areas: &[Area],
    redactions: &Redactions,
    needles: &Needles,
) -> Result<Drawn, Undrawable> {
    let bytes = Arc::clone(file);
    let read = bounded::run(Duration::from_secs(PAGE_SECONDS_MAX), move || {
        let pdf = Pdf::new(bytes).ok()?;
        let read = glyphs::Page::of(pdf.pages().get(page as usize)?, false);
        Some((read.width, read.height, read.words()))
    });
    let (width, height, words) = read.ok().flatten().ok_or(Undrawable(page))?;
    let across = dots(width, height).ok_or(Undrawable(page))?;
    let png = page_images::page_png_of(file, MediaKind::Pdf, page, across).map_err(|_| Undrawable(page))?;
    let image = image::load_from_memory_with_format(&png, image::ImageFormat::Png).map_err(|_| Undrawable(page))?;
    let mut raster = Raster::of_image(image);
    let mut boxes: Vec<(Box, Cause)> = areas
        .iter()
        .filter_map(|area| Some((pixel_box(&raster, area.bounds, area.cause.code(redactions))?, area.cause)))
        .collect();
    boxes.sort();
    boxes.dedup();
    let only: Vec<Box> = boxes.iter().map(|(area, _)| area.clone()).collect();
    raster.burn(&only);
    let (x, y) = (f64::from(raster.width) / width, f64::from(raster.height) / height);
    let page = Rect::new(0.0, 0.0, width, height);
    let words = words.into_iter().filter(|(_, area)| area.overlaps(page)).map(|(text, area)| PlacedWord {
        text,
        left: (area.x0 * x) as f32,
        top: (area.y0 * y) as f32,
        width: (area.width() * x) as f32,
        height: (area.height() * y) as f32,
    });
    let words: Vec<PlacedWord> = words.filter(|word| !only.iter().any(|area| pixels::is_under(word, area))).collect();
    // What stays must not read as a term in another order.
    let is_clean = super::words::placed_hits(needles, &words).is_empty();
    Ok(Drawn { raster, boxes, words: if is_clean { words } else { Vec::new() } })
}

/// A white page of the same shape that says that it is withheld, and why.
pub fn withheld(file: &Arc<Vec<u8>>, page: u32, terms: &[usize], redactions: &Redactions) -> Drawn {
    let bytes = Arc::clone(file);
    let size = bounded::run(Duration::from_secs(PAGE_SECONDS_MAX), move || {
        let pdf = Pdf::new(bytes).ok()?;
        pdf.pages().get(page as usize).map(|page| page.render_dimensions())
    });
    let (width, height) = size.ok().flatten().unwrap_or((612.0, 792.0));
    let shape = Some(height / width).filter(|shape| shape.is_finite()).unwrap_or(1.3);
    let mut raster = Raster::blank(1_200, (1_200.0 * shape.clamp(0.2, 5.0)) as u32);
    let mut causes: Vec<Cause> = terms.iter().map(|term| Cause::Term(*term)).collect();
    causes.dedup_by_key(|cause| cause.code(redactions));
    let tall = 90;
    let top = (raster.height / 2).saturating_sub(tall * causes.len() as u32 / 2);
    let mut drawn = Vec::new();
    for (number, cause) in (0..).zip(causes) {
        let top = top + number * tall;
        let code = format!("PAGE WITHHELD {}", cause.code(redactions));
        drawn.push((Box { left: 100, top, right: raster.width - 100, bottom: top + tall, code }, cause));
    }
    let only: Vec<Box> = drawn.iter().map(|(area, _)| area.clone()).collect();
    raster.burn(&only);
    let words = only.iter().zip(&drawn).map(|(area, (_, cause))| PlacedWord {
        text: format!("Page withheld {}", super::words::named(redactions, cause.code(redactions))),
        left: area.left as f32,
        top: area.top as f32,
        width: (area.right - area.left) as f32,
        height: (area.bottom - area.top) as f32,
    });
    let words = words.collect();
    Drawn { raster, boxes: drawn, words }
}

/// How wide a page is drawn, in pixels.
fn dots(width: f64, height: f64) -> Option<u32> {
    if !(width >= 1.0 && height >= 1.0 && width.is_finite() && height.is_finite()) {
        return None;
    }
    let most = (PICTURE_PIXELS_MAX as f64 * 0.98 * width / height).sqrt();
    Some((width * DOTS / 72.0).min(WIDTH_MAX).min(most).round().max(1.0) as u32)
}

/// Whole pixels under an area and one more on each side; `None`: it lies off the page.
fn pixel_box(raster: &Raster, area: Rect, code: &str) -> Option<Box> {
    let (width, height) = (f64::from(raster.width), f64::from(raster.height));
    let edge = |value: f64, most: f64| value.clamp(0.0, most) as u32;
    let left = edge((area.x0 * width).floor() - 1.0, width);
    let top = edge((area.y0 * height).floor() - 1.0, height);
    let right = edge((area.x1 * width).ceil() + 1.0, width);
    let bottom = edge((area.y1 * height).ceil() + 1.0, height);
    (left < right && top < bottom).then(|| Box { left, top, right, bottom, code: code.to_owned() })
}
