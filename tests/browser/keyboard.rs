//! Whole ways through the viewer by the keyboard alone: nothing is clicked, and wherever the focus goes it can be seen.
//!
//! Not for: the keys within the release workspace (`releases`).

use std::time::Duration;

use serde_json::json;

use chartkeep::synth::SamplePatient;

use super::chrome::{Chrome, Seen, chrome, of};
use super::hands::{Office, Without, own_access, verified};
use super::site::{Site, site};
use super::world::Signed;
use crate::gate::harness::PASSWORD;

/// So many stops a page may have before what is wanted.
const STOPS: usize = 250;

/// Somebody without a pointer.
struct Keyboard<'c> {
    chrome: &'c Chrome,
    own: String,
}

impl Keyboard<'_> {
    /// Writes where the focus is.
    fn write(&self, text: &str) {
        self.chrome.write_here(text);
    }

    /// Presses a key that leads to another page, which is quiet and says this.
    #[track_caller]
    fn go(&self, key: &str, words: &str) {
        let seen = self.chrome.watch(|chrome| chrome.press_and_wait(key));
        self.expect(&seen, words);
    }

    #[track_caller]
    fn expect(&self, seen: &Seen, words: &str) {
        seen.expect_quiet(words, &self.own);
        let said = self.chrome.words();
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }

    /// Goes from stop to stop until the one that says so, and no further.
    #[track_caller]
    fn tab_to(&self, words: &str) {
        const HERE: &str = "const e = document.activeElement, look = getComputedStyle(e);
            const labels = [...(e.labels ?? [])].map(l => l.innerText).concat(e.getAttribute('aria-label') ?? '', e.matches('body, input, textarea, select') ? '' : e.innerText);
            const edge = look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 2;
            return [labels.join(' ').replace(/\\s+/g, ' ').trim(), edge || e === document.body, e.outerHTML.slice(0, 120)]";
        let mut stops = Vec::new();
        for _ in 0..STOPS {
            self.chrome.press("Tab");
            let here = self.chrome.ask(HERE);
            assert_eq!(here[1], json!(true), "the focus is not seen on {}", here[2]);
            let said = here[0].as_str().unwrap_or_default().to_string();
            if said.contains(words) {
                return;
            }
            stops.push(said);
        }
        panic!("no stop says {words:?}: {stops:?}");
    }

    /// Goes on to the field of a form that has this name.
    #[track_caller]
    fn tab_to_field(&self, name: &str) {
        for _ in 0..STOPS {
            self.chrome.press("Tab");
            if self.chrome.ask("return document.activeElement.name ?? null") == json!(name) {
                return;
            }
        }
        panic!("no stop is {name}");
    }

    /// Ticks a box, unless it is ticked.
    #[track_caller]
    fn tick(&self, words: &str) {
        self.tab_to(words);
        if self.chrome.ask("return document.activeElement.checked") != json!(true) {
            self.chrome.press(" ");
        }
        assert_eq!(self.chrome.ask("return document.activeElement.checked"), json!(true), "{words}");
    }

    /// Opens an address, as a bookmark does.
    #[track_caller]
    fn open(&self, path: &str, words: &str) {
        let seen = self.chrome.open(&format!("{}{path}", self.own));
        self.expect(&seen, words);
    }

    /// Opens an address again until it says so.
    #[track_caller]
    fn wait_for(&self, path: &str, words: &str) {
        for _ in 0..400 {
            self.open(path, "");
            if self.chrome.words().contains(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        panic!("waited in vain for {words:?}: {}", self.chrome.words());
    }

    /// Goes from flagged page to flagged page until none is left.
    #[track_caller]
    fn look_at_flagged(&self, review: &str) {
        self.open(review, "Is it complete?");
        while self.chrome.ask("return document.querySelector('a[data-key=u]') !== null") == json!(true) {
            self.go("u", "Is it complete?");
        }
    }

    /// Follows what says so.
    #[track_caller]
    fn follow(&self, link: &str, words: &str) {
        self.tab_to(link);
        self.go("Enter", words);
    }
}

#[track_caller]
fn signed_in<'c>(chrome: &'c Chrome, site: &Site, role: &str) -> Keyboard<'c> {
    signed_in_at(chrome, &site.server.address, &format!("site-{role}"))
}

#[track_caller]
fn signed_in_at<'c>(chrome: &'c Chrome, address: &str, account: &str) -> Keyboard<'c> {
    chrome.forget_cookies();
    let keyboard = Keyboard { chrome, own: address.to_string() };
    keyboard.open("/signin", "Sign in");
    keyboard.write(account);
    keyboard.tab_to("Password");
    keyboard.write(PASSWORD);
    keyboard.go("Enter", "Sign out");
    keyboard
}

