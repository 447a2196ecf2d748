//! Documents (MDM), appointments (SIU) and charges (DFT).
//!
//! Not for: reports that hold values (`clinical`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::output::Output;
use super::super::records::{self, Records, labels, text};
use super::message::{Message, concept, confidentiality, number, plain, staff, time};
use super::registration::{restrict, short_pid, short_pv1};
use crate::synth::sink::Type;

pub(super) fn write(records: &Records<'_>, messages: &mut Vec<Message>, out: &mut Output) {
    for document in records.all(Type::DocumentReference) {
        messages.push(self::document(records, document));
    }
    for appointment in records.all(Type::Appointment) {
        messages.push(self::appointment(records, appointment));
    }
    for charge in records.all(Type::ChargeItem) {
        messages.push(self::charge(records, charge));
    }
    for kind in [Type::DocumentReference, Type::Appointment, Type::ChargeItem] {
        out.tell(kind, records.all(kind).len() as u64);
    }
}

/// Plain text goes line by line; anything else in one piece of base64.
fn document(records: &Records<'_>, document: &Value) -> Message {
    let of = |pointer: &str| text(document, pointer);
    let mut message = Message::new("MDM^T02^MDM_T02", of("/meta/lastUpdated"));
    message.segment("EVN", &[(2, time(of("/meta/lastUpdated")))]);
    short_pid(&mut message, records);
    short_pv1(&mut message, records, of("/context/encounter/0/reference"));
    let media = of("/content/0/attachment/contentType");
    let bytes = records.document(document);
    let data = match media {
        "application/pdf" => "^Application^PDF",
        "application/rtf" => "^Application^RTF",
        "text/html" => "^TEXT^HTML",
        "image/tiff" => "^Image^TIFF",
        _ => "",
    };
    let fields = [
        (1, "1".into()),
        (2, concept(&document["type"])),
        (3, if data.is_empty() { "TX".into() } else { "AP".into() }),
        (4, time(of("/context/period/start"))),
        (6, time(of("/date"))),
        (9, staff(records, &document["author"][0])),
        (12, number("D", document)),
        (17, "AU".into()),
        (18, confidentiality(&labels(document))),
        (19, "AV".into()),
        (25, plain(of("/content/0/attachment/title"))),
    ];
    message.segment("TXA", &fields);
    let obx = |set: usize, kind: &str, content: String| {
        [(1, set.to_string()), (2, kind.into()), (3, concept(&document["type"])), (5, content), (11, "F".into())]
    };
    if data.is_empty() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for (set, line) in (1..).zip(text.trim_end().split('\n')) {
            message.segment("OBX", &obx(set, "TX", plain(line)));
        }
    } else {
        message.segment("OBX", &obx(1, "ED", format!("{data}^Base64^{}", STANDARD.encode(&bytes))));
    }
    message
}

fn appointment(records: &Records<'_>, appointment: &Value) -> Message {
    let of = |pointer: &str| text(appointment, pointer);
    let mut message = Message::new("SIU^S12^SIU_S12", of("/meta/lastUpdated"));
    let fields = [
        (1, number("A", appointment)),
        (2, number("AF", appointment)),
        (6, format!("^{}", plain(of("/description")))),
        (11, format!("^^^{}^{}", time(of("/start")), time(of("/end")))),
        (25, "Complete".into()),
    ];
    message.segment("SCH", &fields);
    short_pid(&mut message, records);
    restrict(&mut message, appointment);
    message.segment("RGS", &[(1, "1".into())]);
    message.segment("AIP", &[(1, "1".into()), (3, staff(records, &appointment["participant"][1]["actor"]))]);
    message
}

fn charge(records: &Records<'_>, charge: &Value) -> Message {
    let of = |pointer: &str| text(charge, pointer);
    let mut message = Message::new("DFT^P03^DFT_P03", of("/meta/lastUpdated"));
    message.segment("EVN", &[(2, time(of("/meta/lastUpdated")))]);
    short_pid(&mut message, records);
    short_pv1(&mut message, records, of("/context/reference"));
    let amount = format!("{}&{}", records::number(charge, "/priceOverride/value"), of("/priceOverride/currency"));
    let fields = [
        (1, "1".into()),
        (2, number("C", charge).replace("^SOH", "")),
        (4, time(of("/occurrenceDateTime"))),
        (5, time(of("/enteredDate"))),
        (6, "CG".into()),
        (7, concept(&charge["code"])),
        (11, amount),
    ];
    message.segment("FT1", &fields);
    // The ledger's own line, which no standard has a place for.
    message.segment("ZFT", &[(1, "1".into()), (2, "POSTED".into())]);
    message
}
