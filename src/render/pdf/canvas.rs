//! The drawing operators of one page: text by codes, lines, fills and pictures, and holes for numbers that are known later.
//!
//! printpdf's operators hold a value for every piece of text and go through a name table for every font change; here a page's
//! bytes are written at once, which is what makes thousands of pages a second possible.
//!
//! Not for: where things stand (`flow`, `table`), or the file (`write`).

use std::io::Write;

use unicode_bidi::{BidiInfo, Level};

use super::content::{Anchor, Late};
use super::faces::{self, FACES, Face, FaceNumber};
use super::lines::Line;
use super::shape::{Glyph, Ink, Paragraph, Piece};

/// A grey or a colour, red, green, blue, each of 255.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shade(pub u8, pub u8, pub u8);

pub const TEXT: Shade = Shade(24, 26, 29);
pub const MUTED: Shade = Shade(92, 98, 105);
pub const HAIR: Shade = Shade(206, 210, 214);
pub const STRONG: Shade = Shade(120, 126, 133);
pub const PALE: Shade = Shade(244, 246, 248);
pub const MARK: Shade = Shade(255, 243, 176);
pub const LINK: Shade = Shade(28, 78, 138);
pub const CALM: Shade = Shade(92, 118, 148);
pub const ALERT: Shade = Shade(168, 92, 0);
pub const ALERT_PALE: Shade = Shade(255, 248, 235);

/// The codes of each face that pages use.
#[derive(Clone, Default)]
pub struct Used(Vec<Vec<u64>>);

impl Used {
    fn add(&mut self, face: FaceNumber, code: u16) {
        let face = usize::from(face);
        if self.0.len() <= face {
            self.0.resize(FACES, Vec::new());
        }
        let Some(bits) = self.0.get_mut(face) else { return };
        let word = usize::from(code >> 6);
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        bits[word] |= 1 << (code & 63);
    }

    pub fn merge(&mut self, other: &Used) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), Vec::new());
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            if mine.len() < theirs.len() {
                mine.resize(theirs.len(), 0);
            }
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine |= theirs);
        }
    }

    /// Faces in use with their codes in order.
    pub fn faces(&self) -> impl Iterator<Item = (FaceNumber, Vec<u16>)> + '_ {
        self.0.iter().enumerate().filter_map(|(face, bits)| {
            let codes: Vec<u16> = bits
                .iter()
                .enumerate()
                .flat_map(|(word, bits)| (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| (word * 64 + bit) as u16))
                .collect();
            (!codes.is_empty()).then_some((face as FaceNumber, codes))
        })
    }
}

/// Where a number is missing that is known when all pages are.
#[derive(Clone, Debug)]
pub enum Hole {
    /// The page of an anchor, ending at `right` on the baseline.
    Entry { to: Anchor, right: f32, baseline: f32, size: f32 },
    /// A number inside a line, in the font that is set there.
    Inside { late: Late, face: FaceNumber },
}

/// A rectangle that leads to a place, in the page's own coordinates.
#[derive(Clone, Debug)]
pub struct Leads {
    pub bounds: [f32; 4],
    pub to: Anchor,
}

/// Draws one page. Coordinates count from the upper left corner, downward.
pub struct Canvas {
    pub height: f32,
    pub out: Vec<u8>,
    pub holes: Vec<(usize, Hole)>,
    pub leads: Vec<Leads>,
    font: Option<(FaceNumber, f32)>,
    shade: Option<Shade>,
    is_outlined: bool,
}

impl Canvas {
    pub fn new(height: f32) -> Canvas {
        Canvas { height, out: Vec::new(), holes: Vec::new(), leads: Vec::new(), font: None, shade: None, is_outlined: false }
    }

    fn number(&mut self, value: f32) {
        number(&mut self.out, value);
    }

    fn word(&mut self, word: &str) {
        self.out.extend_from_slice(word.as_bytes());
    }

    pub fn shade(&mut self, shade: Shade) {
        if self.shade == Some(shade) {
            return;
        }
        self.shade = Some(shade);
        for part in [shade.0, shade.1, shade.2] {
            self.number((f32::from(part) / 2.55).round() / 100.0);
        }
        self.word("rg\n");
    }

    pub fn fill(&mut self, left: f32, top: f32, width: f32, height: f32, shade: Shade) {
        self.shade(shade);
        let bottom = self.height - top - height;
        for value in [left, bottom, width, height] {
            self.number(value);
        }
        self.word("re f\n");
    }

