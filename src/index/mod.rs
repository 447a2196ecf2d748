//! The search index: Tantivy schemas for patients and text, building, typed questions, hits with reasons and snippets.
//!
//! Not for: reading charts (`store`), permits (`access`): the caller passes the filter, which is ANDed into each query.
//!
//! Two indexes stand in one folder, `patients/` and `text/`, named with size and digest in `index.json`. Both can always
//! be rebuilt from the store. What hides restricted records lies inside the question, and nothing that is counted,
//! ranked or suggested depends on a record that the filter hides: see `patients` and `text` for how each holds to that.

mod build;
mod fill;
mod hits;
mod manifest;
mod names;
mod patient_question;
mod patients;
mod record_text;
mod schema;
mod searcher;
mod segments;
mod snippet;
mod stored;
mod text;
mod typo;
mod words;

#[cfg(test)]
mod tests;

pub use build::{IndexBuilder, IndexReport};
pub use fill::{FillError, identity_of, is_text_kind, rebuild, remove_unused};
pub use hits::{Facet, Matched, Moves, PatientHit, PatientMatches, TextHit, TextHits, TextQuestion};
pub use manifest::{IndexFinding, verify};
pub use record_text::{RecordText, text_of_record};
pub use searcher::Searcher;
pub use snippet::{Snippet, marks};
pub use words::parse_question;

/// Why an index could not be built, opened or asked. The texts carry no patient data.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("the index cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Write(#[from] crate::durable::DurableError),
    /// Tantivy's own texts may quote terms, so only their kind is told.
    #[error("the index engine failed: {0}")]
    Engine(&'static str),
    #[error("this index was made by another version: rebuild it with `chartkeep index --rebuild`")]
    OtherVersion,
    #[error("the index is damaged: {0}")]
    Damaged(&'static str),
    #[error("the question is not understood: {0}")]
    BadQuestion(&'static str),
}

impl From<tantivy::TantivyError> for IndexError {
    fn from(error: tantivy::TantivyError) -> Self {
        use tantivy::TantivyError as E;
        IndexError::Engine(match error {
            E::DataCorruption(_) => "damaged data",
            E::IoError(io) => return IndexError::Io(std::io::Error::new(io.kind(), "reading or writing an index file")),
            E::OpenReadError(_) => "a file cannot be opened",
            E::OpenWriteError(_) => "a file cannot be written",
            E::OpenDirectoryError(_) => "the folder cannot be opened",
            E::LockFailure(..) => "another process is writing this index",
            E::IndexAlreadyExists => "there is an index already",
            E::SchemaError(_) => "the schema does not fit",
            E::ErrorInThread(_) | E::Poisoned => "an indexing thread failed",
            _ => "internal",
        })
    }
}
