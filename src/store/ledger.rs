//! The ledger: one row for every source record and its fate, and what each delivered file was made of, so that the file
//! can be rebuilt from the archive.
//!
//! Not for: deciding fates (`ingest`), or the readable report (`ingest::report`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use ahash::AHashSet;
use arrow::array::{Array, ArrayRef, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::durable::{self, FileDigest, NewFile};

/// One source record, or one resource that was made of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerRow {
    /// Number of the line, message, row or file in the delivery, 0-based over all files.
    pub item: u64,
    /// 0 for a source record by itself; in a Bundle, and for the resources made of a source record, 1 and up.
    pub entry: u32,
    /// Resource type, or what a mapped source record is (`hl7v2:ORU^R01`); `?` where it cannot be told.
    pub kind: String,
    /// `archived`, `version`, `duplicate`, `quarantined`, `excluded`, `joined`. No source records are `envelope` and the
    /// rows of what was made of one: `derived`, `derived-version`, `derived-duplicate`.
    pub outcome: String,
    /// The record that holds its bytes: itself, or the one it repeats. `None` when that lies in an earlier accession, and
    /// for mapped source records, whose bytes lie in the kept file.
    pub ordinal: Option<u64>,
    /// Number in the pack of kept items, for what is no record.
    pub document: Option<u64>,
    pub reason: Option<String>,
    /// Place of a mapped source record in the content of its file, bytes.
    pub span: Option<(u64, u64)>,
    /// Parts that an independent count would find: segments of a message, entries of a CDA document, fields of a row.
    pub units: Option<u32>,
}

impl LedgerRow {
    /// Whether the row speaks of a source record, not of a part or a product of one.
    pub fn is_source(&self) -> bool {
        self.outcome != "envelope" && !self.is_derived()
    }

    /// Whether the row speaks of a resource that was made of a source record.
    pub fn is_derived(&self) -> bool {
        self.outcome.starts_with(DERIVED)
    }
}

/// What the outcomes of made resources begin with.
const DERIVED: &str = "derived";

/// Where the ledger writes.
pub struct LedgerWriter {
    writer: ArrowWriter<NewFile>,
    schema: Arc<Schema>,
    rows: Vec<LedgerRow>,
    total: u64,
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("item", DataType::UInt64, false),
        Field::new("entry", DataType::UInt32, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("outcome", DataType::Utf8, false),
        Field::new("ordinal", DataType::UInt64, true),
        Field::new("document", DataType::UInt64, true),
        Field::new("reason", DataType::Utf8, true),
        Field::new("offset", DataType::UInt64, true),
        Field::new("length", DataType::UInt64, true),
        Field::new("units", DataType::UInt32, true),
    ]))
}

fn write_fault(e: parquet::errors::ParquetError, path: &Path) -> StoreError {
    StoreError::Write { path: path.to_path_buf(), source: std::io::Error::other(e) }
}

/// zstd level of an ingest.
const LEVEL: i32 = 6;

impl LedgerWriter {
    pub fn create(path: &Path) -> Result<LedgerWriter, StoreError> {
        LedgerWriter::create_at(path, LEVEL)
    }

    /// As [`LedgerWriter::create`], at another zstd level.
    pub fn create_at(path: &Path, level: i32) -> Result<LedgerWriter, StoreError> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(level).map_err(|e| write_fault(e, path))?))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by("chartkeep ledger version 1".into())
            .set_max_row_group_row_count(Some(500_000));
        for column in ["item", "entry", "ordinal", "document", "offset", "length"] {
            let column = ColumnPath::from(column);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        let schema = schema();
        let writer = ArrowWriter::try_new(NewFile::create(path)?, schema.clone(), Some(properties.build()))
            .map_err(|e| write_fault(e, path))?;
        Ok(LedgerWriter { writer, schema, rows: Vec::new(), total: 0 })
    }

    pub fn push(&mut self, row: LedgerRow, path: &Path) -> Result<(), StoreError> {
        self.rows.push(row);
        self.total += 1;
        if self.rows.len() == 16_384 { self.flush(path) } else { Ok(()) }
    }

    fn flush(&mut self, path: &Path) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.rows);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.item))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.entry))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.kind.as_str()))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.outcome.as_str()))),
            Arc::new(rows.iter().map(|r| r.ordinal).collect::<UInt64Array>()),
            Arc::new(rows.iter().map(|r| r.document).collect::<UInt64Array>()),
            Arc::new(rows.iter().map(|r| r.reason.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|r| r.span.map(|s| s.0)).collect::<UInt64Array>()),
            Arc::new(rows.iter().map(|r| r.span.map(|s| s.1)).collect::<UInt64Array>()),
            Arc::new(rows.iter().map(|r| r.units).collect::<UInt32Array>()),
        ];
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(|e| write_fault(e.into(), path))?;
        self.writer.write(&batch).map_err(|e| write_fault(e, path))
    }

    pub fn finish(mut self, path: &Path) -> Result<(FileDigest, u64), StoreError> {
        self.flush(path)?;
        let file = self.writer.into_inner().map_err(|e| write_fault(e, path))?;
        Ok((file.finish()?, self.total))
    }
}

