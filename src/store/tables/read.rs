//! Reads table files back: to verify them, and in batches for reports.
//!
//! Not for: fixity (the manifest's SHA-256 of each file comes first), lookups for a request.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, RecordBatch, Scalar};
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, UInt64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::TableError;
use super::schema::COMMON;
use crate::model::Finding;

const BATCH_ROWS: usize = 8_192;

fn open(path: &Path) -> Result<(File, ArrowReaderMetadata), TableError> {
    let file = File::open(path).map_err(|source| TableError::Read { path: path.to_path_buf(), source })?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    Ok((file, metadata))
}

/// The number of rows, from the footer.
pub fn rows(path: &Path) -> Result<u64, TableError> {
    let (_, metadata) = open(path)?;
    Ok(u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0))
}

/// Batches of some columns of a table file, in the order of rows.
pub struct Scan(ParquetRecordBatchReader);

impl Iterator for Scan {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map_err(TableError::Arrow))
    }
}

/// Reads these columns of a file; the batches have them in the order of the file.
///
/// # Errors
/// `NoColumn` when the file has no such column, or when it cannot be read.
pub fn scan(path: &Path, columns: &[&str]) -> Result<Scan, TableError> {
    let (file, metadata) = open(path)?;
    let missing = columns.iter().find(|name| metadata.schema().column_with_name(name).is_none());
    if let Some(name) = missing {
        return Err(TableError::NoColumn((*name).to_string()));
    }
    let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    Ok(Scan(reader.with_projection(mask).with_batch_size(BATCH_ROWS).build()?))
}

/// Reads every page of every column and checks the number of rows, their order by ordinal,
/// and that the statistics of each row group, by which readers skip, hold.
///
/// # Errors
/// The first thing that does not check.
pub fn verify(path: &Path, expected_rows: u64) -> Result<(), Finding> {
    // The decoder is meant for sound files; on a damaged one it may panic, and that is a finding too.
    catch_unwind(AssertUnwindSafe(|| verify_file(path, expected_rows)))
        .unwrap_or_else(|_| Err(finding("table-unreadable", "a page cannot be decoded".into())))
}

fn finding(code: &'static str, note: String) -> Finding {
    Finding { code, offset: 0, note }
}

fn unreadable(error: impl Into<TableError>) -> Finding {
    finding("table-unreadable", error.into().to_string())
}

fn verify_file(path: &Path, expected_rows: u64) -> Result<(), Finding> {
    let (file, metadata) = open(path).map_err(unreadable)?;
    let in_footer = metadata.metadata().file_metadata().num_rows();
    let mut order = Order::default();
    let mut total = 0;
    for group in 0..metadata.metadata().num_row_groups() {
        let mut checks = group_checks(&metadata, group)?;
        let clone = file.try_clone().map_err(|source| unreadable(TableError::Read { path: path.to_path_buf(), source }))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(clone, metadata.clone())
            .with_row_groups(vec![group])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(unreadable)?;
        for batch in reader {
            let batch = batch.map_err(unreadable)?;
            total += batch.num_rows() as u64;
            order.check(&batch)?;
            for check in &mut checks {
                check.add(batch.column(check.column))?;
            }
        }
        checks.iter().try_for_each(ColumnCheck::finish)?;
    }
    if total != expected_rows || u64::try_from(in_footer) != Ok(total) {
        let note = format!("{total} rows, {in_footer} by the footer, {expected_rows} expected");
        return Err(finding("table-rows", note));
    }
    Ok(())
}

/// The last ordinal seen, to hold the next against it.
#[derive(Default)]
struct Order {
    last: Option<u64>,
}

impl Order {
    fn check(&mut self, batch: &RecordBatch) -> Result<(), Finding> {
        let wrong = || finding("table-schema", "the common columns are not as they should be".into());
        let ordinals = batch.column_by_name(COMMON[1]).and_then(|c| c.as_primitive_opt::<UInt64Type>()).ok_or_else(wrong)?;
        for ordinal in ordinals.values() {
            if self.last.is_some_and(|last| last >= *ordinal) {
                return Err(finding("table-order", format!("record {ordinal} is out of order")));
            }
            self.last = Some(*ordinal);
        }
        Ok(())
    }
}

/// What a row group's footer says of one column, held against its values.
struct ColumnCheck {
    name: String,
    column: usize,
    /// Smallest and largest value; strings may be cut, which only widens the range.
    bounds: Option<(ArrayRef, ArrayRef)>,
    nulls: Option<u64>,
    nulls_seen: u64,
}

fn group_checks(metadata: &ArrowReaderMetadata, group: usize) -> Result<Vec<ColumnCheck>, Finding> {
    let parquet = metadata.metadata();
    let groups = &parquet.row_groups()[group..=group];
    let schema = metadata.schema();
    let mut checks = Vec::with_capacity(schema.fields().len());
    for (column, field) in schema.fields().iter().enumerate() {
        let converter = StatisticsConverter::try_new(field.name(), schema, metadata.parquet_schema()).map_err(unreadable)?;
        let nulls = converter.row_group_null_counts(groups).map_err(unreadable)?;
        // Only the patient key is looked up among the texts; comparing every text would cost more than decoding it.
        let bounded = column == 0 || *field.data_type() != DataType::Utf8;
        let bounds = if bounded {
            let least = converter.row_group_mins(groups).map_err(unreadable)?;
            let most = converter.row_group_maxes(groups).map_err(unreadable)?;
            (least.is_valid(0) && most.is_valid(0)).then_some((least, most))
        } else {
            None
        };
        let nulls = nulls.is_valid(0).then(|| nulls.value(0));
        checks.push(ColumnCheck { name: field.name().clone(), column, bounds, nulls, nulls_seen: 0 });
    }
    Ok(checks)
}

impl ColumnCheck {
    fn wrong(&self) -> Finding {
        finding("table-statistics", format!("the footer is wrong about {}", self.name))
    }

    fn add(&mut self, values: &ArrayRef) -> Result<(), Finding> {
        self.nulls_seen += values.null_count() as u64;
        let Some((least, most)) = &self.bounds else { return Ok(()) };
        type Compare = fn(&dyn Datum, &dyn Datum) -> Result<BooleanArray, arrow::error::ArrowError>;
        for (compare, bound) in [(cmp::lt as Compare, least), (cmp::gt as Compare, most)] {
            let outside = compare(values, &Scalar::new(bound)).map_err(unreadable)?;
            if outside.true_count() > 0 {
                return Err(self.wrong());
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), Finding> {
        if self.nulls.is_some_and(|nulls| nulls != self.nulls_seen) { Err(self.wrong()) } else { Ok(()) }
    }
}
