//! OBX as Observation.
//!
//! Not for: values (`value`), documents and lines of reports (`report`).

use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::{Array, Object, decimal};
use crate::mapping::systems::Coding;

use super::super::scope::{Scope, annotation, lines, note_text};
use super::super::types::words;
use super::codes::{self, Section};
use super::range;
use super::value::{self, Answer, Unit};

/// One thing observed: an OBX, with further OBX that hold more lines of the same text.
pub(in super::super) struct Entry<'m> {
    pub obx: Segment<'m>,
    pub more: Vec<Segment<'m>>,
    pub notes: Vec<Segment<'m>>,
}

/// What an observation takes from the report around it.
pub(super) struct Around<'b> {
    pub section: Section,
    /// When it was observed, for an OBX that does not say.
    pub effective: &'b str,
    pub issued: &'b str,
    /// The status letter of the report, for an OBX that has none.
    pub status: &'b str,
    /// Specimen: id and words.
    pub specimen: (&'b str, &'b str),
    /// The id of the observation that this one was made because of.
    pub parent: &'b str,
}

impl<'m> Entry<'m> {
    pub fn new(obx: Segment<'m>) -> Entry<'m> {
        Entry { obx, more: Vec::new(), notes: Vec::new() }
    }

    /// The type of the value.
    pub fn kind(&self) -> String {
        kind(self.obx)
    }

    pub fn code(&self) -> Value<'m> {
        self.obx.field(3)
    }

    pub fn is_text(&self) -> bool {
        matches!(self.kind().as_str(), "TX" | "FT" | "ST" | "")
    }

    /// TX and FT are written for reading.
    pub fn is_prose(&self) -> bool {
        matches!(self.kind().as_str(), "TX" | "FT") || !self.more.is_empty()
    }

    /// All lines; blank ones are kept within.
    pub fn text(&self) -> String {
        let all = std::iter::once(&self.obx).chain(&self.more);
        let texts: Vec<String> = all.map(|obx| lines(obx.field(5))).collect();
        texts.join("\n").trim_end().to_string()
    }

    /// Whether `obx` goes on with the text of this entry.
    pub fn goes_on_with(&self, obx: Segment<'_>) -> bool {
        let kind = kind(obx);
        let last = self.more.last().unwrap_or(&self.obx);
        if kind != self.kind() || !matches!(kind.as_str(), "TX" | "FT" | "ST") || last.field(3).raw() != obx.field(3).raw() {
            return false;
        }
        if is_withdrawn(*last) != is_withdrawn(obx) {
            return false;
        }
        // A short text with a flag, a unit or a time of its own is a result.
        let is_plain = |s: &Segment<'_>| [6, 7, 8].iter().all(|&n| s.field(n).is_empty());
        kind != "ST" || (is_plain(last) && is_plain(&obx) && [11, 14].iter().all(|&n| last.field(n).raw() == obx.field(n).raw()))
    }

    /// The value in words: for documents and notes.
    pub fn words(&self, scope: &Scope<'_, '_>) -> String {
        if self.is_text() {
            return self.text();
        }
        let unit = Unit::of(self.obx.field(6));
        let answers = self.obx.field(5).repetitions().filter_map(|v| value::read(&self.kind(), v, scope));
        answers.map(|a| a.words(&unit)).collect::<Vec<_>>().join(", ")
    }
}

/// Deleted, or said to belong to another patient.
pub(super) fn is_withdrawn(obx: Segment<'_>) -> bool {
    matches!(obx.field(11).text().as_ref(), "D" | "W")
}

fn kind(obx: Segment<'_>) -> String {
    obx.field(2).text().to_ascii_uppercase()
}

