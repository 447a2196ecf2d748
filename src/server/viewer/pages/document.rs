//! Notes and documents: filters, list and the open document in three columns, with where it came from at its foot.
//!
//! Not for: which documents are listed (`sections::notes_list`), turning PDF or TIFF into images, or cleaning HTML; the routes
//! under `/documents/` do that.

use std::ops::Range;

use askama::Template;

use super::super::chart_nav::Section;
use super::super::fhir::Item;
use super::super::frame::Frame;
use super::super::html::{Markup, url_part};
use super::super::panel::Panel;
use super::super::query::Query;
use super::super::sections::Ask;
use super::super::sections::notes::{self, View, format_name};
use super::super::sections::notes_list::{DocumentList, Listing};
use super::super::source::Badge;
use super::super::text;
use super::document_cda::{Choices, CodedSection, Rendered};
use super::document_scan::{Scan, ScanView};
use super::document_text::{Part, parts};
use super::{Shell, render};
use crate::model::{Chart, DocumentId, Record};
use crate::render::cda::xml::SourcePage;

/// How the content can be shown.
pub enum DocumentBody {
    /// Plain text, decoded.
    Text(TextBody),
    /// Shown in a sandboxed frame from `/documents/{id}/body`, with so many words marked.
    Html(u64),
    /// Page images `/documents/{id}/page/1.png` and so on, one at a time.
    Scan(Scan),
    /// A CDA document, written by the renderer.
    Rendered(Rendered),
    /// The coded entries of a CDA document.
    Coded(Vec<CodedSection>),
    /// A page of a document's XML, with so many words marked.
    Source(SourcePage, u64),
    /// Neither: only the original can be had. The reason in one sentence.
    None(String),
    /// The digest does not match: content is not shown.
    Damaged,
}

/// A plain text, or a part of a long one.
pub struct TextBody {
    pub text: String,
    /// Byte ranges of the words looked for.
    pub marks: Vec<Range<usize>>,
    /// Which part, from 1, and of how many.
    pub part: usize,
    pub parts: usize,
    /// Hits in the whole text.
    pub found: u64,
}

/// Where the bytes came from and what was checked.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// Accession and when it was sealed.
    pub delivery: String,
    /// File of the delivery, and the line or message in it.
    pub file: Option<String>,
    /// When the stored bytes were held against their digest, `HH:MM:SS UTC`.
    pub checked: String,
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
    /// Coded entries, when it is a CDA document.
    pub coded: Option<usize>,
    /// The words that led here, marked in the text.
    pub q: &'a str,
    /// Why the words could not be looked for in it, if so.
    pub unsearched: Option<&'static str>,
    pub provenance: Provenance,
    /// Names our script to a page on which none but that may run; empty on others.
    pub nonce: &'a str,
}

/// A state of the document that the reader must know of.
struct State {
    tone: &'static str,
    lead: &'static str,
    words: &'static str,
    link: Option<(&'static str, String)>,
}

/// The neighbours of a part of a long text, or of XML.
struct PartLinks {
    words: String,
    before: Option<String>,
    after: Option<String>,
    /// Hits in all parts, where they were counted.
    found: Option<String>,
}

impl PartLinks {
    fn of(body: &DocumentBody, own: &str, tail: &str) -> Option<PartLinks> {
        let (part, parts, form, found) = match body {
            DocumentBody::Text(body) => (body.part, body.parts, "", Some(text::count(body.found))),
            DocumentBody::Source(source, _) => (source.number, source.pages, "/xml", None),
            _ => return None,
        };
        let join = if tail.is_empty() { "?" } else { "&" };
        let href = |part: usize| format!("{own}{form}{tail}{join}part={part}");
        (parts > 1).then(|| PartLinks {
            words: format!("Part {part} of {parts}"),
            before: (part > 1).then(|| href(part - 1)),
            after: (part < parts).then(|| href(part + 1)),
            found,
        })
    }
}

/// One way to see a document.
struct Way {
    words: String,
    href: String,
    is_on: bool,
}

#[derive(Template)]
#[template(path = "document.html")]
struct Page<'a> {
    frame: &'a Frame,
    shell: Shell,
    list: DocumentList,
    previous: Option<String>,
    next: Option<String>,
    title: String,
    date: String,
    author: String,
    place: Option<String>,
    status: Option<(&'static str, &'static str)>,
    badge: Badge,
    states: Vec<State>,
    ways: Vec<Way>,
    attachments: Vec<(String, String, bool)>,
    record_href: String,
    id: String,
    parts: Vec<Part>,
    /// Headings of a plain text: place, words, hits.
    outline: Vec<(usize, String, usize)>,
    body: &'a DocumentBody,
    scan: Option<ScanView>,
    q: &'a str,
    q_part: String,
    hits: Option<u64>,
    unsearched: Option<&'static str>,
    damaged: bool,
    format: String,
    size: String,
    digest: String,
    short_digest: String,
    provenance: &'a Provenance,
    original_id: String,
    /// The page of this document.
    own_href: String,
    part_links: Option<PartLinks>,
    /// Lines of XML.
    source: Markup,
    /// How a CDA document may be looked at, when it is one.
    choices: Option<Choices>,
    notes_on_rendering: Option<String>,
    nonce: &'a str,
}

