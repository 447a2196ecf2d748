//! Safe HTML for the viewer: text with its hits marked, old HTML documents, FHIR narrative (`text.div`).
//!
//! Nothing of the original's markup is copied. The words are escaped and set between tags that are written here, from
//! a short list, with attributes from a short list; so whatever the original holds, no script, style, frame, form or
//! address outside the archive can come out. The viewer's content security policy stands behind that as a second wall.
//!
//! Not for: the looks (the viewer's style sheet), finding the hits (`query`).

use std::fmt::Write;
use std::ops::Range;

use crate::formats::markup::{Piece, Pieces, attributes, unescape};
use crate::limits::HTML_DEPTH_MAX;
use crate::render::escape;

/// Plain text as it was typed, with `marks` (byte ranges, in any order) highlighted and numbered `hit-1`, `hit-2`, ….
pub fn text_html(text: &str, marks: &[Range<usize>]) -> String {
    let mut marks: Vec<Range<usize>> = marks
        .iter()
        .map(|m| text.floor_char_boundary(m.start)..text.ceil_char_boundary(m.end.min(text.len())))
        .filter(|m| m.start < m.end)
        .collect();
    marks.sort_by_key(|m| m.start);
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 64);
    out.push_str("<pre class=\"document-text\">");
    // An HTML reader swallows one line end right after `<pre>`.
    if text.starts_with(['\n', '\r']) {
        out.push('\n');
    }
    let (mut at, mut number) = (0, 0);
    for mark in marks {
        if mark.end <= at {
            continue;
        }
        let start = mark.start.max(at);
        number += 1;
        escape(&text[at..start], &mut out);
        let _ = write!(out, "<mark id=\"hit-{number}\">");
        escape(&text[start..mark.end], &mut out);
        out.push_str("</mark>");
        at = mark.end;
    }
    escape(&text[at..], &mut out);
    out.push_str("</pre>");
    out
}

/// An old HTML document as a document of its own, to be shown in a sandboxed frame.
pub fn safe_html_document(html: &str) -> String {
    let mut out = String::from("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Document</title></head><body>");
    Writer { out: &mut out, own_page: true, open: Vec::new(), left_out: None }.write(html);
    out.push_str("</body></html>\n");
    out
}

/// The narrative of a FHIR resource (FHIR R4, 2.4: XHTML without active content) as a piece of the viewer's page.
///
/// Names and links within the narrative are dropped, because they would mix with the page's own.
pub fn fhir_narrative_html(div: &str) -> String {
    let mut out = String::from("<div class=\"narrative\">");
    Writer { out: &mut out, own_page: false, open: Vec::new(), left_out: None }.write(div);
    out.push_str("</div>");
    out
}

/// Escapes text. Control characters that HTML forbids are dropped.
fn escape(text: &str, out: &mut String) {
    escape::html(text, out, |c, out| out.extend(Some(c).filter(|c| !c.is_control())));
}

/// Elements that are written again.
#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "a", "abbr", "address", "article", "b", "big", "blockquote", "caption", "center", "cite", "code", "colgroup", "dd",
    "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "i", "ins", "kbd", "li", "main", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strike",
    "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
];
/// Elements without content that are written again.
const VOID_ELEMENTS: &[&str] = &["br", "col", "hr", "img"];
/// Elements that are left out with all that they hold.
const LEFT_OUT: &[&str] =
    &["svg", "math", "object", "applet", "template", "select", "audio", "video", "canvas", "map", "frameset"];
/// Whether a value may be written.
type Test = fn(&str) -> bool;
/// Attributes of any element, each with the test that its value must pass.
const ATTRIBUTES: &[(&str, Test)] = &[
    ("title", |_| true),
    ("alt", |_| true),
    ("lang", is_word),
    ("dir", |v| matches!(v, "ltr" | "rtl" | "auto")),
    ("align", is_word),
    ("valign", is_word),
    ("scope", is_word),
    ("type", is_word),
    ("color", is_colour),
    ("bgcolor", is_colour),
    ("colspan", is_number),
    ("rowspan", is_number),
    ("span", is_number),
    ("start", is_number),
    ("value", is_number),
    ("size", is_number),
    ("border", is_number),
    ("cellpadding", is_number),
    ("cellspacing", is_number),
    ("width", is_length),
    ("height", is_length),
];

