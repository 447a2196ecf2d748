//! What a stream has come to after its entries so far: size, Merkle tree, chain value, newest time.
//!
//! The writer, the recovery and the verifier all take entries through here, so that they agree on what is right. Not
//! for: files.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fault::{Fault, Wrong};
use super::frame::{Hash, chain_next};
use super::json::canonical;
use super::{hex, parse_hash};
use crate::merkle::{Tree, leaf_hash};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct State {
    pub tree: Tree,
    pub chain: Hash,
    pub last_ts: Option<Timestamp>,
}

/// The members of an entry that bind it to its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub ts: Timestamp,
    /// Size of the newest checkpoint when the entry was made, so that a checkpoint taken away is missed.
    pub checkpoint_size: u64,
}

impl State {
    pub(crate) fn empty() -> State {
        State { tree: Tree::default(), chain: [0; 32], last_ts: None }
    }

    /// Entries so far; the number of the next one.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Completes an entry with its place and returns its payload. The state moves on with [`State::take`] only.
    pub(crate) fn bind(&self, mut members: Map<String, Value>, now: Timestamp, checkpoint_size: u64) -> (Vec<u8>, Bound) {
        // Times never go backwards in a stream, whatever the clock does.
        let ts = self.last_ts.map_or(now, |last| last.max(now));
        if ts != now {
            members.insert("clock_back".into(), json!(true));
        }
        members.insert("seq".into(), json!(self.size()));
        members.insert("prev".into(), json!(hex(&self.chain)));
        members.insert("id".into(), json!(uuid::Uuid::now_v7().to_string()));
        members.insert("ts".into(), json!(time_text(ts)));
        members.insert("cp".into(), json!(checkpoint_size));
        (canonical(&members), Bound { ts, checkpoint_size })
    }

    /// Whether a payload is the next entry.
    pub(crate) fn check(&self, payload: &[u8]) -> Result<Bound, Wrong> {
        let unreadable = (Fault::Altered, "an entry cannot be read");
        let entry: Map<String, Value> = serde_json::from_slice(payload).map_err(|_| unreadable)?;
        match entry.get("seq").and_then(Value::as_u64) {
            Some(seq) if seq == self.size() => {}
            Some(seq) if seq > self.size() => return Err((Fault::Missing, "an entry is missing")),
            Some(_) => return Err((Fault::OutOfOrder, "an entry is repeated or out of order")),
            None => return Err(unreadable),
        }
        if entry.get("prev").and_then(Value::as_str).and_then(parse_hash) != Some(self.chain) {
            return Err((Fault::Altered, "the hash chain is broken"));
        }
        let ts = entry.get("ts").and_then(Value::as_str).and_then(|t| t.parse().ok());
        let ts: Timestamp = ts.ok_or((Fault::Altered, "an entry has no time"))?;
        if self.last_ts.is_some_and(|last| ts < last) {
            return Err((Fault::OutOfOrder, "an entry is older than the one before it"));
        }
        let checkpoint_size = entry.get("cp").and_then(Value::as_u64).ok_or((Fault::Altered, "an entry names no checkpoint"))?;
        Ok(Bound { ts, checkpoint_size })
    }

    /// Moves on by one entry, and names the nodes of the tree that it completes (see [`Tree::push_noting`]).
    pub(crate) fn take(&mut self, payload: &[u8], bound: Bound, note: impl FnMut(u32, &Hash)) {
        self.tree.push_noting(leaf_hash(payload), note);
        self.chain = chain_next(&self.chain, payload);
        self.last_ts = Some(bound.ts);
    }

    /// The first frame of a segment: the state before its first entry, so that a stream opens without reading older
    /// segments.
    pub(crate) fn head(&self) -> Vec<u8> {
        let nodes: Vec<String> = self.tree.nodes().iter().map(|n| hex(n)).collect();
        let mut head = Map::new();
        head.insert("v".into(), json!(1));
        head.insert("first".into(), json!(self.size()));
        head.insert("prev".into(), json!(hex(&self.chain)));
        head.insert("nodes".into(), json!(nodes));
        head.insert("ts".into(), self.last_ts.map_or(Value::Null, |ts| json!(time_text(ts))));
        canonical(&head)
    }

    /// Reads a segment's first frame; `None` when it is not exactly what [`State::head`] writes.
    pub(crate) fn from_head(payload: &[u8]) -> Option<State> {
        let head: Map<String, Value> = serde_json::from_slice(payload).ok()?;
        let nodes = head.get("nodes")?.as_array()?.iter().map(|n| parse_hash(n.as_str()?)).collect::<Option<_>>()?;
        let state = State {
            tree: Tree::from_nodes(head.get("first")?.as_u64()?, nodes)?,
            chain: parse_hash(head.get("prev")?.as_str()?)?,
            last_ts: head.get("ts").map(|ts| ts.as_str()?.parse().ok()).map_or(Some(None), |ts| ts.map(Some))?,
        };
        (state.head() == payload).then_some(state)
    }
}

/// RFC 3339 in UTC with six fractional digits.
pub(crate) fn time_text(ts: Timestamp) -> String {
    format!("{ts:.6}")
}

/// The present, to the microsecond that entries keep.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_brings_the_state_back() {
        let mut state = State::empty();
        for _ in 0..7 {
            assert_eq!(State::from_head(&state.head()), Some(state.clone()));
            let (payload, bound) = state.bind(Map::new(), now(), 0);
            state.check(&payload).unwrap();
            state.take(&payload, bound, |_, _| ());
        }
        assert_eq!(State::from_head(b"{}"), None);
    }

    #[test]
    fn time_never_goes_back() {
        let mut state = State::empty();
        let late: Timestamp = "2040-01-01T00:00:00.000001Z".parse().unwrap();
        let (payload, bound) = state.bind(Map::new(), late, 0);
        state.take(&payload, bound, |_, _| ());
        let (payload, bound) = state.bind(Map::new(), now(), 0);
        assert!(bound.ts == late && state.check(&payload).is_ok());
        let text = String::from_utf8(payload).unwrap();
        assert!(text.contains(r#""clock_back":true"#) && text.contains(r#""ts":"2040-01-01T00:00:00.000001Z""#), "{text}");
    }
}
