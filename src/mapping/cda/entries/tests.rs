//! Each kind of entry, and the traps.
//!
//! Not for: real documents (`corpus_tests`).

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::mapping::cda::{Rules, map};
use crate::mapping::{Context, Mapped};

/// A document with one section of this code, narrative and entries.
fn mapped(loinc: &str, narrative: &str, entries: &str) -> Mapped {
    let section = format!(
        "<section><code code='{loinc}' codeSystem='2.16.840.1.113883.6.1'/><title>T</title><text>{narrative}</text>{entries}</section>"
    );
    of_sections(&format!("<component>{section}</component>"), "1")
}

fn of_sections(components: &str, patient: &str) -> Mapped {
    let document = format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3' xmlns:sdtc='urn:hl7-org:sdtc' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\
         <id root='1.2.3' extension='d1'/><code code='34133-9' codeSystem='2.16.840.1.113883.6.1'/>\
         <effectiveTime value='20200102030405+0000'/><recordTarget><patientRole><id root='1.2.3.4' extension='{patient}'/>\
         <patient><name><given>Ada</given><family>Example</family></name></patient></patientRole></recordTarget>\
         <component><structuredBody>{components}</structuredBody></component></ClinicalDocument>"
    );
    let zone = TimeZone::UTC;
    let cx = Context { source_system: "old", zone: &zone, file: "a.xml", offset: 0 };
    map(document.as_bytes(), &Rules::default(), &cx)
}

fn all(mapped: &Mapped, kind: &str) -> Vec<Value> {
    let values = mapped.resources.iter().map(|json| serde_json::from_slice::<Value>(json).unwrap());
    values.filter(|value| value["resourceType"] == kind).collect()
}

/// The only resource of a kind that a section gives.
#[track_caller]
fn one(kind: &str, loinc: &str, narrative: &str, entries: &str) -> Value {
    let mapped = mapped(loinc, narrative, entries);
    let mut found = all(&mapped, kind);
    assert_eq!(found.len(), 1, "{:?}", mapped.findings);
    found.remove(0)
}

fn codes(mapped: &Mapped) -> Vec<&'static str> {
    mapped.findings.iter().map(|finding| finding.code).collect()
}

const PROBLEM: &str = "<observation classCode='OBS' moodCode='EVN' NEG><templateId root='2.16.840.1.113883.10.20.22.4.4'/>\
    <id root='1.9' extension='p1'/><code code='55607006' codeSystem='2.16.840.1.113883.6.96'/><statusCode code='completed'/>\
    <effectiveTime><low value='2011'/>HIGH</effectiveTime><value xsi:type='CD' CODE/>MORE</observation>";

/// A concern with one problem.
fn problem(concern: &str, negated: &str, high: &str, value: &str, more: &str) -> String {
    let inner = PROBLEM.replace("NEG", negated).replace("HIGH", high).replace("CODE/>", value).replace("MORE", more);
    format!(
        "<entry><act classCode='ACT' moodCode='EVN'><templateId root='2.16.840.1.113883.10.20.22.4.3' extension='2015-08-01'/>\
         <code code='CONC'/><statusCode code='{concern}'/><entryRelationship typeCode='SUBJ'>{inner}</entryRelationship></act></entry>"
    )
}

const ASTHMA: &str = "code='195967001' codeSystem='2.16.840.1.113883.6.96' displayName='Asthma'><originalText><reference \
    value='#p'/></originalText><translation code='J45' codeSystem='2.16.840.1.113883.6.90'/><translation nullFlavor='UNK'/></value>";
const STATUS: &str = "<entryRelationship typeCode='REFR'><observation><templateId root='2.16.840.1.113883.10.20.22.4.6'/>\
    <code code='33999-4'/><value xsi:type='CD' code='VALUE' codeSystem='2.16.840.1.113883.6.96'/></observation></entryRelationship>";

