//! The patient (PID, PD1) and those next to him (NK1).
//!
//! Not for: which number names the patient (`group`), merges (`merge`).

use super::group::Group;
use super::tables;
use super::types::words;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::fhir::{Array, Object, Resource};
use crate::mapping::systems::Coding;
use crate::mapping::{Mapped, id};

const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-";
const CORE: &str = "http://hl7.org/fhir/StructureDefinition/patient-";
const CDC_RACE: &str = "urn:oid:2.16.840.1.113883.6.238";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// Makes the Patient of a group, and a RelatedPerson for each NK1.
pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let Some(pid) = group.first("PID") else { return };
    if group.patient.is_empty() {
        group.note(out, "no-patient-id", pid, "names no patient");
        return;
    }
    if group.patient.starts_with("unidentified.") {
        group.note(out, "no-patient-id", pid, "holds no number of a patient; he is named by the message");
    }
    if !pid.field(35).is_empty() {
        group.note(out, "animal", pid, "names a species");
    }
    out.resources.push(patient(group, pid));
    for nk1 in group.all_of("NK1") {
        if let Some(related) = related(group, nk1) {
            out.resources.push(related);
        }
    }
}

fn patient(group: &Group<'_>, pid: Segment<'_>) -> Vec<u8> {
    let pd1 = group.first("PD1");
    let protected = pd1.is_some_and(|pd1| pd1.field(12).text() == "Y");
    let label = protected.then(|| Coding::new(CONFIDENTIALITY, "R", ""));
    let mut resource = Resource::new("Patient", &group.patient);
    resource.meta(group.made_by_registration(), label.as_slice());
    let mut o = resource.object();
    o.array("extension", |list| extensions(group, pid, list));
    o.array("identifier", |list| identifiers(group, pid, list));
    o.boolean("active", (group.event == "A29").then_some(false));
    o.array("name", |list| {
        pid.field(5).repetitions().for_each(|xpn| group.xpn(list, xpn, ""));
        pid.field(9).repetitions().for_each(|xpn| group.xpn(list, xpn, ""));
    });
    o.array("telecom", |list| {
        pid.field(13).repetitions().for_each(|xtn| group.xtn(list, xtn, "home"));
        pid.field(14).repetitions().for_each(|xtn| group.xtn(list, xtn, "work"));
        pid.field(40).repetitions().for_each(|xtn| group.xtn(list, xtn, ""));
    });
    o.text("gender", tables::gender(&pid.field(8).text()));
    birth(group, pid, &mut o);
    let died = group.time_text(pid.field(29));
    if died.is_empty() {
        o.boolean("deceasedBoolean", yes_no(pid.field(30)));
    } else {
        o.text("deceasedDateTime", &died);
    }
    let county = pid.field(12).text();
    o.array("address", |list| pid.field(11).repetitions().for_each(|xad| group.xad(list, xad, &county)));
    marital_status(group, pid.field(16), &mut o);
    if !o.number("multipleBirthInteger", &pid.field(25).text()) {
        o.boolean("multipleBirthBoolean", yes_no(pid.field(24)));
    }
    o.array("communication", |list| {
        for language in pid.field(15).repetitions() {
            list.object(|o| {
                let mut codings = group.codings(language, "HL70296");
                if let Some(code) = tables::language(&language.text()) {
                    codings.insert(0, Coding::new("urn:ietf:bcp:47", code, ""));
                }
                o.concept("language", &codings, &words(language));
            });
        }
    });
    if let Some(pd1) = pd1 {
        o.array("generalPractitioner", |list| {
            pd1.field(4).repetitions().for_each(|xcn| group.xcn_in(list, xcn));
            pd1.field(3).repetitions().for_each(|xon| list.object(|o| group.xon_members(o, xon)));
        });
    }
    resource.finish()
}

fn yes_no(value: Value<'_>) -> Option<bool> {
    match value.text().as_ref() {
        "Y" | "y" => Some(true),
        "N" | "n" => Some(false),
        _ => None,
    }
}

