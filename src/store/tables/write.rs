//! Writes the tables of one part of an accession: rows in, Parquet files out.
//!
//! Same rows, same bytes: nothing in a file depends on the time, the machine or the version of a library. Not for: the
//! order of rows (the caller's; checked here), manifests.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ahash::AHashMap;
use arrow::array::{ArrayRef, RecordBatch, StringBuilder, UInt64Builder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::TableError;
use super::cells::{Cells, Fate, leaf_is};
use super::extract::ColumnPlan;
use super::schema::{COMMON, KindTable, kinds};
use super::slot::{Form, Slot};
use crate::durable::{self, FileDigest, NewFile};
use crate::model::Kind;

const ROW_GROUP_ROWS: usize = 250_000;
/// Encoded bytes of one unfinished row group, which is held in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;
/// A lookup of one patient decodes whole pages; each page of each column has a price, even one of nulls. Against 2,000
/// rows this saves a tenth of the bytes, and 10,000 would save 2 % more.
const PAGE_ROWS: usize = 5_000;
/// Rows gathered before they are encoded.
const BATCH_ROWS: usize = 2 * PAGE_ROWS;
const ZSTD_LEVEL: i32 = 3;
/// Stands in every file. Parquet's own default names the library's version, which would change the bytes.
const CREATED_BY: &str = "chartkeep tables version 1";

/// One record, ready to become a row.
pub struct Row<'a> {
    /// `None` for a record without a patient.
    pub patient: Option<&'a str>,
    /// The record's place in its chart part, 0-based.
    pub ordinal: u64,
    /// The ordinal of the encounter that `ColumnPlan::encounter_leaf` refers to, when it is in the same accession.
    pub encounter: Option<u64>,
    /// A leaf of the record by its number: UTF-8, strings without quotes and still escaped.
    pub leaf: &'a dyn Fn(usize) -> &'a [u8],
}

/// A finished file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableFile {
    pub kind: Kind,
    pub path: PathBuf,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: [u8; 32],
    pub first_patient: Option<String>,
    pub last_patient: Option<String>,
}

/// How one column of a kind was filled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnReport {
    pub kind: Kind,
    pub column: String,
    /// Rows with a value.
    pub filled: u64,
    /// Values that were not of the column's type and are null in the table (not in the record).
    pub unreadable: u64,
    /// Texts that were cut to the longest length of a cell.
    pub cut: u64,
}

/// Writes one part of the tables of an accession. Files are begun when a kind has its first row.
pub struct TableWriter {
    dir: PathBuf,
    part: u32,
    metadata: Vec<(String, String)>,
    open: AHashMap<Kind, OpenTable>,
}

impl TableWriter {
    /// `dir` is the `tables` folder of the accession's generation; files become `<dir>/<Kind>/p<part>.parquet`.
    /// `metadata` stands in each file's footer.
    pub fn create(dir: &Path, part: u32, metadata: &[(String, String)]) -> Result<TableWriter, TableError> {
        durable::create_dir_all(dir)?;
        Ok(TableWriter { dir: dir.to_path_buf(), part, metadata: metadata.to_vec(), open: AHashMap::new() })
    }

    /// Appends one record with the plan of its shape (made by the table of the same kind).
    ///
    /// # Errors
    /// `NoTable` for a kind without a schema, `OutOfOrder` when a row comes too late, or a failed write.
    pub fn append(&mut self, kind: Kind, plan: &ColumnPlan, row: &Row<'_>) -> Result<(), TableError> {
        let table = match self.open.get_mut(&kind) {
            Some(table) => table,
            None => {
                let table = OpenTable::create(kind, &self.dir, self.part, &self.metadata)?;
                self.open.entry(kind).or_insert(table)
            }
        };
        table.append(plan, row)
    }

    /// How the columns of all kinds were filled so far, by kind, in the order of columns.
    pub fn report(&self) -> Vec<ColumnReport> {
        let mut tables: Vec<&OpenTable> = self.open.values().collect();
        tables.sort_by_key(|t| t.table.kind);
        tables.into_iter().flat_map(OpenTable::report).collect()
    }

