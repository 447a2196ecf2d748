//! Which person a subject is, and which of the person's records go out.
//!
//! Not for: what is chosen first and why (`selection`), or taking words out of pages (`redaction`).

use super::*;
use crate::query::PatientHit;
use crate::release::redaction::Redactions;
use crate::release::selection::Selection;
use crate::release::workflow::Decision;

/// A person of the archive whom a subject of a request may be.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub hit: PatientHit,
    /// All keys of the person: what `Move::Identify` takes.
    pub keys: Vec<String>,
    /// Whether birth date and every number of the request agree with this person.
    pub agrees: bool,
}

/// What would go out of a subject's records, not frozen.
#[derive(Clone, Debug)]
pub struct Picked {
    pub selection: Selection,
    /// About how many pages that makes.
    pub pages: u64,
}

impl Desk {
    /// Persons of the archive whom a subject may be, found by what the request says of it. Nobody is chosen here.
    pub async fn candidates(&self, number: &str, subject: usize, who: &Worker<'_>) -> Result<Audited<Vec<Candidate>>, DeskError> {
        let _ = (number, subject, who);
        Err(DeskError::NotBuilt)
    }

    /// What would go out of a subject's records by the request's scope, or by another that is being tried.
    pub async fn pick(
        &self,
        number: &str,
        subject: usize,
        scope: Option<crate::release::request::Scope>,
        who: &Worker<'_>,
    ) -> Result<Audited<Picked>, DeskError> {
        let _ = (number, subject, scope, who);
        Err(DeskError::NotBuilt)
    }

    /// Freezes what goes out of every subject's records.
    pub async fn assemble(&self, seen: &Seen, who: &Worker<'_>) -> Result<Seen, DeskError> {
        let _ = (seen, who);
        Err(DeskError::NotBuilt)
    }

    /// The frozen selection of a subject.
    pub async fn selection(&self, number: &str, subject: usize, who: &Worker<'_>) -> Result<Audited<Selection>, DeskError> {
        let _ = (number, subject, who);
        Err(DeskError::NotBuilt)
    }

    /// Says what is done with an item.
    pub async fn decide(
        &self,
        seen: &Seen,
        subject: usize,
        item: usize,
        decision: Decision,
        who: &Worker<'_>,
    ) -> Result<Seen, DeskError> {
        self.step(seen, Move::Decide { subject, item, decision }, who).await
    }

    /// What is redacted of a subject's items; empty when nothing is.
    pub async fn redactions(&self, number: &str, subject: usize, who: &Worker<'_>) -> Result<Audited<Redactions>, DeskError> {
        let _ = (number, subject, who);
        Err(DeskError::NotBuilt)
    }

    /// Says what is redacted of a subject's items, all of it.
    pub async fn redact(&self, seen: &Seen, subject: usize, redactions: Redactions, who: &Worker<'_>) -> Result<Seen, DeskError> {
        let _ = (seen, subject, redactions, who);
        Err(DeskError::NotBuilt)
    }
}
