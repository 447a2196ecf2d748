//! Appointments: SCH and what is reserved for it (AIS, AIG, AIL, AIP) as Appointment.
//!
//! Every event of one appointment is a version of it: booked, moved, cancelled, missed.
//!
//! Not for: the patient and the visit (`patient`, `visit`), free slots (S23, S24), which are no appointments.

use jiff::{Span, Timestamp, Zoned};

use super::group::Group;
use super::results;
use super::scope::{Names, Scope, first_of, note_text};
use super::types::{place, words};
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::Mapped;
use crate::mapping::fhir::{Array, decimal};
use crate::mapping::systems::Coding;

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    if matches!(group.event.as_str(), "S23" | "S24") {
        return;
    }
    let scope = Scope::new(group);
    let mut names = Names::default();
    if let Some(sch) = group.first("SCH") {
        appointment(&scope, sch, &mut names, out);
    }
    results::map_observations(group, out);
}

fn appointment(scope: &Scope<'_, '_>, sch: Segment<'_>, names: &mut Names, out: &mut Mapped) {
    let status = status(&scope.event, &sch.field(25).text());
    let id = names.unique("Appointment", name(scope, sch));
    let mut resource = scope.begin("Appointment", &id, &[]);
    let mut o = resource.object();
    scope.order_identifiers(&mut o, sch.field(1), sch.field(2));
    o.text("status", status);
    let is_cancelled = matches!(status, "cancelled" | "noshow" | "entered-in-error");
    if is_cancelled {
        scope.concept(&mut o, "cancelationReason", sch.field(6), "");
    }
    o.array("serviceType", |list| {
        for ais in scope.all_of("AIS") {
            scope.concept_in(list, ais.field(3), "");
        }
    });
    scope.concept(&mut o, "appointmentType", sch.field(8), "HL70277");
    o.array("reasonCode", |list| {
        scope.concept_in(list, sch.field(7), "HL70276");
        for diagnosis in scope.all_of("DG1") {
            scope.concept_in(list, diagnosis.field(3), "");
        }
    });
    if !is_cancelled {
        o.text("description", &words(sch.field(6)));
    }
    let (start, end, minutes) = times(scope, sch);
    o.text("start", &start).text("end", &end);
    if let Some(minutes) = minutes.filter(|m| *m > 0) {
        o.number("minutesDuration", &minutes.to_string());
    }
    o.verbatim("comment", &note_text(&notes(scope)));
    o.array("participant", |list| participants(scope, sch, list));
    out.resources.push(resource.finish());
}

/// The event first, since what it does is sure; else the filler's status (table 0278).
fn status(event: &str, stated: &str) -> &'static str {
    match (event, stated.to_ascii_uppercase().as_str()) {
        ("S15" | "S16", _) => "cancelled",
        ("S17", _) => "entered-in-error",
        ("S26", _) => "noshow",
        (_, "PENDING") => "pending",
        (_, "WAITLIST") => "waitlist",
        (_, "STARTED" | "ARRIVED") => "arrived",
        (_, "COMPLETE" | "COMPLETED") => "fulfilled",
        (_, "CANCELLED" | "CANCELED" | "DC") => "cancelled",
        (_, "DELETED") => "entered-in-error",
        (_, "NOSHOW" | "NO SHOW") => "noshow",
        _ => "booked",
    }
}

/// The filler's number, else the placer's. One of them is the same in all messages about an appointment.
fn name(scope: &Scope<'_, '_>, sch: Segment<'_>) -> String {
    let numbered = [("filler", 2), ("placer", 1)].map(|(kind, n)| scope.name_of_order(kind, sch.field(n), &[]));
    numbered.into_iter().find(|id| !id.is_empty()).unwrap_or_default()
}

