//! What each section of a chart shows: FHIR resources turned into the rows of its tables, one module for each section.
//!
//! Not for: the page around them (`pages`), or drawing (`svg`, `trend`, `flowsheet`).

pub mod allergies;
pub mod encounters;
pub mod everything;
pub mod immunizations;
pub mod listed;
pub mod medications;
pub mod notes;
pub mod notes_list;
pub mod origins;
pub mod problems;
pub mod procedures;
pub mod results;
pub mod vaccines;

use super::alike::{self, Alike, Traits};
use super::panel::Panel;
use super::table::{Paging, Row, Table};
use super::text;

/// The body of a section's page.
#[derive(Default)]
pub struct Body {
    /// One muted line beside the title.
    pub fact: String,
    pub panels: Vec<Panel>,
}

/// What every section is asked with.
pub struct Ask<'a> {
    pub frame: &'a super::Frame,
    pub chart: &'a crate::model::Chart,
    pub query: &'a super::Query,
    /// The address of this section, without a query.
    pub href: String,
}

impl<'a> Ask<'a> {
    /// The records of these kinds, newest first, with the names of what they refer to.
    fn items(&self, kinds: &[&str]) -> Vec<super::fhir::Item<'a>> {
        super::fhir::named_items(self.chart, &self.frame.names, kinds)
    }

    /// The rows of the page that was asked for, with the links to the others.
    fn page(&self, rows: Vec<Row>) -> (Vec<Row>, Paging) {
        Paging::cut(rows, self.query.number("page").unwrap_or(1), &self.page_href())
    }

    /// The address of this section up to the number of a page; a chosen source stays chosen.
    fn page_href(&self) -> String {
        let source = self.frame.only.as_deref().map(|only| format!("source={}&", self.frame.badge(only).letters));
        format!("{}?{}page=", self.href, source.unwrap_or_default())
    }

    /// Puts rows that look the same under a heading with their count, both kept, and cuts the page.
    fn grouped(&self, mut table: Table, rows: Vec<(String, Traits, Row)>) -> (Table, Paging) {
        let groups = alike::group(rows, |(_, traits, _)| traits.clone());
        let page = self.query.number("page").unwrap_or(1);
        let (groups, paging) = Paging::cut(groups, page, &self.page_href());
        self.put(&mut table, groups);
        (table, paging)
    }

    /// The same under headings: `rows` stand in the order of theirs, and the page is cut before they are grouped.
    fn headed(&self, mut table: Table, rows: Vec<(&str, (String, Traits, Row))>) -> (Table, Paging) {
        let (rows, paging) = Paging::cut(rows, self.query.number("page").unwrap_or(1), &self.page_href());
        let mut rows = rows.into_iter().peekable();
        while let Some((heading, first)) = rows.next() {
            let mut under = vec![first];
            while let Some((_, row)) = rows.next_if(|(next, _)| *next == heading) {
                under.push(row);
            }
            table.heading(heading);
            let groups = alike::group(under, |(_, traits, _)| traits.clone());
            self.put(&mut table, groups);
        }
        (table, paging)
    }

    fn put(&self, table: &mut Table, groups: Vec<Alike<(String, Traits, Row)>>) {
        let mut alone = Vec::new();
        for group in groups {
            if group.is_single() {
                alone.extend(group.items.into_iter().map(|(_, _, row)| row));
                continue;
            }
            table.group(None, std::mem::take(&mut alone));
            let heading = self.heading(&group);
            table.group(Some(heading), group.items.into_iter().map(|(_, _, row)| row).collect());
        }
        table.group(None, alone);
    }

    /// "Hypertension: 2 records look the same. Sources differ in status: active (MER), resolved (HBI)."
    fn heading(&self, group: &Alike<(String, Traits, Row)>) -> String {
        let name = group.lead().map_or(text::NOT_RECORDED, |(name, _, _)| name);
        let mut words = format!("{name}: {} records look the same", group.items.len());
        for difference in &group.differences {
            let who = if difference.is_between_sources { "Sources" } else { "Records" };
            words.push_str(&format!(". {who} differ in {}", difference.words(|source| self.frame.badge(source).letters)));
        }
        words
    }

    fn badge(&self, item: &super::fhir::Item<'_>) -> super::table::Cell {
        super::table::Cell::Badge(self.frame.badge(&item.record.source_system))
    }
}

/// "the newest 2,000 of 61,204", when not all records of the section's kinds have been read.
pub fn capped(ask: &Ask<'_>, kinds: &[&str]) -> Option<String> {
    let held = super::chart_nav::held(&ask.chart.index, kinds);
    let read = ask.chart.records.iter().filter(|r| kinds.contains(&r.kind.name())).count() as u64;
    (read > 0 && read < held).then(|| format!("the newest {} of {}", text::count(read), text::count(held)))
}

/// Why a section is empty: which sources are in this chart, and that none of them held such records.
fn nothing(ask: &Ask<'_>, what: &str) -> String {
    let names: Vec<&str> = ask.chart.index.coverage.iter().map(|c| &*c.source_system).collect();
    // What has not been read cannot be said to be missing.
    let held: u64 = ask.chart.index.counts.iter().filter(|c| c.kind.name() == "Observation").map(|c| c.count).sum();
    let read = ask.chart.records.iter().filter(|r| r.kind.name() == "Observation").count() as u64;
    match names.as_slice() {
        _ if read > 0 && read < held => format!("No {what} among those that were read for this page."),
        [] => format!("No {what} in this archive."),
        names => format!("No {what} from {}. Nothing of this kind was delivered for this patient.", names.join(", ")),
    }
}

/// "2 active, 3 resolved", leaving out what is zero.
fn tally(parts: &[(usize, &str)]) -> String {
    let words: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, w)| format!("{} {w}", text::count(*n as u64))).collect();
    words.join(", ")
}
