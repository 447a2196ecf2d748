//! Makes the inputs of one target and reads them, one after the other.
//!
//! Not for: surviving what kills a process; the parent sees to that.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::Plan;
use super::dice::Dice;
use super::mutate::mutate;
use super::mutation;
use super::parent::again;
use super::seeds::Seed;
use super::targets::{self, Target};

/// Names the folder of a worker; the parent makes and removes it.
pub const HOME: &str = "CHARTKEEP_FUZZ_HOME";
/// The file there in which a worker tells at which input it is.
pub const PLACE: &str = "at";
/// How much more memory one input may take than any before it, in KiB.
const GROWTH_KIB: u64 = 600 << 10;
/// Findings of one kind (one place of the code) that are told one by one.
const TOLD_MAX: u32 = 3;

/// Where a panic came from, noted by the hook: panics of other threads count as well.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Where a worker may write.
pub fn home() -> PathBuf {
    std::env::var_os(HOME).map(PathBuf::from).expect("the parent names it")
}

/// Runs a target until its time is up.
pub fn run(name: &str, plan: Plan) {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let text = info.payload_as_str().unwrap_or_default();
        PANICS.lock().expect("the hook does not panic").push(format!("{place}: {text}"));
    }));
    let target = targets::named(name).unwrap_or_else(|| panic!("no target is called {name}"));
    // Threads of the product have two megabytes of stack; so has this one.
    let work = std::thread::Builder::new().stack_size(2 << 20);
    let done = std::thread::scope(|scope| work.spawn_scoped(scope, || inputs(&target, plan)).expect("a thread").join());
    if done.is_err() {
        PANICS.lock().expect("the hook does not panic").iter().for_each(|panic| eprintln!("{panic}"));
        panic!("the harness itself panicked");
    }
}

fn inputs(target: &Target, plan: Plan) {
    let place = std::fs::File::create(home().join(PLACE)).expect("it can be written");
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "a target has inputs to begin with");
    let others: Vec<&[u8]> = seeds.iter().map(|seed| seed.bytes.as_slice()).collect();
    let mut tally = Tally { target: target.name, seed: plan.seed, told: BTreeMap::new(), slowest: (Duration::ZERO, 0) };
    let runs = plan.runs.or(target.runs).unwrap_or(u64::MAX);
    let until = Instant::now() + Duration::from_secs_f64(plan.seconds);
    let mut number = plan.first;
    loop {
        place.write_all_at(&number.to_le_bytes(), 0).expect("it can be written");
        let mut dice = Dice::of(target.name, plan.seed, number);
        let seed = dice.pick(&seeds);
        let mut input = Seed { name: seed.name.clone(), bytes: seed.bytes.clone() };
        // Whatever else is tried, each seed is read as it stands now and then.
        if !target.takes_whole && !dice.once_in(50) {
            mutate(&mut input.bytes, &others, &target.marks, &mut dice);
        }
        one(target, &input, &mut dice, number, &mut tally);
        number += 1;
        // A target that counts its runs is not stopped by the clock.
        if number - plan.first >= runs || (target.runs.is_none() && Instant::now() >= until) {
            break;
        }
    }
    let (slowest, at) = tally.slowest;
    let (slowest, peak, ends) = (slowest.as_secs_f64(), peak_kib() >> 10, mutation::summary());
    println!("done: , slowest {slowest:.2} s (input {at}), most memory {peak} MB, {} seeds{ends}", seeds.len());
}

fn one(target: &Target, input: &Seed, dice: &mut Dice, number: u64, tally: &mut Tally) {
    let (memory, started) = (peak_kib(), worked());
    let end = std::panic::catch_unwind(AssertUnwindSafe(|| (target.read)(input, dice)));
    let took = worked().saturating_sub(started);
    let mut panics = std::mem::take(&mut *PANICS.lock().expect("the hook does not panic"));
    if end.is_err() && panics.is_empty() {
        panics.push("a panic without a word".into());
    }
    panics.iter().for_each(|panic| tally.tell(panic, number, input));
    if took > target.longest {
        tally.tell(&format!("slow: {:.1} s for {} bytes", took.as_secs_f64(), input.bytes.len()), number, input);
    }
    let grown = peak_kib().saturating_sub(memory);
    if grown > GROWTH_KIB {
        tally.tell(&format!("memory: {} MB more for {} bytes", grown >> 10, input.bytes.len()), number, input);
    }
    tally.slowest = tally.slowest.max((took, number));
}

/// What was found so far.
struct Tally {
    target: &'static str,
    seed: u64,
    /// By the place of the code, without the words.
    told: BTreeMap<String, u32>,
    slowest: (Duration, u64),
}

impl Tally {
    /// Tells a finding, and keeps the input that brought it.
    fn tell(&mut self, what: &str, number: u64, input: &Seed) {
        let kind: String = what.split_whitespace().next().unwrap_or_default().into();
        let times = self.told.entry(kind).or_default();
        *times += 1;
        if *times > TOLD_MAX {
            return;
        }
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("found-{}-{}-{number}", self.target, self.seed));
        let _ = std::fs::write(&kept, &input.bytes);
        let what: String = what.replace('\n', " ").chars().take(600).collect();
        println!("{what} [input {number} from {}] again: {}", input.name, again(self.target, self.seed, number));
    }
}

/// How long this process has worked so far, all threads together: on a busy machine the clock says little. Where the
/// system does not tell it is the clock.
fn worked() -> Duration {
    static STARTED: OnceLock<Instant> = OnceLock::new();
    let started = STARTED.get_or_init(Instant::now);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold blanks; hundredths of a second in the system's mode and in its own.
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<u64> = behind.split_whitespace().skip(11).take(2).filter_map(|n| n.parse().ok()).collect();
    if ticks.len() == 2 { Duration::from_millis(ticks.iter().sum::<u64>() * 10) } else { started.elapsed() }
}

/// The most memory that this process ever had, in KiB; 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
