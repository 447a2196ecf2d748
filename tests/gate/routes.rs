//! Every route of the table, with each role and without any: its status, the form of its errors, its headers, and the
//! entry that it leaves in the log.
//!
//! Not for: what an answer says.

use std::collections::BTreeMap;

use chartkeep::server::routes::{Area, Door, Method, Route, routes};
use chartkeep::store::document_id;

use super::harness::{Browser, House, ROLES, Stored, add_account, entries_by_request, house, key, post, shown, stored};
use crate::support::{Answer, SOURCE, hospital, loaded};

/// What there is to ask for: a patient with a note, and the note.
struct Example {
    patient: String,
    note: String,
    document: String,
    family: String,
    accession: String,
    other: String,
}

fn example() -> Example {
    let samples = &hospital().manifest.sample_patients;
    let (patient, note) = samples.iter().find_map(|p| Some((p, p.note.as_ref()?))).expect("a patient with a note");
    let kind = chartkeep::model::Kind::from_name("DocumentReference").expect("a type of FHIR");
    let note = chartkeep::model::archive_id(SOURCE, "DocumentReference", &note.document).as_str().to_string();
    let document = document_id(kind, &note, 0).expect("an id").0.as_str().to_string();
    let accession = crate::support::archive::in_force(loaded()).accessions[0].accession.to_string();
    let other = samples.iter().find(|other| other.id != patient.id).expect("another patient");
    let (patient_key, other) = (key(&patient.id), key(&other.id));
    Example { patient: patient_key, note, document, family: patient.family.clone(), accession, other }
}

impl Example {
    /// An address of the route at which something is.
    fn path(&self, route: &Route) -> String {
        let own = match route.path {
            "/fhir/{kind}" => format!("/fhir/DocumentReference?patient={}", self.patient),
            "/fhir/DocumentReference/$docref" => format!("{}?patient={}", route.path, self.patient),
            "/fhir/Binary/{id}" => format!("/fhir/Binary/{}", self.document),
            "/api/v1/patients" => format!("/api/v1/patients?q={}", self.family),
            "/api/v1/patients/{patient}/series" => format!("/api/v1/patients/{}/series?code=8867-4", self.patient),
            "/api/v1/patients/{patient}/search" | "/patients/{patient}/search" => format!("{}?q=the+blood", route.path),
            "/api/v1/search" | "/search" => format!("{}?q=blood", route.path),
            "/api/v1/access" | "/access" => format!("{}?patient={}", route.path, self.patient),
            path if path.ends_with("/reports/{report}") => {
                format!("{}?patient={}", path.replace("{report}", "patient"), self.patient)
            }
            "/access/people" => "/access/people?user=nobody".to_string(),
            "/" => format!("/?q={}", self.family),
            path if path.contains("/documents/{id}") => path.replace("{id}", &self.document),
            path if path.starts_with("/fhir/Patient/") => path.replace("{id}", &self.patient),
            path => path.to_string(),
        };
        own.replace("{kind}", "DocumentReference")
            .replace("{id}", &self.note)
            .replace("{patient}", &self.patient)
            .replace("{section}", "notes")
            .replace("{version}", "1")
            .replace("{page}", "1.png")
            .replace("{job}", "00000000-0000-4000-8000-000000000000")
            .replace("{file}", "Patient.00001.ndjson")
            .replace("{media}", "0")
            .replace("{link}", "0")
            .replace("{name:.*}", "chartkeep.css")
            .replace("{code}", "8867-4")
            .replace("{accession}", &self.accession)
            .replace("{item}", "1")
            .replace("{other}", &self.other)
            .replace("{entry}", "s0000:0")
            .replace("{number}", "1")
            .replace("{subject}", "0")
            .replace("{handover}", "0")
    }
}

/// What shows the archive to someone, and signing out.
fn is_asked(route: &Route) -> bool {
    matches!(route.door, Door::Token | Door::Session) || route.path == "/signout"
}

