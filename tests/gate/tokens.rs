//! Bearer tokens over HTTP: those of an outside issuer, good and forged, with the entry that each refusal leaves; what the
//! scopes of a token let be seen, by every way to a record; and programs that ask for tokens of their own.
//!
//! Not for: each odd claim and header (`src/access/issuer_tests.rs`), or signing in at the viewer.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::harness::{entries_by_request, post};
use crate::support::issuer::{Listener, TestKey, hmac_token, jwks};
use crate::support::{Answer, Folder, Server, chartkeep, folder, ingest_from, init};

const ISS: &str = "https://idp.example.org";
const PUBLIC: &str = "https://archive.example.org";
const AUD: &str = "https://archive.example.org/fhir";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

/// An archive of two patients, served with two issuers: one with its keys in a file, one that is asked for them.
struct Place {
    server: Server,
    archive: PathBuf,
    key: TestKey,
    keys_file: PathBuf,
    /// Of the second issuer, whose name is its address.
    second: TestKey,
    listener: Listener,
    _home: Folder,
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A record of a patient with a category.
fn observation(id: &str, patient: &str, category: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": format!("Patient/{patient}")},
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}], "code": {"coding": [{"code": "718-7"}]},
        "effectiveDateTime": "2012-03-04", "performer": [{"reference": "Practitioner/doc"}],
    })
}

fn records() -> Vec<Value> {
    let mut lab = observation("lab", "m1", "laboratory");
    lab["hasMember"] = json!([{"reference": "Observation/vital"}]);
    let letter = |id: &str, patient: &str| {
        json!({"resourceType": "DocumentReference", "id": id, "status": "current", "type": {"text": "Letter"},
            "subject": {"reference": format!("Patient/{patient}")},
            "content": [{"attachment": {"contentType": "text/plain", "data": "QSBsZXR0ZXIu"}}]})
    };
    vec![
        json!({"resourceType": "Patient", "id": "m1", "name": [{"family": "Marigold"}], "birthDate": "1950-01-01",
            "identifier": [{"system": "urn:ehr", "value": "E-77"}]}),
        json!({"resourceType": "Patient", "id": "m2", "name": [{"family": "Marigold"}], "birthDate": "1951-01-01"}),
        lab,
        observation("vital", "m1", "vital-signs"),
        observation("otherlab", "m2", "laboratory"),
        json!({"resourceType": "Provenance", "id": "prov", "target": [{"reference": "Observation/lab"}],
            "recorded": "2012-03-04T00:00:00Z", "agent": [{"who": {"reference": "Practitioner/doc"}}]}),
        json!({"resourceType": "Practitioner", "id": "doc", "name": [{"family": "Sorrel"}]}),
        letter("note", "m1"),
        letter("othernote", "m2"),
    ]
}

impl Place {
    fn new() -> Place {
        let home = folder();
        let archive = init(&home);
        let lines: Vec<String> = records().iter().map(Value::to_string).collect();
        let file = home.path().join("mer.ndjson");
        std::fs::write(&file, lines.join("\n") + "\n").expect("a writable folder");
        ingest_from("mer", &archive, &[&file]).expect(0);
        let (key, second) = (TestKey::new("k1", Algorithm::ES256), TestKey::new("s1", Algorithm::ES256));
        let keys_file = home.path().join("jwks.json");
        std::fs::write(&keys_file, jwks(&[&key, TestKey::rsa()])).expect("a writable folder");
        let listener = Listener::start(&jwks(&[&second]), "");
        let row = |iss: &str, keys: &str| {
            format!(
                "[[access.issuer]]\niss = '{iss}'\nuse = ['resource']\n{keys}\nroles_claim = 'groups'\npatient_namespace = 'urn:ehr'\n\
                 roles = {{ Doctors = 'clinician', ROI = 'him', Privacy = 'compliance' }}\n"
            )
        };
        let config = format!(
            "[access]\npublic_url = '{PUBLIC}'\n{}{}[http]\nrequests_per_second = 10000\nrequests_burst = 10000\n\
             patient_searches_per_minute = 10000\nfailures_per_minute = 100000\n",
            row(ISS, "jwks_file = 'jwks.json'"),
            row(&listener.address, &format!("jwks_url = '{}/jwks'", listener.address)),
        );
        std::fs::write(home.path().join("chartkeep.toml"), config).expect("a writable folder");
        let server = Server::start(&archive);
        Place { server, archive, key, keys_file, second, listener, _home: home }
    }

