//! Items of a frozen selection, one after the other: those that somebody has to decide first, each beside its source record.
//!
//! Not for: choosing them (`pick`), or their pages (`review`).

use askama::Template;

use super::super::frame::Frame;
use super::super::sections::everything::{self, Pair};
use super::super::text;
use super::head::{Head, Looker, name_of};
use super::pick::{Line, line};
use super::{render, words};
use crate::model::Record;
use crate::release::desk::View;
use crate::release::selection::{Item, Selection};
use crate::release::workflow::{Decision, State};

/// Items that one page lists.
const LISTED: usize = 100;

/// The record of an item, as the archive has it.
pub struct Source<'a> {
    pub record: &'a Record,
}

pub struct ItemsPage<'a> {
    pub view: &'a View,
    pub looker: &'a Looker,
    pub subject: usize,
    pub selection: &'a Selection,
    /// Number of the item that is open.
    pub open: usize,
    /// All items are listed, and not the flagged ones alone.
    pub all: bool,
    pub source: Option<Source<'a>>,
    pub problem: Option<String>,
}

struct Entry {
    href: String,
    line: Line,
    /// What was decided, in a word, with its tone.
    decided: (&'static str, &'static str),
    on: bool,
}

struct File {
    href: String,
    about: String,
    /// Address of the first page's picture.
    picture: Option<String>,
    redact: Option<String>,
}

#[derive(Template)]
#[template(path = "release_items.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a ItemsPage<'a>,
    head: Head,
    base: String,
    own: String,
    entries: Vec<Entry>,
    more: usize,
    item: Option<&'a Item>,
    line: Option<Line>,
    decision: Option<(&'static str, String, String)>,
    classes: String,
    place: String,
    record: String,
    files: Vec<File>,
    pairs: Vec<Pair>,
    previous: Option<String>,
    next: Option<String>,
    open_count: usize,
    may_decide: bool,
    flagged: usize,
}

impl Page<'_> {
    /// Why a flag was raised, beside its name.
    fn reason(&self, flag: &usize) -> &str {
        self.item.and_then(|item| item.reasons.get(*flag)).map_or("", String::as_str)
    }
}

fn decided(decision: Option<&Decision>, is_flagged: bool) -> (&'static str, &'static str) {
    match decision {
        Some(Decision::Include { .. }) => ("goes out", "good"),
        Some(Decision::Exclude { .. }) => ("stays out", "plain"),
        Some(Decision::Redact { .. }) => ("is redacted", "plain"),
        None if is_flagged => ("decide", "caution"),
        None => ("goes out", "plain"),
    }
}

pub fn decision_of(view: &View, subject: usize, n: usize) -> Option<&Decision> {
    view.case.decisions.iter().find(|(place, _)| *place == (subject, n)).map(|(_, decision)| decision)
}

/// Who decided last about an item.
fn who_decided(page: &ItemsPage<'_>, n: usize) -> String {
    let is_it = |made: &crate::release::workflow::Move| matches!(made, crate::release::workflow::Move::Decide { subject, item, .. } if (*subject, *item) == (page.subject, n));
    let told = page.view.history.iter().rfind(|told| is_it(&told.step.made));
    told.map_or_else(String::new, |told| {
        format!("{}, {}", name_of(page.view, &told.step.by, page.looker), words::minute(told.step.at))
    })
}

pub fn items(frame: &Frame, page: &ItemsPage<'_>) -> String {
    let (view, selection) = (page.view, page.selection);
    let base = format!("/releases/{}", view.case.number);
    let own = format!("{base}/items/{}", page.subject);
    let suffix = if page.all { "&show=all" } else { "" };
    let address = |n: usize| format!("{own}?n={n}{suffix}#item");
    let listed: Vec<&Item> = selection
        .items
        .iter()
        .filter(|item| page.all || !item.flags.is_empty() || decision_of(view, page.subject, item.n).is_some())
        .collect();
    let at = listed.iter().position(|item| item.n == page.open);
    let item = at.and_then(|at| listed.get(at).copied());
    let start = at.unwrap_or(0) / LISTED * LISTED;
    let entry = |it: &&Item| Entry {
        href: address(it.n),
        line: line(frame, it),
        decided: decided(decision_of(view, page.subject, it.n), !it.flags.is_empty()),
        on: it.n == page.open,
    };
    let decision = item.and_then(|it| decision_of(view, page.subject, it.n)).map(|decision| {
        let (code, reason) = match decision {
            Decision::Include { reason } => ("include", reason),
            Decision::Exclude { reason } => ("exclude", reason),
            Decision::Redact { reason } => ("redact", reason),
        };
        (code, reason.clone(), who_decided(page, page.open))
    });
    let neighbour = |step: isize| at.and_then(|at| listed.get(at.checked_add_signed(step)?)).map(|it| address(it.n));
    render(Page {
        frame,
        page,
        head: Head::new(view, "decide items", page.looker).of_person(&selection.patient),
        entries: listed.iter().skip(start).take(LISTED).map(entry).collect(),
        more: listed.len().saturating_sub(start + LISTED),
        line: item.map(|it| line(frame, it)),
        classes: item
            .map_or_else(String::new, |it| it.classes.iter().map(|class| words::class(class)).collect::<Vec<_>>().join(", ")),
        place: item.map_or_else(String::new, place),
        record: item.map_or_else(String::new, |it| {
            format!("/patients/{}/records/{}/{}?version={}", it.patient, it.kind, it.id, it.version)
        }),
        files: item.map_or_else(Vec::new, |it| files(&base, page.subject, it)),
        pairs: page.source.as_ref().map_or_else(Vec::new, |source| everything::pairs(&source.record.json, &frame.names)),
        decision,
        previous: neighbour(-1),
        next: neighbour(1),
        open_count: view.undecided.iter().filter(|(subject, _)| *subject == page.subject).count(),
        may_decide: matches!(view.case.state, State::Assembled | State::Reviewed),
        flagged: selection.items.iter().filter(|it| !it.flags.is_empty()).count(),
        item,
        base,
        own,
    })
}

fn place(item: &Item) -> String {
    let number = if item.source.number > 0 { format!(", record {}", text::count(item.source.number)) } else { String::new() };
    format!("{}: {}{number}", item.source.system, item.source.file)
}

fn files(base: &str, subject: usize, item: &Item) -> Vec<File> {
    let file = |file: &crate::release::selection::Attachment| File {
        href: format!("/patients/{}/documents/{}", item.patient, file.id),
        about: format!(
            "{}, {}{}",
            file.media_type,
            text::bytes(file.bytes),
            file.pages.map_or_else(String::new, |pages| format!(", {}", text::counted(u64::from(pages), "page", "pages")))
        ),
        picture: file.pages.filter(|pages| *pages > 0).map(|_| format!("/documents/{}/page/1.png", file.id)),
        redact: file
            .pages
            .filter(|pages| *pages > 0)
            .map(|_| format!("{base}/redact/{subject}?item={}&file={}&page=1", item.n, file.id)),
    };
    item.attachments.iter().map(file).collect()
}
