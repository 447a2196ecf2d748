//! Narrative (CDA R2 §4.3.5) read into nodes: every word of it, whatever element it stands in.
//!
//! What the schema allows is read as it says; what vendors write instead (HTML elements, rows without a body, text between
//! rows) is read as the nearest thing. `schemas/cda/elements.toml` is the list of both; an element that is not there is
//! looked through, and counted.
//!
//! Not for: tables and lists (`tables`), the header (`header`), files and pictures themselves (`media`).

use std::collections::{HashMap, HashSet};

use crate::formats::cda::{Document, Element, Namespace, Node as Xml};

use super::allow::{Allowed, Role, Rule, allowed};
use super::link::{self, Link};
use super::media::{self, Media};
use super::node::{Cell, Extra, Footnote, Node, NodeKind, words_of};
use super::styles::Styles;
use super::warnings::Warnings;

/// Narrative of one section.
pub(super) struct SectionNodes {
    pub title: Vec<Node>,
    pub narrative: Vec<Node>,
    pub footnotes: Vec<Footnote>,
}

/// Reads the narrative of one document, section after section.
pub(super) struct Reader<'d, 'a> {
    document: &'d Document<'a>,
    allowed: &'static Allowed,
    media: &'d mut Vec<Media>,
    pub(super) warnings: &'d mut Warnings,
    /// Which medium an element stands for, so that a picture shown twice is kept once.
    media_by_place: HashMap<usize, usize>,
    /// Page ids that were given, with how often: ids may be there twice.
    ids: HashMap<String, u32, ahash::RandomState>,
    /// Ids that stand in narrative, once a link asks for one.
    targets: Option<HashSet<&'d str>>,
    /// Number of each named footnote of the document; the first of equals counts.
    notes_by_id: HashMap<&'d str, usize>,
    notes: usize,
    /// Footnotes of the section that is being read.
    footnotes: Vec<Footnote>,
    in_link: bool,
}

