//! `chartkeep break-glass`: the uses of break-glass and their review, for those who review at the command line.
//!
//! Not for: breaking the glass, which is done at a chart in the viewer and nowhere else.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use serde_json::json;

use crate::access::Role;
use crate::audit::{BreakGlass, QueryText};
use crate::config::Config;
use crate::limits::BREAK_GLASS_TEXT_MAX;
use crate::model::{Class, PatientKey};
use crate::register::{NewReview, Reviewed, Verdict};

use super::DONE_WITH_FINDINGS;
use super::operator::{Workplace, operator_entry, operator_name};

/// Days within which a use is to be reviewed, when the configuration says nothing else.
const REVIEW_DAYS: u32 = 7;
/// Most uses that are listed.
const LISTED_MAX: i64 = 10_000;

/// List the uses of break-glass that wait for a verdict, and give one.
#[derive(Debug, clap::Args)]
pub struct BreakGlassArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(ListArgs),
    Review(ReviewArgs),
}

/// List uses that wait for a verdict, the longest waiting first.
///
/// Exit code 1 when any is overdue. That the list was read is itself an entry of the access log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep break-glass list archive
  chartkeep break-glass list archive --all --json")]
struct ListArgs {
    /// The archive's folder
    archive: PathBuf,
    /// Also those that have a verdict
    #[arg(long)]
    all: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Give a verdict on one use. Nobody reviews his own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chartkeep break-glass review archive 0192f0c4-… --verdict appropriate --comment 'Seen with the ward'")]
struct ReviewArgs {
    /// The archive's folder
    archive: PathBuf,
    /// The use, as the list names it
    id: String,
    /// appropriate, inappropriate or needs-information
    #[arg(long, value_parser = parse_verdict)]
    verdict: Verdict,
    /// Why; needed for anything but "appropriate"
    #[arg(long, default_value = "")]
    comment: String,
}

fn parse_verdict(text: &str) -> anyhow::Result<Verdict> {
    Verdict::from_name(text).context("a verdict is appropriate, inappropriate or needs-information")
}

/// Runs `chartkeep break-glass`.
pub fn run(args: &BreakGlassArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::List(args) => list(args),
        Action::Review(args) => review(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let days = Config::load(&args.archive)?.notices.review_days.unwrap_or(REVIEW_DAYS);
    let workplace = Workplace::open(&args.archive)?;
    let found = workplace.register()?.reviews(args.all, LISTED_MAX)?;
    let mut looked = operator_entry("audit.query", Role::Reviewer, "break-glass list", Vec::new());
    looked.patients = found.iter().flat_map(|reviewed| reviewed.it.patients.clone()).collect();
    looked.query = Some(QueryText {
        hits: Some(found.len() as u64),
        text: Some("break-glass reviews".into()),
        ..looked.query.unwrap_or_default()
    });
    workplace.log.append(looked)?;
    let now = Timestamp::now().as_second();
    let is_overdue = |reviewed: &Reviewed| reviewed.is_open() && reviewed.due(days) < now;
    for reviewed in &found {
        let line =
            if args.json { as_json(reviewed, days, is_overdue(reviewed)) } else { as_line(reviewed, days, is_overdue(reviewed)) };
        println!("{line}");
    }
    let overdue = found.iter().filter(|reviewed| is_overdue(reviewed)).count();
    if !args.json {
        let open = found.iter().filter(|reviewed| reviewed.is_open()).count();
        eprintln!("{open} to review, {overdue} of them overdue.");
    }
    Ok(if overdue > 0 { ExitCode::from(DONE_WITH_FINDINGS) } else { ExitCode::SUCCESS })
}

fn instant(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

fn as_line(reviewed: &Reviewed, days: u32, overdue: bool) -> String {
    let it = &reviewed.it;
    let state = match reviewed.verdict {
        _ if overdue => "OVERDUE",
        Some(verdict) => verdict.name(),
        None => "to review",
    };
    let patient = it.patients.first().map(PatientKey::as_str).unwrap_or_default();
    let (started, due) = (instant(it.started), instant(reviewed.due(days)));
    format!("{}  {started}  {state:17}  by {due}  {}  {patient}  {}  {} records", it.id, it.subject, it.reason_code, it.records)
}

fn as_json(reviewed: &Reviewed, days: u32, overdue: bool) -> String {
    let it = &reviewed.it;
    let value = json!({
        "id": it.id,
        "started": instant(it.started),
        "stopped": it.stopped.map(instant),
        "review_by": instant(reviewed.due(days)),
        "overdue": overdue,
        "verdict": reviewed.verdict.map(Verdict::name),
        "user": { "iss": it.issuer, "sub": it.subject, "name": it.name, "role": it.role },
        "patients": it.patients.iter().map(PatientKey::as_str).collect::<Vec<_>>(),
        "classes": it.classes.classes().map(Class::name).collect::<Vec<_>>(),
        "reason": it.reason_code,
        "text": it.reason_text,
        "answers": it.answers,
        "records": it.records,
    });
    value.to_string()
}

fn review(args: &ReviewArgs) -> anyhow::Result<ExitCode> {
    let comment = args.comment.trim();
    ensure!(!comment.is_empty() || args.verdict == Verdict::Appropriate, "say in --comment why");
    ensure!(comment.chars().count() <= BREAK_GLASS_TEXT_MAX, "a comment has at most {BREAK_GLASS_TEXT_MAX} characters");
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let reviewer = operator_name();
    let it = register.reviewable(&args.id, "cli", &reviewer)?;
    let detail = vec![("verdict", args.verdict.name().to_string()), ("comment", comment.to_string())];
    let mut given = operator_entry("btg.reviewed", Role::Reviewer, "break-glass review", detail);
    given.patients = it.patients;
    given.break_glass = Some(BreakGlass { id: it.id, reason_code: it.reason_code, ..BreakGlass::default() });
    workplace.log.append(given)?;
    let review = NewReview {
        issuer: "cli".into(),
        subject: reviewer.clone(),
        name: reviewer,
        verdict: args.verdict,
        comment: comment.to_string(),
    };
    register.review(&args.id, &review)?;
    eprintln!("Recorded.");
    Ok(ExitCode::SUCCESS)
}
