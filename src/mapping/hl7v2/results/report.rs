//! OBR as DiagnosticReport: its values as references, its prose and its documents as presented forms.
//!
//! Not for: the observations themselves (`observation`).

use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::{Array, Object};
use crate::mapping::systems::Coding;

use super::super::attachment::Attachment;
use super::super::blocks::Block;
use super::super::scope::{Scope, note_text};
use super::super::types::{self, words};
use super::codes::{self, Section};
use super::observation::{Entry, producer};

/// What goes into a report beside its own fields.
pub(super) struct Parts<'b, 'm> {
    pub section: Section,
    pub effective: &'b str,
    /// Ids of the observations.
    pub results: &'b [String],
    /// Id and words of each specimen.
    pub specimens: &'b [(String, String)],
    /// The prose, when the report is a text; otherwise text stands among the observations.
    pub prose: &'b [Entry<'m>],
    pub documents: &'b [Attachment],
    /// The first of its OBX, which says whose results these are.
    pub first: Option<Segment<'m>>,
}

pub(super) fn write<'m>(scope: &Scope<'_, 'm>, block: &Block<'m>, obr: Segment<'m>, parts: &Parts<'_, 'm>, id: &str) -> Vec<u8> {
    let of_order = |n: usize| block.orc.map(|orc| orc.field(n)).filter(|v| obr.field(n).is_empty() && !v.is_empty());
    let (placer, filler) = (of_order(2).unwrap_or(obr.field(2)), of_order(3).unwrap_or(obr.field(3)));
    let confidential: Vec<Value<'_>> = block.orc.map(|orc| orc.field(28)).into_iter().collect();
    let mut resource = scope.begin("DiagnosticReport", id, &confidential);
    let mut o = resource.object();
    scope.order_identifiers(&mut o, placer, filler);
    o.array("basedOn", |list| based_on(scope, list, placer));
    o.text("status", status(block, obr));
    categories(&mut o, obr, parts.section);
    scope.required_concept(&mut o, "code", obr.field(4), "");
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "encounter");
    let end = scope.time_text(obr.field(8));
    if end.is_empty() || parts.effective.is_empty() {
        o.text("effectiveDateTime", parts.effective);
    } else {
        o.period("effectivePeriod", parts.effective, &end);
    }
    o.text("issued", scope.time(obr.field(22)).instant());
    o.array("performer", |list| {
        if let Some(obx) = parts.first {
            producer(scope, list, obx);
        }
    });
    o.array("resultsInterpreter", |list| {
        // Principal and assistant interpreters, each a name with its parts as subcomponents.
        for person in [32, 33].into_iter().flat_map(|n| obr.field(n).repetitions()) {
            list.reference("Practitioner", "", &interpreter(person));
        }
    });
    o.array("specimen", |list| {
        for (id, words) in parts.specimens {
            list.reference("Specimen", id, words);
        }
    });
    o.array("result", |list| {
        for id in parts.results.iter().filter(|id| !id.is_empty()) {
            list.reference("Observation", id, "");
        }
    });
    o.verbatim("conclusion", &conclusion(block, parts.prose));
    let text = prose(parts.prose);
    o.array("presentedForm", |list| {
        if !text.is_empty() {
            list.object(|o| Attachment::text(&text, &words(obr.field(4))).write(o));
        }
        for document in parts.documents {
            list.object(|o| document.write(o));
        }
    });
    resource.finish()
}

/// The order that was fulfilled, by its number: its own message may never have been delivered.
fn based_on(scope: &Scope<'_, '_>, list: &mut Array<'_>, placer: Value<'_>) {
    list.object(|o| {
        if !placer.text().is_empty() {
            o.text("type", "ServiceRequest");
            o.object("identifier", |o| scope.ei_members(o, placer, "PLAC"));
        }
    });
}