/// Calls `visit` for every row, in order.
pub fn read_rows(path: &Path, mut visit: impl FnMut(LedgerRow)) -> Result<u64, StoreError> {
    let damaged = |e: String| StoreError::damaged(path, 0, &e);
    let mut total = 0;
    for batch in batches(path, &|_, _| true)? {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let rows = Columns::of(&batch).ok_or_else(|| damaged("not a ledger of this version".into()))?;
        for i in 0..batch.num_rows() {
            total += 1;
            visit(rows.row(i));
        }
    }
    Ok(total)
}

/// Calls `visit` for every row of one outcome, in order; the others cost a comparison.
pub fn rows_of_outcome(path: &Path, outcome: &str, mut visit: impl FnMut(LedgerRow)) -> Result<(), StoreError> {
    let damaged = |e: String| StoreError::damaged(path, 0, &e);
    for batch in batches(path, &|_, _| true)? {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let rows = Columns::of(&batch).ok_or_else(|| damaged("not a ledger of this version".into()))?;
        (0..batch.num_rows()).filter(|i| rows.outcome.value(*i) == outcome).for_each(|i| visit(rows.row(i)));
    }
    Ok(())
}

/// The rows of one item; few row groups are read for it.
pub fn rows_of_item(path: &Path, item: u64) -> Result<Vec<LedgerRow>, StoreError> {
    let mut found = Vec::new();
    let damaged = |e: String| StoreError::damaged(path, 0, &e);
    for batch in batches(path, &|from, to| (from..=to).contains(&item))? {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let rows = Columns::of(&batch).ok_or_else(|| damaged("not a ledger of this version".into()))?;
        // Items ascend.
        let from = rows.item.values().partition_point(|i| *i < item);
        let end = rows.item.values().partition_point(|i| *i <= item);
        found.extend((from..end).map(|i| rows.row(i)));
        if end < batch.num_rows() {
            break;
        }
    }
    Ok(found)
}

/// The items that a record was made of or that repeat it, oldest first; at most `most` of them.
pub fn items_of_ordinal(path: &Path, ordinal: u64, most: usize) -> Result<Vec<u64>, StoreError> {
    let damaged = |e: String| StoreError::damaged(path, 0, &e);
    let file = std::fs::File::open(path).map_err(StoreError::read(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(e.to_string()))?;
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["item", "ordinal"]);
    let reader = builder.with_projection(columns).with_batch_size(8192).build().map_err(|e| damaged(e.to_string()))?;
    let mut found = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let number = |i: usize| batch.columns().get(i).and_then(|c| c.as_any().downcast_ref::<UInt64Array>());
        let (Some(items), Some(ordinals)) = (number(0), number(1)) else {
            return Err(damaged("not a ledger of this version".into()));
        };
        for (i, value) in ordinals.iter().enumerate() {
            if value == Some(ordinal) {
                found.push(items.value(i));
                if found.len() == most {
                    return Ok(found);
                }
            }
        }
    }
    Ok(found)
}

/// Number of a source record, and its offset and length where it was mapped.
pub type FirstItem = (u64, Option<(u64, u64)>);

