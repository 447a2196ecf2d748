//! Proofs of redaction over pages of attached PDFs, in files made to hide words from one who looks for them.
//!
//! Not for: scans (`picture_tests`).

use std::sync::Arc;

use super::tests::{pages, printed, redactions, show};
use super::*;
use crate::render::pdf::content::{Block, Furniture, Sheet};

/// A PDF of small pages, each with its drawing and further entries; `objects` get numbers from 100 on.
pub fn pdf(drawings: &[(&str, &str)], objects: &[&str]) -> Vec<u8> {
    let mut all: Vec<(usize, String)> = vec![
        (1, "<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[90 0 R]/D<</OFF[90 0 R]>>>>>>".into()),
        (90, "<</Type/OCG/Name(x)>>".into()),
        (10, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".into()),
        (11, "<</Type/Font/Subtype/Type3/FontBBox[0 0 10 10]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 65/LastChar 66/Widths[8 8]\
              /CharProcs<</A 13 0 R/B 13 0 R>>/Encoding<</Type/Encoding/Differences[65/A/B]>>/Resources<<>>>>"
            .into()),
        (12, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Type/Encoding/Differences[65/alef/bet/fi/lamed/shin/vav/finalmem]>>>>".into()),
        (13, stream("", "8 0 0 0 8 8 d1 0 0 8 16 re f")),
    ];
    let mut kids = String::new();
    for (number, (drawing, entries)) in drawings.iter().enumerate() {
        let page = 20 + number * 2;
        // Pages that share a drawn font share its drawings.
        let fonts = if drawing.contains("/F2") { "/Font<</F2 11 0 R>>" } else { "/Font<</F1 10 0 R/F3 12 0 R>>" };
        kids.push_str(&format!("{page} 0 R "));
        let (resources, others) = entries.split_once('|').unwrap_or((entries, ""));
        all.push((
            page,
            format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents {} 0 R/Resources<<{fonts}{resources}>>{others}>>",
                page + 1
            ),
        ));
        all.push((page + 1, stream("", drawing)));
    }
    all.push((2, format!("<</Type/Pages/Kids[{kids}]/Count {}>>", drawings.len())));
    all.extend(objects.iter().enumerate().map(|(number, object)| (100 + number, (*object).to_owned())));
    let mut file = String::from("%PDF-1.7\n");
    let mut places = std::collections::BTreeMap::new();
    for (number, object) in all {
        places.insert(number, file.len());
        file += &format!("{number} 0 obj\n{object}\nendobj\n");
    }
    let start = file.len();
    file += "xref\n";
    for (number, place) in &places {
        file += &format!("{number} 1\n{place:010} 00000 n \n");
    }
    file += &format!("trailer<</Root 1 0 R/Size 200>>\nstartxref\n{start}\n%%EOF\n");
    file.into_bytes()
}

pub fn stream(entries: &str, content: &str) -> String {
    format!("<</Length {}{entries}>>stream\n{content}\nendstream", content.len())
}

/// What becomes of each page: `-` as it is, or how many boxes are burnt in.
fn fates(redactions: &Redactions, file: &[u8]) -> String {
    let journal = Journal::default();
    let redactor = Redactor::new(redactions, 0).noting(&journal);
    let count = crate::render::page_images::page_count(file, crate::formats::MediaKind::Pdf).expect("pages");
    let (mut told, file) = (String::new(), Arc::new(file.to_vec()));
    for page in 0..count {
        match redactor.sheet(&file, page, "a").expect("drawn") {
            None => told.push('-'),
            Some(picture) => {
                let done = journal.done();
                let noted = done.iter().find(|done| done.page.as_ref().is_some_and(|at| at.1 == page + 1)).expect("noted");
                let boxes = &noted.picture.as_ref().expect("a picture").boxes;
                let is_withheld = boxes.iter().any(|(area, _)| area.code.starts_with("PAGE"));
                told.push_str(&if is_withheld { "withheld".to_owned() } else { boxes.len().to_string() });
                assert!(picture.is_scan);
            }
        }
        told.push(' ');
    }
    told.trim_end().to_owned()
}

/// The pages of a file as an item prints them.
fn paged(redactor: &Redactor<'_>, file: &[u8]) -> Part {
    let shared = Arc::new(file.to_vec());
    let count = crate::render::page_images::page_count(file, crate::formats::MediaKind::Pdf).expect("pages");
    let blocks = (0..count).map(|page| match redactor.sheet(&shared, page, "a").expect("drawn") {
        Some(picture) => Block::Picture(picture),
        None => Block::Sheet(Sheet { file: shared.clone(), page }),
    });
    Part { furniture: Furniture::default(), blocks: blocks.collect() }
}

const PLAIN: &str = "BT /F1 12 Tf 10 70 Td (All is well.) Tj ET";

fn said(text: &str) -> String {
    format!("BT /F1 12 Tf 10 50 Td ({text}) Tj ET")
}

/// What it is, the term, the pages with what their dictionaries say besides, further objects, the fates of the pages.
type Row<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, Vec<&'a str>, &'a str);

