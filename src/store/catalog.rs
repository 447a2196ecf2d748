//! The catalog: reading the one in force, and publishing the next. Publishing creates a file that must not exist yet,
//! so of two builders that both saw number N, one publishes N+1 and the other is told.
//!
//! Not for: what an accession holds (`accession`).

use sha2::{Digest, Sha256};

use super::StoreError;
use super::layout::Layout;
use super::manifest::{Catalog, FORMAT, from_note, hex, to_note};
use crate::durable;
use crate::signing::{Signer, VerifierKey};

/// Numbers of all catalogs, ascending.
pub fn numbers(layout: &Layout) -> Result<Vec<u64>, StoreError> {
    let dir = layout.catalogs();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&dir).map_err(StoreError::read(&dir))? {
        let name = entry.map_err(StoreError::read(&dir))?.file_name();
        let number =
            name.to_str().and_then(|n| n.strip_suffix(".json")).filter(|n| n.len() == 8).and_then(|n| n.parse::<u64>().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// A catalog and the SHA-256 of its file, in hex.
pub fn read(layout: &Layout, number: u64, keys: &[VerifierKey]) -> Result<(Catalog, String), StoreError> {
    let path = layout.catalog(number);
    let bytes = std::fs::read(&path).map_err(StoreError::read(&path))?;
    let catalog: Catalog = from_note(&path, &bytes, keys)?;
    if catalog.number != number || catalog.format != FORMAT {
        return Err(StoreError::damaged(&path, 0, "the catalog is of another number or format"));
    }
    Ok((catalog, hex(&Sha256::digest(&bytes))))
}

/// The catalog in force: the one with the highest number.
pub fn current(layout: &Layout, keys: &[VerifierKey]) -> Result<(Catalog, String), StoreError> {
    let highest = numbers(layout)?.last().copied();
    match highest {
        Some(number) => read(layout, number, keys),
        None => Err(StoreError::Refused(format!("{}: not an archive (no catalog)", layout.root().display()))),
    }
}

/// Publishes the first catalog of a new archive.
pub fn publish_first(layout: &Layout, archive: &str, now: &str, signer: &dyn Signer) -> Result<(), StoreError> {
    let catalog = Catalog {
        format: FORMAT,
        archive: archive.to_string(),
        number: 0,
        previous_sha256: String::new(),
        published_at: now.to_string(),
        reason: "init".into(),
        accessions: Vec::new(),
        awaiting: Vec::new(),
        withdrawn: Vec::new(),
        index: None,
    };
    durable::write_new(&layout.catalog(0), to_note(&catalog, signer)?.as_bytes())?;
    Ok(())
}

/// Publishes `next` as the successor of the catalog it was made from: number and digest are set here.
pub fn publish(
    layout: &Layout,
    mut next: Catalog,
    previous_sha256: &str,
    now: &str,
    signer: &dyn Signer,
) -> Result<Catalog, StoreError> {
    next.number += 1;
    next.previous_sha256 = previous_sha256.to_string();
    next.published_at = now.to_string();
    let path = layout.catalog(next.number);
    match durable::write_new(&path, to_note(&next, signer)?.as_bytes()) {
        Ok(_) => Ok(next),
        Err(e) if e.is_already_exists() => {
            Err(StoreError::Refused("another process published a catalog meanwhile; run again".into()))
        }
        Err(e) => Err(e.into()),
    }
}
