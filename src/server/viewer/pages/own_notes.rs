//! Psychotherapy notes as their originator reads them: the words, nothing else of the chart.
//!
//! Not for: notes of a chart (`sections::notes`).

use askama::Template;

use super::super::fhir::Item;
use super::super::frame::Frame;
use super::super::sections::notes::View;
use super::super::source::Badge;
use super::super::text;
use super::render;
use crate::model::PatientKey;
use crate::query::OwnNote;

struct Note {
    title: String,
    day: String,
    badge: Badge,
    text: String,
}

#[derive(Template)]
#[template(path = "own_notes.html")]
struct Page<'a> {
    frame: &'a Frame,
    patient: &'a str,
    notes: Vec<Note>,
}

pub fn own_notes(frame: &Frame, patient: &PatientKey, notes: &[OwnNote]) -> String {
    let note = |it: &OwnNote| {
        let view = View::of(Item::named(&it.record, &frame.names));
        Note {
            title: view.title.unwrap_or_else(|| "Note without a title".into()),
            day: text::day(view.date.as_deref()),
            badge: frame.badge(&it.record.source_system),
            text: it.text.clone(),
        }
    };
    render(Page { frame, patient: patient.as_str(), notes: notes.iter().map(note).collect() })
}
