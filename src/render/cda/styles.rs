//! The style codes that narrative may carry (CDA R2 §4.3.5.11, IHE PCC), as a set. They come from `schemas/cda/styles.toml`;
//! a code that is not there is dropped, and none of them can hide text.
//!
//! Not for: the looks themselves (the style sheet).

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

const TABLE: &str = include_str!("../../../schemas/cda/styles.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    style: Vec<Style>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Style {
    code: String,
    class: String,
}

/// The classes in the order of their bits, and the bit of each code: as the table writes it and in lower case.
struct Known {
    bits: HashMap<String, u8, ahash::RandomState>,
    classes: Vec<String>,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let table: Table = toml::from_str(TABLE).unwrap_or(Table { style: Vec::new() });
        let mut known = Known { bits: HashMap::default(), classes: Vec::new() };
        for style in table.style {
            let at = known.classes.iter().position(|class| *class == style.class).unwrap_or_else(|| {
                known.classes.push(style.class.clone());
                known.classes.len() - 1
            });
            known.bits.insert(style.code.to_ascii_lowercase(), at as u8);
            known.bits.insert(style.code, at as u8);
        }
        known
    })
}

impl Known {
    fn bit(&self, token: &str) -> Option<u8> {
        self.bits.get(token).or_else(|| self.bits.get(&token.to_ascii_lowercase())).copied()
    }
}

/// A set of styles.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Styles(u64);

impl Styles {
    /// Of an attribute `styleCode`; `unknown` hears every token that is none.
    pub(super) fn parse(value: &str, mut unknown: impl FnMut(&str)) -> Styles {
        let mut bits = 0;
        for token in value.split_whitespace() {
            match known().bit(token) {
                Some(bit) => bits |= 1u64 << bit,
                None => unknown(token),
            }
        }
        Styles(bits)
    }

    /// Spaces and line ends carry the layout.
    pub(super) fn preserved() -> Styles {
        Styles::parse("xPreserved", |_| {})
    }

    #[must_use]
    pub(super) fn union(self, other: Styles) -> Styles {
        Styles(self.0 | other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Class names, in the table's order.
    pub fn classes(self) -> impl Iterator<Item = &'static str> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros();
            left &= left.checked_sub(1)?;
            known().classes.get(bit as usize).map(String::as_str)
        })
    }

    pub fn has(self, class: &str) -> bool {
        self.classes().any(|own| own == class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_whatever_their_case_and_others_are_dropped() {
        let mut dropped = Vec::new();
        let styles = Styles::parse("bold Italics  hidden; xALERT", |token| dropped.push(token.to_string()));
        assert_eq!(styles.classes().collect::<Vec<_>>(), ["s-bold", "s-italics", "s-alert"]);
        assert_eq!(dropped, ["hidden;"]);
        assert!(known().classes.len() < 64 && known().classes.iter().all(|class| class.starts_with("s-")));
    }
}