fn is_word(value: &str) -> bool {
    value.len() <= 35 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_colour(value: &str) -> bool {
    is_word(value.strip_prefix('#').unwrap_or(value))
}

fn is_number(value: &str) -> bool {
    (1..=4).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}

fn is_length(value: &str) -> bool {
    is_number(value.strip_suffix('%').or(value.strip_suffix("px")).unwrap_or(value))
}

/// Pictures that the document carries in itself. SVG is not among them, it can hold scripts.
fn is_own_picture(address: &str) -> bool {
    let kinds = ["data:image/png;base64,", "data:image/jpeg;base64,", "data:image/jpg;base64,", "data:image/gif;base64,"];
    let data = kinds.iter().find_map(|kind| {
        let head = address.get(..kind.len())?;
        head.eq_ignore_ascii_case(kind).then(|| &address[kind.len()..])
    });
    data.is_some_and(|d| d.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n\t ".contains(&b)))
}

/// A name within the document. The prefix keeps it from being taken for a property of the page by a script.
fn local_name(name: &str) -> Option<String> {
    let plain = !name.is_empty() && name.len() <= 200 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    plain.then(|| format!("doc-{name}"))
}

/// Writes a document again from its pieces, every element closed.
struct Writer<'o> {
    out: &'o mut String,
    /// Stands on a page of its own, so that links within it can work.
    own_page: bool,
    open: Vec<&'static str>,
    /// Name and nesting of the element that is being left out.
    left_out: Option<(&'static str, usize)>,
}

impl Writer<'_> {
    fn write(mut self, html: &str) {
        let mut in_title = false;
        let mut plain = String::new();
        for piece in Pieces::new(html) {
            match piece {
                Piece::Text(raw) if self.left_out.is_none() && !in_title => {
                    plain.clear();
                    unescape(raw, &mut plain);
                    escape(&plain, self.out);
                }
                Piece::Text(_) => {}
                Piece::Open { name, attributes, closed } => {
                    in_title = name.eq_ignore_ascii_case("title");
                    self.start(name, attributes, closed);
                }
                Piece::Close { name } => {
                    in_title = false;
                    self.end(name);
                }
            }
        }
        while let Some(name) = self.open.pop() {
            self.close_tag(name);
        }
    }

    fn start(&mut self, name: &str, inside: &str, closed: bool) {
        if let Some((left_out, nesting)) = &mut self.left_out {
            *nesting += usize::from(name.eq_ignore_ascii_case(left_out) && !closed);
            return;
        }
        if let Some(left_out) = LEFT_OUT.iter().find(|e| name.eq_ignore_ascii_case(e)) {
            self.left_out = (!closed).then_some((left_out, 1));
            return;
        }
        let void = VOID_ELEMENTS.iter().find(|e| name.eq_ignore_ascii_case(e));
        let Some(element) = void.or_else(|| ELEMENTS.iter().find(|e| name.eq_ignore_ascii_case(e))) else { return };
        if void.is_none() && self.open.len() >= HTML_DEPTH_MAX {
            return;
        }
        self.out.push('<');
        self.out.push_str(element);
        self.attributes(element, inside);
        self.out.push('>');
        if void.is_none() {
            // `<p/>` is an empty element in XHTML, and an opened one in HTML.
            if closed && !self.own_page { self.close_tag(element) } else { self.open.push(element) }
        }
    }

    fn attributes(&mut self, element: &str, inside: &str) {
        let mut written: Vec<&'static str> = Vec::new();
        let mut value = String::new();
        for (name, raw) in attributes(inside) {
            value.clear();
            unescape(raw, &mut value);
            let name = name.to_ascii_lowercase();
            let kept = match (name.as_str(), element) {
                ("src", "img") if is_own_picture(&value) => Some(("src", value.clone())),
                ("href", "a") if self.own_page => value.strip_prefix('#').and_then(local_name).map(|n| ("href", format!("#{n}"))),
                ("id", _) | ("name", "a") if self.own_page => local_name(&value).map(|n| ("id", n)),
                _ => ATTRIBUTES
                    .iter()
                    .find(|(known, test)| *known == name && test(&value))
                    .map(|(known, _)| (*known, value.clone())),
            };
            if let Some((name, value)) = kept.filter(|(name, _)| !written.contains(name)) {
                let _ = write!(self.out, " {name}=\"");
                escape(&value, self.out);
                self.out.push('"');
                written.push(name);
            }
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((left_out, nesting)) = &mut self.left_out {
            *nesting -= usize::from(name.eq_ignore_ascii_case(left_out));
            if *nesting == 0 {
                self.left_out = None;
            }
            return;
        }
        // An end tag without its start tag is dropped; one that comes late closes what stands between.
        let Some(depth) = self.open.iter().rposition(|open| name.eq_ignore_ascii_case(open)) else { return };
        while self.open.len() > depth {
            if let Some(open) = self.open.pop() {
                self.close_tag(open);
            }
        }
    }

    fn close_tag(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

#[cfg(test)]
#[path = "narrative_tests.rs"]
mod tests;
