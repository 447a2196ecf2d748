//! How long a chart of 350 records takes to become a C-CDA document.
//!
//! Usage: cargo bench --bench ccd [-- ROUNDS]
//!
//! Not for: pass or fail. It prints the best and the median; BENCHMARKS.md says how they were taken.

use std::hint::black_box;
use std::time::{Duration, Instant};

use chartkeep::render::ccd::cda::{Id, Organization, Ts};
use chartkeep::render::ccd::{Chart, Item, Request, ccd};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records of each kind: 350 in all.
const CHART: [(&str, usize); 7] = [
    ("Observation", 200),
    ("Condition", 30),
    ("MedicationRequest", 40),
    ("Encounter", 40),
    ("Procedure", 20),
    ("Immunization", 15),
    ("AllergyIntolerance", 5),
];

fn main() {
    let rounds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(200);
    let patient = json!({"resourceType":"Patient","id":"p","name":[{"family":"Doe","given":["Jane"]}],"birthDate":"1950-02-03","gender":"female"});
    let values: Vec<(&str, String, Value)> = CHART
        .iter()
        .flat_map(|(kind, count)| (0..*count).map(move |n| (*kind, format!("{kind}-{n}"), record(kind, n))))
        .collect();
    let item = |kind, id, value| Item { kind, id, value, source: "mer", encounter: None };
    let chart = Chart {
        patients: vec![item("Patient", "p", &patient)],
        records: values.iter().map(|(kind, id, value)| item(kind, id, value)).collect(),
        directory: Vec::new(),
    };
    let request = request();
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            black_box(ccd(black_box(&chart), &request).expect("a document"));
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let bytes = ccd(&chart, &request).map_or(0, |bytes| bytes.len());
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    println!(
        "{} records, {bytes} bytes: best {:.2} ms, median {:.2} ms",
        values.len(),
        ms(&times[0]),
        ms(&times[times.len() / 2])
    );
}

fn record(kind: &str, n: usize) -> Value {
    let day = format!("20{:02}-{:02}-{:02}", 8 + n % 11, 1 + n % 12, 1 + n % 28);
    let coded = |system: &str, code: &str| json!({"coding":[{"system":system,"code":code,"display":"What it is called"}],"text":"What it is called"});
    let snomed = coded("http://snomed.info/sct", "38341003");
    let of = |system: &str, code: &str| json!([coded(&format!("http://terminology.hl7.org/CodeSystem/{system}"), code)]);
    let who = json!({"reference":"Practitioner/x","display":"Dr. Ann Quack"});
    match kind {
        "Observation" => {
            json!({"resourceType":kind,"status":"final","category":of("observation-category", if n.is_multiple_of(2) { "laboratory" } else { "vital-signs" }),
            "code":coded("http://loinc.org", if n.is_multiple_of(2) { "718-7" } else { "8480-6" }),"effectiveDateTime":day,
            "valueQuantity":{"value":120,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"},"performer":[who]})
        }
        "Condition" => {
            json!({"resourceType":kind,"code":snomed,"onsetDateTime":day,"clinicalStatus":of("condition-clinical", "active")[0],"recorder":who})
        }
        "MedicationRequest" => json!({"resourceType":kind,"status":"active","intent":"order","authoredOn":day,"requester":who,
            "medicationCodeableConcept":coded("http://www.nlm.nih.gov/research/umls/rxnorm", "313782"),"dosageInstruction":[{"text":"1 tablet daily"}]}),
        "Encounter" => {
            json!({"resourceType":kind,"status":"finished","class":{"code":"AMB"},"type":[snomed],"period":{"start":day,"end":day}})
        }
        "Procedure" => json!({"resourceType":kind,"status":"completed","code":snomed,"performedDateTime":day}),
        "Immunization" => {
            json!({"resourceType":kind,"status":"completed","vaccineCode":coded("http://hl7.org/fhir/sid/cvx", "140"),"occurrenceDateTime":day})
        }
        _ => {
            json!({"resourceType":kind,"code":coded("http://www.nlm.nih.gov/research/umls/rxnorm", "7980"),"clinicalStatus":of("allergyintolerance-clinical", "active")[0]})
        }
    }
}

fn request() -> Request {
    Request {
        archive: "6f1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11".into(),
        custodian: Organization {
            ids: vec![Id::Given { root: "1.2.3".into(), extension: None }],
            name: Some("St. Elsewhere".into()),
            ..Organization::default()
        },
        software: "0.1.0".into(),
        created: Ts("20250102150405-0500".into()),
        cutover: Some(Ts("20190630".into())),
        encounter: None,
        from: None,
        to: None,
        confidentiality: "N",
        prohibition: None,
        says_withheld: false,
        masks_ids: true,
    }
}
