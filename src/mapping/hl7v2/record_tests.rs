//! What messages become on the clinical side: medicines, vaccines, appointments, charges, problems, master files.
//!
//! Not for: results, documents and orders (`clinical_tests`), patients and visits (`tests`).

use super::clinical_tests::{mapped, of, one, text};

#[test]
fn prescriptions() {
    let out = mapped(
        "RDE^O11",
        &[
            "ORC|NW|P1|F1||||||20200101|||9^Hill^Amy",
            "RXE|^BID^D5^20200101^20200106|197361^Amoxicillin 500 MG^RXNORM|1|2|CAP^capsule|CAP|^Take with food||G|20|CAP^capsule|3|||RX7||||||||||||^Sinusitis",
            "RXR|PO^Oral^HL70162",
            "RXC|A|X^Water^L|5|ML^mL",
            "NTE|1||shake well",
        ],
    );
    let r = one(&out, "MedicationRequest");
    assert_eq!((text(&r["status"]), text(&r["intent"]), text(&r["authoredOn"])), ("active", "order", "2020-01-01"));
    assert_eq!(r["medicationCodeableConcept"]["coding"][0]["system"], "http://www.nlm.nih.gov/research/umls/rxnorm");
    let dose = &r["dosageInstruction"][0];
    assert_eq!(
        (text(&dose["text"]), text(&dose["timing"]["code"]["text"]), text(&dose["route"]["text"])),
        ("Take with food", "BID", "Oral")
    );
    assert_eq!(dose["timing"]["repeat"]["boundsPeriod"]["end"], "2020-01-06");
    assert_eq!(dose["doseAndRate"][0]["doseRange"]["high"].to_string(), r#"{"value":2,"unit":"capsule"}"#);
    assert_eq!(r["dispenseRequest"].to_string(), r#"{"quantity":{"value":20,"unit":"capsule"},"numberOfRepeatsAllowed":3}"#);
    assert_eq!((text(&r["note"][0]["text"]), text(&r["note"][1]["text"])), ("Additive: Water 5 mL", "shake well"));
    assert_eq!((text(&r["reasonCode"][0]["text"]), &r["substitution"]["allowedBoolean"]), ("Sinusitis", &true.into()));
    // Without instructions the parts are put together.
    let bare =
        one(&mapped("OMP^O09", &["ORC|DC|P1", "RXO|A^Aspirin^L|81||MG^mg", "RXR|PO^Oral", "TQ1|1||QD"]), "MedicationRequest");
    assert_eq!((&bare["id"], text(&bare["status"])), (&r["id"], "stopped"));
    assert_eq!(bare["dosageInstruction"][0]["text"], "81 mg, Oral, QD");
}

#[test]
fn dispenses_and_doses() {
    let out = mapped(
        "RDS^O13",
        &["ORC|RE|P1|F1", "RXE||A^Aspirin^L|1", "RXD|1|A^Aspirin^L|20200102|30|TAB^tablet|||RX7||^Pill^Paul", "RXR|PO^Oral"],
    );
    let d = one(&out, "MedicationDispense");
    assert_eq!(
        (text(&d["status"]), text(&d["whenHandedOver"]), d["quantity"]["value"].to_string()),
        ("completed", "2020-01-02", "30".into())
    );
    assert_eq!(d["authorizingPrescription"][0]["identifier"]["value"], "P1");
    assert_eq!(of(&out, "MedicationRequest").len(), 0);
    let dose =
        |rxa: &str| one(&mapped("RAS^O17", &["ORC|RE|P1", rxa, "RXR|IV^Intravenous|LA^Left arm"]), "MedicationAdministration");
    let given = dose("RXA|0|1|20200102080000|20200102083000|H^Heparin^L|5000|U^units|||4^Nurse^Nora||||||||||CP");
    assert_eq!((text(&given["status"]), text(&given["effectivePeriod"]["end"])), ("completed", "2020-01-02T08:30:00Z"));
    assert_eq!(
        (text(&given["dosage"]["text"]), given["dosage"]["dose"]["value"].to_string()),
        ("5000 units, Intravenous", "5000".into())
    );
    assert_eq!(dose("RXA|0|1|20200102080000||H^Heparin^L|0||||||||||||R^Refused^L||RE")["status"], "not-done");
}

#[test]
fn vaccinations() {
    let out = mapped(
        "VXU^V04",
        &[
            "ORC|RE||I1^REG|||||||||9^Hill^Amy",
            "RXA|0|1|20200102||140^Influenza^CVX|0.5|mL^^UCUM||00^New^NIP001|4^Nurse^Nora|^^^Clinic||||L77|20210131|SKB^GlaxoSmithKline^MVX|||CP|A",
            "RXR|IM^Intramuscular^HL70162|LA^Left arm^HL70163",
            "OBX|1|CE|64994-7^Eligibility^LN|1|V02^Medicaid^HL70064||||||F",
            "OBX|2|CE|69764-9^Document^LN|2|88^Flu sheet^L||||||F",
            "OBX|3|TS|29768-9^Published^LN|2|20190801||||||F",
            "OBX|4|TS|29769-7^Presented^LN|2|20200102||||||F",
            "OBX|5|CE|31044-1^Reaction^LN|3|39579001^Anaphylaxis^SCT||||||F",
            "OBX|6|NM|30973-2^Dose number^LN|4|2||||||F",
            "ORC|RE||9999^REG",
            "RXA|0|1|20180501||03^MMR^CVX|999|||01^Historical^NIP001|||||||||00^Parental decision^NIP002||RE",
            "ORC|RE||9999^REG",
            "RXA|0|1|20180501||998^No vaccine^CVX|999",
            "OBX|1|CE|59784-9^Presumed immunity^LN|1|38907003^Varicella^SCT||||||F",
        ],
    );
    let all = of(&out, "Immunization");
    assert_eq!(all.len(), 2);
    let given = &all[0];
    assert_eq!(
        (text(&given["status"]), text(&given["lotNumber"]), text(&given["expirationDate"])),
        ("completed", "L77", "2021-01-31")
    );
    assert_eq!((text(&given["manufacturer"]["display"]), &given["primarySource"]), ("GlaxoSmithKline", &true.into()));
    assert_eq!(
        given["education"].to_string(),
        r#"[{"documentType":"Flu sheet","publicationDate":"2019-08-01","presentationDate":"2020-01-02"}]"#
    );
    assert_eq!(
        (text(&given["programEligibility"][0]["text"]), text(&given["note"][0]["text"])),
        ("Medicaid", "Reaction: Anaphylaxis")
    );
    assert_eq!(
        (text(&given["protocolApplied"][0]["doseNumberString"]), text(&given["performer"][1]["function"]["coding"][0]["code"])),
        ("2", "OP")
    );
    let refused = &all[1];
    assert_eq!((text(&refused["status"]), text(&refused["statusReason"]["text"])), ("not-done", "Parental decision"));
    assert_eq!((&refused["primarySource"], refused.get("doseQuantity")), (&false.into(), None));
    assert_eq!(one(&out, "Observation")["valueCodeableConcept"]["text"], "Varicella");
    let deleted = mapped("VXU^V04", &["ORC|RE||I1^REG", "RXA|0|1|20200102||140^Influenza^CVX|0.5||||||||||||||CP|D"]);
    let deleted = one(&deleted, "Immunization");
    assert_eq!((&deleted["id"], text(&deleted["status"])), (&given["id"], "entered-in-error"));
}

#[test]
fn appointments_follow_their_events() {
    let siu = |event: &str| {
        let segments = [
            "SCH|A1|F1||||R^Moved house|CHK^Checkup||30|min|^^^20200301090000-0500",
            "NTE|1||bring papers",
            "RGS|1",
            "AIS|1|A|CARD^Cardiology^L",
            "AIL|1|A|ROOM5^^^Clinic",
            "AIP|1|A|9^Hill^Amy|ATND^Attending^L",
        ];
        mapped(&format!("SIU^{event}"), &segments)
    };
    let booked = one(&siu("S12"), "Appointment");
    assert_eq!((text(&booked["status"]), text(&booked["end"])), ("booked", "2020-03-01T09:30:00-05:00"));
    assert_eq!(booked["participant"][0]["actor"]["reference"], "Patient/HOSP.77");
    assert_eq!((text(&booked["participant"][2]["actor"]["display"]), text(&booked["comment"])), ("Amy Hill", "bring papers"));
    for (event, status) in [("S13", "booked"), ("S15", "cancelled"), ("S17", "entered-in-error"), ("S26", "noshow")] {
        let later = one(&siu(event), "Appointment");
        assert_eq!((&later["id"], text(&later["status"])), (&booked["id"], status), "{event}");
    }
    assert_eq!(one(&siu("S15"), "Appointment")["cancelationReason"]["text"], "Moved house");
}

#[test]
fn charges_are_read_and_payments_are_not() {
    let out = mapped(
        "DFT^P03",
        &[
            "FT1|1|T1||20200102|20200103|CG|X1^Chest film^L|||2|100&USD|50&USD|RAD^Radiology||||||R07.9^Chest pain^I10|9^Hill^Amy|||||71045^X-ray chest^C4|26",
            "FT1|2|T2||20200104||PY|P^Payment^L|||1|50&USD",
        ],
    );
    let c = one(&out, "ChargeItem");
    assert_eq!((text(&c["code"]["coding"][0]["code"]), text(&c["code"]["coding"][1]["code"])), ("71045", "X1"));
    assert_eq!(c["priceOverride"].to_string(), r#"{"value":50,"currency":"USD"}"#);
    assert_eq!((text(&c["reason"][0]["text"]), text(&c["performer"][0]["actor"]["display"])), ("Chest pain", "Amy Hill"));
    assert_eq!((text(&c["costCenter"]["display"]), c["quantity"]["value"].to_string()), ("Radiology", "2".into()));
    assert!(out.findings.iter().any(|f| f.code == "payment"));
}

#[test]
fn problems_and_referrals() {
    let prb = |action: &str| format!("PRB|{action}|20200102|J45^Asthma^I10C|55|||20200101||||||C|ACTIVE^Active||20191201");
    let problem = one(&mapped("PPR^PC1", &[&prb("AD"), "NTE|1||since childhood"]), "Condition");
    assert_eq!(problem["clinicalStatus"]["coding"][0]["code"], "active");
    assert_eq!((text(&problem["onsetDateTime"]), text(&problem["note"][0]["text"])), ("2019-12-01", "since childhood"));
    let deleted = one(&mapped("PPR^PC3", &[&prb("DE")]), "Condition");
    assert_eq!((&deleted["id"], text(&deleted["verificationStatus"]["coding"][0]["code"])), (&problem["id"], "entered-in-error"));
    let referral = one(
        &mapped(
            "REF^I12",
            &["RF1|P|S|MED^Medical^HL70281|||R9|20200105", "PRD|RP|Hill^Amy", "PRD|RT|Stone^Eva^^^Dr", "DG1|1||J45^Asthma^I10C"],
        ),
        "ServiceRequest",
    );
    assert_eq!((text(&referral["status"]), text(&referral["priority"])), ("active", "stat"));
    assert_eq!(
        (text(&referral["requester"]["display"]), text(&referral["performer"][0]["display"])),
        ("Amy Hill", "Dr Eva Stone")
    );
}

#[test]
fn staff_and_places() {
    let staff = mapped(
        "MFN^M02",
        &[
            "MFE|MAD|||9",
            "STF|9|9^^^HOSP|Hill^Amy^^^Dr||F|19600101|A|||^WPN^PH^^^555^1234567",
            "PRA|9||||CARD^Cardiology|1234567893^NPI",
        ],
    );
    let p = one(&staff, "Practitioner");
    assert_eq!((text(&p["name"][0]["family"]), &p["active"]), ("Hill", &true.into()));
    assert_eq!(p["identifier"][1]["system"], "http://hl7.org/fhir/sid/us-npi");
    let place =
        one(&mapped("MFN^M05", &["MFE|MAD|||W3", "LOC|W3^^^HOSP|Ward 3|N^Nursing unit^HL70260||1 Main St^^Town^IL"]), "Location");
    assert_eq!((text(&place["name"]), text(&place["id"]), text(&place["address"]["city"])), ("Ward 3", "HOSP.W3", "Town"));
}
