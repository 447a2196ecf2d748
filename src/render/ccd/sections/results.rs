//! Results: Observations that no other section tells, and DiagnosticReports, as organizers.
//!
//! A report is a panel of the results that it names; a result that no report names is a panel of its own. Every result stands
//! once: what several reports name, the first tells.
//!
//! Not for: vital signs, social history, functional and mental status.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::observation::{COLUMNS, Told, act_status, said, tell};
use super::routing::Place;
use super::rows::{
    Frame, Sheet, concepts_words, date_words, entry, joined, name_words, notes, part_id, section, snomed, status_words,
    when_words, who, word,
};
use crate::formats::fhir::node::{Node, concept};
use crate::formats::text_of;
use crate::render::ccd::cda::{Class, Entry, Null, Section, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC_URI, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

const FRAME: Frame = Frame {
    templates: [
        Template::both("2.16.840.1.113883.10.20.22.2.3.1", "2015-08-01"),
        Template::both("2.16.840.1.113883.10.20.22.2.3", "2015-08-01"),
    ],
    code: "30954-2",
    display: "Relevant diagnostic tests/laboratory data Narrative",
    title: "Results",
};
/// Result Organizer.
const ORGANIZER: Template = Template::both("2.16.840.1.113883.10.20.22.4.1", "2015-08-01");

pub fn results<'a>(cx: &Context<'a>) -> Section {
    let records = cx.placed(Place::Results);
    let mut open: HashMap<String, Item<'a>> =
        records.iter().filter(|i| i.kind == "Observation").map(|i| (format!("Observation/{}", i.id), *i)).collect();
    let members = members(&records, &open);
    let mut reports = Sheet::new("report", &REPORT_COLUMNS).captioned("Reports");
    let mut sheet = Sheet::new("result", &COLUMNS).captioned("Results");
    let mut entries = Vec::new();
    for item in &records {
        if item.kind == "DiagnosticReport" {
            entries.extend(report(cx, item, &mut open, &mut reports, &mut sheet));
        } else if !members.contains(item.id) && open.remove(&format!("Observation/{}", item.id)).is_some() {
            entries.extend(panel(cx, item, &mut open, &mut sheet));
        }
    }
    // Panels that name each other in a ring have no first one.
    for item in &records {
        if open.remove(&format!("Observation/{}", item.id)).is_some() {
            entries.extend(panel(cx, item, &mut open, &mut sheet));
        }
    }
    section(cx, &FRAME, vec![reports, sheet], entries)
}

/// Ids of the observations that a report or a panel names; they wait for it.
fn members<'a>(records: &[Item<'a>], open: &HashMap<String, Item<'a>>) -> HashSet<&'a str> {
    let named = |item: &Item<'a>| {
        let list = if item.kind == "DiagnosticReport" { "result" } else { "hasMember" };
        let own = item.id;
        let targets: Vec<&'a str> = references(item.root().at(list))
            .filter_map(|name| open.get(&name).map(|found| found.id))
            .filter(|id| item.kind == "DiagnosticReport" || *id != own)
            .collect();
        targets
    };
    records.iter().flat_map(named).collect()
}

fn references(list: Node<'_>) -> impl Iterator<Item = String> {
    list.items().filter_map(|reference| reference.at("reference").text())
}

const REPORT_COLUMNS: [&str; 10] =
    ["Date", "Report", "Category", "Conclusion", "Files", "Status", "Details", "Codes", "Source", "Comment"];

/// A report with the results that it names.
fn report<'a>(
    cx: &Context<'a>,
    item: &Item<'a>,
    open: &mut HashMap<String, Item<'a>>,
    reports: &mut Sheet,
    sheet: &mut Sheet,
) -> Option<Entry> {
    let root = item.root();
    let name = name_words(root.at("code"), root);
    let row = reports.row();
    let issued = root.at("issued").text().map(|issued| format!("issued {}", date_words(&issued))).unwrap_or_default();
    reports.say(joined(&[when_words(root, "effective"), issued], ", "));
    let title = reports.cite("what", &name);
    reports.say(concepts_words(root.at("category")));
    let diagnoses = concepts_words(root.at("conclusionCode"));
    let conclusion = reports.cite("conclusion", &joined(&[root.at("conclusion").text().unwrap_or_default(), diagnoses], "\n"));
    reports.cite("files", &files(root));
    reports.say(status_words(&word(root.at("status"))));
    reports.say(details(cx, item));
    let concepts: Vec<Node<'_>> = std::iter::once(root.at("code")).chain(root.at("conclusionCode").items()).collect();
    reports.tail(item, &concepts, &notes(root));

    let mut components = Vec::new();
    for target in references(root.at("result")) {
        if let Some(result) = open.remove(&target) {
            components.extend(with_members(cx, &result, open, sheet, &name));
        }
    }
    let status = act_status(&word(root.at("status")))?;
    let mut organizer = entry(cx, item, Class::Organizer, ORGANIZER, &row);
    organizer.class_code = Some("BATTERY");
    organizer.code = Some(codes::code(root.at("code"), &[LOINC_URI, SNOMED_URI], title));
    organizer.status = Some(status);
    organizer.times = bounds(values::time(root, "effective"));
    organizer.performers = root.at("performer").items().filter_map(|who| cx.performer(who)).collect();
    let own = conclusions(root, &organizer, conclusion.as_ref().unwrap_or(&row), components.is_empty());
    organizer.components = own.into_iter().chain(components).collect();
    Some(organizer)
}

