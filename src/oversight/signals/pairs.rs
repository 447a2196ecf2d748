//! From the acts of a day to its cases: every pair of a user and a chart, and every user's day, with the signs that they show.
//!
//! Not for: what signs weigh (`peers`, `assess`).

use std::sync::Arc;

use ahash::AHashMap;
use jiff::civil::Date;

use crate::model::PatientKey;

use super::day::{Day, NONE, Seen, What};
use super::facts::{Facts, PatientFacts, UserFacts};
use super::history::{History, Past, days_between};
use super::marks::Mark;
use super::measure::{MINUTE, two_sites, walk};
use super::weights::{Limits, Sign, Signs};

/// A user and a chart that he opened, or was refused, that day.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) user: u32,
    pub(super) patient: u32,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) acts: u32,
    /// Days on which the user opened this chart, this one included.
    pub(super) days: u32,
    pub(super) signs: Signs,
    /// Of the signs whose absence speaks: those that can be told at all.
    pub(super) known: Signs,
}

/// A user's day as a whole.
#[derive(Clone, Debug, Default)]
pub(super) struct UserDay {
    pub(super) user: u32,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) acts: u32,
    /// Different charts opened.
    pub(super) charts: u32,
    /// Those without visit, relation or a colleague at them.
    pub(super) strangers: u32,
    pub(super) off_hours: u32,
    pub(super) searches: u32,
    pub(super) unopened: u32,
    pub(super) walk: usize,
    pub(super) sites: Option<(u32, u32)>,
    /// Days since the last act before.
    pub(super) asleep: Option<i64>,
    pub(super) signs: Signs,
}

/// The day's cases, and what was asked for on the way.
pub(super) struct Cases<'a> {
    pub(super) day: &'a Day,
    pub(super) facts: &'a dyn Facts,
    pub(super) limits: &'a Limits,
    pub(super) users: Vec<UserFacts>,
    pub(super) patients: Vec<Option<PatientFacts>>,
    pub(super) site_names: Vec<Arc<str>>,
    pub(super) pairs: Vec<Pair>,
    /// One for each user, in the day's order of users.
    pub(super) days: Vec<UserDay>,
}

