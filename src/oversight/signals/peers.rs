//! What is ordinary: how often the other users of a job show a sign, and how their counts are spread.
//!
//! Not for: what follows for a single case (`assess`).

use std::sync::Arc;

use ahash::AHashMap;

use super::measure::Spread;
use super::pairs::{Cases, Pair, UserDay, is_stranger};
use super::weights::{Rate, Rule, Sign, Signs, Weights};

/// How many charts, and how many of them show each sign.
#[derive(Clone, Debug)]
struct Tally {
    charts: u32,
    with: [u32; Sign::ALL.len()],
    /// For signs that cannot always be told: at how many charts they could.
    known: [u32; Sign::ALL.len()],
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { charts: 0, with: [0; Sign::ALL.len()], known: [0; Sign::ALL.len()] }
    }
}

impl Tally {
    fn add(&mut self, pair: &Pair) {
        self.charts += 1;
        for sign in pair.signs.iter() {
            self.with[sign as usize] += 1;
        }
        for sign in pair.known.iter() {
            self.known[sign as usize] += 1;
        }
    }

    fn add_all(&mut self, other: &Tally) {
        self.charts += other.charts;
        self.with.iter_mut().zip(other.with).for_each(|(sum, more)| *sum += more);
        self.known.iter_mut().zip(other.known).for_each(|(sum, more)| *sum += more);
    }

    /// (charts with the sign, charts at which it could be told).
    fn of(&self, sign: Sign) -> (u32, u32) {
        let all = if MAY_BE_UNKNOWN.contains(&sign) { self.known[sign as usize] } else { self.charts };
        (self.with[sign as usize], all)
    }
}

const MAY_BE_UNKNOWN: [Sign; 3] = [Sign::NoEncounter, Sign::NoRelation, Sign::Alone];

/// A group of users who do the same work.
#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) name: Arc<str>,
    pub(super) users: usize,
    pub(super) volume: Spread,
    pub(super) strangers: Spread,
    tally: Tally,
    strangers_at_all: u32,
}

impl Job {
    /// Charts of strangers among all that these users opened.
    fn share_of_strangers(&self) -> f64 {
        f64::from(self.strangers_at_all) / f64::from(self.tally.charts.max(1))
    }

    /// Strangers and charts of the other users.
    fn strangers_of_others(&self, day: &UserDay) -> (f64, f64) {
        let less = |all: u32, own: u32| f64::from(all.saturating_sub(own));
        (less(self.strangers_at_all, day.strangers), less(self.tally.charts, day.charts))
    }
}

/// The day's peers.
pub(super) struct Peers {
    jobs: Vec<Job>,
    /// Of each user: the job, and the tally that is taken out when the others are asked.
    users: Vec<(usize, Tally)>,
    everybody: Job,
    pub(super) crowd: Spread,
    /// Strangers at each chart, of jobs that rarely have any.
    pub(super) at_chart: Vec<u32>,
    least_peers: usize,
    /// How many users of the day show each sign of a day.
    days: [u32; Sign::ALL.len()],
}

