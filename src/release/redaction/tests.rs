//! Proofs of redaction over words: every place where one can hide, in a file that is made, redacted, printed and read again.
//!
//! Not for: pictures and pages of other files (`picture_tests`, `sheet_tests`).

use proptest::prelude::*;

use super::*;
use crate::release::paper::Pages;
use crate::render::pdf::content::*;
use crate::render::pdf::{Pdf, typeset};

pub(super) const SECRET: &str = "Quentin Zauberberg";

pub(super) fn redactions(terms: &[&str]) -> Redactions {
    let reason = |code: &str, words: &str| Reason { code: code.into(), words: words.into() };
    let term = |text: &&str| Term { text: (*text).into(), reason: "R-1".into(), by: "him".into(), at: 7, ..Term::default() };
    Redactions {
        v: VERSION,
        reasons: vec![reason("R-1", "42 CFR Part 2"), reason("R-2", "third party")],
        terms: terms.iter().map(term).collect(),
        ..Redactions::default()
    }
}

pub(super) fn run(text: &str) -> Run {
    Run { text: text.into(), ..Run::default() }
}

pub(super) fn paragraph(text: &str) -> Block {
    Block::Paragraph { words: vec![run(text)], look: Look::Body, anchor: None }
}

fn bold(text: &str) -> Run {
    Run { text: text.into(), style: Style { is_bold: true, ..Style::default() }, ..Run::default() }
}

fn cell(text: &str) -> Cell {
    Cell { blocks: vec![paragraph(text)], ..Cell::default() }
}

pub(super) fn printed(parts: Vec<Part>) -> Pdf {
    let content = Content { title: "Records".into(), seed: [3; 32], parts, ..Content::default() };
    typeset(&content).expect("a file")
}

/// Item `n` stands on part `n`.
pub(super) fn pages(pdf: &Pdf) -> Pages {
    pdf.printed.parts.iter().map(|range| (range.start, range.end - 1)).enumerate().collect()
}

/// Writes a file where `PDF_OUT` says, to be looked at.
pub(super) fn show(name: &str, bytes: &[u8]) {
    if let Ok(folder) = std::env::var("PDF_OUT") {
        std::fs::write(format!("{folder}/{name}"), bytes).expect("written");
    }
}

fn part(blocks: Vec<Block>) -> Part {
    Part { furniture: Furniture::default(), blocks }
}

fn with_furniture(set: impl Fn(&mut Furniture)) -> Part {
    let mut furniture = Furniture::default();
    set(&mut furniture);
    Part { furniture, blocks: vec![paragraph("Nothing here.")] }
}

fn grey() -> Pixels {
    Pixels::Grey { bytes: vec![200; 60 * 40], width: 60, height: 40 }
}

fn placed(text: &str, left: f32) -> PlacedWord {
    PlacedWord { text: text.into(), left, top: 10.0, width: 20.0, height: 8.0 }
}

