//! Find a patient: one box, what was understood, who was found and why, the identity of each, who could be taken for another,
//! and what no search could see.
//!
//! Not for: searching (`query`), or which letters are underlined (`marks`).

mod marks;
mod row;
mod years;

use askama::Template;

use self::row::{Card, Hit};
use self::years::Years;
use super::super::frame::Frame;
use super::super::html::url_part;
use super::super::source::Badge;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::{banner, text};
use super::render;
use crate::model::LinkedPatient;
use crate::query::{Likeness, Outline, PatientHit, PatientHits, Unseen};

/// What was asked and what came back.
#[derive(Default)]
pub struct FindPage<'a> {
    pub q: &'a str,
    /// `None`: nothing asked yet, or too little to search with (then `q` is not empty).
    pub answer: Option<&'a PatientHits>,
    /// Hits before the first one shown, and hits on a page.
    pub offset: usize,
    pub page_size: usize,
    /// What stands beside each hit.
    pub outlines: &'a [Outline],
    /// The chosen row on this page, from 0.
    pub row: usize,
    /// What no search can see.
    pub unseen: &'a [Unseen],
    /// Whose charts this reader opened last, when nothing is asked.
    pub recent: Vec<Recent>,
    /// Whether the page searches while somebody types.
    pub as_you_type: bool,
    /// What waits for this reader's eyes.
    pub alerts: Vec<AlertRow>,
}

/// What somebody should look at: an EHR's launch that was stopped, since its patient and the archive's were not one person, or
/// wrong answers at the link of a release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertRow {
    pub number: i64,
    /// What the EHR is called; the request, for a link.
    pub from: String,
    /// The request whose link it is; `None` for a launch.
    pub request: Option<String>,
    pub differs: &'static str,
    /// The patient's key in this archive.
    pub patient: String,
    /// Who launched it or made the link, and when (UTC).
    pub who: String,
    pub last: String,
    /// How often and since when, if more than once.
    pub again: Option<String>,
}

/// A patient whose chart this reader has opened of late.
#[derive(Clone, Debug)]
pub struct Recent {
    pub patient: LinkedPatient,
    /// When last, in words.
    pub opened: String,
}

/// How a row stands to one above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Alike {
    Told(Likeness),
    /// The same family and given names, whatever else they say.
    Name,
}

/// One thing that no search for patients can see: how much of it, where, and what that means.
struct NotSeen {
    what: String,
    badge: Option<Badge>,
    words: &'static str,
}

#[derive(Template)]
#[template(path = "find.html")]
struct Page<'a> {
    frame: &'a Frame,
    q: &'a str,
    asked: bool,
    count: String,
    understood: Vec<(String, String)>,
    too_many: bool,
    /// Said when one fact alone was asked for that many people share.
    alone: Option<String>,
    confusing: Option<(String, &'static str)>,
    years: Option<Years>,
    hits: Vec<Hit>,
    cards: Vec<Card>,
    paging: Paging,
    unseen: Vec<NotSeen>,
    recent: Option<Table>,
    as_you_type: bool,
    alerts: &'a [AlertRow],
}

pub fn find(frame: &Frame, ask: &FindPage<'_>) -> String {
    let found = ask.answer.map_or(&[][..], |answer| &answer.hits);
    let chosen = ask.row.min(found.len().saturating_sub(1));
    let query = url_part(ask.q);
    let size = ask.page_size.max(1);
    let page = ask.offset / size + 1;
    let none = Outline::default();
    let outline = |row: usize| ask.outlines.get(row).unwrap_or(&none);
    let likes = likes(found, ask.outlines);
    let years = Years::of(frame, ask.outlines.iter().flat_map(|outline| &outline.coverage));
    let place = |row: usize| row::Place {
        choose: format!("/?q={query}&page={page}&row={row}"),
        chosen: row == chosen,
        outline: outline(row),
        alike: likes.get(row).copied().flatten(),
        years: years.as_ref(),
    };
    let (total, capped) = ask.answer.map_or((0, false), |answer| (answer.total, answer.total_capped));
    let html = Page {
        frame,
        q: ask.q,
        asked: ask.answer.is_some(),
        count: match (total, capped) {
            (n, true) => format!("More than {} patients", text::count(n)),
            (n, false) => text::counted(n, "patient", "patients"),
        },
        understood: ask.answer.map_or_else(Vec::new, |answer| answer.understood.clone()),
        too_many: total > 50,
        alone: ask.answer.and_then(|answer| alone(&answer.understood)),
        confusing: confusing(&likes),
        hits: found.iter().enumerate().map(|(row, hit)| row::hit(frame, hit, &place(row))).collect(),
        cards: found.iter().enumerate().map(|(row, hit)| row::card(frame, hit, &place(row))).collect(),
        years,
        paging: Paging::of(ask.offset, found.len(), total, capped, |p| format!("/?q={query}&page={p}"), size),
        unseen: ask.unseen.iter().map(|it| not_seen(frame, it)).collect(),
        recent: (!ask.recent.is_empty()).then(|| recent(frame, &ask.recent)),
        as_you_type: ask.as_you_type,
        alerts: &ask.alerts,
    };
    render(html)
}

