//! Words found in a chart or in all charts: hits with their snippets, what narrows them, and what could not be searched.
//!
//! Not for: searching (`query`).

use askama::Template;

use super::super::fhir::Item;
use super::super::frame::Frame;
use super::super::html::{pieces, url_part};
use super::super::query::Query;
use super::super::sections::everything::kind_name;
use super::super::sections::notes::View;
use super::super::source::Badge;
use super::super::table::Paging;
use super::super::text;
use super::{Shell, render};
use crate::model::{Chart, Record};
use crate::query::{Facet, TextHit, TextHits, Unseen};

/// Values of one facet that are listed.
const VALUES_MAX: usize = 10;

struct Hit {
    href: String,
    patient: Option<(String, String)>,
    title: String,
    date: String,
    author: String,
    badge: Badge,
    tag: Option<(&'static str, &'static str)>,
    /// How often the words occur, when that is more than the snippet shows.
    occurs: Option<String>,
    snippet: Vec<(String, bool)>,
    section: Option<String>,
}

/// One thing that hits can be narrowed by.
struct Narrow {
    name: &'static str,
    values: Vec<Value>,
}

struct Value {
    words: String,
    count: String,
    /// Turns it on, or off when it is on.
    href: String,
    on: bool,
}

/// What the words were not looked for in.
struct NotSearched {
    what: String,
    badge: Option<Badge>,
    words: &'static str,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page<'a> {
    frame: &'a Frame,
    shell: Shell,
    q: &'a str,
    count: String,
    hits: Vec<Hit>,
    narrows: Vec<Narrow>,
    paging: Paging,
    unsearched: Vec<NotSearched>,
    find: String,
}

/// What was asked and what came back.
#[derive(Default)]
pub struct SearchPage<'a> {
    pub q: &'a str,
    pub found: Option<&'a TextHits>,
    /// What else the address asks: what the hits are narrowed by.
    pub query: Query,
    /// For each hit: the document to open, and how it stands.
    pub opened: &'a [Opened],
    /// For each hit of a search across patients: whose it is (name, birth date).
    pub patients: &'a [Option<(String, String)>],
    /// What no search can see.
    pub unseen: &'a [Unseen],
    /// Hits before the first one given, and hits on a page.
    pub offset: usize,
    pub size: usize,
}

/// What a hit's own record says beside what the index knows.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Its first document, by its id in `/documents/`.
    pub document: Option<String>,
    /// A tag in words with its tone, where it is not simply final.
    pub tag: Option<(&'static str, &'static str)>,
}

impl Opened {
    pub fn of(record: &Record) -> Opened {
        let view = View::of(Item::new(record));
        Opened { tag: view.tag, document: view.document }
    }
}

/// The first document of a record, by its id in `/documents/`.
pub fn document_of(record: &Record) -> Option<String> {
    Opened::of(record).document
}

