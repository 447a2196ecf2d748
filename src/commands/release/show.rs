//! `chartkeep release show`: one request as it stands, and what was done with it.
//!
//! Not for: its records and pages, which people look at in the workspace.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;

use super::office::at_the_desk;
use crate::release::desk::View;

/// Show a request: who asks, on which basis, where it stands, what it lacks, every step, and its packages. That you looked is
/// written to the access log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chartkeep release show /data/old-ehr 2026-000123")]
pub struct ShowArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Number of the request
    number: String,
}

pub fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let view = at_the_desk(&args.archive, "release show", async |office| {
        Ok(office.desk.get(&args.number, &office.worker()).await?.into_inner())
    })?;
    print!("{}", words(&view));
    Ok(ExitCode::SUCCESS)
}

fn words(view: &View) -> String {
    let (case, request) = (&view.case, &view.case.request);
    let mut out = format!("Request {}, {}\n", case.number, case.state.name());
    let mut line = |label: &str, text: String| {
        if !text.is_empty() {
            out += &format!("  {label:<11} {text}\n");
        }
    };
    line("asked by", [request.requester.name.as_str(), &request.requester.organisation].join(" ").trim().to_owned());
    line("goes to", [request.recipient().name.as_str(), &request.recipient().organisation].join(" ").trim().to_owned());
    line("basis", view.row.basis_words.clone());
    line("purpose", request.purpose.clone());
    line("received", time(case.received));
    line("due", view.row.due.map(time).unwrap_or_default() + if view.row.is_overdue { ", overdue" } else { "" });
    for subject in &request.subjects {
        let found = if subject.keys.is_empty() { "not found yet".to_owned() } else { subject.keys.join(", ") };
        line("patient", format!("{} ({found})", subject.name));
    }
    line("lacks", view.incomplete.join(", "));
    for check in &view.missing {
        line("unanswered", check.words.clone());
    }
    if !view.undecided.is_empty() {
        line("undecided", format!("{} flagged items", view.undecided.len()));
    }
    for (at, package) in case.packages.iter().enumerate() {
        line(
            "package",
            format!("{}: {} pages, {} bytes, SHA-256 {}", at + 1, package.pages, package.bytes, package.package_sha256),
        );
        if !package.first_bates.is_empty() {
            line("", format!("{} to {}", package.first_bates, package.last_bates));
        }
    }
    out += "Steps\n";
    for step in &view.history {
        let entry = step.entry.as_deref().unwrap_or("-");
        out += &format!("  {}  {:20} {} ({entry})\n", time(step.step.at), step.who, step.words);
    }
    out
}

fn time(at: i64) -> String {
    Timestamp::from_second(at).map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d %H:%MZ").to_string())
}
