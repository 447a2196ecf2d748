//! One document: the list beside it, its content in a frame that can do nothing, and where it came from.
//!
//! Not for: turning PDF or TIFF into images, or cleaning HTML; the routes under `/documents/` do that.

use std::ops::Range;

use askama::Template;

use super::super::chart_nav::Section;
use super::super::fhir::Item;
use super::super::frame::Frame;
use super::super::html::{Markup, pieces, url_part};
use super::super::query::Query;
use super::super::sections::Ask;
use super::super::sections::notes::{self, View, format_name};
use super::super::source::Badge;
use super::super::text;
use super::document_cda::{Choices, Rendered};
use super::{Shell, render};
use crate::model::{Chart, DocumentId, Record};
use crate::render::cda::xml::SourcePage;

/// How the content can be shown.
pub enum DocumentBody {
    /// Plain text, decoded, with the byte ranges of the words looked for.
    Text(String, Vec<Range<usize>>),
    /// Shown in a sandboxed frame from `/documents/{id}/body`.
    Html,
    /// Page images `/documents/{id}/page/1.png` to `n`.
    Pages(u32),
    /// A CDA document, written by the renderer.
    Rendered(Rendered),
    /// A page of a document's XML.
    Source(SourcePage),
    /// Neither: only the original can be had. The reason in one sentence.
    None(String),
    /// The digest does not match: content is not shown.
    Damaged,
}

pub struct DocumentPage<'a> {
    pub id: &'a DocumentId,
    pub record: &'a Record,
    pub content_type: &'a str,
    pub title: Option<&'a str>,
    /// Length of the content.
    pub bytes: u64,
    pub sha256: [u8; 32],
    pub body: DocumentBody,
    /// Whether its XML can be shown.
    pub is_xml: bool,
    /// The words that led here, marked in the text.
    pub q: &'a str,
    /// Delivery and file, in words.
    pub origin: Option<&'a str>,
}

/// One document in the list beside the open one.
struct Beside {
    title: String,
    date: String,
    who: String,
    href: String,
    badge: Badge,
    tag: Option<(&'static str, &'static str)>,
    open: bool,
}

/// A run of lines of a plain text: a heading line or a paragraph.
struct Part {
    heading: bool,
    /// In pieces, the words looked for told apart.
    pieces: Vec<(String, bool)>,
}

#[derive(Template)]
#[template(path = "document.html")]
struct Page<'a> {
    frame: &'a Frame,
    shell: Shell,
    list: Vec<Beside>,
    total: String,
    previous: Option<String>,
    next: Option<String>,
    notes_href: String,
    title: String,
    date: String,
    author: String,
    place: Option<String>,
    status: Option<(&'static str, &'static str)>,
    badge: Badge,
    record_href: String,
    id: String,
    parts: Vec<Part>,
    body: &'a DocumentBody,
    q: &'a str,
    q_part: String,
    hits: Option<String>,
    damaged: bool,
    pages: std::ops::RangeInclusive<u32>,
    format: String,
    size: String,
    digest: String,
    origin: Option<&'a str>,
    original_id: String,
    /// The page of this document.
    own_href: String,
    is_xml: bool,
    /// Lines of XML.
    source: Markup,
    /// How a CDA document may be looked at, when it is one.
    choices: Option<Choices>,
}

