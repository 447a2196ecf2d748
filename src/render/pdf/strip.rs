//! A strip: what stands between two places where a page may end, with everything on it in the order it is read.
//!
//! Blocks become strips (`blocks`, `table`); a sink takes them one after the other: a page (`flow`), or a cell that its row
//! puts together with its neighbours.
//!
//! Not for: what the marks look like in a file (`canvas`).

use std::rc::Rc;

use super::canvas::Shade;
use super::content::Anchor;
use super::lines::Line;
use super::shape::Paragraph;

/// What never breaks, over the whole width.
#[derive(Clone, Default)]
pub struct Strip {
    /// Room before it, which falls away at the head of a page.
    pub above: f32,
    pub height: f32,
    /// Whether it stays on the page of the strip after it.
    pub is_kept: bool,
    pub marks: Vec<Mark>,
}

/// Something drawn, `x` from the left edge of the page, `y` downward from the top of the strip.
#[derive(Clone)]
pub enum Mark {
    Line {
        paragraph: Rc<Paragraph>,
        line: Line,
        x: f32,
        y: f32,
    },
    Fill {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        shade: Shade,
    },
    /// A picture of the part, by its number.
    Picture {
        number: usize,
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
    /// A place that links lead to.
    Anchor {
        anchor: Anchor,
        y: f32,
    },
    Outline {
        level: u8,
        title: String,
        y: f32,
    },
    /// The number of the page that an anchor stands on, ending at `right`.
    Late {
        to: Anchor,
        right: f32,
        y: f32,
        size: f32,
    },
    /// A link over a rectangle.
    Link {
        to: Anchor,
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
}

impl Mark {
    pub fn lowered(mut self, by: f32) -> Mark {
        match &mut self {
            Mark::Line { y, .. }
            | Mark::Fill { y, .. }
            | Mark::Picture { y, .. }
            | Mark::Anchor { y, .. }
            | Mark::Outline { y, .. }
            | Mark::Late { y, .. }
            | Mark::Link { y, .. } => *y += by,
        }
        self
    }
}

/// Takes strips in order.
pub trait Sink {
    fn put(&mut self, strip: Strip);

    /// The height that a strip may have here, and that of an empty page.
    fn room(&self) -> (f32, f32);

    /// The heads that come again at the top of every page, until they are taken away.
    fn heads(&mut self, heads: Option<Vec<Strip>>);

    /// Begins a new page, of the other shape if asked; whether that can be done here.
    fn turn(&mut self, is_wide: bool) -> bool;

    /// Puts a page of its own, if that can be done here.
    fn page(&mut self, page: WholePage) -> bool;
}

/// A page that shows one thing: a scan, or a page of another file. Furniture stands in margins around it.
#[derive(Clone)]
pub struct WholePage {
    pub width: f32,
    pub height: f32,
    /// The thing, by its number, and the matrix that puts it into this size.
    pub number: usize,
    pub matrix: [f32; 6],
    /// Words that are not seen: left, baseline (from the top), width, height of the letters.
    pub words: Vec<(Rc<Paragraph>, [f32; 4])>,
}

/// Strips that are kept for a cell or a measure.
#[derive(Default)]
pub struct Pile {
    pub strips: Vec<Strip>,
    /// The height that parts of a row may have that is too high for a page.
    pub room: f32,
}

impl Sink for Pile {
    fn put(&mut self, strip: Strip) {
        self.strips.push(strip);
    }

    fn room(&self) -> (f32, f32) {
        (self.room, self.room)
    }

    fn heads(&mut self, _: Option<Vec<Strip>>) {}

    fn turn(&mut self, _: bool) -> bool {
        false
    }

    fn page(&mut self, _: WholePage) -> bool {
        false
    }
}

impl Pile {
    pub fn height(&self) -> f32 {
        height(&self.strips)
    }
}

/// Height of strips on top of each other; the room before the first one does not count.
pub fn height(strips: &[Strip]) -> f32 {
    let above: f32 = strips.iter().skip(1).map(|strip| strip.above).sum();
    above + strips.iter().map(|strip| strip.height).sum::<f32>()
}

/// The marks of strips on top of each other, from `top` on.
pub fn stacked(strips: impl IntoIterator<Item = Strip>, top: f32, marks: &mut Vec<Mark>) -> f32 {
    let mut y = top;
    for (number, strip) in strips.into_iter().enumerate() {
        y += if number == 0 { 0.0 } else { strip.above };
        marks.extend(strip.marks.into_iter().map(|mark| mark.lowered(y)));
        y += strip.height;
    }
    y
}
