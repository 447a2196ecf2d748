//! Insurance: IN1 with its IN2 and IN3 as Coverage.
//!
//! Not for: what was charged (`financial`).

use super::group::Group;
use super::tables;
use super::types::words;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::{Array, Resource};
use crate::mapping::systems::Coding;
use crate::mapping::{Mapped, id};

const CLASS: &str = "http://terminology.hl7.org/CodeSystem/coverage-class";

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    for (at, segment) in group.segments.iter().enumerate() {
        let is_stated = [2, 3, 4, 8, 36].iter().any(|&n| !segment.field(n).is_empty());
        if segment.is("IN1") && is_stated {
            let more = group.segments[at + 1..].iter().take_while(|s| s.is("IN2") || s.is("IN3"));
            let in2 = more.copied().find(|s| s.is("IN2"));
            out.resources.push(coverage(group, *segment, in2));
        }
    }
}

/// Named by patient, company, plan and number of the policy, else the group's.
fn name(group: &Group<'_>, in1: Segment<'_>) -> String {
    if group.patient.is_empty() {
        return String::new();
    }
    let of = |n: usize| in1.field(n).text();
    let company = if of(3).is_empty() { of(4) } else { of(3) };
    let number = if of(36).is_empty() { of(8) } else { of(36) };
    let plan = words(in1.field(2));
    id::id(&[&group.patient, "coverage", &company, &number, if plan.is_empty() { "-" } else { &plan }])
}

fn coverage(group: &Group<'_>, in1: Segment<'_>, in2: Option<Segment<'_>>) -> Vec<u8> {
    let mut resource = Resource::new("Coverage", &name(group, in1));
    resource.meta(group.made_by_registration(), &[]);
    let mut o = resource.object();
    o.array("identifier", |list| in1.field(49).repetitions().for_each(|cx| group.cx(list, cx, "MB")));
    o.text("status", "active");
    group.concept(&mut o, "type", in1.field(15), "HL70086");
    let name = person(in1.field(16));
    o.object("subscriber", |o| {
        o.text("display", &name);
    });
    let member = in2.map(|in2| in2.field(61).text()).filter(|t| !t.is_empty());
    o.text("subscriberId", &member.unwrap_or_else(|| in1.field(36).text()));
    o.reference("beneficiary", "Patient", &group.patient, "");
    let mut codings = group.codings(in1.field(17), "HL70063");
    codings.splice(0..0, tables::subscriber_relationship(&in1.field(17).text()));
    o.concept("relationship", &codings, &words(in1.field(17)));
    o.period("period", &group.time_text(in1.field(12)), &group.time_text(in1.field(13)));
    o.array("payor", |list| payor(group, in1, list));
    o.array("class", |list| {
        let plan = in1.field(2);
        class(list, "plan", &plan.text(), &plan.component(2).text());
        class(list, "group", &in1.field(8).text(), &in1.field(9).text());
    });
    if in1.field(22).text().parse::<u16>().is_ok_and(|order| order > 0) {
        o.number("order", &in1.field(22).text());
    }
    resource.finish()
}

/// The company: IN1-4 its name, IN1-3 its number.
fn payor(group: &Group<'_>, in1: Segment<'_>, list: &mut Array<'_>) {
    list.object(|o| {
        o.object("identifier", |o| group.cx_members(o, in1.field(3), ""));
        o.text("display", &in1.field(4).text());
    });
}

fn class(list: &mut Array<'_>, kind: &str, value: &str, name: &str) {
    if value.is_empty() {
        return;
    }
    list.object(|o| {
        o.concept("type", &[Coding::new(CLASS, kind, "")], "").text("value", value).text("name", name);
    });
}

fn person(xpn: Value<'_>) -> String {
    let parts = [2, 3, 1].map(|n| xpn.component(n).text());
    parts.iter().filter(|p| !p.is_empty()).map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
}
