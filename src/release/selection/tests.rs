//! Choosing from small archives: every record has its place, classes and sets keep out what they must, flags are raised where they
//! should be, and counts add up whatever is asked for.
//!
//! Not for: the parts by themselves; their tests stand beside them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::test_world::*;
use super::*;
use crate::access::{Principal, Purpose, RequestContext, Role};
use crate::model::PatientKey;
use crate::release::basis::Rules;
use crate::release::request::{NamedClass, Request, Subject};
use crate::statements::{Evidence, Statement};

#[test]
fn items_stand_in_the_order_of_the_package_with_all_that_is_known_of_them() {
    let note = document(
        "note",
        "text/plain",
        b"Patient: Ann Quill\nBorn: 03/14/1957\nRest.",
        json!({
            "type": {"coding": [{"code": "11506-3", "display": "Progress note"}]},
            "author": [{"display": "Dr Eve"}],
            "context": {"encounter": [{"reference": "Encounter/visit"}]},
        }),
    );
    let house = House::of(&[(
        "mer",
        vec![
            note,
            record(
                "Observation",
                "late",
                json!({"status": "final", "effectiveDateTime": "2015-06-01", "code": {"text": "Haemoglobin"}, "category": [{"coding": [{"code": "laboratory"}]}]}),
            ),
            record(
                "Observation",
                "early",
                json!({"status": "final", "effectiveDateTime": "2015-05-01", "code": {"text": "Haemoglobin"}, "category": [{"coding": [{"code": "laboratory"}]}]}),
            ),
            record(
                "Encounter",
                "visit",
                json!({"status": "finished", "period": {"start": "2015-05-01T08:00:00Z", "end": "2015-05-02T10:00:00Z"}}),
            ),
            record("Claim", "bill", json!({"created": "2015-06-01"})),
            ann(),
            patient("bob", "Tamm", "1941-07-02", "777"),
        ],
    )]);
    let selection = house.choose(&request("patient-access"));
    assert_eq!(ids(&selection), ["ann", "visit", "early", "late", "note"]);
    assert_eq!(why(&selection, "bill"), "beyond");
    assert_eq!(selection.beyond, [Count { section: "billing".into(), count: 1 }]);
    let note = &selection.items[4];
    assert_eq!(
        (note.section.as_str(), note.title.as_str(), note.date.as_deref()),
        ("notes-progress", "note", Some("2015-05-02"))
    );
    assert_eq!((note.author.as_deref(), note.status.as_deref()), (Some("Dr Eve"), Some("final")));
    assert_eq!(note.encounter.as_deref(), Some("mer.visit"));
    assert_eq!((note.source.system.as_str(), note.source.file.as_str(), note.source.number), ("mer", "0.ndjson", 1));
    assert_eq!(note.attachments.len(), 1);
    assert!(note.flags.is_empty(), "{:?}", note.flags);
    assert_eq!(selection.patient.name, "QUILL, Ann");
    assert_eq!(selection.patient.numbers, ["MRN 12345 (mer)"]);
    assert_eq!(selection.record_set, "designated-record-set 1");
    assert_eq!(
        (selection.coverage.searched[0].first.as_deref(), selection.coverage.searched[0].last.as_deref()),
        (Some("2015-05-01"), Some("2015-06-01"))
    );
    assert_eq!(house.choose(&request("patient-access")).digest(), selection.digest());
    let mut named = request("patient-access");
    named.scope.types = vec!["billing".into(), "results".into()];
    assert_eq!(ids(&house.choose(&named)), ["ann", "early", "late", "bill"]);
}

