//! Proofs of redaction over scans: what was under a box is gone, whatever the picture is made of.
//!
//! Not for: words of records (`tests`), pages of other files (`sheet_tests`).

use std::io::Write;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;

use super::tests::{pages, paragraph, printed, redactions, show};
use super::*;
use crate::render::pdf::content::{Block, Furniture, Pixels, PlacedWord};

const WIDTH: u32 = 203;
const HEIGHT: u32 = 150;

/// A noisy picture, so that nothing of it is like a box.
fn noise(count: usize) -> Vec<u8> {
    (0..count as u32).map(|at| 90 + (at.wrapping_mul(2_654_435_761) >> 25) as u8).collect()
}

fn jpeg(is_grey: bool, orientation: Option<u8>) -> Pixels {
    let (kind, parts) = if is_grey { (ExtendedColorType::L8, 1) } else { (ExtendedColorType::Rgb8, 3) };
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    if let Some(turn) = orientation {
        let exif = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[turn, 0, 0, 0, 0, 0, 0]].concat();
        encoder.set_exif_metadata(exif).expect("metadata");
    }
    encoder.encode(&noise((WIDTH * HEIGHT) as usize * parts), WIDTH, HEIGHT, kind).expect("a picture");
    Pixels::Jpeg { bytes, width: WIDTH, height: HEIGHT }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("packed");
    packed.finish().expect("packed")
}

fn all_kinds() -> Vec<(&'static str, Pixels)> {
    let (width, height) = (WIDTH, HEIGHT);
    let size = (width * height) as usize;
    vec![
        ("grey", Pixels::Grey { bytes: noise(size), width, height }),
        ("rgb", Pixels::Rgb { bytes: noise(size * 3), width, height }),
        ("bits", Pixels::Bits { bytes: noise(width.div_ceil(8) as usize * height as usize), width, height }),
        ("packed", Pixels::Packed { bytes: packed(&noise(size * 3)), width, height, bits: 8, parts: 3 }),
        ("jpeg", jpeg(false, None)),
        ("grey jpeg", jpeg(true, None)),
    ]
}

fn scan(pixels: Pixels, words: Vec<PlacedWord>) -> Picture {
    Picture { pixels, alt: String::new(), caption: Vec::new(), is_scan: true, words }
}

fn region(left: u32, top: u32, width: u32, height: u32) -> Region {
    Region { item: 0, attachment: "a".into(), page: 1, left, top, width, height, reason: "R-2".into(), by: "him".into(), at: 7 }
}

fn part(picture: Picture) -> Part {
    Part { furniture: Furniture::default(), blocks: vec![Block::Picture(picture)] }
}

fn word(text: &str, left: f32, top: f32) -> PlacedWord {
    PlacedWord { text: text.into(), left, top, width: 30.0, height: 10.0 }
}

