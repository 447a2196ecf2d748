//! Laboratory work: orders, specimens, results that drift with the person's problems, and reports.
//!
//! Not for: vital signs (`visit`).

use super::calendar::{Day, Moment};
use super::chart::{Chart, Latest, meta};
use super::dice::{Dice, Id, Stream};
use super::fhir::{CATEGORY, Code, Coding, Concept, Quantity, Ref, RefText};
use super::json::{Decimal, Json, With, emit};
use super::people::Person;
use super::sink::{Point, SAMPLES, Sink, Type};
use super::story::{Visit, VisitKind};
use super::terms::{self, BLOOD_COUNT, LIPID, LOINC, METABOLIC, Panel, SNOMED, TESTS, Test};

const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";

/// Where in the normal range a person's own values lie, for each test.
pub struct Baseline(Vec<i64>);

impl Baseline {
    pub fn new(person: &Person, dice: &mut Dice) -> Baseline {
        let usual = |test: &Test, dice: &mut Dice| test.low + (test.high - test.low) * dice.between(22, 78) / 100;
        let mut values: Vec<i64> = TESTS.iter().map(|test| usual(test, dice)).collect();
        if person.female {
            values[terms::HEMOGLOBIN] -= 8;
            values[terms::CREATININE] -= 12;
        }
        Baseline(values)
    }
}

/// What happens with the values of this test in this person on this day.
fn value(chart: &mut Chart<'_>, test: usize, day: Day) -> i64 {
    let years = |number| chart.has(number, day).map(|p| (p.onset.until(day) / 365).min(15));
    let base = chart.baseline.0[test];
    let (diabetes, kidney) = (years(terms::DIABETES), years(terms::KIDNEY));
    let center = match test {
        terms::A1C => diabetes.map_or(base, |y| 66 + y * 2 + base % 7),
        // Average glucose that belongs to an HbA1c, by the line of the ADAG study: 28.7 × HbA1c − 46.7 mg/dL.
        terms::GLUCOSE => diabetes.map_or(base, |y| ((66 + y * 2) * 287 - 4670) / 100),
        terms::CREATININE => kidney.map_or(base, |y| 150 + y * 7),
        terms::EGFR => kidney.map_or(base.min(118 - chart.person.age_on(day) / 2), |y| (52 - y * 2).max(16)),
        terms::HEMOGLOBIN if years(terms::ANEMIA).is_some() => base - 34,
        terms::FERRITIN if years(terms::ANEMIA).is_some() => 9,
        terms::LDL | terms::TRIGLYCERIDE => years(terms::LIPIDS).map_or(base, |y| base + 58 - y * 3),
        terms::TSH => years(terms::THYROID).map_or(base, |y| if y < 1 { 880 } else { base + 60 }),
        terms::URATE if years(terms::GOUT).is_some() => base + 26,
        terms::VIRAL_LOAD => 12,
        terms::VITAMIN_D => base - 18,
        _ => base,
    };
    (center + chart.dice.bell(TESTS[test].spread)).max(i64::from(test != terms::TROPONIN && test != terms::VIRAL_LOAD))
}

fn flag(test: &Test, value: i64) -> &'static str {
    let width = test.high - test.low;
    match value {
        v if v > test.high + width * 2 => "HH",
        v if v > test.high => "H",
        v if v < test.low - width => "LL",
        v if v < test.low => "L",
        _ => "N",
    }
}

