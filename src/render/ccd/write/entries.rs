//! Sections and their entries. One order serves all kinds of statements: the schema orders what any two of them share in the
//! same way.
//!
//! Not for: which statement a record is (`sections`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::narrative::narrative;
use super::people::{address, author, informant, name, organization_name, performer, telecom, text};
use super::types::{code, code_if, fixed, id, null, point, quantity, reference, templates, time, value};
use crate::render::ccd::cda::{
    Bound, Class, Entry, Null, Organization, Participant, Player, Product, ReferenceRange, Related, Section, Subject,
};
use crate::render::ccd::xml::Xml;

pub fn section(x: &mut Xml, section: &Section) {
    x.line();
    x.element("component", |x| {
        x.element("section", |x| {
            x.attr_if("nullFlavor", section.null.map(Null::code));
            templates(x, &section.templates);
            code(x, "code", &section.code);
            text(x, "title", section.title);
            narrative(x, &section.narrative);
            section.authors.iter().for_each(|by| author(x, by));
            for given in &section.entries {
                x.line();
                x.element("entry", |x| {
                    x.attr("typeCode", "DRIV");
                    entry(x, &given.entry);
                });
            }
        });
    });
}

fn entry(x: &mut Xml, entry: &Entry) {
    debug_assert_eq!(strangers(entry), [""; 0], "a {:?} has no such parts", entry.class);
    x.element(entry.element(), |x| {
        x.attr("classCode", entry.class_code());
        x.attr("moodCode", entry.mood());
        x.attr_if("negationInd", entry.negated.map(|is_so| if is_so { "true" } else { "false" }));
        templates(x, &entry.templates);
        entry.ids.iter().for_each(|one| id(x, "id", one));
        what(x, entry);
        when(x, entry);
        how_much(x, entry);
        found(x, entry);
        who(x, entry);
        entry.related.iter().for_each(|given| related(x, given));
        entry.precondition.iter().for_each(|given| precondition(x, given));
        entry.ranges.iter().for_each(|given| range(x, given));
        entry.components.iter().for_each(|member| x.element("component", |x| self::entry(x, member)));
    });
}

fn what(x: &mut Xml, entry: &Entry) {
    match &entry.code {
        Some(given) => code(x, "code", given),
        None if matches!(entry.class, Class::Observation | Class::Act) => null(x, "code", Null::NoInformation),
        None => {}
    }
    if entry.text.is_some() || entry.content.is_some() {
        x.element(if entry.class == Class::Organizer { "sdtc:text" } else { "text" }, |x| {
            if let Some((media_type, _)) = &entry.content {
                x.attr("mediaType", media_type);
                x.attr("representation", "B64");
            }
            if let Some((_, bytes)) = &entry.content {
                x.plain(&STANDARD.encode(bytes));
            }
            entry.text.iter().for_each(|anchor| reference(x, anchor));
        });
    }
    match entry.status {
        Some(status) => fixed(x, "statusCode", status),
        None if matches!(entry.class, Class::Organizer | Class::SubstanceAdministration) => null(x, "statusCode", Null::Unknown),
        None => {}
    }
}

fn when(x: &mut Xml, entry: &Entry) {
    let is_typed = matches!(entry.class, Class::SubstanceAdministration | Class::Supply);
    entry.times.iter().for_each(|given| time(x, "effectiveTime", given, is_typed));
    code_if(x, "sdtc:dischargeDispositionCode", entry.disposition.as_ref());
    code_if(x, "priorityCode", entry.priority.as_ref());
    entry.repeat.iter().for_each(|count| x.element("repeatNumber", |x| x.attr("value", count)));
}

fn how_much(x: &mut Xml, entry: &Entry) {
    code_if(x, "routeCode", entry.route.as_ref());
    match &entry.dose {
        Some(Bound::Given(dose)) => quantity(x, "doseQuantity", dose),
        Some(Bound::Null(why)) => null(x, "doseQuantity", *why),
        None => {}
    }
    entry.rate.iter().for_each(|rate| quantity(x, "rateQuantity", rate));
    entry.quantity.iter().for_each(|given| quantity(x, "quantity", given));
    code_if(x, "administrationUnitCode", entry.administration_unit.as_ref());
}

fn found(x: &mut Xml, entry: &Entry) {
    entry.values.iter().for_each(|given| value(x, given));
    entry.interpretations.iter().for_each(|given| code(x, "interpretationCode", given));
    entry.methods.iter().for_each(|given| code(x, "methodCode", given));
    entry.target_sites.iter().for_each(|given| code(x, "targetSiteCode", given));
}

fn who(x: &mut Xml, entry: &Entry) {
    entry.subject.iter().for_each(|given| subject(x, given));
    if let Some(kind) = &entry.specimen {
        x.element("specimen", |x| {
            x.element("specimenRole", |x| x.element("specimenPlayingEntity", |x| code(x, "code", kind)));
        });
    }
    if let Some(given) = &entry.product {
        x.element(if entry.class == Class::Supply { "product" } else { "consumable" }, |x| product(x, given));
    }
    entry.performers.iter().for_each(|by| performer(x, by));
    entry.authors.iter().for_each(|by| author(x, by));
    entry.informants.iter().for_each(|system| informant(x, system));
    entry.participants.iter().for_each(|given| participant(x, given));
}

fn subject(x: &mut Xml, subject: &Subject) {
    x.element("subject", |x| {
        x.element("relatedSubject", |x| {
            x.attr("classCode", "PRS");
            code(x, "code", &subject.relationship);
            if subject.gender.is_some() || subject.birth.is_some() {
                x.element("subject", |x| {
                    code_if(x, "administrativeGenderCode", subject.gender.as_ref());
                    subject.birth.iter().for_each(|ts| point(x, "birthTime", ts));
                });
            }
        });
    });
}

