//! `chartkeep report`: the reconciliation of an accession, in words, as JSON, or as a page to print and sign.
//!
//! Not for: making the report (`ingest::report`); it is written when an accession is sealed.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::archive::OpenArchive;
use crate::durable;
use crate::ingest::report::Report;
use crate::store::Accession;

/// Show what came in with a delivery, what became of it, and what was odd.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chartkeep report /data/old-ehr\n  chartkeep report /data/old-ehr --html report.html\n\nExit \
codes: 0 done, 2 refused or failed."
)]
pub struct ReportArgs {
    /// Folder of the archive
    pub archive: PathBuf,
    /// Only this accession; default: all
    #[arg(long, value_name = "ID")]
    pub accession: Option<String>,
    /// Print the report as JSON, one object a line
    #[arg(long, conflicts_with = "html")]
    pub json: bool,
    /// Write the page to print and sign into this new file; of the newest accession unless one is named
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let open = OpenArchive::open(&args.archive)?;
    let is_wanted = |id: &str| args.accession.as_deref().is_none_or(|wanted| wanted == id);
    let entries: Vec<_> = open.catalog.accessions.iter().filter(|a| is_wanted(&a.accession)).collect();
    let Some(newest) = entries.last() else {
        match &args.accession {
            Some(id) => bail!("there is no accession {id} in force"),
            None => bail!("the archive holds no accession yet"),
        }
    };
    if let Some(path) = &args.html {
        let accession = Accession::open(&open.layout, newest, &open.keys)?;
        let page = std::fs::read(accession.paths().report_html()).context("the report cannot be read")?;
        durable::write_new(path, &page)?;
        println!("{}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    for entry in entries {
        let accession = Accession::open(&open.layout, entry, &open.keys)?;
        let bytes = std::fs::read(accession.paths().report_json()).context("the report cannot be read")?;
        let report: Report = serde_json::from_slice(&bytes).context("the report is not of the known form")?;
        if args.json { println!("{}", serde_json::to_string(&report)?) } else { print!("{}", in_words(&report)) }
    }
    Ok(ExitCode::SUCCESS)
}

/// The report as text for a terminal.
fn in_words(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_words(report, &mut out);
    out
}

fn write_words(report: &Report, out: &mut String) -> std::fmt::Result {
    let r = &report.records;
    writeln!(out, "Accession {} from {}, sealed {}.", report.accession, report.source_system, report.sealed_at)?;
    writeln!(out, "  {} records came in {} files ({:.1} MB).", r.input, report.files.len(), report.bytes_in as f64 / 1e6)?;
    writeln!(out, "  {:>12} archived, of {} patients, with {} documents", r.archived, report.patients, report.documents)?;
    writeln!(out, "  {:>12} duplicates of records that are archived", r.duplicate)?;
    writeln!(out, "  {:>12} quarantined: kept whole, but no readable record", r.quarantined)?;
    writeln!(out, "  {:>12} excluded by a rule", r.excluded)?;
    let verdict =
        if report.balanced { "Every record has one fate; the ledger balances." } else { "The ledger does NOT balance." };
    writeln!(out, "  {verdict}")?;
    if let Some(day) = &report.data_to {
        writeln!(out, "  The newest clinical date is {day}.")?;
    }
    writeln!(out, "  Records by type:")?;
    for (kind, count) in &report.by_kind {
        writeln!(out, "  {count:>12} {kind}")?;
    }
    if !report.quarantined.is_empty() {
        writeln!(out, "  Quarantined:")?;
    }
    for example in report.quarantined.iter().take(20) {
        let entry = if example.entry > 0 { format!(", entry {}", example.entry) } else { String::new() };
        writeln!(out, "    {} item {}{entry}: {}", example.file, example.line, example.reason)?;
    }
    if report.quarantined.len() > 20 {
        writeln!(out, "    … all of them with --json")?;
    }
    if report.dangling.references > 0 {
        let d = &report.dangling;
        writeln!(out, "  {} references lead to {} records that are not in the delivery.", d.references, d.targets)?;
    }
    let unreadable: Vec<_> = report.columns.iter().filter(|c| c.unreadable > 0).collect();
    if !unreadable.is_empty() {
        writeln!(out, "  Values that are not of their type (they stand in the records as they came):")?;
    }
    for column in unreadable {
        writeln!(out, "  {:>12} {}.{}", column.unreadable, column.kind, column.column)?;
    }
    Ok(())
}
