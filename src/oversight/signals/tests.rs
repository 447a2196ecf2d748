//! Days of a small hospital: each sign alone, signs together, and what another act may change.
//!
//! Not for: how well planted snooping is found in a large one (`benches/signals.rs`).

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::model::PatientKey;
use crate::oversight::{Act, UserId};

const TODAY: Date = date(2026, 3, 17);
const MINUTE: i64 = 60_000_000;
const NURSES: u32 = 20;
const PATIENTS: u32 = 400;

/// A ward of nurses who each open ten of its patients with everything in order, and one more user, `u0`, of the same ward.
struct World {
    users: AHashMap<UserId, UserFacts>,
    patients: AHashMap<PatientKey, PatientFacts>,
    relations: AHashSet<(UserId, PatientKey)>,
    pasts: AHashMap<UserId, Past>,
    acts: Vec<Act>,
    sites: Sites,
    marks: Marks,
}

fn user(number: u32) -> UserId {
    UserId { issuer: "local".into(), subject: format!("u{number}") }
}

fn key(number: u32) -> PatientKey {
    // Numbers of neighbours lie apart, so that ordinary work is no walk.
    PatientKey::parse(&format!("mer.{}", 1000 + number * 7)).unwrap()
}

/// An act at so many minutes after midnight UTC.
fn act(by: u32, event: &str, patient: Option<PatientKey>, minute: i64, seq: u64) -> Act {
    let midnight = TODAY.to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond();
    Act {
        at: midnight + minute * MINUTE,
        stream: "node".into(),
        seq,
        event: event.into(),
        outcome: 0,
        user: user(by),
        user_name: format!("User {by}"),
        role: "clinician".into(),
        purpose: None,
        patient,
        ip: Some("10.1.0.1".into()),
        session: None,
        break_glass: None,
        records: 1,
        hits: None,
    }
}

impl World {
    fn new() -> World {
        let marks = Marks::new([3; 32]);
        let mut world = World {
            users: AHashMap::new(),
            patients: AHashMap::new(),
            relations: AHashSet::new(),
            pasts: AHashMap::new(),
            acts: Vec::new(),
            sites: Sites::parse([("10.1.0.0/16", "Hill"), ("10.2.0.0/16", "Harbor")]).unwrap(),
            marks,
        };
        for number in 0..PATIENTS {
            let facts = PatientFacts { encounters: Some(vec![visit("Ward 1")]), ..PatientFacts::default() };
            world.patients.insert(key(number), facts);
        }
        for nurse in 0..=NURSES {
            let facts = UserFacts { job: Some("nurse".into()), department: Some("Ward 1".into()), ..UserFacts::default() };
            world.users.insert(user(nurse), facts);
            let mut past = Past { last_active: Some(date(2026, 3, 16)), ..Past::default() };
            past.hours.iter_mut().enumerate().for_each(|(hour, acts)| *acts = if (7..16).contains(&hour) { 50 } else { 0 });
            world.pasts.insert(user(nurse), past);
        }
        for nurse in 1..=NURSES {
            (0..10).for_each(|n| world.treats(nurse, nurse / 2 * 8 + n));
        }
        world
    }

    /// Opens a chart with everything in order.
    fn treats(&mut self, by: u32, patient: u32) {
        self.relations.insert((user(by), key(patient)));
        self.opens(by, patient, 9 * 60 + i64::from(patient % 50));
    }

    fn opens(&mut self, by: u32, patient: u32, minute: i64) {
        let seq = self.acts.len() as u64;
        self.acts.push(act(by, "record.read", Some(key(patient)), minute, seq));
    }

    fn findings(&self) -> Findings {
        let mut day = Day::new(TODAY, &TimeZone::UTC).unwrap();
        self.acts.iter().for_each(|act| day.add(act).unwrap());
        let mut census = Census::of_interest(self.users.values());
        self.patients.values().for_each(|patient| census.add(patient));
        // As if the others of a large county were counted as well, none of whom shares anything.
        (0..100_000).for_each(|_| census.add(&PatientFacts::default()));
        assess(&day, &Seen { world: self, census }, self)
    }

    fn u0(&mut self) -> &mut UserFacts {
        self.users.get_mut(&user(0)).unwrap()
    }

    fn patient(&mut self, number: u32) -> &mut PatientFacts {
        self.patients.get_mut(&key(number)).unwrap()
    }

