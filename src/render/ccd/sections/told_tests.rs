//! What the sections on history, plans, papers and notes say of small records and of odd ones, and that no record is lost.
//!
//! Not for: whether a whole document is valid (the tests of the export).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

#[rustfmt::skip]
use super::{
    additional::additional, advance_directives::advance_directives, assessment::assessment, care_team::care_team,
    encounters::encounters, equipment::equipment, family_history::family_history, goals::goals,
    health_concerns::health_concerns, notes::notes, payers::payers, plan::plan, routing::{Place, section_of},
    social_history::social_history, statuses::{functional, mental},
};
use crate::render::ccd::cda::{self, Class, Code, Entry, Id, Null, Section, Time, Ts, Value};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::{Chart, Item, Request};

pub(super) fn request() -> Request {
    Request {
        archive: "6ba7b810-9dad-11d1-80b4-00c04fd430c8".into(),
        custodian: cda::Organization {
            ids: vec![Id::Given { root: "2.16.840.1.113883.19.5".into(), extension: None }],
            name: Some("Archive".into()),
            telecoms: vec![cda::Telecom::Null(Null::Unknown)],
            addresses: vec![cda::Address::Null(Null::Unknown)],
        },
        software: "1".into(),
        created: Ts("20250102150405-0500".into()),
        cutover: Some(Ts("20141231".into())),
        encounter: None,
        from: None,
        to: None,
        confidentiality: "N",
        prohibition: None,
        says_withheld: false,
        masks_ids: true,
    }
}

