//! Signals of snooping on simulated days: how much of what was planted stands on the first fifty lines of the
//! day's list (a line is a user with all that is flagged of his day), by pattern, and
//! what a day of a million acts costs.
//!
//! Usage: cargo bench --bench signals [-- tune|test|speed]      (`--profile dev` after `bench` gives the same findings)
//!
//! Written down before anything was measured:
//! - while tuning (`schemas/signals.toml` and the signs were changed by what these show): seeds 11, 12, 13; mixes `even` and
//!   `kin`.
//! - for the figures (nothing was changed after they were seen): seeds 9201, 9202, 9203, 9204; mixes `curious`, `accounts`
//!   and `quiet`. Seeds 9101 to 9104 were those of the first figures (BENCHMARKS.md) and are spent.
//!
//! Not for: pass or fail.

#[path = "hospital/mod.rs"]
mod hospital;

use std::time::Instant;

use hospital::{Mix, Pattern, Simulated, Size, found, simulate};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZE: Size = Size { users: 5_000, patients: 500_000, acts: 1_000_000 };
const TOP: usize = 50;

// Family, Neighbour, Colleague, Vip, ExPartner, OwnChart, Walking, Browsing, News, Deceased, Left
const EVEN: Mix = Mix { name: "even", counts: [3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3] };
const KIN: Mix = Mix { name: "kin", counts: [10, 5, 4, 1, 5, 4, 1, 1, 2, 3, 1] };
const CURIOUS: Mix = Mix { name: "curious", counts: [4, 2, 8, 6, 2, 2, 1, 3, 7, 2, 1] };
const ACCOUNTS: Mix = Mix { name: "accounts", counts: [4, 3, 3, 3, 4, 4, 4, 5, 0, 3, 6] };
const QUIET: Mix = Mix { name: "quiet", counts: [2, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1] };

const TUNE: ([u64; 3], [Mix; 2]) = ([11, 12, 13], [EVEN, KIN]);
const TEST: ([u64; 4], [Mix; 3]) = ([9201, 9202, 9203, 9204], [CURIOUS, ACCOUNTS, QUIET]);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("tune") => measure(&TUNE.0, &TUNE.1, arguments.get(1).is_some()),
        Some("test") => measure(&TEST.0, &TEST.1, false),
        Some("speed") => speed(),
        _ => {
            measure(&TEST.0, &TEST.1, false);
            speed();
        }
    }
}

fn measure(seeds: &[u64], mixes: &[Mix], with_noise: bool) {
    let (mut all, mut by_pattern) = ((0, 0), vec![(0, 0); Pattern::ALL.len()]);
    for mix in mixes {
        for seed in seeds {
            let simulated = simulate(*seed, SIZE, mix);
            let findings = simulated.judge(&simulated.day());
            let found = found(&simulated, &findings, TOP);
            let (mut of_day, mut words) = ((0, 0), Vec::new());
            for (sum, pattern) in by_pattern.iter_mut().zip(Pattern::ALL) {
                let (planted, hit) = found.get(&pattern).copied().unwrap_or_default();
                *sum = (sum.0 + planted, sum.1 + hit);
                of_day = (of_day.0 + planted, of_day.1 + hit);
                words.push(format!("{pattern:?} {hit}/{planted}"));
            }
            all = (all.0 + of_day.0, all.1 + of_day.1);
            println!(
                "{} seed {seed}: {}/{} in the first {TOP} of {} people with {} flags; {} acts, {} users, {} pairs",
                mix.name,
                of_day.1,
                of_day.0,
                findings.people().count(),
                findings.flags.len(),
                findings.acts,
                findings.users,
                findings.pairs
            );
            println!("    {}", words.join(", "));
            if with_noise {
                explain(&simulated, &findings);
            }
        }
    }
    println!("\npattern: planted, in the first {TOP}");
    for (pattern, (planted, hit)) in Pattern::ALL.iter().zip(&by_pattern) {
        println!("  {pattern:?}: {planted}, {hit} ({} %)", 100 * hit / planted.max(&1));
    }
    println!("  all: {}, {} ({:.1} %)", all.0, all.1, 100.0 * all.1 as f64 / all.0.max(1) as f64);
}

/// What was missed, and what stood above it.
fn explain(simulated: &Simulated, findings: &chartkeep::oversight::signals::Findings) {
    for planted in &simulated.planted {
        let rank = findings.people().position(|flags| flags.iter().any(|flag| planted.is(flag, &simulated.hospital)));
        if rank.is_none_or(|rank| rank >= TOP) {
            let score = findings
                .flags
                .iter()
                .filter(|flag| planted.is(flag, &simulated.hospital))
                .map(|flag| flag.score)
                .fold(0.0, f64::max);
            let job = simulated.hospital.users[planted.user as usize].job;
            println!("    missed {:?} by {job:?}: rank {rank:?}, score {score:.1}", planted.pattern);
        }
    }
    for (rank, flag) in findings.people().take(TOP).filter_map(|flags| flags.first()).enumerate() {
        if !simulated.planted.iter().any(|planted| planted.is(flag, &simulated.hospital)) {
            let lines: Vec<String> = flag
                .evidence
                .iter()
                .map(|line| format!("{} {:.1}", line.sign.map_or("+".into(), |s| format!("{s:?}")), line.bits))
                .collect();
            println!("    noise {rank} {} {:.1}: {}", flag.job, flag.score, lines.join(", "));
        }
    }
}

fn speed() {
    let simulated = simulate(1, SIZE, &EVEN);
    let start = Instant::now();
    let bytes: usize =
        simulated.acts.iter().map(|act| act.user.subject.len() + act.patient.as_ref().map_or(0, |p| p.as_str().len())).sum();
    let walk = start.elapsed();
    let start = Instant::now();
    let day = simulated.day();
    let taken = start.elapsed();
    let start = Instant::now();
    let findings = simulated.judge(&day);
    let judged = start.elapsed();
    println!(
        "{} acts: taken in {taken:?}, judged in {judged:?}, {} flags; {:.0} and {:.0} times a bare walk over them ({walk:?}, {bytes} bytes)",
        day.len(),
        findings.flags.len(),
        taken.as_secs_f64() / walk.as_secs_f64(),
        judged.as_secs_f64() / walk.as_secs_f64()
    );
}
