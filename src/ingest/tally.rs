//! The ledger counted while it is written, by file, kind and reason, and held against what was counted on the way in.
//!
//! Two counts that come about apart must agree, or nothing is sealed; the first difference is named.
//!
//! Not for: deciding fates, or the sums of the seal (`assemble`).

use std::collections::BTreeMap;

use ahash::AHashMap;

use super::report::MadeLine;
use crate::store::ledger::{FileRecord, LedgerRow};
use crate::store::manifest::LedgerTotals;

/// What became of the items of one file.
#[derive(Clone, Copy, Default, Debug)]
struct FileCount {
    fates: LedgerTotals,
    /// Items that have any row, an envelope's included.
    items: u64,
}

/// Counts of ledger rows.
#[derive(Default)]
pub struct Tally {
    files: Vec<FileCount>,
    kinds: AHashMap<String, LedgerTotals>,
    made: BTreeMap<String, MadeLine>,
    quarantined: BTreeMap<String, u64>,
    excluded: BTreeMap<String, u64>,
    versions: u64,
    duplicates_of_earlier: u64,
    /// The file in work, and the item that came last.
    file: usize,
    last: Option<u64>,
}

/// What the report says of the counts.
pub struct Counts {
    /// One for each delivered file.
    pub files: Vec<LedgerTotals>,
    pub kinds: BTreeMap<String, LedgerTotals>,
    pub made: BTreeMap<String, MadeLine>,
    pub quarantined: BTreeMap<String, u64>,
    pub excluded: BTreeMap<String, u64>,
    /// Of the archived ones, those that are a further version of another.
    pub versions: u64,
    /// Of the duplicates, those whose record lies in an earlier accession.
    pub duplicates_of_earlier: u64,
}

impl Tally {
    /// Counts a row. Rows come in the order of items.
    pub fn note(&mut self, row: &LedgerRow, files: &[FileRecord]) {
        if self.files.is_empty() {
            self.files = vec![FileCount::default(); files.len()];
        }
        while files.get(self.file).is_some_and(|f| row.item >= f.first_item + f.items) {
            self.file += 1;
        }
        let mut nowhere = FileCount::default();
        let file = self.files.get_mut(self.file).unwrap_or(&mut nowhere);
        if self.last != Some(row.item) {
            self.last = Some(row.item);
            file.items += 1;
        }
        if row.is_derived() {
            let line = self.made.entry(row.kind.clone()).or_default();
            line.made += 1;
            line.repeated += u64::from(row.outcome == "derived-duplicate");
            line.versions += u64::from(row.outcome == "derived-version");
            return;
        }
        if !row.is_source() {
            return;
        }
        add(&mut file.fates, &row.outcome);
        match self.kinds.get_mut(&row.kind) {
            Some(fates) => add(fates, &row.outcome),
            None => add(self.kinds.entry(row.kind.clone()).or_default(), &row.outcome),
        }
        let reason = || row.reason.as_deref().map_or("", code_of).to_string();
        match row.outcome.as_str() {
            "quarantined" => *self.quarantined.entry(reason()).or_default() += 1,
            "excluded" => *self.excluded.entry(row.reason.clone().unwrap_or_default()).or_default() += 1,
            "version" => self.versions += 1,
            // A mapped source record has no place of its own, whatever it repeats.
            "duplicate" if row.ordinal.is_none() && row.span.is_none() => self.duplicates_of_earlier += 1,
            _ => {}
        }
    }

    /// Holds the counts against the files and kinds as they were read; names the first difference.
    pub fn check(
        &self,
        files: &[FileRecord],
        by_kind: &BTreeMap<String, u64>,
        derived: &BTreeMap<String, u64>,
    ) -> Result<(), String> {
        for (number, file) in files.iter().enumerate() {
            let counted = self.files.get(number).copied().unwrap_or_default();
            let (fates, is_kept) = (counted.fates, file.fate == "kept");
            let expected = if is_kept { 0 } else { file.items };
            if counted.items != expected {
                return Err(format!("{}: {expected} items were cut from it, {} are in the ledger", file.name, counted.items));
            }
            // One message, row or document is one source record; a Bundle may be many, or none.
            let is_mapped = file.pieces > 0 && !is_kept;
            if !fates.balances() || (is_mapped && fates.input != file.items) {
                let (read, f) = (file.items, fates);
                return Err(format!(
                    "{}: {read} source records were cut from it; the ledger has {} archived + {} duplicate + {} quarantined + \
                     {} excluded + {} joined = {}",
                    file.name, f.archived, f.duplicate, f.quarantined, f.excluded, f.joined, f.input
                ));
            }
        }
        let ledger = |kind: &String| self.kinds.get(kind).map_or(0, |fates| fates.input);
        same("source records", by_kind, &self.kinds.keys().collect::<Vec<_>>(), &ledger)?;
        let made = |kind: &String| self.made.get(kind).map_or(0, |line| line.made);
        same("made records", derived, &self.made.keys().collect::<Vec<_>>(), &made)
    }

