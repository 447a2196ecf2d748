//! The patient of a document, from every Patient record of the person, and those who belong to him.
//!
//! What may be there once (birth, sex, death) is taken from the first record that tells it; all names, numbers, addresses and
//! telephones are told.
//!
//! Not for: birth sex and other facts of social history (`sections`).

use super::cda::{Assigned, Code, Id, Name, Null, Organization};
use super::context::Context;
use super::document::{Associate, Language, RecordTarget};
use super::values::{address, identifier, name, telecom, ts};
use super::{Item, codes, people};
use crate::formats::fhir::node::{Node, concept};

const GENDER: &str = "2.16.840.1.113883.5.1";
const SSN: &str = "2.16.840.1.113883.4.1";
const RACE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race";
const ETHNICITY: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity";
const RELIGION: &str = "http://hl7.org/fhir/StructureDefinition/patient-religion";
const BIRTHPLACE: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace";
const BIRTH_TIME: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthTime";
const MARITAL_URI: &str = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus";
const RELIGION_URI: &str = "http://terminology.hl7.org/CodeSystem/v3-ReligiousAffiliation";
const ROLE_URI: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

pub fn record_target(cx: &Context<'_>) -> RecordTarget {
    let patients = &cx.chart.patients;
    let roots = || patients.iter().map(Item::root);
    let birth = |root: Node<'_>| {
        let time = extension(root.at("_birthDate"), BIRTH_TIME).at("valueDateTime").text();
        time.and_then(|text| ts(&text)).or_else(|| ts(&root.at("birthDate").text()?))
    };
    let deceased_time = roots().find_map(|root| ts(&root.at("deceasedDateTime").text()?));
    let deceased = roots().find_map(|root| boolean(root.at("deceasedBoolean")));
    let birth_order = roots().find_map(|root| root.at("multipleBirthInteger").text());
    let marital = roots().map(|root| root.at("maritalStatus")).find(|concept| concept.exists());
    let religion = roots().map(|root| extension(root, RELIGION).at("valueCodeableConcept")).find(|concept| concept.exists());
    RecordTarget {
        ids: ids(cx),
        addresses: distinct(roots().flat_map(|root| root.at("address").items()).filter_map(address)),
        telecoms: distinct(roots().flat_map(|root| root.at("telecom").items()).filter_map(telecom)),
        names: names(patients),
        gender: roots().find_map(|root| gender(&root.at("gender").text()?)).unwrap_or_else(|| codes::null(Null::Unknown)),
        birth: roots().find_map(birth),
        deceased: if deceased_time.is_some() { Some(true) } else { deceased },
        deceased_time,
        is_multiple_birth: birth_order.as_ref().map(|_| true).or(roots().find_map(|r| boolean(r.at("multipleBirthBoolean")))),
        birth_order: birth_order.filter(|number| number.bytes().all(|b| b.is_ascii_digit())),
        marital: marital.map(|marital| codes::code(marital, &[MARITAL_URI], None)),
        religion: religion.map(|religion| codes::code(religion, &[RELIGION_URI], None)),
        races: roots().map(|root| group(extension(root, RACE))).find(|codes| !codes.is_empty()).unwrap_or_default(),
        ethnicities: roots().map(|root| group(extension(root, ETHNICITY))).find(|codes| !codes.is_empty()).unwrap_or_default(),
        guardians: associates(cx).into_iter().filter(|a| a.class_code == GUARDIAN && a.name.is_some()).collect(),
        birthplace: roots().find_map(|root| address(extension(root, BIRTHPLACE).at("valueAddress"))),
        languages: languages(patients),
        organization: patients.iter().find_map(|item| organization(cx, item)),
    }
}

/// Next of kin, emergency contacts and others; a guardian who is no person too.
pub fn participants(cx: &Context<'_>) -> Vec<Associate> {
    associates(cx).into_iter().filter(|a| a.class_code != GUARDIAN || a.name.is_none()).collect()
}

/// Those who care for the patient in general.
pub fn practitioners(cx: &Context<'_>) -> Vec<Assigned> {
    let of = |item: &Item<'_>| {
        let named: Vec<_> = item.root().at("generalPractitioner").items().filter_map(|who| cx.party(item, who)).collect();
        named
    };
    distinct(cx.chart.patients.iter().flat_map(of).map(people::without_device))
}

fn boolean(node: Node<'_>) -> Option<bool> {
    node.value()?.as_bool()
}

/// The extension with this URL.
fn extension<'a>(node: Node<'a>, url: &str) -> Node<'a> {
    let found = node.at("extension").items().find(|e| e.at("url").text().as_deref() == Some(url));
    found.unwrap_or(Node::none())
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

/// All numbers, social security numbers after those of the source systems, the archive's own names last.
fn ids(cx: &Context<'_>) -> Vec<Id> {
    let given = cx.chart.patients.iter().flat_map(|item| item.root().at("identifier").items()).filter_map(identifier);
    let (ssns, mut ids): (Vec<Id>, Vec<Id>) = distinct(given).into_iter().partition(is_ssn);
    ids.extend(ssns.into_iter().map(|id| if cx.request.masks_ids { masked(id) } else { id }));
    ids.extend(cx.chart.patients.iter().map(|item| cx.id(item)));
    ids
}

