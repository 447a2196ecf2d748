//! Who looked at a chart: a sentence for lay people, then one row for each act. Kinds and counts, never content.
//!
//! Not for: reading or checking the log (`audit`).

use askama::Template;

use super::super::banner::{self, Name};
use super::super::frame::{Frame, role_name};
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::render;
use crate::access::Role;
use crate::model::ChartIndex;

/// One entry of the log about this patient.
#[derive(Clone, Debug)]
pub struct AccessRow {
    /// UTC, `YYYY-MM-DDThh:mm:ss[.f]Z`.
    pub at: String,
    pub who: String,
    pub role: Option<Role>,
    /// In words: "Treatment", "Legal request" …
    pub purpose: String,
    /// In words: "Chart summary shown", "Found in a search, not opened" …
    pub what: String,
    /// Records shown.
    pub records: u64,
    pub from: Option<String>,
    pub refused: bool,
    /// Entry number in its stream.
    pub entry: String,
    /// Reading the log itself, not a chart.
    pub is_about_log: bool,
}

/// One entry of the log on the page that lists the newest of all patients.
#[derive(Clone, Debug)]
pub struct RecentRow {
    pub access: AccessRow,
    /// The patient's key in this archive.
    pub patient: String,
}

/// The state of the log as the page may claim it.
#[derive(Clone, Debug, Default)]
pub enum LogState {
    /// When it was last recomputed without a fault, and up to which entry.
    Verified { when: String, entry: String },
    #[default]
    NotVerified,
    /// The first bad entry.
    Fault { entry: String },
}

#[derive(Default)]
pub struct WhoLooked<'a> {
    /// The number or key asked for, when there is no such patient yet.
    pub asked: &'a str,
    /// The patient; `None`: not asked yet, or no such patient (then `asked` is not empty).
    pub patient: Option<&'a ChartIndex>,
    /// Newest first; one page of them.
    pub rows: &'a [AccessRow],
    /// Without a patient: the newest accesses to any chart.
    pub recent: &'a [RecentRow],
    pub total: u64,
    pub people: u64,
    pub offset: usize,
    pub page_size: usize,
    pub log: LogState,
}

struct Patient {
    /// `None`: this role sees the key alone.
    listed: Option<String>,
    key: String,
    born: String,
    numbers: String,
}

#[derive(Template)]
#[template(path = "access.html")]
struct Page<'a> {
    frame: &'a Frame,
    asked: &'a str,
    patient: Option<Patient>,
    fact: String,
    table: Table,
    recent: Table,
    paging: Paging,
    log: &'a LogState,
}

pub fn who_looked(frame: &Frame, ask: &WhoLooked<'_>) -> String {
    let patient = ask.patient.map(|p| Patient {
        listed: (p.identity.family.is_some() || !p.identity.given.is_empty()).then(|| Name::of(&p.identity).listed()),
        key: p.patient.to_string(),
        born: p.identity.birth_date.as_ref().map_or(text::NOT_RECORDED.into(), |b| b.date_text().to_string()),
        numbers: banner::record_numbers(&p.identity).join(", "),
    });
    let key = ask.patient.map(|p| p.patient.to_string()).unwrap_or_default();
    let columns = [
        ("Day and time (UTC)", "date"),
        ("Who", ""),
        ("Stated purpose", ""),
        ("What was shown", ""),
        ("Records", "num"),
        ("From", "drop"),
        ("Entry", "num mono"),
    ];
    let row = |r: &AccessRow| {
        Row::new(vec![
            Cell::date(Some(&r.at)),
            Cell::main(Some(r.who.clone()), None, r.role.map(|r| role_name(r).to_string())),
            Cell::Text(r.purpose.clone()),
            if r.refused { Cell::Tag(format!("Refused: {}", r.what), "caution") } else { Cell::Text(r.what.clone()) },
            Cell::count(r.records),
            Cell::text(r.from.clone()),
            Cell::Text(r.entry.clone()),
        ])
    };
    let size = ask.page_size.max(1);
    let recent_columns = [
        ("Day and time (UTC)", "date"),
        ("Patient", ""),
        ("Who", ""),
        ("Stated purpose", "drop"),
        ("What was shown", ""),
        ("Records", "num"),
    ];
    let recent_row = |r: &RecentRow| {
        let mut cells = row(&r.access).cells;
        cells.truncate(5);
        cells.insert(1, Cell::link(Some(r.patient.clone()), format!("/access?patient={}", r.patient)));
        Row::new(cells)
    };
    let nobody = "No chart was opened yet.";
    render(Page {
        frame,
        recent: Table::new("Newest accesses to any chart", &recent_columns, nobody)
            .rows(ask.recent.iter().map(recent_row).collect()),
        asked: ask.asked,
        patient,
        fact: match ask.total {
            0 => "Nobody opened this chart.".into(),
            n => format!("{} by {}", text::counted(n, "access", "accesses"), text::counted(ask.people, "person", "people")),
        },
        table: Table::new("Accesses, newest first", &columns, "Nobody opened this chart.")
            .rows(ask.rows.iter().map(row).collect()),
        paging: Paging::of(ask.offset, ask.rows.len(), ask.total, false, |p| format!("/access?patient={key}&page={p}"), size),
        log: &ask.log,
    })
}
