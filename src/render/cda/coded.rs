//! Coded entries of a section beside its narrative: which of them the narrative has no words for (spec ccda-render.md §8).
//!
//! Not for: mixing entries into the narrative; they stand in a panel of their own, and only say what they say.

use crate::formats::cda::{Document, Element, Section};

use super::page::Coded;
use super::values::{code, interval, quantity, referenced_text, spaced};

/// Most entries of one section that are put into words.
const ENTRIES_MAX: usize = 2_000;
/// The statements that an entry may hold.
const STATEMENTS: [&str; 8] =
    ["act", "encounter", "observation", "organizer", "procedure", "substanceAdministration", "supply", "observationMedia"];

pub(super) fn of(section: &Section<'_>, document: &Document<'_>) -> Vec<Coded> {
    let narrative: String = section.text().map(|text| folded(&text.text())).unwrap_or_default();
    let mut all = Vec::new();
    for entry in section.entries() {
        for statement in statements(entry) {
            if all.len() == ENTRIES_MAX {
                return all;
            }
            all.extend(coded(statement, document, &narrative));
        }
    }
    all
}

/// The statements of an entry that say something of their own, at any depth.
fn statements<'t>(entry: Element<'t>) -> impl Iterator<Item = Element<'t>> {
    entry.descendants().filter(|element| STATEMENTS.contains(&element.name()) && element.name() != "observationMedia")
}

fn coded(statement: Element<'_>, document: &Document<'_>, narrative: &str) -> Option<Coded> {
    let mut parts: Vec<String> = Vec::new();
    let subject = statement.child("code").and_then(|element| code(document, element));
    parts.extend(subject);
    let drug = statement.path(&["consumable", "manufacturedProduct", "manufacturedMaterial", "code"]);
    parts.extend(drug.and_then(|element| code(document, element)));
    for value in statement.children("value") {
        let words = match value.xsi_type() {
            "PQ" | "IVL_PQ" | "INT" | "REAL" | "MO" | "RTO_PQ_PQ" => quantity(value),
            "TS" | "IVL_TS" => interval(value),
            "ST" | "ED" => Some(referenced_text(document, value)),
            _ => code(document, value).or_else(|| quantity(value)),
        };
        parts.extend(words);
    }
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() {
        return None;
    }
    let points = |element: Element<'_>| {
        let reference = element.descendants().find(|e| e.name() == "reference" && e.attr("value").starts_with('#'));
        reference.is_some_and(|reference| document.referenced(reference.attr("value")).is_some())
    };
    let is_pointed = ["text", "code", "value"].into_iter().any(|child| statement.children(child).any(points));
    let in_narrative = is_pointed || parts.iter().any(|part| narrative.contains(&folded(part)));
    let when = statement.children("effectiveTime").find_map(interval);
    let words = match when {
        Some(when) => format!("{}, {when}", parts.join(": ")),
        None => parts.join(": "),
    };
    Some(Coded { kind: statement.name().to_owned(), words, in_narrative })
}

fn folded(text: &str) -> String {
    spaced(text).to_lowercase()
}
