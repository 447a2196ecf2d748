//! The letters of a PDF page with the places where they are drawn, as a device of the library that also draws the page.
//!
//! Places are in points from the upper left corner of the page as it is shown, turned and cropped as it asks. Letters are read in
//! the order in which they are drawn, and again line by line, because a file may draw them in any order.
//!
//! Not for: the text that search finds (`formats::pdf`), what is done with a place (`sheet`).

use std::collections::VecDeque;
use std::ops::Range;

use hayro::hayro_interpret::font::{Glyph as Shape, GlyphRun};
use hayro::hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro::hayro_interpret::hayro_syntax::object::{Dict, String as Said16};
use hayro::hayro_interpret::hayro_syntax::page::Page as Source;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache, InterpreterSettings,
    SoftMask, TransformExt, interpret_page,
};
use hayro::kurbo::{Affine, BezPath, Point, Rect, Shape as _, Vec2};

use super::fold::{Needles, Order};
use super::strings;

/// A letter, or several that are drawn as one.
#[derive(Clone, Debug)]
pub struct Glyph {
    text: String,
    start: Point,
    end: Point,
    along: Vec2,
    size: f64,
    /// What it covers.
    pub bounds: Rect,
    /// Furniture of a page that we printed: beside what is read.
    is_aside: bool,
}

/// The letters of a page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub width: f64,
    pub height: f64,
    pub glyphs: Vec<Glyph>,
    /// Glyphs whose letter is not known.
    pub unknown: usize,
    /// Whether it shows pictures.
    pub has_pictures: bool,
    said: Vec<Said>,
}

/// A text that takes the place of glyphs when a page is copied.
#[derive(Clone, Debug)]
struct Said {
    glyphs: Range<usize>,
    text: String,
}

/// A text put together from letters, and which letter each of its bytes comes from.
#[derive(Clone, Debug, Default)]
pub struct Text {
    pub text: String,
    from: Vec<u32>,
}

/// A place of a term: rectangles, one on each line that it stands on.
#[derive(Clone, Debug)]
pub struct Place {
    pub term: usize,
    pub areas: Vec<Rect>,
}

/// Distances at which letters belong to another line, word or column, in units of their size. Columns of a table stand closer
/// than one thinks, and letters of two columns are no word that was set apart.
const LINE_GAP: f64 = 0.5;
const WORD_GAP: f64 = 0.18;
const COLUMN_GAP: f64 = 0.75;
const SAME_PLACE: f64 = 0.12;
/// Letters that are remembered, because bold is often the same word drawn twice.
const RECENT: usize = 128;
/// Glyph space of a font is 1000 units to its size.
const EM: f64 = 1000.0;
/// How far letters reach below and above their line, in those units.
const BELOW: f64 = -280.0;
const ABOVE: f64 = 980.0;
/// What is covered around a letter, in units of its size.
const ROOM: f64 = 0.06;

