//! Reading benchmarks over an archive made from the peer bench's data: charts, series, patient and note search, each in
//! process, with a permit but without the durable audit entry (which the HTTP figures include).
//!
//! Usage: cargo bench --bench read -- ARCHIVE QUERIES.json [ROUNDS]
//!
//! Not for: pass or fail. It prints milliseconds; BENCHMARKS.md says how they were taken.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chartkeep::access::{Gate, Permit, Policy, Principal, Purpose, RequestContext, Role, Scope, Shown};
use chartkeep::audit::AuditLog;
use chartkeep::model::PatientKey;
use chartkeep::query::{Archive, Selection, TextQuestion, parse_question};
use chartkeep::signing::{KeyPurpose, KeyRing, default_private_dir, load_signer};
use serde_json::Value;

struct Bench {
    archive: Archive,
    gate: Gate,
    principal: Principal,
    rounds: usize,
}

impl Bench {
    fn permit(&self, scope: Scope) -> Permit {
        self.gate.ask(&self.principal, scope, RequestContext::default()).expect("a permit")
    }

    /// Times `work` over the arguments, warm, and prints p50, p95 and p99 in milliseconds.
    fn measure<A>(&self, name: &str, arguments: &[A], scope: impl Fn(&A) -> Scope, work: impl Fn(&Permit, &A) -> usize) {
        let mut times = Vec::new();
        let mut rows = 0;
        for round in 0..self.rounds + 1 {
            for argument in arguments {
                let permit = self.permit(scope(argument));
                let started = Instant::now();
                let found = black_box(work(&permit, argument));
                let took = started.elapsed().as_secs_f64() * 1000.0;
                permit.answer((), Shown { event: "record.read", ..Shown::default() }).expect("an entry").into_inner();
                if round > 0 {
                    times.push(took);
                    rows += found;
                }
            }
        }
        if times.is_empty() {
            return;
        }
        times.sort_by(f64::total_cmp);
        let at = |q: f64| times[((times.len() as f64 * q) as usize).min(times.len() - 1)];
        println!(
            "{name:34} n={:6} rows={:9.1} p50={:8.3} p95={:8.3} p99={:8.3} max={:8.3} ms",
            times.len(),
            rows as f64 / times.len() as f64,
            at(0.5),
            at(0.95),
            at(0.99),
            at(1.0)
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [root, queries, rest @ ..] = arguments.as_slice() else {
        println!("nothing measured: name an archive and the peer bench's queries.json");
        return;
    };
    let root = PathBuf::from(root);
    let rounds = rest.first().and_then(|r| r.parse().ok()).unwrap_or(3);
    let queries: Value = serde_json::from_slice(&std::fs::read(queries).expect("queries")).expect("JSON");
    let ring = KeyRing::load(&root).expect("keys");
    let started = Instant::now();
    let archive = Archive::open(&root, ring.verifiers(KeyPurpose::Seal), Default::default()).expect("an archive");
    println!("open: {:.1} ms", started.elapsed().as_secs_f64() * 1000.0);
    let signer = load_signer(&default_private_dir(&root), KeyPurpose::Audit).expect("the audit key");
    let log = AuditLog::open(&root, Arc::new(signer)).expect("the log");
    let principal = Principal::operator("bench", Role::Him, Purpose::RecordManagement);
    let bench = Bench { archive, gate: Gate::new(log.clone(), Policy::built_in()), principal, rounds };
    charts(&bench, &queries);
    searches(&bench, &queries);
    log.close();
}

fn texts(queries: &Value, name: &str) -> Vec<String> {
    queries[name].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_string)).collect()
}

fn charts(bench: &Bench, queries: &Value) {
    let keys: Vec<PatientKey> = texts(queries, "charts").iter().take(300).filter_map(|k| PatientKey::parse(k)).collect();
    let chart = |key: &PatientKey| Scope::Chart(key.clone());
    bench.measure("chart, all JSON as stored", &keys, chart, |permit, key| {
        bench.archive.chart_bytes(permit, key, b"").map_or(0, |c| c.places.len())
    });
    bench.measure("chart, as records", &keys, chart, |permit, key| {
        bench.archive.chart(permit, key, &Selection::default()).map_or(0, |c| c.records.len())
    });
    bench
        .measure("chart index", &keys, chart, |permit, key| bench.archive.chart_index(permit, key).map_or(0, |c| c.counts.len()));
    let labs: Vec<(PatientKey, String)> = queries["labs"]
        .as_array()
        .into_iter()
        .flatten()
        .take(500)
        .filter_map(|l| Some((PatientKey::parse(l["pid"].as_str()?)?, l["code"].as_str()?.to_string())))
        .collect();
    bench.measure(
        "one code's values",
        &labs,
        |(key, _)| Scope::Chart(key.clone()),
        |permit, (key, code)| bench.archive.series(permit, key, code).map_or(0, |p| p.len()),
    );
}

fn searches(bench: &Bench, queries: &Value) {
    let asked: Vec<String> = queries["patients"]
        .as_array()
        .into_iter()
        .flatten()
        .take(500)
        .map(|p| {
            format!(
                "{} {} {}",
                p["family"].as_str().unwrap_or(""),
                p["given"].as_str().unwrap_or(""),
                p["birth"].as_str().unwrap_or("")
            )
        })
        .collect();
    bench.measure(
        "patient search",
        &asked,
        |_| Scope::FindPatients,
        |permit, text| bench.archive.find_patients(permit, text, 0, 20).map_or(0, |h| h.hits.len()),
    );
    for (name, set, is_phrase) in [
        ("notes: rare word", "rare", false),
        ("notes: middling word", "mid", false),
        ("notes: two words", "two", false),
        ("notes: common word", "common", false),
        ("notes: phrase", "phrase", true),
    ] {
        let asked: Vec<TextQuestion> = texts(queries, set)
            .iter()
            .map(|text| {
                let (words, phrases) = parse_question(&if is_phrase { format!("\"{text}\"") } else { text.clone() });
                TextQuestion { words, phrases, limit: 10, ..TextQuestion::default() }
            })
            .collect();
        bench.measure(
            name,
            &asked,
            |_| Scope::SearchAll,
            |permit, question| bench.archive.search_text(permit, question).map_or(0, |h| h.hits.len()),
        );
    }
}
