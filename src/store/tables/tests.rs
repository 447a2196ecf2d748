//! Tests of the tables: schema files, extraction from real resources, files written and read back.
//!
//! Not for: what other engines make of the files; `tests/` asks DuckDB.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{Float64Type, Int16Type, TimestampMillisecondType, UInt64Type};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::schema::{Bad, read_schema};
use super::*;

/// The leaves of a resource as the ingest cuts them out: (path, raw text), in document order.
fn leaves(resource: &Value) -> Vec<(String, String)> {
    fn walk(path: String, value: &Value, out: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    walk(if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, out);
                }
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| walk(format!("{path}[{i}]"), v, out)),
            Value::String(_) => {
                let quoted = value.to_string();
                out.push((path, quoted[1..quoted.len() - 1].to_string()));
            }
            Value::Null => {}
            other => out.push((path, other.to_string())),
        }
    }
    let mut out = Vec::new();
    walk(String::new(), resource, &mut out);
    out
}

fn kind_of(resource: &Value) -> Kind {
    Kind::from_name(resource["resourceType"].as_str().unwrap()).unwrap()
}

/// Appends one resource as the ingest does.
fn append(writer: &mut TableWriter, patient: Option<&str>, ordinal: u64, resource: &Value) -> Result<(), TableError> {
    append_leaves(writer, kind_of(resource), patient, ordinal, &leaves(resource))
}

fn append_leaves(
    writer: &mut TableWriter,
    kind: Kind,
    patient: Option<&str>,
    ordinal: u64,
    leaves: &[(String, String)],
) -> Result<(), TableError> {
    append_planned(writer, kind, &plan_of(kind, leaves)?, patient, ordinal, leaves)
}

fn plan_of(kind: Kind, leaves: &[(String, String)]) -> Result<ColumnPlan, TableError> {
    let paths: Vec<&str> = leaves.iter().map(|(p, _)| p.as_str()).collect();
    Ok(kinds().get(kind).ok_or(TableError::NoTable(kind))?.plan(&paths))
}

fn append_planned(
    writer: &mut TableWriter,
    kind: Kind,
    plan: &ColumnPlan,
    patient: Option<&str>,
    ordinal: u64,
    leaves: &[(String, String)],
) -> Result<(), TableError> {
    let encounter = plan.encounter_leaf().map(|_| 7);
    let leaf = |i: usize| leaves[i].1.as_bytes();
    writer.append(kind, plan, &Row { patient, ordinal, encounter, leaf: &leaf })
}

fn writer(dir: &Path) -> TableWriter {
    TableWriter::create(dir, 0, &[("source_system".into(), "old-ehr".into())]).unwrap()
}

/// Writes these resources of one patient and gives back all columns of the one file.
fn table_of(resources: &[Value]) -> RecordBatch {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    for (i, resource) in resources.iter().enumerate() {
        append(&mut writer, Some("p1"), i as u64, resource).unwrap();
    }
    let files = writer.finish().unwrap();
    assert_eq!(files.len(), 1);
    verify(&files[0].path, resources.len() as u64).unwrap();
    let names: Vec<String> = columns_of(files[0].kind);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    scan(&files[0].path, &names).unwrap().next().unwrap().unwrap()
}

fn columns_of(kind: Kind) -> Vec<String> {
    kinds().get(kind).unwrap().arrow.fields().iter().map(|f| f.name().clone()).collect()
}

fn text<'a>(batch: &'a RecordBatch, column: &str, row: usize) -> Option<&'a str> {
    let cells = batch.column_by_name(column).unwrap().as_string::<i32>();
    cells.is_valid(row).then(|| cells.value(row))
}

fn number(batch: &RecordBatch, column: &str, row: usize) -> Option<f64> {
    let cells = batch.column_by_name(column).unwrap().as_primitive::<Float64Type>();
    cells.is_valid(row).then(|| cells.value(row))
}

