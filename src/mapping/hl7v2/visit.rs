//! The visit: PV1 and PV2 as Encounter.
//!
//! Not for: which number names the visit (`group`), diagnoses (`condition`).

use super::condition;
use super::group::Group;
use super::tables;
use super::types::{place, words};
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::Mapped;
use crate::mapping::fhir::{Array, Object, Resource};
use crate::mapping::systems::Coding;

const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let Some(pv1) = group.first("PV1").filter(|_| !group.encounter.is_empty()) else { return };
    let pv2 = group.first("PV2");
    let vip = Some(pv1.field(16)).filter(|v| !matches!(v.text().to_ascii_uppercase().as_ref(), "" | "N" | "NO" | "0"));
    let label = vip.map(|v| Coding::new("http://terminology.hl7.org/CodeSystem/v3-ActCode", "VIP", words(v)));
    let mut resource = Resource::new("Encounter", &group.encounter);
    resource.meta(group.made_by_registration(), label.as_slice());
    let mut o = resource.object();
    o.array("identifier", |list| {
        group.cx(list, pv1.field(19), "VN");
        pv1.field(50).repetitions().for_each(|cx| group.cx(list, cx, "VN"));
        if let Some(pid) = group.first("PID") {
            group.cx(list, pid.field(18), "AN");
        }
    });
    let ended = end(group, pv1);
    o.text("status", status(group, pv1, !ended.is_empty()));
    class(group, pv1.field(2), &mut o);
    o.array("type", |list| {
        group.concept_in(list, pv1.field(4), "HL70007");
        group.concept_in(list, pv1.field(18), "HL70018");
    });
    group.concept(&mut o, "serviceType", pv1.field(10), "HL70069");
    o.reference("subject", "Patient", &group.patient, "");
    o.array("participant", |list| participants(group, pv1, list));
    o.period("period", &group.time_text(pv1.field(44)), &ended);
    o.array("reasonCode", |list| {
        if let Some(pv2) = pv2 {
            group.concept_in(list, pv2.field(3), "");
        }
    });
    o.array("diagnosis", |list| diagnoses(group, list));
    o.object("hospitalization", |o| hospitalization(group, pv1, o));
    o.array("location", |list| locations(pv1, list));
    let facility = words(pv1.field(39));
    o.object("serviceProvider", |o| {
        o.text("display", &facility);
    });
    out.resources.push(resource.finish());
}

/// PV1-45; a discharge that leaves it out tells its time in EVN-6.
fn end(group: &Group<'_>, pv1: Segment<'_>) -> String {
    let cancelled = matches!(group.event.as_str(), "A13");
    let ended = group.time_text(pv1.field(45));
    match group.first("EVN").or_else(|| group.message.first("EVN")) {
        _ if cancelled => String::new(),
        Some(evn) if ended.is_empty() && group.event == "A03" => group.time_text(evn.field(6)),
        _ => ended,
    }
}

/// By event first, then by what the visit says itself. An update or an order says nothing of the state of a visit.
fn status(group: &Group<'_>, pv1: Segment<'_>, has_ended: bool) -> &'static str {
    let has_begun = !pv1.field(44).text().is_empty();
    let is_registration = group.code == "ADT";
    match group.event.as_str() {
        "A11" | "A27" | "A38" if is_registration => "cancelled",
        "A23" if is_registration => "entered-in-error",
        "A13" if is_registration => "in-progress",
        "A03" if is_registration => "finished",
        "P06" if group.code == "BAR" => "finished",
        _ if has_ended => "finished",
        "A05" | "A14" if is_registration => "planned",
        _ if pv1.field(2).text() == "P" => "planned",
        "A04" if is_registration && has_begun => "arrived",
        "A04" if is_registration => "planned",
        "A21" if is_registration => "onleave",
        "A01" | "A02" | "A06" | "A07" | "A09" | "A10" | "A12" | "A15" | "A16" | "A17" | "A22" | "A25" | "A26" | "A32" | "A33"
            if is_registration =>
        {
            "in-progress"
        }
        "A08" if is_registration && has_begun => "in-progress",
        _ => "unknown",
    }
}

/// A class is demanded; one that the table does not know stays as it came.
fn class(group: &Group<'_>, value: Value<'_>, o: &mut Object<'_>) {
    let own = || group.codings(value, "HL70004").into_iter().next();
    let unknown = || Coding::new("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "UNK", "");
    let coding = tables::class(&value.text()).or_else(own).unwrap_or_else(unknown);
    o.object("class", |o| coding.write(o));
}

fn participants(group: &Group<'_>, pv1: Segment<'_>, list: &mut Array<'_>) {
    for (field, role, display) in
        [(7, "ATND", "attender"), (8, "REF", "referrer"), (9, "CON", "consultant"), (17, "ADM", "admitter"), (52, "PART", "")]
    {
        for xcn in pv1.field(field).repetitions().filter(|xcn| !group.xcn_display(*xcn).is_empty()) {
            list.object(|o| {
                o.array("type", |list| list.concept(&[Coding::new(PARTICIPATION, role, display)], ""));
                group.xcn(o, "individual", xcn);
            });
        }
    }
}

/// The diagnoses of this message, in their order: DG1-6 as their use, DG1-15 as their rank.
fn diagnoses(group: &Group<'_>, list: &mut Array<'_>) {
    const ROLE: &str = "http://terminology.hl7.org/CodeSystem/diagnosis-role";
    if !group.holds_diagnoses() {
        return;
    }
    for dg1 in group.all_of("DG1") {
        let id = condition::diagnosis_id(group, dg1);
        if id.is_empty() {
            continue;
        }
        let role = match dg1.field(6).text().as_ref() {
            "A" => Some(Coding::new(ROLE, "AD", "Admission diagnosis")),
            "F" => Some(Coding::new(ROLE, "DD", "Discharge diagnosis")),
            _ => None,
        };
        list.object(|o| {
            o.reference("condition", "Condition", &id, "");
            let mut codings = group.codings(dg1.field(6), "HL70052");
            codings.splice(0..0, role);
            o.concept("use", &codings, "");
            if dg1.field(15).text().parse::<u16>().is_ok_and(|rank| rank > 0) {
                o.number("rank", &dg1.field(15).text());
            }
        });
    }
}

fn hospitalization(group: &Group<'_>, pv1: Segment<'_>, o: &mut Object<'_>) {
    o.object("preAdmissionIdentifier", |o| group.cx_members(o, pv1.field(5), ""));
    group.concept(o, "admitSource", pv1.field(14), "HL70023");
    group.concept(o, "reAdmission", pv1.field(13), "HL70092");
    o.array("dietPreference", |list| group.concept_in(list, pv1.field(38), "HL70114"));
    o.array("specialCourtesy", |list| group.concept_in(list, pv1.field(16), "HL70099"));
    o.array("specialArrangement", |list| pv1.field(15).repetitions().for_each(|v| group.concept_in(list, v, "HL70009")));
    let destination = words(pv1.field(37));
    o.object("destination", |o| {
        o.text("display", &destination);
    });
    group.concept(o, "dischargeDisposition", pv1.field(36), "HL70112");
}

/// Where the patient is, and where he was before.
fn locations(pv1: Segment<'_>, list: &mut Array<'_>) {
    for (field, status) in [(3, ""), (6, "completed"), (11, "active"), (42, "planned")] {
        let name = place(pv1.field(field));
        if name.is_empty() {
            continue;
        }
        list.object(|o| {
            o.object("location", |o| {
                o.text("display", &name);
            });
            o.text("status", status);
        });
    }
}
