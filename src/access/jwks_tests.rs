//! Key sets as they should be, and as they should not. Not for: where they come from (`jwks_source_tests`).

use jsonwebtoken::Algorithm;
use serde_json::json;

use super::*;
use crate::access::issuer_testing::{TestKey, jwks};

fn set(keys: &[Value]) -> Result<usize, JwksError> {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).map(|set| set.len())
}

#[test]
fn a_key_that_is_weak_or_for_something_else_is_left_out() {
    let (rsa, ec) = (TestKey::rsa(), TestKey::new("ec", Algorithm::ES256));
    assert_eq!(KeySet::parse(jwks(&[rsa, &ec]).as_bytes()).unwrap().len(), 2);
    let with = |name: &str, value: Value| {
        let mut jwk = rsa.jwk();
        jwk[name] = value;
        jwk
    };
    let e = |name: &str, value: Value| {
        let mut jwk = ec.jwk();
        jwk[name] = value;
        jwk
    };
    let n_1024 = URL_SAFE_NO_PAD.encode([0xff; 128]);
    let n_1024_padded = URL_SAFE_NO_PAD.encode([&[0; 200][..], &[0xff; 128]].concat());
    let n_huge = URL_SAFE_NO_PAD.encode([0xff; 1100]);
    let bad = [
        with("n", json!(n_1024)),
        with("n", json!(n_1024_padded)),
        with("n", json!(n_huge)),
        with("e", json!("AQ")),
        with("e", json!("Ag")),
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("key_ops", json!("verify")),
        with("alg", json!("HS256")),
        with("alg", json!("ES256")),
        with("alg", json!("RSA-OAEP")),
        with("kty", json!("oct")),
        json!({"kty": "oct", "k": "c2VjcmV0", "kid": "rsa", "alg": "HS256"}),
        e("crv", json!("P-384")),
        e("crv", json!("secp256k1")),
        e("x", json!("AA")),
        json!({"kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "x"}),
        with("kid", json!("a b")),
        with("kid", json!(7)),
    ];
    for jwk in bad {
        assert_eq!(set(std::slice::from_ref(&jwk)), Err(JwksError::NoKey), "{jwk}");
        assert_eq!(set(&[jwk, TestKey::new("other", Algorithm::ES384).jwk()]), Ok(1), "the others stand");
    }
    assert_eq!(set(&[with("key_ops", json!(["verify"])), e("alg", json!("ES256"))]), Ok(2));
}

#[test]
fn a_set_that_is_not_plain_is_refused_whole() {
    let rsa = TestKey::rsa().jwk();
    let mut twin = TestKey::new("rsa", Algorithm::ES256).jwk();
    assert_eq!(set(&[rsa.clone(), twin.clone()]), Err(JwksError::Duplicate));
    twin["use"] = json!("enc");
    assert_eq!(set(&[rsa.clone(), twin]), Err(JwksError::Duplicate), "whatever the other is for");
    let many = |count: usize| (0..count).map(|n| json!({"kty": "oct", "kid": n.to_string()})).collect::<Vec<_>>();
    assert_eq!(set(&many(65)), Err(JwksError::TooLarge));
    assert_eq!(set(&many(64)), Err(JwksError::NoKey));
    let long = format!("{{\"keys\":[{rsa}],\"pad\":\"{}\"}}", "x".repeat(256 << 10));
    assert_eq!(KeySet::parse(long.as_bytes()).unwrap_err(), JwksError::TooLarge);
    let twice = format!("{{\"keys\":[],\"keys\":[{rsa}]}}");
    for text in ["[]", "{}", "{\"keys\":{}}", "{\"keys\":[1]}", "<html>", "", &twice] {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), JwksError::Form, "{text}");
    }
}
