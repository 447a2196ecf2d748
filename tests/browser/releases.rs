//! The release workspace as two people of health information use it: from the board to the delivery, with a browser that runs
//! scripts and with one that does not; every page without barriers, quiet under its policy, and by keyboard alone where it counts.
//!
//! Not for: the guards of a release (`release::workflow`), or what its pages and packages hold.

mod idle;

use std::collections::BTreeSet;

use chartkeep::synth::SamplePatient;
use serde_json::json;

use super::chrome::{Chrome, chrome, of};
use super::hands::{Hands, Office, Without, chosen, look, made, own_access, plain, reviewed, verified};
use super::pages::inspect;
use super::visitor::route_of;
use super::world::Signed;
use super::{demand, row};
use crate::gate::harness::{entries_by_request, key};

/// The pages that come up on the way of a request; each is held against axe-core and looked at in three sizes.
pub const VISITS: &[&str] = &[
    "/releases",
    "/releases/new",
    "/releases/{number}",
    "/releases/{number}/edit",
    "/releases/{number}/patients/{subject}",
    "/releases/{number}/select",
    "/releases/{number}/items/{subject}",
    "/releases/{number}/redact/{subject}",
    "/releases/{number}/review/{subject}",
    "/releases/{number}/approve",
    "/releases/{number}/deliver",
];

/// A browser with scripts, which looks at every page for barriers.
struct WithScript<'a> {
    chrome: &'a Chrome,
    signed: &'a Signed<'a>,
    faults: &'a mut Vec<String>,
    looked_at: BTreeSet<String>,
    /// Path templates of the pages that came up.
    visited: BTreeSet<&'static str>,
}

impl<'a> WithScript<'a> {
    fn new(chrome: &'a Chrome, signed: &'a Signed<'a>, faults: &'a mut Vec<String>) -> WithScript<'a> {
        WithScript { chrome, signed, faults, looked_at: BTreeSet::new(), visited: BTreeSet::new() }
    }

    /// Each kind of page once, in every size and both themes.
    fn look(&mut self, name: &str) {
        if self.looked_at.insert(name.to_string()) {
            inspect(self.chrome, name, self.faults);
        }
    }

    /// Which page came up.
    fn note(&mut self, url: &str) {
        self.visited.extend(url.strip_prefix(&self.signed.own).and_then(route_of));
    }

    /// What kind of page an address is.
    fn kind(path: &str) -> String {
        if path.contains("?basis=") {
            return "release-form".into();
        }
        let path = path.split(['?', '#']).next().unwrap_or("");
        let parts: Vec<&str> = path.trim_start_matches("/releases").split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            [] => "release-board".into(),
            [number] if number.starts_with("20") => "release".into(),
            [_, kind, ..] => format!("release-{kind}"),
            [other] => format!("release-{other}"),
        }
    }
}

impl Hands for WithScript<'_> {
    fn open(&mut self, path: &str) -> String {
        let seen = self.chrome.open(&self.signed.url(path));
        row(self.faults, path, || seen.expect_quiet(path, &self.signed.own));
        self.note(&seen.url);
        self.look(&Self::kind(path));
        self.chrome.words()
    }

    fn send(&mut self, action: &str, fields: &[(&str, &str)], then: Option<(&str, &str)>) -> (String, String) {
        let mut seen = self.chrome.send_form(action, fields, then);
        // A form that is not complete comes back with a status that says so.
        seen.console.retain(|message| !message.contains("status of 40"));
        row(self.faults, action, || seen.expect_quiet(action, &self.signed.own));
        self.note(&seen.url);
        let path = seen.url.trim_start_matches(&self.signed.own).to_string();
        (path, self.chrome.words())
    }

    fn next_flagged(&self) -> Option<String> {
        let href = self.chrome.ask("return document.querySelector('a[data-key=u]')?.getAttribute('href') ?? null");
        href.as_str().map(String::from)
    }

    fn file(&mut self, action: &str, name: &str, bytes: &str) {
        let script = format!(
            "const file = new File([{bytes:?}], {name:?}), list = new DataTransfer(); list.items.add(file);
             document.querySelector('form[action=\"{action}\"] input[type=file]').files = list.files; return true"
        );
        self.chrome.ask(&script);
        self.chrome.send_form(action, &[("kind", "identity")], None);
    }
}

/// From the board to a request that is verified and chosen, its flagged items decided. Gives its address.
fn prepare(ann: &mut dyn Hands, patient: &SamplePatient) -> String {
    assert!(ann.open("/releases").contains("Release requests"));
    assert!(ann.open("/releases/new").contains("On what authority"));
    let asks = ann.open("/releases/new?basis=patient-access");
    assert!(asks.contains("What this basis asks") && asks.contains("45 CFR 164.524"), "{asks}");
    // What is missing is named beside its field, and what was typed stays.
    let name = format!("{}, {}", patient.family, patient.given);
    let (_, lacking) = ann.send("/releases/new", &[("subject-0-name", &name)], Some(("then", "submit")));
    assert!(
        lacking.contains("Verification cannot begin yet") && lacking.contains("What the records are wanted for"),
        "{lacking}"
    );
    let request = verified(ann, &own_access(&[patient]));
    // The patient asks himself and is verified: all there is of him can be had as well, as one file.
    let shown = ann.open(&request);
    assert!(shown.contains("All there is") && shown.contains("nothing chosen and nothing redacted"), "{shown}");
    chosen(ann, &request, 1);
    request
}

