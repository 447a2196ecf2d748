//! Behaviour of identity: what follows from statements, what a crosswalk file says, which pairs are proposed.
//!
//! Not for: the table of weights (`weights`).

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::index::identity_of;
use crate::mapping::IdentityEvent;
use crate::model::PatientKey;
use crate::statements::{Evidence, Made, Statement};

fn key(text: &str) -> PatientKey {
    PatientKey::parse(text).unwrap()
}

fn keys(texts: &[&str]) -> Vec<PatientKey> {
    texts.iter().map(|text| key(text)).collect()
}

fn made(statements: &[Statement]) -> Vec<Made> {
    let made = |(seq, statement): (usize, &Statement)| Made {
        stream: "s0000".into(),
        seq: seq as u64,
        at: jiff::Timestamp::from_second(1_700_000_000 + seq as i64).unwrap(),
        by: ("cli".into(), "ann".into()),
        statement: statement.clone(),
    };
    statements.iter().enumerate().map(made).collect()
}

fn resolver(statements: &[Statement]) -> Resolver {
    Resolver::of(&made(statements))
}

fn link(a: &str, b: &str) -> Statement {
    Statement::Link { a: a.into(), b: b.into(), reason: "seen".into(), evidence: Evidence::Person }
}

fn unlink(a: &str, b: &str) -> Statement {
    Statement::Unlink { a: a.into(), b: b.into(), reason: "wrong".into(), evidence: Evidence::Person }
}

fn merge(from: &str, into: &str) -> Statement {
    Statement::Merge { from: from.into(), into: into.into(), reason: "A40".into(), evidence: Evidence::Person }
}

fn unmerge(from: &str, into: &str) -> Statement {
    Statement::Unmerge { from: from.into(), into: into.into(), reason: "A37".into(), evidence: Evidence::Person }
}

fn not_same(a: &str, b: &str) -> Statement {
    Statement::NotSame { a: a.into(), b: b.into(), reason: "twins".into() }
}

#[test]
fn a_chain_of_merges_leads_to_its_end_and_old_keys_resolve_for_ever() {
    let chain = resolver(&[merge("m.1", "m.2"), merge("m.2", "m.3"), link("m.3", "h.9")]);
    for one in ["m.1", "m.2", "m.3"] {
        assert_eq!(chain.survivor(&key(one)), key("m.3"), "{one}");
        assert_eq!(chain.person(&key(one)), keys(&["h.9", "m.1", "m.2", "m.3"]), "{one}");
    }
    // A link gives no key up.
    assert_eq!(chain.survivor(&key("h.9")), key("h.9"));
    assert!(chain.conflicts().is_empty());
}

#[test]
fn a_merge_taken_back_leaves_what_was_before() {
    let back = resolver(&[merge("m.1", "m.2"), merge("m.2", "m.3"), unmerge("m.1", "m.2")]);
    assert_eq!(back.person(&key("m.1")), keys(&["m.1"]));
    assert_eq!(back.survivor(&key("m.1")), key("m.1"));
    assert_eq!(back.person(&key("m.2")), keys(&["m.2", "m.3"]));
    assert!(resolver(&[merge("m.1", "m.2"), unmerge("m.1", "m.2")]).is_empty());
}

#[test]
fn merges_in_a_circle_or_into_two_are_found_and_never_fail() {
    let circle = resolver(&[merge("m.1", "m.2"), merge("m.2", "m.1"), merge("m.3", "m.3")]);
    assert_eq!((circle.survivor(&key("m.2")), circle.person(&key("m.1"))), (key("m.1"), keys(&["m.1", "m.2"])));
    assert_eq!(circle.conflicts(), [Conflict::MergedInACircle(key("m.1")), Conflict::MergedInACircle(key("m.2"))]);
    let two = resolver(&[merge("m.1", "m.2"), merge("m.1", "m.3")]);
    assert_eq!(two.conflicts(), [Conflict::MergedTwice(key("m.1"))]);
    let retired = Statement::Retire { key: "m.2".into(), reason: "old".into(), evidence: Evidence::Person };
    assert_eq!(resolver(&[merge("m.1", "m.2"), merge("m.1", "m.3"), retired]).survivor(&key("m.1")), key("m.3"));
}

