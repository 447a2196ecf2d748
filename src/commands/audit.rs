//! `chartkeep audit show` and `chartkeep audit verify`.
//!
//! Not for: the log itself (`audit`). Showing the log is an event of the log.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{audit_bundle, audit_export, audit_report};
use crate::audit::{self, Action, AuditLog, Entry, Found, Query, QueryText, Report, User};
use crate::signing::{KeyPurpose, KeyRing, VerifierKey, default_private_dir, load_signer};

/// Look into the audit log, or prove that nobody changed it.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Show(ShowArgs),
    Verify(VerifyArgs),
    Report(audit_report::ReportArgs),
    Export(audit_export::ExportArgs),
    Bundle(audit_bundle::BundleArgs),
    CheckBundle(audit_bundle::CheckBundleArgs),
    Project(audit_report::ProjectArgs),
}

/// Show who did what, newest first. That it was shown is logged as well.
///
/// Example: chartkeep audit show /data/old-ehr --patient mer.123 --limit 50
#[derive(Debug, Args)]
struct ShowArgs {
    /// Folder of the archive.
    archive: PathBuf,
    /// Only entries that concern this patient (its key, as in the viewer's address).
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// Only entries of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only this event, for instance record.read.
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Most entries shown.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Print one JSON object with the entries as they stand in the log.
    #[arg(long)]
    json: bool,
    /// Folder of the private keys; default: <ARCHIVE>.keys
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

/// Check every byte of the audit log: checksums, hash chain, Merkle roots, signatures. Exit code 2 when anything does not check.
///
/// Example: chartkeep audit verify /data/old-ehr --trust keys-held-elsewhere.txt
#[derive(Debug, Args)]
struct VerifyArgs {
    /// Folder of the archive.
    archive: PathBuf,
    /// File with public keys held outside the archive, one to a line; the archive's first keys must be among them.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs `chartkeep audit …`.
pub fn run(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        AuditCommand::Show(args) => show(args),
        AuditCommand::Verify(args) => verify(args),
        AuditCommand::Report(args) => audit_report::run(args),
        AuditCommand::Export(args) => audit_export::run(args),
        AuditCommand::Bundle(args) => audit_bundle::run(args),
        AuditCommand::CheckBundle(args) => audit_bundle::check(args),
        AuditCommand::Project(args) => audit_report::project(args),
    }
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let query = Query {
        patient: args.patient.clone(),
        user: args.user.clone(),
        event: args.event.clone(),
        limit: args.limit,
        ..Query::default()
    };
    let found = audit::read(&args.archive, &query).context("cannot read the audit log")?;
    log_showing(args, found.len() as u64)?;
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
    let private_dir = args.keys.clone().unwrap_or_else(|| default_private_dir(&args.archive));
    let signer = load_signer(&private_dir, KeyPurpose::Audit).context("showing the log must itself be logged")?;
    let log = AuditLog::open(&args.archive, Arc::new(signer)).context("showing the log must itself be logged")?;
    let mut parts = Vec::new();
    for (name, value) in [("patient", &args.patient), ("user", &args.user), ("event", &args.event)] {
        parts.extend(value.as_ref().map(|v| format!("{name}={v}")));
    }
    let query = QueryText { method: "CLI".into(), path: "audit show".into(), text: Some(parts.join("&")), hits: Some(hits) };
    let entry = Entry {
        action: Action::Read,
        user: Some(operator()),
        patients: args.patient.as_deref().and_then(crate::model::PatientKey::parse).into_iter().collect(),
        purpose: Some("HCOMPL"),
        query: Some(query),
        ..Entry::new("audit.query")
    };
    log.append(entry)?;
    log.close();
    Ok(())
}

/// Whoever runs the command, by the name that the system gives.
fn operator() -> User {
    let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_else(|_| "unknown".to_string());
    User { iss: "cli".into(), sub: name.clone(), name, roles: Vec::new() }
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
fn text(value: Option<&Value>) -> String {
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

fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let report = check(&args.archive, args.trust.as_deref())?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let findings: Vec<Value> =
            report.findings.iter().map(|f| json!({ "file": f.file, "offset": f.offset, "what": f.what })).collect();
        let counts = [("streams", report.streams), ("entries", report.entries), ("checkpoints", report.checkpoints)];
        let mut object = Map::new();
        object.insert("ok".into(), report.ok().into());
        object.insert("bytes".into(), report.bytes.into());
        object.extend(counts.map(|(name, count)| (name.to_string(), count.into())));
        object.insert("findings".into(), findings.into());
        writeln!(out, "{}", Value::Object(object))?;
    } else {
        for finding in &report.findings {
            writeln!(out, "{} at byte {}: {}", finding.file, finding.offset, finding.what)?;
        }
        let verdict = if report.ok() { "all in order" } else { "NOT in order" };
        let Report { streams, entries, checkpoints, .. } = report;
        writeln!(out, "{entries} entries in {streams} streams under {checkpoints} signed checkpoints: {verdict}")?;
    }
    Ok(if report.ok() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// The check of the ring and of the log. The first only matters to the second, and a bad ring can vouch for nothing.
fn check(archive: &Path, trust: Option<&Path>) -> anyhow::Result<Report> {
    let (ring, mut ring_findings) = KeyRing::check(archive).context("cannot read the archive's public keys")?;
    if let Some(path) = trust {
        ring_findings.extend(ring.check_against(&trusted_keys(path)?));
    }
    let mut report = audit::verify(archive, &ring);
    let of_ring = ring_findings.into_iter().map(|f| audit::LogFinding { file: f.file, offset: 0, what: f.what });
    report.findings.splice(0..0, of_ring);
    Ok(report)
}

/// Public keys held elsewhere: one to a line; empty lines and lines that start with `#` do not count.
fn trusted_keys(path: &Path) -> anyhow::Result<Vec<VerifierKey>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines.map(|l| VerifierKey::parse(l).with_context(|| format!("{} holds a line that is no key", path.display()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::init_keys;

    fn archive() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("archive");
        init_keys(&archive, &default_private_dir(&archive)).unwrap();
        (dir, archive)
    }

    fn show_args(archive: &Path) -> ShowArgs {
        let archive = archive.to_path_buf();
        ShowArgs { archive, patient: Some("mer.1".into()), user: None, event: None, limit: 5, json: false, keys: None }
    }

    #[test]
    fn looking_at_the_log_is_logged_and_needs_the_key() {
        let (dir, archive) = archive();
        show(&show_args(&archive)).unwrap();
        let found = audit::read(&archive, &Query { patient: Some("mer.1".into()), ..Query::default() }).unwrap();
        assert_eq!((found.len(), found[0].entry["event"].as_str()), (1, Some("audit.query")));
        assert!(line(&found[0]).contains("patient mer.1"));
        std::fs::rename(dir.path().join("archive.keys"), dir.path().join("away")).unwrap();
        assert!(show(&show_args(&archive)).is_err());
    }

    #[test]
    fn verify_compares_with_keys_held_elsewhere() {
        let (dir, archive) = archive();
        let trust = dir.path().join("trust.txt");
        let keys: Vec<String> = KeyRing::load(&archive).unwrap().entries().iter().map(|e| e.key.to_string()).collect();
        std::fs::write(&trust, format!("# keys\n{}\n", keys.join("\n"))).unwrap();
        assert!(check(&archive, Some(&trust)).unwrap().ok());
        std::fs::write(&trust, &keys[0]).unwrap();
        assert!(!check(&archive, Some(&trust)).unwrap().ok());
    }

    #[test]
    fn what_users_typed_does_not_reach_the_terminal_raw() {
        assert_eq!(text(Some(&json!("a\n\u{1b}[31m\u{2028}b"))), "a\u{fffd}\u{fffd}[31m\u{fffd}b");
    }
}
