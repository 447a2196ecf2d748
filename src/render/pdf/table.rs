//! Tables: columns as wide as their words ask, heads that come again on every page, rows that stay whole where a page can hold
//! them.
//!
//! What is read keeps its order: row after row, cell after cell. So a row that no page can hold is cut between lines with one
//! cell after the other, each beginning where the one before it ended; and where a table has more columns than even a wide page
//! can show, every row is folded into bands that stand under each other.
//!
//! Not for: which cell covers what (`grid`), the blocks inside cells (`blocks`).

use super::blocks::{Place, SMALL, Shop, strips_of};
use super::canvas::{HAIR, PALE, STRONG};
use super::content::{Block, Cell, Look, Table};
use super::grid::{Grid, Placed};
use super::shape::Type;
use super::strip::{Mark, Pile, Sink, Strip, height, stacked};

const SIDE: f32 = 4.5;
const ABOVE: f32 = 3.2;
const BELOW: f32 = 3.6;
const ROOMY: Type = Type { size: 9.5, leading: 12.5, is_bold: false, is_mono: false, is_muted: false };
const NARROW: Type = Type { size: 9.0, leading: 11.4, is_bold: false, is_mono: false, is_muted: false };
/// A word wider than this does not widen its column; it is cut between letters.
const WORD_MAX: f32 = 150.0;
const WORD_MAX_NARROW: f32 = 84.0;
/// The least width of a column, padding included.
const COLUMN_MIN: f32 = 26.0;
/// Rows that are measured for the widths of columns.
const MEASURED_ROWS: usize = 400;
/// The widest a page can be made.
pub const WIDE_WIDTH: f32 = 792.0 - 108.0;

/// How the columns of a table are put on the page.
struct Plan {
    kind: Type,
    /// Columns of each band, with the left edge and width of each.
    bands: Vec<Band>,
    place: Place,
}

struct Band {
    columns: std::ops::Range<usize>,
    widths: Vec<f32>,
}

impl Plan {
    /// The same with columns that fill the place.
    fn filled(mut self) -> Plan {
        for band in &mut self.bands {
            let scale = self.place.width / band.widths.iter().sum::<f32>().max(1.0);
            band.widths.iter_mut().for_each(|width| *width *= scale);
        }
        self
    }
}

pub fn lay(shop: &mut Shop, table: &Table, place: Place, sink: &mut dyn Sink) {
    let grid = Grid::of([&table.head, &table.body, &table.foot]);
    if !table.caption.is_empty() {
        let kind = Type { is_bold: true, is_muted: false, ..SMALL };
        let caption = std::rc::Rc::new(shop.setter.set(&table.caption, &kind));
        for (number, mut strip) in strips_of(&caption, Look::Body, place).into_iter().enumerate() {
            strip.above = if number == 0 { place.gap + 3.0 } else { 0.0 };
            strip.is_kept = true;
            sink.put(strip);
        }
    }
    if grid.columns == 0 {
        return;
    }
    let mut plan = plan(shop, &grid, place, ROOMY, WORD_MAX).map(|plan| if table.is_full { plan.filled() } else { plan });
    if plan.is_none() {
        plan = self::plan(shop, &grid, place, NARROW, WORD_MAX_NARROW);
    }
    let mut is_wide = false;
    if plan.is_none() && place.width < WIDE_WIDTH && sink.turn(true) {
        is_wide = true;
        let wide = Place { width: place.width + 180.0, ..place };
        plan = self::plan(shop, &grid, wide, NARROW, WORD_MAX_NARROW);
        if plan.is_none() {
            plan = Some(folded(shop, &grid, wide));
        }
    }
    let plan = plan.unwrap_or_else(|| folded(shop, &grid, place));
    rows(shop, &grid, &plan, sink);
    if is_wide {
        sink.turn(false);
    }
}

/// The least and the natural width of every column.
fn measured(shop: &mut Shop, grid: &Grid, kind: Type, word_max: f32) -> (Vec<f32>, Vec<f32>) {
    let mut least = vec![COLUMN_MIN; grid.columns];
    let mut natural = vec![COLUMN_MIN; grid.columns];
    let mut spanning = Vec::new();
    for row in grid.rows.iter().take(MEASURED_ROWS) {
        for placed in row {
            let (word, line) = extent(shop, placed.cell, kind);
            let (word, line) = (word.min(word_max) + 2.0 * SIDE + 0.5, line.min(600.0) + 2.0 * SIDE + 0.5);
            if placed.columns.len() == 1 {
                let column = placed.columns.start;
                least[column] = least[column].max(word);
                natural[column] = natural[column].max(line);
            } else {
                spanning.push((placed.columns.clone(), word, line));
            }
        }
    }
    for (columns, word, line) in spanning {
        for (widths, wanted) in [(&mut least, word), (&mut natural, line)] {
            let part = &mut widths[columns.clone()];
            let missing = (wanted - part.iter().sum::<f32>()).max(0.0) / part.len() as f32;
            part.iter_mut().for_each(|width| *width += missing);
        }
    }
    natural.iter_mut().zip(&least).for_each(|(natural, least)| *natural = natural.max(*least));
    (least, natural)
}

