//! The archivist's first page: every accession with its state, and what was withdrawn.
//!
//! Not for: the report of one (`accession`).

use askama::Template;

use super::super::frame::Frame;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::render;

/// One accession.
#[derive(Clone, Debug, Default)]
pub struct AccessionRow {
    pub id: String,
    pub source_system: String,
    /// `YYYY-MM-DD` or longer.
    pub sealed: Option<String>,
    pub generation: u32,
    /// Records archived, versions included.
    pub records: u64,
    pub patients: u64,
    /// Size on disk.
    pub bytes: u64,
    pub quarantined: u64,
    pub state: AccessionState,
}

/// Whether an accession is read, and whether anybody signed for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AccessionState {
    #[default]
    InForce,
    /// In force, and a sample of it was accepted.
    Signed,
    /// In force, and the last reviewer did not accept it.
    Rejected,
    /// Sealed, and nobody reads it before it is signed off.
    Awaiting,
}

impl AccessionState {
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            AccessionState::InForce => ("In force, not signed off", "caution"),
            AccessionState::Signed => ("In force, signed off", "good"),
            AccessionState::Rejected => ("In force, rejected in review", "alert"),
            AccessionState::Awaiting => ("Sealed, awaits sign-off", "caution"),
        }
    }
}

/// One that was taken out of force.
#[derive(Clone, Debug, Default)]
pub struct WithdrawnRow {
    pub id: String,
    pub source_system: String,
    pub reason: String,
    pub by: String,
    /// RFC 3339.
    pub at: String,
    pub replaced_by: Option<String>,
}

#[derive(Template)]
#[template(path = "accessions.html")]
struct List<'a> {
    frame: &'a Frame,
    fact: String,
    table: Table,
    awaiting: String,
    withdrawn: Option<Table>,
}

pub fn accessions(frame: &Frame, rows: &[AccessionRow], withdrawn: &[WithdrawnRow]) -> String {
    let columns = [
        ("Accession", ""),
        ("Sealed", "date"),
        ("State", ""),
        ("Patients", "num drop"),
        ("Records", "num"),
        ("Quarantined", "num"),
        ("On disk", "num drop"),
        ("Source", "src"),
    ];
    let row = |r: &AccessionRow| {
        let (words, tone) = r.state.words();
        Row::new(vec![
            Cell::main(
                Some(r.id.clone()),
                Some(format!("/accessions/{}", r.id)),
                Some(format!("{}, generation {}", r.source_system, r.generation)),
            ),
            Cell::day(r.sealed.as_deref()),
            Cell::Tag(words.into(), tone),
            Cell::count(r.patients),
            Cell::count(r.records),
            match r.quarantined {
                0 => Cell::count(0),
                n => Cell::link(Some(text::count(n)), format!("/accessions/{}/quarantine", r.id)),
            },
            Cell::Text(text::bytes(r.bytes)),
            Cell::Badge(frame.badge(&r.source_system)),
        ])
    };
    let in_force = rows.iter().filter(|r| r.state != AccessionState::Awaiting);
    let (count, records) = in_force.fold((0, 0), |(count, records), r| (count + 1, records + r.records));
    let table = Table::new("Accessions, newest last", &columns, "No accession yet. Load a delivery with “chartkeep ingest”.");
    let waiting = rows.len() as u64 - count;
    render(List {
        frame,
        fact: format!("{} in force, {}", text::count(count), text::counted(records, "record", "records")),
        table: table.rows(rows.iter().map(row).collect()),
        awaiting: match waiting {
            0 => String::new(),
            n => format!("{} for a sign-off.", text::counted(n, "accession waits", "accessions wait")),
        },
        withdrawn: (!withdrawn.is_empty()).then(|| withdrawn_table(frame, withdrawn)),
    })
}

fn withdrawn_table(frame: &Frame, rows: &[WithdrawnRow]) -> Table {
    let columns = [("Accession and reason", ""), ("Withdrawn", "date"), ("By", ""), ("In its place", ""), ("Source", "src")];
    let row = |r: &WithdrawnRow| {
        Row::new(vec![
            Cell::main(Some(r.id.clone()), None, Some(r.reason.clone())),
            Cell::day(Some(&r.at)),
            Cell::Text(r.by.clone()),
            Cell::optional(r.replaced_by.clone()),
            Cell::Badge(frame.badge(&r.source_system)),
        ])
    };
    Table::new("Accessions that were taken out of force", &columns, "None.").rows(rows.iter().map(row).collect())
}