    fn past_of_u0(&mut self) -> &mut Past {
        self.pasts.get_mut(&user(0)).unwrap()
    }

    /// Takes everything away that joins the ward and the patient.
    fn forget(&mut self, patient: u32) {
        self.patient(patient).encounters = Some(Vec::new());
        self.relations.remove(&(user(0), key(patient)));
    }
}

fn visit(department: &str) -> Encounter {
    Encounter { department: Arc::from(department), day: date(2021, 6, 1) }
}

/// The world as one who knows it.
struct Seen<'a> {
    world: &'a World,
    census: Census,
}

impl Facts for Seen<'_> {
    fn user(&self, user: &UserId) -> Option<UserFacts> {
        self.world.users.get(user).cloned()
    }

    fn patient(&self, patient: &PatientKey) -> Option<PatientFacts> {
        self.world.patients.get(patient).cloned()
    }

    fn census(&self) -> &Census {
        &self.census
    }

    fn relation(&self, user: &UserId, patient: &PatientKey, _day: Date) -> Option<bool> {
        Some(self.world.relations.contains(&(user.clone(), patient.clone())))
    }

    fn site(&self, ip: &str) -> Option<Arc<str>> {
        self.world.sites.of(ip)
    }
}

impl History for World {
    fn past(&self, user: &UserId) -> Option<Past> {
        self.pasts.get(user).cloned()
    }
}

/// Puts one sign on the pair (`u0`, patient 8), a patient of the ward whom nurses 2 and 3 open as well.
type Put = fn(&mut World);

const WEAK: [(&str, Put); 19] = [
    ("same rare surname", |w| (w.u0().surnames, w.patient(8).surnames) = same(|| Marks::new([3; 32]).surname("Quillfeather"))),
    ("same full name", |w| {
        let name = w.marks.full_name("Ann", "Quillfeather");
        w.u0().full_name = name;
        w.patient(8).full_names.extend(name);
    }),
    ("same house", |w| {
        let house = w.marks.household("12 Elm Ave", "05901");
        w.u0().household = house;
        w.patient(8).households.extend(house);
    }),
    ("same street", |w| {
        let street = w.marks.street("12 Elm Ave", "05901");
        w.u0().street = street;
        w.patient(8).streets.extend(street);
    }),
    ("same phone", |w| {
        let phone = w.marks.phone("802-555-0147");
        w.u0().phone = phone;
        w.patient(8).phones.extend(phone);
    }),
    ("works here", |w| w.patient(8).is_workforce = true),
    ("very important", |w| w.patient(8).is_vip = true),
    ("in the news", |w| w.patient(8).in_news = true),
    ("dead for long", |w| w.patient(8).died = Some(date(2020, 1, 1))),
    ("no visit", |w| w.patient(8).encounters = Some(Vec::new())),
    ("no relation", |w| {
        w.relations.remove(&(user(0), key(8)));
    }),
    ("nobody else of the department", |w| w.acts.retain(|act| act.user == user(0) || act.patient != Some(key(8)))),
    ("at night", |w| {
        w.acts.iter_mut().filter(|a| a.user == user(0) && a.patient == Some(key(8))).for_each(|a| a.at -= 420 * MINUTE)
    }),
    ("refused", |w| {
        w.acts.iter_mut().filter(|a| a.user == user(0)).for_each(|a| (a.event, a.outcome) = ("authz.denied".into(), 8))
    }),
    ("back from leave", |w| w.past_of_u0().last_active = Some(date(2026, 1, 1))),
    ("two sites", |w| w.acts.iter_mut().filter(|a| a.user == user(0)).take(1).for_each(|a| a.ip = Some("10.2.0.1".into()))),
    ("searches", |w| (0..40).for_each(|n| w.acts.push(act(0, "patient.search", None, 600 + n, 9000 + n as u64)))),
    ("opened on many days", |w| {
        w.past_of_u0().charts.insert(key(8), Opened { days: 9, first: date(2026, 3, 1) });
    }),
    ("break-glass", |w| w.acts.iter_mut().filter(|a| a.user == user(0)).for_each(|a| a.break_glass = Some("b1".into()))),
];

fn same<T: Clone>(make: fn() -> T) -> (T, T) {
    (make(), make())
}

fn ordinary() -> World {
    let mut world = World::new();
    (8..18).for_each(|patient| world.treats(0, patient));
    world
}

