//! The reports on a log of a few acts: what they say, in which order, for whom, and what they leave out.
//!
//! Not for: the projection under them (`projection::tests`).

use std::path::PathBuf;

use super::*;
use crate::audit::{Action, AuditLog, BreakGlass, Entry, Outcome, Recipient, User};
use crate::model::{AccessionId, Place};
use crate::oversight::accounting::Suspension;

struct House {
    _folder: tempfile::TempDir,
    log: AuditLog,
    projection: Projection,
}

fn house() -> House {
    let (folder, log) = AuditLog::temporary();
    let archive: PathBuf = folder.path().join("archive");
    let projection = Projection::open_in(&archive, TimeZone::UTC).unwrap();
    House { _folder: folder, log, projection }
}

fn key(text: &str) -> PatientKey {
    PatientKey::parse(text).unwrap()
}

fn act(user: &str, event: &'static str, patients: &[&str], records: u64) -> Entry {
    let accession = AccessionId::parse("acc-0123456789abcdef").unwrap();
    Entry {
        action: Action::Read,
        user: Some(User { iss: "local".into(), sub: user.into(), name: format!("Dr. {user}"), roles: vec!["clinician".into()] }),
        patients: patients.iter().map(|text| key(text)).collect(),
        shown: (0..records).map(|ordinal| Place { accession: accession.clone(), generation: 1, ordinal }).collect(),
        purpose: Some("TREAT"),
        ..Entry::new(event)
    }
}

fn column(report: &Report, key: &str) -> Vec<String> {
    let at = report.columns.iter().position(|column| column.key == key).unwrap_or_else(|| panic!("no column {key}"));
    report.rows.iter().map(|row| row[at].text()).collect()
}

#[test]
fn who_saw_a_person_by_any_of_his_keys() {
    let house = house();
    house.log.append(act("ann", "patient.search", &["mer.1", "mer.2", "old.7"], 3)).unwrap();
    house.log.append(act("ann", "record.read", &["mer.1", "old.7"], 12)).unwrap();
    house.log.append(act("bob", "record.read", &["old.7"], 2)).unwrap();
    house.log.append(Entry { outcome: Outcome::SeriousFailure, ..act("eve", "authz.denied", &["mer.1"], 0) }).unwrap();
    house.log.append(act("kim", "audit.query", &["mer.1"], 0)).unwrap();
    house.log.append(act("ann", "record.read", &["mer.2"], 1)).unwrap();
    let person = vec![key("mer.1"), key("old.7")];
    let question = Question::Patient(person.clone());
    let report = make(&house.projection, &question, &Ask::default()).unwrap();
    assert_eq!(column(&report, "who"), ["Dr. kim", "Dr. eve", "Dr. bob", "Dr. ann", "Dr. ann"], "newest first, once an entry");
    assert_eq!(column(&report, "what")[3..], ["Chart or record shown", "Found in a search"]);
    assert_eq!(report.summary, "Something of this chart was shown 3 times to 2 people; 1 attempt was refused.");
    assert_eq!(report.stands_at.len(), 1);
    assert!(report.stands_at[0].entries >= 6 && report.stands_at[0].checkpoint.is_some());
    for words in report.rows.iter().flatten().map(Cell::text) {
        assert!(!words.contains("TREAT") && !words.contains("record.read"), "no codes for lay readers: {words}");
    }
    // Any column sorts, both ways, and pages fit together.
    let sorted = |key: &str, descending: bool, offset: usize, limit: usize| {
        let ask = Ask { sort: Some((key.into(), descending)), offset, limit, ..Ask::default() };
        make(&house.projection, &question, &ask).unwrap()
    };
    for at in &report.columns {
        let all = column(&sorted(at.key, false, 0, 99), at.key);
        let pages: Vec<String> = (0..5).flat_map(|page| column(&sorted(at.key, false, page, 1), at.key)).collect();
        assert_eq!(all, pages, "{}", at.key);
    }
    assert_eq!(column(&sorted("records", true, 0, 2), "records"), ["12", "3"]);
    assert!(matches!(
        make(&house.projection, &question, &Ask { sort: Some(("x".into(), false)), ..Ask::default() }),
        Err(OversightError::BadQuestion(_))
    ));
    // For litigation: the entries with all their fields and digests.
    let full = make(&house.projection, &question, &Ask { version: Version::Full, ..Ask::default() }).unwrap();
    assert_eq!((full.total, column(&full, "subject")), (5, ["kim", "eve", "bob", "ann", "ann"].map(String::from).to_vec()));
    assert!(column(&full, "leaf_sha256").iter().all(|digest| digest.len() == 64));
    assert_eq!(column(&full, "places")[2], "acc-0123456789abcdef/0001 0-1");
    let by_day = make(&house.projection, &Question::PatientByDay(person), &Ask::default()).unwrap();
    assert_eq!(by_day.total, 4);
}

