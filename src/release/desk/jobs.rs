//! Previews and packages are made in the background, one at a time: the request that asked for one does not wait.
//!
//! Not for: what is made (`build`).

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    Preview,
    Seal,
}

#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum JobState {
    Running,
    Done,
    /// In words that hold nothing of a record.
    Failed {
        why: String,
    },
}

/// The making of a preview or package, as far as this process knows of it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Job {
    pub number: String,
    pub kind: JobKind,
    /// Unix seconds.
    pub begun: i64,
    /// Patients of the request that are done, of how many.
    pub done: usize,
    pub of: usize,
    #[serde(flatten)]
    pub state: JobState,
}

/// The last job of each request.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<BTreeMap<String, Job>>);

impl Desk {
    /// Begins to make the pages as they would leave; the step is made when they are there.
    pub async fn preview(self: &Arc<Self>, seen: &Seen, who: &Worker<'_>) -> Result<Job, DeskError> {
        let _ = (seen, who);
        Err(DeskError::NotBuilt)
    }

    /// Begins to make the package of what was approved; the step is made when it is there.
    pub async fn seal(self: &Arc<Self>, seen: &Seen, who: &Worker<'_>) -> Result<Job, DeskError> {
        let _ = (seen, who);
        Err(DeskError::NotBuilt)
    }

    /// How the making of a request's preview or package stands; holds nothing of a request.
    pub fn job(&self, number: &str) -> Option<Job> {
        self.jobs.0.lock().ok()?.get(number).cloned()
    }
}
