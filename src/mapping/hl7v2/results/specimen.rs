//! SPM as Specimen, and the older OBR-15.
//!
//! Not for: containers (SAC), which stay in the message.

use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::decimal;

use super::super::scope::Scope;
use super::super::types::words;
use super::value::Unit;

/// The id of a specimen: its number at the laboratory, else the one it was sent with, else its place below a report.
pub(super) fn id(scope: &Scope<'_, '_>, spm: Segment<'_>, report: &str) -> String {
    let [authority, number] = number(scope, spm);
    if !number.is_empty() {
        return scope.name(&["specimen", &authority, &number]);
    }
    let place = spm.field(1).text();
    if report.is_empty() { String::new() } else { scope.name(&["specimen", report, if place.is_empty() { "1" } else { &place }]) }
}

/// SPM-2 holds both numbers as components, each an identifier in subcomponents.
fn number(scope: &Scope<'_, '_>, spm: Segment<'_>) -> [String; 2] {
    let both = [2, 1].map(|n| spm.field(2).component(n));
    let stated = both.into_iter().find(|n| !n.is_empty()).unwrap_or(spm.field(2));
    [scope.authority(&stated.sub(2).text(), &stated.sub(3).text()), stated.sub(1).text().into_owned()]
}

/// What a specimen is, in words.
pub(super) fn display(spm: Segment<'_>) -> String {
    words(spm.field(4))
}

/// The words of an OBR-15: the name of a specimen's type, in the parts of a CWE or in one component.
pub(super) fn display_of_source(source: Value<'_>) -> String {
    let parts = [source.sub(9), source.sub(2), source.sub(1)];
    parts.into_iter().map(|p| p.text()).find(|t| !t.is_empty()).unwrap_or_default().into_owned()
}

pub(super) fn write(scope: &Scope<'_, '_>, spm: Segment<'_>, id: &str) -> Vec<u8> {
    let mut resource = scope.begin("Specimen", id, &[]);
    let mut o = resource.object();
    o.array("identifier", |list| {
        for (component, kind) in [(1, "PLAC"), (2, "FILL")] {
            let stated = spm.field(2).component(component);
            list.object(|o| {
                let value = stated.sub(1).text();
                if !value.is_empty() {
                    let kind = crate::mapping::systems::Coding::new("http://terminology.hl7.org/CodeSystem/v2-0203", kind, "");
                    let system = scope.identifier_system(&stated.sub(2).text(), &stated.sub(3).text(), &stated.sub(4).text());
                    o.concept("type", &[kind], "").text("system", &system).text("value", &value);
                }
            });
        }
    });
    let is_rejected = !spm.field(21).is_empty();
    o.text(
        "status",
        match (is_rejected, spm.field(20).text().as_ref()) {
            (true, _) => "unsatisfactory",
            (_, "N") => "unavailable",
            (_, "Y") => "available",
            _ => "",
        },
    );
    scope.concept(&mut o, "type", spm.field(4), "HL70487");
    scope.subject(&mut o, "subject");
    o.text("receivedTime", &scope.time_text(spm.field(18)));
    o.object("collection", |o| {
        let taken = spm.field(17);
        let (start, end) = (scope.time_text(taken), scope.time_text(taken.component(2)));
        if end.is_empty() {
            o.text("collectedDateTime", &start);
        } else {
            o.period("collectedPeriod", &start, &end);
        }
        if let Some(amount) = decimal(&spm.field(12).text()) {
            let unit = spm.field(12).component(2);
            o.object("quantity", |q| {
                q.number("value", &amount);
                q.text("unit", &Unit::of_parts(unit).words);
            });
        }
        scope.concept(o, "method", spm.field(7), "HL70488");
        scope.concept(o, "bodySite", spm.field(8), "");
    });
    o.array("condition", |list| {
        for condition in [21, 24].into_iter().flat_map(|n| spm.field(n).repetitions()) {
            scope.concept_in(list, condition, "HL70493");
        }
    });
    o.array("note", |list| super::super::scope::annotation(list, &super::super::scope::lines(spm.field(14))));
    resource.finish()
}