/// "the birth year, phone or record number 1957", where that is all that was asked for.
fn alone(understood: &[(String, String)]) -> Option<String> {
    let [(what, value)] = understood else { return None };
    let ways = what.rsplit_once(", ").map_or_else(|| what.clone(), |(first, last)| format!("{first} or {last}"));
    what.starts_with("birth").then(|| format!("the {ways} {value}"))
}

/// Whom above it on the list each row could be taken for: as the archive tells it, else by the whole name alone.
fn likes(found: &[PatientHit], outlines: &[Outline]) -> Vec<Option<(usize, Alike)>> {
    let names: Vec<String> = found.iter().map(|hit| banner::Name::of(&hit.patient.identity).listed().to_lowercase()).collect();
    let of = |(row, name): (usize, &String)| {
        let told = outlines.get(row).and_then(|outline| outline.alike).map(|(other, how)| (other, Alike::Told(how)));
        told.or_else(|| Some((names.iter().take(row).position(|other| other == name)?, Alike::Name)))
    };
    names.iter().enumerate().map(of).collect()
}

/// How many of the hits could be taken for another, and by what.
fn confusing(likes: &[Option<(usize, Alike)>]) -> Option<(String, &'static str)> {
    let alike = likes.iter().enumerate().filter_map(|(row, alike)| alike.map(|(other, how)| (row, other, how)));
    let mut rows: Vec<usize> = alike.clone().flat_map(|(row, other, _)| [row, other]).collect();
    rows.sort_unstable();
    rows.dedup();
    let number = match rows.len() {
        0 | 1 => return None,
        2 => "Two".to_string(),
        3 => "Three".to_string(),
        n => n.to_string(),
    };
    let all = |of: Alike| alike.clone().all(|(_, _, how)| how == of);
    let why = match () {
        () if all(Alike::Told(Likeness::Namesakes)) => "They share a family name and a birth year.",
        () if all(Alike::Name) => "They have the same name.",
        () => "Their names, birth dates or addresses are alike.",
    };
    Some((format!("{number} of these are easily confused."), why))
}

fn not_seen(frame: &Frame, it: &Unseen) -> NotSeen {
    match it {
        Unseen::SetAside { source_system, records } => NotSeen {
            what: text::counted(*records, "record", "records"),
            badge: Some(frame.badge(source_system)),
            words: "set aside because they could not be read. A patient who is only in them is not found.",
        },
        Unseen::NotInForce { source_system, deliveries } => NotSeen {
            what: text::counted(*deliveries, "delivery", "deliveries"),
            badge: Some(frame.badge(source_system)),
            words: "loaded and not accepted yet; it may add patients.",
        },
    }
}

fn recent(frame: &Frame, recent: &[Recent]) -> Table {
    let columns =
        [("Name", ""), ("Born", "date"), ("Sex", ""), ("Record numbers", ""), ("Opened by you", "date"), ("Source", "src")];
    let row = |it: &Recent| {
        let identity = &it.patient.identity;
        let numbers = banner::record_numbers(identity);
        let ages = banner::ages(identity, None, &frame.today).replace(" today", "");
        let born = identity.birth_date.as_ref().map(|born| born.date_text().to_string());
        let sub = [banner::died(identity), Some(ages).filter(|ages| !ages.is_empty())].into_iter().flatten();
        let name = banner::Name::of(identity).listed();
        Row::new(vec![
            Cell::main(Some(name), Some(format!("/patients/{}", it.patient.key)), Some(sub.collect::<Vec<_>>().join(", "))),
            Cell::text(born),
            Cell::text(identity.sex.as_deref().map(text::sentence)),
            Cell::text(Some(numbers.join(", ")).filter(|numbers| !numbers.is_empty())),
            Cell::Text(it.opened.clone()),
            Cell::Badge(frame.badge(&it.patient.source_system)),
        ])
    };
    Table::new("Charts that you opened last, the newest first", &columns, "").rows(recent.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fact_alone_is_named_and_two_are_not() {
        let of = |what: &str, value: &str| (what.to_string(), value.to_string());
        assert_eq!(alone(&[of("birth year", "1957")]).as_deref(), Some("the birth year 1957"));
        let all = of("birth year, phone, record number", "1957");
        assert_eq!(alone(std::slice::from_ref(&all)).as_deref(), Some("the birth year, phone or record number 1957"));
        assert_eq!(alone(&[of("family or given name", "quill")]), None);
        assert_eq!(alone(&[all, of("family or given name", "quill")]), None);
    }

    #[test]
    fn rows_of_one_name_are_easily_confused_whenever_they_were_born() {
        let rows = [None, Some((0, Alike::Name)), None, Some((0, Alike::Told(Likeness::MayBeOne)))];
        assert_eq!(confusing(&rows[..2]), Some(("Two of these are easily confused.".into(), "They have the same name.")));
        assert_eq!(
            confusing(&rows),
            Some(("Three of these are easily confused.".into(), "Their names, birth dates or addresses are alike."))
        );
        assert_eq!(confusing(&rows[..1]), None);
    }
}
