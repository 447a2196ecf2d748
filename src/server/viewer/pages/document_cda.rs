//! What stands around a CDA document: its sections at the side, the choice between its author's order and a clinician's, its
//! XML, the page for print, and the page that names a site before anyone follows a link there.
//!
//! Not for: the document's own markup (`render::cda`), or the frame of all documents (`document`).

use askama::Template;

use super::super::frame::Frame;
use super::super::html::{Markup, url_part};
use super::super::text;
use super::render;
use crate::model::Document;
use crate::render::cda::view::{Entry, View};

/// A document as the renderer wrote it, in parts.
#[derive(Default)]
pub struct Rendered {
    pub head: String,
    pub body: String,
    pub foot: String,
    /// What was left out or mended.
    pub findings: String,
    /// The sections in the order of the view.
    pub contents: Vec<Entry>,
    /// BCP 47, when the document names one.
    pub language: Option<String>,
    /// Marked words; those of each section of `contents`, with the number of the first.
    pub hits: u64,
    pub section_hits: Vec<(u64, u64)>,
    /// What was left out or mended, counted.
    pub notes: u64,
    pub view: View,
}

/// Where the panels of a header begin, as the renderer writes them.
const PANELS: &str = "<div class=\"panels\">";

impl Rendered {
    // The renderer writes from a short list of elements and escapes all text; the page lets no script run but ours.
    pub fn head(&self) -> Markup {
        Markup::trusted(self.head.clone())
    }

    /// How confidential the document is and what must be known of it first.
    pub fn head_lead(&self) -> Markup {
        Markup::trusted(self.head.split(PANELS).next().unwrap_or_default().to_string())
    }

    /// The facts of its header, which stand folded above the words: the banner and the title tell the most of them.
    pub fn head_panels(&self) -> Markup {
        Markup::trusted(self.head.find(PANELS).map_or_else(String::new, |at| self.head[at..].to_string()))
    }

    pub fn body(&self) -> Markup {
        Markup::trusted(self.body.clone())
    }

    pub fn foot(&self) -> Markup {
        Markup::trusted(self.foot.clone())
    }

    pub fn findings(&self) -> Markup {
        Markup::trusted(self.findings.clone())
    }

    /// The sections with their hits and the number of the first.
    pub fn outline(&self) -> impl Iterator<Item = (&Entry, u64, u64)> {
        let hits = self.section_hits.iter().copied().chain(std::iter::repeat((0, 0)));
        self.contents.iter().zip(hits).map(|(entry, (hits, first))| (entry, hits, first))
    }

    /// The language, where it is a plain tag.
    pub fn language(&self) -> &str {
        let is_plain = |tag: &&str| tag.len() <= 35 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        self.language.as_deref().filter(is_plain).unwrap_or("en")
    }
}

/// The coded entries of one section.
pub struct CodedSection {
    pub heading: String,
    /// Kind of entry, its words, whether the narrative has words for it.
    pub entries: Vec<(String, String, bool)>,
    /// Entries of the section; more than `entries` where some say nothing in words or are too many.
    pub total: usize,
}

/// Hits in each section of `body`, with the number of the first: a mark belongs to the section that was opened last.
pub fn hits_by_section(body: &str, contents: &[Entry]) -> Vec<(u64, u64)> {
    let places: Vec<usize> =
        contents.iter().map(|e| body.find(&format!(" id=\"section-{}\"", e.path)).unwrap_or(usize::MAX)).collect();
    let mut counts = vec![(0, 0); contents.len()];
    for (n, (at, _)) in body.match_indices("<mark").enumerate() {
        let open = places.iter().enumerate().filter(|(_, place)| **place < at).max_by_key(|(_, place)| **place);
        if let Some((hits, first)) = open.and_then(|(section, _)| counts.get_mut(section)) {
            *first = if *hits == 0 { n as u64 + 1 } else { *first };
            *hits += 1;
        }
    }
    counts
}

/// The address of the document in each view.
pub struct Choices {
    pub author: String,
    pub clinical: String,
    pub is_clinical: bool,
    /// Folds all sections, or opens them again.
    pub fold: String,
    pub folded: bool,
    /// Sections that can be chosen: path, heading, whether chosen.
    pub sections: Vec<(String, String, bool)>,
    /// Sections set aside.
    pub apart: usize,
}

