//! One patient's chart: the state that grows from visit to visit, and the order in which its records are made.
//!
//! Not for: the shape of any resource.

use super::calendar::{Day, Moment};
use super::dice::{Dice, Id, Stream};
use super::fhir::{Meta, Ref, RefText};
use super::hospital::Hospital;
use super::json::{Decimal, Json};
use super::people::Person;
use super::sink::{Sink, Type};
use super::story::{self, Held, Story, Visit, VisitKind};
use super::{care, clerks, documents, labs, medicines, registration, visit};

/// A laboratory value that a note may speak of.
#[derive(Clone, Copy)]
pub struct Latest {
    pub test: usize,
    pub value: Decimal,
    pub day: Day,
    pub flag: &'static str,
}

/// A medicine as it stands on the list.
pub struct Taken {
    pub drug: usize,
    pub since: Day,
    pub sensitivity: Option<&'static str>,
}

pub struct Chart<'a> {
    pub seed: u64,
    pub person: &'a Person,
    pub hospital: &'a Hospital,
    pub dice: Dice,
    pub sink: &'a mut Sink,
    pub problems: Vec<Held>,
    /// Which problems have a Condition record already.
    pub recorded: Vec<bool>,
    pub medicines: Vec<Taken>,
    pub latest: Vec<Latest>,
    pub baseline: labs::Baseline,
    pub allergies: Vec<&'static str>,
    pub height_mm: i64,
    pub weight_percent: i64,
    pub coverage: Id,
    pub account: Id,
}

impl<'a> Chart<'a> {
    /// Adds a record of this patient.
    pub fn record(&mut self, kind: Type, sensitivity: Option<&'static str>, body: impl FnOnce(&mut Json)) {
        self.record_with(kind, sensitivity, &[self.person.index], body);
    }

    /// Adds a record that names several patients.
    pub fn record_with(&mut self, kind: Type, label: Option<&'static str>, patients: &[u64], body: impl FnOnce(&mut Json)) {
        self.sink.record(kind, patients, body);
        self.sink.restricted += u64::from(label.is_some());
    }

    pub fn subject(&self) -> Ref {
        Ref("Patient", self.person.id)
    }

    /// A reference to a member of staff.
    pub fn staff(&mut self, index: usize) -> RefText {
        self.hospital.staff[index].reference(&mut self.dice)
    }

    /// The unrestricted problems that are active on a day.
    pub fn open_problems(&self, day: Day) -> impl Iterator<Item = &Held> {
        self.problems.iter().filter(move |p| p.sensitivity().is_none() && p.active_on(day))
    }

    pub fn has(&self, number: usize, day: Day) -> Option<&Held> {
        self.problems.iter().find(|p| p.number == number && p.active_on(day))
    }
}

pub fn meta(updated: Moment, profile: &'static str, sensitivity: Option<&'static str>) -> Meta {
    Meta { updated, profile: (!profile.is_empty()).then_some(profile), sensitivity }
}

/// Makes every record of one patient.
pub fn write(seed: u64, person: &Person, hospital: &Hospital, observations_until: Option<u64>, sink: &mut Sink) {
    let before: u64 = sink.files.iter().map(|f| f.count).sum();
    let mut dice = Dice::new(seed, Stream::Story, person.index);
    let Story { problems, visits } = story::plan(seed, person, hospital, &mut dice);
    let (baseline, coverage, account) = (labs::Baseline::new(person, &mut dice), dice.id(), dice.id());
    let mut chart = Chart {
        seed,
        person,
        hospital,
        sink,
        recorded: vec![false; problems.len()],
        problems,
        medicines: Vec::new(),
        latest: Vec::new(),
        baseline,
        allergies: Vec::new(),
        height_mm: if person.female { 1640 } else { 1770 } + dice.bell(60),
        weight_percent: 100 + dice.bell(16),
        coverage,
        account,
        dice,
    };
    registration::write(seed, &mut chart);
    care::history(&mut chart);
    for visit in &visits {
        attend(&mut chart, visit);
    }
    clerks::finish(&mut chart, &visits);
    if let Some(target) = observations_until {
        let made: u64 = sink.files.iter().map(|f| f.count).sum::<u64>() - before;
        labs::monitor(seed, person, target.saturating_sub(made), sink);
    }
}

/// Everything that one visit leaves behind, in the order in which it happens.
fn attend(chart: &mut Chart<'_>, visit: &Visit) {
    visit::encounter(chart, visit);
    visit::conditions(chart, visit);
    if visit.kind != VisitKind::Telephone {
        visit::vitals(chart, visit);
        care::immunizations(chart, visit);
    }
    labs::order(chart, visit);
    medicines::review(chart, visit);
    care::procedures(chart, visit);
    documents::write(chart, visit);
    clerks::paperwork(chart, visit);
}
