//! Mapping made-up documents, and those of the corpus.
//!
//! Not for: the entries of sections, which are tested beside their mapping.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::formats::attachment;
use crate::formats::cda::looks_like_cda;

const HEADER: &str = r#"<templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>
<id root="1.2.3" extension="D-1"/>
<code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summarization of Episode Note"/>
<title>Summary  of care</title><effectiveTime value="20190703140506-0500"/>
<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="en-US"/>
<setId root="1.2.3" extension="S"/>
<recordTarget><patientRole>
  <id nullFlavor="UNK"/><id root="2.16.840.1.113883.4.1" extension="000-00-0000"/><id root="1.2.9" extension="MRN 7"/>
  <addr use="HP"><streetAddressLine>1 Made Up Rd</streetAddressLine><city>Nowhere</city><state>OR</state><postalCode>00000</postalCode></addr>
  <telecom use="MC" value="tel:+1(555)555-0100"/><telecom value="made@example.org"/>
  <patient>
    <name use="L"><given qualifier="CL">Ann</given><family>Example</family><family qualifier="BR">Sample</family></name>
    <name use="L"><prefix>Ms</prefix><given>Ann</given><family qualifier="BR">Elder</family></name>
    <administrativeGenderCode code="F"/><birthTime value="19500102"/><sdtc:deceasedTime value="20200101"/>
    <maritalStatusCode code="M" displayName="Married" codeSystem="2.16.840.1.113883.5.2"/>
    <raceCode code="2106-3" codeSystem="2.16.840.1.113883.6.238" displayName="White"/>
    <sdtc:raceCode code="2108-9" codeSystem="2.16.840.1.113883.6.238" displayName="European"/>
    <ethnicGroupCode nullFlavor="UNK"/>
    <guardian><code code="MTH" codeSystem="2.16.840.1.113883.5.111"/><guardianPerson><name><given>Old</given><family>Example</family></name></guardianPerson></guardian>
    <languageCommunication><languageCode code="en"/><preferenceInd value="true"/></languageCommunication>
  </patient>
</patientRole></recordTarget>
<author><assignedAuthor><id root="2.16.840.1.113883.4.6" extension="999"/><assignedPerson><name><family>Maker</family><given>Max</given><prefix>Dr.</prefix></name></assignedPerson></assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization><id root="1.2.8"/><name>Old Clinic</name></representedCustodianOrganization></assignedCustodian></custodian>
<legalAuthenticator><time value="20190704"/><signatureCode code="S"/><assignedEntity><assignedPerson><name>Sig Ner</name></assignedPerson></assignedEntity></legalAuthenticator>
<relatedDocument typeCode="RPLC"><parentDocument><id root="1.2.3" extension="D-0"/></parentDocument></relatedDocument>
<componentOf><encompassingEncounter><id root="1.2.7" extension="V1"/><code code="AMB" codeSystem="2.16.840.1.113883.5.4"/>
  <effectiveTime><low value="20190701"/><high value="20190703"/></effectiveTime>
  <location><healthCareFacility><location><name>Room 1</name></location></healthCareFacility></location></encompassingEncounter></componentOf>"#;

fn document(body: &str) -> String {
    let root = r#"<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc">"#;
    format!("{root}{HEADER}<component>{body}</component></ClinicalDocument>")
}

const BODY: &str = r#"<structuredBody><component><section><code code="11450-4" codeSystem="2.16.840.1.113883.6.1"/>
<title>Problems</title><text>none</text><entry/><component><section nullFlavor="NI"><title>Inner</title><entry/></section></component>
</section></component></structuredBody>"#;

fn mapped(xml: &str) -> (Mapped, Vec<Value>) {
    let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "cda/a b.xml", offset: 0 };
    let mapped = map(xml.as_bytes(), &Rules::default(), &cx);
    let resources = mapped.resources.iter().map(|r| serde_json::from_slice(r).unwrap()).collect();
    (mapped, resources)
}

fn of<'a>(resources: &'a [Value], kind: &str) -> &'a Value {
    resources.iter().find(|r| r["resourceType"] == kind).unwrap()
}

fn codes(mapped: &Mapped) -> Vec<&str> {
    mapped.findings.iter().map(|f| f.code).collect()
}

