//! Proofs that every kind of file is on the pages of its record, whole, or said to be missing with why.
//!
//! Not for: what records say themselves (`tests`).

use std::path::Path;

use super::tests::{DOCUMENT, content_of, document, folded, not_in_order, pages, picture, print, said, setting, taken};
use super::*;
use crate::release::redaction::Redactions;
use crate::release::selection::Attachment;
use crate::render::pdf::content::Content;
use crate::render::pdf::typeset;

const CDA: &str = r#"<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Summary</title><confidentialityCode code="R" codeSystem="2.16.840.1.113883.5.25"/>
    <component><structuredBody><component><section><title>Plan</title><text><paragraph ID="a" onclick="alert(1)">Rest and fluids</paragraph>
    <iframe src="https://evil.example/"/><linkHtml href="javascript:alert(1)">more</linkHtml></text></section></component></structuredBody></component></ClinicalDocument>"#;

fn own_pdf(pages: usize) -> Vec<u8> {
    let mut blocks = Vec::new();
    for page in 1..=pages {
        blocks.push(blocks::paragraph(&format!("Attached sheet {page}")));
        blocks.push(Block::NewPage);
    }
    let parts = vec![Part { blocks, ..Part::default() }];
    typeset(&Content { parts, ..Content::default() }).expect("a file").bytes
}

/// A kind of file, what its pages say, how many pages the item has at least, and why something is missing.
struct Case {
    name: &'static str,
    declared: &'static str,
    bytes: Vec<u8>,
    says: &'static str,
    pages: u32,
    why: Option<&'static str>,
}

fn cases() -> Vec<Case> {
    let case = |name, declared, bytes, says, pages, why| Case { name, declared, bytes, says, pages, why };
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let mut dicom = vec![0; 128];
    dicom.extend(b"DICM then more");
    let tiff = crate::render::page_images::tests::small_tiff(3, (200, 100));
    vec![
        case("text", "text/plain", b"First line\n   indented\n\nlast".to_vec(), "First line indented last", 1, None),
        case("latin", "text/plain; charset=iso-8859-1", b"na\xefve caf\xe9".to_vec(), "na\u{ef}ve caf\u{e9}", 1, None),
        case("rtf", "application/rtf", br"{\rtf1\ansi Seen in \b clinic\b0\par today}".to_vec(), "Seen in clinic today", 1, None),
        case(
            "rtf-picture",
            "text/rtf",
            br"{\rtf1 Wound {\pict\pngblip 8950}healed}".to_vec(),
            "Wound healed",
            1,
            Some("word processor"),
        ),
        case("rtf-cut", "text/rtf", br"{\rtf1 Seen {\b in".to_vec(), "Seen in", 1, Some("rtf.cut")),
        case("html", "text/html", b"<p>Seen <b>today<script>x()</script></p><ul><li>rest".to_vec(), "Seen today", 1, None),
        case("html-picture", "text/html", b"<p>Chart <IMG src=x.png></p>".to_vec(), "Chart", 1, Some("pictures")),
        case("xml", "application/xml", b"<?xml version='1.0'?><a>words of a form</a>".to_vec(), "words of a form", 1, None),
        case("cda", "text/xml", CDA.into(), "Summary Plan Rest and fluids more", 2, None),
        case("cda-broken", "text/xml", CDA[..300].into(), "Summary", 1, Some("cannot be shown as a page")),
        case("pdf", "application/pdf", own_pdf(3), "Attached sheet 1 Attached sheet 2 Attached sheet 3", 4, None),
        case("pdf-cut", "application/pdf", half(own_pdf(3)), "", 1, Some("PDF")),
        case("tiff", "image/tiff", tiff, "", 4, None),
        case("tiff-cut", "image/tiff", b"II*\0\x08\0\0\0\x01".to_vec(), "", 1, Some("damaged")),
        case("jpeg-wide", "image/jpeg", picture(image::ImageFormat::Jpeg, 1400, 900), "", 2, None),
        case("jpeg-cut", "image/jpeg", picture(image::ImageFormat::Jpeg, 300, 300)[..300].to_vec(), "", 1, Some("page 1 of 1")),
        case("png", "image/png", picture(image::ImageFormat::Png, 640, 900), "", 2, None),
        case("png-cut", "image/png", half(picture(image::ImageFormat::Png, 64, 90)), "", 1, Some("damaged")),
        case("dicom", "application/dicom", dicom, "", 1, Some("DICOM")),
        case("gif", "image/gif", b"GIF89a...".to_vec(), "", 1, Some("GIF")),
        case("sound", "audio/wav", b"RIFF\0\0\0\0WAVEfmt ".to_vec(), "", 1, Some("sound")),
        case("empty", "text/plain", Vec::new(), "", 1, Some("empty")),
        case(
            "noise",
            "application/x-own",
            (0..200u8).map(|at| at.wrapping_mul(97) % 31).collect(),
            "",
            1,
            Some("cannot be printed"),
        ),
    ]
}