/// What the report itself finds, as observations under the report's own code. A report without any result has at least one, for
/// which no value is known: an organizer must not be empty.
fn conclusions(root: Node<'_>, organizer: &Entry, words: &Anchor, is_alone: bool) -> Vec<Entry> {
    let text = root.at("conclusion").text().map(Value::Text);
    let coded = root.at("conclusionCode").items().map(|code| Value::Code(snomed(code, Some(words.clone()))));
    let mut found: Vec<Value> = text.into_iter().chain(coded).collect();
    if found.is_empty() && is_alone {
        found.push(Value::Null("CD", Null::NoInformation));
    }
    let time = values::time(root, "effective").unwrap_or(Time::Null(Null::Unknown));
    let code = organizer.code.clone().unwrap_or_default();
    let observation = |(at, value): (usize, Value)| {
        let own = said(organizer, &format!("conclusion-{}", at + 1), code.clone(), value, words);
        Entry { times: vec![time.clone()], ..own }
    };
    found.into_iter().enumerate().map(observation).collect()
}

/// A result that no report names, with its members when it is a panel.
fn panel<'a>(cx: &Context<'a>, item: &Item<'a>, open: &mut HashMap<String, Item<'a>>, sheet: &mut Sheet) -> Option<Entry> {
    let root = item.root();
    let (row, what, components) = gathered(cx, item, open, sheet, "");
    let status = act_status(&word(root.at("status"))).filter(|_| !components.is_empty())?;
    let mut organizer = entry(cx, item, Class::Organizer, ORGANIZER, &row);
    organizer.ids = vec![part_id(&cx.id(item), "panel")];
    organizer.authors = Vec::new();
    organizer.class_code = Some("CLUSTER");
    organizer.code = Some(codes::code(root.at("code"), &[LOINC_URI, SNOMED_URI], what));
    organizer.status = Some(status);
    organizer.times = bounds(values::time(root, "effective"));
    organizer.components = components;
    Some(organizer)
}

/// An observation's entries, and those of the observations that it has as members.
fn with_members<'a>(
    cx: &Context<'a>,
    item: &Item<'a>,
    open: &mut HashMap<String, Item<'a>>,
    sheet: &mut Sheet,
    panel: &str,
) -> Vec<Entry> {
    gathered(cx, item, open, sheet, panel).2
}

/// The same, with the row of the observation itself and the place of its name. Panels lie in panels; who has been told is not told again, so this ends.
fn gathered<'a>(
    cx: &Context<'a>,
    item: &Item<'a>,
    open: &mut HashMap<String, Item<'a>>,
    sheet: &mut Sheet,
    panel: &str,
) -> (Anchor, Option<Anchor>, Vec<Entry>) {
    let Told { row, what, mut parts } = tell(cx, sheet, item, panel);
    let mut waiting = take_members(item, open);
    while let Some((member, panel)) = waiting.pop() {
        parts.extend(tell(cx, sheet, &member, &panel).parts);
        waiting.extend(take_members(&member, open));
    }
    (row, what, parts)
}

/// The members of a panel that have not been told, the last one first, each with the panel's name.
fn take_members<'a>(panel: &Item<'a>, open: &mut HashMap<String, Item<'a>>) -> Vec<(Item<'a>, String)> {
    let name = concept(panel.root().at("code")).unwrap_or_default();
    let mut found: Vec<_> =
        references(panel.root().at("hasMember")).filter_map(|to| open.remove(&to)).map(|member| (member, name.clone())).collect();
    found.reverse();
    found
}

/// An organizer's time has both bounds, or is not there.
fn bounds(time: Option<Time>) -> Vec<Time> {
    time.map(|time| values::both_bounds(Some(time))).into_iter().collect()
}

/// Files of the report by name, and the words of those that are plain text within the record. The others leave as documents
/// of their own.
fn files(root: Node<'_>) -> String {
    let file = |file: Node<'_>| {
        let part = |name: &str| file.at(name).text().unwrap_or_default();
        let bytes = STANDARD.decode(part("data")).ok().filter(|_| part("contentType").starts_with("text/"));
        let words = bytes.map(|bytes| text_of(&bytes, Some(&part("contentType"))).text).unwrap_or_default();
        joined(&[joined(&[part("title"), part("contentType"), part("url")], ", "), words], "\n")
    };
    let forms = root.at("presentedForm").items().map(file);
    let media = root.at("media").items().filter_map(|m| m.at("comment").text().or_else(|| m.at("link").at("display").text()));
    let all: Vec<String> = forms.chain(media).collect();
    joined(&all, "; ")
}

fn details(cx: &Context<'_>, item: &Item<'_>) -> String {
    let root = item.root();
    let names = |label: &str, list: Node<'_>| {
        let names: Vec<String> = list.items().filter_map(|reference| who(cx, item, reference)).collect();
        if names.is_empty() { String::new() } else { format!("{label}: {}", names.join(", ")) }
    };
    let parts = [("by", "performer"), ("read by", "resultsInterpreter"), ("specimen", "specimen")];
    joined(&parts.map(|(label, name)| names(label, root.at(name))), "; ")
}
