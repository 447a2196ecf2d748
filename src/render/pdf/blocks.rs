//! Blocks become strips of a given width: headings, paragraphs, lists, facts, boxes, pictures.
//!
//! The type scale stands here: 10 points on 13.5 for what is read, 9 for what stands beside it, never less.
//!
//! Not for: tables (`table`), pages (`flow`).

use std::rc::Rc;

use super::PdfFault;
use super::canvas::{ALERT, ALERT_PALE, CALM, HAIR, PALE, Shade};
use super::content::{Anchor, Block, BoxLook, Look, Marker, Picture, Run, Sheet};
use super::frames::{Before, Framed};
use super::lines::wrap;
use super::pictures::{self, Pictures};
use super::shape::{Paragraph, Setter, Type};
use super::strip::{Mark, Pile, Sink, Strip, WholePage};
use super::table;

pub const BODY: Type = Type { size: 10.0, leading: 13.5, is_bold: false, is_mono: false, is_muted: false };
pub const SMALL: Type = Type { size: 9.0, leading: 12.0, is_bold: false, is_mono: false, is_muted: true };
const KEPT: Type = Type { size: 9.0, leading: 11.8, is_bold: false, is_mono: true, is_muted: false };
/// Words never stand in less width than this; deeper nesting moves no further to the right.
const NARROWEST: f32 = 48.0;

/// Size and leading of headings, and the room above and below them, by level.
const HEADINGS: [(f32, f32, f32, f32, bool); 6] = [
    (17.0, 21.5, 22.0, 8.0, false),
    (13.0, 17.0, 18.0, 5.0, false),
    (11.0, 14.5, 13.0, 3.0, false),
    (10.0, 13.5, 10.0, 2.0, false),
    (10.0, 13.5, 8.0, 2.0, true),
    (9.0, 12.0, 8.0, 2.0, true),
];

/// Where blocks stand.
#[derive(Clone, Copy)]
pub struct Place {
    pub left: f32,
    pub width: f32,
    /// What paragraphs are set in: smaller in tables.
    pub body: Type,
    /// Room between blocks.
    pub gap: f32,
}

impl Place {
    fn moved(self, by: f32) -> Place {
        let by = by.min((self.width - NARROWEST).max(0.0));
        Place { left: self.left + by, width: self.width - by, ..self }
    }

    fn type_of(&self, look: Look) -> Type {
        match look {
            Look::Body | Look::Centered | Look::Right => self.body,
            Look::Small => Type { is_bold: self.body.is_bold, ..SMALL },
            Look::Kept => KEPT,
        }
    }
}

/// What layout needs from blocks to blocks.
#[derive(Default)]
pub struct Shop {
    pub setter: Setter,
    pub pictures: Pictures,
    pub fault: Option<PdfFault>,
}

impl Shop {
    pub fn blocks(&mut self, blocks: &[Block], place: Place, sink: &mut dyn Sink) {
        for block in blocks {
            self.block(block, place, sink);
        }
    }

    pub fn block(&mut self, block: &Block, place: Place, sink: &mut dyn Sink) {
        match block {
            Block::Heading { level, words, anchor, outline } => {
                self.heading(*level, words, anchor.as_ref(), outline.as_deref(), place, sink);
            }
            Block::Paragraph { words, look, anchor } => {
                let paragraph = self.setter.set(words, &place.type_of(*look));
                self.put_paragraph(paragraph, *look, anchor.as_ref(), place, sink);
            }
            Block::List { marker, items } => self.list(*marker, items, place, sink),
            Block::Table(of) => table::lay(self, of, place, sink),
            Block::Facts(facts) => self.facts(facts, place, sink),
            Block::Box { look, blocks } => self.boxed(*look, blocks, place, sink),
            Block::Indent(blocks) => self.blocks(blocks, place.moved(18.0), sink),
            Block::Picture(picture) => self.picture(picture, place, sink),
            Block::Sheet(sheet) => self.sheet(sheet, sink),
            Block::Rule => sink.put(Strip {
                above: 9.0,
                height: 9.0,
                marks: vec![Mark::Fill { x: place.left, y: 0.0, width: place.width, height: 0.6, shade: HAIR }],
                ..Strip::default()
            }),
            Block::NewPage => {
                sink.turn(false);
            }
            Block::Place { anchor, level, outline } => {
                let mut marks: Vec<Mark> = anchor.iter().map(|anchor| Mark::Anchor { anchor: anchor.clone(), y: 0.0 }).collect();
                marks.extend(outline.iter().map(|title| Mark::Outline { level: *level, title: title.clone(), y: 0.0 }));
                sink.put(Strip { is_kept: true, marks, ..Strip::default() });
            }
            Block::Contents { words, level, to } => self.contents(words, *level, to, place, sink),
        }
    }

