//! Narrative as a tree of nodes: what it says, in which elements, whatever the document wrote them as.
//!
//! Not for: reading a document's narrative (`narrative`), or what stands around it on a page (`page`).

use super::link::Link;
use super::styles::Styles;
use super::values::spaced;

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

/// A footnote's text, as it stands at the end of its section.
#[derive(Clone, Debug)]
pub struct Footnote {
    pub number: usize,
    pub nodes: Vec<Node>,
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
    spaced(&out)
}