#[test]
fn what_is_asked_for_narrows_and_nothing_is_lost() {
    let visit = |id: &str| json!({"encounter": {"reference": format!("Encounter/{id}")}});
    let result = |id: &str, day: &str, more: Value| {
        let mut json = record("Observation", id, json!({"status": "final", "effectiveDateTime": day, "code": {"text": id}}));
        json["encounter"] = more["encounter"].clone();
        json
    };
    let by = |name: &str| json!({"author": [{"display": name}], "date": "2015-05-02"});
    let house = House::of(&[
        (
            "mer",
            vec![
                ann(),
                record("Encounter", "v1", json!({"period": {"start": "2015-02-20", "end": "2015-03-02"}})),
                result("before", "2015-02-28", visit("v1")),
                result("inside", "2015-03-01T23:59:00-05:00", visit("v1")),
                result("after", "2015-05-01", json!({})),
                result("vague", "2015", json!({})),
                record("AllergyIntolerance", "undated", json!({"code": {"text": "Latex"}})),
                document("eve", "text/plain", b"crushing chest pain at night", by("Dr. Eve Summers")),
                document("tom", "text/plain", b"all is well", by("Tom Byrd")),
            ],
        ),
        (
            "pvs",
            vec![
                patient("ann", "Quill", "1957-03-14", "9"),
                record("Observation", "other", json!({"effectiveDateTime": "2015-03-05"})),
            ],
        ),
    ]);
    house.say(&[Statement::Link {
        a: "mer.ann".into(),
        b: "pvs.ann".into(),
        reason: "known".into(),
        evidence: Evidence::Person,
    }]);
    let with = |change: &dyn Fn(&mut crate::release::request::Scope)| {
        let mut request = request("treatment");
        change(&mut request.scope);
        house.choose(&request)
    };
    let sorted = |selection: &Selection| {
        let mut ids: Vec<String> = selection.items.iter().map(|it| it.id.clone()).filter(|id| !id.ends_with(".ann")).collect();
        ids.sort();
        ids
    };
    assert_eq!(with(&|_| ()).items.len(), 11);
    let days = with(&|it| (it.from, it.to) = ("2015-03-01".parse().ok(), "2015-04-30".parse().ok()));
    assert_eq!(sorted(&days), ["mer.inside", "mer.undated", "mer.v1", "mer.vague", "pvs.other"]);
    assert_eq!((flags_of(&days, "vague"), flags_of(&days, "undated")), (vec!["out-of-range"], vec!["no-date"]));
    assert!(flags_of(&days, "v1").is_empty(), "an admission that reaches into the days");
    assert_eq!(sorted(&with(&|it| it.encounters = vec!["mer.v1".into()])), ["mer.before", "mer.inside", "mer.v1"]);
    assert_eq!(sorted(&with(&|it| it.sources = vec!["pvs".into()])), ["pvs.other"]);
    assert_eq!(sorted(&with(&|it| it.authors = vec!["summers".into()])), ["mer.eve"]);
    assert_eq!(sorted(&with(&|it| it.text = Some("\"chest pain\"".into()))), ["mer.eve"]);
    assert_eq!(sorted(&with(&|it| it.types = vec!["allergies".into()])), ["mer.undated"]);
    assert_eq!(with(&|_| ()).patient.numbers, ["MRN 12345 (mer)", "MRN 9 (pvs)"]);
    for (change, expected) in [
        (
            (|it| it.types = vec!["gossip".into()]) as fn(&mut crate::release::request::Scope),
            "no section of records is called gossip",
        ),
        (|it| it.record_set = "legal-health-record 99".into(), "no definition of records is called legal-health-record 99"),
    ] {
        let mut request = request("treatment");
        change(&mut request.scope);
        assert_eq!(house.choose_of("mer.ann", &request).unwrap_err().to_string(), expected);
    }
}

