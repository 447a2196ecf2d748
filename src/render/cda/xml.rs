//! The source of a document to be read by people: its XML as it stands, a page at a time, with line numbers and with tags,
//! values, words and comments told apart. What is written is escaped text in `<b>`, `<i>` and `<span>`, and nothing else.
//!
//! The pages follow from the bytes alone and together hold every character. The text need not be well-formed.
//!
//! Not for: reading what it means (`formats::cda`).

use std::fmt::Write;

use crate::formats::cda::decoded;
use crate::limits::XML_PAGE_BYTES_MAX;

use super::html::escape_text;

/// One page of a source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourcePage {
    /// From 1.
    pub number: usize,
    pub pages: usize,
    /// Lines of the whole document.
    pub lines: usize,
    /// To stand in a `<pre>`.
    pub html: String,
}

/// A page of the source; the last one when there are not so many.
pub fn source(bytes: &[u8], number: usize) -> SourcePage {
    let text = decoded(bytes);
    let starts = page_starts(&text);
    let number = number.clamp(1, starts.len());
    let start = starts[number - 1];
    let end = starts.get(number).copied().unwrap_or(text.len());
    let line = 1 + newlines(&text[..start]);
    let mut html = String::with_capacity((end - start) * 2);
    // A page that begins inside a line does not number it again.
    if start == 0 || text.as_bytes()[start - 1] == b'\n' {
        numbered(line, &mut html);
    }
    write(&text, start..end, line, &mut html);
    SourcePage { number, pages: starts.len(), lines: 1 + newlines(text.trim_end_matches('\n')), html }
}

fn newlines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

fn numbered(line: usize, out: &mut String) {
    let _ = write!(out, "<i>{line}</i>");
}

/// Where pages begin: at the first piece after so many bytes, or in the middle of a piece that is longer than a page.
fn page_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    for piece in Pieces::of(text) {
        let begun = |starts: &[usize]| starts.last().copied().unwrap_or(0);
        if piece.start >= begun(&starts) + XML_PAGE_BYTES_MAX {
            starts.push(piece.start);
        }
        while piece.end > begun(&starts) + 2 * XML_PAGE_BYTES_MAX {
            starts.push(text.floor_char_boundary(begun(&starts) + XML_PAGE_BYTES_MAX));
        }
    }
    starts
}

/// Writes the pieces that lie in a range.
fn write(text: &str, range: std::ops::Range<usize>, mut line: usize, out: &mut String) {
    for piece in Pieces::of(text) {
        let (start, end) = (piece.start.max(range.start), piece.end.min(range.end));
        if start >= end {
            if piece.start >= range.end {
                break;
            }
            continue;
        }
        let words = &text[start..end];
        let (open, close) = match piece.kind {
            _ if words.trim().is_empty() => ("", ""),
            Kind::Tag => ("<b>", "</b>"),
            Kind::Inside => ("", ""),
            Kind::Value => ("<span class=\"value\">", "</span>"),
            Kind::Words => ("<span class=\"words\">", "</span>"),
            Kind::Aside => ("<span class=\"aside\">", "</span>"),
        };
        out.push_str(open);
        let mut at = start;
        for part in words.split_inclusive('\n') {
            escape_text(part, out);
            at += part.len();
            if part.ends_with('\n') && at < range.end {
                line += 1;
                numbered(line, out);
            }
        }
        out.push_str(close);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// `<name`, `</name`.
    Tag,
    /// What else stands in a tag: names of attributes, its end.
    Inside,
    /// A value with its quotation marks.
    Value,
    /// Text between tags.
    Words,
    /// Comments, processing instructions, declarations.
    Aside,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    kind: Kind,
    start: usize,
    end: usize,
}

/// Cuts a text into pieces that touch each other and cover all of it.
struct Pieces<'t> {
    text: &'t str,
    at: usize,
    in_tag: bool,
}

