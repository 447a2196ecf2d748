//! Documents: notes laid out as text, HTML, RTF, PDF or scanned page, with the DocumentReference that carries them.
//!
//! Not for: what a note says (`notes`), or drawing (`pdf`, `scan`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::chart::{Chart, meta};
use super::dice::Id;
use super::fhir::{Code, Concept, Period, Ref};
use super::json::{Emit, Json, emit};
use super::notes::{self, Note, NoteKind};
use super::sink::{Marker, SAMPLES, Type};
use super::story::{Visit, VisitKind};
use super::terms::LOINC;
use super::{pdf, scan};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Text,
    Html,
    Rtf,
    Pdf,
    Tiff,
}

/// Where the bytes of an attachment are.
enum Place {
    Inline(Vec<u8>),
    Url(String),
}

/// Writes the notes of a visit.
pub fn write(chart: &mut Chart<'_>, visit: &Visit) {
    let kind = match visit.kind {
        VisitKind::Inpatient | VisitKind::Delivery | VisitKind::Birth => NoteKind::Discharge,
        VisitKind::Consult => NoteKind::Consult,
        VisitKind::Telephone => NoteKind::Phone,
        VisitKind::Emergency => NoteKind::Emergency,
        VisitKind::Checkup | VisitKind::FollowUp | VisitKind::Sick => NoteKind::Progress,
    };
    if visit.sensitivity.is_some() || chart.dice.percent(90) {
        document(chart, visit, kind);
    }
    if visit.kind == VisitKind::Inpatient && visit.sensitivity.is_none() && chart.dice.percent(40) {
        document(chart, visit, NoteKind::Operative);
    }
    if visit.kind == VisitKind::Consult && chart.dice.percent(30) {
        document(chart, visit, NoteKind::Letter);
    }
}

fn document(chart: &mut Chart<'_>, visit: &Visit, kind: NoteKind) {
    let id = chart.dice.id();
    let marker = visit.sensitivity.map(|_| chart.dice.marker());
    let note = notes::compose(chart, visit, kind, marker.as_deref());
    let format = match chart.dice.below(100) {
        0..74 => Format::Text,
        74..85 => Format::Html,
        85..94 => Format::Rtf,
        94..99 => Format::Pdf,
        _ if marker.is_some() => Format::Text, // the marker must be findable in text
        _ => Format::Tiff,
    };
    if let (Some(word), Some(code)) = (marker, visit.sensitivity) {
        let (patient, document) = (chart.person.id.to_string(), id.to_string());
        chart.sink.markers.push(Marker { word, patient, document, code });
    } else if format == Format::Text && chart.person.index < SAMPLES {
        let sample = chart.sink.samples.entry(chart.person.index).or_default();
        sample.phrase = Some((note.phrase.clone(), id.to_string()));
    }
    let (media_type, bytes) = match format {
        Format::Text => ("text/plain; charset=utf-8", note.text().into_bytes()),
        Format::Html => ("text/html", html(&note).into_bytes()),
        Format::Rtf => ("application/rtf", rtf(&note).into_bytes()),
        Format::Pdf => ("application/pdf", pdf::one_page(&note)),
        Format::Tiff => ("image/tiff", scan::page(&note.text())),
    };
    let place = place(chart, visit, id, format, media_type, bytes);
    reference(chart, visit, id, &note, media_type, &place);
}

