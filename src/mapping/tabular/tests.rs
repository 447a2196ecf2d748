//! Tables mapped: what a mapping file says, what the ready mappings make of their systems, and what goes to quarantine.
//!
//! Not for: expressions alone (`expr::tests`).

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::*;
use crate::formats::fhir::{Shape, Tokenizer};
use crate::mapping::settings::Settings;
use crate::mapping::{Context, Fate, Mapped};

/// Files by name.
type Delivery = BTreeMap<String, Vec<u8>>;

fn folder(path: &Path) -> Delivery {
    let mut files = Delivery::new();
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        files.insert(entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
    }
    files
}

fn fixture(name: &str) -> Delivery {
    folder(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/legacy").join(name))
}

fn prepare(settings: &Settings, delivery: &Delivery) -> Result<Prepared, PrepareError> {
    let files: Vec<String> = delivery.keys().cloned().collect();
    Prepared::new(&settings.tables, &files, &|name| match delivery.get(name) {
        Some(bytes) => Ok(Box::new(Cursor::new(bytes.clone())) as Box<dyn Read>),
        None => Err(io::ErrorKind::NotFound.into()),
    })
}

/// All rows of a delivery, by file.
fn run(settings: &Settings, delivery: &Delivery) -> BTreeMap<String, Vec<Mapped>> {
    let prepared = prepare(settings, delivery).unwrap();
    let mut out = BTreeMap::new();
    for (file, table) in prepared.iter() {
        let bytes = &delivery[file];
        let mut reader = table.reader();
        let (mut rows, mut scratch, mut mapped) = (Vec::new(), Scratch::default(), Vec::new());
        reader.cutter.cut(bytes, true, &mut rows);
        for range in rows {
            let offset = range.start as u64;
            let cx = Context { source_system: "old", zone: &settings.zone, file, offset };
            mapped.push(map_row(&bytes[range], reader.table, &cx, &mut scratch));
        }
        out.insert(file.to_string(), mapped);
    }
    out
}

fn ready(name: &str) -> Settings {
    Settings::parse(&super::ready::text(name).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Resources as values; each is read by the parser of the ingest first.
fn resources(mapped: &[Mapped]) -> Vec<Json> {
    let mut tokenizer = Tokenizer::default();
    let all = mapped.iter().flat_map(|m| &m.resources);
    all.map(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        tokenizer.cut(bytes).unwrap_or_else(|e| panic!("{e:?}: {text}"));
        Shape::new(&tokenizer.template).unwrap_or_else(|e| panic!("{e:?}: {text}"));
        serde_json::from_slice(bytes).unwrap()
    })
    .collect()
}

fn find<'a>(all: &'a [Json], id: &str) -> &'a Json {
    all.iter().find(|r| r["id"] == id).unwrap_or_else(|| panic!("no {id}"))
}

fn fates(mapped: &[Mapped]) -> Vec<String> {
    let told = mapped.iter().map(|m| match &m.fate {
        Fate::Archived => format!("{} resources", m.resources.len()),
        Fate::Excluded(rule) => format!("excluded {rule}"),
        Fate::Quarantined(reason) => reason.clone(),
        Fate::Joined => "joined".into(),
    });
    told.collect()
}

