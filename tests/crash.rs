//! Sudden death: an ingest that is killed at any moment leaves the last catalog in force, and the next one needs no help.
//!
//! Not for: a server that is killed while it answers (`kill`), or disks that fail.

use std::path::Path;
use std::time::{Duration, Instant};

use chartkeep::signing::KeyRing;
use chartkeep::synth::Options;

use crate::support::archive::{accessions, in_force, records};
use crate::support::{Hospital, chartkeep, command, folder, ingest, ingest_from, init};

/// The second delivery's system: another one, so that nothing of it is a duplicate of the first's.
const OTHER: &str = "lab";
/// Kills in an ordinary run; `CHARTKEEP_HEAVY` asks for the long one.
const KILLS: u32 = 10;
const KILLS_HEAVY: u32 = 200;

/// Moments by a seed (xorshift): each from nothing to a little longer than a whole ingest.
struct Moments(u64);

impl Moments {
    fn next(&mut self, whole: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        whole.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64 * 1.1)
    }
}

#[test]
fn a_killed_ingest_leaves_the_last_catalog_in_force() {
    let first = Hospital::new(&Options { patients: 4, seed: 3, ..Options::default() });
    let second = Hospital::new(&Options { patients: 12, seed: 4, ..Options::default() });
    let home = folder();
    let archive = init(&home);
    ingest(&archive, &[&first.delivery()]).expect(1);
    let mut seen = in_force(&archive).accessions;

    // How long a whole one takes, on another archive.
    let apart = folder();
    let trial = init(&apart);
    let started = Instant::now();
    ingest_from(OTHER, &trial, &[&second.delivery()]).expect(1);
    let whole = started.elapsed();

    let kills = if std::env::var_os("CHARTKEEP_HEAVY").is_some() { KILLS_HEAVY } else { KILLS };
    let mut moments = Moments(0x5eed_0000_0000_0001);
    let mut published = 0;
    for _ in 0..kills {
        let moment = moments.next(whole);
        kill_ingest(&archive, &second.delivery(), moment);
        let check = chartkeep([Path::new("verify"), &archive, Path::new("--files-only")]);
        assert_eq!(check.code, Some(0), "killed after {moment:?}: {check:?}");
        let now = in_force(&archive).accessions;
        if now.len() > seen.len() {
            // It was through before the kill: the next run starts again from the archive as it was.
            published += 1;
            assert_eq!(records(&accessions(&archive)[1]).len() as u64, second.manifest.ledger.archived);
            reset(&archive, &first);
            seen = in_force(&archive).accessions;
        } else {
            assert_eq!(now, seen, "killed after {moment:?}");
            assert_eq!(records(&accessions(&archive)[0]).len() as u64, first.manifest.ledger.archived);
        }
    }
    println!("{kills} kills, {published} of them after the accession was published");
    let result = ingest_from(OTHER, &archive, &[&second.delivery()]).expect(1).json();
    assert_eq!(result["records"]["archived"], second.manifest.ledger.archived);
    assert!(!archive.join("building").exists(), "what the killed runs left behind is swept");
    let log = chartkeep::audit::verify(&archive, &KeyRing::load(&archive).expect("the keys read"));
    assert!(log.ok(), "{:?}", log.findings);
}

/// Starts an ingest and kills it after a while with SIGKILL.
fn kill_ingest(archive: &Path, delivery: &Path, after: Duration) {
    let words = [Path::new("ingest"), archive, delivery, Path::new("--source-system"), Path::new(OTHER)];
    let quiet = std::process::Stdio::null;
    let mut process = command(words).stdout(quiet()).stderr(quiet()).spawn().expect("the binary starts");
    std::thread::sleep(after);
    process.kill().expect("it can be killed");
    process.wait().expect("it ends");
}

/// Makes the archive anew with the first delivery in it.
fn reset(archive: &Path, first: &Hospital) {
    std::fs::remove_dir_all(archive).expect("the archive can be removed");
    std::fs::remove_dir_all(archive.with_extension("keys")).expect("so can its keys");
    chartkeep([Path::new("init"), archive]).expect(0);
    ingest(archive, &[&first.delivery()]).expect(1);
}
