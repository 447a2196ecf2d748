//! `chartkeep report`: the reconciliation of an accession, in words, as JSON, or as a page to print and sign.
//!
//! The report was made and sealed with the accession; the code maps in force and the sign-offs, which came later, are
//! added here. Not for: making the report (`ingest::report`).

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;

use super::archive::OpenArchive;
use super::operator::{Workplace, operator_entry};
use super::signoff::sign_offs_of;
use crate::access::Role;
use crate::durable;
use crate::ingest::page::{CodeCoverage, Codes, Later, LoneCode, percent};
use crate::ingest::report::Report;
use crate::statements;
use crate::store::Accession;
use crate::store::unmapped::survey;

/// Show what came in with a delivery, what became of it, and what was odd.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep report /data/old-ehr
  chartkeep report /data/old-ehr --html report.html --codes

Exit codes: 0 done, 2 refused or failed.")]
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
    /// Also which codes have a standard one beside them under the maps in force, and which stand alone. Reads every
    /// record, and shows codes and words out of records: patient data in aggregate, named in the audit log
    #[arg(long)]
    pub codes: bool,
}

/// Codes that stand alone which a report shows.
const CODES_SHOWN: usize = 50;
/// Lines that the terminal shows of a list.
const LINES: usize = 20;

/// Runs the command.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let open = OpenArchive::open(&args.archive)?;
    let is_wanted = |id: &str| args.accession.as_deref().is_none_or(|wanted| wanted == id);
    let mut entries: Vec<_> = open.catalog.reviewable().filter(|a| is_wanted(&a.accession)).collect();
    let Some(newest) = entries.last() else {
        match &args.accession {
            Some(id) => bail!("there is no accession {id} in force or awaiting sign-off"),
            None => bail!("the archive holds no accession yet"),
        }
    };
    if args.html.is_some() {
        entries = vec![newest];
    }
    let said = statements::read(&args.archive)?;
    for entry in entries {
        let accession = Accession::open(&open.layout, entry, &open.keys)?;
        let bytes = std::fs::read(accession.paths().report_json()).context("the report cannot be read")?;
        let report: Report = serde_json::from_slice(&bytes).context("the report is not of the known form")?;
        let codes = if args.codes { Some(codes_of(&args.archive, &accession)?) } else { None };
        let later = Later { codes, sign_offs: sign_offs_of(&said, &entry.accession, &entry.seal_sha256) };
        if let Some(path) = &args.html {
            durable::write_new(path, &report.to_html(Some(&later)))?;
            println!("{}", path.display());
        } else if args.json {
            let mut value = serde_json::to_value(&report)?;
            value["sign_offs"] = json!(later.sign_offs);
            if let Some(codes) = &later.codes {
                value["codes"] = json!(codes);
            }
            println!("{value}");
        } else {
            print!("{}", in_words(&report, &later));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Walks over all records of the accession, and says in the audit log that codes leave the archive.
fn codes_of(archive: &Path, accession: &Accession) -> anyhow::Result<Codes> {
    let workplace = Workplace::open(archive)?;
    let survey = survey(accession)?;
    let detail = vec![("what", "report with codes".to_string()), ("accession", accession.id.to_string())];
    workplace.log.append(operator_entry("archive.maintained", Role::Archivist, "report", detail))?;
    workplace.log.close();
    let coverage = survey.coverage.iter().map(|(kind, c)| CodeCoverage {
        kind: kind.name().into(),
        standard: c.standard,
        by_map: c.by_map,
        local: c.local,
    });
    let lone = survey.unmapped.iter().take(CODES_SHOWN).map(|u| LoneCode {
        system: u.system.clone(),
        code: u.code.clone(),
        display: u.display.clone(),
        count: u.count,
        example: format!("{}/{}", u.example.0, u.example.1),
    });
    Ok(Codes { coverage: coverage.collect(), unmapped: survey.unmapped.len() as u64, most_frequent: lone.collect() })
}

/// The report as text for a terminal.
fn in_words(report: &Report, later: &Later) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_sums(report, &mut out);
    let _ = write_oddities(report, &mut out);
    let _ = write_profile(report, &mut out);
    let _ = write_later(later, &mut out);
    out
}

fn write_sums(report: &Report, out: &mut String) -> std::fmt::Result {
    let r = &report.records;
    writeln!(out, "Accession {} from {}, sealed {}.", report.accession, report.source_system, report.sealed_at)?;
    if !report.mapping.is_empty() {
        writeln!(out, "  Mapping {}; times without a zone were read as {}.", report.mapping, report.time_zone)?;
    }
    writeln!(out, "  {} records came in {} files ({:.1} MB).", r.input, report.files.len(), report.bytes_in as f64 / 1e6)?;
    writeln!(out, "  {:>12} archived, of {} patients, with {} documents", r.archived, report.patients, report.documents)?;
    writeln!(out, "  {:>12} duplicates of records that are archived", r.duplicate)?;
    if r.joined > 0 {
        writeln!(out, "  {:>12} joined into other records", r.joined)?;
    }
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
    if !report.made.is_empty() {
        writeln!(out, "  Records made of them:")?;
    }
    for (kind, line) in &report.made {
        writeln!(out, "  {:>12} {kind}, {} of them repeated", line.made, line.repeated)?;
    }
    Ok(())
}

fn write_oddities(report: &Report, out: &mut String) -> std::fmt::Result {
    if !report.quarantined.is_empty() {
        writeln!(out, "  Quarantined:")?;
    }
    for example in report.quarantined.iter().take(LINES) {
        let entry = if example.entry > 0 { format!(", entry {}", example.entry) } else { String::new() };
        writeln!(out, "    {} item {}{entry}: {}", example.file, example.line, example.reason)?;
    }
    if report.quarantined.len() > LINES {
        writeln!(out, "    … all of them with: chartkeep quarantine list")?;
    }
    for (title, counts) in [("Excluded by rule:", &report.excluded_by), ("Findings while mapping:", &report.findings)] {
        if !counts.is_empty() {
            writeln!(out, "  {title}")?;
        }
        for (word, count) in counts {
            writeln!(out, "  {count:>12} {word}")?;
        }
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

fn write_profile(report: &Report, out: &mut String) -> std::fmt::Result {
    let profile = &report.profile;
    if !profile.dates.is_empty() {
        writeln!(out, "  Dates to look at (before 1900, after the sealing, before the patient's birth):")?;
    }
    for d in &profile.dates {
        writeln!(out, "  {:>12} {:>8} {:>8} {}.{}", d.early, d.future, d.before_birth, d.kind, d.column)?;
    }
    if profile.elements.is_empty() {
        return Ok(());
    }
    let there = profile.elements.iter().filter(|e| e.records > 0).count();
    writeln!(out, "  {there} of {} data elements of USCDI {} are there. Not found:", profile.elements.len(), profile.uscdi)?;
    for class in profile.elements.chunk_by(|a, b| a.class == b.class) {
        let name = |e: &crate::ingest::profile::ElementLine| {
            if e.never_delivered { format!("{} (not in source)", e.element) } else { e.element.clone() }
        };
        let missing: Vec<String> = class.iter().filter(|e| e.records == 0).map(name).collect();
        if !missing.is_empty() {
            writeln!(out, "    {}: {}", class[0].class, missing.join(", "))?;
        }
    }
    Ok(())
}

fn write_later(later: &Later, out: &mut String) -> std::fmt::Result {
    if let Some(codes) = &later.codes {
        writeln!(out, "  Codes with a standard one beside them:")?;
        for c in &codes.coverage {
            let all = c.standard + c.local;
            writeln!(out, "    {:26} {:>8} of {all}, {} through a map", c.kind, percent(c.standard, all), c.by_map)?;
        }
        writeln!(out, "  {} codes stand alone. The most frequent:", codes.unmapped)?;
        for c in codes.most_frequent.iter().take(LINES) {
            writeln!(out, "  {:>12} {} | {}  {}  (as in {})", c.count, c.system, c.code, c.display, c.example)?;
        }
    }
    for s in &later.sign_offs {
        let of = if s.is_of_this_seal { "" } else { ", for another seal" };
        writeln!(
            out,
            "  {} by {} on {}, {} records drawn with seed {}{of}: {}",
            s.result, s.reviewer, s.at, s.sampled, s.seed, s.note
        )?;
    }
    if later.sign_offs.is_empty() {
        writeln!(out, "  Not signed off yet: chartkeep signoff")?;
    }
    Ok(())
}