    /// Completes all files, durably; they are listed by kind.
    pub fn finish(self) -> Result<Vec<TableFile>, TableError> {
        let mut tables: Vec<OpenTable> = self.open.into_values().collect();
        tables.sort_by_key(|t| t.table.kind);
        tables.into_iter().map(OpenTable::finish).collect()
    }
}

/// The file of one kind while it is written.
struct OpenTable {
    table: &'static KindTable,
    path: PathBuf,
    writer: ArrowWriter<NewFile>,
    patient: StringBuilder,
    ordinal: UInt64Builder,
    cells: Vec<Cells>,
    counts: Vec<Counts>,
    link: Option<usize>,
    batch_rows: usize,
    rows: u64,
    first_patient: Option<String>,
    /// Patient and ordinal of the last row.
    last: Option<(Option<String>, u64)>,
}

#[derive(Clone, Default)]
struct Counts {
    filled: u64,
    unreadable: u64,
    cut: u64,
}

impl OpenTable {
    fn create(kind: Kind, dir: &Path, part: u32, metadata: &[(String, String)]) -> Result<OpenTable, TableError> {
        let table = kinds().get(kind).ok_or(TableError::NoTable(kind))?;
        let dir = dir.join(kind.name());
        durable::create_dir_all(&dir)?;
        let path = dir.join(format!("p{part:04}.parquet"));
        // The Arrow schema is not put into the file: every type here follows from the Parquet schema.
        let options =
            ArrowWriterOptions::new().with_properties(properties(table, metadata, ZSTD_LEVEL)).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(NewFile::create(&path)?, Arc::clone(&table.arrow), options)?;
        Ok(OpenTable {
            table,
            path,
            writer,
            patient: StringBuilder::new(),
            ordinal: UInt64Builder::new(),
            cells: table.slots.iter().map(|s| Cells::new(s.form)).collect(),
            counts: vec![Counts::default(); table.slots.len()],
            link: table.slots.iter().position(|s| s.form == Form::Link),
            batch_rows: 0,
            rows: 0,
            first_patient: None,
            last: None,
        })
    }

    fn append(&mut self, plan: &ColumnPlan, row: &Row<'_>) -> Result<(), TableError> {
        self.check_order(row)?;
        let at = self.batch_rows;
        self.patient.append_option(row.patient);
        self.ordinal.append_value(row.ordinal);
        for pick in &plan.picks {
            // A plan names the slots of its own table; the bound only guards against a plan of another kind.
            let Some(cells) = self.cells.get_mut(pick.slot) else { continue };
            if cells.len() > at || !pick.guards.iter().all(|(leaf, text)| leaf_is((row.leaf)(*leaf), text)) {
                continue;
            }
            let counts = &mut self.counts[pick.slot];
            match cells.append(at, (row.leaf)(pick.leaf)) {
                Fate::Kept => counts.filled += 1,
                Fate::Cut => (counts.filled, counts.cut) = (counts.filled + 1, counts.cut + 1),
                Fate::Unreadable => counts.unreadable += 1,
            }
        }
        if let (Some(slot), Some(ordinal)) = (self.link, row.encounter) {
            self.cells[slot].append_link(at, ordinal);
            self.counts[slot].filled += 1;
        }
        self.batch_rows += 1;
        self.rows += 1;
        if self.batch_rows == BATCH_ROWS { self.write_batch() } else { Ok(()) }
    }