#[test]
fn classes_go_out_as_basis_and_document_say_and_what_the_policy_hides_is_counted() {
    let note = |id: &str, code: &str| labelled(document(id, "text/plain", id.as_bytes(), json!({})), code);
    let binary = |id: &str| {
        labelled(
            json!({"resourceType": "Binary", "id": id, "contentType": "text/plain",
        "securityContext": {"reference": "Patient/ann"}, "data": STANDARD.encode(id)}),
            "HIV",
        )
    };
    let mut carrying = record("DocumentReference", "carrier", json!({"date": "2015-05-02"}));
    carrying["content"] = json!([{"attachment": {"contentType": "text/plain", "url": "Binary/blob"}}]);
    let house = House::of(&[(
        "mer",
        vec![
            ann(),
            note("sud", "SUD"),
            note("hiv", "HIV"),
            note("psy", "PSYTHPN"),
            note("newer", "newer"),
            note("plain", "N"),
            labelled(carrying, "HIV"),
            binary("blob"),
        ],
    )]);
    let with = |basis: &str, named: &[&str]| {
        let mut request = request(basis);
        request.named_classes = named.iter().map(|it| NamedClass { class: (*it).into(), words: "as quoted".into() }).collect();
        house.choose(&request)
    };
    let told =
        |selection: &Selection| ["sud", "hiv", "psy", "newer", "plain", "carrier", "blob"].map(|id| why(selection, id)).join(" ");
    // Psychotherapy notes are hidden by the policy: a count, in no list by id.
    assert_eq!(told(&with("patient-access", &[])), "item item beyond class item item carried");
    assert_eq!(told(&with("authorization", &[])), "class class beyond class item class class");
    assert_eq!(told(&with("authorization", &["hiv"])), "class item beyond class item item carried");
    assert_eq!(told(&with("part2-consent", &[])), "item class beyond class item class class");
    assert_eq!(told(&with("subpoena", &["substance-use", "hiv"])), "class class beyond class item class class");
    assert_eq!(told(&with("payment", &[])), "class class beyond class item class class");
    let selection = with("part2-consent", &[]);
    assert_eq!(flags_of(&selection, "sud"), ["sensitive"]);
    let hidden: Vec<&Exclusion> = selection.excluded.iter().filter(|it| it.why == "not-permitted").collect();
    assert_eq!(hidden.len(), 1);
    assert_eq!((hidden[0].detail.as_str(), hidden[0].count, hidden[0].id.as_str()), ("psychotherapy-notes", 1, ""));
    assert!(hidden[0].date.is_none() && hidden[0].section.is_empty());
    let out = selection.excluded.iter().find(|it| it.id.ends_with("hiv")).unwrap();
    assert_eq!(out.detail, "hiv (basis part2-consent, rules 1)");
    let carrier = with("patient-access", &[]).items.into_iter().find(|it| it.id.ends_with("carrier")).unwrap();
    assert_eq!((carrier.attachments.len(), carrier.attachments[0].id.as_str(), carrier.attachments[0].bytes), (1, "mer.blob", 4));
}

#[test]
fn psychotherapy_notes_go_out_on_their_own_basis_from_the_archives_machine_alone() {
    let note = labelled(document("psy", "text/plain", b"words", json!({})), "PSYTHPN");
    let house = House::of(&[("mer", vec![ann(), note, document("other", "text/plain", b"rest", json!({}))])]);
    let archive = house.archive();
    let mut request = request("psychotherapy-authorization");
    request.named_classes = vec![NamedClass { class: "psychotherapy-notes".into(), words: "as quoted".into() }];
    request.subjects = vec![Subject { keys: vec!["mer.ann".into()], ..Subject::default() }];
    let (rules, sets) = (Rules::shipped().unwrap(), RecordSets::shipped().unwrap());
    let chosen = |principal: &Principal| {
        let scope = archive.chart_scope(&PatientKey::parse("mer.ann").unwrap());
        let permit = house.gate.ask(principal, scope, RequestContext::default()).unwrap();
        let selection = choose(&archive, &permit, &request, 0, "1", &rules, &sets).unwrap();
        permit.refuse();
        selection.items.iter().map(|it| it.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&Principal::operator("him", Role::Him, Purpose::Legal)), ["mer.ann", "mer.psy"]);
    assert_eq!(chosen(&Principal::local("him", "Him", Role::Him, Purpose::Legal, "00")), ["mer.ann"]);
    assert!(matches!(
        {
            let permit = house.permit(&archive, "mer.ann", Purpose::PatientRequest);
            let chosen = choose(&archive, &permit, &request, 0, "1", &rules, &sets);
            permit.refuse();
            chosen
        },
        Err(SelectionFault::WrongPermit)
    ));
}