    fn get(&self, path: &str, token: &str, id: &str) -> Answer {
        self.server.request("GET", path, Some(token), &[("x-request-id", id)])
    }

    /// A token of a clinician with these scopes, in the launch of the patient whom the EHR calls so.
    fn scoped(&self, scope: &str, patient: Option<&str>) -> String {
        let mut claims = claims();
        claims["scope"] = json!(scope);
        if let Some(patient) = patient {
            claims["patient"] = json!(patient);
        }
        self.key.token(&claims)
    }
}

fn claims() -> Value {
    json!({"iss": ISS, "aud": AUD, "sub": "u1", "name": "Ann Example", "client_id": "app", "jti": "t1", "iat": now(),
        "exp": now() + 600, "groups": ["Doctors"], "scope": "user/*.rs"})
}

/// Ids of a Bundle's entries.
fn ids(answer: &Answer) -> Vec<String> {
    let bundle = answer.json();
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let mut ids: Vec<String> = entries.map(|entry| entry["resource"]["id"].as_str().expect("an id").to_string()).collect();
    ids.sort();
    ids
}

/// Forged and stale tokens: name, token, and the reason that the entry gives.
fn attacks(place: &Place) -> Vec<(&'static str, String, &'static str)> {
    let key = &place.key;
    let payload = claims().to_string();
    let headed = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        key.sign(&header.to_string(), &payload)
    };
    let said = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        key.token(&claims)
    };
    let good = key.token(&claims());
    let unsigned = |header: &str| {
        let token = key.sign(header, &payload);
        format!("{}.", token.rsplit_once('.').expect("three parts").0)
    };
    let away = &place.listener.address;
    let twice = payload.replacen('{', "{\"aud\":\"https://evil.example.org\",", 1);
    let mut id_token = claims();
    id_token.as_object_mut().expect("an object").remove("scope");
    id_token["nonce"] = json!("n");
    vec![
        ("alg none", unsigned(r#"{"typ":"at+jwt","alg":"none","kid":"k1"}"#), "signature"),
        ("alg nOnE with a signature", headed("alg", json!("nOnE")), "algorithm"),
        (
            "the public key as an HMAC secret",
            hmac_token(key.jwk().to_string().as_bytes(), r#"{"typ":"at+jwt","alg":"HS256","kid":"k1"}"#, &payload),
            "algorithm",
        ),
        ("jku", headed("jku", json!(format!("{away}/jwks"))), "header"),
        ("x5u", headed("x5u", json!(format!("{away}/cert"))), "header"),
        ("jwk", headed("jwk", key.jwk()), "header"),
        ("x5c", headed("x5c", json!(["MIIB"])), "header"),
        ("kid as a path that is no name", headed("kid", json!("a/../b c")), "key-name"),
        ("kid as SQL", headed("kid", json!("' OR 1=1")), "key-name"),
        ("kid with NUL", headed("kid", json!("k1\0")), "key-name"),
        ("kid as a path", headed("kid", json!("../../dev/null")), "unknown-key"),
        ("exp as text", said("exp", json!("9999999999")), "time"),
        ("exp past", said("exp", json!(now() - 61)), "time"),
        ("nbf ahead", said("nbf", json!(now() + 75)), "time"),
        ("aud of another", said("aud", json!("https://other.example.org/fhir")), "audience"),
        ("aud with a slash more", said("aud", json!(format!("{AUD}/"))), "audience"),
        ("iss of nobody", said("iss", json!("https://evil.example.org")), "issuer"),
        ("the key of one issuer for another", said("iss", json!(away)), "unknown-key"),
        ("id_token", key.token(&id_token), "type"),
        ("a name twice", key.sign(&key.header().to_string(), &twice), "claims"),
        ("ES256 of nought", format!("{}.{}", good.rsplit_once('.').expect("three parts").0, "A".repeat(86)), "signature"),
        ("cnf", said("cnf", json!({"jkt": "x"})), "confirmation"),
        ("no role", said("groups", json!(["Cooks"])), "no-role"),
        ("two roles", said("groups", json!(["Doctors", "ROI"])), "role-ambiguous"),
        ("garbage", "x.y.z".into(), "form"),
        ("too long", format!("{good}{}", "A".repeat(8 << 10)), "form"),
    ]
}

#[test]
fn a_forged_token_opens_nothing_goes_nowhere_and_is_logged() {
    let place = Place::new();
    let path = "/fhir/Patient/mer.m1";
    // Asked for once by a good token, so that what follows can be counted.
    let mut of_second = claims();
    of_second["iss"] = json!(place.listener.address);
    assert_eq!(place.get(path, &place.second.token(&of_second), "second").status, 200);
    assert_eq!(place.listener.calls(), 1);
    let good = place.key.token(&claims());
    let answer = place.get(path, &good, "good");
    assert_eq!(answer.status, 200, "{}", answer.text());

    let attacks = attacks(&place);
    for (at, (name, token, _)) in attacks.iter().enumerate() {
        let answer = place.get(path, token, &format!("attack-{at}"));
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"chartkeep\", error=\"invalid_token\""), "{name}");
        assert!(!answer.text().contains("Marigold") && answer.text().contains("A valid access token is needed."), "{name}");
    }
    let twice = [("authorization", "Bearer a.b.c"), ("x-request-id", "two-headers")];
    assert_eq!(place.server.request("GET", path, Some(&good), &twice).status, 401);
    assert_eq!(place.server.get(&format!("{path}?access_token={good}"), None).status, 400);
    assert_eq!(place.listener.calls(), 1, "nothing went out for any of them");

    // A durable entry behind them all.
    assert_eq!(place.get(path, &good, "last").status, 200);
    let entries = entries_by_request(&place.archive);
    for (at, (name, token, reason)) in attacks.iter().enumerate() {
        let [entry] = &entries[&format!("attack-{at}")][..] else { panic!("one entry: {name}") };
        assert_eq!((entry["event"].as_str(), entry["outcome"].as_str()), (Some("auth.token_rejected"), Some("4")), "{name}");
        assert_eq!(entry["outcome_desc"], *reason, "{name}");
        assert_eq!(entry["detail"]["token_sha256"].as_str().map(str::len), Some(64), "{name}");
        assert_eq!(entry["user"]["iss"], "unauthenticated", "nothing that it says is believed: {name}");
        let signature = token.rsplit('.').next().expect("parts");
        assert!(signature.len() < 20 || !entry.to_string().contains(signature), "{name}");
    }
    assert_eq!(entries["two-headers"][0]["outcome_desc"], "form");
    let seen = &entries["good"][0];
    assert_eq!((seen["user"]["iss"].as_str(), seen["user"]["sub"].as_str()), (Some(ISS), Some("u1")));
    assert_eq!(seen["user"]["roles"], json!(["clinician"]));
    assert_eq!(seen["client"], json!({"client_id": "app", "scope": "user/*.rs", "token_jti": "t1"}));
    assert_eq!(entries["second"][0]["user"]["iss"], place.listener.address, "the same subject, another person");
}

