//! Names, addresses and telephones, and the people, devices and organizations that have them.
//!
//! Not for: the patient (`document`).

use super::types::{bound, code_if, id, ids_or_unknown, null, templates, time};
use crate::render::ccd::cda::{Address, Assigned, Author, Name, Null, Organization, Performer, Telecom};
use crate::render::ccd::xml::Xml;

pub fn name(x: &mut Xml, given_name: &Name) {
    x.element("name", |x| match given_name {
        Name::Null(why) => x.attr("nullFlavor", why.code()),
        Name::Whole(words) => x.text(words),
        Name::Person { use_code, prefix, given, family, suffix } => {
            x.attr_if("use", *use_code);
            prefix.iter().for_each(|part| text(x, "prefix", part));
            // A name in parts has both of these; what is not known says so.
            if given.is_empty() {
                null(x, "given", Null::Unknown);
            }
            given.iter().for_each(|part| text(x, "given", part));
            text_or_unknown(x, "family", family.as_deref());
            suffix.iter().for_each(|part| text(x, "suffix", part));
        }
    });
}

pub fn text(x: &mut Xml, name: &str, words: &str) {
    x.element(name, |x| x.text(words));
}

fn text_or_unknown(x: &mut Xml, name: &str, words: Option<&str>) {
    match words.filter(|words| !words.trim().is_empty()) {
        Some(words) => text(x, name, words),
        None => null(x, name, Null::Unknown),
    }
}

pub fn address(x: &mut Xml, given: &Address) {
    x.element("addr", |x| match given {
        Address::Null(why) => x.attr("nullFlavor", why.code()),
        Address::Given { use_code, lines, city, county, state, postal_code, country } => {
            x.attr_if("use", *use_code);
            match lines.as_slice() {
                [] => null(x, "streetAddressLine", Null::Unknown),
                lines => lines.iter().take(4).for_each(|line| text(x, "streetAddressLine", line)),
            }
            text_or_unknown(x, "city", city.as_deref());
            county.iter().for_each(|county| text(x, "county", county));
            // An address in the United States, or without a country, has both of these.
            let is_domestic = country.as_deref().is_none_or(|country| country == "US");
            for (name, part) in [("state", state), ("postalCode", postal_code)] {
                if part.is_some() || is_domestic {
                    text_or_unknown(x, name, part.as_deref());
                }
            }
            country.iter().for_each(|country| text(x, "country", country));
        }
    });
}

pub fn telecom(x: &mut Xml, given: &Telecom) {
    x.element("telecom", |x| match given {
        Telecom::Null(why) => x.attr("nullFlavor", why.code()),
        Telecom::Given { value, use_code } => {
            x.attr_if("use", *use_code);
            x.attr("value", value);
        }
    });
}

pub fn addresses_or_unknown(x: &mut Xml, addresses: &[Address]) {
    if addresses.is_empty() {
        null(x, "addr", Null::Unknown);
    }
    addresses.iter().for_each(|given| address(x, given));
}

pub fn telecoms_or_unknown(x: &mut Xml, telecoms: &[Telecom]) {
    if telecoms.is_empty() {
        null(x, "telecom", Null::Unknown);
    }
    telecoms.iter().for_each(|given| telecom(x, given));
}

/// An organization under the name of its role. Validators want a telephone and an address of each.
pub fn organization(x: &mut Xml, role: &str, given: &Organization) {
    x.element(role, |x| {
        ids_or_unknown(x, &given.ids);
        organization_name(x, given);
        telecoms_or_unknown(x, &given.telecoms);
        addresses_or_unknown(x, &given.addresses);
    });
}

pub fn organization_name(x: &mut Xml, given: &Organization) {
    text_or_unknown(x, "name", given.name.as_deref());
}

/// `assignedEntity`.
pub fn assigned_entity(x: &mut Xml, given: &Assigned) {
    x.element("assignedEntity", |x| {
        debug_assert!(given.device.is_none(), "an assigned entity is no device");
        role(x, given);
        person(x, given.person.as_ref());
        given.organization.iter().for_each(|of| organization(x, "representedOrganization", of));
    });
}

/// What all assigned ones begin with.
fn role(x: &mut Xml, given: &Assigned) {
    ids_or_unknown(x, &given.ids);
    code_if(x, "code", given.code.as_ref());
    addresses_or_unknown(x, &given.addresses);
    telecoms_or_unknown(x, &given.telecoms);
}

fn person(x: &mut Xml, given: Option<&Name>) {
    given.iter().for_each(|given| x.element("assignedPerson", |x| name(x, given)));
}

pub fn author(x: &mut Xml, author: &Author) {
    x.element("author", |x| {
        templates(x, &author.templates);
        bound(x, "time", &author.time);
        x.element("assignedAuthor", |x| {
            let by = &author.assigned;
            // An id alone points to somebody who is described elsewhere.
            if by.person.is_none() && by.device.is_none() && by.organization.is_none() {
                ids_or_unknown(x, &by.ids);
                return;
            }
            role(x, by);
            match &by.device {
                Some(device) => x.element("assignedAuthoringDevice", |x| {
                    text(x, "manufacturerModelName", &device.model);
                    text(x, "softwareName", &device.software);
                }),
                None => person(x, by.person.as_ref()),
            }
            by.organization.iter().for_each(|of| organization(x, "representedOrganization", of));
        });
    });
}

pub fn performer(x: &mut Xml, performer: &Performer) {
    x.element("performer", |x| {
        x.attr_if("typeCode", performer.type_code);
        templates(x, &performer.templates);
        performer.time.iter().for_each(|when| time(x, "time", when, false));
        assigned_entity(x, &performer.assigned);
    });
}

/// A legacy system that says so.
pub fn informant(x: &mut Xml, system: &Organization) {
    x.element("informant", |x| {
        x.element("assignedEntity", |x| {
            ids_or_unknown(x, &system.ids);
            addresses_or_unknown(x, &system.addresses);
            telecoms_or_unknown(x, &system.telecoms);
            x.element("representedOrganization", |x| {
                system.ids.iter().for_each(|one| id(x, "id", one));
                organization_name(x, system);
            });
        });
    });
}
