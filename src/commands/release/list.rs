//! `chartkeep release list`: requests for records, those due first.
//!
//! Not for: one request (`show`).

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::office::at_the_desk;
use crate::release::desk::Row;

/// List requests for records with their state and when they are due. That you looked is written to the access log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep release list /data/old-ehr
  chartkeep release list /data/old-ehr --ended --json")]
pub struct ListArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Also those that are over
    #[arg(long)]
    ended: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let rows = at_the_desk(&args.archive, "release list", async |office| {
        Ok(office.desk.list(args.ended, &office.worker()).await?.into_inner())
    })?;
    if !args.json {
        println!("{:12} {:12} {:11} {:9} {:20} for", "number", "state", "due", "priority", "basis");
    }
    for row in &rows {
        if args.json {
            println!("{}", object(row));
        } else {
            let due = row.due.map_or_else(String::new, day);
            let late = if row.is_overdue { "!" } else { "" };
            println!(
                "{:12} {:12} {:11} {:9} {:20} {}",
                row.number,
                row.state,
                format!("{due}{late}"),
                row.priority,
                row.basis,
                row.requester
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn object(row: &Row) -> serde_json::Value {
    json!({
        "number": row.number,
        "state": row.state,
        "basis": row.basis,
        "priority": row.priority,
        "due": row.due.map(day),
        "overdue": row.is_overdue,
        "assignee": row.assignee,
        "requester": row.requester,
    })
}

/// A day in UTC.
fn day(at: i64) -> String {
    Timestamp::from_second(at).map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d").to_string())
}