impl Peers {
    pub(super) fn of(cases: &Cases<'_>) -> Peers {
        let mut numbers: AHashMap<Arc<str>, usize> = AHashMap::new();
        let mut jobs: Vec<Job> = Vec::new();
        let mut users: Vec<(usize, Tally)> = Vec::new();
        for (person, facts) in cases.day.users.iter().zip(&cases.users) {
            let name = facts.job.clone().unwrap_or_else(|| Arc::from(person.role.as_str()));
            let job = *numbers.entry(name.clone()).or_insert_with(|| {
                jobs.push(Job { name, ..Job::default() });
                jobs.len() - 1
            });
            users.push((job, Tally::default()));
        }
        for pair in &cases.pairs {
            if let Some((_, tally)) = users.get_mut(pair.user as usize) {
                tally.add(pair);
            }
        }
        let mut everybody = Job { name: Arc::from("all users"), ..Job::default() };
        for (job, tally) in &users {
            everybody.tally.add_all(tally);
            if let Some(job) = jobs.get_mut(*job) {
                job.tally.add_all(tally);
            }
        }
        let values = |of: &dyn Fn(&UserDay) -> u32, job: Option<usize>| -> Vec<u32> {
            let days = cases.days.iter().filter(|day| day.charts > 0);
            let of_job = days.filter(|day| job.is_none_or(|job| users.get(day.user as usize).is_some_and(|user| user.0 == job)));
            of_job.map(of).collect()
        };
        let strangers = |job: Option<usize>| {
            let of_job = |day: &&UserDay| job.is_none_or(|job| users.get(day.user as usize).is_some_and(|user| user.0 == job));
            cases.days.iter().filter(of_job).map(|day| day.strangers).sum()
        };
        let fill = |job: &mut Job, number: Option<usize>| {
            let charts = values(&|day| day.charts, number);
            (job.volume, job.users) = (Spread::of(&charts), charts.len());
            job.strangers = Spread::of_rare(&values(&|day| day.strangers, number));
            job.strangers_at_all = strangers(number);
        };
        jobs.iter_mut().enumerate().for_each(|(number, job)| fill(job, Some(number)));
        fill(&mut everybody, None);
        let mut at_chart = vec![0_u32; cases.day.patients.len()];
        // Whoever's work leads all over the house is a stranger at most charts, and makes no crowd.
        let counts = |pair: &&Pair| {
            let job = users.get(pair.user as usize).and_then(|(job, _)| jobs.get(*job));
            is_stranger(pair) && job.is_some_and(|job| job.share_of_strangers() < cases.limits.crowd_strangers)
        };
        for pair in cases.pairs.iter().filter(counts) {
            if let Some(count) = at_chart.get_mut(pair.patient as usize) {
                *count += 1;
            }
        }
        let crowd = Spread::of_rare(&at_chart);
        Peers { jobs, users, everybody, crowd, at_chart, least_peers: cases.limits.least_peers, days: [0; Sign::ALL.len()] }
    }

    /// The job of a user; everybody, when too few do the same.
    pub(super) fn job(&self, user: u32) -> &Job {
        let job = self.users.get(user as usize).and_then(|(job, _)| self.jobs.get(*job));
        job.filter(|job| job.users >= self.least_peers).unwrap_or(&self.everybody)
    }

    /// How often the other users of the job show the sign: the rate of the table stands for `trust` charts beside theirs.
    pub(super) fn rate(&self, rule: &Rule, user: u32, table: &Weights) -> f64 {
        let (all, own) = match rule.by {
            Rate::Table | Rate::Share => return rule.u,
            Rate::Peers => {
                let own = self.users.get(user as usize).map_or((0, 0), |(_, tally)| tally.of(rule.code));
                (self.job(user).tally.of(rule.code), own)
            }
            // Asked for users who show the sign.
            Rate::Users => ((self.days[rule.code as usize], self.users.len() as u32), (1, 1)),
        };
        let (with, of) = (f64::from(all.0.saturating_sub(own.0)), f64::from(all.1.saturating_sub(own.1)));
        (with + table.trust * rule.u) / (of + table.trust)
    }

    /// Adds to each case what only shows beside others: crowds at a chart, counts far above the peers'.
    pub(super) fn mark(&mut self, cases: &mut Cases<'_>) {
        let limits = cases.limits;
        for pair in &mut cases.pairs {
            let count = self.at_chart.get(pair.patient as usize).copied().unwrap_or(0);
            let is_crowd = count >= limits.least_crowd && self.crowd.outlier(count, limits.least_z).is_some();
            pair.signs.put(Sign::Crowd, is_crowd && is_stranger(pair));
        }
        for day in &mut cases.days {
            let job = self.job(day.user);
            // Work that is all over the house has strangers by its nature; unusual is a larger part of them than the peers have.
            let (at_all, of_all) = job.strangers_of_others(day);
            let is_part = f64::from(day.strangers) * of_all > limits.strangers_ratio * at_all * f64::from(day.charts);
            let has_strangers = day.strangers >= limits.least_strangers && is_part;
            let mut more = Signs::default();
            more.put(Sign::Volume, job.volume.outlier(day.charts, limits.least_z).is_some());
            more.put(Sign::Strangers, has_strangers && job.strangers.outlier(day.strangers, limits.least_z).is_some());
            more.iter().for_each(|sign| day.signs.put(sign, true));
            day.signs.iter().for_each(|sign| self.days[sign as usize] += 1);
        }
    }
}
