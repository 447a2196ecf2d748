//! Boxes burnt into page images: what was under a box is no longer in the pixels, nor in what the file said beside them.
//!
//! A JPEG is decoded, painted and encoded anew, which leaves its metadata and thumbnails behind; everything else stays as
//! exact as it was. The right way up is the one in which people saw it when they drew the box.
//!
//! Not for: where boxes are (`super`, `sheet`), drawing pages of PDFs (`sheet`).

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use flate2::read::ZlibDecoder;
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, Limits};

use super::stamp::Stamp;
use crate::limits::{PICTURE_BYTES_MAX, PICTURE_PIXELS_MAX};
use crate::render::pdf::content::{Pixels, PlacedWord};

/// How well a painted JPEG is encoded again; below this, small print suffers.
const QUALITY: u8 = 92;

/// Pixels that boxes are burnt into, from the upper left corner; right and bottom are outside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
pub struct Box {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
    /// The reason's code, printed in it.
    pub code: String,
}

/// The pixels cannot be read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Depth {
    Bit,
    Grey,
    Rgb,
}

/// Pixels laid open.
#[derive(Clone, Debug)]
pub struct Raster {
    bytes: Vec<u8>,
    pub width: u32,
    pub height: u32,
    depth: Depth,
    is_jpeg: bool,
    /// It was stored lying or upside down, so places on it have changed.
    pub is_turned: bool,
}

impl Raster {
    pub fn of(pixels: Pixels) -> Result<Raster, Unreadable> {
        let (bytes, width, height, depth) = match pixels {
            Pixels::Jpeg { bytes, .. } => {
                return catch_unwind(AssertUnwindSafe(|| jpeg(&bytes))).unwrap_or(Err(Unreadable));
            }
            Pixels::Grey { bytes, width, height } => (bytes, width, height, Depth::Grey),
            Pixels::Rgb { bytes, width, height } => (bytes, width, height, Depth::Rgb),
            Pixels::Bits { bytes, width, height } => (bytes, width, height, Depth::Bit),
            Pixels::Packed { bytes, width, height, bits, parts } => {
                let depth = match (bits, parts) {
                    (1, 1) => Depth::Bit,
                    (8, 1) => Depth::Grey,
                    (8, 3) => Depth::Rgb,
                    _ => return Err(Unreadable),
                };
                (unpacked(&bytes, width, height, u64::from(bits) * u64::from(parts))?, width, height, depth)
            }
        };
        let mut raster = Raster { bytes, width, height, depth, is_jpeg: false, is_turned: false };
        let whole = raster.row() as u64 * u64::from(height);
        if whole == 0 || (raster.bytes.len() as u64) < whole {
            return Err(Unreadable);
        }
        raster.bytes.truncate(whole as usize);
        Ok(raster)
    }

    /// A drawn page: bits of grey when it has no colour.
    pub fn of_image(image: DynamicImage) -> Raster {
        let rgb = image.into_rgb8();
        let (width, height) = rgb.dimensions();
        let is_grey = rgb.pixels().all(|pixel| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]);
        let (bytes, depth) =
            if is_grey { (rgb.pixels().map(|pixel| pixel.0[0]).collect(), Depth::Grey) } else { (rgb.into_raw(), Depth::Rgb) };
        Raster { bytes, width, height, depth, is_jpeg: false, is_turned: false }
    }

    /// A white page.
    pub fn blank(width: u32, height: u32) -> Raster {
        let bytes = vec![255; width as usize * height as usize];
        Raster { bytes, width, height, depth: Depth::Grey, is_jpeg: false, is_turned: false }
    }

    /// Bytes of a row.
    fn row(&self) -> usize {
        let width = self.width as usize;
        match self.depth {
            Depth::Bit => width.div_ceil(8),
            Depth::Grey => width,
            Depth::Rgb => width * 3,
        }
    }

    /// A box that holds these edges (in ten-thousandths), at least one pixel, and one pixel more on each side.
    pub fn region(&self, [left, top, width, height]: [u32; 4], code: &str) -> Box {
        let low = |part: u32, side: u32| (u64::from(part) * u64::from(side) / 10_000).saturating_sub(1) as u32;
        let high = |part: u64, side: u32| (part * u64::from(side)).div_ceil(10_000).saturating_add(1).min(u64::from(side)) as u32;
        Box {
            left: low(left, self.width).min(self.width.saturating_sub(1)),
            top: low(top, self.height).min(self.height.saturating_sub(1)),
            right: high(u64::from(left) + u64::from(width), self.width),
            bottom: high(u64::from(top) + u64::from(height), self.height),
            code: code.to_owned(),
        }
    }

    /// Paints the boxes black, each with its code in white when there is room for it.
    pub fn burn(&mut self, boxes: &[Box]) {
        for area in boxes {
            let (right, bottom) = (area.right.min(self.width), area.bottom.min(self.height));
            for y in area.top..bottom {
                (area.left..right).for_each(|x| self.set(x, y, false));
            }
            let (width, height) = (right.saturating_sub(area.left), bottom.saturating_sub(area.top));
            if let Some(stamp) = Stamp::of(&area.code, width, height) {
                stamp.pixels().for_each(|(x, y)| self.set(area.left + x, area.top + y, true));
            }
        }
    }

    fn set(&mut self, x: u32, y: u32, is_white: bool) {
        let start = y as usize * self.row();
        let (x, level) = (x as usize, if is_white { 255 } else { 0 });
        match self.depth {
            Depth::Bit => {
                if let Some(byte) = self.bytes.get_mut(start + x / 8) {
                    let bit = 0x80 >> (x % 8);
                    *byte = if is_white { *byte & !bit } else { *byte | bit };
                }
            }
            Depth::Grey => {
                if let Some(byte) = self.bytes.get_mut(start + x) {
                    *byte = level;
                }
            }
            Depth::Rgb => {
                if let Some(bytes) = self.bytes.get_mut(start + x * 3..start + x * 3 + 3) {
                    bytes.fill(level);
                }
            }
        }
    }

    /// Red, green and blue of a pixel, each of 255.
    pub fn get(&self, x: u32, y: u32) -> [u8; 3] {
        let start = y as usize * self.row();
        let x = x as usize;
        match self.depth {
            Depth::Bit => {
                let is_black = self.bytes.get(start + x / 8).is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0);
                [if is_black { 0 } else { 255 }; 3]
            }
            Depth::Grey => [self.bytes.get(start + x).copied().unwrap_or(0); 3],
            Depth::Rgb => match self.bytes.get(start + x * 3..) {
                Some([red, green, blue, ..]) => [*red, *green, *blue],
                _ => [0; 3],
            },
        }
    }

    /// The pixels as they are printed.
    pub fn into_pixels(self) -> Result<Pixels, Unreadable> {
        let Raster { bytes, width, height, depth, is_jpeg, .. } = self;
        if is_jpeg {
            let kind = if depth == Depth::Grey { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
            let mut out = Vec::new();
            JpegEncoder::new_with_quality(&mut out, QUALITY).encode(&bytes, width, height, kind).map_err(|_| Unreadable)?;
            return Ok(Pixels::Jpeg { bytes: out, width, height });
        }
        Ok(match depth {
            Depth::Bit => Pixels::Bits { bytes, width, height },
            Depth::Grey => Pixels::Grey { bytes, width, height },
            Depth::Rgb => Pixels::Rgb { bytes, width, height },
        })
    }
}

