//! Which line takes which words: as many as fit, ended where UAX #14 allows, and inside a word only when a line of its own is
//! too short for it.
//!
//! When a line ends inside a word, the reader of the file gets the word back whole: the part on the first line carries all of
//! its text, the part on the next one none (`ActualText`). No hyphen is ever added.
//!
//! Not for: measuring (`shape`), drawing (`canvas`).

use std::ops::Range;

use super::shape::Paragraph;

/// A line of a paragraph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub glyphs: Range<u32>,
    pub width: f32,
    /// Up to this byte the line goes on with a word that an earlier line gave whole.
    pub resumed: u32,
    /// A word, in bytes, that starts here and goes on in the next line.
    pub whole: Range<u32>,
}

/// Lines of at most this width.
pub fn wrap(paragraph: &Paragraph, width: f32) -> Vec<Line> {
    let width = width + 0.01;
    let mut lines = Vec::new();
    // The line that is open: its first glyph, its last one that is no space, its width with and without trailing spaces.
    let (mut start, mut solid, mut taken, mut solid_width) = (0, 0, 0.0f32, 0.0f32);
    let mut before = 0;
    for stop in &paragraph.stops {
        if start < before && taken + stop.solid_width > width {
            lines.push(Line { glyphs: start..solid, width: solid_width, ..Line::default() });
            (start, taken) = (before, 0.0);
        }
        if stop.solid_width > width {
            let (last, rest) = split(paragraph, before..stop.solid, width, &mut lines);
            (start, solid_width, taken) = (last, rest, rest + stop.width - stop.solid_width);
        } else {
            solid_width = taken + stop.solid_width;
            taken += stop.width;
        }
        (solid, before) = (stop.solid, stop.end);
        if stop.must {
            lines.push(Line { glyphs: start..solid, width: solid_width, ..Line::default() });
            (start, taken, solid_width) = (before, 0.0, 0.0);
        }
    }
    join_words(paragraph, &mut lines);
    lines
}

/// Cuts what is too wide for any line between letters; returns where the last part starts and its width.
fn split(paragraph: &Paragraph, glyphs: Range<u32>, width: f32, lines: &mut Vec<Line>) -> (u32, f32) {
    let (mut start, mut taken) = (glyphs.start, 0.0);
    let mut cluster = u32::MAX;
    for place in glyphs {
        let Some(glyph) = paragraph.glyphs.get(place as usize) else { break };
        if taken + glyph.advance > width && place > start && glyph.at != cluster {
            lines.push(Line { glyphs: start..place, width: taken, ..Line::default() });
            (start, taken) = (place, 0.0);
        }
        taken += glyph.advance;
        cluster = glyph.at;
    }
    (start, taken)
}

/// Finds the words that lines end inside of.
fn join_words(paragraph: &Paragraph, lines: &mut [Line]) {
    let text = paragraph.text.as_str();
    let mut resumed = 0;
    for place in 0..lines.len() {
        let next = lines.get(place + 1).map(|line| paragraph.byte(line.glyphs.start));
        let Some(line) = lines.get_mut(place) else { return };
        line.resumed = resumed;
        let Some(cut) = next.filter(|cut| *cut > resumed) else { continue };
        let Some((left, right)) = text.split_at_checked(cut as usize) else { continue };
        // Readers take a hyphen at a line's end for one that was added: a word that ends there with its own goes on, too.
        let ends_in_hyphen = left.ends_with('-');
        let is_letter = |character: char| character.is_alphanumeric() || character == '_' || ends_in_hyphen && character == '-';
        let head = left.len() - left.trim_end_matches(is_letter).len();
        let tail = right.len() - right.trim_start_matches(is_letter).len();
        if head > 0 && tail > 0 {
            line.whole = cut - head as u32..cut + tail as u32;
            resumed = line.whole.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::Run;
    use super::super::shape::{Setter, Type};
    use super::*;

    fn set(text: &str) -> Paragraph {
        let kind = Type { size: 10.0, leading: 13.0, is_bold: false, is_mono: true, is_muted: false };
        Setter::default().set(&[Run { text: text.into(), ..Run::default() }], &kind)
    }

    fn lines(text: &str, letters: f32) -> Vec<String> {
        let paragraph = set(text);
        let part = |line: &Line| {
            let bytes = paragraph.byte(line.glyphs.start) as usize..paragraph.byte(line.glyphs.end) as usize;
            paragraph.text[bytes].trim_end().to_string()
        };
        wrap(&paragraph, letters * 6.0).iter().map(part).collect()
    }

    #[test]
    fn lines_end_where_words_do() {
        let cases: &[(&str, f32, &[&str])] = &[
            ("one two three", 8.0, &["one two", "three"]),
            ("one two three", 7.0, &["one two", "three"]),
            ("a\nb", 9.0, &["a", "b"]),
            ("a\n\nb", 9.0, &["a", "", "b"]),
            ("follow-up visit", 9.0, &["follow-up", "visit"]),
            ("follow-up visit", 7.0, &["follow-", "up", "visit"]),
            ("pneumonoultra short", 5.0, &["pneum", "onoul", "tra", "short"]),
            ("a pneumonoultra", 6.0, &["a", "pneumo", "noultr", "a"]),
        ];
        for (text, letters, expected) in cases {
            assert_eq!(lines(text, *letters), *expected, "{text:?} in {letters}");
        }
    }

    #[test]
    fn a_word_that_is_cut_is_whole_on_its_first_line() {
        let paragraph = set("a pneumonoultra b");
        let cut = wrap(&paragraph, 6.0 * 6.0);
        assert_eq!(cut[1].whole, 2..15);
        assert_eq!((cut[2].resumed, cut[3].resumed), (15, 15));
        assert!(cut[0].whole.is_empty() && cut[3].whole.is_empty());
        let hyphened = set("see A-1b-CT now");
        let cut = wrap(&hyphened, 6.0 * 6.0);
        assert_eq!((cut[1].whole.clone(), cut[2].resumed), (4..11, 11));
    }
}
