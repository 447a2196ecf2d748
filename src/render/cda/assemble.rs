//! From a document that was read to its page.
//!
//! Not for: narrative (`narrative`), header (`header`), entries (`coded`) themselves.

use sha2::{Digest, Sha256};

use crate::formats::cda::{Document, Element};

use super::node::{Footnote, Node, NodeKind};
use super::page::{Page, SectionPage};
use super::warnings::Warnings;
use super::{Options, coded, header, media, narrative};

/// Deepest nesting of sections that get a heading of their own; deeper ones are still shown, flat.
const SECTIONS_DEPTH_MAX: usize = 20;

/// Makes the page of a document.
pub(super) fn page(bytes: &[u8], document: &Document<'_>, options: Options) -> Page {
    let mut warnings = Warnings::default();
    for finding in document.findings() {
        warnings.add(finding.code, "");
    }
    let mut page = header::page(document, options, &mut warnings);
    let (sections, files) = bodies(document);
    page.privacy = header::privacy(document, &all(&sections));
    let mut media = Vec::new();
    let mut reader = narrative::Reader::new(document, all(&sections).into_iter(), &mut media, &mut warnings);
    for (at, section) in sections.iter().enumerate() {
        let made = section_page(&mut reader, *section, &(at + 1).to_string(), options);
        page.sections.push(made);
    }
    for file in files {
        let is_written = file.elements().any(|element| !matches!(element.name(), "reference" | "thumbnail"));
        if is_written {
            // Marked-up words where a file ought to be: read as what they are.
            let narrative = reader.text(file);
            page.sections.push(loose_section(page.sections.len() + 1, "Document", narrative));
        } else if page.file.is_none() {
            page.file = Some(media::of_text(file, reader.warnings));
        } else {
            let another = reader.file(file);
            page.sections.push(loose_section(page.sections.len() + 1, "Another file", vec![another]));
        }
    }
    show_pictures(&mut reader, &sections, &mut page.sections);
    if page.sections.is_empty() && page.file.is_none() {
        warnings.add("no-body", "");
    }
    page.media = media;
    page.sha256 = Sha256::digest(bytes).into();
    page.warnings = warnings.list();
    page
}

/// The sections at the top, and the files that are a body. The schema allows one body; all that are there are shown.
fn bodies<'d>(document: &'d Document<'_>) -> (Vec<Element<'d>>, Vec<Element<'d>>) {
    let (mut sections, mut files) = (Vec::new(), Vec::new());
    for component in document.root().children("component") {
        for body in component.elements() {
            match body.name() {
                "structuredBody" => sections.extend(inside(body)),
                "nonXMLBody" => files.extend(body.children("text")),
                "section" => sections.push(body),
                _ => {}
            }
        }
    }
    (sections, files)
}

/// The sections directly inside an element, in order: as the schema has them, and without the `component` between.
fn inside<'d>(element: Element<'d>) -> impl Iterator<Item = Element<'d>> {
    element.elements().flat_map(|child| match child.name() {
        "section" => vec![child],
        "component" => child.elements().filter(|inner| inner.name() == "section").collect(),
        _ => Vec::new(),
    })
}

/// Sections with those inside them, in order.
fn all<'d>(sections: &[Element<'d>]) -> Vec<Element<'d>> {
    let mut waiting: Vec<Element<'d>> = sections.iter().rev().copied().collect();
    let mut all = Vec::new();
    while let Some(section) = waiting.pop() {
        all.push(section);
        let mut inner: Vec<Element<'d>> = inside(section).collect();
        inner.reverse();
        waiting.append(&mut inner);
    }
    all
}

fn section_page<'d>(reader: &mut narrative::Reader<'d, '_>, element: Element<'d>, path: &str, options: Options) -> SectionPage {
    let document = reader.document();
    let read = reader.section(element);
    let code = element.child("code");
    let title = super::node::words_of(&read.title);
    let named = code.map_or("", |code| code.attr("displayName"));
    let heading = [title.as_str(), named, "Untitled section"].into_iter().find(|words| !words.is_empty()).unwrap_or_default();
    let language = element.child("languageCode").map(|language| language.attr("code").to_owned());
    let mut page = SectionPage {
        path: path.to_owned(),
        heading: heading.to_owned(),
        title: read.title,
        code: code.map_or("", |code| code.attr("code")).to_owned(),
        language: language.filter(|tag| !tag.is_empty()),
        confidentiality: element.child("confidentialityCode").map(header::confidentiality),
        entries_marked: coded::marks(element),
        no_information: super::values::null_flavor_words(element.null_flavor()),
        people: header::section_people(document, element, options),
        has_words: read.narrative.iter().any(Node::has_words),
        narrative: read.narrative,
        footnotes: read.footnotes,
        entries: element.children("entry").count() as u32,
        coded: coded::of(element, document),
        sections: Vec::new(),
    };
    if !page.has_words && page.entries > 0 {
        reader.warn("empty-narrative", path);
    }
    let inner: Vec<Element<'d>> = inside(element).collect();
    if path.matches('.').count() < SECTIONS_DEPTH_MAX {
        for (at, section) in inner.into_iter().enumerate() {
            page.sections.push(section_page(reader, section, &format!("{path}.{}", at + 1), options));
        }
    } else if !inner.is_empty() {
        // Nothing is lost: what lies deeper follows as one run of narrative.
        for section in all(&inner) {
            let mut read = reader.section(section);
            page.narrative.push(Node::element(NodeKind::Heading, read.title));
            page.narrative.append(&mut read.narrative);
            page.footnotes.append(&mut read.footnotes);
        }
        page.has_words = true;
        reader.warn("sections-too-deep", path);
    }
    page
}

/// Puts pictures that entries hold and no narrative shows at the end of their section: every picture is accounted for.
fn show_pictures<'d>(reader: &mut narrative::Reader<'d, '_>, elements: &[Element<'d>], pages: &mut [SectionPage]) {
    for (element, page) in elements.iter().zip(pages) {
        let entries = element.children("entry").flat_map(|entry| entry.descendants());
        for at in reader.unshown(entries) {
            if !page.has_words {
                page.narrative.clear();
                page.has_words = true;
            }
            page.narrative.push(Node::Media(at));
            reader.warn("media-not-in-narrative", &page.path);
        }
        show_pictures(reader, &inside(*element).collect::<Vec<_>>(), &mut page.sections);
    }
}

fn loose_section(number: usize, heading: &str, narrative: Vec<Node>) -> SectionPage {
    let has_words = narrative.iter().any(Node::has_words);
    let footnotes: Vec<Footnote> = Vec::new();
    SectionPage { path: number.to_string(), heading: heading.into(), has_words, narrative, footnotes, ..SectionPage::default() }
}
