//! What the orders of all kinds share: what they are at, their numbers and names, when and why they were made.
//!
//! Not for: what was ordered (`orders`, `pharmacy`, `vaccine`).

use super::blocks::Block;
use super::scope::Scope;
use super::types::words;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::Object;

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
