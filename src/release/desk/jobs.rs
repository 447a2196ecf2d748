//! Previews and packages are made in the background, one at a time: the request that asked for one does not wait.
//!
//! A job that a restart cut off left nothing that counts: its files lie on the shelf under their digests, no step names them, and
//! it can be asked for again.
//!
//! Not for: what is made (`build`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;
use crate::release::build::Workshop;
use crate::release::workflow::{Package, Preview, Previewed};

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

/// Jobs that are remembered, the running one among them.
const REMEMBERED: usize = 200;

/// The last job of each request.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<BTreeMap<String, Job>>);

impl Jobs {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, job: Job) -> Result<(), DeskError> {
        let mut jobs = self.all();
        if jobs.values().any(|it| it.state == JobState::Running) {
            return Err(DeskError::Busy);
        }
        while jobs.len() >= REMEMBERED {
            let oldest = jobs.values().min_by_key(|it| it.begun).map(|it| it.number.clone());
            oldest.and_then(|number| jobs.remove(&number));
        }
        jobs.insert(job.number.clone(), job);
        Ok(())
    }

    fn change(&self, number: &str, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.all().get_mut(number) {
            change(job);
        }
    }
}

/// Who asked for a job, for as long as it takes.
struct Asker {
    principal: Principal,
    context: RequestContext,
    actor: Actor,
}

impl Asker {
    fn of(who: &Worker<'_>) -> Asker {
        Asker { principal: who.principal.clone(), context: who.context.clone(), actor: who.actor.clone() }
    }

    fn worker(&self) -> Worker<'_> {
        Worker { principal: &self.principal, context: &self.context, actor: self.actor.clone() }
    }
}

impl Desk {
    /// Begins to make the pages as they would leave; the step is made when they are there.
    ///
    /// # Errors
    /// The guard's refusal, and whatever the pages lack, before the job begins; `Busy`.
    pub async fn preview(self: &Arc<Self>, seen: &Seen, who: &Worker<'_>) -> Result<Job, DeskError> {
        self.check(who)?;
        let entered = self.as_seen(seen, who).await?;
        let of = entered.case.request.subjects.len();
        self.try_out(&entered.case, Move::Preview(Preview { subjects: vec![Previewed::default(); of] }), who)?;
        for subject in 0..of {
            self.plan(&entered.case, subject, now())?;
        }
        self.begin(JobKind::Preview, entered, who)
    }

    /// Begins to make the package of what was approved; the step is made when it is there.
    ///
    /// # Errors
    /// The guard's refusal before the job begins; `NoKey`, `Busy`.
    pub async fn seal(self: &Arc<Self>, seen: &Seen, who: &Worker<'_>) -> Result<Job, DeskError> {
        self.check(who)?;
        self.signer.as_ref().ok_or(DeskError::NoKey)?;
        let entered = self.as_seen(seen, who).await?;
        let case = &entered.case;
        let approved = case.approval.as_ref().map(|it| it.preview_sha256.clone()).unwrap_or_default();
        let packages = vec![Package::default(); case.request.subjects.len()];
        self.try_out(case, Move::Seal { preview_sha256: approved, packages }, who)?;
        self.begin(JobKind::Seal, entered, who)
    }

    /// How the making of a request's preview or package stands; holds nothing of a request.
    pub fn job(&self, number: &str) -> Option<Job> {
        self.jobs.all().get(number).cloned()
    }