/// Orders what the occasion and the problems ask for.
pub fn order(chart: &mut Chart<'_>, visit: &Visit) {
    let (day, age) = (visit.day(), chart.person.age_on(visit.day()));
    let thorough = matches!(visit.kind, VisitKind::Emergency | VisitKind::Inpatient | VisitKind::Delivery);
    let routine = matches!(visit.kind, VisitKind::Checkup | VisitKind::FollowUp | VisitKind::Consult);
    let seen = visit.kind != VisitKind::Telephone;
    if age < 2 || !seen || !(thorough || routine || chart.dice.percent(12)) {
        return;
    }
    if thorough || (age > 17 && chart.dice.percent(58)) {
        panel(chart, visit, &METABOLIC);
    }
    if thorough || chart.dice.percent(36) {
        panel(chart, visit, &BLOOD_COUNT);
    }
    if routine && age > 30 && chart.dice.percent(40) {
        panel(chart, visit, &LIPID);
    }
    let wanted = [
        (terms::A1C, terms::DIABETES),
        (terms::TSH, terms::THYROID),
        (terms::INR, terms::FIBRILLATION),
        (terms::URATE, terms::GOUT),
        (terms::FERRITIN, terms::ANEMIA),
    ];
    for (test, problem) in wanted {
        if chart.has(problem, day).is_some() && chart.dice.percent(75) {
            single(chart, visit, test);
        }
    }
    if visit.sensitivity == Some("HIV") && chart.has(terms::HIV, day).is_some() {
        single(chart, visit, terms::VIRAL_LOAD);
    }
    if visit.kind == VisitKind::Emergency && age > 40 {
        single(chart, visit, terms::TROPONIN);
    }
    if routine && age > 20 && chart.dice.percent(9) {
        single(chart, visit, terms::VITAMIN_D);
    }
    if age > 2 && (thorough || visit.kind == VisitKind::Sick) && chart.dice.percent(40) {
        urine(chart, visit);
    }
}

fn single(chart: &mut Chart<'_>, visit: &Visit, test: usize) {
    let at = visit.start.plus_minutes(30);
    let order = request(chart, visit, Concept(LOINC, TESTS[test].loinc, TESTS[test].name));
    result(chart, visit, test, at, order, None);
}

fn panel(chart: &mut Chart<'_>, visit: &Visit, panel: &'static Panel) {
    let at = visit.start.plus_minutes(chart.dice.between(20, 50));
    let code = Concept(LOINC, panel.loinc, panel.name);
    let order = request(chart, visit, code);
    let specimen = specimen(chart, visit, at, ("119297000", "Blood specimen"));
    let before = chart.latest.len();
    let results: Vec<Ref> =
        panel.tests.iter().map(|&test| Ref("Observation", result(chart, visit, test, at, order, Some(specimen)))).collect();
    let abnormal: Vec<String> = chart.latest[before..]
        .iter()
        .filter(|l| l.flag != "N")
        .map(|l| format!("{} {} {} ({})", TESTS[l.test].name, l.value, TESTS[l.test].unit, l.flag))
        .collect();
    let conclusion = if abnormal.is_empty() {
        "All results are within the reference ranges.".to_string()
    } else {
        format!("Outside the reference range: {}.", abnormal.join("; "))
    };
    report(chart, visit, at, code, "LAB", order, &results, &conclusion);
}

/// A ServiceRequest.
pub fn request(chart: &mut Chart<'_>, visit: &Visit, code: Concept) -> Id {
    let (subject, id, doctor) = (chart.subject(), chart.dice.id(), chart.staff(visit.staff));
    chart.record(Type::ServiceRequest, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "ServiceRequest",
            "id": id,
            "meta": (meta(visit.start, "us-core-servicerequest", visit.sensitivity)),
            "status": "completed",
            "intent": "order",
            "code": code,
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "authoredOn": (visit.start.plus_minutes(8)),
            "requester": doctor,
        });
    });
    id
}

fn specimen(chart: &mut Chart<'_>, visit: &Visit, at: Moment, kind: (&'static str, &'static str)) -> Id {
    let (subject, id, accession) = (chart.subject(), chart.dice.id(), chart.dice.digits(7));
    chart.record(Type::Specimen, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "Specimen",
            "id": id,
            "meta": (meta(at, "", visit.sensitivity)),
            "accessionIdentifier": {"system": "urn:oid:2.16.840.1.113883.19.5.99.3", "value": (format!("L{accession}"))},
            "status": "available",
            "type": (Concept(SNOMED, kind.0, kind.1)),
            "subject": subject,
            "receivedTime": (at.plus_minutes(25)),
            "collection": {"collectedDateTime": at},
        });
    });
    id
}

