//! Medications: statements, prescriptions, administrations and dispenses, each a row of its own.
//!
//! What is taken or was given is an event; what is ordered is an intent. A dispense hangs on its prescription where it names it.
//!
//! Not for: vaccines (`immunizations`).

use std::collections::HashMap;

use super::dosage;
use super::routing::Place;
use super::rows::{
    Frame, Sheet, comment, concepts_words, date_words, entry, indications, joined, name_words, notes, part_id, quantity_words,
    reasons_once, section, status_words, target, when_words, who, word,
};
use super::tables::{About, amount, negative, route};
use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Bound, Class, Code, Entry, Null, Product, Related, Section, Template, Time, Ts};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC, RXNORM_URI, SNOMED, fixed};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

const FRAME: Frame = Frame {
    templates: [
        Template::both("2.16.840.1.113883.10.20.22.2.1.1", "2014-06-09"),
        Template::both("2.16.840.1.113883.10.20.22.2.1", "2014-06-09"),
    ],
    code: "10160-0",
    display: "History of Medication use Narrative",
    title: "Medications",
};
const ACTIVITY: Template = Template::both("2.16.840.1.113883.10.20.22.4.16", "2014-06-09");
const PRODUCT: Template = Template::both("2.16.840.1.113883.10.20.22.4.23", "2014-06-09");
const ORDER: Template = Template::both("2.16.840.1.113883.10.20.22.4.17", "2014-06-09");
const SIG: Template = Template::root("2.16.840.1.113883.10.20.22.4.147");
const DISPENSE: Template = Template::both("2.16.840.1.113883.10.20.22.4.18", "2014-06-09");

const COLUMNS: [&str; 12] =
    ["Date", "Medication", "Kind", "Instructions", "Dose", "Route", "Status", "Reason", "Supply", "Codes", "Source", "Comment"];

pub fn medications(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new("medication", &COLUMNS);
    let mut entries: Vec<Entry> = Vec::new();
    let mut orders: HashMap<String, usize> = HashMap::new();
    let mut dispenses: Vec<(Item<'_>, Told)> = Vec::new();
    for item in cx.placed(Place::Medications) {
        let told = tell(cx, &mut sheet, &item);
        if item.kind == "MedicationDispense" {
            dispenses.push((item, told));
        } else if let Some(activity) = activity(cx, &item, &told) {
            orders.insert(format!("{}/{}", item.kind, item.id), entries.len());
            entries.push(activity);
        }
    }
    for (item, told) in &dispenses {
        let Some(supply) = dispense(cx, item, told) else { continue };
        let order =
            item.root().at("authorizingPrescription").items().find_map(|r| orders.get(&r.at("reference").text()?).copied());
        let supply = Related { type_code: "REFR", is_inverted: false, entry: supply };
        match order.and_then(|at| entries.get_mut(at)) {
            Some(order) => order.related.push(supply),
            None => entries.push(around(cx, item, told, supply)),
        }
    }
    section(cx, &FRAME, vec![sheet], entries)
}

/// Where the words of a medication stand.
struct Told {
    row: Anchor,
    drug: Option<Anchor>,
    sig: Option<Anchor>,
    dose: Option<Anchor>,
    route: Option<Anchor>,
    reason: Option<Anchor>,
    note: Option<Anchor>,
}

fn tell(cx: &Context<'_>, sheet: &mut Sheet, item: &Item<'_>) -> Told {
    let root = item.root();
    let instructions = instructions(item);
    let row = sheet.row();
    sheet.say(dates(item));
    let drug = sheet.cite("drug", &drug_words(cx, item));
    sheet.say(kind_words(item));
    let sig = sheet
        .cite("sig", &joined(&[dosage::words(instructions), root.at("patientInstruction").text().unwrap_or_default()], "; "));
    let doses: Vec<String> = instructions.items().map(dosage::dose_words).collect();
    let dose = sheet.cite("dose", &joined(&doses, "; "));
    let routes: Vec<String> = instructions.items().filter_map(|d| concept(d.at("route"))).collect();
    let route = sheet.cite("route", &routes.join("; "));
    sheet.say(statuses(root));
    let reason = sheet.cite("reason", &reasons(cx, item));
    sheet.say(supplied(root));
    let mut concepts: Vec<Node<'_>> = drugs(cx, item);
    concepts.extend(instructions.items().map(|d| d.at("route")));
    let note = sheet.tail(item, &concepts, &notes(root));
    Told { row, drug, sig, dose, route, reason, note }
}

/// Dosages of a record, whatever their element is called.
fn instructions<'a>(item: &Item<'a>) -> Node<'a> {
    let root = item.root();
    let of = root.at("dosageInstruction");
    if of.exists() { of } else { root.at("dosage") }
}

