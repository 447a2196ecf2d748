//! Care around the visits: allergies, family history, immunizations, procedures, devices, plans, goals and teams.
//!
//! Not for: medicines or laboratory work.

use super::calendar::{Day, Moment};
use super::chart::{Chart, meta};
use super::fhir::{Code, Concept, Period, Ref, RefText, Text};
use super::json::{With, emit};
use super::labs;
use super::sink::Type;
use super::story::{Visit, VisitKind};
use super::terms::{ALLERGENS, CVX, Course, LOINC, PROBLEMS, PROCEDURES, SNOMED, VACCINES};

/// What is asked at the first visit.
pub fn history(chart: &mut Chart<'_>) {
    allergies(chart);
    family_history(chart);
}

fn allergies(chart: &mut Chart<'_>) {
    const NONE: (&str, &str, &str, &str, &str, &str) = (SNOMED, "716186003", "No known allergy", "", "", "");
    let mut found = Vec::new();
    if chart.dice.percent(40) {
        for _ in 0..chart.dice.between(1, 3) {
            let allergen = *chart.dice.pick_zipf(&ALLERGENS);
            if !found.contains(&allergen) {
                found.push(allergen);
            }
        }
    } else {
        found.push(NONE);
    }
    for (system, code, name, category, reaction_code, reaction) in found {
        chart.allergies.push(code);
        let (subject, id) = (chart.subject(), chart.dice.id());
        let since = Moment::new(chart.person.birth.max(Day::OPENING).plus(chart.dice.between(0, 20)), 640);
        let severe = chart.dice.percent(25);
        let known = !category.is_empty();
        let severity = if severe { "severe" } else { "mild" };
        chart.record(Type::AllergyIntolerance, None, |out| {
            emit!(out, {
                "resourceType": "AllergyIntolerance",
                "id": id,
                "meta": (meta(since, "us-core-allergyintolerance", None)),
                "clinicalStatus": (Code("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active")),
                "verificationStatus": (Code("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed")),
                "type": (known.then_some("allergy")),
                "category": (vec![known.then_some(category)]),
                "criticality": (known.then_some(if severe { "high" } else { "low" })),
                "code": (Concept(system, code, name)),
                "patient": subject,
                "recordedDate": since,
                "reaction": (known.then_some(With(|out| emit!(out, [{
                    "manifestation": [(Concept(SNOMED, reaction_code, reaction))],
                    "severity": severity,
                }])))),
            });
        });
    }
}

