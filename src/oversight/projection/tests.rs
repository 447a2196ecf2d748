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

/// Every table of the projection in words, so that two of them can be compared row by row.
fn rows(projection: &Projection) -> (Vec<Seen>, Vec<UserDay>, Vec<StandsAt>) {
    let all = Select { order: Order::OldestFirst, ..Select::default() };
    let days = projection.user_days(0, i64::MAX / 2).unwrap();
    (projection.acts(&all).unwrap(), days, projection.stands_at().unwrap())
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
    assert_eq!((bit_by_bit.1, bit_by_bit.2), (anew.1.clone(), anew.2));
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
}