/// The widest word and the widest line of a cell.
fn extent(shop: &mut Shop, cell: &Cell, kind: Type) -> (f32, f32) {
    let kind = Type { is_bold: cell.is_heading, ..kind };
    let mut widest = (0.0f32, 0.0f32);
    of_blocks(shop, &cell.blocks, kind, 0.0, &mut widest);
    widest
}

fn of_blocks(shop: &mut Shop, blocks: &[Block], kind: Type, moved: f32, widest: &mut (f32, f32)) {
    for block in blocks {
        let (word, line) = match block {
            Block::Paragraph { words, .. } | Block::Heading { words, .. } => shop.setter.measure_only(words, &kind),
            Block::List { items, .. } => {
                items.iter().for_each(|item| of_blocks(shop, item, kind, moved + 20.0, widest));
                continue;
            }
            Block::Indent(blocks) | Block::Box { blocks, .. } => {
                of_blocks(shop, blocks, kind, moved + 22.0, widest);
                continue;
            }
            Block::Table(table) => {
                let grid = Grid::of([&table.head, &table.body, &table.foot]);
                let (least, natural) = measured(shop, &grid, kind, WORD_MAX_NARROW);
                (least.iter().sum(), natural.iter().sum())
            }
            Block::Facts(facts) => {
                let long = facts.iter().flat_map(|fact| fact.1.iter().chain(std::iter::once(&fact.0))).map(String::len).max();
                (120.0, long.unwrap_or(0) as f32 * kind.size)
            }
            Block::Picture(picture) => {
                let width = super::pictures::natural(picture).0;
                (width.min(120.0), width)
            }
            Block::Sheet(_) | Block::Rule | Block::NewPage | Block::Place { .. } | Block::Contents { .. } => continue,
        };
        *widest = (widest.0.max(word + moved), widest.1.max(line + moved));
    }
}

/// Widths in one band, when the columns' words fit.
fn plan(shop: &mut Shop, grid: &Grid, place: Place, kind: Type, word_max: f32) -> Option<Plan> {
    let (least, natural) = measured(shop, grid, kind, word_max);
    let width = place.width;
    let widths = spread(&least, &natural, width)?;
    Some(Plan { kind, bands: vec![Band { columns: 0..grid.columns, widths }], place })
}

/// Shares a width among columns; `None` when the least widths do not fit.
fn spread(least: &[f32], natural: &[f32], width: f32) -> Option<Vec<f32>> {
    let (least_sum, natural_sum) = (least.iter().sum::<f32>(), natural.iter().sum::<f32>());
    if least_sum > width {
        return None;
    }
    if natural_sum <= width {
        // A table of few words does not fill the page: its columns would lose each other.
        let target = width.min((natural_sum * 1.25).max(width * 0.6));
        let more = (target - natural_sum) / natural_sum;
        return Some(natural.iter().map(|width| width * (1.0 + more)).collect());
    }
    let share = (width - least_sum) / (natural_sum - least_sum).max(1.0);
    Some(least.iter().zip(natural).map(|(least, natural)| least + (natural - least) * share).collect())
}

/// Columns in several bands, each as wide as the page.
fn folded(shop: &mut Shop, grid: &Grid, place: Place) -> Plan {
    let (least, natural) = measured(shop, grid, NARROW, WORD_MAX_NARROW);
    let mut bands = Vec::new();
    let mut start = 0;
    while start < grid.columns {
        let mut end = start;
        let mut taken = 0.0;
        while end < grid.columns && (end == start || taken + least[end] <= place.width) {
            taken += least[end];
            end += 1;
        }
        let widths = spread(&least[start..end], &natural[start..end], place.width).unwrap_or_else(|| vec![place.width]);
        bands.push(Band { columns: start..end, widths });
        start = end;
    }
    Plan { kind: NARROW, bands, place }
}

