//! An Observation as its parts: its own value and its components, each in words and as C-CDA's entry.
//!
//! Not for: which observations make a panel (`results`, `vitals`).

use super::rows::{
    Sheet, comment, concepts_words, date_words, entry, joined, name_words, notes, part, quantity_words, range_words, ratio_words,
    snomed, span_words, status_words, target, when_words, word,
};
use super::tables::{amount, measured};
use super::words::references;
use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Class, Code, Entry, Null, Quantity, ReferenceRange, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC_URI, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

/// Result Observation.
pub(super) const RESULT: Template = Template::both("2.16.840.1.113883.10.20.22.4.2", "2015-08-01");
const INTERPRETATION: &str = "2.16.840.1.113883.5.83";
const INTERPRETATION_URIS: [&str; 4] = [
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
    "http://hl7.org/fhir/v3/ObservationInterpretation",
    "http://terminology.hl7.org/CodeSystem/v2-0078",
    "http://hl7.org/fhir/v2/0078",
];

/// The columns of a table of observations.
pub(super) const COLUMNS: [&str; 11] =
    ["Date", "What", "Value", "Interpretation", "Reference range", "Status", "Details", "Panel", "Codes", "Source", "Comment"];

/// An observation after it was told.
#[derive(Debug)]
pub(super) struct Told {
    pub row: Anchor,
    /// Where the words of its code stand.
    pub what: Option<Anchor>,
    /// Its own value and its components, as entries; none when it makes no statement.
    pub parts: Vec<Entry>,
}

/// The status of an act of CDA for that of an observation or report; `None` when it was entered in error. What has no status
/// is taken as done: it has been reported.
pub(super) fn act_status(status: &str) -> Option<&'static str> {
    match status {
        "entered-in-error" => None,
        "registered" | "preliminary" | "partial" => Some("active"),
        "cancelled" => Some("cancelled"),
        _ => Some("completed"),
    }
}

/// Tells an observation: a row for itself and one for each component, and an entry for each that says something.
pub(super) fn tell(cx: &Context<'_>, sheet: &mut Sheet, item: &Item<'_>, panel: &str) -> Told {
    let root = item.root();
    let status = act_status(&word(root.at("status")));
    let components: Vec<Node<'_>> = root.at("component").items().collect();
    let has_own = !value_words(root).is_empty() || components.is_empty() && !root.at("hasMember").exists();
    let mut parts = Vec::new();

    let row = sheet.row();
    let places = tell_part(cx, sheet, item, root, panel);
    let what = places.what.clone();
    if let Some(status) = status.filter(|_| has_own) {
        let mut own = entry(cx, item, Class::Observation, RESULT, &row);
        fill(&mut own, item, root, places, status);
        let specimen = target(cx, item, root.at("specimen")).map(|specimen| specimen.at("type"));
        own.specimen = specimen.filter(|kind| concept(*kind).is_some()).map(|kind| snomed(kind, None));
        own.performers = root.at("performer").items().filter_map(|who| cx.performer(who)).collect();
        parts.push(own);
    }
    for (at, component) in components.into_iter().enumerate() {
        let row = sheet.row();
        let places = tell_part(cx, sheet, item, component, &concept(root.at("code")).unwrap_or_default());
        if let Some(status) = status {
            let mut own = part(&cx.id(item), &format!("component-{}", at + 1), Class::Observation, RESULT, &row);
            own.informants = vec![cx.informant(item)];
            fill(&mut own, item, component, places, status);
            parts.push(own);
        }
    }
    Told { row, what, parts }
}

/// Where the words of a part stand.
struct Places {
    what: Option<Anchor>,
    value: Option<Anchor>,
    interpretation: Option<Anchor>,
    note: Option<Anchor>,
}

/// The row of an observation or of one of its components.
fn tell_part(cx: &Context<'_>, sheet: &mut Sheet, item: &Item<'_>, node: Node<'_>, panel: &str) -> Places {
    let root = item.root();
    sheet.say(dates(root));
    let named = concept(node.at("code")).or_else(|| Some(name_words(node.at("code"), node)).filter(|words| !words.is_empty()));
    let what = sheet.cite("what", named.as_deref().unwrap_or("not named"));
    let value = sheet.cite("value", &value_words(node));
    let interpretation = sheet.cite("flag", &concepts_words(node.at("interpretation")));
    let ranges: Vec<String> = node.at("referenceRange").items().map(reference_words).collect();
    sheet.say(joined(&ranges, "; "));
    sheet.say(status_words(&word(root.at("status"))));
    sheet.say(details(cx, item));
    sheet.say(panel);
    let concepts = [node.at("code"), node.at("valueCodeableConcept")];
    let note = sheet.tail(item, &concepts, &notes(node));
    // A code that names nothing has no words of the source.
    let what = what.filter(|_| named.is_some());
    Places { what, value, interpretation, note }
}

