//! Immunizations, given and not given, from Immunization.
//!
//! Not for: vaccines that were only recommended or ordered.

use super::routing::Place;
use super::rows::{
    Frame, Sheet, comment, concepts_words, date_words, entry, joined, name_words, notes, part, quantity_words, section,
    status_words, when_words, who, word,
};
use super::tables::{amount, route};
use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Bound, Class, Entry, Null, Organization, Product, Related, Section, Template, Time};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, CVX_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

const FRAME: Frame = Frame {
    templates: [
        Template::both("2.16.840.1.113883.10.20.22.2.2.1", "2015-08-01"),
        Template::both("2.16.840.1.113883.10.20.22.2.2", "2015-08-01"),
    ],
    code: "11369-6",
    display: "History of Immunization note",
    title: "Immunizations",
};
const ACTIVITY: Template = Template::both("2.16.840.1.113883.10.20.22.4.52", "2015-08-01");
const VACCINE: Template = Template::both("2.16.840.1.113883.10.20.22.4.54", "2014-06-09");
const REFUSAL: Template = Template::root("2.16.840.1.113883.10.20.22.4.53");
/// Reasons not to vaccinate that C-CDA knows (value set 2.16.840.1.113883.1.11.19717).
const REASONS: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

const COLUMNS: [&str; 10] =
    ["Date", "Vaccine", "Status", "Dose", "Lot and manufacturer", "Route and site", "Given by", "Codes", "Source", "Comment"];

pub fn immunizations(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new("immunization", &COLUMNS);
    let records = cx.placed(Place::Immunizations);
    let entries = records.iter().filter_map(|item| immunization(cx, &mut sheet, item)).collect();
    section(cx, &FRAME, vec![sheet], entries)
}

/// Where the words of an immunization stand.
struct Told {
    row: Anchor,
    vaccine: Option<Anchor>,
    route: Option<Anchor>,
    note: Option<Anchor>,
}

fn immunization(cx: &Context<'_>, sheet: &mut Sheet, item: &Item<'_>) -> Option<Entry> {
    let root = item.root();
    let told = tell(cx, sheet, item);
    let status = word(root.at("status"));
    // Whether a vaccine was given must be said one way or the other; where the source does not, only its words stand.
    let is_given = match status.as_str() {
        "not-done" => false,
        "completed" => true,
        _ => return None,
    };
    let mut own = entry(cx, item, Class::SubstanceAdministration, ACTIVITY, &told.row);
    own.negated = Some(!is_given);
    own.status = Some("completed");
    own.times = vec![values::time(root, "occurrence").unwrap_or(Time::Null(Null::Unknown))];
    own.repeat = dose_number(root).filter(|number| number.parse::<u32>().is_ok());
    own.route = root.at("route").exists().then(|| route(root.at("route"), told.route));
    own.dose = amount(root.at("doseQuantity")).map(Bound::Given);
    own.product = Some(Product {
        templates: vec![VACCINE],
        code: codes::code(root.at("vaccineCode"), &[CVX_URI], told.vaccine),
        lot: root.at("lotNumber").text(),
        manufacturer: maker(cx, item).map(|name| Organization { name: Some(name), ..Organization::default() }),
        ..Product::default()
    });
    let doers = root.at("performer").items().filter_map(|who| cx.performer(who.at("actor")));
    own.performers = doers.collect();
    if !is_given {
        own.related.extend(refusal(cx, item, &told.row));
    }
    own.related.extend(comment(told.note));
    Some(own)
}

fn tell(cx: &Context<'_>, sheet: &mut Sheet, item: &Item<'_>) -> Told {
    let root = item.root();
    let row = sheet.row();
    sheet.say(when_words(root, "occurrence"));
    let vaccine = sheet.cite("vaccine", &name_words(root.at("vaccineCode"), root));
    let reasons = [concepts_words(root.at("statusReason")), concepts_words(root.at("reasonCode"))];
    let status = match word(root.at("status")).as_str() {
        "not-done" => "not given".to_owned(),
        other => status_words(other),
    };
    sheet.say(joined(&[status, joined(&reasons, ", ")], ": "));
    let of = root.at("protocolApplied").first();
    let series = of.at("seriesDosesPositiveInt").text().or_else(|| of.at("seriesDosesString").text());
    let number = dose_number(root).map(|n| format!("dose {n}")).unwrap_or_default();
    let of_series = series.map(|n| format!("of {n}")).unwrap_or_default();
    let number = joined(&[number, of_series, of.at("series").text().unwrap_or_default()], " ");
    sheet.say(joined(&[quantity_words(root.at("doseQuantity")), number], "; "));
    let named = |label: &str, words: Option<String>| words.map(|words| format!("{label} {words}")).unwrap_or_default();
    let lot = named("lot", root.at("lotNumber").text());
    let expires = named("expires", root.at("expirationDate").text());
    sheet.say(joined(&[lot, maker(cx, item).unwrap_or_default(), expires], ", "));
    let path = sheet.cite("route", &joined(&[words(root.at("route")), words(root.at("site"))], "; "));
    sheet.say(by_whom(cx, item));
    let note =
        sheet.tail(item, &[root.at("vaccineCode"), root.at("route"), root.at("site"), root.at("statusReason")], &remarks(root));
    Told { row, vaccine, route: path.filter(|_| root.at("route").exists()), note }
}

fn words(node: Node<'_>) -> String {
    concept(node).unwrap_or_default()
}

/// Notes, reactions, and that the record repeats what somebody told.
fn remarks(root: Node<'_>) -> String {
    let origin = concept(root.at("reportOrigin"));
    let told =
        (root.at("primarySource").text().as_deref() == Some("false")).then(|| origin.unwrap_or_else(|| "reported".to_owned()));
    let told = told.map(|origin| format!("not recorded by who gave it: {origin}")).unwrap_or_default();
    let reaction = |r: Node<'_>| {
        let words = r.at("detail").at("display").text().unwrap_or_else(|| "reaction".to_owned());
        joined(&[words, r.at("date").text().map(|t| date_words(&t)).unwrap_or_default()], " ")
    };
    let reactions: Vec<String> = root.at("reaction").items().map(reaction).collect();
    joined(&[notes(root), told, joined(&reactions, ", ")], "; ")
}

fn dose_number(root: Node<'_>) -> Option<String> {
    let of = root.at("protocolApplied").first();
    of.at("doseNumberPositiveInt").text().or_else(|| of.at("doseNumberString").text())
}

fn maker(cx: &Context<'_>, item: &Item<'_>) -> Option<String> {
    who(cx, item, item.root().at("manufacturer"))
}

fn by_whom(cx: &Context<'_>, item: &Item<'_>) -> String {
    let root = item.root();
    let names: Vec<String> = root.at("performer").items().filter_map(|p| who(cx, item, p.at("actor"))).collect();
    let place = who(cx, item, root.at("location")).unwrap_or_default();
    joined(&[names.join(", "), place], "; ")
}

/// Why it was not given, where the source says it.
fn refusal(cx: &Context<'_>, item: &Item<'_>, row: &Anchor) -> Option<Related> {
    let root = item.root();
    let reason =
        [root.at("statusReason"), root.at("reasonCode").first()].into_iter().find(|reason| concept(*reason).is_some())?;
    let code = codes::code(reason, &[REASONS], Some(row.clone()));
    let entry =
        Entry { code: Some(code), status: Some("completed"), ..part(&cx.id(item), "reason", Class::Observation, REFUSAL, row) };
    Some(Related { type_code: "RSON", is_inverted: false, entry })
}
