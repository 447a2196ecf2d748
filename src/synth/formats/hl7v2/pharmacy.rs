//! Medicines: orders (RDE), what was handed out (RDS) and given (RAS).
//!
//! What a patient says he takes has no message: such lists stayed in the old system's screens.
//!
//! Not for: vaccines (`clinical`).

use serde_json::Value;

use super::super::output::Output;
use super::super::records::{self, Records, labels, text};
use super::message::{Message, concept, confidentiality, number, plain, staff, time};
use super::registration::{short_pid, short_pv1};
use crate::synth::sink::Type;

pub(super) fn write(records: &Records<'_>, messages: &mut Vec<Message>, out: &mut Output) {
    for order in records.all(Type::MedicationRequest) {
        messages.push(ordered(records, order));
    }
    for dispense in records.all(Type::MedicationDispense) {
        messages.push(handed_out(records, dispense));
    }
    for dose in records.all(Type::MedicationAdministration) {
        messages.push(given(records, dose));
    }
    for kind in [Type::MedicationRequest, Type::MedicationDispense, Type::MedicationAdministration] {
        out.tell(kind, records.all(kind).len() as u64);
    }
}

fn begin(kind: &'static str, records: &Records<'_>, record: &Value, visit: &str) -> Message {
    let mut message = Message::new(kind, text(record, "/meta/lastUpdated"));
    short_pid(&mut message, records);
    short_pv1(&mut message, records, visit);
    message
}

fn ordered(records: &Records<'_>, order: &Value) -> Message {
    let of = |pointer: &str| text(order, pointer);
    let mut message = begin("RDE^O11^RDE_O11", records, order, of("/encounter/reference"));
    let (control, status) = match of("/status") {
        "stopped" => ("DC", "DC"),
        "completed" => ("SC", "CM"),
        _ => ("NW", "IP"),
    };
    let fields = [
        (1, control.into()),
        (2, number("RX", order)),
        (5, status.into()),
        (9, time(of("/authoredOn"))),
        (12, staff(records, &order["requester"])),
        (28, confidentiality(&labels(order))),
    ];
    message.segment("ORC", &fields);
    let repeats = records::number(order, "/dispenseRequest/numberOfRepeatsAllowed");
    let fields = [
        (2, concept(records.medicine(order))),
        (7, format!("^{}", plain(of("/dosageInstruction/0/text")))),
        (10, records::number(order, "/dispenseRequest/quantity/value")),
        (12, repeats),
    ];
    message.segment("RXE", &fields);
    let pattern = match records::number(order, "/dosageInstruction/0/timing/repeat/frequency").as_str() {
        "1" => "QD",
        "2" => "BID",
        "3" => "TID",
        "4" => "QID",
        _ => "",
    };
    if !pattern.is_empty() {
        message.segment("TQ1", &[(1, "1".into()), (3, pattern.into())]);
    }
    message
}

/// The pharmacy numbers what it hands out; the order's number stands beside.
fn handed_out(records: &Records<'_>, dispense: &Value) -> Message {
    let of = |pointer: &str| text(dispense, pointer);
    let prescription = records.target(Type::MedicationRequest, of("/authorizingPrescription/0/reference"));
    let visit = prescription.map_or("", |order| text(order, "/encounter/reference"));
    let mut message = begin("RDS^O13^RDS_O13", records, dispense, visit);
    let fields = [
        (1, "RE".into()),
        (2, prescription.map(|order| number("RX", order)).unwrap_or_default()),
        (3, number("RD", dispense)),
        (28, confidentiality(&labels(dispense))),
    ];
    message.segment("ORC", &fields);
    let fields = [
        (1, "1".into()),
        (2, concept(records.medicine(dispense))),
        (3, time(of("/whenHandedOver"))),
        (4, records::number(dispense, "/quantity/value")),
        (7, number("RD", dispense).replace("^SOH", "")),
        (15, format!("^{}", plain(of("/dosageInstruction/0/text")))),
    ];
    message.segment("RXD", &fields);
    message
}

fn given(records: &Records<'_>, dose: &Value) -> Message {
    let of = |pointer: &str| text(dose, pointer);
    let mut message = begin("RAS^O17^RAS_O17", records, dose, of("/context/reference"));
    let fields = [(1, "RE".into()), (3, number("RA", dose)), (28, confidentiality(&labels(dose)))];
    message.segment("ORC", &fields);
    let fields = [
        (1, "0".into()),
        (2, "1".into()),
        (3, time(of("/effectiveDateTime"))),
        (5, concept(records.medicine(dose))),
        (6, records::number(dose, "/dosage/dose/value")),
        (7, plain(of("/dosage/dose/unit"))),
        (9, plain(of("/note/0/text"))),
        (10, staff(records, &dose["performer"][0]["actor"])),
        (20, "CP".into()),
    ];
    message.segment("RXA", &fields);
    message.segment("RXR", &[(1, concept(&dose["dosage"]["route"]))]);
    message
}
