//! PDF benchmarks: pages of text, and a package of mixed pages (text, tables, scans, attached PDFs), typeset part by part as a
//! release is.
//!
//! Usage: cargo bench --bench pdf [-- ROUNDS [text] [mixed] [--threads N] [--write FILE]]
//!
//! Not for: pass or fail. It prints pages and pages a second, the best of the rounds; BENCHMARKS.md says how they were taken.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use chartkeep::render::pdf::content::{
    Anchor, Bates, Block, Cell, Furniture, Line, Look, Part, Picture, Pixels, Run, Sheet, Table,
};
use chartkeep::render::pdf::{Content, Cover, press, typeset};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAGES: usize = 10_000;
const WORDS: [&str; 24] = [
    "patient",
    "seen",
    "with",
    "pain",
    "of",
    "the",
    "chest",
    "since",
    "yesterday,",
    "normal",
    "electrocardiogram",
    "and",
    "no",
    "change",
    "in",
    "medication;",
    "follow-up",
    "visit",
    "arranged",
    "within",
    "14",
    "days",
    "by",
    "Dr. Sample.",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let after = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|at| arguments.get(at + 1));
    let rounds = arguments.first().and_then(|r| r.parse().ok()).unwrap_or(3);
    let threads = after("--threads").and_then(|n| n.parse().ok()).unwrap_or(2);
    let named = ["text", "mixed"].into_iter().filter(|name| arguments.iter().any(|a| a == name)).count();
    for name in ["text", "mixed"] {
        if named > 0 && !arguments.iter().any(|a| a == name) {
            continue;
        }
        let attached = Arc::new(attached());
        let scan = scan();
        let mut best = f64::MAX;
        let (mut pages, mut bytes) = (0, 0);
        for _ in 0..rounds {
            let start = Instant::now();
            let cover = Cover { title: "Package".into(), seed: [1; 32], threads, ..Cover::default() };
            let mut out = Counted { bytes: 0, file: after("--write").map(|path| std::fs::File::create(path).expect("a file")) };
            // Ten pages a part when mixed, four of text alone.
            let parts = (0..).map(|number| part(number, name == "mixed", &attached, &scan));
            let parts = parts.take(if name == "mixed" { PAGES / 10 } else { PAGES / 4 });
            let printed = press(&cover, parts, &mut out).expect("a file");
            best = best.min(start.elapsed().as_secs_f64());
            (pages, bytes) = (printed.pages, out.bytes);
        }
        println!(
            "{name}: {pages} pages, {:.1} MB, {best:.2} s, {:.0} pages/s, peak {} MiB",
            bytes as f64 / 1e6,
            f64::from(pages) / best,
            peak()
        );
    }
}

struct Counted {
    bytes: u64,
    file: Option<std::fs::File>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes += bytes.len() as u64;
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Most memory that the process had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}

fn furniture() -> Furniture {
    let line = |left: &str, right: &str| Line { left: left.into(), right: right.into(), ..Line::default() };
    Furniture {
        head: vec![
            line("Jane Q. Sample · born 1960-02-03 · MRN 4711", "Request R-2026-0017"),
            line("Progress note, 2019-03-04, final", "Dr. A. Author"),
        ],
        foot: vec![
            line("Riverside Hospital, legacy system A", "Page {page} of {pages} · {sheet} of {sheets}"),
            line("Confidential", "{bates}"),
        ],
        bates: Some(Bates { prefix: "RIV26-".into(), first: 1, digits: 8, is_of_file: true }),
        banner: None,
    }
}

fn run(text: String) -> Run {
    Run { text, ..Run::default() }
}

/// Words that differ from part to part.
fn text(number: usize, count: usize) -> String {
    let mut state = number as u64 + 1;
    let mut out = String::new();
    for _ in 0..count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.push_str(WORDS[(state >> 33) as usize % WORDS.len()]);
        out.push(' ');
    }
    out
}

fn note(number: usize, pages: usize) -> Vec<Block> {
    let mut blocks = vec![Block::Heading {
        level: 1,
        words: vec![run(format!("Progress note {number}"))],
        anchor: Some(Anchor(format!("note{number}"))),
        outline: Some(format!("Progress note {number}")),
    }];
    // Some 640 words fill a page.
    for paragraph in 0..pages * 10 {
        blocks.push(Block::Paragraph { words: vec![run(text(number * 100 + paragraph, 62))], look: Look::Body, anchor: None });
    }
    blocks
}

fn table(number: usize, rows: usize) -> Block {
    let cell = |text: String| Cell {
        blocks: vec![Block::Paragraph { words: vec![run(text)], look: Look::Body, anchor: None }],
        ..Cell::default()
    };
    let row = |row: usize| {
        let value = (number * 31 + row * 17) % 200;
        vec![
            cell(format!("Test {row}")),
            cell(format!("{value}.{row}")),
            cell("mmol/L".into()),
            cell("136–145".into()),
            cell("2019-03-05".into()),
            cell(text(number + row, 4)),
        ]
    };
    let head = vec![["Test", "Value", "Unit", "Range", "Date", "Comment"].map(|text| cell(text.into())).to_vec()];
    Block::Table(Table { caption: Vec::new(), head, body: (0..rows).map(row).collect(), foot: Vec::new(), is_full: false })
}

/// A page of a fax at 200 dots per inch.
fn scan() -> Picture {
    let (width, height) = (1700u32, 2200u32);
    let row = width.div_ceil(8);
    let bytes =
        (0..row * height).map(|place| if (place / row) % 40 < 12 && place % 7 < 3 { (place % 251) as u8 } else { 0 }).collect();
    Picture {
        pixels: Pixels::Bits { bytes, width, height },
        alt: "Fax".into(),
        caption: Vec::new(),
        is_scan: true,
        words: Vec::new(),
    }
}

fn attached() -> Vec<u8> {
    let part = Part { furniture: Furniture::default(), blocks: note(0, 4) };
    typeset(&Content { parts: vec![part], ..Content::default() }).expect("a file").bytes
}

/// Ten pages of a mixed package, four of text alone.
fn part(number: usize, is_mixed: bool, attached: &Arc<Vec<u8>>, scan: &Picture) -> Part {
    let mut blocks = note(number, 4);
    if is_mixed {
        blocks.push(table(number, 90));
        blocks.push(Block::Picture(scan.clone()));
        blocks.extend((0..2).map(|page| Block::Sheet(Sheet { file: Arc::clone(attached), page })));
    }
    Part { furniture: furniture(), blocks }
}