#[test]
fn that_two_are_two_people_outweighs_whatever_connects_this_very_pair() {
    let said = [link("m.1", "h.1"), not_same("h.1", "m.1")];
    assert_eq!(resolver(&said).person(&key("m.1")), keys(&["m.1"]));
    // Through a third they still are one: that is for a person to sort out.
    let through = resolver(&[link("m.1", "h.1"), not_same("h.1", "m.1"), link("m.1", "x.1"), link("x.1", "h.1")]);
    assert_eq!(through.conflicts(), [Conflict::ApartAndTogether(key("h.1"), key("m.1"))]);
    let after = [&said[..], &[Statement::MaybeSame { a: "m.1".into(), b: "h.1".into(), reason: "no".into() }]].concat();
    assert_eq!(resolver(&after).person(&key("m.1")), keys(&["h.1", "m.1"]));
}

#[test]
fn a_group_too_large_to_be_a_person_is_shown_apart() {
    let names: Vec<String> = (0..100).map(|n| format!("m.{n:03}")).collect();
    let said: Vec<Statement> = names.iter().skip(1).map(|name| link("m.000", name)).collect();
    let junk = resolver(&said);
    assert_eq!(junk.person(&key("m.050")), keys(&["m.050"]));
    assert_eq!(junk.conflicts(), [Conflict::TooMany(key("m.000"), 100)]);
}

#[test]
fn a_merge_that_comes_before_the_patient_waits_for_him() {
    let events = [
        (IdentityEvent::Merge { from: "H.1".into(), into: "H.2".into(), at: Some("2014-03-02".into()) }, message(4)),
        (IdentityEvent::Unclear("merge-ambiguous".into()), message(5)),
        (IdentityEvent::Link { a: "H.2".into(), b: "H.7".into(), at: None }, message(6)),
        (IdentityEvent::Unlink { a: "H.2".into(), b: "H.7".into(), at: None }, message(7)),
    ];
    let statements = statements_of(&events, "mer");
    assert_eq!(statements.len(), 3);
    let early = resolver(&statements);
    // Nothing is asked of the archive: whenever the patients come, their keys are these.
    assert_eq!(early.person(&key("mer.H.1")), keys(&["mer.H.1", "mer.H.2"]));
    assert_eq!(early.survivor(&key("mer.H.1")), key("mer.H.2"));
    let words = early.reasons(&key("mer.H.1"));
    assert_eq!(words, ["Merged into mer.H.2: message of 2014-03-02 in accession acc-0123456789abcdef, item 4"]);
}

fn message(item: u64) -> Evidence {
    Evidence::Message { accession: "acc-0123456789abcdef".into(), item, at: None }
}

#[test]
fn patient_links_and_shared_numbers_make_statements() {
    let json = json!({"resourceType": "Patient", "link": [
        {"other": {"reference": "Patient/mer.2"}, "type": "replaced-by"},
        {"other": {"reference": "Patient/mer.3"}, "type": "seealso"},
        {"other": {"reference": "RelatedPerson/mer.4"}, "type": "seealso"},
        {"other": {"reference": "Patient/mer.1"}, "type": "refer"}, 7]});
    let said = links_of_patient(&key("mer.1"), &json);
    assert!(matches!(&said[..], [Statement::Merge { from, into, .. }, Statement::Link { b, .. }]
        if from == "mer.1" && into == "mer.2" && b == "mer.3"));

    let mut shared = SharedNamespaces::new(&["urn:state-id".into()]);
    let with =
        |value: &str| json!({"identifier": [{"system": "urn:state-id", "value": value}, {"system": "urn:mrn", "value": "5"}]});
    for (patient, value) in [("m.1", "A7"), ("h.1", "A7 "), ("m.2", "A8"), ("m.3", "000"), ("m.4", "000")] {
        shared.add(&key(patient), &with(value));
    }
    let (statements, refused) = shared.finish();
    assert_eq!((statements.len(), refused), (1, 0));
    assert_eq!(resolver(&statements).person(&key("h.1")), keys(&["h.1", "m.1"]));
}

/// A statement of few kinds about few keys, so that sequences meet.
fn any_statement() -> impl Strategy<Value = Statement> {
    let any_key = || (0..5u8).prop_map(|n| format!("m.{n}"));
    (0..8u8, any_key(), any_key()).prop_map(|(which, a, b)| {
        let (reason, evidence) = (String::new(), Evidence::Person);
        match which {
            0 => link(&a, &b),
            1 => unlink(&a, &b),
            2 => merge(&a, &b),
            3 => unmerge(&a, &b),
            4 => not_same(&a, &b),
            5 => Statement::MaybeSame { a, b, reason },
            6 => Statement::Retire { key: a, reason, evidence },
            _ => Statement::Reinstate { key: a, reason, evidence },
        }
    })
}

