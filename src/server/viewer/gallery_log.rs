//! The pages on the access log from a made-up year, for the gallery and its tests.
//!
//! Not for: tests of one module (they stand beside it).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::*;
use crate::audit::Outside;
use crate::model::PatientKey;
use crate::oversight::columns::Columns;
use crate::oversight::integrity::{Checked, Integrity, StreamStands};
use crate::oversight::looks::{Looks, Of, Question, Use, Visit, What};
use crate::oversight::projection::{Seen, StandsAt};
use crate::oversight::verdicts::Verdict;
use crate::oversight::volume::Volume;
use crate::oversight::{Act, UserId};

fn last_day() -> Date {
    date(2026, 11, 22)
}

fn user(subject: &str) -> UserId {
    UserId { issuer: "local".into(), subject: subject.into() }
}

fn seen(day: Date, minute: i64, event: &str, records: u64, use_of: Option<&str>) -> Seen {
    let at = day.to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond() + minute * 60_000_000 + 118_340;
    let act = Act {
        at,
        stream: "s0000".into(),
        seq: 4_181_906 + minute.unsigned_abs() % 40,
        event: event.into(),
        outcome: if event == "authz.denied" { 8 } else { 0 },
        user: user("x"),
        user_name: String::new(),
        role: "clinician".into(),
        purpose: Some("TREAT".into()),
        patient: PatientKey::parse("mer.1"),
        ip: Some("10.20.4.114".into()),
        session: Some("8f3c2a1b5d6e7f80".into()),
        break_glass: use_of.map(String::from),
        records,
        hits: None,
    };
    let domains = if records > 0 { "demographics meds results" } else { "" };
    Seen {
        act,
        number: 0,
        action: "R".into(),
        client: String::new(),
        domains: domains.into(),
        labels: String::new(),
        off_hours: false,
    }
}

fn visit(day: Date, (subject, name, role): (&str, &str, &str), purpose: &str, acts: Vec<Seen>) -> Visit {
    Visit {
        day,
        user: user(subject),
        name: name.into(),
        roles: BTreeSet::from([role.to_string()]),
        purposes: BTreeSet::from([purpose.to_string()]),
        patient: None,
        uses: acts.iter().filter_map(|seen| seen.act.break_glass.clone()).collect(),
        is_suspended: false,
        acts,
    }
}

fn year() -> Looks {
    let from = last_day().checked_sub(1.years()).unwrap();
    let mut columns = Columns::over(from, last_day(), None, &["Clinicians", "HIM"], Some("Break-glass"));
    for (group, back, amount) in [
        (0, 350, 1),
        (0, 343, 1),
        (0, 287, 1),
        (0, 280, 2),
        (0, 266, 1),
        (0, 245, 1),
        (0, 238, 1),
        (0, 231, 1),
        (0, 217, 2),
        (0, 160, 1),
        (0, 153, 6),
        (0, 146, 9),
        (0, 139, 4),
        (0, 132, 2),
        (0, 125, 1),
        (0, 40, 2),
        (1, 33, 2),
        (0, 26, 2),
        (1, 26, 2),
        (1, 19, 4),
        (0, 19, 1),
        (0, 4, 3),
        (1, 4, 3),
        (2, 4, 2),
        (1, 0, 5),
        (0, 0, 2),
    ] {
        columns.add(group, last_day().checked_sub(i64::from(back).days()).unwrap(), amount);
    }
    let day = |back: i64| last_day().checked_sub(back.days()).unwrap();
    let nurse = ("brackenfield", "D. Brackenfield-Test, RN", "clinician");
    let doctor = ("okafor", "R. Okafor-Test, MD", "clinician");
    let mut held = visit(
        day(11),
        ("castellan", "P. Castellan-Test, RHIT", "him"),
        "HLEGAL",
        vec![seen(day(11), 600, "disclosure", 0, None)],
    );
    held.is_suspended = true;
    let glass = [("btg.start", 134, 0), ("record.read", 135, 61), ("document.view", 137, 1), ("btg.stop", 171, 0)];
    let visits = vec![
        visit(
            day(0),
            ("lindqvist", "M. Lindqvist-Test, RHIA", "him"),
            "HLEGAL",
            vec![seen(day(0), 451, "release.viewed", 212, None)],
        ),
        visit(
            day(0),
            doctor,
            "TREAT",
            vec![seen(day(0), 552, "record.read", 40, None), seen(day(0), 560, "document.view", 1, None)],
        ),
        visit(day(4), nurse, "TREAT", glass.into_iter().map(|(event, at, n)| seen(day(4), at, event, n, Some("b-1"))).collect()),
        visit(day(5), ("nowak", "A. Nowak-Test, MD", "clinician"), "TREAT", vec![seen(day(5), 663, "authz.denied", 0, None)]),
        held,
        visit(day(24), doctor, "TREAT", vec![seen(day(24), 965, "patient.search", 1, None)]),
    ];
    let begun = day(4).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
    let it = Use {
        reason: Some("emergency".into()),
        text: Some("Found on the floor, nobody knows her history".into()),
        begun,
        verdict: None,
    };
    Looks {
        visits,
        shown: columns.total(),
        columns: columns.without_empty(),
        people: 17,
        patients: 1,
        refused: 2,
        under: 2,
        found: 4,
        about_log: 3,
        uses: BTreeMap::from([("b-1".to_string(), it)]),
        roles: BTreeSet::from(["clinician".to_string(), "him".to_string()]),
        purposes: BTreeSet::from(["TREAT".to_string(), "HLEGAL".to_string()]),
        held_back: 1,
        stands_at: vec![stands()],
    }
}

