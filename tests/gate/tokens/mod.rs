//! Bearer tokens of an outside issuer over HTTP, good and forged, with the entry that each refusal leaves.
//!
//! Not for: each odd claim and header (`src/access/issuer_tests.rs`), or signing in at the viewer.

mod bulk;
mod opaque;
mod programs;
mod scopes;

use std::path::PathBuf;
use std::time::SystemTime;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::harness::entries_by_request;
use crate::support::issuer::{Listener, TestKey, hmac_token, jwks};
use crate::support::{Answer, Folder, Server, folder, ingest_from, init};

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
    /// Where the third issuer is asked about its tokens.
    introspection: Listener,
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
        Place::of(&records())
    }

    /// The same with other records.
    fn of(records: &[Value]) -> Place {
        let home = folder();
        let archive = init(&home);
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        let file = home.path().join("mer.ndjson");
        std::fs::write(&file, lines.join("\n") + "\n").expect("a writable folder");
        ingest_from("mer", &archive, &[&file]).expect(0);
        let (key, second) = (TestKey::new("k1", Algorithm::ES256), TestKey::new("s1", Algorithm::ES256));
        let keys_file = home.path().join("jwks.json");
        std::fs::write(&keys_file, jwks(&[&key, TestKey::rsa()])).expect("a writable folder");
        let listener = Listener::start(&jwks(&[&second]), "");
        let introspection = Listener::start("{}", "");
        std::fs::write(home.path().join("secret"), "0123456789abcdef\n").expect("a writable folder");
        let row = |iss: &str, keys: &str| {
            format!(
                "[[access.issuer]]\niss = '{iss}'\nuse = ['resource']\n{keys}\nroles_claim = 'groups'\npatient_namespace = 'urn:ehr'\n\
                 roles = {{ Doctors = 'clinician', ROI = 'him', Privacy = 'compliance' }}\n"
            )
        };
        let config = format!(
            "[access]\npublic_url = '{PUBLIC}'\n{}{}{}[http]\nrequests_per_second = 10000\nrequests_burst = 10000\n\
             patient_searches_per_minute = 10000\nfailures_per_minute = 100000\n{}",
            row(ISS, "jwks_file = '../jwks.json'"),
            row(&listener.address, &format!("jwks_url = '{}/jwks'", listener.address)),
            row(
                &introspection.address,
                &format!(
                    "client_id = 'archive'\nclient_secret_file = '../secret'\nopaque_tokens = true\nintrospection_url = '{}/ask'",
                    introspection.address
                ),
            ),
            crate::support::ROOM,
        );
        std::fs::write(archive.join("chartkeep.toml"), config).expect("a writable folder");
        let server = Server::start(&archive);
        Place { server, archive, key, keys_file, second, listener, introspection, _home: home }
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
