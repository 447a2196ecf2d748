//! The server as a client meets it, over an archive that holds nothing: every route's door, methods, headers, errors,
//! and the life of a session. What records look like is tested where they are made.
//!
//! Not for: what a handler finds in an archive with records; `tests/` asks that of a running server.

use std::time::Duration;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::{App as Site, FromRequest, http, web};

use super::router;
use super::routes::{Area, Door, Method, Route, routes};
use super::state::{App, Transport};
use super::*;
use crate::access::{Gate, Grant, Policy, Purpose, Role, TokenVerifier, archive_urn, issue_token};
use crate::audit::AuditLog;
use crate::config::Config;
use crate::query::Archive;
use crate::register::{NewAccount, Register, SessionTimes};
use crate::signing::{KeyPurpose, init_keys, load_signer};

struct Fixture {
    app: std::sync::Arc<App>,
    folder: tempfile::TempDir,
    token: String,
}

const PASSWORD: &str = "correct horse battery";

async fn fixture(transport: Transport) -> Fixture {
    let (folder, log) = AuditLog::temporary();
    let (archive, keys) = (folder.path().join("other"), folder.path().join("other.keys"));
    std::fs::create_dir_all(&archive).unwrap();
    let ring = init_keys(&archive, &keys).unwrap();
    let grant = Grant {
        subject: "service:test".into(),
        name: "Test".into(),
        role: Role::Him,
        purpose: Purpose::RecordManagement,
        lifetime: Duration::from_secs(600),
        client_id: None,
        scopes: None,
        patient: None,
    };
    let signer = load_signer(&keys, KeyPurpose::Token).unwrap();
    let token = issue_token(&archive_urn(&ring).unwrap(), &signer, &grant).unwrap().text;
    let register = Register::open(&folder.path().join("register.db"), SessionTimes::default()).await.unwrap();
    let ann = NewAccount { name: "ann".into(), display_name: "Ann Example".into(), roles: vec!["clinician".into()] };
    register.add_account(&ann, PASSWORD).await.unwrap();
    let seal = load_signer(&keys, KeyPurpose::Seal).unwrap();
    std::fs::create_dir_all(archive.join("catalog")).unwrap();
    let layout = crate::store::layout::Layout::new(&archive);
    crate::store::catalog::publish_first(&layout, "test", "2026-01-01T00:00:00Z", &seal).unwrap();
    let services = Services {
        archive: Archive::open(&archive, ring.verifiers(KeyPurpose::Seal), Default::default()).unwrap(),
        gate: Gate::new(log, Policy::built_in()),
        register,
        tokens: TokenVerifier::of_archive(&ring).unwrap(),
        token_signer: Some(std::sync::Arc::new(signer)),
        statement_signer: Some(std::sync::Arc::new(load_signer(&keys, KeyPurpose::Audit).unwrap())),
        release_signer: Some(std::sync::Arc::new(load_signer(&keys, KeyPurpose::Release).unwrap())),
        metrics: None,
        config: Config::default(),
    };
    let app = App::new(services, transport, folder.path().join("archive")).unwrap();
    Fixture { app: std::sync::Arc::new(app), folder, token }
}

