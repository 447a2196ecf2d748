//! Orders: ORC and OBR of ORM, OMG, OML as ServiceRequest; orders of medicines go to `pharmacy`.
//!
//! Later messages about an order are versions of it, since placer numbers name it. OBX below an order are what the
//! orderer knew, and become observations.
//!
//! Not for: the patient and the visit (`patient`, `visit`), results (`results`).

use super::blocks::Block;
use super::group::Group;
use super::order::{State, authored, confidential, identifiers, name, reasons};
use super::pharmacy;
use super::results;
use super::scope::{Names, Scope, annotation, first_of, note_text};
use super::timing::Timing;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::Mapped;
use crate::mapping::fhir::Object;

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let scope = Scope::new(group);
    let mut names = Names::default();
    for block in Block::all(group) {
        if pharmacy::is_for(&block) {
            pharmacy::block(&scope, &block, &mut names, out);
        } else if block.orc.is_some() || block.obr.is_some() {
            service(&scope, &block, &mut names, out);
        }
    }
    results::map_observations(group, out);
}

impl State {
    /// ServiceRequest.status.
    fn of_request(self) -> &'static str {
        match self {
            State::Active => "active",
            State::OnHold => "on-hold",
            State::Cancelled | State::Stopped => "revoked",
            State::Completed => "completed",
            State::Unknown => "unknown",
        }
    }
}

/// Who ordered it: ORC-12, else OBR-16.
fn requester(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>) {
    let stated = [block.orc.map(|s| s.field(12)), block.obr.map(|s| s.field(16))].into_iter().flatten();
    if let Some(person) = first_of(stated) {
        scope.xcn(o, "requester", person);
    }
}

fn service(scope: &Scope<'_, '_>, block: &Block<'_>, names: &mut Names, out: &mut Mapped) {
    let Some(main) = block.obr.or(block.first("RQD")).or(block.first("ODS")).or(block.orc) else { return };
    let timing = Timing::of(scope, block);
    let id = names.unique("ServiceRequest", name(scope, block));
    let mut resource = scope.begin("ServiceRequest", &id, &confidential(block));
    let mut o = resource.object();
    identifiers(scope, &mut o, block);
    o.text("status", State::of(block.orc).of_request()).text("intent", "order");
    o.array("category", |list| {
        if let Some(obr) = block.obr {
            scope.concept_in(list, obr.field(24), "HL70074");
        }
    });
    o.text("priority", timing.priority);
    scope.concept(&mut o, "code", code(main), "");
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "encounter");
    occurrence(scope, &mut o, block, &timing);
    o.text("authoredOn", &authored(scope, block));
    requester(scope, &mut o, block);
    let reasons_stated: Vec<Value<'_>> = block.obr.map(|obr| obr.field(31)).into_iter().collect();
    reasons(scope, &mut o, block, &reasons_stated);
    o.array("note", |list| {
        let clinical = block.obr.map(|obr| obr.field(13).text().into_owned()).unwrap_or_default();
        annotation(list, &clinical);
        annotation(list, &note_text(&block.notes()));
    });
    o.text("patientInstruction", &timing.instruction);
    out.resources.push(resource.finish());
}

/// What was ordered: OBR-4, RQD-2, ODS-3; an ORC alone says nothing.
fn code<'m>(main: Segment<'m>) -> Value<'m> {
    match main.name() {
        "OBR" => main.field(4),
        "RQD" => first_of([2, 3, 4].map(|n| main.field(n))).unwrap_or(main.field(2)),
        "ODS" => main.field(3),
        _ => main.field(usize::MAX),
    }
}

/// When it shall be done: TQ1-7 and 8, else OBR-36, OBR-6.
fn occurrence(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>, timing: &Timing) {
    let stated = || block.obr.and_then(|obr| [36, 6].map(|n| scope.time_text(obr.field(n))).into_iter().find(|t| !t.is_empty()));
    match (timing.start.is_empty(), timing.end.is_empty()) {
        (_, false) => o.period("occurrencePeriod", &timing.start, &timing.end),
        (false, true) => o.text("occurrenceDateTime", &timing.start),
        (true, true) => o.text("occurrenceDateTime", &stated().unwrap_or_default()),
    };
}
