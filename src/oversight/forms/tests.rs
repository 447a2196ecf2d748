//! The FHIR form against the rules of IHE BALP (spec audit.md §4), for every event of the log; and texts that do harm, in
//! every form they leave in.
//!
//! Not for: the structure of AuditEvent itself; `tests/oversight.rs` has a FHIR library check that.

use serde_json::{Map, Value, json};

use super::fhir::{Site, events, events_of};
use super::{csv, wide};
use crate::audit::EVENTS;
use crate::oversight::line::Line;
use crate::oversight::projection::Original;

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

fn site() -> Site {
    Site { archive: "urn:uuid:5b0a2f66-4f5b-4b0e-9d0c-0d2b6f1f6c11".into(), host: "archive.example.org".into() }
}

/// An entry with everything in it.
fn entry(event: &str, patients: usize, outcome: &str) -> Value {
    json!({
        "v": 1, "seq": 7, "id": "0198f3c2-7d11-7c55-9f5e-6a0f5d3c1b2a", "ts": "2026-11-23T04:05:06.000789Z", "prev": "00",
        "event": event, "action": "R", "outcome": outcome,
        "user": { "iss": "https://idp.example.org", "sub": "u-1", "name": "Ann Quill", "roles": ["clinician"] },
        "client": { "client_id": "viewer", "session": "aa", "token_jti": "jti-1" },
        "net": { "ip": "10.0.0.1", "ua": "Browser" },
        "patients": (0..patients).map(|n| json!({ "archive_id": format!("mer.{n}") })).collect::<Vec<_>>(),
        "shown": [{ "accession": "acc-0123456789abcdef", "count": 3, "generation": 1, "ordinals": "0-2" }],
        "purpose": [{ "code": "TREAT", "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason" }],
        "query": { "method": "GET", "path": "/fhir/Observation?patient=mer.0", "clean": "patient=mer.0", "hits": 3 },
        "req_id": "r-1", "policy": "ab",
        "recipient": { "name": "Agency", "address": "1 Street", "authority": "public-health" },
        "detail": { "description": "Two reports" }
    })
}

fn line(value: &Value) -> Line {
    Line::parse(value.to_string().as_bytes(), 7)
}

fn agents<'a>(event: &'a Value, system: &str, code: &str) -> Vec<&'a Value> {
    let has = |agent: &&Value| agent["type"]["coding"][0]["system"] == system && agent["type"]["coding"][0]["code"] == code;
    event["agent"].as_array().unwrap().iter().filter(has).collect()
}

fn entities<'a>(event: &'a Value, kind: &str, role: &str) -> Vec<&'a Value> {
    let has = |entity: &&Value| entity["type"]["code"] == kind && (role.is_empty() || entity["role"]["code"] == role);
    event["entity"].as_array().map_or(Vec::new(), |all| all.iter().filter(has).collect())
}

fn codes(event: &Value) -> (String, Vec<String>) {
    let subtypes = event["subtype"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_string());
    (event["type"]["code"].as_str().unwrap().to_string(), subtypes.collect())
}

/// The rules of a BALP profile that an event claims; the error names the one that is broken.
fn check_profile(event: &Value) -> Result<(), String> {
    let demand = |holds: bool, rule: &str| if holds { Ok(()) } else { Err(format!("{rule}: {event}")) };
    let Some(profile) = event["meta"]["profile"][0].as_str() else { return Ok(()) };
    let name = profile.strip_prefix("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.").unwrap();
    demand(event["outcome"] == "0", "a profile is of success")?;
    demand(event["source"]["observer"].is_object(), "source.observer")?;
    let (kind, subtypes) = codes(event);
    let patients = entities(event, "1", "1");
    let users = agents(event, "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP");
    let one = |list: &[&Value]| list.len() == 1;
    match name {
        "PatientRead" | "Read" => {
            demand(kind == "rest" && subtypes.contains(&"read".into()) && event["action"] == "R", "type of a read")?;
            demand(one(&agents(event, DCM, "110152")) && one(&agents(event, DCM, "110153")), "client 110152, server 110153")?;
            let data: Vec<_> = entities(event, "2", "4").into_iter().chain(entities(event, "2", "3")).collect();
            demand(one(&data) && data[0]["what"].is_object(), "one data entity with what")?;
        }
        "PatientQuery" | "Query" => {
            demand(kind == "rest" && subtypes.contains(&"search-type".into()) && event["action"] == "E", "type of a search")?;
            demand(one(&agents(event, DCM, "110153")) && one(&agents(event, DCM, "110152")), "client and server")?;
            demand(agents(event, DCM, "110153")[0]["who"]["identifier"]["value"] == "viewer", "the client is the source")?;
            let query = entities(event, "2", "24");
            demand(one(&query) && query[0]["query"].is_string() && query[0]["description"].is_string(), "one query entity")?;
            let forbidden = ["what", "lifecycle", "detail", "name"];
            demand(forbidden.iter().all(|member| query[0].get(member).is_none()), "a query entity holds the query alone")?;
        }
        "PrivacyDisclosure.Source" => {
            demand(kind == "110106" && subtypes.contains(&"disclose".into()) && event["action"] == "R", "type of a disclosure")?;
            let source = agents(event, DCM, "110153");
            demand(
                one(&source) && source[0]["who"]["identifier"] == event["source"]["observer"]["identifier"],
                "the source observes",
            )?;
            let recipient = agents(event, DCM, "110152");
            demand(one(&recipient) && recipient[0]["network"]["address"].is_string(), "the recipient has a network address")?;
            demand(source[0]["network"].is_object(), "the source has a network address")?;
            demand(one(&agents(event, "http://snomed.info/sct", "159541003")), "custodian")?;
            demand(one(&agents(event, "http://snomed.info/sct", "429577009")), "authorizer")?;
            demand(!entities(event, "2", "4").is_empty() && event["entity"].as_array().unwrap().len() >= 2, "patient and data")?;
            return demand(one(&patients), "one patient");
        }
        other => return Err(format!("unknown profile {other}")),
    }
    demand(one(&users) && users[0]["requestor"] == true && users[0]["who"].is_object(), "one user, who asked")?;
    demand(name.starts_with("Patient") == one(&patients) && patients.len() <= 1, "one patient where the profile has one")?;
    let transactions = entities(event, "XrequestId", "");
    demand(one(&transactions) && transactions[0]["what"]["identifier"]["value"] == "r-1", "the request id")?;
    let oauth = agents(event, "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes", "UserOauthAgent");
    demand(one(&oauth) && oauth[0]["policy"][0] == "urn:ietf:params:oauth:jti:jti-1", "the token's id")
}

