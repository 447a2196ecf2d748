//! Planted snooping, in eleven patterns, by a mix that says how many of each.
//!
//! Not for: ordinary work (`work`).

use std::collections::HashSet;

use chartkeep::oversight::signals::Flag;
use jiff::ToSpan;

use super::dice::Dice;
use super::people::{Hospital, Job, TODAY, VISIT_NONE, patient_key, user_id};
use super::work::Log;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Pattern {
    /// A relative: mostly the same surname, in the same house or another.
    Family,
    /// Somebody of the same house or street with another name.
    Neighbour,
    /// Somebody who works here, mostly in the same department.
    Colleague,
    /// A celebrity.
    Vip,
    /// Again and again the same chart, mostly without anything that joins the two.
    ExPartner,
    OwnChart,
    /// Neighbouring record numbers.
    Walking,
    /// Many charts of people with whom nobody of the department has to do.
    Browsing,
    /// One of several people at the chart of somebody in the news, who mostly is on the list.
    News,
    /// Somebody long dead.
    Deceased,
    /// An account of somebody who left, or who should be away.
    Left,
}

impl Pattern {
    pub const ALL: [Pattern; 11] = [
        Pattern::Family,
        Pattern::Neighbour,
        Pattern::Colleague,
        Pattern::Vip,
        Pattern::ExPartner,
        Pattern::OwnChart,
        Pattern::Walking,
        Pattern::Browsing,
        Pattern::News,
        Pattern::Deceased,
        Pattern::Left,
    ];
}

/// How many of each pattern, in the order of [`Pattern::ALL`].
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    pub name: &'static str,
    pub counts: [usize; 11],
}

#[derive(Clone, Debug)]
pub struct Planted {
    pub pattern: Pattern,
    pub user: u32,
    pub patients: Vec<u32>,
}

impl Planted {
    /// Whether a flag is about this. A pattern of single charts must be found by its chart; one of many charts by the day.
    pub fn is(&self, flag: &Flag, _hospital: &Hospital) -> bool {
        let is_of_day = matches!(self.pattern, Pattern::Walking | Pattern::Browsing | Pattern::Left);
        flag.user == user_id(self.user as usize)
            && match &flag.patient {
                None => is_of_day,
                Some(key) => self.patients.iter().any(|patient| patient_key(*patient) == *key),
            }
    }
}

pub fn plant(hospital: &mut Hospital, log: &mut Log, mix: &Mix, seed: u64) -> Vec<Planted> {
    let mut planter = Planter { hospital, log, dice: Dice::new(seed, 3), used: HashSet::new(), planted: Vec::new() };
    for (pattern, count) in Pattern::ALL.into_iter().zip(mix.counts) {
        if pattern == Pattern::News {
            planter.news(count);
            continue;
        }
        for _ in 0..count {
            planter.one(pattern);
        }
    }
    planter.planted
}

struct Planter<'a> {
    hospital: &'a mut Hospital,
    log: &'a mut Log,
    dice: Dice,
    used: HashSet<u32>,
    planted: Vec<Planted>,
}

