//! How a term is found: letters are compared without case, accents' composition, ligatures, blanks' kind and length, soft
//! hyphens, invisible marks, and the hyphen at the end of a line.
//!
//! A term is found wherever its letters stand, inside longer words too, unless it asks for whole words. Letters that are set
//! apart by single blanks (`S m i t h`), or names run together, are found where both ends are ends of words; a blank that
//! stands in every other place would find `HIV` in `with IV fluids`.
//!
//! On paper a line may end after any hyphen, and then nobody can tell whether the hyphen was written or broke a word. So in a text
//! that was not set yet every hyphen inside a word counts as either, and whatever the finished page can be read as was found before.
//!
//! Not for: what is done with the place (`words`, `pixels`).

use std::ops::Range;

use memchr::memmem;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::Redactions;

/// How the text came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// As it is read, before it was cut into lines.
    Written,
    /// As glyphs were drawn: letters that run to the left may stand in the order of the eye.
    Drawn,
}

/// A place of a term in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    /// Bytes of the text.
    pub at: Range<usize>,
    /// Place of the term in the redactions.
    pub term: usize,
}

/// Terms, ready to be looked for.
#[derive(Clone, Debug, Default)]
pub struct Needles(Vec<Needle>);

#[derive(Clone, Debug)]
struct Needle {
    term: usize,
    text: String,
    squeezed: String,
    bare: Bare,
    is_whole: bool,
    is_leftward: bool,
}

/// A term without the hyphens inside it; whether one opens it or closes it.
#[derive(Clone, Debug)]
struct Bare {
    text: String,
    opens: bool,
    closes: bool,
}

/// Which terms are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Those that bear on an item, those of all items included.
    Item(usize),
    /// Those of all items.
    Everywhere,
    /// Every one.
    Any,
}

impl Needles {
    pub fn of(redactions: &Redactions, scope: Scope) -> Needles {
        let bears = |item: Option<usize>| match scope {
            Scope::Item(n) => item.is_none_or(|item| item == n),
            Scope::Everywhere => item.is_none(),
            Scope::Any => true,
        };
        let terms = redactions.terms.iter().enumerate().filter(|(_, term)| bears(term.item));
        Needles(terms.filter_map(|(number, term)| Needle::of(number, &term.text, term.is_whole_word)).collect())
    }

