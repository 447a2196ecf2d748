//! A page on a screen: its parts one by one for a page around it, in the author's order or a clinician's.
//!
//! A clinician's view moves, folds and sets aside whole sections and never leaves one out: each stands once on the page, and
//! printing puts all of them back, open, in their author's order.
//!
//! Not for: the page by itself (`html`), or which view a reader asked for (the server).

use std::collections::BTreeSet;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::limits::CDA_SECTIONS_REORDERED_MAX;
use crate::model::hex;

use super::clinical_order::{is_narrative_only, rank};
use super::html::Writer;
use super::link::Link;
use super::media::{MediaUse, of_bytes};
use super::node::Node;
use super::page::{Page, SectionPage};
use super::warnings::Warnings;

pub use super::places::Places;

/// How the sections are shown.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum View {
    /// As their author ordered them, all open.
    #[default]
    Author,
    /// What a clinician reads first, first.
    Clinical {
        /// Paths of the sections that were chosen; empty for all. The others stand at the end, folded.
        only: BTreeSet<String>,
        /// Folds all sections.
        folded: bool,
    },
}

/// A line of the table of contents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub path: String,
    pub heading: String,
    pub has_words: bool,
    /// Coded entries without words in the narrative.
    pub coded_only: usize,
    pub narrative_only: bool,
    /// Set aside by the view.
    pub is_apart: bool,
}

/// The top sections in the order of the view.
pub fn contents(page: &Page, view: &View) -> Vec<Entry> {
    let entry = |(section, is_apart): (&SectionPage, bool)| Entry {
        path: section.path.clone(),
        heading: section.heading.clone(),
        has_words: any(section, &|s| s.has_words),
        coded_only: coded_only(section),
        narrative_only: any(section, &is_narrative_only),
        is_apart,
    };
    arranged(page, view).into_iter().map(|(_, section, is_apart)| entry((section, is_apart))).collect()
}

fn any(section: &SectionPage, holds: &dyn Fn(&SectionPage) -> bool) -> bool {
    holds(section) || section.sections.iter().any(|inner| any(inner, holds))
}

fn coded_only(section: &SectionPage) -> usize {
    let own = section.coded.iter().filter(|entry| !entry.in_narrative).count();
    own + section.sections.iter().map(coded_only).sum::<usize>()
}

/// The top sections in the order of the view: the author's number of each, and whether it is set aside.
fn arranged<'p>(page: &'p Page, view: &View) -> Vec<(usize, &'p SectionPage, bool)> {
    let mut all: Vec<_> = page.sections.iter().enumerate().map(|(at, section)| (at, section, false)).collect();
    let View::Clinical { only, .. } = view else { return all };
    // The style sheet can put so many back for print; the rest stay where their author has them.
    let movable = all.len().min(CDA_SECTIONS_REORDERED_MAX);
    for (_, section, is_apart) in &mut all[..movable] {
        *is_apart = !only.is_empty() && !only.contains(&section.path);
    }
    all[..movable].sort_by_key(|(_, section, is_apart)| (*is_apart, !any(section, &|s| s.has_words), rank(section)));
    all
}

/// What stands above the sections: how confidential the document is, whom and what it is about.
pub fn head(page: &Page, places: &dyn Places) -> String {
    let mut writer = Writer::new(page, Some(places));
    writer.banner(&page.confidentiality, "This document");
    if page.patients.len() > 1 {
        writer.raw("<p class=\"alarm\">This document names more than one patient.</p>");
    }
    for notice in &page.notices {
        writer.raw("<p class=\"alarm\">");
        writer.text(notice);
        writer.raw("</p>");
    }
    page.privacy.iter().for_each(|panel| writer.panel(panel));
    writer.raw("<div class=\"panels\">");
    page.patients.iter().chain(&page.document).for_each(|panel| writer.panel(panel));
    writer.raw("</div>");
    writer.out
}

/// The body: all sections in the order of the view, or the file that stands in their place.
pub fn body(page: &Page, view: &View, places: &dyn Places) -> String {
    let mut writer = Writer::new(page, Some(places));
    for (at, section, is_apart) in arranged(page, view) {
        match view {
            View::Author => writer.section(section, 2),
            View::Clinical { folded, .. } => {
                let has_words = any(section, &|s| s.has_words);
                let class = if is_apart { " apart" } else { "" };
                let open = if is_apart || *folded || !has_words { "" } else { " open" };
                let place = at.min(CDA_SECTIONS_REORDERED_MAX);
                let _ =
                    write!(writer.out, "<details class=\"section fold{class} at-{place}\" id=\"section-{}\"{open}", section.path);
                writer.language(section.language.as_deref());
                writer.raw("><summary>");
                writer.heading(section, 2);
                writer.raw("</summary>");
                writer.section_inside(section, 2);
                writer.raw("</details>");
            }
        }
    }
    if let Some(file) = &page.file {
        writer.file(file);
    }
    if page.sections.is_empty() && page.file.is_none() {
        writer.raw("<p class=\"empty\">This document has no body.</p>");
    }
    writer.out
}

/// What stands below: everyone whom the header names.
pub fn foot(page: &Page, places: &dyn Places) -> String {
    let mut writer = Writer::new(page, Some(places));
    if !page.others.is_empty() {
        writer.raw("<section class=\"others\"><h2>People and organisations</h2><div class=\"panels\">");
        page.others.iter().for_each(|panel| writer.panel_at(panel, 3));
        writer.raw("</div></section>");
    }
    writer.out
}

/// What was left out or mended, folded, with its count.
pub fn findings(page: &Page, places: &dyn Places) -> String {
    let mut writer = Writer::new(page, Some(places));
    writer.warnings();
    writer.out
}

/// Puts the file to which the document refers for its body into the page. It was archived beside the document, with the type
/// that it was delivered under.
pub fn set_body(page: &mut Page, bytes: Vec<u8>, declared: &str) {
    page.file = Some(of_bytes(bytes, declared.to_owned(), String::new(), &mut Warnings::default()));
    page.warnings.retain(|warning| warning.code != "media-not-held");
}

/// Whether the body is a file that the document names and does not hold.
pub fn body_is_elsewhere(page: &Page) -> bool {
    page.file.as_ref().is_some_and(|file| matches!(file.usage, MediaUse::Reference(_)))
}

/// The name of an address for [`outside`].
pub fn address_key(address: &str) -> String {
    hex(&Sha256::digest(address)).chars().take(32).collect()
}

/// The address of a link of the page that leads outside, by its name: nothing that the document does not say can be asked for.
pub fn outside<'p>(page: &'p Page, key: &str) -> Option<&'p str> {
    fn in_nodes<'n>(nodes: &'n [Node], key: &str) -> Option<&'n str> {
        nodes.iter().find_map(|node| match node {
            Node::Link { link: Link::Outside(address), children, .. } => {
                Some(address.as_str()).filter(|address| address_key(address) == key).or_else(|| in_nodes(children, key))
            }
            Node::Link { children, .. } | Node::Element { children, .. } => in_nodes(children, key),
            _ => None,
        })
    }
    fn in_section<'n>(section: &'n SectionPage, key: &str) -> Option<&'n str> {
        let own = in_nodes(&section.title, key).or_else(|| in_nodes(&section.narrative, key));
        let notes = || section.footnotes.iter().find_map(|note| in_nodes(&note.nodes, key));
        own.or_else(notes).or_else(|| section.sections.iter().find_map(|inner| in_section(inner, key)))
    }
    page.sections.iter().find_map(|section| in_section(section, key))
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
