//! C-CDA documents by others as pages: whatever narrative they hold is on the page, and nothing that could act is.
//!
//! Not for: made-up documents and attacks (`src/render/cda`), or what documents become in FHIR (`corpus`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chartkeep::formats::cda::{Document, Element, Node};
use chartkeep::render::cda::{Options, Unrenderable, fragment, page, text};

fn documents() -> Option<Vec<PathBuf>> {
    let corpus = std::env::var_os("CHARTKEEP_CORPUS")?;
    let mut waiting = vec![Path::new(&corpus).join("ccda")];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).expect("the corpus reads").flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("xml")) {
                found.push(path);
            }
        }
    }
    found.sort();
    Some(found)
}

/// Every piece of text inside an element, without white space.
fn pieces(element: Element<'_>) -> BTreeSet<String> {
    let all = std::iter::once(element).chain(element.descendants());
    let texts = all.flat_map(|element| element.nodes().collect::<Vec<_>>()).filter_map(|node| match node {
        Node::Text(text) => Some(packed(text)),
        Node::Element(_) => None,
    });
    texts.filter(|text| !text.is_empty()).collect()
}

fn packed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

/// The text of HTML that the renderer wrote: it writes no other entities than these.
fn words_of(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('>').map_or("", |end| &rest[at + end + 1..]);
    }
    out.push_str(rest);
    let plain = out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    packed(&plain)
}

#[test]
fn every_document_by_others_is_shown_with_all_its_narrative() {
    let Some(documents) = documents() else { return };
    let (mut shown, mut refused) = (0, 0);
    for path in documents {
        let name = path.display();
        let bytes = std::fs::read(&path).expect("the corpus reads");
        let page = match page(&bytes, Options::default()) {
            Ok(page) => page,
            Err(Unrenderable::Unreadable(_)) => {
                assert!(Document::read(&bytes).is_err(), "{name}");
                refused += 1;
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        shown += 1;
        let html = fragment(&page);
        let (on_page, in_text) = (words_of(&html), packed(&text(&page)));
        let document = Document::read(&bytes).expect("it was read");
        for section in document.all_sections() {
            for narrative in section.element.children("text") {
                for piece in pieces(narrative) {
                    assert!(on_page.contains(&piece), "{name}: {piece:?} of section {} is not on the page", section.path);
                    assert!(in_text.contains(&piece), "{name}: {piece:?} of section {} is not in the text", section.path);
                }
            }
        }
        for never in ["<script", "<iframe", "<object", "<form", "javascript:", " onclick", " onload", " style=", "src=\"http"] {
            assert!(!html.contains(never), "{name} holds {never}");
        }
    }
    assert!(shown >= 220 && refused >= 10, "{shown} shown, {refused} refused");
}