    fn heading(
        &mut self,
        level: u8,
        words: &[Run],
        anchor: Option<&Anchor>,
        outline: Option<&str>,
        place: Place,
        sink: &mut dyn Sink,
    ) {
        let row = usize::from(level.clamp(1, 6)) - 1;
        let (size, leading, above, below, is_muted) = HEADINGS[row];
        let kind = Type { size, leading, is_bold: true, is_mono: false, is_muted };
        let paragraph = Rc::new(self.setter.set(words, &kind));
        let mut marks: Vec<Mark> = anchor.map(|anchor| Mark::Anchor { anchor: anchor.clone(), y: 0.0 }).into_iter().collect();
        marks.extend(outline.map(|title| Mark::Outline { level, title: title.to_string(), y: 0.0 }));
        let mut strips = strips_of(&paragraph, Look::Body, place);
        if strips.is_empty() {
            strips.push(Strip::default());
        }
        for strip in &mut strips {
            strip.is_kept = true;
        }
        if let Some(first) = strips.first_mut() {
            first.above = above;
            marks.append(&mut first.marks);
            first.marks = marks;
        }
        if let Some(last) = strips.last_mut() {
            last.height += below;
        }
        strips.into_iter().for_each(|strip| sink.put(strip));
    }

    fn put_paragraph(&mut self, paragraph: Paragraph, look: Look, anchor: Option<&Anchor>, place: Place, sink: &mut dyn Sink) {
        let paragraph = Rc::new(paragraph);
        let mut strips = strips_of(&paragraph, look, place);
        if let Some(anchor) = anchor {
            if strips.is_empty() {
                strips.push(Strip { is_kept: true, ..Strip::default() });
            }
            if let Some(first) = strips.first_mut() {
                first.marks.insert(0, Mark::Anchor { anchor: anchor.clone(), y: 0.0 });
            }
        }
        if let Some(first) = strips.first_mut() {
            first.above = place.gap;
        }
        strips.into_iter().for_each(|strip| sink.put(strip));
    }

    fn list(&mut self, marker: Marker, items: &[Vec<Block>], place: Place, sink: &mut dyn Sink) {
        let last = label(marker, items.len());
        let widest = self.setter.set(&[plain(&last)], &place.body).extent().1;
        let room = if marker == Marker::None { 10.0 } else { (widest + 7.0).max(16.0) };
        let inner = place.moved(room);
        for (number, item) in items.iter().enumerate() {
            let label = label(marker, number + 1);
            let paragraph = Rc::new(self.setter.set(&[plain(&label)], &place.body));
            let right = inner.left - 6.0;
            let left = (right - paragraph.extent().1).max(place.left);
            let y = baseline(&paragraph);
            let mark = wrap(&paragraph, f32::MAX).into_iter().next().map(|line| Mark::Line { paragraph, line, x: left, y });
            let mut labelled =
                Before { sink, marks: mark.into_iter().collect(), above: if number == 0 { place.gap } else { 2.5 } };
            self.blocks(item, Place { gap: place.gap.min(4.0), ..inner }, &mut labelled);
            labelled.flush(place.body.leading);
        }
    }

    fn facts(&mut self, facts: &[(String, Vec<String>)], place: Place, sink: &mut dyn Sink) {
        if place.width < 160.0 {
            return self.narrow_facts(facts, place, sink);
        }
        let label_type = Type { is_muted: true, size: place.body.size.min(9.5), ..place.body };
        let labels: Vec<Rc<Paragraph>> =
            facts.iter().map(|(label, _)| Rc::new(self.setter.set(&[plain(label)], &label_type))).collect();
        let widest = labels.iter().map(|label| label.extent().1).fold(0.0, f32::max);
        let column = (widest + 14.0).min(place.width * 0.34);
        let is_long = |label: &Rc<Paragraph>| label.extent().1 > 12.0 * column;
        if labels.iter().any(is_long) {
            return self.narrow_facts(facts, place, sink);
        }
        for (number, ((_, values), label)) in facts.iter().zip(&labels).enumerate() {
            let mut pile = Pile::default();
            for line in strips_of(label, Look::Body, Place { width: column - 12.0, ..place }) {
                pile.put(line);
            }
            let mut first = Vec::new();
            let height = super::strip::stacked(pile.strips, 0.0, &mut first);
            let beside = Place { left: place.left + column, width: place.width - column, ..place };
            let mut strips = Vec::new();
            for value in values {
                let paragraph = Rc::new(self.setter.set(&[plain(value)], &place.body));
                strips.extend(strips_of(&paragraph, Look::Body, beside));
            }
            if strips.is_empty() {
                strips.push(Strip::default());
            }
            // The label stands whole beside the first line; a label higher than its values pushes the next fact down.
            let missing = height - super::strip::height(&strips);
            let mut strips = strips.into_iter().peekable();
            let mut is_first = true;
            while let Some(mut strip) = strips.next() {
                if is_first {
                    strip.above = if number == 0 { place.gap } else { 2.5 };
                    first.append(&mut strip.marks);
                    strip.marks = std::mem::take(&mut first);
                    is_first = false;
                }
                if strips.peek().is_none() && missing > 0.0 {
                    strip.height += missing;
                }
                sink.put(strip);
            }
        }
    }

