//! The reconciliation report of an accession: what came in, what became of it, what was odd; as JSON and as a page to
//! print and sign.
//!
//! Not for: the ledger itself (`store::ledger`). Examples name file and line, never content.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::IngestSummary;
use super::assemble::Pieces;
use crate::store::manifest::LedgerTotals;

/// One quarantined item by its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Example {
    pub file: String,
    /// 1-based number of the item in its file (the line, where no lines are blank).
    pub line: u64,
    /// 1-based entry of a Bundle, or 0.
    pub entry: u64,
    pub kind: String,
    pub reason: String,
}

/// References that lead nowhere.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Dangling {
    pub references: u64,
    /// Distinct targets.
    pub targets: u64,
    /// Keys of some records that hold them: item << 24 | entry.
    pub examples: Vec<u64>,
}

/// One delivered file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileLine {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    pub fate: String,
    pub items: u64,
}

/// How one table column was filled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColumnLine {
    pub kind: String,
    pub column: String,
    pub filled: u64,
    pub unreadable: u64,
}

/// The report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub format: u32,
    pub accession: String,
    pub source_system: String,
    pub sealed_at: String,
    pub records: LedgerTotals,
    pub balanced: bool,
    pub by_kind: BTreeMap<String, u64>,
    pub patients: u64,
    pub documents: u64,
    pub data_to: Option<String>,
    pub bytes_in: u64,
    pub seconds: f64,
    pub quarantine_reasons: BTreeMap<String, u64>,
    pub quarantined: Vec<Example>,
    pub dangling: Dangling,
    pub files: Vec<FileLine>,
    pub columns: Vec<ColumnLine>,
}

/// Makes the report of the pieces about to be sealed.
pub fn make(
    pieces: &Pieces<'_>,
    summary: &IngestSummary,
    quarantined: Vec<Example>,
    dangling: Dangling,
    patients: u64,
    data_to: Option<String>,
) -> Report {
    let mut columns: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for column in pieces.parts.iter().flat_map(|p| &p.columns) {
        let slot = columns.entry((column.kind.name().into(), column.column.clone())).or_default();
        slot.0 += column.filled;
        slot.1 += column.unreadable;
    }
    Report {
        format: 1,
        accession: pieces.accession.into(),
        source_system: pieces.source_system.into(),
        sealed_at: pieces.now.clone(),
        records: summary.records,
        balanced: summary.records.balances(),
        by_kind: summary.by_kind.clone(),
        patients,
        documents: pieces.parts.iter().map(|p| p.documents).sum(),
        data_to,
        bytes_in: summary.bytes_in,
        seconds: pieces.seconds,
        quarantine_reasons: pieces.spread.reasons.clone(),
        quarantined,
        dangling,
        files: pieces
            .files
            .iter()
            .map(|f| FileLine {
                name: f.name.clone(),
                bytes: f.bytes,
                sha256: f.sha256.clone(),
                fate: f.fate.clone(),
                items: f.items,
            })
            .collect(),
        columns: columns
            .into_iter()
            .map(|((kind, column), (filled, unreadable))| ColumnLine { kind, column, filled, unreadable })
            .collect(),
    }
}

impl Report {
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// A page that prints on paper and needs nothing else.
    pub fn to_html(&self) -> Vec<u8> {
        use askama::Template;
        #[derive(Template)]
        #[template(path = "report.html")]
        struct Page<'a> {
            report: &'a Report,
        }
        Page { report: self }.render().unwrap_or_else(|_| String::from("The report could not be written.")).into_bytes()
    }
}