#[test]
fn keys_rotate_and_a_thousand_unknown_ones_cost_one_fetch() {
    let place = Place::new();
    let path = "/fhir/Patient/mer.m1";
    let new = TestKey::new("k2", Algorithm::ES256);
    assert_eq!(place.get(path, &place.key.token(&claims()), "a").status, 200);
    assert_eq!(place.get(path, &new.token(&claims()), "b").status, 401);
    std::fs::write(&place.keys_file, jwks(&[&new, TestKey::rsa()])).expect("a writable folder");
    assert_eq!(place.get(path, &new.token(&claims()), "c").status, 200, "no restart");
    assert_eq!(place.get(path, &place.key.token(&claims()), "d").status, 401, "dropped, so void");

    let mut of_second = claims();
    of_second["iss"] = json!(place.listener.address);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (place, of_second) = (&place, &of_second);
            scope.spawn(move || {
                for n in 0..125 {
                    let mut header = place.second.header();
                    header["kid"] = json!(format!("u-{thread}-{n}"));
                    let token = place.second.sign(&header.to_string(), &of_second.to_string());
                    assert_eq!(place.get(path, &token, "unknown").status, 401);
                }
            });
        }
    });
    assert_eq!(place.listener.calls(), 1);
    assert_eq!(place.get(path, &place.second.token(&of_second), "e").status, 200);
}

#[test]
fn an_issuer_that_cannot_be_asked_is_no_reason_to_refuse_for_good() {
    let place = Place::new();
    place.listener.answer(500, "");
    let mut of_second = claims();
    of_second["iss"] = json!(place.listener.address);
    let answer = place.get("/api/v1/me", &place.second.token(&of_second), "down");
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("issuer-unavailable")));
    assert_eq!(place.get("/api/v1/me", &place.key.token(&claims()), "up").status, 200);
    place.get("/fhir/Patient/mer.m1", &place.key.token(&claims()), "last");
    assert_eq!(entries_by_request(&place.archive)["down"][0]["outcome_desc"], "issuer-unavailable");
}

