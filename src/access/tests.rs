//! Behaviour of the gate. Not for: the decision table (`policy`), tokens (`token_tests`).

use std::sync::atomic::Ordering;

use crate::audit::{Action, AuditLog, Entry, Outcome};
use crate::model::{AccessionId, ArchiveId, Kind, Label, PatientKey, Place};

use super::*;

fn patient(text: &str) -> PatientKey {
    PatientKey::parse(text).unwrap()
}

fn gate() -> Gate {
    Gate::new(AuditLog::default())
}

fn entries(gate: &Gate) -> Vec<Entry> {
    gate.log().entries.lock().unwrap().clone()
}

fn break_log(gate: &Gate) {
    gate.log().broken.store(true, Ordering::SeqCst);
}

fn clinician() -> Principal {
    Principal::local("ann", "Ann Example", Role::Clinician, Purpose::Treat, "0011")
}

fn context() -> RequestContext {
    RequestContext {
        ip: Some("10.1.2.3".into()),
        user_agent: Some("test".into()),
        request_id: "r1".into(),
        method: "GET".into(),
        path: "/api/v1/patients/mer.1/chart".into(),
    }
}

fn shown() -> Shown {
    let place = Place { accession: AccessionId::parse("acc-0123456789abcdef").unwrap(), generation: 1, ordinal: 7 };
    Shown {
        event: "record.read",
        patients: vec![patient("mer.1"), patient("mer.2")],
        places: vec![place],
        label: Label::NORMAL,
        kinds: vec![Kind::PATIENT, Kind::from_name("Observation").unwrap()],
        hits: Some(1),
        query: Some("everything".into()),
    }
}

#[test]
fn an_answer_is_given_once_its_entry_is_written() {
    let gate = gate();
    let permit = gate.ask(&clinician(), Scope::Chart(patient("mer.1")), context()).unwrap();
    assert!(entries(&gate).is_empty(), "asking alone shows nothing");
    let answer = permit.answer("chart", shown()).unwrap();
    assert_eq!(answer.into_inner(), "chart");
    let [entry] = &entries(&gate)[..] else { panic!("one entry per act") };
    assert_eq!((entry.event, entry.action, entry.outcome), ("record.read", Action::Read, Outcome::Success));
    let user = entry.user.as_ref().unwrap();
    assert_eq!((user.iss.as_str(), user.sub.as_str(), &user.roles[..]), ("local", "ann", &["clinician".into()][..]));
    assert_eq!(entry.patients, [patient("mer.1"), patient("mer.2")]);
    assert_eq!((&entry.shown, &entry.kinds), (&shown().places, &shown().kinds));
    assert_eq!((entry.purpose, entry.request_id.as_deref(), entry.ip.as_deref()), (Some("TREAT"), Some("r1"), Some("10.1.2.3")));
    let query = entry.query.as_ref().unwrap();
    assert_eq!((query.path.as_str(), query.text.as_deref(), query.hits), (context().path.as_str(), Some("everything"), Some(1)));
}

#[test]
fn a_search_that_finds_nothing_still_names_whom_it_was_about() {
    let gate = gate();
    let permit = gate.ask(&clinician(), Scope::Chart(patient("mer.9")), context()).unwrap();
    permit.answer((), Shown { event: "record.search", hits: Some(0), ..Shown::default() }).unwrap();
    assert_eq!(entries(&gate)[0].patients, [patient("mer.9")]);
}

#[test]
fn nothing_leaves_when_the_log_cannot_be_written() {
    let gate = gate();
    let permit = gate.ask(&clinician(), Scope::FindPatients, context()).unwrap();
    break_log(&gate);
    assert!(matches!(permit.answer("chart", shown()), Err(GateError::LogUnavailable)));
}

#[test]
fn a_denial_is_written_and_stays_a_denial_when_it_cannot_be() {
    let gate = gate();
    let admin = Principal::local("root", "Root", Role::Admin, Purpose::SystemAdministration, "00");
    let ask = || gate.ask(&admin, Scope::Chart(patient("mer.1")), context());
    assert!(matches!(ask(), Err(GateError::Denied)));
    let [entry] = &entries(&gate)[..] else { panic!("a denial is an entry") };
    assert_eq!((entry.event, entry.outcome), ("authz.denied", Outcome::SeriousFailure));
    assert_eq!(entry.outcome_desc.as_deref(), Some("chart refused: role"));
    assert_eq!(entry.patients, [patient("mer.1")]);
    break_log(&gate);
    assert!(matches!(ask(), Err(GateError::Denied)));
}

