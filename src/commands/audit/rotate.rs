//! `chartkeep audit rotate-key`: another key signs the access log from now on.
//!
//! Not for: keys of other purposes.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::access::Role;
use crate::audit;
use crate::config::Config;
use crate::signing::{KeyPurpose, KeyRing, default_private_dir};
use crate::statements;

use super::super::operator::{Workplace, operator_entry};

/// Put a new key in force for the access log. The old one vouches for it, and signs nothing after that.
///
/// Every stream gets a checkpoint signed by both keys. The server must not be running: it would go on with the old key.
/// Give the new public key, which is printed, to those who hold the old one.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  chartkeep audit rotate-key /data/old-ehr")]
pub struct RotateKeyArgs {
    /// Folder of the archive
    archive: PathBuf,
}

pub fn run(args: &RotateKeyArgs) -> anyhow::Result<ExitCode> {
    let archive = &args.archive;
    let private_keys = Config::load(archive)?.private_keys.unwrap_or_else(|| default_private_dir(archive));
    let before = KeyRing::load(archive).with_context(|| format!("{} is not an archive", archive.display()))?;
    let ring = audit::rotate_audit_key(archive, &private_keys, &[audit::FOLDER, statements::FOLDER])?;
    let name = |ring: &KeyRing| ring.current(KeyPurpose::Audit).map(|entry| entry.key.clone());
    let (old, new) = (name(&before).context("no key")?, name(&ring).context("no key")?);
    let workplace = Workplace::open(archive)?;
    let detail = vec![("old_key", old.to_string()), ("new_key", new.to_string())];
    workplace.log.append(operator_entry("audit.key_rotated", Role::Admin, "audit rotate-key", detail))?;
    workplace.log.close();
    println!("The access log is signed by this key from now on:\n{new}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::super::tests::archive;
    use super::*;

    #[test]
    fn a_rotated_log_checks_and_an_open_one_is_not_rotated() {
        let (_dir, archive) = archive();
        let args = RotateKeyArgs { archive: archive.clone() };
        let held = Workplace::open(&archive).unwrap();
        assert!(run(&args).unwrap_err().to_string().contains("another process"));
        held.log.close();
        drop(held);
        assert_eq!(KeyRing::load(&archive).unwrap().verifiers(KeyPurpose::Audit).len(), 1);
        run(&args).unwrap();
        run(&args).unwrap();
        let report = audit::verify(&archive, &KeyRing::load(&archive).unwrap());
        assert_eq!(report.findings, []);
        let rotated = audit::Query { event: Some("audit.key_rotated".into()), ..audit::Query::default() };
        assert_eq!(audit::read(&archive, &rotated).unwrap().len(), 2);
    }
}