/// One numeric result; remembers it for notes and for the manifest.
fn result(chart: &mut Chart<'_>, visit: &Visit, test: usize, at: Moment, order: Id, specimen: Option<Id>) -> Id {
    let units = value(chart, test, at.day);
    let term = &TESTS[test];
    let flag = flag(term, units);
    let mut quantity = Quantity::new(units, term.places, term.unit);
    let floor = match test {
        terms::TROPONIN => Decimal::new(1, 2),
        terms::VIRAL_LOAD => Decimal::new(20, 0),
        _ => Decimal::new(i64::MIN, term.places),
    };
    if units < floor.units {
        (quantity.value, quantity.comparator) = (floor, Some("<"));
    }
    if visit.sensitivity.is_none() {
        chart.latest.push(Latest { test, value: quantity.value, day: at.day, flag });
        remember(chart.person.index, chart.sink, term, at.day, &quantity);
    }
    let (subject, id, corrected) = (chart.subject(), chart.dice.id(), chart.dice.permille(8));
    chart.record(Type::Observation, visit.sensitivity, |out| {
        let (low, high) = (Decimal::new(term.low, term.places), Decimal::new(term.high, term.places));
        emit!(out, {
            "resourceType": "Observation",
            "id": id,
            "meta": (meta(at.plus_minutes(95), "us-core-observation-lab", visit.sensitivity)),
            "basedOn": [(Ref("ServiceRequest", order))],
            "status": (if corrected { "corrected" } else { "final" }),
            "category": [(Code(CATEGORY, "laboratory"))],
            "code": (Concept(LOINC, term.loinc, term.name)),
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "effectiveDateTime": at,
            "issued": (at.plus_minutes(95)),
            "performer": [{"reference": "Organization/org-3"}],
            "valueQuantity": quantity,
            "interpretation": [(Code(INTERPRETATION, flag))],
            "note": (corrected.then_some(With(|out| emit!(out, [{"text": "Corrected result; an earlier value was reported in error."}])))),
            "specimen": (specimen.map(|id| Ref("Specimen", id))),
            "referenceRange": [{
                "low": {"value": low, "unit": (term.unit)},
                "high": {"value": high, "unit": (term.unit)},
            }],
        });
    });
    id
}

fn remember(patient: u64, sink: &mut Sink, test: &Test, day: Day, quantity: &Quantity) {
    if patient < SAMPLES {
        let value = format!("{}{}", quantity.comparator.unwrap_or(""), quantity.value);
        let series = &mut sink.samples.entry(patient).or_default().series;
        series.entry(test.loinc).or_default().push(Point { date: day.to_string(), value });
    }
}

/// Results in words: a dipstick, and now and then a culture.
fn urine(chart: &mut Chart<'_>, visit: &Visit) {
    let at = visit.start.plus_minutes(25);
    let code = Concept(LOINC, "24356-8", "Urinalysis complete panel - Urine");
    let order = request(chart, visit, code);
    let specimen = specimen(chart, visit, at, ("122575003", "Urine specimen"));
    let infected = visit.reason.is_some_and(|i| chart.problems[i].term.icd == "N39.0");
    let mut rows = vec![
        ("5778-6", "Color of Urine", *chart.dice.pick(&["yellow", "yellow", "straw", "amber"])),
        ("5767-9", "Appearance of Urine", if infected { "cloudy" } else { "clear" }),
        ("20454-5", "Protein [Presence] in Urine by Test strip", *chart.dice.pick(&["negative", "negative", "trace", "1+"])),
        ("5802-4", "Nitrite [Presence] in Urine by Test strip", if infected { "positive" } else { "negative" }),
    ];
    if infected {
        rows.push(("630-4", "Bacteria identified in Urine by Culture", "Escherichia coli, >100,000 CFU/mL, pansensitive"));
    }
    let results: Vec<Ref> = rows.iter().map(|row| Ref("Observation", worded(chart, visit, at, order, specimen, *row))).collect();
    let conclusion = if infected { "Findings support an infection of the urinary tract." } else { "No sign of infection." };
    report(chart, visit, at, code, "LAB", order, &results, conclusion);
}