fn rows(shop: &mut Shop, grid: &Grid, plan: &Plan, sink: &mut dyn Sink) {
    let head = grid.head_rows;
    if head > 0 {
        let mut pile = Pile::default();
        group(shop, grid, plan, 0..head, &mut pile);
        let mut strips = pile.strips;
        let is_small = height(&strips) < sink.room().1 * 0.4;
        for strip in &mut strips {
            strip.is_kept = is_small;
        }
        if let Some(first) = strips.first_mut() {
            first.above = plan.place.gap;
        }
        let again: Vec<Strip> = strips.iter().map(|strip| without_places(strip.clone())).collect();
        strips.into_iter().for_each(|strip| sink.put(strip));
        if is_small {
            sink.heads(Some(again));
        }
    }
    let mut start = head;
    while start < grid.rows.len() {
        let end = grid.group_end(start);
        let gap = if start == 0 { plan.place.gap } else { 0.0 };
        let mut first = First { sink, above: gap };
        group(shop, grid, plan, start..end, &mut first);
        start = end;
    }
    sink.heads(None);
}

/// What comes again is not a place that links lead to a second time.
fn without_places(mut strip: Strip) -> Strip {
    strip.marks.retain(|mark| !matches!(mark, Mark::Anchor { .. } | Mark::Outline { .. }));
    strip
}

/// Rows that cells join: as one when a page can hold them.
fn group(shop: &mut Shop, grid: &Grid, plan: &Plan, rows: std::ops::Range<usize>, sink: &mut dyn Sink) {
    let room = sink.room().1;
    let whole = if room > 0.0 { room * 0.62 } else { f32::MAX };
    if rows.len() > 1 || plan.bands.len() > 1 {
        let mut pile = Pile::default();
        if rows.len() <= 64 && joined(shop, grid, plan, rows.clone(), &mut pile) && pile.height() <= whole {
            return pile.strips.into_iter().for_each(|strip| sink.put(strip));
        }
    }
    for row in rows {
        for band in &plan.bands {
            single(shop, grid, plan, band, row, whole, sink);
        }
    }
}

/// The cells of a row that a band shows.
fn cells<'g>(grid: &'g Grid<'g>, band: &Band, row: usize) -> impl Iterator<Item = (&'g Placed<'g>, std::ops::Range<usize>)> {
    let shown = band.columns.clone();
    grid.rows.get(row).into_iter().flatten().filter_map(move |placed| {
        // A cell that spans bands stands in the first of them.
        let is_here = shown.contains(&placed.columns.start);
        let end = placed.columns.end.min(shown.end);
        is_here.then(|| (placed, placed.columns.start - shown.start..end - shown.start))
    })
}

/// The strips of a cell.
fn cell(
    shop: &mut Shop,
    plan: &Plan,
    band: &Band,
    of: &Cell,
    columns: std::ops::Range<usize>,
    room: f32,
) -> (Vec<Strip>, f32, f32) {
    let before: f32 = band.widths.iter().take(columns.start).sum();
    let width: f32 = band.widths.get(columns).unwrap_or_default().iter().sum();
    let body = Type { is_bold: of.is_heading, ..plan.kind };
    let left = plan.place.left + before;
    let place = Place { left: left + SIDE, width: (width - 2.0 * SIDE).max(8.0), body, gap: 2.5 };
    let mut pile = Pile { room, ..Pile::default() };
    if let Some(anchor) = &of.anchor {
        pile.put(Strip { marks: vec![Mark::Anchor { anchor: anchor.clone(), y: 0.0 }], ..Strip::default() });
    }
    shop.blocks(&of.blocks, place, &mut pile);
    (pile.strips, left, width)
}

/// A whole group as one strip, cells over their rows. False when the rows are in bands.
fn joined(shop: &mut Shop, grid: &Grid, plan: &Plan, rows: std::ops::Range<usize>, sink: &mut dyn Sink) -> bool {
    let [band] = plan.bands.as_slice() else { return false };
    let mut laid = Vec::new();
    for row in rows.clone() {
        for (placed, columns) in cells(grid, band, row) {
            let (strips, left, width) = cell(shop, plan, band, placed.cell, columns, 0.0);
            let last = (row + placed.rows - 1).min(rows.end - 1);
            laid.push((row - rows.start, last - rows.start, strips, left, width, placed.cell.is_heading));
        }
    }
    let mut heights = vec![0.0f32; rows.len()];
    for span in 1..=rows.len() {
        for (first, last, strips, ..) in laid.iter().filter(|laid| laid.1 - laid.0 + 1 == span) {
            let wanted = height(strips) + ABOVE + BELOW;
            let have: f32 = heights.get(*first..=*last).unwrap_or_default().iter().sum();
            if let Some(height) = heights.get_mut(*last) {
                *height += (wanted - have).max(0.0);
            }
        }
    }
    let tops: Vec<f32> = heights
        .iter()
        .scan(0.0, |top, height| {
            let here = *top;
            *top += height;
            Some(here)
        })
        .collect();
    let total: f32 = heights.iter().sum();
    let mut marks = Vec::new();
    for (first, last, strips, left, width, is_heading) in laid {
        let top = tops.get(first).copied().unwrap_or(0.0);
        let bottom = tops.get(last + 1).copied().unwrap_or(total);
        frame(&mut marks, left, width, top, bottom, is_heading && rows.end <= grid.head_rows);
        stacked(strips, top + ABOVE, &mut marks);
    }
    sink.put(Strip { above: 0.0, height: total, is_kept: false, marks });
    true
}