/// The bytes that stand in a PDF for these pixels, before they are packed.
pub fn bytes_of(pixels: &Pixels) -> Cow<'_, [u8]> {
    let (bytes, width, height, bits) = match pixels {
        Pixels::Jpeg { bytes, .. } => return Cow::Borrowed(bytes),
        Pixels::Packed { bytes, width, height, bits, parts } => {
            let depth = u64::from(*bits) * u64::from(*parts);
            return unpacked(bytes, *width, *height, depth).map_or(Cow::Borrowed(bytes), Cow::Owned);
        }
        Pixels::Grey { bytes, width, height } => (bytes, width, height, 8),
        Pixels::Rgb { bytes, width, height } => (bytes, width, height, 24),
        Pixels::Bits { bytes, width, height } => (bytes, width, height, 1),
    };
    let whole = (u64::from(*width) * bits).div_ceil(8) * u64::from(*height);
    Cow::Borrowed(bytes.get(..whole as usize).unwrap_or(bytes))
}

/// The rows of a picture that was compressed already, as many as its size asks for.
fn unpacked(bytes: &[u8], width: u32, height: u32, depth: u64) -> Result<Vec<u8>, Unreadable> {
    let whole = (u64::from(width) * depth).div_ceil(8) * u64::from(height);
    if u64::from(width) * u64::from(height) > PICTURE_PIXELS_MAX {
        return Err(Unreadable);
    }
    let mut rows = Vec::new();
    ZlibDecoder::new(bytes).take(whole).read_to_end(&mut rows).map_err(|_| Unreadable)?;
    if rows.len() as u64 == whole { Ok(rows) } else { Err(Unreadable) }
}

/// The box of a word, with room for what its letters reach beyond it.
pub fn around(word: &PlacedWord, width: u32, height: u32, code: &str) -> Box {
    let room = (word.height * 0.15).max(1.0);
    let edge = |at: f32, most: u32| at.clamp(0.0, most as f32) as u32;
    Box {
        left: edge((word.left - room).floor(), width),
        top: edge((word.top - room).floor(), height),
        right: edge((word.left + word.width + room).ceil(), width),
        bottom: edge((word.top + word.height + room).ceil(), height),
        code: code.to_owned(),
    }
}

/// Whether a word reaches under a box.
pub fn is_under(word: &PlacedWord, area: &Box) -> bool {
    let is_sound = [word.left, word.top, word.width, word.height].iter().all(|number| number.is_finite());
    !is_sound
        || (word.left < area.right as f32
            && word.left + word.width > area.left as f32
            && word.top < area.bottom as f32
            && word.top + word.height > area.top as f32)
}

fn jpeg(bytes: &[u8]) -> Result<Raster, Unreadable> {
    let mut decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(|_| Unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PICTURE_PIXELS_MAX {
        return Err(Unreadable);
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(PICTURE_BYTES_MAX);
    decoder.set_limits(limits).map_err(|_| Unreadable)?;
    let orientation = decoder.orientation().map_err(|_| Unreadable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_| Unreadable)?;
    image.apply_orientation(orientation);
    let is_grey = !image.color().has_color();
    let (width, height) = (image.width(), image.height());
    let (bytes, depth) =
        if is_grey { (image.into_luma8().into_raw(), Depth::Grey) } else { (image.into_rgb8().into_raw(), Depth::Rgb) };
    Ok(Raster { bytes, width, height, depth, is_jpeg: true, is_turned: orientation != Orientation::NoTransforms })
}
