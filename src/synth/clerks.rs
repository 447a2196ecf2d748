//! The paper trail: appointments, bills, messages, questionnaires, summaries, provenance and the old system's own log.
//!
//! Not for: registration, or anything that a clinician decides.

use super::calendar::Moment;
use super::care;
use super::chart::{Chart, meta};
use super::dice::Id;
use super::fhir::{Code, Coding, Concept, Period, Ref, RefText};
use super::json::{Decimal, With, emit};
use super::sink::Type;
use super::story::{Visit, VisitKind};
use super::terms::{Course, LOINC, SNOMED};

/// What is filed after a visit.
pub fn paperwork(chart: &mut Chart<'_>, visit: &Visit) {
    let planned = matches!(visit.kind, VisitKind::Checkup | VisitKind::FollowUp | VisitKind::Consult);
    if planned && chart.dice.percent(45) {
        appointment(chart, visit);
    }
    if visit.sensitivity.is_none() && chart.dice.percent(14) {
        bill(chart, visit);
    }
    if visit.kind == VisitKind::Telephone {
        message(chart, visit);
    }
    if planned && chart.person.age_on(visit.day()) > 17 && chart.dice.percent(10) {
        questionnaire(chart, visit);
    }
}

/// What is filed once, when the story is over.
pub fn finish(chart: &mut Chart<'_>, visits: &[Visit]) {
    if let Some(last) = visits.iter().rev().find(|v| v.sensitivity.is_none()) {
        care::plans(chart, last);
        episode(chart, last);
        if chart.dice.percent(25) {
            summary(chart, last);
        }
    }
    for _ in 0..chart.dice.between(1, 4) {
        if let Some(visit) = visits.get(chart.dice.below(visits.len() as u64) as usize) {
            audit_event(chart, visit);
        }
    }
}

/// An appointment; a child's names the mother too.
fn appointment(chart: &mut Chart<'_>, visit: &Visit) {
    let (subject, id, doctor) = (chart.subject(), chart.dice.id(), chart.staff(visit.staff));
    let mother = chart.person.mother_index().filter(|_| chart.person.age_on(visit.day()) < 18);
    let companion = mother.map(|index| (index, Ref("Patient", super::people::person(chart.seed, index).id)));
    let mut patients = vec![chart.person.index];
    patients.extend(companion.map(|(index, _)| index));
    let booked = Moment::new(visit.day().plus(-chart.dice.between(2, 60)), 700);
    chart.record_with(Type::Appointment, visit.sensitivity, &patients, |out| {
        let companion = companion.map(|(_, mother)| {
            With(move |out| emit!(out, {"actor": mother, "required": "information-only", "status": "accepted"}))
        });
        emit!(out, {
            "resourceType": "Appointment",
            "id": id,
            "meta": (meta(booked, "", visit.sensitivity)),
            "status": "fulfilled",
            "description": (format!("{:?} visit", visit.kind)),
            "start": (visit.start),
            "end": (visit.end()),
            "created": booked,
            "participant": [
                {"actor": subject, "required": "required", "status": "accepted"},
                {"actor": doctor, "required": "required", "status": "accepted"},
                companion,
            ],
        });
    });
}

fn bill(chart: &mut Chart<'_>, visit: &Visit) {
    let (subject, claim, answer) = (chart.subject(), chart.dice.id(), chart.dice.id());
    let coverage = Ref("Coverage", chart.coverage);
    let cents = chart.dice.between(4_500, 90_000) * if visit.kind == VisitKind::Inpatient { 40 } else { 1 };
    let filed = visit.end().plus_minutes(3 * 1440);
    let (amount, paid) = (Decimal::new(cents, 2), Decimal::new(cents * 8 / 10, 2));
    let kind = Code("http://terminology.hl7.org/CodeSystem/claim-type", "professional");
    charge(chart, visit, filed, amount);
    chart.record(Type::Claim, None, |out| {
        emit!(out, {
            "resourceType": "Claim",
            "id": claim,
            "meta": (meta(filed, "", None)),
            "status": "active",
            "type": kind,
            "use": "claim",
            "patient": subject,
            "billablePeriod": (Period(visit.start, Some(visit.end()))),
            "created": filed,
            "provider": {"reference": "Organization/org-1"},
            "priority": (Code("http://terminology.hl7.org/CodeSystem/processpriority", "normal")),
            "insurance": [{"sequence": 1, "focal": true, "coverage": coverage}],
            "item": [{
                "sequence": 1,
                "productOrService": (Concept(SNOMED, "308335008", "Patient encounter procedure")),
                "encounter": [(Ref("Encounter", visit.id))],
                "net": {"value": amount, "currency": "USD"},
            }],
            "total": {"value": amount, "currency": "USD"},
        });
    });
    chart.record(Type::ExplanationOfBenefit, None, |out| {
        emit!(out, {
            "resourceType": "ExplanationOfBenefit",
            "id": answer,
            "meta": (meta(filed.plus_minutes(9 * 1440), "", None)),
            "status": "active",
            "type": kind,
            "use": "claim",
            "patient": subject,
            "created": (filed.plus_minutes(9 * 1440)),
            "insurer": {"reference": "Organization/org-4"},
            "provider": {"reference": "Organization/org-1"},
            "claim": (Ref("Claim", claim)),
            "outcome": "complete",
            "insurance": [{"focal": true, "coverage": coverage}],
            "total": [{
                "category": (Code("http://terminology.hl7.org/CodeSystem/adjudication", "benefit")),
                "amount": {"value": paid, "currency": "USD"},
            }],
        });
    });
}

