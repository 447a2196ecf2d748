//! A page as what is printed: everything, in the author's order, with whose it is on every sheet.
//!
//! Not for: setting it on sheets (`render::pdf`), files that are printed as pictures (`pictures`).

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::hex;
use crate::render::pdf::content::{Anchor, Block, BoxLook, Furniture, Line, Look, Part, Run, Sheet, Style};
use crate::render::pdf::{self, Content};

use super::findings;
use super::link::Link;
use super::media::{Media, MediaUse};
use super::node::Node;
use super::old_html;
use super::page::{Confidentiality, Page, Panel, SectionPage};
use super::pictures;
use super::prose::Prose;
use super::runs::{plain, shown};
use super::warnings::Warnings;

/// Lines of plain text that are set as one paragraph.
const LINES_AT_ONCE: usize = 120;
/// Longest text in a margin, in characters; what is longer stands on the first page in full.
const MARGIN_MAX: usize = 70;

/// A page as blocks and furniture.
///
/// Pages of a PDF inside are taken over as they are when `takes_sheets`; else they are drawn, which suits files that cannot be taken
/// apart. The file's date is the document's own: the same document gives the same bytes.
pub fn paper(page: &Page, takes_sheets: bool) -> Content {
    let mut writer = Paper { page, takes_sheets, targets: targets(page), blocks: Vec::new(), attached: Vec::new() };
    writer.first();
    page.sections.iter().for_each(|section| writer.section(section, 2));
    if let Some(file) = &page.file {
        writer.file(file);
    }
    if page.sections.is_empty() && page.file.is_none() {
        writer.small("This document has no body.");
    }
    writer.last();
    let part = Part { furniture: furniture(page), blocks: writer.blocks };
    Content {
        title: format!("{}, {}", page.title, page.running.patient),
        language: page.language.clone(),
        created: page.created,
        seed: page.sha256,
        parts: vec![part],
    }
}

/// HTML by itself as blocks: all its words, nothing of it that acts, no pictures. A name in it may be a link's aim; `place` makes
/// such names the only ones of their file.
pub fn html(html: &str, place: &str) -> Vec<Block> {
    let mut warnings = Warnings::default();
    let file = Media { nodes: old_html::nodes(html, &mut warnings), ..Media::default() };
    let page = Page { file: Some(file), ..Page::default() };
    let targets = targets(&page);
    let nodes = page.file.as_ref().map_or(&[][..], |file| &file.nodes);
    let mut blocks = Prose::new(&page, &targets).blocks(nodes);
    pdf::anchors_under(&mut blocks, place);
    blocks
}

/// A text for the margin, cut where it is longer than a margin has room for.
fn short(text: &str) -> String {
    let text = shown(text).replace(['\n', '{', '}'], " ");
    let kept: String = text.chars().take(MARGIN_MAX).collect();
    if kept.len() < text.len() { format!("{kept}…") } else { kept }
}

fn furniture(page: &Page) -> Furniture {
    let running = &page.running;
    let born = if running.born.is_empty() { String::new() } else { format!(", born {}", short(&running.born)) };
    let head = vec![
        Line { left: short(&running.patient) + &born, middle: String::new(), right: short(&running.number) },
        Line { left: short(&page.title), middle: String::new(), right: short(&running.created) },
    ];
    let foot = vec![Line {
        left: if running.document.is_empty() { String::new() } else { format!("Document {}", short(&running.document)) },
        middle: String::new(),
        right: "Page {page} of {pages}".to_owned(),
    }];
    let banner = match &page.confidentiality {
        Confidentiality::NotGiven => None,
        marked => marked.words().map(|words| format!("This document {}", short(&words))),
    };
    Furniture { head, foot, bates: None, banner }
}

struct Paper<'p> {
    page: &'p Page,
    takes_sheets: bool,
    /// Names on the page that links lead to.
    targets: HashSet<&'p str>,
    blocks: Vec<Block>,
    /// Files whose pages follow at the end: a table has no room for them.
    attached: Vec<&'p Media>,
}

impl<'p> Paper<'p> {
    fn heading(&mut self, level: u8, text: &str, outline: bool) {
        self.blocks.push(Block::Heading { level, words: vec![plain(text)], anchor: None, outline: outline.then(|| shown(text)) });
    }

    fn small(&mut self, text: &str) {
        self.blocks.push(Block::Paragraph { words: vec![plain(text)], look: Look::Small, anchor: None });
    }

    fn notice(&mut self, look: BoxLook, text: &str) {
        let words = vec![Run { style: Style { is_bold: true, ..Style::default() }, ..plain(text) }];
        let paragraph = Block::Paragraph { words, look: Look::Body, anchor: None };
        self.blocks.push(Block::Box { look, blocks: vec![paragraph] });
    }

    fn confidential(&mut self, confidentiality: &Confidentiality, what: &str) {
        if let Some(words) = confidentiality.words() {
            self.notice(BoxLook::Warning, &format!("{what} {words}."));
        }
    }

