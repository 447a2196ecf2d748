//! The reconciliation report of an accession: what came in, what became of it, what was odd; as JSON and as a page to
//! print and sign.
//!
//! Reports outlive the software that wrote them: what was added later may be missing in one, and is read as empty.
//! Not for: the ledger itself (`store::ledger`). Examples name file and line, never content.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::assemble::Pieces;
use super::declared::{Declared, DeclaredLine};
use super::gather::PartOutput;
use super::profile::Profile;
use super::summary::IngestSummary;
use super::tally::Counts;
use crate::model::Kind;
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
    /// What became of its source records; the parts add up to `input`.
    #[serde(default)]
    pub fates: LedgerTotals,
}

/// How one table column was filled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColumnLine {
    pub kind: String,
    pub column: String,
    pub filled: u64,
    pub unreadable: u64,
    /// Rows of its table.
    #[serde(default)]
    pub rows: u64,
    /// Whether it shows an element of USCDI.
    #[serde(default)]
    pub is_key: bool,
}

/// Records of one type that were made of source records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeLine {
    pub made: u64,
    /// Said again what is archived already.
    pub repeated: u64,
    /// Further versions of a record.
    pub versions: u64,
}

impl MadeLine {
    /// Those that lie in the charts because of this delivery.
    pub fn fresh(&self) -> u64 {
        self.made.saturating_sub(self.repeated)
    }
}

/// Patients: the charts by what is in them, and names without a chart. `charts` is the sum of the three after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patients {
    pub charts: u64,
    /// A Patient record and further records.
    pub with_records: u64,
    /// A Patient record and nothing else.
    pub alone: u64,
    /// Records, but no Patient record in this accession.
    pub without_patient: u64,
    /// Named by records of another patient's chart, and without one of their own.
    pub named_only: u64,
}

impl Patients {
    /// Counts the charts by what is in them.
    pub fn of(parts: &[PartOutput]) -> Patients {
        let mut people = Patients::default();
        for entry in parts.iter().flat_map(|p| &p.patients) {
            let has_patient = entry.runs.iter().any(|run| run.kind == Kind::PATIENT);
            let has_others = entry.runs.iter().any(|run| run.kind != Kind::PATIENT);
            people.charts += 1;
            *match (has_patient, has_others) {
                (true, true) => &mut people.with_records,
                (true, false) => &mut people.alone,
                (false, _) => &mut people.without_patient,
            } += 1;
        }
        people
    }
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
    /// SHA-256 over the delivery's files, as in the seal.
    #[serde(default)]
    pub delivery_sha256: String,
    /// Root of the Merkle tree over the records, as in the seal.
    #[serde(default)]
    pub merkle_root: String,
    #[serde(default)]
    pub mapping: String,
    #[serde(default)]
    pub mapping_sha256: String,
    /// The zone in which times that name none were read.
    #[serde(default)]
    pub time_zone: String,
    /// The accession whose quarantined source records were read again; `None` for a delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reprocess_of: Option<String>,
    /// What became of the source records of each form and type.
    #[serde(default)]
    pub kinds: BTreeMap<String, LedgerTotals>,
    /// Of the archived, further versions of a record.
    #[serde(default)]
    pub versions: u64,
    /// Of the duplicates, those of records in earlier accessions.
    #[serde(default)]
    pub duplicates_of_earlier: u64,
    /// Records made of source records, by type.
    #[serde(default)]
    pub made: BTreeMap<String, MadeLine>,
    /// What the mappers found, by code.
    #[serde(default)]
    pub findings: BTreeMap<String, u64>,
    /// Records left out, by the rule that did it.
    #[serde(default)]
    pub excluded_by: BTreeMap<String, u64>,
    #[serde(default)]
    pub people: Patients,
    #[serde(default)]
    pub profile: Profile,
    /// What the mapping's settings declare as never delivered, in the site's words.
    #[serde(default)]
    pub never_delivered: Vec<String>,
    /// What the sending system says that it delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
}

/// What the report is made of beside the pieces.
pub struct Facts {
    pub quarantined: Vec<Example>,
    pub dangling: Dangling,
    pub patients: u64,
    pub people: Patients,
    pub data_to: Option<String>,
    pub counts: Counts,
    pub profile: Profile,
    pub merkle_root: String,
}

/// Makes the report of the pieces about to be sealed.
pub fn make(pieces: &Pieces<'_>, summary: &IngestSummary, facts: Facts) -> Report {
    let counts = facts.counts;
    let files = pieces.files.iter().enumerate().map(|(number, f)| FileLine {
        name: f.name.clone(),
        bytes: f.bytes,
        sha256: f.sha256.clone(),
        fate: f.fate.clone(),
        items: f.items,
        fates: counts.files.get(number).copied().unwrap_or_default(),
    });
    Report {
        format: 2,
        accession: pieces.accession.into(),
        source_system: pieces.source_system.into(),
        sealed_at: pieces.now.clone(),
        records: summary.records,
        balanced: summary.records.balances(),
        by_kind: summary.by_kind.clone(),
        patients: facts.patients,
        documents: pieces.parts.iter().map(|p| p.documents).sum(),
        data_to: facts.data_to,
        bytes_in: summary.bytes_in,
        seconds: pieces.seconds,
        quarantine_reasons: counts.quarantined,
        quarantined: facts.quarantined,
        dangling: facts.dangling,
        files: files.collect(),
        columns: columns(pieces),
        delivery_sha256: pieces.fingerprint.clone(),
        merkle_root: facts.merkle_root,
        mapping: pieces.settings.version.clone(),
        mapping_sha256: pieces.settings.sha256.clone(),
        time_zone: pieces.settings.zone_name.clone(),
        reprocess_of: pieces.reprocess_of.map(str::to_string),
        kinds: counts.kinds,
        versions: counts.versions,
        duplicates_of_earlier: counts.duplicates_of_earlier,
        made: counts.made,
        findings: pieces.spread.findings.clone(),
        excluded_by: counts.excluded,
        people: facts.people,
        profile: facts.profile,
        never_delivered: pieces.settings.never_delivered.clone(),
        declared: pieces.declared.clone(),
    }
}

fn columns(pieces: &Pieces<'_>) -> Vec<ColumnLine> {
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for table in pieces.parts.iter().flat_map(|p| &p.tables) {
        *rows.entry(table.kind.name()).or_default() += table.rows;
    }
    let mut columns: BTreeMap<(&str, &str), ColumnLine> = BTreeMap::new();
    for column in pieces.parts.iter().flat_map(|p| &p.columns) {
        let kind = column.kind.name();
        let line = columns.entry((kind, &column.column)).or_insert_with(|| ColumnLine {
            kind: kind.into(),
            column: column.column.clone(),
            filled: 0,
            unreadable: 0,
            rows: rows.get(kind).copied().unwrap_or_default(),
            is_key: super::uscdi::is_key(kind, &column.column),
        });
        line.filled += column.filled;
        line.unreadable += column.unreadable;
    }
    columns.into_values().collect()
}

impl Report {
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Every declared count beside what was found; nothing when none was declared.
    pub fn compared(&self) -> Vec<DeclaredLine> {
        self.declared.as_ref().map_or_else(Vec::new, |declared| declared.compare(&self.files, &self.by_kind))
    }

    /// Whether it says what became of each file and kind; the reports of the first version did not.
    pub fn is_full(&self) -> bool {
        self.format >= 2
    }
}
