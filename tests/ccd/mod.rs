//! Exported C-CDA documents: made-up charts of every shape, and those of the open corpus, held against the XML Schema and the
//! Schematron of C-CDA R2.1; and read back in.
//!
//! A sample runs with the tests; `ops/ccda` runs all of it. Needs `python3` and `lxml`, which is kept in `target/ccda-venv`.
//!
//! Not for: single sections (`src/render/ccd`).

mod charts;
mod corpus;
mod kinds;
mod roundtrip;

use std::path::{Path, PathBuf};
use std::process::Command;

use chartkeep::render::ccd::{ccd, unstructured};

use crate::exit::python_with;
use crate::support::folder;

/// How many charts are made: all shapes once, or as many as `ops/ccda` asks for.
fn count() -> u64 {
    let asked = std::env::var("CHARTKEEP_CCDA_CHARTS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(charts::SHAPES.len() as u64 - 1)
}

/// Checks documents with the checker that lies beside the corpus; false when there is none.
fn validate(files: &[PathBuf]) -> bool {
    let corpus = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from);
    let Some(corpus) = corpus.filter(|corpus| corpus.join("validators").is_dir()) else {
        println!("not run: CHARTKEEP_CORPUS does not name the sample corpus with its validators");
        return false;
    };
    let python = python_with("ccda-venv", &["lxml"], "lxml");
    let tool = corpus.join("../tools/validate_ccda.py");
    for batch in files.chunks(200) {
        let mut command = Command::new(&python);
        command.arg(&tool).arg("--validators").arg(corpus.join("validators")).args(["--max", "5"]).args(batch);
        let output = command.output().expect("python starts");
        let told = String::from_utf8_lossy(&output.stdout);
        let bad: Vec<&str> = told.split("== ").filter(|part| part.contains("INVALID")).collect();
        assert!(output.status.success() && bad.is_empty(), "{}\n{}", bad.join("== "), String::from_utf8_lossy(&output.stderr));
    }
    true
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(format!("{name}.xml"));
    std::fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn every_made_up_chart_gives_a_valid_document() {
    let home = folder();
    let keep = std::env::var_os("CHARTKEEP_CCDA_KEEP").map(PathBuf::from);
    let place = keep.as_deref().unwrap_or(home.path());
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    for number in 0..count() {
        let made = charts::made(number);
        let (bytes, again) = made.with_chart(|chart, request| (ccd(chart, request), ccd(chart, request)));
        assert!(again == bytes, "chart {number} is not the same twice");
        match bytes {
            Ok(bytes) => files.push(write(place, &format!("{number:03}-{}", made.shape.replace(' ', "-")), &bytes)),
            Err(fault) => faults.push(format!("chart {number}, {}: {fault}", made.shape)),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    validate(&files);
}

#[test]
fn files_of_every_kind_give_valid_unstructured_documents() {
    let home = folder();
    let mut files = Vec::new();
    for (number, (media_type, bytes)) in [
        ("application/pdf", b"%PDF-1.4 a letter".as_slice()),
        ("image/tiff", b"II*\0 a scan"),
        ("application/rtf", b"{\\rtf1 a note}"),
        ("text/plain; charset=utf-8", "a note \u{2013} \u{e9}".as_bytes()),
        ("text/html", b"<p>a note</p>"),
        ("image/jpeg", b"\xFF\xD8\xFF a picture"),
    ]
    .into_iter()
    .enumerate()
    {
        let made = charts::made(number as u64);
        let document = made.with_chart(|chart, request| unstructured(chart, request, None, "doc-1", media_type, bytes.to_vec()));
        let document = document.unwrap_or_else(|fault| panic!("{media_type}: {fault}"));
        let again = made.with_chart(|chart, request| unstructured(chart, request, None, "doc-1", media_type, bytes.to_vec()));
        assert!(again.is_ok_and(|again| again == document), "{media_type} is not the same twice");
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
        assert!(String::from_utf8_lossy(&document).contains(&encoded), "{media_type}: the file is not in it");
        files.push(write(home.path(), &format!("file-{number}"), &document));
    }
    validate(&files);
}
