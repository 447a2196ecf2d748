//! The header of a document: what it is, about whom, by whom, and who keeps it.
//!
//! Not for: its body.

use serde_json::Value;

use super::super::records::{list, number, text};
use super::parts::{Staff, address, code, confidentiality, entity, fixed, oid, stamp, street, template};
use super::xml::{Attrs, Xml};
use super::{HOSPITAL, ORGANIZATIONS};

const MRN: &str = "2.16.840.1.113883.19.5.99.1";
const SSN: &str = "2.16.840.1.113883.4.1";
const VISITS: &str = "2.16.840.1.113883.19.5.99.2";

/// What one document's header says.
pub struct Header<'a> {
    /// Template of the kind of document, and since when; empty where there is none.
    pub template: (&'static str, &'static str),
    /// Attributes of the document's id.
    pub id: Attrs<'a>,
    /// LOINC code and words.
    pub code: (&'a str, &'a str),
    pub title: &'a str,
    /// FHIR instant.
    pub time: &'a str,
    /// Sensitivity code; empty for what is not restricted.
    pub label: &'a str,
    pub patient: &'a Value,
    /// Reference to the one who wrote and signed it; none for what the system made by itself.
    pub author: Option<&'a Value>,
    pub visit: Option<&'a Value>,
    /// From when to when it tells.
    pub service: Option<(&'a str, &'a str)>,
}

/// Writes a document with this header around its body.
pub fn document(header: &Header<'_>, staff: &Staff, body: impl FnOnce(&mut Xml)) -> String {
    let mut x = Xml { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned() };
    let spaces = [
        ("xmlns", "urn:hl7-org:v3"),
        ("xmlns:sdtc", "urn:hl7-org:sdtc"),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ];
    x.tag("ClinicalDocument", &spaces, |x| {
        about(x, header);
        x.tag("recordTarget", &[], |x| x.tag("patientRole", &[], |x| patient_role(x, header.patient)));
        author(x, header, staff);
        custodian(x);
        signature(x, header, staff);
        service(x, header);
        visit(x, header, staff);
        x.tag("component", &[], body);
    });
    x.text
}

fn about(x: &mut Xml, header: &Header<'_>) {
    x.empty("realmCode", &[("code", "US")]);
    x.empty("typeId", &[("root", "2.16.840.1.113883.1.3"), ("extension", "POCD_HD000040")]);
    template(x, "22.1.1", "2015-08-01");
    if !header.template.0.is_empty() {
        template(x, header.template.0, header.template.1);
    }
    x.empty("id", header.id);
    fixed(x, "code", header.code.0, super::parts::LOINC, header.code.1);
    x.leaf("title", &[], header.title);
    x.empty("effectiveTime", &[("value", &stamp(header.time))]);
    confidentiality(x, header.label);
    x.empty("languageCode", &[("code", "en-US")]);
}

fn patient_role(x: &mut Xml, patient: &Value) {
    for identifier in list(patient, "/identifier") {
        let root = if text(identifier, "/system").ends_with("us-ssn") { SSN } else { MRN };
        x.empty("id", &[("root", root), ("extension", text(identifier, "/value"))]);
    }
    for address in list(patient, "/address") {
        addr(x, address);
    }
    for telecom in list(patient, "/telecom") {
        let of = if text(telecom, "/use") == "mobile" { "MC" } else { "HP" };
        x.empty("telecom", &[("value", &format!("tel:{}", text(telecom, "/value").replace(' ', ""))), ("use", of)]);
    }
    x.tag("patient", &[], |x| person(x, patient));
    x.tag("providerOrganization", &[], organization);
}

fn addr(x: &mut Xml, address: &Value) {
    let of = if text(address, "/use") == "old" { "BAD" } else { "HP" };
    x.tag("addr", &[("use", of)], |x| {
        for line in list(address, "/line") {
            x.leaf("streetAddressLine", &[], line.as_str().unwrap_or_default());
        }
        x.leaf("city", &[], text(address, "/city"));
        x.leaf("state", &[], text(address, "/state"));
        x.leaf("postalCode", &[], text(address, "/postalCode"));
        x.leaf("country", &[], text(address, "/country"));
    });
}

