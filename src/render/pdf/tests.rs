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
        bates: Some(Bates { prefix: "RIV26-".into(), first: 17, digits: 8 }),
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
    if let Ok(path) = std::env::var("PDF_OUT") {
        std::fs::write(path, &pdf.bytes).expect("written");
    }
    let text = text(&pdf);
    assert!(text.starts_with("Allergies\nPenicillin: hives, 2011.\n"), "{text:?}");
    assert!(text.contains("Page 1 of 1 · RIV26-00000017"), "{text:?}");
}
