//! Which element of HTML stands for which of narrative.
//!
//! Not for: what an element may hold (`allow`).

use super::super::node::{Cell, Node, NodeKind};

/// Whether a table stands in it, at any depth.
pub(super) fn holds_table(node: &Node) -> bool {
    match node {
        Node::Element { kind: NodeKind::Table, .. } => true,
        Node::Element { children, is_block: true, .. } => children.iter().any(holds_table),
        _ => false,
    }
}

pub(super) fn tag(kind: NodeKind, is_block: bool) -> &'static str {
    match kind {
        NodeKind::Paragraph | NodeKind::Heading => "div",
        NodeKind::Content if is_block => "div",
        NodeKind::Content => "span",
        NodeKind::Inserted => "ins",
        NodeKind::Deleted => "del",
        NodeKind::Sub if is_block => "div",
        NodeKind::Sup if is_block => "div",
        NodeKind::Sub => "sub",
        NodeKind::Sup => "sup",
        NodeKind::Preformatted => "pre",
        NodeKind::OrderedList => "ol",
        NodeKind::UnorderedList => "ul",
        NodeKind::Item => "li",
        NodeKind::Caption | NodeKind::Note(_) => "div",
        NodeKind::Columns(_) => "colgroup",
        NodeKind::Table => "table",
        NodeKind::Head => "thead",
        NodeKind::Foot => "tfoot",
        NodeKind::Body => "tbody",
        NodeKind::TableRow => "tr",
        NodeKind::Cell(Cell { is_heading: true, .. }) => "th",
        NodeKind::Cell(_) => "td",
    }
}

pub(super) fn class(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Paragraph => "p",
        NodeKind::Heading => "heading",
        NodeKind::Caption => "caption",
        NodeKind::Note(_) => "footnotes",
        _ => "",
    }
}
