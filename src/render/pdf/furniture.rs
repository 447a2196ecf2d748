//! What stands on every page outside its content: lines at head and foot, the banner, page and Bates numbers.
//!
//! Which words share a line is decided once for a part, with the widest numbers, so that every page has the same room; what does
//! not fit beside its neighbours gets a line of its own.
//!
//! Not for: content.

use std::borrow::Cow;

use super::blocks::{Shop, baseline, plain};
use super::canvas::{Canvas, HAIR, Shade, Used};
use super::content::{Bates, Furniture, Line, Run};
use super::lines::{self, wrap};
use super::shape::{Paragraph, Setter, Type};

/// Width and height of a page of ours, in points.
pub const PAGE: (f32, f32) = (612.0, 792.0);
/// Room that a page keeps at its sides, and at least at head and foot.
pub const MARGIN: f32 = 54.0;

const KIND: Type = Type { size: 9.0, leading: 11.6, is_bold: false, is_mono: false, is_muted: true };
const BANNER: Type = Type { size: 9.0, leading: 15.0, is_bold: true, is_mono: false, is_muted: false };
const BANNER_SHADE: Shade = Shade(252, 232, 230);
const EDGE: f32 = 30.0;
/// Characters of one text of the furniture: what is longer would leave a page without room for its content.
const TEXT_MAX: usize = 400;

/// Room at the head and the foot of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margins {
    pub head: f32,
    pub foot: f32,
}

impl Margins {
    pub fn of(furniture: &Furniture, shop: &mut Shop) -> Margins {
        let rows = |lines: &[Line], setter: &mut Setter| planned(lines, setter).len() as f32 * KIND.leading;
        let banner = match banner(furniture, &mut shop.setter) {
            Some((_, lines)) => lines.len() as f32 * BANNER.leading + 5.0,
            None => 0.0,
        };
        let (head, foot) = (rows(&furniture.head, &mut shop.setter), rows(&furniture.foot, &mut shop.setter));
        let head = if furniture.head.is_empty() { EDGE + banner } else { EDGE + banner + head + 16.0 };
        let foot = if furniture.foot.is_empty() { EDGE } else { EDGE + foot + 14.0 };
        Margins { head: head.max(MARGIN), foot: foot.max(MARGIN) }
    }
}

/// The numbers of one page.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    pub page: u64,
    pub pages: u64,
    pub sheet: u64,
    pub sheets: u64,
    pub bates: Option<&'a Bates>,
}

impl Numbers<'_> {
    fn filled(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_string();
        }
        text.replace("{pages}", &self.pages.to_string())
            .replace("{page}", &self.page.to_string())
            .replace("{sheets}", &self.sheets.to_string())
            .replace("{sheet}", &self.sheet.to_string())
            .replace("{bates}", &bates(self.bates, self.page, self.sheet))
    }
}

/// The Bates number of a page, as it is printed.
pub fn bates(bates: Option<&Bates>, page: u64, sheet: u64) -> String {
    let Some(Bates { prefix, first, digits, is_of_file }) = bates else { return String::new() };
    let number = first.saturating_add(if *is_of_file { sheet } else { page }).saturating_sub(1);
    format!("{prefix}{number:0width$}", width = usize::from(*digits))
}

/// A line as it is set: what stands left, in the middle and right.
type Row = [Option<String>; 3];

/// Which texts share a line. Numbers count as five digits, Bates numbers as twelve.
fn planned(lines: &[Line], setter: &mut Setter) -> Vec<Row> {
    let bates = Bates { prefix: "RRRRRR".into(), first: 8, digits: 10, is_of_file: false };
    let widest = Numbers { page: 88_888, pages: 88_888, sheet: 88_888, sheets: 88_888, bates: Some(&bates) };
    let room = PAGE.0 - 2.0 * MARGIN;
    let mut rows = Vec::new();
    for line in lines {
        let texts = [&line.left, &line.middle, &line.right].map(|text| bounded(text));
        let texts = texts.each_ref();
        let [left, middle, right] = texts.map(|text| setter.measure_only(&[run(text, &widest)], &KIND).1);
        let side = left.max(right);
        let fits = if middle > 0.0 { 2.0 * side + middle + 24.0 <= room } else { left + right + 12.0 <= room };
        if fits {
            rows.push(texts.map(|text| (!text.is_empty()).then(|| text.to_string())));
            continue;
        }
        for (place, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            for part in parts(text, room, &widest, setter) {
                let mut row: Row = [None, None, None];
                row[place] = Some(part);
                rows.push(row);
            }
        }
    }
    rows
}

