//! The people of the hospital: houses with families in them, patients with visits and marks, staff with jobs and hours.
//!
//! Not for: what they do (`work`, `plant`).

use std::sync::Arc;

use chartkeep::model::PatientKey;
use chartkeep::oversight::UserId;
use chartkeep::oversight::signals::{Census, Encounter, Mark, Marks, PatientFacts, UserFacts};
use jiff::civil::{Date, date};

use super::dice::Dice;

pub const TODAY: Date = date(2026, 3, 17);
pub const WARDS: usize = 40;
const CLINICS: usize = 25;
const SURNAMES: usize = 30_000;

#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub users: usize,
    pub patients: usize,
    pub acts: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Job {
    Nurse,
    Physician,
    Emergency,
    Clerk,
    Laboratory,
    Records,
    Coder,
    CaseManager,
    FloatPool,
    Researcher,
    Pharmacist,
}

/// (job, of a hundred users, charts of a day, acts for each chart, share of true care pairs that the relations name)
pub const JOBS: [(Job, usize, f64, f64, f64); 11] = [
    (Job::Nurse, 42, 13.0, 13.0, 0.80),
    (Job::Physician, 18, 26.0, 14.0, 0.75),
    (Job::Emergency, 6, 38.0, 8.0, 0.60),
    (Job::Clerk, 11, 60.0, 4.0, 0.70),
    (Job::Laboratory, 8, 80.0, 3.0, 0.05),
    (Job::Records, 3, 130.0, 4.0, 0.0),
    (Job::Coder, 4, 75.0, 8.0, 0.0),
    (Job::CaseManager, 2, 28.0, 9.0, 0.60),
    (Job::FloatPool, 3, 12.0, 12.0, 0.45),
    (Job::Researcher, 1, 90.0, 5.0, 0.0),
    (Job::Pharmacist, 2, 110.0, 4.0, 0.10),
];

/// A patient, kept small; facts are made when asked for.
#[derive(Clone, Debug)]
pub struct Patient {
    pub surname: u32,
    pub given: u16,
    pub house: u32,
    pub phone: u32,
    /// Departments visited.
    pub visits: [u16; 4],
    pub died: Option<Date>,
    pub is_vip: bool,
    pub in_news: bool,
    /// The user that this patient is; known to the archive by label, or by the file of the workforce.
    pub staff: Option<u32>,
    pub is_labelled: bool,
}

#[derive(Clone, Debug)]
pub struct User {
    pub job: Job,
    pub department: u16,
    pub surname: u32,
    pub given: u16,
    pub house: u32,
    pub phone: u32,
    /// The user's own chart, and whether the file of the workforce names it.
    pub patient: Option<u32>,
    pub is_patient_known: bool,
    /// First hour of the shift.
    pub shift: u8,
    pub site: u8,
    pub until: Option<Date>,
    pub is_asleep: bool,
}

pub struct Hospital {
    pub users: Vec<User>,
    pub patients: Vec<Patient>,
    /// Patients of each house, as ranges of the list of patients.
    pub houses: Vec<std::ops::Range<u32>>,
    pub size: Size,
    surnames: Vec<Mark>,
    names: Marks,
    house_marks: Vec<(Mark, Mark)>,
    phones: Vec<Mark>,
    pub departments: Vec<Arc<str>>,
    census: Census,
}

pub const VISIT_NONE: u16 = u16::MAX;

impl Hospital {
    pub fn new(seed: u64, size: Size) -> Hospital {
        let mut dice = Dice::new(seed, 1);
        let departments = (0..WARDS).map(|n| format!("Ward {n}")).chain((0..CLINICS).map(|n| format!("Clinic {n}")));
        let own =
            ["Emergency", "Laboratory", "Health records", "Coding", "Case management", "Float pool", "Research", "Pharmacy"];
        let departments: Vec<Arc<str>> = departments.chain(own.iter().map(|name| (*name).to_string())).map(Arc::from).collect();
        let (patients, houses) = patients(size.patients, &mut dice);
        let names = Marks::new([9; 32]);
        let mark = |what: &str, number: usize| names.phone(&format!("{what}{:08}", number + 10_000_000)).expect("a mark");
        let house_mark = |house: usize| {
            let street = format!("{} Road{} Street", 1 + house % 40, house / 40);
            let zip = format!("{:05}", 10_000 + house / 4000);
            (names.household(&street, &zip).expect("a house"), names.street(&street, &zip).expect("a street"))
        };
        let mut hospital = Hospital {
            users: Vec::new(),
            size,
            surnames: (0..SURNAMES).map(|n| names.surname(&syllables(n))[0]).collect(),
            house_marks: (0..houses.len()).map(house_mark).collect(),
            phones: (0..houses.len()).map(|n| mark("80", n)).collect(),
            names,
            patients,
            houses,
            departments,
            census: Census::default(),
        };
        hospital.hire(&mut dice);
        hospital
    }

