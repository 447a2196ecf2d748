//! Names as rules know them: single words (of medicines), and words in a row (of departments). Case, marks and blanks do
//! not count; parts of words do not match.
//!
//! Not for: reading the text of documents.

use ahash::AHashMap;

use crate::model::Label;

/// The words of a text, in small letters.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The words of a text between single blanks, with one before and one behind.
fn spaced(text: &str) -> String {
    words(text).fold(String::from(" "), |all, word| all + &word + " ")
}

/// Names of which every word counts by itself.
#[derive(Clone, Debug, Default)]
pub struct Words {
    single: AHashMap<String, Label>,
    phrases: Phrases,
}

impl Words {
    pub fn add(&mut self, name: &str, label: Label) {
        let mut parts = words(name);
        match (parts.next(), parts.next()) {
            (Some(word), None) => {
                let held = self.single.entry(word).or_default();
                *held = held.union(label);
            }
            _ => self.phrases.add(name, label),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.phrases.list.is_empty()
    }

    pub fn label(&self, text: &str) -> Label {
        let single = words(text).filter_map(|word| self.single.get(&word).copied());
        single.fold(self.phrases.label(text), Label::union)
    }
}

/// Words that must stand in a row.
#[derive(Clone, Debug, Default)]
pub struct Phrases {
    list: Vec<(String, Label)>,
}

impl Phrases {
    pub fn add(&mut self, text: &str, label: Label) {
        self.list.push((spaced(text), label));
    }

    pub fn label(&self, text: &str) -> Label {
        if self.list.is_empty() {
            return Label::NORMAL;
        }
        let text = spaced(text);
        let found = self.list.iter().filter(|(phrase, _)| text.contains(phrase.as_str()));
        found.fold(Label::NORMAL, |all, (_, label)| all.union(*label))
    }
}