/// What stands at a place for a token.
#[derive(Debug)]
enum Seen {
    Status(u16),
    /// 200, and these records.
    Ids(&'static [&'static str]),
}

use Seen::{Ids, Status};

#[test]
fn a_scope_of_laboratory_shows_no_vital_sign_by_any_way() {
    let place = Place::new();
    let scope = format!("patient/Observation.rs?category={CATEGORY}|laboratory patient/Patient.rs patient/Practitioner.r");
    let token = place.scoped(&scope, Some("E-77"));
    let laboratory: &[(&str, Seen)] = &[
        ("/fhir/Observation/mer.lab", Status(200)),
        ("/fhir/Observation/mer.vital", Status(404)),
        ("/fhir/Observation/mer.vital/_history", Status(404)),
        ("/fhir/Observation/mer.vital/_history/1", Status(404)),
        ("/fhir/Observation/mer.lab/_history", Ids(&["mer.lab"])),
        ("/fhir/Observation?patient=mer.m1", Ids(&["mer.lab"])),
        ("/fhir/Observation?patient=mer.m1&_summary=count", Ids(&[])),
        ("/fhir/Observation?_id=mer.lab,mer.vital", Ids(&["mer.lab"])),
        ("/fhir/Observation?_id=mer.vital", Ids(&[])),
        ("/fhir/Observation?patient=mer.m1&category=vital-signs", Ids(&[])),
        ("/fhir/Observation?patient=mer.m1&_include=Observation:has-member", Ids(&["mer.lab"])),
        ("/fhir/Observation?patient=mer.m1&_include=Observation:performer", Ids(&["mer.doc", "mer.lab"])),
        ("/fhir/Observation?patient=mer.m1&_revinclude=Provenance:target", Ids(&["mer.lab"])),
        ("/fhir/Patient/mer.m1/$everything", Ids(&["mer.lab", "mer.m1"])),
        ("/fhir/Practitioner/mer.doc", Status(200)),
        ("/fhir/DocumentReference/mer.note", Status(403)),
        ("/fhir/DocumentReference?patient=mer.m1", Status(403)),
        ("/fhir/Provenance/mer.prov", Status(403)),
        ("/fhir/AuditEvent?patient=mer.m1", Status(403)),
        // Another patient, by every way.
        ("/fhir/Patient/mer.m2", Status(404)),
        ("/fhir/Observation/mer.otherlab", Status(404)),
        ("/fhir/Observation?patient=mer.m2", Ids(&[])),
        ("/fhir/Patient/mer.m2/$everything", Ids(&[])),
        ("/fhir/Patient?family=Marigold", Ids(&["mer.m1"])),
        ("/fhir/Patient?_id=mer.m2", Ids(&[])),
        ("/fhir/Observation?code=718-7", Status(400)),
        ("/fhir/Patient?_has:Observation:patient:code=718-7", Status(400)),
        ("/fhir/Observation?patient.family=Marigold", Status(400)),
    ];
    check(&place, &token, "lab", laboratory);
    // Searches by form are searches.
    let form = post(&place.server, "/fhir/Observation/_search", Some(&token), &[], "patient=mer.m1");
    assert_eq!(ids(&form), ["mer.lab"]);
    assert_eq!(place.get("/fhir/Observation?patient=mer.m1&_summary=count", &token, "c").json()["total"], 1);
    assert_eq!(place.get("/fhir/Patient/mer.m1/$everything?_count=1", &token, "c").json()["total"], 2);
    for path in ["/api/v1/me", "/api/v1/patients/mer.m1/chart", "/api/v1/records/Observation/mer.vital"] {
        let answer = place.get(path, &token, "api");
        assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("insufficient-scope")), "{path}");
    }
}

