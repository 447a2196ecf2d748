//! The clinical sections from small FHIR records of odd shapes.
//!
//! Not for: whole documents (`tests/ccd`).

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use super::allergies::allergies;
use super::immunizations::immunizations;
use super::medications::medications;
use super::problems::problems;
use super::procedures::procedures;
use super::results::results;
use super::vitals::vitals;
use crate::render::ccd::cda::{
    Bound, Class, Code, Entry, Id, Null, Organization, Quantity, Section, SectionEntry, Time, Ts, Value,
};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::{Chart, Item, Request};

pub(super) fn request() -> Request {
    Request {
        archive: "6f1c0a52-93c5-4f0e-8d5b-0c1b1f6c7a11".into(),
        custodian: Organization::default(),
        software: "test".into(),
        created: Ts("20260102030405+0000".into()),
        cutover: None,
        encounter: None,
        from: None,
        to: None,
        confidentiality: "N",
        prohibition: None,
        says_withheld: false,
        masks_ids: false,
    }
}

/// The section of records of one chart, whose ids are their places: `r0`, `r1`, …. What every section must hold is checked on it.
#[track_caller]
fn of(build: fn(&Context<'_>) -> Section, records: &Json) -> Section {
    let records: Vec<&Json> = records.as_array().unwrap().iter().collect();
    let ids: Vec<String> = (0..records.len()).map(|n| format!("r{n}")).collect();
    let item = |(value, id): (&'static Json, &'static String)| Item {
        kind: value["resourceType"].as_str().unwrap(),
        id,
        value,
        source: "Old System",
        encounter: None,
    };
    // Leaked: a test's chart may live for ever.
    let records: &'static [Json] = Box::leak(records.into_iter().cloned().collect());
    let ids: &'static [String] = Box::leak(ids.into_boxed_slice());
    let chart = Chart { records: records.iter().zip(ids).map(item).collect(), ..Chart::default() };
    let request = request();
    let section = build(&Context::new(&chart, &request));
    holds_together(&section);
    section
}

/// Every anchor is given once, every reference resolves, every row has all its columns, and words of the source system stand in
/// each row of a record.
#[track_caller]
fn holds_together(section: &Section) {
    let mut anchors: HashSet<&Anchor> = HashSet::new();
    for table in &section.narrative.tables {
        for row in &table.rows {
            assert_eq!(row.cells.len(), table.columns.len());
            assert!(anchors.insert(&row.anchor), "{:?}", row.anchor);
            row.cells
                .iter()
                .filter_map(|cell| cell.anchor.as_ref())
                .for_each(|anchor| assert!(anchors.insert(anchor), "{anchor:?}"));
        }
    }
    for passage in &section.narrative.passages {
        anchors.remove(&passage.anchor);
        assert!(anchors.insert(&passage.anchor));
    }
    assert_eq!(section.null.is_some(), section.entries.is_empty());
    let mut ids = HashSet::new();
    section.entries.iter().for_each(|SectionEntry { entry }| check(entry, &anchors, &mut ids));
}

#[track_caller]
fn check(entry: &Entry, anchors: &HashSet<&Anchor>, ids: &mut HashSet<String>) {
    let values = entry.values.iter().filter_map(|value| match value {
        Value::Code(code) | Value::CodeCe(code) => Some(code),
        _ => None,
    });
    let players = entry.participants.iter().filter_map(|p| p.player.as_ref()?.code.as_ref());
    let codes = values.chain(players).chain(&entry.code).chain(&entry.route).chain(entry.product.as_ref().map(|p| &p.code));
    let places = codes.filter_map(|code| code.original.as_ref()).chain(&entry.text);
    places.for_each(|anchor| assert!(anchors.contains(anchor), "{anchor:?} is nowhere"));
    assert!(
        entry.templates.is_empty() || entry.text.is_some() || entry.class == Class::Supply || entry.ids.is_empty(),
        "{entry:?}"
    );
    for id in &entry.ids {
        assert!(ids.insert(format!("{id:?}")), "{id:?} stands twice");
    }
    entry.related.iter().map(|r| &r.entry).chain(&entry.components).for_each(|inside| check(inside, anchors, ids));
}

/// All words of the narrative.
fn words(section: &Section) -> String {
    let narrative = &section.narrative;
    let cells = narrative.tables.iter().flat_map(|t| &t.rows).flat_map(|row| &row.cells).map(|cell| cell.words.as_str());
    let passages = narrative.passages.iter().map(|passage| passage.text.as_str());
    cells.chain(passages).chain(narrative.notes.iter().map(String::as_str)).collect::<Vec<_>>().join(" | ")
}

fn first(section: &Section) -> &Entry {
    &section.entries[0].entry
}

/// The observation within a concern.
fn inner(section: &Section) -> &Entry {
    &first(section).related[0].entry
}

fn code_of(value: &Value) -> &Code {
    match value {
        Value::Code(code) | Value::CodeCe(code) => code,
        other => panic!("{other:?}"),
    }
}

fn at(text: &str) -> Bound<Ts> {
    Bound::Given(Ts(text.into()))
}

const UNKNOWN: Bound<Ts> = Bound::Null(Null::Unknown);

fn status(system: &str, code: &str) -> Json {
    json!({"coding": [{"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code}]})
}

#[test]
fn sections_without_records_say_so() {
    for build in [allergies, problems, medications, results, vitals, immunizations, procedures] {
        let section = of(build, &json!([]));
        assert_eq!((section.null, words(&section).as_str()), (Some(Null::NoInformation), "No information"));
    }
}

#[test]
fn an_allergy_with_its_reactions() {
    let section = of(
        allergies,
        &json!([{"resourceType": "AllergyIntolerance", "type": "allergy", "category": ["medication"],
        "clinicalStatus": status("allergyintolerance-clinical", "active"), "criticality": "high", "recordedDate": "2010-02",
        "onsetDateTime": "2009", "note": [{"text": "per mother"}],
        "code": {"text": "PCN", "coding": [{"system": "urn:archive:old:alg", "code": "A7"},
            {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "7980", "display": "penicillin G"}]},
        "reaction": [{"manifestation": [{"text": "hives"}, {"coding": [{"system": "http://snomed.info/sct", "code": "39579001"}]}],
            "severity": "severe"}, {"description": "felt odd"}]}]),
    );
    let concern = first(&section);
    assert_eq!(concern.status, Some("active"));
    assert_eq!(concern.times, [Time::Span { low: Some(at("201002")), high: None }]);
    let allergy = inner(&section);
    assert_eq!(code_of(&allergy.values[0]).code.as_deref(), Some("416098002"));
    assert_eq!(allergy.times, [Time::Span { low: Some(at("2009")), high: None }]);
    let substance = allergy.participants[0].player.as_ref().unwrap().code.as_ref().unwrap();
    assert_eq!((substance.code.as_deref(), substance.translations.len()), (Some("7980"), 1));
    let reactions: Vec<&Entry> = allergy.related.iter().filter(|r| r.type_code == "MFST").map(|r| &r.entry).collect();
    assert_eq!(reactions.len(), 3);
    assert_eq!(code_of(&reactions[0].related[0].entry.values[0]).code.as_deref(), Some("24484000"));
    assert_eq!(code_of(&reactions[2].values[0]).null, Some(Null::Other), "only described");
    let text = words(&section);
    for said in ["PCN", "hives", "felt odd", "A7 (urn:archive:old:alg)", "2009", "2010-02", "per mother", "Old System", "active"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn only_a_recorded_negative_is_negated() {
    let allergy = |more: Json| {
        let mut record = json!({"resourceType": "AllergyIntolerance"});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of(allergies, &json!([record]))
    };
    for (code, kind) in [
        (json!({"coding": [{"system": "http://snomed.info/sct", "code": "716186003"}]}), "419199007"),
        (json!({"text": "NKDA"}), "416098002"),
        (json!({"text": "No known food allergies"}), "414285001"),
    ] {
        let section = allergy(json!({"code": code}));
        let own = inner(&section);
        assert_eq!((own.negated, code_of(&own.values[0]).code.as_deref()), (Some(true), Some(kind)), "{code}");
        let substance = own.participants[0].player.as_ref().unwrap().code.as_ref().unwrap();
        assert_eq!((substance.null, substance.code.as_deref()), (Some(Null::NotApplicable), None));
        assert_eq!(own.times, [Time::Span { low: Some(Bound::Null(Null::NoInformation)), high: None }]);
    }
    // What is refuted, mistaken or not known stands in words alone.
    for (record, said) in [
        (
            json!({"code": {"text": "latex"}, "verificationStatus": status("allergyintolerance-verification", "refuted")}),
            "refuted",
        ),
        (json!({"code": {"text": "latex"}, "verificationStatus": {"text": "entered-in-error"}}), "entered in error"),
        (json!({"code": {"text": "No known latex allergy"}}), "No known latex allergy"),
    ] {
        let section = allergy(record);
        assert!(section.entries.is_empty() && words(&section).contains(said), "{said}");
    }
    let bare = allergy(json!({}));
    assert_eq!(inner(&bare).negated, None);
    assert_eq!(inner(&bare).participants[0].player.as_ref().unwrap().code.as_ref().unwrap().null, Some(Null::Unknown));
    assert!(words(&bare).contains("status not recorded"));
}

#[test]
fn problems_and_when_they_were() {
    let clinical = |code: &str| status("condition-clinical", code);
    let span = |low: Bound<Ts>, high: Option<Bound<Ts>>| Time::Span { low: Some(low), high };
    for (more, concern, time) in [
        (json!({"clinicalStatus": clinical("active"), "onsetDateTime": "2011-05-06"}), "active", span(at("20110506"), None)),
        (json!({"clinicalStatus": clinical("resolved")}), "completed", span(UNKNOWN, Some(UNKNOWN))),
        (json!({"abatementDateTime": "2012"}), "completed", span(UNKNOWN, Some(at("2012")))),
        (
            json!({"abatementString": "in childhood", "clinicalStatus": clinical("inactive")}),
            "completed",
            span(UNKNOWN, Some(UNKNOWN)),
        ),
        (json!({"clinicalStatus": clinical("remission")}), "active", span(UNKNOWN, None)),
        (json!({"onsetPeriod": {"start": "2001", "end": "2002"}}), "active", span(at("2001"), None)),
        (json!({"onsetAge": {"value": 40, "unit": "years"}}), "active", span(UNKNOWN, None)),
        (json!({"onsetDateTime": "spring"}), "active", span(UNKNOWN, None)),
    ] {
        let mut record = json!({"resourceType": "Condition", "code": {"text": "Gout"}});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let section = of(problems, &json!([record]));
        assert_eq!((first(&section).status, &inner(&section).times), (Some(concern), &vec![time]), "{more}");
    }
    let text = words(&of(
        problems,
        &json!([{"resourceType": "Condition", "onsetAge": {"value": 40, "unit": "years"}},
        {"resourceType": "Condition", "onsetString": "as a child", "abatementString": "at school"}]),
    ));
    let told = words(&of(problems, &json!([{"resourceType": "Condition", "text": {"div": "<div>Chronic <b>cough</b></div>"}}])));
    assert!(told.contains("Chronic cough"), "{told}");
    assert!(text.contains("age 40 years") && text.contains("as a child") && text.contains("at school"), "{text}");
}

#[test]
fn codes_of_a_problem() {
    let icd = json!({"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M10.9", "display": "Gout, unspecified"});
    let section = of(
        problems,
        &json!([{"resourceType": "Condition", "code": {"coding": [icd], "text": "gouty toe"},
        "category": [status("condition-category", "encounter-diagnosis")]}]),
    );
    let value = code_of(&inner(&section).values[0]);
    assert_eq!((value.null, value.translations[0].code.as_deref()), (Some(Null::Other), Some("M10.9")));
    assert!(value.original.is_some());
    assert_eq!(inner(&section).code.as_ref().unwrap().code.as_deref(), Some("282291009"));
    assert!(words(&section).contains("M10.9 Gout, unspecified (ICD-10-CM)") && words(&section).contains("gouty toe"));

    let section = of(problems, &json!([{"resourceType": "Condition", "code": {"text": "No known problems"}}]));
    assert_eq!((inner(&section).negated, code_of(&inner(&section).values[0]).code.as_deref()), (Some(true), Some("55607006")));
    for verification in ["refuted", "differential", "entered-in-error"] {
        let section = of(
            problems,
            &json!([{"resourceType": "Condition", "code": {"text": "lupus"},
            "verificationStatus": status("condition-ver-status", verification)}]),
        );
        assert!(section.entries.is_empty() && words(&section).contains("lupus"), "{verification}");
    }
}

#[test]
fn drugs_of_all_kinds() {
    let rxnorm = json!({"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "860975"});
    let ndc = json!({"system": "http://hl7.org/fhir/sid/ndc", "code": "00093-1048-01"});
    let section = of(
        medications,
        &json!([
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2014-03-12",
            "medicationCodeableConcept": {"coding": [ndc, rxnorm], "text": "Metformin 500"},
            "dosageInstruction": [{"text": "1 tab PO BID", "route": {"text": "PO"}, "asNeededBoolean": true,
                "timing": {"code": {"text": "BID"}, "repeat": {"boundsPeriod": {"start": "2014-03-13"}}},
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tab"}}]}],
            "reasonCode": [{"text": "sugar"}], "dispenseRequest": {"numberOfRepeatsAllowed": 2, "quantity": {"value": 60}}},
        {"resourceType": "MedicationDispense", "status": "completed", "whenHandedOver": "2014-03-14",
            "authorizingPrescription": [{"reference": "MedicationRequest/r0"}], "medicationCodeableConcept": {"text": "Metformin"}}]),
    );
    let [entry] = section.entries.as_slice() else { panic!("{}", section.entries.len()) };
    let order = &entry.entry;
    let drug = &order.product.as_ref().unwrap().code;
    assert_eq!((drug.code.as_deref(), drug.translations[0].code.as_deref()), (Some("860975"), Some("00093-1048-01")));
    assert_eq!((order.mood, order.status), (Some("INT"), Some("active")));
    assert_eq!(order.times[0], Time::Span { low: Some(at("20140313")), high: None });
    assert!(matches!(&order.times[1], Time::Every { value, unit, .. } if value == "12" && unit == "h"));
    assert_eq!(order.dose, Some(Bound::Given(Quantity { value: "1".into(), unit: None })));
    assert_eq!(order.route.as_ref().unwrap().code.as_deref(), Some("C38288"));
    assert!(order.precondition.is_some() && order.administration_unit.is_some());
    let supplies: Vec<&Entry> = order.related.iter().map(|r| &r.entry).filter(|e| e.class == Class::Supply).collect();
    assert_eq!((supplies[0].repeat.as_deref(), supplies[0].mood), (Some("3"), Some("INT")), "refills and the first time");
    assert_eq!((supplies[1].times.as_slice(), supplies[1].mood), ([Time::At(Ts("20140314".into()))].as_slice(), Some("EVN")));
    assert!(words(&section).contains("1 tab PO BID") && words(&section).contains("00093-1048-01 (NDC)"));
    let sig = order.related.iter().find(|r| r.type_code == "COMP").unwrap();
    assert_eq!(sig.entry.code.as_ref().unwrap().code.as_deref(), Some("76662-6"));
    let why = order.related.iter().find(|r| r.type_code == "RSON").unwrap();
    assert_eq!(code_of(&why.entry.values[0]).null, Some(Null::Other));
}

#[test]
fn drugs_of_odd_shapes() {
    let one = |record: Json| of(medications, &json!([record]));
    // A dispense alone was still meant to be taken.
    let section = one(json!({"resourceType": "MedicationDispense", "medicationCodeableConcept": {"text": "aspirin"}}));
    assert_eq!((first(&section).mood, first(&section).related[0].entry.class), (Some("INT"), Class::Supply));

    let section = one(
        json!({"resourceType": "MedicationStatement", "status": "unknown", "medicationReference": {"reference": "#m"},
        "contained": [{"resourceType": "Medication", "id": "m", "ingredient": [
            {"itemCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161", "display": "acetaminophen"}]}},
            {"itemCodeableConcept": {"text": "codeine"}}]}]}),
    );
    let drug = &first(&section).product.as_ref().unwrap().code;
    assert_eq!((first(&section).status, drug.null, drug.translations.len()), (None, Some(Null::Other), 1));
    assert!(words(&section).contains("acetaminophen + codeine"));
    assert_eq!(first(&section).dose, Some(Bound::Null(Null::Unknown)));

    let section = one(
        json!({"resourceType": "MedicationAdministration", "status": "not-done", "effectiveDateTime": "2014-03-12T09:30:00-05:00",
        "statusReason": [{"text": "refused"}], "medicationCodeableConcept": {"text": "heparin"},
        "dosage": {"dose": {"value": 5000, "unit": "U"}, "rateQuantity": {"value": 3, "unit": "ml/hr"}, "route": {"text": "SC"}}}),
    );
    let given = first(&section);
    assert_eq!((given.negated, &given.times[0]), (Some(true), &Time::At(Ts("20140312093000-0500".into()))));
    assert_eq!(given.rate.as_ref().unwrap().unit.as_deref(), Some("mL/h"));
    assert_eq!(given.dose, Some(Bound::Given(Quantity { value: "5000".into(), unit: Some("U".into()) })));
    assert!(words(&section).contains("not done: refused"));

    let section = one(
        json!({"resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": {"text": "No known medications"}}),
    );
    assert_eq!((first(&section).negated, &first(&section).times[0]), (Some(true), &Time::Null(Null::NotApplicable)));
    for status in ["entered-in-error", "draft"] {
        let section = one(
            json!({"resourceType": "MedicationRequest", "status": status, "medicationCodeableConcept": {"text": "warfarin"}}),
        );
        assert!(section.entries.is_empty() && words(&section).contains("warfarin"));
    }
}

fn lab(more: Json) -> Json {
    let mut record = json!({"resourceType": "Observation", "status": "final", "effectiveDateTime": "2014-03-12",
        "category": [status("observation-category", "laboratory")], "code": {"text": "Sodium"}});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

#[test]
fn values_of_results() {
    let pq = |value: &str, unit: &str| Quantity { value: value.into(), unit: Some(unit.into()) };
    let long = "necrotic tissue ".repeat(5000);
    for (more, value, said) in [
        (
            json!({"valueQuantity": {"value": 5, "comparator": "<", "unit": "pg/mL"}}),
            Value::Range { low: None, high: Some((pq("5", "pg/mL"), false)) },
            "< 5 pg/mL",
        ),
        (json!({"valueQuantity": {"value": 7, "unit": "K/uL"}}), Value::Quantity(pq("7", "10*3/uL")), "7 K/uL"),
        (json!({"valueQuantity": {"value": 7, "unit": "wibble"}}), Value::Text("7 wibble".into()), "7 wibble"),
        (json!({"valueString": "trace"}), Value::Text("trace".into()), "trace"),
        (json!({"valueString": long.trim()}), Value::Text(long.trim().into()), long.trim()),
        (json!({"valueInteger": 3}), Value::Integer("3".into()), "3"),
        (json!({"valueInteger": 3_000_000_000_u64}), Value::Text("3000000000".into()), "3000000000"),
        (json!({"valueBoolean": false}), Value::Boolean(false), "no"),
        (json!({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}), Value::Text("1:128".into()), "1:128"),
        (
            json!({"valueRange": {"low": {"value": 3, "unit": "mg"}}}),
            Value::Range { low: Some((pq("3", "mg"), true)), high: None },
            "3 mg or more",
        ),
        (json!({"valueAttachment": {"title": "scan"}}), Value::Text("{\"title\":\"scan\"}".into()), "scan"),
        (
            json!({"dataAbsentReason": {"coding": [{"code": "not-asked"}]}}),
            Value::Null("CD", Null::NotAsked),
            "no value: not asked",
        ),
        (json!({}), Value::Null("CD", Null::NoInformation), "Sodium"),
    ] {
        let section = of(results, &json!([lab(more)]));
        let result = &first(&section).components[0];
        assert_eq!(result.values, [value], "{said}");
        assert_eq!(result.times, [Time::At(Ts("20140312".into()))]);
        assert!(words(&section).contains(said), "{said}");
    }
}

#[test]
fn flags_ranges_and_states_of_results() {
    let section = of(
        results,
        &json!([lab(json!({"valueQuantity": {"value": 150, "unit": "mmol/l"}, "method": {"text": "ISE"},
        "interpretation": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0078", "code": "H"}]}, {"text": "L"}, {"text": "odd"}],
        "referenceRange": [{"low": {"value": 135}, "high": {"value": 145}}, {"text": "see note"}, {}],
        "code": {"coding": [{"system": "urn:archive:old:lab", "code": "NA", "display": "Sodium"}]}}))]),
    );
    let result = &first(&section).components[0];
    let flags: Vec<_> = result.interpretations.iter().map(|code| code.code.as_deref()).collect();
    assert_eq!(flags, [Some("H"), Some("L"), None]);
    assert!(result.interpretations.iter().take(2).all(|c| c.system.as_deref() == Some("2.16.840.1.113883.5.83")));
    let [range, text] = result.ranges.as_slice() else { panic!("{:?}", result.ranges) };
    let bound = |value: &str| Some((Quantity { value: value.into(), unit: Some("mmol/L".into()) }, true));
    assert_eq!(range.value, Some(Value::Range { low: bound("135"), high: bound("145") }), "the value's unit");
    assert_eq!(text.value, Some(Value::Text("see note".into())));
    assert!(words(&section).contains("NA (urn:archive:old:lab)"));
    for (state, act) in [
        ("final", Some("completed")),
        ("preliminary", Some("active")),
        ("cancelled", Some("cancelled")),
        ("", Some("completed")),
        ("entered-in-error", None),
    ] {
        let section = of(results, &json!([lab(json!({"status": state, "valueString": "x"}))]));
        assert_eq!(section.entries.first().and_then(|e| e.entry.status), act, "{state}");
        assert!(words(&section).contains("Sodium"));
    }
}

#[test]
fn every_result_stands_once_under_the_first_report_that_names_it() {
    let names = |entry: &Entry| entry.components.iter().map(|c| format!("{:?}", c.ids)).collect::<Vec<_>>();
    let section = of(
        results,
        &json!([
        {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "Electrolytes"}, "effectiveDateTime": "2014-03-12",
            "conclusion": "dry", "result": [{"reference": "Observation/r2"}, {"reference": "Observation/gone"}, {"reference": "Observation/r4"}]},
        {"resourceType": "DiagnosticReport", "status": "amended", "code": {"text": "Again"}, "result": [{"reference": "Observation/r2"}]},
        lab(json!({"valueString": "x"})),
        lab(json!({"valueString": "alone", "effectiveDateTime": "2015"})),
        lab(json!({"hasMember": [{"reference": "Observation/r5"}], "code": {"text": "Sub"}})),
        lab(json!({"valueString": "deep", "hasMember": [{"reference": "Observation/r4"}]})),
        lab(json!({"hasMember": [{"reference": "Observation/r7"}], "valueString": "ring"})),
        lab(json!({"hasMember": [{"reference": "Observation/r6"}], "valueString": "ring"})),
        {"resourceType": "DiagnosticReport", "code": {"text": "X-ray"}, "presentedForm": [{"contentType": "image/tiff", "url": "Binary/1"}]}]),
    );
    let all: Vec<Vec<String>> = section.entries.iter().map(|e| names(&e.entry)).collect();
    let count = |id: &str| all.iter().flatten().filter(|name| name.contains(&format!("Observation/{id}\""))).count();
    for id in ["r2", "r3", "r5", "r6", "r7"] {
        assert_eq!(count(id), 1, "{id}: {all:?}");
    }
    let report =
        section.entries.iter().map(|e| &e.entry).find(|e| format!("{:?}", e.ids).contains("DiagnosticReport/r0")).unwrap();
    assert_eq!(report.components[0].values, [Value::Text("dry".into())]);
    assert_eq!(report.components.len(), 3);
    assert_eq!(report.times, [Time::Span { low: Some(at("20140312")), high: Some(at("20140312")) }]);
    assert!(section.entries.iter().all(|e| !e.entry.components.is_empty()), "an organizer is never empty");
    let rows = &section.narrative.tables;
    assert_eq!((rows[0].rows.len(), rows[1].rows.len()), (3, 6));
    assert!(words(&section).contains("Binary/1"));
    let text = of(
        results,
        &json!([{"resourceType": "DiagnosticReport", "code": {"text": "Path"},
        "presentedForm": [{"contentType": "text/plain", "data": "bGluZSBvbmUKbGluZSB0d28="}]}]),
    );
    assert!(words(&text).contains("line one\nline two"), "{}", words(&text));
}

fn vital(more: Json) -> Json {
    let mut record = json!({"resourceType": "Observation", "status": "final", "effectiveDateTime": "2014-03-12T09:30:00Z",
        "category": [status("observation-category", "vital-signs")]});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

#[test]
fn vital_signs_of_one_time_share_an_organizer() {
    let loinc = |code: &str| json!({"coding": [{"system": "http://loinc.org", "code": code}]});
    let mmhg = |value: u32| json!({"value": value, "unit": "mmHg"});
    let section = of(
        vitals,
        &json!([
            vital(json!({"code": loinc("85354-9"), "component": [{"code": loinc("8480-6"), "valueQuantity": mmhg(120)},
            {"code": loinc("8462-4"), "dataAbsentReason": {"text": "unknown"}}]})),
            vital(
                json!({"code": loinc("8867-4"), "valueQuantity": {"value": 72, "unit": "bpm"}, "interpretation": [{"text": "fine"}]})
            ),
            vital(json!({"code": loinc("8867-4"), "effectiveDateTime": "2015", "valueString": "irregular"}))
        ]),
    );
    let [later, earlier] = section.entries.as_slice() else { panic!("{}", section.entries.len()) };
    let (later, earlier) = (&later.entry, &earlier.entry);
    let (words_only, measured) = if later.components.len() == 1 { (later, earlier) } else { (earlier, later) };
    assert_eq!(measured.code.as_ref().unwrap().translations[0].code.as_deref(), Some("74728-7"));
    assert_eq!(measured.times, [Time::At(Ts("20140312093000+0000".into()))]);
    let pq = |value: &str, unit: &str| Value::Quantity(Quantity { value: value.into(), unit: Some(unit.into()) });
    assert_eq!(measured.components[0].values, [pq("120", "mm[Hg]")]);
    assert_eq!(measured.components[1].values, [pq("72", "/min")]);
    assert!(measured.components[1].interpretations.is_empty(), "words are no code");
    assert_eq!(measured.components[2].templates[0].root, "2.16.840.1.113883.10.20.22.4.2", "no number: a result");
    assert_eq!(words_only.templates[0].root, "2.16.840.1.113883.10.20.22.4.1");
    let section = of(vitals, &json!([vital(json!({"code": loinc("8867-4"), "valueString": "irregular"}))]));
    assert!(section.entries.is_empty() && words(&section).contains("irregular"), "without a measurement, words alone");
}

#[test]
fn vaccines_given_and_not() {
    let section = of(
        immunizations,
        &json!([{"resourceType": "Immunization", "status": "completed", "occurrenceDateTime": "2014-10",
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}], "text": "flu shot"}, "lotNumber": "L1",
        "manufacturer": {"display": "Acme"}, "route": {"text": "IM"}, "site": {"text": "left arm"}, "doseQuantity": {"value": 0.5, "unit": "ml"},
        "protocolApplied": [{"doseNumberPositiveInt": 2}], "primarySource": false, "reportOrigin": {"text": "school"}}]),
    );
    let given = first(&section);
    let product = given.product.as_ref().unwrap();
    assert_eq!((given.negated, product.code.code.as_deref(), product.lot.as_deref()), (Some(false), Some("140"), Some("L1")));
    assert_eq!(product.manufacturer.as_ref().unwrap().name.as_deref(), Some("Acme"));
    assert_eq!((given.repeat.as_deref(), given.route.as_ref().unwrap().code.as_deref()), (Some("2"), Some("C28161")));
    assert_eq!(given.dose, Some(Bound::Given(Quantity { value: "0.5".into(), unit: Some("mL".into()) })));
    for said in ["flu shot", "lot L1, Acme", "left arm", "dose 2", "school", "2014-10"] {
        assert!(words(&section).contains(said), "{said}: {}", words(&section));
    }
    let section = of(
        immunizations,
        &json!([{"resourceType": "Immunization", "status": "not-done", "vaccineCode": {"text": "MMR"},
        "statusReason": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "PATOBJ"}]}}]),
    );
    let refused = first(&section);
    assert_eq!((refused.negated, &refused.times), (Some(true), &vec![Time::Null(Null::Unknown)]));
    let reason = refused.related.iter().find(|r| r.type_code == "RSON").unwrap();
    assert_eq!(reason.entry.code.as_ref().unwrap().code.as_deref(), Some("PATOBJ"));
    assert!(words(&section).contains("not given: PATOBJ"));
    let section = of(immunizations, &json!([{"resourceType": "Immunization", "vaccineCode": {"text": "BCG"}}]));
    assert!(section.entries.is_empty() && words(&section).contains("BCG"), "given or not, the source does not say");
}

#[test]
fn procedures_done_and_not() {
    let one = |record: Json| of(procedures, &json!([record]));
    for (state, act, negated) in [
        ("completed", Some("completed"), None),
        ("unknown", Some("completed"), None),
        ("in-progress", Some("active"), None),
        ("stopped", Some("aborted"), None),
        ("not-done", Some("cancelled"), Some(true)),
        ("preparation", None, None),
        ("entered-in-error", None, None),
    ] {
        let section = one(
            json!({"resourceType": "Procedure", "status": state, "code": {"text": "appendectomy"}, "performedPeriod": {"start": "2014-03"}}),
        );
        let entry = section.entries.first().map(|e| &e.entry);
        assert_eq!((entry.and_then(|e| e.status), entry.and_then(|e| e.negated)), (act, negated), "{state}");
        assert!(words(&section).contains("appendectomy") && words(&section).contains("from 2014-03"));
    }
    let section = one(
        json!({"resourceType": "Procedure", "status": "completed", "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "44950"}]},
        "bodySite": [{"text": "belly"}], "category": {"coding": [{"code": "387713003"}]}, "complication": [{"text": "bleeding"}]}),
    );
    assert_eq!(first(&section).class, Class::Procedure);
    assert_eq!(first(&section).code.as_ref().unwrap().system.as_deref(), Some("2.16.840.1.113883.6.12"));
    assert!(words(&section).contains("complication: bleeding"));
    let advice = one(
        json!({"resourceType": "Procedure", "category": {"coding": [{"code": "409063005"}]}, "code": {"text": "diet advice"}}),
    );
    assert_eq!((first(&advice).class, &first(&advice).times), (Class::Act, &vec![Time::Null(Null::Unknown)]));
    assert!(matches!(first(&advice).ids[0], Id::Given { .. }));
}
