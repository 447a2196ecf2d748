//! Small archives for the tests that stand beside the code: made in a folder, deliveries taken in, opened again.
//!
//! Not for: the program (it is compiled for tests alone), or integration tests, which make theirs by the command line
//! (`tests/support`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::{AuditLog, Options, Reserve};
use crate::durable;
use crate::index;
use crate::ingest::{self, IngestOptions, Ingested, Standing};
use crate::mapping::settings::Settings;
use crate::model::When;
use crate::query::Archive;
use crate::signing::{KeyPurpose, KeyRing, SigningKey, VerifierKey, init_keys, load_signer};
use crate::store::layout::Layout;
use crate::store::{Accession, catalog};

/// When all of it happens.
pub const NOW: &str = "2026-11-23T12:00:00Z";

/// An archive and its keys, below one folder.
#[derive(Clone, Debug)]
pub struct SmallArchive {
    home: PathBuf,
    pub root: PathBuf,
    private: PathBuf,
}

impl SmallArchive {
    /// A new one, empty.
    pub fn new(home: &Path) -> SmallArchive {
        let small = SmallArchive::at(home);
        durable::create_dir_all(&small.root).unwrap();
        init_keys(&small.root, &small.private).unwrap();
        let layout = Layout::new(&small.root);
        let logs = ["statements", "audit"].map(|name| small.root.join(name));
        for folder in [layout.catalogs(), layout.accessions(), layout.indexes()].into_iter().chain(logs) {
            durable::create_dir_all(&folder).unwrap();
        }
        let name = "6f1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c13";
        catalog::publish_first(&layout, name, NOW, &small.signer(KeyPurpose::Seal)).unwrap();
        small
    }

    /// One that was made before, by another process too.
    pub fn at(home: &Path) -> SmallArchive {
        SmallArchive { home: home.to_path_buf(), root: home.join("archive"), private: home.join("keys") }
    }

    /// Takes in records, one a line.
    pub fn take_lines(&self, source_system: &str, lines: &str) {
        let path = self.home.join(format!("{source_system}.ndjson"));
        std::fs::write(&path, lines).unwrap();
        self.take(source_system, &path);
    }

    /// Takes in a delivery.
    pub fn take(&self, source_system: &str, path: &Path) {
        let layout = Layout::new(&self.root);
        let (keys, signer) = (self.keys(KeyPurpose::Seal), self.signer(KeyPurpose::Seal));
        let (current, sha256) = catalog::current(&layout, &keys).unwrap();
        let (paths, settings) = ([path.to_path_buf()], Settings::default());
        let options =
            IngestOptions { paths: &paths, source_system, threads: 1, now: NOW.into(), settings: &settings, reprocess_of: None };
        let Ingested::Sealed(sealed) = ingest::run(&layout, &current, &keys, &signer, &options, &|_| {}).unwrap() else {
            panic!("the delivery is new")
        };
        let entries = current.accessions.iter().chain([&sealed.entry]);
        let accessions: Vec<_> = entries.map(|entry| Arc::new(Accession::open(&layout, entry, &keys).unwrap())).collect();
        let index = index::rebuild(&layout, &current, &accessions, 1).unwrap();
        sealed.publish(&layout, &current, &sha256, Standing::InForce(index), &signer, NOW).unwrap();
    }

    pub fn open(&self) -> Archive {
        self.open_with(BTreeMap::new())
    }

    /// The same with the days up to which sources were in use.
    pub fn open_with(&self, cutover: BTreeMap<String, When>) -> Archive {
        Archive::open(&self.root, self.keys(KeyPurpose::Seal), cutover).unwrap()
    }

    /// Its access log; a test must not depend on how full its disk is.
    pub fn log(&self) -> AuditLog {
        let options = Options { reserve: Reserve::of_mib(64), ..Options::default() };
        AuditLog::open_with(&self.root, Arc::new(self.signer(KeyPurpose::Audit)), options).unwrap()
    }

    pub fn signer(&self, purpose: KeyPurpose) -> SigningKey {
        load_signer(&self.private, purpose).unwrap()
    }

    pub fn keys(&self, purpose: KeyPurpose) -> Vec<VerifierKey> {
        KeyRing::load(&self.root).unwrap().verifiers(purpose)
    }
}