#[test]
fn ordinary_work_and_a_single_weak_sign_are_never_flagged() {
    assert_eq!(ordinary().findings().flags, []);
    for (what, put) in WEAK {
        let mut world = ordinary();
        put(&mut world);
        let flags = world.findings().flags;
        assert!(flags.is_empty(), "{what}: {flags:#?}");
    }
}

#[test]
fn a_common_surname_weighs_little_and_a_rare_one_more() {
    let bits = |bearers: u32| {
        let mut world = ordinary();
        world.forget(8);
        world.acts.retain(|act| act.user == user(0) || act.patient != Some(key(8)));
        let name = world.marks.surname("Smith");
        world.u0().surnames.clone_from(&name);
        (8..8 + bearers).for_each(|patient| world.patient(patient).surnames.clone_from(&name));
        let flag = world.findings().flags.into_iter().find(|flag| flag.patient == Some(key(8)));
        flag.and_then(|flag| flag.evidence.iter().find(|line| line.sign == Some(Sign::Surname)).map(|line| line.bits))
    };
    let (rare, common) = (bits(1).unwrap(), bits(390).unwrap());
    assert!(rare > common && common > 3.0, "{rare} {common}");
}

/// Signs that together are worth a look, on the pair (`u0`, patient 8), and the sign that must be among the evidence.
#[test]
fn signs_that_belong_together_are_flagged_with_their_evidence() {
    let cases: [(&str, Sign, Put); 9] = [
        ("a relative", Sign::Surname, |w| {
            (w.u0().surnames, w.patient(8).surnames) = same(|| Marks::new([3; 32]).surname("Quill"))
        }),
        ("somebody of the house", Sign::Household, |w| {
            let house = w.marks.household("12 Elm Ave", "05901");
            w.u0().household = house;
            w.patient(8).households.extend(house);
        }),
        ("a colleague of the ward", Sign::SameDepartment, |w| {
            w.patient(8).is_workforce = true;
            w.patient(8).works_in = Some("Ward 1".into());
        }),
        ("a celebrity", Sign::Vip, |w| w.patient(8).is_vip = true),
        ("somebody in the news", Sign::News, |w| w.patient(8).in_news = true),
        ("somebody long dead", Sign::Deceased, |w| w.patient(8).died = Some(date(2025, 12, 16))),
        ("again and again", Sign::Persistent, |w| {
            w.past_of_u0().charts.insert(key(8), Opened { days: 9, first: date(2026, 3, 1) });
        }),
        ("the own chart", Sign::OwnChart, |w| w.u0().patients = vec![key(8)]),
        ("after the employment", Sign::Left, |w| w.u0().until = Some(date(2026, 3, 16))),
    ];
    for (what, sign, put) in cases {
        let mut world = ordinary();
        world.forget(8);
        world.acts.retain(|act| act.user == user(0) || act.patient != Some(key(8)));
        put(&mut world);
        let findings = world.findings();
        let flag = findings.flags.iter().find(|flag| flag.evidence.iter().any(|line| line.sign == Some(sign)));
        let flag = flag.unwrap_or_else(|| panic!("{what} is not flagged: {findings:#?}"));
        assert_eq!(flag.user, user(0), "{what}");
        let sum: f64 = flag.evidence.iter().map(|line| line.bits).sum();
        assert!((sum - flag.score).abs() < 0.2 && flag.evidence.iter().all(|line| !line.words.is_empty()), "{what}: {flag:#?}");
    }
}

#[test]
fn the_edges_of_time_are_kept() {
    // Dead for 90 days is not dead for more; the last day of an employment is a day of it.
    for (died, is_sign) in [(date(2025, 12, 17), false), (date(2025, 12, 16), true)] {
        let mut world = ordinary();
        world.forget(8);
        world.acts.retain(|act| act.user == user(0) || act.patient != Some(key(8)));
        world.patient(8).died = Some(died);
        let found = world.findings().flags.iter().any(|f| f.evidence.iter().any(|line| line.sign == Some(Sign::Deceased)));
        assert_eq!(found, is_sign, "{died}");
    }
    let mut world = ordinary();
    world.u0().until = Some(TODAY);
    assert_eq!(world.findings().flags, []);
    // A visit since the first look makes the next ones ordinary.
    let mut world = ordinary();
    world.forget(8);
    world.acts.retain(|act| act.user == user(0) || act.patient != Some(key(8)));
    world.past_of_u0().charts.insert(key(8), Opened { days: 9, first: date(2026, 3, 1) });
    world.patient(8).encounters = Some(vec![Encounter { department: "Clinic".into(), day: date(2026, 3, 2) }]);
    assert_eq!(world.findings().flags, []);
}

