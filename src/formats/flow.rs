//! Running text from marked-up sources: white space collapses, blocks stand on lines of their own, cells end in a tab.
//!
//! Not for: layout on a page.

use crate::limits::EXTRACTED_TEXT_MAX;

/// Gathers text as a reader of the shown document would copy it.
#[derive(Default)]
pub(super) struct Flow {
    out: String,
    space_due: bool,
    /// Where the table cell being read begins in `out`.
    cell_start: usize,
}

impl Flow {
    /// Text in which any run of white space is one space.
    pub fn text(&mut self, text: &str) {
        for (i, word) in text.split(is_space).enumerate() {
            self.space_due |= i > 0;
            if !word.is_empty() {
                self.give_space();
                self.out.push_str(word);
            }
        }
    }

    /// Text whose white space means what it says.
    pub fn preformatted(&mut self, text: &str) {
        self.give_space();
        self.out.push_str(text);
    }

    fn give_space(&mut self) {
        if std::mem::take(&mut self.space_due) && !self.at_start() {
            self.out.push(' ');
        }
    }

    fn at_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with(['\n', '\t'])
    }

    /// A block begins or ends here. At the start of a cell there is nothing to break.
    pub fn block(&mut self) {
        self.space_due = false;
        if !self.at_start() {
            self.out.push('\n');
        }
    }

    /// A line break, which may leave an empty line.
    pub fn line(&mut self) {
        self.space_due = false;
        self.out.push('\n');
    }

    /// A table cell ends here.
    pub fn cell(&mut self) {
        self.space_due = false;
        if self.out.len() > self.cell_start && self.out.ends_with('\n') {
            self.out.pop();
        }
        self.out.push('\t');
        self.cell_start = self.out.len();
    }

    /// A table row begins or ends here.
    pub fn row(&mut self) {
        self.out.truncate(self.out.trim_end_matches('\t').len());
        self.block();
        self.cell_start = self.out.len();
    }

    pub fn is_full(&self) -> bool {
        self.out.len() > EXTRACTED_TEXT_MAX
    }

    pub fn finish(mut self) -> String {
        self.row();
        self.out
    }
}

/// HTML's white space, and the no-break space, which exports use for padding.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{a0}')
}