/// What came back.
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(fixture: &Fixture, request: TestRequest) -> Reply {
    let site = init_service(Site::new().configure(router::configure(fixture.app.clone()))).await;
    let response: ServiceResponse = site.call(request.to_request()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = String::from_utf8_lossy(&read_body(response).await).into_owned();
    Reply { status, headers, body }
}

fn with_token(fixture: &Fixture, request: TestRequest) -> TestRequest {
    request.insert_header(("Authorization", format!("Bearer {}", fixture.token)))
}

/// A path of the template that no record is at.
fn path_of(template: &str) -> String {
    template
        .replace("{kind}", "Observation")
        .replace("{version}", "1")
        .replace("{page}", "1.png")
        .replace("{section}", "problems")
        .replace("{name:.*}", "chartkeep.css")
        .replace("{code}", "718-7")
        .replace("{id}", "nobody")
        .replace("{patient}", "nobody")
}

#[actix_web::test]
async fn no_route_behind_a_door_opens_without_a_key() {
    let fixture = fixture(Transport::Loopback).await;
    for route in routes() {
        let request = TestRequest::with_uri(&path_of(route.path)).method(match route.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Delete => http::Method::DELETE,
        });
        let reply = send(&fixture, request).await;
        match route.door {
            Door::Token => {
                assert_eq!((reply.status, reply.header("www-authenticate").is_empty()), (401, false), "{}", route.path);
                let form = if route.area() == Area::Fhir { "\"code\":\"login\"" } else { "\"code\":\"sign-in-needed\"" };
                assert!(reply.body.contains(form), "{}: {}", route.path, reply.body);
            }
            Door::Session | Door::Account => {
                assert_eq!(reply.status, 303, "{}", route.path);
                assert!(reply.header("location").starts_with("/signin"), "{}", route.path);
            }
            // The ways in themselves: what they want is not in this request.
            Door::Open | Door::SignIn
                if ["/signin/", "/launch", "/oauth/", "/r/"].iter().any(|way| route.path.starts_with(way)) =>
            {
                assert!([303, 400, 401, 404].contains(&reply.status), "{}", route.path);
            }
            Door::Open => assert_eq!(reply.status, 200, "{}", route.path),
            Door::SignIn => assert!([200, 403].contains(&reply.status), "{}", route.path),
        }
    }
}

#[actix_web::test]
async fn every_answer_carries_the_protecting_headers() {
    let plain = fixture(Transport::Loopback).await;
    let tls = fixture(Transport::Tls).await;
    for path in ["/healthz", "/fhir/metadata", "/fhir/Observation/x", "/signin", "/nowhere", "/api/v1/nowhere"] {
        let reply = send(&plain, TestRequest::with_uri(path).insert_header(("X-Request-Id", "abc-1"))).await;
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        assert_eq!(reply.header("x-request-id"), "abc-1", "{path}");
        assert_eq!(reply.header("strict-transport-security"), "", "{path}");
        let reply = send(&tls, TestRequest::with_uri(path).insert_header(("X-Request-Id", "a b\u{e9}"))).await;
        assert!(reply.header("strict-transport-security").starts_with("max-age="), "{path}");
        assert_eq!(reply.header("x-request-id").len(), 36, "a request id of our own");
    }
}

#[actix_web::test]
async fn every_write_under_fhir_hears_that_the_archive_is_read_only() {
    let fixture = fixture(Transport::Loopback).await;
    for path in ["/fhir", "/fhir/Patient", "/fhir/Patient/1", "/fhir/Patient/1/_history/1", "/fhir/metadata", "/fhir/a/b/c/d"] {
        for method in ["PUT", "POST", "PATCH", "DELETE"] {
            let method = http::Method::from_bytes(method.as_bytes()).unwrap();
            let reply = send(&fixture, TestRequest::with_uri(path).method(method.clone())).await;
            assert_eq!(reply.status, 405, "{method} {path}");
            assert!(reply.header("allow").contains("GET"), "{method} {path}");
            let outcome: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(outcome["resourceType"], "OperationOutcome");
            assert_eq!(outcome["issue"][0]["code"], "not-supported");
        }
    }
}

