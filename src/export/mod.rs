//! What leaves the archive to stay elsewhere, as files: all there is of one person, or the whole archive for its successor.
//!
//! `whole` writes many patients part by part, so that an export that was stopped goes on with the next part; `person` writes one
//! person. Both go through the gate: a line is written only after the entry that names its record is on disk. `manifest`
//! lists every file with its SHA-256 and checks a folder against that. The form stands in `schemas/export/README.md`, which lies
//! in every export.
//!
//! Not for: packages for a requester (`release`), or how programs ask for exports (`server::fhir::bulk`).

mod files;
mod manifest;
mod originals;
mod person;
mod whole;
mod zip;

pub use files::{FileEntry, Lines, line_of, shown};
pub use manifest::{Checked, Listing, MANIFEST, Manifest, check};
pub use originals::originals;
pub use person::{person, scope};
pub use whole::{Part, Shaped, Whole, clear};
pub use zip::pack;

use crate::access::GateError;
use crate::durable::DurableError;
use crate::query::QueryError;

/// Why an export did not come to its end. The texts carry no patient data.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Durable(#[from] DurableError),
    #[error("a file of the export cannot be written or read: {0}")]
    File(#[from] std::io::Error),
    #[error("the export was stopped")]
    Stopped,
    #[error("this is no export of Chartkeep, or not of this version: {0}")]
    Form(&'static str),
}
