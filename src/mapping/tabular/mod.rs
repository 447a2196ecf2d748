//! Rows of tables to FHIR, by a mapping file: which table holds what, which columns make which elements, which rows stay
//! out by which rule.
//!
//! [`Tables`] is what the file says, checked; [`Prepared`] is that for the files of one delivery, with columns found and
//! lookups in memory; [`map_row`] maps one row. Everything that can be decided once is decided before the first row.
//!
//! Not for: how tables are written (`formats::table`), or code maps, which add codings when records are served.

mod auto_value;
pub mod expr;
mod fields;
pub mod file;
mod lookup;
mod map;
mod prepare;
pub mod ready;
mod resolve;
mod tables;
mod times;
mod tree;
mod view;
mod write;

pub use map::{Scratch, explain, map_row};
pub use prepare::{PrepareError, Prepared, PreparedTable, TableReader};
pub use tables::{Table, Tables};

#[cfg(test)]
mod tests;
