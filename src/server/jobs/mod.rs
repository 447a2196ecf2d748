//! Exports that are made in the background: each in a folder of its own under `exports/`, with a record of how far it is, so that one
//! that was under way when the server ended is taken up again by the next.
//!
//! A job belongs to whoever asked for it, and is not there for anybody else. Not for: HTTP (`fhir::bulk`, `api::ehi`).

mod person;
mod record;
mod run;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::Principal;
use crate::durable::{self, DurableError, Lock};
use crate::limits::{BULK_KEPT_MAX, BULK_RUNNING_MAX};

pub use person::{person, wait};
pub use record::{Asked, Bulk, File, JobRecord, Level, Owner, State, What};
pub use run::start_bulk;

use super::state::App;

/// Name of the folder of all jobs in the archive's folder, of the lock in it, and of a job's record in its own.
const FOLDER: &str = "exports";
const LOCK: &str = "lock";
const RECORD: &str = "job.json";

/// The exports of this process.
pub struct Jobs {
    folder: PathBuf,
    /// Held while this process makes exports; another server of the same archive makes none.
    lock: Mutex<Option<Lock>>,
    held: Mutex<BTreeMap<String, Arc<Job>>>,
    stopping: AtomicBool,
}

/// One export.
pub struct Job {
    pub id: String,
    pub dir: PathBuf,
    record: Mutex<JobRecord>,
    cancelled: AtomicBool,
    /// Parts done, and of how many; 0 when that is not known yet.
    done: AtomicU64,
    of: AtomicU64,
}

/// Why no export was begun.
#[derive(Debug, thiserror::Error)]
pub enum Busy {
    #[error("too many exports are under way")]
    Running,
    #[error("too many finished exports are kept")]
    Kept,
    #[error("exports are made by another process")]
    Elsewhere,
    #[error(transparent)]
    Disk(#[from] DurableError),
}

impl Jobs {
    pub fn new(archive: &Path) -> Jobs {
        Jobs {
            folder: archive.join(FOLDER),
            lock: Mutex::new(None),
            held: Mutex::new(BTreeMap::new()),
            stopping: AtomicBool::new(false),
        }
    }

    /// Takes a new job in, with its record on disk.
    pub fn add(&self, record: JobRecord) -> Result<Arc<Job>, Busy> {
        self.sweep();
        self.take_lock()?;
        let mut held = self.held();
        let running = held.values().filter(|job| job.record().state == State::Running).count();
        if running >= BULK_RUNNING_MAX {
            return Err(Busy::Running);
        }
        if held.values().filter(|job| job.record().owner == record.owner).count() >= BULK_KEPT_MAX {
            return Err(Busy::Kept);
        }
        let id = uuid::Uuid::new_v4().to_string();
        let job = Arc::new(Job::new(&self.folder, &id, record));
        durable::create_dir_all(&job.dir)?;
        job.save()?;
        held.insert(id, job.clone());
        Ok(job)
    }

    /// The job of this id, for its owner.
    pub fn of(&self, id: &str, principal: &Principal) -> Option<Arc<Job>> {
        let job = self.held().get(id).cloned()?;
        let is_his = job.record().owner == Owner::of(principal);
        let is_over = job.record().is_over(now());
        if is_his && is_over {
            self.remove(&job);
        }
        (is_his && !is_over).then_some(job)
    }

    /// The first of the owner's jobs that fits.
    pub fn find(&self, principal: &Principal, fits: impl Fn(&JobRecord) -> bool) -> Option<Arc<Job>> {
        let owner = Owner::of(principal);
        let found = self.held().values().find(|job| job.record().owner == owner && fits(&job.record())).cloned()?;
        self.of(&found.id, principal)
    }

    /// Ends a job and removes its files. What makes it stops at its next record.
    pub fn remove(&self, job: &Job) {
        job.cancelled.store(true, Ordering::Relaxed);
        self.held().remove(&job.id);
        if let Err(error) = durable::remove_dir_all(&job.dir) {
            tracing::warn!(%error, "the files of an export could not be removed");
        }
    }

    /// Removes what has been kept long enough.
    pub fn sweep(&self) {
        let over: Vec<Arc<Job>> = self.held().values().filter(|job| job.record().is_over(now())).cloned().collect();
        for job in over {
            self.remove(&job);
        }
    }

    /// The process ends: whatever is under way stops where it is, and is taken up by the next.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether a job is to go on.
    fn goes_on(&self, job: &Job) -> bool {
        !self.stopping.load(Ordering::Relaxed) && !job.cancelled.load(Ordering::Relaxed)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Job>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_lock(&self) -> Result<(), Busy> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            durable::create_dir_all(&self.folder)?;
            *lock = Some(durable::lock_exclusive(&self.folder.join(LOCK))?.ok_or(Busy::Elsewhere)?);
        }
        Ok(())
    }

    /// The jobs that an earlier process left, those that are over or cannot be read removed.
    fn left(&self) -> Vec<Arc<Job>> {
        let mut left = Vec::new();
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let (dir, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if !dir.is_dir() {
                continue;
            }
            let record = std::fs::read(dir.join(RECORD)).ok().and_then(|bytes| serde_json::from_slice::<JobRecord>(&bytes).ok());
            match record.filter(|record| !record.is_over(now()) && record.may_be_taken_up()) {
                Some(record) => left.push(Arc::new(Job::new(&self.folder, &name, record))),
                None => {
                    if let Err(error) = durable::remove_dir_all(&dir) {
                        tracing::warn!(%error, "the files of an export could not be removed");
                    }
                }
            }
        }
        left
    }
}

impl Job {
    fn new(folder: &Path, id: &str, record: JobRecord) -> Job {
        let (done, of) = (AtomicU64::new(0), AtomicU64::new(0));
        let cancelled = AtomicBool::new(false);
        Job { id: id.into(), dir: folder.join(id), record: Mutex::new(record), cancelled, done, of }
    }

    /// How it stands now.
    pub fn record(&self) -> MutexGuard<'_, JobRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parts done and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed))
    }

    fn set_progress(&self, done: u64, of: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.of.store(of, Ordering::Relaxed);
    }

    fn save(&self) -> Result<(), DurableError> {
        let text = serde_json::to_vec_pretty(&*self.record()).unwrap_or_default();
        durable::replace(&self.dir.join(RECORD), &text).map(|_| ())
    }

    /// Changes the record, here and on disk. A job that was removed meanwhile has no folder, and nothing is to be kept of it.
    fn update(&self, change: impl FnOnce(&mut JobRecord)) {
        change(&mut self.record());
        if self.cancelled.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.save() {
            tracing::warn!(%error, "how far an export is could not be written down");
        }
    }
}

/// Takes up what an earlier process left. Inside a tokio runtime, since jobs ask the register.
pub fn resume(app: &Arc<App>) {
    let jobs = &app.jobs;
    if !jobs.folder.exists() {
        return;
    }
    if let Err(error) = jobs.take_lock() {
        tracing::warn!(%error, "exports of an earlier process are not taken up");
        return;
    }
    for job in jobs.left() {
        jobs.held().insert(job.id.clone(), job.clone());
        let is_running = job.record().state == State::Running;
        if is_running {
            tracing::info!("an export that was under way is taken up again");
            start_bulk(app, &job);
        }
    }
}

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
