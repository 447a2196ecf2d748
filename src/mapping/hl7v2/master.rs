//! Master files: staff (STF, PRA of MFN^M02) as Practitioner, places (LOC of MFN^M05) as Location.
//!
//! Not for: tables of tests, charges and procedures, which stay in the message.

use super::group::Group;
use super::scope::Scope;
use super::types::{place, words};
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::Mapped;
use crate::mapping::fhir::Array;
use crate::mapping::id;

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let scope = Scope::new(group);
    let mut is_withdrawn = false;
    for (at, &segment) in group.segments.iter().enumerate() {
        match segment.name() {
            "MFE" => is_withdrawn = matches!(segment.field(1).text().as_ref(), "MDL" | "MDC"),
            "STF" => {
                let rest = group.segments.get(at + 1..).unwrap_or_default();
                let pra = rest.iter().copied().take_while(|s| !matches!(s.name(), "STF" | "MFE")).find(|s| s.is("PRA"));
                staff(&scope, segment, pra, is_withdrawn, out);
            }
            "LOC" => location(&scope, segment, is_withdrawn, out),
            _ => {}
        }
    }
}

fn staff(scope: &Scope<'_, '_>, stf: Segment<'_>, pra: Option<Segment<'_>>, is_withdrawn: bool, out: &mut Mapped) {
    let key = stf.field(1);
    let number = if key.text().is_empty() { stf.field(2).text() } else { key.text() };
    let mut resource = scope.begin("Practitioner", &id::id(&[&scope.authority(&key.component(3).text(), ""), &number]), &[]);
    let mut o = resource.object();
    o.array("identifier", |list| {
        stf.field(2).repetitions().for_each(|cx| scope.cx(list, cx, ""));
        for licence in pra.into_iter().flat_map(|pra| pra.field(6).repetitions()) {
            number_of(scope, list, licence);
        }
    });
    let active = match stf.field(7).text().as_ref() {
        _ if is_withdrawn => Some(false),
        "A" => Some(true),
        "I" => Some(false),
        _ => None,
    };
    o.boolean("active", active);
    o.array("name", |list| stf.field(3).repetitions().for_each(|name| scope.xpn(list, name, "official")));
    o.array("telecom", |list| {
        stf.field(10).repetitions().for_each(|phone| scope.xtn(list, phone, "work"));
        let mail = stf.field(15).text();
        list.object(|o| {
            if mail.contains('@') {
                o.text("system", "email").text("value", &mail);
            }
        });
    });
    o.array("address", |list| stf.field(11).repetitions().for_each(|address| scope.xad(list, address, "")));
    o.text(
        "gender",
        match stf.field(5).text().as_ref() {
            "F" => "female",
            "M" => "male",
            "O" | "A" | "N" => "other",
            "U" => "unknown",
            _ => "",
        },
    );
    o.text("birthDate", scope.time(stf.field(6)).date());
    o.array("qualification", |list| {
        for specialty in pra.into_iter().flat_map(|pra| pra.field(5).repetitions()) {
            list.object(|o| {
                o.concept("code", &[], &specialty.text());
            });
        }
    });
    out.resources.push(resource.finish());
}

/// PRA-6: number, type (table 0338), state.
fn number_of(scope: &Scope<'_, '_>, list: &mut Array<'_>, licence: Value<'_>) {
    let (number, kind) = (licence.text(), licence.component(2).text());
    if number.is_empty() {
        return;
    }
    list.object(|o| {
        let system = match kind.as_ref() {
            "NPI" => "http://hl7.org/fhir/sid/us-npi".to_string(),
            kind => scope.identifier_system(kind, "", ""),
        };
        o.concept("type", &[], &kind).text("system", &system).text("value", &number);
    });
}

fn location(scope: &Scope<'_, '_>, loc: Segment<'_>, is_withdrawn: bool, out: &mut Mapped) {
    let key = loc.field(1);
    let parts: Vec<String> = [4, 7, 8, 1, 2, 3].map(|n| key.component(n).text().into_owned()).to_vec();
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    let mut resource = scope.begin("Location", &id::id(&parts), &[]);
    let mut o = resource.object();
    o.array("identifier", |list| {
        list.object(|o| {
            o.text("value", key.raw());
        });
    });
    o.text("status", if is_withdrawn { "inactive" } else { "active" });
    let described = loc.field(2).text();
    o.text("name", if described.is_empty() { place(key) } else { described.into_owned() }.as_str());
    o.array("type", |list| {
        loc.field(3).repetitions().for_each(|kind| {
            list.concept(&scope.codings(kind, "HL70260"), &words(kind));
        })
    });
    o.array("telecom", |list| loc.field(6).repetitions().for_each(|phone| scope.xtn(list, phone, "work")));
    let address = loc.field(5);
    o.object("address", |o| {
        let part = |n: usize| address.component(n).text();
        o.array("line", |list| [1, 2].iter().for_each(|&n| list.text(&part(n))));
        o.text("city", &part(3)).text("state", &part(4)).text("postalCode", &part(5)).text("country", &part(6));
    });
    o.object("managingOrganization", |o| {
        o.text("display", &loc.field(4).text());
    });
    out.resources.push(resource.finish());
}
