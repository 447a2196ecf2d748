//! A request goes over HTTP from its receipt to a package that anyone can check, by two people with tokens; and the accounting
//! that the patient is given tells of it.
//!
//! Not for: the guards one by one (`src/release/workflow`), or pages (`browser`).

use std::io::{Cursor, Read as _};
use std::path::Path;
use std::time::Duration;

use chartkeep::release::package::verify::verify_with;
use chartkeep::signing::{KeyPurpose, KeyRing};
use serde_json::{Value, json};

use super::support::{Answer, Server, chartkeep, folder, ingest, init, token};

const PERSON: &str = "7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11";
const BASE: &str = "/api/v1/releases";

fn story() -> String {
    let patient = json!({"resourceType": "Patient", "id": PERSON, "name": [{"family": "Quill", "given": ["Ann"]}],
        "birthDate": "1957-03-14", "identifier": [{"value": "M-1"}]});
    let result = |n: u32| {
        json!({"resourceType": "Observation", "id": format!("o{n}"), "status": "final", "code": {"text": "Haemoglobin"},
            "subject": {"reference": format!("Patient/{PERSON}")}, "effectiveDateTime": format!("2016-01-0{n}"),
            "valueQuantity": {"value": n, "unit": "g/dL"}})
    };
    std::iter::once(patient).chain((1..5).map(result)).map(|line| line.to_string() + "\n").collect()
}

fn post(server: &Server, path: &str, token: Option<&str>, seen: Option<i64>, kind: &str, body: &str) -> Answer {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
    let mut request = agent.post(format!("{}{path}", server.address)).header("content-type", kind);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(steps) = seen {
        request = request.header("if-match", format!("\"{steps}\""));
    }
    let (head, mut body) = request.send(body).expect("the server answers").into_parts();
    let mut bytes = Vec::new();
    body.as_reader().read_to_end(&mut bytes).expect("the answer is whole");
    Answer { status: head.status.as_u16(), headers: head.headers, body: bytes }
}

/// A request that is worked on over the API.
struct Work<'a> {
    server: &'a Server,
    number: String,
    steps: i64,
}

impl Work<'_> {
    fn path(&self, rest: &str) -> String {
        format!("{BASE}/{}{rest}", self.number)
    }

    fn send(&self, token: &str, rest: &str, body: &Value) -> Answer {
        post(self.server, &self.path(rest), Some(token), Some(self.steps), "application/json", &body.to_string())
    }

    #[track_caller]
    fn done(&mut self, token: &str, rest: &str, body: &Value) -> Value {
        let answer = self.send(token, rest, body);
        assert!([200, 202].contains(&answer.status), "{rest} {body}: {} {}", answer.status, answer.text());
        let told = answer.json();
        self.steps = told["steps"].as_i64().unwrap_or(self.steps);
        told
    }

    fn get(&self, token: &str) -> Value {
        self.server.get(&self.path(""), Some(token)).json()
    }

    /// Waits until the job that was begun is done.
    #[track_caller]
    fn wait(&mut self, token: &str) {
        for _ in 0..600 {
            let job = self.server.get(&self.path("/job"), Some(token)).json();
            match job["state"].as_str() {
                Some("running") => std::thread::sleep(Duration::from_millis(100)),
                Some("done") => break,
                _ => panic!("{job}"),
            }
        }
        self.steps = self.get(token)["steps"].as_i64().unwrap();
    }
}

fn him(archive: &Path, user: &str) -> String {
    let archive = archive.to_str().unwrap();
    chartkeep(["token", archive, "--user", user, "--role", "him"]).expect(0).stdout.trim().to_string()
}

