//! Advance directives: what the patient wishes to be done or not, and the papers that say so.
//!
//! Not for: permissions to use or share records, which are listed with the additional records.

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{Bound, Class, Entry, Null, Section, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC, LOINC_URI, SNOMED, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::findings;
use super::routing::Place;
use super::sheet::{self, Sheet, Spec};
use super::words;

const SPEC: Spec = Spec {
    prefix: "directive",
    code: ("42348-3", "Advance directives"),
    title: "Advance Directives",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.21", "2015-08-01")],
    with_entries: &[Template::both("2.16.840.1.113883.10.20.22.2.21.1", "2015-08-01")],
    needs_entries: false,
    columns: findings::COLUMNS,
};

const DIRECTIVE: Template = Template::both("2.16.840.1.113883.10.20.22.4.48", "2015-08-01");

pub fn advance_directives(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::AdvanceDirectives) {
        let is_mistaken = words::is_mistaken(item.root());
        let entry = match item.kind {
            "Consent" => consent(&mut sheet, &item),
            _ => observation(&mut sheet, &item),
        };
        if !is_mistaken {
            sheet.push(entry);
        }
    }
    sheet.finish()
}

fn observation(sheet: &mut Sheet<'_, '_>, item: &Item<'_>) -> Entry {
    let said = findings::row(sheet, item);
    let root = item.root();
    let value = findings::value(root, said.finding.clone());
    let entry = findings::entry(sheet.cx, item, &said);
    directive(entry, root.at("code"), said.what, values::time(root, "effective"), value, words::value(root))
}

fn consent(sheet: &mut Sheet<'_, '_>, item: &Item<'_>) -> Entry {
    let (root, cx) = (item.root(), sheet.cx);
    let row = sheet.begin();
    sheet.say(words::when(root, "date").or_else(|| root.at("dateTime").text().map(|text| words::date(&text))));
    let kind = concepts(root.at("category")).or_else(|| concept(root.at("scope")));
    let what = sheet.key("what", kind.clone());
    let rule = root.at("provision").at("type").text().map(|rule| if rule == "deny" { "refused" } else { "permitted" }.to_owned());
    let acts = concepts(root.at("provision").at("code"));
    let policy = concept(root.at("policyRule"));
    let finding = words::joined([words::joined_by(": ", [rule, acts]), policy]);
    sheet.key("finding", finding.clone().or(kind.clone()));
    let paper = root.at("sourceAttachment");
    let details = words::joined([
        words::named("In force", words::period(root.at("provision").at("period"))),
        words::named("Given by", words::references(cx, root, root.at("performer"))),
        words::named("Kept by", words::references(cx, root, root.at("organization"))),
        words::named("Paper", paper.at("title").text().or_else(|| paper.at("url").text())),
        words::named("Paper", words::reference(cx, root, root.at("sourceReference"))),
    ]);
    sheet.add(details);
    let coded = root.at("category").items().chain(root.at("provision").at("code").items());
    sheet.end(item, coded.chain([root.at("scope"), root.at("policyRule")]).collect::<Vec<_>>());
    let mut entry = sheet::entry(cx, item, &row, Class::Observation);
    entry.performers = root.at("performer").items().filter_map(|who| cx.performer_in(root, who)).collect();
    let time = values::span(root.at("provision").at("period"))
        .or_else(|| root.at("dateTime").text().and_then(|text| values::ts(&text)).map(Time::At));
    directive(entry, root.at("category").first(), what, time, None, finding.or(kind))
}

/// The parts that the template fixes: a translation, both ends of the time, one value.
fn directive(
    mut entry: Entry,
    kind: Node<'_>,
    what: Option<Anchor>,
    time: Option<Time>,
    value: Option<Value>,
    said: Option<String>,
) -> Entry {
    entry.templates.push(DIRECTIVE);
    let mut code = codes::code(kind, &[SNOMED_URI, LOINC_URI], what);
    code.translations.retain(|other| other.code.as_deref() != Some("75320-2"));
    code.translations.push(codes::fixed("75320-2", LOINC, "Advance directive"));
    entry.code = Some(code);
    entry.status = Some("completed");
    entry.times = vec![with_end(time)];
    // Of codes the template takes only those of SNOMED CT; any other value stands in its words.
    let is_snomed = |value: &Value| match value {
        Value::Code(code) => code.code.is_some() && code.system.as_deref() == Some(SNOMED),
        _ => true,
    };
    let value = value.filter(is_snomed).or_else(|| said.map(Value::Text));
    entry.values = vec![value.unwrap_or(Value::Null("ST", Null::NoInformation))];
    entry
}

/// An interval; one that does not say when it ends has an end that does not apply.
fn with_end(time: Option<Time>) -> Time {
    match findings::from_low(time) {
        Time::Span { low, high } => Time::Span { low, high: high.or(Some(Bound::Null(Null::NotApplicable))) },
        other => other,
    }
}
