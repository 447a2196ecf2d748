//! Coded entries of a section beside its narrative: which of them the narrative has no words for (spec ccda-render.md §8).
//!
//! Not for: mixing entries into the narrative; they stand in a panel of their own, and only say what they say.

use std::collections::HashSet;

use crate::formats::cda::{Document, Element};

use super::header::confidentiality;
use super::page::Coded;
use super::values::{code, interval, quantity, referenced_text, spaced};

/// Most entries of one section that are put into words.
const ENTRIES_MAX: usize = 2_000;
/// Bytes of narrative that are searched for the words of one section's entries; after that the single words decide.
const SEARCHED_MAX: usize = 64 << 20;
/// The statements that an entry may hold.
const STATEMENTS: [&str; 7] = ["act", "encounter", "observation", "organizer", "procedure", "substanceAdministration", "supply"];

pub(super) fn of<'d>(section: Element<'d>, document: &'d Document<'_>) -> Vec<Coded> {
    let mut narrative = Narrative { section, words: None, searched: 0 };
    let statements = section.children("entry").flat_map(|entry| entry.descendants());
    let statements = statements.filter(|element| STATEMENTS.contains(&element.name()));
    statements.filter_map(|statement| coded(statement, document, &mut narrative)).take(ENTRIES_MAX).collect()
}

/// How confidential entries of a section are marked, each marking once: by a code of their own, or as HL7 DS4P does.
pub(super) fn marks(section: Element<'_>) -> Vec<String> {
    const DS4P: &str = "2.16.840.1.113883.3.445.12";
    let mut marks: Vec<String> = Vec::new();
    for element in section.children("entry").flat_map(|entry| entry.descendants()) {
        let code = match element.name() {
            "confidentialityCode" => Some(element),
            "observation" if element.children("templateId").any(|id| id.attr("root") == DS4P) => element.child("value"),
            _ => None,
        };
        let words = code.and_then(|code| confidentiality(code).words());
        marks.extend(words.filter(|words| !marks.contains(words)));
    }
    marks
}

fn coded(statement: Element<'_>, document: &Document<'_>, narrative: &mut Narrative<'_>) -> Option<Coded> {
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
    let in_narrative = is_pointed || parts.iter().any(|part| narrative.has(part));
    let when = statement.children("effectiveTime").find_map(interval);
    let words = match when {
        Some(when) => format!("{}, {when}", parts.join(": ")),
        None => parts.join(": "),
    };
    Some(Coded { kind: statement.name().to_owned(), words, in_narrative })
}

/// The words of a section's narrative, to be looked up without regard to case; made when the first is looked up.
struct Narrative<'d> {
    section: Element<'d>,
    words: Option<(String, HashSet<String, ahash::RandomState>)>,
    searched: usize,
}

impl Narrative<'_> {
    fn has(&mut self, part: &str) -> bool {
        let section = self.section;
        let (text, words) = self.words.get_or_insert_with(|| {
            let text = section.children("text").map(|text| folded(&text.text())).collect::<Vec<_>>().join(" ");
            let words = text.split(' ').map(str::to_owned).collect();
            (text, words)
        });
        let part = folded(part);
        // The words in the middle stand alone in the narrative too, when all of it does: most parts end here.
        let inner = part.split(' ').skip(1);
        let count = part.split(' ').count();
        if !inner.take(count.saturating_sub(2)).all(|word| words.contains(word)) {
            return false;
        }
        if count == 1 && words.contains(&part) {
            return true;
        }
        self.searched += text.len();
        if self.searched > SEARCHED_MAX {
            return part.split(' ').all(|word| words.contains(word));
        }
        memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some()
    }
}

fn folded(text: &str) -> String {
    spaced(text).to_lowercase()
}