    pub fn finish(self) -> Counts {
        Counts {
            files: self.files.into_iter().map(|f| f.fates).collect(),
            kinds: self.kinds.into_iter().collect(),
            made: self.made,
            quarantined: self.quarantined,
            excluded: self.excluded,
            versions: self.versions,
            duplicates_of_earlier: self.duplicates_of_earlier,
        }
    }
}

/// Demands that the ledger has as many of each kind as were counted, and no other kinds.
fn same(
    what: &str,
    counted: &BTreeMap<String, u64>,
    in_ledger: &[&String],
    ledger: &dyn Fn(&String) -> u64,
) -> Result<(), String> {
    for kind in counted.keys().chain(in_ledger.iter().copied()) {
        let (read, listed) = (counted.get(kind).copied().unwrap_or(0), ledger(kind));
        if read != listed {
            return Err(format!("{kind}: {read} {what} were counted, {listed} are in the ledger"));
        }
    }
    Ok(())
}

fn add(fates: &mut LedgerTotals, outcome: &str) {
    fates.input += 1;
    match outcome {
        "archived" | "version" => fates.archived += 1,
        "duplicate" => fates.duplicate += 1,
        "quarantined" => fates.quarantined += 1,
        "excluded" => fates.excluded += 1,
        "joined" => fates.joined += 1,
        // An outcome without a name here leaves the sum open, and the check names the file.
        _ => {}
    }
}

/// The code that a reason begins with; what follows says where.
pub fn code_of(reason: &str) -> &str {
    reason.split(':').next().unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, first_item: u64, items: u64, pieces: u64) -> FileRecord {
        FileRecord {
            name: name.into(),
            bytes: 0,
            sha256: String::new(),
            packing: "plain".into(),
            content_bytes: 0,
            content_sha256: String::new(),
            fate: if pieces > 0 { "rows" } else { "records" }.into(),
            first_item,
            items,
            lead: String::new(),
            separators: Vec::new(),
            document: None,
            pieces,
        }
    }

    fn row(item: u64, entry: u32, kind: &str, outcome: &str, reason: Option<&str>) -> LedgerRow {
        let (ordinal, document, span, units) = (None, None, None, None);
        let (kind, outcome, reason) = (kind.into(), outcome.into(), reason.map(Into::into));
        LedgerRow { item, entry, kind, outcome, ordinal, document, reason, span, units }
    }

    #[test]
    fn every_file_and_kind_is_held_against_what_was_read() {
        let files = [file("bundle", 0, 1, 0), file("empty", 1, 0, 0), file("rows", 1, 3, 1)];
        let rows = [
            row(0, 0, "Bundle", "envelope", None),
            row(0, 1, "Patient", "archived", None),
            row(0, 2, "Patient", "version", None),
            row(1, 0, "row:a", "archived", None),
            row(1, 1, "Patient", "derived", None),
            row(1, 2, "Patient", "derived-duplicate", None),
            row(2, 0, "row:a", "excluded", Some("soft-delete")),
            row(3, 0, "row:a", "quarantined", Some("csv.fields: 3 of 4")),
        ];
        let count = |rows: &[LedgerRow]| {
            let mut tally = Tally::default();
            rows.iter().for_each(|r| tally.note(r, &files));
            tally
        };
        let by_kind = BTreeMap::from([("Patient".to_string(), 2), ("row:a".to_string(), 3)]);
        let derived = BTreeMap::from([("Patient".to_string(), 2)]);
        let tally = count(&rows);
        tally.check(&files, &by_kind, &derived).unwrap();
        let counts = tally.finish();
        assert_eq!((counts.files[0].archived, counts.files[1].input, counts.files[2].input, counts.versions), (2, 0, 3, 1));
        assert_eq!((counts.quarantined["csv.fields"], counts.excluded["soft-delete"]), (1, 1));
        assert_eq!((counts.made["Patient"].made, counts.made["Patient"].repeated), (2, 1));

        let lost = count(&rows[..7]).check(&files, &by_kind, &derived).unwrap_err();
        assert_eq!(lost, "rows: 3 items were cut from it, 2 are in the ledger");
        let more = BTreeMap::from([("Patient".to_string(), 3), ("row:a".to_string(), 3)]);
        let missing = count(&rows).check(&files, &more, &derived).unwrap_err();
        assert_eq!(missing, "Patient: 3 source records were counted, 2 are in the ledger");
        let unmade = count(&rows).check(&files, &by_kind, &BTreeMap::new()).unwrap_err();
        assert_eq!(unmade, "Patient: 0 made records were counted, 2 are in the ledger");
    }
}
