//! What messages become on the clinical side: results, documents, orders; and what the corpus gives.
//!
//! Not for: medicines and the rest (`record_tests`), patients and visits (`tests`).

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::{Rules, map};
use crate::formats::fhir::{Shape, Tokenizer};
use crate::formats::hl7v2::Splitter;
use crate::mapping::{Context, Mapped};

/// Maps a message of these segments behind MSH and PID.
pub(super) fn mapped(kind: &str, segments: &[&str]) -> Mapped {
    let text = message(kind, segments);
    let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "in/a b.hl7", offset: 1000 };
    map(text.as_bytes(), &Rules::default(), &cx)
}

fn message(kind: &str, segments: &[&str]) -> String {
    let head =
        [format!("MSH|^~\\&|LAB|HOSP|||20200102030405||{kind}|M1|P|2.5"), "PID|1||77^^^HOSP^MR||Roe^Ann||19700101|F".into()];
    head.iter().map(String::as_str).chain(segments.iter().copied()).collect::<Vec<_>>().join("\r")
}

/// The resources of one type.
pub(super) fn of(out: &Mapped, kind: &str) -> Vec<Json> {
    let all = out.resources.iter().map(|r| serde_json::from_slice::<Json>(r).unwrap());
    all.filter(|r| r["resourceType"] == kind).collect()
}

pub(super) fn one(out: &Mapped, kind: &str) -> Json {
    let mut all = of(out, kind);
    assert_eq!(all.len(), 1, "{kind}: {all:?}");
    all.remove(0)
}

