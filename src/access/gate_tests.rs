//! The gate with what it looks up: break-glass, binding to a patient, care relations, another policy. Not for: the decision
//! itself (`policy`), or the log (`tests`).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::audit::{self, AuditLog};
use crate::model::{ArchiveId, Class, Kind, Label, PatientKey};

use super::*;

const BEGINS: &str = "schema = 1\nname = \"site\"\nversion = \"7\"\n";

fn patient(text: &str) -> PatientKey {
    PatientKey::parse(text).unwrap()
}

fn label(classes: &[Class]) -> Label {
    classes.iter().copied().collect()
}

fn observation(id: &str) -> Scope {
    Scope::Record(kind(), ArchiveId::parse(id).unwrap())
}

fn kind() -> Kind {
    Kind::from_name("Observation").unwrap()
}

/// `mer.1` and `pvs.1` are one person; the record `mer.o1` is his, `mer.o2` names `mer.2` beside him; ann cares for `pvs.1`.
#[derive(Debug)]
struct World;

impl Lookup for World {
    fn patients_of(&self, _: Kind, id: &ArchiveId) -> Vec<PatientKey> {
        match id.as_str() {
            "mer.o1" => vec![patient("mer.1")],
            "mer.o2" => vec![patient("mer.1"), patient("mer.2")],
            _ => Vec::new(),
        }
    }

    fn keys_of(&self, asked: &PatientKey) -> Vec<PatientKey> {
        let person = vec![patient("mer.1"), patient("pvs.1")];
        if person.contains(asked) { person } else { vec![asked.clone()] }
    }

    fn cares_for(&self, principal: &Principal, person: &[PatientKey], _: i64) -> bool {
        principal.subject == "ann" && person.contains(&patient("pvs.1"))
    }
}

struct Fixture {
    gate: Gate,
    folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let (folder, log) = AuditLog::temporary();
    Fixture { gate: Gate::new(log, Policy::built_in()).with_lookup(Arc::new(World)), folder }
}

impl Fixture {
    fn ask(&self, principal: &Principal, scope: Scope) -> Result<Permit, GateError> {
        self.gate.ask(principal, scope, RequestContext::default())
    }

    fn allows(&self, principal: &Principal, scope: Scope) -> bool {
        self.ask(principal, scope)
            .is_ok_and(|permit| permit.answer((), Shown { event: "record.read", ..Shown::default() }).is_ok())
    }

    fn last_entry(&self) -> Value {
        let query = audit::Query { limit: 1, ..audit::Query::default() };
        Value::Object(audit::read(&self.folder.path().join("archive"), &query).unwrap().remove(0).entry)
    }
}

fn ann() -> Principal {
    Principal::local("ann", "Ann Example", Role::Clinician, Purpose::Treat, "0011")
}

fn grant(id: &str, patients: &[&str], classes: &[Class], reason: &str, expires_in: i64) -> BreakGlassGrant {
    BreakGlassGrant {
        id: id.into(),
        patients: patients.iter().map(|key| patient(key)).collect(),
        classes: label(classes),
        reason_code: reason.into(),
        expires: jiff::Timestamp::now().as_second() + expires_in,
    }
}

fn with_grants(grants: Vec<BreakGlassGrant>) -> Principal {
    Principal { grants, ..ann() }
}

