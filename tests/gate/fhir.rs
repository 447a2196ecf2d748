//! The FHIR interface over a whole made-up hospital: every record by its id, searches against a plain count, paging,
//! `$everything`, attachments, originals, and exactly which bytes of a record are rewritten.
//!
//! Not for: the form of errors and the doors (`routes`), or how single search parameters compare (`src/server/fhir`).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use chartkeep::server::routes::{Area, routes};
use serde_json::Value;

use super::harness::{House, Stored, house, key, post, stored};
use crate::support::{Answer, hospital};

/// Records of each type that are read by their ids in an ordinary run; `CHARTKEEP_HEAVY` asks for all.
const OF_A_TYPE: u64 = 25;

/// The archived records by name, all versions of each.
fn by_name(records: &[Stored]) -> BTreeMap<(&str, &str), Vec<&Stored>> {
    let mut named: BTreeMap<(&str, &str), Vec<&Stored>> = BTreeMap::new();
    for record in records {
        named.entry((record.kind, &record.id)).or_default().push(record);
    }
    named
}

fn get(house: &House, path: &str) -> Answer {
    let answer = house.get("him", path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}

/// Ids of a Bundle's matches, of this page and all that follow.
fn all_ids(house: &House, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(path.to_string());
    while let Some(path) = next {
        let bundle = get(house, &path).json();
        assert_eq!((bundle["resourceType"].as_str(), bundle["type"].as_str()), (Some("Bundle"), Some("searchset")), "{path}");
        for entry in bundle["entry"].as_array().into_iter().flatten().filter(|entry| entry["search"]["mode"] == "match") {
            let resource = &entry["resource"];
            let name = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
            assert_eq!(entry["fullUrl"], format!("{}/fhir/{name}", house.server.address));
            ids.push(resource["id"].as_str().unwrap().to_string());
        }
        let link = bundle["link"].as_array().into_iter().flatten().find(|link| link["relation"] == "next");
        next = link.map(|link| link["url"].as_str().unwrap().strip_prefix(&house.server.address).expect("our own").to_string());
    }
    ids
}

fn set(ids: Vec<String>) -> BTreeSet<String> {
    let set: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(set.len(), ids.len(), "no record twice");
    set
}

/// What may differ between a record as delivered and as served.
fn differences(original: &Value, served: &Value, path: &str, found: &mut Vec<String>) {
    match (original, served) {
        (Value::Object(a), Value::Object(b)) => {
            let members: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in members {
                let below = format!("{path}.{name}");
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => differences(a, b, &below, found),
                    (Some(_), None) => found.push(format!("-{below}")),
                    _ => found.push(format!("+{below}")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| differences(a, b, path, found));
        }
        _ if original == served => {}
        _ => found.push(path.to_string()),
    }
}

/// Allowed: a completed meta, an id and references that the archive had to rename, data that became an address.
fn is_allowed(difference: &str) -> bool {
    ["+.meta", "+.meta.source", "+.meta.versionId", ".id", "+.id"].contains(&difference)
        || difference.ends_with(".reference")
        || difference.starts_with('-') && difference.ends_with(".data")
        || difference.starts_with('+') && difference.ends_with(".url")
        || difference.ends_with("ttachment.url")
}

#[test]
fn records_of_every_type_are_read_by_their_ids_and_differ_from_their_source_only_where_they_must() {
    let house = house();
    let records = stored();
    let heavy = std::env::var_os("CHARTKEEP_HEAVY").is_some();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for ((kind, id), versions) in by_name(&records) {
        if seen.get(kind).is_some_and(|number| *number >= OF_A_TYPE) && !heavy {
            continue;
        }
        if kind == "Binary" {
            // It has a form of its own, and is compared whole.
            let served = get(&house, &format!("/fhir/Binary/{id}?_format=json")).json();
            assert!(versions.iter().any(|version| version.json == served), "{id}");
            let bytes = base64::engine::general_purpose::STANDARD.decode(served["data"].as_str().unwrap_or("")).expect("base64");
            assert_eq!(house.get("him", &format!("/fhir/Binary/{id}")).body, bytes, "{id}");
            *seen.entry(kind.to_string()).or_default() += 1;
            continue;
        }
        let answer = get(&house, &format!("/fhir/{kind}/{id}"));
        assert!(answer.header("content-type").is_some_and(|it| it.starts_with("application/fhir+json")));
        let tag = answer.header("etag").expect("a validator").to_string();
        let served = answer.json();
        assert_eq!((served["resourceType"].as_str(), served["id"].as_str()), (Some(kind), Some(id)));
        assert_eq!(tag, format!("W/\"{}\"", served["meta"]["versionId"].as_str().expect("a version")));
        // The current version is one of those delivered.
        let closest = versions.iter().map(|version| {
            let mut found = Vec::new();
            differences(&version.json, &served, "", &mut found);
            found.retain(|difference| !is_allowed(difference));
            found
        });
        let rest = closest.min_by_key(Vec::len).expect("a version");
        assert!(rest.is_empty(), "{kind}/{id} differs at {rest:?}");
        *seen.entry(kind.to_string()).or_default() += 1;
    }
    assert!(seen.len() > 15, "{seen:?}");
}

#[test]
fn each_version_of_a_record_is_there_by_its_number() {
    let house = house();
    let records = stored();
    let named = by_name(&records);
    let several = named.iter().filter(|(_, versions)| versions.len() > 1).take(5);
    let single = named.iter().filter(|(_, versions)| versions.len() == 1).step_by(97);
    let mut most = 0;
    for ((kind, id), versions) in several.chain(single) {
        let history = get(&house, &format!("/fhir/{kind}/{id}/_history")).json();
        assert_eq!((history["type"].as_str(), history["total"].as_u64()), (Some("history"), Some(versions.len() as u64)));
        for entry in history["entry"].as_array().unwrap() {
            let resource = &entry["resource"];
            let version = resource["meta"]["versionId"].as_str().unwrap();
            let read = get(&house, &format!("/fhir/{kind}/{id}/_history/{version}")).json();
            assert_eq!(read["meta"]["versionId"], version);
            if versions.len() == 1 {
                assert_eq!(read, *resource);
            }
        }
        most = most.max(versions.len());
        assert_eq!(house.get("him", &format!("/fhir/{kind}/{id}/_history/999")).status, 404);
    }
    assert!(most > 1, "the damage has second versions");
}

#[test]
fn originals_are_the_delivered_bytes() {
    let house = house();
    let records = stored();
    let named = by_name(&records);
    let mut delivered = BTreeSet::new();
    for file in hospital().files() {
        let bytes = std::fs::read(file).expect("the delivery reads");
        delivered.extend(bytes.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec()));
    }
    let step = (named.len() / 200).max(1);
    let mut kinds = BTreeSet::new();
    let (mut compared, mut first_of_kind) = (0, BTreeSet::new());
    for (at, ((kind, id), versions)) in named.iter().enumerate() {
        if at % step != 3 % step && !first_of_kind.insert(*kind) {
            continue;
        }
        for number in 1..=versions.len() {
            let bytes = get(&house, &format!("/api/v1/records/{kind}/{id}/original?version={number}")).body;
            assert!(delivered.contains(&bytes), "{kind}/{id} version {number}");
            assert!(versions.iter().any(|version| version.original == bytes));
        }
        let by_id = get(&house, &format!("/api/v1/records/{id}/original")).body;
        assert!(delivered.contains(&by_id));
        kinds.insert(*kind);
        compared += 1;
    }
    assert!(compared >= 200 && kinds.len() > 15, "{compared} records of {kinds:?}");
}

/// The date of an Observation as searched.
fn date(json: &Value) -> &str {
    json["effectiveDateTime"].as_str().or(json["effectivePeriod"]["start"].as_str()).unwrap_or("")
}

fn has_code(list: &Value, code: &str) -> bool {
    let concepts = match list {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    };
    concepts.iter().any(|concept| concept["coding"].as_array().into_iter().flatten().any(|coding| coding["code"] == code))
}

#[test]
fn searches_find_what_a_plain_reading_of_the_chart_finds() {
    let house = house();
    let records = stored();
    let named = by_name(&records);
    let mut nonempty = 0;
    for patient in hospital().manifest.sample_patients.iter().take(8).map(|patient| key(&patient.id)) {
        let of = |kind: &str| -> Vec<&Stored> {
            // Records with several versions are left out: which is current is tested elsewhere.
            let single = named.values().filter(|versions| versions.len() == 1).map(|versions| versions[0]);
            single.filter(|record| record.kind == kind && record.names(&patient)).collect()
        };
        let doubtful: BTreeSet<String> =
            named.iter().filter(|(_, versions)| versions.len() > 1).map(|((_, id), _)| id.to_string()).collect();
        let mut check = |kind: &str, question: &str, test: &dyn Fn(&Value) -> bool| {
            let expected: BTreeSet<String> = of(kind).iter().filter(|r| test(&r.json)).map(|r| r.id.clone()).collect();
            let found = set(all_ids(&house, &format!("/fhir/{kind}?patient={patient}&{question}&_count=1000")));
            let found: BTreeSet<String> = found.difference(&doubtful).cloned().collect();
            assert_eq!(found, expected, "{kind}?{question} of {patient}");
            nonempty += usize::from(!expected.is_empty());
        };
        for category in ["laboratory", "vital-signs", "social-history"] {
            check("Observation", &format!("category={category}"), &|json| has_code(&json["category"], category));
        }
        let codes: BTreeSet<String> = of("Observation")
            .iter()
            .filter_map(|record| record.json["code"]["coding"][0]["code"].as_str().map(str::to_string))
            .take(3)
            .collect();
        for code in &codes {
            check("Observation", &format!("code={code}"), &|json| has_code(&json["code"], code));
            check("Observation", &format!("code=http://loinc.org%7C{code}&category=laboratory"), &|json| {
                has_code(&json["category"], "laboratory")
                    && json["code"]["coding"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|c| c["code"] == *code && c["system"] == "http://loinc.org")
            });
        }
        // A year as bound: all of it lies inside (FHIR R4 §3.1.1.4.7). Whole days do not depend on the time of day.
        let mut years: Vec<String> =
            of("Observation").iter().map(|r| date(&r.json)).filter(|d| d.len() >= 10).map(|d| d[..4].to_string()).collect();
        years.sort();
        if let Some(year) = years.get(years.len() / 2) {
            let inside = |json: &Value| date(json).len() >= 10 && !is_edge_of_year(date(json));
            let year_of = |json: &Value| date(json)[..4.min(date(json).len())].to_string();
            let within = |question: String, test: &dyn Fn(&str) -> bool| {
                let expected: BTreeSet<String> = of("Observation")
                    .iter()
                    .filter(|r| inside(&r.json) && test(&year_of(&r.json)))
                    .map(|r| r.id.clone())
                    .collect();
                let found = set(all_ids(&house, &format!("/fhir/Observation?patient={patient}&{question}&_count=1000")));
                let sure: BTreeSet<String> = of("Observation").iter().filter(|r| inside(&r.json)).map(|r| r.id.clone()).collect();
                assert_eq!(found.intersection(&sure).cloned().collect::<BTreeSet<_>>(), expected, "{question} of {patient}");
            };
            within(format!("date={year}"), &|y| y == year);
            within(format!("date=ge{year}"), &|y| y >= year.as_str());
            within(format!("date=lt{year}"), &|y| y < year.as_str());
            within(format!("date=le{year}-12-31&date=ge{year}-01-01"), &|y| y == year);
        }
        check("Condition", "clinical-status=active", &|json| has_code(&json["clinicalStatus"], "active"));
        check("MedicationRequest", "intent=order&status=active", &|json| json["intent"] == "order" && json["status"] == "active");
        check("Encounter", "status=finished", &|json| json["status"] == "finished");
        check("DocumentReference", "status=current", &|json| json["status"] == "current");
        check("AllergyIntolerance", "_count=1000", &|_| true);
        check("Immunization", "status=completed,not-done", &|json| {
            ["completed", "not-done"].contains(&json["status"].as_str().unwrap_or(""))
        });
    }
    assert!(nonempty > 30, "{nonempty} searches found something");
}

/// Times near the turn of the year lie in one year here and in another there.
fn is_edge_of_year(date: &str) -> bool {
    let day = &date[5..10];
    day == "12-31" || day == "01-01"
}

#[test]
fn pages_of_any_size_hold_each_record_once_and_in_order() {
    let house = house();
    let patient = key(&hospital().manifest.sample_patients[0].id);
    for kind in ["Observation", "Encounter", "Condition"] {
        let base = format!("/fhir/{kind}?patient={patient}");
        let whole = all_ids(&house, &format!("{base}&_count=1000"));
        let total = get(&house, &format!("{base}&_summary=count")).json()["total"].as_u64().unwrap();
        assert_eq!(total, whole.len() as u64);
        for size in [1, 7, 50] {
            if whole.len() / size < 60 {
                assert_eq!(all_ids(&house, &format!("{base}&_count={size}")), whole, "{kind} by {size}");
            }
        }
        let sorted = |sort: &str| all_ids(&house, &format!("{base}&_sort={sort}&_count=9"));
        if kind == "Observation" {
            let (up, down) = (sorted("date"), sorted("-date"));
            assert_eq!((set(up.clone()), set(down)), (set(whole.clone()), set(whole.clone())));
            let bundle = get(&house, &format!("{base}&_sort=date&_count=1000")).json();
            let times: Vec<jiff::Timestamp> =
                bundle["entry"].as_array().unwrap().iter().filter_map(|e| date(&e["resource"]).parse().ok()).collect();
            assert!(times.is_sorted() && !times.is_empty());
        }
        // Three ways to say the same.
        for same in [
            format!("/fhir/{kind}?patient=Patient/{patient}&_count=1000"),
            format!("/fhir/{kind}?subject={patient}&_count=1000"),
            format!("/fhir/{kind}?patient={}/fhir/Patient/{patient}&_count=1000", house.server.address),
        ] {
            assert_eq!(all_ids(&house, &same), whole, "{same}");
        }
        let posted = post(
            &house.server,
            &format!("/fhir/{kind}/_search"),
            Some(house.token("him")),
            &[],
            &format!("patient={patient}&_count=1000"),
        );
        let ids = posted.json()["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["resource"]["id"].as_str().unwrap().to_string())
            .collect::<Vec<_>>();
        assert_eq!(ids, whole);
        let some: Vec<&str> = whole.iter().take(3).map(String::as_str).collect();
        assert_eq!(
            set(all_ids(&house, &format!("/fhir/{kind}?_id={}", some.join(",")))),
            some.iter().map(|id| id.to_string()).collect()
        );
    }
    let unknown = house.get("him", &format!("/fhir/Observation?patient={patient}&nonsense=1"));
    assert_eq!(unknown.status, 400);
    assert_eq!(house.get("him", "/fhir/Observation?status=final").status, 400, "a search names a patient");
}

#[test]
fn patients_are_found_by_name_birth_date_number_and_sex() {
    let house = house();
    let records = stored();
    let patients: Vec<&Stored> = records.iter().filter(|record| record.kind == "Patient").collect();
    for sample in hospital().manifest.sample_patients.iter().take(10) {
        let id = key(&sample.id);
        let own = patients.iter().find(|record| record.id == id).expect("it is archived");
        let sex = own.json["gender"].as_str().unwrap_or("unknown");
        let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let (family, given) = (encode(&sample.family), encode(&sample.given));
        for question in [
            format!("family={family}&gender={sex}"),
            format!("name={family}"),
            format!("family={family}&given={given}&birthdate={}", sample.birth_date),
            format!("birthdate={}", sample.birth_date),
            format!("identifier={}", encode(&sample.mrn)),
            format!("_id={id}"),
        ] {
            let found = set(all_ids(&house, &format!("/fhir/Patient?{question}")));
            assert!(found.contains(&id), "{question}");
            if question.starts_with("identifier") || question.starts_with("_id") {
                assert_eq!(found.len(), 1, "{question}");
            }
        }
        let other = if sex == "female" { "male" } else { "female" };
        assert!(!all_ids(&house, &format!("/fhir/Patient?family={family}&gender={other}")).contains(&id));
    }
}

#[test]
fn everything_is_the_whole_chart() {
    let house = house();
    let records = stored();
    for patient in hospital().manifest.sample_patients.iter().take(6).map(|patient| key(&patient.id)) {
        let expected: BTreeSet<(String, String)> =
            records.iter().filter(|r| r.names(&patient)).map(|r| (r.kind.to_string(), r.id.clone())).collect();
        let whole = get(&house, &format!("/fhir/Patient/{patient}/$everything?_count=1000")).json();
        assert_eq!(whole["total"], expected.len());
        let found: Vec<(String, String)> = whole["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| {
                (e["resource"]["resourceType"].as_str().unwrap().to_string(), e["resource"]["id"].as_str().unwrap().to_string())
            })
            .collect();
        assert_eq!(found[0], ("Patient".to_string(), patient.clone()), "the patient comes first");
        assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), expected);
        let paged = all_ids(&house, &format!("/fhir/Patient/{patient}/$everything?_count=50"));
        assert_eq!(paged, found.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
        let chart = get(&house, &format!("/api/v1/patients/{patient}/chart")).json();
        assert_eq!(chart["records"].as_array().unwrap().len(), expected.len());
    }
}

