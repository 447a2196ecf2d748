//! The ledger: one row for every source record and its fate, and what each delivered file was made of, so that the file
//! can be rebuilt from the archive.
//!
//! Not for: deciding fates (`ingest`), or the readable report (`ingest::report`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::durable::{self, FileDigest, NewFile};

/// One source record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerRow {
    /// Number of the line or file in the delivery, 0-based over all files.
    pub item: u64,
    /// 0 for a line or file by itself; in a Bundle 1 and up.
    pub entry: u32,
    /// Resource type; `?` where it cannot be told.
    pub kind: String,
    /// `archived`, `version`, `duplicate`, `quarantined`, `excluded`; `envelope` rows are no records.
    pub outcome: String,
    /// The record that holds its bytes: itself, or the one it repeats. `None` when that lies in an earlier accession.
    pub ordinal: Option<u64>,
    /// Number in the pack of kept items, for what is no record.
    pub document: Option<u64>,
    pub reason: Option<String>,
}

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
        for column in ["item", "entry", "ordinal", "document"] {
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
    let file = std::fs::File::open(path).map_err(StoreError::read(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|b| b.with_batch_size(8192).build())
        .map_err(|e| damaged(e.to_string()))?;
    let mut total = 0;
    for batch in reader {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        if batch.num_columns() != 7 {
            return Err(damaged("not a ledger of this version".into()));
        }
        let number = |i: usize| batch.column(i).as_any().downcast_ref::<UInt64Array>();
        let text = |i: usize| batch.column(i).as_any().downcast_ref::<StringArray>();
        let entry = batch.column(1).as_any().downcast_ref::<UInt32Array>();
        let (Some(item), Some(entry), Some(kind), Some(outcome), Some(ordinal), Some(document), Some(reason)) =
            (number(0), entry, text(2), text(3), number(4), number(5), text(6))
        else {
            return Err(damaged("not a ledger of this version".into()));
        };
        for i in 0..batch.num_rows() {
            total += 1;
            visit(LedgerRow {
                item: item.value(i),
                entry: entry.value(i),
                kind: kind.value(i).to_string(),
                outcome: outcome.value(i).to_string(),
                ordinal: ordinal.is_valid(i).then(|| ordinal.value(i)),
                document: document.is_valid(i).then(|| document.value(i)),
                reason: reason.is_valid(i).then(|| reason.value(i).to_string()),
            });
        }
    }
    Ok(total)
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
    /// `records` or `kept` (an attachment, or a file of no known form).
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
    /// Number in the pack of kept items, for a kept file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<u64>,
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
