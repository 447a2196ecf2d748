//! What users did before the day that is judged: the hours they keep, and the charts they opened.
//!
//! Not for: the log of those days (`audit`).

use ahash::AHashMap;
use jiff::civil::Date;

use crate::limits::SIGNAL_HISTORY_DAYS;
use crate::model::PatientKey;
use crate::oversight::UserId;

use super::day::Day;

/// How often a user opened one chart on earlier days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Different days.
    pub days: u32,
    pub first: Date,
}

/// One user's last weeks.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Acts by hour of the local day.
    pub hours: [u32; 24],
    pub last_active: Option<Date>,
    pub charts: AHashMap<PatientKey, Opened>,
}

impl Past {
    /// The share of acts in this hour and its neighbours; `None` when there are too few acts to speak of a habit.
    pub fn share_around(&self, hour: u8, least: u32) -> Option<f64> {
        let all: u32 = self.hours.iter().sum();
        let at = |hour: u8| self.hours.get(usize::from(hour % 24)).copied().unwrap_or(0);
        let near = at(hour + 23) + at(hour) + at(hour + 1);
        (all >= least.max(1)).then(|| f64::from(near) / f64::from(all))
    }
}

/// Whoever remembers earlier days. Asked once for each user of a day.
pub trait History {
    /// `None` when nothing is known of this user, which says nothing.
    fn past(&self, user: &UserId) -> Option<Past>;
}

/// The last days in memory: fed with each day after it was judged.
#[derive(Debug, Default)]
pub struct Remembered {
    users: AHashMap<UserId, Kept>,
    newest: Option<Date>,
}

#[derive(Debug, Default)]
struct Kept {
    hours: [u32; 24],
    last_active: Option<Date>,
    /// Days on which a chart was opened: bit 0 is the day in the field beside it, bit 1 the one before.
    charts: AHashMap<PatientKey, (u64, Date)>,
}

impl Remembered {
    /// Days come in order; an earlier one than the newest is not taken.
    pub fn learn(&mut self, day: &Day) {
        let date = day.date();
        if self.newest.is_some_and(|newest| newest >= date) {
            return;
        }
        self.newest = Some(date);
        for (user, patient, hour) in day.opened() {
            let kept = self.users.entry(user.clone()).or_default();
            if let Some(count) = kept.hours.get_mut(usize::from(hour)) {
                *count = count.saturating_add(1);
            }
            kept.last_active = Some(date);
            let (mask, last) = kept.charts.entry(patient.clone()).or_insert((0, date));
            *mask = shifted(*mask, *last, date) | 1;
            *last = date;
        }
        for kept in self.users.values_mut() {
            kept.charts.retain(|_, (mask, last)| shifted(*mask, *last, date) != 0);
        }
    }
}

/// A mask of days as seen from a later day; what is older than the history reaches falls out.
fn shifted(mask: u64, from: Date, to: Date) -> u64 {
    let days = u32::try_from(days_between(from, to)).unwrap_or(u32::MAX);
    mask.checked_shl(days).unwrap_or(0) & ((1 << SIGNAL_HISTORY_DAYS) - 1)
}

/// From one day to a later one; negative when it is earlier.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    i64::from(from.until(to).map_or(0, |span| span.get_days()))
}

impl History for Remembered {
    fn past(&self, user: &UserId) -> Option<Past> {
        let kept = self.users.get(user)?;
        let opened = |(mask, last): &(u64, Date)| {
            let back = i64::from(63 - mask.leading_zeros().min(63));
            let first = last.checked_sub(jiff::Span::new().days(back)).unwrap_or(*last);
            Opened { days: mask.count_ones(), first }
        };
        let charts = kept.charts.iter().map(|(patient, seen)| (patient.clone(), opened(seen))).collect();
        Some(Past { hours: kept.hours, last_active: kept.last_active, charts })
    }
}