    fn begin(self: &Arc<Self>, kind: JobKind, entered: Entered, who: &Worker<'_>) -> Result<Job, DeskError> {
        let (number, of) = (entered.case.number.clone(), entered.case.request.subjects.len());
        let job = Job { number: number.clone(), kind, begun: now(), done: 0, of, state: JobState::Running };
        self.jobs.begin(job.clone())?;
        let (desk, asker, runtime) = (Arc::clone(self), Asker::of(who), tokio::runtime::Handle::current());
        let work = move || {
            let made = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async {
                    match kind {
                        JobKind::Preview => desk.make_preview(&entered, &asker.worker()).await,
                        JobKind::Seal => desk.make_packages(&entered, &asker.worker()).await,
                    }
                })
            }));
            let state = match made {
                Ok(Ok(())) => JobState::Done,
                Ok(Err(error)) => {
                    tracing::warn!(request = number, %error, "a release was not made");
                    JobState::Failed { why: error.to_string() }
                }
                Err(_) => {
                    tracing::error!(request = number, "the making of a release failed unexpectedly");
                    JobState::Failed { why: "it failed unexpectedly".into() }
                }
            };
            desk.jobs.change(&number, |job| job.state = state);
        };
        if std::thread::Builder::new().name("release".into()).spawn(work).is_err() {
            self.jobs.change(&job.number, |job| job.state = JobState::Failed { why: "no thread for it".into() });
            return Err(DeskError::Busy);
        }
        Ok(job)
    }

    async fn make_preview(&self, entered: &Entered, who: &Worker<'_>) -> Result<(), DeskError> {
        let (case, at) = (&entered.case, now());
        let mut preview = Preview::default();
        for subject in 0..case.request.subjects.len() {
            let plan = self.plan(case, subject, at)?;
            let permit = self.permit_for(case, subject, who)?;
            let previewed = self.make_pages(&self.workshop(&permit), &plan)?;
            permit.answer((), self.built(case, subject, "pages made")?)?;
            preview.subjects.push(previewed);
            self.jobs.change(&case.number, |job| job.done += 1);
        }
        self.make(entered, Move::Preview(preview), who).await.map(drop)
    }

    async fn make_packages(&self, entered: &Entered, who: &Worker<'_>) -> Result<(), DeskError> {
        let case = &entered.case;
        // Only what is approved, and unchanged since, can be sealed.
        let approved = case.approved().ok_or(DeskError::Refused(Refusal::NotNow(case.state)))?;
        let preview_sha256 = approved.approval().preview_sha256.clone();
        self.void_bates(&case.number).await?;
        let made = self.all_packages(entered, who).await;
        let made = match made {
            Ok(packages) => self.make(entered, Move::Seal { preview_sha256, packages }, who).await.map(drop),
            Err(error) => Err(error),
        };
        if made.is_err() {
            self.void_bates(&case.number).await?;
        }
        made
    }

    async fn all_packages(&self, entered: &Entered, who: &Worker<'_>) -> Result<Vec<Package>, DeskError> {
        let case = &entered.case;
        let key = self.signer.as_ref().ok_or(DeskError::NoKey)?.key_name().to_owned();
        let previewed = case.preview.clone().unwrap_or_default().subjects;
        let mut packages = Vec::new();
        for (subject, previewed) in previewed.iter().enumerate() {
            let permit = self.permit_for(case, subject, who)?;
            let record = self.record(entered, previewed, &key).await?;
            let package = self.make_package(&self.workshop(&permit), record, previewed, &case.number).await?;
            permit.answer((), self.built(case, subject, "package made")?)?;
            packages.push(package);
            self.jobs.change(&case.number, |job| job.done += 1);
        }
        Ok(packages)
    }

    /// Voids the Bates numbers that were given to a request of which no package left: sealing failed or was cut off, or it ended.
    pub(super) async fn void_bates(&self, number: &str) -> Result<(), DeskError> {
        for range in self.register.bates_of(number).await?.into_iter().filter(|range| range.void_because.is_none()) {
            self.register.void_bates(&range.prefix, range.first, "no package that left bears these numbers").await?;
        }
        Ok(())
    }

    pub(super) fn workshop<'w>(&'w self, permit: &'w Permit) -> Workshop<'w> {
        Workshop { archive: &self.archive, permit, shelf: &self.shelf, config: &self.config, threads: 0 }
    }

    /// What the log says of records that were read to make pages of them.
    pub(super) fn built(&self, case: &Case, subject: usize, what: &str) -> Result<Shown, DeskError> {
        Ok(choosing::shown_of(case, &self.frozen(case, subject)?, what))
    }
}
