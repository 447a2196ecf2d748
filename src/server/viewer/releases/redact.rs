//! What is taken out of a patient's pages: words wherever they stand, and regions of page images, each with its reason.
//!
//! Not for: taking it out (`release::redaction`).

use askama::Template;

use super::super::frame::Frame;
use super::head::{Head, Looker, name_of};
use super::{render, words};
use crate::release::desk::View;
use crate::release::redaction::{Cause, Redactions};
use crate::release::selection::{Item, Selection};
use crate::release::workflow::State;

/// Items that the page offers to draw on.
const OFFERED: usize = 60;

/// The page image that is open: file of an item, page from 1.
#[derive(Clone, Debug, Default)]
pub struct Spot {
    pub item: Option<usize>,
    pub file: String,
    pub page: u32,
}

/// Words that were looked for, how many items hold them, and the titles of the first of these, with their numbers.
pub type Found = (String, usize, Vec<(usize, String)>);

pub struct RedactPage<'a> {
    pub view: &'a View,
    pub looker: &'a Looker,
    pub subject: usize,
    pub selection: &'a Selection,
    pub redactions: &'a Redactions,
    /// Those that took nothing out of the preview as it stands.
    pub idle: &'a [Cause],
    pub spot: &'a Spot,
    /// Words that were looked for.
    pub found: Option<Found>,
    /// A region or term that was typed and refused.
    pub typed: [String; 4],
    pub problem: Option<String>,
}

struct TermRow {
    at: usize,
    text: String,
    item: String,
    reason: String,
    by: String,
    is_idle: bool,
}

struct RegionRow {
    at: usize,
    place: String,
    href: String,
    reason: String,
    by: String,
    here: bool,
    area: [String; 4],
    is_idle: bool,
}

struct Offered {
    href: String,
    words: String,
}

#[derive(Template)]
#[template(path = "release_redact.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a RedactPage<'a>,
    head: Head,
    base: String,
    /// Where forms are sent, so that the same page comes back.
    here: String,
    terms: Vec<TermRow>,
    regions: Vec<RegionRow>,
    item: Option<&'a Item>,
    image: Option<String>,
    pages: u32,
    previous: Option<String>,
    next: Option<String>,
    offered: Vec<Offered>,
    may: bool,
}

/// Reasons that every page offers; a site's own are typed.
pub const REASONS: [(&str, &str); 5] = [
    ("R-1", "Not asked for"),
    ("R-2", "Another person"),
    ("R-3", "42 CFR Part 2"),
    ("R-4", "Psychotherapy notes"),
    ("R-5", "Protected class that no document names"),
];

impl Page<'_> {
    fn reasons(&self) -> Vec<(String, String)> {
        let own = self.page.redactions.reasons.iter().map(|it| (it.code.clone(), it.words.clone()));
        let usual = REASONS.iter().map(|(code, words)| ((*code).to_string(), (*words).to_string()));
        let mut all: Vec<(String, String)> = own.collect();
        for (code, words) in usual {
            if !all.iter().any(|(known, _)| *known == code) {
                all.push((code, words));
            }
        }
        all.sort();
        all
    }
}

/// A redaction, as a sentence names it.
pub fn in_words(cause: Cause, redactions: &Redactions, selection: &Selection) -> String {
    let title = |n: usize| selection.items.iter().find(|item| item.n == n).map_or("a record", |item| item.title.as_str());
    let named = match cause {
        Cause::Term(at) => redactions.terms.get(at).map(|term| match term.item {
            Some(n) => format!("The words “{}” in “{}”", term.text, title(n)),
            None => format!("The words “{}”", term.text),
        }),
        Cause::Region(at) => {
            redactions.regions.get(at).map(|region| format!("An area on page {} of “{}”", region.page, title(region.item)))
        }
    };
    named.unwrap_or_else(|| "A redaction".into())
}

pub fn redact(frame: &Frame, page: &RedactPage<'_>) -> String {
    let (view, selection, spot) = (page.view, page.selection, page.spot);
    let base = format!("/releases/{}", view.case.number);
    let own = format!("{base}/redact/{}", page.subject);
    let address = |item: usize, file: &str, at: u32| format!("{own}?item={item}&file={file}&page={at}");
    let item = spot.item.and_then(|n| selection.items.iter().find(|item| item.n == n));
    let file = item.and_then(|item| item.attachments.iter().find(|file| file.id == spot.file && file.pages.unwrap_or(0) > 0));
    let pages = file.and_then(|file| file.pages).unwrap_or(0);
    let at = spot.page.clamp(1, pages.max(1));
    let title = |n: usize| selection.items.iter().find(|item| item.n == n).map_or_else(String::new, |item| item.title.clone());
    let said = |by: &str, when: i64| format!("{}, {}", name_of(view, by, page.looker), words::minute(when));
    let terms = page.redactions.terms.iter().enumerate().map(|(place, term)| TermRow {
        at: place,
        text: term.text.clone(),
        item: term.item.map_or_else(|| "everywhere".into(), |n| format!("in “{}”", title(n))),
        reason: term.reason.clone(),
        by: said(&term.by, term.at),
        is_idle: page.idle.contains(&Cause::Term(place)),
    });
    let regions = page.redactions.regions.iter().enumerate().map(|(place, region)| RegionRow {
        at: place,
        place: format!("{}, page {}", title(region.item), region.page),
        href: address(region.item, &region.attachment, region.page),
        reason: region.reason.clone(),
        by: said(&region.by, region.at),
        here: Some(region.item) == spot.item && region.attachment == spot.file && region.page == at,
        area: [region.left, region.top, region.width, region.height].map(|it| it.to_string()),
        is_idle: page.idle.contains(&Cause::Region(place)),
    });
    let drawable =
        selection.items.iter().filter_map(|item| Some((item, item.attachments.iter().find(|file| file.pages.unwrap_or(0) > 0)?)));
    let offered = drawable.take(OFFERED).map(|(item, file)| Offered {
        href: address(item.n, &file.id, 1),
        words: format!("{} {}", item.date.as_deref().unwrap_or("no date"), item.title),
    });
    render(Page {
        frame,
        page,
        head: Head::new(view, "redact", page.looker).of_person(&selection.patient),
        here: match (item, file) {
            (Some(item), Some(file)) => address(item.n, &file.id, at),
            (Some(item), None) => format!("{own}?item={}", item.n),
            _ => own.clone(),
        },
        terms: terms.collect(),
        regions: regions.collect(),
        image: file.map(|file| format!("/documents/{}/page/{at}.png", file.id)),
        previous: file.filter(|_| at > 1).and_then(|file| Some(address(item?.n, &file.id, at - 1))),
        next: file.filter(|_| at < pages).and_then(|file| Some(address(item?.n, &file.id, at + 1))),
        offered: offered.collect(),
        may: matches!(view.case.state, State::Assembled | State::Reviewed),
        item,
        pages,
        base,
    })
}