    /// A picture or an imported page: its unit square, or its own space, under a matrix. `bottom` counts upward.
    pub fn place(&mut self, name: &str, matrix: [f32; 6]) {
        self.word("q ");
        for value in matrix {
            self.number(value);
        }
        self.word("cm /");
        self.word(name);
        self.word(" Do Q\n");
    }

    /// What follows up to `end_aside` is furniture, not content.
    pub fn aside(&mut self) {
        self.word("/Artifact BMC\n");
    }

    pub fn end_aside(&mut self) {
        self.word("EMC\n");
    }

    /// A line of a paragraph from a left edge on.
    pub fn line(&mut self, paragraph: &Paragraph, line: &Line, left: f32, baseline: f32, used: &mut Used) {
        if line.glyphs.is_empty() {
            return;
        }
        let parts = parts(paragraph, line);
        let places = places(paragraph, &parts, left);
        self.beneath(paragraph, &parts, &places, baseline);
        self.word("BT\n");
        let (mut pen, mut level) = (0.0, 0.0);
        for (part, place) in parts.iter().zip(&places) {
            let Some(ink) = paragraph.inks.get(usize::from(part.piece.ink)) else { continue };
            self.ink(part.piece.face, ink);
            let (x, y) = (*place, self.height - baseline + ink.rise);
            if self.slants(part.piece.face, ink) {
                self.word("1 0 0.2 1 ");
                self.number(x);
                self.number(y);
                self.word("Tm\n");
                // A matrix of its own: the next part starts from the corner again.
                self.text(paragraph, part, ink, used);
                self.word("1 0 0 1 0 0 Tm\n");
                (pen, level) = (0.0, 0.0);
                continue;
            }
            self.number(x - pen);
            self.number(y - level);
            self.word("Td\n");
            (pen, level) = (x, y);
            self.text(paragraph, part, ink, used);
        }
        self.word("ET\n");
        self.above(paragraph, &parts, &places, baseline);
    }

    fn slants(&self, face: FaceNumber, ink: &Ink) -> bool {
        faces::imitates(face, ink.is_bold, ink.is_italic).1
    }

    fn ink(&mut self, face: FaceNumber, ink: &Ink) {
        if self.font != Some((face, ink.size)) {
            self.font = Some((face, ink.size));
            let _ = write!(self.out, "/F{face} ");
            self.number(ink.size);
            self.word("Tf\n");
        }
        let shade = match ink {
            Ink { link: Some(_), .. } => LINK,
            Ink { is_muted: true, .. } => MUTED,
            _ => TEXT,
        };
        self.shade(shade);
        let is_outlined = faces::imitates(face, ink.is_bold, ink.is_italic).0;
        if is_outlined != self.is_outlined {
            self.is_outlined = is_outlined;
            self.word(if is_outlined { "2 Tr 0.3 w\n" } else { "0 Tr\n" });
        }
    }

    /// Shows a part, with its text beside it where the codes do not say it.
    fn text(&mut self, paragraph: &Paragraph, part: &Part, ink: &Ink, used: &mut Used) {
        if let Some(said) = &part.said {
            self.word("/Span <</ActualText <FEFF");
            for unit in said.encode_utf16() {
                let _ = write!(self.out, "{unit:04X}");
            }
            self.word(">>> BDC\n");
        }
        if let Some(late) = ink.late.and_then(|late| paragraph.lates.get(usize::from(late))) {
            return self.hole(Hole::Inside { late: late.clone(), face: part.piece.face });
        }
        let glyphs = paragraph.glyphs.get(part.start as usize..part.end as usize).unwrap_or_default();
        match &part.piece.moved {
            None => {
                self.word("(");
                for glyph in glyphs {
                    used.add(part.piece.face, glyph.code);
                    escaped(&mut self.out, glyph.code);
                }
                self.word(")Tj\n");
            }
            Some(moved) => {
                let first = part.end_of_piece as usize - moved.len();
                let moved = moved.get(part.start as usize - first..part.end as usize - first).unwrap_or_default();
                let is_leftward = part.piece.level % 2 == 1;
                self.moved(part.piece.face, glyphs, moved, is_leftward, ink, used);
            }
        }
        if part.said.is_some() {
            self.word("EMC\n");
        }
    }

