//! Mapping benchmarks over made-up files in memory: HL7 v2 messages, C-CDA documents and rows of a table, cut, parsed and
//! mapped as an ingest does it (one thread cuts, all map), beside copying the bytes and parsing alone.
//!
//! Usage: cargo bench --bench map [-- ROUNDS [hl7v2] [cda] [table]]
//!        cargo bench --bench map -- --write DIR MESSAGES ROWS     the files that the whole ingest is measured with
//!
//! Not for: pass or fail. It prints rates, the best of the rounds; BENCHMARKS.md says how they were taken.

mod made;

use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chartkeep::formats::cda::Document;
use chartkeep::formats::hl7v2::{Message, Splitter};
use chartkeep::formats::table;
use chartkeep::mapping::settings::Settings;
use chartkeep::mapping::tabular::{Prepared, PreparedTable, Scratch, map_row, ready};
use chartkeep::mapping::{Context, Cutter, Fate, Mapped, cda, hl7v2};
use jiff::tz::TimeZone;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MESSAGES: u64 = 40_000;
const DOCUMENTS: u64 = 300;
const ROWS: u64 = 400_000;
/// What a block of a delivery holds when its records are cut.
const BLOCK: usize = 1 << 20;

type Blocks<'a> = Vec<(usize, Vec<Range<usize>>)>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [flag, dir, messages, rows] = arguments.as_slice()
        && flag == "--write"
    {
        let count = |text: &String| text.parse().expect("a number");
        return write(Path::new(dir), count(messages), count(rows)).expect("files written");
    }
    let times = arguments.first().and_then(|r| r.parse().ok()).unwrap_or(3);
    let is_wanted = |name: &str| arguments.len() < 2 || arguments[1..].iter().any(|a| a == name);
    for form in ["hl7v2", "cda", "table"].into_iter().filter(|name| is_wanted(name)) {
        match form {
            "hl7v2" => messages(times),
            "cda" => documents(times),
            _ => rows(times),
        }
    }
}

fn messages(rounds: usize) {
    let mut text = String::new();
    (0..MESSAGES).for_each(|number| made::message(&mut text, number, false));
    let rules = hl7v2::Rules::default();
    let form = Form {
        name: "HL7 v2",
        unit: "messages",
        bytes: text.as_bytes(),
        cut: &|| cut(text.as_bytes(), &mut Splitter::default()),
        parse: &|bytes| drop(black_box(Message::parse(bytes))),
        map: &|| Box::new(|bytes, cx| hl7v2::map(bytes, &rules, cx)),
    };
    form.measure(rounds);
}

fn documents(rounds: usize) {
    let mut bytes = Vec::new();
    let mut items = Vec::new();
    for number in 0..DOCUMENTS {
        let start = bytes.len();
        bytes.extend(made::document(number).into_bytes());
        items.push(start..bytes.len());
    }
    let rules = cda::Rules::default();
    let form = Form {
        name: "C-CDA",
        unit: "documents",
        bytes: &bytes,
        cut: &|| items.iter().map(|item| (item.start, std::iter::once(0..item.len()).collect())).collect(),
        parse: &|bytes| drop(black_box(Document::read(bytes))),
        map: &|| Box::new(|bytes, cx| cda::map(bytes, &rules, cx)),
    };
    form.measure(rounds);
}

fn rows(rounds: usize) {
    let mut text = made::COLUMNS.to_string();
    (0..ROWS).for_each(|number| made::row(&mut text, number));
    let prepared = prepared(&text);
    let table: &PreparedTable = prepared.get(made::TABLE).expect("the table");
    let form = Form {
        name: "CSV",
        unit: "rows",
        bytes: text.as_bytes(),
        cut: &|| cut(text.as_bytes(), table.reader().cutter.as_mut()),
        parse: &|bytes| {
            let mut scratch = table::Scratch::default();
            black_box(table::Row::parse(bytes, &table.dialect, &mut scratch).map_or(0, |row| row.len()));
        },
        map: &|| {
            let mut scratch = Scratch::default();
            Box::new(move |bytes, cx| map_row(bytes, table, cx, &mut scratch))
        },
    };
    form.measure(rounds);
}

/// The mapping for Synthea's export, fitted to the table.
fn prepared(rows: &str) -> Prepared {
    let settings = Settings::parse(&ready::text("synthea").expect("a ready mapping")).expect("settings");
    let (patients, rows) = (made::patients(ROWS), rows.to_string());
    let open = move |file: &str| -> std::io::Result<Box<dyn std::io::Read>> {
        let text = if file == made::TABLE { &rows } else { &patients };
        Ok(Box::new(std::io::Cursor::new(text.clone())))
    };
    Prepared::new(&settings.tables, &[made::TABLE.into(), "patients.csv".into()], &open).expect("a fitting mapping")
}

/// Cuts a file block by block, as it is read from a disk. Each block with where it begins and the items in it.
fn cut(bytes: &[u8], cutter: &mut dyn Cutter) -> Blocks<'static> {
    let (mut blocks, mut start) = (Vec::new(), 0);
    let mut length = BLOCK;
    while start < bytes.len() {
        let end = (start + length).min(bytes.len());
        let mut items = Vec::new();
        let done = cutter.cut(&bytes[start..end], end == bytes.len(), &mut items);
        length = if done == 0 { length * 2 } else { BLOCK };
        blocks.push((start, items));
        start += done;
    }
    blocks
}

type Map<'a> = Box<dyn FnMut(&[u8], &Context<'_>) -> Mapped + 'a>;

