//! What takes minutes over a large archive and is made once, in the background: the codes of an accession, and the pairs of
//! patients who may be one person.
//!
//! Not for: making them (`coverage`, `candidates`), or how work is remembered (`slow`).

use jiff::Timestamp;

use super::slow::Slow;
use crate::access::Filter;
use crate::identity::Candidate;
use crate::model::{AccessionId, Kind};
use crate::store::unmapped::{Coverage, Unmapped};

/// Work in the background, by what it is about.
#[derive(Clone, Default)]
pub(super) struct Background {
    pub codes: Slow<CodesKey, Codes>,
    pub pairs: Slow<PairsKey, Pairs>,
}

/// Accession and generation: another set of code maps is another generation.
pub(super) type CodesKey = (AccessionId, u32);

/// The codes of one accession.
#[derive(Clone, Debug)]
pub struct Codes {
    /// When they were counted.
    pub at: Timestamp,
    /// By kind of record.
    pub coverage: Vec<(Kind, Coverage)>,
    /// Codes that stand alone, most frequent first; bounded.
    pub unmapped: Vec<Unmapped>,
    /// How many there are.
    pub unmapped_total: u64,
}

/// The catalog whose patients were compared, and which of them are hidden.
pub(super) type PairsKey = (u64, Filter);

/// What a comparison of all patients found. Keys and scores; no name is remembered.
#[derive(Debug)]
pub struct Pairs {
    pub at: Timestamp,
    pub patients: u64,
    pub found: u64,
    pub pairs: Vec<Candidate>,
}