/// Ann prepares, Ben reviews and approves, Ann delivers.
fn whole_flow(ann: &mut dyn Hands, ben: &mut dyn Hands, request: &str) {
    reviewed(ann, request, 1);
    let review = format!("{request}/review/0");
    // Who prepared it cannot approve it.
    assert!(ann.open(&format!("{request}/approve")).contains("You had a hand in this release"));

    let path = format!("{request}/approve");
    look(ben, &review);
    let shown = ben.open(&path);
    assert!(shown.contains("You approve the exact preview"), "{shown}");
    let all = [("saw", "1"), ("authority", "1"), ("left", "1")];
    let (_, words) = ben.send(&path, &all, Some(("then", "approve")));
    assert!(words.contains("Build and sign the package"), "{words}");
    ben.send(&format!("{request}/seal"), &[], None);
    let words = made(ben, request, "Deliver the package");
    assert!(words.contains("Packages"), "{words}");
    let (_, words) = ben.send(&format!("{request}/verify"), &[], None);
    assert!(words.contains("is whole and as it was signed"), "{words}");

    ann.open(&format!("{request}/deliver"));
    let fields = [("channel", "mail"), ("tracking", "RR 1234"), ("encrypted", "1"), ("right", "1"), ("package", "0")];
    let (_, handed) = ann.send(&format!("{request}/deliver"), &fields, None);
    assert!(handed.contains("shown once") && handed.contains("Secret"), "{handed}");
    let words = ann.open(request);
    assert!(words.contains("RR 1234") && words.contains("Receipt") && words.contains("Did it arrive?"), "{words}");
    let (_, words) = ann.send(&format!("{request}/step"), &[("move", "confirm"), ("text", "by phone")], None);
    assert!(words.contains("Close the request"), "{words}");
    let (_, words) = ann.send(&format!("{request}/step"), &[("move", "close")], None);
    assert!(words.contains("Nothing more is to be done"), "{words}");
}

#[test]
fn a_request_goes_from_the_board_to_its_delivery_with_scripts_and_without() {
    let Some(chrome) = chrome() else { return };
    let office = Office::new();
    let (ann, ben) = (Signed::known(&office.server, "ann"), Signed::known(&office.server, "ben"));
    let mut samples: Vec<&SamplePatient> = office.hospital.manifest.sample_patients.iter().collect();
    samples.sort_by_key(|sample| sample.records.values().sum::<u64>());
    let planted = office.hospital.manifest.sample_patients.last().expect("people");
    samples.retain(|sample| sample.id != planted.id);
    let (first, second) = (samples[0], samples[1]);

    let mut plain = (Without { signed: &ann, page: String::new() }, Without { signed: &ben, page: String::new() });
    let request = prepare(&mut plain.0, first);
    whole_export(&mut plain.0, &request, first);
    whole_flow(&mut plain.0, &mut plain.1, &request);
    let with_scans = prepare(&mut plain.0, planted);
    mark_by_figures(&mut plain.0, &with_scans);

    let chrome = of(&chrome);
    let mut faults = Vec::new();
    ann.give_to(&chrome);
    let mut hands = WithScript::new(&chrome, &ann, &mut faults);
    let request = prepare(&mut hands, second);
    for path in ["/releases?view=list", "/releases?show=ended", &format!("{request}/edit"), &format!("{request}/redact/0")] {
        hands.open(path);
    }
    keys(&mut hands, &request);
    draw(&mut hands, &with_scans);
    whole_flow(&mut hands, &mut Without { signed: &ben, page: String::new() }, &request);
    hands.open("/releases");
    let missed: Vec<&&str> = VISITS.iter().filter(|route| !hands.visited.contains(*route)).collect();
    assert!(missed.is_empty(), "{missed:?} did not come up");
    demand(&faults);

    let events: Vec<String> = entries_by_request(&office.archive)
        .into_values()
        .flatten()
        .filter_map(|entry| entry["event"].as_str().map(String::from))
        .collect();
    assert_eq!(events.iter().filter(|event| *event == "disclosure").count(), 2);
    assert_eq!(events.iter().filter(|event| *event == "release.approved").count(), 2);
}

