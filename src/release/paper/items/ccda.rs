//! A C-CDA document as an item's file: whole, in its author's order, with its own heading, its files and how its pages were made.
//!
//! Not for: making its page (`render::cda`), PDF files inside it as such (`scans`).

use std::sync::Arc;

use super::files::Printing;
use super::scans;
use crate::formats::{MediaKind, encoding};
use crate::release::redaction::RedactionFault;
use crate::render::cda::{self, Confidentiality, Media, MediaUse, Options, Page};
use crate::render::pdf;
use crate::render::pdf::content::Block;

/// The pages of a document.
pub fn print(bytes: &[u8], out: &mut Printing<'_, '_>) -> Result<(), RedactionFault> {
    let page = match cda::page(bytes, Options { mask_ids: false }) {
        Ok(page) => page,
        Err(fault) => {
            out.fault(&format!("a C-CDA document cannot be shown as a page ({fault}); its XML is printed as text"));
            let text = encoding::decode(bytes, None, &mut Vec::new());
            out.blocks.extend(super::blocks::kept(&text));
            return Ok(());
        }
    };
    out.banner = match &page.confidentiality {
        Confidentiality::NotGiven => None,
        marked => marked.words().map(|words| format!("This document {words}")),
    };
    for media in page.file.iter().chain(&page.media) {
        faults(media, out);
    }
    let content = cda::paper(&page, all_stand(&page));
    let mut blocks: Vec<Block> = content.parts.into_iter().flat_map(|part| part.blocks).collect();
    pdf::anchors_under(&mut blocks, &out.place());
    let mut sheets = 0;
    for block in blocks {
        match block {
            Block::Sheet(sheet) => {
                scans::sheet(&sheet.file, sheet.page, sheets, out)?;
                sheets += 1;
            }
            // Bookmarks of the document lie below that of its file.
            Block::Heading { level, words, anchor, outline } => {
                out.blocks.extend(outline.map(|title| Block::Place {
                    anchor: None,
                    level: level.saturating_add(2).min(6),
                    outline: Some(title),
                }));
                out.blocks.push(Block::Heading { level: level.max(2), words, anchor, outline: None });
            }
            mut block => {
                scans::pictures(&mut block, &mut sheets, out)?;
                out.blocks.push(block);
            }
        }
    }
    Ok(())
}

/// What of its files no page shows.
fn faults(media: &Media, out: &mut Printing<'_, '_>) {
    match &media.usage {
        MediaUse::Download => {
            out.fault("a file inside a C-CDA document is of a kind that cannot be printed; the document holds it")
        }
        MediaUse::Reference(_) => out.absent("a C-CDA document names a file that was not delivered with it"),
        MediaUse::Fault(fault) => out.fault(&format!("a file inside a C-CDA document cannot be printed: {fault}")),
        _ => {}
    }
}

/// Whether the pages of all PDF files inside can be taken over; else they are drawn.
fn all_stand(page: &Page) -> bool {
    let files = page.file.iter().chain(&page.media).filter(|media| media.media_type == MediaKind::Pdf.media_type());
    let mut files = files.filter(|media| media.usage == MediaUse::Pdf);
    files.all(|media| pdf::standing(&Arc::new(media.bytes.clone())).is_ok_and(|pages| pages.iter().all(|stands| *stands)))
}
