//! `chartkeep map check` and `chartkeep map explain`: whether a mapping file is sound and fits the tables, and what it
//! makes of a row.
//!
//! Not for: running a mapping over a delivery (`ingest`).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};

use super::super::DONE_WITH_FINDINGS;
use super::super::ingest::mapping_named;
use crate::limits::RECORD_BYTES_MAX;
use crate::mapping::settings::Settings;
use crate::mapping::tabular::{Prepared, PreparedTable, Scratch, map_row};
use crate::mapping::{Context, Fate, Mapped};
use crate::sources::{self, DeliveryFile};

/// Check a mapping file, against the tables where they are given.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chartkeep map check mapping.toml /deliveries/2024-07-02\n  chartkeep map check synthea \
/deliveries/synthea")]
pub struct CheckArgs {
    /// The mapping file, or the name of one that comes with the program
    pub mapping: String,
    /// Folder of the tables: every row is mapped, and nothing is written
    pub dir: Option<PathBuf>,
}

/// Show what a mapping file makes of one row.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep map explain mapping.toml /deliveries/2024-07-02 patients.csv 1")]
pub struct ExplainArgs {
    /// The mapping file, or the name of one that comes with the program
    pub mapping: String,
    /// Folder of the tables
    pub dir: PathBuf,
    /// Name of the file in it
    pub file: String,
    /// Number of the row, from 1; the header is not counted
    pub row: u64,
}

/// Bytes read at a time.
const BLOCK_BYTES: usize = 4 << 20;

