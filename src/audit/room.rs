//! How much room the disk of the log has left, and the reserve below which nothing more is taken.
//!
//! Not for: reserving space in a segment (`durable`).

use std::path::Path;
use std::time::{Duration, Instant};

/// How long an answer of the system is believed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Free space that must stay (spec audit.md §6): the larger of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reserve {
    pub bytes: u64,
    /// Of what can be used of the disk: what is in use and what is free, as `df` counts.
    pub percent: u64,
}

impl Default for Reserve {
    fn default() -> Reserve {
        Reserve { bytes: 2 << 30, percent: 5 }
    }
}

impl Reserve {
    /// A reserve of so many mebibytes, whatever the size of the disk.
    pub fn of_mib(mib: u32) -> Reserve {
        Reserve { bytes: u64::from(mib) << 20, percent: 0 }
    }

    /// Whether a disk with so many bytes that can be used, and so many of them free, has less than the reserve.
    pub fn is_reached(self, usable: u64, free: u64) -> bool {
        free < self.bytes.max(usable / 100 * self.percent)
    }
}

/// Bytes of the disk of `dir` that can be used, and those of them that are free; `None` when it does not say.
pub fn disk_of(dir: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    let usable = disk.f_blocks.saturating_sub(disk.f_bfree) + disk.f_bavail;
    Some((usable * disk.f_frsize, disk.f_bavail * disk.f_frsize))
}

/// Asks the system now and then.
#[derive(Debug)]
pub(super) struct Room {
    reserve: Reserve,
    asked: Option<Instant>,
    is_short: bool,
}

impl Room {
    pub(super) fn new(reserve: Reserve) -> Room {
        Room { reserve, asked: None, is_short: false }
    }

    /// Whether the reserve is reached on the disk of `dir`. A disk that does not say counts as one with room: a write
    /// that fails is found out anyway.
    pub(super) fn is_short(&mut self, dir: &Path) -> bool {
        if self.asked.is_none_or(|asked| asked.elapsed() >= LOOK_EVERY) {
            self.asked = Some(Instant::now());
            self.is_short = disk_of(dir).is_some_and(|(usable, free)| self.reserve.is_reached(usable, free));
        }
        self.is_short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_of_the_two_bounds_counts() {
        let reserve = Reserve::default();
        let gib = |n: u64| n << 30;
        for (total, free, reached) in [
            (gib(10), gib(2), false),
            (gib(10), gib(2) - 1, true),
            (gib(1000), gib(51), false),
            (gib(1000), gib(49), true),
            (gib(1), gib(1), true),
        ] {
            assert_eq!(reserve.is_reached(total, free), reached, "{free} of {total}");
        }
    }
}