    /// Title, header and contents.
    fn first(&mut self) {
        let page = self.page;
        if let Some(words) = page.confidentiality.words() {
            if page.confidentiality == Confidentiality::NotGiven {
                self.small(&format!("This document {words}."));
            } else if short(&words).ends_with('…') {
                // The banner on every page says what it has room for.
                self.notice(BoxLook::Warning, &format!("This document {words}."));
            }
        }
        if let Some(privacy) = &page.privacy {
            let words = vec![Run { style: Style { is_bold: true, ..Style::default() }, ..plain(&privacy.heading) }];
            let heading = Block::Paragraph { words, look: Look::Body, anchor: None };
            self.blocks.push(Block::Box { look: BoxLook::Warning, blocks: vec![heading, facts(privacy)] });
        }
        self.heading(1, &page.title, true);
        if page.patients.len() > 1 {
            self.notice(BoxLook::Warning, "This document names more than one patient.");
        }
        page.notices.iter().for_each(|notice| self.notice(BoxLook::Notice, notice));
        self.small(&format!(
            "Rendered from the original document; its narrative is unaltered. SHA-256 of the original: {}",
            hex(&page.sha256)
        ));
        page.patients.iter().chain(&page.document).for_each(|panel| self.panel(panel));
        if page.sections.len() > 2 {
            self.heading(3, "Contents", false);
            page.sections.iter().for_each(|section| self.contents(section, 1));
        }
    }

    fn panel(&mut self, panel: &Panel) {
        if !panel.rows.is_empty() {
            self.heading(4, &panel.heading, false);
            self.blocks.push(facts(panel));
        }
    }

    fn contents(&mut self, section: &SectionPage, level: u8) {
        let silent = if section.has_words || !section.sections.is_empty() { "" } else { " (no narrative)" };
        let words = vec![plain(&section.heading), muted(silent)];
        self.blocks.push(Block::Contents { words, level: level + 1, to: anchor(section) });
        if level < 3 {
            section.sections.iter().for_each(|inner| self.contents(inner, level + 1));
        }
    }

    fn section(&mut self, section: &'p SectionPage, level: u8) {
        let mut words = if section.title.iter().any(Node::has_words) {
            self.prose().runs(&section.title)
        } else {
            vec![plain(&section.heading)]
        };
        words.extend(section.no_information.map(|words| muted(&format!("  [{words}]"))));
        self.blocks.push(Block::Heading {
            level: level.min(6),
            words,
            anchor: Some(anchor(section)),
            outline: Some(shown(&section.heading)),
        });
        section.confidentiality.iter().for_each(|marking| self.confidential(marking, "This section"));
        for words in &section.entries_marked {
            self.notice(BoxLook::Warning, &format!("Data of this section {words}."));
        }
        if !section.people.is_empty() {
            let people = section.people.iter();
            self.blocks.push(Block::Facts(people.map(|row| (shown(&row.label), lines(&row.lines))).collect()));
        }
        if section.has_words {
            let mut blocks = self.prose().blocks(&section.narrative);
            self.blocks.append(&mut blocks);
        } else if section.sections.is_empty() {
            self.small(&match section.entries {
                0 => "No narrative text in this section.".to_owned(),
                1 => "No narrative text in this section; one coded entry.".to_owned(),
                n => format!("No narrative text in this section; {n} coded entries."),
            });
        }
        self.footnotes(section);
        self.coded(section);
        self.attached.extend(media_of(&section.narrative).filter_map(|at| self.page.media.get(at)).filter(|m| is_sheets(m)));
        section.sections.iter().for_each(|inner| self.section(inner, level + 1));
    }

    fn prose(&self) -> Prose<'p, '_> {
        Prose::new(self.page, &self.targets)
    }

    fn footnotes(&mut self, section: &SectionPage) {
        if section.footnotes.is_empty() {
            return;
        }
        self.blocks.push(Block::Rule);
        for note in &section.footnotes {
            let anchor = Anchor(format!("note-{}", note.number));
            let mut blocks = self.prose().blocks(&note.nodes);
            let number = Run { anchor: Some(anchor), ..plain(&format!("{}. ", note.number)) };
            match blocks.first_mut() {
                Some(Block::Paragraph { words, look, .. }) => {
                    *look = Look::Small;
                    words.insert(0, number);
                }
                _ => blocks.insert(0, Block::Paragraph { words: vec![number], look: Look::Small, anchor: None }),
            }
            self.blocks.append(&mut blocks);
        }
    }

