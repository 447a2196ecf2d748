//! Every word that lies one slip of the finger from a typed one (Damerau-Levenshtein distance 1).
//!
//! Not for: looking them up (`patients`).

/// The slip that leads from the recorded name to the typed one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slip {
    Missing,
    Added,
    Changed,
    Swapped,
}

impl Slip {
    /// As said in a reason; `{}` stands for the name.
    pub fn words(self) -> &'static str {
        match self {
            Slip::Missing => "{} with one letter missing",
            Slip::Added => "{} with one letter added",
            Slip::Changed => "{} with one letter changed",
            Slip::Swapped => "{} with two letters swapped",
        }
    }
}

/// Calls `each` with every recorded name that `typed` may stand for, and the slip. Recorded letters are a to z.
pub fn for_each_slip(typed: &str, mut each: impl FnMut(&str, Slip)) {
    let letters: Vec<char> = typed.chars().collect();
    let mut name = String::with_capacity(typed.len() + 4);
    let mut build = |head: &[char], middle: &[char], tail: &[char], slip: Slip| {
        name.clear();
        name.extend(head.iter().chain(middle).chain(tail));
        each(&name, slip);
    };
    for i in 0..letters.len() {
        let (head, tail) = (&letters[..i], &letters[i + 1..]);
        build(head, &[], tail, Slip::Added);
        for c in 'a'..='z' {
            if c != letters[i] {
                build(head, &[c], tail, Slip::Changed);
            }
        }
        if i + 1 < letters.len() && letters[i] != letters[i + 1] {
            build(head, &[letters[i + 1], letters[i]], &letters[i + 2..], Slip::Swapped);
        }
    }
    for i in 0..=letters.len() {
        for c in 'a'..='z' {
            build(&letters[..i], &[c], &letters[i..], Slip::Missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_slips_are_made_and_nothing_farther() {
        let mut seen = Vec::new();
        for_each_slip("quil", |name, slip| seen.push((name.to_string(), slip)));
        for (name, slip) in [
            ("quill", Slip::Missing),
            ("qui", Slip::Added),
            ("quid", Slip::Changed),
            ("qiul", Slip::Swapped),
            ("aquil", Slip::Missing),
        ] {
            assert!(seen.contains(&(name.to_string(), slip)), "{name}");
        }
        assert!(!seen.iter().any(|(name, _)| name == "quil" || name == "quills"));
        assert_eq!(seen.len(), 4 + 4 * 25 + 3 + 5 * 26);
    }
}
