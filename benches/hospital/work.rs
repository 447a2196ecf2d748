//! Ordinary work: who is on duty, whose charts they open, when, from where, and what of it the imported care relations know.
//! With what looks like snooping and is none: kin on the own ward, cover for another ward, reviews of deaths, swapped shifts,
//! people back from leave, celebrities in care.
//!
//! Not for: snooping (`plant`).

use chartkeep::oversight::Act;

use super::dice::Dice;
use super::past::{Pasts, Relations};
use super::people::{Hospital, JOBS, Job, TODAY, VISIT_NONE, WARDS, patient_key, user_id};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// One chart opened by one user, before it becomes acts.
struct Visit {
    user: u32,
    patient: u32,
    /// Microseconds since midnight.
    at: i64,
    acts: f64,
    /// Ordinary visits are scaled until the day has as many acts as it should.
    is_scaled: bool,
    ip: u32,
}

pub struct Log {
    dice: Dice,
    visits: Vec<Visit>,
    past: Pasts,
    relations: Relations,
    pub on_duty: Vec<bool>,
    pub inpatients: Vec<Vec<u32>>,
    pub others: Vec<u32>,
}

impl Log {
    pub fn new(hospital: &Hospital, seed: u64) -> Log {
        let on_duty = vec![false; hospital.users.len()];
        let (past, relations) = (Pasts::new(), Relations::new());
        Log { dice: Dice::new(seed, 2), visits: Vec::new(), past, relations, on_duty, inpatients: Vec::new(), others: Vec::new() }
    }

    pub fn visit(&mut self, hospital: &Hospital, user: u32, patient: u32, at: i64, acts: f64) {
        let site = hospital.users[user as usize].site;
        self.put(user, patient, at, acts, false, u32::from(site));
    }

    fn put(&mut self, user: u32, patient: u32, at: i64, acts: f64, is_scaled: bool, ip: u32) {
        let at = at.rem_euclid(24 * HOUR);
        self.visits.push(Visit { user, patient, at, acts, is_scaled, ip });
    }

    /// The chart was opened on so many earlier days, the first so many days ago.
    pub fn remember(&mut self, user: u32, patient: u32, days: u32, back: u32) {
        if days > 0 {
            self.past.entry(user).or_default().push((patient, days.min(back), back));
        }
    }

    pub fn relate(&mut self, user: u32, patient: u32) {
        self.relations.insert((user, patient));
    }

    /// The acts of the day, as many as the hospital should have.
    pub fn finish(mut self, hospital: &Hospital) -> (Vec<Act>, Pasts, Relations) {
        let sum = |scaled: bool| self.visits.iter().filter(|v| v.is_scaled == scaled).map(|v| v.acts).sum::<f64>();
        // About one act in ten is a search.
        let scale = (hospital.size.acts as f64 * 0.9 - sum(false)) / sum(true);
        let midnight = TODAY.to_zoned(jiff::tz::TimeZone::UTC).expect("a day").timestamp().as_microsecond();
        let roles: Vec<String> = hospital.users.iter().map(|user| role(user.job).to_string()).collect();
        let mut acts = Vec::with_capacity(hospital.size.acts + hospital.size.acts / 20);
        for visit in &self.visits {
            let wanted = if visit.is_scaled { visit.acts * scale } else { visit.acts };
            let count = (wanted + self.dice.unit()).max(1.0) as usize;
            let act = |at: i64, seq: usize, event: &str, patient: Option<u32>| Act {
                at: midnight + at.rem_euclid(24 * HOUR),
                stream: "node".into(),
                seq: seq as u64,
                event: event.into(),
                outcome: 0,
                user: user_id(visit.user as usize),
                user_name: String::new(),
                role: roles[visit.user as usize].clone(),
                purpose: None,
                patient: patient.map(patient_key),
                ip: Some(format!("10.{}.0.{}", visit.ip, visit.user % 250)),
                session: None,
                break_glass: None,
                records: 1,
                hits: None,
            };
            let searches = if self.dice.is(0.5) { self.dice.between(1, 2) } else { 0 };
            for n in 0..searches {
                acts.push(act(visit.at - (searches - n) as i64 * MINUTE / 6, acts.len(), "patient.search", None));
            }
            let spread = if visit.is_scaled { 3 * HOUR } else { 3 * MINUTE };
            for n in 0..count {
                let later = if n == 0 { 0 } else { self.dice.below(spread as usize) as i64 };
                acts.push(act(
                    visit.at + later,
                    acts.len(),
                    if n % 5 == 4 { "document.view" } else { "record.read" },
                    Some(visit.patient),
                ));
            }
        }
        // As a log has them.
        acts.sort_by_key(|act| act.at);
        (acts, self.past, self.relations)
    }
}