#[test]
fn a_clinician_goes_from_signing_in_to_a_printed_note_by_the_keyboard_alone() {
    let Some(chrome) = chrome() else { return };
    let (chrome, site) = (of(&chrome), site());
    let (facts, hands) = (&site.facts, signed_in(&chrome, &site, "clinician"));
    // The search has the focus already.
    hands.write(&format!("{} {}", facts["family"], facts["born"]));
    hands.go("Enter", "Is this the patient?");
    chrome.press("ArrowDown");
    hands.go("Enter", "Summary");
    hands.follow("Hemoglobin A1c", "4.0–5.6");
    chrome.press("g");
    hands.go("d", "Notes and documents");
    hands.follow("2015-08-28", "Digest checked at opening");
    // From anywhere to the search, and out of it.
    chrome.press("/");
    hands.write("discharge");
    hands.go("Enter", "Words in this chart");
    hands.follow("Discharge summary", "Digest checked at opening");
    hands.follow("Print", "Not the certified record");
}

#[test]
fn health_information_writes_a_request_down_by_the_keyboard_alone() {
    let Some(chrome) = chrome() else { return };
    let (chrome, site) = (of(&chrome), site());
    let (facts, hands) = (&site.facts, signed_in(&chrome, &site, "him"));
    hands.follow("Releases", "Release requests");
    hands.follow("New request", "On what authority");
    hands.tab_to("The patient's own access");
    chrome.press(" ");
    hands.follow("Go on", "What this basis asks");
    let name = format!("{}, {}", facts["family"], facts["given"]);
    let script = "const form = document.querySelector('form[method=post].form, main form[method=post]');
        return [...form.elements].filter(e => e.required && e.type !== 'hidden' && !e.value).map(e => e.name)";
    let asked = chrome.ask(script);
    // Whatever the form asks for is written in its order.
    for field in asked.as_array().into_iter().flatten().filter_map(|field| field.as_str()) {
        hands.tab_to_field(field);
        hands.write(if field.ends_with("-name") && field.starts_with("subject") { &name } else { "Rose Requester" });
    }
    hands.tab_to("Write down and begin verification");
    let seen = chrome.watch(|chrome| chrome.press_and_wait("Enter"));
    let words = chrome.words();
    assert!(words.contains("Verif"), "{}: {words}", seen.url);
}

#[test]
fn a_request_is_chosen_reviewed_approved_sealed_and_delivered_by_the_keyboard_alone() {
    let Some(chrome) = chrome() else { return };
    let (chrome, office) = (of(&chrome), Office::new());
    let request = {
        let ann = Signed::known(&office.server, "ann");
        let patients = &office.hospital.manifest.sample_patients;
        let smallest: &SamplePatient = patients.iter().min_by_key(|it| it.records.values().sum::<u64>()).expect("people");
        verified(&mut Without::new(&ann), &own_access(&[smallest]))
    };
    let (address, review) = (&office.server.address, format!("{request}/review/0"));
    let ann = signed_in_at(&chrome, address, "ann");
    ann.open(&request, "Choose what goes out");
    ann.follow("Choose records", "Demographics");
    ann.follow("Freeze this choice", "Review and redact");
    ann.follow("Decide flagged items", "Back to the request");
    for _ in 0..40 {
        if !chrome.words().contains(" to decide") {
            break;
        }
        ann.tab_to("Goes out");
        chrome.press(" ");
        ann.tab_to("Reason");
        ann.write("Checked: it is this patient’s");
        ann.follow("Decide and go to the next", "");
    }
    ann.follow("Back to the request", "Review and redact");
    ann.follow("Make the pages", "");
    ann.wait_for(&request, "The pages are there");
    ann.look_at_flagged(&review);
    ann.follow("Send for approval", "Approval by a second person");
    ann.follow("Sign out", "Sign in");

    let ben = signed_in_at(&chrome, address, "ben");
    ben.look_at_flagged(&review);
    ben.open(&request, "Approval by a second person");
    ben.follow("Go to approval", "You approve the exact preview");
    for words in ["I looked at all", "The recipient and the authority are right", "left out for the stated reasons"] {
        ben.tick(words);
    }
    ben.follow("Approve", "Build and sign the package");
    ben.follow("Seal the package", "");
    ben.wait_for(&request, "Deliver the package");
    ben.follow("Deliver the package", "Hand it out");
    ben.tick("Package of");
    ben.tick("The recipient and the address are those of the request");
    ben.follow("Hand it out", "Handed out");
    ben.follow("Back to the request", "Did it arrive?");
}

#[test]
fn compliance_sees_who_looked_and_gives_a_verdict_by_the_keyboard_alone() {
    let Some(chrome) = chrome() else { return };
    let (chrome, site) = (of(&chrome), site());
    let hands = signed_in(&chrome, &site, "compliance");
    hands.follow("Compliance", "Newest acts");
    hands.tab_to("Patient key in this archive");
    hands.write(&site.facts["both"]);
    hands.go("Enter", "By person and day");
    hands.follow("Break-glass reviews", "Break-glass reviews");
    hands.follow("Hugo Hwang-Test", "Your verdict");
    hands.tab_to("Appropriate");
    for _ in 0..2 {
        chrome.press("ArrowDown");
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(chrome.ask("return document.activeElement.value"), json!("needs-information"));
    hands.tab_to("Comment");
    hands.write("Asked the unit, without a mouse.");
    hands.follow("Record the verdict", "Break-glass reviews");
    hands.follow("Hugo Hwang-Test", "Asked the unit, without a mouse.");
}
