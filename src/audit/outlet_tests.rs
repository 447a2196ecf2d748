//! Copies that leave the archive: the witness folder, whether it is there or not, and the buffer of the collector.
//!
//! Not for: the collector itself (`outbound::syslog`).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::tests::{Fixture, OPTIONS, entry};
use super::*;
use crate::config::{AuditConfig, SyslogTarget};
use crate::signing::KeyRing;

fn open(fixture: &Fixture, config: &AuditConfig) -> AuditLog {
    AuditLog::open_all(&fixture.archive(), fixture.signer.clone(), Options { checkpoint_entries: 2, ..OPTIONS }, config).unwrap()
}

fn to_witness(dir: &Path) -> AuditConfig {
    AuditConfig { witness: Some(dir.to_path_buf()), ..AuditConfig::default() }
}

fn own(fixture: &Fixture) -> String {
    fs::read_to_string(fixture.stream_dir().join("checkpoints")).unwrap()
}

#[test]
fn a_witness_that_is_away_is_not_waited_for_and_catches_up() {
    let fixture = Fixture::new();
    let witness = fixture.dir.path().join("witness");
    let before = Instant::now();
    let log = open(&fixture, &to_witness(&witness));
    (0..20).for_each(|number| drop(log.append(entry(number)).unwrap()));
    assert!(log.healthy());
    log.close();
    assert!(before.elapsed() < Duration::from_secs(5) && !witness.exists(), "it is not made by us");

    fs::create_dir(&witness).unwrap();
    let log = open(&fixture, &to_witness(&witness));
    log.append(entry(20)).unwrap();
    log.close();
    let there = fs::read_to_string(witness.join("s0000.checkpoints")).unwrap();
    assert_eq!(there, own(&fixture));
}

#[test]
fn what_a_witness_has_is_never_written_over() {
    let fixture = Fixture::new();
    let witness = fixture.dir.path().join("witness");
    fs::create_dir(&witness).unwrap();
    open(&fixture, &to_witness(&witness)).close();
    // A line that was cut short, as by a crash there.
    let file = witness.join("s0000.checkpoints");
    let mut text = fs::read_to_string(&file).unwrap() + "chartkeep/audit/s0000\n7\nAAA";
    fs::write(&file, &text).unwrap();
    open(&fixture, &to_witness(&witness)).close();
    let now = fs::read_to_string(&file).unwrap();
    assert!(now.starts_with(&text) && now.len() > text.len());
    let ring = KeyRing::load(&fixture.archive()).unwrap();
    let check = || verify_against(&fixture.archive(), &ring, Against { witness: Some(&witness), from: None });
    let report = check();
    assert_eq!((report.findings.as_slice(), report.unwitnessed.len()), (&[][..], 0));
    assert_eq!(report.witnessed, report.checkpoints);

    // A log that forgot what the witness knows adds to it all the same, and the check tells.
    text = now;
    fs::remove_dir_all(fixture.archive().join("audit")).unwrap();
    open(&fixture, &to_witness(&witness)).close();
    let now = fs::read_to_string(&file).unwrap();
    assert!(now.starts_with(&text) && now.len() > text.len());
    assert!(!check().ok());
}

#[test]
fn checkpoints_and_entries_wait_for_a_collector_that_is_away() {
    let fixture = Fixture::new();
    let target = SyslogTarget { address: "localhost:9".into(), ca_file: None, entries: true };
    let config = AuditConfig { syslog: Some(target), ..AuditConfig::default() };
    let log = open(&fixture, &config);
    assert!(log.syslog().is_some());
    let giant = Entry { patients: vec![crate::model::PatientKey::parse("mer.7").unwrap(); 3_000], ..entry(1) };
    log.append(giant).unwrap();
    log.close();
    drop(log);
    let mut buffered = String::new();
    for file in fs::read_dir(fixture.archive().join("syslog")).unwrap() {
        buffered += &fs::read_to_string(file.unwrap().path()).unwrap();
    }
    assert_eq!(buffered.matches(" AUDIT+ENTRY - \u{feff}{\"stream\":\"s0000\",").count(), 2, "{buffered}");
    assert!(buffered.contains("\"event\":\"app.start\"") && buffered.contains("\"event\":\"app.stop\""));
    assert!(buffered.contains("\"truncated\":true"), "a long entry goes by its digest");
    assert!(buffered.contains(" AUDIT+CHECKPOINT - \u{feff}{\"checkpoint\":\"chartkeep/audit/s0000\\n"));
    assert_eq!(fixture.verify().findings, []);
    let wrong = SyslogTarget { address: "nowhere".into(), ca_file: None, entries: false };
    let config = AuditConfig { syslog: Some(wrong), ..AuditConfig::default() };
    assert!(AuditLog::open_configured(&fixture.archive(), fixture.signer.clone(), &config).is_err());
}

#[test]
fn without_room_on_the_disk_nothing_is_taken() {
    let fixture = Fixture::new();
    let reserve = Reserve { bytes: u64::MAX, percent: 5 };
    let log = fixture.open(Options { reserve, ..OPTIONS });
    assert_eq!(log.append(entry(0)), Err(AuditError::NoRoom));
    assert!(!log.healthy());
    assert_eq!(log.append(entry(0)), Err(AuditError::NoRoom));
    // What was taken is still proved, and the end is written from what is reserved.
    log.checkpoint().unwrap();
    log.close();
    assert_eq!(fixture.verify().findings, []);
    assert_eq!(fixture.entries().len(), 2);
    assert!(fixture.open(OPTIONS).append(entry(0)).is_ok());
}
