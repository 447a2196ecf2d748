//! What was left out or mended while a page was made, counted.
//!
//! Not for: the words for it (`findings`).

use std::collections::BTreeMap;

/// Something that was left out or mended, and how often.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Warning {
    /// Stable code: `dropped-attribute`, `unknown-element`, `dead-link`, `broken-ref`, `span-clamped` …
    pub code: &'static str,
    /// What it is about: the name of an element or attribute, a section's path. Never content.
    pub about: String,
    pub count: u32,
}

/// Counts warnings as the page is made.
#[derive(Debug, Default)]
pub(super) struct Warnings(BTreeMap<&'static str, BTreeMap<String, u32>>);

/// Most different warnings of one code kept; a hostile document could make up names without end.
const WARNINGS_MAX: usize = 500;
/// Longest name in a warning, in characters.
const ABOUT_MAX: usize = 60;

impl Warnings {
    pub(super) fn add(&mut self, code: &'static str, about: &str) {
        let of_code = self.0.entry(code).or_default();
        if let Some(count) = of_code.get_mut(about) {
            *count += 1;
            return;
        }
        let about: String = about.chars().filter(|c| !c.is_control()).take(ABOUT_MAX).collect();
        if of_code.len() < WARNINGS_MAX || of_code.contains_key(&about) {
            *of_code.entry(about).or_default() += 1;
        }
    }

    pub(super) fn list(self) -> Vec<Warning> {
        let of = |(code, all): (&'static str, BTreeMap<String, u32>)| {
            all.into_iter().map(move |(about, count)| Warning { code, about, count })
        };
        self.0.into_iter().flat_map(of).collect()
    }
}
