//! The signs and what they weigh, from `schemas/signals.toml`.
//!
//! Not for: finding out which signs there are (`pairs`, `assess`).

use std::sync::OnceLock;

use serde::Deserialize;

/// Everything that may speak for snooping, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    OwnChart,
    Namesake,
    Surname,
    Household,
    Neighbour,
    Phone,
    Colleague,
    SameDepartment,
    Vip,
    News,
    Crowd,
    Deceased,
    Repeated,
    Persistent,
    BreakGlass,
    Refused,
    NoEncounter,
    NoRelation,
    Alone,
    OffHours,
    Left,
    Dormant,
    TwoSites,
    Volume,
    Strangers,
    Walking,
    Searches,
    OffHoursDay,
}

impl Sign {
    pub const ALL: [Sign; 28] = [
        Sign::OwnChart,
        Sign::Namesake,
        Sign::Surname,
        Sign::Household,
        Sign::Neighbour,
        Sign::Phone,
        Sign::Colleague,
        Sign::SameDepartment,
        Sign::Vip,
        Sign::News,
        Sign::Crowd,
        Sign::Deceased,
        Sign::Repeated,
        Sign::Persistent,
        Sign::BreakGlass,
        Sign::Refused,
        Sign::NoEncounter,
        Sign::NoRelation,
        Sign::Alone,
        Sign::OffHours,
        Sign::Left,
        Sign::Dormant,
        Sign::TwoSites,
        Sign::Volume,
        Sign::Strangers,
        Sign::Walking,
        Sign::Searches,
        Sign::OffHoursDay,
    ];

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of signs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Signs(u32);

impl Signs {
    pub(super) fn of(signs: &[Sign]) -> Signs {
        Signs(signs.iter().fold(0, |bits, sign| bits | sign.bit()))
    }

    pub(super) fn put(&mut self, sign: Sign, is_there: bool) {
        if is_there {
            self.0 |= sign.bit();
        }
    }

    pub(super) fn take(&mut self, sign: Sign) {
        self.0 &= !sign.bit();
    }

    pub(super) fn has(self, sign: Sign) -> bool {
        self.0 & sign.bit() != 0
    }

    pub(super) fn has_all(self, other: Signs) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn has_any(self, other: Signs) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Sign> {
        Sign::ALL.into_iter().filter(move |sign| self.has(*sign))
    }
}

/// Where the rate of a sign in ordinary work comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rate {
    /// As the table says.
    Table,
    /// Of the charts that other users of the same job opened that day.
    Peers,
    /// Of all other users of the day.
    Users,
    /// Of all patients, who bear the name or live in the house.
    Share,
}

/// One sign of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub code: Sign,
    pub by: Rate,
    pub m: f64,
    #[serde(default)]
    pub u: f64,
    pub cap: f64,
    /// Of a count: what each doubling of its distance from the peers adds.
    #[serde(default)]
    pub per_doubling: f64,
    #[serde(default)]
    pub against: f64,
    pub weak: bool,
    pub why: String,
}

impl Rule {
    /// Bits for snooping when the sign is there and ordinary work shows it at the rate `u`.
    pub fn bits(&self, u: f64) -> f64 {
        (self.m / u.max(1e-9)).log2().clamp(0.0, self.cap)
    }

    /// Bits against it, not above 0, when the sign is known not to be there.
    pub fn bits_against(&self, u: f64) -> f64 {
        ((1.0 - self.m) / (1.0 - u).max(1e-9)).log2().clamp(-self.against, 0.0)
    }
}

/// Signs that say more together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Together {
    pub signs: Vec<Sign>,
    pub bits: f64,
    pub why: String,
}

/// From what on a measure is a sign.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub least_z: f64,
    pub least_peers: usize,
    pub least_crowd: u32,
    pub crowd_strangers: f64,
    pub least_strangers: u32,
    pub strangers_ratio: f64,
    pub shifted_charts: u32,
    pub walk_charts: usize,
    pub walk_gap: u64,
    pub walk_minutes: i64,
    pub site_minutes: i64,
    pub habit_share: f64,
    pub habit_acts: u32,
    pub dormant_days: i64,
    pub deceased_days: i64,
    pub repeated_days: u32,
    pub persistent_days: u32,
    pub searches: u32,
    pub searches_unopened: f64,
}

/// The table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    pub version: u32,
    pub owner: String,
    pub date: toml::value::Datetime,
    pub flag: f64,
    pub trust: f64,
    pub day_in_chart: f64,
    pub limits: Limits,
    #[serde(rename = "sign")]
    pub signs: Vec<Rule>,
    pub together: Vec<Together>,
}

impl Weights {
    pub fn rule(&self, sign: Sign) -> Option<&Rule> {
        self.signs.get(sign as usize)
    }
}

/// The table is part of the program and held right by a test; without it nothing is flagged.
pub fn weights() -> Option<&'static Weights> {
    static TABLE: OnceLock<Option<Weights>> = OnceLock::new();
    TABLE.get_or_init(|| read().ok()).as_ref()
}

fn read() -> Result<Weights, toml::de::Error> {
    toml::from_str(include_str!("../../../schemas/signals.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_sign_once_in_order_and_says_why() {
        let table = read().unwrap();
        let codes: Vec<Sign> = table.signs.iter().map(|rule| rule.code).collect();
        assert_eq!(codes, Sign::ALL);
        assert!(Sign::ALL.iter().all(|sign| table.rule(*sign).unwrap().code == *sign && Signs::of(&[*sign]).has(*sign)));
        for rule in &table.signs {
            assert!(rule.why.len() > 20 && (0.0..1.0).contains(&rule.m) && (0.0..1.0).contains(&rule.u), "{:?}", rule.code);
            assert_eq!(rule.u == 0.0, rule.by == Rate::Share, "{:?}", rule.code);
        }
        assert!(table.together.iter().all(|lift| lift.signs.len() > 1 && lift.bits > 0.0 && !lift.why.is_empty()));
        assert!(table.version == 1 && !table.owner.is_empty());
    }

    #[test]
    fn no_weak_sign_reaches_a_flag_whatever_is_measured() {
        let table = read().unwrap();
        for rule in table.signs.iter().filter(|rule| rule.weak) {
            for u in [0.0, 1e-12, 1e-4, 0.5, 1.0] {
                assert!(
                    rule.bits(u) < table.flag && rule.bits(u) >= 0.0 && rule.bits_against(u) <= 0.0,
                    "{:?} at {u}",
                    rule.code
                );
            }
        }
        let strong: Vec<Sign> = table.signs.iter().filter(|rule| !rule.weak).map(|rule| rule.code).collect();
        assert_eq!(strong, [Sign::OwnChart, Sign::Left, Sign::Strangers, Sign::Walking]);
    }
}
