//! The attack list of spec access.md §12 on tokens of outside issuers, and what good ones say. Not for: HTTP and the entries
//! (`tests/gate/tokens`).

use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::access::issuer_claims::LaunchPatient;
use crate::access::issuer_testing::{Listener, TestKey, hmac_token, jwks};
use crate::access::{Principal, Purpose};

const NOW: u64 = 1_800_000_000;
const ISS: &str = "https://idp.example.org";
const AUD: &str = "https://archive.example.org/fhir";

/// Two issuers with a key file each; the first has an RSA and an EC key.
struct Desk {
    issuers: Issuers,
    ec: TestKey,
    other: TestKey,
    _folder: tempfile::TempDir,
}

fn row(iss: &str, file: PathBuf) -> Issuer {
    Issuer {
        iss: iss.into(),
        name: String::new(),
        uses: vec![IssuerUse::Resource, IssuerUse::SignIn],
        jwks_url: None,
        jwks_file: Some(file),
        algorithms: vec!["RS256".into(), "ES256".into()],
        audience: Vec::new(),
        allow_untyped: false,
        introspection_url: None,
        opaque_tokens: false,
        fhir_base: None,
        client_id: Some("archive".into()),
        client_secret_file: None,
        client_key_file: None,
        frame_ancestors: Vec::new(),
        patient_namespace: Some("ehr".into()),
        roles_claim: Some("realm.groups".into()),
        roles: [("Nurses", "clinician"), ("Doctors", "clinician"), ("ROI", "him")].map(|(a, b)| (a.into(), b.into())).into(),
        min_acr: None,
        ca_file: None,
    }
}

fn config(rows: Vec<Issuer>) -> AccessConfig {
    AccessConfig { public_url: Some("https://archive.example.org".into()), issuer: rows, ..AccessConfig::default() }
}

fn desk_with(change: impl FnOnce(&mut Issuer)) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let (ec, other) = (TestKey::new("ec", Algorithm::ES256), TestKey::new("other", Algorithm::ES256));
    let files = [folder.path().join("one.json"), folder.path().join("two.json")];
    std::fs::write(&files[0], jwks(&[TestKey::rsa(), &ec])).unwrap();
    std::fs::write(&files[1], jwks(&[&other])).unwrap();
    let [one, two] = files;
    let mut first = row(ISS, one);
    change(&mut first);
    let issuers = Issuers::of(&config(vec![first, row("https://second.example.org", two)])).unwrap();
    Desk { issuers, ec, other, _folder: folder }
}

fn desk() -> Desk {
    desk_with(|_| {})
}

fn claims() -> Value {
    json!({
        "iss": ISS, "aud": AUD, "sub": "u1", "name": "Ann Example", "client_id": "app", "jti": "t1", "iat": NOW, "nbf": NOW,
        "exp": NOW + 3600, "realm": {"groups": ["Nurses", "Everybody"]}, "scope": "openid user/Patient.rs",
    })
}

/// The usual claims with one replaced by JSON text as it stands; `None` takes it out.
fn with(name: &str, value: Option<&str>) -> String {
    let claims = claims();
    let others = claims.as_object().unwrap().iter().filter(|(claim, _)| *claim != name);
    let mut members: Vec<String> = others.map(|(claim, value)| format!("\"{claim}\":{value}")).collect();
    members.extend(value.map(|value| format!("\"{name}\":{value}")));
    format!("{{{}}}", members.join(","))
}

impl Desk {
    fn accept(&self, token: &str) -> Result<Principal, TokenError> {
        self.accepted(token).map(|accepted| accepted.principal)
    }

    fn accepted(&self, token: &str) -> Result<Accepted, TokenError> {
        self.issuers.accept(token, &parts(token)?, NOW)
    }

    /// A token of the EC key with this payload.
    fn signed(&self, payload: &str) -> String {
        self.ec.sign(&self.ec.header().to_string(), payload)
    }

    fn outcome(&self, payload: &str) -> Result<(), TokenError> {
        self.accept(&self.signed(payload)).map(|_| ())
    }
}

