//! Proofs that pages hold all that records say: every text of the made-up hospital and of records by others, in the blocks and in
//! the file that is read back; every kind of file, whole or with why it is not there.
//!
//! Not for: the typesetter itself (`render::pdf`), packages (`release::build`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::model::{AccessionId, ArchiveId, DocumentId, Kind, Label, Place, Record};
use crate::release::redaction::Redactions;
use crate::release::selection::{Attachment, Origin, Person};
use crate::render::pdf::content::{Bates, Cell, Content};
use crate::render::pdf::{Pdf, typeset};
use crate::synth;

pub(super) fn setting() -> Setting {
    Setting {
        request: "ROI-2026-000017".into(),
        patient: Person {
            name: "QUILLFEATHER, Jane Annabel".into(),
            birth_date: "1961-04-09".into(),
            numbers: vec!["MRN 004711 (Meridian EHR)".into()],
            ..Person::default()
        },
        custodian: "Riverside Health".into(),
        as_of: "2026-05-04T10:00:00Z".into(),
        standing: "Copy, not certified".into(),
        notices: vec!["42 CFR part 2 prohibits unauthorized use or disclosure of these records.".into()],
        bates: Some(Bates { prefix: "RIV26-".into(), first: 1, digits: 8, is_of_file: true }),
        ..Setting::default()
    }
}

pub(super) fn taken(json: &str) -> (Item, Taken) {
    let root: Value = serde_json::from_str(json).unwrap_or_default();
    let text = |key: &str| root.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = Kind::from_name(&text("resourceType")).unwrap_or(Kind::BINARY);
    let place = Place { accession: AccessionId("acc-0123456789abcdef".into()), generation: 1, ordinal: 0 };
    let record = Record {
        kind,
        id: ArchiveId::parse(&text("id")).unwrap_or_else(|| ArchiveId::parse("x").unwrap()),
        original_id: text("id").into(),
        patient: None,
        place,
        source_system: "meridian".into(),
        version: 1,
        label: Label::NORMAL,
        json: json.into(),
    };
    let item = Item {
        n: 3,
        section: "records".into(),
        kind: kind.name().into(),
        title: reading::title(&root).unwrap_or_default(),
        date: Some("2014-03-12".into()),
        author: Some("Dr. Ada Wren".into()),
        status: Some("final".into()),
        versions: 1,
        version: 1,
        accession: "acc-0123456789abcdef".into(),
        source: Origin { system: "meridian".into(), file: "export/records.ndjson".into(), number: 12 },
        ..Item::default()
    };
    (item, Taken { record, original: json.as_bytes().to_vec(), leaf: None })
}

pub(super) fn pages(json: &str, documents: &[Document]) -> Paged {
    let (mut item, taken) = taken(json);
    let of = |document: &Document| Attachment {
        id: document.id.0.as_str().into(),
        media_type: document.content_type.clone(),
        ..Attachment::default()
    };
    item.attachments = documents.iter().map(of).collect();
    let redactions = Redactions::default();
    paged(&item, &taken, documents, &setting(), &Redactor::new(&redactions, item.n)).expect("nothing is redacted")
}

pub(super) fn document(content_type: &str, bytes: &[u8]) -> Document {
    let (_, taken) = taken("{}");
    Document {
        id: DocumentId(ArchiveId::parse("11-0-doc").unwrap()),
        record: taken.record,
        content_type: content_type.into(),
        title: Some("Scanned letter".into()),
        bytes: bytes.to_vec(),
        sha256: Sha256::digest(bytes).into(),
    }
}

/// Typesets parts, and writes the file where `ITEMS_OUT` says.
pub(super) fn print(name: &str, parts: Vec<Part>) -> Pdf {
    let content = Content { title: name.into(), language: Some("en".into()), created: 0, seed: [1; 32], parts };
    let pdf = typeset(&content).expect("a file");
    assert!(pdf.printed.lost.is_empty(), "{name}: links to nowhere {:?}", pdf.printed.lost);
    if let Ok(folder) = std::env::var("ITEMS_OUT") {
        std::fs::write(format!("{folder}/{name}.pdf"), &pdf.bytes).expect("written");
    }
    pdf
}

fn read_back(pdf: &Pdf) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &pdf.bytes).expect("written");
    let output = Command::new("pdftotext").arg("-raw").arg(file.path()).arg("-").output().expect("poppler");
    String::from_utf8(output.stdout).expect("text")
}

