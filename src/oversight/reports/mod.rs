//! The reports: questions of those who answer for the archive, answered as a table with words around it. Each comes in two
//! versions: plain, for a lay reader, and full, for litigation, where every row is an entry with all its fields.
//!
//! A report says on what it stands: the entries taken in, and the signed checkpoint over them. Not for: who may ask
//! (`access`), or the form it is handed out in (`forms`, pages).

mod break_glass;
pub mod disclosures;
mod patient;
pub mod range;
mod user;
mod volume;
pub mod words;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::UserId;
use super::accounting::Suspension;
use super::forms::wide;
use super::projection::{Order, OversightError, Projection, Seen, Select, StandsAt};
use crate::limits::{REPORT_ACTS_MAX, REPORT_FULL_MAX};
use crate::model::PatientKey;

/// A column: its name for programs and its head for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    pub key: &'static str,
    pub head: &'static str,
}

impl Column {
    pub const fn new(key: &'static str, head: &'static str) -> Column {
        Column { key, head }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    Text(String),
    Count(u64),
    Number(f64),
    /// An instant, as the report writes it.
    Time {
        at: i64,
        text: String,
    },
    Missing,
}

impl Cell {
    pub fn some(text: Option<String>) -> Cell {
        text.map_or(Cell::Missing, Cell::Text)
    }

    /// As text; empty when there is nothing.
    pub fn text(&self) -> String {
        match self {
            Cell::Text(text) | Cell::Time { text, .. } => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) => format!("{number:.2}"),
            Cell::Missing => String::new(),
        }
    }

    fn compare(&self, other: &Cell) -> Ordering {
        let number = |cell: &Cell| match cell {
            Cell::Count(count) => Some(*count as f64),
            Cell::Number(number) => Some(*number),
            Cell::Time { at, .. } => Some(*at as f64),
            _ => None,
        };
        match (self, other) {
            (Cell::Missing, Cell::Missing) => Ordering::Equal,
            // What is not there comes last.
            (Cell::Missing, _) => Ordering::Greater,
            (_, Cell::Missing) => Ordering::Less,
            _ => match (number(self), number(other)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => self.text().to_lowercase().cmp(&other.text().to_lowercase()),
            },
        }
    }
}

/// For whom it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Version {
    /// Plain words, no codes.
    #[default]
    Plain,
    /// Every field of every entry, its place in the log and its digest.
    Full,
}

impl Version {
    pub fn name(self) -> &'static str {
        match self {
            Version::Plain => "plain",
            Version::Full => "full",
        }
    }

    pub fn from_name(name: &str) -> Option<Version> {
        [Version::Plain, Version::Full].into_iter().find(|version| version.name() == name)
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// Who saw this person; all keys of one person.
    Patient(Vec<PatientKey>),
    /// The same, a row for each user and day.
    PatientByDay(Vec<PatientKey>),
    /// What this user saw, by patient.
    User(UserId),
    BreakGlass,
    /// Days that stand out; with `true` all days.
    Volume(bool),
    /// The accounting of disclosures about a person. Rows that a suspension hides are left out.
    Disclosures {
        patients: Vec<PatientKey>,
        suspended: Vec<Suspension>,
        summarised: bool,
        /// Only what answered the request of this number.
        request: Option<String>,
    },
}

/// The reports by the names they have in addresses and commands, with their titles.
pub const REPORTS: [(&str, &str); 6] = [
    ("patient", "Who saw a patient's chart"),
    ("patient-days", "Who saw a patient's chart, by person and day"),
    ("user", "What a person saw"),
    ("break-glass", "Uses of break-glass"),
    ("volume", "Days that stand out"),
    ("disclosures", "Accounting of disclosures"),
];

impl Question {
    pub fn name(&self) -> &'static str {
        match self {
            Question::Patient(_) => "patient",
            Question::PatientByDay(_) => "patient-days",
            Question::User(_) => "user",
            Question::BreakGlass => "break-glass",
            Question::Volume(_) => "volume",
            Question::Disclosures { .. } => "disclosures",
        }
    }

    pub fn title(&self) -> &'static str {
        REPORTS.iter().find(|(name, _)| *name == self.name()).map_or("", |(_, title)| title)
    }

    /// The patients whom it is about.
    pub fn patients(&self) -> &[PatientKey] {
        match self {
            Question::Patient(keys) | Question::PatientByDay(keys) | Question::Disclosures { patients: keys, .. } => keys,
            _ => &[],
        }
    }
}

/// How it is to be told.
#[derive(Clone, Debug)]
pub struct Ask {
    pub version: Version,
    /// At or after and before, in Unix microseconds.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// A column's key; descending with `true`. `None`: the report's own order.
    pub sort: Option<(String, bool)>,
    pub offset: usize,
    pub limit: usize,
    /// As its first page said it, for the pages after.
    pub until: Option<Vec<(String, u64)>>,
    /// Times of the plain version are told in it.
    pub zone: TimeZone,
}

