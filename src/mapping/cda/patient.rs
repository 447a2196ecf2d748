//! The patient of a document: `recordTarget/patientRole` as a Patient, shaped after US Core.
//!
//! Not for: who is the same person as whom (`IdentityEvent`, and what the archive makes of equal ids).

use super::types::{self, Concept, SSN};
use super::{About, Rules, note};
use crate::formats::cda::{Document, Element};
use crate::mapping::fhir::{Array, Object, Resource};
use crate::mapping::systems::Coding;
use crate::mapping::{Context, Mapped};

const RACES: &str = "urn:oid:2.16.840.1.113883.6.238";
const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";
const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/";

/// Makes a Patient of each record target that has a usable id and gives the id of the first.
pub(super) fn map(document: &Document<'_>, rules: &Rules, about: &About, cx: &Context<'_>, out: &mut Mapped) -> String {
    let mut first = None;
    for (number, role) in document.patient_roles().enumerate() {
        let id = id_of(&role, rules);
        if number == 1 {
            note(out, "cda.several-patients", Some(role), "is about several patients; its entries are taken for the first's");
        }
        if id.is_empty() {
            note(out, "cda.no-patient-id", Some(role), "a patient without a usable id");
        } else {
            out.resources.push(patient(document, &role, &id, about, cx));
        }
        first.get_or_insert(id);
    }
    if first.is_none() {
        note(out, "cda.no-patient", None, "is about no patient");
    }
    first.unwrap_or_default()
}

/// The preferred number of a patient. A social security number comes last: it names a person, but belongs to no system.
fn id_of(role: &Element<'_>, rules: &Rules) -> String {
    let mut ids = types::ids(role);
    let rank = |ii: &Element<'_>| {
        let root = ii.attr("root");
        let preferred = rules.patient_roots.iter().position(|r| r == root).unwrap_or(rules.patient_roots.len());
        (preferred, root == SSN)
    };
    ids.sort_by_key(rank);
    ids.iter().map(types::id_from).find(|id| !id.is_empty()).unwrap_or_default()
}

fn patient(document: &Document<'_>, role: &Element<'_>, id: &str, about: &About, cx: &Context<'_>) -> Vec<u8> {
    let mut resource = Resource::new("Patient", id);
    // Who a patient is stays findable, whatever is confidential in a document about him.
    resource.meta(&about.last_updated, &[]);
    let mut o = resource.object();
    let person = role.child("patient");
    if let Some(person) = &person {
        o.array("extension", |list| extensions(document, list, person, cx));
    }
    o.array("identifier", |list| types::identifiers(list, role));
    if let Some(person) = &person {
        o.array("name", |list| types::human_names(list, person));
    }
    o.array("telecom", |list| types::telecoms(list, role));
    if let Some(person) = &person {
        o.text("gender", gender(person));
        birth(&mut o, person, cx);
        deceased(&mut o, person, cx);
    }
    o.array("address", |list| types::addresses(list, role));
    if let Some(person) = &person {
        let marital = person.child("maritalStatusCode").map(|code| types::concept(document, &code, cx)).unwrap_or_default();
        marital.write(&mut o, "maritalStatus");
        let member = person.child("sdtc:multipleBirthOrderNumber").map_or("", |number| number.attr("value"));
        o.number("multipleBirthInteger", member);
        o.array("contact", |list| contacts(document, list, person, cx));
        o.array("communication", |list| communication(list, person));
    }
    o.object("managingOrganization", |o| {
        let name = role.path(&["providerOrganization", "name"]).map(|name| types::name_line(&name));
        o.text("display", &name.unwrap_or_default());
    });
    resource.finish()
}

