//! Runs a reader that we do not trust to end, or not to panic, on a thread of its own with a time limit.
//!
//! A thread cannot be stopped. One that overruns goes on until it ends by itself and counts against the number of
//! workers, so that hostile documents use up this module and not the machine.
//!
//! Not for: our own readers, which are linear and bounded by construction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::limits::DOCUMENT_WORKERS_MAX;

/// Why there is no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Stopped {
    #[error("the reader of this document failed")]
    Panicked,
    #[error("the document took too long to read")]
    OutOfTime,
    #[error("too many documents are being read")]
    Busy,
}

/// Nested objects of a PDF are read by recursion in its library.
const STACK: usize = 64 << 20;
static WORKERS: AtomicUsize = AtomicUsize::new(0);

/// Counts a worker for as long as it lives.
struct Worker;

impl Worker {
    fn start() -> Option<Worker> {
        let add = |n| (n < DOCUMENT_WORKERS_MAX).then_some(n + 1);
        WORKERS.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok().map(|_| Worker)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        WORKERS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Runs `job` on a thread of its own and waits for at most `limit`.
pub fn run<T: Send + 'static>(limit: Duration, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
    let worker = Worker::start().ok_or(Stopped::Busy)?;
    let (done, result) = mpsc::sync_channel(1);
    let body = move || {
        let outcome = catch_unwind(AssertUnwindSafe(job));
        drop(worker);
        // Nobody listens any more when the time was up.
        let _ = done.send(outcome);
    };
    thread::Builder::new().name("document".to_owned()).stack_size(STACK).spawn(body).map_err(|_| Stopped::Busy)?;
    match result.recv_timeout(limit) {
        Ok(outcome) => outcome.map_err(|_| Stopped::Panicked),
        Err(_) => Err(Stopped::OutOfTime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_an_endless_job_end_as_errors() {
        assert_eq!(run(Duration::from_secs(5), || 7), Ok(7));
        let bad = run(Duration::from_secs(5), || std::panic::panic_any(()));
        assert_eq!(bad, Err::<(), _>(Stopped::Panicked));
        let slow = run(Duration::from_millis(5), || thread::sleep(Duration::from_millis(200)));
        assert_eq!(slow, Err(Stopped::OutOfTime));
    }
}