    /// One text, whatever the redactions say.
    pub fn one(text: &str) -> Needles {
        Needles(Needle::of(0, text, false).into_iter().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every place of a term, by where it begins.
    pub fn hits(&self, text: &str, order: Order) -> Vec<Hit> {
        if self.0.is_empty() || text.is_empty() {
            return Vec::new();
        }
        let units = Units::of(text.char_indices());
        let mut hits = self.in_units(&units);
        if order == Order::Written && units.has_joints() {
            self.seek_bare(&units, &mut hits);
        }
        let leftward = order == Order::Drawn && self.0.iter().any(|needle| needle.is_leftward);
        if leftward {
            let mut found = self.in_units(&Units::of(text.char_indices().rev()));
            found.retain(|hit| self.0.iter().any(|needle| needle.term == hit.term && needle.is_leftward));
            hits.append(&mut found);
        }
        hits.sort_by_key(|hit| (hit.at.start, hit.at.end, hit.term));
        hits.dedup();
        hits
    }

    /// Whether a term stands in a text.
    pub fn find(&self, text: &str, order: Order) -> Option<usize> {
        self.hits(text, order).first().map(|hit| hit.term)
    }

    /// The longest term in letters: what two pages have to share of each other to see a term between them.
    pub fn reach(&self) -> usize {
        self.0.iter().map(|needle| needle.text.chars().count()).max().unwrap_or(0)
    }

    fn in_units(&self, units: &Units) -> Vec<Hit> {
        let mut hits = Vec::new();
        let plain = units.line(Line::Plain);
        self.seek(units, &plain, &mut hits);
        if units.has_broken_words() {
            self.seek(units, &units.line(Line::Joined), &mut hits);
            self.seek(units, &units.line(Line::Hyphened), &mut hits);
        }
        let squeezed = units.line(Line::Squeezed);
        for needle in &self.0 {
            for at in memmem::find_iter(squeezed.text.as_bytes(), needle.squeezed.as_bytes()) {
                let place = squeezed.units(at, needle.squeezed.len());
                if units.is_edge(place.start) && units.is_edge(place.end) {
                    hits.extend(units.hit(place, needle.term));
                }
            }
        }
        hits
    }

    /// Every place where a term stands if each hyphen inside a word may be none, or end a line.
    fn seek_bare(&self, units: &Units, hits: &mut Vec<Hit>) {
        let line = units.line(Line::Bare);
        for needle in self.0.iter().filter(|needle| !needle.bare.text.is_empty()) {
            for at in memmem::find_iter(line.text.as_bytes(), needle.bare.text.as_bytes()) {
                let place = units.widened(line.units(at, needle.bare.text.len()), &needle.bare);
                let is_word = |place: &Range<usize>| units.is_edge(place.start) && units.is_edge(place.end);
                if let Some(place) = place.filter(|place| !needle.is_whole || is_word(place)) {
                    hits.extend(units.hit(place, needle.term));
                }
            }
        }
    }

    fn seek(&self, units: &Units, line: &Laid, hits: &mut Vec<Hit>) {
        for needle in &self.0 {
            for at in memmem::find_iter(line.text.as_bytes(), needle.text.as_bytes()) {
                let place = line.units(at, needle.text.len());
                if !needle.is_whole || (units.is_edge(place.start) && units.is_edge(place.end)) {
                    hits.extend(units.hit(place, needle.term));
                }
            }
        }
    }
}

impl Needle {
    /// `None`: no letter is left to look for.
    fn of(term: usize, text: &str, is_whole: bool) -> Option<Needle> {
        let units = Units::of(text.char_indices());
        let bare = Bare::of(units.line(Line::Bare).text.trim());
        let text = units.line(Line::Plain).text.trim().to_owned();
        let squeezed: String = text.chars().filter(|c| *c != ' ').collect();
        let is_leftward = text.chars().any(is_leftward);
        (!squeezed.is_empty()).then_some(Needle { term, text, squeezed, bare, is_whole, is_leftward })
    }
}

impl Bare {
    fn of(text: &str) -> Bare {
        let (opens, closes) = (text.starts_with('-'), text.ends_with('-'));
        Bare { text: text.trim_matches(['-', ' ']).to_owned(), opens, closes }
    }
}

/// How units become a line of letters.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Plain,
    /// A hyphen at the end of a line is nothing.
    Joined,
    /// A hyphen at the end of a line is one inside the word.
    Hyphened,
    /// Blanks inside a line are nothing.
    Squeezed,
    /// A hyphen inside a word is nothing, nor is a blank after it.
    Bare,
}

/// A letter to compare, and the bytes of the text that it stands for. `\n` is a blank with a line's or cell's end in it.
struct Unit {
    letter: char,
    start: u32,
    end: u32,
}

struct Units(Vec<Unit>);

struct Laid {
    text: String,
    /// The unit of each byte.
    from: Vec<u32>,
}

impl Laid {
    fn units(&self, at: usize, length: usize) -> Range<usize> {
        let first = self.from.get(at).map_or(0, |unit| *unit as usize);
        let last = self.from.get(at + length - 1).map_or(first, |unit| *unit as usize);
        first..last + 1
    }
}

impl Units {
    fn of(characters: impl Iterator<Item = (usize, char)>) -> Units {
        let mut units: Vec<Unit> = Vec::new();
        for (at, character) in characters {
            let (start, end) = (at as u32, (at + character.len_utf8()) as u32);
            let before = units.len();
            if !is_ignored(character) {
                for part in std::iter::once(character).nfkd().filter(|part| canonical_combining_class(*part) == 0) {
                    letters(part, |letter| units.push(Unit { letter, start, end }));
                }
            }
            match units.get_mut(before..) {
                // Marks belong to the letter that bears them.
                Some([]) => {
                    if let Some(last) = units.last_mut() {
                        (last.start, last.end) = (last.start.min(start), last.end.max(end));
                    }
                }
                Some([blank]) if blank.letter == ' ' || blank.letter == '\n' => {
                    let letter = blank.letter;
                    if let Some([last, _]) = units.last_chunk_mut()
                        && (last.letter == ' ' || last.letter == '\n')
                    {
                        (last.start, last.end) = (last.start.min(start), last.end.max(end));
                        if letter == '\n' {
                            last.letter = '\n';
                        }
                        units.pop();
                    }
                }
                _ => {}
            }
        }
        Units(units)
    }

    fn letter(&self, at: usize) -> Option<char> {
        self.0.get(at).map(|unit| unit.letter)
    }

    /// Whether a hyphen at the end of a line stands here, inside a word.
    fn is_break(&self, at: usize) -> bool {
        let is_word = |at: Option<usize>| at.and_then(|at| self.letter(at)).is_some_and(char::is_alphanumeric);
        self.letter(at) == Some('-') && self.letter(at + 1) == Some('\n') && is_word(at.checked_sub(1)) && is_word(Some(at + 2))
    }

    fn has_broken_words(&self) -> bool {
        (0..self.0.len()).any(|at| self.is_break(at))
    }

    fn is_blank(&self, at: usize) -> bool {
        matches!(self.letter(at), Some(' ' | '\n'))
    }

