//! Narrative as printed blocks: runs of styled words, lists, tables.
//!
//! Not for: what stands around narrative (`paper`), how it is set (`render::pdf`).

use std::collections::HashSet;

use crate::render::pdf::content::{Anchor, Block, Cell, Look, Marker, Run, Shift, Style, Table};

use super::link::Link;
use super::media::MediaUse;
use super::node::{Node, NodeKind};
use super::page::Page;
use super::pictures;
use super::runs::{plain, shown};
use super::styles::Styles;

/// Heading rows that come again on every page; more of them are taken for rows of the body.
const HEAD_ROWS_MAX: usize = 8;

/// Makes blocks of nodes.
pub(super) struct Prose<'p, 't> {
    page: &'p Page,
    targets: &'t HashSet<&'p str>,
    out: Vec<Block>,
    /// The paragraph that is being gathered.
    words: Vec<Run>,
    style: Style,
    look: Look,
    link: Option<Anchor>,
    /// Inside text whose spaces are its layout, but which shares its lines with other text.
    kept_inline: usize,
    /// Blocks are only lines here: in titles and captions.
    is_inline: bool,
}

impl<'p, 't> Prose<'p, 't> {
    pub(super) fn new(page: &'p Page, targets: &'t HashSet<&'p str>) -> Prose<'p, 't> {
        Prose {
            page,
            targets,
            out: Vec::new(),
            words: Vec::new(),
            style: Style::default(),
            look: Look::Body,
            link: None,
            kept_inline: 0,
            is_inline: false,
        }
    }

    pub(super) fn blocks(mut self, nodes: &[Node]) -> Vec<Block> {
        self.nodes(nodes);
        self.flush();
        self.out
    }

    /// Nodes as the words of one paragraph.
    pub(super) fn runs(mut self, nodes: &[Node]) -> Vec<Run> {
        self.is_inline = true;
        self.nodes(nodes);
        self.trim();
        self.words
    }

    /// The blocks of nodes that stand inside something: with the style that holds there.
    fn inside(&mut self, nodes: &[Node], look: Look, style: Style) -> Vec<Block> {
        let inner =
            Prose { look, style, link: self.link.clone(), kept_inline: self.kept_inline, ..Prose::new(self.page, self.targets) };
        inner.blocks(nodes)
    }