fn worded(
    chart: &mut Chart<'_>,
    visit: &Visit,
    at: Moment,
    order: Id,
    specimen: Id,
    (code, name, text): (&'static str, &'static str, &'static str),
) -> Id {
    let (subject, id) = (chart.subject(), chart.dice.id());
    chart.record(Type::Observation, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "Observation",
            "id": id,
            "meta": (meta(at.plus_minutes(60), "us-core-observation-lab", visit.sensitivity)),
            "basedOn": [(Ref("ServiceRequest", order))],
            "status": "final",
            "category": [(Code(CATEGORY, "laboratory"))],
            "code": (Concept(LOINC, code, name)),
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "effectiveDateTime": at,
            "issued": (at.plus_minutes(60)),
            "performer": [{"reference": "Organization/org-3"}],
            "valueString": text,
            "specimen": (Ref("Specimen", specimen)),
        });
    });
    id
}

/// A DiagnosticReport with its conclusion; `section` is a code of v2-0074 (LAB, RAD …).
#[expect(clippy::too_many_arguments, reason = "a report has these parts; a struct for two callers would say no more")]
pub fn report(
    chart: &mut Chart<'_>,
    visit: &Visit,
    at: Moment,
    code: Concept,
    section: &'static str,
    order: Id,
    results: &[Ref],
    conclusion: &str,
) {
    let (subject, id) = (chart.subject(), chart.dice.id());
    let performer = match section {
        "LAB" => RefText("Organization/org-3".into(), Some("Saint Odile Laboratory".into())),
        _ => chart.staff(8),
    };
    let profile = if section == "LAB" { "us-core-diagnosticreport-lab" } else { "us-core-diagnosticreport-note" };
    chart.record(Type::DiagnosticReport, visit.sensitivity, |out| {
        emit!(out, {
            "resourceType": "DiagnosticReport",
            "id": id,
            "meta": (meta(at.plus_minutes(120), profile, visit.sensitivity)),
            "basedOn": [(Ref("ServiceRequest", order))],
            "status": "final",
            "category": [{"coding": [(Coding("http://terminology.hl7.org/CodeSystem/v2-0074", section, section))]}],
            "code": code,
            "subject": subject,
            "encounter": (Ref("Encounter", visit.id)),
            "effectiveDateTime": at,
            "issued": (at.plus_minutes(120)),
            "performer": [performer],
            "result": (results[..]),
            "conclusion": conclusion,
        });
    });
}

/// The long stay of the giant patient: `count` more heart rates from a monitor, a minute apart.
pub fn monitor(seed: u64, person: &Person, count: u64, sink: &mut Sink) {
    let mut dice = Dice::new(seed, Stream::Giant, person.index);
    let mut at = Moment::new(Day::CUTOVER.plus(-1 - (count / 1440) as i64), 0);
    for _ in 0..count {
        at = at.plus_minutes(1);
        let (id, rate) = (dice.id(), 76 + dice.bell(11));
        let write = |out: &mut Json| {
            emit!(out, {
                "resourceType": "Observation",
                "id": id,
                "meta": (meta(at, "us-core-heart-rate", None)),
                "status": "final",
                "category": [(Code(CATEGORY, "vital-signs"))],
                "code": (Concept(LOINC, "8867-4", "Heart rate")),
                "subject": (Ref("Patient", person.id)),
                "effectiveDateTime": at,
                "valueQuantity": (Quantity::new(rate, 0, "/min")),
            });
        };
        sink.record(Type::Observation, &[person.index], write);
    }
}
