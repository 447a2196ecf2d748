//! What users did before the day that is judged: the hours they keep, and the charts they opened.
//!
//! Not for: the log of those days (`audit`).

use ahash::AHashMap;
use jiff::civil::Date;

use crate::model::PatientKey;
use crate::oversight::UserId;

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

/// Whoever remembers earlier days: the projection, which keeps a summary of each user's days. Asked once for each user of a day.
pub trait History {
    /// `None` when nothing is known of this user, which says nothing.
    fn past(&self, user: &UserId) -> Option<Past>;
}

/// From one day to a later one; negative when it is earlier.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    i64::from(from.until(to).map_or(0, |span| span.get_days()))
}

impl History for AHashMap<UserId, Past> {
    fn past(&self, user: &UserId) -> Option<Past> {
        self.get(user).cloned()
    }
}
