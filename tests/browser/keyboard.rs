//! Whole ways through the viewer by the keyboard alone: nothing is clicked, and wherever the focus goes it can be seen.
//!
//! Not for: the keys within the release workspace (`releases`).

use std::time::Duration;

use serde_json::json;

use super::chrome::{Chrome, Seen, chrome, of};
use super::site::{Site, site};

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

    /// Follows what says so.
    #[track_caller]
    fn follow(&self, link: &str, words: &str) {
        self.tab_to(link);
        self.go("Enter", words);
    }
}

#[track_caller]
fn signed_in<'c>(chrome: &'c Chrome, site: &Site, role: &str) -> Keyboard<'c> {
    chrome.forget_cookies();
    let keyboard = Keyboard { chrome, own: site.server.address.clone() };
    chrome.open(&format!("{}/signin", keyboard.own)).expect_quiet("sign-in", &keyboard.own);
    keyboard.write(&format!("site-{role}"));
    keyboard.tab_to("Password");
    keyboard.write(&site.facts["password"]);
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
