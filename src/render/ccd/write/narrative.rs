//! The narrative block of a section: paragraphs, tables whose rows and cells have names, and longer texts.
//!
//! Not for: what it says.

use super::people::text;
use crate::render::ccd::narrative::{Cell, Narrative, Passage, Row, Table};
use crate::render::ccd::xml::Xml;

/// What stands where a section has nothing to say.
const NOTHING: &str = "No information.";

pub fn narrative(x: &mut Xml, narrative: &Narrative) {
    x.element("text", |x| {
        narrative.notes.iter().for_each(|note| text(x, "paragraph", note));
        narrative.tables.iter().filter(|table| !table.rows.is_empty()).for_each(|given| table(x, given));
        narrative.passages.iter().for_each(|given| passage(x, given));
        let is_empty = narrative.notes.is_empty() && narrative.tables.iter().all(|table| table.rows.is_empty());
        if is_empty && narrative.passages.is_empty() {
            text(x, "paragraph", NOTHING);
        }
    });
}

fn table(x: &mut Xml, table: &Table) {
    x.line();
    // A column of which no record says anything only makes the others narrow.
    let said: Vec<bool> =
        (0..table.columns.len()).map(|column| table.rows.iter().any(|row| says(row.cells.get(column)))).collect();
    x.element("table", |x| {
        table.caption.iter().for_each(|caption| text(x, "caption", caption));
        x.element("thead", |x| {
            x.element("tr", |x| {
                table.columns.iter().zip(&said).filter(|(_, said)| **said).for_each(|(column, _)| text(x, "th", column))
            });
        });
        x.element("tbody", |x| table.rows.iter().for_each(|given| row(x, given, &said)));
    });
}

fn says(cell: Option<&Cell>) -> bool {
    cell.is_some_and(|cell| cell.anchor.is_some() || !cell.words.is_empty())
}

fn row(x: &mut Xml, row: &Row, said: &[bool]) {
    x.line();
    x.element("tr", |x| {
        x.attr("ID", &row.anchor.0);
        // A cell beyond the columns is no mistake of the record: it is written too.
        let cells = row.cells.iter().zip(said.iter().chain(std::iter::repeat(&true)));
        cells.filter(|(_, said)| **said).for_each(|(given, _)| x.element("td", |x| cell(x, given)));
    });
}

fn cell(x: &mut Xml, cell: &Cell) {
    match &cell.anchor {
        Some(anchor) => x.element("content", |x| {
            x.attr("ID", &anchor.0);
            lines(x, &cell.words);
        }),
        None => lines(x, &cell.words),
    }
}

fn passage(x: &mut Xml, passage: &Passage) {
    x.line();
    x.element("paragraph", |x| {
        if !passage.heading.is_empty() {
            text(x, "caption", &passage.heading);
        }
        x.element("content", |x| {
            x.attr("ID", &passage.anchor.0);
            lines(x, &passage.text);
        });
    });
}

/// Text whose lines are kept.
fn lines(x: &mut Xml, words: &str) {
    for (number, line) in words.lines().enumerate() {
        if number > 0 {
            x.element("br", |_| {});
        }
        x.text(line);
    }
}
