//! The table of contents, the sheet that ends a volume, and the sheet in the place of a document that was withheld.
//!
//! Not for: digests of the records (`digests`).

use std::collections::BTreeSet;

use super::words::*;
use super::{END, Front, place};
use crate::release::paper::{Setting, furniture, item_anchor};
use crate::release::selection::Item;
use crate::render::pdf::content::{Anchor, Block, Cell, Part, Run, Style, Table};

/// Of a first volume: all items, with the volume that each is in; of a later one: its own.
pub fn part(front: &Front<'_>) -> Part {
    let mut blocks = vec![title("Contents", "contents")];
    if !front.is_later_volume() {
        blocks.extend(matter(front));
    }
    let here: BTreeSet<usize> = front.of_volume.iter().map(|item| item.n).collect();
    for (start, section, items) in by_section(front.items) {
        let is_shown = |item: &Item| !front.is_later_volume() || here.contains(&item.n);
        let mut table = Table { head: head(&[">No.", "Date", "Record", "Bates", "Page"]), is_full: true, ..Table::default() };
        for (at, item) in items.iter().enumerate().filter(|(_, item)| is_shown(item)) {
            table.body.push(row(front, start + at, item, here.contains(&item.n)));
        }
        if !table.body.is_empty() {
            blocks.push(heading(&format!("{} ({})", section_title(section), count(table.body.len() as u64))));
            blocks.push(Block::Table(table));
        }
    }
    if front.items.is_empty() {
        blocks.push(says("No records go out."));
    }
    front.page("Contents", blocks)
}

/// The pages around the records.
fn matter(front: &Front<'_>) -> impl Iterator<Item = Block> {
    let after = super::MATTER_AFTER.iter().filter(|_| front.setting.volume.is_none()).copied();
    let lines = front.matter_before().into_iter().filter(|(_, name)| *name != "contents").chain(after);
    lines.map(|(words, name)| Block::Contents { words: vec![plain(words)], level: 2, to: place(name) })
}

fn row(front: &Front<'_>, at: usize, item: &Item, is_here: bool) -> Vec<Cell> {
    let name = if item.title.is_empty() { &item.kind } else { &item.title };
    let anchor = item_anchor(item.n);
    let mut words = vec![if is_here { linked(name, anchor.clone()) } else { plain(name) }];
    if let Some(author) = item.author.as_deref().filter(|author| !author.is_empty()) {
        words.push(muted(&format!("  {author}")));
    }
    if let Some(status) = item.status.as_deref().filter(|status| !matches!(*status, "" | "final" | "current" | "completed")) {
        words.push(Run { style: Style { is_italic: true, is_muted: true, ..Style::default() }, ..plain(&format!("  {status}")) });
    }
    let (bates, page) = match (is_here, front.volumes.get(at)) {
        (true, _) => (number(front, &anchor), vec![late_page(&anchor)]),
        (false, Some(volume)) => (Vec::new(), vec![plain(&format!("vol. {volume}"))]),
        (false, None) => (Vec::new(), vec![plain("other volume")]),
    };
    let date = item.date.as_deref().unwrap_or("no date");
    vec![right(vec![plain(&(at + 1).to_string())]), cell(vec![plain(date)]), cell(words), cell(bates), right(page)]
}

/// The Bates number of the page of an item, when pages bear them.
fn number(front: &Front<'_>, anchor: &Anchor) -> Vec<Run> {
    let Some(numbers) = &front.setting.bates else { return vec![plain("–")] };
    let widest = format!("{}{:0width$}", numbers.prefix, 0, width = usize::from(numbers.digits));
    vec![late_bates(anchor, &widest)]
}

/// The last page of a volume that another follows.
pub fn end_of_volume(front: &Front<'_>, at: u32) -> Part {
    let words = format!("Volume {at} ends here. The records go on in volume {}.", at.saturating_add(1));
    let anchor = Some(Anchor(END.into()));
    let heading = Block::Heading { level: 2, words: vec![plain(&format!("End of volume {at}"))], anchor, outline: None };
    front.page("End of the volume", vec![heading, says(&words)])
}

/// Where a record bears a class of protection not even its section is told: that would tell what it is about.
pub fn slip_sheet(setting: &Setting, item: &Item, why: &str) -> Part {
    let section = if item.classes.is_empty() { vec![section_title(&item.section)] } else { Vec::new() };
    let pages = item.attachments.iter().filter_map(|file| file.pages).map(u64::from).sum::<u64>();
    let anchor = Some(item_anchor(item.n));
    let blocks = vec![
        Block::Heading { level: 2, words: vec![plain("Document withheld")], anchor, outline: Some("Document withheld".into()) },
        facts(vec![
            ("Section", section),
            ("Pages of scans and files", Some(pages).filter(|pages| *pages > 0).map(count).into_iter().collect()),
            ("Because", vec![why.to_owned()]),
        ]),
    ];
    Part { furniture: furniture(setting, "Document withheld", &format!("Request {}", setting.request), None), blocks }
}