/// The first source record of each of these records, with its place in the content of its file where it was mapped; in one
/// reading of the ledger.
pub fn first_items_of(path: &Path, ordinals: &BTreeSet<u64>) -> Result<BTreeMap<u64, FirstItem>, StoreError> {
    let damaged = |e: String| StoreError::damaged(path, 0, &e);
    let mut found = BTreeMap::new();
    let file = std::fs::File::open(path).map_err(StoreError::read(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(e.to_string()))?;
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["item", "ordinal", "offset", "length"]);
    let reader = builder.with_projection(columns).with_batch_size(8192).build().map_err(|e| damaged(e.to_string()))?;
    // The span of a mapped source record stands in its own row, which comes before those of what was made of it.
    let mut span_of: FirstItem = (u64::MAX, None);
    for batch in reader {
        if found.len() == ordinals.len() {
            break;
        }
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let number = |i: usize| batch.columns().get(i).and_then(|c| c.as_any().downcast_ref::<UInt64Array>());
        let (Some(items), Some(of), Some(offsets), Some(lengths)) = (number(0), number(1), number(2), number(3)) else {
            return Err(damaged("not a ledger of this version".into()));
        };
        let value = |column: &UInt64Array, i: usize| column.is_valid(i).then(|| column.value(i));
        for i in 0..batch.num_rows() {
            let item = items.value(i);
            if item != span_of.0 {
                span_of = (item, value(offsets, i).zip(value(lengths, i)));
            }
            if let Some(ordinal) = value(of, i).filter(|ordinal| ordinals.contains(ordinal)) {
                found.entry(ordinal).or_insert(span_of);
            }
        }
    }
    Ok(found)
}

/// The items that made or repeat any of these records, in their order; one pass over two columns.
pub fn items_of_ordinals(path: &Path, ordinals: &AHashSet<u64>) -> Result<BTreeSet<u64>, StoreError> {
    let damaged = |e: String| StoreError::damaged(path, 0, &e);
    let file = std::fs::File::open(path).map_err(StoreError::read(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(e.to_string()))?;
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["item", "ordinal"]);
    let reader = builder.with_projection(columns).with_batch_size(8192).build().map_err(|e| damaged(e.to_string()))?;
    let mut found = BTreeSet::new();
    for batch in reader {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let number = |i: usize| batch.columns().get(i).and_then(|c| c.as_any().downcast_ref::<UInt64Array>());
        let (Some(items), Some(held)) = (number(0), number(1)) else {
            return Err(damaged("not a ledger of this version".into()));
        };
        let named = held.iter().zip(items.values()).filter(|(held, _)| held.is_some_and(|held| ordinals.contains(&held)));
        found.extend(named.map(|(_, item)| *item));
    }
    Ok(found)
}

/// The rows of these items, in their order. Row groups without any of them are not read.
pub fn rows_of_items(path: &Path, items: &BTreeSet<u64>) -> Result<Vec<LedgerRow>, StoreError> {
    let damaged = |e: String| StoreError::damaged(path, 0, &e);
    let mut found = Vec::new();
    if items.is_empty() {
        return Ok(found);
    }
    for batch in batches(path, &|from, to| items.range(from..=to).next().is_some())? {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let rows = Columns::of(&batch).ok_or_else(|| damaged("not a ledger of this version".into()))?;
        found.extend((0..batch.num_rows()).filter(|i| items.contains(&rows.item.value(*i))).map(|i| rows.row(i)));
    }
    Ok(found)
}

/// All rows in batches, less the row groups that `wanted` does not want by their least and highest item.
fn batches(path: &Path, wanted: &dyn Fn(u64, u64) -> bool) -> Result<ParquetRecordBatchReader, StoreError> {
    let damaged = |e: parquet::errors::ParquetError| StoreError::damaged(path, 0, &e.to_string());
    let file = std::fs::File::open(path).map_err(StoreError::read(path))?;
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    let may_hold = |group: &RowGroupMetaData| match group.columns().first().and_then(|c| c.statistics()) {
        Some(Statistics::Int64(of)) => match (of.min_opt(), of.max_opt()) {
            (Some(min), Some(max)) => wanted(*min as u64, *max as u64),
            _ => true,
        },
        _ => true,
    };
    let groups = builder.metadata().row_groups().iter().enumerate();
    let groups = groups.filter(|(_, group)| may_hold(group)).map(|(number, _)| number).collect();
    builder = builder.with_row_groups(groups);
    builder.with_batch_size(8192).build().map_err(damaged)
}