/// Hits that can be jumped to by number, without script.
const HITS_LISTED: u64 = 12;

impl Page<'_> {
    /// Numbers of hits that have a link each.
    fn listed_hits(&self) -> std::ops::RangeInclusive<u64> {
        1..=self.hits.unwrap_or(0).min(HITS_LISTED)
    }

    fn is_html(&self) -> bool {
        matches!(self.body, DocumentBody::Html(_))
    }

    /// Where hit `n` stands.
    fn hit_href(&self, n: &u64) -> String {
        if self.is_html() { format!("{}{n}", self.frame_hits()) } else { format!("#hit-{n}") }
    }

    /// Where hits of an HTML document stand, up to the number.
    fn frame_hits(&self) -> String {
        format!("/documents/{}/body?q={}#hit-", self.id, self.q_part)
    }
}

#[derive(Template)]
#[template(path = "notes.html")]
struct NotesPage<'a> {
    frame: &'a Frame,
    shell: Shell,
    list: DocumentList,
    key: Panel,
}

/// The page of a chart's documents with none of them open.
pub fn documents(frame: &Frame, chart: &Chart, listing: &Listing<'_>) -> String {
    let shell = Shell::new(frame, chart, Some(Section::Notes));
    let base = shell.nav.base.clone();
    let query = Query::default();
    // What stands first is of the source that was asked for, as on the other pages.
    let narrowed = super::chart::only(frame, chart);
    let chart = narrowed.as_ref().unwrap_or(chart);
    let ask = Ask { frame, chart, query: &query, href: base.clone() };
    let held = super::super::chart_nav::held(&chart.index, Section::Notes.kinds_shown());
    let mut key = notes::summary(&ask, held);
    key.link = None;
    render(NotesPage { frame, list: listing.part(&format!("{base}/notes"), false), key, shell })
}

/// The page of a document beside its list.
pub fn document(frame: &Frame, chart: &Chart, page: &DocumentPage<'_>, listing: &Listing<'_>) -> String {
    let shell = Shell::new(frame, chart, Some(Section::Notes));
    let base = shell.nav.base.clone();
    let view = View::of(Item::named(page.record, &frame.names));
    let title = page.title.map(str::to_string).or_else(|| view.title.clone());
    let own_href = format!("{base}/documents/{}", page.id.0);
    let tail = listing.tail();
    let choices = match &page.body {
        DocumentBody::Rendered(rendered) => Some(Choices::new(rendered, &own_href, &tail)),
        _ => None,
    };
    let parts = match &page.body {
        DocumentBody::Text(body) => parts(&body.text, &body.marks),
        _ => Vec::new(),
    };
    let (previous, next) = listing.neighbours();
    let attachment = |(at, (id, format)): (usize, &(String, String))| {
        (format!("{} {format}", at + 1), format!("{base}/documents/{id}{tail}"), *id == *page.id.0.as_str())
    };
    let digest = text::digest(&page.sha256);
    render(Page {
        frame,
        list: listing.part(&own_href, true),
        previous,
        next,
        title: title.unwrap_or_else(|| "Document without a title".into()),
        date: when(&view),
        author: view.author.clone().unwrap_or_else(|| "author not recorded".into()),
        place: view.place.clone(),
        status: view.tag,
        badge: frame.badge(&page.record.source_system),
        states: states(page, &view, listing),
        ways: ways(page, &own_href, &tail),
        attachments: if view.parts.len() > 1 { view.parts.iter().enumerate().map(attachment).collect() } else { Vec::new() },
        record_href: view.item.href(),
        id: page.id.0.to_string(),
        outline: parts.iter().filter(|p| p.heading).map(|p| (p.place, p.words.clone(), p.hits)).collect(),
        parts,
        damaged: matches!(page.body, DocumentBody::Damaged),
        hits: hits(page),
        unsearched: page.unsearched.filter(|_| !page.q.is_empty()),
        scan: match &page.body {
            DocumentBody::Scan(scan) => Some(ScanView::new(scan, page.id.0.as_str(), &own_href, &tail)),
            _ => None,
        },
        q: page.q,
        q_part: url_part(page.q),
        body: &page.body,
        part_links: PartLinks::of(&page.body, &own_href, &tail),
        format: if page.coded.is_some() { "CDA document, XML".into() } else { format_name(page.content_type) },
        own_href,
        source: match &page.body {
            // Written by the renderer: escaped text in a few elements.
            DocumentBody::Source(source, _) => Markup::trusted(source.html.clone()),
            _ => Markup::default(),
        },
        notes_on_rendering: match &page.body {
            DocumentBody::Rendered(it) if it.notes > 0 => Some(text::counted(it.notes, "rendering note", "rendering notes")),
            _ => None,
        },
        choices,
        size: text::bytes(page.bytes),
        short_digest: short(&digest),
        digest,
        provenance: &page.provenance,
        original_id: page.record.original_id.to_string(),
        nonce: page.nonce,
        shell,
    })
}

