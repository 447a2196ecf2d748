//! What is read out of documents: made-up ones for each form and fault, and those of the sample corpus when it is there.
//!
//! Not for: FHIR JSON (`fhir`), or how a document is shown (`render`).

use std::path::{Path, PathBuf};

use super::{MediaKind, sniff, text_of};

fn text(bytes: &[u8], declared: &str) -> String {
    text_of(bytes, Some(declared)).text
}

fn codes(bytes: &[u8], declared: &str) -> Vec<&'static str> {
    text_of(bytes, Some(declared)).findings.iter().map(|f| f.code).collect()
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

/// Reads every document of the corpus; with `CHARTKEEP_CORPUS_OUT` the texts are written there, to be looked at.
#[test]
fn corpus_documents_are_read() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from) else {
        println!("not run: CHARTKEEP_CORPUS is not set");
        return;
    };
    let out = std::env::var_os("CHARTKEEP_CORPUS_OUT").map(PathBuf::from);
    let mut paths = Vec::new();
    files(&corpus.join("documents"), &mut paths);
    files(&corpus.join("ccda"), &mut paths);
    assert!(paths.len() > 200, "the corpus is not complete");
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let started = std::time::Instant::now();
        let read = text_of(&bytes, None);
        let name = path.strip_prefix(&corpus).unwrap().display().to_string();
        let codes: Vec<_> = read.findings.iter().map(|f| f.code).collect();
        let ms = started.elapsed().as_millis();
        println!(
            "{name}: {:?} {} → {} searchable={} {codes:?} {ms} ms",
            read.kind,
            bytes.len(),
            read.text.len(),
            read.searchable
        );
        if let Some(out) = &out {
            std::fs::write(out.join(name.replace('/', "__") + ".txt"), &read.text).unwrap();
        }
        match path.extension().and_then(|e| e.to_str()) {
            Some("pdf") => assert_eq!(read.kind, MediaKind::Pdf, "{name}"),
            Some("rtf") => assert_eq!(read.kind, MediaKind::Rtf, "{name}"),
            Some("html") => assert_eq!(read.kind, MediaKind::Html, "{name}"),
            Some("tif") => assert_eq!(read.kind, MediaKind::Tiff, "{name}"),
            Some("jpg") => assert_eq!(read.kind, MediaKind::Jpeg, "{name}"),
            Some("png") => assert_eq!(read.kind, MediaKind::Png, "{name}"),
            _ => {}
        }
        assert!(read.kind != MediaKind::Unknown, "nothing is known of {name}");
        assert!(read.searchable || !codes.is_empty(), "not searchable, and no reason: {name}");
        let shows_text = matches!(read.kind, MediaKind::Html | MediaKind::Cda | MediaKind::Rtf | MediaKind::Text);
        assert!(
            !shows_text || !read.searchable || !read.text.trim().is_empty() || !codes.is_empty(),
            "nothing read, nothing told: {name}"
        );
    }
}