fn family_history(chart: &mut Chart<'_>) {
    let relatives = [("MTH", "mother"), ("FTH", "father"), ("SIB", "sibling")];
    for (code, name) in relatives {
        if !chart.dice.percent(35) {
            continue;
        }
        let problem = &PROBLEMS[chart.dice.below(20) as usize];
        let (subject, id) = (chart.subject(), chart.dice.id());
        let asked = Moment::new(chart.person.birth.max(Day::OPENING).plus(2), 650);
        let age = chart.dice.between(35, 80);
        chart.record(Type::FamilyMemberHistory, None, |out| {
            emit!(out, {
                "resourceType": "FamilyMemberHistory",
                "id": id,
                "meta": (meta(asked, "", None)),
                "status": "completed",
                "patient": subject,
                "date": (asked.day),
                "relationship": (Concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", code, name)),
                "condition": [{
                    "code": (Concept(SNOMED, problem.snomed, problem.name)),
                    "onsetString": (format!("about age {age}")),
                }],
            });
        });
    }
}

/// Gives what is due at this age, and the flu shot in autumn.
pub fn immunizations(chart: &mut Chart<'_>, visit: &Visit) {
    let preventive = matches!(visit.kind, VisitKind::Checkup | VisitKind::FollowUp | VisitKind::Birth);
    if !preventive || visit.sensitivity.is_some() {
        return;
    }
    let months = chart.person.birth.until(visit.day()) / 30;
    let (year, month, _) = visit.day().civil();
    for (code, name, due) in &VACCINES {
        let wanted = match *code {
            "150" => (9..=11).contains(&month) && months > 6 && chart.dice.percent(60),
            "208" => year >= 2021 && months > 144 && chart.dice.percent(18),
            _ => due.iter().any(|at| (*at..=at + 2).contains(&months)) && chart.dice.percent(90),
        };
        if wanted {
            immunization(chart, visit, code, name);
        }
    }
}

fn immunization(chart: &mut Chart<'_>, visit: &Visit, code: &'static str, name: &'static str) {
    let (subject, id, lot) = (chart.subject(), chart.dice.id(), chart.dice.digits(5));
    let refused = chart.dice.percent(3);
    chart.record(Type::Immunization, None, |out| {
        emit!(out, {
            "resourceType": "Immunization",
            "id": id,
            "meta": (meta(visit.end(), "us-core-immunization", None)),
            "status": (if refused { "not-done" } else { "completed" }),
            "statusReason": (refused.then_some(Code("http://terminology.hl7.org/CodeSystem/v3-ActReason", "PATOBJ"))),
            "vaccineCode": (Concept(CVX, code, name)),
            "patient": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "occurrenceDateTime": (visit.start.plus_minutes(18)),
            "primarySource": true,
            "lotNumber": ((!refused).then(|| format!("LT{lot}"))),
        });
    });
}

/// Tests and operations; imaging has a study and a report as well.
pub fn procedures(chart: &mut Chart<'_>, visit: &Visit) {
    let age = chart.person.age_on(visit.day());
    if visit.kind == VisitKind::Delivery {
        procedure(chart, visit, ("177184002", "Normal delivery procedure"));
    }
    if visit.sensitivity.is_some() || matches!(visit.kind, VisitKind::Telephone | VisitKind::Birth) {
        return;
    }
    for (code, name, from_age, permille, _) in &PROCEDURES {
        let fits = age >= *from_age && (*code != "71651007" || chart.person.female);
        if fits && chart.dice.permille(permille / 8) {
            procedure(chart, visit, (code, name));
            match *code {
                "399208008" => imaging(chart, visit, Concept(LOINC, "42272-5", "XR Chest PA and Lateral"), "DX"),
                "71651007" => imaging(chart, visit, Concept(LOINC, "24606-6", "MG Breast Screening"), "MG"),
                "609588000" => device(chart, visit),
                _ => {}
            }
        }
    }
}

fn procedure(chart: &mut Chart<'_>, visit: &Visit, (code, name): (&'static str, &'static str)) {
    let (subject, id, doctor) = (chart.subject(), chart.dice.id(), chart.staff(visit.staff));
    let start = visit.start.plus_minutes(chart.dice.between(20, 60));
    let end = start.plus_minutes(chart.dice.between(10, 95));
    chart.record(Type::Procedure, None, |out| {
        emit!(out, {
            "resourceType": "Procedure",
            "id": id,
            "meta": (meta(end, "us-core-procedure", None)),
            "status": "completed",
            "code": (Concept(SNOMED, code, name)),
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "performedPeriod": (Period(start, Some(end))),
            "performer": [{"actor": doctor}],
            "location": {"reference": "Location/loc-7"},
        });
    });
}

fn imaging(chart: &mut Chart<'_>, visit: &Visit, code: Concept, modality: &'static str) {
    let order = labs::request(chart, visit, code);
    let (subject, id, at) = (chart.subject(), chart.dice.id(), visit.start.plus_minutes(45));
    let uid = format!("2.25.{}", chart.dice.digits(18).trim_start_matches('0'));
    chart.record(Type::ImagingStudy, None, |out| {
        emit!(out, {
            "resourceType": "ImagingStudy",
            "id": id,
            "meta": (meta(at, "", None)),
            "identifier": [{"system": "urn:dicom:uid", "value": (format!("urn:oid:{uid}"))}],
            "status": "available",
            "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": modality}],
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "started": at,
            "basedOn": [(Ref("ServiceRequest", order))],
            "numberOfSeries": 1,
            "numberOfInstances": 2,
            "description": (code.2),
            "series": [{
                "uid": (format!("{uid}.1")),
                "modality": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": modality},
                "numberOfInstances": 2,
            }],
        });
    });
    let conclusion = *chart.dice.pick(&[
        "No acute cardiopulmonary process.",
        "No evidence of malignancy. Routine follow-up.",
        "Mild degenerative change, otherwise unremarkable.",
        "Small calcified granuloma, unchanged from prior study.",
    ]);
    labs::report(chart, visit, at, code, "RAD", order, &[], conclusion);
}

