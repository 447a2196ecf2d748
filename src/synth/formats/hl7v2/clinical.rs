//! Results, vital signs and vaccines: ORU and VXU messages.
//!
//! Not for: documents (`papers`), medicines (`pharmacy`).

use serde_json::Value;

use super::super::output::Output;
use super::super::records::{self, Records, labels, list, text};
use super::message::{Message, concept, confidentiality, number, parts, plain, staff, time};
use super::registration::{restrict, short_pid, short_pv1};
use crate::synth::sink::Type;

/// Values in one message at most: a monitor writes thousands.
const VALUES: usize = 400;

pub(super) fn write(records: &Records<'_>, messages: &mut Vec<Message>, out: &mut Output) {
    for order in records.all(Type::ServiceRequest) {
        results(records, order, messages, out);
    }
    nursing(records, messages, out);
    for given in records.all(Type::Immunization) {
        messages.push(vaccine(records, given));
    }
    out.tell(Type::Immunization, records.all(Type::Immunization).len() as u64);
    out.tell(Type::Specimen, records.all(Type::Specimen).len() as u64);
}

/// What an order led to. A value that was corrected was first reported wrong.
fn results(records: &Records<'_>, order: &Value, messages: &mut Vec<Message>, out: &mut Output) {
    let placed = format!("ServiceRequest/{}", text(order, "/id"));
    let is_of = |record: &&Value| list(record, "/basedOn").iter().any(|r| text(r, "/reference") == placed);
    let values: Vec<&Value> = records.all(Type::Observation).iter().filter(is_of).collect();
    let report = records.all(Type::DiagnosticReport).iter().find(is_of);
    let Some(last) = report.or(values.last().copied()) else { return };
    out.tell(Type::DiagnosticReport, 1);
    out.tell(Type::Observation, values.len() as u64);
    if values.iter().any(|value| text(value, "/status") == "corrected") {
        messages.push(report_message(records, order, report, &values, text(values[0], "/effectiveDateTime"), true));
    }
    messages.push(report_message(records, order, report, &values, text(last, "/issued"), false));
}

fn report_message(
    records: &Records<'_>,
    order: &Value,
    report: Option<&Value>,
    values: &[&Value],
    sent: &str,
    is_first: bool,
) -> Message {
    let mut message = Message::new("ORU^R01^ORU_R01", sent);
    short_pid(&mut message, records);
    short_pv1(&mut message, records, text(order, "/encounter/reference"));
    let (placer, filler) = (number("P", order), number("F", report.or(values.first().copied()).unwrap_or(order)));
    let fields =
        [(1, "RE".into()), (2, placer.clone()), (3, filler.clone()), (5, "CM".into()), (28, confidentiality(&labels(order)))];
    message.segment("ORC", &fields);
    let taken = report.or(values.first().copied()).map_or("", |r| text(r, "/effectiveDateTime"));
    let section = report.map_or("LAB", |r| text(r, "/category/0/coding/0/code"));
    let was_corrected = values.iter().any(|value| text(value, "/status") == "corrected");
    let fields = [
        (1, "1".into()),
        (2, placer),
        (3, filler),
        (4, concept(&order["code"])),
        (7, time(taken)),
        (16, staff(records, &order["requester"])),
        (22, time(sent)),
        (24, section.into()),
        (25, if was_corrected && !is_first { "C".into() } else { "F".into() }),
    ];
    message.segment("OBR", &fields);
    let conclusion = report.map_or("", |r| text(r, "/conclusion"));
    if values.is_empty() {
        impression(&mut message, order, conclusion);
    } else if !conclusion.is_empty() {
        message.segment("NTE", &[(1, "1".into()), (2, "L".into()), (3, plain(conclusion))]);
    }
    for (set, value) in (1..).zip(values) {
        observation(&mut message, set, value, is_first);
    }
    let specimen = values.first().map_or("", |value| text(value, "/specimen/reference"));
    if let Some(specimen) = records.target(Type::Specimen, specimen) {
        self::specimen(&mut message, specimen);
    }
    message
}

/// What the radiologist dictated.
fn impression(message: &mut Message, order: &Value, conclusion: &str) {
    let code = &order["code"]["coding"][0];
    let code = format!("{}&IMP^{}^LN", text(code, "/code"), plain(text(code, "/display")));
    message.segment("OBX", &[(1, "1".into()), (2, "TX".into()), (3, code), (5, plain(conclusion)), (11, "F".into())]);
}

/// One value, or each part of one that has parts.
fn observation(message: &mut Message, set: usize, value: &Value, is_first: bool) {
    let is_corrected = text(value, "/status") == "corrected";
    let status = if is_corrected && !is_first { "C" } else { "F" };
    let time = time(text(value, "/effectiveDateTime"));
    let (kind, content, unit) = content(value, is_corrected && is_first);
    let flag = text(value, "/interpretation/0/coding/0/code");
    let is_lab = text(value, "/category/0/coding/0/code") == "laboratory";
    let laboratory = if is_lab { "Saint Odile Laboratory" } else { "" };
    let fields = [
        (1, format!("{set}")),
        (2, kind.into()),
        (3, concept(&value["code"])),
        (5, content),
        (6, unit),
        (7, range(value)),
        (8, flag.into()),
        (11, status.into()),
        (13, confidentiality(&labels(value))),
        (14, time),
        (23, laboratory.into()),
    ];
    message.segment("OBX", &fields);
    let note = text(value, "/note/0/text");
    if !note.is_empty() && !is_first {
        message.segment("NTE", &[(1, "1".into()), (2, "L".into()), (3, plain(note))]);
    }
}