/// Start, end and minutes: TQ1, else SCH-11, else the first reservation. FHIR wants both ends or none, so an end that
/// was not told is worked out.
fn times(scope: &Scope<'_, '_>, sch: Segment<'_>) -> (String, String, Option<i64>) {
    let tq1 = scope.first("TQ1");
    let of_tq = [sch.field(11).component(4), sch.field(11).component(5)];
    let reserved = [("AIS", 4), ("AIL", 6), ("AIP", 6), ("AIG", 8)];
    let reserved = reserved.into_iter().filter_map(|(name, n)| Some(scope.first(name)?.field(n)));
    let starts = tq1.map(|s| s.field(7)).into_iter().chain([of_tq[0]]).chain(reserved);
    let start = starts.map(|v| scope.time(v)).find(|t| !t.instant().is_empty()).unwrap_or_default();
    let ends = tq1.map(|s| s.field(8)).into_iter().chain([of_tq[1]]);
    let end = ends.map(|v| scope.time(v)).find(|t| !t.instant().is_empty()).unwrap_or_default();
    let minutes = minutes(sch.field(9), sch.field(10))
        .or_else(|| scope.first("AIS").and_then(|ais| minutes(ais.field(7), ais.field(8))))
        .or_else(|| scope.first("AIP").and_then(|aip| minutes(aip.field(9), aip.field(10))));
    let (start, end) = (start.instant().to_string(), end.instant().to_string());
    if end.is_empty() && !start.is_empty() {
        let end = minutes.and_then(|m| later(&start, m)).unwrap_or_else(|| start.clone());
        return (start, end, minutes);
    }
    // An end alone, or before its start, says nothing.
    let is_turned = match (start.parse::<Timestamp>(), end.parse::<Timestamp>()) {
        (Ok(a), Ok(b)) => b < a,
        _ => true,
    };
    if is_turned { (start.clone(), start, minutes) } else { (start, end, minutes) }
}

fn minutes(amount: Value<'_>, unit: Value<'_>) -> Option<i64> {
    let amount: i64 = decimal(&amount.text())?.split('.').next()?.parse().ok().filter(|n| (0..1_000_000).contains(n))?;
    Some(match unit.text().to_ascii_lowercase().as_str() {
        "s" | "sec" | "seconds" => amount / 60,
        "h" | "hr" | "hour" | "hours" => amount * 60,
        "d" | "day" | "days" => amount * 60 * 24,
        _ => amount,
    })
}

/// An instant so many minutes later, with the same offset.
fn later(start: &str, minutes: i64) -> Option<String> {
    let at: Timestamp = start.parse().ok()?;
    let at = at.checked_add(Span::new().try_minutes(minutes).ok()?).ok()?;
    let offset = start.get(start.len().checked_sub(6)?..).filter(|o| o.starts_with(['+', '-']));
    let zone = match offset {
        Some(offset) => {
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
            jiff::tz::Offset::from_seconds(if offset.starts_with('-') { -seconds } else { seconds }).ok()?.to_time_zone()
        }
        None => jiff::tz::TimeZone::UTC,
    };
    let local: Zoned = at.to_zoned(zone);
    Some(format!("{}{}", local.strftime("%Y-%m-%dT%H:%M:%S"), offset.unwrap_or("Z")))
}

/// Notes on the appointment and on what is reserved.
fn notes<'m>(scope: &Scope<'_, 'm>) -> Vec<Segment<'m>> {
    let start = scope.segments.iter().copied().skip_while(|s| !s.is("SCH"));
    let mut is_ours = true;
    let ours = start.filter(|s| {
        if !s.is("NTE") {
            is_ours = matches!(s.name(), "SCH" | "TQ1" | "AIS" | "AIG" | "AIL" | "AIP" | "RGS");
        }
        is_ours && s.is("NTE")
    });
    ours.collect()
}

/// The patient, then who and what is reserved.
fn participants(scope: &Scope<'_, '_>, sch: Segment<'_>, list: &mut Array<'_>) {
    const TYPES: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
    let mut count = 0;
    if !scope.patient.is_empty() {
        count += 1;
        list.object(|o| {
            o.object("actor", |o| {
                o.text("reference", &format!("Patient/{}", scope.patient));
            });
            o.text("status", "accepted");
        });
    }
    for segment in scope.segments.iter().filter(|s| matches!(s.name(), "AIP" | "AIL" | "AIG")) {
        let field = segment.field(3);
        let shown = match segment.name() {
            "AIP" => scope.xcn_display(field),
            "AIL" => place(field),
            _ => words(field),
        };
        if shown.is_empty() {
            continue;
        }
        count += 1;
        list.object(|o| {
            o.array("type", |list| match segment.name() {
                "AIP" if !segment.field(4).is_empty() => scope.concept_in(list, segment.field(4), ""),
                "AIL" => list.concept(&[Coding::new(TYPES, "LOC", "location")], ""),
                _ => {}
            });
            match segment.name() {
                "AIP" => scope.xcn(o, "actor", field),
                _ => {
                    o.object("actor", |o| {
                        o.text("display", &shown);
                    });
                }
            }
            o.text("status", "accepted");
        });
    }
    // FHIR demands somebody: the person to ask.
    let contact = first_of([16, 12, 20].map(|n| sch.field(n)));
    let contact = contact.filter(|_| count == 0).map_or(String::new(), |person| scope.xcn_display(person));
    if count == 0 {
        list.object(|o| {
            o.object("actor", |o| {
                o.text("display", if contact.is_empty() { "unknown" } else { &contact });
            });
            o.text("status", "accepted");
        });
    }
}