/// All words of blocks, in order.
pub(super) fn said(blocks: &[Block]) -> String {
    fn runs(runs: &[Run], out: &mut String) {
        runs.iter().for_each(|run| out.push_str(&run.text));
        out.push('\n');
    }
    fn cells<'c>(rows: impl Iterator<Item = &'c Vec<Cell>>, out: &mut String) {
        rows.flatten().for_each(|cell| walk(&cell.blocks, out));
    }
    fn walk(blocks: &[Block], out: &mut String) {
        for block in blocks {
            match block {
                Block::Heading { words, .. } | Block::Paragraph { words, .. } => runs(words, out),
                Block::List { items, .. } => items.iter().for_each(|item| walk(item, out)),
                Block::Table(table) => {
                    runs(&table.caption, out);
                    cells(table.head.iter().chain(&table.body).chain(&table.foot), out);
                }
                Block::Facts(facts) => facts.iter().for_each(|(label, lines)| {
                    out.push_str(label);
                    out.push('\n');
                    out.push_str(&lines.join("\n"));
                    out.push('\n');
                }),
                Block::Box { blocks, .. } | Block::Indent(blocks) => walk(blocks, out),
                _ => {}
            }
        }
    }
    let mut out = String::new();
    walk(blocks, &mut out);
    out
}

/// Letters and digits alone.
pub(super) fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What the archive prints of a time: the `T` between day and clock goes, `Z` is told as UTC.
fn printed_form(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_time = bytes.get(10) == Some(&b'T')
        && bytes.get(4) == Some(&b'-')
        && bytes.get(..4).is_some_and(|year| year.iter().all(u8::is_ascii_digit));
    if is_time { format!("{} {}", &text[..10], text[11..].replace('Z', " UTC")) } else { text.to_owned() }
}

/// The texts of a record that its pages must hold, with where they stand. What is excepted is said at the head of `items`.
fn texts<'v>(value: &'v Value, path: &str, out: &mut Vec<(String, &'v str)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, path, out)),
        Value::Object(members) => {
            let text = |key: &str| members.get(key).and_then(Value::as_str);
            let has_words = text("display").is_some() || text("reference").is_some_and(|at| at.starts_with('#'));
            for (key, value) in members {
                let is_excepted = match key.as_str() {
                    "meta" | "resourceType" | "id" => true,
                    "system" => true,
                    "url" => path.ends_with("xtension") || text("url").is_some_and(|url| url.starts_with("Binary/")),
                    "reference" => has_words || members.contains_key("identifier"),
                    "type" => members.contains_key("reference"),
                    "data" => true,
                    "div" => true,
                    _ => false,
                };
                if !is_excepted {
                    texts(value, &format!("{path}.{key}"), out);
                }
            }
        }
        Value::String(text) => out.push((path.to_owned(), text)),
        _ => {}
    }
}

/// The first text of a record that its pages lack.
fn lacking(root: &Value, on_pages: &str) -> Option<String> {
    let mut all = Vec::new();
    texts(root, "", &mut all);
    let missing = all.into_iter().find(|(_, text)| !on_pages.contains(&folded(&printed_form(text))));
    missing.map(|(path, text)| format!("{path}: {text:?}"))
}

/// Words of all narratives of a record.
fn narratives(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| narratives(item, out)),
        Value::Object(members) => {
            out.extend(
                members
                    .get("div")
                    .and_then(Value::as_str)
                    .map(|div| crate::formats::text_of(div.as_bytes(), Some("text/html")).text),
            );
            members.values().for_each(|value| narratives(value, out));
        }
        _ => {}
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The first words that a text does not have in their order.
pub(super) fn not_in_order(wanted: &str, text: &str) -> Option<String> {
    let found = words(text);
    let mut rest = found.iter();
    let wanted = words(wanted);
    let at = wanted.iter().position(|word| !rest.any(|found| found == word))?;
    Some(wanted[at..wanted.len().min(at + 6)].join(" "))
}

/// Records of a folder of NDJSON files, at most `most` of each file.
fn records(folder: &Path, most: usize) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ndjson"));
    files.sort();
    let mut out = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("read")).into_owned();
        let lines = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object()));
        out.extend(lines.take(most).map(|line| (name.clone(), line.to_owned())));
    }
    out
}

fn hospital() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let options = synth::Options { patients: 12, damage: false, ..synth::Options::default() };
        synth::write(&folder.path().join("delivery"), &options).expect("written");
        folder
    });
    Box::leak(folder.path().join("delivery").into_boxed_path())
}

