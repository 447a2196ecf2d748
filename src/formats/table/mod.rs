//! Tables as old systems export them: delimited text (CSV, TSV, pipes) and fixed width, in the encodings that occur.
//!
//! A [`Dialect`] says how a file is written; [`detect`] proposes one. [`RowCutter`] cuts the bytes of a file into rows,
//! [`Row::parse`] cuts a row into fields. Strict: what is not written as the dialect says is a [`Fault`], never a guess.
//!
//! Not for: what a column means (`mapping`), or how many fields a row ought to have (the mapping knows the header).

mod cut;
mod detect;
mod dialect;
mod header;
mod row;

#[cfg(test)]
mod tests;

pub use cut::RowCutter;
pub use detect::detect;
pub use dialect::{Delimited, Dialect, DialectError, Escape, FixedColumn, Layout, LineEnd, TextEncoding};
pub use row::{Fault, Row, Scratch, read_header};