/// Type, value and unit. `is_wrong` gives a value that will be corrected.
fn content(value: &Value, is_wrong: bool) -> (&'static str, String, String) {
    if let Some(quantity) = value.get("valueQuantity") {
        let number = records::number(quantity, "/value");
        let number = if is_wrong { format!("1{number}") } else { number };
        let unit = parts([text(quantity, "/code"), text(quantity, "/unit"), "UCUM"]);
        return match text(quantity, "/comparator") {
            "" => ("NM", number, unit),
            comparator => ("SN", format!("{}^{number}", plain(comparator)), unit),
        };
    }
    match value.get("valueCodeableConcept") {
        Some(coded) => ("CWE", concept(coded), String::new()),
        None => ("ST", plain(text(value, "/valueString")), String::new()),
    }
}

fn range(value: &Value) -> String {
    let bound = |side: &str| records::number(value, &format!("/referenceRange/0/{side}/value"));
    match (bound("low"), bound("high")) {
        (low, high) if low.is_empty() && high.is_empty() => String::new(),
        (low, high) => format!("{low}-{high}"),
    }
}

fn specimen(message: &mut Message, specimen: &Value) {
    let accession = text(specimen, "/accessionIdentifier/value");
    let fields = [
        (1, "1".into()),
        (2, format!("^{accession}&SOHL")),
        (4, concept(&specimen["type"])),
        (17, time(text(specimen, "/collection/collectedDateTime"))),
        (18, time(text(specimen, "/receivedTime"))),
        (20, "Y".into()),
    ];
    message.segment("SPM", &fields);
}

/// What the nurses wrote down at a visit: vital signs, and habits below a heading of their own.
fn nursing(records: &Records<'_>, messages: &mut Vec<Message>, out: &mut Output) {
    let is_ours = |value: &&Value| list(value, "/basedOn").is_empty();
    let values: Vec<&Value> = records.all(Type::Observation).iter().filter(is_ours).collect();
    for visit in values.chunk_by(|a, b| text(a, "/encounter/reference") == text(b, "/encounter/reference")) {
        for some in visit.chunks(VALUES) {
            let (social, vital): (Vec<&Value>, Vec<&Value>) =
                some.iter().copied().partition(|value| text(value, "/category/0/coding/0/code") == "social-history");
            messages.push(nursing_message(records, &vital, &social, out));
        }
    }
}

fn nursing_message(records: &Records<'_>, vital: &[&Value], social: &[&Value], out: &mut Output) -> Message {
    let last = vital.iter().chain(social).max_by_key(|value| text(value, "/effectiveDateTime")).copied().unwrap_or(&Value::Null);
    let mut message = Message::new("ORU^R01^ORU_R01", text(last, "/effectiveDateTime"));
    short_pid(&mut message, records);
    short_pv1(&mut message, records, text(last, "/encounter/reference"));
    restrict(&mut message, last);
    for (values, code, section) in [(vital, "8716-3^Vital signs^LN", "VS"), (social, "29762-2^Social history^LN", "OTH")] {
        let Some(first) = values.first() else { continue };
        out.tell(Type::DiagnosticReport, 1);
        let fields = [
            (1, "1".into()),
            (3, number("N", first)),
            (4, code.into()),
            (7, time(text(first, "/effectiveDateTime"))),
            (24, section.into()),
            (25, "F".into()),
        ];
        message.segment("OBR", &fields);
        for (set, value) in (1..).zip(values.iter().flat_map(|value| with_parts(value))) {
            observation(&mut message, set, &value, false);
            out.tell(Type::Observation, 1);
        }
    }
    message
}

/// A value with components, such as a blood pressure, as one value for each.
fn with_parts(value: &Value) -> Vec<Value> {
    let parts = list(value, "/component");
    if parts.is_empty() {
        return vec![value.clone()];
    }
    let part = |part: &Value| {
        let mut whole = value.clone();
        whole["code"] = part["code"].clone();
        whole["valueQuantity"] = part["valueQuantity"].clone();
        whole
    };
    parts.iter().map(part).collect()
}

fn vaccine(records: &Records<'_>, given: &Value) -> Message {
    let of = |pointer: &str| text(given, pointer);
    let mut message = Message::new("VXU^V04^VXU_V04", of("/meta/lastUpdated"));
    short_pid(&mut message, records);
    short_pv1(&mut message, records, of("/encounter/reference"));
    message.segment("ORC", &[(1, "RE".into()), (3, number("V", given))]);
    let refused = of("/status") == "not-done";
    let fields = [
        (1, "0".into()),
        (2, "1".into()),
        (3, time(of("/occurrenceDateTime"))),
        (5, concept(&given["vaccineCode"])),
        (6, "999".into()),
        (9, "00^New immunization record^NIP001".into()),
        (15, plain(of("/lotNumber"))),
        (18, if refused { "03^Patient decision^NIP002".into() } else { String::new() }),
        (20, if refused { "RE".into() } else { "CP".into() }),
        (21, "A".into()),
    ];
    message.segment("RXA", &fields);
    message
}