/// Each place of a part where words stand, with the secret in it.
fn hiding_places() -> Vec<(&'static str, Part)> {
    let line = |left: &str, middle: &str, right: &str| Line { left: left.into(), middle: middle.into(), right: right.into() };
    let table = |body: Vec<Vec<Cell>>| Block::Table(Table { body, ..Table::default() });
    let mut long = "word ".repeat(14);
    long.push_str(SECRET);
    let picture = |words: Vec<PlacedWord>, caption: Vec<Run>, is_scan| {
        Block::Picture(Picture { pixels: grey(), alt: "A scan.".into(), caption, is_scan, words })
    };
    vec![
        ("a paragraph", part(vec![paragraph("Told by Quentin Zauberberg today.")])),
        ("capitals", part(vec![paragraph("Told by QUENTIN ZAUBERBERG today.")])),
        ("a wrapped line", part(vec![paragraph(&long)])),
        ("other blanks", part(vec![paragraph("by Quentin\u{a0}\u{2009}Zauberberg.")])),
        (
            "kept lines",
            part(vec![Block::Paragraph { words: vec![run("by Quentin\n   Zauberberg")], look: Look::Kept, anchor: None }]),
        ),
        ("soft hyphens", part(vec![paragraph("Quen\u{ad}tin Zauber\u{ad}berg")])),
        (
            "a broken word",
            part(vec![Block::Paragraph { words: vec![run("Quentin Zauber-\nberg")], look: Look::Kept, anchor: None }]),
        ),
        ("single letters", part(vec![paragraph("Q u e n t i n Z a u b e r b e r g")])),
        (
            "styles",
            part(vec![Block::Paragraph {
                words: vec![run("Quen"), bold("tin Zau"), run("berberg")],
                look: Look::Body,
                anchor: None,
            }]),
        ),
        (
            "raised letters",
            part(vec![Block::Paragraph {
                words: vec![run("Quentin Zauber"), Run { style: Style { shift: Shift::Sup, ..Style::default() }, ..run("berg") }],
                look: Look::Body,
                anchor: None,
            }]),
        ),
        ("two paragraphs", part(vec![paragraph("of Quentin"), paragraph("Zauberberg, who")])),
        (
            "a heading",
            part(vec![Block::Heading { level: 1, words: vec![run("About Quentin Zauberberg")], anchor: None, outline: None }]),
        ),
        (
            "a bookmark",
            part(vec![Block::Heading { level: 1, words: vec![run("About")], anchor: None, outline: Some(SECRET.into()) }]),
        ),
        (
            "a bookmark of a place",
            part(vec![Block::Place { anchor: None, level: 1, outline: Some(SECRET.into()) }, paragraph("x")]),
        ),
        ("a list", part(vec![Block::List { marker: Marker::Disc, items: vec![vec![paragraph(SECRET)]] }])),
        ("a box", part(vec![Block::Box { look: BoxLook::Notice, blocks: vec![Block::Indent(vec![paragraph(SECRET)])] }])),
        ("facts", part(vec![Block::Facts(vec![("Friend".into(), vec!["x".into(), SECRET.into()])])])),
        ("a fact's label", part(vec![Block::Facts(vec![(SECRET.into(), vec!["x".into()])])])),
        ("a cell", part(vec![table(vec![vec![cell("a"), cell(SECRET)]])])),
        ("two cells", part(vec![table(vec![vec![cell("Quentin"), cell("Zauberberg")]])])),
        ("two rows", part(vec![table(vec![vec![cell("x Quentin")], vec![cell("Zauberberg y")]])])),
        (
            "a table's head",
            part(vec![Block::Table(Table { head: vec![vec![cell(SECRET)]], body: vec![vec![cell("a")]], ..Table::default() })]),
        ),
        (
            "a table's caption",
            part(vec![Block::Table(Table { caption: vec![run(SECRET)], body: vec![vec![cell("a")]], ..Table::default() })]),
        ),
        (
            "a table in a cell",
            part(vec![table(vec![vec![Cell { blocks: vec![table(vec![vec![cell(SECRET)]])], ..Cell::default() }]])]),
        ),
        (
            "contents",
            part(vec![
                Block::Contents { words: vec![run(SECRET)], level: 1, to: Anchor("x".into()) },
                Block::Paragraph { words: vec![run("x")], look: Look::Body, anchor: Some(Anchor("x".into())) },
            ]),
        ),
        (
            "a link",
            part(vec![Block::Paragraph {
                words: vec![Run { link: Some(Anchor("y".into())), ..run(SECRET) }],
                look: Look::Body,
                anchor: Some(Anchor("y".into())),
            }]),
        ),
        ("the head", with_furniture(|f| f.head = vec![line("left", SECRET, "right")])),
        ("the foot", with_furniture(|f| f.foot = vec![line(SECRET, "page {page} of {pages}", "{sheet}")])),
        ("head, from left to right", with_furniture(|f| f.head = vec![line("Quentin", "Zauberberg", "")])),
        ("the banner", with_furniture(|f| f.banner = Some(SECRET.into()))),
        ("a caption", part(vec![picture(Vec::new(), vec![run("Of Quentin "), bold("Zauberberg")], false)])),
        ("words on a scan", part(vec![picture(vec![placed("Quentin", 2.0), placed("Zauberberg", 30.0)], Vec::new(), true)])),
    ]
}

