//! Tables that others look up, in memory: the columns that are asked for, by key. And the set of the patients' numbers.
//!
//! Not for: which rows look them up (`prepare`).

use std::io::{self, Read};

use ahash::{AHashMap, AHashSet};
use xxhash_rust::xxh3::Xxh3;

use crate::formats::table::{Dialect, Row, RowCutter, Scratch};
use crate::limits::{LOOKUP_BYTES_MAX, LOOKUP_ROWS_MAX, RECORD_BYTES_MAX};

/// Why a table cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("more rows, or longer ones, than are kept to look up")]
    TooLarge,
}

/// A key of one or more values. Two keys with one digest of 128 bits do not occur.
#[derive(Default)]
pub struct Key(Xxh3);

impl Key {
    pub fn add(&mut self, value: &str) {
        self.0.update(&(value.len() as u64).to_le_bytes());
        self.0.update(value.as_bytes());
    }

    pub fn digest(&self) -> u128 {
        self.0.digest128()
    }

    pub fn of(value: &str) -> u128 {
        let mut key = Key::default();
        key.add(value);
        key.digest()
    }
}

/// Rows by key; of each the columns that are asked for.
#[derive(Default)]
pub struct Lookup {
    rows: AHashMap<u128, u32>,
    cells: Vec<(u32, u32)>,
    width: usize,
    text: String,
    /// Rows whose key another row had before; they are not found.
    pub repeated: u64,
}

impl Lookup {
    pub fn new(width: usize) -> Lookup {
        Lookup { width, ..Lookup::default() }
    }

    pub fn find(&self, key: u128) -> Option<usize> {
        self.rows.get(&key).map(|row| *row as usize)
    }

    /// A value; `None` where it is null.
    pub fn value(&self, row: usize, column: usize) -> Option<&str> {
        let (start, end) = *self.cells.get(row * self.width + column)?;
        self.text.get(start as usize..end as usize).filter(|text| !text.is_empty())
    }

    /// Adds a row, unless its key is there.
    pub fn add<'a>(&mut self, key: u128, values: impl Iterator<Item = Option<&'a str>>) -> Result<(), LookupError> {
        if self.rows.contains_key(&key) {
            self.repeated += 1;
            return Ok(());
        }
        let row = self.row(key)?;
        for (column, value) in values.enumerate() {
            self.set(row, column, value.unwrap_or_default())?;
        }
        Ok(())
    }

    /// Adds one attribute of a key; the first value stays.
    pub fn pivot(&mut self, key: u128, column: usize, value: &str) -> Result<(), LookupError> {
        let row = match self.find(key) {
            Some(row) => row,
            None => self.row(key)?,
        };
        match self.value(row, column) {
            Some(_) => self.repeated += 1,
            None => self.set(row, column, value)?,
        }
        Ok(())
    }

    fn row(&mut self, key: u128) -> Result<usize, LookupError> {
        let row = self.rows.len();
        if row >= LOOKUP_ROWS_MAX {
            return Err(LookupError::TooLarge);
        }
        self.rows.insert(key, row as u32);
        self.cells.resize(self.cells.len() + self.width, (0, 0));
        Ok(row)
    }

    fn set(&mut self, row: usize, column: usize, value: &str) -> Result<(), LookupError> {
        let start = self.text.len();
        if start + value.len() > LOOKUP_BYTES_MAX {
            return Err(LookupError::TooLarge);
        }
        self.text.push_str(value);
        if let Some(cell) = self.cells.get_mut(row * self.width + column) {
            *cell = (start as u32, self.text.len() as u32);
        }
        Ok(())
    }
}

/// The patients' numbers.
#[derive(Default)]
pub struct Known(AHashSet<u128>);

impl Known {
    pub fn add(&mut self, value: &str) -> Result<(), LookupError> {
        self.0.insert(Key::of(value));
        if self.0.len() > LOOKUP_ROWS_MAX { Err(LookupError::TooLarge) } else { Ok(()) }
    }

    pub fn has(&self, value: &str) -> bool {
        self.0.contains(&Key::of(value))
    }
}

/// Reads all rows of a table; those that cannot be read are passed over (they go to quarantine when they are mapped).
pub fn each_row(
    mut reader: impl Read,
    dialect: &Dialect,
    mut with: impl FnMut(&Row<'_>) -> Result<(), LookupError>,
) -> Result<(), LookupError> {
    let mut cutter = RowCutter::new(dialect);
    let mut scratch = Scratch::default();
    let (mut buffer, mut rows, mut filled) = (vec![0; 1 << 20], Vec::new(), 0);
    loop {
        let read = match buffer.get_mut(filled..) {
            Some(free) => reader.read(free)?,
            None => 0,
        };
        filled += read;
        let is_last = read == 0;
        rows.clear();
        let done = cutter.cut(buffer.get(..filled).unwrap_or_default(), is_last, &mut rows).min(filled);
        for range in &rows {
            if let Ok(row) = Row::parse(buffer.get(range.clone()).unwrap_or_default(), dialect, &mut scratch) {
                with(&row)?;
            }
        }
        if is_last {
            return Ok(());
        }
        buffer.copy_within(done..filled, 0);
        filled -= done;
        if filled == buffer.len() {
            if filled >= RECORD_BYTES_MAX {
                return Err(LookupError::TooLarge);
            }
            buffer.resize(filled * 2, 0);
        }
    }
}
