//! Pictures and scans inside a document as printed blocks: every page of them, in its own resolution.
//!
//! Not for: HTML (`html` shows smaller copies), taking PDF files apart (`render::pdf`).

use crate::formats::MediaKind;
use crate::limits::{CDA_PAPER_PICTURES_MAX, CDA_PAPER_PIXELS_MAX};
use crate::model::hex;
use crate::render::pdf::content::{Block, Look, Picture, Pixels};

use crate::render::{page_images, pdf, scans};

use super::html::file_words;
use super::media::Media;
use super::runs::plain;

/// Widest that a page is drawn, in pixels: scans are smaller.
const WIDTH_MAX: u32 = 8_000;
/// Width at which a page of a PDF is drawn, in pixels.
const DRAWN_WIDTH: u32 = 1_700;

/// The pages of a picture, a scan, or a PDF that has to be drawn. Scans get sheets of their own.
pub(super) fn blocks(media: &Media, is_body: bool) -> Vec<Block> {
    let kind = media.kind();
    let pages = page_images::page_count(&media.bytes, kind).unwrap_or(0);
    let is_scan = is_body && (matches!(kind, MediaKind::Tiff | MediaKind::Pdf) || pages > 1);
    let mut blocks = Vec::new();
    let mut room = CDA_PAPER_PIXELS_MAX;
    for number in 0..pages.min(CDA_PAPER_PICTURES_MAX) {
        let of = if pages > 1 { format!(", page {} of {pages}", number + 1) } else { String::new() };
        let alt = format!("{}{of}", file_words(media));
        let pixels = pixels(media, kind, number).filter(|pixels| size(pixels) <= room);
        match pixels {
            Some(pixels) => {
                room -= size(&pixels);
                let picture = Picture { pixels, alt, caption: Vec::new(), is_scan, words: Vec::new() };
                blocks.push(Block::Picture(picture));
            }
            None => blocks.push(fault(&format!("{alt}: it cannot be printed; the original has it."))),
        }
    }
    match pages {
        0 => blocks.push(fault("This file cannot be printed; the original has it.")),
        _ if pages > CDA_PAPER_PICTURES_MAX => {
            blocks.push(fault(&format!("{pages} pages; the first {CDA_PAPER_PICTURES_MAX} are printed here.")));
        }
        _ => {}
    }
    blocks
}

/// How many pages of a PDF can be taken over; none when it has to be drawn.
pub(super) fn sheet_count(bytes: &[u8]) -> Option<u32> {
    pdf::sheets(bytes).ok().filter(|count| *count > 0)
}

/// What a file is, with its digest.
pub(super) fn named(media: &Media) -> String {
    let digest = if media.bytes.is_empty() { String::new() } else { format!(", SHA-256 {}", hex(&media.sha256)) };
    format!("[{}{digest}]", file_words(media))
}

fn fault(words: &str) -> Block {
    Block::Paragraph { words: vec![plain(words)], look: Look::Small, anchor: None }
}

fn size(pixels: &Pixels) -> usize {
    match pixels {
        Pixels::Jpeg { bytes, .. } | Pixels::Grey { bytes, .. } | Pixels::Rgb { bytes, .. } | Pixels::Bits { bytes, .. } => {
            bytes.len()
        }
        Pixels::Packed { bytes, .. } => bytes.len(),
    }
}

fn pixels(media: &Media, kind: MediaKind, number: u32) -> Option<Pixels> {
    let width = if kind == MediaKind::Pdf { DRAWN_WIDTH } else { WIDTH_MAX };
    scans::pixels(&media.bytes, kind, number, width).ok()
}