    fn hire(&mut self, dice: &mut Dice) {
        for (job, of_hundred, ..) in JOBS {
            for _ in 0..self.size.users * of_hundred / 100 {
                let department = match job {
                    Job::Nurse => dice.below(WARDS),
                    Job::Physician => dice.below(WARDS + CLINICS),
                    Job::Clerk => WARDS + dice.below(CLINICS),
                    Job::Emergency => WARDS + CLINICS,
                    Job::Laboratory => WARDS + CLINICS + 1,
                    Job::Records => WARDS + CLINICS + 2,
                    Job::Coder => WARDS + CLINICS + 3,
                    Job::CaseManager => WARDS + CLINICS + 4,
                    Job::FloatPool => WARDS + CLINICS + 5,
                    Job::Researcher => WARDS + CLINICS + 6,
                    Job::Pharmacist => WARDS + CLINICS + 7,
                } as u16;
                // Staff live among the patients: most in a house whose people are in the archive.
                let house = dice.below(self.houses.len());
                let inmates = self.houses[house].clone();
                let one = inmates.start + dice.below(inmates.len()) as u32;
                let kin = self.patients[one as usize].clone();
                let is_patient = dice.is(0.7) && kin.staff.is_none() && kin.died.is_none();
                let number = self.users.len() as u32;
                let around_the_clock =
                    matches!(job, Job::Nurse | Job::Emergency | Job::Laboratory | Job::FloatPool | Job::Pharmacist);
                let shift = if around_the_clock { dice.pick(&[7, 7, 15, 23]) } else { dice.pick(&[7, 8, 8, 9]) };
                // One file in ten is out of date: the address is another, and so is the phone number.
                let is_stale = dice.is(0.1);
                let elsewhere = dice.below(self.houses.len()) as u32;
                let address = if is_stale { elsewhere } else { house as u32 };
                if is_patient {
                    let patient = &mut self.patients[one as usize];
                    patient.staff = Some(number);
                    patient.is_labelled = dice.is(0.6);
                }
                self.users.push(User {
                    job,
                    department,
                    surname: kin.surname,
                    given: if is_patient { kin.given } else { dice.below(800) as u16 },
                    house: address,
                    phone: if is_stale || dice.is(0.6) { u32::MAX } else { kin.phone },
                    patient: is_patient.then_some(one),
                    is_patient_known: dice.is(0.6),
                    shift,
                    site: dice.below(4) as u8,
                    until: None,
                    is_asleep: false,
                });
            }
        }
    }

    /// Counts names and houses. Done last: planting moves people.
    pub fn count(&mut self) {
        let users: Vec<UserFacts> = (0..self.users.len()).map(|user| self.user_facts(user)).collect();
        let mut census = Census::of_interest(&users);
        (0..self.patients.len()).for_each(|patient| census.add(&self.patient_facts(patient)));
        self.census = census;
    }

    pub fn census(&self) -> &Census {
        &self.census
    }

    pub fn user_facts(&self, user: usize) -> UserFacts {
        let user = &self.users[user];
        let (household, street) = self.house_marks[user.house as usize];
        UserFacts {
            job: Some(Arc::from(format!("{:?}", user.job))),
            department: Some(self.departments[user.department as usize].clone()),
            facility: None,
            patients: user.patient.filter(|_| user.is_patient_known).map(patient_key).into_iter().collect(),
            surnames: vec![self.surnames[user.surname as usize]],
            full_name: self.full_name(user.given, user.surname),
            household: Some(household),
            street: Some(street),
            phone: self.phones.get(user.phone as usize).copied(),
            until: user.until,
        }
    }

    fn full_name(&self, given: u16, surname: u32) -> Option<Mark> {
        // Marks of full names are made only for names that matter to the census; hashing them all takes long in debug builds.
        self.names.full_name(&syllables(given as usize + 40_000), &syllables(surname as usize))
    }

