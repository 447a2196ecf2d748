//! One section in the making: a row of its table for each record, and the entries that point to the rows.
//!
//! Every row ends with the status in words, the codes as the source has them, and the legacy system.
//!
//! Not for: what a section says about its records.

use crate::formats::fhir::node::Node;
use crate::render::ccd::cda::{
    Assigned, Author, Bound, Class, Code, Entry, Id, Null, Participant, Related, Section, SectionEntry, Template, Ts,
};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::narrative::{Anchors, Cell, Narrative, Passage, Row, Table};
use crate::render::ccd::people::AUTHOR_PARTICIPATION;

use super::words;

const NOT_RECORDED: &str = "not recorded";

/// What a section is, whatever is in it.
#[derive(Debug)]
pub struct Spec {
    /// Of its anchors.
    pub prefix: &'static str,
    /// LOINC code and its name.
    pub code: (&'static str, &'static str),
    pub title: &'static str,
    pub templates: &'static [Template],
    /// Those that promise entries: declared when there are any.
    pub with_entries: &'static [Template],
    /// Whether the templates allow no section with words alone. One without entries then says that it has no coded
    /// information.
    pub needs_entries: bool,
    /// Columns before the common ones.
    pub columns: &'static [&'static str],
}

/// Columns that every table ends with.
const COMMON: [&str; 3] = ["Status", "Codes in the source", "Source"];

#[derive(Debug)]
pub struct Sheet<'c, 'a> {
    pub cx: &'c Context<'a>,
    spec: &'static Spec,
    anchors: Anchors,
    row: Anchor,
    cells: Vec<Cell>,
    rows: Vec<Row>,
    notes: Vec<String>,
    tables: Vec<Table>,
    passages: Vec<Passage>,
    entries: Vec<SectionEntry>,
}

impl<'c, 'a> Sheet<'c, 'a> {
    pub fn new(cx: &'c Context<'a>, spec: &'static Spec) -> Sheet<'c, 'a> {
        Sheet::continued(cx, spec, Anchors::new(spec.prefix))
    }

