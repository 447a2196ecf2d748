//! Pages of C-CDA documents: how fast they are made as HTML, text and print, beside reading the document alone.
//!
//! Usage: cargo bench --bench ccda [-- ROUNDS]
//!
//! Made-up documents, and with `CHARTKEEP_CORPUS` those of the sample corpus; one thread. Not for: pass or fail. It prints rates, the
//! best of the rounds; BENCHMARKS.md says how they were taken.

#[allow(dead_code, reason = "of the made-up files the documents alone")]
mod made;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chartkeep::formats::cda::Document;
use chartkeep::render::cda::{Options, fragment, page, pdf, text};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DOCUMENTS: u64 = 60;
/// A large document, in bytes.
const LARGE: usize = 5 << 20;

fn main() {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(3);
    let made: Vec<Vec<u8>> = (0..DOCUMENTS).map(|number| made::document(number).into_bytes()).collect();
    measure("made up", &made, rounds);
    if let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS") {
        let mut files = Vec::new();
        below(&Path::new(&corpus).join("ccda"), &mut files);
        files.sort();
        let read = files.iter().filter_map(|path| std::fs::read(path).ok());
        let corpus: Vec<Vec<u8>> = read.filter(|bytes| page(bytes, Options::default()).is_ok()).collect();
        measure("by others", &corpus, rounds);
    }
    measure("one of 5 MB", &[large()], rounds);
}

/// One document with sections until it is large.
fn large() -> Vec<u8> {
    let one = made::document(1);
    let start = one.find("<component>\n        <section>").or_else(|| one.find("<structuredBody>\n").map(|at| at + 17));
    let (start, end) = (start.expect("a body"), one.rfind("</structuredBody>").expect("its end"));
    let mut out = one[..start].to_owned();
    while out.len() < LARGE {
        out.push_str(&one[start..end]);
    }
    out.push_str(&one[end..]);
    out.into_bytes()
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() { below(&path, files) } else { files.push(path) }
    }
}

fn measure(name: &str, documents: &[Vec<u8>], rounds: usize) {
    let bytes: usize = documents.iter().map(Vec::len).sum();
    println!("{name}: {} documents, {:.1} MB", documents.len(), bytes as f64 / 1e6);
    let page_of = |bytes: &[u8]| page(bytes, Options::default()).expect("a page");
    let html = best(rounds, || documents.iter().for_each(|bytes| drop(black_box(fragment(&page_of(bytes))))));
    let steps: [(&str, Duration); 5] = [
        ("read", best(rounds, || documents.iter().for_each(|bytes| drop(black_box(Document::read(bytes)))))),
        ("page", best(rounds, || documents.iter().for_each(|bytes| drop(black_box(page_of(bytes)))))),
        ("HTML", html),
        ("text", best(rounds, || documents.iter().for_each(|bytes| drop(black_box(text(&page_of(bytes))))))),
        ("PDF", best(1, || documents.iter().for_each(|bytes| drop(black_box(pdf(&page_of(bytes))))))),
    ];
    for (step, time) in steps {
        let rate = bytes as f64 / 1e6 / time.as_secs_f64();
        println!("  {step:5} {:8.1} ms  {rate:7.1} MB/s", time.as_secs_f64() * 1e3);
    }
}

/// The shortest of some rounds, each from the document's bytes on.
fn best(rounds: usize, work: impl Fn()) -> Duration {
    let one = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..rounds.max(1)).map(|_| one()).min().unwrap_or_default()
}