impl Default for Ask {
    fn default() -> Ask {
        Ask {
            version: Version::Plain,
            from: None,
            to: None,
            sort: None,
            offset: 0,
            limit: usize::MAX,
            until: None,
            zone: TimeZone::UTC,
        }
    }
}

/// A report as it is shown, or one page of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    pub name: &'static str,
    pub title: &'static str,
    pub version: Version,
    /// What was asked, in words: name and value.
    pub about: Vec<(String, String)>,
    /// One sentence that says it all.
    pub summary: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Rows of the whole report.
    pub total: u64,
    pub offset: u64,
    /// How much on which day, where that says something.
    pub by_day: Option<ByDay>,
    /// What a reader has to know about it.
    pub notes: Vec<String>,
    pub stands_at: Vec<StandsAt>,
    pub made_at: Timestamp,
    /// In which its times are told.
    pub zone: String,
}

/// An amount for each day on which there was any.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ByDay {
    pub what: &'static str,
    pub days: Vec<(Date, u64)>,
}

impl ByDay {
    /// Adds up what falls on one day.
    fn of(what: &'static str, amounts: impl IntoIterator<Item = (Date, u64)>) -> ByDay {
        let mut days: BTreeMap<Date, u64> = BTreeMap::new();
        for (day, amount) in amounts {
            *days.entry(day).or_default() += amount;
        }
        ByDay { what, days: days.into_iter().collect() }
    }
}

/// A report before it is sorted and cut.
#[derive(Default)]
struct Draft {
    summary: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    by_day: Option<ByDay>,
    notes: Vec<String>,
    /// The act of each row, when the full version has to fetch its entry.
    acts: Vec<Seen>,
}

/// Makes a report: takes in what the log has by now, unless this is a later page, asks, sorts and cuts.
///
/// # Errors
/// `TooMuch` when the rows are more than one report may hold, `BadQuestion` for a column that is not there.
pub fn make(projection: &Projection, question: &Question, ask: &Ask) -> Result<Report, OversightError> {
    projection.catch_up()?;
    let stands_at = projection.stands_at()?;
    let until = ask.until.clone().unwrap_or_else(|| Projection::now(&stands_at));
    let ask = &Ask { until: Some(until.clone()), ..ask.clone() };
    let mut draft = match question {
        Question::Patient(keys) => patient::by_act(projection, keys, ask)?,
        Question::PatientByDay(keys) => patient::by_day(projection, keys, ask)?,
        Question::User(user) => user::by_patient(projection, user, ask)?,
        Question::BreakGlass => break_glass::uses(projection, ask)?,
        Question::Volume(all) => volume::days(projection, *all, ask)?,
        Question::Disclosures { patients, suspended, summarised, request } => {
            let narrowed = disclosures::Narrowed { suspended, summarised: *summarised, request: request.as_deref() };
            disclosures::accounting(projection, patients, &narrowed, ask)?
        }
    };
    let is_full = ask.version == Version::Full && !draft.acts.is_empty();
    let total = if is_full { draft.acts.len() } else { draft.rows.len() };
    let rows = if is_full { full_rows(projection, &mut draft, ask)? } else { plain_rows(&mut draft, ask)? };
    let stands_at = stands_at.into_iter().map(|at| StandsAt { entries: entries_until(&until, &at), ..at }).collect();
    Ok(Report {
        name: question.name(),
        title: question.title(),
        version: ask.version,
        about: about(question, ask),
        summary: draft.summary,
        columns: draft.columns,
        rows,
        total: total as u64,
        offset: ask.offset.min(total) as u64,
        by_day: draft.by_day,
        notes: draft.notes,
        stands_at,
        made_at: Timestamp::now(),
        zone: zone_name(ask),
    })
}

fn entries_until(until: &[(String, u64)], at: &StandsAt) -> u64 {
    until.iter().find(|(stream, _)| *stream == at.stream).map_or(0, |(_, entries)| *entries)
}

fn plain_rows(draft: &mut Draft, ask: &Ask) -> Result<Vec<Vec<Cell>>, OversightError> {
    let mut rows = std::mem::take(&mut draft.rows);
    if let Some((key, descending)) = &ask.sort {
        sort_rows(&draft.columns, &mut rows, key, *descending, |row| row)?;
    }
    Ok(rows.into_iter().skip(ask.offset).take(ask.limit).collect())
}

