//! Problems (PRB of PPR) as Condition and referrals (RF1 of REF) as ServiceRequest.
//!
//! Not for: goals and pathways, which stay in the message; diagnoses (DG1, `visit`).

use super::group::Group;
use super::results;
use super::scope::{Names, Scope, annotation, note_text};
use super::types::words;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::Mapped;
use crate::mapping::fhir::Object;
use crate::mapping::systems::Coding;

/// PPR^PC1 to PC3.
pub(super) fn map_problems(group: &Group<'_>, out: &mut Mapped) {
    let scope = Scope::new(group);
    let mut names = Names::default();
    let mut segments = group.segments.iter().copied().peekable();
    while let Some(segment) = segments.next() {
        if segment.is("PRB") {
            let mut notes = Vec::new();
            while let Some(note) = segments.next_if(|s| s.is("NTE")) {
                notes.push(note);
            }
            problem(&scope, segment, &notes, &mut names, out);
        }
    }
    results::map_observations(group, out);
}

fn problem(scope: &Scope<'_, '_>, prb: Segment<'_>, notes: &[Segment<'_>], names: &mut Names, out: &mut Mapped) {
    let number = prb.field(4);
    let id = if number.text().is_empty() {
        scope.name(&["problem", &prb.field(7).text(), &prb.field(3).text()])
    } else {
        scope.name_of_order("problem", number, &[])
    };
    let id = names.unique("Condition", id);
    let mut resource = scope.begin("Condition", &id, &[prb.field(25)]);
    let mut o = resource.object();
    o.array("identifier", |list| scope.ei(list, number, ""));
    let is_deleted = prb.field(1).text() == "DE" || scope.event == "PC3";
    let resolved = scope.time_text(prb.field(9));
    if !is_deleted {
        state(&mut o, "clinicalStatus", clinical_status(prb, &resolved));
    }
    let verification = match prb.field(13).text().to_ascii_uppercase().as_str() {
        _ if is_deleted => "entered-in-error",
        "C" | "CONFIRMED" => "confirmed",
        "P" | "PROVISIONAL" => "provisional",
        "D" | "DIFFERENTIAL" => "differential",
        "R" | "REFUTED" => "refuted",
        _ => "",
    };
    state(&mut o, "verificationStatus", verification);
    o.array("category", |list| {
        const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
        list.concept(&[Coding::new(CATEGORY, "problem-list-item", "Problem List Item")], "");
    });
    scope.required_concept(&mut o, "code", prb.field(3), "");
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "encounter");
    let onset = scope.time_text(prb.field(16));
    o.text("onsetDateTime", &onset);
    if onset.is_empty() {
        o.text("onsetString", &prb.field(17).text());
    }
    o.text("abatementDateTime", &resolved);
    let recorded = [7, 2].map(|n| scope.time_text(prb.field(n))).into_iter().find(|t| !t.is_empty());
    o.text("recordedDate", &recorded.unwrap_or_default());
    o.array("note", |list| annotation(list, &note_text(notes)));
    out.resources.push(resource.finish());
}

/// `clinicalStatus` and `verificationStatus` are codes of lists of their own.
fn state(o: &mut Object<'_>, key: &str, code: &str) {
    let list = if key == "clinicalStatus" { "condition-clinical" } else { "condition-ver-status" };
    o.concept(key, &[Coding::new(format!("http://terminology.hl7.org/CodeSystem/{list}"), code, "")], "");
}

/// PRB-14 in whatever words it comes, else whether a day of resolution is told.
fn clinical_status(prb: Segment<'_>, resolved: &str) -> &'static str {
    match words(prb.field(14)).to_ascii_uppercase().as_str() {
        "I" | "INACTIVE" => "inactive",
        "R" | "RESOLVED" | "CLOSED" => "resolved",
        "REMISSION" => "remission",
        "RECURRENCE" => "recurrence",
        "A" | "ACTIVE" => "active",
        _ if !resolved.is_empty() => "resolved",
        _ => "active",
    }
}

/// REF^I12 to I14.
pub(super) fn map_referral(group: &Group<'_>, out: &mut Mapped) {
    let scope = Scope::new(group);
    let mut names = Names::default();
    if let Some(rf1) = group.first("RF1") {
        referral(&scope, rf1, &mut names, out);
    }
    results::map_below(group, |block| block.orc.is_some() || block.obr.is_some(), out);
}

fn referral(scope: &Scope<'_, '_>, rf1: Segment<'_>, names: &mut Names, out: &mut Mapped) {
    let id = names.unique("ServiceRequest", scope.name_of_order("referral", rf1.field(6), &[]));
    let mut resource = scope.begin("ServiceRequest", &id, &[]);
    let mut o = resource.object();
    o.array("identifier", |list| {
        scope.ei(list, rf1.field(6), "");
        scope.ei(list, rf1.field(11), "");
    });
    // Table 0283: accepted, pending, rejected, expired.
    let status = match (scope.event.as_str(), rf1.field(1).text().as_ref()) {
        ("I14", _) | (_, "R") => "revoked",
        (_, "E") => "completed",
        _ => "active",
    };
    o.text("status", status).text("intent", "order");
    o.array("category", |list| {
        list.concept(&[Coding::new("http://snomed.info/sct", "3457005", "Patient referral")], "");
        scope.concept_in(list, rf1.field(5), "HL70284");
    });
    o.text(
        "priority",
        match rf1.field(2).text().as_ref() {
            "S" => "stat",
            "A" => "asap",
            "R" => "routine",
            _ => "",
        },
    );
    let kind = rf1.field(3);
    if kind.is_empty() {
        o.concept("code", &[], "Referral")
    } else {
        concept(scope, &mut o, kind)
    };
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "encounter");
    o.period("occurrencePeriod", &scope.time_text(rf1.field(7)), &scope.time_text(rf1.field(8)));
    o.text("authoredOn", &scope.time_text(rf1.field(9)));
    o.object("requester", |o| {
        o.text("display", &providers(scope, "RP").join(", "));
    });
    o.array("performer", |list| {
        for provider in providers(scope, "RT") {
            list.reference("Practitioner", "", &provider);
        }
    });
    o.array("reasonCode", |list| {
        rf1.field(10).repetitions().for_each(|r| scope.concept_in(list, r, "HL70336"));
        for diagnosis in scope.all_of("DG1") {
            scope.concept_in(list, diagnosis.field(3), "");
        }
    });
    out.resources.push(resource.finish());
}

fn concept<'o, 'b>(scope: &Scope<'_, '_>, o: &'o mut Object<'b>, value: Value<'_>) -> &'o mut Object<'b> {
    scope.concept(o, "code", value, "HL70281");
    o
}

/// Names of the providers (PRD) in a role of table 0286: name, else organization.
fn providers(scope: &Scope<'_, '_>, role: &str) -> Vec<String> {
    let of_role = scope.all_of("PRD").filter(|prd| prd.field(1).repetitions().any(|r| r.text() == role));
    let name = |prd: Segment<'_>| {
        let name = prd.field(2);
        let parts = [5, 2, 3, 1, 4].map(|n| name.component(n).text());
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ")
    };
    of_role.map(name).filter(|n| !n.is_empty()).take(20).collect()
}
