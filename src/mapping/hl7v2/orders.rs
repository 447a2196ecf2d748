//! Orders: ORC and OBR of ORM, OMG, OML as ServiceRequest; orders of medicines go to `pharmacy`.
//!
//! Later messages about an order are versions of it, since placer numbers name it. OBX below an order are what the
//! orderer knew, and become observations.
//!
//! Not for: the patient and the visit (`patient`, `visit`), results (`results`).

use super::blocks::Block;
use super::group::Group;
use super::pharmacy;
use super::results;
use super::scope::{Names, Scope, annotation, first_of, note_text};
use super::timing::Timing;
use super::types::words;
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

/// What an order is at: ORC-1 says what is done to it now, ORC-5 what has become of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Active,
    OnHold,
    Cancelled,
    Stopped,
    Completed,
    Unknown,
}

impl State {
    pub fn of(orc: Option<Segment<'_>>) -> State {
        let (control, status) = orc.map_or_else(Default::default, |orc| (orc.field(1).text(), orc.field(5).text()));
        match (control.as_ref(), status.as_ref()) {
            ("CA" | "CR" | "OC" | "UA" | "UC", _) => State::Cancelled,
            ("DC" | "DR" | "OD" | "DF", _) => State::Stopped,
            ("HD" | "HR" | "OH", _) => State::OnHold,
            (_, "CA") => State::Cancelled,
            (_, "DC" | "RP") => State::Stopped,
            (_, "HD") => State::OnHold,
            (_, "CM") => State::Completed,
            (_, "A" | "IP" | "SC") => State::Active,
            ("RP" | "RU" | "RO" | "RQ", _) if control != "RO" => State::Stopped,
            (_, "ER") => State::Unknown,
            (
                "NW" | "OK" | "XO" | "XX" | "XR" | "RL" | "OE" | "OR" | "RO" | "PA" | "CH" | "SC" | "SN" | "NA" | "RF" | "AF",
                _,
            ) => State::Active,
            ("RE", _) => State::Completed,
            _ => State::Unknown,
        }
    }

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

/// Placer and filler number of a block: those of its OBR, else of its ORC.
pub(super) fn numbers<'m>(block: &Block<'m>) -> (Option<Value<'m>>, Option<Value<'m>>) {
    let of = |n: usize| {
        let both = [block.obr, block.orc].into_iter().flatten().map(move |s| s.field(n));
        both.into_iter().find(|v| !v.text().is_empty())
    };
    (of(2), of(3))
}

/// The name of an order: the placer's number, else the filler's.
pub(super) fn name(scope: &Scope<'_, '_>, block: &Block<'_>) -> String {
    match numbers(block) {
        (Some(placer), _) => scope.name_of_order("placer", placer, &[]),
        (None, Some(filler)) => scope.name_of_order("filler", filler, &[]),
        (None, None) => String::new(),
    }
}

pub(super) fn identifiers(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>) {
    let (placer, filler) = numbers(block);
    let group = block.orc.map(|orc| orc.field(4)).filter(|v| !v.is_empty());
    o.array("identifier", |list| {
        for (number, kind) in [(placer, "PLAC"), (filler, "FILL"), (group, "PGN")] {
            if let Some(number) = number {
                scope.ei(list, number, kind);
            }
        }
    });
}

/// The codes of confidentiality of an order.
pub(super) fn confidential<'m>(block: &Block<'m>) -> Vec<Value<'m>> {
    block.orc.map(|orc| orc.field(28)).into_iter().collect()
}

/// When it was ordered: ORC-9, else what the message says of itself.
pub(super) fn authored(scope: &Scope<'_, '_>, block: &Block<'_>) -> String {
    block.orc.map(|orc| scope.time_text(orc.field(9))).unwrap_or_default()
}

/// Who ordered it: ORC-12, else OBR-16.
pub(super) fn requester(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>) {
    let stated = [block.orc.map(|s| s.field(12)), block.obr.map(|s| s.field(16))].into_iter().flatten();
    if let Some(person) = first_of(stated) {
        scope.xcn(o, "requester", person);
    }
}

/// Why: codes of OBR-31 and the diagnoses below the order.
pub(super) fn reasons(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>, stated: &[Value<'_>]) {
    o.array("reasonCode", |list| {
        for reason in stated.iter().flat_map(Value::repetitions) {
            scope.concept_in(list, reason, "");
        }
        for diagnosis in block.all_of("DG1") {
            let code = diagnosis.field(3);
            let words = if words(code).is_empty() { diagnosis.field(4).text().into_owned() } else { words(code) };
            list.concept(&scope.codings(code, ""), &words);
        }
    });
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
