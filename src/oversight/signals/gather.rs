//! A day judged from what an installation has: the projection of the log, the archive's own patients, and the file of the
//! workforce.
//!
//! Patients are read under a maintenance permit: of each only marks are made, and only those of charts that were opened that
//! day are kept. What leaves here names keys and signs, never content.
//!
//! Not for: how signs are weighed (`assess`), or who may see the result (`server`, `commands`).

use std::path::Path;
use std::time::Duration;

use ahash::AHashSet;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::access::Maintenance;
use crate::limits::{SIGNAL_HISTORY_DAYS, WORKFORCE_BYTES_MAX};
use crate::model::{Class, Label, PatientIdentity, PatientKey};
use crate::oversight::projection::{Order, Select};
use crate::oversight::{OversightError, Projection};
use crate::query::{Archive, QueryError};

use super::day::{Day, DayFull};
use super::facts::{Archived, Census, PatientFacts};
use super::history::Remembered;
use super::marks::Marks;
use super::workforce::{RowTrouble, Workforce, WorkforceError};
use super::{Findings, assess};

/// Acts are taken from the projection by so much of a day at a time, so that a busy day needs no memory for its texts.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Why a day could not be judged. The texts hold no content of records.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    #[error(transparent)]
    Oversight(#[from] OversightError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("the file of the workforce: {0}")]
    Workforce(#[from] WorkforceError),
    #[error("{path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error("the day has more acts than are judged at once")]
    TooBusy,
    #[error("the day is none of the calendar: {0}")]
    Calendar(#[from] jiff::Error),
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl From<DayFull> for GatherError {
    fn from(_: DayFull) -> GatherError {
        GatherError::TooBusy
    }
}

/// Judges one day of the log, with the weeks before it as history. `workforce`: a CSV of who the users are; without it the
/// signs that compare a user with a patient are not looked for.
///
/// # Errors
/// What cannot be read, by name; rows of the workforce that cannot be used are left out and given back.
pub fn judge(
    archive: &Archive,
    projection: &Projection,
    workforce: Option<&Path>,
    date: Date,
    zone: &TimeZone,
) -> Result<(Findings, Vec<RowTrouble>), GatherError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|_| GatherError::NoRandomness)?;
    // Marks are compared within this one judgement and kept nowhere, so any key will do.
    let marks = Marks::new(key);
    let (workforce, troubles) = match workforce {
        Some(path) => Workforce::parse(&read(path)?, &marks)?,
        None => (Workforce::default(), Vec::new()),
    };
    let day = day(projection, date, zone)?;
    let mut history = Remembered::default();
    for back in (1..=i64::from(SIGNAL_HISTORY_DAYS)).rev() {
        let before = self::day(projection, date.checked_sub(back.days())?, zone)?;
        if !before.is_empty() {
            history.learn(&before);
        }
    }
    let facts = facts(archive, workforce, &marks, &day)?;
    Ok((assess(&day, &facts, &history), troubles))
}

fn read(path: &Path) -> Result<Vec<u8>, GatherError> {
    let failed = |source| GatherError::Read { path: path.display().to_string(), source };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > WORKFORCE_BYTES_MAX {
        return Err(WorkforceError::TooLong.into());
    }
    std::fs::read(path).map_err(failed)
}

fn day(projection: &Projection, date: Date, zone: &TimeZone) -> Result<Day, GatherError> {
    let mut day = Day::new(date, zone)?;
    let (mut at, end) = day.span();
    while at < end {
        let next = end.min(at + WINDOW.as_micros() as i64);
        let select = Select { from: Some(at), to: Some(next), order: Order::OldestFirst, ..Select::default() };
        for seen in projection.acts(&select)? {
            day.add(&seen.act)?;
        }
        at = next;
    }
    Ok(day)
}

fn facts(archive: &Archive, workforce: Workforce, marks: &Marks, day: &Day) -> Result<Archived, GatherError> {
    let opened: AHashSet<&PatientKey> = day.patients.iter().collect();
    let mut facts = Archived { census: Census::of_interest(workforce.users()), workforce, ..Archived::default() };
    let permit = Maintenance::for_command("signals");
    archive.each_identity(&permit, &mut |key, identity, label| {
        let mut of_patient = PatientFacts::of(&identity, marks);
        facts.census.add(&of_patient);
        if opened.contains(key) {
            complete(&mut of_patient, archive, key, &identity, label);
            facts.patients.insert(key.clone(), of_patient);
        }
    })?;
    Ok(facts)
}

/// What only the patients of the day are asked for.
fn complete(facts: &mut PatientFacts, archive: &Archive, key: &PatientKey, identity: &PatientIdentity, label: Label) {
    facts.keys = archive.chart_scope(key).patients().iter().filter(|other| *other != key).cloned().collect();
    facts.is_vip = label.holds(Class::Vip);
    facts.is_workforce = label.holds(Class::Workforce);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    facts.number = identity.identifiers.iter().find_map(|(_, value)| digits(value).parse().ok());
}
