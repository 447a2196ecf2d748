//! The passage of a text that shows best why it matched, with its matching words marked.
//!
//! Not for: HTML. Snippet and marks are plain text and byte ranges; whoever shows them escapes them.

use std::ops::Range;

use super::words::{Stems, next_word, stemmed};
use super::{Searcher, TextQuestion};

/// Length of a snippet and of the part that the marks are chosen for, in bytes.
const SNIPPET_BYTES: usize = 200;
const CORE_BYTES: usize = 150;
/// Matching words looked at, in one text.
const MATCHES_MAX: usize = 4096;

/// A word of the text that stands in the question.
struct Match {
    bytes: Range<usize>,
    /// Counted in words.
    position: usize,
    /// Which stem of the question.
    stem: usize,
}

/// A passage of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snippet {
    /// As one line, with ellipses where the text goes on.
    pub line: String,
    /// The byte ranges of the matching words in it.
    pub marks: Vec<Range<usize>>,
    /// Where in the text the words begin that it was chosen for; unknown without any.
    pub at: Option<usize>,
}

impl Searcher {
    /// The best passage of `text` for a question, about 200 characters of plain text.
    pub fn snippet(&self, question: &TextQuestion, text: &str) -> Snippet {
        snippet(question, text)
    }
}

/// The best passage of `text`. Words match as they do in the search; the words of a phrase match only where the whole
/// phrase stands. Without any match: the beginning.
pub fn snippet(question: &TextQuestion, text: &str) -> Snippet {
    let shown = matches(question, text);
    let core = core(&shown);
    let at = (!core.is_empty()).then_some(core.start);
    let (line, marks) = cut(text, around(text, core), &shown);
    Snippet { line, marks, at }
}

/// The byte ranges of all words of `text` that match, the first few thousand of them, in order.
pub fn marks(question: &TextQuestion, text: &str) -> Vec<Range<usize>> {
    matches(question, text).into_iter().map(|m| m.bytes).collect()
}

fn matches(question: &TextQuestion, text: &str) -> Vec<Match> {
    let mut stems = Stems::new();
    let mut wanted: Vec<String> = Vec::new();
    let mut index_of = |stem: String| {
        wanted.iter().position(|w| *w == stem).unwrap_or_else(|| {
            wanted.push(stem);
            wanted.len() - 1
        })
    };
    let mut singles = Vec::new();
    let mut phrases: Vec<Vec<usize>> = Vec::new();
    for part in question.words.iter().cloned().chain(question.phrases.iter().map(|words| words.join(" "))) {
        let found: Vec<usize> = stemmed(&mut stems, &part).into_iter().map(|(_, stem)| index_of(stem)).collect();
        match found.as_slice() {
            [] => {}
            [one] => singles.push(*one),
            _ => phrases.push(found),
        }
    }
    shown(find(text, &wanted, &mut stems), &singles, &phrases)
}

/// The first words of `text` whose stem is wanted.
fn find(text: &str, wanted: &[String], stems: &mut Stems) -> Vec<Match> {
    // No English suffix rule changes a first letter, so most words need no stemming.
    let mut starts = [false; 256];
    wanted.iter().filter_map(|w| w.bytes().next()).for_each(|b| starts[usize::from(b)] = true);
    let (mut at, mut matches) = (0, Vec::new());
    for position in 0.. {
        let Some(bytes) = next_word(text, at).filter(|_| !wanted.is_empty() && matches.len() < MATCHES_MAX) else { break };
        at = bytes.end;
        let word = &text[bytes.clone()];
        let first = word.as_bytes()[0].to_ascii_lowercase();
        if (starts[usize::from(first)] || !word.is_ascii())
            && let Some(stem) = wanted.iter().position(|w| w == stems.stem(word))
        {
            matches.push(Match { bytes, position, stem });
        }
    }
    matches
}

/// The matches that count: single words, and words of a phrase that stands there whole.
fn shown(matches: Vec<Match>, singles: &[usize], phrases: &[Vec<usize>]) -> Vec<Match> {
    let mut counts: Vec<bool> = matches.iter().map(|m| singles.contains(&m.stem)).collect();
    for phrase in phrases {
        for i in 0..matches.len().saturating_sub(phrase.len() - 1) {
            let run = &matches[i..i + phrase.len()];
            let whole =
                run.iter().zip(phrase).enumerate().all(|(k, (m, stem))| m.stem == *stem && m.position == run[0].position + k);
            if whole {
                counts[i..i + phrase.len()].fill(true);
            }
        }
    }
    matches.into_iter().zip(counts).filter(|(_, counts)| *counts).map(|(m, _)| m).collect()
}

/// The bytes of the run of matches with the most different words, then the most words, then the first.
fn core(shown: &[Match]) -> Range<usize> {
    let mut best = (0, 0, 0..0);
    for (i, first) in shown.iter().enumerate() {
        let run = shown[i..].iter().take_while(|m| m.bytes.end <= first.bytes.start + CORE_BYTES);
        let (mut different, mut count, mut end) = (Vec::new(), 0, first.bytes.end);
        for m in run {
            if !different.contains(&m.stem) {
                different.push(m.stem);
            }
            count += 1;
            end = m.bytes.end;
        }
        if (different.len(), count) > (best.0, best.1) {
            best = (different.len(), count, first.bytes.start..end);
        }
    }
    best.2
}

