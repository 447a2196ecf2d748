//! Tokens that the register lately said are neither revoked nor of a disabled account: for a moment it is not asked again.
//!
//! Not for: asking it (`door`).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a token that was found standing is taken for so without asking the register again.
const STANDING_FOR: Duration = Duration::from_secs(1);
/// Most tokens remembered as standing.
const STANDING_MAX: usize = 10_000;

/// When each token, by its SHA-256, was found standing.
#[derive(Debug, Default)]
pub struct Standing(Mutex<HashMap<String, Instant>>);

impl Standing {
    pub fn holds(&self, digest: &str) -> bool {
        let lately = |map: &HashMap<String, Instant>| map.get(digest).is_some_and(|since| since.elapsed() < STANDING_FOR);
        self.0.lock().is_ok_and(|map| lately(&map))
    }

    pub fn remember(&self, digest: String) {
        let Ok(mut map) = self.0.lock() else { return };
        if map.len() >= STANDING_MAX {
            map.retain(|_, since| since.elapsed() < STANDING_FOR);
        }
        if map.len() < STANDING_MAX {
            map.insert(digest, Instant::now());
        }
    }
}
