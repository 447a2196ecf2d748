//! The picker: what of a patient's records would go out by dates, types, encounters, sources, authors and words; what would stay
//! out and why; about how many pages that makes.
//!
//! Not for: choosing (`release::selection`).

use std::collections::BTreeMap;

use askama::Template;

use super::super::frame::Frame;
use super::super::source::Badge;
use super::super::text;
use super::head::{Head, Looker};
use super::{render, words};
use crate::release::desk::{Picked, View};
use crate::release::request::Scope;
use crate::release::selection::{Exclusion, Item};

/// Items of one section that the page lists, and of all.
const SECTION_ITEMS: usize = 30;
const ITEMS: usize = 300;
/// Options of one kind that the page offers.
const OPTIONS: usize = 60;

pub struct PickPage<'a> {
    pub view: &'a View,
    pub looker: &'a Looker,
    pub subject: usize,
    pub picked: &'a Picked,
    /// What there is before encounters, sources, authors and words narrow it.
    pub whole: &'a Picked,
    /// As it is being tried.
    pub scope: &'a Scope,
    pub problem: Option<String>,
}

/// Something to tick.
struct Choice {
    value: String,
    words: String,
    on: bool,
}

struct Section {
    code: String,
    title: String,
    count: u64,
    beyond: u64,
    out: u64,
    on: bool,
    rows: Vec<Line>,
    more: usize,
}

pub struct Line {
    pub title: String,
    pub date: String,
    pub by: String,
    pub badge: Badge,
    pub flags: Vec<String>,
}

struct Out {
    why: String,
    detail: String,
    count: u64,
}

#[derive(Template)]
#[template(path = "release_pick.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a PickPage<'a>,
    head: Head,
    base: String,
    subjects: Vec<(usize, String, bool)>,
    sections: Vec<Section>,
    encounters: Vec<Choice>,
    sources: Vec<Choice>,
    authors: Vec<Choice>,
    outs: Vec<Out>,
    pages: String,
    records: String,
    flagged: u64,
    from: String,
    to: String,
    words: String,
    sets: [(&'static str, &'static str, bool); 2],
    is_frozen: bool,
    not_loaded: &'a [String],
}

pub fn line(frame: &Frame, item: &Item) -> Line {
    let by = [item.author.clone(), item.status.clone()];
    Line {
        title: item.title.clone(),
        date: item.date.clone().unwrap_or_else(|| "no date".into()),
        by: by.into_iter().flatten().collect::<Vec<_>>().join(", "),
        badge: frame.badge(&item.source.system),
        flags: item.flags.iter().map(|why| words::flag(why)).collect(),
    }
}

fn sections(frame: &Frame, page: &PickPage<'_>) -> Vec<Section> {
    let selection = &page.picked.selection;
    let mut all: Vec<Section> = Vec::new();
    let mut place = |code: &str| {
        if let Some(at) = all.iter().position(|section| section.code == code) {
            return at;
        }
        let on = page.scope.types.iter().any(|own| own == code || own == words::group_of(code));
        let title = words::section(code);
        all.push(Section { code: code.into(), title, count: 0, beyond: 0, out: 0, on, rows: Vec::new(), more: 0 });
        all.len() - 1
    };
    // The order of the package first, then what is not asked for.
    let counted = selection.items.iter().map(|item| (item.section.as_str(), 0, 1));
    let out = selection.excluded.iter().map(|it| (it.section.as_str(), 1, it.count));
    let beyond = selection.beyond.iter().map(|it| (it.section.as_str(), 2, it.count));
    let asked = page.scope.types.iter().map(|code| (code.as_str(), 0, 0));
    let places: Vec<(usize, usize, u64)> =
        counted.chain(out).chain(beyond).chain(asked).map(|(code, what, count)| (place(code), what, count)).collect();
    for (at, what, count) in places {
        if let Some(section) = all.get_mut(at) {
            match what {
                0 => section.count += count,
                1 => section.out += count,
                _ => section.beyond += count,
            }
        }
    }
    let mut left = ITEMS;
    for item in &selection.items {
        let Some(section) = all.iter_mut().find(|section| section.code == item.section) else { continue };
        if section.rows.len() < SECTION_ITEMS && left > 0 {
            section.rows.push(line(frame, item));
            left -= 1;
        } else {
            section.more += 1;
        }
    }
    all
}

fn outs(excluded: &[Exclusion]) -> Vec<Out> {
    let mut by_reason: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for it in excluded {
        *by_reason.entry((&it.why, &it.detail)).or_default() += it.count;
    }
    let out = |((why, detail), count): ((&str, &str), u64)| Out {
        why: words::exclusion(why),
        detail: if why == "class" { words::class(detail) } else { detail.to_string() },
        count,
    };
    by_reason.into_iter().map(out).collect()
}

/// What can be ticked, with what is ticked already in front.
fn choices(found: BTreeMap<String, String>, chosen: &[String]) -> Vec<Choice> {
    let own =
        chosen.iter().map(|value| Choice { value: value.clone(), words: found.get(value).unwrap_or(value).clone(), on: true });
    let rest = found.iter().filter(|(value, _)| !chosen.contains(value));
    own.chain(rest.map(|(value, words)| Choice { value: value.clone(), words: words.clone(), on: false })).take(OPTIONS).collect()
}

pub fn pick(frame: &Frame, page: &PickPage<'_>) -> String {
    let (case, scope) = (&page.view.case, page.scope);
    let (selection, whole) = (&page.picked.selection, &page.whole.selection);
    let named = |values: Vec<(String, String)>| values.into_iter().collect::<BTreeMap<_, _>>();
    let encounters = whole.items.iter().filter(|item| item.kind == "Encounter");
    let encounters = named(
        encounters
            .map(|item| (item.id.clone(), format!("{} {}", item.date.as_deref().unwrap_or("no date"), item.title)))
            .collect(),
    );
    let sources = named(whole.coverage.searched.iter().map(|it| (it.system.clone(), it.system.clone())).collect());
    let authors =
        named(whole.items.iter().filter_map(|item| item.author.clone()).map(|author| (author.clone(), author)).collect());
    let own_set = scope.record_set.split(' ').next().unwrap_or("");
    let set = |code: &'static str, words: &'static str| (code, words, own_set == code);
    let subject = |(at, subject): (usize, &crate::release::request::Subject)| (at, subject.name.clone(), at == page.subject);
    let flagged = selection.items.iter().filter(|item| !item.flags.is_empty()).count() as u64;
    render(Page {
        frame,
        page,
        head: Head::new(page.view, "choose records", page.looker).of_person(&selection.patient),
        base: format!("/releases/{}", case.number),
        subjects: case.request.subjects.iter().enumerate().map(subject).collect(),
        sections: sections(frame, page),
        encounters: choices(encounters, &scope.encounters),
        sources: choices(sources, &scope.sources),
        authors: choices(authors, &scope.authors),
        outs: outs(&selection.excluded),
        pages: format!("about {}", text::counted(page.picked.pages, "page", "pages")),
        records: text::counted(selection.items.len() as u64, "record", "records"),
        flagged,
        from: scope.from.map_or_else(String::new, |day| day.to_string()),
        to: scope.to.map_or_else(String::new, |day| day.to_string()),
        words: scope.text.clone().unwrap_or_default(),
        sets: [set("designated-record-set", "Designated record set"), set("legal-health-record", "Legal health record")],
        is_frozen: case.assembly.is_some(),
        not_loaded: &selection.coverage.not_loaded,
    })
}
