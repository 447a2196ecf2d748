//! Release benchmarks: a chart of many pages, text alone or mixed (text, tables, scans, attached PDFs), becomes a preview and a
//! package, from the archive to the signed file.
//!
//! Usage: cargo bench --bench release [-- PAGES [text] [mixed] [--threads N] [--keep FOLDER]]
//!
//! Not for: pass or fail. It prints pages, seconds and memory of each step; BENCHMARKS.md says how they were taken.

#[path = "packer/mod.rs"]
mod packer;

use std::fs::File;
use std::io::{self, BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chartkeep::release::build::{numbers, preview, seal};
use chartkeep::release::package::verify;
use chartkeep::release::request::Formats;
use chartkeep::render::pdf::content::{Block, Look, Part, Run};
use chartkeep::render::pdf::{Content, typeset};
use packer::{PERSON, Packer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WORDS: [&str; 12] =
    ["patient", "seen", "with", "pain", "of", "the", "chest,", "normal", "electrocardiogram", "follow-up", "within", "14 days."];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let after = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|at| arguments.get(at + 1));
    let pages = arguments.first().and_then(|it| it.parse().ok()).unwrap_or(10_000);
    let threads = after("--threads").and_then(|it| it.parse().ok()).unwrap_or(2);
    let named = ["text", "mixed"].into_iter().filter(|name| arguments.iter().any(|it| it == name)).count();
    for name in ["text", "mixed"] {
        if named == 0 || arguments.iter().any(|it| it == name) {
            let scratch = tempfile::tempdir().expect("a folder");
            let folder = after("--keep").map_or_else(|| scratch.path().to_path_buf(), PathBuf::from);
            run(name, pages, threads, &folder);
        }
    }
}

fn run(name: &str, pages: usize, threads: usize, folder: &Path) {
    let root = folder.join(name);
    if !root.exists() {
        let delivery = folder.join(format!("{name}.ndjson"));
        let mut file = BufWriter::new(File::create(&delivery).expect("created"));
        chart(&mut file, pages, name == "mixed").and_then(|()| file.flush()).expect("written");
        chartkeep(&[Path::new("init"), &root]);
        chartkeep(&[Path::new("ingest"), &root, &delivery, Path::new("--source-system"), Path::new("bench")]);
    }
    let packer = Packer::open(&root);
    let permit = packer.permit();
    let shop = packer.shop(&permit, threads);
    let (chosen, _) = timed(name, "selection", || packer.chosen(&permit));
    let plan = packer.plan(&chosen, Formats::default());
    let (made, seconds) = timed(name, "preview", || preview(&shop, &plan).expect("a preview"));
    let all = made.previewed.pages;
    println!("{name}: {} items, {all} pages, {:.0} pages/s", chosen.items.len(), all as f64 / seconds);
    let mut record = packer.record(&made);
    record.bates_count = timed(name, "numbers", || numbers(&shop, &record, &made.told).expect("numbers")).0;
    let package = timed(name, "package", || seal(&shop, &record, &packer.signer).expect("a package")).0;
    let file = packer.shelf.open(&package.package_sha256).expect("kept");
    let report = timed(name, "verify", || verify::verify(file, &packer.signer.verifier()).expect("read")).0;
    println!(
        "{name}: {} MB, {} pages, {} proofs, holds: {}",
        package.bytes / 1_000_000,
        report.pages,
        report.proofs,
        report.holds()
    );
    drop(permit);
    packer.close();
}

fn timed<T>(name: &str, what: &str, work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}: {what} {seconds:.2} s, peak {} MiB", peak());
    (done, seconds)
}

fn chartkeep(words: &[&Path]) {
    let done = Command::new(env!("CARGO_BIN_EXE_chartkeep")).args(words).output().expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Most memory that the process had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}

/// Words that differ from note to note.
fn text(number: usize, count: usize) -> String {
    let mut state = number as u64 + 1;
    let mut out = String::new();
    for at in 0..count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.push_str(WORDS[(state >> 33) as usize % WORDS.len()]);
        out.push(if at % 60 == 59 { '\n' } else { ' ' });
    }
    out
}

