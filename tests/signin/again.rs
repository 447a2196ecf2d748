//! Proving again at the provider who one is, before break-glass.
//!
//! Not for: break-glass itself, or accounts of the archive (`tests/gate`).

use sqlx::Connection;

use super::browser::{Browser, Page};
use super::changed;
use super::world::World;

/// Changes the register past the server, as time would.
fn pass(world: &World, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.archive.join("register.db"));
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("the register opens");
        sqlx::query(statement).execute(&mut connection).await.expect("it is changed");
        connection.close().await.expect("closed");
    });
}

const AN_HOUR_AGO: &str = "UPDATE sessions SET auth_time = auth_time - 3600";

/// Where the page sends its reader to prove who he is.
fn again(world: &World, page: &Page) -> String {
    assert!(page.body.contains("more than 15 minutes since you signed in") && !page.body.contains("<textarea"), "{}", page.body);
    let link = page.body.split("href=\"").find(|rest| rest.contains("/account/again?")).expect("a link");
    world.url(&link.split('"').next().expect("closed").replace("&amp;", "&"))
}

#[test]
fn a_person_of_a_provider_proves_there_again_that_it_is_he() {
    let Some(world) = World::new() else { return };
    let mut ann = Browser::of("ann");
    ann.go(&world.sign_in());
    let found = ann.go(&world.url("/?q=quill"));
    let path = found.body.split("href=\"").find(|rest| rest.starts_with("/patients/")).expect("a hit").split('"').next().unwrap();
    let form = world.url(&format!("{path}/break-glass"));
    assert!(ann.go(&form).body.contains("<textarea"), "who has just signed in is not asked again");

    pass(&world, AN_HOUR_AGO);
    let link = again(&world, &ann.go(&form));
    let old = ann.cookie(&world.public, "sid").unwrap().to_string();
    let to_provider = ann.until(&link, &world.idp);
    assert!(to_provider.contains("prompt=login") && to_provider.contains("max_age=0"), "{to_provider}");

    // Somebody else at this keyboard is not the person of the session, which goes on as it was.
    ann.person = "bea".into();
    ann.forget(&world.idp);
    let other = ann.go(&link);
    assert_eq!((other.status, ann.cookie(&world.public, "sid")), (403, Some(old.as_str())), "{}", other.body);
    let refused = world.newest("auth.step_up");
    assert_eq!((&refused["outcome_desc"], &refused["user"]["sub"]), (&"another-person".into(), &"ann".into()));
    // A provider that only remembers him has not asked him.
    ann.person = "ann".into();
    ann.forget(&world.idp);
    let answer = ann.until(&link, &world.url("/signin/callback"));
    pass(&world, "UPDATE signins SET begun = begun + 600");
    assert_eq!(ann.go(&answer).status, 403);
    assert_eq!(world.newest("auth.step_up")["outcome_desc"], "auth-time");
    // Nor is the answer taken in another browser, or twice.
    let answer = ann.until(&link, &world.url("/signin/callback"));
    assert_eq!(Browser::of("ann").go(&answer).status, 400);
    assert_eq!(ann.go(&changed(&answer, "state", Some(&"A".repeat(43)))).status, 400);
    again(&world, &ann.go(&form));

    let back = ann.go(&answer);
    assert!(back.url == form && back.body.contains("<textarea"), "{}: {}", back.url, back.body);
    assert_ne!(ann.cookie(&world.public, "sid"), Some(old.as_str()), "another session id");
    let proved = world.newest("auth.step_up");
    assert_eq!((&proved["outcome"], &proved["user"]["sub"]), (&"0".into(), &"ann".into()));
    assert!(proved["policy"].as_str().is_some_and(|digest| digest.len() == 64), "{proved}");
    let mut thief = Browser::of("ann");
    thief.set_cookie(&world.public, "sid", &old);
    assert!(thief.step(&world.url("/"), None).header("location").starts_with("/signin"), "the old id is void");
    let fields = format!("csrf={}&reason=urgent-care&text=Chest+pain+since+the+morning", back.field("csrf"));
    assert_eq!(ann.step(&form, Some(&fields)).status, 303);
}

#[test]
fn a_launched_person_proves_it_at_the_ehr_and_comes_back_to_the_same_window() {
    let Some(world) = World::new() else { return };
    let mut ann = Browser::of("ann");
    let chart = ann.go(&world.launch("E-1"));
    let form = format!("{}/break-glass", chart.url);
    pass(&world, AN_HOUR_AGO);
    let link = again(&world, &ann.go(&form));
    let back = ann.go(&link);
    assert!(back.url == form && back.body.contains("<textarea"), "{}: {}", back.url, back.body);
    assert_eq!(ann.step(&world.url("/?q=rivers"), None).status, 409, "still bound to the launched patient");
    assert_eq!(world.newest("auth.step_up")["user"]["iss"], world.ehr.as_str());
}
