//! A page as HTML: only elements, attributes and addresses that are written here, whatever the document holds.
//!
//! Not for: reading the document (`page`), or the looks (`web/static/cda.css`, which goes into the page itself).

mod files;
mod tags;

use std::fmt::Write;

use crate::model::hex;
use crate::render::escape;

use super::clinical_order::is_narrative_only;
use super::link::Link;
use super::node::{Cell, Columns, Extra, Footnote, Node, NodeKind};
use super::page::{Confidentiality, Page, Panel, Row, SectionPage};
use super::places::Places;
use super::styles::Styles;

pub(super) use files::file_words;
use tags::{class, holds_table, tag};

const STYLE: &str = include_str!("../../../web/static/cda.css");
/// The page as a document of its own, with nothing outside: for a frame, a file, a release.
pub fn standalone(page: &Page) -> String {
    let language = page.language.as_deref().filter(|tag| tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    let mut out = String::from("<!DOCTYPE html>\n");
    let _ = write!(out, "<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>", language.unwrap_or("en"));
    escape_text(&page.title, &mut out);
    let _ =
        write!(out, "</title><meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body><main>");
    out.push_str(&fragment(page));
    out.push_str("</main></body></html>\n");
    out
}

/// The page as a piece of another.
pub fn fragment(page: &Page) -> String {
    let mut writer = Writer::new(page, None);
    writer.whole();
    writer.out
}

/// Escapes text. Characters that turn the direction of text are shown as what they are: they could reverse a dose.
pub(super) fn escape_text(text: &str, out: &mut String) {
    escape::html(text, out, |c, out| {
        let _ = match c {
            c if c.is_control() => write!(out, "\u{FFFD}"),
            c => write!(out, "<span class=\"control\">[U+{:04X}]</span>", c as u32),
        };
    });
}

/// The same for the value of an attribute, where no element can stand.
fn escape_value(text: &str, out: &mut String) {
    escape::html(text, out, |_, _| {});
}

/// Writes the pieces of a page.
pub(super) struct Writer<'p> {
    page: &'p Page,
    pub(super) out: String,
    /// Where a server has what the page shows; without one it is all inside the page.
    places: Option<&'p dyn Places>,
}

