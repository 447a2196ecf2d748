//! What the clinical sections share: the narrative's rows as they are filled, a record's status, dates, codes and notes in
//! words, and the frame of an entry.
//!
//! Not for: what a kind of record means in C-CDA (the section's own file).

use super::sheet::as_archived;
use super::words;
pub(super) use super::words::date as date_words;
use crate::formats::fhir::node::{Node, code, concept};
use crate::formats::text_of;
use crate::render::ccd::cda::{Class, Code, Entry, Id, Null, Related, Section, SectionEntry, Template, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC, SNOMED, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::narrative::{Anchors, Cell, Narrative, Passage, Row, Table};

/// Longest text that stands in a cell; what is longer, or has lines, follows under the table.
const CELL_MAX: usize = 400;

/// Comment Activity.
const COMMENT: Template = Template::root("2.16.840.1.113883.10.20.22.4.64");

/// Indication.
const INDICATION: Template = Template::both("2.16.840.1.113883.10.20.22.4.19", "2014-06-09");

/// A table of the narrative while it is filled: a row for each record, or for each part of one.
#[derive(Debug)]
pub(super) struct Sheet {
    anchors: Anchors,
    table: Table,
    passages: Vec<Passage>,
}

impl Sheet {
    /// `prefix`: an XML name that no other table of the document has.
    pub fn new(prefix: &'static str, columns: &[&'static str]) -> Sheet {
        let table = Table { caption: None, columns: columns.to_vec(), rows: Vec::new() };
        Sheet { anchors: Anchors::new(prefix), table, passages: Vec::new() }
    }

    pub fn captioned(mut self, caption: &str) -> Sheet {
        self.table.caption = Some(caption.to_owned());
        self
    }

    /// Begins a row.
    pub fn row(&mut self) -> Anchor {
        let anchor = self.anchors.row();
        self.table.rows.push(Row { anchor: anchor.clone(), cells: Vec::with_capacity(self.table.columns.len()) });
        anchor
    }

    /// The next cell of the row.
    pub fn say(&mut self, words: impl Into<String>) {
        self.put(Cell::plain(words));
    }

    /// The next cell, to which an entry points for the source's own words; none when there are none. Long words and lines
    /// follow under the table.
    pub fn cite(&mut self, name: &str, words: &str) -> Option<Anchor> {
        if words.is_empty() {
            self.say("");
            return None;
        }
        let anchor = self.anchors.cell(name);
        if words.len() <= CELL_MAX && !words.contains('\n') {
            self.put(Cell { words: words.to_owned(), anchor: Some(anchor.clone()) });
        } else {
            self.say("See the text below the table");
            let heading = self.table.rows.last().and_then(|row| row.cells.iter().find(|cell| !cell.words.is_empty()));
            let heading = heading.map_or(String::new(), |cell| cell.words.chars().take(CELL_MAX).collect());
            self.passages.push(Passage { anchor: anchor.clone(), heading, text: words.to_owned() });
        }
        Some(anchor)
    }

    /// The cells that end the row of a record: codes as the source has them, where it comes from, what was noted. Gives the
    /// notes' place.
    pub fn tail(&mut self, item: &Item<'_>, concepts: &[Node<'_>], notes: &str) -> Option<Anchor> {
        self.say(code_words(concepts));
        self.say(item.source);
        self.cite("note", notes)
    }

    fn put(&mut self, cell: Cell) {
        if let Some(row) = self.table.rows.last_mut() {
            debug_assert!(row.cells.len() < self.table.columns.len(), "more cells than columns");
            row.cells.push(cell);
        }
    }
}

/// What a section is called.
#[derive(Debug)]
pub(super) struct Frame {
    pub templates: [Template; 2],
    pub code: &'static str,
    pub display: &'static str,
    pub title: &'static str,
}

