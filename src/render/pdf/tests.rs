//! Proofs of the typesetter over poppler: what is printed can be read back, whole and in order, and the same content gives the
//! same bytes.
//!
//! Not for: what documents hold, speed (`benches/pdf.rs`).

use std::io::Write as _;
use std::process::Command;

use super::content::*;
use super::*;

fn run(text: &str) -> Run {
    Run { text: text.into(), ..Run::default() }
}

fn paragraph(text: &str) -> Block {
    Block::Paragraph { words: vec![run(text)], look: Look::Body, anchor: None }
}

fn heading(level: u8, text: &str) -> Block {
    let anchor = Some(Anchor(text.into()));
    Block::Heading { level, words: vec![run(text)], anchor, outline: Some(text.into()) }
}

fn cell(text: &str) -> Cell {
    Cell { blocks: vec![paragraph(text)], ..Cell::default() }
}

fn content(blocks: Vec<Block>) -> Content {
    let line = |left: &str, right: &str| Line { left: left.into(), right: right.into(), ..Line::default() };
    let furniture = Furniture {
        head: vec![line("Jane Q. Sample · born 1960-02-03 · MRN 4711", "Discharge summary")],
        foot: vec![line("Riverside archive", "Page {page} of {pages} · {bates}")],
        bates: Some(Bates { prefix: "RIV26-".into(), first: 17, digits: 8, is_of_file: false }),
        banner: None,
    };
    Content {
        title: "A sample — Überblick".into(),
        language: Some("en".into()),
        created: 1_700_000_000,
        seed: [7; 32],
        parts: vec![Part { furniture, blocks }],
    }
}