fn dates(item: &Item<'_>) -> String {
    let root = item.root();
    let dated = |label: &str, name: &str| root.at(name).text().map(|t| format!("{label}{}", date_words(&t))).unwrap_or_default();
    let parts = [
        when_words(root, "effective"),
        dated("written ", "authoredOn"),
        dated("handed over ", "whenHandedOver"),
        dated("prepared ", "whenPrepared"),
        dated("asserted ", "dateAsserted"),
    ];
    joined(&parts, ", ")
}

fn kind_words(item: &Item<'_>) -> String {
    let root = item.root();
    let kind = match item.kind {
        "MedicationRequest" => "prescription",
        "MedicationAdministration" => "given",
        "MedicationDispense" => "dispensed",
        _ => "medication taken",
    };
    let intent = root.at("intent").text().filter(|intent| intent != "order").map(|intent| status_words(&intent));
    let reported = (root.at("reportedBoolean").text().as_deref() == Some("true")).then(|| "reported".to_owned());
    let not = (root.at("doNotPerform").text().as_deref() == Some("true")).then(|| "not to be taken".to_owned());
    let parts = [kind.to_owned(), intent.unwrap_or_default(), reported.unwrap_or_default(), not.unwrap_or_default()];
    joined(&[joined(&parts, ", "), concepts_words(root.at("category"))], "; ")
}

fn statuses(root: Node<'_>) -> String {
    let why = [concepts_words(root.at("statusReason")), concept(root.at("statusReasonCodeableConcept")).unwrap_or_default()];
    joined(&[status_words(&word(root.at("status"))), joined(&why, ", ")], ": ")
}

/// Why it is taken.
fn reasons(cx: &Context<'_>, item: &Item<'_>) -> String {
    let root = item.root();
    let references: Vec<String> = root.at("reasonReference").items().filter_map(|r| who(cx, item, r)).collect();
    reasons_once(concepts_words(root.at("reasonCode")), references)
}

/// How much was ordered or handed out.
fn supplied(root: Node<'_>) -> String {
    let request = root.at("dispenseRequest");
    let named = |label: &str, words: String| if words.is_empty() { words } else { format!("{label} {words}") };
    let refills = request.at("numberOfRepeatsAllowed").text().unwrap_or_default();
    let parts = [
        named("quantity", joined(&[quantity_words(request.at("quantity")), quantity_words(root.at("quantity"))], " ")),
        named("refills", refills),
        named(
            "days' supply",
            joined(&[quantity_words(root.at("daysSupply")), quantity_words(request.at("expectedSupplyDuration"))], " "),
        ),
    ];
    joined(&parts, "; ")
}

/// The drug itself: a concept, or what the reference leads to, with its ingredients where it has no code.
fn drugs<'a>(cx: &Context<'a>, item: &Item<'a>) -> Vec<Node<'a>> {
    let root = item.root();
    let own = root.at("medicationCodeableConcept");
    if own.exists() {
        return vec![own];
    }
    let Some(drug) = target(cx, item, root.at("medicationReference")) else { return Vec::new() };
    if concept(drug.at("code")).is_some() {
        return vec![drug.at("code")];
    }
    drug.at("ingredient").items().map(|i| i.at("itemCodeableConcept")).filter(|c| c.exists()).collect()
}

fn drug_words(cx: &Context<'_>, item: &Item<'_>) -> String {
    let words: Vec<String> = drugs(cx, item).into_iter().filter_map(concept).collect();
    let said = || item.root().at("medicationReference").at("display").text();
    if words.is_empty() { said().unwrap_or_else(|| name_words(Node::none(), item.root())) } else { words.join(" + ") }
}