fn gender(person: &Element<'_>) -> &'static str {
    let Some(code) = person.child("administrativeGenderCode") else { return "" };
    let first = |text: &str| text.trim().chars().next().map(|c| c.to_ascii_uppercase());
    match code.attr("code").to_ascii_uppercase().as_str() {
        "M" | "MALE" => "male",
        "F" | "FEMALE" => "female",
        "UN" | "O" | "OTHER" => "other",
        "" => match (first(code.attr("displayName")), code.null_flavor()) {
            (Some('M'), _) => "male",
            (Some('F'), _) => "female",
            (_, "OTH") => "other",
            _ => "unknown",
        },
        _ => "unknown",
    }
}

fn birth(o: &mut Object<'_>, person: &Element<'_>, cx: &Context<'_>) {
    let Some(birth) = person.child("birthTime").map(|time| types::time(&time, cx)) else { return };
    o.text("birthDate", birth.date());
    // Midnight is what systems write that know only the day.
    if birth.text.len() > 10 && !birth.text.contains("T00:00:00") {
        o.object("_birthDate", |o| {
            o.array("extension", |list| {
                list.object(|o| {
                    o.text("url", "http://hl7.org/fhir/StructureDefinition/patient-birthTime").text("valueDateTime", &birth.text);
                });
            });
        });
    }
}

fn deceased(o: &mut Object<'_>, person: &Element<'_>, cx: &Context<'_>) {
    let time = person.child("sdtc:deceasedTime").map(|time| types::time(&time, cx).text).unwrap_or_default();
    if !time.is_empty() {
        o.text("deceasedDateTime", &time);
        return;
    }
    let told = person.child("sdtc:deceasedInd").and_then(|told| match told.attr("value") {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    });
    o.boolean("deceasedBoolean", told);
}

fn extensions(document: &Document<'_>, list: &mut Array<'_>, person: &Element<'_>, cx: &Context<'_>) {
    const RACE: [&str; 5] = ["1002-5", "2028-9", "2054-5", "2076-8", "2106-3"];
    const ETHNICITY: [&str; 2] = ["2135-2", "2186-5"];
    group(document, list, "us-core-race", &codes(person, "raceCode"), &RACE, cx);
    group(document, list, "us-core-ethnicity", &codes(person, "ethnicGroupCode"), &ETHNICITY, cx);
    let religion = person.child("religiousAffiliationCode").map(|code| types::concept(document, &code, cx));
    if let Some(religion) = religion.filter(|religion| !religion.is_empty()) {
        list.object(|o| {
            o.text("url", "http://hl7.org/fhir/StructureDefinition/patient-religion");
            religion.write(o, "valueCodeableConcept");
        });
    }
    let mut place = |addr: &Element<'_>| {
        list.object(|o| {
            o.text("url", "http://hl7.org/fhir/StructureDefinition/patient-birthPlace");
            o.object("valueAddress", |o| types::address(o, addr));
        });
    };
    let birthplace = person.path(&["birthplace", "place", "addr"]);
    birthplace.filter(|addr| !addr.text().trim().is_empty()).iter().for_each(&mut place);
}

/// Most races, and most ethnicities, of one person that are looked at.
const CODES_MAX: usize = 50;

/// The codes of CDA and those that the extensions add.
fn codes<'t>(person: &Element<'t>, name: &str) -> Vec<Element<'t>> {
    let added = format!("sdtc:{name}");
    person.children(name).chain(person.children(&added)).take(CODES_MAX).collect()
}

