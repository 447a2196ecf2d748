//! Health concerns: conditions that a source calls concerns, warnings of the chart, detected issues.
//!
//! Not for: problems and diagnoses (`problems`).

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{Bound, Class, Entry, Null, Section, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC, SNOMED, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::findings::from_low;
use super::routing::Place;
use super::sheet::{self, Sheet, Spec, part_id, related};
use super::words;

const SPEC: Spec = Spec {
    prefix: "concern",
    code: ("75310-3", "Health concerns Document"),
    title: "Health Concerns",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.58", "2015-08-01")],
    with_entries: &[],
    needs_entries: true,
    columns: &["Date", "Concern", "Kind", "Details"],
};

const CONCERN: Template = Template::both("2.16.840.1.113883.10.20.22.4.132", "2015-08-01");
const PROBLEM: Template = Template::both("2.16.840.1.113883.10.20.22.4.4", "2015-08-01");

pub fn health_concerns(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::HealthConcerns) {
        let root = item.root();
        let row = sheet.begin();
        let since = ["onset", "identified", "period", "recorded"].iter().find_map(|name| words::when(root, name));
        sheet.say(since);
        let what = sheet.key("what", concept(root.at("code")).or_else(|| root.at("detail").text()));
        sheet.say(Some(kind(item.kind).to_owned()));
        sheet.add(details(cx, root));
        let coded = [root.at("code"), root.at("severity"), root.at("bodySite")].into_iter();
        sheet.end(&item, coded.chain(root.at("category").items()).collect::<Vec<_>>());
        if !words::is_mistaken(root) {
            sheet.push(concern(cx, &item, &row, what));
        }
    }
    sheet.finish()
}

fn kind(kind: &str) -> &'static str {
    match kind {
        "Flag" => "Warning of the chart",
        "DetectedIssue" => "Detected issue",
        _ => "Concern",
    }
}

fn details(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    let measures = root.at("mitigation").items().map(|taken| concept(taken.at("action")));
    words::joined([
        concepts(root.at("category")),
        words::named("Certainty", concept(root.at("verificationStatus"))),
        words::named("Severity", concept(root.at("severity")).or_else(|| root.at("severity").text())),
        words::named("Body site", concepts(root.at("bodySite"))),
        words::named("Ended", words::when(root, "abatement")),
        words::named("Said", root.at("detail").text().filter(|_| root.at("code").exists())),
        words::named("Concerns", words::references(cx, root, root.at("implicated"))),
        words::named("Done about it", words::joined(measures)),
        words::named("By", words::reference(cx, root, root.at("author"))),
        words::named("Remark", words::notes(root)),
    ])
}

fn concern(cx: &Context<'_>, item: &Item<'_>, row: &Anchor, what: Option<Anchor>) -> Entry {
    let root = item.root();
    let is_over = matches!(status(root).as_deref(), Some("inactive" | "resolved" | "remission" | "final" | "cancelled"));
    let time = ["onset", "identified", "period"].iter().find_map(|name| values::time(root, name));
    let mut concern = Entry {
        class: Class::Act,
        templates: vec![CONCERN],
        ids: vec![part_id(cx, item, "concern")],
        code: Some(codes::fixed("75310-3", LOINC, "Health concern")),
        text: Some(row.clone()),
        status: Some(if is_over { "completed" } else { "active" }),
        times: time.clone().into_iter().collect(),
        authors: cx.authors(item),
        informants: vec![cx.informant(item)],
        ..Entry::default()
    };
    // A warning of the chart is a concern and no problem.
    if item.kind != "Condition" {
        concern.ids = vec![cx.id(item)];
        return concern;
    }
    let mut found = sheet::entry(cx, item, row, Class::Observation);
    found.templates.push(PROBLEM);
    let mut code = codes::fixed("55607006", SNOMED, "Problem");
    code.translations.push(codes::fixed("75326-9", LOINC, "Problem"));
    found.code = Some(code);
    found.status = Some("completed");
    found.times = vec![ended(root, from_low(time))];
    let mut value = codes::code(root.at("code"), &[SNOMED_URI], what);
    if value.code.is_none() && value.original.is_some() {
        value.null = Some(Null::Other);
    }
    found.values = vec![Value::Code(value)];
    concern.related = vec![related("REFR", found)];
    concern
}

fn status(root: Node<'_>) -> Option<String> {
    let coded = root.at("clinicalStatus").at("coding").items().find_map(|coding| coding.at("code").text());
    coded.or_else(|| root.at("status").text())
}

/// With the end that the record gives.
fn ended(root: Node<'_>, time: Time) -> Time {
    let end = values::time(root, "abatement").and_then(|end| values::start(&end).cloned());
    match (time, end) {
        (Time::Span { low, .. }, Some(end)) => Time::Span { low, high: Some(Bound::Given(end)) },
        (time, _) => time,
    }
}
