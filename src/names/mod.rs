//! How people's names are compared: without accents and case, cut into tokens, by sound, by nickname.
//!
//! Not for: finding patients (`index`), or deciding that two of them are one person (`identity`).

mod nicknames;
mod sound;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

pub use nicknames::nicknames;
pub use sound::sound;

/// Longest name token, in bytes.
const TOKEN_BYTES_MAX: usize = 64;

/// Lower case without accents: `Núñez` → `nunez`, `Straße` → `strasse`. Letters of other scripts stay.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'þ' => folded.push_str("th"),
            '\u{307}' => {}
            _ => folded.push(c),
        }
    }
    folded
}

/// The tokens of a name, folded: its parts at blanks, hyphens and points; with apostrophes both joined and parted
/// (`O'Brien`: obrien, o, brien); of several parts also all as one (`van der Berg`: vanderberg).
pub fn tokens(name: &str) -> Vec<String> {
    let folded = fold(name);
    let is_mark = |c: char| matches!(c, '\'' | '’' | '‘' | '`' | 'ʼ');
    let mut tokens: Vec<String> = Vec::new();
    let parts: Vec<&str> =
        folded.split(|c: char| !(c.is_alphanumeric() || is_mark(c))).filter(|p| p.chars().any(char::is_alphanumeric)).collect();
    for part in &parts {
        let pieces: Vec<&str> = part.split(is_mark).filter(|p| !p.is_empty()).collect();
        if pieces.len() > 1 {
            tokens.extend(pieces.iter().map(|p| p.to_string()));
        }
        tokens.push(pieces.concat());
    }
    if parts.len() > 1 {
        tokens.push(parts.concat().replace(is_mark, ""));
    }
    tokens.retain(|t| t.len() <= TOKEN_BYTES_MAX);
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_takes_accents_and_case_away() {
        assert_eq!(fold("NÚÑEZ"), "nunez");
        assert_eq!(fold("Nu\u{301}n\u{303}ez"), "nunez");
        assert_eq!(fold("Straße Łódź Ærø"), "strasse lodz aero");
    }

    #[test]
    fn names_are_cut_into_every_usual_form() {
        assert_eq!(tokens("O’Brien"), ["o", "brien", "obrien"]);
        assert_eq!(tokens("van der Bérg"), ["van", "der", "berg", "vanderberg"]);
        assert_eq!(tokens("García-López"), ["garcia", "lopez", "garcialopez"]);
        assert!(tokens(" -' ").is_empty());
    }
}