#[test]
fn the_patient() {
    let (mapped, resources) = mapped(&document(BODY));
    assert_eq!((mapped.kind.as_str(), &mapped.fate, mapped.units), ("cda:34133-9", &Fate::Archived, 2));
    assert_eq!(codes(&mapped), [""; 0]);
    let race = json!({"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race", "extension": [
        {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}},
        {"url": "detailed", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2108-9", "display": "European"}},
        {"url": "text", "valueString": "White; European"}]});
    let ethnicity = json!({"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity", "extension": [
        {"url": "ombCategory", "valueCoding": {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"}},
        {"url": "text", "valueString": "UNK"}]});
    let wanted = json!({
        "resourceType": "Patient", "id": "1_2e2_2e9.MRN_207", "meta": {"lastUpdated": "2019-07-03T14:05:06-05:00"},
        "extension": [race, ethnicity],
        "identifier": [
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-00-0000"}, {"system": "urn:oid:1.2.9", "value": "MRN 7"}],
        "name": [
            {"use": "official", "text": "Ann Example", "family": "Example", "given": ["Ann"]},
            {"use": "maiden", "family": "Sample"},
            {"use": "maiden", "text": "Ms Ann Elder", "family": "Elder", "given": ["Ann"], "prefix": ["Ms"]}],
        "telecom": [
            {"system": "phone", "value": "+1(555)555-0100", "use": "mobile"}, {"system": "email", "value": "made@example.org"}],
        "gender": "female", "birthDate": "1950-01-02", "deceasedDateTime": "2020-01-01",
        "address": [
            {"use": "home", "line": ["1 Made Up Rd"], "city": "Nowhere", "state": "OR", "postalCode": "00000"}],
        "maritalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M", "display": "Married"}],
            "text": "Married"},
        "contact": [{
            "relationship": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]},
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleClass", "code": "GUARD", "display": "guardian"}]}],
            "name": {"text": "Old Example", "family": "Example", "given": ["Old"]}}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}, "preferred": true}],
    });
    assert_eq!(of(&resources, "Patient"), &wanted);
}

#[test]
fn the_number_that_a_site_prefers_is_the_id() {
    let xml = document("");
    let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "a", offset: 0 };
    let rules = Rules { patient_roots: vec!["1.9".into(), "2.16.840.1.113883.4.1".into()] };
    let patient: Value = serde_json::from_slice(&map(xml.as_bytes(), &rules, &cx).resources[0]).unwrap();
    assert_eq!(patient["id"], "2_2e16_2e840_2e1_2e113883_2e4_2e1.000-00-0000");
}

