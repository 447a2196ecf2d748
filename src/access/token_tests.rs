//! Forged, damaged and odd tokens. Not for: the gate.

use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use super::*;

const URN: &str = "urn:chartkeep:3f2a";
const NOW: u64 = 1_800_000_000;
/// A header like ours.
const HEADER: &str = r#"{"typ":"at+jwt","alg":"EdDSA"}"#;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

struct TestSigner;

impl Signer for TestSigner {
    fn key_name(&self) -> &str {
        "test"
    }

    fn public_key(&self) -> [u8; 32] {
        key(1).verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        key(1).sign(message).to_bytes()
    }
}

fn issue(grant: &Grant) -> Result<IssuedToken, TokenError> {
    issue_token(URN, &TestSigner, grant)
}

fn verifier() -> TokenVerifier {
    TokenVerifier::new(URN, &[TestSigner.public_key()])
}

fn grant() -> Grant {
    Grant {
        subject: "ann".into(),
        name: "Ann Example".into(),
        role: Role::Him,
        purpose: Purpose::Legal,
        lifetime: Duration::from_secs(3600),
        client_id: None,
        scopes: None,
        patient: None,
    }
}

fn claims() -> Value {
    json!({
        "iss": URN, "aud": URN, "sub": "ann", "name": "Ann Example", "roles": ["him"], "purpose": "HLEGAL",
        "iat": NOW, "nbf": NOW, "exp": NOW + 3600, "jti": "t1",
    })
}

/// A token with any header and payload, signed with the right key.
fn signed(header: &str, payload: &str) -> String {
    signed_with(&key(1), header, payload)
}

fn signed_with(key: &SigningKey, header: &str, payload: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// Our claims with one of them replaced by JSON text as it stands; `None` takes it out.
fn with_claim(name: &str, value: Option<&str>) -> String {
    let mut members: Vec<String> = Vec::new();
    for (claim, old) in claims().as_object().unwrap() {
        match (claim == name, value) {
            (false, _) => members.push(format!("\"{claim}\":{old}")),
            (true, Some(new)) => members.push(format!("\"{claim}\":{new}")),
            (true, None) => {}
        }
    }
    if let Some(new) = value.filter(|_| claims().get(name).is_none()) {
        members.push(format!("\"{name}\":{new}"));
    }
    signed(HEADER, &format!("{{{}}}", members.join(",")))
}

fn outcome(token: &str) -> Result<(), TokenError> {
    verifier().verify_at(token, NOW).map(|_| ())
}

#[test]
fn a_token_of_ours_says_who_may_do_what() {
    let token = issue(&grant()).unwrap();
    let principal = verifier().verify(&token.text).unwrap();
    assert_eq!((principal.issuer.as_str(), principal.subject.as_str(), principal.name.as_str()), (URN, "ann", "Ann Example"));
    assert_eq!((principal.role, principal.purpose), (Role::Him, Purpose::Legal));
    assert_eq!(principal.token_id, Some(token.id.clone()));
    assert!(!format!("{token:?}").contains(&token.text));
    assert_eq!(outcome(&signed(HEADER, &claims().to_string())), Ok(()), "the forger of these tests can make a good one");
    assert_eq!(crate::access::token_self_test(), Ok(()));
}

#[test]
fn a_life_is_from_one_second_to_a_day() {
    for seconds in [0, 24 * 3600 + 1] {
        let grant = Grant { lifetime: Duration::from_secs(seconds), ..grant() };
        assert_eq!(issue(&grant).unwrap_err(), TokenError::Lifetime);
    }
    assert!(issue(&Grant { lifetime: Duration::from_secs(24 * 3600), ..grant() }).is_ok());
}

#[test]
fn headers_that_we_never_write_are_refused() {
    let payload = claims().to_string();
    for header in [
        r#"{"typ":"at+jwt","alg":"none"}"#,
        r#"{"typ":"at+jwt","alg":"None"}"#,
        r#"{"typ":"at+jwt","alg":"nOnE"}"#,
        r#"{"typ":"at+jwt","alg":"HS256"}"#,
        r#"{"typ":"at+jwt","alg":"RS256"}"#,
        r#"{"typ":"at+jwt","alg":"Ed25519"}"#,
        r#"{"typ":"at+jwt","alg":["EdDSA"]}"#,
        r#"{"typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA"}"#,
        r#"{"typ":"JWT","alg":"EdDSA"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","jku":"https://attacker.example/keys"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","x5u":"https://attacker.example/cert"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","x5c":["AAAA"]}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AAAA"}}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","crit":["exp"]}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","crit":["b64"],"b64":false}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","zip":"DEF"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"../../dev/null"}"#,
        r#"{"typ":"at+jwt","alg":"none","alg":"EdDSA"}"#,
        r#"["at+jwt","EdDSA",1]"#,
        "",
    ] {
        assert_eq!(outcome(&signed(header, &payload)), Err(TokenError::Header), "{header}");
    }
}

#[test]
fn a_token_signed_by_another_or_by_nobody_is_refused() {
    let payload = claims().to_string();
    assert_eq!(outcome(&signed_with(&key(2), HEADER, &payload)), Err(TokenError::Signature));
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(&payload));
    assert_eq!(outcome(&unsigned), Err(TokenError::Form));
    let zeros = signed(HEADER, &payload);
    let zeros = format!("{}.{}", zeros.rsplit_once('.').unwrap().0, URL_SAFE_NO_PAD.encode([0u8; 64]));
    assert_eq!(outcome(&zeros), Err(TokenError::Signature));

    // The public key taken for an HMAC secret, under an honest and under a false header.
    for header in [r#"{"typ":"at+jwt","alg":"HS256"}"#, HEADER] {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&payload));
        let mut mac = Hmac::<Sha256>::new_from_slice(key(1).verifying_key().as_bytes()).unwrap();
        mac.update(message.as_bytes());
        let mac = mac.finalize().into_bytes();
        assert!(outcome(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))).is_err());
        let doubled = [mac.as_slice(), mac.as_slice()].concat();
        assert!(outcome(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(doubled))).is_err());
    }
}

