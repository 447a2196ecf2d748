//! The archive as a command that reads or changes the store sees it: layout, keys, the catalog in force.
//!
//! Not for: the audit log of the command (`operator`).

use std::path::Path;

use anyhow::{Context, bail};

use crate::durable::{self, Lock};
use crate::signing::{KeyPurpose, KeyRing, VerifierKey};
use crate::store::catalog;
use crate::store::layout::Layout;
use crate::store::manifest::Catalog;

/// An open archive.
pub(super) struct OpenArchive {
    pub layout: Layout,
    pub keys: Vec<VerifierKey>,
    pub catalog: Catalog,
    /// SHA-256 of the catalog's file.
    pub catalog_sha256: String,
}

impl OpenArchive {
    pub(super) fn open(root: &Path) -> anyhow::Result<OpenArchive> {
        let ring = KeyRing::load(root).with_context(|| format!("{} is not an archive", root.display()))?;
        let keys = ring.verifiers(KeyPurpose::Seal);
        let layout = Layout::new(root);
        let (catalog, catalog_sha256) = catalog::current(&layout, &keys)?;
        Ok(OpenArchive { layout, keys, catalog, catalog_sha256 })
    }

    /// Opens the archive for a command that changes the catalog, and holds others off while the command runs.
    pub(super) fn open_to_change(root: &Path) -> anyhow::Result<(OpenArchive, Lock)> {
        // Without keys and a catalog this is no archive, and no lock file is left in it.
        let open = OpenArchive::open(root)?;
        let Some(lock) = durable::lock_exclusive(&open.layout.write_lock())? else {
            bail!("another command is changing this archive; wait until it has ended");
        };
        // The catalog may have moved on between opening and locking.
        Ok((OpenArchive::open(root)?, lock))
    }
}

/// Now, as RFC 3339 in UTC with whole seconds.
pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Bytes of all files below a folder.
pub(super) fn bytes_below(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => bytes_below(&entry.path()),
            Ok(_) => entry.metadata().map_or(0, |m| m.len()),
            Err(_) => 0,
        })
        .sum()
}