#[test]
fn a_word_is_gone_from_every_place_where_it_can_hide() {
    let redactions = redactions(&[SECRET]);
    for (place, part) in hiding_places() {
        let open = printed(vec![part.clone()]);
        let found = prove(&open.bytes, &redactions, &pages(&open), &[]);
        assert!(
            matches!(&found, Err(leaks) if leaks.iter().all(|leak| matches!(leak, Leak::Term { term: 0, .. }))),
            "{place}: {found:?}"
        );
        let journal = Journal::default();
        let closed = printed(vec![Redactor::new(&redactions, 0).noting(&journal).part(part)]);
        show(&format!("words-{}.pdf", place.replace(' ', "-")), &closed.bytes);
        let proved = prove(&closed.bytes, &redactions, &pages(&closed), &journal.done());
        assert!(proved.is_ok(), "{place}: {proved:?}");
        assert_eq!(journal.done().len(), 1, "{place}");
    }
}

#[test]
fn the_mark_stands_where_the_word_stood() {
    let redactions = redactions(&["Anna Berg"]);
    let redactor = Redactor::new(&redactions, 0);
    assert_eq!(redactor.words("Seen by ANNA  BERG, MD; Anna\nBerg."), "Seen by [R-1: 42 CFR Part 2], MD; [R-1: 42 CFR Part 2].");
    let Block::Paragraph { words, .. } = &redactor
        .part(part(vec![Block::Paragraph {
            words: vec![run("by An"), bold("na B"), run("erg, MD")],
            look: Look::Body,
            anchor: None,
        }]))
        .blocks[0]
    else {
        panic!("a paragraph")
    };
    let texts: Vec<&str> = words.iter().map(|run| run.text.as_str()).collect();
    assert_eq!(texts, ["by [R-1: 42 CFR Part 2]", "", ", MD"]);
    // Each cell that lost something says so.
    let row = vec![cell("Anna"), cell("Berg"), cell("MD")];
    let table = redactor.part(part(vec![Block::Table(Table { body: vec![row], ..Table::default() })]));
    let Block::Table(table) = &table.blocks[0] else { panic!("a table") };
    let texts: Vec<String> = table.body[0].iter().map(|cell| format!("{:?}", cell.blocks)).collect();
    assert!(texts[0].contains("[R-1") && texts[1].contains("[R-1") && texts[2].contains("\"MD\""), "{texts:?}");
}

#[test]
fn terms_that_overlap_leave_one_mark_with_both_reasons() {
    let mut redactions = redactions(&["Anna Berg", "Berg Clinic"]);
    redactions.terms[1].reason = "R-2".into();
    let text = Redactor::new(&redactions, 0).words("at Anna Berg Clinic now");
    assert_eq!(text, "at [R-1: 42 CFR Part 2][R-2: third party] now");
}

#[test]
fn numbers_of_pages_are_not_touched_by_a_term_that_names_them() {
    let redactions = redactions(&["page", "sheets"]);
    let part = with_furniture(|f| f.foot = vec![Line { left: "page {page} of {sheets}".into(), ..Line::default() }]);
    let part = Redactor::new(&redactions, 0).part(part);
    assert_eq!(part.furniture.foot[0].left, "[R-1: 42 CFR Part 2] {page} of {sheets}");
}