    /// Where two columns have no room: labels above their values.
    fn narrow_facts(&mut self, facts: &[(String, Vec<String>)], place: Place, sink: &mut dyn Sink) {
        let label_type = Type { is_muted: true, ..place.body };
        for (label, values) in facts {
            let label = self.setter.set(&[plain(label)], &label_type);
            self.put_paragraph(label, Look::Body, None, place, sink);
            for value in values {
                let value = self.setter.set(&[plain(value)], &place.body);
                self.put_paragraph(value, Look::Body, None, Place { gap: 0.0, ..place.moved(8.0) }, sink);
            }
        }
    }

    fn boxed(&mut self, look: BoxLook, blocks: &[Block], place: Place, sink: &mut dyn Sink) {
        let (pale, bar) = match look {
            BoxLook::Notice => (PALE, CALM),
            BoxLook::Warning => (ALERT_PALE, ALERT),
            BoxLook::Plain => (Shade(250, 250, 251), HAIR),
        };
        let moved = place.moved(12.0);
        let inner = Place { width: (moved.width - 10.0).max(moved.width.min(NARROWEST)), gap: 4.0, ..moved };
        let mut framed =
            Framed { sink, left: place.left, width: place.width, pale, bar, held: None, is_first: true, gap: place.gap };
        self.blocks(blocks, inner, &mut framed);
        framed.flush();
    }

    fn picture(&mut self, picture: &Picture, place: Place, sink: &mut dyn Sink) {
        let number = match self.pictures.take(&picture.pixels) {
            Ok(number) => number,
            Err(fault) => return self.fail(fault),
        };
        let (width, height) = pictures::natural(picture);
        if picture.is_scan && self.scan(picture, number, sink) {
            return self.caption(&picture.caption, place, sink);
        }
        let room = sink.room().1;
        let most = if room > 0.0 { (room - 40.0).max(60.0) } else { 560.0 };
        let scale = (place.width / width).min(most / height).min(1.0);
        let (width, height) = (width * scale, height * scale);
        let mark = Mark::Picture { number, x: place.left, y: 0.0, width, height };
        let is_kept = !picture.caption.is_empty();
        sink.put(Strip { above: place.gap, height: height + 4.0, is_kept, marks: vec![mark] });
        self.caption(&picture.caption, place, sink);
    }

    fn caption(&mut self, caption: &[Run], place: Place, sink: &mut dyn Sink) {
        let paragraph = Rc::new(self.setter.set(caption, &SMALL));
        strips_of(&paragraph, Look::Small, place).into_iter().for_each(|strip| sink.put(strip));
    }

    /// A scan fills a page as wide as paper is; its words lie unseen over it.
    fn scan(&mut self, picture: &Picture, number: usize, sink: &mut dyn Sink) -> bool {
        let (across, down) = pictures::natural(picture);
        let width: f32 = if across > down { 792.0 } else { 612.0 };
        let scale = (width / across).min(14_000.0 / down);
        let (width, height) = (across * scale, down * scale);
        // Boxes come in pixels; a pixel is three quarters of a point in the picture's natural size.
        let pixel = scale * 0.75;
        let mut words = Vec::with_capacity(picture.words.len());
        for word in &picture.words {
            let paragraph = Rc::new(self.setter.set(&[plain(&word.text)], &BODY));
            let bottom = (word.top + word.height * 0.8) * pixel;
            words.push((paragraph, [word.left * pixel, bottom, word.width * pixel, word.height * pixel]));
        }
        sink.page(WholePage { width, height, number, matrix: [width, 0.0, 0.0, height, 0.0, 0.0], words })
    }

