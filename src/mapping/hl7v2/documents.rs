//! Documents: TXA and OBX of MDM as DocumentReference.
//!
//! An MDM that only tells of a change (T03, T07) brings no content; making a version of it would take the text away from
//! the document that the chart shows, so it makes none unless it takes the document out of use.
//!
//! Not for: the patient and the visit (`patient`, `visit`).

use super::attachment::{Attachment, Documents};
use super::document_reference::{content, note_category};
use super::group::Group;
use super::results::{Entry, prose};
use super::scope::{Names, Scope};
use super::types::words;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::Mapped;
use crate::mapping::fhir::Object;
use crate::mapping::systems::Coding;

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let scope = Scope::new(group);
    let mut names = Names::default();
    let starts: Vec<usize> = (0..group.segments.len()).filter(|&i| group.segments.get(i).is_some_and(|s| s.is("TXA"))).collect();
    if starts.is_empty() {
        return super::results::map_observations(group, out);
    }
    for (n, &start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(group.segments.len());
        // Some senders put the text before the header.
        let from = if n == 0 { 0 } else { start };
        let segments = group.segments.get(from..end).unwrap_or_default();
        if let Some(&txa) = group.segments.get(start) {
            document(&scope, txa, segments, &mut names, out);
        }
    }
}

fn document<'m>(scope: &Scope<'_, 'm>, txa: Segment<'m>, segments: &[Segment<'m>], names: &mut Names, out: &mut Mapped) {
    let status = Status::of(scope.event.as_str(), txa);
    let contents = contents(scope, txa, segments, out);
    if contents.is_empty() && matches!(scope.event.as_str(), "T03" | "T07") && status.record == "current" {
        scope.note(out, "document-notice", txa, "tells of a change to a document without its content; no record is made of it");
        return;
    }
    let id = names.unique("DocumentReference", name(scope, txa, &contents));
    let mut resource = scope.begin("DocumentReference", &id, &[txa.field(18)]);
    let mut o = resource.object();
    o.object("masterIdentifier", |o| scope.ei_members(o, txa.field(12), ""));
    o.array("identifier", |list| {
        scope.ei(list, txa.field(12), "");
        scope.ei(list, txa.field(14), "PLAC");
        scope.ei(list, txa.field(15), "FILL");
    });
    o.text("status", status.record).text("docStatus", status.document);
    document_type(scope, &mut o, kind(txa, segments));
    o.array("category", |list| list.concept(&[note_category()], ""));
    scope.subject(&mut o, "subject");
    let date = [6, 7, 4].into_iter().map(|n| scope.time(txa.field(n))).find(|t| !t.instant().is_empty());
    o.text("date", date.as_ref().map_or("", |t| t.instant()));
    o.array("author", |list| {
        [9, 5].into_iter().flat_map(|n| txa.field(n).repetitions()).take(8).for_each(|p| scope.xcn_in(list, p))
    });
    scope.xcn(
        &mut o,
        "authenticator",
        [22, 10].map(|n| txa.field(n)).into_iter().find(|f| !f.is_empty()).unwrap_or(txa.field(10)),
    );
    relations(scope, &mut o, txa);
    o.text("description", &description(txa));
    o.array("securityLabel", |list| {
        if let Some(label) = scope.confidentiality(txa.field(18)) {
            list.concept(&[label], "");
        }
    });
    content(&mut o, &contents, &type_words(kind(txa, segments)));
    o.object("context", |o| {
        o.array("encounter", |list| {
            if !scope.encounter.is_empty() {
                list.reference("Encounter", &scope.encounter, "");
            }
        });
        let start = scope.time_text(txa.field(4));
        o.period("period", &start, "");
    });
    out.resources.push(resource.finish());
}

struct Status {
    record: &'static str,
    document: &'static str,
}

impl Status {
    /// The event and TXA-19 tell whether a document is in use; TXA-17 how far it has come.
    fn of(event: &str, txa: Segment<'_>) -> Status {
        let record = match (event, txa.field(19).text().as_ref()) {
            ("T11", _) | (_, "CA") => "entered-in-error",
            (_, "OB" | "UN") => "superseded",
            _ => "current",
        };
        let document = match txa.field(17).text().as_ref() {
            _ if record == "entered-in-error" => "entered-in-error",
            "AU" | "LA" | "DO" => "final",
            "DI" | "IN" | "IP" | "PA" => "preliminary",
            _ => "",
        };
        // An edit of what was final is an amendment.
        let document = if document == "final" && event == "T08" { "amended" } else { document };
        Status { record, document }
    }
}

/// The unique number of a document; without one the filler's, else type and times.
fn name(scope: &Scope<'_, '_>, txa: Segment<'_>, contents: &[Attachment]) -> String {
    let of = |n: usize| name_of(scope, txa.field(n));
    let numbered = [12, 15, 16].map(of).into_iter().find(|id| !id.is_empty());
    numbered.unwrap_or_else(|| {
        let times: Vec<_> = [4, 6, 7].map(|n| txa.field(n).text()).to_vec();
        if contents.is_empty() || times.iter().all(|t| t.is_empty()) {
            return String::new();
        }
        scope.name(&["document", &times.join("-"), &txa.field(2).text()])
    })
}

fn name_of(scope: &Scope<'_, '_>, ei: Value<'_>) -> String {
    // Some write the number into the second component.
    let [authority, number] = scope.ei_parts(ei);
    if number.is_empty() {
        return scope.name(&["document", &ei.component(2).text()]).trim_end_matches('.').to_string();
    }
    if authority.is_empty() { scope.name(&["document", &number]) } else { scope.name(&["document", &authority, &number]) }
}