impl<'t> Pieces<'t> {
    fn of(text: &'t str) -> Pieces<'t> {
        Pieces { text, at: 0, in_tag: false }
    }

    /// The place behind the next `end`, or the end of all.
    fn behind(&self, end: &str) -> usize {
        self.text[self.at..].find(end).map_or(self.text.len(), |found| self.at + found + end.len())
    }

    /// The place of the next character for which `is_end` holds, after the first character.
    fn until(&self, is_end: impl Fn(char) -> bool) -> usize {
        let rest = &self.text[self.at..];
        let first = rest.chars().next().map_or(0, char::len_utf8);
        rest[first..].find(is_end).map_or(self.text.len(), |found| self.at + first + found)
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let rest = &self.text[self.at..];
        let first = rest.chars().next()?;
        let (kind, end, in_tag) = match first {
            '>' if self.in_tag => (Kind::Inside, self.at + 1, false),
            quote @ ('"' | '\'') if self.in_tag => {
                let closing = rest[1..].find(quote).map_or(self.text.len(), |found| self.at + found + 2);
                (Kind::Value, closing, true)
            }
            first if self.in_tag && first != '<' => (Kind::Inside, self.until(|c| matches!(c, '"' | '\'' | '<' | '>')), true),
            '<' if rest.starts_with("<!--") => (Kind::Aside, self.behind("-->"), false),
            '<' if rest.starts_with("<![CDATA[") => (Kind::Words, self.behind("]]>"), false),
            '<' if rest.starts_with("<?") => (Kind::Aside, self.behind("?>"), false),
            '<' if rest.starts_with("<!") => (Kind::Aside, self.behind(">"), false),
            '<' => (Kind::Tag, self.until(|c| c.is_whitespace() || matches!(c, '>' | '<' | '"' | '\'')), true),
            _ => (Kind::Words, self.until(|c| c == '<'), false),
        };
        let piece = Piece { kind, start: self.at, end };
        self.in_tag = in_tag;
        self.at = end;
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of what was written, without the numbers of lines.
    fn text_of(html: &str) -> String {
        let mut out = String::new();
        for part in html.split('<') {
            let (tag, text) = part.split_once('>').unwrap_or(("", part));
            assert!(["", "b", "/b", "i", "/i", "/span"].contains(&tag) || tag.starts_with("span class="), "<{tag}>");
            if tag != "i" {
                out.push_str(text);
            }
        }
        out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
    }

    fn all(source_text: &str) -> String {
        let pages = source(source_text.as_bytes(), 1).pages;
        (1..=pages).map(|number| text_of(&source(source_text.as_bytes(), number).html)).collect()
    }

    #[test]
    fn every_character_stands_on_one_page_and_nothing_acts() {
        let odd = [
            "<?xml version='1.0'?><!-- a > b --><a b='<c>' d=\"'\">x &amp; y<![CDATA[<script>]]></a>",
            "<a b='never closed",
            "<a <b> \" ' > x < y",
            "<!DOCTYPE a><a\n  b = 'é'\n>für</a>\n",
            "no markup",
            "<",
            "<!--",
            "",
        ];
        for text in odd {
            assert_eq!(all(text), text);
        }
        let html = source(odd[0].as_bytes(), 1).html;
        assert!(html.contains("<b>&lt;a</b> b=<span class=\"value\">&#39;&lt;c&gt;&#39;</span>"), "{html}");
        assert!(source("a\u{202e}b".as_bytes(), 1).html.contains("[U+202E]"));
    }

    #[test]
    fn long_documents_come_in_pages_with_the_lines_numbered_through() {
        let line = format!("<p id=\"x\">{}</p>\n", "word ".repeat(40));
        let many = line.repeat(2_000);
        let first = source(many.as_bytes(), 1);
        assert!(first.pages > 5 && first.lines == 2_000 && first.html.starts_with("<i>1</i>"));
        assert_eq!(all(&many), many);
        let last = source(many.as_bytes(), usize::MAX);
        assert_eq!(last.number, last.pages);
        assert!(last.html.contains("<i>2000</i>") && !last.html.contains("<i>2001</i>"));
        // One element that holds a whole file.
        let blob = format!("<text>{}é</text>", "QUJD".repeat(60_000));
        let page = source(blob.as_bytes(), 2);
        assert!(page.pages > 5 && page.html.len() < 3 * XML_PAGE_BYTES_MAX);
        assert_eq!(all(&blob), blob);
    }
}
