//! Who the patients are: a person follows from the seed and an index alone, families included.
//!
//! Not for: what happens to them (`story`), or their JSON (`registration`).
//!
//! Every ten indexes are one small neighbourhood: a couple with a child and a newborn, a single person and a stranger
//! with the same name, a mother with twins, and an old person. A member always comes after those that it refers to.

use super::calendar::Day;
use super::dice::{Dice, Id, Stream};
use super::names;

const NEIGHBOURHOOD: u64 = 10;

/// A person's place in the neighbourhood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Mother,
    Father,
    Child,
    Newborn,
    Single,
    MotherOfTwins,
    FirstTwin,
    SecondTwin,
    Elder,
    Namesake,
}

const ROLES: [Role; NEIGHBOURHOOD as usize] = [
    Role::Mother,
    Role::Father,
    Role::Child,
    Role::Newborn,
    Role::Single,
    Role::MotherOfTwins,
    Role::FirstTwin,
    Role::SecondTwin,
    Role::Elder,
    Role::Namesake,
];

#[derive(Clone, Debug)]
pub struct Address {
    pub line: String,
    pub town: usize,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub index: u64,
    pub id: Id,
    pub role: Role,
    pub female: bool,
    pub given: &'static str,
    pub middle: Option<&'static str>,
    pub nickname: Option<&'static str>,
    pub family: String,
    /// The name before marriage.
    pub former_family: Option<String>,
    pub birth: Day,
    pub died: Option<Day>,
    pub address: Address,
    pub former_address: Option<Address>,
    pub phone: String,
    pub mobile: Option<String>,
    pub mrn: String,
    /// In the form of a social security number, from an area that is never issued.
    pub ssn: Option<String>,
    pub race: usize,
    pub hispanic: bool,
    pub language: usize,
    pub marital: usize,
}

impl Person {
    pub fn age_on(&self, day: Day) -> i64 {
        self.birth.years_until(day)
    }

    /// The last day on which anything can happen to this person here.
    pub fn last_day(&self) -> Day {
        self.died.unwrap_or(Day::CUTOVER)
    }

    pub fn full_name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    /// The index of the mother who is a patient too.
    pub fn mother_index(&self) -> Option<u64> {
        match self.role {
            Role::Child => Some(self.index - 2),
            Role::Newborn => Some(self.index - 3),
            Role::FirstTwin => Some(self.index - 1),
            Role::SecondTwin => Some(self.index - 2),
            _ => None,
        }
    }
}

