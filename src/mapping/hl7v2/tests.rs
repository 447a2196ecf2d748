//! Tests of the patient's side of the mapping of HL7 v2.
//!
//! Not for: results, documents and orders, which have their own.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::*;
use crate::formats::hl7v2::looks_like_hl7v2;
use crate::mapping::IdentityEvent;

fn map_under(text: &str, rules: &Rules) -> Mapped {
    let zone = TimeZone::get("America/Chicago").unwrap();
    map(text.as_bytes(), rules, &Context { source_system: "old", zone: &zone, file: "a.hl7", offset: 0 })
}

fn mapped(text: &str) -> Mapped {
    map_under(text, &Rules::default())
}

/// The resources of that kind.
fn all(mapped: &Mapped, kind: &str) -> Vec<Json> {
    let read = mapped.resources.iter().map(|bytes| serde_json::from_slice::<Json>(bytes).expect("a resource is JSON"));
    read.filter(|r| r["resourceType"] == kind).collect()
}

fn one(mapped: &Mapped, kind: &str) -> Json {
    let found = all(mapped, kind);
    assert_eq!(found.len(), 1, "{kind}: {found:?}");
    found.into_iter().next().unwrap()
}

fn codes(mapped: &Mapped) -> Vec<&'static str> {
    mapped.findings.iter().map(|f| f.code).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// What is not archived as a message, each with its reason. The first is three lines of junk in front of a message; the
/// others end in MSH-2, so that nothing of them can be read (the reference counts them as messages of one segment).
const NO_MESSAGES: [(&str, &str); 3] = [
    ("cdc-case-notification/Genv1-Case-TestMessage1.HL7", "leading-junk"),
    ("cosyte-batch/malformed-mid-batch.hl7", "truncated"),
    ("cosyte-stream/malformed-mid-stream.hl7", "truncated"),
];

/// Messages and segments of the whole folder as the reference counts them: 398 and 5690. We count two messages and their
/// MSH less (above), and one segment more: `cosyte-vendor-quirks/segment-case.hl7` writes `pid|`, which the reference
/// takes for a stray line.
const MESSAGES: u32 = 398 - 2;
const SEGMENTS: u32 = 5690 - 2 + 1;

#[test]
fn every_message_of_the_corpus_is_archived() {
    let Ok(corpus) = std::env::var("CHARTKEEP_CORPUS") else {
        eprintln!("not run: CHARTKEEP_CORPUS is not set");
        return;
    };
    let (mut paths, mut messages, mut segments, mut refused) = (Vec::new(), 0, 0, Vec::new());
    let top = Path::new(&corpus).join("hl7v2");
    files(&top, &mut paths);
    let (rules, zone) = (Rules::default(), TimeZone::UTC);
    for path in &paths {
        let (bytes, mut items) = (std::fs::read(path).unwrap(), Vec::new());
        let name = path.strip_prefix(&top).unwrap().to_string_lossy().into_owned();
        assert!(looks_like_hl7v2(&bytes[..bytes.len().min(4096)]), "{name}");
        assert_eq!(Splitter::default().cut(&bytes, true, &mut items), bytes.len());
        for item in items {
            let cx = Context { source_system: "old", zone: &zone, file: &name, offset: item.start as u64 };
            let mapped = map(&bytes[item], &rules, &cx);
            for resource in &mapped.resources {
                let resource: Json = serde_json::from_slice(resource).expect("a resource is JSON");
                assert!(resource["resourceType"].is_string(), "{name}");
            }
            match &mapped.fate {
                Fate::Archived => (messages, segments) = (messages + 1, segments + mapped.units),
                fate => refused.push((name.clone(), format!("{fate:?}"))),
            }
        }
    }
    assert_eq!((paths.len(), messages, segments), (242, MESSAGES, SEGMENTS));
    let is_as_told = |(name, fate): &(String, String)| NO_MESSAGES.iter().any(|(file, code)| name == file && fate.contains(code));
    assert!(refused.len() == NO_MESSAGES.len() && refused.iter().all(is_as_told), "{refused:?}");
}