/// When it was true; else when it was told, in these words.
fn dates(root: Node<'_>) -> String {
    let (when, issued) = (when_words(root, "effective"), root.at("issued").text());
    match (when.is_empty(), issued) {
        (true, Some(issued)) => format!("issued {}", date_words(&issued)),
        _ => when,
    }
}

/// Method, place of the body, specimen, device and who did it, in words.
fn details(cx: &Context<'_>, item: &Item<'_>) -> String {
    let root = item.root();
    let named = |label: &str, words: Option<String>| words.map(|words| format!("{label}: {words}")).unwrap_or_default();
    let parts = [
        named("method", concept(root.at("method"))),
        named("site", concept(root.at("bodySite"))),
        named("specimen", references(cx, root, root.at("specimen"))),
        named("device", references(cx, root, root.at("device"))),
        named("by", references(cx, root, root.at("performer"))),
    ];
    joined(&parts, "; ")
}

/// What an entry says of an observation or of one of its components.
fn fill(entry: &mut Entry, item: &Item<'_>, node: Node<'_>, places: Places, status: &'static str) {
    let root = item.root();
    entry.code = Some(codes::code(node.at("code"), &[LOINC_URI, SNOMED_URI], places.what));
    entry.status = Some(status);
    entry.times = vec![values::time(root, "effective").unwrap_or(Time::Null(Null::Unknown))];
    entry.values = vec![value(node, places.value)];
    entry.interpretations = node.at("interpretation").items().map(|i| interpretation(i, places.interpretation.clone())).collect();
    entry.methods = root.at("method").exists().then(|| snomed(root.at("method"), None)).into_iter().collect();
    entry.target_sites = root.at("bodySite").exists().then(|| snomed(root.at("bodySite"), None)).into_iter().collect();
    entry.ranges = node.at("referenceRange").items().filter_map(|range| reference(range, node)).collect();
    entry.related.extend(comment(places.note));
}

/// An interpretation by HL7's table; codes of the older one (0078) are the same.
fn interpretation(node: Node<'_>, original: Option<Anchor>) -> Code {
    let given = codes::code(node, &INTERPRETATION_URIS, original);
    if given.code.is_some() {
        return Code { system: Some(INTERPRETATION.to_owned()), system_name: None, ..given };
    }
    const SHORT: [&str; 7] = ["N", "L", "H", "LL", "HH", "A", "AA"];
    match concept(node).filter(|words| SHORT.contains(&words.as_str())) {
        Some(code) => Code { code: Some(code), system: Some(INTERPRETATION.to_owned()), null: None, ..given },
        None => given,
    }
}

/// What was found, as CDA's type; without a value, why there is none.
pub(super) fn value(node: Node<'_>, original: Option<Anchor>) -> Value {
    let at = |name: &str| node.at(name);
    let typed = if at("valueQuantity").exists() {
        measured(at("valueQuantity"))
    } else if at("valueCodeableConcept").exists() {
        Some(Value::Code(codes::code(at("valueCodeableConcept"), &[SNOMED_URI, LOINC_URI], original)))
    } else if at("valueBoolean").exists() {
        at("valueBoolean").value().and_then(serde_json::Value::as_bool).map(Value::Boolean)
    } else if at("valueInteger").exists() {
        at("valueInteger").text().filter(|text| text.parse::<i32>().is_ok()).map(Value::Integer)
    } else if at("valueRange").exists() {
        interval(at("valueRange"), node)
    } else if at("valueDateTime").exists() || at("valuePeriod").exists() {
        values::time(node, "value").map(Value::Time)
    } else {
        None
    };
    let words = || Some(own_value_words(node)).filter(|words| !words.is_empty()).map(Value::Text);
    typed.or_else(words).unwrap_or_else(|| Value::Null("CD", absent(node)))
}

