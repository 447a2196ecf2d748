//! Words and blocks that the pages around the records are made of.
//!
//! Not for: what they say.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::place;
use crate::release::request::Party;
use crate::release::selection::Item;
use crate::render::pdf::content::{Anchor, Block, Cell, Late, Look, Run, Style};

pub fn plain(text: &str) -> Run {
    Run { text: text.to_owned(), ..Run::default() }
}

pub fn bold(text: &str) -> Run {
    Run { style: Style { is_bold: true, ..Style::default() }, ..plain(text) }
}

pub fn muted(text: &str) -> Run {
    Run { style: Style { is_muted: true, ..Style::default() }, ..plain(text) }
}

pub fn mono(text: &str) -> Run {
    Run { style: Style { is_mono: true, ..Style::default() }, ..plain(text) }
}

pub fn linked(text: &str, to: Anchor) -> Run {
    Run { link: Some(to), ..plain(text) }
}

/// The page of the file that a place stands on.
pub fn late_page(to: &Anchor) -> Run {
    Run { late: Some(Late::Page(to.clone())), ..plain("0000") }
}

/// The Bates number of that page, as wide as `widest`.
pub fn late_bates(to: &Anchor, widest: &str) -> Run {
    Run { late: Some(Late::Bates(to.clone())), ..plain(widest) }
}

pub fn paragraph(words: Vec<Run>) -> Block {
    Block::Paragraph { words, look: Look::Body, anchor: None }
}

pub fn says(text: &str) -> Block {
    paragraph(vec![plain(text)])
}

pub fn small(words: Vec<Run>) -> Block {
    Block::Paragraph { words, look: Look::Small, anchor: None }
}

/// The heading of a page of the front matter, with its bookmark and its place `front-name`.
pub fn title(text: &str, name: &str) -> Block {
    Block::Heading { level: 1, words: vec![plain(text)], anchor: Some(place(name)), outline: Some(text.to_owned()) }
}

pub fn heading(text: &str) -> Block {
    Block::Heading { level: 3, words: vec![plain(text)], anchor: None, outline: None }
}

/// Labels and values; those without a value are left out.
pub fn facts(facts: Vec<(&str, Vec<String>)>) -> Block {
    let rows = facts
        .into_iter()
        .map(|(label, values)| (label.to_owned(), values.into_iter().filter(|value| !value.is_empty()).collect::<Vec<_>>()));
    Block::Facts(rows.filter(|(_, values)| !values.is_empty()).collect())
}

pub fn cell(words: Vec<Run>) -> Cell {
    Cell { blocks: vec![paragraph(words)], ..Cell::default() }
}

pub fn right(words: Vec<Run>) -> Cell {
    Cell { blocks: vec![Block::Paragraph { words, look: Look::Right, anchor: None }], ..Cell::default() }
}

/// The head of a table; `>` before a text: over numbers, at the right.
pub fn head(texts: &[&str]) -> Vec<Vec<Cell>> {
    let cell = |text: &&str| match text.strip_prefix('>') {
        Some(text) => Cell { is_heading: true, ..right(vec![plain(text)]) },
        None => Cell { is_heading: true, ..cell(vec![plain(text)]) },
    };
    vec![texts.iter().map(cell).collect()]
}

/// An empty line that asks for more width than a page has: its column gets its share of it, and a pen has room.
pub fn room() -> Block {
    Block::Facts(vec![(String::new(), vec![" ".repeat(60)])])
}

/// `12,345`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 record`, `12 records`
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// An instant (RFC 3339) as the day of a letter, `November 23, 2026`, in UTC; what is no instant stays as it is.
pub fn day(instant: &str) -> String {
    let civil = instant.parse::<Timestamp>().map(|at| at.to_zoned(TimeZone::UTC).date());
    match civil.or_else(|_| instant.parse::<Date>()) {
        Ok(date) => long(date),
        Err(_) => instant.to_owned(),
    }
}

pub fn long(date: Date) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let month = usize::try_from(date.month() - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
    format!("{month} {}, {}", date.day(), date.year())
}

/// An instant to the minute, `2026-11-23 10:04 UTC`.
pub fn minute(instant: &str) -> String {
    match instant.parse::<Timestamp>() {
        Ok(at) => at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => instant.to_owned(),
    }
}

/// A person or organisation in one line.
pub fn party(party: &Party) -> String {
    let parts = [party.name.as_str(), party.organisation.as_str()].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

/// A section as it is called in headings: `clinical-notes` gives `Clinical notes`.
pub fn section_title(section: &str) -> String {
    let words = section.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// First and last day of items that have one.
pub fn span(items: &[&Item]) -> String {
    let dates = || items.iter().filter_map(|item| item.date.as_deref()).filter(|date| !date.is_empty());
    match (dates().min(), dates().max()) {
        (Some(first), Some(last)) if first == last => first.to_owned(),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => String::new(),
    }
}

/// Items by section, in their order, with the place of the first.
pub fn by_section<'i>(items: &'i [&'i Item]) -> Vec<(usize, &'i str, &'i [&'i Item])> {
    let mut sections = Vec::new();
    let mut start = 0;
    for run in items.chunk_by(|one, next| one.section == next.section) {
        sections.push((start, run.first().map_or("", |item| item.section.as_str()), run));
        start += run.len();
    }
    sections
}
