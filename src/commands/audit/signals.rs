//! `chartkeep audit signals`: what of a day is worth a look, each flag with its evidence.
//!
//! Not for: verdicts. A flag asks somebody to look; every sign has innocent explanations.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use jiff::civil::Date;
use serde_json::json;

use crate::commands::overseer::Overseer;
use crate::config::Config;
use crate::oversight::UserId;
use crate::oversight::signals::{CaredFor, Findings, Flag, Sources, judge};

/// Look for signs of snooping in one day of the access log.
///
/// Compares who looked with whom they looked at: same name, house or phone, colleagues, own charts, charts that nobody else of
/// the department opened, walks along record numbers, unusual amounts. Signs add up to one score in bits; a weak sign alone
/// never makes a flag. With --workforce the users' own names and addresses are compared too: they are read, hashed and forgotten;
/// their departments are compared with those that treated the patient. Care relations count when some are imported.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep audit signals /data/old-ehr
  chartkeep audit signals /data/old-ehr --day 2026-03-14 --workforce staff.csv --top 50
  chartkeep audit signals /data/old-ehr --json > signals.json

The workforce file is a CSV with a heading: user, and any of given, surname, patient, street, zip, phone, job, department,
facility, until. Departments are named as the locations of visits are. That of sites has range and site; the news list has
patient (the archive's key) and, if you like, from and until.")]
pub struct SignalsArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Day to judge, YYYY-MM-DD [default: yesterday]
    #[arg(long)]
    day: Option<Date>,
    /// Who the users are, CSV [default: the configuration's]
    #[arg(long, value_name = "FILE")]
    workforce: Option<PathBuf>,
    /// Address ranges of your sites, CSV [default: the configuration's]
    #[arg(long, value_name = "FILE")]
    sites: Option<PathBuf>,
    /// Patients in the news, CSV [default: the configuration's]
    #[arg(long, value_name = "FILE")]
    news: Option<PathBuf>,
    /// People to list
    #[arg(long, default_value_t = 50)]
    top: usize,
    #[arg(long)]
    json: bool,
}

/// Runs `chartkeep audit signals`.
pub fn run(args: &SignalsArgs) -> anyhow::Result<ExitCode> {
    let overseer = Overseer::open(&args.archive)?;
    let yesterday = jiff::Zoned::now().date().yesterday()?;
    let day = args.day.unwrap_or(yesterday);
    let mut config = Config::load(&args.archive)?.audit;
    for (file, given) in
        [(&mut config.workforce, &args.workforce), (&mut config.sites, &args.sites), (&mut config.news, &args.news)]
    {
        *file = given.clone().or(file.take());
    }
    let register = overseer.workplace.register()?;
    let cared_for = |user: &UserId, from: i64, to: i64| register.cared_for(&user.issuer, &user.subject, from, to);
    let relations: Option<CaredFor<'_>> = if register.has_care_relations()? { Some(&cared_for) } else { None };
    let archive = overseer.opened().context("the archive holds nothing that could be opened")?;
    let (findings, troubles) = overseer.answer("audit signals", "audit.query", &[], |projection| {
        projection.catch_up()?;
        let judged = judge(&Sources { archive, projection, config: &config, relations }, day)?;
        let listed = judged.0.people().take(args.top).count() as u64;
        Ok((judged, listed, format!("signals of {day}")))
    })?;
    for trouble in &troubles {
        eprintln!("row {} of the file of {} was left out: {}", trouble.row, trouble.file, trouble.what);
    }
    if args.json {
        let people: Vec<_> = findings.people().take(args.top).map(|flags| flags.iter().map(value).collect::<Vec<_>>()).collect();
        println!("{}", json!({"day": day.to_string(), "acts": findings.acts, "users": findings.users, "people": people}));
    } else {
        write_text(&findings, day, args.top);
    }
    overseer.close();
    Ok(ExitCode::SUCCESS)
}

fn value(flag: &Flag) -> serde_json::Value {
    let evidence: Vec<_> = flag.evidence.iter().map(|line| json!({"bits": line.bits, "words": line.words})).collect();
    json!({
        "issuer": flag.user.issuer, "user": flag.user.subject, "name": flag.user_name, "job": flag.job,
        "patient": flag.patient.as_ref().map(ToString::to_string), "score": flag.score, "acts": flag.acts,
        "charts": flag.charts, "evidence": evidence,
    })
}

fn write_text(findings: &Findings, day: Date, top: usize) {
    println!("{day}: {} acts of {} people.", findings.acts, findings.users);
    if findings.flags.is_empty() {
        println!("Nothing of this day adds up to a flag. That is no proof that nothing happened.");
        return;
    }
    for (rank, flags) in findings.people().take(top).enumerate() {
        let Some(first) = flags.first() else { continue };
        println!("\n{}. {} ({}, {})", rank + 1, first.user.subject, first.user.issuer, first.job);
        for flag in flags {
            let what = flag.patient.as_ref().map_or("the whole day".to_string(), |patient| format!("chart {patient}"));
            println!("   {what}: {:.1} bits, {} acts", flag.score, flag.acts);
            flag.evidence.iter().for_each(|line| println!("     {:+6.1}  {}", line.bits, line.words));
        }
    }
    println!("\nA flag asks for a look and is no verdict.");
}
