//! Diagnoses (DG1) and problems (PRB) as Condition.
//!
//! Not for: diagnoses that say why something was ordered (`orders`).

use super::group::Group;
use super::types::words;
use crate::formats::hl7v2::Segment;
use crate::mapping::fhir::Resource;
use crate::mapping::systems::Coding;
use crate::mapping::{Mapped, id};

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFIED: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    if group.holds_diagnoses() {
        for dg1 in group.all_of("DG1").filter(|dg1| has_content(*dg1)) {
            out.resources.push(diagnosis(group, dg1));
        }
    }
    for prb in group.all_of("PRB").filter(|prb| !words(prb.field(3)).is_empty()) {
        out.resources.push(problem(group, prb));
    }
}

fn has_content(dg1: Segment<'_>) -> bool {
    !words(dg1.field(3)).is_empty() || !dg1.field(4).text().is_empty()
}

/// DG1-20 names a diagnosis; without it, what it says about this visit does.
pub(super) fn diagnosis_id(group: &Group<'_>, dg1: Segment<'_>) -> String {
    if !has_content(dg1) {
        return String::new();
    }
    let own = group.ei_parts(dg1.field(20));
    let owner = group.owner();
    if owner.is_empty() {
        return String::new();
    }
    if !own[1].is_empty() {
        return id::id(&[owner, "diagnosis", &own[0], &own[1]]);
    }
    let code = dg1.field(3).text();
    let what = if code.is_empty() { words(dg1.field(3)) } else { code.into_owned() };
    let what = if what.is_empty() { dg1.field(4).text().into_owned() } else { what };
    id::id(&[owner, "diagnosis", &dg1.field(6).text(), &what])
}

fn diagnosis(group: &Group<'_>, dg1: Segment<'_>) -> Vec<u8> {
    let mut resource = Resource::new("Condition", &diagnosis_id(group, dg1));
    resource.meta(&group.made, &[]);
    let mut o = resource.object();
    o.array("identifier", |list| group.ei(list, dg1.field(20), ""));
    let status = match (dg1.field(21).text().as_ref(), dg1.field(6).text().as_ref()) {
        ("D", _) => "entered-in-error",
        (_, "F") => "confirmed",
        (_, "W") => "provisional",
        _ => "",
    };
    o.concept("verificationStatus", &[Coding::new(VERIFIED, status, "")], "");
    o.array("category", |list| list.concept(&[Coding::new(CATEGORY, "encounter-diagnosis", "Encounter Diagnosis")], ""));
    // Before 2.5 the coding system stood in a field of its own, the words in another.
    let codings = group.codings(dg1.field(3), &dg1.field(2).text());
    let described = dg1.field(4).text();
    let text = words(dg1.field(3));
    let is_code = text == dg1.field(3).text() && !described.is_empty();
    o.concept("code", &codings, if text.is_empty() || is_code { &described } else { &text });
    o.reference("subject", "Patient", &group.patient, "");
    o.reference("encounter", "Encounter", &group.encounter, "");
    o.text("onsetDateTime", &group.time_text(dg1.field(5)));
    o.text("recordedDate", &group.time_text(dg1.field(19)));
    group.xcn(&mut o, "asserter", dg1.field(16));
    resource.finish()
}

/// PRB-4 names a problem; without it, the problem itself does.
fn problem(group: &Group<'_>, prb: Segment<'_>) -> Vec<u8> {
    let own = group.ei_parts(prb.field(4));
    let name = match own[1].is_empty() {
        _ if group.patient.is_empty() => String::new(),
        true => id::id(&[&group.patient, "problem", "", &words(prb.field(3))]),
        false => id::id(&[&group.patient, "problem", &own[0], &own[1]]),
    };
    let is_deleted = prb.field(1).text().starts_with('D');
    let resolved = group.time_text(prb.field(9));
    let mut resource = Resource::new("Condition", &name);
    resource
        .meta(&group.made, prb.field(24).repetitions().filter_map(|v| group.confidentiality(v)).collect::<Vec<_>>().as_slice());
    let mut o = resource.object();
    o.array("identifier", |list| group.ei(list, prb.field(4), ""));
    let status = if resolved.is_empty() { "active" } else { "resolved" };
    o.concept("clinicalStatus", &[Coding::new(CLINICAL, if is_deleted { "" } else { status }, "")], "");
    o.concept("verificationStatus", &[Coding::new(VERIFIED, if is_deleted { "entered-in-error" } else { "" }, "")], "");
    o.array("category", |list| list.concept(&[Coding::new(CATEGORY, "problem-list-item", "Problem List Item")], ""));
    group.concept(&mut o, "code", prb.field(3), "");
    o.reference("subject", "Patient", &group.patient, "");
    o.reference("encounter", "Encounter", &group.encounter, "");
    let onset = group.time_text(prb.field(16));
    if onset.is_empty() {
        o.text("onsetString", &prb.field(17).text());
    } else {
        o.text("onsetDateTime", &onset);
    }
    o.text("abatementDateTime", &resolved);
    o.text("recordedDate", &group.time_text(prb.field(7)));
    resource.finish()
}
