//! Looking at the pages as they would leave: the strip of pages, the page at reading size, what stands on it, and whether all is
//! there.
//!
//! Not for: drawing pages (`release::desk`).

use askama::Template;

use super::super::frame::Frame;
use super::super::text;
use super::head::{Head, Looker};
use super::items::decision_of;
use super::{render, words};
use crate::release::desk::{PreviewTold, View};
use crate::release::selection::{Item, Selection};
use crate::release::workflow::{Decision, State};

/// Pages of one stretch of the strip.
const STRIP: u32 = 20;

pub struct ReviewPage<'a> {
    pub view: &'a View,
    pub looker: &'a Looker,
    pub subject: usize,
    pub selection: &'a Selection,
    pub told: &'a PreviewTold,
    /// Redactions of the request that took nothing out, in words.
    pub idle: &'a [String],
    /// From 1.
    pub page: u32,
    /// Pages that this person has looked at, the present one among them.
    pub seen: &'a dyn Fn(u32) -> bool,
    /// What the page says, for whoever reads by ear or copies.
    pub words: &'a str,
    pub problem: Option<String>,
}

struct Thumb {
    page: u32,
    href: String,
    src: String,
    word: &'static str,
    tone: &'static str,
    on: bool,
}

struct OnPage {
    title: String,
    about: String,
    at: String,
    flags: Vec<String>,
    decided: String,
    items: String,
    record: String,
    redact: String,
}

/// A line of the sum: what, how many, how it is drawn.
struct Line {
    words: &'static str,
    count: String,
    class: &'static str,
}

/// A check of the whole: whether it holds, and in words.
struct Check {
    holds: bool,
    words: String,
}

#[derive(Template)]
#[template(path = "release_review.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a ReviewPage<'a>,
    head: Head,
    base: String,
    own: String,
    pages: u32,
    strip: Vec<Thumb>,
    earlier: Option<String>,
    later: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    flagged_next: Option<String>,
    image: String,
    on_page: Vec<OnPage>,
    flagged: usize,
    flagged_seen: usize,
    sum: Vec<Line>,
    checks: Vec<Check>,
    is_ready: bool,
    subjects: Vec<(usize, String, bool)>,
    is_under_review: bool,
    is_second: bool,
    /// Redacted words cannot be looked for on this page.
    is_unread: bool,
}

/// Pages of items that were flagged and go out, and those on which what was redacted cannot be looked for: what nobody may approve
/// without having looked at it.
pub fn flagged_pages(view: &View, subject: usize, selection: &Selection, told: &PreviewTold) -> Vec<u32> {
    let is_flagged = |n: usize| {
        let flagged = selection.items.iter().any(|item| item.n == n && !item.flags.is_empty());
        flagged || matches!(decision_of(view, subject, n), Some(Decision::Redact { .. } | Decision::Include { .. }))
    };
    let mut pages: Vec<u32> =
        told.items.iter().filter(|(n, _, _)| is_flagged(*n)).flat_map(|(_, first, last)| *first..=*last).collect();
    pages.extend(&told.unread);
    pages.sort_unstable();
    pages.dedup();
    pages
}

fn on_page(page: &ReviewPage<'_>, base: &str) -> Vec<OnPage> {
    let here = page.told.items.iter().filter(|(_, first, last)| (*first..=*last).contains(&page.page));
    let item = |(n, first, last): &(usize, u32, u32)| {
        let item: &Item = page.selection.items.iter().find(|item| item.n == *n)?;
        let decided = match decision_of(page.view, page.subject, *n) {
            Some(Decision::Include { reason }) => format!("Goes out: {reason}"),
            Some(Decision::Exclude { reason }) => format!("Stays out: {reason}"),
            Some(Decision::Redact { reason }) => format!("Redacted: {reason}"),
            None => String::new(),
        };
        let file = item.attachments.iter().find(|file| file.pages.is_some_and(|pages| pages > 0));
        let about = [item.date.clone(), item.author.clone(), item.status.clone(), Some(item.source.system.clone())];
        Some(OnPage {
            title: item.title.clone(),
            about: about.into_iter().flatten().collect::<Vec<_>>().join(", "),
            at: format!("page {} of {} of this item", page.page - first + 1, last - first + 1),
            flags: item.flags.iter().map(|why| words::flag(why)).collect(),
            decided,
            items: format!("{base}/items/{}?n={n}&show=all#item", page.subject),
            record: format!("/patients/{}/records/{}/{}?version={}", item.patient, item.kind, item.id, item.version),
            redact: match file {
                Some(file) => format!("{base}/redact/{}?item={n}&file={}&page=1", page.subject, file.id),
                None => format!("{base}/redact/{}?item={n}", page.subject),
            },
        })
    };
    here.filter_map(item).collect()
}