    /// Entries that the narrative has no words for: flagged, never mixed in.
    fn coded(&mut self, section: &SectionPage) {
        let missing = section.coded.iter().filter(|entry| !entry.in_narrative);
        let items: Vec<Vec<Block>> = missing
            .map(|entry| vec![Block::Paragraph { words: vec![plain(&entry.words)], look: Look::Small, anchor: None }])
            .collect();
        if items.is_empty() {
            return;
        }
        let heading = format!("Coded data without words in the narrative ({})", items.len());
        let words = vec![Run { style: Style { is_bold: true, ..Style::default() }, ..plain(&heading) }];
        let heading = Block::Paragraph { words, look: Look::Small, anchor: None };
        let list = Block::List { marker: crate::render::pdf::content::Marker::Disc, items };
        self.blocks.push(Block::Box { look: BoxLook::Plain, blocks: vec![heading, list] });
    }

    /// The file that is the body.
    fn file(&mut self, file: &'p Media) {
        self.heading(2, "The document", true);
        match &file.usage {
            MediaUse::Text(text) => {
                let lines: Vec<&str> = text.lines().collect();
                for some in lines.chunks(LINES_AT_ONCE) {
                    let words = vec![plain(&some.join("\n"))];
                    self.blocks.push(Block::Paragraph { words, look: Look::Kept, anchor: None });
                }
            }
            MediaUse::Html(_) => {
                let mut blocks = self.prose().blocks(&file.nodes);
                self.blocks.append(&mut blocks);
            }
            MediaUse::Picture => self.blocks.append(&mut pictures::blocks(file, true)),
            MediaUse::Pdf => return self.sheets(file),
            MediaUse::Download | MediaUse::Reference(_) | MediaUse::Fault(_) => {}
        }
        self.small(&pictures::named(file));
    }

    /// The pages of a PDF.
    fn sheets(&mut self, file: &Media) {
        self.small(&pictures::named(file));
        let count = if self.takes_sheets { pictures::sheet_count(&file.bytes) } else { None };
        match count {
            Some(count) => {
                let bytes = Arc::new(file.bytes.clone());
                let sheet = |page| Block::Sheet(Sheet { file: Arc::clone(&bytes), page });
                self.blocks.extend((0..count).map(sheet));
            }
            None => self.blocks.append(&mut pictures::blocks(file, true)),
        }
    }

    /// Who else is named, what was attached, and how the page was made.
    fn last(&mut self) {
        let page = self.page;
        if !page.others.is_empty() {
            self.heading(2, "People and organisations", true);
            page.others.iter().for_each(|panel| self.panel(panel));
        }
        for (number, file) in std::mem::take(&mut self.attached).into_iter().enumerate() {
            self.heading(2, &format!("Attached file {}", number + 1), true);
            self.sheets(file);
        }
        if !page.warnings.is_empty() {
            self.blocks.push(Block::NewPage);
            self.heading(2, "How these pages were made", true);
            self.small("What was odd in the original, and what was left out or mended. None of it is a word of the narrative.");
            let row = |warning: &super::Warning| {
                let about = if warning.about.is_empty() { String::new() } else { format!(": {}", shown(&warning.about)) };
                let times = if warning.count == 1 { String::new() } else { format!(" ({} times)", warning.count) };
                (warning.code.to_owned(), vec![format!("{}{about}{times}", findings::words(warning.code))])
            };
            self.blocks.push(Block::Facts(page.warnings.iter().map(row).collect()));
        }
    }
}

fn facts(panel: &Panel) -> Block {
    Block::Facts(panel.rows.iter().map(|row| (shown(&row.label), lines(&row.lines))).collect())
}

fn lines(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| shown(line)).collect()
}

fn muted(text: &str) -> Run {
    Run { style: Style { is_muted: true, ..Style::default() }, ..plain(text) }
}

fn anchor(section: &SectionPage) -> Anchor {
    Anchor(format!("section-{}", section.path))
}

fn is_sheets(media: &Media) -> bool {
    media.usage == MediaUse::Pdf
}

/// The places of all pictures and files in nodes.
fn media_of(nodes: &[Node]) -> impl Iterator<Item = usize> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Node> = nodes.iter().rev().collect();
    while let Some(node) = waiting.pop() {
        match node {
            Node::Media(at) => found.push(*at),
            Node::Element { children, .. } | Node::Link { children, .. } => waiting.extend(children.iter().rev()),
            _ => {}
        }
    }
    found.into_iter()
}

/// The names that links of the page lead to.
fn targets(page: &Page) -> HashSet<&str> {
    let mut found = HashSet::new();
    let mut sections: Vec<&SectionPage> = page.sections.iter().collect();
    let mut waiting: Vec<&Node> = page.file.iter().flat_map(|file| &file.nodes).collect();
    while let Some(section) = sections.pop() {
        waiting.extend(section.title.iter().chain(&section.narrative));
        waiting.extend(section.footnotes.iter().flat_map(|note| &note.nodes));
        sections.extend(&section.sections);
    }
    while let Some(node) = waiting.pop() {
        if let Node::Link { link: Link::Inside(target), .. } = node {
            found.insert(target.as_str());
        }
        if let Node::Element { children, .. } | Node::Link { children, .. } = node {
            waiting.extend(children);
        }
    }
    found
}