fn is_ssn(id: &Id) -> bool {
    matches!(id, Id::Given { root, .. } if root == SSN)
}

/// A social security number with its last four digits alone.
fn masked(id: Id) -> Id {
    let Id::Given { root, extension } = id else { return id };
    let digits: String = extension.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let last = digits.len().checked_sub(4).filter(|_| digits.len() == 9).map_or("****", |at| &digits[at..]);
    Id::Null { null: Null::Masked, root: Some(root), extension: Some(format!("***-**-{last}")) }
}

/// All names, those in use first.
fn names(patients: &[Item<'_>]) -> Vec<Name> {
    let is_old = |n: &Node<'_>| n.at("use").text().is_some_and(|of| of == "old" || of == "maiden");
    let mut all: Vec<Node<'_>> = patients.iter().flat_map(|item| item.root().at("name").items()).collect();
    all.sort_by_key(is_old);
    distinct(all.into_iter().filter_map(name))
}

fn gender(text: &str) -> Option<Code> {
    match text {
        "male" => Some(codes::fixed("M", GENDER, "Male")),
        "female" => Some(codes::fixed("F", GENDER, "Female")),
        "other" => Some(codes::fixed("UN", GENDER, "Undifferentiated")),
        _ => None,
    }
}

/// US Core's race or ethnicity: the class leads. Details without a class stand as translations of none.
fn group(extension: Node<'_>) -> Vec<Code> {
    let of = |kind: &str| {
        let parts = extension.at("extension").items().filter(|e| e.at("url").text().as_deref() == Some(kind));
        distinct(parts.map(|e| codes::coding(e.at("valueCoding"))))
    };
    let (classes, details) = (of("ombCategory"), of("detailed"));
    let words = extension.at("extension").items().find_map(|e| e.at("valueString").text());
    let is_known = classes.iter().any(|code| code.code.is_some());
    match (is_known, details.is_empty(), words) {
        // What is not known has no place beside what is.
        (true, _, _) => classes.into_iter().filter(|code| code.code.is_some()).chain(details).collect(),
        (false, false, _) => vec![Code { translations: details, ..codes::null(Null::Other) }],
        (false, true, _) if !classes.is_empty() => classes.into_iter().take(1).collect(),
        (false, true, Some(words)) => vec![Code { display: Some(words), ..codes::null(Null::Other) }],
        (false, true, None) => Vec::new(),
    }
}

fn languages(patients: &[Item<'_>]) -> Vec<Language> {
    let spoken = patients.iter().flat_map(|item| item.root().at("communication").items());
    let language = |told: Node<'_>| {
        let code = told.at("language").at("coding").items().find_map(|c| c.at("code").text())?;
        let is_code = !code.contains(char::is_whitespace);
        is_code.then(|| Language { code, is_preferred: boolean(told.at("preferred")) })
    };
    distinct(spoken.filter_map(language))
}

fn organization(cx: &Context<'_>, item: &Item<'_>) -> Option<Organization> {
    let reference = item.root().at("managingOrganization");
    if let Some(found) = cx.party(item, reference).and_then(|party| party.organization) {
        return Some(found);
    }
    Some(Organization { name: Some(reference.at("display").text()?), ..Organization::default() })
}

const GUARDIAN: &str = "GUARD";

/// Contacts of the Patient records, and RelatedPerson records.
fn associates(cx: &Context<'_>) -> Vec<Associate> {
    let contacts = cx.chart.patients.iter().flat_map(|item| item.root().at("contact").items());
    let contacts = contacts.map(|contact| {
        let organization = contact.at("organization");
        let organization = organization
            .at("display")
            .text()
            .or_else(|| cx.resolve(&organization.at("reference").text()?)?.root().at("name").text());
        Associate { organization, ..associate(contact, name(contact.at("name"))) }
    });
    let related = cx.chart.records.iter().filter(|item| item.kind == "RelatedPerson").map(Item::root);
    let related = related.map(|person| associate(person, person.at("name").items().find_map(name)));
    distinct(contacts.chain(related).filter(|a| a.name.is_some() || a.organization.is_some()))
}

fn associate(root: Node<'_>, name: Option<Name>) -> Associate {
    let relations: Vec<Node<'_>> = root.at("relationship").items().collect();
    let is = |codes: &[&str], words: &str| {
        relations.iter().any(|r| {
            let coded = r.at("coding").items().filter_map(|c| c.at("code").text()).any(|c| codes.contains(&c.as_str()));
            coded || concept(*r).is_some_and(|said| said.to_lowercase().contains(words))
        })
    };
    let class_code = match () {
        () if is(&["GUARD", "guardian"], "guardian") => GUARDIAN,
        () if is(&["N", "NOK"], "next of kin") => "NOK",
        () if is(&["C", "EC", "ECON"], "emergency") => "ECON",
        () if is(&["CAREGIVER"], "caregiver") => "CAREGIVER",
        () => "PRS",
    };
    let code = relations.iter().map(|r| codes::code(*r, &[ROLE_URI], None)).find(|code| code.code.is_some());
    Associate {
        class_code,
        code,
        addresses: root.at("address").items().filter_map(address).collect(),
        telecoms: root.at("telecom").items().filter_map(telecom).collect(),
        name,
        organization: None,
    }
}