/// A section from its tables and entries. One without entries is `NI`: its narrative may still tell of records that make no
/// statement.
pub(super) fn section(cx: &Context<'_>, frame: &Frame, sheets: Vec<Sheet>, entries: Vec<Entry>) -> Section {
    let mut narrative = Narrative::default();
    for mut sheet in sheets {
        let columns = sheet.table.columns.len();
        sheet.table.rows.iter_mut().for_each(|row| row.cells.resize(columns, Cell::default()));
        if !sheet.table.rows.is_empty() {
            narrative.tables.push(sheet.table);
        }
        narrative.passages.append(&mut sheet.passages);
    }
    if narrative.tables.is_empty() {
        narrative.notes.push("No information".to_owned());
    } else {
        narrative.notes.extend(as_archived(cx));
    }
    Section {
        templates: frame.templates.to_vec(),
        code: codes::fixed(frame.code, LOINC, frame.display),
        title: frame.title,
        null: entries.is_empty().then_some(Null::NoInformation),
        narrative,
        authors: Vec::new(),
        entries: entries.into_iter().map(|entry| SectionEntry { entry }).collect(),
    }
}

/// The entry of a record: who it is, where its words stand, and who says so.
pub(super) fn entry(cx: &Context<'_>, item: &Item<'_>, class: Class, template: Template, row: &Anchor) -> Entry {
    Entry {
        class,
        templates: vec![template],
        ids: vec![cx.id(item)],
        text: Some(row.clone()),
        authors: cx.authors(item),
        informants: vec![cx.informant(item)],
        ..Entry::default()
    }
}

/// The entry of a part of a record, which has no id of its own in the source.
pub(super) fn part(whole: &Id, name: &str, class: Class, template: Template, words: &Anchor) -> Entry {
    Entry { class, templates: vec![template], ids: vec![part_id(whole, name)], text: Some(words.clone()), ..Entry::default() }
}

/// The id of a part of a record.
pub(super) fn part_id(whole: &Id, name: &str) -> Id {
    match whole {
        Id::Given { root, extension: Some(whole) } => {
            Id::Given { root: root.clone(), extension: Some(format!("{whole}#{name}")) }
        }
        other => other.clone(),
    }
}

/// What an entry says about the one that it hangs on (`SUBJ`, inverted).
pub(super) fn about(entry: Entry) -> Related {
    Related { type_code: "SUBJ", is_inverted: true, entry }
}

/// The notes of a record.
pub(super) fn comment(note: Option<Anchor>) -> Option<Related> {
    let code = codes::fixed("48767-8", LOINC, "Annotation comment");
    let entry = Entry { class: Class::Act, templates: vec![COMMENT], code: Some(code), ..Entry::default() };
    note.map(|note| about(Entry { text: Some(note), ..entry }))
}

/// Reasons in words; a reference that says what the codes say already is told once.
pub(super) fn reasons_once(coded: String, references: Vec<String>) -> String {
    let new: Vec<String> = references.into_iter().filter(|words| !coded.contains(words.as_str())).collect();
    joined(&[coded, new.join("; ")], "; ")
}

/// Why something was done or is taken, as far as the record itself has a code or words for it; they stand at `words`.
pub(super) fn indications(whole: &Id, root: Node<'_>, words: Option<&Anchor>) -> Vec<Related> {
    let Some(words) = words else { return Vec::new() };
    let indication = |(at, reason): (usize, Node<'_>)| {
        let mut code = codes::fixed("404684003", SNOMED, "Clinical finding");
        code.translations = vec![codes::fixed("75321-0", LOINC, "Clinical finding")];
        let own = part(whole, &format!("reason-{}", at + 1), Class::Observation, INDICATION, words);
        let value = Value::Code(snomed(reason, Some(words.clone())));
        let entry = Entry { code: Some(code), status: Some("completed"), values: vec![value], ..own };
        Related { type_code: "RSON", is_inverted: false, entry }
    };
    root.at("reasonCode").items().filter(|reason| concept(*reason).is_some()).enumerate().map(indication).collect()
}

/// A code whose words stand at `original`.
pub(super) fn snomed(concept: Node<'_>, original: Option<Anchor>) -> Code {
    codes::code(concept, &[SNOMED_URI], original)
}

/// The code of a status or category, in lower case; some sources give plain text.
pub(super) fn word(node: Node<'_>) -> String {
    code(node).or_else(|| node.text()).or_else(|| node.at("text").text()).unwrap_or_default().to_ascii_lowercase()
}

/// A status in words: `entered-in-error` as "entered in error".
pub(super) fn status_words(status: &str) -> String {
    if status.is_empty() { "status not recorded".to_owned() } else { status.replace(['-', '_'], " ") }
}