/// The product. Several ingredients have no one code: their codes stand as translations of what the words say.
fn product(cx: &Context<'_>, item: &Item<'_>, told: &Told) -> Product {
    let codes = drugs(cx, item);
    let code = match codes.as_slice() {
        [one] => codes::code(*one, &[RXNORM_URI], told.drug.clone()),
        [] => {
            let null = if told.drug.is_some() { Null::Other } else { Null::Unknown };
            Code { original: told.drug.clone(), ..codes::null(null) }
        }
        several => Code {
            original: told.drug.clone(),
            translations: several.iter().flat_map(|c| c.at("coding").items()).map(codes::coding).collect(),
            ..codes::null(Null::Other)
        },
    };
    let batch = target(cx, item, item.root().at("medicationReference")).map(|drug| drug.at("batch"));
    let lot = batch.and_then(|batch| batch.at("lotNumber").text());
    Product { templates: vec![PRODUCT], code, lot, ..Product::default() }
}

/// What is taken, was given, or is ordered to be taken. None for a mistake, a draft, and what the source itself does not know.
fn activity(cx: &Context<'_>, item: &Item<'_>, told: &Told) -> Option<Entry> {
    let root = item.root();
    let status = word(root.at("status"));
    if matches!(status.as_str(), "entered-in-error" | "draft") {
        return None;
    }
    let none = drugs(cx, item).first().and_then(|code| negative("medication", *code));
    if none == Some(About::WordsOnly) {
        return None;
    }
    let mut own = entry(cx, item, Class::SubstanceAdministration, ACTIVITY, &told.row);
    let is_order = item.kind == "MedicationRequest" || status == "intended";
    own.mood = Some(if is_order { "INT" } else { "EVN" });
    own.status = act_status(&status);
    if none.is_some() {
        return Some(nothing_taken(own, told));
    }
    let is_forbidden = root.at("doNotPerform").text().as_deref() == Some("true");
    own.negated = (is_forbidden || matches!(status.as_str(), "not-taken" | "not-done")).then_some(true);
    own.product = Some(product(cx, item, told));
    taken(&mut own, item, told);
    own.performers = root.at("performer").items().filter_map(|who| cx.performer(who.at("actor"))).collect();
    own.related.extend(sig(&own, told));
    own.related.extend(indications(&cx.id(item), root, told.reason.as_ref()));
    own.related.extend(supply_order(cx, item));
    own.related.extend(comment(told.note.clone()));
    Some(own)
}

/// The act status of a medication; `None` where the source does not know it.
fn act_status(status: &str) -> Option<&'static str> {
    match status {
        "active" | "in-progress" | "intended" | "preparation" => Some("active"),
        "on-hold" => Some("suspended"),
        "stopped" | "declined" => Some("aborted"),
        "cancelled" => Some("cancelled"),
        "completed" | "not-taken" | "not-done" => Some("completed"),
        _ => None,
    }
}

/// Times, route and dose.
fn taken(own: &mut Entry, item: &Item<'_>, told: &Told) {
    let list = instructions(item);
    own.times = vec![course(item)];
    let Some(dosage) = dosage::only(list) else {
        own.dose = Some(Bound::Null(if list.exists() { Null::NoInformation } else { Null::Unknown }));
        return;
    };
    own.times.extend(dosage::often(dosage));
    own.route = dosage.at("route").exists().then(|| route(dosage.at("route"), told.route.clone()));
    let (dose, unit) = dosage::dose(dosage);
    own.dose = Some(dose);
    own.administration_unit =
        unit.map(|unit| Code { original: told.dose.clone(), display: Some(unit), ..codes::null(Null::Other) });
    own.rate = dosage::rate(dosage);
    own.precondition = dosage::precondition(dosage);
}

