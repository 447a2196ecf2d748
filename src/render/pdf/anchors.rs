//! Names of places in content that comes from several sources: a prefix keeps them apart in one file.
//!
//! Not for: where they come to stand (`flow`, `press`).

use super::content::{Anchor, Block, Cell, Late, Run};

/// Puts `place` before every name and every link in blocks.
pub fn anchors_under(blocks: &mut [Block], place: &str) {
    let under = Under(place);
    blocks.iter_mut().for_each(|block| under.block(block));
}

struct Under<'a>(&'a str);

impl Under<'_> {
    fn name(&self, anchor: &mut Anchor) {
        anchor.0 = format!("{}-{}", self.0, anchor.0);
    }

    fn runs(&self, runs: &mut [Run]) {
        for run in runs {
            run.anchor.iter_mut().chain(&mut run.link).for_each(|anchor| self.name(anchor));
            if let Some(Late::Page(anchor) | Late::Bates(anchor)) = &mut run.late {
                self.name(anchor);
            }
        }
    }

    fn block(&self, block: &mut Block) {
        match block {
            Block::Heading { words, anchor, .. } | Block::Paragraph { words, anchor, .. } => {
                self.runs(words);
                anchor.iter_mut().for_each(|anchor| self.name(anchor));
            }
            Block::List { items, .. } => items.iter_mut().flatten().for_each(|block| self.block(block)),
            Block::Table(table) => {
                self.runs(&mut table.caption);
                let rows = table.head.iter_mut().chain(&mut table.body).chain(&mut table.foot);
                rows.flatten().for_each(|cell| self.cell(cell));
            }
            Block::Box { blocks, .. } | Block::Indent(blocks) => blocks.iter_mut().for_each(|block| self.block(block)),
            Block::Picture(picture) => self.runs(&mut picture.caption),
            Block::Place { anchor, .. } => anchor.iter_mut().for_each(|anchor| self.name(anchor)),
            Block::Contents { words, to, .. } => {
                self.runs(words);
                self.name(to);
            }
            Block::Facts(_) | Block::Sheet(_) | Block::Rule | Block::NewPage => {}
        }
    }

    fn cell(&self, cell: &mut Cell) {
        cell.blocks.iter_mut().for_each(|block| self.block(block));
        cell.anchor.iter_mut().for_each(|anchor| self.name(anchor));
    }
}
