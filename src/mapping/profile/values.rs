//! The distinct values of a column and how often each occurs, in bounded memory.
//!
//! Values are held as hashes. When there are too many, the half with the larger hashes is let go, and later ones like them
//! are not taken in: what stays is an even sample of the distinct values, with true counts. Since all columns sample by the
//! same hash, two samples still say which values of one column occur in the other.
//!
//! Not for: what the values are (`top`).

use ahash::AHashMap;
use xxhash_rust::xxh3::xxh3_64;

/// Distinct values of a column.
#[derive(Clone)]
pub struct Values {
    counts: AHashMap<u64, u32>,
    /// Hashes above are not held.
    below: u64,
}

/// Hash of a value, the same in every column.
pub fn hash(value: &str) -> u64 {
    xxh3_64(value.as_bytes())
}

impl Default for Values {
    fn default() -> Values {
        Values { counts: AHashMap::new(), below: u64::MAX }
    }
}

impl Values {
    pub fn add(&mut self, hash: u64, most: usize) {
        if hash <= self.below {
            let count = self.counts.entry(hash).or_default();
            *count = count.saturating_add(1);
            if self.counts.len() > most {
                self.halve();
            }
        }
    }

    /// Hashes held.
    pub fn held(&self) -> usize {
        self.counts.len()
    }

    pub fn halve(&mut self) {
        self.below /= 2;
        let below = self.below;
        self.counts.retain(|hash, _| *hash <= below);
        self.counts.shrink_to_fit();
    }

    pub fn shrink_to(&mut self, most: usize) {
        while self.counts.len() > most {
            self.halve();
        }
    }

    pub fn is_exact(&self) -> bool {
        self.below == u64::MAX
    }

    /// From what is held to the whole column.
    fn scaled(&self, held: u64) -> u64 {
        let share = (self.below as f64 + 1.0) / (u64::MAX as f64 + 1.0);
        if self.is_exact() { held } else { (held as f64 / share) as u64 }
    }

    /// Distinct values; an estimate unless exact.
    pub fn distinct(&self) -> u64 {
        self.scaled(self.counts.len() as u64)
    }

    /// Values that occur more than once; an estimate unless exact.
    pub fn repeated(&self) -> u64 {
        self.scaled(self.counts.values().filter(|count| **count > 1).count() as u64)
    }

    /// Rows beyond the first of their value; an estimate unless exact.
    pub fn surplus(&self) -> u64 {
        self.scaled(self.counts.values().map(|count| u64::from(*count) - 1).sum())
    }

    /// How often a value occurs, where it is held.
    pub fn count(&self, hash: u64) -> Option<u64> {
        self.counts.get(&hash).map(|count| u64::from(*count))
    }

    /// How many values and rows of this column occur in `parent`, and how many do not.
    pub fn inclusion(&self, parent: &Values) -> Inclusion {
        let below = self.below.min(parent.below);
        let mut found = Inclusion { is_exact: below == u64::MAX, ..Inclusion::default() };
        for (hash, count) in self.counts.iter().filter(|(hash, _)| **hash <= below) {
            let is_in = parent.counts.contains_key(hash);
            found.values += u64::from(is_in);
            found.orphan_values += u64::from(!is_in);
            found.orphan_rows += if is_in { 0 } else { u64::from(*count) };
        }
        let common = Values { counts: AHashMap::new(), below };
        found.values = common.scaled(found.values);
        found.orphan_values = common.scaled(found.orphan_values);
        found.orphan_rows = common.scaled(found.orphan_rows);
        found
    }
}

/// How far the values of one column occur in another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Inclusion {
    /// Distinct values found there.
    pub values: u64,
    pub orphan_values: u64,
    pub orphan_rows: u64,
    pub is_exact: bool,
}

impl Inclusion {
    pub fn share(&self) -> f64 {
        self.values as f64 / (self.values + self.orphan_values).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u32>, most: usize) -> Values {
        let mut values = Values::default();
        range.for_each(|n| values.add(hash(&n.to_string()), most));
        values
    }

    #[test]
    fn estimates_stay_close_and_samples_compare() {
        let (all, some) = (of(0..100_000, 4096), of(90_000..110_000, 4096));
        assert!(!all.is_exact() && all.held() <= 4096);
        assert!((95_000..105_000).contains(&all.distinct()), "{}", all.distinct());
        assert_eq!(all.repeated(), 0);
        let inclusion = some.inclusion(&all);
        assert!((0.42..0.58).contains(&inclusion.share()) && !inclusion.is_exact, "{inclusion:?}");
        let exact = of(5..15, 100).inclusion(&of(0..10, 100));
        assert_eq!(exact, Inclusion { values: 5, orphan_values: 5, orphan_rows: 5, is_exact: true });
    }
}