    fn nodes(&mut self, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.node(node));
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Text(text) => self.text(text),
            Node::Break => self.line(),
            Node::Rule if self.is_inline => self.line(),
            Node::Rule => {
                self.flush();
                self.out.push(Block::Rule);
            }
            Node::Element { .. } => self.element(node),
            Node::Link { link, id, children, .. } => self.link(link, id.as_deref(), children),
            Node::Footnote { number, id, words } => {
                self.anchor(id.as_deref());
                self.note_mark(&format!("[{number}]"), Some(*number));
                self.muted(&format!(" ({words}) "));
            }
            Node::FootnoteMark(Some(number)) => self.note_mark(&format!("[{number}]"), Some(*number)),
            Node::FootnoteMark(None) => self.note_mark("[?]", None),
            Node::Media(at) => self.media(*at),
            Node::Missing(words) => self.muted(&format!("[{words}]")),
        }
    }

    fn element(&mut self, node: &Node) {
        let Node::Element { kind, id, styles, children, is_block, .. } = node else { return };
        let outer = (self.style, self.look);
        self.style = styled(self.style, *styles);
        let preserves = styles.has("s-preserved") || styles.has("s-spacing") || *kind == NodeKind::Preformatted;
        let kept_before = self.kept_inline;
        match kind {
            NodeKind::Content | NodeKind::Inserted | NodeKind::Deleted | NodeKind::Sub | NodeKind::Sup if !is_block => {
                self.kept_inline += usize::from(preserves && self.look != Look::Kept);
                self.anchor(id.as_deref());
                self.begin(*kind, *styles);
                self.nodes(children);
            }
            _ if self.is_inline => {
                self.line_unless_begun();
                self.anchor(id.as_deref());
                self.begin(*kind, *styles);
                self.nodes(children);
                self.line_unless_begun();
            }
            NodeKind::OrderedList | NodeKind::UnorderedList => self.list(*kind, *styles, id.as_deref(), children),
            NodeKind::Table => self.table(id.as_deref(), children),
            _ => {
                self.flush();
                self.look = if preserves { Look::Kept } else { look(self.look, *styles) };
                self.anchor(id.as_deref());
                self.begin(*kind, *styles);
                self.nodes(children);
                if styles.has("s-indent") {
                    self.indent(outer.1);
                }
                self.flush();
            }
        }
        (self.style, self.look) = outer;
        self.kept_inline = kept_before;
    }

    /// What stands in front of an element's words, and the style of its kind.
    fn begin(&mut self, kind: NodeKind, styles: Styles) {
        match kind {
            NodeKind::Inserted => self.style.is_underlined = true,
            NodeKind::Deleted => {
                self.muted("[deleted] ");
                self.style.is_struck = true;
            }
            NodeKind::Sub => self.style.shift = Shift::Sub,
            NodeKind::Sup => self.style.shift = Shift::Sup,
            NodeKind::Caption | NodeKind::Heading => self.style.is_bold = true,
            NodeKind::Note(number) => {
                let anchor = Some(Anchor(format!("note-{number}")));
                self.words.push(Run { anchor, ..plain(&format!("[{number}] ")) });
            }
            _ => {}
        }
        if styles.has("s-alert") {
            self.style.is_bold = true;
            self.words.push(Run { style: self.style, ..plain("(!) ") });
        }
    }

    fn list(&mut self, kind: NodeKind, styles: Styles, id: Option<&str>, children: &[Node]) {
        self.flush();
        self.anchor(id);
        self.flush();
        let mut items: Vec<Vec<Block>> = Vec::new();
        for child in children {
            match child {
                Node::Element { kind: NodeKind::Item, id, styles, children, .. } => {
                    let style = styled(self.style, *styles);
                    let look = if styles.has("s-preserved") { Look::Kept } else { Look::Body };
                    let mut blocks = self.inside(children, look, style);
                    if let Some(anchor) = self.target(id.as_deref()) {
                        blocks.insert(0, anchor_alone(anchor));
                    }
                    items.push(blocks);
                }
                other => self.node(other),
            }
        }
        self.flush();
        if !items.is_empty() {
            self.out.push(Block::List { marker: marker(kind, styles), items });
        }
    }

    fn table(&mut self, id: Option<&str>, parts: &[Node]) {
        self.flush();
        self.anchor(id);
        self.flush();
        let mut table = Table::default();
        let last = parts.len().saturating_sub(1);
        for (at, part) in parts.iter().enumerate() {
            let Node::Element { kind, styles, children, .. } = part else { continue };
            let style = styled(self.style, *styles);
            match kind {
                NodeKind::Caption => table.caption = Prose::new(self.page, self.targets).runs(children),
                NodeKind::Head if table.body.is_empty() && table.head.len() + children.len() <= HEAD_ROWS_MAX => {
                    table.head.extend(self.rows(children, style, *styles));
                }
                // Rows stay where the author wrote them.
                NodeKind::Foot if at == last => table.foot.extend(self.rows(children, style, *styles)),
                NodeKind::Head | NodeKind::Body | NodeKind::Foot => table.body.extend(self.rows(children, style, *styles)),
                _ => {}
            }
        }
        self.out.push(Block::Table(table));
    }

    fn rows(&mut self, rows: &[Node], style: Style, of_part: Styles) -> Vec<Vec<Cell>> {
        let rows = rows.iter().filter_map(|row| match row {
            Node::Element { id, styles, children, .. } => Some((id, styles, children)),
            _ => None,
        });
        rows.map(|(id, styles, cells)| {
            let style = styled(style, *styles);
            let mut cells: Vec<Cell> = cells.iter().filter_map(|cell| self.cell(cell, style, of_part.union(*styles))).collect();
            if let (Some(anchor), Some(first)) = (self.target(id.as_deref()), cells.first_mut()) {
                first.blocks.insert(0, anchor_alone(anchor));
            }
            cells
        })
        .collect()
    }

    fn cell(&mut self, cell: &Node, style: Style, outer: Styles) -> Option<Cell> {
        let Node::Element { kind: NodeKind::Cell(cell), id, styles, children, .. } = cell else { return None };
        let look = if styles.has("s-preserved") { Look::Kept } else { look(look(Look::Body, outer), *styles) };
        let blocks = self.inside(children, look, styled(style, *styles));
        Some(Cell {
            blocks,
            is_heading: cell.is_heading,
            columns: cell.columns,
            rows: cell.rows,
            anchor: self.target(id.as_deref()),
        })
    }

    fn link(&mut self, link: &Link, id: Option<&str>, children: &[Node]) {
        self.anchor(id);
        let outer = self.link.clone();
        if let Link::Inside(target) = link {
            self.link = Some(Anchor(target.clone()));
        }
        self.nodes(children);
        self.link = outer;
        if let Link::Outside(address) | Link::Dead(address) = link {
            let words = super::node::words_of(children);
            if !address.is_empty() && !words.contains(address.as_str()) {
                self.muted(&format!(" [{address}]"));
            }
        }
    }

    fn media(&mut self, at: usize) {
        let Some(media) = self.page.media.get(at) else { return };
        if self.is_inline {
            return self.muted(&pictures::named(media));
        }
        self.flush();
        match &media.usage {
            MediaUse::Picture => self.out.append(&mut pictures::blocks(media, false)),
            MediaUse::Text(text) => {
                self.out.push(Block::Paragraph { words: vec![plain(text)], look: Look::Kept, anchor: None });
            }
            MediaUse::Html(_) => {
                let mut blocks = self.inside(&media.nodes, Look::Body, Style::default());
                self.out.append(&mut blocks);
            }
            _ => {}
        }
        let more = if media.usage == MediaUse::Pdf { " Its pages follow at the end." } else { "" };
        let words = vec![plain(&format!("{}{more}", pictures::named(media)))];
        self.out.push(Block::Paragraph { words, look: Look::Small, anchor: None });
    }

    /// Text with the white space of markup: runs of it are one space, none at the start of a line.
    fn text(&mut self, text: &str) {
        if self.look == Look::Kept {
            return self.push(text.to_owned(), self.style);
        }
        if self.kept_inline > 0 {
            let style = Style { is_mono: true, ..self.style };
            return self.push(text.replace("  ", "\u{A0}\u{A0}").replace('\t', "\u{A0}\u{A0}\u{A0}\u{A0}"), style);
        }
        let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{C}');
        let mut out = String::with_capacity(text.len());
        let mut is_due = false;
        let begins = self.is_at_start();
        for word in text.split(is_space) {
            if !word.is_empty() {
                if is_due && !(out.is_empty() && begins) {
                    out.push(' ');
                }
                out.push_str(word);
            }
            is_due = true;
        }
        if text.ends_with(is_space) && !(out.is_empty() && begins) && !out.ends_with(' ') {
            out.push(' ');
        }
        if !out.is_empty() {
            self.push(out, self.style);
        }
    }

    fn push(&mut self, text: String, style: Style) {
        self.words.push(Run { text: shown(&text), style, link: self.link.clone(), ..Run::default() });
    }

    fn muted(&mut self, text: &str) {
        let text = if self.is_at_start() { text.trim_start() } else { text };
        let style = Style { is_muted: true, shift: Shift::None, is_struck: false, ..self.style };
        self.push(text.to_owned(), style);
    }

    fn note_mark(&mut self, text: &str, number: Option<usize>) {
        let link = number.map(|number| Anchor(format!("note-{number}")));
        let style = Style { shift: Shift::Sup, ..self.style };
        self.words.push(Run { style, link, ..plain(text) });
    }

    /// Whether a space would begin a line here, or double one.
    fn is_at_start(&self) -> bool {
        let last = self.words.iter().rev().find(|run| !run.text.is_empty());
        last.is_none_or(|run| run.text.ends_with([' ', '\n']))
    }

    fn line(&mut self) {
        self.push("\n".into(), self.style);
    }

    fn line_unless_begun(&mut self) {
        if self.words.iter().any(|run| !run.text.is_empty()) && !self.words.last().is_some_and(|run| run.text.ends_with('\n')) {
            self.line();
        }
    }

    /// A name's anchor, when a link leads to it.
    fn target(&self, id: Option<&str>) -> Option<Anchor> {
        id.filter(|id| self.targets.contains(id)).map(|id| Anchor(id.to_owned()))
    }

    fn anchor(&mut self, id: Option<&str>) {
        if let Some(anchor) = self.target(id) {
            self.words.push(Run { anchor: Some(anchor), ..Run::default() });
        }
    }

    /// Takes white space and empty lines off the end.
    fn trim(&mut self) {
        while let Some(last) = self.words.last_mut() {
            last.text.truncate(last.text.trim_end_matches([' ', '\n', '\r', '\t']).len());
            if !last.text.is_empty() || last.anchor.is_some() {
                return;
            }
            self.words.pop();
        }
    }

    /// Ends the paragraph.
    fn flush(&mut self) {
        self.trim();
        if self.words.iter().all(|run| run.text.is_empty() && run.anchor.is_none()) {
            self.words.clear();
            return;
        }
        let words = std::mem::take(&mut self.words);
        self.out.push(Block::Paragraph { words, look: self.look, anchor: None });
    }

    /// Moves the paragraph that is being gathered to the right.
    fn indent(&mut self, look: Look) {
        self.flush();
        self.look = look;
        if let Some(last) = self.out.pop() {
            self.out.push(Block::Indent(vec![last]));
        }
    }
}

