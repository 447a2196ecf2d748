//! Medications → MedicationStatement (taken), MedicationRequest (meant to be taken, ordered to be supplied),
//! MedicationAdministration (given in the house), MedicationDispense (handed out).
//!
//! Not for: vaccines (`immunizations`).

use super::super::types::Concept;
use super::read::{is_any, is_negated, key, name, related, related_as, status};
use super::rules::{Topic, has, is_planned};
use super::values::{quantity, unit};
use super::work::{Scope, Work};
use crate::formats::cda::Element;
use crate::mapping::fhir::{Object, decimal};

/// Codes that name no drug but the idea of one.
const ANY_DRUG: [&str; 3] = ["410942007", "182904002", "182849000"];
/// Codes that say that none is taken.
const NO_DRUG: [&str; 2] = ["182904002", "182849000"];

impl<'a> Work<'a> {
    pub fn medication(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let product = self.product(entry);
        let says_none = is_any(&product, &NO_DRUG) || name(&product).to_ascii_lowercase().starts_with("no known");
        if says_none || is_negated(entry) && (product.is_empty() || is_any(&product, &ANY_DRUG)) {
            self.none_known += 1;
            return;
        }
        if product.is_empty() {
            self.empty(entry);
            return;
        }
        let when = self.course(entry);
        if is_planned(entry) {
            self.request(entry, entry, &product, scope);
        } else if scope.topic == Topic::Administered && !when.is_empty() && !is_negated(entry) {
            self.administration(entry, &product);
        } else {
            self.taken(entry, &product, scope);
        }
        for (_, supply) in related(entry).filter(|(_, act)| act.is("supply")) {
            let is_order = is_planned(supply) || has(supply, &["22.4.17"]);
            match is_order {
                // An order that belongs to what was ordered is told there.
                true if is_planned(entry) => {}
                true => self.request(supply, entry, &product, scope),
                false => self.dispense(supply, &product),
            }
        }
    }

    /// An order or a dispense that stands by itself.
    pub fn supply_of_drug(&mut self, supply: Element<'a>, scope: Scope<'a>) {
        let product = self.product_of(supply.child("product"));
        if product.is_empty() {
            self.empty(supply);
        } else if is_planned(supply) {
            self.request(supply, supply, &product, scope);
        } else {
            self.dispense(supply, &product);
        }
    }

    /// The drug; without a code or name, the words of the entry.
    fn product(&self, entry: Element<'a>) -> Concept {
        let product = self.product_of(entry.child("consumable"));
        if !product.is_empty() || is_negated(entry) {
            return product;
        }
        Concept { codings: Vec::new(), text: self.short_words(entry.child("text")) }
    }

    /// What a `consumable` or `product` is.
    pub fn product_of(&self, holder: Option<Element<'a>>) -> Concept {
        let product = holder.and_then(|holder| holder.child("manufacturedProduct"));
        let kinds = ["manufacturedMaterial", "manufacturedLabeledDrug"];
        let Some(material) = product.and_then(|p| kinds.iter().find_map(|kind| p.child(kind))) else { return Concept::default() };
        let mut concept = self.concept(material.child("code"));
        if concept.text.is_empty() {
            concept.text = self.words(material.child("name"));
        }
        concept
    }

    fn taken(&mut self, entry: Element<'a>, product: &Concept, scope: Scope<'a>) {
        let mut draft = self.begin("MedicationStatement", entry, product);
        let mut o = draft.resource.object();
        o.text("status", if is_negated(entry) { "not-taken" } else { self.drug_status(entry, "unknown") });
        product.write(&mut o, "medicationCodeableConcept");
        self.subject(&mut o, "subject");
        self.encounter(&mut o, "context", entry);
        let when = self.course(entry);
        match when.point.is_empty() {
            true => when.write_period(&mut o, "effectivePeriod"),
            false => when.write(&mut o, "effective"),
        }
        o.text("dateAsserted", &self.authored(entry, &scope));
        match entry.child("informant") {
            Some(_) => self.informant(&mut o, "informationSource", entry),
            None => self.author(&mut o, "informationSource", entry, &scope),
        }
        o.array("reasonCode", |list| self.reasons(list, entry));
        self.notes(&mut o, entry, &[]);
        o.array("dosage", |list| self.dosage(list, entry, product, None));
        self.keep(draft, name(product));
    }

    fn administration(&mut self, entry: Element<'a>, product: &Concept) {
        let mut draft = self.begin("MedicationAdministration", entry, product);
        let mut o = draft.resource.object();
        o.text(
            "status",
            match status(entry) {
                "completed" => "completed",
                "active" => "in-progress",
                "aborted" | "cancelled" => "stopped",
                "held" | "suspended" => "on-hold",
                _ => "unknown",
            },
        );
        product.write(&mut o, "medicationCodeableConcept");
        self.subject(&mut o, "subject");
        self.encounter(&mut o, "context", entry);
        self.course(entry).write(&mut o, "effective");
        o.array("performer", |list| {
            for entity in self.performers(entry) {
                list.object(|o| {
                    o.object("actor", |o| self.party(o, entity));
                });
            }
        });
        o.array("reasonCode", |list| self.reasons(list, entry));
        self.notes(&mut o, entry, &[]);
        o.object("dosage", |o| {
            self.concept(entry.child("approachSiteCode")).write(o, "site");
            self.concept(entry.child("routeCode")).write(o, "route");
            if let Some(dose) = entry.child("doseQuantity") {
                o.object("dose", |o| quantity(o, "", dose.attr("value"), &unit(dose)));
            }
        });
        self.keep(draft, name(product));
    }

