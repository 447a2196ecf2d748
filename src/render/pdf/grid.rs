//! Which columns and rows the cells of a table cover.
//!
//! Spans are as the author wrote them, and wrong ones are common: a span past the last row ends there, and columns that no cell
//! begins in are not there.
//!
//! Not for: widths and pages (`table`).

use std::collections::BTreeSet;
use std::ops::Range;

use super::content::Cell;

/// A cell in its place.
pub struct Placed<'t> {
    pub cell: &'t Cell,
    pub columns: Range<usize>,
    pub rows: usize,
}

pub struct Grid<'t> {
    pub columns: usize,
    pub head_rows: usize,
    pub rows: Vec<Vec<Placed<'t>>>,
}

impl<'t> Grid<'t> {
    pub fn of(parts: [&'t Vec<Vec<Cell>>; 3]) -> Grid<'t> {
        let mut rows: Vec<Vec<Placed<'t>>> = Vec::new();
        for part in parts {
            place(part, &mut rows);
        }
        // Only columns that a cell begins in are there.
        let starts: BTreeSet<usize> = rows.iter().flatten().map(|placed| placed.columns.start).collect();
        let starts: Vec<usize> = starts.into_iter().collect();
        for placed in rows.iter_mut().flatten() {
            let start = starts.partition_point(|column| *column < placed.columns.start);
            let end = starts.partition_point(|column| *column < placed.columns.end);
            placed.columns = start..end.max(start + 1);
        }
        Grid { columns: starts.len(), head_rows: parts[0].len(), rows }
    }

    /// The row after the rows that cells join with this one.
    pub fn group_end(&self, start: usize) -> usize {
        let mut end = start + 1;
        let mut row = start;
        while row < end.min(self.rows.len()) {
            let reach = self.rows.get(row).into_iter().flatten().map(|placed| row + placed.rows).max();
            end = end.max(reach.unwrap_or(0));
            row += 1;
        }
        end.min(self.rows.len())
    }
}

/// Places the rows of one part; no span leaves it.
fn place<'t>(part: &'t [Vec<Cell>], rows: &mut Vec<Vec<Placed<'t>>>) {
    // Rows that each column is still covered for.
    let mut covered: Vec<usize> = Vec::new();
    for (number, row) in part.iter().enumerate() {
        let mut column = 0;
        let mut placed = Vec::with_capacity(row.len());
        let mut next = covered.iter().map(|rows| rows.saturating_sub(1)).collect::<Vec<_>>();
        for cell in row {
            while covered.get(column).is_some_and(|rows| *rows > 0) {
                column += 1;
            }
            let columns = column..column + usize::from(cell.columns.clamp(1, 1000));
            let height = usize::from(cell.rows.max(1)).min(part.len() - number);
            if next.len() < columns.end {
                next.resize(columns.end, 0);
            }
            next[columns.clone()].fill(height - 1);
            column = columns.end;
            placed.push(Placed { cell, columns, rows: height });
        }
        covered = next;
        rows.push(placed);
    }
}
