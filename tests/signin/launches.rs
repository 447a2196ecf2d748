//! Launches of the viewer by an EHR: SMART, and by signed addresses.
//!
//! Not for: signing in without a patient.

use std::net::TcpListener;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::browser::{Browser, Page};
use super::world::{LAUNCH_SECRET, World, base64url, escape};

/// `/in/…` of a page, and the patient's key.
fn window_of(page: &Page) -> (String, String) {
    let at = page.url.find("/in/").unwrap_or_else(|| panic!("no window: {page:?}"));
    let path = &page.url[at..];
    let window = path.split('/').take(3).collect::<Vec<_>>().join("/");
    let key = path.split("/patients/").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    (window, key.to_string())
}

#[test]
fn a_launch_opens_the_patient_of_the_ehr_and_each_window_keeps_to_its_own() {
    let Some(world) = World::new() else { return };
    let mut ann = Browser::of("ann");
    let one = ann.go(&world.launch("E-1"));
    assert_eq!(one.status, 200, "{}", one.body);
    assert!(one.body.contains("Quill") && one.body.contains("Opened from NewEHR;"), "{}", one.body);
    let (first, p1) = window_of(&one);
    let launch = world.newest("auth.launch");
    assert_eq!((&launch["outcome"], &launch["patients"][0]["archive_id"]), (&"0".into(), &p1.as_str().into()));
    assert_eq!(launch["query"]["clean"], "new-ehr E-1, encounter e-1");
    let links: Vec<&str> = one.body.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let astray = links
        .iter()
        .filter(|link| link.starts_with('/') && !link.starts_with(&format!("{first}/")) && !link.starts_with("/static/"));
    assert_eq!(astray.count(), 0, "{links:?}");

    // A second launch: another window, the same person, both stay open.
    let two = ann.go(&world.launch("E-2"));
    assert!(two.body.contains("Rivers") && !two.body.contains("Quill"));
    let (second, p2) = window_of(&two);
    assert_ne!((&first, &p1), (&second, &p2));
    assert!(ann.go(&world.url(&format!("{first}/patients/{p1}/problems"))).body.contains("Quill"));
    let crossed = |browser: &mut Browser, path: String| browser.step(&world.url(&path), None);
    for (path, status) in [
        (format!("{first}/patients/{p2}"), 403),
        (format!("{second}/patients/{p1}"), 403),
        (format!("{first}/"), 303),
        (format!("{first}/?q=rivers"), 303),
        (format!("{first}/api/v1/patients?q=rivers"), 403),
        (format!("{first}/api/v1/patients/{p2}"), 403),
        (format!("{first}/records/Patient/{p2}"), 403),
        (format!("{first}/api/v1/records/Patient/{p2}"), 403),
        (format!("/patients/{p1}"), 409),
        ("/?q=quill".into(), 409),
        (format!("/api/v1/patients/{p1}"), 409),
        (format!("/in/AAAAAAAAAAAAAAAAAAAAAA/patients/{p1}"), 409),
    ] {
        let page = crossed(&mut ann, path.clone());
        // Whose a record is turns out when it is read: then it is not there.
        let fits = page.status == status || status == 403 && page.status == 404;
        assert!(fits, "{path}: {}", page.status);
        assert!(!page.body.contains("Rivers") && !page.body.contains("Quill"), "{path}");
    }
    assert_eq!(world.newest("authz.denied")["outcome_desc"], "stale-context");

    // Another person's window, in his own session, opens nothing.
    let mut bea = Browser::of("bea");
    let other = bea.go(&world.launch("E-2"));
    assert_eq!(other.status, 200);
    let before = world.entries("authz.denied").len();
    assert_eq!(bea.step(&world.url(&format!("{first}/patients/{p1}")), None).status, 409);
    assert_eq!(world.entries("authz.denied").len(), before + 1);

    // Leaving is a step of its own, and in the log.
    let left = ann.send(&world.url(&format!("{first}/account/leave")), &format!("csrf={}", one.field("csrf")));
    assert_eq!((left.status, left.url.as_str()), (200, world.url("/").as_str()), "{}", left.body);
    assert_eq!(world.newest("auth.launch")["query"]["clean"], "left the launched patient");
    assert!(ann.go(&world.url("/?q=rivers")).body.contains("Rivers"));
    assert!(ann.go(&world.url(&format!("{first}/patients/{p1}"))).body.contains("Quill"), "the window is what it was");
    assert_ne!(ann.step(&world.url(&format!("{first}/patients/{p2}")), None).status, 200);

    // Signed out, the windows are gone.
    let out = ann.step(&world.url(&format!("{first}/signout")), Some(&format!("csrf={}", one.field("csrf"))));
    assert_eq!(out.status, 303);
    assert_eq!(ann.step(&world.url(&format!("{first}/patients/{p1}")), None).status, 401);
}

