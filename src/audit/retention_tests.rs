//! Entries that go: which ones, on whose word, and what can still be proved of them.
//!
//! Not for: the command (`commands::audit`).

use std::collections::BTreeMap;
use std::fs;

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::folder::LogFolder;
use super::stream::{Stream, StreamOptions};
use super::tests::{Fixture, OPTIONS};
use super::*;
use crate::model::PatientKey;
use crate::signing::{KeyRing, Signer};

fn key(text: &str) -> PatientKey {
    PatientKey::parse(text).unwrap()
}

fn years_ago(years: i64) -> Timestamp {
    Timestamp::now().to_zoned(TimeZone::UTC).checked_sub(years.years()).unwrap().timestamp()
}

/// A log with a segment for each item: how many years ago its entries were written, and their events and patients.
fn log_of(segments: &[(i64, &[(&'static str, &str)])]) -> Fixture {
    let fixture = Fixture::new();
    // Every batch fills a segment.
    let options = StreamOptions { segment_bytes_max: 1, step_bytes: 4096 };
    let (mut stream, _) = Stream::open(LogFolder::new(&fixture.archive(), FOLDER), fixture.signer.clone(), options).unwrap();
    for (years, entries) in segments {
        stream.rotate_if_due().unwrap();
        for (event, patient) in *entries {
            let entry = Entry { patients: vec![key(patient)], ..Entry::new(event) };
            stream.stage_at(entry.members(), years_ago(*years)).unwrap();
        }
        stream.commit().unwrap();
        stream.checkpoint().unwrap();
    }
    drop(stream);
    // The segment that is written to never goes.
    drop(fixture.open(OPTIONS));
    fixture
}

fn fates(fixture: &Fixture, person: &dyn Fn(&PatientKey) -> Vec<PatientKey>) -> Vec<Option<Stays>> {
    let is_kept = |patient: &PatientKey| patient.as_str() == "mer.minor";
    let found = retention_candidates(&fixture.archive(), cutoff(Timestamp::now(), 10), person, &is_kept).unwrap();
    found.into_iter().map(|candidate| candidate.stays).collect()
}

fn alone(patient: &PatientKey) -> Vec<PatientKey> {
    vec![patient.clone()]
}

const READ: &str = "record.read";

#[test]
fn a_segment_stays_while_anything_in_it_must() {
    let fixture = log_of(&[
        (13, &[(READ, "mer.1"), (READ, "mer.2")]),
        (12, &[(READ, "mer.1"), (READ, "mer.minor")]),
        (12, &[(READ, "mer.held"), (READ, "mer.1")]),
        (12, &[("hold.set", "mer.held")]),
        (11, &[(READ, "mer.held.too")]),
        (9, &[(READ, "mer.1")]),
    ]);
    let held = || Some(Stays::Hold(key("mer.held")));
    let expected = vec![None, Some(Stays::Patient(key("mer.minor"))), held(), held(), None, Some(Stays::TooYoung)];
    assert_eq!(fates(&fixture, &alone), expected);
    // A hold on one key of a person holds the others.
    let person = |patient: &PatientKey| {
        let all = [key("mer.held"), key("mer.held.too")];
        if all.contains(patient) { all.to_vec() } else { vec![patient.clone()] }
    };
    assert_eq!(fates(&fixture, &person)[4], Some(Stays::Hold(key("mer.held.too"))));
    assert_eq!(holds(&fixture.archive()).unwrap().into_keys().collect::<Vec<_>>(), [key("mer.held")]);
}

#[test]
fn a_hold_does_not_come_back_when_its_end_goes() {
    let fixture = log_of(&[
        (13, &[("hold.set", "mer.1"), (READ, "mer.minor")]),
        (12, &[("hold.cleared", "mer.1")]),
        (11, &[(READ, "mer.1")]),
        (11, &[("hold.set", "mer.2")]),
        (11, &[("hold.cleared", "mer.2")]),
    ]);
    let expected = vec![Some(Stays::Patient(key("mer.minor"))), Some(Stays::EndOfHold), None, None, None];
    assert_eq!(fates(&fixture, &alone), expected);
}

fn approval(approver: &str, reason: &str) -> Approval {
    Approval { operator: "Anna".into(), approver: approver.into(), reason: reason.into() }
}

fn retire_all(fixture: &Fixture, before: Timestamp, approval: &Approval) -> Result<(u64, u64), RetireError> {
    let ring = KeyRing::load(&fixture.archive()).unwrap();
    let candidates = retention_candidates(&fixture.archive(), before, &alone, &|_| false).unwrap();
    let log = fixture.open(OPTIONS);
    let signer: &dyn Signer = fixture.signer.as_ref();
    retire(&fixture.archive(), &ring, signer, &log, &candidates, approval, &Entry::new("audit.retired"))
}

#[test]
fn nothing_goes_on_one_word_without_a_reason_or_too_soon() {
    let fixture = log_of(&[(7, &[(READ, "mer.1")]), (3, &[(READ, "mer.1")])]);
    let before = cutoff(Timestamp::now(), 0);
    assert!((years_ago(6) - before).get_hours() == 0, "never less than six years");
    for (before, approver, reason, expected) in [
        (before, " anna ", "time", "another person"),
        (before, "", "time", "another person"),
        (before, "bert", " ", "a reason"),
        (Timestamp::now(), "bert", "time", "always stay"),
    ] {
        let error = retire_all(&fixture, before, &approval(approver, reason)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(fixture.verify().retired, 0);
    assert_eq!(retire_all(&fixture, before, &approval("bert", "time")).unwrap(), (1, 1));
}

#[test]
fn retired_entries_are_gone_and_everything_is_still_proved() {
    let many: Vec<(&'static str, &str)> = (0..300).map(|_| (READ, "mer.1")).collect();
    let fixture = log_of(&[(12, &many), (11, &[(READ, "mer.2")]), (8, &[(READ, "mer.2")])]);
    let ring = KeyRing::load(&fixture.archive()).unwrap();
    let keys = ring.verifiers(crate::signing::KeyPurpose::Audit);
    let before: Vec<Proof> =
        [0, 299, 300, 301].iter().map(|seq| prove_entry(&fixture.archive(), &ring, "s0000", *seq, None).unwrap()).collect();
    assert_eq!(retire_all(&fixture, cutoff(Timestamp::now(), 10), &approval("bert", "ten years")).unwrap(), (2, 301));

    let sound = || {
        let report = fixture.verify();
        assert_eq!((report.findings.as_slice(), report.retired), (&[][..], 301));
    };
    sound();
    assert!(!fixture.entries().iter().any(|entry| serde_json::json!(entry).to_string().contains("mer.1\"")));
    let told: Vec<_> = fixture.entries().into_iter().filter(|entry| entry["event"] == "audit.retired").collect();
    assert_eq!((told.len(), told[0]["detail"]["approver"].as_str()), (2, Some("bert")));
    for (seq, old) in [0, 299, 300, 301].into_iter().zip(&before) {
        check_proof(old, &keys).unwrap();
        let new = prove_entry(&fixture.archive(), &ring, "s0000", seq, None).unwrap();
        let Proved::Entry { entry, .. } = check_proof(&new, &keys).unwrap() else { panic!("{new:?}") };
        assert_eq!(entry.is_some(), seq == 301);
    }
    // The log goes on, and its hashes can be made again from what is left.
    fs::remove_file(fixture.stream_dir().join("tiles/1")).unwrap();
    assert!(!fixture.verify().ok());
    drop(fixture.open(OPTIONS));
    sound();

    // A crash between the note and the removal.
    let names: BTreeMap<String, Vec<u8>> = fs::read_dir(fixture.stream_dir())
        .unwrap()
        .map(Result::unwrap)
        .filter(|file| file.path().is_file())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    for (name, good) in names.iter().filter(|(name, _)| name.ends_with(".retired")) {
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(fixture.stream_dir().join(name), bytes).unwrap();
            assert!(!fixture.verify().ok(), "{name} byte {at}");
        }
        fs::remove_file(fixture.stream_dir().join(name)).unwrap();
        assert!(!fixture.verify().ok(), "{name} taken away");
        fs::write(fixture.stream_dir().join(name), good).unwrap();
    }
    let mut hashes = fs::read(fixture.stream_dir().join("tiles/0")).unwrap();
    hashes[40] ^= 1;
    fs::write(fixture.stream_dir().join("tiles/0"), hashes).unwrap();
    assert!(!fixture.verify().ok());
}

#[test]
fn a_segment_that_is_not_as_it_was_signed_does_not_go() {
    let fixture = log_of(&[(12, &[(READ, "mer.1"), (READ, "mer.2")]), (11, &[(READ, "mer.1")])]);
    let tiles = fixture.stream_dir().join("tiles/0");
    let good = fs::read(&tiles).unwrap();
    let mut bytes = good.clone();
    bytes[3] ^= 1;
    fs::write(&tiles, bytes).unwrap();
    let before = cutoff(Timestamp::now(), 10);
    assert!(matches!(retire_all(&fixture, before, &approval("bert", "time")), Err(RetireError::Log(LogError::Damaged { .. }))));
    fs::write(&tiles, good).unwrap();
    assert_eq!(retire_all(&fixture, before, &approval("bert", "time")).unwrap(), (2, 3));
}