#[test]
fn a_day_is_the_local_day_also_when_the_clock_changes() {
    let zone = TimeZone::get("America/New_York").unwrap();
    for (day, hours) in [(date(2026, 3, 8), 23), (date(2026, 3, 17), 24), (date(2026, 11, 1), 25)] {
        let start = day.to_zoned(zone.clone()).unwrap().timestamp().as_microsecond();
        let mut taken = Day::new(day, &zone).unwrap();
        let at = |micros: i64| Act { at: micros, ..act(1, "record.read", Some(key(1)), 0, 0) };
        for micros in [start - 1, start, start + hours * 60 * MINUTE - 1, start + hours * 60 * MINUTE] {
            taken.add(&at(micros)).unwrap();
        }
        assert_eq!((taken.len(), taken.outside()), (2, 2), "{day}");
        let local: Vec<u8> = taken.seen.iter().map(|seen| taken.hour(seen.at)).collect();
        assert_eq!(local, [0, 23], "{day}");
        // Seven in the morning by the wall, whatever happened at two.
        let seven = day.at(7, 30, 0, 0).to_zoned(zone.clone()).unwrap().timestamp().as_microsecond();
        assert_eq!(taken.hour(seven), 7, "{day}");
    }
}

#[test]
fn walking_and_browsing_are_flagged_as_days() {
    let mut world = ordinary();
    (0..25).for_each(|n| {
        let patient = PatientKey::parse(&format!("mer.{}", 90_000 + n)).unwrap();
        world.acts.push(Act { at: 0, ..act(0, "record.read", Some(patient), 0, 0) });
        let last = world.acts.len() - 1;
        world.acts[last].at = act(0, "", None, 600, 0).at + n * 10_000_000;
    });
    let flags = world.findings().flags;
    assert_eq!((flags[0].patient.clone(), flags[0].evidence[0].sign), (None, Some(Sign::Walking)), "{flags:#?}");
    assert_eq!(flags[0].evidence[0].words, "25 neighbouring record numbers opened within ten minutes");

    let mut world = ordinary();
    for patient in 300..330 {
        world.forget(patient);
        world.opens(0, patient, 600 + i64::from(patient - 300) * 7);
    }
    let flags = world.findings().flags;
    assert_eq!((flags[0].patient.clone(), flags[0].evidence[0].sign), (None, Some(Sign::Strangers)), "{flags:#?}");
}

#[test]
fn programs_exports_and_lists_of_hits_are_no_opened_charts() {
    let mut day = Day::new(TODAY, &TimeZone::UTC).unwrap();
    for (event, role, outcome) in [
        ("export.bulk.file", "archivist", 0),
        ("record.read", "service", 0),
        ("record.read", "clinician", 8),
        ("audit.query", "compliance", 0),
    ] {
        day.add(&Act { role: role.into(), outcome, ..act(1, event, Some(key(1)), 600, 1) }).unwrap();
    }
    assert!(day.is_empty());
    // A search that listed three patients is one search.
    (1..4).for_each(|patient| day.add(&act(1, "patient.search", Some(key(patient)), 600, 2)).unwrap());
    assert_eq!((day.len(), day.seen.iter().filter(|seen| seen.what != super::day::What::Searched).count()), (1, 0));
}