#[test]
fn what_a_person_saw_and_what_was_refused_him() {
    let house = house();
    for _ in 0..3 {
        house.log.append(act("ann", "record.read", &["mer.1"], 4)).unwrap();
    }
    house.log.append(act("ann", "patient.search", &["mer.1", "mer.2"], 2)).unwrap();
    house.log.append(Entry { outcome: Outcome::SeriousFailure, ..act("ann", "authz.denied", &["mer.3"], 0) }).unwrap();
    house.log.append(act("bob", "record.read", &["mer.9"], 4)).unwrap();
    let ann = UserId { issuer: "local".into(), subject: "ann".into() };
    let report = make(&house.projection, &Question::User(ann.clone()), &Ask::default()).unwrap();
    let cells = |key: &str| column(&report, key);
    assert_eq!(cells("patient"), ["mer.3", "mer.1", "mer.2"]);
    assert_eq!(cells("opened"), ["0", "3", "0"]);
    assert_eq!(cells("found"), ["0", "1", "1"]);
    assert_eq!(cells("refused"), ["1", "0", "0"]);
    assert_eq!(report.summary, "This person opened something of 1 patient, saw 1 more in searches only, and was refused 1 time.");
    let full = make(&house.projection, &Question::User(ann), &Ask { version: Version::Full, ..Ask::default() }).unwrap();
    assert_eq!(full.total, 6);
}

#[test]
fn uses_of_break_glass_with_reason_and_verdict() {
    let house = house();
    let used = |id: &str, text: Option<&str>| {
        let reason_text = text.map(String::from);
        Some(BreakGlass {
            id: id.into(),
            reason_code: "emergency".into(),
            reason_text,
            expires: Some("2026-11-23T10:00:00Z".into()),
        })
    };
    house
        .log
        .append(Entry { break_glass: used("b-1", Some("Unconscious in the ED")), ..act("ann", "btg.start", &["mer.1"], 0) })
        .unwrap();
    house.log.append(Entry { break_glass: used("b-1", None), ..act("ann", "record.read", &["mer.1"], 9) }).unwrap();
    let verdict = vec![("verdict", "appropriate".to_string())];
    house
        .log
        .append(Entry { break_glass: used("b-1", None), detail: verdict, ..act("rev", "btg.reviewed", &["mer.1"], 0) })
        .unwrap();
    house
        .log
        .append(Entry { break_glass: used("b-2", Some("Overdose, unknown drug")), ..act("bob", "btg.start", &["mer.2"], 0) })
        .unwrap();
    let report = make(&house.projection, &Question::BreakGlass, &Ask::default()).unwrap();
    assert_eq!(column(&report, "who"), ["Dr. bob", "Dr. ann"]);
    assert_eq!(column(&report, "text"), ["Overdose, unknown drug", "Unconscious in the ED"]);
    assert_eq!(
        (column(&report, "records"), column(&report, "verdict")),
        (vec!["0".into(), "9".into()], vec!["not reviewed yet".to_string(), "appropriate".into()])
    );
    assert_eq!(report.summary, "2 uses of break-glass; 1 not reviewed yet.");
}

fn disclosed(to: &str, basis: &str, date: &str) -> Entry {
    let recipient =
        Recipient { name: to.into(), organisation: None, address: Some("1 Main Street".into()), authority: Some(basis.into()) };
    let detail = vec![("disclosed", date.to_string()), ("description", "Two reports".into()), ("purpose", "As asked".into())];
    Entry { recipient: Some(recipient), detail, ..act("him", "disclosure", &["mer.1"], 0) }
}

