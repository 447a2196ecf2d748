//! The accounting of disclosures: which of them a patient is told, by their legal basis, and which are held back for a time
//! (45 CFR 164.528). The rules are data, `schemas/disclosures.toml`.
//!
//! Not for: recording a disclosure (`commands`), or the table of them (`reports`).

use std::sync::OnceLock;

use serde::Deserialize;

pub use crate::register::Suspension;

use super::line::Line;
use super::projection::OversightError;
use crate::names;

/// The rules as the file has them.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub version: String,
    pub owner: String,
    pub date: toml::value::Datetime,
    pub citation: String,
    /// How far back a patient may ask.
    pub years: i16,
    /// How long a suspension lasts at most that was not asked for in writing.
    pub oral_suspension_days: i64,
    pub basis: Vec<Basis>,
}

/// One legal basis.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    pub code: String,
    pub words: String,
    pub accountable: bool,
    /// Whether the recipient may ask that it be left out for a time.
    #[serde(default)]
    pub suspendable: bool,
    pub citation: String,
}

impl Rules {
    /// The rules of this version of the software.
    pub fn shipped() -> Result<&'static Rules, OversightError> {
        static RULES: OnceLock<Result<Rules, String>> = OnceLock::new();
        let read = || toml::from_str(include_str!("../../../schemas/disclosures.toml")).map_err(|error| error.to_string());
        RULES.get_or_init(read).as_ref().map_err(|text| OversightError::Program(text.clone()))
    }

    pub fn basis(&self, code: &str) -> Option<&Basis> {
        self.basis.iter().find(|basis| basis.code == code)
    }

    /// Whether a disclosure on this basis stands in the accounting; one on a basis that nobody knows does.
    pub fn is_accountable(&self, code: &str) -> bool {
        self.basis(code).is_none_or(|basis| basis.accountable)
    }
}

/// Whether a suspension hides a disclosure at a time (Unix seconds): it is in force, the basis allows it, and the recipient
/// is that agency.
pub fn is_suspended(line: &Line, basis: Option<&Basis>, suspended: &[Suspension], at: i64) -> bool {
    let recipients = [line.recipient.name.as_str(), line.recipient.org.as_str()].map(names::fold);
    let is_recipient = |agency: &str| {
        let agency = names::fold(agency);
        !agency.is_empty() && recipients.contains(&agency)
    };
    basis.is_some_and(|basis| basis.suspendable)
        && suspended.iter().any(|suspension| suspension.is_in_force(at) && is_recipient(&suspension.agency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_basis_has_its_citation_and_stands_once() {
        let rules = Rules::shipped().unwrap();
        assert_eq!((rules.years, rules.oral_suspension_days), (6, 30));
        for basis in &rules.basis {
            assert!(basis.citation.starts_with("45 CFR 164."), "{basis:?}");
            assert_eq!(rules.basis.iter().filter(|it| it.code == basis.code).count(), 1, "{basis:?}");
        }
        for (code, accountable) in [
            ("treatment", false),
            ("authorization", false),
            ("custody", false),
            ("limited-data-set", false),
            ("law-enforcement", true),
            ("public-health", true),
            ("judicial", true),
            ("nobody knows", true),
        ] {
            assert_eq!(rules.is_accountable(code), accountable, "{code}");
        }
    }
}