#[test]
fn a_good_token_says_who_may_do_what() {
    let desk = desk();
    let mut said = claims();
    for (name, value) in [
        ("acr", json!("mfa")),
        ("amr", json!(["otp", "pwd"])),
        ("auth_time", json!(NOW - 10)),
        ("fhirUser", json!("https://ehr.example.org/fhir/Practitioner/1")),
        ("facility", json!("North")),
        ("department", json!("ICU")),
        ("purpose_of_use", json!([{"system": "urn:oid:2.16.840.1.113883.5.8", "code": "HOPERAT"}])),
        ("patient", json!("p-77")),
    ] {
        said[name] = value;
    }
    for key in [&desk.ec, TestKey::rsa()] {
        let accepted = desk.accepted(&key.token(&said)).unwrap();
        let principal = accepted.principal;
        assert_eq!((principal.issuer.as_str(), principal.subject.as_str(), principal.name.as_str()), (ISS, "u1", "Ann Example"));
        assert_eq!((principal.role, principal.purpose), (Role::Clinician, Purpose::Operations));
        assert_eq!((principal.client_id.as_deref(), principal.token_id.as_deref()), (Some("app"), Some("t1")));
        let known = principal.attributes;
        assert_eq!((known.acr.as_deref(), known.amr.len(), known.auth_time), (Some("mfa"), 2, Some(NOW as i64 - 10)));
        assert_eq!((known.facility.as_deref(), known.department.as_deref()), (Some("North"), Some("ICU")));
        assert!(known.fhir_user.unwrap().ends_with("Practitioner/1"));
        assert_eq!(principal.scopes.unwrap().text, "openid user/Patient.rs");
        let patient = LaunchPatient::Foreign { namespace: "ehr".into(), id: "p-77".into() };
        assert_eq!((accepted.patient, accepted.expires), (Some(patient), NOW + 3600));
        assert!(principal.bound_to.is_none(), "whom that means is for the archive to say");
    }
    // Without one: the issuer's audience may be one of several, the claims fewer.
    let mut bare = claims();
    bare["aud"] = json!(["https://other.example.org", AUD]);
    ["nbf", "name", "client_id", "jti"].iter().for_each(|name| drop(bare.as_object_mut().unwrap().remove(*name)));
    let principal = desk.accept(&desk.ec.token(&bare)).unwrap();
    assert_eq!((principal.name.as_str(), principal.purpose, principal.token_id), ("u1", Purpose::Treat, None));
}

#[test]
fn the_same_subject_at_two_issuers_is_two_people_and_each_key_speaks_for_its_own() {
    let desk = desk();
    let mut second = claims();
    second["iss"] = json!("https://second.example.org");
    let one = desk.accept(&desk.ec.token(&claims())).unwrap();
    let two = desk.accept(&desk.other.token(&second)).unwrap();
    assert_eq!(one.subject, two.subject);
    assert_ne!(one.issuer, two.issuer);
    assert_eq!(desk.accept(&desk.other.token(&claims())).unwrap_err(), TokenError::UnknownKey);
    assert_eq!(desk.accept(&desk.ec.token(&second)).unwrap_err(), TokenError::UnknownKey);
    // Under the other's key name, too.
    let mut header = desk.ec.header();
    header["kid"] = json!("other");
    assert_eq!(desk.accept(&desk.ec.sign(&header.to_string(), &second.to_string())).unwrap_err(), TokenError::Signature);
}

