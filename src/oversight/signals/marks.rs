//! Marks of what people have in common: keyed hashes of surnames, households, streets and phone numbers. Two marks can be
//! compared; what they were made of cannot be read back without the key of this installation.
//!
//! Not for: finding out that two entries are one person (`identity`).

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::names::fold;

/// 64 bits of an HMAC: among ten million people two unlike values share one in one case of a hundred thousand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Mark(u64);

/// Makes marks under one key.
pub struct Marks {
    key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Marks(…)")
    }
}

/// Words inside a surname that are no name by themselves.
const PARTICLES: [&str; 16] =
    ["van", "der", "den", "von", "del", "della", "dela", "los", "las", "dos", "das", "saint", "abu", "bin", "ibn", "ter"];
/// Short forms of the usual words of an address.
const SHORT: [(&str, &str); 14] = [
    ("street", "st"),
    ("avenue", "ave"),
    ("road", "rd"),
    ("drive", "dr"),
    ("lane", "ln"),
    ("boulevard", "blvd"),
    ("court", "ct"),
    ("place", "pl"),
    ("square", "sq"),
    ("highway", "hwy"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
];
/// Words behind which a flat or a room is named.
const UNITS: [&str; 7] = ["apt", "apartment", "unit", "suite", "ste", "room", "rm"];

impl Marks {
    pub fn new(key: [u8; 32]) -> Marks {
        Marks { key: Zeroizing::new(key) }
    }

    fn mark(&self, what: &str, text: &str) -> Option<Mark> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_slice()).ok()?;
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        let digest = mac.finalize().into_bytes();
        let first: [u8; 8] = digest.get(..8)?.try_into().ok()?;
        Some(Mark(u64::from_be_bytes(first)))
    }

    /// A surname's marks: the whole of it, letters only, and the names that a double one is made of.
    pub fn surname(&self, name: &str) -> Vec<Mark> {
        let folded = fold(name);
        let is_break = |c: char| c.is_whitespace() || c == '-' || c == '\u{2010}' || c == '\u{2013}';
        let parts: Vec<String> = folded.split(is_break).map(letters).filter(|part| !part.is_empty()).collect();
        let whole = parts.concat();
        let is_name = |part: &&String| part.chars().count() > 2 && !PARTICLES.contains(&part.as_str());
        let mut forms: Vec<&String> = parts.iter().filter(is_name).collect();
        forms.insert(0, &whole);
        let mut marks: Vec<Mark> =
            forms.into_iter().filter(|form| !form.is_empty()).filter_map(|form| self.mark("surname", form)).collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }

    /// First given name and surname together.
    pub fn full_name(&self, given: &str, surname: &str) -> Option<Mark> {
        let first = fold(given).split_whitespace().next().map(letters).unwrap_or_default();
        let last = letters(&fold(surname));
        let is_whole = !first.is_empty() && !last.is_empty();
        is_whole.then(|| self.mark("name", &format!("{first} {last}"))).flatten()
    }

    /// House and ZIP code: the flats of one building share it, and the census of patients says how many do.
    pub fn household(&self, street: &str, zip: &str) -> Option<Mark> {
        let (street, zip) = (normalised(street)?, zip5(zip)?);
        street.starts_with(|c: char| c.is_ascii_digit()).then(|| self.mark("household", &format!("{street} {zip}"))).flatten()
    }

    /// The street without the number of the house.
    pub fn street(&self, street: &str, zip: &str) -> Option<Mark> {
        let (street, zip) = (normalised(street)?, zip5(zip)?);
        let name = street.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        (!name.is_empty() && name.len() < street.len()).then(|| self.mark("street", &format!("{name} {zip}"))).flatten()
    }

    /// The last ten digits. Numbers of one repeated digit are what clerks write when there is none.
    pub fn phone(&self, number: &str) -> Option<Mark> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let last = digits.get(digits.len().saturating_sub(10)..)?;
        let is_one_digit = last.bytes().all(|b| Some(b) == last.bytes().next());
        (last.len() >= 7 && !is_one_digit).then(|| self.mark("phone", last)).flatten()
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).collect()
}

/// A street in lower case and short forms, without flat or room.
fn normalised(street: &str) -> Option<String> {
    let folded = fold(street.split(['#', ',']).next().unwrap_or_default());
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let kept: Vec<&str> = words
        .take_while(|word| !UNITS.contains(word))
        .map(|word| SHORT.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| short))
        .collect();
    (!kept.is_empty()).then(|| kept.join(" "))
}

fn zip5(zip: &str) -> Option<String> {
    let digits: String = zip.trim().chars().take_while(char::is_ascii_digit).collect();
    (digits.len() == 5).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_different_ways_has_one_mark() {
        let marks = Marks::new([7; 32]);
        for (a, b) in [("O'Brien", "OBRIEN"), ("Núñez", "NUNEZ"), ("van der Berg", "Vanderberg"), ("McAllister", "Mc Allister")]
        {
            assert!(marks.surname(a).iter().any(|mark| marks.surname(b).contains(mark)), "{a} {b}");
        }
        // A double name shares with either of its parts, and particles are no names.
        let double = marks.surname("García-López");
        assert!(["Garcia", "LOPEZ", "Garcia Lopez"].iter().all(|name| marks.surname(name).iter().any(|m| double.contains(m))));
        let (berg, dijk) = (marks.surname("van der Berg"), marks.surname("van der Dijk"));
        assert!(!berg.iter().any(|mark| dijk.contains(mark)));
        assert!(marks.surname(" -' ").is_empty());
        for (a, b) in
            [("12 Elm Avenue", "12 ELM AVE."), ("12 Elm Ave Apt 4", "12 elm ave, rear"), ("12 Elm Ave #3", "12  Elm Ave")]
        {
            assert_eq!(marks.household(a, "05901"), marks.household(b, "05901-1234"), "{a} {b}");
            assert!(marks.household(a, "05901").is_some());
        }
        assert_eq!(marks.street("12 Elm Ave", "05901"), marks.street("14 Elm Avenue", "05901"));
        assert_ne!(marks.street("12 Elm Ave", "05901"), marks.street("12 Elm Ave", "05902"));
        assert_eq!(marks.phone("+1 (802) 555-0147"), marks.phone("802.555.0147"));
    }

    #[test]
    fn what_says_nothing_has_no_mark_and_keys_part_installations() {
        let marks = Marks::new([7; 32]);
        assert_eq!((marks.household("", "05901"), marks.household("Elm Ave", "05901")), (None, None));
        assert_eq!((marks.household("12 Elm Ave", "unknown"), marks.street("Elm Ave", "05901")), (None, None));
        assert_eq!((marks.phone("999-999-9999"), marks.phone("12345"), marks.full_name("", "Quill")), (None, None, None));
        assert_ne!(marks.phone("8025550147"), Marks::new([8; 32]).phone("8025550147"));
        assert_eq!(format!("{marks:?}"), "Marks(…)");
    }
}
