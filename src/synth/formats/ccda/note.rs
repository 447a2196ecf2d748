//! A note as a document of its own: its paragraphs as sections when it is text, else the file in base64.
//!
//! Not for: what it says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::records::{Records, text};
use super::header::{self, Header};
use super::label;
use super::parts::{LOINC, Staff, confidentiality, fixed, mark};
use super::xml::Xml;
use crate::synth::sink::Type;

/// Whether a note is text, and so has sections.
pub fn is_text(reference: &Value) -> bool {
    text(reference, "/content/0/attachment/contentType").starts_with("text/plain")
}

pub fn document(records: &Records<'_>, reference: &Value, staff: &Staff) -> String {
    let (code, title) = (text(reference, "/type/coding/0/code"), text(reference, "/type/text"));
    let media = text(reference, "/content/0/attachment/contentType");
    let is_text = is_text(reference);
    let visit = records.target(Type::Encounter, text(reference, "/context/encounter/0/reference"));
    let header = Header {
        template: if is_text { ("", "") } else { ("22.1.10", "2015-08-01") },
        id: &[("root", text(reference, "/id"))],
        code: (code, title),
        title,
        time: text(reference, "/date"),
        label: label(reference),
        patient: records.patient(),
        author: Some(&reference["author"][0]),
        visit,
        service: None,
    };
    let bytes = records.document(reference);
    header::document(&header, staff, |x| match is_text {
        true => x.tag("structuredBody", &[], |x| sections(x, &String::from_utf8_lossy(&bytes), label(reference), (code, title))),
        false => file(x, media, &bytes),
    })
}

/// The headed paragraphs of a note, one section each.
fn sections(x: &mut Xml, note: &str, label: &str, code: (&str, &str)) {
    for (number, part) in note.split("\n\n").filter(|part| !part.trim().is_empty()).enumerate() {
        let (heading, body) = part.split_once('\n').unwrap_or((part, ""));
        x.tag("component", &[], |x| {
            x.tag("section", &[], |x| {
                fixed(x, "code", code.0, LOINC, code.1);
                x.leaf("title", &[], heading);
                x.tag("text", &[], |x| x.tag("paragraph", &[], |x| lines(x, body)));
                confidentiality(x, label);
                if number == 0 && !label.is_empty() {
                    mark(x, label);
                }
            });
        });
    }
}

fn lines(x: &mut Xml, text: &str) {
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            x.empty("br", &[]);
        }
        x.words(line);
    }
}

fn file(x: &mut Xml, media: &str, bytes: &[u8]) {
    // C-CDA has its own name for RTF.
    let media = if media == "application/rtf" { "text/rtf" } else { media };
    x.tag("nonXMLBody", &[], |x| {
        x.leaf("text", &[("mediaType", media), ("representation", "B64")], &STANDARD.encode(bytes));
    });
}
