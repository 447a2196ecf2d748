//! Procedures → Procedure; devices used and supplies → Device.
//!
//! Not for: planned ones (`plans`).

use super::super::types::{self, Concept};
use super::read::{is_any, is_negated, name, related, status};
use super::rules::{Topic, has};
use super::work::{Ref, Scope, Work};
use crate::formats::cda::Element;
use crate::mapping::fhir::{Array, Object};

/// The root of unique device identifiers.
const UDI: &str = "2.16.840.1.113883.3.3719";

/// Codes that name no procedure but the idea of one.
const ANY_PROCEDURE: [&str; 1] = ["71388002"];

impl<'a> Work<'a> {
    pub fn procedure(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let code = self.code_or_text(entry);
        if is_negated(entry) && (code.is_empty() || is_any(&code, &ANY_PROCEDURE)) {
            self.none_known += 1;
            return;
        }
        // A device of what was not done is not there.
        let devices: Vec<Ref> = if is_negated(entry) { Vec::new() } else { self.devices_of(entry) };
        if code.is_empty() {
            if devices.is_empty() {
                self.empty(entry);
            }
            return;
        }
        let mut draft = self.begin("Procedure", entry, &code);
        let mut o = draft.resource.object();
        o.text(
            "status",
            match status(entry) {
                _ if is_negated(entry) => "not-done",
                "completed" => "completed",
                "active" => "in-progress",
                "aborted" => "stopped",
                "cancelled" => "not-done",
                "held" | "suspended" => "on-hold",
                "nullified" => "entered-in-error",
                _ => "unknown",
            },
        );
        code.write(&mut o, "code");
        self.subject(&mut o, "subject");
        self.encounter(&mut o, "encounter", entry);
        self.span(entry.child("effectiveTime")).write(&mut o, "performed");
        self.author(&mut o, "recorder", entry, &scope);
        o.array("performer", |list| {
            for entity in self.performers(entry) {
                list.object(|o| {
                    o.object("actor", |o| self.party(o, entity));
                });
            }
        });
        o.reference("location", "", "", &self.places(entry).into_iter().next().unwrap_or_default());
        o.array("reasonCode", |list| self.reasons(list, entry));
        o.array("bodySite", |list| self.sites(list, entry));
        if let Some(value) = entry.child("value") {
            o.concept("outcome", &self.concept(Some(value)).codings, &self.value_words(value));
        }
        self.notes(&mut o, entry, &[]);
        o.array("focalDevice", |list| {
            for device in &devices {
                list.object(|o| {
                    o.reference("manipulated", device.kind, &device.id, &device.display);
                });
            }
        });
        self.keep(draft, name(&code));
        let scope = Scope { topic: Topic::Administered, ..scope.within(entry) };
        for (_, act) in related(entry).filter(|(_, act)| act.is("substanceAdministration")) {
            self.statement(act, scope);
        }
    }

    pub fn sites(&self, list: &mut Array<'_>, entry: Element<'a>) {
        for site in entry.children("targetSiteCode").chain(entry.children("approachSiteCode")) {
            let site = self.concept(Some(site));
            list.concept(&site.codings, &site.text);
        }
    }

