//! What lies on disk: accessions with their charts, tables, documents, locator, ledger, seal and manifest; the catalog;
//! verification.
//!
//! Not for: where records come from (`ingest`), what a person asks (`query`).

pub mod codec;
pub mod documents;
mod error;
pub mod framed;
pub mod layout;
pub mod locator;
pub mod shapes;

pub use error::StoreError;
