//! The fonts that are carried: which has a character, how wide it is, and what its code means.
//!
//! In a page's text a *code* stands for a character, not for a glyph: where a font draws two characters with one glyph (Ω the
//! ohm and Ω the letter), the second one gets a code past the glyphs, so that each copies back as what was written. Codes are a
//! property of the font alone; pages can be written before it is known what the file uses.
//!
//! Not for: joining and reordering letters (`shape`), or putting fonts into the file (`embed`).

use std::collections::HashMap;
use std::sync::OnceLock;

use harfrust::font::Font;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// A face of the table below.
pub type FaceNumber = u8;

struct Carried {
    name: &'static str,
    data: &'static [u8],
    /// Characters that are asked of this font, when it is one for a script.
    ranges: &'static [(u32, u32)],
}

macro_rules! carried {
    ($name:literal, $ranges:expr) => {
        Carried { name: $name, data: include_bytes!(concat!("fonts/", $name, ".ttf")), ranges: $ranges }
    };
}

const SANS: FaceNumber = 0;
const SANS_BOLD: FaceNumber = 1;
const SANS_ITALIC: FaceNumber = 2;
const SANS_BOLD_ITALIC: FaceNumber = 3;
const MONO: FaceNumber = 4;
const MONO_BOLD: FaceNumber = 5;
/// Faces from here on are asked for what the first ones lack.
const FIRST_OF_SCRIPTS: usize = 6;

static CARRIED: [Carried; 23] = [
    carried!("NotoSans-Regular", &[]),
    carried!("NotoSans-Bold", &[]),
    carried!("NotoSans-Italic", &[]),
    carried!("NotoSans-BoldItalic", &[]),
    carried!("NotoSansMono-Regular", &[]),
    carried!("NotoSansMono-Bold", &[]),
    carried!("NotoSansHebrew-Regular", &[(0x590, 0x5ff), (0xfb1d, 0xfb4f)]),
    carried!("NotoSansArabic-Regular", &[(0x600, 0x6ff), (0x750, 0x77f), (0x8a0, 0x8ff), (0xfb50, 0xfdff), (0xfe70, 0xfeff)]),
    carried!("NotoSansDevanagari-Regular", &[(0x900, 0x97f), (0x1cd0, 0x1cff), (0xa8e0, 0xa8ff)]),
    carried!("NotoSansBengali-Regular", &[(0x980, 0x9ff)]),
    carried!("NotoSansGurmukhi-Regular", &[(0xa00, 0xa7f)]),
    carried!("NotoSansGujarati-Regular", &[(0xa80, 0xaff)]),
    carried!("NotoSansTamil-Regular", &[(0xb80, 0xbff)]),
    carried!("NotoSansTelugu-Regular", &[(0xc00, 0xc7f)]),
    carried!("NotoSansKannada-Regular", &[(0xc80, 0xcff)]),
    carried!("NotoSansMalayalam-Regular", &[(0xd00, 0xd7f)]),
    carried!("NotoSansThai-Regular", &[(0xe00, 0xe7f)]),
    carried!("NotoSansMyanmar-Regular", &[(0x1000, 0x109f), (0xa9e0, 0xa9ff), (0xaa60, 0xaa7f)]),
    carried!("NotoSansEthiopic-Regular", &[(0x1200, 0x139f), (0x2d80, 0x2ddf), (0xab00, 0xab2f)]),
    carried!("NotoSansKhmer-Regular", &[(0x1780, 0x17ff), (0x19e0, 0x19ff)]),
    carried!("NanumSquareR", &[(0x1100, 0x11ff), (0x3130, 0x318f), (0xa960, 0xa97f), (0xac00, 0xd7ff)]),
    carried!("DejaVuSans", &[(0, 0x10_ffff)]),
    carried!("DroidSansFallbackFull", &[(0, 0x10_ffff)]),
];

pub const FACES: usize = CARRIED.len();

/// SHA-256 over the fonts, in their order: pages set in others are other pages.
pub fn fonts_sha256() -> [u8; 32] {
    static DIGEST: OnceLock<[u8; 32]> = OnceLock::new();
    *DIGEST.get_or_init(|| {
        let mut hasher = Sha256::new();
        CARRIED.iter().for_each(|carried| hasher.update(carried.data));
        hasher.finalize().into()
    })
}