#[test]
fn kinds_are_told_by_the_bytes() {
    let cases: &[(&[u8], Option<&str>, MediaKind)] = &[
        (b"%PDF-1.4\n", Some("text/plain"), MediaKind::Pdf),
        (b"  {\\rtf1 x}", Some("text/plain"), MediaKind::Rtf),
        (b"II*\0\x08\0\0\0", Some("application/pdf"), MediaKind::Tiff),
        (
            b"<?xml version='1.0'?><!-- a --><?xml-stylesheet href='x'?><ClinicalDocument xmlns='urn:hl7-org:v3'/>",
            None,
            MediaKind::Cda,
        ),
        (b"<?xml version='1.0'?><n1:ClinicalDocument xmlns:n1='urn:hl7-org:v3'>", None, MediaKind::Cda),
        (b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>", None, MediaKind::Html),
        (b"<!DOCTYPE html><title>x</title>", None, MediaKind::Html),
        (b"<Patient><id value='1'/></Patient>", None, MediaKind::Xml),
        (b"<patient name here> reports pain", None, MediaKind::Text),
        (b"Seen today<br>Stable", Some("text/html"), MediaKind::Html),
        (b"[x] Diabetes", Some("text/html"), MediaKind::Text),
        (b"{\"resourceType\":\"Patient\"}", None, MediaKind::Json),
        (b"\xFF\xFE<\0h\0t\0m\0l\0>\0", None, MediaKind::Html),
        (b"", None, MediaKind::Text),
        (b"\x00\x01\x02\x03\x04", Some("text/plain"), MediaKind::Unknown),
    ];
    for (bytes, declared, kind) in cases {
        assert_eq!(sniff(bytes, *declared), *kind, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn plain_text_takes_the_encoding_that_fits() {
    assert_eq!(text("café".as_bytes(), "text/plain"), "café");
    assert_eq!(text(b"caf\xE9", "text/plain; charset=iso-8859-1"), "café");
    assert_eq!(text(b"\xAF\xE0\xA8\xA2\xA5\xE2", "text/plain; charset=\"cp866\""), "привет");
    assert_eq!(text(b"\xFF\xFEc\0a\0f\0\xE9\0", "text/plain; charset=utf-8"), "café");
    assert_eq!(text(b"\xEF\xBB\xBFcaf\xC3\xA9", "text/plain"), "café");
    // Declared as UTF-16 by a program that then wrote UTF-8.
    assert_eq!(text(b"caf\xC3\xA9", "text/plain; charset=utf-16"), "café");
    assert!(codes(b"caf\xC3\xA9", "text/plain; charset=us-ascii").is_empty());
    assert_eq!(text(b"caf\xE9 \x93quoted\x94", "text/plain; charset=us-ascii"), "café “quoted”");
    assert_eq!(codes(b"caf\xE9", "text/plain"), ["text.guessed-encoding"]);
    assert_eq!(codes(b"caf\xE9", "text/plain; charset=shift_jis"), ["text.wrong-charset", "text.guessed-encoding"]);
}

#[test]
fn html_reads_as_it_is_shown() {
    let html = b"<html><head><title>Note</title><style>p{color:red}</style><script>if(a<b)x('<p>')</script></head><body>\
        <p>Pain &lt; 3&nbsp;days &mdash; <b>wor</b>se\n  at&#32;night &#x2019;&#146;</p>a<br>b<!-- <p>hidden</p> -->\
        <table><tr><td></td><td><p>RR</p></td><td>16</td></tr><tr><td>HR</td></tr></table><ul><li>x<li>y</ul>\
        <pre> kept\n   so</pre> 5 < 6 & 7</body></html>";
    let expected = "Note\nPain < 3 days — worse at night ’’\na\nb\n\tRR\t16\nHR\nx\ny\n kept\n   so\n5 < 6 & 7\n";
    assert_eq!(text(html, "text/html"), expected);
    assert_eq!(text(b"<meta charset=windows-1251><p>\xEF\xF0\xE8\xE2\xE5\xF2", "text/html"), "привет\n");
    assert_eq!(text(b"<p title=it's>one</p><p title=\">\">two</p>", "text/html"), "one\ntwo\n");
    assert_eq!(codes(b"<p>one<script>two", "text/html"), ["html.cut"]);
}

#[test]
fn rtf_follows_fonts_groups_and_unicode() {
    let rtf = br"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset128 MS Mincho;}{\f2\fcharset204 X;}}
{\colortbl;\red0\green0\blue0;}{\info{\author Nobody}}{\*\unknown hidden}\pard caf\'e9 {\f2\'ef\'f0\'e8}\f1\'82\'b1\'82\'f1 \f0\plain end\par
\u8217?\uc2\u1087 ab\uc1 \u-10187?\u-9163? {\v secret}\tab a\cell b\cell\row \{x\}\~y\_z\-w\line {\*\annotation said}\bin3 }}}done}";
    assert_eq!(text(rtf, "text/plain"), "café приこん end\n’п\u{1d435} \ta\tb\t\n{x} y-zw\nsaiddone");
    assert_eq!(codes(rtf, "text/rtf"), ["rtf.hidden-text"]);
    assert_eq!(text(br"{\rtf1 kept {\b and", ""), "kept and");
    assert_eq!(codes(br"{\rtf1 kept {\b and", ""), ["rtf.cut"]);
    let deep = [b"{\\rtf1 top".as_slice(), &b"{".repeat(100_000)].concat();
    assert_eq!((text(&deep, ""), codes(&deep, "")), ("top".to_owned(), vec!["rtf.too-deep"]));
}

#[test]
fn cda_gives_its_narrative_and_expands_nothing() {
    let cda = r#"<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Visit</title><recordTarget><name>Ann</name></recordTarget>
        <component><section><title>Problems</title><text><table><tr><th>A &amp; B</th><td>x<br/>y</td></tr></table>
        <paragraph>Wor<content styleCode="Bold">se</content>&#33;</paragraph></text><entry><value>no</value></entry></section></component></ClinicalDocument>"#;
    assert_eq!(text(cda.as_bytes(), ""), "Visit\nProblems\nA & B\tx\ny\nWorse!\n");
    assert!(codes(cda.as_bytes(), "").is_empty());
    let cut = &cda[..cda.find("Wor").unwrap() + 3];
    assert_eq!((text(cut.as_bytes(), "").ends_with("Wor\n"), codes(cut.as_bytes(), "")), (true, vec!["xml.cut"]));

    let bomb = br#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "boom"><!ENTITY c SYSTEM "file:///etc/passwd">]><a>&b;&c;</a>"#;
    assert_eq!(text(bomb, ""), "\u{fffd}\u{fffd}\n");
    assert_eq!(codes(bomb, ""), ["xml.doctype", "xml.entity"]);
    let deep = [b"<?xml version='1.0'?>".as_slice(), &b"<a>".repeat(600)].concat();
    assert_eq!(codes(&deep, ""), ["xml.too-deep"]);
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>caf\xE9</a>";
    assert_eq!(text(latin, ""), "café\n");
    let misdeclared = b"<?xml version='1.0' encoding='utf-16'?><a>caf\xC3\xA9</a>";
    assert_eq!(text(misdeclared, ""), "café\n");
}