#[test]
fn the_document_and_its_parts() {
    let (_, resources) = mapped(&document(BODY));
    let reference = of(&resources, "DocumentReference");
    let composition = of(&resources, "Composition");
    assert_eq!(of(&resources, "Encounter")["id"], "1_2e2_2e9.MRN_207..1_2e2_2e7.V1");
    assert_eq!(of(&resources, "Encounter")["period"], json!({"start": "2019-07-01", "end": "2019-07-03"}));
    for (pointer, wanted) in [
        ("/masterIdentifier", json!({"system": "urn:oid:1.2.3", "value": "D-1"})),
        ("/docStatus", json!("final")),
        ("/date", json!("2019-07-03T14:05:06-05:00")),
        ("/subject/reference", json!("Patient/1_2e2_2e9.MRN_207")),
        (
            "/author/0",
            json!({"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "999"}, "display": "Dr. Max Maker"}),
        ),
        ("/authenticator/display", json!("Sig Ner")),
        ("/custodian/display", json!("Old Clinic")),
        ("/relatesTo/0", json!({"code": "replaces", "target": {"identifier": {"system": "urn:oid:1.2.3", "value": "D-0"}}})),
        ("/description", json!("Summary of care")),
        ("/content/0/attachment/url", json!("cda/a%20b.xml")),
        ("/content/0/format/code", json!("urn:hl7-org:sdwg:ccda-structuredBody:2.1")),
        ("/context/encounter/0/reference", json!("Encounter/1_2e2_2e9.MRN_207..1_2e2_2e7.V1")),
        ("/context/related/0/reference", json!(format!("Composition/{}", composition["id"].as_str().unwrap()))),
    ] {
        assert_eq!(reference.pointer(pointer), Some(&wanted), "{pointer}");
    }
    assert_eq!(reference["content"].as_array().unwrap().len(), 1);
    assert_eq!(composition["section"][0]["title"], "Problems");
    assert_eq!(composition["section"][0]["section"][0]["emptyReason"]["coding"][0]["code"], "unavailable");
    assert!(composition.get("text").is_none());
}

#[test]
fn a_body_that_is_a_file_is_pointed_to() {
    let body = |text: &str| document(&format!("<nonXMLBody>{text}</nonXMLBody>"));
    let second = |xml: &str| of(&mapped(xml).1, "DocumentReference")["content"][1]["attachment"].clone();
    let xml = body("<text mediaType='text/plain' representation='B64'>JVBERi0x\nLjQ=</text>");
    let attachment = second(&xml);
    assert_eq!(attachment["contentType"], "application/pdf");
    let (file, span) = attachment::parse(attachment["url"].as_str().unwrap()).unwrap();
    let span = span.unwrap();
    assert_eq!(file, "cda/a b.xml");
    assert_eq!(&xml[span.offset as usize..][..span.length as usize], "JVBERi0x\nLjQ=");
    let plain = second(&body("<text>some words</text>"));
    assert_eq!(plain["data"], "c29tZSB3b3Jkcw==");
    let beside = second(&body("<text mediaType='application/pdf'><reference value='x.pdf'/></text>"));
    assert_eq!(beside["url"], "cda/x.pdf");
    let away = body("<text mediaType='application/pdf'><reference value='../x.pdf'/></text>");
    assert!(second(&away).is_null());
    assert_eq!(codes(&mapped(&away).0), ["cda.body-elsewhere"]);
}

#[test]
fn confidentiality_is_never_lost() {
    let restricted = |xml: &str, kind: &str| {
        let codes = of(&mapped(xml).1, kind)["meta"]["security"].clone();
        codes.as_array().unwrap().iter().any(|c| Label::of_security_code(c["code"].as_str().unwrap()).is_restricted())
    };
    let section =
        |inside: &str| document(&format!("<structuredBody><component><section>{inside}</section></component></structuredBody>"));
    let mark = "<entry><act><entryRelationship><observation><templateId root='2.16.840.1.113883.3.445.12'/><value code='R'/>\
                </observation></entryRelationship></act></entry>";
    assert!(!restricted(&section(""), "DocumentReference"));
    assert!(restricted(&section("<confidentialityCode code='R'/>"), "DocumentReference"));
    assert!(restricted(&section(mark), "DocumentReference"));
    assert!(restricted(&section(mark), "Composition"));
    let endless: String = (0..200).map(|i| format!("<confidentialityCode code='N' codeSystem='1.{i}'/>")).collect();
    assert!(restricted(&section(&format!("{endless}<confidentialityCode code='V'/>")), "DocumentReference"));
}

#[test]
fn without_a_usable_patient_the_document_is_kept() {
    let xml = document(BODY).replace("<id root=\"1.2.9\" extension=\"MRN 7\"/>", "<id root=\"1.2.9\"/>");
    let xml = xml.replace("extension=\"000-00-0000\"", "");
    let (mapped, resources) = mapped(&xml);
    let kinds: Vec<_> = resources.iter().map(|r| r["resourceType"].as_str().unwrap()).collect();
    assert_eq!((codes(&mapped), kinds), (vec!["cda.no-patient-id"], vec!["Composition", "DocumentReference"]));
    assert!(of(&resources, "DocumentReference").get("subject").is_none());
}

#[test]
fn equal_documents_give_equal_bytes_and_numbers_used_twice_hide_nothing() {
    let (first, resources) = mapped(&document(BODY));
    assert_eq!(first.resources, mapped(&document(BODY)).0.resources);
    let id = |resources: &[Value]| of(resources, "DocumentReference")["id"].clone();
    let other = mapped(&document(BODY).replace("MRN 7", "MRN 8")).1;
    assert_ne!(id(&resources), id(&other));
    assert_ne!(id(&resources), id(&mapped(&document(BODY).replace("20190703140506", "20190703140507")).1));
}

#[test]
fn deeply_nested_sections_stay_readable() {
    let nested = |depth: usize| {
        let open = "<component><section><title>t</title>".repeat(depth);
        document(&format!("<structuredBody>{open}{}</structuredBody>", "</section></component>".repeat(depth)))
    };
    let depth = 240;
    let (mapped, resources) = mapped(&nested(depth));
    assert_eq!(mapped.fate, Fate::Archived);
    assert_eq!(of(&resources, "Composition").to_string().matches("\"title\":\"t\"").count(), depth);
}

#[test]
fn broken_documents_are_refused_by_place() {
    let xml = document(BODY);
    let cut = &xml[..xml.len() - 5];
    let (mapped, resources) = mapped(cut);
    let Fate::Quarantined(reason) = mapped.fate else { panic!("not refused") };
    assert!(reason.starts_with("xml.") && reason.contains("at byte"), "{reason}");
    assert!(resources.is_empty());
}

proptest! {
    #[test]
    fn damaged_documents_never_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), insert in any::<bool>()) {
        let mut bytes = document(BODY).into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            if insert { bytes.insert(at, byte) } else { bytes[at] = byte }
        }
        let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "a", offset: 0 };
        let mapped = map(&bytes, &Rules::default(), &cx);
        for resource in &mapped.resources {
            prop_assert!(serde_json::from_slice::<Value>(resource).is_ok());
        }
        prop_assert_eq!(mapped.resources.is_empty(), mapped.fate != Fate::Archived);
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Maps every document of the corpus; with `CHARTKEEP_CORPUS_OUT` one line for each, and what was made of it, is written
/// there.
#[test]
fn the_corpus() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from) else {
        println!("not run: CHARTKEEP_CORPUS is not set");
        return;
    };
    let mut paths = Vec::new();
    files(&corpus.join("ccda"), &mut paths);
    paths.sort();
    let (mut lines, mut made, mut refused, mut others) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let name = path.strip_prefix(&corpus).unwrap().to_str().unwrap();
        if !looks_like_cda(&bytes[..bytes.len().min(crate::formats::cda::HEAD)]) {
            others += 1;
            lines.push(format!("{name}\tno document"));
            continue;
        }
        let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: name, offset: 0 };
        let mapped = map(&bytes, &Rules::default(), &cx);
        for resource in &mapped.resources {
            serde_json::from_slice::<Value>(resource).unwrap();
            made.extend_from_slice(resource);
            made.push(b'\n');
        }
        let sections = Document::read(&bytes).map_or(0, |document| document.all_sections().len());
        lines.push(format!(
            "{name}\t{}\t{sections}\t{}\t{:?}\t{}\t{:?}",
            mapped.kind,
            mapped.units,
            mapped.fate,
            mapped.resources.len(),
            codes(&mapped)
        ));
        if mapped.fate != Fate::Archived {
            refused.push(name.to_owned());
        }
    }
    if let Some(out) = std::env::var_os("CHARTKEEP_CORPUS_OUT") {
        let out = PathBuf::from(out);
        std::fs::write(out.join("cda.tsv"), lines.join("\n")).unwrap();
        std::fs::write(out.join("cda.ndjson"), made).unwrap();
    }
    println!("{} files, {others} no documents, refused: {refused:?}", paths.len());
    assert!(refused.is_empty());
}

/// Maps every document of the corpus cut short and with single bytes changed.
#[test]
fn the_corpus_damaged() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from) else {
        println!("not run: CHARTKEEP_CORPUS is not set");
        return;
    };
    let mut paths = Vec::new();
    files(&corpus.join("ccda"), &mut paths);
    let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "a", offset: 0 };
    let (mut kept, mut refused) = (0, 0);
    for (number, path) in paths.iter().enumerate() {
        let bytes = std::fs::read(path).unwrap();
        for (part, byte) in b"<&\"\xff>/\0".iter().enumerate() {
            let mut damaged = bytes.clone();
            let at = (number * 7919 + part * bytes.len() / 7) % bytes.len();
            damaged[at] = *byte;
            let mapped = map(&damaged, &Rules::default(), &cx);
            if mapped.fate == Fate::Archived { kept += 1 } else { refused += 1 }
        }
        let cut = &bytes[..number * 7919 % bytes.len()];
        assert!(matches!(map(cut, &Rules::default(), &cx).fate, Fate::Quarantined(_)), "{}", path.display());
    }
    println!("one byte changed: {kept} archived, {refused} refused");
}
