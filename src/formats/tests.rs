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
            _ => {}
        }
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
