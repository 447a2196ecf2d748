//! The typed page of a CDA document: what every writer (HTML, text, PDF) is given, and no more.
//!
//! Not for: bytes of any output format.

use std::collections::BTreeMap;

use crate::formats::cda::{Body, Document, Section};

use super::media::{self, Media};
use super::styles::Styles;
use super::{Options, coded, header, narrative};

/// A document ready to be written.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub title: String,
    /// BCP 47, when the document names one.
    pub language: Option<String>,
    pub confidentiality: Confidentiality,
    pub patients: Vec<Panel>,
    pub document: Vec<Panel>,
    /// Everyone else whom the header names.
    pub others: Vec<Panel>,
    pub sections: Vec<SectionPage>,
    /// The one file that is the body of an unstructured document.
    pub file: Option<Media>,
    /// Pictures and files that the narrative shows, by their place in [`Node::Media`].
    pub media: Vec<Media>,
    pub warnings: Vec<Warning>,
}

/// How confidential something says it is (v3-Confidentiality).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Confidentiality {
    Normal,
    Restricted,
    VeryRestricted,
    /// Another code, a null flavor, or nothing at all.
    #[default]
    NotGiven,
    Other(String),
}

/// A group of facts of the header.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Panel {
    pub heading: String,
    pub rows: Vec<Row>,
}

/// A label with the lines of its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    pub label: &'static str,
    pub lines: Vec<String>,
}

/// A section with the sections inside it.
#[derive(Clone, Debug, Default)]
pub struct SectionPage {
    /// Which it is, from 1: `3.1`.
    pub path: String,
    pub title: Vec<Node>,
    /// Words of the title, for the table of contents.
    pub heading: String,
    /// LOINC as a rule.
    pub code: String,
    /// Present when the section says something else than the document.
    pub confidentiality: Option<Confidentiality>,
    /// `nullFlavor` in words.
    pub no_information: Option<&'static str>,
    /// Authors, informants, subjects of the section alone.
    pub people: Vec<Row>,
    pub narrative: Vec<Node>,
    /// Whether any word stands in the narrative.
    pub has_words: bool,
    pub footnotes: Vec<Vec<Node>>,
    pub entries: u32,
    /// Coded entries to which no narrative points, in words.
    pub coded: Vec<Coded>,
    pub sections: Vec<SectionPage>,
}

/// A coded entry in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coded {
    /// Kind of entry: `observation`, `act` …
    pub kind: String,
    pub words: String,
    /// Whether the narrative has words for it.
    pub in_narrative: bool,
}

/// A piece of narrative.
#[derive(Clone, Debug)]
pub enum Node {
    Text(String),
    Break,
    Rule,
    Element {
        kind: NodeKind,
        id: Option<String>,
        language: Option<String>,
        styles: Styles,
        children: Vec<Node>,
        /// Whether it stands on lines of its own.
        is_block: bool,
    },
    Link {
        link: Link,
        id: Option<String>,
        title: String,
        children: Vec<Node>,
    },
    /// Footnote of this number of the section; its text stands in `footnotes`.
    Footnote {
        number: usize,
        id: Option<String>,
    },
    /// A mark that points to a footnote; `None` when there is none of that name.
    FootnoteMark(Option<usize>),
    /// An index into the page's media.
    Media(usize),
    /// Something that the document names and does not hold: in words.
    Missing(String),
}

/// What an element of narrative is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeKind {
    Paragraph,
    Content,
    Inserted,
    Deleted,
    Sub,
    Sup,
    Preformatted,
    OrderedList,
    UnorderedList,
    Item,
    Caption,
    Table,
    Head,
    Foot,
    Body,
    TableRow,
    Cell(Cell),
    Heading,
}

/// A cell of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    pub is_heading: bool,
    /// 1 to 1,000.
    pub columns: u16,
    pub rows: u16,
    pub scope: Option<&'static str>,
}

/// Where a link leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Link {
    /// To an element of this page, by its id on the page.
    Inside(String),
    /// http, https, mailto or tel.
    Outside(String),
    /// Refused; the address is shown as text.
    Dead(String),
}

/// Something that was left out or mended, and how often.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Warning {
    /// Stable code: `dropped-attribute`, `unknown-element`, `dead-link`, `broken-ref`, `span-clamped` …
    pub code: &'static str,
    /// What it is about: the name of an element or attribute, a section's path. Never content.
    pub about: String,
    pub count: u32,
}

