//! A generation of an accession with other code maps: all files are those of the generation before, by hard links where
//! the file system has them; only the maps are new. Ids, seal and proofs stay.
//!
//! Not for: publishing (the command does), or packing files anew (`compact`).

use std::path::Path;

use super::layout::{Generation, Layout, TERMINOLOGY};
use super::manifest::{FileEntry, Manifest};
use super::{Accession, StoreError, terminology};
use crate::durable;
use crate::formats::code_map::CodeMap;

/// Makes the next generation of `accession` in `layout.building()`; gives its folder and manifest.
pub fn remap(layout: &Layout, accession: &Accession, maps: &[CodeMap]) -> Result<(Generation, Manifest), StoreError> {
    let number = accession.generation + 1;
    let draft = Generation::at(layout.building().join(format!("{}-{number:04}", accession.id.as_str())));
    let mut manifest = Manifest { generation: number, ..accession.manifest.clone() };
    manifest.files.retain(|file| file.path != TERMINOLOGY);
    for file in &manifest.files {
        let (from, to) = (accession.paths().dir().join(&file.path), draft.dir().join(&file.path));
        durable::create_dir_all(to.parent().unwrap_or(draft.dir()))?;
        durable::link(&from, &to)?;
    }
    durable::create_dir_all(draft.dir())?;
    let digest = terminology::write(&draft.terminology(), maps)?;
    manifest.files.push(FileEntry::new(TERMINOLOGY, &digest, Some(maps.len() as u64)));
    manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(|e| StoreError::Refused(e.to_string()))?;
    text.push(b'\n');
    durable::write_new(&draft.manifest(), &text)?;
    sync(draft.dir())?;
    Ok((draft, manifest))
}

/// Makes the names in a folder and its folders durable.
fn sync(dir: &Path) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(dir).map_err(StoreError::read(dir))? {
        let path = entry.map_err(StoreError::read(dir))?.path();
        if path.is_dir() {
            sync(&path)?;
        }
    }
    Ok(durable::sync_dir(dir)?)
}
