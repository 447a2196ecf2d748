//! Which records of a chart are wanted.
//!
//! Not for: reading them (`part`), or what a reader may not see (`sight`).

use crate::model::Kind;

/// Which records of a chart are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Empty: all kinds.
    pub kinds: Vec<Kind>,
    /// At most this many per kind, the newest; `None`: all.
    pub newest: Option<usize>,
}

/// A page of one kind's records, the newest first.
#[derive(Clone, Copy, Debug)]
pub struct PageOf {
    pub kind: Kind,
    /// So many of the newest are passed over.
    pub from: usize,
    pub rows: usize,
}

/// Which records of a chart, by kind and clinical date.
#[derive(Clone, Debug)]
pub struct Between {
    pub kinds: Vec<Kind>,
    /// Microseconds, from and until (exclusive).
    pub from: i64,
    pub until: i64,
    /// At most this many of a kind, the newest.
    pub newest: usize,
}
