//! One day of acts, taken in as a stream and kept small: names become numbers, and an act the size of a few of them.
//!
//! Not for: judging (`assess`).

use ahash::{AHashMap, AHashSet};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::limits::SIGNAL_ACTS_MAX;
use crate::model::PatientKey;
use crate::oversight::{Act, UserId};

/// More acts than one day may hold in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the day has more than {SIGNAL_ACTS_MAX} acts; signals are not computed for it")]
pub struct DayFull;

/// No number: an act without a patient, or without an address.
pub(super) const NONE: u32 = u32::MAX;

/// What an act is to the signals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum What {
    Opened,
    Refused,
    /// A search among patients. Whom it listed is not kept: a list is no opened chart.
    Searched,
}

/// One act, with numbers for names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Seen {
    pub(super) user: u32,
    pub(super) at: i64,
    pub(super) patient: u32,
    pub(super) ip: u32,
    pub(super) what: What,
    pub(super) is_break_glass: bool,
}

/// One user as the acts name him.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) name: String,
    pub(super) role: String,
}

/// The acts of one local day. They may come in any order; what does not belong to the day is left out and counted.
#[derive(Debug)]
pub struct Day {
    date: Date,
    /// First instant, last instant (exclusive), in microseconds.
    from: i64,
    to: i64,
    /// Local hour of each quarter of an hour since the first instant: a day has 23 to 25 hours.
    hours: Vec<u8>,
    pub(super) users: Vec<Person>,
    user_numbers: AHashMap<UserId, u32>,
    pub(super) patients: Vec<PatientKey>,
    patient_numbers: AHashMap<PatientKey, u32>,
    pub(super) ips: Vec<String>,
    ip_numbers: AHashMap<String, u32>,
    searches: AHashSet<(u64, u64)>,
    pub(super) seen: Vec<Seen>,
    outside: u64,
}

const QUARTER: i64 = 15 * 60 * 1_000_000;

impl Day {
    /// # Errors
    /// When the zone does not know the day.
    pub fn new(date: Date, zone: &TimeZone) -> Result<Day, jiff::Error> {
        let start = date.to_zoned(zone.clone())?.timestamp().as_microsecond();
        let end = date.tomorrow()?.to_zoned(zone.clone())?.timestamp().as_microsecond();
        let quarters = (start..end).step_by(QUARTER as usize);
        let hours = quarters.map(|at| Timestamp::from_microsecond(at).map(|t| zone.to_datetime(t).hour().unsigned_abs()));
        Ok(Day {
            date,
            from: start,
            to: end,
            hours: hours.collect::<Result<_, _>>()?,
            users: Vec::new(),
            user_numbers: AHashMap::new(),
            patients: Vec::new(),
            patient_numbers: AHashMap::new(),
            ips: Vec::new(),
            ip_numbers: AHashMap::new(),
            searches: AHashSet::new(),
            seen: Vec::new(),
            outside: 0,
        })
    }

    /// Its first moment and the first of the next day, in microseconds since 1970.
    pub(super) fn span(&self) -> (i64, i64) {
        (self.from, self.to)
    }

    pub fn date(&self) -> Date {
        self.date
    }

    /// Acts that count.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Acts of another day.
    pub fn outside(&self) -> u64 {
        self.outside
    }

    /// Takes an act in. Programs (role `service`), exports, administration and what was not shown do not count.
    ///
    /// # Errors
    /// When the day holds as many as it may.
    pub fn add(&mut self, act: &Act) -> Result<(), DayFull> {
        if act.at < self.from || act.at >= self.to {
            self.outside += 1;
            return Ok(());
        }
        let Some(what) = what(act) else { return Ok(()) };
        if act.role == "service" || (what == What::Searched && !self.is_new_search(act)) {
            return Ok(());
        }
        if self.seen.len() >= SIGNAL_ACTS_MAX {
            return Err(DayFull);
        }
        let patient = match (&act.patient, what) {
            (_, What::Searched) => NONE,
            (None, _) => return Ok(()),
            (Some(key), _) => number(&mut self.patient_numbers, &mut self.patients, key),
        };
        let user = self.user_number(act);
        let ip = act.ip.as_ref().map_or(NONE, |ip| number(&mut self.ip_numbers, &mut self.ips, ip));
        self.seen.push(Seen { user, at: act.at, patient, ip, what, is_break_glass: act.break_glass.is_some() });
        Ok(())
    }

    /// A search is one entry and as many acts as it showed patients.
    fn is_new_search(&mut self, act: &Act) -> bool {
        self.searches.insert((xxhash_rust::xxh3::xxh3_64(act.stream.as_bytes()), act.seq))
    }

    fn user_number(&mut self, act: &Act) -> u32 {
        if let Some(number) = self.user_numbers.get(&act.user) {
            return *number;
        }
        let number = self.users.len() as u32;
        self.user_numbers.insert(act.user.clone(), number);
        self.users.push(Person { id: act.user.clone(), name: act.user_name.clone(), role: act.role.clone() });
        number
    }

    /// The hour of the clock on the wall.
    pub(super) fn hour(&self, at: i64) -> u8 {
        let quarter = usize::try_from((at - self.from) / QUARTER).unwrap_or(0);
        self.hours.get(quarter).or(self.hours.last()).copied().unwrap_or(0)
    }
}

fn what(act: &Act) -> Option<What> {
    let is_opening = matches!(
        act.event.as_str(),
        "record.read" | "record.search" | "record.everything" | "document.view" | "document.download" | "document.print"
    );
    match act.event.as_str() {
        "patient.search" => Some(What::Searched),
        "authz.denied" => Some(What::Refused),
        _ if is_opening && act.outcome == 0 => Some(What::Opened),
        _ => None,
    }
}

fn number<T: Clone + Eq + std::hash::Hash>(numbers: &mut AHashMap<T, u32>, names: &mut Vec<T>, name: &T) -> u32 {
    if let Some(number) = numbers.get(name) {
        return *number;
    }
    let number = names.len() as u32;
    numbers.insert(name.clone(), number);
    names.push(name.clone());
    number
}
