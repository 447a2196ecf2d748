//! A page as HTML: only elements, attributes and addresses that are written here, whatever the document holds.
//!
//! Not for: reading the document (`page`), or the looks (`web/static/cda.css`, which goes into the page itself).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::limits::CDA_PICTURE_PAGES_MAX;
use crate::model::hex;
use crate::render::{escape, page_images};

use super::media::{Media, MediaUse};
use super::page::{Cell, Columns, Confidentiality, Extra, Footnote, Link, Node, NodeKind, Page, Panel, Row, SectionPage};
use super::styles::Styles;

const STYLE: &str = include_str!("../../../web/static/cda.css");
/// Width of a page of a scan, in pixels.
const SCAN_WIDTH_PX: u32 = 1_000;

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
    let mut writer = Writer { page, out: String::new() };
    writer.whole();
    writer.out
}

/// What a file is, in words.
pub(super) fn file_words(media: &Media) -> String {
    let kind = if media.media_type.is_empty() { &media.declared } else { &media.media_type };
    match &media.usage {
        MediaUse::Reference(name) => format!("external object not archived: {name}"),
        MediaUse::Fault(fault) => format!("{kind}: {fault}"),
        MediaUse::Picture => format!("picture, {kind}, {} bytes", media.bytes.len()),
        _ => format!("{kind}, {} bytes", media.bytes.len()),
    }
}

/// Escapes text. Characters that turn the direction of text are shown as what they are: they could reverse a dose.
fn escape_text(text: &str, out: &mut String) {
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

struct Writer<'p> {
    page: &'p Page,
    out: String,
}

impl Writer<'_> {
    fn text(&mut self, text: &str) {
        escape_text(text, &mut self.out);
    }

    fn raw(&mut self, html: &str) {
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
            page.others.iter().for_each(|panel| self.panel(panel));
            self.raw("</div>");
        }
        self.raw("</article>");
    }

    fn banner(&mut self, confidentiality: &Confidentiality, what: &str) {
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

    fn panel(&mut self, panel: &Panel) {
        if panel.rows.is_empty() {
            return;
        }
        self.raw("<section class=\"facts\"><h2>");
        self.text(&panel.heading);
        self.raw("</h2>");
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

    fn section(&mut self, section: &SectionPage, level: usize) {
        let _ = write!(self.out, "<section class=\"section\" id=\"section-{}\"", section.path);
        self.language(section.language.as_deref());
        let heading = if level <= 6 { format!("h{level}") } else { "p".to_owned() };
        let _ = write!(self.out, "><{heading}{}>", if level > 6 { " class=\"deep\"" } else { "" });
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
        self.raw("</section>");
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

    fn warnings(&mut self) {
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

    fn language(&mut self, language: Option<&str>) {
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
                escape_value(address, &mut self.out);
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

    fn file(&mut self, media: &Media) {
        self.raw("<figure class=\"file\">");
        match &media.usage {
            MediaUse::Picture | MediaUse::Pdf => self.pictures(media),
            MediaUse::Text(text) => {
                self.raw("<pre>\n");
                self.text(text);
                self.raw("</pre>");
            }
            MediaUse::Html(_) => {
                self.raw("<div class=\"narrative\">");
                self.nodes(&media.nodes);
                self.raw("</div>");
            }
            MediaUse::Download | MediaUse::Reference(_) | MediaUse::Fault(_) => {}
        }
        self.raw("<figcaption>");
        self.text(&file_words(media));
        if !media.bytes.is_empty() {
            let _ = write!(self.out, ", SHA-256 <code>{}</code>", hex(&media.sha256));
        }
        self.raw("</figcaption></figure>");
    }

    /// Every page as a picture that was decoded and encoded anew here: nothing of the original's bytes reaches the browser.
    fn pictures(&mut self, media: &Media) {
        let kind = media.kind();
        let pages = page_images::page_count(&media.bytes, kind).unwrap_or(0);
        for number in 1..=pages.min(CDA_PICTURE_PAGES_MAX) {
            match page_images::page_png(&media.bytes, kind, number - 1, SCAN_WIDTH_PX) {
                Ok(png) => {
                    let of = if pages > 1 { format!("Page {number} of {pages}") } else { "Picture".to_owned() };
                    let _ = write!(self.out, "<img alt=\"{of}\" src=\"data:image/png;base64,{}\">", BASE64.encode(png));
                }
                Err(_) => {
                    let _ = write!(self.out, "<p class=\"missing\">Page {number} cannot be shown.</p>");
                }
            }
        }
        if pages == 0 {
            self.raw("<p class=\"missing\">This picture cannot be shown.</p>");
        } else if pages > CDA_PICTURE_PAGES_MAX {
            let _ = write!(self.out, "<p class=\"missing\">{pages} pages; the first {CDA_PICTURE_PAGES_MAX} are shown here.</p>");
        }
    }
}

/// Whether a table stands in it, at any depth.
fn holds_table(node: &Node) -> bool {
    match node {
        Node::Element { kind: NodeKind::Table, .. } => true,
        Node::Element { children, is_block: true, .. } => children.iter().any(holds_table),
        _ => false,
    }
}

fn tag(kind: NodeKind, is_block: bool) -> &'static str {
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

fn class(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Paragraph => "p",
        NodeKind::Heading => "heading",
        NodeKind::Caption => "caption",
        NodeKind::Note(_) => "footnotes",
        _ => "",
    }
}
