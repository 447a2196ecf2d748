//! Psychotherapy notes, which are read by their originator and by nobody else.
//!
//! Not for: the policy's cases (`schemas/policy-cases.toml`).

use super::browser::Browser;
use super::world::World;

#[test]
fn a_psychotherapist_reads_his_own_notes_and_nobody_reads_them_in_a_chart() {
    let Some(world) = World::new() else { return };
    let mut ann = Browser::of("ann");
    ann.go(&world.sign_in());
    let found = ann.go(&world.url("/?q=quill"));
    let chart =
        found.body.split("href=\"").find(|rest| rest.starts_with("/patients/")).expect("a hit").split('"').next().unwrap();
    let own = format!("{chart}/own-notes");
    let seen = |page: &super::Page| -> Vec<&str> {
        ["one", "two", "three", "four", "five"].into_iter().filter(|id| page.body.contains(&format!("words-{id}"))).collect()
    };
    assert!(ann.go(&world.url(chart)).body.contains(&format!("href=\"{own}\"")), "the chart leads there");
    let page = ann.go(&world.url(&own));
    assert_eq!((page.status, seen(&page)), (200, vec!["one", "two"]), "{}", page.body);
    let entry = world.newest("record.read");
    assert_eq!((&entry["query"]["clean"], &entry["query"]["hits"]), (&"own psychotherapy notes".into(), &2.into()));
    assert!(entry["patients"].as_array().is_some_and(|patients| patients.len() == 1), "{entry}");
    for path in ["", "/notes", "/everything?kind=DocumentReference", "/search?q=words"] {
        let page = ann.go(&world.url(&format!("{chart}{path}")));
        assert!(seen(&page).is_empty() && !page.body.contains("Session one"), "{path}: {}", page.body);
    }

    // Without a number, or for another role, there is no such page; nor for a patient of whom nobody has any record.
    let mut bea = Browser::of("bea");
    bea.go(&world.sign_in());
    assert!(!bea.go(&world.url(chart)).body.contains("own-notes"));
    let refused = bea.go(&world.url(&own));
    assert_eq!((refused.status, seen(&refused).len()), (403, 0));
    assert_eq!(world.newest("authz.denied")["detail"]["rule"], "no-originator");
    let other = ann.go(&world.url("/?q=rivers"));
    let other =
        other.body.split("href=\"").find(|rest| rest.starts_with("/patients/")).expect("a hit").split('"').next().unwrap();
    let page = ann.go(&world.url(&format!("{other}/own-notes")));
    assert!(page.status == 200 && page.body.contains("no such note of yours"), "{}", page.body);
}
