//! A sample of an accession's records for a person to look at: drawn at random, each kind with its share, and drawn again
//! by anyone who has the seed and the ledger.
//!
//! The lot of a record is the SHA-256 of `<seed> <item>.<entry>`; of each kind those with the smallest lots are taken. Every
//! kind is drawn once, then in proportion to its records. Not for: showing the records (`query`).

use std::collections::{BTreeMap, BinaryHeap};

use sha2::{Digest, Sha256};

use super::ledger::read_rows;
use super::{Accession, StoreError};

/// Most records of one sample.
pub const SAMPLE_MAX: usize = 2_000;

/// One record of a sample.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Drawn {
    pub item: u64,
    pub entry: u32,
    /// Resource type.
    pub kind: String,
    pub ordinal: u64,
}

#[derive(Default)]
struct OfKind {
    count: u64,
    /// Those with the smallest lots: lot, item, entry, ordinal.
    smallest: BinaryHeap<([u8; 16], u64, u32, u64)>,
    taken: usize,
}

/// Draws `size` records (or all, where there are fewer), in the order of the delivery.
pub fn draw(accession: &Accession, size: usize, seed: &str) -> Result<Vec<Drawn>, StoreError> {
    let size = size.min(SAMPLE_MAX);
    let mut kinds: BTreeMap<String, OfKind> = BTreeMap::new();
    read_rows(&accession.paths().ledger(), |row| {
        let is_record = matches!(row.outcome.as_str(), "archived" | "version" | "derived" | "derived-version");
        let Some(ordinal) = row.ordinal.filter(|_| is_record) else { return };
        let of_kind = kinds.entry(row.kind).or_default();
        of_kind.count += 1;
        let lot = lot(seed, row.item, row.entry);
        if of_kind.smallest.len() < size || of_kind.smallest.peek().is_some_and(|largest| lot < largest.0) {
            of_kind.smallest.push((lot, row.item, row.entry, ordinal));
            if of_kind.smallest.len() > size {
                of_kind.smallest.pop();
            }
        }
    })?;
    share(&mut kinds, size);
    let mut drawn: Vec<Drawn> = Vec::with_capacity(size);
    for (kind, of_kind) in kinds {
        let smallest = of_kind.smallest.into_sorted_vec().into_iter().take(of_kind.taken);
        drawn.extend(smallest.map(|(_, item, entry, ordinal)| Drawn { item, entry, kind: kind.clone(), ordinal }));
    }
    drawn.sort_unstable();
    Ok(drawn)
}

fn lot(seed: &str, item: u64, entry: u32) -> [u8; 16] {
    let hash = Sha256::digest(format!("{seed} {item}.{entry}"));
    let mut lot = [0; 16];
    lot.copy_from_slice(&hash[..16]);
    lot
}

/// Gives out the places: each kind one, then always to the kind that is furthest below its share (Sainte-Laguë).
fn share(kinds: &mut BTreeMap<String, OfKind>, size: usize) {
    for _ in 0..size {
        let open = kinds.values_mut().filter(|k| (k.taken as u64) < k.count);
        let next = open.max_by(|a, b| {
            let weight = |k: &OfKind| (u128::from(k.count), 2 * k.taken as u128 + 1);
            let ((a_count, a_by), (b_count, b_by)) = (weight(a), weight(b));
            // A kind without a place comes before all that have one; then a/b are compared as fractions.
            (a.taken == 0).cmp(&(b.taken == 0)).then((a_count * b_by).cmp(&(b_count * a_by)))
        });
        match next {
            Some(kind) => kind.taken += 1,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(counts: &[(&str, u64)], size: usize) -> Vec<usize> {
        let of = |count| OfKind { count, ..OfKind::default() };
        let mut kinds: BTreeMap<String, OfKind> = counts.iter().map(|(k, n)| (k.to_string(), of(*n))).collect();
        share(&mut kinds, size);
        kinds.values().map(|k| k.taken).collect()
    }

    #[test]
    fn every_kind_is_drawn_and_large_ones_more() {
        assert_eq!(shares(&[("A", 1), ("B", 9_000), ("C", 1_000)], 20), [1, 17, 2]);
        assert_eq!(shares(&[("A", 1), ("B", 2)], 20), [1, 2], "no more than there are");
        assert_eq!(shares(&[("A", 1), ("B", 5), ("C", 9)], 2), [0, 1, 1], "the largest first when places are few");
    }

    #[test]
    fn a_lot_depends_on_seed_and_place() {
        assert_eq!(lot("a", 1, 2), lot("a", 1, 2));
        let others = [lot("b", 1, 2), lot("a", 12, 2), lot("a", 1, 3)];
        assert!(others.iter().all(|other| *other != lot("a", 1, 2)));
    }
}
