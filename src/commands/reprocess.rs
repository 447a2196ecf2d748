//! `chartkeep reprocess`: source records in quarantine are read again from the archive's own originals, for instance after
//! a mapping was mended. They become an accession of their own; the old one and its ledger stay as they were sealed.
//!
//! Not for: looking at what is in quarantine, or code maps (`terminology` needs no new reading).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};

use super::archive::OpenArchive;
use super::ingest::{Delivered, ingest, mapping_named, print_summary};
use super::progress::Meter;
use crate::durable::{self, NewFile};
use crate::mapping::settings::Settings;
use crate::store::ledger::{FileRecord, LedgerRow, read_rows};
use crate::store::{Accession, StoreError};

/// Read what is in quarantine again, from the archive's own originals.
///
/// What can be read now becomes a new accession of the same source; what still cannot stays in quarantine there.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chartkeep reprocess /data/old-ehr acc-0123456789abcdef --mapping mended.toml\n\nExit codes: \
0 done, 2 refused or failed."
)]
pub struct ReprocessArgs {
    /// Folder of the archive
    pub archive: PathBuf,
    /// The accession with the quarantine
    pub accession: String,
    /// The mapping to read it with; without one, the built-in rules
    #[arg(long, value_name = "FILE|NAME")]
    pub mapping: Option<String>,
}

/// Runs the command.
pub fn run(args: &ReprocessArgs) -> anyhow::Result<ExitCode> {
    let settings = args.mapping.as_deref().map_or_else(|| Ok(Settings::default()), mapping_named)?;
    let open = OpenArchive::open(&args.archive)?;
    let entry = open.catalog.accessions.iter().find(|a| a.accession == args.accession);
    let entry = entry.context("no accession in force has this name")?;
    let accession = Accession::open(&open.layout, entry, &open.keys)?;
    // Inside the archive's own folder: what is laid out here are records.
    let scratch =
        tempfile::Builder::new().prefix("reprocess-").tempdir_in(&args.archive).context("no room beside the archive")?;
    let count = lay_out(&accession, &settings, scratch.path())?;
    ensure!(count > 0, "{} holds nothing in quarantine", args.accession);
    let meter = Meter::new();
    let paths = [scratch.path().to_path_buf()];
    let delivered = Delivered {
        paths: &paths,
        source_system: &entry.source_system,
        settings: &settings,
        reprocess_of: Some(&args.accession),
    };
    let outcome = ingest(&args.archive, &delivered, None, &meter);
    meter.end();
    println!("{count} source records of {} were read again.", args.accession);
    print_summary(&outcome?, &args.archive);
    Ok(ExitCode::SUCCESS)
}

/// Writes the quarantined source records below `dir`, as files of the names they came in, with the head of each file;
/// tables that others look up are written whole. Gives how many records were in quarantine.
fn lay_out(accession: &Accession, settings: &Settings, dir: &Path) -> anyhow::Result<u64> {
    let files = &accession.files;
    let file_of = |item: u64| files.partition_point(|f| f.first_item + f.items <= item);
    let (mut quarantined, mut looked_up) = (BTreeMap::<usize, Vec<LedgerRow>>::new(), Vec::new());
    read_rows(&accession.paths().ledger(), |row| {
        let file = file_of(row.item);
        match row.outcome.as_str() {
            "quarantined" => quarantined.entry(file).or_default().push(row),
            "joined" if looked_up.last() != Some(&file) => looked_up.push(file),
            _ => {}
        }
    })?;
    let is_patients = |(_, file): &(usize, &FileRecord)| settings.tables.is_patients(&file.name);
    looked_up.extend(files.iter().enumerate().filter(is_patients).map(|(place, _)| place));
    looked_up.sort_unstable();
    looked_up.dedup();
    let count = quarantined.values().map(|rows| rows.len() as u64).sum();
    for (place, rows) in quarantined {
        if let Some(file) = files.get(place).filter(|_| !looked_up.contains(&place)) {
            match file.document {
                Some(_) => mapped(accession, file, &rows, dir)?,
                None => fhir(accession, file, &rows, dir)?,
            }
        }
    }
    for file in looked_up.iter().filter_map(|file| files.get(*file)) {
        whole(accession, file, dir)?;
    }
    Ok(count)
}

fn create(dir: &Path, name: &str) -> anyhow::Result<NewFile> {
    ensure!(!name.split('/').any(|part| part == ".."), "a delivered file has a name that leads out of its folder");
    let path = dir.join(name.trim_start_matches('/'));
    durable::create_dir_all(path.parent().unwrap_or(dir))?;
    Ok(NewFile::create(&path)?)
}

/// Source records of a file that is kept whole: what stands before the first one, then each with what follows it.
fn mapped(accession: &Accession, file: &FileRecord, rows: &[LedgerRow], dir: &Path) -> anyhow::Result<()> {
    let mut out = create(dir, &file.name)?;
    let all = spans(accession, file)?;
    if let Some((first, _)) = all.first() {
        out.write_all(&accession.kept_bytes(file, 0, *first)?)?;
    }
    for (offset, _) in rows.iter().filter_map(|row| row.span) {
        let next = all.partition_point(|(start, _)| *start <= offset);
        let end = all.get(next).map_or(file.content_bytes, |(start, _)| *start);
        out.write_all(&accession.kept_bytes(file, offset, end - offset)?)?;
    }
    out.finish()?;
    Ok(())
}

/// Places of all source records of a file, in order.
fn spans(accession: &Accession, file: &FileRecord) -> Result<Vec<(u64, u64)>, StoreError> {
    let mut spans = Vec::new();
    read_rows(&accession.paths().ledger(), |row| {
        if (file.first_item..file.first_item + file.items).contains(&row.item) {
            spans.extend(row.span);
        }
    })?;
    Ok(spans)
}

/// Texts that were no FHIR records, one to a line.
fn fhir(accession: &Accession, file: &FileRecord, rows: &[LedgerRow], dir: &Path) -> anyhow::Result<()> {
    let is_lines = [".ndjson", ".jsonl"].iter().any(|end| file.name.to_ascii_lowercase().ends_with(end));
    let name = if is_lines { file.name.clone() } else { format!("{}.ndjson", file.name) };
    let mut out = create(dir, &name)?;
    for document in rows.iter().filter_map(|row| row.document) {
        let text = accession.kept(document)?;
        // A text of several lines would be several records.
        let one_line: Vec<u8> = text.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }).collect();
        out.write_all(&one_line)?;
        out.write_all(b"\n")?;
    }
    out.finish()?;
    Ok(())
}

fn whole(accession: &Accession, file: &FileRecord, dir: &Path) -> anyhow::Result<()> {
    let mut out = create(dir, &file.name)?;
    for piece in file.document.into_iter().flat_map(|first| first..first + file.pieces) {
        out.write_all(&accession.kept(piece)?)?;
    }
    out.finish()?;
    Ok(())
}