#[test]
fn a_region_is_burnt_into_every_kind_of_picture() {
    let mut redactions = redactions(&[]);
    redactions.regions = vec![region(1_000, 2_000, 5_000, 3_000), region(9_900, 9_900, 100, 100)];
    for (kind, pixels) in all_kinds() {
        let journal = Journal::default();
        let before = pixels::bytes_of(&pixels).to_vec();
        let burnt = Redactor::new(&redactions, 0).noting(&journal).scan(scan(pixels.clone(), Vec::new()), "a", 0).expect(kind);
        let raster = Raster::of(burnt.pixels.clone()).expect(kind);
        assert_eq!((raster.width, raster.height), (WIDTH, HEIGHT), "{kind}");
        let dark = |x: u32, y: u32| raster.get(x, y).iter().all(|level| *level < 60);
        assert!(dark(21, 31) && dark(120, 73) && dark(202, 149), "{kind}");
        assert!(kind == "bits" || !dark(200, 20), "{kind}");
        // What is outside stays as it was, to the bit where the picture is not encoded again.
        let own = Raster::of(pixels.clone()).expect(kind);
        let apart = raster.get(200, 100).iter().zip(own.get(200, 100)).map(|(a, b)| a.abs_diff(b)).max();
        assert!(apart <= Some(if kind.contains("jpeg") { 40 } else { 0 }), "{kind}: {apart:?}");

        let done = journal.done();
        let closed = printed(vec![part(burnt.clone())]);
        show(&format!("scan-{}.pdf", kind.replace(' ', "-")), &closed.bytes);
        let report = prove(&closed.bytes, &redactions, &pages(&closed), &done).expect(kind);
        assert_eq!(report.boxes, 2, "{kind}");
        // The picture as it was; beside the burnt one; and pretended to be the burnt one.
        let open = printed(vec![part(scan(pixels.clone(), Vec::new()))]);
        let leaks = prove(&open.bytes, &redactions, &pages(&open), &done).expect_err(kind);
        let (original, missing) = (Leak::Original { item: 0, page: 1 }, Leak::PictureMissing { item: 0, page: 1 });
        assert_eq!(leaks, [missing, original.clone()], "{kind}");
        let both = printed(vec![Part {
            blocks: vec![Block::Picture(burnt), Block::Picture(scan(pixels, Vec::new()))],
            ..Part::default()
        }]);
        assert_eq!(prove(&both.bytes, &redactions, &pages(&both), &done), Err(vec![original]), "{kind}");
        let mut lying = done.clone();
        if let Some(picture) = &mut lying[0].picture {
            (picture.after_sha256, picture.before_sha256) = (sha256_hex(&before), None);
        }
        let leaks = prove(&open.bytes, &redactions, &pages(&open), &lying);
        assert_eq!(leaks, Err(vec![Leak::BoxShows { item: 0, page: 1 }]), "{kind}");
        assert_eq!(
            prove(&closed.bytes, &redactions, &pages(&closed), &[]),
            Err(vec![Leak::NotBurnt(0), Leak::NotBurnt(1)]),
            "{kind}"
        );
    }
}

#[test]
fn a_scan_that_nothing_bears_on_keeps_its_bytes() {
    let mut redactions = redactions(&["Zauberberg"]);
    redactions.regions = vec![region(0, 0, 10, 10)];
    let pixels = jpeg(false, Some(6));
    let redactor = Redactor::new(&redactions, 0);
    for (attachment, page) in [("b", 0), ("a", 1)] {
        let same = redactor.scan(scan(pixels.clone(), vec![word("x", 0.0, 0.0)]), attachment, page).expect("read");
        assert_eq!((pixels::bytes_of(&same.pixels), same.words.len()), (pixels::bytes_of(&pixels), 1));
    }
}

#[test]
fn words_under_a_box_and_words_that_are_terms_go_with_their_pixels() {
    let mut redactions = redactions(&["Anna Zauberberg"]);
    redactions.regions = vec![region(0, 0, 10_000, 1_000)];
    let words = vec![
        word("gone", 5.0, 3.0),
        word("half", 5.0, 12.0),
        word("Anna", 5.0, 60.0),
        word("ZAUBERBERG", 60.0, 60.0),
        word("stays", 5.0, 120.0),
    ];
    let journal = Journal::default();
    let (_, pixels) = all_kinds().remove(0);
    let burnt = Redactor::new(&redactions, 0).noting(&journal).scan(scan(pixels, words), "a", 0).expect("read");
    let texts: Vec<&str> = burnt.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, ["stays"]);
    let raster = Raster::of(burnt.pixels.clone()).expect("pixels");
    assert_eq!((raster.get(4, 59), raster.get(91, 71), raster.get(45, 65)[0] > 80), ([0; 3], [0; 3], true));
    let pdf = printed(vec![part(burnt)]);
    assert!(prove(&pdf.bytes, &redactions, &pages(&pdf), &journal.done()).is_ok());
    let causes: Vec<(Cause, u64)> = journal.done().remove(0).causes;
    assert_eq!(causes, [(Cause::Term(0), 2), (Cause::Region(0), 1)]);
}

/// People draw boxes on the picture as it is shown, and a camera may store it lying.
#[test]
fn a_lying_jpeg_is_turned_before_it_is_painted() {
    let mut redactions = redactions(&[]);
    redactions.regions = vec![region(0, 0, 5_000, 1_000)];
    let burnt = Redactor::new(&redactions, 0).scan(scan(jpeg(true, Some(6)), Vec::new()), "a", 0).expect("read");
    let Pixels::Jpeg { bytes, width, height } = &burnt.pixels else { panic!("a JPEG") };
    assert_eq!((*width, *height), (HEIGHT, WIDTH));
    assert!(memchr::memmem::find(bytes, b"MM\0\x2a").is_none(), "metadata stays behind");
    let raster = Raster::of(burnt.pixels.clone()).expect("pixels");
    assert!(raster.get(10, 3)[0] < 60 && raster.get(140, 3)[0] > 80 && raster.get(10, 100)[0] > 80);
}

