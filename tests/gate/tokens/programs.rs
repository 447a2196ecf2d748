//! Programs that ask for tokens of their own, and where they learn how.
//!
//! Not for: what their scopes let be seen (`scopes`).

use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::super::harness::{entries_by_request, post};
use super::{CATEGORY, PUBLIC, Place, claims, now};
use crate::support::chartkeep;
use crate::support::issuer::{TestKey, jwks};

/// The form by which a program asks for something.
pub(super) fn form(assertion: &str, more: &[(&str, &str)]) -> String {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs = [("client_assertion_type", kind), ("client_assertion", assertion)];
    let pairs = pairs.iter().chain(more).filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// A program with a key of its own.
pub(super) struct Program {
    pub key: TestKey,
    pub id: &'static str,
}

impl Program {
    pub fn assertion(&self, change: impl FnOnce(&mut Value)) -> String {
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
