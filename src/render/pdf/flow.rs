//! Strips become pages: what fits on one, what stays together, and the heads of a table that come again.
//!
//! A page is packed as soon as it is full, so that a part of ten thousand pages is never held as drawings.
//!
//! Not for: what a strip shows (`blocks`, `table`), the furniture around it (`furniture`), numbering pages (`press`).

use super::blocks::{BODY, Place, Shop, plain};
use super::canvas::{Canvas, Hole, Leads, Used};
use super::content::{Anchor, Part};
use super::furniture::{MARGIN, Margins, PAGE};
use super::lines::wrap;
use super::shape::{Setter, Type};
use super::strip::{Mark, Sink, Strip, WholePage, height};
use super::write::packed;

/// The drawing of a page.
pub enum Body {
    Packed(Vec<u8>),
    /// It waits for numbers.
    Held {
        out: Vec<u8>,
        holes: Vec<(usize, Hole)>,
    },
}

pub struct PageMade {
    pub width: f32,
    pub height: f32,
    pub body: Body,
    pub leads: Vec<Leads>,
    /// Pictures and imported pages on it, by their numbers.
    pub shown: Vec<usize>,
}

/// An entry of the outline.
pub struct Bookmark {
    pub level: u8,
    pub title: String,
    pub page: usize,
    /// From the bottom of the page.
    pub top: f32,
}

/// The pages of a part.
#[derive(Default)]
pub struct Pages {
    pub pages: Vec<PageMade>,
    /// Places with page and height above the bottom.
    pub anchors: Vec<(Anchor, usize, f32)>,
    pub bookmarks: Vec<Bookmark>,
    pub used: Used,
}

pub fn lay(part: &Part, shop: &mut Shop) -> Pages {
    let margins = Margins::of(&part.furniture, shop);
    let mut pager = Pager { margins, made: Pages::default(), is_wide: false, open: None, pending: Vec::new(), heads: None };
    let place = Place { left: MARGIN, width: PAGE.0 - 2.0 * MARGIN, body: BODY, gap: 7.0 };
    for block in &part.blocks {
        shop.block(block, place, &mut pager);
        if shop.fault.is_some() {
            break;
        }
    }
    pager.place_pending();
    pager.close();
    pager.made
}

struct Open {
    canvas: Canvas,
    /// Where the next strip goes, from the top.
    y: f32,
    /// Nothing but heads stands on it.
    is_fresh: bool,
    shown: Vec<usize>,
}

struct Pager {
    margins: Margins,
    made: Pages,
    is_wide: bool,
    open: Option<Open>,
    /// Strips that wait for the one they are kept with.
    pending: Vec<Strip>,
    heads: Option<Vec<Strip>>,
}

impl Pager {
    fn size(&self) -> (f32, f32) {
        if self.is_wide { (PAGE.1, PAGE.0) } else { PAGE }
    }

    fn bottom(&self) -> f32 {
        self.size().1 - self.margins.foot
    }

    fn begin(&mut self) {
        let canvas = Canvas::new(self.size().1);
        self.open = Some(Open { canvas, y: self.margins.head, is_fresh: true, shown: Vec::new() });
        for head in self.heads.clone().unwrap_or_default() {
            self.draw(head);
        }
        if let Some(open) = &mut self.open {
            open.is_fresh = true;
        }
    }

    fn close(&mut self) {
        let (width, height) = self.size();
        if let Some(open) = self.open.take() {
            self.keep(open.canvas, width, height, open.shown);
        }
    }

    fn keep(&mut self, canvas: Canvas, width: f32, height: f32, shown: Vec<usize>) {
        let Canvas { out, holes, leads, .. } = canvas;
        let body = if holes.is_empty() { Body::Packed(packed(&out)) } else { Body::Held { out, holes } };
        self.made.pages.push(PageMade { width, height, body, leads, shown });
    }

    /// Puts down the strips that belong together.
    fn place_pending(&mut self) {
        let strips = std::mem::take(&mut self.pending);
        let Some(first) = strips.first() else { return };
        let tall = height(&strips);
        if let Some(open) = &self.open
            && !open.is_fresh
            && open.y + first.above + tall > self.bottom() + 0.01
        {
            self.close();
        }
        for strip in strips {
            let is_over = self
                .open
                .as_ref()
                .is_some_and(|open| !open.is_fresh && open.y + strip.above + strip.height > self.bottom() + 0.01);
            if is_over {
                self.close();
            }
            if self.open.is_none() {
                self.begin();
            }
            self.draw(strip);
        }
    }

