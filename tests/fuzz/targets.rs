//! The readers, each with its inputs, the marks of its format, and what is done with what it gives.
//!
//! Not for: the files of an archive (`archive`), whole deliveries (`mutation`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use chartkeep::formats::fhir::{Shape, Tokenizer, leaf_text, split_bundle, target};
use chartkeep::formats::hl7v2::{Message, Splitter, Value, looks_like_hl7v2};
use chartkeep::formats::table::{Dialect, RowCutter, Scratch, detect, read_header};
use chartkeep::formats::{cda, code_map, text_of};
use chartkeep::limits::EXTRACTED_TEXT_MAX;
use chartkeep::mapping::profile::{Profile, TableProfiler, draft};
use chartkeep::mapping::settings::Settings;
use chartkeep::mapping::tabular::expr::{self, Expr, Slot, ValueSets};
use chartkeep::mapping::tabular::{self, Prepared, ready};
use chartkeep::mapping::{self, Context};
use chartkeep::{render, sources};
use jiff::tz::TimeZone;

use super::check::{RECORDS_MAX, cut_alike, mapped};
use super::dice::Dice;
use super::marks::{BINARY, HL7, HTML, JSON, Marks, PDF, RTF, TABLE, TOML, XML};
use super::seeds::{self, Seed};
use super::{archive, mutation};

/// A reader to be fed.
pub struct Target {
    pub name: &'static str,
    pub seeds: fn() -> Vec<Seed>,
    pub marks: Marks,
    pub read: fn(&Seed, &mut Dice),
    /// How long one input may be worked at, in a build without optimizing.
    pub longest: Duration,
    /// Inputs to read whatever time it takes; without, the clock decides.
    pub runs: Option<u64>,
    /// The target does its own damage.
    pub takes_whole: bool,
}

type Table = [(&'static str, fn() -> Vec<Seed>, Marks, fn(&Seed, &mut Dice))];

/// All of them; those with other habits are told apart in [`named`].
fn table() -> &'static Table {
    &[
        ("hl7v2", seeds::hl7v2, HL7, hl7v2),
        ("cda", seeds::cda, XML, cda_document),
        ("page", seeds::pages, XML, cda_page),
        ("table", seeds::tables, TABLE, table_rows),
        ("rtf", seeds::rtf, RTF, document),
        ("html", seeds::html, HTML, document),
        ("pdf", seeds::pdf, PDF, document),
        ("docx", seeds::docx, BINARY, document),
        ("containers", seeds::containers, BINARY, containers),
        ("fhir", seeds::fhir, JSON, fhir),
        ("codemap", seeds::code_maps, JSON, code_maps),
        ("settings", seeds::settings, TOML, settings),
        ("expressions", seeds::expressions, TOML, expressions),
        ("pictures", seeds::pictures, BINARY, pictures),
        ("archive", archive::files, BINARY, archive::read),
        ("codec", archive::payloads, BINARY, archive::decode),
        ("mutation", mutation::seeds, BINARY, mutation::check),
    ]
}

/// The names of all targets.
pub fn names() -> impl Iterator<Item = &'static str> {
    table().iter().map(|row| row.0)
}

/// A target by its name.
pub fn named(name: &str) -> Option<Target> {
    let at = table().iter().position(|row| row.0 == name)?;
    let &(name, seeds, Marks { tokens, nests }, read) = &table()[at];
    // Reading the text of one PDF, or drawing a page, has a limit of its own (`limits`).
    let seconds = match name {
        "pdf" | "pictures" => 45,
        "page" => 20,
        _ => 2,
    };
    let is_mutation = name == "mutation";
    let runs = is_mutation.then_some(mutation::RUNS);
    let longest = Duration::from_secs(seconds);
    Some(Target { name, seeds, marks: Marks { tokens, nests }, read, longest, runs, takes_whole: is_mutation })
}

fn context(offset: u64) -> Context<'static> {
    Context { source_system: "old", zone: const { &TimeZone::UTC }, file: "a b/in.dat", offset }
}

