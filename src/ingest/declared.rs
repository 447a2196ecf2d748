//! What the sending system says that it delivered: a `manifest.toml` in the delivery, held against what was read. A digest that
//! differs stops the ingest; a count that differs stands in the report, for a person to judge.
//!
//! Not for: what the archive itself counts (`tally`).

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use super::error::IngestError;
use super::report::FileLine;
use crate::limits::DELIVERY_MANIFEST_BYTES_MAX;
use crate::sources::{self, DeliveryFile};
use crate::store::ledger::FileRecord;

const MANIFEST: &str = "manifest.toml";
/// The made-up hospital says the same in a file of its own.
const SYNTH_MANIFEST: &str = "synth-manifest.json";

/// What was declared. Names of files are those of the delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// The files that say it.
    pub from: Vec<String>,
    /// Who declares it, and how the delivery is called, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Source records of each file.
    pub files: BTreeMap<String, u64>,
    /// Source records of each type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, u64>,
    #[serde(skip)]
    digests: BTreeMap<String, String>,
}

/// One declared count beside what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredLine {
    /// A file's name, or a type.
    pub what: String,
    pub declared: u64,
    /// `None`: no such file was delivered.
    pub found: Option<u64>,
}

impl DeclaredLine {
    pub fn agrees(&self) -> bool {
        self.found == Some(self.declared)
    }
}

/// How many declared counts there are, and how many of them are not what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Agreement {
    pub compared: u64,
    pub differing: u64,
}

#[derive(Deserialize)]
struct Manifest {
    vendor: Option<String>,
    delivery_id: Option<String>,
    #[serde(default)]
    files: Vec<ManifestFile>,
    #[serde(default)]
    counts: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct ManifestFile {
    path: String,
    rows: Option<u64>,
    sha256: Option<String>,
}

#[derive(Deserialize)]
struct SynthManifest {
    files: BTreeMap<String, u64>,
}

impl Declared {
    /// Reads what lies at the head of the delivery, or of a container in it. `None`: nothing is declared.
    pub fn of(delivery: &[DeliveryFile]) -> Result<Option<Declared>, IngestError> {
        let mut declared = Declared::default();
        for file in delivery {
            let folder = file.container.as_ref().map(|container| format!("{container}/")).unwrap_or_default();
            match file.name.strip_prefix(&folder) {
                Some(MANIFEST) => declared.add(&folder, manifest(file)?),
                Some(SYNTH_MANIFEST) => declared.add_synth(&folder, file)?,
                _ => continue,
            }
            declared.from.push(file.name.clone());
        }
        Ok((!declared.from.is_empty()).then_some(declared))
    }

    fn add(&mut self, folder: &str, manifest: Manifest) {
        self.by.extend([manifest.vendor, manifest.delivery_id].into_iter().flatten());
        for file in manifest.files {
            let path = file.path.replace('\\', "/");
            let name = format!("{folder}{}", path.trim_start_matches("./"));
            self.files.extend(file.rows.map(|rows| (name.clone(), rows)));
            self.digests.extend(file.sha256.map(|digest| (name, digest.to_ascii_lowercase())));
        }
        for (kind, count) in manifest.counts {
            *self.kinds.entry(kind).or_default() += count;
        }
    }

    fn add_synth(&mut self, folder: &str, file: &DeliveryFile) -> Result<(), IngestError> {
        let text = text(file)?;
        let manifest: SynthManifest = serde_json::from_str(&text).map_err(|error| unreadable(file, &error))?;
        self.files.extend(manifest.files.into_iter().map(|(name, count)| (format!("{folder}{name}"), count)));
        Ok(())
    }

    /// Refuses a delivery in which a file is not the one that was declared.
    pub fn demand_digests(&self, files: &[FileRecord]) -> Result<(), IngestError> {
        for (name, digest) in &self.digests {
            let other = files.iter().find(|file| file.name == *name && ![&file.sha256, &file.content_sha256].contains(&digest));
            if other.is_some() {
                return Err(IngestError::Delivery(format!(
                    "{name} is not the file that {} declares: its SHA-256 is another; nothing was archived",
                    self.from.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// Every declared count beside what was found: files, then types.
    pub fn compare(&self, files: &[FileLine], by_kind: &BTreeMap<String, u64>) -> Vec<DeclaredLine> {
        let found: BTreeMap<&str, u64> = files.iter().map(|file| (file.name.as_str(), file.fates.input)).collect();
        let of_files = self.files.iter().map(|(name, declared)| DeclaredLine {
            what: name.clone(),
            declared: *declared,
            found: found.get(name.as_str()).copied(),
        });
        let of_kinds = self.kinds.iter().map(|(kind, declared)| DeclaredLine {
            what: kind.clone(),
            declared: *declared,
            found: Some(by_kind.get(kind).copied().unwrap_or(0)),
        });
        of_files.chain(of_kinds).collect()
    }
}

impl Agreement {
    pub fn of(lines: &[DeclaredLine]) -> Agreement {
        let differing = lines.iter().filter(|line| !line.agrees()).count() as u64;
        Agreement { compared: lines.len() as u64, differing }
    }
}

fn manifest(file: &DeliveryFile) -> Result<Manifest, IngestError> {
    toml::from_str(&text(file)?).map_err(|error| unreadable(file, &error.message()))
}

fn text(file: &DeliveryFile) -> Result<String, IngestError> {
    let mut text = String::new();
    let most = DELIVERY_MANIFEST_BYTES_MAX;
    sources::open(file)?.take(most + 1).read_to_string(&mut text).map_err(|error| unreadable(file, &error))?;
    if text.len() as u64 > most {
        return Err(unreadable(file, &"it is larger than such a file may be"));
    }
    Ok(text)
}

/// What a person declared and cannot be read is no small thing: the counts would seem not to be given.
fn unreadable(file: &DeliveryFile, why: &dyn std::fmt::Display) -> IngestError {
    IngestError::Delivery(format!("{}, which says what was delivered, cannot be read: {why}", file.name))
}
