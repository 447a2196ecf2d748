//! Pictures as objects of the file: JPEG as it is, everything else compressed without loss, never fewer pixels.
//!
//! Not for: where they stand (`blocks`), pages of other files (`sheets`).

use lopdf::{Dictionary, Object, Stream};

use super::PdfFault;
use super::content::{Picture, Pixels, Sheet};
use super::sheets::Opened;
use super::strip::WholePage;
use super::write::{name, packed, stream};

/// Points of a pixel at 96 in an inch.
const POINTS: f32 = 0.75;

/// Objects of a part, numbered from 1.
#[derive(Default)]
pub struct Pictures {
    pub objects: Vec<Object>,
    opened: Vec<Opened>,
}

impl Pictures {
    pub fn add(&mut self, object: Object) -> usize {
        self.objects.push(object);
        self.objects.len()
    }

    pub fn take(&mut self, pixels: &Pixels) -> Result<usize, PdfFault> {
        let object = match pixels {
            Pixels::Jpeg { bytes, .. } => jpeg(bytes)?,
            Pixels::Grey { bytes, width, height } => flat(bytes, *width, *height, 8, 1)?,
            Pixels::Rgb { bytes, width, height } => flat(bytes, *width, *height, 8, 3)?,
            Pixels::Bits { bytes, width, height } => flat(bytes, *width, *height, 1, 1)?,
            Pixels::Packed { bytes, width, height, bits, parts } => squeezed(bytes.clone(), *width, *height, *bits, *parts),
        };
        Ok(self.add(object))
    }

    /// A page of another file. A file is taken apart once for a part.
    pub fn import(&mut self, sheet: &Sheet) -> Result<WholePage, PdfFault> {
        let at = self.opened.iter().position(|opened| opened.is(&sheet.file));
        let mut opened = match at {
            Some(at) => self.opened.swap_remove(at),
            None => Opened::of(&sheet.file)?,
        };
        let page = opened.page(sheet.page, &mut self.objects);
        self.opened.push(opened);
        page
    }
}

/// Width and height in points.
pub fn natural(picture: &Picture) -> (f32, f32) {
    let (width, height) = match picture.pixels {
        Pixels::Jpeg { width, height, .. }
        | Pixels::Grey { width, height, .. }
        | Pixels::Rgb { width, height, .. }
        | Pixels::Bits { width, height, .. }
        | Pixels::Packed { width, height, .. } => (width, height),
    };
    (width.max(1) as f32 * POINTS, height.max(1) as f32 * POINTS)
}

fn dictionary(width: u32, height: u32, bits: i64, space: &str) -> Dictionary {
    let mut dictionary = Dictionary::new();
    dictionary.set("Type", name("XObject"));
    dictionary.set("Subtype", name("Image"));
    dictionary.set("Width", i64::from(width));
    dictionary.set("Height", i64::from(height));
    dictionary.set("BitsPerComponent", bits);
    dictionary.set("ColorSpace", name(space));
    dictionary
}

/// Pixels as they lie in the file.
///
/// # Errors
/// The bytes are not what they are said to be.
pub fn compressed(pixels: Pixels) -> Result<Pixels, PdfFault> {
    let (bytes, width, height, bits, parts) = match &pixels {
        Pixels::Jpeg { bytes, .. } => return jpeg(bytes).map(|_| pixels),
        Pixels::Packed { .. } => return Ok(pixels),
        Pixels::Grey { bytes, width, height } => (bytes, *width, *height, 8, 1),
        Pixels::Rgb { bytes, width, height } => (bytes, *width, *height, 8, 3),
        Pixels::Bits { bytes, width, height } => (bytes, *width, *height, 1, 1),
    };
    let bytes = packed(whole(bytes, width, height, bits, parts)?);
    Ok(Pixels::Packed { bytes, width, height, bits, parts })
}

/// The bytes of all rows, no more.
fn whole(bytes: &[u8], width: u32, height: u32, bits: u8, parts: u8) -> Result<&[u8], PdfFault> {
    let row = (u64::from(width) * u64::from(bits) * u64::from(parts)).div_ceil(8);
    let whole = usize::try_from(row * u64::from(height)).map_err(|_| PdfFault::Picture)?;
    bytes.get(..whole).filter(|pixels| !pixels.is_empty()).ok_or(PdfFault::Picture)
}

fn flat(bytes: &[u8], width: u32, height: u32, bits: u8, parts: u8) -> Result<Object, PdfFault> {
    Ok(squeezed(packed(whole(bytes, width, height, bits, parts)?), width, height, bits, parts))
}

fn squeezed(bytes: Vec<u8>, width: u32, height: u32, bits: u8, parts: u8) -> Object {
    let space = if parts == 3 { "DeviceRGB" } else { "DeviceGray" };
    let mut dictionary = dictionary(width, height, i64::from(bits), space);
    if bits == 1 {
        // One is black.
        dictionary.set("Decode", vec![Object::Integer(1), Object::Integer(0)]);
    }
    stream(dictionary, bytes)
}

fn jpeg(bytes: &[u8]) -> Result<Object, PdfFault> {
    let frame = Frame::of(bytes).ok_or(PdfFault::Picture)?;
    let space = match frame.parts {
        1 => "DeviceGray",
        3 => "DeviceRGB",
        4 => "DeviceCMYK",
        _ => return Err(PdfFault::Picture),
    };
    let mut dictionary = dictionary(frame.width, frame.height, 8, space);
    if frame.parts == 4 && frame.is_adobe {
        // Adobe's programs store inks inverted.
        dictionary.set("Decode", [1, 0, 1, 0, 1, 0, 1, 0].map(Object::Integer).to_vec());
    }
    dictionary.set("Filter", name("DCTDecode"));
    Ok(Object::Stream(Stream::new(dictionary, bytes.to_vec())))
}

/// What the frame header of a JPEG says.
struct Frame {
    width: u32,
    height: u32,
    parts: u8,
    is_adobe: bool,
}

impl Frame {
    fn of(bytes: &[u8]) -> Option<Frame> {
        let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
        let mut is_adobe = false;
        loop {
            let at = rest.iter().position(|byte| *byte == 0xff)?;
            rest = rest.get(at..)?;
            let marker = *rest.iter().find(|byte| **byte != 0xff)?;
            let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
            rest = rest.get(fill + 1..)?;
            if marker == 0 || marker == 1 || (0xd0..=0xd7).contains(&marker) {
                continue;
            }
            let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
            let segment = rest.get(2..length.max(2))?;
            match marker {
                0xc0..=0xc2 => {
                    let [8, high, low, left, right, parts, ..] = segment else { return None };
                    let height = u32::from(u16::from_be_bytes([*high, *low]));
                    let width = u32::from(u16::from_be_bytes([*left, *right]));
                    return (width > 0 && height > 0).then_some(Frame { width, height, parts: *parts, is_adobe });
                }
                // Frames that no reader of PDF has to know, and the end.
                0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xd9 | 0xda => return None,
                0xee => is_adobe |= segment.starts_with(b"Adobe"),
                _ => {}
            }
            rest = rest.get(length..)?;
        }
    }
}
