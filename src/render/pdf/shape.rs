//! A paragraph's characters become measured glyphs, with the places where a line may end (UAX #14), the direction of each
//! piece (UAX #9), and letters joined by the shaper where a script asks for it.
//!
//! Latin, Greek, Cyrillic and ideographs go one character, one glyph, by tables; a word of any other script, and one with
//! combining marks, goes through HarfBuzz's algorithm as a whole.
//!
//! Not for: which line takes what (`lines`), or drawing (`canvas`).

use harfrust::{Buffer, Direction, ShapeOptions, ShaperFont};
use unicode_bidi::BidiInfo;
use unicode_linebreak::{BreakOpportunity, linebreaks};

use super::content::{Anchor, Late, Run, Shift};
use super::faces::{self, Face, FaceNumber, Missing};

/// How a paragraph's words are set where a run says nothing else.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Type {
    pub size: f32,
    /// From one baseline to the next.
    pub leading: f32,
    pub is_bold: bool,
    pub is_mono: bool,
    pub is_muted: bool,
}

/// How a piece is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ink {
    pub size: f32,
    pub rise: f32,
    pub is_bold: bool,
    pub is_italic: bool,
    pub is_mono: bool,
    pub is_muted: bool,
    pub is_underlined: bool,
    pub is_struck: bool,
    pub is_marked: bool,
    /// Into the paragraph's links.
    pub link: Option<u16>,
    /// Into the paragraph's late numbers.
    pub late: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
pub struct Glyph {
    pub code: u16,
    pub advance: f32,
    /// The byte of the text where its cluster starts.
    pub at: u32,
}

/// Glyphs next to each other, of one face, ink and direction.
#[derive(Clone, Debug)]
pub struct Piece {
    pub end: u32,
    pub face: FaceNumber,
    pub ink: u16,
    pub level: u8,
    /// A word that went through the shaper: what its glyphs are moved by, right and up, and its text is written beside them.
    pub moved: Option<Box<[(f32, f32)]>>,
}

/// A place where a line may end, or must.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// Glyphs before the spaces that end here.
    pub solid: u32,
    /// Glyphs with these spaces.
    pub end: u32,
    pub solid_width: f32,
    pub width: f32,
    pub must: bool,
}

/// A paragraph, measured. Glyphs stand in the order of reading.
#[derive(Debug, Default)]
pub struct Paragraph {
    pub text: String,
    pub glyphs: Vec<Glyph>,
    pub pieces: Vec<Piece>,
    pub stops: Vec<Stop>,
    pub inks: Vec<Ink>,
    pub links: Vec<Anchor>,
    pub lates: Vec<Late>,
    /// Places that links lead to, by the glyph they stand before.
    pub anchors: Vec<(u32, Anchor)>,
    pub leading: f32,
    pub size: f32,
    pub is_rightward: bool,
    pub has_levels: bool,
}

impl Paragraph {
    /// The widest word and the widest line that is not wrapped.
    pub fn extent(&self) -> (f32, f32) {
        let (mut word, mut line, mut longest) = (0.0f32, 0.0f32, 0.0f32);
        for stop in &self.stops {
            word = word.max(stop.solid_width);
            longest = longest.max(line + stop.solid_width);
            line = if stop.must { 0.0 } else { line + stop.width };
        }
        (word, longest)
    }

    /// The byte of the text where a glyph starts.
    pub fn byte(&self, glyph: u32) -> u32 {
        self.glyphs.get(glyph as usize).map_or(self.text.len() as u32, |glyph| glyph.at)
    }
}

/// Measures paragraphs, one after the other.
#[derive(Default)]
pub struct Setter {
    pub missing: Missing,
    buffer: Buffer,
    found: Vec<(u32, char, FaceNumber, u16)>,
}

/// Style and bounds of a run inside the paragraph's text.
struct Span {
    end: usize,
    ink: u16,
    first: FaceNumber,
}

impl Setter {
    pub fn set(&mut self, words: &[Run], kind: &Type) -> Paragraph {
        let mut paragraph = Paragraph { leading: kind.leading, size: kind.size, ..Paragraph::default() };
        let mut spans = Vec::with_capacity(words.len());
        let mut anchors = Vec::new();
        for run in words {
            if let Some(anchor) = &run.anchor {
                anchors.push((paragraph.text.len(), anchor.clone()));
            }
            let ink = ink(run, kind, &mut paragraph);
            if paragraph.inks.last() != Some(&ink) {
                paragraph.inks.push(ink);
            }
            let first = faces::primary(ink.is_bold, ink.is_italic, ink.is_mono);
            self.take_in(&run.text, first, &mut paragraph.text);
            spans.push(Span { end: paragraph.text.len(), ink: paragraph.inks.len() as u16 - 1, first });
        }
        self.measure(&mut paragraph, &spans);
        for (byte, anchor) in anchors {
            let glyph = paragraph.glyphs.partition_point(|glyph| (glyph.at as usize) < byte);
            paragraph.anchors.push((glyph as u32, anchor));
        }
        paragraph
    }

