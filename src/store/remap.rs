//! A generation of an accession in which one file is new: other code maps, or other labels. All other files are those of
//! the generation before, by hard links where the file system has them. Ids, seal and proofs stay.
//!
//! Not for: publishing (the commands do), which label a record gets (`ingest`), or packing files anew (`compact`).

use std::path::Path;

use super::labels::Labels;
use super::layout::{Generation, LABELS, Layout, TERMINOLOGY};
use super::manifest::{FileEntry, LabelRules, Manifest};
use super::{Accession, StoreError, terminology};
use crate::durable::{self, FileDigest};
use crate::formats::code_map::CodeMap;

/// The next generation of `accession` with these code maps, in `layout.building()`; gives its folder and manifest.
pub fn remap(layout: &Layout, accession: &Accession, maps: &[CodeMap]) -> Result<(Generation, Manifest), StoreError> {
    let rules = accession.manifest.label_rules.clone();
    renewed(layout, accession, TERMINOLOGY, rules, |draft| {
        Ok((terminology::write(&draft.terminology(), maps)?, maps.len() as u64))
    })
}

/// The next generation of `accession` with these labels, in `layout.building()`; gives its folder and manifest.
pub fn relabel(
    layout: &Layout,
    accession: &Accession,
    labels: &Labels,
    rules: LabelRules,
) -> Result<(Generation, Manifest), StoreError> {
    renewed(layout, accession, LABELS, rules, |draft| labels.write(&draft.labels()))
}

fn renewed(
    layout: &Layout,
    accession: &Accession,
    name: &str,
    label_rules: LabelRules,
    write: impl FnOnce(&Generation) -> Result<(FileDigest, u64), StoreError>,
) -> Result<(Generation, Manifest), StoreError> {
    let number = accession.generation + 1;
    let draft = Generation::at(layout.building().join(format!("{}-{number:04}", accession.id.as_str())));
    let mut manifest = Manifest { generation: number, label_rules, ..accession.manifest.clone() };
    manifest.files.retain(|file| file.path != name);
    for file in &manifest.files {
        let (from, to) = (accession.paths().dir().join(&file.path), draft.dir().join(&file.path));
        durable::create_dir_all(to.parent().unwrap_or(draft.dir()))?;
        durable::link(&from, &to)?;
    }
    durable::create_dir_all(draft.dir())?;
    let (digest, rows) = write(&draft)?;
    manifest.files.push(FileEntry::new(name, &digest, Some(rows)));
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
