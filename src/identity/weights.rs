//! What agreements weigh, from `schemas/identity-weights.toml`.
//!
//! Not for: finding out what agrees (`features`).

use std::sync::OnceLock;

use serde::Deserialize;

/// The table. Every list begins with the strongest level and ends with disagreement.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Least sum that is worth a look, in bits.
    pub review: f64,
    pub twins: f64,
    pub similar: f64,
    pub family: Vec<Level>,
    pub given: Vec<Level>,
    pub names: Vec<Level>,
    pub birth_date: Vec<Level>,
    pub sex: Vec<Level>,
    pub address: Vec<Level>,
    pub phone: Vec<Level>,
    pub ssn4: Vec<Level>,
}

/// One way in which two values of a field may stand to each other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    pub level: String,
    pub m: f64,
    pub u: f64,
}

impl Level {
    /// In bits.
    pub fn weight(&self) -> f64 {
        (self.m / self.u).log2()
    }
}

/// The table is part of the program and held right by a test; a broken one proposes nothing.
pub fn weights() -> &'static Weights {
    static TABLE: OnceLock<Weights> = OnceLock::new();
    TABLE.get_or_init(|| read().unwrap_or_else(|_| Weights { review: f64::INFINITY, ..Weights::default() }))
}

fn read() -> Result<Weights, toml::de::Error> {
    toml::from_str(include_str!("../../schemas/identity-weights.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_and_each_list_goes_from_agreement_to_disagreement() {
        let table = read().unwrap();
        for list in [&table.family, &table.given, &table.birth_date, &table.sex, &table.address, &table.phone, &table.ssn4] {
            let (first, last) = (list.first().unwrap(), list.last().unwrap());
            assert!(first.weight() > 0.0 && last.weight() < 0.0 && last.level == "different");
            for which in [|level: &Level| level.m, |level: &Level| level.u] {
                let sum: f64 = list.iter().map(which).sum();
                assert!((0.97..=1.03).contains(&sum), "{} sums to {sum}", first.level);
            }
        }
    }
}