/// The rows of the full version: entries read from the log, all of them when another order than that of time is wanted.
fn full_rows(projection: &Projection, draft: &mut Draft, ask: &Ask) -> Result<Vec<Vec<Cell>>, OversightError> {
    draft.columns = wide::COLUMNS.to_vec();
    let by_time = ask.sort.as_ref().is_none_or(|(key, _)| key == "time_utc");
    let mut acts = std::mem::take(&mut draft.acts);
    if by_time {
        if ask.sort.as_ref().is_some_and(|(_, descending)| !descending) {
            acts.reverse();
        }
        let page: Vec<Seen> = acts.into_iter().skip(ask.offset).take(ask.limit).collect();
        return wide_rows(projection, &page);
    }
    if acts.len() > REPORT_FULL_MAX {
        return Err(OversightError::TooMuch("Too many entries to sort by this column: narrow the dates."));
    }
    let mut rows = wide_rows(projection, &acts)?;
    if let Some((key, descending)) = &ask.sort {
        sort_rows(&draft.columns, &mut rows, key, *descending, |row| row)?;
    }
    Ok(rows.into_iter().skip(ask.offset).take(ask.limit).collect())
}

/// Rows with everything that the entries of these acts say.
pub fn wide_rows(projection: &Projection, acts: &[Seen]) -> Result<Vec<Vec<Cell>>, OversightError> {
    if acts.len() > REPORT_ACTS_MAX {
        return Err(OversightError::TooMuch("Too many entries for one report: narrow the dates."));
    }
    let wanted: Vec<(String, u64)> = acts.iter().map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
    let originals = projection.originals(&wanted)?;
    let rows = acts.iter().zip(&wanted).map(|(seen, place)| {
        let patient = seen.act.patient.as_ref().map(PatientKey::as_str);
        match originals.get(place) {
            Some(original) => wide::row(original, &original.line(), patient),
            None => wide::expired(&place.0, place.1, patient, &seen.act.event),
        }
    });
    Ok(rows.collect())
}

fn sort_rows<T>(
    columns: &[Column],
    rows: &mut [T],
    key: &str,
    descending: bool,
    cells: impl Fn(&T) -> &Vec<Cell>,
) -> Result<(), OversightError> {
    let unknown = || OversightError::BadQuestion("There is no such column to sort by.".into());
    let at = columns.iter().position(|column| column.key == key).ok_or_else(unknown)?;
    let cell = |row: &T| cells(row).get(at).cloned().unwrap_or(Cell::Missing);
    // Stable: rows that are equal here keep the report's own order, so pages fit together.
    rows.sort_by(|a, b| {
        let (a, b) = (cell(a), cell(b));
        let order = a.compare(&b);
        if descending && a != Cell::Missing && b != Cell::Missing { order.reverse() } else { order }
    });
    Ok(())
}

/// A selection within the dates of the report.
fn within(ask: &Ask) -> Select {
    Select { from: ask.from, to: ask.to, until: ask.until.clone(), order: Order::NewestFirst, ..Select::default() }
}

/// The acts of a selection, or an error when they are more than a report holds.
fn all_acts(projection: &Projection, select: Select) -> Result<Vec<Seen>, OversightError> {
    let acts = projection.acts(&Select { limit: REPORT_ACTS_MAX as u64 + 1, ..select })?;
    if acts.len() > REPORT_ACTS_MAX {
        return Err(OversightError::TooMuch("There is more than one report can hold: narrow the dates."));
    }
    Ok(acts)
}

fn about(question: &Question, ask: &Ask) -> Vec<(String, String)> {
    let mut about = Vec::new();
    let patients: Vec<&str> = question.patients().iter().map(PatientKey::as_str).collect();
    if !patients.is_empty() {
        about.push((if patients.len() == 1 { "Patient key" } else { "Patient keys" }.to_string(), patients.join(", ")));
    }
    if let Question::Disclosures { request: Some(number), .. } = question {
        about.push(("Only request".into(), number.clone()));
    }
    if let Question::User(user) = question {
        about.push(("Person".into(), user.subject.clone()));
        about.push(("Known by".into(), user.issuer.clone()));
    }
    for (name, at) in [("From", ask.from), ("To before", ask.to)] {
        about.extend(at.map(|at| (name.to_string(), time(at, ask).text())));
    }
    about
}

fn zone_name(ask: &Ask) -> String {
    match ask.version {
        Version::Full => "UTC".into(),
        Version::Plain => ask.zone.iana_name().unwrap_or("UTC").to_string(),
    }
}

/// An instant as the report writes it: to the minute for lay readers.
fn time(at: i64, ask: &Ask) -> Cell {
    let instant = Timestamp::from_microsecond(at).unwrap_or_default();
    let text = match ask.version {
        Version::Full => instant.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        Version::Plain => instant.to_zoned(ask.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    };
    Cell::Time { at, text }
}

/// The day of an instant where the report is read.
fn day(at: i64, ask: &Ask) -> Date {
    Timestamp::from_microsecond(at).unwrap_or_default().to_zoned(ask.zone.clone()).date()
}

/// A day as the log's figures count it: since 1970, UTC.
fn date_of(day: i64) -> Date {
    Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default().to_zoned(TimeZone::UTC).date()
}

/// A user as people know him.
fn who(name: &str, user: &UserId) -> String {
    match (name, user.subject.as_str()) {
        ("", "") => "the archive itself".into(),
        ("", subject) => subject.into(),
        (name, _) => name.into(),
    }
}
