//! `chartkeep audit`: looking into the access log, reporting on it, handing it out, proving it, and keeping it.
//!
//! Not for: the log itself (`audit`). What is done here to the log is an event of the log.

mod bundle;
mod expire;
mod export;
mod floor;
mod hold;
mod prove;
mod report;
mod rotate;
mod show;
mod signals;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::signing::VerifierKey;

/// Look into the access log, report on it, prove it, keep it.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Show(show::ShowArgs),
    Verify(verify::VerifyArgs),
    Prove(prove::ProveArgs),
    CheckProof(prove::CheckProofArgs),
    RotateKey(rotate::RotateKeyArgs),
    Hold(hold::HoldArgs),
    Expire(expire::ExpireArgs),
    Report(report::ReportArgs),
    Signals(signals::SignalsArgs),
    Export(export::ExportArgs),
    Bundle(bundle::BundleArgs),
    CheckBundle(bundle::CheckBundleArgs),
    Project(report::ProjectArgs),
}

/// Runs `chartkeep audit …`.
pub fn run(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        AuditCommand::Show(args) => show::run(args),
        AuditCommand::Verify(args) => verify::run(args),
        AuditCommand::Prove(args) => prove::run(args),
        AuditCommand::CheckProof(args) => prove::check(args),
        AuditCommand::RotateKey(args) => rotate::run(args),
        AuditCommand::Hold(args) => hold::run(args),
        AuditCommand::Expire(args) => expire::run(args),
        AuditCommand::Report(args) => report::run(args),
        AuditCommand::Signals(args) => signals::run(args),
        AuditCommand::Export(args) => export::run(args),
        AuditCommand::Bundle(args) => bundle::run(args),
        AuditCommand::CheckBundle(args) => bundle::check(args),
        AuditCommand::Project(args) => report::project(args),
    }
}

/// Public keys held elsewhere: one to a line; empty lines and lines that start with `#` do not count.
pub(super) fn trusted_keys(path: &Path) -> anyhow::Result<Vec<VerifierKey>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines.map(|l| VerifierKey::parse(l).with_context(|| format!("{} holds a line that is no key", path.display()))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::audit::AuditLog;
    use crate::signing::{KeyPurpose, default_private_dir, init_keys, load_signer};

    /// An archive with nothing but keys and a log of one entry.
    pub(super) fn archive() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("archive");
        init_keys(&archive, &default_private_dir(&archive)).unwrap();
        let signer = load_signer(&default_private_dir(&archive), KeyPurpose::Audit).unwrap();
        AuditLog::open(&archive, std::sync::Arc::new(signer)).unwrap().close();
        (dir, archive)
    }
}