fn anchor_alone(anchor: Anchor) -> Block {
    Block::Paragraph { words: vec![Run { anchor: Some(anchor), ..Run::default() }], look: Look::Body, anchor: None }
}

fn look(outer: Look, styles: Styles) -> Look {
    match () {
        () if styles.has("s-center") => Look::Centered,
        () if styles.has("s-right") => Look::Right,
        () if styles.has("s-left") => Look::Body,
        () => outer,
    }
}

fn styled(mut style: Style, styles: Styles) -> Style {
    for class in styles.classes() {
        match class {
            "s-bold" | "s-row-group" => style.is_bold = true,
            "s-italics" => style.is_italic = true,
            "s-emphasis" => (style.is_bold, style.is_italic) = (true, true),
            "s-underline" => style.is_underlined = true,
            "s-mono" => style.is_mono = true,
            "s-secondary" => style.is_muted = true,
            "s-highlight" => style.is_marked = true,
            _ => {}
        }
    }
    style
}

fn marker(kind: NodeKind, styles: Styles) -> Marker {
    let styled = styles.classes().find_map(|class| match class {
        "s-arabic" => Some(Marker::Arabic),
        "s-little-roman" => Some(Marker::LittleRoman),
        "s-big-roman" => Some(Marker::BigRoman),
        "s-little-alpha" => Some(Marker::LittleAlpha),
        "s-big-alpha" => Some(Marker::BigAlpha),
        "s-disc" => Some(Marker::Disc),
        "s-circle" => Some(Marker::Circle),
        "s-square" => Some(Marker::Square),
        _ => None,
    });
    styled.unwrap_or(if kind == NodeKind::OrderedList { Marker::Arabic } else { Marker::Disc })
}
