//! Goals: what was aimed at, the measure and by when.
//!
//! Not for: what was planned to reach them (`plan`).

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{Bound, Class, Code, Entry, Null, Section, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC_URI, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::routing::Place;
use super::sheet::{self, Sheet, Spec};
use super::words;

const SPEC: Spec = Spec {
    prefix: "goal",
    code: ("61146-7", "Goals Narrative"),
    title: "Goals",
    templates: &[Template::root("2.16.840.1.113883.10.20.22.2.60")],
    with_entries: &[],
    needs_entries: true,
    columns: &["Date", "Goal", "Target", "Details"],
};

const GOAL: Template = Template::root("2.16.840.1.113883.10.20.22.4.121");

pub fn goals(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::Goals) {
        let root = item.root();
        let row = sheet.begin();
        let started = words::when(root, "start").or_else(|| concept(root.at("startCodeableConcept")));
        sheet.say(started.or_else(|| words::named("as of", root.at("statusDate").text())));
        let what = sheet.key("what", concept(root.at("description")));
        let target = sheet.key("target", words::joined(root.at("target").items().map(target_words)));
        sheet.add(details(cx, root));
        let measures = root.at("target").items().flat_map(|t| [t.at("measure"), t.at("detailCodeableConcept")]);
        let coded = [root.at("description"), root.at("achievementStatus"), root.at("priority")].into_iter();
        sheet.end(&item, coded.chain(root.at("category").items()).chain(measures).collect::<Vec<_>>());
        if !words::is_mistaken(root) {
            sheet.push(goal(cx, &item, row, what, target));
        }
    }
    sheet.finish()
}

fn target_words(target: Node<'_>) -> Option<String> {
    let aim = words::amount(target.at("detailQuantity"))
        .or_else(|| words::range(target.at("detailRange")))
        .or_else(|| concept(target.at("detailCodeableConcept")))
        .or_else(|| words::ratio(target.at("detailRatio")))
        .or_else(|| ["detailString", "detailInteger", "detailBoolean"].iter().find_map(|name| target.at(name).text()));
    let aim = words::joined_by(": ", [concept(target.at("measure")), aim]);
    let due = target.at("dueDate").text().map(|text| words::date(&text)).or_else(|| words::amount(target.at("dueDuration")));
    words::joined_by(", ", [aim, due.map(|due| format!("by {due}"))])
}

fn details(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    words::joined([
        concepts(root.at("category")),
        words::named("Priority", concept(root.at("priority"))),
        words::named("Achievement", concept(root.at("achievementStatus"))),
        words::named("Status since", root.at("statusDate").text().map(|text| words::date(&text))),
        words::named("Status reason", root.at("statusReason").text()),
        words::named("Expressed by", words::reference(cx, root, root.at("expressedBy"))),
        words::named("Addresses", words::references(cx, root, root.at("addresses"))),
        words::named(
            "Outcome",
            words::joined([concepts(root.at("outcomeCode")), words::references(cx, root, root.at("outcomeReference"))]),
        ),
        words::named("Remark", words::notes(root)),
    ])
}

fn goal(cx: &Context<'_>, item: &Item<'_>, row: Anchor, what: Option<Anchor>, target_at: Option<Anchor>) -> Entry {
    let root = item.root();
    let target = root.at("target").first();
    let mut entry = sheet::entry(cx, item, &row, Class::Observation);
    entry.templates.push(GOAL);
    entry.mood = Some("GOL");
    entry.code = Some(code(root, target, what));
    entry.status = Some(match root.at("lifecycleStatus").text().as_deref() {
        Some("completed") => "completed",
        Some("cancelled" | "rejected") => "cancelled",
        Some("on-hold") => "suspended",
        _ => "active",
    });
    let bound = |node: Node<'_>| node.text().and_then(|text| values::ts(&text)).map(Bound::Given);
    let (low, high) = (bound(root.at("startDate")), bound(target.at("dueDate")));
    entry.times = if low.is_some() || high.is_some() { vec![Time::Span { low, high }] } else { Vec::new() };
    entry.values = value(target, target_at).into_iter().collect();
    entry
}

/// What is measured, when that has a code of LOINC; else the goal itself.
fn code(root: Node<'_>, target: Node<'_>, what: Option<Anchor>) -> Code {
    let measure = codes::code(target.at("measure"), &[LOINC_URI], what.clone());
    if measure.code.is_some() {
        return measure;
    }
    let mut goal = codes::code(root.at("description"), &[LOINC_URI, SNOMED_URI], what);
    if goal.code.is_none() && goal.original.is_some() {
        goal.null = Some(Null::Other);
    }
    goal
}

fn value(target: Node<'_>, original: Option<Anchor>) -> Option<Value> {
    let end = |name: &str| values::pq(target.at("detailRange").at(name)).map(|quantity| (quantity, true));
    let range = || {
        let (low, high) = (end("low"), end("high"));
        (low.is_some() || high.is_some()).then_some(Value::Range { low, high })
    };
    let coded = target.at("detailCodeableConcept");
    values::quantity(target.at("detailQuantity"))
        .or_else(range)
        .or_else(|| concept(coded).map(|_| Value::Code(codes::code(coded, &[SNOMED_URI, LOINC_URI], original))))
        .or_else(|| {
            ["detailString", "detailInteger", "detailBoolean"].iter().find_map(|name| target.at(name).text()).map(Value::Text)
        })
}