/// Runs a tool of poppler or qpdf over a file.
fn tool(name: &str, bytes: &[u8], arguments: &[&str]) -> String {
    let mut file = tempfile::Builder::new().suffix(".pdf").tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    let arguments =
        arguments.iter().map(|argument| if *argument == "FILE" { file.path().as_os_str() } else { argument.as_ref() });
    let output = Command::new(name).args(arguments).output().expect("the tool is there");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn text(pdf: &Pdf) -> String {
    tool("pdftotext", &pdf.bytes, &["-raw", "FILE", "-"])
}

#[test]
fn words_come_back() {
    let pdf = typeset(&content(vec![heading(1, "Allergies"), paragraph("Penicillin: hives, 2011.")])).expect("a file");
    let text = text(&pdf);
    assert!(text.starts_with("Allergies\nPenicillin: hives, 2011.\n"), "{text:?}");
    assert!(text.contains("Page 1 of 1 · RIV26-00000017"), "{text:?}");
}

/// The words of `pdftotext -raw`, as the corpus test counts them.
fn words(text: &str) -> Vec<String> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Whether all words stand in a text, in order.
#[track_caller]
fn assert_in_order(source: &str, text: &str) {
    let found = words(text);
    let mut rest = found.iter();
    for word in words(source) {
        assert!(rest.any(|found| *found == word), "{word:?} is missing, or not in its place, in {text:?}");
    }
}

/// Typesets, writes a sample where `PDF_OUT` says, and has qpdf look at the file.
#[track_caller]
fn printed(name: &str, blocks: Vec<Block>) -> Pdf {
    let pdf = typeset(&content(blocks)).expect("a file");
    if let Ok(dir) = std::env::var("PDF_OUT") {
        std::fs::write(format!("{dir}/{name}.pdf"), &pdf.bytes).expect("written");
    }
    pdf
}

const LONG: &str = "The patient was seen in the emergency department with chest pain of two hours, radiating to the left arm, and was \
     admitted for observation; troponin was normal at 0 and 3 hours, the electrocardiogram showed no change, and a follow-up visit \
     was arranged with cardiology within 14 days (see https://example.org/a/rather/long/path?with=parameters&and=more).";

fn styled(text: &str, set: impl Fn(&mut Style)) -> Run {
    let mut style = Style::default();
    set(&mut style);
    Run { text: text.into(), style, ..Run::default() }
}

fn grey(width: u32, height: u32) -> Pixels {
    Pixels::Grey { bytes: (0..width * height).map(|place| ((place % width) * 255 / width) as u8).collect(), width, height }
}

fn every_kind() -> Vec<Block> {
    let list = |marker, items: &[&str]| Block::List { marker, items: items.iter().map(|item| vec![paragraph(item)]).collect() };
    let mixed = vec![
        run("Plain, "),
        styled("bold", |s| s.is_bold = true),
        run(", "),
        styled("italic", |s| s.is_italic = true),
        run(", "),
        styled("both", |s| (s.is_bold, s.is_italic) = (true, true)),
        run(", "),
        styled("underlined", |s| s.is_underlined = true),
        run(", "),
        styled("struck", |s| s.is_struck = true),
        run(", "),
        styled("mono 0O1lI", |s| s.is_mono = true),
        run(", "),
        styled("muted", |s| s.is_muted = true),
        run(", "),
        styled("marked", |s| s.is_marked = true),
        run(", CO"),
        styled("2", |s| s.shift = Shift::Sub),
        run(" and m"),
        styled("2", |s| s.shift = Shift::Sup),
        run(", and a "),
        Run { text: "link to medications".into(), link: Some(Anchor("Medications".into())), ..Run::default() },
        run("."),
    ];
    let table = |columns: &[&str], rows: &[&[&str]]| {
        let row = |texts: &[&str], is_heading| texts.iter().map(|text| Cell { is_heading, ..cell(text) }).collect::<Vec<_>>();
        Block::Table(Table {
            caption: vec![run("Results of the last visit")],
            head: vec![row(columns, true)],
            body: rows.iter().map(|texts| row(texts, false)).collect(),
            ..Table::default()
        })
    };
    vec![
        heading(1, "Discharge summary"),
        Block::Facts(vec![
            ("Patient".into(), vec!["Jane Q. Sample".into(), "12 Long Road, Riverside CA 92501".into()]),
            ("Born".into(), vec!["1960-02-03 (female)".into()]),
            ("Identifiers".into(), vec!["4711 (2.16.840.1.113883.19.5)".into(), "111-00-2330 (SSN)".into()]),
            ("Care provision by a longer label than others".into(), vec!["2019-03-04 to 2019-03-09".into()]),
        ]),
        Block::Contents { words: vec![run("Allergies")], level: 1, to: Anchor("Allergies".into()) },
        Block::Contents { words: vec![run("Medications")], level: 2, to: Anchor("Medications".into()) },
        heading(2, "Allergies"),
        Block::Paragraph { words: mixed, look: Look::Body, anchor: None },
        paragraph(LONG),
        Block::Box {
            look: BoxLook::Warning,
            blocks: vec![paragraph("Entries were found that no words stand for."), paragraph(LONG)],
        },
        Block::Box { look: BoxLook::Notice, blocks: vec![paragraph("This document was made by the archive.")] },
        list(Marker::Disc, &["Penicillin", LONG, "Latex"]),
        list(Marker::LittleRoman, &["one", "two", "three", "four"]),
        Block::List {
            marker: Marker::Arabic,
            items: vec![vec![paragraph("Outer"), list(Marker::LittleAlpha, &["inner", "inner too"])], vec![paragraph("Second")]],
        },
        heading(2, "Medications"),
        table(
            &["Test", "Value", "Unit", "Range", "Date", "Interpretation"],
            &[
                &["Hemoglobin", "13.2", "g/dL", "12.0–16.0", "2019-03-05", "normal"],
                &["Leukocytes", "6.7", "10*3/uL", "4.3–10.8", "2019-03-05", "normal, but see the comment of the laboratory"],
                &["Sodium", "151", "mmol/L", "136–145", "2019-03-06", "high"],
            ],
        ),
        heading(3, "As typed"),
        Block::Paragraph { words: vec![run("BP   120/80\n  HR     72\n\tTemp 98.6 F")], look: Look::Kept, anchor: None },
        Block::Indent(vec![paragraph("Moved to the right."), Block::Indent(vec![paragraph(LONG)])]),
        Block::Paragraph { words: vec![run("Centered small print")], look: Look::Centered, anchor: None },
        Block::Paragraph { words: vec![run("At the right")], look: Look::Right, anchor: None },
        Block::Paragraph { words: vec![run("Small: what stands beside.")], look: Look::Small, anchor: None },
        Block::Rule,
        Block::Picture(Picture {
            pixels: grey(200, 60),
            alt: "A ramp".into(),
            caption: vec![run("Figure: a ramp of grey")],
            is_scan: false,
            words: Vec::new(),
        }),
        Block::Picture(Picture {
            pixels: grey(850, 1100),
            alt: "A scan".into(),
            caption: Vec::new(),
            is_scan: true,
            words: vec![PlacedWord { text: "SCANNED".into(), left: 100.0, top: 100.0, width: 200.0, height: 30.0 }],
        }),
    ]
}

#[test]
fn every_kind_of_block_prints_its_words_in_order() {
    let pdf = printed("kinds", every_kind());
    let text = text(&pdf);
    assert_in_order(
        "Discharge summary Patient Jane Q Sample 12 Long Road Born Identifiers 4711 SSN Care provision by a longer label than others \
         2019 Allergies 1 Medications",
        &text,
    );
    assert_in_order(
        "Plain bold italic both underlined struck mono 0O1lI muted marked CO2 and m2 and a link to medications",
        &text,
    );
    assert_in_order(
        &format!("found that no words stand for {LONG} This document was made by the archive Penicillin {LONG} Latex"),
        &text,
    );
    assert_in_order("i one ii two iii three iv four 1 Outer a inner b inner too 2 Second", &text);
    assert_in_order(
        "Results of the last visit Test Value Hemoglobin 13.2 g/dL Leukocytes 6.7 10*3/uL comment of the laboratory",
        &text,
    );
    assert_in_order("BP 120/80 HR 72 Temp 98.6 F Moved to the right Centered small print Figure a ramp of grey SCANNED", &text);
    assert!(pdf.printed.missing.is_empty() && pdf.printed.lost.is_empty(), "{:?}", pdf.printed);
    tool("qpdf", &pdf.bytes, &["--check", "FILE"]);
    assert!(tool("pdfinfo", &pdf.bytes, &["FILE"]).contains("A sample — Überblick"));
    assert!(tool("pdffonts", &pdf.bytes, &["FILE"]).lines().skip(2).all(|line| line.contains("yes yes yes")));
}

#[test]
fn scripts_of_the_world_come_back_in_the_order_of_reading() {
    let cases = [
        "Žluťoučký kůň Ångström façade naïve Łódź",
        "Ελληνικά: ο ασθενής πήρε 5 μg φάρμακο, 10 µg",
        "Пациент получил препарат",
        "Bệnh nhân đã được điều trị bằng thuốc kháng sinh",
        "e\u{301}te\u{301} decomposed",
        "مريض يعاني من السكري",
        "המטופל קיבל טיפול תרופתי ( פניצילין )",
        "ผู้ป่วยได้รับการรักษา",
        "रोगी को मधुमेह है",
        "রোগী ভালো আছেন",
        "患者被诊断为糖尿病。",
        "患者は糖尿病と診断されました。",
        "환자는 당뇨병 진단을 받았습니다",
        "≥ ≤ ± µ ° → ✓ ☐ ☑ ½ ™ € £ ¥ “quoted” ‘it’ – — … •",
        "Հիվանդ ავადმყოფი ታካሚ អ្នកជំងឺ",
    ];
    let pdf = printed("scripts", cases.iter().map(|text| paragraph(text)).collect());
    let text = text(&pdf);
    // Poppler puts marks of direction around text that runs to the left.
    let text: String = text.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}')).collect();
    let mut bad = Vec::new();
    for case in cases {
        let wanted: Vec<&str> = case.split_whitespace().collect();
        let found: Vec<&str> = text.split_whitespace().collect();
        let mut rest = found.iter();
        for word in wanted {
            if !rest.any(|found| *found == word) {
                bad.push(word.to_string());
                break;
            }
        }
    }
    assert!(bad.is_empty(), "{bad:?} in\n{text}");
    assert!(pdf.printed.missing.is_empty(), "{:?}", pdf.printed.missing);
}

