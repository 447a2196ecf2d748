//! The index terms of a patient: every fact that a search can find it by, written as short strings.
//!
//! Not for: reading what a person typed (`patient_question`) or matching (`patients`).
//!
//! A term is a label, a way, and a value: `0fquill` is the family name Quill of an ordinary patient, `100000400fquill` that
//! of one with the label 400 (hexadecimal). Since the label leads, a search under a filter reads those parts of the
//! dictionary only whose label it leaves: not even the choice of typos and of words that start alike can be swayed by a
//! patient who is hidden.

use super::Matched;
use crate::model::{Label, PatientIdentity, PatientIndexDoc, Precision};

use crate::names::{fold, sound, tokens};

/// What the terms of patients without a label begin with.
const OPEN: &str = "0";
/// What those of labelled patients begin with; the bits of the label follow, in so many hexadecimal digits.
pub const LABELLED: &str = "1";
const BITS_DIGITS: usize = 8;

/// Ways of terms without a name in them.
pub const BORN: char = 'b';
/// Birth date recorded to the year or month only.
pub const BORN_PARTLY: char = 'c';
pub const BIRTH_MONTH: char = 'm';
pub const NUMBER: char = 'i';
pub const NUMBER_END: char = 'l';
pub const PHONE: char = 'p';
pub const PHONE_SEVEN: char = 'q';
pub const PHONE_END: char = 'r';

/// Letters of a start that is a term of its own; longer starts are found in the dictionary.
pub const START_LETTERS: usize = 2;
/// Longest number that is a term, in bytes.
const NUMBER_BYTES_MAX: usize = 64;

/// Which name a token comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Family,
    Given,
    Other,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Family, Role::Given, Role::Other];

    pub fn words(self) -> &'static str {
        match self {
            Role::Family => "family name",
            Role::Given => "given name",
            Role::Other => "other name",
        }
    }

    /// The ways of this name's terms: (as written, by sound, first letters).
    pub fn ways(self) -> (char, char, char) {
        match self {
            Role::Family => ('f', 'F', 'x'),
            Role::Given => ('g', 'G', 'y'),
            Role::Other => ('o', 'O', 'z'),
        }
    }
}

/// What the terms of patients with this label begin with.
pub fn label_prefix(label: Label) -> String {
    match label.bits() {
        0 => OPEN.into(),
        bits => format!("{LABELLED}{bits:0BITS_DIGITS$x}"),
    }
}

/// The label of a term of a labelled patient.
pub fn label_of(term: &str) -> Option<Label> {
    let digits = term.strip_prefix(LABELLED)?.get(..BITS_DIGITS)?;
    u32::from_str_radix(digits, 16).ok().map(Label::from_bits)
}

/// What a term without its label stands for, of which `letters` were typed (0: all).
pub fn matched(term: &str, letters: usize) -> Option<Matched> {
    let way = term.chars().next()?;
    let value = term.get(way.len_utf8()..)?;
    let typed = || value.chars().take(letters).collect::<String>();
    Some(match way {
        BORN | BORN_PARTLY => Matched::Born(value.into()),
        BIRTH_MONTH => Matched::BirthMonth,
        NUMBER => Matched::Number(value.into()),
        NUMBER_END => Matched::NumberEnd(value.into()),
        PHONE | PHONE_SEVEN | PHONE_END => Matched::Phone(value.into()),
        way => {
            let (_, heard, start) = Role::ALL.iter().map(|role| role.ways()).find(|(a, b, c)| [*a, *b, *c].contains(&way))?;
            match letters {
                _ if way == heard => Matched::Sound(value.into()),
                0 if way != start => Matched::Name(value.into()),
                0 => Matched::Start(value.into()),
                _ => Matched::Start(typed()),
            }
        }
    })
}

/// All terms of one patient, sorted, without repeats.
pub fn terms(patient: &PatientIndexDoc) -> Vec<String> {
    let identity = &patient.identity;
    let mut terms = Terms { label: label_prefix(patient.label), all: Vec::new() };
    if let Some(name) = &identity.family {
        terms.name(Role::Family, name);
    }
    for name in &identity.given {
        terms.name(Role::Given, name);
    }
    for name in &identity.other_names {
        terms.name(Role::Other, name);
    }
    terms.birth_date(identity);
    for (_, value) in &identity.identifiers {
        let number = number(value);
        if !number.is_empty() {
            if let Some(end) = last(&number, 4).filter(|_| number.len() >= 6) {
                terms.add(NUMBER_END, end);
            }
            terms.add(NUMBER, &number);
        }
    }
    for phone in &identity.phones {
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        terms.add(PHONE, last(&digits, 10).unwrap_or(&digits));
        for (way, count) in [(PHONE_SEVEN, 7), (PHONE_END, 4)] {
            if let Some(end) = last(&digits, count) {
                terms.add(way, end);
            }
        }
    }
    terms.all.sort();
    terms.all.dedup();
    terms.all
}

struct Terms {
    label: String,
    all: Vec<String>,
}

impl Terms {
    fn add(&mut self, way: char, value: &str) {
        if !value.is_empty() {
            self.all.push(format!("{}{way}{value}", self.label));
        }
    }

    fn name(&mut self, role: Role, name: &str) {
        let (written, heard, start) = role.ways();
        for token in tokens(name) {
            self.add(written, &token);
            self.add(heard, &sound(&token));
            for letters in 1..=START_LETTERS {
                if let Some((end, _)) = token.char_indices().nth(letters) {
                    self.add(start, &token[..end]);
                }
            }
        }
    }

    fn birth_date(&mut self, identity: &PatientIdentity) {
        let Some(born) = &identity.birth_date else { return };
        let digits = born.date_text().replace('-', "");
        for length in [4, 6, 8] {
            if let Some(part) = digits.get(..length) {
                self.add(BORN, part);
            }
        }
        if let Some(month) = digits.get(4..6) {
            self.add(BIRTH_MONTH, month);
        }
        if matches!(born.precision(), Precision::Year | Precision::Month) {
            self.add(BORN_PARTLY, &digits);
        }
    }
}

/// A number as compared: letters and digits only, lower case.
pub fn number(text: &str) -> String {
    fold(text).chars().filter(|c| c.is_alphanumeric()).take(NUMBER_BYTES_MAX).collect()
}

/// The last `count` characters, when there are as many.
pub fn last(text: &str, count: usize) -> Option<&str> {
    let (at, _) = text.char_indices().nth_back(count - 1)?;
    Some(&text[at..])
}

/// A number that sorts as "family given" does: seven letters of the family name, five of the first given name.
pub fn order(identity: &PatientIdentity) -> u64 {
    let given = identity.given.first().map_or("", String::as_str);
    let packed = |name: &str, letters: usize| {
        let folded = fold(name);
        let mut codes = folded.bytes().filter(|b| !b.is_ascii_punctuation()).map(|b| match b {
            b'a'..=b'z' => u64::from(b - b'a') + 2,
            0x80.. => 30,
            _ => 1,
        });
        (0..letters).fold(0, |sum, _| sum << 5 | codes.next().unwrap_or(0))
    };
    packed(identity.family.as_deref().unwrap_or(""), 7) << 25 | packed(given, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_sorts_as_names_do() {
        let of = |family: &str, given: &str| {
            order(&PatientIdentity { family: Some(family.into()), given: vec![given.into()], ..Default::default() })
        };
        assert!(of("Li", "Zoe") < of("Lian", "Ann") && of("Smith", "Ann") < of("Smith", "Bob"));
        assert_eq!(of("Núñez", ""), of("nunez", ""));
    }
}