#[test]
fn a_break_glass_opens_its_classes_of_its_patient_and_stands_in_every_entry() {
    let fixture = fixture();
    let broken = with_grants(vec![grant("g1", &["mer.1", "pvs.1"], &[Class::Hiv, Class::SubstanceUse], "own-patient", 60)]);
    let person = Scope::Person(vec![patient("mer.1"), patient("pvs.1")]);
    let permit = fixture.ask(&broken, person).unwrap();
    assert!(permit.filter().allows(Label::of(Class::Hiv)) && !permit.filter().allows(Label::of(Class::SubstanceUse)));
    assert!(permit.withheld().holds(Class::SubstanceUse) && !permit.withheld().holds(Class::Hiv));
    assert_eq!(permit.break_glass().map(|grant| grant.id.as_str()), Some("g1"));
    let shown = Shown { event: "record.read", label: Label::of(Class::Hiv), ..Shown::default() };
    permit.answer((), shown.clone()).unwrap();
    let entry = fixture.last_entry();
    assert_eq!((&entry["btg"]["id"], &entry["btg"]["reason_code"]), (&json!("g1"), &json!("own-patient")));
    assert!(entry["btg"]["expires"].as_str().is_some_and(|time| time.ends_with('Z')));
    let codes: Vec<&str> = entry["purpose"].as_array().unwrap().iter().filter_map(|it| it["code"].as_str()).collect();
    assert_eq!(codes, ["TREAT", "BTG"]);

    // What was opened is looked at and not taken away; the rest of the chart may be.
    for event in ["document.download", "document.print", "export.bulk.file", "record.everything", "release.created"] {
        let away = |label| {
            let permit = fixture.ask(&broken, Scope::Chart(patient("mer.1"))).unwrap();
            permit.answer((), Shown { event, label, ..Shown::default() })
        };
        assert!(matches!(away(Label::of(Class::Hiv)), Err(GateError::Denied)), "{event}");
        assert_eq!(fixture.last_entry()["outcome_desc"], "chart refused: break-glass-stays");
        assert!(away(Label::NORMAL).is_ok(), "{event}");
    }
    let plain = fixture.ask(&broken, Scope::Chart(patient("mer.2"))).unwrap();
    assert!(plain.break_glass().is_none() && !plain.filter().allows(Label::of(Class::Hiv)), "another patient's chart");
    assert!(matches!(plain.answer((), shown), Err(GateError::Denied)));
}

#[test]
fn a_break_glass_reaches_a_single_record_only_of_its_patients() {
    let fixture = fixture();
    let broken = with_grants(vec![grant("g1", &["mer.1", "pvs.1"], &[Class::Hiv], "own-patient", 60)]);
    let sees_hiv = |principal: &Principal, id: &str| {
        let permit = fixture.ask(principal, observation(id)).unwrap();
        let sees = permit.filter().allows(Label::of(Class::Hiv));
        let (own, other) = (patient("mer.1"), patient("mer.2"));
        let id = ArchiveId::parse(id).unwrap();
        // Whatever was found out before: a record that turns out to be another's is not covered.
        assert_eq!(permit.covers_record(kind(), &id, Some(&other)), !sees);
        assert!(permit.covers_record(kind(), &id, Some(&own)));
        sees
    };
    assert!(sees_hiv(&broken, "mer.o1"));
    assert!(!sees_hiv(&broken, "mer.o2"), "a record that is another patient's too");
    assert!(!sees_hiv(&broken, "mer.o9"), "a record of nobody knows whom");
    let over = with_grants(vec![grant("g1", &["mer.1", "pvs.1"], &[Class::Hiv], "own-patient", 0)]);
    assert!(!sees_hiv(&over, "mer.o1"));
    let finding = fixture.ask(&broken, Scope::FindPatients).unwrap();
    assert!(!finding.filter().allows(Label::of(Class::Hiv)) && finding.break_glass().is_none());
}

#[test]
fn several_break_glasses_add_up_and_are_all_named() {
    let fixture = fixture();
    let long = grant("long", &["mer.1"], &[Class::SubstanceUse], "medical-emergency", 600);
    let short = grant("short", &["mer.1"], &[Class::Hiv], "own-patient", 60);
    let permit = fixture.ask(&with_grants(vec![short, long]), Scope::Chart(patient("mer.1"))).unwrap();
    assert!(permit.filter().allows(label(&[Class::Hiv, Class::SubstanceUse])));
    permit.answer((), Shown { event: "record.read", ..Shown::default() }).unwrap();
    let entry = fixture.last_entry();
    assert_eq!((&entry["btg"]["id"], &entry["detail"]["other_btg"]), (&json!("long"), &json!("short")));
}