/// Why there is no value.
fn absent(node: Node<'_>) -> Null {
    match word(node.at("dataAbsentReason")).as_str() {
        "unknown" | "temp-unknown" => Null::Unknown,
        "asked-unknown" | "asked-declined" => Null::AskedUnknown,
        "not-asked" => Null::NotAsked,
        "masked" => Null::Masked,
        "not-applicable" => Null::NotApplicable,
        _ => Null::NoInformation,
    }
}

/// A Range as an interval, when its bounds are numbers with units that CDA takes. A bound without a unit has that of the value.
fn interval(range: Node<'_>, node: Node<'_>) -> Option<Value> {
    let bound = |name: &str| -> Option<Option<(Quantity, bool)>> {
        let given = range.at(name);
        if !given.at("value").exists() {
            return Some(None);
        }
        let mut quantity = amount(given)?;
        if quantity.unit.is_none() {
            quantity.unit = amount(node.at("valueQuantity")).and_then(|value| value.unit);
        }
        Some(Some((quantity, true)))
    };
    let (low, high) = (bound("low")?, bound("high")?);
    (low.is_some() || high.is_some()).then_some(Value::Range { low, high })
}

fn reference(range: Node<'_>, node: Node<'_>) -> Option<ReferenceRange> {
    let text = Some(reference_words(range)).filter(|words| !words.is_empty())?;
    // The guide wants a value in every range; where there are only words, the words are it.
    let value = interval(range, node).unwrap_or_else(|| Value::Text(text.clone()));
    Some(ReferenceRange { text: Some(text), value: Some(value), interpretation: None })
}

/// A reference range in words: its bounds, its text, and of whom it is normal.
fn reference_words(range: Node<'_>) -> String {
    let whom = joined(&[concepts_words(range.at("appliesTo")), range_words(range.at("age"))], ", ");
    let kind = concept(range.at("type")).filter(|kind| !kind.eq_ignore_ascii_case("normal range")).unwrap_or_default();
    let said = joined(&[range_words(range), range.at("text").text().unwrap_or_default(), kind], ", ");
    if whom.is_empty() { said } else { format!("{said} ({whom})") }
}

/// What was found in words; without a value, why there is none.
pub(super) fn value_words(node: Node<'_>) -> String {
    let own = own_value_words(node);
    match concept(node.at("dataAbsentReason")).filter(|_| own.is_empty()) {
        Some(reason) => format!("no value: {}", status_words(&reason)),
        None => own,
    }
}

fn own_value_words(node: Node<'_>) -> String {
    // What has no type of its own here is told as it is written.
    let Some((name, given)) = node.value().and_then(|v| v.as_object()?.iter().find(|(key, _)| is_value(key))) else {
        return String::new();
    };
    let given = Node::new(given);
    match name.as_str() {
        "valueQuantity" => quantity_words(given),
        "valueCodeableConcept" => concept(given).unwrap_or_default(),
        "valueBoolean" => if given.text().as_deref() == Some("true") { "yes" } else { "no" }.to_owned(),
        "valueRange" => range_words(given),
        "valueRatio" => ratio_words(given),
        "valuePeriod" => span_words(given),
        "valueDateTime" => given.text().map(|text| date_words(&text)).unwrap_or_default(),
        "valueSampledData" => sampled_words(given),
        _ => given.text().or_else(|| given.value().map(ToString::to_string)).unwrap_or_default(),
    }
}

/// `valueString` and its like, not `valueSetUri`.
fn is_value(key: &str) -> bool {
    key.strip_prefix("value").is_some_and(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()) && !kind.starts_with("Set"))
}

fn sampled_words(data: Node<'_>) -> String {
    let part = |name: &str| data.at(name).text().map(|text| format!("{name} {text}")).unwrap_or_default();
    let origin = format!("origin {}", quantity_words(data.at("origin")));
    let parts =
        [origin, part("period"), part("factor"), part("dimensions"), part("lowerLimit"), part("upperLimit"), part("data")];
    format!("samples: {}", joined(&parts, "; "))
}

/// An observation that a section makes of a record's words: the conclusion of a report.
pub(super) fn said(whole: &Entry, name: &str, code: Code, value: Value, words: &Anchor) -> Entry {
    let id = whole.ids.first().cloned();
    let mut said = match id {
        Some(id) => part(&id, name, Class::Observation, RESULT, words),
        None => Entry { class: Class::Observation, templates: vec![RESULT], text: Some(words.clone()), ..Entry::default() },
    };
    (said.code, said.status, said.values) = (Some(code), whole.status, vec![value]);
    said
}
