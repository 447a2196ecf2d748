//! The check of everything that the store wrote: catalog chain, seals, manifests, files, and every record behind them.
//!
//! Reads only, goes on after a finding, and names the first bad place of each file. Not for: the index, the audit log
//! and the statements (their own modules check them; the command `verify` puts all together).

mod catalogs;
mod charts;
mod contents;
mod files;
mod ledger;
mod people;
mod sample;
mod strangers;
mod unit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::layout::{Generation, Layout};
use super::manifest::{Catalog, Manifest, Seal};
use super::{Accession, StoreError};
use crate::model::AccessionId;
use crate::signing::VerifierKey;

pub use catalogs::Chain;

/// Something that does not check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Path below the archive, with `/`.
    pub file: String,
    /// Byte offset, where it can be told.
    pub offset: Option<u64>,
    pub what: String,
}

/// How much is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Digests and signatures.
    Files,
    /// Digests and signatures, and so many records drawn with a seed.
    Sample { records: u64, seed: u64 },
    /// Every record, row and document.
    Everything,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    Files { bytes: u64, of: u64 },
    Records { done: u64, of: u64 },
}

/// What was checked and what was found.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// Folders that an interrupted command left behind: nothing is wrong with the archive for them.
    pub leftovers: Vec<Leftover>,
    pub bytes: u64,
    pub records: u64,
    pub documents: u64,
    /// Records in charts by resource type, over all accessions in force. Empty unless everything was read.
    pub by_kind: BTreeMap<String, u64>,
    /// Patients that an index over these accessions holds. Zero unless everything was read.
    pub indexed_patients: u64,
    /// Whether all records could be read, so that the counts above stand.
    pub is_complete: bool,
    pub chain: Chain,
}

/// A folder that no catalog in force needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leftover {
    pub folder: String,
    /// The accession that was sealed and never published, if it is one.
    pub unpublished: Option<String>,
}

/// What all checks share.
struct Checker<'a> {
    root: PathBuf,
    threads: usize,
    found: Mutex<Vec<Finding>>,
    progress: &'a (dyn Fn(Progress) + Sync),
}

impl Checker<'_> {
    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned()
    }

    fn find(&self, path: &Path, offset: Option<u64>, what: impl Into<String>) {
        let finding = Finding { file: self.relative(path), offset, what: what.into() };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }

    /// Notes an error that arose while `path` was read; an error that names a file is noted there.
    fn error(&self, path: &Path, error: &StoreError) {
        match error {
            StoreError::Damaged { path, offset, what } => self.find(path, Some(*offset), what.as_str()),
            StoreError::Read { path, source } => self.find(path, None, format!("cannot be read: {source}")),
            other => self.find(path, None, other.to_string()),
        }
    }
}

/// Checks all that the store holds. `keys` are those that sign seals and catalogs.
pub fn verify(
    layout: &Layout,
    keys: &[VerifierKey],
    depth: Depth,
    threads: usize,
    progress: &(dyn Fn(Progress) + Sync),
) -> Report {
    let checker = Checker { root: layout.root().to_path_buf(), threads: threads.max(1), found: Mutex::default(), progress };
    let mut report = Report { is_complete: true, ..Report::default() };
    report.chain = catalogs::chain(&checker, layout, keys, &mut report.bytes);
    let current = report.chain.current().cloned();
    files::leftovers(&checker, layout, keys, &report.chain, &mut report.leftovers);
    let mut sound = Vec::new();
    if let Some(catalog) = &current {
        sound = files::accessions(&checker, layout, keys, catalog, &mut report.bytes);
        report.is_complete = sound.len() == catalog.accessions.len();
        // What awaits sign-off or was withdrawn is kept to be put into force: its files must still be what they were.
        let kept = Catalog { accessions: catalog.set_aside().cloned().collect(), ..catalog.clone() };
        files::accessions(&checker, layout, keys, &kept, &mut report.bytes);
    }
    let opened: Vec<(Accession, Vec<String>)> = sound.into_iter().filter_map(|s| open(&checker, s)).collect();
    report.is_complete &= current.is_none_or(|c: Catalog| c.accessions.len() == opened.len());
    match depth {
        Depth::Files => {}
        Depth::Sample { records, seed } => sample::records(&checker, &opened, records, seed, &mut report),
        Depth::Everything => {
            let of = opened.iter().map(|(a, _)| a.records()).sum();
            for (accession, damaged) in &opened {
                contents::check(&checker, accession, damaged, of, &mut report);
            }
            // A patient whom a later accession brought again is indexed once.
            let superseded = people::superseded(&opened);
            report.indexed_patients = report.indexed_patients.saturating_sub(superseded);
        }
    }
    report.findings = first_of_each_file(checker.found.into_inner().unwrap_or_else(PoisonError::into_inner));
    report
}

/// Checks one generation of an accession that no catalog names yet, against its manifest and the seal.
pub fn generation(
    id: &AccessionId,
    paths: &Generation,
    seal: &Seal,
    manifest: &Manifest,
    threads: usize,
    progress: &(dyn Fn(Progress) + Sync),
) -> Vec<Finding> {
    let checker = Checker { root: paths.dir().to_path_buf(), threads: threads.max(1), found: Mutex::default(), progress };
    let mut report = Report::default();
    let (paths, seal, manifest) = (paths.clone(), seal.clone(), manifest.clone());
    let mut checked = [files::Checked { id: id.clone(), paths, seal, manifest, damaged: Vec::new() }];
    files::hash_all(&checker, &mut checked, &mut report.bytes);
    let [checked] = checked;
    if let Some((accession, damaged)) = open(&checker, checked) {
        contents::check(&checker, &accession, &damaged, accession.records(), &mut report);
    }
    first_of_each_file(checker.found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn open(checker: &Checker<'_>, checked: files::Checked) -> Option<(Accession, Vec<String>)> {
    let manifest_path = checked.paths.manifest();
    match Accession::open_parts(checked.id, checked.paths, checked.seal, checked.manifest) {
        Ok(accession) => Some((accession, checked.damaged)),
        Err(error) => {
            checker.error(&manifest_path, &error);
            None
        }
    }
}

/// One finding a file: the one with the lowest offset, else the first.
fn first_of_each_file(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|f| (f.file.clone(), f.offset.unwrap_or(u64::MAX)));
    findings.dedup_by(|later, earlier| later.file == earlier.file);
    findings
}
