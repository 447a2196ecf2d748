//! Reads the tables of a folder into a profile.
//!
//! Not for: printing it (`profile`, `draft`).

use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use jiff::civil::Date;

use super::super::progress::Meter;
use crate::formats::table::{Dialect, Layout, RowCutter, detect, read_header};
use crate::limits::RECORD_BYTES_MAX;
use crate::mapping::profile::{Profile, TableKeys, TableProfile, TableProfiler};
use crate::model::Finding;
use crate::sources::{self, DeliveryFile, FileKind, Packing};

/// Bytes that a dialect is found from.
const HEAD_BYTES: usize = 256 << 10;
/// Bytes read at a time.
const BLOCK_BYTES: usize = 4 << 20;

/// What became of one file.
enum Outcome {
    Table(Box<TableProfile>, TableKeys),
    Skipped(&'static str),
}

/// Profiles all tables below a folder (or one file), several at a time. Which files are tables, their names say, or what
/// stands in them.
pub fn profile(dir: &Path, threads: usize, meter: &Meter) -> anyhow::Result<Profile> {
    let listed = sources::list(&[dir.to_path_buf()], &std::env::temp_dir())?;
    let files: Vec<DeliveryFile> = listed.files.iter().cloned().map(packed).collect();
    let today = jiff::Zoned::now().date();
    let of: u64 = files.iter().map(|file| file.bytes).sum();
    let (next, done) = (AtomicUsize::new(0), Mutex::new((0u64, Vec::new())));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, files.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(place) else { break };
                    let read = read(file, today).with_context(|| file.name.clone());
                    if let Ok(mut done) = done.lock() {
                        done.0 += file.bytes;
                        done.1.push((place, read));
                        meter.show("reading", done.0, of, true);
                    }
                }
            });
        }
    });
    let mut reads = done.into_inner().map_or_else(|e| e.into_inner().1, |(_, reads)| reads);
    reads.sort_by_key(|(place, _)| *place);
    let mut profile = Profile { format: 1, ..Profile::default() };
    let mut keys = Vec::new();
    for ((_, read), file) in reads.into_iter().zip(&files) {
        match read? {
            Outcome::Table(table, table_keys) => {
                profile.tables.push(*table);
                keys.push(table_keys);
            }
            Outcome::Skipped(why) => profile.skipped.push((file.name.clone(), why.to_string())),
        }
    }
    profile.link(&keys);
    Ok(profile)
}

/// Tables may be compressed too.
fn packed(file: DeliveryFile) -> DeliveryFile {
    let packing = match file.name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()) {
        Some(end) if end == "gz" => Packing::Gzip,
        Some(end) if end == "zst" => Packing::Zstd,
        _ => Packing::Plain,
    };
    DeliveryFile { packing, ..file }
}

fn read(file: &DeliveryFile, today: Date) -> anyhow::Result<Outcome> {
    if file.kind != FileKind::Other {
        return Ok(Outcome::Skipped("JSON"));
    }
    let lower = file.name.to_ascii_lowercase();
    let plain = [".gz", ".zst"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
    let extension = plain.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is_named_table = matches!(extension, "csv" | "tsv" | "tab" | "psv");
    if !is_named_table && !matches!(extension, "" | "txt" | "dat" | "asc" | "del" | "out" | "unl" | "prn") {
        return Ok(Outcome::Skipped("not a table by its name"));
    }
    let mut reader = sources::open(file)?;
    let mut buffer = Vec::new();
    fill(&mut reader, &mut buffer, HEAD_BYTES)?;
    let (dialect, findings) = detect(&buffer);
    if !is_named_table {
        // Rows that do not agree with their header are a table too, if there are many columns.
        let is_wide = read_header(&buffer, &dialect).len() >= 8;
        let is_sure = |finding: &Finding| match finding.code {
            "table.delimiter" | "table.fixed-width" => true,
            "table.unclear-delimiter" => is_wide,
            _ => false,
        };
        let is_binary = !dialect.encoding.name().starts_with("utf-16") && memchr::memchr(0, &buffer).is_some();
        if buffer.starts_with(b"MSH|") || is_binary || !findings.iter().any(is_sure) {
            return Ok(Outcome::Skipped("not a table by what stands in it"));
        }
    }
    let names = unique(read_header(&buffer, &dialect), &dialect);
    let mut profiler = TableProfiler::new(&file.name, dialect.clone(), &findings, &names, today);
    let bytes = rows(&mut reader, buffer, &dialect, &mut profiler)?;
    let (table, keys) = profiler.finish(bytes);
    Ok(Outcome::Table(Box::new(table), keys))
}

/// Columns without a name get one; the same name twice gets a number.
fn unique(names: Vec<String>, dialect: &Dialect) -> Vec<String> {
    if matches!(dialect.layout, Layout::FixedWidth(_)) {
        return names;
    }
    let mut unique: Vec<String> = Vec::with_capacity(names.len());
    let mut seen = std::collections::BTreeSet::new();
    for (place, name) in names.into_iter().enumerate() {
        let name = if name.is_empty() { format!("c{}", place + 1) } else { name };
        let name = if seen.contains(&name) { format!("{name} ({})", place + 1) } else { name };
        seen.insert(name.clone());
        unique.push(name);
    }
    unique
}

/// Gives every row to the profiler; `buffer` holds what was read already. Gives the bytes of the file.
fn rows(reader: &mut dyn Read, mut buffer: Vec<u8>, dialect: &Dialect, profiler: &mut TableProfiler) -> anyhow::Result<u64> {
    let mut cutter = RowCutter::new(dialect);
    let (mut offset, mut ranges) = (0u64, Vec::new());
    loop {
        let is_last = fill(reader, &mut buffer, BLOCK_BYTES)? == 0;
        ranges.clear();
        let used = cutter.cut(&buffer, is_last, &mut ranges);
        for range in &ranges {
            profiler.see(buffer.get(range.clone()).unwrap_or_default(), offset + range.start as u64);
        }
        offset += used as u64;
        if is_last {
            return Ok(offset);
        }
        buffer.drain(..used);
        anyhow::ensure!(buffer.len() <= RECORD_BYTES_MAX, "a row is longer than what is read");
    }
}

/// Reads `more` bytes behind what the buffer holds, or to the end. Gives how many came.
fn fill(reader: &mut dyn Read, buffer: &mut Vec<u8>, more: usize) -> std::io::Result<usize> {
    let before = buffer.len();
    reader.take(more as u64).read_to_end(buffer)?;
    Ok(buffer.len() - before)
}