/// The columns of a batch.
struct Columns<'a> {
    item: &'a UInt64Array,
    entry: &'a UInt32Array,
    kind: &'a StringArray,
    outcome: &'a StringArray,
    ordinal: &'a UInt64Array,
    document: &'a UInt64Array,
    reason: &'a StringArray,
    offset: &'a UInt64Array,
    length: &'a UInt64Array,
    units: &'a UInt32Array,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Columns<'a>> {
        fn column<T: 'static>(batch: &RecordBatch, at: usize) -> Option<&T> {
            batch.columns().get(at)?.as_any().downcast_ref()
        }
        Some(Columns {
            item: column(batch, 0)?,
            entry: column(batch, 1)?,
            kind: column(batch, 2)?,
            outcome: column(batch, 3)?,
            ordinal: column(batch, 4)?,
            document: column(batch, 5)?,
            reason: column(batch, 6)?,
            offset: column(batch, 7)?,
            length: column(batch, 8)?,
            units: column(batch, 9)?,
        })
    }

    fn row(&self, i: usize) -> LedgerRow {
        let number = |column: &UInt64Array| column.is_valid(i).then(|| column.value(i));
        LedgerRow {
            item: self.item.value(i),
            entry: self.entry.value(i),
            kind: self.kind.value(i).to_string(),
            outcome: self.outcome.value(i).to_string(),
            ordinal: number(self.ordinal),
            document: number(self.document),
            reason: self.reason.is_valid(i).then(|| self.reason.value(i).to_string()),
            span: number(self.offset).zip(number(self.length)),
            units: self.units.is_valid(i).then(|| self.units.value(i)),
        }
    }
}

/// What one delivered file was made of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    pub name: String,
    /// Size and SHA-256 on disk.
    pub bytes: u64,
    pub sha256: String,
    /// `plain`, `gzip`, `zstd`.
    pub packing: String,
    /// Size and SHA-256 of the content behind the packing.
    pub content_bytes: u64,
    pub content_sha256: String,
    /// `records` (FHIR), `messages` (HL7 v2), `rows` (a table), `document` (CDA, or a file that an index names), `kept`
    /// (an attachment of a record, or a file of no known form), or `container` (its members are files of their own).
    pub fate: String,
    /// Items of the file: `first_item` and as many as `items`.
    pub first_item: u64,
    pub items: u64,
    /// Bytes before the first item, base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lead: String,
    /// Bytes behind items, as runs of (how many items, base64).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub separators: Vec<(u64, String)>,
    /// Number in the pack of kept items of the first piece, for a file that is kept whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<u64>,
    /// Pieces of [`PIECE_BYTES`] of a file that is kept whole; the last may be shorter.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pieces: u64,
}

/// Bytes of one piece of a file that is kept whole: large enough to pack well, small enough to open for one message.
pub const PIECE_BYTES: usize = 256 << 10;

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilesDocument {
    format: u32,
    files: Vec<FileRecord>,
    /// Other names of records: conditional references and `urn:uuid:` → `Type/archive-id`.
    aliases: BTreeMap<String, String>,
}

/// Files and aliases of an accession.
pub type FilesAndAliases = (Vec<FileRecord>, BTreeMap<String, String>);

pub fn write_files(path: &Path, files: Vec<FileRecord>, aliases: BTreeMap<String, String>) -> Result<FileDigest, StoreError> {
    let document = FilesDocument { format: super::manifest::FORMAT, files, aliases };
    let mut text = serde_json::to_vec(&document).map_err(|e| StoreError::Refused(e.to_string()))?;
    text.push(b'\n');
    Ok(durable::write_new(path, &text)?)
}

pub fn read_files(path: &Path) -> Result<FilesAndAliases, StoreError> {
    let bytes = std::fs::read(path).map_err(StoreError::read(path))?;
    let document: FilesDocument = serde_json::from_slice(&bytes)
        .map_err(|e| StoreError::damaged(path, 0, &format!("not of the known form: line {}", e.line())))?;
    Ok((document.files, document.aliases))
}