/// A file in memory and what reads it.
struct Form<'a> {
    name: &'static str,
    unit: &'static str,
    bytes: &'a [u8],
    cut: &'a (dyn Fn() -> Blocks<'a> + Sync),
    parse: &'a (dyn Fn(&[u8]) + Sync),
    /// Gives each thread its mapper.
    map: &'a (dyn Fn() -> Map<'a> + Sync),
}

impl Form<'_> {
    fn measure(&self, rounds: usize) {
        let blocks = (self.cut)();
        let items: usize = blocks.iter().map(|(_, items)| items.len()).sum();
        let made = AtomicU64::new(0);
        println!("{}: {items} {}, {:.1} MB, {} bytes each", self.name, self.unit, self.megabytes(), self.bytes.len() / items);
        let copy = self.best("copy of the bytes", rounds, items, None, || drop(black_box(self.bytes.to_vec())));
        self.best("cut", rounds, items, Some(copy), || drop(black_box((self.cut)())));
        let parse = || {
            blocks
                .iter()
                .for_each(|(start, items)| items.iter().for_each(|i| (self.parse)(&self.bytes[start + i.start..start + i.end])))
        };
        let parsed = self.best("parse, 1 thread", rounds, items, Some(copy), parse);
        let one = self
            .best("cut, parse and map, 1 thread", rounds, items, Some(parsed), || made.store(self.map_all(1), Ordering::Relaxed));
        self.best("cut, parse and map, 2 threads", rounds, items, Some(one), || made.store(self.map_all(2), Ordering::Relaxed));
        println!("  {:.1} resources of each", made.into_inner() as f64 / items as f64);
    }

    fn megabytes(&self) -> f64 {
        self.bytes.len() as f64 / 1e6
    }

    /// Times the work and prints the best round by the clock and by processor time, which others on the machine disturb
    /// less, beside the processor time of something else. Gives the processor time.
    fn best(&self, name: &str, rounds: usize, items: usize, beside: Option<f64>, work: impl Fn()) -> f64 {
        let (mut wall, mut core) = (f64::MAX, f64::MAX);
        for _ in 0..rounds.max(1) {
            let (started, before) = (Instant::now(), core_seconds());
            work();
            wall = wall.min(started.elapsed().as_secs_f64());
            core = core.min(core_seconds() - before);
        }
        // Processor time is counted in hundredths of a second; what takes few of them goes by the clock.
        let core = if core < 0.1 { wall } else { core };
        let rate = |time: f64| format!("{:9.1} MB/s {:10.0} {}/s", self.megabytes() / time, items as f64 / time, self.unit);
        let ratio = beside.map(|time| format!("  {:7.2} times the work", core / time)).unwrap_or_default();
        println!("  {name:30} {}; of a core {}{ratio}", rate(wall), rate(core));
        core
    }

    /// Cuts on this thread and maps on so many; gives how many resources were made.
    fn map_all(&self, threads: usize) -> u64 {
        if threads == 1 {
            let mut map = (self.map)();
            return (self.cut)().iter().map(|(start, items)| self.map_block(&mut map, *start, items)).sum();
        }
        let (sender, receiver) = crossbeam_channel::bounded::<(usize, Vec<Range<usize>>)>(threads * 2);
        std::thread::scope(|scope| {
            let worker = || {
                let receiver = receiver.clone();
                scope.spawn(move || {
                    let mut map = (self.map)();
                    receiver.into_iter().map(|(start, items)| self.map_block(&mut map, start, &items)).sum::<u64>()
                })
            };
            let workers: Vec<_> = (0..threads).map(|_| worker()).collect();
            (self.cut)().into_iter().for_each(|block| sender.send(block).expect("a worker"));
            drop(sender);
            workers.into_iter().map(|worker| worker.join().expect("a worker")).sum()
        })
    }

    fn map_block(&self, map: &mut Map<'_>, start: usize, items: &[Range<usize>]) -> u64 {
        let block = &self.bytes[start..];
        let map_one = |item: &Range<usize>| {
            let cx = Context { source_system: "bench", zone: &TimeZone::UTC, file: "feed", offset: (start + item.start) as u64 };
            let mapped = map(&block[item.clone()], &cx);
            assert_eq!(mapped.fate, Fate::Archived);
            black_box(mapped).resources.len() as u64
        };
        items.iter().map(map_one).sum()
    }
}

/// Writes the files of the whole ingest: a feed of many patients, one of a single patient, and a table with its patients.
fn write(dir: &Path, messages: u64, rows: u64) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let create = |name: &str| std::fs::File::create(dir.join(name)).map(BufWriter::new);
    let each = |name: &str, head: &str, count: u64, make: &dyn Fn(&mut String, u64)| {
        let mut file = create(name)?;
        file.write_all(head.as_bytes())?;
        let mut text = String::new();
        for number in 0..count {
            text.clear();
            make(&mut text, number);
            file.write_all(text.as_bytes())?;
        }
        file.flush()
    };
    std::fs::create_dir_all(dir.join("feed"))?;
    std::fs::create_dir_all(dir.join("one"))?;
    std::fs::create_dir_all(dir.join("table"))?;
    each("feed/feed.hl7", "", messages, &|out, number| made::message(out, number, false))?;
    each("one/feed.hl7", "", messages, &|out, number| made::message(out, number, true))?;
    each(&format!("table/{}", made::TABLE), made::COLUMNS, rows, &made::row)?;
    std::fs::write(dir.join("table/patients.csv"), made::patients(rows))
}

/// Processor time that this process has used.
fn core_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    // User and system time, in ticks of a hundredth of a second.
    behind_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
