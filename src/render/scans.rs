//! Pages of scans, pictures and PDF files as the pixels that a PDF takes: in their own resolution, a JPEG as it is.
//!
//! Not for: PNG for a browser (`page_images`), where they stand on paper (`cda`, `release`).

use std::io::Cursor;
use std::sync::Arc;

use image::codecs::jpeg::JpegDecoder;
use image::{ColorType, DynamicImage, ImageDecoder};

use crate::formats::MediaKind;

use super::page_images::{self, RenderError};
use super::pdf::content::Pixels;

/// Page `page` (from 0) of a picture, a TIFF or a PDF, drawn at most `width` pixels wide.
///
/// # Errors
/// It cannot be decoded or drawn.
pub fn pixels(bytes: &[u8], kind: MediaKind, page: u32, width: u32) -> Result<Pixels, RenderError> {
    pixels_of(&Arc::new(bytes.to_vec()), kind, page, width)
}

/// The same of bytes that are shared: a file of many pages is not copied for each.
///
/// # Errors
/// It cannot be decoded or drawn.
pub fn pixels_of(bytes: &Arc<Vec<u8>>, kind: MediaKind, page: u32, width: u32) -> Result<Pixels, RenderError> {
    if kind == MediaKind::Jpeg
        && page == 0
        && let Some(pixels) = whole_jpeg(bytes)
    {
        return Ok(pixels);
    }
    page_images::page_picture_of(bytes, kind, page, width).map(plain_pixels)
}

/// A JPEG that a PDF can hold as it is: grey or colour, the right way up, and whole.
fn whole_jpeg(bytes: &Arc<Vec<u8>>) -> Option<Pixels> {
    let mut decoder = JpegDecoder::new(Cursor::new(bytes.as_slice())).ok()?;
    let (width, height) = decoder.dimensions();
    let is_upright = decoder.orientation().is_ok_and(|way| way == image::metadata::Orientation::NoTransforms);
    let is_plain = matches!(decoder.color_type(), ColorType::L8 | ColorType::Rgb8);
    // Only what can be decoded is handed on.
    let decodes = page_images::page_picture_of(bytes, MediaKind::Jpeg, 0, 16).is_ok();
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