/// Counts warnings as the page is made.
#[derive(Debug, Default)]
pub(super) struct Warnings(BTreeMap<(&'static str, String), u32>);

/// Most different warnings kept; a hostile document could make up names without end.
const WARNINGS_MAX: usize = 1_000;
/// Longest name in a warning, in characters.
const ABOUT_MAX: usize = 60;

impl Warnings {
    pub(super) fn add(&mut self, code: &'static str, about: &str) {
        let about: String = about.chars().filter(|c| !c.is_control()).take(ABOUT_MAX).collect();
        if self.0.len() < WARNINGS_MAX || self.0.contains_key(&(code, about.clone())) {
            *self.0.entry((code, about)).or_default() += 1;
        }
    }

    fn list(self) -> Vec<Warning> {
        self.0.into_iter().map(|((code, about), count)| Warning { code, about, count }).collect()
    }
}

/// Makes the page of a document that was read.
pub(super) fn of(document: &Document<'_>, options: Options) -> Page {
    let mut warnings = Warnings::default();
    for finding in document.findings() {
        warnings.add(finding.code, "");
    }
    let mut page = header::page(document, options, &mut warnings);
    let mut media = Vec::new();
    match document.body() {
        Body::Structured(_) => {
            let mut reader = narrative::Reader::new(document, &mut media, &mut warnings);
            page.sections = document.sections().iter().map(|section| section_page(&mut reader, section, 0)).collect();
        }
        Body::File(text) => page.file = Some(media::of_text(text, &mut warnings)),
        Body::None => warnings.add("no-body", ""),
    }
    page.media = media;
    page.warnings = warnings.list();
    page
}

/// Deepest nesting of sections that get a heading of their own; deeper ones are still shown, flat.
const SECTIONS_DEPTH_MAX: usize = 20;

fn section_page<'d>(reader: &mut narrative::Reader<'d, '_>, section: &Section<'d>, depth: usize) -> SectionPage {
    let element = section.element;
    let (title, narrative, footnotes) = reader.section(section);
    let has_words = narrative.iter().any(Node::has_words);
    let heading = Some(section.title()).filter(|title| !title.is_empty()).unwrap_or_else(|| "Untitled section".into());
    let coded = coded::of(section, reader.document());
    let mut page = SectionPage {
        path: section.path.clone(),
        title,
        heading,
        code: section.code().map_or("", |code| code.attr("code")).to_owned(),
        confidentiality: element.child("confidentialityCode").map(header::confidentiality),
        no_information: super::values::null_flavor_words(element.null_flavor()),
        people: header::section_people(element),
        narrative,
        has_words,
        footnotes,
        entries: section.entries().count() as u32,
        coded,
        sections: Vec::new(),
    };
    if !page.has_words && page.entries > 0 {
        reader.warn("empty-narrative", &section.path);
    }
    if depth < SECTIONS_DEPTH_MAX {
        page.sections = section.subsections().iter().map(|inner| section_page(reader, inner, depth + 1)).collect();
    } else if !section.subsections().is_empty() {
        // Nothing is lost: what lies deeper follows as one run of narrative.
        let mut waiting = section.subsections();
        waiting.reverse();
        while let Some(inner) = waiting.pop() {
            let (title, mut inside, mut notes) = reader.section(&inner);
            page.narrative.push(Node::element(NodeKind::Heading, title));
            page.narrative.append(&mut inside);
            page.narrative.extend(notes.drain(..).flatten());
            waiting.extend(inner.subsections().into_iter().rev());
        }
        reader.warn("sections-too-deep", &section.path);
    }
    page
}

impl Node {
    /// Whether any visible character stands in it.
    pub fn has_words(&self) -> bool {
        match self {
            Node::Text(text) => !text.trim().is_empty(),
            Node::Element { children, .. } | Node::Link { children, .. } => children.iter().any(Node::has_words),
            Node::Media(_) | Node::Missing(_) | Node::Footnote { .. } => true,
            Node::Break | Node::Rule | Node::FootnoteMark(_) => false,
        }
    }

    /// Whether it stands on lines of its own.
    pub fn is_block(&self) -> bool {
        match self {
            Node::Rule | Node::Media(_) => true,
            Node::Element { is_block, .. } => *is_block,
            Node::Link { children, .. } => children.iter().any(Node::is_block),
            _ => false,
        }
    }

    /// An element without name, language and style.
    pub(super) fn element(kind: NodeKind, children: Vec<Node>) -> Node {
        Node::styled(kind, None, None, Styles::default(), children)
    }

    pub(super) fn styled(
        kind: NodeKind,
        id: Option<String>,
        language: Option<String>,
        styles: Styles,
        children: Vec<Node>,
    ) -> Node {
        let is_inline =
            matches!(kind, NodeKind::Content | NodeKind::Inserted | NodeKind::Deleted | NodeKind::Sub | NodeKind::Sup);
        let is_block = !is_inline || children.iter().any(Node::is_block);
        Node::Element { kind, id, language, styles, children, is_block }
    }
}