pub(super) fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn data(attachment: &Json) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text(&attachment["data"])).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_panel_is_a_report_with_its_observations() {
    let out = mapped(
        "ORU^R01",
        &[
            "PV1|1|I|||||||||||||||||V9^^^HOSP|||||||||||||||||||||||||20200101",
            "ORC|RE|P1|F1^LAB",
            "OBR|1|P1|F1^LAB|24323-8^Metabolic panel^LN|||20200102010000-0500|||||||||^Hill^Amy||||||20200102020000||CH|F",
            "NTE|1||Drawn fasting",
            "OBX|1|NM|2951-2^Sodium^LN||+0140|mmol/L^^UCUM|135-145|H^High^HL70078|||F|||20200102005900|||||||||Main Lab",
            "NTE|1||repeated,",
            "NTE|2||same value",
            "OBX|2|NM|2823-3^Potassium^LN||<3.0|mmol/L|3.5 - 5.1|LL|||P",
            "OBX|3|NM|X^Crea^L||hemolysed||||||X",
            "OBX|4|SN|T^Titer^L||^1^:^128||||||C",
            "OBX|5|SN|R^Range^L||^10^-^20|mg||||F",
            "OBX|6|CWE|ABO^Group^L||A^Group A^L^112144000^Blood group A^SCT||||||F",
            "OBX|7|TM|TI^Time^L||0745||||||F",
            "OBX|8|DT|DA^Day^L||20200101||||||F",
            "OBX|9|NM|2951-2^Sodium^LN||141|mmol/L|||||F",
            "SPM|1|^S1&LAB||SER^Serum^HL70487|||||||||||||20200102005800|20200102011500",
        ],
    );
    let report = one(&out, "DiagnosticReport");
    assert_eq!((text(&report["id"]), text(&report["status"])), ("HOSP.77.filler.LAB.F1.24323-8", "final"));
    assert_eq!(report["meta"]["lastUpdated"], "2020-01-02T03:04:05Z");
    assert_eq!(report["category"][0]["coding"][0]["code"], "LAB");
    assert_eq!(report["category"][1]["coding"][0]["code"], "CH");
    assert_eq!(
        (text(&report["effectiveDateTime"]), text(&report["issued"])),
        ("2020-01-02T01:00:00-05:00", "2020-01-02T02:00:00Z")
    );
    assert_eq!(report["encounter"]["reference"], "Encounter/HOSP.visit.V9");
    assert_eq!(report["conclusion"], "Drawn fasting");
    assert_eq!(report["result"].as_array().unwrap().len(), 9);
    let seen = of(&out, "Observation");
    let sodium = &seen[0];
    assert_eq!(report["result"][0]["reference"], format!("Observation/{}", text(&sodium["id"])));
    assert_eq!(
        sodium["valueQuantity"].to_string(),
        r#"{"value":140,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}"#
    );
    assert_eq!(
        (&sodium["referenceRange"][0]["low"]["value"].to_string()[..], text(&sodium["referenceRange"][0]["text"])),
        ("135", "135-145")
    );
    assert_eq!(
        sodium["interpretation"][0]["coding"][0]["system"],
        "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    );
    assert_eq!(sodium["effectiveDateTime"], "2020-01-02T00:59:00Z");
    assert_eq!(sodium["note"][0]["text"], "repeated,\nsame value");
    assert_eq!((text(&sodium["performer"][0]["display"]), text(&sodium["specimen"]["display"])), ("Main Lab", "Serum"));
    assert_eq!(seen[1]["valueQuantity"]["comparator"], "<");
    assert_eq!((text(&seen[1]["status"]), text(&seen[1]["effectiveDateTime"])), ("preliminary", "2020-01-02T01:00:00-05:00"));
    assert_eq!((text(&seen[2]["status"]), text(&seen[2]["valueString"])), ("cancelled", "hemolysed"));
    assert_eq!(
        (text(&seen[3]["status"]), seen[3]["valueRatio"]["denominator"]["value"].to_string()),
        ("corrected", "128".into())
    );
    assert_eq!(seen[4]["valueRange"]["high"].to_string(), r#"{"value":20,"unit":"mg"}"#);
    assert_eq!(seen[5]["valueCodeableConcept"]["coding"][1]["system"], "http://snomed.info/sct");
    assert_eq!((text(&seen[6]["valueTime"]), text(&seen[7]["valueDateTime"])), ("07:45:00", "2020-01-01"));
    // The same test a second time is a second result, not a version of the first.
    assert_eq!(seen[8]["id"], format!("{}_n2", text(&sodium["id"])));
    assert_eq!(one(&out, "Specimen")["id"], "HOSP.77.specimen.LAB.S1");
}

#[test]
fn a_correction_has_the_name_of_what_it_corrects() {
    let id = |obx: &str| {
        let seen = one(&mapped("ORU^R01", &["OBR|1||F1|GLU^Glucose^L|||20200101||||||||||||||||||F", obx]), "Observation");
        (text(&seen["id"]).to_string(), text(&seen["status"]).to_string(), seen)
    };
    let (first, _, _) = id("OBX|1|NM|GLU^Glucose^L||5.5||||||F");
    for (letter, status) in [("C", "corrected"), ("D", "entered-in-error"), ("W", "entered-in-error"), ("A", "amended")] {
        let (name, said, seen) = id(&format!("OBX|1|NM|GLU^Glucose^L||6.5||||||{letter}"));
        assert_eq!((name.as_str(), said.as_str()), (first.as_str(), status));
        // The value of another patient is not shown in this one's chart.
        assert_eq!(seen.get("valueQuantity").is_none(), letter == "W");
    }
    let wrong = mapped(
        "ORU^R01",
        &["OBR|1||F1|GLU", "OBX|1|ED|D^Doc^L||^^PDF^Base64^JVBERi0xLjQK||||||W", "OBX|2|FT|T^Text^L||a\\.br\\b\\.br\\c||||||W"],
    );
    assert!(wrong.findings.iter().any(|f| f.code == "wrong-patient"));
    assert_eq!((one(&wrong, "DiagnosticReport").get("presentedForm"), of(&wrong, "Observation").len()), (None, 0));
}

#[test]
fn prose_becomes_the_form_of_its_report() {
    let out = mapped(
        "ORU^R01",
        &[
            "OBR|1||R1|71020^Chest X-ray^C4|||20200101|||||||||||||||||RAD|F|||||||7&Stone&Eva&&&Dr",
            "OBX|1|TX|71020&GDT^Findings^C4|1|  Lungs clear.||||||F",
            "OBX|2|TX|71020&GDT^Findings^C4|2|||||||F",
            "OBX|3|TX|71020&GDT^Findings^C4|3|Heart \\T\\ aorta normal.||||||F",
            "OBX|4|FT|71020&IMP^Impression^C4|1|No acute\\.br\\disease||||||F",
        ],
    );
    let report = one(&out, "DiagnosticReport");
    assert_eq!(of(&out, "Observation").len(), 0);
    assert_eq!(
        data(&report["presentedForm"][0]),
        "Findings\n  Lungs clear.\n\nHeart & aorta normal.\n\nImpression\nNo acute\ndisease"
    );
    assert_eq!(text(&report["conclusion"]), "No acute\ndisease");
    assert_eq!(report["resultsInterpreter"][0]["display"], "Dr Eva Stone");
    assert_eq!(report["category"][0]["coding"][0]["code"], "RAD");
    // A comment among numbers stays a result.
    let mixed =
        mapped("ORU^R01", &["OBR|1||R2|CBC", "OBX|1|NM|WBC||7", "OBX|2|TX|COM^Comment||line 1", "OBX|3|TX|COM^Comment||line 2"]);
    assert_eq!(of(&mixed, "Observation")[1]["valueString"], "line 1\nline 2");
}

#[test]
fn documents_are_pointed_to_where_they_lie() {
    let pdf = "JVBERi0xLjQKJcOkw7zDtsOfCg==";
    let obx = format!("OBX|1|ED|PDF^Report^L||LAB^Application^PDF^Base64^{pdf}||||||F");
    let segments = ["OBR|1||F1|SP^Pathology^L", obx.as_str()];
    let report = one(&mapped("ORU^R01", &segments), "DiagnosticReport");
    let at = message("ORU^R01", &segments).find(pdf).unwrap();
    let form = &report["presentedForm"][0];
    assert_eq!(form["url"], format!("in/a%20b.hl7#base64={},{}", 1000 + at, pdf.len()));
    assert_eq!((text(&form["contentType"]), text(&form["title"])), ("application/pdf", "Report"));
    // Below no report it is a document of its own.
    let stray = one(&mapped("ORU^R01", &[&obx]), "DocumentReference");
    assert_eq!(stray["content"][0]["attachment"]["contentType"], "application/pdf");
    // Pieces in several values are put together; so are other encodings.
    let piece = |data: &str, n: u8| format!("OBX|{n}|ED|PDF^Report^L|{n}|^AP^PDF^Base64^{data}||||||F");
    let pieces = [piece("JVBERi0xLjQK", 1), piece("c2Vjb25kIHBhcnQ=", 2)];
    let cut = one(&mapped("ORU^R01", &["OBR|1||F1|SP", &pieces[0], &pieces[1]]), "DiagnosticReport");
    assert_eq!(data(&cut["presentedForm"][0]), "%PDF-1.4\nsecond part");
    let other = mapped(
        "ORU^R01",
        &[
            "OBR|1||F1|SP",
            "OBX|1|ED|H^Hex^L||^TEXT^^Hex^48692E",
            "OBX|2|ED|A^Plain^L||^TEXT^PLAIN^A^a\\F\\b",
            "OBX|3|RP|P^Slide^L||\\E\\\\E\\srv\\E\\my file.tif^^IM^TIFF",
        ],
    );
    let forms = one(&other, "DiagnosticReport")["presentedForm"].clone();
    assert_eq!((data(&forms[0]), data(&forms[1])), ("Hi.".into(), "a|b".into()));
    assert_eq!((text(&forms[2]["url"]), text(&forms[2]["contentType"])), ("\\\\srv\\my%20file.tif", "image/tiff"));
}

#[test]
fn vital_signs_and_a_visits_measurements() {
    let out =
        mapped("ORU^R01", &["OBR|1||F1|VS^Vitals^L", "OBX|1|NM|8867-4^Heart rate^LN||72|/min|||||F", "OBX|2|NM|Z^Other^L||1"]);
    let categories: Vec<_> = of(&out, "Observation").iter().map(|o| o["category"][0]["coding"][0]["code"].clone()).collect();
    assert_eq!(categories, ["vital-signs", "vital-signs"]);
    let adt = |sent: &str| {
        one(&mapped("ADT^A08", &["PV1|1|I", &format!("OBX|1|NM|WT^Body weight^L||{sent}|kg|||||F|||20200101")]), "Observation")
    };
    assert_eq!(adt("70")["category"][0]["coding"][0]["code"], "vital-signs");
    assert_eq!(adt("70")["id"], adt("71")["id"]);
}

#[test]
fn reflex_tests_and_several_patients() {
    let out = mapped(
        "ORU^R01",
        &[
            "OBR|1||F1|CULT^Culture^L||||||||||||||||||||MB|F",
            "OBX|1|CWE|ORG^Organism^L|1|ECO^E. coli^L||||||F",
            "OBR|2||F2|SENS^Sensitivity^L||||||||||||||||||||MB|F|ORG^1|||P^F1",
            "OBX|1|ST|AMP^Ampicillin^L||<=8|||R|||F",
            "PID|2||88^^^HOSP^MR||Roe^Ben",
            "OBR|1||F1|CULT^Culture^L",
            "OBX|1|CWE|ORG^Organism^L|1|SAU^S. aureus^L||||||F",
        ],
    );
    let seen = of(&out, "Observation");
    assert_eq!(seen[1]["derivedFrom"][0]["reference"], format!("Observation/{}", text(&seen[0]["id"])));
    assert_eq!(seen[1]["interpretation"][0]["coding"][0]["display"], "Resistant");
    assert_eq!(seen[2]["subject"]["reference"], "Patient/HOSP.88");
    assert_ne!(seen[0]["id"], seen[2]["id"]);
}

#[test]
fn documents_of_transcription() {
    let mdm = |event: &str, txa: &str, rest: &[&str]| {
        let mut segments = vec![txa];
        segments.extend(rest);
        mapped(&format!("MDM^{event}"), &segments)
    };
    let txa = |number: &str, parent: &str, status: &str, storage: &str| {
        format!("TXA|1|DS|TX|20200101||20200102||20200103100000|9^Hill^Amy|||{number}|{parent}|||note.txt|{status}|R|{storage}")
    };
    let first = mdm("T02", &txa("D1", "", "AU", "AV"), &["OBX|1|TX|B^Body^L|1|Line one", "OBX|2|TX|B^Body^L|2|  line two"]);
    let first = one(&first, "DocumentReference");
    assert_eq!((text(&first["status"]), text(&first["docStatus"])), ("current", "final"));
    assert_eq!(data(&first["content"][0]["attachment"]), "Line one\n  line two");
    assert_eq!(first["type"]["coding"][1]["code"], "18842-5");
    assert_eq!((text(&first["type"]["text"]), text(&first["author"][0]["display"])), ("Discharge summary", "Amy Hill"));
    assert_eq!(first["meta"]["security"][0]["code"], "R");
    let edited = one(&mdm("T08", &txa("D1", "", "AU", "AV"), &["OBX|1|TX|B||New"]), "DocumentReference");
    assert_eq!((&edited["id"], text(&edited["docStatus"])), (&first["id"], "amended"));
    for (event, code) in [("T06", "appends"), ("T10", "replaces")] {
        let later = one(&mdm(event, &txa("D2", "D1", "AU", "AV"), &["OBX|1|TX|B||More"]), "DocumentReference");
        assert_eq!(later["relatesTo"][0]["code"], code);
        assert_eq!(later["relatesTo"][0]["target"]["reference"], format!("DocumentReference/{}", text(&first["id"])));
    }
    let cancelled = one(&mdm("T11", &txa("D1", "", "AU", "CA"), &[]), "DocumentReference");
    assert_eq!((&cancelled["id"], text(&cancelled["status"])), (&first["id"], "entered-in-error"));
    // A notice of a change does not push the text away.
    assert_eq!(of(&mdm("T03", &txa("D1", "", "LA", "AV"), &[]), "DocumentReference").len(), 0);
    assert_eq!(of(&mdm("T01", &txa("D3", "", "IP", ""), &[]), "DocumentReference").len(), 1);
}

#[test]
fn orders_and_what_becomes_of_them() {
    let order = |orc: &str| {
        one(
            &mapped("ORM^O01", &[orc, "OBR|1|P1||24725-4^CT head^LN|||||||||||||||||||||||||||^R^Headache", "NTE|1||call first"]),
            "ServiceRequest",
        )
    };
    let new = order("ORC|NW|P1|F1||||||20200101120000|||9^Hill^Amy||||||||||||||||V");
    assert_eq!((text(&new["status"]), text(&new["authoredOn"])), ("active", "2020-01-01T12:00:00Z"));
    assert_eq!((text(&new["requester"]["display"]), text(&new["note"][0]["text"])), ("Amy Hill", "call first"));
    assert_eq!(new["meta"]["security"][0]["code"], "V");
    for (orc, status) in [
        ("CA|P1", "revoked"),
        ("HD|P1", "on-hold"),
        ("SC|P1|||CM", "completed"),
        ("SC|P1|||IP", "active"),
        ("DC|P1|||CM", "revoked"),
    ] {
        let later = order(&format!("ORC|{orc}"));
        assert_eq!((&later["id"], text(&later["status"])), (&new["id"], status), "{orc}");
    }
    let stat = one(
        &mapped(
            "OML^O21",
            &["ORC|NW|P2", "TQ1|1||||||20200105080000||S^Stat^HL70485", "OBR|1|P2||GLU", "OBX|1|ST|Q^Fasting?^L||Y"],
        ),
        "ServiceRequest",
    );
    assert_eq!((text(&stat["priority"]), text(&stat["occurrenceDateTime"])), ("stat", "2020-01-05T08:00:00Z"));
}

/// Every resource of the delivered corpus is one that the archive takes.
#[test]
fn corpus_gives_resources_that_the_archive_takes() {
    let Ok(corpus) = std::env::var("CHARTKEEP_CORPUS") else {
        println!("not run: CHARTKEEP_CORPUS is not set");
        return;
    };
    let (mut kinds, mut codes) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    let mut folders = vec![Path::new(&corpus).join("hl7v2")];
    let mut messages = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut items = Vec::new();
            Splitter::default().cut(&bytes, true, &mut items);
            for item in items {
                messages += 1;
                let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "f.hl7", offset: item.start as u64 };
                let out = map(&bytes[item], &Rules::default(), &cx);
                for finding in &out.findings {
                    *codes.entry(finding.code.into()).or_default() += 1;
                }
                for json in &out.resources {
                    let mut tokens = Tokenizer::default();
                    tokens.cut(json).unwrap();
                    let shape = Shape::new(&tokens.template).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(json)));
                    *kinds.entry(shape.kind().name().to_string()).or_default() += 1;
                }
            }
        }
    }
    println!("{messages} messages: {kinds:?}; findings: {codes:?}");
    assert!(messages > 200 && kinds.len() > 8);
}