fn blood_pressure() -> Value {
    json!({"resourceType": "Observation", "id": "o1", "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure panel"}], "text": "BP"},
        "subject": {"reference": "Patient/p1"}, "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": "2019-03-07T09:15:00-05:00", "issued": "2019-03-08T00:00:00Z",
        "component": [
            {"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]}, "valueQuantity": {"value": 82, "unit": "mmHg"}},
            {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueQuantity": {"value": 131.5, "unit": "mmHg"}}]})
}

#[test]
fn every_schema_file_loads_and_agrees_with_itself() {
    let tables = Tables::load().unwrap();
    assert_eq!(tables.iter().count(), 40);
    for table in tables.iter() {
        assert_eq!(columns_of(table.kind)[..2], ["patient", "ordinal"]);
        for field in &table.fields {
            assert!(field.uscdi.as_ref().is_none_or(|u| u.contains(": ")), "{} {}", table.kind, field.name);
        }
    }
}

/// US Core 6.1.0 and 7.0.0, the parameters that a server shall or should have (`_id` and `_lastUpdated` are general).
#[test]
fn every_us_core_search_parameter_is_there() {
    let wanted =
        "AllergyIntolerance patient clinical-status; CarePlan patient category date status; CareTeam patient status role;
        Condition patient category clinical-status onset-date abatement-date asserted-date recorded-date code encounter;
        Coverage patient; Device patient type status; DiagnosticReport patient category date code status;
        DocumentReference patient category date type status period; Goal patient lifecycle-status target-date description;
        Encounter patient date identifier class type status location discharge-disposition;
        Immunization patient date status; Location name address address-city address-state address-postalcode;
        MedicationDispense patient status type; MedicationRequest patient intent status authoredon encounter;
        Observation patient category date code status; Organization name address;
        Patient identifier name birthdate gender family given death-date; Practitioner identifier name;
        PractitionerRole practitioner specialty; Procedure patient date status code;
        QuestionnaireResponse patient authored status questionnaire; RelatedPerson patient name;
        ServiceRequest patient category authored code status; Specimen patient; Provenance target patient";
    for line in wanted.split(';') {
        let mut words = line.split_whitespace();
        let table = kinds().get(Kind::from_name(words.next().unwrap()).unwrap()).unwrap();
        for name in words {
            assert!(table.search_param(name).is_some(), "{} {name}", table.kind);
        }
    }
}

#[test]
fn a_faulty_schema_is_refused() {
    let schema = |column: &str, date: &str, search: &str| {
        let text = format!("kind = 'Goal'\nmeaning = 'm'\ndate = [{date}]\ncolumns = [{column}]\nsearch = [{search}]");
        read_schema(&text).map(|_| ())
    };
    let column = "{ name = 'a', type = 'code', paths = ['a'], meaning = 'm' }";
    assert!(schema(column, "'a.b'", "").is_ok());
    for (column, date, search) in [
        ("{ name = 'a', type = 'code', paths = ['a['], meaning = 'm' }", "", ""),
        ("{ name = 'a', type = 'code', paths = [], meaning = 'm' }", "", ""),
        ("{ name = 'ordinal', type = 'code', paths = ['a'], meaning = 'm' }", "", ""),
        ("{ name = 'a', type = 'code', paths = ['a'], meaning = 'm', search = ['b'] }", "", ""),
        (
            "{ name = 'a', type = 'concept', paths = ['a'], meaning = 'm' }, { name = 'a_text', type = 'code', paths = ['a'], meaning = 'm' }",
            "",
            "",
        ),
        (column, "'a[*].b'", ""),
        (column, "", "{ name = 'No', type = 'token', paths = ['a'] }"),
    ] {
        assert!(matches!(schema(column, date, search), Err(Bad::Rule(_))), "{column} {date} {search}");
    }
    let unknown_key = "{ name = 'a', type = 'code', paths = ['a'], meaning = 'm', color = 'red' }";
    assert!(matches!(schema(unknown_key, "", ""), Err(Bad::Toml(_))));
}

#[test]
fn an_observation_becomes_a_row() {
    let batch = table_of(&[blood_pressure()]);
    assert_eq!(text(&batch, "patient", 0), Some("p1"));
    assert_eq!(text(&batch, "category", 0), Some("vital-signs"));
    assert_eq!(text(&batch, "code", 0), Some("85354-9"));
    assert_eq!(text(&batch, "code_system", 0), Some("http://loinc.org"));
    assert_eq!(text(&batch, "code_display", 0), Some("Blood pressure panel"));
    assert_eq!(text(&batch, "code_text", 0), Some("BP"));
    assert_eq!((number(&batch, "systolic", 0), number(&batch, "diastolic", 0)), (Some(131.5), Some(82.0)));
    assert_eq!(number(&batch, "value", 0), None);
    assert_eq!(batch.column_by_name("encounter").unwrap().as_primitive::<UInt64Type>().value(0), 7);
    let when = batch.column_by_name("effective").unwrap().as_primitive::<TimestampMillisecondType>().value(0);
    assert_eq!(when, 1_551_968_100_000);
    assert_eq!(text(&batch, "effective_precision", 0), Some("second"));
    assert_eq!(batch.column_by_name("effective_offset_min").unwrap().as_primitive::<Int16Type>().value(0), -300);
}

#[test]
fn extensions_and_slices_are_chosen_by_content() {
    let race = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race";
    let text_only = json!([{"url": race, "extension": [{"url": "text", "valueString": "Samoan"}]}]);
    let with_category = json!([{"url": "http://example.org/other", "extension": [{"url": "ombCategory", "valueCoding": {"display": "wrong"}}]},
        {"url": race, "extension": [{"url": "text", "valueString": "Samoan"}, {"url": "ombCategory", "valueCoding": {"display": "Other Pacific"}}]}]);
    let patient = |extension: &Value| {
        json!({"resourceType": "Patient", "extension": extension,
            "name": [{"use": "maiden", "family": "Birch"}, {"use": "official", "family": "Ash", "given": ["Ada", "May"]}],
            "telecom": [{"system": "email", "value": "a@example.org"}, {"system": "phone", "value": "555-0100"}]})
    };
    let batch = table_of(&[
        patient(&with_category),
        patient(&text_only),
        json!({"resourceType": "Patient", "name": [{"family": "Oak"}]}),
    ]);
    assert_eq!([0, 1, 2].map(|row| text(&batch, "race", row)), [Some("Other Pacific"), Some("Samoan"), None]);
    assert_eq!([0, 1, 2].map(|row| text(&batch, "family", row)), [Some("Ash"), Some("Ash"), Some("Oak")]);
    assert_eq!([0, 2].map(|row| text(&batch, "previous_family", row)), [Some("Birch"), None]);
    assert_eq!([0, 2].map(|row| text(&batch, "phone", row)), [Some("555-0100"), None]);
}

#[test]
fn the_first_preferred_path_wins_whatever_the_order_in_the_document() {
    let table = kinds().get(Kind::from_name("Observation").unwrap()).unwrap();
    assert_eq!(table.date_leaf(&["issued", "effectivePeriod.start", "effectiveDateTime"]), Some(2));
    assert_eq!(table.date_leaf(&["issued", "effectivePeriod.start"]), Some(1));
    assert_eq!(table.date_leaf(&["status", "component[0].effectiveDateTime"]), None);

    let batch = table_of(&[
        json!({"resourceType": "Observation", "effectivePeriod": {"start": "2001"}, "performer": [{"reference": "Practitioner/1", "display": "Dr. Ash"}]}),
        json!({"resourceType": "Observation", "performer": [{"reference": "Practitioner/1"}]}),
    ]);
    assert_eq!([0, 1].map(|row| text(&batch, "performer", row)), [Some("Dr. Ash"), Some("Practitioner/1")]);
    assert_eq!([0, 1].map(|row| text(&batch, "effective_precision", row)), [Some("year"), None]);
    assert!(batch.column_by_name("encounter").unwrap().is_null(0));
}

#[test]
fn a_path_may_take_the_first_element_that_has_the_value() {
    let text = "kind = 'Goal'\nmeaning = 'm'\ndate = []\nsearch = []
        columns = [{ name = 'a', type = 'code', paths = ['x[*].y', 'z'], meaning = 'm' }]";
    let Ok(table) = read_schema(text) else { panic!("schema") };
    let picked = |paths: &[&str]| table.plan(paths).picks.iter().map(|p| p.leaf).collect::<Vec<_>>();
    assert_eq!(picked(&["z", "x[0].w", "x[1].y", "x[2].y"]), [2]);
    assert_eq!(picked(&["z", "x[0].w", "x.y"]), [0]);
    assert!(picked(&["x[0", "x]", "[", "", "x[0].y.y"]).is_empty());
}

#[test]
fn what_cannot_be_read_is_null_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    let observation = |value: &str, when: &str, unit: &str| {
        [("valueQuantity.value", value), ("effectiveDateTime", when), ("valueQuantity.unit", unit)]
            .map(|(path, leaf)| (path.to_string(), leaf.to_string()))
    };
    let kind = Kind::from_name("Observation").unwrap();
    let rows = [
        observation("7.4", "2014", "\\u00b5g\\/L"),
        observation("1e999", "2014-02-30", "\\ud83d\\ude00"),
        observation("seven", "2014-02", "half \\ud83d pair"),
        observation("-0.50", "2014-02-03", &"é".repeat(600)),
    ];
    for (i, row) in rows.iter().enumerate() {
        append_leaves(&mut writer, kind, Some("p"), i as u64, row).unwrap();
    }
    let report = writer.report();
    let of = |column: &str| report.iter().find(|r| r.column == column).map(|r| (r.filled, r.unreadable, r.cut)).unwrap();
    assert_eq!(of("value"), (2, 2, 0));
    assert_eq!(of("effective"), (3, 1, 0));
    assert_eq!(of("value_unit"), (3, 1, 1));
    assert_eq!(of("status"), (0, 0, 0));

    let files = writer.finish().unwrap();
    let batch = scan(&files[0].path, &["value", "value_unit", "effective_precision"]).unwrap().next().unwrap().unwrap();
    assert_eq!([0, 1, 2, 3].map(|row| number(&batch, "value", row)), [Some(7.4), None, None, Some(-0.5)]);
    assert_eq!([0, 1, 2].map(|row| text(&batch, "value_unit", row)), [Some("µg/L"), Some("😀"), None]);
    assert_eq!(text(&batch, "value_unit", 3).unwrap(), "é".repeat(512));
    assert_eq!(
        [0, 1, 2, 3].map(|row| text(&batch, "effective_precision", row)),
        [Some("year"), None, Some("month"), Some("day")]
    );
}

#[test]
fn files_tell_what_they_hold_and_are_the_same_every_time() {
    let write = |dir: &Path| {
        let mut writer = writer(dir);
        append(&mut writer, None, 0, &json!({"resourceType": "Organization", "name": "Oak Hospital"})).unwrap();
        append(&mut writer, None, 1, &blood_pressure()).unwrap();
        let (leaves, kind) = (leaves(&blood_pressure()), kind_of(&blood_pressure()));
        let plan = plan_of(kind, &leaves).unwrap();
        for i in 2..25_000u64 {
            append_planned(&mut writer, kind, &plan, Some(&format!("p{:05}", i / 100)), i, &leaves).unwrap();
        }
        writer.finish().unwrap()
    };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = write(one.path());
    let again = write(two.path());
    assert!(files.iter().zip(&again).all(|(a, b)| (a.sha256, a.bytes) == (b.sha256, b.bytes)));

    let [observations, organizations] = &files[..] else { panic!("two files") };
    assert_eq!(observations.path, one.path().join("Observation").join("p0000.parquet"));
    assert_eq!((observations.rows, organizations.rows), (24_999, 1));
    assert_eq!((observations.first_patient.as_deref(), observations.last_patient.as_deref()), (Some("p00000"), Some("p00249")));
    assert_eq!((organizations.first_patient.as_deref(), organizations.last_patient.as_deref()), (None, None));
    assert_eq!(rows(&observations.path).unwrap(), 24_999);
    verify(&observations.path, 24_999).unwrap();
    verify(&organizations.path, 1).unwrap();
    assert_eq!(verify(&observations.path, 25_000).unwrap_err().code, "table-rows");

    let bytes = std::fs::read(&observations.path).unwrap();
    assert_eq!(bytes.len() as u64, observations.bytes);
    assert!(memchr::memmem::find(&bytes, b"old-ehr").is_some());
}

/// A hundred patients with a hundred results each, at ten visits, with scattered seconds and values.
#[test]
fn a_result_takes_few_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    let mut seed = 1u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let result = json!({"resourceType": "Observation", "status": "final", "encounter": {"reference": "Encounter/1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "0-1", "display": "Result 0"}]},
        "effectiveDateTime": "2001-03-07T09:15:00-05:00", "valueQuantity": {"value": 1, "unit": "mg/dL"}});
    let (mut leaves, kind) = (leaves(&result), kind_of(&result));
    let plan = plan_of(kind, &leaves).unwrap();
    let place = |path: &str| leaves.iter().position(|(p, _)| p == path).unwrap();
    let (code, when, value) = (place("code.coding[0].code"), place("effectiveDateTime"), place("valueQuantity.value"));
    let mut spent = std::time::Duration::ZERO;
    for i in 0..10_000u64 {
        leaves[code].1 = format!("{}-1", i % 10);
        leaves[when].1 = format!("20{:02}-03-07T09:15:{:02}-05:00", 10 + i / 10 % 10, random(60));
        leaves[value].1 = format!("{}.{}", 30 + random(50), random(10));
        let patient = format!("{:016x}", i / 100 * 0x9e37_79b9_7f4a);
        let begun = std::time::Instant::now();
        append_planned(&mut writer, kind, &plan, Some(&patient), i, &leaves).unwrap();
        spent += begun.elapsed();
    }
    let file = writer.finish().unwrap().remove(0);
    let each = file.bytes as f64 / file.rows as f64;
    println!("{each:.1} bytes a row, {} ns a row in this build", spent.as_nanos() / 10_000);
    assert!(each < 7.0, "{each} bytes a row");
}

#[test]
fn rows_out_of_order_and_kinds_without_a_table_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    append(&mut writer, Some("b"), 5, &blood_pressure()).unwrap();
    for (patient, ordinal) in [(Some("b"), 5), (Some("b"), 4), (Some("c"), 4), (None, 5)] {
        assert!(matches!(append(&mut writer, patient, ordinal, &blood_pressure()), Err(TableError::OutOfOrder(_))));
    }
    append(&mut writer, Some("c"), 6, &blood_pressure()).unwrap();
    let binary = json!({"resourceType": "Binary"});
    assert!(matches!(append(&mut writer, None, 7, &binary), Err(TableError::NoTable(Kind::BINARY))));
    assert_eq!(writer.finish().unwrap()[0].rows, 2);

    let empty = TableWriter::create(&dir.path().join("empty"), 0, &[]).unwrap();
    assert!(empty.report().is_empty() && empty.finish().unwrap().is_empty());
}

