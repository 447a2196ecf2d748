//! A plain text in parts: headings and paragraphs, with the words looked for told apart and numbered.
//!
//! Not for: getting the text out of a document (`formats`).

use std::ops::Range;

use super::super::html::pieces;

/// A run of lines of a plain text: a heading line or a paragraph.
pub struct Part {
    pub heading: bool,
    /// Its number among the parts.
    pub place: usize,
    /// The words of a heading.
    pub words: String,
    /// In pieces; those that match have the number of the hit.
    pub pieces: Vec<(String, Option<usize>)>,
    /// Hits up to the next heading, for a heading.
    pub hits: usize,
}

/// Most parts that a text is cut into: what follows is one part. An element for each is too much for a browser.
const PARTS_MAX: usize = 600;

/// A text in parts: a line in capitals reads as a heading. Every character is kept; only the setting differs.
pub fn parts(body: &str, marks: &[Range<usize>]) -> Vec<Part> {
    let mut spans: Vec<(bool, Range<usize>)> = Vec::new();
    let mut start = 0;
    for line in body.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        let letters = line.chars().filter(|c| c.is_alphabetic()).count();
        let heading = letters > 2 && !line.chars().any(char::is_lowercase) && line.trim().len() < 70 && spans.len() < PARTS_MAX;
        match spans.last_mut() {
            Some((false, last)) if !heading => last.end = end,
            _ => spans.push((heading, start..end)),
        }
        start += line.len();
    }
    let mut number = 0;
    let mut parts: Vec<Part> = Vec::with_capacity(spans.len());
    for (place, (heading, span)) in spans.into_iter().enumerate() {
        let within = marks.iter().filter(|m| span.start <= m.start && m.end <= span.end);
        let within: Vec<_> = within.map(|m| m.start - span.start..m.end - span.start).collect();
        let text = body.get(span).unwrap_or_default();
        let numbered = pieces(text, &within).into_iter().map(|(text, is_hit)| {
            number += usize::from(is_hit);
            (text, is_hit.then_some(number))
        });
        let pieces: Vec<_> = numbered.collect();
        let hits = pieces.iter().filter(|(_, hit)| hit.is_some()).count();
        let words = if heading { text.trim().trim_end_matches(':').to_string() } else { String::new() };
        if let Some(head) = parts.iter_mut().rev().find(|p| p.heading).filter(|_| !heading) {
            head.hits += hits;
        }
        parts.push(Part { heading, place, words, pieces, hits });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_every_character_and_its_hits_are_numbered() {
        let body = "PROGRESS NOTE\nPatient seen.\n\nPLAN:\n  - rest\n  - fluids";
        let parts = parts(body, &[22..26, 39..43]);
        let text = |p: &Part| p.pieces.iter().map(|(t, _)| t.as_str()).collect::<String>();
        assert_eq!(parts.iter().map(text).collect::<Vec<_>>().join("\n"), body);
        let marked: Vec<_> = parts.iter().flat_map(|p| &p.pieces).filter_map(|(t, hit)| Some((t.as_str(), (*hit)?))).collect();
        assert_eq!(marked, [("seen", 1), ("rest", 2)]);
        let headings: Vec<_> = parts.iter().filter(|p| p.heading).map(|p| (p.words.as_str(), p.hits)).collect();
        assert_eq!(headings, [("PROGRESS NOTE", 1), ("PLAN", 1)]);
    }

    #[test]
    fn a_text_of_many_headings_is_no_tree_of_thousands() {
        let body = "HEADING ONE\nwords here\n".repeat(5_000);
        let parts = parts(&body, &[]);
        assert!(parts.len() <= PARTS_MAX + 1, "{}", parts.len());
        let text: Vec<_> = parts.iter().flat_map(|p| &p.pieces).map(|(t, _)| t.as_str()).collect();
        assert_eq!(text.join("\n"), body.trim_end());
    }
}