/// Each attachment of a resource.
fn attachments<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("contentType") && (members.contains_key("data") || members.contains_key("url")) {
                found.push(value);
            }
            members.values().for_each(|value| attachments(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| attachments(item, found)),
        _ => {}
    }
}

#[test]
fn attachments_are_the_delivered_bytes() {
    let house = house();
    let records = stored();
    let (mut inline, mut beside) = (0, 0);
    for ((kind, id), versions) in
        by_name(&records).into_iter().filter(|((kind, _), v)| *kind == "DocumentReference" && v.len() == 1)
    {
        let served = get(&house, &format!("/fhir/{kind}/{id}")).json();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        attachments(&versions[0].json, &mut before);
        attachments(&served, &mut after);
        assert_eq!(before.len(), after.len(), "{id}");
        for (before, after) in before.iter().zip(after) {
            let expected = match (before["data"].as_str(), before["url"].as_str()) {
                // Base64 may be broken into lines.
                (Some(data), _) => {
                    let data: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                    let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(data) else { continue };
                    inline += 1;
                    bytes
                }
                (None, Some(url)) => {
                    let Ok(bytes) = std::fs::read(hospital().delivery().join(url)) else { continue };
                    beside += 1;
                    bytes
                }
                _ => continue,
            };
            let Some(url) = after["url"].as_str().filter(|url| url.starts_with("Binary/")) else {
                assert!(after["data"].is_string(), "{id} has neither data nor an address of ours: {after}");
                continue;
            };
            let binary = house.server.request("GET", &format!("/fhir/{url}"), Some(house.token("him")), &[("accept", "*/*")]);
            assert_eq!((binary.status, binary.body == expected), (200, true), "{id}: {url}");
            assert_eq!(binary.header("content-type"), before["contentType"].as_str(), "{id}");
            assert!(binary.header("content-security-policy").is_some_and(|policy| policy.starts_with("sandbox")));
            let resource = get(&house, &format!("/fhir/{url}?_format=json")).json();
            assert_eq!(resource["data"], base64::engine::general_purpose::STANDARD.encode(&expected));
            assert_eq!(resource["securityContext"]["reference"], format!("{kind}/{id}"));
        }
    }
    assert!(inline > 20, "{inline} inline, {beside} beside");
}

