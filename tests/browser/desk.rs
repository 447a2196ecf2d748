//! What the desk of releases does beside the usual way: one person alone in an emergency, a request about several patients, and the
//! links by which recipients without an account fetch what is theirs.
//!
//! Not for: the usual way (`releases`), or the rules of it (`release::workflow`).

use std::collections::BTreeMap;

use chartkeep::synth::SamplePatient;

use super::chrome::{chrome, of};
use super::demand;
use super::hands::{Asked, Hands, Office, Without, chosen, look, made, reviewed, verified};
use super::pages::inspect;
use super::visitor::Step::{Click, Type};
use super::visitor::Visitor;
use super::world::Signed;
use crate::gate::harness::entries_by_request;

/// The people with the fewest records: what is made of them is made soon.
fn smallest(office: &Office) -> Vec<&SamplePatient> {
    let mut samples: Vec<&SamplePatient> = office.hospital.manifest.sample_patients.iter().collect();
    samples.sort_by_key(|sample| sample.records.values().sum::<u64>());
    samples
}

#[test]
fn in_an_emergency_one_person_releases_alone_and_somebody_else_looks_at_it_after() {
    if chrome().is_none() {
        return;
    }
    let office = Office::new();
    let (ann, ben) = (Signed::known(&office.server, "ann"), Signed::known(&office.server, "ben"));
    let (mut ann, mut ben) = (Without::new(&ann), Without::new(&ben));
    let fields = [("requester-organisation", "General Hospital"), ("channel", "mail"), ("priority", "emergency")];
    let patients = [smallest(&office)[0]];
    let asked = Asked { basis: "treatment", patients: &patients, fields: &fields, checks: &["authority", "treating"] };
    let request = verified(&mut ann, &asked);
    chosen(&mut ann, &request, 1);
    reviewed(&mut ann, &request, 1);
    let path = format!("{request}/approve");
    assert!(ann.open(&path).contains("Care is waiting and nobody else is there"));
    let (_, words) = ann.send(&path, &[("reason", "In surgery now")], Some(("then", "alone")));
    assert!(words.contains("Build and sign the package"), "{words}");
    ann.send(&format!("{request}/seal"), &[], None);
    made(&mut ann, &request, "Deliver the package");
    ann.open(&format!("{request}/deliver"));
    let (_, handed) = ann.send(&format!("{request}/deliver"), &[("channel", "mail"), ("right", "1"), ("package", "0")], None);
    assert!(handed.contains("Handed out"), "{handed}");

    assert!(ann.open(&request).contains("You had a hand in it, so it is not yours to judge."));
    assert!(ben.open("/releases").contains("Released alone: look at it by"));
    let words = ben.open(&request);
    assert!(words.contains("One person alone released this in an emergency.") && words.contains("In surgery now"), "{words}");
    let found = [("holds", "yes"), ("words", "The surgeon confirmed it.")];
    let (_, words) = ben.send(&format!("{request}/step"), &found, None);
    assert!(!words.contains("One person alone released this"), "{words}");
    assert!(!ben.open("/releases").contains("Released alone"));
}

/// Address below the server and PIN of each link that a page shows once.
fn links(page: &str) -> Vec<(String, String)> {
    let secrets: Vec<&str> =
        page.split("<dd class=\"mono secret\">").skip(1).filter_map(|rest| rest.split("</dd>").next()).collect();
    let path = |address: &str| address.find("/r/").map(|at| address[at..].to_string());
    secrets.windows(2).filter_map(|pair| Some((path(pair[0])?, pair[1].to_string()))).collect()
}

#[test]
fn a_request_about_two_patients_gives_each_a_link_that_opens_with_the_right_answers_and_once() {
    let Some(chrome) = chrome() else { return };
    let office = Office::new();
    let (ann, ben) = (Signed::known(&office.server, "ann"), Signed::known(&office.server, "ben"));
    let (mut ann, mut ben) = (Without::new(&ann), Without::new(&ben));
    let people = smallest(&office);
    let fields = [("requester-organisation", "General Hospital"), ("channel", "portal"), ("priority", "routine")];
    let asked = Asked { basis: "treatment", patients: &people[..2], fields: &fields, checks: &["authority", "treating"] };
    let request = verified(&mut ann, &asked);
    chosen(&mut ann, &request, 2);
    reviewed(&mut ann, &request, 2);
    for at in 0..2 {
        look(&mut ben, &format!("{request}/review/{at}"));
    }
    let path = format!("{request}/approve");
    ben.open(&path);
    let all = [("saw", "1"), ("authority", "1"), ("left", "1")];
    let (_, words) = ben.send(&path, &all, Some(("then", "approve")));
    assert!(words.contains("Build and sign the package"), "{words}");
    ben.send(&format!("{request}/seal"), &[], None);
    made(&mut ben, &request, "Deliver the package");
    let path = format!("{request}/deliver");
    ann.open(&path);
    let fields = [("channel", "portal"), ("right", "1"), ("package", "0"), ("package", "1")];
    let (_, handed) = ann.send(&path, &fields, None);
    let links = links(&ann.page);
    assert_eq!(links.len(), 2, "{handed}");

    let chrome = of(&chrome);
    let mut faults = Vec::new();
    chrome.forget_cookies();
    for (number, (path, pin)) in links.iter().enumerate() {
        chrome.let_scripts_run(number == 0);
        let born = people[number].birth_date.clone();
        let facts =
            BTreeMap::from([("born", born.clone()), ("other", people[1 - number].birth_date.clone()), ("pin", pin.clone())]);
        let mut recipient = Visitor::new(&chrome, &office.server.address, &facts);
        recipient.open(path);
        recipient.expect(&["Medical records for you", "can be fetched once"]);
        let words = chrome.words();
        if number == 0 {
            inspect(&chrome, "fetch", &mut faults);
        }
        assert!(!people.iter().take(2).any(|it| words.contains(&it.family)), "it names nobody: {words}");
        // The other patient's birth date does not open it.
        let wrong = [Type("The patient's date of birth", "{other}"), Type("PIN", "{pin}"), Click("Fetch the records")];
        recipient.follow(&wrong);
        recipient.expect(&["Medical records for you"]);
        let fetched = ann.signed.post(path, &format!("birth_date={born}&pin={pin}"));
        assert_eq!((fetched.status, fetched.header("content-type")), (200, Some("application/zip")), "{}", fetched.text());
        recipient.open(path);
        recipient.expect(&["This link cannot be used."]);
    }
    demand(&faults);
    let entries = entries_by_request(&office.archive).into_values().flatten();
    assert_eq!(entries.filter(|entry| entry["event"] == "release.fetched" && entry["outcome"] == "0").count(), 2);
}
