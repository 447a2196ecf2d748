//! Viewer benchmarks: the summary and each section of a chart as a signed-in clinician's browser asks for them, over a real server:
//! time to the last byte, page sizes, the server's memory, and Chromium's cold time to the first useful screen. Once for a chart
//! of some 300 resources, once for a giant one.
//!
//! Usage: cargo bench --bench viewer [-- [--small] [--giant RESOURCES] [--rounds N] [--keep FOLDER]]
//!
//! Every answer has its durable audit entry, as in life. `--small` is for seeing that it works. Without Chromium, chromedriver and
//! axe-core (`ops/test` gets them) set CHARTKEEP_OFFLINE; the browser's part is left out then.
//!
//! Not for: pass or fail. BENCHMARKS.md says how its figures were taken.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/browser/chrome.rs"]
mod chrome;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/gate/harness.rs"]
mod harness;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chartkeep::synth::{self, Options, SamplePatient};
use serde_json::Value;

use chrome::Chrome;
use harness::{Browser, add_account, key};
use support::{Server, ingest};

/// The chart that most people have.
const USUAL: u64 = 300;
const READER: &str = "viewer-bench";

struct Plan {
    giant: u64,
    rounds: usize,
    /// Browsers that are started for each chart.
    cold: usize,
    folder: PathBuf,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let after = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|at| arguments.get(at + 1));
    let is_small = arguments.iter().any(|a| a == "--small");
    let number = |flag: &str, usual: u64| after(flag).and_then(|n| n.parse().ok()).unwrap_or(usual);
    let scratch = tempfile::tempdir().expect("a folder");
    let plan = Plan {
        giant: number("--giant", if is_small { 2_000 } else { 100_000 }),
        rounds: usize::try_from(number("--rounds", if is_small { 5 } else { 100 })).expect("a number of rounds"),
        cold: if is_small { 1 } else { 5 },
        folder: after("--keep").map_or_else(|| scratch.path().to_path_buf(), PathBuf::from),
    };
    run(&plan);
}

fn run(plan: &Plan) {
    let (archive, people) = made(plan);
    let server = Server::start(&archive);
    let browser = Browser::sign_in(&server, READER);
    println!("{:52} {:>6} {:>8} {:>8} {:>8} {:>9} {:>9}", "page", "n", "p50 ms", "p95 ms", "max ms", "gzip B", "HTML B");
    memory(&server, "server at rest");
    let size = |person: &SamplePatient| person.records.values().sum::<u64>();
    let (giant, rest) = people.split_first().expect("people");
    let usual = rest.iter().min_by_key(|person| size(person).abs_diff(USUAL)).expect("more than one person");
    for (name, person) in [("usual", usual), ("giant", giant)] {
        let name = format!("{name}, {} resources", size(person));
        let base = format!("/patients/{}", key(&person.id));
        let begun = Instant::now();
        text_of(&browser, &base);
        println!("{:52} {:6} {:8.1}", format!("{name}: first opening"), 1, begun.elapsed().as_secs_f64() * 1000.0);
        for path in sections(&text_of(&browser, &base).0, &base) {
            page(&browser, plan.rounds, &name, path.strip_prefix("/patients/").unwrap_or(&path), &path);
        }
        for path in deep(&browser, &base) {
            page(&browser, plan.rounds, &name, path.strip_prefix("/patients/").unwrap_or(&path), &path);
        }
        memory(&server, &name);
        cold(plan, &server, &browser, &name, &base);
    }
}

/// An archive of thirty people, the first with a giant chart, and a clinician who reads it; made once in a folder that is kept.
fn made(plan: &Plan) -> (PathBuf, Vec<SamplePatient>) {
    let delivery = plan.folder.join(format!("delivery-{}", plan.giant));
    let archive = plan.folder.join(format!("archive-{}", plan.giant));
    let options = Options { patients: 30, seed: 19, giant_patient: Some(plan.giant), damage: false, ..Options::default() };
    if !archive.exists() {
        std::fs::create_dir_all(&plan.folder).expect("a folder");
        let begun = Instant::now();
        synth::write(&delivery, &options).expect("a made-up delivery can be written");
        support::init_at(&archive);
        ingest(&archive, &[&delivery]).expect(0);
        add_account(&archive, READER, "clinician");
        println!("made and ingested in {:.1} s", begun.elapsed().as_secs_f64());
    }
    let manifest = std::fs::read(delivery.join(synth::MANIFEST_FILE_NAME)).expect("its manifest");
    let manifest: synth::Manifest = serde_json::from_slice(&manifest).expect("JSON");
    (archive, manifest.sample_patients)
}