#[actix_web::test]
async fn what_is_not_there_looks_the_same_everywhere_and_is_logged() {
    let fixture = fixture(Transport::Loopback).await;
    for (path, status) in [
        ("/fhir/Observation/nobody", 404),
        ("/fhir/Unicorn/1", 404),
        ("/fhir/Observation/a_b", 404),
        ("/fhir/Binary/nobody", 404),
        ("/fhir/Patient/nobody/$everything", 404),
        ("/fhir/Observation", 400),
        ("/fhir/Observation?patient=nobody&colour=red", 400),
        ("/fhir/Observation?patient=nobody&_cursor=AAAA", 400),
        ("/fhir/Observation?patient=nobody&date=ap2014", 400),
        ("/fhir/Observation/nobody?_format=xml", 406),
        ("/fhir/Patient/nobody?access_token=x", 400),
        ("/fhir/nowhere/else/at/all", 404),
    ] {
        let reply = send(&fixture, with_token(&fixture, TestRequest::with_uri(path))).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        let outcome: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{path}");
    }
    let reply = send(&fixture, with_token(&fixture, TestRequest::with_uri("/fhir/Observation?patient=nobody&date=ge2014"))).await;
    let bundle: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, &bundle["total"], bundle.get("entry")), (200, &serde_json::json!(0), None));
    let query = crate::audit::Query { patient: Some("nobody".into()), ..Default::default() };
    let entries = crate::audit::read(&fixture.app.folder, &query).unwrap();
    assert!(entries.iter().any(|found| found.entry["event"] == "record.search" && found.entry["query"]["hits"] == 0));
    assert!(entries.iter().any(|found| found.entry["event"] == "record.everything"));
}

#[actix_web::test]
async fn bounds_hold_before_anything_is_read() {
    let fixture = fixture(Transport::Loopback).await;
    let long = format!("/fhir/Observation?patient={}", "a".repeat(9_000));
    assert_eq!(send(&fixture, with_token(&fixture, TestRequest::with_uri(&long))).await.status, 414);
    let many = format!("/fhir/Observation?patient=a&{}", "code=1&".repeat(300));
    assert_eq!(send(&fixture, with_token(&fixture, TestRequest::with_uri(&many))).await.status, 400);
    let big = TestRequest::post().uri("/signin").set_payload("a=b&".repeat(300_000));
    assert_eq!(send(&fixture, big.insert_header(("Content-Type", "application/x-www-form-urlencoded"))).await.status, 413);
    let json = TestRequest::post().uri("/fhir/Observation/_search").set_payload("{}");
    assert_eq!(send(&fixture, with_token(&fixture, json.insert_header(("Content-Type", "application/json")))).await.status, 415);
    let wide = TestRequest::with_uri("/healthz").insert_header(("X-Wide", "a".repeat(20_000)));
    assert_eq!(send(&fixture, wide).await.status, 431);
}

#[actix_web::test]
async fn a_bad_token_opens_nothing_and_is_logged() {
    let fixture = fixture(Transport::Loopback).await;
    let flipped = format!("{}A", &fixture.token[..fixture.token.len() - 2]);
    for value in ["Bearer x", "Basic YTpi", "Bearer ", "", &format!("Bearer {flipped}")] {
        let reply = send(&fixture, TestRequest::with_uri("/api/v1/me").insert_header(("Authorization", value))).await;
        assert_eq!(reply.status, 401, "{value:?}");
    }
    let me = send(&fixture, with_token(&fixture, TestRequest::with_uri("/api/v1/me"))).await;
    assert!(me.body.contains("\"role\":\"him\""), "{}", me.body);
    fixture.app.gate.log().checkpoint().unwrap();
    let query = crate::audit::Query { event: Some("auth.token_rejected".into()), ..Default::default() };
    assert!(crate::audit::read(&fixture.app.folder, &query).unwrap().len() >= 2);
}

#[actix_web::test]
async fn a_panic_becomes_an_answer_without_its_text() {
    static PANICS: Route = Route {
        method: Method::Get,
        path: "/fhir/{kind}",
        door: Door::Open,
        handler: |_| panic!("Ann Example, born 1957"),
        summary: "",
        takes_file: false,
    };
    let fixture = fixture(Transport::Loopback).await;
    let (request, mut payload) = TestRequest::with_uri("/fhir/Patient").to_http_parts();
    let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
    let response = router::respond(fixture.app.clone(), std::sync::Arc::new(vec![&PANICS]), request, payload).await;
    assert_eq!(response.status().as_u16(), 500);
    let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
    let outcome: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(outcome["issue"][0]["code"], "exception");
    assert!(!outcome.to_string().contains("Ann"));
}

fn form(path: &str, body: &str) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .set_payload(body.to_string())
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
}