/// OBR-25, else what the order's state says of it, else what its values say of themselves.
fn status(block: &Block<'_>, obr: Segment<'_>) -> &'static str {
    codes::report_status(&obr.field(25).text()).unwrap_or_else(|| {
        match block.orc.map(|orc| orc.field(5).text()).unwrap_or_default().as_ref() {
            "CM" => "final",
            "A" => "partial",
            "CA" | "DC" => "cancelled",
            "IP" | "SC" => "registered",
            _ => status_of_values(block),
        }
    })
}

fn status_of_values(block: &Block<'_>) -> &'static str {
    let is_any = |letter: &str| block.all_of("OBX").any(|obx| obx.field(11).text() == letter);
    match () {
        () if is_any("P") => "preliminary",
        () if is_any("C") => "corrected",
        () if is_any("F") => "final",
        () => "unknown",
    }
}

/// The part of the house, and the section's own code where that says more.
fn categories(o: &mut Object<'_>, obr: Segment<'_>, section: Section) {
    o.array("category", |list| {
        let general = section.of_report();
        let code = obr.field(24).text();
        let is_general = general.as_ref().is_some_and(|c| c.code.eq_ignore_ascii_case(&code));
        list.concept(general.as_slice(), "");
        if !code.is_empty() && !is_general {
            list.concept(&[Coding::new(codes::SECTION_SYSTEM, code, obr.field(24).component(2).text())], "");
        }
    });
}

/// OBR-32: the first component is a name whose parts are subcomponents; older senders write an XCN.
fn interpreter(person: Value<'_>) -> String {
    let part = |n: usize| person.sub(n).text();
    let name: Vec<_> = [6, 3, 4, 2, 5].map(part).into_iter().filter(|t| !t.is_empty()).collect();
    match name.is_empty() {
        false => name.join(" "),
        true => {
            let older: Vec<_> = [3, 4, 2].map(|n| person.component(n).text()).into_iter().filter(|t| !t.is_empty()).collect();
            if older.is_empty() || older.iter().all(|t| t.bytes().any(|b| b.is_ascii_digit())) {
                part(1).into_owned()
            } else {
                older.join(" ")
            }
        }
    }
}

/// What the impression says, and the laboratory's notes on the whole report.
fn conclusion(block: &Block<'_>, prose: &[Entry<'_>]) -> String {
    let mut texts: Vec<String> = prose.iter().filter(|e| is_impression(e.code())).map(Entry::text).collect();
    texts.push(note_text(&block.notes()));
    texts.retain(|t| !t.trim().is_empty());
    texts.join("\n")
}

/// Parts of a report are marked by a suffix (`71020&IMP`) or by codes of their own.
pub(super) fn is_report_part(code: Value<'_>) -> bool {
    const PARTS: [&str; 12] =
        ["IMP", "IMPRESSION", "GDT", "ADT", "ADDENDUM", "REC", "CNP", "FINDINGS", "NARRATIVE", "HISTORY", "TECHNIQUE", "19005-8"];
    let marks = [code.sub(2).text(), code.text()];
    marks.iter().any(|mark| PARTS.iter().any(|part| part.eq_ignore_ascii_case(mark)))
}

fn is_impression(code: Value<'_>) -> bool {
    let marks = [code.sub(2).text(), code.text()];
    let is_marked = marks.iter().any(|m| ["IMP", "IMPRESSION", "19005-8"].iter().any(|part| part.eq_ignore_ascii_case(m)));
    let name = types::words(code).to_ascii_lowercase();
    is_marked || name.contains("impression") || name.contains("conclusion")
}

/// The whole text; each part below its name when there are several.
pub(in super::super) fn prose(entries: &[Entry<'_>]) -> String {
    let mut out = String::new();
    for entry in entries {
        let mut text = entry.text();
        let notes = note_text(&entry.notes);
        if !notes.is_empty() {
            text = format!("{text}\n{notes}");
        }
        let heading = words(entry.code());
        if !out.is_empty() && !text.trim().is_empty() {
            out.push_str("\n\n");
        }
        if entries.len() > 1 && !heading.is_empty() && !text.trim().is_empty() {
            out.push_str(&heading);
            out.push('\n');
        }
        out.push_str(&text);
    }
    out.trim_end().to_string()
}
