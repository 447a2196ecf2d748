//! Behaviour of the gate, against a real audit log. Not for: the decision table (`policy`), tokens (`token_tests`).

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::audit::{self, AuditLog};
use crate::model::{AccessionId, ArchiveId, Class, Kind, Label, PatientKey, Place};

use super::*;

fn patient(text: &str) -> PatientKey {
    PatientKey::parse(text).unwrap()
}

/// A gate with a log of its own.
struct Fixture {
    gate: Gate,
    archive: PathBuf,
    _folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let (folder, log) = AuditLog::temporary();
    let (gate, archive) = (Gate::new(log, Policy::built_in()), folder.path().join("archive"));
    Fixture { gate, archive, _folder: folder }
}

impl Fixture {
    /// What the gate has written so far, oldest first.
    fn entries(&self) -> Vec<Value> {
        let query = audit::Query { newest_first: false, ..audit::Query::default() };
        let found = audit::read(&self.archive, &query).unwrap();
        let entries = found.into_iter().map(|found| Value::Object(found.entry));
        entries.filter(|entry| !entry["event"].as_str().unwrap().starts_with("app.")).collect()
    }

    /// As `entries`, with those that nobody waits for.
    fn all_entries(&self) -> Vec<Value> {
        self.gate.log().checkpoint().unwrap();
        self.entries()
    }
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
        applies_scopes: false,
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
    let fixture = fixture();
    let gate = &fixture.gate;
    let permit = gate.ask(&clinician(), Scope::Chart(patient("mer.1")), context()).unwrap();
    assert!(fixture.entries().is_empty(), "asking alone shows nothing");
    let answer = permit.answer("chart", shown()).unwrap();
    assert_eq!(answer.into_inner(), "chart");
    let [entry] = &fixture.entries()[..] else { panic!("one entry per act") };
    assert_eq!((&entry["event"], &entry["action"], &entry["outcome"]), (&json!("record.read"), &json!("R"), &json!("0")));
    assert_eq!(entry["user"], json!({"iss": "local", "sub": "ann", "name": "Ann Example", "roles": ["clinician"]}));
    assert_eq!(entry["client"], json!({"session": "0011"}));
    assert_eq!(entry["net"], json!({"ip": "10.1.2.3", "ua": "test"}));
    assert_eq!(entry["patients"], json!([{"archive_id": "mer.1"}, {"archive_id": "mer.2"}]));
    assert!(entry["shown"].to_string().contains("acc-0123456789abcdef"), "{entry}");
    assert_eq!(entry["purpose"][0]["code"], "TREAT");
    assert_eq!(entry["policy"], json!(*Policy::built_in().digest()));
    assert_eq!((&entry["req_id"], &entry["query"]["hits"]), (&json!("r1"), &json!(1)));
    assert_eq!((&entry["query"]["path"], &entry["query"]["clean"]), (&json!(context().path), &json!("everything")));
}

/// Async code gets the same answer with the same entry.
#[tokio::test]
async fn an_answer_may_be_awaited() {
    let fixture = fixture();
    let ask = || fixture.gate.ask(&clinician(), Scope::FindPatients, context()).unwrap();
    assert_eq!(ask().answer_async("hits", shown()).await.unwrap().into_inner(), "hits");
    assert_eq!(fixture.entries().len(), 1);
    let permit = ask();
    fixture.gate.log().fail();
    assert!(matches!(permit.answer_async("hits", shown()).await, Err(GateError::LogUnavailable)));
}

#[test]
fn a_search_that_finds_nothing_still_names_whom_it_was_about() {
    let fixture = fixture();
    let gate = &fixture.gate;
    let permit = gate.ask(&clinician(), Scope::Chart(patient("mer.9")), context()).unwrap();
    permit.answer((), Shown { event: "record.search", hits: Some(0), ..Shown::default() }).unwrap();
    assert_eq!(fixture.entries()[0]["patients"], json!([{"archive_id": "mer.9"}]));
}

#[test]
fn nothing_leaves_when_the_log_cannot_be_written() {
    let fixture = fixture();
    let gate = &fixture.gate;
    let permit = gate.ask(&clinician(), Scope::FindPatients, context()).unwrap();
    gate.log().fail();
    assert!(matches!(permit.answer("chart", shown()), Err(GateError::LogUnavailable)));
}