/// Runs `map check`.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let settings = mapping_named(&args.mapping)?;
    println!("{}: {} tables, times in {}", settings.version, settings.tables.iter().count(), settings.zone_name);
    for table in settings.tables.iter() {
        for (map, system) in &table.code_maps {
            println!("  table {}: code map {map} for {system}", table.name);
        }
    }
    let Some(dir) = &args.dir else { return Ok(ExitCode::SUCCESS) };
    let delivery = Delivery::open(dir)?;
    let prepared = delivery.prepare(&settings)?;
    // The dialect itself is told with each file.
    for (file, finding) in prepared.findings.iter().filter(|(_, finding)| !finding.code.starts_with("table.")) {
        println!("  {file}: {} ({})", finding.note, finding.code);
    }
    let mut is_clean = true;
    for file in &delivery.listed.files {
        match prepared.get(&file.name) {
            None => println!("{}: no table of the mapping", file.name),
            Some(table) => is_clean &= tally(&settings, file, table)?,
        }
    }
    for table in settings.tables.iter() {
        let is_there =
            delivery.listed.files.iter().any(|file| settings.tables.table_for(&file.name).is_some_and(|t| t.name == table.name));
        if !is_there {
            println!("table {}: no file", table.name);
            is_clean = false;
        }
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

/// Runs `map explain`.
pub fn explain(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let settings = mapping_named(&args.mapping)?;
    let delivery = Delivery::open(&args.dir)?;
    let prepared = delivery.prepare(&settings)?;
    let table = prepared.get(&args.file).with_context(|| format!("the mapping has no table for {}", args.file))?;
    let file = delivery.listed.files.iter().find(|file| file.name == args.file).context("no such file")?;
    let mut left = args.row;
    let mut lines = Vec::new();
    let mut scratch = Scratch::default();
    each_row(file, table, |bytes, offset| {
        left = left.saturating_sub(1);
        if left > 0 || !lines.is_empty() {
            return;
        }
        let cx = Context { source_system: &settings.version, zone: &settings.zone, file: &file.name, offset };
        lines.push(format!("byte {offset}, {} bytes", bytes.len()));
        lines.extend(crate::mapping::tabular::explain(bytes, table, &settings.zone, &mut scratch));
        let mapped = map_row(bytes, table, &cx, &mut scratch);
        lines.push(told(&mapped.fate));
        lines.extend(mapped.findings.iter().map(|finding| format!("finding {}: {}", finding.code, finding.note)));
        lines.extend(mapped.resources.iter().map(|resource| String::from_utf8_lossy(resource).into_owned()));
    })?;
    ensure!(!lines.is_empty() && args.row > 0, "{} has no row {}", args.file, args.row);
    lines.iter().for_each(|line| println!("{line}"));
    Ok(ExitCode::SUCCESS)
}

/// The files below a folder.
struct Delivery {
    /// Keeps unpacked members on disk.
    listed: sources::Delivery,
}

impl Delivery {
    fn open(dir: &Path) -> anyhow::Result<Delivery> {
        Ok(Delivery { listed: sources::list(&[dir.to_path_buf()], &std::env::temp_dir())? })
    }

    fn prepare(&self, settings: &Settings) -> anyhow::Result<Prepared> {
        let names: Vec<String> = self.listed.files.iter().map(|file| file.name.clone()).collect();
        let open = |name: &str| {
            let file = self.listed.files.iter().find(|file| file.name == name).ok_or(std::io::ErrorKind::NotFound)?;
            let reader = sources::open(file).map_err(|error| std::io::Error::other(error.what))?;
            Ok(reader as Box<dyn Read>)
        };
        Ok(Prepared::new(&settings.tables, &names, &open)?)
    }
}

/// Maps every row of a file and prints what became of them; whether all could be used.
fn tally(settings: &Settings, file: &DeliveryFile, table: &PreparedTable) -> anyhow::Result<bool> {
    let (mut fates, mut kinds, mut findings) = (Counts::default(), Counts::default(), Counts::default());
    let (mut scratch, mut rows) = (Scratch::default(), 0u64);
    each_row(file, table, |bytes, offset| {
        let cx = Context { source_system: &settings.version, zone: &settings.zone, file: &file.name, offset };
        let mapped: Mapped = map_row(bytes, table, &cx, &mut scratch);
        rows += 1;
        fates.add(told(&mapped.fate));
        mapped.resources.iter().for_each(|resource| kinds.add(kind(resource)));
        mapped.findings.iter().for_each(|finding| findings.add(format!("{}: {}", finding.code, finding.note)));
    })?;
    println!("{}: {rows} rows, {}", file.name, kinds.line());
    println!("  read as {}", table.dialect.to_toml());
    for (what, count) in fates.0.iter().filter(|(what, _)| *what != "archived") {
        println!("  {count} {what}");
    }
    findings.0.iter().for_each(|(what, count)| println!("  {count} × {what}"));
    for kind in table.kinds().filter(|kind| !kinds.0.contains_key(*kind)) {
        println!("  no row became {kind}");
    }
    let unused: Vec<&str> = table.unused().collect();
    if !unused.is_empty() && !table.is_lookup() {
        println!("  columns that nothing uses: {}", unused.join(", "));
    }
    Ok(!fates.0.keys().any(|fate| fate.starts_with("quarantined")))
}

fn told(fate: &Fate) -> String {
    match fate {
        Fate::Archived => "archived".into(),
        Fate::Excluded(rule) => format!("excluded by the rule {rule}"),
        // Byte and field vary from row to row; the code and the table's name say enough to count by.
        Fate::Quarantined(reason) => format!("quarantined, {}", reason.split(", byte").next().unwrap_or(reason)),
        Fate::Joined => "joined to other rows".into(),
    }
}

/// How often something was seen.
#[derive(Default)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn add(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    fn line(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(what, count)| format!("{count} {what}")).collect();
        if parts.is_empty() { "no resources".into() } else { parts.join(", ") }
    }
}

/// The type of a resource that a mapper wrote.
fn kind(resource: &[u8]) -> String {
    let text = String::from_utf8_lossy(resource.get(..80.min(resource.len())).unwrap_or_default());
    text.split('"').nth(3).unwrap_or_default().to_string()
}

/// Gives every row of a file with its offset.
fn each_row(file: &DeliveryFile, table: &PreparedTable, mut with: impl FnMut(&[u8], u64)) -> anyhow::Result<()> {
    let mut reader = sources::open(file)?;
    let mut cutter = table.reader().cutter;
    let (mut buffer, mut ranges, mut offset) = (Vec::new(), Vec::new(), 0u64);
    loop {
        let read = reader.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut buffer)?;
        let is_last = read == 0;
        ranges.clear();
        let used = cutter.cut(&buffer, is_last, &mut ranges);
        for range in &ranges {
            with(buffer.get(range.clone()).unwrap_or_default(), offset + range.start as u64);
        }
        if is_last {
            return Ok(());
        }
        buffer.drain(..used.min(buffer.len()));
        offset += used as u64;
        ensure!(buffer.len() <= RECORD_BYTES_MAX, "{}: a row is longer than what is read", file.name);
    }
}