/// Calls with the context of a chart of these records, each of a system of its own (`old 1`, `old 2`, …).
fn with<T>(records: &[Json], ask: impl FnOnce(&Context<'_>) -> T) -> T {
    let sources: Vec<String> = (1..=records.len()).map(|n| format!("old {n}")).collect();
    let names: Vec<String> =
        records.iter().enumerate().map(|(n, r)| r["id"].as_str().map_or(format!("r{n}"), str::to_owned)).collect();
    let items = records.iter().zip(&sources).zip(&names).map(|((value, source), id)| Item {
        kind: value["resourceType"].as_str().unwrap(),
        id,
        value,
        source,
        encounter: None,
    });
    const DIRECTORY: [&str; 6] = ["Practitioner", "Organization", "Location", "Binary", "Device", "Questionnaire"];
    let (patients, rest): (Vec<_>, Vec<_>) = items.partition(|item| item.kind == "Patient");
    let (directory, records) = rest.into_iter().partition(|item: &Item<'_>| DIRECTORY.contains(&item.kind) && item.id != "own");
    let chart = Chart { patients, records, directory };
    let request = request();
    ask(&Context::new(&chart, &request))
}

fn all(cx: &Context<'_>) -> Vec<Section> {
    let ones = [
        social_history,
        encounters,
        plan,
        goals,
        care_team,
        family_history,
        functional,
        mental,
        equipment,
        payers,
        advance_directives,
        health_concerns,
        assessment,
    ];
    let many = [notes, additional];
    ones.iter().map(|section| section(cx)).chain(many.iter().flat_map(|sections| sections(cx))).collect()
}

fn one(record: Json, section: fn(&Context<'_>) -> Section) -> Section {
    with(&[record], section)
}

/// All words of a section.
fn words(section: &Section) -> String {
    let narrative = &section.narrative;
    let cells = narrative.tables.iter().flat_map(|t| &t.rows).flat_map(|row| &row.cells).map(|cell| cell.words.as_str());
    let texts = narrative.passages.iter().flat_map(|p| [p.heading.as_str(), p.text.as_str()]);
    narrative.notes.iter().map(String::as_str).chain(cells).chain(texts).collect::<Vec<_>>().join(" | ")
}

#[track_caller]
fn only(section: &Section) -> &Entry {
    let [entry] = section.entries.as_slice() else { panic!("{} entries", section.entries.len()) };
    &entry.entry
}

fn has(entry: &Entry, template: &str) -> bool {
    entry.templates.iter().any(|t| t.root.strip_prefix("2.16.840.1.113883.10.20.") == Some(template))
}

fn code_of(value: &Value) -> Option<&str> {
    match value {
        Value::Code(code) => code.code.as_deref(),
        _ => None,
    }
}

fn loinc(code: &str) -> Json {
    json!({"coding": [{"system": "http://loinc.org", "code": code, "display": format!("name of {code}")}]})
}

fn snomed(code: &str, words: &str) -> Json {
    json!({"coding": [{"system": "http://snomed.info/sct", "code": code}, {"system": "urn:archive:old:x", "code": "L1"}], "text": words})
}

#[test]
fn a_smoking_status_is_one_of_the_value_set_or_stays_what_it_was() {
    let found = |value: Json| {
        let mut record = json!({"resourceType": "Observation", "code": loinc("72166-2"), "status": "final",
            "effectivePeriod": {"start": "2014-03", "end": "2014-05"}});
        record.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        one(record, social_history)
    };
    for (value, code) in [
        (json!({"valueCodeableConcept": snomed("8517006", "Ex")}), "8517006"),
        (json!({"valueCodeableConcept": {"coding": [{"code": "LA18978-9"}]}}), "266919005"),
        (json!({"valueCodeableConcept": {"text": "Former Smoker"}}), "8517006"),
        (json!({"valueString": "never smoker"}), "266919005"),
        (json!({"dataAbsentReason": {"text": "refused"}}), "266927001"),
        (json!({}), "266927001"),
    ] {
        let section = found(value.clone());
        let entry = only(&section);
        assert!(has(entry, "22.4.78"), "{value}");
        assert_eq!(code_of(&entry.values[0]), Some(code), "{value}");
        assert_eq!(entry.times, [Time::At(Ts("201403".into()))], "a point, never a span");
    }
    let section = found(json!({"valueCodeableConcept": snomed("81703003", "Chews tobacco")}));
    let entry = only(&section);
    assert!(has(entry, "22.4.38") && !has(entry, "22.4.78"), "no status is made up");
    assert_eq!(code_of(&entry.values[0]), Some("81703003"));
    let said = words(&section);
    for expected in [
        "As archived: every status is that of 2014-12-31",
        "Chews tobacco",
        "2014-03 to 2014-05",
        "Final",
        "old 1",
        "L1 (urn:archive:old:x)",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let mistaken = found(json!({"status": "entered-in-error", "valueString": "never smoker"}));
    assert!(mistaken.entries.is_empty() && words(&mistaken).contains("Entered in error"));
}

#[test]
fn other_social_history_keeps_its_code_and_sex_comes_from_the_patient() {
    let local = json!({"resourceType": "Observation", "category": [{"coding": [{"code": "social-history"}]}],
        "code": {"coding": [{"system": "urn:archive:old:q", "code": "PETS"}], "text": "Pets"}, "valueInteger": 3});
    let section = one(local, social_history);
    let code = only(&section).code.as_ref().unwrap();
    assert_eq!((code.null, code.translations.len()), (Some(Null::Other), 2), "the local code, and what all are");
    assert_eq!(only(&section).values, [Value::Integer("3".into())]);

    let tobacco =
        json!({"resourceType": "Observation", "code": loinc("11367-0"), "valueCodeableConcept": snomed("56578002", "20 a day")});
    let section = one(tobacco, social_history);
    assert!(has(only(&section), "22.4.85"));
    assert!(
        matches!(&only(&section).times[..], [Time::Span { low: Some(cda::Bound::Null(Null::Unknown)), .. }]),
        "low is demanded"
    );

    let url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex";
    for (extension, value) in
        [(json!({"url": url, "valueCode": "F"}), Some("F")), (json!({"url": url, "valueCode": "UNK"}), None)]
    {
        let section = one(json!({"resourceType": "Patient", "extension": [extension]}), social_history);
        let entry = only(&section);
        assert!(has(entry, "22.4.200"));
        assert_eq!(code_of(&entry.values[0]), value);
    }
    let none = one(json!({"resourceType": "Patient"}), social_history);
    assert_eq!((none.null, words(&none).as_str()), (Some(Null::NoInformation), "No information"));
}

#[test]
fn scales_have_one_value_and_questionnaires_their_answers() {
    let scale = json!({"resourceType": "Observation", "category": [{"coding": [{"code": "survey"}]}], "code": loinc("44249-1"),
        "effectiveDateTime": "2014-03-12T09:30:00-05:00",
        "component": [{"code": loinc("44250-9"), "valueInteger": 2}, {"code": {"text": "own"}, "valueString": "x"}]});
    let section = one(scale, mental);
    let entry = only(&section);
    assert!(has(entry, "22.4.69") && entry.values == [Value::Null("CD", Null::NoInformation)]);
    assert_eq!(entry.related.iter().map(|r| has(&r.entry, "22.4.86")).collect::<Vec<_>>(), [true, false]);
    assert!(words(&section).contains("name of 44250-9: 2; own: x") && words(&section).contains("2014-03-12 09:30:00 −05:00"));

    let filled = json!({"resourceType": "QuestionnaireResponse", "authored": "2013-01", "questionnaire": "http://q.example/Questionnaire/falls",
        "item": [{"linkId": "g", "item": [{"linkId": "/44250-9", "text": "Interest?", "answer": [{"valueCoding": {"display": "Not at all"}}]}]},
                 {"linkId": "2", "text": "Pets?", "answer": [{"valueBoolean": true}, {"valueString": "two"}]}, {"linkId": "3"}]});
    let titled = json!({"resourceType": "Questionnaire", "id": "falls", "title": "Mood and falls"});
    let section = with(&[filled, titled], mental);
    let said = words(&section);
    for expected in ["Mood and falls", "2 questions answered", "Interest? | Not at all", "Pets? | Yes; two", "2013-01"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert_eq!(only(&section).related.len(), 1, "questions of LOINC alone");
}

#[test]
fn encounters_say_when_where_why_and_how_they_ended() {
    let visit = json!({"resourceType": "Encounter", "status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "type": [{"coding": [{"system": "http://snomed.info/sct", "code": "32485007"}], "text": "Hospital admission"}],
        "period": {"start": "2014-03-12", "end": "2014-03-15"}, "reasonCode": [{"text": "Chest pain"}],
        "diagnosis": [{"condition": {"reference": "Condition/c"}}],
        "participant": [{"individual": {"reference": "Practitioner/p"}}], "location": [{"location": {"reference": "Location/l"}}],
        "hospitalization": {"dischargeDisposition": {"text": "Home"}}});
    let others = [
        json!({"resourceType": "Condition", "id": "c", "code": {"text": "Angina"}}),
        json!({"resourceType": "Practitioner", "id": "p", "name": [{"given": ["Ada"], "family": "Moor"}]}),
        json!({"resourceType": "Location", "id": "l", "name": "Ward 3"}),
        json!({"resourceType": "EpisodeOfCare", "id": "e", "status": "active"}),
    ];
    let section = with(&[&[visit], &others[..]].concat(), encounters);
    let entry = only(&section);
    assert!(has(entry, "22.4.49") && entry.status == Some("completed") && entry.disposition.is_some());
    let code = entry.code.as_ref().unwrap();
    assert_eq!((code.code.as_deref(), code.translations.len()), (Some("32485007"), 1), "the class stands beside the type");
    assert_eq!((entry.performers.len(), entry.participants.len()), (1, 1));
    let indicated: Vec<_> = entry.related.iter().map(|r| r.entry.ids.clone()).collect();
    let of = |extension: &str| vec![Id::Given { root: request().archive, extension: Some(extension.into()) }];
    assert_eq!(indicated, [of("Encounter/r0#reason-1"), of("Condition/c")], "a diagnosis has the problem's own id");
    let said = words(&section);
    for expected in [
        "2014-03-12 to 2014-03-15",
        "Hospital admission, class IMP",
        "Chest pain; diagnosis: Angina",
        "Ward 3",
        "Ada Moor",
        "Home",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(said.contains("old 5"), "an episode stands in words");
    assert!(has_root(&section, "22.2.22.1") && has_root(&section, "22.2.22"));
    let empty = one(json!({"resourceType": "Flag"}), encounters);
    assert!(empty.null.is_some() && !has_root(&empty, "22.2.22.1"), "no entries are promised where there are none");
}

fn has_root(section: &Section, template: &str) -> bool {
    section.templates.iter().any(|t| t.root.strip_prefix("2.16.840.1.113883.10.20.") == Some(template))
}

#[test]
fn what_was_planned_keeps_its_mood_and_its_true_status() {
    let order = |more: Json| {
        let mut record =
            json!({"resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": {"text": "Lipids"}});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let lab = json!([{"coding": [{"system": "http://snomed.info/sct", "code": "108252007"}]}]);
    for (record, class, template, mood, status) in [
        (order(json!({})), Class::Act, Some("22.4.39"), "RQO", Some("active")),
        (order(json!({"category": lab, "intent": "proposal"})), Class::Observation, Some("22.4.44"), "PRP", Some("active")),
        (order(json!({"status": "completed"})), Class::Act, None, "RQO", Some("completed")),
        (order(json!({"status": "revoked", "intent": "plan"})), Class::Act, None, "INT", Some("cancelled")),
        (order(json!({"status": "unknown"})), Class::Act, None, "RQO", None),
        (
            json!({"resourceType": "Appointment", "status": "booked", "start": "2015-01-02T10:00:00Z"}),
            Class::Encounter,
            Some("22.4.40"),
            "APT",
            Some("active"),
        ),
        (json!({"resourceType": "Encounter", "status": "planned"}), Class::Encounter, Some("22.4.40"), "INT", Some("active")),
        (
            json!({"resourceType": "CarePlan", "status": "active", "intent": "plan", "title": "Diabetes"}),
            Class::Act,
            Some("22.4.39"),
            "INT",
            Some("active"),
        ),
        (json!({"resourceType": "Task", "status": "failed"}), Class::Act, None, "INT", Some("cancelled")),
    ] {
        let section = one(record.clone(), plan);
        let entry = only(&section);
        assert_eq!((entry.class, entry.mood, entry.status), (class, Some(mood), status), "{record}");
        assert_eq!(entry.templates.len(), usize::from(template.is_some()), "{record}");
        assert!(template.is_none_or(|template| has(entry, template)), "{record}");
    }
    let care = json!({"resourceType": "CarePlan", "status": "active", "category": [{"text": "Self care"}], "period": {"start": "2010"},
        "activity": [{"detail": {"code": {"text": "Allergy education"}, "status": "in-progress"}}], "note": [{"text": "weekly"}]});
    let said = words(&one(care, plan));
    assert!(
        said.contains("Self care | Plan of care") && said.contains("Activities: Allergy education, in progress; Remark: weekly"),
        "{said}"
    );
}

#[test]
fn goals_teams_and_relatives() {
    let goal = json!({"resourceType": "Goal", "lifecycleStatus": "on-hold", "description": {"text": "Weight under 80 kg"}, "startDate": "2014",
        "target": [{"measure": loinc("29463-7"), "detailQuantity": {"value": 80, "comparator": "<", "unit": "kg", "code": "kg", "system": "http://unitsofmeasure.org"}, "dueDate": "2015-01"}]});
    let section = one(goal, goals);
    let entry = only(&section);
    assert_eq!((entry.mood, entry.status), (Some("GOL"), Some("suspended")));
    assert_eq!(entry.code.as_ref().unwrap().code.as_deref(), Some("29463-7"));
    assert!(matches!(entry.values[..], [Value::Range { low: None, high: Some((_, false)) }]));
    assert!(words(&section).contains("name of 29463-7: < 80 kg, by 2015-01"));

    let team = json!({"resourceType": "CareTeam", "status": "active", "name": "Home team", "participant": [
        {"role": [{"text": "Nurse"}], "member": {"display": "Ada Moor"}, "period": {"start": "2012"}}, {"role": [{"text": "Nobody"}]}]});
    let section = one(team, care_team);
    let entry = only(&section);
    assert!(entry.components.len() == 1 && matches!(entry.times[..], [Time::Span { low: Some(_), .. }]));
    assert!(words(&section).contains("Ada Moor, Nurse, from 2012; Nobody"));
    assert!(one(json!({"resourceType": "CareTeam", "name": "Empty"}), care_team).entries.is_empty(), "an organizer has members");

    let relative = json!({"resourceType": "FamilyMemberHistory", "status": "completed", "relationship": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}], "text": "Mother"},
        "bornDate": "1930", "deceasedBoolean": true, "condition": [
        {"code": snomed("22298006", "Heart attack"), "onsetAge": {"value": 57, "unit": "a", "code": "a", "system": "http://unitsofmeasure.org"}, "contributedToDeath": true},
        {"code": {"text": "Gout"}, "onsetString": "in old age"}]});
    let section = one(relative, family_history);
    let entry = only(&section);
    assert!(has(entry, "22.4.45") && entry.components.len() == 2);
    let subject = entry.subject.as_ref().unwrap();
    assert_eq!(
        (subject.relationship.code.as_deref(), subject.gender.as_ref().and_then(|g| g.null)),
        (Some("MTH"), Some(Null::Unknown))
    );
    assert_eq!(entry.components[0].related.len(), 2);
    assert!(
        words(&section).contains("Heart attack, onset: age 57 a, contributed to death; Gout, onset: in old age"),
        "{}",
        words(&section)
    );
    let bare = one(json!({"resourceType": "FamilyMemberHistory", "relationship": {"text": "Uncle"}}), family_history);
    assert!(only(&bare).templates.is_empty(), "the template wants a condition");
}

#[test]
fn equipment_insurance_directives_and_concerns() {
    let pump = json!({"resourceType": "Device", "id": "own", "status": "active", "type": {"text": "Insulin pump"}, "manufacturer": "Acme",
        "udiCarrier": [{"carrierHRF": "(01)123"}], "serialNumber": "S7"});
    let section = one(pump, equipment);
    let product = &only(&section).participants[0];
    assert_eq!(product.ids, [Id::Given { root: "2.16.840.1.113883.3.3719".into(), extension: Some("(01)123".into()) }]);
    assert!(words(&section).contains("UDI: (01)123; Serial number: S7") && words(&section).contains("Manufacturer: Acme"));
    let used = json!({"resourceType": "DeviceUseStatement", "status": "completed", "device": {"reference": "Device/d"}, "timingPeriod": {"start": "2012"}});
    let section = with(&[used, json!({"resourceType": "Device", "id": "d", "type": {"text": "Cane"}})], equipment);
    assert!(words(&section).contains("Cane") && matches!(only(&section).times[..], [Time::Span { .. }]));

    let policy = json!({"resourceType": "Coverage", "status": "active", "type": {"text": "HMO"}, "subscriberId": "M1", "relationship": {"coding": [{"code": "self"}]},
        "payor": [{"display": "Good Health"}], "class": [{"type": {"coding": [{"code": "group"}]}, "value": "G9"}]});
    let section = one(policy, payers);
    let inner = &only(&section).related[0].entry;
    assert!(has(only(&section), "22.4.60") && has(inner, "22.4.61") && !inner.code.as_ref().unwrap().translations.is_empty());
    assert_eq!(inner.participants[0].code.as_ref().unwrap().code.as_deref(), Some("SELF"));
    assert!(words(&section).contains("Good Health | HMO | group G9 | Subscriber: M1"), "{}", words(&section));

    let wish = json!({"resourceType": "Observation", "category": [{"coding": [{"code": "42348-3"}]}], "code": snomed("304251008", "Resuscitation"),
        "valueCodeableConcept": {"text": "Full code"}, "effectiveDateTime": "2013"});
    let section = one(wish, advance_directives);
    let entry = only(&section);
    assert!(has(entry, "22.4.48") && entry.values == [Value::Text("Full code".into())]);
    assert!(matches!(entry.times[..], [Time::Span { high: Some(cda::Bound::Null(Null::NotApplicable)), .. }]));
    let paper = json!({"resourceType": "Consent", "status": "active", "scope": {"coding": [{"code": "adr"}]}, "category": [{"text": "Living will"}], "dateTime": "2012-02-03"});
    assert!(words(&one(paper, advance_directives)).contains("2012-02-03 | Living will"));

    let warning = json!({"resourceType": "Flag", "status": "active", "code": {"text": "Falls"}});
    let section = one(warning, health_concerns);
    assert!(has(only(&section), "22.4.132") && only(&section).related.is_empty());
    let concern = json!({"resourceType": "Condition", "category": [{"coding": [{"code": "health-concern"}]}], "code": {"text": "Lives alone"}});
    let section = one(concern, health_concerns);
    assert!(has(&only(&section).related[0].entry, "22.4.4"));
}

#[test]
fn notes_have_their_text_and_files_their_names() {
    let note = |kind: &str, attachment: Json| {
        json!({"resourceType": "DocumentReference", "status": "current", "type": loinc(kind), "date": "2014-03-12T09:30:00Z",
            "content": [{"attachment": attachment}]})
    };
    let records = [
        note("11506-3", json!({"contentType": "text/plain", "url": "Binary/b"})),
        note("11506-3", json!({"contentType": "application/pdf", "url": "Binary/gone", "size": 12345})),
        note("34133-9", json!({"contentType": "application/hl7-v3+xml", "url": "Binary/doc"})),
        note("11502-2", json!({"contentType": "text/html", "data": "PHA+SG9tZTwvcD48c2NyaXB0PnggPSAxPC9zY3JpcHQ+"})),
        json!({"resourceType": "Composition", "status": "final", "title": "Letter", "section": [{"title": "Plan", "text": {"div": "<div>Rest &amp; fluids</div>"}}]}),
        json!({"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "RmVlbHMgd2VsbC4KUGxhbjogcmVzdC4="}),
    ];
    let sections = with(&records, notes);
    let codes: Vec<_> = sections.iter().map(|s| (s.code.code.clone().unwrap(), s.title)).collect();
    let expected = [("11506-3", "Progress Notes"), ("11502-2", "Notes"), ("34133-9", "Notes"), ("34109-9", "Notes")];
    assert_eq!(codes, expected.map(|(code, title)| (code.to_owned(), title)));
    let said: Vec<String> = sections.iter().map(words).collect();
    assert!(said[0].contains("Feels well.\nPlan: rest.") && said[0].contains("text/plain, 23 bytes, text below"), "{}", said[0]);
    assert!(said[0].contains("application/pdf, 12345 bytes, not copied here; the archive has it as Binary/gone"), "{}", said[0]);
    assert!(said[1].contains("Home") && !said[1].contains("script"), "{}", said[1]);
    assert!(said[2].contains("archived CDA document"), "{}", said[2]);
    assert!(said[3].contains("Plan\nRest & fluids"), "{}", said[3]);
    for entry in sections.iter().flat_map(|s| &s.entries).map(|e| &e.entry) {
        assert!(has(entry, "22.4.202") && !entry.authors.is_empty() && entry.times.len() == 1 && entry.text.is_some());
    }
    assert!(sections[0].entries[0].entry.text.as_ref().unwrap().0.ends_with("text-1"), "the entry points to the text itself");
}

#[test]
fn what_no_section_is_for_is_listed_and_logs_are_counted() {
    let records = [
        json!({"resourceType": "Claim", "id": "c1", "created": "2014", "type": {"text": "pharmacy"}, "status": "active"}),
        json!({"resourceType": "Communication", "sent": "2013-02-01", "payload": [{"contentString": "Call back"}]}),
        json!({"resourceType": "Basic", "text": {"div": "<div>Odd <b>thing</b></div>"}}),
        json!({"resourceType": "AuditEvent", "recorded": "2012-01-01T00:00:00Z"}),
        json!({"resourceType": "AuditEvent", "recorded": "2013-01-01T00:00:00Z"}),
    ];
    let sections = with(&records, additional);
    let said = words(&sections[0]);
    for expected in [
        "2014 | Claim | pharmacy | Claim/c1 | Active",
        "Call back",
        "Odd thing",
        "2 records of the kind AuditEvent",
        "accesses, 2012-01-01 00:00:00 UTC to 2013",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(with(&[json!({"resourceType": "Flag"})], additional).is_empty());
}

/// Records of every kind that stands here, empty and with elements of wrong types.
pub(super) fn odd() -> Vec<Json> {
    let kinds = [
        "Encounter",
        "EpisodeOfCare",
        "CarePlan",
        "ServiceRequest",
        "Appointment",
        "AppointmentResponse",
        "DeviceRequest",
        "NutritionOrder",
        "CommunicationRequest",
        "RequestGroup",
        "Task",
        "ImmunizationRecommendation",
        "VisionPrescription",
        "SupplyRequest",
        "Goal",
        "CareTeam",
        "FamilyMemberHistory",
        "QuestionnaireResponse",
        "DeviceUseStatement",
        "SupplyDelivery",
        "Coverage",
        "DocumentReference",
        "Composition",
        "DocumentManifest",
        "Consent",
        "Flag",
        "DetectedIssue",
        "ClinicalImpression",
        "RiskAssessment",
        "Claim",
        "Basic",
        "Media",
        "Unheard",
    ];
    let names = [
        "code",
        "type",
        "category",
        "status",
        "period",
        "target",
        "item",
        "content",
        "participant",
        "condition",
        "payor",
        "class",
        "section",
        "note",
        "relationship",
        "description",
        "device",
        "suppliedItem",
        "component",
        "valueQuantity",
        "diagnosis",
        "location",
        "activity",
        "date",
        "author",
        "finding",
        "prediction",
        "reasonCode",
        "name",
        "text",
        "scope",
        "provision",
        "mitigation",
        "payload",
    ];
    let wrong =
        [json!(7), json!("x\u{1}<y>&"), json!([null, {}, "z"]), json!({"coding": "q", "text": 5, "start": "never"}), json!(true)];
    let mut records: Vec<Json> = Vec::new();
    for kind in kinds {
        records.push(json!({"resourceType": kind}));
        for wrong in &wrong {
            let mut record = json!({"resourceType": kind});
            for name in names {
                record[name] = wrong.clone();
            }
            records.push(record);
        }
    }
    for category in ["social-history", "survey", "cognitive-status", "42348-3"] {
        records.push(json!({"resourceType": "Observation", "category": [{"coding": [{"code": category}]}]}));
        records.push(
            json!({"resourceType": "Observation", "category": {"coding": {"code": category}}, "code": 3, "valueQuantity": [1],
            "component": [{"code": {"coding": [{"system": "http://loinc.org", "code": "a b"}]}}, 5], "effectivePeriod": "x"}),
        );
    }
    records
}

#[test]
fn every_record_stands_in_one_section_and_every_reference_resolves() {
    let records = odd();
    let sections = with(&records, all);
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    let mut anchors: BTreeSet<&Anchor> = BTreeSet::new();
    for section in &sections {
        let narrative = &section.narrative;
        for row in narrative.tables.iter().flat_map(|table| &table.rows) {
            assert!(anchors.insert(&row.anchor), "{:?} twice", row.anchor);
            for cell in &row.cells {
                assert!(cell.anchor.as_ref().is_none_or(|anchor| anchors.insert(anchor)), "{cell:?}");
            }
            if let Some(last) = row.cells.last().filter(|cell| cell.words.starts_with("old ")) {
                *rows.entry(&last.words).or_default() += 1;
            }
        }
        narrative.tables.iter().for_each(|t| t.rows.iter().for_each(|row| assert_eq!(row.cells.len(), t.columns.len())));
        assert!(narrative.passages.iter().all(|passage| anchors.insert(&passage.anchor)));
    }
    assert_eq!(rows.len(), records.len(), "each record has a row");
    assert!(rows.values().all(|count| *count == 1));
    let mut told = BTreeSet::new();
    sections.iter().flat_map(|s| &s.entries).for_each(|entry| references(&entry.entry, &mut told));
    assert!(told.len() > 100 && told.iter().all(|anchor| anchors.contains(anchor)));
}

fn references<'e>(entry: &'e Entry, into: &mut BTreeSet<&'e Anchor>) {
    fn of<'e>(code: &'e Code, into: &mut BTreeSet<&'e Anchor>) {
        into.extend(code.original.as_ref());
        code.translations.iter().for_each(|code| of(code, into));
    }
    into.extend(entry.text.as_ref());
    entry.code.iter().chain(&entry.disposition).for_each(|code| of(code, into));
    entry.subject.iter().for_each(|subject| of(&subject.relationship, into));
    entry.participants.iter().filter_map(|p| p.player.as_ref()?.code.as_ref()).for_each(|code| of(code, into));
    for value in &entry.values {
        if let Value::Code(code) = value {
            of(code, into);
        }
    }
    entry.related.iter().for_each(|related| references(&related.entry, into));
    entry.components.iter().for_each(|entry| references(entry, into));
}

#[test]
fn a_document_of_odd_records_breaks_no_rule() {
    let patient = json!({"resourceType": "Patient", "id": "p"});
    let made =
        with(&[&[patient], &odd()[..]].concat(), |cx| crate::render::ccd::ccd(cx.chart, cx.request).map(|bytes| bytes.len()));
    assert!(made.as_ref().is_ok_and(|bytes| *bytes > 100_000), "{made:?}");
}

#[test]
fn every_kind_of_record_has_a_place() {
    for record in odd() {
        let item =
            Item { kind: record["resourceType"].as_str().unwrap(), id: "1", value: &record, source: "old", encounter: None };
        assert_ne!(section_of(&item), Place::Header, "{record}");
    }
}
