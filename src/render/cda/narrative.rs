//! Narrative (CDA R2 §4.3.5) read into nodes: every word of it, whatever element it stands in.
//!
//! What the schema allows is read as it says; what vendors write instead (HTML elements, rows without a body, text between
//! rows) is read as the nearest thing. An unknown element is looked through, and counted.
//!
//! Not for: the header (`header`), files and pictures themselves (`media`).

use std::collections::HashMap;

use crate::formats::cda::{Document, Element, Node as Xml, Section};

use super::media::{self, Media};
use super::page::{Cell, Link, Node, NodeKind, Warnings};
use super::styles::Styles;

/// Widest and tallest span of a cell.
const SPAN_MAX: u16 = 1_000;

/// Title, narrative and footnotes of a section.
pub(super) type SectionNodes = (Vec<Node>, Vec<Node>, Vec<Vec<Node>>);

/// Reads the narrative of one document, section after section.
pub(super) struct Reader<'d, 'a> {
    document: &'d Document<'a>,
    media: &'d mut Vec<Media>,
    warnings: &'d mut Warnings,
    /// Which medium an id stands for, so that a picture shown twice is kept once.
    media_by_id: HashMap<&'d str, usize>,
    /// Page ids that were given, with how often: ids may be there twice.
    ids: HashMap<String, u32>,
    /// Number of each named footnote of the document; the first of equals counts.
    notes_by_id: HashMap<&'d str, usize>,
    notes: usize,
    /// Footnotes of the section that is being read.
    footnotes: Vec<Vec<Node>>,
    in_link: bool,
}

