//! What stands around strips on their way to the page: the marker of an item, the ground and bar of a box.
//!
//! Not for: the strips themselves (`blocks`).

use super::canvas::Shade;
use super::strip::{Mark, Sink, Strip, WholePage};

/// Puts marks before the first strip that comes.
pub struct Before<'s> {
    pub sink: &'s mut dyn Sink,
    pub marks: Vec<Mark>,
    pub above: f32,
}

impl Before<'_> {
    /// An item without anything still has its marker.
    pub fn flush(mut self, height: f32) {
        if !self.marks.is_empty() {
            let marks = std::mem::take(&mut self.marks);
            self.sink.put(Strip { above: self.above, height, is_kept: false, marks });
        }
    }
}

impl Sink for Before<'_> {
    fn put(&mut self, mut strip: Strip) {
        if !self.marks.is_empty() {
            self.marks.append(&mut strip.marks);
            strip.marks = std::mem::take(&mut self.marks);
            strip.above = self.above;
        }
        self.sink.put(strip);
    }

    fn room(&self) -> (f32, f32) {
        self.sink.room()
    }

    fn heads(&mut self, heads: Option<Vec<Strip>>) {
        self.sink.heads(heads);
    }

    fn turn(&mut self, is_wide: bool) -> bool {
        self.sink.turn(is_wide)
    }

    fn page(&mut self, page: WholePage) -> bool {
        self.sink.page(page)
    }
}

/// Draws a frame around the strips that come: a pale ground and a bar at the left.
pub struct Framed<'s> {
    pub sink: &'s mut dyn Sink,
    pub left: f32,
    pub width: f32,
    pub pale: Shade,
    pub bar: Shade,
    /// The last strip, which gets the room below.
    pub held: Option<Strip>,
    pub is_first: bool,
    pub gap: f32,
}

pub const PADDING: f32 = 6.0;

impl Framed<'_> {
    fn release(&mut self, mut strip: Strip) {
        let ground = |shade, width| Mark::Fill { x: self.left, y: 0.0, width, height: strip.height, shade };
        let frame = [ground(self.pale, self.width), ground(self.bar, 2.5)];
        strip.marks.splice(0..0, frame);
        self.sink.put(strip);
    }

    pub fn flush(mut self) {
        if let Some(mut last) = self.held.take() {
            last.height += PADDING;
            self.release(last);
        }
    }
}

impl Sink for Framed<'_> {
    fn put(&mut self, mut strip: Strip) {
        // The room above belongs to the ground; that of the first strip is the padding.
        let lower = if self.is_first { PADDING } else { strip.above };
        strip.above = if self.is_first { self.gap.max(6.0) } else { 0.0 };
        self.is_first = false;
        strip.height += lower;
        strip.marks = strip.marks.into_iter().map(|mark| mark.lowered(lower)).collect();
        if let Some(before) = self.held.replace(strip) {
            self.release(before);
        }
    }

    fn room(&self) -> (f32, f32) {
        let (now, all) = self.sink.room();
        (now - 2.0 * PADDING, all - 2.0 * PADDING)
    }

    fn heads(&mut self, heads: Option<Vec<Strip>>) {
        if let Some(before) = self.held.take() {
            self.release(before);
        }
        self.sink.heads(heads);
    }

    fn turn(&mut self, _: bool) -> bool {
        false
    }

    fn page(&mut self, page: WholePage) -> bool {
        if let Some(before) = self.held.take() {
            self.release(before);
        }
        self.sink.page(page)
    }
}
