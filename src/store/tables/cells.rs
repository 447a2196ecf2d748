//! The cells of one column while a batch of rows is gathered, and how a JSON leaf becomes a cell.
//!
//! A row touches only the columns it has a value for; the nulls in between are filled in at the next value or at the
//! end of the batch. Not for: which leaf goes where (`extract`), files (`write`).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int16Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
    UInt64Builder,
};

use super::slot::Form;
use crate::model::{Precision, When};

/// Longest text of one cell in bytes. A longer one is cut at a character; the whole stands in the record.
pub(super) const TEXT_MAX: usize = 1024;

/// What became of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Kept,
    Cut,
    /// Not of the column's type: the cell is null.
    Unreadable,
}

#[derive(Debug)]
pub(super) enum Cells {
    Text(StringBuilder),
    Decimal(Float64Builder),
    Integer(Int64Builder),
    Boolean(BooleanBuilder),
    When(Box<WhenCells>),
    Link(UInt64Builder),
}

/// The three columns of a `when`.
#[derive(Debug)]
pub(super) struct WhenCells {
    start: TimestampMillisecondBuilder,
    precision: StringBuilder,
    offset: Int16Builder,
}

impl Cells {
    pub(super) fn new(form: Form) -> Cells {
        match form {
            Form::Text | Form::Code => Cells::Text(StringBuilder::new()),
            Form::Decimal => Cells::Decimal(Float64Builder::new()),
            Form::Integer => Cells::Integer(Int64Builder::new()),
            Form::Boolean => Cells::Boolean(BooleanBuilder::new()),
            Form::When => Cells::When(Box::new(WhenCells {
                start: TimestampMillisecondBuilder::new().with_timezone("UTC"),
                precision: StringBuilder::new(),
                offset: Int16Builder::new(),
            })),
            Form::Link => Cells::Link(UInt64Builder::new()),
        }
    }

    /// Cells so far, nulls at the end not counted.
    pub(super) fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match self {
            Cells::Text(cells) => cells.len(),
            Cells::Decimal(cells) => cells.len(),
            Cells::Integer(cells) => cells.len(),
            Cells::Boolean(cells) => cells.len(),
            Cells::When(cells) => cells.start.len(),
            Cells::Link(cells) => cells.len(),
        }
    }

    /// Fills up with nulls to `rows` cells.
    pub(super) fn pad(&mut self, rows: usize) {
        let missing = rows.saturating_sub(self.len());
        if missing == 0 {
            return;
        }
        match self {
            Cells::Text(cells) => cells.append_nulls(missing),
            Cells::Decimal(cells) => cells.append_nulls(missing),
            Cells::Integer(cells) => cells.append_nulls(missing),
            Cells::Boolean(cells) => cells.append_nulls(missing),
            Cells::When(cells) => {
                cells.start.append_nulls(missing);
                cells.precision.append_nulls(missing);
                cells.offset.append_nulls(missing);
            }
            Cells::Link(cells) => cells.append_nulls(missing),
        }
    }

    /// Appends the cell of row `row` from a leaf as it stands in the JSON. An unreadable one appends nothing.
    pub(super) fn append(&mut self, row: usize, leaf: &[u8]) -> Fate {
        self.pad(row);
        self.append_readable(leaf).unwrap_or(Fate::Unreadable)
    }

    pub(super) fn append_link(&mut self, row: usize, ordinal: u64) {
        self.pad(row);
        if let Cells::Link(cells) = self {
            cells.append_value(ordinal);
        }
    }

    fn append_readable(&mut self, leaf: &[u8]) -> Option<Fate> {
        let escaped = memchr::memchr(b'\\', leaf).is_some();
        let unescaped = if escaped { Some(unescape(leaf)?) } else { None };
        let text = match &unescaped {
            Some(text) => text.as_str(),
            None => std::str::from_utf8(leaf).ok()?,
        };
        match self {
            Cells::Text(cells) => {
                let kept = &text[..text.floor_char_boundary(TEXT_MAX)];
                cells.append_value(kept);
                return Some(if kept.len() < text.len() { Fate::Cut } else { Fate::Kept });
            }
            Cells::Decimal(cells) => cells.append_value(text.parse::<f64>().ok().filter(|number| number.is_finite())?),
            Cells::Integer(cells) => cells.append_value(text.parse().ok()?),
            Cells::Boolean(cells) => cells.append_value(text.parse().ok()?),
            Cells::When(cells) => {
                let when = When::parse(text)?;
                cells.start.append_value(when.start_us().div_euclid(1_000));
                cells.precision.append_value(precision_name(when.precision()));
                cells.offset.append_option(when.offset_min());
            }
            Cells::Link(_) => return None,
        }
        Some(Fate::Kept)
    }

    /// The finished columns of a batch of `rows` rows; the cells are empty afterwards.
    pub(super) fn finish(&mut self, rows: usize, columns: &mut Vec<ArrayRef>) {
        self.pad(rows);
        match self {
            Cells::Text(cells) => columns.push(Arc::new(cells.finish())),
            Cells::Decimal(cells) => columns.push(Arc::new(cells.finish())),
            Cells::Integer(cells) => columns.push(Arc::new(cells.finish())),
            Cells::Boolean(cells) => columns.push(Arc::new(cells.finish())),
            Cells::When(cells) => {
                columns.push(Arc::new(cells.start.finish()));
                columns.push(Arc::new(cells.precision.finish()));
                columns.push(Arc::new(cells.offset.finish()));
            }
            Cells::Link(cells) => columns.push(Arc::new(cells.finish())),
        }
    }
}

fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::Year => "year",
        Precision::Month => "month",
        Precision::Day => "day",
        Precision::Minute => "minute",
        Precision::Second => "second",
        Precision::Fraction => "fraction",
    }
}

/// The text of the inside of a JSON string; `None` when its escapes make no text (half a surrogate pair).
pub(super) fn unescape(leaf: &[u8]) -> Option<String> {
    let mut quoted = Vec::with_capacity(leaf.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(leaf);
    quoted.push(b'"');
    serde_json::from_slice(&quoted).ok()
}

/// Whether a leaf, as it stands in the JSON, is this text.
pub(super) fn leaf_is(leaf: &[u8], text: &str) -> bool {
    leaf == text.as_bytes() || (leaf.contains(&b'\\') && unescape(leaf).as_deref() == Some(text))
}
