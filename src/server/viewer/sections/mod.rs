//! What each section of a chart shows: FHIR resources turned into the rows of its tables, one module for each section.
//!
//! Not for: the page around them (`pages`), or drawing (`svg`, `trend`, `flowsheet`).

pub mod allergies;
pub mod encounters;
pub mod everything;
pub mod immunizations;
pub mod medications;
pub mod notes;
pub mod notes_list;
pub mod problems;
pub mod procedures;
pub mod reports;
pub mod results;

use super::panel::Panel;
use super::table::{Paging, Row};
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
        Paging::cut(rows, self.query.number("page").unwrap_or(1), &format!("{}?page=", self.href))
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
