//! What happens to a person: problems with their onsets, and the visits of a life with this hospital.
//!
//! Not for: the records that a visit leaves behind (`visit`, `labs`, `medicines`, `notes` …).

use super::calendar::{Day, Moment};
use super::dice::{Dice, Id};
use super::hospital::Hospital;
use super::people::{self, Person, Role};
use super::terms::{Course, PROBLEMS, Problem};

/// A problem that the person has or had.
pub struct Held {
    pub term: &'static Problem,
    /// Place in `PROBLEMS`.
    pub number: usize,
    pub id: Id,
    pub onset: Day,
    pub resolved: Option<Day>,
}

impl Held {
    pub fn sensitivity(&self) -> Option<&'static str> {
        match self.term.course {
            Course::Sensitive(code) => Some(code),
            Course::Chronic | Course::Acute => None,
        }
    }

    pub fn active_on(&self, day: Day) -> bool {
        self.onset <= day && self.resolved.is_none_or(|end| end > day)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VisitKind {
    Checkup,
    FollowUp,
    Sick,
    Emergency,
    Inpatient,
    Telephone,
    Consult,
    /// The stay in which this person was born.
    Birth,
    /// The stay in which this person gave birth.
    Delivery,
}

pub struct Visit {
    pub id: Id,
    pub kind: VisitKind,
    pub start: Moment,
    pub minutes: i64,
    /// Index into the hospital's staff.
    pub staff: usize,
    /// Index into `hospital::LOCATIONS`.
    pub place: usize,
    /// Index into the story's problems.
    pub reason: Option<usize>,
    pub sensitivity: Option<&'static str>,
}

impl Visit {
    pub fn end(&self) -> Moment {
        self.start.plus_minutes(self.minutes)
    }

    pub fn day(&self) -> Day {
        self.start.day
    }
}

pub struct Story {
    pub problems: Vec<Held>,
    pub visits: Vec<Visit>,
}

/// The story of one person, visits in order of time.
pub fn plan(seed: u64, person: &Person, hospital: &Hospital, dice: &mut Dice) -> Story {
    let mut story = Story { problems: chronic(person, dice), visits: Vec::new() };
    for (day, kind) in days(seed, person, &story.problems, dice) {
        let visit = visit(person, hospital, &mut story.problems, day, kind, dice);
        story.visits.push(visit);
    }
    if let (Some(death), true) = (person.died, dice.percent(60)) {
        let mut visit = visit(person, hospital, &mut story.problems, death.plus(-2), VisitKind::Inpatient, dice);
        visit.minutes = 2 * 1440 - i64::from(visit.start.minute) + 300;
        story.visits.push(visit);
    }
    story.visits.sort_by_key(|v| v.start);
    story
}

fn chronic(person: &Person, dice: &mut Dice) -> Vec<Held> {
    let last = person.last_day();
    let age = person.age_on(last);
    let mut held = Vec::new();
    for (number, term) in PROBLEMS.iter().enumerate() {
        let only_one_sex = match term.icd {
            "N40.0" => person.female,
            "M81.0" => !person.female && age < 75,
            _ => false,
        };
        // Every draw is made for everybody, so that a changed age changes no later choice.
        let (hit, at, id) = (dice.permille(term.permille), dice.below(1000), dice.id());
        if term.course == Course::Acute || only_one_sex || age < term.from_age || !hit {
            continue;
        }
        let from = person.birth.plus(term.from_age * 365 + 30);
        let onset = from.plus(from.until(last).max(1) * at as i64 / 1000);
        held.push(Held { term, number, id, onset, resolved: None });
    }
    held
}

/// The days on which the person comes, each with its occasion.
fn days(seed: u64, person: &Person, problems: &[Held], dice: &mut Dice) -> Vec<(Day, VisitKind)> {
    // The last weeks are kept free, so that stays, results and bills end before the cutover.
    let last = person.last_day().min(Day::CUTOVER.plus(-21));
    let mut days = Vec::new();
    if matches!(person.role, Role::Newborn) {
        days.push((person.birth, VisitKind::Birth));
    }
    let child = match person.role {
        Role::Mother => Some(person.index + 3),
        Role::MotherOfTwins => Some(person.index + 1),
        _ => None,
    };
    if let Some(birth) = child.map(|index| people::person(seed, index).birth).filter(|day| *day >= Day::OPENING) {
        days.push((birth, VisitKind::Delivery));
    }
    for months in [2, 4, 6, 9, 12, 15, 18, 24, 30] {
        let day = person.birth.plus(months * 30 + dice.between(0, 9));
        if (Day::OPENING..last).contains(&day) {
            days.push((day, VisitKind::Checkup));
        }
    }
    let known_since = Day::OPENING.plus(dice.between(0, 1200)).max(person.birth.plus(1000));
    let mut day = known_since;
    while day < last {
        let chronic = problems.iter().filter(|p| p.active_on(day)).count() as i64;
        days.push((day, occasion(chronic, dice)));
        let usual = 1020 / (2 + chronic.min(6));
        day = day.plus(dice.between(usual / 3 + 5, usual * 5 / 3 + 5));
    }
    days
}

fn occasion(chronic: i64, dice: &mut Dice) -> VisitKind {
    let follow_up = if chronic > 0 { 35 } else { 0 };
    match dice.below(100) as i64 {
        0..4 => VisitKind::Emergency,
        4..7 => VisitKind::Inpatient,
        7..13 => VisitKind::Telephone,
        13..20 => VisitKind::Consult,
        20..40 => VisitKind::Sick,
        x if x < 40 + follow_up => VisitKind::FollowUp,
        _ => VisitKind::Checkup,
    }
}

fn visit(person: &Person, hospital: &Hospital, problems: &mut Vec<Held>, day: Day, kind: VisitKind, dice: &mut Dice) -> Visit {
    let reason = match kind {
        VisitKind::Sick | VisitKind::Emergency => acute(person, problems, day, dice),
        VisitKind::Inpatient if dice.percent(50) => acute(person, problems, day, dice),
        VisitKind::FollowUp | VisitKind::Consult | VisitKind::Inpatient | VisitKind::Telephone => {
            let active: Vec<usize> = (0..problems.len()).filter(|&i| problems[i].active_on(day)).collect();
            // Those in treatment for a sensitive problem come for it more often than for any other.
            let sensitive = active.iter().copied().find(|&i| problems[i].sensitivity().is_some());
            match sensitive.filter(|_| dice.percent(24)) {
                None if active.is_empty() => None,
                None => Some(*dice.pick(&active)),
                sensitive => sensitive,
            }
        }
        VisitKind::Checkup | VisitKind::Birth | VisitKind::Delivery => None,
    };
    let child = person.age_on(day) < 16;
    let (specialty, place, minutes) = match kind {
        VisitKind::Emergency => (3, 2, dice.between(90, 420)),
        VisitKind::Inpatient => (0, dice.between(3, 4) as usize, dice.between(1, 9) * 1440 + dice.between(-300, 300)),
        VisitKind::Consult => (*dice.pick(&[4, 5, 9]), 8, dice.between(20, 50)),
        VisitKind::Telephone => (11, 0, dice.between(4, 15)),
        VisitKind::Birth | VisitKind::Delivery => (6, 5, 2 * 1440 + dice.between(0, 900)),
        _ if child => (2, 9, dice.between(15, 35)),
        _ => (*dice.pick(&[0, 0, 1, 10]), dice.between(0, 1) as usize, dice.between(15, 45)),
    };
    let hour = if matches!(kind, VisitKind::Emergency | VisitKind::Birth | VisitKind::Delivery) {
        dice.between(0, 22 * 60)
    } else {
        dice.between(8 * 12, 16 * 12) * 5
    };
    let sensitivity = reason.and_then(|i| problems[i].sensitivity());
    let specialty = if sensitivity == Some("PSY") { 7 } else { specialty };
    let staff = hospital.any_of(specialty, dice);
    let start = Moment::new(day, hour);
    Visit { id: dice.id(), kind, start, minutes: minutes.max(5), staff, place, reason, sensitivity }
}

/// A new short illness, by share and age.
fn acute(person: &Person, problems: &mut Vec<Held>, day: Day, dice: &mut Dice) -> Option<usize> {
    let age = person.age_on(day);
    let fits = |p: &Problem| p.course == Course::Acute && age >= p.from_age;
    let total = PROBLEMS.iter().filter(|p| fits(p)).map(|p| p.permille).sum();
    let mut at = dice.below(total);
    for (number, term) in PROBLEMS.iter().enumerate().filter(|(_, p)| fits(p)) {
        if at < term.permille {
            let onset = day.plus(-dice.between(0, 6));
            let resolved = Some(day.plus(dice.between(5, 30)));
            problems.push(Held { term, number, id: dice.id(), onset: onset.max(person.birth), resolved });
            return Some(problems.len() - 1);
        }
        at -= term.permille;
    }
    None
}
