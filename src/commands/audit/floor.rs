//! A patient's own floor of retention: until when entries about him stay, by his age and by the retention of his record. The
//! rules are data (`schemas/retention.toml`, or a site's file of the same form).
//!
//! Not for: which segments of the log may go (`audit`).

use std::path::Path;

use anyhow::{Context, ensure};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

/// The rules.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Floors {
    pub version: u32,
    pub owner: String,
    pub date: toml::value::Datetime,
    minor: Minor,
    record: Vec<OfRecord>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Minor {
    majority: u32,
    years_after: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRecord {
    /// `*`: every system without a row of its own.
    source: String,
    years: u32,
}

/// No rule is about more years than this: what is larger is a slip of the pen.
const YEARS_MAX: u32 = 150;

impl Floors {
    /// The site's rules, or the built-in ones.
    pub(super) fn load(site: Option<&Path>) -> anyhow::Result<Floors> {
        let text = match site {
            Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            None => include_str!("../../../schemas/retention.toml").to_string(),
        };
        Floors::parse(&text).with_context(|| site.map_or("retention rules".into(), |path| path.display().to_string()))
    }

    fn parse(text: &str) -> anyhow::Result<Floors> {
        let floors: Floors = toml::from_str(text)?;
        let years = floors.record.iter().map(|rule| rule.years).chain([floors.minor.majority, floors.minor.years_after]);
        ensure!(years.max().is_none_or(|most| most <= YEARS_MAX), "no rule is about more than {YEARS_MAX} years");
        for (at, rule) in floors.record.iter().enumerate() {
            let before = floors.record.get(..at).unwrap_or_default();
            ensure!(before.iter().all(|other| other.source != rule.source), "two rules are about {}", rule.source);
        }
        // A record of a system that no rule names would have no floor by an oversight.
        ensure!(floors.record.iter().any(|rule| rule.source == "*"), "a rule for source \"*\" is missing");
        Ok(floors)
    }

    /// The last day of the patient's own time: `born` as recorded, and of each system its name and the last day that its
    /// records tell of. `None`: nothing is known that would give him one.
    pub(super) fn until<'t>(&self, born: Option<&str>, records: impl Iterator<Item = (&'t str, &'t str)>) -> Option<Date> {
        let after = |text: &str, years: u32| latest(text)?.checked_add(i64::from(years).years()).ok();
        let of_age = born.and_then(|born| after(born, self.minor.majority + self.minor.years_after));
        let of_records = records.filter_map(|(source, last)| after(last, self.years(source)));
        of_records.chain(of_age).max()
    }

    fn years(&self, source: &str) -> u32 {
        let rule = |name: &str| self.record.iter().find(|rule| rule.source == name);
        rule(source).or_else(|| rule("*")).map_or(0, |rule| rule.years)
    }
}

/// The last day that a date may mean.
fn latest(text: &str) -> Option<Date> {
    match text.len() {
        4 => format!("{text}-12-31").parse().ok(),
        7 => format!("{text}-01").parse::<Date>().ok().map(Date::last_of_month),
        _ => text.get(..10)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "version = 1\nowner = \"x\"\ndate = 2026-01-01\n[minor]\nmajority = 19\nyears_after = 2\n\
        [[record]]\nsource = \"*\"\nyears = 7\n[[record]]\nsource = \"peds\"\nyears = 25\n";

    #[test]
    fn the_latest_of_all_rules_holds() {
        let floors = Floors::parse(RULES).unwrap();
        let until = |born: Option<&str>, records: &[(&str, &str)]| {
            floors.until(born, records.iter().copied()).map(|day| day.to_string()).unwrap_or_default()
        };
        for (born, records, expected) in [
            (Some("2006-05-10"), &[][..], "2027-05-10"),
            (Some("2006-02"), &[], "2027-02-28"),
            (Some("2006"), &[], "2027-12-31"),
            (Some("unknown"), &[], ""),
            (None, &[("mer", "2020-03-01")], "2027-03-01"),
            (None, &[("mer", "2020-03-01"), ("peds", "2001")], "2027-03-01"),
            (None, &[("mer", "2020-03-01"), ("peds", "2011-07")], "2036-07-31"),
            (Some("1950-01-01"), &[("mer", "2020-03-01")], "2027-03-01"),
            (Some("2006-05-10"), &[("mer", "2019-03-01T10:00:00Z")], "2027-05-10"),
            (None, &[], ""),
        ] {
            assert_eq!(until(born, records), expected, "{born:?} {records:?}");
        }
    }

    #[test]
    fn rules_that_cannot_be_meant_are_refused_and_the_built_in_ones_are_those_of_the_standard() {
        for (from, to) in [("years = 7", "years = 700"), ("\"peds\"", "\"*\""), ("\"*\"", "\"mer\""), ("owner", "ownre")] {
            assert!(Floors::parse(&RULES.replacen(from, to, 1)).is_err(), "{to}");
        }
        let floors = Floors::load(None).unwrap();
        assert_eq!((floors.minor.majority, floors.minor.years_after, floors.years("any")), (18, 2, 10));
        assert!(floors.version == 1 && !floors.owner.is_empty());
    }
}
