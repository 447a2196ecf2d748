//! A person's own account at a browser: a password that must be changed, a second factor, and what refuses either.
//!
//! Not for: the rules on passwords and codes themselves (`src/register`).

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use chartkeep::audit::Query;
use totp_rs::{Builder, Secret};

use super::harness::{Browser, PASSWORD, add_account, post};
use crate::support::{Answer, Folder, Server, chartkeep, folder, init};

/// An archive of its own: once an account has a second factor, the sign-in page of all asks for a code.
struct House {
    _home: Folder,
    archive: PathBuf,
    server: Server,
}

fn house() -> House {
    let home = folder();
    let archive = init(&home);
    let server = Server::start(&archive);
    House { _home: home, archive, server }
}

impl House {
    /// `user` with words that need no standard input.
    fn user(&self, words: &[&str]) -> String {
        let archive = self.archive.to_str().expect("plain names");
        let all = ["user", words[0], archive].into_iter().chain(words[1..].iter().copied());
        chartkeep(all).expect(0).stdout.trim().to_string()
    }
}

fn sign_in(house: &House, name: &str, password: &str, code: &str) -> Answer {
    let form = format!("user={name}&password={}&code={code}", password.replace(' ', "+"));
    post(&house.server, "/signin", None, &[], &form)
}

/// Signed in, wherever that leads.
fn browser<'a>(house: &'a House, answer: &Answer) -> Browser<'a> {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let cookie = answer.header("set-cookie").expect("a cookie").split(';').next().expect("its pair").to_string();
    let mut browser = Browser { server: &house.server, cookie, csrf: String::new() };
    let page = ["/account", "/account/password", "/account/second-factor"].iter().map(|path| browser.get(path));
    let page = page.into_iter().find(|page| page.status == 200).expect("one of its pages opens").text();
    browser.csrf = page.split("name=\"csrf\" value=\"").nth(1).expect("a form").split('"').next().expect("closed").to_string();
    browser
}

fn send(browser: &Browser, path: &str, fields: &str) -> Answer {
    browser.post(path, &[], &format!("csrf={}&{fields}", browser.csrf))
}

/// What the app shows, some steps of 30 seconds from now.
fn code_of(key: &str, steps: i64) -> String {
    let secret = Secret::try_from_base32(key).expect("base32");
    let totp = Builder::new().with_secret(secret.as_bytes().to_vec()).build().expect("a usable secret");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    totp.generate(now.saturating_add_signed(steps * 30)).to_string()
}

fn events_of(house: &House, account: &str) -> Vec<(String, String)> {
    let query = Query { user: Some(account.into()), newest_first: false, limit: usize::MAX, ..Query::default() };
    let found = chartkeep::audit::read(&house.archive, &query).expect("the log reads");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_string();
    found.iter().map(|it| (text(&it.entry["event"]), it.entry.get("outcome_desc").map(text).unwrap_or_default())).collect()
}