#[test]
fn what_cannot_be_printed_and_what_would_act_is_seen_and_counted() {
    let pdf = printed("odd", vec![paragraph("bell \u{7} here \u{202e}turned\u{202c} and \u{1f9ff} \u{e123} again \u{7}.")]);
    let text = text(&pdf);
    assert_in_order("bell U 0007 here U 202E turned U 202C and U 1F9FF U E123 again U 0007", &text);
    assert_eq!(pdf.printed.missing, [('\u{7}', 2), ('\u{202c}', 1), ('\u{202e}', 1), ('\u{e123}', 1), ('\u{1f9ff}', 1)]);
}

#[test]
fn a_word_longer_than_a_line_comes_back_whole() {
    let word: String = (0..400).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let ideographs: String = (0..300).map(|n| char::from_u32(0x4e00 + n).expect("a letter")).collect();
    let pdf = printed("word", vec![paragraph(&format!("before {word} after")), paragraph(&ideographs)]);
    assert_in_order(&format!("before {word} after {ideographs}"), &text(&pdf));
}

fn wide_table(columns: usize, rows: usize) -> Block {
    let row = |number: usize, is_heading| {
        (0..columns).map(|column| Cell { is_heading, ..cell(&format!("r{number}column{column}")) }).collect::<Vec<_>>()
    };
    Block::Table(Table {
        head: vec![row(0, true)],
        body: (1..=rows).map(|number| row(number, false)).collect(),
        ..Table::default()
    })
}