fn device(chart: &mut Chart<'_>, visit: &Visit) {
    let (subject, id, serial) = (chart.subject(), chart.dice.id(), chart.dice.digits(8));
    chart.record(Type::Device, None, |out| {
        emit!(out, {
            "resourceType": "Device",
            "id": id,
            "meta": (meta(visit.end(), "us-core-implantable-device", None)),
            "udiCarrier": [{"deviceIdentifier": "00819999000017", "carrierHRF": (format!("(01)00819999000017(21){serial}"))}],
            "status": "active",
            "serialNumber": (serial),
            "type": (Concept(SNOMED, "304120007", "Total knee replacement prosthesis")),
            "patient": subject,
        });
    });
}

/// Plans for those with chronic problems, at the end of the story.
pub fn plans(chart: &mut Chart<'_>, last: &Visit) {
    let chronic: Vec<usize> = (0..chart.problems.len())
        .filter(|&i| chart.recorded[i] && chart.problems[i].term.course == Course::Chronic)
        .take(3)
        .collect();
    if chronic.is_empty() {
        return;
    }
    let doctor = last.staff;
    let team = team(chart, last, doctor);
    for which in chronic {
        let goal = goal(chart, last, which);
        plan(chart, last, which, goal, team);
    }
}

fn team(chart: &mut Chart<'_>, last: &Visit, doctor: usize) -> Ref {
    let (subject, id) = (chart.subject(), chart.dice.id());
    let doctor = Ref("PractitionerRole", chart.hospital.staff[doctor].role);
    chart.record(Type::CareTeam, None, |out| {
        emit!(out, {
            "resourceType": "CareTeam",
            "id": id,
            "meta": (meta(last.end(), "us-core-careteam", None)),
            "status": "active",
            "name": "Primary care team",
            "subject": subject,
            "participant": [
                {"role": [(Concept(SNOMED, "446050000", "Primary care physician"))], "member": doctor},
                {"role": [(Concept(SNOMED, "116154003", "Patient"))], "member": subject},
            ],
        });
    });
    Ref("CareTeam", id)
}

fn goal(chart: &mut Chart<'_>, last: &Visit, which: usize) -> Ref {
    let (subject, id) = (chart.subject(), chart.dice.id());
    let (condition, name) = (chart.problems[which].id, chart.problems[which].term.name);
    let target = last.day().plus(chart.dice.between(60, 360));
    chart.record(Type::Goal, None, |out| {
        emit!(out, {
            "resourceType": "Goal",
            "id": id,
            "meta": (meta(last.end(), "us-core-goal", None)),
            "lifecycleStatus": "active",
            "description": (Text(&format!("Keep {} under control with as few medicines as possible", name.to_lowercase()))),
            "subject": subject,
            "startDate": (last.day()),
            "target": [{"dueDate": target}],
            "addresses": [(Ref("Condition", condition))],
        });
    });
    Ref("Goal", id)
}

fn plan(chart: &mut Chart<'_>, last: &Visit, which: usize, goal: Ref, team: Ref) {
    let (subject, id) = (chart.subject(), chart.dice.id());
    let (condition, name) = (chart.problems[which].id, chart.problems[which].term.name);
    chart.record(Type::CarePlan, None, |out| {
        emit!(out, {
            "resourceType": "CarePlan",
            "id": id,
            "meta": (meta(last.end(), "us-core-careplan", None)),
            "text": {
                "status": "generated",
                "div": (format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">Plan for {}</div>", name.to_lowercase())),
            },
            "status": "active",
            "intent": "plan",
            "category": [(Code("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan"))],
            "title": (format!("{name}: plan")),
            "subject": subject,
            "period": (Period(last.day(), None)),
            "careTeam": [team],
            "addresses": [(Ref("Condition", condition))],
            "goal": [goal],
            "activity": [{
                "detail": {
                    "status": "in-progress",
                    "code": (Text("Review at every visit")),
                    "performer": [(RefText("Organization/org-2".into(), None))],
                },
            }],
        });
    });
}
