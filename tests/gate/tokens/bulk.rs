//! FHIR Bulk Data as a program meets it: its groups, asked for, polled, fetched in ranges and packed, removed; a server that dies meanwhile; what is hidden
//! and what others may not have. And a person's export over the API.
//!
//! Not for: exports at the command line (`exports`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::super::harness::{entries_by_request, post, shown};
use super::programs::{Program, form};
use super::{Place, observation, records};
use crate::support::issuer::{TestKey, jwks};
use crate::support::{Answer, Server, chartkeep, ingest_from, token};

const ASYNC: (&str, &str) = ("prefer", "respond-async");

/// Registers a program.
fn program(place: &Place, id: &'static str) -> Program {
    let program = Program { key: TestKey::new(id, Algorithm::ES384), id };
    let keys = place.keys_file.with_file_name(format!("{id}.json"));
    std::fs::write(&keys, jwks(&[&program.key])).expect("a writable folder");
    let archive = place.archive.to_str().expect("plain names");
    let words = ["client", "add", archive, id, "--label", "A program", "--scope", "system/*.rs", "--jwks"];
    chartkeep(words.into_iter().chain([keys.to_str().expect("plain names")])).expect(0);
    program
}

fn token_of(server: &Server, program: &Program, scope: &str) -> String {
    let credentials = [("grant_type", "client_credentials"), ("scope", scope)];
    let answer = post(server, "/oauth/token", None, &[], &form(&program.assertion(|_| {}), &credentials));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().expect("a token").to_string()
}

/// The path of an absolute address of this server.
fn path_of<'u>(server: &Server, url: &'u str) -> &'u str {
    url.strip_prefix(server.address.as_str()).unwrap_or_else(|| panic!("{url} is not absolute"))
}

fn kick_off(server: &Server, token: &str, path: &str) -> Answer {
    server.request("GET", path, Some(token), &[ASYNC])
}

/// The path of the status of an export that was taken in.
fn taken_in(server: &Server, answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", answer.text());
    path_of(server, answer.header("content-location").expect("where to ask")).to_string()
}