fn stands() -> StandsAt {
    StandsAt {
        stream: "s0000".into(),
        entries: 4_182_911,
        checkpoint: Some((4_182_900, "hG2kT0cVd1mXq9sYb7nR5uWz3eKf8aLj6pQwhd9Qw4=".into())),
    }
}

fn integrity(now: Timestamp, findings: u64) -> Integrity {
    let checked = Checked {
        at: now.as_microsecond() - 900_000_000,
        by: "C. Baptiste-Test".into(),
        entries: 4_182_860,
        checkpoints: 8_801,
        witnessed: 8_801,
        took_s: Some(38),
        findings,
        first: (findings > 0).then(|| {
            (
                "audit/s0000/audit-00000000000004100000.log".into(),
                81_288,
                "the bytes are not those that were written (altered)".into(),
            )
        }),
        entry: "s0000:4182861".into(),
    };
    let covered_to = Some(now.as_microsecond() - 60_000_000);
    let streams = vec![StreamStands { at: stands(), covered_to, outside: Outside::Agrees { size: 4_182_900 } }];
    Integrity { streams, checked: Some(checked), has_witness: true }
}

fn page<'a>(
    question: &'a Question,
    looks: &'a Looks,
    integrity: &'a Integrity,
    flags: &'a DayFlags,
    now: Timestamp,
) -> LooksPage<'a> {
    LooksPage {
        question,
        looks,
        integrity,
        flags,
        name: "R. Okafor-Test, MD".into(),
        offset: 0,
        page_size: 20,
        flagged_only: false,
        review_days: 7,
        parameters: vec![("patient".into(), "mer.1".into())],
        reader: user("baptiste"),
        made_at: now,
    }
}

fn amounts(columns: &Columns) -> Volume {
    let break_glass = Columns::over(last_day(), last_day(), None, &["Uses of break-glass"], None);
    let disclosures = Columns::over(last_day(), last_day(), None, &["Disclosures"], None);
    Volume { charts: columns.clone(), searches: columns.clone(), break_glass, disclosures, refused: 2, stands_at: vec![stands()] }
}

/// Each page, with its name.
pub fn pages(frame: &Frame) -> Vec<(String, String)> {
    let now = "2026-11-22T15:15:00Z".parse::<Timestamp>().unwrap();
    let zone = TimeZone::get("America/Chicago").unwrap();
    let question = Question {
        of: Of::Patient(vec![PatientKey::parse("mer.1").unwrap(), PatientKey::parse("hbi.55210").unwrap()]),
        from: last_day().checked_sub(1.years()).unwrap(),
        to: last_day(),
        what: What::All,
        role: String::new(),
        purpose: String::new(),
        zone: zone.clone(),
        suspended: Vec::new(),
        leave_out_suspended: false,
    };
    let of_user = Question { of: Of::User(user("okafor")), ..question.clone() };
    let (year, nothing) = (year(), Looks { found: 2, ..Looks::default() });
    let (sound, faulty, never) = (integrity(now, 0), integrity(now, 2), Integrity::default());
    let flag = |words: &str| Flagged { patient: PatientKey::parse("mer.1"), words: words.into(), verdict: None };
    let explained = Some(Verdict { verdict: "explained".into(), ..Verdict::default() });
    let signal = vec![Flagged { verdict: explained, ..flag("Own chart") }, flag("Same family name as a former name <b>")];
    let day = last_day().checked_sub(4.days()).unwrap();
    let flags = DayFlags { found: [((user("brackenfield"), day), signal)].into(), judged: [day].into() };
    let month = amounts(&year.columns);
    let start = |integrity| StartPage {
        asked: "",
        found: None,
        waits: Waits { reviews: Some((3, 1)), signals: SignalsWait { day: "2026-11-21".into(), found: Some((2, 3)) } },
        integrity,
        month: &month,
        month_name: "2026-11".into(),
        newest: &[],
        now,
        zone: zone.clone(),
    };
    let log = |integrity, running_since| LogPage {
        integrity,
        running_since,
        keys: vec!["example+0011+AQ".into()],
        now,
        zone: zone.clone(),
    };
    let step = Some(crate::oversight::columns::Step::Week);
    let volume_page = VolumePage { volume: &month, from: "2026-01-01".into(), to: "2026-11-22".into(), step };
    vec![
        ("looks".into(), looks(frame, &page(&question, &year, &sound, &flags, now))),
        ("looks-user".into(), looks(frame, &page(&of_user, &year, &sound, &flags, now))),
        ("looks-none".into(), looks(frame, &page(&question, &nothing, &never, &flags, now))),
        ("looks-faulty".into(), looks(frame, &page(&question, &year, &faulty, &flags, now))),
        ("looks-copy".into(), looks_copy(frame, &page(&question, &year, &sound, &flags, now))),
        ("compliance".into(), access_start(frame, &start(&sound))),
        ("log".into(), log_page(frame, &log(&sound, None))),
        ("log-faulty".into(), log_page(frame, &log(&faulty, Some(1_700_000_000)))),
        ("volume".into(), volume(frame, &volume_page)),
    ]
}

