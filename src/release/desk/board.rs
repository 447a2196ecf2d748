//! The board: which requests there are, and what is next with them.
//!
//! Not for: one request (`view`).

use super::*;

/// A request on the board.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Row {
    pub number: String,
    /// Name of its state.
    pub state: String,
    /// Code of the legal basis and its words; empty while none is written down.
    pub basis: String,
    pub basis_words: String,
    pub priority: String,
    /// Unix seconds.
    pub received: i64,
    pub due: Option<i64>,
    pub is_overdue: bool,
    /// Name of the person who works on it.
    pub assignee: Option<String>,
    pub requester: String,
    /// Patients, as the request names them.
    pub patients: Vec<String>,
    pub steps: i64,
    pub changed: i64,
    /// What it waits for, or why it is held.
    pub why: Option<String>,
    /// Released by one person alone in an emergency: by when somebody else has to look at it. `None` once that is done.
    pub review_due: Option<i64>,
}

impl Desk {
    /// Requests, those due first before all others; `ended`: also those that are over. The newest of those, when they are many.
    pub async fn list(&self, ended: bool, who: &Worker<'_>) -> Result<Audited<Vec<Row>>, DeskError> {
        let _ = (ended, who);
        Err(DeskError::NotBuilt)
    }

    /// Requests about a person, the newest first.
    pub async fn of_patient(&self, keys: &[PatientKey], who: &Worker<'_>) -> Result<Audited<Vec<Row>>, DeskError> {
        let _ = (keys, who);
        Err(DeskError::NotBuilt)
    }
}
