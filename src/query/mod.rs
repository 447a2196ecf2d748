//! What a person asks: find a patient, open a chart, read a record or document, search text, a series of values.
//! Every function takes a permit and checks its scope; its filter goes into the search itself.
//!
//! Not for: HTTP, JSON shapes, or pages (`server`); bytes on disk (`store`).

mod background;
mod between;
mod candidates;
mod census;
mod chart;
mod coverage;
mod delivered;
mod document;
mod find;
mod foreign;
mod found;
mod inventory;
mod kept;
mod leaves;
mod linked;
mod moved;
mod origin;
mod outline;
mod own_notes;
mod part;
mod provenance;
mod reassigned;
mod record;
mod review;
mod series;
mod sight;
mod slow;
mod snapshot;
mod sources;
mod taken;
mod taken_run;
mod text;
mod told;
mod visits;
mod wanted;
mod whole;

pub use crate::identity::{Agreement, Parted, Reassignment};
pub use crate::index::{Facet, Matched, TextHit, TextHits, TextQuestion, identity_of, marks, parse_question};
pub use crate::store::document_id;
pub use crate::store::manifest::{LedgerTotals, Withdrawn};
pub use crate::store::unmapped::{Coverage as CodeCoverage, Unmapped};
pub use background::Codes;
pub use between::Dated;
pub use candidates::{Decision, DecisionRefused, PairPage, PairRow, PairSide};
pub use census::{Census, Group, is_correction};
pub use chart::ChartBytes;
pub use delivered::Delivered;
pub use find::{PatientHit, PatientHits};
pub use inventory::{Held, Hidden, Holding, Inventory, SourceMark};
pub use kept::{KeptForm, KeptPage, KeptQuestion, KeptRow};
pub use leaves::Sealed;
pub use linked::LinkType;
pub use origin::{Origin, Source};
pub use outline::{Likeness, Outline, Unseen};
pub use own_notes::OwnNote;
pub use provenance::Provenance;
pub use review::{KeptItem, Sampled};
pub use slow::Looked;
pub use snapshot::{AccessionSummary, Archive, ArchiveFacts, Custody};
pub use sources::{SourceItem, SourceRef};
pub use taken::Taken;
pub use taken_run::TakenWith;
pub use told::Told;
pub use visits::{Visit, Visits};
pub use wanted::{Between, PageOf, Selection};
pub use whole::WholePart;

use crate::index::IndexError;
use crate::statements::StatementError;
use crate::store::StoreError;

/// Why a question could not be answered. The texts carry no patient data.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The permit's scope does not cover the question: a mistake in the program, answered as a denial.
    #[error("outside the permit's scope")]
    OutOfScope,
    /// Not there, or not to be seen: the two look the same.
    #[error("no archived record here")]
    NotFound,
    #[error("the question is not understood: {0}")]
    BadQuestion(&'static str),
    #[error("the archive cannot be read: {0}")]
    Unreadable(String),
    /// The bytes of a document are not those that were sealed. The text names the place.
    #[error("the stored content does not match its digest: {0}")]
    Damaged(String),
}

impl From<StoreError> for QueryError {
    fn from(e: StoreError) -> Self {
        QueryError::Unreadable(e.to_string())
    }
}

impl From<StatementError> for QueryError {
    fn from(e: StatementError) -> Self {
        QueryError::Unreadable(e.to_string())
    }
}

impl From<IndexError> for QueryError {
    fn from(e: IndexError) -> Self {
        match e {
            IndexError::BadQuestion(what) => QueryError::BadQuestion(what),
            other => QueryError::Unreadable(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