#[test]
fn a_problem_with_its_words_and_codes() {
    let narrative = "<list><item ID='p'>asthma, <content>mild</content></item></list>";
    let c = one("Condition", "11450-4", narrative, &problem("active", "", "", ASTHMA, ""));
    assert_eq!(c["code"]["text"], "asthma, mild");
    let codings: Vec<_> = c["code"]["coding"].as_array().unwrap().iter().map(|c| c["code"].as_str().unwrap()).collect();
    assert_eq!(codings, ["195967001", "J45"], "a nullFlavor is no code");
    assert_eq!(c["clinicalStatus"]["coding"][0]["code"], "active");
    assert_eq!(c["category"][0]["coding"][0]["code"], "problem-list-item");
    assert_eq!(
        (c["onsetDateTime"].as_str(), c["subject"]["reference"].as_str()),
        (Some("2011"), Some("Patient/1_2e2_2e3_2e4.1"))
    );
    assert_eq!(c["meta"]["lastUpdated"], "2020-01-02T03:04:05+00:00");
}

#[test]
fn whether_a_problem_is_active() {
    let status = |concern, high, more: &str| {
        let c = one("Condition", "11450-4", "", &problem(concern, "", high, ASTHMA, more));
        c["clinicalStatus"]["coding"][0]["code"].as_str().unwrap_or_default().to_owned()
    };
    let said = |code| STATUS.replace("VALUE", code);
    assert_eq!(status("active", "<high value='2012'/>", ""), "resolved", "an active concern about what is over");
    assert_eq!(status("active", "<high value='2012'/>", &said("55561003")), "resolved", "the date says most");
    assert_eq!(status("active", "", &said("73425007")), "inactive");
    assert_eq!(status("active", "<high nullFlavor='UNK'/>", ""), "active", "silence must not hide a problem");
    assert_eq!(status("completed", "<high nullFlavor='UNK'/>", ""), "resolved");
    assert_eq!(status("completed", "", ""), "inactive");
}

#[test]
fn what_is_denied_is_never_a_problem() {
    let refuted = one("Condition", "11450-4", "", &problem("active", "negationInd='true'", "", ASTHMA, ""));
    assert_eq!(refuted["verificationStatus"]["coding"][0]["code"], "refuted");
    assert!(refuted.get("clinicalStatus").is_none());
    let any = "code='55607006' codeSystem='2.16.840.1.113883.6.96'/>";
    let none = mapped("11450-4", "No known problems", &problem("active", "negationInd='true'", "", any, ""));
    assert!(all(&none, "Condition").is_empty() && codes(&none).contains(&"cda.none-known"));
    let nothing = mapped("11450-4", "", &problem("active", "", "", "nullFlavor='UNK'/>", ""));
    assert!(all(&nothing, "Condition").is_empty() && codes(&nothing).contains(&"cda.entry-empty"));
}

