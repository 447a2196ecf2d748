//! What lies on disk: accessions with their charts, tables, documents, locator, ledger, seal and manifest; the catalog;
//! verification.
//!
//! Not for: where records come from (`ingest`), what a person asks (`query`).

mod accession;
pub mod catalog;
pub mod codec;
pub mod compact;
pub mod directory;
pub mod documents;
mod error;
pub mod framed;
pub mod labels;
pub mod layout;
pub mod ledger;
pub mod locator;
pub mod manifest;
mod proof;
pub mod rebuild;
pub mod remap;
mod restore;
pub mod sample;
mod served;
pub mod shapes;
pub mod tables;
pub mod terminology;
pub mod unmapped;
pub mod verify;

pub use accession::{Accession, ChartFrame, Found};
pub use error::StoreError;
pub use proof::{LeafHasher, id_of_bytes, merkle_root};
pub use served::{Resolver, document_id, parse_document_id};