#[test]
fn a_term_of_one_item_goes_there_and_stays_elsewhere() {
    let mut redactions = redactions(&[SECRET]);
    redactions.terms[0].item = Some(1);
    let same = || part(vec![Block::Heading { level: 1, words: vec![run(SECRET)], anchor: None, outline: Some(SECRET.into()) }]);
    let made = |touched: usize| {
        let parts = (0..3).map(|n| if n == touched { Redactor::new(&redactions, 1).part(same()) } else { same() });
        printed(parts.collect())
    };
    let right = made(1);
    assert!(prove(&right.bytes, &redactions, &pages(&right), &[]).is_ok());
    let wrong = made(2);
    let spots = [Spot::Page(2), Spot::Bookmark(2)].map(|spot| Leak::Term { term: 0, spot });
    assert_eq!(prove(&wrong.bytes, &redactions, &pages(&wrong), &[]), Err(spots.to_vec()));
    assert!(Redactor::new(&redactions, 0).is_idle() && !Redactor::new(&redactions, 1).is_idle());
    assert!(may_go_native(&redactions, 0) && !may_go_native(&redactions, 1));
}

#[test]
fn the_title_of_the_file_is_searched_in_both_places() {
    let redactions = redactions(&["Zauberberg"]);
    let content =
        Content { title: "Records of Zauberberg".into(), parts: vec![part(vec![paragraph("x")])], ..Content::default() };
    let pdf = typeset(&content).expect("a file");
    let leaks = prove(&pdf.bytes, &redactions, &pages(&pdf), &[]).expect_err("found");
    assert_eq!(leaks.len(), 2, "properties and XMP: {leaks:?}");
    // The words that every file holds are no leak.
    let terms = ["Hart", "Adobe", "Identity", "cat"].map(|term| super::tests::redactions(&[term]));
    let plain = printed(vec![part(vec![paragraph("x")])]);
    for redactions in terms {
        assert!(prove(&plain.bytes, &redactions, &pages(&plain), &[]).is_ok(), "{}", redactions.terms[0].text);
    }
}

#[test]
fn damaged_and_hidden_things_are_leaks() {
    let redactions = redactions(&[SECRET]);
    let pdf = printed(vec![part(vec![paragraph("Nothing.")])]);
    assert_eq!(prove(b"%PDF-1.7 nothing", &redactions, &Pages::new(), &[]), Err(vec![Leak::Unreadable]));
    assert!(prove(&pdf.bytes[..pdf.bytes.len() / 2], &redactions, &pages(&pdf), &[]).is_err());
    let added = |key: &str, object: lopdf::Object| {
        let mut document = lopdf::Document::load_mem(&pdf.bytes).expect("a file");
        let id = document.add_object(object);
        let root = document.trailer.get(b"Root").and_then(lopdf::Object::as_reference).expect("a root");
        document.get_dictionary_mut(root).expect("a root").set(key, lopdf::Object::Reference(id));
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).expect("saved");
        prove(&bytes, &redactions, &pages(&pdf), &[]).err().unwrap_or_default()
    };
    let text = |text: &str| lopdf::Object::string_literal(text);
    let utf16 = |text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_be_bytes);
        lopdf::Object::String([0xfe, 0xff].into_iter().chain(units).collect(), lopdf::StringFormat::Hexadecimal)
    };
    assert_eq!(added("Harmless", text("word")), []);
    for (what, object) in
        [("latin", text("quentin  ZAUBERBERG")), ("utf-16", utf16(SECRET)), ("list", vec![text("x"), utf16(SECRET)].into())]
    {
        assert!(matches!(added("Hidden", object)[..], [Leak::Term { spot: Spot::Object(_), .. }]), "{what}");
    }
    let dictionary = |key: &str| lopdf::Object::Dictionary(lopdf::Dictionary::from_iter([(key, text("x"))]));
    for key in ["JS", "EF", "AA", "XFA"] {
        assert!(matches!(added("Names", dictionary(key))[..], [Leak::Foreign(_)]), "{key}");
    }
}