impl Planter<'_> {
    /// Somebody who has not been chosen yet and fits; four in five are on duty.
    fn user(&mut self, fits: impl Fn(&Hospital, u32) -> bool) -> u32 {
        let wants_duty = self.dice.is(0.8);
        for tries in 0..20_000 {
            let user = self.dice.below(self.hospital.users.len()) as u32;
            let is_right = tries > 10_000 || self.log.on_duty[user as usize] == wants_duty;
            if is_right && fits(self.hospital, user) && self.used.insert(user) {
                return user;
            }
        }
        0
    }

    fn patient(&mut self, fits: impl Fn(&Hospital, u32) -> bool) -> u32 {
        for _ in 0..200_000 {
            let patient = self.dice.below(self.hospital.patients.len()) as u32;
            if fits(self.hospital, patient) {
                return patient;
            }
        }
        0
    }

    /// A moment of the user's shift, or, at times, of another part of the day.
    fn moment(&mut self, user: u32, off_hours: f64) -> i64 {
        let shift = i64::from(self.hospital.users[user as usize].shift);
        let start = if self.dice.is(off_hours) { shift + 12 } else { shift };
        start * HOUR + self.dice.below((8 * HOUR) as usize) as i64
    }

    fn put(&mut self, pattern: Pattern, user: u32, patients: &[u32], off_hours: f64) {
        let mut at = self.moment(user, off_hours);
        for patient in patients {
            let acts = self.dice.between(1, 9) as f64;
            self.log.visit(self.hospital, user, *patient, at, acts);
            at += (60 + self.dice.below(600) as i64) * SECOND;
        }
        self.planted.push(Planted { pattern, user, patients: patients.to_vec() });
    }

    fn one(&mut self, pattern: Pattern) {
        match pattern {
            Pattern::Family => self.family(),
            Pattern::Neighbour => self.neighbour(),
            Pattern::Colleague => self.colleague(),
            Pattern::Vip => {
                let users = |h: &Hospital, u: u32| is_plain(h.users[u as usize].job);
                let user = self.user(users);
                let in_care = self.dice.is(0.6);
                let taken: HashSet<u32> = self.log.others.iter().copied().collect();
                let patient = self.patient(|h, p| h.patients[p as usize].is_vip && (!in_care || taken.contains(&p)));
                self.put(pattern, user, &[patient], 0.25);
            }
            Pattern::ExPartner => self.ex_partner(),
            Pattern::OwnChart => {
                let user = self.user(|h, u| h.users[u as usize].patient.is_some());
                let own = self.hospital.users[user as usize].patient.unwrap_or(0);
                self.put(pattern, user, &[own], 0.15);
            }
            Pattern::Walking => self.walking(),
            Pattern::Browsing => {
                let user = self.user(|h, u| is_plain(h.users[u as usize].job));
                let count = self.dice.between(15, 35);
                let patients: Vec<u32> = (0..count).map(|_| self.patient(|h, p| h.patients[p as usize].died.is_none())).collect();
                self.put(pattern, user, &patients, 0.2);
            }
            Pattern::News => {}
            Pattern::Deceased => self.deceased(),
            Pattern::Left => self.left(),
        }
    }

    fn family(&mut self) {
        let user = self.user(|_, _| true);
        let (surname, house) = (self.hospital.users[user as usize].surname, self.hospital.users[user as usize].house);
        let count = self.dice.between(1, 3);
        let mut kin = Vec::new();
        for _ in 0..count {
            let house = self.hospital.houses[house as usize].clone();
            let own = self.hospital.users[user as usize].patient;
            let inmates: Vec<u32> =
                house.filter(|p| Some(*p) != own && self.hospital.patients[*p as usize].surname == surname).collect();
            // In the same house where there is one, else somewhere else in the county.
            let patient = if !inmates.is_empty() && self.dice.is(0.5) {
                self.dice.pick(&inmates)
            } else {
                let patient = self.patient(|h, p| h.patients[p as usize].staff.is_none());
                if self.dice.is(0.85) {
                    self.hospital.patients[patient as usize].surname = surname;
                } else {
                    self.hospital.patients[patient as usize].house = self.hospital.users[user as usize].house;
                }
                patient
            };
            if !kin.contains(&patient) {
                kin.push(patient);
            }
        }
        self.put(Pattern::Family, user, &kin, 0.25);
    }

    fn neighbour(&mut self) {
        let user = self.user(|_, _| true);
        let patient = self.patient(|h, p| h.patients[p as usize].staff.is_none());
        let house = self.hospital.users[user as usize].house;
        // Forty houses make a street.
        let street = house / 40 * 40;
        let next = (street + self.dice.below(40) as u32).min(self.hospital.houses.len() as u32 - 1);
        self.hospital.patients[patient as usize].house = if self.dice.is(0.7) { house } else { next };
        self.put(Pattern::Neighbour, user, &[patient], 0.25);
    }

    fn colleague(&mut self) {
        let is_near = self.dice.is(0.6);
        let patient = self.patient(|h, p| {
            let staff = h.patients[p as usize].staff.map(|user| &h.users[user as usize]);
            staff.is_some_and(|user| user.is_patient_known && is_plain(user.job))
        });
        let employee = self.hospital.patients[patient as usize].staff.unwrap_or(0);
        let department = self.hospital.users[employee as usize].department;
        let user = self.user(|h, u| {
            u != employee && is_plain(h.users[u as usize].job) && (h.users[u as usize].department == department) == is_near
        });
        self.put(Pattern::Colleague, user, &[patient], 0.2);
    }

    fn ex_partner(&mut self) {
        let user = self.user(|_, _| true);
        let patient = self.patient(|h, p| h.patients[p as usize].staff.is_none());
        if self.dice.is(0.2) {
            self.hospital.patients[patient as usize].house = self.hospital.users[user as usize].house;
        }
        if self.dice.is(0.2) {
            self.hospital.patients[patient as usize].phone = self.hospital.users[user as usize].phone;
        }
        let (days, back) = (self.dice.between(3, 10) as u32, self.dice.between(11, 28) as u32);
        self.log.remember(user, patient, days, back);
        self.put(Pattern::ExPartner, user, &[patient], 0.4);
    }

    fn walking(&mut self) {
        let user = self.user(|_, _| true);
        let count = self.dice.between(22, 45);
        let start = self.dice.below(self.hospital.patients.len() - 200) as u32;
        let step = self.dice.between(1, 2) as u32;
        let mut at = self.moment(user, 0.2);
        let patients: Vec<u32> = (0..count as u32).map(|n| start + n * step).collect();
        for patient in &patients {
            self.log.visit(self.hospital, user, *patient, at, 0.0);
            at += (8 + self.dice.below(12) as i64) * SECOND;
        }
        self.planted.push(Planted { pattern: Pattern::Walking, user, patients });
    }

    /// Several people at one chart; each of them counts.
    fn news(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let inpatients: Vec<u32> = self.log.inpatients.iter().flatten().copied().collect();
        let patient = self.dice.pick(&inpatients);
        self.hospital.patients[patient as usize].in_news = self.dice.is(0.7);
        for _ in 0..count {
            let visits = self.hospital.patients[patient as usize].visits;
            let user = self.user(|h, u| is_plain(h.users[u as usize].job) && !visits.contains(&h.users[u as usize].department));
            self.put(Pattern::News, user, &[patient], 0.2);
        }
    }

    fn deceased(&mut self) {
        let user = self.user(|h, u| is_plain(h.users[u as usize].job));
        let count = self.dice.between(1, 2);
        let mut dead = Vec::new();
        for _ in 0..count {
            let patient = self.patient(|h, p| h.patients[p as usize].died.is_some_and(|day| day < TODAY - 120.days()));
            // Two in five are of the family.
            if self.dice.is(0.4) {
                self.hospital.patients[patient as usize].surname = self.hospital.users[user as usize].surname;
            }
            self.hospital.patients[patient as usize].visits[3] = VISIT_NONE;
            dead.push(patient);
        }
        self.put(Pattern::Deceased, user, &dead, 0.3);
    }

    fn left(&mut self) {
        let on_duty: Vec<bool> = self.log.on_duty.clone();
        let user = self.user(|_, _| true);
        let user = if on_duty[user as usize] {
            // Who left does not work any more: somebody else then.
            (0..on_duty.len() as u32).find(|u| !on_duty[*u as usize] && !self.used.contains(u)).unwrap_or(user)
        } else {
            user
        };
        self.used.insert(user);
        if self.dice.is(0.5) {
            self.hospital.users[user as usize].until = Some(TODAY - (self.dice.between(3, 200) as i64).days());
        } else {
            self.hospital.users[user as usize].is_asleep = true;
        }
        let count = self.dice.between(5, 12);
        let patients: Vec<u32> = (0..count).map(|_| self.patient(|_, _| true)).collect();
        self.put(Pattern::Left, user, &patients, 0.8);
    }
}

/// Jobs of one department, for which a chart elsewhere is unusual.
fn is_plain(job: Job) -> bool {
    matches!(job, Job::Nurse | Job::Physician | Job::Emergency | Job::Clerk)
}