    /// Whether a hyphen stands here between letters, right before the second or with a blank there: where a line can end on paper
    /// so that the hyphen seems to break a word. How many units that are; 0: none does.
    fn joint(&self, at: usize) -> usize {
        let is_word = |at: Option<usize>| at.and_then(|at| self.letter(at)).is_some_and(char::is_alphanumeric);
        let length = if self.is_blank(at + 1) { 2 } else { 1 };
        let is_joint = self.letter(at) == Some('-') && is_word(at.checked_sub(1)) && is_word(Some(at + length));
        if is_joint { length } else { 0 }
    }

    fn has_joints(&self) -> bool {
        (0..self.0.len()).any(|at| self.joint(at) > 0)
    }

    /// The place of a bare term with the hyphens that open and close it; `None`: they are not there.
    fn widened(&self, place: Range<usize>, bare: &Bare) -> Option<Range<usize>> {
        let is_hyphen = |at: &usize| self.letter(*at) == Some('-');
        let before = place.start.checked_sub(1);
        let before = if before.is_some_and(|at| self.is_blank(at)) { place.start.checked_sub(2) } else { before };
        let start = if bare.opens { before.filter(is_hyphen)? } else { place.start };
        let end = if bare.closes { Some(place.end).filter(is_hyphen)? + 1 } else { place.end };
        Some(start..end)
    }

    /// Whether a word begins or ends before this unit.
    fn is_edge(&self, at: usize) -> bool {
        let is_word = |at: Option<usize>| at.and_then(|at| self.letter(at)).is_some_and(char::is_alphanumeric);
        !(is_word(at.checked_sub(1)) && is_word(Some(at)))
    }

    fn line(&self, kind: Line) -> Laid {
        let mut laid = Laid { text: String::with_capacity(self.0.len()), from: Vec::with_capacity(self.0.len()) };
        let mut at = 0;
        while let Some(unit) = self.0.get(at) {
            if kind == Line::Bare && self.joint(at) > 0 {
                at += self.joint(at);
                continue;
            }
            let letter = match unit.letter {
                '-' if kind != Line::Plain && kind != Line::Squeezed && self.is_break(at) => {
                    if kind == Line::Joined {
                        at += 2;
                        continue;
                    }
                    '-'
                }
                ' ' if kind == Line::Squeezed => {
                    at += 1;
                    continue;
                }
                '\n' if kind != Line::Squeezed => ' ',
                letter => letter,
            };
            laid.text.push(letter);
            laid.from.extend(std::iter::repeat_n(at as u32, letter.len_utf8()));
            at += if kind == Line::Hyphened && self.is_break(at) { 2 } else { 1 };
        }
        laid
    }

