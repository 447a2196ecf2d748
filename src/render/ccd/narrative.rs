//! The narrative of an exported section: a table with a row for each record, whose cells the entries point to.
//!
//! Anchors are made here and nowhere else, so each is unique in the document and every reference resolves.
//!
//! Not for: narrative of archived documents (`render::cda`).

/// A place in the narrative of this document, without `#`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Anchor(pub String);

/// The narrative of one section.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Narrative {
    /// Paragraphs before the table: what the section was made from, as of when.
    pub notes: Vec<String>,
    pub tables: Vec<Table>,
    /// Texts that follow: notes and reports, each under its anchor.
    pub passages: Vec<Passage>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    pub caption: Option<String>,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Row>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    pub anchor: Anchor,
    pub cells: Vec<Cell>,
}

/// A cell: its words, and the anchor that an entry's `originalText` points to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Cell {
    pub words: String,
    pub anchor: Option<Anchor>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Passage {
    pub anchor: Anchor,
    pub heading: String,
    /// Lines are kept.
    pub text: String,
}

impl Cell {
    pub fn plain(words: impl Into<String>) -> Cell {
        Cell { words: words.into(), anchor: None }
    }
}

/// Gives out anchors of one section: `allergy-1`, `allergy-1-substance`.
#[derive(Debug)]
pub struct Anchors {
    prefix: &'static str,
    rows: usize,
}

impl Anchors {
    /// `prefix`: an XML name, another one for every section of a document.
    pub fn new(prefix: &'static str) -> Anchors {
        Anchors { prefix, rows: 0 }
    }

    /// The anchor of the next row.
    pub fn row(&mut self) -> Anchor {
        self.rows += 1;
        Anchor(format!("{}-{}", self.prefix, self.rows))
    }

    /// The anchor of a cell of the row given out last.
    pub fn cell(&self, name: &str) -> Anchor {
        Anchor(format!("{}-{}-{name}", self.prefix, self.rows))
    }
}