#[test]
fn hartwell_is_told_row_by_row() {
    let out = run(&ready("hartwell-pm"), &fixture("hartwell"));
    assert_eq!(
        fates(&out["PT.TXT"]),
        ["1 resources", "1 resources", "1 resources", "excluded soft-delete", "excluded test-patient"]
    );
    let patients = resources(&out["PT.TXT"]);
    let first = find(&patients, "hpm-pt.1001");
    assert_eq!(first["name"][0]["family"], "Muñoz", "windows-1252");
    assert_eq!(first["birthDate"], "1961-04-12");
    assert_eq!(first["deceasedDateTime"], Json::Null, "a sentinel date is none");
    assert_eq!(first["identifier"].as_array().unwrap().len(), 1, "a filler is no number");
    assert_eq!(first["meta"]["lastUpdated"], "2011-03-05T10:15:00-06:00");
    assert_eq!(find(&patients, "hpm-pt.1002")["telecom"][1]["use"], "mobile");
    assert_eq!(find(&patients, "hpm-pt.1003")["meta"]["security"][0]["code"], "R");
    assert_eq!(find(&patients, "hpm-pt.1003")["birthDate"], Json::Null);
    assert_eq!(fates(&out["ATTR.TXT"]), ["joined"; 5]);
    assert_eq!(
        fates(&out["RESULT.TXT"]),
        [
            "1 resources",
            "1 resources",
            "1 resources",
            "1 resources",
            "1 resources",
            "join-missing: result.dict",
            "orphan-patient: result.patient",
            "date-invalid: result.effectiveDateTime",
            "code-required-unmapped: result.status",
            "field-count: result, byte 0, field 5",
            "excluded soft-delete",
        ]
    );
    assert_eq!(out["RESULT.TXT"][0].kind, "row:result");
    assert_eq!(out["RESULT.TXT"][0].units, 13);
}

#[test]
fn hartwell_results_visits_and_audit_log() {
    let out = run(&ready("hartwell-pm"), &fixture("hartwell"));
    let results = resources(&out["RESULT.TXT"]);
    let glucose = find(&results, "hpm-res.7001");
    assert_eq!(glucose["code"]["coding"][0]["system"], "urn:archive:hartwell-pm:obs");
    assert_eq!(glucose["code"]["text"], "Glucose, fasting");
    assert_eq!((&glucose["valueQuantity"]["unit"], &glucose["status"]), (&"mg/dL".into(), &"corrected".into()));
    let before = resources(&out["RESULT_H.TXT"]);
    assert_eq!(find(&before, "hpm-res.7001")["meta"]["lastUpdated"], "2011-03-05T17:00:00-06:00", "a version of the same");
    let hiv = find(&results, "hpm-res.7002");
    assert_eq!((&hiv["meta"]["security"][0]["code"], &hiv["valueString"]), (&"HIV".into(), &"Non-reactive".into()));
    assert_eq!(find(&results, "hpm-res.7003")["valueRatio"]["denominator"]["value"].to_string(), "160");
    assert_eq!(find(&results, "hpm-res.7004")["valueRange"]["high"]["unit"], "/hpf");
    assert_eq!(find(&results, "hpm-res.7005")["valueQuantity"]["comparator"], "<");
    let visits = resources(&out["VISIT.TXT"]);
    assert_eq!(find(&visits, "hpm-visit-wt.50001")["valueQuantity"]["value"].to_string(), "162.5", "the first value stays");
    assert_eq!(find(&visits, "hpm-visit-bp.50001")["component"][1]["valueQuantity"]["value"].to_string(), "82");
    assert_eq!(find(&visits, "hpm-visit-wt.50002")["valueQuantity"], Json::Null);
    assert_eq!(find(&visits, "hpm-visit.50003")["status"], "unknown");
    assert_eq!(find(&visits, "hpm-visit.50002")["period"]["end"], Json::Null);
    let codes: Vec<&str> = out["VISIT.TXT"].iter().flat_map(|m| &m.findings).map(|f| f.code).collect();
    assert_eq!(codes, ["type", "mapping.default-for-unmapped"]);
    let audit = resources(&out["AUDIT.TXT"]);
    let second = find(&audit, "hpm-audit.2");
    assert_eq!((&second["action"], &second["recorded"]), (&"C".into(), &"2011-03-05T09:23:01-06:00".into()));
    assert_eq!(second["entity"][0]["what"]["reference"], "Patient/hpm-pt.1001");
    assert_eq!(find(&audit, "hpm-audit.4")["entity"], Json::Null);
    assert_eq!(find(&audit, "hpm-audit.3")["agent"][0]["who"]["display"], "LAB1");
    assert_eq!(find(&resources(&out["DX.TXT"]), "hpm-dx.2")["onsetDateTime"], "2014-01", "precision stays");
    assert!(resources(&out["RX.TXT"]).len() == 2 && out["RX.TXT"][1].findings.len() == 3);
}

