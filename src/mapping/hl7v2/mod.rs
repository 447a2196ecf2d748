//! From HL7 v2 messages to FHIR R4, after the v2-to-FHIR guide where it says something.
//!
//! No well-formed message is refused: of a kind that is not mapped, without a patient, or with a merge that makes no
//! sense, it is archived with what could be made of it, and a finding says so.
//!
//! Not for: reading messages (`formats::hl7v2`), order among messages (`ingest` goes by `meta.lastUpdated`).

mod allergy;
mod attachment;
mod blocks;
mod care;
mod condition;
mod coverage;
mod document_reference;
mod documents;
mod financial;
mod group;
mod master;
mod merge;
mod order;
mod orders;
mod patient;
mod pharmacy;
mod procedure;
mod results;
mod rules;
mod schedule;
mod scope;
mod tables;
mod timing;
mod types;
mod vaccine;
mod visit;

#[cfg(test)]
mod clinical_tests;
#[cfg(test)]
mod record_tests;
#[cfg(test)]
mod tests;

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

    fn findings(&self) -> &[Finding] {
        Splitter::findings(self)
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
    let groups = Group::all(&message, rules, cx);
    if let Some(rule) = excluded(&message, &groups, rules) {
        out.fate = Fate::Excluded(rule);
        return out;
    }
    let mapper = groups.first().and_then(|group| mapper(&group.code));
    match mapper {
        _ if merge::map(&groups, &mut out) => {}
        Some(mapper) => groups.iter().for_each(|group| whole(group, mapper, &mut out)),
        None => {
            let note = "a kind of message of which no records are made; kept as it is".into();
            out.findings.push(Finding { code: "unknown-type", offset: 0, note });
        }
    }
    note_unmapped(&message, &mut out);
    out
}

/// All that a message says of one patient.
fn whole(group: &Group<'_>, rest: fn(&Group<'_>, &mut Mapped), out: &mut Mapped) {
    patient::map(group, out);
    visit::map(group, out);
    allergy::map(group, out);
    condition::map(group, out);
    procedure::map(group, out);
    coverage::map(group, out);
    rest(group, out);
}

/// The rule that keeps a message out of the charts. A message about several patients stays unless all are test patients.
fn excluded(message: &Message<'_>, groups: &[Group<'_>], rules: &Rules) -> Option<String> {
    let processing = message.header().field(11).text();
    if rules.exclude_processing_ids.iter().any(|id| id.eq_ignore_ascii_case(&processing)) {
        return Some(format!("exclude_processing_ids: {processing}"));
    }
    if rules.exclude_test_patients.is_empty() {
        return None;
    }
    let patterns: Option<Vec<&String>> = groups.iter().map(|group| test_pattern(group, rules)).collect();
    patterns?.first().map(|pattern| format!("exclude_test_patients: {pattern}"))
}

fn test_pattern<'r>(group: &Group<'_>, rules: &'r Rules) -> Option<&'r String> {
    let pid = group.first("PID")?;
    let name = pid.field(5);
    let (family, given) = (name.text(), name.component(2).text());
    let mut names: Vec<String> = vec![format!("{family}^{given}"), family.into_owned()];
    names.extend(pid.field(3).repetitions().map(|cx| cx.text().into_owned()));
    names.retain(|name| !name.trim_matches('^').is_empty());
    rules.exclude_test_patients.iter().find(|pattern| names.iter().any(|name| rules::fits(pattern, name)))
}

/// Segments that stay in the message alone, each kind told once: a site's own (Z), and those that have no place in a
/// chart.
fn note_unmapped(message: &Message<'_>, out: &mut Mapped) {
    const RAW: [&str; 8] = ["ROL", "GT1", "ACC", "DB1", "UB1", "UB2", "ADD", "DSC"];
    let mut told: Vec<&str> = Vec::new();
    for segment in message.segments() {
        let name = segment.name();
        if (name.starts_with('Z') || RAW.contains(&name)) && !told.contains(&name) && told.len() < 50 {
            told.push(name);
            let note = format!("{name} is kept in the message only");
            out.findings.push(Finding { code: "segment-unmapped", offset: segment.offset() as u64, note });
        }
    }
}

/// `hl7v2:ORU^R01`; names from outside are kept short and plain.
fn kind(code: &str, event: &str) -> String {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).take(8).collect::<String>().to_ascii_uppercase();
    let (code, event) = (plain(code), plain(event));
    if event.is_empty() { format!("hl7v2:{code}") } else { format!("hl7v2:{code}^{event}") }
}

/// Who maps what stands behind the patient and the visit; `None` for kinds of messages of which no records are made.
fn mapper(code: &str) -> Option<fn(&Group<'_>, &mut Mapped)> {
    Some(match code {
        "ADT" | "BAR" | "ORU" | "OUL" => results::map,
        "PPR" => care::map_problems,
        "REF" | "RRI" => care::map_referral,
        "MFN" => master::map,
        "MDM" => documents::map,
        "ORM" | "OMG" | "OML" | "OMI" | "ORR" | "OSR" => orders::map,
        "OMP" | "RDE" | "RDS" | "RAS" | "RGV" => pharmacy::map,
        "VXU" => vaccine::map,
        "SIU" => schedule::map,
        "DFT" => financial::map,
        // Answers and notices of receipt speak of messages.
        "ACK" | "NAK" | "MCF" => |_, _| {},
        _ => return None,
    })
}