/// What takes a statement back, when it changed anything.
fn inverse(before: &Resolver, statement: &Statement) -> Option<Statement> {
    let (reason, evidence) = (String::new(), Evidence::Person);
    let (changed, inverse) = match statement.clone() {
        Statement::Link { a, b, .. } => (before.links(&key(&a), &key(&b)).is_empty() && a != b, unlink(&a, &b)),
        Statement::Unlink { a, b, .. } => (!before.links(&key(&a), &key(&b)).is_empty(), link(&a, &b)),
        Statement::Merge { from, into, .. } => {
            (before.merges(&key(&from), &key(&into)).is_empty() && from != into, unmerge(&from, &into))
        }
        Statement::Unmerge { from, into, .. } => (!before.merges(&key(&from), &key(&into)).is_empty(), merge(&from, &into)),
        Statement::NotSame { a, b, .. } => (!before.are_two(&key(&a), &key(&b)) && a != b, Statement::MaybeSame { a, b, reason }),
        Statement::MaybeSame { a, b, .. } => (before.are_two(&key(&a), &key(&b)), not_same(&a, &b)),
        Statement::Retire { key: k, .. } => (!before.is_retired(&key(&k)), Statement::Reinstate { key: k, reason, evidence }),
        Statement::Reinstate { key: k, .. } => (before.is_retired(&key(&k)), Statement::Retire { key: k, reason, evidence }),
        // That somebody looked and cannot say changes nothing.
        Statement::LabelPut { .. } | Statement::Later { .. } | Statement::SignOff(_) => return None,
        Statement::Reassign { .. } | Statement::ReassignBack { .. } => return None,
        Statement::Number { .. } | Statement::NumberBack { .. } => return None,
    };
    changed.then_some(inverse)
}

/// All that can be seen of a resolver.
fn state(resolver: &Resolver) -> Vec<(Vec<PatientKey>, PatientKey, bool, Vec<bool>)> {
    let all: Vec<PatientKey> = (0..5).map(|n| key(&format!("m.{n}"))).collect();
    let of = |one: &PatientKey| {
        let two = all.iter().map(|other| resolver.are_two(one, other)).collect();
        (resolver.person(one), resolver.survivor(one), resolver.is_retired(one), two)
    };
    all.iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_sequence_and_then_its_inverse_gives_the_state_before(
        before in prop::collection::vec(any_statement(), 0..12),
        after in prop::collection::vec(any_statement(), 0..12),
    ) {
        let mut said = before.clone();
        let mut inverses = Vec::new();
        for statement in after {
            inverses.extend(inverse(&resolver(&said), &statement));
            said.push(statement);
        }
        said.extend(inverses.into_iter().rev());
        prop_assert_eq!(state(&resolver(&said)), state(&resolver(&before)));
    }

    /// The model: two keys are one person exactly when a path of pairs leads from one to the other.
    #[test]
    fn persons_are_what_a_walk_along_the_pairs_reaches(said in prop::collection::vec(any_statement(), 0..16)) {
        let resolver = resolver(&said);
        let all: Vec<PatientKey> = (0..5).map(|n| key(&format!("m.{n}"))).collect();
        for from in &all {
            let mut reached = BTreeSet::from([from.clone()]);
            for _ in 0..all.len() {
                for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
                    let says = [resolver.links(a, b), resolver.merges(a, b), resolver.merges(b, a)];
                    let holds = says.iter().any(|said| !said.is_empty()) && !resolver.are_two(a, b);
                    if holds && reached.contains(a) {
                        reached.insert(b.clone());
                    }
                }
            }
            prop_assert_eq!(resolver.person(from), reached.into_iter().collect::<Vec<_>>());
            prop_assert!(resolver.person(from).contains(&resolver.survivor(from)));
        }
    }
}

const FILE: &str = "Local ID;Authority;Enterprise ID;Status;Date
100;MER;E1;active;2020-01-01
\"200\";urn:oid:1.2.3;E1;;
300;PVS;E1;retired;
400;PVS;E2;active;
900;PVS;E2;active;
;PVS;E3;active;
500;PVS;E3;perhaps;
";

fn plan_of(file: &str, said: &[Statement]) -> Plan {
    let crosswalk = Crosswalk::parse(file.as_bytes()).unwrap();
    let mut known = Known::new(&crosswalk);
    known.add(&key("MER.a"), "MER", "a", &json!({"identifier": [{"value": "100"}]}));
    known.add(&key("HIS.b"), "HIS", "b", &json!({"identifier": [{"system": "urn:oid:1.2.3", "value": "200"}]}));
    for local in ["300", "400", "500"] {
        known.add(&key(&format!("PVS.{local}")), "PVS", local, &json!({}));
    }
    Plan::of(&crosswalk, &known, &resolver(said), &["new-ehr".to_string()], "mpi.csv", "00")
}