#[test]
fn a_damaged_or_respelt_token_is_refused() {
    let token = issue_at(URN, &TestSigner, &grant(), NOW).unwrap().text;
    assert_eq!(outcome(&token), Ok(()));
    let segments: Vec<&str> = token.split('.').collect();
    for damaged in [
        token[..token.len() - 1].to_string(),
        format!("{token}="),
        format!("{token}A"),
        format!("{token}."),
        format!("{token}.x"),
        format!(" {token}"),
        format!("{token}\n"),
        segments[..2].join("."),
        format!("{}=.{}.{}", segments[0], segments[1], segments[2]),
        token.replacen('.', "..", 1),
        token.replace(['-', '_'], "+"),
        "a".repeat(TOKEN_BYTES_MAX + 1),
        String::new(),
    ] {
        if damaged != token {
            assert!(outcome(&damaged).is_err(), "{damaged}");
        }
    }
    // Any flipped character, wherever it stands.
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(outcome(std::str::from_utf8(&bytes).unwrap()).is_err(), "character {at}");
    }
}

#[test]
fn claims_that_are_missing_or_of_another_type_are_refused() {
    for (claim, _) in claims().as_object().unwrap() {
        assert!(outcome(&with_claim(claim, None)).is_err(), "without {claim}");
        assert!(outcome(&with_claim(claim, Some("null"))).is_err(), "{claim} null");
        assert!(outcome(&with_claim(claim, Some("{}"))).is_err(), "{claim} an object");
    }
    let huge = [format!("\"{}\"", NOW + 3600), format!("{}.5", NOW + 60), format!("{}.0", NOW + 60), format!("[{}]", NOW + 60)];
    let odd = ["-1", "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e10", "true", "\"\""];
    for value in huge.iter().map(String::as_str).chain(odd) {
        for claim in ["exp", "nbf", "iat"] {
            assert!(outcome(&with_claim(claim, Some(value))).is_err(), "{claim} {value}");
        }
    }
    for (claim, value) in [
        ("roles", "[]"),
        ("roles", r#"["him","admin"]"#),
        ("roles", r#"["root"]"#),
        ("roles", r#""him""#),
        ("purpose", r#""FUN""#),
        ("sub", r#""""#),
        ("jti", r#""""#),
        ("nonce", r#""n""#),
        ("scope", "7"),
        ("client_id", "[]"),
        ("patient", "{}"),
        ("iss", r#"["urn:chartkeep:3f2a"]"#),
        ("iss", r#""urn:chartkeep:other""#),
        ("iss", r#""cli""#),
    ] {
        assert!(outcome(&with_claim(claim, Some(value))).is_err(), "{claim} {value}");
    }
}

#[test]
fn the_audience_must_name_this_archive_exactly() {
    for wrong in [
        r#""urn:chartkeep:3f2""#,
        r#""urn:chartkeep:3f2a/""#,
        r#""urn:chartkeep:3f2ab""#,
        r#""URN:chartkeep:3f2a""#,
        r#""""#,
        "[]",
        r#"["urn:chartkeep:1", "urn:chartkeep:2"]"#,
        r#"[["urn:chartkeep:3f2a"]]"#,
        r#"{"urn:chartkeep:3f2a":1}"#,
    ] {
        assert!(outcome(&with_claim("aud", Some(wrong))).is_err(), "{wrong}");
    }
    assert_eq!(outcome(&with_claim("aud", Some(r#"["urn:other","urn:chartkeep:3f2a"]"#))), Ok(()));
}

#[test]
fn a_claim_that_is_there_twice_is_refused() {
    for (claim, value) in claims().as_object().unwrap() {
        let twice = claims().to_string().replacen('{', &format!("{{\"{claim}\":{value},"), 1);
        assert!(outcome(&signed(HEADER, &twice)).is_err(), "{claim}");
    }
}

#[test]
fn the_leeway_is_one_minute_at_each_end() {
    let issued = |iat: u64, nbf: u64, exp: u64| {
        let mut claims = claims();
        claims["iat"] = json!(iat);
        claims["nbf"] = json!(nbf);
        claims["exp"] = json!(exp);
        outcome(&signed(HEADER, &claims.to_string()))
    };
    let before = NOW - 1000;
    assert_eq!(issued(before, before, NOW - 59), Ok(()));
    assert_eq!(issued(before, before, NOW - 60), Err(TokenError::Time));
    assert_eq!(issued(before, before, NOW - 61), Err(TokenError::Time));
    assert_eq!(issued(before, NOW + 60, NOW + 1000), Ok(()));
    assert_eq!(issued(before, NOW + 61, NOW + 1000), Err(TokenError::Time));
    assert_eq!(issued(NOW + 60, before, NOW + 1000), Ok(()));
    assert_eq!(issued(NOW + 61, before, NOW + 1000), Err(TokenError::Time));
    assert_eq!(issued(before, before, before + 24 * 3600), Ok(()));
    assert_eq!(issued(before, before, before + 24 * 3600 + 1), Err(TokenError::Time), "longer than a day");
    assert_eq!(issued(NOW, NOW, NOW), Err(TokenError::Time), "no life at all");
}

#[test]
fn the_header_value_is_one_bearer_token() {
    assert_eq!(bearer_token("Bearer a.b.c"), Some("a.b.c"));
    assert_eq!(bearer_token("bearer a.b.c"), Some("a.b.c"));
    for odd in ["Basic a.b.c", "Bearer", "Bearer ", "Bearer  a.b.c", "Bearer a b", "Bearer a,Bearer b c", "Bearera.b.c", ""] {
        assert_eq!(bearer_token(odd), None, "{odd}");
    }
}

#[test]
fn a_rotated_key_serves_its_tokens_to_their_end_and_another_archive_takes_none() {
    use crate::signing::{init_keys, load_signer, rotate_key};
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let (archive, private) = (folder.path().join(name), folder.path().join(format!("{name}.keys")));
        (init_keys(&archive, &private).unwrap(), archive, private)
    };
    let (ring, archive, private) = make("one");
    let urn = archive_urn(&ring).unwrap();
    let old = issue_token(&urn, &load_signer(&private, KeyPurpose::Token).unwrap(), &grant()).unwrap();
    let rotated = rotate_key(&archive, &private, KeyPurpose::Token).unwrap();
    assert_eq!(archive_urn(&rotated).unwrap(), urn);
    let new = issue_token(&urn, &load_signer(&private, KeyPurpose::Token).unwrap(), &grant()).unwrap();
    let verifier = TokenVerifier::of_archive(&rotated).unwrap();
    assert!(verifier.verify(&old.text).is_ok() && verifier.verify(&new.text).is_ok());
    assert_eq!(TokenVerifier::of_archive(&ring).unwrap().verify(&new.text).unwrap_err(), TokenError::Signature);
    let (other, ..) = make("two");
    assert_eq!(TokenVerifier::of_archive(&other).unwrap().verify(&new.text).unwrap_err(), TokenError::Signature);
    assert_eq!(archive_urn(&KeyRing::default()), Err(TokenError::NoKey));
}
