//! The list of a chart's documents: the words and filters that narrow it, how many documents each filter would leave, the rows
//! of one page, and the neighbours of the open document.
//!
//! Each group of filters counts the documents that hold the words looked for, so each adds up to the same number; a choice
//! that none of them has stays, with 0. Choices of one group widen, groups narrow.
//!
//! Not for: searching (`query`), the open document (`pages::document`).

use std::collections::HashMap;

use askama::Template;

use super::super::frame::Frame;
use super::super::html::{Markup, pieces, url_part};
use super::super::query::Query;
use super::super::source::Badge;
use super::super::table::Paging;
use super::super::text;
use super::Ask;
use super::notes::{self, View};
use crate::model::{ArchiveId, Chart, Kind, Record};
use crate::query::{TextHit, TextHits};

/// Documents on one page of the list.
const ROWS: usize = 25;
/// Choices of a group that are seen at once, and at all.
const CHOICES_OPEN: usize = 6;
const CHOICES_MAX: usize = 60;
/// Most filters that an address is read for.
const CHOSEN_MAX: usize = 40;

const GROUPS: [(&str, &str); 6] =
    [("type", "Kind"), ("source", "Source"), ("year", "Year"), ("author", "Author"), ("state", "State"), ("format", "Format")];

fn value_of(view: &View<'_>, group: &str) -> String {
    let not_recorded = || text::NOT_RECORDED.to_string();
    match group {
        "type" => view.kind(),
        "source" => view.item.record.source_system.to_string(),
        "year" => view.year(),
        "author" => view.author.clone().unwrap_or_else(not_recorded),
        "state" => view.state.to_string(),
        _ => view.format.clone().unwrap_or_else(|| "No file".to_string()),
    }
}

/// A chart's documents, narrowed as the address asks.
pub struct Listing<'a> {
    frame: &'a Frame,
    chart: &'a Chart,
    views: Vec<View<'a>>,
    base: String,
    q: String,
    chosen: Vec<(&'static str, String)>,
    found: Option<&'a TextHits>,
    /// By place in `views`: the hit, when words are looked for and it has them.
    hits: HashMap<usize, TextHit>,
    /// How often the words stand in it, for those on the page.
    counts: HashMap<usize, u64>,
    passing: Vec<usize>,
    open: Option<usize>,
    page: usize,
    /// Documents of the chart; more than `views` in the largest charts.
    held: u64,
}

impl<'a> Listing<'a> {
    /// `found`: what holds the words of `q`, newest first; `None` when no words are looked for.
    pub fn new(
        frame: &'a Frame,
        chart: &'a Chart,
        query: &Query,
        found: Option<&'a TextHits>,
        open: Option<&Record>,
    ) -> Listing<'a> {
        let base = format!("/patients/{}", chart.index.patient);
        let views = notes::views(frame, chart);
        let mut chosen: Vec<(&'static str, String)> = Vec::new();
        for (key, _) in GROUPS {
            // A source goes by its letters, as on the other pages of a chart.
            let named = |value: &str| match key {
                "source" => frame.sources.by_letters(value).map_or_else(|| value.to_string(), |badge| badge.name),
                _ => value.to_string(),
            };
            chosen.extend(query.all(key).take(CHOSEN_MAX).map(|value| (key, named(value))));
        }
        chosen.dedup();
        chosen.truncate(CHOSEN_MAX);
        let by_name: HashMap<(Kind, &ArchiveId), &TextHit> =
            found.iter().flat_map(|found| &found.hits).map(|hit| ((hit.kind, &hit.id), hit)).collect();
        let hit =
            |(at, v): (usize, &View<'_>)| by_name.get(&(v.item.record.kind, &v.item.record.id)).map(|hit| (at, (*hit).clone()));
        let hits: HashMap<usize, TextHit> = views.iter().enumerate().filter_map(hit).collect();
        let passes = |v: &View<'_>| {
            GROUPS.iter().all(|(key, _)| {
                let mut wanted = chosen.iter().filter(|(k, _)| k == key).peekable();
                wanted.peek().is_none() || wanted.any(|(_, value)| value_of(v, key) == *value)
            })
        };
        let is_listed = |at: &usize| (found.is_none() || hits.contains_key(at)) && views.get(*at).is_some_and(&passes);
        let passing: Vec<usize> = (0..views.len()).filter(is_listed).collect();
        let is_open = |v: &View<'_>| open.is_some_and(|o| v.item.record.kind == o.kind && v.item.record.id == o.id);
        let open = views.iter().position(is_open);
        let at = open.and_then(|open| passing.iter().position(|at| *at == open));
        let page = query.number("page").or_else(|| at.map(|at| at / ROWS + 1)).unwrap_or(1);
        let pages = passing.len().div_ceil(ROWS).max(1);
        Listing {
            frame,
            chart,
            base,
            q: query.get("q").unwrap_or("").trim().to_string(),
            chosen,
            found,
            hits,
            counts: HashMap::new(),
            page: page.clamp(1, pages),
            held: super::super::chart_nav::held(&chart.index, super::super::Section::Notes.kinds_shown()),
            passing,
            open,
            views,
        }
    }