impl<'p> Writer<'p> {
    pub(super) fn new(page: &'p Page, places: Option<&'p dyn Places>) -> Writer<'p> {
        Writer { page, out: String::new(), places }
    }

    pub(super) fn text(&mut self, text: &str) {
        escape_text(text, &mut self.out);
    }

    pub(super) fn raw(&mut self, html: &str) {
        self.out.push_str(html);
    }

    /// In the order of spec ccda-render.md §3.
    fn whole(&mut self) {
        let page = self.page;
        self.raw("<article class=\"cda\">");
        self.banner(&page.confidentiality, "This document");
        page.privacy.iter().for_each(|panel| self.panel(panel));
        self.raw("<h1>");
        self.text(&page.title);
        self.raw("</h1>");
        if page.patients.len() > 1 {
            self.raw("<p class=\"alarm\">This document names more than one patient.</p>");
        }
        for notice in &page.notices {
            self.raw("<p class=\"alarm\">");
            self.text(notice);
            self.raw("</p>");
        }
        let _ = write!(
            self.out,
            "<p class=\"origin\">Shown from the original document; its narrative is unaltered. SHA-256 <code>{}</code></p>",
            hex(&page.sha256)
        );
        self.raw("<div class=\"panels\">");
        page.patients.iter().chain(&page.document).for_each(|panel| self.panel(panel));
        self.raw("</div>");
        self.warnings();
        self.contents();
        self.raw("<div class=\"body\">");
        page.sections.iter().for_each(|section| self.section(section, 2));
        if let Some(file) = &page.file {
            self.file(file);
        }
        if page.sections.is_empty() && page.file.is_none() {
            self.raw("<p class=\"empty\">This document has no body.</p>");
        }
        self.raw("</div>");
        if !page.others.is_empty() {
            self.raw("<h2>People and organisations</h2><div class=\"panels\">");
            page.others.iter().for_each(|panel| self.panel_at(panel, 3));
            self.raw("</div>");
        }
        self.raw("</article>");
    }

    pub(super) fn banner(&mut self, confidentiality: &Confidentiality, what: &str) {
        let Some(words) = confidentiality.words() else { return };
        let class = match confidentiality {
            Confidentiality::VeryRestricted => "very-restricted",
            Confidentiality::NotGiven => "unmarked",
            _ => "restricted",
        };
        let _ = write!(self.out, "<p class=\"confidential {class}\">{what} ");
        self.text(&words);
        self.raw(".</p>");
    }

    pub(super) fn panel(&mut self, panel: &Panel) {
        self.panel_at(panel, 2);
    }

    /// A panel whose heading is of this level.
    pub(super) fn panel_at(&mut self, panel: &Panel, level: usize) {
        if panel.rows.is_empty() {
            return;
        }
        let _ = write!(self.out, "<section class=\"facts\"><h{level}>");
        self.text(&panel.heading);
        let _ = write!(self.out, "</h{level}>");
        self.rows(&panel.rows);
        self.raw("</section>");
    }

    fn rows(&mut self, rows: &[Row]) {
        self.raw("<dl>");
        for row in rows {
            self.raw("<div><dt>");
            self.text(&row.label);
            self.raw("</dt>");
            for line in &row.lines {
                self.raw("<dd>");
                self.text(line);
                self.raw("</dd>");
            }
            self.raw("</div>");
        }
        self.raw("</dl>");
    }

    /// The sections by name; those without words say so.
    fn contents(&mut self) {
        if self.page.sections.len() < 2 {
            return;
        }
        self.raw("<nav class=\"contents\" aria-label=\"Sections\"><ol>");
        for section in &self.page.sections {
            let _ = write!(self.out, "<li{}>", if section.has_words { "" } else { " class=\"silent\"" });
            let _ = write!(self.out, "<a href=\"#section-{}\">", section.path);
            self.text(&section.heading);
            self.raw("</a></li>");
        }
        self.raw("</ol></nav>");
    }

    pub(super) fn section(&mut self, section: &SectionPage, level: usize) {
        let _ = write!(self.out, "<section class=\"section\" id=\"section-{}\"", section.path);
        self.language(section.language.as_deref());
        self.raw(">");
        self.heading(section, level);
        self.section_inside(section, level);
        self.raw("</section>");
    }

    pub(super) fn heading(&mut self, section: &SectionPage, level: usize) {
        let heading = if level <= 6 { format!("h{level}") } else { "p".to_owned() };
        let _ = write!(self.out, "<{heading}{}>", if level > 6 { " class=\"deep\"" } else { "" });
        if section.title.iter().any(Node::has_words) {
            self.nodes(&section.title);
        } else {
            self.text(&section.heading);
        }
        if let Some(words) = section.no_information {
            self.raw(" <span class=\"mark\">");
            self.text(words);
            self.raw("</span>");
        }
        let _ = write!(self.out, "</{heading}>");
    }

    /// What a section holds below its heading.
    pub(super) fn section_inside(&mut self, section: &SectionPage, level: usize) {
        if let Some(confidentiality) = &section.confidentiality {
            self.banner(confidentiality, "This section");
        }
        for words in &section.entries_marked {
            self.raw("<p class=\"confidential restricted\">Data of this section ");
            self.text(words);
            self.raw(".</p>");
        }
        if !section.people.is_empty() {
            self.rows(&section.people);
        }
        self.narrative(section);
        self.footnotes(&section.footnotes);
        self.coded(section);
        section.sections.iter().for_each(|inner| self.section(inner, level + 1));
    }

    fn narrative(&mut self, section: &SectionPage) {
        if section.has_words {
            // A wide table is moved by the keys, too.
            let is_wide = section.narrative.iter().any(holds_table);
            self.raw(if is_wide {
                "<div class=\"narrative\" tabindex=\"0\" role=\"group\" aria-label=\""
            } else {
                "<div class=\"narrative"
            });
            if is_wide {
                escape_value(&section.heading, &mut self.out);
            }
            self.raw("\">");
            self.nodes(&section.narrative);
            self.raw("</div>");
        } else if section.sections.is_empty() {
            let entries = match section.entries {
                0 => String::new(),
                1 => "; one coded entry".to_owned(),
                n => format!("; {n} coded entries"),
            };
            let _ = write!(self.out, "<p class=\"empty\">No narrative text in this section{entries}.</p>");
        }
    }

    fn footnotes(&mut self, notes: &[Footnote]) {
        if notes.is_empty() {
            return;
        }
        self.raw("<div class=\"footnotes\" role=\"group\" aria-label=\"Footnotes\">");
        for Footnote { number, nodes } in notes {
            let _ = write!(self.out, "<div id=\"note-{number}\">{number}. ");
            self.nodes(nodes);
            self.raw("</div>");
        }
        self.raw("</div>");
    }

    /// Entries that the narrative has no words for: flagged, never mixed in.
    fn coded(&mut self, section: &SectionPage) {
        if is_narrative_only(section) {
            self.raw("<p class=\"empty\">Words only: this section has no coded entries.</p>");
        }
        let missing: Vec<_> = section.coded.iter().filter(|entry| !entry.in_narrative).collect();
        if missing.is_empty() {
            return;
        }
        let open = if section.has_words { "" } else { " open" };
        let _ = write!(
            self.out,
            "<details class=\"coded\"{open}><summary>Coded data without words in the narrative ({})",
            missing.len()
        );
        self.raw("</summary><ul>");
        for entry in missing {
            self.raw("<li>");
            self.text(&entry.words);
            self.raw("</li>");
        }
        self.raw("</ul></details>");
    }

    pub(super) fn warnings(&mut self) {
        if self.page.warnings.is_empty() {
            return;
        }
        let total: u32 = self.page.warnings.iter().map(|warning| warning.count).sum();
        let _ = write!(self.out, "<details class=\"findings\"><summary>How this page was made ({total} findings)</summary><ul>");
        for warning in &self.page.warnings {
            self.raw("<li><code>");
            self.text(warning.code);
            self.raw("</code> ");
            self.text(&warning.about);
            let _ = write!(self.out, " × {}</li>", warning.count);
        }
        self.raw("</ul></details>");
    }

    fn nodes(&mut self, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.node(node));
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Text(text) => self.text(text),
            Node::Break => self.raw("<br>"),
            Node::Rule => self.raw("<hr>"),
            Node::Element { .. } => self.element(node),
            Node::Link { link, id, title, children } => self.link(link, id.as_deref(), title, children),
            Node::Footnote { number, id, words } => {
                self.raw("<sup");
                self.id(id.as_deref());
                let _ = write!(self.out, "><a href=\"#note-{number}\">[{number}]</a></sup><small class=\"note\"> ");
                self.text(words);
                self.raw(" </small>");
            }
            Node::FootnoteMark(Some(number)) => {
                let _ = write!(self.out, "<sup><a href=\"#note-{number}\">[{number}]</a></sup>");
            }
            Node::FootnoteMark(None) => self.raw("<sup>[?]</sup>"),
            Node::Media(at) => {
                let page = self.page;
                if let Some(media) = page.media.get(*at) {
                    self.file(media);
                }
            }
            Node::Missing(words) => {
                self.raw("<span class=\"missing\">[");
                self.text(words);
                self.raw("]</span>");
            }
        }
    }

    fn element(&mut self, node: &Node) {
        let Node::Element { kind, id, styles, extra, children, is_block } = node else { return };
        let mut children = children.as_slice();
        if matches!(kind, NodeKind::OrderedList | NodeKind::UnorderedList) {
            // A list's caption stands in front of it: HTML has no place for it inside.
            while let Some((caption, rest)) = children.split_first().filter(|(first, _)| first.is(NodeKind::Caption)) {
                self.element(caption);
                children = rest;
            }
            if children.is_empty() {
                return;
            }
        }
        if let NodeKind::Columns(columns) = kind {
            return self.columns(columns);
        }
        let tag = tag(*kind, *is_block);
        self.raw("<");
        self.raw(tag);
        match (kind, id) {
            // What refers to a footnote leads to where it stands in full.
            (NodeKind::Note(number), _) => {
                let _ = write!(self.out, " id=\"note-{number}\"");
            }
            (_, id) => self.id(id.as_deref()),
        }
        self.class(class(*kind), *styles);
        self.extra(extra.as_deref());
        if let NodeKind::Cell(cell) = kind {
            self.cell(cell);
        }
        self.raw(">");
        match kind {
            // An HTML reader swallows one line end right after `<pre>`.
            NodeKind::Preformatted => self.raw("\n"),
            NodeKind::Deleted => self.raw("<span class=\"mark\">[deleted]</span> "),
            NodeKind::Note(number) => {
                let _ = write!(self.out, "[{number}] ");
            }
            _ => {}
        }
        match kind {
            // A table's first words are its caption by an element of its own.
            NodeKind::Table => children.iter().for_each(|part| self.table_part(part)),
            _ => self.nodes(children),
        }
        self.raw("</");
        self.raw(tag);
        self.raw(">");
    }

    fn table_part(&mut self, part: &Node) {
        let Node::Element { kind: NodeKind::Caption, id, styles, children, .. } = part else { return self.node(part) };
        self.raw("<caption");
        self.id(id.as_deref());
        self.class("caption", *styles);
        self.raw(">");
        self.nodes(children);
        self.raw("</caption>");
    }

    fn columns(&mut self, columns: &Columns) {
        let _ = write!(self.out, "<colgroup><col span=\"{}\"", columns.span);
        if let Some(percent) = columns.percent {
            let _ = write!(self.out, " width=\"{percent}%\"");
        }
        self.raw("></colgroup>");
    }

    fn id(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            self.raw(" id=\"");
            escape_value(id, &mut self.out);
            self.raw("\"");
        }
    }

    pub(super) fn language(&mut self, language: Option<&str>) {
        if let Some(language) = language {
            self.raw(" lang=\"");
            escape_value(language, &mut self.out);
            self.raw("\"");
        }
    }

    fn class(&mut self, own: &str, styles: Styles) {
        if own.is_empty() && styles.is_empty() {
            return;
        }
        self.raw(" class=\"");
        self.raw(own);
        for (at, class) in styles.classes().enumerate() {
            self.raw(if at == 0 && own.is_empty() { "" } else { " " });
            self.raw(class);
        }
        self.raw("\"");
    }

    fn extra(&mut self, extra: Option<&Extra>) {
        let Some(extra) = extra else { return };
        self.language(extra.language.as_deref());
        for (name, value) in [("aria-label", extra.summary.as_str()), ("headers", &extra.headers.join(" "))] {
            if !value.is_empty() {
                let _ = write!(self.out, " {name}=\"");
                escape_value(value, &mut self.out);
                self.raw("\"");
            }
        }
    }

    fn cell(&mut self, cell: &Cell) {
        if cell.columns > 1 {
            let _ = write!(self.out, " colspan=\"{}\"", cell.columns);
        }
        if cell.rows > 1 {
            let _ = write!(self.out, " rowspan=\"{}\"", cell.rows);
        }
        if let Some(scope) = cell.scope.filter(|_| cell.is_heading) {
            let _ = write!(self.out, " scope=\"{scope}\"");
        }
    }

    fn link(&mut self, link: &Link, id: Option<&str>, title: &str, children: &[Node]) {
        match link {
            Link::Inside(target) => {
                self.raw("<a href=\"#");
                escape_value(target, &mut self.out);
                self.raw("\"");
            }
            Link::Outside(address) => {
                self.raw("<a rel=\"noopener noreferrer\" target=\"_blank\" href=\"");
                let there = self.places.map(|places| places.outside(address));
                escape_value(there.as_deref().unwrap_or(address), &mut self.out);
                self.raw("\"");
            }
            Link::Dead(_) => self.raw("<span class=\"dead-link\""),
        }
        self.id(id);
        if !title.is_empty() {
            self.raw(" title=\"");
            escape_value(title, &mut self.out);
            self.raw("\"");
        }
        self.raw(">");
        self.nodes(children);
        match link {
            Link::Dead(address) => {
                if !address.is_empty() {
                    self.raw(" <span class=\"address\">[");
                    self.text(address);
                    self.raw("]</span>");
                }
                self.raw("</span>");
            }
            // What is printed must say where a link leads.
            Link::Outside(address) => {
                self.raw("</a><span class=\"address print\"> [");
                self.text(address);
                self.raw("]</span>");
            }
            Link::Inside(_) => self.raw("</a>"),
        }
    }
}