    /// Rows stand in the order of the charts, so ordinals rise; the rows of one patient lie together.
    fn check_order(&mut self, row: &Row<'_>) -> Result<(), TableError> {
        match &mut self.last {
            Some((_, ordinal)) if *ordinal >= row.ordinal => return Err(TableError::OutOfOrder(self.table.kind)),
            Some((patient, ordinal)) if patient.as_deref() == row.patient => *ordinal = row.ordinal,
            last => {
                *last = Some((row.patient.map(str::to_string), row.ordinal));
                if self.first_patient.is_none() {
                    self.first_patient = row.patient.map(str::to_string);
                }
            }
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<(), TableError> {
        if self.batch_rows == 0 {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.table.arrow.fields().len());
        columns.push(Arc::new(self.patient.finish()));
        columns.push(Arc::new(self.ordinal.finish()));
        for cells in &mut self.cells {
            cells.finish(self.batch_rows, &mut columns);
        }
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.table.arrow), columns)?)?;
        self.batch_rows = 0;
        Ok(())
    }

    fn report(&self) -> impl Iterator<Item = ColumnReport> {
        self.table.slots.iter().zip(&self.counts).map(|(slot, counts)| ColumnReport {
            kind: self.table.kind,
            column: slot.name.clone(),
            filled: counts.filled,
            unreadable: counts.unreadable,
            cut: counts.cut,
        })
    }

    fn finish(mut self) -> Result<TableFile, TableError> {
        self.write_batch()?;
        // Closing the Parquet writer writes the footer and gives back the file, which is not yet under its name.
        let digest = self.writer.into_inner()?.finish()?;
        Ok(TableFile {
            kind: self.table.kind,
            path: self.path,
            rows: self.rows,
            bytes: digest.bytes,
            sha256: digest.sha256,
            first_patient: self.first_patient,
            last_patient: self.last.and_then(|(patient, _)| patient),
        })
    }
}

/// Writes a table file again at another zstd level, row for row; its columns and metadata stay as they are.
pub fn recompress(kind: Kind, from: &Path, to: &Path, level: i32) -> Result<FileDigest, TableError> {
    let table = kinds().get(kind).ok_or(TableError::NoTable(kind))?;
    let file = File::open(from).map_err(|source| TableError::Read { path: from.to_path_buf(), source })?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let pairs = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let metadata: Vec<(String, String)> = pairs.into_iter().filter_map(|p| Some((p.key, p.value?))).collect();
    let options = ArrowWriterOptions::new().with_properties(properties(table, &metadata, level)).with_skip_arrow_metadata(true);
    let schema = reader.schema().clone();
    let mut writer = ArrowWriter::try_new_with_options(NewFile::create(to)?, schema, options)?;
    for batch in reader.with_batch_size(BATCH_ROWS).build()? {
        writer.write(&batch?)?;
    }
    Ok(writer.into_inner()?.finish()?)
}

/// The encodings are chosen by measured size. A dictionary is best for whatever few values fill many rows, numbers
/// included (half of the bytes of `BYTE_STREAM_SPLIT`); times, ordinals and texts of their own go as differences.
fn properties(table: &KindTable, metadata: &[(String, String)], level: i32) -> WriterProperties {
    let sorted_by = |column_idx| SortingColumn { column_idx, descending: false, nulls_first: true };
    let metadata = metadata.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_string())
        .set_key_value_metadata(Some(metadata))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        // The page limit is only looked at between write batches, so these must not be larger.
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_sorting_columns(Some(vec![sorted_by(1)]))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // Where every row has its own patient, the dictionary overflows and this encoding takes over.
        .set_column_encoding(ColumnPath::from(COMMON[0]), Encoding::DELTA_BYTE_ARRAY)
        .set_column_statistics_enabled(ColumnPath::from(COMMON[0]), EnabledStatistics::Page);
    let properties = as_differences(properties, COMMON[1], Encoding::DELTA_BINARY_PACKED, EnabledStatistics::Page);
    let each = |properties, slot: &Slot| match slot.form {
        Form::Text => as_differences(properties, &slot.name, Encoding::DELTA_BYTE_ARRAY, EnabledStatistics::Chunk),
        Form::When => as_differences(properties, &slot.name, Encoding::DELTA_BINARY_PACKED, EnabledStatistics::Page),
        Form::Link => as_differences(properties, &slot.name, Encoding::DELTA_BINARY_PACKED, EnabledStatistics::Chunk),
        Form::Code | Form::Decimal | Form::Integer | Form::Boolean => properties,
    };
    table.slots.iter().fold(properties, each).build()
}

fn as_differences(
    properties: WriterPropertiesBuilder,
    column: &str,
    encoding: Encoding,
    statistics: EnabledStatistics,
) -> WriterPropertiesBuilder {
    let column = ColumnPath::from(column);
    properties
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_encoding(column.clone(), encoding)
        .set_column_statistics_enabled(column, statistics)
}