fn hl7v2(input: &Seed, dice: &mut Dice) {
    let bytes = input.bytes.as_slice();
    let _ = looks_like_hl7v2(bytes);
    let (mut whole, mut blocks) = (Splitter::default(), Splitter::default());
    let items = cut_alike(bytes, &mut |b, l, i| whole.cut(b, l, i), &mut |b, l, i| blocks.cut(b, l, i), dice);
    let rules = mapping::hl7v2::Rules { exclude_test_patients: vec!["*TEST*".into()], ..Default::default() };
    for item in items.into_iter().take(RECORDS_MAX) {
        let message = &bytes[item.clone()];
        if let Ok(message) = Message::parse(message) {
            walk(&message, item.len());
        }
        let cx = context(item.start as u64);
        mapped(&mapping::hl7v2::map(message, &rules, &cx), message.len(), &cx);
    }
}

/// Reads the values of a message, at every level.
fn walk(message: &Message<'_>, length: usize) {
    let value = |value: &Value<'_>| {
        let _ = (value.text(), value.whole(), value.is_null());
        assert!(value.span().is_none_or(|span| span.start <= span.end && span.end <= length), "a value outside its message");
    };
    for segment in message.segments().take(300) {
        for field in (1..=segment.field_count().min(60)).map(|n| segment.field(n)) {
            for repetition in field.repetitions().take(10) {
                value(&repetition);
                for component in repetition.components().take(10) {
                    value(&component);
                    value(&component.sub(1));
                    value(&component.sub(2));
                }
            }
        }
    }
}

/// A page of a document in every form: HTML stays within its limits, and what is printed comes out.
fn cda_page(input: &Seed, _: &mut Dice) {
    let Ok(page) = render::cda::page(&input.bytes, render::cda::Options { mask_ids: true }) else { return };
    let html = render::cda::standalone(&page);
    for never in ["<script", "<iframe", "<object", "<form", "=\"javascript:"] {
        assert!(!html.contains(never), "a page holds {never}");
    }
    let _ = (render::cda::text(&page), page.text_sha256());
    let made = render::cda::pdf(&page).expect("every page can be printed");
    assert!(made.printed.pages > 0 && made.bytes.starts_with(b"%PDF-"), "no PDF");
}

fn cda_document(input: &Seed, _: &mut Dice) {
    let bytes = input.bytes.as_slice();
    let _ = cda::looks_like_cda(bytes);
    if let Ok(document) = cda::Document::read(bytes) {
        let _ = (cda::section_texts(&document), document.title(), document.entry_count());
        for element in document.root().descendants().take(2000) {
            let _ = (element.attributes().count(), element.xsi_type());
            assert!(element.span().is_none_or(|span| span.end <= bytes.len()), "an element outside its document");
        }
    }
    let cx = context(0);
    mapped(&mapping::cda::map(bytes, &mapping::cda::Rules::default(), &cx), bytes.len(), &cx);
    document(input, &mut Dice::of("", 0, 0));
}

/// The text of a document under its own type, none, and a wrong one.
fn document(input: &Seed, dice: &mut Dice) {
    let types = [
        None,
        None,
        Some("text/html; charset=shift_jis"),
        Some("application/rtf"),
        Some("application/xml"),
        Some("text/plain; charset=utf-16"),
    ];
    let read = text_of(&input.bytes, *dice.pick(&types));
    assert!(read.text.len() <= EXTRACTED_TEXT_MAX, "more text than is kept");
    if let Ok(text) = std::str::from_utf8(&input.bytes) {
        let _ = (render::narrative::safe_html_document(text), render::narrative::fhir_narrative_html(text));
    }
}

fn pictures(input: &Seed, _: &mut Dice) {
    let kind = chartkeep::formats::sniff(&input.bytes, None);
    if render::page_images::page_count(&input.bytes, kind).is_ok_and(|pages| pages > 0) {
        let _ = render::page_images::page_png(&input.bytes, kind, 1, 200);
    }
}