#[test]
fn what_cannot_be_read_does_not_go_out() {
    let mut redactions = redactions(&[]);
    redactions.regions = vec![region(0, 0, 10, 10)];
    let redactor = Redactor::new(&redactions, 0);
    let short = Pixels::Rgb { bytes: vec![0; 10], width: 10, height: 10 };
    let Pixels::Jpeg { bytes, width, height } = jpeg(true, None) else { panic!("a JPEG") };
    let cut = Pixels::Jpeg { bytes: bytes[..40].to_vec(), width, height };
    for pixels in [short, cut, Pixels::Grey { bytes: Vec::new(), width: 0, height: 0 }] {
        let fault = redactor.scan(scan(pixels, Vec::new()), "a", 0).expect_err("refused");
        assert_eq!(fault, RedactionFault::Undrawable { item: 0, page: 1 });
    }
}

#[test]
fn the_words_of_a_comment_in_a_jpeg_are_found() {
    let redactions = redactions(&["Zauberberg"]);
    let Pixels::Jpeg { bytes, width, height } = jpeg(true, None) else { panic!("a JPEG") };
    let comment = [b"\xff\xd8\xff\xfe\0\x14by Zauberberg 2011".as_slice(), &bytes[2..]].concat();
    let pdf = printed(vec![part(scan(Pixels::Jpeg { bytes: comment, width, height }, Vec::new()))]);
    let leaks = prove(&pdf.bytes, &redactions, &pages(&pdf), &[]).expect_err("found");
    assert!(leaks.contains(&Leak::Term { term: 0, spot: Spot::Beside(1) }), "{leaks:?}");
}

#[test]
fn a_picture_in_a_part_that_still_has_the_word_gives_way() {
    let redactions = redactions(&["Zauberberg"]);
    let (_, pixels) = all_kinds().remove(1);
    let part = Redactor::new(&redactions, 0).part(part(scan(pixels, vec![word("Zauberberg", 1.0, 1.0)])));
    assert!(
        matches!(&part.blocks[0], Block::Paragraph { words, .. } if words[0].text == "Picture withheld [R-1: 42 CFR Part 2]")
    );
}

#[test]
fn the_log_names_each_rule_with_its_place() {
    let mut redactions = redactions(&["Zauberberg", "nowhere"]);
    redactions.regions = vec![region(0, 0, 5_000, 1_000)];
    let journal = Journal::default();
    let redactor = Redactor::new(&redactions, 0).noting(&journal);
    let (_, pixels) = all_kinds().remove(0);
    redactor.scan(scan(pixels.clone(), Vec::new()), "a", 0).expect("read");
    redactor.part(Part { blocks: vec![paragraph("Zauberberg and ZAUBERBERG")], ..Part::default() });
    // Pages are made again after approval; that is no second redaction.
    redactor.scan(scan(pixels, Vec::new()), "a", 0).expect("read");
    let item = crate::release::selection::Item { n: 0, kind: "Media".into(), id: "x1".into(), ..Default::default() };
    let selection = crate::release::selection::Selection { items: vec![item], ..Default::default() };
    let log = Log::of(&selection, &redactions, &journal);
    let told: Vec<_> = log.entries.iter().map(|it| (it.record.as_str(), it.page, it.cause, it.count, it.rule.as_str())).collect();
    let rules = ["[R-1: 42 CFR Part 2]", "[R-2: third party]"];
    assert_eq!(told, [("Media/x1", None, Cause::Term(0), 2, rules[0]), ("Media/x1", Some(1), Cause::Region(0), 1, rules[1])]);
    assert_eq!(log.idle, [Cause::Term(1)]);
    assert!(
        log.entries.iter().all(|it| it.by == "him" && it.original_sha256.len() == 64 && it.original_sha256 != it.result_sha256)
    );
    assert!(!String::from_utf8_lossy(&log.to_bytes()).contains("Zauberberg"), "the log names terms by their places");
}

