//! Pages drawn from made-up files, and from those of the sample corpus when it is there.
//!
//! Not for: how a page looks; that is for eyes.

use std::path::PathBuf;

use super::*;
use crate::formats::sniff;

/// Draws the first pages of every paged document of the corpus; with `CHARTKEEP_CORPUS_OUT` they are written there.
#[test]
fn corpus_pages_are_drawn() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from) else {
        println!("not run: CHARTKEEP_CORPUS is not set");
        return;
    };
    let out = std::env::var_os("CHARTKEEP_CORPUS_OUT").map(PathBuf::from);
    let mut folders = vec![corpus.join("documents")];
    let mut drawn = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let kind = sniff(&bytes, None);
            let name = path.strip_prefix(&corpus).unwrap().display().to_string();
            let pages = match page_count(&bytes, kind) {
                Ok(pages) => pages,
                Err(RenderError::NotPaged) => continue,
                Err(e) => {
                    println!("{name}: {e}");
                    continue;
                }
            };
            for page in 0..pages.min(3) {
                let started = std::time::Instant::now();
                let png = page_png(&bytes, kind, page, 1000);
                let told = png.as_ref().map(|p| p.len()).map_err(|e| e.to_string());
                println!("{name}: page {page} of {pages} → {told:?} in {} ms", started.elapsed().as_millis());
                if let Ok(png) = png {
                    drawn += 1;
                    if let Some(out) = &out {
                        std::fs::write(out.join(format!("{}-{page}.png", name.replace('/', "__"))), png).unwrap();
                    }
                }
            }
        }
    }
    assert!(drawn > 30, "only {drawn} pages could be drawn");
}

/// A grey TIFF of `pages` pages, 40 by 10 pixels each, page n filled with the value n.
pub(crate) fn small_tiff(pages: u8, resolution: (u32, u32)) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    for page in 0..pages {
        let start = file.len() as u32;
        let data = start + 2 + 10 * 12 + 4 + 16;
        let entries: [(u16, u16, u32); 10] = [
            (256, 3, 40),
            (257, 3, 10),
            (258, 3, 8),
            (259, 3, 1),
            (262, 3, 1),
            (273, 4, data),
            (278, 3, 10),
            (279, 4, 400),
            (282, 5, data - 16),
            (283, 5, data - 8),
        ];
        file.extend(10u16.to_le_bytes());
        for (tag, kind, value) in entries {
            file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            file.extend([1u32.to_le_bytes(), value.to_le_bytes()].concat());
        }
        let next = if page + 1 == pages { 0 } else { data + 400 };
        for number in [next, resolution.0, 1, resolution.1, 1] {
            file.extend(number.to_le_bytes());
        }
        file.extend([page].repeat(400));
    }
    file
}

fn drawn(png: &[u8]) -> DynamicImage {
    image::load_from_memory(png).unwrap()
}

#[test]
fn each_page_of_a_tiff_is_drawn_with_square_pixels() {
    let tiff = small_tiff(3, (200, 100));
    assert_eq!(page_count(&tiff, MediaKind::Tiff).unwrap(), 3);
    let second = drawn(&page_png(&tiff, MediaKind::Tiff, 1, 20).unwrap());
    assert_eq!((second.width(), second.height()), (20, 10));
    assert_eq!(second.to_luma8().get_pixel(3, 3).0, [1]);
    assert!(matches!(page_png(&tiff, MediaKind::Tiff, 3, 20), Err(RenderError::NoSuchPage { pages: 3 })));
    // A chain of pages that bites its own tail.
    let mut circle = small_tiff(1, (1, 1));
    circle[8 + 2 + 120] = 8;
    assert_eq!(page_count(&circle, MediaKind::Tiff).unwrap(), 1);
}

#[test]
fn luma_and_chroma_become_colours() {
    let ycbcr = RgbImage::from_raw(3, 1, vec![76, 85, 255, 149, 43, 21, 255, 128, 128]).unwrap();
    assert_eq!(rgb_from_ycbcr(ycbcr).into_raw(), [254, 0, 0, 0, 255, 0, 255, 255, 255]);
}

#[test]
fn a_pdf_page_is_drawn_at_the_width_asked_for() {
    let pdf = crate::formats::tests::small_pdf();
    let page = drawn(&page_png(&pdf, MediaKind::Pdf, 0, 306).unwrap());
    assert_eq!((page.width(), page.height()), (306, 396));
    let dark = page.to_luma8().pixels().filter(|p| p.0[0] < 100).count();
    assert!((100..5_000).contains(&dark), "{dark} dark pixels");
    assert!(matches!(page_png(&pdf, MediaKind::Pdf, 1, 306), Err(RenderError::NoSuchPage { pages: 1 })));
}

/// Pages become pictures in packages, whose bytes have to come out again elsewhere and years later: a page is drawn with what every
/// x86-64 has, by one thread, and is still the picture that it was. This says nothing of other architectures, whose floating point
/// units may round otherwise.
#[test]
fn pages_are_drawn_as_any_processor_draws_them() {
    let machine = machine();
    let level = format!("{:?}", machine.level);
    assert!(machine.num_threads == 0 && !level.contains("Avx") && !level.contains("4_2"), "{level}");
    if cfg!(target_arch = "x86_64") {
        // Taken from a run. When it changes, pages are drawn otherwise, and old packages are no longer made again by this release.
        let page = page_picture(&crate::formats::tests::small_pdf(), MediaKind::Pdf, 0, 306).unwrap();
        let digest: [u8; 32] =
            sha2::Digest::finalize(sha2::Digest::chain_update(sha2::Sha256::default(), page.as_bytes())).into();
        assert_eq!(crate::model::hex(&digest), "71f1ef898569392d3bd8785e151f0893034a5aed29334a41a69ee281ecc74738");
    }
}

#[test]
fn oversized_and_damaged_pictures_are_refused() {
    let mut huge = small_tiff(1, (1, 1));
    huge[8 + 2 + 2..][..2].copy_from_slice(&4u16.to_le_bytes());
    huge[8 + 2 + 8..][..4].copy_from_slice(&60_000_000u32.to_le_bytes());
    assert!(matches!(page_png(&huge, MediaKind::Tiff, 0, 100), Err(RenderError::TooLarge)));
    for (kind, bytes) in
        [(MediaKind::Png, b"\x89PNG\r\n\x1a\nxx".as_slice()), (MediaKind::Pdf, b"%PDF-1.4 x"), (MediaKind::Tiff, b"II*\0")]
    {
        assert!(matches!(page_png(bytes, kind, 0, 100), Err(RenderError::Damaged)), "{kind:?}");
    }
    assert!(matches!(page_count(b"II+\0\x08\0\0\0", MediaKind::Tiff), Err(RenderError::Unsupported(_))));
    assert!(matches!(page_png(b"text", MediaKind::Text, 0, 100), Err(RenderError::NotPaged)));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_pages_do_no_harm(
        edits in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0u8..), 1..6),
        pdf in proptest::prelude::any::<bool>(),
    ) {
        let (kind, mut bytes) = match pdf {
            true => (MediaKind::Pdf, crate::formats::tests::small_pdf()),
            false => (MediaKind::Tiff, small_tiff(2, (1, 1))),
        };
        for (at, byte) in edits {
            let at = at.index(bytes.len().min(1200));
            bytes[at] = byte;
        }
        let outcome = page_png(&bytes, kind, 0, 60);
        proptest::prop_assert!(!matches!(outcome, Err(RenderError::Stopped(_))), "{outcome:?}");
    }
}