#[test]
fn each_flag_is_raised_where_it_should_be() {
    let by = |mut json: Value, updated: &str| {
        json["meta"]["lastUpdated"] = updated.into();
        json
    };
    let lab = |status: &str, value: i64| {
        record(
            "Observation",
            "lab",
            json!({"status": status, "effectiveDateTime": "2015-05-01", "code": {"text": "K"}, "valueInteger": value}),
        )
    };
    let period = json!({"encounter": [], "period": {"start": "2015-05-01", "end": "2015-05-02"}});
    let mut missing = document("missing", "application/pdf", b"", json!({}));
    missing["content"][0]["attachment"] = json!({"contentType": "application/pdf", "url": "documents/lost.pdf"});
    let rows: Vec<(Value, &str, Vec<&str>)> = vec![
        (document("plain", "text/plain", b"Patient: Ann Quill\nMRN: 12345", json!({})), "plain", vec![]),
        (
            document("strange", "text/plain", b"Patient: Walter Tamm   MRN: 777   Born: 07/02/1941", json!({})),
            "strange",
            vec!["wrong-patient"],
        ),
        (document("broken", "application/pdf", b"%PDF-1.4 and no more", json!({})), "broken", vec!["unreadable"]),
        (document("empty", "image/tiff", b"", json!({})), "empty", vec!["unreadable"]),
        (missing, "missing", vec!["unreadable"]),
        (document("once", "text/plain", b"the very same words", json!({"date": "2015-05-03"})), "once", vec![]),
        (document("twice", "text/plain", b"the very same words", json!({"date": "2015-05-04"})), "twice", vec!["duplicate"]),
        (document("draft", "text/plain", b"a draft", json!({"docStatus": "preliminary"})), "draft", vec!["unsigned"]),
        (
            document("late", "text/plain", b"dictated later", json!({"date": "2015-07-02", "context": period})),
            "late",
            vec!["late-filed"],
        ),
        (document("timely", "text/plain", b"dictated soon", json!({"date": "2015-05-20", "context": period})), "timely", vec![]),
        (
            record("Condition", "slip", json!({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}})),
            "slip",
            vec!["entered-in-error"],
        ),
        (
            record(
                "Observation",
                "shared",
                json!({"performer": [{"reference": "Patient/bob"}], "focus": [{"reference": "Patient/bob"}]}),
            ),
            "shared",
            vec!["third-party"],
        ),
        (
            labelled(record("Condition", "young", json!({"recordedDate": "1971-05-01"})), "HIV"),
            "young",
            vec!["minor", "sensitive"],
        ),
        (labelled(record("Condition", "grown", json!({"recordedDate": "2001-05-01"})), "HIV"), "grown", vec!["sensitive"]),
        (labelled(record("Condition", "colleague", json!({})), "EMP"), "colleague", vec![]),
        (by(lab("final", 79), "2015-05-01T10:00:00Z"), "", vec![]),
        (by(lab("corrected", 41), "2015-05-02T10:00:00Z"), "lab", vec!["superseded"]),
    ];
    let mut all: Vec<Value> = rows.iter().map(|(json, ..)| json.clone()).collect();
    all.extend([ann(), patient("bob", "Tamm", "1941-07-02", "777")]);
    let house = House::of(&[("mer", all)]);
    let selection = house.choose(&request("patient-access"));
    for (_, id, flags) in rows.iter().filter(|(_, id, _)| !id.is_empty()) {
        assert_eq!(flags_of(&selection, &format!(".{id}")), *flags, "{id}");
    }
    let current = selection.items.iter().find(|it| it.id.ends_with("lab")).unwrap();
    assert_eq!((current.version, current.versions), (2, 2));
    let mut every = request("patient-access");
    every.scope.all_versions = true;
    let every = house.choose(&every);
    let versions: Vec<_> =
        every.items.iter().filter(|it| it.id.ends_with("lab")).map(|it| (it.version, it.flags.clone())).collect();
    assert_eq!(versions, [(1, vec!["superseded".to_owned()]), (2, vec![])]);
}