#[test]
fn the_accounting_has_what_counts_for_six_years_and_not_what_is_suspended() {
    let house = house();
    let today = jiff::Zoned::now().with_time_zone(TimeZone::UTC).date();
    let ago = |days: i64| today.checked_sub(jiff::Span::new().days(days)).unwrap().to_string();
    for (to, basis, days) in [
        ("County Health", "public-health", 10),
        ("County Health", "public-health", 40),
        ("Dr. Other", "treatment", 5),
        ("State Police", "law-enforcement", 20),
        ("State Police", "public-health", 21),
        ("Court", "judicial", 7 * 366),
        ("Old Agency", "nobody knows", 30),
    ] {
        house.log.append(disclosed(to, basis, &ago(days))).unwrap();
    }
    let now = Timestamp::now().as_second();
    let suspension = |starts: i64, ends: i64, resumed: Option<i64>| Suspension {
        id: "s".into(),
        patient: "mer.1".into(),
        agency: "STATE police".into(),
        is_written: true,
        statement: "letter".into(),
        starts,
        ends,
        made_by: "him".into(),
        resumed,
    };
    let told = |suspended: Vec<Suspension>, summarised: bool, version: Version| {
        let question = Question::Disclosures { patients: vec![key("mer.1")], suspended, summarised, request: None };
        make(&house.projection, &question, &Ask { version, ..Ask::default() }).unwrap()
    };
    let open = told(Vec::new(), false, Version::Plain);
    assert_eq!(column(&open, "recipient"), ["County Health", "State Police", "State Police", "Old Agency", "County Health"]);
    let in_force = vec![suspension(now - 60, now + 86_400, None)];
    let held = told(in_force.clone(), false, Version::Plain);
    assert_eq!(column(&held, "recipient"), ["County Health", "State Police", "Old Agency", "County Health"]);
    assert_eq!(column(&held, "basis")[1], "Public health", "only what the agency may ask for is held back");
    let said = super::super::forms::json::report(&held).to_string().to_lowercase();
    assert!(!said.contains("suspen") && !said.contains("held back"), "the patient's copy says nothing of it: {said}");
    let full = told(in_force, false, Version::Full);
    assert!(
        full.notes.contains(&"1 disclosures are held back by a suspension that is in force.".to_string()),
        "{:?}",
        full.notes
    );
    assert_eq!(full.total, 6, "the office sees every one, exempt and suspended ones too");
    for over in [suspension(now - 900, now - 60, None), suspension(now - 900, now + 900, Some(now - 10))] {
        assert_eq!(told(vec![over], false, Version::Plain).total, 5);
    }
    let short = told(Vec::new(), true, Version::Plain);
    let at = column(&short, "recipient").iter().position(|it| it == "County Health").unwrap();
    assert_eq!(
        (column(&short, "times")[at].as_str(), column(&short, "date")[at].clone(), column(&short, "last")[at].clone()),
        ("2", ago(40), ago(10))
    );
}

#[test]
fn the_accounting_is_narrowed_to_a_request_and_to_dates_and_says_so() {
    let house = house();
    let today = jiff::Zoned::now().with_time_zone(TimeZone::UTC).date();
    let ago = |days: i64| today.checked_sub(jiff::Span::new().days(days)).unwrap();
    for (to, request, days) in [("Court", "2026-0007", 9), ("County Health", "2026-0008", 8), ("Court", "2026-0007", 3)] {
        let mut entry = disclosed(to, "judicial", &ago(days).to_string());
        entry.detail.push(("request", request.into()));
        house.log.append(entry).unwrap();
    }
    let told = |request: Option<&str>, from: Option<i64>| {
        let request = request.map(String::from);
        let question = Question::Disclosures { patients: vec![key("mer.1")], suspended: Vec::new(), summarised: false, request };
        make(&house.projection, &question, &Ask { from, ..Ask::default() }).unwrap()
    };
    assert_eq!(column(&told(None, None), "request"), ["2026-0007", "2026-0008", "2026-0007"]);
    let one = told(Some("2026-0007"), None);
    assert_eq!((column(&one, "recipient"), one.summary.get(..2)), (vec!["Court".to_string(), "Court".into()], Some("2 ")));
    assert!(one.notes.iter().any(|note| note.contains("not the whole accounting")), "{:?}", one.notes);
    assert!(one.about.contains(&("Only request".into(), "2026-0007".into())));
    let from = ago(5).to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond();
    assert_eq!(column(&told(Some("2026-0007"), Some(from)), "date"), [ago(3).to_string()]);
    assert_eq!(told(Some("2026-0009"), None).total, 0);
}