#[test]
fn pages_hold_every_text_of_every_record() {
    let mut all = records(hospital(), 60);
    if let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS") {
        for folder in ["cumulus-all-types", "import-edge-cases", "pathling-9-patients", "smart-bulk-10-patients"] {
            all.extend(records(&Path::new(&corpus).join("fhir-ndjson").join(folder), 200));
        }
        all.extend(bundled(&Path::new(&corpus).join("fhir-bundles")));
    }
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for (file, line) in &all {
        let root: Value = serde_json::from_str(line).expect("JSON");
        let paged = pages(line, &[]);
        let text = said(&paged.part.blocks);
        let flat = folded(&text);
        faults.extend(lacking(&root, &flat).map(|what| format!("{file} lacks {what}")));
        let mut divs = Vec::new();
        narratives(&root, &mut divs);
        faults.extend(
            divs.iter().filter_map(|div| not_in_order(div, &text)).map(|what| format!("{file}: narrative lacks {what:?}")),
        );
        *kinds.entry(root["resourceType"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), all.len(), faults[..faults.len().min(30)].join("\n"));
    assert!(kinds.len() >= 15, "{kinds:?}");
    println!("{} records of {} kinds", all.len(), kinds.len());
}

/// The records of bundles by others.
fn bundled(folder: &Path) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for entry in walk(folder) {
        let Ok(value) = serde_json::from_slice::<Value>(&std::fs::read(&entry).unwrap_or_default()) else { continue };
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for entry in value["entry"].as_array().into_iter().flatten().take(150) {
            if entry["resource"]["resourceType"].as_str().is_some_and(|kind| Kind::from_name(kind).is_some()) {
                out.push((name.clone(), entry["resource"].to_string()));
            }
        }
    }
    out
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            out.append(&mut walk(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            out.push(path);
        }
    }
    out.sort();
    out
}

/// Pages as they are read back, without the lines that every page has.
pub(super) fn content_of(pdf: &Pdf) -> Vec<String> {
    let text = read_back(pdf);
    let page = |page: &str| page.split("\nQUILLFEATHER, Jane Annabel").next().unwrap_or_default().to_owned();
    text.split('\u{c}').map(page).collect()
}

#[test]
fn the_file_holds_every_word_of_every_record_in_order() {
    let all = records(hospital(), 5);
    let mut parts: Vec<Part> = all.iter().map(|(_, line)| pages(line, &[]).part).collect();
    for (at, part) in parts.iter_mut().enumerate() {
        pdf::anchors_under(&mut part.blocks, &format!("sample-{at}"));
    }
    let pdf = print("hospital", parts);
    let pages = content_of(&pdf);
    let mut notes = 0;
    for ((file, line), range) in all.iter().zip(&pdf.printed.parts) {
        let root: Value = serde_json::from_str(line).expect("JSON");
        let text = pages[range.start as usize - 1..range.end as usize - 1].join("\n");
        let lost = lacking(&root, &folded(&text));
        assert_eq!(lost, None, "{file}, pages {range:?}");
        for note in notes_of(&root) {
            let lost = not_in_order(&note, &text);
            assert_eq!(lost, None, "{file}, pages {range:?}");
            notes += 1;
        }
    }
    assert!(notes >= 8, "{notes} notes");
}

/// Texts that a record holds as files.
fn notes_of(root: &Value) -> Vec<String> {
    use base64::Engine;
    let attachments =
        root.pointer("/content/0/attachment").into_iter().chain(root["presentedForm"].as_array().into_iter().flatten());
    let binary = (root["resourceType"] == "Binary").then_some(root);
    let bytes = |file: &Value| base64::engine::general_purpose::STANDARD.decode(file["data"].as_str()?).ok();
    attachments
        .chain(binary)
        .filter(|file| file["contentType"].as_str().is_some_and(|kind| kind.starts_with("text/") || kind.ends_with("rtf")))
        .filter_map(|file| Some(crate::formats::text_of(&bytes(file)?, file["contentType"].as_str()).text))
        .collect()
}

#[test]
fn a_record_that_is_no_json_is_printed_as_it_was_delivered() {
    let paged = pages("{\"resourceType\": \"Observation\", 5 mg broken", &[]);
    assert!(paged.exceptions[0].attachment.is_none());
    assert!(said(&paged.part.blocks).contains("5 mg broken"));
}

