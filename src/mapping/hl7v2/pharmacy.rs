//! Medicines: RXO and RXE as MedicationRequest, RXD as MedicationDispense, RXA as MedicationAdministration.
//!
//! Where the pharmacy encoded an order (RXE), that is what counts; the request as it came (RXO) fills what is left open.
//!
//! Not for: the patient and the visit (`patient`, `visit`), vaccines (`vaccine`).

use super::blocks::{Block, parts};
use super::group::Group;
use super::order::{self, State};
use super::results;
use super::scope::{Names, Scope, annotation, first_of, lines, note_text};
use super::timing::{Timing, said};
use super::types::words;
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::Mapped;
use crate::mapping::fhir::{Object, decimal};

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let scope = Scope::new(group);
    let mut names = Names::default();
    for block in Block::all(group) {
        if is_for(&block) {
            self::block(&scope, &block, &mut names, out);
        }
    }
    results::map_observations(group, out);
}

/// Whether a block speaks of a medicine.
pub(super) fn is_for(block: &Block<'_>) -> bool {
    block.rest.iter().any(|s| matches!(s.name(), "RXO" | "RXE" | "RXD" | "RXA" | "RXG"))
}

/// What was done decides what is recorded: messages about a dispense or a dose repeat the order, which has its own.
pub(super) fn block(scope: &Scope<'_, '_>, block: &Block<'_>, names: &mut Names, out: &mut Mapped) {
    let done = parts(&block.rest, &["RXD", "RXA"]);
    if done.is_empty() && (block.first("RXO").is_some() || block.first("RXE").is_some()) {
        return request(scope, block, names, out);
    }
    let around = Around {
        block,
        timing: Timing::of(scope, block),
        instructions: Order::of(block).field(7, 7).map(instructions).unwrap_or_default(),
        route: block.first("RXR"),
    };
    for part in done {
        match part.iter().copied().find(|s| matches!(s.name(), "RXD" | "RXA")) {
            Some(rxd) if rxd.is("RXD") => dispense(scope, &around, rxd, part, names, out),
            Some(rxa) => administration(scope, &around, rxa, part, names, out),
            None => {}
        }
    }
}

/// What a dispense or a dose takes from the order above it.
struct Around<'b, 'm> {
    block: &'b Block<'m>,
    timing: Timing,
    instructions: String,
    route: Option<Segment<'m>>,
}

impl<'m> Around<'_, 'm> {
    /// The route below what was done, else that of the order.
    fn route(&self, part: &[Segment<'m>]) -> Option<Segment<'m>> {
        part.iter().copied().rfind(|s| s.is("RXR")).or(self.route)
    }
}

/// RXO and RXE hold the same things in other places: a field of RXE, else of RXO.
#[derive(Clone, Copy)]
struct Order<'m> {
    rxe: Option<Segment<'m>>,
    rxo: Option<Segment<'m>>,
}

impl<'m> Order<'m> {
    fn of(block: &Block<'m>) -> Order<'m> {
        Order { rxe: block.first("RXE"), rxo: block.first("RXO") }
    }

    /// Nothing is said by a field number of 0.
    fn field(&self, of_rxe: usize, of_rxo: usize) -> Option<Value<'m>> {
        let encoded = self.rxe.filter(|_| of_rxe > 0).map(|s| s.field(of_rxe));
        let requested = self.rxo.filter(|_| of_rxo > 0).map(|s| s.field(of_rxo));
        first_of([encoded, requested].into_iter().flatten())
    }

    fn text(&self, of_rxe: usize, of_rxo: usize) -> String {
        self.field(of_rxe, of_rxo).map(|v| v.text().into_owned()).unwrap_or_default()
    }

    fn words(&self, of_rxe: usize, of_rxo: usize) -> String {
        self.field(of_rxe, of_rxo).map(words).unwrap_or_default()
    }
}

