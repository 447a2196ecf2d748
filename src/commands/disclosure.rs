//! `chartkeep disclosure`: what left the organisation, written down for the accounting; suspensions of it; the accounting.
//!
//! Not for: which disclosures count (`oversight::accounting`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;

use super::operator::{Workplace, operator_entry, operator_name};
use super::overseer::Overseer;
use crate::access::Role;
use crate::audit::{Action, Entry, Recipient};
use crate::oversight::accounting::{Rules, Suspension};
use crate::oversight::forms::csv;
use crate::oversight::reports::disclosures::{DESCRIPTION, DISCLOSED, PURPOSE};
use crate::oversight::reports::{self, Ask, Question};

/// Write down disclosures, suspend their accounting for an agency, account for them to a patient.
#[derive(Debug, Args)]
pub struct DisclosureArgs {
    #[command(subcommand)]
    command: DisclosureCommand,
}

#[derive(Debug, Subcommand)]
enum DisclosureCommand {
    Record(RecordArgs),
    Suspend(SuspendArgs),
    Resume(ResumeArgs),
    Account(AccountArgs),
    Bases(BasesArgs),
}

/// Write down that something about a patient was disclosed to somebody outside.
///
/// Example: chartkeep disclosure record /data/old-ehr --patient mer.123 --to "County Health Department" --basis public-health --what "Two lab reports of March" --why "Reportable disease"
#[derive(Debug, Args)]
struct RecordArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The patient's key, as in the viewer's address
    #[arg(long, value_name = "ID")]
    patient: String,
    /// Name of the person or agency that received it
    #[arg(long, value_name = "NAME")]
    to: String,
    #[arg(long, value_name = "NAME")]
    organisation: Option<String>,
    /// Address, if known
    #[arg(long)]
    address: Option<String>,
    /// Legal basis; `disclosure bases` lists them
    #[arg(long, value_name = "CODE")]
    basis: String,
    /// Brief description of what was disclosed
    #[arg(long, value_name = "TEXT")]
    what: String,
    /// Brief statement of the purpose, or where a copy of the request lies
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Day on which it was disclosed [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
}

/// Leave disclosures to an agency out of the accounting for a time, because it asked for that.
///
/// A written statement says how long; without one thirty days at most.
///
/// Example: chartkeep disclosure suspend /data/old-ehr --patient mer.123 --agency "State Police" --until 2026-12-31 --written --statement "Letter of 3 March, Lt. Doe"
#[derive(Debug, Args)]
struct SuspendArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The patient's key, as in the viewer's address
    #[arg(long, value_name = "ID")]
    patient: String,
    /// The agency, as the disclosures name the recipient
    #[arg(long, value_name = "NAME")]
    agency: String,
    /// Last day of the suspension
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Date,
    /// The statement was given in writing
    #[arg(long)]
    written: bool,
    /// Who asked, and what was shown
    #[arg(long, value_name = "TEXT")]
    statement: String,
}

/// End a suspension before its time.
///
/// Example: chartkeep disclosure resume /data/old-ehr 0198f3c2-7d11-7c55-9f5e-6a0f5d3c1b2a
#[derive(Debug, Args)]
struct ResumeArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Id of the suspension
    id: String,
}

/// Print the accounting that a patient is given, as CSV.
///
/// Example: chartkeep disclosure account /data/old-ehr --patient mer.123 --summarised > accounting.csv
#[derive(Debug, Args)]
struct AccountArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The patient's key, as in the viewer's address
    #[arg(long, value_name = "ID")]
    patient: String,
    /// One row for several disclosures to one recipient for one purpose
    #[arg(long)]
    summarised: bool,
}

/// List the legal bases, and which of them are accounted for.
///
/// Example: chartkeep disclosure bases
#[derive(Debug, Args)]
struct BasesArgs {}

/// Runs `chartkeep disclosure …`.
pub fn run(args: &DisclosureArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        DisclosureCommand::Record(args) => record(args),
        DisclosureCommand::Suspend(args) => suspend(args),
        DisclosureCommand::Resume(args) => resume(args),
        DisclosureCommand::Account(args) => account(args),
        DisclosureCommand::Bases(_) => bases(),
    }
    .map(|()| ExitCode::SUCCESS)
}