/// The pages that the chart's own navigation leads to, the summary first.
fn sections(html: &str, base: &str) -> Vec<String> {
    let nav = html.split("Sections of this chart").nth(1).and_then(|rest| rest.split("</nav>").next()).expect("a navigation");
    let mut paths = vec![base.to_string()];
    for href in nav.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        if href.starts_with(base) && !paths.iter().any(|path| path == href) {
            paths.push(href.to_string());
        }
    }
    paths
}

/// What lies behind the sections: the trend of a test, the last page of the longest list, all records of the commonest kind.
fn deep(browser: &Browser, base: &str) -> Vec<String> {
    let first = |path: &str, part: &str| {
        let html = text_of(browser, path).0;
        html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).find(|href| href.contains(part)).map(unescaped)
    };
    let trend = first(&format!("{base}/results"), "/results/");
    let kind = format!("{base}/everything?kind=Observation");
    // Beyond the end is the last page.
    let last = format!("{kind}&page=2000");
    let notes = first(&format!("{base}/notes"), "page=");
    trend.into_iter().chain([kind, last]).chain(notes).collect()
}

fn unescaped(href: &str) -> String {
    href.replace("&amp;", "&").replace("&#38;", "&")
}

/// A page as text, and its size as it was sent.
fn text_of(browser: &Browser, path: &str) -> (String, usize) {
    let headers = [("cookie", browser.cookie.as_str()), ("accept-encoding", "gzip")];
    let answer = browser.server.request("GET", path, None, &headers);
    assert_eq!(answer.status, 200, "{path}");
    let mut text = String::new();
    match answer.header("content-encoding") {
        Some("gzip") => {
            flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).expect("a page");
        }
        _ => text = answer.text(),
    }
    (text, answer.body.len())
}

/// Asks for a page again and again, warm, and prints how long it took to its last byte.
fn page(browser: &Browser, rounds: usize, chart: &str, name: &str, path: &str) {
    let name = name.split_once('/').map_or("summary", |(_, section)| section);
    let (html, sent) = text_of(browser, path);
    let mut times = Vec::with_capacity(rounds);
    for round in 0..=rounds {
        let begun = Instant::now();
        text_of(browser, path);
        if round > 0 {
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |q: f64| times.get(((times.len() as f64 * q) as usize).min(times.len().saturating_sub(1))).copied().unwrap_or(0.0);
    let label = format!("{chart}: {name}");
    println!("{label:52} {:6} {:8.1} {:8.1} {:8.1} {sent:9} {:9}", times.len(), at(0.5), at(0.95), at(1.0), html.len());
}

/// Memory of the server: now, and the most it had so far.
fn memory(server: &Server, when: &str) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
    };
    println!("{:52} memory now {} MiB, peak {} MiB", when, mib("VmRSS:"), mib("VmHWM:"));
}

const PAINT: &str = "const paint = performance.getEntriesByName('first-contentful-paint')[0]; \
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
    return [paint ? paint.startTime : null, performance.timing.loadEventEnd - performance.timing.navigationStart, all.length, \
            all.reduce((sum, e) => sum + e.transferSize, 0)]";

/// Opens the summary in a browser that never saw this server, several times, and prints what it took.
fn cold(plan: &Plan, server: &Server, browser: &Browser, chart: &str, path: &str) {
    let (mut paints, mut loads, mut last) = (Vec::new(), Vec::new(), Value::Null);
    for _ in 0..plan.cold {
        let Some(chrome) = Chrome::new() else { return };
        chrome.look("light", 1440);
        chrome.open(&format!("{}/healthz", server.address));
        chrome.set_cookie(&browser.cookie);
        chrome.open(&format!("{}{path}", server.address));
        last = chrome.ask(PAINT);
        for _ in 0..40 {
            if last[0].is_number() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
            last = chrome.ask(PAINT);
        }
        paints.push(last[0].as_f64().unwrap_or(f64::NAN));
        loads.push(last[1].as_f64().unwrap_or(f64::NAN));
    }
    let worst = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    paints.sort_by(f64::total_cmp);
    let middle = paints.get(paints.len() / 2).copied().unwrap_or(f64::NAN);
    let label = format!("{chart}: summary, Chromium cold");
    println!(
        "{label:52} {:6} first contentful paint {middle:.0} ms (most {:.0}), loaded {:.0} ms at most, {} requests, {} B",
        paints.len(),
        worst(&paints),
        worst(&loads),
        last[2],
        last[3]
    );
}