/// Date and time of a document, as written.
pub fn when(view: &View<'_>) -> String {
    let date = view.date.as_deref().map(text::date);
    date.map_or("date not recorded".into(), |d| [Some(d.day), d.time].into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The ends of a digest.
fn short(digest: &str) -> String {
    let groups: Vec<&str> = digest.split(' ').collect();
    match groups.as_slice() {
        [a, b, c, .., z] => format!("{a} {b} {c} … {z}"),
        _ => digest.to_string(),
    }
}

fn hits(page: &DocumentPage<'_>) -> Option<u64> {
    match &page.body {
        _ if page.q.is_empty() => None,
        DocumentBody::Text(body) => Some(body.marks.len() as u64),
        DocumentBody::Html(n) | DocumentBody::Source(_, n) => Some(*n),
        DocumentBody::Rendered(rendered) => Some(rendered.hits),
        DocumentBody::Scan(scan) => Some(scan.marks.len() as u64),
        _ => None,
    }
}

/// The ways to see a CDA document or other XML, with the same head each.
fn ways(page: &DocumentPage<'_>, own: &str, tail: &str) -> Vec<Way> {
    let way = |words: String, href: String, is_on| Way { words, href, is_on };
    if !page.is_xml {
        return Vec::new();
    }
    let (is_coded, is_source) = (matches!(page.body, DocumentBody::Coded(_)), matches!(page.body, DocumentBody::Source(..)));
    let mut ways = vec![way("Document".into(), format!("{own}{tail}"), !is_coded && !is_source)];
    if let Some(n) = page.coded {
        ways.push(way(format!("Coded data {}", text::count(n as u64)), format!("{own}/coded{tail}"), is_coded));
    }
    ways.push(way("Raw XML".into(), format!("{own}/xml{tail}"), is_source));
    ways
}

/// What must be said above the content.
fn states(page: &DocumentPage<'_>, view: &View<'_>, listing: &Listing<'_>) -> Vec<State> {
    let mut states = Vec::new();
    let newer = listing.newer_than(page.record);
    match view.tag {
        Some(("Entered in error", _)) => states.push(State {
            tone: "caution",
            lead: "Entered in error.",
            words: "The source marked this document as a mistake. It is kept as it was.",
            link: None,
        }),
        Some(("Unsigned draft", _)) => states.push(State {
            tone: "caution",
            lead: "Unsigned draft.",
            words: "The source did not hold a signature for this document.",
            link: None,
        }),
        Some(("Replaced by a newer one", _)) if newer.is_none() => states.push(State {
            tone: "caution",
            lead: "Replaced.",
            words: "The source says that a newer document took the place of this one. It is not named.",
            link: None,
        }),
        _ => {}
    }
    if let Some(href) = newer {
        states.push(State {
            tone: "caution",
            lead: "Replaced by a newer document.",
            words: "This one is kept as it was.",
            link: Some(("Open the newer one", href)),
        });
    }
    if let Some(words) = page.unsearched.filter(|_| page.q.is_empty()) {
        states.push(State { tone: "plain", lead: "Its words cannot be searched.", words, link: None });
    }
    states
}