impl Page {
    /// Reads a page. With `is_exact` a letter's bounds hold its outline too, however far that reaches beyond its line.
    pub fn of<'a>(page: &'a Source<'a>, is_exact: bool) -> Page {
        let cache = InterpreterCache::new();
        let (width, height) = page.render_dimensions();
        let view = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let transform = page.initial_transform(true).to_kurbo();
        let mut context = Context::new(transform, view, &cache, page.xref(), InterpreterSettings::default());
        let mut reader = Reader { is_exact, ..Reader::default() };
        interpret_page(page, &mut context, &mut reader);
        Page { width: view.x1, height: view.y1, ..reader.page }
    }

    /// The letters in the order in which they were drawn; furniture after all else.
    pub fn drawn(&self) -> Text {
        let asides = |is_aside| (0..self.glyphs.len()).filter(move |at| self.is_aside(*at) == is_aside);
        self.text(asides(false).chain(asides(true)))
    }

    /// The letters without furniture, and the furniture.
    pub fn parted(&self) -> (Text, Text) {
        let asides = |is_aside| (0..self.glyphs.len()).filter(move |at| self.is_aside(*at) == is_aside);
        (self.text(asides(false)), self.text(asides(true)))
    }

    /// The letters as copying gives them: where a text is given in the place of glyphs, that text. `None`: none is.
    pub fn copied(&self) -> Option<String> {
        if self.said.is_empty() {
            return None;
        }
        let mut all = String::new();
        for is_aside in [false, true] {
            let (mut text, mut end, mut at) = (Text::default(), None, 0);
            let mut said = self.said.iter().peekable();
            while let Some(glyph) = self.glyphs.get(at) {
                while said.next_if(|it| it.glyphs.end <= at).is_some() {}
                let (words, last) = match said.peek().filter(|it| it.glyphs.start == at) {
                    Some(it) => (it.text.as_str(), it.glyphs.end - 1),
                    None => (glyph.text.as_str(), at),
                };
                if glyph.is_aside == is_aside {
                    if let Some(end) = end.filter(|_| !words.is_empty()) {
                        text.gap(glyph, end);
                    }
                    text.text.push_str(words);
                    let last = self.glyphs.get(last);
                    // A blank that ends a word is drawn with it, and stands in no text given for it.
                    if last.is_some_and(|glyph| glyph.text == " ") && !text.text.ends_with(' ') {
                        text.text.push(' ');
                    }
                    end = last.map(|glyph| glyph.end);
                }
                at = last + 1;
            }
            all += &text.text;
            all.push('\n');
        }
        Some(all)
    }

    /// The letters line by line, each from its beginning.
    pub fn by_lines(&self) -> Text {
        // Quarter turns, then lines, then places on the line.
        let key = |glyph: &Glyph| {
            let turn = (glyph.along.y.atan2(glyph.along.x) / std::f64::consts::FRAC_PI_2).round() as i64;
            (turn.rem_euclid(4), glyph.along.cross(glyph.start.to_vec2()), glyph.along.dot(glyph.start.to_vec2()))
        };
        let mut places: Vec<(usize, (i64, f64, f64))> = self.glyphs.iter().map(key).enumerate().collect();
        places.sort_by(|(_, a), (_, b)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let size = |at: usize| self.glyphs.get(at).map_or(1.0, |glyph| glyph.size);
        let mut order = Vec::with_capacity(places.len());
        for line in places.chunk_by(|a, b| a.1.0 == b.1.0 && b.1.1 - a.1.1 < 0.3 * size(a.0).min(size(b.0))) {
            let mut line: Vec<(usize, f64)> = line.iter().map(|(at, key)| (*at, key.2)).collect();
            line.sort_by(|a, b| a.1.total_cmp(&b.1));
            order.extend(line.into_iter().map(|(at, _)| at));
        }
        self.text(order.into_iter())
    }

    /// Every place of a term, in either order of reading.
    pub fn places(&self, needles: &Needles) -> Vec<Place> {
        let mut places = self.places_in(&self.drawn(), needles);
        places.extend(self.places_in(&self.by_lines(), needles));
        places
    }

    fn places_in(&self, text: &Text, needles: &Needles) -> Vec<Place> {
        let hits = needles.hits(&text.text, Order::Drawn);
        hits.into_iter().map(|hit| Place { term: hit.term, areas: self.areas(text, hit.at) }).collect()
    }

    /// What a stretch of a text covers.
    pub fn areas(&self, text: &Text, at: Range<usize>) -> Vec<Rect> {
        let mut areas: Vec<Rect> = Vec::new();
        let mut is_new = true;
        let mut last = None;
        for (byte, character) in text.text.get(at.clone()).unwrap_or_default().char_indices() {
            is_new |= matches!(character, '\n' | '\t');
            let from = text.from.get(at.start + byte).copied().filter(|from| *from != u32::MAX);
            let Some(glyph) = from.filter(|from| last != Some(*from)).and_then(|from| self.glyphs.get(from as usize)) else {
                continue;
            };
            last = from;
            let room = ROOM * glyph.size;
            let bounds = glyph.bounds.inflate(room, room);
            match areas.last_mut() {
                Some(area) if !is_new => *area = area.union(bounds),
                _ => areas.push(bounds),
            }
            is_new = false;
        }
        areas
    }

    /// Words with what they cover.
    pub fn words(&self) -> Vec<(String, Rect)> {
        let drawn = self.drawn();
        let mut words = Vec::new();
        let mut at = 0;
        for word in drawn.text.split([' ', '\n', '\t']) {
            let areas = self.areas(&drawn, at..at + word.len());
            if let Some(area) = areas.into_iter().reduce(|a, b| a.union(b)) {
                words.push((word.to_owned(), area));
            }
            at += word.len() + 1;
        }
        words
    }

    fn is_aside(&self, at: usize) -> bool {
        self.glyphs.get(at).is_some_and(|glyph| glyph.is_aside)
    }

    fn text(&self, order: impl Iterator<Item = usize>) -> Text {
        let mut text = Text::default();
        let mut end = None;
        for at in order {
            let Some(glyph) = self.glyphs.get(at) else { continue };
            if let Some(end) = end {
                text.gap(glyph, end);
            }
            let characters = glyph.text.chars().map(|c| if c == '\u{a0}' { ' ' } else { c });
            text.text.extend(characters.filter(|c| !c.is_control()));
            text.from.resize(text.text.len(), at as u32);
            end = Some(glyph.end);
        }
        text
    }
}

impl Text {
    fn gap(&mut self, next: &Glyph, end: Point) {
        let step = next.start - end;
        let (forward, sideways) = (step.dot(next.along), step.cross(next.along).abs());
        let separator = if sideways > LINE_GAP * next.size || forward < -2.0 * next.size {
            '\n'
        } else if forward > COLUMN_GAP * next.size {
            '\t'
        } else if forward > WORD_GAP * next.size || forward < -LINE_GAP * next.size {
            ' '
        } else {
            return;
        };
        if self.text.ends_with(' ') && separator != ' ' {
            self.text.pop();
        }
        if !self.text.is_empty() && !self.text.ends_with([' ', '\n', '\t']) {
            self.text.push(separator);
        }
        self.from.resize(self.text.len(), u32::MAX);
    }
}

