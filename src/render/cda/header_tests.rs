//! Facts of the header, a row of the table for each.
//!
//! Not for: documents by others (`tests/ccda`).

use super::*;

/// A document whose header holds this, and the lines of its page as `Panel / Label: line`.
fn lines(header: &str, options: Options) -> Vec<String> {
    let source = format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3' xmlns:sdtc='urn:hl7-org:sdtc' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\
         {header}<component><structuredBody/></component></ClinicalDocument>"
    );
    let page = page(source.as_bytes(), options).expect("a page");
    let panels = page.patients.iter().chain(&page.document).chain(&page.others);
    let rows = panels.flat_map(|panel| panel.rows.iter().map(move |row| (panel, row)));
    rows.flat_map(|(panel, row)| row.lines.iter().map(move |line| format!("{} / {}: {line}", panel.heading, row.label))).collect()
}

/// Each fact of the header as it is written, and the line that must be on the page.
const FACTS: &[(&str, &str)] = &[
    // The patient.
    (
        "<recordTarget><patientRole><id root='2.16.840.1.113883.4.1' extension='111-22-3333'/></patientRole></recordTarget>",
        "Patient / Number: 111-22-3333 (US social security number, 2.16.840.1.113883.4.1)",
    ),
    (
        "<recordTarget><patientRole><id nullFlavor='MSK' root='1.2.3'/></patientRole></recordTarget>",
        "Patient / Number: [masked] (1.2.3)",
    ),
    (
        "<recordTarget><patientRole><id assigningAuthorityName='Old' root='1.2' extension='7'/></patientRole></recordTarget>",
        "Patient / Number: 7 (Old, 1.2)",
    ),
    (
        "<recordTarget><patientRole><patient><name use='P'><given>Ada</given></name><name use='L'><prefix>Dr.</prefix><given>Augusta</given><given>Ada</given><family qualifier='BR'>Byron</family><suffix>PhD</suffix></name></patient></patientRole></recordTarget>",
        "Patient / Name: Dr. Augusta Ada Byron (birth name) PhD",
    ),
    (
        "<recordTarget><patientRole><patient><name use='P'><given>Ada</given></name></patient></patientRole></recordTarget>",
        "Patient / Name: Ada (also)",
    ),
    (
        "<recordTarget><patientRole><patient><name>Ada <family>King</family>, countess</name></patient></patientRole></recordTarget>",
        "Patient / Name: Ada King , countess",
    ),
    (
        "<recordTarget><patientRole><patient><name nullFlavor='ASKU'/></patient></patientRole></recordTarget>",
        "Patient / Name: asked but unknown",
    ),
    ("<recordTarget><patientRole><patient/></patientRole></recordTarget>", "Patient / Name: not given"),
    (
        "<effectiveTime value='20240101'/><recordTarget><patientRole><patient><birthTime value='19500102'/></patient></patientRole></recordTarget>",
        "Patient / Age: 73 years when the document was made",
    ),
    (
        "<effectiveTime value='20240110'/><recordTarget><patientRole><patient><birthTime value='20231101'/></patient></patientRole></recordTarget>",
        "Patient / Age: 2 months when the document was made",
    ),
    (
        "<recordTarget><patientRole><patient><birthTime value='1950'/></patient></patientRole></recordTarget>",
        "Patient / Born: 1950",
    ),
    (
        "<recordTarget><patientRole><patient><birthTime value='195002301'/></patient></patientRole></recordTarget>",
        "Patient / Born: 195002301",
    ),
    (
        "<recordTarget><patientRole><patient><administrativeGenderCode code='F'/></patient></patientRole></recordTarget>",
        "Patient / Sex: Female",
    ),
    (
        "<recordTarget><patientRole><patient><sdtc:deceasedInd value='true'/></patient></patientRole></recordTarget>",
        "Patient / Deceased: yes",
    ),
    (
        "<recordTarget><patientRole><patient><sdtc:deceasedTime value='202001'/></patient></patientRole></recordTarget>",
        "Patient / Died: Jan 2020",
    ),
    (
        "<recordTarget><patientRole><patient><sdtc:multipleBirthOrderNumber value='2'/></patient></patientRole></recordTarget>",
        "Patient / Birth order: 2",
    ),
    (
        "<recordTarget><patientRole><patient><maritalStatusCode code='M' displayName='Married'/></patient></patientRole></recordTarget>",
        "Patient / Marital status: Married",
    ),
    (
        "<recordTarget><patientRole><patient><raceCode displayName='White'/><sdtc:raceCode displayName='Irish'/></patient></patientRole></recordTarget>",
        "Patient / Race: Irish",
    ),
    (
        "<recordTarget><patientRole><patient><ethnicGroupCode nullFlavor='UNK'/></patient></patientRole></recordTarget>",
        "Patient / Ethnicity: unknown",
    ),
    (
        "<recordTarget><patientRole><patient><religiousAffiliationCode code='1' codeSystemName='Rel'/></patient></patientRole></recordTarget>",
        "Patient / Religion: 1 (Rel)",
    ),
    (
        "<recordTarget><patientRole><patient><languageCommunication><languageCode code='fr-CA'/><modeCode displayName='Expressed spoken'/><preferenceInd value='true'/></languageCommunication></patient></patientRole></recordTarget>",
        "Patient / Language: fr-CA (Expressed spoken, preferred)",
    ),
    (
        "<recordTarget><patientRole><patient><birthplace><place><name>St Mary</name><addr><city>Leeds</city></addr></place></birthplace></patient></patientRole></recordTarget>",
        "Patient / Birthplace: Leeds",
    ),
    (
        "<recordTarget><patientRole><addr use='HP'><streetAddressLine>1 Elm</streetAddressLine><city>Salem</city><useablePeriod><low value='2001'/></useablePeriod></addr></patientRole></recordTarget>",
        "Patient / Address: 1 Elm, Salem, since 2001 (home)",
    ),
    (
        "<recordTarget><patientRole><telecom use='MC' value='tel:+1(555)0100'/></patientRole></recordTarget>",
        "Patient / Contact: +1(555)0100 (mobile)",
    ),
    (
        "<recordTarget><patientRole><patient><guardian><code displayName='Aunt'/><telecom value='tel:5'/><guardianPerson><name>May</name></guardianPerson></guardian></patient></patientRole></recordTarget>",
        "Patient / Guardian: May",
    ),
    (
        "<recordTarget><patientRole><providerOrganization><id root='1.9'/><name>Clinic</name></providerOrganization></patientRole></recordTarget>",
        "Patient / Provider: 1.9",
    ),
    (
        "<recordTarget><patientRole><sdtc:identifiedBy><sdtc:alternateIdentification><sdtc:id extension='X9' root='1'/></sdtc:alternateIdentification></sdtc:identifiedBy></patientRole></recordTarget>",
        "Patient / Also identified by: X9 (1)",
    ),
    (
        "<recordTarget><patientRole><patient><sdtc:someFact value='new'/></patient></patientRole></recordTarget>",
        "Patient / Some fact: new",
    ),
    // The document.
    ("<id root='1.2' extension='D'/>", "Document / Document number: D (1.2)"),
    ("<setId root='1.2' extension='S'/>", "Document / Series: S (1.2)"),
    ("<versionNumber value='3'/>", "Document / Version: 3"),
    ("<code code='34133-9' displayName='Summary'/>", "Document / Kind: Summary"),
    ("<effectiveTime value='20240315140500-0500'/>", "Document / Created: 15 Mar 2024, 14:05 −05:00"),
    ("<effectiveTime value='20240315-0500'/>", "Document / Created: 15 Mar 2024 −05:00"),
    ("<languageCode code='en-US'/>", "Document / Language: en-US"),
    ("<sdtc:statusCode code='active'/>", "Document / Status: active"),
    ("<sdtc:category displayName='Note'/>", "Document / Category: Note"),
    ("<copyTime value='2020'/>", "Document / Copied: 2020"),
    ("<confidentialityCode code='N'/>", "Document / Confidentiality: Normal"),
    (
        "<relatedDocument typeCode='RPLC'><parentDocument><id root='1' extension='old'/></parentDocument></relatedDocument>",
        "Document / Related document: replaces old (1)",
    ),
    ("<inFulfillmentOf><order><id root='1' extension='O7'/></order></inFulfillmentOf>", "Document / Order: O7 (1)"),
    (
        "<authorization><consent><id root='1' extension='C1'/><code displayName='Consent'/><statusCode code='completed'/></consent></authorization>",
        "Document / Consent: Consent",
    ),
    ("<templateId root='2.16.1' extension='2015'/>", "Specifications / Templates: 2.16.1, 2015"),
    ("<realmCode code='US'/>", "Specifications / Realm: US"),
    // Who made it, and who answers for it.
    ("", "Author / Name: not given"),
    ("", "Custodian / Name: not given"),
    ("", "Legal authenticator / Signature: Not legally authenticated"),
    (
        "<author><time value='2020'/><assignedAuthor><code displayName='Physician'/><assignedPerson><name>Otto</name></assignedPerson></assignedAuthor></author>",
        "Author / Role: Physician",
    ),
    ("<author><functionCode displayName='Dictator'/></author>", "Author / Function: Dictator"),
    (
        "<author><assignedAuthor><assignedAuthoringDevice><manufacturerModelName>M1</manufacturerModelName><softwareName>EHR 5</softwareName></assignedAuthoringDevice></assignedAuthor></author>",
        "Author / Software: EHR 5",
    ),
    (
        "<author><assignedAuthor><representedOrganization><name>Ward</name><asOrganizationPartOf><wholeOrganization><name>Hospital</name></wholeOrganization></asOrganizationPartOf></representedOrganization></assignedAuthor></author>",
        "Author / Organisation: Hospital",
    ),
    (
        "<author><assignedAuthor><assignedPerson nullFlavor='NI'/></assignedAuthor></author>",
        "Author / Assigned person: no information",
    ),
    (
        "<custodian><assignedCustodian><representedCustodianOrganization><name>Keeper</name></representedCustodianOrganization></assignedCustodian></custodian>",
        "Custodian / Organisation: Keeper",
    ),
    (
        "<legalAuthenticator><time value='20200102'/><signatureCode code='S'/><sdtc:signatureText>ok</sdtc:signatureText></legalAuthenticator>",
        "Legal authenticator / Signature: Signed (S), 2 Jan 2020",
    ),
    (
        "<legalAuthenticator><signatureCode code='X'/></legalAuthenticator>",
        "Legal authenticator / Signature: Not legally authenticated",
    ),
    (
        "<legalAuthenticator><signatureCode code='S'/><sdtc:signatureText>ok</sdtc:signatureText></legalAuthenticator>",
        "Legal authenticator / Signed text: ok",
    ),
    (
        "<authenticator><signatureCode code='S'/><assignedEntity><assignedPerson><name>Eva</name></assignedPerson></assignedEntity></authenticator>",
        "Authenticator / Name: Eva",
    ),
    (
        "<dataEnterer><assignedEntity><assignedPerson><name>Max</name></assignedPerson></assignedEntity></dataEnterer>",
        "Entered by / Name: Max",
    ),
    (
        "<informant><relatedEntity classCode='PRS'><code displayName='Spouse'/><relatedPerson><name>Jo</name></relatedPerson></relatedEntity></informant>",
        "Informant / Role: Spouse",
    ),
    (
        "<informationRecipient><intendedRecipient><receivedOrganization><name>Insurer</name></receivedOrganization></intendedRecipient></informationRecipient>",
        "Recipient / Organisation: Insurer",
    ),
    (
        "<participant typeCode='IND'><associatedEntity classCode='ECON'><code displayName='Father'/></associatedEntity></participant>",
        "Emergency contact / Role: Father",
    ),
    (
        "<participant typeCode='HLD'><time><low nullFlavor='UNK'/><high value='2020'/></time><associatedEntity classCode='PAYOR'><scopingOrganization><name>Plan</name></scopingOrganization></associatedEntity></participant>",
        "Payer, holder / When: until 2020, start unknown",
    ),
    (
        "<documentationOf><serviceEvent classCode='PCPR'><effectiveTime><low value='2010'/><high value='2020'/></effectiveTime></serviceEvent></documentationOf>",
        "Service / Period: 2010 to 2020",
    ),
    (
        "<documentationOf><serviceEvent><performer><functionCode displayName='PCP'><originalText>Primary</originalText></functionCode></performer></serviceEvent></documentationOf>",
        "Care team / Function: Primary [PCP]",
    ),
    (
        "<componentOf><encompassingEncounter><id root='1' extension='E5'/></encompassingEncounter></componentOf>",
        "Encounter / Encounter number: E5 (1)",
    ),
    (
        "<componentOf><encompassingEncounter><effectiveTime><low value='2019'/></effectiveTime></encompassingEncounter></componentOf>",
        "Encounter / Period: since 2019",
    ),
    (
        "<componentOf><encompassingEncounter><dischargeDispositionCode displayName='Home'/></encompassingEncounter></componentOf>",
        "Encounter / Discharge: Home",
    ),
    (
        "<componentOf><encompassingEncounter><location><healthCareFacility><code displayName='ICU'/><location><name>North</name></location></healthCareFacility></location></encompassingEncounter></componentOf>",
        "Encounter / Place: North",
    ),
    (
        "<componentOf><encompassingEncounter><responsibleParty><assignedEntity><assignedPerson><name>Ida</name></assignedPerson></assignedEntity></responsibleParty></encompassingEncounter></componentOf>",
        "Responsible for the encounter / Name: Ida",
    ),
    (
        "<componentOf><encompassingEncounter><encounterParticipant typeCode='ATND'><time value='2020'/></encounterParticipant></encompassingEncounter></componentOf>",
        "Encounter: attending / When: 2020",
    ),
];