fn role(job: Job) -> &'static str {
    if matches!(job, Job::Records | Job::Coder) { "him" } else { "clinician" }
}

/// Fills the wards and clinics and lets everybody work who is on duty.
pub fn ordinary(hospital: &mut Hospital, log: &mut Log) {
    admit(hospital, log);
    let discharged: Vec<u32> = (0..2000).map(|_| log.dice.below(hospital.patients.len()) as u32).collect();
    for user in 0..hospital.users.len() {
        if log.dice.is(0.45) {
            log.on_duty[user] = true;
            work(hospital, log, user as u32, &discharged);
        }
    }
    reviews(hospital, log);
}

/// Today's patients by ward, clinic and emergency department: most have been there before, and the archive says so.
fn admit(hospital: &mut Hospital, log: &mut Log) {
    let departments = WARDS + 26;
    let mut taken = std::collections::HashSet::new();
    for department in 0..departments {
        let beds = if department < WARDS {
            log.dice.between(28, 38)
        } else if department + 1 == departments {
            350
        } else {
            200
        };
        let mut list = Vec::with_capacity(beds);
        while list.len() < beds {
            let one = log.dice.below(hospital.patients.len()) as u32;
            if hospital.patients[one as usize].died.is_none() && taken.insert(one) {
                list.push(one);
            }
        }
        // Celebrities and kin of the staff are ill like everybody.
        if department % 12 == 3 {
            hospital.patients[list[0] as usize].is_vip = true;
        }
        if department % 5 == 1 {
            let staff: Vec<usize> =
                (0..hospital.users.len()).filter(|user| hospital.users[*user].department == department as u16).collect();
            if !staff.is_empty() {
                let house = hospital.houses[hospital.users[log.dice.pick(&staff)].house as usize].clone();
                list[1] = house.start + log.dice.below(house.len()) as u32;
            }
        }
        for patient in &list {
            if log.dice.is(0.6) {
                hospital.patients[*patient as usize].visits[0] = department as u16;
            }
        }
        log.inpatients.push(list);
    }
    log.others = log.inpatients.iter().flatten().copied().collect();
}