#[test]
fn a_request_goes_from_receipt_to_a_package_that_anyone_can_check_and_is_accounted_for() {
    let folder = folder();
    let archive = init(&folder);
    let delivery = folder.path().join("delivery.ndjson");
    std::fs::write(&delivery, story()).unwrap();
    ingest(&archive, &[&delivery]).expect(0);
    let (ann, ben) = (him(&archive, "ann"), him(&archive, "ben"));
    let (doc, carl) = (token(&archive, "clinician"), token(&archive, "compliance"));
    let server = Server::start(&archive);

    let paper = post(
        &server,
        &format!("{BASE}/papers?name=order.pdf&kind=order"),
        Some(&ann),
        None,
        "application/pdf",
        "%PDF-1.4\n%%EOF",
    );
    assert_eq!(paper.status, 201, "{}", paper.text());
    let request = json!({"request": {
        "requester": {"name": "R. Quester", "organisation": "Example County Court", "address": ["1 Main Street"]},
        "subjects": [{"name": "Quill", "birth_date": "1957-03-14", "numbers": ["M-1"]}],
        "basis": "court-order", "purpose": "Doe v. Roe", "delivery": {"channel": "portal"}, "papers": [paper.json()]}});
    let opened = post(&server, BASE, Some(&ann), None, "application/json", &request.to_string());
    assert_eq!(opened.status, 201, "{}", opened.text());
    let number = opened.json()["number"].as_str().unwrap().to_string();
    assert_eq!(opened.header("location"), Some(format!("{BASE}/{number}").as_str()));
    let mut work = Work { server: &server, number, steps: opened.json()["steps"].as_i64().unwrap() };

    // Who may not hears what is said of a request that is not there.
    for token in [&doc, &carl] {
        let (there, nowhere) = (server.get(&work.path(""), Some(token)), server.get(&format!("{BASE}/2026-999999"), Some(token)));
        assert_eq!((there.status, there.text()), (404, nowhere.text()));
        assert_eq!(work.send(token, "/moves", &json!({"move": "submit", "waits": false})).status, 404);
    }
    let without = post(&server, &work.path("/moves"), Some(&ann), None, "application/json", r#"{"move":"submit","waits":false}"#);
    assert_eq!(without.status, 428);
    let stale = Work { server: &server, number: work.number.clone(), steps: work.steps - 1 };
    assert_eq!(stale.send(&ann, "/moves", &json!({"move": "submit", "waits": false})).status, 412);
    assert_eq!(work.send(&ann, "/moves", &json!({"move": "fly"})).status, 400);
    assert_eq!(work.send(&ann, "/assemble", &json!({})).status, 409);

    work.done(&ann, "/moves", &json!({"move": "submit", "waits": false}));
    let found = server.get(&work.path("/patients/0/candidates"), Some(&ann)).json();
    assert_eq!((&found["candidates"][0]["agrees"], &found["candidates"][0]["keys"]), (&json!(true), &json!([PERSON])));
    work.done(&ann, "/moves", &json!({"move": "identify", "subject": 0, "keys": [PERSON]}));
    assert_eq!(work.send(&ann, "/moves", &json!({"move": "accept"})).status, 422, "its checks are open");
    for check in work.get(&ann)["missing"].as_array().unwrap() {
        let check = json!({"code": check["code"], "holds": true, "how": "read the order"});
        work.done(&ann, "/moves", &json!({"move": "answer", "check": check}));
    }
    work.done(&ann, "/moves", &json!({"move": "accept"}));
    let picked = server.get(&work.path("/patients/0/pick"), Some(&ann)).json();
    assert!(picked["selection"]["items"].as_array().unwrap().len() >= 4, "{picked}");
    work.done(&ann, "/assemble", &json!({}));
    for place in work.get(&ann)["undecided"].as_array().unwrap() {
        let decision = json!({"decision": "include", "reason": "looked at"});
        work.done(&ann, "/moves", &json!({"move": "decide", "subject": 0, "item": place["item"], "decision": decision}));
    }
    work.done(&ann, "/preview", &json!({}));
    work.wait(&ann);
    let page = server.get(&work.path("/patients/0/pages/1.png"), Some(&ben));
    assert_eq!((page.status, page.header("content-type")), (200, Some("image/png")));
    assert!(server.get(&work.path("/patients/0/pages/1.txt"), Some(&ben)).text().contains(&work.number));
    assert_eq!(server.get(&work.path("/patients/0/pages/1.png"), Some(&doc)).status, 404);
    work.done(&ann, "/moves", &json!({"move": "review"}));
    let preview_sha256 = work.get(&ben)["preview_sha256"].clone();
    let approve = json!({"move": "approve", "preview_sha256": preview_sha256, "saw_flagged": true});
    assert_eq!(work.send(&ann, "/moves", &approve).status, 403, "who prepared it does not approve it");
    work.done(&ben, "/moves", &approve);
    work.done(&ann, "/seal", &json!({}));
    work.wait(&ann);
    let sealed = work.get(&ann);
    let package_sha256 = sealed["packages"][0]["package_sha256"].as_str().unwrap().to_string();
    let package = work.path(&format!("/packages/{package_sha256}"));
    assert_eq!(server.get(&package, Some(&ann)).status, 404, "nothing is fetched before it is handed out");

    let handed = work.done(&ann, "/deliver", &json!({"channel": "portal"}));
    let whole = server.get(&package, Some(&ann));
    assert_eq!(whole.status, 200);
    let ring = KeyRing::load(&archive).unwrap();
    let (keys, log) = (ring.verifiers(KeyPurpose::Release), ring.verifiers(KeyPurpose::Audit));
    let report = verify_with(Cursor::new(whole.body.clone()), &keys, &log).unwrap();
    assert!(report.holds(), "{:?}", report.findings);
    let from = whole.body.len() / 2;
    let range = server.request("GET", &package, Some(&ann), &[("range", &format!("bytes={from}-"))]);
    assert_eq!((range.status, range.body.as_slice()), (206, &whole.body[from..]));
    let receipt = server.get(handed["receipt"].as_str().unwrap(), Some(&ann));
    assert!(receipt.status == 200 && receipt.text().contains("disclosure"));

    // The recipient, who has no account.
    let link = handed["links"][0]["href"].as_str().unwrap().strip_prefix(&server.address).unwrap().to_string();
    let form = server.get(&link, None);
    assert!(form.status == 200 && !form.text().contains("Quill") && !form.text().contains(&work.number));
    assert_eq!(server.get("/r/nothing", None).status, 404);
    let ask = |born: &str, pin: &str| {
        post(&server, &link, None, None, "application/x-www-form-urlencoded", &format!("birth_date={born}&pin={pin}"))
    };
    let pin = handed["links"][0]["pin"].as_str().unwrap();
    assert_eq!(ask("1957-03-15", pin).status, 403);
    let fetched = ask("1957-03-14", pin);
    assert_eq!((fetched.status, &fetched.body), (200, &whole.body));
    assert_eq!(ask("1957-03-14", pin).status, 404, "once");

    let accounting = server.get(&format!("/api/v1/access/reports/disclosures?patient={PERSON}"), Some(&carl)).text();
    assert!(accounting.contains("Example County Court") && accounting.contains("Doe v. Roe"), "{accounting}");
    let hold = json!({"move": "hold", "matter": "Doe v. Roe"});
    work.done(&ann, "/moves", &hold);
    assert_eq!(work.send(&ben, "/moves", &json!({"move": "close"})).status, 409);
    work.done(&ben, "/moves", &json!({"move": "resume"}));
    work.done(&ann, "/moves", &json!({"move": "close"}));
    assert_eq!(server.get(BASE, Some(&ben)).json()["releases"].as_array().unwrap().len(), 0);
    let log = chartkeep(["audit", "verify", archive.to_str().unwrap()]).expect(0);
    assert!(!log.stdout.is_empty());
}