impl<'d, 'a> Reader<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>, media: &'d mut Vec<Media>, warnings: &'d mut Warnings) -> Reader<'d, 'a> {
        let mut notes_by_id = HashMap::new();
        for note in document.root().descendants().filter(|e| e.name() == "footnote" && !e.attr("ID").is_empty()) {
            let number = notes_by_id.len() + 1;
            notes_by_id.entry(note.attr("ID")).or_insert(number);
        }
        let notes = notes_by_id.len();
        Reader {
            document,
            media,
            warnings,
            media_by_id: HashMap::new(),
            ids: HashMap::new(),
            notes_by_id,
            notes,
            footnotes: Vec::new(),
            in_link: false,
        }
    }

    pub(super) fn document(&self) -> &'d Document<'a> {
        self.document
    }

    pub(super) fn warn(&mut self, code: &'static str, about: &str) {
        self.warnings.add(code, about);
    }

    pub(super) fn section(&mut self, section: &Section<'d>) -> SectionNodes {
        self.footnotes.clear();
        let title = section.element.child("title").map(|title| self.inside(title)).unwrap_or_default();
        // The schema allows one narrative; all that are there are read.
        let mut narrative = Vec::new();
        for text in section.element.children("text") {
            narrative.append(&mut self.inside(text));
        }
        (title, narrative, std::mem::take(&mut self.footnotes))
    }

    /// The nodes of everything inside an element.
    fn inside(&mut self, element: Element<'d>) -> Vec<Node> {
        let mut nodes = Vec::new();
        for node in element.nodes() {
            match node {
                Xml::Text(text) => push_text(&mut nodes, text),
                Xml::Element(inner) => self.element(inner, &mut nodes),
            }
        }
        nodes
    }

    fn element(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        use NodeKind::{
            Caption, Content, Deleted, Heading, Inserted, Item, OrderedList, Paragraph, Preformatted, Sub, Sup, UnorderedList,
        };
        let kind = match element.name() {
            "paragraph" | "p" | "div" | "dl" | "dt" | "dd" | "center" | "blockquote" | "address" => Paragraph,
            "content" => match element.attr("revised") {
                "insert" => Inserted,
                "delete" => Deleted,
                _ => Content,
            },
            "span" | "b" | "i" | "u" | "strong" | "em" | "font" | "small" | "big" | "tt" => Content,
            "ins" => Inserted,
            "del" | "strike" | "s" => Deleted,
            "sub" => Sub,
            "sup" => Sup,
            "pre" => Preformatted,
            "list" if element.attr("listType") == "ordered" => OrderedList,
            "list" | "ul" => UnorderedList,
            "ol" => OrderedList,
            "item" | "li" => Item,
            "caption" => Caption,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Heading,
            _ => return self.special(element, out),
        };
        let children = self.inside(element);
        out.push(self.node(element, kind, children));
    }

    /// What is no plain wrapper of its children.
    fn special(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        match element.name() {
            "br" => {
                out.push(Node::Break);
                out.append(&mut self.inside(element));
            }
            "hr" => out.push(Node::Rule),
            "table" => {
                let rows = self.table(element);
                out.push(self.node(element, NodeKind::Table, rows));
            }
            // Out of their place: the rows are shown as a table of their own.
            "thead" | "tbody" | "tfoot" | "tr" | "td" | "th" => {
                let mut rows = Vec::new();
                self.table_part(element, &mut rows);
                out.push(Node::element(NodeKind::Table, close_rows(rows)));
                self.warn("schema-order", element.name());
            }
            "linkHtml" | "a" => self.link(element, out),
            "footnote" => self.footnote(element, out),
            "footnoteRef" => {
                let number = self.notes_by_id.get(element.attr("IDREF")).copied();
                if number.is_none() {
                    self.warn("broken-ref", "footnoteRef");
                }
                out.push(Node::FootnoteMark(number));
            }
            "renderMultiMedia" => self.multi_media(element, out),
            "img" => {
                let words = Some(element.attr("alt")).filter(|alt| !alt.is_empty()).unwrap_or("picture");
                out.push(Node::Missing(words.to_owned()));
                self.warn("dropped-element", "img");
            }
            // Inside a narrative these could only act; their words are still words.
            name => {
                self.warnings.add("unknown-element", name);
                out.append(&mut self.inside(element));
            }
        }
    }

    fn node(&mut self, element: Element<'d>, kind: NodeKind, children: Vec<Node>) -> Node {
        let mut styles = self.styles(element, kind);
        if carries_layout(kind, &children) {
            styles = styles.union(Styles::preserved());
        }
        let id = self.id(element);
        let language = Some(element.attr("language")).filter(|tag| is_language(tag)).map(str::to_owned);
        self.count_dropped(element);
        Node::styled(kind, id, language, styles, children)
    }

    fn styles(&mut self, element: Element<'d>, kind: NodeKind) -> Styles {
        let warnings = &mut *self.warnings;
        let mut styles = Styles::parse(element.attr("styleCode"), |token| warnings.add("dropped-style", token));
        let of_name = match element.name() {
            "b" | "strong" => "Bold",
            "i" | "em" => "Italics",
            "u" => "Underline",
            "tt" => "xMono",
            "center" => "xCenter",
            _ => "",
        };
        styles = styles.union(Styles::parse(of_name, |_| {}));
        let is_cell = matches!(kind, NodeKind::Cell(_) | NodeKind::TableRow | NodeKind::Head | NodeKind::Body | NodeKind::Foot);
        if is_cell {
            let align = match element.attr("align") {
                "center" => "xCenter",
                "right" => "xRight",
                _ => "",
            };
            let valign = match element.attr("valign") {
                "middle" => "xMiddle",
                "bottom" => "xBottom",
                _ => "",
            };
            styles = styles.union(Styles::parse(align, |_| {})).union(Styles::parse(valign, |_| {}));
        }
        styles
    }

    /// Counts attributes that say something and are not carried over.
    fn count_dropped(&mut self, element: Element<'d>) {
        const TAKEN: &[&str] = &[
            "ID",
            "language",
            "styleCode",
            "revised",
            "listType",
            "colspan",
            "rowspan",
            "scope",
            "align",
            "valign",
            "href",
            "title",
            "name",
            "IDREF",
            "referencedObject",
            "alt",
            // Of looks alone, and the page has its own.
            "width",
            "border",
            "frame",
            "rules",
            "cellspacing",
            "cellpadding",
            "summary",
            "char",
            "charoff",
            "abbr",
            "axis",
            "headers",
            "span",
            "rel",
            "rev",
            "mediaType",
        ];
        for (_, name, _) in element.attributes() {
            if !TAKEN.contains(&name) {
                self.warnings.add("dropped-attribute", name);
            }
        }
    }

    /// The page's id for an element's `ID`.
    fn id(&mut self, element: Element<'d>) -> Option<String> {
        let id = Some(element.attr("ID")).filter(|id| !id.is_empty())?;
        let plain = page_id(id);
        let times = self.ids.entry(plain.clone()).or_default();
        *times += 1;
        if *times == 1 {
            return Some(plain);
        }
        let again = format!("{plain}--{times}");
        self.warn("duplicate-id", "");
        Some(again)
    }

    fn table(&mut self, table: Element<'d>) -> Vec<Node> {
        let mut parts = Vec::new();
        for node in table.nodes() {
            match node {
                Xml::Text(text) if text.trim().is_empty() => {}
                Xml::Text(text) => loose_row(vec![Node::Text(text.to_owned())]).into_iter().for_each(|row| parts.push(row)),
                Xml::Element(inner) => self.table_part(inner, &mut parts),
            }
        }
        close_rows(parts)
    }

    /// A part of a table; rows and cells out of their place get what is missing around them.
    fn table_part(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        let kind = match element.name() {
            "col" | "colgroup" => return,
            "thead" => NodeKind::Head,
            "tbody" => NodeKind::Body,
            "tfoot" => NodeKind::Foot,
            "tr" => NodeKind::TableRow,
            "td" | "th" => {
                let cell = self.cell(element);
                return out.extend(loose_row(vec![cell]));
            }
            "caption" => return self.element(element, out),
            _ => {
                let mut inside = Vec::new();
                self.element(element, &mut inside);
                if inside.iter().any(Node::has_words) {
                    self.warn("schema-order", element.name());
                    out.extend(loose_row(inside));
                }
                return;
            }
        };
        let mut children = Vec::new();
        for node in element.nodes() {
            match node {
                Xml::Text(text) if text.trim().is_empty() => {}
                Xml::Text(text) => children.push(loose(kind, vec![Node::Text(text.to_owned())])),
                Xml::Element(inner) if kind == NodeKind::TableRow => match inner.name() {
                    "td" | "th" => children.push(self.cell(inner)),
                    _ => {
                        let mut inside = Vec::new();
                        self.element(inner, &mut inside);
                        children.push(loose(kind, inside));
                    }
                },
                Xml::Element(inner) => self.table_part(inner, &mut children),
            }
        }
        out.push(self.node(element, kind, children));
    }

    fn cell(&mut self, element: Element<'d>) -> Node {
        let scope = match element.attr("scope") {
            "row" => Some("row"),
            "col" => Some("col"),
            "rowgroup" => Some("rowgroup"),
            "colgroup" => Some("colgroup"),
            _ => None,
        };
        let cell = Cell {
            is_heading: element.name() == "th",
            columns: self.span(element.attr("colspan")),
            rows: self.span(element.attr("rowspan")),
            scope,
        };
        let children = self.inside(element);
        self.node(element, NodeKind::Cell(cell), children)
    }

    fn span(&mut self, value: &str) -> u16 {
        if value.is_empty() {
            return 1;
        }
        match value.trim().parse::<u64>() {
            Ok(span @ 1..=1_000) => span as u16,
            Ok(0) | Err(_) => {
                self.warn("span-clamped", "");
                1
            }
            Ok(_) => {
                self.warn("span-clamped", "");
                SPAN_MAX
            }
        }
    }

    fn link(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        let link = super::values::link(element.attr("href"), |id| self.document.by_id(id).map(|_| page_id(id)));
        if matches!(link, Link::Dead(_)) && !element.attr("href").is_empty() {
            self.warn("dead-link", "");
        }
        let outer = std::mem::replace(&mut self.in_link, true);
        let children = self.inside(element);
        self.in_link = outer;
        let id = self.id(element).or_else(|| {
            let name = element.attr("name");
            (!name.is_empty()).then(|| page_id(name))
        });
        // A link inside a link is words alone, but its address is not lost.
        let link = match link {
            Link::Inside(_) if outer => Link::Dead(String::new()),
            Link::Outside(address) if outer => Link::Dead(address),
            link => link,
        };
        self.count_dropped(element);
        out.push(Node::Link { link, id, title: element.attr("title").to_owned(), children });
    }

    fn footnote(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        let known = self.notes_by_id.get(element.attr("ID")).copied();
        let number = known.unwrap_or_else(|| {
            self.notes += 1;
            self.notes
        });
        let id = self.id(element);
        let body = self.inside(element);
        let mut numbered = vec![Node::Text(format!("{number}. "))];
        numbered.extend(body);
        self.footnotes.push(numbered);
        out.push(Node::Footnote { number, id });
    }

    fn multi_media(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        // The attribute is IDREFS: several pictures may stand in it.
        for id in element.attr("referencedObject").split_whitespace() {
            let Some(object) = self.document.by_id(id) else {
                self.warn("broken-ref", "renderMultiMedia");
                out.push(Node::Missing(format!("object {id}")));
                continue;
            };
            let known = self.media_by_id.get(id).copied();
            let at = known.unwrap_or_else(|| {
                let medium = media::of_object(object, self.warnings);
                self.media.push(medium);
                self.media_by_id.insert(object.attr("ID"), self.media.len() - 1);
                self.media.len() - 1
            });
            out.push(Node::Media(at));
            out.extend(media::region_words(object).map(Node::Text));
        }
        if element.attr("referencedObject").is_empty() {
            self.warn("broken-ref", "renderMultiMedia");
        }
        out.append(&mut self.inside(element));
    }
}

