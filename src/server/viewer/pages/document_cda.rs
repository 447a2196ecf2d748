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
    /// Marked words.
    pub hits: u64,
    pub view: View,
}

impl Rendered {
    // The renderer writes from a short list of elements and escapes all text; the page has a policy without any script.
    pub fn head(&self) -> Markup {
        Markup::trusted(self.head.clone())
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

    /// The language, where it is a plain tag.
    pub fn language(&self) -> &str {
        let is_plain = |tag: &&str| tag.len() <= 35 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        self.language.as_deref().filter(is_plain).unwrap_or("en")
    }
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
    pub fn new(rendered: &Rendered, own: &str, q: &str) -> Choices {
        let q = if q.is_empty() { String::new() } else { format!("q={}", url_part(q)) };
        let address = |parts: &[String]| {
            let parts: Vec<&str> = parts.iter().map(String::as_str).chain([q.as_str()]).filter(|part| !part.is_empty()).collect();
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
