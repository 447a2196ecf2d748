//! The typed page of a CDA document: what every writer (HTML, text, PDF) is given, and no more.
//!
//! Not for: making it (`assemble`), bytes of any output format.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::media::Media;
use super::styles::Styles;

/// A document ready to be written.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub title: String,
    /// BCP 47, when the document names one.
    pub language: Option<String>,
    pub confidentiality: Confidentiality,
    /// What the document's privacy markings say (HL7 DS4P), when it has any.
    pub privacy: Option<Panel>,
    /// Sentences of whoever shows the page: a newer version of the document, notices that the law asks for.
    pub notices: Vec<String>,
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
    /// What stands at the head of each printed page.
    pub running: Running,
    /// SHA-256 of the document's bytes.
    pub sha256: [u8; 32],
    /// When the document says it was made, in seconds since 1970; 0 when it does not.
    pub created: i64,
}

/// Whose document it is and which, in as few words as a page's margin has room for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Running {
    pub patient: String,
    pub born: String,
    pub number: String,
    /// The document's own number.
    pub document: String,
    /// When it was made.
    pub created: String,
}

/// How confidential something says it is (v3-Confidentiality).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Confidentiality {
    Normal,
    Restricted,
    VeryRestricted,
    /// A null flavor, or nothing at all.
    #[default]
    NotGiven,
    /// Another code, or a null flavor in words.
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
    pub label: Cow<'static, str>,
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
    /// BCP 47, when the section is in another language than the document.
    pub language: Option<String>,
    /// Present when the section says something else than the document.
    pub confidentiality: Option<Confidentiality>,
    /// How confidential entries of it are marked, in words.
    pub entries_marked: Vec<String>,
    /// `nullFlavor` in words.
    pub no_information: Option<&'static str>,
    /// Authors, informants, subjects of the section alone.
    pub people: Vec<Row>,
    pub narrative: Vec<Node>,
    /// Whether any word stands in the narrative.
    pub has_words: bool,
    pub footnotes: Vec<Footnote>,
    pub entries: u32,
    /// Coded entries to which no narrative points, in words.
    pub coded: Vec<Coded>,
    pub sections: Vec<SectionPage>,
}

/// A footnote's text, as it stands at the end of its section.
#[derive(Clone, Debug)]
pub struct Footnote {
    pub number: usize,
    pub nodes: Vec<Node>,
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
        styles: Styles,
        /// What few elements have.
        extra: Option<Box<Extra>>,
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
    /// Footnote of this number: its words stand here as well, so that the author's order is kept; in full it stands in
    /// `footnotes`.
    Footnote {
        number: usize,
        id: Option<String>,
        words: String,
    },
    /// A mark that points to a footnote; `None` when there is none of that name.
    FootnoteMark(Option<usize>),
    /// An index into the page's media.
    Media(usize),
    /// Something that the document names and does not hold: in words.
    Missing(String),
}

/// What few elements of narrative say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Extra {
    /// BCP 47.
    pub language: Option<String>,
    /// What a table is about.
    pub summary: String,
    /// The headings of a cell, by their ids on the page.
    pub headers: Vec<String>,
}

/// What an element of narrative is. Tables hold captions, columns and parts; parts hold rows, rows cells; lists hold captions and
/// items, whatever stood between them in the document.
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
    Columns(Columns),
    Head,
    Foot,
    Body,
    TableRow,
    Cell(Cell),
    Heading,
    /// A footnote that no text around it refers to: it stands in its place, with its number.
    Note(usize),
}

