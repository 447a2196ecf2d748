//! Which pages of a preview were shown to whom: what a person may say of having looked at them rests on it. Kept in memory: after a
//! restart they look again.
//!
//! Not for: the entries of the access log, which each page leaves too.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Previews remembered, by person; the oldest goes first.
const REMEMBERED: usize = 500;

#[derive(Debug, Default)]
pub struct SeenPages(Mutex<Vec<OfOne>>);

/// What one person saw of the pages of one patient.
#[derive(Debug)]
struct OfOne {
    who: String,
    /// Digest of the pages: other pages were not seen.
    pages_sha256: String,
    pages: BTreeSet<u32>,
}

impl SeenPages {
    /// Notes that a page was shown.
    pub fn note(&self, who: &str, pages_sha256: &str, page: u32) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|it| it.who == who && it.pages_sha256 == pages_sha256);
        let mut own = match known {
            Some(at) => all.remove(at),
            None => OfOne { who: who.to_string(), pages_sha256: pages_sha256.to_string(), pages: BTreeSet::new() },
        };
        own.pages.insert(page);
        if all.len() >= REMEMBERED {
            all.remove(0);
        }
        all.push(own);
    }

    pub fn of(&self, who: &str, pages_sha256: &str) -> BTreeSet<u32> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|it| it.who == who && it.pages_sha256 == pages_sha256).map_or_else(BTreeSet::new, |it| it.pages.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_saw_counts_for_nobody_else_and_for_no_other_pages() {
        let seen = SeenPages::default();
        seen.note("ann", "a", 3);
        seen.note("ann", "a", 1);
        assert_eq!(seen.of("ann", "a"), BTreeSet::from([1, 3]));
        assert!(seen.of("ben", "a").is_empty() && seen.of("ann", "b").is_empty());
        for n in 0..REMEMBERED {
            seen.note("ben", &n.to_string(), 1);
        }
        assert!(seen.of("ann", "a").is_empty(), "the oldest goes first");
    }
}