    fn sheet(&mut self, sheet: &Sheet, sink: &mut dyn Sink) {
        let imported = match self.pictures.import(sheet) {
            Ok(imported) => imported,
            Err(fault) => return self.fail(fault),
        };
        if !sink.page(imported) {
            self.fail(PdfFault::SheetInside);
        }
    }

    /// The first fault is told; what comes after is not looked at.
    fn fail(&mut self, fault: PdfFault) {
        self.fault.get_or_insert(fault);
    }

    fn contents(&mut self, words: &[Run], level: u8, to: &Anchor, place: Place, sink: &mut dyn Sink) {
        let level = level.clamp(1, 6);
        let kind = Type { is_bold: level == 1, ..place.body };
        let linked: Vec<Run> = words.iter().map(|run| Run { link: None, ..run.clone() }).collect();
        let paragraph = Rc::new(self.setter.set(&linked, &kind));
        let inner = place.moved(14.0 * f32::from(level - 1));
        let mut strips = strips_of(&paragraph, Look::Body, Place { width: inner.width - 52.0, ..inner });
        let count = strips.len();
        if let Some(last) = strips.last_mut() {
            let y = baseline(&paragraph);
            last.marks.push(Mark::Late { to: to.clone(), right: place.left + place.width, y, size: kind.size });
        }
        for (number, mut strip) in strips.into_iter().enumerate() {
            let (width, height) = (place.left + place.width - inner.left, strip.height);
            strip.marks.push(Mark::Link { to: to.clone(), x: inner.left, y: 0.0, width, height });
            if number == 0 {
                strip.above = if level == 1 { 6.0 } else { 1.5 };
            }
            strip.is_kept = number + 1 < count;
            sink.put(strip);
        }
    }
}

/// A run without style.
pub fn plain(text: &str) -> Run {
    Run { text: text.to_string(), ..Run::default() }
}

/// How far the baseline lies under the top of its line.
pub fn baseline(paragraph: &Paragraph) -> f32 {
    // The capitals stand in the middle of the line's height.
    paragraph.leading / 2.0 + paragraph.size * 0.36
}

/// A strip for every line. The first two lines of a paragraph stay together, and the last two.
pub fn strips_of(paragraph: &Rc<Paragraph>, look: Look, place: Place) -> Vec<Strip> {
    if paragraph.glyphs.is_empty() && paragraph.anchors.is_empty() && !paragraph.text.contains('\n') {
        return Vec::new();
    }
    let lines = wrap(paragraph, place.width);
    let count = lines.len();
    let y = baseline(paragraph);
    let mut anchors = paragraph.anchors.iter().peekable();
    let strip = |(number, line): (usize, super::lines::Line)| {
        let left = match look {
            Look::Centered => place.left + (place.width - line.width) / 2.0,
            Look::Right => place.left + place.width - line.width,
            Look::Body | Look::Small | Look::Kept if paragraph.is_rightward => place.left + place.width - line.width,
            Look::Body | Look::Small | Look::Kept => place.left,
        };
        let mut marks = Vec::with_capacity(1);
        while let Some((_, anchor)) = anchors.next_if(|(glyph, _)| *glyph < line.glyphs.end || number + 1 == count) {
            marks.push(Mark::Anchor { anchor: anchor.clone(), y: 0.0 });
        }
        marks.push(Mark::Line { paragraph: Rc::clone(paragraph), line, x: left, y });
        let is_kept = count > 1 && (number == 0 || number + 2 == count);
        Strip { above: 0.0, height: paragraph.leading, is_kept, marks }
    };
    lines.into_iter().enumerate().map(strip).collect()
}

/// What stands before an item.
fn label(marker: Marker, number: usize) -> String {
    let letter = |first: u8| {
        let (mut left, mut letters) = (number.max(1), Vec::new());
        while left > 0 {
            letters.push(char::from(first + ((left - 1) % 26) as u8));
            left = (left - 1) / 26;
        }
        letters.iter().rev().collect::<String>() + "."
    };
    match marker {
        Marker::Disc => "•".into(),
        Marker::Circle => "◦".into(),
        Marker::Square => "▪".into(),
        Marker::Arabic => format!("{number}."),
        Marker::LittleAlpha => letter(b'a'),
        Marker::BigAlpha => letter(b'A'),
        Marker::LittleRoman => roman(number).to_lowercase() + ".",
        Marker::BigRoman => roman(number) + ".",
        Marker::None => String::new(),
    }
}

fn roman(number: usize) -> String {
    const STEPS: [(usize, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number >= 4000 {
        return number.to_string();
    }
    let mut left = number;
    let mut out = String::new();
    for (value, letters) in STEPS {
        while left >= value {
            out.push_str(letters);
            left -= value;
        }
    }
    out
}
