//! What the reports on the access log cost: a made-up log is written, projected, and asked.
//!
//! Usage: cargo bench --bench oversight -- FOLDER [ENTRIES]   (1,000,000 entries when not said)
//! A FOLDER of an earlier run is not written again: its reports are asked alone, each three times.
//!
//! Not for: pass or fail. It prints rates, sizes and milliseconds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chartkeep::audit::{Action, AuditError, AuditLog, Entry, User};
use chartkeep::model::{AccessionId, PatientKey, Place};
use chartkeep::oversight::reports::{Ask, Question, Version, make};
use chartkeep::oversight::{Projection, UserId};
use chartkeep::signing::{KeyPurpose, default_private_dir, init_keys, load_signer};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const USERS: u64 = 3_000;
const PATIENTS: u64 = 400_000;
const EVENTS: [&str; 6] = ["record.read", "record.read", "record.read", "patient.search", "record.search", "document.view"];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let Some(folder) = words.first().map(PathBuf::from) else {
        println!("usage: cargo bench --bench oversight -- FOLDER [ENTRIES]");
        return;
    };
    let entries = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(1_000_000);
    let archive = folder.join("archive");
    if archive.join("oversight.db").exists() {
        let projection = Projection::open(&archive).expect("opens");
        for _ in 0..3 {
            ask(&projection);
        }
        return;
    }
    std::fs::create_dir_all(&archive).expect("a new folder");
    init_keys(&archive, &default_private_dir(&archive)).expect("keys");
    timed("log written", || write_log(&archive, entries));
    let projection = Projection::open(&archive).expect("opens");
    let took = timed("log projected", || {
        projection.catch_up().expect("fills");
    });
    let bytes = std::fs::metadata(archive.join("oversight.db")).map_or(0, |it| it.len());
    let rate = entries as f64 / took.as_secs_f64();
    println!("{rate:.0} entries/s, {:.1} MB, {:.0} bytes an entry", bytes as f64 / 1e6, bytes as f64 / entries as f64);
    ask(&projection);
}

fn timed(name: &str, work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    let took = started.elapsed();
    println!("{name:44} {:10.1} ms", took.as_secs_f64() * 1000.0);
    took
}

fn write_log(archive: &Path, entries: u64) {
    let signer = load_signer(&default_private_dir(archive), KeyPurpose::Audit).expect("a key");
    let log = AuditLog::open(archive, Arc::new(signer)).expect("opens");
    let accession = AccessionId::parse("acc-0123456789abcdef").expect("an id");
    let mut dice = StdRng::seed_from_u64(7);
    for number in 0..entries {
        let user = dice.random_range(0..USERS);
        // One patient of whom many know, and one person who looks at more than others.
        let patient = if number.is_multiple_of(400) { 1 } else { dice.random_range(0..PATIENTS) };
        let user = if number.is_multiple_of(50) { 1 } else { user };
        let ordinals = 0..dice.random_range(1..60);
        let entry = || Entry {
            action: Action::Read,
            user: Some(User {
                iss: "local".into(),
                sub: format!("u{user}"),
                name: format!("User {user}"),
                roles: vec![if user % 10 == 0 { "him" } else { "clinician" }.into()],
            }),
            patients: vec![PatientKey::parse(&format!("mer.{patient}")).expect("a key")],
            shown: ordinals.clone().map(|ordinal| Place { accession: accession.clone(), generation: 1, ordinal }).collect(),
            purpose: Some("TREAT"),
            ip: Some(format!("10.0.{}.{}", user / 250, user % 250)),
            ..Entry::new(EVENTS[(number % 6) as usize])
        };
        while let Err(AuditError::Overloaded) = log.enqueue(entry()) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    log.close();
}

fn ask(projection: &Projection) {
    let patient = PatientKey::parse("mer.1").expect("a key");
    let user = |name: &str| Question::User(UserId { issuer: "local".into(), subject: name.into() });
    let full = |question: &Question| matches!(question, Question::Patient(_));
    for (name, question) in [
        ("who saw the patient of whom many know", Question::Patient(vec![patient.clone()])),
        ("the same by person and day", Question::PatientByDay(vec![patient.clone()])),
        ("what the busiest person saw", user("u1")),
        ("what a person saw", user("u77")),
        ("break-glass", Question::BreakGlass),
        ("days that stand out", Question::Volume(false)),
        (
            "disclosures",
            Question::Disclosures { patients: vec![patient], suspended: Vec::new(), summarised: false, request: None },
        ),
    ] {
        let page = Ask { limit: 100, ..Ask::default() };
        timed(name, || drop(make(projection, &question, &page).expect("a report")));
        if full(&question) {
            timed("the same for litigation", || {
                drop(make(projection, &question, &Ask { version: Version::Full, ..page }).expect("a report"));
            });
        }
    }
}
