//! Pictures and scans inside a document as printed blocks: every page of them, in its own resolution.
//!
//! Not for: HTML (`html` shows smaller copies), taking PDF files apart (`render::pdf`).

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{ColorType, DynamicImage, ImageDecoder};

use crate::formats::MediaKind;
use crate::limits::{CDA_PAPER_PICTURES_MAX, CDA_PAPER_PIXELS_MAX};
use crate::render::pdf::content::{Block, Look, Picture, Pixels};

use crate::render::{page_images, pdf};

use super::html::file_words;
use super::media::Media;
use super::prose::plain;

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

fn fault(words: &str) -> Block {
    Block::Paragraph { words: vec![plain(words)], look: Look::Small, anchor: None }
}

fn size(pixels: &Pixels) -> usize {
    match pixels {
        Pixels::Jpeg { bytes, .. } | Pixels::Grey { bytes, .. } | Pixels::Rgb { bytes, .. } | Pixels::Bits { bytes, .. } => {
            bytes.len()
        }
    }
}

fn pixels(media: &Media, kind: MediaKind, number: u32) -> Option<Pixels> {
    if kind == MediaKind::Jpeg
        && let Some(pixels) = whole_jpeg(&media.bytes)
    {
        return Some(pixels);
    }
    let width = if kind == MediaKind::Pdf { DRAWN_WIDTH } else { WIDTH_MAX };
    let png = page_images::page_png(&media.bytes, kind, number, width).ok()?;
    // Written a moment ago by ourselves.
    Some(plain_pixels(image::load_from_memory_with_format(&png, image::ImageFormat::Png).ok()?))
}

/// A JPEG that a PDF can hold as it is: grey or colour, the right way up, and whole.
fn whole_jpeg(bytes: &[u8]) -> Option<Pixels> {
    let mut decoder = JpegDecoder::new(Cursor::new(bytes)).ok()?;
    let (width, height) = decoder.dimensions();
    let is_upright = decoder.orientation().is_ok_and(|way| way == image::metadata::Orientation::NoTransforms);
    let is_plain = matches!(decoder.color_type(), ColorType::L8 | ColorType::Rgb8);
    // Only what can be decoded is handed on.
    let decodes = page_images::page_png(bytes, MediaKind::Jpeg, 0, 16).is_ok();
    (is_upright && is_plain && decodes && !is_cmyk(bytes)).then(|| Pixels::Jpeg { bytes: bytes.to_vec(), width, height })
}

/// Whether the first frame has four components, which the decoder would hide.
fn is_cmyk(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xFF, marker, high, low]) = bytes.get(at..at + 4) {
        if matches!(marker, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF) {
            return bytes.get(at + 9) == Some(&4);
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    true
}

/// Pixels as a PDF takes them: black and white packed, grey, or colour; what is transparent lies on white.
fn plain_pixels(picture: DynamicImage) -> Pixels {
    let (width, height) = (picture.width(), picture.height());
    if picture.color().has_alpha() {
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        for pixel in picture.into_rgba8().pixels() {
            let [red, green, blue, alpha] = pixel.0.map(u32::from);
            rgb.extend([red, green, blue].map(|colour| ((colour * alpha + 255 * (255 - alpha)) / 255) as u8));
        }
        return Pixels::Rgb { bytes: rgb, width, height };
    }
    match picture {
        DynamicImage::ImageLuma8(grey) if grey.as_raw().iter().all(|pixel| matches!(pixel, 0 | 255)) => {
            let row = (width as usize).div_ceil(8);
            let mut bytes = vec![0; row * height as usize];
            for (line, packed) in grey.as_raw().chunks_exact(width.max(1) as usize).zip(bytes.chunks_exact_mut(row.max(1))) {
                for (at, _) in line.iter().enumerate().filter(|(_, pixel)| **pixel == 0) {
                    if let Some(byte) = packed.get_mut(at / 8) {
                        *byte |= 0x80 >> (at % 8);
                    }
                }
            }
            Pixels::Bits { bytes, width, height }
        }
        DynamicImage::ImageLuma8(grey) => Pixels::Grey { bytes: grey.into_raw(), width, height },
        other => Pixels::Rgb { bytes: other.into_rgb8().into_raw(), width, height },
    }
}
