//! The files that a site keeps for the signals (workforce, sites, news list): a CSV whose heading names its columns, read row
//! by row. A row that cannot be used is left out and told.
//!
//! Not for: what a row means (`workforce`, `lists`).

use crate::formats::table::{Dialect, Fault, Row, RowCutter, Scratch};
use crate::limits::WORKFORCE_ROWS_MAX;

/// Why a file cannot be used. Never what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    #[error("the file is empty")]
    Empty,
    #[error("the heading cannot be read: {0}")]
    Heading(Fault),
    #[error("the heading has no column {missing}; it may have {known}")]
    Column { missing: &'static str, known: String },
    #[error("the heading names {0} twice")]
    Twice(&'static str),
    #[error("the file has more than {WORKFORCE_ROWS_MAX} rows, or is larger than such a file may be")]
    TooLong,
}

/// A row that was left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowTrouble {
    /// Which of the site's files: workforce, sites, news.
    pub file: &'static str,
    /// From 1, the heading included.
    pub row: u64,
    pub what: &'static str,
}

/// One row of a sheet.
pub(super) struct Cells<'a> {
    row: &'a Row<'a>,
    columns: &'a Columns,
}

impl Cells<'_> {
    /// The cell of a column, without blanks around it; empty where the sheet has no such column.
    pub(super) fn get(&self, column: &str) -> &str {
        self.columns.place(column).and_then(|place| self.row.get(place)).unwrap_or_default().trim()
    }

    /// As [`Cells::get`], when there is something.
    pub(super) fn some(&self, column: &str) -> Option<&str> {
        Some(self.get(column)).filter(|text| !text.is_empty())
    }
}

/// Reads a sheet. Of `known` columns the first `needed` must be there; `take` says of a row why it cannot be used.
pub(super) fn read(
    file: &'static str,
    bytes: &[u8],
    known: &'static [&'static str],
    needed: usize,
    take: &mut dyn FnMut(&Cells<'_>) -> Result<(), &'static str>,
) -> Result<Vec<RowTrouble>, SheetError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // The heading is read as a row like any other.
    let dialect = Dialect { header: false, ..Dialect::default() };
    let mut rows = Vec::new();
    RowCutter::new(&dialect).cut(bytes, true, &mut rows);
    let mut rows = rows.into_iter().filter_map(|range| bytes.get(range));
    let mut scratch = Scratch::default();
    let heading = Row::parse(rows.next().ok_or(SheetError::Empty)?, &dialect, &mut scratch);
    let columns = Columns::of(&heading.map_err(SheetError::Heading)?, known, needed)?;
    let mut troubles = Vec::new();
    for (number, row) in (2..).zip(rows) {
        if number > WORKFORCE_ROWS_MAX {
            return Err(SheetError::TooLong);
        }
        let read = Row::parse(row, &dialect, &mut scratch).map_err(|fault| fault.code);
        let done = read.and_then(|row| {
            row.expect_fields(columns.count).map_err(|fault| fault.code)?;
            take(&Cells { row: &row, columns: &columns })
        });
        troubles.extend(done.err().map(|what| RowTrouble { file, row: number, what }));
    }
    Ok(troubles)
}

/// Where the columns stand.
struct Columns {
    places: Vec<(&'static str, usize)>,
    count: usize,
}

impl Columns {
    fn of(heading: &Row<'_>, known: &'static [&'static str], needed: usize) -> Result<Columns, SheetError> {
        let names: Vec<String> = heading.iter().map(|name| name.trim().to_lowercase()).collect();
        let mut places = Vec::new();
        for (number, column) in known.iter().enumerate() {
            let mut found = (0..names.len()).filter(|at| names.get(*at).is_some_and(|name| name == column));
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => return Err(SheetError::Twice(column)),
                (Some(place), None) => places.push((*column, place)),
                (None, _) if number < needed => return Err(SheetError::Column { missing: column, known: known.join(", ") }),
                (None, _) => {}
            }
        }
        Ok(Columns { places, count: names.len() })
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.places.iter().find(|(name, _)| *name == column).map(|(_, place)| *place)
    }
}