/// Which of the first faces a run is set in.
pub fn primary(is_bold: bool, is_italic: bool, is_mono: bool) -> FaceNumber {
    match (is_mono, is_bold, is_italic) {
        (true, false, _) => MONO,
        (true, true, _) => MONO_BOLD,
        (false, false, false) => SANS,
        (false, true, false) => SANS_BOLD,
        (false, false, true) => SANS_ITALIC,
        (false, true, true) => SANS_BOLD_ITALIC,
    }
}

/// Whether bold, or italic, has to be imitated in a face.
pub fn imitates(face: FaceNumber, is_bold: bool, is_italic: bool) -> (bool, bool) {
    let bold = is_bold && !matches!(face, SANS_BOLD | SANS_BOLD_ITALIC | MONO_BOLD);
    let italic = is_italic && !matches!(face, SANS_ITALIC | SANS_BOLD_ITALIC);
    (bold, italic)
}

/// The face and code of a character; `before` is the face of the character before it, which marks and joiners stay with.
pub fn find(character: char, first: FaceNumber, before: Option<FaceNumber>) -> Option<(FaceNumber, u16)> {
    if is_joined(character)
        && let Some(face) = before
        && let Some(code) = Face::of(face).code(character)
    {
        return Some((face, code));
    }
    if let Some(code) = Face::of(first).code(character) {
        return Some((first, code));
    }
    let point = u32::from(character);
    let scripts = CARRIED.iter().enumerate().skip(FIRST_OF_SCRIPTS);
    let of_script = scripts.filter(|(_, carried)| carried.ranges.iter().any(|range| (range.0..=range.1).contains(&point)));
    let others = std::iter::once(SANS).chain(of_script.map(|(number, _)| number as FaceNumber));
    for number in others {
        if let Some(code) = Face::of(number).code(character) {
            return Some((number, code));
        }
    }
    None
}

/// Whether a face is one whose letters join or move, so that every word goes through the shaper.
pub fn is_script(face: FaceNumber) -> bool {
    usize::from(face) >= FIRST_OF_SCRIPTS && usize::from(face) + 2 < FACES
}

/// A mark or a joiner: drawn with the letter before it.
pub fn is_joined(character: char) -> bool {
    matches!(u32::from(character),
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5c7 | 0x610..=0x61a | 0x64b..=0x65f | 0x670 | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff | 0x200c | 0x200d | 0x20d0..=0x20ff | 0x302a..=0x302f | 0x3099 | 0x309a | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f)
}

/// A font as it is asked.
pub struct Face {
    pub name: &'static str,
    pub data: &'static [u8],
    pub font: Font,
    /// Code of each character, in pages of 256.
    pages: Vec<Option<Box<[u16; 256]>>>,
    /// Width of each code, in thousandths of the size.
    widths: Vec<u16>,
    /// The character of each code.
    characters: Vec<Option<char>>,
    /// Glyphs of the codes past the last glyph.
    further: Vec<u16>,
    pub units: f32,
    pub ascent: i32,
    pub descent: i32,
    /// Left, bottom, right, top of all glyphs, in thousandths.
    pub bounds: [i32; 4],
}