#[test]
fn lindenhof_is_wide_text_and_fixed_columns() {
    let out = run(&ready("lindenhof"), &fixture("lindenhof"));
    let people = resources(&out["PERSON.TSV"]);
    let anna = find(&people, "lh-pid.00000017");
    assert_eq!(anna["name"][0]["family"], "von Gunten");
    assert_eq!(anna["name"][0]["given"][1], "Katharina");
    assert_eq!(anna["address"][0]["line"][0], "Seestrasse 12b");
    assert_eq!(anna["extension"][0]["extension"][0], serde_json::json!({ "url": "KONFESSION", "valueString": "ref" }));
    assert_eq!(find(&people, "lh-pid.00000018")["extension"], Json::Null, "nothing empty is written");
    assert_eq!(fates(&out["FALL.TSV"]), ["1 resources", "1 resources", "excluded cancelled"]);
    assert_eq!(find(&resources(&out["FALL.TSV"]), "lh-fall.100001")["period"]["start"], "2010-11-12T08:30:00+01:00");
    assert_eq!(fates(&out["DIAGNOSE.TSV"]), ["1 resources", "1 resources", "join-missing: diagnose.fall"]);
    let asthma = &resources(&out["DIAGNOSE.TSV"])[1];
    assert_eq!(asthma["subject"]["reference"], "Patient/lh-pid.00000018", "the patient of the case");
    let lab = resources(&out["LABOR.TSV"]);
    assert_eq!(find(&lab, "lh-lab.A-1.CRP")["valueQuantity"]["value"].to_string(), "12.4");
    assert_eq!(find(&lab, "lh-lab.A-1.BG")["valueString"], "A Rh pos");
    assert_eq!(find(&lab, "lh-lab.A-1.BG")["effectiveDateTime"], "2010-11-12");
    assert_eq!(fates(&out["LABOR.TSV"])[2], "2 resources", "a bare patient, where the mapping asks for one");
    assert_eq!(find(&lab, "lh-pid.00000099")["resourceType"], "Patient");
    let drugs = resources(&out["MEDIK.FIX"]);
    assert_eq!(find(&drugs, "lh-med.00000018.1")["status"], "active");
    assert_eq!(find(&drugs, "lh-med.00000018.2")["medicationCodeableConcept"]["text"], "Säuglingstee");
}

const HEAD: &str = "schema = 1\nsource = \"x\"\nversion = \"1\"\n";

/// A mapping of one table with one emit.
fn small(table: &str, emit: &str) -> String {
    format!("{HEAD}[[table]]\nfile = \"a.csv\"\n{table}\n[[table.emit]]\nresource = \"Observation\"\n{emit}\n")
}

#[test]
fn what_is_wrong_in_a_mapping_file_is_told_with_its_place() {
    for (text, wanted) in [
        (small("colour = 1", "fields = {}"), "unknown field `colour`"),
        (small("", "[table.emit.fields]\nstatus = { colum = \"A\" }"), "unknown field `colum`"),
        (small("", "when = \"A\"\nfields = {}"), "when: a condition is true or false"),
        (
            small("", "[table.emit.fields]\n\nstatus = { col = \"A\", unit = \"'x'\" }"),
            "(line 11): a field of this type takes no `unit`",
        ),
        (small("", "[table.emit.fields]\nstatus = { }"), "takes its value from `col` or from `expr`"),
        (small("", "[table.emit.fields]\nstatus = { col = \"A\", values = \"no\" }"), "no [values.no]"),
        (small("", "[table.emit.fields]\na = { col = \"A\" }\n\"a.b\" = { col = \"A\" }"), "an object in one place"),
        (small("", "[table.emit.fields]\n\"a[x]\" = { col = \"A\" }"), "no path"),
        (small("", "[table.emit.fields]\na = { type = \"date\", col = \"A\", formats = [\"%d\"] }"), "has no year"),
        (small("", "[table.emit.fields]\na = { type = \"reference\", col = \"A\" }"), "needs the `resource`"),
        (small("", "fields = {}").replace("Observation", "Obs"), "no resource type of FHIR R4"),
        (small("lookup = true", "fields = {}"), "or is a `lookup`"),
        (small("join = [{ name = \"j\", file = \"b.csv\", on = { A = \"A\" } }]", "fields = {}"), "which no [[table]] reads"),
        (format!("{HEAD}null_tokens = 1\n"), "invalid type"),
    ] {
        let error = Settings::parse(&text).expect_err(&text).to_string();
        assert!(error.contains(wanted), "{error}\n{text}");
    }
}

