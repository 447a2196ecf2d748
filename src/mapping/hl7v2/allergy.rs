//! Allergies: AL1, and IAM, which took its place.
//!
//! Not for: reactions that were observed (OBX).

use super::group::Group;
use super::tables;
use super::types::words;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::Resource;
use crate::mapping::systems::Coding;
use crate::mapping::{Mapped, id};

const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
const VERIFIED: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";

/// Fields that both segments have in the same places: 2 type, 3 what, 4 severity, 5 reaction.
pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    for segment in group.segments.iter().filter(|s| s.is("AL1") || s.is("IAM")) {
        if !words(segment.field(3)).is_empty() {
            out.resources.push(allergy(group, *segment));
        }
    }
}

/// Named by patient and substance, so that the same allergy of a later message is a version of it.
fn allergy(group: &Group<'_>, segment: Segment<'_>) -> Vec<u8> {
    let what = segment.field(3);
    let is_iam = segment.is("IAM");
    let of_iam = |n: usize| if is_iam { segment.field(n) } else { segment.field(usize::MAX) };
    let code = what.text();
    let key = if code.is_empty() { words(what) } else { code.into_owned() };
    let name = if group.patient.is_empty() { String::new() } else { id::id(&[&group.patient, "allergy", &key.to_lowercase()]) };
    let mut resource = Resource::new("AllergyIntolerance", &name);
    resource.meta(&group.made, &[]);
    let mut o = resource.object();
    o.array("identifier", |list| group.ei(list, of_iam(7), ""));
    let (clinical, verified) = status(&of_iam(6).text(), &of_iam(17).text());
    o.concept("clinicalStatus", &[Coding::new(CLINICAL, clinical, "")], "");
    o.concept("verificationStatus", &[Coding::new(VERIFIED, verified, "")], "");
    let stated = segment.field(2);
    o.array("category", |list| list.text(tables::allergy_category(&stated.text())));
    let (criticality, severity) = tables::allergy_severity(&segment.field(4).text());
    o.text("criticality", criticality);
    group.concept(&mut o, "code", what, "");
    o.reference("patient", "Patient", &group.patient, "");
    o.text("onsetDateTime", &group.time_text(if is_iam { segment.field(11) } else { segment.field(6) }));
    o.text("recordedDate", &group.time_text(of_iam(13)));
    let reactions: Vec<Value<'_>> = segment.field(5).repetitions().filter(|v| !words(*v).is_empty()).collect();
    // FHIR has no place for a severity without a reaction, nor for types of its own.
    o.array("note", |list| {
        let unsaid = if reactions.is_empty() { words(segment.field(4)) } else { String::new() };
        let other = if tables::allergy_category(&stated.text()).is_empty() { words(stated) } else { String::new() };
        for (label, text) in [("Severity", unsaid), ("Type", other)].into_iter().filter(|(_, text)| !text.is_empty()) {
            list.object(|o| {
                o.text("text", &format!("{label}: {text}"));
            });
        }
    });
    o.array("reaction", |list| {
        for reaction in reactions {
            list.object(|o| {
                o.array("manifestation", |list| group.concept_in(list, reaction, ""));
                o.text("severity", severity);
            });
        }
    });
    resource.finish()
}

/// Clinical and verification status: IAM-6 (table 0206) and IAM-17 (table 0438).
fn status(action: &str, status: &str) -> (&'static str, &'static str) {
    match (action, status) {
        ("D", _) | (_, "E") => ("", "entered-in-error"),
        (_, "I") => ("inactive", ""),
        (_, "C") => ("active", "confirmed"),
        (_, "U" | "P" | "S") => ("active", "unconfirmed"),
        _ => ("active", ""),
    }
}
