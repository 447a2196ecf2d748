//! The data elements of USCDI v3 (`schemas/uscdi.toml`): by which columns of which table each is known to be there.
//!
//! Not for: counting (`profile`), or whether an element should be there.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::model::Kind;

/// All elements, in the order of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    pub version: String,
    #[serde(rename = "class")]
    pub classes: Vec<Class>,
}

/// A data class.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    pub name: String,
    pub elements: Vec<Element>,
}

/// A data element.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Element {
    pub name: String,
    pub rules: Vec<Rule>,
}

/// What shows that a record has an element: one of these columns, where the others have one of these values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub kind: String,
    pub any: Vec<String>,
    #[serde(default, rename = "where")]
    pub only: BTreeMap<String, Vec<String>>,
}

/// Most elements that one count can tell apart.
pub const ELEMENTS_MAX: usize = 128;

/// The elements of this version of the software.
pub fn checklist() -> &'static Checklist {
    static LIST: OnceLock<Checklist> = OnceLock::new();
    LIST.get_or_init(|| {
        toml::from_str(include_str!("../../schemas/uscdi.toml")).expect("the list is part of the program, and a test reads it")
    })
}

/// Whether a column shows an element.
pub fn is_key(kind: &str, column: &str) -> bool {
    let rules = checklist().elements().flat_map(|(_, element)| &element.rules);
    rules.filter(|rule| rule.kind == kind).any(|rule| rule.any.iter().any(|name| name == column))
}

impl Checklist {
    /// Class and element, in order.
    pub fn elements(&self) -> impl Iterator<Item = (&str, &Element)> {
        self.classes.iter().flat_map(|class| class.elements.iter().map(|element| (class.name.as_str(), element)))
    }

    /// The rules about a kind, each with the number of its element.
    pub fn rules_of(&self, kind: Kind) -> Vec<(usize, &Rule)> {
        let all = self.elements().take(ELEMENTS_MAX).enumerate();
        all.flat_map(|(number, (_, element))| element.rules.iter().map(move |rule| (number, rule)))
            .filter(|(_, rule)| rule.kind == kind.name())
            .collect()
    }

    /// Whether a word of the site (`Goals`, `Medications: Dose`, `dose`) means an element.
    pub fn means(word: &str, class: &str, element: &str) -> bool {
        let word = word.trim();
        let is = |text: &str| word.eq_ignore_ascii_case(text);
        let in_both = || {
            word.split_once(':')
                .is_some_and(|(c, e)| c.trim().eq_ignore_ascii_case(class) && e.trim().eq_ignore_ascii_case(element))
        };
        is(class) || is(element) || in_both()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tables::kinds;

    #[test]
    fn the_list_is_that_of_version_3_and_asks_for_columns_that_there_are() {
        let list = checklist();
        assert_eq!((list.version.as_str(), list.classes.len(), list.elements().count()), ("v3", 19, 94));
        for (class, element) in list.elements() {
            assert!(!element.rules.is_empty(), "{class}: {}", element.name);
            for rule in &element.rules {
                let table = Kind::from_name(&rule.kind).and_then(|kind| kinds().get(kind)).expect("a kind with a table");
                for column in rule.any.iter().chain(rule.only.keys()) {
                    assert!(table.arrow.column_with_name(column).is_some(), "{class}: {}: {}.{column}", element.name, rule.kind);
                }
            }
        }
        // The counting of a kind has one bit for each of its rules.
        assert!(Kind::all().all(|kind| list.rules_of(kind).len() <= 64));
    }

    #[test]
    fn a_word_means_a_class_an_element_or_both() {
        for word in ["goals", "Patient Goals", "Goals: patient goals"] {
            assert!(Checklist::means(word, "Goals", "Patient goals"), "{word}");
        }
        assert!(!Checklist::means("Laboratory: Patient goals", "Goals", "Patient goals"));
    }
}
