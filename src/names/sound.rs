//! How a name sounds: a key of consonants that names heard alike share (`Smith` and `Smyth`, `Katherine` and `Catarina`).
//! After the idea of Metaphone, simplified, for English and Spanish spellings.
//!
//! Not for: ranking; a sound match is the weakest way to match.

/// The key of one folded name token; empty when it is too short or not in Latin letters.
pub fn sound(token: &str) -> String {
    if token.len() < 3 || !token.bytes().all(|b| b.is_ascii_lowercase()) {
        return String::new();
    }
    let name = without_silent_start(token.as_bytes());
    let mut key = String::new();
    let mut i = 0;
    while i < name.len() {
        let (sounds, used) = one(name, i);
        for c in sounds.chars() {
            // Doubled sounds are heard once.
            if !key.ends_with(c) {
                key.push(c);
            }
        }
        i += used;
    }
    key
}

/// Letters at the start that are written and not spoken.
fn without_silent_start(name: &[u8]) -> &[u8] {
    match name {
        [b'k' | b'g' | b'p', b'n', ..] | [b'w', b'r', ..] | [b'p', b's', ..] => &name[1..],
        _ => name,
    }
}

/// The sound at `i` and how many letters it took. Vowels count only at the start, where all sound alike.
fn one(name: &[u8], i: usize) -> (&'static str, usize) {
    let at = |k: usize| name.get(i + k).copied().unwrap_or(0);
    let front = |c: u8| matches!(c, b'e' | b'i' | b'y');
    let vowel = |c: u8| matches!(c, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    match name[i] {
        b'a' | b'e' | b'i' | b'o' | b'u' => (if i == 0 { "A" } else { "" }, 1),
        b'y' => (if i == 0 { "A" } else { "" }, 1),
        b'b' if at(1) == 0 && i > 0 && name[i - 1] == b'm' => ("", 1),
        b'b' => ("B", 1),
        b'c' if at(1) == b'h' => (if i == 0 && matches!(at(2), b'r' | b'l') { "K" } else { "X" }, 2),
        b'c' if at(1) == b'k' => ("K", 2),
        b'c' if front(at(1)) => ("S", 1),
        b'c' => ("K", 1),
        b'd' if at(1) == b'g' && front(at(2)) => ("J", 2),
        b'd' if at(1) == b't' => ("T", 2),
        b'd' => ("T", 1),
        b'f' | b'v' => ("F", 1),
        b'g' if at(1) == b'h' => (if i == 0 { "K" } else { "" }, 2),
        b'g' if at(1) == b'n' && at(2) == 0 => ("N", 2),
        b'g' if front(at(1)) => ("J", 1),
        b'g' => ("K", 1),
        b'h' => (if i == 0 { "H" } else { "" }, 1),
        b'j' => ("J", 1),
        b'k' | b'q' => ("K", 1),
        b'l' => ("L", 1),
        b'm' => ("M", 1),
        b'n' => ("N", 1),
        b'p' if at(1) == b'h' => ("F", 2),
        b'p' => ("P", 1),
        b'r' => ("R", 1),
        b's' if at(1) == b'c' && at(2) == b'h' => (if at(3) == b'm' || at(3) == b'n' { "X" } else { "SK" }, 3),
        b's' if at(1) == b'h' => ("X", 2),
        b's' | b'z' => ("S", 1),
        b't' if at(1) == b'h' => ("T", 2),
        b't' if at(1) == b'c' && at(2) == b'h' => ("X", 3),
        b't' => ("T", 1),
        b'w' if vowel(at(1)) => ("W", 1),
        b'w' => ("", 1),
        b'x' => (if i == 0 { "S" } else { "KS" }, 1),
        _ => ("", 1),
    }
}

#[cfg(test)]
mod tests {
    use super::sound;

    #[test]
    fn names_heard_alike_share_a_key() {
        for (a, b) in [
            ("smith", "smyth"),
            ("catherine", "kathryn"),
            ("philips", "fillips"),
            ("knight", "nite"),
            ("wright", "rite"),
            ("gonzalez", "gonsales"),
            ("stephen", "steven"),
            ("thomas", "tomas"),
            ("meyer", "maier"),
        ] {
            assert_eq!(sound(a), sound(b), "{a} {b}");
        }
    }

    #[test]
    fn names_heard_otherwise_do_not() {
        for (a, b) in [("smith", "sims"), ("baker", "barker"), ("king", "ring"), ("lee", "leon"), ("cruz", "cuts")] {
            assert_ne!(sound(a), sound(b), "{a} {b}");
        }
        assert_eq!(sound("ng"), "");
    }
}
