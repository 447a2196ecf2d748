//! The page on the state of the access log: the sentence, its streams and what was kept outside, how to check it without this
//! software, and what to do when it is not in order.
//!
//! Not for: the panel that other pages show (`log_status`).

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::frame::Frame;
use super::super::log_status::{LogStatus, local, outside};
use super::super::table::{Cell, Row, Table};
use super::render;
use crate::audit::Outside;
use crate::oversight::integrity::{Integrity, State, StreamStands};

/// What the page is made of.
pub struct LogPage<'a> {
    pub integrity: &'a Integrity,
    /// Unix seconds.
    pub running_since: Option<i64>,
    /// Public keys of the log, as text.
    pub keys: Vec<String>,
    pub now: Timestamp,
    pub zone: TimeZone,
}

#[derive(Template)]
#[template(path = "log.html")]
struct Page<'a> {
    frame: &'a Frame,
    status: LogStatus,
    running: Option<String>,
    is_faulty: bool,
    /// The first bad entry: file, byte, what.
    first: Option<(String, String, String)>,
    has_witness: bool,
    by: Option<(String, String)>,
    streams: Table,
    keys: &'a [String],
}

pub fn log_page(frame: &Frame, ask: &LogPage<'_>) -> String {
    let it = ask.integrity;
    let columns = [
        ("Stream", "mono"),
        ("Entries", "num"),
        ("Under a checkpoint", "num"),
        ("Covered up to", "date"),
        ("Root", "mono"),
        ("Outside copy", ""),
    ];
    let streams = Table::new("Streams of the log", &columns, "Nothing was written yet.");
    let checked = it.checked.as_ref();
    render(Page {
        frame,
        status: LogStatus { href: None, ..LogStatus::of(it, ask.now, &ask.zone) },
        running: ask.running_since.map(|at| local(at * 1_000_000, &ask.zone)),
        is_faulty: it.state(ask.now) == State::Faulty,
        first: checked
            .and_then(|checked| checked.first.clone())
            .map(|(file, offset, what)| (file, super::super::text::count(offset), what)),
        has_witness: it.has_witness,
        by: checked.map(|checked| (checked.by.clone(), checked.entry.clone())),
        streams: streams.rows(it.streams.iter().map(|stream| row(stream, &ask.zone)).collect()),
        keys: &ask.keys,
    })
}

fn row(stream: &StreamStands, zone: &TimeZone) -> Row {
    let said = outside(stream.outside);
    Row::new(vec![
        Cell::Text(stream.at.stream.clone()),
        Cell::count(stream.at.entries),
        stream.at.checkpoint.as_ref().map_or(Cell::Text("none yet".into()), |(size, _)| Cell::count(*size)),
        Cell::optional(stream.covered_to.map(|at| local(at, zone))),
        Cell::optional(stream.at.checkpoint.as_ref().map(|(_, root)| root.clone())),
        match stream.outside {
            Outside::Agrees { .. } | Outside::Behind { .. } => Cell::Tag(said, "good"),
            Outside::Differs => Cell::Tag(said, "alert"),
            Outside::Away | Outside::Nothing => Cell::Tag(said, "caution"),
            Outside::NotKept => Cell::Text(said),
        },
    ])
}