/// Columns of a table that are alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Columns {
    /// 1 to 1,000.
    pub span: u16,
    /// A share of the table's width in percent, up to 100.
    pub percent: Option<u16>,
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
pub(super) struct Warnings(BTreeMap<&'static str, BTreeMap<String, u32>>);

/// Most different warnings of one code kept; a hostile document could make up names without end.
const WARNINGS_MAX: usize = 500;
/// Longest name in a warning, in characters.
const ABOUT_MAX: usize = 60;

impl Warnings {
    pub(super) fn add(&mut self, code: &'static str, about: &str) {
        let of_code = self.0.entry(code).or_default();
        if let Some(count) = of_code.get_mut(about) {
            *count += 1;
            return;
        }
        let about: String = about.chars().filter(|c| !c.is_control()).take(ABOUT_MAX).collect();
        if of_code.len() < WARNINGS_MAX || of_code.contains_key(&about) {
            *of_code.entry(about).or_default() += 1;
        }
    }

    pub(super) fn list(self) -> Vec<Warning> {
        let of = |(code, all): (&'static str, BTreeMap<String, u32>)| {
            all.into_iter().map(move |(about, count)| Warning { code, about, count })
        };
        self.0.into_iter().flat_map(of).collect()
    }
}

impl Page {
    /// SHA-256 of the words of all titles and narrative, so that a page made later can be held against this one.
    pub fn text_sha256(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut waiting: Vec<&SectionPage> = self.sections.iter().rev().collect();
        while let Some(section) = waiting.pop() {
            section.title.iter().chain(&section.narrative).for_each(|node| hash(node, &mut digest));
            section.footnotes.iter().flat_map(|note| &note.nodes).for_each(|node| hash(node, &mut digest));
            waiting.extend(section.sections.iter().rev());
        }
        digest.finalize().into()
    }
}

fn hash(node: &Node, digest: &mut Sha256) {
    match node {
        Node::Text(text) => text.split_whitespace().for_each(|word| {
            digest.update(word.as_bytes());
            digest.update(b" ");
        }),
        Node::Element { children, .. } | Node::Link { children, .. } => children.iter().for_each(|node| hash(node, digest)),
        _ => {}
    }
}

impl Confidentiality {
    /// A sentence's end: "is marked Restricted"; nothing when it is as usual.
    pub fn words(&self) -> Option<String> {
        Some(match self {
            Confidentiality::Normal => return None,
            Confidentiality::Restricted => "is marked Restricted".to_owned(),
            Confidentiality::VeryRestricted => "is marked Very restricted".to_owned(),
            Confidentiality::NotGiven => "does not say how confidential it is".to_owned(),
            Confidentiality::Other(code) => format!("is marked {code}"),
        })
    }
}

impl Node {
    /// Whether any visible character stands in it.
    pub fn has_words(&self) -> bool {
        match self {
            Node::Text(text) => text.contains(|c: char| !c.is_whitespace()),
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

    /// Whether it is an element of that kind.
    pub fn is(&self, wanted: NodeKind) -> bool {
        matches!(self, Node::Element { kind, .. } if *kind == wanted)
    }

    /// An element without name, language and style.
    pub(super) fn element(kind: NodeKind, children: Vec<Node>) -> Node {
        Node::styled(kind, None, Styles::default(), None, children)
    }

    pub(super) fn styled(
        kind: NodeKind,
        id: Option<String>,
        styles: Styles,
        extra: Option<Box<Extra>>,
        children: Vec<Node>,
    ) -> Node {
        let is_inline =
            matches!(kind, NodeKind::Content | NodeKind::Inserted | NodeKind::Deleted | NodeKind::Sub | NodeKind::Sup);
        let is_block = !is_inline || children.iter().any(Node::is_block);
        Node::Element { kind, id, styles, extra, children, is_block }
    }
}

/// All words of nodes, on one line: where an element stands on lines of its own, words do not run together.
pub(super) fn words_of(nodes: &[Node]) -> String {
    fn gather(nodes: &[Node], out: &mut String) {
        for node in nodes {
            let is_apart = node.is_block() || matches!(node, Node::Break | Node::Footnote { .. });
            if is_apart {
                out.push(' ');
            }
            match node {
                Node::Text(text) | Node::Missing(text) => out.push_str(text),
                Node::Element { children, .. } | Node::Link { children, .. } => gather(children, out),
                Node::Footnote { words, .. } => out.push_str(words),
                Node::Break | Node::Rule | Node::FootnoteMark(_) | Node::Media(_) => {}
            }
            if is_apart {
                out.push(' ');
            }
        }
    }
    let mut out = String::new();
    gather(nodes, &mut out);
    super::values::spaced(&out)
}