#[test]
fn the_file_of_the_workforce_becomes_marks() {
    let marks = Marks::new([3; 32]);
    let csv = "\u{feff}User,Given,Surname,Patient,Street,ZIP,Phone,Job,Department,Facility,Until\r\n\
        ann,Ann,\"Quill, née Marsh\",mer.7 mer.8,\"12 Elm Ave, Apt 3\",05901,802-555-0147,nurse,Ward 1,Hill,\r\n\
        bob,Bob,Stone,,,,,coder,Coding,Hill,2026-03-01\r\n\
        bob,Bob,Twice,,,,,,,,\r\n,No,Name,,,,,,,,\r\neve,Eve,Bad,mer_7,,,,,,,\r\nzoe,Zoe,Bad,,,,,,,,soon\r\nshort,row\r\n";
    let (workforce, troubles) = Workforce::parse(csv.as_bytes(), &marks).unwrap();
    let told: Vec<(u64, &str)> = troubles.iter().map(|trouble| (trouble.row, trouble.what)).collect();
    assert_eq!(
        told,
        [
            (4, "this user stands further up"),
            (5, "no user"),
            (6, "no patient key"),
            (7, "until is no day; write it as 2026-11-30"),
            (8, "field-count")
        ]
    );
    let ann = workforce.user("ann").unwrap();
    assert_eq!((workforce.len(), ann.household), (2, marks.household("12 Elm Avenue", "05901")));
    assert_eq!(workforce.employee(&PatientKey::parse("mer.8").unwrap()), Some(ann));
    assert_eq!(workforce.user("bob").unwrap().until, Some(date(2026, 3, 1)));
    // What is kept names nobody.
    let kept = format!("{workforce:?}");
    assert!(!["Quill", "quill", "Elm", "0147"].iter().any(|secret| kept.contains(secret)), "{kept}");
    for (bad, error) in [
        ("", "the file is empty"),
        ("name,zip\n", "the heading has no column user"),
        ("user,user\n", "the heading names user twice"),
    ] {
        let told = Workforce::parse(bad.as_bytes(), &marks).unwrap_err().to_string();
        assert!(told.starts_with(error), "{told}");
    }
}

/// A pair that is flagged, beside which other things happen.
fn with_a_relative() -> World {
    let mut world = ordinary();
    world.forget(8);
    world.acts.retain(|act| act.user == user(0) || act.patient != Some(key(8)));
    let name = world.marks.surname("Quill");
    world.u0().surnames.clone_from(&name);
    world.patient(8).surnames = name;
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The order in which acts arrive changes nothing.
    #[test]
    fn the_same_acts_give_the_same_findings(seed in any::<u64>()) {
        let mut world = with_a_relative();
        let expected = world.findings();
        prop_assert!(!expected.flags.is_empty());
        world.acts.sort_by_cached_key(|act| xxhash_rust::xxh3::xxh3_64_with_seed(&act.seq.to_le_bytes(), seed));
        prop_assert_eq!(world.findings(), expected);
    }

    /// Acts of others on other charts can lower what is usual by no more than their number allows: with `n` of them the rate
    /// among at least 50 charts falls by less than n in 50 + n, for each of the signs whose rate is measured.
    #[test]
    fn unrelated_acts_raise_no_score_beyond_what_volume_allows(acts in prop::collection::vec((1..=NURSES, 50..PATIENTS, 420..960_i64), 1..20)) {
        let mut world = with_a_relative();
        let score = |findings: &Findings| findings.flags.iter().find(|f| f.patient == Some(key(8))).map_or(0.0, |f| f.score);
        let before = score(&world.findings());
        for (by, patient, minute) in &acts {
            world.opens(*by, *patient, *minute);
        }
        let measured = f64::from(3_u32);
        let allowed = measured * (1.0 + acts.len() as f64 / 50.0).log2();
        prop_assert!(score(&world.findings()) <= before + allowed + 1e-9, "{} {}", before, score(&world.findings()));
    }

    /// Whoever of another job does whatever elsewhere changes nothing at all.
    #[test]
    fn acts_of_another_job_change_no_score(acts in prop::collection::vec((100..120_u32, 50..PATIENTS, 0..1440_i64), 1..20)) {
        let mut world = with_a_relative();
        let score = |findings: &Findings| findings.flags.iter().find(|f| f.patient == Some(key(8))).cloned();
        let before = score(&world.findings());
        for (by, patient, minute) in &acts {
            world.users.insert(user(*by), UserFacts { job: Some("coder".into()), department: Some("Coding".into()), ..UserFacts::default() });
            world.opens(*by, *patient, *minute);
        }
        prop_assert_eq!(score(&world.findings()), before);
    }

    /// Same surname alone, however rare, whoever bears it: never.
    #[test]
    fn same_surname_alone_never_flags(bearers in 1..60_u32, which in 8..18_u32) {
        let mut world = ordinary();
        let name = world.marks.surname("Quillfeather");
        world.u0().surnames.clone_from(&name);
        world.patient(which).surnames.clone_from(&name);
        (100..100 + bearers).for_each(|patient| world.patient(patient).surnames.clone_from(&name));
        prop_assert_eq!(world.findings().flags, vec![]);
    }
}