fn person(x: &mut Xml, patient: &Value) {
    let family = text(patient, "/name/0/family");
    for name in list(patient, "/name") {
        let (of, birth) = match text(name, "/use") {
            "maiden" => ("", "BR"),
            "nickname" => ("P", ""),
            _ => ("L", ""),
        };
        x.tag("name", &[("use", of)], |x| {
            for given in list(name, "/given") {
                x.leaf("given", &[], given.as_str().unwrap_or_default());
            }
            // A name without a family name is not allowed here.
            let own = text(name, "/family");
            x.leaf("family", &[("qualifier", birth)], if own.is_empty() { family } else { own });
        });
    }
    let female = text(patient, "/gender") == "female";
    let (sex, words) = if female { ("F", "Female") } else { ("M", "Male") };
    fixed(x, "administrativeGenderCode", sex, "2.16.840.1.113883.5.1", words);
    x.empty("birthTime", &[("value", &stamp(text(patient, "/birthDate")))]);
    let died = text(patient, "/deceasedDateTime");
    x.empty("sdtc:deceasedInd", &[("value", if died.is_empty() { "false" } else { "true" })]);
    if !died.is_empty() {
        x.empty("sdtc:deceasedTime", &[("value", &stamp(died))]);
    }
    let member = number(patient, "/multipleBirthInteger");
    if !member.is_empty() {
        x.empty("sdtc:multipleBirthInd", &[("value", "true")]);
        x.empty("sdtc:multipleBirthOrderNumber", &[("value", &member)]);
    }
    code(x, "maritalStatusCode", "", &patient["maritalStatus"], "");
    for (number, name) in [(0, "raceCode"), (1, "ethnicGroupCode")] {
        let of = patient.pointer(&format!("/extension/{number}/extension/0/valueCoding")).unwrap_or(&Value::Null);
        fixed(x, name, text(of, "/code"), oid(text(of, "/system")), text(of, "/display"));
    }
    x.tag("languageCommunication", &[], |x| {
        x.empty("languageCode", &[("code", text(patient, "/communication/0/language/coding/0/code"))]);
        x.empty("preferenceInd", &[("value", "true")]);
    });
}

fn organization(x: &mut Xml) {
    x.empty("id", &[("root", ORGANIZATIONS), ("extension", "org-1")]);
    x.leaf("name", &[], HOSPITAL);
    x.empty("telecom", &[("value", "tel:(802)555-0100"), ("use", "WP")]);
    street(x);
}

fn author(x: &mut Xml, header: &Header<'_>, staff: &Staff) {
    let person = header.author.and_then(|author| staff.find(author));
    x.tag("author", &[], |x| {
        x.empty("time", &[("value", &stamp(header.time))]);
        x.tag("assignedAuthor", &[], |x| match person {
            Some(who) => entity(x, who),
            None => {
                x.empty("id", &[("root", ORGANIZATIONS), ("extension", "retired-ehr")]);
                address(x);
                x.tag("assignedAuthoringDevice", &[], |x| {
                    x.leaf("manufacturerModelName", &[], "Odile Clinical System");
                    x.leaf("softwareName", &[], "Odile Clinical System, export");
                });
                x.tag("representedOrganization", &[], organization);
            }
        });
    });
}

fn custodian(x: &mut Xml) {
    x.tag("custodian", &[], |x| {
        x.tag("assignedCustodian", &[], |x| x.tag("representedCustodianOrganization", &[], organization));
    });
}

/// Who signed: notes are signed, what the system makes is not.
fn signature(x: &mut Xml, header: &Header<'_>, staff: &Staff) {
    let Some(who) = header.author.and_then(|author| staff.find(author)) else { return };
    x.tag("legalAuthenticator", &[], |x| {
        x.empty("time", &[("value", &stamp(header.time))]);
        x.empty("signatureCode", &[("code", "S")]);
        x.tag("assignedEntity", &[], |x| entity(x, who));
    });
}

fn service(x: &mut Xml, header: &Header<'_>) {
    let Some((from, until)) = header.service else { return };
    x.tag("documentationOf", &[], |x| {
        x.tag("serviceEvent", &[("classCode", "PCPR")], |x| super::parts::span(x, "", from, until));
    });
}

fn visit(x: &mut Xml, header: &Header<'_>, staff: &Staff) {
    let Some(visit) = header.visit else { return };
    x.tag("componentOf", &[], |x| {
        x.tag("encompassingEncounter", &[], |x| {
            x.empty("id", &[("root", VISITS), ("extension", text(visit, "/identifier/0/value"))]);
            x.tag("code", &class(visit), |x| {
                for coding in list(visit, "/type/0/coding") {
                    fixed(x, "translation", text(coding, "/code"), oid(text(coding, "/system")), text(coding, "/display"));
                }
            });
            super::parts::span(x, "", text(visit, "/period/start"), text(visit, "/period/end"));
            if let Some(who) = staff.find(&visit["participant"][0]["individual"]) {
                x.tag("responsibleParty", &[], |x| x.tag("assignedEntity", &[], |x| entity(x, who)));
            }
            x.tag("location", &[], |x| {
                x.tag("healthCareFacility", &[], |x| {
                    let place = text(visit, "/location/0/location/reference").trim_start_matches("Location/");
                    x.empty("id", &[("root", ORGANIZATIONS), ("extension", place)]);
                    x.tag("location", &[], |x| x.leaf("name", &[], text(visit, "/location/0/location/display")));
                });
            });
        });
    });
}

/// The class of a visit, as the attributes of a code.
pub fn class(visit: &Value) -> [(&'static str, &str); 3] {
    let words = text(visit, "/class/display");
    [("code", text(visit, "/class/code")), ("codeSystem", super::parts::ACT_CODE), ("displayName", words)]
}
