//! The readable text of narrative: what a person would copy from the shown section.
//!
//! Not for: the looks of a section (`render`).

use super::document::{Document, Section};
use super::tree::{Element, Node};
use crate::formats::flow::Flow;

/// The words of one section, without those of the sections inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SectionText {
    /// The code of the section, LOINC as a rule.
    pub code: String,
    pub title: String,
    pub text: String,
}

/// The text of every section that has any, in the order of the document.
pub fn section_texts(document: &Document<'_>) -> Vec<SectionText> {
    document.all_sections().iter().map(section_text).filter(|section| !section.text.is_empty()).collect()
}

fn section_text(section: &Section<'_>) -> SectionText {
    SectionText {
        code: section.code().map_or("", |code| code.attr("code")).to_owned(),
        title: section.title(),
        text: section.text().map(|text| text_of(&text)).unwrap_or_default(),
    }
}

/// The text of a piece of narrative: rows of tables on lines of their own with tabs between the cells, paragraphs and
/// items of lists on theirs.
pub fn text_of(element: &Element<'_>) -> String {
    let mut flow = Flow::default();
    // Elements entered, with what is left to read in each; no deeper than a document may be.
    let mut open = vec![(*element, element.nodes())];
    while let Some((inside, rest)) = open.last_mut() {
        match rest.next() {
            Some(Node::Text(text)) if inside.name() == "pre" => flow.preformatted(text),
            Some(Node::Text(text)) => flow.text(text),
            Some(Node::Element(element)) => {
                boundary(&mut flow, element.name(), false);
                open.push((element, element.nodes()));
            }
            None => {
                boundary(&mut flow, inside.name(), true);
                open.pop();
            }
        }
        if flow.is_full() {
            break;
        }
    }
    let mut text = flow.finish();
    text.truncate(text.trim_end().len());
    text
}

fn boundary(flow: &mut Flow, name: &str, end: bool) {
    match name {
        "td" | "th" if end => flow.cell(),
        "tr" | "table" | "thead" | "tbody" | "tfoot" => flow.row(),
        "br" if end => flow.line(),
        "paragraph" | "list" | "item" | "caption" | "text" | "title" | "pre" | "p" | "ul" | "ol" | "li" | "div" | "h1" | "h2"
        | "h3" | "h4" | "h5" | "h6" | "hr" | "dl" | "dt" | "dd" | "renderMultiMedia" => flow.block(),
        _ => {}
    }
}
