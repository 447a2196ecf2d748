//! Why the desk did not do what was asked.
//!
//! Not for: refusals of the guards (`workflow`), which it passes on.

use crate::access::GateError;
use crate::query::QueryError;
use crate::register::RegisterError;
use crate::release::basis::RulesError;
use crate::release::ledger::LedgerError;
use crate::release::shelf::ShelfFault;
use crate::release::workflow::Refusal;

/// The texts hold nothing of a request's content.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error(transparent)]
    Refused(Refusal),
    #[error("no request of this number")]
    Unknown,
    #[error("somebody changed the request since; look at it again")]
    Moved,
    #[error("this step is made by doing what it stands for")]
    NotHere,
    #[error("not built yet")]
    NotBuilt,
    #[error("a preview or package is being made; one is made at a time")]
    Busy,
    #[error("there is no such page, file or patient of the request")]
    NotThere,
    #[error("a paper is a PDF, TIFF, JPEG, PNG or text of at most {0} MiB")]
    Paper(usize),
    #[error("no key signs packages here")]
    NoKey,
    #[error("{0}")]
    Said(String),
    #[error(transparent)]
    Ledger(LedgerError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    Shelf(#[from] ShelfFault),
    #[error("the rules of legal bases cannot be used: {0}")]
    Rules(#[from] RulesError),
}

impl From<LedgerError> for DeskError {
    fn from(error: LedgerError) -> DeskError {
        match error {
            LedgerError::Refused(refusal) => DeskError::Refused(refusal),
            LedgerError::Unknown => DeskError::Unknown,
            LedgerError::Register(RegisterError::ReleaseMoved) => DeskError::Moved,
            LedgerError::Audit(_) => DeskError::Gate(GateError::LogUnavailable),
            other => DeskError::Ledger(other),
        }
    }
}