    /// One of several sections that share their anchors' prefix.
    pub fn continued(cx: &'c Context<'a>, spec: &'static Spec, anchors: Anchors) -> Sheet<'c, 'a> {
        Sheet {
            cx,
            spec,
            anchors,
            row: Anchor(String::new()),
            cells: Vec::new(),
            rows: Vec::new(),
            notes: Vec::new(),
            tables: Vec::new(),
            passages: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Opens the row of the next record.
    pub fn begin(&mut self) -> Anchor {
        self.row = self.anchors.row();
        self.cells.clear();
        self.row.clone()
    }

    pub fn say(&mut self, words: Option<String>) {
        self.cells.push(Cell::plain(words.unwrap_or_else(|| NOT_RECORDED.to_owned())));
    }

    /// A cell that is empty when there is nothing to add.
    pub fn add(&mut self, words: Option<String>) {
        self.cells.push(Cell::plain(words.unwrap_or_default()));
    }

    /// A cell that an `originalText` points to. Without words of the source there is nothing to point to.
    pub fn key(&mut self, name: &str, words: Option<String>) -> Option<Anchor> {
        let anchor = words.is_some().then(|| self.anchors.cell(name));
        self.cells.push(Cell { words: words.unwrap_or_else(|| NOT_RECORDED.to_owned()), anchor: anchor.clone() });
        anchor
    }

    /// Closes the row of a record, whose codes are those of these concepts.
    pub fn end<'n>(&mut self, item: &Item<'_>, concepts: impl IntoIterator<Item = Node<'n>>) {
        self.say(words::status(item.root()));
        self.say(words::codes(concepts).or_else(|| Some("none".to_owned())));
        self.say(Some(item.source.to_owned()));
        self.rows.push(Row { anchor: self.row.clone(), cells: std::mem::take(&mut self.cells) });
    }

    pub fn push(&mut self, entry: Entry) {
        self.entries.push(SectionEntry { entry });
    }

    /// A paragraph before the table.
    pub fn note(&mut self, words: String) {
        self.notes.push(words);
    }

    /// A table of its own after the section's: answers of a questionnaire.
    pub fn table(&mut self, caption: String, columns: &[&'static str], rows: Vec<Vec<String>>) -> Vec<Anchor> {
        let rows: Vec<Row> = rows
            .into_iter()
            .map(|cells| Row { anchor: self.anchors.row(), cells: cells.into_iter().map(Cell::plain).collect() })
            .collect();
        let anchors = rows.iter().map(|row| row.anchor.clone()).collect();
        self.tables.push(Table { caption: Some(caption), columns: columns.to_vec(), rows });
        anchors
    }

    /// A text after the tables, of the row that is open.
    pub fn passage(&mut self, name: &str, heading: String, text: String) -> Anchor {
        let anchor = self.anchors.cell(name);
        self.passages.push(Passage { anchor: anchor.clone(), heading, text });
        anchor
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.notes.is_empty()
    }

    pub fn finish(self) -> Section {
        let (code, name) = self.spec.code;
        self.finish_as(codes::fixed(code, LOINC, name)).0
    }

    /// With another code, for a section of several; gives back the anchors for the next.
    pub fn finish_as(self, code: Code) -> (Section, Anchors) {
        let is_empty = self.is_empty();
        let has_entries = !self.entries.is_empty();
        let null = (is_empty || self.spec.needs_entries && !has_entries).then_some(Null::NoInformation);
        let promised = self.spec.with_entries.iter().filter(|_| has_entries);
        let templates = promised.chain(self.spec.templates).copied().collect();
        let mut narrative = Narrative { notes: self.notes, tables: Vec::new(), passages: self.passages };
        if is_empty {
            narrative.notes.push("No information".to_owned());
        } else {
            narrative.notes.splice(0..0, as_archived(self.cx));
        }
        if !self.rows.is_empty() {
            let columns = self.spec.columns.iter().chain(&COMMON).copied().collect();
            narrative.tables.push(Table { caption: None, columns, rows: self.rows });
        }
        narrative.tables.extend(self.tables);
        let title = self.spec.title;
        (Section { templates, code, title, null, narrative, authors: Vec::new(), entries: self.entries }, self.anchors)
    }
}

/// What a reader of any section must know: of which day its statuses are.
pub fn as_archived(cx: &Context<'_>) -> Option<String> {
    let day = cx.request.cutover.as_ref()?;
    Some(format!("As archived: every status is that of {}, the last day of the old system's data.", day_of(day)))
}

/// `20140312…` as `2014-03-12`.
fn day_of(ts: &Ts) -> String {
    let parts = [ts.0.get(..4), ts.0.get(4..6), ts.0.get(6..8)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("-")
}

/// What every entry of a record has.
pub fn entry(cx: &Context<'_>, item: &Item<'_>, row: &Anchor, class: Class) -> Entry {
    Entry {
        class,
        ids: vec![cx.id(item)],
        text: Some(row.clone()),
        authors: cx.authors(item),
        informants: vec![cx.informant(item)],
        ..Entry::default()
    }
}

/// The id of a part of a record.
pub fn part_id(cx: &Context<'_>, item: &Item<'_>, part: &str) -> Id {
    Id::Given { root: cx.request.archive.clone(), extension: Some(format!("{}/{}#{part}", item.kind, item.id)) }
}

pub fn unknown_id() -> Id {
    Id::Null { null: Null::Unknown, root: None, extension: None }
}

/// An author of whom nothing is known, where a template demands one.
pub fn unknown_author(time: Option<Ts>) -> Author {
    Author {
        templates: vec![AUTHOR_PARTICIPATION],
        time: time.map_or(Bound::Null(Null::Unknown), Bound::Given),
        assigned: Assigned { ids: vec![unknown_id()], ..Assigned::default() },
    }
}

pub fn participant(type_code: &'static str, class_code: Option<&'static str>) -> Participant {
    Participant {
        type_code,
        class_code,
        on_participation: Vec::new(),
        templates: Vec::new(),
        time: None,
        ids: Vec::new(),
        code: None,
        addresses: Vec::new(),
        telecoms: Vec::new(),
        player: None,
        scoper: None,
    }
}

pub fn related(type_code: &'static str, entry: Entry) -> Related {
    Related { type_code, is_inverted: false, entry }
}