    fn on_page(&self) -> impl Iterator<Item = usize> {
        self.passing.iter().copied().skip((self.page - 1) * ROWS).take(ROWS)
    }

    /// The hits on this page, for their snippets.
    pub fn hits(&self) -> Vec<TextHit> {
        self.on_page().filter_map(|at| self.hits.get(&at).cloned()).collect()
    }

    /// Takes the hits back with their snippets, and how often each document holds the words.
    pub fn tell(&mut self, hits: Vec<TextHit>, counts: &[u64]) {
        let places: Vec<usize> = self.on_page().filter(|at| self.hits.contains_key(at)).collect();
        for ((at, hit), count) in places.into_iter().zip(hits).zip(counts) {
            self.hits.insert(at, hit);
            self.counts.insert(at, *count);
        }
    }

    /// The query that keeps what was chosen, `?` and all; empty when nothing was.
    fn kept(&self, without: Option<&(&'static str, String)>, words: bool, page: Option<usize>) -> String {
        let chosen = self.chosen.iter().filter(|c| Some(*c) != without);
        let chosen = chosen.map(|(k, v)| format!("{k}={}", url_part(&self.sent(k, v))));
        let words = (words && !self.q.is_empty()).then(|| format!("q={}", url_part(&self.q)));
        let parts: Vec<String> = chosen.chain(words).chain(page.map(|page| format!("page={page}"))).collect();
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    /// The value of a filter as it stands in an address.
    fn sent(&self, key: &str, value: &str) -> String {
        let letters = self.frame.badge(value).letters;
        let is_known = key == "source" && self.frame.sources.by_letters(&letters).is_some();
        if is_known { letters } else { value.to_string() }
    }

    /// Why nothing passes, where only a source was asked for: it has no documents, and another may have some.
    fn empty(&self) -> Option<Markup> {
        let is_source_alone = self.chosen.len() == 1 && self.frame.only.is_some() && self.q.is_empty();
        let query = Query::default();
        let ask = Ask { frame: self.frame, chart: self.chart, query: &query, href: String::new() };
        (is_source_alone && self.passing.is_empty()).then(|| super::nothing(&ask, super::Section::Notes, "documents"))
    }

    /// What follows the address of a document so that its list stays as it is.
    pub fn tail(&self) -> String {
        self.kept(None, true, None)
    }

    fn href(&self, view: &View<'_>) -> String {
        let href = view.href(&self.base);
        if view.document.is_some() { format!("{href}{}", self.tail()) } else { href }
    }

    /// The neighbours of the open document in the list: newer and older.
    pub fn neighbours(&self) -> (Option<String>, Option<String>) {
        let at = self.open.and_then(|open| self.passing.iter().position(|at| *at == open));
        let near = |at: Option<usize>| Some(self.href(self.views.get(*self.passing.get(at?)?)?));
        (near(at.and_then(|at| at.checked_sub(1))), near(at.map(|at| at + 1)))
    }

    /// The document that says it replaces this record.
    pub fn newer_than(&self, record: &Record) -> Option<String> {
        let reference = format!("{}/{}", record.kind, record.id);
        self.views.iter().find(|v| v.replaces().contains(&reference)).map(|v| self.href(v))
    }

    /// The list, to stand beside the open document or by itself; filters are sent to `path`.
    pub fn part(&self, path: &str, is_open: bool) -> DocumentList {
        let total = self.views.iter().enumerate().filter(|(at, _)| self.counts_in(*at)).count() as u64;
        let shown = self.passing.len() as u64;
        let rows = self.on_page().filter_map(|at| Some((at, self.views.get(at)?))).map(|(at, v)| self.row(at, v)).collect();
        let notes = format!("{}/notes", self.base);
        let name = |key: &str| GROUPS.iter().find(|(k, _)| *k == key).map_or("", |(_, name)| *name);
        let chip =
            |c: &(&'static str, String)| (format!("{}: {}", name(c.0), c.1), format!("{path}{}", self.kept(Some(c), true, None)));
        let mut chips: Vec<(String, String)> = self.chosen.iter().map(chip).collect();
        if !self.q.is_empty() {
            chips.push((format!("Words: {}", self.q), format!("{path}{}", self.kept(None, false, None))));
        }
        let at_hand = self.views.len() as u64;
        let of = text::count(self.held.max(at_hand));
        DocumentList {
            path: path.to_string(),
            notes: notes.clone(),
            is_open,
            q: self.q.clone(),
            count: match self.found {
                None => text::counted(total, "document", "documents"),
                Some(_) => format!("{} of {of} contain it", text::count(total)),
            },
            cut: match self.found {
                Some(f) if f.total > total => Some(format!("The newest of {} that contain it.", text::count(f.total))),
                _ => (at_hand < self.held).then(|| format!("The newest {} of {of} documents are listed.", text::count(at_hand))),
            },
            groups: GROUPS.iter().map(|(key, name)| self.group(key, name)).collect(),
            chips,
            all: path.to_string(),
            heading: text::counted(shown, "document", "documents"),
            of: (shown < total).then(|| text::count(total)),
            rows,
            is_last: self.page * ROWS >= self.passing.len(),
            paging: Paging::of(
                (self.page - 1) * ROWS,
                self.on_page().count(),
                shown,
                false,
                |page| self.list_href(&notes, page),
                ROWS,
            ),
            not_searched: self
                .found
                .filter(|f| f.not_searchable > 0)
                .map(|f| text::counted(f.not_searchable, "document", "documents")),
            scans: self.scans(&notes),
            is_outside: is_open && self.open.is_none_or(|open| !self.passing.contains(&open)),
            is_empty_chart: self.views.is_empty(),
            empty: self.empty(),
        }
    }

    fn list_href(&self, notes: &str, page: usize) -> String {
        format!("{notes}{}", self.kept(None, true, Some(page)))
    }

    /// The address of the documents that are pictures, when there are any.
    fn scans(&self, notes: &str) -> Option<String> {
        let kinds = ["TIFF scan", "Image", "PDF"];
        let held: Vec<&str> = kinds.into_iter().filter(|k| self.views.iter().any(|v| v.format.as_deref() == Some(k))).collect();
        let query: Vec<String> = held.iter().map(|k| format!("format={}", url_part(k))).collect();
        (!held.is_empty()).then(|| format!("{notes}?{}", query.join("&")))
    }

    /// Whether a document counts: it holds the words looked for, or none are.
    fn counts_in(&self, at: usize) -> bool {
        self.found.is_none() || self.hits.contains_key(&at)
    }

    fn group(&self, key: &'static str, name: &'static str) -> Group {
        let mut counts: Vec<(String, u64)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (at, v) in self.views.iter().enumerate() {
            let value = value_of(v, key);
            let place = *places.entry(value.clone()).or_insert_with(|| {
                counts.push((value, 0));
                counts.len() - 1
            });
            if let Some(count) = counts.get_mut(place) {
                count.1 += u64::from(self.counts_in(at));
            }
        }
        match key {
            "year" => counts.sort_by(|a, b| b.0.cmp(&a.0)),
            _ => counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0))),
        }
        let is_on = |value: &str| self.chosen.iter().any(|(k, v)| *k == key && v == value);
        let (rest, rest_n) = counts.get(CHOICES_MAX..).map_or((0, 0), |rest| (rest.len() as u64, rest.iter().map(|c| c.1).sum()));
        let choice = |(value, n): (String, u64)| Choice {
            badge: (key == "source").then(|| self.frame.badge(&value)),
            is_on: is_on(&value),
            count: text::count(n),
            sent: self.sent(key, &value),
            value,
        };
        let mut choices: Vec<Choice> = counts.into_iter().take(CHOICES_MAX).map(choice).collect();
        let more =
            choices.split_off(choices.len().min(if choices.len() <= CHOICES_OPEN + 1 { CHOICES_OPEN + 1 } else { CHOICES_OPEN }));
        Group {
            key,
            name,
            is_more_open: more.iter().any(|choice| choice.is_on),
            choices,
            more,
            rest: (rest > 0).then(|| (format!("{} more", text::count(rest)), text::count(rest_n))),
        }
    }