#[test]
fn a_bound_principal_reads_of_his_patient_under_every_key_and_of_nobody_else() {
    let fixture = fixture();
    let bound = Principal { bound_to: Some(patient("pvs.1")), ..ann() };
    assert!(fixture.allows(&bound, Scope::Chart(patient("mer.1"))), "another key of the same person");
    assert!(fixture.allows(&bound, Scope::Person(vec![patient("mer.1"), patient("pvs.1")])));
    for denied in [Scope::Chart(patient("mer.2")), Scope::Person(vec![patient("mer.2"), patient("mer.3")]), Scope::FindPatients] {
        assert!(!fixture.allows(&bound, denied));
        assert_eq!(fixture.last_entry()["detail"]["rule"], "bound-to-patient");
    }
    let record = fixture.ask(&bound, observation("mer.o1")).unwrap();
    let id = ArchiveId::parse("mer.o1").unwrap();
    assert!(record.covers_record(kind(), &id, Some(&patient("mer.1"))));
    assert!(!record.covers_record(kind(), &id, Some(&patient("mer.2"))) && !record.covers_record(kind(), &id, None));
    let practitioner = Kind::from_name("Practitioner").unwrap();
    let who = ArchiveId::parse("mer.p1").unwrap();
    let record = fixture.ask(&bound, Scope::Record(practitioner, who.clone())).unwrap();
    assert!(record.covers_record(practitioner, &who, None), "who wrote it is nobody's record");
    let document = fixture.ask(&bound, Scope::Record(Kind::BINARY, id.clone())).unwrap();
    let covers = |of: &str| document.covers_document(&id, kind(), &who, Some(&patient(of)));
    assert!(covers("pvs.1") && !covers("mer.2"));
}

#[test]
fn a_care_relation_counts_where_the_policy_asks_for_it() {
    let fixture = fixture();
    let rules = "[[rule]]\nid = \"cares\"\neffect = \"permit\"\nroles = [\"clinician\"]\nrights = [\"chart\", \"record\"]\n\
                 purposes = [\"TREAT\"]\nrelation = true\nsees = [\"restricted\"]\nbreaks = [{ classes = [\"hiv\"] }]\n";
    fixture.gate.set_policy(Arc::new(Policy::parse(&format!("{BEGINS}{rules}")).unwrap()));
    let bob = Principal { subject: "bob".into(), ..ann() };
    assert!(fixture.allows(&ann(), Scope::Chart(patient("mer.1"))), "a relation to any key of the person");
    assert!(!fixture.allows(&ann(), Scope::Chart(patient("mer.2"))) && !fixture.allows(&bob, Scope::Chart(patient("mer.1"))));
    let entry = fixture.last_entry();
    assert_eq!((&entry["outcome_desc"], &entry["detail"]["rule"]), (&json!("chart refused: relation"), &json!("no-rule")));
    let record = fixture.ask(&ann(), observation("mer.o2")).unwrap();
    let id = ArchiveId::parse("mer.o2").unwrap();
    assert!(record.covers_record(kind(), &id, Some(&patient("mer.1"))));
    assert!(!record.covers_record(kind(), &id, Some(&patient("mer.2"))), "the other patient whom it names");
    assert!(fixture.ask(&ann(), observation("mer.o9")).is_err() && fixture.ask(&bob, observation("mer.o1")).is_err());

    // A launch and a break-glass stand for a relation, and the page that offers the latter can know so beforehand.
    let launched = Principal { bound_to: Some(patient("mer.1")), ..bob.clone() };
    assert!(fixture.allows(&launched, Scope::Chart(patient("mer.1"))));
    let offer =
        |who: &Principal, key| fixture.gate.break_glass_offer(who, &Scope::Chart(patient(key)), &RequestContext::default());
    assert_eq!(offer(&bob, "mer.1"), Some(Label::of(Class::Hiv)));
    assert_eq!(offer(&ann(), "mer.1"), Some(Label::of(Class::Hiv)));
    let archivist = Principal { role: Role::Archivist, ..bob.clone() };
    assert_eq!(offer(&archivist, "mer.1"), None);
    let broken = Principal { grants: vec![grant("g", &["mer.1"], &[Class::Hiv], "own-patient", 60)], ..bob };
    assert!(fixture.allows(&broken, Scope::Chart(patient("mer.1"))) && !fixture.allows(&broken, Scope::Chart(patient("mer.2"))));
}