impl Face {
    pub fn of(number: FaceNumber) -> &'static Face {
        static FACES_READ: [OnceLock<Face>; FACES] = [const { OnceLock::new() }; FACES];
        let number = usize::from(number).min(FACES - 1);
        FACES_READ[number].get_or_init(|| Face::read(&CARRIED[number]))
    }

    /// The fonts are part of the program; a test reads every one of them.
    fn read(carried: &'static Carried) -> Face {
        let tables = Tables(carried.data);
        let font = Font::new(carried.data, 0).expect("a carried font can be read");
        let units = f32::from(tables.number(b"head", 18)).max(1.0);
        let scaled = |value: u16| (f32::from(value.cast_signed()) * 1000.0 / units).round() as i32;
        let glyphs = tables.number(b"maxp", 4);
        let measured = tables.number(b"hhea", 34).max(1);
        let mut widths: Vec<u16> = (0..glyphs)
            .map(|glyph| tables.number(b"hmtx", usize::from(glyph.min(measured - 1)) * 4))
            .map(|width| (f32::from(width) * 1000.0 / units).round() as u16)
            .collect();
        let mut characters = vec![None; usize::from(glyphs)];
        let mut pages: Vec<Option<Box<[u16; 256]>>> = vec![None; 0x1100];
        let mut further = Vec::new();
        let mut mapped: Vec<(u32, u32)> = font.charmap().unicodes().map(|(point, glyph)| (point, glyph.to_u32())).collect();
        mapped.sort_unstable();
        mapped.dedup_by_key(|pair| pair.0);
        for (point, glyph) in mapped {
            let (Some(character), Ok(glyph)) = (char::from_u32(point), u16::try_from(glyph)) else { continue };
            let Some(slot) = characters.get(usize::from(glyph)).filter(|_| glyph > 0) else { continue };
            let code = if slot.is_none() { glyph } else { u16::try_from(characters.len()).unwrap_or(glyph) };
            if code == glyph {
                characters[usize::from(glyph)] = Some(letter(character));
            } else {
                characters.push(Some(character));
                widths.push(widths[usize::from(glyph)]);
                further.push(glyph);
            }
            if let Some(page) = pages.get_mut((point >> 8) as usize) {
                page.get_or_insert_with(|| Box::new([0; 256]))[(point & 0xff) as usize] = code;
            }
        }
        Face {
            name: carried.name,
            data: carried.data,
            font,
            pages,
            widths,
            characters,
            further,
            units,
            ascent: scaled(tables.number(b"hhea", 4)),
            descent: scaled(tables.number(b"hhea", 6)),
            bounds: [36, 38, 40, 42].map(|place| scaled(tables.number(b"head", place))),
        }
    }

    #[inline]
    pub fn code(&self, character: char) -> Option<u16> {
        let point = u32::from(character);
        let page = self.pages.get((point >> 8) as usize)?.as_ref()?;
        let code = page[(point & 0xff) as usize];
        (code != 0).then_some(code)
    }

    /// In thousandths of the size.
    #[inline]
    pub fn width(&self, code: u16) -> u16 {
        self.widths.get(usize::from(code)).copied().unwrap_or(0)
    }

    pub fn character(&self, code: u16) -> Option<char> {
        self.characters.get(usize::from(code)).copied().flatten()
    }

    pub fn glyph(&self, code: u16) -> u16 {
        let glyphs = self.widths.len() - self.further.len();
        match usize::from(code).checked_sub(glyphs) {
            Some(place) => self.further.get(place).copied().unwrap_or(0),
            None => code,
        }
    }
}

/// The letter that an old code point for a joined form stands for: the shaper draws letters with the glyphs of these.
fn letter(character: char) -> char {
    if !matches!(u32::from(character), 0xfb50..=0xfdff | 0xfe70..=0xfeff) {
        return character;
    }
    let mut letters = std::iter::once(character).nfkc();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => letter,
        _ => character,
    }
}

/// The tables of a TrueType file, as far as they are asked here.
struct Tables(&'static [u8]);

impl Tables {
    fn number(&self, table: &[u8; 4], place: usize) -> u16 {
        let start = self.start(table).unwrap_or(usize::MAX);
        start.checked_add(place).map_or(0, |place| self.at(place))
    }

    fn start(&self, table: &[u8; 4]) -> Option<usize> {
        let records = usize::from(self.at(4));
        let record = (0..records).map(|number| 12 + 16 * number).find(|at| self.0.get(*at..at + 4) == Some(table))?;
        Some((usize::from(self.at(record + 8)) << 16) | usize::from(self.at(record + 10)))
    }

    fn at(&self, place: usize) -> u16 {
        match self.0.get(place..).and_then(|rest| rest.first_chunk()) {
            Some(bytes) => u16::from_be_bytes(*bytes),
            None => 0,
        }
    }
}

/// How often each character that no font has, or that must not act, was met.
pub type Missing = HashMap<char, u32>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_carried_font_can_be_read_and_its_codes_lead_back_to_their_characters() {
        for number in 0..FACES {
            let face = Face::of(number as FaceNumber);
            let mapped: Vec<u32> = face.font.charmap().unicodes().map(|pair| pair.0).collect();
            assert!(mapped.len() > 100, "{}", face.name);
            for character in mapped.iter().filter_map(|point| char::from_u32(*point)) {
                if let Some(code) = face.code(character) {
                    assert_eq!(face.character(code).map(letter), Some(letter(character)), "{}", face.name);
                    let glyph = face.font.charmap().map_unicode(character).map(|glyph| glyph.to_u32());
                    assert_eq!(glyph, Some(u32::from(face.glyph(code))), "{} {character:?}", face.name);
                }
            }
        }
    }
}