/// The time of birth, when it is told, stands beside the date.
fn birth(group: &Group<'_>, pid: Segment<'_>, o: &mut Object<'_>) {
    let born = group.time(pid.field(7));
    o.text("birthDate", born.date());
    let instant = born.instant();
    if !instant.is_empty() {
        o.object("_birthDate", |o| {
            o.array("extension", |list| {
                list.object(|o| {
                    o.text("url", "http://hl7.org/fhir/StructureDefinition/patient-birthTime").text("valueDateTime", instant);
                });
            });
        });
    }
}

/// PID-3 and the older PID-2 and PID-4, each number once; then account, SSN and driver's licence.
fn identifiers(group: &Group<'_>, pid: Segment<'_>, list: &mut Array<'_>) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for (field, kind) in [(3, ""), (2, ""), (4, ""), (18, "AN"), (19, "SS")] {
        for cx in pid.field(field).repetitions() {
            let key = (group.id_of_cx(cx), cx.component(5).text().into_owned());
            let is_new = seen.iter().all(|(id, kind)| *id != key.0 || (*kind != key.1 && !key.1.is_empty()));
            if is_new && !key.0.is_empty() {
                group.cx(list, cx, kind);
                seen.push(key);
            }
        }
    }
    let licence = pid.field(20);
    if !licence.text().is_empty() {
        list.object(|o| {
            o.concept("type", &[Coding::new("http://terminology.hl7.org/CodeSystem/v2-0203", "DL", "")], "");
            o.text("value", &licence.text());
            o.period("period", "", &group.time_text(licence.component(3)));
            o.object("assigner", |o| {
                o.text("display", &licence.component(2).text());
            });
        });
    }
}

fn extensions(group: &Group<'_>, pid: Segment<'_>, list: &mut Array<'_>) {
    origin(group, list, "race", pid.field(10), &tables::OMB_RACES);
    origin(group, list, "ethnicity", pid.field(22), &tables::OMB_ETHNICITIES);
    let mother = display(pid.field(6));
    list.object(|o| {
        if !mother.is_empty() {
            o.text("url", &format!("{CORE}mothersMaidenName")).text("valueString", &mother);
        }
    });
    concept_extension(group, list, "religion", pid.field(17), "HL70006");
    let place = pid.field(23).text();
    list.object(|o| {
        if !place.is_empty() {
            o.text("url", &format!("{CORE}birthPlace")).object("valueAddress", |o| {
                o.text("text", &place);
            });
        }
    });
    for country in pid.field(26).repetitions().filter(|c| !c.is_empty() && !c.is_null()) {
        list.object(|o| {
            o.text("url", &format!("{CORE}citizenship")).array("extension", |list| {
                list.object(|o| {
                    o.text("url", "code");
                    group.concept(o, "valueCodeableConcept", country, "HL70171");
                });
            });
        });
    }
    let species = pid.field(35);
    if !species.is_empty() {
        list.object(|o| {
            o.text("url", &format!("{CORE}animal")).array("extension", |list| {
                list.object(|o| {
                    o.text("url", "species");
                    group.concept(o, "valueCodeableConcept", species, "HL70446");
                });
            });
        });
    }
}

fn concept_extension(group: &Group<'_>, list: &mut Array<'_>, name: &str, value: Value<'_>, system: &str) {
    if words(value).is_empty() {
        return;
    }
    list.object(|o| {
        o.text("url", &format!("{CORE}{name}"));
        group.concept(o, "valueCodeableConcept", value, system);
    });
}