/// Who may use a route; everyone else hears 403.
fn allowed(route: &Route) -> &'static [&'static str] {
    const READERS: &[&str] = &["clinician", "him"];
    match route.path {
        // Programs alone: `tokens::bulk` asks as one.
        path if path.ends_with("/$export") => &[],
        "/api/v1/patients/{patient}/ehi" => &["him"],
        "/api/v1/me" | "/signout" | "/account" | "/account/password" | "/account/second-factor" => &ROLES,
        "/break-glass" | "/break-glass/{id}" => &["compliance"],
        "/api/v1/search" | "/search" | "/alerts/{number}/seen" => &["him"],
        path if path.contains("/releases") => &["him"],
        // Only whoever's NPI is known: `signin::own_notes` asks as one.
        "/patients/{patient}/own-notes" => &[],
        "/system" | "/system/fixity" | "/system/users" | "/system/policy" => &["archivist", "admin"],
        path if path.starts_with("/identity") => &["him", "archivist"],
        path if path.contains("/accessions") => &["archivist"],
        "/api/v1/access" | "/patients/{patient}/access" | "/signals" => &["compliance"],
        path if path == "/access" || path.starts_with("/access/") || path.starts_with("/api/v1/access/reports/") => {
            &["compliance"]
        }
        _ => READERS,
    }
}

/// Statuses of an allowed question: mostly 200; a page image or a trend may be of nothing.
fn fits(route: &Route, status: u16) -> bool {
    match route.path {
        "/break-glass/{id}" => status == 404,
        "/api/v1/patients/{patient}/ehi" => [200, 202].contains(&status),
        // The check is begun, whatever it finds; a verdict without a signal is one on nothing.
        "/access/log" => [200, 303].contains(&status),
        "/signals" => [200, 404].contains(&status),
        "/releases" | "/releases/new" | "/api/v1/releases" => status == 200,
        // There is no request of that number.
        path if path.contains("/releases/") => status == 404,
        // Back to the list, whether or not there was such an alert.
        "/alerts/{number}/seen" => status == 303,
        path if path.ends_with("/print") => status == 200,
        // The example is a plain text.
        path if path.starts_with("/patients/{patient}/documents/{id}/") => status == 404,
        path if path.contains("{page}") || path.ends_with("{code}") || path.contains("_history/{version}") => {
            [200, 404].contains(&status)
        }
        // Nothing of the hospital is in quarantine, and its codes may still be counted.
        "/accessions/{accession}/quarantine/{item}" => status == 404,
        "/accessions/{accession}/codes.csv" => [200, 503].contains(&status),
        // A form without a decision.
        "/identity/{patient}/{other}" => [200, 400].contains(&status),
        _ => status == 200,
    }
}

/// Routes that show nothing of the archive, so that nothing is logged.
fn is_silent(route: &Route, role: &str, path: &str) -> bool {
    route.path == "/api/v1/me"
        || path == "/"
        || path == "/releases/new"
        || path.starts_with("/account")
        || route.path == "/" && !["clinician", "him"].contains(&role)
}

fn ask(house: &House, route: &Route, role: &str, browser: Option<&Browser>, path: &str, id: &str) -> Answer {
    let request_id = ("x-request-id", id);
    match (route.door, route.method, browser) {
        (Door::Session, Method::Get, Some(browser)) => {
            house.server.request("GET", path, None, &[request_id, ("cookie", &browser.cookie)])
        }
        (Door::Session | Door::Account, Method::Post, Some(browser)) => {
            browser.post(path, &[request_id], &format!("csrf={}", browser.csrf))
        }
        (_, Method::Delete, _) => house.server.request("DELETE", path, Some(house.token(role)), &[request_id]),
        (_, Method::Post, _) => post(&house.server, path, Some(house.token(role)), &[request_id], "_count=1&_id=x"),
        _ => house.server.request("GET", path, Some(house.token(role)), &[request_id]),
    }
}

fn check_headers(answer: &Answer, path: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{path}");
    }
    let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{path} has no policy"));
    assert!(policy.contains("default-src 'none'") && policy.contains("base-uri 'none'"), "{path}: {policy}");
    assert!(answer.header("x-request-id").is_some(), "{path}");
    assert!(answer.header("server").is_none(), "{path}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
}