impl Choices {
    /// `tail`: what follows the document's address in every view.
    pub fn new(rendered: &Rendered, own: &str, tail: &str) -> Choices {
        let tail = tail.trim_start_matches('?');
        let address = |parts: &[String]| {
            let parts: Vec<&str> = parts.iter().map(String::as_str).chain([tail]).filter(|part| !part.is_empty()).collect();
            if parts.is_empty() { own.to_string() } else { format!("{own}?{}", parts.join("&")) }
        };
        let (only, folded) = match &rendered.view {
            View::Author => (Vec::new(), false),
            View::Clinical { only, folded } => (only.iter().map(|path| format!("only={}", url_part(path))).collect(), *folded),
        };
        let clinical = "view=clinical".to_string();
        let mut fold = vec![clinical.clone()];
        fold.extend(only.iter().cloned());
        fold.extend((!folded).then(|| "fold=all".to_string()));
        let is_chosen = |entry: &Entry| !only.is_empty() && !entry.is_apart;
        Choices {
            author: address(&[]),
            clinical: address(std::slice::from_ref(&clinical)),
            is_clinical: rendered.view != View::Author,
            fold: address(&fold),
            folded,
            sections: rendered.contents.iter().map(|e| (e.path.clone(), e.heading.clone(), is_chosen(e))).collect(),
            apart: rendered.contents.iter().filter(|entry| entry.is_apart).count(),
        }
    }
}

#[derive(Template)]
#[template(path = "document_alone.html")]
struct Alone<'a> {
    frame: &'a Frame,
    title: &'a str,
    rendered: &'a Rendered,
    source: String,
    original_id: String,
    size: String,
    digest: String,
}

/// A document by itself, whole and in its author's order: for print.
pub fn document_alone(frame: &Frame, document: &Document, title: &str, rendered: &Rendered) -> String {
    render(Alone {
        frame,
        title,
        rendered,
        source: document.record.source_system.to_string(),
        original_id: document.record.original_id.to_string(),
        size: text::bytes(document.bytes.len() as u64),
        digest: text::digest(&document.sha256),
    })
}

/// A link of a document that leads out of the archive.
pub struct LinkPage<'a> {
    pub address: &'a str,
    /// The document.
    pub back: &'a str,
}

#[derive(Template)]
#[template(path = "link_out.html")]
struct LinkOut<'a> {
    frame: &'a Frame,
    page: &'a LinkPage<'a>,
    host: &'a str,
}

/// Names the site before anyone goes there.
pub fn link_out(frame: &Frame, page: &LinkPage<'_>) -> String {
    render(LinkOut { frame, page, host: host_of(page.address) })
}

/// The host of an address; for mail and telephone all behind the colon.
fn host_of(address: &str) -> &str {
    let rest = address.split_once(':').map_or(address, |(_, rest)| rest);
    let authority = rest.strip_prefix("//").map_or(rest, |rest| rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest));
    authority.rsplit('@').next().filter(|_| rest.starts_with("//")).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_counted_by_the_section_they_stand_in() {
        let entry = |path: &str| Entry {
            path: path.into(),
            heading: String::new(),
            has_words: true,
            coded_only: 0,
            narrative_only: false,
            is_apart: false,
        };
        let body = "<section id=\"section-1\"></section><section id=\"section-2\"><mark id=\"hit-1\">a</mark>\
                    <section id=\"section-2.1\"><mark>b</mark></section></section><section id=\"section-10\"><mark>c</mark>";
        assert_eq!(hits_by_section(body, &[entry("1"), entry("2"), entry("10")]), [(0, 0), (2, 1), (1, 3)]);
    }

    #[test]
    fn the_host_is_where_a_browser_would_go() {
        for (address, host) in [
            ("https://example.org/a@b", "example.org"),
            ("https://bank.example@evil.example/x", "evil.example"),
            ("http://evil.example\\@bank.example", "evil.example"),
            ("https://example.org:8443?x", "example.org:8443"),
            ("mailto:ann@example.org", "ann@example.org"),
            ("tel:+15550100", "+15550100"),
        ] {
            assert_eq!(host_of(address), host, "{address}");
        }
    }
}