/// Polls to the end.
fn manifest(server: &Server, token: &str, status: &str) -> Value {
    let since = Instant::now();
    loop {
        let answer = server.get(status, Some(token));
        if answer.status == 200 {
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert!(answer.header("expires").is_some_and(|time| time.ends_with(" GMT")));
            return answer.json();
        }
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert!(answer.header("x-progress").is_some_and(|words| words.len() <= 100) && answer.header("retry-after").is_some());
        assert!(since.elapsed() < Duration::from_secs(60), "it does not come to its end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// All records that a manifest names, each fetched; `Type/id`.
fn fetched(server: &Server, token: &str, manifest: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for file in manifest["output"].as_array().expect("output") {
        let path = path_of(server, file["url"].as_str().expect("a url"));
        let answer = server.request("GET", path, Some(token), &[("accept", "application/fhir+ndjson")]);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/fhir+ndjson")));
        let text = answer.text();
        assert!(text.ends_with('\n') && !text.contains('\r') && !text.contains("\n\n"));
        assert_eq!(file["count"].as_u64(), Some(text.lines().count() as u64));
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).expect("one record a line");
            assert_eq!(record["resourceType"], file["type"]);
            let name = format!("{}/{}", file["type"].as_str().expect("a type"), record["id"].as_str().expect("an id"));
            assert!(all.insert(name.clone(), record).is_none(), "{name} twice");
        }
    }
    all
}

fn exported(server: &Server, token: &str, path: &str) -> BTreeMap<String, Value> {
    let answer = kick_off(server, token, path);
    let status = taken_in(server, &answer);
    let records = fetched(server, token, &manifest(server, token, &status));
    assert_eq!(server.request("DELETE", &status, Some(token), &[]).status, 202);
    records
}

/// Two patients, a third who is a VIP, and a result of the first that is restricted.
fn with_hidden() -> Vec<Value> {
    let mut records = records();
    let label = |code: &str, system: &str| json!({"security": [{"system": system, "code": code}]});
    let act = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    records.push(json!({"resourceType": "Patient", "id": "m3", "name": [{"family": "Hidden"}], "meta": label("CEL", act)}));
    records.push(observation("of-vip", "m3", "laboratory"));
    let mut restricted = observation("restricted", "m1", "laboratory");
    restricted["meta"] = label("HIV", act);
    records.push(restricted);
    records
}

#[test]
fn an_export_is_asked_for_polled_fetched_and_removed_by_its_program_alone() {
    let place = Place::of(&with_hidden());
    let server = &place.server;
    let (own, other) = (program(&place, "nightly"), program(&place, "curious"));
    let token = token_of(server, &own, "system/*.rs");
    assert_eq!(server.get("/fhir/$export", Some(&token)).status, 400, "without Prefer");
    assert_eq!(kick_off(server, &crate::support::token(&place.archive, "him"), "/fhir/$export").status, 403);

    let answer = server.request("GET", "/fhir/$export", Some(&token), &[ASYNC, ("x-request-id", "whole")]);
    let status = taken_in(server, &answer);
    let said = manifest(server, &token, &status);
    for key in ["transactionTime", "request", "requiresAccessToken", "output", "deleted", "error"] {
        assert!(said.get(key).is_some(), "{key}");
    }
    assert_eq!((said["requiresAccessToken"].as_bool(), said["error"].as_array().map(Vec::len)), (Some(true), Some(0)));
    assert_eq!(said["request"], format!("{}/fhir/$export", server.address));
    let all = fetched(server, &token, &said);
    let visible: BTreeSet<String> = records()
        .iter()
        .map(|record| format!("{}/mer.{}", record["resourceType"].as_str().unwrap(), record["id"].as_str().unwrap()))
        .collect();
    assert_eq!(
        all.keys().cloned().collect::<BTreeSet<_>>(),
        visible,
        "what carries a label, and whose patient does, is not there"
    );
    let document = all["DocumentReference/mer.note"]["content"][0]["attachment"]["url"].as_str().expect("an address").to_string();
    assert_eq!(server.get(path_of(server, &document), Some(&token)).body, b"A letter.");
    assert!(all["Patient/mer.m1"]["meta"]["source"].as_str().is_some(), "as reading it would show it");

    // In ranges.
    let file = path_of(server, said["output"][0]["url"].as_str().expect("a url")).to_string();
    let whole = server.get(&file, Some(&token));
    let tag = whole.header("etag").expect("a tag").to_string();
    let part = |range: &str, held: &str| server.request("GET", &file, Some(&token), &[("range", range), ("if-range", held)]);
    let (first, rest) = (part("bytes=0-9", &tag), part("bytes=10-", &tag));
    assert_eq!((first.status, rest.status), (206, 206));
    assert_eq!(first.header("content-range"), Some(format!("bytes 0-9/{}", whole.body.len()).as_str()));
    assert_eq!([first.body, rest.body].concat(), whole.body);
    assert_eq!(part("bytes=0-9", "\"another\"").body, whole.body);
    assert_eq!(server.request("GET", &file, Some(&token), &[("range", "bytes=999999-")]).status, 416);

    // Nobody else's, and not with less than it was asked for with.
    let him = crate::support::token(&place.archive, "him");
    for foreign in [token_of(server, &other, "system/*.rs"), him] {
        for (method, path) in [("GET", &status), ("GET", &file), ("DELETE", &status)] {
            assert_eq!(server.request(method, path, Some(&foreign), &[]).status, 404, "{method} {path}");
        }
    }
    assert_eq!(server.get(&file, Some(&token_of(server, &own, "system/Patient.rs"))).status, 403);
    assert_eq!(server.get(&file, None).status, 401);

    // Every record stands in the log, made by the request that asked; each fetch too.
    let entries = entries_by_request(&place.archive);
    let made: Vec<&Value> = entries["whole"].iter().filter(|entry| entry["event"] == "export.bulk.file").collect();
    assert_eq!(made.iter().map(|entry| shown(entry)).sum::<u64>(), visible.len() as u64);
    let named = made.iter().flat_map(|entry| entry["patients"].as_array().into_iter().flatten());
    let named: BTreeSet<&str> = named.filter_map(|patient| patient["archive_id"].as_str()).collect();
    assert_eq!(named, BTreeSet::from(["mer.m1", "mer.m2"]));
    assert!(entries["whole"].iter().any(|entry| entry["event"] == "export.bulk.start"));
    assert!(entries["whole"].iter().any(|entry| entry["event"] == "export.bulk.end"));
    let fetches = entries.values().flatten().filter(|entry| entry.to_string().contains("handed out"));
    assert!(fetches.count() >= said["output"].as_array().map_or(0, Vec::len) + 3);

    let folder = place.archive.join("exports").join(status.rsplit('/').next().expect("an id"));
    assert!(folder.exists());
    assert_eq!(server.request("DELETE", &status, Some(&token), &[]).status, 202);
    for path in [&status, &file] {
        let answer = server.get(path, Some(&token));
        assert_eq!((answer.status, answer.json()["resourceType"].as_str()), (404, Some("OperationOutcome")));
    }
    assert!(!folder.exists());
    chartkeep([Path::new("verify"), &place.archive]).expect(0);
}

#[test]
fn parameters_narrow_an_export_and_what_is_not_offered_is_refused() {
    let place = Place::of(&with_hidden());
    let server = &place.server;
    let own = program(&place, "nightly");
    let token = token_of(server, &own, "system/*.rs");
    let names = |path: &str| exported(server, &token, path).into_keys().collect::<Vec<_>>();
    let expected = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        names("/fhir/$export?_type=Patient,Practitioner"),
        expected(&["Patient/mer.m1", "Patient/mer.m2", "Practitioner/mer.doc"])
    );
    let labs = "/fhir/Patient/$export?_type=Observation&_typeFilter=Observation%3Fcategory%3Dlaboratory&_outputFormat=ndjson";
    assert_eq!(names(labs), expected(&["Observation/mer.lab", "Observation/mer.otherlab"]));
    assert_eq!(names("/fhir/Group/mer/$export?_type=Patient"), expected(&["Patient/mer.m1", "Patient/mer.m2"]));
    let group = names("/fhir/Group/mer/$export");
    assert!(group.contains(&"Practitioner/mer.doc".to_string()) && group.contains(&"DocumentReference/mer.note".to_string()));
    assert_eq!(names("/fhir/$export?_type=Patient&_since=2099-01-01T00:00:00Z"), expected(&[]));
    assert_eq!(names("/fhir/$export?_type=Patient&_since=2000-01-01T00:00:00Z").len(), 2, "what came to the archive since");

    // Patients by name: in a form, or in a Parameters resource.
    let send = |kind: &str, body: &str| {
        let request = ureq::http::Request::builder().method("POST").uri(format!("{}/fhir/Patient/$export", server.address));
        let request = request.header("authorization", format!("Bearer {token}")).header("content-type", kind);
        let request = request.header(ASYNC.0, ASYNC.1).body(body.to_string()).expect("well-formed");
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let (head, mut body) = agent.run(request).expect("the server answers").into_parts();
        let mut bytes = Vec::new();
        body.as_reader().read_to_end(&mut bytes).expect("the answer is whole");
        Answer { status: head.status.as_u16(), headers: head.headers, body: bytes }
    };
    let parameters = json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueReference": {"reference": "Patient/mer.m2"}},
        {"name": "patient", "valueReference": {"reference": "Patient/mer.m3"}},
        {"name": "patient", "valueReference": {"reference": "Patient/mer.nobody"}},
        {"name": "_type", "valueString": "Patient,Observation"}]});
    let in_form = "patient=Patient/mer.m2,Patient/mer.m3,Patient/mer.nobody&_type=Patient,Observation";
    for answer in [send("application/fhir+json", &parameters.to_string()), send("application/x-www-form-urlencoded", in_form)] {
        let status = taken_in(server, &answer);
        let said = manifest(server, &token, &status);
        let found = fetched(server, &token, &said).into_keys().collect::<Vec<_>>();
        assert_eq!(found, expected(&["Observation/mer.otherlab", "Patient/mer.m2"]));
        // One who is hidden and one who is not there look the same.
        let errors = server.get(path_of(server, said["error"][0]["url"].as_str().expect("a url")), Some(&token)).text();
        let lines: Vec<Value> = errors.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let words = |line: &Value, name: &str| line["issue"][0]["details"]["text"].as_str().unwrap().replace(name, "X");
        assert_eq!((lines.len(), said["error"][0]["type"].as_str()), (2, Some("OperationOutcome")));
        assert_eq!(words(&lines[0], "mer.m3"), words(&lines[1], "mer.nobody"));
        assert_eq!(server.request("DELETE", &status, Some(&token), &[]).status, 202);
    }
    assert_eq!(send("application/fhir+json", "{\"resourceType\":\"Patient\"}").status, 400);

    for (path, expected) in [
        ("/fhir/$export?_elements=id", 400),
        ("/fhir/$export?colour=red", 400),
        ("/fhir/$export?_type=Unicorn", 400),
        ("/fhir/$export?_since=soon", 400),
        ("/fhir/$export?_outputFormat=application/json", 400),
        ("/fhir/$export?_typeFilter=Observation", 400),
        ("/fhir/$export?_typeFilter=Observation%3F_sort%3Ddate", 400),
        ("/fhir/$export?_type=Patient&_typeFilter=Observation%3Fcategory%3Dlaboratory", 400),
        ("/fhir/Patient/$export?patient=Patient/mer.m1", 400),
        ("/fhir/Group/other/$export", 404),
        ("/fhir/$export?_format=xml", 406),
    ] {
        let answer = kick_off(server, &token, path);
        assert_eq!((answer.status, answer.json()["resourceType"].as_str()), (expected, Some("OperationOutcome")), "{path}");
    }
    let narrow = token_of(server, &own, "system/Patient.rs");
    assert_eq!(kick_off(server, &narrow, "/fhir/$export?_type=Observation").status, 403);
    let kinds: BTreeSet<String> = exported(server, &narrow, "/fhir/$export").into_keys().collect();
    assert_eq!(kinds, BTreeSet::from(["Patient/mer.m1".to_string(), "Patient/mer.m2".to_string()]), "as far as the scopes go");

    // A program keeps a few, and hears when it has too many.
    let mut kept = Vec::new();
    let refused = loop {
        let answer = kick_off(server, &token, "/fhir/$export?_type=Patient");
        if answer.status != 202 {
            break answer;
        }
        let status = taken_in(server, &answer);
        manifest(server, &token, &status);
        kept.push(status);
    };
    assert_eq!((refused.status, kept.len(), refused.header("retry-after").is_some()), (429, 4, true));

    // Whoever was disabled has no token that opens anything.
    chartkeep(["client", "disable", place.archive.to_str().expect("plain names"), "nightly"]).expect(0);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(server.get(&kept[0], Some(&token)).status, 401);
}

