//! Why an ingest failed.
//!
//! Not for: records that could not be read; those are in quarantine and no error.

use crate::durable::DurableError;
use crate::sources::SourceError;
use crate::store::StoreError;
use crate::store::tables::TableError;

/// Why an ingest failed. Nothing was published, and nothing published was changed.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{0}")]
    Delivery(String),
    #[error("the ledger does not balance, nothing was sealed: {0}")]
    Unbalanced(String),
    #[error("temporary data did not read back ({0}); nothing was sealed")]
    Scratch(&'static str),
    #[error("another worker failed")]
    Stopped,
}

impl From<DurableError> for IngestError {
    fn from(e: DurableError) -> Self {
        IngestError::Store(e.into())
    }
}
