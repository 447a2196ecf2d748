//! The frame of a visit: Encounter, the problems found at it, and the vital signs.
//!
//! Not for: laboratory results (`labs`) or what is done about anything.

use super::calendar::{Day, Partial};
use super::chart::{Chart, meta};
use super::dice::Id;
use super::fhir::{CATEGORY, Code, Coding, Concept, Period, Quantity, Ref};
use super::hospital::LOCATIONS;
use super::json::{Emit, With, emit};
use super::sink::Type;
use super::story::{Visit, VisitKind};
use super::terms::{Course, HYPERTENSION, ICD10, LOINC, SNOMED};

/// (v3-ActCode class, class name, SNOMED type, type)
fn kind_codes(kind: VisitKind) -> (&'static str, &'static str, &'static str, &'static str) {
    match kind {
        VisitKind::Checkup => ("AMB", "ambulatory", "185349003", "Encounter for check up"),
        VisitKind::FollowUp => ("AMB", "ambulatory", "390906007", "Follow-up encounter"),
        VisitKind::Sick => ("AMB", "ambulatory", "185345009", "Encounter for symptom"),
        VisitKind::Emergency => ("EMER", "emergency", "50849002", "Emergency department patient visit"),
        VisitKind::Inpatient => ("IMP", "inpatient encounter", "32485007", "Hospital admission"),
        VisitKind::Telephone => ("VR", "virtual", "185317003", "Telephone encounter"),
        VisitKind::Consult => ("AMB", "ambulatory", "11429006", "Consultation"),
        VisitKind::Birth => ("IMP", "inpatient encounter", "32485007", "Hospital admission"),
        VisitKind::Delivery => ("IMP", "inpatient encounter", "183460006", "Obstetric emergency hospital admission"),
    }
}

pub fn encounter(chart: &mut Chart<'_>, visit: &Visit) {
    let subject = chart.subject();
    let doctor = chart.staff(visit.staff);
    let (class, class_name, code, display) = kind_codes(visit.kind);
    let (place, place_name, _) = LOCATIONS[visit.place];
    let reason = visit.reason.map(|i| &chart.problems[i]).map(|p| (p.id, Concept(SNOMED, p.term.snomed, p.term.name)));
    let inpatient = class == "IMP";
    let disposition = if chart.dice.percent(90) { ("home", "Home") } else { ("snf", "Skilled nursing facility") };
    let number = format!("V{:08}", chart.dice.below(100_000_000));
    let period = Period(visit.start, Some(visit.end()));
    chart.record(Type::Encounter, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "Encounter",
            "id": (visit.id),
            "meta": (meta(visit.end(), "us-core-encounter", visit.sensitivity)),
            "identifier": [{"system": "urn:oid:2.16.840.1.113883.19.5.99.2", "value": number}],
            "status": "finished",
            "class": (Coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", class, class_name)),
            "type": [(Concept(SNOMED, code, display))],
            "subject": subject,
            "participant": [{
                "type": [(Code("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PPRF"))],
                "period": period,
                "individual": doctor,
            }],
            "period": period,
            "reasonCode": (reason.map(|(_, concept)| With(move |out| emit!(out, [concept])))),
            "diagnosis": (reason.map(|(id, _)| With(move |out| emit!(out, [{"condition": (Ref("Condition", id)), "rank": 1}])))),
            "hospitalization": (inpatient.then_some(With(|out| emit!(out, {
                "dischargeDisposition": (Concept(
                    "http://terminology.hl7.org/CodeSystem/discharge-disposition", disposition.0, disposition.1
                )),
            })))),
            "location": [{"location": {"reference": (format!("Location/{place}")), "display": place_name}}],
            "serviceProvider": {"reference": "Organization/org-1"},
        });
    });
}

