//! The tables of an accession: one set of Parquet files per kind of record, with the typed columns that people filter,
//! count, sort and report by. The columns are declared in `schemas/tables`, one file per kind.
//!
//! A row is found from its record, and its record from the row, by the accession's `ordinal`. Not for: the records
//! themselves (`store::charts`), which tables to write (`ingest`), answering requests (`query`).

mod cells;
mod extract;
mod matcher;
mod path;
mod read;
mod schema;
mod slot;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::model::Kind;

pub use extract::ColumnPlan;
pub use path::Path as ElementPath;
pub use read::{Scan, rows, scan, verify};
pub use schema::{Field, FieldType, KindTable, SearchParam, SearchType, Tables, kinds};
pub use write::{ColumnReport, Row, TableFile, TableWriter, recompress};

/// What went wrong with a table. The texts carry no patient data.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{0} has no table")]
    NoTable(Kind),
    #[error("the rows of {0} must come in the order of patient (none first) and ordinal")]
    OutOfOrder(Kind),
    #[error("the table has no column {0}")]
    NoColumn(String),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Durable(#[from] crate::durable::DurableError),
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("arrow: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}