/// One user's shift.
fn work(hospital: &Hospital, log: &mut Log, user: u32, discharged: &[u32]) {
    let person = &hospital.users[user as usize];
    let (_, _, charts, acts, known) = JOBS.into_iter().find(|job| job.0 == person.job).expect("a job");
    let own = usize::from(person.department);
    let count = log.dice.around(charts);
    let cover = log.dice.below(WARDS);
    let is_covering = person.job == Job::FloatPool || (person.job == Job::Nurse && log.dice.is(0.03));
    let swapped = if log.dice.is(0.03) { 8 } else { 0 };
    let cohort = user as usize * 997;
    let second_site = log.dice.is(0.03);
    let is_remote = log.dice.is(0.05);
    for n in 0..count {
        let wards = &log.inpatients[..WARDS];
        let ward = |dice: &mut Dice| {
            let number = dice.below(WARDS);
            dice.pick(&wards[number])
        };
        let dice = &mut log.dice;
        // (patient, is it the own department's, share of such pairs that relations know)
        let (patient, known) = match person.job {
            _ if is_covering => (dice.pick(&wards[cover]), known * 0.7),
            Job::Nurse if dice.is(0.95) => (dice.pick(&wards[own]), known),
            Job::Physician if dice.is(0.72) => (dice.pick(&log.inpatients[own]), known),
            Job::Physician if dice.is(0.6) => (ward(dice), known * 0.55),
            Job::Clerk if dice.is(0.9) => (dice.pick(&log.inpatients[own]), known),
            Job::Emergency if dice.is(0.9) => (dice.pick(&log.inpatients[WARDS + 25]), known),
            Job::Nurse | Job::Emergency | Job::CaseManager => (ward(dice), known * 0.6),
            Job::Records if dice.is(0.7) => (dice.below(hospital.patients.len()) as u32, 0.0),
            Job::Coder => (dice.pick(discharged), 0.0),
            Job::Researcher => (((cohort + dice.below(3000)) % hospital.patients.len()) as u32, 0.0),
            Job::Pharmacist if dice.is(0.8) => (ward(dice), known),
            _ => (dice.pick(&log.others), known * 0.8),
        };
        let overtime = if dice.is(0.04) { 2 * HOUR } else { 0 };
        let start = i64::from(person.shift) + swapped;
        let at = start * HOUR + overtime + dice.below((8 * HOUR) as usize) as i64;
        let stay = dice.between(1, 14).min(dice.between(1, 14)) as u32;
        let (chance, share) = match person.job {
            Job::Nurse | Job::CaseManager => (0.5, 0.5),
            Job::Physician => (0.5, 0.7),
            Job::Researcher => (0.3, 0.3),
            Job::Pharmacist | Job::Coder => (0.2, 0.3),
            Job::Laboratory | Job::Emergency | Job::Clerk | Job::FloatPool => (0.05, 0.4),
            Job::Records => (0.03, 0.3),
        };
        let days = if dice.is(chance) { (f64::from(stay) * share + dice.unit()) as u32 } else { 0 };
        let site = if second_site && n % 3 == 0 { (person.site + 1) % 4 } else { person.site };
        let ip = if is_remote { 9 } else { u32::from(site) };
        let is_known = dice.is(known);
        let acts = dice.around(acts) as f64;
        log.remember(user, patient, days, stay);
        if is_known {
            log.relate(user, patient);
        }
        log.put(user, patient, at, acts, true, ip);
    }
}

/// Physicians who look through closed charts because they must, and people who come back from leave.
fn reviews(hospital: &mut Hospital, log: &mut Log) {
    let dead: Vec<u32> = (0..hospital.patients.len() as u32).filter(|p| hospital.patients[*p as usize].died.is_some()).collect();
    let physicians: Vec<u32> = (0..hospital.users.len() as u32)
        .filter(|user| hospital.users[*user as usize].job == Job::Physician && log.on_duty[*user as usize])
        .collect();
    for _ in 0..2.min(physicians.len()) {
        let user = log.dice.pick(&physicians);
        let ward = hospital.users[user as usize].department;
        for _ in 0..log.dice.between(6, 15) {
            let patient = log.dice.pick(&dead);
            // Reviewed are deaths on the own ward.
            if log.dice.is(0.9) {
                hospital.patients[patient as usize].visits[1] = ward;
            }
            let at = i64::from(hospital.users[user as usize].shift) * HOUR + log.dice.below((8 * HOUR) as usize) as i64;
            log.put(user, patient, at, 12.0, true, u32::from(hospital.users[user as usize].site));
        }
    }
    for _ in 0..hospital.users.len() / 350 {
        let user = log.dice.below(hospital.users.len());
        hospital.users[user].is_asleep = true;
    }
    debug_assert!(
        hospital
            .patients
            .iter()
            .all(|p| p.visits.iter().all(|v| *v == VISIT_NONE || usize::from(*v) < hospital.departments.len()))
    );
}
