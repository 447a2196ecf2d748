//! Words found in a chart: hits with their snippets, and what could not be searched.
//!
//! Not for: searching (`query`).

use askama::Template;

use super::super::fhir::Item;
use super::super::frame::Frame;
use super::super::html::{pieces, url_part};
use super::super::sections::notes::View;
use super::super::source::Badge;
use super::super::table::Paging;
use super::super::text;
use super::{Shell, render};
use crate::model::{Chart, Record};
use crate::query::{TextHit, TextHits};

struct Hit {
    href: String,
    patient: Option<(String, String)>,
    title: String,
    date: String,
    author: String,
    badge: Badge,
    snippet: Vec<(String, bool)>,
    section: Option<String>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page<'a> {
    frame: &'a Frame,
    shell: Shell,
    q: &'a str,
    count: String,
    hits: Vec<Hit>,
    facets: Vec<(&'static str, Vec<(String, String)>)>,
    paging: Paging,
    not_searchable: Option<String>,
    find: String,
}

/// What was asked and what came back.
pub struct SearchPage<'a> {
    pub q: &'a str,
    pub found: &'a TextHits,
    /// For each hit: the document to open, when it has one.
    pub documents: &'a [Option<String>],
    /// For each hit of a search across patients: whose it is (name, birth date).
    pub patients: &'a [Option<(String, String)>],
    /// Hits before the first one given, and hits on a page.
    pub offset: usize,
    pub size: usize,
}

/// The first document of a record, by its id in `/documents/`.
pub fn document_of(record: &Record) -> Option<String> {
    View::of(Item::new(record)).document
}

/// The page of hits in one chart.
pub fn search(frame: &Frame, chart: &Chart, ask: &SearchPage<'_>) -> String {
    let (q, found) = (ask.q, ask.found);
    let mut shell = Shell::new(frame, chart, None);
    shell.q = q.to_string();
    let base = shell.nav.base.clone();
    let href = |page| format!("{base}/search?q={}&page={page}", url_part(q));
    let facet = |name, facet: &crate::query::Facet| {
        (name, facet.values.iter().take(8).map(|(v, n)| (v.clone(), text::count(*n))).collect::<Vec<_>>())
    };
    let hits = hits(frame, ask);
    let facets = [facet("Source", &found.sources), facet("Year", &found.years)];
    render(Page {
        frame,
        q,
        count: text::counted(found.total, "record contains it", "records contain it"),
        hits,
        facets: facets.into_iter().filter(|(_, v)| !v.is_empty()).collect(),
        paging: Paging::of(ask.offset, found.hits.len(), found.total, false, href, ask.size),
        not_searchable: (found.not_searchable > 0).then(|| text::counted(found.not_searchable, "document", "documents")),
        find: format!("/?q={}", url_part(q)),
        shell,
    })
}

#[derive(Template)]
#[template(path = "search_all.html")]
struct AllPage<'a> {
    frame: &'a Frame,
    q: &'a str,
    count: String,
    hits: Vec<Hit>,
    paging: Paging,
    not_searchable: Option<String>,
}

/// The page of hits across all charts; `None`: nothing asked yet.
pub fn search_all(frame: &Frame, ask: Option<&SearchPage<'_>>) -> String {
    let Some(ask) = ask else {
        let page = AllPage { frame, q: "", count: String::new(), hits: vec![], paging: Paging::default(), not_searchable: None };
        return render(page);
    };
    let found = ask.found;
    let href = |page| format!("/search?q={}&page={page}", url_part(ask.q));
    render(AllPage {
        frame,
        q: ask.q,
        count: text::counted(found.total, "record contains it", "records contain it"),
        hits: hits(frame, ask),
        paging: Paging::of(ask.offset, found.hits.len(), found.total, false, href, ask.size),
        not_searchable: (found.not_searchable > 0).then(|| text::counted(found.not_searchable, "document", "documents")),
    })
}

fn hits(frame: &Frame, ask: &SearchPage<'_>) -> Vec<Hit> {
    let mut documents = ask.documents.iter();
    let mut patients = ask.patients.iter();
    let mut one = |hit| {
        let document = documents.next().and_then(Option::as_deref);
        Hit { patient: patients.next().cloned().flatten(), ..one_hit(frame, hit, document, ask.q) }
    };
    ask.found.hits.iter().map(&mut one).collect()
}

fn one_hit(frame: &Frame, hit: &TextHit, document: Option<&str>, q: &str) -> Hit {
    let base = hit.patient.as_ref().map_or_else(String::new, |patient| format!("/patients/{patient}"));
    Hit {
        href: match document {
            Some(id) if !base.is_empty() => format!("{base}/documents/{id}?q={}", url_part(q)),
            _ => format!("{base}/records/{}/{}", hit.kind, hit.id),
        },
        patient: None,
        title: hit.title.clone(),
        date: text::day(hit.date.as_deref()),
        author: hit.author.clone().unwrap_or_else(|| "author not recorded".into()),
        badge: frame.badge(&hit.source_system),
        snippet: pieces(&hit.snippet, &hit.marks),
        section: hit.section.clone(),
    }
}