/// Puts the problems that have come up since the last visit on the list, and this visit's own diagnosis.
pub fn conditions(chart: &mut Chart<'_>, visit: &Visit) {
    for i in 0..chart.problems.len() {
        if chart.recorded[i] || chart.problems[i].onset > visit.day() {
            continue;
        }
        // A sensitive problem comes to light at a visit of its own, so that nothing ordinary points to it; and no
        // ordinary one at such a visit.
        let sensitive = chart.problems[i].sensitivity().is_some() || visit.sensitivity.is_some();
        if sensitive && visit.reason != Some(i) {
            continue;
        }
        chart.recorded[i] = true;
        condition(chart, visit, i);
    }
}

fn condition(chart: &mut Chart<'_>, visit: &Visit, which: usize) {
    let subject = chart.subject();
    let doctor = chart.staff(visit.staff);
    let roll = chart.dice.below(100);
    let last = chart.person.last_day();
    let held = &chart.problems[which];
    let (term, id, label) = (held.term, held.id, held.sensitivity());
    let acute = term.course == Course::Acute;
    let onset = match roll {
        _ if acute => Partial::Day(held.onset),
        0..25 => Partial::Month(held.onset),
        25..45 => Partial::Year(held.onset),
        _ => Partial::Day(held.onset),
    };
    let abatement = held.resolved.filter(|end| *end <= last);
    let (status, category) = (
        if abatement.is_some() { "resolved" } else { "active" },
        if acute { "encounter-diagnosis" } else { "problem-list-item" },
    );
    let meta = meta(visit.end(), "us-core-condition-problems-health-concerns", label);
    chart.record(Type::Condition, label, |out| {
        emit!(out, {
            "resourceType": "Condition",
            "id": id,
            "meta": meta,
            "clinicalStatus": (Code("http://terminology.hl7.org/CodeSystem/condition-clinical", status)),
            "verificationStatus": (Code("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed")),
            "category": [(Code("http://terminology.hl7.org/CodeSystem/condition-category", category))],
            "code": {
                "coding": [(Coding(SNOMED, term.snomed, term.name)), (Coding(ICD10, term.icd, term.name))],
                "text": (term.name),
            },
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "onsetDateTime": onset,
            "abatementDateTime": abatement,
            "recordedDate": (visit.day()),
            "recorder": doctor,
        });
    });
}

/// The values of a growing or ageing body on a day: height in mm, weight in tenths of a kilogram.
fn body(chart: &Chart<'_>, day: Day) -> (i64, i64) {
    let months = (chart.person.birth.until(day) / 30).clamp(0, 216);
    // Height climbs from 500 mm: fast in the first two years, then evenly until 18.
    let grown = if months < 24 { 500 + months * 15 } else { 860 + (months - 24) * (chart.height_mm - 860) / 192 };
    let height = grown.min(chart.height_mm);
    // Body mass index 14 to 16 for children, 24 for adults, times the person's own share; years add a little.
    let index = if months < 216 { 145 + months / 4 } else { 235 + chart.person.age_on(day).min(60) / 2 };
    (height, (height * height / 1000 * index / 1000 * chart.weight_percent / 100).max(28))
}

pub fn vitals(chart: &mut Chart<'_>, visit: &Visit) {
    let age = chart.person.age_on(visit.day());
    let (height, weight) = body(chart, visit.day());
    let weight = weight + chart.dice.bell(weight / 90 + 1);
    let fever = matches!(visit.kind, VisitKind::Sick | VisitKind::Emergency) && chart.dice.percent(30);
    let pulse = if age < 3 {
        118
    } else if age < 12 {
        92
    } else {
        74
    };
    let drawn = [
        ("8867-4", "Heart rate", pulse + chart.dice.bell(9) + i64::from(fever) * 14, 0, "/min"),
        ("9279-1", "Respiratory rate", (if age < 3 { 32 } else { 16 }) + chart.dice.bell(2), 0, "/min"),
        ("8310-5", "Body temperature", 367 + chart.dice.bell(2) + i64::from(fever) * 15, 1, "Cel"),
        ("29463-7", "Body weight", weight, 1, "kg"),
        ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", 100 - chart.dice.between(1, 4), 0, "%"),
        ("8302-2", "Body height", height / 10, 0, "cm"),
        ("39156-5", "Body mass index (BMI) [Ratio]", weight * 1_000_000 / (height * height), 1, "kg/m2"),
    ];
    for (i, (code, name, units, places, unit)) in drawn.into_iter().enumerate() {
        if i >= 4 && !chart.dice.percent(65) {
            continue;
        }
        vital(chart, visit, code, name, Quantity::new(units, places, unit));
    }
    if age >= 3 {
        blood_pressure(chart, visit);
    }
    if age >= 13 && chart.dice.percent(20) {
        smoking(chart, visit);
    }
}