    /// The widest word and the widest line, for the widths of columns. Counts nothing as missing.
    pub fn measure_only(&mut self, words: &[Run], kind: &Type) -> (f32, f32) {
        let missing = std::mem::take(&mut self.missing);
        let extent = self.set(words, kind).extent();
        self.missing = missing;
        extent
    }

    /// Adds a run's text. What no font has, and what would act instead of being read, becomes its visible code point.
    fn take_in(&mut self, text: &str, first: FaceNumber, out: &mut String) {
        out.reserve(text.len());
        let mut column = 0;
        let mut before = '\0';
        for character in text.chars() {
            match character {
                ' '..='~' => out.push(character),
                '\n' if before == '\r' => {}
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    out.push('\n');
                    column = 0;
                    before = character;
                    continue;
                }
                '\t' => {
                    let spaces = 8 - column % 8;
                    out.extend(std::iter::repeat_n(' ', spaces));
                    column += spaces - 1;
                }
                _ if acts(character) || faces::find(character, first, None).is_none() => {
                    *self.missing.entry(character).or_default() += 1;
                    out.push_str(&format!("⟨U+{:04X}⟩", u32::from(character)));
                }
                _ => out.push(character),
            }
            column += 1;
            before = character;
        }
    }

    fn measure(&mut self, paragraph: &mut Paragraph, spans: &[Span]) {
        let text = std::mem::take(&mut paragraph.text);
        let levels = text.chars().any(is_rightward).then(|| BidiInfo::new(&text, None));
        let levels = levels.as_ref().filter(|info| info.has_rtl());
        paragraph.has_levels = levels.is_some();
        paragraph.is_rightward =
            levels.and_then(|info| info.paragraphs.first()).is_some_and(|paragraph| paragraph.level.is_rtl());
        let level = |byte: usize| levels.and_then(|info| info.levels.get(byte)).map_or(0, |level| level.number());
        paragraph.glyphs.reserve(text.len());
        let mut start = 0;
        let mut span = 0;
        for (end, opportunity) in linebreaks(&text) {
            let Some(segment) = text.get(start..end) else { continue };
            let solid = start + segment.trim_end_matches([' ', '\n', '\u{a0}', '\u{3000}']).len();
            let mut from = start;
            let first_glyph = paragraph.glyphs.len();
            let mut solid_glyphs = first_glyph;
            while from < end {
                while spans.get(span).is_some_and(|span| span.end <= from) {
                    span += 1;
                }
                let Some(of) = spans.get(span) else { break };
                let here = if from < solid { solid } else { end };
                let to = here.min(of.end);
                if let Some(part) = text.get(from..to) {
                    self.piece(paragraph, part, from, of, &level);
                }
                from = to;
                if from <= solid {
                    solid_glyphs = paragraph.glyphs.len();
                }
            }
            let width = |glyphs: &[Glyph]| glyphs.iter().map(|glyph| glyph.advance).sum::<f32>();
            let (solid_part, spaces) =
                paragraph.glyphs[first_glyph..].split_at((solid_glyphs - first_glyph).min(paragraph.glyphs.len() - first_glyph));
            let solid_width = width(solid_part);
            paragraph.stops.push(Stop {
                solid: solid_glyphs as u32,
                end: paragraph.glyphs.len() as u32,
                solid_width,
                width: solid_width + width(spaces),
                must: opportunity == BreakOpportunity::Mandatory,
            });
            start = end;
        }
        paragraph.text = text;
    }

    /// Glyphs of a stretch of one style inside a segment.
    fn piece(&mut self, paragraph: &mut Paragraph, part: &str, offset: usize, span: &Span, level: &impl Fn(usize) -> u8) {
        let ink = paragraph.inks[usize::from(span.ink)];
        let scale = ink.size / 1000.0;
        let first = Face::of(span.first);
        if part.is_ascii() && !paragraph.has_levels {
            for (place, byte) in part.bytes().enumerate() {
                if byte >= b' '
                    && let Some(code) = first.code(char::from(byte))
                {
                    let advance = f32::from(first.width(code)) * scale;
                    paragraph.glyphs.push(Glyph { code, advance, at: (offset + place) as u32 });
                }
            }
            return close(paragraph, span.first, span.ink, 0);
        }
        self.found.clear();
        let mut before = None;
        for (place, character) in part.char_indices().filter(|pair| pair.1 != '\n') {
            if let Some((face, code)) = faces::find(character, span.first, before) {
                before = Some(face);
                self.found.push(((offset + place) as u32, character, face, code));
            }
        }
        let found = std::mem::take(&mut self.found);
        for stretch in found.chunk_by(|a, b| a.2 == b.2 && level(a.0 as usize) == level(b.0 as usize)) {
            let Some((at, _, face, _)) = stretch.first().copied() else { continue };
            let level = level(at as usize);
            if faces::is_script(face) || stretch.iter().any(|found| faces::is_joined(found.1)) || is_mirrored(level, stretch) {
                self.shape(paragraph, stretch, span.ink, level);
                continue;
            }
            let font = Face::of(face);
            for (at, _, _, code) in stretch {
                let advance = f32::from(font.width(*code)) * scale;
                paragraph.glyphs.push(Glyph { code: *code, advance, at: *at });
            }
            close(paragraph, face, span.ink, level);
        }
        self.found = found;
    }

    fn shape(&mut self, paragraph: &mut Paragraph, stretch: &[(u32, char, FaceNumber, u16)], ink: u16, level: u8) {
        let Some(face) = stretch.first().map(|found| found.2) else { return };
        let font = Face::of(face);
        let scale = paragraph.inks[usize::from(ink)].size / font.units;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        for (at, character, _, _) in stretch {
            buffer.push(u32::from(*character), *at);
        }
        buffer.guess_segment_properties();
        buffer.set_direction(if level % 2 == 1 { Direction::RightToLeft } else { Direction::LeftToRight });
        let shaped = harfrust::shape(&ShaperFont::new(&font.font), &mut buffer, ShapeOptions::new());
        let mut moved = Vec::with_capacity(stretch.len());
        if shaped.is_ok() {
            let glyphs = buffer.glyph_infos().iter().zip(buffer.glyph_positions());
            for (info, position) in glyphs {
                let code = u16::try_from(info.glyph_id).unwrap_or(0);
                paragraph.glyphs.push(Glyph { code, advance: position.x_advance as f32 * scale, at: info.cluster });
                moved.push((position.x_offset as f32 * scale, position.y_offset as f32 * scale));
            }
            if level % 2 == 1 {
                let start = paragraph.glyphs.len() - moved.len();
                paragraph.glyphs[start..].reverse();
                moved.reverse();
            }
        } else {
            for (at, _, _, code) in stretch {
                let advance = f32::from(font.width(*code)) * paragraph.inks[usize::from(ink)].size / 1000.0;
                paragraph.glyphs.push(Glyph { code: *code, advance, at: *at });
                moved.push((0.0, 0.0));
            }
        }
        self.buffer = buffer;
        let end = paragraph.glyphs.len() as u32;
        paragraph.pieces.push(Piece { end, face, ink, level, moved: Some(moved.into()) });
    }
}

