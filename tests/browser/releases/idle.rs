//! A redaction that took nothing out of the pages, on its way through review and approval.
//!
//! Not for: what the proof of redactions finds (`release::redaction`).

use super::*;

/// A redaction that took nothing out is confirmed by whoever sends the pages on and by whoever approves them. That holds at the
/// server: a form without the box does nothing, whatever the page asked for.
#[test]
fn nothing_goes_on_unless_a_redaction_that_took_nothing_out_is_confirmed() {
    const ASKED: &str = "Some redactions took nothing out. Confirm";
    let office = Office::new();
    let (ann, ben) = (Signed::known(&office.server, "ann"), Signed::known(&office.server, "ben"));
    let samples = office.hospital.manifest.sample_patients.iter();
    let patient = samples.min_by_key(|sample| sample.records.values().sum::<u64>()).expect("people");
    let (mut ann, mut ben) = (Without::new(&ann), Without::new(&ben));
    let request = prepare(&mut ann, patient);
    ann.open(&format!("{request}/redact/0"));
    let term = [("do", "term"), ("term", "Zauberbergquist"), ("reason", "R-1")];
    let (_, words) = ann.send(&ann.action_of("Take these words out"), &term, None);
    assert!(words.contains("Zauberbergquist"), "{words}");
    ann.open(&request);
    ann.send(&format!("{request}/preview"), &[], None);
    made(&mut ann, &request, "The pages are there");

    let (review, approve) = (format!("{request}/review/0"), format!("{request}/approve"));
    assert!(look(&mut ben, &review).contains("One redaction took nothing out"));
    let (at, words) = ben.send(&review, &[], None);
    assert!(at == review && words.contains(ASKED), "{at}: {words}");
    assert!(!ben.open(&approve).contains("You approve the exact preview"), "it is not under approval yet");
    ben.open(&review);
    let (at, words) = ben.send(&review, &[("idle", "1")], None);
    assert_eq!(at, request, "{words}");

    assert!(ben.open(&approve).contains("You approve the exact preview"));
    let sentences = [("saw", "1"), ("authority", "1"), ("left", "1")];
    let (at, words) = ben.send(&approve, &sentences, Some(("then", "approve")));
    assert!(at == approve && words.contains(ASKED), "{at}: {words}");
    assert!(!ben.open(&request).contains("Build and sign the package"), "it is not approved");
    ben.open(&approve);
    let all = [&sentences[..], &[("idle", "1")]].concat();
    let (_, words) = ben.send(&approve, &all, Some(("then", "approve")));
    assert!(words.contains("Build and sign the package"), "{words}");
}
