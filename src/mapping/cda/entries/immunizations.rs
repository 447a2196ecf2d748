//! Vaccinations, given or not → Immunization.
//!
//! Not for: planned ones, which are requests (`medications`).

use super::read::{is_any, is_negated, name, related, related_as, status};
use super::rules::has;
use super::values::{quantity, unit};
use super::work::{Scope, Work};
use crate::formats::cda::Element;
use crate::mapping::fhir::{Object, decimal};

/// Codes that name no vaccine but the idea of one.
const ANY_VACCINE: [&str; 4] = ["71181003", "787859002", "998", "999"];

impl<'a> Work<'a> {
    pub fn immunization(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let mut vaccine = self.product_of(entry.child("consumable"));
        if vaccine.is_empty() {
            vaccine.text = self.short_words(entry.child("text"));
        }
        let says_none = name(&vaccine).to_ascii_lowercase().starts_with("no known");
        if says_none || is_negated(entry) && (vaccine.is_empty() || is_any(&vaccine, &ANY_VACCINE)) {
            self.none_known += 1;
            return;
        }
        if vaccine.is_empty() {
            self.empty(entry);
            return;
        }
        let when = self.course(entry);
        // A shot of the same vaccine years later is another one, also for exporters that count ids anew.
        let what = format!("{} {}", super::read::key(&vaccine), when.start());
        let mut draft = self.begin_as("Immunization", entry, what.trim());
        let mut o = draft.resource.object();
        let not_done = is_negated(entry) || matches!(status(entry), "aborted" | "cancelled");
        o.text(
            "status",
            match status(entry) {
                "nullified" => "entered-in-error",
                _ if not_done => "not-done",
                _ => "completed",
            },
        );
        if not_done && let Some(reason) = related_as(entry, &["22.4.53"], "") {
            self.refusal(reason).write(&mut o, "statusReason");
        }
        vaccine.write(&mut o, "vaccineCode");
        self.subject(&mut o, "patient");
        self.encounter(&mut o, "encounter", entry);
        match when.start().is_empty() {
            false => o.text("occurrenceDateTime", when.start()),
            true => o.text("occurrenceString", "Date not recorded"),
        };
        o.text("recorded", &self.authored(entry, &scope));
        self.product_details(&mut o, entry);
        self.concept(entry.child("approachSiteCode")).write(&mut o, "site");
        self.concept(entry.child("routeCode")).write(&mut o, "route");
        if let Some(dose) = entry.child("doseQuantity") {
            o.object("doseQuantity", |o| quantity(o, "", dose.attr("value"), &unit(dose)));
        }
        o.array("performer", |list| {
            for entity in self.performers(entry) {
                list.object(|o| {
                    o.object("actor", |o| self.party(o, entity));
                });
            }
        });
        self.notes(&mut o, entry, &self.vaccine_reactions(entry));
        if !not_done {
            o.array("reasonCode", |list| self.reasons(list, entry));
        }
        if let Some(number) = dose_number(entry) {
            o.array("protocolApplied", |list| {
                list.object(|o| {
                    o.number("doseNumberPositiveInt", &number);
                })
            });
        }
        self.keep(draft, name(&vaccine));
    }

    fn refusal(&self, reason: Element<'a>) -> super::super::types::Concept {
        let code = self.concept(reason.child("code"));
        let value = self.concept(reason.child("value"));
        if super::read::is_assertion(&code) && !value.is_empty() { value } else { code }
    }

    fn product_details(&self, o: &mut Object<'_>, entry: Element<'a>) {
        let Some(product) = entry.path(&["consumable", "manufacturedProduct"]) else { return };
        let maker = product.path(&["manufacturerOrganization", "name"]).map(|n| super::super::types::name_line(&n));
        o.reference("manufacturer", "", "", &maker.unwrap_or_default());
        let Some(material) = product.child("manufacturedMaterial") else { return };
        o.text("lotNumber", &self.words(material.child("lotNumberText")));
        let expires = material.child("sdtc:expirationTime").or_else(|| material.child("expirationTime"));
        o.text("expirationDate", self.span(expires).start().get(..10).unwrap_or_default());
    }

    fn vaccine_reactions(&self, entry: Element<'a>) -> Vec<String> {
        let reactions = related(entry).filter(|(_, act)| has(*act, &["22.4.9", "1.54"]) && !is_negated(*act));
        let words = reactions.filter_map(|(_, act)| Some(self.value_words(act.child("value")?)));
        words.filter(|words| !words.is_empty()).map(|words| format!("Reaction: {words}")).collect()
    }
}

/// Which dose of its series it was.
fn dose_number(entry: Element<'_>) -> Option<String> {
    let series = related_as(entry, &["1.46"], "30973-2").and_then(|number| number.child("value"));
    let number = series.or_else(|| entry.child("repeatNumber"))?.attr("value");
    decimal(number).filter(|n| n.parse::<u32>().is_ok_and(|n| n > 0))
}
