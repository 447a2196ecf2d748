//! `chartkeep audit verify`: whether anybody changed the access log.
//!
//! Not for: the rest of the archive (`chartkeep verify`).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::access::Role;
use crate::audit::{self, Against, Fault, LogFinding, Report};
use crate::signing::KeyRing;

use super::super::REFUSED;
use super::super::operator::{Workplace, operator_entry};
use super::trusted_keys;

/// Check every byte of the access log: checksums, hash chain, Merkle tree, signatures, and what was kept elsewhere.
///
/// Without --witness this shows that nobody changed the log who does not hold its private key. With it, nobody at all,
/// back from the newest checkpoint that the witness has. The check writes an entry of its own when all is in order.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chartkeep audit verify /data/old-ehr --trust keys-held-elsewhere.txt --witness /mnt/witness
  chartkeep audit verify /data/old-ehr --from-checkpoint last-month.txt

Exit codes: 0 all in order, 2 something is not.")]
pub struct VerifyArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// File with public keys held outside the archive, one to a line; the archive's first keys must be among them
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Folder where the checkpoints were dropped: the log must hold each of them
    #[arg(long, value_name = "DIR")]
    witness: Option<PathBuf>,
    /// File of checkpoints up to which the log was checked before: segments that end earlier are not read again
    #[arg(long, value_name = "FILE")]
    from_checkpoint: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let against = Against { witness: args.witness.as_deref(), from: args.from_checkpoint.as_deref() };
    let report = check(&args.archive, args.trust.as_deref(), against)?;
    let logged = log(args, &report);
    if let Err(error) = &logged {
        eprintln!("chartkeep: no audit entry of this check could be written: {error:#}");
    }
    print(args, &report, logged.is_ok())?;
    Ok(if report.ok() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

/// The check of the ring and of the log. The first only matters to the second, and a bad ring can vouch for nothing.
fn check(archive: &Path, trust: Option<&Path>, against: Against<'_>) -> anyhow::Result<Report> {
    let (ring, mut ring_findings) = KeyRing::check(archive).context("cannot read the archive's public keys")?;
    if let Some(path) = trust {
        ring_findings.extend(ring.check_against(&trusted_keys(path)?));
    }
    let mut report = audit::verify_against(archive, &ring, against);
    let of_ring =
        ring_findings.into_iter().map(|f| LogFinding { file: f.file, offset: 0, fault: Fault::UnknownKey, what: f.what });
    report.findings.splice(0..0, of_ring);
    Ok(report)
}

/// A log that is not in order is left as it is: opening it to write might take a changed end for a torn one.
fn log(args: &VerifyArgs, report: &Report) -> anyhow::Result<()> {
    anyhow::ensure!(report.ok(), "the audit log or the keys are not in order");
    let workplace = Workplace::open(&args.archive)?;
    let detail = vec![
        ("what", "audit log".to_string()),
        ("findings", "0".to_string()),
        ("entries", report.entries.to_string()),
        ("checkpoints", report.checkpoints.to_string()),
        ("witnessed", report.witnessed.to_string()),
    ];
    workplace.log.append(operator_entry("audit.verify", Role::Compliance, "audit verify", detail))?;
    workplace.log.close();
    Ok(())
}

fn print(args: &VerifyArgs, report: &Report, logged: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let shown = |f: &LogFinding| json!({ "file": f.file, "offset": f.offset, "fault": f.fault.name(), "what": f.what });
        let findings: Vec<Value> = report.findings.iter().map(shown).collect();
        let counts = [
            ("bytes", report.bytes),
            ("streams", report.streams),
            ("entries", report.entries),
            ("retired", report.retired),
            ("checkpoints", report.checkpoints),
            ("witnessed", report.witnessed),
        ];
        let mut object = Map::new();
        object.insert("ok".into(), report.ok().into());
        object.extend(counts.map(|(name, count)| (name.to_string(), count.into())));
        object.insert("unwitnessed".into(), report.unwitnessed.clone().into());
        object.insert("logged".into(), logged.into());
        object.insert("findings".into(), findings.into());
        writeln!(out, "{}", Value::Object(object))?;
        return Ok(());
    }
    for finding in &report.findings {
        writeln!(out, "{} at byte {}: {} ({})", finding.file, finding.offset, finding.what, finding.fault.name())?;
    }
    for stream in &report.unwitnessed {
        writeln!(out, "The witness has nothing of {stream}.")?;
    }
    if args.witness.is_some() || args.from_checkpoint.is_some() {
        writeln!(out, "{} checkpoints kept elsewhere were compared.", report.witnessed)?;
    }
    if report.retired > 0 {
        writeln!(out, "{} entries were retired; their hashes were checked.", report.retired)?;
    }
    let verdict = if report.ok() { "all in order" } else { "NOT in order" };
    let Report { streams, entries, checkpoints, .. } = report;
    writeln!(out, "{entries} entries in {streams} streams under {checkpoints} signed checkpoints: {verdict}")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::archive;
    use super::*;
    use crate::audit::Query;

    #[test]
    fn verify_compares_with_keys_held_elsewhere() {
        let (dir, archive) = archive();
        let trust = dir.path().join("trust.txt");
        let keys: Vec<String> = KeyRing::load(&archive).unwrap().entries().iter().map(|e| e.key.to_string()).collect();
        let ok = || check(&archive, Some(&trust), Against::default()).unwrap().ok();
        std::fs::write(&trust, format!("# keys\n{}\n", keys.join("\n"))).unwrap();
        assert!(ok());
        std::fs::write(&trust, &keys[0]).unwrap();
        assert!(!ok());
    }

    #[test]
    fn a_check_is_an_entry_when_the_log_is_in_order() {
        let (_dir, archive) = archive();
        let args = VerifyArgs { archive: archive.clone(), trust: None, witness: None, from_checkpoint: None, json: false };
        assert_eq!(run(&args).unwrap(), ExitCode::SUCCESS);
        let found = audit::read(&archive, &Query { event: Some("audit.verify".into()), ..Query::default() }).unwrap();
        assert_eq!(found[0].entry["detail"]["entries"], "2");
        std::fs::write(archive.join("audit/s0000/stray"), "x").unwrap();
        assert_eq!(run(&args).unwrap(), ExitCode::from(REFUSED));
        assert_eq!(audit::read(&archive, &Query { event: Some("audit.verify".into()), ..Query::default() }).unwrap().len(), 1);
    }
}
