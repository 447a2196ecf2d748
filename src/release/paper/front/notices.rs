//! The notices that go with the records, in full.
//!
//! Not for: which go (`texts`), or their short lines at the foot of pages (`Chosen::short_lines`).

use super::Front;
use super::fill::paragraphs;
use super::words::*;
use crate::render::pdf::content::{Block, BoxLook, Part};

pub fn part(front: &Front<'_>) -> Option<Part> {
    let notices = &front.texts.notices;
    if notices.is_empty() {
        return None;
    }
    let mut blocks = vec![title("Notices", "notices")];
    for notice in notices {
        let heading = Block::Heading { level: 2, words: vec![plain(&notice.title)], anchor: None, outline: None };
        blocks.push(heading);
        blocks.push(small(vec![plain(&notice.citation)]));
        let text = paragraphs(front, &notice.text).into_iter().map(paragraph).collect();
        blocks.push(Block::Box { look: BoxLook::Notice, blocks: text });
    }
    Some(front.page("Notices", blocks))
}
