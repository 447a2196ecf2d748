//! The made-up hospital: a delivery of coherent patients, the same for the same seed, as FHIR R4 bulk NDJSON or in the
//! forms of older systems (`formats`).
//!
//! Not for: reading deliveries, or anything that touches real people; every name, number and town here is invented.
//!
//! `people` says who somebody is and `story` what happens to them; `chart` walks the story and lets the record makers
//! (`registration`, `visit`, `labs`, `medicines`, `care`, `clerks`, `documents`) write into a `sink`; `delivery` puts the
//! sinks on disk in order, plants the `damage` and states the totals in the `manifest`.

mod calendar;
mod care;
mod chart;
mod clerks;
mod damage;
mod delivery;
mod dice;
mod documents;
mod fhir;
mod formats;
mod hospital;
mod json;
mod labs;
mod manifest;
mod medicines;
mod names;
mod notes;
mod pdf;
mod people;
mod plants;
mod registration;
mod scan;
mod sink;
mod story;
mod terms;
#[cfg(test)]
mod tests;
mod visit;
mod wordlist;

use std::path::{Path, PathBuf};

pub use formats::Format;
pub use manifest::{
    FILE_NAME as MANIFEST_FILE_NAME, Ledger, Manifest, NoteSample, Planted, RestrictedMarker, SamplePatient, Series, SeriesValue,
};

/// What to make.
#[derive(Clone, Debug)]
pub struct Options {
    pub format: Format,
    pub patients: u64,
    pub seed: u64,
    /// Only Patient.ndjson, without the hospital around it (FHIR alone).
    pub patients_only: bool,
    /// The first patient gets so many records, by monitor readings.
    pub giant_patient: Option<u64>,
    /// Plant damage; see the manifest for what and where.
    pub damage: bool,
    /// Plant what a release has to find (FHIR alone): a scan of another patient, drafts, corrected results and the like; they stand
    /// in the manifest with the damage.
    pub releases: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            format: Format::Fhir,
            patients: 100,
            seed: 1,
            patients_only: false,
            giant_patient: None,
            damage: true,
            releases: false,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    #[error("{0} is not empty; a delivery is written into a new or empty folder")]
    NotEmpty(PathBuf),
    #[error("the form {0} is not made yet")]
    NotMade(&'static str),
    #[error("cannot write {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
}

/// Writes a delivery into `dir`, which is created when missing and must be empty, and its manifest.
///
/// Patient number *i* depends on the seed and *i* alone: a larger delivery begins with the smaller one. Memory stays
/// bounded whatever the number of patients; FHIR uses all cores.
///
/// # Errors
/// When `dir` is not empty or something cannot be written. What has been written by then is left where it is.
pub fn write(dir: &Path, options: &Options) -> Result<Manifest, SynthError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    formats::write(dir, options, threads)
}