#[test]
fn no_header_leads_to_another_key_or_another_way_of_checking() {
    let listener = Listener::start("{}", "");
    let desk = desk();
    let payload = claims().to_string();
    let with = |name: &str, value: Value| {
        let mut header = desk.ec.header();
        header[name] = value;
        desk.ec.sign(&header.to_string(), &payload)
    };
    let own = |name: &str| with(name, json!(listener.address.clone()));
    for name in ["jku", "x5u", "zip", "cty"] {
        assert_eq!(desk.accept(&own(name)).unwrap_err(), TokenError::Header, "{name}");
    }
    for (name, value) in [
        ("jwk", desk.ec.jwk()),
        ("x5c", json!([listener.address.clone()])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("alg", json!(1)),
        ("alg", json!(null)),
        ("kid", json!(7)),
        ("typ", json!(["at+jwt"])),
    ] {
        assert_eq!(desk.accept(&with(name, value)).unwrap_err(), TokenError::Header, "{name}");
    }
    for alg in ["none", "None", "nOnE", "HS256", "HS512", "RS512", "ES512", "Ed25519", "ES384", "PS256", "EdDSA", "", "es256"] {
        assert_eq!(desk.accept(&with("alg", json!(alg))).unwrap_err(), TokenError::Algorithm, "{alg}");
    }
    assert_eq!(desk.accept(&with("alg", json!("RS256"))).unwrap_err(), TokenError::Algorithm, "not that key's");
    for typ in ["JWT", "", "at+jwt+x", "id_token", "logout+jwt", "dpop+jwt"] {
        assert_eq!(desk.accept(&with("typ", json!(typ))).unwrap_err(), TokenError::Type, "{typ}");
    }
    assert!(desk.accept(&with("typ", json!("application/AT+JWT"))).is_ok());
    for kid in ["' OR 1=1", "a\0b", "a b", "http://x", "", &"k".repeat(129)] {
        assert_eq!(desk.accept(&with("kid", json!(kid))).unwrap_err(), TokenError::KeyName, "{kid}");
    }
    assert_eq!(desk.accept(&with("kid", json!("k".repeat(1 << 20)))).unwrap_err(), TokenError::Form);
    for kid in ["unknown", "../../dev/null", "EC", "ec="] {
        assert_eq!(desk.accept(&with("kid", json!(kid))).unwrap_err(), TokenError::UnknownKey, "a name is a name: {kid}");
    }
    let mut header = desk.ec.header();
    header.as_object_mut().unwrap().remove("kid");
    assert_eq!(desk.accept(&desk.ec.sign(&header.to_string(), &payload)).unwrap_err(), TokenError::KeyName);
    let twice = r#"{"typ":"at+jwt","alg":"ES256","kid":"ec","kid":"ec"}"#;
    assert_eq!(desk.accept(&desk.ec.sign(twice, &payload)).unwrap_err(), TokenError::Header);
    assert!(desk.accept(&with("x5t", json!("abc"))).is_ok(), "what leads nowhere is passed over");
    assert_eq!(listener.calls(), 0, "nothing went out");
}

#[test]
fn a_signature_is_the_keys_own() {
    let desk = desk();
    let payload = claims().to_string();
    let good = desk.signed(&payload);
    let message = good.rsplit_once('.').unwrap().0;
    let code = |text: &str| desk.accept(text).unwrap_err();
    assert_eq!(code(&format!("{message}.")), TokenError::Signature);
    assert_eq!(code(&format!("{message}.{}", "A".repeat(86))), TokenError::Signature, "r and s are nought");
    assert_eq!(code(&format!("{message}.AAAA")), TokenError::Signature);
    let stranger = TestKey::new("ec", Algorithm::ES256);
    assert_eq!(code(&stranger.token(&claims())), TokenError::Signature);
    // A curve that is not the key's.
    let large = TestKey::new("ec", Algorithm::ES384);
    assert_eq!(code(&large.sign(&desk.ec.header().to_string(), &payload)), TokenError::Signature);
    assert_eq!(code(&large.token(&claims())), TokenError::Algorithm);
    // The public key as the secret of an HMAC, in each form that it is known in.
    let jwk = TestKey::rsa().jwk();
    let header = r#"{"typ":"at+jwt","alg":"HS256","kid":"rsa"}"#;
    let header_lies = r#"{"typ":"at+jwt","alg":"RS256","kid":"rsa"}"#;
    for secret in [jwk.to_string(), jwk["n"].as_str().unwrap().to_string(), jwks(&[TestKey::rsa()])] {
        assert_eq!(code(&hmac_token(secret.as_bytes(), header, &payload)), TokenError::Algorithm);
        assert_eq!(code(&hmac_token(secret.as_bytes(), header_lies, &payload)), TokenError::Signature);
    }
    // Each part of a good token, one character changed.
    for at in [message.find('.').unwrap() + 5, good.len() - 10] {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(desk.accept(std::str::from_utf8(&bytes).unwrap()).is_err(), "at {at}");
    }
    for form in ["", "a.b", "a.b.c.d", "....", &format!("{good}="), &good.replace('.', ". "), &format!("{good}.x")] {
        assert_eq!(code(form), TokenError::Form, "{form}");
    }
}

#[test]
fn times_are_whole_seconds_and_within_a_minute() {
    let desk = desk();
    for name in ["exp", "iat"] {
        assert_eq!(desk.outcome(&with(name, None)), Err(TokenError::Time), "{name}");
    }
    for name in ["exp", "nbf", "iat"] {
        for odd in [
            "\"1800003600\"",
            "1800003600.5",
            "1.8e9",
            "-1",
            "[1800003600]",
            "null",
            "true",
            "{}",
            "9223372036854775808",
            "1e400",
        ] {
            assert_eq!(desk.outcome(&with(name, Some(odd))), Err(TokenError::Time), "{name} {odd}");
        }
    }
    assert_eq!(desk.outcome(&with("exp", Some("18446744073709551616"))), Err(TokenError::Time));
    let mut old = claims();
    old["iat"] = json!(NOW - 3600);
    old["nbf"] = json!(NOW - 3600);
    for (exp, good) in [(NOW - 59, true), (NOW - 60, false), (NOW - 61, false)] {
        old["exp"] = json!(exp);
        assert_eq!(desk.outcome(&old.to_string()).is_ok(), good, "exp {}", exp as i64 - NOW as i64);
    }
    for (name, at, good) in [("nbf", 59, true), ("nbf", 60, true), ("nbf", 61, false), ("iat", 60, true), ("iat", 61, false)] {
        assert_eq!(desk.outcome(&with(name, Some(&(NOW + at).to_string()))).is_ok(), good, "{name} +{at}");
    }
    let day = NOW + 24 * 3600;
    assert_eq!(desk.outcome(&with("exp", Some(&day.to_string()))), Ok(()));
    assert_eq!(desk.outcome(&with("exp", Some(&(day + 1).to_string()))), Err(TokenError::Time), "longer than a day");
    assert_eq!(desk.outcome(&with("exp", Some(&NOW.to_string()))), Err(TokenError::Time), "no life at all");
}

#[test]
fn audience_and_issuer_are_compared_whole() {
    let desk = desk();
    for aud in [
        "\"https://archive.example.org\"",
        "\"https://archive.example.org/fhir/\"",
        "\"https://archive.example.org/fhi\"",
        "\"https://archive.example.org/fhir2\"",
        "\"HTTPS://archive.example.org/fhir\"",
        "[\"https://other.example.org\"]",
        "[]",
        "\"\"",
        "null",
        "7",
        "[7]",
        "[\"https://archive.example.org/fhir\",7]",
        "{\"a\":1}",
    ] {
        assert_eq!(desk.outcome(&with("aud", Some(aud))), Err(TokenError::Audience), "{aud}");
    }
    assert_eq!(desk.outcome(&with("aud", None)), Err(TokenError::Audience));
    for iss in [
        "\"https://idp.example.org/\"",
        "\"https://IDP.example.org\"",
        "\"https://evil.example.org\"",
        "\"\"",
        "7",
        "[\"https://idp.example.org\"]",
    ] {
        assert_eq!(desk.outcome(&with("iss", Some(iss))), Err(TokenError::Issuer), "{iss}");
    }
    assert_eq!(desk.outcome(&with("iss", None)), Err(TokenError::Issuer));
    // A name that stands twice, the good one first or last, plain or escaped.
    for twice in [r#""aud":"https://evil""#, r#""\u0061ud":"https://evil""#, r#""scope":"user/*.rs""#, r#""exp":9999999999"#] {
        let payload = claims().to_string();
        let inside = payload.trim_start_matches('{').trim_end_matches('}');
        for payload in [format!("{{{twice},{inside}}}"), format!("{{{inside},{twice}}}")] {
            assert_eq!(desk.outcome(&payload), Err(TokenError::Claims), "{twice}");
        }
    }
    let not_for_tokens = desk_with(|row| row.uses = vec![IssuerUse::SignIn]);
    assert_eq!(not_for_tokens.outcome(&claims().to_string()), Err(TokenError::Issuer));
}

#[test]
fn a_token_of_another_nature_is_no_access_token() {
    let desk = desk_with(|row| row.allow_untyped = true);
    let plain = |payload: &str| desk.accept(&desk.ec.sign(r#"{"alg":"ES256","kid":"ec"}"#, payload)).map(|_| ());
    assert_eq!(plain(&claims().to_string()), Ok(()));
    let mut id_token = claims();
    id_token.as_object_mut().unwrap().remove("scope");
    for name in ["nonce", "at_hash", "c_hash"] {
        let mut of_sign_in = id_token.clone();
        of_sign_in[name] = json!("x");
        assert_eq!(plain(&of_sign_in.to_string()), Err(TokenError::Type), "{name}");
    }
    assert_eq!(plain(&with("typ", Some("\"ID\""))), Err(TokenError::Type));
    assert_eq!(plain(&with("events", Some("{}"))), Err(TokenError::Type));
    for cnf in [r#"{"jkt":"x"}"#, r#"{"x5t#S256":"x"}"#, "{}", "null"] {
        assert_eq!(plain(&with("cnf", Some(cnf))), Err(TokenError::Confirmation), "{cnf}");
    }
}

#[test]
fn an_id_token_is_for_this_archive_as_client() {
    let desk = desk();
    let issuer = desk.issuers.find(ISS).unwrap();
    let now = jsonwebtoken::get_current_timestamp();
    let mut said = json!({"iss": ISS, "aud": "archive", "sub": "u1", "iat": now, "exp": now + 300, "nonce": "n"});
    let sign = |said: &Value| desk.ec.sign(r#"{"alg":"ES256","kid":"ec"}"#, &said.to_string());
    assert_eq!(issuer.verify(&sign(&said), TokenKind::Id).unwrap()["nonce"], "n");
    assert_eq!(issuer.verify(&sign(&said), TokenKind::Access).unwrap_err(), TokenError::Type);
    assert_eq!(issuer.verify(&sign(&said), TokenKind::Logout).unwrap_err(), TokenError::Type);
    for (aud, azp, good) in [
        (json!(["archive"]), None, true),
        (json!(["archive", "other"]), None, false),
        (json!(["archive", "other"]), Some("archive"), true),
        (json!("archive"), Some("other"), false),
        (json!("other"), Some("archive"), false),
        (json!(AUD), None, false),
    ] {
        said["aud"] = aud.clone();
        said["azp"] = json!(azp);
        if azp.is_none() {
            said.as_object_mut().unwrap().remove("azp");
        }
        assert_eq!(issuer.verify(&sign(&said), TokenKind::Id).is_ok(), good, "{aud} {azp:?}");
    }
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let logout = json!({"iss": ISS, "aud": "archive", "iat": now, "jti": "j", "sid": "s", "events": events});
    assert!(issuer.verify(&sign(&logout), TokenKind::Logout).is_ok());
    assert_eq!(issuer.verify(&sign(&logout), TokenKind::Id).unwrap_err(), TokenError::Time);
}

#[test]
fn one_role_is_acted_in_and_none_is_guessed() {
    let desk = desk();
    let held =
        |groups: &str| desk.accept(&desk.signed(&with("realm", Some(&format!("{{\"groups\":{groups}}}"))))).map(|p| p.role);
    assert_eq!(held(r#"["ROI"]"#), Ok(Role::Him));
    assert_eq!(held(r#""ROI""#), Ok(Role::Him));
    assert_eq!(held(r#"["Nurses","Doctors"]"#), Ok(Role::Clinician), "two names of one role");
    assert_eq!(held(r#"["Nurses","ROI"]"#), Err(TokenError::RoleAmbiguous));
    for nobody in ["[]", r#"["nurses"]"#, r#"["Nurses "]"#, r#"["him"]"#, r#"["clinician"]"#] {
        assert_eq!(held(nobody), Err(TokenError::Role), "{nobody}");
    }
    assert_eq!(held("[1]"), Err(TokenError::Role));
    assert_eq!(desk.outcome(&with("realm", None)), Err(TokenError::Role));
    let by_address = desk_with(|row| row.roles_claim = Some("https://x.example.org/roles".into()));
    assert_eq!(by_address.outcome(&with("https://x.example.org/roles", Some("[\"ROI\"]"))), Ok(()));
}

#[test]
fn a_program_is_a_service_and_a_person_must_be_signed_in_as_his_issuer_wants() {
    let desk = desk_with(|row| row.min_acr = Some("mfa".into()));
    assert_eq!(desk.outcome(&claims().to_string()), Err(TokenError::Acr));
    assert_eq!(desk.outcome(&with("acr", Some("\"pwd\""))), Err(TokenError::Acr));
    assert_eq!(desk.outcome(&with("acr", Some("\"mfa\""))), Ok(()));
    let mut program = claims();
    program["sub"] = json!("app");
    program.as_object_mut().unwrap().remove("realm");
    assert_eq!(desk.outcome(&program.to_string()), Err(TokenError::Role), "user/ scopes are no program's");
    program["scope"] = json!("system/Patient.rs");
    let principal = desk.accept(&desk.ec.token(&program)).unwrap();
    assert_eq!((principal.role, principal.purpose), (Role::Service, Purpose::Operations));
    let person = with("scope", Some("\"system/Patient.rs\"")).replace("\"sub\"", "\"acr\":\"mfa\",\"sub\"");
    let scopes = desk.accept(&desk.signed(&person)).unwrap().scopes.unwrap();
    assert!(!scopes.grants_any(), "system/ scopes are no person's");
}

#[test]
fn claims_of_another_form_make_a_token_void() {
    let desk = desk();
    for (name, odd, error) in [
        ("sub", "\"\"", TokenError::Claims),
        ("sub", "7", TokenError::Claims),
        ("sub", "\"a\\nb\"", TokenError::Claims),
        ("scope", "7", TokenError::Claims),
        ("client_id", "[]", TokenError::Claims),
        ("jti", "{}", TokenError::Claims),
        ("amr", "\"\\u0000\"", TokenError::Claims),
        ("auth_time", "\"now\"", TokenError::Time),
        ("purpose_of_use", "\"treat\"", TokenError::Purpose),
        ("purpose_of_use", "[\"TREAT\",\"HOPERAT\"]", TokenError::Purpose),
        ("purpose_of_use", "{}", TokenError::Purpose),
        ("patient", "7", TokenError::Claims),
    ] {
        let outcome = desk.outcome(&with(name, Some(odd)));
        // `amr` is a list of plain words or one; a control character in it is the site's own affair.
        if name != "amr" {
            assert_eq!(outcome, Err(error), "{name} {odd}");
        }
    }
    assert_eq!(desk.outcome(&with("sub", None)), Err(TokenError::Claims));
    let unplaced = desk_with(|row| row.patient_namespace = None);
    assert_eq!(unplaced.outcome(&with("patient", Some("\"p1\""))), Err(TokenError::Patient));
}

#[test]
fn a_row_that_cannot_work_stops_the_start() {
    let bad = |change: &dyn Fn(&mut Issuer)| {
        let mut row = row(ISS, "jwks.json".into());
        change(&mut row);
        Issuers::of(&config(vec![row])).unwrap_err().to_string()
    };
    assert!(bad(&|row| row.algorithms = vec!["HS256".into()]).contains("HS256"));
    assert!(bad(&|row| row.roles = [("a".to_string(), "root".to_string())].into()).contains("role"));
    assert!(bad(&|row| row.jwks_url = Some("https://x".into())).contains("keep one"));
    let twice = config(vec![row(ISS, "a".into()), row(ISS, "b".into())]);
    assert!(Issuers::of(&twice).unwrap_err().to_string().contains("twice"));
}