#[test]
fn another_policy_counts_from_the_next_question_for_every_clone() {
    let fixture = fixture();
    let other = fixture.gate.clone();
    assert!(fixture.allows(&ann(), Scope::FindPatients));
    let strict = Arc::new(Policy::parse(BEGINS).unwrap());
    let before = other.set_policy(strict.clone());
    assert_eq!(before.digest(), Policy::built_in().digest());
    assert!(!fixture.allows(&ann(), Scope::FindPatients));
    assert_eq!(fixture.last_entry()["policy"], json!(*strict.digest()));
}

#[test]
fn attributes_sources_and_kinds_decide_as_a_site_writes_them() {
    let fixture = fixture();
    let rules = "[[rule]]\nid = \"treats\"\neffect = \"permit\"\nroles = [\"clinician\"]\nrights = [\"chart\", \"record\"]\n\
                 purposes = [\"TREAT\"]\n\
                 [[rule]]\nid = \"psychiatry\"\neffect = \"permit\"\nroles = [\"clinician\"]\nrights = [\"chart\", \"record\"]\n\
                 purposes = [\"TREAT\"]\ndepartments = [\"psychiatry\"]\nsees = [\"mental-health\"]\n\
                 [[rule]]\nid = \"west-stays\"\neffect = \"hide\"\nunless_facilities = [\"west\"]\nsources = [\"west-ehr\"]\n\
                 [[rule]]\nid = \"no-bills\"\neffect = \"hide\"\nroles = [\"clinician\"]\nkinds = [\"Claim\"]\n\
                 [[rule]]\nid = \"no-research\"\neffect = \"deny\"\npurposes = [\"HRESCH\"]\n";
    fixture.gate.set_policy(Arc::new(Policy::parse(&format!("{BEGINS}{rules}")).unwrap()));
    let of = |facility: Option<&str>, department: Option<&str>| {
        let mut principal = ann();
        principal.attributes.facility = facility.map(String::from);
        principal.attributes.department = department.map(String::from);
        principal
    };
    let filter = |principal: &Principal| fixture.ask(principal, Scope::Chart(patient("mer.1"))).unwrap().filter().clone();
    let (claim, mental) = (Kind::from_name("Claim").unwrap(), Label::of(Class::MentalHealth));
    for (principal, west, psychiatric) in [
        (of(None, None), false, false),
        (of(Some("west"), None), true, false),
        (of(Some("east"), Some("psychiatry")), false, true),
        (of(Some("west"), Some("psychiatry")), true, true),
    ] {
        let filter = filter(&principal);
        assert_eq!((filter.allows_of("west-ehr", kind()), filter.allows(mental)), (west, psychiatric));
        assert!(filter.allows_of("mer", kind()) && !filter.allows_of("mer", claim));
    }
    assert!(fixture.ask(&ann(), Scope::Record(claim, ArchiveId::parse("mer.c1").unwrap())).is_err());
    assert_eq!(fixture.last_entry()["detail"]["rule"], "no-bills");
    let chart = fixture.ask(&ann(), Scope::Chart(patient("mer.1"))).unwrap();
    assert!(chart.answer((), Shown { event: "record.read", kinds: vec![claim], ..Shown::default() }).is_err());
    let research = Principal { purpose: Purpose::Research, ..ann() };
    assert!(!fixture.allows(&research, Scope::Chart(patient("mer.1"))));
    assert_eq!(
        (&fixture.last_entry()["detail"]["rule"], &fixture.last_entry()["policy"]),
        (&json!("no-research"), &json!(*fixture.gate.policy().digest()))
    );
}
