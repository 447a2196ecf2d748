//! An archive that is worked on while it is served: deliveries, accounts, tokens; and tokens that nobody issued.
//!
//! Not for: what these commands do on their own (`ingest`, `src/commands`).

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chartkeep::access::{Grant, Purpose, Role, archive_urn, issue_token};
use chartkeep::signing::{KeyPurpose, KeyRing, Signer, default_private_dir, load_signer};
use chartkeep::synth::Options;
use serde_json::{Value, json};

use super::harness::{Browser, add_account, house, key};
use crate::support::{Hospital, Server, chartkeep, folder, ingest, init, loaded, token};

/// How soon the server must know of what a command did.
const SOON: Duration = Duration::from_secs(2);

fn soon(what: &str, is_so: impl Fn() -> bool) {
    let from = Instant::now();
    while !is_so() {
        assert!(from.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_operators_do_is_seen_by_the_server_at_once() {
    let first = Hospital::new(&Options { patients: 2, seed: 21, damage: false, ..Options::default() });
    let second = Hospital::new(&Options { patients: 3, seed: 22, damage: false, ..Options::default() });
    let home = folder();
    let archive = init(&home);
    assert!(matches!(ingest(&archive, &[&first.delivery()]).code, Some(0 | 1)));
    let server = Server::start(&archive);
    let token = token(&archive, "clinician");
    let read = |patient: &str| server.get(&format!("/fhir/Patient/{}", key(patient)), Some(&token)).status;
    assert_eq!(read(&first.manifest.sample_patients[0].id), 200);
    let newcomer = &second.manifest.sample_patients[2];
    assert_eq!(read(&newcomer.id), 404);
    assert!(matches!(ingest(&archive, &[&second.delivery()]).code, Some(0 | 1)));
    soon("a new accession is not served", || read(&newcomer.id) == 200);
    assert_eq!(read(&first.manifest.sample_patients[0].id), 200, "and the old one still is");
    let found = server.get(&format!("/api/v1/patients?q={}", newcomer.mrn), Some(&token)).json();
    assert_eq!(found["total"], 1);

    let user = |action: &str, name: &str| {
        chartkeep([Path::new("user"), Path::new(action), &archive, Path::new(name)]).expect(0);
    };
    add_account(&archive, "ann", "clinician");
    let browser = Browser::sign_in(&server, "ann");
    let of_ann = chartkeep([
        Path::new("token"),
        &archive,
        Path::new("--user"),
        Path::new("ann"),
        Path::new("--role"),
        Path::new("clinician"),
    ])
    .expect(0);
    let of_ann = of_ann.stdout.trim();
    assert_eq!(server.get("/api/v1/me", Some(of_ann)).status, 200);
    user("disable", "ann");
    soon("the session of a disabled account lives", || browser.get("/").status == 303);
    soon("the token of a disabled account lives", || server.get("/api/v1/me", Some(of_ann)).status == 401);
    user("enable", "ann");
    assert_eq!(browser.get("/").status, 303, "an ended session stays ended");
    drop(Browser::sign_in(&server, "ann"));
    drop(server);
    chartkeep([Path::new("audit"), Path::new("verify"), &archive]).expect(0);
}

/// Header and claims of a token, as JSON.
fn parts(token: &str) -> (Value, Value) {
    let part = |n: usize| {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(n).expect("three parts")).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (part(0), part(1))
}

fn signed(signer: &dyn Signer, header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signer.sign(message.as_bytes())))
}

fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    use hmac::{KeyInit, Mac};
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret).expect("any length");
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[test]
fn a_token_that_the_archive_did_not_issue_opens_nothing() {
    let house = house();
    let good = house.token("him").to_string();
    let (header, claims) = parts(&good);
    let signer = load_signer(&default_private_dir(loaded()), KeyPurpose::Token).expect("the key");
    let other_key = load_signer(&default_private_dir(loaded()), KeyPurpose::Audit).expect("the key");
    let with = |value: &Value, name: &str, to: Value| {
        let mut value = value.clone();
        value[name] = to;
        value
    };
    let now = jiff::Timestamp::now().as_second();
    let past = |by: i64| {
        let mut claims = claims.clone();
        (claims["iat"], claims["nbf"], claims["exp"]) = (json!(now - 3600), json!(now - 3600), json!(now - by));
        claims
    };
    let public = signer.public_key();
    let unsigned = {
        let text = signed(&signer, &with(&header, "alg", json!("none")), &claims);
        format!("{}.", text.rsplit_once('.').expect("three parts").0)
    };
    let grant = Grant {
        subject: "service:x".into(),
        name: "X".into(),
        role: Role::Him,
        purpose: Purpose::RecordManagement,
        lifetime: Duration::from_secs(600),
        client_id: None,
        scopes: None,
        patient: None,
    };
    let elsewhere = issue_token("urn:chartkeep:00000000000000000000000000000000", &signer, &grant).expect("issued").text;
    let void = [
        ("alg none", unsigned),
        ("alg none, with a signature", signed(&signer, &with(&header, "alg", json!("none")), &claims)),
        ("HS256 with the public key", hs256(&public, &with(&header, "alg", json!("HS256")), &claims)),
        ("HS256 named EdDSA", hs256(&public, &header, &claims)),
        ("another key", signed(&other_key, &header, &claims)),
        ("another archive", elsewhere),
        ("another audience", signed(&signer, &header, &with(&claims, "aud", json!("urn:chartkeep:x")))),
        ("a jku", signed(&signer, &with(&header, "jku", json!("https://evil.example/keys")), &claims)),
        ("an unknown claim", signed(&signer, &header, &with(&claims, "admin", json!(true)))),
        ("an unknown role", signed(&signer, &header, &with(&claims, "roles", json!(["root"])))),
        ("expired", signed(&signer, &header, &past(120))),
        ("not yet valid", signed(&signer, &header, &with(&claims, "nbf", json!(now + 600)))),
        ("cut short", good[..good.len() - 2].to_string()),
        ("claims changed", {
            let (rest, signature) = good.rsplit_once('.').expect("three parts");
            let (head, _) = rest.split_once('.').expect("three parts");
            let claims = URL_SAFE_NO_PAD.encode(with(&claims, "roles", json!(["compliance"])).to_string());
            format!("{head}.{claims}.{signature}")
        }),
        ("empty", String::new()),
    ];
    for (what, token) in void {
        for path in ["/fhir/Patient/x", "/api/v1/me"] {
            let answer = house.server.get(path, Some(&token));
            assert_eq!(answer.status, 401, "{what}: {}", answer.text());
            assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Bearer")), "{what}");
        }
    }
    for (what, token) in [
        ("the token itself", good.clone()),
        ("signed anew", signed(&signer, &header, &claims)),
        ("expired within the leeway", signed(&signer, &header, &past(20))),
    ] {
        assert_eq!(house.server.get("/api/v1/me", Some(&token)).status, 200, "{what}");
    }
    let ring = KeyRing::load(loaded()).expect("keys");
    assert_eq!(claims["iss"], archive_urn(&ring).expect("a name"));
    let in_address = house.server.get(&format!("/api/v1/me?access_token={good}"), None);
    assert!([400, 401].contains(&in_address.status), "a token in an address is never taken");
}