    /// The names of the places where an entry happened.
    pub fn places(&self, entry: Element<'a>) -> Vec<String> {
        let of_type = |p: &Element<'a>| {
            p.attr("typeCode") == "LOC" || p.child("participantRole").is_some_and(|r| r.attr("classCode") == "SDLOC")
        };
        let roles = entry.children("participant").filter(of_type).filter_map(|p| p.child("participantRole"));
        let named = roles.map(|role| {
            let name = role.path(&["playingEntity", "name"]).map(|n| types::name_line(&n)).unwrap_or_default();
            if name.is_empty() { super::read::name(&self.concept(role.child("code"))).to_owned() } else { name }
        });
        named.filter(|name| !name.is_empty()).collect()
    }

    /// Devices that take part in an entry, each a record.
    fn devices_of(&mut self, entry: Element<'a>) -> Vec<Ref> {
        let is_device = |role: &Element<'a>| role.child("playingDevice").is_some() || has(*role, &["22.4.37"]);
        let roles: Vec<_> = entry.children("participant").filter_map(|p| p.child("participantRole")).filter(is_device).collect();
        roles.into_iter().filter_map(|role| self.device(role, entry)).collect()
    }

    fn device(&mut self, role: Element<'a>, entry: Element<'a>) -> Option<Ref> {
        let playing = role.child("playingDevice").or_else(|| role.child("playingEntity"));
        let kind = self.concept(playing.and_then(|device| device.child("code")));
        let model = self.words(playing.and_then(|d| d.child("manufacturerModelName").or_else(|| d.child("name"))));
        let udi = types::ids(&role).into_iter().find(|ii| ii.attr("root") == UDI).map_or("", |ii| ii.attr("extension"));
        if kind.is_empty() && model.is_empty() && udi.is_empty() {
            return None;
        }
        let makers = ["desc", "name"];
        let maker = role.child("scopingEntity").and_then(|e| makers.iter().find_map(|part| e.child(part)));
        let maker = maker.map(|part| types::spaced(&part.text())).unwrap_or_default();
        let words = if name(&kind).is_empty() { model.as_str() } else { name(&kind) };
        // The device has ids of its own; one without bears no name, for that of the procedure is taken.
        let mut draft = self.begin_as("Device", role, super::read::key(&kind));
        let mut o = draft.resource.object();
        write_udi(&mut o, udi);
        o.text(
            "status",
            if entry.is("supply") && status(entry) == "completed" || status(entry) == "active" { "active" } else { "" },
        );
        o.text("manufacturer", &maker);
        write_production(&mut o, udi);
        o.array("deviceName", |list| {
            if !model.is_empty() {
                list.object(|o| {
                    o.text("name", &model).text("type", "model-name");
                });
            }
        });
        kind.write(&mut o, "type");
        self.subject(&mut o, "patient");
        Some(self.keep(draft, words))
    }

    /// Equipment that a patient was given: what it is, and the devices that are named with it.
    pub fn supply(&mut self, entry: Element<'a>) {
        if is_negated(entry) {
            self.none_known += 1;
            return;
        }
        if !self.devices_of(entry).is_empty() {
            return;
        }
        let mut kind = self.product_of(entry.child("product"));
        if kind.is_empty() {
            kind = self.code_or_text(entry);
        }
        if kind.is_empty() {
            self.empty(entry);
            return;
        }
        self.supplied_device(entry, &kind);
    }

    fn supplied_device(&mut self, entry: Element<'a>, kind: &Concept) {
        let mut draft = self.begin("Device", entry, kind);
        let mut o = draft.resource.object();
        kind.write(&mut o, "type");
        self.subject(&mut o, "patient");
        let amount = entry.child("quantity").map(|quantity| self.value_words(quantity)).unwrap_or_default();
        let given = self.span(entry.child("effectiveTime"));
        let mut notes = Vec::new();
        if !amount.is_empty() {
            notes.push(format!("Quantity: {amount}"));
        }
        if !given.start().is_empty() {
            notes.push(format!("Supplied: {}", given.start()));
        }
        self.notes(&mut o, entry, &notes);
        self.keep(draft, name(kind));
    }
}

/// The parts of a UDI as people read it: `(01)…(17)…(10)…`.
fn udi_part<'u>(udi: &'u str, mark: &str) -> &'u str {
    let Some((_, rest)) = udi.split_once(mark) else { return "" };
    rest.split('(').next().unwrap_or(rest).trim()
}

fn write_udi(o: &mut Object<'_>, udi: &str) {
    o.array("udiCarrier", |list| {
        list.object(|o| {
            o.text("deviceIdentifier", udi_part(udi, "(01)")).text("carrierHRF", udi);
        });
    });
}

/// What a UDI says of making: dates (two digits of a year of this century), lot, serial number.
fn write_production(o: &mut Object<'_>, udi: &str) {
    let date = |mark: &str| {
        let part = udi_part(udi, mark);
        let digits = part.len() == 6 && part.bytes().all(|b| b.is_ascii_digit());
        let day =
            digits.then(|| format!("20{part}")).map(|text| crate::mapping::time::read(&text, &jiff::tz::TimeZone::UTC).text);
        day.unwrap_or_default()
    };
    o.text("manufactureDate", &date("(11)")).text("expirationDate", &date("(17)"));
    o.text("lotNumber", udi_part(udi, "(10)")).text("serialNumber", udi_part(udi, "(21)"));
}