/// US Core's race and ethnicity: the few classes of the Office of Management and Budget, details, and words.
fn group(document: &Document<'_>, list: &mut Array<'_>, url: &str, codes: &[Element<'_>], classes: &[&str], cx: &Context<'_>) {
    let mut all = Concept::default();
    for code in codes {
        let concept = types::concept(document, code, cx);
        if !concept.text.is_empty() && !all.text.split("; ").any(|t| t == concept.text) {
            all.text = if all.text.is_empty() { concept.text } else { format!("{}; {}", all.text, concept.text) };
        }
        all.codings.extend(concept.codings);
        if matches!(code.null_flavor(), "UNK" | "ASKU") && code.attr("code").is_empty() {
            all.codings.push(Coding::new(NULL_FLAVOR, code.null_flavor(), ""));
        }
    }
    if all.is_empty() {
        return;
    }
    let is_class = |c: &Coding| c.system == NULL_FLAVOR || c.system == RACES && classes.contains(&c.code.as_str());
    let text = match all.text.is_empty() {
        true => all.codings.first().map_or("", |c| c.code.as_str()),
        false => &all.text,
    };
    list.object(|o| {
        o.text("url", &format!("{US_CORE}{url}"));
        o.array("extension", |list| {
            for (name, wanted) in [("ombCategory", true), ("detailed", false)] {
                for coding in all.codings.iter().filter(|c| is_class(c) == wanted) {
                    list.object(|o| {
                        o.text("url", name).object("valueCoding", |o| coding.write(o));
                    });
                }
            }
            list.object(|o| {
                o.text("url", "text").text("valueString", text);
            });
        });
    });
}

/// Guardians, and those whom the header names as next of kin, emergency contact or caregiver.
fn contacts(document: &Document<'_>, list: &mut Array<'_>, person: &Element<'_>, cx: &Context<'_>) {
    for guardian in person.children("guardian") {
        let code = guardian.child("code").map(|code| types::concept(document, &code, cx)).unwrap_or_default();
        let name = guardian.path(&["guardianPerson", "name"]);
        let organization = guardian.path(&["guardianOrganization", "name"]);
        contact(list, &guardian, [code, role_class("GUARD", "guardian")], name, organization);
    }
    for participant in document.root().children("participant") {
        let Some(entity) = participant.child("associatedEntity") else { continue };
        let class = match entity.attr("classCode") {
            "NOK" => role_class("NOK", "next of kin"),
            "ECON" => role_class("ECON", "emergency contact"),
            "CAREGIVER" => role_class("CAREGIVER", "caregiver"),
            "GUARD" => role_class("GUARD", "guardian"),
            _ => continue,
        };
        let code = entity.child("code").map(|code| types::concept(document, &code, cx)).unwrap_or_default();
        let name = entity.path(&["associatedPerson", "name"]);
        contact(list, &entity, [code, class], name, entity.path(&["scopingOrganization", "name"]));
    }
}

fn role_class(code: &str, words: &str) -> Concept {
    let system = "http://terminology.hl7.org/CodeSystem/v3-RoleClass";
    Concept { codings: vec![Coding::new(system, code, words)], text: String::new() }
}

fn contact(
    list: &mut Array<'_>,
    entity: &Element<'_>,
    relationships: [Concept; 2],
    name: Option<Element<'_>>,
    organization: Option<Element<'_>>,
) {
    let line = |name: &Option<Element<'_>>| name.map(|name| types::name_line(&name)).unwrap_or_default();
    let organization = line(&organization);
    let says_something = !line(&name).is_empty()
        || !organization.is_empty()
        || ["telecom", "addr"].iter().any(|part| entity.children(part).any(|e| e.null_flavor().is_empty()));
    if !says_something {
        return;
    }
    list.object(|o| {
        o.array("relationship", |list| {
            relationships.iter().for_each(|r| list.concept(&r.codings, &r.text));
        });
        o.object("name", |o| name.iter().for_each(|name| types::human_name(o, name)));
        o.array("telecom", |list| types::telecoms(list, entity));
        o.object("address", |o| entity.child("addr").iter().for_each(|addr| types::address(o, addr)));
        o.object("organization", |o| {
            o.text("display", &organization);
        });
    });
}

fn communication(list: &mut Array<'_>, person: &Element<'_>) {
    for language in person.children("languageCommunication") {
        let code = language.child("languageCode").map_or("", |code| code.attr("code"));
        if code.is_empty() {
            continue;
        }
        let preferred = language.child("preferenceInd").and_then(|told| match told.attr("value") {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        });
        list.object(|o| {
            o.concept("language", &[Coding::new("urn:ietf:bcp:47", code, "")], "");
            o.boolean("preferred", preferred);
        });
    }
}