    fn hit(&self, place: Range<usize>, term: usize) -> Option<Hit> {
        let units = self.0.get(place)?;
        let start = units.iter().map(|unit| unit.start).min()?;
        let end = units.iter().map(|unit| unit.end).max()?;
        Some(Hit { at: start as usize..end as usize, term })
    }
}

/// The letters that a decomposed character is compared by.
fn letters(character: char, mut put: impl FnMut(char)) {
    match character {
        '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => put('\n'),
        blank if blank.is_whitespace() => put(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' => put('-'),
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2bc}' | '`' | '\u{b4}' => put('\''),
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => put('"'),
        'ß' | 'ẞ' => "ss".chars().for_each(put),
        'ı' => put('i'),
        'ς' => put('σ'),
        _ => character.to_lowercase().filter(|letter| canonical_combining_class(*letter) == 0).for_each(|letter| {
            put(if letter == 'ς' { 'σ' } else { letter });
        }),
    }
}

/// Characters that show nothing, or act: a word with one inside reads as without it.
fn is_ignored(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{640}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => character.is_control(),
    }
}

fn is_leftward(letter: char) -> bool {
    matches!(u32::from(letter), 0x590..=0x8ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x1_0800..=0x1_0fff | 0x1_e800..=0x1_efff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::redaction::Term;

    fn found(term: &str, text: &str, order: Order) -> Vec<String> {
        Needles::one(term).hits(text, order).into_iter().map(|hit| text[hit.at].to_owned()).collect()
    }

    /// Each way in which a word can be written so that an eye reads it and a search for its bytes does not.
    #[test]
    fn a_term_is_found_however_it_is_written() {
        let rows = [
            ("John Smith", "JOHN  SMITH", "JOHN  SMITH"),
            ("John Smith", "of John\nSmith, his", "John\nSmith"),
            ("John Smith", "of John\u{a0}\r\n\t Smith", "John\u{a0}\r\n\t Smith"),
            ("John Smith", "John\u{2003}\u{202f}Smith", "John\u{2003}\u{202f}Smith"),
            ("Smith", "Blacksmiths", "smith"),
            ("Smith", "Smi\u{ad}th", "Smi\u{ad}th"),
            ("Smith", "Sm\u{200b}i\u{200d}t\u{feff}h", "Sm\u{200b}i\u{200d}t\u{feff}h"),
            ("Smith", "Smi\u{1}th", "Smi\u{1}th"),
            ("Smith", "Smi-\nth went", "Smi-\nth"),
            ("Smith", "S m i t h", "S m i t h"),
            ("John Smith", "seen by JohnSmith today", "JohnSmith"),
            ("follow-up", "a follow-\nup visit", "follow-\nup"),
            ("follow-up", "a follow\u{2011}up", "follow\u{2011}up"),
            ("José", "JOSE\u{301}", "JOSE\u{301}"),
            ("Jose\u{301}", "José", "José"),
            ("Müller", "MU\u{308}LLER", "MU\u{308}LLER"),
            ("fifi", "a \u{fb01}\u{fb01} b", "\u{fb01}\u{fb01}"),
            ("office", "o\u{fb03}ce", "o\u{fb03}ce"),
            ("if", "\u{fb01}f", "\u{fb01}f"),
            ("Straße", "STRASSE", "STRASSE"),
            ("STRASSE", "Straße", "Straße"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς", "οδυσσευς"),
            ("İstanbul", "istanbul", "istanbul"),
            ("O'Brien", "O’BRIEN", "O’BRIEN"),
            ("AB12", "\u{ff21}\u{ff22}\u{ff11}\u{ff12}", "\u{ff21}\u{ff22}\u{ff11}\u{ff12}"),
            ("שלום", "אמר שָׁלוֹם לך", "שָׁלוֹם"),
            ("한국", "\u{1112}\u{1161}\u{11ab}국", "\u{1112}\u{1161}\u{11ab}국"),
            ("日本", "日\n本", ""),
            ("HIV", "with IV fluids, HI\nV", ""),
            ("Zauberberg", "Herr Zauber-berg went", "Zauber-berg"),
            ("Zauberberg", "Herr Zau-ber- berg went", "Zau-ber- berg"),
            ("Jean-Luc", "as Jean- Luc says", "Jean- Luc"),
            ("Jean-Luc", "as Jean\u{2013}luc, JeanLuc", "Jean\u{2013}luc"),
            ("-Luc", "as Jean- Luc says, or Luc", "- Luc"),
            ("Jean-", "as x-Je-an-Luc says", "Je-an-"),
            ("Jean- Luc", "as Jean-Luc says", "Jean-Luc"),
            ("Jean-", "as Jean Luc - says", ""),
            ("ab", "a--b a - b a -b", ""),
            ("Smith", "Smih Simth", ""),
        ];
        for (term, text, place) in rows {
            let hits = found(term, text, Order::Written);
            assert_eq!(hits.first().map_or("", String::as_str), place, "{term:?} in {text:?}: {hits:?}");
        }
    }

    /// On paper a line ends where it ends: a hyphen that stands inside one was written.
    #[test]
    fn a_hyphen_inside_a_drawn_line_is_a_hyphen() {
        assert!(found("HIV", "with-IV fluids", Order::Drawn).is_empty());
        assert_eq!(found("HIV", "with-\nIV fluids", Order::Drawn), ["h-\nIV"]);
        assert_eq!(found("HIV", "with-IV fluids", Order::Written), ["h-IV"], "since a line may end there");
        assert_eq!(found("Smith-Jones", "Smith-Jones", Order::Written), ["Smith-Jones"]);
    }

    #[test]
    fn drawn_letters_that_run_to_the_left_are_found_turned_around() {
        let turned: String = "שלום".chars().rev().collect();
        assert_eq!(found("שלום", &turned, Order::Drawn), std::slice::from_ref(&turned));
        assert!(found("שלום", &turned, Order::Written).is_empty());
        assert!(found("Smith", "htimS", Order::Drawn).is_empty());
        // Lam and alef are one glyph that stands for both.
        let drawn: String = "س\u{fefb}م".chars().rev().collect();
        assert_eq!(found("سلام", &drawn, Order::Drawn), std::slice::from_ref(&drawn));
    }

    #[test]
    fn whole_words_are_asked_for() {
        let term = |text: &str| Term { text: text.into(), is_whole_word: true, ..Term::default() };
        let redactions = Redactions { terms: vec![term("Ann")], ..Redactions::default() };
        let needles = Needles::of(&redactions, Scope::Any);
        let text = "Annual report of Ann's, by ANN.";
        let hits: Vec<&str> = needles.hits(text, Order::Written).into_iter().map(|hit| &text[hit.at]).collect();
        assert_eq!(hits, ["Ann", "ANN"]);
    }

    #[test]
    fn a_term_without_letters_finds_nothing() {
        for term in ["", "  ", "\u{ad}", "\u{301}"] {
            assert!(Needles::one(term).is_empty(), "{term:?}");
        }
    }
}
