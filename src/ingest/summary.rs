//! What an ingest comes to, in totals.
//!
//! Not for: the report by file and kind (`report`).

use std::collections::BTreeMap;

use crate::store::manifest::LedgerTotals;

use super::declared::Agreement;

/// Totals of one ingest.
#[derive(Clone, Debug, Default)]
pub struct IngestSummary {
    pub records: LedgerTotals,
    pub by_kind: BTreeMap<String, u64>,
    pub bytes_in: u64,
    /// With what the sending system declared; `None` when it declared nothing.
    pub agreement: Option<Agreement>,
}