fn containers(input: &Seed, _: &mut Dice) {
    let home = tempfile::tempdir_in(super::worker::home()).expect("a folder");
    let path = home.path().join("delivery.zip");
    std::fs::write(&path, &input.bytes).expect("it is written");
    let Ok(delivery) = sources::list(std::slice::from_ref(&path), &home.path().join("scratch")) else { return };
    for file in &delivery.files {
        if let Ok(mut content) = sources::open(file) {
            let _ = std::io::copy(&mut content.by_ref().take(64 << 20), &mut std::io::sink());
        }
    }
    // A container that was taken can be written again from what is kept of it.
    for container in delivery.containers.iter().filter(|container| container.path == path) {
        let mut skeleton = Vec::new();
        container.write_skeleton(&mut skeleton).expect("what was unpacked reads again");
        let member = |number: usize| {
            let name = &container.members[number].name;
            let path =
                delivery.files.iter().map(|f| (&f.name, &f.path)).chain(delivery.containers.iter().map(|c| (&c.name, &c.path)));
            let found = path.into_iter().find(|(own, _)| *own == name).expect("every member is a file of the delivery");
            std::fs::File::open(found.1)
        };
        let mut content = Vec::new();
        sources::rebuild(&container.pieces, &mut skeleton.as_slice(), member, &mut content).expect("it can be written again");
        if container.packing == sources::Packing::Plain {
            assert!(content == input.bytes, "a container is not written again as it was");
        }
    }
}

fn fhir(input: &Seed, _: &mut Dice) {
    let mut tokenizer = Tokenizer::default();
    for line in input.bytes.split(|b| *b == b'\n').take(RECORDS_MAX) {
        if tokenizer.cut(line).is_err() {
            continue;
        }
        for leaf in &tokenizer.leaves {
            let text = leaf_text(&line[leaf.start as usize..leaf.end as usize]);
            let _ = target(&text);
        }
        let Ok(shape) = Shape::new(&tokenizer.template) else { continue };
        assert_eq!(shape.leaves(), tokenizer.leaves.len(), "a template with another number of leaves");
        let mut again = Vec::new();
        let leaf =
            |number: usize| tokenizer.leaves.get(number).map_or(&b""[..], |leaf| &line[leaf.start as usize..leaf.end as usize]);
        shape.restore(leaf, &mut again);
        assert!(again == line, "a record does not come back");
        if std::str::from_utf8(line).is_ok() {
            let other: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(line);
            assert!(other.is_ok(), "another parser does not call it JSON: {:?}", other.err());
        }
    }
    if let Some(text) = std::str::from_utf8(&input.bytes).ok().filter(|text| text.len() < 1 << 20) {
        let parts = split_bundle(text).unwrap_or_default();
        assert!(parts.entries.iter().all(|entry| text.get(entry.start..entry.end).is_some_and(|t| t.starts_with('{'))));
    }
}

fn code_maps(input: &Seed, _: &mut Dice) {
    let Ok(map) = code_map::read(&input.bytes) else { return };
    assert!(map.mappings.is_sorted_by_key(|mapping| (&mapping.system, &mapping.code)), "a map out of order");
}