#[test]
fn verify_sees_rows_out_of_order_even_across_row_groups() {
    let dir = tempfile::tempdir().unwrap();
    let check = |patients: Vec<Option<&str>>, ordinals: Vec<u64>| {
        let columns: [(&str, ArrayRef); 2] =
            [("patient", Arc::new(StringArray::from(patients))), ("ordinal", Arc::new(UInt64Array::from(ordinals)))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let path = dir.path().join("t.parquet");
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
        for row in 0..batch.num_rows() {
            writer.write(&batch.slice(row, 1)).unwrap();
            writer.flush().unwrap();
        }
        writer.close().unwrap();
        verify(&path, batch.num_rows() as u64).map_err(|finding| finding.code)
    };
    assert_eq!(check(vec![None, Some("a"), Some("a")], vec![1, 2, 9]), Ok(()));
    assert_eq!(check(vec![Some("a"), Some("a")], vec![2, 2]), Err("table-order"));
    assert_eq!(check(vec![Some("b"), Some("a")], vec![2, 1]), Err("table-order"));
}

#[test]
fn a_damaged_file_gives_a_finding_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    for i in 0..50 {
        append(&mut writer, Some("p"), i, &blood_pressure()).unwrap();
    }
    let file = writer.finish().unwrap().remove(0);
    let sound = std::fs::read(&file.path).unwrap();
    let damaged = dir.path().join("damaged.parquet");
    for at in (0..sound.len()).step_by(37) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&damaged, &bytes).unwrap();
        // Not every flip shows here (the file's SHA-256 shows it); none may bring the process down.
        let _ = verify(&damaged, 50);
    }
    std::fs::write(&damaged, &sound[..sound.len() / 2]).unwrap();
    assert_eq!(verify(&damaged, 50).unwrap_err().code, "table-unreadable");
    assert_eq!(verify(&dir.path().join("absent"), 50).unwrap_err().code, "table-unreadable");
    assert!(matches!(scan(&file.path, &["nonsense"]), Err(TableError::NoColumn(_))));
}