/// The subtraction that ends in what this release holds.
fn sum(page: &ReviewPage<'_>) -> Vec<Line> {
    let selection = page.selection;
    let (carried, out): (Vec<_>, Vec<_>) = selection.excluded.iter().partition(|it| it.why == words::CARRIED);
    let carried: u64 = carried.iter().map(|it| it.count).sum();
    let out: u64 = out.iter().map(|it| it.count).sum();
    let beyond: u64 = selection.beyond.iter().map(|it| it.count).sum();
    let items = selection.items.len() as u64;
    let decided = selection
        .items
        .iter()
        .filter(|item| matches!(decision_of(page.view, page.subject, item.n), Some(Decision::Exclude { .. })));
    let decided = decided.count() as u64;
    let less = |count: u64| format!("− {}", text::count(count));
    vec![
        Line { words: "Records found for this patient", count: text::count(items + carried + out + beyond), class: "" },
        Line { words: "outside the dates or types asked for", count: less(beyond), class: "less" },
        Line { words: "In scope", count: text::count(items + carried + out), class: "total" },
        Line { words: "left out by rule", count: less(out), class: "less" },
        Line { words: "left out by decision", count: less(decided), class: "less" },
        Line { words: "In this release", count: text::count(items + carried - decided), class: "total" },
    ]
}

fn checks(page: &ReviewPage<'_>, flagged: usize, flagged_seen: usize, is_second: bool) -> Vec<Check> {
    let (view, case) = (page.view, &page.view.case);
    let previewed = case.preview.as_ref().and_then(|it| it.subjects.get(page.subject)).cloned().unwrap_or_default();
    let redacted = case.redactions.values().any(|digest| !digest.is_empty());
    let mut checks = vec![
        Check {
            holds: view.undecided.is_empty(),
            words: match view.undecided.len() {
                0 => "Every flagged item is decided".into(),
                open => format!("{} not decided", text::counted(open as u64, "flagged item is", "flagged items are")),
            },
        },
        Check {
            holds: flagged_seen == flagged,
            words: format!("You looked at {flagged_seen} of {}", text::counted(flagged as u64, "flagged page", "flagged pages")),
        },
        Check {
            holds: previewed.pages > 0,
            words: format!("{} made, and nothing was changed since", text::counted(previewed.pages, "page was", "pages were")),
        },
    ];
    let unread = page.told.unread.len() as u64;
    if unread > 0 {
        checks.push(Check {
            holds: true,
            words: format!(
                "Redacted words cannot be looked for on {}, which show pictures; they are flagged for you to look at",
                text::counted(unread, "page", "pages")
            ),
        });
    }
    if previewed.exceptions > 0 {
        checks.push(Check {
            holds: true,
            words: format!(
                "{} on no page; the page of exceptions names each",
                text::counted(previewed.exceptions, "item stands", "items stand")
            ),
        });
    }
    if redacted && case.state == State::Assembled {
        checks
            .push(Check { holds: is_second, words: "Redactions are reviewed by somebody who neither chose nor redacted".into() });
    }
    checks
}

pub fn review(frame: &Frame, page: &ReviewPage<'_>) -> String {
    let case = &page.view.case;
    let base = format!("/releases/{}", case.number);
    let own = format!("{base}/review/{}", page.subject);
    let pages = case.preview.as_ref().and_then(|it| it.subjects.get(page.subject)).map_or(0, |it| it.pages as u32);
    let address = |page: u32| format!("{own}?page={page}");
    let flagged = flagged_pages(page.view, page.subject, page.selection, page.told);
    let flagged_seen = flagged.iter().filter(|page_| (page.seen)(**page_)).count();
    let start = (page.page - 1) / STRIP * STRIP + 1;
    let end = (start + STRIP - 1).min(pages);
    let thumb = |at: u32| {
        let (word, tone) = match (flagged.binary_search(&at).is_ok(), (page.seen)(at)) {
            (true, false) => ("flagged", "caution"),
            (true, true) => ("flagged, ✓ seen", "good"),
            (false, true) => ("✓ seen", "good"),
            (false, false) => ("", "plain"),
        };
        Thumb {
            page: at,
            href: address(at),
            src: format!("{base}/pages/{}/{at}.png?w=110", page.subject),
            word,
            tone,
            on: at == page.page,
        }
    };
    let unseen =
        flagged.iter().find(|at| **at > page.page && !(page.seen)(**at)).or_else(|| flagged.iter().find(|at| !(page.seen)(**at)));
    let had_a_hand = case.preparer.as_ref() == Some(&page.looker.id) || case.redactors.contains(&page.looker.id);
    let checks = checks(page, flagged.len(), flagged_seen, !had_a_hand);
    let subject = |(at, subject): (usize, &crate::release::request::Subject)| (at, subject.name.clone(), at == page.subject);
    render(Page {
        frame,
        page,
        head: Head::new(page.view, "review and redact", page.looker).of_person(&page.selection.patient),
        strip: (start..=end).map(thumb).collect(),
        earlier: (start > 1).then(|| address(start - 1)),
        later: (end < pages).then(|| address(end + 1)),
        previous: (page.page > 1).then(|| address(page.page - 1)),
        next: (page.page < pages).then(|| address(page.page + 1)),
        flagged_next: unseen.map(|at| address(*at)),
        image: format!("{base}/pages/{}/{}.png?w=1100", page.subject, page.page),
        on_page: on_page(page, &base),
        flagged: flagged.len(),
        flagged_seen,
        sum: sum(page),
        is_ready: checks.iter().all(|check| check.holds),
        checks,
        subjects: case.request.subjects.iter().enumerate().map(subject).collect(),
        is_under_review: case.state == State::Assembled,
        is_second: case.state == State::Reviewed,
        is_unread: page.told.unread.contains(&page.page),
        pages,
        base,
        own,
    })
}