#[test]
fn redactions_that_cannot_be_carried_out_are_refused() {
    use crate::release::selection::{Attachment, Item, Selection};
    let attachment = Attachment { id: "a".into(), pages: Some(2), ..Attachment::default() };
    let text = Attachment { id: "t".into(), pages: None, ..Attachment::default() };
    let selection =
        Selection { items: vec![Item { n: 0, attachments: vec![attachment, text], ..Item::default() }], ..Selection::default() };
    let good = || {
        let mut good = redactions(&["Zauberberg"]);
        good.selection_sha256 = selection.digest();
        good.regions = vec![Region { page: 2, ..region(0, 0, 10_000, 10_000) }];
        good
    };
    assert_eq!(good().check(&selection), Ok(()));
    type Break = fn(&mut Redactions);
    let rows: Vec<(Break, BadRedactions)> = vec![
        (|it| it.v = 0, BadRedactions::Version(0)),
        (|it| it.selection_sha256.clear(), BadRedactions::OtherSelection),
        (|it| it.reasons[0].words = " ".into(), BadRedactions::Reason(0)),
        (|it| it.reasons.push(Reason { code: "R 1".into(), words: "x".into() }), BadRedactions::Reason(2)),
        (|it| it.reasons.push(Reason { code: "R-1".into(), words: "x".into() }), BadRedactions::ReasonTwice(2)),
        (|it| it.reasons[1].words = "of ZAUBER\u{ad}BERG".into(), BadRedactions::ReasonHoldsTerm { reason: 1, term: 0 }),
        (|it| it.terms[0].text = "\u{a0} \u{ad}".into(), BadRedactions::Term(0)),
        (|it| it.terms[0].text = "x".repeat(501), BadRedactions::Term(0)),
        (|it| it.terms[0].item = Some(1), BadRedactions::TermItem(0)),
        (|it| it.terms[0].reason = "R-9".into(), BadRedactions::TermReason(0)),
        (|it| it.terms[0].by.clear(), BadRedactions::TermReason(0)),
        (|it| it.regions[0].width = 0, BadRedactions::Bounds(0)),
        (|it| it.regions[0].left = 1, BadRedactions::Bounds(0)),
        (|it| it.regions[0].top = u32::MAX, BadRedactions::Bounds(0)),
        (|it| it.regions[0].item = 1, BadRedactions::RegionPlace(0)),
        (|it| it.regions[0].attachment = "b".into(), BadRedactions::RegionPlace(0)),
        (|it| it.regions[0].attachment = "t".into(), BadRedactions::RegionPlace(0)),
        (|it| it.regions[0].page = 0, BadRedactions::RegionPlace(0)),
        (|it| it.regions[0].page = 3, BadRedactions::RegionPlace(0)),
        (|it| it.regions[0].reason = String::new(), BadRedactions::RegionReason(0)),
        (|it| it.terms = vec![Term::default(); 2_001], BadRedactions::TooMany),
    ];
    for (number, (spoil, fault)) in rows.into_iter().enumerate() {
        let mut bad = good();
        spoil(&mut bad);
        assert_eq!(bad.check(&selection), Err(vec![fault]), "row {number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the regions, nothing of them is left, and the proof says so.
    #[test]
    fn no_region_survives(
        kind in 0usize..6,
        edges in prop::collection::vec((0u32..10_000, 0u32..10_000, 1u32..=10_000, 1u32..=10_000), 1..5),
    ) {
        let mut redactions = redactions(&[]);
        redactions.regions = edges
            .into_iter()
            .map(|(left, top, width, height)| region(left, top, width.min(10_000 - left), height.min(10_000 - top)))
            .collect();
        let (_, pixels) = all_kinds().remove(kind);
        let journal = Journal::default();
        let burnt = Redactor::new(&redactions, 0).noting(&journal).scan(scan(pixels, Vec::new()), "a", 0).expect("read");
        let pdf = printed(vec![part(burnt)]);
        let proved = prove(&pdf.bytes, &redactions, &pages(&pdf), &journal.done());
        prop_assert!(proved.is_ok(), "{proved:?}");
    }
}
