//! The typed page of a CDA document: what every writer (HTML, text, PDF) is given, and no more.
//!
//! Not for: making it (`assemble`), the narrative in it (`node`), bytes of any output format.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::media::Media;
use super::node::{Footnote, Node};
use super::warnings::Warning;

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

/// A coded entry in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coded {
    /// Kind of entry: `observation`, `act` …
    pub kind: String,
    pub words: String,
    /// Whether the narrative has words for it.
    pub in_narrative: bool,
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
