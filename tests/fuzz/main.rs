//! Hostile bytes for every reader: inputs are damaged by a seed and read; nothing may panic, hang, or take more memory
//! than a bound. And the mutation check: a good delivery, one byte of it damaged, through the real commands.
//!
//! A program of its own, not a list of tests: each target runs in a process that the parent watches, under a limit of
//! memory, so that an overflowing stack or an endless loop is a finding with a number and not the end of the run.
//! `ops/fuzz` runs it long; EVIDENCE.md has the results.
//!
//! Not for: what a reader makes of good input; its own tests say that.

mod archive;
mod check;
mod dice;
mod marks;
mod mutate;
mod mutation;
mod parent;
mod seeds;
mod targets;
mod worker;

use std::process::ExitCode;

/// What is run, from the environment: the same values give the same inputs.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// `CHARTKEEP_FUZZ_SECONDS`: how long each target goes on.
    seconds: f64,
    /// `CHARTKEEP_FUZZ_RUNS`: how many deliveries the mutation check damages; for other targets, most inputs.
    runs: Option<u64>,
    /// `CHARTKEEP_FUZZ_SEED`.
    seed: u64,
    /// `CHARTKEEP_FUZZ_FIRST`: the number of the first input; with `CHARTKEEP_FUZZ_RUNS=1` it is run alone.
    first: u64,
}

/// Seconds for a target in an ordinary run of the tests.
const SECONDS: f64 = 5.0;
/// The seed of an ordinary run.
const SEED: u64 = 3;

fn main() -> ExitCode {
    let plan = Plan {
        seconds: number("CHARTKEEP_FUZZ_SECONDS").unwrap_or(SECONDS),
        runs: number("CHARTKEEP_FUZZ_RUNS"),
        seed: number("CHARTKEEP_FUZZ_SEED").unwrap_or(SEED),
        first: number("CHARTKEEP_FUZZ_FIRST").unwrap_or(0),
    };
    if let Ok(target) = std::env::var(parent::TARGET) {
        worker::run(&target, plan);
        return ExitCode::SUCCESS;
    }
    // Words choose targets, as they choose tests; options of the test runner mean nothing here.
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    // As the usual harness takes its words: names to run, and behind each `--skip` one to leave out.
    let (mut asked, mut skipped) = (Vec::new(), Vec::new());
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--skip" => skipped.extend(rest.next()),
            flag if flag.starts_with('-') => {}
            _ => asked.push(word),
        }
    }
    let holds = |words: &[&String], name: &str| words.iter().any(|word| name.contains(word.as_str()));
    let is_asked = |name: &str| (asked.is_empty() || holds(&asked, name)) && !holds(&skipped, name);
    let names: Vec<&str> = targets::names().filter(|name| is_asked(name)).collect();
    parent::run(&names, plan)
}

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}
