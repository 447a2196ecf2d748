//! Work over the whole archive that takes minutes when it is large: done once on a thread of its own, and remembered.
//!
//! Whoever asks first has it begun and waits a moment; whoever asks while it runs is told so. Not for: answers that must be
//! of this instant.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a question waits for what is being made.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Results remembered of each sort of work; the oldest goes first.
const KEPT_MAX: usize = 16;

/// What is known of a piece of work.
#[derive(Debug)]
pub enum Looked<V> {
    Done(Arc<V>),
    /// It is being made, or waits for another piece.
    Running,
    Failed,
}

impl<V> Clone for Looked<V> {
    fn clone(&self) -> Self {
        match self {
            Looked::Done(value) => Looked::Done(value.clone()),
            Looked::Running => Looked::Running,
            Looked::Failed => Looked::Failed,
        }
    }
}

/// One sort of work, by what it is about. One piece runs at a time.
pub struct Slow<K, V> {
    shared: Arc<Shared<K, V>>,
}

struct Shared<K, V> {
    pieces: Mutex<Vec<(K, Looked<V>)>>,
    changed: Condvar,
}

impl<K, V> Clone for Slow<K, V> {
    fn clone(&self) -> Self {
        Slow { shared: self.shared.clone() }
    }
}

impl<K, V> Default for Slow<K, V> {
    fn default() -> Self {
        Slow { shared: Arc::new(Shared { pieces: Mutex::new(Vec::new()), changed: Condvar::new() }) }
    }
}

/// Puts a result in its place, also when the work panicked: nobody must wait for what nobody makes.
struct Settle<K: Eq, V> {
    shared: Arc<Shared<K, V>>,
    key: K,
    result: Looked<V>,
}

impl<K: Eq, V> Settle<K, V> {
    fn with(mut self, result: Looked<V>) {
        self.result = result;
    }
}

impl<K: Eq, V> Drop for Settle<K, V> {
    fn drop(&mut self) {
        let mut pieces = self.shared.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let result = std::mem::replace(&mut self.result, Looked::Failed);
        if let Some(piece) = pieces.iter_mut().find(|(key, _)| *key == self.key) {
            piece.1 = result;
        }
        drop(pieces);
        self.shared.changed.notify_all();
    }
}

impl<K: Eq + Clone + Send + 'static, V: Send + Sync + 'static> Slow<K, V> {
    /// What is known of `key`; begins `work` when nothing is. A failure is told once, and the next question tries again.
    pub fn look(&self, key: &K, work: impl FnOnce() -> Option<V> + Send + 'static) -> Looked<V> {
        let mut pieces = self.shared.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pieces.iter().any(|(held, _)| held == key);
        if !known {
            if pieces.iter().any(|(_, piece)| matches!(piece, Looked::Running)) {
                return Looked::Running;
            }
            if pieces.len() >= KEPT_MAX {
                pieces.remove(0);
            }
            pieces.push((key.clone(), Looked::Running));
            let settle = Settle { shared: self.shared.clone(), key: key.clone(), result: Looked::Failed };
            // Without a thread the piece drops its settling, which says that it failed.
            let begun = std::thread::Builder::new().name("slow".into()).spawn(move || {
                let result = work().map_or(Looked::Failed, |value| Looked::Done(Arc::new(value)));
                settle.with(result);
            });
            if begun.is_err() {
                tracing::error!("no thread for work in the background");
            }
        }
        let is_running =
            |pieces: &mut Vec<(K, Looked<V>)>| pieces.iter().any(|(held, piece)| held == key && matches!(piece, Looked::Running));
        let waited = self.shared.changed.wait_timeout_while(pieces, PATIENCE, is_running);
        let mut pieces = waited.unwrap_or_else(PoisonError::into_inner).0;
        let found = pieces.iter().position(|(held, _)| held == key);
        match found.and_then(|at| pieces.get(at).map(|(_, piece)| (at, piece.clone()))) {
            Some((at, Looked::Failed)) => {
                pieces.remove(at);
                Looked::Failed
            }
            Some((_, piece)) => piece,
            None => Looked::Running,
        }
    }

    /// Forgets what is done and no longer wanted.
    pub fn forget(&self, is_old: impl Fn(&K, &V) -> bool) {
        let mut pieces = self.shared.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.retain(|(key, piece)| !matches!(piece, Looked::Done(value) if is_old(key, value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once_and_a_failure_is_told_and_tried_again() {
        let slow: Slow<u8, u32> = Slow::default();
        assert!(matches!(slow.look(&1, || Some(7)), Looked::Done(value) if *value == 7));
        assert!(matches!(slow.look(&1, || Some(8)), Looked::Done(value) if *value == 7), "remembered");
        assert!(matches!(slow.look(&2, || None), Looked::Failed));
        assert!(matches!(slow.look(&3, || panic!("as it happens")), Looked::Failed));
        assert!(matches!(slow.look(&3, || Some(9)), Looked::Done(value) if *value == 9), "tried again");
        slow.forget(|key, _| *key == 1);
        assert!(matches!(slow.look(&1, || Some(8)), Looked::Done(value) if *value == 8));
    }

    #[test]
    fn whoever_asks_while_it_runs_is_told_so() {
        let slow: Slow<u8, u32> = Slow::default();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        assert!(matches!(slow.look(&1, move || wait.recv().ok().map(|()| 1)), Looked::Running));
        assert!(matches!(slow.look(&2, || Some(2)), Looked::Running), "one at a time");
        go.send(()).unwrap();
        assert!(matches!(slow.look(&1, || None), Looked::Done(_)));
    }
}
