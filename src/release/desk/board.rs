//! The board: which requests there are, and what is next with them.
//!
//! Not for: one request (`view`).

use super::*;
use crate::limits::RELEASES_LISTED_MAX;
use crate::register::ReleaseRow;

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
        let permit = self.permit(who)?;
        let mut found = self.register.releases(ended).await?;
        if found.len() > RELEASES_LISTED_MAX {
            found.sort_by(|a, b| b.number.cmp(&a.number));
            found.truncate(RELEASES_LISTED_MAX);
            found.sort_by_key(|row| (row.due.is_none(), row.due, row.number.clone()));
        }
        self.tell(permit, found, "the board").await
    }

    /// Requests about a person, the newest first.
    pub async fn of_patient(&self, keys: &[PatientKey], who: &Worker<'_>) -> Result<Audited<Vec<Row>>, DeskError> {
        let permit = self.permit(who)?;
        let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let mut found = Vec::new();
        for number in self.register.releases_of(&names).await?.into_iter().take(RELEASES_LISTED_MAX) {
            found.extend(self.register.release(&number).await?);
        }
        self.tell(permit, found, "those of a person").await
    }

    async fn tell(&self, permit: Permit, found: Vec<ReleaseRow>, what: &str) -> Result<Audited<Vec<Row>>, DeskError> {
        let mut rows = Vec::with_capacity(found.len());
        let mut patients = Vec::new();
        for row in found {
            let case = self.ledger().get(&row.number).await?.case;
            patients.extend(viewed(&case, "").patients);
            rows.push(self.row(row, &case).await?);
        }
        patients.sort();
        patients.dedup();
        let query = Some(format!("requests: {what}"));
        let shown = Shown { event: VIEWED, patients, hits: Some(rows.len() as u64), query, ..Shown::default() };
        Ok(permit.answer(rows, shown)?)
    }

    pub(super) async fn row(&self, row: ReleaseRow, case: &Case) -> Result<Row, DeskError> {
        let names = self.names(row.assignee.as_deref()).await?;
        let requester = &case.request.requester;
        let is_open = !case.state.is_final() && !case.state.is_out();
        Ok(Row {
            basis_words: self.rules.basis(&row.basis).map(|basis| basis.words.clone()).unwrap_or_default(),
            is_overdue: is_open && row.due.is_some_and(|due| due < now()),
            assignee: row.assignee.and_then(|id| names.get(&id).cloned()),
            requester: if requester.organisation.is_empty() { requester.name.clone() } else { requester.organisation.clone() },
            patients: case.request.subjects.iter().map(|subject| subject.name.clone()).collect(),
            why: case.why.clone(),
            review_due: case.review_due(),
            number: row.number,
            state: row.state,
            basis: row.basis,
            priority: row.priority,
            received: row.received,
            due: row.due,
            steps: row.steps,
            changed: row.changed,
        })
    }
}