#[test]
fn every_file_is_on_the_pages_or_said_to_be_missing() {
    for Case { name, declared, bytes, says, pages: least, why } in cases() {
        let paged = pages(DOCUMENT, &[document(declared, &bytes)]);
        let whys: Vec<&str> = paged.exceptions.iter().map(|exception| exception.why.as_str()).collect();
        match why {
            None => assert!(whys.is_empty(), "{name}: {whys:?}"),
            Some(why) => {
                assert!(whys.iter().any(|known| known.to_lowercase().contains(&why.to_lowercase())), "{name}: {whys:?}");
                assert!(
                    paged
                        .exceptions
                        .iter()
                        .all(|it| it.item == 3 && it.attachment.as_deref() == Some("11-0-doc") && it.is_native)
                );
            }
        }
        let exceptions = paged.exceptions.clone();
        let pdf = print(&format!("file-{name}"), vec![paged.part]);
        assert!(pdf.printed.pages >= least, "{name}: {} pages", pdf.printed.pages);
        let text = content_of(&pdf).join("\n");
        assert_eq!(not_in_order(says, &text), None, "{name}");
        for exception in &exceptions {
            assert!(folded(&text).contains(&folded(&exception.why)), "{name}: the pages do not say {:?}", exception.why);
        }
        assert!(!text.contains("alert(1)\n") || name == "cda", "{name}");
    }
}

#[test]
fn what_a_document_marks_itself_stands_on_every_page() {
    let paged = pages(DOCUMENT, &[document("text/xml", CDA.as_bytes())]);
    assert_eq!(paged.part.furniture.banner.as_deref(), Some("This document is marked Restricted"));
    let text = said(&paged.part.blocks);
    assert!(text.contains("How these pages were made"), "findings are shown");
    assert!(text.contains("Rest and fluids") && !text.contains("onclick=") && !text.contains("evil.example/\""));
}

#[test]
fn files_that_are_not_there_are_named() {
    let inside = |attachment: &str| {
        format!(r#"{{"resourceType":"DocumentReference","id":"doc","content":[{{"attachment":{attachment}}}]}}"#)
    };
    for (attachment, why, is_native) in [
        (r#"{"contentType":"text/plain","url":"Binary/elsewhere"}"#, "was not delivered", false),
        (r#"{"contentType":"text/plain","url":"https://ehr.example/file/1"}"#, "outside the archive", false),
        (r#"{"contentType":"text/plain","data":"no base64!"}"#, "no base64", false),
        (r#"{"contentType":"image/jpeg","data":"bm8gcGljdHVyZQ=="}"#, "not the picture", true),
    ] {
        let paged = pages(&inside(attachment), &[]);
        let text = said(&paged.part.blocks);
        let [exception] = paged.exceptions.as_slice() else { panic!("{attachment}: {:?}", paged.exceptions) };
        assert!(exception.why.contains(why) && exception.is_native == is_native, "{exception:?}");
        assert!(text.contains(&exception.why));
        assert!(!why.starts_with("not the picture") || text.contains("no picture"), "what is text is printed as text: {text}");
    }
    let (mut item, taken) = taken(DOCUMENT);
    item.attachments = vec![Attachment { id: "11-0-doc".into(), ..Attachment::default() }];
    let redactions = Redactions::default();
    let paged = paged(&item, &taken, &[], &setting(), &Redactor::new(&redactions, 3)).expect("nothing is redacted");
    assert!(paged.exceptions[0].why.contains("could not be read"));
}

/// Files by others, all of them, each as the file of a record.
#[test]
fn files_by_others_are_printed_or_named() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS") else { return };
    let mut waiting = vec![Path::new(&corpus).join("documents"), Path::new(&corpus).join("ccda/malformed")];
    let mut count = 0;
    while let Some(folder) = waiting.pop() {
        for path in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = std::fs::read(&path).expect("read");
            let paged = pages(DOCUMENT, &[document("", &bytes)]);
            let whys: Vec<String> = paged.exceptions.iter().map(|exception| exception.why.clone()).collect();
            let pdf = print(&format!("corpus-{name}"), vec![paged.part]);
            println!("{name}: {} pages, {whys:?}", pdf.printed.pages);
            let read = crate::formats::text_of(&bytes, None);
            if matches!(
                read.kind,
                crate::formats::MediaKind::Text | crate::formats::MediaKind::Rtf | crate::formats::MediaKind::Html
            ) {
                // What no font has stands as its code point.
                if read.text.contains(|c: char| c.is_control() && !c.is_whitespace()) {
                    continue;
                }
                let has_font = |c: &char| pdf.printed.missing.iter().all(|(missing, _)| missing != c);
                let text: String = read.text.chars().filter(has_font).collect();
                assert_eq!(not_in_order(&text, &content_of(&pdf).join("\n")), None, "{name}");
            }
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}
