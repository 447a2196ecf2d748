//! Observations that were told or judged and not measured: how one stands in a table, and as an entry with its components.
//!
//! Not for: results and vital signs, or which template an observation conforms to (the sections).

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{Bound, Class, Entry, Null, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC, LOINC_URI, SNOMED, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::sheet::{self, Sheet, part_id, related};
use super::words;

/// Columns before the common ones.
pub const COLUMNS: &[&str] = &["Date", "What", "Finding", "Details"];

const SUPPORTING: Template = Template::root("2.16.840.1.113883.10.20.22.4.86");

/// The row of an observation, and where its words stand.
pub struct Said {
    pub row: Anchor,
    pub what: Option<Anchor>,
    pub finding: Option<Anchor>,
}

/// Writes the row of an observation.
pub fn row(sheet: &mut Sheet<'_, '_>, item: &Item<'_>) -> Said {
    let root = item.root();
    let row = sheet.begin();
    sheet.say(words::when(root, "effective").or_else(|| words::when(root, "issued")));
    let what = sheet.key("what", concept(root.at("code")));
    let absent = || words::named("Not given", concept(root.at("dataAbsentReason")));
    let finding = sheet.key("finding", words::value(root).or_else(absent));
    let details = details(sheet.cx, root);
    sheet.add(details);
    let parts = root.at("component").items().flat_map(|part| [part.at("code"), part.at("valueCodeableConcept")]);
    let concepts: Vec<Node<'_>> = [root.at("code"), root.at("valueCodeableConcept")].into_iter().chain(parts).collect();
    sheet.end(item, concepts);
    Said { row, what, finding }
}

fn details(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    let component = |part: Node<'_>| {
        let said = words::value(part).or_else(|| words::named("not given", concept(part.at("dataAbsentReason"))));
        Some(format!(
            "{}: {}",
            concept(part.at("code")).unwrap_or_else(|| "part".into()),
            said.unwrap_or_else(|| "not recorded".into())
        ))
    };
    let parts = root.at("component").items().map(component);
    words::joined(parts.chain([
        concepts(root.at("interpretation")),
        words::named("Method", concept(root.at("method"))),
        words::named("Place", concept(root.at("bodySite"))),
        words::named("By", words::references(cx, root, root.at("performer"))),
        words::named("Remark", words::notes(root)),
    ]))
}

/// An observation as entry, without template: code (LOINC before SNOMED CT), time, value, components. Every observation of
/// C-CDA is `completed`: what the source says of its status stands in the row.
pub fn entry(cx: &Context<'_>, item: &Item<'_>, said: &Said) -> Entry {
    let root = item.root();
    let mut entry = sheet::entry(cx, item, &said.row, Class::Observation);
    entry.code = Some(codes::code(root.at("code"), &[LOINC_URI, SNOMED_URI], said.what.clone()));
    entry.status = Some("completed");
    entry.times = vec![values::time(root, "effective").unwrap_or(Time::Null(Null::Unknown))];
    entry.values = value(root, said.finding.clone()).into_iter().collect();
    entry.performers = root.at("performer").items().filter_map(|who| cx.performer_in(root, who)).collect();
    for (number, part) in root.at("component").items().enumerate() {
        let mut inner = Entry {
            ids: vec![part_id(cx, item, &format!("component-{}", number + 1))],
            code: Some(codes::code(part.at("code"), &[LOINC_URI, SNOMED_URI], said.what.clone())),
            text: Some(said.row.clone()),
            status: Some("completed"),
            values: vec![value(part, None).unwrap_or(Value::Null("CD", absence(part)))],
            ..Entry::default()
        };
        if has_standard_code(&inner) {
            inner.templates.push(SUPPORTING);
        }
        entry.related.push(related("COMP", inner));
    }
    entry
}

/// Whether the code is one of LOINC or SNOMED CT.
pub fn has_standard_code(entry: &Entry) -> bool {
    entry.code.as_ref().is_some_and(|c| c.code.is_some() && matches!(c.system.as_deref(), Some(LOINC | SNOMED)))
}

/// `value[x]` as CDA has it; `None` when there is none. `original`: where its words stand.
pub fn value(root: Node<'_>, original: Option<Anchor>) -> Option<Value> {
    let of = |name: &str| root.at(&format!("value{name}"));
    let coded =
        |node: Node<'_>| node.exists().then(|| Value::Code(codes::code(node, &[SNOMED_URI, LOINC_URI], original.clone())));
    let end = |node: Node<'_>| values::pq(node).map(|quantity| (quantity, true));
    let range = |node: Node<'_>| {
        let (low, high) = (end(node.at("low")), end(node.at("high")));
        (low.is_some() || high.is_some()).then_some(Value::Range { low, high })
    };
    values::quantity(of("Quantity"))
        .or_else(|| concept(of("CodeableConcept")).and_then(|_| coded(of("CodeableConcept"))))
        .or_else(|| of("Coding").at("code").text().and_then(|_| coded(of("Coding"))))
        .or_else(|| integer(of("Integer")))
        .or_else(|| of("Boolean").value()?.as_bool().map(Value::Boolean))
        .or_else(|| of("DateTime").text().and_then(|text| values::ts(&text)).map(|ts| Value::Time(Time::At(ts))))
        .or_else(|| values::span(of("Period")).map(Value::Time))
        .or_else(|| range(of("Range")))
        // Any other stands in its words.
        .or_else(|| words::value(root).map(Value::Text))
}

fn integer(node: Node<'_>) -> Option<Value> {
    let text = node.text()?;
    text.parse::<i64>().ok().map(|_| Value::Integer(text))
}

/// Why there is no value, as far as the record says.
pub fn absence(root: Node<'_>) -> Null {
    match root.at("dataAbsentReason").at("coding").items().find_map(|coding| coding.at("code").text()).as_deref() {
        Some("asked-unknown") => Null::AskedUnknown,
        Some("not-asked") => Null::NotAsked,
        Some("masked") => Null::Masked,
        Some("not-applicable") => Null::NotApplicable,
        Some("unknown" | "temp-unknown") => Null::Unknown,
        _ => Null::NoInformation,
    }
}

/// A time as an interval that has a start, known or not; its end only where one is known.
pub fn from_low(time: Option<Time>) -> Time {
    let unknown = Some(Bound::Null(Null::Unknown));
    match time {
        Some(Time::At(ts)) => Time::Span { low: Some(Bound::Given(ts)), high: None },
        Some(Time::Span { low, high }) => Time::Span { low: low.or(unknown), high },
        _ => Time::Span { low: unknown, high: None },
    }
}

/// One point of a time: its start, else its end.
pub fn point(time: Option<Time>) -> Time {
    match time {
        Some(Time::At(ts) | Time::Span { low: Some(Bound::Given(ts)), .. } | Time::Span { high: Some(Bound::Given(ts)), .. }) => {
            Time::At(ts)
        }
        _ => Time::Null(Null::Unknown),
    }
}
