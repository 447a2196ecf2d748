//! The document itself: its header in the order of the schema, then its sections or its file.
//!
//! Not for: where the content comes from (`header`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::entries::section;
use super::people::{
    address, addresses_or_unknown, assigned_entity, author, informant, name, organization, organization_name, telecom,
    telecoms_or_unknown, text,
};
use super::types::{boolean, bound, code, code_if, fixed, id, ids_or_unknown, null, point, templates};
use crate::render::ccd::cda::{Address, Bound, Code, Name, Null, Organization, Ts};
use crate::render::ccd::document::{Associate, Body, Document, Encompassing, Language, RecordTarget, RelatedDocument, Service};
use crate::render::ccd::xml::Xml;

const CONFIDENTIALITY: &str = "2.16.840.1.113883.5.25";

pub fn document(x: &mut Xml, document: &Document) {
    x.element("ClinicalDocument", |x| {
        x.attr("xmlns", "urn:hl7-org:v3");
        x.attr("xmlns:sdtc", "urn:hl7-org:sdtc");
        x.attr("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance");
        about(x, document);
        x.line();
        record_target(x, &document.patient);
        x.line();
        document.authors.iter().for_each(|by| author(x, by));
        document.informants.iter().for_each(|system| informant(x, system));
        custodian(x, &document.custodian);
        document.participants.iter().for_each(|given| participant(x, given));
        service(x, &document.service);
        document.related.iter().for_each(|given| related(x, given));
        document.encounter.iter().for_each(|given| encounter(x, given));
        x.line();
        x.element("component", |x| body(x, &document.body));
    });
}

/// What kind of document it is, and which.
fn about(x: &mut Xml, document: &Document) {
    x.line();
    fixed(x, "realmCode", "US");
    x.element("typeId", |x| {
        x.attr("root", "2.16.840.1.113883.1.3");
        x.attr("extension", "POCD_HD000040");
    });
    templates(x, &document.templates);
    id(x, "id", &document.id);
    code(x, "code", &document.code);
    text(x, "title", &document.title);
    point(x, "effectiveTime", &document.time);
    x.element("confidentialityCode", |x| {
        x.attr("code", document.confidentiality);
        x.attr("codeSystem", CONFIDENTIALITY);
    });
    fixed(x, "languageCode", "en-US");
    id(x, "setId", &document.set_id);
    x.element("versionNumber", |x| x.attr("value", &document.version.to_string()));
}

fn record_target(x: &mut Xml, target: &RecordTarget) {
    x.element("recordTarget", |x| {
        x.element("patientRole", |x| {
            ids_or_unknown(x, &target.ids);
            addresses_or_unknown(x, &target.addresses);
            telecoms_or_unknown(x, &target.telecoms);
            x.element("patient", |x| patient(x, target));
            target.organization.iter().for_each(|of| organization(x, "providerOrganization", of));
        });
    });
}

fn patient(x: &mut Xml, target: &RecordTarget) {
    if target.names.is_empty() {
        null(x, "name", Null::Unknown);
    }
    target.names.iter().for_each(|given| patient_name(x, given));
    code(x, "administrativeGenderCode", &target.gender);
    match &target.birth {
        Some(ts) => point(x, "birthTime", ts),
        None => null(x, "birthTime", Null::Unknown),
    }
    flag(x, "sdtc:deceasedInd", target.deceased);
    target.deceased_time.iter().for_each(|ts| point(x, "sdtc:deceasedTime", ts));
    flag(x, "sdtc:multipleBirthInd", target.is_multiple_birth);
    target.birth_order.iter().for_each(|number| x.element("sdtc:multipleBirthOrderNumber", |x| x.attr("value", number)));
    code_if(x, "maritalStatusCode", target.marital.as_ref());
    code_if(x, "religiousAffiliationCode", target.religion.as_ref());
    codes(x, "raceCode", &target.races);
    codes(x, "ethnicGroupCode", &target.ethnicities);
    target.guardians.iter().for_each(|given| guardian(x, given));
    if let Some(place) = &target.birthplace {
        x.element("birthplace", |x| x.element("place", |x| address(x, place)));
    }
    target.languages.iter().for_each(|given| language(x, given));
}

/// A patient's name stands in parts: one that the source did not cut is all of it the family name.
fn patient_name(x: &mut Xml, given: &Name) {
    match given {
        Name::Whole(words) => x.element("name", |x| {
            null(x, "given", Null::Unknown);
            text(x, "family", words);
        }),
        given => name(x, given),
    }
}