/// Each way in which a word can stand in a file that is no PDF.
#[test]
fn other_files_are_searched_by_what_they_say() {
    use base64::Engine;
    let redactions = redactions(&[SECRET]);
    let packed = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let inner = packed(b"A letter to Quentin Zauberberg, by mail.");
    let wrapped: String = inner.as_bytes().chunks(20).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect();
    let pdf = printed(vec![part(vec![paragraph(SECRET)])]).bytes;
    let held = [
        ("text", format!("by {SECRET}")),
        ("JSON", format!("{{\"text\":\"by {SECRET}\"}}")),
        ("JSON, escaped", "{\"text\":\"by Quentin\\nZa\\u0075berberg\"}".to_owned()),
        ("JSON, parted", "{\"family\":[\"Quentin\"],\"x\":\"Zauberberg\"}\n{\"a\":1}".replace("\"x\":", "\"y\":")),
        ("JSON, packed", format!("{{\"data\":\"{inner}\"}}")),
        ("JSON, a packed PDF", format!("{{\"data\":\"{}\"}}", packed(&pdf))),
        ("XML", "<?xml version=\"1.0\"?><a><b>Quentin <i>Zauberberg</i></b></a>".to_string()),
        ("XML, escaped", "<?xml version=\"1.0\"?><a>Quentin&#32;Z&#x61;uberberg</a>".to_owned()),
        ("XML, an attribute", "<?xml version=\"1.0\"?><a displayName='Quentin Zauberberg'/>".to_owned()),
        ("XML, a comment", "<?xml version=\"1.0\"?><a><!-- Quentin Zauberberg --></a>".to_owned()),
        ("XML, packed", format!("<?xml version=\"1.0\"?><a><text>{wrapped}</text></a>")),
        ("HTML", "<html><body>Quentin&nbsp;Zauberberg</body></html>".to_owned()),
        ("RTF", "{\\rtf1 Quentin {\\b Zauber}berg}".to_owned()),
    ];
    for (what, file) in held {
        assert_eq!(
            prove_bytes(file.as_bytes(), &redactions, None),
            Err(vec![Leak::Term { term: 0, spot: Spot::File }]),
            "{what}"
        );
    }
    assert!(prove_bytes(&pdf, &redactions, None).is_err());
    for clean in
        ["{\"quentin zauberberg\":\"x\",\"code\":4711}", "<?xml version=\"1.0\"?><a/>", "Quentin went. Zauberberg stayed."]
    {
        assert_eq!(prove_bytes(clean.as_bytes(), &redactions, None), Ok(()), "{clean}");
    }
    // A picture cannot be searched for words.
    assert_eq!(prove_bytes(b"\x89PNG\r\n\x1a\nxxxxxxx", &redactions, None), Err(vec![Leak::Unreadable]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Whatever the words and however they are cut into runs, no term is left in the text, and none on paper: neither by itself nor
    /// across a line's end, which on paper may follow any hyphen, nor in the texts that stand for letters with marks.
    #[test]
    fn no_term_survives(
        words in prop::collection::vec("[a-dA-D]{1,3}([-\u{2010}\u{2013}]|- |--|' | |  |\u{a0}|\u{ad} |\u{301}|\u{301} |-\u{301})", 4..90),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        terms in prop::collection::vec("[a-d]{2,3}([ -][a-d]{1,2}){0,2}-?", 1..4),
        as_cells in any::<bool>(),
    ) {
        let text = words.concat();
        let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
        let redactions = redactions(&terms);
        let mut at: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len()))).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let pieces: Vec<&str> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let block = if as_cells {
            Block::Table(Table { body: vec![pieces.iter().map(|piece| cell(piece)).collect()], ..Table::default() })
        } else {
            let words = pieces.iter().enumerate().map(|(n, piece)| if n % 2 == 0 { run(piece) } else { bold(piece) }).collect();
            Block::Paragraph { words, look: Look::Body, anchor: None }
        };
        let part = Redactor::new(&redactions, 0).part(part(vec![block]));
        let pdf = printed(vec![part]);
        let proved = prove(&pdf.bytes, &redactions, &pages(&pdf), &[]);
        prop_assert!(proved.is_ok(), "{:?}: {terms:?} in {pieces:?}", proved.err());
        let once = Redactor::new(&redactions, 0).words(&text);
        prop_assert_eq!(Redactor::new(&redactions, 0).words(&once), once);
    }
}