/// Ends a piece of plain glyphs here, or lets the last one go on.
fn close(paragraph: &mut Paragraph, face: FaceNumber, ink: u16, level: u8) {
    let end = paragraph.glyphs.len() as u32;
    match paragraph.pieces.last_mut() {
        Some(last) if last.moved.is_none() && last.face == face && last.ink == ink && last.level == level => last.end = end,
        _ => paragraph.pieces.push(Piece { end, face, ink, level, moved: None }),
    }
}

/// Brackets in text that runs to the left are drawn as their mirror images: the shaper knows them.
fn is_mirrored(level: u8, stretch: &[(u32, char, FaceNumber, u16)]) -> bool {
    level % 2 == 1 && stretch.iter().any(|found| !found.1.is_whitespace())
}

fn is_rightward(character: char) -> bool {
    matches!(u32::from(character),
        0x590..=0x8ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x1_0800..=0x1_0fff | 0x1_e800..=0x1_efff)
}

/// A control, or a mark that turns the direction of what follows: shown, never obeyed.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character), 0x61c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}

fn ink(run: &Run, kind: &Type, paragraph: &mut Paragraph) -> Ink {
    let style = run.style;
    let link = run.link.as_ref().map(|anchor| {
        if paragraph.links.last() != Some(anchor) {
            paragraph.links.push(anchor.clone());
        }
        (paragraph.links.len() - 1) as u16
    });
    let late = run.late.as_ref().map(|late| {
        paragraph.lates.push(late.clone());
        (paragraph.lates.len() - 1) as u16
    });
    let (shrink, rise) = match style.shift {
        Shift::None => (1.0, 0.0),
        Shift::Sub => (0.75, -0.16),
        Shift::Sup => (0.75, 0.34),
    };
    let is_mono = style.is_mono || kind.is_mono;
    let size = kind.size * shrink * if is_mono && !kind.is_mono { 0.94 } else { 1.0 };
    Ink {
        size: (size * 100.0).round() / 100.0,
        rise: rise * kind.size,
        is_bold: style.is_bold || kind.is_bold,
        is_italic: style.is_italic,
        is_mono,
        is_muted: style.is_muted || kind.is_muted,
        is_underlined: style.is_underlined,
        is_struck: style.is_struck,
        is_marked: style.is_marked,
        link,
        late,
    }
}