/// Exactly one element of CDA itself, further codes under the extension's name.
fn codes(x: &mut Xml, element: &str, codes: &[Code]) {
    match codes.split_first() {
        None => null(x, element, Null::Unknown),
        Some((first, more)) => {
            code(x, element, first);
            more.iter().for_each(|further| code(x, &format!("sdtc:{element}"), further));
        }
    }
}

fn flag(x: &mut Xml, name: &str, value: Option<bool>) {
    value.iter().for_each(|is_so| boolean(x, name, *is_so));
}

fn guardian(x: &mut Xml, given: &Associate) {
    x.element("guardian", |x| {
        code_if(x, "code", given.code.as_ref());
        given.addresses.iter().for_each(|given| address(x, given));
        given.telecoms.iter().for_each(|given| telecom(x, given));
        x.element("guardianPerson", |x| person_name(x, given.name.as_ref()));
    });
}

fn person_name(x: &mut Xml, given: Option<&Name>) {
    match given {
        Some(given) => name(x, given),
        None => null(x, "name", Null::Unknown),
    }
}

fn language(x: &mut Xml, language: &Language) {
    x.element("languageCommunication", |x| {
        fixed(x, "languageCode", &language.code);
        flag(x, "preferenceInd", language.is_preferred);
    });
}

fn custodian(x: &mut Xml, given: &Organization) {
    x.element("custodian", |x| {
        x.element("assignedCustodian", |x| {
            x.element("representedCustodianOrganization", |x| {
                ids_or_unknown(x, &given.ids);
                organization_name(x, given);
                // Exactly one of each.
                telecoms_or_unknown(x, given.telecoms.get(..1).unwrap_or_default());
                let unknown = Address::Null(Null::Unknown);
                address(x, given.addresses.first().unwrap_or(&unknown));
            });
        });
    });
}

fn participant(x: &mut Xml, given: &Associate) {
    x.element("participant", |x| {
        x.attr("typeCode", "IND");
        x.element("associatedEntity", |x| {
            x.attr("classCode", given.class_code);
            code_if(x, "code", given.code.as_ref());
            given.addresses.iter().for_each(|given| address(x, given));
            given.telecoms.iter().for_each(|given| telecom(x, given));
            if given.name.is_some() || given.organization.is_none() {
                x.element("associatedPerson", |x| person_name(x, given.name.as_ref()));
            }
            given.organization.iter().for_each(|words| x.element("scopingOrganization", |x| text(x, "name", words)));
        });
    });
}

fn service(x: &mut Xml, service: &Service) {
    x.element("documentationOf", |x| {
        x.element("serviceEvent", |x| {
            x.attr("classCode", "PCPR");
            span(x, &service.low, Some(&service.high));
            for by in &service.performers {
                x.element("performer", |x| {
                    x.attr("typeCode", "PRF");
                    assigned_entity(x, by);
                });
            }
        });
    });
}

fn span(x: &mut Xml, low: &Bound<Ts>, high: Option<&Bound<Ts>>) {
    x.element("effectiveTime", |x| {
        bound(x, "low", low);
        high.iter().for_each(|high| bound(x, "high", high));
    });
}

fn related(x: &mut Xml, given: &RelatedDocument) {
    x.element("relatedDocument", |x| {
        x.attr("typeCode", given.type_code);
        x.element("parentDocument", |x| {
            ids_or_unknown(x, &given.ids);
            code_if(x, "code", given.code.as_ref());
        });
    });
}

fn encounter(x: &mut Xml, given: &Encompassing) {
    x.element("componentOf", |x| {
        x.element("encompassingEncounter", |x| {
            ids_or_unknown(x, &given.ids);
            code_if(x, "code", given.code.as_ref());
            span(x, &given.low, given.high.as_ref());
            code_if(x, "dischargeDispositionCode", given.disposition.as_ref());
            for (type_code, by) in &given.participants {
                x.element("encounterParticipant", |x| {
                    x.attr("typeCode", type_code);
                    assigned_entity(x, by);
                });
            }
            if let Some(place) = &given.place {
                x.element("location", |x| {
                    x.element("healthCareFacility", |x| {
                        place.ids.iter().for_each(|one| id(x, "id", one));
                        x.element("location", |x| {
                            place.name.iter().for_each(|words| text(x, "name", words));
                            place.address.iter().for_each(|given| address(x, given));
                        });
                    });
                });
            }
        });
    });
}

fn body(x: &mut Xml, body: &Body) {
    match body {
        Body::Sections(sections) => x.element("structuredBody", |x| sections.iter().for_each(|given| section(x, given))),
        Body::File { media_type, bytes } => x.element("nonXMLBody", |x| {
            x.element("text", |x| {
                x.attr("mediaType", media_type);
                x.attr("representation", "B64");
                x.plain(&STANDARD.encode(bytes));
            });
        }),
    }
}