#[test]
fn a_password_that_the_desk_made_opens_nothing_but_its_own_change() {
    let house = house();
    let given = house.user(&["add", "newcomer", "--role", "clinician", "--generate"]);
    let browser = browser(&house, &sign_in(&house, "newcomer", &given, ""));
    for path in ["/", "/patients/x", "/account", "/search?q=x"] {
        let answer = browser.get(path);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/account/password")), "{path}");
    }
    let api = house.server.request("GET", "/api/v1/me", None, &[("cookie", &browser.cookie)]);
    assert_eq!(api.status, 403, "{}", api.text());

    for (old, new, again, status, said) in [
        ("wrong+guess", "my+own+words", "my+own+words", 403, "not right"),
        (given.as_str(), "short", "short", 400, "at least 8 characters"),
        (&given, "newcomer1", "newcomer1", 400, "names of the account"),
        (&given, "my+own+words", "my+own+wards", 400, "two different ways"),
        (&given, &given, &given, 400, "is the old one"),
    ] {
        let answer = send(&browser, "/account/password", &format!("old={old}&new={new}&again={again}"));
        assert_eq!(answer.status, status, "{new}: {}", answer.text());
        assert!(answer.text().contains(said), "{new}: {}", answer.text());
        assert!(!answer.text().contains(&given), "no password is given back");
    }
    let done = send(&browser, "/account/password", &format!("old={given}&new=my+own+words&again=my+own+words"));
    assert_eq!((done.status, done.header("location")), (303, Some("/account?done=password")));
    assert_eq!(browser.get("/").status, 200, "the session goes on");
    assert_eq!(sign_in(&house, "newcomer", &given, "").status, 403);
    assert_eq!(sign_in(&house, "newcomer", "my own words", "").status, 303);
    let events = events_of(&house, "newcomer");
    let changed = |why: &str| ("user.credential_changed".to_string(), why.to_string());
    assert!(events.contains(&changed("wrong-password")) && events.contains(&changed("")), "{events:?}");
}

#[test]
fn a_required_second_factor_is_set_up_first_and_then_asked_for_at_each_sign_in() {
    let house = house();
    let account = "factor";
    add_account(&house.archive, account, "clinician");
    house.user(&["second-factor", account, "--required"]);
    let first = browser(&house, &sign_in(&house, account, PASSWORD, ""));
    assert_eq!(first.get("/").header("location"), Some("/account/second-factor"));
    assert_eq!(send(&first, "/account/second-factor", "step=begin").status, 303);
    let page = first.get("/account/second-factor").text();
    assert!(page.contains("<svg class=\"qr\"") && !page.contains("otpauth:"), "a picture, and no address in clear");
    let key = page.split("class=\"mono key\">").nth(1).expect("the key").split('<').next().expect("closed").replace(' ', "");
    assert_eq!(send(&first, "/account/second-factor", "step=confirm&code=12345").status, 400);
    let codes = send(&first, "/account/second-factor", &format!("step=confirm&code={}", code_of(&key, -1)));
    assert_eq!(codes.status, 200);
    let recovery = codes.text().split("<li>").nth(1).expect("ten codes").split('<').next().expect("closed").to_string();
    assert_eq!(first.get("/").status, 200);

    assert!(house.server.get("/signin", None).text().contains("name=\"code\""), "everyone is asked for a code now");
    let wrong = [
        sign_in(&house, account, PASSWORD, ""),
        sign_in(&house, account, "wrong", &code_of(&key, 0)),
        sign_in(&house, account, PASSWORD, &code_of(&key, -1)),
    ];
    assert!(wrong.iter().all(|answer| answer.status == 403 && answer.text() == wrong[0].text()), "one answer for all");
    assert_eq!(sign_in(&house, account, PASSWORD, &code_of(&key, 0)).status, 303);
    assert_eq!(sign_in(&house, account, PASSWORD, &code_of(&key, 0)).status, 403, "a code counts once");
    assert_eq!(sign_in(&house, account, PASSWORD, &recovery).status, 303);
    assert_eq!(sign_in(&house, account, PASSWORD, &recovery).status, 403);
    let off = send(&first, "/account/second-factor", "step=remove&password=wrong&code=x");
    assert_eq!(off.status, 403, "{}", off.text());

    let reset = house.user(&["reset", account, "--second-factor"]);
    assert_eq!(first.get("/").status, 303, "its sessions have ended");
    let again = browser(&house, &sign_in(&house, account, &reset, ""));
    assert_eq!(again.get("/").header("location"), Some("/account/password"));
    let failed: Vec<String> =
        events_of(&house, account).into_iter().filter(|(event, _)| event == "auth.login_failed").map(|(_, why)| why).collect();
    for why in ["wrong-code", "wrong-password", "code-used-before"] {
        assert!(failed.iter().any(|found| found == why), "{why}: {failed:?}");
    }
}