#[test]
fn states_that_matter_are_said_before_the_first_word() {
    let notices = |json: &str, change: fn(&mut Item)| {
        let (mut item, taken) = taken(json);
        change(&mut item);
        let redactions = Redactions::default();
        let paged = paged(&item, &taken, &[], &setting(), &Redactor::new(&redactions, 3)).expect("pages");
        said(&paged.part.blocks)
    };
    let mistaken = r#"{"resourceType":"Condition","id":"c","verificationStatus":{"coding":[{"code":"entered-in-error"}]}}"#;
    assert!(notices(mistaken, |_| ()).contains("entered in error."));
    let early = r#"{"resourceType":"Observation","id":"o","status":"preliminary","code":{"text":"Potassium"}}"#;
    assert!(notices(early, |_| ()).contains("preliminary: "));
    assert!(notices(early, |item| item.flags = vec!["unsigned".into()]).contains("final, unsigned"));
    let old = notices(early, |item| item.versions = 3);
    assert!(old.contains("1 of 3 that exist") && old.contains("holds a newer version"));
    assert!(!notices(r#"{"resourceType":"Observation","id":"o","status":"final"}"#, |_| ()).contains("newer version"));
}

#[test]
fn names_known_when_the_selection_was_frozen_stand_for_references() {
    let json = r#"{"resourceType":"Encounter","id":"e","subject":{"reference":"Patient/p"},
        "participant":[{"individual":{"reference":"Practitioner/a/_history/2"}},{"individual":{"reference":"Practitioner/b"}}],
        "serviceProvider":{"reference":"Organization/c","display":"Own words"}}"#;
    let found: Vec<String> = references(json).into_iter().collect();
    assert_eq!(found, ["Patient/p", "Practitioner/a", "Practitioner/b"]);
    assert_eq!(named(r#"{"name":[{"given":["Ada"],"family":"Wren","prefix":["Dr."]}]}"#).as_deref(), Some("Dr. Ada Wren"));
    let (mut item, taken) = taken(json);
    item.patient = "p".into();
    let mut setting = setting();
    setting.names.insert("Practitioner/a".into(), "Dr. Ada Wren".into());
    setting.sections.insert(3, "Encounters".into());
    let redactions = Redactions::default();
    let paged = paged(&item, &taken, &[], &setting, &Redactor::new(&redactions, 3)).expect("pages");
    let text = said(&paged.part.blocks);
    assert!(text.contains("Dr. Ada Wren") && text.contains("Practitioner/b") && text.contains("Own words"), "{text}");
    assert!(!text.contains("Practitioner/a") && !text.contains("Organization/c") && !text.contains("Patient/p"), "{text}");
    assert!(text.starts_with("Encounters\n"), "the section is opened: {text}");
}

#[test]
fn results_are_one_table() {
    let json = r##"{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Panel"},
        "contained":[{"resourceType":"Observation","id":"a","status":"final","code":{"text":"Potassium","coding":[{"system":"http://loinc.org","code":"2823-3"}]},
            "valueQuantity":{"value":6.10,"comparator":">=","unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"},
            "interpretation":[{"coding":[{"code":"HH","display":"Critical high"}]}],
            "referenceRange":[{"low":{"value":3.5,"unit":"mmol/L"},"high":{"value":5.1,"unit":"mmol/L"}}]}],
        "result":[{"reference":"#a"},{"reference":"Observation/b","display":"Sodium"}]}"##;
    let paged = pages(json, &[]);
    let table = paged.part.blocks.iter().find_map(|block| if let Block::Table(table) = block { Some(table) } else { None });
    let row: Vec<String> = table.expect("a table").body[0].iter().map(|cell| said(&cell.blocks).trim().to_owned()).collect();
    assert_eq!(row, ["Potassium (2823-3 LOINC)", "≥ 6.10", "mmol/L", "Critical high (HH)", "3.5 mmol/L – 5.1 mmol/L"]);
    assert!(said(&paged.part.blocks).contains("Sodium"));
}

#[test]
fn margins_hold_long_names_and_take_no_orders() {
    let mut setting = setting();
    setting.patient.name = "WOLFESCHLEGELSTEINHAUSENBERGERDORFF, Hubert Blaine Ξενοφών Дмитрий 山田 محمد ".repeat(2);
    setting.patient.numbers = (0..9).map(|at| format!("MRN {at}00471 (Meridian Hospital Information System)")).collect();
    let title = format!("{{page}} {}", "A very long title of a document ".repeat(9));
    let made = furniture(&setting, &title, "2014 · meridian", None);
    assert!(made.head[1].left.starts_with("(page) A very") && made.head[1].left.ends_with('…'));
    assert!(made.head[0].right.ends_with("5 more on the cover"));
    let (item, taken) = taken(DOCUMENT);
    let redactions = Redactions::default();
    let item = Item { title, ..item };
    let wide = document("image/jpeg", &picture(image::ImageFormat::Jpeg, 1400, 900));
    let paged = paged(&item, &taken, &[wide], &setting, &Redactor::new(&redactions, 3)).expect("pages");
    let pdf = print("long-names", vec![paged.part]);
    assert!(folded(&read_back(&pdf)).contains("wolfeschlegelsteinhausenbergerdorff"));
}

pub(super) const DOCUMENT: &str = r#"{"resourceType":"DocumentReference","id":"doc","status":"current","type":{"text":"Letter"},
    "content":[{"attachment":{"contentType":"x","url":"Binary/11-0-doc","title":"Scanned letter"}}]}"#;

pub(super) fn picture(format: image::ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 90]));
    let mut out = std::io::Cursor::new(Vec::new());
    image::DynamicImage::from(pixels).write_to(&mut out, format).expect("encoded");
    out.into_inner()
}
