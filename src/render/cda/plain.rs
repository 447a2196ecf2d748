//! A page as plain text, for reading in a terminal and for comparing.
//!
//! Not for: the search index, which takes the narrative alone (`formats::cda::section_texts`).

use super::link::Link;
use super::media::{Media, MediaUse};
use super::node::{Node, NodeKind};
use super::page::{Confidentiality, Page, Panel, Row, SectionPage};
use super::runs::shown;

/// The whole page: header, sections, everyone.
pub fn text(page: &Page) -> String {
    let mut out = Out::default();
    out.confidential(&page.confidentiality, "This document");
    page.privacy.iter().for_each(|panel| out.panel(panel));
    out.block(&page.title);
    page.notices.iter().for_each(|notice| out.block(notice));
    for panel in page.patients.iter().chain(&page.document) {
        out.panel(panel);
    }
    for section in &page.sections {
        out.section(page, section);
    }
    if let Some(file) = &page.file {
        out.file(page, file);
    }
    for panel in &page.others {
        out.panel(panel);
    }
    // In a terminal, too, nothing may turn the order of words.
    shown(&out.text)
}

#[derive(Default)]
struct Out {
    text: String,
    /// Inside text whose spaces are its layout.
    preserved: usize,
    /// Lists that are open: the number of the next item, when they count.
    lists: Vec<Option<usize>>,
    /// Where the text after an item's mark begins.
    marked: usize,
}

impl Out {
    fn block(&mut self, text: &str) {
        self.line();
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Begins a line, unless one has just begun.
    fn line(&mut self) {
        if self.text.len() == self.marked {
            return;
        }
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn panel(&mut self, panel: &Panel) {
        if panel.rows.is_empty() {
            return;
        }
        self.heading(&panel.heading);
        self.rows(&panel.rows);
    }

    fn heading(&mut self, words: &str) {
        self.line();
        self.text.push('\n');
        self.block(words);
    }

    fn rows(&mut self, rows: &[Row]) {
        for row in rows {
            self.block(&format!("  {}: {}", row.label, row.lines.join("; ")));
        }
    }

    fn confidential(&mut self, confidentiality: &Confidentiality, what: &str) {
        if let Some(words) = confidentiality.words() {
            self.block(&format!("{what} {words}."));
        }
    }

    fn section(&mut self, page: &Page, section: &SectionPage) {
        if section.title.iter().any(Node::has_words) {
            self.line();
            self.text.push('\n');
            self.text.push_str(&section.path);
            self.text.push(' ');
            self.nodes(page, &section.title);
            self.line();
        } else {
            self.heading(&format!("{} {}", section.path, section.heading));
        }
        section.confidentiality.iter().for_each(|marking| self.confidential(marking, "This section"));
        section.entries_marked.iter().for_each(|words| self.block(&format!("Data of this section {words}.")));
        section.no_information.iter().for_each(|words| self.block(&format!("  [{words}]")));
        self.rows(&section.people);
        if section.has_words {
            self.nodes(page, &section.narrative);
            self.line();
        }
        for note in &section.footnotes {
            self.line();
            self.text.push_str(&format!("{}. ", note.number));
            self.nodes(page, &note.nodes);
            self.line();
        }
        for entry in section.coded.iter().filter(|entry| !entry.in_narrative) {
            self.block(&format!("  [coded only] {}", entry.words));
        }
        section.sections.iter().for_each(|inner| self.section(page, inner));
    }

    /// What a file says, when it says it in words; and what it is.
    fn file(&mut self, page: &Page, media: &Media) {
        match &media.usage {
            MediaUse::Text(text) => self.block(text),
            MediaUse::Html(_) => {
                self.line();
                self.nodes(page, &media.nodes);
            }
            _ => {}
        }
        self.block(&format!("[{}]", super::html::file_words(media)));
    }

    fn nodes(&mut self, page: &Page, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.node(page, node));
    }

    fn node(&mut self, page: &Page, node: &Node) {
        match node {
            Node::Text(text) if self.preserved > 0 => self.text.push_str(text),
            Node::Text(text) => self.words(text),
            Node::Break => self.text.push('\n'),
            Node::Rule => self.block("----"),
            Node::Element { kind, styles, children, .. } => {
                let preserves = *kind == NodeKind::Preformatted || styles.has("s-preserved");
                self.preserved += usize::from(preserves);
                let is_list = matches!(kind, NodeKind::OrderedList | NodeKind::UnorderedList);
                if is_list {
                    self.lists.push((*kind == NodeKind::OrderedList).then_some(1));
                }
                // An item's mark stands alone before a list, and in an item without words.
                if is_list || *kind == NodeKind::Table {
                    self.marked = usize::MAX;
                }
                self.begin(*kind);
                self.nodes(page, children);
                if *kind == NodeKind::Item {
                    self.marked = usize::MAX;
                }
                self.end(*kind);
                if is_list {
                    self.lists.pop();
                }
                self.preserved -= usize::from(preserves);
            }
            Node::Link { link, children, .. } => {
                self.nodes(page, children);
                if let Link::Outside(address) | Link::Dead(address) = link
                    && !address.is_empty()
                {
                    self.text.push_str(&format!(" <{address}>"));
                }
            }
            Node::Footnote { number, words, .. } => self.text.push_str(&format!("[{number}: {words}] ")),
            Node::FootnoteMark(number) => {
                self.text.push_str(&number.map_or("[?]".to_owned(), |number| format!("[{number}]")));
            }
            Node::Media(at) => page.media.get(*at).into_iter().for_each(|media| self.file(page, media)),
            Node::Missing(words) => self.text.push_str(&format!("[{words}]")),
        }
    }

    fn words(&mut self, text: &str) {
        for (i, word) in text.split_whitespace().enumerate() {
            let joined = i == 0 && !text.starts_with(char::is_whitespace);
            if !joined && !self.text.ends_with(char::is_whitespace) && !self.text.is_empty() {
                self.text.push(' ');
            }
            self.text.push_str(word);
        }
        if text.ends_with(char::is_whitespace) && !self.text.ends_with(char::is_whitespace) {
            self.text.push(' ');
        }
    }

    fn begin(&mut self, kind: NodeKind) {
        match kind {
            NodeKind::Item => {
                self.line();
                self.text.push_str(&"  ".repeat(self.lists.len().saturating_sub(1)));
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.text.push_str(&format!("{number}. "));
                        *number += 1;
                    }
                    _ => self.text.push_str("- "),
                }
                self.marked = self.text.len();
            }
            NodeKind::Deleted => self.text.push_str("[deleted: "),
            NodeKind::Note(number) => self.block(&format!("[{number}]")),
            NodeKind::Content | NodeKind::Inserted | NodeKind::Sub | NodeKind::Sup | NodeKind::Cell(_) => {}
            _ => self.line(),
        }
    }

    fn end(&mut self, kind: NodeKind) {
        match kind {
            NodeKind::Cell(_) => self.text.push('\t'),
            NodeKind::Deleted => self.text.push(']'),
            NodeKind::Content | NodeKind::Inserted | NodeKind::Sub | NodeKind::Sup => {}
            _ => self.line(),
        }
    }
}