#[test]
fn an_export_outlives_the_server_that_began_it() {
    let mut many = records();
    for patient in 0..150 {
        many.push(json!({"resourceType": "Patient", "id": format!("p{patient}"), "name": [{"family": "Many"}]}));
        many.extend((0..8).map(|n| observation(&format!("o{patient}-{n}"), &format!("p{patient}"), "laboratory")));
    }
    let place = Place::of(&many);
    let own = program(&place, "nightly");
    let archive = place.archive.clone();
    let mut server = Server::start(&archive);
    let token = token_of(&place.server, &own, "system/*.rs");
    // The first server holds the exports; the second hears that, and takes over once it is gone.
    let first = kick_off(&place.server, &token, "/fhir/$export");
    let status = taken_in(&place.server, &first);
    assert_eq!(kick_off(&server, &token, "/fhir/$export").status, 503);
    let record = archive.join("exports").join(status.rsplit('/').next().expect("an id")).join("job.json");
    let Place { server: begun, _home, .. } = place;
    begun.kill();
    // Should it have been faster than the kill: back to where it stood just before its end.
    let mut stood: Value = serde_json::from_slice(&std::fs::read(&record).expect("a record")).expect("JSON");
    if stood["state"] != "running" {
        (stood["state"], stood["files"], stood["expires"]) = (json!("running"), json!([]), json!(0));
        std::fs::write(&record, stood.to_string()).expect("writable");
        std::fs::remove_file(record.with_file_name("parts").join("00002.json")).expect("a part");
    }
    drop(server);
    server = Server::start(&archive);
    let all = fetched(&server, &token, &manifest(&server, &token, &status));
    assert_eq!(all.len(), many.len());
    // A finished one is there after the next start too.
    drop(server);
    let server = Server::start(&archive);
    assert_eq!(server.get(&status, Some(&token)).status, 200);
    assert_eq!(server.request("DELETE", &status, Some(&token), &[]).status, 202);
}

