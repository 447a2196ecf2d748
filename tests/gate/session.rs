//! A person at a browser: signing in and out, the cookie, forms from elsewhere.
//!
//! Not for: passwords and lock-out (`src/register`), or what the pages show.

use super::harness::{Browser, PASSWORD, add_account, entries_by_request, house, post};
use crate::support::loaded;

#[test]
fn the_cookie_of_a_session_is_kept_from_scripts_and_from_other_sites() {
    let house = house();
    add_account(loaded(), "cookie", "clinician");
    let form = format!("user=cookie&password={}&next=%2Fpatients%2Fx", PASSWORD.replace(' ', "+"));
    let answer = post(&house.server, "/signin", None, &[], &form);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/patients/x")));
    let cookie = answer.header("set-cookie").expect("a cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "it ends with the browser: {cookie}");
    for wrong in ["user=cookie&password=wrong", "user=nobody&password=wrong", "user=&password="] {
        let answer = post(&house.server, "/signin", None, &[], wrong);
        assert_eq!(answer.status, 403, "{wrong}");
        assert!(answer.header("set-cookie").is_none());
    }
    let elsewhere = "user=cookie&password=correct+horse+battery&next=%2F%2Fevil.example%2F";
    assert_eq!(post(&house.server, "/signin", None, &[], elsewhere).header("location"), Some("/"));
}

#[test]
fn a_form_from_elsewhere_does_nothing() {
    let house = house();
    add_account(loaded(), "forms", "clinician");
    let browser = Browser::sign_in(&house.server, "forms");
    let good = format!("csrf={}", browser.csrf);
    let address = house.server.address.clone();
    for (headers, form) in [
        (&[][..], ""),
        (&[], "csrf="),
        (&[], "csrf=wrong"),
        (&[("sec-fetch-site", "cross-site")], good.as_str()),
        (&[("sec-fetch-site", "same-site")], good.as_str()),
        (&[("origin", "https://evil.example")], good.as_str()),
        (&[("origin", "null")], good.as_str()),
    ] {
        assert_eq!(browser.post("/signout", headers, form).status, 403, "{headers:?} {form:?}");
    }
    assert_eq!(browser.get("/").status, 200, "the session still stands");
    assert_eq!(browser.post("/signout", &[("x-request-id", "form-forged")], "csrf=wrong").status, 403);
    assert_eq!(browser.post("/signout", &[("x-request-id", "form-foreign"), ("origin", "https://e.example")], &good).status, 403);
    let signed_out = browser.post("/signout", &[("sec-fetch-site", "same-origin"), ("origin", &address)], &good);
    assert_eq!(signed_out.status, 303);
    assert!(signed_out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    let after = browser.get("/");
    assert_eq!((after.status, after.header("location").is_some_and(|to| to.starts_with("/signin"))), (303, true));
    // The entry of signing out is durable, so these are too.
    let entries = entries_by_request(loaded());
    for (request, what) in [("form-forged", "form-expired"), ("form-foreign", "other-site")] {
        assert_eq!(entries[request][0]["outcome_desc"], format!("form refused: {what}"));
    }
}

#[test]
fn signing_in_makes_a_new_session_and_ends_the_one_before() {
    let house = house();
    add_account(loaded(), "again", "clinician");
    let before = Browser::sign_in(&house.server, "again");
    let form = format!("user=again&password={}", PASSWORD.replace(' ', "+"));
    let answer = before.post("/signin", &[], &form);
    assert_eq!(answer.status, 303);
    assert!(!answer.header("set-cookie").unwrap_or("").starts_with(&before.cookie), "no session is taken over");
    assert_eq!(before.get("/").status, 303, "the one before has ended");
    // A session that an attacker chose is not made real by signing in with it.
    let chosen = post(&house.server, "/signin", None, &[("cookie", "sid=chosen-by-another")], &form);
    assert!(!chosen.header("set-cookie").unwrap_or("").contains("chosen-by-another"));
}
