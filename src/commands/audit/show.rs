//! `chartkeep audit show`: entries for the eye.
//!
//! Not for: reports that a lay reader understands (`audit report`).

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::access::Role;
use crate::audit::{self, Action, Entry, Found, Query, QueryText};

use super::super::operator::{Workplace, operator_entry};

/// Show who did what, newest first. That it was shown is logged as well.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  chartkeep audit show /data/old-ehr --patient mer.123 --limit 50")]
pub struct ShowArgs {
    /// Folder of the archive
    pub archive: PathBuf,
    /// Only entries that concern this patient (its key, as in the viewer's address)
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// Only entries of this user
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Only this event, for instance record.read
    #[arg(long, value_name = "EVENT")]
    pub event: Option<String>,
    /// Most entries shown
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
    /// Print one JSON object with the entries as they stand in the log
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let query = Query {
        patient: args.patient.clone(),
        user: args.user.clone(),
        event: args.event.clone(),
        limit: args.limit,
        ..Query::default()
    };
    let found = audit::read(&args.archive, &query).context("cannot read the audit log")?;
    log_showing(args, found.len() as u64).context("showing the log must itself be logged")?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let entries: Vec<Value> = found.iter().map(|f| json!({ "stream": f.stream, "entry": f.entry })).collect();
        writeln!(out, "{}", json!({ "entries": entries }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for entry in &found {
        writeln!(out, "{}", line(entry))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing of the log is printed before the entry that says so is on disk.
fn log_showing(args: &ShowArgs, hits: u64) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let mut parts = Vec::new();
    for (name, value) in [("patient", &args.patient), ("user", &args.user), ("event", &args.event)] {
        parts.extend(value.as_ref().map(|v| format!("{name}={v}")));
    }
    let query = QueryText { method: "CLI".into(), path: "audit show".into(), text: Some(parts.join("&")), hits: Some(hits) };
    let entry = Entry {
        action: Action::Read,
        patients: args.patient.as_deref().and_then(crate::model::PatientKey::parse).into_iter().collect(),
        query: Some(query),
        ..operator_entry("audit.query", Role::Compliance, "audit show", Vec::new())
    };
    workplace.log.append(entry)?;
    workplace.log.close();
    Ok(())
}

/// One entry for the eye: time, event, outcome, who, whom, what.
fn line(found: &Found) -> String {
    let entry = &found.entry;
    let member = |object: &str, name: &str| text(entry.get(object).and_then(|o| o.get(name)));
    let mut parts = vec![
        text(entry.get("ts")),
        format!("{}/{}", found.stream, found.seq),
        text(entry.get("event")),
        if text(entry.get("outcome")) == "0" { "ok".to_string() } else { "failed".to_string() },
        member("user", "sub"),
    ];
    parts.extend(objects(entry, "patients").map(|p| format!("patient {}", text(p.get("archive_id")))));
    parts.extend(
        objects(entry, "shown")
            .map(|s| format!("{} records ({} {})", text(s.get("count")), text(s.get("accession")), text(s.get("ordinals")))),
    );
    parts.push(member("query", "clean"));
    parts.retain(|part| !part.is_empty());
    parts.join("  ")
}

fn objects<'a>(entry: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    entry.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A value as one line of text. What users typed is made harmless for terminals.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.chars().map(|c| if is_unprintable(c) { '\u{fffd}' } else { c }).collect(),
        Some(other) => other.to_string(),
    }
}

/// Control characters, line separators and marks that turn the direction of text.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::super::tests::archive;
    use super::*;

    #[test]
    fn looking_at_the_log_is_logged_and_needs_the_key() {
        let (dir, archive) = archive();
        let args =
            ShowArgs { archive: archive.clone(), patient: Some("mer.1".into()), user: None, event: None, limit: 5, json: false };
        run(&args).unwrap();
        let found = audit::read(&archive, &Query { patient: Some("mer.1".into()), ..Query::default() }).unwrap();
        assert_eq!((found.len(), found[0].entry["event"].as_str()), (1, Some("audit.query")));
        assert!(line(&found[0]).contains("patient mer.1"));
        std::fs::rename(dir.path().join("archive.keys"), dir.path().join("away")).unwrap();
        assert!(run(&args).is_err());
    }

    #[test]
    fn what_users_typed_does_not_reach_the_terminal_raw() {
        assert_eq!(text(Some(&json!("a\n\u{1b}[31m\u{2028}b"))), "a\u{fffd}\u{fffd}[31m\u{fffd}b");
    }
}
