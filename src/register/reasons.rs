//! The reasons for which glass may be broken (`schemas/break-glass-reasons.toml`), and what each opens.
//!
//! Not for: what the policy lets break-glass open at all (`access`): a reason narrows that and never widens it.

use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::Error;

use crate::model::{Class, Label};

/// One reason of the list.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub code: String,
    pub text: String,
    #[serde(deserialize_with = "label")]
    pub opens: Label,
    /// Whether records of 42 CFR Part 2 may be opened for it; what 42 CFR 2.51(c) asks for is then asked.
    #[serde(default)]
    pub medical_emergency: bool,
}

#[derive(Deserialize)]
struct File {
    reason: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Opens {
    Word(String),
    Classes(Vec<String>),
}

fn label<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Label, D::Error> {
    match Opens::deserialize(deserializer)? {
        Opens::Word(word) if word == "all" => Ok(Label::EVERY),
        Opens::Word(word) => Err(Error::custom(format!("\"all\" or a list of classes, not {word}"))),
        Opens::Classes(names) => {
            names.iter().map(|name| Class::from_name(name).ok_or_else(|| Error::custom(format!("{name} is no class")))).collect()
        }
    }
}

/// All reasons, in the order in which they are offered.
pub fn reasons() -> &'static [Reason] {
    static LIST: OnceLock<Vec<Reason>> = OnceLock::new();
    LIST.get_or_init(|| {
        let file: File = toml::from_str(include_str!("../../schemas/break-glass-reasons.toml"))
            .expect("the list is part of the program, and a test reads it");
        file.reason
    })
}

pub fn reason(code: &str) -> Option<&'static Reason> {
    reasons().iter().find(|reason| reason.code == code)
}

impl Reason {
    /// What this reason opens of what the policy lets break-glass open.
    pub fn opened_of(&self, breakable: Label) -> Label {
        let part_2 = if self.medical_emergency { Label::NORMAL } else { Label::of(Class::SubstanceUse) };
        // Whatever policy and list say: notes of psychotherapy are never opened in this way (spec access.md §9).
        let never = part_2.union(Label::of(Class::PsychotherapyNotes));
        let beyond = breakable.without(self.opens);
        breakable.without(beyond).without(never)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_reads_and_no_reason_opens_what_it_must_not() {
        assert!(reasons().len() >= 3);
        for reason in reasons() {
            let opened = reason.opened_of(Label::EVERY);
            assert!(!opened.holds(Class::PsychotherapyNotes), "{}", reason.code);
            assert_eq!(opened.holds(Class::SubstanceUse), reason.medical_emergency, "{}", reason.code);
            assert!(opened.is_restricted() && reason.text.len() < 100);
            assert_eq!(reason.opened_of(Label::NORMAL), Label::NORMAL, "nothing beyond the policy");
            assert_eq!(reasons().iter().filter(|other| other.code == reason.code).count(), 1);
        }
        assert!(reason("curiosity").is_none());
    }
}