#[test]
fn reassigned_records_and_a_changed_person_are_told() {
    let house = House::of(&[(
        "mer",
        vec![
            ann(),
            patient("bob", "Tamm", "1941-07-02", "777"),
            record("Condition", "mine", json!({"recordedDate": "2015-05-01"})),
            record("Condition", "moved", json!({"recordedDate": "2015-05-01"})),
        ],
    )]);
    let before = request("patient-access");
    assert_eq!(ids(&house.choose(&before)), ["ann", "mine", "moved"]);
    let moved = Statement::Reassign {
        kind: "Condition".into(),
        id: "mer.moved".into(),
        from: "mer.ann".into(),
        to: "mer.bob".into(),
        reason: "wrong wristband".into(),
        evidence: Evidence::Person,
    };
    house.say(&[moved]);
    let selection = house.choose(&before);
    assert_eq!(ids(&selection), ["ann", "mine"]);
    let out = &selection.excluded[0];
    assert_eq!((out.why.as_str(), out.count, out.id.as_str()), ("reassigned", 1, ""));
    let given = house.choose_of("mer.bob", &before).unwrap();
    assert_eq!(flags_of(&given, "moved"), ["wrong-patient"]);
    // Found as one person when the request was verified; since then he is two keys.
    let mut stale = before;
    stale.subjects = vec![Subject { keys: vec!["mer.ann".into()], ..Subject::default() }];
    house.say(&[Statement::Link { a: "mer.ann".into(), b: "mer.bob".into(), reason: "test".into(), evidence: Evidence::Person }]);
    assert!(matches!(house.choose_of("mer.ann", &stale), Err(SelectionFault::PersonChanged)));
    stale.subjects[0].keys.clear();
    assert!(matches!(house.choose_of("mer.ann", &stale), Err(SelectionFault::NotResolved)));
}

/// Two persons were taken for one and parted again: a release of one has nothing of the other.
#[test]
fn who_was_merged_and_parted_again_goes_out_alone() {
    let house = House::of(&[(
        "mer",
        vec![
            ann(),
            patient("bob", "Tamm", "1941-07-02", "777"),
            record("Condition", "hers", json!({"recordedDate": "2015-05-01"})),
            with_subject(record("Condition", "his", json!({"recordedDate": "2015-05-02"})), "bob"),
        ],
    )]);
    let merge = Statement::Merge {
        from: "mer.bob".into(),
        into: "mer.ann".into(),
        reason: "thought to be one".into(),
        evidence: Evidence::Person,
    };
    house.say(&[merge]);
    let together = house.choose(&request("patient-access"));
    assert_eq!(together.keys, ["mer.ann", "mer.bob"]);
    assert!(ids(&together).contains(&"his") && ids(&together).contains(&"hers"));
    let parted = Statement::Unmerge {
        from: "mer.bob".into(),
        into: "mer.ann".into(),
        reason: "they are two".into(),
        evidence: Evidence::Person,
    };
    house.say(&[parted]);
    let alone = house.choose(&request("patient-access"));
    assert_eq!((alone.keys.as_slice(), ids(&alone)), (["mer.ann".to_owned()].as_slice(), vec!["ann", "hers"]));
    assert!(alone.excluded.is_empty() && alone.beyond.is_empty(), "nothing of his is even counted");
    assert!(!String::from_utf8(alone.to_bytes()).unwrap().contains("Tamm"));
    assert_eq!(ids(&house.choose_of("mer.bob", &request("patient-access")).unwrap()), ["bob", "his"]);
    // A request that was verified while they counted as one is looked at anew.
    let stale = Request {
        subjects: vec![Subject { keys: vec!["mer.ann".into(), "mer.bob".into()], ..Subject::default() }],
        ..request("patient-access")
    };
    assert!(house.choose_of("mer.ann", &stale).is_err());
}

fn with_subject(mut record: Value, id: &str) -> Value {
    record["subject"] = json!({"reference": format!("Patient/{id}")});
    record
}

