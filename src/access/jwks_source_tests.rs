//! How often keys are asked for, and how long they are believed. Not for: what a set holds.

use jsonwebtoken::Algorithm;

use super::*;
use crate::access::issuer_testing::{Listener, TestKey, jwks};

fn source(place: Place) -> KeySource {
    KeySource::new(place, Caller::new(None).unwrap())
}

fn keys_at(listener: &Listener) -> KeySource {
    source(Place::Url(format!("{}/jwks", listener.address)))
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_thousand_tokens_with_unknown_keys_cost_one_fetch() {
    let old = TestKey::new("old", Algorithm::ES256);
    let listener = Listener::start(&jwks(&[&old]), "");
    let source = keys_at(&listener);
    let start = Instant::now();
    source.key_at("old", start).unwrap();
    assert_eq!(listener.calls(), 1);
    let later = start + 2 * MINUTE;
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let source = &source;
            scope.spawn(move || {
                for n in 0..50 {
                    assert_eq!(source.key_at(&format!("{thread}-{n}"), later).unwrap_err(), TokenError::UnknownKey);
                }
            });
        }
    });
    assert_eq!(listener.calls(), 2);
    assert!(source.key_at("old", later).is_ok());
    assert_eq!(source.key_at("other", later + MINUTE / 2).unwrap_err(), TokenError::UnknownKey);
    assert_eq!(listener.calls(), 2);
    assert_eq!(source.key_at("other", later + MINUTE).unwrap_err(), TokenError::UnknownKey);
    assert_eq!(listener.calls(), 3);
}

#[test]
fn the_first_askers_wait_for_one_answer() {
    let key = TestKey::new("a", Algorithm::ES256);
    let listener = Listener::start(&jwks(&[&key]), "");
    let source = keys_at(&listener);
    std::thread::scope(|scope| {
        for _ in 0..WAITING_MAX {
            scope.spawn(|| assert!(source.key_at("a", Instant::now()).is_ok()));
        }
    });
    assert_eq!(listener.calls(), 1);
}

#[test]
fn a_rotated_key_comes_and_a_dropped_one_goes() {
    let (old, new) = (TestKey::new("old", Algorithm::ES256), TestKey::new("new", Algorithm::ES256));
    let listener = Listener::start(&jwks(&[&old]), "max-age=600");
    let source = keys_at(&listener);
    let start = Instant::now();
    source.key_at("old", start).unwrap();
    listener.answer(200, &jwks(&[&new]));
    assert!(source.key_at("new", start + MINUTE).is_ok());
    assert_eq!(source.key_at("old", start + MINUTE).unwrap_err(), TokenError::UnknownKey);
    assert_eq!(listener.calls(), 2);
    // Nobody asks for what is fresh; what is stale is asked for again.
    assert!(source.key_at("new", start + 10 * MINUTE).is_ok());
    assert_eq!(listener.calls(), 2);
    listener.answer(200, &jwks(&[&old]));
    assert!(source.key_at("old", start + 12 * MINUTE).is_ok(), "stale by then");
    assert_eq!(source.key_at("new", start + 12 * MINUTE).unwrap_err(), TokenError::UnknownKey);
    assert_eq!(listener.calls(), 3);
}

#[test]
fn keys_outlive_a_failing_issuer_by_a_day_and_no_longer() {
    let key = TestKey::new("a", Algorithm::ES256);
    let listener = Listener::start(&jwks(&[&key]), "no-cache");
    let source = keys_at(&listener);
    let start = Instant::now();
    source.key_at("a", start).unwrap();
    let hours = |n: u32| start + n * 60 * MINUTE;
    for (hour, (status, body)) in [(500, ""), (200, "{}"), (302, ""), (200, "<html>"), (404, "{\"keys\":[]}")].iter().enumerate()
    {
        listener.answer(*status, body);
        assert!(source.key_at("a", hours(hour as u32 + 1)).is_ok(), "{status} {body}");
    }
    assert_eq!(listener.calls(), 6, "and no redirect was followed");
    assert!(source.key_at("a", hours(23)).is_ok());
    assert_eq!(source.key_at("a", hours(24)).unwrap_err(), TokenError::Unavailable);
    listener.answer(200, &jwks(&[&key]));
    assert!(source.key_at("a", hours(25)).is_ok());
}

#[test]
fn an_answer_that_never_comes_or_never_ends_is_no_answer() {
    let nobody = source(Place::Url("http://127.0.0.1:1/jwks".into()));
    assert_eq!(nobody.key("a").unwrap_err(), TokenError::Unavailable);
    let key = TestKey::new("a", Algorithm::ES256);
    let padded = format!("{}{}", jwks(&[&key]), " ".repeat(300 << 10));
    let listener = Listener::start(&padded, "");
    assert_eq!(keys_at(&listener).key("a").unwrap_err(), TokenError::Unavailable);
}

#[test]
fn a_discovery_document_must_be_the_issuers_own() {
    let key = TestKey::new("a", Algorithm::ES256);
    // One body serves as document and as key set.
    let both = |issuer: &str| {
        let mut set: Value = serde_json::from_str(&jwks(&[&key])).unwrap();
        set["issuer"] = issuer.into();
        set["jwks_uri"] = "{address}/jwks".into();
        set["authorization_endpoint"] = "https://idp.example.org/authorize".into();
        set.to_string()
    };
    let listener = Listener::start(&both("{address}"), "");
    let good = source(Place::Discovery(listener.address.clone()));
    assert!(good.key("a").is_ok());
    assert_eq!(good.discovery().unwrap()["authorization_endpoint"], "https://idp.example.org/authorize");
    assert_eq!(listener.calls(), 2);
    for wrong in ["https://other.example.org", "{address}/", ""] {
        listener.answer(200, &both(wrong));
        let source = source(Place::Discovery(listener.address.clone()));
        assert_eq!(source.key("a").unwrap_err(), TokenError::Unavailable, "{wrong}");
        assert!(source.discovery().is_none());
    }
    assert_eq!(listener.calls(), 5, "no keys are asked for on the word of another");
}

#[test]
fn a_file_is_read_again_when_it_changes() {
    let (old, new) = (TestKey::new("old", Algorithm::ES256), TestKey::new("newer", Algorithm::ES256));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let source = source(Place::File(path.clone()));
    assert_eq!(source.key("old").unwrap_err(), TokenError::Unavailable);
    std::fs::write(&path, jwks(&[&old])).unwrap();
    let start = Instant::now();
    assert!(source.key_at("old", start).is_ok());
    std::fs::write(&path, jwks(&[&new])).unwrap();
    assert!(source.key_at("newer", start).is_ok());
    assert_eq!(source.key_at("old", start).unwrap_err(), TokenError::UnknownKey);
    assert!(source.key_at("newer", start + 1000 * MINUTE).is_ok(), "a file that stands is good");
    std::fs::write(&path, "{").unwrap();
    assert!(source.key_at("newer", start + 1001 * MINUTE).is_ok(), "a broken one does not lock all out at once");
    assert_eq!(source.key_at("newer", start + 2441 * MINUTE).unwrap_err(), TokenError::Unavailable);
}

#[test]
fn freshness_is_what_the_answer_says_within_bounds() {
    let seconds = |text| fresh_for(text).as_secs();
    assert_eq!(seconds(None), 3600);
    assert_eq!(seconds(Some("public, max-age=120")), 120);
    assert_eq!(seconds(Some("max-age=99999999")), 86_400);
    assert_eq!(seconds(Some("no-store")), 0);
    assert_eq!(seconds(Some("max-age=soon")), 3600);
}
