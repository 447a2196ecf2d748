//! `chartkeep audit expire`: lets entries go whose time is over, and keeps what proves them.
//!
//! Not for: which segments may go (`audit`).

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;

use ahash::AHashMap;
use anyhow::{Context, ensure};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::access::{Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::audit::{self, Approval, Candidate, Stays};
use crate::config::Config;
use crate::model::{PatientKey, When};
use crate::query::{Archive, QueryError};
use crate::signing::KeyPurpose;

use super::super::operator::{Workplace, operator_entry, operator_name};
use super::floor::Floors;

/// Let go of entries whose retention is over. Whole segments go; hashes, checkpoints and proofs stay.
///
/// Kept are: entries younger than `retention_years` of the configuration (never less than 6), those of a segment that
/// names a patient under hold, and those of one that names a patient whose own time is not over: a minor until some years after
/// majority, and any patient as long as the record is kept (schemas/retention.toml, or the file that `retention` in [audit]
/// names). Two people are needed: the operator, and the one who approved. --dry-run shows what would go and why the rest stays.
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
    let floors = Floors::load(config.audit.retention.as_deref())?;
    let candidates = looked_at(args, &archive, &workplace, &floors, before)?;
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

/// The closed segments with what keeps each. Charts are read for the dates that the rules ask of, and only of patients whom old
/// entries name.
fn looked_at(
    args: &ExpireArgs,
    archive: &Archive,
    workplace: &Workplace,
    floors: &Floors,
    before: Timestamp,
) -> anyhow::Result<Vec<Candidate>> {
    let principal = Principal::operator(&operator_name(), Role::Him, Purpose::RecordManagement);
    let context = RequestContext {
        request_id: uuid::Uuid::now_v7().to_string(),
        method: "CLI".into(),
        path: "audit expire".into(),
        ..RequestContext::default()
    };
    let permit = workplace.gate()?.ask(&principal, Scope::Everything, context)?;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let person = |patient: &PatientKey| archive.said_of(patient).0;
    let known: RefCell<AHashMap<PatientKey, bool>> = RefCell::default();
    let trouble: RefCell<Option<QueryError>> = RefCell::default();
    let is_kept_alone = |patient: &PatientKey| {
        if let Some(known) = known.borrow().get(patient) {
            return *known;
        }
        let is_kept = match archive.chart_index(&permit, patient) {
            Ok(index) => {
                let born = index.identity.birth_date.as_ref().map(When::date_text);
                let records = index.coverage.iter().filter_map(|it| Some((&*it.source_system, it.last.as_ref()?.date_text())));
                floors.until(born, records).is_some_and(|until| until >= today)
            }
            // Whom no record names has no time of his own.
            Err(QueryError::NotFound) => false,
            Err(error) => {
                trouble.replace(Some(error));
                true
            }
        };
        known.borrow_mut().insert(patient.clone(), is_kept);
        is_kept
    };
    let is_kept = |patient: &PatientKey| is_kept_alone(patient) || person(patient).iter().any(&is_kept_alone);
    let candidates = audit::retention_candidates(&args.archive, before, &person, &is_kept)?;
    // Read and not shown: only keys come out of it.
    let count = known.borrow().len() as u64;
    let shown = Shown { event: "identity.reviewed", hits: Some(count), ..Shown::default() };
    permit.answer((), shown)?;
    match trouble.into_inner() {
        Some(error) => Err(error).context("a chart could not be read, so it is not known what has to stay"),
        None => Ok(candidates),
    }
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
