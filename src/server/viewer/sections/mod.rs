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
use super::chart_nav::Section;
use super::html::{Markup, escape, url_part};
use super::panel::Panel;
use super::table::{Cell, Paging, Row, Table};
use super::text;

/// What a heading says of rows of one name.
const LOOK_THE_SAME: &str = "records look the same";

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

    /// The address of this section up to the number of a page; a chosen source stays chosen.
    fn page_href(&self) -> String {
        let source = self.frame.only.as_deref().map(|only| format!("source={}&", self.frame.badge(only).letters));
        format!("{}?{}page=", self.href, source.unwrap_or_default())
    }

    /// Puts rows that look the same under a heading with their count, all kept, and cuts the page. `said` is what they are.
    /// A page is so many rows, not groups: one of them may hold thousands, and goes on on the next page.
    fn grouped(&self, mut table: Table, rows: Vec<(String, Traits, Row)>, said: &str) -> (Table, Paging) {
        let groups = alike::group(rows, |(_, traits, _)| traits.clone());
        let mut headings: Vec<(Option<String>, usize)> =
            groups.iter().map(|group| ((!group.is_single()).then(|| self.heading(group, said)), group.items.len())).collect();
        let rows = groups.into_iter().enumerate().flat_map(|(at, group)| group.items.into_iter().map(move |(.., row)| (at, row)));
        let (rows, paging) = Paging::cut(rows.collect(), self.query.number("page").unwrap_or(1), &self.page_href());
        let mut runs: Vec<(usize, Vec<Row>)> = Vec::new();
        for (at, row) in rows {
            match runs.last_mut() {
                Some((last, rows)) if *last == at => rows.push(row),
                _ => runs.push((at, vec![row])),
            }
        }
        let run = |(at, rows): (usize, Vec<Row>)| {
            let (heading, all) = headings.get_mut(at).map(|(heading, all)| (heading.take(), *all)).unwrap_or_default();
            let cut = |heading: String| match rows.len() < all {
                true => format!("{heading}. {} of them on this page", text::count(rows.len() as u64)),
                false => heading,
            };
            (heading.map(cut), rows)
        };
        put(&mut table, runs.into_iter().map(run));
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
            let run = |group: Alike<(String, Traits, Row)>| {
                let heading = (!group.is_single()).then(|| self.heading(&group, LOOK_THE_SAME));
                (heading, group.items.into_iter().map(|(.., row)| row).collect())
            };
            put(&mut table, groups.into_iter().map(run));
        }
        (table, paging)
    }

    /// "Hypertension: 2 records look the same. Sources differ in status: active (MER), resolved (HBI)."
    fn heading(&self, group: &Alike<(String, Traits, Row)>, said: &str) -> String {
        let name = group.lead().map_or(text::NOT_RECORDED, |(name, _, _)| name);
        let mut words = format!("{name}: {} {said}", text::count(group.items.len() as u64));
        for difference in &group.differences {
            let who = if difference.is_between_sources { "Sources" } else { "Records" };
            words.push_str(&format!(". {who} differ in {}", difference.words(|source| self.frame.badge(source).letters)));
        }
        words
    }

    /// What one row of the summary says of all the records that it stands for: "3 records, sources differ in status".
    fn told<T>(&self, group: &Alike<T>) -> Option<String> {
        let differ: Vec<&str> = group.differences.iter().filter(|it| it.is_between_sources).map(|it| it.fact).collect();
        let words = match differ.is_empty() {
            true => format!("{} records", group.items.len()),
            false => format!("{} records, sources differ in {}", group.items.len(), differ.join(", ")),
        };
        (!group.is_single()).then_some(words)
    }

    /// The badges of all the sources of a group.
    fn badges<T>(&self, group: &Alike<T>) -> Cell {
        Cell::Badges(group.sources.iter().map(|source| self.frame.badge(source)).collect())
    }

    fn badge(&self, item: &super::fhir::Item<'_>) -> Cell {
        Cell::Badge(self.frame.badge(&item.record.source_system))
    }
}

/// Rows with a heading by themselves, those between them together.
fn put(table: &mut Table, runs: impl Iterator<Item = (Option<String>, Vec<Row>)>) {
    let mut alone = Vec::new();
    for (heading, rows) in runs {
        if heading.is_some() {
            table.group(None, std::mem::take(&mut alone));
            table.group(heading, rows);
        } else {
            alone.extend(rows);
        }
    }
    table.group(None, alone);
}

/// "the newest 2,000 of 61,204", when not all records of the section's kinds have been read.
pub fn capped(ask: &Ask<'_>, kinds: &[&str]) -> Option<String> {
    let held = super::chart_nav::held(&ask.chart.index, kinds);
    let read = ask.chart.records.iter().filter(|r| kinds.contains(&r.kind.name())).count() as u64;
    (read > 0 && read < held).then(|| format!("the newest {} of {}", text::count(read), text::count(held)))
}

/// Why a section is empty: which sources are in this chart, and that none of them held such records. Where one source was asked
/// for, which other has some, and the way there.
pub fn nothing(ask: &Ask<'_>, section: Section, what: &str) -> Markup {
    let index = &ask.chart.index;
    let names: Vec<&str> = index.coverage.iter().map(|c| &*c.source_system).collect();
    // What has not been read cannot be said to be missing.
    let held: u64 = index.counts.iter().filter(|c| c.kind.name() == "Observation").map(|c| c.count).sum();
    let read = ask.chart.records.iter().filter(|r| r.kind.name() == "Observation").count() as u64;
    let is_partly_read = section.kinds_shown().contains(&"Observation") && read > 0 && read < held;
    match (&ask.frame.only, names.as_slice()) {
        _ if is_partly_read => format!("No {what} among those that were read for this page.").into(),
        (_, []) => format!("No {what} in this archive.").into(),
        (Some(only), names) => elsewhere(ask, section, &format!("No {what} from {only}. That system did not hold them."), names),
        (None, names) => {
            format!("No {what} from {}. Nothing of this kind was delivered for this patient.", names.join(", ")).into()
        }
    }
}

/// The words, then "22 are recorded in MER" with the way there, for each source that has some.
fn elsewhere(ask: &Ask<'_>, section: Section, words: &str, names: &[&str]) -> Markup {
    let mut html = escape(words);
    let Some(census) = &ask.frame.census else { return Markup::trusted(html) };
    for name in names.iter().filter(|name| ask.frame.only.as_deref() != Some(**name)) {
        let held = census.count(Some(name), |kind, group| section.holds(kind, group));
        if held > 0 {
            let badge = ask.frame.badge(name);
            let (are, show) = if held == 1 { ("is", "Show it") } else { ("are", "Show them") };
            let slug = section.slug();
            let href = format!("/patients/{}/{slug}?source={}", ask.chart.index.patient, url_part(&badge.letters));
            html.push_str(&format!(" {} {are} recorded in {badge}. <a href=\"{}\">{show}</a>", text::count(held), escape(&href)));
        }
    }
    Markup::trusted(html)
}

/// "2 active, 3 resolved", leaving out what is zero.
fn tally(parts: &[(usize, &str)]) -> String {
    let words: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, w)| format!("{} {w}", text::count(*n as u64))).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests;
