//! A day judged from what an installation has: the projection of the log, the archive's own patients and visits, imported care
//! relations, and the files that the site keeps of its workforce, its sites and the news.
//!
//! Patients are read under a maintenance permit: of each only marks are made, and only those of charts that were opened that
//! day are kept. What leaves here names keys and signs, never content.
//!
//! Not for: how signs are weighed (`assess`), or who may see the result (`server`, `commands`).

use std::path::Path;
use std::time::Duration;

use ahash::{AHashMap, AHashSet};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::access::Maintenance;
use crate::config::AuditConfig;
use crate::limits::{SIGNAL_CHARTS_MAX, WORKFORCE_BYTES_MAX};
use crate::model::{Class, Label, PatientIdentity, PatientKey};
use crate::oversight::projection::{Order, Select};
use crate::oversight::{OversightError, Projection, UserId};
use crate::query::{Archive, QueryError, Visit, Visits};
use crate::register::RegisterError;

use super::day::{Day, DayFull};
use super::facts::{Archived, Census, Encounter, PatientFacts, Sites, place_name};
use super::history::Past;
use super::lists::News;
use super::marks::Marks;
use super::sheet::{RowTrouble, SheetError};
use super::workforce::Workforce;
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
    #[error("the care relations cannot be read: {0}")]
    Relations(#[from] RegisterError),
    #[error("the file of {file}: {source}")]
    Sheet { file: &'static str, source: SheetError },
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

/// For whom (by key) a user cared at some time from one moment to before another, in Unix seconds.
pub type CaredFor<'a> = &'a dyn Fn(&UserId, i64, i64) -> Result<Vec<String>, RegisterError>;

/// Where a day's facts come from.
pub struct Sources<'a> {
    pub archive: &'a Archive,
    pub projection: &'a Projection,
    /// Names the site's files. Without that of the workforce, nobody is compared with a patient.
    pub config: &'a AuditConfig,
    /// `None`: no care relations are imported, so that none of them is missed.
    pub relations: Option<CaredFor<'a>>,
}

/// Judges one day of the log, with the weeks before it as history. Gives the rows of the site's files that were left out too.
///
/// # Errors
/// What cannot be read, by name.
pub fn judge(sources: &Sources<'_>, date: Date) -> Result<(Findings, Vec<RowTrouble>), GatherError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|_| GatherError::NoRandomness)?;
    // Marks are compared within this one judgement and kept nowhere, so any key will do.
    let marks = Marks::new(key);
    let mut troubles = Vec::new();
    let config = sources.config;
    let workforce = sheet("workforce", config.workforce.as_deref(), &mut troubles, |bytes| Workforce::parse(bytes, &marks))?;
    let sites = sheet("sites", config.sites.as_deref(), &mut troubles, Sites::read)?;
    let news = sheet("news", config.news.as_deref(), &mut troubles, News::read)?;
    let day = day(sources.projection, date)?;
    let mut history: AHashMap<UserId, Past> = AHashMap::new();
    for person in &day.users {
        if let Some(past) = sources.projection.past(&person.id, date)? {
            history.insert(person.id.clone(), past);
        }
    }
    let relations = relations(sources.relations, &day)?;
    let census = Census::of_interest(workforce.users());
    let mut facts = Archived { workforce, sites, news, relations, census, patients: AHashMap::new(), date };
    identities(&mut facts, sources.archive, &marks, &day)?;
    visits(&mut facts, sources.archive, &day)?;
    Ok((assess(&day, &facts, &history), troubles))
}

/// One of the site's files; empty when none is named.
fn sheet<T: Default>(
    file: &'static str,
    path: Option<&Path>,
    troubles: &mut Vec<RowTrouble>,
    parse: impl FnOnce(&[u8]) -> Result<(T, Vec<RowTrouble>), SheetError>,
) -> Result<T, GatherError> {
    let Some(path) = path else { return Ok(T::default()) };
    let failed = |source| GatherError::Read { path: path.display().to_string(), source };
    let wrong = |source| GatherError::Sheet { file, source };
    if std::fs::metadata(path).map_err(failed)?.len() > WORKFORCE_BYTES_MAX {
        return Err(wrong(SheetError::TooLong));
    }
    let (read, more) = parse(&std::fs::read(path).map_err(failed)?).map_err(wrong)?;
    troubles.extend(more);
    Ok(read)
}

fn day(projection: &Projection, date: Date) -> Result<Day, GatherError> {
    let mut day = Day::new(date, projection.zone())?;
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

fn relations(cared_for: Option<CaredFor<'_>>, day: &Day) -> Result<Option<AHashMap<UserId, AHashSet<PatientKey>>>, GatherError> {
    let Some(cared_for) = cared_for else { return Ok(None) };
    let second = |micros: i64| Timestamp::from_microsecond(micros).map_or(0, Timestamp::as_second);
    let (from, to) = day.span();
    let mut all = AHashMap::new();
    for person in &day.users {
        let keys = cared_for(&person.id, second(from), second(to))?;
        all.insert(person.id.clone(), keys.iter().filter_map(|key| PatientKey::parse(key)).collect());
    }
    Ok(Some(all))
}

/// Who the patients of the day are, and how common among all patients what they share with the workforce is.
fn identities(facts: &mut Archived, archive: &Archive, marks: &Marks, day: &Day) -> Result<(), GatherError> {
    let opened: AHashSet<&PatientKey> = day.patients.iter().collect();
    let permit = Maintenance::for_command("signals");
    archive.each_identity(&permit, &mut |key, identity, label| {
        let mut of_patient = PatientFacts::of(&identity, marks);
        facts.census.add(&of_patient);
        if opened.contains(key) {
            complete(&mut of_patient, archive, key, &identity, label);
            facts.patients.insert(key.clone(), of_patient);
        }
    })?;
    Ok(())
}

/// What only the patients of the day are asked for.
fn complete(facts: &mut PatientFacts, archive: &Archive, key: &PatientKey, identity: &PatientIdentity, label: Label) {
    facts.keys = archive.chart_scope(key).patients().iter().filter(|other| *other != key).cloned().collect();
    facts.is_vip = label.holds(Class::Vip);
    facts.is_workforce = label.holds(Class::Workforce);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    facts.number = identity.identifiers.iter().find_map(|(_, value)| digits(value).parse().ok());
}

/// Which departments treated the patients of the day. Asked only where some user's department is known, and of charts within
/// bounds: of the others it stays unknown, which says nothing.
fn visits(facts: &mut Archived, archive: &Archive, day: &Day) -> Result<(), GatherError> {
    let has_department = |user: &UserId| facts.workforce.user(&user.subject).is_some_and(|known| known.department.is_some());
    let users: Vec<bool> = day.users.iter().map(|person| has_department(&person.id)).collect();
    let mut is_asked = vec![false; day.patients.len()];
    for act in &day.seen {
        if let Some(asked) = is_asked.get_mut(act.patient as usize) {
            *asked |= users.get(act.user as usize).copied().unwrap_or(false);
        }
    }
    let mut visits = archive.visits(&Maintenance::for_command("signals"))?;
    let asked = day.patients.iter().zip(is_asked).filter(|(_, is_asked)| *is_asked).map(|(key, _)| key);
    for key in asked.take(SIGNAL_CHARTS_MAX) {
        let Some(of_patient) = facts.patients.get_mut(key) else { continue };
        let mut encounters = of_key(&mut visits, key)?;
        for other in &of_patient.keys {
            encounters.extend(of_key(&mut visits, other)?);
        }
        of_patient.encounters = Some(encounters);
    }
    Ok(())
}

/// A visit counts for each name of its place.
fn of_key(visits: &mut Visits, key: &PatientKey) -> Result<Vec<Encounter>, GatherError> {
    let encounter = |visit: Visit| {
        // A day that is not told is long ago: it makes no later look ordinary.
        let day = visit.day.parse().unwrap_or(Date::MIN);
        visit.places.into_iter().map(move |place| Encounter { department: place_name(&place), day })
    };
    Ok(visits.of(key)?.into_iter().flat_map(encounter).collect())
}
