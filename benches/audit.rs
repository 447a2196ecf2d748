//! The durable entry: how many a second 64 callers get acknowledged, how long one takes, and what the disk adds to it
//! (the same on a RAM disk).
//!
//! Usage: cargo bench --bench audit -- [FOLDER [SECONDS]]. The log goes below FOLDER (here when not given), and below
//! /dev/shm where there is one.
//!
//! Not for: pass or fail, and the whole of a request (`ops/bench/http.sh`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chartkeep::audit::{Action, AuditLog, Entry, QueryText, User, verify};
use chartkeep::model::{AccessionId, Kind, PatientKey, Place};
use chartkeep::signing::{KeyPurpose, KeyRing, init_keys, load_signer};

const CALLERS: usize = 64;
const RAM_DISK: &str = "/dev/shm";

/// What an open chart of 340 records leaves behind.
fn chart_read(number: usize) -> Entry {
    let accession = AccessionId::parse("acc-0123456789abcdef").expect("an id");
    let place = |ordinal| Place { accession: accession.clone(), generation: 1, ordinal };
    let first = number as u64 * 340;
    Entry {
        action: Action::Read,
        user: Some(User {
            iss: "local".into(),
            sub: format!("u{number}"),
            name: "Dr. A".into(),
            roles: vec!["clinician".into()],
        }),
        session: Some("00112233445566778899aabbccddeeff".into()),
        ip: Some("10.0.0.1".into()),
        patients: vec![PatientKey::parse(&format!("mer.{number}")).expect("a key")],
        shown: (first..first + 340).map(place).collect(),
        kinds: vec![Kind::PATIENT],
        purpose: Some("TREAT"),
        query: Some(QueryText { method: "GET".into(), path: format!("/chart/mer.{number}"), ..QueryText::default() }),
        request_id: Some(number.to_string()),
        ..Entry::new("record.read")
    }
}

struct Measured {
    per_second: f64,
    p50: f64,
    p99: f64,
    max: f64,
}

/// Appends from so many threads for a while; times in milliseconds.
fn measure(log: &AuditLog, callers: usize, time: Duration) -> Measured {
    let started = Instant::now();
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|caller| {
                scope.spawn(move || {
                    let (mut times, entry) = (Vec::new(), chart_read(caller));
                    while started.elapsed() < time {
                        let entry = entry.clone();
                        let before = Instant::now();
                        log.append(entry).expect("an entry");
                        times.push(before.elapsed().as_secs_f64() * 1000.0);
                    }
                    times
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a caller")).collect()
    });
    let per_second = times.len() as f64 / started.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let at = |q: f64| times[((times.len() as f64 * q) as usize).min(times.len() - 1)];
    Measured { per_second, p50: at(0.5), p99: at(0.99), max: at(1.0) }
}

/// A log below `folder`, measured with one caller and with many.
fn run(folder: &Path, time: Duration) -> [Measured; 2] {
    let dir = tempfile::tempdir_in(folder).expect("a folder");
    let (archive, private) = (dir.path().join("archive"), dir.path().join("keys"));
    init_keys(&archive, &private).expect("keys");
    let signer = load_signer(&private, KeyPurpose::Audit).expect("the key");
    let log = AuditLog::open(&archive, Arc::new(signer)).expect("the log");
    measure(&log, CALLERS, Duration::from_secs(1));
    let measured = [1, CALLERS].map(|callers| {
        let found = measure(&log, callers, time);
        println!(
            "{:24} {callers:3} callers: {:7.0} entries/s  p50 {:7.3} ms  p99 {:7.3} ms  max {:7.3} ms",
            folder.display(),
            found.per_second,
            found.p50,
            found.p99,
            found.max
        );
        found
    });
    log.close();
    let started = Instant::now();
    let report = verify(&archive, &KeyRing::load(&archive).expect("the ring"));
    assert!(report.ok(), "{:?}", report.findings);
    println!("{:24} {} entries verified in {:.1} s", "", report.entries, started.elapsed().as_secs_f64());
    measured
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let folder = arguments.first().map_or_else(|| PathBuf::from("."), PathBuf::from);
    let time = Duration::from_secs(arguments.get(1).and_then(|s| s.parse().ok()).unwrap_or(5));
    let disk = run(&folder, time);
    if !Path::new(RAM_DISK).is_dir() {
        println!("no RAM disk at {RAM_DISK}: nothing to compare with");
        return;
    }
    let ram = run(Path::new(RAM_DISK), time);
    for (disk, ram) in disk.iter().zip(&ram) {
        println!(
            "the disk adds {:.3} ms at p50 (ratio {:.2}), {:.3} ms at p99",
            disk.p50 - ram.p50,
            disk.p50 / ram.p50,
            disk.p99 - ram.p99
        );
    }
}
