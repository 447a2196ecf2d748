//! Which year of a timeline was asked for, which encounters are of it, and which records of a large chart were read for it.
//!
//! Not for: reading them (`server::pages::timeline`).

use std::collections::HashSet;

use super::super::fhir;
use super::super::query::Query;
use super::belongs::Thing;
use super::visit::{Setting, Visit};
use crate::model::{Chart, Record, When};

/// What the reader asked for: the year whose encounters are read with all that belongs to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    Year(i32),
    /// Encounters without a readable date.
    Undated,
}

impl Asked {
    /// By the address: `year=`, else the year of `encounter=`, else the newest. `chart.records` must hold the encounters.
    pub fn of(chart: &Chart, query: &Query) -> Asked {
        match query.get("year") {
            Some("undated") => return Asked::Undated,
            Some(year) => {
                if let Some(year) = year.parse().ok().filter(|year| (0..=9999).contains(year)) {
                    return Asked::Year(year);
                }
            }
            None => {}
        }
        let visits: Vec<Visit<'_>> = match query.get("setting").and_then(Setting::from_code) {
            Some(Setting::Procedure) => fhir::items(chart, &["Procedure"]).into_iter().map(Visit::of_procedure).collect(),
            _ => fhir::items(chart, &["Encounter"]).into_iter().map(Visit::of).collect(),
        };
        let named = query.get("encounter").and_then(|id| visits.iter().find(|visit| visit.id() == id));
        if let Some(visit) = named {
            return visit.year().map_or(Asked::Undated, Asked::Year);
        }
        let newest = visits.iter().filter_map(|visit| Some((visit.us?, visit.year()?))).max();
        newest.map_or(Asked::Undated, |(_, year)| Asked::Year(year))
    }

    /// The instants between which the records of this year lie, with a day around it for the time zones of the sources.
    pub fn span(self) -> Option<(i64, i64)> {
        const DAY_US: i64 = 86_400_000_000;
        let Asked::Year(year) = self else { return None };
        let start = |year: i32| When::parse(&format!("{year:04}")).map(|when| when.start_us());
        Some((start(year)? - DAY_US, start(year + 1)? + DAY_US))
    }

    /// The encounters of this year, by id, and the instant at which the last of them ended.
    pub fn encounters(self, chart: &Chart) -> (HashSet<String>, Option<i64>) {
        let (mut ids, mut last) = (HashSet::new(), None);
        for visit in fhir::items(chart, &["Encounter"]).into_iter().map(Visit::of).filter(|visit| self.holds(visit)) {
            let end = visit.to.as_deref().and_then(When::parse).map(|when| when.start_us());
            last = last.max(end.or(visit.us));
            ids.insert(visit.id().to_string());
        }
        (ids, last)
    }

    pub(super) fn holds(self, visit: &Visit<'_>) -> bool {
        match self {
            Asked::Year(year) => visit.year() == Some(year),
            Asked::Undated => visit.year().is_none(),
        }
    }

    pub(super) fn code(self) -> String {
        match self {
            Asked::Year(year) => year.to_string(),
            Asked::Undated => "undated".into(),
        }
    }
}

/// Which of a large chart's records were read for a year. Of a chart that was read whole: nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct YearRead {
    /// How many were passed over because there are too many.
    pub passed_over: u64,
    /// The instants between which records of its encounters were looked for.
    pub span: Option<(i64, i64)>,
}

/// Whether a record names one of these encounters.
pub fn belongs_to(record: &Record, encounters: &HashSet<String>) -> bool {
    Thing::of(fhir::Item::new(record)).encounters.iter().any(|id| encounters.contains(id))
}