#[test]
fn a_crosswalk_file_says_who_is_one_person_and_says_it_once() {
    let plan = plan_of(FILE, &[]);
    assert_eq!((plan.found, plan.people, plan.statements.len()), (4, 1, 3));
    let troubles = [(6, Trouble::Unknown), (7, Trouble::Incomplete), (8, Trouble::Status)];
    assert_eq!(plan.troubles, troubles);
    let after = resolver(&plan.statements);
    assert_eq!(after.person(&key("HIS.b")), keys(&["HIS.b", "MER.a", "PVS.300"]));
    assert!(after.is_retired(&key("PVS.300")));
    assert!(plan_of(FILE, &plan.statements).statements.is_empty());
}

#[test]
fn a_later_crosswalk_file_takes_back_what_it_no_longer_says_and_nothing_that_a_person_said() {
    let first = plan_of(FILE, &[]).statements;
    let moved = "mrn,source_system,empi\n100,MER,E1\n200,1.2.3,E9\n300,PVS,E9\n";
    let second = plan_of(moved, &first);
    let after = resolver(&[first.clone(), second.statements].concat());
    assert_eq!(after.person(&key("MER.a")), keys(&["MER.a"]));
    assert_eq!(after.person(&key("HIS.b")), keys(&["HIS.b", "PVS.300"]));
    // A person took one back: the same file again does not undo that, and says so.
    let undone = [first.clone(), vec![unlink("MER.a", "HIS.b")]].concat();
    let again = plan_of(FILE, &undone);
    assert!(again.statements.is_empty() && again.troubles.contains(&(3, Trouble::HeldBack)));
    // A person said the same: the file cannot take that back.
    let both = [first, vec![link("MER.a", "HIS.b")]].concat();
    let second = plan_of(moved, &both);
    let after = resolver(&[both, second.statements].concat());
    assert!(after.are_one(&key("MER.a"), &key("HIS.b")));
    assert!(Crosswalk::parse(b"a,b\n1,2\n").is_err() && Crosswalk::parse(b"").is_err());
}

#[test]
fn numbers_of_the_launching_ehr_lead_to_the_patient_under_the_same_enterprise_number() {
    let file = "mrn,source_system,empi\n100,MER,E1\naB,New-EHR,E1\nAb,new-ehr,E2\n400,PVS,E2\nx9,new-ehr,E7\n";
    let first = plan_of(file, &[]);
    assert_eq!(first.troubles, [(6, Trouble::Unknown)], "nobody in the archive has this enterprise number");
    let after = resolver(&first.statements);
    assert_eq!(after.numbered("new-EHR", "aB"), Some(key("MER.a")), "authorities are folded, numbers are exact");
    assert_eq!((after.numbered("new-ehr", "Ab"), after.numbered("new-ehr", "ab")), (Some(key("PVS.400")), None));
    assert!(plan_of(file, &first.statements).statements.is_empty(), "nothing is said twice");

    // Given to someone else by a later file; removed by another.
    let moved = plan_of("mrn,source,empi\n400,PVS,E2\naB,new-ehr,E2\n", &first.statements);
    let both = [first.statements.clone(), moved.statements].concat();
    assert_eq!(resolver(&both).numbered("new-ehr", "aB"), Some(key("PVS.400")));
    let gone = plan_of("mrn,source,empi,status\n400,PVS,E2,active\naB,new-ehr,E2,removed\n", &both);
    assert_eq!(resolver(&[both, gone.statements].concat()).numbered("new-ehr", "aB"), None);

    // What a person said stays; then two people have the number, and it is nobody's.
    let said = Statement::Number {
        key: "HIS.b".into(),
        authority: "new-ehr".into(),
        number: "aB".into(),
        reason: "by hand".into(),
        evidence: Evidence::Person,
    };
    let contradicted = [first.statements, vec![said]].concat();
    assert_eq!(resolver(&contradicted).numbered("new-ehr", "aB"), None);
}

fn person(id: &str, json: serde_json::Value) -> Features {
    Features::of(&key(id), &identity_of(&json), &json)
}

fn simple(id: &str, family: &str, given: &str, born: &str) -> Features {
    person(id, json!({"name": [{"family": family, "given": [given]}], "birthDate": born, "gender": "female"}))
}

fn score(a: &Features, b: &Features) -> f64 {
    let (score, _) = compare(a, b);
    assert_eq!(compare(b, a).0.to_bits(), score.to_bits(), "the order of two does not matter");
    score
}