    fn row(&self, at: usize, v: &View<'_>) -> Row {
        let hit = self.hits.get(&at);
        let who = [v.place.clone(), Some(v.author.clone().unwrap_or_else(|| "author not recorded".into()))];
        Row {
            title: v.title.clone().unwrap_or_else(|| "Document without a title".into()),
            date: text::day(v.date.as_deref()),
            who: who.into_iter().flatten().collect::<Vec<_>>().join(", "),
            href: self.href(v),
            badge: self.frame.badge(&v.item.record.source_system),
            tag: v.tag,
            snippet: hit.map(|hit| pieces(&hit.snippet, &hit.marks)).unwrap_or_default(),
            hits: self.counts.get(&at).filter(|n| **n > 0).map(|n| text::counted(*n, "hit", "hits")),
            format: v.format.clone(),
            is_open: self.open == Some(at),
        }
    }
}

/// Filters and list as they stand on the page.
#[derive(Template)]
#[template(path = "parts/document_list.html")]
pub struct DocumentList {
    path: String,
    notes: String,
    /// Whether a document stands beside.
    is_open: bool,
    q: String,
    count: String,
    cut: Option<String>,
    groups: Vec<Group>,
    /// What narrows the list, each with the address without it.
    chips: Vec<(String, String)>,
    all: String,
    heading: String,
    of: Option<String>,
    rows: Vec<Row>,
    is_last: bool,
    paging: Paging,
    not_searched: Option<String>,
    scans: Option<String>,
    /// The open document does not pass the filters.
    is_outside: bool,
    is_empty_chart: bool,
    empty: Option<Markup>,
}

impl askama::filters::HtmlSafe for DocumentList {}

struct Group {
    key: &'static str,
    name: &'static str,
    choices: Vec<Choice>,
    more: Vec<Choice>,
    is_more_open: bool,
    /// Choices beyond those that are listed, and their documents.
    rest: Option<(String, String)>,
}

struct Choice {
    value: String,
    /// The same in an address.
    sent: String,
    badge: Option<Badge>,
    count: String,
    is_on: bool,
}

/// One document of the list.
struct Row {
    title: String,
    date: String,
    who: String,
    href: String,
    badge: Badge,
    tag: Option<(&'static str, &'static str)>,
    snippet: Vec<(String, bool)>,
    hits: Option<String>,
    format: Option<String>,
    is_open: bool,
}

#[cfg(test)]
#[path = "notes_list_tests.rs"]
mod tests;