#[test]
fn what_the_pages_say() {
    let pages: BTreeMap<String, String> = pages(&Frame::default()).into_iter().collect();
    for (name, expected) in [
        ("looks", "17 people were shown something of this chart"),
        ("looks", "2 attempts were refused."),
        ("looks", "2 times it was under break-glass; one use is not reviewed yet."),
        ("looks", "<span class=\"tag alert\">Break-glass, not reviewed</span>"),
        ("looks", "Same family name as a former name &#60;b&#62;"),
        ("looks", "2 signals, 1 without a verdict</a>"),
        ("looks", "&#38;user=brackenfield&#38;issuer=local\">2 signals"),
        ("looks", "not looked through for signals"),
        ("looks", "Refused, 1 time"),
        ("looks", "A flag is a reason to look, not a verdict."),
        ("looks", "✓ The log is complete and unaltered"),
        ("looks", "Held back from the patient by law"),
        ("looks", "action=\"/break-glass/b-1\""),
        ("looks", "Due 2026-11-24"),
        ("looks-none", "Nobody opened this chart between 2025-11-22 and 2026-11-22."),
        ("looks-none", "Searches showed it 2 times."),
        ("looks-none", "The log has not been checked yet"),
        ("looks-faulty", "The log is not in order"),
        ("looks-copy", "Caring for the patient, now or before a visit."),
        ("log-faulty", "Change nothing"),
        ("compliance", "1 overdue"),
    ] {
        assert!(pages[name].contains(expected), "{name}: {expected}");
    }
    assert!(
        !pages["looks-copy"].contains("Held back") && !pages["looks-copy"].contains("Same family name"),
        "nothing of it leaves"
    );
    assert!(!pages["looks-none"].contains("<svg class=\"columns"), "nothing is drawn of nothing");
}

#[test]
fn a_page_of_busy_days_is_light() {
    let now = "2026-11-22T15:15:00Z".parse::<Timestamp>().unwrap();
    let acts = |day: Date| (0..40).map(|minute| seen(day, minute, "record.read", 3, Some("b-1"))).collect::<Vec<_>>();
    let visits = (0..400).map(|back| {
        let day = last_day().checked_sub(back.days()).unwrap();
        visit(day, ("okafor", "R. Okafor-Test, MD", "clinician"), "TREAT", acts(day))
    });
    let mut columns = Columns::over(
        last_day().checked_sub(61.days()).unwrap(),
        last_day(),
        None,
        &["Clinicians", "HIM", "Programs", "Others"],
        Some("Break-glass"),
    );
    for back in 0..62 {
        (0..5).for_each(|group| columns.add(group, last_day().checked_sub(back.days()).unwrap(), 7));
    }
    let looks = Looks { visits: visits.collect(), columns, ..year() };
    let question = Question {
        of: Of::Patient(vec![PatientKey::parse("mer.1").unwrap()]),
        from: last_day().checked_sub(1.years()).unwrap(),
        to: last_day(),
        what: What::All,
        role: String::new(),
        purpose: String::new(),
        zone: TimeZone::UTC,
        suspended: Vec::new(),
        leave_out_suspended: false,
    };
    let html = super::looks(&Frame::default(), &page(&question, &looks, &integrity(now, 0), &DayFlags::default(), now));
    let elements = html.matches('<').count() - html.matches("</").count();
    assert!(elements < 3_000, "{elements}");
}