/// A list of words, without those that are empty.
pub(super) fn joined(parts: &[String], with: &str) -> String {
    parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(with)
}

/// When something was, in words: by the name of its element, whatever type it has.
pub(super) fn when_words(root: Node<'_>, name: &str) -> String {
    let range = || words::range(root.at(&format!("{name}Range"))).map(|range| format!("age {range}"));
    words::when(root, name).or_else(range).unwrap_or_default()
}

/// A Period.
pub(super) fn span_words(period: Node<'_>) -> String {
    words::period(period).unwrap_or_default()
}

/// A Quantity: number and unit as written.
pub(super) fn quantity_words(node: Node<'_>) -> String {
    words::amount(node).unwrap_or_default()
}

/// A Range.
pub(super) fn range_words(range: Node<'_>) -> String {
    words::range(range).unwrap_or_default()
}

/// A Ratio: `1:128`, `5 mg / 1 mL`.
pub(super) fn ratio_words(ratio: Node<'_>) -> String {
    let (above, below) = (quantity_words(ratio.at("numerator")), quantity_words(ratio.at("denominator")));
    let is_plain = |words: &str| !words.contains(' ');
    match (above.is_empty(), below.is_empty()) {
        (_, true) => above,
        _ if is_plain(&above) && is_plain(&below) => format!("{above}:{below}"),
        _ => format!("{above} / {below}"),
    }
}

/// What a record is called: the words of its code, else those of its narrative.
pub(super) fn name_words(code: Node<'_>, root: Node<'_>) -> String {
    concept(code).unwrap_or_else(|| narrative_words(root))
}

/// The narrative of a record without its markup.
fn narrative_words(root: Node<'_>) -> String {
    let div = root.at("text").at("div").text();
    div.map(|div| text_of(div.as_bytes(), Some("text/html; charset=utf-8")).text.trim().to_owned()).unwrap_or_default()
}

/// The words of all concepts of a list.
pub(super) fn concepts_words(list: Node<'_>) -> String {
    let words: Vec<String> = list.items().filter_map(concept).collect();
    words.join("; ")
}

/// Notes (Annotation), each with who wrote it and when.
pub(super) fn notes(root: Node<'_>) -> String {
    let note = |note: Node<'_>| {
        let text = note.at("text").text().or_else(|| note.text())?;
        let author = note.at("authorString").text().or_else(|| note.at("authorReference").at("display").text());
        let about =
            joined(&[author.unwrap_or_default(), note.at("time").text().map(|t| date_words(&t)).unwrap_or_default()], ", ");
        Some(if about.is_empty() { text } else { format!("{text} ({about})") })
    };
    let all: Vec<String> = root.at("note").items().chain(root.at("comment").items()).filter_map(note).collect();
    all.join("; ")
}

/// Somebody or something in words.
pub(super) fn who(cx: &Context<'_>, item: &Item<'_>, reference: Node<'_>) -> Option<String> {
    words::reference(cx, item.root(), reference)
}

/// What a reference of a record leads to: something contained in it, or another record.
pub(super) fn target<'a>(cx: &Context<'a>, item: &Item<'a>, reference: Node<'_>) -> Option<Node<'a>> {
    let to = reference.at("reference").text()?;
    match to.strip_prefix('#') {
        Some(inside) => item.root().at("contained").items().find(|c| c.at("id").text().as_deref() == Some(inside)),
        None => cx.resolve(&to).map(|item| item.root()),
    }
}

/// Every code that the source gives, with its system, local ones too. A name that is not the concept's own words stands with it.
fn code_words(concepts: &[Node<'_>]) -> String {
    let mut all: Vec<String> = Vec::new();
    for node in concepts {
        let told = concept(*node).unwrap_or_default();
        for coding in node.at("coding").items() {
            let Some(code) = coding.at("code").text() else { continue };
            let system = coding.at("system").text().map(|uri| words::system_name(&uri).to_owned()).unwrap_or_default();
            let name = coding.at("display").text().filter(|name| *name != told).unwrap_or_default();
            let words =
                joined(&[joined(&[code, name], " "), if system.is_empty() { system } else { format!("({system})") }], " ");
            if !all.contains(&words) {
                all.push(words);
            }
        }
    }
    all.join("; ")
}
