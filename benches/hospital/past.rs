//! What the made-up hospital remembers, and the answers that it gives to who judges the day.
//!
//! Not for: what people do (`work`, `plant`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::AHashMap;
use chartkeep::model::PatientKey;
use chartkeep::oversight::UserId;
use chartkeep::oversight::signals::{Census, Facts, History, Opened, Past, PatientFacts, UserFacts};
use jiff::ToSpan;
use jiff::civil::Date;

use super::Simulated;
use super::people::{TODAY, patient_key, patient_number, user_number};

/// Charts that each user opened before: patient, days, days since the first.
pub type Pasts = HashMap<u32, Vec<(u32, u32, u32)>>;
pub type Relations = HashSet<(u32, u32)>;

impl Facts for Simulated {
    fn user(&self, user: &UserId) -> Option<UserFacts> {
        Some(self.hospital.user_facts(user_number(user)?))
    }

    fn patient(&self, patient: &PatientKey) -> Option<PatientFacts> {
        Some(self.hospital.patient_facts(patient_number(patient)?))
    }

    fn census(&self) -> &Census {
        self.hospital.census()
    }

    fn relation(&self, user: &UserId, patient: &PatientKey, _day: Date) -> Option<bool> {
        Some(self.relations.contains(&(user_number(user)? as u32, patient_number(patient)? as u32)))
    }

    fn site(&self, ip: &str) -> Option<Arc<str>> {
        let second = ip.strip_prefix("10.")?.split('.').next()?;
        // Remote access comes from one range for everybody and says nothing of a place.
        (second != "9").then(|| Arc::from(format!("Site {second}")))
    }
}

impl History for Simulated {
    fn past(&self, user: &UserId) -> Option<Past> {
        let number = user_number(user)?;
        let user = &self.hospital.users[number];
        let mut past = Past { last_active: Some(TODAY - if user.is_asleep { 70.days() } else { 2.days() }), ..Past::default() };
        for hour in 0..24_u8 {
            let into_shift = (hour + 24 - user.shift) % 24;
            past.hours[usize::from(hour)] = match into_shift {
                0..9 => 60,
                9..11 | 23 => 9,
                _ => u32::from((number as u8).wrapping_mul(31).wrapping_add(hour * 7) % 3),
            };
        }
        let charts = self.past.get(&(number as u32)).filter(|_| !user.is_asleep).into_iter().flatten();
        let opened = charts
            .map(|(patient, days, back)| (patient_key(*patient), Opened { days: *days, first: TODAY - i64::from(*back).days() }));
        past.charts = opened.collect::<AHashMap<_, _>>();
        Some(past)
    }
}