/// The byte range to show around a run of matches.
fn around(text: &str, core: Range<usize>) -> Range<usize> {
    let spare = SNIPPET_BYTES.saturating_sub(core.len());
    let start = core.start.saturating_sub(spare / 2);
    let end = (start + SNIPPET_BYTES).max(core.end).min(text.len());
    let start = end.saturating_sub(SNIPPET_BYTES).min(start);
    word_start(text, start, core.start)..word_end(text, end, core.end)
}

/// The first place at or after `at`, not after `limit`, where no word is cut.
fn word_start(text: &str, at: usize, limit: usize) -> usize {
    let at = text.ceil_char_boundary(at);
    if at == 0 {
        return 0;
    }
    let space = text[at..limit.max(at)].find(char::is_whitespace);
    space.map_or(limit.max(at), |space| at + space)
}

/// The last place at or before `at`, not before `limit`, where no word is cut.
fn word_end(text: &str, at: usize, limit: usize) -> usize {
    let at = text.floor_char_boundary(at);
    if at == text.len() {
        return at;
    }
    let space = text[limit.min(at)..at].rfind(char::is_whitespace);
    space.map_or(at, |space| limit.min(at) + space)
}

/// The passage as one line, white space runs as one blank, with the marks moved along.
fn cut(text: &str, passage: Range<usize>, shown: &[Match]) -> (String, Vec<Range<usize>>) {
    let (mut snippet, mut marks) = (String::with_capacity(SNIPPET_BYTES + 8), Vec::new());
    if passage.start > 0 {
        snippet.push('…');
    }
    let mut inside = shown.iter().filter(|m| passage.start <= m.bytes.start && m.bytes.end <= passage.end).peekable();
    let mut mark_start = 0;
    for (i, c) in text[passage.clone()].char_indices() {
        let at = passage.start + i;
        if inside.peek().is_some_and(|m| m.bytes.start == at) {
            mark_start = snippet.len();
        }
        if !(c.is_whitespace() || c.is_control()) {
            snippet.push(c);
        } else if !snippet.is_empty() && !snippet.ends_with(' ') {
            snippet.push(' ');
        }
        if inside.next_if(|m| m.bytes.end == at + c.len_utf8()).is_some() {
            marks.push(mark_start..snippet.len());
        }
    }
    snippet.truncate(snippet.trim_end().len());
    if passage.end < text.len() {
        snippet.push_str(" …");
    }
    (snippet, marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::parse_question;

    fn marked(question: &str, text: &str) -> (String, Vec<String>) {
        let (words, phrases) = parse_question(question);
        let Snippet { line, marks, at } = snippet(&TextQuestion { words, phrases, ..Default::default() }, text);
        assert_eq!(at.is_some(), !marks.is_empty());
        let words = marks.into_iter().map(|m| line[m].to_string()).collect();
        (line, words)
    }

    #[test]
    fn stems_are_marked_at_their_bytes() {
        let (line, words) = marked("complain FIEVRE", "Mme Été  complained\n\tof fièvre; complains since.");
        assert_eq!(line, "Mme Été complained of fièvre; complains since.");
        assert_eq!(words, ["complained", "fièvre", "complains"]);
        let question = TextQuestion { words: vec!["complain".into()], ..Default::default() };
        assert_eq!(marks(&question, "Complains, as he complained"), [0..9, 17..27]);
    }

    #[test]
    fn the_words_of_a_phrase_are_marked_only_together() {
        let (_, words) = marked("\"chest pain\"", "Pain in the chest. No chest pain now. Chest clear.");
        assert_eq!(words, ["chest", "pain"]);
    }

    #[test]
    fn the_passage_with_most_words_is_chosen_from_a_long_text() {
        let filler = "The quick brown fox jumps over the lazy dog. ".repeat(50);
        let text = format!("troponin first. {filler}Here troponin I was raised with ST elevation. {filler}");
        let (line, words) = marked("troponin elevation", &text);
        assert_eq!(words, ["troponin", "elevation"]);
        assert!(line.starts_with('…') && line.ends_with(" …") && line.len() < 230, "{line}");
    }

    #[test]
    fn without_a_match_the_beginning_is_shown_and_odd_texts_do_no_harm() {
        assert_eq!(marked("absent", "Short text."), ("Short text.".into(), vec![]));
        assert_eq!(marked("", ""), (String::new(), vec![]));
        for text in ["x".repeat(1000), "é".repeat(1000), "界 ".repeat(500), "a\u{301}".repeat(400), "\u{0}\n".repeat(300)] {
            let (line, _) = marked("a x é 界", &text);
            assert!(line.len() <= 1010);
        }
    }
}
