//! Words: how text becomes index terms, the same way for indexing, for questions and for marking hits.
//!
//! Not for: names of people (`names`), which are never stemmed.

use ahash::AHashMap;
use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer};
use unicode_normalization::char::is_combining_mark;

use std::ops::Range;

use crate::names::fold;

/// Longer runs of letters and digits (base64, digests) are not words; they keep their position and are not indexed.
const WORD_BYTES_MAX: usize = 80;
/// Words whose stem is remembered by one analyzer; notes repeat a small vocabulary, stemming is the dear part.
const STEMS_MAX: usize = 50_000;
/// Most words and phrases taken from one question.
const QUESTION_WORDS_MAX: usize = 32;

/// The byte range of the next word at or after `from`: a run of letters, digits and combining marks.
pub fn next_word(text: &str, from: usize) -> Option<Range<usize>> {
    let mut start = None;
    let mut at = from;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let (inside, length) = if bytes[at].is_ascii() {
            (bytes[at].is_ascii_alphanumeric(), 1)
        } else {
            let c = text[at..].chars().next()?;
            (c.is_alphanumeric() || is_combining_mark(c), c.len_utf8())
        };
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(start)) => return Some(start..at),
            _ => {}
        }
        at += length;
    }
    start.map(|start| start..at)
}

/// Gives a word its index term: folded, then stemmed as English. Remembers what it has seen.
#[derive(Clone)]
pub struct Stems {
    known: AHashMap<Box<str>, Box<str>>,
    stemmer: TextAnalyzer,
}

impl Stems {
    pub fn new() -> Stems {
        let stemmer = TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
        Stems { known: AHashMap::new(), stemmer }
    }

    /// The term of one word as it stands in a text; empty when it is too long to be one.
    pub fn stem(&mut self, word: &str) -> &str {
        if word.len() > WORD_BYTES_MAX {
            return "";
        }
        if !self.known.contains_key(word) {
            if self.known.len() >= STEMS_MAX {
                self.known.clear();
            }
            let folded = fold(word);
            let mut stream = self.stemmer.token_stream(&folded);
            let stem: Box<str> = if stream.advance() { stream.token().text.as_str().into() } else { folded.as_str().into() };
            drop(stream);
            self.known.insert(word.into(), stem);
        }
        self.known.get(word).map_or("", |stem| stem)
    }
}

impl Tokenizer for Stems {
    type TokenStream<'a> = StemStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> StemStream<'a> {
        StemStream { stems: self, text, at: 0, token: Token::default() }
    }
}

/// The words of one text as tantivy wants them.
pub struct StemStream<'a> {
    stems: &'a mut Stems,
    text: &'a str,
    at: usize,
    token: Token,
}

impl TokenStream for StemStream<'_> {
    fn advance(&mut self) -> bool {
        while let Some(word) = next_word(self.text, self.at) {
            self.at = word.end;
            self.token.position = self.token.position.wrapping_add(1);
            let stem = self.stems.stem(&self.text[word.clone()]);
            if !stem.is_empty() {
                self.token.offset_from = word.start;
                self.token.offset_to = word.end;
                self.token.text.clear();
                self.token.text.push_str(stem);
                return true;
            }
        }
        false
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// What a person typed, as (words, phrases): text in double quotes is a phrase, all else are words. An open quote that
/// is never closed is no quote.
pub fn parse_question(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let plain = text.replace(['“', '”', '„', '«', '»'], "\"");
    let mut parts: Vec<&str> = plain.split('"').collect();
    let open = parts.len().is_multiple_of(2).then(|| parts.pop()).flatten();
    let (mut words, mut phrases) = (Vec::new(), Vec::new());
    for (i, part) in parts.iter().enumerate() {
        let found = folded_words(part);
        match (i % 2, found.len()) {
            (0, _) | (1, 0 | 1) => words.extend(found),
            _ => phrases.push(found),
        }
    }
    words.extend(open.map(folded_words).unwrap_or_default());
    words.truncate(QUESTION_WORDS_MAX);
    phrases.truncate(QUESTION_WORDS_MAX);
    (words, phrases)
}

/// All words of a text, folded, in order.
pub fn folded_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(word) = next_word(text, at) {
        at = word.end;
        words.push(fold(&text[word]));
    }
    words
}

/// The words of `text` as (position, stem).
pub fn stemmed(stems: &mut Stems, text: &str) -> Vec<(usize, String)> {
    let (mut at, mut found) = (0, Vec::new());
    for position in 0.. {
        let Some(word) = next_word(text, at) else { break };
        at = word.end;
        let stem = stems.stem(&text[word]);
        if !stem.is_empty() {
            found.push((position, stem.to_string()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_at_their_bytes_and_stemmed() {
        let mut stems = Stems::new();
        let text = "Patient’s fièvre: 38.5, Complaining";
        let mut stream = stems.token_stream(text);
        let mut seen = Vec::new();
        while stream.advance() {
            let t = stream.token();
            seen.push((text[t.offset_from..t.offset_to].to_string(), t.text.clone(), t.position));
        }
        let expected =
            [("Patient", "patient"), ("s", "s"), ("fièvre", "fievr"), ("38", "38"), ("5", "5"), ("Complaining", "complain")];
        for (i, ((word, stem, position), (w, s))) in seen.iter().zip(expected).enumerate() {
            assert_eq!((word.as_str(), stem.as_str(), *position), (w, s, i));
        }
        assert_eq!(seen.len(), expected.len());
    }

    #[test]
    fn an_overlong_run_is_skipped_but_keeps_its_place() {
        let mut stems = Stems::new();
        let text = format!("a {} b", "x".repeat(200));
        let mut stream = stems.token_stream(&text);
        assert!(stream.advance() && stream.advance());
        assert_eq!((stream.token().text.as_str(), stream.token().position), ("b", 2));
        assert!(!stream.advance());
    }

    #[test]
    fn quotes_make_phrases() {
        let (words, phrases) = parse_question("Edema “Chest  Pain” \"alone\" left");
        assert_eq!(words, ["edema", "alone", "left"]);
        assert_eq!(phrases, [["chest", "pain"]]);
        assert_eq!(parse_question("5\" scar left"), (vec!["5".into(), "scar".into(), "left".into()], vec![]));
        assert_eq!(parse_question(" \"\" !"), (vec![], vec![]));
    }
}
