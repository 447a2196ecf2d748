//! Looks, verdicts and amounts on a log of a few acts: what they say, whom they count, what they leave out.
//!
//! Not for: the reports as tables (`reports::tests`).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::accounting::Suspension;
use super::looks::{Looks, Of, Question, What, looks};
use super::projection::Projection;
use super::volume::{Dates, volume};
use super::{UserId, verdicts};
use crate::audit::{Action, AuditLog, BreakGlass, Entry, Outcome, Recipient, User};
use crate::model::{AccessionId, PatientKey, Place};

struct House {
    _folder: tempfile::TempDir,
    log: AuditLog,
    projection: Projection,
}

fn house() -> House {
    let (folder, log) = AuditLog::temporary();
    let projection = Projection::open_in(&folder.path().join("archive"), TimeZone::UTC).unwrap();
    House { _folder: folder, log, projection }
}

fn key(text: &str) -> PatientKey {
    PatientKey::parse(text).unwrap()
}

fn user(subject: &str) -> UserId {
    UserId { issuer: "local".into(), subject: subject.into() }
}

fn act(subject: &str, role: &str, event: &'static str, patients: &[&str], records: u64) -> Entry {
    let accession = AccessionId::parse("acc-0123456789abcdef").unwrap();
    Entry {
        action: Action::Read,
        user: Some(User { iss: "local".into(), sub: subject.into(), name: format!("Dr. {subject}"), roles: vec![role.into()] }),
        patients: patients.iter().map(|text| key(text)).collect(),
        shown: (0..records).map(|ordinal| Place { accession: accession.clone(), generation: 1, ordinal }).collect(),
        purpose: Some("TREAT"),
        ..Entry::new(event)
    }
}