/// Groups are the source systems, for programs that may export and for nobody else.
#[test]
fn groups_are_listed_searched_and_read_by_programs_that_may_export() {
    let place = Place::new();
    let (own, him) = (program(&place, "nightly"), token(&place.archive, "him"));
    let delivery = place.keys_file.with_file_name("other.ndjson");
    let other = [
        json!({"resourceType": "Patient", "id": "h1", "name": [{"family": "Sorrel"}]}),
        json!({"resourceType": "Group", "id": "study", "type": "person", "actual": true, "name": "Delivered"}),
    ];
    std::fs::write(&delivery, other.map(|record| record.to_string() + "\n").concat()).unwrap();
    let Place { server, archive, _home, .. } = place;
    drop(server);
    ingest_from("hbi", &archive, &[&delivery]).expect(0);
    let server = Server::start(&archive);
    let wide = token_of(&server, &own, "system/*.rs");
    let asked = |path: &str, id: &str| server.request("GET", path, Some(&wide), &[("x-request-id", id)]);
    let ids = |answer: &Answer| -> Vec<String> {
        let bundle = answer.json();
        assert_eq!((answer.status, bundle["resourceType"].as_str()), (200, Some("Bundle")), "{bundle}");
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap_or("?").to_string()).collect()
    };
    let all = asked("/fhir/Group", "groups");
    assert_eq!(ids(&all), ["hbi", "mer"]);
    let bundle = all.json();
    assert_eq!((bundle["type"].as_str(), bundle["total"].as_u64()), (Some("searchset"), Some(2)));
    assert_eq!(bundle["link"][0], json!({"relation": "self", "url": format!("{}/fhir/Group?", server.address)}));
    let first = &bundle["entry"][0];
    assert_eq!((&first["search"]["mode"], &first["resource"]["resourceType"]), (&json!("match"), &json!("Group")));
    assert_eq!((&first["resource"]["type"], &first["resource"]["actual"]), (&json!("person"), &json!(true)));
    assert!(first["resource"].get("member").is_none(), "members are given by the export alone");
    // Where an entry says that its group is, it is; and the export takes that id.
    let alone = server.get(path_of(&server, first["fullUrl"].as_str().unwrap()), Some(&wide));
    assert_eq!((alone.status, &alone.json()), (200, &first["resource"]));
    assert_eq!(
        exported(&server, &wide, "/fhir/Group/hbi/$export?_type=Patient").into_keys().collect::<Vec<_>>(),
        ["Patient/hbi.h1"]
    );

    for (query, expected) in [
        ("_id=mer", vec!["mer"]),
        ("_id=mer,hbi", vec!["hbi", "mer"]),
        ("name=patients%20OF%20m", vec!["mer"]),
        ("name:exact=patients", vec![]),
        ("type=person&actual=true", vec!["hbi", "mer"]),
        ("actual=false", vec![]),
        ("type=animal", vec![]),
        ("_summary=count", vec![]),
        ("_elements=name", vec!["hbi", "mer"]),
        ("patient=hbi.h1", vec![]),
        ("_id=hbi.study", vec!["hbi.study"]),
        ("_id=nobody", vec![]),
    ] {
        assert_eq!(ids(&asked(&format!("/fhir/Group?{query}"), "searched")), expected, "{query}");
    }
    assert_eq!(asked("/fhir/Group?_summary=count", "x").json()["total"], 2);
    assert_eq!(asked("/fhir/Group?_elements=name", "x").json()["entry"][0]["resource"]["type"], "person");
    let page = asked("/fhir/Group?_count=1", "x");
    let next = page.json()["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next").unwrap()["url"].clone();
    assert_eq!(
        (ids(&page), ids(&server.get(path_of(&server, next.as_str().unwrap()), Some(&wide)))),
        (vec!["hbi".into()], vec!["mer".into()])
    );

    // Refused, never widened: a filter that is not known, an order that is not kept, a group that is not there.
    for (path, status) in [
        ("/fhir/Group?colour=red", 400),
        ("/fhir/Group?_sort=name", 400),
        ("/fhir/Group?member=Patient/mer.m1", 400),
        ("/fhir/Group/nobody", 404),
        ("/fhir/Group?_format=xml", 406),
    ] {
        let answer = asked(path, "refused");
        assert_eq!((answer.status, answer.json()["resourceType"].as_str()), (status, Some("OperationOutcome")), "{path}");
    }
    let narrow = token_of(&server, &own, "system/Patient.rs");
    for path in ["/fhir/Group", "/fhir/Group/mer"] {
        assert_eq!(server.get(path, Some(&narrow)).status, 403, "{path}");
    }
    // Whoever may not export learns nothing of groups: a group is as little there as a record that is not.
    assert_eq!(server.get("/fhir/Group", Some(&him)).json(), server.get("/fhir/Device", Some(&him)).json());
    let (ours, nobodys) = (server.get("/fhir/Group/mer", Some(&him)), server.get("/fhir/Group/nobody", Some(&him)));
    assert_eq!((ours.status, ours.text()), (404, nobodys.text()));
    assert_eq!(server.get("/fhir/Group", None).status, 401);

    let entries = entries_by_request(&archive);
    let listed = &entries["groups"];
    assert_eq!((listed.len(), listed[0]["event"].as_str()), (1, Some("record.search")), "{listed:?}");
    assert!(listed[0].to_string().contains("Group") && !listed[0].to_string().contains("archive_id"), "{listed:?}");
}

