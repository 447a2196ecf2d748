//! The ledger against seal and charts: every source record has one fate, and every archived record comes from one row.
//!
//! Not for: rebuilding files from it (`store::rebuild`).

use std::collections::BTreeMap;

use super::Checker;
use crate::model::Kind;
use crate::store::Accession;
use crate::store::ledger::{LedgerRow, read_rows};
use crate::store::manifest::LedgerTotals;

/// What the rows come to.
struct Recount {
    totals: LedgerTotals,
    by_kind: BTreeMap<String, u64>,
    archived_by_kind: BTreeMap<String, u64>,
    made: u64,
    repeated: u64,
    made_by_kind: BTreeMap<String, u64>,
    /// One bit for each record of the charts.
    claimed: Vec<u64>,
    /// One bit for each kept item.
    kept: Vec<u64>,
    last: Option<(u64, u32)>,
    wrong: Option<String>,
}

/// Reads every row.
pub(super) fn check(checker: &Checker<'_>, accession: &Accession, in_charts: &BTreeMap<Kind, u64>) {
    let path = accession.paths.ledger();
    let kept_items = accession.documents.last().map_or(0, |pack| pack.items());
    let bits = |count: u64| vec![0u64; count.div_ceil(64) as usize];
    let mut recount = Recount {
        totals: LedgerTotals::default(),
        by_kind: BTreeMap::new(),
        archived_by_kind: BTreeMap::new(),
        made: 0,
        repeated: 0,
        made_by_kind: BTreeMap::new(),
        claimed: bits(accession.records()),
        kept: bits(kept_items),
        last: None,
        wrong: None,
    };
    let rows = match read_rows(&path, |row| recount.take(&row, accession.records(), kept_items)) {
        Ok(rows) => rows,
        Err(error) => return checker.error(&path, &error),
    };
    let listed = accession.manifest.files.iter().find(|f| f.path == "ledger/records.parquet").and_then(|f| f.rows);
    recount.files(accession, kept_items);
    recount.finish(accession, in_charts, kept_items);
    if listed != Some(rows) {
        recount.find(format!("it has {rows} rows, another number by the manifest"));
    }
    if let Some(what) = recount.wrong {
        checker.find(&path, None, what);
    }
}

impl Recount {
    fn find(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    fn take(&mut self, row: &LedgerRow, records: u64, kept_items: u64) {
        let place = (row.item, row.entry);
        if self.last.is_some_and(|last| last >= place) {
            self.find(format!("the rows of item {} are not in order", row.item));
        }
        self.last = Some(place);
        if let Some(document) = row.document {
            self.keep(document, kept_items);
        }
        if row.outcome == "envelope" {
            return;
        }
        if row.is_derived() {
            return self.take_derived(row, records);
        }
        self.totals.input += 1;
        *count(&mut self.by_kind, &row.kind) += 1;
        match row.outcome.as_str() {
            // A mapped source record lies in its kept file; what was made of it has rows of its own.
            "archived" if row.span.is_some() => self.totals.archived += 1,
            "joined" if row.span.is_some() => self.totals.joined += 1,
            "archived" | "version" => {
                self.totals.archived += 1;
                *count(&mut self.archived_by_kind, &row.kind) += 1;
                if !row.ordinal.is_some_and(|o| o < records && claim(&mut self.claimed, o)) {
                    self.find(format!("item {} has no record of its own", row.item));
                }
            }
            "duplicate" => {
                self.totals.duplicate += 1;
                if row.ordinal.is_some_and(|o| o >= records) {
                    self.find(format!("item {} repeats a record that is not there", row.item));
                }
            }
            "quarantined" | "excluded" => {
                let total = if row.outcome == "excluded" { &mut self.totals.excluded } else { &mut self.totals.quarantined };
                *total += 1;
                if row.document.is_none() && row.span.is_none() {
                    self.find(format!("item {} was not kept", row.item));
                }
            }
            _ => self.find(format!("item {} has an unknown fate", row.item)),
        }
    }

    fn take_derived(&mut self, row: &LedgerRow, records: u64) {
        self.made += 1;
        *count(&mut self.made_by_kind, &row.kind) += 1;
        if row.outcome == "derived-duplicate" {
            self.repeated += 1;
            if row.ordinal.is_some_and(|o| o >= records) {
                self.find(format!("item {} repeats a record that is not there", row.item));
            }
            return;
        }
        *count(&mut self.archived_by_kind, &row.kind) += 1;
        if !row.ordinal.is_some_and(|o| o < records && claim(&mut self.claimed, o)) {
            self.find(format!("a resource made of item {} has no record of its own", row.item));
        }
    }

    fn keep(&mut self, document: u64, kept_items: u64) {
        if document >= kept_items || !claim(&mut self.kept, document) {
            self.find(format!("kept item {document} is not there, or named twice"));
        }
    }

    /// The delivered files: their items follow each other, and kept files are kept.
    fn files(&mut self, accession: &Accession, kept_items: u64) {
        let mut next = 0;
        for file in &accession.files {
            if file.first_item != next {
                self.find("the delivered files do not follow each other".into());
            }
            next = file.first_item + file.items;
            if let Some(document) = file.document {
                (document..document + file.pieces).for_each(|piece| self.keep(piece, kept_items));
            }
        }
        if self.last.is_some_and(|(item, _)| item >= next) {
            self.find("there are rows behind the last delivered file".into());
        }
    }

    fn finish(&mut self, accession: &Accession, in_charts: &BTreeMap<Kind, u64>, kept_items: u64) {
        let seal = &accession.seal;
        if self.totals != seal.ledger || !seal.ledger.balances() {
            self.find("the rows come to other totals than the seal says".into());
        }
        let derived = &seal.derived;
        if (self.made, self.repeated, &self.made_by_kind) != (derived.made, derived.repeated, &derived.by_kind) {
            self.find("the rows come to other numbers of made resources than the seal says".into());
        }
        if self.by_kind != seal.by_kind {
            self.find("the rows come to other numbers by type than the seal says".into());
        }
        let in_charts: BTreeMap<String, u64> = in_charts.iter().map(|(k, n)| (k.name().to_string(), *n)).collect();
        if self.archived_by_kind != in_charts {
            self.find("the archived rows are of other types than the records in charts".into());
        }
        let all = |bits: &[u64]| bits.iter().map(|b| u64::from(b.count_ones())).sum::<u64>();
        if all(&self.claimed) != accession.records() {
            self.find("there are records in charts without a row".into());
        }
        if all(&self.kept) != kept_items {
            self.find("there are kept items without a row".into());
        }
    }
}

fn count<'a>(counts: &'a mut BTreeMap<String, u64>, kind: &str) -> &'a mut u64 {
    counts.entry(kind.to_string()).or_default()
}

/// Sets a bit; false when it was set. The caller has checked the bound.
fn claim(bits: &mut [u64], at: u64) -> bool {
    let (word, bit) = (&mut bits[(at / 64) as usize], 1u64 << (at % 64));
    let is_new = *word & bit == 0;
    *word |= bit;
    is_new
}
