//! Tokens that say nothing themselves, over HTTP; and taking tokens back at the command line.
//!
//! Not for: each odd answer of an issuer (`src/access/introspection_tests.rs`).

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::{AUD, Place, claims, now};
use crate::gate::harness::entries_by_request;
use crate::support::{chartkeep, command};

const PATH: &str = "/fhir/Patient/mer.m1";

fn answer(place: &Place) -> Value {
    json!({"active": true, "iss": place.introspection.address, "aud": AUD, "sub": "o1", "name": "Olga Example", "client_id": "app",
        "iat": now(), "exp": now() + 600, "groups": ["Doctors"], "scope": "user/*.rs"})
}

/// A token that was found standing is not looked up again for a second.
fn past_memory() {
    std::thread::sleep(Duration::from_millis(1_100));
}

#[test]
fn a_token_that_says_nothing_is_asked_about_and_refused_without_an_answer() {
    let place = Place::new();
    place.introspection.answer(200, &answer(&place).to_string());
    for n in 0..3 {
        let answer = place.get(PATH, "opaque-one", &format!("good-{n}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(place.introspection.calls(), 1);
    assert!(place.introspection.asked().contains("token=opaque-one"));
    place.introspection.answer(200, &json!({"active": false}).to_string());
    assert_eq!(place.get(PATH, "opaque-two", "inactive").status, 401);
    place.introspection.answer(500, "");
    let down = place.get("/api/v1/me", "opaque-three", "down");
    assert_eq!((down.status, down.json()["code"].as_str()), (503, Some("issuer-unavailable")));
    assert_eq!(place.get(PATH, "opaque-one", "good-3").status, 200, "what is known stands");
    assert_eq!(place.listener.calls(), 0, "no other issuer is shown the token");

    let entries = entries_by_request(&place.archive);
    let user = &entries["good-0"][0]["user"];
    assert_eq!((user["iss"].as_str(), user["sub"].as_str()), (Some(place.introspection.address.as_str()), Some("o1")));
    assert_eq!(entries["inactive"][0]["outcome_desc"], "inactive");
    assert_eq!(entries["down"][0]["outcome_desc"], "issuer-unavailable");
    assert!(!entries["inactive"][0].to_string().contains("opaque-two"), "the token itself stands in no log");
}

#[test]
fn a_token_that_is_taken_back_opens_nothing_more() {
    let place = Place::new();
    let archive = place.archive.to_str().expect("a plain name");
    let status = |token: &str, id: &str| place.get(PATH, token, id).status;
    let own = |user: &str| {
        let run = chartkeep(["token", archive, "--user", user, "--role", "clinician"]).expect(0);
        run.stdout.trim().to_string()
    };
    let of_issuer = |subject: &str, jti: &str| {
        let mut claims = claims();
        (claims["sub"], claims["jti"]) = (json!(subject), json!(jti));
        place.key.token(&claims)
    };
    place.introspection.answer(200, &answer(&place).to_string());
    let tokens =
        [own("reader"), own("reader"), own("writer"), of_issuer("u1", "j1"), of_issuer("u2", "j2"), "opaque".to_string()];
    for (n, token) in tokens.iter().enumerate() {
        assert_eq!(status(token, &format!("before-{n}")), 200, "{n}");
    }
    let revoke = |words: &[&str]| chartkeep(["token", "revoke", archive].iter().chain(words)).expect(0);
    let by_stdin = |token: &str| {
        let mut process =
            command(["token", "revoke", archive, "--stdin"]).stdin(Stdio::piped()).spawn().expect("the binary starts");
        let mut input = process.stdin.take().expect("piped");
        writeln!(input, "{token}").expect("it reads the token");
        drop(input);
        assert!(process.wait().expect("it ends").success());
    };
    by_stdin(&tokens[0]);
    by_stdin(&tokens[5]);
    revoke(&["--id", "j1"]);
    revoke(&["--user", "u2", "--issuer", super::ISS]);
    past_memory();
    let after: Vec<u16> = tokens.iter().enumerate().map(|(n, token)| status(token, &format!("after-{n}"))).collect();
    assert_eq!(after, [401, 200, 200, 401, 401, 401], "no other token");
    revoke(&["--user", "reader"]);
    past_memory();
    assert_eq!((status(&tokens[1], "last"), status(&tokens[2], "other")), (401, 200));
    past_memory();
    assert_eq!(status(&own("reader"), "new"), 200, "one that was issued later");
    let entries = entries_by_request(&place.archive);
    assert_eq!(entries["after-0"][0]["outcome_desc"], "revoked");
}