    fn draw(&mut self, strip: Strip) {
        let page = self.made.pages.len();
        let Some(open) = &mut self.open else { return };
        if open.y > self.margins.head {
            open.y += strip.above;
        }
        let top = open.y;
        open.y += strip.height;
        open.is_fresh &= strip.marks.is_empty();
        let canvas = &mut open.canvas;
        for mark in strip.marks {
            match mark {
                Mark::Line { paragraph, line, x, y } => canvas.line(&paragraph, &line, x, top + y, &mut self.made.used),
                Mark::Fill { x, y, width, height, shade } => canvas.fill(x, top + y, width, height, shade),
                Mark::Picture { number, x, y, width, height } => {
                    open.shown.push(number);
                    let bottom = canvas.height - top - y - height;
                    canvas.place(&format!("P{number}"), [width, 0.0, 0.0, height, x, bottom]);
                }
                Mark::Anchor { anchor, y } => self.made.anchors.push((anchor, page, canvas.height - top - y)),
                Mark::Outline { level, title, y } => {
                    self.made.bookmarks.push(Bookmark { level, title, page, top: canvas.height - top - y });
                }
                Mark::Late { to, right, y, size } => canvas.hole(Hole::Entry { to, right, baseline: top + y, size }),
                Mark::Link { to, x, y, width, height } => {
                    let bottom = canvas.height - top - y - height;
                    canvas.leads.push(Leads { bounds: [x, bottom, x + width, bottom + height], to });
                }
            }
        }
    }
}

impl Sink for Pager {
    fn put(&mut self, strip: Strip) {
        let is_kept = strip.is_kept;
        self.pending.push(strip);
        // What asks to stay with its neighbour for ever is let go at a page's worth.
        if !is_kept || self.pending.len() > 40 {
            self.place_pending();
        }
    }

    fn room(&self) -> (f32, f32) {
        let heads = self.heads.as_deref().map_or(0.0, height);
        let all = self.bottom() - self.margins.head - heads;
        let taken = height(&self.pending);
        (self.open.as_ref().map_or(all, |open| self.bottom() - open.y) - taken, all)
    }

    fn heads(&mut self, heads: Option<Vec<Strip>>) {
        self.place_pending();
        self.heads = heads;
    }

    fn turn(&mut self, is_wide: bool) -> bool {
        // What waits is kept with what comes: a heading goes along to the page of its table.
        if !is_wide {
            self.place_pending();
        }
        self.close();
        self.is_wide = is_wide;
        true
    }

    fn page(&mut self, page: WholePage) -> bool {
        // Places without words belong to the page that comes.
        let worded = self.pending.iter().rposition(|strip| strip.height > 0.0).map_or(0, |last| last + 1);
        let places = self.pending.split_off(worded);
        self.place_pending();
        self.close();
        let (head, foot) = (self.margins.head, self.margins.foot);
        let tall = page.height + head + foot;
        let mut canvas = Canvas::new(tall);
        let [a, b, c, d, e, f] = page.matrix;
        canvas.place(&format!("P{}", page.number), [a, b, c, d, e, f + foot]);
        for (paragraph, [left, baseline, width, size]) in &page.words {
            let bottom = tall - head - baseline;
            canvas.unseen(paragraph, *left, bottom, *width, *size, &mut self.made.used);
        }
        self.open = Some(Open { canvas, y: 0.0, is_fresh: true, shown: vec![page.number] });
        places.into_iter().for_each(|strip| self.draw(strip));
        if let Some(open) = self.open.take() {
            self.keep(open.canvas, page.width, tall, open.shown);
        }
        true
    }
}

/// The operators of a number that was waited for; the state of the drawing around it stays as it was.
pub fn entry(
    number: &str,
    (right, baseline, size): (f32, f32, f32),
    height: f32,
    setter: &mut Setter,
    used: &mut Used,
) -> Vec<u8> {
    let kind = Type { size, ..BODY };
    let paragraph = setter.set(&[plain(number)], &kind);
    let mut canvas = Canvas::new(height);
    canvas.out.extend_from_slice(b"q\n");
    if let Some(line) = wrap(&paragraph, f32::MAX).first() {
        canvas.line(&paragraph, line, right - line.width, baseline, used);
    }
    canvas.out.extend_from_slice(b"Q\n");
    canvas.out
}
