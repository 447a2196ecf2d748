//! Additional archived records: those of kinds that no section of C-CDA is made for, each named, so that a reader knows what
//! else the archive has.
//!
//! Not for: what these records hold beyond a line of words; they leave as FHIR.

use crate::formats::fhir::node::{Node, date_of};
use crate::formats::text_of;
use crate::render::ccd::cda::Section;
use crate::render::ccd::chart::Item;
use crate::render::ccd::context::Context;

use super::routing::Place;
use super::sheet::{Sheet, Spec};
use super::words;

const SPEC: Spec = Spec {
    prefix: "additional",
    code: ("48767-8", "Annotation comment [Interpretation] Narrative"),
    title: "Additional Archived Records",
    templates: &[],
    with_entries: &[],
    needs_entries: false,
    columns: &["Date", "Kind", "What", "Record"],
};

/// Kinds of which a chart may have one for every look at it: these are counted.
const COUNTED: [&str; 2] = ["AuditEvent", "Provenance"];

/// Longest words of a record.
const WORDS_MAX: usize = 400;

/// The section; none when every record stands in another.
pub fn additional(cx: &Context<'_>) -> Vec<Section> {
    let mut sheet = Sheet::new(cx, &SPEC);
    let items = cx.placed(Place::Additional);
    for kind in COUNTED {
        let counted: Vec<&Item<'_>> = items.iter().filter(|item| item.kind == kind).collect();
        if let Some(words) = count(kind, &counted) {
            sheet.note(words);
        }
    }
    for item in items.iter().filter(|item| !COUNTED.contains(&item.kind)) {
        let root = item.root();
        sheet.begin();
        let dated = date_of(root).map(|text| words::date(&text));
        sheet.say(dated.or_else(|| words::period(root.at("period"))));
        sheet.say(Some(words::field_name(item.kind)));
        sheet.say(what(root));
        sheet.say(Some(format!("{}/{}", item.kind, item.id)));
        let listed = ["code", "type", "category", "scope", "reasonCode", "relationship"];
        sheet.end(item, listed.iter().flat_map(|name| root.at(name).items()).collect::<Vec<_>>());
    }
    if sheet.is_empty() { Vec::new() } else { vec![sheet.finish()] }
}

fn count(kind: &str, items: &[&Item<'_>]) -> Option<String> {
    let mut days: Vec<String> = items.iter().filter_map(|item| date_of(item.root())).collect();
    days.sort();
    let span = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!(", {} to {}", words::date(first), words::date(last)),
        (Some(only), _) => format!(", {}", words::date(only)),
        _ => String::new(),
    };
    let name = match kind {
        "AuditEvent" => "the old system's own log of accesses",
        _ => "notes on where records come from",
    };
    match items.len() {
        0 => None,
        1 => Some(format!("1 record of the kind {kind} ({name}{span}) is not listed.")),
        count => Some(format!("{count} records of the kind {kind} ({name}{span}) are not listed one by one.")),
    }
}

/// The words of a record: its title, what was told, else its own narrative.
fn what(root: Node<'_>) -> Option<String> {
    let told = root
        .at("payload")
        .items()
        .map(|part| part.at("contentString").text().or_else(|| part.at("contentReference").at("display").text()));
    let told = words::joined(told);
    let narrative = || {
        let read = text_of(root.at("text").at("div").text()?.as_bytes(), Some("text/html; charset=utf-8"));
        Some(read.text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let words = words::joined_by(": ", [words::title(root), told]).or_else(narrative).filter(|words| !words.is_empty())?;
    Some(match words.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{} …", &words[..end]),
        None => words,
    })
}
