//! C-CDA documents by others in print: every word of their narrative in the author's order, and every fact of their header.
//!
//! Not for: HTML and text (`ccda`).

use std::collections::BTreeSet;

use chartkeep::render::cda::paper;
use chartkeep::render::pdf;

use super::{documents, shown, shown_page, source};

#[test]
fn every_word_of_documents_by_others_is_printed_in_its_place() {
    let Some(documents) = documents() else { return };
    let home = tempfile::tempdir().expect("a folder");
    let mut printed = 0;
    for path in &documents {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(path).expect("the corpus reads");
        let Some(page) = shown_page(&bytes, &name) else { continue };
        let made = pdf::typeset(&paper(&page, true)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(made.printed.lost.is_empty(), "{name}: links to nowhere: {:?}", made.printed.lost);
        let file = home.path().join("page.pdf");
        std::fs::write(&file, &made.bytes).expect("written");
        let got = shown::pdf_words(&file);
        let root = source::read(&bytes).expect("what the product reads is well-formed");
        let mut from = 0;
        for section in source::sections(&root) {
            if let Some(lost) = shown::missing(&section.words, &got, &mut from) {
                panic!("{name}: section {} lacks {lost:?} in the PDF", section.path);
            }
        }
        let got: BTreeSet<&str> = got.iter().map(String::as_str).collect();
        for fact in source::facts(&root) {
            let lost: Vec<&String> = fact.words.iter().filter(|word| !got.contains(word.as_str())).collect();
            assert!(lost.is_empty(), "{name}: {} says {:?}; the PDF lacks {lost:?}", fact.place, fact.words);
        }
        printed += 1;
    }
    assert!(printed >= 200, "{printed} printed");
}