/// TXA-13 with what the event says about it.
fn relations(scope: &Scope<'_, '_>, o: &mut Object<'_>, txa: Segment<'_>) {
    let code = match scope.event.as_str() {
        "T05" | "T06" => "appends",
        "T09" | "T10" => "replaces",
        _ => "transforms",
    };
    let parent = txa.field(13);
    let number = txa.field(12).raw();
    // A parent without an event that says how it is related is a number among others.
    if parent.is_empty() || parent.raw() == number || code == "transforms" {
        return;
    }
    o.array("relatesTo", |list| {
        list.object(|o| {
            o.text("code", code);
            o.reference("target", "DocumentReference", &name_of(scope, parent), &parent.text());
        });
    });
}

/// TXA-2, else what the text calls itself.
fn kind<'m>(txa: Segment<'m>, segments: &[Segment<'m>]) -> Value<'m> {
    let named = segments.iter().filter(|s| s.is("OBX")).map(|s| s.field(3)).find(|v| !v.is_empty());
    if txa.field(2).is_empty() { named.unwrap_or(txa.field(2)) } else { txa.field(2) }
}

/// Types of table 0270, with LOINC's code for the kind of note.
const TYPES: [(&str, &str, &str); 13] = [
    ("AR", "Autopsy report", "18743-5"),
    ("CD", "Cardiodiagnostics", ""),
    ("CN", "Consultation", "11488-4"),
    ("DI", "Diagnostic imaging", "18748-4"),
    ("DS", "Discharge summary", "18842-5"),
    ("ED", "Emergency department report", "34111-5"),
    ("HP", "History and physical examination", "34117-2"),
    ("OP", "Operative report", "11504-8"),
    ("PC", "Psychiatric consultation", "34788-0"),
    ("PN", "Procedure note", "28570-0"),
    ("PR", "Progress note", "11506-3"),
    ("SP", "Surgical pathology", "11526-1"),
    ("TS", "Transfer summary", "18761-7"),
];

fn known_type(code: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    TYPES.iter().find(|(known, ..)| *known == code)
}

/// The words of a type; a bare code of table 0270 has the table's.
fn type_words(field: Value<'_>) -> String {
    let said = words(field);
    match known_type(&said) {
        Some((_, words, _)) => (*words).to_string(),
        None => said,
    }
}

fn document_type(scope: &Scope<'_, '_>, o: &mut Object<'_>, field: Value<'_>) {
    let mut codings = scope.codings(field, "HL70270");
    // A site's own code may look the same; only one that stands for the table is translated.
    let of_table = codings.iter_mut().find(|c| c.system.ends_with("/v2-0270"));
    let found = of_table.and_then(|coding| {
        let found = known_type(&coding.code)?;
        if coding.display.is_empty() {
            coding.display = found.1.into();
        }
        Some(found)
    });
    if let Some((_, words, loinc)) = found {
        codings.push(Coding::new("http://loinc.org", *loinc, if loinc.is_empty() { "" } else { *words }));
    }
    let said = type_words(field);
    o.concept("type", &codings, if said.is_empty() { "unknown" } else { &said });
}

/// The title (TXA-25), else the file's name (TXA-16).
fn description(txa: Segment<'_>) -> String {
    let stated = [25, 16].map(|n| txa.field(n).text()).into_iter().find(|t| !t.is_empty());
    stated.unwrap_or_default().into_owned()
}

/// The text of all lines, and each document by itself, in the order of the message.
fn contents<'m>(scope: &Scope<'_, 'm>, txa: Segment<'m>, segments: &[Segment<'m>], out: &mut Mapped) -> Vec<Attachment> {
    let mut entries: Vec<Entry<'m>> = Vec::new();
    let mut documents = Documents::new(*scope.cx);
    let mut pointers = Vec::new();
    let mut is_text_first = true;
    let mut is_of_entry = false;
    for &segment in segments {
        match segment.name() {
            "OBX" => {
                let title = words(segment.field(3));
                let kind = segment.field(2).text().to_ascii_uppercase();
                is_of_entry = kind != "ED";
                match kind.as_str() {
                    "ED" => {
                        for value in segment.field(5).repetitions() {
                            if value.component(5).is_empty() {
                                continue;
                            }
                            if !documents.add(value, &title) {
                                scope.note(out, "attachment-decode", segment, "holds a document that cannot be decoded");
                            }
                        }
                        is_text_first &= !entries.is_empty();
                    }
                    "RP" if Attachment::is_pointer(segment.field(5)) => {
                        pointers.extend(segment.field(5).repetitions().filter_map(|v| Attachment::pointer(v, &title)))
                    }
                    _ => match entries.last_mut().filter(|last| last.goes_on_with(segment)) {
                        Some(last) => last.more.push(segment),
                        None => entries.push(Entry::new(segment)),
                    },
                }
            }
            "NTE" if is_of_entry => entries.last_mut().into_iter().for_each(|e| e.notes.push(segment)),
            "PRT" => {}
            _ => is_of_entry = false,
        }
    }
    let title = type_words(kind(txa, segments));
    let text = text_of(scope, &entries);
    let text = (!text.trim().is_empty()).then(|| Attachment::text(&text, &title));
    let mut all: Vec<Attachment> = documents.finish();
    if is_text_first {
        all.splice(0..0, text);
    } else {
        all.extend(text);
    }
    all.extend(pointers);
    all
}

/// Prose, or values with their names where they are not text.
fn text_of(scope: &Scope<'_, '_>, entries: &[Entry<'_>]) -> String {
    if entries.iter().all(Entry::is_text) {
        return prose(entries);
    }
    let lines: Vec<String> = entries
        .iter()
        .map(|e| if e.is_text() { e.text() } else { format!("{}: {}", words(e.code()), e.words(scope)) })
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.join("\n")
}
