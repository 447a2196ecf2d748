//! A row as its expressions see it, with the rows joined to it; and why a row cannot be used.
//!
//! Not for: what a row becomes (`map`, `write`).

use jiff::tz::TimeZone;

use super::expr::{Row as ExprRow, Slot};
use super::prepare::PreparedTable;
use crate::formats::table::Row;

/// A row as its expressions see it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub row: Row<'a>,
    pub table: &'a PreparedTable,
    /// The row found for each join.
    pub joined: &'a [Option<usize>],
    pub zone: &'a TimeZone,
}

impl<'a> View<'a> {
    /// A column of the row; `None` when it is null.
    pub fn own(&self, place: usize) -> Option<&'a str> {
        let value = self.row.get(place)?.trim();
        let is_null = value.is_empty() || self.table.nulls.iter().any(|null| null == value);
        (!is_null).then_some(value)
    }
}

impl<'a> ExprRow<'a> for View<'a> {
    fn value(&self, slot: Slot) -> Option<&'a str> {
        match slot {
            Slot::Own(place) => self.own(place),
            Slot::Join(join, column) => {
                let row = (*self.joined.get(join)?)?;
                self.table.joins.get(join)?.lookup.value(row, column)
            }
        }
    }

    fn zone(&self) -> &TimeZone {
        self.zone
    }
}

/// Why a row cannot be used: a stable code, the field, and the character of its expression (0 where that does not
/// matter).
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    pub reason: &'static str,
    pub field: &'a str,
    pub at: usize,
}