/// Each way in which a page of a PDF can hold a word.
#[test]
fn a_word_is_gone_from_every_kind_of_page() {
    let form = stream("/Type/XObject/Subtype/Form/BBox[0 0 200 100]/Resources<</Font<</F1 10 0 R>>>>", &said("by Zauberberg"));
    let spread = "BT /F1 12 Tf 10 50 Td [(Zau) -20 (ber) 15 (berg)] TJ ET";
    let scattered = "BT /F1 12 Tf 54.7 50 Td (erg) Tj ET BT /F1 12 Tf 10 50 Td (Zau) Tj ET BT /F1 12 Tf 30.7 50 Td (berb) Tj ET";
    let hidden = "BT 3 Tr /F1 12 Tf 10 50 Td (Zauberberg) Tj ET";
    let white = "1 g BT /F1 12 Tf 10 50 Td (Zauberberg) Tj ET";
    let turned = "BT /F1 12 Tf 0 1 -1 0 60 10 Tm (Zauberberg) Tj ET";
    let tall = "BT /F1 12 Tf 10 50 Td 14 TL (Zauber-) Tj T* (berg is) Tj ET";
    let said_beside = "/Span<</ActualText(Zauberberg)>>BDC BT /F2 12 Tf 10 50 Td (AB) Tj ET EMC";
    let in_layer = "/OC/L1 BDC BT /F1 12 Tf 10 50 Td (Zauberberg) Tj ET EMC";
    let rows: Vec<Row> = vec![
        ("plain", "Zauberberg", vec![(PLAIN, ""), ("BT /F1 12 Tf 10 50 Td (by ZAUBERBERG, MD) Tj ET", "")], vec![], "- 1"),
        ("kerned", "Zauberberg", vec![(spread, "")], vec![], "1"),
        ("drawn in another order", "Zauberberg", vec![(scattered, "")], vec![], "1"),
        ("not painted", "Zauberberg", vec![(hidden, "")], vec![], "1"),
        ("white", "Zauberberg", vec![(white, "")], vec![], "1"),
        ("upward", "Zauberberg", vec![(turned, "")], vec![], "1"),
        ("a turned page", "Zauberberg", vec![("BT /F1 12 Tf 10 50 Td (Zauberberg) Tj ET", "|/Rotate 90")], vec![], "1"),
        (
            "a cropped page",
            "Zauberberg",
            vec![("BT /F1 12 Tf 10 20 Td (Zauberberg) Tj ET", "|/CropBox[0 60 200 100]")],
            vec![],
            "0",
        ),
        ("a broken word", "Zauberberg", vec![(tall, "")], vec![], "2"),
        ("two lines", "Zauber- berg", vec![(tall, "")], vec![], "2"),
        (
            "over the page's end",
            "Hans Zauberberg",
            vec![
                ("BT /F1 12 Tf 10 5 Td (of Hans) Tj ET", ""),
                ("BT /F1 12 Tf 10 85 Td (Zauberberg went) Tj ET", ""),
                (PLAIN, ""),
            ],
            vec![],
            "1 1 -",
        ),
        ("a ligature", "fifi", vec![("BT /F3 12 Tf 10 50 Td (CC) Tj ET", "")], vec![], "1"),
        ("to the left", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}", vec![("BT /F3 12 Tf 10 50 Td (GFDE) Tj ET", "")], vec![], "1"),
        ("a form", "Zauberberg", vec![("/X Do", "/XObject<</X 100 0 R>>")], vec![&form], "1"),
        (
            "a form that a page brings and does not show",
            "Zauberberg",
            vec![("/X Do", "/XObject<</X 100 0 R>>"), (PLAIN, "/XObject<</X 100 0 R>>"), (PLAIN, "")],
            vec![&form],
            "1 0 -",
        ),
        (
            "a stamp",
            "Zauberberg",
            vec![(PLAIN, "|/Annots[<</Type/Annot/Subtype/Stamp/Rect[0 0 200 100]/AP<</N 100 0 R>>>>]")],
            vec![&form],
            "1",
        ),
        ("a drawn font", "BAB", vec![("BT /F2 12 Tf 10 50 Td (BAB) Tj ET", "")], vec![], "1"),
        ("a layer that is off", "Zauberberg", vec![(in_layer, "/Properties<</L1 90 0 R>>")], vec![], "0"),
        ("letters without a meaning", "Zauberberg", vec![(PLAIN, ""), (said_beside, "")], vec![], "- withheld"),
        ("nothing", "Zauberberg", vec![(PLAIN, ""), (PLAIN, "")], vec![], "- -"),
    ];
    let mut faults = Vec::new();
    for (what, term, drawings, objects, fate) in rows {
        let file = pdf(&drawings, &objects);
        let redactions = redactions(&[term]);
        let fell = fates(&redactions, &file);
        if fell != fate {
            faults.push(format!("{what}: {fell} and not {fate}"));
        }
        let journal = Journal::default();
        let closed = printed(vec![paged(&Redactor::new(&redactions, 0).noting(&journal), &file)]);
        show(&format!("sheet-{}.pdf", what.replace([' ', '\''], "-")), &closed.bytes);
        let proved = prove(&closed.bytes, &redactions, &pages(&closed), &journal.done());
        if proved.is_err() {
            faults.push(format!("{what}: {proved:?}"));
        }
        // The proof reads letters as they are drawn; scattered ones are seen where the page is decided about.
        if fate != "- -" && !what.contains("another order") {
            let shared = Arc::new(file.clone());
            let blocks = (0..drawings.len() as u32).map(|page| Block::Sheet(Sheet { file: shared.clone(), page })).collect();
            let open = printed(vec![Part { furniture: Furniture::default(), blocks }]);
            if prove(&open.bytes, &redactions, &pages(&open), &[]).is_ok() {
                faults.push(format!("{what}: the proof sees nothing"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_region_makes_its_page_a_picture_and_those_that_share_its_pictures() {
    let dots = stream("/Type/XObject/Subtype/Image/Width 2/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray", "ab");
    let image = "/XObject<</I 100 0 R>>";
    let file = pdf(&[("q 100 0 0 50 50 25 cm /I Do Q", image), (PLAIN, ""), (PLAIN, image)], &[&dots]);
    let mut redactions = redactions(&[]);
    let region = |page, left| Region {
        attachment: "a".into(),
        page,
        left,
        top: 2_500,
        width: 2_500,
        height: 5_000,
        reason: "R-2".into(),
        ..Region::default()
    };
    redactions.regions = vec![region(1, 2_500)];
    assert_eq!(fates(&redactions, &file), "1 - 0");
    redactions.regions = vec![region(2, 0), region(2, 100)];
    assert_eq!(fates(&redactions, &file), "- 2 -");
    let journal = Journal::default();
    let closed = printed(vec![paged(&Redactor::new(&redactions, 0).noting(&journal), &file)]);
    let report = prove(&closed.bytes, &redactions, &pages(&closed), &journal.done()).expect("proved");
    assert_eq!(report.boxes, 2);
    redactions.regions = vec![region(4, 0)];
    let file = Arc::new(file);
    assert_eq!(
        Redactor::new(&redactions, 0).sheet(&file, 0, "a").map(|_| ()),
        Err(RedactionFault::Undrawable { item: 0, page: 4 })
    );
    assert_eq!(Redactor::new(&redactions, 0).sheet(&file, 0, "b").map(|it| it.is_none()), Ok(true));
}

/// The letters of the page are under the boxes and nowhere else, and the words that stay can be searched.
#[test]
fn boxes_cover_the_letters_and_nothing_more() {
    let file = Arc::new(pdf(&[("BT /F1 12 Tf 10 50 Td (Told by Zauberberg, gladly) Tj ET", "")], &[]));
    let redactions = redactions(&["Zauberberg"]);
    let picture = Redactor::new(&redactions, 0).sheet(&file, 0, "a").expect("drawn").expect("a picture");
    let raster = Raster::of(picture.pixels.clone()).expect("pixels");
    assert_eq!((raster.width, raster.height), (833, 417));
    let words: Vec<&str> = picture.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["Told", "by", "gladly"]);
    let journal = Journal::default();
    let _ = Redactor::new(&redactions, 0).noting(&journal).sheet(&file, 0, "a");
    let area = journal.done()[0].picture.as_ref().expect("a picture").boxes[0].0.clone();
    assert!(area.right - area.left < 300 && area.bottom - area.top < 80, "{area:?}");
    // Every dot of ink of the word alone lies under the box; what lies beside it is as it was.
    let drawn = |drawing: &str| {
        let file = pdf(&[(drawing, "")], &[]);
        let png = crate::render::page_images::page_png(&file, crate::formats::MediaKind::Pdf, 0, 833).expect("drawn");
        Raster::of_image(image::load_from_memory(&png).expect("a picture"))
    };
    let (whole, alone) = (
        drawn("BT /F1 12 Tf 10 50 Td (Told by Zauberberg, gladly) Tj ET"),
        drawn("BT /F1 12 Tf 52.684 50 Td (Zauberberg) Tj ET"),
    );
    let is_under = |x: u32, y: u32| (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y);
    let dots = (0..417).flat_map(|y| (0..833).map(move |x| (x, y)));
    for (x, y) in dots {
        assert!(alone.get(x, y) == [255; 3] || is_under(x, y), "ink of the word at {x} {y}");
        assert!(raster.get(x, y) == whole.get(x, y) || is_under(x, y), "changed at {x} {y}");
    }
}

#[test]
fn damaged_files_do_not_go_out() {
    let redactions = redactions(&["Zauberberg"]);
    let redactor = Redactor::new(&redactions, 0);
    let sound = pdf(&[(PLAIN, "")], &[]);
    let encrypted =
        String::from_utf8_lossy(&sound).replace("/Size 200", "/Size 200/Encrypt<</Filter/Standard/V 5/R 6>>").into_bytes();
    for file in [b"%PDF-1.4 nothing".as_slice(), b"", &sound[..40], &encrypted] {
        assert!(redactor.sheet(&Arc::new(file.to_vec()), 0, "a").is_err());
    }
    assert!(redactor.sheet(&Arc::new(sound), 1, "a").is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// However a file is damaged, what goes out of it holds no term, or nothing goes out.
    #[test]
    fn no_term_survives_damage(
        edits in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), proptest::prelude::any::<u8>()), 0..4),
    ) {
        let form = stream("/Type/XObject/Subtype/Form/BBox[0 0 200 100]/Resources<</Font<</F1 10 0 R>>>>", &said("by Zauberberg"));
        let mut file = pdf(&[("/X Do", "/XObject<</X 100 0 R>>"), (PLAIN, "/XObject<</X 100 0 R>>"), (PLAIN, "")], &[&form]);
        for (at, byte) in edits {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let redactions = redactions(&["Zauberberg"]);
        let journal = Journal::default();
        let redactor = Redactor::new(&redactions, 0).noting(&journal);
        let shared = Arc::new(file.clone());
        let mut blocks = Vec::new();
        for page in 0..3 {
            match redactor.sheet(&shared, page, "a") {
                Ok(Some(picture)) => blocks.push(Block::Picture(picture)),
                Ok(None) => blocks.push(Block::Sheet(Sheet { file: shared.clone(), page })),
                Err(_) => {}
            }
        }
        let content = crate::render::pdf::Content { parts: vec![Part { furniture: Furniture::default(), blocks }], ..Default::default() };
        if let Ok(made) = crate::render::pdf::typeset(&content) {
            let proved = prove(&made.bytes, &redactions, &pages(&made), &journal.done());
            let is_word = |leak: &Leak| matches!(leak, Leak::Term { .. } | Leak::BoxShows { .. } | Leak::Original { .. });
            proptest::prop_assert!(!proved.as_ref().is_err_and(|leaks| leaks.iter().any(is_word)), "{proved:?}");
        }
    }
}
