//! `chartkeep audit hold`: patients whose entries must not go, whatever their age.
//!
//! Not for: holds on records; nothing of a record is ever deleted here.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use crate::access::Role;
use crate::audit::{self, Action, Entry};
use crate::model::PatientKey;

use super::super::operator::{Workplace, operator_entry};

/// Keep the entries of a patient from being retired, as a legal hold asks.
#[derive(Debug, Args)]
pub struct HoldArgs {
    #[command(subcommand)]
    action: HoldAction,
}

#[derive(Debug, Subcommand)]
enum HoldAction {
    /// Set a hold on a patient
    #[command(after_help = "Example:\n  chartkeep audit hold set /data/old-ehr mer.123 --reason 'preservation letter of 3 May'")]
    Set(OneArgs),
    /// Clear the hold on a patient
    #[command(after_help = "Example:\n  chartkeep audit hold clear /data/old-ehr mer.123 --reason 'case closed'")]
    Clear(OneArgs),
    /// List the patients under hold
    #[command(after_help = "Example:\n  chartkeep audit hold list /data/old-ehr")]
    List {
        /// Folder of the archive
        archive: PathBuf,
    },
}

#[derive(Debug, Args)]
struct OneArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The patient's key, as in the viewer's address
    patient: String,
    /// Why; stands in the log
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub fn run(args: &HoldArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        HoldAction::Set(args) => say(args, "hold.set"),
        HoldAction::Clear(args) => say(args, "hold.cleared"),
        HoldAction::List { archive } => list(archive),
    }
}

fn say(args: &OneArgs, event: &'static str) -> anyhow::Result<ExitCode> {
    let patient = PatientKey::parse(&args.patient).context("not a patient key")?;
    ensure!(!args.reason.trim().is_empty(), "a reason is missing");
    let workplace = Workplace::open(&args.archive)?;
    let is_held = audit::holds(&args.archive)?.contains_key(&patient);
    match (event, is_held) {
        ("hold.set", true) => println!("{} is under hold already.", args.patient),
        ("hold.cleared", false) => println!("{} is not under hold.", args.patient),
        _ => {
            let entry = operator_entry(event, Role::Him, "audit hold", vec![("reason", args.reason.clone())]);
            workplace.log.append(Entry { action: Action::Update, patients: vec![patient], ..entry })?;
            println!("{} is {} hold.", args.patient, if event == "hold.set" { "under" } else { "no longer under" });
        }
    }
    workplace.log.close();
    Ok(ExitCode::SUCCESS)
}

fn list(archive: &Path) -> anyhow::Result<ExitCode> {
    let holds = audit::holds(archive)?;
    let workplace = Workplace::open(archive)?;
    let entry = operator_entry("audit.query", Role::Him, "audit hold list", vec![("holds", holds.len().to_string())]);
    workplace.log.append(Entry { action: Action::Read, patients: holds.keys().cloned().collect(), ..entry })?;
    workplace.log.close();
    for (patient, since) in &holds {
        println!("{}  since {}", patient.as_str(), since.strftime("%Y-%m-%d"));
    }
    println!("{} patients under hold.", holds.len());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::super::tests::archive;
    use super::*;

    #[test]
    fn a_hold_is_set_once_and_cleared_once() {
        let (_dir, archive) = archive();
        let args = OneArgs { archive: archive.clone(), patient: "mer.1".into(), reason: "letter".into() };
        for (event, held) in [("hold.cleared", 0), ("hold.set", 1), ("hold.set", 1), ("hold.cleared", 0)] {
            say(&args, event).unwrap();
            assert_eq!(audit::holds(&archive).unwrap().len(), held, "{event}");
        }
        list(&archive).unwrap();
        let of =
            |event: &str| audit::read(&archive, &audit::Query { event: Some(event.into()), ..Default::default() }).unwrap().len();
        assert_eq!((of("hold.set"), of("hold.cleared")), (1, 1));
    }
}