/// One patient's chart of about so many pages, written line by line: no page is twice in it but those of the attached PDF.
fn chart(out: &mut dyn Write, pages: usize, is_mixed: bool) -> io::Result<()> {
    writeln!(
        out,
        r#"{{"resourceType":"Patient","id":"{PERSON}","name":[{{"family":"Quill","given":["Ann"]}}],"birthDate":"1957-03-14"}}"#
    )?;
    let attached = BASE64.encode(attached());
    let day = |n: usize| format!("20{:02}-{:02}-{:02}", 1 + n % 20, 1 + n % 12, 1 + n % 28);
    let document = |n: usize, media: &str, data: &str| {
        format!(
            r#"{{"resourceType":"DocumentReference","id":"d{n}","status":"current","type":{{"text":"Document {n}"}},"subject":{{"reference":"Patient/{PERSON}"}},"date":"{}T10:00:00Z","content":[{{"attachment":{{"contentType":"{media}","title":"Document {n}","data":"{data}"}}}}]}}"#,
            day(n)
        )
    };
    let (mut n, mut made) = (0, 0);
    while made < pages {
        // A note of four pages and a bit.
        writeln!(out, "{}", document(n, "text/plain", &BASE64.encode(text(n, 2_100))))?;
        (n, made) = (n + 1, made + 5);
        if is_mixed {
            let (media, scanned) = scan(n);
            writeln!(out, "{}", document(n, media, &scanned))?;
            writeln!(out, "{}", document(n + 1, "application/pdf", &attached))?;
            writeln!(out, "{}", panel(n + 2, &day(n)))?;
            (n, made) = (n + 3, made + 2 + 3 + 2);
        }
    }
    Ok(())
}

/// Results in a table of its own.
fn panel(n: usize, day: &str) -> String {
    let components: Vec<String> = (0..30)
        .map(|at| {
            format!(
                r#"{{"code":{{"text":"Test {at}"}},"valueQuantity":{{"value":{},"unit":"mmol/L"}}}}"#,
                (n * 31 + at * 17) % 200
            )
        })
        .collect();
    format!(
        r#"{{"resourceType":"Observation","id":"o{n}","status":"final","code":{{"text":"Panel {n}"}},"subject":{{"reference":"Patient/{PERSON}"}},"effectiveDateTime":"{day}","component":[{}]}}"#,
        components.join(",")
    )
}

/// A scanned page at 200 dots per inch in base64: in turn a black and white fax as PNG and a colour photograph of paper as JPEG,
/// each with lines like writing and the dust of its own scanner.
fn scan(number: usize) -> (&'static str, String) {
    let (width, height) = (1700_u32, 2200_u32);
    let is_fax = number % 8 < 4;
    let mut state = number as u64 + 7;
    let mut picture = image::RgbImage::from_pixel(width, height, image::Rgb(if is_fax { [255; 3] } else { [244, 240, 231] }));
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dust = (state >> 40) as u32;
        let is_ink =
            y % 40 < 12 && x > 150 && x < 1550 && (x / 3 * 7 + y / 3 * 5 + number as u32 * 13 + (y / 40) * x / 50) % 11 < 4;
        if is_ink || dust.is_multiple_of(3000) {
            *pixel = image::Rgb([20, 22, 40]);
        } else if !is_fax {
            pixel.0 = pixel.0.map(|value| value - (dust % 8) as u8);
        }
    }
    let mut out = Cursor::new(Vec::new());
    if is_fax {
        image::imageops::grayscale(&picture).write_to(&mut out, image::ImageFormat::Png).expect("a picture");
    } else {
        picture.write_to(&mut out, image::ImageFormat::Jpeg).expect("a picture");
    }
    (if is_fax { "image/png" } else { "image/jpeg" }, BASE64.encode(out.into_inner()))
}

/// A PDF of two pages.
fn attached() -> Vec<u8> {
    let paragraph =
        |n: usize| Block::Paragraph { words: vec![Run { text: text(n, 62), ..Run::default() }], look: Look::Body, anchor: None };
    let part = Part { blocks: (0..20).map(paragraph).collect(), ..Part::default() };
    typeset(&Content { parts: vec![part], ..Content::default() }).expect("a file").bytes
}