fn request(scope: &Scope<'_, '_>, block: &Block<'_>, names: &mut Names, out: &mut Mapped) {
    let order = Order::of(block);
    let timing = Timing::of(scope, block);
    let id = names.unique("MedicationRequest", name(scope, block, order));
    let mut resource = scope.begin("MedicationRequest", &id, &order::confidential(block));
    let mut o = resource.object();
    order::identifiers(scope, &mut o, block);
    o.text(
        "status",
        match State::of(block.orc) {
            State::Active => "active",
            State::OnHold => "on-hold",
            State::Cancelled => "cancelled",
            State::Stopped => "stopped",
            State::Completed => "completed",
            State::Unknown => "unknown",
        },
    );
    o.text("intent", "order").text("priority", timing.priority);
    medication(scope, &mut o, order.field(2, 1));
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "encounter");
    let authored = order.rxe.map(|rxe| scope.time_text(rxe.field(32))).filter(|t| !t.is_empty());
    o.text("authoredOn", &authored.unwrap_or_else(|| order::authored(scope, block)));
    requester(scope, &mut o, block, order);
    let indication: Vec<Value<'_>> = order.field(27, 20).into_iter().collect();
    order::reasons(scope, &mut o, block, &indication);
    o.array("note", |list| {
        let pharmacy = [order.field(21, 0), order.field(0, 6)].into_iter().flatten().map(instructions);
        pharmacy.for_each(|text| annotation(list, &text));
        annotation(list, &components(block));
        annotation(list, &all_notes(&block.rest));
    });
    dosage(scope, &mut o, block, order, &timing);
    o.object("dispenseRequest", |o| {
        if let Some(quantity) = decimal(&order.text(10, 11)) {
            o.object("quantity", |q| {
                q.number("value", &quantity);
                q.text("unit", &order.words(11, 12));
            });
        }
        if let Some(refills) = decimal(&order.text(12, 13)).filter(|n| !n.contains(['.', '-'])) {
            o.number("numberOfRepeatsAllowed", &refills);
        }
    });
    o.object("substitution", |o| {
        // Table 0161: G generic, T therapeutic, N not.
        match order.text(9, 9).as_str() {
            "G" | "T" | "Y" => o.boolean("allowedBoolean", Some(true)),
            "N" | "0" => o.boolean("allowedBoolean", Some(false)),
            _ => o,
        };
    });
    out.resources.push(resource.finish());
}

/// The order's number, else that of the prescription.
fn name(scope: &Scope<'_, '_>, block: &Block<'_>, order: Order<'_>) -> String {
    let id = order::name(scope, block);
    if !id.is_empty() {
        return id;
    }
    scope.name(&["prescription", &order.text(15, 0)])
}

fn medication(scope: &Scope<'_, '_>, o: &mut Object<'_>, code: Option<Value<'_>>) {
    match code {
        Some(code) => scope.required_concept(o, "medicationCodeableConcept", code, ""),
        None => {
            o.concept("medicationCodeableConcept", &[], "unknown");
        }
    }
}

fn requester(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>, order: Order<'_>) {
    let stated = [block.orc.map(|s| s.field(12)), order.field(13, 14)];
    if let Some(person) = first_of(stated.into_iter().flatten()) {
        scope.xcn(o, "requester", person);
    }
}

/// Coded or free instructions, one a repetition.
fn instructions(field: Value<'_>) -> String {
    let all: Vec<String> = field.repetitions().map(words).filter(|w| !w.is_empty()).collect();
    all.join("\n")
}

/// What a mixture is made of.
fn components(block: &Block<'_>) -> String {
    let lines: Vec<String> = block
        .all_of("RXC")
        .map(|rxc| {
            let kind = if rxc.field(1).text() == "B" { "Base" } else { "Additive" };
            let parts = [words(rxc.field(2)), rxc.field(3).text().into_owned(), words(rxc.field(4))];
            format!("{kind}: {}", parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" "))
        })
        .collect();
    let mut once: Vec<String> = Vec::new();
    for line in lines.into_iter().take(100) {
        if !once.contains(&line) {
            once.push(line);
        }
    }
    once.join("\n")
}