#[test]
fn a_document_within_a_cda_is_read_once() {
    let carrier = |inner: &[u8]| {
        use base64::Engine;
        let packed = base64::engine::general_purpose::STANDARD.encode(inner);
        format!(
            "<ClinicalDocument><title>Scan</title><component><nonXMLBody><text mediaType='text/rtf' representation='B64'>\n{packed}\n\
             </text></nonXMLBody></component></ClinicalDocument>"
        )
    };
    let once = carrier(br"{\rtf1 inside}");
    assert_eq!(text(once.as_bytes(), ""), "Scan\ninside");
    let twice = carrier(once.as_bytes());
    assert_eq!(text(twice.as_bytes(), ""), "Scan\nScan\n");
    let picture = text_of(carrier(b"\x89PNG\r\n\x1a\n").as_bytes(), None);
    assert!(!picture.searchable && picture.kind == MediaKind::Cda);
    let elsewhere = "<ClinicalDocument><nonXMLBody><text><reference value='a.pdf'/></text></nonXMLBody></ClinicalDocument>";
    assert_eq!(codes(elsewhere.as_bytes(), ""), ["cda.body-elsewhere"]);
}

/// A zip file of these members.
fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A Word document with this body, a header and a footnote.
fn small_docx(body: &str) -> Vec<u8> {
    let part = |name: &str, kind: &str| {
        format!(
            "<Override PartName='/word/{name}.xml' ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}+xml'/>"
        )
    };
    let types =
        [part("footnotes", "footnotes"), part("body", "document.main"), part("header1", "header"), part("gone", "footer")];
    zipped(&[
        ("[Content_Types].xml", &format!("<Types>{}</Types>", types.concat())),
        ("word/body.xml", &format!("<w:document xmlns:w='w'><w:body>{body}</w:body></w:document>")),
        ("word/header1.xml", "<w:hdr><w:p><w:r><w:t>Clinic</w:t></w:r></w:p></w:hdr>"),
        (
            "word/footnotes.xml",
            "<w:footnotes><w:footnote><w:p><w:r><w:t>see &amp; compare&#33;</w:t></w:r></w:p></w:footnote></w:footnotes>",
        ),
        ("word/vbaProject.bin", "Shell"),
    ])
}

#[test]
fn docx_gives_its_words_and_nothing_that_acts() {
    let body = "<w:p><w:r><w:t>Blood pres</w:t></w:r><w:r><w:t xml:space='preserve'>sure </w:t><w:tab/><w:t>high</w:t><w:br/><w:t>today</w:t></w:r>\
        <w:del><w:r><w:delText>never</w:delText></w:r></w:del><w:r><w:instrText>HYPERLINK x</w:instrText></w:r></w:p>\
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
        <mc:AlternateContent><mc:Choice><w:t>box</w:t></mc:Choice><mc:Fallback><w:t>box</w:t></mc:Fallback></mc:AlternateContent>";
    let docx = small_docx(body);
    let read = text_of(&docx, Some("application/pdf"));
    assert_eq!(read.text, "Blood pressure high\ntoday\na\tb\nbox\nClinic\nsee & compare!\n");
    assert_eq!((read.kind, read.searchable), (MediaKind::Docx, true));
    assert_eq!(read.findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["docx.damaged"], "a part that is named and not there");
    let deep = small_docx(&"<w:p>".repeat(600));
    assert!(codes(&deep, "").contains(&"xml.too-deep"));
    assert!(!text_of(&docx[..docx.len() - 30], None).searchable);
    assert_eq!(sniff(&docx[..docx.len() - 30], None), MediaKind::Docx, "its beginning is enough");
}

