//! Pages that are pictures, and pages of other PDF files: each on a page of its own, never smaller than it is, with what is to go
//! taken out before.
//!
//! Not for: decoding (`render::scans`), taking PDF files apart (`render::pdf`).

use std::sync::Arc;

use super::blocks::notice;
use super::files::Printing;
use crate::formats::MediaKind;
use crate::release::redaction::RedactionFault;
use crate::render::page_images::{self, RenderError};
use crate::render::pdf::content::{Block, BoxLook, Picture, Pixels, Sheet};
use crate::render::{pdf, scans};

/// Width of a page of a PDF that has to be drawn: 300 dots in an inch of a letter.
const DRAWN_WIDTH: u32 = 2_550;
/// Widest that a scan is taken: none is made smaller below that.
const WIDTH_MAX: u32 = 8_000;

/// All pages of a PDF: taken over as they are, or drawn where that cannot be done.
pub fn pdf(file: &Arc<Vec<u8>>, out: &mut Printing<'_, '_>) -> Result<(), RedactionFault> {
    let standing = match pdf::standing(file) {
        Ok(pages) if !pages.is_empty() => pages,
        _ => return drawn(file, out),
    };
    for (page, stands) in (0..).zip(&standing) {
        if *stands {
            sheet(file, page, page, out)?;
        } else {
            drawn_page(file, page, standing.len(), out)?;
        }
    }
    out.pages = Some(standing.len());
    Ok(())
}

/// A page of a PDF that can be taken over; `number`: which page of the attachment it is.
pub fn sheet(file: &Arc<Vec<u8>>, page: u32, number: u32, out: &mut Printing<'_, '_>) -> Result<(), RedactionFault> {
    let block = match out.redactor.sheet(file, page, out.id)? {
        Some(picture) => {
            let block = waiting(picture);
            out.shown(block, number)
        }
        None => Block::Sheet(Sheet { file: Arc::clone(file), page }),
    };
    out.blocks.push(block);
    Ok(())
}

/// A PDF that cannot be taken apart, drawn page by page.
fn drawn(file: &Arc<Vec<u8>>, out: &mut Printing<'_, '_>) -> Result<(), RedactionFault> {
    let count = match page_images::page_count_of(file, MediaKind::Pdf) {
        Ok(0) => return out.refused("a PDF has no pages"),
        Ok(count) => count,
        Err(fault) => return out.refused(&format!("a PDF cannot be printed: {}", why(&fault))),
    };
    out.note("The pages of this PDF could not be taken over as they are; they are drawn as pictures.");
    for page in 0..count {
        drawn_page(file, page, count as usize, out)?;
    }
    out.pages = Some(count as usize);
    Ok(())
}

fn drawn_page(file: &Arc<Vec<u8>>, page: u32, of: usize, out: &mut Printing<'_, '_>) -> Result<(), RedactionFault> {
    if let Some(picture) = out.redactor.sheet(file, page, out.id)? {
        let block = waiting(picture);
        let block = out.shown(block, page);
        out.blocks.push(block);
        return Ok(());
    }
    scan(file, MediaKind::Pdf, page, of, DRAWN_WIDTH, out)
}

/// All pages of a picture or scan.
pub fn scanned(file: &Arc<Vec<u8>>, kind: MediaKind, out: &mut Printing<'_, '_>) -> Result<(), RedactionFault> {
    let count = match page_images::page_count_of(file, kind) {
        Ok(count) => count,
        Err(fault) => return out.refused(&format!("a scan cannot be printed: {}", why(&fault))),
    };
    for page in 0..count {
        scan(file, kind, page, count as usize, WIDTH_MAX, out)?;
    }
    out.pages = Some(count as usize);
    Ok(())
}

fn scan(
    file: &Arc<Vec<u8>>,
    kind: MediaKind,
    page: u32,
    of: usize,
    width: u32,
    out: &mut Printing<'_, '_>,
) -> Result<(), RedactionFault> {
    match scans::pixels_of(file, kind, page, width) {
        Ok(pixels) => {
            let alt = if of > 1 { format!("Page {} of {of} of a scanned file", page + 1) } else { "A scanned page".to_owned() };
            let picture = Picture { pixels, alt, caption: Vec::new(), is_scan: true, words: Vec::new() };
            let picture = out.redactor.scan(picture, out.id, page)?;
            let block = out.shown(waiting(picture), page);
            out.blocks.push(block);
        }
        Err(fault) => {
            let words = format!("page {} of {of} of a file cannot be printed: {}", page + 1, why(&fault));
            out.blocks.push(out.missing_page(page, of));
            out.fault(&words);
        }
    }
    Ok(())
}

/// Redacts the pictures in a block that was made elsewhere and packs them.
pub fn pictures(block: &mut Block, scans: &mut u32, out: &mut Printing<'_, '_>) -> Result<(), RedactionFault> {
    match block {
        Block::Picture(picture) => {
            let number = *scans;
            *scans += 1;
            let taken = std::mem::replace(picture, empty());
            match waiting(out.redactor.scan(taken, out.id, number)?) {
                Some(packed) => *picture = packed,
                None => *block = out.shown(None, number),
            }
        }
        Block::List { items, .. } => {
            for block in items.iter_mut().flatten() {
                pictures(block, scans, out)?;
            }
        }
        Block::Box { blocks, .. } | Block::Indent(blocks) => {
            for block in blocks {
                pictures(block, scans, out)?;
            }
        }
        Block::Table(table) => {
            for cell in table.head.iter_mut().chain(&mut table.body).chain(&mut table.foot).flatten() {
                for block in &mut cell.blocks {
                    pictures(block, scans, out)?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A picture as it waits for its page; `None` when its bytes are not what they are said to be.
fn waiting(picture: Picture) -> Option<Picture> {
    let pixels = pdf::compressed(picture.pixels).ok()?;
    Some(Picture { pixels, ..picture })
}

fn empty() -> Picture {
    let pixels = Pixels::Grey { bytes: vec![255], width: 1, height: 1 };
    Picture { pixels, alt: String::new(), caption: Vec::new(), is_scan: false, words: Vec::new() }
}

/// Why, in words for the recipient.
fn why(fault: &RenderError) -> String {
    match fault {
        RenderError::Encrypted => "it is encrypted with a password that is not known".to_owned(),
        RenderError::Damaged => "it is damaged".to_owned(),
        RenderError::TooLarge => "it is larger than can be drawn".to_owned(),
        other => other.to_string(),
    }
}

impl Printing<'_, '_> {
    /// A page that is shown, or says that it cannot be.
    fn shown(&mut self, picture: Option<Picture>, page: u32) -> Block {
        match picture {
            Some(picture) => Block::Picture(picture),
            None => {
                self.fault(&format!("page {} of a file cannot be printed: its picture is damaged", page + 1));
                notice(BoxLook::Warning, &[format!("Page {} of this file cannot be printed.", page + 1)])
            }
        }
    }

    fn missing_page(&self, page: u32, of: usize) -> Block {
        notice(BoxLook::Warning, &[format!("Page {} of {of} of this file cannot be printed.", page + 1)])
    }
}
