//! When and how often: TQ1, and the older quantity/timing fields (TQ in ORC-7, OBR-27, RXE-1).
//!
//! Not for: working out the times; what was written is kept as text and code.

use super::blocks::Block;
use super::scope::{Scope, first_of, lines};
use super::types::words;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::Object;

#[derive(Default)]
pub(super) struct Timing {
    pub start: String,
    pub end: String,
    /// ServiceRequest.priority and MedicationRequest.priority.
    pub priority: &'static str,
    /// `BID`, `Q6H`, as written.
    pub frequency: String,
    /// `5 days`, as written.
    pub duration: String,
    pub instruction: String,
    /// Words for how much at a time (TQ1-2), number first.
    pub quantity: String,
    pub as_needed: bool,
}

impl Timing {
    pub fn of(scope: &Scope<'_, '_>, block: &Block<'_>) -> Timing {
        // The last one stands nearest to what was encoded.
        let last = block.all_of("TQ1").last();
        let mut timing = match last {
            Some(tq1) => Timing::of_tq1(scope, tq1),
            None => Timing::default(),
        };
        let older = [block.first("RXE").map(|s| s.field(1)), block.orc.map(|s| s.field(7)), block.obr.map(|s| s.field(27))];
        if last.is_none()
            && let Some(tq) = first_of(older.into_iter().flatten())
        {
            timing = Timing::of_tq(scope, tq);
        }
        if timing.priority.is_empty() {
            timing.priority = block.obr.map_or("", |obr| priority(&obr.field(5).text()));
        }
        timing
    }

    fn of_tq1(scope: &Scope<'_, '_>, tq1: Segment<'_>) -> Timing {
        let frequency = pattern(tq1.field(3));
        Timing {
            start: scope.time_text(tq1.field(7)),
            end: scope.time_text(tq1.field(8)),
            priority: priority(&tq1.field(9).text()),
            as_needed: frequency.to_ascii_uppercase().contains("PRN"),
            frequency,
            duration: amount(tq1.field(6)),
            instruction: lines(tq1.field(11)).trim().to_string(),
            quantity: amount(tq1.field(2)),
        }
    }

    /// Quantity, interval, duration, start, end, priority, condition, text.
    fn of_tq(scope: &Scope<'_, '_>, tq: Value<'_>) -> Timing {
        let interval = tq.component(2);
        // Some count one component too many before the interval.
        let frequency = [interval.sub(1).text(), tq.component(6).text()];
        let is_priority = !priority(&frequency[1]).is_empty();
        let frequency = if frequency[0].is_empty() && !is_priority { &frequency[1] } else { &frequency[0] };
        Timing {
            start: scope.time_text(tq.component(4)),
            end: scope.time_text(tq.component(5)),
            priority: priority(&tq.component(6).text()),
            as_needed: frequency.to_ascii_uppercase().contains("PRN"),
            frequency: frequency.to_string(),
            duration: tq.component(3).text().into_owned(),
            instruction: tq.component(8).whole().trim().to_string(),
            quantity: amount(tq.component(1)),
        }
    }

    /// Dosage.timing: the frequency as a code in words, and the bounds.
    pub fn write(&self, o: &mut Object<'_>) {
        o.object("timing", |o| {
            o.object("repeat", |o| {
                o.period("boundsPeriod", &self.start, &self.end);
            });
            o.concept("code", &[], &self.frequency);
        });
    }
}

/// RPT: a code, or a code of a table of one's own, in its first component.
fn pattern(field: Value<'_>) -> String {
    let texts: Vec<String> = field.repetitions().map(|r| r.text().into_owned()).filter(|t| !t.is_empty()).collect();
    texts.join(", ")
}

/// A CQ in words: `2 tablet`. Its unit stands in the second component or, in TQ, a subcomponent.
fn amount(cq: Value<'_>) -> String {
    let unit = cq.component(2);
    let unit = [unit.sub(2), unit.sub(1), cq.sub(2)].into_iter().map(|v| v.text()).find(|t| !t.is_empty());
    let number = cq.sub(1).text();
    if number.is_empty() { String::new() } else { format!("{number} {}", unit.unwrap_or_default()).trim().to_string() }
}

/// Tables 0485 and 0027 as FHIR's request-priority.
fn priority(code: &str) -> &'static str {
    match code.to_ascii_uppercase().as_str() {
        "S" | "STAT" => "stat",
        "A" | "ASAP" => "asap",
        "R" | "ROUTINE" => "routine",
        "U" | "URGENT" | "T" => "urgent",
        _ => "",
    }
}

/// Words for a field of a code, or nothing.
pub(super) fn said(field: Value<'_>) -> Option<String> {
    Some(words(field)).filter(|w| !w.is_empty())
}
