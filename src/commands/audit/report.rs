//! `chartkeep audit report` and `chartkeep audit project`: the reports on the access log at the command line.
//!
//! Not for: what a report says (`oversight::reports`).

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use crate::commands::overseer::Overseer;
use crate::oversight::forms::{csv, json};
use crate::oversight::reports::{self, Ask, Cell, Question, Report, Version, range};
use crate::oversight::{Projection, UserId};

/// Report on the access log: who saw a patient, what a person saw, break-glass, days that stand out, disclosures.
///
/// That a report was made is itself an entry of the log. Times without a zone are those of this machine's zone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chartkeep audit report /data/old-ehr patient --patient mer.123
  chartkeep audit report /data/old-ehr patient --patient mer.123 --version full --format csv > who-saw.csv
  chartkeep audit report /data/old-ehr user --user alice --from 2026-01-01 --to 2026-03-31
  chartkeep audit report /data/old-ehr volume --from 2026-03-01 --sort -patients
  chartkeep audit report /data/old-ehr disclosures --patient mer.123 --format csv")]
pub struct ReportArgs {
    /// Folder of the archive
    archive: PathBuf,
    report: Kind,
    /// The patient's key, as in the viewer's address; all keys of the person count
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// The person's account or subject
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Who vouches for the person: `local`, `cli`, or an identity provider's address
    #[arg(long, default_value = "local")]
    issuer: String,
    /// Day (or instant) from which on
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last day (or the instant before which)
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Plain words, or every field of every entry
    #[arg(long, default_value = "plain", value_parser = ["plain", "full"])]
    version: String,
    /// Column to sort by; with `-` before it from the largest
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,
    #[arg(long, default_value = "text")]
    format: Format,
    /// Volume: days that do not stand out as well
    #[arg(long)]
    all: bool,
    /// Disclosures: one row for several to one recipient for one purpose
    #[arg(long)]
    summarised: bool,
    /// Disclosures: only what answered the request of this number
    #[arg(long, value_name = "NUMBER")]
    request: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Kind {
    Patient,
    PatientDays,
    User,
    BreakGlass,
    Volume,
    Disclosures,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    Text,
    Csv,
    Json,
}

/// Runs `chartkeep audit report`.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let overseer = Overseer::open(&args.archive)?;
    let question = question(&overseer, args)?;
    let ask = ask(args)?;
    let report = overseer.answer("audit report", "audit.query", question.patients(), |projection| {
        let report = reports::make(projection, &question, &ask)?;
        let words = format!("report={} version={} {}", report.name, report.version.name(), in_words(args));
        let total = report.total;
        Ok((report, total, words.trim().to_string()))
    })?;
    overseer.close();
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Csv => write!(out, "{}", csv::report(&report))?,
        Format::Json => writeln!(out, "{}", json::report(&report))?,
        Format::Text => write_text(&mut out, &report)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn question(overseer: &Overseer, args: &ReportArgs) -> anyhow::Result<Question> {
    let person = || overseer.person(args.patient.as_deref().context("name the patient with --patient")?);
    Ok(match args.report {
        Kind::Patient => Question::Patient(person()?),
        Kind::PatientDays => Question::PatientByDay(person()?),
        Kind::User => {
            let subject = args.user.clone().context("name the person with --user")?;
            Question::User(UserId { issuer: args.issuer.clone(), subject })
        }
        Kind::BreakGlass => Question::BreakGlass,
        Kind::Volume => Question::Volume(args.all),
        Kind::Disclosures => {
            let patients = person()?;
            let keys: Vec<String> = patients.iter().map(ToString::to_string).collect();
            let suspended = overseer.workplace.register()?.suspensions(&keys)?;
            Question::Disclosures { patients, suspended, summarised: args.summarised, request: args.request.clone() }
        }
    })
}

fn ask(args: &ReportArgs) -> anyhow::Result<Ask> {
    let zone = TimeZone::system();
    let date = |text: &Option<String>, read: fn(&str, &TimeZone) -> Option<i64>| match text {
        None => Ok(None),
        Some(text) => read(text, &zone).map(Some).with_context(|| format!("not a date: {text}")),
    };
    let sort = args.sort.as_deref().map(|column| match column.strip_prefix('-') {
        Some(column) => (column.to_string(), true),
        None => (column.to_string(), false),
    });
    let Some(version) = Version::from_name(&args.version) else { bail!("no such version") };
    Ok(Ask { version, from: date(&args.from, range::from)?, to: date(&args.to, range::to)?, sort, zone, ..Ask::default() })
}

fn in_words(args: &ReportArgs) -> String {
    let named = [("user", &args.user), ("from", &args.from), ("to", &args.to), ("sort", &args.sort)];
    named.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))).collect::<Vec<_>>().join(" ")
}

/// For the eye: the sentence, the rows, and what it stands on.
fn write_text(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    writeln!(out, "{}", report.title)?;
    for (name, value) in &report.about {
        writeln!(out, "{name}: {}", printable(value))?;
    }
    writeln!(out, "{}\n", printable(&report.summary))?;
    for row in &report.rows {
        let cells = report.columns.iter().zip(row).filter(|(_, cell)| **cell != Cell::Missing);
        let cells: Vec<String> = cells.map(|(column, cell)| format!("{}: {}", column.head, printable(&cell.text()))).collect();
        writeln!(out, "{}", cells.join("; "))?;
    }
    for note in &report.notes {
        writeln!(out, "{note}")?;
    }
    writeln!(out, "\nTimes in {}. The log as of {}.", report.zone, csv::stands_at(&report.stands_at))
}

/// What users typed, harmless for terminals.
fn printable(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// Take what is new in the access log into the tables that reports ask; with --rebuild make them anew from the log.
///
/// Example: chartkeep audit project /data/old-ehr --rebuild
#[derive(Debug, Args)]
pub struct ProjectArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Forget the tables and read the whole log
    #[arg(long)]
    rebuild: bool,
}

/// Runs `chartkeep audit project`. Shows nothing of the log but how much there is.
pub fn project(args: &ProjectArgs) -> anyhow::Result<ExitCode> {
    let projection = Projection::open(&args.archive)?;
    let entries = if args.rebuild { projection.rebuild()? } else { projection.catch_up()? };
    println!("{entries} entries taken in. The log as of {}.", csv::stands_at(&projection.stands_at()?));
    Ok(ExitCode::SUCCESS)
}