    /// Glyphs that the shaper moved, from left to right.
    fn moved(&mut self, face: FaceNumber, glyphs: &[Glyph], moved: &[(f32, f32)], is_leftward: bool, ink: &Ink, used: &mut Used) {
        let font = Face::of(face);
        let mut pairs: Vec<(&Glyph, &(f32, f32))> = glyphs.iter().zip(moved).collect();
        if is_leftward {
            pairs.reverse();
        }
        let mut lifted = 0.0;
        // Where the pen of the reader is behind where it should be.
        let mut behind = 0.0;
        self.word("[");
        for (glyph, (right, up)) in pairs {
            used.add(face, glyph.code);
            if (up - lifted).abs() > 0.005 {
                self.word("]TJ ");
                self.number(*up);
                self.word("Ts [");
                lifted = *up;
            }
            let shift = behind + right;
            if shift.abs() > 0.002 {
                self.number(-shift * 1000.0 / ink.size);
            }
            self.word("(");
            escaped(&mut self.out, glyph.code);
            self.word(")");
            behind = glyph.advance - right - f32::from(font.width(glyph.code)) * ink.size / 1000.0;
        }
        self.word("]TJ\n");
        if lifted != 0.0 {
            self.word("0 Ts\n");
        }
    }

    fn beneath(&mut self, paragraph: &Paragraph, parts: &[Part], places: &[f32], baseline: f32) {
        for (part, left) in parts.iter().zip(places) {
            let Some(ink) = paragraph.inks.get(usize::from(part.piece.ink)) else { continue };
            if ink.is_marked {
                self.fill(*left - 0.5, baseline - ink.size * 0.86, part.width + 1.0, ink.size * 1.12, MARK);
            }
            if let Some(to) = ink.link.and_then(|link| paragraph.links.get(usize::from(link))) {
                let bottom = self.height - baseline - ink.size * 0.25;
                let bounds = [*left, bottom, left + part.width, bottom + ink.size * 1.15];
                self.leads.push(Leads { bounds, to: to.clone() });
            }
        }
    }

    fn above(&mut self, paragraph: &Paragraph, parts: &[Part], places: &[f32], baseline: f32) {
        for (part, left) in parts.iter().zip(places) {
            let Some(ink) = paragraph.inks.get(usize::from(part.piece.ink)) else { continue };
            let weight = ink.size * 0.055;
            if ink.is_underlined {
                self.fill(*left, baseline + ink.size * 0.12, part.width, weight, TEXT);
            }
            if ink.is_struck {
                self.fill(*left, baseline - ink.size * 0.3, part.width, weight, TEXT);
            }
        }
    }

    /// Words that are searched and copied but not seen, stretched to a box.
    pub fn unseen(&mut self, paragraph: &Paragraph, left: f32, bottom: f32, width: f32, size: f32, used: &mut Used) {
        let natural: f32 = paragraph.glyphs.iter().map(|glyph| glyph.advance).sum();
        if natural <= 0.0 {
            return;
        }
        let own = paragraph.size.max(0.1);
        self.word("BT 3 Tr ");
        for value in [width / natural, 0.0, 0.0, size / own, left, bottom] {
            number(&mut self.out, value);
        }
        self.word("Tm\n");
        let line = Line { glyphs: 0..paragraph.glyphs.len() as u32, ..Line::default() };
        for part in parts(paragraph, &line) {
            let Some(ink) = paragraph.inks.get(usize::from(part.piece.ink)) else { continue };
            let _ = write!(self.out, "/F{} ", part.piece.face);
            self.number(ink.size);
            self.word("Tf\n");
            self.text(paragraph, &part, ink, used);
        }
        self.word("0 Tr ET\n");
        (self.font, self.is_outlined) = (None, false);
    }

    pub fn hole(&mut self, hole: Hole) {
        self.holes.push((self.out.len(), hole));
    }
}

/// A stretch of a line inside one piece.
struct Part<'a> {
    piece: &'a Piece,
    start: u32,
    end: u32,
    end_of_piece: u32,
    width: f32,
    said: Option<String>,
}