#[test]
fn letters_and_contexts_are_kept_apart() {
    let place = Place::new();
    let binary = binary_of(&place, "mer.note");
    let other = binary_of(&place, "mer.othernote");
    let reads = place.scoped("user/Observation.r user/DocumentReference.r", None);
    check(
        &place,
        &reads,
        "reads",
        &[
            ("/fhir/Observation/mer.vital", Status(200)),
            ("/fhir/Observation?patient=mer.m1", Status(403)),
            ("/fhir/Observation?_id=mer.vital", Status(403)),
            ("/fhir/Patient/mer.m1/$everything", Status(403)),
            (&binary, Status(200)),
            (&other, Status(200)),
        ],
    );
    let searches = place.scoped("user/Observation.s", None);
    check(
        &place,
        &searches,
        "searches",
        &[
            ("/fhir/Observation/mer.vital", Status(403)),
            ("/fhir/Observation/mer.vital/_history", Status(403)),
            ("/fhir/Observation?patient=mer.m1", Ids(&["mer.lab", "mer.vital"])),
            ("/fhir/Patient/mer.m1/$everything", Ids(&["mer.lab", "mer.vital"])),
            ("/fhir/Patient?family=Marigold", Status(403)),
            (&binary, Status(403)),
        ],
    );
    let documents = place.scoped("patient/DocumentReference.rs", Some("E-77"));
    check(&place, &documents, "documents", &[(&binary, Status(200)), (&other, Status(403))]);
    // A bound token is bound in all that it grants.
    let mixed = place.scoped("patient/Patient.r user/Observation.rs", Some("E-77"));
    check(
        &place,
        &mixed,
        "mixed",
        &[("/fhir/Observation/mer.lab", Status(200)), ("/fhir/Observation/mer.otherlab", Status(404))],
    );
    for (name, scope, patient) in [
        ("no patient", "patient/*.rs", None),
        ("a patient of nobody here", "patient/*.rs", Some("E-78")),
        ("scopes of a program", "system/*.rs", None),
        ("no scope", "openid profile", None),
        ("writing", "user/*.cud", None),
    ] {
        let token = place.scoped(scope, patient);
        for path in ["/fhir/Patient/mer.m1", "/fhir/Observation?patient=mer.m1", "/api/v1/me"] {
            assert_eq!(place.get(path, &token, "none").status, 403, "{name}: {path}");
        }
    }
    let whole = place.scoped("chartkeep", None);
    assert_eq!(place.get("/api/v1/patients/mer.m1/chart", &whole, "whole").status, 200);
    assert_eq!(place.get("/fhir/Observation/mer.vital", &whole, "whole").status, 200);
    // The archive's own tokens are narrowed alike.
    let archive = place.archive.to_str().expect("plain names");
    let words =
        ["token", archive, "--user", "tester", "--role", "clinician", "--scope", "patient/Observation.rs", "--patient", "mer.m2"];
    let own = chartkeep(words).expect(0).stdout.trim().to_string();
    check(
        &place,
        &own,
        "own",
        &[
            ("/fhir/Observation?patient=mer.m2", Ids(&["mer.otherlab"])),
            ("/fhir/Observation/mer.lab", Status(404)),
            ("/fhir/Patient/mer.m2", Status(403)),
            ("/api/v1/patients/mer.m2", Status(403)),
        ],
    );
}

/// Asks for each path, and looks into the entries.
fn check(place: &Place, token: &str, name: &str, rows: &[(&str, Seen)]) {
    for (at, (path, expected)) in rows.iter().enumerate() {
        let answer = place.get(path, token, &format!("{name}-{at}"));
        match expected {
            // A patient who cannot be seen is either not there or empty.
            Ids([]) if answer.status != 200 => assert!([403, 404].contains(&answer.status), "{name} {path}: {}", answer.text()),
            Ids(expected) => {
                assert_eq!(answer.status, 200, "{name} {path}: {}", answer.text());
                assert_eq!(ids(&answer), *expected, "{name} {path}");
            }
            Status(404) => assert!([403, 404].contains(&answer.status), "{name} {path}: {}", answer.text()),
            Status(status) => assert_eq!(answer.status, *status, "{name} {path}: {}", answer.text()),
        }
        if answer.status == 403 && answer.header("www-authenticate").is_some() {
            assert!(answer.header("www-authenticate").is_some_and(|text| text.contains("insufficient_scope")), "{name} {path}");
        }
    }
    let entries = entries_by_request(&place.archive);
    for (at, (path, expected)) in rows.iter().enumerate() {
        if matches!(expected, Status(400)) {
            continue;
        }
        let of_this = entries.get(&format!("{name}-{at}")).unwrap_or_else(|| panic!("no entry: {name} {path}"));
        let is_denied = of_this.iter().any(|entry| entry["event"] == "authz.denied");
        assert!(is_denied || !matches!(expected, Status(403)), "{name} {path}: {of_this:?}");
        let shown: Vec<&Value> = of_this.iter().filter(|entry| entry.get("shown").is_some()).collect();
        assert!(shown.is_empty() || !matches!(expected, Status(403 | 404)), "{name} {path}: {of_this:?}");
    }
}