/// A client that takes gzip gets gzip, and unpacks the very bytes that another one gets plain.
#[test]
fn files_go_out_packed_to_whoever_takes_them_so() {
    let mut many = records();
    many.extend((0..1_500).map(|n| observation(&format!("more-{n}"), "m1", "laboratory")));
    let place = Place::of(&many);
    let server = &place.server;
    let own = program(&place, "nightly");
    let token = token_of(server, &own, "system/*.rs");
    let status = taken_in(server, &kick_off(server, &token, "/fhir/$export"));
    let said = manifest(server, &token, &status);
    let mut longest = 0;
    for file in said["output"].as_array().expect("output") {
        let path = path_of(server, file["url"].as_str().expect("a url"));
        let get = |headers: &[(&str, &str)]| server.request("GET", path, Some(&token), headers);
        let (plain, packed) = (get(&[]), get(&[("accept-encoding", "br, gzip"), ("x-request-id", "packed")]));
        assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")));
        assert_eq!(packed.header("content-type"), Some("application/fhir+ndjson"));
        assert!(
            packed.header("accept-ranges").is_none() && packed.header("vary").is_some_and(|it| it.contains("Accept-Encoding"))
        );
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain.body);
        assert_eq!(plain.header("content-encoding"), None);
        // Both tags tell the digest of the plain bytes, and they differ, since a part of one is no part of the other.
        let digest: String = sha2::Sha256::digest(&unpacked).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(plain.header("etag"), Some(format!("\"{digest}\"").as_str()));
        assert_eq!(packed.header("etag"), Some(format!("\"{digest}-gzip\"").as_str()));
        let part = get(&[("accept-encoding", "gzip"), ("range", "bytes=5-")]);
        assert_eq!((part.status, part.header("content-encoding"), &part.body[..]), (206, None, &plain.body[5..]));
        let held = get(&[("range", "bytes=5-"), ("if-range", &format!("\"{digest}-gzip\""))]);
        assert_eq!((held.status, held.body), (200, plain.body.clone()));
        assert_eq!(get(&[("accept-encoding", "gzip;q=0, br")]).header("content-encoding"), None);
        longest = longest.max(plain.body.len());
        assert!(
            plain.body.len() < 1_000 || packed.body.len() < plain.body.len() / 3,
            "{} of {}",
            packed.body.len(),
            plain.body.len()
        );
    }
    assert!(longest > 300_000, "longer than one piece: {longest}");
    let entries = entries_by_request(&place.archive);
    assert_eq!(entries["packed"].len(), said["output"].as_array().map_or(0, Vec::len));
    assert!(entries["packed"].iter().all(|entry| entry.to_string().contains("packed")));
}

