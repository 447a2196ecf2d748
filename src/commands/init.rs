//! `chartkeep init`: makes an empty archive.
//!
//! Not for: filling it (`ingest`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};

use crate::audit::AuditLog;
use crate::durable;
use crate::signing::{KeyPurpose, default_private_dir, init_keys, load_signer};
use crate::store::catalog;
use crate::store::layout::Layout;

use super::archive::now;
use super::operator::operator_entry;
use crate::access::Role;

/// Make an empty archive. Asks nothing.
///
/// The private keys are put beside the archive, in <ARCHIVE>.keys: keep that folder apart from backups of the archive.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep init /data/old-ehr")]
pub struct InitArgs {
    /// Folder of the archive; must be new or empty
    pub archive: PathBuf,
}

/// Makes the archive's folders, keys, first catalog and first audit entry.
pub fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let root = &args.archive;
    let private = create(root)?;
    println!("Archive made in {}.", root.display());
    println!("Private keys are in {}. Keep them out of backups of the archive.", private.display());
    println!("Next: chartkeep ingest {} DELIVERY --source-system NAME", root.display());
    Ok(ExitCode::SUCCESS)
}

/// Makes an archive; gives the folder of its private keys.
pub(super) fn create(root: &std::path::Path) -> anyhow::Result<PathBuf> {
    let private = default_private_dir(root);
    let is_free = match std::fs::read_dir(root) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !root.exists(),
    };
    ensure!(is_free, "{} exists and is not empty", root.display());
    let layout = Layout::new(root);
    durable::create_dir_all(root)?;
    init_keys(root, &private).context("the keys cannot be made")?;
    for folder in [layout.catalogs(), layout.accessions(), layout.indexes(), root.join("statements"), root.join("audit")] {
        durable::create_dir_all(&folder)?;
    }
    let seal = load_signer(&private, KeyPurpose::Seal)?;
    catalog::publish_first(&layout, &uuid::Uuid::new_v4().to_string(), &now(), &seal)?;
    let log = AuditLog::open(root, Arc::new(load_signer(&private, KeyPurpose::Audit)?))?;
    log.append(operator_entry("config.changed", Role::Archivist, "init", vec![("what", "archive made".into())]))?;
    log.close();
    Ok(private)
}
