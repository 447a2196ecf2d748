//! Tables and lists of narrative: whatever stands between rows, cells and items is given a row, a cell or an item, so that the page
//! holds them in the one form that every writer can write.
//!
//! Not for: what cells and items hold (`narrative`).

use crate::formats::cda::{Element, Node as Xml};

use super::allow::{Role, allowed};
use super::narrative::Reader;
use super::node::{Cell, Columns, Node, NodeKind};

/// Widest and tallest span of a cell.
const SPAN_MAX: u16 = 1_000;
const LOOSE: Cell = Cell { is_heading: false, columns: 1, rows: 1, scope: None };

/// The parts of a table as they are found.
#[derive(Default)]
struct Parts {
    parts: Vec<Node>,
    /// Whether the last part is a body that was made here, for rows that stood in none.
    open_body: bool,
    /// Whether the last row of it was made here, for cells that stood in none.
    open_row: bool,
}

impl Parts {
    fn part(&mut self, part: Node) {
        self.parts.push(part);
        self.open_body = false;
        self.open_row = false;
    }

    fn row(&mut self, row: Node) {
        match self.parts.last_mut() {
            Some(Node::Element { children, .. }) if self.open_body => children.push(row),
            _ => self.parts.push(Node::element(NodeKind::Body, vec![row])),
        }
        self.open_body = true;
        self.open_row = false;
    }

    fn cell(&mut self, cell: Node) {
        if self.open_row
            && let Some(Node::Element { children: rows, .. }) = self.parts.last_mut()
            && let Some(Node::Element { children: cells, .. }) = rows.last_mut()
        {
            return cells.push(cell);
        }
        self.row(Node::element(NodeKind::TableRow, vec![cell]));
        self.open_row = true;
    }
}

