//! `chartkeep audit expire`: lets entries go whose time is over, and keeps what proves them.
//!
//! Not for: which segments may go (`audit`).

use std::path::PathBuf;
use std::process::ExitCode;

use ahash::AHashSet;
use anyhow::{Context, ensure};
use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::access::{Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::audit::{self, Approval, Candidate, Stays};
use crate::config::Config;
use crate::model::PatientKey;
use crate::query::Archive;
use crate::signing::KeyPurpose;

use super::super::operator::{Workplace, operator_entry, operator_name};

/// Age of majority and the two years after it (ASTM E2147-18 §4.1): entries about a patient stay until then.
const MINOR_YEARS: i64 = 18 + 2;

/// Let go of entries whose retention is over. Whole segments go; hashes, checkpoints and proofs stay.
///
/// Kept are: entries younger than `retention_years` of the configuration (never less than 6), those of a segment that
/// names a patient under hold, and those of one that names a patient younger than 20 years. Two people are needed: the
/// operator, and the one who approved. --dry-run shows what would go and why the rest stays.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chartkeep audit expire /data/old-ehr --dry-run
  chartkeep audit expire /data/old-ehr --before 2016-01-01 --approved-by r.alvarez --reason 'schedule 4.2, ten years'")]
pub struct ExpireArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Only entries before this day [default: all whose retention is over]
    #[arg(long, value_name = "YYYY-MM-DD")]
    before: Option<Date>,
    /// Who approved it, in the words of your institution; not the operator
    #[arg(long, value_name = "NAME", required_unless_present = "dry_run")]
    approved_by: Option<String>,
    /// Why; stands in the log and in the note that takes the entries' place
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Only show what would go
    #[arg(long)]
    dry_run: bool,
}

pub fn run(args: &ExpireArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.archive)?;
    let latest = audit::cutoff(Timestamp::now(), config.audit.retention_years);
    let before = match args.before {
        Some(day) => day.to_zoned(TimeZone::UTC)?.timestamp(),
        None => latest,
    };
    ensure!(
        before <= latest,
        "entries are kept for {} years: nothing after {} may go",
        config.audit.retention_years.max(audit::RETENTION_YEARS_MIN),
        latest.strftime("%Y-%m-%d")
    );
    let workplace = Workplace::open(&args.archive)?;
    let archive = Archive::open(&args.archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover)?;
    let minors = minors(&archive, &workplace)?;
    let person = |patient: &PatientKey| archive.said_of(patient).0;
    let is_kept = |patient: &PatientKey| minors.contains(patient) || person(patient).iter().any(|key| minors.contains(key));
    let candidates = audit::retention_candidates(&args.archive, before, &person, &is_kept)?;
    candidates.iter().for_each(|candidate| println!("{}", line(candidate)));
    let going: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.stays.is_none()).collect();
    let entries: u64 = going.iter().map(|candidate| candidate.end - candidate.first).sum();
    if args.dry_run || going.is_empty() {
        println!("{} segments with {entries} entries may go.", going.len());
        workplace.log.close();
        return Ok(ExitCode::SUCCESS);
    }
    let approval = Approval {
        operator: operator_name(),
        approver: args.approved_by.clone().context("name who approved it")?,
        reason: args.reason.clone().context("a reason is missing")?,
    };
    let signer = workplace.signer(KeyPurpose::Audit)?;
    let template = operator_entry("audit.retired", Role::Archivist, "audit expire", Vec::new());
    let done = audit::retire(&args.archive, &workplace.ring, &signer, &workplace.log, &candidates, &approval, &template);
    workplace.log.close();
    let (segments, entries) = done?;
    println!("{segments} segments with {entries} entries are gone; their hashes and checkpoints stay.");
    Ok(ExitCode::SUCCESS)
}

/// Patients whose own time is not over. One without a birth date, or whom no record names, has none.
fn minors(archive: &Archive, workplace: &Workplace) -> anyhow::Result<AHashSet<PatientKey>> {
    let latest = Timestamp::now().to_zoned(TimeZone::UTC).date().checked_sub(MINOR_YEARS.years())?;
    let gate = workplace.gate()?;
    let principal = Principal::operator(&operator_name(), Role::Him, Purpose::RecordManagement);
    let context = RequestContext {
        request_id: uuid::Uuid::now_v7().to_string(),
        method: "CLI".into(),
        path: "audit expire".into(),
        ..RequestContext::default()
    };
    let permit = gate.ask(&principal, Scope::Everything, context)?;
    let (mut minors, mut count) = (AHashSet::new(), 0);
    archive.each_patient(&permit, &mut |key, record| {
        count += 1;
        let patient: Value = serde_json::from_str(&record.json).unwrap_or_default();
        if patient.get("birthDate").and_then(Value::as_str).is_some_and(|born| is_after(born, latest)) {
            minors.insert(key.clone());
        }
    })?;
    // Read and not shown: only keys come out of it.
    let shown = Shown { event: "identity.reviewed", hits: Some(count), ..Shown::default() };
    Ok(permit.answer(minors, shown)?.into_inner())
}

/// Whether a birth date may lie after a day; one that says less than a day counts as late as it can be.
fn is_after(born: &str, day: Date) -> bool {
    let latest = match born.len() {
        4 => format!("{born}-12-31"),
        7 => format!("{born}-28"),
        _ => born.chars().take(10).collect(),
    };
    latest.parse::<Date>().is_ok_and(|date| {
        let date = if born.len() == 7 { date.last_of_month() } else { date };
        date > day
    })
}

fn line(candidate: &Candidate) -> String {
    let Candidate { stream, first, end, oldest, newest, .. } = candidate;
    let fate = match &candidate.stays {
        None => "may go".to_string(),
        Some(Stays::TooYoung) => "stays: not old enough".to_string(),
        Some(Stays::Hold(patient)) => format!("stays: {} is under hold", patient.as_str()),
        Some(Stays::Patient(patient)) => format!("stays: the time of {} is not over", patient.as_str()),
        Some(Stays::EndOfHold) => "stays: it ends a hold whose beginning stays".to_string(),
    };
    let day = |time: &Timestamp| time.strftime("%Y-%m-%d").to_string();
    format!("{stream} {first}–{}  {} to {}  {fate}", end - 1, day(oldest), day(newest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_date_that_says_little_counts_as_late() {
        let day: Date = "2006-05-10".parse().unwrap();
        for (born, after) in [
            ("2006-05-10", false),
            ("2006-05-11", true),
            ("2006-05", true),
            ("2006-04", false),
            ("2006", true),
            ("2005", false),
            ("unknown", false),
        ] {
            assert_eq!(is_after(born, day), after, "{born}");
        }
    }
}