    pub fn patient_facts(&self, number: usize) -> PatientFacts {
        let patient = &self.patients[number];
        let (household, street) = self.house_marks[patient.house as usize];
        let works = patient.staff.map(|user| &self.users[user as usize]);
        let is_staff = works.is_some_and(|user| user.is_patient_known) || (works.is_some() && patient.is_labelled);
        let known = works.filter(|user| user.is_patient_known);
        let encounter =
            |department: &u16| Encounter { department: self.departments[*department as usize].clone(), day: date(2021, 6, 1) };
        PatientFacts {
            keys: Vec::new(),
            number: Some(100_000 + number as u64),
            surnames: vec![self.surnames[patient.surname as usize]],
            full_names: if works.is_some() || number.is_multiple_of(16) {
                self.full_name(patient.given, patient.surname).into_iter().collect()
            } else {
                Vec::new()
            },
            households: vec![household],
            streets: vec![street],
            phones: self.phones.get(patient.phone as usize).copied().into_iter().collect(),
            is_vip: patient.is_vip,
            is_workforce: is_staff,
            works_in: known.map(|user| self.departments[user.department as usize].clone()),
            in_news: patient.in_news,
            died: patient.died,
            encounters: Some(patient.visits.iter().filter(|visit| **visit != VISIT_NONE).map(encounter).collect()),
        }
    }
}

pub fn patient_key(number: u32) -> PatientKey {
    PatientKey::parse(&format!("old.{}", 100_000 + number)).expect("a key")
}

pub fn patient_number(key: &PatientKey) -> Option<usize> {
    key.as_str().strip_prefix("old.")?.parse::<usize>().ok()?.checked_sub(100_000)
}

pub fn user_id(number: usize) -> UserId {
    UserId { issuer: "https://id.example".into(), subject: format!("u{number}") }
}

pub fn user_number(id: &UserId) -> Option<usize> {
    id.subject.strip_prefix('u')?.parse().ok()
}

/// A surname by its rank: common ones first. The commonest has about one in seventy.
fn surname(dice: &mut Dice) -> u32 {
    // The inverse of the sum of 1/(rank+8).
    let total = ((SURNAMES as f64 + 8.0) / 8.0).ln();
    (8.0 * (dice.unit() * total).exp() - 8.0).min(SURNAMES as f64 - 1.0) as u32
}

fn syllables(mut number: usize) -> String {
    const PARTS: [&str; 20] =
        ["ba", "co", "di", "fe", "gu", "ha", "jo", "ki", "le", "mu", "na", "po", "qui", "re", "su", "ta", "vo", "wi", "xe", "zu"];
    let mut name = String::from("m");
    loop {
        name.push_str(PARTS[number % PARTS.len()]);
        number /= PARTS.len();
        if number == 0 {
            return name;
        }
    }
}

/// Families in houses, and many unrelated people in the large ones: one house in fifteen is a block, one in a thousand a home.
fn patients(count: usize, dice: &mut Dice) -> (Vec<Patient>, Vec<std::ops::Range<u32>>) {
    let (mut patients, mut houses) = (Vec::with_capacity(count), Vec::new());
    while patients.len() < count {
        let families = match dice.below(1000) {
            0 => dice.between(60, 160),
            1..66 => dice.between(4, 40),
            _ => 1,
        };
        let house = houses.len() as u32;
        let start = patients.len() as u32;
        for _ in 0..families {
            let (name, phone) = (surname(dice), if dice.is(0.6) { dice.below(150_000) as u32 } else { house });
            for _ in 0..dice.between(1, 4) {
                let mut patient = Patient {
                    surname: if dice.is(0.85) { name } else { surname(dice) },
                    given: dice.below(800) as u16,
                    house,
                    phone: if dice.is(0.35) { phone } else { u32::MAX },
                    visits: [VISIT_NONE; 4],
                    died: dice
                        .is(0.08)
                        .then(|| date(2012 + dice.below(14) as i16, 1 + dice.below(12) as i8, 1 + dice.below(28) as i8)),
                    is_vip: dice.is(0.0003),
                    in_news: false,
                    staff: None,
                    is_labelled: false,
                };
                for visit in &mut patient.visits {
                    if dice.is(0.6) {
                        *visit = dice.below(WARDS + CLINICS + 1) as u16;
                    }
                }
                patients.push(patient);
            }
        }
        houses.push(start..patients.len() as u32);
    }
    (patients, houses)
}