/// The resource. A result that belongs to another patient (`W`) keeps its name and loses its value.
pub(super) fn write(scope: &Scope<'_, '_>, entry: &Entry<'_>, around: &Around<'_>, id: &str) -> Vec<u8> {
    let obx = entry.obx;
    let letter = obx.field(11).text().to_ascii_uppercase();
    let letter = if letter.is_empty() { around.status.to_string() } else { letter };
    let answers = if letter == "W" { Vec::new() } else { answers(scope, entry) };
    let codings = scope.codings(entry.code(), "");
    let mut resource = scope.begin("Observation", id, &[obx.field(13)]);
    let mut o = resource.object();
    o.array("identifier", |list| scope.ei(list, obx.field(21), ""));
    o.text("status", codes::observation_status(&letter, !answers.is_empty()));
    o.array("category", |list| list.concept(category(obx, &codings, around.section).as_slice(), ""));
    scope.required_concept(&mut o, "code", entry.code(), "");
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "encounter");
    let observed = scope.time_text(obx.field(14));
    o.text("effectiveDateTime", if observed.is_empty() { around.effective } else { &observed });
    o.text("issued", around.issued);
    performers(scope, &mut o, obx);
    let unit = Unit::of(obx.field(6));
    match answers.as_slice() {
        [answer] => answer.write(&unit, &mut o),
        [] => absent(&mut o, &letter),
        _ => {}
    }
    interpretation(scope, &mut o, obx);
    o.array("note", |list| annotation(list, &note_text(&entry.notes)));
    scope.concept(&mut o, "bodySite", obx.field(20), "");
    scope.concept(&mut o, "method", obx.field(17), "");
    o.reference("specimen", "Specimen", around.specimen.0, around.specimen.1);
    o.object("device", |o| {
        let device = obx.field(18);
        let name = [device.text(), device.component(2).text()];
        o.text("display", &name.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" "));
    });
    ranges(&mut o, obx.field(7), &unit);
    o.array("derivedFrom", |list| {
        if !around.parent.is_empty() {
            list.reference("Observation", around.parent, "");
        }
    });
    if answers.len() > 1 {
        o.array("component", |list| {
            for answer in &answers {
                list.object(|o| {
                    scope.required_concept(o, "code", entry.code(), "");
                    answer.write(&unit, o);
                });
            }
        });
    }
    resource.finish()
}

/// Text is one value however many lines it has; of other types each repetition is a value.
fn answers(scope: &Scope<'_, '_>, entry: &Entry<'_>) -> Vec<Answer> {
    if entry.is_text() {
        let text = entry.text();
        let is_null = entry.more.is_empty() && entry.obx.field(5).is_null();
        return if text.trim().is_empty() || is_null { Vec::new() } else { vec![Answer::Text(text)] };
    }
    let kind = entry.kind();
    entry.obx.field(5).repetitions().filter_map(|v| value::read(&kind, v, scope)).collect()
}

fn category(obx: Segment<'_>, codings: &[Coding], section: Section) -> Option<Coding> {
    let is_one = |known: fn(&str) -> bool| codings.iter().any(|c| c.system == "http://loinc.org" && known(&c.code));
    // Below no report, a weight or a pressure is the patient's own, whatever the site calls it.
    let is_vital = is_one(codes::is_vital_sign)
        || (section == Section::Unknown && codings.iter().any(|c| codes::is_named_vital(&c.code, &c.display)));
    match obx.field(29).text().as_ref() {
        "QST" => Some(codes::survey()),
        _ if is_one(codes::is_social) => Some(codes::social()),
        _ if is_vital => Section::Vitals.of_observation(),
        _ => section.of_observation(),
    }
}

/// Why there is no value.
fn absent(o: &mut Object<'_>, letter: &str) {
    let code = match letter {
        "N" => "not-asked",
        "X" => "not-performed",
        "I" | "O" | "P" | "R" | "S" => "temp-unknown",
        _ => "unknown",
    };
    o.concept("dataAbsentReason", &[Coding::new("http://terminology.hl7.org/CodeSystem/data-absent-reason", code, "")], "");
}

fn performers(scope: &Scope<'_, '_>, o: &mut Object<'_>, obx: Segment<'_>) {
    o.array("performer", |list| {
        producer(scope, list, obx);
        for person in obx.field(16).repetitions() {
            scope.xcn_in(list, person);
        }
    });
}

/// The laboratory: OBX-23, else the older OBX-15.
pub(super) fn producer(scope: &Scope<'_, '_>, list: &mut Array<'_>, obx: Segment<'_>) {
    if obx.field(23).is_empty() {
        list.reference("Organization", "", &words(obx.field(15)));
    } else {
        list.object(|o| scope.xon_members(o, obx.field(23)));
    }
}

fn interpretation(scope: &Scope<'_, '_>, o: &mut Object<'_>, obx: Segment<'_>) {
    o.array("interpretation", |list| {
        for flag in obx.field(8).repetitions().filter(|f| !f.is_null()) {
            let mut codings = scope.codings(flag, "HL70078");
            if let Some(known) = codes::flag(&flag.text()) {
                codings.retain(|c| !c.system.ends_with("v2-0078"));
                codings.insert(0, known);
            }
            let words = if flag.component(2).is_empty() { String::new() } else { words(flag) };
            list.concept(&codings, &words);
        }
    });
}

fn ranges(o: &mut Object<'_>, field: Value<'_>, unit: &Unit) {
    o.array("referenceRange", |list| {
        for printed in field.repetitions().filter(|r| !r.is_null()) {
            let text = printed.whole();
            let (low, high) = range::bounds(&text).unwrap_or_default();
            list.object(|o| {
                for (key, bound) in [("low", low), ("high", high)] {
                    o.object(key, |o| {
                        if let Some(number) = bound.and_then(decimal) {
                            o.number("value", &number);
                            unit.write(o);
                        }
                    });
                }
                o.text("text", &text);
            });
        }
    });
}
