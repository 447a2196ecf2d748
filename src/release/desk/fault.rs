//! Why the desk did not do what was asked.
//!
//! Not for: refusals of the guards (`workflow`), which it passes on.

use crate::access::GateError;
use crate::query::QueryError;
use crate::register::RegisterError;
use crate::release::basis::RulesError;
use crate::release::build::BuildFault;
use crate::release::ledger::LedgerError;
use crate::release::paper::front::TextFault;
use crate::release::selection::{SelectionFault, SetsError};
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
    #[error("a request cannot have come in after now")]
    Received,
    #[error("these are not all the keys of one person of the archive")]
    NotOnePerson,
    #[error("item {0} is to be redacted, and nothing of it is")]
    NotRedacted(usize),
    #[error("a copy of the patient's consent has to be on file: it goes with the records (42 CFR 2.32)")]
    NoConsent,
    #[error("a preview or package is being made; one is made at a time")]
    Busy,
    #[error("there is no such page, file or patient of the request")]
    NotThere,
    #[error("a paper is a PDF, TIFF, JPEG, PNG or text of at most {0} MiB")]
    Paper(usize),
    #[error("the page cannot be drawn: {0}")]
    Undrawable(String),
    #[error("the link asks for the patient's birth date, and neither request nor archive has the day")]
    NoBirthDate,
    #[error("there is no proof of an entry: {0}")]
    Proof(#[from] super::handing::ProofFault),
    #[error("no key signs packages here")]
    NoKey,
    #[error("{0}")]
    Said(String),
    #[error("what is to be redacted cannot be carried out: {0}")]
    Redactions(String),
    #[error(transparent)]
    Selection(#[from] SelectionFault),
    #[error(transparent)]
    Text(#[from] TextFault),
    #[error(transparent)]
    Build(#[from] BuildFault),
    #[error("the definitions of records cannot be used: {0}")]
    Sets(#[from] SetsError),
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

impl DeskError {
    /// Whether the text is for the person who asked, who can do something about it; else something is broken.
    pub fn is_told(&self) -> bool {
        use DeskError::*;
        match self {
            Refused(_) | Unknown | Moved | NotHere | Received | NotOnePerson | NotRedacted(_) | NoConsent | Busy | NotThere => {
                true
            }
            Paper(_) | Undrawable(_) | NoBirthDate | NoKey | Said(_) | Redactions(_) | Text(_) => true,
            Selection(fault) => !matches!(fault, SelectionFault::Query(_)),
            _ => false,
        }
    }
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
