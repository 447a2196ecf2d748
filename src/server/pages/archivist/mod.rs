//! The archivist's pages: accessions, quarantine, code mapping, identity review, and how the system stands. Each asks the gate
//! for its own scope and is an entry in the log.
//!
//! Not for: markup (`viewer`).

mod accession;
mod identity;
mod quarantine;
mod system;

pub use accession::{accession, accessions, codes, codes_csv, files};
pub use identity::{decide, identity, pair};
pub use quarantine::{kept, quarantine};
pub use system::{fixity, health, policy, users};

use crate::access::Shown;
use crate::server::answer::Body;

/// The entry of a look at what holds no record, and is not the log either.
fn looked_at(what: impl Into<String>, hits: u64) -> Shown {
    Shown { event: "archive.viewed", hits: Some(hits), query: Some(what.into()), ..Shown::default() }
}

/// A table to be saved.
fn saved_csv(text: String, name: &str) -> Body {
    Body::new("text/csv; charset=utf-8", text).with("Content-Disposition", format!("attachment; filename=\"{name}\""))
}