/// The page of hits in one chart.
pub fn search(frame: &Frame, chart: &Chart, ask: &SearchPage<'_>) -> String {
    let mut shell = Shell::new(frame, chart, None);
    shell.q = ask.q.to_string();
    let path = format!("{}/search", shell.nav.base);
    let none = TextHits::default();
    let found = ask.found.unwrap_or(&none);
    render(Page {
        frame,
        q: ask.q,
        count: text::counted(found.total, "record contains it", "records contain it"),
        hits: hits(frame, ask, found),
        narrows: narrows(frame, &path, ask, found),
        paging: paging(&path, ask, found),
        unsearched: unsearched(frame, ask, found),
        find: format!("/?q={}", url_part(ask.q)),
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
    narrows: Vec<Narrow>,
    paging: Paging,
    unsearched: Vec<NotSearched>,
}

/// The page of hits across all charts; without hits nothing has been asked yet.
pub fn search_all(frame: &Frame, ask: &SearchPage<'_>) -> String {
    let none = TextHits::default();
    let found = ask.found.unwrap_or(&none);
    render(AllPage {
        frame,
        q: ask.q,
        count: text::counted(found.total, "record contains it", "records contain it"),
        hits: hits(frame, ask, found),
        narrows: narrows(frame, "/search", ask, found),
        paging: paging("/search", ask, found),
        unsearched: if ask.found.is_some() { unsearched(frame, ask, found) } else { Vec::new() },
    })
}

/// What the address of a page narrows by, each as the search itself reads it.
const NARROWED_BY: [&str; 4] = ["kind", "source", "from", "to"];

/// The address with some of what narrows set otherwise (`""`: not at all).
fn address(path: &str, ask: &SearchPage<'_>, changed: &[(&str, &str)]) -> String {
    let mut address = format!("{path}?q={}", url_part(ask.q));
    for name in NARROWED_BY {
        let changed = changed.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
        let value = changed.or_else(|| ask.query.get(name)).unwrap_or_default();
        if !value.is_empty() {
            address.push_str(&format!("&{name}={}", url_part(value)));
        }
    }
    address
}

fn paging(path: &str, ask: &SearchPage<'_>, found: &TextHits) -> Paging {
    let base = address(path, ask, &[]);
    Paging::of(ask.offset, found.hits.len(), found.total, false, |page| format!("{base}&page={page}"), ask.size)
}

fn narrows(frame: &Frame, path: &str, ask: &SearchPage<'_>, found: &TextHits) -> Vec<Narrow> {
    let one =
        |name: &'static str, facet: &Facet, words: &dyn Fn(&str) -> String, set: &dyn Fn(&str) -> [(&'static str, String); 2]| {
            let value = |(value, count): &(String, u64)| {
                let set = set(value);
                let on = set.iter().all(|(name, it)| it.is_empty() || ask.query.get(name) == Some(it.as_str()));
                let changed: Vec<(&str, &str)> =
                    set.iter().map(|(name, it)| (*name, if on { "" } else { it.as_str() })).collect();
                let changed: Vec<_> = changed.into_iter().filter(|(name, _)| !name.is_empty()).collect();
                Value { words: words(value), count: text::count(*count), href: address(path, ask, &changed), on }
            };
            Narrow { name, values: facet.values.iter().take(VALUES_MAX).map(value).collect() }
        };
    let none = || ("", String::new());
    let all = [
        one("Kind", &found.kinds, &kind_name, &|kind| [("kind", kind.to_string()), none()]),
        one("Source", &found.sources, &|source| frame.badge(source).name, &|source| [("source", source.to_string()), none()]),
        one("Year", &found.years, &str::to_string, &|year| [("from", format!("{year}-01-01")), ("to", format!("{year}-12-31"))]),
    ];
    all.into_iter().filter(|narrow| !narrow.values.is_empty()).collect()
}

fn unsearched(frame: &Frame, ask: &SearchPage<'_>, found: &TextHits) -> Vec<NotSearched> {
    let mut all = Vec::new();
    if found.not_searchable > 0 {
        let what = text::counted(found.not_searchable, "document", "documents");
        all.push(NotSearched {
            what,
            badge: None,
            words: "without text, for instance scans. Their titles and dates are in the list of documents.",
        });
    }
    for it in ask.unseen {
        let (what, source, words) = match it {
            Unseen::SetAside { source_system, records } => {
                let words = "of the whole source, set aside because they could not be read.";
                (text::counted(*records, "record", "records"), source_system, words)
            }
            Unseen::NotInForce { source_system, deliveries } => {
                (text::counted(*deliveries, "delivery", "deliveries"), source_system, "loaded and not accepted yet.")
            }
        };
        all.push(NotSearched { what, badge: Some(frame.badge(source)), words });
    }
    all
}

fn hits(frame: &Frame, ask: &SearchPage<'_>, found: &TextHits) -> Vec<Hit> {
    let none = Opened::default();
    let one = |(row, hit): (usize, &TextHit)| {
        let hit = one_hit(frame, hit, ask.opened.get(row).unwrap_or(&none), ask.q);
        Hit { patient: ask.patients.get(row).cloned().flatten(), ..hit }
    };
    found.hits.iter().enumerate().map(one).collect()
}

fn one_hit(frame: &Frame, hit: &TextHit, opened: &Opened, q: &str) -> Hit {
    let base = hit.patient.as_ref().map_or_else(String::new, |patient| format!("/patients/{patient}"));
    Hit {
        href: match &opened.document {
            Some(id) if !base.is_empty() => format!("{base}/documents/{id}?q={}", url_part(q)),
            _ => format!("{base}/records/{}/{}", hit.kind, hit.id),
        },
        patient: None,
        title: hit.title.clone(),
        date: text::day(hit.date.as_deref()),
        author: hit.author.clone().unwrap_or_else(|| "author not recorded".into()),
        badge: frame.badge(&hit.source_system),
        tag: opened.tag,
        occurs: (hit.occurs > hit.marks.len()).then(|| text::counted(hit.occurs as u64, "time", "times")),
        snippet: pieces(&hit.snippet, &hit.marks),
        section: hit.section.clone(),
    }
}