fn settings(input: &Seed, _: &mut Dice) {
    let Ok(text) = std::str::from_utf8(&input.bytes) else { return };
    match Settings::parse(text) {
        Ok(settings) => {
            let open = |_: &str| Ok(Box::new(Cursor::new(b"A,B,C\n1,2,3\n".to_vec())) as Box<dyn Read>);
            let named = text.split("file = \"").skip(1).filter_map(|rest| rest.split('"').next());
            let files: Vec<String> = named.map(String::from).collect();
            let _ = Prepared::new(&settings.tables, &files, &open);
            let list = b"file,patient,date\na.pdf,1,2020-01-01\n".to_vec();
            let index =
                mapping::document::Index::load(&settings.documents, Some(list), [("scans/1/20200101_x.pdf", 7), ("a.pdf", 7)]);
            if let Ok(index) = index {
                for file in ["scans/1/20200101_x.pdf", "a.pdf"] {
                    let cx = Context { file, ..context(0) };
                    mapped(&mapping::document::map(&settings.documents, b"%PDF-1.4", 7, &index.describe(file), &cx), 7, &cx);
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A row of three columns.
struct Three([Option<&'static str>; 3], TimeZone);

impl<'a> expr::Row<'a> for Three {
    fn value(&self, slot: Slot) -> Option<&'a str> {
        let Slot::Own(place) = slot else { return None };
        self.0.get(place).copied().flatten()
    }

    fn zone(&self) -> &TimeZone {
        &self.1
    }
}

fn expressions(input: &Seed, dice: &mut Dice) {
    let Ok(text) = std::str::from_utf8(&input.bytes) else { return };
    let sets = ValueSets::new();
    for parsed in [Expr::parse(text, &sets), Expr::condition(text, &sets)].into_iter().flatten() {
        let resolved = parsed.resolve(&mut |name: &expr::Name| Ok::<_, ()>(Slot::Own(name.column.len() % 3)));
        let values = [Some("2020-02-29"), Some(""), Some("ä,b;c"), Some("-12.50"), Some("9999999999999999999999"), None];
        let row = Three(std::array::from_fn(|_| *dice.pick(&values)), TimeZone::UTC);
        if let Ok(resolved) = resolved {
            let _ = (resolved.eval(&row).is_ok(), resolved.is_true(&row).is_ok());
        }
    }
}

fn table_rows(input: &Seed, dice: &mut Dice) {
    let bytes = input.bytes.as_slice();
    if let Some((system, file)) = input.name.split_once('/') {
        ready_mapping(system, file, bytes);
    }
    let (found, findings) = detect(&bytes[..bytes.len().min(1 << 20)]);
    let written: toml::Table = format!("d = {}", found.to_toml()).parse().expect("a dialect is written as TOML");
    let again: Dialect = written["d"].clone().try_into().expect("a written dialect reads");
    assert!(again == found, "a dialect does not come back");
    let other = seeds::dialect(dice);
    for dialect in [&found, &other] {
        let (mut whole, mut blocks) = (RowCutter::new(dialect), RowCutter::new(dialect));
        let rows = cut_alike(bytes, &mut |b, l, i| whole.cut(b, l, i), &mut |b, l, i| blocks.cut(b, l, i), dice);
        let names = read_header(&bytes[..bytes.len().min(1 << 20)], dialect);
        profile(bytes, dialect, &findings, &names, &rows);
    }
}

/// Profiles a table, and demands that a mapping drafted from that can be read.
fn profile(bytes: &[u8], dialect: &Dialect, findings: &[chartkeep::model::Finding], names: &[String], rows: &[Range<usize>]) {
    let today = jiff::civil::date(2026, 1, 1);
    let mut profiler = TableProfiler::new("in.csv", dialect.clone(), findings, names, today);
    let mut scratch = Scratch::default();
    for row in rows.iter().take(RECORDS_MAX) {
        profiler.see(&bytes[row.clone()], row.start as u64);
        if let Ok(row) = chartkeep::formats::table::Row::parse(&bytes[row.clone()], dialect, &mut scratch) {
            assert_eq!(row.iter().count(), row.len(), "a row counts its fields in two ways");
        }
    }
    let (table, _) = profiler.finish(bytes.len() as u64);
    let profile = Profile { tables: vec![table], ..Profile::default() };
    let drafted = draft::draft(&profile, "old");
    if let Err(error) = Settings::parse(&drafted) {
        panic!("a drafted mapping does not read: {error}");
    }
}

thread_local! {
    static READY: RefCell<BTreeMap<String, Rc<Settings>>> = RefCell::default();
}

/// Maps a delivery of which one table is damaged.
fn ready_mapping(system: &str, damaged: &str, bytes: &[u8]) {
    let settings = READY.with_borrow_mut(|ready| {
        let parse = || Rc::new(Settings::parse(&ready::text(system).expect("a ready mapping")).expect("it reads"));
        ready.entry(system.to_string()).or_insert_with(parse).clone()
    });
    let delivery = seeds::delivery(system);
    let files: Vec<String> = delivery.keys().cloned().collect();
    let content = |file: &str| if file == damaged { Some(bytes) } else { delivery.get(file).map(Vec::as_slice) };
    let open = |file: &str| {
        let bytes = content(file).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes.to_vec())) as Box<dyn Read>)
    };
    let prepared = match Prepared::new(&settings.tables, &files, &open) {
        Ok(prepared) => prepared,
        Err(error) => {
            assert!(error.to_string().contains(damaged), "an error that does not name the file: {error}");
            return;
        }
    };
    let mut scratch = tabular::Scratch::default();
    for (file, table) in prepared.iter() {
        let bytes = content(file).expect("it was prepared");
        let mut rows = Vec::new();
        table.reader().cutter.cut(bytes, true, &mut rows);
        for row in rows.into_iter().take(RECORDS_MAX) {
            let cx = Context { file, zone: &settings.zone, ..context(row.start as u64) };
            let made = tabular::map_row(&bytes[row.clone()], table, &cx, &mut scratch);
            mapped(&made, row.len(), &cx);
        }
    }
}
