//! What an issuer's word about a token is worth: for whom, for how long, and what happens when there is none. Not for: HTTP and
//! the entries (`tests/gate/tokens`).

use serde_json::json;

use super::*;
use crate::access::issuer::Issuers;
use crate::access::issuer_testing::{Listener, TestKey, jwks};
use crate::access::token_form::parts;
use crate::access::{Principal, Role};
use crate::config::AccessConfig;

const NOW: u64 = 1_800_000_000;
const ISS: &str = "https://idp.example.org";
const AUD: &str = "https://archive.example.org/fhir";

struct Desk {
    issuers: Issuers,
    listener: Listener,
    key: TestKey,
    _folder: tempfile::TempDir,
}

fn row(folder: &std::path::Path, url: &str) -> Issuer {
    let text = format!(
        "iss = '{ISS}'\nuse = ['resource']\njwks_file = '{0}/jwks.json'\nclient_id = 'archive'\nclient_secret_file = '{0}/secret'\n\
         introspection_url = '{url}/introspect'\nopaque_tokens = true\nroles_claim = 'groups'\nroles = {{ Doctors = 'clinician' }}\n",
        folder.display()
    );
    toml::from_str(&text).unwrap()
}

fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let key = TestKey::new("k1", jsonwebtoken::Algorithm::ES256);
    std::fs::write(folder.path().join("jwks.json"), jwks(&[&key])).unwrap();
    std::fs::write(folder.path().join("secret"), "a secret: of 20 bytes\n").unwrap();
    let listener = Listener::start(&claims().to_string(), "");
    let issuers = Issuers::of(&config(vec![row(folder.path(), &listener.address)])).unwrap();
    Desk { issuers, listener, key, _folder: folder }
}

fn config(rows: Vec<Issuer>) -> AccessConfig {
    AccessConfig { public_url: Some("https://archive.example.org".into()), issuer: rows, ..AccessConfig::default() }
}

fn claims() -> Value {
    json!({"active": true, "iss": ISS, "aud": [AUD], "sub": "u1", "client_id": "app", "iat": NOW, "exp": NOW + 600,
        "token_type": "Bearer", "groups": ["Doctors"], "scope": "user/*.rs"})
}

impl Desk {
    fn accept_at(&self, token: &str, now: u64) -> Result<Principal, TokenError> {
        self.issuers.accept_opaque(token, now).map(|accepted| accepted.principal)
    }

    /// What becomes of a token that was never asked about, when the issuer answers this of it.
    fn outcome(&self, name: &str, answer: &str) -> Result<Principal, TokenError> {
        self.listener.answer(200, answer);
        self.accept_at(name, NOW)
    }
}

#[test]
fn an_issuer_is_asked_with_proof_of_who_asks_and_believed_for_a_minute() {
    let desk = desk();
    assert!(desk.issuers.would_ask("opaque", NOW));
    let principal = desk.accept_at("opaque", NOW).unwrap();
    assert_eq!((principal.issuer.as_str(), principal.subject.as_str(), principal.role), (ISS, "u1", Role::Clinician));
    let asked = desk.listener.asked();
    assert!(asked.starts_with("POST /introspect ") && asked.ends_with("token=opaque&token_type_hint=access_token"), "{asked}");
    // RFC 6749 §2.3.1: `archive:a secret: of 20 bytes`, each half form-encoded.
    assert!(asked.contains("YXJjaGl2ZTphJTIwc2VjcmV0JTNBJTIwb2YlMjAyMCUyMGJ5dGVz"), "{asked}");

    desk.listener.answer(500, "");
    assert!(!desk.issuers.would_ask("opaque", NOW) && desk.accept_at("opaque", NOW + 599).is_ok());
    assert_eq!(desk.listener.calls(), 1, "remembered");
    assert_eq!(desk.accept_at("opaque", NOW + 600).unwrap_err(), TokenError::Unavailable, "never beyond its own end");
    let (_, introspection) = desk.issuers.of_opaque().unwrap();
    let aged = Instant::now().checked_sub(BELIEVED_FOR).unwrap();
    introspection.known.lock().unwrap().values_mut().for_each(|known| known.asked = aged);
    assert_eq!(desk.accept_at("opaque", NOW).unwrap_err(), TokenError::Unavailable, "after a minute it is asked again");
}