/// The page of a document. When `chart.records` hold the documents of the chart, their list stands beside it.
pub fn document(frame: &Frame, chart: &Chart, page: &DocumentPage<'_>) -> String {
    let shell = Shell::new(frame, chart, Some(Section::Notes));
    let base = shell.nav.base.clone();
    let query = Query::default();
    let ask = Ask { frame, chart, query: &query, href: format!("{base}/notes") };
    let all = notes::views(&ask);
    let open = all.iter().position(|v| v.document.as_deref() == Some(page.id.0.as_str()));
    let near = |i: Option<usize>| i.and_then(|i| all.get(i)).map(|v| v.href(&base));
    let view = View::of(Item::named(page.record, &frame.names));
    let title = page.title.map(str::to_string).or_else(|| view.title.clone());
    let date = view.date.as_deref().map(text::date);
    let own_href = format!("{base}/documents/{}", page.id.0);
    let choices = match &page.body {
        DocumentBody::Rendered(rendered) => Some(Choices::new(rendered, &own_href, page.q)),
        _ => None,
    };
    let parts = match &page.body {
        DocumentBody::Text(body, marks) => parts(body, marks),
        _ => Vec::new(),
    };
    render(Page {
        frame,
        total: text::count(all.len() as u64),
        previous: near(open.and_then(|i| i.checked_sub(1))),
        next: near(open.map(|i| i + 1)),
        // Without a script nothing scrolls the list to the open document.
        list: beside(frame, &all, open, &base, if choices.is_some() { 3 } else { MOST_BESIDE / 2 }),
        notes_href: ask.href.clone(),
        title: title.unwrap_or_else(|| "Document without a title".into()),
        date: date
            .map_or("date not recorded".into(), |d| [Some(d.day), d.time].into_iter().flatten().collect::<Vec<_>>().join(" ")),
        author: view.author.clone().unwrap_or_else(|| "author not recorded".into()),
        place: view.place.clone(),
        status: view.tag,
        badge: frame.badge(&page.record.source_system),
        record_href: view.item.href(),
        id: page.id.0.to_string(),
        parts,
        damaged: matches!(page.body, DocumentBody::Damaged),
        hits: match &page.body {
            _ if page.q.is_empty() => None,
            DocumentBody::Text(_, marks) => Some(text::counted(marks.len() as u64, "hit", "hits")),
            DocumentBody::Rendered(rendered) => Some(text::counted(rendered.hits, "hit", "hits")),
            _ => None,
        },
        q: page.q,
        q_part: url_part(page.q),
        body: &page.body,
        pages: 1..=if let DocumentBody::Pages(n) = page.body { n } else { 0 },
        format: if choices.is_some() { "CDA document, XML".into() } else { format_name(page.content_type) },
        own_href,
        is_xml: page.is_xml,
        source: match &page.body {
            // Written by the renderer: escaped text in a few elements.
            DocumentBody::Source(source) => Markup::trusted(source.html.clone()),
            _ => Markup::default(),
        },
        choices,
        size: text::bytes(page.bytes),
        digest: text::digest(&page.sha256),
        origin: page.origin,
        original_id: page.record.original_id.to_string(),
        shell,
    })
}

/// Most documents of the list beside the open one.
const MOST_BESIDE: usize = 60;

/// Documents around the open one, so many of them before it.
fn beside(frame: &Frame, all: &[View<'_>], open: Option<usize>, base: &str, before: usize) -> Vec<Beside> {
    let start = open.unwrap_or(0).saturating_sub(before);
    let one = |(i, v): (usize, &View<'_>)| Beside {
        title: v.title.clone().unwrap_or_else(|| "Document without a title".into()),
        date: text::day(v.date.as_deref()),
        who: [v.place.clone(), Some(v.author.clone().unwrap_or_else(|| "author not recorded".into()))]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
        href: v.href(base),
        badge: frame.badge(&v.item.record.source_system),
        tag: v.tag,
        open: Some(i) == open,
    };
    all.iter().enumerate().skip(start).take(MOST_BESIDE).map(one).collect()
}

/// Plain text in parts: a line in capitals reads as a heading. Every character is kept; only the setting differs.
fn parts(body: &str, marks: &[Range<usize>]) -> Vec<Part> {
    let mut spans: Vec<(bool, Range<usize>)> = Vec::new();
    let mut start = 0;
    for line in body.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        let letters = line.chars().filter(|c| c.is_alphabetic()).count();
        let heading = letters > 2 && !line.chars().any(char::is_lowercase) && line.trim().len() < 70;
        match spans.last_mut() {
            Some((false, last)) if !heading => last.end = end,
            _ => spans.push((heading, start..end)),
        }
        start += line.len();
    }
    let inside = |span: &Range<usize>| {
        let within = marks.iter().filter(|m| span.start <= m.start && m.end <= span.end);
        within.map(|m| m.start - span.start..m.end - span.start).collect::<Vec<_>>()
    };
    let part = |(heading, span): (bool, Range<usize>)| Part { heading, pieces: pieces(&body[span.clone()], &inside(&span)) };
    spans.into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_every_character() {
        let body = "PROGRESS NOTE\nPatient seen.\n\nPLAN:\n  - rest\n  - fluids";
        let parts = parts(body, &[22..26, 39..43]);
        assert_eq!(parts.iter().filter(|p| p.heading).count(), 2);
        let text = |p: &Part| p.pieces.iter().map(|(t, _)| t.as_str()).collect::<String>();
        assert_eq!(parts.iter().map(text).collect::<Vec<_>>().join("\n"), body);
        let marked: Vec<&str> = parts.iter().flat_map(|p| &p.pieces).filter(|(_, on)| *on).map(|(t, _)| t.as_str()).collect();
        assert_eq!(marked, ["seen", "rest"]);
    }
}
