//! Work on many items by several threads, whose results come in the order of the items. Little is under way at a time, so
//! neither the number of threads nor their pace shows in the result or in the memory it takes.
//!
//! Not for: what the work is.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::BuildFault;

/// Records nest as deep as they were delivered.
const STACK: usize = 32 << 20;

/// Gives `each` the results of `work` on 0, 1, … `count` - 1, as an iterator; work on items that it never asks for is not begun.
pub fn in_order<T: Send, R>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<T, BuildFault> + Sync,
    each: impl FnOnce(&mut dyn Iterator<Item = Result<T, BuildFault>>) -> R,
) -> Result<R, BuildFault> {
    let (give, take) = unbounded::<usize>();
    let (hand_in, collect) = unbounded();
    let work = &work;
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (take, hand_in) = (take.clone(), hand_in.clone());
            let builder = std::thread::Builder::new().name(format!("build-{number}")).stack_size(STACK);
            builder.spawn_scoped(scope, move || {
                for at in take {
                    let done = catch_unwind(AssertUnwindSafe(|| work(at))).unwrap_or(Err(BuildFault::Thread));
                    if hand_in.send((at, done)).is_err() {
                        return;
                    }
                }
            })?;
        }
        drop((take, hand_in));
        let mut line = Line { next: 0, given: 0, count, ahead: threads * 2, give, collect, waiting: BTreeMap::new() };
        Ok(each(&mut line))
    })
}

struct Line<T> {
    next: usize,
    given: usize,
    count: usize,
    /// Items that may be under way or wait.
    ahead: usize,
    give: Sender<usize>,
    collect: Receiver<(usize, Result<T, BuildFault>)>,
    waiting: BTreeMap<usize, Result<T, BuildFault>>,
}

impl<T> Iterator for Line<T> {
    type Item = Result<T, BuildFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.count {
            return None;
        }
        while self.given < self.count && self.given - self.next < self.ahead {
            if self.give.send(self.given).is_err() {
                return Some(Err(BuildFault::Thread));
            }
            self.given += 1;
        }
        loop {
            if let Some(done) = self.waiting.remove(&self.next) {
                self.next += 1;
                return Some(done);
            }
            match self.collect.recv() {
                Ok((at, done)) => drop(self.waiting.insert(at, done)),
                Err(_) => return Some(Err(BuildFault::Thread)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_a_panic_is_a_fault() {
        for threads in [1, 3] {
            let all = in_order(threads, 500, |at| Ok(at * 2), |line| line.map(Result::unwrap).collect::<Vec<_>>()).unwrap();
            assert_eq!(all, (0..500).map(|at| at * 2).collect::<Vec<_>>());
            let some = in_order(threads, 500, Ok, |line| line.take(3).map(Result::unwrap).sum::<usize>()).unwrap();
            assert_eq!(some, 3);
        }
        let stopped =
            in_order(2, 9, |at| if at == 4 { panic!("on purpose") } else { Ok(at) }, |line| line.map_while(Result::ok).count());
        assert_eq!(stopped.unwrap(), 4);
    }
}