#[test]
fn every_route_answers_each_role_as_the_policy_says_and_leaves_an_entry() {
    let house = house();
    let example = example();
    let mut asked: BTreeMap<String, (String, u16)> = BTreeMap::new();
    let mut sent = 0;
    for role in ROLES {
        let account = format!("routes-{role}");
        add_account(loaded(), &account, role);
        let browser = Browser::sign_in(&house.server, &account);
        // Signing out comes last, since it ends the browser's session.
        let (last, first): (Vec<&Route>, Vec<&Route>) = routes().iter().partition(|route| route.path == "/signout");
        for route in first.into_iter().chain(last).filter(|route| is_asked(route)) {
            // Forms that do nothing without their fields: `accounts`, `break_glass` and `browser` send them.
            let is_form = route.path.starts_with("/account")
                || route.path.contains("break-glass")
                || route.path.contains("/releases") && role == "him";
            if route.method == Method::Post && is_form {
                continue;
            }
            let path = example.path(route);
            sent += 1;
            let id = format!("route-{sent}");
            let answer = ask(&house, route, role, Some(&browser), &path, &id);
            let what = format!("{role}: {} {path}: {}", route.method.name(), answer.status);
            if route.path.starts_with("/api/v1/releases") {
                // There is no such request; who may not hears the same.
                let is_board = route.path == "/api/v1/releases" && role == "him";
                assert_eq!(answer.status, if is_board { 200 } else { 404 }, "{what}: {}", answer.text());
                continue;
            }
            match (route.path, role) {
                ("/signout", _) | ("/", "compliance" | "archivist" | "admin") => assert_eq!(answer.status, 303, "{what}"),
                // Nobody here has asked for an export.
                (path, _) if path.starts_with("/fhir/bulk/") => assert_eq!(answer.status, 404, "{what}"),
                _ if allowed(route).contains(&role) => assert!(fits(route, answer.status), "{what}: {}", answer.text()),
                _ => assert_eq!(answer.status, 403, "{what}: {}", answer.text()),
            }
            check_headers(&answer, &path);
            assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
            if route.area() == Area::Fhir && answer.status != 200 {
                assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{what}");
            }
            if !is_silent(route, role, &path) {
                asked.insert(id, (what, answer.status));
            } else {
                asked.insert(format!("silent-{}", asked.len()), Default::default());
            }
        }
    }
    let entries = entries_by_request(loaded());
    for (id, (what, status)) in asked.iter().filter(|(id, _)| !id.starts_with("silent")) {
        let entries = entries.get(id).unwrap_or_else(|| panic!("no entry of {what}"));
        let denied = entries.iter().any(|entry| entry["event"] == "authz.denied");
        assert_eq!(denied, *status == 403, "{what}: {entries:?}");
    }
}

/// Routes by which someone comes in from elsewhere, or gets a token.
fn is_way_in(route: &Route) -> bool {
    ["/signin/", "/launch", "/oauth/"].iter().any(|start| route.path.starts_with(start))
}

#[test]
fn without_a_key_only_what_is_public_is_given() {
    let house = house();
    let example = example();
    for route in routes() {
        let path = example.path(route);
        let answer = match route.method {
            Method::Get => house.server.get(&path, None),
            Method::Post => post(&house.server, &path, None, &[], "a=b"),
            Method::Delete => house.server.request("DELETE", &path, None, &[]),
        };
        let what = format!("{} {path}: {}", route.method.name(), answer.status);
        match route.door {
            // The ways in themselves: what they want is not in this request.
            // A recipient's link that there is not.
            _ if route.path == "/r/{token}" => assert!([403, 404].contains(&answer.status), "{what}"),
            Door::Open | Door::SignIn if is_way_in(route) => assert!([303, 400, 401].contains(&answer.status), "{what}"),
            Door::Open | Door::SignIn if route.method == Method::Get => assert_eq!(answer.status, 200, "{what}"),
            // A form that says nothing is no request for a token.
            Door::Open => assert_eq!(answer.status, 400, "{what}"),
            Door::SignIn => assert_eq!(answer.status, 403, "{what}"),
            Door::Token => assert_eq!(answer.status, 401, "{what}"),
            Door::Session | Door::Account => {
                assert_eq!(answer.status, 303, "{what}");
                assert!(answer.header("location").is_some_and(|to| to.starts_with("/signin")), "{what}");
            }
        }
        if matches!(route.door, Door::Token | Door::Session) {
            assert!(!answer.text().contains(&example.family), "{what}");
            check_headers(&answer, &path);
        }
        if route.area() == Area::Fhir && answer.status != 200 {
            assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{what}");
        }
    }
}

