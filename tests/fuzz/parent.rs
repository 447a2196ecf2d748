//! Runs each target in a process of its own and tells what came of it.
//!
//! Not for: making or reading inputs (`worker`).

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::Plan;
use super::worker::{HOME, PLACE};

/// Names the target to a worker.
pub const TARGET: &str = "CHARTKEEP_FUZZ_TARGET";
/// Address space of a worker, in KiB: what takes more memory than this dies of it.
const MEMORY_KIB: u64 = 6 << 20;
/// A worker that stays with one input for so long hangs.
const HANG: Duration = Duration::from_secs(60);
/// Deaths after which a target is given up.
const DEATHS_MAX: u32 = 5;

/// Runs targets, as many at a time as there are processors. Fails when anything was found.
pub fn run(names: &[&str], plan: Plan) -> ExitCode {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let waiting = Mutex::new(names.iter().rev().collect::<Vec<_>>());
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("nobody panicked").pop();
                    let Some(name) = next else { return };
                    let (report, findings) = target(name, plan);
                    println!("fuzz {name}: {report}");
                    found.lock().expect("nobody panicked").extend(findings);
                }
            });
        }
    });
    let found = found.into_inner().expect("nobody panicked");
    found.iter().for_each(|finding| eprintln!("{finding}"));
    println!("fuzz: {} targets, seed {}, {} findings", names.len(), plan.seed, found.len());
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one target to its end, starting again behind an input that killed its worker.
fn target(name: &str, plan: Plan) -> (String, Vec<String>) {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("the folder can be made");
    let place = home.join(PLACE);
    let (mut findings, mut plan, mut inputs, mut summary) = (Vec::new(), plan, 0, String::new());
    let until = Instant::now() + Duration::from_secs_f64(plan.seconds);
    for _ in 0..DEATHS_MAX {
        let first = plan.first;
        let (output, death) = watch(start(name, plan, &home), &place);
        for line in output.lines() {
            match line.strip_prefix("done: ") {
                Some(words) => summary = words.to_string(),
                None => findings.push(format!("fuzz {name}: {line}")),
            }
        }
        let at = at(&place).unwrap_or(first);
        inputs += at + 1 - first;
        let Some(death) = death else { break };
        findings.push(format!("fuzz {name}: {death}\n  again: {}", again(name, plan.seed, at)));
        let left = until.saturating_duration_since(Instant::now()).as_secs_f64();
        let runs = plan.runs.map(|runs| runs.saturating_sub(at + 1 - first));
        plan = Plan { first: at + 1, seconds: left, runs, ..plan };
        if left == 0.0 || runs == Some(0) {
            break;
        }
    }
    let _ = std::fs::remove_dir_all(&home);
    (format!("{inputs} inputs, {} findings{summary}", findings.len()), findings)
}

/// The command that runs one input again.
pub fn again(name: &str, seed: u64, number: u64) -> String {
    format!("CHARTKEEP_FUZZ_SEED={seed} CHARTKEEP_FUZZ_FIRST={number} CHARTKEEP_FUZZ_RUNS=1 ops/fuzz 60 {name}")
}

fn start(name: &str, plan: Plan, home: &Path) -> Child {
    let own = std::env::current_exe().expect("this program has a name");
    let limited = format!("ulimit -c 0; ulimit -v {MEMORY_KIB}; exec \"$0\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(limited).arg(own).env(TARGET, name).env(HOME, home);
    command.env("CHARTKEEP_FUZZ_SECONDS", plan.seconds.to_string()).env("CHARTKEEP_FUZZ_FIRST", plan.first.to_string());
    if let Some(runs) = plan.runs {
        command.env("CHARTKEEP_FUZZ_RUNS", runs.to_string());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the worker starts")
}

/// Waits for a worker, and ends one that stays with an input too long. Gives what it printed, and how it died if it did.
fn watch(mut worker: Child, place: &Path) -> (String, Option<String>) {
    let (out, err) = (worker.stdout.take().expect("piped"), worker.stderr.take().expect("piped"));
    let read = |mut from: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = from.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let (out, err) = (read(Box::new(out)), read(Box::new(err)));
    let (mut last, mut since, mut is_hung) = (None, Instant::now(), false);
    let status = loop {
        if let Some(status) = worker.try_wait().expect("it can be waited for") {
            break status;
        }
        let now = at(place);
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > HANG {
            is_hung = true;
            let _ = worker.kill();
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    let last_words = err.lines().rev().take(3).collect::<Vec<_>>().join(" / ");
    let death = match (is_hung, status.success()) {
        (true, _) => Some(format!("hangs for {} s", HANG.as_secs())),
        (false, false) => Some(format!("the process died: {status}: {last_words}")),
        (false, true) => None,
    };
    (out, death)
}

/// The number of the input that a worker is at.
fn at(place: &Path) -> Option<u64> {
    let bytes = std::fs::read(place).ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