impl<'a> Cases<'a> {
    pub(super) fn of(day: &'a Day, facts: &'a dyn Facts, history: &dyn History, limits: &'a Limits) -> Cases<'a> {
        let mut seen = day.seen.clone();
        seen.sort_unstable();
        let mut is_opened = vec![false; day.patients.len()];
        for act in &seen {
            if let Some(is_opened) = is_opened.get_mut(act.patient as usize) {
                *is_opened = true;
            }
        }
        let asked = day.patients.iter().zip(is_opened).map(|(key, is_opened)| is_opened.then(|| facts.patient(key)).flatten());
        let (sites, site_names) = sites(day, facts);
        let mut cases = Cases {
            day,
            facts,
            limits,
            users: day.users.iter().map(|person| facts.user(&person.id).unwrap_or_default()).collect(),
            patients: asked.collect(),
            site_names,
            pairs: Vec::new(),
            days: Vec::with_capacity(day.users.len()),
        };
        for acts in seen.chunk_by(|a, b| a.user == b.user) {
            cases.user(acts, &sites, history);
        }
        cases.mark_alone();
        cases
    }

    /// One user's acts, in order of time.
    fn user(&mut self, acts: &[Seen], sites: &[u32], history: &dyn History) {
        let (Some(start), Some(end)) = (acts.first(), acts.last()) else { return };
        let Some(person) = self.day.users.get(start.user as usize) else { return };
        let past = history.past(&person.id);
        let facts = self.users.get(start.user as usize).cloned().unwrap_or_default();
        let mut of_charts: Vec<Seen> = acts.iter().filter(|act| act.patient != NONE).copied().collect();
        of_charts.sort_unstable_by_key(|act| (act.patient, act.at));
        let mut day = UserDay { user: start.user, first: start.at, last: end.at, acts: acts.len() as u32, ..UserDay::default() };
        for chart in of_charts.chunk_by(|a, b| a.patient == b.patient) {
            let pair = self.pair(chart, &facts, past.as_ref());
            day.charts += u32::from(!pair.signs.has(Sign::Refused));
            day.off_hours += u32::from(pair.signs.has(Sign::OffHours));
            self.pairs.push(pair);
        }
        // Whoever works another shift than usual works all of it at unusual hours, which says nothing of a single chart.
        let is_shifted = day.charts >= self.limits.shifted_charts && day.off_hours * 2 > day.charts;
        if is_shifted {
            let own = self.pairs.iter_mut().rev().take_while(|pair| pair.user == start.user);
            own.for_each(|pair| pair.signs.take(Sign::OffHours));
        }
        (day.searches, day.unopened) = searches(acts);
        day.walk = self.longest_walk(&of_charts, day.charts);
        let places: Vec<(i64, u32)> = acts
            .iter()
            .filter_map(|act| Some((act.at, *sites.get(act.ip as usize)?)))
            .filter(|(_, site)| *site != NONE)
            .collect();
        day.sites = two_sites(&places, self.limits.site_minutes * MINUTE);
        let last_active = past.as_ref().and_then(|past| past.last_active);
        day.asleep = last_active.map(|last| days_between(last, self.day.date())).filter(|days| *days >= self.limits.dormant_days);
        let has_left = facts.until.is_some_and(|until| until < self.day.date());
        let share_unopened = f64::from(day.unopened) / f64::from(day.searches.max(1));
        day.signs.put(Sign::Left, has_left);
        day.signs.put(Sign::Dormant, day.asleep.is_some());
        day.signs.put(Sign::TwoSites, day.sites.is_some());
        day.signs.put(Sign::Walking, day.walk > 0);
        day.signs.put(Sign::Searches, day.searches >= self.limits.searches && share_unopened >= self.limits.searches_unopened);
        day.signs.put(Sign::OffHoursDay, is_shifted);
        self.days.push(day);
    }

    /// One user's acts on one chart, in order of time.
    fn pair(&self, acts: &[Seen], user: &UserFacts, past: Option<&Past>) -> Pair {
        let (start, end) = (acts.first().copied(), acts.last().copied());
        let (user_number, patient_number) = start.map_or((NONE, NONE), |act| (act.user, act.patient));
        let (first, last) = (start.map_or(0, |act| act.at), end.map_or(0, |act| act.at));
        let mut pair = Pair {
            user: user_number,
            patient: patient_number,
            first,
            last,
            acts: acts.len() as u32,
            days: 1,
            signs: Signs::default(),
            known: Signs::default(),
        };
        let (Some(person), Some(key)) =
            (self.day.users.get(user_number as usize), self.day.patients.get(patient_number as usize))
        else {
            return pair;
        };
        let relation = self.facts.relation(&person.id, key, self.day.date());
        let unknown = PatientFacts::default();
        let patient = self.patients.get(patient_number as usize).and_then(Option::as_ref).unwrap_or(&unknown);
        let encounter = has_encounter(user, patient);
        ties(&mut pair.signs, user, patient, key);
        let dead = patient.died.is_some_and(|died| days_between(died, self.day.date()) > self.limits.deceased_days);
        pair.signs.put(Sign::Vip, patient.is_vip);
        pair.signs.put(Sign::News, patient.in_news);
        pair.signs.put(Sign::Deceased, dead);
        pair.signs.put(Sign::Refused, acts.iter().all(|act| act.what == What::Refused));
        pair.signs.put(Sign::BreakGlass, acts.iter().any(|act| act.is_break_glass) && encounter == Some(false));
        pair.known.put(Sign::NoEncounter, encounter.is_some());
        pair.signs.put(Sign::NoEncounter, encounter == Some(false));
        pair.known.put(Sign::NoRelation, relation.is_some());
        pair.signs.put(Sign::NoRelation, relation == Some(false));
        if let Some(past) = past {
            let share = past.share_around(self.day.hour(first), self.limits.habit_acts);
            pair.signs.put(Sign::OffHours, share.is_some_and(|share| share < self.limits.habit_share));
            if let Some(opened) = past.charts.get(key) {
                pair.days += opened.days;
                let is_new = relation == Some(true) || visited_since(patient, opened.first);
                let is_persistent = pair.days >= self.limits.persistent_days;
                pair.signs.put(Sign::Persistent, !is_new && is_persistent);
                pair.signs.put(Sign::Repeated, !is_new && !is_persistent && pair.days >= self.limits.repeated_days);
            }
        }
        pair
    }

    fn longest_walk(&self, acts: &[Seen], charts: u32) -> usize {
        if (charts as usize) < self.limits.walk_charts {
            return 0;
        }
        let number = |act: &Seen| {
            let facts = self.patients.get(act.patient as usize).and_then(Option::as_ref);
            let of_key = || self.day.patients.get(act.patient as usize).and_then(number_of);
            Some((act.at, facts.and_then(|facts| facts.number).or_else(of_key)?))
        };
        let mut seen: Vec<(i64, u64)> = acts.iter().filter_map(number).collect();
        walk(&mut seen, self.limits.walk_charts, self.limits.walk_gap, self.limits.walk_minutes * MINUTE)
    }

    /// Who opened a chart while nobody else of the department did. Needs every pair of the day; strangers follow from it.
    fn mark_alone(&mut self) {
        let mut departments: AHashMap<&str, u32> = AHashMap::new();
        let mut of_user = Vec::with_capacity(self.users.len());
        for user in &self.users {
            let next = departments.len() as u32;
            of_user.push(user.department.as_deref().map(|name| *departments.entry(name).or_insert(next)));
        }
        let mut staff: AHashMap<u32, u32> = AHashMap::new();
        of_user.iter().flatten().for_each(|department| *staff.entry(*department).or_default() += 1);
        let department = |pair: &Pair| of_user.get(pair.user as usize).copied().flatten();
        let mut at_chart: AHashMap<(u32, u32), u32> = AHashMap::new();
        for pair in &self.pairs {
            if let Some(department) = department(pair) {
                *at_chart.entry((department, pair.patient)).or_default() += 1;
            }
        }
        for pair in &mut self.pairs {
            let Some(department) = of_user.get(pair.user as usize).copied().flatten() else { continue };
            let has_colleagues = staff.get(&department).is_some_and(|users| *users > 1);
            pair.known.put(Sign::Alone, has_colleagues);
            pair.signs.put(Sign::Alone, has_colleagues && at_chart.get(&(department, pair.patient)) == Some(&1));
            if is_stranger(pair)
                && let Some(day) = self.days.get_mut(pair.user as usize)
            {
                day.strangers += 1;
            }
        }
    }
}

/// Nothing joins the two: no visit, no relation where relations are known, and no colleague at the chart.
pub(super) fn is_stranger(pair: &Pair) -> bool {
    let has_no_relation = pair.signs.has(Sign::NoRelation) || !pair.known.has(Sign::NoRelation);
    has_no_relation && pair.signs.has(Sign::NoEncounter) && pair.signs.has(Sign::Alone)
}

/// The site of each address, by number.
fn sites(day: &Day, facts: &dyn Facts) -> (Vec<u32>, Vec<Arc<str>>) {
    let mut names: Vec<Arc<str>> = Vec::new();
    let of_ip = day.ips.iter().map(|ip| match facts.site(ip) {
        None => NONE,
        Some(site) => {
            let known = names.iter().position(|name| *name == site);
            known.unwrap_or_else(|| {
                names.push(site);
                names.len() - 1
            }) as u32
        }
    });
    let of_ip = of_ip.collect();
    (of_ip, names)
}

/// What joins the two as people. A sign that another one implies is left out.
fn ties(signs: &mut Signs, user: &UserFacts, patient: &PatientFacts, key: &PatientKey) {
    if user.patients.iter().any(|own| own == key || patient.keys.contains(own)) {
        return signs.put(Sign::OwnChart, true);
    }
    let shares = |mark: Option<Mark>, marks: &[Mark]| mark.is_some_and(|mark| marks.contains(&mark));
    let is_namesake = shares(user.full_name, &patient.full_names);
    let has_surname = user.surnames.iter().any(|mark| patient.surnames.contains(mark));
    let has_house = shares(user.household, &patient.households);
    let has_street = shares(user.street, &patient.streets);
    signs.put(Sign::Namesake, is_namesake);
    signs.put(Sign::Surname, !is_namesake && has_surname);
    signs.put(Sign::Household, has_house);
    signs.put(Sign::Neighbour, !has_house && has_street);
    signs.put(Sign::Phone, shares(user.phone, &patient.phones));
    signs.put(Sign::Colleague, patient.is_workforce);
    let is_of_unit = user.department.is_some() && user.department == patient.works_in;
    signs.put(Sign::SameDepartment, patient.is_workforce && is_of_unit);
}

fn has_encounter(user: &UserFacts, patient: &PatientFacts) -> Option<bool> {
    let (department, encounters) = (user.department.as_ref()?, patient.encounters.as_ref()?);
    Some(encounters.iter().any(|encounter| encounter.is_in(department)))
}

fn visited_since(patient: &PatientFacts, day: Date) -> bool {
    patient.encounters.iter().flatten().any(|encounter| encounter.day >= day)
}

/// The digits at the end of a key: `mer.00123` is 123.
fn number_of(key: &PatientKey) -> Option<u64> {
    let text = key.as_str();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number = text.get(digits..).filter(|digits| digits.len() > 2)?;
    // The end of a UUID is no record number.
    (!crate::model::is_true_uuid(text)).then(|| number.parse().ok()).flatten()
}

/// Searches, and those after which no chart was opened before the next. `acts` are in order of time.
fn searches(acts: &[Seen]) -> (u32, u32) {
    let of_interest = acts.iter().filter(|act| act.what != What::Refused);
    let runs: Vec<What> = of_interest.map(|act| act.what).collect();
    let searches = runs.iter().filter(|what| **what == What::Searched).count();
    let opened = runs.iter().zip(runs.iter().skip(1)).filter(|(a, b)| **a == What::Searched && **b == What::Opened).count();
    (searches as u32, (searches - opened) as u32)
}