/// From when to when it is taken, or the moment at which it was given. When it was written is not when it is taken.
fn course(item: &Item<'_>) -> Time {
    let root = item.root();
    let bounds = instructions(item).items().map(|d| d.at("timing").at("repeat").at("boundsPeriod")).find(|b| b.exists());
    let time = values::time(root, "effective").or_else(|| bounds.and_then(values::span));
    match time {
        Some(Time::At(ts)) if item.kind == "MedicationAdministration" => Time::At(ts),
        Some(Time::At(ts)) => Time::Span { low: Some(Bound::Given(ts)), high: None },
        Some(Time::Span { low, high }) => Time::Span { low: Some(low.unwrap_or(Bound::Null(Null::Unknown))), high },
        _ => Time::Span { low: Some(Bound::Null(Null::Unknown)), high: None },
    }
}

/// The source says that nothing is taken.
fn nothing_taken(own: Entry, told: &Told) -> Entry {
    let mut code = Code { original: told.drug.clone(), ..codes::null(Null::Other) };
    code.translations = vec![fixed("410942007", SNOMED, "Drug or medicament")];
    Entry {
        negated: Some(true),
        mood: Some("EVN"),
        status: Some("completed"),
        times: vec![Time::Null(Null::NotApplicable)],
        dose: Some(Bound::Null(Null::NotApplicable)),
        product: Some(Product { templates: vec![PRODUCT], code, ..Product::default() }),
        ..own
    }
}

/// The words of the prescription, for readers that take no narrative (Medication Free Text Sig).
fn sig(of: &Entry, told: &Told) -> Option<Related> {
    let entry = Entry {
        class: Class::SubstanceAdministration,
        mood: of.mood,
        templates: vec![SIG],
        code: Some(fixed("76662-6", LOINC, "Instructions Medication")),
        text: Some(told.sig.clone()?),
        status: Some("completed"),
        // A product without a template is none: the template wants it so.
        product: Some(Product::default()),
        ..Entry::default()
    };
    Some(Related { type_code: "COMP", is_inverted: false, entry })
}

/// What a prescription says about its supply.
fn supply_order(cx: &Context<'_>, item: &Item<'_>) -> Option<Related> {
    let request = item.root().at("dispenseRequest");
    let refills = request.at("numberOfRepeatsAllowed").text().and_then(|text| text.parse::<u32>().ok());
    let quantity = amount(request.at("quantity"));
    if refills.is_none() && quantity.is_none() {
        return None;
    }
    let entry = Entry {
        class: Class::Supply,
        mood: Some("INT"),
        templates: vec![ORDER],
        ids: vec![part_id(&cx.id(item), "supply")],
        status: Some(act_status(&word(item.root().at("status"))).unwrap_or("completed")),
        times: values::span(request.at("validityPeriod")).into_iter().collect(),
        // Refills do not count the first time; CDA's number does.
        repeat: refills.map(|n| n.saturating_add(1).to_string()),
        quantity,
        ..Entry::default()
    };
    Some(Related { type_code: "REFR", is_inverted: false, entry })
}

/// What was handed out.
fn dispense(cx: &Context<'_>, item: &Item<'_>, told: &Told) -> Option<Entry> {
    let root = item.root();
    let status = word(root.at("status"));
    if status == "entered-in-error" {
        return None;
    }
    let mut own = entry(cx, item, Class::Supply, DISPENSE, &told.row);
    own.mood = Some("EVN");
    own.status = Some(act_status(&status).unwrap_or("completed"));
    own.times = handed_over(root).map(Time::At).into_iter().collect();
    own.quantity = amount(root.at("quantity"));
    own.product = Some(product(cx, item, told));
    own.performers = root.at("performer").items().filter_map(|who| cx.performer(who.at("actor"))).collect();
    own.related.extend(comment(told.note.clone()));
    Some(own)
}

fn handed_over(root: Node<'_>) -> Option<Ts> {
    ["whenHandedOver", "whenPrepared"].iter().find_map(|name| values::ts(&root.at(name).text()?))
}

/// A dispense without its prescription: it was handed out to be taken.
fn around(cx: &Context<'_>, item: &Item<'_>, told: &Told, supply: Related) -> Entry {
    let mut own = entry(cx, item, Class::SubstanceAdministration, ACTIVITY, &told.row);
    own.ids = vec![part_id(&cx.id(item), "intended")];
    own.mood = Some("INT");
    own.product = Some(product(cx, item, told));
    taken(&mut own, item, told);
    own.related.extend(sig(&own, told));
    own.related.push(supply);
    own
}
