//! The stored hashes of a stream, compared with those that its entries make.
//!
//! Not for: writing them (`tiles`).

use std::path::Path;

use crate::merkle::Hash;

use super::LogError;
use super::fault::Fault;
use super::tiles::{Leaves, level_of};

/// Levels with their stored hashes, as they were when the check began.
pub(super) struct TileCheck {
    levels: Vec<Level>,
    /// Entries that the last checkpoint covers; their hashes must be there.
    covered: u64,
}

struct Level {
    stored: Option<Leaves>,
    /// Number of the next hash.
    next: u64,
    /// The place of the first hash that is missing or wrong, or the error of reading.
    wrong: Option<(u64, Fault, String)>,
}

/// Level, offset, and what is wrong there.
pub(super) type TileFinding = (u32, u64, Fault, String);

const BITS: u32 = 8;
const HASH_BYTES: u64 = 32;

impl TileCheck {
    /// For a walk that begins after `first` entries.
    pub(super) fn open(stream_dir: &Path, first: u64, covered: u64) -> Result<TileCheck, LogError> {
        let level = |level: u32| {
            let next = first >> (BITS * level);
            Ok(Level { stored: Leaves::of_level(stream_dir, level, next)?, next, wrong: None })
        };
        Ok(TileCheck { levels: (0..u64::BITS / BITS).map(level).collect::<Result<_, LogError>>()?, covered })
    }

    /// Compares the next hash of its level, if the height is that of one.
    pub(super) fn note(&mut self, height: u32, hash: &Hash) {
        let Some(number) = level_of(height) else { return };
        let Some(level) = self.levels.get_mut(number as usize) else { return };
        let must = level.next < self.covered >> (BITS * number);
        let wrong = match level.stored.as_mut().map(Leaves::next).transpose() {
            Ok(Some(Some(stored))) if stored == *hash => None,
            // What lies behind the last checkpoint is cut off when the stream is opened next.
            _ if !must => None,
            Ok(Some(Some(_))) => Some((Fault::Altered, "a hash is not that of its entries".to_string())),
            Ok(_) => Some((Fault::Missing, "the hashes of entries are missing".to_string())),
            Err(error) => Some((Fault::Unreadable, error.to_string())),
        };
        if let (None, Some((fault, what))) = (&level.wrong, wrong) {
            level.wrong = Some((level.next * HASH_BYTES, fault, what));
        }
        level.next += 1;
    }

    /// What was wrong. `is_covered` says that the last checkpoint covers all entries: then nothing more may be stored.
    pub(super) fn finish(&mut self, is_covered: bool) -> Vec<TileFinding> {
        let mut found = Vec::new();
        for (number, level) in (0..).zip(&mut self.levels) {
            let has_more = level.stored.as_mut().is_some_and(Leaves::has_more);
            if let Some((offset, fault, what)) = level.wrong.take() {
                found.push((number, offset, fault, what));
            } else if is_covered && has_more {
                found.push((number, level.next * HASH_BYTES, Fault::Stray, "there are more hashes than entries".to_string()));
            }
        }
        found
    }
}
