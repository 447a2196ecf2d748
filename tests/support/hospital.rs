//! The made-up hospital that most tests read from, and an archive that holds it; both are made once per run and shared.
//!
//! Not for: tests that change a delivery or an archive; they make their own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chartkeep::synth::{self, MANIFEST_FILE_NAME, Manifest, Options};

use super::{Folder, chartkeep, folder, ingest};

/// A delivery and what it says about itself.
pub struct Hospital {
    folder: Folder,
    pub manifest: Manifest,
}

impl Hospital {
    /// Makes a hospital of its own.
    pub fn new(options: &Options) -> Hospital {
        let folder = folder();
        let manifest = synth::write(&folder.path().join("delivery"), options).expect("a made-up delivery can be written");
        Hospital { folder, manifest }
    }

    /// The folder to ingest.
    pub fn delivery(&self) -> PathBuf {
        self.folder.path().join("delivery")
    }

    /// The NDJSON files, by name.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.manifest.files.keys().map(|name| self.delivery().join(name))
    }
}

/// Forty patients, all kinds of damage. Read only.
pub fn hospital() -> &'static Hospital {
    static HOSPITAL: OnceLock<Hospital> = OnceLock::new();
    HOSPITAL.get_or_init(|| {
        let hospital = Hospital::new(&Options { patients: 40, seed: 11, ..Options::default() });
        assert!(hospital.delivery().join(MANIFEST_FILE_NAME).exists());
        hospital
    })
}

/// An archive with [`hospital`] in it. To be read and served by any test, changed by none.
pub fn loaded() -> &'static Path {
    static ARCHIVE: OnceLock<(Folder, PathBuf)> = OnceLock::new();
    let (_, archive) = ARCHIVE.get_or_init(|| {
        let folder = folder();
        let archive = super::init(&folder);
        // Exit code 1: the planted damage is there to be looked at.
        ingest(&archive, &[&hospital().delivery()]).expect(1);
        (folder, archive)
    });
    archive
}