#[test]
fn what_is_not_there_and_what_cannot_be_done_is_said_in_the_form_of_the_area() {
    let house = house();
    let him = Some(house.token("him"));
    for path in [
        "/fhir",
        "/fhir/",
        "/fhir/Nonsense",
        "/fhir/Nonsense/1",
        "/fhir/Patient/nobody",
        "/fhir/Patient/1/x/y/z",
        "/fhir/Patient/%00",
    ] {
        let answer = house.server.get(path, him);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{path}");
        assert!(answer.header("content-type").is_some_and(|it| it.starts_with("application/fhir+json")), "{path}");
        check_headers(&answer, path);
    }
    for path in ["/api", "/api/v1/nothing", "/api/v1/records/Observation/nobody"] {
        let answer = house.server.get(path, him);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")), "{path}");
        check_headers(&answer, path);
    }
    assert_eq!(house.server.get("/nothing", None).status, 404);
    for method in ["PUT", "PATCH", "DELETE", "POST"] {
        for path in ["/fhir/Patient/1", "/fhir/Patient", "/fhir", "/fhir/metadata", "/fhir/Patient/1/_history/1"] {
            for token in [him, None] {
                let answer = house.server.request(method, path, token, &[]);
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method} {path}");
                assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{method} {path}");
            }
        }
        let answer = house.server.request(method, "/api/v1/patients", him, &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(house.get("him", "/fhir/Patient/x?_format=xml").status, 406);
}

#[test]
fn an_entry_names_every_record_that_was_shown() {
    let house = house();
    let patient = example().patient;
    let records: Vec<Stored> = stored().into_iter().filter(|record| record.names(&patient) && !record.restricted).collect();
    let mut names: Vec<(&str, &str)> = records.iter().map(|record| (record.kind, record.id.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    let observations = names.iter().filter(|(kind, _)| *kind == "Observation").count() as u64;
    let expected = [
        (format!("/api/v1/patients/{patient}/chart"), names.len() as u64, "record.read"),
        (format!("/fhir/Patient/{patient}/$everything?_count=1000"), names.len() as u64, "record.everything"),
        (format!("/fhir/Patient/{patient}/$everything?_count=7"), 7, "record.everything"),
        (format!("/api/v1/patients/{patient}/records?kind=Observation"), observations, "record.read"),
        (format!("/fhir/Observation?patient={patient}&_count=5"), observations.min(5), "record.search"),
        (format!("/fhir/Patient/{patient}"), 1, "record.read"),
        (format!("/api/v1/patients/{patient}"), 1, "record.read"),
        (format!("/fhir/Observation?patient={patient}&_summary=count"), 0, "record.search"),
    ];
    for (at, (path, _, _)) in expected.iter().enumerate() {
        let answer =
            house.server.request("GET", path, Some(house.token("clinician")), &[("x-request-id", &format!("named-{at}"))]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    let series = format!("/api/v1/patients/{patient}/series?code=8867-4");
    let answer = house.server.request("GET", &series, Some(house.token("clinician")), &[("x-request-id", "named-series")]);
    let points = answer.json()["points"].as_array().expect("points").len() as u64;
    let entries = entries_by_request(loaded());
    for (at, (path, count, event)) in expected.iter().enumerate() {
        let entries = &entries[&format!("named-{at}")];
        assert_eq!(entries.len(), 1, "one entry for one act: {path}");
        let entry = &entries[0];
        assert_eq!((shown(entry), entry["event"].as_str()), (*count, Some(*event)), "{path}");
        assert_eq!(entry["patients"][0]["archive_id"], patient, "{path}");
        assert_eq!(entry["user"]["roles"][0], "clinician");
        assert_eq!(entry["purpose"][0]["code"], "TREAT");
    }
    assert_eq!(shown(&entries["named-series"][0]), points, "each value of a series is a record shown");
    // A HEAD and a 304 say that a record is there: they are reads.
    for (id, method, headers) in [("named-head", "HEAD", &[][..]), ("named-304", "GET", &[("if-none-match", "*")])] {
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("x-request-id", id)]).collect();
        let answer = house.server.request(method, &format!("/fhir/Patient/{patient}"), Some(house.token("clinician")), &headers);
        assert!([200, 304].contains(&answer.status));
        assert!(answer.body.is_empty());
    }
    let entries = entries_by_request(loaded());
    assert_eq!((shown(&entries["named-head"][0]), shown(&entries["named-304"][0])), (1, 1));
}