/// What the members of a neighbourhood share.
struct Household {
    family: String,
    address: Address,
    phone: String,
    newborn_birth: Day,
    mother_birth: Day,
    child_birth: Day,
    twin_family: String,
    twin_address: Address,
    twin_phone: String,
    twin_birth: Day,
    twin_mother_birth: Day,
    single: (bool, &'static str, String),
    race: usize,
}

impl Household {
    fn new(seed: u64, number: u64) -> Household {
        let mut d = Dice::new(seed, Stream::Household, number);
        let newborn_birth = Day::CUTOVER.plus(-d.between(30, 3400));
        let mother_birth = newborn_birth.plus(-d.between(23 * 365, 39 * 365));
        let twin_birth = Day::CUTOVER.plus(-d.between(3 * 365, 34 * 365));
        let single_female = d.percent(50);
        Household {
            family: names::surname(&mut d),
            address: address(&mut d),
            phone: phone(&mut d),
            newborn_birth,
            mother_birth,
            child_birth: newborn_birth.plus(-d.between(400, 1700)),
            twin_family: names::surname(&mut d),
            twin_address: address(&mut d),
            twin_phone: phone(&mut d),
            twin_birth,
            twin_mother_birth: twin_birth.plus(-d.between(22 * 365, 37 * 365)),
            single: (single_female, given(&mut d, single_female).0, names::surname(&mut d)),
            race: if d.percent(70) { 0 } else { d.below(5) as usize },
        }
    }
}

/// The person with this index.
pub fn person(seed: u64, index: u64) -> Person {
    let house = Household::new(seed, index / NEIGHBOURHOOD);
    let role = ROLES[(index % NEIGHBOURHOOD) as usize];
    let mut d = Dice::new(seed, Stream::Person, index);
    let id = d.id();
    let female = match role {
        Role::Mother | Role::MotherOfTwins => true,
        Role::Father => false,
        Role::Single | Role::Namesake => house.single.0,
        _ => d.percent(50),
    };
    let (mut first, mut nickname) = given(&mut d, female);
    let (mut family, mut home, mut tel) = (names::surname(&mut d), address(&mut d), phone(&mut d));
    match role {
        Role::Mother | Role::Father | Role::Child | Role::Newborn => {
            (family, home, tel) = (house.family.clone(), house.address.clone(), house.phone.clone());
        }
        Role::MotherOfTwins | Role::FirstTwin | Role::SecondTwin => {
            (family, home, tel) = (house.twin_family.clone(), house.twin_address.clone(), house.twin_phone.clone());
        }
        Role::Single | Role::Namesake => {
            (first, family) = (house.single.1, house.single.2.clone());
            nickname = "";
        }
        Role::Elder => {}
    }
    let birth = birth(role, &house, &mut d);
    let died = death(role, birth, &mut d);
    let adult = birth.years_until(Day::CUTOVER) >= 18;
    let married = matches!(role, Role::Mother | Role::MotherOfTwins) || (female && role == Role::Elder && d.percent(60));
    Person {
        index,
        id,
        role,
        female,
        given: first,
        middle: d.percent(65).then(|| given(&mut d, female).0),
        nickname: (!nickname.is_empty() && d.percent(35)).then_some(nickname),
        family,
        former_family: (married && d.percent(80)).then(|| names::surname(&mut d)),
        birth,
        died,
        address: home,
        former_address: (adult && d.percent(15)).then(|| address(&mut d)),
        phone: tel,
        mobile: (adult && d.percent(70)).then(|| phone(&mut d)),
        mrn: mrn(index),
        ssn: d.percent(85).then(|| format!("9{}-{}-{}", d.digits(2), d.digits(2), d.digits(4))),
        race: house.race,
        hispanic: d.percent(14),
        language: if d.percent(88) { 0 } else { d.below(names::LANGUAGES.len() as u64) as usize },
        marital: if !adult {
            1
        } else if married || role == Role::Father {
            0
        } else {
            d.below(4) as usize
        },
    }
}

fn birth(role: Role, house: &Household, d: &mut Dice) -> Day {
    match role {
        Role::Mother => house.mother_birth,
        Role::Father => house.mother_birth.plus(d.between(-2500, 1200)),
        Role::Child => house.child_birth,
        Role::Newborn => house.newborn_birth,
        Role::MotherOfTwins => house.twin_mother_birth,
        Role::FirstTwin | Role::SecondTwin => house.twin_birth,
        Role::Single | Role::Namesake => Day::CUTOVER.plus(-d.between(22 * 365, 84 * 365)),
        Role::Elder => Day::CUTOVER.plus(-d.between(70 * 365, 97 * 365)),
    }
}

fn death(role: Role, birth: Day, d: &mut Dice) -> Option<Day> {
    let percent = match role {
        Role::Elder => 40,
        _ if birth.years_until(Day::CUTOVER) > 60 => 10,
        _ => return None,
    };
    d.percent(percent).then(|| Day::CUTOVER.plus(-d.between(10, 4000)))
}

fn given(d: &mut Dice, female: bool) -> (&'static str, &'static str) {
    *d.pick_zipf(if female { &names::WOMEN } else { &names::MEN })
}

fn address(d: &mut Dice) -> Address {
    let line = format!("{} {}", d.between(1, 480), d.pick(&names::STREETS));
    let line = if d.percent(12) { format!("{line}, Apt {}", d.between(1, 24)) } else { line };
    Address { line, town: d.below(names::TOWNS.len() as u64) as usize }
}

/// Numbers 555-0100 to 555-0199 are kept free for fiction.
fn phone(d: &mut Dice) -> String {
    format!("({}) 555-01{}", d.pick(&["802", "603"]), d.digits(2))
}

/// The hospital's own number: the index with a check digit, so that neighbours differ in two places.
fn mrn(index: u64) -> String {
    let number = 1_000_000 + index;
    let sum: u64 = number.to_string().bytes().rev().zip([3, 1].iter().cycle()).map(|(b, w)| u64::from(b - b'0') * w).sum();
    format!("{number}{}", (10 - sum % 10) % 10)
}