const HEADER: &str = "MSH|^~\\&|REG|HOSP|||20200102030405||ADT^A08|77|P|2.5\rEVN|A08|20200102030405-0500\r";

/// A segment by the numbers of its fields.
fn segment(name: &str, fields: &[(usize, &str)]) -> String {
    let last = fields.iter().map(|(n, _)| *n).max().unwrap_or(0);
    let value = |n: usize| fields.iter().find(|(at, _)| *at == n).map_or("", |(_, text)| text);
    let values = (1..=last).map(value).collect::<Vec<_>>().join("|");
    format!("{name}|{values}\r")
}

/// A message about one patient with what follows the PID.
fn adt(event: &str, rest: &str) -> Mapped {
    mapped(&format!(
        "MSH|^~\\&|REG|HOSP|||20200102030405||ADT^{event}|77|P|2.5\rEVN|{event}|20200102030405-0500\r\
         PID|1||7^^^HOSP^MR||Ames^Ann\r{rest}"
    ))
}

#[test]
fn a_patient_of_every_field() {
    let pid = segment(
        "PID",
        &[
            (2, "X9"),
            (3, "55^^^STATE^SB~7^^^HOSP&1.2.3&ISO^MR^^20100101"),
            (5, "Ames^Ann^B^Jr^Dr^MD^L~Ann^^^^^^N"),
            (6, "Berg^Clara"),
            (7, "198001020304"),
            (8, "F"),
            (9, "Bell^Ann^^^^^M"),
            (10, "2106-3^White^CDCREC~9999-1^Elf^CDCREC"),
            (11, "1 Main St^Apt 2^Town^ST^12345^USA^H"),
            (13, "^PRN^PH^^1^555^1234^99~^NET^Internet^ann@example.org"),
            (14, "(555)999"),
            (15, "spa^Spanish^HL70296"),
            (16, "A^separated"),
            (17, "CAT"),
            (18, "A1"),
            (19, "123-45-6789"),
            (20, "D77^ST"),
            (22, "H"),
            (23, "Ville"),
            (25, "2"),
            (29, "20190304"),
            (30, "Y"),
        ],
    );
    let text = format!("{HEADER}{pid}PD1|||Clinic^^9|5^House^Greg^^^^MD^^NPI\rZPI|x\r");
    let mapped = mapped(&text);
    let p = one(&mapped, "Patient");
    assert_eq!((p["id"].as_str(), mapped.units), (Some("HOSP.7"), 5));
    assert_eq!(p["meta"]["lastUpdated"], "2020-01-02T03:04:05-05:00");
    let numbers: Vec<&str> = p["identifier"].as_array().unwrap().iter().map(|i| i["value"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["55", "7", "X9", "A1", "123-45-6789", "D77"]);
    assert_eq!(p["identifier"][1]["system"], "urn:oid:1.2.3");
    assert_eq!(p["identifier"][4]["system"], "http://hl7.org/fhir/sid/us-ssn");
    let uses: Vec<&str> = p["name"].as_array().unwrap().iter().map(|n| n["use"].as_str().unwrap()).collect();
    assert_eq!((uses, &p["name"][0]["text"]), (vec!["official", "nickname", "maiden"], &Json::from("Dr Ann B Ames Jr, MD")));
    assert_eq!((&p["birthDate"], &p["gender"]), (&Json::from("1980-01-02"), &Json::from("female")));
    assert_eq!(p["_birthDate"]["extension"][0]["valueDateTime"], "1980-01-02T03:04:00-06:00");
    assert_eq!(p["deceasedDateTime"], "2019-03-04");
    assert_eq!(p["telecom"][0]["value"], "+1 (555) 1234 x99");
    assert_eq!((&p["telecom"][1]["system"], &p["telecom"][2]["use"]), (&Json::from("email"), &Json::from("work")));
    assert_eq!(p["address"][0]["line"], serde_json::json!(["1 Main St", "Apt 2"]));
    assert_eq!((&p["maritalStatus"]["coding"][0]["code"], &p["maritalStatus"]["text"]), (&"L".into(), &"separated".into()));
    assert_eq!((&p["multipleBirthInteger"], &p["communication"][0]["language"]["coding"][0]["code"]), (&2.into(), &"es".into()));
    let race = &p["extension"][0]["extension"];
    assert_eq!(
        (&race[0]["url"], &race[1]["url"], &race[2]["valueString"]),
        (&"ombCategory".into(), &"detailed".into(), &"White, Elf".into())
    );
    assert_eq!(p["extension"][1]["extension"][0]["valueCoding"]["code"], "2135-2");
    assert_eq!(p["generalPractitioner"][0]["identifier"]["system"], "http://hl7.org/fhir/sid/us-npi");
    assert_eq!(p["generalPractitioner"][1]["display"], "Clinic");
    assert_eq!(codes(&mapped), ["segment-unmapped"]);
}

#[test]
fn the_number_that_names_a_patient_is_the_sites_choice() {
    let text = format!("{HEADER}PID|1||5^^^A^PI~7^^^B^XX~9|\r");
    let id = |rules: &Rules| one(&map_under(&text, rules), "Patient")["id"].as_str().unwrap().to_owned();
    assert_eq!(id(&Rules::default()), "A.5");
    assert_eq!(id(&Rules { patient_id_types: vec!["XX".into()], ..Rules::default() }), "B.7");
    assert_eq!(id(&Rules { patient_id_authorities: vec!["B".into()], ..Rules::default() }), "B.7");
    let bare = format!("{HEADER}PID|1||9|\r");
    let site = Rules { site_authority: "HERE".into(), ..Rules::default() };
    assert_eq!(one(&map_under(&bare, &site), "Patient")["id"], "HERE.9");
    assert_eq!(one(&mapped(&bare), "Patient")["id"], "9");
    let unnumbered = mapped(&format!("{HEADER}PID|1||||Ames^Ann\r"));
    assert_eq!(one(&unnumbered, "Patient")["id"], "unidentified.REG.77.2");
    assert_eq!(codes(&unnumbered), ["no-patient-id"]);
    let read: Rules = toml::from_str("exclude_processing_ids = [\"T\", \"D\"]").unwrap();
    assert_eq!(read.patient_id_types[0], "MR");
    assert!(toml::from_str::<Rules>("unknown = 1").is_err());
}

#[test]
fn no_message_is_refused_but_what_is_none() {
    for (text, kind, finding) in [
        ("MSH|^~\\&|A|||||||1", "hl7v2:", "unknown-type"),
        ("MSH|^~\\&|A||||||QRY^Z99|1\rPID|1||7", "hl7v2:QRY^Z99", "unknown-type"),
        ("MSH|^~\\&|A||||||adt^a20|1\rNPU|bed|C", "hl7v2:ADT^A20", ""),
        ("MSH|^~\\&|A||||||ADT^A01|1\rPID|1\rPV1|1|I", "hl7v2:ADT^A01", "no-patient-id"),
        ("MSH|^~\\\\&|A||||||ADT^A01|1\rPID|1||7", "hl7v2:ADT^A01", ""),
        ("MSH|^~\\&|A||||||ACK|1\rMSA|AA|1", "hl7v2:ACK", ""),
    ] {
        let mapped = mapped(text);
        assert_eq!((mapped.fate, mapped.kind.as_str()), (Fate::Archived, kind), "{text}");
        let first = mapped.findings.first().map_or("", |f| f.code);
        assert_eq!(first, finding, "{text}");
    }
    for (text, code) in
        [("junk", "leading-junk"), ("MSH|^^\\&|A|", "bad-delimiters"), ("MSH|^~", "truncated"), ("", "leading-junk")]
    {
        let Fate::Quarantined(reason) = mapped(text).fate else { panic!("{text} is no message") };
        assert!(reason.starts_with(code), "{reason}");
    }
}

#[test]
fn exclusion_is_a_rule_with_a_name() {
    let text = "MSH|^~\\&|A||||||ADT^A08|1|T\rPID|1||7^^^H^MR||ZZTest^Bert\r";
    assert_eq!(mapped(text).fate, Fate::Archived);
    let by_processing = Rules { exclude_processing_ids: vec!["t".into()], ..Rules::default() };
    assert_eq!(map_under(text, &by_processing).fate, Fate::Excluded("exclude_processing_ids: T".into()));
    for (pattern, excluded) in
        [("zztest*", true), ("*^bert", true), ("7", true), ("zz*t^b*t", true), ("test*", false), ("zz", false)]
    {
        let rules = Rules { exclude_test_patients: vec![pattern.into()], ..Rules::default() };
        let mapped = map_under(text, &rules);
        assert_eq!(mapped.fate != Fate::Archived, excluded, "{pattern}");
        assert_eq!(mapped.resources.is_empty(), excluded, "{pattern}");
    }
}

#[test]
fn a_visit_has_the_status_of_its_event() {
    for (event, begun, ended, status) in [
        ("A01", "", "", "in-progress"),
        ("A03", "", "", "finished"),
        ("A04", "", "", "planned"),
        ("A04", "20200101", "", "arrived"),
        ("A05", "", "", "planned"),
        ("A08", "20200101", "20200102", "finished"),
        ("A08", "", "", "unknown"),
        ("A11", "20200101", "", "cancelled"),
        ("A13", "20200101", "20200102", "in-progress"),
        ("A23", "", "", "entered-in-error"),
    ] {
        let pv1 = segment("PV1", &[(2, "I"), (3, "W^1^2"), (19, "V9^^^HOSP"), (44, begun), (45, ended)]);
        let e = one(&adt(event, &pv1), "Encounter");
        assert_eq!((e["status"].as_str(), e["id"].as_str()), (Some(status), Some("HOSP.visit.V9")), "{event}: {e}");
    }
    let order = mapped("MSH|^~\\&|A||||20200101||ORU^R01|1\rPID|1||7^^^HOSP^MR\rPV1|1|Q|W^1^2||||5^House^Greg\r");
    assert!(all(&order, "Encounter").is_empty());
    assert!(one(&order, "Patient")["meta"].is_null(), "an order in passing never passes for the newer version");
}

#[test]
fn what_a_registration_repeats_keeps_its_name() {
    let rest = [
        segment("PD1", &[(12, "Y")]),
        segment("NK1", &[(1, "1"), (2, "Ames^Bob"), (3, "SPO^Spouse"), (5, "555")]),
        segment("PV1", &[(2, "E"), (16, "VIP"), (19, "V9")]),
        segment("AL1", &[(1, "1"), (2, "DA"), (3, "1191^Aspirin^RXNORM"), (4, "MO"), (5, "hives~itch")]),
        segment("AL1", &[(1, "2"), (2, "MA"), (3, "dust"), (4, "SV")]),
        segment("DG1", &[(2, "I10"), (3, "J45.9"), (4, "Asthma"), (5, "20200101"), (6, "A"), (15, "1"), (21, "D")]),
        segment("PR1", &[(3, "0W3P8ZZ^Fix^I10P"), (5, "202001011000"), (7, "90"), (11, "8^Cut^Ed"), (16, "LT")]),
        segment("IN1", &[(2, "HMO"), (3, "9"), (4, "Insure Inc"), (8, "G1"), (17, "SEL"), (22, "1"), (36, "P77")]),
        segment("GT1", &[(1, "1")]),
    ]
    .concat();
    let rest = rest.as_str();
    let first = adt("A01", rest);
    let later = adt("A08", &rest.replace("NK1|1", "NK1|2").replace("AL1|1", "AL1|7"));
    let name = |mapped: &Mapped| {
        let read = mapped.resources.iter().map(|r| serde_json::from_slice::<Json>(r).unwrap());
        read.map(|r| format!("{}/{}", r["resourceType"].as_str().unwrap(), r["id"].as_str().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(name(&first), name(&later));
    assert_eq!(name(&first).len(), 8);
    let allergies = all(&first, "AllergyIntolerance");
    assert_eq!(
        (&allergies[0]["reaction"][1]["severity"], &allergies[0]["code"]["coding"][0]["system"]),
        (&"moderate".into(), &"http://www.nlm.nih.gov/research/umls/rxnorm".into())
    );
    assert_eq!((&allergies[1]["criticality"], &allergies[1]["note"][0]["text"]), (&"high".into(), &"Severity: SV".into()));
    let diagnosis = one(&first, "Condition");
    assert_eq!(
        (&diagnosis["code"]["text"], &diagnosis["code"]["coding"][0]["system"]),
        (&"Asthma".into(), &"http://hl7.org/fhir/sid/icd-10-cm".into())
    );
    let visit = one(&first, "Encounter");
    assert_eq!(visit["diagnosis"][0]["condition"]["reference"], format!("Condition/{}", diagnosis["id"].as_str().unwrap()));
    assert_eq!(visit["meta"]["security"].as_array().unwrap().len(), 2);
    let procedure = one(&first, "Procedure");
    assert_eq!(procedure["performedPeriod"]["end"], "2020-01-01T11:30:00-06:00");
    let coverage = one(&first, "Coverage");
    assert_eq!((&coverage["subscriberId"], &coverage["relationship"]["coding"][0]["code"]), (&"P77".into(), &"self".into()));
    assert_eq!(codes(&first), ["segment-unmapped"]);
}

#[test]
fn merges_link_and_unlink() {
    let at = Some("2020-01-02T03:04:05-05:00".to_string());
    let merge = |from: &str, into: &str| IdentityEvent::Merge { from: from.into(), into: into.into(), at: at.clone() };
    let unclear = |text: &str| IdentityEvent::Unclear(text.into());
    for (event, rest, wanted) in [
        ("A40", "MRG|8^^^HOSP^MR\r", vec![merge("HOSP.8", "HOSP.7")]),
        ("A34", "MRG|8\r", vec![merge("8", "HOSP.7")]),
        ("A18", "MRG|8^^^HOSP^MR~9^^^HOSP^MR~8^^^HOSP^MR\r", vec![merge("HOSP.8", "HOSP.7"), merge("HOSP.9", "HOSP.7")]),
        (
            "A40",
            "MRG|8^^^HOSP^MR\rPID|2||70^^^HOSP^MR\rMRG|80^^^HOSP^MR\r",
            vec![merge("HOSP.8", "HOSP.7"), merge("HOSP.80", "HOSP.70")],
        ),
        ("A40", "MRG|7^^^HOSP^MR\r", vec![]),
        ("A40", "MRG|8^^^ELSE^MR\r", vec![unclear("merge-ambiguous: MRG-1 and PID-3")]),
        ("A40", "MRG|\r", vec![unclear("merge-ambiguous: MRG-1")]),
        ("A40", "", vec![unclear("merge-ambiguous: no MRG")]),
        (
            "A45",
            "MRG|8^^^HOSP^MR||||V1\r",
            vec![unclear("moved: a number, an account or a visit of MRG goes to the patient of PID")],
        ),
        ("A41", "MRG|7^^^HOSP^MR||ACC1\r", vec![]),
        ("A24", "PID|2||8^^^HOSP^MR\r", vec![IdentityEvent::Link { a: "HOSP.7".into(), b: "HOSP.8".into(), at: at.clone() }]),
        (
            "A37",
            "PID|2||8^^^HOSP^MR\r",
            vec![
                IdentityEvent::Unlink { a: "HOSP.7".into(), b: "HOSP.8".into(), at: at.clone() },
                IdentityEvent::Unmerge { from: "HOSP.8".into(), into: "HOSP.7".into(), at: at.clone() },
                IdentityEvent::Unmerge { from: "HOSP.7".into(), into: "HOSP.8".into(), at: at.clone() },
            ],
        ),
        ("A24", "", vec![unclear("link-ambiguous: PID: fewer than two patients")]),
    ] {
        let mapped = adt(event, rest);
        assert_eq!((&mapped.identity, &mapped.fate), (&wanted, &Fate::Archived), "{event} {rest}");
        assert!(mapped.resources.is_empty(), "the PID of a merge is no version of the patient");
    }
}

#[test]
fn several_patients_in_a_message_stay_apart() {
    let mapped = adt("A17", "PV1|1|I|A^1|||||||||||||||||V1\rPID|2||8^^^HOSP^MR\rPV1|1|I|B^1\rAL1|1|DA|x\r");
    let ids: Vec<Json> = all(&mapped, "Patient").iter().map(|p| p["id"].clone()).collect();
    assert_eq!(ids, ["HOSP.7", "HOSP.8"]);
    assert_eq!(one(&mapped, "AllergyIntolerance")["patient"]["reference"], "Patient/HOSP.8");
}

#[test]
fn times_as_they_come() {
    for (text, wanted) in [
        ("1980", "1980"),
        ("198002", "1980-02"),
        ("1980-02-03", "1980-02-03"),
        ("1980-02-03 04:05:06", "1980-02-03"),
        ("19800203040506123", "1980-02-03"),
        ("00000000", ""),
        ("\"\"", ""),
    ] {
        let mapped = mapped(&format!("{HEADER}PID|1||7||||{text}\r"));
        assert_eq!(one(&mapped, "Patient")["birthDate"].as_str().unwrap_or(""), wanted, "{text}");
        assert_eq!(codes(&mapped).contains(&"bad-date"), text == "00000000", "{text}");
    }
    let rules = Rules { null_times: vec!["19000101".into()], ..Rules::default() };
    assert!(one(&map_under(&format!("{HEADER}PID|1||7||||19000101\r"), &rules), "Patient")["birthDate"].is_null());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// A message with something of everything, damaged at random: it is mapped, or it is no message, and what comes out
    /// is JSON.
    #[test]
    fn a_damaged_message_makes_no_panic(
        damage in proptest::collection::vec((0usize..2000, proptest::prelude::any::<u8>()), 0..12), kind in 0usize..16,
    ) {
        const KINDS: [&str; 16] = [
            "ADT^A01", "ADT^A40", "ADT^A24", "ADT^A45", "ORU^R01", "MDM^T02", "ORM^O01", "RDE^O11", "RAS^O17", "VXU^V04", "SIU^S12",
            "DFT^P03", "PPR^PC1", "REF^I12", "MFN^M02", "OMP^O09",
        ];
        let mut bytes = format!(
            "MSH|^~\\&|A|B|||20200101||{}|1|P|2.5||||||8859/1\rEVN||20200102\rPID|1||7^^^H&1.2&ISO^MR~8||A^B||1980|F||W|1^2^3\r\
             PD1|||C^^1|5^D|||||||||Y\rMRG|8^^^H^MR\rARV|1|A|HIV\rNK1|1|A^B|SPO\rPV1|1|I|W^1^2||||1^D^E|||||||||VIP|||V9\rAL1|1|DA|x^y|SV|z\r\
             SCH|1^A|2^B|||||||30|min|^^30^20200101^20200102\rORC|RE|1^A|2^B\rRXO|1^x|5||mg\rRXE|^^^2020|1^x|5||mg\rRXA|0|1|20200101||3^x^CVX|1\r\
             RXR|PO\rOBR|1|1^A|2^B|4^x^LN|||20200101\rTXA|1|CN|TX|20200101||||||||9^A\rOBX|1|NM|1^x^LN||5|mg|1-6|N|||F\rNTE|1||n\\.br\\m\r\
             OBX|2|ED|2^y||A^AP^PDF^Base64^JVBERi0=|||||F\rOBX|3|SN|3^z||>^5|||||C\rSPM|1|||BLD\rDG1|1||J45^x^I10|||A\rPR1|1||1^x||20200101|||||||2^D\r\
             FT1|1|||20200101||CG|9^x\rPRB|AD|2020|1^x\rSTF|1|2|D^E\rIN1|1|P|C|N\rZZZ|1\r",
            KINDS[kind]
        ).into_bytes();
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "a", offset: 0 };
        for resource in map(&bytes, &Rules::default(), &cx).resources {
            serde_json::from_slice::<Json>(&resource).expect("a resource is JSON");
        }
    }
}