/// Cuts a line where its pieces end, and around words that it shares with its neighbours.
fn parts<'a>(paragraph: &'a Paragraph, line: &Line) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(1);
    let first = paragraph.pieces.partition_point(|piece| piece.end <= line.glyphs.start);
    let mut start = line.glyphs.start;
    let glyph_of = |byte: u32| paragraph.glyphs.partition_point(|glyph| glyph.at < byte) as u32;
    let cuts = if line.resumed == 0 && line.whole.is_empty() {
        [u32::MAX; 2]
    } else {
        let whole = if line.whole.is_empty() { u32::MAX } else { glyph_of(line.whole.start) };
        [if line.resumed == 0 { u32::MAX } else { glyph_of(line.resumed) }, whole]
    };
    let mut whole = (!line.whole.is_empty())
        .then(|| paragraph.text.get(line.whole.start as usize..line.whole.end as usize).unwrap_or_default().to_string());
    for piece in paragraph.pieces.get(first..).unwrap_or_default() {
        while start < piece.end.min(line.glyphs.end) {
            let mut end = piece.end.min(line.glyphs.end);
            end = cuts.iter().filter(|cut| **cut > start && **cut < end).min().copied().unwrap_or(end);
            let glyphs = paragraph.glyphs.get(start as usize..end as usize).unwrap_or_default();
            let said = if cuts[0] != u32::MAX && start < cuts[0] {
                Some(String::new())
            } else if start >= cuts[1] {
                Some(whole.take().unwrap_or_default())
            } else {
                (piece.moved.is_some() && !is_said(piece, glyphs)).then(|| text_of(paragraph, start, end))
            };
            let width = glyphs.iter().map(|glyph| glyph.advance).sum();
            parts.push(Part { piece, start, end, end_of_piece: piece.end, width, said });
            start = end;
        }
        if start >= line.glyphs.end {
            break;
        }
    }
    parts
}

/// Whether readers find the words from the codes alone: text that runs to the left, of glyphs that each mean a letter. Readers
/// turn it around themselves, poppler even text that was given beside it.
fn is_said(piece: &Piece, glyphs: &[Glyph]) -> bool {
    let face = Face::of(piece.face);
    piece.level % 2 == 1 && faces::is_script(piece.face) && glyphs.iter().all(|glyph| face.character(glyph.code).is_some())
}

fn text_of(paragraph: &Paragraph, start: u32, end: u32) -> String {
    let (from, to) = (paragraph.byte(start), paragraph.byte(end));
    paragraph.text.get(from as usize..to as usize).unwrap_or_default().trim_end_matches(['\n', ' ']).to_string()
}

/// Where each part starts on the page: in the order of reading, or as the levels of UAX #9 turn them.
fn places(paragraph: &Paragraph, parts: &[Part], left: f32) -> Vec<f32> {
    let mut places = vec![left; parts.len()];
    let mut pen = left;
    let mut put = |number: usize| {
        if let (Some(place), Some(part)) = (places.get_mut(number), parts.get(number)) {
            *place = pen;
            pen += part.width;
        }
    };
    if paragraph.has_levels {
        let level = |part: &Part| Level::new(part.piece.level).unwrap_or(Level::ltr());
        let levels: Vec<Level> = parts.iter().map(level).collect();
        BidiInfo::reorder_visual(&levels).into_iter().for_each(put);
    } else {
        (0..parts.len()).for_each(&mut put);
    }
    places
}

/// The operator that shows plain text in a face that is set.
pub fn shown(text: &str, face: FaceNumber, used: &mut Used) -> Vec<u8> {
    let mut out = vec![b'('];
    for code in text.chars().filter_map(|character| Face::of(face).code(character)) {
        used.add(face, code);
        escaped(&mut out, code);
    }
    out.extend_from_slice(b")Tj\n");
    out
}

/// Two bytes of a code inside a literal string.
fn escaped(out: &mut Vec<u8>, code: u16) {
    for byte in code.to_be_bytes() {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.push(byte),
        }
    }
}

/// A number with two places after the point, and a space.
pub fn number(out: &mut Vec<u8>, value: f32) {
    let hundredths = (value * 100.0).round() as i64;
    if hundredths < 0 {
        out.push(b'-');
    }
    let size = hundredths.unsigned_abs();
    let mut digits = [0u8; 20];
    let mut place = digits.len();
    let mut whole = size / 100;
    loop {
        place -= 1;
        digits[place] = b'0' + (whole % 10) as u8;
        whole /= 10;
        if whole == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[place..]);
    let part = (size % 100) as u8;
    if part > 0 {
        out.extend_from_slice(&[b'.', b'0' + part / 10]);
        if !part.is_multiple_of(10) {
            out.push(b'0' + part % 10);
        }
    }
    out.push(b' ');
}