/// A text cut at spaces into parts that fit a line.
fn parts(text: &str, room: f32, widest: &Numbers, setter: &mut Setter) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let longer = parts.last().map(|part| format!("{part} {word}"));
        match longer.filter(|longer| setter.measure_only(&[run(longer, widest)], &KIND).1 <= room) {
            Some(longer) => {
                parts.pop();
                parts.push(longer);
            }
            None => parts.push(word.to_string()),
        }
    }
    parts
}

/// A text with as many characters as furniture may have; the cut is seen.
fn bounded(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

fn run(text: &str, numbers: &Numbers) -> Run {
    plain(&numbers.filled(text))
}

/// The furniture of a part, ready to be drawn on each of its pages.
pub struct Frame {
    head: Vec<Row>,
    foot: Vec<Row>,
    banner: Option<(Paragraph, Vec<lines::Line>)>,
}

/// The banner's words on lines of the narrowest page.
fn banner(furniture: &Furniture, setter: &mut Setter) -> Option<(Paragraph, Vec<lines::Line>)> {
    let words = setter.set(&[plain(&bounded(furniture.banner.as_ref()?))], &BANNER);
    let lines = wrap(&words, PAGE.0 - 2.0 * MARGIN - 12.0);
    Some((words, lines))
}

impl Frame {
    pub fn of(furniture: &Furniture, setter: &mut Setter) -> Frame {
        let banner = banner(furniture, setter);
        Frame { head: planned(&furniture.head, setter), foot: planned(&furniture.foot, setter), banner }
    }

    pub fn draw(&self, canvas: &mut Canvas, width: f32, numbers: &Numbers, setter: &mut Setter, used: &mut Used) {
        canvas.aside();
        let mut top = EDGE - 4.0;
        let height = canvas.height;
        let room = width - 2.0 * MARGIN;
        if let Some(banner) = &self.banner {
            let (words, lines) = banner;
            let tall = lines.len() as f32 * BANNER.leading;
            canvas.fill(MARGIN, top, room, tall, BANNER_SHADE);
            for (number, line) in lines.iter().enumerate() {
                let below = number as f32 * BANNER.leading + baseline(words);
                canvas.line(words, line, MARGIN + (room - line.width) / 2.0, top + below, used);
            }
            top += tall + 5.0;
        }
        self.rows(&self.head, canvas, top, room, numbers, setter, used);
        if !self.head.is_empty() {
            top += self.head.len() as f32 * KIND.leading + 3.0;
            canvas.fill(MARGIN, top, room, 0.6, HAIR);
        }
        if !self.foot.is_empty() {
            let top = height - EDGE - self.foot.len() as f32 * KIND.leading + 2.0;
            canvas.fill(MARGIN, top - 3.5, room, 0.6, HAIR);
            self.rows(&self.foot, canvas, top, room, numbers, setter, used);
        }
        canvas.end_aside();
    }

    #[expect(clippy::too_many_arguments)]
    fn rows(
        &self,
        rows: &[Row],
        canvas: &mut Canvas,
        top: f32,
        room: f32,
        numbers: &Numbers,
        setter: &mut Setter,
        used: &mut Used,
    ) {
        for (number, row) in rows.iter().enumerate() {
            for (place, text) in row.iter().enumerate() {
                let Some(text) = text else { continue };
                let paragraph = setter.set(&[run(text, numbers)], &KIND);
                let Some(line) = wrap(&paragraph, f32::MAX).into_iter().next() else { continue };
                let left = MARGIN + (room - line.width) * [0.0, 0.5, 1.0][place];
                canvas.line(&paragraph, &line, left, top + number as f32 * KIND.leading + baseline(&paragraph), used);
            }
        }
    }
}