fn all_words(columns: usize, rows: usize) -> String {
    (0..=rows).flat_map(|row| (0..columns).map(move |column| format!("r{row}column{column} "))).collect()
}

#[test]
fn wide_and_long_tables_keep_every_cell_in_order() {
    for (columns, rows) in [(12, 60), (30, 40)] {
        let pdf = printed(&format!("wide{columns}"), vec![paragraph("Before."), wide_table(columns, rows), paragraph("After.")]);
        assert_in_order(&format!("Before {} After", all_words(columns, rows)), &text(&pdf));
    }
    let pdf = printed("long", vec![wide_table(4, 5000)]);
    assert_in_order(&all_words(4, 5000), &text(&pdf));
    // Its heading comes again on every page.
    assert!(text(&pdf).matches("r0column3").count() as u32 >= pdf.printed.pages);
}

#[test]
fn rows_and_cells_of_any_height_keep_the_order_of_reading() {
    let many = |name: &str, count: usize| (0..count).map(|n| format!("{name}{n} ")).collect::<String>();
    let spanning = |text: &str, rows, columns| Cell { rows, columns, ..cell(text) };
    let (first, second, third) = (many("first", 900), many("second", 1400), many("third", 5));
    let table = Table {
        body: vec![
            vec![spanning("tall cell over three rows", 3, 1), cell("a"), cell("b")],
            vec![cell("c"), cell("d")],
            vec![spanning("over both", 9, 2)],
            vec![cell(&first), cell(&second), cell(&third)],
            vec![spanning("nested", 1, 1), Cell { blocks: vec![wide_table(3, 80)], columns: 2, ..Cell::default() }],
        ],
        ..Table::default()
    };
    let pdf = printed("spans", vec![Block::Table(table)]);
    let source = format!("tall cell over three rows a b c d over both {first} {second} {third} nested {}", all_words(3, 80));
    assert_in_order(&source, &text(&pdf));
}

#[test]
fn nothing_and_much_nesting_are_printed() {
    assert_eq!(printed("empty", Vec::new()).printed.pages, 1);
    let none = typeset(&Content::default()).expect("a file");
    assert_eq!(none.printed.pages, 1);
    tool("qpdf", &none.bytes, &["--check", "FILE"]);
    let mut deep = paragraph("deepest words of all");
    for level in 0..300 {
        deep = match level % 4 {
            0 => Block::Indent(vec![deep]),
            1 => Block::List { marker: Marker::Arabic, items: vec![vec![deep]] },
            2 => Block::Box { look: BoxLook::Plain, blocks: vec![deep] },
            _ => Block::List { marker: Marker::Disc, items: vec![vec![paragraph("level"), deep]] },
        };
    }
    assert_in_order("level level deepest words of all", &text(&printed("deep", vec![deep])));
}

#[test]
fn the_same_content_gives_the_same_bytes_whatever_the_threads() {
    let mut content = content(every_kind());
    let part = content.parts[0].clone();
    content.parts = (0..7)
        .map(|number| Part {
            blocks: [
                vec![paragraph(&format!("Part {number} العربية"))],
                if number % 2 == 0 { part.blocks.clone() } else { vec![wide_table(9, 200)] },
            ]
            .concat(),
            furniture: part.furniture.clone(),
        })
        .collect();
    let once = typeset(&content).expect("a file");
    for threads in [1, 2, 5] {
        let cover = Cover {
            title: content.title.clone(),
            language: content.language.clone(),
            created: content.created,
            seed: content.seed,
            threads,
        };
        let mut bytes = Vec::new();
        let printed = press(&cover, content.parts.clone(), &mut bytes).expect("a file");
        assert!(bytes == once.bytes, "{threads} threads");
        assert_eq!(printed.parts, once.printed.parts);
    }
    assert_eq!(once.printed.anchors.get("Allergies"), Some(&1));
}