fn record(args: &RecordArgs) -> anyhow::Result<()> {
    let rules = Rules::shipped()?;
    let Some(basis) = rules.basis(&args.basis) else { bail!("no such legal basis; `chartkeep disclosure bases` lists them") };
    ensure!(
        [&args.to, &args.what, &args.why].iter().all(|text| !text.trim().is_empty()),
        "recipient, description and purpose are needed"
    );
    let today = jiff::Zoned::now().date();
    let date = args.date.unwrap_or(today);
    ensure!(date <= today, "a disclosure lies not in the future");
    let overseer = Overseer::open(&args.archive)?;
    let patients = overseer.person(&args.patient)?;
    let detail = vec![
        (DISCLOSED, date.to_string()),
        (DESCRIPTION, args.what.clone()),
        (PURPOSE, args.why.clone()),
        ("accountable", basis.accountable.to_string()),
        ("rule", basis.citation.clone()),
        ("rules", format!("{} of {}", rules.version, rules.date)),
    ];
    let entry = Entry {
        action: Action::Create,
        // The key that was named: the accounting finds it by every key of the person.
        patients: patients.into_iter().take(1).collect(),
        recipient: Some(Recipient {
            name: args.to.clone(),
            organisation: args.organisation.clone(),
            address: args.address.clone(),
            authority: Some(basis.code.clone()),
        }),
        ..operator_entry("disclosure", Role::Him, "disclosure record", detail)
    };
    let ack = overseer.workplace.log.append(entry)?;
    overseer.close();
    let counts = if basis.accountable { "stands in the accounting" } else { "need not be accounted for" };
    println!("Disclosure written down as entry {}:{}. It {counts} ({}).", ack.stream, ack.seq, basis.citation);
    Ok(())
}

fn suspend(args: &SuspendArgs) -> anyhow::Result<()> {
    let rules = Rules::shipped()?;
    let now = Timestamp::now().as_second();
    let ends = args.until.tomorrow()?.to_zoned(jiff::tz::TimeZone::system())?.timestamp().as_second();
    ensure!(ends > now, "the suspension would be over already");
    let longest = now + rules.oral_suspension_days * 86_400;
    ensure!(
        args.written || ends <= longest + 86_400,
        "without a written statement a suspension lasts {} days at most",
        rules.oral_suspension_days
    );
    let ends = if args.written { ends } else { ends.min(longest) };
    ensure!(!args.agency.trim().is_empty() && !args.statement.trim().is_empty(), "agency and statement are needed");
    let patient = crate::model::PatientKey::parse(&args.patient).context("not a patient key")?;
    let workplace = Workplace::open(&args.archive)?;
    let suspension = Suspension {
        id: uuid::Uuid::now_v7().to_string(),
        patient: patient.to_string(),
        agency: args.agency.clone(),
        is_written: args.written,
        statement: args.statement.clone(),
        starts: now,
        ends,
        made_by: operator_name(),
        resumed: None,
    };
    let entry = entry_about("disclosure.suspended", "disclosure suspend", &suspension);
    // The log knows of it before it works.
    workplace.log.append(entry)?;
    workplace.register()?.add_suspension(&suspension)?;
    workplace.log.close();
    println!("Suspension {} until {}.", suspension.id, Timestamp::from_second(suspension.ends)?);
    Ok(())
}

fn resume(args: &ResumeArgs) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let ended = workplace.register()?.end_suspension(&args.id)?;
    workplace.log.append(entry_about("disclosure.resumed", "disclosure resume", &ended))?;
    workplace.log.close();
    println!("Suspension {} is ended.", ended.id);
    Ok(())
}

fn entry_about(event: &'static str, command: &str, it: &Suspension) -> Entry {
    let until = Timestamp::from_second(it.ends).map_or_else(|_| String::new(), |at| at.to_string());
    let form = if it.is_written { "written" } else { "oral" };
    let detail = vec![
        ("suspension", it.id.clone()),
        ("agency", it.agency.clone()),
        ("form", form.into()),
        ("statement", it.statement.clone()),
        ("until", until),
    ];
    Entry {
        action: Action::Update,
        patients: crate::model::PatientKey::parse(&it.patient).into_iter().collect(),
        ..operator_entry(event, Role::Him, command, detail)
    }
}

fn account(args: &AccountArgs) -> anyhow::Result<()> {
    let overseer = Overseer::open(&args.archive)?;
    let patients = overseer.person(&args.patient)?;
    let keys: Vec<String> = patients.iter().map(ToString::to_string).collect();
    let suspended = overseer.workplace.register()?.suspensions(&keys)?;
    let question = Question::Disclosures { patients: patients.clone(), suspended, summarised: args.summarised, request: None };
    let report = overseer.answer("disclosure account", "audit.query", &patients, |projection| {
        let report = reports::make(projection, &question, &Ask::default())?;
        let total = report.total;
        Ok((report, total, "report=disclosures version=plain".to_string()))
    })?;
    overseer.close();
    print!("{}", csv::report(&report));
    Ok(())
}

fn bases() -> anyhow::Result<()> {
    for basis in &Rules::shipped()?.basis {
        let counts = if basis.accountable { "accounted for" } else { "exempt" };
        println!("{:22} {:14} {} ({})", basis.code, counts, basis.words, basis.citation);
    }
    Ok(())
}
