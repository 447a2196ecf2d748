//! The projection against a real log: filled bit by bit, made anew, cut back, asked.
//!
//! Not for: how reports word it.

use super::*;
use crate::audit::{Action, AuditLog, Entry, Outcome, User};
use crate::model::{AccessionId, PatientKey, Place};
use crate::oversight::UserId;

fn patient(number: u64) -> PatientKey {
    PatientKey::parse(&format!("mer.{number}")).unwrap()
}

/// An entry of somebody who looks at patients.
fn look(user: &str, event: &'static str, patients: &[u64], records: u64) -> Entry {
    let accession = AccessionId::parse("acc-0123456789abcdef").unwrap();
    Entry {
        action: Action::Read,
        user: Some(User { iss: "local".into(), sub: user.into(), name: format!("Dr. {user}"), roles: vec!["clinician".into()] }),
        patients: patients.iter().map(|number| patient(*number)).collect(),
        shown: (0..records).map(|ordinal| Place { accession: accession.clone(), generation: 1, ordinal }).collect(),
        purpose: Some("TREAT"),
        ip: Some("10.0.0.1".into()),
        ..Entry::new(event)
    }
}

/// A row of the summary of people's days.
type Brief = (String, i64, i64, String, i64);

/// Every table of the projection in words, so that two of them can be compared row by row.
fn rows(projection: &Projection) -> (Vec<Seen>, Vec<UserDay>, Vec<StandsAt>, Vec<Brief>) {
    let all = Select { order: Order::OldestFirst, ..Select::default() };
    let days = projection.user_days(0, i64::MAX / 2).unwrap();
    (projection.acts(&all).unwrap(), days, projection.stands_at().unwrap(), projection.summary())
}

#[test]
fn filled_bit_by_bit_and_made_anew_it_is_the_same_row_by_row() {
    let (folder, log) = AuditLog::temporary();
    let archive = folder.path().join("archive");
    let projection = Projection::open_in(&archive, TimeZone::UTC).unwrap();
    for round in 0..40u64 {
        log.append(look("ann", "patient.search", &[round, round + 1, round + 2], 3)).unwrap();
        log.append(look("ann", "record.read", &[round], 7)).unwrap();
        let denied = Entry { outcome: Outcome::SeriousFailure, ..look("bob", "authz.denied", &[round], 0) };
        log.append(denied).unwrap();
        if round % 7 == 0 {
            projection.catch_up().unwrap();
        }
    }
    projection.catch_up().unwrap();
    let bit_by_bit = rows(&projection);
    assert!(bit_by_bit.0.len() >= 200, "{}", bit_by_bit.0.len());
    let read = projection.rebuild().unwrap();
    assert_eq!(read, bit_by_bit.2.iter().map(|at| at.entries).sum::<u64>());
    let anew = rows(&projection);
    assert_eq!(bit_by_bit.0, anew.0);
    assert_eq!((bit_by_bit.1, bit_by_bit.2, bit_by_bit.3), (anew.1.clone(), anew.2, anew.3.clone()));
    // Forty charts of one person, and the hours of their opening; who was refused has nothing there.
    let charts = anew.3.iter().filter(|it| !it.3.is_empty());
    assert_eq!(charts.clone().count(), 40);
    assert_eq!(anew.3.iter().map(|it| it.4).sum::<i64>(), 40);
    assert!(anew.3.iter().all(|it| it.0 == "ann"));
    // Another process that opens the same file has nothing to do.
    assert_eq!(Projection::open_in(&archive, TimeZone::UTC).unwrap().catch_up().unwrap(), 0);

    let ann = anew.1.iter().find(|day| day.user.subject == "ann").unwrap();
    assert_eq!((ann.patients, ann.found, ann.found_opened, ann.searches, ann.walk), (40, 42, 40, 40, 40));
    assert_eq!(ann.records, 40 * 10, "an entry's records count once, however many patients it names");
    let bob = anew.1.iter().find(|day| day.user.subject == "bob").unwrap();
    assert_eq!((bob.patients, bob.denied), (0, 40));
}

#[test]
fn acts_are_found_by_what_is_asked() {
    let (folder, log) = AuditLog::temporary();
    let archive = folder.path().join("archive");
    log.append(look("ann", "patient.search", &[1, 2], 2)).unwrap();
    log.append(look("ann", "record.read", &[1], 5)).unwrap();
    log.append(Entry { outcome: Outcome::SeriousFailure, ..look("bob", "authz.denied", &[2], 0) }).unwrap();
    let projection = Projection::open_in(&archive, TimeZone::UTC).unwrap();
    projection.catch_up().unwrap();
    let count = |select: Select| projection.acts(&select).unwrap().len();
    let ann = UserId { issuer: "local".into(), subject: "ann".into() };
    assert_eq!(count(Select { patients: vec![patient(1)], ..Select::default() }), 2);
    assert_eq!(count(Select { patients: vec![patient(1), patient(2)], ..Select::default() }), 4);
    assert_eq!(count(Select { user: Some(ann.clone()), ..Select::default() }), 3);
    assert_eq!(count(Select { user: Some(ann.clone()), entries_only: true, ..Select::default() }), 2);
    assert_eq!(count(Select { events: vec!["authz.denied".into()], ..Select::default() }), 1);
    assert_eq!(count(Select { outcomes: vec![8], ..Select::default() }), 1);
    assert_eq!(count(Select { ip: Some("10.0.0.2".into()), ..Select::default() }), 0);
    let by_patient = projection.by_patient(&Select { user: Some(ann), ..Select::default() }).unwrap();
    assert_eq!(by_patient.iter().map(|it| (it.acts, it.opened, it.found)).collect::<Vec<_>>(), [(2, 1, 1), (1, 0, 1)]);
    // A report's pages fit together whatever comes meanwhile.
    let until = Some(Projection::now(&projection.stands_at().unwrap()));
    log.append(look("ann", "record.read", &[1], 5)).unwrap();
    projection.catch_up().unwrap();
    let of_one = Select { patients: vec![patient(1)], ..Select::default() };
    assert_eq!(count(Select { until, ..of_one.clone() }), 2);
    assert_eq!(count(of_one.clone()), 3);
    let wanted: Vec<(String, u64)> =
        projection.acts(&of_one).unwrap().into_iter().map(|seen| (seen.act.stream, seen.act.seq)).collect();
    let originals = projection.originals(&wanted).unwrap();
    assert_eq!(originals.len(), 3);
    assert!(originals.values().all(|it| it.line().seq == it.seq && it.line().user.sub.as_str() == "ann"));
}

