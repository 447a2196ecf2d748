//! C-CDA documents by others as pages: every word of their narrative and every fact of their header stands in HTML and in text, in
//! the author's order, and nothing that could act does.
//!
//! Not for: made-up documents and attacks (`src/render/cda`), or what documents become in FHIR (`corpus`).

mod printed;
mod shown;
mod source;

use std::path::{Path, PathBuf};

use chartkeep::formats::cda::Document;
use chartkeep::render::cda::{Link, Node, Options, Page, SectionPage, Unrenderable, fragment, page, text};

use source::{Element, tokens};

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

/// The page of a document; none when it is one that cannot be read.
fn shown_page(bytes: &[u8], name: &str) -> Option<Page> {
    match page(bytes, Options::default()) {
        Ok(page) => Some(page),
        Err(Unrenderable::Unreadable(_)) => {
            assert!(Document::read(bytes).is_err(), "{name}");
            None
        }
        Err(error) => panic!("{name}: {error}"),
    }
}

#[test]
fn every_word_of_documents_by_others_is_shown_in_its_place() {
    let Some(documents) = documents() else { return };
    let allowed = shown::Allowed::read();
    let (mut shown, mut refused, mut words, mut facts) = (0, 0, 0, 0);
    for path in documents {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("the corpus reads");
        let Some(page) = shown_page(&bytes, &name) else {
            refused += 1;
            continue;
        };
        shown += 1;
        let html = fragment(&page);
        allowed.check(&html, &name);
        let by_section = shown::words_by_section(&html);
        let in_text = tokens(&text(&page));
        let root = source::read(&bytes).expect("what the product reads is well-formed");
        let mut from = 0;
        for section in source::sections(&root) {
            let own = by_section.get(&section.path).unwrap_or_else(|| panic!("{name}: no section {}", section.path));
            if let Some(lost) = shown::missing(&section.words, own, &mut 0) {
                panic!("{name}: section {} lacks {lost:?} in HTML", section.path);
            }
            if let Some(lost) = shown::missing(&section.words, &in_text, &mut from) {
                panic!("{name}: section {} lacks {lost:?} in text", section.path);
            }
            words += section.words.len();
        }
        let everywhere: Vec<&str> = by_section.values().flatten().map(String::as_str).collect();
        let in_text: Vec<&str> = in_text.iter().map(String::as_str).collect();
        for fact in source::facts(&root) {
            for (output, got) in [("HTML", &everywhere), ("text", &in_text)] {
                let stands = got.windows(fact.words.len()).any(|some| some == fact.words);
                assert!(stands, "{name}: {} says {:?}, which is not in {output}", fact.place, fact.words);
            }
            facts += 1;
        }
        accounted(&root, &page, &html, &name);
    }
    assert!(shown >= 220 && refused >= 10, "{shown} shown, {refused} refused");
    assert!(words > 50_000 && facts > 10_000, "{words} words, {facts} facts");
}

/// Every link and picture of the narrative is on the page.
fn accounted(root: &Element, page: &Page, html: &str, name: &str) {
    let narrative = source::sections(root);
    let narrative = narrative.iter().flat_map(|section| section.element.children("text")).flat_map(Element::all);
    let (mut links, mut pictures) = (0, 0);
    for element in narrative {
        match element.name.as_str() {
            "linkHtml" => {
                let href = element.attr("href");
                assert!(shown::plain(html).contains(href), "{name}: the link {href}");
                links += 1;
            }
            "renderMultiMedia" => pictures += element.attr("referencedObject").split_whitespace().count(),
            _ => {}
        }
    }
    let mut counted = (0, 0);
    page.sections.iter().for_each(|section| count(section, &mut counted));
    assert!(counted.0 == links && counted.1 >= pictures, "{name}: {counted:?}, {links} links and {pictures} pictures");
}

fn count(section: &SectionPage, counted: &mut (usize, usize)) {
    fn nodes(all: &[Node], counted: &mut (usize, usize)) {
        for node in all {
            match node {
                Node::Link { link, children, .. } => {
                    counted.0 += 1;
                    let is_told = !matches!(link, Link::Dead(address) if address.is_empty() && children.is_empty());
                    assert!(is_told, "a link that says nothing");
                    nodes(children, counted);
                }
                Node::Element { children, .. } => nodes(children, counted),
                Node::Media(_) | Node::Missing(_) => counted.1 += 1,
                _ => {}
            }
        }
    }
    nodes(&section.narrative, counted);
    section.sections.iter().for_each(|inner| count(inner, counted));
}
