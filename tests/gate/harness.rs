//! One server over the shared archive for all tests of the gate, a browser, forms, and the audit log by request.
//!
//! Not for: what an answer must be.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use chartkeep::audit::Query;
use chartkeep::model::{Label, archive_id};
use serde_json::Value;

use crate::support::{Answer, SOURCE, Server, archive, loaded, token};

/// The shared archive, served, with a token for each role.
pub struct House {
    pub server: Server,
    tokens: BTreeMap<&'static str, String>,
}

pub const ROLES: [&str; 5] = ["clinician", "him", "compliance", "archivist", "admin"];

impl House {
    pub fn token(&self, role: &str) -> &str {
        &self.tokens[role]
    }

    /// `GET` in a role.
    pub fn get(&self, role: &str, path: &str) -> Answer {
        self.server.get(path, Some(self.token(role)))
    }
}

/// The house, opened by the first test that asks and closed after the last: a server in a static would outlive the tests.
pub fn house() -> Arc<House> {
    static HOUSE: Mutex<Weak<House>> = Mutex::new(Weak::new());
    let mut held = HOUSE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(house) = held.upgrade() {
        return house;
    }
    let tokens = ROLES.iter().map(|role| (*role, token(loaded(), role))).collect();
    let house = Arc::new(House { server: Server::start(loaded()), tokens });
    *held = Arc::downgrade(&house);
    house
}

/// One archived record, as far as the tests of the gate ask.
pub struct Stored {
    pub kind: &'static str,
    pub id: String,
    pub original: Vec<u8>,
    pub json: Value,
    pub restricted: bool,
}

impl Stored {
    /// Archive ids of the patients whom it names anywhere.
    pub fn names(&self, patient: &str) -> bool {
        let wanted = format!("Patient/{patient}");
        self.kind == "Patient" && self.id == patient || holds_reference(&self.json, &wanted)
    }
}

fn holds_reference(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name == "reference" && value.as_str() == Some(wanted) || holds_reference(value, wanted)),
        Value::Array(items) => items.iter().any(|item| holds_reference(item, wanted)),
        _ => false,
    }
}

/// All records of the shared archive, read past the gate.
pub fn stored() -> Vec<Stored> {
    stored_in(loaded())
}

pub fn stored_in(root: &Path) -> Vec<Stored> {
    let records = archive::accessions(root).into_iter().flat_map(|accession| archive::records(&accession));
    records
        .map(|record| {
            let json: Value = serde_json::from_slice(&record.original).expect("what was delivered is JSON");
            Stored {
                kind: record.kind.name(),
                id: record.id,
                restricted: record.label.is_restricted(),
                original: record.original,
                json,
            }
        })
        .collect()
}

/// By the source's own label.
pub fn is_restricted(json: &Value) -> bool {
    let labels = json.pointer("/meta/security").and_then(Value::as_array);
    labels.into_iter().flatten().any(|label| Label::of_security_code(label["code"].as_str().unwrap_or("")).is_restricted())
}

/// The archive id of a patient of the delivery.
pub fn key(patient: &str) -> String {
    archive_id(SOURCE, "Patient", patient).as_str().to_string()
}

/// `POST` of a form.
pub fn post(server: &Server, path: &str, token: Option<&str>, headers: &[(&str, &str)], form: &str) -> Answer {
    let mut request = ureq::http::Request::builder().method("POST").uri(format!("{}{path}", server.address));
    request = request.header("content-type", "application/x-www-form-urlencoded");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(form.to_string()).expect("a well-formed request");
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent = config.timeout_global(Some(Duration::from_secs(60))).build().new_agent();
    let (head, mut body) = agent.run(request).expect("the server answers").into_parts();
    let mut bytes = Vec::new();
    body.as_reader().read_to_end(&mut bytes).expect("the answer is whole");
    Answer { status: head.status.as_u16(), headers: head.headers, body: bytes }
}

pub const PASSWORD: &str = "correct horse battery";

/// Makes an account with [`PASSWORD`].
pub fn add_account(archive: &Path, name: &str, role: &str) {
    let words = ["user", "add", archive.to_str().expect("plain names"), name, "--role", role];
    let mut process = crate::support::command(words).stdin(std::process::Stdio::piped()).spawn().expect("the binary starts");
    let mut input = process.stdin.take().expect("piped");
    std::io::Write::write_all(&mut input, PASSWORD.as_bytes()).expect("it reads the password");
    drop(input);
    assert!(process.wait().expect("it ends").success());
}

/// A person at a browser, signed in.
pub struct Browser<'a> {
    pub server: &'a Server,
    /// `sid=…`.
    pub cookie: String,
    pub csrf: String,
}

impl<'a> Browser<'a> {
    pub fn sign_in(server: &'a Server, name: &str) -> Browser<'a> {
        let form = format!("user={name}&password={}", PASSWORD.replace(' ', "+"));
        let answer = post(server, "/signin", None, &[], &form);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.header("set-cookie").expect("a cookie").split(';').next().expect("its pair").to_string();
        let mut browser = Browser { server, cookie, csrf: String::new() };
        let page = browser.get(answer.header("location").expect("where to go")).text();
        browser.csrf = csrf_of(&page);
        browser
    }

    pub fn get(&self, path: &str) -> Answer {
        self.server.request("GET", path, None, &[("cookie", &self.cookie)])
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("cookie", self.cookie.as_str())]).collect();
        post(self.server, path, None, &headers, form)
    }
}

/// The hidden field of a page's forms.
fn csrf_of(page: &str) -> String {
    let at = page.find("name=\"csrf\"").expect("a signed-in page has the form to sign out");
    let rest = &page[at..];
    let value = rest.split("value=\"").nth(1).expect("with a value");
    value.split('"').next().expect("closed").to_string()
}

/// Audit entries by the request that made them.
pub fn entries_by_request(archive: &Path) -> BTreeMap<String, Vec<Value>> {
    let all = chartkeep::audit::read(archive, &Query { limit: usize::MAX, ..Query::default() }).expect("the log reads");
    let mut by_request: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for found in all {
        let id = found.entry.get("req_id").and_then(Value::as_str).unwrap_or("").to_string();
        by_request.entry(id).or_default().push(Value::Object(found.entry));
    }
    by_request
}

/// How many records an entry says were shown.
pub fn shown(entry: &Value) -> u64 {
    entry["shown"].as_array().into_iter().flatten().filter_map(|group| group["count"].as_u64()).sum()
}