#[test]
fn ids_that_do_not_name_one_thing_name_nothing() {
    let two = |a: &str, b: &str| {
        mapped("11450-4", "", &format!("{}{}", problem("active", "", "", a, ""), problem("active", "", b, ASTHMA, "")))
    };
    let flu = "code='6142004' codeSystem='2.16.840.1.113883.6.96'/>";
    let ids = |m: &Mapped| all(m, "Condition").iter().map(|c| c["id"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    let other = ids(&two(flu, ""));
    assert!(other[0].is_some() && other[1].is_some() && other[0] != other[1], "one id, two problems: {other:?}");
    let same = two(ASTHMA, "<high value='2012'/>");
    assert_eq!(ids(&same), [None, None], "one id, one code, two contents");
    assert!(all(&same, "Condition")[0]["meta"].get("lastUpdated").is_none(), "what is named by its content bears no time");
    let sample =
        problem("active", "", "", ASTHMA, "").replace("root='1.9' extension='p1'", "root='4adc1020-7b14-11db-9fe1-0800200c9a66'");
    assert_eq!(ids(&mapped("11450-4", "", &sample)), [None], "an id out of the samples");
    let of = |patient| {
        let section =
            format!("<component><section><code code='11450-4'/>{}</section></component>", problem("active", "", "", ASTHMA, ""));
        ids(&of_sections(&section, patient)).remove(0).unwrap()
    };
    assert_ne!(of("1"), of("2"), "two patients' entries are never one record");
}

#[test]
fn allergies() {
    let entry = |negated: &str, code: &str, more: &str| {
        format!(
            "<entry><act><templateId root='2.16.840.1.113883.10.20.22.4.30'/><statusCode code='active'/><entryRelationship typeCode='SUBJ'>\
             <observation {negated}><templateId root='2.16.840.1.113883.10.20.22.4.7'/><code code='ASSERTION'/>\
             <value xsi:type='CD' code='416098002' codeSystem='2.16.840.1.113883.6.96'/><participant typeCode='CSM'><participantRole>\
             <playingEntity>{code}</playingEntity></participantRole></participant>{more}</observation></entryRelationship></act></entry>"
        )
    };
    let penicillin = "<code code='7980' codeSystem='2.16.840.1.113883.6.88' displayName='Penicillin G'/>";
    let severe = "<entryRelationship typeCode='SUBJ'><observation><templateId root='2.16.840.1.113883.10.20.22.4.8'/><code code='SEV'/>\
        <value xsi:type='CD' code='24484000' codeSystem='2.16.840.1.113883.6.96'/></observation></entryRelationship>";
    let hives = format!(
        "<entryRelationship typeCode='MFST'><observation><templateId root='2.16.840.1.113883.10.20.22.4.9'/>\
         <value xsi:type='CD' code='247472004' displayName='Hives'/>{severe}</observation></entryRelationship>"
    );
    let a = one("AllergyIntolerance", "48765-2", "", &entry("", penicillin, &hives));
    assert_eq!((a["code"]["coding"][0]["code"].as_str(), a["type"].as_str()), (Some("7980"), Some("allergy")));
    assert_eq!(
        (a["category"][0].as_str(), a["clinicalStatus"]["coding"][0]["code"].as_str()),
        (Some("medication"), Some("active"))
    );
    assert_eq!(a["reaction"][0]["manifestation"][0]["coding"][0]["display"], "Hives");
    assert_eq!(a["reaction"][0]["severity"], "severe");
    let alone = one("AllergyIntolerance", "48765-2", "", &entry("", penicillin, severe));
    assert_eq!(alone["reaction"][0]["severity"], "severe", "a severity without a reaction is kept");
    let none = one("AllergyIntolerance", "48765-2", "", &entry("negationInd='true'", "<code nullFlavor='NA'/>", ""));
    assert_eq!(none["code"]["coding"][0]["code"], "409137002");
    let not = one("AllergyIntolerance", "48765-2", "", &entry("negationInd='true'", penicillin, ""));
    assert_eq!(not["verificationStatus"]["coding"][0]["code"], "refuted");
    assert_ne!(not["clinicalStatus"]["coding"][0]["code"], "active");
}

fn medication(mood: &str, status: &str, inside: &str) -> String {
    format!(
        "<entry><substanceAdministration moodCode='{mood}' {status}><templateId root='2.16.840.1.113883.10.20.22.4.16' extension='2014-06-09'/>\
         <id root='1.9' extension='m1'/><statusCode code='active'/><effectiveTime xsi:type='IVL_TS'><low value='20200101'/></effectiveTime>\
         {inside}<consumable><manufacturedProduct><manufacturedMaterial><code code='197361' codeSystem='2.16.840.1.113883.6.88' \
         displayName='amlodipine 5 MG'/></manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration></entry>"
    )
}

#[test]
fn medications_taken_and_ordered() {
    let taking = "<effectiveTime xsi:type='PIVL_TS' operator='A'><period value='12' unit='h'/></effectiveTime><routeCode code='C38288' \
        codeSystem='2.16.840.1.113883.3.26.1.1' displayName='ORAL'/><doseQuantity value='1' unit='{tbl}'/>";
    let m = one("MedicationStatement", "10160-0", "", &medication("EVN", "", taking));
    assert_eq!((m["status"].as_str(), m["effectivePeriod"]["start"].as_str()), (Some("active"), Some("2020-01-01")));
    assert_eq!(m["dosage"][0]["text"], "1 {tbl}, ORAL, every 12 hours");
    assert_eq!(m["dosage"][0]["timing"]["repeat"]["period"], 12);
    assert_eq!(m["dosage"][0]["doseAndRate"][0]["doseQuantity"]["code"], "{tbl}");
    let supply = "<entryRelationship typeCode='REFR'><supply moodCode='INT'><id root='1.9' extension='s1'/><repeatNumber value='3'/>\
        <quantity value='30'/></supply></entryRelationship>";
    let event = "<effectiveTime xsi:type='EIVL_TS' operator='A'><event code='HS'/></effectiveTime>";
    let r = one("MedicationRequest", "10160-0", "", &medication("INT", "", &format!("{event}{supply}")));
    assert_eq!((r["intent"].as_str(), r["dispenseRequest"]["numberOfRepeatsAllowed"].as_u64()), (Some("order"), Some(2)));
    assert_eq!(r["dosageInstruction"][0]["timing"]["repeat"]["when"][0], "HS");
    assert_eq!(one("MedicationRequest", "18776-5", "", &medication("INT", "", ""))["intent"], "plan");
    let both = mapped("10160-0", "", &medication("EVN", "", supply));
    assert_eq!((all(&both, "MedicationStatement").len(), all(&both, "MedicationRequest").len()), (1, 1));
    let not = one("MedicationStatement", "10160-0", "", &medication("EVN", "negationInd='true'", ""));
    assert_eq!(not["status"], "not-taken");
}

#[test]
fn completed_in_old_documents_does_not_end_a_drug() {
    let old = medication("EVN", "", "").replace(" extension='2014-06-09'", "").replace("code='active'", "code='completed'");
    assert_eq!(one("MedicationStatement", "10160-0", "", &old)["status"], "unknown");
    let ended = old.replace("<low value='20200101'/>", "<low value='20200101'/><high value='20200110'/>");
    assert_eq!(one("MedicationStatement", "10160-0", "", &ended)["status"], "completed");
}

#[test]
fn immunizations_given_and_refused() {
    let entry = |negated: &str| {
        format!(
            "<entry><substanceAdministration moodCode='EVN' negationInd='{negated}'><templateId root='2.16.840.1.113883.10.20.22.4.52'/>\
             <statusCode code='completed'/><effectiveTime value='20190901'/><repeatNumber value='2'/><consumable><manufacturedProduct>\
             <manufacturedMaterial><code code='88' codeSystem='2.16.840.1.113883.12.292'/><lotNumberText>L1</lotNumberText>\
             </manufacturedMaterial><manufacturerOrganization><name>Maker</name></manufacturerOrganization></manufacturedProduct></consumable>\
             <entryRelationship typeCode='RSON'><observation><templateId root='2.16.840.1.113883.10.20.22.4.53'/><code code='PATOBJ' \
             codeSystem='2.16.840.1.113883.5.8'/></observation></entryRelationship></substanceAdministration></entry>"
        )
    };
    let given = one("Immunization", "11369-6", "", &entry("false"));
    assert_eq!((given["status"].as_str(), given["lotNumber"].as_str()), (Some("completed"), Some("L1")));
    assert_eq!(
        (given["manufacturer"]["display"].as_str(), given["protocolApplied"][0]["doseNumberPositiveInt"].as_u64()),
        (Some("Maker"), Some(2))
    );
    let refused = one("Immunization", "11369-6", "", &entry("true"));
    assert_eq!(
        (refused["status"].as_str(), refused["statusReason"]["coding"][0]["code"].as_str()),
        (Some("not-done"), Some("PATOBJ"))
    );
}

fn result(value: &str, more: &str) -> String {
    format!(
        "<entry><organizer><templateId root='2.16.840.1.113883.10.20.22.4.1'/><id root='1.9' extension='o1'/><code code='24323-8' \
         codeSystem='2.16.840.1.113883.6.1'/><statusCode code='completed'/><effectiveTime value='202001020304'/><component><observation>\
         <templateId root='2.16.840.1.113883.10.20.22.4.2'/><code code='2345-7' codeSystem='2.16.840.1.113883.6.1' displayName='Glucose'/>\
         <statusCode code='completed'/>{value}{more}</observation></component></organizer></entry>"
    )
}

#[test]
fn values_of_every_type() {
    for (value, key, wanted) in [
        (
            "<value xsi:type='PQ' value='5.10' unit='mg/dL'/>",
            "valueQuantity",
            r#"{"value":5.10,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}"#,
        ),
        ("<value xsi:type='PQ' value='2' unit='tablet(s)'/>", "valueQuantity", r#"{"value":2,"unit":"tablet(s)"}"#),
        ("<value xsi:type='PQ' value='&lt;5' unit='mg/dL'/>", "valueString", r#""<5 mg/dL""#),
        ("<value xsi:type='INT' value='7'/>", "valueInteger", "7"),
        ("<value xsi:type='REAL' value='7.50'/>", "valueQuantity", r#"{"value":7.50}"#),
        ("<value xsi:type='ST'>see &amp; note</value>", "valueString", r#""see & note""#),
        ("<value xsi:type='ED'><reference value='#r'/></value>", "valueString", r#""long words""#),
        ("<value xsi:type='TS' value='2019'/>", "valueDateTime", r#""2019""#),
        ("<value xsi:type='BL' value='true'/>", "valueBoolean", "true"),
        (
            "<value xsi:type='IVL_PQ'><high value='5' unit='%' inclusive='false'/></value>",
            "valueQuantity",
            r#"{"value":5,"comparator":"<","unit":"%","system":"http://unitsofmeasure.org","code":"%"}"#,
        ),
        (
            "<value xsi:type='IVL_PQ'><low value='1'/><high value='5'/></value>",
            "valueRange",
            r#"{"low":{"value":1},"high":{"value":5}}"#,
        ),
        (
            "<value xsi:type='RTO_PQ_PQ'><numerator value='1'/><denominator value='8'/></value>",
            "valueRatio",
            r#"{"numerator":{"value":1},"denominator":{"value":8}}"#,
        ),
        (
            "<value xsi:type='CD' code='260385009' codeSystem='1.2.3.9' displayName='Negative'/>",
            "valueCodeableConcept",
            r#"{"coding":[{"system":"urn:oid:1.2.3.9","code":"260385009","display":"Negative"}],"text":"Negative"}"#,
        ),
        (
            "<value xsi:type='PQ' nullFlavor='NASK'/>",
            "dataAbsentReason",
            r#"{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"not-asked"}]}"#,
        ),
    ] {
        let mapped = mapped("30954-2", "<paragraph ID='r'>long  words</paragraph>", &result(value, ""));
        let json = mapped
            .resources
            .iter()
            .map(|json| String::from_utf8_lossy(json))
            .find(|json| json.contains(r#""Observation""#))
            .unwrap();
        assert!(json.contains(&format!(r#""{key}":{wanted}"#)), "{value}: {json}");
    }
}

#[test]
fn a_panel_names_its_results() {
    let more = "<interpretationCode code='H' codeSystem='2.16.840.1.113883.5.83'/><referenceRange><observationRange><value xsi:type='IVL_PQ'>\
        <low value='70' unit='mg/dL'/><high value='99' unit='mg/dL'/></value></observationRange></referenceRange>";
    let mapped = mapped("30954-2", "", &result("<value xsi:type='PQ' value='180' unit='mg/dL'/>", more));
    let (report, observation) = (all(&mapped, "DiagnosticReport").remove(0), all(&mapped, "Observation").remove(0));
    assert_eq!(report["result"][0]["reference"], format!("Observation/{}", observation["id"].as_str().unwrap()));
    assert_eq!(observation["effectiveDateTime"], "2020-01-02T03:04:00Z", "the time of the panel");
    assert_eq!(observation["category"][0]["coding"][0]["code"], "laboratory");
    assert_eq!(
        (
            observation["interpretation"][0]["coding"][0]["code"].as_str(),
            observation["referenceRange"][0]["high"]["value"].as_u64()
        ),
        (Some("H"), Some(99))
    );
}

#[test]
fn a_denied_observation_keeps_its_meaning() {
    let entry = "<entry><observation negationInd='true'><templateId root='2.16.840.1.113883.10.20.22.4.67'/><code code='ASSERTION'/>\
        <statusCode code='completed'/><value xsi:type='CD' code='105504002' codeSystem='2.16.840.1.113883.6.96' displayName='Dependence on cane'/></observation></entry>";
    let o = one("Observation", "47420-5", "", entry);
    assert_eq!(o["valueCodeableConcept"]["text"], "Not: Dependence on cane");
    assert!(o["valueCodeableConcept"].get("coding").is_none());
    assert_eq!(o["code"]["text"], "Functional status");
}

#[test]
fn encounters_their_diagnoses_and_what_points_to_them() {
    let visit = "<entry><encounter moodCode='EVN'><templateId root='2.16.840.1.113883.10.20.22.4.49'/><id root='1.9' extension='v1'/>\
        <code code='99213' codeSystem='2.16.840.1.113883.6.12'/><effectiveTime value='20200101'/><entryRelationship typeCode='COMP'><act>\
        <templateId root='2.16.840.1.113883.10.20.22.4.80'/><code code='29308-4'/><entryRelationship typeCode='SUBJ'>"
        .to_owned()
        + &PROBLEM.replace("NEG", "").replace("HIGH", "").replace("CODE/>", ASTHMA).replace("MORE", "")
        + "</entryRelationship></act></entryRelationship></encounter></entry>";
    let done = "<entry><procedure moodCode='EVN'><templateId root='2.16.840.1.113883.10.20.22.4.14'/><code code='73761001' \
        codeSystem='2.16.840.1.113883.6.96'/><statusCode code='completed'/><effectiveTime value='20200101'/><entryRelationship typeCode='COMP'>\
        <encounter><id root='1.9' extension='v1'/></encounter></entryRelationship></procedure></entry>";
    let mapped = mapped("46240-8", "", &format!("{visit}{done}"));
    let (encounter, condition) = (all(&mapped, "Encounter").remove(0), all(&mapped, "Condition").remove(0));
    assert_eq!((encounter["class"]["code"].as_str(), encounter["status"].as_str()), (Some("AMB"), Some("finished")));
    assert_eq!(encounter["diagnosis"][0]["condition"]["reference"], format!("Condition/{}", condition["id"].as_str().unwrap()));
    assert_eq!(condition["category"][0]["coding"][0]["code"], "encounter-diagnosis");
    let procedure = all(&mapped, "Procedure").remove(0);
    assert_eq!(procedure["encounter"]["reference"], format!("Encounter/{}", encounter["id"].as_str().unwrap()));
}

#[test]
fn devices_with_their_udi_and_none_of_what_was_not_done() {
    let entry = |negated: &str| {
        format!(
            "<entry><procedure moodCode='EVN' {negated}><templateId root='2.16.840.1.113883.10.20.22.4.14'/><code code='175135009' \
             codeSystem='2.16.840.1.113883.6.96'/><statusCode code='completed'/><participant typeCode='DEV'><participantRole classCode='MANU'>\
             <id root='2.16.840.1.113883.3.3719' extension='(01)00643169007222(17)160128(21)BLC1'/><playingDevice><code code='704708004' \
             codeSystem='2.16.840.1.113883.6.96'/></playingDevice></participantRole></participant></procedure></entry>"
        )
    };
    let device = one("Device", "47519-4", "", &entry(""));
    assert_eq!(
        (device["udiCarrier"][0]["deviceIdentifier"].as_str(), device["expirationDate"].as_str()),
        (Some("00643169007222"), Some("2016-01-28"))
    );
    let not = mapped("47519-4", "", &entry("negationInd='true'"));
    assert_eq!((all(&not, "Device").len(), all(&not, "Procedure")[0]["status"].as_str()), (0, Some("not-done")));
}

#[test]
fn family_goals_plans_coverage_teams_and_notes() {
    let family = "<entry><organizer><templateId root='2.16.840.1.113883.10.20.22.4.45'/><statusCode code='completed'/><subject><relatedSubject>\
        <code code='FTH' codeSystem='2.16.840.1.113883.5.111'/></relatedSubject></subject><component><observation><value xsi:type='CD' code='22298006' \
        codeSystem='2.16.840.1.113883.6.96'/><entryRelationship><observation><templateId root='2.16.840.1.113883.10.20.22.4.47'/></observation>\
        </entryRelationship></observation></component></organizer></entry>";
    let father = one("FamilyMemberHistory", "10157-6", "", family);
    assert_eq!(
        (father["condition"][0]["contributedToDeath"].as_bool(), father["deceasedBoolean"].as_bool()),
        (Some(true), Some(true))
    );
    let goal = "<entry><observation moodCode='GOL'><templateId root='2.16.840.1.113883.10.20.22.4.121'/><code code='58144-7'/>\
        <statusCode code='active'/><value xsi:type='ST'>Walk a mile</value></observation></entry>";
    assert_eq!(one("Goal", "61146-7", "", goal)["description"]["text"], "Walk a mile");
    let plan = "<entry><procedure moodCode='RQO'><templateId root='2.16.840.1.113883.10.20.22.4.41'/><code code='73761001'/>\
        <statusCode code='active'/></procedure></entry>";
    assert_eq!(one("ServiceRequest", "18776-5", "", plan)["intent"], "order");
    let payer = "<entry><act><templateId root='2.16.840.1.113883.10.20.22.4.60'/><entryRelationship><sequenceNumber value='2'/><act>\
        <templateId root='2.16.840.1.113883.10.20.22.4.61'/><id root='1.9' extension='G7'/><performer><assignedEntity><representedOrganization>\
        <name>Payer Inc</name></representedOrganization></assignedEntity></performer><participant typeCode='COV'><participantRole><id root='1.8' \
        extension='M5'/><code code='SELF'/></participantRole></participant></act></entryRelationship></act></entry>";
    let coverage = one("Coverage", "48768-6", "", payer);
    assert_eq!((coverage["subscriberId"].as_str(), coverage["payor"][0]["display"].as_str()), (Some("M5"), Some("Payer Inc")));
    assert_eq!((coverage["order"].as_u64(), coverage["class"][0]["value"].as_str()), (Some(2), Some("G7")));
    let team = "<entry><organizer><templateId root='2.16.840.1.113883.10.20.22.4.500'/><statusCode code='active'/><component><act><performer>\
        <assignedEntity><assignedPerson><name><given>Rita</given><family>Roe</family></name></assignedPerson></assignedEntity></performer></act>\
        </component></organizer></entry>";
    assert_eq!(one("CareTeam", "85847-2", "", team)["participant"][0]["member"]["display"], "Rita Roe");
    let note = "<entry><act><templateId root='2.16.840.1.113883.10.20.22.4.202'/><code code='34109-9' displayName='Note'><translation \
        code='11488-4' displayName='Consult'/></code><text><reference value='#n'/></text></act></entry>";
    let mapped = mapped("11488-4", "<paragraph ID='n'>Line one<br/>line two</paragraph>", note);
    let reference = all(&mapped, "DocumentReference").into_iter().find(|r| r["type"]["text"] == "Consult").unwrap();
    assert_eq!(reference["content"][0]["attachment"]["data"], "TGluZSBvbmUKbGluZSB0d28=");
}

#[test]
fn without_templates_the_section_tells() {
    let plain = "<entry><observation moodCode='EVN'><code code='8480-6' codeSystem='2.16.840.1.113883.6.1'/><statusCode code='completed'/>\
        <value xsi:type='PQ' value='120' unit='mm[Hg]'/></observation></entry>";
    assert_eq!(one("Observation", "8716-3", "", plain)["category"][0]["coding"][0]["code"], "vital-signs");
    let unknown = mapped("99999-9", "", plain);
    assert!(all(&unknown, "Observation").is_empty());
    assert!(codes(&unknown).contains(&"cda.entry-not-mapped"));
    let qualifier = "<entry><act><templateId root='2.16.840.1.113883.10.20.22.4.132'/><entryRelationship><observation>\
        <templateId root='2.16.840.1.113883.10.20.22.4.143'/><value xsi:type='CD' code='394849002'/></observation></entryRelationship></act></entry>";
    assert!(all(&mapped("75310-3", "", qualifier), "Condition").is_empty(), "a priority is no problem");
}

#[test]
fn hostile_entries_stay_bounded() {
    let deep = "<act><entryRelationship>".repeat(100) + &"</entryRelationship></act>".repeat(100);
    let deep = deep.replace("<act>", "<act><templateId root='2.16.840.1.113883.10.20.22.4.132'/>");
    assert!(codes(&mapped("75310-3", "", &format!("<entry>{deep}</entry>"))).contains(&"cda.entry-too-deep"));
    // Many references to one long text.
    let narrative = format!("<paragraph ID='p'>{}</paragraph>", "word ".repeat(6_000));
    let entries = problem("active", "", "", ASTHMA, "").repeat(400);
    assert_eq!(all(&mapped("11450-4", &narrative, &entries), "Condition").len(), 400);
}