#[test]
fn zip_files_are_told_apart_and_what_has_no_text_is_said_to_have_none() {
    let sheet = "<Types><Override PartName='/xl/workbook.xml' ContentType='application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'/></Types>";
    let carrier = zipped(&[("report.txt", "word/document.xml")]);
    let cases: [(&[u8], MediaKind); 7] = [
        (&zipped(&[("[Content_Types].xml", sheet), ("xl/workbook.xml", "<workbook/>")]), MediaKind::Xlsx),
        (&carrier, MediaKind::Zip),
        (&carrier[..carrier.len() - 20], MediaKind::Zip),
        (b"RIFF\x24\0\0\0WAVEfmt ", MediaKind::Wav),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 old Word", MediaKind::Ole),
        (b"GIF89a\x01\0\x01\0", MediaKind::Gif),
        (b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", MediaKind::Bmp),
    ];
    for (bytes, kind) in cases {
        let read = text_of(bytes, Some("text/plain"));
        assert_eq!((read.kind, read.searchable, read.findings.len()), (kind, false, 1), "{kind:?}");
    }
}

/// A PDF of one page that says `Hello archive` and, in invisible letters, `scanned words`.
pub fn small_pdf() -> Vec<u8> {
    let content = "BT /F1 24 Tf 72 700 Td (Hello archive) Tj 0 -40 Td 3 Tr (scanned words) Tj ET";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (n, object) in objects.iter().enumerate() {
        offsets.push(pdf.len());
        pdf += &format!("{} 0 obj\n{object}\nendobj\n", n + 1);
    }
    let start = pdf.len();
    pdf += "xref\n0 6\n0000000000 65535 f \n";
    for offset in offsets {
        pdf += &format!("{offset:010} 00000 n \n");
    }
    pdf += &format!("trailer<</Root 1 0 R/Size 6>>\nstartxref\n{start}\n%%EOF\n");
    pdf.into_bytes()
}

#[test]
fn pdf_text_is_read_visible_or_not() {
    let read = text_of(&small_pdf(), None);
    assert_eq!((read.text.as_str(), read.searchable), ("Hello archive\nscanned words\n", true));
    let damaged = text_of(b"%PDF-1.4\nnothing more", None);
    assert_eq!((damaged.findings[0].code, damaged.searchable), ("pdf.damaged", false));
    let blank = String::from_utf8(small_pdf()).unwrap().replace("Tj", "Tz");
    assert_eq!(codes(blank.as_bytes(), ""), ["pdf.no-text"]);
}

/// Deeply nested arrays, wide tags and unclosed quotes: inputs made to be slow or to overflow a stack.
#[test]
fn hostile_shapes_are_read_in_linear_time() {
    let shapes: [Vec<u8>; 7] = [
        [b"%PDF-1.4\n1 0 obj\n".to_vec(), b"[".repeat(500_000)].concat(),
        [b"<html><a".to_vec(), b" b".repeat(1_000_000)].concat(),
        [b"<html>".to_vec(), b"<a b=\"".repeat(300_000), b"'>".to_vec()].concat(),
        [b"<html>".to_vec(), b"<script></scrip".repeat(200_000)].concat(),
        [b"<html>".to_vec(), b"&amp".repeat(400_000)].concat(),
        [b"{\\rtf1".to_vec(), b"{\\f1\\'e9}".repeat(200_000)].concat(),
        [b"<?xml version='1.0'?><a".to_vec(), b" b='1'".repeat(200_000), b"/>".to_vec()].concat(),
    ];
    for shape in shapes {
        let started = std::time::Instant::now();
        text_of(&shape, None);
        let took = started.elapsed();
        assert!(took.as_secs() < 30, "{took:?}: {}", String::from_utf8_lossy(&shape[..30]));
    }
}

mod any_input {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> impl Strategy<Value = Vec<u8>> {
        let rtf =
            br"{\rtf1\ansi\ansicpg932{\fonttbl{\f0\fcharset128 A;}}\f0 x\'82\'a0\u-10187?\u-9163?\uc2\bin4 {}{}\par}".to_vec();
        let html = b"<!DOCTYPE html><p class=\"a\" b='c'>x &amp; y<script>z</script><table><tr><td>1</table><pre>&#128;".to_vec();
        let cda = b"<?xml version='1.0' encoding='utf-8'?><ClinicalDocument><title>&#x41;</title><section><text><td>x</td><![CDATA[y]]></text></section></ClinicalDocument>".to_vec();
        let text = "Plain café \u{1F600}\r\n".as_bytes().to_vec();
        let docx = small_docx("<w:tbl><w:tr><w:tc><w:p><w:r><w:t>x &amp; y</w:t></w:r></w:p></w:tc></w:tr></w:tbl>");
        prop::sample::select(vec![rtf, html, cda, text, docx, small_pdf()])
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400), declared in prop::option::of("[a-z/;=\"-]{0,20}")) {
            text_of(&bytes, declared.as_deref());
        }

        #[test]
        fn damaged_samples_do_no_harm(
            mut bytes in sample(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            cut in any::<prop::sample::Index>(),
            cuts in any::<bool>(),
        ) {
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
            let read = text_of(&bytes, None);
            prop_assert!(!read.findings.iter().any(|f| f.code == "pdf.unreadable"), "a reader failed");
        }
    }
}
