//! A made-up hospital and a day of its access log: staff with jobs, departments, shifts and families; patients with visits,
//! houses and names; ordinary work by the million; and planted snooping, known by (user, patient).
//!
//! What is not as in life is said here, because every figure made with it depends on it:
//! - People do what their job says with independent draws; real wards have habits, bad days and bad data.
//! - The file of the workforce is nine-tenths right, and imported care relations cover a share that differs by job. Sites
//!   without relations, or with a worse file, will find less.
//! - Who snoops here does so in one of eleven ways. Those who look only at charts of their own ward, in working hours, with a
//!   relation, are not planted: nothing in a log tells them from care.
//! - Legitimate look-alikes are planted as well (kin on one's own ward, long stays, coverage, reviews of deaths), but only
//!   those that we thought of.
//!
//! Not for: charts (`chartkeep synth`), or real people: every name is made of syllables.

mod dice;
pub mod past;
pub mod people;
pub mod plant;
pub mod work;

use std::collections::HashMap;

use chartkeep::oversight::Act;
use chartkeep::oversight::signals::{Day, Findings, assess};

pub use people::{Hospital, Size};
pub use plant::{Mix, Pattern, Planted};

/// A simulated day with what was planted in it.
pub struct Simulated {
    pub hospital: Hospital,
    pub acts: Vec<Act>,
    pub planted: Vec<Planted>,
    pub past: past::Pasts,
    pub relations: past::Relations,
}

pub fn simulate(seed: u64, size: Size, mix: &Mix) -> Simulated {
    let mut hospital = Hospital::new(seed, size);
    let mut log = work::Log::new(&hospital, seed);
    work::ordinary(&mut hospital, &mut log);
    let planted = plant::plant(&mut hospital, &mut log, mix, seed);
    let (acts, past, relations) = log.finish(&hospital);
    hospital.count();
    Simulated { hospital, acts, planted, past, relations }
}

impl Simulated {
    pub fn day(&self) -> Day {
        let mut day = Day::new(people::TODAY, &jiff::tz::TimeZone::UTC).expect("a day");
        self.acts.iter().for_each(|act| day.add(act).expect("room"));
        day
    }

    pub fn judge(&self, day: &Day) -> Findings {
        assess(day, self, self)
    }
}

/// Of each pattern: how many were planted, and how many stand among what is flagged of the first `top` people of the list.
pub fn found(simulated: &Simulated, findings: &Findings, top: usize) -> HashMap<Pattern, (usize, usize)> {
    let mut counts: HashMap<Pattern, (usize, usize)> = HashMap::new();
    for planted in &simulated.planted {
        let is_found = findings.people().take(top).flatten().any(|flag| planted.is(flag, &simulated.hospital));
        let count = counts.entry(planted.pattern).or_default();
        count.0 += 1;
        count.1 += usize::from(is_found);
    }
    counts
}
