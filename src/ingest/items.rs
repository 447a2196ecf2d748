//! The mapped source records of a delivery (messages, documents, rows) as the ledger will list them, packed: a large
//! delivery has one for each of its rows in memory.
//!
//! Not for: what was made of them (`gather` settles that), or FHIR records, which are their own source.

use ahash::AHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::mapping::{Fate, Mapped};
use crate::model::Outcome;
use crate::store::ledger::LedgerRow;
use crate::store::manifest::LedgerTotals;

/// One source record.
#[derive(Clone, Copy, Debug)]
struct Item {
    number: u64,
    offset: u64,
    length: u64,
    /// Of its bytes and its kind.
    hash: u64,
    units: u32,
    kind: u32,
    /// Place in the reasons; 0 without one.
    reason: u32,
    outcome: ItemOutcome,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ItemOutcome {
    Archived,
    Duplicate,
    Quarantined,
    Excluded,
    Joined,
}

impl ItemOutcome {
    fn name(self) -> &'static str {
        match self {
            ItemOutcome::Archived => Outcome::Archived.name(),
            ItemOutcome::Duplicate => Outcome::Duplicate.name(),
            ItemOutcome::Quarantined => Outcome::Quarantined.name(),
            ItemOutcome::Excluded => Outcome::Excluded.name(),
            ItemOutcome::Joined => "joined",
        }
    }
}

/// Texts that occur again and again, by number.
#[derive(Debug, Default)]
struct Words {
    list: Vec<String>,
    numbers: AHashMap<String, u32>,
}

impl Words {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.list.push(word.to_string());
        self.numbers.insert(word.to_string(), number);
        number
    }
}

/// The source records that one worker, or all of them, have mapped.
#[derive(Debug, Default)]
pub struct Items {
    rows: Vec<Item>,
    kinds: Words,
    reasons: Words,
}

impl Items {
    /// Notes one source record. `note` is for review, of one that is archived all the same.
    pub fn push(&mut self, number: u64, span: (u64, u64), bytes: &[u8], mapped: &Mapped, note: Option<&str>) {
        let Mapped { kind, fate, units, .. } = mapped;
        let units = *units;
        let (outcome, reason) = match fate {
            Fate::Archived => (ItemOutcome::Archived, note.map_or(0, |note| self.reasons.number(note) + 1)),
            Fate::Joined => (ItemOutcome::Joined, 0),
            Fate::Excluded(rule) => (ItemOutcome::Excluded, self.reasons.number(rule) + 1),
            Fate::Quarantined(reason) => (ItemOutcome::Quarantined, self.reasons.number(reason) + 1),
        };
        let kind_number = self.kinds.number(kind);
        let hash = xxh3_64(bytes) ^ xxh3_64(kind.as_bytes());
        let (offset, length) = span;
        self.rows.push(Item { number, offset, length, hash, units, kind: kind_number, reason, outcome });
    }

    /// Takes over what another worker has noted.
    pub fn append(&mut self, other: Items) {
        let kinds: Vec<u32> = other.kinds.list.iter().map(|k| self.kinds.number(k)).collect();
        let reasons: Vec<u32> = other.reasons.list.iter().map(|r| self.reasons.number(r)).collect();
        self.rows.extend(other.rows.into_iter().map(|mut item| {
            item.kind = kinds[item.kind as usize];
            if item.reason > 0 {
                item.reason = reasons[item.reason as usize - 1] + 1;
            }
            item
        }));
    }

    /// Puts them in order, and finds those whose bytes came before in the same form: the later ones are duplicates,
    /// whichever worker met them first.
    pub fn settle(&mut self) {
        self.rows.sort_unstable_by_key(|i| (i.hash, i.length, i.number));
        for at in 1..self.rows.len() {
            let before = self.rows[at - 1];
            let item = &mut self.rows[at];
            let is_same = (before.hash, before.length, before.kind) == (item.hash, item.length, item.kind);
            if is_same && item.outcome == ItemOutcome::Archived {
                item.outcome = ItemOutcome::Duplicate;
            }
        }
        self.rows.sort_unstable_by_key(|i| i.number);
    }

    /// Adds them to the totals.
    pub fn count(&self, totals: &mut LedgerTotals) {
        for item in &self.rows {
            *match item.outcome {
                ItemOutcome::Archived => &mut totals.archived,
                ItemOutcome::Duplicate => &mut totals.duplicate,
                ItemOutcome::Quarantined => &mut totals.quarantined,
                ItemOutcome::Excluded => &mut totals.excluded,
                ItemOutcome::Joined => &mut totals.joined,
            } += 1;
        }
    }

    /// How many there are of each kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut counts = vec![0; self.kinds.list.len()];
        self.rows.iter().for_each(|item| counts[item.kind as usize] += 1);
        self.kinds.list.iter().map(String::as_str).zip(counts)
    }

    /// The rows in order, for the ledger.
    pub fn ledger_rows(&self) -> impl Iterator<Item = LedgerRow> {
        self.rows.iter().map(|item| LedgerRow {
            item: item.number,
            entry: 0,
            kind: self.kinds.list[item.kind as usize].clone(),
            outcome: item.outcome.name().into(),
            ordinal: None,
            document: None,
            reason: item.reason.checked_sub(1).map(|r| self.reasons.list[r as usize].clone()),
            span: Some((item.offset, item.length)),
            units: Some(item.units),
        })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_equal_ones_is_the_duplicate() {
        let (mut one, mut two) = (Items::default(), Items::default());
        let of = |kind: &str, fate: Fate| Mapped { kind: kind.into(), fate, units: 1, ..Mapped::default() };
        one.push(7, (70, 3), b"abc", &of("k", Fate::Archived), None);
        one.push(8, (73, 3), b"abc", &of("other", Fate::Archived), Some("look"));
        two.push(2, (20, 3), b"abc", &of("k", Fate::Archived), None);
        two.push(3, (23, 1), b"x", &of("k", Fate::Quarantined("why".into())), None);
        one.append(two);
        one.settle();
        let rows: Vec<_> = one.ledger_rows().map(|r| (r.item, r.kind, r.outcome, r.reason)).collect();
        let row = |n, kind: &str, outcome: &str, reason: Option<&str>| (n, kind.into(), outcome.into(), reason.map(Into::into));
        assert_eq!(
            rows,
            [
                row(2, "k", "archived", None),
                row(3, "k", "quarantined", Some("why")),
                row(7, "k", "duplicate", None),
                row(8, "other", "archived", Some("look"))
            ]
        );
        let mut totals = LedgerTotals::default();
        one.count(&mut totals);
        assert_eq!((totals.archived, totals.duplicate, totals.quarantined), (2, 1, 1));
    }
}
