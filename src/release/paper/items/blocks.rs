//! Small blocks that the pages of records are made of.
//!
//! Not for: what they say.

use crate::render::pdf::content::{Block, BoxLook, Cell, Look, Run, Style};

/// Lines of plain text that are set as one paragraph.
const LINES_AT_ONCE: usize = 120;

pub fn run(text: &str) -> Run {
    Run { text: text.to_owned(), ..Run::default() }
}

fn bold(text: &str) -> Run {
    Run { style: Style { is_bold: true, ..Style::default() }, ..run(text) }
}

pub fn paragraph(text: &str) -> Block {
    Block::Paragraph { words: vec![run(text)], look: Look::Body, anchor: None }
}

pub fn small(text: &str) -> Block {
    Block::Paragraph { words: vec![run(text)], look: Look::Small, anchor: None }
}

/// What stands above a group of values.
pub fn label_line(text: &str) -> Block {
    Block::Heading { level: 5, words: vec![run(text)], anchor: None, outline: None }
}

/// A heading on the page that is no bookmark.
pub fn heading(text: &str) -> Block {
    Block::Heading { level: 3, words: vec![run(text)], anchor: None, outline: None }
}

/// A sentence set apart.
pub fn notice(look: BoxLook, lines: &[String]) -> Block {
    let line = |line: &String| Block::Paragraph { words: vec![bold(line)], look: Look::Body, anchor: None };
    Block::Box { look, blocks: lines.iter().map(line).collect() }
}

/// Text as it was typed: its lines and its spaces.
pub fn kept(text: &str) -> Vec<Block> {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{b}', '\u{c}'], "\n");
    let lines: Vec<&str> = text.trim_end().split('\n').collect();
    let block = |some: &[&str]| Block::Paragraph { words: vec![run(&some.join("\n"))], look: Look::Kept, anchor: None };
    lines.chunks(LINES_AT_ONCE).filter(|some| some.iter().any(|line| !line.trim().is_empty())).map(block).collect()
}

pub fn cell(text: String) -> Cell {
    let words = vec![Run { text, ..Run::default() }];
    Cell { blocks: vec![Block::Paragraph { words, look: Look::Body, anchor: None }], ..Cell::default() }
}

pub fn head_cell(text: &str) -> Cell {
    Cell { is_heading: true, ..cell(text.to_owned()) }
}