/// What R4 asks of every AuditEvent.
fn check_r4(event: &Value) {
    for (name, is_there) in [
        ("type", event["type"]["code"].is_string()),
        ("recorded", event["recorded"].as_str().is_some_and(|at| at.ends_with('Z'))),
        ("observer", event["source"]["observer"].is_object()),
        ("subtype is Coding", event["subtype"].as_array().is_some_and(|all| all.iter().all(|it| it["code"].is_string()))),
    ] {
        assert!(is_there, "{name}: {event}");
    }
    for agent in event["agent"].as_array().unwrap() {
        assert!(agent["requestor"].is_boolean(), "{event}");
        assert!(agent["network"].is_null() || ["1", "2", "5"].contains(&agent["network"]["type"].as_str().unwrap()), "{event}");
    }
    assert!(event["agent"].as_array().unwrap().iter().any(|agent| agent["requestor"] == true), "{event}");
    for entity in event["entity"].as_array().into_iter().flatten() {
        assert!(entity["name"].is_null() || entity["query"].is_null(), "sev-1: {event}");
    }
    no_empty(event);
}

/// FHIR: no empty text, list or object.
fn no_empty(value: &Value) {
    match value {
        Value::Object(members) => {
            assert!(!members.is_empty());
            members.values().for_each(no_empty);
        }
        Value::Array(items) => {
            assert!(!items.is_empty());
            items.iter().for_each(no_empty);
        }
        Value::String(text) => assert!(!text.trim().is_empty()),
        Value::Null => panic!("null in FHIR"),
        _ => {}
    }
}