/// The button leads to everything that there is of the patient, as one ZIP.
fn whole_export(ann: &mut Without<'_>, request: &str, patient: &SamplePatient) {
    ann.open(request);
    let href = format!("/api/v1/patients/{}/ehi", key(&patient.id));
    assert!(ann.page.contains(&format!("href=\"{href}\"")), "{}", ann.page);
    let zip = loop {
        let answer = ann.signed.get(&href);
        if answer.status != 202 {
            break answer;
        }
        assert!(answer.header("refresh").is_some(), "a browser asks again by itself");
    };
    assert_eq!((zip.status, zip.header("content-type")), (200, Some("application/zip")));
    assert!(zip.body.starts_with(b"PK") && zip.header("content-disposition").is_some_and(|it| it.contains("ehi-")));
}

/// An area is marked by its figures and put back, without a script.
fn mark_by_figures(ann: &mut Without<'_>, request: &str) {
    let path = format!("{request}/redact/0");
    ann.open(&path);
    let item =
        ann.page.split("Pages to draw on").nth(1).and_then(|rest| rest.split("href=\"").nth(1)?.split('"').next()).map(plain);
    let item = item.expect("an item with page images");
    ann.open(&item);
    let area = [("do", "region"), ("left", "10"), ("top", "5"), ("width", "40"), ("height", "10")];
    let (at, _) = ann.send(&ann.action_of("Take this area out"), &area, None);
    assert!(
        ann.page.contains("<rect class=\"mark\" x=\"1000\" y=\"500\" width=\"4000\" height=\"1000\"/>"),
        "{at}: it is kept as written"
    );
    ann.send(&ann.action_of("Put back"), &[("do", "drop-region")], None);
    assert!(!ann.page.contains("<rect class=\"mark\""), "it is put back");
}

/// An area is drawn with the pointer, kept as it was drawn, and put back.
fn draw(hands: &mut WithScript<'_>, request: &str) {
    let path = format!("{request}/redact/0");
    hands.open(&path);
    let chrome = hands.chrome;
    let page = chrome.ask("const a = document.querySelector('.drawing-on .rows a'); return a ? a.getAttribute('href') : null");
    hands.open(page.as_str().expect("an item with page images"));
    let chrome = hands.chrome;
    chrome.wait_until("const i = document.querySelector('[data-draw] img'); return i.complete && i.naturalWidth > 0");
    let corner = |x: f64, y: f64| {
        let script = format!(
            "document.querySelector('[data-draw]').scrollIntoView(); const r = document.querySelector('[data-draw] svg').getBoundingClientRect(); \
             return [r.left + {x} * r.width, r.top + {y} * r.height]"
        );
        let at = chrome.ask(&script);
        (at[0].as_f64().expect("a place"), at[1].as_f64().expect("a place"))
    };
    let (from, to) = (corner(0.1, 0.05), corner(0.5, 0.15));
    chrome.drag(from, to);
    let typed = chrome.ask("return ['left', 'top', 'width', 'height'].map((n) => Number(document.getElementById(n).value))");
    for (figure, wanted) in typed.as_array().expect("four figures").iter().zip([10.0, 5.0, 40.0, 10.0]) {
        let figure = figure.as_f64().expect("a number");
        assert!((figure - wanted).abs() < 1.0, "{typed}");
    }
    chrome.ask("window.leaving = true; document.querySelector('#region button.primary').click(); return 1");
    chrome.wait_until("return window.leaving === undefined && document.readyState === 'complete'");
    assert_eq!(chrome.ask("return document.querySelectorAll('.canvas rect.mark').length"), json!(1), "the area is kept");
    chrome.ask("window.leaving = true; for (const b of document.querySelectorAll('button')) if (b.innerText.startsWith('Put back')) b.click(); return 1");
    chrome.wait_until("return window.leaving === undefined && document.readyState === 'complete'");
    assert_eq!(chrome.ask("return document.querySelectorAll('.canvas rect.mark').length"), json!(0), "and put back");
}

/// Deciding and going from item to item by the keyboard alone.
fn keys(hands: &mut WithScript<'_>, request: &str) {
    let words = hands.open(&format!("{request}/items/0?show=all"));
    let chrome = hands.chrome;
    if words.contains("Next") {
        let before = chrome.ask("return document.getElementById('item-title').innerText + location.href");
        chrome.ask("window.leaving = true; return 1");
        chrome.press("j");
        chrome.wait_until("return window.leaving === undefined || location.hash === '#item'");
        chrome.wait_until("return document.readyState === 'complete'");
        let after = chrome.ask("return document.getElementById('item-title').innerText + location.href");
        assert_ne!(before, after, "j goes to the next item");
    }
    chrome.press("x");
    let chosen = chrome.ask("return [document.getElementById('d-exclude').checked, document.activeElement.id]");
    assert_eq!(chosen, json!([true, "reason"]), "x chooses, and the reason is next");
    chrome.press("j");
    assert_eq!(
        chrome.ask("return document.getElementById('reason').value.endsWith('j')"),
        json!(true),
        "keys do not fire in a field"
    );

    // The board by arrows.
    hands.open("/releases");
    chrome.press("ArrowRight");
    assert_eq!(chrome.ask("return document.activeElement.matches('.board a.number')"), json!(true), "arrows choose a card");
}