#[test]
fn every_fact_of_the_header_has_its_line() {
    for (header, wanted) in FACTS {
        let lines = lines(header, Options::default());
        assert!(lines.iter().any(|line| line == wanted), "{header}\n  wanted {wanted}\n  of {lines:#?}");
    }
}

#[test]
fn numbers_are_masked_wherever_they_stand() {
    let id = "<id root='2.16.840.1.113883.4.1' extension='111-22-3333'/>";
    let header = format!(
        "<recordTarget><patientRole>{id}</patientRole></recordTarget>\
         <participant><associatedEntity classCode='GUAR'>{id}</associatedEntity></participant>"
    );
    let lines = lines(&header, Options { mask_ids: true });
    assert!(
        lines.iter().filter(|line| line.contains("•••-••-3333")).count() == 2
            && lines.iter().all(|line| !line.contains("111-22"))
    );
}

#[test]
fn more_than_one_patient_and_a_newer_version_are_told_at_the_top() {
    let source = "<ClinicalDocument xmlns='urn:hl7-org:v3'><recordTarget/><recordTarget/></ClinicalDocument>";
    let mut page = page(source.as_bytes(), Options::default()).unwrap();
    page.notices.push("The archive holds a newer version of this document.".into());
    let html = fragment(&page);
    assert!(html.contains("names more than one patient") && html.contains("holds a newer version"), "{html}");
    assert!(page.warnings.iter().any(|warning| warning.code == "multiple-patients"));
}

#[test]
fn privacy_markings_stand_below_the_banner_and_in_their_place() {
    let mark = |template: &str, code: &str, name: &str| {
        format!(
            "<observation><templateId root='2.16.840.1.113883.3.445.{template}'/><value code='{code}' displayName='{name}'/></observation>"
        )
    };
    let source = format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3'><confidentialityCode code='R'/><title>T</title><component><structuredBody>\
         <component><section><templateId root='2.16.840.1.113883.3.3251.1.5'/><title>Privacy</title><text>Do not pass on</text><entry><organizer>{}{}{}\
         </organizer></entry></section></component></structuredBody></component></ClinicalDocument>",
        mark("12", "R", "Restricted"),
        mark("22", "TREAT", "Treatment"),
        mark("23", "NORDSCLCD", "No redisclosure"),
    );
    let html = fragment(&page(source.as_bytes(), Options::default()).unwrap());
    let (above, below) = html.split_once("<h1>").unwrap();
    for words in ["is marked Restricted", "Treatment (TREAT)", "No redisclosure (NORDSCLCD)", "Do not pass on"] {
        assert!(above.contains(words), "{words}: {above}");
    }
    assert!(below.contains("Do not pass on") && below.contains("Data of this section is marked Restricted"), "{below}");
}
