//! Coming in from elsewhere, against real identity providers: signing in and out, launches by an EHR, signed addresses,
//! and the attacks on each (spec access.md §6, §10 and §12). Every refusal has its entry in the log.
//!
//! Not for: access tokens of programs, or what a role may see.

mod again;
mod browser;
mod launches;
mod own_notes;
mod world;

use browser::{Browser, Page};
use world::{World, escape};

/// What the person reads when he is signed in.
fn is_signed_in(page: &Page, name: &str) -> bool {
    page.status == 200 && page.body.contains(name) && page.body.contains("/signout")
}

#[test]
fn a_person_signs_in_at_the_provider_and_no_token_reaches_the_browser() {
    let Some(world) = World::new() else { return };
    let mut ann = Browser::of("ann");
    let form = ann.go(&world.url("/signin"));
    assert!(form.body.contains("Sign in with the hospital"), "{}", form.body);
    // A cookie that someone else has put there is not taken over.
    ann.set_cookie(&world.public, "sid", "preset");
    let home = ann.go(&format!("{}&next={}", world.sign_in(), escape("/?q=quill")));
    assert!(is_signed_in(&home, "Ann Clinician") && home.url.ends_with("/?q=quill"), "{home:?}");
    let sid = ann.cookie(&world.public, "sid").expect("a session").to_string();
    assert_ne!(sid, "preset");
    assert!(home.trail.iter().all(|url| !url.contains("eyJ")), "no token in an address: {:?}", home.trail);
    let login = world.newest("auth.login");
    assert_eq!((login["user"]["iss"].as_str(), login["user"]["sub"].as_str()), (Some(world.idp.as_str()), Some("ann")));
    assert_eq!(login["user"]["roles"][0], "clinician");
    assert!(login["policy"].as_str().is_some_and(|digest| digest.len() == 64), "{login}");
    assert!(login["query"]["path"] == "/signin/callback", "the code stands in no log: {login}");

    // The same person in a second browser sees both sessions and ends the first.
    let mut second = Browser::of("ann");
    assert!(is_signed_in(&second.go(&world.sign_in()), "Ann Clinician"));
    let listed = second.go(&world.url("/account/sessions"));
    assert_eq!(listed.body.matches("name=\"session\"").count(), 2, "{}", listed.body);
    let csrf = listed.field("csrf");
    let other = listed.body.split("name=\"session\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_string());
    let first = login["client"]["session"].as_str().unwrap().to_string();
    assert!(other.into_iter().any(|id| id == first));
    let ended = second.send(&world.url("/account/sessions/end"), &format!("csrf={csrf}&session={first}"));
    assert_eq!(ended.body.matches("name=\"session\"").count(), 1);
    assert!(ann.step(&world.url("/"), None).header("location").starts_with("/signin"), "the ended session is void");
    assert_eq!(world.newest("auth.session_ended")["detail"]["session"], first.as_str());
}

#[test]
fn whoever_holds_several_roles_acts_in_one_and_whoever_holds_none_stays_outside() {
    let Some(world) = World::new() else { return };
    let mut bea = Browser::of("bea");
    let home = bea.go(&world.sign_in());
    assert!(home.body.contains("Act as Health information"), "{}", home.body);
    let before = bea.cookie(&world.public, "sid").unwrap().to_string();
    let switched = bea.send(&world.url("/account/role"), &format!("csrf={}&role=him", home.field("csrf")));
    assert!(switched.body.contains("Act as Clinician") && switched.body.contains("Search all charts"), "{}", switched.body);
    assert_ne!(bea.cookie(&world.public, "sid").unwrap(), before, "another role, another session id");
    let refused = bea.send(&world.url("/account/role"), &format!("csrf={}&role=admin", switched.field("csrf")));
    assert_eq!(refused.status, 403);
    for (person, reason) in [("carl", "no-role"), ("dora", "conflicting-roles")] {
        let mut browser = Browser::of(person);
        let page = browser.go(&world.sign_in());
        assert_eq!((page.status, browser.cookie(&world.public, "sid")), (403, None), "{person}");
        let entry = world.newest("auth.login_failed");
        assert_eq!((&entry["outcome_desc"], &entry["detail"]["subject"]), (&reason.into(), &person.into()));
    }
}

#[test]
fn signing_out_goes_on_at_the_provider_and_the_provider_can_sign_out_here() {
    let Some(world) = World::new() else { return };
    // Here first: the session is void, and the provider's own sign-out is next.
    let mut ann = Browser::of("ann");
    let home = ann.go(&world.sign_in());
    let stolen = ann.cookie(&world.public, "sid").unwrap().to_string();
    let ended = ann.send(&world.url("/signout"), &format!("csrf={}", home.field("csrf")));
    assert_eq!(ended.status, 200);
    let refresh = ended.header("refresh").to_string();
    let provider_end = refresh.strip_prefix("1; url=").expect("on to the provider").to_string();
    assert!(provider_end.starts_with(&world.idp) && !provider_end.contains("eyJ"), "{provider_end}");
    let mut thief = Browser::of("ann");
    thief.set_cookie(&world.public, "sid", &stolen);
    assert!(thief.step(&world.url("/"), None).header("location").starts_with("/signin"));
    assert_eq!(world.entries("auth.logout").len(), 1);

    // There first: the provider calls the archive, and the session here is void too.
    let mut bea = Browser::of("bea");
    assert!(is_signed_in(&bea.go(&world.sign_in()), "Bea Both"));
    let end = format!("{}/session/end?client_id=archive&post_logout_redirect_uri={}", world.idp, escape(&world.url("/signin")));
    let asked = bea.go(&end);
    let back = bea.send(&format!("{}/session/end/confirm", world.idp), &format!("xsrf={}&logout=yes", asked.field("xsrf")));
    assert!(back.url.starts_with(&world.url("/signin")), "{}", back.url);
    assert!(bea.step(&world.url("/"), None).header("location").starts_with("/signin"), "ended by the provider");
    let entry = world.newest("auth.session_ended");
    assert_eq!((&entry["user"]["sub"], &entry["detail"]["by"]), (&"bea".into(), &"the provider".into()));

    let forged = bea.step(&world.url("/signin/backchannel"), Some("logout_token=eyJhbGciOiJub25lIn0.e30."));
    assert_eq!(forged.status, 400);
}

/// A callback with its parameters changed.
fn changed(callback: &str, name: &str, value: Option<&str>) -> String {
    let (path, query) = callback.split_once('?').expect("a callback has parameters");
    let kept = query.split('&').filter(|pair| !pair.starts_with(&format!("{name}=")));
    let mut pairs: Vec<String> = kept.map(str::to_string).collect();
    pairs.extend(value.map(|value| format!("{name}={value}")));
    format!("{path}?{}", pairs.join("&"))
}

#[test]
fn an_answer_that_is_not_to_this_sign_in_opens_nothing() {
    let Some(world) = World::new() else { return };
    let stop = world.url("/signin/callback");
    // Each row begins a sign-in, has it answered by the provider, and then brings something else back.
    type Attack = fn(&World, &mut Browser, String) -> Page;
    let attacks: [(&str, &str, Attack); 10] = [
        ("a state that nobody was given", "state", |_, browser, answer| {
            browser.go(&changed(&answer, "state", Some(&"A".repeat(43))))
        }),
        ("no state", "state", |_, browser, answer| browser.go(&changed(&answer, "state", None))),
        ("two states", "state", |_, browser, answer| browser.go(&format!("{answer}&state={}", "A".repeat(43)))),
        ("a state that came back before", "state", |_, browser, answer| {
            assert_eq!(browser.go(&answer).status, 200);
            browser.go(&answer)
        }),
        ("another browser's state", "state", |_, _, answer| Browser::of("ann").go(&answer)),
        ("another sign-in's code", "code-refused", |world, browser, answer| {
            let other = Browser::of("bea").until(&world.sign_in(), &world.url("/signin/callback"));
            let code = other.split("code=").nth(1).and_then(|rest| rest.split('&').next()).expect("a code").to_string();
            browser.go(&changed(&answer, "code", Some(&code)))
        }),
        ("another issuer's answer", "issuer-mixup", |world, browser, answer| {
            browser.go(&changed(&answer, "iss", Some(&escape(&world.ehr))))
        }),
        ("an answer that does not say whose it is", "issuer-mixup", |_, browser, answer| {
            browser.go(&changed(&answer, "iss", None))
        }),
        ("no code", "no-code", |_, browser, answer| browser.go(&changed(&answer, "code", None))),
        ("a refusal", "refused-by-provider", |_, browser, answer| browser.go(&format!("{answer}&error=access_denied"))),
    ];
    for (name, reason, attack) in attacks {
        let mut browser = Browser::of("ann");
        let answer = browser.until(&world.sign_in(), &stop);
        let page = attack(&world, &mut browser, answer);
        let status = if reason == "refused-by-provider" { 403 } else { 400 };
        assert_eq!(page.status, status, "{name}: {}", page.body);
        assert!(!page.header("set-cookie").contains("sid="), "{name}");
        assert_eq!(world.newest("auth.login_failed")["outcome_desc"], reason, "{name}");
    }

    // The provider was asked with another nonce: its token is someone else's.
    let mut browser = Browser::of("ann");
    let to_provider = browser.until(&world.sign_in(), &world.idp);
    let answer = browser.until(&changed(&to_provider, "nonce", Some("another")), &stop);
    assert_eq!(browser.go(&answer).status, 400);
    assert_eq!(world.newest("auth.login_failed")["outcome_desc"], "nonce");
    // The provider lets nobody in whom it does not know, and says so.
    let mut stranger = Browser::of("stranger");
    assert_eq!(stranger.go(&world.sign_in()).status, 403);
    assert_eq!(world.newest("auth.login_failed")["outcome_desc"], "refused-by-provider");
    // The EHR launches, and signs nobody in.
    let wrong_use = format!("/signin/start?issuer={}", escape(&world.ehr));
    assert_eq!(browser.go(&world.url(&wrong_use)).status, 400);
    assert_eq!(world.newest("auth.login_failed")["outcome_desc"], "unlisted-issuer");
}
