//! From HL7 v2 messages to FHIR R4, after the v2-to-FHIR guide where it says something.
//!
//! No well-formed message is refused: of a kind that is not mapped, without a patient, or with a merge that makes no
//! sense, it is archived with what could be made of it, and a finding says so.
//!
//! Not for: reading messages (`formats::hl7v2`), order among messages (`ingest` goes by `meta.lastUpdated`).

mod documents;
mod financial;
mod group;
mod orders;
mod pharmacy;
mod results;
mod rules;
mod schedule;
mod types;
mod vaccine;

use std::ops::Range;

pub use rules::Rules;

use self::group::Group;
use super::{Context, Cutter, Fate, Mapped};
use crate::formats::hl7v2::{Message, Splitter};
use crate::model::Finding;

impl Cutter for Splitter {
    fn cut(&mut self, buffer: &[u8], is_last: bool, items: &mut Vec<Range<usize>>) -> usize {
        Splitter::cut(self, buffer, is_last, items)
    }
}

/// Maps one message.
pub fn map(bytes: &[u8], rules: &Rules, cx: &Context<'_>) -> Mapped {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(fault) => {
            let fate = Fate::Quarantined(format!("{}: {fault}", fault.code()));
            return Mapped { kind: "hl7v2".into(), fate, ..Mapped::default() };
        }
    };
    let (code, event) = message.code_and_event();
    let units = u32::try_from(message.segments().len()).unwrap_or(u32::MAX);
    let mut out = Mapped { kind: kind(&code, &event), units, findings: message.findings().to_vec(), ..Mapped::default() };
    for group in Group::all(&message, rules, cx) {
        dispatch(&group, &mut out);
    }
    out
}

/// `hl7v2:ORU^R01`; names from outside are kept short and plain.
fn kind(code: &str, event: &str) -> String {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).take(8).collect::<String>().to_ascii_uppercase();
    let (code, event) = (plain(code), plain(event));
    if event.is_empty() { format!("hl7v2:{code}") } else { format!("hl7v2:{code}^{event}") }
}

/// Who maps what stands behind the patient and the visit.
fn dispatch(group: &Group<'_>, out: &mut Mapped) {
    match group.code.as_str() {
        "ADT" | "BAR" | "ORU" | "OUL" | "REF" => results::map(group, out),
        "MDM" => documents::map(group, out),
        "ORM" | "OMG" | "OML" | "OMI" | "ORR" | "OSR" => orders::map(group, out),
        "OMP" | "RDE" | "RDS" | "RAS" | "RGV" => pharmacy::map(group, out),
        "VXU" => vaccine::map(group, out),
        "SIU" => schedule::map(group, out),
        "DFT" => financial::map(group, out),
        _ => out.findings.push(Finding {
            code: "unknown-type",
            offset: 0,
            note: "a kind of message of which no records are made; kept as it is".into(),
        }),
    }
}
