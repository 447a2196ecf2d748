//! What the patient takes: orders, the patient's own list, doses given on the ward, and what the pharmacy handed out.
//!
//! Not for: which problem asks for which drug (`terms`).

use super::chart::{Chart, Taken, meta};
use super::dice::Id;
use super::fhir::{Coding, Concept, Quantity, Ref, Text};
use super::json::{Emit, With, emit};
use super::sink::Type;
use super::story::{Visit, VisitKind};
use super::terms::{Course, DRUGS, Drug, RXNORM};

/// `medicationCodeableConcept` of a drug: RxNorm ingredient, text with strength.
fn concept(drug: &'static Drug) -> impl Emit {
    With(move |out| {
        let text = format!("{} {}", drug.name, drug.strength);
        emit!(out, {"coding": [(Coding(RXNORM, drug.rxnorm, drug.name))], "text": text});
    })
}

/// Starts what the visit's reason asks for, renews the rest, and writes down what the patient reports.
pub fn review(chart: &mut Chart<'_>, visit: &Visit) {
    if let Some(reason) = visit.reason {
        prescribe_for(chart, visit, reason);
    }
    for problem in 0..chart.problems.len() {
        let held = &chart.problems[problem];
        let due = visit.sensitivity.is_none() && held.term.course == Course::Chronic && held.active_on(visit.day());
        if due && chart.dice.percent(30) {
            prescribe_for(chart, visit, problem);
        }
    }
    let current: Vec<(usize, usize)> = chart
        .medicines
        .iter()
        .enumerate()
        .filter(|(_, m)| m.sensitivity == visit.sensitivity && DRUGS[m.drug].days == 0)
        .map(|(i, m)| (i, m.drug))
        .collect();
    for (_, drug) in current.iter().copied() {
        match visit.kind {
            VisitKind::Inpatient => doses(chart, visit, drug),
            VisitKind::Checkup | VisitKind::FollowUp if chart.dice.percent(14) => {
                request(chart, visit, drug, None);
            }
            _ if chart.dice.percent(6) => statement(chart, visit, drug),
            _ => {}
        }
    }
}

fn prescribe_for(chart: &mut Chart<'_>, visit: &Visit, problem: usize) {
    let held = &chart.problems[problem];
    let (term, condition, sensitivity) = (held.term, held.id, held.sensitivity());
    if term.drugs.is_empty() || (sensitivity.is_some() && visit.sensitivity != sensitivity) {
        return;
    }
    let drug = *chart.dice.pick(term.drugs);
    let allergic = chart.allergies.contains(&DRUGS[drug].rxnorm);
    if allergic || chart.medicines.iter().any(|m| m.drug == drug && DRUGS[drug].days == 0) {
        return;
    }
    chart.medicines.push(Taken { drug, since: visit.day(), sensitivity });
    let order = request(chart, visit, drug, Some(condition));
    if chart.dice.percent(35) {
        dispense(chart, visit, drug, order);
    }
}

fn request(chart: &mut Chart<'_>, visit: &Visit, which: usize, condition: Option<Id>) -> Id {
    let (subject, id, doctor) = (chart.subject(), chart.dice.id(), chart.staff(visit.staff));
    let drug = &DRUGS[which];
    let from_formulary = chart.dice.percent(10);
    let status = match (drug.days, chart.dice.below(10)) {
        (0, 0..7) => "active",
        (0, 7) => "stopped",
        _ => "completed",
    };
    chart.record(Type::MedicationRequest, visit.sensitivity, |out| {
        let medication = (!from_formulary).then(|| concept(drug));
        let reference = from_formulary.then_some(With(|out| emit!(out, {"reference": (format!("Medication/med-{which}"))})));
        emit!(out, {
            "resourceType": "MedicationRequest",
            "id": id,
            "meta": (meta(visit.end(), "us-core-medicationrequest", visit.sensitivity)),
            "status": status,
            "intent": "order",
            "reportedBoolean": false,
            "medicationCodeableConcept": medication,
            "medicationReference": reference,
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "authoredOn": (visit.start.plus_minutes(14)),
            "requester": doctor,
            "reasonReference": (vec![condition.map(|id| Ref("Condition", id))]),
            "dosageInstruction": [{
                "text": (drug.sig),
                "timing": {"repeat": {"frequency": (drug.per_day), "period": 1, "periodUnit": "d"}},
            }],
            "dispenseRequest": {
                "numberOfRepeatsAllowed": (if drug.days == 0 { 3 } else { 0 }),
                "quantity": {"value": (drug.per_day * if drug.days == 0 { 90 } else { drug.days })},
            },
        });
    });
    id
}

fn dispense(chart: &mut Chart<'_>, visit: &Visit, which: usize, order: Id) {
    let (subject, id, drug) = (chart.subject(), chart.dice.id(), &DRUGS[which]);
    let at = visit.end().plus_minutes(chart.dice.between(40, 2000));
    chart.record(Type::MedicationDispense, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "MedicationDispense",
            "id": id,
            "meta": (meta(at, "", visit.sensitivity)),
            "status": "completed",
            "medicationCodeableConcept": (concept(drug)),
            "subject": subject,
            "authorizingPrescription": [(Ref("MedicationRequest", order))],
            "quantity": {"value": (drug.per_day * 30)},
            "daysSupply": (Quantity::new(30, 0, "d")),
            "whenHandedOver": at,
            "dosageInstruction": [{"text": (drug.sig)}],
        });
    });
}

/// What the patient says; the drug is a contained Medication, as some interfaces write it.
fn statement(chart: &mut Chart<'_>, visit: &Visit, which: usize) {
    let (subject, id, drug) = (chart.subject(), chart.dice.id(), &DRUGS[which]);
    chart.record(Type::MedicationStatement, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "MedicationStatement",
            "id": id,
            "meta": (meta(visit.start, "", visit.sensitivity)),
            "contained": [{"resourceType": "Medication", "id": "med", "code": (concept(drug))}],
            "status": "active",
            "medicationReference": {"reference": "#med"},
            "subject": subject,
            "context": (Ref("Encounter", visit.id)),
            "dateAsserted": (visit.day()),
            "informationSource": subject,
            "dosage": [{"text": (drug.sig)}],
        });
    });
}

fn doses(chart: &mut Chart<'_>, visit: &Visit, which: usize) {
    let drug = &DRUGS[which];
    for day in 0..(visit.minutes / 1440).min(4) {
        let (subject, id, nurse) = (chart.subject(), chart.dice.id(), chart.hospital.any_of(11, &mut chart.dice));
        let nurse = chart.staff(nurse);
        let at = visit.start.plus_minutes(day * 1440 + 60 + chart.dice.between(0, 30));
        chart.record(Type::MedicationAdministration, visit.sensitivity, |out| {
            emit!(out, {
                "resourceType": "MedicationAdministration",
                "id": id,
                "meta": (meta(at, "", visit.sensitivity)),
                "status": "completed",
                "medicationCodeableConcept": (concept(drug)),
                "subject": subject,
                "context": (Ref("Encounter", visit.id)),
                "effectiveDateTime": at,
                "performer": [{"actor": nurse}],
                "dosage": {
                    "text": (drug.sig),
                    "route": (Concept("http://snomed.info/sct", "26643006", "Oral route")),
                    "dose": (Quantity::new(1, 0, "{dose}")),
                },
                "note": [(Text("Given as ordered."))],
            });
        });
    }
}