#[test]
fn a_denial_is_written_and_stays_a_denial_when_it_cannot_be() {
    let fixture = fixture();
    let gate = &fixture.gate;
    let admin = Principal::local("root", "Root", Role::Admin, Purpose::SystemAdministration, "00");
    let ask = || gate.ask(&admin, Scope::Chart(patient("mer.1")), context());
    assert!(matches!(ask(), Err(GateError::Denied)));
    let [entry] = &fixture.entries()[..] else { panic!("a denial is an entry") };
    assert_eq!((&entry["event"], &entry["outcome"]), (&json!("authz.denied"), &json!("8")));
    assert_eq!(entry["outcome_desc"], "chart refused: role");
    assert_eq!((&entry["policy"], &entry["detail"]), (&json!(*Policy::built_in().digest()), &json!({"rule": "no-rule"})));
    assert_eq!(entry["patients"], json!([{"archive_id": "mer.1"}]));
    gate.log().fail();
    assert!(matches!(ask(), Err(GateError::Denied)));
}

#[test]
fn a_permit_dropped_unanswered_is_logged_and_an_answered_one_only_once() {
    let fixture = fixture();
    let gate = &fixture.gate;
    drop(gate.ask(&clinician(), Scope::Chart(patient("mer.1")), context()).unwrap());
    let [entry] = &fixture.all_entries()[..] else { panic!("a dropped permit is an entry") };
    assert_eq!((&entry["event"], &entry["outcome"]), (&json!("authz.abandoned"), &json!("4")));
    assert_eq!(entry["patients"], json!([{"archive_id": "mer.1"}]));
    gate.ask(&clinician(), Scope::FindPatients, context()).unwrap().answer((), shown()).unwrap();
    assert_eq!(fixture.all_entries().len(), 2);
}

#[test]
fn an_answer_beyond_the_filter_is_refused_and_logged() {
    let fixture = fixture();
    let gate = &fixture.gate;
    let restricted = Shown { label: Label::of(Class::VeryRestricted), ..shown() };
    let permit = gate.ask(&clinician(), Scope::Chart(patient("mer.1")), context()).unwrap();
    assert!(permit.filter().hide.holds(Class::VeryRestricted) && !permit.filter().hide.holds(Class::Restricted));
    assert!(matches!(permit.answer("chart", restricted.clone()), Err(GateError::Denied)));
    assert_eq!(fixture.entries()[0]["event"], "authz.denied");

    let him = Principal::local("joe", "Joe", Role::Him, Purpose::Legal, "00");
    let permit = gate.ask(&him, Scope::Chart(patient("mer.1")), context()).unwrap();
    assert!(permit.answer("chart", restricted).is_ok());
    assert_eq!(fixture.entries()[1]["labels"], json!(["very-restricted"]));
}

#[test]
fn a_permit_covers_its_scope_and_nothing_beside_it() {
    let fixture = fixture();
    let gate = &fixture.gate;
    let him = Principal::operator("joe", Role::Him, Purpose::RecordManagement);
    let ask = |scope| gate.ask(&him, scope, context()).unwrap();
    let (one, two) = (patient("mer.1"), patient("mer.2"));
    let (kind, id) = (Kind::from_name("Observation").unwrap(), ArchiveId::parse("mer.o1").unwrap());

    let chart = ask(Scope::Chart(one.clone()));
    assert!(chart.covers_patient(&one) && !chart.covers_patient(&two));
    assert!(chart.covers_record(kind, &id, Some(&one)) && !chart.covers_record(kind, &id, Some(&two)));
    assert!(!chart.covers_record(kind, &id, None) && !chart.covers_finding() && !chart.covers_audit_log(Some(&one)));
    assert!(chart.covers_search(Some(&one)) && !chart.covers_search(Some(&two)) && !chart.covers_search(None));

    let person = ask(Scope::Person(vec![one.clone(), two.clone()]));
    assert!(person.covers_patient(&two) && person.covers_record(kind, &id, Some(&two)) && person.covers_search(Some(&two)));
    let third = patient("mer.3");
    assert!(!person.covers_patient(&third) && !person.covers_record(kind, &id, None) && !person.covers_search(None));
    person.answer((), Shown { event: "record.read", ..Shown::default() }).unwrap();
    let named = fixture.entries().pop().unwrap()["patients"].clone();
    assert_eq!(named, json!([{"archive_id": "mer.1"}, {"archive_id": "mer.2"}]));

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
