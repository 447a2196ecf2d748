//! Charges: FT1 of DFT as ChargeItem, for reading only.
//!
//! Payments and adjustments are accounting, not care, and stay in the message. Not for: the patient, the visit, and what
//! stands in DG1 and PR1 (`patient`, `visit`).

use super::group::Group;
use super::results;
use super::scope::{Names, Scope, annotation, first_of};
use super::types::words;
use crate::formats::hl7v2::Segment;
use crate::mapping::Mapped;
use crate::mapping::fhir::{Object, decimal};

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let scope = Scope::new(group);
    let mut names = Names::default();
    for ft1 in group.all_of("FT1") {
        // Table 0017: charge, credit, co-payment, payment, adjustment.
        match ft1.field(6).text().to_ascii_uppercase().as_str() {
            "PY" | "AJ" | "CO" => scope.note(out, "payment", ft1, "is a payment or adjustment; no record is made of it"),
            _ => charge(&scope, ft1, &mut names, out),
        }
    }
    results::map_observations(group, out);
}

fn charge(scope: &Scope<'_, '_>, ft1: Segment<'_>, names: &mut Names, out: &mut Mapped) {
    let id = match ft1.field(2).text() {
        number if number.is_empty() => scope.name(&["charge", &ft1.field(3).text(), &ft1.field(4).text(), &code_of(ft1)]),
        number => scope.name(&["charge", &number]),
    };
    let id = names.unique("ChargeItem", id);
    let mut resource = scope.begin("ChargeItem", &id, &[]);
    let mut o = resource.object();
    o.array("identifier", |list| scope.ei(list, ft1.field(2), ""));
    o.text("status", "billed");
    code(scope, &mut o, ft1);
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "context");
    let (start, end) = (scope.time_text(ft1.field(4)), scope.time_text(ft1.field(4).component(2)));
    if end.is_empty() {
        o.text("occurrenceDateTime", &start);
    } else {
        o.period("occurrencePeriod", &start, &end);
    }
    o.array("performer", |list| {
        for person in ft1.field(20).repetitions().filter(|p| !p.is_empty()) {
            list.object(|o| scope.xcn(o, "actor", person));
        }
    });
    o.object("costCenter", |o| {
        o.text("display", &words(ft1.field(13)));
    });
    if let Some(quantity) = decimal(&ft1.field(10).text()) {
        o.object("quantity", |q| {
            q.number("value", &quantity);
        });
    }
    price(&mut o, ft1);
    o.text("enteredDate", &scope.time_text(ft1.field(5)));
    o.array("reason", |list| ft1.field(19).repetitions().for_each(|d| scope.concept_in(list, d, "")));
    o.array("note", |list| {
        let kind = ft1.field(6);
        if !matches!(kind.text().to_ascii_uppercase().as_str(), "" | "CG") {
            annotation(list, &format!("Type of transaction: {}", words(kind)));
        }
        let modifiers: Vec<String> = ft1.field(26).repetitions().map(words).filter(|w| !w.is_empty()).collect();
        if !modifiers.is_empty() {
            annotation(list, &format!("Modifiers: {}", modifiers.join(", ")));
        }
    });
    out.resources.push(resource.finish());
}

/// The procedure (FT1-25) and the house's own code (FT1-7), with the description that came.
fn code(scope: &Scope<'_, '_>, o: &mut Object<'_>, ft1: Segment<'_>) {
    let mut codings = scope.codings(ft1.field(25), "");
    for coding in scope.codings(ft1.field(7), "v2-0132") {
        if !codings.iter().any(|c| c.system == coding.system && c.code == coding.code) {
            codings.push(coding);
        }
    }
    let said = [words(ft1.field(25)), words(ft1.field(7)), ft1.field(8).text().into_owned()];
    let mut said = said.into_iter().filter(|w| !w.is_empty());
    let said = said.clone().find(|w| !codings.iter().any(|c| c.code == *w)).or_else(|| said.next());
    o.concept("code", &codings, &said.unwrap_or_else(|| "unknown".into()));
}

fn code_of(ft1: Segment<'_>) -> String {
    first_of([ft1.field(7), ft1.field(25)]).map(|code| code.text().into_owned()).unwrap_or_default()
}

/// The price of one (FT1-12), else of all (FT1-11). CP: amount and currency as subcomponents, or as components.
fn price(o: &mut Object<'_>, ft1: Segment<'_>) {
    let Some(amount) = first_of([ft1.field(12), ft1.field(11)]) else { return };
    let currency = [amount.sub(2).text(), amount.component(2).text()].into_iter().find(|c| c.len() == 3);
    if let Some(value) = decimal(&amount.sub(1).text()) {
        o.object("priceOverride", |m| {
            m.number("value", &value);
            m.text("currency", &currency.unwrap_or_default());
        });
    }
}