#[test]
fn what_does_not_fit_a_delivery_is_told_before_the_first_row() {
    let delivery = |text: &str| Delivery::from([("a.csv".to_string(), text.as_bytes().to_vec())]);
    let fields = "[table.emit.fields]\nstatus = { col = \"B\" }";
    for (mapping, file, wanted) in [
        (small("", fields), "A,C\n1,2\n", "a.csv: Observation: field \"status\": no column B"),
        (small("key = [\"K\"]", fields), "A,B\n1,2\n", "a.csv: no key column K"),
        (small("", &fields.replace("col = \"B\"", "expr = \"j.B\"")), "A,B\n1,2\n", "no join j before this place"),
    ] {
        let settings = Settings::parse(&mapping).unwrap();
        let error = prepare(&settings, &delivery(file)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let settings = Settings::parse(&small("optional = [\"B\"]", fields)).unwrap();
    assert_eq!(fates(&run(&settings, &delivery("A\n1\n"))["a.csv"]), ["1 resources"]);
}

#[test]
fn members_come_in_the_order_of_the_file_and_nothing_stands_alone() {
    let emit = "[table.emit.fields]\n\"z[1].v\" = { col = \"C\" }\n\"telecom[0]\" = { type = \"contact_point\", system = \"phone\", \
                col = \"A\", use = \"home\" }\n\"z[0].v\" = { col = \"A\" }\n\"k.coding[0]\" = { type = \"coding\", system = \"s\", \
                col = \"B\", display = \"C\" }\nc = { type = \"coding\", system = \"s\", value = \"1\" }\nn = { type = \"integer\", value = 3 }";
    let settings = Settings::parse(&small("", emit)).unwrap();
    let delivery = Delivery::from([("sub/A.CSV".to_string(), b"a,B,C\n,,x\n7,b,\n".to_vec())]);
    let out = run(&settings, &delivery);
    let texts: Vec<_> = out["sub/A.CSV"].iter().flat_map(|m| &m.resources).map(|r| String::from_utf8_lossy(r)).collect();
    assert_eq!(
        texts,
        [
            r#"{"resourceType":"Observation","z":[{"v":"x"}],"c":{"system":"s","code":"1"},"n":3}"#,
            r#"{"resourceType":"Observation","z":[{"v":"7"}],"telecom":[{"system":"phone","value":"7","use":"home"}],"k":{"coding":[{"system":"s","code":"b"}]},"c":{"system":"s","code":"1"},"n":3}"#,
        ]
    );
}

#[test]
fn failing_expressions_name_their_place_and_no_content() {
    let emit = "[table.emit.fields]\nx = { expr = \"if(num(A) > 1, 'many', B)\" }";
    let table = "dialect = { delimiter = \",\" }\nexclude = [{ rule = \"old\", when = \"B = 'z'\" }]";
    let settings = Settings::parse(&small(table, emit)).unwrap();
    let delivery = Delivery::from([("a.csv".to_string(), b"A,B\n2,b\nsecret,b\n,\nsecret,z\n".to_vec())]);
    let out = run(&settings, &delivery);
    assert_eq!(
        fates(&out["a.csv"]),
        ["1 resources", "expr-error: a.x, character 4", "1 resources", "excluded old"],
        "a filter comes before what might fail"
    );
}

#[test]
fn synthea_maps_whole() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS") else {
        eprintln!("not run: CHARTKEEP_CORPUS names no folder");
        return;
    };
    let started = std::time::Instant::now();
    let out = run(&ready("synthea"), &folder(&PathBuf::from(corpus).join("csv/synthea-full-set")));
    let spent = started.elapsed();
    assert_eq!(out.len(), 18);
    let (mut rows, mut kinds) = (0, BTreeMap::<String, u32>::new());
    for (file, mapped) in &out {
        rows += mapped.len();
        let odd: Vec<String> = fates(mapped).into_iter().filter(|fate| !fate.ends_with("resources")).collect();
        assert!(odd.is_empty(), "{file}: {odd:?}");
        for resource in resources(mapped) {
            *kinds.entry(resource["resourceType"].as_str().unwrap().to_string()).or_default() += 1;
        }
    }
    println!("{rows} rows in {spent:?}: {kinds:?}");
    assert_eq!((rows, kinds["Patient"], kinds["Observation"]), (10_950, 27, 990));
}