impl<'d> Reader<'d, '_> {
    pub(super) fn table(&mut self, table: Element<'d>) -> Vec<Node> {
        let mut parts = Parts::default();
        for node in table.nodes() {
            match node {
                Xml::Text(text) => self.loose_text(text, &mut parts),
                Xml::Element(element) => self.table_part(element, &mut parts),
            }
        }
        parts.parts
    }

    /// A part of a table that stands in none.
    pub(super) fn table_of_part(&mut self, element: Element<'d>) -> Vec<Node> {
        let mut parts = Parts::default();
        self.table_part(element, &mut parts);
        parts.parts
    }

    fn loose_text(&mut self, text: &str, parts: &mut Parts) {
        if !text.trim().is_empty() {
            self.warn("schema-order", "text");
            parts.row(loose_row(vec![Node::Text(text.to_owned())]));
        }
    }

    fn table_part(&mut self, element: Element<'d>, parts: &mut Parts) {
        let rule = allowed().rule(element.name());
        match rule.map(|rule| rule.role) {
            Some(Role::Columns) => self.columns(element, parts),
            Some(Role::Caption) => {
                let children = self.inside(element);
                let caption = self.node(element, rule, NodeKind::Caption, children);
                // Only the first words of a table are its caption.
                if parts.parts.is_empty() {
                    parts.part(caption);
                } else if caption.has_words() {
                    self.warn("schema-order", "caption");
                    parts.row(loose_row(vec![caption]));
                }
            }
            Some(role @ (Role::Head | Role::Body | Role::Foot)) => {
                let mut inner = Parts::default();
                for node in element.nodes() {
                    match node {
                        Xml::Text(text) => self.loose_text(text, &mut inner),
                        Xml::Element(element) => self.table_part(element, &mut inner),
                    }
                }
                let kind = match role {
                    Role::Head => NodeKind::Head,
                    Role::Foot => NodeKind::Foot,
                    _ => NodeKind::Body,
                };
                parts.part(self.node(element, rule, kind, rows_of(inner)));
            }
            Some(Role::Row) => {
                let cells = self.row(element);
                parts.row(self.node(element, rule, NodeKind::TableRow, cells));
            }
            Some(Role::Cell | Role::HeadingCell) => {
                self.warn("schema-order", element.name());
                parts.cell(self.cell(element));
            }
            _ => {
                let mut inside = Vec::new();
                self.element(element, &mut inside);
                if inside.iter().any(Node::has_words) {
                    self.warn("schema-order", element.name());
                    parts.row(loose_row(inside));
                }
            }
        }
    }

    /// The cells of a row; what stands between them gets a cell.
    fn row(&mut self, row: Element<'d>) -> Vec<Node> {
        let mut cells = Vec::new();
        for node in row.nodes() {
            match node {
                Xml::Text(text) if text.trim().is_empty() => {}
                Xml::Text(text) => {
                    self.warn("schema-order", "text");
                    cells.push(Node::element(NodeKind::Cell(LOOSE), vec![Node::Text(text.to_owned())]));
                }
                Xml::Element(element) if matches!(self.role(element), Some(Role::Cell | Role::HeadingCell)) => {
                    cells.push(self.cell(element));
                }
                Xml::Element(element) => {
                    let mut inside = Vec::new();
                    self.element(element, &mut inside);
                    if inside.iter().any(Node::has_words) {
                        self.warn("schema-order", element.name());
                        cells.push(Node::element(NodeKind::Cell(LOOSE), inside));
                    }
                }
            }
        }
        cells
    }

    fn columns(&mut self, element: Element<'d>, parts: &mut Parts) {
        if element.elements().any(|inner| inner.name() == "col") {
            return self.inside_columns(element, parts);
        }
        let percent = element.attr("width").trim().strip_suffix('%').and_then(|width| width.trim().parse::<f32>().ok());
        let percent = percent.filter(|share| (0.5..=100.0).contains(share)).map(|share| share.round() as u16);
        let columns = Columns { span: self.span(element.attr("span")), percent };
        // Where rows have begun they can no longer be set, and say nothing.
        if parts.parts.iter().all(|part| matches!(part, Node::Element { kind: NodeKind::Caption | NodeKind::Columns(_), .. })) {
            parts.part(Node::element(NodeKind::Columns(columns), Vec::new()));
        }
        self.inside_columns(element, parts);
    }

    /// Columns hold no words; those that are there get rows.
    fn inside_columns(&mut self, element: Element<'d>, parts: &mut Parts) {
        for node in element.nodes() {
            match node {
                Xml::Text(text) => self.loose_text(text, parts),
                Xml::Element(inner) => self.table_part(inner, parts),
            }
        }
    }

    pub(super) fn span(&mut self, value: &str) -> u16 {
        if value.is_empty() || value == "1" {
            return 1;
        }
        let span = match value.trim().parse::<u64>() {
            Ok(span @ 1..=1_000) => return span as u16,
            Ok(0) | Err(_) => 1,
            Ok(_) => SPAN_MAX,
        };
        self.warn("span-clamped", "");
        span
    }

    /// Captions and items of a list; what stands between items belongs to the one before.
    pub(super) fn list(&mut self, list: Element<'d>) -> Vec<Node> {
        let mut children: Vec<Node> = Vec::new();
        for node in list.nodes() {
            let loose = match node {
                Xml::Text(text) if text.trim().is_empty() => continue,
                Xml::Text(text) => vec![Node::element(NodeKind::Paragraph, vec![Node::Text(text.to_owned())])],
                Xml::Element(element) if self.role(element) == Some(Role::Item) => {
                    let item = self.item(element);
                    children.push(item);
                    continue;
                }
                Xml::Element(element) => {
                    let mut inside = Vec::new();
                    self.element(element, &mut inside);
                    let is_caption = inside.iter().all(|node| node.is(NodeKind::Caption));
                    if is_caption && children.iter().all(|node| node.is(NodeKind::Caption)) {
                        children.append(&mut inside);
                        continue;
                    }
                    inside
                }
            };
            if !loose.iter().any(Node::has_words) {
                continue;
            }
            self.warn("schema-order", "list");
            // On lines of its own, so that its words do not run into those before.
            let loose = Node::element(NodeKind::Paragraph, loose);
            match children.last_mut() {
                Some(Node::Element { kind: NodeKind::Item, children, .. }) => children.push(loose),
                _ => children.push(Node::element(NodeKind::Item, vec![loose])),
            }
        }
        children
    }

    pub(super) fn item(&mut self, element: Element<'d>) -> Node {
        let children = self.inside(element);
        self.node(element, allowed().rule(element.name()), NodeKind::Item, children)
    }
}

fn loose_row(inside: Vec<Node>) -> Node {
    Node::element(NodeKind::TableRow, vec![Node::element(NodeKind::Cell(LOOSE), inside)])
}

/// The rows of parts that were found inside a part: parts do not lie in each other on the page.
fn rows_of(inner: Parts) -> Vec<Node> {
    let mut rows = Vec::new();
    for part in inner.parts {
        match part {
            Node::Element { kind: NodeKind::Head | NodeKind::Body | NodeKind::Foot, children, .. } => rows.extend(children),
            Node::Element { kind: NodeKind::Columns(_), .. } => {}
            other => rows.push(loose_row(vec![other])),
        }
    }
    rows
}
