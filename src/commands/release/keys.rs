//! `chartkeep release keys`: the public keys by which others check packages.
//!
//! Not for: private keys, or what the keys are (`signing`).

use std::path::PathBuf;
use std::process::ExitCode;

use crate::release::package::{seal, sha256_hex};
use crate::signing::{KeyPurpose, KeyRing};

/// Print the public keys that packages are signed with, and those of the access log that proves approvals.
///
/// Give them to recipients on another way than the package: a key that travels with it proves nothing. The output is a file
/// that `release verify` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep release keys /data/old-ehr > hospital.keys
  chartkeep release verify ROI-2026-000123.zip --key hospital.keys")]
pub struct KeysArgs {
    /// Folder of the archive
    archive: PathBuf,
}

pub fn run(args: &KeysArgs) -> anyhow::Result<ExitCode> {
    let ring = KeyRing::load(&args.archive)?;
    for (purpose, words) in [(KeyPurpose::Release, "packages"), (KeyPurpose::Audit, "access log")] {
        for entry in ring.entries().iter().filter(|entry| entry.purpose == purpose) {
            let public = entry.key.public_key();
            let to = entry.to.map_or_else(|| "in force".to_owned(), |to| format!("to {to}"));
            println!("# {words}, key {}: from {}, {to}", entry.number, entry.from);
            println!("# id {}, SHA-256 {}", seal::key_id(&public), sha256_hex(&public));
            println!("{}", entry.key);
        }
    }
    Ok(ExitCode::SUCCESS)
}