#[test]
fn a_permit_dropped_unanswered_is_logged_and_an_answered_one_only_once() {
    let gate = gate();
    drop(gate.ask(&clinician(), Scope::Chart(patient("mer.1")), context()).unwrap());
    let [entry] = &entries(&gate)[..] else { panic!("a dropped permit is an entry") };
    assert_eq!((entry.event, entry.outcome), ("authz.abandoned", Outcome::MinorFailure));
    assert_eq!(entry.patients, [patient("mer.1")]);
    gate.ask(&clinician(), Scope::FindPatients, context()).unwrap().answer((), shown()).unwrap();
    assert_eq!(entries(&gate).len(), 2);
}

#[test]
fn an_answer_beyond_the_filter_is_refused_and_logged() {
    let gate = gate();
    let restricted = Shown { label: Label::RESTRICTED, ..shown() };
    let permit = gate.ask(&clinician(), Scope::Chart(patient("mer.1")), context()).unwrap();
    assert!(permit.filter().hide_restricted);
    assert!(matches!(permit.answer("chart", restricted.clone()), Err(GateError::Denied)));
    assert_eq!(entries(&gate)[0].event, "authz.denied");

    let him = Principal::local("joe", "Joe", Role::Him, Purpose::Legal, "00");
    let permit = gate.ask(&him, Scope::Chart(patient("mer.1")), context()).unwrap();
    assert!(permit.answer("chart", restricted).is_ok());
    assert_eq!(entries(&gate)[1].label, Label::RESTRICTED);
}

#[test]
fn a_permit_covers_its_scope_and_nothing_beside_it() {
    let gate = gate();
    let him = Principal::operator("joe", Role::Him, Purpose::RecordManagement);
    let ask = |scope| gate.ask(&him, scope, context()).unwrap();
    let (one, two) = (patient("mer.1"), patient("mer.2"));
    let (kind, id) = (Kind::from_name("Observation").unwrap(), ArchiveId::parse("mer.o1").unwrap());

    let chart = ask(Scope::Chart(one.clone()));
    assert!(chart.covers_patient(&one) && !chart.covers_patient(&two));
    assert!(chart.covers_record(kind, &id, Some(&one)) && !chart.covers_record(kind, &id, Some(&two)));
    assert!(!chart.covers_record(kind, &id, None) && !chart.covers_finding() && !chart.covers_audit_log(Some(&one)));
    assert!(chart.covers_search(Some(&one)) && !chart.covers_search(Some(&two)) && !chart.covers_search(None));

    let record = ask(Scope::Record(kind, id.clone()));
    assert!(record.covers_record(kind, &id, Some(&two)) && record.covers_record(kind, &id, None));
    assert!(!record.covers_record(Kind::PATIENT, &id, None) && !record.covers_patient(&one));

    let everything = ask(Scope::Everything);
    assert!(everything.covers_patient(&two) && everything.covers_record(kind, &id, None));
    assert!(everything.covers_accessions() && !everything.covers_audit_log(None) && !everything.covers_finding());

    let finding = ask(Scope::FindPatients);
    assert!(finding.covers_finding() && !finding.covers_patient(&one) && !finding.covers_search(None));

    let officer = Principal::operator("eve", Role::Compliance, Purpose::Compliance);
    let of_one = gate.ask(&officer, Scope::AuditLog(Some(one.clone())), context()).unwrap();
    assert!(of_one.covers_audit_log(Some(&one)) && !of_one.covers_audit_log(Some(&two)) && !of_one.covers_audit_log(None));
    let of_all = gate.ask(&officer, Scope::AuditLog(None), context()).unwrap();
    assert!(of_all.covers_audit_log(Some(&two)) && of_all.covers_audit_log(None) && !of_all.covers_patient(&one));
}

#[test]
fn maintenance_is_for_the_named_commands_only() {
    assert_eq!(Maintenance::for_command("verify").command(), "verify");
    assert!(std::panic::catch_unwind(|| Maintenance::for_command("export")).is_err());
}