fn used(id: &str, text: Option<&str>) -> Option<BreakGlass> {
    let reason_text = text.map(String::from);
    Some(BreakGlass { id: id.into(), reason_code: "emergency".into(), reason_text, expires: None })
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn question(of: Of) -> Question {
    Question {
        of,
        from: today().checked_sub(1.years()).unwrap(),
        // Midnight may pass while a test runs.
        to: today().tomorrow().unwrap(),
        what: What::All,
        role: String::new(),
        purpose: String::new(),
        zone: TimeZone::UTC,
        suspended: Vec::new(),
        leave_out_suspended: false,
    }
}

impl House {
    fn write(&self, entry: Entry) {
        self.log.append(entry).unwrap();
    }

    fn ask(&self, question: &Question) -> Looks {
        looks(&self.projection, question, &|key: &PatientKey| key.clone()).unwrap()
    }
}

#[test]
fn visits_are_by_person_and_figures_agree_with_the_rows() {
    let house = house();
    let person = Of::Patient(vec![key("mer.1"), key("old.7")]);
    let nobody = house.ask(&question(person.clone()));
    assert_eq!((nobody.shown, nobody.visits.len()), (0, 0));
    house.write(act("ann", "clinician", "patient.search", &["mer.1", "mer.2", "old.7"], 3));
    assert_eq!((house.ask(&question(person.clone())).shown, house.ask(&question(person.clone())).found), (0, 1), "only found");
    house.write(act("ann", "clinician", "record.read", &["mer.1", "old.7"], 12));
    house.write(act("lin", "him", "document.view", &["old.7"], 1));
    house.write(Entry { outcome: Outcome::SeriousFailure, ..act("eve", "clinician", "authz.denied", &["mer.1"], 0) });
    house.write(act("kim", "compliance", "audit.query", &["mer.1"], 0));
    let start =
        Entry { break_glass: used("b-1", Some("Found on the floor")), ..act("bob", "clinician", "btg.start", &["mer.1"], 0) };
    house.write(start);
    house.write(Entry { break_glass: used("b-1", None), ..act("bob", "clinician", "record.read", &["mer.1"], 4) });
    let found = house.ask(&question(person.clone()));
    assert_eq!((found.shown, found.people, found.refused, found.under, found.found, found.about_log), (3, 3, 1, 1, 1, 1));
    assert_eq!(found.columns.total(), found.shown, "the drawing adds up to the sentence");
    let names: Vec<(&str, u64)> = found.columns.all().map(|group| (group.name.as_str(), group.total())).collect();
    assert_eq!(names, [("Clinicians", 1), ("HIM", 1), ("Break-glass", 1)]);
    let visits: Vec<&str> = found.visits.iter().map(|visit| visit.user.subject.as_str()).collect();
    assert_eq!(visits, ["bob", "eve", "lin", "ann"], "newest first, no look into the log among them");
    assert_eq!(found.visits.iter().map(super::looks::Visit::shown).sum::<u64>(), found.shown);
    assert_eq!(found.uses["b-1"].text.as_deref(), Some("Found on the floor"));
    assert_eq!(found.uses["b-1"].verdict, None);
    let given = vec![("verdict", "appropriate".to_string())];
    house.write(Entry { break_glass: used("b-1", None), detail: given, ..act("rev", "reviewer", "btg.reviewed", &["mer.1"], 0) });
    assert_eq!(house.ask(&question(person.clone())).uses["b-1"].verdict.as_deref(), Some("appropriate"));
    for (what, subjects) in [
        (What::Shown, vec!["bob", "lin", "ann"]),
        (What::Refused, vec!["eve"]),
        (What::BreakGlass, vec!["bob"]),
        (What::Found, vec!["ann"]),
    ] {
        let narrowed = house.ask(&Question { what, ..question(person.clone()) });
        let visits: Vec<&str> = narrowed.visits.iter().map(|visit| visit.user.subject.as_str()).collect();
        assert_eq!(visits, subjects, "{what:?}");
        assert_eq!(narrowed.shown, 3, "what narrows the rows leaves the sentence");
    }
    let of_ann = looks(&house.projection, &question(Of::User(user("ann"))), &|key| {
        if key.as_str() == "old.7" { self::key("mer.1") } else { key.clone() }
    })
    .unwrap();
    let patients: Vec<Option<String>> = of_ann.visits.iter().map(|it| it.patient.as_ref().map(ToString::to_string)).collect();
    assert_eq!(patients, [Some("mer.1".to_string()), Some("mer.2".to_string())], "two keys of one person are one visit");
    assert_eq!(of_ann.visits[0].acts.len(), 2);
}

#[test]
fn what_a_suspension_holds_back_is_not_in_the_patients_copy() {
    let house = house();
    let recipient = |name: &str, basis: &str| {
        Some(Recipient { name: name.into(), organisation: None, address: None, authority: Some(basis.into()) })
    };
    let request = |number: &str| vec![("request", number.to_string())];
    let of = |event, records, number: &str| Entry { detail: request(number), ..act("him", "him", event, &["mer.1"], records) };
    house.write(of("release.viewed", 3, "ROI-1"));
    house.write(Entry { recipient: recipient("State Police", "law-enforcement"), ..of("disclosure", 0, "ROI-1") });
    house.write(Entry { recipient: recipient("County Health", "public-health"), ..of("disclosure", 2, "ROI-2") });
    let now = Timestamp::now().as_second();
    let suspended = Suspension {
        id: "s".into(),
        patient: "mer.1".into(),
        agency: "State Police".into(),
        is_written: true,
        statement: "letter".into(),
        starts: now - 60,
        ends: now + 86_400,
        made_by: "him".into(),
        resumed: None,
    };
    let asked = Question { suspended: vec![suspended], ..question(Of::Patient(vec![key("mer.1")])) };
    let on_screen = house.ask(&asked);
    assert_eq!((on_screen.held_back, on_screen.shown), (1, 2), "the office sees it, and that it is held back");
    let copy = house.ask(&Question { leave_out_suspended: true, ..asked });
    assert_eq!((copy.held_back, copy.shown, copy.columns.total()), (0, 1, 1));
    assert_eq!(copy.visits.iter().map(|visit| visit.acts.len()).sum::<usize>(), 1, "nor what was done for the same request");
}

#[test]
fn the_last_verdict_on_a_signal_counts() {
    let house = house();
    let day = today();
    let given = |verdict: &str, day: Date| {
        let detail = [
            (verdicts::DAY, day.to_string()),
            (verdicts::USER, "ann".into()),
            (verdicts::ISSUER, "local".into()),
            (verdicts::VERDICT, verdict.into()),
            (verdicts::COMMENT, "Spoke with her".into()),
        ];
        Entry { detail: detail.to_vec(), ..act("kim", "compliance", "signal.reviewed", &["mer.1"], 0) }
    };
    house.write(given("needs-information", day));
    house.write(given("explained", day));
    house.write(given("followed-up", day.yesterday().unwrap()));
    house.write(Entry { outcome: Outcome::SeriousFailure, ..given("followed-up", day) });
    house.projection.catch_up().unwrap();
    let found = verdicts::of_day(&house.projection, day).unwrap();
    let of_signal = &found[&(user("ann"), Some(key("mer.1")))];
    assert_eq!(of_signal.iter().map(verdicts::Verdict::words).collect::<Vec<_>>(), ["Ask the person", "Explained"]);
    assert!(of_signal[0].is_open() && !of_signal[1].is_open() && of_signal[1].by == "Dr. kim");
}

#[test]
fn amounts_are_summed_by_role() {
    let house = house();
    for patient in ["mer.1", "mer.2", "mer.2"] {
        house.write(act("ann", "clinician", "record.read", &[patient], 1));
    }
    house.write(act("lin", "him", "record.read", &["mer.1"], 1));
    house.write(act("ann", "clinician", "patient.search", &[], 0));
    house.write(Entry { outcome: Outcome::SeriousFailure, ..act("eve", "clinician", "authz.denied", &["mer.1"], 0) });
    house.write(Entry { break_glass: used("b-1", Some("x")), ..act("ann", "clinician", "btg.start", &["mer.1"], 0) });
    house.write(act("lin", "him", "disclosure", &["mer.1"], 0));
    let dates = Dates { from: today().yesterday().unwrap(), to: today().tomorrow().unwrap(), step: None };
    let it = volume(&house.projection, dates).unwrap();
    let by_role: Vec<(&str, u64)> = it.charts.all().map(|group| (group.name.as_str(), group.total())).collect();
    assert_eq!(by_role, [("Clinicians", 2), ("HIM", 1)]);
    assert_eq!((it.searches.total(), it.break_glass.total(), it.disclosures.total(), it.refused), (1, 1, 1, 1));
}