fn vital(chart: &mut Chart<'_>, visit: &Visit, code: &'static str, name: &'static str, value: Quantity) {
    let concept = Concept(LOINC, code, name);
    observation(chart, visit, "vital-signs", "us-core-vital-signs", concept, |out| out.field("valueQuantity", &value));
}

fn blood_pressure(chart: &mut Chart<'_>, visit: &Visit) {
    let raised = if chart.has(HYPERTENSION, visit.day()).is_some() { 17 } else { 0 };
    let age = chart.person.age_on(visit.day()).min(80);
    let systolic = 100 + age * 3 / 8 + raised + chart.dice.bell(8);
    let diastolic = 60 + age / 5 + raised / 2 + chart.dice.bell(6);
    let concept = Concept(LOINC, "85354-9", "Blood pressure panel with all children optional");
    observation(chart, visit, "vital-signs", "us-core-blood-pressure", concept, |out| {
        let part = |code, name, value| {
            With(move |out| {
                emit!(out, {"code": (Concept(LOINC, code, name)), "valueQuantity": (Quantity::new(value, 0, "mm[Hg]"))});
            })
        };
        out.key("component");
        emit!(
            out,
            [(part("8480-6", "Systolic blood pressure", systolic)), (part("8462-4", "Diastolic blood pressure", diastolic)),]
        );
    });
}

fn smoking(chart: &mut Chart<'_>, visit: &Visit) {
    const KINDS: [(&str, &str); 4] = [
        ("266919005", "Never smoked tobacco"),
        ("8517006", "Ex-smoker"),
        ("449868002", "Smokes tobacco daily"),
        ("266919005", "Never smoked tobacco"),
    ];
    // A habit belongs to the person: it follows from the name and not from the day.
    let (code, name) = KINDS[(chart.person.index % 4) as usize];
    let concept = Concept(LOINC, "72166-2", "Tobacco smoking status");
    observation(chart, visit, "social-history", "us-core-smokingstatus", concept, |out| {
        out.field("valueCodeableConcept", &Concept(SNOMED, code, name));
    });
}

/// An observation made by the nurse at the visit; `value` writes its value or components.
pub fn observation(
    chart: &mut Chart<'_>,
    visit: &Visit,
    category: &'static str,
    profile: &'static str,
    code: impl Emit,
    value: impl FnOnce(&mut super::json::Json),
) {
    let (subject, id): (Ref, Id) = (chart.subject(), chart.dice.id());
    let at = visit.start.plus_minutes(chart.dice.between(1, 12));
    let meta = meta(at, profile, visit.sensitivity);
    chart.record(Type::Observation, visit.sensitivity, |out| {
        out.open(b'{');
        out.field("resourceType", "Observation");
        out.field("id", &id);
        out.field("meta", &meta);
        out.field("status", "final");
        out.key("category");
        emit!(out, [(Code(CATEGORY, category))]);
        out.field("code", &code);
        out.field("subject", &subject);
        out.field("encounter", &Ref("Encounter", visit.id));
        out.field("effectiveDateTime", &at);
        value(out);
        out.close(b'}');
    });
}