/// Most attachments are inline; some binary ones lie beside the NDJSON, and some of all kinds are Binary records.
fn place(chart: &mut Chart<'_>, visit: &Visit, id: Id, format: Format, media_type: &'static str, bytes: Vec<u8>) -> Place {
    let roll = chart.dice.below(100);
    let extension = match format {
        Format::Pdf => "pdf",
        Format::Tiff => "tif",
        Format::Text | Format::Html | Format::Rtf => "",
    };
    if !extension.is_empty() && roll < 30 {
        let path = format!("documents/{id}.{extension}");
        chart.sink.attachments.push((path.clone(), bytes));
        return Place::Url(path);
    }
    if roll < 94 {
        return Place::Inline(bytes);
    }
    let (binary, subject) = (chart.dice.id(), chart.subject());
    chart.record(Type::Binary, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "Binary",
            "id": binary,
            "meta": (meta(visit.end(), "", visit.sensitivity)),
            "contentType": media_type,
            "securityContext": subject,
            "data": (Base64(&bytes)),
        });
    });
    Place::Url(format!("Binary/{binary}"))
}

fn reference(chart: &mut Chart<'_>, visit: &Visit, id: Id, note: &Note, media_type: &'static str, place: &Place) {
    let (subject, doctor) = (chart.subject(), chart.staff(visit.staff));
    let (code, title) = note.kind.code();
    let (data, url) = match place {
        Place::Inline(bytes) => (Some(Base64(bytes)), None),
        Place::Url(url) => (None, Some(url)),
    };
    chart.record(Type::DocumentReference, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "DocumentReference",
            "id": id,
            "meta": (meta(visit.end(), "us-core-documentreference", visit.sensitivity)),
            "status": "current",
            "docStatus": "final",
            "type": (Concept(LOINC, code, title)),
            "category": [(Code("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note"))],
            "subject": subject,
            "date": (visit.end()),
            "author": [doctor],
            "custodian": {"reference": "Organization/org-1"},
            "content": [{
                "attachment": {
                    "contentType": media_type,
                    "data": data,
                    "url": url,
                    "title": title,
                    "creation": (visit.end()),
                },
            }],
            "context": {"encounter": [(Ref("Encounter", visit.id))], "period": (Period(visit.start, Some(visit.end())))},
        });
    });
}

struct Base64<'a>(&'a [u8]);

impl Emit for Base64<'_> {
    fn emit(&self, out: &mut Json) {
        let start = out.bytes.len() + 1;
        out.bytes.push(b'"');
        out.bytes.resize(start + self.0.len().div_ceil(3) * 4, b'=');
        // The room is exact: base64 with padding takes four characters for every three bytes begun.
        let written = STANDARD.encode_slice(self.0, &mut out.bytes[start..]).unwrap_or(0);
        out.bytes.truncate(start + written);
        out.bytes.push(b'"');
    }
}

fn html(note: &Note) -> String {
    let mut text = String::with_capacity(2400);
    text.push_str("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>");
    text.push_str(note.kind.code().1);
    text.push_str("</title></head><body>\n");
    for (heading, body) in &note.sections {
        text.push_str(&format!("<h3>{heading}</h3>\n<p>"));
        for c in body.chars() {
            match c {
                '<' => text.push_str("&lt;"),
                '>' => text.push_str("&gt;"),
                '&' => text.push_str("&amp;"),
                '\n' => text.push_str("<br>\n"),
                c => text.push(c),
            }
        }
        text.push_str("</p>\n");
    }
    text.push_str("</body></html>\n");
    text
}

/// RTF 1.x: 7-bit text, other characters as `\u` with a `?` for readers that do not know it.
fn rtf(note: &Note) -> String {
    let mut text = String::from("{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}}\\f0\\fs22\n");
    for (heading, body) in &note.sections {
        text.push_str(&format!("{{\\b {heading}\\b0}}\\par\n"));
        for c in body.chars() {
            match c {
                '\\' | '{' | '}' => text.extend(['\\', c]),
                '\n' => text.push_str("\\line\n"),
                c if c.is_ascii() => text.push(c),
                c => {
                    let mut units = [0_u16; 2];
                    for unit in c.encode_utf16(&mut units) {
                        text.push_str(&format!("\\u{}?", i32::from(*unit as i16)));
                    }
                }
            }
        }
        text.push_str("\\par\\par\n");
    }
    text.push_str("}\n");
    text
}