/// All notes of an order: below a medicine they mean the medicine.
fn all_notes(segments: &[Segment<'_>]) -> String {
    let notes: Vec<Segment<'_>> = segments.iter().copied().take_while(|s| !s.is("OBX")).filter(|s| s.is("NTE")).collect();
    note_text(&notes)
}

/// Dose, route and frequency, coded as far as they go; the text is what the prescriber wrote, else put together.
fn dosage(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>, order: Order<'_>, timing: &Timing) {
    let dose = [order.text(3, 2), order.text(4, 3)];
    let unit = order.words(5, 4);
    let route = block.all_of("RXR").last();
    let written = order.field(7, 7).map(instructions).unwrap_or_default();
    let text = if written.is_empty() { sig(&dose, &unit, route, timing) } else { written };
    o.array("dosageInstruction", |list| {
        list.object(|o| {
            o.text("text", &text).text("patientInstruction", &timing.instruction);
            timing.write(o);
            o.boolean("asNeededBoolean", timing.as_needed.then_some(true));
            if let Some(rxr) = route {
                scope.concept(o, "site", rxr.field(2), "HL70163");
                scope.concept(o, "route", rxr.field(1), "HL70162");
                scope.concept(o, "method", rxr.field(4), "HL70165");
            }
            o.array("doseAndRate", |list| {
                list.object(|o| {
                    dose_of(o, &dose, &unit);
                    if let Some(rate) = decimal(&order.text(23, 21)) {
                        o.object("rateQuantity", |q| {
                            q.number("value", &rate);
                            q.text("unit", &order.words(24, 22));
                        });
                    }
                });
            });
        });
    });
}

/// A least and a greatest amount are a range.
fn dose_of(o: &mut Object<'_>, dose: &[String; 2], unit: &str) {
    let quantity = |o: &mut Object<'_>, key: &str, number: &str| {
        o.object(key, |q| {
            q.number("value", number);
            q.text("unit", unit);
        });
    };
    match [decimal(&dose[0]), decimal(&dose[1])] {
        [Some(low), Some(high)] if low != high => {
            o.object("doseRange", |o| {
                quantity(o, "low", &low);
                quantity(o, "high", &high);
            });
        }
        [Some(one), _] | [None, Some(one)] => quantity(o, "doseQuantity", &one),
        [None, None] => {}
    }
}

/// `2 tablet, Oral, BID, 5 days`.
fn sig(dose: &[String; 2], unit: &str, route: Option<Segment<'_>>, timing: &Timing) -> String {
    let amount = match [dose[0].as_str(), dose[1].as_str()] {
        ["", ""] => timing.quantity.clone(),
        [low, high] if low.is_empty() || high.is_empty() || low == high => {
            format!("{}{} {unit}", low, if low.is_empty() { high } else { "" })
        }
        [low, high] => format!("{low}-{high} {unit}"),
    };
    let route = route.and_then(|rxr| said(rxr.field(1))).unwrap_or_default();
    let parts = [amount.trim().to_string(), route, timing.frequency.clone(), timing.duration.clone()];
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
}

fn dispense<'m>(
    scope: &Scope<'_, 'm>,
    around: &Around<'_, 'm>,
    rxd: Segment<'m>,
    part: &[Segment<'m>],
    names: &mut Names,
    out: &mut Mapped,
) {
    let (block, timing) = (around.block, &around.timing);
    let id = done_id(scope, block, rxd.field(7), &["dispense", &rxd.field(1).text(), &rxd.field(3).text()]);
    let id = names.unique("MedicationDispense", id);
    let mut resource = scope.begin("MedicationDispense", &id, &order::confidential(block));
    let mut o = resource.object();
    order::identifiers(scope, &mut o, block);
    o.text(
        "status",
        match State::of(block.orc) {
            State::Cancelled => "cancelled",
            State::Stopped => "stopped",
            State::OnHold => "on-hold",
            _ => "completed",
        },
    );
    medication(scope, &mut o, Some(rxd.field(2)));
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "context");
    o.array("performer", |list| {
        for person in rxd.field(10).repetitions() {
            list.object(|o| scope.xcn(o, "actor", person));
        }
    });
    prescription(scope, &mut o, block, rxd.field(7));
    if let Some(amount) = decimal(&rxd.field(4).text()) {
        o.object("quantity", |q| {
            q.number("value", &amount);
            q.text("unit", &words(rxd.field(5)));
        });
    }
    o.text("whenHandedOver", &scope.time_text(rxd.field(3)));
    o.array("note", |list| {
        annotation(list, &lines(rxd.field(9)));
        annotation(list, &all_notes(part));
    });
    let special = instructions(rxd.field(15));
    let route = around.route(part);
    let text = [around.instructions.as_str(), &special].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n");
    let text = if text.is_empty() { sig(&[String::new(), String::new()], "", route, timing) } else { text };
    o.array("dosageInstruction", |list| {
        list.object(|o| {
            o.text("text", &text);
            timing.write(o);
            if let Some(rxr) = route {
                scope.concept(o, "route", rxr.field(1), "HL70162");
            }
        });
    });
    out.resources.push(resource.finish());
}