    /// An order: of the entry itself, or to supply what `entry` says is taken.
    fn request(&mut self, order: Element<'a>, entry: Element<'a>, product: &Concept, scope: Scope<'a>) {
        let own = order.child("product").map(|product| self.product_of(Some(product))).filter(|own| !own.is_empty());
        let product = own.as_ref().unwrap_or(product);
        let mut draft = self.begin("MedicationRequest", order, product);
        let mut o = draft.resource.object();
        o.text("status", self.drug_status(order, "unknown"));
        let planned = scope.topic == Topic::Plan && order.attr("moodCode") != "RQO";
        o.text(
            "intent",
            match order.attr("moodCode") {
                "PRP" => "proposal",
                _ if planned => "plan",
                _ => "order",
            },
        );
        o.boolean("doNotPerform", is_negated(order).then_some(true));
        product.write(&mut o, "medicationCodeableConcept");
        self.subject(&mut o, "subject");
        self.encounter(&mut o, "encounter", entry);
        o.text("authoredOn", &self.authored(order, &scope));
        self.author(&mut o, "requester", order, &scope);
        o.array("reasonCode", |list| self.reasons(list, entry));
        self.notes(&mut o, order, &[]);
        let course = self.course(entry);
        o.array("dosageInstruction", |list| self.dosage(list, entry, product, Some(&course)));
        let is_supply = order.is("supply");
        let supply =
            if is_supply { Some(order) } else { related(entry).map(|(_, act)| act).find(|a| a.is("supply") && is_planned(*a)) };
        o.object("dispenseRequest", |o| {
            if let Some(supply) = supply {
                self.supplied(o, supply);
            }
        });
        self.keep(draft, name(product));
    }

    fn supplied(&self, o: &mut Object<'_>, supply: Element<'a>) {
        self.span(supply.child("effectiveTime")).write_period(o, "validityPeriod");
        repeats(o, supply);
        if let Some(amount) = supply.child("quantity") {
            o.object("quantity", |o| quantity(o, "", amount.attr("value"), &unit(amount)));
        }
    }

    fn dispense(&mut self, supply: Element<'a>, product: &Concept) {
        let own = self.product_of(supply.child("product"));
        let product = if own.is_empty() { product } else { &own };
        let when = self.span(supply.child("effectiveTime"));
        let what = format!("{} {}", key(product), when.start());
        let mut draft = self.begin_as("MedicationDispense", supply, what.trim());
        let mut o = draft.resource.object();
        o.text(
            "status",
            match status(supply) {
                "completed" => "completed",
                "active" => "in-progress",
                "aborted" => "stopped",
                "cancelled" => "cancelled",
                "held" | "suspended" => "on-hold",
                _ => "unknown",
            },
        );
        product.write(&mut o, "medicationCodeableConcept");
        self.subject(&mut o, "subject");
        self.encounter(&mut o, "context", supply);
        o.array("performer", |list| {
            for entity in self.performers(supply) {
                list.object(|o| {
                    o.object("actor", |o| self.party(o, entity));
                });
            }
        });
        if let Some(amount) = supply.child("quantity") {
            o.object("quantity", |o| quantity(o, "", amount.attr("value"), &unit(amount)));
        }
        o.text("whenHandedOver", when.start());
        self.notes(&mut o, supply, &[]);
        self.keep(draft, name(product));
    }

    /// Before R2.1 (whose templates have an extension) exporters wrote "completed" on all that is taken, as HL7's samples
    /// did. Without an end that does not say that it is over.
    fn may_go_on(&self, entry: Element<'a>) -> bool {
        let is_newer = entry.children("templateId").any(|template| !template.attr("extension").is_empty());
        let course = self.course(entry);
        entry.is("substanceAdministration") && !is_newer && course.high.is_empty() && course.point.is_empty()
    }

    /// The status of a statement or an order: the observation about it says more than the act.
    fn drug_status(&self, entry: Element<'a>, otherwise: &'static str) -> &'static str {
        let said = related_as(entry, &["1.47"], "33999-4").map(|status| self.concept(status.child("value")));
        let words = said.as_ref().map_or("", |value| name(value)).to_ascii_lowercase();
        let is = |code: &str, word: &str| said.as_ref().is_some_and(|v| is_any(v, &[code])) || words.starts_with(word);
        match status(entry) {
            _ if is("55561003", "active") || words.starts_with("ordered") => "active",
            _ if is("421139008", "on hold") => "on-hold",
            _ if is("392521001", "no longer active") || is("73425007", "inactive") => "completed",
            _ if words.starts_with("discontinued") => "stopped",
            _ if words.starts_with("completed") => "completed",
            "active" | "ordered" => "active",
            "completed" if self.may_go_on(entry) => otherwise,
            "completed" => "completed",
            "aborted" | "cancelled" => "stopped",
            "held" | "suspended" => "on-hold",
            "nullified" => "entered-in-error",
            _ => otherwise,
        }
    }
}

/// How often the supply may be repeated; CDA's number counts the first time too.
fn repeats(o: &mut Object<'_>, supply: Element<'_>) {
    let number = supply.child("repeatNumber").map_or("", |number| number.attr("value"));
    if let Some(number) = decimal(number).and_then(|n| n.parse::<u32>().ok()) {
        o.number("numberOfRepeatsAllowed", &number.saturating_sub(1).to_string());
    }
}
