//! Which reader takes which file of a delivery: told by the mapping file, then by the first bytes, last by the name.
//!
//! Not for: reading (`deliver`), or what a reader makes of it (`mapping`).

use super::IngestError;
use super::deliver::Reading;
use crate::mapping::settings::Settings;
use crate::sources::{DeliveryFile, FileKind};

/// The readers of one delivery, with what they had to load first.
pub struct Readers {}

impl Readers {
    /// Loads what the settings name: lookup tables, indexes of documents.
    pub fn prepare(_settings: &Settings, _delivery: &[DeliveryFile]) -> Result<Readers, IngestError> {
        Ok(Readers {})
    }

    /// How a file is read.
    pub fn reading_of(&self, file: &DeliveryFile) -> Result<Reading, IngestError> {
        Ok(match file.kind {
            FileKind::Ndjson => Reading::Ndjson,
            FileKind::Json => Reading::Json,
            FileKind::Other => Reading::Kept,
        })
    }
}