#[test]
fn what_an_issuer_does_not_vouch_for_opens_nothing() {
    let desk = desk();
    let said = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims.to_string()
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        claims.to_string()
    };
    for (at, (name, answer, expected)) in [
        ("inactive", json!({"active": false}).to_string(), TokenError::Inactive),
        ("active as text", said("active", json!("true")), TokenError::Unavailable),
        ("no word of it", without("active"), TokenError::Unavailable),
        ("no JSON", "<html>".into(), TokenError::Unavailable),
        ("a name twice", claims().to_string().replacen('{', "{\"active\":false,", 1), TokenError::Unavailable),
        ("another issuer", said("iss", json!("https://evil.example.org")), TokenError::Issuer),
        ("another audience", said("aud", json!(format!("{AUD}/"))), TokenError::Audience),
        ("no audience", without("aud"), TokenError::Audience),
        ("no end", without("exp"), TokenError::Time),
        ("over", said("exp", json!(NOW)), TokenError::Time),
        ("its end as text", said("exp", json!("9999999999")), TokenError::Time),
        ("not yet", said("nbf", json!(NOW + 61)), TokenError::Time),
        ("a life of days", said("exp", json!(NOW + 3 * 86_400)), TokenError::Time),
        ("bound to a key", said("cnf", json!({"jkt": "x"})), TokenError::Confirmation),
        ("another kind", said("token_type", json!("DPoP")), TokenError::Type),
        ("nobody", without("sub"), TokenError::Claims),
        ("no role", said("groups", json!(["Cooks"])), TokenError::Role),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(desk.outcome(&format!("token-{at}"), &answer).unwrap_err(), expected, "{name}");
    }
    let before = desk.listener.calls();
    desk.listener.answer(200, &claims().to_string());
    assert_eq!(desk.accept_at("token-0", NOW).unwrap_err(), TokenError::Inactive, "what does not stand is remembered too");
    assert_eq!(desk.accept_at(&"x".repeat(9 << 10), NOW).unwrap_err(), TokenError::Form);
    assert_eq!(desk.listener.calls(), before);
    for status in [302, 401, 500] {
        desk.listener.answer(status, &claims().to_string());
        assert_eq!(desk.accept_at(&format!("status-{status}"), NOW).unwrap_err(), TokenError::Unavailable, "{status}");
    }
}

#[test]
fn a_signed_token_of_such_an_issuer_must_stand_there_as_well() {
    let desk = desk();
    let mut payload = claims();
    payload.as_object_mut().unwrap().retain(|name, _| name != "active" && name != "token_type");
    let token = |jti: &str| {
        payload.clone().as_object_mut().map(|claims| {
            claims.insert("jti".into(), json!(jti));
            desk.key.token(&Value::Object(claims.clone()))
        })
    };
    let accept = |token: &str| desk.issuers.accept(token, &parts(token).unwrap(), NOW).map(|accepted| accepted.principal.subject);
    let [one, two, three] = ["a", "b", "c"].map(|jti| token(jti).unwrap());
    assert_eq!(accept(&one).unwrap(), "u1");
    desk.listener.answer(200, &json!({"active": false}).to_string());
    assert_eq!(accept(&two).unwrap_err(), TokenError::Inactive);
    desk.listener.answer(200, &json!({"active": true, "sub": "u2"}).to_string());
    assert_eq!(accept(&three).unwrap_err(), TokenError::Claims, "an answer about another token");
    let calls = desk.listener.calls();
    let forged = format!("{}.{}", one.rsplit_once('.').unwrap().0, "A".repeat(86));
    assert_eq!(accept(&forged).unwrap_err(), TokenError::Signature);
    assert_eq!(desk.listener.calls(), calls, "a forged one is asked about nowhere");
}

#[test]
fn a_row_that_could_not_ask_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "a secret: of 20 bytes\n").unwrap();
    let refused = |rows: Vec<Issuer>| Issuers::of(&config(rows)).unwrap_err().to_string();
    let good = row(folder.path(), "https://idp.example.org");
    assert!(Issuers::of(&config(vec![good.clone()])).is_ok());
    let changed = |change: fn(&mut Issuer)| {
        let mut row = good.clone();
        change(&mut row);
        refused(vec![row])
    };
    assert!(changed(|row| row.introspection_url = None).contains("opaque_tokens needs introspection_url"));
    assert!(changed(|row| row.introspection_url = Some("http://idp.example.org/x".into())).contains("neither https"));
    assert!(changed(|row| row.client_id = None).contains("client_id"));
    assert!(changed(|row| row.client_secret_file = None).contains("client_key_file or client_secret_file"));
    let mut second = good.clone();
    second.iss = "https://second.example.org".into();
    assert!(refused(vec![good, second]).contains("second with opaque_tokens"));
}
