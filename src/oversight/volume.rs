//! How much the archive is used: charts opened and searches by role, uses of break-glass and disclosures, by day, week or month.
//! Summed from each person's figures of a day, so that a year of many millions of acts is asked as fast as a week.
//!
//! Not for: who stands out (`reports::volume`), or one patient and one user (`looks`). Days are those of UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::columns::{Columns, Step};
use super::projection::{OversightError, Projection, Select, StandsAt};
use crate::limits::REPORT_ACTS_MAX;

/// Roles that have a column of their own; whoever has another is in the last.
const ROLES: [(&str, &[&str]); 4] =
    [("Clinicians", &["clinician"]), ("HIM", &["him"]), ("Programs", &["service"]), ("Others", &[])];

/// The dates asked for, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dates {
    pub from: Date,
    pub to: Date,
    /// `None`: the finest that fits.
    pub step: Option<Step>,
}

/// The amounts, each with its own scale.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Volume {
    /// Charts opened: each once for each person and day.
    pub charts: Columns,
    pub searches: Columns,
    pub break_glass: Columns,
    /// What left to somebody outside, released packages among it.
    pub disclosures: Columns,
    pub refused: u64,
    pub stands_at: Vec<StandsAt>,
}

/// Sums what happened in the dates.
///
/// # Errors
/// `TooMuch` when there are more disclosures or uses of break-glass than one page can count.
pub fn volume(projection: &Projection, dates: Dates) -> Result<Volume, OversightError> {
    projection.catch_up()?;
    let stands_at = projection.stands_at()?;
    let names: Vec<&str> = ROLES.iter().map(|(name, _)| *name).collect();
    let empty = |names: &[&str]| Columns::over(dates.from, dates.to, dates.step, names, None);
    let (mut charts, mut searches) = (empty(&names), empty(&names));
    let mut refused = 0;
    let (from, to) = (start(dates.from), dates.to.tomorrow().map_or(i64::MAX / 2, start));
    for day in projection.role_days(from, to)? {
        let group = ROLES.iter().position(|(_, roles)| roles.contains(&day.role.as_str())).unwrap_or(ROLES.len() - 1);
        let date = jiff::Timestamp::from_second(day.day * 86_400).unwrap_or_default().to_zoned(TimeZone::UTC).date();
        charts.add(group, date, day.charts);
        searches.add(group, date, day.searches);
        refused += day.refused;
    }
    let mut break_glass = empty(&["Uses of break-glass"]);
    for date in rare(projection, "btg.start", (from, to))? {
        break_glass.add(0, date, 1);
    }
    let mut disclosures = empty(&["Disclosures"]);
    for date in rare(projection, "disclosure", (from, to))? {
        disclosures.add(0, date, 1);
    }
    let (charts, searches) = (charts.without_empty(), searches.without_empty());
    Ok(Volume { charts, searches, break_glass, disclosures, refused, stands_at })
}

fn start(day: Date) -> i64 {
    day.to_zoned(TimeZone::UTC).map_or(0, |at| at.timestamp().as_microsecond())
}

/// Days of the entries of an event that has an index of its own.
fn rare(projection: &Projection, event: &str, (from, to): (i64, i64)) -> Result<Vec<Date>, OversightError> {
    let select = Select {
        events: vec![event.into()],
        from: Some(from),
        to: Some(to),
        outcomes: vec![0],
        entries_only: true,
        limit: REPORT_ACTS_MAX as u64 + 1,
        ..Select::default()
    };
    let acts = projection.acts(&select)?;
    if acts.len() > REPORT_ACTS_MAX {
        return Err(OversightError::TooMuch("There is more than one page can count: narrow the dates."));
    }
    let day = |at: i64| jiff::Timestamp::from_microsecond(at).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    Ok(acts.into_iter().map(|seen| day(seen.act.at)).collect())
}