/// Where the attachment of a document is.
fn binary_of(place: &Place, id: &str) -> String {
    let token = place.scoped("user/DocumentReference.r", None);
    let document = place.get(&format!("/fhir/DocumentReference/{id}"), &token, "binary").json();
    let url = document["content"][0]["attachment"]["url"].as_str().expect("an address").to_string();
    format!("/fhir/{url}")
}

/// The form by which a program asks for something.
fn form(assertion: &str, more: &[(&str, &str)]) -> String {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs = [("client_assertion_type", kind), ("client_assertion", assertion)];
    let pairs = pairs.iter().chain(more).filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// A program with a key of its own.
struct Program {
    key: TestKey,
    id: &'static str,
}

impl Program {
    fn assertion(&self, change: impl FnOnce(&mut Value)) -> String {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let jti = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        let mut claims =
            json!({"iss": self.id, "sub": self.id, "aud": format!("{PUBLIC}/oauth/token"), "exp": now() + 240, "jti": jti});
        change(&mut claims);
        let mut header = self.key.header();
        header["typ"] = json!("JWT");
        self.key.sign(&header.to_string(), &claims.to_string())
    }
}

#[test]
fn a_program_gets_a_short_token_by_its_own_key_and_each_assertion_once() {
    let place = Place::new();
    let archive = place.archive.to_str().expect("plain names");
    let program = Program { key: TestKey::new("p1", Algorithm::ES384), id: "nightly" };
    let keys = place.keys_file.with_file_name("nightly.json");
    std::fs::write(&keys, jwks(&[&program.key])).expect("a writable folder");
    let scope = "system/Observation.rs system/Patient.r";
    let words = ["client", "add", archive, "nightly", "--label", "Nightly report", "--scope", scope, "--jwks"];
    chartkeep(words.into_iter().chain([keys.to_str().expect("plain names")])).expect(0);
    let ask = |id: &str, form: &str| post(&place.server, "/oauth/token", None, &[("x-request-id", id)], form);
    let credentials = [("grant_type", "client_credentials"), ("scope", "system/Observation.rs")];

    let assertion = program.assertion(|_| {});
    let answer = ask("issued", &form(&assertion, &credentials));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let given = answer.json();
    assert_eq!((given["token_type"].as_str(), given["expires_in"].as_u64()), (Some("bearer"), Some(300)));
    assert_eq!(given["scope"], "system/Observation.rs");
    let token = given["access_token"].as_str().expect("a token").to_string();
    assert_eq!(place.get("/fhir/Patient/mer.m1", &token, "beyond").status, 403, "not asked for");
    assert_eq!(place.get("/api/v1/me", &token, "api").status, 403);

    let wrong_key = Program { key: TestKey::new("p1", Algorithm::ES384), id: "nightly" };
    let weak = Program { key: TestKey::new("p1", Algorithm::ES256), id: "nightly" };
    let nobody = Program { key: TestKey::new("p1", Algorithm::ES384), id: "nobody" };
    let refused = [
        ("used before", assertion, "replayed"),
        ("another's key", wrong_key.assertion(|_| {}), "signature"),
        ("ES256", weak.assertion(|_| {}), "algorithm"),
        ("not registered", nobody.assertion(|_| {}), "unknown-client"),
        ("other audience", program.assertion(|claims| claims["aud"] = json!(PUBLIC)), "audience"),
        (
            "the address that was asked",
            program.assertion(|claims| claims["aud"] = json!(format!("{}/oauth/token", place.server.address))),
            "audience",
        ),
        ("ten minutes", program.assertion(|claims| claims["exp"] = json!(now() + 600)), "time"),
        ("over", program.assertion(|claims| claims["exp"] = json!(now() - 61)), "time"),
        ("no jti", program.assertion(|claims| drop(claims.as_object_mut().expect("an object").remove("jti"))), "claims"),
        ("iss and sub differ", program.assertion(|claims| claims["iss"] = json!("other")), "claims"),
        ("garbage", "x".into(), "form"),
    ];
    for (at, (name, assertion, _)) in refused.iter().enumerate() {
        let answer = ask(&format!("refused-{at}"), &form(assertion, &credentials));
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "{name}");
    }
    for (scope, error) in [("", "invalid_scope"), ("system/*.rs", "invalid_scope"), ("user/Observation.rs", "invalid_scope")] {
        let answer = ask("scope", &form(&program.assertion(|_| {}), &[("grant_type", "client_credentials"), ("scope", scope)]));
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{scope}");
    }
    for (body, error) in [
        ("a=b", "invalid_request"),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&client_id=nightly&client_secret=x", "invalid_request"),
    ] {
        let answer = ask("form", body);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{body}");
    }

    // Introspection: for the program's own tokens, and nobody else's.
    let tell = |token: &str| {
        let answer = post(&place.server, "/oauth/introspect", None, &[], &form(&program.assertion(|_| {}), &[("token", token)]));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let told = tell(&token);
    assert_eq!((told["active"].as_bool(), told["scope"].as_str()), (Some(true), Some("system/Observation.rs")));
    assert_eq!((told["client_id"].as_str(), told["sub"].as_str()), (Some("nightly"), Some("nightly")));
    let others = crate::support::token(&place.archive, "him");
    for other in [others.as_str(), "x", &place.key.token(&claims())] {
        assert_eq!(tell(other), json!({"active": false}));
    }
    assert_eq!(post(&place.server, "/oauth/introspect", None, &[], &format!("token={token}")).status, 400);

    chartkeep(["client", "disable", archive, "nightly"]).expect(0);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(place.get("/fhir/Observation/mer.lab", &token, "disabled").status, 401);
    let answer = ask("refused-last", &form(&program.assertion(|_| {}), &credentials));
    assert_eq!(answer.status, 401);
    assert!(chartkeep(["client", "list", archive]).expect(0).stdout.contains("disabled"));

    let mut of_second = claims();
    of_second["scope"] = json!("user/Patient.r");
    assert_eq!(place.get("/fhir/Patient/mer.m1", &place.key.token(&of_second), "last").status, 200);
    let entries = entries_by_request(&place.archive);
    let issued = &entries["issued"][0];
    assert_eq!((issued["event"].as_str(), issued["user"]["sub"].as_str()), (Some("auth.token_issued"), Some("nightly")));
    assert_eq!(issued["client"]["client_id"], "nightly");
    assert!(!issued.to_string().contains(token.rsplit('.').next().expect("parts")));
    for (at, (name, _, reason)) in refused.iter().enumerate() {
        let entry = &entries[&format!("refused-{at}")][0];
        assert_eq!(
            (entry["event"].as_str(), entry["outcome_desc"].as_str()),
            (Some("auth.token_rejected"), Some(*reason)),
            "{name}"
        );
    }
    assert_eq!(entries["refused-last"][0]["outcome_desc"], "disabled-client");
    assert_eq!(entries["disabled"][0]["outcome_desc"], "revoked");
    assert_eq!(entries["beyond"][0]["event"], "authz.denied");
}

#[test]
fn how_programs_get_tokens_is_said_at_both_places_and_is_so() {
    let place = Place::new();
    let said = place.server.get("/fhir/.well-known/smart-configuration", None);
    assert_eq!((said.status, said.header("content-type")), (200, Some("application/json")));
    let said = said.json();
    assert_eq!(said, place.server.get("/.well-known/smart-configuration", None).json());
    assert_eq!(said["token_endpoint"], format!("{PUBLIC}/oauth/token"));
    assert_eq!(said["grant_types_supported"], json!(["client_credentials"]));
    assert_eq!(said["token_endpoint_auth_signing_alg_values_supported"], json!(["RS384", "ES384"]));
    let methods = said["code_challenge_methods_supported"].as_array().expect("a list");
    assert!(methods.contains(&json!("S256")) && !methods.contains(&json!("plain")));
    let scopes = said["scopes_supported"].as_array().expect("a list");
    assert!(scopes.contains(&json!(format!("user/Observation.rs?category={CATEGORY}|laboratory"))));
    let capabilities = said["capabilities"].as_array().expect("a list");
    assert!(
        capabilities.contains(&json!("permission-v2"))
            && !capabilities.iter().any(|it| it.as_str().is_some_and(|it| it.starts_with("launch")))
    );
    let metadata = place.server.get("/fhir/metadata", None).json();
    assert_eq!(metadata["rest"][0]["security"]["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
}
