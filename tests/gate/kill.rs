//! A server that is killed while it answers: every answer that a client got has its entry in a log that verifies.
//!
//! Not for: an ingest that is killed (`crash`).

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::disk::copied;
use super::harness::{entries_by_request, key};
use crate::support::{Server, audited, chartkeep, folder, hospital, token};

/// Kills in an ordinary run; `CHARTKEEP_KILLS` asks for more, `CHARTKEEP_KILL_SEED` for others (`ops/kill`).
const KILLS: u64 = 5;
const SEED: u64 = 2;
const CLIENTS: usize = 4;
/// Kills after which the log is looked at in between.
const LOOK_EVERY: u64 = 100;

#[test]
fn every_answer_before_a_kill_has_its_entry() {
    let home = folder();
    let archive = copied(home.path());
    let token = token(&archive, "clinician");
    let patients: Vec<String> = hospital().manifest.sample_patients.iter().map(|patient| key(&patient.id)).collect();
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (kills, seed) = (asked("CHARTKEEP_KILLS").unwrap_or(KILLS), asked("CHARTKEEP_KILL_SEED").unwrap_or(SEED));
    let mut state: u64 = (0x5eed << 48) ^ seed;
    let answered = Mutex::new(Vec::new());
    let next = AtomicU64::new(0);
    for kill in 0..kills {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let moment = Duration::from_millis(30 + state % 500);
        let server = Server::start(&archive);
        let (address, pid) = (server.address.clone(), server.pid().to_string());
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let patient = &patients[number as usize % patients.len()];
                        let id = format!("kill-{number}");
                        if read(&address, &format!("/api/v1/patients/{patient}/chart"), &token, &id) {
                            answered.lock().unwrap().push(id);
                        }
                    }
                });
            }
            std::thread::sleep(moment);
            let done = std::process::Command::new("kill").args(["-9", &pid]).status().expect("kill");
            assert!(done.success());
            over.store(true, Ordering::Relaxed);
        });
        drop(server);
        if (kill + 1) % LOOK_EVERY == 0 {
            look(&archive, &answered.lock().unwrap(), seed);
        }
    }
    let answered = answered.into_inner().unwrap();
    assert!(answered.len() as u64 > kills, "the kills came too early to show anything");
    look(&archive, &answered, seed);
    println!("{kills} kills with seed {seed}: {} answers, every one with its entry", answered.len());
}

/// What a death tore off is put right by whoever opens the log next; nothing else may need it, and no second time.
fn look(archive: &Path, answered: &[String], seed: u64) {
    drop(Server::start(archive));
    chartkeep([Path::new("audit"), Path::new("verify"), archive]).expect(0);
    let recovered = audited(archive, "audit.recovered").len();
    drop(Server::start(archive));
    assert_eq!(audited(archive, "audit.recovered").len(), recovered, "recovered twice; seed {seed}");
    let entries = entries_by_request(archive);
    let lost: Vec<&String> = answered.iter().filter(|id| !entries.contains_key(*id)).collect();
    assert!(lost.is_empty(), "seed {seed}: {} of {} answers without an entry: {lost:?}", lost.len(), answered.len());
}

/// Whether the whole answer came. A connection that breaks is what this test is about.
fn read(address: &str, path: &str, token: &str, id: &str) -> bool {
    let request = ureq::get(format!("{address}{path}")).header("authorization", format!("Bearer {token}"));
    match request.header("x-request-id", id).call() {
        Ok(mut response) => response.body_mut().read_to_vec().is_ok(),
        Err(_) => false,
    }
}