fn product(x: &mut Xml, product: &Product) {
    x.element("manufacturedProduct", |x| {
        x.attr("classCode", "MANU");
        templates(x, &product.templates);
        product.ids.iter().for_each(|one| id(x, "id", one));
        // Words about how a drug is taken name no drug (Medication Free Text Sig).
        if *product == Product::default() {
            return null(x, "manufacturedLabeledDrug", Null::NotApplicable);
        }
        x.element("manufacturedMaterial", |x| {
            code(x, "code", &product.code);
            product.name.iter().for_each(|words| text(x, "name", words));
            product.lot.iter().filter(|lot| !lot.is_empty()).for_each(|lot| text(x, "lotNumberText", lot));
        });
        product.manufacturer.iter().for_each(|by| x.element("manufacturerOrganization", |x| organization(x, by)));
    });
}

fn organization(x: &mut Xml, given: &Organization) {
    given.ids.iter().for_each(|one| id(x, "id", one));
    organization_name(x, given);
    given.telecoms.iter().for_each(|given| telecom(x, given));
    given.addresses.iter().for_each(|given| address(x, given));
}

fn participant(x: &mut Xml, participant: &Participant) {
    x.element("participant", |x| {
        x.attr("typeCode", participant.type_code);
        templates(x, &participant.on_participation);
        participant.time.iter().for_each(|when| time(x, "time", when, false));
        x.element("participantRole", |x| {
            x.attr_if("classCode", participant.class_code);
            templates(x, &participant.templates);
            participant.ids.iter().for_each(|one| id(x, "id", one));
            code_if(x, "code", participant.code.as_ref());
            participant.addresses.iter().for_each(|given| address(x, given));
            participant.telecoms.iter().for_each(|given| telecom(x, given));
            participant.player.iter().for_each(|given| player(x, given));
            if let Some(scoper) = &participant.scoper {
                x.element("scopingEntity", |x| {
                    scoper.ids.iter().for_each(|one| id(x, "id", one));
                    scoper.name.iter().for_each(|words| text(x, "desc", words));
                });
            }
        });
    });
}

fn player(x: &mut Xml, player: &Player) {
    x.element(if player.is_device { "playingDevice" } else { "playingEntity" }, |x| {
        x.attr_if("classCode", player.class_code);
        code_if(x, "code", player.code.as_ref());
        match &player.name {
            Some(crate::render::ccd::cda::Name::Whole(words)) if player.is_device => text(x, "manufacturerModelName", words),
            Some(given) if !player.is_device => name(x, given),
            _ => {}
        }
    });
}

fn related(x: &mut Xml, related: &Related) {
    x.element("entryRelationship", |x| {
        x.attr("typeCode", related.type_code);
        x.attr_if("inversionInd", related.is_inverted.then_some("true"));
        entry(x, &related.entry);
    });
}

/// Precondition for Substance Administration.
fn precondition(x: &mut Xml, given: &crate::render::ccd::cda::Value) {
    x.element("precondition", |x| {
        x.attr("typeCode", "PRCN");
        x.element("criterion", |x| {
            for extension in [Some("2014-06-09"), None] {
                x.element("templateId", |x| {
                    x.attr("root", "2.16.840.1.113883.10.20.22.4.25");
                    x.attr_if("extension", extension);
                });
            }
            x.element("code", |x| {
                x.attr("code", "ASSERTION");
                x.attr("codeSystem", "2.16.840.1.113883.5.4");
            });
            value(x, given);
        });
    });
}

fn range(x: &mut Xml, range: &ReferenceRange) {
    x.element("referenceRange", |x| {
        x.element("observationRange", |x| {
            range.text.iter().for_each(|words| text(x, "text", words));
            range.value.iter().for_each(|given| value(x, given));
            code_if(x, "interpretationCode", range.interpretation.as_ref());
        });
    });
}

/// Parts of an entry that its class does not have.
fn strangers(e: &Entry) -> Vec<&'static str> {
    use Class::{Act, Encounter, Observation, Organizer, Procedure, SubstanceAdministration, Supply};
    let parts: [(&str, bool, &[Class]); 16] = [
        ("disposition", e.disposition.is_some(), &[Encounter]),
        ("priority", e.priority.is_some(), &[Observation, Act, Procedure, Encounter, SubstanceAdministration, Supply]),
        ("repeat", e.repeat.is_some(), &[Observation, SubstanceAdministration, Supply]),
        ("route", e.route.is_some(), &[SubstanceAdministration]),
        ("dose", e.dose.is_some(), &[SubstanceAdministration]),
        ("rate", e.rate.is_some(), &[SubstanceAdministration]),
        ("administration unit", e.administration_unit.is_some(), &[SubstanceAdministration]),
        ("quantity", e.quantity.is_some(), &[Supply]),
        ("values", !e.values.is_empty(), &[Observation]),
        ("interpretations", !e.interpretations.is_empty(), &[Observation]),
        ("methods", !e.methods.is_empty(), &[Observation, Procedure]),
        ("target sites", !e.target_sites.is_empty(), &[Observation, Procedure]),
        ("product", e.product.is_some(), &[SubstanceAdministration, Supply]),
        ("ranges", !e.ranges.is_empty(), &[Observation]),
        ("components", !e.components.is_empty(), &[Organizer]),
        ("related", !e.related.is_empty(), &[Observation, Act, Procedure, Encounter, SubstanceAdministration, Supply]),
    ];
    let strange = parts.iter().filter(|(_, is_there, classes)| *is_there && !classes.contains(&e.class));
    strange.map(|(name, _, _)| *name).collect()
}