/// The US Core extension for race or ethnicity: codes of the OMB's categories, other codes of the CDC, and the words,
/// which are all that is left of a site's own code.
fn origin(group: &Group<'_>, list: &mut Array<'_>, name: &str, field: Value<'_>, categories: &[(&str, &str, &str)]) {
    let stated: Vec<Value<'_>> = field.repetitions().filter(|v| !words(*v).is_empty()).collect();
    if stated.is_empty() {
        return;
    }
    let (mut parts, mut texts): (Vec<(&str, Coding)>, Vec<String>) = (Vec::new(), Vec::new());
    for value in stated {
        let codings = group.codings(value, "");
        let known = codings.iter().find_map(|c| categories.iter().find(|(code, old, _)| *code == c.code || *old == c.code));
        let part = match known {
            Some((code, _, display)) if code.len() > 4 => Some(("ombCategory", Coding::new(CDC_RACE, *code, *display))),
            Some((code, _, display)) => {
                Some(("ombCategory", Coding::new("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", *code, *display)))
            }
            None => codings.into_iter().find(|c| c.system == CDC_RACE).map(|c| ("detailed", c)),
        };
        parts.extend(part.filter(|part| !parts.contains(part)));
        let text = words(value);
        let plain = known.filter(|(code, old, _)| *code == text || *old == text).map(|(_, _, display)| (*display).to_owned());
        let text = plain.unwrap_or(text);
        texts.extend(Some(text).filter(|text| !texts.contains(text)));
    }
    list.object(|o| {
        o.text("url", &format!("{US_CORE}{name}")).array("extension", |list| {
            for (url, coding) in &parts {
                list.object(|o| {
                    o.text("url", url).object("valueCoding", |o| coding.write(o));
                });
            }
            list.object(|o| {
                o.text("url", "text").text("valueString", &texts.join(", "));
            });
        });
    });
}

fn marital_status(group: &Group<'_>, value: Value<'_>, o: &mut Object<'_>) {
    let mut codings = group.codings(value, "HL70002");
    codings.splice(0..0, tables::marital_status(&value.text()));
    o.concept("maritalStatus", &codings, &words(value));
}

/// Given and family name of an XPN, as words.
fn display(xpn: Value<'_>) -> String {
    let parts = [xpn.component(2).text(), xpn.component(1).text()];
    parts.iter().filter(|p| !p.is_empty()).map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
}

/// Named by patient, name and relationship: the numbers of NK1-1 change from one message to the next.
fn related(group: &Group<'_>, nk1: Segment<'_>) -> Option<Vec<u8>> {
    let (name, relationship) = (nk1.field(2), nk1.field(3));
    let organization = nk1.field(13).text();
    if name.is_empty() && organization.is_empty() {
        return None;
    }
    let who = [name.component(1).text(), name.component(2).text(), organization.clone(), relationship.text()];
    let key = who.map(|part| part.to_lowercase()).join("^");
    let mut resource = Resource::new("RelatedPerson", &id::id(&[&group.patient, "kin", &key]));
    resource.meta(group.made_by_registration(), &[]);
    let mut o = resource.object();
    o.array("identifier", |list| nk1.field(33).repetitions().for_each(|cx| group.cx(list, cx, "")));
    o.reference("patient", "Patient", &group.patient, "");
    o.array("relationship", |list| {
        group.concept_in(list, relationship, "HL70063");
        group.concept_in(list, nk1.field(7), "HL70131");
    });
    o.array("name", |list| {
        name.repetitions().for_each(|xpn| group.xpn(list, xpn, ""));
        if name.is_empty() {
            list.object(|o| {
                o.text("text", &organization);
            });
        }
    });
    o.array("telecom", |list| {
        nk1.field(5).repetitions().for_each(|xtn| group.xtn(list, xtn, "home"));
        nk1.field(6).repetitions().for_each(|xtn| group.xtn(list, xtn, "work"));
    });
    o.text("gender", tables::gender(&nk1.field(15).text())).text("birthDate", group.time(nk1.field(16)).date());
    o.array("address", |list| nk1.field(4).repetitions().for_each(|xad| group.xad(list, xad, "")));
    o.period("period", &group.time_text(nk1.field(8)), &group.time_text(nk1.field(9)));
    Some(resource.finish())
}