#[test]
fn every_event_has_its_form_and_claims_a_profile_only_where_it_keeps_its_rules() {
    let mut claimed = std::collections::BTreeSet::new();
    for event in EVENTS {
        for patients in [0, 1, 3] {
            for outcome in ["0", "4", "8"] {
                let made = events(&line(&entry(event, patients, outcome)), &site());
                assert_eq!(made.len(), patients.max(1), "{event}");
                for (number, made) in made.iter().enumerate() {
                    assert_eq!(made["id"], format!("0198f3c2-7d11-7c55-9f5e-6a0f5d3c1b2a-{number}"));
                    check_r4(made);
                    check_profile(made).unwrap_or_else(|rule| panic!("{event}: {rule}"));
                    claimed.extend(
                        made["meta"]["profile"][0].as_str().map(|it| it.rsplit("BasicAudit.").next().unwrap().to_string()),
                    );
                    assert!(outcome == "0" || made.get("meta").is_none(), "a failure claims no profile");
                    assert!(patients == 0 || entities(made, "1", "1")[0]["what"]["reference"] == format!("Patient/mer.{number}"));
                }
            }
        }
        // Bare entries have nothing but event, time and outcome.
        let bare = json!({ "id": "0198f3c2-7d11-7c55-9f5e-6a0f5d3c1b2a", "ts": "2026-11-23T04:05:06.000789Z", "event": event, "outcome": "0" });
        events(&line(&bare), &site()).iter().for_each(check_r4);
        assert!(events_of(None, Some(event)).is_empty() || events_of(None, Some(event)) == [*event]);
    }
    let all = ["PatientQuery", "PatientRead", "PrivacyDisclosure.Source", "Query", "Read"];
    assert_eq!(claimed.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn the_table_of_codes_is_that_of_the_specification() {
    let table = [
        ("record.read", "rest", "read", "R"),
        ("record.search", "rest", "search-type", "E"),
        ("record.everything", "rest", "operation", "E"),
        ("disclosure", "110106", "disclose", "R"),
        ("export.bulk.end", "110106", "extract", "R"),
        ("auth.login", "110114", "110122", "E"),
        ("auth.logout", "110114", "110123", "E"),
        ("authz.denied", "110113", "AuthZ-Role", "E"),
        ("btg.start", "110113", "110127", "E"),
        ("btg.stop", "110113", "110138", "E"),
        ("audit.query", "110101", "audit.query", "R"),
        ("ingest.run", "110107", "ingest.run", "R"),
        ("user.role_changed", "110113", "110136", "R"),
    ];
    for (event, kind, subtype, action) in table {
        let made = events(&line(&entry(event, 1, "0")), &site()).remove(0);
        let found = codes(&made);
        assert_eq!((found.0.as_str(), found.1[0].as_str(), made["action"].as_str().unwrap()), (kind, subtype, action), "{event}");
    }
}

#[test]
fn a_failed_sign_in_names_nobody_and_break_glass_gives_its_reason() {
    let failed = events(&line(&entry("auth.login_failed", 0, "4")), &site()).remove(0);
    let typed: Vec<&Value> = failed["agent"].as_array().unwrap().iter().filter(|agent| agent["altId"] == "u-1").collect();
    assert!(typed.len() == 1 && typed[0].get("who").is_none());
    let mut used = entry("record.read", 1, "0");
    used["btg"] = json!({ "id": "b-1", "reason_code": "emergency", "reason_text": "Unconscious, no relative here" });
    let used = events(&line(&used), &site()).remove(0);
    assert_eq!(used["purposeOfEvent"][1]["coding"][0]["code"], "BTG");
    assert_eq!(used["purposeOfEvent"][1]["text"], "Unconscious, no relative here");
    assert_eq!(entities(&used, "2", "13")[0]["what"]["identifier"]["value"], "b-1");
}

/// Newline, terminal escape, formula, line separator, and a mebibyte (cut in the log).
fn hostile() -> Vec<Value> {
    let cut = json!({ "text": "x".repeat(64 << 10), "sha256": "ab".repeat(32), "truncated": true });
    let mut all: Vec<Value> =
        ["a\r\nb", "\u{1b}[31m\u{7}", "=cmd|' /C calc'!A0", "x\u{2028}y", "\u{0}\"},{\"event\":\"forged\"", " "]
            .iter()
            .map(|text| json!(text))
            .collect();
    all.push(cut);
    all
}

#[test]
fn hostile_texts_stay_texts_in_ndjson_and_csv() {
    for text in hostile() {
        let mut hostile = entry("record.search", 1, "0");
        hostile["net"]["ua"] = text.clone();
        hostile["user"]["name"] = text.clone();
        hostile["query"]["clean"] = text.clone();
        hostile["query"]["path"] = text.clone();
        hostile["outcome_desc"] = text.clone();
        hostile["detail"] = json!({ "agency": text });
        let line = line(&hostile);
        for event in events(&line, &site()) {
            let written = event.to_string();
            assert!(!written.contains(['\n', '\r', '\u{1b}', '\0']), "one line, nothing that a terminal obeys");
            let read: Map<String, Value> = serde_json::from_str(&written).unwrap();
            assert_eq!(read["subtype"][0]["code"], "search-type");
            check_r4(&event);
        }
        let original = Original { stream: "s0000".into(), seq: 7, payload: hostile.to_string().into_bytes(), leaf: [0; 32] };
        let cells: Vec<String> = wide::row(&original, &line, Some("mer.0")).iter().map(|cell| cell.text()).collect();
        assert_eq!(cells.len(), wide::COLUMNS.len());
        let mut row = String::new();
        csv::push_row(&mut row, cells.iter().map(String::as_str));
        assert!(!row.contains(['\u{1b}', '\0', '\u{7}']), "{row:?}");
        // A reader of its own gives the cells back, each at its place, none of them a formula.
        let read = read_csv(&row);
        assert_eq!(read.len(), 1, "{row:?}");
        assert_eq!(read[0].len(), wide::COLUMNS.len());
        assert!(read[0].iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{row:?}");
    }
}

fn read_csv(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv_core::Reader::new();
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), Vec::new());
    let mut input = text.as_bytes();
    loop {
        let mut out = [0u8; 64];
        let (result, read, written) = reader.read_field(input, &mut out);
        input = &input[read..];
        field.extend_from_slice(&out[..written]);
        match result {
            csv_core::ReadFieldResult::Field { record_end } => {
                row.push(String::from_utf8(std::mem::take(&mut field)).unwrap());
                if record_end {
                    rows.push(std::mem::take(&mut row));
                }
            }
            csv_core::ReadFieldResult::End => return rows,
            _ => {}
        }
    }
}