const CODES: [Option<&str>; 6] = [None, Some("HIV"), Some("SUD"), Some("PSYTHPN"), Some("VIP"), Some("newer")];
const KINDS: [&str; 6] = ["Observation", "Condition", "DocumentReference", "Claim", "Encounter", "Provenance"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    /// `House::choose` holds the sum against the directories.
    #[test]
    fn whatever_is_asked_every_record_has_exactly_one_place(
        story in prop::collection::vec((0..KINDS.len(), 0..CODES.len(), 0..14usize, 2010..2016i32, any::<bool>()), 30),
        asks in prop::collection::vec((0..18usize, any::<bool>(), any::<bool>(), 2009..2017i32), 4),
    ) {
        let mut records = vec![ann(), patient("bob", "Tamm", "1941-07-02", "777")];
        for (n, (kind, code, id, year, is_bobs)) in story.iter().enumerate() {
            // Few ids, so that versions of one record come together.
            let day = format!("{year}-05-01");
            let mut json = record(KINDS[*kind], &format!("r{id}"), json!({
                "meta": {"lastUpdated": format!("2016-01-01T00:00:{n:02}Z")}, "recordedDate": day, "date": day, "effectiveDateTime": day,
            }));
            if *is_bobs {
                json["subject"] = json!({"reference": "Patient/bob"});
            }
            if let Some(code) = CODES[*code] {
                json["meta"]["security"] = json!([{"code": code}]);
            }
            records.push(json);
        }
        let house = House::of(&[("mer", records)]);
        for (basis, all_versions, narrow, year) in asks {
            let rules = Rules::shipped().unwrap();
            let mut request = request(&rules.basis[basis % rules.basis.len()].code);
            request.scope.all_versions = all_versions;
            if narrow {
                request.scope.from = format!("{year}-01-01").parse().ok();
                request.scope.types = vec!["results".into(), "billing".into()];
            }
            for key in ["mer.ann", "mer.bob"] {
                house.choose_of(key, &request).unwrap();
            }
        }
    }
}

/// What `synth --releases` plants, and what becomes of it on a patient's own request and on an authorization.
#[test]
fn what_the_made_up_hospital_plants_is_found() {
    let home = tempfile::tempdir().unwrap();
    let options = crate::synth::Options { patients: 2, seed: 11, damage: false, releases: true, ..Default::default() };
    let manifest = crate::synth::write(&home.path().join("delivery"), &options).unwrap();
    let house = House::of_folder(&home.path().join("delivery"));
    let key = manifest.sample_patients[1].id.clone();
    let access = house.choose_of(&key, &request("patient-access")).unwrap();
    let mut release = request("authorization");
    release.scope.all_versions = true;
    let release = house.choose_of(&key, &release).unwrap();
    let planted = |what: &str| manifest.damage.iter().find(|it| it.what == what).and_then(|it| it.id.clone()).unwrap();
    for (what, on_access, on_authorization) in [
        ("note under 42 CFR Part 2", "item sensitive", "class"),
        ("psychotherapy note", "beyond", "beyond"),
        ("minor's record", "item minor sensitive", "class"),
        ("unsigned draft", "item unsigned", "record-set"),
        ("entered in error", "item entered-in-error", "item entered-in-error"),
        ("late-filed document", "item late-filed", "item late-filed"),
        ("incident report", "record-set", "record-set"),
        ("legal hold", "item legal-hold", "item legal-hold"),
        ("wrong-patient scan", "item wrong-patient", "item wrong-patient"),
        ("scan", "item", "item"),
        ("the same scan again", "item duplicate", "item duplicate"),
        ("corrupted PDF", "item unreadable", "item unreadable"),
        ("empty file", "item unreadable", "item unreadable"),
        ("malicious C-CDA", "item wrong-patient", "item wrong-patient"),
        ("corrected result", "item superseded", "item superseded"),
    ] {
        let id = planted(what);
        for (selection, expected) in [(&access, on_access), (&release, on_authorization)] {
            let place = match why(selection, &id) {
                "item" => [&["item"][..], &flags_of(selection, &id)].concat().join(" "),
                other => other.to_owned(),
            };
            assert_eq!(place, expected, "{what}");
        }
    }
    let scans = ["scan", "the same scan again"].map(planted);
    let pages = |id: &String| access.items.iter().find(|it| it.id == *id).and_then(|it| it.attachments[0].pages);
    assert_eq!([pages(&scans[0]), pages(&scans[1])], [Some(1), Some(1)]);
    // Nobody else's chart is under suspicion.
    let other = house.choose_of(&manifest.sample_patients[0].id.clone(), &request("patient-access")).unwrap();
    let suspects: Vec<_> =
        other.items.iter().filter(|it| it.flags.iter().any(|flag| flag == "wrong-patient" || flag == "unreadable")).collect();
    assert!(suspects.is_empty(), "{:?}", suspects.iter().map(|it| (&it.title, &it.reasons)).collect::<Vec<_>>());
    let about = estimate(&access);
    assert!(about.pages > 5 && !about.is_exact, "{about:?}");
}