impl<'d, 'a> Reader<'d, 'a> {
    /// `sections` are all that will be read, in that order.
    pub(super) fn new(
        document: &'d Document<'a>,
        sections: impl Iterator<Item = Element<'d>>,
        media: &'d mut Vec<Media>,
        warnings: &'d mut Warnings,
    ) -> Reader<'d, 'a> {
        let mut notes_by_id = HashMap::new();
        let narratives = sections.flat_map(narratives).flat_map(|narrative| narrative.descendants());
        for (before, note) in narratives.filter(|e| e.name() == "footnote").enumerate() {
            if !note.attr("ID").is_empty() {
                notes_by_id.entry(note.attr("ID")).or_insert(before + 1);
            }
        }
        Reader {
            document,
            allowed: allowed(),
            media,
            warnings,
            media_by_place: HashMap::new(),
            ids: HashMap::default(),
            targets: None,
            notes_by_id,
            notes: 0,
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

    /// Title and narrative of a section. The schema allows one of each; all that are there are read, and so are words that
    /// stand in the section itself.
    pub(super) fn section(&mut self, section: Element<'d>) -> SectionNodes {
        let mut read = SectionNodes { title: Vec::new(), narrative: Vec::new(), footnotes: Vec::new() };
        for node in section.nodes() {
            match node {
                Xml::Text(text) if !text.trim().is_empty() => {
                    self.warn("schema-order", "text");
                    read.narrative.push(Node::element(NodeKind::Paragraph, vec![Node::Text(text.to_owned())]));
                }
                Xml::Text(_) => {}
                Xml::Element(element) if element.name() == "title" => read.title.append(&mut self.inside(element)),
                Xml::Element(element) if element.name() == "text" => read.narrative.append(&mut self.text(element)),
                Xml::Element(element) if is_of_section(element.name()) => {}
                Xml::Element(element) => {
                    self.warn("schema-order", element.name());
                    self.element(element, &mut read.narrative);
                }
            }
        }
        read.footnotes = std::mem::take(&mut self.footnotes);
        read
    }

    /// A whole narrative. A footnote that stands in it directly, as some products write the lines below a table, belongs to no word and
    /// stays where it is.
    pub(super) fn text(&mut self, text: Element<'d>) -> Vec<Node> {
        let mut nodes = Vec::new();
        for node in text.nodes() {
            match node {
                Xml::Text(text) => push_text(&mut nodes, text),
                Xml::Element(note) if note.name() == "footnote" => {
                    let number = self.next_note(note);
                    let children = self.inside(note);
                    let rule = self.allowed.rule("footnote");
                    nodes.push(self.node(note, rule, NodeKind::Note(number), children));
                }
                Xml::Element(inner) => self.element(inner, &mut nodes),
            }
        }
        // The narrative's own name and style hold for all of it.
        match self.id(text.attr("ID")) {
            Some(id) => vec![Node::styled(NodeKind::Paragraph, Some(id), Styles::default(), None, nodes)],
            None => nodes,
        }
    }

    /// The nodes of everything inside an element.
    pub(super) fn inside(&mut self, element: Element<'d>) -> Vec<Node> {
        let mut nodes = Vec::new();
        for node in element.nodes() {
            match node {
                Xml::Text(text) => push_text(&mut nodes, text),
                Xml::Element(inner) => self.element(inner, &mut nodes),
            }
        }
        nodes
    }

    pub(super) fn role(&self, element: Element<'d>) -> Option<Role> {
        self.allowed.rule(element.name()).map(|rule| rule.role)
    }

    pub(super) fn element(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        let Some(rule) = self.allowed.rule(element.name()) else {
            // It is looked through: whatever it was meant to do, its words are words.
            self.warnings.add("unknown-element", element.name());
            out.append(&mut self.inside(element));
            return;
        };
        let kind = match rule.role {
            Role::Paragraph => NodeKind::Paragraph,
            Role::Content => match element.attr("revised") {
                "insert" => NodeKind::Inserted,
                "delete" => NodeKind::Deleted,
                _ => NodeKind::Content,
            },
            Role::Inserted => NodeKind::Inserted,
            Role::Deleted => NodeKind::Deleted,
            Role::Sub => NodeKind::Sub,
            Role::Sup => NodeKind::Sup,
            Role::Preformatted => NodeKind::Preformatted,
            Role::Heading => NodeKind::Heading,
            Role::Caption => NodeKind::Caption,
            _ => return self.special(element, rule, out),
        };
        let children = self.inside(element);
        out.push(self.node(element, Some(rule), kind, children));
    }

    /// What is no plain wrapper of its children.
    fn special(&mut self, element: Element<'d>, rule: &'static Rule, out: &mut Vec<Node>) {
        match rule.role {
            Role::Break => {
                out.push(Node::Break);
                out.append(&mut self.inside(element));
            }
            Role::Rule => {
                out.push(Node::Rule);
                out.append(&mut self.inside(element));
            }
            Role::List | Role::Ordered | Role::Unordered => {
                let is_ordered = rule.role == Role::Ordered || rule.role == Role::List && element.attr("listType") == "ordered";
                let kind = if is_ordered { NodeKind::OrderedList } else { NodeKind::UnorderedList };
                let items = self.list(element);
                out.push(self.node(element, Some(rule), kind, items));
            }
            Role::Table => {
                let parts = self.table(element);
                out.push(self.node(element, Some(rule), NodeKind::Table, parts));
            }
            // Out of their place: shown as a table or a list of their own.
            Role::Head | Role::Body | Role::Foot | Role::Row | Role::HeadingCell | Role::Cell => {
                self.warn("schema-order", element.name());
                let parts = self.table_of_part(element);
                out.push(Node::element(NodeKind::Table, parts));
            }
            Role::Item => {
                self.warn("schema-order", element.name());
                let item = self.item(element);
                out.push(Node::element(NodeKind::UnorderedList, vec![item]));
            }
            Role::Columns => out.append(&mut self.inside(element)),
            Role::Link => self.link(element, out),
            Role::Footnote => self.footnote(element, out),
            Role::FootnoteMark => {
                let number = self.notes_by_id.get(element.attr("IDREF")).copied();
                if number.is_none() {
                    self.warn("broken-ref", "footnoteRef");
                }
                out.push(Node::FootnoteMark(number));
                out.append(&mut self.inside(element));
            }
            Role::Media => self.multi_media(element, out),
            Role::Picture => {
                let words = Some(element.attr("alt")).filter(|alt| !alt.is_empty()).unwrap_or("picture");
                out.push(Node::Missing(words.to_owned()));
                self.warn("dropped-element", "img");
                out.append(&mut self.inside(element));
            }
            // All others were taken by `element`.
            _ => out.append(&mut self.inside(element)),
        }
    }

    /// An element as a node, with those of its attributes that are on the list.
    pub(super) fn node(
        &mut self,
        element: Element<'d>,
        rule: Option<&'static Rule>,
        kind: NodeKind,
        children: Vec<Node>,
    ) -> Node {
        let mut styles = rule.map(|rule| rule.style).unwrap_or_default();
        let (mut id, mut extra) = ("", Extra::default());
        for (namespace, name, value) in element.attributes() {
            let is_read = namespace == Namespace::V3 && self.is_read(rule, name);
            match (is_read, name) {
                (true, "ID") => id = value.trim(),
                (true, "styleCode") => styles = styles.union(self.styles(value)),
                (true, "language") => extra.language = Some(value.trim()).filter(|tag| is_language(tag)).map(str::to_owned),
                (true, "align" | "valign") => styles = styles.union(alignment(value)),
                (true, "summary") => extra.summary = super::values::spaced(value),
                (true, "headers") => extra.headers = value.split_ascii_whitespace().map(page_id).collect(),
                (true, _) => {}
                (false, _) => self.count_dropped(namespace, name),
            }
        }
        if carries_layout(kind, &children) {
            styles = styles.union(Styles::preserved());
        }
        let extra = (extra != Extra::default()).then(|| Box::new(extra));
        Node::styled(kind, self.id(id), styles, extra, children)
    }

    fn is_read(&self, rule: Option<&Rule>, name: &str) -> bool {
        rule.is_some_and(|rule| self.allowed.reads(rule, name))
    }

    fn count_dropped(&mut self, namespace: Namespace, name: &str) {
        let is_looks = namespace == Namespace::Xsi || namespace == Namespace::V3 && self.allowed.is_looks(name);
        if !is_looks {
            self.warnings.add("dropped-attribute", name);
        }
    }

    fn styles(&mut self, value: &str) -> Styles {
        let warnings = &mut *self.warnings;
        Styles::parse(value, |token| warnings.add("dropped-style", token))
    }

    /// The page's id for an element's `ID`.
    fn id(&mut self, id: &str) -> Option<String> {
        if id.is_empty() {
            return None;
        }
        let plain = page_id(id);
        match self.ids.get_mut(&plain) {
            None => {
                self.ids.insert(plain.clone(), 1);
                Some(plain)
            }
            Some(times) => {
                *times += 1;
                let again = format!("{plain}--{times}");
                self.warn("duplicate-id", "");
                Some(again)
            }
        }
    }

    fn link(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        let href = element.attr("href");
        let link = link::link(href, |id| self.is_target(id).then(|| page_id(id)));
        if matches!(link, Link::Dead(_)) && !href.is_empty() {
            self.warn("dead-link", "");
        }
        let outer = std::mem::replace(&mut self.in_link, true);
        let children = self.inside(element);
        self.in_link = outer;
        let rule = self.allowed.rule(element.name());
        let Node::Element { id, children, .. } = self.node(element, rule, NodeKind::Content, children) else { return };
        let id = id.or_else(|| self.id(element.attr("name")));
        // A link inside a link is words alone, but its address is not lost.
        let link = match link {
            Link::Inside(_) if outer => Link::Dead(String::new()),
            Link::Outside(address) if outer => Link::Dead(address),
            link => link,
        };
        out.push(Node::Link { link, id, title: element.attr("title").to_owned(), children });
    }

    /// Whether an id stands in narrative, so that the page has it too.
    fn is_target(&mut self, id: &str) -> bool {
        let document = self.document;
        let targets = self.targets.get_or_insert_with(|| {
            let narratives = document.root().descendants().filter(|e| e.is("section")).flat_map(narratives);
            let with_names = narratives.flat_map(|narrative| std::iter::once(narrative).chain(narrative.descendants()));
            with_names.flat_map(|element| [element.attr("ID"), element.attr("name")]).filter(|id| !id.is_empty()).collect()
        });
        targets.contains(id)
    }

    /// Notes are counted as they come, in the order in which they were counted before.
    fn next_note(&mut self, note: Element<'d>) -> usize {
        self.notes += 1;
        self.notes_by_id.get(note.attr("ID")).copied().unwrap_or(self.notes)
    }

    fn footnote(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        let number = self.next_note(element);
        let nodes = self.inside(element);
        let rule = self.allowed.rule("footnote");
        let Node::Element { id, children: nodes, .. } = self.node(element, rule, NodeKind::Content, nodes) else { return };
        out.push(Node::Footnote { number, id, words: words_of(&nodes) });
        self.footnotes.push(Footnote { number, nodes });
    }

    fn multi_media(&mut self, element: Element<'d>, out: &mut Vec<Node>) {
        // The attribute is IDREFS: several pictures may stand in it.
        for id in element.attr("referencedObject").split_whitespace() {
            let Some(object) = self.document.by_id(id.trim_start_matches('#')) else {
                self.warn("broken-ref", "renderMultiMedia");
                out.push(Node::Missing(format!("object {id}")));
                continue;
            };
            let parts = media::parts(object);
            if parts.is_empty() {
                self.warn("broken-ref", "renderMultiMedia");
                out.push(Node::Missing(format!("object {id}")));
            }
            for (media, words) in parts {
                out.push(Node::Media(self.medium(media)));
                out.extend(words.map(Node::Text));
            }
        }
        if element.attr("referencedObject").is_empty() {
            self.warn("broken-ref", "renderMultiMedia");
        }
        let children = self.inside(element);
        let rule = self.allowed.rule(element.name());
        let caption = self.node(element, rule, NodeKind::Content, children);
        if caption.has_words() {
            out.push(caption);
        }
    }

    /// The place of a picture or file among the page's media; it is decoded once.
    fn medium(&mut self, media: Element<'d>) -> usize {
        if let Some(known) = self.media_by_place.get(&media.place()) {
            return *known;
        }
        let medium = media::of_object(media, self.warnings);
        self.media.push(medium);
        self.media_by_place.insert(media.place(), self.media.len() - 1);
        self.media.len() - 1
    }

    /// A file that is a body of its own.
    pub(super) fn file(&mut self, text: Element<'d>) -> Node {
        let medium = media::of_text(text, self.warnings);
        self.media.push(medium);
        Node::Media(self.media.len() - 1)
    }

    /// Pictures and files among a section's entries that no narrative has shown so far.
    pub(super) fn unshown(&mut self, entries: impl Iterator<Item = Element<'d>>) -> Vec<usize> {
        let media = entries.filter(|element| element.name() == "observationMedia" && element.child("value").is_some());
        let unshown: Vec<Element<'d>> = media.filter(|media| !self.media_by_place.contains_key(&media.place())).collect();
        unshown.into_iter().map(|media| self.medium(media)).collect()
    }

    /// A cell's spans, scope and content.
    pub(super) fn cell(&mut self, element: Element<'d>) -> Node {
        let scope = match element.attr("scope") {
            "row" => Some("row"),
            "col" => Some("col"),
            "rowgroup" => Some("rowgroup"),
            "colgroup" => Some("colgroup"),
            _ => None,
        };
        let is_heading = self.role(element) == Some(Role::HeadingCell);
        let (columns, rows) = (self.span(element.attr("colspan")), self.span(element.attr("rowspan")));
        let children = self.inside(element);
        let rule = self.allowed.rule(element.name());
        self.node(element, rule, NodeKind::Cell(Cell { is_heading, columns, rows, scope }), children)
    }
}

/// Titles and narratives of a section, in order.
fn narratives(section: Element<'_>) -> impl Iterator<Item = Element<'_>> {
    section.elements().filter(|element| matches!(element.name(), "title" | "text"))
}

/// Elements of a section that are no narrative (CDA R2 §4.3.1, and the extensions in use).
fn is_of_section(name: &str) -> bool {
    const OF_SECTION: [&str; 17] = [
        "realmCode",
        "typeId",
        "templateId",
        "id",
        "code",
        "confidentialityCode",
        "languageCode",
        "effectiveTime",
        "subject",
        "author",
        "informant",
        "participant",
        "entry",
        "component",
        "section",
        "component1",
        "reference",
    ];
    OF_SECTION.contains(&name)
}

/// The id on the page for an id of the document: prefixed, so that it cannot meet one of ours, and of plain characters.
pub(super) fn page_id(id: &str) -> String {
    let mut out = String::with_capacity(id.len() + 2);
    out.push_str("n-");
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => out.push(byte as char),
            _ => {
                out.push('_');
                out.push_str(&crate::model::hex(&[byte]));
            }
        }
    }
    out
}

pub(super) fn push_text(nodes: &mut Vec<Node>, text: &str) {
    match nodes.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ => nodes.push(Node::Text(text.to_owned())),
    }
}

fn alignment(value: &str) -> Styles {
    let code = match value.trim() {
        "center" => "xCenter",
        "right" => "xRight",
        "middle" => "xMiddle",
        "bottom" => "xBottom",
        _ => return Styles::default(),
    };
    Styles::parse(code, |_| {})
}

/// Whether spaces and line ends are the layout: text alone, with runs of them inside.
fn carries_layout(kind: NodeKind, children: &[Node]) -> bool {
    let [Node::Text(text)] = children else { return false };
    let takes = matches!(kind, NodeKind::Paragraph | NodeKind::Content | NodeKind::Cell(_) | NodeKind::Item);
    let inner = text.trim();
    // One line end with the spaces that indent the next line is how XML is written, not layout.
    takes
        && inner.contains("  ")
        && (inner.contains("   ") && !inner.contains('\n') || inner.lines().filter(|line| line.trim().contains("  ")).count() > 1)
}

fn is_language(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= 35
        && tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