#[test]
fn pages_of_other_files_come_with_furniture_around_them_and_broken_ones_are_faults() {
    let inner = printed("inner", every_kind());
    let file = std::sync::Arc::new(inner.bytes);
    let sheet = |page| Block::Sheet(Sheet { file: std::sync::Arc::clone(&file), page });
    assert_eq!(sheets(&file).expect("pages"), inner.printed.pages);
    let pdf = printed("sheets", vec![heading(1, "Attached"), sheet(0), sheet(1), paragraph("Afterwards")]);
    let text = text(&pdf);
    assert_in_order("Attached Discharge summary Patient Jane Leukocytes Afterwards", &text);
    assert_eq!(pdf.printed.pages, 4);
    tool("qpdf", &pdf.bytes, &["--check", "FILE"]);
    let broken = |bytes: Vec<u8>, page| {
        typeset(&content(vec![Block::Sheet(Sheet { file: bytes.into(), page })])).map(|pdf| pdf.printed.pages)
    };
    assert!(matches!(broken(file.to_vec(), 99), Err(PdfFault::Part { number: 0, .. })));
    assert!(broken(b"%PDF-1.7 nothing".to_vec(), 0).is_err());
    assert!(broken(Vec::new(), 0).is_err());
    assert!(
        typeset(&content(vec![Block::Picture(Picture {
            pixels: Pixels::Jpeg { bytes: b"no".to_vec(), width: 1, height: 1 },
            alt: String::new(),
            caption: Vec::new(),
            is_scan: false,
            words: Vec::new(),
        })]))
        .is_err()
    );
}

#[test]
fn the_outline_nests_and_contents_tell_the_page() {
    let blocks = vec![
        Block::Contents { words: vec![run("Last")], level: 1, to: Anchor("Last".into()) },
        Block::Contents { words: vec![run("Nowhere")], level: 1, to: Anchor("Nowhere".into()) },
        Block::NewPage,
        heading(1, "First"),
        heading(2, "Inside"),
        Block::NewPage,
        Block::NewPage,
        heading(1, "Last"),
    ];
    let pdf = printed("outline", blocks);
    assert_eq!(pdf.printed.pages, 3);
    assert_in_order("Last 3 Nowhere", &text(&pdf));
    assert_eq!(pdf.printed.lost, [Anchor("Nowhere".into())]);
    let document = lopdf::Document::load_mem(&pdf.bytes).expect("a file");
    let titles: Vec<(String, usize)> =
        document.get_toc().expect("an outline").toc.iter().map(|entry| (entry.title.clone(), entry.level)).collect();
    assert_eq!(titles, [("First".into(), 1), ("Inside".into(), 2), ("Last".into(), 1)]);
}

#[test]
fn numbers_that_are_known_late_stand_where_they_belong() {
    let late = |late| Run { text: "RIV26-00000000".into(), late: Some(late), ..Run::default() };
    let to = || Anchor("scan".into());
    let index =
        vec![run("The scan is page "), late(Late::Page(to())), run(" or "), late(Late::Bates(to())), run(" of the file.")];
    let mut content = content(vec![Block::Paragraph { words: index, look: Look::Body, anchor: None }, paragraph("More.")]);
    let bates = Some(Bates { prefix: "RIV26-".into(), first: 100, digits: 8, is_of_file: true });
    content.parts[0].furniture.bates = bates.clone();
    let scan = Picture { pixels: grey(100, 130), alt: String::new(), caption: Vec::new(), is_scan: true, words: Vec::new() };
    let place = Block::Place { anchor: Some(to()), level: 2, outline: Some("The scan".into()) };
    let furniture = Furniture { banner: Some("Restricted: ".repeat(20)), ..content.parts[0].furniture.clone() };
    content.parts.push(Part { furniture, blocks: vec![paragraph("Words before."), place, Block::Picture(scan)] });
    let pdf = typeset(&content).expect("a file");
    let text = text(&pdf);
    assert_in_order("The scan is page 3 or RIV26 00000102 of the file More Words before", &text);
    assert_eq!(pdf.printed.anchors.get("scan"), Some(&3));
    assert_eq!(pdf.printed.parts, [1..2, 2..4]);
    assert_eq!(text.matches("Restricted:").count(), 40);
    tool("qpdf", &pdf.bytes, &["--check", "FILE"]);
}