/// The id on the page for an id of the document: prefixed, so that it cannot meet one of ours, and of plain characters.
pub(super) fn page_id(id: &str) -> String {
    let mut out = String::from("n-");
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => out.push(byte as char),
            _ => out.push_str(&format!("_{byte:02x}")),
        }
    }
    out
}

fn push_text(nodes: &mut Vec<Node>, text: &str) {
    match nodes.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ => nodes.push(Node::Text(text.to_owned())),
    }
}

/// Something between cells or rows, in a cell and, outside of rows, in a row.
fn loose(kind: NodeKind, inside: Vec<Node>) -> Node {
    let cell = Node::element(NodeKind::Cell(Cell { is_heading: false, columns: 1, rows: 1, scope: None }), inside);
    if kind == NodeKind::TableRow { cell } else { Node::element(NodeKind::TableRow, vec![cell]) }
}

fn loose_row(inside: Vec<Node>) -> Option<Node> {
    let is_cell = matches!(inside.first(), Some(Node::Element { kind: NodeKind::Cell(_), .. }));
    let row = if is_cell { Node::element(NodeKind::TableRow, inside) } else { loose(NodeKind::Body, inside) };
    Some(row)
}

/// Puts runs of rows that stand directly in a table into bodies.
fn close_rows(parts: Vec<Node>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::new();
    let mut open = false;
    for part in parts {
        let is_row = matches!(part, Node::Element { kind: NodeKind::TableRow, .. });
        match out.last_mut() {
            Some(Node::Element { kind: NodeKind::Body, children, .. }) if is_row && open => children.push(part),
            _ if is_row => out.push(Node::element(NodeKind::Body, vec![part])),
            _ => out.push(part),
        }
        open = is_row;
    }
    out
}

/// Whether spaces and line ends are the layout: text alone, with runs of them inside.
fn carries_layout(kind: NodeKind, children: &[Node]) -> bool {
    let [Node::Text(text)] = children else { return false };
    let takes = matches!(kind, NodeKind::Paragraph | NodeKind::Content | NodeKind::Cell(_) | NodeKind::Item);
    let inner = text.trim();
    // One line end with the spaces that indent the next line is how XML is written, not layout.
    takes
        && (inner.contains("   ") && !inner.contains('\n') || inner.lines().filter(|line| line.trim().contains("  ")).count() > 1)
}

fn is_language(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= 35
        && tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