#[test]
fn an_entry_that_a_crash_cut_off_is_forgotten() {
    let (folder, log) = AuditLog::temporary();
    let archive = folder.path().join("archive");
    log.append(look("ann", "record.read", &[1], 1)).unwrap();
    log.append(look("eve", "record.read", &[2], 1)).unwrap();
    log.close();
    let projection = Projection::open_in(&archive, TimeZone::UTC).unwrap();
    projection.catch_up().unwrap();
    let stream = archive.join("audit").join(&projection.stands_at().unwrap()[0].stream);
    let segment = std::fs::read_dir(&stream).unwrap().flatten().map(|it| it.path()).find(|it| it.extension().is_some()).unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(5).rposition(|it| it == b"\"eve\"").unwrap();
    let start = (0..at).rev().find(|from| bytes[*from] == b'{' && bytes[from + 1..].starts_with(b"\"action\"")).unwrap() - 8;
    std::fs::write(&segment, &bytes[..start]).unwrap();
    projection.catch_up().unwrap();
    let users: Vec<String> = rows(&projection).0.into_iter().map(|seen| seen.act.user.subject).collect();
    assert!(users.contains(&"ann".to_string()) && !users.contains(&"eve".to_string()), "{users:?}");
    assert!(projection.summary().iter().all(|it| it.0 == "ann"));
}

#[test]
fn what_somebody_did_before_a_day_is_told_in_the_days_of_the_wall_clock() {
    let (folder, log) = AuditLog::temporary();
    let archive = folder.path().join("archive");
    for number in 0..6u64 {
        log.append(look("ann", "record.read", &[number % 2], 1)).unwrap();
    }
    log.append(look("bob", "record.read", &[1], 1)).unwrap();
    // Five hours behind UTC, so that evenings belong to the day before.
    let zone = TimeZone::fixed(jiff::tz::offset(-5));
    let projection = Projection::open_in(&archive, zone.clone()).unwrap();
    projection.catch_up().unwrap();
    // As if they had come on days of March 2026, by the clock on the wall.
    let came = [(1, 23), (3, 8), (3, 9), (16, 23), (17, 0), (17, 9)];
    let acts = projection.acts(&Select { order: Order::OldestFirst, ..Select::default() }).unwrap();
    let of_ann = acts.iter().filter(|seen| seen.act.user.subject == "ann");
    for (seen, (day, hour)) in of_ann.zip(came) {
        let at = jiff::civil::date(2026, 3, day).at(hour, 30, 0, 0).to_zoned(zone.clone()).unwrap().timestamp();
        let local = (at.as_second() - 5 * 3600).div_euclid(3600);
        let update = sqlx::query("UPDATE act SET at = ?, hour = ? WHERE at = ?").bind(at.as_microsecond()).bind(local);
        projection.wait(update.bind(seen.act.at).execute(&projection.pool)).unwrap();
    }
    let stale = "INSERT INTO stale SELECT DISTINCT user, at / 86400000000 FROM act WHERE true ON CONFLICT DO NOTHING";
    projection.wait(sqlx::query(stale).execute(&projection.pool)).unwrap();
    projection.wait(projection.settle()).unwrap();
    let ann = UserId { issuer: "local".into(), subject: "ann".into() };
    let on = jiff::civil::date(2026, 3, 17);
    let past = projection.past(&ann, on).unwrap().unwrap();
    assert_eq!(past.last_active, Some(jiff::civil::date(2026, 3, 16)));
    assert_eq!((past.hours[8], past.hours[9], past.hours[23], past.hours[0]), (1, 1, 2, 0));
    // Patient 0 was opened on the 1st, 3rd and 17th, patient 1 on the 3rd, 16th and 17th: today's own look is not the past.
    let days = |number: u64| past.charts.get(&patient(number)).map(|it| (it.days, it.first));
    assert_eq!(days(0), Some((2, jiff::civil::date(2026, 3, 1))));
    assert_eq!(days(1), Some((2, jiff::civil::date(2026, 3, 3))));
    // What is older than the history reaches is forgotten, but not when somebody was last here.
    let later = projection.past(&ann, jiff::civil::date(2026, 6, 1)).unwrap().unwrap();
    assert_eq!((later.charts.len(), later.hours.iter().sum::<u32>(), later.last_active), (0, 0, Some(on)));
    assert!(projection.past(&ann, jiff::civil::date(2026, 3, 1)).unwrap().is_none());
}
