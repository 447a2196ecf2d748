//! Reading entries back from the log by their numbers, with the digest of their bytes.
//!
//! Not for: which entries (`ask`).

use std::collections::BTreeMap;

use super::{OversightError, Projection};
use crate::audit::{EntryPlace, Follower, leaf_hash};
use crate::oversight::line::Line;

/// Entries read on instead of looking up a place, when the next one wanted is so near.
const NEAR: u64 = 512;

/// An entry as it stands in the log.
#[derive(Clone, Debug)]
pub struct Original {
    pub stream: String,
    pub seq: u64,
    pub payload: Vec<u8>,
    /// RFC 6962 leaf hash of the payload.
    pub leaf: [u8; 32],
}

impl Original {
    pub fn line(&self) -> Line {
        Line::parse(&self.payload, self.seq)
    }
}

impl Projection {
    /// The entries of these numbers. What expired, or is no longer there, is missing in the answer.
    pub fn originals(&self, wanted: &[(String, u64)]) -> Result<BTreeMap<(String, u64), Original>, OversightError> {
        let mut by_stream: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (stream, seq) in wanted {
            by_stream.entry(stream).or_default().push(*seq);
        }
        let mut found = BTreeMap::new();
        for (stream, mut numbers) in by_stream {
            numbers.sort_unstable();
            numbers.dedup();
            let mut follower: Option<Follower> = None;
            for seq in numbers {
                let is_near = follower.as_ref().is_some_and(|f| (f.place().seq..f.place().seq + NEAR).contains(&(seq + 1)));
                if !is_near && follower.as_ref().is_none_or(|f| f.place().seq != seq) {
                    follower = self.place_of(stream, seq)?.map(|place| Follower::resume(&self.archive, stream, place));
                }
                let Some(follower) = follower.as_mut() else { continue };
                while follower.place().seq <= seq
                    && let Some(entry) = follower.next_entry()?
                {
                    if entry.place.seq == seq {
                        let leaf = leaf_hash(&entry.payload);
                        let original = Original { stream: stream.to_string(), seq, payload: entry.payload, leaf };
                        found.insert((stream.to_string(), seq), original);
                    }
                }
            }
        }
        Ok(found)
    }

    /// The nearest known place at or before an entry.
    fn place_of(&self, stream: &str, seq: u64) -> Result<Option<EntryPlace>, OversightError> {
        let question = "SELECT seq, segment, offset FROM place WHERE stream = (SELECT id FROM stream WHERE name = ?) AND seq <= ? \
                        ORDER BY seq DESC LIMIT 1";
        let found: Option<(i64, i64, i64)> = self.wait(
            sqlx::query_as(question).bind(stream).bind(i64::try_from(seq).unwrap_or(i64::MAX)).fetch_optional(&self.pool),
        )?;
        Ok(found.map(|(seq, segment, offset)| EntryPlace {
            seq: seq.unsigned_abs(),
            segment: segment.unsigned_abs(),
            offset: offset.unsigned_abs(),
        }))
    }
}