#[actix_web::test]
async fn a_session_begins_with_a_password_and_ends_for_good() {
    let fixture = fixture(Transport::Loopback).await;
    let wrong = send(&fixture, form("/signin", "user=ann&password=wrong-password&next=//elsewhere")).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, ""));
    assert!(!wrong.body.contains("wrong-password"));
    let right = format!("user=ann&password={}&next=/patients/p1", PASSWORD.replace(' ', "+"));
    let foreign = form("/signin", &right).insert_header(("Origin", "https://elsewhere.example"));
    assert_eq!(send(&fixture, foreign).await.status, 403);
    let sandboxed = form("/signin", &right).insert_header(("Origin", "null"));
    assert_eq!(send(&fixture, sandboxed).await.status, 403, "a frame without an origin");
    let own = [("Origin", "null"), ("Sec-Fetch-Site", "same-origin")];
    let started = send(&fixture, own.into_iter().fold(form("/signin", &right), TestRequest::insert_header)).await;
    assert_eq!((started.status, started.header("location")), (303, "/patients/p1"));
    let cookie = started.header("set-cookie").to_string();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.starts_with("sid="), "{cookie}");
    let sid = cookie.split(';').next().unwrap().to_string();
    let in_session = |request: TestRequest| request.insert_header(("Cookie", sid.clone()));

    let page = send(&fixture, in_session(TestRequest::with_uri("/"))).await;
    assert_eq!(page.status, 200);
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_string();
    assert_eq!(send(&fixture, in_session(TestRequest::with_uri("/api/v1/me"))).await.status, 200);
    assert_eq!(send(&fixture, in_session(TestRequest::with_uri("/fhir/Observation/x"))).await.status, 401, "FHIR wants a token");
    let cross = TestRequest::with_uri("/api/v1/me").insert_header(("Sec-Fetch-Site", "cross-site"));
    assert_eq!(send(&fixture, in_session(cross)).await.status, 403);
    assert_eq!(send(&fixture, in_session(TestRequest::with_uri("/patients/nobody"))).await.status, 404);
    assert_eq!(send(&fixture, in_session(TestRequest::with_uri("/access?patient=p1"))).await.status, 403, "not compliance");

    assert_eq!(send(&fixture, in_session(form("/signout", "csrf=guess"))).await.status, 403);
    let ended = send(&fixture, in_session(form("/signout", &format!("csrf={csrf}")))).await;
    assert_eq!((ended.status, ended.header("location")), (303, "/signin"));
    assert_eq!(send(&fixture, in_session(TestRequest::with_uri("/"))).await.status, 303, "the old cookie is void");
    fixture.app.gate.log().checkpoint().unwrap();
    let events: Vec<String> = crate::audit::read(&fixture.app.folder, &crate::audit::Query::default())
        .unwrap()
        .iter()
        .map(|found| found.entry["event"].as_str().unwrap().to_string())
        .collect();
    for event in ["auth.login_failed", "auth.login", "auth.logout", "authz.denied"] {
        assert!(events.iter().any(|e| e == event), "{event} in {events:?}");
    }
    assert!(fixture.folder.path().exists());
}

#[actix_web::test]
async fn nothing_leaves_when_the_log_cannot_be_written() {
    let fixture = fixture(Transport::Loopback).await;
    fixture.app.gate.log().fail();
    for path in ["/fhir/Observation?patient=p1", "/api/v1/patients?q=quill", "/fhir/Observation/x"] {
        let reply = send(&fixture, with_token(&fixture, TestRequest::with_uri(path))).await;
        assert_eq!(reply.status, 503, "{path}: {}", reply.body);
    }
    let login = send(&fixture, form("/signin", &format!("user=ann&password={}", PASSWORD.replace(' ', "+")))).await;
    assert_eq!((login.status, login.header("set-cookie")), (503, ""));
    for (path, status) in [("/healthz", 200), ("/readyz", 503), ("/fhir/metadata", 200)] {
        assert_eq!(send(&fixture, TestRequest::with_uri(path)).await.status, status, "{path}");
    }
}