#[test]
fn slips_of_registration_are_proposed() {
    let review = weights().review;
    let one = simple("m.1", "Quillfeather", "Margaret", "1957-03-14");
    for (what, other) in [
        ("same", simple("h.1", "QUILLFEATHER", "Margaret", "1957-03-14")),
        ("swapped names", simple("h.1", "Margaret", "Quillfeather", "1957-03-14")),
        ("nickname", simple("h.1", "Quillfeather", "Peggy", "1957-03-14")),
        ("spelled otherwise", simple("h.1", "Quilfeather", "Margaret", "1957-03-14")),
        ("a digit", simple("h.1", "Quillfeather", "Margaret", "1957-03-15")),
        ("transposed digits", simple("h.1", "Quillfeather", "Margaret", "1975-03-14")),
    ] {
        assert!(score(&one, &other) >= review, "{what}: {}", score(&one, &other));
        let found = candidates(&[one.clone(), other], &Resolver::default(), review);
        assert_eq!(found.pairs.len(), 1, "{what} shares a block");
    }
    let (early, late) = (simple("m.1", "Quill", "Ann", "1957-03-04"), simple("h.1", "Quill", "Ann", "1957-04-03"));
    assert_eq!(compare(&early, &late).1[2].level, "day and month swapped");
    assert!(score(&early, &late) >= review);
}

#[test]
fn twins_namesakes_and_families_are_not() {
    let review = weights().review;
    let home = json!([{"line": ["17 Madeup Lane"], "postalCode": "00501"}]);
    let phone = json!([{"system": "phone", "value": "(555) 010-0142"}]);
    let child = |id: &str, given: &str, born: &str, order: Option<u8>| {
        let mut json = json!({"name": [{"family": "Quill", "given": [given]}], "birthDate": born, "gender": "female",
            "address": home, "telecom": phone});
        if let Some(order) = order {
            json["multipleBirthInteger"] = order.into();
        }
        person(id, json)
    };
    let twin = child("m.1", "Marigold", "2014-05-06", None);
    assert!(score(&twin, &child("m.2", "Juniper", "2014-05-06", None)) < review, "twins");
    assert!(score(&child("m.1", "Baby", "2014-05-06", Some(1)), &child("m.2", "Baby", "2014-05-06", Some(2))) < review);
    assert!(score(&child("m.1", "Ann", "2014-05-06", Some(1)), &child("m.2", "Ann", "2014-05-06", Some(2))) < review);
    assert!(score(&twin, &child("m.3", "Marigold", "1984-11-20", None)) < review, "mother and daughter");
    assert!(score(&simple("m.1", "Smith", "Ann", "1957-03-14"), &simple("m.2", "Smith", "Ann", "1961-08-02")) < review);
    // Twins of one name whom nothing tells apart are proposed; a person says that they are two, and they are not again.
    let (a, b) = (child("m.1", "Ann", "2014-05-06", None), child("m.2", "Ann", "2014-05-06", None));
    assert!(score(&a, &b) >= review);
    assert!(candidates(&[a.clone(), b.clone()], &resolver(&[not_same("m.1", "m.2")]), review).pairs.is_empty());
    assert!(candidates(&[a, b], &resolver(&[link("m.1", "m.2")]), review).pairs.is_empty());
}

#[test]
fn the_work_grows_with_the_patients_and_not_with_their_square() {
    // All of one name, which is the worst case.
    let born = |n: u32| format!("19{:02}-{:02}-{:02}", n % 100, n % 12 + 1, n % 28 + 1);
    let all: Vec<Features> = (0..2_000).map(|n| simple(&format!("m.{n}"), "Smith", "Ann", &born(n))).collect();
    let found = candidates(&all, &Resolver::default(), f64::INFINITY);
    assert!(found.compared < 2_000 * 200 && found.large_blocks > 0, "{} compared", found.compared);
}

#[test]
fn what_a_message_says_counts_while_its_accession_is_in_force() {
    let link_by_message = Statement::Link { a: "mer.1".into(), b: "mer.2".into(), reason: "A24".into(), evidence: message(4) };
    let said = made(&[link_by_message, link("mer.2", "hos.2")]);
    let in_force = Resolver::in_force(&said, |accession| accession == "acc-0123456789abcdef");
    assert_eq!(in_force.person(&key("mer.1")), keys(&["hos.2", "mer.1", "mer.2"]));
    let awaiting = Resolver::in_force(&said, |_| false);
    assert_eq!(awaiting.person(&key("mer.1")), keys(&["mer.1"]));
    assert_eq!(awaiting.person(&key("mer.2")), keys(&["hos.2", "mer.2"]));
}