#[test]
fn a_person_is_exported_over_the_api_by_whoever_answers_requests() {
    let place = Place::of(&with_hidden());
    let server = &place.server;
    let him = token(&place.archive, "him");
    let path = "/api/v1/patients/mer.m1/ehi";
    let fetch = |headers: &[(&str, &str)]| loop {
        let answer = server.request("GET", path, Some(&him), headers);
        if answer.status != 202 {
            return answer;
        }
        assert!(answer.header("retry-after").is_some());
    };
    let answer = fetch(&[("x-request-id", "ehi")]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/zip")), "{}", answer.text());
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&answer.body)).expect("a ZIP");
    let mut lines = String::new();
    zip.by_name("ehi/fhir/Observation.ndjson").expect("results").read_to_string(&mut lines).expect("text");
    assert_eq!(lines.lines().count(), 3, "his own, the restricted one too: {lines}");
    assert!(!lines.contains("otherlab"));
    assert!(zip.by_name("ehi/README.md").is_ok() && zip.by_name("ehi/manifest.json").is_ok());
    assert!(zip.by_name("ehi/fhir/Practitioner.ndjson").is_ok());

    let tag = answer.header("etag").expect("a tag").to_string();
    let rest = fetch(&[("range", "bytes=100-"), ("if-range", &tag)]);
    assert_eq!((rest.status, &rest.body[..]), (206, &answer.body[100..]));
    let entries = &entries_by_request(&place.archive)["ehi"];
    assert!(entries.iter().any(|entry| entry["event"] == "export.bulk.file" && shown(entry) >= 5), "{entries:?}");
    assert_eq!(server.get("/api/v1/patients/mer.nobody/ehi", Some(&him)).status, 404);
    for role in ["clinician", "compliance", "archivist", "admin"] {
        let answer = server.get(path, Some(&token(&place.archive, role)));
        assert_eq!(answer.status, 403, "{role}");
    }
}