/// Checks a value by the part of JSON Schema that `schemas/mapping.schema.json` uses; gives the first place that fails.
fn breach(schema: &Json, root: &Json, value: &Json, at: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return breach(root.pointer(name.trim_start_matches('#')).expect(name), root, value, at);
    }
    let is_of = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the checker knows no {other}"),
    };
    let fits = match &schema["type"] {
        Json::String(name) => is_of(name),
        Json::Array(names) => names.iter().filter_map(Json::as_str).any(is_of),
        _ => true,
    };
    let is_listed = schema["enum"].as_array().is_none_or(|list| list.contains(value));
    let is_const = schema.get("const").is_none_or(|only| only == value);
    if !fits || !is_listed || !is_const {
        return Some(at.to_string());
    }
    if let Some(list) = value.as_array() {
        return list.iter().find_map(|item| breach(&schema["items"], root, item, &format!("{at}[]")));
    }
    let object = value.as_object()?;
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
    if let Some(missing) = required.filter(|key| !object.contains_key(*key)).next() {
        return Some(format!("{at}/{missing}"));
    }
    object.iter().find_map(|(key, value)| {
        let at = format!("{at}/{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Json::Null, Json::Bool(false)) => Some(at),
            (Json::Null, Json::Null) => None,
            (Json::Null, other) => breach(other, root, value, &at),
            (known, _) => breach(known, root, value, &at),
        }
    })
}

#[test]
fn the_schema_for_editors_says_what_the_reader_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas/mapping.schema.json");
    let schema: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let judge = |text: &str| breach(&schema, &schema, &toml::from_str(text).unwrap(), "");
    for name in super::ready::names() {
        assert_eq!(judge(&super::ready::text(&name).unwrap()), None, "{name}");
        ready(&name);
    }
    for (text, wanted) in [
        (small("colour = 1", "fields = {}"), "/table[]/colour"),
        (small("", "[table.emit.fields]\nstatus = { colum = \"A\" }"), "/table[]/emit[]/fields/status/colum"),
        (small("", "[table.emit.fields]\nstatus = { type = \"dates\" }"), "/table[]/emit[]/fields/status/type"),
        (small("", "id = { namespace = \"x\" }\nfields = {}"), "/table[]/emit[]/id/cols"),
        (small("key = \"A\"", "fields = {}"), "/table[]/key"),
        (small("exclude = [{ rule = \"r\" }]", "fields = {}"), "/table[]/exclude[]/when"),
        (small("join = [{ name = \"j\", file = \"b\", on = {}, missing = \"x\" }]", "fields = {}"), "/table[]/join[]/missing"),
        (small("dialect = { encoding = \"latin\" }", "fields = {}"), "/table[]/dialect/encoding"),
        (small("dialect = { comma = \";\" }", "fields = {}"), "/table[]/dialect/comma"),
        ("source = \"x\"\nversion = \"1\"".into(), "/schema"),
        (format!("{HEAD}[patients]\nfile = \"a\""), "/patients/column"),
        (format!("{HEAD}[values.x]\na = 1"), "/values/x/a"),
    ] {
        assert_eq!(judge(&text).as_deref(), Some(wanted), "{text}");
        assert!(Settings::parse(&text).is_err(), "{text}");
    }
}