#[test]
fn a_patient_who_is_not_certain_is_not_opened() {
    let Some(world) = World::new() else { return };
    let mut ann = Browser::of("ann");
    let page = ann.go(&world.launch("E-3"));
    // Both sides stand beside each other, and that the archive's was shown has its own entry.
    assert!(
        page.status == 403 && page.body.contains("may be a different person") && page.body.contains("Stone"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("/patients/"), "no way on: {}", page.body);
    assert_eq!(world.newest("record.read")["user"]["sub"], "ann");
    let denied = world.newest("authz.denied");
    assert_eq!((&denied["outcome_desc"], &denied["detail"]["differs"]), (&"context-mismatch".into(), &"birth-date".into()));
    assert_eq!((&denied["outcome"], &denied["user"]["sub"]), (&"8".into(), &"ann".into()));
    assert_eq!(denied["patients"].as_array().map(Vec::len), Some(1));

    // Known to nobody; and known in another spelling only, which is another number.
    for unknown in ["E-4", "e-2"] {
        let page = ann.go(&world.launch(unknown));
        assert!(page.status == 404 && page.body.contains("No archived record"), "{unknown}: {}", page.body);
        let entry = world.newest("auth.launch");
        assert_eq!(
            (&entry["outcome_desc"], &entry["detail"]["number"]),
            (&"not-in-crosswalk".into(), &format!("new-ehr {unknown}").into())
        );
    }
    for (patient, reason) in [("", "no-patient"), ("../../x", "no-patient")] {
        assert_eq!(ann.go(&world.launch(patient)).status, 400, "{patient}");
        assert_eq!(world.newest("auth.launch")["outcome_desc"], reason);
    }
    assert_eq!(ann.cookie(&world.public, "sid"), None, "nobody was signed in");
}

#[test]
fn a_launch_from_anywhere_else_is_refused_and_nothing_goes_out() {
    let Some(world) = World::new() else { return };
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let elsewhere = trap.local_addr().unwrap();
    let fhir = &world.fhir;
    let bare = fhir.strip_prefix("http://").unwrap();
    for iss in [
        format!("http://{elsewhere}/fhir"),
        format!("{fhir}@{elsewhere}"),
        format!("http://{bare}@{elsewhere}/fhir"),
        format!("{fhir}/"),
        format!("{fhir}/r4"),
        format!("{fhir}?x=http://{elsewhere}"),
        format!("{fhir}#x"),
        fhir.replace("127.0.0.1", "localhost"),
        fhir.replace("127.0.0.1", "xn--127-0-0-1"),
        fhir.replace("127.0.0.1", "127.0.0.1."),
        fhir.to_uppercase(),
        world.ehr.clone(),
        world.idp.clone(),
        "file:///etc/passwd".into(),
        String::new(),
    ] {
        let page = Browser::of("ann").step(&world.url(&format!("/launch?iss={}&launch=x", escape(&iss))), None);
        assert_eq!(page.status, 400, "{iss}");
        assert_eq!(world.newest("auth.login_failed")["outcome_desc"], "unlisted-issuer", "{iss}");
    }
    let twice = format!("/launch?iss={}&iss={}&launch=x", escape(fhir), escape(&format!("http://{elsewhere}")));
    assert_eq!(Browser::of("ann").step(&world.url(&twice), None).status, 400);
    assert!(trap.accept().is_err(), "a listener elsewhere was called");
}

#[test]
fn a_patient_who_is_not_certain_is_told_to_those_who_keep_identities() {
    let Some(world) = World::new() else { return };
    for _ in 0..2 {
        assert_eq!(Browser::of("ann").go(&world.launch("E-3")).status, 403);
    }
    let mut bea = Browser::of("bea");
    let home = bea.go(&world.sign_in());
    assert!(!home.body.contains("To be looked at"), "not to a clinician: {}", home.body);
    let home = bea.send(&world.url("/account/role"), &format!("csrf={}&role=him", home.field("csrf")));
    assert!(home.body.contains("NewEHR: the birth date differs.") && home.body.contains("2 times since"), "{}", home.body);
    assert!(!home.body.contains("Stone") && !home.body.contains("1971"), "nothing of the record: {}", home.body);
    let denied = world.newest("authz.denied");
    let listed = world.newest("identity.reviewed");
    assert_eq!((&listed["patients"], &listed["query"]["hits"]), (&denied["patients"], &1.into()));

    let seen =
        home.body.split("action=\"").find(|rest| rest.starts_with("/alerts/")).expect("a button").split('"').next().unwrap();
    let seen = world.url(seen);
    assert_eq!(bea.step(&seen, Some("csrf=wrong")).status, 403);
    let mut ann = Browser::of("ann");
    let page = ann.go(&world.sign_in());
    assert_eq!(ann.step(&seen, Some(&format!("csrf={}", page.field("csrf")))).status, 403, "not by a clinician");
    let after = bea.send(&seen, &format!("csrf={}", home.field("csrf")));
    assert!(after.status == 200 && !after.body.contains("To be looked at"), "{}", after.body);
    let entry = world.newest("alert.seen");
    assert_eq!((&entry["user"]["sub"], &entry["patients"]), (&"bea".into(), &denied["patients"]));
}

/// A signed address with these claims.
fn signed(world: &World, secret: &[u8], header: &str, claims: &Value) -> String {
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.to_string().as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    world.url(&format!("/launch/signed?token={message}.{}", base64url(&mac.finalize().into_bytes())))
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

#[test]
fn a_signed_address_opens_once_for_two_minutes() {
    let Some(world) = World::new() else { return };
    let now = jiff::Timestamp::now().as_second();
    let claims = |jti: &str| {
        json!({"iss": "old-portal", "sub": "dr-7", "name": "Dr. Seven", "patient": "E-1", "family": "Quill", "given": "Ann",
               "birthdate": "1957-03-14", "iat": now, "exp": now + 100, "jti": jti})
    };
    let good = signed(&world, LAUNCH_SECRET, HEADER, &claims("1"));
    let mut browser = Browser::of("nobody");
    let page = browser.go(&good);
    assert!(page.status == 200 && page.body.contains("Quill") && page.body.contains("Opened from old-portal;"), "{}", page.body);
    assert_eq!(
        world.newest("auth.login")["user"],
        json!({"iss": "launch:old-portal", "name": "Dr. Seven", "roles": ["clinician"], "sub": "dr-7"})
    );
    assert!(!world.newest("auth.launch").to_string().contains("token="), "the address stands in no log");

    let with = |jti: &str, name: &str, value: Value| {
        let mut claims = claims(jti);
        claims[name] = value;
        claims
    };
    let rs = |claims: &Value| signed(&world, LAUNCH_SECRET, HEADER, claims);
    for (name, address, status, reason) in [
        ("used before", good.clone(), 400, "used-before"),
        ("another secret", signed(&world, &[1; 32], HEADER, &claims("2")), 400, "signature"),
        ("no algorithm", signed(&world, LAUNCH_SECRET, r#"{"alg":"none"}"#, &claims("3")), 400, "header"),
        ("another algorithm", signed(&world, LAUNCH_SECRET, r#"{"alg":"HS512"}"#, &claims("4")), 400, "header"),
        (
            "a key in the header",
            signed(&world, LAUNCH_SECRET, r#"{"alg":"HS256","jku":"https://x"}"#, &claims("5")),
            400,
            "header",
        ),
        ("too old", rs(&with("6", "exp", json!(now - 60))), 400, "time"),
        ("too long", rs(&with("7", "exp", json!(now + 600))), 400, "time"),
        ("not yet", rs(&with("8", "iat", json!(now + 600))), 400, "time"),
        ("times as text", rs(&with("9", "exp", json!("2099"))), 400, "claims"),
        ("another archive", rs(&with("10", "aud", json!("https://elsewhere.example"))), 400, "audience"),
        ("another's name", rs(&with("11", "iss", json!("new-portal"))), 400, "unlisted-issuer"),
        ("a role that no EHR gives", rs(&with("12", "role", json!("admin"))), 400, "role"),
        ("an unknown claim", rs(&with("13", "scope", json!("*"))), 400, "claims"),
        ("another birth date", rs(&with("14", "birthdate", json!("1957-03-15"))), 403, "context-mismatch"),
        ("another name", rs(&with("15", "family", json!("Quilt"))), 403, "context-mismatch"),
        ("no birth date", rs(&with("16", "birthdate", json!(""))), 403, "context-mismatch"),
        ("a patient whom nobody knows", rs(&with("17", "patient", json!("E-9"))), 404, "not-in-crosswalk"),
        ("no token", world.url("/launch/signed"), 400, "form"),
    ] {
        let mut browser = Browser::of("nobody");
        let page = browser.go(&address);
        assert_eq!((page.status, browser.cookie(&world.public, "sid")), (status, None), "{name}: {}", page.body);
        let event = match reason {
            "context-mismatch" => "authz.denied",
            "unlisted-issuer" => "auth.login_failed",
            _ => "auth.launch",
        };
        assert_eq!(world.newest(event)["outcome_desc"], reason, "{name}");
    }
}

#[test]
fn only_the_ehr_that_launched_it_may_show_a_session_in_a_frame() {
    let of_ehr = r#"frame_ancestors = ["https://ehr.example.org"]"#;
    let Some(world) = World::with(&["--behind-proxy"], of_ehr) else { return };
    let mut ann = Browser::of("ann");
    ann.headers = vec![("x-forwarded-proto", "https".into())];
    // The browser comes back to the public address by way of the proxy.
    let started = ann.step(&world.launch("E-1"), None);
    let cookie = started.header("set-cookie").to_string();
    assert!(cookie.starts_with("__Host-signin-") && cookie.contains("SameSite=None; Secure; Partitioned"), "{cookie}");
    let to_ehr = started.header("location").to_string();
    let answer = ann.until(&to_ehr, &world.url("/signin/callback"));
    let arrived = ann.step(&answer, None);
    let cookies: Vec<&str> = arrived.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("__Host-sid=")).unwrap_or_else(|| panic!("{cookies:?}"));
    assert!(session.contains("SameSite=None; Secure; Partitioned") && session.contains("HttpOnly"), "{session}");
    let page = ann.go(&world.url(arrived.header("location")));
    assert!(page.header("content-security-policy").contains("frame-ancestors https://ehr.example.org;"), "{page:?}");

    // Whoever signs in by himself is in nobody's frame.
    let mut plain = Browser::of("ann");
    plain.headers = vec![("x-forwarded-proto", "https".into())];
    let page = plain.go(&world.sign_in());
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{page:?}");
    let unknown = plain.step(&world.url("/signin"), None);
    assert!(unknown.header("content-security-policy").contains("frame-ancestors 'none'"));
}