/// Ground and lower line of a cell.
fn frame(marks: &mut Vec<Mark>, left: f32, width: f32, top: f32, bottom: f32, is_head: bool) {
    if is_head {
        marks.push(Mark::Fill { x: left, y: top, width, height: bottom - top, shade: PALE });
    }
    let (weight, shade) = if is_head { (0.8, STRONG) } else { (0.5, HAIR) };
    marks.push(Mark::Fill { x: left, y: bottom - weight / 2.0, width, height: weight, shade });
}

/// A row of one band: whole, or in parts when no page can hold it.
fn single(shop: &mut Shop, grid: &Grid, plan: &Plan, band: &Band, row: usize, whole: f32, sink: &mut dyn Sink) {
    let room = sink.room().1;
    let is_head = row < grid.head_rows;
    let laid: Vec<(Vec<Strip>, f32, f32)> =
        cells(grid, band, row).map(|(placed, columns)| cell(shop, plan, band, placed.cell, columns, room)).collect();
    let tall = laid.iter().map(|cell| height(&cell.0)).fold(0.0, f32::max) + ABOVE + BELOW;
    let left = plan.place.left;
    let width: f32 = band.widths.iter().sum();
    let is_last_band = plan.bands.last().is_none_or(|last| last.columns == band.columns);
    let is_kept = !is_last_band;
    if tall <= whole {
        let mut marks = Vec::new();
        if is_head {
            marks.push(Mark::Fill { x: left, y: 0.0, width, height: tall, shade: PALE });
        }
        let weight = if is_last_band { 0.5 } else { 0.25 };
        marks.push(Mark::Fill { x: left, y: tall - weight, width, height: weight, shade: if is_head { STRONG } else { HAIR } });
        for (strips, ..) in laid {
            stacked(strips, ABOVE, &mut marks);
        }
        return sink.put(Strip { above: 0.0, height: tall, is_kept, marks });
    }
    in_parts(laid, (left, width), sink);
}

/// A row in parts. In each part stand the cells that end in it, beside each other, and the first lines of the next one.
fn in_parts(laid: Vec<(Vec<Strip>, f32, f32)>, (left, width): (f32, f32), sink: &mut dyn Sink) {
    let mut cells = laid.into_iter().map(|cell| cell.0.into_iter().peekable()).peekable();
    while cells.peek().is_some() {
        let (now, all) = sink.room();
        // A few lines at the foot of a page are no beginning.
        let room = if now < 60.0 { all } else { now } - ABOVE - BELOW;
        let mut marks = Vec::new();
        let mut tall = 0.0f32;
        let mut is_full = false;
        while let Some(cell) = cells.peek_mut() {
            let mut y = ABOVE;
            while let Some(strip) = cell.next_if(|strip| y == ABOVE || y + strip.above + strip.height <= ABOVE + room) {
                y += if y == ABOVE { 0.0 } else { strip.above };
                marks.extend(strip.marks.into_iter().map(|mark| mark.lowered(y)));
                y += strip.height;
            }
            tall = tall.max(y + BELOW);
            is_full = cell.peek().is_some();
            if is_full {
                break;
            }
            cells.next();
        }
        if !is_full {
            marks.push(Mark::Fill { x: left, y: tall - 0.5, width, height: 0.5, shade: HAIR });
        }
        sink.put(Strip { above: 0.0, height: tall, is_kept: false, marks });
    }
}

/// Gives the first strip its room above.
struct First<'s> {
    sink: &'s mut dyn Sink,
    above: f32,
}

impl Sink for First<'_> {
    fn put(&mut self, mut strip: Strip) {
        strip.above = strip.above.max(std::mem::take(&mut self.above));
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

    fn page(&mut self, page: super::strip::WholePage) -> bool {
        self.sink.page(page)
    }
}