fn charge(chart: &mut Chart<'_>, visit: &Visit, filed: Moment, amount: Decimal) {
    let (subject, id, account) = (chart.subject(), chart.dice.id(), Ref("Account", chart.account));
    chart.record(Type::ChargeItem, None, |out| {
        emit!(out, {
            "resourceType": "ChargeItem",
            "id": id,
            "meta": (meta(filed, "", None)),
            "status": "billed",
            "code": (Concept(SNOMED, "308335008", "Patient encounter procedure")),
            "subject": subject,
            "context": (Ref("Encounter", visit.id)),
            "occurrenceDateTime": (visit.start),
            "priceOverride": {"value": amount, "currency": "USD"},
            "enteredDate": filed,
            "account": [account],
        });
    });
}

fn message(chart: &mut Chart<'_>, visit: &Visit) {
    let (subject, id, nurse) = (chart.subject(), chart.dice.id(), chart.staff(visit.staff));
    let text = *chart.dice.pick(&[
        "Asks whether the refill has been sent to the pharmacy.",
        "Wants to move the appointment to the following week.",
        "Home readings are better since the last change.",
        "Result discussed by phone, no change of plan.",
    ]);
    chart.record(Type::Communication, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "Communication",
            "id": id,
            "meta": (meta(visit.end(), "", visit.sensitivity)),
            "status": "completed",
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "sent": (visit.start),
            "recipient": [nurse],
            "sender": subject,
            "payload": [{"contentString": text}],
        });
    });
}

/// The two questions of a depression screen, as a plain form of this hospital.
fn questionnaire(chart: &mut Chart<'_>, visit: &Visit) {
    let (subject, id) = (chart.subject(), chart.dice.id());
    let answers = [chart.dice.below(3), chart.dice.below(2)];
    chart.record(Type::QuestionnaireResponse, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "QuestionnaireResponse",
            "id": id,
            "meta": (meta(visit.start, "", visit.sensitivity)),
            "questionnaire": "http://hospital.example/forms/rooming|1",
            "status": "completed",
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "authored": (visit.start),
            "source": subject,
            "item": [
                {"linkId": "1", "text": "Falls in the last year", "answer": [{"valueInteger": (answers[0])}]},
                {"linkId": "2", "text": "Feels safe at home", "answer": [{"valueBoolean": (answers[1] == 0)}]},
            ],
        });
    });
}

fn episode(chart: &mut Chart<'_>, last: &Visit) {
    let chronic = |i: &usize| chart.recorded[*i] && chart.problems[*i].term.course == Course::Chronic;
    let Some(which) = (0..chart.problems.len()).find(chronic) else { return };
    let condition = Ref("Condition", chart.problems[which].id);
    let start = chart.problems[which].onset.max(super::calendar::Day::OPENING);
    let (subject, id) = (chart.subject(), chart.dice.id());
    chart.record(Type::EpisodeOfCare, None, |out| {
        emit!(out, {
            "resourceType": "EpisodeOfCare",
            "id": id,
            "meta": (meta(last.end(), "", None)),
            "status": "active",
            "diagnosis": [{"condition": condition, "rank": 1}],
            "patient": subject,
            "managingOrganization": {"reference": "Organization/org-2"},
            "period": (Period(start, None)),
        });
    });
}

/// A summary made at the end, with one section that points to the problems.
fn summary(chart: &mut Chart<'_>, last: &Visit) {
    let (subject, id, doctor) = (chart.subject(), chart.dice.id(), chart.staff(last.staff));
    let entries: Vec<Ref> = (0..chart.problems.len())
        .filter(|&i| chart.recorded[i] && chart.problems[i].sensitivity().is_none())
        .take(6)
        .map(|i| Ref("Condition", chart.problems[i].id))
        .collect();
    chart.record(Type::Composition, None, |out| {
        emit!(out, {
            "resourceType": "Composition",
            "id": id,
            "meta": (meta(last.end(), "", None)),
            "status": "final",
            "type": (Concept(LOINC, "34133-9", "Summary of episode note")),
            "subject": subject,
            "encounter": (Ref("Encounter", last.id)),
            "date": (last.end()),
            "author": [doctor],
            "title": "Summary of care",
            "section": [{"title": "Problems", "code": (Concept(LOINC, "11450-4", "Problem list")), "entry": entries}],
        });
    });
    provenance(chart, last, id);
}

fn provenance(chart: &mut Chart<'_>, last: &Visit, target: Id) {
    let (subject, id, doctor) = (chart.subject(), chart.dice.id(), chart.staff(last.staff));
    chart.record(Type::Provenance, None, |out| {
        emit!(out, {
            "resourceType": "Provenance",
            "id": id,
            "meta": (meta(last.end(), "us-core-provenance", None)),
            "target": [(Ref("Composition", target)), subject],
            "recorded": (last.end()),
            "agent": [{
                "type": (Code("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author")),
                "who": doctor,
                "onBehalfOf": {"reference": "Organization/org-1"},
            }],
        });
    });
}

/// A line of the old system's own access log.
fn audit_event(chart: &mut Chart<'_>, visit: &Visit) {
    let (subject, id, at) = (chart.subject(), chart.dice.id(), visit.start.plus_minutes(chart.dice.between(1, 40)));
    let user = &chart.hospital.staff[visit.staff];
    let who = RefText(format!("Practitioner/{}", user.id), Some(user.signature()));
    chart.record(Type::AuditEvent, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "AuditEvent",
            "id": id,
            "meta": (meta(at, "", visit.sensitivity)),
            "type": (Coding("http://dicom.nema.org/resources/ontology/DCM", "110110", "Patient Record")),
            "action": "R",
            "recorded": at,
            "outcome": "0",
            "agent": [{"who": who, "requestor": true}],
            "source": {"observer": {"reference": "Organization/org-1"}, "site": "retired-ehr"},
            "entity": [{"what": subject}],
        });
    });
}