#[test]
fn the_statements_of_the_server_name_all_that_it_serves() {
    let house = house();
    let statement = house.server.get("/fhir/metadata", None).json();
    assert_eq!(
        (statement["resourceType"].as_str(), statement["fhirVersion"].as_str()),
        (Some("CapabilityStatement"), Some("4.0.1"))
    );
    let resources = statement["rest"][0]["resource"].as_array().expect("resources");
    let declared: BTreeSet<&str> = resources.iter().map(|resource| resource["type"].as_str().unwrap()).collect();
    let patient = key(&hospital().manifest.sample_patients[0].id);
    for kind in stored().iter().map(|record| record.kind).collect::<BTreeSet<_>>() {
        assert!(declared.contains(kind), "{kind} is served and not declared");
    }
    // What is declared is understood: no parameter of a patient's records is refused as unknown.
    for resource in resources
        .iter()
        .filter(|r| ["Observation", "Condition", "Encounter", "DocumentReference"].contains(&r["type"].as_str().unwrap()))
    {
        let kind = resource["type"].as_str().unwrap();
        for param in resource["searchParam"].as_array().unwrap() {
            let (name, of) = (param["name"].as_str().unwrap(), param["type"].as_str().unwrap());
            let value = match of {
                "date" => "2014",
                "quantity" => "5",
                _ => "x",
            };
            let question = if name == "patient" || name == "subject" { String::new() } else { format!("&{name}={value}") };
            let answer = house.get("him", &format!("/fhir/{kind}?patient={patient}{question}"));
            assert_eq!(answer.status, 200, "{kind}?{name}: {}", answer.text());
        }
    }
    let document = house.server.get("/api/v1/openapi.json", None).json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    let paths = document["paths"].as_object().expect("paths");
    for route in routes().iter().filter(|route| route.area() == Area::Api) {
        let path = paths.get(route.path).or_else(|| paths.get(route.path.trim_start_matches("/api/v1")));
        let method = route.method.name().to_ascii_lowercase();
        assert!(path.is_some_and(|path| path.get(&method).is_some()), "{method} {} is not in the OpenAPI document", route.path);
    }
    assert_eq!(paths.len(), routes().iter().filter(|r| r.area() == Area::Api).map(|r| r.path).collect::<BTreeSet<_>>().len());
}