/// The order that a dispense or a dose belongs to, by number: its own message may not have been delivered.
fn prescription(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>, number: Value<'_>) {
    let (placer, filler) = order::numbers(block);
    let stated = [(placer, "PLAC"), (filler, "FILL"), (Some(number), "")];
    let Some((number, kind)) = stated.into_iter().find_map(|(n, kind)| Some((n.filter(|n| !n.text().is_empty())?, kind))) else {
        return;
    };
    o.array("authorizingPrescription", |list| {
        list.object(|o| {
            o.text("type", "MedicationRequest").object("identifier", |o| scope.ei_members(o, number, kind));
        });
    });
}

/// The name of something that was done on an order: its number, and which time it was.
fn done_id(scope: &Scope<'_, '_>, block: &Block<'_>, number: Value<'_>, rest: &[&str]) -> String {
    let (placer, filler) = order::numbers(block);
    let stated = [("placer", placer), ("filler", filler), ("prescription", Some(number))];
    let found = stated.into_iter().map(|(kind, n)| n.map_or_else(String::new, |n| scope.name_of_order(kind, n, rest)));
    found.into_iter().find(|id| !id.is_empty()).unwrap_or_default()
}

fn administration<'m>(
    scope: &Scope<'_, 'm>,
    around: &Around<'_, 'm>,
    rxa: Segment<'m>,
    part: &[Segment<'m>],
    names: &mut Names,
    out: &mut Mapped,
) {
    let block = around.block;
    let time = rxa.field(3).text();
    let id = done_id(scope, block, rxa.field(usize::MAX), &["dose", &rxa.field(2).text(), &time]);
    let id = names.unique("MedicationAdministration", id);
    let mut resource = scope.begin("MedicationAdministration", &id, &order::confidential(block));
    let mut o = resource.object();
    order::identifiers(scope, &mut o, block);
    o.text(
        "status",
        match (rxa.field(21).text().as_ref(), rxa.field(20).text().as_ref()) {
            ("D", _) => "entered-in-error",
            (_, "RE" | "NA") => "not-done",
            _ => "completed",
        },
    );
    o.array("statusReason", |list| rxa.field(18).repetitions().for_each(|r| scope.concept_in(list, r, "")));
    medication(scope, &mut o, Some(rxa.field(5)));
    scope.subject(&mut o, "subject");
    scope.encounter(&mut o, "context");
    let (start, end) = (scope.time_text(rxa.field(3)), scope.time_text(rxa.field(4)));
    if end.is_empty() || end == start {
        o.text("effectiveDateTime", &start);
    } else {
        o.period("effectivePeriod", &start, &end);
    }
    o.array("performer", |list| {
        for person in rxa.field(10).repetitions() {
            list.object(|o| scope.xcn(o, "actor", person));
        }
    });
    o.array("reasonCode", |list| rxa.field(19).repetitions().for_each(|r| scope.concept_in(list, r, "")));
    o.array("note", |list| {
        annotation(list, &instructions(rxa.field(9)));
        annotation(list, &all_notes(part));
    });
    o.object("dosage", |o| {
        let (amount, unit) = (rxa.field(6).text(), words(rxa.field(7)));
        let route = around.route(part);
        let said = [format!("{amount} {unit}").trim().to_string(), route.map(|r| words(r.field(1))).unwrap_or_default()];
        o.text("text", &said.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", "));
        if let Some(rxr) = route {
            scope.concept(o, "site", rxr.field(2), "HL70163");
            scope.concept(o, "route", rxr.field(1), "HL70162");
        }
        if let Some(amount) = decimal(&amount).filter(|a| a != "999") {
            o.object("dose", |q| {
                q.number("value", &amount);
                q.text("unit", &unit);
            });
        }
    });
    out.resources.push(resource.finish());
}