#[derive(Default)]
struct Reader {
    page: Page,
    is_exact: bool,
    recent: VecDeque<(Point, String)>,
    /// Open marked contents.
    marks: Vec<Mark>,
}

#[derive(Default)]
struct Mark {
    is_furniture: bool,
    /// The glyph that it begins with, and the text that stands for it and those that follow.
    said: Option<(usize, String)>,
}

impl Reader {
    fn is_repeated(&mut self, start: Point, text: &str, near: f64) -> bool {
        let is_repeated = self.recent.iter().any(|(at, known)| at.distance(start) < near && known == text);
        if !is_repeated {
            self.recent.truncate(RECENT - 1);
            self.recent.push_front((start, text.to_owned()));
        }
        is_repeated
    }
}

impl<'a> Device<'a> for Reader {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        let is_vertical = run.writing_mode() == WritingMode::Vertical;
        for glyph in run.glyphs() {
            let place = props.transform * glyph.transform();
            let width = match &**glyph {
                Shape::Outline(glyph) => glyph.advance_width(),
                Shape::Type3(glyph) => glyph.advance_width(),
            };
            let width = width.map_or(EM / 2.0, f64::from);
            let start = place * Point::ORIGIN;
            let next = if is_vertical { Point::new(0.0, -EM) } else { Point::new(width, 0.0) };
            let unit = if is_vertical { next } else { Point::new(EM, 0.0) };
            let along = place * unit - start;
            let size = along.hypot();
            if !size.is_finite() || size == 0.0 || !start.x.is_finite() || !start.y.is_finite() {
                self.page.unknown += 1;
                continue;
            }
            let text = match glyph.as_unicode() {
                Some(BfString::Char(c)) => c.to_string(),
                Some(BfString::String(text)) => text,
                // Not even a blank is known as one; its neighbours tell by their distance.
                None => {
                    self.page.unknown += 1;
                    continue;
                }
            };
            if self.is_repeated(start, &text, SAME_PLACE * size) {
                continue;
            }
            let mut bounds = em_box(place, width, is_vertical);
            if self.is_exact {
                bounds = bounds.union(exact_box(glyph, &props, glyph.transform()));
            }
            let is_aside = self.marks.iter().any(|mark| mark.is_furniture);
            self.page.glyphs.push(Glyph { text, start, end: place * next, along: along / size, size, bounds, is_aside });
        }
    }

    fn begin_marked_content(&mut self, tag: &[u8], properties: Option<&Dict<'_>>) {
        // What stands inside a text that is replaced already is replaced with it.
        let is_inside = self.marks.iter().any(|mark| mark.said.is_some());
        let said = properties.filter(|_| !is_inside).and_then(|it| it.get::<Said16<'_>>(b"ActualText"));
        let said = said.map(|text| (self.page.glyphs.len(), strings::decoded(text.as_bytes())));
        self.marks.push(Mark { is_furniture: tag == b"Artifact", said });
    }

    fn end_marked_content(&mut self) {
        if let Some((first, text)) = self.marks.pop().and_then(|mark| mark.said) {
            self.page.said.push(Said { glyphs: first..self.page.glyphs.len(), text });
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.page.has_pictures = true;
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

fn em_box(place: Affine, width: f64, is_vertical: bool) -> Rect {
    let own = if is_vertical { Rect::new(-EM / 2.0, -EM, EM / 2.0, 0.0) } else { Rect::new(0.0, BELOW, width, ABOVE) };
    place.transform_rect_bbox(own)
}

/// What a glyph's own drawing covers.
fn exact_box<'a>(glyph: &Shape<'a>, props: &DrawProps<'a>, own: Affine) -> Rect {
    match glyph {
        Shape::Outline(outline) => (props.transform * own).transform_rect_bbox(outline.outline().bounding_box()),
        Shape::Type3(drawing) => {
            let mut extent = Extent::default();
            drawing.interpret(&mut extent, props.transform, own, &props.paint);
            extent.0.unwrap_or_else(|| Rect::from_origin_size(props.transform * own * Point::ORIGIN, (0.0, 0.0)))
        }
    }
}

/// What drawings cover.
#[derive(Default)]
struct Extent(Option<Rect>);

impl Extent {
    fn add(&mut self, area: Rect) {
        self.0 = Some(self.0.map_or(area, |known| known.union(area)));
    }
}

impl<'a> Device<'a> for Extent {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        let thick = match mode {
            DrawMode::Stroke(line) | DrawMode::FillAndStroke(_, line) => f64::from(line.line_width),
            _ => 0.0,
        };
        self.add(props.transform.transform_rect_bbox(path.bounding_box().inflate(thick, thick)));
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let own = Rect::new(0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
        self.add(props.transform.transform_rect_bbox(own));
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        run.glyphs().iter().for_each(|glyph| self.add(em_box(props.transform * glyph.transform(), EM, false)));
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
